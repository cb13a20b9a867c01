"""The constants of overfitting in one dimension against simulation, quadrature and limits.

Simulations are compared at six standard errors: a false alarm rate of 2e-9 each, and the draws are
fixed. They use the interpolant itself, which knows nothing of the formulas tested here.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from instruments import min_norm_interpolation as interpolation
from theory.generalization import tempered_overfitting as theory

SIX = 6.0


def assert_mean_is(sample, predicted, slack=0.0):
    error = abs(np.mean(sample) - predicted)
    assert error <= slack + SIX * stats.sem(sample, axis=None), (np.mean(sample), predicted)


def simulate(spacing, sets=60, samples=10_000, seed=0):
    """Interpolants of pure noise."""
    rng = np.random.default_rng(seed)
    gaps = rng.standard_exponential((sets, samples + 1))
    if spacing == "grid":
        gaps = np.ones_like(gaps)
    sums = np.cumsum(gaps, axis=1)
    inputs = sums[:, :-1] / sums[:, -1:]
    return interpolation.interpolate(inputs, rng.standard_normal(inputs.shape))


def interval_errors(fit, power):
    """Errors of the intervals, times the number of points, (sets, intervals)."""
    means = interpolation.piece_integrals(
        fit.targets, interpolation.middles(fit), interpolation.fractions(fit), power=power
    )
    return means * np.diff(fit.inputs) * fit.inputs.shape[1]


@pytest.fixture(scope="module")
def random():
    return simulate("random")


@pytest.fixture(scope="module")
def grid():
    return simulate("grid", sets=30)


# --- the linear spline, and uniqueness


def test_spline_constants_by_quadrature():
    def deviation(t):
        return math.hypot(1 - t, t)

    mean, _ = integrate.quad(deviation, 0, 1)
    square, _ = integrate.quad(lambda t: deviation(t) ** 2, 0, 1)
    assert theory.spline_l1() == pytest.approx(math.sqrt(2 / math.pi) * mean)
    assert pytest.approx(square) == theory.SPLINE_L2


def test_covered_length():
    inputs = np.random.default_rng(0).random((200_000, 5))
    assert_mean_is(np.ptp(inputs, axis=1), theory.covered(5))


def test_deviation_bound_holds_for_one_moved_knot():
    """A bend of size 1 at t, replaced by two at t - d and t + d."""
    t, d = 0.4, 1e-3
    norm, moved = interpolation.weight(np.array([[t, t], [t - d, t + d]])).mean(axis=1)
    deviation = d / 2
    assert deviation / norm <= theory.deviation_bound(moved / norm - 1)
    assert deviation / norm >= 0.2 * theory.deviation_bound(moved / norm - 1)


# --- averages over runs


def weighted(gap, y, s):
    return math.exp(-gap) * special.ndtr(y - s * gap)


@pytest.mark.parametrize("inputs", ["random", "grid"])
def test_outer_bends_down_by_quadrature(inputs):
    values, slopes = np.meshgrid([-2.5, -0.3, 0.0, 1.1, 4.0], [-50.0, -1.0, -1e-4, 0.2, 3.0, 1e5])
    chances = theory.outer_bends_down(values, slopes, inputs)
    for y, s, chance in zip(values.flat, slopes.flat, chances.flat, strict=True):
        exact = special.ndtr(y - s)
        if inputs == "random":
            # The Gaussian falls off around gap = y/s, within some 1/s.
            ends = sorted({0.0, 40.0, *np.clip([y / s - 9 / abs(s), y / s + 9 / abs(s)], 0, 40)})
            parts = [integrate.quad(weighted, *part, args=(y, s))[0] for part in pairwise(ends)]
            exact = sum(parts)
        assert chance == pytest.approx(exact, abs=1e-8)
        reflected = theory.outer_bends_down(np.array(-y), np.array(-s), inputs)
        assert chance == pytest.approx(1 - reflected, abs=1e-12)


def test_line_slopes_minimise():
    """Against a general optimiser, and against the exact interpolant at a scale of no curvature."""
    rng = np.random.default_rng(0)
    gaps = rng.standard_exponential((30, 4))
    slopes = np.cumsum(rng.standard_exponential((30, 6)), axis=1)
    lines = theory.line_slopes(gaps, slopes, sweeps=2000)

    def loss(inner, length, s):
        g = np.concatenate([s[:1], inner, s[-1:]])
        alpha, beta = s[1:-1] - g[:-1], g[1:] - s[1:-1]
        return -np.sum(length**2 * alpha * beta / (alpha + beta + 1e-300))

    for length, s, g in zip(gaps, slopes, lines, strict=True):
        bounds = list(pairwise(s[1:5]))
        best = optimize.minimize(loss, s[1:4] + 1e-3, args=(length, s), bounds=bounds)
        assert loss(g[1:-1], length, s) <= best.fun + 1e-9

    x = 1e-6 * np.cumsum(np.concatenate([np.ones((30, 1)), gaps, np.ones((30, 1))], axis=1), axis=1)
    x = np.concatenate([np.zeros((30, 1)), x], axis=1)
    y = np.concatenate([np.zeros((30, 1)), np.cumsum(slopes * np.diff(x), axis=1)], axis=1)
    fit = interpolation.interpolate(x, y)
    alpha = slopes[:, 1:-1] - lines[:, :-1]
    assert fit.left[:, 1:-1] == pytest.approx(alpha, abs=1e-4)


@pytest.mark.parametrize("inputs", ["random", "grid"])
def test_run_shares_by_counting(inputs, request):
    fit = request.getfixturevalue(inputs)
    up = np.diff(np.diff(fit.targets) / np.diff(fit.inputs)) > 0
    in_run = up[:, 1:] == up[:, :-1]
    shares = theory.run_shares(inputs)
    assert_mean_is(~in_run, shares[0], slack=1e-3)
    # Isolated intervals are inside runs of two points.
    pairs = in_run[:, 1:-1] & ~in_run[:, :-2] & ~in_run[:, 2:]
    assert_mean_is(pairs, shares[1], slack=1e-3)
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
def test_error_constants_on_a_grid_by_simulation(power, grid):
    error = interval_errors(grid, power)[:, 10:-10].mean(axis=1)
    predicted = theory.error_constant(power, "grid")
    assert_mean_is(error, predicted, slack=predicted * theory.grid_error(power))


def test_l1_constant_by_simulation(random):
    error = interval_errors(random, 1.0)[:, 10:-10].mean(axis=1)
    predicted = theory.error_constant(1.0)
    assert_mean_is(error, predicted, slack=predicted * theory.QUADRATURE_ERROR)
    # The formula for the standard error is an upper bound of the right order.
    spread = np.std(error) / theory.l1_standard_error(random.inputs.shape[1])
    assert 0.5 < spread < 1.3


def test_quadrature_error_by_scrambled_points(monkeypatch):
    """Other points that fill the cube evenly give the same constant within the stated error."""
    predicted = theory.error_constant(1.0)

    def scrambled(dimension, log2_points):
        return stats.qmc.Sobol(dimension, rng=0).random_base2(log2_points)

    monkeypatch.setattr(theory, "_sobol", scrambled)
    monkeypatch.setattr(theory, "_runs", theory._runs.__wrapped__)
    constant = theory.error_constant.__wrapped__(1.0)
    assert constant == pytest.approx(predicted, rel=theory.QUADRATURE_ERROR)


def test_no_constant_where_there_is_none():
    with pytest.raises(ValueError, match="no limit for p = 2"):
        theory.error_constant(2.0)


def test_skewness_of_the_l1_error():
    """Means of n terms with tail D/x^2 and little else, D = 6/pi."""
    rng = np.random.default_rng(0)
    n, d = 1000, 6 / math.pi
    terms = np.sqrt(d / rng.random((6000, n)))
    shift = 2 * math.sqrt(d) - np.median(terms.mean(axis=1))
    assert 0.5 < shift / theory.l1_skewness(n) < 1.5


# --- spikes and the L2 error


@pytest.mark.parametrize("height", [10.0, 20.0, 40.0])
def test_spikes_by_simulation(height, random):
    tall = np.abs(interpolation.heights(random))[:, 1:-1] > height
    predicted = theory.spike_probability(height)
    assert_mean_is(tall.mean(axis=1), predicted, slack=predicted / height**2)


def test_spikes_far_out_by_expansion():
    for height in (300.0, 1000.0):
        leading = theory.SPIKE_CONSTANT / height**2
        second = 1 - theory.spike_next_order(height)
        assert theory.spike_probability(height) / leading == pytest.approx(second, abs=2e-3)


def test_l2_parts_far_out_by_expansion():
    """The spike alone has twice the second term of the whole error."""
    for x in (1e5, 1e6):
        expected = theory.SPIKE_CONSTANT - 2 * theory.L2_SECOND / math.sqrt(x)
        assert x * theory.l2_probability(x) == pytest.approx(expected, rel=3e-3)


def test_l2_tail_and_offset_by_simulation(random):
    error = interval_errors(random, 2.0)[:, 10:-10]
    x = 1000.0
    tail = theory.SPIKE_CONSTANT - theory.L2_SECOND / math.sqrt(x)
    # To the next order, 1/x up to a constant.
    assert_mean_is(x * (error > x).mean(axis=1), tail, slack=30 / x)
    truncated = np.minimum(error, x).mean(axis=1)
    predicted = theory.l2_offset() + theory.SPIKE_CONSTANT * math.log(x)
    assert_mean_is(
        truncated, predicted + 2 * theory.L2_SECOND / math.sqrt(x), slack=theory.OFFSET_ERROR
    )


@pytest.mark.parametrize("theta", [0.3, 1.0, 2.5])
def test_landaus_law_has_the_right_transform(theta):
    r"""$E e^{-\theta(R-A)} = e^{C\theta\log\theta}$ with C = 2/pi, at the location A."""
    n = 1000
    a = float(theory.l2_location(n))

    def density(x):
        return stats.landau.pdf(x - a) * math.exp(-theta * (x - a))

    value, _ = integrate.quad(density, a - 6, a + 60, limit=300)
    assert value == pytest.approx(theta ** (theory.SPIKE_CONSTANT * theta), rel=1e-4)


def test_l2_law_and_its_median():
    for n in (100, 10_000):
        assert theory.l2_cdf(theory.l2_median(n), n) == pytest.approx(0.5)
    growth = theory.l2_median(1000 * math.e) - theory.l2_median(1000)
    assert growth == pytest.approx(theory.SPIKE_CONSTANT)
    x = np.linspace(-3, 5, 2001)
    assert np.max(stats.landau.pdf(x)) == pytest.approx(theory.LANDAU_PEAK, rel=1e-5)


def test_l2_law_in_a_model_of_independent_terms():
    """Sums of Pareto variables, E min(X, x) = C log x + m with m = C - C log C."""
    c, n = theory.SPIKE_CONSTANT, 3000
    rng = np.random.default_rng(0)
    sums = np.array([np.mean(c / rng.random(n)) for _ in range(4000)])
    location = c * (math.log(n) - np.euler_gamma) + c - c * math.log(c)
    distance = stats.kstest(sums - location, stats.landau.cdf).statistic
    # Known from 4000 draws to within 0.05, at a false alarm rate of 1e-8.
    assert distance < 0.05


def test_standard_error_of_medians():
    rng = np.random.default_rng(0)
    medians = np.median(stats.landau.rvs(size=(2000, 401), random_state=rng), axis=1)
    predicted = theory.median_error(theory.LANDAU_AT_MEDIAN, 401)
    assert np.std(medians) == pytest.approx(predicted, rel=0.1)
    medians = np.median(np.log(stats.levy.rvs(size=(2000, 401), random_state=rng)), axis=1)
    predicted = theory.median_error(theory.LEVY_AT_MEDIAN, 401)
    assert np.std(medians) == pytest.approx(predicted, rel=0.1)


# --- other powers


def test_growth_exponents():
    assert [theory.growth_exponent(p) for p in (1, 1.5, 2, 3, 4)] == [0, 0, 0, 0.5, 1]


def invert(transform, t, nodes=64):
    """Inverse Laplace transform by Talbot's contour."""
    angle = -math.pi + (np.arange(nodes) + 0.5) * 2 * math.pi / nodes
    inner = 0.6407 * angle
    z = nodes / t * (0.5017 * angle / np.tan(inner) - 0.6122 + 0.2645j * angle)
    speed = 0.5017 / np.tan(inner) - 0.5017 * inner / np.sin(inner) ** 2 + 0.2645j
    return float(np.sum(np.exp(z * t) * transform(z) * nodes / t * speed).imag / nodes)


