"""Ranks against products of known rank, elimination by hand, and what floating point says."""

from fractions import Fraction

import numpy as np
import pytest

from instruments.ranks import rank


def eliminated(matrix: np.ndarray) -> int:
    """Rank by elimination with fractions."""
    rows, found = [[Fraction(number) for number in row] for row in matrix.tolist()], 0
    for column in range(matrix.shape[1]):
        pivots = [row for row in rows if row[column]]
        if pivots:
            pivot, found = pivots[0], found + 1
            rows = [
                [a - row[column] / pivot[column] * b for a, b in zip(row, pivot, strict=True)]
                for row in rows
                if row is not pivot
            ]
    return found


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (4, 7), (7, 4), (6, 6)])
def test_sparse_matrices_against_elimination(rows, columns):
    rng = np.random.default_rng(rows)
    for _ in range(40):
        matrix = rng.integers(-2, 3, (rows, columns)) * rng.integers(0, 2, (rows, columns))
        assert rank(matrix) == eliminated(matrix)
        fractions = matrix * np.array([Fraction(1, k + 2) for k in range(rows)])[:, None]
        assert rank(fractions) == eliminated(matrix)


def test_products_of_large_integers_have_the_rank_of_their_factors():
    rng = np.random.default_rng(0)
    for inner in range(6):
        left, right = (rng.integers(-(2**62), 2**62, (8, inner)).astype(object) for _ in range(2))
        assert rank(left @ right.T) == inner


def test_what_floating_point_takes_for_dependent_is_independent():
    nearly = np.array([[10**20, 10**20], [10**20, 10**20 + 1]], dtype=object)
    assert rank(nearly) == 2
    assert np.linalg.matrix_rank(nearly.astype(float)) == 1


def test_floating_point_is_refused():
    with pytest.raises(TypeError, match="integers or fractions, not of float64"):
        rank(np.eye(2))
