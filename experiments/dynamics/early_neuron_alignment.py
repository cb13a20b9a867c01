r"""Early alignment: neurons turn first, and only then grow.

Two data sets of opposite labels, separated in the sense that
$\langle y_ix_i,y_jx_j\rangle\ge\mu>0$ for unit inputs, train a two-layer ReLU network from tiny
balanced weights by gradient flow. While the weights are tiny the network's output is nothing, and
its neurons do not notice each other: each turns, by the sign of its output weight, until it is
active on exactly the positive data, exactly the negative, or none. The paper bounds the time that
takes by $O(\log n/\sqrt\mu)$. From then on the network is two linear ones: the loss falls like
$1/t$, and the first layer has stable rank at most two.

In the limit of tiny weights a neuron is followed exactly, from one switch to the next, without any
step size. That shows where the bound stands: the worst time is $\operatorname{arcosh}(1/\mu)$
(+0.0137 at most), logarithmic in $\mu$ and independent of $n$. After alignment the loss is known
too, $L_\pm\sim1/(2m_\pm t\log t)$ with the margins $m_\pm$ of the two classes, and with the next
term it is predicted to a few millionths over twenty decades of time. On handwritten digits, of
which most pairs but not all are separated, nearly all of it survives.

Hancheng Min, Enrique Mallada, René Vidal: *Early Neuron Alignment in Two-layer ReLU Networks with
Small Initialization*, ICLR 2024, arXiv:2307.12851.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, at_most, counts, equals, identity, ordered, scales_as
from harness.errors import require
from harness.style import PREDICTED
from instruments import handwritten_digits, relu_flow
from instruments.neuron_alignment import Start, align, align_equicorrelated
from instruments.randomness import generator
from theory.dynamics import early_neuron_alignment as theory


@dataclass(frozen=True)
class Config:
    r"""Parameters; times are in units of the flow of the summed loss."""

    samples: int = 10
    """Training samples n of the networks; every second one is positive."""
    separation: float = 0.1
    r"""Least inner product $\mu$ of two signed samples; where independent directions have a larger
    one already, theirs, so that -1 asks for no separation at all."""
    dimension: int = 100
    """Dimension in which the samples' own directions are independent."""
    antipodal: bool = False
    """Whether the third sample is the first one turned round, label kept: no neuron fits both."""
    contradiction: bool = False
    """Whether the second sample is the first one with the other label: no network fits both."""
    width: int = 40
    """Hidden neurons h."""
    networks: int = 8
    """Independent problems and initialisations."""
    imbalance: float = 1.0
    r"""Ratio $|v_j|/|w_j|$ at the start; 1 for the theorem."""

    outputs: tuple[float, ...] = (1e-3, 1e-4, 1e-5)
    r"""Largest outputs on a sample when the last neuron aligns, of the runs compared with their
    limit; they grow like the squared initial scale $\epsilon^2$ and set it."""
    mean_loss: bool = False
    """Whether the flow is that of the mean loss instead of the sum."""

    clouds: tuple[int, ...] = (2, 10, 100)
    """Samples n of the data sets on which single neurons are timed."""
    separations: tuple[float, ...] = (0.25, 1e-2, 1e-4, 1e-6)
    r"""Separations $\mu$ of these data sets, decreasing."""
    general_samples: int = 10
    """Largest of these data sets for which correlations are drawn at random as well."""
    starts: int = 100
    """Neurons timed in each family of starts."""
    repeats: int = 6
    """Independent repetitions of these timings."""
    seen: bool = True
    """Whether these neurons start active on a sample of their own label; if not, they start
    opposite to a sample of the other label."""

    horizon: float = 1e21
    """Time until which networks are followed."""
    late_scale: float = 1e-3
    r"""Initial scale $\epsilon$ of the long runs."""
    output_decay: float = 0.0
    """Weight decay of the output weights alone; 0 for the gradient flow."""
    rank_scales: tuple[float, ...] = (1e-2, 3e-3, 1e-3)
    r"""Initial scales $\epsilon$ of the runs whose rank is measured."""
    rank_horizon: float = 1e4
    """Time until which these are followed."""

    steps: tuple[float, ...] = (1e-3, 5e-4, 2.5e-4)
    r"""Step sizes $\sigma$ of gradient descent."""
    descent_time: float = 0.2
    """Time for which gradient descent is followed."""

    digits: tuple[int, int] = (0, 1)
    """Which two of MNIST's digits are told apart."""
    digit_samples: int = 40
    """Images in a training set, half of them of either digit."""
    digit_labels: Literal["digit", "random"] = "digit"
    """Whether an image's label is its digit or a coin flip."""
    digit_separation: float = -1.0
    """As `separation`, for images; -1 leaves them as they are."""
    digit_contradiction: bool = False
    """Whether the second image is the first one with the other label."""
    digit_time: float = 1.0
    """When the alignment on digits is looked at."""
    digit_width: int = 40
    """Hidden neurons of the networks on digits."""
    digit_horizon: float = 1e5
    """Time until which networks on digits are followed."""
    digit_networks: int = 16
    """Independent training sets and initialisations."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        signed = ("separation", "output_decay", "digits", "digit_separation", "digit_time")
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                free = name in signed or isinstance(number, bool | str)
                require(free or number > 0, f"{name} must be above zero, got {number}")
        require(self.samples >= 4, f"samples must be at least 4, got {self.samples}")
        for name in ("separation", "digit_separation"):
            require(getattr(self, name) < 1, f"{name} must be below 1, got {getattr(self, name)}")
        require(max(self.separations) < 1, "separations must be below 1")
        require(min(self.clouds) >= 2, "clouds must hold at least two samples each")
        require(self.imbalance >= 1, f"imbalance must be at least 1, got {self.imbalance}")
        require(min(self.output_decay, self.digit_time) >= 0, "decay and time cannot be negative")
        for name in ("outputs", "rank_scales", "steps"):
            require(len(set(getattr(self, name))) >= 3, f"{name} needs three different values")
        require(self.digit_samples % 2 == 0, "digit_samples must be even")


SIZES = {
    "ci": Config(),
    "figure": Config(
        samples=20,
        dimension=400,
        width=100,
        networks=16,
        clouds=(2, 10, 100, 1000),
        separations=(0.25, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
        general_samples=100,
        starts=300,
        steps=(5e-4, 2.5e-4, 1.25e-4),
        digit_samples=80,
        digit_horizon=1e12,
        digit_networks=24,
    ),
    "paper": Config(
        samples=30,
        dimension=900,
        width=120,
        networks=24,
        clouds=(2, 10, 100, 1000, 10_000),
        separations=(0.25, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
        general_samples=300,
        steps=(2e-4, 1e-4, 5e-5),
        digit_samples=160,
        digit_horizon=1e12,
        digit_width=50,
        digit_networks=24,
    ),
}

Generator = np.random.Generator

TIMES = np.concatenate([np.linspace(0.1, 2, 20), 10 ** np.linspace(0.5, 21, 42)])
"""When long runs are looked at: closely while neurons align, then twice a decade."""


# ---------------------------------------------------------------- data and networks


def labels_of(samples: int) -> Float[np.ndarray, " n"]:
    """Labels, alternating, the first one positive."""
    return np.where(np.arange(samples) % 2 == 0, 1.0, -1.0)


def separated(gram: Float[np.ndarray, "n n"], separation: float) -> Float[np.ndarray, "n n"]:
    r"""Add a common direction to unit vectors so that their least inner product is `separation`.

    The new Gram matrix is $(1-s)K+s$. Vectors that are separated so far already stay as they are.
    """
    least = float(np.min(gram))
    share = max(0.0, (separation - least) / (1 - least))
    return (1 - share) * gram + share


def draw_signed_inputs(rng: Generator, config: Config) -> Float[np.ndarray, "n n"]:
    r"""Signed samples $z_i=y_ix_i$ in coordinates of their own span, one a row."""
    directions = rng.normal(size=(config.samples, config.dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    gram = separated(directions @ directions.T, config.separation)
    signed = np.linalg.cholesky(gram)
    if config.antipodal:
        signed[2] = -signed[0]
    if config.contradiction:
        signed[1] = -signed[0]
    return signed


class Weights(NamedTuple):
    """Initial weights at scale one, to be multiplied by the initial scale."""

    inner: Float[np.ndarray, "h d"]
    outer: Float[np.ndarray, " h"]


def draw_weights(rng: Generator, width: int, dimension: int, imbalance: float) -> Weights:
    """Random directions in the span of the data; what is outside neither moves nor matters."""
    inner = rng.normal(size=(width, dimension))
    inner /= math.sqrt(width) * np.linalg.norm(inner, axis=1, keepdims=True)
    signs = np.where(rng.random(width) < 0.5, 1.0, -1.0)
    return Weights(inner, imbalance / math.sqrt(width) * signs)


def problem_of(
    signed: Float[np.ndarray, "n d"],
    labels: Float[np.ndarray, " n"],
    weights: Weights,
    scale: float,
) -> relu_flow.Problem:
    """The network at an initial scale."""
    parts = (labels[:, None] * signed, labels, scale * weights.inner, scale * weights.outer)
    return relu_flow.Problem(*(jnp.asarray(part) for part in parts))


def follow(
    problem: relu_flow.Problem,
    times: Float[np.ndarray, " times"],
    config: Config,
    *,
    resolution: float = 0.05,
    shortest: float | None = None,
) -> relu_flow.State:
    """The network at these times, by default without locating the moments when neurons switch.

    In long runs they matter little, and on data that are not separated a neuron may slide along a
    kink for ever.
    """
    return relu_flow.flow(
        problem,
        jnp.asarray(times),
        resolution=resolution,
        shortest=shortest,
        output_decay=config.output_decay,
    )


def owns(weights: Weights, labels: Float[np.ndarray, " n"]) -> Bool[np.ndarray, "h n"]:
    """Which samples carry the label that a neuron votes for."""
    return weights.outer[:, None] * labels > 0


def start_of(
    signed: Float[np.ndarray, "n d"],
    labels: Float[np.ndarray, " n"],
    weights: Weights,
) -> Start:
    """The same neurons as the limit of tiny weights sees them, taken to be balanced."""
    preactivations = np.sign(weights.outer)[:, None] * (weights.inner @ signed.T)
    return Start(owns(weights, labels), preactivations, np.sum(weights.inner**2, axis=1))


def facing_own(weights: Weights, start: Start) -> Weights:
    """Turn round neurons that see no sample of their own label: then they see all of them."""
    sees = np.any(start.own & (start.preactivations > 0), axis=1)
    return weights._replace(inner=np.where(sees[:, None], 1.0, -1.0) * weights.inner)


# ---------------------------------------------------------------- the limit of tiny weights


class SmallWeights(NamedTuple):
    """Networks of small weights against their limit, neurons that see a sample of their label."""

    direction_error: Float[Recorded, "networks scales"]
    """Root mean square distance of neurons' directions from the limit's, when the limit's last
    neuron has aligned."""
    clock: Float[Recorded, "networks scales"]
    """Time at which the network's last neuron has aligned, over the limit's."""


@measurement
def follow_small_weights(config: Config, key: PRNGKeyArray) -> SmallWeights:
    """Run the flow at several scales, and the limit from the same directions."""
    rng, labels = generator(key), labels_of(config.samples)
    unit = config.samples if config.mean_loss else 1
    rows = []
    for _ in range(config.networks):
        signed = draw_signed_inputs(rng, config)
        weights = draw_weights(rng, config.width, config.samples, config.imbalance)
        weights = facing_own(weights, start_of(signed, labels, weights))
        start, signs = start_of(signed, labels, weights), np.sign(weights.outer)
        end = float(np.max(align(signed @ signed.T, start).time))
        moved = align(signed @ signed.T, start, until=end).coefficients @ signed
        limit = weights.inner + signs[:, None] * moved
        # Outputs at scale one, of balanced neurons.
        active = np.maximum(limit @ (labels[:, None] * signed).T, 0)
        output = np.max(np.abs((signs * np.linalg.norm(limit, axis=1)) @ active))
        row = []
        for wanted in config.outputs:
            problem = problem_of(signed, labels, weights, math.sqrt(wanted / output))
            # The flow of the mean is that of the sum, n times as slow.
            times = np.array([end, 4 * end]) / unit
            states = jax.device_get(follow(problem, times, config, resolution=0.02, shortest=1e-9))
            error = np.linalg.norm(unit_rows(states.weights[0]) - unit_rows(limit), axis=1)
            row.append((math.sqrt(np.mean(error**2)), float(states.last_switch[1]) * unit / end))
        rows.append(row)
    return SmallWeights(*np.moveaxis(np.array(rows), 2, 0))


def unit_rows(rows: Float[np.ndarray, "h d"]) -> Float[np.ndarray, "h d"]:
    """Rows scaled to length one."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


