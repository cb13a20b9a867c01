"""The closed forms for sparse activations against quadrature, differences and brute force.

Frequencies and means of brute force are compared at six standard errors; the draws are fixed.
"""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from theory.gaussian_expectations import Activation, expectation
from theory.initialization import sparse_activations as theory
from theory.initialization.sparse_activations import Layer, SparseActivation

SIX = 6.0
ACTIVATIONS = [
    SparseActivation(0.5),
    SparseActivation(1.0, 1.2),
    SparseActivation(1.0, 1.2, sides=2),
    SparseActivation(0.7, sides=2),
    SparseActivation(1.5, 0.05),
]
EDGES = [theory.edge_of_chaos(phi) for phi in ACTIVATIONS]


def by_hand(phi: SparseActivation) -> Activation:
    """The same activation as numpy code, with its kinks."""

    def function(x: np.ndarray) -> np.ndarray:
        upper = np.minimum(np.maximum(x - phi.threshold, 0), phi.clip)
        lower = np.minimum(np.maximum(-x - phi.threshold, 0), phi.clip)
        return upper - (phi.sides == 2) * lower

    kinks = [phi.threshold] + [phi.threshold + phi.clip] * math.isfinite(phi.clip)
    return Activation("by hand", function, tuple(kinks + [-kink for kink in kinks]))