def test_l4_median_and_its_correction_by_inversion():
    """The law of the sum from the tail's two terms, inverted numerically at large n."""
    c = math.gamma(3.5) / (math.pi * math.sqrt(5))
    kappa = 1.25 * math.gamma(3.75) / math.sqrt(math.pi) * 5**-0.75 / c

    def distribution(s, n):
        def transform(z):
            tail = math.gamma(0.5) * z**0.5 - kappa * math.gamma(0.25) * z**0.75 / math.sqrt(n)
            return np.exp(-c * tail) / z

        return invert(transform, s)

    assert distribution(theory.l4_median(1), math.inf) == pytest.approx(0.5, abs=1e-9)
    n = 1e8
    median = optimize.brentq(lambda s: distribution(s, n) - 0.5, 0.7, 0.8)
    assert 1 - median / theory.l4_median(1) == pytest.approx(theory.l4_next_order(n), rel=5e-3)


def test_exceeding_probability_is_the_l2_tail_at_p_2():
    """The constant of one spike's tail, P(l h^p/(p+1) > x), at p = 2 and by simulation at 1.5."""
    rng = np.random.default_rng(0)
    n, c = 1000.0, theory.error_constant(1.5)
    gaps = rng.gamma(3.0, size=400_000)
    # P(U + V < u) = u^2 / 2 pi and two directions; E l^2 = 2 is the weight of Gamma(3).
    heights = (1.5 + 1) * n * c / gaps
    chance = 2 / math.pi * heights ** (-2 / 1.5)
    assert_mean_is(n * chance, theory.exceeding_probability(1.5, n))
    vanishing = theory.exceeding_probability(1.5, 8 * n) / theory.exceeding_probability(1.5, n)
    assert vanishing == pytest.approx(0.5)


