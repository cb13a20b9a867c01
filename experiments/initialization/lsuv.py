r"""A good start without a formula: divide each layer by the deviation that it shows.

Layer-sequential unit variance (LSUV) makes all weights orthonormal, sends a batch through the
network and, layer after layer, divides the weights by the standard deviation of what the layer
puts out, over the batch and all units. It finds He's $\sqrt2$ for ReLU, and the right scale for any
other activation.

- The loop that the algorithm repeats until the variance is 1 is over after one division: outputs
  are linear in the weights. Only a bias makes more of them necessary, which then converge
  geometrically, or to another variance if the bias alone has more than 1.
- The scale of a layer tends to $1/\sqrt{\mathrm E\phi(z)^2}$. It is the mean square that counts,
  not the variance, for the batch's variance is taken over units together.
- For that reason unit variance does not mean that inputs stay apart. In a ReLU network all but
  $V_l\to9\pi^2/2l^2$ of it are differences between units that no input changes (derived here).
- Networks of thirty layers learn digits from LSUV; from orthonormal weights alone they do not.

Dmytro Mishkin, Jiri Matas: *All you need is a good init*, ICLR 2016, arXiv:1511.06422. (Its
results on ImageNet are not the subject here.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, at_least, counts, equals, identity, scales_as
from harness.errors import require
from harness.style import PREDICTED
from instruments import deep_training, handwritten_digits
from instruments.deep_training import Perceptron
from instruments.randomness import generator
from theory.gaussian_expectations import SILU, TANH, leaky_relu, relu
from theory.initialization import lsuv as theory

BLOCKS = 40
"""Independent groups of networks whose means are the repetitions."""
LEAK = 1 / 3
"""Slope below zero of the paper's very leaky ReLU."""
SMOOTH = (relu(), leaky_relu(LEAK), TANH, SILU)
"""Activations of one variable."""
NAMES = ("ReLU", "very leaky ReLU", "tanh", "SiLU", "maxout")
FUNCTIONS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda x: np.maximum(x, 0),
    lambda x: np.where(x > 0, x, LEAK * x),
    np.tanh,
    lambda x: x / (1 + np.exp(-x)),
    lambda x: np.maximum(*np.split(x, 2, axis=1)),
)
"""The same in the order of `NAMES`, on arrays of shape (batch, units)."""
RELU, TANH_AT, MAXOUT = 0, 2, 4
UNIT = 1e-12
"""How close to 1 a variance must be to count as 1."""
PATIENCE = 20
"""Divisions after which a layer is left as it is."""


