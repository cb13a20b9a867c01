"""Moments of networks without normalization against quadrature, closed forms and explicit weights.

Brute-force means are compared at six standard errors plus the error of the limit; the draws are
fixed.
"""

import math

import numpy as np
import pytest
from scipy import special, stats

from theory.gaussian_expectations import product_expectation, relu
from theory.initialization import unnormalized_resnets as theory
from theory.initialization.unnormalized_resnets import Blocks, Weights

SIX = 6.0
KINDS: tuple[Weights, ...] = ("he", "standardized")


def product(cosine: float) -> float:
    """E u_+ v_+ by quadrature."""

    def rectified(x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0)

    return product_expectation(rectified, rectified, cosine, kinks=(0.0,))


def hermite_variance(name: str) -> float:
    """Variance of a smooth activation by Gauss-Hermite quadrature, another rule than theory's."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights /= math.sqrt(2 * math.pi)
    functions = {
        "silu": lambda z: z * special.expit(z),
        "gelu": lambda z: z * special.ndtr(z),
        "tanh": np.tanh,
    }
    values = functions[name](nodes)
    return float(weights @ values**2 - (weights @ values) ** 2)


def test_gains_are_those_of_quadrature() -> None:
    assert theory.gain(relu()) == pytest.approx(theory.rectifier_gain(), rel=1e-12)
    assert theory.rectifier_gain() == pytest.approx(1.712858550, rel=1e-9)
    for name, value in (("silu", 1.787187222), ("gelu", 1.700926243), ("tanh", 1.592537420)):
        found = theory.gain(theory.ACTIVATIONS[name])
        assert found == pytest.approx(hermite_variance(name) ** -0.5, rel=1e-10)
        assert found == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", theory.ACTIVATIONS)
def test_the_recipe_by_brute_force(name: str) -> None:
    samples, vectors, length = 400, 50, 8
    z = np.random.default_rng(0).standard_normal((samples, vectors, length))
    activation = theory.ACTIVATIONS[name]
    gains = np.var(np.asarray(activation(z)), axis=2).mean(axis=1) ** -0.5
    spread = theory.recipe_spread(activation, vectors, length)
    # Six standard errors of a standard deviation.
    assert np.std(gains) == pytest.approx(spread, rel=SIX / math.sqrt(2 * samples))
    # The curvature of x ** -0.5 adds the square of the spread.
    assert gains.mean() == pytest.approx(
        theory.recipe(activation, length), abs=SIX * stats.sem(gains) + 2 * spread**2
    )


def test_published_gains_are_like_those_of_one_sample() -> None:
    vectors, length = theory.RECIPE_SAMPLE
    for name, activation in theory.ACTIVATIONS.items():
        published = theory.PUBLISHED_GAINS[name]
        error = published - theory.recipe(activation, length)
        assert abs(error) < 2 * theory.recipe_spread(activation, vectors, length)
        assert 3e-4 < published / theory.gain(activation) - 1 < 9e-4


@pytest.mark.parametrize("cosine", [-0.9, -0.2, 0.0, 0.3, 0.99])
def test_covariance_maps_by_quadrature(cosine: float) -> None:
    mean = relu().mean()
    assert theory.he_map(cosine) == pytest.approx(2 * product(cosine), abs=1e-10)
    squared = theory.rectifier_gain() ** 2
    assert theory.standardized_map(cosine) == pytest.approx(
        squared * (product(cosine) - mean**2), abs=1e-10
    )


def test_maps_at_their_ends() -> None:
    for kind in KINDS:
        assert theory.MAPS[kind](1.0) == pytest.approx(1)
    assert theory.he_map(0.0) == pytest.approx(1 / math.pi)
    assert theory.standardized_map(0.0) == pytest.approx(0, abs=1e-16)


def test_the_paper_s_variances() -> None:
    assert theory.expected_variance(3, 0.2) == pytest.approx([1, 1.04, 1.08, 1.12])
    staged = theory.expected_variance(6, 1.0, stage=2)
    assert staged.tolist() == [1, 2, 3, 2, 3, 2, 3]


@pytest.mark.parametrize("stage", [None, 1, 3])
def test_dividing_by_what_is_predicted_makes_the_prediction_true(stage: int | None) -> None:
    blocks = theory.residual(9, 0.7, stage=stage)
    predicted = theory.expected_variance(9, 0.7, stage=stage)
    assert theory.second_moment(blocks) == pytest.approx(predicted)


def test_without_it_variances_grow_exponentially() -> None:
    blocks = theory.residual(8, 1.0, normalized=False)
    assert theory.second_moment(blocks)[-1] == pytest.approx(256)


def test_he_s_gain_is_too_small_for_standardized_weights() -> None:
    blocks = theory.chain(10, theory.he_gain() / theory.rectifier_gain())
    assert theory.second_moment(blocks)[-1] == pytest.approx((1 - 1 / math.pi) ** 10)


def test_squared_means_of_the_first_blocks() -> None:
    blocks = theory.residual(16, 1.0)
    he = theory.squared_mean(blocks, "he")
    assert he[:2] == pytest.approx([0, 1 / math.pi])
    first = theory.squared_mean(theory.chain(1), "he")[1]
    assert first / (1 - first) == pytest.approx(1 / (math.pi - 1))
    assert he[16] == pytest.approx(8.372, abs=1e-3)
    assert np.all(np.abs(theory.squared_mean(blocks, "standardized")) < 1e-14)
    assert theory.independent_means(blocks)[16] == pytest.approx(16 / math.pi)


def test_recursion_in_its_plain_form() -> None:
    """Written out for one setting, with quadrature in place of the closed form."""
    q, s, alpha = 1.0, 0.3, 0.5
    predicted = theory.squared_mean(theory.residual(4, alpha), "he", 0.3)
    for value in predicted[1:]:
        s += alpha**2 * 2 * product(s / q)
        q += alpha**2
        assert value == pytest.approx(s, abs=1e-10)


def test_limits_of_the_recursion() -> None:
    """Equal inputs stay equal; without skips all inputs become equal, or uncorrelated."""
    for kind in KINDS:
        blocks = theory.residual(6, 1.0, stage=3)
        same = theory.squared_mean(blocks, kind, [1.0, 0.5])
        assert same.shape == (7, 2)
        assert same[:, 0] == pytest.approx(theory.second_moment(blocks))
    assert theory.squared_mean(theory.chain(300), "he", 0.2)[-1] == pytest.approx(1, abs=1e-3)
    faint = theory.squared_mean(theory.chain(60), "standardized", 0.9)
    assert faint[-1] == pytest.approx(0, abs=1e-7)
    # Strong branches forget their skips.
    strong = theory.residual(5, 1e4)
    cosine = theory.squared_mean(strong, "he", 0.2)[1] / theory.second_moment(strong)[1]
    assert cosine == pytest.approx(theory.he_map(0.2), abs=1e-7)


def test_growth_of_gradients_in_closed_form() -> None:
    for kind in KINDS:
        factor = theory.GRADIENT_FACTORS[kind]
        assert factor == pytest.approx(
            (theory.he_gain() if kind == "he" else theory.rectifier_gain()) ** 2
            * relu().derivative_second_moment()
        )
        assert theory.gradient(theory.chain(7), factor)[-1] == pytest.approx(factor**7)
        alpha, depth = 0.6, 40
        a = alpha**-2
        ratio = special.gammaln([depth + factor + a, a, depth + a, factor + a])
        exact = math.exp(ratio @ [1, 1, -1, -1])
        found = theory.gradient(theory.residual(depth, alpha), factor)
        assert found[-1] == pytest.approx(exact, rel=1e-10)
    deep = theory.gradient(theory.residual(100_000, 1.0), factor)
    assert np.log(deep[-1] / deep[9_999]) / math.log(10) == pytest.approx(factor, rel=1e-3)


def test_the_growth_of_gradients_at_finite_width() -> None:
    """Layer by layer, with explicit weights: the correction is seen, and is the one predicted."""
    width, depth, networks = 24, 4, 10_000
    rng = np.random.default_rng(3)
    x, v = rng.standard_normal((2, networks, width, 1))
    factors = []
    for _ in range(depth):
        rows = rng.standard_normal((networks, width, width))
        rows -= rows.mean(axis=2, keepdims=True)
        rows *= theory.rectifier_gain() / np.linalg.norm(rows, axis=2, keepdims=True)
        moved = rows @ (v * (x > 0))
        factors.append(np.sum(moved**2, axis=(1, 2)) / np.sum(v**2, axis=(1, 2)))
        x, v = rows @ np.maximum(x, 0), moved
    growth = np.mean(factors, axis=0)
    limit = theory.GRADIENT_FACTORS["standardized"]
    predicted = theory.standardized_growth(depth, width)
    assert growth.mean() == pytest.approx(predicted, abs=SIX * stats.sem(growth) + limit / width**2)
    assert limit - growth.mean() > SIX * stats.sem(growth)
    assert theory.standardized_growth(3, 10**9) == pytest.approx(limit)


def explicit_moments(
    blocks: Blocks, kind: Weights, width: int, networks: int, inputs: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """q, S and the gradient at the end, of networks with all weights written out."""
    rng = np.random.default_rng(1)
    x, v = rng.standard_normal((2, networks, inputs, width))
    lengths = np.sum(v**2, axis=-1)

    def weights() -> np.ndarray:
        rows = rng.standard_normal((networks, width, width))
        if kind == "he":
            return rows * math.sqrt(2 / width)
        rows = (rows - rows.mean(axis=2, keepdims=True)) / rows.std(axis=2, keepdims=True)
        return rows / math.sqrt(width) * math.sqrt(2 / (1 - 1 / math.pi))

    for skip, shortcut, branch, deviation in zip(*blocks, strict=True):
        total = branch * weights() + (shortcut * weights() if shortcut else 0)
        h, u = np.maximum(x, 0) / deviation, (x > 0) * v / deviation
        x = skip * x + h @ total.swapaxes(1, 2)
        v = skip * v + u @ total.swapaxes(1, 2)
    gradient = np.mean(np.sum(v**2, axis=-1) / lengths, axis=1)
    gram = x @ x.swapaxes(1, 2) / width
    pairs = np.triu_indices(inputs, 1)
    return np.mean(x**2, axis=(1, 2)), gram[:, *pairs].mean(axis=1), gradient


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "blocks",
    [theory.chain(3), theory.residual(4, 1.0), theory.residual(4, 0.5, stage=2)],
    ids=["chain", "residual", "stages"],
)
def test_networks_with_explicit_weights(kind: Weights, blocks: Blocks) -> None:
    """At a width where the error of the limit is seen: within the margin that is claimed of it."""
    width, depth = 40, len(blocks.skip)
    q, s, gradient = explicit_moments(blocks, kind, width, 1000)
    size = theory.second_moment(blocks)[-1]
    error = theory.finite_width(width, depth)
    growth = theory.gradient(blocks, theory.GRADIENT_FACTORS[kind])[-1]
    assert q.mean() == pytest.approx(size, abs=SIX * stats.sem(q) + error * size)
    mean = theory.squared_mean(blocks, kind)[-1]
    assert s.mean() == pytest.approx(mean, abs=SIX * stats.sem(s) + error * size)
    assert gradient.mean() == pytest.approx(growth, abs=SIX * stats.sem(gradient) + error * growth)


def test_cosines_by_chance() -> None:
    """Derivatives by differences; and what networks without skips settle at stays below."""
    h, width = 1e-4, 40
    below, middle, above = theory.standardized_map([-h, 0.0, h])
    slope, curvature = (above - below) / (2 * h), (above - 2 * middle + below) / h**2
    bound = curvature / 2 / (1 - slope**2) / (1 - slope) / width
    assert theory.chance_share(width) == pytest.approx(bound, rel=1e-4)
    _, s, _ = explicit_moments(theory.chain(8), "standardized", width, 1000, inputs=8)
    assert s.mean() > SIX * stats.sem(s)
    assert s.mean() + SIX * stats.sem(s) < bound


def test_filters_at_a_border() -> None:
    """Counted on a padded image of ones, one position after the other."""
    for side in (2, 3, 5):
        image = np.pad(np.ones((side, side)), 1)
        counted = [
            [image[row : row + 3, column : column + 3].sum() for column in range(side)]
            for row in range(side)
        ]
        assert theory.taps(side).tolist() == counted


def test_padded_power_by_brute_force() -> None:
    side, channels, draws = 3, 2, 20_000
    rng = np.random.default_rng(2)
    kernels = rng.standard_normal((draws, 9 * channels))
    kernels -= kernels.mean(axis=1, keepdims=True)
    kernels /= np.linalg.norm(kernels, axis=1, keepdims=True)
    kernels = kernels.reshape(draws, 3, 3, channels)
    z = rng.standard_normal((draws, side, side, channels))
    images = np.pad(theory.rectifier_gain() * np.maximum(z, 0), ((0, 0), (1, 1), (1, 1), (0, 0)))
    power = np.zeros(draws)
    for row in range(side):
        for column in range(side):
            seen = images[:, row : row + 3, column : column + 3]
            power += np.sum(seen * kernels, axis=(1, 2, 3)) ** 2 / side**2
    predicted = theory.padded_power(side, channels)
    assert power.mean() == pytest.approx(predicted, abs=SIX * stats.sem(power))


def test_limits_of_padding() -> None:
    # Large images have no borders; the share that filters see factorizes.
    assert theory.padded_power(1000, 4) == pytest.approx(1, abs=2e-3)
    assert theory.padded_share(4, 1) == pytest.approx((10 / 12) ** 2)
    assert theory.without_borders(4, 1) == 1
    # With many channels: second moment and squared mean, each with its share.
    second = 1 / (1 - 1 / math.pi)
    wide = second * (10 / 12) ** 2 - (second - 1) * (26 / 36) ** 2
    assert theory.padded_power(4, 10**6) == pytest.approx(wide, abs=1e-6)


def test_the_error_of_the_limit() -> None:
    assert theory.finite_width(50, [1, 5]).tolist() == [0.02, 0.1]
