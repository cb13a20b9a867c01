r"""Softened gates in the backward pass: what a pullback is, and what it shows.

The gradient of a ReLU network passes only through active units, however weakly they are active.
The paper leaves the forward pass as it is and lets the backward pass through every unit with the
gate $s(z/T)$, $s$ the logistic function, $z$ the pre-activation, $T$ a temperature. What comes out
at the input, the *excitation pullback* $v_T$, looks more like the data than the gradient does. Here
is what it is, exactly, and how much of the effect small networks on digits have.

- $v_T$ runs from the **gradient** ($T\to0$, exponentially fast) to a **linear network** that knows
  nothing of the input ($T\to\infty$, like $1/T$). In between it is a sum over paths.
- With one hidden layer it is the gradient of a softplus network; with more layers it is **no
  gradient** of anything: its Jacobian is not symmetric. So it can be a gradient of a kernel machine
  in approximation only.
- The gradient **jumps** at every kink, $v_T$ is continuous.
- On digits $v_T$ points **more along the difference of class means** than the gradient does. Most
  of that is in the linear limit already. The best temperatures have a bit more, in networks without
  batch normalization; with it, as most networks have that the paper looks at, they do not.
- **Strongly excited units keep their state** in the second half of training, as the paper's
  hypothesis says. (Any small change of weights would do that; for other units it does not hold.)

Human eyes are the paper's measure of what looks like data. There are none here, and no ImageNet.
Images are fixed, repetitions are networks. Temperatures are in units of the standard deviation of a
layer's pre-activations where networks are trained.

Maciej Satkiewicz: *Tapping into the Black Box: Uncovering Aligned Representations in Pretrained
Neural Networks*, 2025, arXiv:2507.22832.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import expit

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, at_least, at_most, identity, ordered, scales_as
from harness.errors import require
from harness.style import PREDICTED
from instruments import handwritten_digits
from instruments.image_classifiers import Classifier, Trained, start_and_train
from instruments.randomness import generator
from theory.geometry import excitation_pullbacks as theory

ROUNDING = 1e-11
"""Of products and sums of a few hundred numbers in double precision, and some more."""
WARM = np.array([1e2, 1e3, 1e4, 1e5])
"""Temperatures in the warm limit, where pre-activations are of order one."""
STEPS = np.array([1e-5, 1e-6, 1e-7, 1e-8])
"""Distances from a kink."""
CLASSES = 10
DECILES = 10
TEMPERATURES = np.array([0, 0.1, 0.2, 0.3, 0.5, 1, 2, 4, 10, np.inf])
"""In units of a layer's standard deviation; the gradient first, the linear limit last."""
SOFT = int(np.flatnonzero(TEMPERATURES == 2)[0])
"""The temperature that claims on digits are about, near the best one."""