@dataclass(frozen=True)
class Config:
    """Parameters; networks are as wide as their inputs, and inputs are Gaussian but for digits."""

    width: int = 64
    """Units N of a layer."""
    batch: int = 64
    """Inputs that are sent through a network, at least two."""
    depth: int = 5
    """Layers, 5 at least."""
    shown: tuple[int, ...] = (2, 3)
    """Layers whose scale is compared with its limit; the first reads the input."""
    block_runs: int = 10
    """Networks in each of the groups."""
    bias_deviation: float = 0.0
    """Standard deviation of the biases where divisions are counted."""
    bias_deviations: tuple[float, ...] = (0.5, 1.0, 1.1)
    """Standard deviations of biases under which divisions are followed."""
    bias_runs: int = 10
    """Layers in which they are followed."""
    wide_depth: int = 10_000
    """Layers of the infinitely wide ReLU network, 2000 at least."""
    starts: int = 8
    """Correlations of inputs from which it starts."""

    trained_depth: int = 20
    """Hidden layers of the networks that are trained."""
    share: float = 1.0
    """Factor of all weights after LSUV, and after He's gain."""
    orthonormal_scale: float = 1.0
    """Factor of the orthonormal weights that are trained as they are."""
    trained: int = 6
    """Networks trained from LSUV and from He's gain."""
    stalled: int = 5
    """Networks trained from orthonormal weights: they hardly differ."""
    steps: int = 320
    """Steps of training."""
    learning_rate: float = 0.005
    """Step size, at momentum 0.9."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                fine = number > 0 or name == "bias_deviation"
                require(fine, f"{name} must be above zero, got {number}")
        require(self.bias_deviation >= 0, "bias_deviation must not be negative")
        require(self.batch >= 2, f"batch must be at least 2, got {self.batch}")
        least = max(5, *self.shown)
        require(self.depth >= least, f"depth must be at least {least}, got {self.depth}")
        require(
            self.wide_depth >= 2 * FIRST_LAYER, f"wide_depth must be at least {2 * FIRST_LAYER}"
        )


FIRST_LAYER = 1000
"""From here on the variance over inputs is compared with a power law."""

SIZES = {
    "ci": Config(),
    "figure": Config(
        width=128,
        depth=10,
        shown=(2, 3, 4, 5),
        block_runs=32,
        wide_depth=100_000,
        trained_depth=30,
        trained=10,
        steps=800,
        learning_rate=0.003,
    ),
    "paper": Config(
        width=512,
        batch=256,
        depth=20,
        shown=(2, 3, 4, 5),
        block_runs=25,
        wide_depth=100_000,
        trained_depth=30,
        trained=20,
        steps=2000,
        learning_rate=0.003,
    ),
}


def orthonormal(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    """Random orthonormal matrices, shape (count, width, width)."""
    return np.linalg.qr(rng.standard_normal((count, width, width)))[0]


def block_means(values: np.ndarray) -> np.ndarray:
    """Means over groups of runs, the leading axis; their number becomes `BLOCKS`."""
    return values.reshape(BLOCKS, -1, *values.shape[1:]).mean(axis=1)


# ---------------------------------------------------------------- the algorithm


class Divided(NamedTuple):
    """A layer after LSUV."""

    scale: float
    """By which its weights were multiplied in all."""
    outputs: np.ndarray
    """What it puts out, shape (batch, units)."""
    divisions: int
    """How often it was divided."""


def divide(outputs: np.ndarray, bias: np.ndarray) -> Divided:
    """Divide a layer's weights by its standard deviation until that is 1.

    Args:
        outputs: of the layer without its bias, shape (batch, units).
        bias: shape (units,).
    """
    scale, divisions = 1.0, 0
    while abs((variance := np.var(scale * outputs + bias)) - 1) > UNIT and divisions < PATIENCE:
        scale /= math.sqrt(variance)
        divisions += 1
    return Divided(scale, scale * outputs + bias, divisions)


class Networks(NamedTuple):
    """Networks after LSUV; all activations share the orthonormal weights and inputs."""

    divisions: Int[Recorded, "runs activations layers"]
    """How often each layer was divided."""
    scale: Float[Recorded, "blocks activations layers"]
    """Scale of the weights, means over groups of runs."""
    input_variance: Float[Recorded, "blocks activations layers"]
    """Variance of a unit over the batch, without bias, averaged over units."""


@measurement
def initialize(config: Config, key: PRNGKeyArray) -> Networks:
    """Apply LSUV to networks that see independent Gaussian inputs."""
    rng = generator(key)
    shape = (BLOCKS * config.block_runs, len(NAMES), config.depth)
    divisions, scale, input_variance = np.empty(shape, int), np.empty(shape), np.empty(shape)
    for run in range(shape[0]):
        weights = orthonormal(rng, config.depth, config.width)
        # Maxout has two pieces a unit.
        others = orthonormal(rng, config.depth, config.width)
        biases = config.bias_deviation * rng.standard_normal((config.depth, 2 * config.width))
        inputs = rng.standard_normal((config.batch, config.width))
        for at, function in enumerate(FUNCTIONS):
            signals = inputs
            for layer in range(config.depth):
                outputs = signals @ weights[layer]
                if at == MAXOUT:
                    outputs = np.hstack([outputs, signals @ others[layer]])
                done = divide(outputs, biases[layer, : outputs.shape[1]])
                divisions[run, at, layer], scale[run, at, layer] = done.divisions, done.scale
                input_variance[run, at, layer] = np.var(done.outputs, axis=0, ddof=1).mean()
                signals = function(done.outputs)
    return Networks(divisions, block_means(scale), block_means(input_variance))


@claim(
    initialize,
    kind="count",
    source="algorithm; derived",
    tolerance=0.6,
    controls=[broken("A bias makes it an iteration.", bias_deviation=0.5, block_runs=1)],
)
def one_division_is_enough(run: Networks, config: Config) -> Evidence:
    r"""Outputs are linear in the weights, so that one division by $\sqrt{\mathrm{Var}B}$ makes
    their variance 1, to rounding: in every layer, whatever the activation. The iteration and its
    limit $T_{\max}$ are not needed.
    """
    return counts(run.divisions, 1)


class Biased(NamedTuple):
    """Single layers with a bias that is uncorrelated with their outputs."""

    variance: Float[Recorded, "runs biases divisions"]
    """Before, and after each division."""


@measurement
def follow_divisions(config: Config, key: PRNGKeyArray) -> Biased:
    """Divide layers with biases of several variances again and again."""
    rng = generator(key)
    runs = []
    for _ in range(config.bias_runs):
        outputs = rng.standard_normal((config.batch, config.width)) @ orthonormal(
            rng, 1, config.width
        ).squeeze(axis=0)
        outputs /= outputs.std()
        # A bias without a mean, and without a part along the units' means over the batch.
        basis = np.linalg.qr(np.stack([np.ones(config.width), outputs.mean(axis=0)], axis=1))[0]
        drawn = rng.standard_normal(config.width)
        drawn -= basis @ (basis.T @ drawn)
        rows = []
        for deviation in config.bias_deviations:
            bias, scale, row = deviation * drawn / drawn.std(), 1.0, []
            for _ in range(PATIENCE + 1):
                row.append(np.var(scale * outputs + bias))
                scale /= math.sqrt(row[-1])
            rows.append(row)
        runs.append(rows)
    return Biased(np.array(runs))


def over_at_once(first: float, bias_variance: float, divisions: int) -> np.ndarray:
    """The rival's variances: 1 after a single division."""
    return np.array([first + bias_variance, *np.ones(divisions)])


