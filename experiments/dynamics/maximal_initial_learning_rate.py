r"""The largest learning rate at which a deep ReLU network starts to train.

The *maximal initial learning rate* $\eta^*$ is the largest constant rate at which a randomly
initialized network reaches some modest training accuracy at all. Iyer, Hanin and Rolnick observe
that for fully connected ReLU networks of $L$ hidden layers of width $n$ it is predicted well by a
power of depth times width, $Ln$, if (i) the network is wide compared to its depth and (ii) its
input layer is trained slowly; that it is related to the sharpness $\lambda_1$ at initialization
closely, though not inversely; and they bound $\lambda_1$ by powers of $Ln$.

Behind it is an identity: at every width the squared gradient is $Ln$ times the inputs' mean square
on average, the input layer's excepted. That bounds the sharpness, and a kernel gives its value.

What is trained here are real digits, by full-batch gradient descent, with **squared loss** and with
**cross-entropy**. The squared loss follows $(Ln)^{-1}$. Cross-entropy has bounded residuals and its
own law, close to $1/(L\sqrt n)$ where networks are narrow: there, equal $Ln$ is not equal $\eta^*$.
Success means: accuracy reaches the threshold while the loss is below its start, within a number of
steps; a rate that passes the threshold only on its way to infinity does not count. With two hidden
layers the squared loss survives rates far beyond its law, so fits begin at three.

Gaurav Iyer, Boris Hanin, David Rolnick: *Maximal Initial Learning Rates in Deep ReLU Networks*,
ICML 2023, arXiv:2212.07295.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import (
    Evidence,
    at_least,
    at_most,
    counts,
    equals,
    identity,
    ordered,
    scales_as,
)
from harness.errors import require
from harness.style import PREDICTED
from instruments import constant_width, handwritten_digits, randomness
from instruments.constant_width import Network, Rates
from instruments.hessian_spectrum import hessian_product, largest_eigenvalue
from instruments.learning_rate_search import Found, Progress, first_success
from theory.dynamics import maximal_initial_learning_rate as theory
from theory.dynamics.maximal_initial_learning_rate import Shape

CLASSES = 10
CHUNK = 16
"""Runs that one call of a compiled program makes: so one program serves any number of them."""
LEAST_DEPTH = 3
"""Of what is fitted; see `two_hidden_layers_are_an_exception`."""
HOPELESS = 1e4
"""A loss so many times its start does not come back; catapults stay far below."""
PRODUCTS = 12
"""Of the Hessian with a vector, for its largest eigenvalue: 16 change no digit that counts."""
LARGEST_GAP = 0.25
"""Jensen gap up to which networks count as wide compared to their depth: n at least 10 L."""
BLOCK = 8
"""Runs averaged to one repetition where single runs have a skewed law."""

Loss = Literal["squared", "cross_entropy"]


def interchanges(shapes: tuple[Shape, ...]) -> list[tuple[int, int]]:
    """Indices of pairs (L, 2n), (2L, n): the same product, twice as deep and half as wide."""
    place = {shape: index for index, shape in enumerate(shapes)}
    return [
        (place[depth, width], place[2 * depth, width // 2])
        for depth, width in shapes
        if width % 2 == 0 and (2 * depth, width // 2) in place
    ]


@dataclass(frozen=True)
class Config:
    """Parameters; shapes are pairs of depth and width, depth counting hidden layers."""

    images: Literal["bundled", "mnist"] = "bundled"
    """scikit-learn's digits of 8 by 8 pixels, or MNIST from its original files."""
    samples: int = 20
    """Training images, the first of the file; full batch."""
    gain: float = theory.HE_GAIN
    """Variance of the weights times fan-in; He's is 2."""

    initial_depths: tuple[int, ...] = (3, 6)
    """Depths at which networks are looked at before training."""
    initial_width: int = 64
    """Their width."""
    initial_widths: tuple[int, ...] = (16, 48, 144)
    """Widths at which networks of the first of these depths are looked at."""
    initial_runs: int = 1024
    """Networks at each of these shapes."""

    squared_shapes: tuple[Shape, ...] = ((3, 64), (6, 64), (3, 128), (6, 128))
    """Shapes of the search with squared loss; the depth at least 3."""
    cross_entropy_shapes: tuple[Shape, ...] = ((3, 32), (6, 32), (3, 64), (3, 128))
    """Shapes of the search with cross-entropy."""
    runs: int = 144
    """Searches at each shape, a multiple of 16."""
    squared_threshold: float = 0.35
    """Training accuracy that counts as a start, with squared loss; chance is 0.1."""
    cross_entropy_threshold: float = 0.6
    """The same with cross-entropy, where larger outputs make an accuracy cheap."""
    steps: int = 100
    """Steps within which it has to be reached."""
    input_rate: float = 0.01
    """Rate of the input layer relative to the others': condition (ii)."""
    squared_start: float = 48.0
    r"""Where the search starts, in units of the classical limit $2/\lambda_1$."""
    cross_entropy_start: float = 256.0
    """The same with cross-entropy, in the same units."""
    scan_factor: float = 1.25
    """From one rate to the next; where a run's scan begins within a factor is random."""
    attempts: int = 30
    """Rates tried at most."""

    sharp_depths: tuple[int, int] = (3, 6)
    """Depths at which the sharpness is measured beside the rate."""
    sharp_width: int = 64
    """Width there."""
    sharp_runs: int = 48
    """Networks there, a multiple of 16."""
    trained: Literal["all", "readout"] = "all"
    """What is trained there; with the readout alone the squared loss is a quadratic."""

    shallow_depth: int = 2
    """A depth below those of the fits ..."""
    shallow_width: int = 128
    """... and the width at which it is compared to the least depth of the fits."""
    shallow_runs: int = 48
    """Searches there, a multiple of 16."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name in ("samples", "gain", "steps", "input_rate", "attempts", "initial_width"):
            require(getattr(self, name) > 0, f"{name} must be above zero")
        for name in ("runs", "sharp_runs", "shallow_runs"):
            count = getattr(self, name)
            require(count > 0 and count % CHUNK == 0, f"{name} must be a multiple of {CHUNK}")
        require(self.initial_runs % BLOCK == 0, f"initial_runs must be a multiple of {BLOCK}")
        require(self.scan_factor > 1, "scan_factor must be above 1")
        for name in ("squared_threshold", "cross_entropy_threshold"):
            require(0 < getattr(self, name) < 1, f"{name} must be between 0 and 1")
        for name in ("squared_shapes", "cross_entropy_shapes"):
            shapes = getattr(self, name)
            require(min(depth for depth, _ in shapes) >= LEAST_DEPTH, f"{name}: depths from 3 on")
            require(bool(interchanges(shapes)), f"{name} need (L, 2n) beside (2L, n)")
        require(len(set(self.initial_widths)) >= 3, "initial_widths needs three different widths")
        require(min(self.initial_depths) >= 2, "initial_depths must be at least 2")


SIZES = {
    "ci": Config(),
    "figure": Config(
        samples=32,
        initial_width=128,
        initial_widths=(24, 72, 216),
        squared_shapes=tuple((depth, width) for depth in (3, 4, 6) for width in (64, 128, 192)),
        cross_entropy_shapes=tuple(
            (depth, width) for depth in (3, 4, 6) for width in (32, 64, 128)
        ),
    ),
    "paper": Config(
        images="mnist",
        samples=128,
        initial_depths=(3, 6, 12),
        initial_width=512,
        initial_widths=(128, 256, 512),
        squared_shapes=tuple((depth, width) for depth in (3, 6) for width in (128, 256, 512)),
        cross_entropy_shapes=tuple((depth, width) for depth in (3, 6) for width in (32, 64, 128)),
        steps=150,
        sharp_width=256,
        shallow_width=256,
    ),
}


class Data(NamedTuple):
    """Images as vectors, centred, each scaled to mean square 1; classes one-hot."""

    inputs: Float[np.ndarray, "n dimension"]
    targets: Float[np.ndarray, "n 10"]


@cache
def load(images: str, samples: int) -> Data:
    """The first images of the file."""
    digits = handwritten_digits.bundled() if images == "bundled" else handwritten_digits.mnist()[0]
    pixels = digits.images.reshape(len(digits.images), -1)
    centred = pixels[:samples] - pixels.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    inputs = centred / lengths * math.sqrt(centred.shape[1])
    targets = np.eye(CLASSES)[digits.labels[:samples]]
    return Data(inputs.astype(np.float32), targets.astype(np.float32))


def sample(
    generator: np.random.Generator, runs: int, shape: Shape, config: Config, room: int
) -> Network:
    """Networks of a shape, with room for deeper ones in the same program."""
    depth, width = shape
    return constant_width.gaussian(
        generator,
        runs,
        depth=depth,
        room=room,
        dimension=load(config.images, config.samples).inputs.shape[1],
        width=width,
        outputs=CLASSES,
        gain=config.gain,
    )


def blocks(values: Recorded) -> np.ndarray:
    """Means over blocks of runs."""
    return np.asarray(values).reshape(-1, BLOCK, *values.shape[1:]).mean(axis=1)


# ---------------------------------------------------------------- before training


class Initial(NamedTuple):
    """Networks before training; sums over layers leave the input layer out."""

    by_layer: Float[Recorded, "runs layers"]
    """Squared gradient of each layer at the first depth, input layer first."""
    total: Float[Recorded, "runs depths"]
    """Squared gradient at each depth."""
    sharpness: Float[Recorded, "runs depths"]
    """Largest eigenvalue of the Gauss-Newton matrix of one output at each depth."""
    input_layer: Float[Recorded, "runs widths"]
    """Squared gradient of the input layer at each width."""
    total_by_width: Float[Recorded, "runs widths"]
    """As `total` and ..."""
    sharpness_by_width: Float[Recorded, "runs widths"]
    """... as `sharpness` at the first depth, at each width."""
    rescaled: Float[Recorded, "some gains"]
    """Squared gradient at the first depth with weights of each gain in `OTHER_GAINS`, over that
    of the same weights with He's gain."""


