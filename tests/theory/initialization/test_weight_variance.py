import itertools
import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from theory.finite_width import Slopes, preactivation_fluctuation
from theory.gaussian_expectations import SIGMOID, TANH, Activation, relu
from theory.initialization import weight_variance as theory
from theory.initialization.weight_variance import Layer

HERMITE, HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
HERMITE_WEIGHTS = HERMITE_WEIGHTS / HERMITE_WEIGHTS.sum()
KUMAR = 12.8


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def gauss_hermite(values: np.ndarray) -> float:
    return float(HERMITE_WEIGHTS @ values)


def test_gains_of_the_formula() -> None:
    assert theory.linearized_gain(SIGMOID) == pytest.approx(KUMAR, rel=1e-14)
    assert theory.linearized_gain(TANH) == 1
    assert math.sqrt(theory.linearized_gain(SIGMOID)) == pytest.approx(3.578, abs=5e-4)
    assert round(math.sqrt(theory.linearized_gain(SIGMOID)), 1) == 3.6
    softplus = Activation("softplus", lambda x: jnp.logaddexp(x, 0.0))
    assert theory.linearized_gain(softplus) == pytest.approx(4 / (1 + math.log(2) ** 2))
    assert theory.gain_without_mean(SIGMOID) == pytest.approx(16)
    assert theory.linear_fixed_point(SIGMOID) == pytest.approx(16)


@pytest.mark.parametrize(("offset", "slope"), [(0.5, 0.25), (-2.0, 0.7), (0.0, 3.0)])
def test_the_formula_keeps_an_affine_variance(offset: float, slope: float) -> None:
    line = theory.Line(offset, slope).activation
    assert theory.line_at_zero(line) == pytest.approx((offset, slope), rel=1e-14)
    assert float(theory.tangent(line)(1.7)) == pytest.approx(offset + 1.7 * slope, rel=1e-14)
    for gain, variances in (
        (theory.linearized_gain(line), np.ones(6)),
        (theory.gain_without_mean(line), theory.variances_without_mean(offset, 6)),
    ):
        variance = 1.0
        for expected in variances:
            variance = slope**2 * gain * (variance + offset**2)
            assert variance == pytest.approx(expected, rel=1e-12)


def test_the_largest_variance_is_a_coins() -> None:
    coin = np.array([0.0, 1.0])
    assert coin.var() == theory.LARGEST_VARIANCE
    assert SIGMOID.variance(1e6) == pytest.approx(theory.LARGEST_VARIANCE, abs=1e-3)


def test_sigmoid_fixed_point_and_factors() -> None:
    layer = Layer(SIGMOID, KUMAR)
    q = layer.fixed_point()
    assert q == pytest.approx(4.534976094590, abs=1e-10)
    values = sigmoid(math.sqrt(q) * HERMITE)
    assert KUMAR * gauss_hermite(values**2) == pytest.approx(q, rel=1e-10)
    assert gauss_hermite(values) == pytest.approx(0.5, abs=1e-12)
    variance = layer.activation_variance(q).value
    assert variance == pytest.approx(gauss_hermite(values**2) - 0.25, abs=1e-10)
    assert variance == pytest.approx(0.104295, abs=1e-6)
    chi = KUMAR * gauss_hermite((values * (1 - values)) ** 2)
    assert layer.backward(q) == pytest.approx(chi, abs=1e-10)
    assert layer.backward_expansion(q).value == pytest.approx(chi, abs=1e-10)


@pytest.mark.parametrize(
    ("gain", "factor"), [(1.0, 0.055721), (12.8, 0.353810), (50.0, 0.705329), (200.0, 1.378174)]
)
def test_settled_gradient_factors(gain: float, factor: float) -> None:
    assert theory.settled_gradient_factor(SIGMOID, gain) == pytest.approx(factor, abs=1e-6)
    linear = theory.settled_gradient_factor(theory.tangent(SIGMOID), gain)
    assert linear == pytest.approx(gain / 16, rel=1e-12)


def test_gradients_are_kept_at_a_gain_of_103() -> None:
    gain = theory.gradient_keeping_gain(SIGMOID, 50.0, 200.0)
    assert gain == pytest.approx(103.0, abs=0.05)
    assert theory.settled_gradient_factor(SIGMOID, gain) == pytest.approx(1, abs=1e-9)


def test_the_tangent_overrates() -> None:
    shares = [SIGMOID.variance(q) / q for q in (1e-4, 1.0, 5.0, 16.0)]
    assert np.allclose(shares, [0.0625, 0.0434, 0.0218, 0.0099], atol=5e-5)