@claim(
    follow_divisions,
    kind="identity",
    source="derived",
    tolerance=1e-8,
    controls=[rival("Rival: one division, bias or not.", predict=over_at_once)],
)
def with_a_bias_divisions_converge_geometrically(
    run: Biased,
    config: Config,
    predict: Callable[[float, float, int], np.ndarray] = theory.variances_with_bias,
) -> Evidence:
    r"""With a bias of variance $\beta^2$ the variance after $t$ divisions is $u_t+\beta^2$,
    $\frac1{u_{t+1}}=1+\frac{\beta^2}{u_t}$. It comes closer to 1 by the factor $\beta^2$ each time,
    and if $\beta\ge1$ the weights vanish instead.
    """
    predicted = [predict(1.0, deviation**2, PATIENCE) for deviation in config.bias_deviations]
    # Twenty divisions of sums of some thousand terms in double precision.
    return identity(run.variance, np.array(predicted), rounding=1e-11)


def gains() -> np.ndarray:
    """The limit of infinite width, activation by activation."""
    return np.array([*(theory.gain(g) for g in SMOOTH), theory.MAXOUT_GAIN])


def centred_gains() -> np.ndarray:
    """The rival's: as if each unit's mean had been removed."""
    return np.array([*(theory.centred_gain(g) for g in SMOOTH), theory.MAXOUT_GAIN])


@claim(
    initialize,
    kind="value",
    source="introduction: He's scale for ReLU; derived for the others",
    tolerance=0.15,
    controls=[rival("Rival: a unit's mean is removed first.", predict=centred_gains)],
)
def scales_are_inverse_root_mean_squares(
    run: Networks, config: Config, predict: Callable[[], np.ndarray] = gains
) -> Evidence:
    r"""From the second layer on weights end up $1/\sqrt{\mathrm E\phi(z)^2}$ times orthonormal:
    $\sqrt2$ for ReLU, 1.342 with slope $\tfrac13$ below zero, 1.593 for tanh, 1.677 for SiLU, 1 for
    a maxout of two pieces.
    """
    shown = np.array(config.shown)
    predicted = np.repeat(predict(), shown.size)
    # A layer's mean square fluctuates by this share of order 1/N; the mean of a root feels it.
    shares = [*(theory.fluctuation(g) for g in SMOOTH), theory.fluctuation(relu())]
    margin = np.repeat(gains() * np.array(shares) / config.width, shown.size)
    measured = run.scale[:, :, shown - 1].reshape(BLOCKS, -1)
    return equals(measured, predicted, margin=margin).named(
        *(f"{name}, layer {layer}" for name in NAMES for layer in shown)
    )


