r"""How many cells a network cuts a window of the plane into, and how many of them sampling finds.

**Counting by crossings.** The zero sets of the units of a generic network are lines that bend
where they meet lines of the layers before. Where two of them meet, four cells meet, two lines
going on beyond; at the border of the window a line ends at two cells. With $I$ crossings inside and
$B$ ends on a border of $k$ corners there are $V=I+B+k$ vertices and $E=(4I+3B+2k)/2$ edges, so
Euler's formula $V-E+F=1$ gives $F=1+I+B/2$, at any depth. For one layer $B/2$ is the number of
lines that meet a convex window. (Where a maximum of three or more changes hands three cells meet,
and the formula fails.)

**Random lines are great circles.** Where $w\cdot x+b=0$ with $w\sim N(0,I_2)$, $b\sim N(0,s^2)$,
the vector $(w,b/s)$ has a uniformly random direction in space and is orthogonal to $(x,s)$. So the
line is what one sees of a random great circle through the window, held at height $s$. A great
circle meets a convex part of the sphere of perimeter $P$ with probability $P/2\pi$ (Crofton), and
two of them cross in it with probability $A/2\pi$, $A$ being its area: their two common points are
uniform and antipodal. Hence, for $n$ units,

$$\mathrm E F=1+n\frac P{2\pi}+\binom n2\frac A{2\pi}.$$

For the unit disc the circle of its border has $P=2\pi/\sqrt{1+s^2}$ and
$A=2\pi(1-s/\sqrt{1+s^2})$; for polygons, sides are angles and areas are solid angles.

**Tents.** $\tau(x)=2x_+-4(x-\frac12)_+$ maps each half of $[0,1]$ onto $[0,1]$; its $k$-fold
composition maps each interval $[i,i+1]/2^k$ onto $[0,1]$. Applied to both coordinates it cuts the
unit square into $4^k$ squares, each of them an image of the unit square, scaled by $2^{-k}$ and
reflected: so is any level set of an affine function of it.

**Sampling.** A point falls into cell $i$ with probability $a_i$, its share of the area; $N$ points
miss it with probability $(1-a_i)^N$.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Counts = NDArray[np.int64]

EULER_CHARACTERISTIC = 1
"""Vertices less edges plus cells of a subdivision of a disc."""
UNIT_ROUNDOFF = 2.0**-53


def cells_of_crossings(crossings: Counts, ends: Counts) -> Values:
    """Cells of a generic subdivision by bent lines.

    Args:
        crossings: number inside the window, of any shape.
        ends: number of ends of lines on its border.
    """
    return 1 + crossings + ends / 2


def cells_in_general_position(lines: int) -> int:
    """Cells of the whole plane."""
    return 1 + lines + math.comb(lines, 2)


def disc_seen(height: float) -> tuple[float, float]:
    """Perimeter and area, over 2 pi, of the unit disc seen from a height above its centre."""
    distance = math.hypot(1, height)
    return 1 / distance, 1 - height / distance


def polygon_seen(corners: Values, height: float) -> tuple[float, float]:
    r"""Perimeter and area, over 2 pi, of a convex polygon seen from a height above the origin.

    Areas of the triangles that fan out from the first corner are solid angles with
    $\tan\frac A2=\frac{u\cdot(v\times w)}{1+u\cdot v+v\cdot w+w\cdot u}$ (Van Oosterom, Strackee
    1983).

    Args:
        corners: counterclockwise, shape (corners, 2).
        height: above zero.
    """
    sight = np.column_stack([corners, np.full(len(corners), height)])
    sight = sight / np.linalg.norm(sight, axis=1, keepdims=True)
    after = np.roll(sight, -1, axis=0)
    # Arccosines of small angles would lose half of the digits.
    sides = np.arctan2(np.linalg.norm(np.cross(sight, after), axis=1), np.sum(sight * after, 1))
    u, v, w = sight[0], sight[1:-1], sight[2:]
    volume = np.cross(v, w) @ u
    angles = 2 * np.arctan2(volume, 1 + v @ u + np.sum(v * w, axis=1) + w @ u)
    return float(sides.sum()) / (2 * math.pi), float(angles.sum()) / (2 * math.pi)


def expected_cells(units: int, seen: tuple[float, float]) -> float:
    """Mean number of cells of one layer with Gaussian weights and biases.

    Args:
        units: number n.
        seen: perimeter and area of the window over 2 pi, seen from the height that is the
            biases' standard deviation over the weights'.
    """
    perimeter, area = seen
    return 1 + units * perimeter + math.comb(units, 2) * area


def tent_cells(depth: int) -> int:
    """Cells of the unit square under the tents of both coordinates, composed `depth` times."""
    return 4**depth


def tent_level_length(depth: int, slopes: Sequence[float], level: float) -> float:
    r"""Length of $\{a\tau_k(x)+b\tau_k(y)=c\}$ in the unit square, $\tau_k$ being $k$ tents.

    $4^k$ copies, scaled by $2^{-k}$, of the segment that $ax+by=c$ has in the unit square.

    Args:
        depth: number k.
        slopes: a and b, above zero.
        level: c.
    """
    a, b = slopes
    # Where x runs through [low, high] the line stays in the square.
    low, high = max(0.0, (level - b) / a), min(1.0, level / a)
    return 2**depth * max(high - low, 0.0) * math.hypot(1, a / b)


def expected_discoveries(shares: Values, samples: int) -> float:
    """Mean number of cells that uniform points find.

    Args:
        shares: of the cells in the area, shape (cells).
        samples: number of points.
    """
    # A share may be far below the rounding of 1.
    inner = shares[shares < 1]
    missed = np.exp(samples * np.log1p(-inner))
    return float(len(shares) - missed.sum())


def magnitude(weights: Sequence[Values], biases: Sequence[Values], reach: Values) -> float:
    """Largest sum of absolute values of all terms that add up to an output of a network.

    Args:
        weights: of each layer, shape (outputs, inputs).
        biases: of the same.
        reach: largest absolute value of each input.
    """
    for of_layer, bias in zip(weights, biases, strict=True):
        reach = np.abs(of_layer) @ reach + np.abs(bias)
    return float(reach.max())


def rounding_error(
    weights: Sequence[Values], biases: Sequence[Values], reach: Values, tolerance: float
) -> float:
    r"""By how much two ways to compute a network's output, of slopes up to 1, may differ.

    A dot product of $m$ terms has the error $(m+1)u$ relative to the sum of their absolute values
    (Higham 2002, section 3.1), and errors of the layers add up to first order: twice
    $\sum_l(m_l+2)u$ times `magnitude`, bias and activation included. Pre-activations that are
    moved onto their cut change by `tolerance`, relative, once in each layer; where a point lies on
    the other side of a cut by as much, its slope changes by 2 at most.

    Args:
        weights: of each layer, shape (outputs, inputs).
        biases: of the same.
        reach: largest absolute value of each input.
        tolerance: relative size of pre-activations that count as zero.
    """
    terms = sum(of_layer.shape[1] + 2 for of_layer in weights)
    moved = 3 * (len(weights) - 1) * tolerance
    return (2 * terms * UNIT_ROUNDOFF + moved) * magnitude(weights, biases, reach)
