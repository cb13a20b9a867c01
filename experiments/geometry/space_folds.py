r"""A straight path that comes back: ReLU networks fold space.

Walk along a segment of inputs and compare activation patterns with the one at the start. One layer
never lets the Hamming distance shrink, because a segment crosses a hyperplane once at most. With
two layers and more it can: patterns come back, and the network has folded the segment over itself.
With the largest distance $r_1$ and the length of the whole path $r_2$, the measure
$\chi=1-r_1/r_2\in[0,1)$ says how much.

- All crossings are found in closed form, so $\chi$ is exact. On CantorNet, which folds the unit
  interval $k$ times, $r_2=5\cdot2^k-4$ and $r_1=2k+1$: derived here, and met integer by integer.
- Sampled paths, as in the paper's code, can only lose reach and length; so the error of $\chi$ has
  no sign. On eleven points the law of CantorNet breaks off at $k=3$.
- $r_1$ depends on the direction of the path, by a factor of two at most, which is approached.
- On real digits deeper networks fold more. But they do so before they have learnt anything, and
  learning true labels adds nothing; learning random labels does.

Michal Lewandowski, Hamid Eghbalzadeh, Bernhard Heinzl, Raphael Pisoni, Bernhard A. Moser: *On Space
Folds of ReLU Neural Networks*, 2025, arXiv:2502.09954.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, at_most, counts, frequency_at_least, ordered
from harness.errors import require
from harness.style import PREDICTED
from instruments.digit_networks import GAIN, as_network, load, start_and_train
from instruments.folding import fold
from instruments.linear_regions.networks import RELU, Layer, Network, he_weights, relu_network
from instruments.linear_regions.segments import pieces
from instruments.randomness import generator
from theory.geometry import space_folds as theory

HEIGHT = Fraction(3, 4)
"""Where the path through CantorNet runs, as in the paper."""
SHOWN_BLOCKS = 3
"""Of the CantorNet whose path is shown."""
TURN_UNITS = np.array([1, 4, 16, 64])
"""Units on each side of the turn."""


@dataclass(frozen=True)
class Config:
    """Parameters of the networks and paths."""

    inputs: int = 10
    """Inputs of random networks."""
    width: int = 20
    """Units of each of their layers."""
    networks: int = 400
    """Random networks, with a path each."""
    flat_depth: int = 1
    """Layers of networks that are not to fold."""
    folding_depths: tuple[int, ...] = (4, 8)
    """Layers of networks that are to fold."""
    path: Literal["segment", "triangle"] = "segment"
    """Whether a path is straight, or returns to its start around a triangle."""

    blocks: int = 8
    """Largest number k of CantorNet's blocks."""
    grid: int = 0
    """Points at which CantorNet's path is sampled; with 0 it is not, but exact."""

    sampled_depth: int = 8
    """Layers of networks on whose paths samples are compared with the exact pieces."""
    sample_sizes: tuple[int, ...] = (11, 50, 200, 1000)
    """Points of the samples."""
    detour: bool = False
    """Whether the samples leave the segment, halfway."""
    missing: float = 0.0
    """Pieces shorter than this share of the path get no sample, where others get one each."""

    turned: bool = True
    """Whether the second layer sees a turn, or the position itself."""

    start_depths: tuple[int, ...] = (2, 6)
    """Layers of untrained networks on digits, fewest first."""
    starts: int = 200
    """Untrained networks of each depth, with a pair of images each."""
    digit_depths: tuple[int, ...] = (4,)
    """Layers of networks that are trained on digits, the claim's last."""
    digit_networks: int = 40
    """Networks of each depth, trained from starts of their own."""
    pairs: int = 16
    """Pairs of test images of the same digit that paths join, for each of these."""
    digit_steps: int = 600
    """Steps of training, enough to fit random labels in part."""
    labels: Literal["true", "random"] = "true"
    """What the networks are trained on."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name in (
            "inputs",
            "width",
            "flat_depth",
            "blocks",
            "sampled_depth",
            "pairs",
            "digit_steps",
        ):
            require(getattr(self, name) > 0, f"{name} must be above zero")
        for name in ("networks", "starts", "digit_networks"):
            require(getattr(self, name) > 1, f"{name} must be at least 2")
        require(self.blocks <= 12, "blocks must be at most 12: pieces double with each")
        require(self.grid == 0 or self.grid > 1, "grid must be 0 or at least 2")
        require(min(self.sample_sizes) > 1, "sample_sizes must be at least 2")
        require(0 <= self.missing < 1, "missing must be within 0 and 1")
        for name in ("folding_depths", "start_depths", "digit_depths"):
            require(min(getattr(self, name)) > 0, f"{name} must be above zero")


SIZES = {
    "ci": Config(),
    "figure": Config(
        folding_depths=(2, 4, 8),
        start_depths=(1, 2, 4, 6),
        starts=400,
        digit_depths=(1, 2, 6, 4),
    ),
    "paper": Config(
        width=50,
        networks=1000,
        folding_depths=(2, 4, 16),
        start_depths=(1, 2, 4, 6),
        starts=2000,
        digit_depths=(1, 2, 6, 4),
        digit_networks=40,
        pairs=60,
    ),
}

Generator = np.random.Generator


def sample_network(rng: Generator, config: Config, depth: int) -> Network:
    """A random network of one output; signals keep their size."""
    weights = he_weights(rng, [config.inputs] + [config.width] * depth + [1])
    return relu_network(weights, [0.1 * rng.normal(size=len(w)) for w in weights])


def patterns_along(network: Network, corners: np.ndarray) -> Int[np.ndarray, "pieces units"]:
    """Successive patterns along a polyline with these corners."""
    return np.concatenate([pieces(network, *ends).patterns for ends in pairwise(corners)])


def patterns_at(network: Network, points: np.ndarray) -> Int[np.ndarray, "points units"]:
    """Patterns at points."""
    return np.concatenate(network.states(points), axis=1)


# ---------------------------------------------------------------- one layer, and more


class Paths(NamedTuple):
    """Paths through random networks."""

    flat: Int[Recorded, "networks 2"]
    """Reach and length in networks that are not to fold."""
    between: Int[Recorded, " networks"]
    """Units of these in which the ends of the path differ."""
    deep: Float[Recorded, "networks depths"]
    """Folding measure in deeper networks."""
    turned: Float[Recorded, "networks depths"]
    """The same, the other way round."""


@measurement
def walk(config: Config, key: PRNGKeyArray) -> Paths:
    """Draw networks and paths and follow them."""
    rng = generator(key)
    flat, between, deep, turned = [], [], [], []
    for _ in range(config.networks):
        corners = rng.normal(size=(3, config.inputs))
        corners = corners[:2] if config.path == "segment" else corners[[0, 1, 2, 0]]
        patterns = patterns_along(sample_network(rng, config, config.flat_depth), corners)
        flat.append(fold(patterns))
        between.append(theory.hyperplanes_between(patterns[0], patterns[-1]))
        row = [
            patterns_along(sample_network(rng, config, depth), corners)
            for depth in config.folding_depths
        ]
        deep.append([fold(patterns).measure for patterns in row])
        turned.append([fold(patterns[::-1]).measure for patterns in row])
    return Paths(*(np.array(column) for column in (flat, between, deep, turned)))


@claim(
    walk,
    kind="count",
    source="the paper; argument derived",
    tolerance=0.5,
    controls=[
        broken("Two layers: what a second one sees has bent.", flat_depth=2),
        broken("A path around a triangle comes back without any folding.", path="triangle"),
    ],
)
def one_layer_never_folds(run: Paths, config: Config) -> Evidence:
    r"""With one hidden layer $r_1=r_2$, and both are the number of hyperplanes between the ends:
    $\chi=0$.
    """
    return counts(run.flat, run.between[:, None])


@claim(
    walk,
    kind="bound",
    source="the paper, which says that it can happen; the share is ours",
    tolerance=0.12,
    controls=[broken("One layer.", folding_depths=(1,))],
)
def deep_networks_fold(run: Paths, config: Config) -> Evidence:
    r"""In the deepest networks at least nine of ten random segments have $\chi>0$."""
    return frequency_at_least(run.deep[:, -1] > 0, 0.9)


@claim(
    walk,
    kind="bound",
    source="derived",
    tolerance=0.6,
    controls=[rival("Rival: the measure is the same both ways.", factor=1.0)],
)
def direction_changes_reach_by_a_factor_of_two_at_most(
    run: Paths, config: Config, factor: float = theory.DIRECTION_FACTOR
) -> Evidence:
    r"""$1-\chi$ of a path and of its reverse differ by a factor of two at most."""
    ratio = (1 - run.deep) / (1 - run.turned)
    names = (f"{depth} layers" for depth in config.folding_depths)
    return at_most(np.maximum(ratio, 1 / ratio), factor).named(*names)


class Turns(NamedTuple):
    """A path that starts in the middle of what it folds."""

    reach: Int[Recorded, "units both_ways"]


@measurement
def turn(config: Config, key: PRNGKeyArray) -> Turns:
    """Follow the path in both directions, for several numbers of units."""
    reaches = []
    for units in TURN_UNITS.tolist():
        # t, or what rises to 1 at t = 1 and falls to -1 at t = 3.
        position = np.array([[1, -2 if config.turned else 0]], dtype=object)
        levels = np.array([Fraction(2 * i + 1, 2 * units) for i in range(units)])
        first = Layer(np.array([[1], [1]], dtype=object), np.array([0, -1], dtype=object), RELU)
        signs = np.repeat(np.array([1, -1], dtype=object), units)[:, None]
        second = Layer(signs * position, np.concatenate([-levels, -levels]), RELU)
        output = np.ones((1, 2 * units), dtype=object)
        network = Network([first, second], output, np.zeros(1, dtype=object))
        ends = np.array([[Fraction(1, 4 * units)], [Fraction(3)]])
        patterns = patterns_along(network, ends)
        reaches.append([fold(patterns).reach, fold(patterns[::-1]).reach])
    return Turns(np.array(reaches))


@claim(
    turn,
    kind="count",
    source="derived",
    tolerance=0.3,
    controls=[broken("Without the turn both ways are the same.", turned=False)],
)
def a_factor_of_two_is_approached(run: Turns, config: Config) -> Evidence:
    r"""A path from the middle of a turn has $r_1=q+1$, backwards $2q+1$."""
    predicted = [theory.turned_reach(TURN_UNITS, backwards=way) for way in (False, True)]
    return counts(run.reach, np.stack(predicted, axis=1))


# ---------------------------------------------------------------- CantorNet


def cantor_net(blocks: int) -> Network:
    """CantorNet in rational numbers."""
    thirds = Layer(
        np.array([[3, 0], [-3, 0], [0, 1]], dtype=object), np.array([-2, 1, 0], dtype=object), RELU
    )
    join = Layer(np.array([[1, 1, 0], [0, 0, 1]], dtype=object), np.zeros(2, dtype=object), RELU)
    half = Fraction(1, 2)
    top = Layer(np.array([[-half, 1]], dtype=object), np.array([-half], dtype=object), RELU)
    one, zero = np.ones((1, 1), dtype=object), np.zeros(1, dtype=object)
    return Network([thirds, join] * blocks + [top], one, zero)


class Cantor(NamedTuple):
    """The path through CantorNets of 1, 2, ... blocks."""

    folds: Int[Recorded, "both_ways blocks 2"]
    """Reach and length; the second time backwards."""
    sampled: Float[Recorded, " blocks"]
    """Folding measure from eleven points."""


@measurement
def walk_through_cantor_net(config: Config, key: PRNGKeyArray) -> Cantor:
    """Follow the path in rational numbers."""

    def points(number: int) -> np.ndarray:
        return np.array([[Fraction(i, number - 1), HEIGHT] for i in range(number)])

    folds, sampled = [], []
    for blocks in range(1, config.blocks + 1):
        network = cantor_net(blocks)
        for ends in (points(2), points(2)[::-1]):
            patterns = (
                patterns_at(network, points(config.grid))
                if config.grid
                else patterns_along(network, ends)
            )
            folds.append(fold(patterns))
        sampled.append(fold(patterns_at(network, points(11))).measure)
    both_ways = np.array(folds).reshape(config.blocks, 2, 2).swapaxes(0, 1)
    return Cantor(both_ways, np.array(sampled))


@claim(
    walk_through_cantor_net,
    kind="count",
    source="derived",
    tolerance=0.2,
    controls=[
        broken("Eleven points, as in public code, miss most of the path.", grid=11),
        rival("Rival: a path without folds.", length=theory.cantor_reach),
    ],
)
def cantor_net_has_a_law(
    run: Cantor,
    config: Config,
    length: Callable[[np.ndarray], theory.Counts] = theory.cantor_length,
) -> Evidence:
    r"""On CantorNet with $k$ blocks $r_2=5\cdot2^k-4$ and $r_1=2k+1$, both ways: $\chi\to1$ like
    $k2^{-k}$.
    """
    blocks = np.arange(1, run.folds.shape[1] + 1)
    predicted = np.stack([theory.cantor_reach(blocks), length(blocks)], axis=1)
    return counts(run.folds, predicted)


# ---------------------------------------------------------------- samples


class Samples(NamedTuple):
    """Samples of paths beside all of their pieces."""

    exact: Int[Recorded, "networks 2"]
    """Reach and length."""
    sampled: Int[Recorded, "networks sizes 2"]
    """The same from equidistant points."""
    one_each: Int[Recorded, "networks 2"]
    """The same from a random point in each piece."""


@measurement
def sample_paths(config: Config, key: PRNGKeyArray) -> Samples:
    """Follow paths through deep networks, and sample them."""
    rng = generator(key)
    exact, sampled, one_each = [], [], []
    for _ in range(config.networks // 4):
        network = sample_network(rng, config, config.sampled_depth)
        start, end = rng.normal(size=(2, config.inputs))
        found = pieces(network, start, end)
        exact.append(fold(found.patterns))
        row = []
        for size in config.sample_sizes:
            places = np.linspace(0, 1, size)[:, None]
            points = start + places * (end - start)
            if config.detour:
                points[size // 2] += 3 * rng.normal(size=config.inputs)
            row.append(fold(patterns_at(network, points)))
        sampled.append(row)
        widths = np.diff(found.breaks)
        places = found.breaks[:-1] + widths * rng.uniform(0.1, 0.9, len(widths))
        seen = places[widths >= config.missing, None]
        one_each.append(fold(patterns_at(network, start + seen * (end - start))))
    return Samples(*(np.array(column) for column in (exact, sampled, one_each)))


@claim(
    sample_paths,
    kind="bound",
    source="derived",
    tolerance=0.1,
    controls=[broken("A sample that leaves the segment.", detour=True)],
)
def samples_only_lose(run: Samples, config: Config) -> Evidence:
    r"""Reach and length of a sample of a path are at most those of the path, in every case."""
    exact = run.exact[:, None]
    return counts(np.maximum(run.sampled, exact), exact)


@claim(
    sample_paths,
    kind="count",
    source="derived",
    tolerance=0.1,
    controls=[broken("Short pieces are missed.", missing=0.01)],
)
def one_sample_in_each_piece_is_exact(run: Samples, config: Config) -> Evidence:
    """A sample that has one point in each piece has the reach and the length of the path."""
    return counts(run.one_each, run.exact)


@claim(
    sample_paths,
    kind="bound",
    source="ours: the natural guess",
    expect="refuted",
    reason="Reach and length both lose, and their ratio can lose more or less: the sampled measure "
    "errs in both directions.",
    tolerance=0.1,
    controls=[broken("One layer: nothing folds, at any sampling.", sampled_depth=1)],
)
def the_sampled_measure_is_a_lower_bound(run: Samples, config: Config) -> Evidence:
    r"""$\chi$ of a sample is at most $\chi$ of the path, in every case."""
    reach, length = run.exact[:, None, 0], run.exact[:, None, 1]
    # 1 - chi compared as fractions, without rounding.
    here, there = run.sampled[..., 0] * length, run.sampled[..., 1] * reach
    return counts(np.maximum(here, there), here)


# ---------------------------------------------------------------- digits


class Starts(NamedTuple):
    """Networks that have seen no data."""

    measure: Float[Recorded, "networks depths"]
    """Folding measure between two images of one digit."""


class OnDigits(NamedTuple):
    """Mean folding measure between test images of one digit, and what was learnt."""

    untrained: Float[Recorded, "networks depths"]
    trained: Float[Recorded, "networks depths"]
    accuracy: Float[Recorded, "networks depths"]
    """Share of test images that are classified as their labels say, after training."""


@measurement
def fold_digits_untrained(config: Config, key: PRNGKeyArray) -> Starts:
    """Draw networks of several depths and walk between images."""
    rng = generator(key)
    images = load(rng)
    pixels = images.rows.shape[1]
    measures = []
    for _ in range(config.starts):
        ends, row = images.pair(rng), []
        for depth in config.start_depths:
            weights = rng.normal(size=(depth, pixels, pixels)) * np.sqrt(GAIN / pixels)
            biases = np.zeros((depth, pixels))
            network = relu_network([*weights, np.ones((1, pixels))], [*biases, np.zeros(1)])
            row.append(fold(patterns_along(network, ends)).measure)
        measures.append(row)
    return Starts(np.array(measures))


@measurement
def fold_digits(config: Config, key: PRNGKeyArray) -> OnDigits:
    """Train networks of several depths and walk between test images."""
    rng = generator(key)
    images = load(rng)
    rows, known = images.rows[images.test], images.labels[images.test]
    labels = np.tile(images.labels[images.train], (config.digit_networks, 1))
    if config.labels == "random":
        labels = rng.permuted(labels, axis=1)
    paths = [[images.pair(rng) for _ in range(config.pairs)] for _ in labels]

    def mean_fold(network: Network, pairs: list[np.ndarray]) -> float:
        return float(np.mean([fold(patterns_along(network, ends)).measure for ends in pairs]))

    columns = []
    for number, depth in enumerate(config.digit_depths):
        both = start_and_train(
            jax.random.split(jax.random.fold_in(key, number), len(labels)),
            jnp.asarray(images.rows[images.train], jnp.float32),
            jnp.asarray(labels),
            depth=depth,
            units=rows.shape[1],
            classes=10,
            steps=config.digit_steps,
        )
        means = []
        for run, pairs in enumerate(paths):
            before, after = (as_network(perceptron, run) for perceptron in both)
            right = np.mean(np.argmax(after(rows), axis=1) == known)
            means.append([mean_fold(before, pairs), mean_fold(after, pairs), right])
        columns.append(means)
    return OnDigits(*np.moveaxis(np.array(columns), -1, 0).swapaxes(1, 2))


@claim(
    fold_digits_untrained,
    kind="order",
    source="the paper's experiments",
    tolerance=3.0,
    controls=[broken("Networks of one depth.", start_depths=(4, 4))],
)
def deeper_networks_fold_more(run: Starts, config: Config) -> Evidence:
    r"""Between real digits of one class $\chi$ grows with depth, by 0.05 at least from the
    shallowest to the deepest.
    """
    return ordered(run.measure[:, 0], run.measure[:, -1], effect=0.05)


@claim(
    fold_digits,
    kind="order",
    source="the paper's reading of its experiments",
    expect="refuted",
    reason="Networks fold before they have learnt anything, and learning true labels does not make "
    "them fold more. Labels that carry no information do.",
    tolerance=math.inf,
    controls=[broken("Random labels are learnt by folding.", labels="random")],
)
def training_makes_networks_fold(run: OnDigits, config: Config) -> Evidence:
    r"""Training on digits raises the mean $\chi$ between images of one class, by 0.04 at least in
    the deepest networks.
    """
    return ordered(run.untrained[:, -1], run.trained[:, -1], effect=0.04)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """CantorNet and its law, what samples see of a path, and real digits."""
    figure = Figure(figsize=(9.0, 6.4))
    axes = figure.subplots(2, 2)
    draw_path(axes[0, 0])
    draw_cantor(axes[0, 1], runs[walk_through_cantor_net])
    draw_samples(axes[1, 0], runs[sample_paths], config)
    draw_digits(axes[1, 1], runs[fold_digits_untrained], runs[fold_digits], config)
    return figure


def draw_path(axes: Axes) -> None:
    """Distance from the start along the path, as it is and as eleven points see it."""
    network = cantor_net(SHOWN_BLOCKS)
    ends = np.array([[Fraction(0), HEIGHT], [Fraction(1), HEIGHT]])
    found = pieces(network, *ends)
    distances = theory.hyperplanes_between(found.patterns[0], found.patterns)
    axes.stairs(distances, found.breaks.astype(float), baseline=None, label="exact")
    points = np.array([[Fraction(i, 10), HEIGHT] for i in range(11)])
    seen = patterns_at(network, points)
    sampled = theory.hyperplanes_between(seen[0], seen)
    axes.plot(points[:, 0].astype(float), sampled, "o", color="C1", label="eleven points")
    reach = int(theory.cantor_reach(SHOWN_BLOCKS))
    axes.axhline(reach, **PREDICTED, label="$r_1=2k+1$")
    axes.set_title(f"CantorNet, $k={SHOWN_BLOCKS}$: there and back")
    axes.set(xlabel="place $x$ on the path", ylabel="units unlike at the start")
    axes.set_ylim(-0.5, 1.5 * reach)
    axes.legend(ncols=2, loc="upper left")


def draw_cantor(axes: Axes, run: Cantor) -> None:
    """The law of CantorNet."""
    blocks = np.arange(1, len(run.sampled) + 1)
    reach, length = run.folds[0].T
    axes.plot(blocks, 1 - reach / length, "o", label="exact path")
    axes.plot(blocks, run.sampled, "s", color="C1", label="eleven points")
    law = theory.cantor_measure(blocks)
    axes.plot(blocks, law, **PREDICTED, label=r"$1-(2k+1)/(5\cdot2^k-4)$")
    axes.set_title("Folding $k$ times")
    axes.set(xlabel="blocks $k$", ylabel=r"$\chi$")
    axes.legend(loc="lower right")


def draw_samples(axes: Axes, run: Samples, config: Config) -> None:
    """What sampling does to the measure."""
    exact = 1 - run.exact[:, 0] / run.exact[:, 1]
    sampled = 1 - run.sampled[..., 0] / run.sampled[..., 1]
    error = sampled - exact[:, None]
    axes.axhline(0, **PREDICTED, label="one point in each piece")
    for row in error:
        axes.plot(config.sample_sizes, row, "C0", linewidth=0.6, alpha=0.35)
    axes.plot(config.sample_sizes, error.mean(axis=0), "C1o-", label="mean")
    axes.set_title(f"{config.sampled_depth} layers: samples err both ways")
    axes.set(xlabel="equidistant points", ylabel=r"sampled $\chi$ less exact $\chi$", xscale="log")
    axes.legend(loc="lower right")


def draw_digits(axes: Axes, starts: Starts, run: OnDigits, config: Config) -> None:
    """Folding between images of one digit, by depth."""
    means = starts.measure.mean(axis=0)
    errors = 2 * starts.measure.std(axis=0) / np.sqrt(len(starts.measure))
    axes.errorbar(config.start_depths, means, errors, fmt="o-", label="untrained")
    order = np.argsort(config.digit_depths)
    depths = np.array(config.digit_depths)[order]
    trained = run.trained[:, order]
    axes.plot(depths, trained.mean(axis=0), "s-", color="C1", label="trained")
    spread = 0.12 * (np.arange(len(trained)) / len(trained) - 0.5)
    for column, depth in zip(trained.T, depths, strict=True):
        axes.plot(depth + spread, column, ".", color="C1", markersize=3, alpha=0.5)
    axes.axhline(0, **PREDICTED, label="one layer")
    accuracy = run.accuracy.mean(axis=0).min()
    axes.set_title(f"Real digits, {100 * accuracy:.0f}% of them right or more")
    axes.set(xlabel="layers", ylabel=r"mean $\chi$, one digit")
    axes.legend(loc="upper left")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
