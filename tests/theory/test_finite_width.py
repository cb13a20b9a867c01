import numpy as np
import pytest
from scipy import integrate, stats

from theory.finite_width import (
    LengthLaw,
    Slopes,
    activation_fluctuation,
    preactivation_fluctuation,
)
from theory.gaussian_expectations import expectation

RELU, LINEAR, LEAKY = Slopes(), Slopes(1.0, 1.0), Slopes(1.0, 0.25)
ODD_ONES = [RELU, LINEAR, LEAKY, Slopes(0.5, -2.0), Slopes(0.0, 3.0), Slopes(1.0, -1.0)]


@pytest.mark.parametrize("slopes", ODD_ONES)
def test_moments_are_gaussian_expectations(slopes: Slopes) -> None:
    def phi(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, slopes.positive * x, slopes.negative * x)

    second = expectation(lambda x: phi(x) ** 2, kinks=(0.0,))
    fourth = expectation(lambda x: phi(x) ** 4, kinks=(0.0,))
    assert slopes.second_moment == pytest.approx(second, rel=1e-12)
    assert slopes.fluctuation == pytest.approx(fourth / second**2 - 1, rel=1e-12)


def test_known_fluctuations() -> None:
    assert RELU.fluctuation == 5
    assert LINEAR.fluctuation == Slopes(1.0, -1.0).fluctuation == 2
    assert Slopes(3.0, 3.0).fluctuation == pytest.approx(2)
    assert activation_fluctuation(RELU, [50] * 10) == pytest.approx(1.1**10)
    # One layer without its activation is a chi-square vector.
    assert preactivation_fluctuation(RELU, [7]) == pytest.approx(1 + 2 / 7)
    assert preactivation_fluctuation(LINEAR, [5, 9]) == activation_fluctuation(LINEAR, [5, 9])


@pytest.mark.parametrize("slopes", [RELU, Slopes(0.5, -2.0)])
def test_fluctuations_of_real_networks(slopes: Slopes) -> None:
    rng = np.random.default_rng(0)
    widths, runs = (12, 20, 16), 4_000
    x = np.ones((runs, 5))
    for units in widths:
        weights = rng.normal(size=(runs, x.shape[1], units)) / np.sqrt(x.shape[1])
        y = np.einsum("ri,rio->ro", x, weights)
        x = np.where(y > 0, slopes.positive * y, slopes.negative * y)
    for values, predicted in (
        (x, activation_fluctuation(slopes, widths)),
        (y, preactivation_fluctuation(slopes, widths)),
    ):
        squares = np.sum(values**2, axis=1)
        ratios = squares**2 / np.mean(squares) ** 2
        # Squares of heavy tails: five standard errors, and the mean's own.
        assert abs(np.mean(ratios) - predicted) < 8 * np.std(ratios) / np.sqrt(runs)


AT = np.linspace(0.02, 5.0, 40)


@pytest.mark.parametrize("width", [2, 7, 50])
def test_law_of_one_relu_layer_is_a_mixture_of_chi_squares(width: int) -> None:
    counts = np.arange(1, width + 1)
    chances = stats.binom.pmf(counts, width, 0.5)
    exact = 2.0**-width + stats.chi2.cdf(AT[:, None] * width / 2, counts) @ chances
    tolerance = 1e-10 if width > 2 else 2e-3  # a density that is infinite at zero
    assert np.allclose(LengthLaw(RELU, width, 1).cdf(AT), exact, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("width", "depth"), [(16, 1), (5, 1)])
def test_law_of_a_linear_layer(width: int, depth: int) -> None:
    law = LengthLaw(LINEAR, width, depth)
    assert np.allclose(law.cdf(AT), stats.chi2.cdf(AT * width, width), rtol=0, atol=1e-10)
    assert law.median == pytest.approx(stats.chi2.median(width) / width, abs=1e-9)


def test_law_of_two_layers_is_a_product() -> None:
    width = 20
    scale = 1 / width

    def given(first: float, at: float) -> float:
        return (
            stats.chi2.pdf(first / scale, width) / scale * stats.chi2.cdf(at / first / scale, width)
        )

    law = LengthLaw(LINEAR, width, 2)
    for at in (0.4, 1.0, 1.7):
        exact = integrate.quad(given, 1e-9, 6, args=(at,), epsabs=1e-12, limit=200)[0]
        assert law.cdf(at) == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize("slopes", [LEAKY, Slopes(0.5, -2.0)])
def test_law_of_a_leaky_layer_is_a_mixture(slopes: Slopes) -> None:
    # Two chi-squares of unequal scale, the smaller one averaged by quadrature.
    width = 8
    high, low = slopes.positive**2, slopes.negative**2
    total = width * slopes.second_moment

    def chance(count: int, at: float) -> float:
        if count == 0:
            return stats.chi2.cdf(at * total / low, width)
        if count == width:
            return stats.chi2.cdf(at * total / high, width)

        def given(root: float) -> float:  # of the first chi-square: its density is smooth in it
            return stats.chi.pdf(root, count) * stats.chi2.cdf(
                max(at * total - high * root**2, 0) / low, width - count
            )

        edge = np.sqrt(at * total / high)
        return integrate.quad(given, 0, min(edge, 15), epsabs=1e-12, limit=300)[0]

    law = LengthLaw(slopes, width, 1)
    for at in (0.3, 1.0, 2.0):
        exact = sum(stats.binom.pmf(k, width, 0.5) * chance(k, at) for k in range(width + 1))
        assert law.cdf(at) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("slopes", [RELU, LEAKY, LINEAR])
def test_mellin_transform_holds_the_moments(slopes: Slopes) -> None:
    law = LengthLaw(slopes, 30, 4)
    alive, first, second = law.mellin(np.array([0, 1, 2], complex))
    assert alive == pytest.approx(1 - (2.0**-30 if slopes.negative == 0 else 0), rel=1e-12)
    assert first == pytest.approx(1, rel=1e-12)
    assert second == pytest.approx(1 + slopes.fluctuation / 30, rel=1e-12)


@pytest.mark.parametrize("slopes", [RELU, LINEAR])
def test_law_tends_to_the_log_normal_one(slopes: Slopes) -> None:
    errors = []
    for scale in (1, 4):
        law = LengthLaw(slopes, 25 * scale, 10 * scale)
        errors.append(abs(np.log(law.median / law.lognormal_median)))
    assert errors[1] < errors[0] / 3 < 0.05


def test_dead_networks() -> None:
    law = LengthLaw(RELU, 4, 10)
    assert law.dead == pytest.approx(1 - (15 / 16) ** 10)
    assert law.cdf(0.0) == pytest.approx(law.dead)
    assert law.cdf(-1.0) == 0
    assert law.cdf(1e9) == pytest.approx(1)
    assert LengthLaw(LEAKY, 4, 10).dead == 0
