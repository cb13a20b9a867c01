r"""Wide ReLU networks of one input, trained with noise, become piecewise linear with few knots.

A wide two-layer ReLU network is fitted to $M$ points on the line by noisy gradient descent with
weight decay $\lambda$. With many neurons and small steps its neurons are spread by a Gibbs measure
of inverse temperature $\beta$, and when the noise vanishes

- the curve $f$ becomes **piecewise linear**: $f''$ is left in clusters that narrow to points, the
  *knots*;
- there are **at most three knots** between neighbouring inputs, data included;
- some of them are **away from the data**: kinks of neighbouring points merge into one between them.

The paper proves this with a truncated activation. Without truncation the Gibbs measure is a problem
in $M$ numbers, solved here to rounding, and its limit a linear program whose columns are priced
exactly; so the counting is done over thousands of data sets and the measure is compared with noisy
training itself. What the paper leaves open is worked out and tested as well: of the three knots at
most two are off the data, and three are always two at the data with one between; knots narrow like
$\beta^{-1/2}$ with a known prefactor, those at the data like $\beta^{-3/2}$, and the curvature
elsewhere vanishes like $\beta^{-3/2}$.

Alexander Shevchenko, Vyacheslav Kungurtsev, Marco Mondelli: *Mean-field Analysis of Piecewise
Linear Solutions for Wide ReLU Networks*, JMLR 23(130), 2022, arXiv:2111.02278.
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
from jaxtyping import Array, Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, counts, equals, identity, scales_as
from harness.errors import require
from harness.style import PREDICTED
from instruments import univariate_networks as networks
from instruments.randomness import generator
from theory.geometry import mean_field_knots as theory

INPUTS = np.array([-1.0, -0.3, 0.3, 1.0])
TARGETS = np.array([1.0, -0.1, -0.2, 0.7])
"""The points that noisy training fits."""
VALLEY_INPUTS = np.array([-1.2, -0.4, 0.5, 1.3])
VALLEY_TARGETS = np.array([0.9, -0.4, -0.8, 0.6])
"""Points whose limit bends at the third input and once off the data, between the inner two."""
JITTER_INPUTS, JITTER_TARGETS = 0.04, 0.08
"""Largest random displacement of these; the limit keeps its shape."""
STRIDE = 20
"""Steps between recorded states of a training."""
SECTORS = 12
"""Sectors of equal width of the directions of neurons."""
SECTOR_EDGES = np.linspace(-np.pi / 2, 3 * np.pi / 2, SECTORS + 1)
SET_SIZES = (3, 4, 6, 10)
SPREADS = (0.5, 3.0, 10.0)
"""Sizes of random data sets, and half ranges of their inputs: biases are regularised, so that
the unit of length matters."""
BLOCKS = 4
"""Independent groups of data sets, in each of which the largest count is taken."""
SPACING = 0.02
"""Inputs are at least this fraction of the half range apart, so that no knot is unresolved."""
AWAY = 0.1
"""Mass farther than this, in arctan x, from all knots is stray."""


@dataclass(frozen=True)
class Config:
    r"""Parameters; temperatures are inverse, $\beta$, and decays are $\lambda$."""

    directions: Literal["learned", "fixed"] = "learned"
    """Whether input weights and biases are trained, or stay random features."""

    integrated_sets: int = 4
    """Random data sets whose Gibbs measure is integrated directly."""
    integrated_decay: float = 0.1
    """Weight decay there."""
    integrated_temperature: float = 20.0
    """Inverse temperature there."""
    residual_factor: float = 1.0
    """Factor on the residuals of the fixed point; only 1 is self-consistent."""

    neurons: int = 64
    """Neurons N of a network that is trained with noise."""
    chains: int = 64
    """Independent trainings."""
    decay: float = 0.05
    """Weight decay of these trainings."""
    inverse_temperature: float = 100.0
    """Inverse temperature of these trainings."""
    step_size: float = 0.2
    """Step of gradient descent, in units in which a neuron's loss is N times the network's."""
    steps: int = 20_000
    """Steps; averages leave out the first quarter."""
    noise: float = 1.0
    """Factor on the noise."""
    samples_per_step: Literal["all", "one"] = "all"
    """Samples of which a step takes the gradient."""

    sets: int = 200
    """Random data sets of each size and spread, a multiple of four."""
    fixed_neurons: int = 100
    """Neurons of the interpolants that are counted where directions are fixed."""
    alternating: bool = True
    """Whether targets of zigzag data alternate in sign."""
    zigzag_size: int = 8
    """Points of zigzag data."""
    pairs: int = 200
    """Pairs of points."""
    pair_reach: tuple[float, float] = (1.1, 10.0)
    """Range of the distances from zero of the two points, which lie on either side."""

    cold_sets: int = 24
    """Displaced valleys whose Gibbs measure is cooled."""
    cold_decay: float = 0.02
    """Weight decay there."""
    cold_temperatures: tuple[float, ...] = (1e6, 1e7, 1e8)
    """Inverse temperatures, increasing, at least three; beyond 1e8 rounding shows."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                fine = isinstance(number, str | bool) or name == "noise" or number > 0
                require(fine, f"{name} must be above zero, got {number}")
        require(self.noise >= 0, f"noise must not be negative, got {self.noise}")
        require(self.sets % BLOCKS == 0, f"sets must be a multiple of {BLOCKS}, got {self.sets}")
        require(self.steps >= 4 * STRIDE, f"steps must be at least {4 * STRIDE}, got {self.steps}")
        require(self.zigzag_size >= 4, f"zigzag_size must be at least 4, got {self.zigzag_size}")
        low, high = self.pair_reach
        require(low < high, f"pair_reach must be a range, got {self.pair_reach}")
        steep = self.cold_temperatures
        require(
            len(steep) >= 3 and list(steep) == sorted(set(steep)),
            f"cold_temperatures must be three or more, increasing, got {steep}",
        )


SIZES = {
    "ci": Config(),
    "figure": Config(
        integrated_sets=8,
        step_size=0.1,
        steps=100_000,
        chains=96,
        sets=1200,
        pairs=1000,
        cold_sets=60,
        cold_temperatures=(1e6, 10**6.5, 1e7, 10**7.5, 1e8),
    ),
    "paper": Config(
        integrated_sets=16,
        neurons=256,
        step_size=0.1,
        steps=100_000,
        chains=96,
        sets=12_000,
        pairs=10_000,
        cold_sets=240,
        cold_temperatures=(1e6, 10**6.5, 1e7, 10**7.5, 1e8),
    ),
}


