import itertools
import math

import jax
import numpy as np
import pytest

from theory.gaussian_expectations import leaky_relu
from theory.initialization import rectifier_init as theory


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0, -0.5])
def test_gain_makes_up_for_what_the_rectifier_drops(slope: float) -> None:
    kept = leaky_relu(slope).second_moment()
    assert theory.preserving_gain(slope) * kept == pytest.approx(1, rel=1e-12)
    assert theory.layer_factor(slope, 1.0) == pytest.approx(kept, rel=1e-12)
    gradient = leaky_relu(slope).derivative_second_moment()
    assert theory.layer_factor(slope, 1.0) == pytest.approx(gradient, rel=1e-12)


def test_known_gains() -> None:
    assert theory.preserving_gain(0.0) == 2
    assert theory.preserving_gain(1.0) == 1
    assert theory.layer_factor(0.25, 2.0) ** 30 == pytest.approx(6.16, abs=0.01)


WIDTHS = (32, 256, 64, 128, 512)


def test_second_moments_layer_by_layer() -> None:
    for rule in ("fan_in", "fan_out"):
        signal, gradient = 2.0, [1.0]  # the first layer reads no rectifier
        signals = []
        for fan_in, fan_out in itertools.pairwise(WIDTHS):
            signal *= fan_in / (fan_in if rule == "fan_in" else fan_out)
            signals.append(signal)
        for fan_in, fan_out in reversed(list(itertools.pairwise(WIDTHS[1:]))):
            gradient.append(gradient[-1] * fan_out / (fan_in if rule == "fan_in" else fan_out))
        assert np.allclose(theory.signal_second_moments(WIDTHS, rule), signals)
        assert np.allclose(theory.gradient_second_moments(WIDTHS, rule), gradient[::-1])


def test_ratios_of_widths() -> None:
    assert theory.signal_second_moments(WIDTHS, "fan_out")[-1] == 2 * 32 / 512
    assert theory.gradient_second_moments(WIDTHS, "fan_in")[0] == 512 / 256


def test_deviations_are_those_of_the_library() -> None:
    channels = (64, 128)
    for rule in ("fan_in", "fan_out"):
        initializer = jax.nn.initializers.variance_scaling(2.0, rule, "normal")
        drawn = np.asarray(initializer(jax.random.key(0), (3, 3, *channels)))
        (deviation,) = theory.filter_deviations(channels, rule)
        assert np.std(drawn) == pytest.approx(deviation, rel=5 / math.sqrt(2 * drawn.size))


def test_the_papers_arithmetic() -> None:
    deviations = theory.filter_deviations(theory.VGG_CHANNELS, "fan_out")
    assert np.unique(np.round(deviations, 4)).tolist() == [0.0208, 0.0295, 0.0417, 0.0589]
    shrinkage = theory.gradient_shrinkage(theory.VGG_CHANNELS, theory.PAPER_DEVIATION)
    assert shrinkage == pytest.approx(16728.76, abs=0.005)
    rounded = 5.9 * 4.2**2 * 2.9**2 * 2.1**4
    for value in (shrinkage, rounded):
        assert float(f"{value:.1e}") == theory.PAPER_SHRINKAGE
    # A quarter of the filters and twice the deviation leave it as it is.
    quarter = [count // 4 for count in theory.VGG_CHANNELS]
    assert theory.gradient_shrinkage(quarter, 2 * theory.PAPER_DEVIATION) == pytest.approx(
        shrinkage
    )


@pytest.mark.parametrize("side", [2, 4, 7])
def test_border_factor_by_walking(side: int) -> None:
    profile = np.ones((side, side))
    for layers in range(1, 6):
        padded = np.pad(profile, 1)
        profile = sum(
            padded[i : i + side, j : j + side] for i in range(3) for j in range(3)
        ) / 9  # fmt: skip
        assert theory.border_factor(side, layers) == pytest.approx(profile.mean(), rel=1e-12)


def test_border_factor_of_one_and_of_many_layers() -> None:
    for side, factor in ((4, 0.694), (8, 0.840), (16, 0.918), (32, 0.959)):
        assert theory.border_factor(side, 1) == pytest.approx(factor, abs=5e-4)
    late = theory.border_factor(4, 61) / theory.border_factor(4, 60)
    assert late == pytest.approx((1 + 2 * math.cos(math.pi / 5)) ** 2 / 9, rel=1e-12)
    # Three pixels side by side and only neighbours: at two pixels all read all.
    assert theory.border_factor(2, 3) == pytest.approx((4 / 9) ** 3, rel=1e-12)


def test_start_ratios() -> None:
    output, gradient = theory.start_ratios(30, 0.5)
    assert output == 2**-15
    assert gradient == pytest.approx(4.3158e-5, rel=1e-4)


def test_losses() -> None:
    assert theory.silent_loss(10) == pytest.approx(2.302585, abs=1e-6)
    assert theory.stalled_loss(10, 30) == pytest.approx(2.302486, abs=1e-6)
    assert theory.stalled_loss(10, 1) == 0