IMBALANCED = broken("Unbalanced neurons run on another clock.", imbalance=10.0, networks=6)


@claim(
    follow_small_weights,
    kind="exponent",
    source="derived",
    tolerance=0.03,
    controls=[
        IMBALANCED,
        broken("The flow of the mean loss is n times as slow.", mean_loss=True),
        rival("Rival: an error of first order.", exponent=1.0),
    ],
)
def directions_follow_the_limit_to_second_order(
    run: SmallWeights, config: Config, exponent: float = theory.DIRECTION_ERROR_EXPONENT
) -> Evidence:
    r"""At the time when the last neuron has aligned, the directions of the network's neurons differ
    from those of the limit $\epsilon\to0$ by $O(\epsilon^2)$.
    """
    margin = theory.direction_exponent_error(max(config.outputs))
    return scales_as(np.sqrt(config.outputs), run.direction_error, exponent, margin=margin)


@claim(
    follow_small_weights,
    kind="value",
    source="derived",
    tolerance=1e-3,
    controls=[
        IMBALANCED,
        broken("The flow of the mean loss is n times as slow.", mean_loss=True),
    ],
)
def the_clock_of_events_times_the_flow(run: SmallWeights, config: Config) -> Evidence:
    r"""The last neuron of a network aligns when the events of the limit say so: the two times have
    the ratio $1+O(\max_i|f(x_i)|)$.
    """
    return equals(run.clock, 1.0, margin=theory.clock_error(np.array(config.outputs))).named(
        *(f"outputs {output:g}" for output in config.outputs)
    )


# ---------------------------------------------------------------- how long alignment takes


class Timings(NamedTuple):
    """Times to alignment of single neurons on separated data."""

    worst: Float[Recorded, "repeats clouds separations"]
    """Largest of all families of starts, equally correlated data."""
    worst_general: Float[Recorded, "repeats small_clouds separations"]
    """The same where correlations differ, in the smaller data sets."""
    latecomer: Float[Recorded, "repeats kinds clouds separations"]
    """From the edge of one sample, opposite to one other, or equally to all others."""
    typical: Float[Recorded, "repeats clouds separations"]
    """Median over random directions."""


def inverse_form(values: Float[np.ndarray, "h n"], correlation: float) -> Float[np.ndarray, " h"]:
    r"""$b^\top K^{-1}b$ for $K=(1-\mu)I+\mu11^\top$: squared length of the shortest $w$ with
    pre-activations $b$.
    """
    n = values.shape[1]
    share = correlation / (1 + (n - 1) * correlation)
    total = np.sum(values, axis=1)
    return (np.sum(values**2, axis=1) - share * total**2) / (1 - correlation)


def random_directions(
    rng: Generator, count: int, n: int, correlation: float
) -> Float[np.ndarray, "h n"]:
    """Pre-activations of uniform directions in the span of equally correlated samples."""
    normal = rng.normal(size=(count, n))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    mean = np.mean(normal, axis=1, keepdims=True)
    along, across = 1 + (n - 1) * correlation, 1 - correlation
    return math.sqrt(across) * (normal - mean) + math.sqrt(along) * mean


