r"""How large must the first weights of a deep rectifier network be?

A rectifier $\phi(y)=\max(y,0)+a\min(y,0)$ keeps only $\tfrac12(1+a^2)$ of the second moment of what
it is given. Weights that read $n$ numbers must make up for it: their variance has to be
$\frac2{(1+a^2)n}$. Xavier's $\frac1n$, made for linear units, halves the squared signal in every
layer, and a 30-layer network starts with outputs $2^{-15}$ as large as they should be.

- The condition is **exact** in every network, however narrow, for any symmetric law of weights.
- It holds for the **mean** over networks. A single network is luckier or unluckier: squared lengths
  spread by a factor whose second moment is $(1+\tfrac5n)^L$, and the typical one is smaller than
  the mean by $e^{-5L/2n}$. The whole law is worked out here, and confirmed.
- Fan-in or fan-out, whichever count the variance is made for: the other direction is off by a
  ratio of two widths, not by a power of the depth.
- Of the paper's example, ten convolutions from weights of standard deviation 0.01, real
  convolutions give the $1.7\cdot10^4$ that the paper computes. Zero padding leaks a little more.
- 30 layers trained on digits: the rectifier's variance learns, Xavier's does not leave its start.

Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun: *Delving Deep into Rectifiers: Surpassing
Human-Level Performance on ImageNet Classification*, ICCV 2015, arXiv:1502.01852. (Its ImageNet
results are not the subject here.)
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import (
    Evidence,
    at_least,
    at_most,
    distributed_as,
    equals,
    frequency,
    identity,
    ordered,
)
from harness.errors import require
from harness.style import PREDICTED
from instruments import deep_training, handwritten_digits
from instruments.deep_training import Perceptron
from instruments.signal_propagation import Signals, dense, propagate
from theory import finite_width
from theory.finite_width import LengthLaw, Slopes
from theory.initialization import rectifier_init as theory

SLOPES = (0.0, 0.25, 1.0)
"""ReLU, PReLU as the paper starts it, a linear network."""
SLOPE_NAMES = tuple(f"a = {slope:g}" for slope in SLOPES)
XAVIER_GAIN, RELU_GAIN = 1.0, theory.preserving_gain(0.0)
RULES: tuple[theory.Rule, ...] = ("fan_in", "fan_out")
BLOCKS = 40
"""Independent groups of runs whose means are the repetitions where single runs vary wildly."""


@dataclass(frozen=True)
class Config:
    """Parameters."""

    initialization: Literal["rectifier", "relu", "xavier"] = "rectifier"
    """Weight variance times fan-in: 2/(1+a^2), or 2 or 1 whatever the slope is."""
    width: int = 32
    """Units of the layers in which lengths are followed."""
    depth: int = 10
    """Their layers."""
    block_runs: int = 300
    """Networks in each of the groups."""
    narrow_width: int = 16
    """Units where the second moment of the squared length is measured itself."""
    narrow_depth: int = 2
    """Layers there: with more, a few rare networks would decide."""
    narrow_block_runs: int = 4000
    """Networks in each of the groups there."""

    widths: tuple[int, ...] = (8, 64, 16, 32, 128)
    """Inputs and units of the networks whose layers are not equally wide."""
    matrix_block_runs: int = 200
    """Networks in each of the groups there."""
    weights: Literal["uniform", "exponential"] = "uniform"
    """Their law of weights; the exponential one, centred, is not symmetric."""

    filters_divisor: int = 16
    """How many times fewer filters than in the paper the ten convolutions have."""
    convolution_runs: int = 2
    """Networks of these."""
    thin_channels: tuple[int, ...] = (16, 16, 16, 16, 16)
    """Channels of the convolutions whose gradient is averaged over networks."""
    thin_block_runs: int = 50
    """Networks in each of the groups there."""
    side: int = 4
    """Pixels along each side of all images."""
    kernel_gain: float = 2.0
    """Variance of the convolutions' weights times fan-out."""

    deep: int = 30
    """Hidden layers of the networks of which Xavier's does not train."""
    shallow: tuple[int, ...] = (6,)
    """Numbers of hidden layers tried besides, the first so few that Xavier's does train."""
    he_gain: float = 2.0
    """Weight variance times fan-in of the networks called He's."""
    xavier_gain: float = 1.0
    """The same of those called Xavier's."""
    shown_digits: tuple[int, ...] = tuple(range(10))
    """Digits to be told apart."""
    learning_rate: float = 0.002
    """Step size, at momentum 0.9."""
    steps: int = 400
    """Steps of training."""
    batch: int = 32
    """Samples in a step."""
    trained: int = 16
    """Networks trained from each start."""
    stalled: int = 6
    """Networks trained from Xavier's where it stalls: they hardly differ."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                fine = isinstance(number, str) or number >= 0
                require(fine, f"{name} must not be negative, got {number}")
        for name in ("width", "narrow_width", "side"):
            size = getattr(self, name)
            require(size >= 2, f"{name} must be at least 2, got {size}")
        for name in ("widths", "thin_channels"):
            sizes = getattr(self, name)
            require(len(sizes) >= 2, f"{name} needs an input and at least one layer, got {sizes}")
        most = min(theory.VGG_CHANNELS)
        require(
            self.filters_divisor > 0 and most % self.filters_divisor == 0,
            f"filters_divisor must divide {most}, got {self.filters_divisor}",
        )
        require(len(self.shallow) >= 1, "shallow needs at least one number of layers")
        digits = set(self.shown_digits)
        require(
            len(digits) == len(self.shown_digits) >= 2 and digits <= set(range(10)),
            f"shown_digits must be at least two different digits, got {self.shown_digits}",
        )


SIZES = {
    "ci": Config(),
    "figure": Config(
        width=100,
        depth=30,
        block_runs=2000,
        narrow_block_runs=6000,
        widths=(16, 128, 32, 64, 256),
        matrix_block_runs=300,
        filters_divisor=4,
        thin_block_runs=200,
        shallow=(6, 10, 15, 20, 40),
        steps=600,
        stalled=10,
    ),
    "paper": Config(
        width=200,
        depth=30,
        block_runs=4000,
        narrow_block_runs=20_000,
        widths=(32, 256, 64, 128, 512),
        matrix_block_runs=600,
        filters_divisor=1,
        thin_channels=(32, 32, 32, 32, 32),
        thin_block_runs=200,
        shallow=(6, 10, 14, 18, 22, 26, 40),
        steps=1000,
        batch=100,
        trained=20,
        stalled=20,
    ),
}


def gain_of(config: Config, slope: float) -> float:
    """Weight variance times fan-in under the config's initialization."""
    rules = {"rectifier": theory.preserving_gain(slope), "relu": RELU_GAIN, "xavier": XAVIER_GAIN}
    return rules[config.initialization]


