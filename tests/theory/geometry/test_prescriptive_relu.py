"""Counts by walking along lines, integrals by quadrature, trees by hand and by optimization."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize

from theory.geometry import prescriptive_relu as theory


def zigzag(t, bends):
    """Up and down between 0 and 1, by the definition."""
    return 1 - np.abs(1 - (t * (bends + 1)) % 2)


@pytest.mark.parametrize("bends", [0, 1, 4])
@pytest.mark.parametrize("treatments", [2, 3, 5])
def test_leaves_of_zigzags_in_one_dimension(bends, treatments):
    """Cells on a line: changes of piece or of winner between neighbouring points."""
    t = (np.arange(20_000) + 0.5) / 20_000
    thresholds = np.linspace(0, 1, treatments + 1)[1:-1] + 0.013
    offsets = np.concatenate([[0], np.cumsum(thresholds)])
    winners = np.argmax(np.outer(zigzag(t, bends), np.arange(treatments)) - offsets, axis=1)
    pieces = np.floor(t * (bends + 1))
    changes = (np.diff(winners) != 0) | (np.diff(pieces) != 0)
    assert 1 + changes.sum() == theory.zigzag_leaves(bends, treatments, 1)


def test_zigzags_within_the_general_bounds():
    for bends, treatments in ((1, 2), (2, 3), (7, 4)):
        leaves = theory.zigzag_leaves(bends, treatments, 2)
        assert leaves <= theory.most_cells(2 * bends, treatments, 2)
        assert theory.zigzag_depth(bends, treatments, 2) == 2 * bends + treatments - 1
    # Parallel lines are in general position on a line: there the bound is attained.
    assert theory.zigzag_leaves(5, 3, 1) == theory.most_cells(5, 3, 1)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_leaves_of_tents(depth):
    t = (np.arange(4096) + 0.5) / 4096
    for _ in range(depth):
        t = 1 - np.abs(2 * t - 1)
    assert 1 + np.sum(np.diff(t > 0.5)) == theory.tent_leaves(depth)


def test_one_layer_along_a_line():
    """Zigzags alternate as often as any layer: with a bend less than units, H + 1 times."""
    t = (np.arange(9999) + 0.5) / 9999
    for depth in (1, 3):
        assert 2 + np.sum(np.diff(zigzag(t, 2 * depth) > 0.5)) == 1 + theory.leaves_of_one_layer(
            depth
        )


@pytest.mark.parametrize("boundary", ["diagonal", "upright"])
def test_losses_on_rectangles_by_quadrature(boundary):
    """Gauss-Legendre on both axes, after a cut of the first where the sign changes."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    rng = np.random.default_rng(0)
    for _ in range(4):
        (a, b), (c, d) = np.sort(rng.random((2, 2)), axis=1)
        low, high = np.array([a, c]), np.array([b, d])
        y_cuts = np.unique(np.clip([c, 1 - b, 1 - a, d], c, d))
        gained = lost = 0.0
        for bottom, top in pairwise(y_cuts):
            for y, y_weight in zip(nodes, weights * (top - bottom) / 2, strict=True):
                y = (bottom + top) / 2 + y * (top - bottom) / 2
                edge = np.clip(1 - y if boundary == "diagonal" else 0.5, a, b)
                for left, right in ((a, edge), (edge, b)):
                    x = (left + right) / 2 + nodes * (right - left) / 2
                    points = np.stack([x, np.full_like(x, y)], axis=1)
                    gain = theory.advantage(points, boundary) * weights * (right - left) / 2
                    gained += y_weight * np.maximum(gain, 0).sum()
                    lost -= y_weight * np.minimum(gain, 0).sum()
        withheld = theory.lost_by_withholding(low, high, boundary)
        assert withheld == pytest.approx(gained, abs=1e-14)
        assert theory.lost_by_treating(low, high, boundary) == pytest.approx(lost, abs=1e-14)


def stairs_regret(widths):
    """Columns of two leaves each, split in the middle of the diagonal."""
    ends = np.concatenate([[0], np.cumsum(widths)])
    total = 0.0
    for left, right in pairwise(ends):
        step = 1 - (left + right) / 2
        below = np.array([left, 0]), np.array([right, step])
        above = np.array([left, step]), np.array([right, 1])
        total += theory.lost_by_withholding(*below, "diagonal")
        total += theory.lost_by_treating(*above, "diagonal")
    return total


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_stairs_attain_the_least_regret(columns):
    equal = np.full(columns, 1 / columns)
    assert stairs_regret(equal) == pytest.approx(theory.least_regret(2 * columns), rel=1e-12)
    uneven = equal * np.linspace(0.8, 1.2, columns) if columns > 1 else equal
    assert stairs_regret(uneven) >= theory.least_regret(2 * columns) * (1 - 1e-12)


def test_three_leaves_by_optimization():
    """One column of two leaves and one of a single leaf."""

    def regret(cut):
        column = stairs_regret([cut])
        rest = theory.lost_by_treating(np.array([cut, 0]), np.ones(2), "diagonal")
        return column + rest

    best = optimize.minimize_scalar(regret, bounds=(0.1, 0.9), method="bounded")
    assert best.fun == pytest.approx(theory.least_regret(3), rel=1e-6)


def test_an_upright_boundary_costs_nothing():
    halves = np.array([[0, 0], [0.5, 0]]), np.array([[0.5, 1], [1, 1]])
    assert theory.lost_by_withholding(*halves, "upright")[0] == 0
    assert theory.lost_by_treating(*halves, "upright")[1] == 0


def test_bias_by_simulation():
    rng = np.random.default_rng(1)
    outcome, model, propensity, modelled = 0.7, 0.4, 0.3, 0.5
    treated = rng.random(1_000_000) < propensity
    reward = model + treated * (outcome + rng.normal(size=treated.size) - model) / modelled
    arguments = [np.array(v) for v in (outcome, model, propensity, modelled)]
    bias = theory.doubly_robust_bias(*arguments)
    assert reward.mean() - outcome == pytest.approx(bias, abs=0.006)
    for right in ((0.7, 0.7, 0.3, 0.5), (0.7, 0.4, 0.3, 0.3)):
        assert theory.doubly_robust_bias(*map(np.array, right)) == 0
    assert theory.bias_of_outcome_model(*arguments) == pytest.approx(-0.3)
