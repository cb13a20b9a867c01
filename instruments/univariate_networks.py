r"""Infinitely wide ReLU networks of one input, trained to optimality: exact, and in batches.

A network $f(x)=\sum_ja_j(w_jx+b_j)_+$ whose neurons may be of any number is a signed measure $c$
on the circle of directions $(w,b)=s\,(\cos p,\sin p)$,

$$f(x)=\int(\cos p\,x+\sin p)_+\,dc(p),$$

because the length $s$ of a neuron only scales it. With $|a|=s$ the squared norm
$\tfrac12\sum_ja_j^2+w_j^2+b_j^2$ is the total mass $\int|dc|$, so that fitting data exactly with
the least norm is a linear program with a continuum of columns (Bach 2017, Savarese et al. 2019):

$$\min\int|dc|\ \text{ subject to } f(x_i)=y_i
  \qquad=\qquad \max_u\ u\cdot y\ \text{ subject to } |g(p)|\le1,\quad
  g(p)=\sum_iu_i(\cos p\,x_i+\sin p)_+ .$$

**Exact pricing.** A neuron faces right ($\cos p>0$, active to the right of its knot $-\tan p$) or
left. The $2n$ directions whose knot is an input cut the circle into $2n$ arcs. On an arc the active
inputs are fixed, so $g$ is a sinusoid $v\cdot(\cos p,\sin p)$ with its peak $|v|$ in a known place,
and $\max_p|g|$ is the largest of $2n$ ends and at most as many peaks: no grid, no tolerance.

**Revised simplex.** `least_norm_interpolants` starts from the interpolant with its knots at the
inputs and exchanges one neuron a step for the one that violates $|g|\le1$ most. A knot away from
the inputs is approached by a pair of neurons that close in on it from both sides; when the
violation is below `tolerance`, they are less than $\sqrt{8\cdot\mathtt{tolerance}}$ apart and are
merged. The norm is then exact to `tolerance` and directions to its root. Every step is a handful of
small solves for the whole batch of data sets at once.

    network = least_norm_interpolants(inputs, targets).network   # (sets, n) each
    curve = outputs(network, points)
    counts = count_knots(network, inputs, radius=1e-4)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


class Network(NamedTuple):
    r"""Directions $p$ and signed masses $c$ of neurons; a neuron of mass zero is none.

    The leading axes, if there are any, count networks.
    """

    angles: Float[np.ndarray, "*sets neurons"]
    masses: Float[np.ndarray, "*sets neurons"]


class Interpolants(NamedTuple):
    """Networks of least norm, and what certifies them."""

    network: Network
    dual: Float[np.ndarray, "sets n"]
    r"""$u$ with $u\cdot y$ equal to the norm."""
    violation: Float[np.ndarray, " sets"]
    r"""$\max_p|g(p)|-1$: the norm exceeds the least one by this fraction at most."""
    resolution: Float[np.ndarray, " sets"]
    """Directions nearer than this are merged; those that are left are as exact as this."""


class KnotCounts(NamedTuple):
    """Numbers of knots between neighbouring inputs."""

    inside: Int[np.ndarray, "sets intervals"]
    """Knots in the open interval."""
    closed: Int[np.ndarray, "sets intervals"]
    """Knots in the closed interval: those at its ends count too, in both neighbours."""
    at_inputs: Bool[np.ndarray, "sets n"]
    """Whether there is a knot at an input."""


def features(
    angles: Float[np.ndarray, "*#sets neurons"], points: Float[np.ndarray, "*#sets points"]
) -> Float[np.ndarray, "*sets points neurons"]:
    r"""Outputs $(\cos p\,x+\sin p)_+$ of unit neurons at points."""
    angles, points = angles[..., None, :], points[..., :, None]
    return np.maximum(np.cos(angles) * points + np.sin(angles), 0)


def outputs(
    network: Network, points: Float[np.ndarray, "*#sets points"]
) -> Float[np.ndarray, "*sets points"]:
    """Outputs of networks at points."""
    return np.einsum("...pn,...n->...p", features(network.angles, points), network.masses)


def knots(angles: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    r"""Where neurons bend, as angles $\arctan x\in(-\tfrac\pi2,\tfrac\pi2]$."""
    return np.pi / 2 - np.mod(angles + np.pi / 2, np.pi)


def steepest_direction(
    dual: Float[np.ndarray, "sets n"], inputs: Float[np.ndarray, "sets n"]
) -> tuple[Float[np.ndarray, " sets"], Float[np.ndarray, " sets"]]:
    r"""Where $|g|$ is largest over all directions, exactly, and $g$ there.

    Args:
        dual: $u$.
        inputs: increasing along each row.
    """
    ends, peaks, heights = _sinusoids(dual, inputs)
    end_heights = np.einsum("si,sie->se", dual, features(ends, inputs))
    angles = np.concatenate([ends, peaks], axis=1)
    values = np.concatenate([end_heights, heights], axis=1)
    best = np.argmax(np.abs(values), axis=1)
    rows = np.arange(len(best))
    return angles[rows, best], values[rows, best]


def least_norm_interpolants(
    inputs: Float[np.ndarray, "sets n"],
    targets: Float[np.ndarray, "sets n"],
    *,
    tolerance: float = 1e-11,
    limit: int = 5000,
) -> Interpolants:
    r"""Fit data sets exactly by the networks of least norm.

    Args:
        inputs: increasing along each row.
        targets: not all zero in any row.
        tolerance: largest violation of $|g|\le1$. Where inputs are so close that rounding allows
            no such precision, $4\epsilon$ over the smallest difference of their angles replaces it.
        limit: largest number of exchanges.

    Returns:
        As many neurons as inputs, of which some may have mass zero, in increasing order of angles
        in $[-\tfrac\pi2,\tfrac{3\pi}2)$.

    Raises:
        ValueError: inputs that do not increase or a row of zero targets.
        ArithmeticError: the limit was reached.
    """
    spacing = np.diff(np.arctan(inputs), axis=1).min(axis=1, initial=np.inf)
    if np.any(spacing <= 0) or not np.all(np.any(targets != 0, axis=1)):
        raise ValueError("inputs must increase along a row and targets must not be all zero")
    tolerances = np.maximum(tolerance, 4 * np.finfo(float).eps / spacing)
    sets, count = inputs.shape
    # The constant and a right-facing knot at every input but the last: a triangular system.
    angles = np.concatenate([np.full((sets, 1), np.pi / 2), -np.arctan(inputs[:, :-1])], axis=1)
    masses = np.linalg.solve(features(angles, inputs), targets[..., None])[..., 0]
    signs = np.where(masses >= 0, 1.0, -1.0)
    dual, violation = np.zeros((sets, count)), np.zeros(sets)
    running = np.arange(sets)
    for _ in range(limit):
        x = inputs[running]
        basis = features(angles[running], x) * signs[running, None, :]
        ones = np.ones((len(running), count, 1))
        dual[running] = np.linalg.solve(basis.transpose(0, 2, 1), ones)[..., 0]
        entering, height = steepest_direction(dual[running], x)
        violation[running] = np.abs(height) - 1
        better = violation[running] > tolerances[running]
        running = running[better]
        if not running.size:
            break
        basis, entering, sign = basis[better], entering[better], np.sign(height[better])
        column = features(entering[:, None], x[better]) * sign[:, None, None]
        sides = np.concatenate([targets[running, :, None], column], axis=2)
        mass, change = np.moveaxis(np.linalg.solve(basis, sides), 2, 0)
        # The neuron that reaches mass zero first makes room.
        falling = change > 1e-11 * np.abs(change).max(axis=1, keepdims=True)
        room = np.where(falling, np.maximum(mass, 0) / np.where(falling, change, 1), np.inf)
        leaving = np.argmin(room, axis=1)
        angles[running, leaving], signs[running, leaving] = entering, sign
    else:
        raise ArithmeticError(f"{running.size} data sets are not solved after {limit} exchanges")
    masses = np.linalg.solve(features(angles, inputs), targets[..., None])[..., 0]
    resolution = 2 * np.sqrt(8 * tolerances)
    network = _merged(Network(angles, masses), resolution)
    return Interpolants(network, dual, violation, resolution)


def count_knots(
    network: Network,
    inputs: Float[np.ndarray, "sets n"],
    *,
    radius: float | Float[np.ndarray, " sets"],
    smallest: float = 1e-9,
) -> KnotCounts:
    r"""Count the different knots between neighbouring inputs.

    Args:
        network: as many networks as data sets.
        inputs: increasing along each row.
        radius: places $\arctan x$ nearer than this are one place.
        smallest: a neuron with less than this fraction of the largest mass is none.
    """
    places, at = knots(network.angles), np.arctan(inputs)
    size = np.abs(network.masses)
    there = size > smallest * size.max(axis=1, keepdims=True)
    near = np.broadcast_to(np.asarray(radius, float), len(inputs))[:, None, None]
    hits = (np.abs(places[:, :, None] - at[:, None, :]) < near) & there[:, :, None]
    at_inputs = hits.any(axis=1)
    free = there & ~hits.any(axis=2)
    # Of knots in one place, which face both ways, only the first counts.
    same = np.abs(places[:, :, None] - places[:, None, :]) < near
    earlier = np.tri(places.shape[1], k=-1, dtype=bool)
    free &= ~np.any(same & earlier & free[:, None, :], axis=2)
    right_of = places[:, :, None] > at[:, None, :]
    between = right_of[:, :, :-1] & ~right_of[:, :, 1:] & free[:, :, None]
    inside = between.sum(axis=1)
    ends = at_inputs.astype(int)
    return KnotCounts(inside, inside + ends[:, :-1] + ends[:, 1:], at_inputs)


def _sinusoids(dual: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of the arcs, and the peak of each arc but the last, with $g$ there; zero if outside."""
    at_inputs = np.arctan(inputs)[:, ::-1]
    ends = np.concatenate([-at_inputs, np.pi - at_inputs], axis=1)
    # Counter-clockwise from the last input's right-facing knot the active inputs are: the last, the
    # last two, ..., all, all but the last, ..., the first alone. On the last arc none is active.
    vectors = np.stack([dual * inputs, dual], axis=2)
    gathering = np.cumsum(vectors[:, ::-1], axis=1)
    leaving = np.cumsum(vectors, axis=1)[:, -2::-1]
    first, second = np.moveaxis(np.concatenate([gathering, leaving], axis=1), 2, 0)
    starts = ends[:, :-1]
    # Arcs are shorter than a half turn, so that the peak of |g| lies in each once at most.
    peaks = starts + np.mod(np.arctan2(second, first) - starts, np.pi)
    heights = np.where(peaks < ends[:, 1:], first * np.cos(peaks) + second * np.sin(peaks), 0)
    return ends, peaks, heights


def _merged(network: Network, radius: np.ndarray) -> Network:
    """Neighbours of one sign within a radius become one neuron, at their centre of mass."""
    angles = np.mod(network.angles + np.pi / 2, 2 * np.pi) - np.pi / 2
    order = np.argsort(angles, axis=1)
    angles = np.take_along_axis(angles, order, axis=1)
    masses = np.take_along_axis(network.masses, order, axis=1)
    for last in range(1, angles.shape[1]):
        first = last - 1
        total = masses[:, first] + masses[:, last]
        close = angles[:, last] - angles[:, first] < radius
        merge = close & (masses[:, first] * masses[:, last] >= 0) & (total != 0)
        share = masses[:, last] / np.where(merge, total, 1)
        step = share * (angles[:, last] - angles[:, first])
        # The sum moves on to the later one, where it meets its next neighbour.
        angles[:, last] = np.where(merge, angles[:, first] + step, angles[:, last])
        masses[:, last] = np.where(merge, total, masses[:, last])
        masses[:, first] = np.where(merge, 0, masses[:, first])
    return Network(angles, masses)
