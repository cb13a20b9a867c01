r"""Networks as hash functions: one code for each image, before training as after it.

A ReLU layer of $N$ units turns an image into a code of $N$ bits, which units are active. The paper
finds two properties in networks that are well trained: almost every training image has a code of
its own (*determinism*), and simple algorithms find the class in the code (*categorization*). Here
is how much of that random hyperplanes do without training.

- **Determinism** needs none. Untrained layers have an exact law: two images share a code with
  probability $(1-\theta/\pi)^N$, $\theta$ the angle between them. It says from the data alone at
  which width codes become unique.
- **Pigeonholes.** Where images lie on a plane, their mean number of codes is known exactly; and no
  training leads past the number of cells that $N$ lines have.
- **Training** at a fixed width makes codes *less* distinct: images of one class come to share them.
  It does so with the paper's batch normalization, and much more without. What makes codes more
  distinct is the normalization itself, before any training. Labels that carry no information have
  the opposite effect on normalized networks: to fit them, images must be told apart.
- **Categorization** is what training adds: the class is easier to read from trained codes. Much of
  it is in random ones already.

Repetitions are networks; the images are fixed, and so every statement is about these images.

Fengxiang He, Shiye Lei, Jianmin Ji, Dacheng Tao: *Neural networks behave as hash encoders: An
empirical study*, 2021, arXiv:2101.05490.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import optimize, stats
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, at_most, equals, frequency_at_most, ordered
from harness.errors import require
from harness.style import PREDICTED
from instruments import handwritten_digits, image_classifiers
from instruments.randomness import generator
from theory.geometry import hash_encoding as theory

CLASSES = 10
FEW_PAIRS = 0.25
"""Expected pairs of equal codes at the width at which codes are to be unique."""
PROBES = ("9 nearest neighbours", "logistic regression", "K-means")
"""What reads the class from a code; K-means is told only how many classes there are."""


@dataclass(frozen=True)
class Config:
    """Parameters of the networks and the images."""

    data: Literal["digits", "mnist"] = "digits"
    """Images of 8 by 8 or of 28 by 28 pixels."""
    images: int = 300
    """The first ones, whose codes are compared in untrained networks."""
    pools: int = 200
    """Independent sets of random units."""
    pool_units: int = 1000
    """Units of each set; collisions are averaged over all choices of N of them."""
    widths: tuple[int, ...] = (10, 20, 40, 80)
    """Numbers of units N."""
    bias: float = 0.0
    """Standard deviation of biases, in units of that of the products of weights and images."""
    networks: int = 500
    """Untrained networks of the width at which codes are to be unique."""
    width_law: Literal["angles", "independent"] = "angles"
    """Whether that width follows from the angles or treats codes as independent."""
    copies: int = 0
    """Images that are there twice, unknown to the law."""
    flat_networks: int = 800
    """Untrained networks on images projected to few dimensions."""
    flat_widths: tuple[int, ...] = (5, 20, 80)
    """Their numbers of units."""
    dimensions: int = 2
    """Principal components that are left of an image on a plane."""

    training_images: int = 500
    """Images trained on, the first ones; up to 2000 of the others are tested on."""
    code_lengths: tuple[int, ...] = (20,)
    """Units of trained networks; claims are about the first."""
    normalized: tuple[bool, bool] = (False, True)
    """Whether networks are trained with batch normalization, without it first."""
    labels: Literal["true", "random"] = "true"
    """What networks are trained on."""
    runs: int = 64
    """Networks trained in each way, from starts of their own."""
    steps: int = 300
    """Steps of Adam."""
    batch: int = 32
    """Images in a step."""
    learning_rate: float = 0.01
    """Of Adam, as in the paper's code."""
    probed: int = 24
    """Networks of these whose codes are classified."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            if name not in ("bias", "copies", "normalized"):
                for number in value if isinstance(value, tuple) else (value,):
                    require(isinstance(number, str) or number > 0, f"{name} must be above zero")
        for name in ("pools", "networks", "flat_networks", "probed"):
            require(getattr(self, name) > 1, f"{name} must be at least 2")
        require(self.bias >= 0, "bias must not be negative")
        require(0 <= self.copies <= self.images, "copies must be within 0 and images")
        require(max(self.widths) <= self.pool_units, "widths must be at most pool_units")
        require(self.probed <= self.runs, "probed must be at most runs")
        require(self.dimensions >= 2, "dimensions must be at least 2")


SIZES = {
    "ci": Config(),
    "figure": Config(
        data="mnist",
        images=1000,
        widths=(5, 10, 20, 40, 60),
        training_images=3000,
        code_lengths=(20, 100),
        runs=40,
        steps=500,
        batch=64,
    ),
    "paper": Config(
        data="mnist",
        images=3000,
        pools=400,
        pool_units=2000,
        widths=(10, 20, 40, 60, 80, 100),
        networks=2000,
        flat_networks=4000,
        flat_widths=(5, 20, 80, 320),
        training_images=3000,
        code_lengths=(20, 50, 100),
        steps=10_000,
        batch=128,
    ),
}


class Images(NamedTuple):
    """Images as rows, whose pixels have mean square one."""

    rows: Float[np.ndarray, "n pixels"]
    labels: Int[np.ndarray, " n"]


def load(config: Config) -> Images:
    """All images, in their files' order."""
    digits = handwritten_digits.SETS[config.data]()
    return Images(digits.scaled(), digits.labels)