@dataclass(frozen=True)
class Config:
    """Parameters of random networks, of trained ones, and of the images."""

    networks: int = 40
    """Random networks, with a random input each."""
    inputs: int = 8
    """Of random networks."""
    width: int = 32
    """Units of each layer of random networks."""
    depth: int = 3
    """Layers of random networks in the limits and at kinks."""
    coldness: float = 40.0
    """Smallest |z| of a network in units of the temperature, in the cold limit."""
    path_width: int = 3
    """Units of each layer where paths are added up one by one."""
    temperature: float = 0.3
    """Of pullbacks on random networks, the default of the paper's code."""
    potential_depth: int = 1
    """Layers of networks whose pullback is to be a gradient."""
    curl_depths: tuple[int, ...] = (2,)
    """Layers of networks whose pullback is to be none."""
    forward: Literal["relu", "softplus"] = "relu"
    """Units of the forward pass in these."""
    offset: float = 0.0
    """How far beside the kink the point between both sides is, in units of the distance."""
    kink_temperature: float = 0.3
    """Of pullbacks across kinks."""

    data: Literal["digits", "mnist"] = "digits"
    """Images of 8 by 8 or of 28 by 28 pixels."""
    training_images: int = 1000
    """Images trained on, the first ones."""
    test_images: int = 200
    """Images after them at which pullbacks are taken."""
    units: int = 32
    """Units of each layer of trained networks."""
    depths: tuple[int, ...] = (3,)
    """Layers of trained networks, the claims' last."""
    runs: int = 80
    """Networks trained in each way, from starts of their own."""
    steps: int = 150
    """Steps of Adam."""
    batch: int = 64
    """Images in a step."""
    learning_rate: float = 0.003
    """Of Adam."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            if name not in ("offset", "kink_temperature"):
                for number in value if isinstance(value, tuple) else (value,):
                    require(isinstance(number, str) or number > 0, f"{name} must be above zero")
        require(self.networks > 1, "networks must be at least 2")
        require(self.runs > 1, "runs must be at least 2")
        require(self.path_width**self.depth <= 1000, "path_width ** depth must be at most 1000")
        require(self.kink_temperature >= 0, "kink_temperature must not be negative")
        states = self.test_images * self.units
        require(states % DECILES == 0, "test_images * units must be a multiple of 10")


SIZES = {
    "ci": Config(),
    "figure": Config(
        networks=50,
        curl_depths=(2, 4, 8),
        data="mnist",
        training_images=3000,
        units=64,
        depths=(1, 5, 3),
        runs=24,
        steps=400,
    ),
    "paper": Config(
        networks=200,
        width=64,
        curl_depths=(2, 4, 8, 16),
        data="mnist",
        training_images=4000,
        test_images=1000,
        units=128,
        depths=(1, 5, 3),
        runs=40,
        steps=3000,
    ),
}

Generator = np.random.Generator


# ---------------------------------------------------------------- pullbacks


def passes(
    network: Classifier, image: Float[Array, " inputs"], temperature: Float[Array, ""] | None = None
) -> list[Float[Array, " units"]]:
    """Pre-activations of all layers; with a temperature the units are softplus, not ReLU."""
    before, x = [], image
    for layer, matrix in enumerate([network.first, *network.later]):
        before.append(network.scales[layer] * (x @ matrix) + network.biases[layer])
        if temperature is None:
            x = jax.nn.relu(before[-1])
        else:
            x = temperature * jax.nn.softplus(before[-1] / temperature)
    return before


def back(
    network: Classifier,
    before: list[Float[Array, " units"]],
    temperatures: Float[Array, " depth"],
    direction: Float[Array, " classes"],
) -> Float[Array, " inputs"]:
    """Back-propagation through gates of given pre-activations; steps at temperature zero.

    Args:
        network: one network.
        before: pre-activations of all layers.
        temperatures: of each layer.
        direction: of the outputs.
    """
    signal = network.readout @ direction
    for layer, matrix in reversed(list(enumerate([network.first, *network.later]))):
        z, temperature = before[layer], temperatures[layer]
        soft = jax.nn.sigmoid(z / jnp.where(temperature > 0, temperature, 1))
        gates = jnp.where(temperature > 0, soft, z > 0)
        signal = matrix @ (network.scales[layer] * gates * signal)
    return signal


def pullback(
    network: Classifier,
    image: Float[Array, " inputs"],
    temperatures: Float[Array, " depth"],
    direction: Float[Array, " classes"],
) -> Float[Array, " inputs"]:
    """The excitation pullback of outputs in a direction; the gradient at temperature zero."""
    return back(network, passes(network, image), temperatures, direction)


class Drawn(NamedTuple):
    """Random networks of one output, stacked, and an input for each."""

    networks: Classifier
    images: Float[Array, "networks inputs"]

    def parts(self, number: int) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
        """Weights, biases and readout of one network."""
        one = jax.tree.map(lambda part: np.asarray(part[number]), self.networks)
        return [one.first, *one.later], [*one.biases], one.readout[:, 0]


def draw_networks(rng: Generator, config: Config, depth: int, width: int) -> Drawn:
    """He's weights, and biases of half a standard deviation."""
    number, inputs = config.networks, config.inputs
    parts = (
        rng.normal(size=(number, inputs, width)) * np.sqrt(2 / inputs),
        rng.normal(size=(number, depth - 1, width, width)) * np.sqrt(2 / width),
        np.ones((number, depth, width)),
        0.5 * rng.normal(size=(number, depth, width)),
        rng.normal(size=(number, width, 1)) / np.sqrt(width),
    )
    networks = Classifier(*(jnp.asarray(part) for part in parts))
    return Drawn(networks, jnp.asarray(rng.normal(size=(number, inputs))))


@jax.jit
def pull(
    networks: Classifier, images: Array, temperatures: Array
) -> Float[Array, "networks temperatures inputs"]:
    """Pullbacks of networks of one output, each at an image and at temperatures of its own."""

    def one(network: Classifier, image: Array, temperature: Array) -> Array:
        depth = len(network.scales)
        return pullback(network, image, jnp.full(depth, temperature), jnp.ones(1))

    return jax.vmap(jax.vmap(one, (None, None, 0)))(networks, images, temperatures)


