r"""Folding and symmetry: what a mirror is worth, and what else counts as folding.

The folding measure $\chi=1-r_1/r_2$ compares how far activation patterns get from the first one of
a path with the length of their way (*On Space Folds of ReLU Neural Networks*). The paper carries it
over to other activations, connects it with symmetries, asks for efficient sampling, and says that
much folding goes with a low generalization error. The abstract and the opening were at hand;
statements marked as derived are this project's own.

- A network with a **mirror symmetry** folds the way from an input to its mirror image in half:
  $\chi=q/(2q+2)$ with $q$ units behind the mirror, which is below $1/2$. With $k$ nested mirrors
  $\chi$ stays below $1-2^{-k}$.
- With **other activations** a unit's state is, as we read the definition, the piece that it is in.
  Then $\chi$ is no longer about folds: a single layer has $\chi>0$ where units pass two cuts, and
  one function has several $\chi$, by how it is cut. Counting cuts instead of units mends that.
- **Sampling**: inputs of one full pattern are convex; so halving intervals until their ends agree
  finds all pieces, with evaluations in proportion to their number. Inputs of one pattern of the
  last layer are not convex, and there halving misses folds.
- **Generalization**: where a fixed number of units is spread over so many layers that training
  fails, folding falls as the error rises, as the paper says; these networks differ in shape, too.
  Folding does not go with a small error as such: networks of one shape fold more, not less, when
  wrong labels raise the error, which is our way to raise it and not the paper's.

Michal Lewandowski, Bernhard Heinzl, Raphael Pisoni, Bernhard A. Moser: *The Space Between: On
Folding, Symmetries and Sampling*, 2025, arXiv:2503.08502.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, counts, frequency_at_least, ordered
from harness.errors import require
from harness.style import PREDICTED
from instruments.digit_networks import as_network, load, train_narrow
from instruments.folding import bisect, fold
from instruments.linear_regions.networks import (
    HARD_TANH,
    RELU,
    Activation,
    Layer,
    Network,
    Piecewise,
    he_weights,
    leaky_relu,
    relu_network,
)
from instruments.linear_regions.segments import pieces
from instruments.randomness import generator
from theory.geometry import folding_symmetries as theory

MIRRORS = np.arange(1, 4)
"""Nested mirrors."""
MIRRORED_UNITS = np.array([1, 4, 16, 32])
"""Units behind the last of them."""
STAIRS = Piecewise((-1, 0, 1), (0, 1, 1, 0), (-1, 0, 0, 1))
"""Hard tanh, taken for a function of four pieces."""
ACTIVATIONS: dict[str, dict[str, Activation]] = {
    "one": {"ReLU": RELU, "leaky ReLU": leaky_relu(0.1)},
    "several": {"cut twice": HARD_TANH, "cut at zero too": STAIRS},
}
"""By the number of their cuts."""
FAIR_DEPTH = 4
"""Layers of networks on digits that learn well."""

Generator = np.random.Generator


@dataclass(frozen=True)
class Config:
    """Parameters of the networks and paths."""

    mirrored: bool = True
    """Whether the layers before the last are mirrors, or hand on what they see."""

    inputs: int = 10
    """Inputs of random networks."""
    width: int = 20
    """Units of each of their layers."""
    one_layer_networks: int = 400
    """Random networks for activations of several pieces."""
    one_layer_depth: int = 1
    """Layers that these have."""
    cuts: Literal["one", "several"] = "several"
    """Whether these activations have one cut, or two and three."""
    stretch: float = 3.0
    """Length of paths through these, relative to that between Gaussian inputs."""

    bisected_depth: int = 8
    """Layers of networks on whose paths intervals are halved."""
    bisected_networks: int = 60
    """How many of these."""
    seen: Literal["all layers", "last layer"] = "all layers"
    """Whose patterns are compared."""
    spare: int = 0
    """Rounds of halving beyond those that the shortest piece needs; fewer if negative."""

    units: int = 128
    """All units of a network on digits."""
    depths: tuple[int, ...] = (4, 16)
    """Layers that these are spread over, ascending."""
    noises: tuple[float, ...] = (0.0, 1.0)
    """Shares of training labels that are drawn at random, ascending, with four layers."""
    runs: int = 40
    """Networks of each kind, each with pairs of test images of one digit that paths join."""
    pairs: int = 8
    """How many pairs."""
    steps: int = 600
    """Of training."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name in ("inputs", "width", "one_layer_depth", "bisected_depth", "pairs", "steps"):
            require(getattr(self, name) > 0, f"{name} must be above zero")
        require(self.stretch > 0, "stretch must be above zero")
        for name in ("one_layer_networks", "bisected_networks", "runs"):
            require(getattr(self, name) > 1, f"{name} must be at least 2")
        for depth in self.depths:
            require(self.units % depth == 0, f"units must be a multiple of the depth {depth}")
        require(FAIR_DEPTH in self.depths, f"depths must contain {FAIR_DEPTH}")
        require(self.noises[0] == 0, "the first of noises must be 0")


