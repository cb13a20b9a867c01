"""The predictions for early alignment against limits, quadrature, optimisation and brute force."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, optimize, special

from theory.dynamics import early_neuron_alignment as theory

SEPARATIONS = (0.7, 0.3, 0.1, 1e-2, 1e-4, 1e-8)


def worst_case_time(s, separation):
    """The integral of step 3 of the module's proof, by quadrature; infeasible s give nothing."""
    end = math.sqrt((1 / separation**2 - 1) * (1 - s**2)) - s
    if end < 0:
        return 0.0

    def before(x):
        return 1 / math.sqrt(1 + 2 * (s - x) ** 2)

    def after(log_x):
        # |w|^2 grows at the rate 2 p >= 2 min(2 x, s + x), from one.
        x = math.exp(log_x)
        squared = 1 + (2 * x**2 if x < s else 2 * s**2 + x**2 + 2 * s * x - 3 * s**2)
        return x / math.sqrt(squared)

    first = integrate.quad(before, 0, s)[0]
    ends = [-40.0, math.log(end)]
    if 0 < s < end:
        ends.insert(1, math.log(s))
    parts = [integrate.quad(after, *pair, limit=200)[0] for pair in pairwise(ends)]
    return first + sum(parts)


@pytest.mark.parametrize("separation", SEPARATIONS)
def test_no_start_of_the_proof_takes_longer_than_the_bound(separation):
    times = [worst_case_time(s, separation) for s in np.linspace(0, 0.99, 67)]
    bound = theory.alignment_time_bound(separation)
    assert max(times) <= bound
    # Without samples of the other label the proof gives arcosh(1/mu).
    assert times[0] == pytest.approx(np.arccosh(1 / separation), abs=1e-7)


def test_the_excess_is_the_maximum_that_the_proof_gives():
    found = optimize.minimize_scalar(
        lambda s: -(worst_case_time(s, 1e-8) - np.arccosh(1e8)), bounds=(0.1, 0.5), method="bounded"
    )
    assert 0 < theory.OTHER_LABEL_EXCESS + found.fun < 1e-4


def by_hand(gram, start, late):
    """Time of w = w0 + tau z_1 until the late samples switch, by quadrature."""
    end = max(-start[k] / gram[0, k] for k in late)
    squared = start @ np.linalg.solve(gram, start)
    return integrate.quad(lambda x: 1 / math.sqrt(squared + x**2), 0, end, limit=500)[0]


@pytest.mark.parametrize("separation", [0.3, 1e-2])
@pytest.mark.parametrize(("samples", "late"), [(2, 1), (5, 1), (5, 2), (5, 4)])
def test_latecomers_by_quadrature(samples, late, separation):
    gram = np.full((samples, samples), separation) + (1 - separation) * np.eye(samples)
    levels = np.zeros(samples)
    levels[1 : late + 1] = -1
    levels /= math.sqrt(levels @ np.linalg.solve(gram, levels))
    time = by_hand(gram, levels, range(1, late + 1))
    assert theory.latecomers_time(samples, separation, late) == pytest.approx(time, rel=1e-8)


def test_latecomers_stay_within_the_bound_and_attain_it_for_two_samples():
    n, mu = np.meshgrid([2, 3, 10, 1000], SEPARATIONS)
    assert np.all(theory.latecomers_time(n, mu) <= np.arccosh(1 / mu) * (1 + 1e-14))
    np.testing.assert_allclose(theory.latecomers_time(2, mu), np.arccosh(1 / mu), rtol=1e-7)
    # Few separated samples are as slow as two.
    assert theory.latecomers_time(10, 1e-6) == pytest.approx(np.arccosh(1e6), rel=1e-5)


def test_the_rate_of_the_paper_needs_its_constant_somewhere():
    n, mu = np.meshgrid([2, 3, 10, 1000], np.geomspace(1e-9, 0.999, 4001))
    shares = theory.alignment_time_bound(mu) / theory.root_rate(n, mu)
    # Near mu = 1 the constant excess is all there is.
    assert np.max(shares) == pytest.approx(theory.root_rate_constant(), rel=1e-5)
    assert np.all(theory.root_time(n, mu, 1) == theory.root_rate(n, mu))