def block_means(values: np.ndarray) -> np.ndarray:
    """Means over groups of runs, the leading axis; their number becomes `BLOCKS`."""
    return values.reshape(BLOCKS, -1, *values.shape[1:]).mean(axis=1)


# ---------------------------------------------------------------- lengths, layer by layer


@partial(jax.jit, static_argnames=("runs", "depth", "width"))
def squared_lengths(
    key: PRNGKeyArray, slope: Array, gain: Array, *, runs: int, depth: int, width: int
) -> Float[Array, "runs depth"]:
    """Squared length of the activations after each layer, relative to the input's."""

    def rectifier(values: Array) -> Array:
        return jnp.where(values > 0, values, slope * values)

    def layer(key: PRNGKeyArray, signals: Signals, gain: Array) -> Signals:
        return dense(width, gain)(key, signals).through(rectifier)

    def length(signals: Signals) -> Array:
        return jnp.mean(signals.values**2)

    start = jnp.ones((1, width))

    def run(key: PRNGKeyArray) -> Array:
        return propagate(key, layer, Signals(start, start), jnp.full(depth, gain), length)

    return jax.lax.map(run, jax.random.split(key, runs), batch_size=100)


class Lengths(NamedTuple):
    """Squared lengths of activations in Gaussian networks of one width."""

    factor: Float[Recorded, "blocks slopes"]
    """What a layer multiplies the squared length by; mean over runs and layers."""
    spread: Float[Recorded, "blocks slopes"]
    """Its mean squared distance from 1."""
    growth: Float[Recorded, "blocks slopes"]
    """Squared length after all layers relative to the input's; mean over runs."""
    final: Float[Recorded, "runs slopes"]
    """The same of every run."""


@measurement
def follow_lengths(config: Config, key: PRNGKeyArray) -> Lengths:
    """Send one input through many random networks; all slopes share their draws."""
    columns = []
    for slope in SLOPES:
        lengths = np.asarray(
            squared_lengths(
                key,
                jnp.asarray(slope),
                jnp.asarray(gain_of(config, slope)),
                runs=BLOCKS * config.block_runs,
                depth=config.depth,
                width=config.width,
            )
        )
        before = np.insert(lengths[:, :-1], 0, 1.0, axis=1)
        # A dead network stays dead: no factor to speak of.
        factors = np.divide(lengths, before, out=np.ones_like(lengths), where=before > 0)
        final = lengths[:, -1]
        columns.append(
            Lengths(
                block_means(factors.mean(axis=1)),
                block_means(np.mean((factors - 1) ** 2, axis=1)),
                block_means(final),
                final,
            )
        )
    return Lengths(*(np.stack(parts, axis=-1) for parts in zip(*columns, strict=True)))


LINEAR_RULE = broken("Xavier's variance is made for linear units.", initialization="xavier")
RELU_RULE = broken("ReLU's variance is too large for a PReLU.", initialization="relu")


@claim(
    follow_lengths,
    kind="identity",
    source="Eqs. 7-10, 15",
    tolerance=0.05,
    controls=[LINEAR_RULE, RELU_RULE],
)
def every_layer_keeps_the_second_moment(run: Lengths, config: Config) -> Evidence:
    r"""With weight variance $\frac2{(1+a^2)n}$ a layer multiplies $|\phi(y)|^2$ by
    $\tfrac12(1+a^2)\,n\,\mathrm{Var}(w)=1$ on average, at every width.
    """
    factors = [theory.layer_factor(a, theory.preserving_gain(a)) for a in SLOPES]
    # Exact at every width means: not even a bias of order 1/n.
    return equals(run.factor, factors, margin=1 / config.width).named(*SLOPE_NAMES)


@claim(
    follow_lengths,
    kind="value",
    source="Eq. 9, 10, 15",
    tolerance=0.6,
    controls=[LINEAR_RULE, RELU_RULE],
)
def second_moment_survives_all_layers(run: Lengths, config: Config) -> Evidence:
    r"""So after $L$ layers the mean of $|\phi(y_L)|^2$ is that of the input,
    $\prod_{l\le L}\tfrac12(1+a^2)\,n\,\mathrm{Var}(w_l)=1$, where Xavier's variance leaves $2^{-L}$
    of it in a ReLU network.
    """
    factors = np.array([theory.layer_factor(a, theory.preserving_gain(a)) for a in SLOPES])
    # What a bias of 1/n in every layer would come to.
    margin = (1 + 1 / config.width) ** config.depth - 1
    return equals(run.growth, factors**config.depth, margin=margin).named(*SLOPE_NAMES)


