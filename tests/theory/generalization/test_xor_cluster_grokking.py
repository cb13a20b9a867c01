"""The predictions for XOR clusters against limits, quadrature and brute force.

Brute-force frequencies are compared at six standard errors: a false alarm rate of 2e-9 each, and
the draws are fixed.
"""

import math

import numpy as np
import pytest
from scipy import stats

from theory.generalization import xor_cluster_grokking as theory

SIX = 6.0


def assert_mean_is(sample: np.ndarray, predicted: float, slack: float = 0.0) -> None:
    error = abs(np.mean(sample) - predicted)
    assert error <= slack + SIX * stats.sem(sample, axis=None), (np.mean(sample), predicted)


@pytest.mark.parametrize(("samples", "width", "dimension"), [(400, 200, 1e17), (1000, 1000, 1e18)])
def test_regime_meets_every_assumption_with_equality(samples, width, dimension):
    r = theory.regime(samples, width, dimension)
    assert r.constant > 3
    assert r.squared_signal == pytest.approx(r.constant * samples**0.51 * math.sqrt(dimension))
    assert dimension == pytest.approx(r.constant * samples**2 * r.squared_signal)
    assert r.step_size * r.constant * samples * dimension == pytest.approx(1)
    assert r.init_scale * samples * (width * dimension) ** 1.5 == pytest.approx(
        r.step_size * r.squared_signal
    )
    assert width >= r.constant * samples**0.02


def test_one_step_training_error_tends_to_the_wide_network():
    wide = theory.one_step_training_error(200, [100.0, 800.0], 10**12)
    assert wide == pytest.approx(stats.norm.cdf(-np.sqrt(np.array([100, 800]) / 199)))
    assert np.all(theory.one_step_training_error(200, [100.0, 800.0], 50) > wide)


@pytest.mark.parametrize(("dimension", "width"), [(40, 200), (150, 200), (150, 20)])
def test_one_step_training_error_by_brute_force(dimension, width):
    """One explicit step of gradient descent from a vanishing initialisation, without clusters.

    What is left out are fluctuations of |x|^2, of relative order 1/p in the argument.
    """
    rng = np.random.default_rng(dimension + width)
    samples, errors = 60, []
    for _ in range(150):
        x = rng.standard_normal((samples, dimension))
        y = rng.choice([-1, 1], samples)
        s = rng.choice([-1, 1], width)
        on = x @ rng.standard_normal((dimension, width)) > 0
        pre = x @ x.T @ (on * y[:, None]) * s
        errors.append(np.mean(y * (np.maximum(pre, 0) @ s) <= 0))
    predicted = theory.one_step_training_error(samples, dimension, width)
    assert_mean_is(np.array(errors), predicted, slack=predicted / dimension)