# ---------------------------------------------------------------- what unit variance hides


def constant(depth: int) -> np.ndarray:
    """The rival's: unit variance is variance over inputs."""
    return np.ones(depth)


def collapsing(depth: int) -> np.ndarray:
    """What ReLU does."""
    return theory.input_variances(depth)


@claim(
    initialize,
    kind="value",
    source="derived",
    tolerance=0.4,
    controls=[
        rival("Rival: unit variance means that inputs stay apart.", predict=constant),
        rival("Not with an odd activation.", at=TANH_AT),
    ],
)
def unit_variance_hides_a_collapse(
    run: Networks,
    config: Config,
    predict: Callable[[int], np.ndarray] = collapsing,
    at: int = RELU,
) -> Evidence:
    r"""With ReLU the part of the unit variance that differs between inputs is $V_l=1-c_l$,
    $c_{l+1}=\frac1\pi\big(\sqrt{1-c_l^2}+c_l(\pi-\arccos c_l)\big)$: 1, 0.682, 0.506, 0.395, ...
    from uncorrelated inputs. The rest is the same for all of them.
    """
    margin = theory.input_variance_margins(5, config.width)
    return equals(run.input_variance[:, at, :5], predict(5), margin=margin).named(
        *(f"layer {layer}" for layer in range(1, 6))
    )


@claim(
    initialize,
    kind="value",
    source="derived",
    tolerance=0.08,
    controls=[rival("ReLU is not odd.", at=RELU)],
)
def an_odd_activation_keeps_inputs_apart(
    run: Networks, config: Config, at: int = TANH_AT
) -> Evidence:
    r"""With tanh uncorrelated inputs stay uncorrelated, and $V_l=1$."""
    margin = theory.fluctuation(TANH) * np.arange(1, 6) / config.width
    return equals(run.input_variance[:, at, :5], constant(5), margin=margin).named(
        *(f"layer {layer}" for layer in range(1, 6))
    )


LEAST_START = 0.5
"""Least variance over inputs from which the infinitely wide network starts; the largest is 1."""


class Wide(NamedTuple):
    """An infinitely wide ReLU network, by integration."""

    variance: Float[Recorded, "starts layers"]
    """Variance over inputs in some layers."""


def wide_layers(config: Config) -> np.ndarray:
    """Layers at which it is looked at, evenly spaced in the logarithm."""
    return np.geomspace(FIRST_LAYER, config.wide_depth, 5).round().astype(int)


@measurement
def integrate(config: Config, key: PRNGKeyArray) -> Wide:
    """Integrate the mean of (u+ - v+)^2 over the angle of a Gaussian pair, layer after layer."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    share = (1 + nodes) / 2
    variance = generator(key).uniform(LEAST_START, 1.0, config.starts)
    seen, wanted = [], set(wide_layers(config).tolist())
    for layer in range(1, config.wide_depth + 1):
        if layer in wanted:
            seen.append(variance)
        angle = 2 * np.arcsin(np.sqrt(variance / 2))[:, None]
        # u = r cos(t), v = r cos(t - angle); both are positive on one arc, one alone on two.
        both = math.pi - angle
        at = angle - math.pi / 2 + both * share
        # The difference of the cosines as a product, which loses no digits.
        apart = 4 * np.sin(at - angle / 2) ** 2 * np.sin(angle / 2) ** 2
        alone = 2 * np.sin(angle * share) ** 2
        variance = (both[:, 0] * (apart @ weights) + angle[:, 0] * (alone @ weights)) / (
            2 * math.pi
        )
    return Wide(np.stack(seen, axis=1))


@claim(
    integrate,
    kind="exponent",
    source="derived",
    tolerance=0.05,
    controls=[rival("Rival: it falls like one over the depth.", exponent=-1.0)],
)
def inputs_collapse_like_one_over_the_squared_depth(
    run: Wide, config: Config, exponent: float = theory.COLLAPSE_EXPONENT
) -> Evidence:
    r"""Far down, $V_l$ falls like $l^{-2}$ in a ReLU network with unit variance."""
    margin = theory.collapse_share(FIRST_LAYER, LEAST_START)
    return scales_as(wide_layers(config), run.variance, exponent, margin=margin)


# ---------------------------------------------------------------- training


LEARNED, STALLED = 0.5, 0.01
"""Share of log 10 by which the loss falls at least if a network learns, at most if not."""
SILENT = math.log(10)
"""Loss of a network that says nothing."""
SAMPLES = 64
"""In a step of training."""
SEEN = 256
"""Digits in the batch that LSUV looks at."""


Scales = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From the weights of all layers and a batch to the scales of all layers."""