ACTIVATIONS = tuple(Slopes(1.0, slope) for slope in SLOPES)
LINEAR = Slopes(1.0, 1.0)


@claim(
    follow_lengths,
    kind="value",
    source="derived",
    tolerance=0.3,
    controls=[
        rival("Rival: lengths fluctuate as in a linear network.", activations=(LINEAR,) * 3),
        LINEAR_RULE,
    ],
)
def a_layer_spreads_squared_lengths(
    run: Lengths, config: Config, activations: tuple[Slopes, ...] = ACTIVATIONS
) -> Evidence:
    r"""A layer of $n$ units multiplies $|\phi(y)|^2$ by a random factor of variance
    $\frac\beta n$, $\beta=\frac{6(1+a^4)}{(1+a^2)^2}-1$: 5 for ReLU, 2 for a linear network.
    """
    spread = np.array([slopes.fluctuation for slopes in activations]) / config.width
    # The next order in 1/n.
    return equals(run.spread, spread, margin=spread**2).named(*SLOPE_NAMES)


length_law = cache(LengthLaw)
"""Laws are computed once."""


def central_limit_error(config: Config) -> float:
    r"""$1/\sqrt{nL}$: how far laws of the length are from their log-normal limit, in order."""
    return 1 / math.sqrt(config.width * config.depth)


@claim(
    follow_lengths,
    kind="law",
    source="derived",
    tolerance=0.35,
    controls=[
        rival("Rival: lengths fluctuate as in a linear network.", slopes=LINEAR),
        LINEAR_RULE,
    ],
)
def squared_length_of_a_relu_network_has_a_known_law(
    run: Lengths, config: Config, slopes: Slopes = ACTIVATIONS[0]
) -> Evidence:
    r"""Layers act independently: after $L$ of them $|\phi(y_L)|^2$ in a ReLU network is $|x|^2$
    times a product of $L$ independent variables $\frac2n\chi^2_k$, $k\sim\mathrm{Bin}(n,\tfrac12)$.
    """
    law = length_law(slopes, config.width, config.depth)
    return distributed_as(run.final[:, 0], law.cdf, margin=central_limit_error(config))


def median(law: LengthLaw) -> float:
    """The middle of the law: what a typical network does."""
    return law.median


def mean(law: LengthLaw) -> float:
    """The mean of the law, 1 by definition."""
    return 1.0


@claim(
    follow_lengths,
    kind="probability",
    source="derived",
    tolerance=0.3,
    controls=[
        rival("Rival: the typical network keeps lengths, not the mean.", middle=mean),
        LINEAR_RULE,
    ],
)
def half_of_the_networks_are_below_the_predicted_median(
    run: Lengths, config: Config, middle: Callable[[LengthLaw], float] = median
) -> Evidence:
    r"""What is kept is the mean. A typical network shrinks signals: the median of
    $|\phi(y_L)|^2/|x|^2$ is $e^{-\beta L/2n}$ for $n\to\infty$ at fixed $L/n$, and is computed here
    for every $n$.
    """
    laws = [length_law(slopes, config.width, config.depth) for slopes in ACTIVATIONS]
    below = run.final <= np.array([middle(law) for law in laws])
    return frequency(below, 0.5, margin=central_limit_error(config)).named(*SLOPE_NAMES)


class Narrow(NamedTuple):
    """Squared lengths in narrow ReLU networks of few layers."""

    square: Float[Recorded, " blocks"]
    """Mean square over runs of the squared length relative to the input's."""


@measurement
def follow_narrow_lengths(config: Config, key: PRNGKeyArray) -> Narrow:
    """Send one input through very many narrow networks."""
    lengths = squared_lengths(
        key,
        jnp.asarray(0.0),
        jnp.asarray(gain_of(config, 0.0)),
        runs=BLOCKS * config.narrow_block_runs,
        depth=config.narrow_depth,
        width=config.narrow_width,
    )
    return Narrow(block_means(np.asarray(lengths)[:, -1] ** 2))


@claim(
    follow_narrow_lengths,
    kind="value",
    source="derived",
    tolerance=0.2,
    controls=[
        rival("Rival: lengths fluctuate as in a linear network.", slopes=LINEAR),
        LINEAR_RULE,
    ],
)
def fluctuations_multiply_over_layers(
    run: Narrow, config: Config, slopes: Slopes = ACTIVATIONS[0]
) -> Evidence:
    r"""The mean square of $X=|\phi(y_L)|^2/\mathrm E|\phi(y_L)|^2$ is $(1+\tfrac\beta n)^L$,
    $\beta=5$ for ReLU: large as soon as the depth is comparable to the width.
    """
    width, depth = config.narrow_width, config.narrow_depth
    square = finite_width.activation_fluctuation(slopes, (width,) * depth)
    # As far off is the limit of infinite width at this L/n.
    limit = math.exp(Slopes().fluctuation * depth / width)
    exact = finite_width.activation_fluctuation(Slopes(), (width,) * depth)
    return equals(run.square, square, margin=limit - exact)


# ---------------------------------------------------------------- fan-in or fan-out