@jax.jit
def differentiate(
    networks: Classifier, images: Array
) -> tuple[Float[Array, " networks"], Float[Array, "networks inputs"]]:
    """Outputs and gradients of networks of one output, by automatic differentiation."""

    def output(network: Classifier, image: Array) -> Array:
        return jax.nn.relu(passes(network, image)[-1]) @ network.readout[:, 0]

    return jax.vmap(jax.value_and_grad(output, 1))(networks, images)


# ---------------------------------------------------------------- limits and paths


class Limits(NamedTuple):
    """Pullbacks of random networks."""

    cold: Float[Recorded, "networks inputs"]
    """Far below the smallest pre-activation."""
    gradient: Float[Recorded, "networks inputs"]
    """By automatic differentiation of the network."""
    from_limit: Float[Recorded, "networks temperatures"]
    """Distance from the linear limit."""
    leading: Float[Recorded, " networks"]
    """What this distance is times the temperature, at leading order, as predicted."""


@measurement
def take_limits(config: Config, key: PRNGKeyArray) -> Limits:
    """Draw networks and take pullbacks at low and at high temperatures."""
    drawn = draw_networks(generator(key), config, config.depth, config.width)
    parts = [drawn.parts(number) for number in range(config.networks)]
    pairs = list(zip(parts, np.asarray(drawn.images), strict=True))
    margin = [np.min(np.abs(theory.preactivations(w, b, x))) for (w, b, _), x in pairs]
    limits = np.array([theory.linear_limit(w, a) for w, _, a in parts])
    leading = [theory.leading_deviation(*part, x) for part, x in pairs]
    cold = np.array(margin)[:, None] / config.coldness
    temperatures = np.concatenate([cold, np.tile(WARM, (config.networks, 1))], axis=1)
    found = np.asarray(pull(*drawn, jnp.asarray(temperatures)))
    return Limits(
        found[:, 0],
        np.asarray(differentiate(*drawn)[1]),
        np.linalg.norm(found[:, 1:] - limits[:, None], axis=-1),
        np.linalg.norm(leading, axis=-1),
    )


@claim(
    take_limits,
    kind="identity",
    source="derived",
    tolerance=1e-9,
    controls=[broken("A temperature at which weak units are half open.", coldness=2.0)],
)
def cold_pullbacks_are_gradients(run: Limits, config: Config) -> Evidence:
    r"""$v_T\to\nabla f$ like $e^{-m/T}$, $m$ the smallest $|z|$: at $T=m/40$ they are equal."""
    return identity(run.cold, run.gradient, rounding=ROUNDING)


@claim(
    take_limits,
    kind="exponent",
    source="derived",
    tolerance=0.05,
    controls=[rival("Rival: the linear limit is approached like $1/T^2$.", exponent=-2.0)],
)
def warm_pullbacks_forget_the_input(
    run: Limits, config: Config, exponent: float = -1.0
) -> Evidence:
    r"""$v_T\to v_\infty=2^{-L}W_1\cdots W_La$, the same for all inputs, and
    $|v_T-v_\infty|\propto1/T$.
    """
    return scales_as(WARM, run.from_limit, exponent, margin=0.02)


class Paths(NamedTuple):
    """Small networks in which all paths can be followed."""

    found: Float[Recorded, "networks inputs_and_output"]
    """Pullback, and the output."""
    soft: Float[Recorded, "networks inputs_and_output"]
    """The same from sums over paths, soft gates for the pullback, hard ones for the output."""
    hard: Float[Recorded, "networks inputs_and_output"]
    """With hard gates for both."""


@measurement
def follow_paths(config: Config, key: PRNGKeyArray) -> Paths:
    """Draw small networks."""
    drawn = draw_networks(generator(key), config, config.depth, config.path_width)
    temperature = config.temperature
    vectors = pull(*drawn, jnp.full((config.networks, 1), temperature))[:, 0]
    outputs, _ = differentiate(*drawn)
    soft, hard = list[list[float]](), list[list[float]]()
    for number, x in enumerate(np.asarray(drawn.images)):
        weights, biases, readout = drawn.parts(number)
        before = theory.preactivations(weights, biases, x)
        output = theory.output_over_paths(weights, biases, readout, x)
        for rows, gates in (
            (soft, [expit(z / temperature) for z in before]),
            (hard, [np.where(z > 0, 1.0, 0.0) for z in before]),
        ):
            rows.append([*theory.sum_over_paths(weights, gates, readout), output])
    found = np.column_stack([vectors, outputs])
    return Paths(found, np.array(soft), np.array(hard))


