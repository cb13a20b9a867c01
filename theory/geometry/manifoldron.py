r"""Triangulations without their long edges: how many edges go, and which network remains.

The Manifoldron triangulates the points of a class (Delaunay), keeps a simplex if each of its edges
joins two points one of which is among the $k$ nearest neighbours of the other, and takes what is
left for the manifold of the class.

**How many edges go.** Let the points be a planar Poisson process of intensity one, which is what
many uniform points look like inside their domain; neighbours are ranks, so intensity does not
matter. There are three Delaunay edges for each point. The circumcircle of a typical triangle has a
radius $R$ with $\pi R^2\sim\Gamma(2)$, and the triangle has angles of density
$\frac8{3\pi}\sin\alpha\sin\beta\sin\gamma$ (Miles 1970). The circle is empty, and outside of it
the process is as it was. The edge that $\alpha$ faces has the length $2R\sin\alpha$. It is dropped
if both discs of this radius about its ends hold $k$ points or more: what falls into their common
part outside of the circle, area $bR^2$, counts for both; what falls into the rest of each, area
$(a-b)R^2$, for one; and the third corner counts for the end that it is closer to than the other
end is. With $m\sim\mathrm{Poisson}(bR^2)$ and independent $X_i\sim\mathrm{Poisson}((a-b)R^2)$,

$$p_k=E\,P(X_1\ge k-m-t_1|m)\,P(X_2\ge k-m-t_2|m),$$

an integral over $R$ and $\alpha$. It falls about exponentially with $k$, and *does not depend on
$n$*: of $n$ points, $3np_k$ edges are dropped, and each of them leaves a hole or joins one. So
topology asks for $k$ of order $\log n$, and with any fixed $k$ it is lost when $n$ grows.

**Euler's number.** Vertices less edges plus triangles: one for a disc, zero for an annulus, one for
the convex hull that the whole triangulation fills; each hole takes one away.

**Networks.** The barycentric coordinates $\lambda_i$ of a simplex are affine. With
$r=\sum_i(-\lambda_i)_+$, the unit $(1-Br)_+$ is one exactly on the simplex. It is above zero where
$r<1/B$. In the plane, with $\delta=1/B$, that is a hexagon: the triangle of all
$\lambda_i>-\delta$, larger by $(1+3\delta)^2$, less three corners where a $\lambda_i$ exceeds
$1+\delta$, of $\delta^2$ each; in units of the triangle's area, $1+6\delta+6\delta^2$. A complex of
$S$ simplices in $D$ dimensions takes $(D+1)S$ units, $S$ more, and their maximum.
"""

from __future__ import annotations

import math
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Values = NDArray[np.float64]

EULER_NUMBERS = MappingProxyType({"disc": 1, "annulus": 0})
"""Of what points are drawn from."""
EDGES_FOR_EACH_POINT = 3
"""Of a triangulation of many points."""


def area_above_zero(sharpness: ArrayLike) -> Values:
    r"""$1+6/B+6/B^2$: the area where a triangle's unit is above zero, over the triangle's own."""
    band = 1 / np.asarray(sharpness, float)
    return np.asarray(1 + 6 * band + 6 * band**2)


def area_of_strips(sharpness: ArrayLike) -> Values:
    """The rival $1+6/B$, with strips along the edges that do not widen."""
    return np.asarray(1 + 6 / np.asarray(sharpness, float))