# ---------------------------------------------------------------- the Gibbs measure


class DirectIntegrals(NamedTuple):
    """Integrals over neurons, in Cartesian coordinates, at the residuals of the fixed point."""

    inputs: Float[Recorded, "sets n"]
    targets: Float[Recorded, "sets n"]
    residual: Float[Recorded, "sets n"]
    outputs: Float[Recorded, "sets points"]
    """Outputs at the inputs and at `PROBES`."""
    second_moments: Float[Recorded, "sets 3"]
    """Mean squares of a, w, b."""


PROBES = np.array([-2.0, 0.1, 0.8])
"""Points that are no inputs."""


def integrate(
    inputs: np.ndarray, residual: np.ndarray, decay: float, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and second moments of the Gibbs measure: three nested one-dimensional integrals.

    The exponent is at least beta (decay - max |g|) |theta|^2 / 2, so that nothing is left beyond
    nine standard deviations of that. In a the integrand is Gaussian, where the trapezoidal rule is
    exact to rounding; in b it is smooth between the neurons' knots, in w on either side of zero.
    """
    points = np.concatenate([inputs, PROBES])
    reach = 9 / math.sqrt(beta * (decay - theory.largest_field(inputs, residual)))
    node, weight = np.polynomial.legendre.leggauss(56)
    a = np.linspace(-reach, reach, 121)
    total, outputs, moments = 0.0, np.zeros(len(points)), np.zeros(3)
    positive, weights = reach * (node + 1) / 2, reach * weight / 2
    for w, w_weight in zip(np.r_[-positive, positive], np.r_[weights, weights], strict=True):
        ends = np.sort(np.clip(np.r_[-reach, -w * points, reach], -reach, reach))
        half = np.diff(ends) / 2
        b = ((ends[1:] + ends[:-1]) / 2 + half * node[:, None]).ravel()
        b_weight = (half * weight[:, None]).ravel()
        active = np.maximum(w * points[:, None] + b, 0)
        field = residual @ active[: len(inputs)]
        exponent = a[:, None] * field + decay / 2 * (a[:, None] ** 2 + w**2 + b**2)
        density = w_weight * b_weight * np.exp(-beta * exponent)
        by_b, by_a = density.sum(axis=0), density.sum(axis=1)
        total += by_b.sum()
        outputs += active @ (a @ density)
        moments += [a**2 @ by_a, w**2 * by_b.sum(), b**2 @ by_b]
    return outputs / total, moments / total


@measurement
def integrate_directly(config: Config, key: PRNGKeyArray) -> DirectIntegrals:
    """Integrate over (a, w, b) without the reduction to directions."""
    random = generator(key)
    decay, beta = config.integrated_decay, config.integrated_temperature
    rows = []
    for _ in range(config.integrated_sets):
        inputs = INPUTS + random.uniform(-0.2, 0.2, len(INPUTS))
        targets = TARGETS + random.uniform(-0.5, 0.5, len(TARGETS))
        residual = theory.gibbs(inputs, targets, decay, beta).residual * config.residual_factor
        rows.append((inputs, targets, residual, *integrate(inputs, residual, decay, beta)))
    return DirectIntegrals(*(np.array(column) for column in zip(*rows, strict=True)))


@claim(
    integrate_directly,
    kind="identity",
    source="paper: the stationary measure; its untruncated form derived",
    tolerance=1e-10,
    controls=[broken("Residuals a tenth too small are not its own.", residual_factor=0.9)],
)
def the_gibbs_measure_is_a_fixed_point(run: DirectIntegrals, config: Config) -> Evidence:
    r"""The network of the measure $\exp(-\beta[\sum_iR_ia(wx_i+b)_++\frac\lambda2|\theta|^2])$ has
    the very residuals that it was made from: $f(x_i)-y_i=MR_i$.
    """
    count = run.inputs.shape[1]
    predicted = run.targets + count * run.residual
    # The nodes of the direct integral resolve 1e-12, less where a neuron is nearly unstable.
    return identity(run.outputs[:, :count], predicted, rounding=1e-11)


Prediction = Callable[[theory.Gibbs, np.ndarray], np.ndarray]


def reduced(measure: theory.Gibbs, points: np.ndarray) -> np.ndarray:
    """Outputs at points and second moments, by the one-dimensional formulas."""
    values = theory.outputs(measure.angles, measure.masses, points)
    return np.concatenate([values, measure.second_moments])


def reduced_without_the_plane(measure: theory.Gibbs, points: np.ndarray) -> np.ndarray:
    """The rival that takes the length of (w, b) for a Gaussian of one dimension, not two."""
    return reduced(measure, points) * np.r_[np.full(len(points), 0.5), 1, 0.5, 0.5]


@claim(
    integrate_directly,
    kind="identity",
    source="derived",
    tolerance=1e-10,
    controls=[
        rival("Rival: half the mean square of (w, b).", predict=reduced_without_the_plane),
    ],
)
def one_dimension_is_enough(
    run: DirectIntegrals, config: Config, predict: Prediction = reduced
) -> Evidence:
    r"""Outputs, at inputs and elsewhere, and second moments are integrals over directions $p$, with
    density $\propto(\lambda^2-g^2)^{-1}$ and mass $\propto-g\,(\lambda^2-g^2)^{-2}$.
    """
    predicted = []
    for inputs, residual in zip(run.inputs, run.residual, strict=True):
        splits = np.concatenate([-np.arctan(PROBES), np.pi - np.arctan(PROBES)])
        measure = theory.gibbs_of_residual(
            inputs, residual, config.integrated_decay, config.integrated_temperature, splits=splits
        )
        predicted.append(predict(measure, np.concatenate([inputs, PROBES])))
    measured = np.concatenate([run.outputs, run.second_moments], axis=1)
    return identity(measured, np.array(predicted), rounding=1e-11)


# ---------------------------------------------------------------- noisy training


class Training(NamedTuple):
    """Averages over time of networks trained with noise."""

    outputs: Float[Recorded, "chains n"]
    """Outputs at the inputs."""
    second_moments: Float[Recorded, "chains 2"]
    """Mean squares of a and of (w, b)."""
    sectors: Float[Recorded, "chains sectors"]
    """Mean of a |(w, b)| over neurons whose direction lies in a sector, zero elsewhere."""


@partial(jax.jit, static_argnames=("chains", "neurons", "steps"))
def noisy_descent(
    key: PRNGKeyArray,
    inputs: Array,
    targets: Array,
    decay: Array,
    step_size: Array,
    noise: Array,
    single: Array,
    *,
    chains: int,
    neurons: int,
    steps: int,
) -> Training:
    """Gradient descent with noise from standard Gaussian neurons, averaged over time.

    `noise` is the standard deviation of the noise of a step; `single`, whether a step sees one
    sample. Single precision: the noise is larger by far than its rounding.
    """
    inputs, targets, decay, step_size, noise = (
        value.astype(jnp.float32) for value in (inputs, targets, decay, step_size, noise)
    )
    count = len(inputs)
    start_key, key = jax.random.split(key)
    start = jax.random.normal(start_key, (3, chains, neurons), jnp.float32)

    def forward(neuron: Array) -> tuple[Array, Array]:
        a, w, b = neuron
        preactivations = inputs[:, None, None] * w + b
        return preactivations, jnp.mean(a * jax.nn.relu(preactivations), axis=2, keepdims=True)

    def step(state: tuple[Array, PRNGKeyArray], _: None) -> tuple[tuple[Array, PRNGKeyArray], None]:
        neuron, key = state
        key, noise_key, sample_key = jax.random.split(key, 3)
        preactivations, values = forward(neuron)
        chosen = jnp.floor(count * jax.random.uniform(sample_key, (1, chains, 1), jnp.float32))
        share = jnp.where(single, chosen == jnp.arange(count)[:, None, None], 1 / count)
        residual = share.astype(jnp.float32) * (values - targets[:, None, None])
        slope = jnp.where(preactivations > 0, residual * neuron[0], 0)
        gradient = jnp.stack(
            [
                jnp.sum(residual * jax.nn.relu(preactivations), axis=0),
                jnp.sum(inputs[:, None, None] * slope, axis=0),
                jnp.sum(slope, axis=0),
            ]
        )
        kick = noise * jax.random.normal(noise_key, neuron.shape, jnp.float32)
        change = kick - step_size * (gradient + decay * neuron)
        return (neuron + change, key), None

    def observe(
        state: tuple[Array, PRNGKeyArray], _: None
    ) -> tuple[tuple[Array, PRNGKeyArray], Training]:
        state, _ = jax.lax.scan(step, state, length=STRIDE)
        a, w, b = neuron = state[0]
        squares = jnp.mean(neuron**2, axis=2)
        turn = jnp.mod(jnp.arctan2(b, w) + jnp.pi / 2, 2 * jnp.pi)
        sector = jnp.floor(turn * (SECTORS / (2 * jnp.pi)))
        mass = a * jnp.hypot(w, b)
        inside = sector[:, :, None] == jnp.arange(SECTORS)
        sectors = jnp.mean(jnp.where(inside, mass[:, :, None], 0), axis=1)
        values = forward(neuron)[1][:, :, 0]
        moments = jnp.stack([squares[0], squares[1] + squares[2]])
        return state, Training(values.T, moments.T, sectors)

    _, seen = jax.lax.scan(observe, (start, key), length=steps // STRIDE)
    # The first quarter is left out.
    return jax.tree.map(lambda record: jnp.mean(record[len(record) // 4 :], axis=0), seen)


@measurement
def train_with_noise(config: Config, key: PRNGKeyArray) -> Training:
    """Train many networks on the same four points."""
    temperature = config.noise**2 / config.inverse_temperature
    return noisy_descent(
        key,
        jnp.asarray(INPUTS),
        jnp.asarray(TARGETS),
        jnp.asarray(config.decay),
        jnp.asarray(config.step_size),
        jnp.sqrt(2 * config.step_size * temperature),
        jnp.asarray(config.samples_per_step == "one"),
        chains=config.chains,
        neurons=config.neurons,
        steps=config.steps,
    )


Law = Callable[[Config], tuple[theory.Gibbs, theory.Shift]]


def gibbs_law(config: Config, warmer: float = 1.0) -> tuple[theory.Gibbs, theory.Shift]:
    """The Gibbs measure of training, and what finitely many neurons change, times their number."""
    setting = INPUTS, TARGETS, config.decay, config.inverse_temperature / warmer
    return theory.gibbs(*setting, splits=SECTOR_EDGES), theory.finite_width_shift(*setting)


def twice_as_hot(config: Config) -> tuple[theory.Gibbs, theory.Shift]:
    """The rival that takes the noise of a step for its variance over one, not two."""
    return gibbs_law(config, warmer=2.0)


def discretisation(config: Config) -> float:
    r"""Relative error of a step $\delta$ of gradient descent with noise: $\delta\lambda$.

    A mode of curvature $k$ has its variance enlarged by $1/(1-\delta k/2)$, and a neuron's modes
    have $k\le\lambda+\max|g|<2\lambda$.
    """
    return config.step_size * config.decay


@claim(
    train_with_noise,
    kind="value",
    source="paper: convergence to the stationary measure",
    tolerance=0.03,
    controls=[
        rival("Rival: twice the temperature.", law=twice_as_hot),
        broken("Without noise training ends elsewhere.", noise=0.0),
    ],
)
def noisy_training_fits_like_the_gibbs_measure(
    run: Training, config: Config, law: Law = gibbs_law
) -> Evidence:
    r"""Outputs of networks of $N$ neurons at the data are on average those of the Gibbs measure,
    with its first correction $-\frac M{2\beta N}\nabla_y\log\det(I+\frac\beta M\Sigma)$.
    """
    measure, shift = law(config)
    predicted = measure.outputs + shift.outputs / config.neurons
    margin = discretisation(config) * np.max(np.abs(measure.outputs))
    return equals(run.outputs, predicted, margin=margin).named(*(f"x = {x:g}" for x in INPUTS))


@claim(
    train_with_noise,
    kind="value",
    source="paper; values derived",
    tolerance=0.03,
    controls=[
        rival("Rival: twice the temperature.", law=twice_as_hot),
        broken("Without noise neurons are shorter.", noise=0.0),
        broken(
            "At this step size the noise of single samples counts as well.",
            samples_per_step="one",
        ),
    ],
)
def neurons_are_as_long_as_in_the_gibbs_measure(
    run: Training, config: Config, law: Law = gibbs_law
) -> Evidence:
    r"""The mean squares of $a$ and of $(w,b)$ are
    $\frac1{\beta\lambda}+E\frac{2g^2}{\beta\lambda(\lambda^2-g^2)}$ and
    $E\frac{2\lambda}{\beta(\lambda^2-g^2)}$, up to $O(1/N)$, which is taken into account.
    """
    measure, shift = law(config)
    a, w, b = measure.second_moments
    predicted = np.array([a, w + b]) + shift.second_moments / config.neurons
    margin = discretisation(config) * predicted
    return equals(run.second_moments, predicted, margin=margin).named("a", "(w, b)")


@claim(
    train_with_noise,
    kind="law",
    source="paper; density derived",
    tolerance=0.1,
    controls=[
        rival("Rival: twice the temperature.", law=twice_as_hot),
        broken("Without noise directions gather at the knots.", noise=0.0),
    ],
)
def neurons_point_where_the_gibbs_measure_says(
    run: Training, config: Config, law: Law = gibbs_law
) -> Evidence:
    r"""By direction of the neurons, twelve sectors, the mean of $a|(w,b)|$ is that of the Gibbs
    measure, $-\frac2{\beta Z}\int\frac{g\,dp}{(\lambda^2-g^2)^2}$: here the curve bends.
    """
    measure, shift = law(config)
    predicted = theory.mass_by_sector(measure, SECTOR_EDGES)
    # Finitely many neurons change masses by as much, in proportion, as they change the outputs.
    few = np.max(np.abs(shift.outputs)) / np.max(np.abs(measure.outputs)) / config.neurons
    margin = (discretisation(config) + few) * np.sum(np.abs(predicted))
    names = (f"from {math.degrees(edge):.0f}°" for edge in SECTOR_EDGES[:-1])
    return equals(run.sectors, predicted, margin=margin).named(*names)


# ---------------------------------------------------------------- counting knots


class Knots(NamedTuple):
    """Knots between neighbouring inputs; -1 where a smaller data set has no interval."""

    inside: Int[Recorded, "blocks sets intervals"]
    """In the open interval."""
    closed: Int[Recorded, "blocks sets intervals"]
    """In the closed interval."""


def interpolate(
    inputs: np.ndarray, targets: np.ndarray, config: Config
) -> tuple[networks.Network, np.ndarray]:
    """The limit for no noise, then no decay: least norm, and the resolution of its directions.

    Where directions are fixed, the noiseless limit is least in the squares of the masses instead.
    """
    if config.directions == "learned":
        found = networks.least_norm_interpolants(inputs, targets)
        return found.network, found.resolution
    turn = np.linspace(-np.pi / 2, 3 * np.pi / 2, config.fixed_neurons, endpoint=False)
    # Inputs between neighbouring knots may be too many to fit: least squares is meant there.
    inverse = np.linalg.pinv(networks.features(turn[None], inputs))
    angles = np.broadcast_to(turn, (len(inputs), len(turn)))
    masses = np.einsum("skn,sn->sk", inverse, targets)
    return networks.Network(angles, masses), np.full(len(inputs), 1e-6)


def random_data(
    random: np.random.Generator, sets: int, size: int, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Uniform inputs, given that neighbours are no closer than `SPACING`, and Gaussian targets."""
    gap = SPACING * spread
    free = np.sort(random.uniform(-spread, spread - gap * (size - 1), (sets, size)), axis=1)
    return free + gap * np.arange(size), random.standard_normal((sets, size))


def counted(inputs: np.ndarray, targets: np.ndarray, config: Config, intervals: int) -> Knots:
    """Count knots of many data sets, in blocks."""
    network, resolution = interpolate(inputs, targets, config)
    found = networks.count_knots(network, inputs, radius=resolution)
    padding = [(0, 0), (0, intervals + 1 - inputs.shape[1])]

    def in_blocks(number: np.ndarray) -> np.ndarray:
        padded = np.pad(number, padding, constant_values=-1)
        return padded.reshape(BLOCKS, -1, intervals)

    return Knots(in_blocks(found.inside), in_blocks(found.closed))


@measurement
def count_knots(config: Config, key: PRNGKeyArray) -> Knots:
    """Fit random data of all sizes and spreads."""
    random = generator(key)
    parts = []
    for size in SET_SIZES:
        for spread in SPREADS:
            inputs, targets = random_data(random, config.sets, size, spread)
            parts.append(counted(inputs, targets, config, max(SET_SIZES) - 1))
    return Knots(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))