@claim(
    follow_paths,
    kind="identity",
    source="the paper's reading; derived",
    tolerance=1e-9,
    controls=[rival("Rival: the same sum with hard gates.", gates="hard")],
)
def pullbacks_are_sums_over_paths(
    run: Paths, config: Config, gates: Literal["soft", "hard"] = "soft"
) -> Evidence:
    r"""$v_T=\sum_{\text{paths}}\prod s(z/T)\prod w$; with hard gates and paths that start in inputs
    and biases the same sum is $f$.
    """
    return identity(run.found, run.soft if gates == "soft" else run.hard, rounding=ROUNDING)


# ---------------------------------------------------------------- potentials


class Potentials(NamedTuple):
    """Pullbacks as vector fields."""

    found: Float[Recorded, "networks inputs"]
    """Of networks whose pullback is to be a gradient."""
    gradient: Float[Recorded, "networks inputs"]
    """Of the softplus network with the same weights, as predicted."""
    curl: Float[Recorded, "networks depths"]
    """Antisymmetric part of the Jacobian over the symmetric one, in Frobenius norm."""


@partial(jax.jit, static_argnames="smooth")
def jacobians(
    networks: Classifier, images: Array, temperature: Array, *, smooth: bool
) -> Float[Array, "networks inputs inputs"]:
    """Derivatives of the pullback by the input; of the softplus network's gradient if smooth."""

    def field(image: Array, network: Classifier) -> Array:
        before = passes(network, image, temperature if smooth else None)
        temperatures = jnp.full(len(before), temperature)
        return back(network, before, temperatures, jnp.ones(1))

    return jax.vmap(jax.jacfwd(field))(images, networks)


@measurement
def look_for_potentials(config: Config, key: PRNGKeyArray) -> Potentials:
    """Draw networks of several depths, and differentiate their pullbacks."""
    rng = generator(key)
    temperature = config.temperature
    drawn = draw_networks(rng, config, config.potential_depth, config.width)
    found = pull(*drawn, jnp.full((config.networks, 1), temperature))[:, 0]
    gradient = [
        theory.softplus_gradient(*drawn.parts(number), x, temperature)
        for number, x in enumerate(np.asarray(drawn.images))
    ]
    curls = []
    for depth in config.curl_depths:
        deep = draw_networks(rng, config, depth, config.width)
        jacobian = np.asarray(
            jacobians(*deep, jnp.asarray(temperature), smooth=config.forward == "softplus")
        )
        turned = jacobian.swapaxes(1, 2)
        parts = [
            np.linalg.norm(part, axis=(1, 2)) for part in (jacobian - turned, jacobian + turned)
        ]
        curls.append(parts[0] / parts[1])
    return Potentials(np.asarray(found), np.array(gradient), np.stack(curls, axis=1))


@claim(
    look_for_potentials,
    kind="identity",
    source="derived",
    tolerance=1e-9,
    controls=[broken("Two hidden layers.", potential_depth=2)],
)
def one_hidden_layer_has_a_potential(run: Potentials, config: Config) -> Evidence:
    r"""With one hidden layer $v_T=\nabla\sum_ia_iT\log(1+e^{z_i/T})$: the gradient of a softplus
    network with the same weights.
    """
    return identity(run.found, run.gradient, rounding=ROUNDING)


@claim(
    look_for_potentials,
    kind="bound",
    source="derived, of the paper's reading as gradients of a kernel machine",
    tolerance=8.0,
    controls=[
        broken("One hidden layer.", curl_depths=(1,)),
        broken("Softplus units in the forward pass too.", forward="softplus"),
    ],
)
def deeper_pullbacks_are_gradients_of_nothing(run: Potentials, config: Config) -> Evidence:
    r"""With two layers and more the Jacobian $J$ of $v_T$ is not symmetric: at random inputs of
    random networks $|J-J^\top|/|J+J^\top|$ is $0.02$ at least on average, $T=0.3$.
    """
    names = (f"{depth} layers" for depth in config.curl_depths)
    return at_least(run.curl, 0.02).named(*names)


# ---------------------------------------------------------------- kinks