@cache
def share_of_dropped_edges(neighbours: int) -> float:
    """$p_k$: the probability that a Delaunay edge of a planar Poisson process is dropped."""
    alpha, alpha_weights = angles()
    # Area of the circle: its density is u exp(-u).
    circle, circle_weights = special.roots_genlaguerre(50, 1)
    around_one, around_both = areas_outside_circle(alpha)
    mean_shared = np.outer(around_both, circle) / np.pi
    mean_rest = np.outer(around_one - around_both, circle) / np.pi

    shared = np.arange(neighbours)[:, None, None]
    chance = np.exp(
        special.xlogy(shared, mean_shared) - mean_shared - special.gammaln(shared + 1.0)
    )
    rest = [
        at_least(np.arange(neighbours, 0, -1)[:, None, None] - third, mean_rest) for third in (0, 1)
    ]
    both_full = at_least(np.array(neighbours), mean_shared)
    dropped = np.zeros_like(mean_shared)
    for third, density in enumerate(density_by_third_corner(alpha)):
        # In none of the discs, in one, in both.
        discs = rest[third > 0] * rest[third > 1]
        dropped += density[:, None] * (np.sum(chance * discs, axis=0) + both_full)
    return float(alpha_weights @ dropped @ circle_weights)


def angles() -> tuple[Values, Values]:
    r"""Nodes and weights for integrals over an angle; those here have kinks at $\pi/3$, $\pi/2$."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    low, high = np.pi * np.array([[0, 1 / 3, 1 / 2], [1 / 3, 1 / 2, 1]])[:, :, None]
    return ((low + high) / 2 + nodes * (high - low) / 2).ravel(), (
        weights * (high - low) / 2
    ).ravel()


def at_least(number: NDArray[np.int64], mean: Values) -> Values:
    """Chance that a Poisson variable reaches a number."""
    return np.where(number > 0, special.gammainc(np.maximum(number, 1), mean), 1.0)


def neighbours_needed(points: int, expected: float) -> int:
    r"""The smallest $k$ with $3np_k$ at most as large as the number of edges that may be dropped.

    By bisection; 128 neighbours would be enough for more points than there are.
    """
    too_few, enough = 0, 128
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        dropped = EDGES_FOR_EACH_POINT * points * share_of_dropped_edges(middle)
        too_few, enough = (too_few, middle) if dropped <= expected else (middle, enough)
    return enough


def areas_outside_circle(alpha: Values) -> tuple[Values, Values]:
    r"""Areas outside of a unit circle with a chord that an inscribed angle faces.

    Args:
        alpha: the angle.

    Returns:
        Of the disc about an end of the chord with the other end on its rim, and of the common part
        of both such discs.
    """
    chord, centre = 2 * np.sin(alpha), np.cos(alpha)
    arc = np.minimum(2 * alpha, 2 * np.pi - 2 * alpha)
    lens = chord**2 * np.arccos(chord / 2) + arc - chord * np.sqrt(4 - chord**2) / 2
    nodes, weights = np.polynomial.legendre.leggauss(200)
    # Across the chord's middle, where both discs are equally high.
    x = np.outer(chord, (nodes + 1) / 4)
    height = np.sqrt(np.maximum(chord[:, None] ** 2 - (x + chord[:, None] / 2) ** 2, 0))
    circle = np.sqrt(np.maximum(1 - x**2, 0))
    top = np.minimum(height, centre[:, None] + circle)
    bottom = np.maximum(-height, centre[:, None] - circle)
    inside = chord / 2 * (np.maximum(top - bottom, 0) @ weights)
    both = chord**2 * (2 * np.pi / 3 - math.sqrt(3) / 2)
    return np.pi * chord**2 - lens, both - inside


def density_by_third_corner(alpha: Values) -> tuple[Values, Values, Values]:
    r"""Density of an angle of a typical triangle, by the number of discs that its corner is in.

    The corner is in the disc about one end of its edge if the angle at the other end has a smaller
    sine than its own.
    """
    rest = np.pi - alpha

    def up_to(beta: Values) -> Values:
        """Integral of the joint density over the next angle, from zero."""
        wave = (np.sin(2 * beta - rest) + np.sin(rest)) / 2
        return np.asarray(4 / (3 * np.pi) * np.sin(alpha) * (wave - beta * np.cos(rest)))

    whole, one_end = up_to(rest), up_to(np.minimum(alpha, rest))
    none = np.where(alpha < np.pi / 3, up_to(rest - alpha) - up_to(alpha), 0.0)
    both = 2 * one_end - whole + none
    return none, whole - none - both, both
