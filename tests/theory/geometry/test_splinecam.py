"""Counts of cells against brute force: integrals over lines, recursions, and drawn balls."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, stats

from theory.geometry import splinecam as theory

SQUARE = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
SIX = 6.0


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 7])
def test_cells_of_the_plane_grow_by_one_more_than_the_lines_met(lines):
    # The n-th line is cut into n pieces by those before, and each of them cuts a cell.
    assert theory.cells_in_general_position(lines) == 1 + sum(range(1, lines + 1))
    # In a window that holds all crossings, each line has two ends.
    crossings, ends = np.array([math.comb(lines, 2)]), np.array([2 * lines])
    assert theory.cells_of_crossings(crossings, ends) == 1 + sum(range(1, lines + 1))


def test_a_grid_has_as_many_cells_as_its_crossings_say():
    rows, columns = np.meshgrid(np.arange(5), np.arange(7))
    found = theory.cells_of_crossings(rows * columns, 2 * (rows + columns))
    assert np.array_equal(found, (rows + 1) * (columns + 1))


@pytest.mark.parametrize("height", [0.1, 0.5, 1.0, 2.0, 30.0])
def test_the_disc_by_integration(height):
    perimeter, area = theory.disc_seen(height)
    # A line at distance |b| / |w|: hit if the Gaussian |b| is below the Rayleigh |w|.
    hit = integrate.quad(
        lambda r: stats.rayleigh.pdf(r) * math.erf(r / (height * math.sqrt(2))), 0, np.inf
    )[0]
    assert perimeter == pytest.approx(hit, rel=1e-8)
    # Kac-Rice: the density of crossings of two lines.
    crossing = integrate.quad(lambda r: r * height / (r**2 + height**2) ** 1.5, 0, 1)[0]
    assert area == pytest.approx(crossing, rel=1e-8)


@pytest.mark.parametrize("height", [0.1, 0.5, 1.0, 2.0])
def test_the_square_by_integration(height):
    perimeter, area = theory.polygon_seen(SQUARE, height)

    # A line in the direction of angle t hits the square if |b| < r (|cos t| + |sin t|).
    def hit(angle):
        reach = math.cos(angle) + math.sin(angle)
        return reach / math.hypot(reach, height)

    assert perimeter == pytest.approx(integrate.quad(hit, 0, math.pi / 2)[0] * 2 / math.pi)
    crossing = integrate.dblquad(
        lambda y, x: height / (2 * math.pi * (x**2 + y**2 + height**2) ** 1.5), -1, 1, -1, 1
    )[0]
    assert area == pytest.approx(crossing, rel=1e-7)
    assert area == pytest.approx(2 / math.pi * math.atan(1 / (height * math.sqrt(2 + height**2))))


def test_polygons_with_many_corners_are_discs_and_far_ones_are_flat():
    turn = np.linspace(0, 2 * np.pi, 2001)[:-1]
    circle = np.column_stack([np.cos(turn), np.sin(turn)])
    for height in (0.2, 1.0, 5.0):
        seen = theory.polygon_seen(circle, height)
        assert seen == pytest.approx(theory.disc_seen(height), rel=1e-5)
    triangle = np.array([[0.0, 0], [3, 0], [0, 4]])
    perimeter, area = theory.polygon_seen(triangle, 1e4)
    assert perimeter * 2 * math.pi * 1e4 == pytest.approx(12, rel=1e-6)
    assert area * 2 * math.pi * 1e8 == pytest.approx(6, rel=1e-6)


@pytest.mark.parametrize(("units", "height"), [(3, 0.5), (6, 1.0)])
def test_expected_cells_by_drawing_lines(units, height):
    """In a triangle off the centre, cells are told apart by signs at many points."""
    rng = np.random.default_rng(0)
    triangle = np.array([[-0.5, -1.0], [2.0, 0.3], [0.1, 1.5]])
    # So fine a grid misses a cell in a thousand at most, and only ever misses.
    share = (np.arange(150) + 0.5) / 150
    first, second = (axis.ravel() for axis in np.meshgrid(share, share))
    inside = first + second < 1
    points = triangle[0] + np.stack([first, second], axis=1)[inside] @ (triangle[1:] - triangle[0])
    found = []
    for _ in range(400):
        weights, biases = rng.normal(size=(units, 2)), height * rng.normal(size=units)
        signs = (points @ weights.T + biases > 0) @ 2 ** np.arange(units)
        found.append(len(np.unique(signs)))
    predicted = theory.expected_cells(units, theory.polygon_seen(triangle, height))
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found) - predicted) < SIX * error + 0.02 * predicted


def test_small_and_large_biases():
    many = theory.cells_in_general_position(20)
    for seen in (theory.disc_seen, lambda s: theory.polygon_seen(SQUARE, s)):
        assert theory.expected_cells(20, seen(1e-7)) == pytest.approx(many, rel=1e-6)
        assert theory.expected_cells(20, seen(1e7)) == pytest.approx(1, rel=1e-5)


def tent(x):
    return 2 * x if x <= Fraction(1, 2) else 2 - 2 * x


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_tents_by_their_bends(depth):
    """Slopes of the composition, in rational arithmetic, on a grid that is finer."""
    points = [Fraction(i, 2 ** (depth + 2)) for i in range(2 ** (depth + 2) + 1)]
    values = points
    for _ in range(depth):
        values = [tent(x) for x in values]
    slopes = np.diff(values)
    pieces = 1 + np.count_nonzero(slopes[1:] != slopes[:-1])
    assert theory.tent_cells(depth) == pieces**2


@pytest.mark.parametrize(
    ("slopes", "level"), [((1, 1), 1), ((2, 1), 0.5), ((1, 3), 1.7), ((1, 2), 2.5), ((1, 1), 3)]
)
def test_the_length_of_level_sets_of_tents(slopes, level):
    """The corners of the segment are where the line meets the sides of the unit square."""
    a, b = slopes
    on_sides = [(x, (level - a * x) / b) for x in (0, 1)] + [
        ((level - b * y) / a, y) for y in (0, 1)
    ]
    ends = [np.array(p) for p in on_sides if 0 <= p[0] <= 1 and 0 <= p[1] <= 1]
    length = max((np.linalg.norm(p - q) for p, q in itertools.combinations(ends, 2)), default=0.0)
    for depth in (0, 1, 4):
        assert theory.tent_level_length(depth, slopes, level) == pytest.approx(2**depth * length)
    assert theory.tent_level_length(3, (1, 1), 1) == pytest.approx(8 * math.sqrt(2))


def test_discoveries_by_listing_all_samples():
    shares = np.array([0.5, 0.3, 0.2])
    for samples in (1, 2, 5):
        mean = sum(
            math.prod(shares[list(draw)]) * len(set(draw))
            for draw in itertools.product(range(3), repeat=samples)
        )
        assert theory.expected_discoveries(shares, samples) == pytest.approx(mean)
    assert theory.expected_discoveries(np.ones(1), 3) == 1
    tiny = np.array([1 - 1e-20, 1e-20])
    assert theory.expected_discoveries(tiny, 10) - 1 == pytest.approx(0, abs=1e-15)


def test_rounding_errors_stay_within_their_bound():
    """Against double precision, a network in single precision."""
    rng = np.random.default_rng(1)
    shapes = [(20, 2), (20, 20), (1, 20)]
    weights, biases = [rng.normal(size=s) for s in shapes], [rng.normal(size=s[0]) for s in shapes]
    bound = theory.rounding_error(weights, biases, np.ones(2), 0.0) * 2.0**29
    x = y = rng.uniform(-1, 1, (5000, 2)).astype(np.float32)
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        x = x @ w.astype(np.float32).T + b.astype(np.float32)
        y = y.astype(float) @ w.astype(np.float32).astype(float).T + b.astype(np.float32)
        if i < 2:
            x, y = np.maximum(x, 0), np.maximum(y, 0)
    assert 0 < np.max(np.abs(x - y)) < bound
    assert bound < 1e-2
    assert theory.magnitude(weights, biases, np.ones(2)) >= np.max(np.abs(y))
    # One layer, by hand.
    one = [np.array([[1.0, -2.0]])], [np.array([-3.0])]
    assert theory.magnitude(*one, np.array([1.0, 0.5])) == 5
    tolerated = theory.rounding_error(
        [*one[0], np.ones((1, 1))], [*one[1], np.zeros(1)], np.ones(2), 1e-9
    )
    assert tolerated == pytest.approx(6 * 3e-9, rel=1e-3)
