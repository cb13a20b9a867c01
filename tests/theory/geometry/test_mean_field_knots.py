"""The Gibbs measure and its limit against quadrature, sampling, Fourier integrals, programs."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from instruments import univariate_networks as networks
from theory.geometry import mean_field_knots as theory

INPUTS = np.array([-1.0, -0.3, 0.3, 1.0])
TARGETS = np.array([1.0, -0.1, -0.2, 0.7])
VALLEY = np.array([-1.2, -0.4, 0.5, 1.3]), np.array([0.9, -0.4, -0.8, 0.6])
NOTHING = np.zeros(0)


def field(angle, inputs, residual):
    return residual @ theory.features(np.atleast_1d(angle), inputs)


def log_partition(inputs, residual, decay):
    """By an adaptive rule that is told of the ends of arcs and of the peaks."""
    cut = theory.arcs(inputs, residual)
    ends = np.sort(np.concatenate([cut.starts, cut.peaks[cut.peaks < cut.ends], cut.ends[-1:]]))
    parts = [
        integrate.quad(
            lambda p: 1 / (decay**2 - field(p, inputs, residual)[0] ** 2),
            *pair,
            epsabs=0,
            epsrel=1e-9,
            limit=200,
        )[0]
        for pair in itertools.pairwise(ends)
    ]
    return math.log(sum(parts))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_largest_field_is_that_of_a_grid(size):
    rng = np.random.default_rng(size)
    turn = np.linspace(0, 2 * np.pi, 20001)
    for _ in range(20):
        inputs, residual = rng.normal(0, 2, size), rng.normal(size=size)
        on_grid = np.max(np.abs(field(turn, inputs, residual)))
        largest = theory.largest_field(inputs, residual)
        # At a kink the grid loses its step times the slope.
        slope = np.sum(np.abs(residual) * np.hypot(1, inputs))
        assert on_grid <= largest * (1 + 1e-12)
        assert largest <= on_grid + slope * np.pi / 20000


def test_quadrature_covers_the_circle_once_and_stops_at_splits():
    splits = np.array([0.3, 2.0])
    angles, weights = theory.directions(INPUTS, TARGETS / 10, 60, splits)
    assert weights.sum() == pytest.approx(2 * np.pi, rel=1e-14)
    assert np.all(np.diff(angles) >= 0)
    between = (angles > 0.3) & (angles < 2.0)
    assert weights[between] @ np.sin(angles[between]) == pytest.approx(
        math.cos(0.3) - math.cos(2.0), rel=1e-13
    )


def test_outputs_are_the_slope_of_the_partition_function():
    decay, beta, step = 0.1, 20.0, 1e-5
    measure = theory.gibbs(INPUTS, TARGETS, decay, beta)
    for i, e in enumerate(step * np.eye(4)):
        ends = [log_partition(INPUTS, measure.residual + s * e, decay) for s in (1, -1)]
        slope = -(ends[0] - ends[1]) / (2 * step) / beta
        assert slope == pytest.approx(measure.outputs[i], abs=1e-6)


def test_covariance_is_how_outputs_respond_to_residuals():
    decay, beta, step = 0.1, 20.0, 1e-6
    residual = theory.gibbs(INPUTS, TARGETS, decay, beta).residual
    measure = theory.gibbs_of_residual(INPUTS, residual, decay, beta, splits=NOTHING)
    for i, e in enumerate(step * np.eye(4)):
        up, down = (
            theory.gibbs_of_residual(INPUTS, residual + s * e, decay, beta, splits=NOTHING).outputs
            for s in (1, -1)
        )
        slope = (up - down) / (2 * step)
        assert slope == pytest.approx(-beta * measure.covariance[i], rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("beta", [10.0, 1e3, 1e5, 1e7])
def test_newton_reaches_the_fixed_point(beta):
    measure = theory.gibbs(*VALLEY, 0.02, beta)
    wrong = measure.outputs - VALLEY[1] - 4 * measure.residual
    assert np.max(np.abs(wrong)) < 1e-10 + 1e-14 * beta
    assert theory.largest_field(VALLEY[0], measure.residual) < 0.02
    assert measure.chances.sum() == pytest.approx(1)
    at_inputs = theory.outputs(measure.angles, measure.masses, VALLEY[0])
    assert at_inputs == pytest.approx(measure.outputs)


def test_a_warm_start_ends_at_the_same_measure():
    cold = theory.gibbs(*VALLEY, 0.02, 1e5)
    warm = theory.gibbs(*VALLEY, 0.02, 1e5, start=theory.gibbs(*VALLEY, 0.02, 3e3))
    assert warm.residual == pytest.approx(cold.residual, rel=1e-10)
    with pytest.raises(ValueError, match="below the decay"):
        theory.gibbs(*VALLEY, 0.01, 1e5, start=cold)


def test_data_may_come_in_any_order():
    order = np.array([2, 0, 3, 1])
    straight = theory.gibbs(*VALLEY, 0.05, 100.0)
    shuffled = theory.gibbs(VALLEY[0][order], VALLEY[1][order], 0.05, 100.0)
    assert shuffled.residual == pytest.approx(straight.residual[order], rel=1e-10)


def test_moments_by_importance_sampling():
    """A Gaussian wide enough that the weights, and their squares, have a finite mean."""
    decay, beta, draws = 0.1, 20.0, 400_000
    measure = theory.gibbs(INPUTS, TARGETS, decay, beta)
    slack = decay - theory.largest_field(INPUTS, measure.residual)
    wide = 1 / math.sqrt(beta * slack)
    neuron = wide * np.random.default_rng(0).standard_normal((3, draws))
    a, w, b = neuron
    values = a * np.maximum(INPUTS[:, None] * w + b, 0)
    square = np.sum(neuron**2, axis=0)
    exponent = measure.residual @ values + decay / 2 * square
    weights = np.exp(-beta * exponent + square / (2 * wide**2))
    observed = np.concatenate([values, neuron**2])
    mean = observed @ weights / weights.sum()
    error = np.sqrt(np.sum((weights * (observed - mean[:, None])) ** 2, axis=1)) / weights.sum()
    predicted = np.concatenate([measure.outputs, measure.second_moments])
    # Six standard errors: a false alarm rate of 2e-9 each.
    assert np.all(np.abs(mean - predicted) < 6 * error)
    assert np.all(error < 0.01 * np.max(predicted))


def test_curvature_is_the_second_derivative():
    decay, beta, step = 0.05, 100.0, 1e-3
    residual = theory.gibbs(INPUTS, TARGETS, decay, beta).residual
    points = np.array([-2.0, -0.1, 0.05, 0.7])
    shifted = np.stack([points - step, points, points + step])
    facing = -np.arctan(shifted.ravel())
    splits = np.concatenate([facing, facing + np.pi])
    measure = theory.gibbs_of_residual(INPUTS, residual, decay, beta, splits=splits, nodes=60)
    low, middle, high = (theory.outputs(measure.angles, measure.masses, x) for x in shifted)
    differences = (low - 2 * middle + high) / step**2
    assert theory.curvature(INPUTS, residual, decay, beta, points) == pytest.approx(
        differences, rel=1e-4, abs=1e-5
    )


def test_sectors_share_out_all_mass():
    edges = np.linspace(-np.pi / 2, 3 * np.pi / 2, 13)
    measure = theory.gibbs(INPUTS, TARGETS, 0.05, 100.0, splits=edges)
    sectors = theory.mass_by_sector(measure, edges)
    assert sectors.sum() == pytest.approx(measure.masses.sum())
    partition = math.exp(log_partition(INPUTS, measure.residual, 0.05))

    def mass(angle):
        g = field(angle, INPUTS, measure.residual)[0]
        return -2 / (100.0 * partition) * g / (0.05**2 - g**2) ** 2

    for sector in (2, 9):
        by_rule = integrate.quad(mass, *edges[sector : sector + 2], limit=400, epsabs=1e-9)[0]
        assert by_rule == pytest.approx(sectors[sector], abs=1e-7)


def few_neurons(neurons, point, target, decay, beta):
    """Logarithm of the exact partition function of N neurons and one point, by Fourier integral.

    exp(-beta N (f - y)^2 / 2) is a Gaussian integral over a field r, in which neurons decouple: the
    partition function of one at an imaginary residual.
    """
    turn = np.linspace(0, 2 * np.pi, 2001)[:-1]
    h = theory.features(turn, np.array([point]))[0]
    r, step = np.linspace(-4, 4, 2001, retstep=True)
    single = np.mean(1 / (decay**2 + (r[:, None] * h) ** 2), axis=1) * math.sqrt(decay)
    log_weight = -beta * neurons * r**2 / 2 + neurons * np.log(single)
    top = log_weight.max()
    total = step * np.sum(np.exp(log_weight - top) * np.cos(beta * neurons * r * target))
    return top + math.log(total)


def test_finite_width_shift_against_the_exact_average_of_few_neurons():
    point, target, decay, beta, step = 0.6, 0.5, 0.4, 5.0, 1e-4
    data = np.array([point]), np.array([target])
    measure = theory.gibbs(*data, decay, beta)
    shift = theory.finite_width_shift(*data, decay, beta)
    wrong = []
    for neurons in (6, 12):
        up, down = (few_neurons(neurons, point, target + s * step, decay, beta) for s in (1, -1))
        output = target + (up - down) / (2 * step) / (beta * neurons)
        up, down = (few_neurons(neurons, point, target, decay + s * step, beta) for s in (1, -1))
        square = -2 * (up - down) / (2 * step) / (beta * neurons)
        exact = np.array([output - measure.outputs[0], square - measure.second_moments.sum()])
        predicted = np.array([shift.outputs[0], shift.second_moments.sum()]) / neurons
        # The shift is most of the difference, and what is left falls with the square of N.
        assert np.all(np.abs(exact - predicted) < 0.5 * np.abs(predicted))
        wrong.append(np.abs(exact - predicted))
    assert np.all(wrong[1] < wrong[0] / 3)


def test_integration_by_parts_ties_the_two_second_moments():
    for beta in (10.0, 100.0):
        a, w, b = theory.gibbs(INPUTS, TARGETS, 0.05, beta).second_moments
        assert w + b - a == pytest.approx(1 / (beta * 0.05), rel=1e-9)


def test_fixed_directions_are_ridge_regression_on_random_features():
    decay = 0.05
    angles, masses = theory.fixed_directions(INPUTS, TARGETS, decay, 60)
    turn = np.linspace(0, 2 * np.pi, 20001)[:-1]
    h = theory.features(turn, INPUTS) / math.sqrt(len(turn))
    # The minimum of |f - y|^2 / (2 M) + decay / 2 * mean of a^2 over many neurons.
    kernel = h @ h.T / (len(INPUTS) * decay)
    fitted = kernel @ np.linalg.solve(kernel + np.eye(4), TARGETS)
    assert theory.outputs(angles, masses, INPUTS) == pytest.approx(fitted, abs=1e-7)


def random_data(seed):
    rng = np.random.default_rng(seed)
    size = rng.integers(2, 7)
    inputs = np.sort(rng.uniform(-2, 2 - 0.2 * (size - 1), size)) + 0.2 * np.arange(size)
    return inputs, rng.standard_normal(size)


@pytest.mark.parametrize("decay", [1e-3, 0.02])
def test_the_limit_is_optimal_as_its_dual_certifies(decay):
    for seed in range(25):
        inputs, targets = random_data(seed)
        limit = theory.zero_noise_limit(inputs, targets, decay)
        count, residual = len(inputs), limit.residual
        outputs = theory.outputs(limit.angles, limit.masses, inputs)
        assert outputs == pytest.approx(targets + count * residual, abs=1e-9)
        assert theory.largest_field(inputs, residual) <= decay * (1 + 1e-9)
        norm = np.abs(limit.masses).sum()
        primal = np.sum((outputs - targets) ** 2) / (2 * count) + decay * norm
        dual = -residual @ (count * residual / 2 + targets)
        assert primal == pytest.approx(dual, rel=1e-8)


def test_the_limit_is_the_least_norm_interpolant_of_its_own_outputs():
    """Which another algorithm finds, for a problem without decay."""
    points = np.linspace(-3, 3, 61)
    for seed in range(25):
        inputs, targets = random_data(seed)
        limit = theory.zero_noise_limit(inputs, targets, 0.02)
        outputs = theory.outputs(limit.angles, limit.masses, inputs)
        found = networks.least_norm_interpolants(inputs[None], outputs[None]).network
        norm = np.abs(limit.masses).sum()
        assert np.abs(found.masses).sum() == pytest.approx(norm, rel=1e-8)
        curve = theory.outputs(limit.angles, limit.masses, points)
        assert networks.outputs(found, points[None])[0] == pytest.approx(curve, abs=1e-3 * norm)


def test_the_gibbs_measure_tends_to_the_limit():
    limit = theory.zero_noise_limit(*VALLEY, 0.02)
    points = np.linspace(-2, 2, 41)
    curve = theory.outputs(limit.angles, limit.masses, points)
    measure, wrong = None, []
    for beta in (1e3, 1e5, 1e7):
        measure = theory.gibbs(*VALLEY, 0.02, beta, start=measure)
        wrong.append(np.max(np.abs(theory.outputs(measure.angles, measure.masses, points) - curve)))
    assert np.all(np.diff(wrong) < 0)
    assert wrong[-1] < 1e-3


def test_a_sinusoid_touches_its_bound_at_the_peak_or_at_the_ends():
    """Never at both, on an arc shorter than a half turn: hence the numbers of knots."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        low = rng.uniform(-1.4, 1.2)
        arc = np.linspace(low, rng.uniform(low + 0.05, 1.45), 2001)
        g = np.abs(np.cos(arc - rng.uniform(-np.pi, np.pi)))
        touching = g > g.max() * (1 - 1e-9)
        assert touching[1:-1].any() != touching[[0, -1]].any()
    assert theory.MOST_KNOTS_INSIDE == 1 + 1
    assert theory.MOST_KNOTS == 1 + 2