def test_growths_differ_by_orders_and_the_error_covers_what_is_unknown():
    n = np.array([2, 10, 1000])
    np.testing.assert_allclose(theory.root_growth(n, 1e-2, 1e-6), 100)
    growth = theory.latecomers_growth(n, 1e-2, 1e-6)
    assert np.all(growth < 3.1)
    error = theory.growth_error(n, 1e-2, 1e-6)
    low, high = np.arccosh(1e2), np.arccosh(1e6)
    slack = theory.OTHER_LABEL_EXCESS
    assert np.all(growth + error >= (high + slack) / theory.latecomers_time(n, 1e-2) - 1e-12)
    assert growth[0] - error[0] <= high / (low + slack) + 1e-12


def test_one_step_of_descent_loses_the_twist():
    rng = np.random.default_rng(0)
    w, g, v, step = rng.normal(size=4), rng.normal(size=4), 1.7, 1e-3
    before = v**2 - w @ w
    after = (v + step * (w @ g)) ** 2 - np.sum((w + step * v * g) ** 2)
    twist = step * (v**2 * (g @ g) - (w @ g) ** 2)
    assert after - before == pytest.approx(theory.descent_imbalance(step, twist), rel=1e-9)
    assert theory.descent_error(step, 10) == pytest.approx(0.01)


def test_errors_of_the_limit_vanish_with_the_scale():
    for error in (
        theory.direction_exponent_error,
        theory.clock_error,
        theory.excess_exponent_error,
    ):
        assert 0 < error(1e-4) < error(1e-2) < 1 / 4


def cone(rng, count, dimension):
    points = rng.normal(size=(count, dimension)) / math.sqrt(dimension)
    points[:, 0] += 1
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize(("count", "dimension"), [(1, 3), (4, 10), (30, 3)])
def test_margin_solves_its_quadratic_programme(count, dimension):
    points = cone(np.random.default_rng(1), count, dimension)
    margin = theory.hard_margin(points)
    assert np.linalg.norm(margin.direction) == pytest.approx(1)
    # No direction has a larger least product, and no point of the hull is nearer.
    assert np.min(points @ margin.direction) == pytest.approx(margin.distance)
    found = optimize.minimize(
        lambda x: np.sum((np.exp(x) @ points / np.sum(np.exp(x))) ** 2),
        np.zeros(count),
        options={"gtol": 1e-12},
    )
    assert math.sqrt(found.fun) == pytest.approx(margin.distance, abs=1e-5)
    assert 0 <= margin.entropy <= math.log(count) + 1e-12
    assert margin.offset @ margin.direction == pytest.approx(0, abs=1e-9)


def test_margin_of_equally_correlated_points():
    gram = np.full((5, 5), 0.2) + 0.8 * np.eye(5)
    margin = theory.hard_margin(np.linalg.cholesky(gram))
    assert margin.distance == pytest.approx(math.sqrt((1 + 4 * 0.2) / 5))
    assert margin.entropy == pytest.approx(math.log(5))
    assert margin.next_order == pytest.approx(0, abs=1e-12)


def test_late_weights_share_the_loss_as_the_margin_does():
    points = cone(np.random.default_rng(2), 4, 50)
    margin = theory.hard_margin(points)
    losses = np.exp(-points @ theory.late_weights(30.0, margin))
    assert np.sum(losses) == pytest.approx(math.exp(-30))
    nearest = np.linalg.lstsq(points.T, margin.distance * margin.direction, rcond=None)[0]
    np.testing.assert_allclose(losses / np.sum(losses), nearest, rtol=1e-8)


def linear_network(points, log_times):
    """A balanced rank-one linear network by an independent solver, in log time; log(1/L), beta."""

    def velocity(log_time, beta):
        norm = np.linalg.norm(beta)
        pull = np.exp(-points @ beta) @ points
        turn = beta / norm * (beta @ pull / norm)
        return math.exp(log_time) * norm * (pull + turn)

    start = 1e-3 * np.sum(points, axis=0)
    run = integrate.solve_ivp(
        velocity,
        (-3, log_times[-1]),
        start,
        method="LSODA",
        t_eval=log_times,
        rtol=1e-10,
        atol=1e-12,
    )
    return -np.log(np.sum(np.exp(-run.y.T @ points.T), axis=1)), run.y.T


