r"""Which weight variance keeps signals alive, and what the tangent at zero does not know.

Kumar replaces the activation $g$ by its tangent at 0 and asks for activations of variance 1 in
every layer. That gives the weights the variance $c/N$ with $c=1/(g'(0)^2(1+g(0)^2))$: Xavier's
$c=1$ for tanh, $c=12.8$ for the sigmoid (standard deviation $3.6/\sqrt N$). ReLU has no tangent at
0 and is treated directly: $c=2$; Xavier's halves the squared signal in every layer.

- For affine activations the formula is exact, at every width, and so is the halving by ReLU.
- For the sigmoid its premise cannot be met: no variable between 0 and 1 has a variance above
  $\tfrac14$. The exact map of the variance settles at 4.53 and 0.104, not at 16 and 1.
- For tanh the variance does not stay at all. It dies, but slowly: like $1/2l$ in layer $l$.
- Still the advice for the sigmoid is good. Squared gradients lose a factor 0.354 in a layer (linear
  theory: 0.8), but 0.056 with Xavier's variance; ten layers learn digits from the one and not from
  the other. What no moderate variance does is to keep gradients: that takes $c\approx103$.

Siddharth Krishna Kumar: *On weight initialization in deep neural networks*, 2017,
arXiv:1704.08863.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import (
    Evidence,
    at_least,
    at_most,
    equals,
    identity,
    ordered,
    scales_as,
)
from harness.errors import require
from harness.style import PREDICTED
from instruments import deep_training, handwritten_digits
from instruments.randomness import generator
from instruments.signal_propagation import Signals, dense, propagate
from theory import finite_width
from theory.finite_width import Slopes
from theory.gaussian_expectations import SIGMOID, TANH, Activation, relu
from theory.initialization import weight_variance as theory
from theory.initialization.weight_variance import Expected, Layer

BLOCKS = 40
"""Independent groups of networks whose means are the repetitions."""
XAVIER, KUMAR, HE = 1.0, theory.linearized_gain(SIGMOID), 2.0
"""Gains: weight variance times width. Kumar's is that for the sigmoid."""
SETTLED = 5
"""From this layer on sigmoid networks have forgotten their input's size."""
GRADIENT_STEPS = 10
"""Layers through which gradients are followed to the end."""
LINEAR_SIGMOID, LINEAR_TANH = theory.tangent(SIGMOID), theory.tangent(TANH)
OFFSET = theory.line_at_zero(SIGMOID).offset
"""Of the sigmoid, 1/2."""


