r"""A hypernetwork's gradients follow the size of its input; encoded on a circle, they do not.

A hypernetwork reads a hyperparameter $\gamma\in[0,1]$ and predicts all weights of another, the
primary network. With piecewise linear activations and biases that start at zero it is homogeneous:
the weights are proportional to $\gamma$, a primary network of $K$ layers answers with $\gamma^K$,
and so do all gradients. *Magnitude invariant parametrizations* read $(\cos\frac{\pi\gamma}2,
\sin\frac{\pi\gamma}2)$ instead, and add a learned base weight to what is predicted.

- The powers are exact, and so is the gradient noise that random $\gamma$ alone bring about,
  $(K+1)^2/(2K+1)$ (derived here). Layer normalization is no cure: it makes the hypernetwork blind.
- On the circle all $\gamma$ are alike *in law*. One network's weights still vary in size, by a
  share that falls like $1/\sqrt H$ and is computed here: invariant is only the mean.
- The base weight alone leaves one power of $\gamma$.
- Networks that read digits turned by $180°\cdot\gamma$ learn sooner. With Adam the encoding does
  it, and where $\gamma$ is small; with plain gradient descent it is the base weight. Both together
  are not better than the better half, and at ten times Adam's rate they gain nothing (see the
  figure).

Jose Javier Gonzalez Ortiz, John Guttag, Adrian V. Dalca: *Magnitude Invariant Parametrizations
Improve Hypernetwork Learning*, ICLR 2024, arXiv:2304.07645. (Its medical images are not the
subject here.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import ndimage

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import (
    Evidence,
    at_least,
    at_most,
    equals,
    frequency,
    identity,
    ordered,
    scales_as,
)
from harness.errors import require
from harness.style import PREDICTED
from instruments import handwritten_digits, hypernetwork
from instruments.deep_training import cross_entropy, outputs
from instruments.hypernetwork import Encoding, Hypernetwork, encode, predict
from instruments.randomness import generator
from instruments.signal_propagation import Signals, dense, propagate
from theory.finite_width import Slopes
from theory.initialization import magnitude_invariant as theory

SLOPE = 0.01
"""Slope of the hypernetwork's leaky ReLU below zero, as in the authors' code."""
MOMENT = Slopes(1.0, SLOPE).second_moment
"""Mean square of that activation of a standard Gaussian."""
NUMBERS = 4
"""How many a hypernetwork reads."""
BLOCKS = 40
"""Independent groups of networks whose means are the repetitions."""

PARAMETRIZATIONS: tuple[tuple[str, Encoding, bool], ...] = (
    ("default", "none", False),
    ("encoding only", "circle", False),
    ("base weight only", "none", True),
    ("both", "circle", True),
)
"""Name, encoding, and whether there is a base weight."""
DEFAULT, ENCODED, BASED, BOTH = range(4)


@dataclass(frozen=True)
class Config:
    """Parameters."""

    depths: tuple[int, ...] = (1, 3, 20)
    """Layers K of the primary networks whose powers are measured."""
    powers_hidden: int = 24
    """Units of the hypernetwork's hidden layers there."""
    powers_units: int = 20
    """Units of the primary network there: among so many, some are always active."""
    networks: int = 6
    """Hypernetworks drawn there, half of them with inputs along an axis."""
    activation: Literal["leaky ReLU", "tanh"] = "leaky ReLU"
    """The hypernetwork's activation there."""
    bias_deviation: float = 0.0
    """Standard deviation of the hypernetwork's hidden biases there."""
    encoding: Literal["none", "circle"] = "none"
    """What it reads there."""
    sign: Literal[1, -1] = 1
    """Of the inputs there; they are compared with an input of positive sign."""
    smallest: float = 0.0
    """The least input; the largest is 1."""
    epsilon: float = 0.0
    """What layer normalization adds to the variance."""
    blind: bool = False
    """Whether the hypernetwork whose size should not vary reads a normalized bare input."""

    turned_hidden: int = 16
    """Units of the hypernetwork's hidden layers where parametrizations are compared."""
    turned_units: int = 8
    """Units of the three-layer primary network there."""
    turned_networks: int = 2000
    """Hypernetworks there, a multiple of 200."""

    widths: tuple[int, ...] = (8, 16, 32)
    """Units H of the hypernetworks whose predicted weights, H as well, are followed."""
    size_networks: tuple[int, ...] = (20_000, 24_000, 36_000)
    """Hypernetworks of each of these widths, multiples of 400."""

    trained: int = 32
    """Networks trained of each kind."""
    hidden: int = 32
    """Units of their hypernetworks' hidden layers."""
    steps: int = 160
    """Steps of training."""
    batch: int = 16
    """Digits for each of the four inputs of a step."""
    optimizers: tuple[str, ...] = ("Adam, rate 0.001", "descent, rate 0.1")
    """The first two are the ones that claims speak of."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        require(min(self.depths) >= 1, "depths must be at least 1")
        nodes = 2 * NODES - 1
        require(2 * max(self.depths) <= nodes, f"depths must be at most {nodes // 2}")
        for name in ("powers_hidden", "powers_units", "turned_hidden", "turned_units", "hidden"):
            require(getattr(self, name) >= 2, f"{name} must be at least 2")
        require(self.networks >= 2, "networks must be at least 2")
        require(0 <= self.smallest < 1, f"smallest must be in [0, 1), got {self.smallest}")
        for name in ("bias_deviation", "epsilon"):
            require(getattr(self, name) >= 0, f"{name} must not be negative")
        fine = self.turned_networks % (5 * BLOCKS) == 0
        require(fine, f"turned_networks must be a multiple of {5 * BLOCKS}")
        require(
            len(self.widths) == len(self.size_networks) >= 2, "two widths, and networks for each"
        )
        require(
            self.widths == tuple(sorted(set(self.widths))) and self.widths[0] >= NUMBERS,
            f"widths must increase from {NUMBERS} or more",
        )
        for count in self.size_networks:
            require(count % (10 * BLOCKS) == 0, f"size_networks: multiples of {10 * BLOCKS}")
        for name in ("trained", "batch", "steps"):
            require(getattr(self, name) > 0, f"{name} must be above zero")
        for name in self.optimizers:
            require(name in OPTIMIZERS, f"optimizers are {', '.join(OPTIMIZERS)}; got {name}")
        require(self.optimizers[:2] == tuple(OPTIMIZERS)[:2], "the first two optimizers are fixed")


NODES = 21
"""Of the Gauss-Legendre rule for the mean over inputs: exact for powers up to 41."""
OPTIMIZERS = {
    "Adam, rate 0.001": (True, 1e-3),
    "descent, rate 0.1": (False, 0.1),
    "Adam, rate 0.01": (True, 1e-2),
}
"""Whether it is Adam (else gradient descent), and the learning rate."""

SIZES = {
    "ci": Config(),
    "figure": Config(
        depths=(1, 2, 3, 4, 5, 20),
        turned_hidden=64,
        turned_networks=4000,
        widths=(16, 32, 64, 128),
        size_networks=(20_000, 40_000, 80_000, 160_000),
        trained=64,
        optimizers=tuple(OPTIMIZERS),
    ),
    "paper": Config(
        depths=(1, 2, 3, 4, 5, 20),
        powers_hidden=128,
        turned_hidden=128,
        turned_units=16,
        turned_networks=4000,
        widths=(32, 64, 128, 256),
        size_networks=(20_000, 40_000, 80_000, 160_000),
        trained=64,
        hidden=128,
        steps=400,
        optimizers=tuple(OPTIMIZERS),
    ),
}


# ---------------------------------------------------------------- responses to an input


class Setting(NamedTuple):
    """What happens in a hypernetwork's first layer and in its activations; all may be traced."""

    tanh: bool | Array
    """Whether the activation is tanh, else a leaky ReLU."""
    normalized: bool | Array
    """Whether the first layer is normalized."""
    epsilon: float | Array
    """What the normalization adds to the variance."""