def standard_weights(skewed: Array, uniform: Array) -> Array:
    """Weights of mean 0 and variance 1: uniform, or exponential and centred."""
    return jnp.where(skewed, -jnp.log1p(-uniform) - 1, math.sqrt(12) * (uniform - 0.5))


class Passes(NamedTuple):
    """Mean squares in ReLU networks of given widths, layer by layer."""

    signal: Float[Recorded, "blocks rules layers"]
    r"""Of $y_l$, per unit; the input's is 1."""
    gradient: Float[Recorded, "blocks rules layers"]
    r"""Of the gradient at $\phi(y_l)$, per unit; it is white, of mean square 1, at the last."""


@partial(jax.jit, static_argnames=("runs", "widths"))
def network_passes(
    key: PRNGKeyArray, deviations: Array, skewed: Array, *, runs: int, widths: tuple[int, ...]
) -> Passes:
    """Mean squares forward and backward, in networks with real weight matrices.

    Args:
        key: random key.
        deviations: standard deviations of the weights, shape (rules, layers); all rules share
            their draws.
        skewed: whether weights are exponential.
        runs: networks.
        widths: of the input and of all layers.
    """
    sizes = [fan_in * units for fan_in, units in itertools.pairwise(widths)]

    def run(key: PRNGKeyArray) -> Passes:
        weight_key, top_key = jax.random.split(key)
        uniform = jax.random.uniform(weight_key, (sum(sizes),))
        flat = jnp.split(standard_weights(skewed, uniform), np.cumsum(sizes)[:-1])
        draws = [
            w.reshape(shape) for w, shape in zip(flat, itertools.pairwise(widths), strict=True)
        ]
        top = jax.random.normal(top_key, widths[-1:])

        def passes(deviations: Array) -> Passes:
            def forward(moves: list[Array]) -> tuple[Array, list[Array]]:
                x, signals = jnp.ones(widths[0]), []
                for draw, deviation, move in zip(draws, deviations, moves, strict=True):
                    y = deviation * (x @ draw)
                    signals.append(jnp.mean(y**2))
                    x = jax.nn.relu(y) + move
                return top @ x, signals

            still = [jnp.zeros(width) for width in widths[1:]]
            gradients, signals = jax.grad(forward, has_aux=True)(still)
            return Passes(jnp.stack(signals), jnp.stack([jnp.mean(g**2) for g in gradients]))

        return jax.vmap(passes)(deviations)

    return jax.lax.map(run, jax.random.split(key, runs), batch_size=20)


@measurement
def pass_through_matrices(config: Config, key: PRNGKeyArray) -> Passes:
    """Send an input forward and a white gradient backward, under both rules."""
    ends = np.array(config.widths, float)
    fans = np.stack([ends[:-1], ends[1:]])
    passes = network_passes(
        key,
        jnp.asarray(np.sqrt(RELU_GAIN / fans)),
        jnp.asarray(config.weights == "exponential"),
        runs=BLOCKS * config.matrix_block_runs,
        widths=config.widths,
    )
    return Passes(*(block_means(np.asarray(squares)) for squares in passes))


def finite_width_bias(widths: Sequence[int]) -> float:
    r"""$\prod(1+\tfrac1{n_l})-1$: what a bias of order $1/n_l$ in each layer would come to."""
    return float(np.prod(1 + 1 / np.asarray(widths, float))) - 1


def layer_names(config: Config) -> list[str]:
    """Names of the layers and their units."""
    return [f"layer {at} of {units}" for at, units in enumerate(config.widths[1:], 1)]


SKEWED = broken("A skewed law of weights tilts the rectifier.", weights="exponential")


def upside_down(widths: Sequence[int], rule: theory.Rule) -> np.ndarray:
    """The rival's gradients: the ratio of widths the other way round."""
    return 1 / theory.gradient_second_moments(widths, rule)


@claim(
    pass_through_matrices,
    kind="identity",
    source="Eqs. 10, 14",
    tolerance=0.25,
    controls=[SKEWED],
)
def either_count_keeps_its_own_direction(run: Passes, config: Config) -> Evidence:
    r"""For weights of any symmetric law, fan-in in $\mathrm{Var}(w)=2/\mathrm{fan}$ keeps
    $\mathrm Ey_l^2=2$ in every layer (the first reads no rectifier), and fan-out keeps the
    gradient's mean square, whatever the widths are.
    """
    signals = theory.signal_second_moments(config.widths, "fan_in")
    gradients = theory.gradient_second_moments(config.widths, "fan_out")[:-1]
    measured = np.concatenate([run.signal[:, 0], run.gradient[:, 1, :-1]], axis=1)
    predicted = np.concatenate([signals, gradients])
    names = layer_names(config)
    return equals(
        measured, predicted, margin=predicted * finite_width_bias(config.widths[1:-1])
    ).named(*(f"signal, {name}" for name in names), *(f"gradient, {name}" for name in names[:-1]))


@claim(
    pass_through_matrices,
    kind="identity",
    source="Section 2.2, after Eq. 14",
    tolerance=0.25,
    controls=[rival("Rival: the ratio the other way round.", predict=upside_down), SKEWED],
)
def fan_in_moves_gradients_by_a_ratio_of_two_widths(
    run: Passes,
    config: Config,
    predict: Callable[[Sequence[int], theory.Rule], np.ndarray] = theory.gradient_second_moments,
) -> Evidence:
    r"""Variances made for signals change the gradient's mean square between layers $l$ and $L$ by
    $d_L/d_l$, a ratio of two widths, however many layers lie between.
    """
    predicted = predict(config.widths, "fan_in")[:-1]
    margin = predicted * finite_width_bias(config.widths[1:-1])
    return equals(run.gradient[:, 0, :-1], predicted, margin=margin).named(
        *layer_names(config)[:-1]
    )