@dataclass(frozen=True)
class Config:
    """Parameters; all networks are Gaussian, without biases."""

    width: int = 40
    """Units N of a layer."""
    depth: int = 12
    """Layers, 12 at least."""
    runs: int = 2400
    """Networks drawn at once, a multiple of 40."""
    relu_rounds: int = 3
    """How many times as many ReLU networks: their lengths vary most."""

    affine_gain: Literal["linearized", "without the mean"] = "linearized"
    """Gain of affine networks: the formula, or the same without 1 + g(0)^2."""
    sigmoid: Literal["sigmoid", "tangent"] = "sigmoid"
    """The sigmoid, or its tangent at 0 in its place."""
    large_gains: tuple[float, float] = (50.0, 200.0)
    """Gains of sigmoid networks besides Xavier's and Kumar's: one that loses gradients still, and
    one that makes them grow."""
    tanh: Literal["tanh", "tangent"] = "tanh"
    """tanh, or its tangent at 0 in its place."""
    tanh_gain: float = 1.0
    """Gain of tanh networks."""
    rectifier: Literal["relu", "linear"] = "relu"
    """ReLU, or no activation in its place."""
    relu_depth: int = 10
    """Layers after which ReLU networks are compared."""
    fluctuation_layers: tuple[int, ...] = (2, 3)
    """Layers at which the spread of their squared lengths is measured."""

    shifts: int = 4
    """Randomly shifted grids on which maps are integrated."""
    map_depth: int = 10_000
    """Layers of infinitely wide tanh networks, 1000 at least."""

    trained_depth: int = 6
    """Hidden layers of the networks that are trained."""
    trained_gains: tuple[float, float] = (KUMAR, XAVIER)
    """Their gains: of those called Kumar's and of those called Xavier's."""
    trained: int = 8
    """Networks trained from each."""
    steps: int = 300
    """Steps of training."""
    batch: int = 32
    """Samples in a step."""
    learning_rate: float = 0.1
    """Step size, at momentum 0.9."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                fine = isinstance(number, str) or number > 0
                require(fine, f"{name} must be above zero, got {number}")
        require(self.width > 1, f"width must be at least 2, got {self.width}")
        least = GRADIENT_STEPS + 2
        require(self.depth >= least, f"depth must be at least {least}, got {self.depth}")
        require(self.runs % BLOCKS == 0, f"runs must be a multiple of {BLOCKS}, got {self.runs}")
        least_growing, most_losing = max(self.large_gains), min(self.large_gains)
        require(
            (most_losing, least_growing) == self.large_gains,
            f"large_gains must be in order, got {self.large_gains}",
        )
        deepest = max(self.relu_depth, *self.fluctuation_layers)
        require(deepest <= self.depth, f"depth must be at least {deepest}, got {self.depth}")
        require(self.map_depth >= 1000, f"map_depth must be at least 1000, got {self.map_depth}")


SIZES = {
    "ci": Config(),
    "figure": Config(
        width=200,
        depth=30,
        runs=4000,
        relu_depth=20,
        fluctuation_layers=(2, 4, 6),
        shifts=8,
        trained_depth=10,
        trained=10,
        steps=2000,
    ),
    "paper": Config(
        width=1000,
        depth=50,
        runs=12_000,
        relu_rounds=2,
        relu_depth=50,
        fluctuation_layers=(2, 5, 10),
        shifts=8,
        trained_depth=10,
        trained=20,
        steps=3000,
        batch=64,
    ),
}


# ---------------------------------------------------------------- random networks

BATCH = 100
"""Networks drawn together."""


class Passes(NamedTuple):
    """What becomes of one input, and of a tangent at it, in many networks; first layer first."""

    mean_square: Float[Recorded, "runs layers"]
    """Of the pre-activations y_l, over units."""
    variance: Float[Recorded, "runs layers"]
    """Of the activations x_l over units, without bias."""
    tangent: Float[Recorded, "runs layers"]
    """Mean square of the tangent dy_l over units."""


class Parts(NamedTuple):
    """An activation as numbers that one compiled program takes: a sum of four terms."""

    offset: float = 0.0
    slope: float = 0.0
    """Of a linear term."""
    rectified: float = 0.0
    """Factor of max(y, 0)."""
    wave: float = 0.0
    """Factor of tanh(`squeeze` * y); the sigmoid is (1 + tanh(y / 2)) / 2."""
    squeeze: float = 1.0


PARTS = {
    SIGMOID.name: Parts(offset=0.5, wave=0.5, squeeze=0.5),
    TANH.name: Parts(wave=1.0),
    relu().name: Parts(rectified=1.0),
    LINEAR_SIGMOID.name: Parts(*theory.line_at_zero(SIGMOID)),
    LINEAR_TANH.name: Parts(*theory.line_at_zero(TANH)),
}
"""Of all activations here, by name."""


@partial(jax.jit, static_argnames=("runs", "depth", "width"))
def send_through(
    key: PRNGKeyArray,
    parts: Float[Array, "5"],
    gain: Float[Array, ""],
    input_square: Float[Array, ""],
    *,
    runs: int,
    depth: int,
    width: int,
) -> Passes:
    """Send an input and a tangent through random networks.

    Args:
        key: random key.
        parts: the activation.
        gain: weight variance times width.
        input_square: mean square of the input.
        runs: networks.
        depth: layers.
        width: units of the input and of every layer.
    """
    offset, slope, rectified, wave, squeeze = parts

    def activate(x: Array) -> Array:
        bent = rectified * jnp.maximum(x, 0) + wave * jnp.tanh(squeeze * x)
        return offset + slope * x + bent

    def layer(key: PRNGKeyArray, signals: Signals, first: Array) -> Signals:
        # The first layer reads the input as it is.
        read = signals.through(lambda x: jnp.where(first, x, activate(x)))
        return dense(width, gain)(key, read)

    def see(signals: Signals) -> Passes:
        return Passes(
            jnp.mean(signals.values**2),
            jnp.var(activate(signals.values), ddof=1),
            jnp.mean(signals.tangents**2),
        )

    # A tangent that is orthogonal to the input.
    alternating = 1.0 - 2 * (jnp.arange(width) % 2)
    start = Signals(jnp.sqrt(input_square) * jnp.ones((1, width)), alternating[None])

    def run(key: PRNGKeyArray) -> Passes:
        return propagate(key, layer, start, jnp.arange(depth) == 0, see)

    return jax.lax.map(run, jax.random.split(key, runs), batch_size=BATCH)


def networks(
    config: Config, key: PRNGKeyArray, activation: Activation, gain: float, input_square: float
) -> Passes:
    """Random networks with this activation and gain."""
    passes = send_through(
        key,
        np.array(PARTS[activation.name]),
        np.array(gain),
        np.array(input_square),
        runs=config.runs,
        depth=config.depth,
        width=config.width,
    )
    return Passes(*(np.asarray(part) for part in passes))


def block_means(values: Recorded) -> np.ndarray:
    """Means over groups of runs, the leading axis; their number becomes `BLOCKS`."""
    return np.asarray(values).reshape(BLOCKS, -1, *values.shape[1:]).mean(axis=1)


def accumulated(config: Config, layers: np.ndarray | int) -> np.ndarray:
    """What a relative error of 1/N in each of so many layers would come to."""
    return np.asarray((1 + 1 / config.width) ** np.asarray(layers, float) - 1)


def layer_names(layers: np.ndarray | tuple[int, ...]) -> list[str]:
    """Names of layers."""
    return [f"layer {layer}" for layer in layers]


# ---------------------------------------------------------------- the formula and affine networks


def affine_variances(
    config: Config, key: PRNGKeyArray, activation: Activation, gain: float
) -> np.ndarray:
    """Variances of x over units with an activation's tangent, shape (blocks, layers).

    The input has the variance 1 and the mean g(0).
    """
    input_square = 1 + theory.line_at_zero(activation).offset ** 2
    passes = networks(config, key, theory.tangent(activation), gain, input_square)
    return block_means(passes.variance)


BENT = (SIGMOID, TANH)
"""Activations whose tangents are tried."""


class Affine(NamedTuple):
    """Affine networks under the config's gain."""

    variance: Float[Recorded, "blocks tangents layers"]
    """Of the activations over units."""