def latecomers(n: int, late: int) -> tuple[Bool[np.ndarray, "1 n"], Float[np.ndarray, "1 n"]]:
    """On the edge of one own sample, behind on `late` more; the rest is of the other label."""
    samples = np.arange(n)[None]
    return samples <= late, np.where((samples >= 1) & (samples <= late), -1.0, 0.0)


def adversaries(
    rng: Generator, count: int, n: int
) -> tuple[Bool[np.ndarray, "h n"], Float[np.ndarray, "h n"]]:
    """Starts on the edge of one own sample and on the wrong side of others, by any pattern.

    Labels, the share of samples on the wrong side and how far they are all vary: equally far,
    evenly spread, spread over six decades, or one far and the others close.
    """
    own = rng.random((count, n)) < rng.random((count, 1))
    own[:, 0] = True
    uniform = rng.random((count, n))
    one_far = np.where(np.argmax(uniform, axis=1)[:, None] == np.arange(n), 1.0, 1e-3 * uniform)
    profiles = np.stack([np.ones((count, n)), uniform, 10.0 ** (-6 * uniform), one_far])
    levels = profiles[rng.integers(4, size=count), np.arange(count)]
    levels = np.where(rng.random((count, n)) < rng.random((count, 1)), levels, 0.0)
    # Someone must be late, or there is nothing to time.
    levels[:, 1] = np.where(np.all(levels[:, 1:] == 0, axis=1), 1.0, levels[:, 1])
    levels[:, 0] = 0.0
    return own, -levels


OPPOSITE = 1e-5
"""Angle by which an unseeing neuron misses the direction opposite to its sample."""


def unseeing(
    rng: Generator, count: int, n: int, correlation: float
) -> tuple[Bool[np.ndarray, "h n"], Float[np.ndarray, "h n"]]:
    """Starts almost opposite to the one sample of the other label, inactive on all own ones."""
    own = np.tile(np.arange(n) > 0, (count, 1))
    sample = np.where(own, correlation, 1.0)
    across = random_directions(rng, count, n, correlation)
    along = across[:, :1]
    across = (across - along * sample) / np.sqrt(1 - along**2)
    return own, OPPOSITE * across - sample


def draw_starts(rng: Generator, config: Config, n: int, correlation: float) -> Start:
    """All families of starts in one batch, weights of length one, samples equally correlated."""
    if config.seen:
        families = [
            latecomers(n, 1),
            latecomers(n, n - 1),
            adversaries(rng, config.starts, n),
        ]
    else:
        families = [unseeing(rng, config.starts, n, correlation)]
    own, levels = (np.concatenate(parts) for parts in zip(*families, strict=True))
    levels /= np.sqrt(inverse_form(levels, correlation))[:, None]
    return Start(own, levels, np.full(len(own), config.imbalance**2))


def time_latecomers(
    rng: Generator, config: Config, n: int, correlation: float
) -> Float[np.ndarray, " kinds"]:
    """One late sample and all late, in a random order of samples and at a random length."""
    times = []
    for late in (1, n - 1):
        own, levels = latecomers(n, late)
        order, length = rng.permutation(n), 10 ** rng.uniform(-3, 0)
        levels = length * levels[:, order] / math.sqrt(inverse_form(levels, correlation)[0])
        start = Start(own[:, order], levels, np.array([(config.imbalance * length) ** 2]))
        if n <= config.general_samples:
            gram = np.full((n, n), correlation) + (1 - correlation) * np.eye(n)
            times.append(align(gram, start).time[0])
        else:
            times.append(align_equicorrelated(correlation, start)[0])
    return np.array(times)


def time_typical(rng: Generator, config: Config, n: int, correlation: float) -> float:
    """Median time from random directions that see a sample of their label."""
    levels = random_directions(rng, config.starts, n, correlation)
    own = np.tile(np.arange(n) % 2 == 0, (config.starts, 1))
    sees = np.any(own & (levels > 0), axis=1)
    start = Start(own[sees], levels[sees], np.ones(np.sum(sees)))
    return float(np.median(align_equicorrelated(correlation, start)))


def time_general(rng: Generator, config: Config, n: int, separation: float) -> float:
    """Largest time from the adversarial starts where correlations are drawn at random."""
    directions = rng.normal(size=(n, 2 * n))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    gram = separated(directions @ directions.T, separation)
    own, levels = adversaries(rng, config.starts, n)
    levels /= np.sqrt(np.sum(levels * np.linalg.solve(gram, levels.T).T, axis=1))[:, None]
    return float(np.max(align(gram, Start(own, levels, np.ones(len(own)))).time))


@measurement
def time_alignment(config: Config, key: PRNGKeyArray) -> Timings:
    """Time neurons in all families of starts, data sets and separations."""
    rng = generator(key)
    small = [n for n in config.clouds if n <= config.general_samples]

    def table(
        clouds: list[int], one: Callable[[Generator, Config, int, float], ArrayLike]
    ) -> np.ndarray:
        cells = [
            [[one(rng, config, n, mu) for mu in config.separations] for n in clouds]
            for _ in range(config.repeats)
        ]
        return np.array(cells, float)

    def worst(rng: Generator, config: Config, n: int, correlation: float) -> float:
        start = draw_starts(rng, config, n, correlation)
        return float(np.max(align_equicorrelated(correlation, start)))

    clouds = list(config.clouds)
    return Timings(
        table(clouds, worst),
        table(small, time_general),
        np.moveaxis(table(clouds, time_latecomers), -1, 1),
        table(clouds, time_typical),
    )


UNSEEING = broken(
    "A neuron that sees no sample of its own label, and starts opposite to another, dawdles.",
    seen=False,
)


def cells(config: Config) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Samples and separation of each cell of the tables, flat, and its name."""
    n, mu = np.meshgrid(config.clouds, config.separations, indexing="ij")
    names = [f"n = {n}, mu = {mu:g}" for n in config.clouds for mu in config.separations]
    return n.ravel(), mu.ravel(), names


def without_length(separation: ArrayLike) -> ArrayLike:
    r"""Rival bound $\log(1/\mu)$."""
    return -np.log(separation)


@claim(
    time_alignment,
    kind="bound",
    source="derived; sharpens the paper's theorem",
    tolerance=0.005,
    controls=[
        UNSEEING,
        rival("Rival: log(1/mu), the same logarithm without its constant.", bound=without_length),
    ],
)
def alignment_takes_no_longer_than_arcosh_of_one_over_the_separation(
    run: Timings,
    config: Config,
    bound: Callable[[ArrayLike], ArrayLike] = theory.alignment_time_bound,
) -> Evidence:
    r"""However many samples there are, a neuron that starts active on one of its own label aligns
    within $T\le\operatorname{arcosh}(1/\mu)+0.0137$.
    """
    _, separation, names = cells(config)
    small = len(run.worst_general[0])
    worst = run.worst.copy()
    worst[:, :small] = np.maximum(worst[:, :small], run.worst_general)
    return at_most(worst.reshape(len(worst), -1), bound(separation)).named(*names)


@claim(
    time_alignment,
    kind="identity",
    source="derived",
    tolerance=1e-8,
    controls=[
        broken("An unbalanced neuron turns faster.", imbalance=2.0),
        rival("Rival: the paper's rate log n / sqrt(mu) is attained.", predict=theory.root_time),
    ],
)
def the_bound_is_attained(
    run: Timings,
    config: Config,
    predict: Callable[[ArrayLike, ArrayLike, ArrayLike], ArrayLike] = theory.latecomers_time,
) -> Evidence:
    r"""A neuron on the edge of one sample and opposite to $k$ more of equally correlated data takes
    $T=\operatorname{arsinh}(c/\mu)$, $c^2=\frac{(1-\mu)(1+(n-1)\mu)}{k(1+(n-1-k)\mu)}$; for two
    samples that is $\operatorname{arcosh}(1/\mu)$.
    """
    n, separation, _ = cells(config)
    predicted = np.stack([predict(n, separation, late) for late in (np.ones_like(n), n - 1)])
    measured = run.latecomer.reshape(len(run.latecomer), 2, -1)
    # Sums over n samples, and the square root of a difference.
    return identity(measured, predicted, rounding=1e-10)


def unit_constant() -> float:
    """Rival constant of the paper's rate."""
    return 1.0


