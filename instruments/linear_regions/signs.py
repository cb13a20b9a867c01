"""On which side of a boundary values lie, and what counts as on it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from instruments.linear_regions.networks import Boundary, Numbers, States, rational

Mask = NDArray[np.bool_]

TOLERANCE = 1e-12
"""A value this close to its cut, relative to the largest excess of that unit, is on it."""


def is_exact(values: Numbers) -> bool:
    """Whether values are rational numbers, which are not rounded."""
    return values.dtype == object


def divisible(values: Numbers) -> Numbers:
    """Integers in arrays of objects as fractions, whose quotients are no floats."""
    return rational(values) if is_exact(values) else values


def settle(boundaries: Sequence[Boundary], before: Numbers) -> tuple[Numbers, States]:
    """Excess over boundaries and its sign; values within the tolerance are moved onto the cut.

    Args:
        boundaries: of one activation.
        before: pre-activations at points, shape (points, width); changed where rounding is mended.

    Returns:
        Excess and its sign -1, 0 or 1, shape (points, boundaries).
    """
    first, second, cut = zip(*boundaries, strict=True)
    lower = np.array(cut, before.dtype) if second[0] is None else before[:, second]
    excess = before[:, first] - lower
    if not is_exact(before):
        sizes = np.abs(excess)
        near = (sizes <= TOLERANCE * np.max(sizes, axis=0)) & (sizes > 0)
        excess[near] = 0
        for number in np.flatnonzero(near.any(axis=0)).tolist():
            put(boundaries[number], before, near[:, number])
    return excess, np.asarray(excess > 0, np.int64) - np.asarray(excess < 0, np.int64)


def put(boundary: Boundary, before: Numbers, where: States | Mask | slice) -> None:
    """Move the pre-activations of points exactly onto a boundary."""
    cut = Fraction(boundary.cut) if is_exact(before) else boundary.cut
    before[where, boundary.first] = (
        cut if boundary.second is None else before[where, boundary.second]
    )