@claim(
    count_knots,
    kind="count",
    source="paper, main result",
    tolerance=0.2,
    controls=[
        rival("Rival: at most two.", most=theory.MOST_KNOTS - 1),
        broken("Random features bend everywhere.", directions="fixed"),
    ],
)
def three_knots_between_neighbouring_inputs_at_most(
    run: Knots, config: Config, most: int = theory.MOST_KNOTS
) -> Evidence:
    r"""Without noise the curve has at most three knots between neighbouring inputs, these included;
    of many random data sets some reach three.
    """
    return counts(run.closed.max(axis=(1, 2)), most)


@claim(
    count_knots,
    kind="count",
    source="derived; sharpens the paper's count",
    tolerance=0.3,
    controls=[
        rival("Rival: at most one.", most=theory.MOST_KNOTS_INSIDE - 1),
        rival("Rival: all three may lie off the data.", most=theory.MOST_KNOTS),
        broken("Random features bend everywhere.", directions="fixed"),
    ],
)
def two_knots_off_the_data_at_most(
    run: Knots, config: Config, most: int = theory.MOST_KNOTS_INSIDE
) -> Evidence:
    r"""Strictly between neighbouring inputs there are at most two knots: one of neurons that face
    right, one of neurons that face left; of many random data sets some reach two.
    """
    return counts(run.inside.max(axis=(1, 2)), most)