class Arms(NamedTuple):
    """Variants of each network, all with the same draws."""

    encoded: Float[Recorded, "networks arms points inputs"]
    """What is read, the reference first."""
    base: Float[Recorded, " arms"]
    """Size of the base weights, relative to He's."""
    used: Int[Recorded, " arms"]
    """Hidden layers of the primary network."""


class Responses(NamedTuple):
    """What comes out at each point."""

    overlap: Float[Recorded, "networks arms points"]
    """Inner product of predicted weights and those at the first point, over their square."""
    size: Float[Recorded, "networks arms points"]
    """Length of the predicted weights, relative to that at the first point."""
    output: Float[Recorded, "networks arms points"]
    """Length of the primary network's outputs for eight inputs."""
    gradient: Float[Recorded, "networks arms points matrices"]
    """Length of a linear functional's gradient in each matrix of the hypernetwork."""


def activated(setting: Setting, x: Array) -> Array:
    """The activation."""
    return jnp.where(setting.tanh, jnp.tanh(x), leaky(x))


def leaky(x: Array) -> Array:
    """The leaky ReLU."""
    return jnp.where(x > 0, x, SLOPE * x)


def normalized_first(setting: Setting, x: Array) -> Array:
    """Layer normalization, where wanted, and the activation."""
    centred = x - jnp.mean(x)
    normal = centred / jnp.sqrt(jnp.mean(centred**2) + setting.epsilon)
    return activated(setting, jnp.where(setting.normalized, normal, x))


@partial(jax.jit, static_argnames="units")
def respond(
    networks: Hypernetwork,
    arms: Arms,
    inputs: Float[Array, "networks samples units"],
    probes: Float[Array, "networks samples"],
    setting: Setting,
    units: int,
) -> Responses:
    """Weights, outputs, and gradients of the probed outputs, at all points of all arms."""

    def functional(
        network: Hypernetwork, e: Array, used: Array, x: Array, probe: Array
    ) -> tuple[Array, tuple[Array, Array]]:
        weights = predict(
            network, e, partial(normalized_first, setting), partial(activated, setting)
        )
        primary = hypernetwork.primary(weights, units=units, classes=1, used=used)
        said = outputs(primary, x, jax.nn.relu)[:, 0]
        return probe @ said, (weights, jnp.linalg.norm(said))

    def one_network(at: tuple[Hypernetwork, Array, Array, Array]) -> Responses:
        plain, encoded, x, probe = at

        def one_arm(arm: tuple[Array, Array, Array]) -> Responses:
            encoded, base, used = arm
            network = plain._replace(base=base * plain.base)

            def one_point(e: Array) -> tuple[Array, Array, Array]:
                gradient, (weights, said) = jax.grad(functional, has_aux=True)(
                    network, e, used, x, probe
                )
                squares = [jnp.sum(matrix**2) for matrix in gradient[:3]]
                return weights, said, jnp.sqrt(jnp.stack(squares))

            weights, said, gradient = jax.lax.map(one_point, encoded)
            square = weights[0] @ weights[0]
            size = jnp.sqrt(jnp.sum(weights**2, axis=1) / square)
            return Responses(weights @ weights[0] / square, size, said, gradient)

        return jax.lax.map(one_arm, (encoded, arms.base, arms.used))

    return jax.lax.map(one_network, (networks, arms.encoded, inputs, probes))


SAMPLES = 8
"""Inputs of the primary network in a batch."""


def draw_and_respond(
    rng: np.random.Generator,
    arms: Arms,
    setting: Setting,
    *,
    hidden: int,
    units: int,
    bias_deviation: float = 0.0,
) -> Responses:
    """Responses of Gaussian networks, inputs and probes."""
    deviations = hypernetwork.primary_deviations(int(max(arms.used)), units, 1)
    networks, _, _, numbers = arms.encoded.shape
    drawn = hypernetwork.draw(
        rng, deviations, networks=networks, inputs=numbers, hidden=hidden, moment=MOMENT
    )
    biases = bias_deviation * rng.standard_normal((2, networks, hidden))
    # A primary network reads what is not negative, such as brightness.
    inputs = rng.random((networks, SAMPLES, units))
    probes = rng.standard_normal((networks, SAMPLES))
    drawn = drawn._replace(
        first_bias=biases[0],
        second_bias=biases[1],
        base=deviations * rng.standard_normal((networks, deviations.size)),
    )
    return respond(drawn, arms, inputs, probes, setting, units=units)


def block_means(values: np.ndarray) -> np.ndarray:
    """Means over groups of networks, the leading axis; their number becomes `BLOCKS`."""
    return values.reshape(BLOCKS, -1, *values.shape[1:]).mean(axis=1)