SIZES = {
    "ci": Config(),
    "figure": Config(
        one_layer_networks=1000,
        bisected_networks=200,
        depths=(2, 4, 8, 16),
        noises=(0.0, 0.25, 0.5, 1.0),
        runs=100,
    ),
    "paper": Config(
        width=50,
        one_layer_networks=1000,
        bisected_networks=400,
        depths=(2, 4, 8, 16),
        noises=(0.0, 0.25, 0.5, 1.0),
        runs=200,
        pairs=40,
        steps=2000,
    ),
}


# ---------------------------------------------------------------- mirrors


class Mirrored(NamedTuple):
    """The way from an input to its mirror image."""

    folds: Int[Recorded, "mirrors units 2"]
    """Reach and length."""


def mirror_network(mirrors: int, units: int, mirrored: bool) -> Network:
    """Nested mirrors and the units behind them, in rational numbers."""
    first = Layer(np.array([[1], [-1]], dtype=object), np.zeros(2, dtype=object), RELU)
    if mirrored:
        weights, biases, last = [[-2, -2], [2, 2]], [1, -1], [1, 1]
    else:
        weights, biases, last = [[1, -1], [-1, 1]], [0, 0], [1, -1]
    later = Layer(np.array(weights, dtype=object), np.array(biases, dtype=object), RELU)
    thresholds = np.array([Fraction(i + 1, units + 1) for i in range(units)])
    behind = Layer(np.array([last] * units, dtype=object), -thresholds, RELU)
    layers = [first, *[later] * (mirrors - 1), behind]
    return Network(layers, np.ones((1, units), dtype=object), np.zeros(1, dtype=object))


@measurement
def walk_to_the_mirror_image(config: Config, key: PRNGKeyArray) -> Mirrored:
    """Follow the path in rational numbers."""
    start, end = np.array([[Fraction(1)], [Fraction(-1)]])
    folds = [
        fold(pieces(mirror_network(*numbers, config.mirrored), start, end).patterns)
        for numbers in product(MIRRORS.tolist(), MIRRORED_UNITS.tolist())
    ]
    return Mirrored(np.array(folds).reshape(len(MIRRORS), len(MIRRORED_UNITS), 2))


@claim(
    walk_to_the_mirror_image,
    kind="count",
    source="derived",
    tolerance=0.2,
    controls=[broken("Layers that hand on what they see.", mirrored=False)],
)
def a_mirror_halves_the_way(run: Mirrored, config: Config) -> Evidence:
    r"""From an input to its mirror image, through $k$ nested mirrors to $q$ units behind them,
    $r_1=q+2k$ and $r_2=2^kq+2^{k+1}-2$: $\chi<1-2^{-k}$, which is approached.
    """
    predicted = theory.mirrored(MIRRORS[:, None], MIRRORED_UNITS)
    return counts(run.folds, np.stack(predicted, axis=-1))


# ---------------------------------------------------------------- other activations


class Passed(NamedTuple):
    """Paths through networks that differ in their activations only."""

    folds: Int[Recorded, "networks activations 2"]
    """Reach and length."""
    measure: Float[Recorded, "networks activations"]
    ends: Int[Recorded, "networks activations 2 units"]
    """States at the ends of the paths."""


def sample_weights(rng: Generator, inputs: int, width: int, depth: int) -> list[np.ndarray]:
    """Weights of a random network of one output; signals keep their size."""
    return he_weights(rng, [inputs] + [width] * depth + [1])


@measurement
def pass_cuts(config: Config, key: PRNGKeyArray) -> Passed:
    """Draw networks and paths, and follow them with one activation after the other."""
    rng = generator(key)
    folds, ends = [], []
    for _ in range(config.one_layer_networks):
        weights = sample_weights(rng, config.inputs, config.width, config.one_layer_depth)
        biases = [0.1 * rng.normal(size=len(w)) for w in weights]
        path = config.stretch * rng.normal(size=(2, config.inputs))
        for activation in ACTIVATIONS[config.cuts].values():
            patterns = pieces(relu_network(weights, biases, activation), *path).patterns
            folds.append(fold(patterns))
            ends.append(patterns[[0, -1]])
    shape = (config.one_layer_networks, 2)
    measures = np.array([found.measure for found in folds])
    units = config.width * config.one_layer_depth
    return Passed(
        np.array(folds).reshape(*shape, 2),
        measures.reshape(shape),
        np.array(ends).reshape(*shape, 2, units),
    )