@measurement
def pass_through_affine(config: Config, key: PRNGKeyArray) -> Affine:
    """Send an input through networks whose activation is a tangent."""
    rules = {"linearized": theory.linearized_gain, "without the mean": theory.gain_without_mean}
    gain = rules[config.affine_gain]
    return Affine(
        np.stack([affine_variances(config, key, bent, gain(bent)) for bent in BENT], axis=1)
    )


@claim(
    pass_through_affine,
    kind="identity",
    source="general formula; exactness derived",
    tolerance=0.3,
    controls=[
        broken("Without the mean's part the variance grows.", affine_gain="without the mean"),
    ],
)
def the_formula_keeps_affine_networks(run: Affine, config: Config) -> Evidence:
    r"""Weights of variance $v^2=\frac1{N\,g'(0)^2(1+g(0)^2)}$ keep $\mathrm{Var}\,x_l=1$ in every
    layer of a network with the activation $g(0)+g'(0)y$, exactly at every width. For the sigmoid
    this is $v=3.578/\sqrt N$, for tanh Xavier's $1/\sqrt N$.
    """
    layers = np.array([config.depth // 2, config.depth])
    shown = run.variance[:, :, layers - 1].reshape(BLOCKS, -1)
    margin = np.tile(accumulated(config, layers), len(BENT))
    return equals(shown, 1.0, margin=margin).named(
        *(f"{bent.name}'s tangent, {layer}" for bent in BENT for layer in layer_names(layers))
    )


class Mistaken(NamedTuple):
    """Affine networks whose gain forgets that activations have a mean; the sigmoid's tangent."""

    variance: Float[Recorded, "blocks layers"]
    """Of the activations over units."""


@measurement
def forget_the_mean(config: Config, key: PRNGKeyArray) -> Mistaken:
    """Send an input through such networks."""
    gain = theory.gain_without_mean(SIGMOID)
    return Mistaken(affine_variances(config, key, SIGMOID, gain))


def multiplied(offset: float, depth: int) -> np.ndarray:
    """The rival: a factor 1 + g(0)^2 in every layer."""
    return np.asarray((1 + offset**2) ** np.arange(1, depth + 1))


@claim(
    forget_the_mean,
    kind="value",
    source="derived",
    tolerance=0.3,
    controls=[rival("Rival: the mistake multiplies.", predict=multiplied)],
)
def without_the_mean_the_variance_grows_linearly(
    run: Mistaken,
    config: Config,
    predict: Callable[[float, int], np.ndarray] = theory.variances_without_mean,
) -> Evidence:
    r"""Forgetting the mean, $v^2=\frac1{N\,g'(0)^2}$, adds $g(0)^2$ to the variance in every layer,
    $\mathrm{Var}\,x_l=1+l\,g(0)^2$: the mean of $x$ is the same in all of them, so that the mistake
    does not multiply.
    """
    layers = np.array([config.depth // 2, config.depth])
    exact = theory.variances_without_mean(OFFSET, config.depth)[layers - 1]
    predicted = predict(OFFSET, config.depth)[layers - 1]
    margin = accumulated(config, layers) * exact
    return equals(run.variance[:, layers - 1], predicted, margin=margin).named(*layer_names(layers))


# ---------------------------------------------------------------- the sigmoid


def sigmoid_gains(config: Config) -> tuple[float, ...]:
    """Gains of the sigmoid networks, Xavier's and Kumar's first."""
    return (XAVIER, KUMAR, *config.large_gains)


MODERATE = 3
"""The first of them lose gradients."""
INPUT_SQUARE = 1 + OFFSET**2
"""Mean square of an input of variance 1 and mean 1/2, as the paper's condition wants it."""


class Sigmoids(NamedTuple):
    """Sigmoid networks of several gains, means over groups of runs."""

    mean_square: Float[Recorded, "blocks gains layers"]
    """Of the pre-activations."""
    variance: Float[Recorded, "blocks gains layers"]
    """Of the activations over units."""
    gradient: Float[Recorded, "blocks gains steps"]
    """Factor of a squared tangent from each layer to the next."""
    ten_steps: Float[Recorded, "blocks gains"]
    """Its factor through the last ten."""


@measurement
def pass_through_sigmoids(config: Config, key: PRNGKeyArray) -> Sigmoids:
    """Send an input that meets the paper's condition through sigmoid networks."""
    activation = LINEAR_SIGMOID if config.sigmoid == "tangent" else SIGMOID
    columns = []
    for gain in sigmoid_gains(config):
        passes = networks(config, key, activation, gain, INPUT_SQUARE)
        tangent = passes.tangent
        columns.append(
            Sigmoids(
                block_means(passes.mean_square),
                block_means(passes.variance),
                block_means(tangent[:, 1:] / tangent[:, :-1]),
                block_means(tangent[:, -1] / tangent[:, -1 - GRADIENT_STEPS]),
            )
        )
    return Sigmoids(*(np.stack(parts, axis=1) for parts in zip(*columns, strict=True)))


LINEAR = rival("Rival: linear theory, the tangent at 0.", activation=LINEAR_SIGMOID)
IS_TANGENT = broken("The tangent in the place of the sigmoid.", sigmoid="tangent")


@cache
def expected_at(
    what: Callable[[Layer, float, int, int], Expected],
    activation: Activation,
    gain: float,
    depth: int,
    width: int,
) -> Expected:
    """A prediction in settled layers, averaged over them."""
    values = what(Layer(activation, gain), gain * INPUT_SQUARE, depth, width)
    return Expected(*(np.asarray(part[SETTLED - 1 :].mean()) for part in values))


def expected(
    what: Callable[[Layer, float, int, int], Expected],
    activation: Activation,
    config: Config,
    gains: tuple[float, ...],
) -> Expected:
    """The same for each gain."""
    rows = [expected_at(what, activation, gain, config.depth, config.width) for gain in gains]
    return Expected(*(np.array(part) for part in zip(*rows, strict=True)))


def settled(values: Recorded) -> np.ndarray:
    """Mean over the settled layers, the last axis."""
    return np.asarray(values)[..., SETTLED - 1 :].mean(axis=-1)


BOUNDED = np.array([1 - theory.LARGEST_VARIANCE, theory.linear_fixed_point(SIGMOID) - KUMAR])
r"""How far from 1 and from 16 anything between 0 and 1 must stay."""


@claim(
    pass_through_sigmoids,
    kind="value",
    source="condition of the derivation, at c = 12.8",
    tolerance=math.inf,
    controls=[IS_TANGENT],
    expect="refuted",
    reason=r"No variable between 0 and 1 has a variance above $\tfrac14$ (Popoviciu), nor a mean "
    r"square above 1. The condition $\mathrm{Var}\,x=1$, from which the gain is derived, and "
    r"$\mathrm{Var}\,y=16$, which follows from it, are out of reach of any weights. The exact "
    r"values are 0.1043 and 4.535. The margins are what those two bounds leave, so that no wider "
    r"reading of the condition could be saved.",
)
def sigmoid_activations_have_variance_one(run: Sigmoids, config: Config) -> Evidence:
    r"""With $v^2=12.8/N$ a sigmoid network has $\mathrm{Var}\,x_l=1$ and $\mathrm{Var}\,y_l=16$ in
    every layer.
    """
    measured = np.stack([settled(run.variance[:, 1]), settled(run.mean_square[:, 1])], axis=1)
    linear = np.array([1.0, theory.linear_fixed_point(SIGMOID)])
    return equals(measured, linear, margin=BOUNDED).named("Var x", "Var y")


@claim(
    pass_through_sigmoids,
    kind="value",
    source="derived",
    tolerance=0.06,
    controls=[LINEAR, IS_TANGENT],
)
def sigmoid_networks_settle_where_the_exact_map_does(
    run: Sigmoids, config: Config, activation: Activation = SIGMOID
) -> Evidence:
    r"""They settle at $q^*=12.8\,\mathrm E\,\sigma(\sqrt{q^*}z)^2=4.535$ and
    $\mathrm{Var}\,x=0.1043$, but for terms of order $1/N$ that are worked out here.
    """
    wanted = (theory.preactivation_variance, theory.activation_variance)
    predicted = [expected(what, activation, config, (KUMAR,)) for what in wanted]
    values, margins = (np.concatenate(part) for part in zip(*predicted, strict=True))
    measured = np.stack([settled(run.mean_square[:, 1]), settled(run.variance[:, 1])], axis=1)
    return equals(measured, values, margin=margins).named("Var y", "Var x")


@claim(
    pass_through_sigmoids,
    kind="bound",
    source="derived: Popoviciu's inequality",
    tolerance=0.2,
    controls=[IS_TANGENT],
)
def no_gain_gives_the_sigmoid_more_than_a_quarter(run: Sigmoids, config: Config) -> Evidence:
    r"""$\mathrm{Var}\,\sigma(y)\le\tfrac14$ whatever the weights are."""
    return at_most(settled(run.variance), theory.LARGEST_VARIANCE).named(
        *(f"c = {gain:g}" for gain in sigmoid_gains(config))
    )


@claim(
    pass_through_sigmoids,
    kind="value",
    source="derived",
    tolerance=0.06,
    controls=[LINEAR, IS_TANGENT],
)
def gradients_in_sigmoid_networks_follow_the_exact_map(
    run: Sigmoids, config: Config, activation: Activation = SIGMOID
) -> Evidence:
    r"""A squared gradient is multiplied by $\chi=c\,\mathrm E\,\sigma'(\sqrt{q^*}z)^2$ in a layer:
    0.0557 at Xavier's $c=1$, 0.354 at Kumar's 12.8 and 0.705 at 50, but for terms of order $1/N$.
    """
    gains = sigmoid_gains(config)[:MODERATE]
    predicted = expected(theory.gradient_factor, activation, config, gains)
    return equals(
        settled(run.gradient[:, :MODERATE]), predicted.value, margin=predicted.margin
    ).named(*(f"c = {gain:g}" for gain in gains))


def halfway(exact: float, linear: float) -> float:
    """Half of the distance between two theories: no measurement can support both."""
    return abs(exact - linear) / 2


@claim(
    pass_through_sigmoids,
    kind="value",
    source="linear theory, at c = 12.8",
    tolerance=math.inf,
    controls=[IS_TANGENT],
    expect="refuted",
    reason=r"At $q^*=4.535$ the sigmoid is far from its tangent: $\mathrm E\,\sigma'^2$ is 0.0276 "
    r"there, not $\tfrac1{16}$, and the factor 0.354. The margin reaches half way to it.",
)
def sigmoid_gradients_keep_four_fifths(run: Sigmoids, config: Config) -> Evidence:
    r"""With $v^2=12.8/N$ a squared gradient keeps the share
    $12.8\,\sigma'(0)^2=\frac1{1+\sigma(0)^2}=\tfrac45$ of itself in a layer.
    """
    linear = theory.settled_gradient_factor(LINEAR_SIGMOID, KUMAR)
    exact = theory.settled_gradient_factor(SIGMOID, KUMAR)
    return equals(settled(run.gradient[:, 1]), linear, margin=halfway(exact, linear))


@claim(
    pass_through_sigmoids,
    kind="bound",
    source="derived",
    tolerance=0.35,
    controls=[rival("Rival: all gains do, the largest too.", gains=4)],
)
def moderate_gains_lose_the_gradient(
    run: Sigmoids, config: Config, gains: int = MODERATE
) -> Evidence:
    r"""Kumar's gain does not keep gradients, and neither does one four times as large: $\chi<1$ up
    to $c\approx103$.
    """
    return at_most(settled(run.gradient[:, :gains]), 1.0).named(
        *(f"c = {gain:g}" for gain in sigmoid_gains(config)[:gains])
    )


@claim(
    pass_through_sigmoids,
    kind="bound",
    source="derived",
    tolerance=0.5,
    controls=[rival("Rival: a gain of 50 does so too.", at=MODERATE - 1)],
)
def large_gains_make_gradients_grow(run: Sigmoids, config: Config, at: int = MODERATE) -> Evidence:
    r"""Sigmoid networks of a larger gain explode, backwards: $\chi=1.378$ at $c=200$."""
    return at_least(settled(run.gradient[:, at]), 1.0)


@claim(
    pass_through_sigmoids,
    kind="value",
    source="derived",
    tolerance=0.6,
    controls=[LINEAR, IS_TANGENT],
)
def ten_sigmoid_layers_lose_gradients(
    run: Sigmoids, config: Config, activation: Activation = SIGMOID
) -> Evidence:
    r"""Ten layers leave $\chi^{10}$ of a squared gradient: $3.1\cdot10^{-5}$ with Kumar's gain and
    $2.9\cdot10^{-13}$ with Xavier's. Linear theory has 0.11 and $9\cdot10^{-13}$.
    """
    single = expected(theory.gradient_factor, activation, config, (XAVIER, KUMAR))
    predicted = single.value**GRADIENT_STEPS
    margin = (single.value + single.margin) ** GRADIENT_STEPS - predicted
    return equals(run.ten_steps[:, :2], predicted, margin=margin).named("Xavier", "Kumar")


# ---------------------------------------------------------------- maps by integration


GRID_STEP = 1 / 8
"""Distance of the grid's points in standard deviations."""
VARIANCES = np.array([1e-3, 1.0, 5.0, 16.0])
"""At which the sigmoid is compared with its tangent."""
FIRST_LAYER = 100
"""From here on the tanh map is compared with a power law."""


class Maps(NamedTuple):
    """Infinitely wide networks, by integration on shifted grids."""

    sigmoid: Float[Recorded, "shifts variances"]
    """Var of the sigmoid relative to that of its argument."""
    tanh: Float[Recorded, "shifts layers"]
    """Variance of tanh networks in some layers, 1 in the first at gain 1."""


def map_layers(config: Config) -> np.ndarray:
    """Layers at which the tanh map is looked at: five, evenly spaced in the logarithm."""
    return np.geomspace(FIRST_LAYER, config.map_depth, 5).round().astype(int)


@measurement
def integrate(config: Config, key: PRNGKeyArray) -> Maps:
    """Sum over an even grid, which is exact to rounding for smooth functions."""
    steps = np.arange(-12 / GRID_STEP, 12 / GRID_STEP)
    rng = generator(key)
    z = GRID_STEP * (steps + rng.random((config.shifts, 1)))
    weights = GRID_STEP * stats.norm.pdf(z)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.sum(values * weights, axis=1)

    shares = []
    for variance in VARIANCES:
        values = 1 / (1 + np.exp(-np.sqrt(variance) * z))
        shares.append((mean(values**2) - mean(values) ** 2) / variance)
    layers, variance, seen = set(map_layers(config).tolist()), np.ones(config.shifts), []
    for layer in range(1, config.map_depth + 1):
        if layer in layers:
            seen.append(variance)
        variance = config.tanh_gain * mean(np.tanh(np.sqrt(variance)[:, None] * z) ** 2)
    return Maps(np.stack(shares, axis=1), np.stack(seen, axis=1))


@claim(
    integrate,
    kind="identity",
    source="derived",
    tolerance=1e-8,
    controls=[rival("Rival: the tangent, at any variance.", activation=LINEAR_SIGMOID)],
)
def the_tangent_overrates_the_sigmoid(
    run: Maps, config: Config, activation: Activation = SIGMOID
) -> Evidence:
    r"""$\mathrm{Var}\,\sigma(\sqrt qz)/q$ is $\sigma'(0)^2=\tfrac1{16}=0.0625$ for $q\to0$ only. At
    $q=1$ it is 0.0434, at 5 it is 0.0218, and at 16, where linear theory sees the network, 0.0099.
    """
    predicted = [activation.variance(variance) / variance for variance in VARIANCES]
    # A difference of moments of size 1/4, divided by a variance of 1e-3.
    return identity(run.sigmoid, predicted, rounding=1e-11)


# ---------------------------------------------------------------- tanh


ONE_PERCENT_OFF = [
    broken("One per cent more: it settles above zero.", tanh_gain=1.01),
    broken("One per cent less: it decays exponentially.", tanh_gain=0.99),
]


@claim(
    integrate,
    kind="exponent",
    source="derived",
    tolerance=0.03,
    controls=ONE_PERCENT_OFF,
)
def tanh_variance_falls_like_one_over_the_depth(run: Maps, config: Config) -> Evidence:
    r"""At Xavier's gain the variance of a wide tanh network obeys $q_{l+1}=q_l-2q_l^2+O(q_l^3)$: it
    falls like $l^{-1}$, neither constant nor exponential.
    """
    margin = float(theory.tanh_share(FIRST_LAYER))
    return scales_as(map_layers(config), run.tanh, theory.TANH_EXPONENT, margin=margin)


def without_kurtosis(layers: np.ndarray) -> Expected:
    r"""The rival that takes $\mathrm Ez^4$ for $(\mathrm Ez^2)^2$, and $\tfrac23q^2$ for $2q^2$."""
    value, margin = theory.tanh_asymptotic(layers)
    return Expected(3 * value, margin)


@claim(
    integrate,
    kind="value",
    source="derived",
    tolerance=0.05,
    controls=[
        rival("Rival: a Gaussian has a fourth moment of 1.", predict=without_kurtosis),
        *ONE_PERCENT_OFF,
    ],
)
def tanh_variance_is_one_over_twice_the_depth(
    run: Maps,
    config: Config,
    predict: Callable[[np.ndarray], Expected] = theory.tanh_asymptotic,
) -> Evidence:
    r"""$2l\,q_l=1+\frac5{12}\frac{\log l}l+O(\tfrac1l)$, from any start."""
    layers = map_layers(config)
    predicted = predict(layers)
    return equals(
        2 * layers * run.tanh, 2 * layers * predicted.value, margin=2 * layers * predicted.margin
    ).named(*layer_names(layers))


class TanhNetworks(NamedTuple):
    """tanh networks from an input of mean square 1."""

    mean_square: Float[Recorded, "blocks layers"]
    """Of the pre-activations, means over groups of runs."""


@measurement
def pass_through_tanh(config: Config, key: PRNGKeyArray) -> TanhNetworks:
    """Send an input through tanh networks."""
    activation = LINEAR_TANH if config.tanh == "tangent" else TANH
    passes = networks(config, key, activation, config.tanh_gain, 1.0)
    return TanhNetworks(block_means(passes.mean_square))


def tanh_moments(config: Config, activation: Activation) -> Expected:
    """What is expected at Xavier's gain."""
    return theory.preactivation_variance(
        Layer(activation, XAVIER), XAVIER, config.depth, config.width
    )


@claim(
    pass_through_tanh,
    kind="value",
    source="general formula, at c = 1",
    tolerance=math.inf,
    controls=[broken("The tangent in the place of tanh.", tanh="tangent")],
    expect="refuted",
    reason=r"tanh is close to its tangent for small signals only, and even there the difference "
    r"adds up: each layer takes $2q^2$ off the variance $q$, which never stops falling, like "
    r"$1/2l$. The margin reaches half way to the exact value.",
)
def tanh_keeps_the_variance_at_xaviers_gain(run: TanhNetworks, config: Config) -> Evidence:
    r"""With $v^2=1/N$ a tanh network keeps $\mathrm{Var}\,y_l=1$."""
    linear, exact = (tanh_moments(config, g).value[-1] for g in (LINEAR_TANH, TANH))
    return equals(run.mean_square[:, -1], linear, margin=halfway(exact, linear))


@claim(
    pass_through_tanh,
    kind="value",
    source="derived",
    tolerance=0.3,
    controls=[
        rival("Rival: linear theory, the tangent at 0.", activation=LINEAR_TANH),
        broken("A gain one fifth larger.", tanh_gain=1.2),
    ],
)
def finite_tanh_networks_follow_the_map(
    run: TanhNetworks, config: Config, activation: Activation = TANH
) -> Evidence:
    r"""So do networks of finite width, whose mean lies below the map by about $\frac1{6N}$, a share
    $\frac l{3N}$ of what is left.
    """
    layers = np.array([3 * config.depth // 4, config.depth])
    predicted = tanh_moments(config, activation)
    return equals(
        run.mean_square[:, layers - 1],
        predicted.value[layers - 1],
        margin=predicted.margin[layers - 1],
    ).named(*layer_names(layers))


# ---------------------------------------------------------------- ReLU


RELU_GAINS = (XAVIER, HE)
GAIN_NAMES = ("Xavier", "He")
RECTIFIER, LINE = Slopes(1.0, 0.0), Slopes(1.0, 1.0)


class Rectifiers(NamedTuple):
    """ReLU networks from an input of mean square 1, at Xavier's and He's gain."""

    mean_square: Float[Recorded, "blocks gains layers"]
    """Of the pre-activations, means over groups of runs."""
    spread: Float[Recorded, "blocks layers"]
    """Mean squared distance from 1 of that, in units of its predicted mean; at Xavier's."""


@measurement
def pass_through_rectifiers(config: Config, key: PRNGKeyArray) -> Rectifiers:
    """Send an input through ReLU networks."""
    activation = LINEAR_TANH if config.rectifier == "linear" else relu()

    def squares(gain: float) -> np.ndarray:
        rounds = [
            networks(config, jax.random.fold_in(key, at), activation, gain, 1.0)
            for at in range(config.relu_rounds)
        ]
        return np.concatenate([passes.mean_square for passes in rounds])

    runs = [squares(gain) for gain in RELU_GAINS]
    relative = runs[0] / theory.relu_second_moments(XAVIER, config.depth)
    return Rectifiers(
        np.stack([block_means(run) for run in runs], axis=1), block_means((relative - 1) ** 2)
    )


def unhalved(gain: float, depth: int) -> np.ndarray:
    """The rival: the linear analysis, a factor c in every layer."""
    return np.asarray(gain ** np.arange(1, depth + 1))


@claim(
    pass_through_rectifiers,
    kind="value",
    source="section on ReLU; exactness derived",
    tolerance=0.3,
    controls=[
        rival("Rival: linear theory, which keeps Xavier's.", predict=unhalved),
        broken("No ReLU in the layers.", rectifier="linear", relu_rounds=1),
    ],
)
def xavier_halves_the_signal_of_relu_networks(
    run: Rectifiers,
    config: Config,
    predict: Callable[[float, int], np.ndarray] = theory.relu_second_moments,
) -> Evidence:
    r"""$\mathrm E|y_l|^2/N=c\,(c/2)^{l-1}$ in a ReLU network, exactly at every width:
    Xavier's $c=1$ halves it in every layer, $c=2$ keeps it.
    """
    layers = np.array([config.relu_depth // 2, config.relu_depth])
    predicted = np.concatenate([predict(gain, config.depth)[layers - 1] for gain in RELU_GAINS])
    margin = predicted * np.tile(accumulated(config, layers), len(RELU_GAINS))
    measured = run.mean_square[:, :, layers - 1].reshape(BLOCKS, -1)
    return equals(measured, predicted, margin=margin).named(
        *(f"{name}, {layer}" for name in GAIN_NAMES for layer in layer_names(layers))
    )


@claim(
    pass_through_rectifiers,
    kind="value",
    source="derived",
    tolerance=0.7,
    controls=[
        rival("Rival: lengths fluctuate as in a linear network.", slopes=LINE),
        broken("No ReLU in the layers.", rectifier="linear", relu_rounds=1),
    ],
)
def squared_lengths_spread_over_networks(
    run: Rectifiers, config: Config, slopes: Slopes = RECTIFIER
) -> Evidence:
    r"""The relative variance of $|y_l|^2$ over networks is
    $(1+\tfrac5N)^{l-1}(1+\tfrac2N)-1$.
    """
    layers, width = config.fluctuation_layers, config.width
    measured = run.spread[:, np.array(layers) - 1]
    predicted = [
        finite_width.preactivation_fluctuation(slopes, (width,) * layer) - 1 for layer in layers
    ]
    # The relative size of one more 1/N in each factor, as in the other claims.
    margin = (1 + np.array(predicted)) * accumulated(config, np.array(layers))
    return equals(measured, predicted, margin=margin).named(*layer_names(layers))


# ---------------------------------------------------------------- training


CLASSES = 10
SILENT = math.log(CLASSES)
"""Loss of a network that says nothing."""
LEARNED, STALLED = 0.5, 0.01
"""Share of it that the loss falls by at least where a network has learned, at most where not."""


class Training(NamedTuple):
    """Sigmoid networks after training, from Kumar's and from Xavier's variance."""

    loss: Float[Recorded, "runs gains"]
    """Cross-entropy on the training set; draws of weights and batches are shared."""


@measurement
def train_on_digits(config: Config, key: PRNGKeyArray) -> Training:
    """Train networks on the bundled digits, in single precision."""
    digits = handwritten_digits.bundled()
    inputs = jnp.asarray(digits.standardized(), jnp.float32)
    losses = []
    for run in range(config.trained):
        weight_key, batch_key = jax.random.split(jax.random.fold_in(key, run))
        starts = [
            deep_training.gaussian(
                weight_key,
                jnp.asarray(gain),
                depth=config.trained_depth,
                units=inputs.shape[1],
                classes=CLASSES,
            )
            for gain in config.trained_gains
        ]
        learned = [
            deep_training.learn(
                start,
                batch_key,
                inputs,
                jnp.asarray(digits.labels),
                jnp.asarray(config.learning_rate, jnp.float32),
                activation=jax.nn.sigmoid,
                steps=config.steps,
                batch=config.batch,
            )
            for start in starts
        ]
        losses.append([each.final for each in learned])
    return Training(np.array(losses, float))


EXCHANGED = broken("The two variances exchanged.", trained_gains=(XAVIER, KUMAR), trained=6)


@claim(
    train_on_digits,
    kind="order",
    source="experiment with a ten-layer sigmoid network",
    tolerance=1.5,
    controls=[EXCHANGED],
)
def sigmoid_networks_learn_from_kumars_variance(run: Training, config: Config) -> Evidence:
    r"""From $v^2=12.8/N$ a deep sigmoid network learns digits: its loss falls by half at least from
    $\log10$, that of a network which says nothing.
    """
    return at_least(1 - run.loss[:, 0] / SILENT, LEARNED)


@claim(
    train_on_digits,
    kind="bound",
    source="experiment with a ten-layer sigmoid network",
    tolerance=0.02,
    controls=[EXCHANGED],
)
def sigmoid_networks_stall_at_xaviers_variance(run: Training, config: Config) -> Evidence:
    r"""From $v^2=1/N$ it does not fall by a hundredth in the same steps."""
    return at_least(run.loss[:, 1], (1 - STALLED) * SILENT)


@claim(
    train_on_digits,
    kind="order",
    source="experiment with a ten-layer sigmoid network",
    tolerance=1.5,
    controls=[EXCHANGED],
)
def kumars_variance_beats_xaviers(run: Training, config: Config) -> Evidence:
    r"""In pairs of runs that share draws and batches the loss is smaller from $12.8/N$, by what a
    network that learns gains on one that does not.
    """
    return ordered(run.loss[:, 0], run.loss[:, 1], effect=(LEARNED - STALLED) * SILENT)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Signals and gradients of sigmoid and tanh networks; signals of ReLU networks; training."""
    figure = Figure(figsize=(9, 6.6))
    (forward, backward), (rectified, trained) = figure.subplots(2, 2)
    draw_variances(forward, runs, config)
    draw_gradients(backward, runs, config)
    draw_rectifiers(rectified, runs, config)
    draw_training(trained, runs, config)
    return figure


def draw_variances(axes: Axes, runs: Runs, config: Config) -> None:
    """Variances of sigmoid and tanh networks beside the exact map and the tangent's."""
    layers = np.arange(1, config.depth + 1)
    series = (
        ("sigmoid, $c=12.8$", SIGMOID, KUMAR, INPUT_SQUARE,
         runs[pass_through_sigmoids].mean_square[:, 1]),
        ("tanh, $c=1$", TANH, XAVIER, 1.0, runs[pass_through_tanh].mean_square),
    )  # fmt: skip
    for colour, (name, activation, gain, square, measured) in enumerate(series):
        axes.plot(
            layers, measured.mean(axis=0), "os"[colour], color=f"C{colour}", markersize=4.5,
            label=name,
        )  # fmt: skip
        exact, linear = (
            theory.preactivation_variance(
                Layer(g, gain), gain * square, config.depth, config.width
            ).value
            for g in (activation, theory.tangent(activation))
        )
        axes.plot(layers, exact, **PREDICTED)
        axes.plot(layers, linear, color=f"C{colour}", linestyle=":")
    axes.plot([], [], **PREDICTED, label="exact map")
    axes.plot([], [], color="0.4", linestyle=":", label="linear theory")
    axes.plot(layers, 1 / (2 * layers), color="0.65", linewidth=1, label=r"$1/2l$")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="layer $l$",
        ylabel="variance of $y_l$",
        title=f"Signals of networks, $N={config.width}$",
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low / 6, high)
    axes.legend(loc="lower left", ncols=2, columnspacing=1)


def draw_gradients(axes: Axes, runs: Runs, config: Config) -> None:
    """The factor of squared gradients against the gain of a sigmoid network."""
    gains = np.geomspace(0.6, 350, 40)
    exact, linear = (
        [theory.settled_gradient_factor(activation, gain) for gain in gains]
        for activation in (SIGMOID, LINEAR_SIGMOID)
    )
    tried = sigmoid_gains(config)
    measured = settled(runs[pass_through_sigmoids].gradient).mean(axis=0)
    axes.axhline(1, color="0.8", linewidth=1, zorder=0)
    axes.plot(tried, measured, "o", color="C0", label="measured")
    axes.plot(gains, exact, **PREDICTED, label="exact map")
    axes.plot(gains, linear, color="C0", linestyle=":", label="linear theory")
    keeping = theory.gradient_keeping_gain(SIGMOID, *config.large_gains)
    labels = (("Xavier", XAVIER, measured[0]), ("Kumar", KUMAR, measured[1]),
              (f"kept at {keeping:.0f}", keeping, 1.0))  # fmt: skip
    axes.plot(keeping, 1, "k^")
    for name, gain, factor in labels:
        axes.annotate(name, (gain, factor), (7, -11), textcoords="offset points", fontsize=9)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=r"weight variance times width, $c$",
        ylabel="factor in a layer",
        title="Squared gradients of sigmoid networks",
    )
    axes.legend(loc="upper left")


def draw_rectifiers(axes: Axes, runs: Runs, config: Config) -> None:
    """Mean squares of ReLU networks, and what the linear analysis says of them."""
    measured = runs[pass_through_rectifiers].mean_square.mean(axis=0)
    layers = np.arange(1, config.relu_depth + 1)
    for colour, (name, gain) in enumerate(
        zip(("Xavier, $c=1$", "He, $c=2$"), RELU_GAINS, strict=True)
    ):
        axes.plot(
            layers, measured[colour, : layers.size], "os"[colour], color=f"C{colour}",
            markersize=4.5, label=name,
        )  # fmt: skip
        axes.plot(layers, theory.relu_second_moments(gain, layers.size), **PREDICTED)
        axes.plot(layers, unhalved(gain, layers.size), color=f"C{colour}", linestyle=":")
    axes.plot([], [], **PREDICTED, label="$c(c/2)^{l-1}$")
    axes.plot([], [], color="0.4", linestyle=":", label="linear theory")
    axes.set(
        yscale="log",
        xlabel="layer $l$",
        ylabel="mean of $|y_l|^2/N$",
        title="Signals of ReLU networks",
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * 50)
    axes.legend(loc="upper left", ncols=2, columnspacing=1)


def draw_training(axes: Axes, runs: Runs, config: Config) -> None:
    """Losses of trained sigmoid networks, run by run, both starts of a pair joined."""
    losses = runs[train_on_digits].loss
    axes.plot([0, 1], losses.T, "o-", color="C0", markersize=4.5, linewidth=0.8)
    axes.axhline(SILENT, **PREDICTED, label=rf"$\log{CLASSES}$: says nothing")
    axes.set_xticks([0, 1], ["Kumar, $c=12.8$", "Xavier, $c=1$"])
    axes.set(
        xlim=(-0.4, 1.4),
        yscale="log",
        xlabel="weights at the start",
        ylabel=f"loss after {config.steps} steps",
        title=f"Sigmoid networks of {config.trained_depth} layers, digits",
    )
    axes.legend(loc="lower right")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
