import math

import numpy as np
import pytest
from scipy import integrate, stats

from theory.gaussian_expectations import (
    SILU,
    TANH,
    Activation,
    leaky_relu,
    product_expectation,
    relu,
    relu_correlation,
)
from theory.initialization import lsuv as theory


@pytest.mark.parametrize(
    ("activation", "gain"),
    [(relu(), 1.414214), (leaky_relu(1 / 3), 1.341641), (TANH, 1.592537), (SILU, 1.676532)],
)
def test_gains(activation: Activation, gain: float) -> None:
    assert theory.gain(activation) == pytest.approx(gain, abs=1e-6)
    nodes, weights = np.polynomial.legendre.leggauss(300)
    z = np.concatenate([6 * nodes - 6, 6 * nodes + 6])
    square = 6 * np.tile(weights, 2) @ (np.asarray(activation(z)) ** 2 * stats.norm.pdf(z))
    assert theory.gain(activation) == pytest.approx(square**-0.5, rel=1e-10)


def test_gain_of_centred_relu() -> None:
    assert theory.centred_gain(relu()) == pytest.approx((0.5 - 0.5 / math.pi) ** -0.5, rel=1e-12)
    assert theory.centred_gain(TANH) == pytest.approx(theory.gain(TANH), rel=1e-12)


def test_maxout_of_two_pieces() -> None:
    # The larger of two has the density 2 p(z) P(z).
    square = integrate.quad(
        lambda z: z**2 * 2 * stats.norm.pdf(z) * stats.norm.cdf(z), -12, 12, epsabs=1e-12
    )[0]
    assert square**-0.5 == pytest.approx(theory.MAXOUT_GAIN, abs=1e-10)


def test_fluctuations() -> None:
    assert theory.fluctuation(relu()) == pytest.approx(5, rel=1e-12)
    assert theory.fluctuation(leaky_relu(1.0)) == pytest.approx(2, rel=1e-12)


@pytest.mark.parametrize("bias", [0.0, 0.25, 1.0, 1.21])
def test_variances_with_bias_by_iteration(bias: float) -> None:
    found = theory.variances_with_bias(2.7, bias, 12)
    scaled = 2.7
    for variance in found:
        assert variance == pytest.approx(scaled + bias, rel=1e-12)
        scaled /= scaled + bias
    assert theory.variances_with_bias(2.7, bias, 400)[-1] == pytest.approx(max(1, bias), rel=3e-3)


def test_input_variances() -> None:
    variances = theory.input_variances(101)
    shown = variances[[1, 5, 10, 20, 100]]
    assert np.allclose(shown, [0.682, 0.264, 0.128, 0.0516, 0.00358], rtol=4e-3)
    assert variances[1] == pytest.approx(1 - 1 / math.pi, rel=1e-12)


@pytest.mark.parametrize("variance", [1e-3, 0.3, 1.0, 1.9])
def test_next_input_variance_is_the_arc_cosine_map(variance: float) -> None:
    expected = 1 - float(relu_correlation(1 - variance))
    assert theory.next_input_variance(variance) == pytest.approx(expected, abs=1e-14)
    root = product_expectation(relu(), relu(), 1 - variance, 1.0, (0.0,))
    assert expected == pytest.approx(1 - 2 * root, abs=1e-10)


def test_collapse_constant() -> None:
    deep = theory.input_variances(100_001)
    scaled = [layer**2 * deep[layer] for layer in (100, 1000, 10_000, 100_000)]
    assert np.allclose(scaled[:3], [35.8, 43.1, 44.26], rtol=2e-3)
    assert scaled[3] == pytest.approx(theory.collapse_constant(), rel=1e-3)
    assert theory.collapse_constant() == pytest.approx(44.41, abs=0.005)


@pytest.mark.parametrize("start", [0.5, 1.0])
def test_collapse_share(start: float) -> None:
    variance, layers = start, 10_000
    for _ in range(layers - 1):
        variance = theory.next_input_variance(variance)
    missing = 1 - layers**2 * variance / theory.collapse_constant()
    share = theory.collapse_share(layers, start)
    assert 0.8 * share < missing < share


def test_margins_are_those_of_a_moved_recursion() -> None:
    width, small = 64, 1e-6
    exact, margins = theory.input_variances(6), theory.input_variance_margins(6, width)
    moved = 1 + small
    for layer in range(6):
        assert (moved - exact[layer]) / small * 5 / width == pytest.approx(margins[layer], rel=1e-4)
        moved = theory.next_input_variance(min(moved, 2.0)) + small * exact[min(layer + 1, 5)]
