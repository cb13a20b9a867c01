"""Shares of edges by known constants and by simulation, areas by counting and quadrature."""

import math

import numpy as np
import pytest
from scipy.spatial import Delaunay, cKDTree

from theory.geometry import manifoldron as theory


def test_with_one_neighbour_the_nearest_neighbour_graph_is_left():
    """It is a part of the triangulation; its edges are counted by pairs that choose each other."""
    mutual = 6 * math.pi / (8 * math.pi + 3 * math.sqrt(3))
    kept = (1 - mutual / 2) / theory.EDGES_FOR_EACH_POINT
    assert theory.share_of_dropped_edges(1) == pytest.approx(1 - kept, rel=1e-5)


def test_shares_by_simulation():
    """Points of a Poisson process; edges well inside of the square."""
    rng = np.random.default_rng(0)
    points = rng.random((rng.poisson(20_000), 2))
    triangles = Delaunay(points).simplices
    ends = np.sort(np.concatenate([triangles[:, p] for p in ([0, 1], [1, 2], [0, 2])]), axis=1)
    ends = np.unique(ends, axis=0)
    ends = ends[np.all(np.abs(points[ends].mean(axis=1) - 0.5) < 0.4, axis=1)]
    lengths = np.linalg.norm(points[ends[:, 0]] - points[ends[:, 1]], axis=1)
    expected = 3 * 20_000 * 0.8**2
    for neighbours, tolerance in ((2, 0.02), (6, 0.04), (10, 0.08)):
        reach = cKDTree(points).query(points, k=[neighbours + 1])[0][:, 0]
        dropped = np.sum(lengths > 1.000001 * reach[ends].max(axis=1))
        share = theory.share_of_dropped_edges(neighbours)
        assert dropped / expected == pytest.approx(share, rel=tolerance)


def test_shares_fall_geometrically():
    shares = [theory.share_of_dropped_edges(k) for k in (10, 20, 30, 40)]
    rates = np.diff(np.log(shares)) / 10
    np.testing.assert_allclose(rates, rates[0], rtol=0.05)
    assert theory.share_of_dropped_edges(14) == pytest.approx(0.0193, abs=5e-5)


def test_angles_of_typical_triangles():
    """Their density integrates to one, with mean sixty degrees; a corner is as often the largest
    angle, the smallest and the middle one.
    """
    alpha, weights = theory.angles()
    assert weights.sum() == pytest.approx(np.pi)
    parts = theory.density_by_third_corner(alpha)
    assert all(np.min(part) > -1e-15 for part in parts)
    np.testing.assert_allclose([part @ weights for part in parts], 1 / 3, rtol=1e-9)
    assert (alpha * sum(parts)) @ weights == pytest.approx(np.pi / 3, rel=1e-9)
    step = 1e-4
    beta = np.arange(step / 2, np.pi - 1.0, step)
    whole = 8 / (3 * np.pi) * np.sin(1.0) * np.sum(np.sin(beta) * np.sin(1.0 + beta)) * step
    at_one = sum(float(part[0]) for part in theory.density_by_third_corner(np.array([1.0])))
    assert at_one == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 1.5, 2.2, 2.9])
def test_areas_outside_of_the_circle_on_a_grid(alpha):
    side = 1201
    x, y = np.meshgrid(*[np.linspace(-4.2, 4.2, side)] * 2)
    half, centre = math.sin(alpha), math.cos(alpha)
    left, right = (np.hypot(x + sign * half, y) < 2 * half for sign in (1, -1))
    outside = np.hypot(x, y - centre) > 1
    cell = (8.4 / (side - 1)) ** 2
    one, both = theory.areas_outside_circle(np.array([alpha]))
    assert one[0] == pytest.approx(np.sum(left & outside) * cell, abs=0.01)
    assert both[0] == pytest.approx(np.sum(left & right & outside) * cell, abs=0.01)


def test_neighbours_needed_by_trying_all():
    for points, expected in ((200, 10.0), (1000, 1.0)):
        k = 1
        while 3 * points * theory.share_of_dropped_edges(k) > expected:
            k += 1
        assert theory.neighbours_needed(points, expected) == k
    needed = [theory.neighbours_needed(n, 0.02) for n in (100, 1000, 10_000)]
    assert np.ptp(np.diff(needed)) <= 1


def test_poisson_tails():
    mean = np.array([0.5, 2.0])
    np.testing.assert_allclose(theory.at_least(np.array(1), mean), 1 - np.exp(-mean))
    np.testing.assert_allclose(theory.at_least(np.array(2), mean), 1 - (1 + mean) * np.exp(-mean))
    assert np.all(theory.at_least(np.array(-1), mean) == 1)


def test_area_above_zero_on_a_grid():
    """Barycentric coordinates of the unit right triangle are x, y and 1 - x - y."""
    step = 0.002
    side = np.arange(-1.5, 2.5, step)
    x, y = np.meshgrid(side + 0.37 * step, side + 0.71 * step)
    beyond = sum(np.maximum(-c, 0) for c in (x, y, 1 - x - y))
    for sharpness in (2.0, 7.0):
        area = np.sum(beyond < 1 / sharpness) * step**2 / 0.5
        assert theory.area_above_zero(sharpness) == pytest.approx(area, rel=2e-3)
        corners = theory.area_above_zero(sharpness) - theory.area_of_strips(sharpness)
        assert corners == pytest.approx(6 / sharpness**2)
