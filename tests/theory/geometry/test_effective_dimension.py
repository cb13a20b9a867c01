"""The abstract's formulas beside each other; matchings and frozen layers by brute force."""

from itertools import permutations, product

import numpy as np
import pytest

from instruments.ranks import rank
from theory.geometry import effective_dimension as theory


def test_closed_form():
    shares = theory.closed_form(np.arange(5))
    np.testing.assert_allclose(shares, [0, 0.6366, 0.8680, 0.9520, 0.9826], atol=5e-5)
    deficits = 1 - shares
    np.testing.assert_allclose(deficits[1:] / deficits[:-1], theory.DECAY, rtol=1e-12)


def test_closed_form_has_no_maximum():
    assert np.all(np.diff(theory.closed_form(np.linspace(0, 30, 1000))) > 0)


def test_revival_depths_are_a_period_apart():
    depths = theory.revival_depth(np.arange(4))
    np.testing.assert_allclose(depths, [1.552, 4.655, 7.759, 10.862], atol=5e-4)
    np.testing.assert_allclose(np.diff(depths), 2 * depths[0], rtol=1e-12)


def test_heights_at_the_revivals():
    heights = theory.closed_form(theory.revival_depth(np.arange(4)))
    np.testing.assert_allclose(heights, [0.79212, 0.99102, 0.99961, 0.99998], atol=5e-6)
    assert heights[0] == pytest.approx(theory.REVIVAL_HEIGHT, rel=1e-14)
    assert heights[1] - theory.REVIVAL_HEIGHT == pytest.approx(0.199, abs=5e-4)


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (3, 3), (2, 4)])
def test_term_rank_by_permutations(rows, columns):
    """Also the number of square supports that have a perfect matching: OEIS A227414."""
    perfect = 0
    for bits in product([False, True], repeat=rows * columns):
        support = np.reshape(bits, (rows, columns))
        orders = np.array(list(permutations(range(columns), rows)))
        best = support[np.arange(rows), orders].sum(axis=1).max()
        assert theory.term_rank(support) == theory.term_rank(support.T) == best
        perfect += best == rows
    if rows == columns:
        assert perfect == {2: 7, 3: 247}[rows]


def test_generic_entries_have_the_rank_of_their_support():
    rng = np.random.default_rng(0)
    for _ in range(60):
        support = rng.random((7, 8)) < 0.25
        entries = rng.integers(1, 2**40, support.shape).astype(object) * support
        assert rank(entries) == theory.term_rank(support)


@pytest.mark.parametrize(("inputs", "units"), [(3, 3), (2, 4), (5, 3)])
def test_frozen_share_by_enumeration(inputs, units):
    """Two layers: all patterns of units that are on."""
    on = np.array(list(product([0, 1], repeat=units))).sum(axis=1)
    once = np.minimum(inputs, on).mean() / inputs
    twice = np.minimum(inputs, np.minimum.outer(on, on)).mean() / inputs
    np.testing.assert_allclose(theory.frozen_share(inputs, units, [1, 2]), [once, twice])


def test_frozen_share_in_depth():
    known = [0.5, 0.370, 0.329, 0.294, 0.254, 0.227]
    found = theory.frozen_share(20, 20, [1, 5, 10, 20, 50, 100])
    np.testing.assert_allclose(found, known, atol=2e-3)
    assert theory.frozen_share(20, 20, 0) == 1
    assert theory.frozen_share(20, 20, 10**8) < 1e-9


def test_shares_of_the_inputs():
    units = np.array([10, 20, 40])
    np.testing.assert_allclose(theory.largest_share(20, units, 1), [0.5, 1, 1])
    np.testing.assert_allclose(theory.abstract_share(20, units, 2), [0.868] * 3, atol=5e-5)
    layers = np.arange(1, 4)
    np.testing.assert_allclose(theory.largest_share(20, 40, layers), [1, 1, 1])
    np.testing.assert_allclose(theory.abstract_share(20, 40, layers), theory.closed_form(layers))