class Kinks(NamedTuple):
    """Both sides of a kink of the first layer."""

    jump: Float[Recorded, "networks inputs"]
    """Of the gradient, at the smallest distance."""
    predicted: Float[Recorded, "networks inputs"]
    """The same from the weights."""
    gradient: Float[Recorded, "networks distances"]
    """How far gradients on both sides differ."""
    pullback: Float[Recorded, "networks distances"]
    """How far pullbacks do."""


@measurement
def cross_kinks(config: Config, key: PRNGKeyArray) -> Kinks:
    """Go from a random input along a random line to the nearest kink of a unit of layer one."""
    rng = generator(key)
    drawn = draw_networks(rng, config, config.depth, config.width)
    networks, images = jax.tree.map(np.asarray, drawn)
    lines = rng.normal(size=images.shape)
    values = np.einsum("ni,niu->nu", images, networks.first) + networks.biases[:, 0]
    slopes = np.einsum("ni,niu->nu", lines, networks.first)
    units = np.argmin(np.abs(values / slopes), axis=1)
    rows = np.arange(config.networks)
    kinks = images - (values / slopes)[rows, units][:, None] * lines
    # Walk so that the unit switches on.
    lines *= np.sign(slopes[rows, units])[:, None]
    predicted = [
        theory.jump_at_kink(*drawn.parts(number), kinks[number], int(unit))
        for number, unit in enumerate(units)
    ]
    both = np.tile([0, config.kink_temperature], (config.networks, 1))
    across = []
    for step in STEPS:
        after, before = (
            np.asarray(pull(networks, kinks + step * (config.offset + side) * lines, both))
            for side in (1, -1)
        )
        across.append(after - before)
    differences = np.array(across)
    sizes = np.linalg.norm(differences, axis=-1)
    return Kinks(differences[-1, :, 0], np.array(predicted), sizes[..., 0].T, sizes[..., 1].T)


@claim(
    cross_kinks,
    kind="identity",
    source="derived",
    tolerance=1e-9,
    controls=[broken("Both sides on one side of the kink.", offset=10.0)],
)
def gradients_jump_at_kinks(run: Kinks, config: Config) -> Evidence:
    r"""Where unit $i$ of the first layer switches on, $\nabla f$ jumps by its weights times the
    signal back-propagated to it.
    """
    return identity(run.jump, run.predicted, rounding=ROUNDING)


@claim(
    cross_kinks,
    kind="exponent",
    source="derived",
    tolerance=0.1,
    controls=[broken("Hard gates: the gradient.", kink_temperature=0.0)],
)
def pullbacks_cross_kinks_continuously(run: Kinks, config: Config) -> Evidence:
    r"""Across the same kinks $v_T$ changes in proportion to the distance, $T=0.3$."""
    return scales_as(STEPS, run.pullback, 1.0, margin=0.05)


# ---------------------------------------------------------------- digits


class Images(NamedTuple):
    """Images as rows, whose pixels have mean square one."""

    seen: Float[np.ndarray, "n pixels"]
    labels: Int[np.ndarray, " n"]
    new: Float[np.ndarray, "k pixels"]
    answers: Int[np.ndarray, " k"]


def load(config: Config) -> Images:
    """The first images to train on, those after them to test."""
    digits = handwritten_digits.SETS[config.data]()
    rows, labels = digits.scaled(), digits.labels
    start, end = config.training_images, config.training_images + config.test_images
    return Images(rows[:start], labels[:start], rows[start:end], labels[start:end])


class Question(NamedTuple):
    """What is asked of each network."""

    seen: Float[Array, "n pixels"]
    """Training images, which give the units of temperature."""
    new: Float[Array, "k pixels"]
    """Test images."""
    answers: Int[Array, " k"]
    """Their classes."""
    directions: Float[Array, "k classes"]
    """Output of another class less that of the image's own."""
    along: Float[Array, "k pixels"]
    """Mean image of the other class less that of the own, in length one."""


def ask(images: Images) -> Question:
    """Every image of a class is turned to each other class as often as to the next."""
    seen, labels, new, answers = images
    other = (answers + 1 + np.arange(len(answers)) % (CLASSES - 1)) % CLASSES
    means = np.array([seen[labels == digit].mean(axis=0) for digit in range(CLASSES)])
    along = means[other] - means[answers]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    directions = np.eye(CLASSES)[other] - np.eye(CLASSES)[answers]
    single = (jnp.asarray(part, jnp.float32) for part in (seen, new, directions, along))
    rows, test, outputs, pixels = single
    return Question(rows, test, jnp.asarray(answers), outputs, pixels)