def test_linear_theory_is_the_tangents_map() -> None:
    layer = Layer(theory.tangent(SIGMOID), KUMAR)
    assert layer.fixed_point() == pytest.approx(16, abs=1e-10)
    assert layer.backward(3.0) == pytest.approx(0.8, rel=1e-12)
    assert layer.activation_variance(16.0).value == pytest.approx(1, rel=1e-12)


def test_fixed_point_of_tanh_just_above_the_edge() -> None:
    q = Layer(TANH, 1.1).fixed_point()
    assert 1.1 * gauss_hermite(np.tanh(math.sqrt(q) * HERMITE) ** 2) == pytest.approx(q, rel=1e-10)
    assert q == pytest.approx(0.0519, abs=1e-4)


@pytest.mark.parametrize("activation", [SIGMOID, TANH, relu()])
@pytest.mark.parametrize("variance", [0.3, 4.5])
def test_derivatives_of_the_maps(activation: Activation, variance: float) -> None:
    layer = Layer(activation, 1.7)
    small = 1e-3 * variance
    at = variance + small * np.arange(-2, 3)

    def check(expansion: theory.Expansion, values: np.ndarray) -> None:
        slope = values @ np.array([1, -8, 0, 8, -1]) / (12 * small)
        curvature = values @ np.array([-1, 16, -30, 16, -1]) / (12 * small**2)
        assert expansion.value == pytest.approx(values[2], rel=1e-12)
        assert expansion.slope == pytest.approx(slope, abs=1e-8)
        assert expansion.curvature == pytest.approx(curvature, abs=1e-5)

    ahead, noise = layer.step(variance)
    check(ahead, np.array([layer.variance_map(float(q)) for q in at]))
    check(
        layer.activation_variance(variance),
        np.array([activation.variance(float(q)) for q in at]),
    )
    check(layer.backward_expansion(variance), np.array([layer.backward(float(q)) for q in at]))
    spread = activation.fourth_moment(variance) - activation.second_moment(variance) ** 2
    assert noise == pytest.approx(1.7**2 * spread, rel=1e-10)


def test_expansion_averages_a_parabola() -> None:
    # E f for f = 2 + 3 t + 4 t^2 / 2 with E t = 0.1, E t^2 = 0.5, but for the square of E t.
    assert theory.Expansion(2, 3, 4).mean(0.1, 0.5) == pytest.approx(2 + 0.3 + 1.0)


def test_overlap_by_integrals() -> None:
    q, gain = 4.0, 3.0

    def mean(function: Callable[[float], float]) -> float:
        return integrate.quad(lambda z: function(z) * stats.norm.pdf(z), -12, 12, limit=200)[0]

    def g(z: float) -> float:
        return 1 / (1 + math.exp(-math.sqrt(q) * z))

    def d(z: float) -> float:
        return g(z) * (1 - g(z))

    size = mean(lambda z: g(z) ** 2) * mean(lambda z: d(z) ** 2)
    chance = mean(lambda z: (g(z) * d(z)) ** 2) / size
    kept = mean(lambda z: g(z) * d(z) * z) ** 2 / size
    settled, gained = Layer(SIGMOID, gain).overlap(q)
    assert settled == pytest.approx(chance / (1 - kept), rel=1e-9)
    assert gained == pytest.approx(gain * mean(lambda z: d(z) ** 2 * (z**2 - 1)), abs=1e-10)


def test_moments_of_a_linear_network() -> None:
    width, depth = 30, 9
    chain = theory.moments(Layer(theory.Line(0.0, 1.0).activation, 1.0), 1.0, depth, width)
    steps = np.arange(depth)
    assert np.allclose(chain.limit, 1)
    assert np.allclose(chain.shift, 0)
    assert np.allclose(chain.variance, 2 / width * steps)
    assert np.allclose(chain.resolution, (steps + 1) / width)


def test_moments_of_a_relu_network_are_those_at_finite_width() -> None:
    width, depth, gain = 1000, 6, 1.3
    chain = theory.moments(Layer(relu(), gain), gain, depth, width)
    assert np.allclose(chain.limit, theory.relu_second_moments(gain, depth), rtol=1e-12)
    assert np.allclose(chain.shift, 0, atol=1e-12)
    for layer, (mean, variance) in enumerate(zip(chain.limit, chain.variance, strict=True)):
        # |y|^2 has the chi-squared spread of its own layer besides.
        exact = preactivation_fluctuation(Slopes(), (width,) * (layer + 1)) - 1
        assert variance / mean**2 + 2 / width == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize(("activation", "gain", "start"), [(SIGMOID, 12.8, 16.0), (TANH, 1.0, 1.0)])