@claim(
    pass_cuts,
    kind="count",
    source="derived, for our reading of the paper's definition",
    tolerance=0.1,
    controls=[
        broken("Two layers.", one_layer_depth=2),
        rival("Rival: cuts are counted, not units.", law=theory.one_layer_ordinal),
    ],
)
def in_one_layer_the_measure_counts_cuts(
    run: Passed, config: Config, law: Callable[..., theory.Folds] = theory.one_layer
) -> Evidence:
    r"""If a unit's state is the piece of its activation that it is in, one layer has
    $r_1=\#\{\Delta\ne0\}$ and $r_2=\sum|\Delta|$: by how much states differ at the ends.
    """
    predicted = law(run.ends[..., 0, :], run.ends[..., 1, :])
    return counts(run.folds, np.stack(predicted, axis=-1))


@claim(
    pass_cuts,
    kind="bound",
    source="derived, for our reading of the paper's definition",
    tolerance=0.12,
    controls=[broken("One cut: ReLU and leaky ReLU.", cuts="one")],
)
def several_cuts_fold_without_depth(run: Passed, config: Config) -> Evidence:
    r"""Of networks of a single layer with hard tanh at least nine of ten have $\chi>0$ on a random
    segment, be it cut twice, where it bends, or at zero too.
    """
    return frequency_at_least(run.measure > 0, 0.9).named(*ACTIVATIONS[config.cuts])


@claim(
    pass_cuts,
    kind="order",
    source="derived, for our reading of the paper's definition",
    tolerance=math.inf,
    controls=[broken("One cut each: ReLU and leaky ReLU agree.", cuts="one")],
)
def the_measure_depends_on_how_a_function_is_cut(run: Passed, config: Config) -> Evidence:
    r"""On the same segments the same networks of hard tanh have a larger $\chi$ if it is cut at
    zero too than if it is cut twice, by 0.05 at least on average.
    """
    return ordered(run.measure[:, 0], run.measure[:, 1], effect=0.05)


# ---------------------------------------------------------------- sampling


class Halved(NamedTuple):
    """Paths whose intervals are halved until their ends agree."""

    exact: Int[Recorded, "networks 2"]
    """Reach and length, from all pieces."""
    halved: Int[Recorded, "networks 2"]
    """The same from halving."""
    evaluations: Int[Recorded, " networks"]
    pieces: Int[Recorded, " networks"]
    shortest: Float[Recorded, " networks"]
    """Length of the shortest piece, as a share of the path."""


@measurement
def halve(config: Config, key: PRNGKeyArray) -> Halved:
    """Follow paths through deep networks exactly, and by halving."""
    rng = generator(key)
    rows, shortest = [], []
    for _ in range(config.bisected_networks):
        weights = sample_weights(rng, config.inputs, config.width, config.bisected_depth)
        network = relu_network(weights, [0.1 * rng.normal(size=len(w)) for w in weights])
        start, end = rng.normal(size=(2, config.inputs))
        found = pieces(network, start, end)
        seen = slice(None) if config.seen == "all layers" else slice(-1, None)

        def pattern_at(
            places: np.ndarray,
            network: Network = network,
            start: np.ndarray = start,
            end: np.ndarray = end,
            seen: slice = seen,
        ) -> np.ndarray:
            states = network.states(start + places[:, None] * (end - start))
            return np.concatenate(states[seen], axis=1)

        shortest.append(np.diff(found.breaks).min())
        halved = bisect(pattern_at, int(theory.halvings(shortest[-1])) + config.spare)
        exact = fold(np.concatenate(found.states[seen], axis=1))
        numbers = halved.evaluations, len(found.patterns)
        rows.append([*exact, *fold(halved.patterns), *numbers])
    columns = np.array(rows)
    return Halved(columns[:, :2], columns[:, 2:4], columns[:, 4], columns[:, 5], np.array(shortest))