@claim(
    time_alignment,
    kind="bound",
    source="the paper's alignment theorem; constant derived",
    tolerance=0.02,
    controls=[
        UNSEEING,
        rival("Rival: the same rate with constant 1.", constant=unit_constant),
    ],
)
def alignment_time_is_of_the_order_of_the_paper(
    run: Timings, config: Config, constant: Callable[[], float] = theory.root_rate_constant
) -> Evidence:
    r"""Neurons align within $C\,\frac{\log n}{\sqrt\mu}$, where $C=1.50$ suffices for all $n$ and
    $\mu$.
    """
    n, separation, names = cells(config)
    shares = run.worst.reshape(len(run.worst), -1) / theory.root_rate(n, separation)
    return at_most(shares, constant()).named(*names)


@claim(
    time_alignment,
    kind="order",
    source="the paper's rate, read as attained",
    tolerance=math.inf,
    expect="refuted",
    reason="The rate is an upper bound. As the separation falls from 1/4 to a millionth, the worst "
    "time grows by a factor of seven, as arcosh(1/mu) does, and not five hundredfold; and it does "
    "not grow with the number of samples at all.",
    controls=[
        rival("The logarithm grows as the worst time does.", growth=theory.latecomers_growth),
    ],
)
def the_rate_of_the_paper_is_attained(
    run: Timings,
    config: Config,
    growth: Callable[[ArrayLike, float, float], ArrayLike] = theory.root_growth,
) -> Evidence:
    r"""From the largest to the smallest separation, the worst time grows like $1/\sqrt\mu$."""
    largest, smallest = max(config.separations), min(config.separations)
    n = np.array(config.clouds)
    predicted = growth(n, largest, smallest)
    measured = run.worst[:, :, -1] / run.worst[:, :, 0]
    # Either worst time is known up to what samples of the other label may add.
    margin = theory.growth_error(n, largest, smallest)
    return equals(measured, predicted, margin=margin).named(*(f"n = {k}" for k in config.clouds))


@claim(
    time_alignment,
    kind="count",
    source="derived; sharpens the paper's theorem",
    tolerance=math.inf,
    controls=[UNSEEING],
)
def no_neuron_takes_longer(run: Timings, config: Config) -> Evidence:
    r"""Not one neuron of any family, on equally or unequally correlated data, takes longer than
    $\operatorname{arcosh}(1/\mu)+0.0137$.
    """
    bound = theory.alignment_time_bound(np.array(config.separations))
    late = [np.sum(worst > bound, axis=(1, 2)) for worst in (run.worst, run.worst_general)]
    return counts(late[0] + late[1], 0)


# ---------------------------------------------------------------- twenty decades of time


LATE = (1e7, 1e14, 1e21)
"""Times at which the laws of the late phase are tested."""
LATE_INDEX = np.argmin(np.abs(np.log(TIMES[:, None] / LATE)), axis=0)


class LongRun(NamedTuple):
    """Networks followed over twenty decades of time; classes are positive, negative."""

    signed_inputs: Float[Recorded, "networks n d"]
    class_loss: Float[Recorded, "networks times 2"]
    class_rate: Float[Recorded, "networks times 2"]
    r"""$|\nabla L_\pm|^2/L_\pm^2$, the speed of $1/L_\pm$."""
    exponent: Float[Recorded, "networks times"]
    r"""$d\log L/d\log t=-t|\nabla L|^2/L$, for the samples that some neuron sees."""
    frobenius: Float[Recorded, "networks times"]
    r"""$|W|_F^2$."""
    spectrum: Float[Recorded, "networks times 2"]
    r"""The two largest squared singular values of $W$."""
    squared_norms: Float[Recorded, "networks h"]
    r"""$|w_j|^2$ at the end."""
    squared_outputs: Float[Recorded, "networks h"]
    r"""$v_j^2$ at the end."""
    settled: Int[Recorded, " networks"]
    """Neurons active on exactly the data of their label, or on none, at the end."""
    seeing: Int[Recorded, " networks"]
    """Neurons that start active on a sample of their label."""
    aligned: Int[Recorded, " networks"]
    """Those of them that are active on exactly the data of their label at the end."""


def observe(problem: relu_flow.Problem, states: relu_flow.State) -> dict[str, np.ndarray]:
    """What is kept of one run."""
    inputs, labels = np.asarray(problem.inputs), np.asarray(problem.labels)
    signed = labels[:, None] * inputs
    losses = np.array(jax.vmap(relu_flow.losses, (None, 0))(problem, states))
    weights, outer, active = (
        np.asarray(a) for a in (states.weights, states.output_weights, states.active)
    )
    members = np.stack([labels > 0, labels < 0])
    class_loss = losses @ members.T
    # The gradient by v_j is <w_j, pull_j>, that by w_j is v_j pull_j, class by class.
    shares = np.where(active[:, None], losses[:, None, None] * members[:, None], 0.0)
    pulls = shares @ signed
    outer_gradient = np.sum(pulls * weights[:, None], axis=-1)
    inner_gradient = outer[:, None, :, None] * pulls
    squared = np.sum(outer_gradient**2, axis=-1) + np.sum(inner_gradient**2, axis=(-2, -1))
    whole = np.sum(outer_gradient.sum(1) ** 2, axis=-1) + np.sum(
        inner_gradient.sum(1) ** 2, axis=(-2, -1)
    )
    seen = np.sum(np.where(np.any(active, axis=1), losses, 0.0), axis=1)
    own = outer[0][:, None] * labels > 0
    exactly_own = np.all(active[-1] == own, axis=1)
    seeing = np.any(own & (np.asarray(problem.weights) @ inputs.T > 0), axis=1)
    return {
        "signed_inputs": signed,
        "class_loss": class_loss,
        "class_rate": squared / class_loss**2,
        "exponent": -np.asarray(states.time) * whole / seen,
        "frobenius": np.sum(weights**2, axis=(1, 2)),
        "spectrum": np.linalg.svd(weights, compute_uv=False)[:, :2] ** 2,
        "squared_norms": np.sum(weights[-1] ** 2, axis=1),
        "squared_outputs": outer[-1] ** 2,
        "settled": np.sum(exactly_own | ~np.any(active[-1], axis=1)),
        "seeing": np.sum(seeing),
        "aligned": np.sum(exactly_own & seeing),
    }


def run_long(
    rng: Generator, config: Config, scales: tuple[float, ...], horizon: float
) -> list[LongRun]:
    """One problem at several scales, from the same directions."""
    labels = labels_of(config.samples)
    signed = draw_signed_inputs(rng, config)
    weights = draw_weights(rng, config.width, config.samples, config.imbalance)
    runs = []
    for scale in scales:
        problem = problem_of(signed, labels, weights, scale)
        states = follow(problem, np.minimum(TIMES, horizon), config)
        runs.append(LongRun(**observe(problem, states)))
    return runs


def stacked(runs: list[LongRun]) -> LongRun:
    """Runs along a new leading axis."""
    return LongRun(*(np.stack(parts) for parts in zip(*runs, strict=True)))


@measurement
def follow_for_long(config: Config, key: PRNGKeyArray) -> LongRun:
    """Networks from very small weights, until the loss is 10^-23."""
    rng = generator(key)
    return stacked(
        [
            run_long(rng, config, (config.late_scale,), config.horizon)[0]
            for _ in range(config.networks)
        ]
    )


