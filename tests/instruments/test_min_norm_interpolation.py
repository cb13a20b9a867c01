"""The least-norm interpolant: linear programs, duality, closed forms, quadrature."""

import numpy as np
import pytest
from scipy import integrate, optimize

from instruments.min_norm_interpolation import (
    Interpolant,
    chords,
    evaluate,
    fractions,
    heights,
    interpolate,
    knots,
    linear_program,
    lower_bound,
    middles,
    piece_integrals,
    weight,
    weight_norm,
)


def noise(rng, n):
    return np.sort(rng.random(n)), rng.standard_normal(n)


def convex(rng, n):
    x = np.sort(rng.uniform(-0.3, 3, n))
    return x, np.cosh(x)


def nearly_concave(rng, n):
    x = np.sort(rng.random(n))
    return x, -5 * x**2 + 0.01 * rng.standard_normal(n)


def smooth(rng, n):
    inner = rng.uniform(-30, 30, n)
    # Two close inputs at each end, where no knot may lie.
    x = np.sort(np.concatenate([[-31, -30], inner, [30, 31]]))
    return x, np.sin(x) + 0.1 * rng.standard_normal(n + 4)


DATA = [noise, convex, nearly_concave, smooth]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("n", [3, 7, 14])
def test_linear_programs_find_the_same_function(data, n):
    rng = np.random.default_rng(n)
    for _ in range(2):
        fit = interpolate(*data(rng, n))
        program = linear_program(fit.inputs, fit.targets)
        norm = weight_norm(fit)
        assert norm == pytest.approx(program.norm, rel=1e-11)
        # Positions are known to the square root of the norm's precision.
        distance = np.abs(evaluate(fit, program.knots) - program.values)
        assert np.max(distance) <= 3e-6 * norm * (1 + np.max(np.abs(fit.inputs))) ** 1.5


def test_a_program_on_a_grid_of_knots_does_not_do_better():
    """No trust in column generation: all knots at once, fine but not exact."""
    x, y = noise(np.random.default_rng(3), 12)
    at = np.union1d(np.linspace(x[0], x[-1], 4000), x[1:-1])
    bent = np.maximum(x[:, None] - at, 0)
    free = np.stack([np.ones_like(x), x], axis=1)
    cost = np.concatenate([weight(at), weight(at), np.zeros(4)])
    matrix = np.hstack([bent, -bent, free, -free])
    program = optimize.linprog(cost, A_eq=matrix, b_eq=y, method="highs")
    norm = weight_norm(interpolate(x, y))
    assert norm <= program.fun * (1 + 1e-9)
    assert norm >= program.fun * (1 - 1e-5)
    assert norm < weight_norm(chords(x, y)) * (1 - 1e-5)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("n", [50, 300])
def test_the_norm_reaches_its_lower_bound(data, n):
    """Runs of up to 300 points: solved to rounding, by a certificate that knows nothing of them."""
    fit = interpolate(*data(np.random.default_rng(n), n))
    assert lower_bound(fit) == pytest.approx(weight_norm(fit), rel=1e-11)


@pytest.mark.parametrize("data", DATA)
def test_the_bound_is_a_bound_whatever_it_is_built_from(data):
    rng = np.random.default_rng(0)
    best = interpolate(*data(rng, 60))
    norm = weight_norm(best)
    assert lower_bound(chords(best.inputs, best.targets)) <= norm * (1 + 1e-12)
    for _ in range(20):
        shape = best.left.shape
        bent = best._replace(
            left=best.left * rng.random(shape), right=best.right * rng.random(shape)
        )
        assert lower_bound(bent) <= norm * (1 + 1e-12)
        assert weight_norm(bent) >= norm * (1 - 1e-12)


def test_a_million_points():
    rng = np.random.default_rng(0)
    sums = np.cumsum(rng.standard_exponential(1_000_001))
    fit = interpolate(sums[:-1] / sums[-1], rng.standard_normal(1_000_000))
    assert lower_bound(fit) == pytest.approx(weight_norm(fit), rel=1e-13)


def test_a_pair_by_hand():
    """Chords of slopes -2, 0, 1: both outer ones go on to meet below the middle interval."""
    fit = interpolate(np.array([0.0, 1.0, 4.0, 5.0]), np.array([2.0, 0.0, 0.0, 1.0]))
    assert np.array_equal(fit.left, [0, 2, 0])
    assert np.array_equal(fit.right, [0, 1, 0])
    assert knots(fit)[1] == pytest.approx(2)
    assert heights(fit)[1] == pytest.approx(-2)
    assert middles(fit)[1] == pytest.approx(-2)
    assert weight_norm(fit) == pytest.approx(3 * np.sqrt(5))
    assert evaluate(fit, np.array([-1.0, 0.5, 1.5, 3.0, 6.0])) == pytest.approx([4, 1, -1, -1, 2])


def test_knots_on_both_sides_of_a_point_are_mirror_images_in_direction():
    x = np.array([0.0, 0.2, 0.5, 0.9, 1.3])
    fit = interpolate(x, x**2)
    inner = np.arctan(knots(fit))[1:3]
    assert np.all((fractions(fit)[1:3] > 0) & (fractions(fit)[1:3] < 1))
    assert inner.sum() / 2 == pytest.approx(np.arctan(x[2]), abs=1e-14)