class Alignment(NamedTuple):
    """Pullbacks of networks trained on digits without and with batch normalization (the ways)."""

    cosine: Float[Recorded, "runs depths ways times temperatures"]
    """Of pullback and difference of class means, before training and after; mean over images."""
    accuracy: Float[Recorded, "runs depths ways"]
    """Of trained networks on test images."""
    flips: Float[Recorded, "runs depths ways partners deciles"]
    """Share of states that change in the second half of training, by deciles of |z| halfway, where
    units are compared with themselves at the end, and with random units of their layer."""
    shown: Float[Recorded, "pictures pixels"]
    """Of the first network of the last depth, without normalization: a test image, pullbacks at it
    by temperature, and the difference of class means."""


WAYS = ("no normalization", "batch normalization")


def pull_all(
    network: Classifier, question: Question
) -> tuple[Float[Array, " temperatures"], Float[Array, "temperatures pixels"]]:
    """Mean cosine with class means by temperature, and pullbacks at the first test image."""
    states = jax.vmap(partial(passes, network))(question.seen)
    deviations = jnp.stack([jnp.std(z) for z in states])

    def at(temperature: Array) -> tuple[Array, Array]:
        vectors = jax.vmap(partial(pullback, network), (0, None, 0))(
            question.new, temperature * deviations, question.directions
        )
        along = jnp.sum(vectors * question.along, axis=1)
        return jnp.mean(along / jnp.linalg.norm(vectors, axis=1)), vectors[0]

    return jax.lax.map(at, jnp.asarray(TEMPERATURES, question.new.dtype))


def flip_rates(
    then: Float[Array, "depth images units"], now: Float[Array, "depth images units"]
) -> Float[Array, " deciles"]:
    """Share of states that differ, by deciles of |z| then; mean over layers."""
    depth = len(then)
    order = jnp.argsort(jnp.abs(then).reshape(depth, -1), axis=1)
    differ = ((then > 0) != (now > 0)).reshape(depth, -1)
    ranked = jnp.take_along_axis(differ, order, axis=1).reshape(depth, DECILES, -1)
    return jnp.mean(ranked, axis=(0, 2))


@jax.jit
def examine(
    trained: Trained, partners: Int[Array, "networks units"], question: Question
) -> tuple[
    Float[Array, "networks times temperatures"],
    Float[Array, " networks"],
    Float[Array, "networks partners deciles"],
    Float[Array, "networks times temperatures pixels"],
]:
    """Examine networks one after the other.

    Args:
        trained: at three times, stacked.
        partners: a random order of units for each network.
        question: what is asked.

    Returns:
        Cosines at the start and the end, accuracies, rates of flips of units compared with
        themselves and with their partners, and pullbacks at the first test image.
    """

    def one(parts: tuple[Trained, Array]) -> tuple[Array, Array, Array, Array]:
        (start, halfway, end), partner = parts
        ends = jax.tree.map(lambda *both: jnp.stack(both), start, end)
        cosine, first = jax.lax.map(partial(pull_all, question=question), ends)
        then, now = (
            jnp.stack(jax.vmap(partial(passes, part))(question.new)) for part in (halfway, end)
        )
        said = jnp.argmax(jax.nn.relu(now[-1]) @ end.readout, axis=1)
        compared = jnp.stack([now, now[..., partner]])
        rates = jax.vmap(flip_rates, (None, 0))(then, compared)
        return cosine, jnp.mean(said == question.answers), rates, first

    return jax.lax.map(one, (trained, partners))


@measurement
def align(config: Config, key: PRNGKeyArray) -> Alignment:
    """Train networks on digits, and pull differences of two outputs back to test images."""
    images = load(config)
    question = ask(images)
    start_key, partner_key = jax.random.split(key)
    units = np.tile(np.arange(config.units), (2 * config.runs, 1))
    partners = jnp.asarray(generator(partner_key).permuted(units, axis=1))
    found = []
    for number, depth in enumerate(config.depths):
        keys = jax.random.split(jax.random.fold_in(start_key, number), config.runs)
        trained = start_and_train(
            jnp.repeat(keys, 2),
            question.seen,
            jnp.asarray(np.tile(images.labels, (2 * config.runs, 1))),
            jnp.tile(jnp.array([False, True]), config.runs),
            depth=depth,
            units=config.units,
            classes=CLASSES,
            steps=config.steps,
            batch=config.batch,
            learning_rate=config.learning_rate,
        )
        found.append(examine(trained, partners, question))

    def by_run(*parts: Array) -> np.ndarray:
        stacked = np.stack(parts, axis=1)
        return stacked.reshape(config.runs, 2, *stacked.shape[1:]).swapaxes(1, 2)

    cosine, accuracy, flips, first = zip(*found, strict=True)
    shown = np.array([question.new[0], *first[-1][0, -1], question.along[0]])
    return Alignment(by_run(*cosine), by_run(*accuracy), by_run(*flips), shown)