LATE_NAMES = tuple(f"class {sign}, t = {time:g}" for time in LATE for sign in "+-")


def late_times(config: Config) -> np.ndarray:
    """The times of `LATE`, as far as the networks were followed."""
    return np.minimum(TIMES, config.horizon)[LATE_INDEX]


def class_margins(run: LongRun) -> list[tuple[theory.Margin, theory.Margin]]:
    """Margins of the positive and the negative class of each network's data."""
    labels = labels_of(run.signed_inputs.shape[1])
    return [
        (theory.hard_margin(signed[labels > 0]), theory.hard_margin(signed[labels < 0]))
        for signed in run.signed_inputs
    ]


def margins_without_entropy(run: LongRun) -> list[tuple[theory.Margin, theory.Margin]]:
    """Rival: the leading order alone."""
    return [
        (plus._replace(entropy=0.0), minus._replace(entropy=0.0))
        for plus, minus in class_margins(run)
    ]


def late_log_losses(run: LongRun) -> Float[np.ndarray, "networks late 2"]:
    """Measured log(1/L) of either class at `LATE`."""
    return -np.log(run.class_loss[:, LATE_INDEX])


def relative_margin(run: LongRun) -> Float[np.ndarray, " points"]:
    r"""Next order of the late laws, $|m\rho|^2\ell^{-2}$, largest over networks, time by class."""
    next_order = np.array([[m.next_order for m in pair] for pair in class_margins(run)])
    return np.max(next_order[:, None] / late_log_losses(run) ** 2, axis=0).ravel()


@claim(
    follow_for_long,
    kind="count",
    source="the paper's alignment theorem",
    tolerance=0.03,
    controls=[
        broken(
            "Data that are not separated pull a neuron several ways.",
            separation=-1.0,
            horizon=100.0,
            networks=2,
        )
    ],
)
def every_neuron_ends_aligned_or_dead(run: LongRun, config: Config) -> Evidence:
    r"""In the end every neuron with $v_j>0$ is active on exactly the positive data or on none, and
    every neuron with $v_j<0$ on exactly the negative data or on none.
    """
    return counts(run.settled, config.width)


@claim(
    follow_for_long,
    kind="count",
    source="the paper's alignment theorem",
    tolerance=0.03,
    controls=[
        broken(
            "No neuron can be active on a sample and its opposite.",
            antipodal=True,
            horizon=100.0,
            networks=2,
        )
    ],
)
def neurons_that_see_their_label_do_not_die(run: LongRun, config: Config) -> Evidence:
    """A neuron that starts active on a sample of its own label ends active on exactly those."""
    return counts(run.aligned, run.seeing)


@claim(
    follow_for_long,
    kind="bound",
    source="the paper's convergence theorem",
    tolerance=0.06,
    controls=[
        broken("Contradictory labels keep the loss up.", contradiction=True, horizon=10.0),
        rival("Rival: it falls at least like t^-1.1.", exponent=-1.1),
    ],
)
def the_loss_falls_at_least_like_one_over_time(
    run: LongRun, config: Config, exponent: float = -1.0
) -> Evidence:
    r"""$L=O(1/t)$: the local exponent $d\log L/d\log t$ is at most $-1$."""
    return at_most(run.exponent[:, LATE_INDEX], exponent).named(*(f"t = {t:g}" for t in LATE))


@claim(
    follow_for_long,
    kind="value",
    source="derived",
    tolerance=1e-3,
    controls=[
        broken("At first the shares of the samples are not those of the margin.", horizon=1.0),
        rival("Rival: leading order only.", margins=margins_without_entropy),
    ],
)
def the_inverse_loss_grows_with_the_class_margin(
    run: LongRun,
    config: Config,
    margins: Callable[[LongRun], list[tuple[theory.Margin, theory.Margin]]] = class_margins,
) -> Evidence:
    r"""$\frac d{dt}\frac1{L_\pm}=2m_\pm(\ell_\pm+H_\pm)$, $\ell=\log(1/L)$, with the margin $m_\pm$
    of the class alone and the entropy $H_\pm$ of its support weights, up to a relative
    $O(\ell^{-2})$.
    """
    log_losses = late_log_losses(run)
    predicted = [
        [theory.inverse_loss_rate(log_losses[i, :, j], pair[j]) for j in range(2)]
        for i, pair in enumerate(margins(run))
    ]
    ratio = run.class_rate[:, LATE_INDEX] / np.moveaxis(np.array(predicted), 1, 2)
    return equals(ratio.reshape(len(ratio), -1), 1.0, margin=relative_margin(run)).named(
        *LATE_NAMES
    )


@claim(
    follow_for_long,
    kind="value",
    source="derived",
    tolerance=1e-3,
    controls=[
        broken("At first the loss remembers where it came from.", horizon=1.0),
        rival("Rival: the square-root law.", loss=theory.square_root_loss),
        rival("Rival: 1/(2mt), the paper's rate attained.", loss=theory.inverse_time_loss),
    ],
)
def the_loss_is_known_over_twenty_decades(
    run: LongRun,
    config: Config,
    loss: Callable[[np.ndarray, theory.Margin], np.ndarray] = theory.late_loss,
) -> Evidence:
    r"""$L_\pm=e^{-\ell}$ with $\mathrm{Ei}(\ell+H)=2me^Ht$, so $L_\pm\sim1/(2m_\pm t\log t)$: less
    than the paper's $1/t$ by a logarithm.
    """
    times = late_times(config)
    predicted = [[loss(times, margin) for margin in pair] for pair in class_margins(run)]
    ratio = run.class_loss[:, LATE_INDEX] / np.moveaxis(np.array(predicted), 1, 2)
    return equals(ratio.reshape(len(ratio), -1), 1.0, margin=relative_margin(run)).named(
        *LATE_NAMES
    )


@claim(
    follow_for_long,
    kind="exponent",
    source="derived",
    tolerance=1e-3,
    controls=[
        rival("Rival: exactly 1/t.", predict=theory.exponent_one),
        rival("Rival: only the next term, 1/t^(1+1/log t).", predict=theory.first_correction),
    ],
)
def the_local_exponent_shows_the_logarithm(
    run: LongRun,
    config: Config,
    predict: Callable[[ArrayLike, theory.Margin], ArrayLike] = theory.local_exponent,
) -> Evidence:
    r"""$\frac{d\log L}{d\log t}=-xe^{-x}\mathrm{Ei}(x)=-1-\tfrac1x-\tfrac2{x^2}-\dots$ with
    $x=\ell+H$.
    """
    log_losses = late_log_losses(run)
    by_class = np.array(
        [
            [predict(log_losses[i, :, j], pair[j]) for j in range(2)]
            for i, pair in enumerate(class_margins(run))
        ]
    )
    # The whole loss has the mean of the classes' exponents, weighted by their losses.
    share = np.swapaxes(np.asarray(run.class_loss)[:, LATE_INDEX], 1, 2)
    predicted = np.sum(by_class * share, axis=1) / np.sum(share, axis=1)
    margin = relative_margin(run).reshape(len(LATE), 2).max(axis=1)
    ratio = run.exponent[:, LATE_INDEX] / predicted
    return equals(ratio, 1.0, margin=margin).named(*(f"t = {t:g}" for t in LATE))


# ---------------------------------------------------------------- low rank


class Ranks(NamedTuple):
    """Rank of the first layer from several initial scales."""

    excess: Float[Recorded, "networks scales"]
    r"""Largest $|W|_F^2-2|W|_2^2$ over time."""
    residual: Float[Recorded, "networks scales"]
    r"""$|W|_F^2-s_1^2-s_2^2$ at the end."""


