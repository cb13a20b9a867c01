"""Ranks that no tolerance decides: of matrices of integers or rational numbers.

The rank of a matrix in floating point is a matter of a threshold, and decides nothing about a
claim on rank. Over the rationals elimination is exact. A network gets there by weights that are
integers, or fractions: pre-activations, signs and gradients are then exact as well.

    rank(hidden)                                 # of one matrix
    rank(np.array([[Fraction(1, 3), 1], [1, 3]], dtype=object))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from numbers import Rational

import flint
import numpy as np
from jaxtyping import Shaped


def rank(matrix: Shaped[np.ndarray, "rows columns"]) -> int:
    """Rank over the rationals.

    Args:
        matrix: of integers of any size, or of fractions; dtype integer or object.

    Raises:
        TypeError: for floating point, whose rank would depend on rounding.
    """
    return flint.fmpz_mat([_integers(row) for row in matrix]).rank()


def _integers(row: Shaped[np.ndarray, " columns"]) -> Sequence[int]:
    """A multiple of the row that is integer."""
    numbers = row.tolist()
    if not all(isinstance(number, Rational) for number in numbers):
        raise TypeError(f"rank is of integers or fractions, not of {row.dtype}")
    common = math.lcm(*(Fraction(number).denominator for number in numbers))
    return [int(number * common) for number in numbers]