# --- expectations


@pytest.mark.parametrize("n", [2, 5, 20])
def test_boundary_by_quadrature(n):
    """One end far out: the gap is short, given the first input; the other end doubles it."""
    error = 1e7

    def chance(x):
        # E(1 - exp) of the step of the noise, to first order in the gap.
        gap = 2 / math.sqrt(math.pi) * x**2 / (2 * error)
        return gap * n * (n - 1) * (1 - x) ** (n - 2)

    one_end, _ = integrate.quad(chance, 0, 1)
    assert theory.boundary_probability(n, error) == pytest.approx(2 * one_end, rel=1e-9)


def test_boundary_by_simulation():
    rng = np.random.default_rng(0)
    n, sets = 4, 1_000_000
    x, y = np.sort(rng.random((sets, n)), axis=1), rng.standard_normal((sets, n))
    slopes = np.diff(y, axis=1) / np.diff(x, axis=1)
    left = np.abs(slopes[:, 0]) * x[:, 0] ** 2 / 2
    right = np.abs(slopes[:, -1]) * (1 - x[:, -1]) ** 2 / 2
    for error in (30.0, 100.0):
        predicted = theory.boundary_probability(n, error)
        slack = predicted * theory.boundary_next_order(error)
        assert_mean_is(left + right > error, predicted, slack=slack)