def input_rule(config: Config, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights for the mean over inputs from the smallest to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return config.smallest + (1 - config.smallest) * (nodes + 1) / 2, weights / 2


def respond_along_rays(config: Config, key: PRNGKeyArray, normalized: bool) -> Responses:
    """Responses to t times an input: the reference t = 1, then the nodes."""
    rng = generator(key)
    t = np.insert(config.sign * input_rule(config, NODES)[0], 0, 1.0)
    # Half of the inputs lie on an axis, as if they had one coordinate.
    directions = rng.random((config.networks, 2))
    directions[: config.networks // 2] = (1.0, 0.0)
    inputs = (t[:, None] * directions[:, None]).reshape(-1, 2)
    encoded = encode(inputs, config.encoding).reshape(config.networks, 1, t.size, -1)
    depths = np.array(config.depths)
    arms = Arms(np.repeat(encoded, depths.size, axis=1), np.zeros(depths.size), depths - 1)
    return draw_and_respond(
        rng,
        arms,
        Setting(config.activation == "tanh", normalized, config.epsilon),
        hidden=config.powers_hidden,
        units=config.powers_units,
        bias_deviation=config.bias_deviation,
    )


# ---------------------------------------------------------------- powers of the input


@measurement
def scale_inputs(config: Config, key: PRNGKeyArray) -> Responses:
    """Responses of ordinary hypernetworks to inputs of all sizes."""
    return respond_along_rays(config, key, normalized=False)


def powers(config: Config, values: Recorded) -> np.ndarray:
    """Powers of the input that values are, point by point; the first point is the reference."""
    t = input_rule(config, NODES)[0]
    ratios = np.abs(np.asarray(values[:, :, 1:] / values[:, :, :1]))
    return np.log(ratios) / np.log(t).reshape(-1, *[1] * (values.ndim - 3))


POWER_ROUNDING = 1e-11
"""Some 1e-14 of rounding in 20 layers, over the logarithm of the largest node, 0.003."""

INHOMOGENEOUS = [
    broken("A tanh is not homogeneous.", activation="tanh"),
    broken("Biases are not proportional to the input.", bias_deviation=0.1),
    broken("A leaky ReLU is homogeneous for positive factors only.", sign=-1),
    broken("On the circle all inputs have one size.", encoding="circle"),
]


@claim(
    scale_inputs,
    kind="identity",
    source="analysis of the proportionality",
    tolerance=1e-9,
    controls=INHOMOGENEOUS,
)
def predicted_weights_are_proportional_to_the_input(run: Responses, config: Config) -> Evidence:
    r"""With zero biases $h(te)=t\,h(e)$ for all $t>0$: the length of the predicted weights, and
    their component along those at $t=1$, are the first power of $t$, to rounding.
    """
    measured = np.stack([powers(config, run.size), powers(config, run.overlap)])
    weights, _, _ = theory.exponents(1)
    return identity(np.moveaxis(measured, 1, 0), weights, rounding=POWER_ROUNDING)


def one_power(layers: int) -> tuple[float, float, float]:
    """The rival in which everything is proportional to the input."""
    return 1.0, 1.0, 1.0


def one_less_in_the_gradient(layers: int) -> tuple[float, float, float]:
    """The rival that differentiates by the predicted weights and stops there."""
    return 1.0, float(layers), layers - 1.0


@claim(
    scale_inputs,
    kind="identity",
    source="analysis of the proportionality; the powers are derived",
    tolerance=1e-9,
    controls=[
        rival("Rival: all are proportional to the input.", predict=one_power),
        rival("Rival: gradients lose a power.", predict=one_less_in_the_gradient),
        *INHOMOGENEOUS,
    ],
)
def outputs_and_gradients_are_a_power_of_the_input(
    run: Responses,
    config: Config,
    predict: Callable[[int], tuple[float, float, float]] = theory.exponents,
) -> Evidence:
    r"""A primary network of $K$ layers without biases answers $f(x;\theta(\gamma))=\gamma^Kf(x;
    \theta(1))$, and the gradient of a linear functional of $f$ in *each* matrix of the hypernetwork
    is $\gamma^K$ times that at 1.
    """
    measured = np.concatenate(
        [powers(config, run.output)[..., None], powers(config, run.gradient)], axis=-1
    )
    predicted = np.array([[predict(depth)[1], *[predict(depth)[2]] * 3] for depth in config.depths])
    return identity(measured, predicted[:, None], rounding=POWER_ROUNDING)


def total(gradient: Recorded) -> np.ndarray:
    """Length of the gradient in all matrices together."""
    return np.linalg.norm(np.asarray(gradient), axis=-1)


@claim(
    scale_inputs,
    kind="value",
    source="derived",
    tolerance=1e-10,
    controls=[
        rival("Rival: K layers, K - 1 powers.", noise=lambda k: theory.gradient_noise(k - 1)),
        broken("Inputs from 1/2 on bring less noise.", smallest=0.5),
        broken("On the circle all inputs have one size.", encoding="circle"),
    ],
)
def random_inputs_alone_make_gradients_noisy(
    run: Responses,
    config: Config,
    noise: Callable[[np.ndarray], np.ndarray] = theory.gradient_noise,
) -> Evidence:
    r"""For uniform $\gamma$ in $[0,1]$, $\mathrm E|g|^2/(\mathrm E|g|)^2=\frac{(K+1)^2}{2K+1}$:
    4/3, 16/7 and 441/41 for $K=1,3,20$, where gradients that do not depend on the input have 1.
    """
    lengths, weights = total(run.gradient)[:, :, 1:], input_rule(config, NODES)[1]
    measured = lengths**2 @ weights / (lengths @ weights) ** 2
    # The rule integrates these powers exactly.
    return identity(measured, noise(np.array(config.depths)), rounding=1e-12)


# ---------------------------------------------------------------- layer normalization


@measurement
def normalize(config: Config, key: PRNGKeyArray) -> Responses:
    """Responses where the hypernetwork's first layer is normalized."""
    return respond_along_rays(config, key, normalized=True)


@claim(
    normalize,
    kind="identity",
    source="derived; the paper tries normalizations in its ablations",
    tolerance=1e-10,
    controls=[
        broken("Encoded on the circle, inputs are seen.", encoding="circle"),
        broken("The usual epsilon lets tiny inputs be seen.", epsilon=1e-5),
        broken("Biases let inputs be seen.", bias_deviation=0.1),
    ],
)
def layer_normalization_makes_it_blind(run: Responses, config: Config) -> Evidence:
    r"""Normalized after the first layer, a hypernetwork without biases predicts $\theta(t\gamma)=
    \theta(\gamma)$ for all $t>0$: one coordinate is not seen at all, of two only their ratio.
    """
    return identity(np.stack([run.size, run.overlap], axis=1), 1.0, rounding=1e-13)


# ---------------------------------------------------------------- the two halves of the cure


class Turned(NamedTuple):
    """Gradients under all parametrizations, for uniform inputs and for inputs close to 0."""

    noise: Float[Recorded, "blocks parametrizations"]
    """Mean square of the gradient over the square of its mean length; mean over networks."""
    rises: Bool[Recorded, "networks parametrizations pairs"]
    """Whether it is longer at the second of two inputs."""
    near_zero: Float[Recorded, "blocks parametrizations points"]
    """Root mean square over networks at inputs close to 0."""
    profile: Float[Recorded, "parametrizations points"]
    """Root mean square over networks at the nodes."""


TURNED_LAYERS = 3
"""Layers K of the primary network that is compared under all parametrizations."""
POINTS = 9
"""Nodes of the rule for uniform inputs there."""
PAIRS = ((0, POINTS - 1), (0, POINTS // 2), (POINTS // 2, POINTS - 1))
"""Nodes at which gradients are compared: least, middle and largest."""
NEAR_ZERO = np.geomspace(1e-4, 1e-2, POINTS)
"""Inputs so small that the base weight dominates."""
NEAR_ZERO_CALLS = 16
"""Blocks of networks that read these: they hardly differ."""


def arms_of_all(inputs: np.ndarray, networks: int) -> Arms:
    """All parametrizations at these inputs, in each of many networks."""
    encoded = [encode(inputs[:, None], encoding) for _, encoding, _ in PARAMETRIZATIONS]
    count = len(PARAMETRIZATIONS)
    return Arms(
        np.broadcast_to(np.stack(encoded), (networks, count, inputs.size, 2)),
        np.array([float(based) for _, _, based in PARAMETRIZATIONS]),
        np.full(count, TURNED_LAYERS - 1),
    )


@measurement
def turn_inputs(config: Config, key: PRNGKeyArray) -> Turned:
    """The same draws under all parametrizations."""
    rng = generator(key)
    nodes, weights = input_rule(config, POINTS)
    networks = config.turned_networks // BLOCKS
    setting = Setting(tanh=False, normalized=False, epsilon=0.0)

    def lengths(inputs: np.ndarray) -> np.ndarray:
        run = draw_and_respond(
            rng,
            arms_of_all(inputs, networks),
            setting,
            hidden=config.turned_hidden,
            units=config.turned_units,
        )
        return total(run.gradient)

    near_zero = np.concatenate([lengths(NEAR_ZERO) for _ in range(NEAR_ZERO_CALLS)])
    blocks = np.stack([lengths(nodes) for _ in range(BLOCKS)])
    # Pooled, so that a primary network that is dead counts for nothing.
    mean_squares = np.mean(blocks**2 @ weights, axis=1)
    squared_means = np.mean((blocks @ weights) ** 2, axis=1)
    every = blocks.reshape(-1, *blocks.shape[2:])
    rises = [every[..., second] > every[..., first] for first, second in PAIRS]
    return Turned(
        mean_squares / squared_means,
        np.stack(rises, axis=-1),
        np.sqrt(block_means(near_zero**2)),
        np.sqrt(np.mean(every**2, axis=0)),
    )


@claim(
    turn_inputs,
    kind="exponent",
    source="derived",
    tolerance=0.03,
    controls=[
        rival("Rival: the power K that it is without a base weight.", power=float(TURNED_LAYERS)),
        rival("Without a base weight it is K.", parametrization=DEFAULT),
        rival("On the circle there is none.", parametrization=BOTH),
    ],
)
def a_base_weight_alone_leaves_one_power(
    run: Turned,
    config: Config,
    power: float = theory.RESIDUAL_EXPONENT,
    parametrization: int = BASED,
) -> Evidence:
    r"""With a base weight, but $\gamma$ read as it is, gradients still vanish like $\gamma$ as
    $\gamma\to0$, whatever $K$ is: $\nabla_wf=\gamma\,(\partial_wh(1))^\top\nabla_\theta
    f(\theta_0)+O(\gamma^2)$.
    """
    # The relative change of the other layers' weights, added up, at the largest of the inputs. (At
    # smaller ones units hardly ever change sides, and rare events are badly averaged.)
    margin = (TURNED_LAYERS - 1) * float(NEAR_ZERO[-1])
    return scales_as(NEAR_ZERO, run.near_zero[:, parametrization], power, margin=margin)


RESOLUTION = 0.12
"""Distance in probability that two thousand networks can tell, ten standard errors and more."""


@claim(
    turn_inputs,
    kind="probability",
    source="the encoding of constant norm; the law is derived",
    tolerance=0.5,
    controls=[
        rival("By default the larger input always wins.", parametrizations=(DEFAULT, DEFAULT)),
        rival("With a base weight only, mostly.", parametrizations=(BASED, BASED)),
    ],
)
def on_the_circle_all_inputs_are_alike_in_law(
    run: Turned, config: Config, parametrizations: tuple[int, int] = (ENCODED, BOTH)
) -> Evidence:
    r"""Gaussian weights do not feel a rotation, nor a reflection, of what they read: on the circle
    $|g(\gamma)|$ and $|g(\gamma')|$ may change places, so that
    $\mathrm P(|g(\gamma)|>|g(\gamma')|)=\frac12$ at any width, with a base weight and without.
    """
    outcomes = run.rises[:, parametrizations].reshape(len(run.rises), -1)
    return frequency(outcomes, 0.5, margin=RESOLUTION).named(
        *(
            f"{PARAMETRIZATIONS[which][0]}, {pair}"
            for which in parametrizations
            for pair in ("least and largest", "least and middle", "middle and largest")
        )
    )


ONE_POWER = float(theory.gradient_noise(theory.RESIDUAL_EXPONENT))
"""Gradient noise of one power of the input, 4/3: the least that an ordinary hypernetwork has."""


@claim(
    turn_inputs,
    kind="bound",
    source="proposed method; the bound is derived",
    tolerance=0.25,
    controls=[
        rival("A base weight alone does not.", parametrization=BASED),
        rival("Nor does nothing.", parametrization=DEFAULT),
    ],
)
def both_halves_leave_less_noise_than_any_power(
    run: Turned, config: Config, parametrization: int = BOTH
) -> Evidence:
    r"""On the circle and with a base weight, $\mathrm E|g|^2/(\mathrm E|g|)^2$ is below the 4/3
    that a single layer has by default, let alone the 16/7 of three.
    """
    return at_most(run.noise[:, parametrization], ONE_POWER)


@claim(
    turn_inputs,
    kind="bound",
    source="derived",
    tolerance=0.4,
    controls=[
        rival("On the circle there is less.", parametrization=BOTH),
        rival(
            "Rival: all K powers are left.",
            bound=float(theory.gradient_noise(TURNED_LAYERS)),
        ),
    ],
)
def a_base_weight_alone_leaves_the_noise_of_one_power(
    run: Turned, config: Config, parametrization: int = BASED, bound: float = ONE_POWER
) -> Evidence:
    r"""As the power of $\gamma$ lies between 1 and $K$, so does the noise with a base weight only:
    it is at least 4/3.
    """
    return at_least(run.noise[:, parametrization], bound)


@claim(
    turn_inputs,
    kind="order",
    source="proposed method and its ablations",
    tolerance=math.inf,
    controls=[rival("The order reversed.", order=(DEFAULT, ENCODED, BOTH))],
)
def the_encoding_alone_lies_between(
    run: Turned, config: Config, order: tuple[int, int, int] = (BOTH, ENCODED, DEFAULT)
) -> Evidence:
    r"""Gradients are noisier with the encoding only than with a base weight too, and noisier still
    by default.
    """
    excess = np.log(run.noise[:, order] - 1)
    return ordered(excess[:, :-1], excess[:, 1:], effect=0.0).named(
        "both, encoding only", "encoding only, default"
    )


# ---------------------------------------------------------------- sizes of what is predicted


class Sizes(NamedTuple):
    """Squared lengths of predicted weights, means over blocks of networks."""

    by_encoding: Float[Recorded, "blocks encodings points"]
    """Mean square of a predicted weight; at the inputs of two coordinates, or on the circle."""
    speed: Float[Recorded, " blocks"]
    """Mean square of a weight's derivative along the circle; that of the weight is 1."""
    variance: Float[Recorded, "blocks widths"]
    """Variance along the circle of the squared length over its mean, within one network."""


ENCODINGS: tuple[Encoding, ...] = ("none", "complement", "circle")
"""The first two read inputs of two coordinates, the circle one."""
ALONG = np.array([[0.0], [0.5], [1.0]])
"""Inputs of one coordinate."""
IN_SQUARE = np.array([[0.2, 1.0], [0.5, 0.7], [1.0, 0.1]])
"""Inputs of two."""
BATCH = 400
"""Networks drawn at once."""


@partial(jax.jit, static_argnames="widest")
def draw_sizes(
    keys: Key[Array, " runs"],
    encoded: Float[Array, "points numbers"],
    moved: Float[Array, "points numbers"],
    hidden: int | Array,
    *,
    widest: int,
) -> Float[Array, "runs what points"]:
    """Mean squares of predicted weights, as many as hidden units, and of their derivatives.

    Networks of all widths share a program: what lies beyond their own width is silent.

    Args:
        keys: draw the networks.
        encoded: what they read.
        moved: its derivative.
        hidden: units of both hidden layers, and predicted weights.
        widest: the largest of all widths.
    """
    there = jnp.arange(widest) < hidden

    def block(key: PRNGKeyArray, signals: Signals, at: tuple[Array, Array]) -> Signals:
        slope, gain = at
        return dense(widest, gain)(key, signals.through(partial(bent, there, slope)))

    def mean_squares(signals: Signals) -> Array:
        return jnp.sum(jnp.stack(signals) ** 2 * there, axis=-1) / hidden

    # Weights have the variance gain / widest, whatever is silent; nothing bends what is read.
    slopes = jnp.array([1.0, SLOPE, SLOPE])
    gains = widest / jnp.array([1.0, hidden * MOMENT, hidden * MOMENT])
    padding = ((0, 0), (0, widest - NUMBERS))
    start = Signals(jnp.pad(encoded, padding), jnp.pad(moved, padding))

    def run(key: PRNGKeyArray) -> Array:
        return propagate(key, block, start, (slopes, gains), mean_squares)[-1]

    return jax.vmap(run)(keys)


def bent(there: Array, slope: Array, x: Array) -> Array:
    """A leaky ReLU of this slope on the units that are there."""
    return jnp.where(there, jnp.where(x > 0, x, slope * x), 0.0)


@measurement
def follow_sizes(config: Config, key: PRNGKeyArray) -> Sizes:
    """Draw many hypernetworks of several widths."""
    narrow = config.widths[0], config.size_networks[0]
    jobs = [(encode(IN_SQUARE, encoding),) * 2 + narrow for encoding in ENCODINGS[:-1]]
    # With zeros in place of a second coordinate.
    along, moved = (
        np.pad(encode(inputs, "circle"), ((0, 0), (0, 2))) for inputs in (ALONG, ALONG + 1)
    )
    jobs += [
        (along, np.pi / 2 * moved, *job)
        for job in zip(config.widths, config.size_networks, strict=True)
    ]
    keys = jax.random.split(key, sum(job[-1] for job in jobs)).reshape(-1, BATCH)
    results, used = [], 0
    for encoded, moved, width, networks in jobs:
        calls = networks // BATCH
        parts = [
            np.asarray(draw_sizes(batch, encoded, moved, width, widest=max(config.widths)))
            for batch in keys[used : used + calls]
        ]
        used += calls
        results.append(np.concatenate(parts))
    by_encoding, by_width = results[: len(ENCODINGS)], results[len(ENCODINGS) - 1 :]
    return Sizes(
        np.stack([block_means(run[:, 0]) for run in by_encoding], axis=1),
        block_means(by_width[0][:, 1].mean(axis=1)),
        np.stack([block_means(np.var(run[:, 0], axis=1)) for run in by_width], axis=1),
    )


@claim(
    follow_sizes,
    kind="value",
    source="analysis of the proportionality; the mean is derived",
    tolerance=0.2,
    controls=[rival("Rival: a constant size, whatever is read.", encodings=("circle",) * 3)],
)
def mean_size_is_that_of_what_is_read(
    run: Sizes, config: Config, encodings: tuple[Encoding, ...] = ENCODINGS
) -> Evidence:
    r"""At every width $\mathrm E|h(e)|^2\propto|e|^2$: $|\gamma|^2$ by default,
    $\sum_i\gamma_i^2+(1-\gamma_i)^2$ for $(\gamma,1-\gamma)$, which the authors' code offers, and
    $d$ on the circle.
    """
    read = (IN_SQUARE, IN_SQUARE, ALONG)
    predicted = np.stack(
        [theory.squared_size(encoding, at) for encoding, at in zip(encodings, read, strict=True)]
    )
    measured = run.by_encoding.reshape(len(run.by_encoding), -1)
    # Exact at every width means: not even a bias of order 1/H.
    margin = predicted.ravel() / min(config.widths)
    return equals(measured, predicted.ravel(), margin=margin).named(
        *(
            f"{name}, γ = {', '.join(f'{g:g}' for g in gamma)}"
            for name, at in zip(ENCODINGS, read, strict=True)
            for gamma in at
        )
    )


@claim(
    follow_sizes,
    kind="value",
    source="derived",
    tolerance=0.2,
    controls=[
        rival("Rival: a hypernetwork that is blind does not move.", speed=1e-9),
        rival("Rival: as fast as the bare input moves.", speed=1.0),
    ],
)
def on_the_circle_inputs_are_seen(
    run: Sizes, config: Config, speed: float = theory.CIRCLE_SPEED
) -> Evidence:
    r"""Weights move at the same pace everywhere on the circle, $\mathrm E|\partial_\gamma\theta|^2=
    (\frac\pi2)^2\,\mathrm E|\theta|^2$.
    """
    return equals(run.speed, speed, margin=theory.CIRCLE_SPEED / min(config.widths))


def predicted_variances(config: Config) -> np.ndarray:
    """Variance of the relative size along the circle in one network: orders by widths."""
    cosines = theory.circle_cosines(ALONG)
    orders = [theory.size_variance(cosines, SLOPE, width, width) for width in config.widths]
    return np.array(orders).T


def nothing(config: Config) -> np.ndarray:
    """The rival for which each network's weights have one size."""
    return np.zeros((2, len(config.widths)))


@claim(
    follow_sizes,
    kind="value",
    source="derived",
    tolerance=0.3,
    controls=[
        rival("Rival: invariant in each network.", variances=nothing),
    ],
)
def one_network_is_not_invariant(
    run: Sizes,
    config: Config,
    variances: Callable[[Config], np.ndarray] = predicted_variances,
) -> Evidence:
    r"""In one network $Q=|h|^2/\mathrm E|h|^2$ varies along the circle, by $C(1)$ less the mean of
    $C(\cos\frac\pi2(\gamma-\gamma'))$ with
    $C(c)=\frac{\kappa(c)+\kappa(\rho(c))}H+\frac2P\rho(\rho(c))^2$ and terms of the order
    $H^{-2}$, which are predicted too.
    """
    # Both orders; the margin is the size of the second, and the third is smaller.
    _, second = predicted_variances(config)
    return equals(run.variance, variances(config).sum(axis=0), margin=second).named(
        *(f"H = {width}" for width in config.widths)
    )


@claim(
    follow_sizes,
    kind="exponent",
    source="derived",
    tolerance=0.4,
    controls=[
        rival("Rival: as fast as a variance.", exponent=-1.0),
        rival("Rival: width does not matter.", exponent=0.0),
    ],
)
def one_network_varies_less_the_wider_it_is(
    run: Sizes, config: Config, exponent: float = theory.SPREAD_EXPONENT
) -> Evidence:
    r"""The coefficient of variation of $|h|^2$ along the circle falls like $H^{-1/2}$, with a
    correction of the next order.
    """
    span = math.log(config.widths[-1] / config.widths[0])
    growth = np.log(run.variance[:, -1] / run.variance[:, 0]) / (2 * span)
    first, second = predicted_variances(config)
    correction = float(np.log1p(second / first)[[0, -1]] @ (-1, 1)) / (2 * span)
    # The size of the correction: the one after it is smaller.
    return equals(growth, exponent + correction, margin=abs(correction))


@measurement
def turn_single_networks(config: Config, key: PRNGKeyArray) -> Responses:
    """Hypernetworks that read the circle, or are blind."""
    read = replace(config, encoding="none" if config.blind else "circle")
    return respond_along_rays(read, key, normalized=config.blind)


@claim(
    turn_single_networks,
    kind="identity",
    source="the method's name, taken at its word",
    tolerance=1e-10,
    expect="refuted",
    reason="What does not depend on the input is the law over random networks, and so the mean. "
    "One network of finite width predicts weights whose squared length varies along the circle, "
    "by a share of order $H^{-1/2}$ that is computed above.",
    controls=[broken("A hypernetwork that is blind to its input predicts one.", blind=True)],
)
def each_network_predicts_weights_of_one_size(run: Responses, config: Config) -> Evidence:
    r"""Taken literally, a magnitude invariant parametrization predicts weights of one length,
    $|h(E(\gamma))|=|h(E(\gamma'))|$.
    """
    return identity(run.size, 1.0, rounding=1e-13)


# ---------------------------------------------------------------- training


INPUTS = 25
"""Hyperparameters, evenly spaced, at which digits are turned."""
POOLED = 4
"""Pixels along each side of the digits that the primary network reads."""
PIXELS, CLASSES, HIDDEN_LAYERS = POOLED**2, 10, 2
DIGITS = 600
"""Digits in all: what is compared is how soon they are learnt."""
ASKED = slice(None, None, 6)
"""Those at which losses are taken."""
PER_STEP = 4
"""Hyperparameters in a step."""
NARROW = 0.9
"""The least input where all have nearly one size."""
SILENT = math.log(CLASSES)
"""Loss of a network that says nothing; one that is worse, or has diverged, counts as silent."""


class Training(NamedTuple):
    """Losses after training."""

    loss: Float[Recorded, "runs kinds inputs"]
    """Mean over digits, in nats, by hyperparameter."""


class Kind(NamedTuple):
    """What is trained."""

    optimizer: str
    parametrization: int
    smallest: float
    """The least hyperparameter."""


def kinds(config: Config) -> list[Kind]:
    """All parametrizations with each optimizer; then two with the first, inputs of one size."""
    wide = [
        Kind(optimizer, which, 0.0)
        for optimizer in config.optimizers
        for which in range(len(PARAMETRIZATIONS))
    ]
    return [*wide, *(Kind(config.optimizers[0], which, NARROW) for which in (DEFAULT, BOTH))]


def hyperparameters(smallest: float) -> np.ndarray:
    """Midpoints of equal parts of the range."""
    return smallest + (1 - smallest) * (np.arange(INPUTS) + 0.5) / INPUTS


def turned_digits(gammas: np.ndarray) -> Float[np.ndarray, "inputs digits pixels"]:
    """The bundled digits turned by 180 degrees times each hyperparameter, pooled to 4 by 4."""
    images = handwritten_digits.bundled().images[:DIGITS]
    turned = [
        ndimage.rotate(images, 180 * gamma, axes=(1, 2), reshape=False, order=1) for gamma in gammas
    ]
    cells = (POOLED, images.shape[-1] // POOLED)
    pooled = np.stack(turned).reshape(INPUTS, -1, *cells, *cells).mean(axis=(3, 5))
    pixels = pooled.reshape(INPUTS, -1, PIXELS)
    return (pixels / np.sqrt(np.mean(pixels**2))).astype(np.float32)


class Run(NamedTuple):
    """One training run; all may have a leading axis."""

    network: Hypernetwork
    encoded: Float[Recorded, "*runs inputs numbers"]
    """What the hypernetwork reads for each hyperparameter."""
    narrow: Int[Recorded, "*runs"]
    """Which set of turned digits."""
    adam: Bool[Recorded, "*runs"]
    """Whether the optimizer is Adam."""
    rate: Float[Recorded, "*runs"]
    """Learning rate."""
    draws: Int[Recorded, "*runs steps per_step picks"]
    """A hyperparameter's index, then those of the digits, for each step."""


@jax.jit
def train(
    runs: Run,
    images: Float[Array, "sets inputs digits pixels"],
    labels: Int[Array, " digits"],
) -> Float[Array, "runs inputs"]:
    """Loss after all steps for each hyperparameter."""

    def loss(network: Hypernetwork, e: Array, x: Array, y: Array) -> Array:
        weights = predict(network, e, leaky, leaky)
        primary = hypernetwork.primary(weights, units=PIXELS, classes=CLASSES)
        return cross_entropy(primary, x, y, jax.nn.relu)

    def batch_loss(network: Hypernetwork, e: Array, x: Array, y: Array) -> Array:
        return jnp.mean(jax.vmap(loss, (None, 0, 0, 0))(network, e, x, y))

    def one_run(run: Run) -> Array:
        # Adam's moments; plain descent is what it does without them.
        adam = optax.scale_by_adam()

        def step(
            state: tuple[Hypernetwork, optax.OptState], picks: Array
        ) -> tuple[tuple[Hypernetwork, optax.OptState], None]:
            network, memory = state
            at, digits = picks[:, 0], picks[:, 1:]
            gradient = jax.grad(batch_loss)(
                network, run.encoded[at], images[run.narrow, at[:, None], digits], labels[digits]
            )
            moved, memory = adam.update(gradient, memory)
            network = jax.tree.map(
                lambda w, a, g: w - run.rate * jnp.where(run.adam, a, g), network, moved, gradient
            )
            return (network, memory), None

        draws = jnp.asarray(run.draws)
        (network, _), _ = jax.lax.scan(step, (run.network, adam.init(run.network)), draws)
        return jax.vmap(loss, (None, 0, 0, None))(
            network, jnp.asarray(run.encoded), images[run.narrow, :, ASKED], labels[ASKED]
        )

    return jax.lax.map(one_run, runs, batch_size=8)


@measurement
def train_on_turned_digits(config: Config, key: PRNGKeyArray) -> Training:
    """Train all kinds from the same draws, on the same digits."""
    rng = generator(key)
    deviations = hypernetwork.primary_deviations(HIDDEN_LAYERS, PIXELS, CLASSES)
    deviations = deviations.astype(np.float32)
    plain = hypernetwork.draw(
        rng, deviations, networks=config.trained, inputs=2, hidden=config.hidden, moment=MOMENT
    )
    base = deviations * rng.standard_normal(plain.base.shape).astype(np.float32)
    ranges = (0.0, NARROW)
    sets = np.stack([turned_digits(hyperparameters(smallest)) for smallest in ranges])
    labels = handwritten_digits.bundled().labels[:DIGITS]
    picks = rng.integers(
        DIGITS,
        size=(config.trained, config.steps, PER_STEP, 1 + config.batch),
    )
    picks[..., 0] %= INPUTS

    def run_of(kind: Kind) -> Run:
        _, encoding, based = PARAMETRIZATIONS[kind.parametrization]
        adam, rate = OPTIMIZERS[kind.optimizer]
        encoded = encode(hyperparameters(kind.smallest)[:, None], encoding).astype(np.float32)

        def for_each(value: np.ndarray) -> np.ndarray:
            return np.broadcast_to(value, (config.trained, *value.shape))

        return Run(
            plain._replace(base=base) if based else plain,
            for_each(encoded),
            for_each(np.array(ranges.index(kind.smallest))),
            for_each(np.array(adam)),
            for_each(np.array(rate, np.float32)),
            picks,
        )

    runs = jax.tree.map(lambda *parts: np.concatenate(parts), *map(run_of, kinds(config)))
    losses = np.asarray(train(runs, sets, labels))
    worth = np.fmin(losses, SILENT).reshape(-1, config.trained, INPUTS)
    return Training(np.swapaxes(worth, 0, 1))


def final_loss(run: Training, config: Config, *which: Kind) -> np.ndarray:
    """Mean loss at the end over hyperparameters, shape (runs, kinds asked for)."""
    known = kinds(config)
    return np.stack([run.loss[:, known.index(kind)].mean(axis=-1) for kind in which], axis=1)


REVERSED = rival("The order reversed.", reverse=True)


@claim(
    train_on_turned_digits,
    kind="order",
    source="abstract (faster convergence)",
    tolerance=math.inf,
    controls=[REVERSED],
)
def both_halves_together_learn_sooner(
    run: Training, config: Config, reverse: bool = False
) -> Evidence:
    r"""After equally many steps on digits turned by $180°\cdot\gamma$ the loss is smaller with both
    than by default, with Adam at the rate 0.001 and with gradient descent at 0.1.
    """
    names = config.optimizers[:2]
    first, second = (BOTH, DEFAULT) if not reverse else (DEFAULT, BOTH)
    smaller = final_loss(run, config, *(Kind(name, first, 0.0) for name in names))
    larger = final_loss(run, config, *(Kind(name, second, 0.0) for name in names))
    return ordered(smaller, larger, effect=0.0).named(*names)


@claim(
    train_on_turned_digits,
    kind="order",
    source="ablations; that it depends on the optimizer is found here",
    tolerance=math.inf,
    controls=[REVERSED],
)
def which_half_matters_depends_on_the_optimizer(
    run: Training, config: Config, reverse: bool = False
) -> Evidence:
    r"""Alone, the encoding leaves a smaller loss than the base weight with Adam, and a larger one
    with gradient descent.
    """
    names = config.optimizers[:2]
    halves = ((ENCODED, BASED), (BASED, ENCODED))
    smaller = [Kind(name, pair[reverse], 0.0) for name, pair in zip(names, halves, strict=True)]
    larger = [Kind(name, pair[not reverse], 0.0) for name, pair in zip(names, halves, strict=True)]
    return ordered(
        final_loss(run, config, *smaller), final_loss(run, config, *larger), effect=0.0
    ).named(*names)


@claim(
    train_on_turned_digits,
    kind="order",
    source="derived from the proportionality",
    tolerance=math.inf,
    controls=[REVERSED],
)
def the_gain_is_lost_among_inputs_of_one_size(
    run: Training, config: Config, reverse: bool = False
) -> Evidence:
    r"""With Adam, the gain over the default is smaller for $\gamma$ between 0.9 and 1 than for all
    $\gamma$.
    """
    adam = config.optimizers[0]
    gains = [
        np.diff(final_loss(run, config, Kind(adam, BOTH, low), Kind(adam, DEFAULT, low)))[:, 0]
        for low in (NARROW, 0.0)
    ]
    return ordered(*(gains[::-1] if reverse else gains), effect=0.0)


FIFTH = INPUTS // 5
"""Hyperparameters in a fifth of the range."""


@claim(
    train_on_turned_digits,
    kind="order",
    source="derived from the proportionality",
    tolerance=math.inf,
    controls=[REVERSED],
)
def the_gain_is_where_the_input_is_small(
    run: Training, config: Config, reverse: bool = False
) -> Evidence:
    r"""With Adam, the gain is larger for the smallest fifth of all $\gamma$ than for the
    largest.
    """
    known = kinds(config)
    default, both = (
        run.loss[:, known.index(Kind(config.optimizers[0], which, 0.0))]
        for which in (DEFAULT, BOTH)
    )
    gain = default - both
    ends = [gain[:, -FIFTH:].mean(axis=1), gain[:, :FIFTH].mean(axis=1)]
    return ordered(*(ends[::-1] if reverse else ends), effect=0.0)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Powers of the input, noise, sizes along the circle; below, losses after training."""
    figure = Figure(figsize=(9.0, 6.6))
    axes = figure.subplot_mosaic("aabbcc;dddeee")
    draw_powers(axes["a"], runs[scale_inputs], runs[turn_inputs], config)
    draw_noise(axes["b"], runs[scale_inputs], runs[turn_inputs], config)
    draw_sizes_along(axes["c"], runs[follow_sizes], config)
    draw_losses_by_input(axes["d"], runs[train_on_turned_digits], config)
    draw_losses_by_optimizer(axes["e"], runs[train_on_turned_digits], config)
    return figure


def draw_powers(axes: Axes, run: Responses, turned: Turned, config: Config) -> None:
    """Gradients against the input: powers by default, flat on the circle."""
    t = input_rule(config, NODES)[0]
    gradient = total(run.gradient)
    shown = [index for index, depth in enumerate(config.depths) if depth <= SHOWN_DEPTH]
    for colour, index in enumerate(shown):
        relative = gradient[0, index, 1:] / gradient[0, index, 0]
        depth = config.depths[index]
        axes.plot(t, relative, f"C{colour}o", ms=3.5, label=f"default, $K={depth}$")
        axes.plot(t, t ** theory.exponents(depth)[2], **PREDICTED)
    nodes = input_rule(config, POINTS)[0]
    flat = turned.profile[BOTH] / np.sqrt(np.mean(turned.profile[BOTH] ** 2))
    axes.plot(nodes, flat, "s", color="0.45", ms=4.5, label=f"both, $K={TURNED_LAYERS}$")
    axes.plot(t, np.ones(t.size), **PREDICTED)
    axes.plot([], [], **PREDICTED, label="predicted")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=r"input $\gamma$",
        ylabel="gradient, relative",
        ylim=(1e-24, 30),
        title="Gradients are powers",
    )
    axes.legend(loc="lower right")


def draw_noise(axes: Axes, run: Responses, turned: Turned, config: Config) -> None:
    """Gradient noise against the depth, and of all parametrizations."""
    depths = np.array(config.depths)
    lengths, weights = total(run.gradient)[0, :, 1:], input_rule(config, NODES)[1]
    fine = np.linspace(0, SHOWN_DEPTH + 0.5, 200)
    axes.plot(fine, theory.gradient_noise(fine), **PREDICTED, label="$(K+1)^2/(2K+1)$")
    shown = depths <= SHOWN_DEPTH
    noise = lengths**2 @ weights / (lengths @ weights) ** 2
    axes.plot(depths[shown], noise[shown], "C0o", label="default")
    for which in (BASED, ENCODED, BOTH):
        low, high = interval(turned.noise[:, [which]])
        name = PARAMETRIZATIONS[which][0]
        axes.plot(
            [TURNED_LAYERS] * 2, [low[0], high[0]], color=f"C{which}", linewidth=6, label=name
        )
    axes.set(
        xlabel="layers $K$ of the primary network",
        ylabel=r"$\mathrm{E}|g|^2/(\mathrm{E}|g|)^2$",
        ylim=(0.9, 5.5),
        title="Noise from inputs alone",
    )
    axes.legend(loc="upper left")


SHOWN_DEPTH = 5
"""Layers of the deepest primary network in the figure."""


def draw_sizes_along(axes: Axes, run: Sizes, config: Config) -> None:
    """Spread of sizes along the circle against the width, single networks in the background."""
    widths = np.array(config.widths)
    seen = one_network_is_not_invariant(run, config).comparison
    low, middle, high = np.sqrt([seen.lower, seen.measured, seen.upper])
    axes.errorbar(
        widths, middle, [middle - low, high - middle], fmt="C0o", capsize=2, label="measured"
    )
    axes.plot(
        widths, np.sqrt(predicted_variances(config).sum(axis=0)), **PREDICTED, label="predicted"
    )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="hidden units $H$",
        ylabel="variation of $|h|^2$ along the circle",
        title="One network is not invariant",
    )
    axes.set_xticks(widths, [f"{width}" for width in widths])
    variations = [0.2, 0.3, 0.4, 0.6, 0.8]
    axes.set_yticks(variations, [f"{variation:g}" for variation in variations])
    axes.minorticks_off()
    axes.legend()


def draw_losses_by_input(axes: Axes, run: Training, config: Config) -> None:
    """Loss after all steps by hyperparameter, with Adam."""
    gammas = hyperparameters(0.0)
    known = kinds(config)
    for which, (name, _, _) in enumerate(PARAMETRIZATIONS):
        loss = run.loss[:, known.index(Kind(config.optimizers[0], which, 0.0))]
        axes.plot(gammas, loss.mean(axis=0), f"C{which}", label=name)
        axes.fill_between(gammas, *interval(loss), color=f"C{which}", alpha=0.2, linewidth=0)
    axes.axhline(SILENT, color="0.6", linewidth=1.2, linestyle=":")
    axes.text(1.0, SILENT, "silent network", color="0.45", ha="right", va="bottom")
    axes.set(
        xlabel=r"input $\gamma$",
        ylabel="loss in nats",
        ylim=(0, 2.6),
        title=f"Turned digits, {config.optimizers[0]}",
    )
    axes.legend(ncols=2, loc="lower left")


def draw_losses_by_optimizer(axes: Axes, run: Training, config: Config) -> None:
    """Mean loss over all hyperparameters, and where all have nearly one size."""
    groups = [(name, 0.0) for name in config.optimizers] + [(config.optimizers[0], NARROW)]
    known = kinds(config)
    for which in range(len(PARAMETRIZATIONS)):
        for at, (optimizer, smallest) in enumerate(groups):
            kind = Kind(optimizer, which, smallest)
            if kind in known:
                loss = final_loss(run, config, kind)
                low, high = interval(loss)
                where = at + 0.15 * (which - 1.5)
                axes.plot([where] * 2, [low[0], high[0]], color=f"C{which}")
                axes.plot(where, loss.mean(), f"C{which}o", ms=5)
    names = [f"{name.replace(', ', chr(10))}" for name, _ in groups[:-1]]
    axes.set_xticks(range(len(groups)), [*names, f"{names[0]},\n$\\gamma>{NARROW:g}$"])
    axes.axhline(SILENT, color="0.6", linewidth=1.2, linestyle=":")
    axes.set(xlabel="optimizer", ylabel="loss in nats", ylim=(0, 2.6), title="Which half helps")


def interval(loss: Recorded) -> tuple[np.ndarray, np.ndarray]:
    """Two standard errors around the mean over runs."""
    mean, error = loss.mean(axis=0), loss.std(axis=0, ddof=1) / np.sqrt(len(loss))
    return mean - 2 * error, mean + 2 * error


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
