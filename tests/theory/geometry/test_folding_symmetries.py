"""Mirrors by exact enumeration, one layer by writing down all patterns, halvings by hand."""

from fractions import Fraction

import numpy as np
import pytest

from instruments.folding import bisect, fold
from theory.geometry import folding_symmetries as theory


def mirrored_pattern(x: Fraction, mirrors: int, units: int) -> list[bool]:
    """States of all units, by the definition."""
    pattern, y = [], x
    for _ in range(mirrors):
        pattern += [y > 0, y < 0]
        magnitude, y = abs(y), 1 - 2 * abs(y)
    return pattern + [magnitude > Fraction(i + 1, units + 1) for i in range(units)]


@pytest.mark.parametrize("units", [1, 2, 5])
@pytest.mark.parametrize("mirrors", [1, 2, 4])
def test_mirrors_by_enumeration(mirrors, units):
    """All breaks are multiples of 2**(1 - mirrors) / (units + 1): look in the middle."""
    half = (units + 1) * 2 ** (mirrors - 1)
    places = [Fraction(2 * i + 1, 2 * half) for i in range(-half, half)][::-1]
    found = fold(np.array([mirrored_pattern(x, mirrors, units) for x in places], int))
    expected = theory.mirrored(mirrors, units)
    assert found == (int(expected.reach), int(expected.length))
    assert found.measure == pytest.approx(theory.mirrored_measure(mirrors, units), rel=1e-14)


def test_what_mirrors_are_worth():
    units = np.array([1, 4, 16, 64])
    measures = theory.mirrored_measure(1, units)
    np.testing.assert_allclose(measures, units / (2 * units + 2), rtol=1e-14)
    np.testing.assert_allclose(measures, [0.25, 0.4, 0.4706, 0.4923], atol=5e-5)
    mirrors = np.arange(1, 6)
    np.testing.assert_allclose(theory.mirrored_measure(mirrors, 10**9), 1 - 0.5**mirrors, rtol=1e-6)
    assert np.all(theory.mirrored_measure(mirrors, 50) < 1 - 0.5**mirrors)


@pytest.mark.parametrize("cuts", [1, 2, 4])
def test_one_layer_by_all_orders_of_passing(cuts):
    """Each unit passes its cuts in order; between units any order will do."""
    rng = np.random.default_rng(cuts)
    for _ in range(20):
        start, end = rng.integers(0, cuts + 1, (2, 6))
        path, steps = [start], np.repeat(np.arange(6), np.abs(end - start))
        for unit in rng.permutation(steps):
            step = np.sign(end - start) * (np.arange(6) == unit)
            path.append(path[-1] + step)
        found, expected = fold(np.array(path)), theory.one_layer(start, end)
        assert found == (int(expected.reach), int(expected.length))
        assert (found.measure > 0) == bool(np.any(np.abs(end - start) > 1))
        ordinal = theory.one_layer_ordinal(start, end)
        assert ordinal.reach == max(np.abs(row - start).sum() for row in path) == ordinal.length


def test_halvings():
    assert theory.halvings(np.array([0.6, 0.5, 0.3, 0.25, 0.2])).tolist() == [1, 2, 2, 3, 3]


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_evaluations_of_bisection(depth):
    """A unit for each break: patterns never come back."""
    rng = np.random.default_rng(depth)
    breaks = np.sort(rng.random(5))
    found = bisect(lambda places: (places[:, None] > breaks).astype(int), depth)
    assert found.evaluations <= theory.most_evaluations(depth, len(breaks) + 1)
    one = bisect(lambda places: (places[:, None] > breaks[:1]).astype(int), depth)
    assert one.evaluations == theory.most_evaluations(depth, 2)