@measurement
def measure_ranks(config: Config, key: PRNGKeyArray) -> Ranks:
    """Follow the same networks from several scales."""
    rng = generator(key)
    runs = stacked(
        [
            stacked(run_long(rng, config, config.rank_scales, config.rank_horizon))
            for _ in range(config.networks)
        ]
    )
    excess = np.max(runs.frobenius - 2 * runs.spectrum[..., 0], axis=-1)
    residual = runs.frobenius[..., -1] - np.sum(runs.spectrum[..., -1, :], axis=-1)
    return Ranks(excess, residual)


UNSEPARATED_RANKS = broken(
    "Data that are not separated pull a neuron several ways.",
    separation=-1.0,
    rank_horizon=10.0,
    networks=24,
)
FIRST_ORDER = rival("Rival: of first order in the scale, as the paper states it.", exponent=1.0)


@claim(
    measure_ranks,
    kind="exponent",
    source="the paper's low-rank theorem; exponent derived",
    tolerance=0.03,
    controls=[FIRST_ORDER],
)
def stable_rank_exceeds_two_by_little(
    run: Ranks, config: Config, exponent: float = theory.EXCESS_EXPONENT
) -> Evidence:
    r"""At all times $|W|_F^2\le2|W|_2^2+O(\epsilon^2)$; the paper has $O(\epsilon)$."""
    margin = theory.excess_exponent_error(max(config.rank_scales))
    return scales_as(np.array(config.rank_scales), run.excess, exponent, margin=margin)


@claim(
    measure_ranks,
    kind="exponent",
    source="derived",
    tolerance=0.03,
    controls=[FIRST_ORDER, UNSEPARATED_RANKS],
)
def the_first_layer_becomes_two_rank_one_layers(
    run: Ranks, config: Config, exponent: float = theory.EXCESS_EXPONENT
) -> Evidence:
    r"""At the end $|W|_F^2-s_1^2-s_2^2=O(\epsilon^2)$: rank two, but for what the weights were at
    first.
    """
    margin = theory.excess_exponent_error(max(config.rank_scales))
    return scales_as(np.array(config.rank_scales), run.residual, exponent, margin=margin)


def orthogonal_classes(run: LongRun, times: np.ndarray) -> np.ndarray:
    """Rival: stable rank two."""
    return np.full((len(run.signed_inputs), len(times)), 2.0)


def predicted_stable_ranks(run: LongRun, times: np.ndarray) -> np.ndarray:
    """Stable rank from the margins of the classes, shape (networks, times)."""
    return np.array(
        [
            [theory.late_stable_rank(time, plus, minus) for time in times]
            for plus, minus in class_margins(run)
        ]
    )


@claim(
    follow_for_long,
    kind="value",
    source="derived; sharpens the paper's low-rank theorem",
    tolerance=0.005,
    controls=[
        broken(
            "Weights that are not small do not align first.",
            late_scale=3.0,
            horizon=1e3,
            networks=16,
        ),
        rival("Rival: the paper's bound of two is attained.", predict=orthogonal_classes),
    ],
)
def the_stable_rank_follows_from_the_margins(
    run: LongRun,
    config: Config,
    predict: Callable[[LongRun, np.ndarray], np.ndarray] = predicted_stable_ranks,
) -> Evidence:
    r"""$\frac{|W|_F^2}{|W|_2^2}=\frac{2(a+b)}{a+b+\sqrt{(a-b)^2+4abc^2}}$, where $a,b=|\beta_\pm|$
    and the cosine $c$ follow from the two margins: always below 2, and here far below.
    """
    measured = (run.frobenius / run.spectrum[..., 0])[:, LATE_INDEX]
    predicted = predict(run, late_times(config))
    log_losses = late_log_losses(run)
    errors = [
        [theory.late_weights_error(log_losses[i, :, j], pair[j]) for j in range(2)]
        for i, pair in enumerate(class_margins(run))
    ]
    # The weights of either class are known up to their next term.
    margin = np.max(np.sum(errors, axis=1), axis=0)
    return equals(measured / predicted, 1.0, margin=margin).named(*(f"t = {t:g}" for t in LATE))


# ---------------------------------------------------------------- balance


@claim(
    follow_for_long,
    kind="identity",
    source="the paper, balancedness",
    tolerance=1e-6,
    controls=[
        broken("Decay of the output weights alone.", output_decay=1e-3, horizon=10.0, networks=2),
    ],
)
def gradient_flow_keeps_neurons_balanced(run: LongRun, config: Config) -> Evidence:
    r"""$v_j^2-|w_j|^2$ is conserved: from $|v_j|=|w_j|$ the two are equal for ever."""
    # Classical Runge-Kutta steps keep a square up to the fifth power of the step, 0.05.
    return identity(run.squared_norms, run.squared_outputs, rounding=0.05**5)


class Descent(NamedTuple):
    """Imbalance that gradient descent builds up within a fixed time, summed over neurons."""

    imbalance: Float[Recorded, "networks steps"]
    r"""$\sum_j(v_j^2-|w_j|^2)$."""
    twist: Float[Recorded, " networks"]
    """The limit's twist of the same neurons, summed."""


@jax.jit
def descend(problem: relu_flow.Problem, step: Array, count: Array, output_decay: Array) -> Array:
    r"""$\sum_j(v_j^2-|w_j|^2)$ after a number of steps of gradient descent."""
    inputs, labels = problem.inputs, problem.labels

    def loss(weights: tuple[Array, Array]) -> Array:
        inner, outer = weights
        return jnp.sum(jnp.exp(-labels * (jax.nn.relu(inputs @ inner.T) @ outer)))

    def advance(_: Array | int, weights: tuple[Array, Array]) -> tuple[Array, Array]:
        gradient = jax.grad(loss)(weights)
        inner, outer = (w - step * g for w, g in zip(weights, gradient, strict=True))
        return inner, outer - step * output_decay * weights[1]

    start = problem.weights, problem.output_weights
    inner, outer = jax.lax.fori_loop(0, count, advance, start)
    return jnp.sum(outer**2) - jnp.sum(inner**2)


@measurement
def descend_in_steps(config: Config, key: PRNGKeyArray) -> Descent:
    """Gradient descent at several step sizes, and the limit's prediction of its imbalance."""
    rng, labels = generator(key), labels_of(config.samples)
    imbalances, twists = [], []
    for _ in range(config.networks):
        signed = draw_signed_inputs(rng, config)
        weights = draw_weights(rng, config.width, config.samples, config.imbalance)
        start = start_of(signed, labels, weights)
        limit = align(signed @ signed.T, start, until=config.descent_time)
        problem = problem_of(signed, labels, weights, config.late_scale)
        ends = [
            descend(
                problem,
                jnp.asarray(step),
                jnp.asarray(round(config.descent_time / step)),
                jnp.asarray(config.output_decay),
            )
            for step in config.steps
        ]
        imbalances.append(np.array(ends) / config.late_scale**2)
        twists.append(np.sum(limit.twist))
    return Descent(np.array(imbalances), np.array(twists))


DECAYING = broken("Decay of the output weights alone.", output_decay=1.0)


@claim(
    descend_in_steps,
    kind="exponent",
    source="derived",
    tolerance=0.05,
    controls=[DECAYING, rival("Rival: an effect of second order.", exponent=2.0)],
)
def gradient_descent_loses_balance_in_proportion_to_its_step(
    run: Descent, config: Config, exponent: float = 1.0
) -> Evidence:
    r"""Under gradient descent $|w_j|^2-v_j^2$ grows within a fixed time by $O(\sigma)$."""
    margin = 2 * float(theory.descent_error(max(config.steps), config.samples))
    return scales_as(np.array(config.steps), -run.imbalance, exponent, margin=margin)