def test_the_quartile_is_that_of_students_law():
    """The profile is Student's with three degrees of freedom, for t times the root of three."""
    assert pytest.approx(stats.t.ppf(0.75, 3) / math.sqrt(3), rel=1e-12) == theory.QUARTILE


@pytest.mark.parametrize("beta", [1e5, 1e7])
def test_widths_gaps_and_stray_mass_at_low_temperature(beta):
    """To leading order: what is left out falls like the root of the temperature."""
    decay, distance = 0.02, 0.1
    limit = theory.zero_noise_limit(*VALLEY, decay)
    left_out = theory.next_order(limit, VALLEY[0], decay, beta, distance)
    assert left_out < 60 / math.sqrt(beta)
    splits = theory.edges_around(limit, distance)
    measure = theory.gibbs(*VALLEY, decay, beta, splits=splits)
    peaks = limit.peaked

    knot = int(np.flatnonzero(peaks & (np.cos(limit.angles) < 0))[0])
    place = theory.knots(limit.angles)[knot]
    width = theory.knot_widths(limit, decay, beta)[knot]
    points = place + width * np.sinh(np.linspace(-6, 6, 4001))
    points = points[np.abs(points - place) < 0.1]
    curve = np.abs(theory.curvature(VALLEY[0], measure.residual, decay, beta, points))
    below = integrate.cumulative_trapezoid(curve, points, initial=0)
    low, high = np.interp([0.25, 0.75], below / below[-1], points)
    assert (high - low) / width == pytest.approx(1, abs=left_out)

    found = theory.clusters(limit, decay, beta)
    height = field(limit.angles, VALLEY[0], measure.residual)
    gaps = (decay**2 - height**2)[peaks]
    assert gaps == pytest.approx(found.gaps[peaks], rel=2 * left_out)
    partition = math.exp(log_partition(VALLEY[0], measure.residual, decay))
    assert partition == pytest.approx(found.partition, rel=2 * left_out)
    far = theory.far_from(limit, measure.angles, distance)
    share = np.abs(measure.masses) @ far / np.abs(measure.masses).sum()
    stray = theory.stray_share(limit, VALLEY[0], decay, beta, distance)
    assert share / stray == pytest.approx(1, abs=3 * left_out)


