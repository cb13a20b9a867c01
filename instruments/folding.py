r"""How a network folds a path: activation patterns along it, and how far they come back.

Walk along a segment and count in how many units the pattern differs from the one at the start. If
that Hamming distance ever shrinks, the network has folded the segment. With successive patterns
$\pi_1,\dots,\pi_n$ the *reach* is $r_1=\max_id_H(\pi_1,\pi_i)$, the *length*
$r_2=\sum_id_H(\pi_i,\pi_{i+1})$, and the folding measure

$$\chi=1-\frac{r_1}{r_2}\in[0,1),\qquad\chi=0\text{ if nothing changes.}$$

    fold(segments.pieces(network, start, end).patterns)      # exact
    fold(bisect(pattern_at, depth).patterns)                 # by evaluations only

Source: Lewandowski et al., On Space Folds of ReLU Neural Networks, 2025, arXiv:2502.09954.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Fold(NamedTuple):
    """What a path of patterns does."""

    reach: int
    """Largest distance from the first pattern."""
    length: int
    """Sum of the distances between neighbours."""

    @property
    def measure(self) -> float:
        r"""$\chi$."""
        return 1 - self.reach / self.length if self.length else 0.0


class Bisection(NamedTuple):
    """Patterns that were found, in order, and what that cost."""

    patterns: Int[np.ndarray, "points units"]
    evaluations: int


def fold(patterns: Int[np.ndarray, "points units"]) -> Fold:
    """Reach and length of a path of patterns."""
    reach = np.max(np.sum(patterns != patterns[0], axis=1))
    length = np.sum(patterns[1:] != patterns[:-1])
    return Fold(int(reach), int(length))


def bisect(
    pattern_at: Callable[[Float[np.ndarray, " points"]], Int[np.ndarray, "points units"]],
    depth: int,
) -> Bisection:
    """Patterns on [0, 1] by halving intervals until their ends agree.

    The inputs that share the patterns of all layers are convex, so nothing happens between two
    points that agree, and what is left unseen lies in intervals of length 2**-depth.

    Args:
        pattern_at: patterns at places between 0 and 1.
        depth: how often an interval is halved at most.
    """
    places = np.array([0.0, 1.0])
    patterns = pattern_at(places)
    for _ in range(depth):
        differ = np.flatnonzero(np.any(patterns[1:] != patterns[:-1], axis=1))
        middles = (places[differ] + places[differ + 1]) / 2
        places = np.insert(places, differ + 1, middles)
        patterns = np.insert(patterns, differ + 1, pattern_at(middles), axis=0)
    return Bisection(patterns, len(places))
