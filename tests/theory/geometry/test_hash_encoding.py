"""Codes of random hyperplanes by quadrature over directions, and by drawing arrangements."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import integrate, stats

from theory.geometry import hash_encoding as theory


def test_angles():
    inputs = np.array([[2.0, 0, 0], [1, 1, 0], [0, 0, 5], [-3, 0, 0]])
    expected = np.array([1, 2, 4, 2, 3, 2]) * np.pi / 4
    np.testing.assert_allclose(theory.angles_between(inputs), expected, atol=1e-12)


@pytest.mark.parametrize("angle", [0.2, 1.0, 2.5])
def test_one_pair_by_quadrature(angle):
    """Given the first pre-activation, the second is Gaussian."""
    same = (
        2
        * integrate.quad(
            lambda z: stats.norm.pdf(z) * stats.norm.cdf(z / math.tan(angle)), 0, np.inf
        )[0]
    )
    found = theory.colliding_pairs(np.array([angle]), np.array([1, 3]))
    np.testing.assert_allclose(found, [same, same**3], rtol=1e-7)


def test_all_pairs_by_drawing():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(6, 3)) + 1
    widths = np.array([1, 2, 5])
    codes = rng.normal(size=(20_000, 5, 3)) @ inputs.T > 0
    first, second = np.triu_indices(6, 1)
    for width, expected in zip(
        widths, theory.colliding_pairs(theory.angles_between(inputs), widths), strict=True
    ):
        cut = codes[:, :width]
        pairs = np.all(cut[..., first] == cut[..., second], axis=1).sum(axis=1)
        assert pairs.mean() == pytest.approx(expected, abs=5 * pairs.std() / 141)


def test_independent_codes():
    found = theory.colliding_pairs_of_independent_codes(np.ones(45), np.array([1, 4]))
    np.testing.assert_allclose(found, [45 / 2, 45 / 16])


@pytest.mark.parametrize("pairs", [30.0, 1.0, 0.01])
def test_the_least_width_is_the_least(pairs):
    angles = np.random.default_rng(1).uniform(0.1, 1.5, 100)
    width = theory.least_width(angles, pairs)
    few, enough = theory.colliding_pairs(angles, np.array([width - 1, width]))
    assert enough <= pairs < few
    assert theory.least_width(angles, 1e9) == 1
    with pytest.raises(ValueError, match="parallel"):
        theory.least_width(np.array([0.0, 1.0]), 1.0)


@pytest.mark.parametrize("spread", [0.2, 1.0])
def test_codes_on_a_plane_by_drawing(spread):
    """All around the origin, and on one side of it."""
    rng = np.random.default_rng(2)
    places = spread * np.pi * rng.uniform(-1, 1, 15)
    inputs = rng.uniform(1, 2, (15, 1)) * np.stack([np.cos(places), np.sin(places)], axis=1)
    widths = np.array([1, 2, 6])
    for width, expected in zip(widths, theory.codes_on_a_plane(inputs, widths), strict=True):
        codes = inputs @ rng.normal(size=(2000, 2, width)) > 0
        numbers = codes @ 2 ** np.arange(width)
        found = np.array([len(set(row)) for row in numbers.tolist()])
        assert found.mean() == pytest.approx(expected, abs=5 * found.std() / 44 + 1e-9)
        assert found.max() <= theory.sectors(inputs, widths)[widths == width][0]


def test_dense_inputs_occupy_all_sectors():
    places = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    circle, widths = np.stack([np.cos(places), np.sin(places)], axis=1), np.array([1, 3, 10])
    expected = theory.sectors(circle, widths)
    np.testing.assert_allclose(theory.codes_on_a_plane(circle, widths), expected, rtol=2e-3)


def test_most_codes_of_a_plane():
    """Around each vertex of lines in general position are four cells; each cell has a vertex."""
    rng = np.random.default_rng(3)
    slopes, offsets = rng.normal(size=(5, 2)), rng.normal(size=5)
    codes = set[tuple[bool, ...]]()
    for pair in combinations(range(5), 2):
        vertex = np.linalg.solve(slopes[list(pair)], -offsets[list(pair)])
        around = vertex + 1e-7 * rng.normal(size=(60, 2))
        codes |= set(map(tuple, (around @ slopes.T + offsets > 0).tolist()))
    assert theory.most_codes(1000, 5, 2) == len(codes)
    assert theory.most_codes(1000, 5, 5) == theory.most_codes(1000, 5, 64) == 2**5
    assert theory.most_codes(10, 5, 64) == 10


def test_most_codes_without_biases():
    """On a plane of three dimensions above the origin, hyperplanes through it are any lines."""
    for units in range(2, 7):
        assert theory.most_codes_without_biases(10**6, units, 2) == 2 * units
        above = theory.most_codes(10**6, units, 2)
        # Those cells and their opposites, less the unbounded ones, which are the same twice.
        below = theory.most_codes_without_biases(10**6, units, 3)
        assert below == 2 * above - 2 * units
    assert theory.most_codes_without_biases(10**6, 5, 64) == 2**5
    assert theory.most_codes_without_biases(10, 5, 64) == 10
