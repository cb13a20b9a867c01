"""CantorNet by exact enumeration, and turns by writing down their patterns."""

from fractions import Fraction

import numpy as np
import pytest

from instruments.folding import fold
from theory.geometry import space_folds as theory


def cantor_pattern(x: Fraction, y: Fraction, blocks: int) -> list[bool]:
    """States of all units, by the definition."""
    pattern = []
    for _ in range(blocks):
        first, second, third = 3 * x - 2, 1 - 3 * x, y
        pattern += [first > 0, second > 0, third > 0]
        x, y = max(first, 0) + max(second, 0), max(third, 0)
        pattern += [x > 0, y > 0]
    return [*pattern, y - x / 2 - Fraction(1, 2) > 0]


@pytest.mark.parametrize("blocks", range(1, 6))
def test_cantor_net_by_enumeration(blocks):
    """All breaks are multiples of 1 / (2 * 3**blocks): look in the middle between them."""
    pieces = 2 * 3**blocks
    places = [Fraction(2 * i + 1, 2 * pieces) for i in range(pieces)]
    patterns = np.array([cantor_pattern(x, Fraction(3, 4), blocks) for x in places], int)
    for path in (patterns, patterns[::-1]):
        found = fold(path)
        assert found.reach == theory.cantor_reach(blocks)
        assert found.length == theory.cantor_length(blocks)
        assert found.measure == pytest.approx(theory.cantor_measure(blocks), rel=1e-15)


def test_cantor_measures():
    known = [0.5, 0.6875, 0.8056, 0.8816, 0.9295, 0.9589, 0.9764, 0.9867]
    np.testing.assert_allclose(theory.cantor_measure(np.arange(1, 9)), known, atol=5e-5)
    blocks = np.array([20, 30])
    tail = (1 - theory.cantor_measure(blocks)) / (blocks * 2.0**-blocks)
    np.testing.assert_allclose(tail, 0.4 * (1 + 0.5 / blocks), rtol=1e-4)


@pytest.mark.parametrize("units", [1, 4, 16])
def test_a_turn_reaches_further_backwards(units):
    """Levels above zero on the way up and down again, then those below; one unit of the turn."""
    up = [[i < done for i in range(units)] for done in range(units + 1)]
    path = [[*row, *[False] * units, False] for row in up]
    path += [[*row, *[False] * units, True] for row in up[::-1]]
    path += [[*[False] * units, *row, True] for row in up[1:]]
    for backwards, patterns in ((False, path), (True, path[::-1])):
        assert fold(np.array(patterns, int)).reach == theory.turned_reach(
            units, backwards=backwards
        )
    distances = [np.sum(np.array(path) != row, axis=1).max() for row in path]
    assert max(distances) <= theory.DIRECTION_FACTOR * min(distances[0], distances[-1])


def test_hyperplanes_between():
    assert theory.hyperplanes_between([[0, 1, 1], [1, 1, 0]], [1, 1, 0]).tolist() == [2, 0]