@claim(
    count_knots,
    kind="count",
    source="derived; sharpens the paper's count",
    tolerance=0.3,
    controls=[
        rival("Rival: three are one at an input and two between.", inside_of_three=2),
        rival("Rival: two between leave room for a third at an input.", closed_of_two=3),
    ],
)
def three_knots_are_two_inputs_and_one_between(
    run: Knots, config: Config, inside_of_three: int = 1, closed_of_two: int = 2
) -> Evidence:
    r"""Where there are three knots, exactly one lies strictly between the inputs; where two do,
    none is at an input. One sinusoid touches its bounds at its peak or at the ends, never at both.
    """
    ends = []
    for inside, closed in zip(run.inside, run.closed, strict=True):
        of_three, of_two = inside[closed == theory.MOST_KNOTS], closed[inside == 2]
        ends.append([of_three.min(), of_three.max(), of_two.min(), of_two.max()])
    return counts(ends, [inside_of_three] * 2 + [closed_of_two] * 2)


@measurement
def count_zigzag_knots(config: Config, key: PRNGKeyArray) -> Knots:
    """Fit data that go up and down by turns."""
    random = generator(key)
    size = config.zigzag_size
    parts = []
    for spread in SPREADS:
        inputs, targets = random_data(random, config.sets, size, spread)
        if config.alternating:
            targets = np.abs(targets) * (-1.0) ** np.arange(size)
        parts.append(counted(inputs, targets, config, size - 1))
    return Knots(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))