def test_predictions_by_simulation(activation: Activation, gain: float, start: float) -> None:
    width, depth, runs = 30, 7, 16_000
    rng = np.random.default_rng(0)
    function = sigmoid if activation is SIGMOID else np.tanh
    layer = Layer(activation, gain)
    shapes = (start, depth, width)
    size = theory.preactivation_variance(layer, *shapes)
    spread = theory.activation_variance(layer, *shapes)
    factor = theory.gradient_factor(layer, *shapes)
    chain = theory.moments(layer, *shapes)
    s, cosine = np.full(runs, start), np.zeros(runs)
    for at in range(depth):
        z, w = rng.standard_normal((2, runs, width))
        y = np.sqrt(s)[:, None] * z
        tangent = cosine[:, None] * z + np.sqrt(1 - cosine**2)[:, None] * w
        x = function(y)
        slope = x * (1 - x) if activation is SIGMOID else 1 - x**2
        dx = slope * tangent

        def close(values: np.ndarray, expected: float, share: float) -> None:
            error = 5 * values.std() / math.sqrt(values.size)
            assert values.mean() == pytest.approx(expected, abs=error + share * expected)

        # Left out are terms of order 1/N^2.
        close(s, size.value[at], 4 / width**2)
        close(np.var(x, axis=1, ddof=1), spread.value[at], 4 / width**2)
        if at > 0:
            assert s.var() == pytest.approx(chain.variance[at], rel=0.15)
        if 3 <= at < depth - 1:
            ratio = gain * np.mean(dx**2, axis=1) / np.mean(tangent**2, axis=1)
            close(ratio, factor.value[at], 8 / width**2)
        s = gain * np.mean(x**2, axis=1)
        lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(dx, axis=1)
        cosine = np.sum(x * dx, axis=1) / lengths
    settled, _ = layer.overlap(float(chain.limit[-1]))
    if activation is SIGMOID:
        assert np.mean(cosine**2) == pytest.approx(settled / width, rel=0.1)


def test_margins_move_every_step() -> None:
    layer, width = Layer(SIGMOID, KUMAR), 50
    margin = theory.preactivation_variance(layer, 16.0, 6, width).margin
    moved, still = 16.0 * (1 + 1e-6), 16.0
    for at in range(6):
        assert (moved - still) * 1e6 / width == pytest.approx(margin[at], rel=1e-4)
        moved, still = layer.variance_map(moved) * (1 + 1e-6), layer.variance_map(still)


@pytest.mark.parametrize(("gain", "last"), [(1.0, 2.0**-9), (2.0, 2.0)])
def test_relu_second_moments(gain: float, last: float) -> None:
    moments = theory.relu_second_moments(gain, 10)
    assert moments[0] == gain
    assert moments[-1] == last
    for before, after in itertools.pairwise(moments):
        assert after == pytest.approx(Layer(relu(), gain).variance_map(float(before)), rel=1e-12)


def test_tanh_falls_like_the_asymptotic() -> None:
    variance, seen = 1.0, {}
    for layer in range(1, 10_001):
        if layer in (1, 10, 50, 1000, 10_000):
            seen[layer] = layer * variance
        variance = gauss_hermite_tanh(variance)
    predicted = theory.tanh_asymptotic(np.array(list(seen)[3:]))
    scaled = np.array(list(seen)[3:]) * np.array([predicted.value, predicted.margin])
    late = np.array(list(seen.values())[3:])
    assert np.all(np.abs(late - scaled[0]) < scaled[1])
    assert np.allclose(late, [0.5017, 0.50022], atol=1e-4)
    # The term of order log l / l is there: 1/q grows by 2 - 5q/3.
    assert 1000 * (1 / seen[1000] - 2) == pytest.approx(-5 / 6 * math.log(1000), abs=1.0)
    assert theory.tanh_share(1000) == pytest.approx(2 * scaled[1, 0], rel=1e-12)


def gauss_hermite_tanh(variance: float) -> float:
    nodes, weights = SPARSE
    return float(weights @ np.tanh(math.sqrt(variance) * nodes) ** 2)


SPARSE = tuple(part[np.abs(HERMITE) < 9] for part in (HERMITE, HERMITE_WEIGHTS))