def train(config: Config, key: PRNGKeyArray, runs: int, scales: Scales) -> np.ndarray:
    """Losses of networks that start from scaled orthonormal weights, single precision.

    Args:
        config: depth, steps and step size.
        key: draws weights, batches of training, and the batch that is looked at.
        runs: networks.
        scales: what the weights are multiplied by.
    """
    digits = handwritten_digits.bundled()
    inputs = digits.standardized()
    losses = []
    for run in range(runs):
        run_key = jax.random.fold_in(key, run)
        rng = generator(run_key)
        weights = orthonormal(rng, config.trained_depth + 1, inputs.shape[1])
        batch = inputs[rng.choice(len(inputs), SEEN, replace=False)]
        scaled = (weights * scales(weights, batch)[:, None, None]).astype(np.float32)
        start = Perceptron(jnp.asarray(scaled[:-1]), jnp.asarray(scaled[-1, :, :10]))
        learned = deep_training.learn(
            start,
            run_key,
            jnp.asarray(inputs, jnp.float32),
            jnp.asarray(digits.labels),
            jnp.asarray(config.learning_rate, jnp.float32),
            activation=jax.nn.relu,
            steps=config.steps,
            batch=SAMPLES,
        )
        losses.append(learned.final)
    return np.array(losses, float)


def fixed(scale: float) -> Scales:
    """The same scale for all hidden layers; the readout is left as it is."""
    return lambda weights, batch: np.append(np.full(len(weights) - 1, scale), 1.0)


