import jax
import numpy as np
import pytest
from scipy import integrate, special, stats

from theory.gaussian_expectations import (
    GELU,
    SIGMOID,
    SILU,
    TANH,
    Activation,
    expectation,
    leaky_relu,
    product_expectation,
    relu,
    relu_correlation,
    step_correlation,
)

SMOOTH = [TANH, SIGMOID, SILU, GELU]
VARIANCES = [1e-6, 0.3, 1.0, 50.0, 1e4]
COSINES = [-1.0, -0.999, -0.5, 0.0, 0.3, 0.9, 0.99999, 1.0]


@pytest.mark.parametrize("variance", VARIANCES)
def test_moments_of_the_gaussian(variance: float) -> None:
    for power, moment in ((0, 1), (2, 1), (4, 3), (8, 105)):
        exact = moment * variance ** (power / 2)
        assert expectation(lambda x, p=power: x**p, variance) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("variance", VARIANCES)
def test_relu_in_closed_form(variance: float) -> None:
    assert relu().mean(variance) == pytest.approx(np.sqrt(variance / (2 * np.pi)), rel=1e-13)
    assert relu().second_moment(variance) == pytest.approx(variance / 2, rel=1e-13)
    assert relu().fourth_moment(variance) == pytest.approx(1.5 * variance**2, rel=1e-13)
    assert relu().derivative_second_moment(variance) == pytest.approx(0.5, rel=1e-13)
    assert relu().variance(variance) == pytest.approx(variance / 2 * (1 - 1 / np.pi), rel=1e-12)


def test_a_kink_inside_a_panel_would_cost_digits() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    hermite = np.maximum(nodes, 0) @ weights / np.sqrt(2 * np.pi)
    assert abs(hermite - 1 / np.sqrt(2 * np.pi)) > 1e-4
    assert abs(relu().mean() - 1 / np.sqrt(2 * np.pi)) < 1e-15


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0, -1.0])
def test_leaky_relu_in_closed_form(slope: float) -> None:
    leaky = leaky_relu(slope)
    assert leaky.second_moment(2.0) == pytest.approx(1 + slope**2, rel=1e-13)
    assert leaky.derivative_second_moment(2.0) == pytest.approx((1 + slope**2) / 2, rel=1e-13)


@pytest.mark.parametrize("activation", SMOOTH, ids=lambda a: a.name)
@pytest.mark.parametrize("variance", [0.3, 1.0, 50.0])
def test_smooth_activations_against_adaptive_quadrature(
    activation: Activation, variance: float
) -> None:
    # A numpy formula of its own: scipy's quadrature calls it point by point.
    plain = {
        "tanh": np.tanh,
        "sigmoid": special.expit,
        "SiLU": lambda x: x * special.expit(x),
        "GELU": lambda x: x * stats.norm.cdf(x),
    }[activation.name]

    def moment(power: int) -> float:
        return integrate.quad(
            lambda z: plain(np.sqrt(variance) * z) ** power * stats.norm.pdf(z),
            *(-12, 12),
            points=[0.0],
            epsabs=1e-13,
            epsrel=1e-13,
            limit=400,
        )[0]

    assert activation.mean(variance) == pytest.approx(moment(1), abs=1e-11)
    assert activation.second_moment(variance) == pytest.approx(moment(2), rel=1e-11)
    assert activation.fourth_moment(variance) == pytest.approx(moment(4), rel=1e-11)


@pytest.mark.parametrize("activation", [*SMOOTH, relu()], ids=lambda a: a.name)
def test_the_derivative_of_a_variance_map(activation: Activation) -> None:
    # d/dq E f(sqrt(q) z) = E z f'(sqrt(q) z) / (2 sqrt(q)).
    q, step = 1.3, 1e-5
    numeric = (activation.mean(q + step) - activation.mean(q - step)) / (2 * step)
    direct = expectation(
        lambda x: np.asarray(activation.derivative(x)) * x, q, activation.kinks
    ) / (2 * q)
    assert numeric == pytest.approx(direct, rel=1e-8)


@pytest.mark.parametrize("cosine", COSINES)
@pytest.mark.parametrize("variance", [0.01, 1.0, 100.0])
def test_the_arc_cosine_kernels(cosine: float, variance: float) -> None:
    exact = float(relu_correlation(cosine)) * variance / 2
    assert relu().correlation(cosine, variance) == pytest.approx(exact, abs=1e-14 * variance)
    step = Activation("step", lambda x: jax.numpy.where(x > 0, 1.0, 0.0), (0.0,))
    exact = float(step_correlation(cosine)) / 2
    assert step.correlation(cosine, variance) == pytest.approx(exact, abs=1e-13)


@pytest.mark.parametrize("cosine", COSINES)
@pytest.mark.parametrize("variance", [0.01, 1.0, 100.0])
def test_a_smooth_correlation_in_closed_form(cosine: float, variance: float) -> None:
    # Williams (1998): the error function's kernel.
    exact = 2 / np.pi * np.arcsin(2 * variance * cosine / (1 + 2 * variance))
    got = product_expectation(special.erf, special.erf, cosine, variance)
    assert got == pytest.approx(exact, abs=1e-13)


@pytest.mark.parametrize("cosine", [-0.7, 0.2, 0.95])
def test_kinks_away_from_zero(cosine: float) -> None:
    # Two thresholds: a probability of the bivariate normal law.
    variance, low, high = 2.0, 0.4, -0.9
    got = product_expectation(
        lambda x: (x > low) * 1.0, lambda x: (x > high) * 1.0, cosine, variance, (low, high)
    )
    covariance = variance * np.array([[1, cosine], [cosine, 1]])
    law = stats.multivariate_normal(cov=covariance)
    assert got == pytest.approx(law.cdf([-low, -high]), abs=1e-7)


def test_the_correlation_map_of_relu() -> None:
    assert relu_correlation(0) == pytest.approx(1 / np.pi)
    assert relu_correlation([1, -1]) == pytest.approx([1, 0])
    inside = np.linspace(-0.99, 0.99, 9)
    slope = (relu_correlation(inside + 1e-6) - relu_correlation(inside - 1e-6)) / 2e-6
    assert slope == pytest.approx(step_correlation(inside), abs=1e-8)