def first_images(config: Config) -> Float[np.ndarray, "images pixels"]:
    """Those whose codes are compared in untrained networks."""
    return load(config).rows[: config.images]


def principal_axes(
    rows: Float[np.ndarray, "n pixels"], dimensions: int
) -> Float[np.ndarray, "dimensions pixels"]:
    """Orthonormal directions in which the rows vary most."""
    return np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:dimensions]


def how_often(codes: Bool[np.ndarray, "images units"]) -> Int[np.ndarray, " codes"]:
    """For each code that occurs, how many images have it."""
    return np.unique(np.packbits(codes, axis=1), axis=0, return_counts=True)[1]


# ---------------------------------------------------------------- the law of untrained layers


class Collisions(NamedTuple):
    """Images with equal codes in untrained layers."""

    pairs: Float[Recorded, "pools widths"]
    """Pairs of images with equal codes, averaged over all choices of N units of a pool."""
    single: Int[Recorded, "pools widths"]
    """The same for one choice, the first N units."""


@measurement
def collide(config: Config, key: PRNGKeyArray) -> Collisions:
    r"""Draw pools of units and count for each pair of images the units that do not separate it.

    A network's own count of pairs has heavy tails: few pairs of near images decide it, and they
    collide together. But of $K$ units of which $a$ agree on a pair, $N$ all agree in
    $\binom aN/\binom KN$ of their choices. The average over all choices has the same expectation
    as one network, and tails that an interval can be trusted on.
    """
    rng = generator(key)
    rows = first_images(config).astype(np.float32)
    drawn = config.pool_units
    # Choosing N units: the share of choices without a unit that separates.
    agreeing = np.arange(drawn + 1)
    share = np.array([stats.hypergeom.pmf(n, drawn, agreeing, n) for n in config.widths])
    pairs, single = [], []
    for _ in range(config.pools):
        weights = rng.standard_normal((rows.shape[1], drawn), np.float32)
        biases = config.bias * math.sqrt(rows.shape[1]) * rng.standard_normal(drawn, np.float32)
        signs = np.where(rows @ weights + biases > 0, np.float32(1), np.float32(-1))
        # Exact in single precision: integers up to the pool's size.
        agree = (signs @ signs.T + drawn).astype(np.int64) // 2
        occurs = np.bincount(agree.ravel(), minlength=drawn + 1)
        occurs[drawn] -= len(rows)
        pairs.append(share @ occurs / 2)
        sizes = [how_often(signs[:, :n] > 0) for n in config.widths]
        single.append([np.sum(size * (size - 1)) // 2 for size in sizes])
    return Collisions(np.array(pairs), np.array(single))


@claim(
    collide,
    kind="value",
    source="derived from hashing by random hyperplanes (Charikar, 2002)",
    tolerance=0.25,
    controls=[
        rival(
            "Rival: codes of different images are independent.",
            law=theory.colliding_pairs_of_independent_codes,
        ),
        broken("With biases hyperplanes miss the origin, and angles say too little.", bias=0.5),
    ],
)
def angles_say_how_many_images_collide(
    run: Collisions,
    config: Config,
    law: Callable[[np.ndarray, np.ndarray], np.ndarray] = theory.colliding_pairs,
) -> Evidence:
    r"""In untrained networks without biases the mean number of pairs of images with equal codes is
    $S(N)=\sum_{i<j}(1-\theta_{ij}/\pi)^N$, found within 15%.
    """
    angles = theory.angles_between(first_images(config))
    expected = law(angles, np.array(config.widths))
    names = (f"N = {n}" for n in config.widths)
    return equals(run.pairs, expected, margin=0.15 * expected).named(*names)


class Uniqueness(NamedTuple):
    """Codes of untrained networks at one width."""

    width: Int[Recorded, ""]
    """Units N of these networks."""
    codes: Int[Recorded, " networks"]
    """Different codes."""
    images: Int[Recorded, ""]
    """Images with copies."""


def unique_width(config: Config, angles: Float[np.ndarray, " pairs"]) -> int:
    """At which the law expects few pairs of equal codes, or the rival does."""
    if config.width_law == "independent":
        angles = np.full_like(angles, np.pi / 2)
    return theory.least_width(angles, FEW_PAIRS)


@measurement
def encode_untrained(config: Config, key: PRNGKeyArray) -> Uniqueness:
    """Draw networks of the width at which codes are to be unique, and count codes."""
    rng = generator(key)
    rows = first_images(config)
    width = unique_width(config, theory.angles_between(rows))
    rows = np.concatenate([rows, rows[: config.copies]]).astype(np.float32)
    codes = [
        len(how_often(rows @ rng.standard_normal((rows.shape[1], width), np.float32) > 0))
        for _ in range(config.networks)
    ]
    return Uniqueness(np.array(width), np.array(codes), np.array(len(rows)))


@claim(
    encode_untrained,
    kind="probability",
    source="derived",
    tolerance=0.8,
    controls=[
        broken("A width at which independent codes would be unique.", width_law="independent"),
        broken("Five images are there twice, and no width tells them apart.", copies=5),
    ],
)
def determinism_needs_no_training(run: Uniqueness, config: Config) -> Evidence:
    r"""At the least width with $S(N)\le1/4$ most untrained networks give every image a code of its
    own: the chance of any collision is at most $S(N)$, and here seen to be below $1/2$.
    """
    return frequency_at_most(run.codes < run.images, 2 * FEW_PAIRS)


# ---------------------------------------------------------------- images on a plane


class OnPlane(NamedTuple):
    """Codes of images that have been projected to few dimensions."""

    codes: Int[Recorded, "networks widths"]


@measurement
def encode_plane(config: Config, key: PRNGKeyArray) -> OnPlane:
    """Project images to their first principal components, around their mean, and count codes."""
    rng = generator(key)
    rows = first_images(config)
    axes = principal_axes(rows, config.dimensions)
    projected = (rows - rows.mean(axis=0)) @ axes.T
    codes = []
    for _ in range(config.flat_networks):
        weights = axes @ rng.normal(size=(rows.shape[1], max(config.flat_widths)))
        active = projected @ weights > 0
        codes.append([len(how_often(active[:, :n])) for n in config.flat_widths])
    return OnPlane(np.array(codes))


def in_plane(config: Config) -> Float[np.ndarray, "images 2"]:
    """Coordinates of the images in the plane of their first two principal components."""
    rows = first_images(config)
    return (rows - rows.mean(axis=0)) @ principal_axes(rows, 2).T


@claim(
    encode_plane,
    kind="value",
    source="derived",
    tolerance=0.05,
    controls=[
        rival("Rival: every sector holds an image.", law=theory.sectors),
        broken("A third dimension.", dimensions=3),
    ],
)
def codes_on_a_plane_are_known(
    run: OnPlane,
    config: Config,
    law: Callable[[np.ndarray, np.ndarray], np.ndarray] = theory.codes_on_a_plane,
) -> Evidence:
    r"""Untrained networks without biases give images on a plane through their mean, the origin,
    $\sum_i(1-(1-g_i/\pi)^N)\le2N$ codes on average, $g_i$ the angles between neighbours around it;
    found within 2%.
    """
    expected = law(in_plane(config), np.array(config.flat_widths))
    names = (f"N = {n}" for n in config.flat_widths)
    return equals(run.codes, expected, margin=0.02 * expected).named(*names)


# ---------------------------------------------------------------- training


def train(
    config: Config, key: PRNGKeyArray, rows: np.ndarray, units: int
) -> tuple[image_classifiers.Trained, ...]:
    """Networks without and with batch normalization, from the same starts and batches."""
    start_key, label_key = jax.random.split(key)
    labels = load(config).labels[: config.training_images]
    labels = np.tile(labels, (config.runs, 1))
    if config.labels == "random":
        labels = generator(label_key).permuted(labels, axis=1)
    both = image_classifiers.start_and_train(
        jnp.repeat(jax.random.split(start_key, config.runs), 2, axis=0),
        jnp.asarray(rows[: config.training_images], jnp.float32),
        jnp.asarray(np.repeat(labels, 2, axis=0)),
        jnp.tile(jnp.array(config.normalized), config.runs),
        depth=1,
        units=units,
        classes=CLASSES,
        steps=config.steps,
        batch=config.batch,
        learning_rate=config.learning_rate,
    )
    parts = jax.tree.map(lambda part: np.asarray(part, np.float64), both)
    return tuple(jax.tree.map(lambda part, way=way: part[way::2], parts) for way in (0, 1))


def before_relu(
    networks: image_classifiers.Classifier, run: int, rows: Float[np.ndarray, "n pixels"]
) -> Float[np.ndarray, "n units"]:
    """Pre-activations of one of several networks of one layer."""
    before = networks.scales[run, 0] * (rows @ networks.first[run]) + networks.biases[run, 0]
    return np.asarray(before)


class Training(NamedTuple):
    """Codes of networks before, halfway through and after training."""

    redundancy: Float[Recorded, "runs lengths ways times"]
    """Share of the training images that one would lose by keeping one for each code."""
    accuracy: Float[Recorded, "runs lengths ways"]
    """Of trained networks on test images."""
    probes: Float[Recorded, "probed lengths times probes"]
    """Accuracy of what reads codes, at the start and the end, trained in the second way."""
    pixels: Float[Recorded, " probes"]
    """Accuracy of the same on pixels instead of codes."""


def probe(
    seen: Float[np.ndarray, "n features"],
    labels: Int[np.ndarray, " n"],
    new: Float[np.ndarray, "k features"],
    answers: Int[np.ndarray, " k"],
    seed: int,
) -> list[float]:
    """Accuracy of each probe on new images; clusters are matched to classes as well as they can."""
    # Threads that wait for each other after every small step starve beside other work.
    with threadpool_limits(1):
        # Squared Euclidean distance of codes is Hamming's.
        neighbours = KNeighborsClassifier(9, algorithm="brute").fit(seen, labels)
        regression = LogisticRegression(max_iter=1000).fit(seen, labels)
        clusters = KMeans(CLASSES, n_init=1, random_state=seed).fit(seen).predict(new)
        scores = [neighbours.score(new, answers), regression.score(new, answers)]
    table = np.zeros((CLASSES, CLASSES), int)
    np.add.at(table, (clusters, answers), 1)
    matched = table[optimize.linear_sum_assignment(-table)].sum() / len(answers)
    return [*scores, matched]


@measurement
def encode_trained(config: Config, key: PRNGKeyArray) -> Training:
    """Train networks, and read their codes."""
    rows, labels = load(config)
    start = config.training_images
    seen, new = rows[:start], rows[start : start + 2000]
    known, answers = labels[:start], labels[start : start + 2000]
    redundancy, accuracy, probes = [], [], []
    for number, units in enumerate(config.code_lengths):
        ways = train(config, jax.random.fold_in(key, number), rows, units)
        for run in range(config.runs):
            before = [[before_relu(part, run, seen) > 0 for part in way] for way in ways]
            redundancy.append(
                [[1 - len(how_often(codes)) / len(seen) for codes in way] for way in before]
            )
            said = [
                np.maximum(before_relu(way.end, run, new), 0) @ way.end.readout[run] for way in ways
            ]
            accuracy.append([np.mean(scores.argmax(axis=1) == answers) for scores in said])
        second = ways[1]
        for run in range(config.probed):
            pairs = [
                [(before_relu(part, run, images) > 0).astype(float) for images in (seen, new)]
                for part in (second.start, second.end)
            ]
            probes.append([probe(codes, known, others, answers, run) for codes, others in pairs])

    def by_run(rows: list[list[float]] | list[list[list[float]]]) -> np.ndarray:
        table = np.array(rows)
        lengths = len(config.code_lengths)
        return table.reshape(lengths, -1, *table.shape[1:]).swapaxes(0, 1)

    return Training(
        by_run(redundancy),
        by_run(accuracy),
        by_run(probes),
        np.array(probe(seen, known, new, answers, 0)),
    )


@claim(
    encode_trained,
    kind="order",
    source="the abstract: codes are unique in networks well trained, which training time shapes",
    expect="refuted",
    reason="At a fixed width training makes more images share a code: those of one class move "
    "together. Only labels without information have the effect that the claim says; to fit them, "
    "images of one class must be told apart. What makes codes unique is width, and batch "
    "normalization. (In public code the network at step 0 is evaluated with running averages that "
    "have seen no image, as if it were not normalized. From there R falls, but by normalization.)",
    tolerance=math.inf,
    controls=[broken("Random labels can only be fit by telling images apart.", labels="random")],
)
def training_makes_codes_unique(run: Training, config: Config) -> Evidence:
    r"""Training with batch normalization lowers the share $R$ of redundant codes of 20 bits on the
    training images, by 0.01 at least.
    """
    redundancy = run.redundancy[:, 0, 1]
    return ordered(redundancy[:, -1], redundancy[:, 0], effect=0.01)


@claim(
    encode_trained,
    kind="order",
    source="derived",
    tolerance=5.0,
    controls=[broken("Both with batch normalization.", normalized=(True, True))],
)
def normalization_makes_codes_more_distinct(run: Training, config: Config) -> Evidence:
    r"""Before any training batch normalization lowers the share $R$ of redundant codes of 20 bits,
    by 0.1 at least: it moves hyperplanes into the midst of the images.
    """
    redundancy = run.redundancy[:, 0, :, 0]
    return ordered(redundancy[:, 1], redundancy[:, 0], effect=0.1)


@claim(
    encode_trained,
    kind="order",
    source="derived",
    tolerance=6.0,
    controls=[
        broken("With batch normalization it rises by less.", normalized=(True, True)),
    ],
)
def without_normalization_training_makes_codes_repeat(run: Training, config: Config) -> Evidence:
    r"""Training without batch normalization raises the share $R$ of redundant codes of 20 bits, by
    0.1 at least.
    """
    redundancy = run.redundancy[:, 0, 0]
    return ordered(redundancy[:, 0], redundancy[:, -1], effect=0.1)


@claim(
    encode_trained,
    kind="order",
    source="the abstract: categorization; the comparison is ours",
    tolerance=7.0,
    controls=[broken("Random labels put no class into codes.", labels="random")],
)
def training_writes_the_class_into_codes(run: Training, config: Config) -> Evidence:
    r"""Neighbours and logistic regression classify test images by trained codes of 20 bits better
    than by random ones, by 0.03 at least.
    """
    accuracy = run.probes[:, 0, :, :2]
    return ordered(accuracy[:, 0], accuracy[:, 1], effect=0.03).named(*PROBES[:2])


class TrainedOnPlane(NamedTuple):
    """Codes of training images that have been projected to few dimensions."""

    codes: Int[Recorded, "runs ways_and_times"]
    """At the start and the end; without batch normalization first."""


@measurement
def train_on_plane(config: Config, key: PRNGKeyArray) -> TrainedOnPlane:
    """Train on images projected to their first principal components."""
    rows = load(config).rows[: config.training_images]
    axes = principal_axes(rows, config.dimensions)
    rows = (rows - rows.mean(axis=0)) @ axes.T @ axes
    ways = train(config, key, rows, config.code_lengths[0])
    codes = [
        [
            len(how_often(before_relu(part, run, rows) > 0))
            for way in ways
            for part in (way.start, way.end)
        ]
        for run in range(config.runs)
    ]
    return TrainedOnPlane(np.array(codes))


@claim(
    train_on_plane,
    kind="bound",
    source="derived: cells of an arrangement of lines",
    tolerance=0.7,
    controls=[
        rival(
            "Rival: no more than lines through one point, without biases.",
            most=theory.most_codes_without_biases,
        )
    ],
)
def no_training_leads_past_the_cells_of_the_plane(
    run: TrainedOnPlane,
    config: Config,
    most: Callable[[int, int, int], int] = theory.most_codes,
) -> Evidence:
    r"""Images on a plane have at most $1+N+\binom N2$ codes, before training and after it, where
    bits alone would allow a code for every image.
    """
    bound = most(config.training_images, config.code_lengths[0], 2)
    names = ("at the start", "trained", "normalized, at the start", "normalized, trained")
    return at_most(run.codes, bound).named(*names)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """The law of untrained codes, codes on a plane, and what training does to codes."""
    figure = Figure(figsize=(9.0, 6.6))
    axes = figure.subplots(2, 2)
    draw_collisions(axes[0, 0], runs[collide], config)
    draw_plane(axes[0, 1], runs[encode_plane], config)
    draw_redundancy(axes[1, 0], runs[encode_trained], config)
    draw_probes(axes[1, 1], runs[encode_trained], config)
    return figure


def draw_collisions(axes: Axes, run: Collisions, config: Config) -> None:
    """Pairs of equal codes against the width."""
    angles = theory.angles_between(first_images(config))
    units = np.arange(1, max(config.widths) + 11)
    axes.plot(units, theory.colliding_pairs(angles, units), **PREDICTED, label="$S(N)$")
    axes.plot(
        units,
        theory.colliding_pairs_of_independent_codes(angles, units),
        color="0.6",
        linestyle=":",
        label="independent codes",
    )
    axes.plot(config.widths, run.single.mean(axis=0), "s", color="C1", label="networks", ms=8)
    axes.plot(config.widths, run.pairs.mean(axis=0), "o", color="C0", label="pools of units")
    axes.axhline(1, color="0.8", linewidth=1, zorder=0)
    axes.set_ylim(0.03, None)
    axes.set_title(f"Untrained: one pair is left at {theory.least_width(angles, 1)} units")
    axes.set(xlabel="units $N$", ylabel="pairs with equal codes", yscale="log")
    axes.legend()


def draw_plane(axes: Axes, run: OnPlane, config: Config) -> None:
    """Codes of images on a plane against the width."""
    units = np.arange(1, max(config.flat_widths) + 1)
    inputs = in_plane(config)
    axes.plot(units, theory.sectors(inputs, units), color="0.6", linestyle=":", label="$2N$")
    law = theory.codes_on_a_plane(inputs, units)
    axes.plot(units, law, **PREDICTED, label=r"$\sum_i(1-(1-g_i/\pi)^N)$")
    low, high = np.quantile(run.codes, [0.025, 0.975], axis=0)
    mean = run.codes.mean(axis=0)
    axes.errorbar(
        config.flat_widths,
        mean,
        [mean - low, high - mean],
        fmt="o",
        color="C0",
        label="95% of networks",
    )
    axes.set_title("On a plane there are few codes")
    axes.set(xlabel="units $N$", ylabel=f"codes of {config.images} images")
    axes.legend(loc="upper left")


def draw_redundancy(axes: Axes, run: Training, config: Config) -> None:
    """Redundancy before, during and after training."""
    times = np.array([0, config.steps // 2, config.steps])
    names = ("no normalization", "batch normalization")
    for way, name in enumerate(names):
        redundancy = run.redundancy[:, 0, way]
        axes.plot(times, redundancy.T, color=f"C{way}", linewidth=0.5, alpha=0.25)
        axes.plot(times, redundancy.mean(axis=0), "o-", color=f"C{way}", label=name)
    right = run.accuracy[:, 0].mean(axis=0).min()
    axes.set_title(f"Codes of {config.code_lengths[0]} bits, until {100 * right:.0f}% are right")
    axes.set(xlabel="steps of training", ylabel="redundancy $R$", ylim=(0, 1.15), xticks=times)
    axes.legend(loc="upper center", ncols=2)


def draw_probes(axes: Axes, run: Training, config: Config) -> None:
    """Accuracy of what reads codes, against their length."""
    for number, name in enumerate(PROBES):
        for time, (style, fill) in enumerate((("--", "white"), ("-", f"C{number}"))):
            values = run.probes[:, :, time, number]
            axes.errorbar(
                config.code_lengths,
                values.mean(axis=0),
                2 * values.std(axis=0, ddof=1),
                fmt="o",
                linestyle=style,
                color=f"C{number}",
                markerfacecolor=fill,
                label=name if time else None,
            )
        axes.axhline(float(run.pixels[number]), color=f"C{number}", linestyle=":", linewidth=1.2)
    axes.plot([], [], "o--", color="0.5", markerfacecolor="white", label="random codes")
    axes.plot([], [], ":", color="0.5", linewidth=1.2, label="pixels")
    axes.set_title("Reading the class from trained codes")
    axes.set(xlabel="bits", ylabel="test accuracy", ylim=(0, 1))
    axes.legend(loc="lower center", ncols=2)


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
