"""The laws of residual chains against networks with explicit weights, quadrature and fractions.

Brute-force means are compared at six standard errors: a false alarm rate of 2e-9 each, and the
draws are fixed.
"""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from theory.initialization import identity_mappings as theory

SIX = 6.0


def assert_means_are(sample: np.ndarray, predicted: np.ndarray | float) -> None:
    error = SIX * stats.sem(sample, axis=0)
    assert np.all(np.abs(np.mean(sample, axis=0) - predicted) <= error)


def explicit_networks(
    skips: list[float], gains: list[float], width: int, networks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Jv, v and x_L / |x_0|, shapes (networks, width), with all weights written out."""
    rng = np.random.default_rng(width)
    x = np.tile(rng.standard_normal(width), (networks, 1))
    v = np.tile(rng.standard_normal(width), (networks, 1))
    size, u = np.linalg.norm(x[0]), v.copy()
    for skip, gain in zip(skips, gains, strict=True):
        first = rng.standard_normal((networks, width, width)) * math.sqrt(2 / width)
        second = rng.standard_normal((networks, width, width)) * math.sqrt(gain / width)
        inner = np.einsum("nij,nj->ni", first, x)
        moved = np.einsum("nij,nj->ni", first, u) * (inner > 0)
        x = skip * x + np.einsum("nij,nj->ni", second, np.maximum(inner, 0))
        u = skip * u + np.einsum("nij,nj->ni", second, moved)
    return u, v, x / size


def test_moments_are_those_of_networks_with_explicit_weights() -> None:
    skips, gains, width = [1.0, 0.5, -0.7, 1.2], [0.1, 0.75, 0.3, 0.2], 5
    u, v, x = explicit_networks(skips, gains, width, 40_000)
    lengths = np.sum(v**2, axis=1)
    overlap = np.sum(u * v, axis=1) / lengths
    assert_means_are(overlap, theory.direct_path(skips)[-1])
    # The mean Jacobian is a multiple of the identity, whichever the direction that is looked at.
    assert_means_are(u, theory.direct_path(skips)[-1] * v[0])
    spread = theory.direct_path_spread(skips, gains, width)[-1]
    assert_means_are((overlap - theory.direct_path(skips)[-1]) ** 2, spread**2)
    squared = (overlap - theory.direct_path(skips)[-1]) ** 2
    law = theory.squared_overlap_spread(skips, gains, width)[-1]
    # Close to, not exactly, Gaussian: good to the order 1/width.
    assert np.std(squared) == pytest.approx(law, rel=1 / width)
    for energy in (np.sum(u**2, axis=1) / lengths, np.sum(x**2, axis=1)):
        mean = theory.energy(skips, gains)[-1]
        assert_means_are(energy, mean)
        spread = theory.energy_spread(skips, gains, width)[-1]
        assert_means_are((energy - mean) ** 2, spread**2)


def test_spreads_vanish_where_nothing_is_random() -> None:
    skips = [1.0, 0.9]
    assert np.all(theory.direct_path_spread(skips, 0.0, 10) == 0)
    assert np.all(theory.energy_spread(skips, 0.0, 10) == 0)
    wide = 10**9
    assert theory.energy_spread(skips, 0.1, wide) == pytest.approx([0, 0], abs=1e-4)
    assert theory.direct_path_spread(skips, 0.1, wide) == pytest.approx([0, 0], abs=1e-4)


def test_products_are_taken_along_the_last_axis() -> None:
    skips = np.array([[1.0, 2.0, 0.5], [0.5, 0.5, 0.5]])
    assert theory.direct_path(skips).tolist() == [[1, 2, 1], [0.5, 0.25, 0.125]]
    assert theory.energy(skips, [[0.0], [0.75]])[:, -1].tolist() == [1, 1]


def test_scaled_weights_scale_the_gain_and_plain_jacobians() -> None:
    """Of one draw: the branch scales by the square, and its energy by the fourth power."""
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 6, 6))
    x, v = rng.standard_normal((2, 6))
    plain = [second * a @ ((first * a @ x > 0) * (first * a @ v)) for a in (1.0, 0.1)]
    ratio = np.linalg.norm(plain[1]) / np.linalg.norm(plain[0])
    assert ratio == pytest.approx(0.1 ** theory.plain_exponent(1), rel=1e-12)
    assert ratio**2 == pytest.approx(float(theory.shrunk_gain(1.0, 0.1)), rel=1e-12)


def test_survival_is_the_binomial_and_tends_to_a_power() -> None:
    law = theory.survival(333)
    for units in (0, 1, 9, 18, 54, 333):
        exact = Fraction(2 * math.comb(2 * units + 2, units + 1), 4 ** (units + 1))
        assert law[units] == pytest.approx(float(exact), rel=1e-13)
    asymptotic = 2 / math.sqrt(math.pi * 334)
    assert law[333] == pytest.approx(asymptotic, rel=1 / 334)


LAWS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "Gaussian": (stats.norm.pdf, 40.0),
    "logistic": (stats.logistic.pdf, 240.0),
}


@pytest.mark.parametrize("law", LAWS)
def test_survival_by_quadrature_of_the_walk_is_free_of_the_law(law: str) -> None:
    """The density of positive partial sums, step by step on Gauss-Legendre panels."""
    density, reach = LAWS[law]
    nodes, weights = np.polynomial.legendre.leggauss(20)
    panels = 30
    half = reach / panels / 2
    at = (half * (2 * np.arange(panels)[:, None] + 1 + nodes)).ravel()
    mass = np.tile(half * weights, panels)
    step = density(at[:, None] - at) * mass
    positive = 2 * density(at)
    for predicted in theory.survival(6):
        assert mass @ positive == pytest.approx(predicted, abs=1e-10)
        positive = step @ positive


@pytest.mark.parametrize("law", ["uniform", "Student"])
def test_survival_of_simulated_walks_is_free_of_the_law(law: str) -> None:
    rng = np.random.default_rng(3)
    shape = (40_000, 11)
    steps = rng.uniform(-1, 1, shape) if law == "uniform" else rng.standard_t(1.5, shape)
    steps = steps[steps[:, 0] > 0]
    alive = np.cumprod(np.cumsum(steps, axis=1) > 0, axis=1)
    assert_means_are(alive[:, 1:], theory.survival(10)[1:])


def test_survival_is_that_of_a_rectified_recursion() -> None:
    """The unit's own recursion: it reflects at zero, but the path that was cut stays cut."""
    rng = np.random.default_rng(4)
    x = np.maximum(rng.standard_normal(40_000), 0)
    started = alive = x > 0
    for predicted in theory.survival(8)[1:]:
        x = np.maximum(x + rng.standard_normal(x.size), 0)
        alive = alive & (x > 0)
        assert_means_are(alive[started].astype(float), predicted)


def test_spread_of_the_alive_share_is_binomial() -> None:
    law = stats.binom(50, theory.survival(4)[1:])
    assert theory.survival_spread(4, 100)[1:] == pytest.approx(law.std() / 50, rel=1e-12)


def test_independent_masks_halve() -> None:
    assert theory.independent_masks(3).tolist() == [1, 0.5, 0.25, 0.125]


@pytest.mark.parametrize("units", [0, 1, 4])
def test_moments_of_the_reflected_walk_by_quadrature(units: int) -> None:
    """The density of the reflected walk above zero, and the atom at zero, step by step."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = 0.5
    at = (half * (2 * np.arange(30)[:, None] + 1 + nodes)).ravel()
    mass = np.tile(half * weights, 30)
    density, atom = stats.norm.pdf(at), 0.5
    for _ in range(units):
        below = mass @ (density * stats.norm.sf(at)) + atom / 2
        density = stats.norm.pdf(at[:, None] - at) @ (mass * density) + atom * stats.norm.pdf(at)
        atom = below
    mean = mass @ (at * density)
    assert theory.reflected_mean(units) == pytest.approx(mean, abs=1e-10)
    square = mass @ (at**2 * density)
    assert theory.reflected_spread(units) == pytest.approx(math.sqrt(square - mean**2), abs=1e-10)


def test_reflected_mean_tends_to_a_root() -> None:
    assert theory.reflected_mean(10**6) == pytest.approx(math.sqrt(2e6 / math.pi), rel=1e-3)


def test_drift_and_its_spread_in_closed_form() -> None:
    assert theory.drift([10, 30]) == pytest.approx(
        np.array([10, 30]) / math.sqrt(2 * math.pi), abs=1e-10
    )
    assert float(theory.drift_spread(30)) == pytest.approx(math.sqrt(16 - 15 / math.pi), abs=1e-10)


def test_channels_of_both_branches_by_brute_force() -> None:
    rng = np.random.default_rng(5)
    start = rng.standard_normal(40_000)
    steps = rng.standard_normal((40_000, 7))
    rectified = start + np.maximum(steps, 0).sum(axis=1)
    assert_means_are(rectified, float(theory.drift(7)))
    spread = float(theory.drift_spread(7))
    assert_means_are((rectified - float(theory.drift(7))) ** 2, spread**2)
    assert float(theory.pre_activation_spread(7)) == pytest.approx(math.sqrt(8))
    squares = ((start + steps.sum(axis=1)) ** 2).reshape(-1, 4)
    assert_means_are(squares.ravel(), float(theory.pre_activation_mean_square(7)))
    spread = float(theory.pre_activation_mean_square_spread(7, 4))
    assert_means_are((squares.mean(axis=1) - 8) ** 2, spread**2)


def listed_layers(depth: int, kind: str) -> tuple[int, int, int]:
    """Parameters layer by layer: convolutions without projections, projections, normalizations."""
    convolutions, projections, norms, channels, layers = 27 * 16, 0, 0, 16, 2
    per_stage = (depth - 2) // (9 if kind == "bottleneck" else 6)
    for width in (16, 32, 64):
        for unit in range(per_stage):
            shapes = (
                [(1, channels, width), (3, width, width), (1, width, 4 * width)]
                if kind == "bottleneck"
                else [(3, channels, width), (3, width, width)]
            )
            for size, before, after in shapes:
                norms += 2 * before
                convolutions += size**2 * before * after
                layers += 1
            if unit == 0 and channels != shapes[-1][2]:
                projections += channels * shapes[-1][2]
            channels = shapes[-1][2]
    assert layers == depth
    return convolutions, projections, norms + 2 * channels


@pytest.mark.parametrize(
    ("depth", "kind"),
    [(164, "bottleneck"), (1001, "bottleneck"), (110, "basic"), (11, "bottleneck")],
)
def test_parameters_are_the_sum_over_layers(depth: int, kind: str) -> None:
    convolutions, projections, norms = listed_layers(depth, kind)
    counted = theory.parameters(depth, kind)
    assert counted["convolutions"] == convolutions + projections
    assert theory.parameters(depth, kind, projections=False)["convolutions"] == convolutions
    assert counted["normalizations"] == norms


def test_parameters_of_the_papers_networks() -> None:
    totals = {depth: sum(theory.parameters(depth, "bottleneck").values()) for depth in (164, 1001)}
    assert totals == {164: 1_703_258, 1001: 10_327_706}
    assert sum(theory.parameters(110, "basic", projections=False).values()) == 1_727_962


def test_a_mean_over_networks_resolves_their_spread() -> None:
    assert theory.resolved([2.0, 4.0]).tolist() == [0.5, 1.0]
