r"""What a symmetry is worth in folding, and what folds without one.

Notation: $\pi_i$ are the successive activation patterns on a segment, $d_H$ counts the units in
which two of them differ, $r_1=\max_id_H(\pi_1,\pi_i)$ is the reach,
$r_2=\sum_id_H(\pi_i,\pi_{i+1})$ the length, and $\chi=1-r_1/r_2$.

**Mirrors.** Let $k$ layers of two units, $(y_j)_+$ and $(-y_j)_+$, compute $y_{j+1}=1-2|y_j|$ from
$y_0=x$, and let $q$ units $(|y_{k-1}|-t_i)_+$ with $0<t_i<1$ look at the last of the magnitudes.
Each map is a tent, so that $y_j$ runs from one end of $[-1,1]$ to the other on each of $2^j$
pieces of $[-1,1]$. On the way from $x=1$ to its mirror image $x=-1$:

- $y_j$ has $2^j$ zeros, and at each the two units of its layer swap: $2(2^k-1)$ changes.
- $|y_{k-1}|$ falls from 1 to 0 and rises again $2^{k-1}$ times, past all thresholds: $2^kq$
  changes.
- Itineraries of the tent map are free: at some place all $y_j$ have the signs that they do not have
  at the start, and $y_{k-1}$ is as near to zero as one likes. There all units differ: $r_1=q+2k$.

So $\chi=1-(q+2k)/(2^kq+2^{k+1}-2)$. One mirror gives $q/(2q+2)$, which is below $1/2$; $k$ of them
give less than $1-2^{-k}$. Without mirrors, $y_{j+1}=y_j$, each unit changes once, and $\chi=0$.

**Activations of several pieces.** Let the state of a unit be the number of cuts that its
pre-activation exceeds, and let $d_H$ count units whose states differ. In one layer pre-activations
are monotone along a segment. A unit whose state differs by $\Delta$ at the ends passes $|\Delta|$
cuts, one after the other; so $r_1=\#\{\Delta\ne0\}$ and $r_2=\sum|\Delta|$. With one cut per unit
that is $\chi=0$. With more, a single layer has $\chi>0$ as soon as one unit passes two, up to
$1-1/c$ for $c$ cuts, and nothing has been folded. If $d_H$ counts cuts instead of units, $r_1=r_2$.

**Bisection.** Inputs that share a full pattern are convex. So an interval of a segment whose ends
agree holds nothing, and halving the others $D$ times sees what a grid of $2^D+1$ points sees. That
is all if each piece is longer than the grid's spacing. With $p$ pieces there are $p-1$ breaks, and
at most as many intervals to be halved in each round: $2+D(p-1)$ evaluations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]


class Folds(NamedTuple):
    """Reach and length of paths."""

    reach: Counts
    length: Counts


def mirrored(mirrors: ArrayLike, units: ArrayLike) -> Folds:
    r"""$r_1=q+2k$ and $r_2=2^kq+2^{k+1}-2$ from an input to its mirror image.

    Args:
        mirrors: k, at least 1.
        units: q that see the last of them; shapes broadcast.
    """
    k, q = np.asarray(mirrors), np.asarray(units)
    return Folds(np.asarray(q + 2 * k), np.asarray(2**k * q + 2 ** (k + 1) - 2))


def mirrored_measure(mirrors: ArrayLike, units: ArrayLike) -> NDArray[np.float64]:
    r"""$\chi$ of the same."""
    reach, length = mirrored(mirrors, units)
    return np.asarray(1 - reach / length)


def one_layer(start: ArrayLike, end: ArrayLike) -> Folds:
    """Units that change, and cuts that they pass, on a segment through one layer.

    Args:
        start: states of units at one end, shape (..., units).
        end: the same at the other.
    """
    passed = np.abs(np.asarray(end) - np.asarray(start))
    return Folds(np.asarray(np.sum(passed > 0, axis=-1)), np.asarray(np.sum(passed, axis=-1)))


def one_layer_ordinal(start: ArrayLike, end: ArrayLike) -> Folds:
    """The same with a distance that counts cuts: nothing folds."""
    length = one_layer(start, end).length
    return Folds(length, length)


def halvings(shortest: ArrayLike) -> Counts:
    """Least D such that every piece is longer than 2^-D.

    Args:
        shortest: length of the shortest piece, as a share of the segment.
    """
    return np.asarray(np.floor(-np.log2(shortest)) + 1, np.int64)


def most_evaluations(depth: ArrayLike, pieces: ArrayLike) -> Counts:
    """$2+D(p-1)$ at most, where a grid of the same spacing needs $2^D+1$.

    Args:
        depth: D.
        pieces: p on the segment; shapes broadcast.
    """
    return np.asarray(2 + np.asarray(depth) * (np.asarray(pieces) - 1))