def test_exponents_are_those_of_the_formulas():
    limit = theory.zero_noise_limit(*VALLEY, 0.02)
    cold, colder = 1e8, 1e10
    decades = math.log10(colder / cold)
    peaks = limit.peaked
    widths = [theory.knot_widths(limit, 0.02, beta)[peaks] for beta in (cold, colder)]
    assert np.log10(widths[1] / widths[0]) / decades == pytest.approx(theory.KNOT_WIDTH_EXPONENT)
    stray = [theory.stray_share(limit, VALLEY[0], 0.02, beta, 0.1) for beta in (cold, colder)]
    assert math.log10(stray[1] / stray[0]) / decades == pytest.approx(theory.STRAY_MASS_EXPONENT)
    # A gap at an input, and so its width, is in proportion to 1 / (beta Z).
    partitions = [theory.clusters(limit, 0.02, beta).partition for beta in (cold, colder)]
    power = -1 - math.log10(partitions[1] / partitions[0]) / decades
    assert power == pytest.approx(theory.KINK_WIDTH_EXPONENT)


def test_without_a_knot_off_the_data_there_is_no_cluster():
    limit = theory.zero_noise_limit(*VALLEY, 0.02)
    with pytest.raises(ValueError, match="no knot away"):
        theory.clusters(limit._replace(peaked=np.zeros(3, bool)), 0.02, 1e6)


def test_two_point_knots_by_a_linear_program():
    rng = np.random.default_rng(0)
    grid = np.linspace(0, 2 * np.pi, 2001)
    for _ in range(4):
        inputs = np.array([-1, 1]) * rng.uniform(1.1, 4, 2)
        targets = np.array([-1, 1]) * rng.uniform(0.2, 2, 2)
        h = theory.features(grid, inputs)
        solved = optimize.linprog(
            np.ones(2 * len(grid)), A_eq=np.hstack([h, -h]), b_eq=targets, method="highs"
        )
        masses = solved.x[: len(grid)] - solved.x[len(grid) :]
        used = theory.knots(grid[np.abs(masses) > 1e-9])
        apart = np.abs(used[:, None] - theory.two_point_knots(inputs))
        assert np.all(apart.min(axis=0) < 0.01)
        assert np.all(apart.min(axis=1) < 0.01)
        norm = np.sum(np.abs(targets) / np.hypot(1, inputs))
        assert norm * (1 - 1e-9) <= solved.fun <= norm * (1 + 1e-5)