@claim(
    halve,
    kind="count",
    source="derived; our form of efficient sampling",
    tolerance=0.1,
    controls=[
        broken("Patterns of the last layer alone: their inputs are not convex.", seen="last layer"),
        broken("Six rounds fewer.", spare=-6),
    ],
)
def halving_is_exact(run: Halved, config: Config) -> Evidence:
    r"""Halving intervals whose ends have different patterns, until they are shorter than the
    shortest piece, gives the $r_1$ and $r_2$ of the path.
    """
    return counts(run.halved, run.exact)


@claim(
    halve,
    kind="bound",
    source="derived; our form of efficient sampling",
    tolerance=0.5,
    controls=[broken("Ten rounds more than the shortest piece needs.", spare=10)],
)
def halving_needs_few_evaluations(run: Halved, config: Config) -> Evidence:
    r"""If each of $p$ pieces is longer than $2^{-D}$ of the segment, halving takes $2+D(p-1)$
    evaluations at most, in every case, where a grid of this spacing takes $2^D+1$.
    """
    most = theory.most_evaluations(theory.halvings(run.shortest), run.pieces)
    return counts(np.maximum(run.evaluations, most), most)


# ---------------------------------------------------------------- generalization


class Spoiled(NamedTuple):
    """Networks on digits whose test error is raised in two ways.

    Last axis: share of paths between test images of one digit that fold, their mean measure, and
    the test error.
    """

    deeper: Float[Recorded, "runs depths 3"]
    """By depth."""
    noisier: Float[Recorded, "runs noises 3"]
    """By the share of labels that are drawn at random."""


@measurement
def spoil(config: Config, key: PRNGKeyArray) -> Spoiled:
    """Train networks of several depths and on labels of several kinds; walk between test images."""
    rng = generator(key)
    images = load(rng)
    rows, known = images.rows[images.test], images.labels[images.test]
    true = np.tile(images.labels[images.train], (config.runs, 1))
    order, wrong = rng.random(true.shape), rng.integers(0, 10, true.shape)
    paths = [[images.pair(rng) for _ in range(config.pairs)] for _ in range(config.runs)]

    def train_and_look(depth: int, labels: np.ndarray) -> np.ndarray:
        trained = train_narrow(
            jax.random.split(jax.random.fold_in(key, depth), config.runs),
            jnp.asarray(images.rows[images.train], jnp.float32),
            jnp.asarray(labels),
            depth=depth,
            units=config.units // depth,
            classes=10,
            steps=config.steps,
        )
        found = []
        for run, pairs in enumerate(paths):
            network = as_network(trained, run)
            measures = np.array([fold(pieces(network, *ends).patterns).measure for ends in pairs])
            error = np.mean(np.argmax(network(rows), axis=1) != known)
            found.append([np.mean(measures > 0), measures.mean(), error])
        return np.array(found)

    deeper = [train_and_look(depth, true) for depth in config.depths]
    noisier = [deeper[config.depths.index(FAIR_DEPTH)]]
    for noise in config.noises[1:]:
        noisier.append(train_and_look(FAIR_DEPTH, np.where(order < noise, wrong, true)))
    return Spoiled(np.stack(deeper, axis=1), np.stack(noisier, axis=1))


def less_folding_at_the_end_of(way: Literal["depth", "labels"], run: Spoiled) -> Evidence:
    """Compare how often paths fold in networks that learn well and in the worst of one way."""
    fair = run.noisier[:, 0, 0]
    worst = (run.deeper if way == "depth" else run.noisier)[:, -1, 0]
    return ordered(worst, fair, effect=0.05)


@claim(
    spoil,
    kind="order",
    source="abstract: folding decreases when the generalization error increases",
    tolerance=math.inf,
    controls=[rival("Wrong labels raise the error, in networks of one depth.", way="labels")],
)
def folding_falls_where_depth_raises_the_error(
    run: Spoiled, config: Config, way: Literal["depth", "labels"] = "depth"
) -> Evidence:
    r"""At a fixed number of units, paths between images of one digit have $\chi>0$ less often in
    the deepest networks, most of which fail to tell digits apart, than in those of four layers,
    which do not: by 0.05 at least.
    """
    return less_folding_at_the_end_of(way, run)