@claim(
    count_zigzag_knots,
    kind="count",
    source="conjectured here, from the paper's picture of merging kinks",
    tolerance=0.01,
    controls=[
        broken("Kinks of one sign side by side merge.", alternating=False),
        broken("Random features bend everywhere.", directions="fixed"),
    ],
)
def zigzag_data_are_joined_by_straight_lines(run: Knots, config: Config) -> Evidence:
    r"""Kinks of opposite signs do not merge: if targets alternate in sign, all inner intervals (all
    but the first and the last) are free of knots inside.
    """
    inner = run.inside[:, :, 1:-1]
    return counts(np.sum(inner == 0, axis=(1, 2)), inner[0].size)


class Pairs(NamedTuple):
    """Knots of the interpolants of two points."""

    inputs: Float[Recorded, "pairs 2"]
    knots: Float[Recorded, "pairs 2"]
    """Of the heaviest neurons that face right and left."""


@measurement
def fit_pairs(config: Config, key: PRNGKeyArray) -> Pairs:
    """Fit two points on either side of zero, with targets of opposite signs."""
    random = generator(key)
    inputs = random.uniform(*config.pair_reach, (config.pairs, 2)) * [-1, 1]
    targets = np.abs(random.standard_normal(inputs.shape)) * [-1, 1]
    network = networks.least_norm_interpolants(inputs, targets).network
    right = np.cos(network.angles) > 0
    size = np.abs(network.masses)
    heaviest = [np.argmax(np.where(facing, size, -1), axis=1) for facing in (right, ~right)]
    angles = np.take_along_axis(network.angles, np.stack(heaviest, axis=1), axis=1)
    return Pairs(inputs, np.tan(networks.knots(angles)))


def at_the_inputs(inputs: np.ndarray) -> np.ndarray:
    """The rival in which knots are data."""
    return inputs


@claim(
    fit_pairs,
    kind="identity",
    source="derived; an exact case of the paper's knots away from the data",
    tolerance=1e-11,
    controls=[
        rival("Rival: knots are at the inputs.", predict=at_the_inputs),
        broken("Near zero one neuron can serve both points.", pair_reach=(0.3, 0.9)),
    ],
)
def two_points_are_fitted_with_knots_away_from_both(
    run: Pairs, config: Config, predict: Callable[..., np.ndarray] = theory.two_point_knots
) -> Evidence:
    r"""For $x_1x_2<-1$ and $y_1y_2<0$ the knots are at $-1/x_2$ and $-1/x_1$, strictly between."""
    # Each neuron is active at one point, whose direction does not depend on the dual: it is exact.
    return identity(run.knots, predict(run.inputs), rounding=1e-12)


# ---------------------------------------------------------------- cooling


class Cooling(NamedTuple):
    """Gibbs measures of displaced valleys, from warm to cold."""

    inputs: Float[Recorded, "sets n"]
    targets: Float[Recorded, "sets n"]
    knot: Float[Recorded, "sets temperatures"]
    """Median of the curvature of left-facing neurons between the inner two inputs."""
    knot_width: Float[Recorded, "sets temperatures"]
    """Its interquartile range."""
    kink_width: Float[Recorded, "sets temperatures"]
    """The same of right-facing neurons between the second input and the last."""
    stray: Float[Recorded, "sets temperatures"]
    """Share of mass far from all knots of the limit."""