@pytest.mark.parametrize("data", DATA)
def test_it_interpolates_and_bends_as_it_says(data):
    fit = interpolate(*data(np.random.default_rng(1), 40))
    assert evaluate(fit, fit.inputs) == pytest.approx(fit.targets, abs=1e-9)
    assert evaluate(fit, knots(fit)) == pytest.approx(middles(fit), abs=1e-9)
    corners = np.sort(np.concatenate([fit.inputs, knots(fit)]))
    # A knot pushed to an input is no corner of its own.
    corners = corners[np.diff(corners, prepend=-np.inf) > 1e-12]
    slopes = np.diff(evaluate(fit, corners)) / np.diff(corners)
    total = np.sum(np.abs(np.diff(slopes)) * weight(corners[1:-1]))
    assert weight_norm(fit) == pytest.approx(total, rel=1e-5)


def test_a_batch_is_its_data_sets_one_by_one():
    rng = np.random.default_rng(2)
    x = np.sort(rng.random((3, 20, 30)), axis=-1)
    y = rng.standard_normal(x.shape)
    batch = interpolate(x, y)
    for i, j in np.ndindex(3, 20):
        single = interpolate(x[i, j], y[i, j])
        assert np.array_equal(batch.left[i, j], single.left)
        assert np.array_equal(batch.right[i, j], single.right)
        assert weight_norm(batch)[i, j] == weight_norm(single)


@pytest.mark.parametrize("data", DATA)
def test_symmetries(data):
    x, y = data(np.random.default_rng(4), 40)
    fit = interpolate(x, y)
    points = np.linspace(x[0], x[-1], 301)
    values = evaluate(fit, points)
    scale = np.max(np.abs(values))

    def same(other: Interpolant, at: np.ndarray, expected: np.ndarray) -> None:
        assert evaluate(other, at) == pytest.approx(expected, abs=1e-8 * scale)

    same(interpolate(x, y + 3 - 2 * x), points, values + 3 - 2 * points)
    same(interpolate(x, -7 * y), points, -7 * values)
    same(interpolate(-x[::-1], y[::-1]), -points, values)


def test_points_on_a_line_are_joined_by_it():
    fit = interpolate(np.arange(6.0), np.array([1.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    assert not np.any(fit.left)
    assert not np.any(fit.right)
    assert weight_norm(fit) == pytest.approx(np.sqrt(2) + np.sqrt(17))
    assert lower_bound(fit) <= weight_norm(fit)
    two = interpolate(np.array([0.0, 1.0]), np.array([3.0, 4.0]))
    assert evaluate(two, np.array([-1.0, 0.5])) == pytest.approx([2, 3.5])
    assert weight_norm(two) == 0


def test_inputs_must_increase():
    with pytest.raises(ValueError, match="strictly increasing"):
        interpolate(np.array([0.0, 1.0, 1.0]), np.zeros(3))


def test_a_knot_between_the_outermost_inputs_is_refused():
    """It would lie at -1/x_1, if that is between them."""
    x, y = np.array([-2.0, 1.0, 2.0]), np.array([1.0, 0.0, 1.0])
    assert linear_program(x, y).knots == pytest.approx([0.5])
    with pytest.raises(ValueError, match="above zero"):
        interpolate(x, y)
    x[0] = -0.99
    assert linear_program(x, y).norm == pytest.approx(weight_norm(interpolate(x, y)))


def test_without_biases_the_spline_is_as_good():
    x, y = noise(np.random.default_rng(5), 15)
    program = linear_program(x, y, penalise_biases=False)
    variation = np.sum(np.abs(np.diff(np.diff(y) / np.diff(x))))
    assert program.norm == pytest.approx(variation, rel=1e-10)
    fit = interpolate(x, y)
    bends = np.diff(np.diff(y) / np.diff(x)) - fit.left[1:] - fit.right[:-1]
    total = np.sum(np.abs(bends)) + np.sum(np.abs(fit.left + fit.right))
    assert total == pytest.approx(variation, rel=1e-12)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0, 3.3, 4.0])
def test_piece_integrals_are_integrals(power):
    fit = interpolate(*noise(np.random.default_rng(6), 12))
    means = piece_integrals(fit.targets, middles(fit), fractions(fit), power=power)
    for i, mean in enumerate(means):
        ends = fit.inputs[i : i + 2]
        value, _ = integrate.quad(
            lambda x: abs(evaluate(fit, np.array([x]))[0]) ** power,
            *ends,
            points=[knots(fit)[i]],
            epsabs=1e-11,
            limit=200,
        )
        assert mean * np.diff(ends)[0] == pytest.approx(value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.3, 4.0])
def test_piece_integrals_where_ends_nearly_agree(power):
    ends = np.array([0.7, 0.7 * (1 + 1e-3 - 1e-9), 0.7 * (1 + 1e-3), 0.7, 0.7, 0.0, 0.0])
    centre = (ends[:-1] + ends[1:]) / 2
    means = piece_integrals(ends, centre, np.full(6, 0.5), power=power)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    lines = np.outer(ends[:-1], (1 - nodes) / 2) + np.outer(ends[1:], (1 + nodes) / 2)
    exact = np.abs(lines) ** power @ weights / 2
    assert means == pytest.approx(exact, rel=1e-6, abs=1e-15)
    assert means[:4] == pytest.approx(exact[:4], rel=1e-12)
