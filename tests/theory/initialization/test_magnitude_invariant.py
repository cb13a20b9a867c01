"""The laws of predicted weights against quadrature, limits and networks with explicit weights."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from theory.finite_width import Slopes
from theory.gaussian_expectations import product_expectation
from theory.initialization import magnitude_invariant as theory

SLOPES = (0.0, 0.01, 0.4)
COSINES = (-1.0, -0.6, 0.3, 1.0)


@pytest.mark.parametrize("exponent", [1, 3, 20])
def test_gradient_noise_by_quadrature(exponent: int) -> None:
    moments = [integrate.quad(lambda g, p=p: g ** (p * exponent), 0, 1)[0] for p in (1, 2)]
    noise = float(theory.gradient_noise(exponent))
    assert noise == pytest.approx(moments[1] / moments[0] ** 2, abs=1e-10)


def test_gradient_noise_in_known_cases() -> None:
    assert theory.gradient_noise([0, 1, 3, 20]) == pytest.approx([1, 4 / 3, 16 / 7, 441 / 41])
    assert float(theory.gradient_noise(1e6)) / 1e6 == pytest.approx(0.5, rel=1e-5)


def test_encodings_have_the_stated_sizes() -> None:
    inputs = np.random.default_rng(0).random((4, 3))
    angles = np.pi / 2 * inputs
    explicit = {
        "none": inputs,
        "complement": np.concatenate([inputs, 1 - inputs], axis=1),
        "circle": np.concatenate([np.cos(angles), np.sin(angles)], axis=1),
    }
    for encoding, encoded in explicit.items():
        sizes = np.linalg.norm(encoded, axis=1) ** 2
        assert theory.squared_size(encoding, inputs) == pytest.approx(sizes, rel=1e-14)
    gram = explicit["circle"] @ explicit["circle"].T / 3
    assert theory.circle_cosines(inputs) == pytest.approx(gram, abs=1e-14)


@pytest.mark.parametrize("slope", SLOPES)
def test_correlation_by_quadrature(slope: float) -> None:

    def phi(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, x, slope * x)

    for cosine in COSINES:
        expected = product_expectation(phi, phi, cosine, kinks=(0.0,))
        expected /= Slopes(1.0, slope).second_moment
        assert float(theory.correlation(cosine, slope)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("slope", SLOPES)
def test_covariance_of_squares_by_quadrature(slope: float) -> None:
    """With v = cu + sw, the mean of phi(v)^2 given u has a closed form in Phi and its density."""

    def given(u: float, cosine: float) -> float:
        mean, spread = cosine * u, math.sqrt(1 - cosine**2)
        t = mean / spread if spread else math.copysign(math.inf, mean)
        second = mean**2 + spread**2
        above = second * stats.norm.cdf(t) + mean * spread * stats.norm.pdf(t)
        return float(above + slope**2 * (second - above))

    moment = Slopes(1.0, slope).second_moment
    for cosine in (-0.6, 0.0, 0.3, 0.99):
        halves = [
            integrate.quad(
                lambda u, k=k, c=cosine: k * u**2 * given(u, c) * stats.norm.pdf(u),
                *ends,
                epsabs=1e-13,
                limit=200,
            )[0]
            for k, ends in ((slope**2, (-12, 0)), (1.0, (0, 12)))
        ]
        expected = sum(halves) / moment**2 - 1
        assert float(theory.squares_covariance(cosine, slope)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("slope", SLOPES)
def test_covariance_at_coincident_points_is_the_fluctuation_of_lengths(slope: float) -> None:
    beta = Slopes(1.0, slope).fluctuation
    assert float(theory.squares_covariance(1.0, slope)) == pytest.approx(beta, rel=1e-12)
    leading = float(theory.size_covariance(1.0, slope, 50, 70))
    assert leading == pytest.approx(2 * beta / 50 + 2 / 70, rel=1e-12)
    exact = (1 + beta / 50) ** 2 * (1 + 2 / 70) - 1
    following = float(theory.next_covariance(1.0, slope, 50, 70))
    assert leading + following == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("slope", SLOPES)
def test_other_moments_by_quadrature(slope: float) -> None:
    def phi(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, x, slope * x)

    moment = Slopes(1.0, slope).second_moment
    for cosine in (-0.6, 0.3):
        cube, square, mean = (
            product_expectation(f, g, cosine, kinks=(0.0,)) / moment**power
            for f, g, power in (
                (lambda x: phi(x) ** 3, phi, 2),
                (lambda x: phi(x) ** 2, lambda x: phi(x) ** 2, 2),
                (phi, phi, 1),
            )
        )
        assert float(theory.square_and_product(cosine, slope)) == pytest.approx(
            cube - mean, abs=1e-10
        )
        assert float(theory.products_variance(cosine, slope)) == pytest.approx(
            square - mean**2, abs=1e-10
        )


def test_next_order_is_that_of_the_exact_covariance_of_linear_networks() -> None:
    """With slope 1, p, p' and r have Wishart moments, and all means are polynomials in them.

    kappa = 2c^2 and rho = c, so that the rest is 2 E r^2 / H + (2/P) E (v.v'/H)^2.
    """
    for c, n, m in ((0.3, 7, 11), (-0.8, 20, 5)):
        square = c**2 + (1 + c**2) / n
        # Given r, p and p', v.v'/H has mean r and variance (p p' + r^2) / H.
        product = square + (1 + 2 * c**2 / n + square) / n
        exact = 2 * c**2 / n + 2 * square / n + 2 / m * product
        computed = sum(
            float(part(c, 1.0, n, m)) for part in (theory.size_covariance, theory.next_covariance)
        )
        # What is left out is of the order 1 / (m n^2).
        assert computed == pytest.approx(exact, abs=8 / (m * n**2))
        assert computed != pytest.approx(float(theory.size_covariance(c, 1.0, n, m)), rel=0.05)


def explicit_weights(encoded: np.ndarray, width: int, weights: int, networks: int) -> np.ndarray:
    """Weights that ReLU hypernetworks predict, shape (networks, weights, points); E|h|^2 = 1."""
    rng = np.random.default_rng(width)
    x = np.broadcast_to(encoded.T, (networks, *encoded.T.shape))
    for units, gain in ((width, 1), (width, 2)):
        fan_in = x.shape[1]
        x = np.maximum(rng.normal(size=(networks, units, fan_in)) * math.sqrt(gain / fan_in) @ x, 0)
    size = math.sqrt(np.sum(encoded[0] ** 2) / encoded.shape[1])
    scale = math.sqrt(2 / width / weights) / size
    return rng.normal(size=(networks, weights, width)) * scale @ x


def test_sizes_and_speeds_along_the_circle_are_those_of_explicit_networks() -> None:
    step = 1e-6
    gammas = np.array([[0.0], [0.4], [1.0], [1.0 + step]])
    angles = np.pi / 2 * gammas
    encoded = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    *weights, moved = np.moveaxis(explicit_weights(encoded, 40, 20, 6000), -1, 0)
    speeds = np.sum((moved - weights[-1]) ** 2, axis=1) / step**2
    assert abs(speeds.mean() - theory.CIRCLE_SPEED) < 6 * stats.sem(speeds)
    sizes, gammas = np.sum(np.square(weights), axis=-1).T, gammas[:-1]
    six_errors = 6 * stats.sem(sizes, axis=0)
    assert np.all(np.abs(sizes.mean(axis=0) - 1) < six_errors)
    variances = np.var(sizes, axis=1)
    first, second = theory.size_variance(theory.circle_cosines(gammas), 0.0, 40, 20)
    # The third order is as small beside the second as that beside the first.
    error = 6 * stats.sem(variances) + second**2 / first
    assert abs(np.mean(variances) - first - second) < error
    covariances = (sizes[:, 0] - 1) * (sizes[:, 2] - 1)
    first, second = (
        float(part(0.0, 0.0, 40, 20)) for part in (theory.size_covariance, theory.next_covariance)
    )
    error = 6 * stats.sem(covariances) + second**2 / first
    assert abs(np.mean(covariances) - first - second) < error


def test_nothing_varies_where_all_points_coincide() -> None:
    assert theory.size_variance(np.ones((4, 4)), 0.3, 10, 20) == (0, 0)


def test_the_spread_tends_to_its_power_of_the_width() -> None:
    cosines = theory.circle_cosines(np.array([[0.0], [0.5], [1.0]]))
    sums = [sum(theory.size_variance(cosines, 0.01, h, h)) for h in (10**5, 10**6)]
    power = math.log10(sums[1] / sums[0]) / 2
    assert power == pytest.approx(theory.SPREAD_EXPONENT, abs=1e-4)


def test_powers_of_explicit_networks() -> None:
    rng = np.random.default_rng(1)
    predicted, x = rng.standard_normal((3, 4, 4)), rng.standard_normal(4)

    def output(gamma: float) -> float:
        y = x
        for weights in gamma * predicted[:2]:
            y = np.maximum(weights @ y, 0)
        return float((gamma * predicted[2] @ y)[0])

    _, power, _ = theory.exponents(3)
    assert output(0.3) / output(1.0) == pytest.approx(0.3**power, rel=1e-12)