@claim(
    align,
    kind="order",
    source="the abstract, on ImageNet; this measure is ours",
    tolerance=3.0,
    controls=[rival("Before training networks know no classes.", trained=False)],
)
def pullbacks_are_better_aligned_than_gradients(
    run: Alignment, config: Config, trained: bool = True
) -> Evidence:
    r"""The cosine of $v_T$, $T=2$, with the difference of two class means is larger than that of
    the gradient, by 0.03 at least, without batch normalization and with it.
    """
    cosine = run.cosine[:, -1, :, int(trained)]
    return ordered(cosine[..., 0], cosine[..., SOFT], effect=0.03).named(*WAYS)


def above_linear_limit(run: Alignment, normalized: bool) -> Evidence:
    """By how much the cosine at the claims' temperature exceeds that of the linear limit."""
    cosine = run.cosine[:, -1, int(normalized), -1]
    return ordered(cosine[:, -1], cosine[:, SOFT], effect=0.01)


@claim(
    align,
    kind="order",
    source="derived, of the rival that soft gates only linearize",
    tolerance=3.0,
    controls=[rival("With batch normalization the rival is right.", normalized=True)],
)
def soft_gates_do_more_than_linearize(
    run: Alignment, config: Config, normalized: bool = False
) -> Evidence:
    r"""Without batch normalization the cosine at $T=2$ is larger than that of the linear limit
    $v_\infty$, by 0.01 at least.
    """
    return above_linear_limit(run, normalized)


@claim(
    align,
    kind="order",
    source="ours: a guess from the paper's reading of pullbacks",
    expect="refuted",
    reason="With batch normalization the linear limit, which knows nothing of the image, is as "
    "well aligned with class means as this pullback, to within 0.01. What soft gates gain over the "
    "gradient they gain by forgetting which units are active.",
    tolerance=math.inf,
    controls=[rival("Without batch normalization they do more.", normalized=False)],
)
def with_batch_normalization_they_do_more_too(
    run: Alignment, config: Config, normalized: bool = True
) -> Evidence:
    r"""With batch normalization, too, the cosine at $T=2$ is larger than that of the linear limit
    $v_\infty$, by 0.01 at least.
    """
    return above_linear_limit(run, normalized)


