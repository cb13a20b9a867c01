r"""How often random hyperplanes give two inputs one code, and how many codes there can be.

A layer of $N$ units gives the input $x$ the code $c(x)\in\{0,1\}^N$ of units with $w_kx+b_k>0$.
Inputs $x_1,\dots,x_m$ are given, $\theta_{ij}$ are the angles between them.

**One pair.** If $w$ is isotropic and there is no bias, the plane spanned by $x_i$ and $x_j$ is cut
in a line of uniform direction, which separates them with probability $\theta_{ij}/\pi$ (the hashing
of Charikar, 2002). Units are independent, so
$P(c(x_i)=c(x_j))=(1-\theta_{ij}/\pi)^N$, and the expected number of pairs with equal codes is

$$S(N)=\sum_{i<j}(1-\theta_{ij}/\pi)^N .$$

By Markov's inequality any two codes are equal with probability at most $S(N)$; and $m$ inputs have
at least $m-S(N)$ codes on average.

**On a plane through the origin** that is cut into sectors by $N$ lines. Walk around the origin from
input to input, past gaps $g_1,\dots,g_m$. The code changes in a gap unless all lines miss it, with
probability $1-(1-g_i/\pi)^N$; different sectors have different codes. So if no gap reaches $\pi$,

$$E[\text{codes}]=\sum_i\bigl(1-(1-g_i/\pi)^N\bigr)\le2N .$$

If one does, all inputs lie on one side of a line, the walk there and back has two ends, and the sum
is over the other gaps, plus one.

**How many codes** any weights can give: at most $m$, and at most the number of cells of $N$
hyperplanes in the affine hull of the inputs, of dimension $d$: $\sum_{i\le d}\binom Ni\le2^N$, and
$2\sum_{i<d}\binom{N-1}i$ if all hyperplanes meet in one point of it (Schläfli). The redundancy
$1-\text{codes}/m$ is at least what that leaves.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray


def angles_between(inputs: Float[np.ndarray, "m inputs"]) -> Float[np.ndarray, " pairs"]:
    r"""Angles of all pairs $i<j$ in radians; errors up to $10^{-8}$ where inputs are parallel."""
    directions = inputs / np.linalg.norm(inputs, axis=1, keepdims=True)
    first, second = np.triu_indices(len(inputs), 1)
    return np.arccos(np.clip((directions @ directions.T)[first, second], -1, 1))


def colliding_pairs(
    angles: Float[np.ndarray, " pairs"], units: NDArray[np.int64]
) -> Float[np.ndarray, " widths"]:
    """$S(N)$, the expected number of pairs with equal codes, for several $N$."""
    shared = np.log1p(-angles / np.pi)
    return np.array([np.exp(width * shared).sum() for width in units.tolist()])


def colliding_pairs_of_independent_codes(
    angles: Float[np.ndarray, " pairs"], units: NDArray[np.int64]
) -> Float[np.ndarray, " widths"]:
    r"""$\binom m2 2^{-N}$: what it would be if all pairs were at right angles."""
    return colliding_pairs(np.full_like(angles, np.pi / 2), units)


def least_width(angles: Float[np.ndarray, " pairs"], pairs: float) -> int:
    """The smallest number of units with $S(N)$ at most `pairs`; inputs must not be parallel."""
    if not np.min(angles) > 0:
        raise ValueError("parallel inputs have equal codes at every width")
    # S falls: double the width until it is enough, then halve the bracket.
    enough = 1
    while colliding_pairs(angles, np.array([enough]))[0] > pairs:
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if colliding_pairs(angles, np.array([middle]))[0] > pairs:
            too_few = middle
        else:
            enough = middle
    return enough


def codes_on_a_plane(
    inputs: Float[np.ndarray, "m 2"], units: NDArray[np.int64]
) -> Float[np.ndarray, " widths"]:
    """Expected number of different codes of inputs in the plane, none of them zero."""
    places = np.sort(np.arctan2(inputs[:, 1], inputs[:, 0]))
    gaps = np.diff(places, append=places[0] + 2 * np.pi)
    ends = 0
    if gaps.max() >= np.pi:
        gaps, ends = np.delete(gaps, gaps.argmax()), 1
    return np.array([ends + np.sum(1 - (1 - gaps / np.pi) ** width) for width in units.tolist()])


def sectors(
    inputs: Float[np.ndarray, "m 2"], units: NDArray[np.int64]
) -> Float[np.ndarray, " widths"]:
    """$2N$, what lines through the origin make of the plane, whether inputs are there or not."""
    return 2.0 * units


def most_codes(inputs: int, units: int, dimension: int) -> int:
    """What inputs in an affine space of this dimension can have at most, for any weights.

    Args:
        inputs: their number.
        units: of the layer.
        dimension: of the affine space.
    """
    return min(inputs, sum(math.comb(units, number) for number in range(dimension + 1)))


def most_codes_without_biases(inputs: int, units: int, dimension: int) -> int:
    """The same without biases, `dimension` that of a linear space: all hyperplanes meet."""
    cells = 2 * sum(math.comb(units - 1, number) for number in range(dimension))
    return min(inputs, cells)