def quartiles(masses: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Quartiles of curvature on a fine grid of places, whatever its sign."""
    order = np.argsort(places)
    size = np.abs(masses[order])
    below = np.cumsum(size) - size / 2
    return np.interp(np.array([0.25, 0.5, 0.75]) * size.sum(), below, places[order])


@cache
def limit_of(data: tuple[tuple[float, ...], tuple[float, ...]], decay: float) -> theory.Limit:
    """The limit of no noise of inputs and targets; claims and controls ask for the same again."""
    return theory.zero_noise_limit(np.array(data[0]), np.array(data[1]), decay)


def limits(run: Cooling, config: Config) -> list[theory.Limit]:
    """The limit of no noise of each data set."""
    pairs = zip(run.inputs, run.targets, strict=True)
    return [limit_of((tuple(x), tuple(y)), config.cold_decay) for x, y in pairs]


@measurement
def cool(config: Config, key: PRNGKeyArray) -> Cooling:
    """Solve for the Gibbs measure at falling temperature, or take random features."""
    random = generator(key)
    decay = config.cold_decay
    data, columns = [], []
    for _ in range(config.cold_sets):
        inputs = VALLEY_INPUTS + random.uniform(-JITTER_INPUTS, JITTER_INPUTS, 4)
        targets = VALLEY_TARGETS + random.uniform(-JITTER_TARGETS, JITTER_TARGETS, 4)
        limit = limit_of((tuple(inputs), tuple(targets)), decay)
        measure, rows = None, []
        for beta in config.cold_temperatures:
            if config.directions == "learned":
                splits = theory.edges_around(limit, AWAY)
                measure = theory.gibbs(
                    inputs, targets, decay, beta, start=measure, splits=splits, nodes=1000
                )
                angles, masses = measure.angles, measure.masses
            else:
                angles, masses = theory.fixed_directions(inputs, targets, decay, 1000)
            places, curvature = theory.knots(angles), masses * np.abs(np.cos(angles))
            left = np.cos(angles) < 0
            knot = left & (places > inputs[1]) & (places < inputs[2])
            kink = ~left & (places > inputs[1]) & (places < inputs[3])
            knot_quartiles = quartiles(curvature[knot], places[knot])
            kink_quartiles = quartiles(curvature[kink], places[kink])
            far = np.abs(masses) @ theory.far_from(limit, angles, AWAY) / np.sum(np.abs(masses))
            rows.append([knot_quartiles[1], np.ptp(knot_quartiles), np.ptp(kink_quartiles), far])
        data.append((inputs, targets))
        columns.append(np.array(rows).T)
    inputs, targets = (np.array(part) for part in zip(*data, strict=True))
    return Cooling(inputs, targets, *np.array(columns).transpose(1, 0, 2))


def away_from_data(limit: theory.Limit, inputs: np.ndarray) -> int:
    """Which neuron of a limit faces left with its knot between the inner two inputs."""
    places = theory.knots(limit.angles)
    between = (places > inputs[1]) & (places < inputs[2]) & (np.cos(limit.angles) < 0)
    return int(np.flatnonzero(between)[0])


def left_out(
    found: list[theory.Limit], run: Cooling, config: Config, beta: float | None = None
) -> float:
    r"""Mean over data sets of the relative size B of the next order, $\propto\beta^{-1/2}$.

    At the highest temperature of all, where it is largest, or at another.
    """
    beta = config.cold_temperatures[0] if beta is None else beta
    pairs = zip(found, run.inputs, strict=True)
    sizes = [theory.next_order(*pair, config.cold_decay, beta, AWAY) for pair in pairs]
    return float(np.mean(sizes))


# The next order B enlarges Z by the factor 1 + 3B/2. Widths of knots go like Z^(-1/3), all else
# below like 1/Z; as B falls like beta^(-1/2), local exponents are off by B/4 and by 3B/4.


@claim(
    cool,
    kind="exponent",
    source="paper: curvature concentrates; exponent derived",
    tolerance=0.04,
    controls=[
        broken("Random features do not concentrate.", directions="fixed"),
        rival("Rival: in proportion to the temperature.", exponent=-1.0),
    ],
)
def knots_off_the_data_narrow_with_the_root_of_the_temperature(
    run: Cooling, config: Config, exponent: float = theory.KNOT_WIDTH_EXPONENT
) -> Evidence:
    r"""Around a knot off the data the field is a sinusoid at its peak, so that curvature spreads
    over a width $\propto\beta^{-1/2}$.
    """
    margin = left_out(limits(run, config), run, config) / 4
    return scales_as(np.array(config.cold_temperatures), run.knot_width, exponent, margin=margin)


@claim(
    cool,
    kind="exponent",
    source="derived",
    tolerance=0.04,
    controls=[
        broken("Random features do not concentrate.", directions="fixed"),
        rival("Rival: in proportion to the temperature.", exponent=-1.0),
    ],
)
def knots_at_the_data_narrow_faster(
    run: Cooling, config: Config, exponent: float = theory.KINK_WIDTH_EXPONENT
) -> Evidence:
    r"""At an input the field has an edge, and the width is $\propto(\beta Z)^{-1}\propto
    \beta^{-3/2}$: there is $Z\propto\beta^{1/2}$ as long as some knot lies off the data.
    """
    margin = 0.75 * left_out(limits(run, config), run, config)
    return scales_as(np.array(config.cold_temperatures), run.kink_width, exponent, margin=margin)


@claim(
    cool,
    kind="exponent",
    source="paper: curvature vanishes outside small sets; exponent derived",
    tolerance=0.04,
    controls=[
        broken("Random features bend everywhere.", directions="fixed"),
        rival("Rival: in proportion to the temperature.", exponent=-1.0),
    ],
)
def curvature_vanishes_away_from_the_knots(
    run: Cooling, config: Config, exponent: float = theory.STRAY_MASS_EXPONENT
) -> Evidence:
    r"""The share of $\int|c|$ farther than 0.1 (in $\arctan x$) from all knots of the limit
    vanishes like $\beta^{-3/2}$.
    """
    margin = 0.75 * left_out(limits(run, config), run, config)
    return scales_as(np.array(config.cold_temperatures), run.stray, exponent, margin=margin)


Width = Callable[[theory.Limit, float, float], np.ndarray]


def width_of_a_lone_knot(limit: theory.Limit, decay: float, beta: float) -> np.ndarray:
    """The rival in which each knot has Z to itself."""
    alone = [
        theory.knot_widths(limit._replace(peaked=only), decay, beta)
        for only in np.eye(len(limit.masses), dtype=bool) & limit.peaked
        if only.any()
    ]
    return np.max(alone, axis=0)


@claim(
    cool,
    kind="value",
    source="derived",
    tolerance=0.01,
    controls=[
        broken("Random features do not concentrate.", directions="fixed"),
        rival("Rival: knots do not share the partition function.", predict=width_of_a_lone_knot),
    ],
)
def knots_are_as_wide_as_their_masses_say(
    run: Cooling, config: Config, predict: Width = theory.knot_widths
) -> Evidence:
    r"""The interquartile range of a knot's curvature, over $\frac{2t_q}\lambda\sqrt{e_k}(1+x_k^2)$
    with $e_k=\frac\lambda{\beta|c_k|^{2/3}\sum_j|c_j|^{1/3}}$ and $t_q=0.4416$, is 1, at the lowest
    temperature.
    """
    beta = config.cold_temperatures[-1]
    found = limits(run, config)
    predicted = [
        predict(limit, config.cold_decay, beta)[away_from_data(limit, inputs)]
        for limit, inputs in zip(found, run.inputs, strict=True)
    ]
    ratio = run.knot_width[:, -1] / np.array(predicted)
    # The next order moves it by B/2, all but exactly: the margin is twice that.
    margin = left_out(found, run, config, beta)
    return equals(ratio, 1, margin=margin).named(f"beta = {beta:.0e}")


Share = Callable[[theory.Limit, np.ndarray, float, float, float], float]


def share_at_one_field(
    limit: theory.Limit, inputs: np.ndarray, decay: float, beta: float, distance: float
) -> float:
    """The rival in which all stray directions are as far from contact as an idle neuron."""
    shrunk = limit._replace(residual=1e-3 * limit.residual)
    return 1e3 * theory.stray_share(shrunk, inputs, decay, beta, distance)


@claim(
    cool,
    kind="value",
    source="derived",
    tolerance=0.02,
    controls=[
        broken("Random features bend everywhere.", directions="fixed"),
        rival("Rival: neurons off the knots do not feel the bound.", predict=share_at_one_field),
    ],
)
def stray_curvature_is_what_the_field_of_the_limit_leaves(
    run: Cooling, config: Config, predict: Share = theory.stray_share
) -> Evidence:
    r"""The share of stray mass over
    $\frac{2}{\beta Z}\int_{\mathrm{far}}\frac{|g|\,dp}{(\lambda^2-g^2)^2}$ per mass, with the field
    of the limit, is 1, at the lowest temperature.
    """
    beta = config.cold_temperatures[-1]
    found = limits(run, config)
    predicted = [
        predict(limit, inputs, config.cold_decay, beta, AWAY)
        for limit, inputs in zip(found, run.inputs, strict=True)
    ]
    # The next order moves it by 3B/2, all but exactly: the margin is twice that.
    margin = 3 * left_out(found, run, config, beta)
    ratio = run.stray[:, -1] / np.array(predicted)
    return equals(ratio, 1, margin=margin).named(f"beta = {beta:.0e}")


@claim(
    cool,
    kind="value",
    source="paper: knots off the data; place derived",
    tolerance=0.005,
    controls=[
        rival("Rival: knots are at the inputs.", away=0.0),
        broken("Random features bend everywhere.", directions="fixed"),
    ],
)
def kinks_of_neighbouring_points_merge_off_the_data(
    run: Cooling, config: Config, away: float = 1.0
) -> Evidence:
    r"""At the lowest temperature curvature has its median where the limit has its knot: its
    distance from the nearest input is that of the limit, up to half the width of the knot.
    """
    beta = config.cold_temperatures[-1]
    shares, margins = [], []
    for limit, inputs, median in zip(limits(run, config), run.inputs, run.knot[:, -1], strict=True):
        neuron = away_from_data(limit, inputs)
        place = theory.knots(limit.angles)[neuron]
        nearest = inputs[np.argmin(np.abs(inputs - place))]
        shares.append((median - nearest) / (place - nearest))
        width = theory.knot_widths(limit, config.cold_decay, beta)[neuron]
        margins.append(width / 2 / abs(place - nearest))
    return equals(shares, away, margin=np.mean(margins)).named(f"beta = {beta:.0e}")


# ---------------------------------------------------------------- the figure

SHOWN_TEMPERATURES = (1e1, 1e3, 1e5)


def draw(runs: Runs, config: Config) -> Figure:
    """The curve, its curvature and its field; training, cooling and counting."""
    figure = Figure(figsize=(11, 6.4))
    axes = figure.subplots(2, 3)
    draw_curves(axes[0, 0], config)
    draw_curvature(axes[0, 1], config)
    draw_field(axes[0, 2], config)
    draw_training(axes[1, 0], runs[train_with_noise], config)
    draw_cooling(axes[1, 1], runs[cool], config)
    draw_counts(axes[1, 2], runs[count_knots])
    return figure


def valley(config: Config) -> tuple[np.ndarray, np.ndarray, float]:
    """Data and decay of the panels that show one data set."""
    return VALLEY_INPUTS, VALLEY_TARGETS, config.cold_decay


def draw_curves(axes: Axes, config: Config) -> None:
    """The curve at several temperatures, and its limit with its knots."""
    inputs, targets, decay = valley(config)
    limit = theory.zero_noise_limit(inputs, targets, decay)
    places = theory.knots(limit.angles)
    x = np.sort(np.concatenate([np.linspace(-1.9, 1.9, 400), places[np.abs(places) < 1.9]]))
    for colour, beta in enumerate(SHOWN_TEMPERATURES):
        measure = theory.gibbs(inputs, targets, decay, beta)
        curve = theory.outputs(measure.angles, measure.masses, x)
        axes.plot(x, curve, f"C{colour}", label=rf"$\beta=10^{{{math.log10(beta):.0f}}}$")
    axes.plot(
        x, theory.outputs(limit.angles, limit.masses, x), **PREDICTED, label=r"$\beta\to\infty$"
    )
    shown = places[np.abs(places) < 1.9]
    at_knots = theory.outputs(limit.angles, limit.masses, shown)
    axes.plot(shown, at_knots, "kD", markersize=5, zorder=4, label="its knots")
    axes.plot(inputs, targets, "o", color="0.5", markersize=5, label="data")
    axes.set_title(rf"Linear pieces without noise, $\lambda={decay:g}$")
    axes.set(xlabel="$x$", ylabel="$f(x)$")
    axes.legend(fontsize=7.5, loc="upper center")


def draw_curvature(axes: Axes, config: Config) -> None:
    """Curvature at the same temperatures, on a logarithmic axis."""
    inputs, targets, decay = valley(config)
    limit = theory.zero_noise_limit(inputs, targets, decay)
    # Points crowd around the knots of the limit.
    offsets = np.concatenate([[0], np.logspace(-7, 0.6, 400)])
    near = [knot + sign * offsets for knot in theory.knots(limit.angles) for sign in (-1, 1)]
    x = np.unique(np.concatenate([np.linspace(-1.9, 1.9, 301), *near]))
    x = x[(np.abs(x) < 1.9) & ~np.isin(x, inputs)]
    for colour, beta in enumerate(SHOWN_TEMPERATURES):
        residual = theory.gibbs(inputs, targets, decay, beta).residual
        curvature = theory.curvature(inputs, residual, decay, beta, x)
        axes.plot(x, np.abs(curvature), f"C{colour}", linewidth=1.2)
    for number, knot in enumerate(theory.knots(limit.angles)):
        if abs(knot) < 1.9:
            label = "knots of the limit" if number == 0 else None
            axes.axvline(knot, **{**PREDICTED, "linewidth": 0.9}, label=label)
    axes.set_title("Curvature is left at the knots")
    axes.set(xlabel="$x$", ylabel="$|f''(x)|$", yscale="log", ylim=(1e-7, 1e7))
    axes.legend(fontsize=7.5, loc="upper left")


def draw_field(axes: Axes, config: Config) -> None:
    """The field of the limit by knot and facing, which touches its bound at the knots."""
    inputs, targets, decay = valley(config)
    limit = theory.zero_noise_limit(inputs, targets, decay)
    x = np.linspace(-1.9, 1.9, 801)
    right = -np.arctan(x)
    for colour, (turn, facing) in enumerate(((0.0, "right"), (np.pi, "left"))):
        field = limit.residual @ theory.features(right + turn, inputs) / decay
        axes.plot(x, field, f"C{colour + 3}", label=f"facing {facing}")
    for bound in (-1, 1):
        axes.axhline(bound, **{**PREDICTED, "linewidth": 0.9})
    field = limit.residual @ theory.features(limit.angles, inputs) / decay
    places = theory.knots(limit.angles)
    inside = np.abs(places) < 1.9
    axes.plot(places[inside], field[inside], "kD", markersize=5, zorder=4, label="knots")
    for number, place in enumerate(inputs):
        axes.axvline(place, color="0.8", linewidth=0.8, zorder=0)
        if number == 0:
            axes.plot([], [], color="0.8", linewidth=0.8, label="inputs")
    axes.set_title("Field of the limit, by knot")
    axes.set(xlabel="knot $x=-\\tan p$", ylabel=r"$g(p)/\lambda$", ylim=(-1.25, 1.9))
    axes.legend(fontsize=7.5, loc="upper center", ncols=2)


def draw_training(axes: Axes, run: Training, config: Config) -> None:
    """Mass by direction of noisily trained neurons, on that of the Gibbs measure."""
    edges = np.degrees(SECTOR_EDGES)
    middles = (edges[1:] + edges[:-1]) / 2
    spread = np.std(run.sectors, axis=0)
    axes.errorbar(
        middles, run.sectors.mean(axis=0), spread, fmt="o", markersize=4, capsize=2, color="C0",
        label=f"training, {config.chains} runs, $N={config.neurons}$",
    )  # fmt: skip
    predicted = theory.mass_by_sector(gibbs_law(config)[0], SECTOR_EDGES)
    axes.stairs(predicted, edges, baseline=None, **PREDICTED, label="Gibbs measure")
    hot = theory.mass_by_sector(twice_as_hot(config)[0], SECTOR_EDGES)
    axes.stairs(hot, edges, baseline=None, color="0.6", linewidth=1.1, label="twice as hot")
    axes.set_title(
        rf"Noisy training, $\lambda={config.decay:g}$, $\beta={config.inverse_temperature:g}$"
    )
    axes.set(xlabel="direction $p$ of $(w,b)$, degrees", ylabel="mean of $a|(w,b)|$ in the sector")
    axes.set_xticks(np.arange(-90, 271, 60))
    axes.legend(fontsize=7.5, loc="upper left")


def draw_cooling(axes: Axes, run: Cooling, config: Config) -> None:
    """Widths and stray mass against temperature, with the predicted powers."""
    beta = np.array(config.cold_temperatures)
    fine = np.array([beta[0] / 1.5, beta[-1] * 1.5])
    found = limits(run, config)

    def mean(predict: Callable[[theory.Limit, np.ndarray, float], float]) -> list[float]:
        pairs = list(zip(found, run.inputs, strict=True))
        return [float(np.mean([predict(*pair, b) for pair in pairs])) for b in fine]

    def width(limit: theory.Limit, inputs: np.ndarray, b: float) -> float:
        widths = theory.knot_widths(limit, config.cold_decay, b)
        return float(widths[away_from_data(limit, inputs)])

    def share(limit: theory.Limit, inputs: np.ndarray, b: float) -> float:
        return theory.stray_share(limit, inputs, config.cold_decay, b, AWAY)

    axes.plot(fine, mean(width), **PREDICTED, label="predicted")
    axes.plot(fine, mean(share), **PREDICTED)
    # The prefactor of a kink is not predicted: the line goes through the middle of the data.
    middle = np.exp(np.mean(np.log(run.kink_width)))
    power = theory.KINK_WIDTH_EXPONENT
    axes.plot(
        fine, middle * (fine / np.exp(np.mean(np.log(beta)))) ** power, "k:", linewidth=1.2,
        label=r"power $-\frac{3}{2}$",
    )  # fmt: skip
    for values, mark, label in (
        (run.knot_width, "C0o", r"width of knot, $\propto\beta^{-1/2}$"),
        (run.stray, "C1s", r"stray mass, $\propto\beta^{-3/2}$"),
        (run.kink_width, "C2^", r"width of kink, $\propto\beta^{-3/2}$"),
    ):
        axes.plot(beta, values.mean(axis=0), mark, markersize=5, label=label)
    axes.set_title("Less noise, sharper knots")
    axes.set(
        xscale="log", yscale="log", xlabel=r"inverse temperature $\beta$", ylim=(1e-11, 3),
        ylabel="width in $x$; share of mass",
    )  # fmt: skip
    axes.legend(fontsize=7, loc="upper right", ncols=2, columnspacing=1)


def draw_counts(axes: Axes, run: Knots) -> None:
    """How many intervals have how many knots."""
    most = theory.MOST_KNOTS + 1
    number = np.arange(most + 1)
    for colour, (found, label, bound) in enumerate(
        (
            (run.closed, "inputs included", theory.MOST_KNOTS),
            (run.inside, "strictly between", theory.MOST_KNOTS_INSIDE),
        )
    ):
        share = np.bincount(np.minimum(found[found >= 0], most), minlength=most + 1)
        place = number + 0.4 * colour - 0.2
        axes.bar(place, np.maximum(share, 0.1), 0.36, color=f"C{colour}", label=label)
        # The line stands to the right of the last bar that is allowed.
        axes.plot([place[bound] + 0.2] * 2, [0.5, share.max()], **PREDICTED)
    axes.plot([], [], **PREDICTED, label="at most")
    total = np.sum(run.closed >= 0)
    axes.set_title(f"Fits of {run.closed[:, :, 0].size:,} data sets")
    axes.set(
        xlabel="knots between neighbouring inputs", ylabel="intervals", yscale="log",
        ylim=(0.5, total * 30),
    )  # fmt: skip
    axes.set_xticks(number, [*map(str, number[:-1]), f"{most}+"])
    axes.legend(fontsize=7.5, loc="upper right", ncols=2, columnspacing=1)


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