def one_step_parts(width: int, runs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd and even part for n=1: D ~ N(0, 1/2), D_j ~ N(D/2, 1/8)."""
    rng = np.random.default_rng(seed)
    bias = rng.standard_normal((runs, 1)) * math.sqrt(0.5)
    first = bias / 2 + rng.standard_normal((runs, width)) * math.sqrt(0.125)
    signs = rng.choice([-1, 1], (runs, width))
    return first.sum(axis=1) / 2, (signs * np.abs(first)).sum(axis=1) / 2


@pytest.mark.parametrize("width", [8, 64])
def test_one_step_squares_by_brute_force(width):
    odd, even = one_step_parts(width, 40_000, seed=width)
    predicted = theory.one_step_odd_even_squares(1, width)
    assert_mean_is(odd**2, predicted[0])
    assert_mean_is(even**2, predicted[1])


@pytest.mark.parametrize("width", [64, 256])
def test_same_sign_probability_by_brute_force(width):
    odd, even = one_step_parts(width, 20_000, seed=width)
    assert_mean_is(np.abs(even) > np.abs(odd), theory.same_sign_probability(width), 1 / width)


@pytest.mark.parametrize("width", [16, 256, 4096])
def test_same_sign_probability_by_two_dimensional_quadrature(width):
    """Over the odd part and its mean, by Gauss-Legendre on either side of the kink at zero."""
    nodes, weights = np.polynomial.legendre.leggauss(500)
    mean, odd = 40 * nodes[:, None], 25 * (nodes[None, :] + 1)
    d = mean / math.sqrt(width)
    even_exceeds = 2 * stats.norm.sf(odd / np.sqrt(1 + d**2))
    density = stats.norm.pdf(d) * (stats.norm.pdf(odd - mean) + stats.norm.pdf(-odd - mean))
    by_quadrature = 40 * 25 / math.sqrt(width) * weights @ (even_exceeds * density) @ weights
    assert theory.same_sign_probability(width) == pytest.approx(by_quadrature, abs=1e-10)


def test_same_sign_probability_tends_to_its_limit():
    for width in (10**3, 10**5, 10**7):
        limit = 2 / math.pi / math.sqrt(width)
        assert theory.same_sign_probability(width) == pytest.approx(limit, rel=2 / width + 1e-9)


def test_one_step_accuracy_variance_by_brute_force():
    """Both classes, whose neurons vote with the same signs."""
    width, runs = 64, 60_000
    rng = np.random.default_rng(1)
    signs = rng.choice([-1, 1], (runs, width))
    right = []
    for clean in (1, -1):
        bias = rng.standard_normal((runs, 1)) * math.sqrt(0.5)
        first = bias / 2 + rng.standard_normal((runs, width)) * math.sqrt(0.125)
        odd, even = first.sum(axis=1), (signs * np.abs(first)).sum(axis=1)
        right += [clean * (even + odd) > 0, clean * (even - odd) > 0]
    accuracy = np.mean(right, axis=0)
    predicted = theory.one_step_accuracy_variance(width)
    assert_mean_is((accuracy - 0.5) ** 2, predicted, slack=predicted / width)


def test_one_step_accuracy_variance_tends_to_its_limit():
    limit = 1 / (4 * math.pi * 10**3)
    assert theory.one_step_accuracy_variance(10**6) == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize(("eta", "step", "width"), [(0.1, 3, 12), (0.3, 5, 12), (0.2, 9, 50)])
def test_failing_probability_at_finite_width_by_brute_force(eta, step, width):
    """Neurons drawn one by one: sign, and whether the shared bias turns them to the cluster."""
    rng = np.random.default_rng(step)
    runs = 100_000
    lean = rng.random((runs, 1))
    votes_for = rng.random((runs, width)) < 0.5
    turned = rng.random((runs, width)) < lean
    strong = (1 - 2 * eta) + (step - 2) * (1 - eta)
    output = strong * (votes_for & turned).sum(1) - eta * (~votes_for & ~turned).sum(1)
    wrong = np.where(np.abs(output) < 1e-9, 0.5, output < 0)
    assert_mean_is(2 * wrong, float(theory.failing_probability(eta, step, width)))


def test_failing_probability_in_closed_form():
    assert theory.failing_probability(0.1, [3, 5, 10]) == pytest.approx([1 / 9, 1 / 18, 2 / 81])
    assert theory.failing_probability([0.1, 0.2], 3).shape == (2,)


@pytest.mark.parametrize("eta", [0.05, 0.2, 0.4])
def test_failing_probability_widens_to_the_limit_and_floors_late(eta):
    steps = np.array([3, 7, 30])
    wide = theory.failing_probability(eta, steps, 20_000)
    assert wide == pytest.approx(theory.failing_probability(eta, steps), abs=4 / 20_000)
    late = theory.failing_probability(eta, 10**7, 200)
    assert late == pytest.approx(4 / 200, rel=0.02)


def test_accuracy_is_a_coin_flip_and_then_jumps():
    accuracy = theory.clean_accuracy(0.1, [1, 2, 3, 10**6])
    assert accuracy == pytest.approx([0.5, 0.5, 1 - 1 / 18, 1], abs=1e-5)
    assert theory.perfect_probability(0.2, 3) == pytest.approx(0.75**2)


def pulls_by_brute_force(samples: int, eta: float, steps: int, seed: int) -> np.ndarray:
    """|M| of neurons that vote for class 1, along both means; one neuron a run.

    Follows every sample by the rules of the module's docstring, none of its averages.
    """
    rng = np.random.default_rng(seed)
    runs = 2000
    axis = rng.integers(0, 2, (runs, samples))
    side = rng.choice([-1, 1], (runs, samples))
    clean = np.where(axis == 0, 1, -1)
    label = clean * np.where(rng.random((runs, samples)) < eta, -1, 1)
    on = rng.random((runs, samples)) < 0.5
    pulled = np.zeros((runs, samples), bool)
    along = np.zeros((runs, 2))
    for _ in range(steps):
        for k in (0, 1):
            along[:, k] += np.sum(label * side * on * (axis == k), axis=1)
        pulled |= on
        towards = side * np.take_along_axis(along, axis, axis=1) > 0
        on = np.where(pulled, label > 0, towards)
    return np.abs(along)


@pytest.mark.parametrize("step", [3, 12])
def test_alignments_by_brute_force(step):
    samples, eta = 400, 0.1
    own, other = pulls_by_brute_force(samples, eta, step, seed=step).T
    predicted = float(theory.alignment_with_own_class(samples, eta, step))
    assert_mean_is(own, predicted, slack=predicted / math.sqrt(samples))
    # The flipped labels that pull here are few: corrections are of order (eta n)^-1/2.
    predicted = theory.alignment_with_other_class(samples, eta, step)
    assert_mean_is(other, predicted, slack=predicted / math.sqrt(eta * samples))


def test_sign_count_agreement_is_the_chance_of_no_tie_by_brute_force():
    """Over data and initial signs: is the side count of the active samples zero?"""
    rng = np.random.default_rng(5)
    samples = 100
    # A sample adds 1, 0 or -1: it lies along the mean and is active with probability 1/4.
    first = rng.multinomial(samples, [1 / 8, 1 / 8, 3 / 4], size=100_000)
    tie = first[:, 0] == first[:, 1]
    assert_mean_is(~tie, theory.sign_count_agreement(samples), slack=1 / samples**1.5)


def test_alignments_tend_to_the_recruited_counts():
    n, eta = 1e12, 0.2
    recruited = n / 8 * ((1 - 2 * eta) + 5 * (1 - eta))
    assert theory.alignment_with_own_class(n, eta, 7) == pytest.approx(recruited, rel=1e-5)
    assert theory.alignment_with_other_class(n, eta, 7) == pytest.approx(n * eta / 8, rel=1e-4)


def test_initial_scale_at_the_ratio_of_assumption_a5_is_that_of_the_regime():
    samples, width, dimension = 400, 200, 1e17
    r = theory.regime(samples, width, dimension)
    ratio = 2 * r.squared_signal / (width * dimension**2)
    scale = theory.init_scale_at(ratio, samples, width, dimension, r.step_size)
    assert scale == pytest.approx(r.init_scale, rel=1e-12, abs=0)


def test_grokking_step_is_proportional_to_the_initial_scale():
    steps = theory.grokking_step(100, 1e12, 3e7, np.array([0.01, 0.1]))
    assert np.log10(steps[1] / steps[0]) == pytest.approx(theory.GROKKING_STEP_EXPONENT)
    assert steps[0] == pytest.approx(math.sqrt(8) * 0.01 * 1e12 / (10 * 3e7))
