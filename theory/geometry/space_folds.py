r"""How often a path comes back: closed forms for folding networks.

Notation: $\pi_i$ are the successive activation patterns on a segment, $d_H$ counts the units in
which two of them differ, $r_1=\max_id_H(\pi_1,\pi_i)$ is the reach,
$r_2=\sum_id_H(\pi_i,\pi_{i+1})$ the length, and $\chi=1-r_1/r_2$.

**One layer.** A segment crosses a hyperplane once at most. So a unit changes at most once,
distances from the start never shrink, and $r_1=r_2$ is the number of hyperplanes between the ends.

**CantorNet** has $k$ equal blocks: first the units $(3x-2)_+$, $(1-3x)_+$ and $y_+$, then the sum
of the first two, through a ReLU again, and $y$; a unit $(y-x/2-1/2)_+$ is on top. Each block folds
the unit interval over itself: outer thirds onto the whole, the middle one to zero. On the path
$x:0\to1$ at $y=3/4$:

- Block $j$ sees $2^{j-1}$ intervals on which its input runs through $[0,1]$. On each, $(1-3x)_+$
  goes off at one third together with the sum, and $(3x-2)_+$ comes on at two thirds together with
  the sum: four changes, $4(2^k-1)$ over all blocks.
- The top unit changes once in each of the $2^k$ pieces on which its input still moves.

So $r_2=5\cdot2^k-4$. In a block at most two units differ from the start, where $(1-3x)_+$ and the
sum are on: both off, or one replaced by $(3x-2)_+$. With the top unit that is $r_1=2k+1$, and the
last piece attains it.

**Direction.** $r_2$ does not depend on the direction of the path, $r_1$ does. With
$D=\max_{ij}d_H(\pi_i,\pi_j)$, $r_1\le D\le2r_1$ by the triangle inequality, for both directions;
so $r_1$ and its reverse differ by a factor of two at most. The factor is approached by a path that
starts in the middle: let the first layer make $g(t)$ rise to 1, then fall to $-1$, and let the
second have $q$ units that switch at levels above zero and $q$ below. Forwards the farthest pattern
is $q+1$ units away (one side's units and the unit of the turn), backwards $2q+1$.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]


def hyperplanes_between(start: ArrayLike, end: ArrayLike) -> Counts:
    """Number of units in which two patterns differ: reach and length of a path without folds.

    Args:
        start: patterns at the start, shape (..., units).
        end: patterns at the end.
    """
    return np.asarray(np.sum(np.asarray(start) != np.asarray(end), axis=-1))


def cantor_reach(blocks: ArrayLike) -> Counts:
    """$r_1=2k+1$ on CantorNet."""
    return np.asarray(2 * np.asarray(blocks) + 1)


def cantor_length(blocks: ArrayLike) -> Counts:
    r"""$r_2=5\cdot2^k-4$ on CantorNet."""
    return np.asarray(5 * 2 ** np.asarray(blocks) - 4)


def cantor_measure(blocks: ArrayLike) -> NDArray[np.float64]:
    r"""$\chi=1-(2k+1)/(5\cdot2^k-4)$ on CantorNet: one, but for $O(k2^{-k})$."""
    return np.asarray(1 - cantor_reach(blocks) / cantor_length(blocks))


def turned_reach(units: ArrayLike, *, backwards: bool) -> Counts:
    """Reach from the middle of a turn, $q+1$ forwards and $2q+1$ backwards."""
    return np.asarray((2 if backwards else 1) * np.asarray(units) + 1)


DIRECTION_FACTOR = 2.0
"""No path reaches further than its reverse by more than this factor."""