@claim(
    align,
    kind="bound",
    source="the path stability hypothesis of later versions",
    tolerance=0.99,
    controls=[rival("Compared with random units of the same layer.", partners=1)],
)
def strongly_excited_units_keep_their_state(
    run: Alignment, config: Config, partners: int = 0
) -> Evidence:
    r"""In the second half of training, of all states the half with the larger $|z|$ changes at most
    a tenth as often as the half with the smaller one.
    """
    rates = run.flips[:, -1, :, partners]
    weaker, stronger = (half.mean(axis=-1) for half in np.split(rates, 2, axis=-1))
    return at_most(stronger / weaker, 0.1).named(*WAYS)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Limits, kinks and curl of pullbacks; alignment and stability on digits; pictures."""
    figure = Figure(figsize=(9.0, 8.4))
    axes = figure.subplot_mosaic(
        [["limits", "kinks", "curl"], ["plain", "normalized", "flips"], ["pictures"] * 3],
        height_ratios=[1, 1, 0.75],
    )
    draw_limits(axes["limits"], runs[take_limits])
    draw_kinks(axes["kinks"], runs[cross_kinks])
    draw_curl(axes["curl"], runs[look_for_potentials], config)
    axes["normalized"].sharey(axes["plain"])
    for way, name in enumerate(("plain", "normalized")):
        draw_cosines(axes[name], np.asarray(runs[align].cosine[:, :, way, -1]), config)
    axes["plain"].set_title("Digits, no normalization")
    axes["normalized"].set_title("Digits, batch normalization")
    axes["plain"].legend(loc="lower right")
    draw_flips(axes["flips"], runs[align])
    draw_pictures(axes["pictures"], runs[align])
    return figure


def draw_limits(axes: Axes, run: Limits) -> None:
    """Distance from the linear limit, and its leading order."""
    axes.loglog(WARM, run.from_limit.T, color="C0", linewidth=0.5, alpha=0.4)
    axes.loglog(WARM, run.from_limit.mean(axis=0), "o", color="C0", label="networks, mean")
    axes.loglog(WARM, run.leading.mean() / WARM, **PREDICTED, label="$|D|/T$")
    axes.set_title("Warm: the linear limit")
    axes.set(xlabel="temperature $T$", ylabel=r"$|v_T-v_\infty|$")
    axes.legend(loc="lower left")


def draw_kinks(axes: Axes, run: Kinks) -> None:
    """Differences across kinks."""
    jump = np.linalg.norm(run.predicted, axis=1)
    axes.loglog(STEPS, run.gradient.mean(axis=0), "o", color="C1", label="gradient")
    axes.axhline(jump.mean(), **PREDICTED, label="jump")
    axes.loglog(STEPS, run.pullback.mean(axis=0), "o-", color="C0", label="pullback")
    axes.set_title("Across a kink")
    axes.set(xlabel="distance", ylabel="difference of both sides", ylim=(None, 1e5))
    axes.legend(loc="upper left")


def draw_curl(axes: Axes, run: Potentials, config: Config) -> None:
    """Asymmetry of Jacobians by depth."""
    for column, depth in zip(run.curl.T, config.curl_depths, strict=True):
        places = depth + 0.5 * (np.arange(len(column)) / len(column) - 0.5)
        axes.plot(places, column, ".", color="C0", markersize=4)
    axes.plot(1, 0, "ko", label="one layer")
    axes.set_title("No gradient of anything")
    axes.set(xlabel="layers", ylabel=r"$|J-J^\top|/|J+J^\top|$", xticks=[1, *config.curl_depths])
    axes.legend(loc="upper left")


def draw_cosines(axes: Axes, cosine: np.ndarray, config: Config) -> None:
    """Alignment against temperature; the gradient and the linear limit on both sides."""
    inner = TEMPERATURES[1:-1]
    for color, number in enumerate(np.argsort(config.depths)):
        mean = cosine[:, number].mean(axis=0)
        depth = config.depths[number]
        name = "1 layer" if depth == 1 else f"{depth} layers"
        axes.semilogx(inner, mean[1:-1], "o-", color=f"C{color}", markersize=4, label=name)
        for place, value in ((inner[0] / 2, mean[0]), (inner[-1] * 2, mean[-1])):
            axes.semilogx(place, value, "D", color=f"C{color}", markersize=5)
    ticks = [inner[0] / 2, 0.1, 1, 10, inner[-1] * 2]
    axes.set_xticks(ticks, ["0", "0.1", "1", "10", r"$\infty$"])
    axes.minorticks_off()
    axes.set(xlabel="temperature", ylabel="cosine with class means")


def draw_flips(axes: Axes, run: Alignment) -> None:
    """How often states change, by how strongly units are excited or inhibited."""
    deciles = np.arange(1, DECILES + 1)
    for way, name in enumerate(("plain", "normalized")):
        axes.plot(deciles, run.flips[:, -1, way, 0].mean(axis=0), "o-", color=f"C{way}", label=name)
    axes.set_title("States that change")
    axes.set(xlabel="decile of $|z|$ halfway", ylabel="share that changes", xticks=deciles)
    axes.legend(loc="upper right")


def draw_pictures(axes: Axes, run: Alignment) -> None:
    """A digit, its pullbacks, and the difference of class means, each in its own scale."""
    side = round(run.shown.shape[1] ** 0.5)
    last = len(TEMPERATURES)
    rows = run.shown[[0, 1, 1 + SOFT, last, last + 1]].reshape(-1, side, side)
    rows = rows / np.abs(rows).max(axis=(1, 2), keepdims=True)
    framed = np.pad(rows, ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
    axes.imshow(np.concatenate(list(framed), axis=1), vmin=-1, vmax=1, cmap="RdBu_r")
    names = ("image", "gradient", "pullback, $T=2$", "linear limit", "class means")
    axes.set_xticks((side + 2) * (np.arange(len(names)) + 0.5) - 0.5, names)
    axes.tick_params(length=0)
    axes.set(yticks=[], xlabel="in the input", ylabel="each in its scale")
    axes.spines[:].set_visible(False)


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