def test_late_phase_against_a_solver():
    """Loss, exponent and weights of a class over eight decades of time, to order 1/l^2."""
    points = cone(np.random.default_rng(3), 4, 50)
    margin = theory.hard_margin(points)
    log_times = np.log(10) * np.array([6.0, 6.001, 10.0, 10.001])
    log_loss, beta = linear_network(points, log_times)
    second_order = margin.next_order / log_loss**2
    predicted = theory.late_loss(np.exp(log_times), margin)
    assert np.all(np.abs(np.exp(-log_loss) / predicted - 1) < second_order / 2)
    for i in (0, 2):
        slope = (log_loss[i + 1] - log_loss[i]) / (log_times[i + 1] - log_times[i])
        exponent = theory.local_exponent(log_loss[i], margin)
        assert -slope == pytest.approx(exponent, rel=1e-3)
        rate = theory.inverse_loss_rate(log_loss[i], margin)
        assert slope * np.exp(log_loss[i] - log_times[i]) == pytest.approx(rate, rel=1e-3)
        away = beta[i] - theory.late_weights(log_loss[i], margin)
        error = theory.late_weights_error(log_loss[i], margin)
        assert np.linalg.norm(away) < 1.5 * error * np.linalg.norm(beta[i])


def test_late_loss_solves_its_equation_and_tends_to_the_law_with_a_logarithm():
    margin = theory.hard_margin(np.linalg.cholesky(np.full((3, 3), 0.1) + 0.9 * np.eye(3)))
    times = np.array([1e3, 1e30, 1e200])
    ell = theory.late_log_loss(times, margin)
    # The inverse loss grows at the rate 2 m (l + H): integrate that, from l = 1.
    integral = integrate.quad(lambda y: math.exp(y) / (y + margin.entropy), 1, ell[0])[0]
    before = math.exp(-margin.entropy) * special.expi(1 + margin.entropy)
    assert integral + before == pytest.approx(2 * margin.distance * 1e3)
    ratio = theory.late_loss(times, margin) * 2 * margin.distance * times * np.log(times)
    assert np.all(np.diff(np.abs(ratio - 1)) < 0)
    assert ratio[-1] == pytest.approx(1, abs=0.02)
    rates = theory.inverse_time_loss(times, margin) / theory.late_loss(times, margin)
    np.testing.assert_allclose(rates, np.log(times) / ratio)
    assert np.all(theory.square_root_loss(times, margin) > theory.inverse_time_loss(times, margin))


def test_local_exponent_is_minus_one_less_its_series():
    margin = theory.hard_margin(np.eye(2))
    ell = np.array([20.0, 50.0, 300.0])
    x = ell + math.log(2)
    series = -1 - 1 / x - 2 / x**2 - 6 / x**3
    np.testing.assert_allclose(theory.local_exponent(ell, margin), series, atol=40 / x[0] ** 4)
    first = theory.first_correction(ell, margin)
    assert np.all(theory.local_exponent(ell, margin) < first)
    assert np.all(first < theory.exponent_one(ell, margin))


def test_stable_rank_against_singular_values():
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(2, 6))
    # Rows v_j beta/|beta| with sum v_j^2 = |beta|.
    rows = [
        np.outer(share, beta / np.linalg.norm(beta)) * math.sqrt(np.linalg.norm(beta))
        for share, beta in (([0.6, 0.8], first), ([0.28, 0.96], second))
    ]
    values = np.linalg.svd(np.concatenate(rows), compute_uv=False)
    assert theory.stable_rank(first, second) == pytest.approx(np.sum(values**2) / values[0] ** 2)
    assert theory.stable_rank(first, -3 * first) == pytest.approx(1)
    assert theory.stable_rank(np.eye(2)[0], np.eye(2)[1]) == pytest.approx(2)


def test_late_stable_rank_tends_to_that_of_the_margins():
    rng = np.random.default_rng(5)
    both = [theory.hard_margin(cone(rng, 4, 50)) for _ in range(2)]
    limit = theory.stable_rank(*(m.direction / m.distance for m in both))
    away = [abs(theory.late_stable_rank(t, *both) - limit) for t in (1e4, 1e20, 1e200)]
    assert away[0] > away[1] > away[2]
    assert away[2] < 1e-3