@pytest.mark.parametrize("variance", [0.2, 1.0, 3.0, 50.0])
@pytest.mark.parametrize("phi", ACTIVATIONS)
def test_moments_equal_quadrature(phi: SparseActivation, variance: float) -> None:
    function = by_hand(phi)
    powers = (1, 2, 3, 4)
    for power, moment in zip(powers, phi.moments(variance, *powers), strict=True):
        exact = expectation(
            lambda x, p=power: np.abs(function.function(x)) ** p, variance, function.kinks
        )
        assert moment == pytest.approx(exact, rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("phi", ACTIVATIONS)
def test_moments_of_many_variances_are_those_of_each(phi: SparseActivation) -> None:
    variances = np.array([[0.3, 1.0], [2.0, 40.0]])
    (second,) = phi.moments(variances, 2)
    assert second.shape == variances.shape
    for q, moment in zip(variances.ravel(), second.ravel(), strict=True):
        assert moment == pytest.approx(float(phi.moments(q, 2)[0]), rel=1e-14)


def test_without_a_threshold_it_is_relu() -> None:
    second, fourth = SparseActivation(0.0).moments(3.0, 2, 4)
    assert second == pytest.approx(1.5, rel=1e-14)
    assert fourth == pytest.approx(1.5 * 9, rel=1e-14)
    relu = theory.edge_of_chaos(SparseActivation(0.0))
    assert (relu.weight_variance, relu.bias_variance) == pytest.approx((2, 0), abs=1e-14)
    assert relu.curvature(1.0) == 0


def test_a_very_high_clip_is_none() -> None:
    free, high = theory.activation(0.8), theory.activation(0.8, 30.0)
    for q in (0.5, 1.0, 2.0):
        assert high.moments(q, 2, 4) == pytest.approx(free.moments(q, 2, 4), rel=1e-12)
        ends = [theory.edge_of_chaos(phi) for phi in (free, high)]
        for name in ("slope", "curvature", "susceptibility"):
            values = [float(getattr(layer, name)(q)) for layer in ends]
            assert values[0] == pytest.approx(values[1], rel=1e-12)


@pytest.mark.parametrize("sides", [1, 2])
def test_sparsity_is_the_chance_of_zero(sides: int) -> None:
    phi = theory.activation(0.85, sides=sides)
    assert phi.derivative_second_moment(1.0) == pytest.approx(0.15, rel=1e-12)
    assert sides * stats.norm.sf(phi.threshold) == pytest.approx(0.15, rel=1e-12)


def test_soft_thresholding_has_the_map_of_a_sparser_shifted_relu() -> None:
    soft = theory.edge_of_chaos(theory.activation(0.7, 1.1, sides=2))
    shifted = theory.edge_of_chaos(theory.activation(0.85, 1.1))
    q = np.array([0.3, 1.0, 4.0])
    assert soft.variance_map(q) == pytest.approx(shifted.variance_map(q), rel=1e-13)
    assert soft.slope(q) == pytest.approx(shifted.slope(q), rel=1e-13)


@pytest.mark.parametrize("layer", EDGES)
def test_the_edge_of_chaos(layer: Layer) -> None:
    assert layer.variance_map(1.0) == pytest.approx(1, abs=1e-14)
    assert layer.susceptibility(1.0) == pytest.approx(1, abs=1e-14)
    assert 0 < layer.bias_variance < 1


@pytest.mark.parametrize("variance", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("layer", EDGES)
def test_derivatives_equal_differences(layer: Layer, variance: float) -> None:
    h = 1e-4 * variance
    ends = variance + h * np.array([-1, 1])
    slope = float(np.diff(layer.variance_map(ends))[0]) / (2 * h)
    curvature = float(np.diff(layer.slope(ends))[0]) / (2 * h)
    assert layer.slope(variance) == pytest.approx(slope, abs=1e-6)
    assert layer.curvature(variance) == pytest.approx(curvature, abs=1e-6)


@pytest.mark.parametrize("layer", EDGES)
def test_chi_is_the_chance_to_pass_gradients(layer: Layer) -> None:
    phi = layer.activation
    for q in (0.5, 2.0):
        inside = stats.norm.cdf((phi.threshold + phi.clip) / math.sqrt(q))
        inside -= stats.norm.cdf(phi.threshold / math.sqrt(q))
        expected = layer.weight_variance * phi.sides * inside
        assert layer.susceptibility(q) == pytest.approx(expected, rel=1e-10)


def test_curvatures_at_the_fixed_point() -> None:
    for sparsity, sides, curvature in ((0.7, 1, 0.3039), (0.85, 1, 0.8055), (0.85, 2, 1.3585)):
        layer = theory.edge_of_chaos(theory.activation(sparsity, sides=sides))
        assert layer.slope(1.0) == pytest.approx(1, abs=1e-14)
        assert layer.curvature(1.0) == pytest.approx(curvature, abs=1e-4)


@pytest.mark.parametrize("sparsity", [0.6, 0.9])
def test_the_map_lies_above_its_bound(sparsity: float) -> None:
    layer = theory.edge_of_chaos(theory.activation(sparsity))
    q = np.concatenate([np.linspace(0.05, 0.99, 50), np.geomspace(1.01, 100, 50)])
    bound = theory.convexity_gap(layer, q)
    assert np.all(bound > 0)
    assert np.all(layer.variance_map(q) - q >= bound)


def test_growth_tends_to_half_the_weight_variance() -> None:
    layer = theory.edge_of_chaos(theory.activation(0.85))
    factors = theory.growth(layer, 50.0, 30)
    assert np.all(np.diff(factors) > 0)
    assert factors[-1] == pytest.approx(1 / (2 * 0.15), rel=1e-6)


def test_the_next_variance_by_brute_force() -> None:
    """Mean, spread, distance from the Gaussian law, for a narrow layer."""
    width, draws = 200, 20_000
    layer = theory.edge_of_chaos(theory.activation(0.8, 1.5))
    units = math.sqrt(1.3) * np.random.default_rng(1).standard_normal((draws, width))
    squares = np.clip(units - layer.activation.threshold, 0, layer.activation.clip) ** 2
    drawn = layer.weight_variance * squares.mean(axis=1) + layer.bias_variance
    mean, spread = (float(x) for x in layer.step(1.3))
    spread /= math.sqrt(width)
    assert abs(drawn.mean() - mean) < SIX * spread / math.sqrt(draws)
    deviations = (drawn - mean) ** 2
    assert abs(deviations.mean() - spread**2) < SIX * stats.sem(deviations)
    distance = stats.kstest(drawn, stats.norm(mean, spread).cdf).statistic
    assert distance < theory.berry_esseen(layer, 1.3, width)
    assert theory.relative_spread(layer, 1.3, width) == pytest.approx(spread / mean)


@pytest.mark.parametrize("phi", ACTIVATIONS)
def test_berry_esseen_against_adaptive_quadrature(phi: SparseActivation) -> None:
    second, fourth = (float(x) for x in phi.moments(1.0, 2, 4))
    one_sided = phi.threshold, phi.threshold + math.sqrt(second), phi.threshold + phi.clip
    function = by_hand(phi).function
    bends = [x for b in one_sided for x in (-b, b) if abs(x) < 12]
    third = integrate.quad(
        lambda x: abs(float(function(np.float64(x))) ** 2 - second) ** 3 * stats.norm.pdf(x),
        -12,
        12,
        points=sorted(set(bends)),
        limit=200,
    )[0]
    expected = 0.4748 * third / (fourth - second**2) ** 1.5 / 10
    layer = theory.edge_of_chaos(phi)
    assert theory.berry_esseen(layer, 1.0, 100) == pytest.approx(expected, rel=1e-6)


def test_the_spread_of_gradients_by_brute_force() -> None:
    width, draws = 100, 20_000
    layer = theory.edge_of_chaos(theory.activation(0.8, 1.5))
    rng = np.random.default_rng(2)
    passing = rng.random((draws, width)) < float(layer.activation.derivative_second_moment(2.0))
    growth = np.mean(passing * rng.standard_normal((draws, width)) ** 2, axis=1)
    squares = (growth / growth.mean() - 1) ** 2
    predicted = theory.gradient_spread(layer, 2.0, width) ** 2
    assert abs(squares.mean() - predicted) < SIX * stats.sem(squares)


def test_the_escape_constant_is_its_double_integral() -> None:
    """Up to y = 6 in two dimensions; beyond, what is left is an expansion in 1/y."""
    inner, _ = integrate.dblquad(
        lambda z, y: 2 * math.exp(2 * (z**3 - y**3) / 3), 0, 6, lambda y: -6, lambda y: y
    )
    # I' = 1 - 2 y^2 I has the solution 2I = y^-2 + y^-5 + O(y^-8); from z below -6 nothing comes.
    beyond = 1 / 6 + 1 / (4 * 6**4)
    assert theory.escape_constant() == pytest.approx(inner + beyond, abs=6**-7 + 1e-7)


def chain_depths(layer: Layer, width: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Layers until a chain of shifted ReLUs with Gaussian fluctuations exceeds 10."""
    q, depths, going = np.ones(draws), np.zeros(draws), np.arange(draws)
    tau = layer.activation.threshold
    while going.size:
        depths[going] += 1
        a = tau / np.sqrt(q)
        tail, density = stats.norm.sf(a), np.exp(-(a**2) / 2) / math.sqrt(2 * math.pi)
        second = q * ((1 + a**2) * tail - a * density)
        fourth = q**2 * ((a**4 + 6 * a**2 + 3) * tail - (a**3 + 5 * a) * density)
        noise = np.sqrt((fourth - second**2) / width) * rng.standard_normal(q.size)
        q = layer.weight_variance * np.maximum(second + noise, 0) + layer.bias_variance
        q, going = q[q <= 10], going[q <= 10]
    return depths


def test_the_escape_depth_by_brute_force() -> None:
    """What is left out is smaller than a third of the next order."""
    layer, width = theory.edge_of_chaos(theory.activation(0.85)), 1e4
    drawn = chain_depths(layer, width, 4000, np.random.default_rng(3))
    next_order = float(theory.escape_offset(layer, width) + theory.discreteness(layer, width))
    predicted = float(theory.escape_depth(layer, width)) + next_order
    assert abs(drawn.mean() - predicted) < next_order / 3 + SIX * stats.sem(drawn)


def test_the_escape_depth_dominates_its_offset() -> None:
    layer = theory.edge_of_chaos(theory.activation(0.7))
    widths = np.array([1e6, 1e9])
    ratio = theory.escape_offset(layer, widths) / theory.escape_depth(layer, widths)
    assert np.all(ratio > 0)
    assert ratio[1] < ratio[0] / 8
    slope = np.diff(np.log(theory.escape_depth(layer, widths))) / math.log(1e3)
    assert slope == pytest.approx(theory.ESCAPE_EXPONENT)


@pytest.mark.parametrize("phi", [theory.activation(0.8), theory.activation(0.7, 2.9, sides=2)])
def test_the_law_of_the_explosion_by_brute_force(phi: SparseActivation) -> None:
    """Units drawn one by one; what has passed the top once counts."""
    layer, width, depth, draws = theory.edge_of_chaos(phi), 30, 10, 10_000
    rng = np.random.default_rng(4)
    q, passed, shares = np.ones(draws), np.zeros(draws, bool), []
    for _ in range(depth):
        units = np.sqrt(q)[:, None] * rng.standard_normal((draws, width))
        size = np.abs(units) if phi.sides == 2 else units
        squares = np.clip(size - phi.threshold, 0, phi.clip) ** 2
        q = layer.weight_variance * squares.mean(axis=1) + layer.bias_variance
        passed |= q > 4
        shares.append(passed.mean())
    predicted = theory.escape_probability(layer, width, depth, top=4.0)
    assert predicted.shape == (depth,)
    error = SIX * np.sqrt(predicted * (1 - predicted) / draws)
    assert np.all(np.abs(shares - predicted) < error + 2e-3)


@pytest.mark.parametrize(("sparsity", "slope", "clip"), [(0.85, 0.7, 1.170), (0.7, 0.5, 1.051)])
def test_the_clip_for_a_slope(sparsity: float, slope: float, clip: float) -> None:
    found = theory.clip_for_slope(sparsity, slope)
    assert found == pytest.approx(clip, abs=1e-3)
    assert theory.edge_of_chaos(theory.activation(sparsity, found)).slope(1.0) == pytest.approx(
        slope, abs=1e-10
    )


def test_the_stationary_variance_by_brute_force() -> None:
    layer, width = theory.edge_of_chaos(theory.activation(0.85, 1.17)), 4000
    rng, q, squares = np.random.default_rng(5), np.ones(20_000), []
    for _ in range(60):
        mean, spread = layer.step(q)
        q = mean + spread / math.sqrt(width) * rng.standard_normal(q.size)
        squares.append((q - 1) ** 2)
    measured = np.mean(squares[30:], axis=0)
    predicted = theory.stationary_variance(layer, width)
    error = theory.stationary_error(layer, width)
    assert 0 < error < 0.01
    assert abs(measured.mean() / predicted - 1) < error + SIX * stats.sem(measured) / predicted
    assert theory.stationary_error(layer, 2 * width) == pytest.approx(error / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("sparsity", "sides", "clip"),
    [(0.6, 1, 3.239), (0.85, 1, 1.839), (0.9, 1, 1.516), (0.7, 2, 1.839)],
)
def test_fixed_points_appear_at_the_largest_safe_clip(
    sparsity: float, sides: int, clip: float
) -> None:
    """Found by counting where V(q) - q changes its sign on a fine grid."""
    found = theory.largest_safe_clip(sparsity, sides)
    assert found == pytest.approx(clip, abs=1e-3)
    grid = np.geomspace(1.01, 1e3, 100_000)
    for factor, crossings in ((0.999, 0), (1.001, 2)):
        layer = theory.edge_of_chaos(theory.activation(sparsity, factor * found, sides))
        signs = np.sign(layer.variance_map(grid) - grid)
        assert np.count_nonzero(np.diff(signs)) == crossings
        fixed = theory.fixed_points(layer)
        assert len(fixed) == 1 + crossings
        assert layer.variance_map(fixed) == pytest.approx(fixed, rel=1e-9)
        assert np.all((layer.slope(fixed) < 1) == ([True] if crossings == 0 else [1, 0, 1]))


def test_at_the_largest_safe_clip_the_map_touches_again() -> None:
    clip = theory.largest_safe_clip(0.85)
    layer = theory.edge_of_chaos(theory.activation(0.85, clip))
    touching = theory.tangent_variance(layer)
    assert layer.variance_map(touching) == pytest.approx(touching, abs=1e-9)
    assert layer.slope(touching) == pytest.approx(1, abs=1e-4)
    assert layer.susceptibility(touching) > 1


def test_passing_the_bottleneck_takes_the_depth_of_the_resolution() -> None:
    """Without noise, just as far below the largest clip as the resolution says."""
    depth = 1000
    clip = theory.largest_safe_clip(0.85) - theory.clip_resolution(0.85, depth, 1e30)
    layer = theory.edge_of_chaos(theory.activation(0.85, clip))
    q, steps = 5.0, 0
    while q > 1.3:
        q, steps = float(layer.variance_map(q)), steps + 1
    assert depth / 1.3 < steps < depth * 1.3