def measured_scales(weights: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """LSUV's scales of all layers, the readout's 10 outputs included."""
    signals, scales = batch, []
    for layer, matrix in enumerate(weights):
        outputs = signals @ (matrix if layer < len(weights) - 1 else matrix[:, :10])
        done = divide(outputs, np.zeros(outputs.shape[1]))
        scales.append(done.scale)
        signals = np.maximum(done.outputs, 0)
    return np.array(scales)


class Scaled(NamedTuple):
    """Networks from scaled orthonormal weights, after training; the same draws for both."""

    loss: Float[Recorded, "runs starts"]
    """Cross-entropy on the training set, from LSUV and from He's gain."""


@measurement
def train_scaled(config: Config, key: PRNGKeyArray) -> Scaled:
    """Train ReLU networks on digits from LSUV, and from orthonormal weights times root 2."""
    he = fixed(theory.gain(relu()))

    def shared(scales: Scales) -> Scales:
        return lambda weights, batch: config.share * scales(weights, batch)

    starts = (shared(measured_scales), shared(he))
    return Scaled(np.stack([train(config, key, config.trained, s) for s in starts], axis=1))


class Orthonormal(NamedTuple):
    """Networks from orthonormal weights, after training."""

    loss: Float[Recorded, " runs"]
    """Cross-entropy on the training set."""


@measurement
def train_orthonormal(config: Config, key: PRNGKeyArray) -> Orthonormal:
    """Train ReLU networks on digits from orthonormal weights."""
    return Orthonormal(train(config, key, config.stalled, fixed(config.orthonormal_scale)))


@claim(
    train_scaled,
    kind="order",
    source="Section 4, there on other data",
    tolerance=1.5,
    controls=[broken("Half of these weights in every layer.", share=0.5, trained=3)],
)
def deep_networks_learn_from_unit_variance(run: Scaled, config: Config) -> Evidence:
    r"""Deep ReLU networks learn digits from LSUV, and from orthonormal weights times $\sqrt2$, its
    limit: the loss falls by half at least from $\log10$, that of a network which says nothing.
    """
    return at_least(1 - np.asarray(run.loss) / SILENT, LEARNED).named(
        "LSUV", "orthonormal times 1.414"
    )


@claim(
    train_orthonormal,
    kind="bound",
    source="Section 4, there on other data",
    tolerance=0.02,
    controls=[
        broken("With He's root of 2 they learn.", orthonormal_scale=math.sqrt(2), stalled=5),
        broken("Four layers learn from them as well.", trained_depth=4),
    ],
)
def orthonormal_weights_alone_stall(run: Orthonormal, config: Config) -> Evidence:
    r"""Orthonormal weights alone make the output $2^{-L/2}$ as large as it should be: in the same
    steps the loss does not fall by a hundredth.
    """
    return at_least(run.loss, (1 - STALLED) * SILENT)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Scales of layers; variance over inputs; losses after training."""
    figure = Figure(figsize=(10, 3.8))
    scales, collapse, training = figure.subplots(1, 3, width_ratios=(3, 3, 2))
    draw_scales(scales, runs, config)
    draw_collapse(collapse, runs, config)
    draw_training(training, runs, config)
    return figure


def draw_scales(axes: Axes, runs: Runs, config: Config) -> None:
    """Scale of the weights in each layer, activation by activation."""
    measured = np.asarray(runs[initialize].scale).mean(axis=0)
    layers = np.arange(1, config.depth + 1)
    for at, (name, limit) in enumerate(zip(NAMES, gains(), strict=True)):
        axes.plot(layers, measured[at], "os^vD"[at], color=f"C{at}", markersize=4.5, label=name)
        axes.plot([2, config.depth], [limit, limit], **PREDICTED)
    axes.plot([], [], **PREDICTED, label=r"$1/\sqrt{\mathrm{E}\phi^2}$")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(
        ylim=(0.9, 2.3),
        xlabel="layer",
        ylabel="scale after LSUV",
        title=f"Weights, $N={config.width}$",
    )
    axes.legend(loc="upper left", ncols=2, columnspacing=1, fontsize=8)


def draw_collapse(axes: Axes, runs: Runs, config: Config) -> None:
    """Variance over inputs in each layer, of ReLU and tanh networks."""
    measured = np.asarray(runs[initialize].input_variance).mean(axis=0)
    layers = np.arange(1, config.depth + 1)
    for at, colour in ((RELU, "C0"), (TANH_AT, "C2")):
        axes.plot(layers, measured[at], "os^"[at], color=colour, markersize=4.5, label=NAMES[at])
    deep = np.unique(np.geomspace(1, 300, 60).round().astype(int))
    axes.plot(deep, theory.input_variances(300)[deep - 1], **PREDICTED, label="infinitely wide")
    axes.plot(layers, constant(config.depth), **PREDICTED)
    late = np.array([20, 300])
    axes.plot(
        late, theory.collapse_constant() / late**2, color="0.65", linewidth=1,
        label=r"$9\pi^2/2l^2$",
    )  # fmt: skip
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="layer $l$",
        ylabel="variance over inputs",
        title=f"What of unit variance is input, $N={config.width}$",
    )
    axes.legend(loc="lower left", fontsize=8)


def draw_training(axes: Axes, runs: Runs, config: Config) -> None:
    """Losses after training, run by run."""
    both, alone = np.asarray(runs[train_scaled].loss), np.asarray(runs[train_orthonormal].loss)
    for at, losses in enumerate((*both.T, alone)):
        axes.plot(np.full(losses.size, at), losses, "o", color=f"C{at}", markersize=4.5)
    axes.axhline(SILENT, **PREDICTED, label=r"$\log 10$")
    axes.set_xticks([0, 1, 2], ["LSUV", r"orth. $\times\sqrt{2}$", "orth."])
    axes.set(
        xlim=(-0.5, 2.5),
        yscale="log",
        xlabel="weights at the start",
        ylabel=f"loss after {config.steps} steps",
        title=f"{config.trained_depth} layers, digits",
    )
    axes.legend(loc="center right", fontsize=8)


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