@claim(
    descend_in_steps,
    kind="value",
    source="derived",
    tolerance=0.03,
    controls=[DECAYING, broken("Unbalanced neurons run on another clock.", imbalance=2.0)],
)
def the_loss_of_balance_is_the_twist_of_the_limit(run: Descent, config: Config) -> Evidence:
    r"""$v_j^2-|w_j|^2=-\sigma\int(v_j^2|g|^2-\langle w_j,g\rangle^2)\,dt$, an integral that the
    limit of tiny weights has in closed form, up to a relative $O(\sigma n)$.
    """
    steps = np.array(config.steps)
    ratio = run.imbalance / theory.descent_imbalance(steps, run.twist[:, None])
    return equals(ratio, 1.0, margin=theory.descent_error(steps, config.samples)).named(
        *(f"step {step:g}" for step in steps)
    )


# ---------------------------------------------------------------- handwritten digits


class OnDigits(NamedTuple):
    """Networks that tell two digits apart, from very small weights."""

    least: Float[Recorded, " networks"]
    r"""$\mu$: least inner product of two signed images."""
    obtuse: Int[Recorded, " networks"]
    """Number of pairs whose inner product is negative."""
    wrong: Float[Recorded, "networks looks"]
    """Share of neurons and images, dead neurons aside, that have the wrong activity, by time."""
    exponent: Float[Recorded, "networks times"]
    r"""$d\log L/d\log t$ of the images that some neuron sees."""
    unseen: Float[Recorded, " networks"]
    """Share of the images that no neuron sees at the end: their loss stays 1."""
    stable_rank: Float[Recorded, "networks times"]
    residual: Float[Recorded, "networks times"]
    r"""Share of $|W|_F^2$ outside the two largest singular values."""
    squared_norms: Float[Recorded, "networks h"]
    r"""$|w_j|^2$ at the end."""
    squared_outputs: Float[Recorded, "networks h"]
    r"""$v_j^2$ at the end."""