@claim(
    spoil,
    kind="order",
    source="ours: the same sentence, where wrong labels raise the error",
    expect="refuted",
    reason="Labels that carry no information are learnt by folding. So folding does not go with a "
    "small error as such. The paper raises the error by depth, at a fixed number of units, and "
    "there folding goes as training fails.",
    tolerance=math.inf,
    controls=[rival("Depth raises the error, at a fixed number of units.", way="depth")],
)
def folding_falls_where_wrong_labels_raise_the_error(
    run: Spoiled, config: Config, way: Literal["depth", "labels"] = "labels"
) -> Evidence:
    r"""Paths between images of one digit have $\chi>0$ less often in networks that were trained on
    random labels than in networks of the same shape and start that were trained on true ones: by
    0.05 at least.
    """
    return less_folding_at_the_end_of(way, run)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Mirrors, activations of several pieces, halving, and folding against the error."""
    figure = Figure(figsize=(9.0, 6.4))
    axes = figure.subplots(2, 2)
    draw_mirrors(axes[0, 0], runs[walk_to_the_mirror_image])
    draw_cuts(axes[0, 1], runs[pass_cuts])
    draw_halving(axes[1, 0], runs[halve])
    draw_errors(axes[1, 1], runs[spoil], config)
    return figure


def draw_mirrors(axes: Axes, run: Mirrored) -> None:
    """The law of mirrors."""
    reach, length = np.moveaxis(np.asarray(run.folds), -1, 0)
    units = np.geomspace(MIRRORED_UNITS[0], MIRRORED_UNITS[-1], 100)
    for row, (mirrors, marker) in enumerate(zip(MIRRORS, "os^", strict=True)):
        label = "1 mirror" if mirrors == 1 else f"{mirrors} mirrors"
        axes.plot(MIRRORED_UNITS, 1 - reach[row] / length[row], marker, label=label)
        law = theory.mirrored_measure(mirrors, units)
        name = r"$1-\frac{q+2k}{2^kq+2^{k+1}-2}$" if row == 0 else None
        axes.plot(units, law, **PREDICTED, label=name)
    axes.set_title("From an input to its mirror image")
    axes.set(xlabel="units $q$ behind the mirrors", ylabel=r"$\chi$", xscale="log", ylim=(0, 1.25))
    axes.legend(loc="upper left", ncols=2)


def draw_cuts(axes: Axes, run: Passed) -> None:
    """Folding of one layer."""
    ends = np.asarray(run.ends)
    for column, (label, marker) in enumerate(zip(ACTIVATIONS["several"], "os", strict=True)):
        law = theory.one_layer(ends[:, column, 0], ends[:, column, 1])
        predicted = 1 - law.reach / law.length
        axes.plot(predicted, run.measure[:, column], marker, markersize=4, label=label)
    top = 1.05 * float(np.max(run.measure))
    axes.plot([0, top], [0, top], **PREDICTED, label="equal")
    axes.set_title("Hard tanh, one layer: no fold, and yet")
    axes.set(xlabel=r"$1-\#\{\Delta\neq0\}/\sum|\Delta|$", ylabel=r"$\chi$")
    axes.legend(loc="upper left")


def draw_halving(axes: Axes, run: Halved) -> None:
    """What halving costs, and a grid as fine."""
    depth = theory.halvings(np.asarray(run.shortest))
    spacing = 0.5**depth
    axes.plot(run.shortest, run.evaluations, "o", markersize=4, label="halving")
    most = theory.most_evaluations(depth, np.asarray(run.pieces))
    axes.plot(run.shortest, most, "_", color="black", zorder=3, label="$2+D(p-1)$")
    axes.plot(run.shortest, 1 / spacing + 1, "s", color="C1", markersize=3, label="grid")
    axes.set_title("Halving finds all pieces")
    axes.set(xlabel="shortest piece", ylabel="evaluations", xscale="log", yscale="log")
    axes.legend(loc="upper right")


def draw_errors(axes: Axes, run: Spoiled, config: Config) -> None:
    """Folding and the test error, raised in two ways."""
    ways = (
        (run.deeper, "o", "more layers", [f"{depth} layers" for depth in config.depths]),
        (run.noisier, "s", "wrong labels", ["", *(f"{n:.0%}" for n in config.noises[1:])]),
    )
    for column, (found, marker, label, names) in enumerate(ways):
        _, measure, error = np.moveaxis(np.asarray(found), -1, 0)
        bars = 2 * measure.std(axis=0) / math.sqrt(len(measure))
        means = error.mean(axis=0), measure.mean(axis=0)
        axes.errorbar(*means, bars, fmt=f"{marker}-", color=f"C{column}", label=label)
        for x, y, name in zip(*means, names, strict=True):
            axes.annotate(name, (x, y), (5, 6), textcoords="offset points", fontsize=8)
    axes.set_title(f"Digits, {config.units} units: two ways to err")
    axes.set(xlabel="test error", ylabel=r"mean $\chi$, one digit", xlim=(0, 1.05), ylim=(0, None))
    axes.legend(loc="upper left")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