@claim(
    pass_through_matrices,
    kind="identity",
    source="Section 2.2, after Eq. 14",
    tolerance=0.25,
    controls=[
        rival("Rival: signals do not feel which count is taken.", rule="fan_in"),
        SKEWED,
    ],
)
def fan_out_moves_signals_by_a_ratio_of_two_widths(
    run: Passes, config: Config, rule: theory.Rule = "fan_out"
) -> Evidence:
    r"""Variances made for gradients change the signal's mean square after layer $l$ by $c_1/d_l$,
    again a ratio of two widths: $\mathrm Ey_l^2=2c_1/d_l$.
    """
    predicted = theory.signal_second_moments(config.widths, rule)
    margin = predicted * finite_width_bias(config.widths[1:-1])
    return equals(run.signal[:, 1], predicted, margin=margin).named(*layer_names(config))


# ---------------------------------------------------------------- convolutions


@partial(jax.jit, static_argnames=("runs", "channels", "side"))
def input_gradients(
    key: PRNGKeyArray,
    deviations: Array,
    circular: Array,
    *,
    runs: int,
    channels: tuple[int, ...],
    side: int,
) -> Float[Array, " runs"]:
    """Mean square of the gradient at the input of 3 by 3 convolutions, each before a ReLU.

    Args:
        key: draws the networks, their images, and the white gradients at their outputs.
        deviations: standard deviations of the weights, by layer.
        circular: 1 for circular padding, 0 for zero padding.
        runs: networks.
        channels: of the image and of all layers.
        side: pixels along each side of the image.
    """
    # One compiled layer for all: kernels are as large as the largest, zero where there is nothing.
    most = max(channels)
    ends = np.arange(most) < np.array(channels)[:, None]
    there = ends[:-1, :, None] & ends[1:, None, :]
    scales = deviations[:, None, None, None, None] * there[:, None, None]
    border = jnp.pad(jnp.ones((side, side)), 1, constant_values=circular)[..., None]

    def draw(key: PRNGKeyArray, *shape: int) -> Array:
        return jax.random.normal(key, (math.prod(shape),)).reshape(shape)

    def run(key: PRNGKeyArray) -> Array:
        weight_key, image_key, top_key = jax.random.split(key, 3)
        filters = theory.FILTER_SIDE
        kernels = scales * draw(weight_key, len(there), filters, filters, most, most)

        def layer(images: Array, kernel: Array) -> tuple[Array, None]:
            padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="wrap") * border
            convolved = jax.lax.conv_general_dilated(
                padded, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            return jax.nn.relu(convolved), None

        images = draw(image_key, 1, side, side, most) * ends[0]
        top = draw(top_key, 1, side, side, most) * ends[-1]
        _, pull = jax.vjp(lambda images: jax.lax.scan(layer, images, kernels)[0], images)
        (gradient,) = pull(top)
        return jnp.sum(gradient**2) / (channels[0] * side**2)

    return jax.lax.map(run, jax.random.split(key, runs))


class Shrinkage(NamedTuple):
    """The paper's ten convolutions, gradients from the last to the input of the second."""

    ratio: Float[Recorded, "runs paddings"]
    """The gradient under the paper's variance over the one under a fixed one, same draws."""


def paper_setting(config: Config) -> tuple[tuple[int, ...], float]:
    """Channels of the paper's network, and the fixed standard deviation.

    With fewer filters, by a divisor, a deviation larger by its square root keeps the paper's ratio.
    """
    channels = tuple(count // config.filters_divisor for count in theory.VGG_CHANNELS)
    return channels, theory.PAPER_DEVIATION * math.sqrt(config.filters_divisor)


@measurement
def compare_deviations(config: Config, key: PRNGKeyArray) -> Shrinkage:
    """Pull a gradient back through the same networks from both standard deviations."""
    channels, fixed = paper_setting(config)
    made = theory.filter_deviations(channels, "fan_out") * math.sqrt(config.kernel_gain / 2)

    def squares(deviations: np.ndarray, circular: float) -> np.ndarray:
        gradients = input_gradients(
            key,
            jnp.asarray(deviations),
            jnp.asarray(circular),
            runs=config.convolution_runs,
            channels=channels,
            side=config.side,
        )
        return np.asarray(gradients)

    ratios = [
        np.sqrt(squares(made, circular) / squares(np.full_like(made, fixed), circular))
        for circular in (1.0, 0.0)
    ]
    return Shrinkage(np.stack(ratios, axis=1))


OTHER_KERNELS = broken("Another variance than the paper's.", kernel_gain=1.0)


@claim(
    compare_deviations,
    kind="identity",
    source="Section 2.2, 'Discussions'",
    tolerance=1e-10,
    controls=[
        OTHER_KERNELS,
        rival("Rival: fan-in is what counts.", rule="fan_in"),
    ],
)
def a_fixed_deviation_shrinks_gradients_by_a_product(
    run: Shrinkage, config: Config, rule: theory.Rule = "fan_out"
) -> Evidence:
    r"""From weights of standard deviation 0.01 instead of $\sqrt{2/\hat n_l}$, a gradient that
    reaches the second of ten convolutions from the last is exactly
    $\prod_{l=2}^{10}\frac{\sqrt{2/\hat n_l}}{0.01}=16728.76$ times smaller, with either padding.
    """
    channels, fixed = paper_setting(config)
    shrinkage = theory.gradient_shrinkage(channels, fixed, rule)
    # Nine layers of sums of at most 4608 terms in double precision.
    return identity(run.ratio, shrinkage, rounding=1e-12)


@claim(
    compare_deviations,
    kind="value",
    source="Section 2.2, 'Discussions'",
    tolerance=0.06,
    controls=[OTHER_KERNELS],
)
def the_paper_rounds_it_correctly(run: Shrinkage, config: Config) -> Evidence:
    r"""The paper's $1/(5.9\times4.2^2\times2.9^2\times2.1^4)=1/(1.7\times10^4)$ is right to the
    digits that it gives.
    """
    half_a_digit = 0.05e4 / theory.PAPER_SHRINKAGE
    return identity(run.ratio, theory.PAPER_SHRINKAGE, rounding=half_a_digit)


class Borders(NamedTuple):
    """Thin convolutions under the paper's variance."""

    square: Float[Recorded, "blocks paddings"]
    """Mean square of the gradient at the input, where it is 1 at the output."""


@measurement
def pad_both_ways(config: Config, key: PRNGKeyArray) -> Borders:
    """Pull gradients back through many networks, with circular and with zero padding."""
    made = theory.filter_deviations(config.thin_channels, "fan_out")
    columns = [
        input_gradients(
            key,
            jnp.asarray(made * math.sqrt(config.kernel_gain / 2)),
            jnp.asarray(circular),
            runs=BLOCKS * config.thin_block_runs,
            channels=config.thin_channels,
            side=config.side,
        )
        for circular in (1.0, 0.0)
    ]
    return Borders(block_means(np.stack(columns, axis=1)))


def no_loss(side: int, layers: int) -> float:
    """Nothing is lost at the borders, in any layer: gain 2 makes up for what a ReLU drops."""
    return theory.layer_factor(0.0, RELU_GAIN) ** layers


@claim(
    pad_both_ways,
    kind="identity",
    source="Eq. 14",
    tolerance=0.5,
    controls=[rival("Rival: borders leak with this padding too.", predict=theory.border_factor)],
)
def circular_padding_keeps_the_gradient(
    run: Borders, config: Config, predict: Callable[[int, int], float] = no_loss
) -> Evidence:
    r"""With $\mathrm{Var}(w)=2/\hat n_l$ and circular padding, convolutions keep the mean square of
    the gradient.
    """
    margin = finite_width_bias(config.thin_channels[1:])
    layers = len(config.thin_channels) - 1
    return equals(run.square[:, 0], predict(config.side, layers), margin=margin)


def layer_by_layer(side: int, layers: int) -> float:
    """The rival's: every layer loses as much as the first."""
    return theory.border_factor(side, 1) ** layers


@claim(
    pad_both_ways,
    kind="value",
    source="derived; the paper neglects it",
    tolerance=0.3,
    controls=[
        rival("Rival: borders do no harm.", predict=no_loss),
        rival("Rival: every layer loses as much as the first.", predict=layer_by_layer),
    ],
)
def zero_padding_leaks_gradient(
    run: Borders, config: Config, predict: Callable[[int, int], float] = theory.border_factor
) -> Evidence:
    r"""With zero padding on $S\times S$ pixels, $L$ convolutions leave
    $(\mathbf 1^\top T^L\mathbf 1/S)^2$ of it, $T$ tridiagonal with entries $\tfrac13$:
    $(\frac{3S-2}{3S})^2$ after one, more than that power after several.
    """
    layers = len(config.thin_channels) - 1
    exact = theory.border_factor(config.side, layers)
    # Fine enough to see that what is left sits in the middle and loses less.
    margin = (exact - layer_by_layer(config.side, layers)) / 2
    return equals(run.square[:, 1], predict(config.side, layers), margin=margin)


# ---------------------------------------------------------------- training


def digit_data(config: Config) -> tuple[Array, Array]:
    """Images of the digits to be told apart, as vectors of mean square 1, and their classes."""
    digits = handwritten_digits.bundled().only(*config.shown_digits)
    classes = np.searchsorted(np.sort(config.shown_digits), digits.labels)
    return jnp.asarray(digits.standardized()), jnp.asarray(classes)


class Starts(NamedTuple):
    """Deep networks before training, from the same draws."""

    sizes: Float[Recorded, "runs gains 2"]
    """Root mean squares, for He's and Xavier's gain: of the outputs, and of the gradient of a
    random linear function of them at the first layer's weights."""


@partial(jax.jit, static_argnames=("depth", "classes"))
def sizes_at_start(
    key: PRNGKeyArray, gain: Array, inputs: Array, *, depth: int, classes: int
) -> Float[Array, "runs 2"]:
    """Root mean squares of outputs and gradients, in double precision."""

    def run(key: PRNGKeyArray) -> Array:
        weight_key, top_key = jax.random.split(key)
        network = deep_training.gaussian(
            weight_key,
            gain,
            depth=depth,
            units=inputs.shape[1],
            classes=classes,
            dtype=jnp.float64,
        )
        top = jax.random.normal(top_key, (classes,))

        def seen(network: Perceptron) -> tuple[Array, Array]:
            outputs = deep_training.outputs(network, inputs, jax.nn.relu)
            return jnp.mean(outputs @ top), outputs

        gradient, outputs = jax.grad(seen, has_aux=True)(network)
        squares = [jnp.mean(outputs**2), jnp.mean(gradient.hidden[0] ** 2)]
        return jnp.sqrt(jnp.stack(squares))

    return jax.lax.map(run, jax.random.split(key, STARTS))


STARTS, START_INPUTS = 4, 20


@measurement
def look_at_starts(config: Config, key: PRNGKeyArray) -> Starts:
    """Outputs and gradients of deep networks from He's and from Xavier's variance."""
    inputs, _ = digit_data(config)
    columns = [
        sizes_at_start(
            key,
            jnp.asarray(gain),
            inputs[:START_INPUTS],
            depth=config.deep,
            classes=len(config.shown_digits),
        )
        for gain in (config.he_gain, config.xavier_gain)
    ]
    return Starts(np.stack(columns, axis=1))


@claim(
    look_at_starts,
    kind="identity",
    source="Section 2.2, comparison with Xavier",
    tolerance=1e-10,
    controls=[
        broken("He's variance twice.", xavier_gain=2.0),
        rival("Rival: a layer halves signals, not their squares.", gain_ratio=0.25),
    ],
)
def xavier_starts_too_small_by_a_power_of_two(
    run: Starts, config: Config, gain_ratio: float = XAVIER_GAIN / RELU_GAIN
) -> Evidence:
    r"""With the same draws Xavier's variance makes the outputs of a ReLU network with $L$ hidden
    layers exactly $2^{-L/2}$ as large, and their gradient at the first weights $2^{-(L-1)/2}$:
    $3.05\cdot10^{-5}$ and $4.32\cdot10^{-5}$ at 30 layers.
    """
    ratios = run.sizes[:, 1] / run.sizes[:, 0]
    # As many products of 64 terms in double precision as there are layers.
    return identity(ratios, theory.start_ratios(config.deep, gain_ratio), rounding=1e-12)


def train_networks(
    config: Config, key: PRNGKeyArray, gain: float, depth: int, runs: int
) -> np.ndarray:
    """Losses of trained networks, shape (runs, 2): at the end, and averaged over all steps."""
    inputs, labels = digit_data(config)
    classes, losses = len(config.shown_digits), []
    for run in range(runs):
        weight_key, batch_key = jax.random.split(jax.random.fold_in(key, run))
        start = deep_training.gaussian(
            weight_key, jnp.asarray(gain), depth=depth, units=inputs.shape[1], classes=classes
        )
        learned = deep_training.learn(
            start,
            batch_key,
            inputs.astype(jnp.float32),
            labels,
            jnp.asarray(config.learning_rate, jnp.float32),
            activation=jax.nn.relu,
            steps=config.steps,
            batch=config.batch,
        )
        losses.append(np.array(learned, float))
    told = np.stack(losses)
    return np.where(np.isfinite(told), told, theory.silent_loss(classes))


class Training(NamedTuple):
    """Networks of one depth and start."""

    final: Float[Recorded, " runs"]
    """Cross-entropy on the training set after training; a diverged run counts as silent."""


@measurement
def train_deep_from_he(config: Config, key: PRNGKeyArray) -> Training:
    """Train deep networks from He's variance."""
    return Training(train_networks(config, key, config.he_gain, config.deep, config.trained)[:, 0])


@measurement
def train_deep_from_xavier(config: Config, key: PRNGKeyArray) -> Training:
    """Train deep networks from Xavier's variance."""
    runs = config.stalled
    return Training(train_networks(config, key, config.xavier_gain, config.deep, runs)[:, 0])


LEARNED = 3 / 4
r"""Of $\log C$, what is left of the loss at most where a network has learned something."""


@claim(
    train_deep_from_he,
    kind="order",
    source="Figure 3",
    tolerance=0.95,
    controls=[broken("Too large a step spoils the best start.", learning_rate=1.0, trained=3)],
)
def deep_networks_learn_from_he(run: Training, config: Config) -> Evidence:
    r"""30 layers from variance $2/n$ learn digits: the loss falls by a quarter at least from
    $\log C$, that of a network which says nothing.
    """
    return at_most(run.final, LEARNED * theory.silent_loss(len(config.shown_digits)))


@claim(
    train_deep_from_xavier,
    kind="bound",
    source="Figure 3",
    tolerance=1e-3,
    controls=[broken("Six layers: Xavier's variance will do.", deep=6)],
)
def deep_networks_do_not_leave_xaviers_start(run: Training, config: Config) -> Evidence:
    r"""30 layers from variance $1/n$ with the same steps do not: their loss stays within a share
    $2^{-(L-1)/2}$, that of their gradients, of $\log C$.
    """
    classes = len(config.shown_digits)
    return at_least(run.final, theory.stalled_loss(classes, config.deep))


class Sweep(NamedTuple):
    """Networks of other depths, from He's and from Xavier's variance, same draws and batches."""

    final: Float[Recorded, "runs depths gains"]
    """Cross-entropy on the training set after training; a diverged run counts as silent."""
    average: Float[Recorded, "runs depths gains"]
    """Cross-entropy on the batches, averaged over all steps."""


@measurement
def train_shallow(config: Config, key: PRNGKeyArray) -> Sweep:
    """Train networks of other depths."""
    gains = (config.he_gain, config.xavier_gain)
    losses = [
        [train_networks(config, key, gain, depth, config.trained) for gain in gains]
        for depth in config.shallow
    ]
    final, average = np.transpose(losses, (3, 2, 0, 1))
    return Sweep(final, average)


@claim(
    train_shallow,
    kind="order",
    source="Figure 2, there with 22 layers",
    tolerance=1.0,
    controls=[broken("Far smaller weights stall six layers too.", xavier_gain=0.01, trained=3)],
)
def shallow_networks_learn_from_both(run: Sweep, config: Config) -> Evidence:
    r"""In a network of few layers both variances learn: $2^{-L/2}$ is no obstacle yet."""
    bound = LEARNED * theory.silent_loss(len(config.shown_digits))
    return at_most(run.final[:, 0], bound).named("He", "Xavier")


@claim(
    train_shallow,
    kind="order",
    source="Figure 2, there with 22 layers",
    tolerance=math.inf,
    controls=[broken("The two variances exchanged.", he_gain=1.0, xavier_gain=2.0)],
)
def shallow_networks_learn_sooner_from_he(run: Sweep, config: Config) -> Evidence:
    r"""But sooner from $2/n$: the loss, averaged over all steps, is smaller."""
    average = run.average[:, 0]
    return ordered(average[:, 0], average[:, 1], effect=0.0)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """The law of lengths; signals and gradients between unequal layers; training."""
    figure = Figure(figsize=(10, 3.6))
    lengths, passes, training = figure.subplots(1, 3)
    draw_lengths(lengths, runs, config)
    draw_passes(passes, runs, config)
    draw_training(training, runs, config)
    return figure


def draw_lengths(axes: Axes, runs: Runs, config: Config) -> None:
    """Squared lengths of ReLU networks and their law."""
    final = runs[follow_lengths].final[:, 0]
    law = length_law(ACTIVATIONS[0], config.width, config.depth)
    spread = math.sqrt(law.slopes.fluctuation * config.depth / config.width)
    middle = math.log10(law.median)
    edges = np.linspace(middle - 1.6 * spread, middle + 1.5 * spread, 41)
    counted, _ = np.histogram(np.log10(np.maximum(final, 1e-300)), edges)
    per_unit = np.diff(edges)
    axes.stairs(
        counted / final.size / per_unit, edges, fill=True, alpha=0.5, color="C0", label="measured"
    )
    centres = (edges[1:] + edges[:-1]) / 2
    axes.plot(centres, np.diff(law.cdf(10**edges)) / per_unit, **PREDICTED, label="predicted law")
    axes.axvline(math.log10(final.mean()), ymax=0.57, color="C1", label="measured mean")
    axes.axvline(math.log10(np.median(final)), ymax=0.57, color="C2", label="measured median")
    axes.plot([0, middle], [0, 0], "k^", clip_on=False, markersize=7, label="predicted")
    top = axes.get_ylim()[1]
    axes.set(
        ylim=(0, 1.75 * top),
        xlabel=r"$\log_{10}|\phi(y_L)|^2/|x|^2$",
        ylabel="density over networks",
        title=f"ReLU, $n={config.width}$, $L={config.depth}$",
    )
    axes.legend(loc="upper left", fontsize=7.5, ncols=2, columnspacing=1)


def draw_passes(axes: Axes, runs: Runs, config: Config) -> None:
    """Mean squares by layer, forward and backward, under both rules."""
    run = runs[pass_through_matrices]
    layers = np.arange(1, len(config.widths))
    for colour, (at, rule) in enumerate(itertools.product((0, 1), ("fan-in", "fan-out"))):
        name, measured, predict = (
            ("signal", run.signal, theory.signal_second_moments),
            ("gradient", run.gradient, theory.gradient_second_moments),
        )[at]
        which = colour % 2
        axes.plot(
            layers, measured[:, which].mean(axis=0), "os^v"[colour], color=f"C{colour}",
            label=f"{name}, {rule}",
        )  # fmt: skip
        axes.plot(layers, predict(config.widths, RULES[which]), **PREDICTED)
    axes.plot([], [], **PREDICTED, label="predicted")
    axes.set_xticks(layers, [str(units) for units in config.widths[1:]])
    axes.set(
        yscale="log",
        xlabel=f"units of the layer ({config.widths[0]} inputs)",
        ylabel="mean square",
        title="A ratio of two widths",
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.55)
    axes.legend(loc="upper right", fontsize=7.5, ncols=2, columnspacing=1)


def draw_training(axes: Axes, runs: Runs, config: Config) -> None:
    """Final losses of all runs against depth."""
    for colour, (name, shift, deep) in enumerate(
        (("He, $2/n$", -0.3, train_deep_from_he), ("Xavier, $1/n$", 0.3, train_deep_from_xavier))
    ):
        losses = [*runs[train_shallow].final[:, :, colour].T, runs[deep].final]
        series = sorted(
            zip([*config.shallow, config.deep], losses, strict=True), key=operator.itemgetter(0)
        )
        depths = [depth for depth, _ in series]
        medians = [np.median(loss) for _, loss in series]
        axes.plot(depths, medians, color=f"C{colour}", label=name)
        for depth, loss in series:
            axes.plot(
                np.full(loss.size, depth + shift), loss, "o", markersize=2.5, alpha=0.6,
                color=f"C{colour}",
            )  # fmt: skip
    classes = len(config.shown_digits)
    axes.axhline(theory.silent_loss(classes), **PREDICTED, label=rf"$\log {classes}$: says nothing")
    axes.set(
        yscale="log",
        xlabel="hidden layers",
        ylabel=f"loss after {config.steps} steps",
        title="Trained on digits",
    )
    axes.legend(loc="lower right", fontsize=7.5)


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