def draw_digits(rng: Generator, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Signed images, centred on the mean of all images of both digits, of length one, and labels.

    In coordinates of their own span, one image a row; labels alternate.
    """
    pair = handwritten_digits.mnist_subset().only(*config.digits)
    pixels = pair.images.reshape(len(pair.images), -1)
    pixels = pixels - np.mean(pixels, axis=0)
    labels = labels_of(config.digit_samples)
    chosen = np.empty(config.digit_samples, int)
    for label, digit in zip((1, -1), config.digits, strict=True):
        shown = np.flatnonzero(pair.labels == digit)
        chosen[labels == label] = rng.choice(shown, config.digit_samples // 2, replace=False)
    images = pixels[chosen] / np.linalg.norm(pixels[chosen], axis=1, keepdims=True)
    if config.digit_labels == "random":
        images = rng.permutation(images)
    signed = labels[:, None] * images
    signed = np.linalg.cholesky(separated(signed @ signed.T, config.digit_separation))
    if config.digit_contradiction:
        signed[1] = -signed[0]
    return signed, labels


LOOKS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0)
"""Times at which the alignment on digits is looked at."""
DIGIT_TIMES = np.concatenate([LOOKS, 10.0 ** np.arange(3, 13)])
DIGIT_LATE_INDEX = int(np.searchsorted(DIGIT_TIMES, 100.0))
"""From here on the loss on digits is judged."""
STEEPEST = -1.2
"""Exponents on digits count as this if they are steeper."""


@measurement
def train_on_digits(config: Config, key: PRNGKeyArray) -> OnDigits:
    """Follow networks on small sets of images of two digits."""
    rng = generator(key)
    runs = []
    for _ in range(config.digit_networks):
        signed, labels = draw_digits(rng, config)
        products = (signed @ signed.T)[np.triu_indices(len(signed), 1)]
        weights = draw_weights(rng, config.digit_width, signed.shape[1], 1.0)
        problem = problem_of(signed, labels, weights, config.late_scale)
        times = np.minimum(DIGIT_TIMES, config.digit_horizon)
        states = follow(problem, times, config, resolution=0.1)
        kept = observe(problem, states)
        active = np.asarray(states.active[: len(LOOKS)])
        lives = np.any(active, axis=2, keepdims=True)
        wrong = np.sum(lives & (active != owns(weights, labels)), axis=(1, 2))
        runs.append(
            OnDigits(
                np.min(products),
                np.sum(products < 0),
                wrong / (len(labels) * np.sum(lives, axis=(1, 2))),
                kept["exponent"],
                np.mean(~np.any(states.active[-1], axis=0)),
                kept["frobenius"] / kept["spectrum"][:, 0],
                1 - np.sum(kept["spectrum"], axis=1) / kept["frobenius"],
                kept["squared_norms"],
                kept["squared_outputs"],
            )
        )
    return OnDigits(*(np.stack(parts) for parts in zip(*runs, strict=True)))


def obtuse_share(run: OnDigits, config: Config) -> Float[np.ndarray, " networks"]:
    """Share of pairs of images that are not separated."""
    return np.asarray(run.obtuse) / math.comb(config.digit_samples, 2)


@claim(
    train_on_digits,
    kind="count",
    source="the paper's assumption",
    tolerance=math.inf,
    expect="refuted",
    reason="Of the pairs of images of zeros and ones, centred, several in a hundred have an obtuse "
    "angle, and the least cosine is about -0.3: the assumption holds for most pairs only.",
    controls=[
        broken(
            "With a common direction added, all pairs are separated.",
            digit_separation=0.01,
            digit_horizon=0.1,
            digit_networks=2,
        )
    ],
)
def digits_are_separated(run: OnDigits, config: Config) -> Evidence:
    r"""Signed images $y_ix_i$ of two digits have $\langle y_ix_i,y_jx_j\rangle>0$ for all pairs."""
    return counts(run.obtuse, 0)


@claim(
    train_on_digits,
    kind="order",
    source="observed; the theorem has no such case",
    tolerance=math.inf,
    controls=[
        broken(
            "Before alignment half of the activities are wrong.", digit_time=0.0, digit_horizon=0.1
        )
    ],
)
def neurons_align_on_digits_but_for_a_few_images(run: OnDigits, config: Config) -> Evidence:
    r"""At $t=1$ the share of activities that alignment forbids is smaller than the share of pairs
    that are not separated: alignment fails where the assumption does, and less often.
    """
    look = int(np.argmin(np.abs(np.subtract(LOOKS, config.digit_time))))
    return ordered(run.wrong[:, look], obtuse_share(run, config), effect=0.0)


@claim(
    train_on_digits,
    kind="bound",
    source="the paper's low-rank theorem, its assumption violated",
    tolerance=0.6,
    controls=[
        broken(
            "Weights that are not small do not align first.",
            late_scale=4.0,
            digit_horizon=10.0,
            digit_networks=8,
        ),
    ],
)
def on_digits_the_stable_rank_stays_below_two(run: OnDigits, config: Config) -> Evidence:
    r"""From $t=1$ on $|W|_F^2\le2|W|_2^2$, although not all pairs are separated."""
    return at_most(np.max(run.stable_rank[:, LOOKS.index(1.0) :], axis=1), 2.0)


@claim(
    train_on_digits,
    kind="bound",
    source="the paper's convergence theorem, its assumption violated",
    tolerance=0.2,
    controls=[
        broken(
            "An image with both labels keeps the loss up.",
            digit_contradiction=True,
            digit_horizon=3.0,
        ),
        rival("Rival: it falls at least like t^-1.2.", exponent=STEEPEST),
    ],
)
def on_digits_the_loss_falls_at_least_like_one_over_time(
    run: OnDigits, config: Config, exponent: float = -1.0
) -> Evidence:
    r"""$L=O(1/t)$ on digits as well, $d\log L/d\log t\le-1$, if the loss is that of the images
    which some neuron sees; now and then an image is left that none does, and its loss stays 1.
    """
    # An image on a kink, where a neuron slides, is seen at some times and lets the loss fall at
    # once: so the median over times, and no credit for falling faster than the rival.
    median = np.median(run.exponent[:, DIGIT_LATE_INDEX:], axis=1)
    return at_most(np.maximum(median, STEEPEST), exponent)


@claim(
    train_on_digits,
    kind="identity",
    source="the paper, balancedness",
    tolerance=1e-4,
    controls=[
        broken(
            "Decay of the output weights alone.",
            output_decay=0.1,
            digit_horizon=1.0,
            digit_networks=2,
        ),
    ],
)
def on_digits_neurons_stay_balanced(run: OnDigits, config: Config) -> Evidence:
    r"""Balance needs no assumption on the data: $v_j^2=|w_j|^2$ for ever."""
    # As above, with steps of 0.1.
    return identity(run.squared_norms, run.squared_outputs, rounding=0.1**5)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Alignment: its time, its error, on digits; afterwards: loss, rank over time and scale."""
    figure = Figure(figsize=(10.5, 6.4))
    axes = figure.subplots(2, 3)
    draw_times(axes[0, 0], runs[time_alignment], config)
    draw_errors(axes[0, 1], runs[follow_small_weights], config)
    draw_digit_alignment(axes[0, 2], runs[train_on_digits], config)
    draw_loss(axes[1, 0], runs[follow_for_long], config)
    draw_stable_rank(axes[1, 1], runs[follow_for_long], config)
    draw_residual(axes[1, 2], runs[measure_ranks], config)
    return figure


def draw_times(axes: Axes, run: Timings, config: Config) -> None:
    """Worst and typical times against the separation, the bound, and the paper's rate."""
    inverse = 1 / np.array(config.separations)
    fine = np.geomspace(inverse.min(), inverse.max(), 200)
    for colour, n in enumerate(config.clouds):
        axes.plot(
            inverse, run.worst[:, colour].max(axis=0), "o", markersize=8 - 1.6 * colour,
            color=f"C{colour}", label=f"worst, $n={n}$",
        )  # fmt: skip
        if n > 2:
            axes.plot(inverse, run.typical[:, colour].mean(axis=0), ":", color=f"C{colour}")
    axes.plot(fine, theory.alignment_time_bound(1 / fine), **PREDICTED, label=r"arcosh$(1/\mu)$")
    rate = theory.root_rate_constant() * theory.root_rate(config.clouds[0], 1 / fine)
    axes.plot(fine, rate, color="0.6", linewidth=1.2, label=r"$C\log n/\sqrt{\mu}$, $n=2$")
    axes.plot([], [], "0.3", linestyle=":", label="random starts, median")
    axes.set(xscale="log", yscale="log", ylim=(1e-3, 3e6))
    axes.set(xlabel=r"1 / separation $\mu$", ylabel="time to alignment $T$")
    axes.set_title("How long neurons turn")
    axes.legend(fontsize=7, loc="upper left", labelspacing=0.3, ncols=2, columnspacing=1)


def draw_errors(axes: Axes, run: SmallWeights, config: Config) -> None:
    """Errors of the limit at finite scale: directions, and the clock."""
    outputs = np.array(config.outputs)
    for colour, (error, label) in enumerate(
        [(run.direction_error, "directions"), (np.abs(run.clock - 1), "clock")]
    ):
        axes.plot(outputs, error.T, "o", color=f"C{colour}", markersize=3, alpha=0.5)
        mean = np.exp(np.mean(np.log(error)))
        axes.plot([], [], "o", color=f"C{colour}", markersize=4, label=label)
        power = theory.DIRECTION_ERROR_EXPONENT / 2
        middle = np.exp(np.mean(np.log(outputs)))
        law = r"$\propto\epsilon^2$" if colour else None
        axes.plot(outputs, mean * (outputs / middle) ** power, **PREDICTED, label=law)
    axes.set(xscale="log", yscale="log")
    axes.set(xlabel=r"largest output at $T$, $\propto\epsilon^2$", ylabel="error of the limit")
    axes.set_title(r"The limit $\epsilon\to0$ is exact to $O(\epsilon^2)$")
    axes.legend(fontsize=8, loc="upper left")


def draw_digit_alignment(axes: Axes, run: OnDigits, config: Config) -> None:
    """Wrong activities over time on digits, beside the pairs that are not separated."""
    times = np.array(LOOKS[1:])
    axes.plot(times, 100 * run.wrong[:, 1:].T, "C1", linewidth=0.8, alpha=0.4)
    axes.plot(times, 100 * run.wrong[:, 1:].mean(0), "C1o-", markersize=3, label="wrong activities")
    share = float(np.mean(obtuse_share(run, config)))
    axes.axhline(100 * share, color="C0", label="pairs not separated")
    axes.plot(times, 0 * times, **PREDICTED, label="theorem, if all were")
    axes.set(xscale="log", xlabel="time $t$", ylabel="per cent", ylim=(-0.5, None))
    axes.set_title(rf"MNIST, two digits: $\mu={run.least.mean():.2f}$")
    axes.legend(fontsize=8, loc="center right")


def draw_loss(axes: Axes, run: LongRun, config: Config) -> None:
    """The loss of one network over all decades, its law, and the paper's order."""
    times = np.minimum(TIMES, config.horizon)
    axes.plot(times, run.class_loss[0].sum(1), "C0", linewidth=4, alpha=0.5, label="loss")
    late = times[times >= 3]
    pair = class_margins(run)[0]
    law = sum(theory.late_loss(late, margin) for margin in pair)
    axes.plot(late, law, **PREDICTED, label=r"$\sum_\pm$, Ei$(\ell+H)=2me^Ht$")
    order = sum(theory.inverse_time_loss(late, margin) for margin in pair)
    axes.plot(late, order, color="0.6", linewidth=1.2, label="$1/(2mt)$")
    axes.set(xscale="log", yscale="log", xlabel="time $t$", ylabel="loss $L$")
    axes.set_title("Twenty decades of time")
    axes.legend(fontsize=8, loc="lower left")


def draw_stable_rank(axes: Axes, run: LongRun, config: Config) -> None:
    """Stable rank over time, and what the margins make of it."""
    times = np.minimum(TIMES, config.horizon)
    ranks = run.frobenius / run.spectrum[..., 0]
    late = times[times >= 30]
    few = run._replace(signed_inputs=run.signed_inputs[:4])
    predicted = predicted_stable_ranks(few, late)
    for colour, (measured, law) in enumerate(zip(ranks, predicted, strict=False)):
        first = colour == 0
        axes.plot(times, measured, f"C{colour}", label="measured" if first else None)
        axes.plot(late, law, **PREDICTED, label="from the margins" if first else None)
    after = ranks[: len(predicted), times >= 1]
    space = 0.2 * np.ptp(after)
    axes.set(xscale="log", xlabel="time $t$", ylabel=r"$|W|_F^2/|W|_2^2$", xlim=(0.5, 3e21))
    axes.set(ylim=(np.min(after) - space, np.max(after) + 2 * space))
    axes.set_title("Stable rank: far below the bound 2")
    axes.legend(fontsize=8, loc="upper right")


def draw_residual(axes: Axes, run: Ranks, config: Config) -> None:
    """What is left of the first layer beyond rank two, and beyond stable rank two."""
    scales = np.array(config.rank_scales)
    for colour, (values, label) in enumerate(
        [
            (run.residual, r"$|W|_F^2-s_1^2-s_2^2$, end"),
            (run.excess, r"$|W|_F^2-2s_1^2$, largest"),
        ]
    ):
        axes.plot(scales, values.T, "o", color=f"C{colour}", markersize=3, alpha=0.5)
        axes.plot([], [], "o", color=f"C{colour}", markersize=4, label=label)
        mean, middle = np.exp(np.mean(np.log(values))), np.exp(np.mean(np.log(scales)))
        law = r"$\propto\epsilon^2$" if colour else None
        line = mean * (scales / middle) ** theory.EXCESS_EXPONENT
        axes.plot(scales, line, **PREDICTED, label=law)
    axes.set(xscale="log", yscale="log", xlabel=r"initial scale $\epsilon$", ylabel="excess")
    axes.set_title("What is left beyond rank two")
    axes.legend(fontsize=8, loc="upper left")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