OTHER_GAINS = (1.0, 1.5, 3.0)


@measurement
def initialize(config: Config, key: PRNGKeyArray) -> Initial:
    """Draw networks and look at their gradients."""
    generator, runs = randomness.generator(key), config.initial_runs
    inputs = load(config.images, config.samples).inputs

    def look(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
        """Squared gradients by layer, and sharpness."""
        networks = sample(generator, runs, shape, config, shape[0] - 1)
        seen = constant_width.first_order(networks, shape[0], inputs)
        # Eigenvalues in double precision: single is for the sums.
        largest = np.linalg.eigvalsh(seen.kernels.astype(float))[:, -1] / len(inputs)
        return seen.squared_gradients.astype(float), largest

    at_depths = [look((depth, config.initial_width)) for depth in config.initial_depths]
    at_widths = [look((config.initial_depths[0], width)) for width in config.initial_widths]
    depth = config.initial_depths[0]
    few = sample(generator, BLOCK, (depth, config.initial_width), config, depth - 1)

    def total(networks: Network) -> np.ndarray:
        seen = constant_width.first_order(networks, depth, inputs)
        return seen.squared_gradients[:, 1:].sum(axis=1)

    scales = np.sqrt(np.array(OTHER_GAINS, np.float32) / config.gain)
    rescaled = [total(Network(*(scale * layers for layers in few))) for scale in scales]
    return Initial(
        by_layer=at_depths[0][0],
        total=np.stack([squares[:, 1:].sum(axis=1) for squares, _ in at_depths], axis=1),
        sharpness=np.stack([largest for _, largest in at_depths], axis=1),
        input_layer=np.stack([squares[:, 0] for squares, _ in at_widths], axis=1),
        total_by_width=np.stack([squares[:, 1:].sum(axis=1) for squares, _ in at_widths], axis=1),
        sharpness_by_width=np.stack([largest for _, largest in at_widths], axis=1),
        rescaled=np.stack(rescaled, axis=1) / total(few)[:, None],
    )


XAVIER = broken("Xavier's gain loses half of it in every layer.", gain=1.0, initial_runs=128)
DOUBLING = broken("A gain of 4 doubles it in every layer.", gain=4.0, initial_runs=128)
IDENTITY_MARGIN = 0.12
"""The identities are exact; the margin is what this many random networks resolve."""


@claim(
    initialize,
    kind="identity",
    source="derived: the mechanism of the paper's bounds",
    tolerance=0.2,
    controls=[
        XAVIER,
        DOUBLING,
    ],
)
def every_layer_has_the_same_squared_gradient(run: Initial, config: Config) -> Evidence:
    r"""With He's weights each layer but the first has $E|\partial f/\partial W_l|^2=nq$ at every
    finite width, so that all of them have $Lnq$: depth times width.
    """
    depth, width = config.initial_depths[0], config.initial_width
    dimension = load(config.images, config.samples).inputs.shape[1]
    predicted = theory.squared_gradients(depth, width, dimension)[1:]
    evidence = equals(blocks(run.by_layer[:, 1:]), predicted, margin=IDENTITY_MARGIN * predicted)
    return evidence.named(*(f"layer {layer}" for layer in range(2, depth + 2)))


def its_width(width: int, dimension: int) -> float:
    """A rival: the input layer's gradient is like the others'."""
    return float(width)


def its_input(width: int, dimension: int) -> float:
    """The input layer's squared gradient."""
    return float(theory.squared_gradients(1, width, dimension)[0])


@claim(
    initialize,
    kind="identity",
    source="derived: why condition (ii) is needed",
    tolerance=0.2,
    controls=[
        rival("Rival: it is that of any other layer.", predict=its_width),
        XAVIER,
    ],
)
def the_input_layer_does_not_grow(
    run: Initial, config: Config, predict: Callable[[int, int], float] = its_input
) -> Evidence:
    r"""The input layer's squared gradient is $E|\partial f/\partial W_1|^2=|x|^2$ whatever the
    width: it is no part of a law in depth times width.
    """
    dimension = load(config.images, config.samples).inputs.shape[1]
    predicted = np.array([predict(width, dimension) for width in config.initial_widths])
    evidence = equals(blocks(run.input_layer), predicted, margin=IDENTITY_MARGIN * predicted)
    return evidence.named(*(f"n = {width}" for width in config.initial_widths))


@claim(
    initialize,
    kind="identity",
    source="derived: positive homogeneity",
    tolerance=1e-3,
    controls=[
        rival("Rival: the readout loses its share too.", lost_layers=1),
    ],
)
def gain_acts_once_a_layer(run: Initial, config: Config, lost_layers: int = 0) -> Evidence:
    r"""With weights of variance $g/$fan-in, $L$ of the $L+1$ layers act on each gradient:
    $|\nabla f|^2$ is $(g/2)^L$ times what the same network has with He's weights.
    """
    depth = config.initial_depths[0]
    gains = np.array(OTHER_GAINS)
    factor = theory.squared_gradient(depth + lost_layers, 1, gain=gains) / (depth + lost_layers)
    # Single precision: a rounding of 6e-8 in each of some hundred sums.
    return identity(run.rescaled, factor, rounding=1e-5)


@claim(
    initialize,
    kind="bound",
    source="the paper's bounds, in the form derived from the trace",
    tolerance=0.9,
    controls=[
        DOUBLING,
    ],
)
def sharpness_is_at_most_depth_times_width(run: Initial, config: Config) -> Evidence:
    r"""At initialization the Gauss-Newton sharpness, input layer aside, is at most depth times
    width, $E\lambda_1\le Ln\,\overline q$, at every finite width.
    """
    depths = np.array(config.initial_depths)
    bound = theory.squared_gradient(depths, config.initial_width)
    evidence = at_most(blocks(run.sharpness), bound)
    return evidence.named(*(f"L = {depth}" for depth in depths))


def sharpness_at_mean(
    sharpness: Recorded, squared_gradient: Recorded, mean: np.ndarray, slope: np.ndarray
) -> np.ndarray:
    """Sharpness less what a network's squared gradient adds to it by being above its mean.

    The mean is known exactly, so the mean sharpness stays what it is; its spread is halved.
    """
    return np.asarray(sharpness - slope * (squared_gradient / mean - 1))


@claim(
    initialize,
    kind="value",
    source="derived: the tangent kernel",
    tolerance=0.3,
    controls=[
        broken("Condition (i) broken: hardly wider than deep.", initial_width=8),
        XAVIER,
        rival("Rival: the bound is the value.", share_of_bound=1.0),
    ],
)
def sharpness_is_the_tangent_kernels(
    run: Initial, config: Config, share_of_bound: float | None = None
) -> Evidence:
    r"""The sharpness is $n\lambda_{\max}(\Theta_L)/N$ with the tangent kernel $\Theta_L$ of the
    images, up to the Jensen gap $\frac52L/n$, if this is small: condition (i).
    """
    depths, width = np.array(config.initial_depths), config.initial_width
    bound = theory.squared_gradient(depths, width)
    inputs = load(config.images, config.samples).inputs.astype(float)
    predicted = np.array(
        [theory.sharpness(inputs, depth, width) for depth in config.initial_depths]
    )
    if share_of_bound is not None:
        predicted = share_of_bound * bound
    mean = theory.squared_gradient(depths, width, gain=config.gain)
    at_mean = sharpness_at_mean(run.sharpness, run.total, mean, predicted)
    # Condition (i) as it is taken here: the gap is a correction, a quarter at most.
    margin = predicted * np.minimum(theory.jensen_gap(depths, width), LARGEST_GAP)
    evidence = equals(blocks(at_mean), predicted, margin=margin)
    return evidence.named(*(f"L = {depth}" for depth in depths))


@claim(
    initialize,
    kind="exponent",
    source="derived: the tangent kernel",
    tolerance=0.4,
    controls=[
        rival("Rival: the sharpness grows like the square root of the width.", exponent=0.5),
    ],
)
def sharpness_grows_like_the_width(run: Initial, config: Config, exponent: float = 1.0) -> Evidence:
    r"""At fixed depth the sharpness at initialization is proportional to the width:
    $\lambda_1\sim n$.
    """
    depth, widths = config.initial_depths[0], np.array(config.initial_widths)
    inputs = load(config.images, config.samples).inputs.astype(float)
    limit = np.array([theory.sharpness(inputs, depth, width) for width in config.initial_widths])
    mean = theory.squared_gradient(depth, widths, gain=config.gain)
    at_mean = sharpness_at_mean(run.sharpness_by_width, run.total_by_width, mean, limit)
    # The Jensen gap at the narrow end, spread over the range of widths.
    gap = float(theory.jensen_gap(depth, widths.min()))
    margin = gap / math.log(widths.max() / widths.min())
    return scales_as(widths, blocks(at_mean), exponent, margin=margin, end_margin=gap)


# ---------------------------------------------------------------- the search


def loss_of(
    outputs: Float[Array, "n classes"],
    targets: Float[Array, "n classes"],
    cross_entropy: Array,
) -> Float[Array, ""]:
    """Mean over the images of half the squared error or of the cross-entropy."""
    squared = jnp.sum((outputs - targets) ** 2) / 2
    nats = -jnp.sum(targets * jax.nn.log_softmax(outputs))
    return jnp.where(cross_entropy, nats, squared) / len(targets)


@jax.jit
def searches(
    networks: Network,
    rates: Float[Array, "runs attempts"],
    depth: Array,
    inputs: Array,
    targets: Array,
    cross_entropy: Array,
    relative: Rates,
    threshold: Array,
    limit: Array,
) -> Found:
    """Search for the largest rate of each network; one program for all depths and both losses."""
    labels = jnp.argmax(targets, axis=1)

    def search(at: tuple[Network, Array]) -> Found:
        network, rates = at

        def step(
            state: tuple[Network, Array], rate: Array
        ) -> tuple[tuple[Network, Array], Progress]:
            network, first_loss = state
            seen = constant_width.descend(
                network,
                depth,
                inputs,
                lambda outputs: loss_of(outputs, targets, cross_entropy),
                Rates(*(rate * factor for factor in relative)),
            )
            first_loss = jnp.where(jnp.isinf(first_loss), seen.loss, first_loss)
            right = jnp.mean(jnp.argmax(seen.outputs, axis=1) == labels, dtype=inputs.dtype)
            # Negated, so that a loss that is no number any more counts as hopeless.
            hopeless = ~(seen.loss < HOPELESS * first_loss) | ~seen.alive
            progress = Progress((right >= threshold) & (seen.loss < first_loss), hopeless)
            return (seen.network, first_loss), progress

        start = network, jnp.asarray(jnp.inf, inputs.dtype)
        # What is seen in a step is what the steps before it have made.
        return first_success(start, step, rates, limit + 1)

    return jax.lax.map(search, (networks, rates))


class Searched(NamedTuple):
    """Searches at one shape."""

    log_rates: np.ndarray
    """Logarithm of the largest rate of each run."""
    at_ends: np.ndarray
    """Whether it is the first or the last of the scan: then the truth may lie beyond."""
    excess: np.ndarray
    """The network's squared gradient over its mean, less one."""


def search(
    generator: np.random.Generator,
    networks: Network,
    shape: Shape,
    loss: Loss,
    config: Config,
    relative: Rates,
) -> Searched:
    """Search for the largest rate of each network, a chunk at a time."""
    depth, width = shape
    data = load(config.images, config.samples)
    runs = len(networks.readout)
    classical = theory.QUADRATIC_LIMIT / theory.sharpness(data.inputs.astype(float), depth, width)
    start = classical * (config.squared_start if loss == "squared" else config.cross_entropy_start)
    # The scan begins at random within a step of itself: rates are then no lattice.
    powers = np.arange(config.attempts) + generator.random((runs, 1))
    rates = (start * config.scan_factor**-powers).astype(np.float32)
    threshold = config.squared_threshold if loss == "squared" else config.cross_entropy_threshold
    found = [
        searches(
            Network(*(layers[at : at + CHUNK] for layers in networks)),
            rates[at : at + CHUNK],
            depth,
            *data,
            loss == "cross_entropy",
            Rates(*(jnp.asarray(rate, jnp.float32) for rate in relative)),
            np.float32(threshold),
            config.steps,
        ).failures
        for at in range(0, runs, CHUNK)
    ]
    index = np.concatenate(found)
    last = config.attempts - 1
    rate = rates[np.arange(runs), np.minimum(index, last)]
    squares = constant_width.first_order(networks, depth, data.inputs).squared_gradients
    mean = theory.squared_gradient(depth, width, gain=config.gain)
    return Searched(
        np.log(rate.astype(float)),
        (index == 0) | (index >= last),
        squares[:, 1:].sum(axis=1) / mean - 1,
    )


class Rated(NamedTuple):
    """Logarithms of the largest rates of all runs, at each shape; runs are independent."""

    squared: Float[Recorded, "runs squared_shapes"]
    squared_excess: Float[Recorded, "runs squared_shapes"]
    """The networks' squared gradients over their means, less one."""
    cross_entropy: Float[Recorded, "runs cross_entropy_shapes"]
    at_ends: Int[Recorded, "runs losses"]
    """At how many shapes the search ended at an end of its scan."""


def room_of(config: Config) -> int:
    """Hidden layers of the deepest network of the searches: so they share programs."""
    shapes = config.squared_shapes + config.cross_entropy_shapes
    return max(*(depth for depth, _ in shapes), *config.sharp_depths, config.shallow_depth) - 1


@measurement
def find_rates(config: Config, key: PRNGKeyArray) -> Rated:
    """Search at all shapes with both losses."""
    generator, relative = randomness.generator(key), Rates(config.input_rate, 1.0, 1.0)

    def at(shape: Shape, loss: Loss) -> Searched:
        networks = sample(generator, config.runs, shape, config, room_of(config))
        return search(generator, networks, shape, loss, config, relative)

    squared = [at(shape, "squared") for shape in config.squared_shapes]
    other = [at(shape, "cross_entropy") for shape in config.cross_entropy_shapes]
    ends = [np.sum([found.at_ends for found in some], axis=0) for some in (squared, other)]
    return Rated(
        np.stack([found.log_rates for found in squared], axis=1),
        np.stack([found.excess for found in squared], axis=1),
        np.stack([found.log_rates for found in other], axis=1),
        np.stack(ends, axis=1),
    )


def rates_and_shapes(
    run: Rated, config: Config, loss: Loss
) -> tuple[np.ndarray, tuple[Shape, ...]]:
    r"""Per run, an unbiased estimate of the mean $\log\eta^*$ at each shape.

    With squared loss a network's largest rate is about inverse to its squared gradient, whose mean
    is known exactly. Adding its excess, of mean zero, halves the variance and changes no mean.
    """
    if loss == "squared":
        return np.asarray(run.squared + run.squared_excess), config.squared_shapes
    return np.asarray(run.cross_entropy), config.cross_entropy_shapes


@claim(
    find_rates,
    kind="count",
    source="derived: what is measured is not cut off",
    tolerance=math.inf,
    controls=[
        broken("A scan that begins too low finds its own beginning.", squared_start=4.0, runs=16),
    ],
)
def no_search_ends_at_an_end_of_its_scan(run: Rated, config: Config) -> Evidence:
    """The largest rates lie within what was tried, in every run, at every shape."""
    return counts(run.at_ends, 0)


FAST_INPUTS = broken(
    "Condition (ii) reversed: the input layer is trained fastest and decides alone.",
    input_rate=30.0,
    runs=32,
)


@claim(
    find_rates,
    kind="exponent",
    source="the paper's main observation; exponent derived",
    tolerance=0.7,
    controls=[
        FAST_INPUTS,
        rival("Rival: the root of it.", share=0.5),
    ],
)
def squared_loss_follows_a_power_of_depth_times_width(
    run: Rated, config: Config, share: float = 1.0
) -> Evidence:
    r"""With squared loss the largest rate is a power of depth times width,
    $\eta^*\sim(Ln)^{-1}$, the inverse of the mean sharpness.
    """
    logs, shapes = rates_and_shapes(run, config, "squared")
    predicted = theory.product_exponent(shapes, theory.log_rate(*np.array(shapes).T))
    return equals(
        theory.product_exponent(shapes, logs), share * predicted, margin=theory.BETWEEN_LAWS
    )


@claim(
    find_rates,
    kind="exponent",
    source="derived; Haas et al. 2025",
    tolerance=0.6,
    controls=[
        FAST_INPUTS,
        rival(
            "Rival: the law of the other loss.",
            exponent=theory.WIDTH_EXPONENTS["cross_entropy"],
        ),
    ],
)
def squared_loss_falls_like_the_width(
    run: Rated, config: Config, exponent: float = theory.WIDTH_EXPONENTS["squared"]
) -> Evidence:
    r"""With squared loss residuals grow with the outputs, and at fixed depth $\eta^*\sim n^{-1}$,
    up to what $\frac52L/n$ in its logarithm adds at these widths.
    """
    logs, shapes = rates_and_shapes(run, config, "squared")
    finite_width = theory.exponents(shapes, theory.jensen_gap(*np.array(shapes).T))[1]
    return equals(
        theory.exponents(shapes, logs)[:, 1],
        exponent + finite_width,
        margin=theory.BETWEEN_LAWS,
    )


@claim(
    find_rates,
    kind="exponent",
    source="derived; Haas et al. 2025",
    tolerance=1.0,
    controls=[
        rival("Rival: the law of the other loss.", exponent=theory.WIDTH_EXPONENTS["squared"]),
        rival("The squared loss: its residuals are not bounded.", loss="squared"),
    ],
)
def cross_entropy_falls_like_the_root_of_the_width(
    run: Rated,
    config: Config,
    exponent: float = theory.WIDTH_EXPONENTS["cross_entropy"],
    loss: Loss = "cross_entropy",
) -> Evidence:
    r"""With cross-entropy residuals are bounded, outputs may grow, and at fixed depth
    $\eta^*\sim n^{-1/2}$.
    """
    logs, shapes = rates_and_shapes(run, config, loss)
    return equals(theory.exponents(shapes, logs)[:, 1], exponent, margin=theory.BETWEEN_LAWS)


def width_shares(run: Rated, config: Config, loss: Loss) -> tuple[np.ndarray, list[str]]:
    """The share of the width in the law, from each pair of equal products, and their names."""
    logs, shapes = rates_and_shapes(run, config, loss)
    pairs = interchanges(shapes)
    ratios = np.stack([logs[:, deep] - logs[:, wide] for wide, deep in pairs], axis=1)
    names = [f"{shapes[deep]} for {shapes[wide]}" for wide, deep in pairs]
    return theory.width_share(ratios), names


@claim(
    find_rates,
    kind="bound",
    source="the paper's main observation",
    tolerance=1.0,
    controls=[
        rival("Cross-entropy: its residuals are bounded.", loss="cross_entropy"),
        rival("Rival: depth does not matter.", share=2.0),
    ],
)
def equal_products_are_equally_trainable(
    run: Rated, config: Config, loss: Loss = "squared", share: float = theory.DEPTH_TIMES_WIDTH
) -> Evidence:
    r"""With squared loss, what is twice as deep and half as wide trains at no smaller rate: in
    $\eta^*\sim1/(Ln^b)$, from $\eta^*(2L,n)/\eta^*(L,2n)=2^{b-1}$, the width has a share $b\ge1$.
    """
    shares, names = width_shares(run, config, loss)
    return at_least(shares, share).named(*names)


@claim(
    find_rates,
    kind="bound",
    source="the paper's main observation, for cross-entropy",
    tolerance=math.inf,
    controls=[rival("The squared loss: its residuals grow with the outputs.", loss="squared")],
    expect="refuted",
    reason="Bounded residuals let outputs grow; what limits the rate is then the relative change "
    "of the weights, which compounds over the layers but grows like the root of the width only. "
    "At the narrow shapes tested here the law is close to L times the root of n.",
)
def cross_entropy_depends_on_the_product_alone(
    run: Rated, config: Config, loss: Loss = "cross_entropy"
) -> Evidence:
    r"""With cross-entropy, too, what is twice as deep and half as wide trains at no smaller rate:
    in $\eta^*\sim1/(Ln^b)$ the width has a share $b\ge1$.
    """
    shares, names = width_shares(run, config, loss)
    return at_least(shares, theory.DEPTH_TIMES_WIDTH).named(*names)


# ---------------------------------------------------------------- beside the sharpness


class Sharp(NamedTuple):
    """Largest rates beside the sharpness at initialization, network by network."""

    log_rates: Float[Recorded, "runs losses depths"]
    """Squared loss first, then cross-entropy."""
    hessian: Float[Recorded, "runs losses depths"]
    """Largest eigenvalue of the Hessian, in the metric of the layers' rates."""
    gauss_newton: Float[Recorded, "runs depths"]
    """The same of its Gauss-Newton part, with squared loss."""


LOSSES: tuple[Loss, ...] = ("squared", "cross_entropy")


@jax.jit
def sharpnesses(
    networks: Network,
    depth: Array,
    inputs: Array,
    targets: Array,
    cross_entropy: Array,
    relative: Rates,
    whole: Array,
) -> Array:
    """Largest eigenvalue of the Hessian of each network, or of its Gauss-Newton part.

    Descent with rates relative to each other is plain descent in coordinates stretched by their
    roots; the eigenvalues are those in these coordinates.
    """

    def loss(outputs: Array) -> Array:
        return loss_of(outputs, targets, cross_entropy)

    def stretched(network: Network) -> Network:
        return Network(
            *(jnp.sqrt(rate) * layers for rate, layers in zip(relative, network, strict=True))
        )

    def one(network: Network) -> Array:
        def gradient(network: Network) -> Network:
            return constant_width.gradient(network, depth, inputs, loss)

        def outputs_of(network: Network) -> Array:
            return constant_width.outputs_of(network, depth, inputs)

        def gauss_newton(direction: Network) -> Network:
            outputs, moved = jax.jvp(outputs_of, (network,), (direction,))
            errors = hessian_product(jax.grad(loss), outputs)(moved)
            return constant_width.gradient(
                network, depth, inputs, lambda outputs: jnp.sum(outputs * errors)
            )

        def product(direction: Network) -> Network:
            # Not in a batch: only what is asked for is computed.
            moved = jax.lax.cond(
                whole, hessian_product(gradient, network), gauss_newton, stretched(direction)
            )
            return stretched(moved)

        return largest_eigenvalue(product, stretched(gradient(network)), products=PRODUCTS)

    return jax.lax.map(one, networks)


@measurement
def find_rates_and_sharpness(config: Config, key: PRNGKeyArray) -> Sharp:
    """Search at two depths of one width, and compute the sharpness of the same networks."""
    generator, runs = randomness.generator(key), config.sharp_runs
    data = load(config.images, config.samples)
    relative = (
        Rates(config.input_rate, 1.0, 1.0) if config.trained == "all" else Rates(0.0, 0.0, 1.0)
    )
    singles = Rates(*(jnp.asarray(rate, jnp.float32) for rate in relative))
    rates = np.empty((runs, len(LOSSES), len(config.sharp_depths)))
    hessian, gauss_newton = np.empty_like(rates), np.empty_like(rates[:, 0])
    for column, depth in enumerate(config.sharp_depths):
        shape = depth, config.sharp_width
        networks = sample(generator, runs, shape, config, room_of(config))

        def eigenvalues(loss: Loss, whole: bool, depth: int, networks: Network) -> np.ndarray:
            chunks = [
                sharpnesses(
                    Network(*(layers[at : at + CHUNK] for layers in networks)),
                    depth,
                    *data,
                    loss == "cross_entropy",
                    singles,
                    whole,
                )
                for at in range(0, runs, CHUNK)
            ]
            return np.concatenate(chunks)

        for row, loss in enumerate(LOSSES):
            found = search(generator, networks, shape, loss, config, relative)
            rates[:, row, column] = found.log_rates
            hessian[:, row, column] = eigenvalues(loss, True, depth, networks)
        gauss_newton[:, column] = eigenvalues("squared", False, depth, networks)
    return Sharp(rates, hessian, gauss_newton)


QUADRATIC = broken(
    "The readout alone is trained: the squared loss is a quadratic.",
    trained="readout",
    sharp_runs=32,
)


def pairs_of(config: Config) -> list[str]:
    """Names of losses and depths."""
    return [
        f"{loss.replace('_', '-')}, L = {depth}" for loss in LOSSES for depth in config.sharp_depths
    ]


@claim(
    find_rates_and_sharpness,
    kind="value",
    source="derived: what the kernel says of the Hessian",
    tolerance=0.6,
    controls=[rival("Rival: the residuals' part is as large again.", predicted=2.0)],
)
def the_hessian_is_its_gauss_newton_part(
    run: Sharp, config: Config, predicted: float = 1.0
) -> Evidence:
    r"""With squared loss the Hessian's largest eigenvalue at initialization is that of its
    Gauss-Newton part, up to a share of order $5L/n$.
    """
    ratios = np.asarray(run.hessian[:, 0] / run.gauss_newton)
    margin = theory.log_variance(np.array(config.sharp_depths), config.sharp_width)
    evidence = equals(ratios, predicted, margin=margin)
    return evidence.named(*(f"L = {depth}" for depth in config.sharp_depths))


@claim(
    find_rates_and_sharpness,
    kind="bound",
    source="the paper: not the classical limit; 4 is that of catapults",
    tolerance=math.inf,
    controls=[QUADRATIC],
)
def rates_exceed_the_limits_of_the_sharpness(run: Sharp, config: Config) -> Evidence:
    r"""The largest initial rate is no limit of a quadratic, $\eta^*\lambda_1=2$, nor of the
    catapults of linear networks: $\eta^*\lambda_1>4$ with either loss.
    """
    products = np.exp(run.log_rates) * run.hessian
    evidence = at_least(products.reshape(len(products), -1), theory.CATAPULT_LIMIT)
    return evidence.named(*pairs_of(config))


@claim(
    find_rates_and_sharpness,
    kind="order",
    source="the paper: related closely, not inversely",
    tolerance=4.0,
    controls=[QUADRATIC],
)
def rates_are_not_inverse_to_the_sharpness(run: Sharp, config: Config) -> Evidence:
    r"""An inverse law $\eta^*=c/\lambda_1$ misses, even with squared loss: from depth 3 to 6 the
    product $\eta^*\lambda_1$ grows by more than the step of the scan, a factor of $1.25$.
    """
    products = run.log_rates[:, 0] + np.log(run.hessian[:, 0])
    return ordered(products[:, 0], products[:, 1], effect=math.log(config.scan_factor))


# ---------------------------------------------------------------- two hidden layers


class Shallow(NamedTuple):
    """Largest rates with squared loss at a depth below the fits and at their least depth."""

    log_rates: Float[Recorded, "runs 2"]


@measurement
def find_rates_of_shallow_networks(config: Config, key: PRNGKeyArray) -> Shallow:
    """Search at two depths of one width."""
    generator, relative = randomness.generator(key), Rates(config.input_rate, 1.0, 1.0)
    columns = []
    for depth in (config.shallow_depth, LEAST_DEPTH):
        shape = depth, config.shallow_width
        networks = sample(generator, config.shallow_runs, shape, config, room_of(config))
        found = search(generator, networks, shape, "squared", config, relative)
        columns.append(found.log_rates)
    return Shallow(np.stack(columns, axis=1))


@claim(
    find_rates_of_shallow_networks,
    kind="order",
    source="derived from a pilot: the law's lower end in depth",
    tolerance=4.0,
    controls=[broken("Four hidden layers are like three.", shallow_depth=4)],
)
def two_hidden_layers_are_an_exception(run: Shallow, config: Config) -> Evidence:
    r"""With squared loss and two hidden layers the largest rate is above the law: $\eta^*Ln$
    exceeds that of three layers by more than two steps of the scan, a factor of $1.25^2$.
    """
    depths = np.array([config.shallow_depth, LEAST_DEPTH])
    scaled = run.log_rates + np.log(theory.squared_gradient(depths, config.shallow_width))
    return ordered(scaled[:, 1], scaled[:, 0], effect=2 * math.log(config.scan_factor))


# ---------------------------------------------------------------- the figure


SHOWN = {"squared": "squared loss", "cross_entropy": "cross-entropy"}
MARKERS = "os^Dv"


def draw(runs: Runs, config: Config) -> Figure:
    """Largest rates against both products; sharpness before training; rate times sharpness."""
    figure = Figure(figsize=(10, 7))
    axes = figure.subplots(2, 2)
    draw_rates(axes[0, 0], runs, config, "Ln", 1.0)
    draw_rates(axes[0, 1], runs, config, "L\\sqrt{n}", 0.5)
    draw_sharpness(axes[1, 0], runs[initialize], config)
    draw_products(axes[1, 1], runs[find_rates_and_sharpness], config)
    return figure


def draw_rates(axes: Axes, runs: Runs, config: Config, name: str, share: float) -> None:
    """Largest rates against depth times a power of width, both losses, and the law's slope."""
    for colour, loss in enumerate(LOSSES):
        logs, shapes = rates_and_shapes(runs[find_rates], config, loss)
        depths, widths = np.array(shapes, float).T
        products, rates = depths * widths**share, logs.mean(axis=0)
        for marker, depth in zip(MARKERS, np.unique(depths), strict=False):
            here = depths == depth
            axes.plot(
                products[here], np.exp(rates[here]), marker, color=f"C{colour}", markersize=5,
                label=f"{SHOWN[loss]}, $L={depth:.0f}$",
            )  # fmt: skip
        # A line of slope -1 through the middle of the points.
        ends = np.array([products.min() / 1.15, products.max() * 1.15])
        middle = np.mean(rates + np.log(products))
        label = rf"$\eta^\ast\propto({name})^{{-1}}$" if colour else None
        axes.plot(ends, np.exp(middle) / ends, **PREDICTED, label=label)
    shallow = runs[find_rates_of_shallow_networks].log_rates[:, 0].mean()
    axes.plot(
        config.shallow_depth * config.shallow_width**share, np.exp(shallow), "x", color="C0",
        label=f"{SHOWN['squared']}, $L={config.shallow_depth}$: not fitted",
    )  # fmt: skip
    axes.set_title(f"Largest rates against ${name}$")
    axes.set(xscale="log", yscale="log", xlabel=f"${name}$", ylabel=r"largest rate $\eta^\ast$")
    low, high = axes.get_xlim()
    ticks = [tick for tick in (10, 20, 30, 50, 100, 200, 500, 1000, 2000) if low < tick < high]
    axes.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    # Room for the legend above the points.
    axes.set_ylim(top=axes.get_ylim()[1] * 6)
    axes.legend(fontsize=7.5, loc="upper right", ncols=2)


def draw_sharpness(axes: Axes, run: Initial, config: Config) -> None:
    """Sharpness over depth times width at all shapes, its limit and its bound."""
    inputs = load(config.images, config.samples).inputs.astype(float)
    depth, width = config.initial_depths[0], config.initial_width
    at_depths = [(depth, width) for depth in config.initial_depths]
    at_widths = [(depth, width) for width in config.initial_widths]
    for colour, (name, shapes, values) in enumerate(
        (
            (f"$n={width}$", at_depths, run.sharpness),
            (f"$L={depth}$", at_widths, run.sharpness_by_width),
        )
    ):
        depths, widths = np.array(shapes).T
        shares = np.asarray(values / theory.squared_gradient(depths, widths))
        axes.errorbar(
            depths / widths, shares.mean(axis=0), shares.std(axis=0), fmt=MARKERS[colour],
            capsize=2, color=f"C{colour}", markersize=5,
            label=f"networks with {name}: mean, spread",
        )  # fmt: skip
        limits = [theory.sharpness(inputs, layers, 1) / layers for layers, _ in shapes]
        axes.plot(depths / widths, limits, "k_", markersize=12, markeredgewidth=1.6)
    axes.plot([], [], "k_", markersize=12, markeredgewidth=1.6, label="tangent kernel")
    axes.axhline(1.0, **PREDICTED, label="bound on the mean")
    axes.set_title("Sharpness before training")
    axes.set(ylim=(0, 1.5), xlabel="$L/n$", ylabel=r"sharpness $\lambda_1\,/\,(Ln)$")
    axes.legend(fontsize=7.5, loc="upper left", ncols=2)


def draw_products(axes: Axes, run: Sharp, config: Config) -> None:
    """Rate times sharpness of every network, and the classical limit."""
    products = np.exp(run.log_rates) * run.hessian
    bins = np.geomspace(1.0, products.max() * 1.1, 50)
    for colour, loss in enumerate(LOSSES):
        for column, depth in enumerate(config.sharp_depths):
            axes.hist(
                products[:, colour, column], bins.tolist(), color=f"C{colour}", histtype="step",
                linestyle=("-", ":")[column], linewidth=1.6, label=f"{SHOWN[loss]}, $L={depth}$",
            )  # fmt: skip
    axes.axvline(theory.QUADRATIC_LIMIT, **PREDICTED, label="limit of a quadratic: 2")
    axes.set_title(f"Rate times sharpness, $n={config.sharp_width}$")
    axes.set(xscale="log", xlabel=r"$\eta^\ast\lambda_1$", ylabel="networks")
    axes.legend(fontsize=7.5, loc="upper left", bbox_to_anchor=(0.19, 1.0))


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
