r"""Which directions of parameter space does a ReLU network's function not depend on?

Rescaling a unit changes nothing: one direction for each hidden unit. Some networks have further,
*hidden* symmetries, others none. The rank of the parameter gradients at all inputs, the functional
dimension, tells which. Here weights are integers, all cells of the input space are found, and the
rank is exact: it has no threshold, and no input is missed.

- The dimension is **at most** parameters less hidden units, and networks with no layer narrower
  than the input attain it, as the paper proves; with one hidden layer all do (derived here).
- For **two hidden layers**, the first not wider than the input, a **law** (derived here) gives the
  dimension of each network from the signs in its second layer, and the probability of no hidden
  symmetry as $(1-2^{-n})^m-n2^{-(n+1)m}$.
- **Depth** hides: each unit beyond the first layer whose weights and bias have one sign costs a
  dimension, so that the probability falls exponentially. Units that leak hide nothing.
- **Width and input dimension** together bring the probability to one, as the paper observes. Width
  alone does the opposite: on a plane, ever more pairs of units are never active together.
- A **random batch** of inputs, the usual way to estimate the dimension, misses directions.

J. Elisenda Grigsby, Kathryn Lindsey, David Rolnick: *Hidden Symmetries of ReLU Networks*, ICML
2023, arXiv:2306.06179.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy import stats

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, counts, frequency, frequency_at_least, frequency_at_most
from harness.errors import require
from harness.style import PREDICTED
from instruments.linear_regions.networks import (
    RELU,
    Network,
    Piecewise,
    States,
    rational,
    relu_network,
)
from instruments.linear_regions.regions import regions
from instruments.linear_regions.whole_plane import cells_of_plane
from instruments.randomness import generator
from instruments.ranks import functional_dimension
from theory.geometry import hidden_symmetries as theory
from theory.geometry.hidden_symmetries import Architecture

UNIT = 2**24
"""What stands for one where weights are integers: so fine that none of them agree by chance."""
STEEPNESS = 4
"""Slope of leaky units above zero; below, it is an integer less than that."""
HARD_TANH = Piecewise((-UNIT, UNIT), (0, 1, 0), (-UNIT, 0, UNIT))
"""Linear between -1 and 1, in units of the first layer; it is not positively homogeneous."""
RESOLVED = 4.8
"""Distance of probabilities that many networks tell apart, times the root of their number: the
interval's half width, 4.4 standard errors of 1/2 at most, and five more for where it falls."""
NARROW = 2
"""Inputs, and width, of networks that wider and deeper ones are compared with."""


@dataclass(frozen=True)
class Config:
    """Parameters; architectures are inputs, widths of the hidden layers, and one output."""

    architectures: tuple[Architecture, ...] = ((2, 3, 1), (2, 5, 1), (2, 2, 2, 1), (2, 3, 3, 1))
    """Of random networks; no layer is narrower than the input."""
    networks: int = 24
    """Of each of these."""
    activation: Literal["ReLU", "hard tanh"] = "ReLU"
    """Of their units."""
    silent_units: int = 0
    """Units of their last hidden layers whose output weights are zero."""

    two_layers: tuple[Architecture, ...] = ((2, 1, 1, 1), (2, 2, 2, 1), (2, 2, 4, 1), (3, 2, 2, 1))
    """Architectures of two hidden layers, of which the first is not wider than the input."""
    law_networks: int = 30
    """Of each of these."""

    equal_widths: tuple[int, ...] = (1, 2)
    """Both widths and input dimension of networks whose symmetries are a matter of chance."""
    chances: int = 600
    """Networks of each of these."""

    depths: tuple[int, ...] = (4,)
    """Hidden layers of networks of two inputs and of width two, from three layers on."""
    deep_networks: int = 450
    """Of each of these."""
    deep_slope: int = 0
    """Of their units below zero, in fourths of that above."""

    leaky_architectures: tuple[Architecture, ...] = ((2, 2, 2, 1), (2, 2, 2, 2, 2, 1))
    """Of networks of leaky units; widths do not increase."""
    leaky_networks: int = 20
    """Of each of these."""
    leaky_slope: int = 1
    """Of their units below zero, in fourths of that above."""

    wide_architectures: tuple[Architecture, ...] = ((2, 8, 8, 1),)
    """Of two inputs, whatever the width; the last one is the claim's."""
    wide_networks: int = 60
    """Of each of these."""

    batch_networks: int = 30
    """Networks of two inputs and two layers of width two that are looked at through batches."""
    batch: int = 100
    """Standard normal inputs in a batch; with 0, one in each cell."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name in (
            "networks",
            "law_networks",
            "chances",
            "deep_networks",
            "leaky_networks",
            "wide_networks",
            "batch_networks",
        ):
            require(getattr(self, name) > 1, f"{name} must be above 1: one decides nothing")
        for name in ("silent_units", "batch"):
            require(getattr(self, name) >= 0, f"{name} must not be negative")
        for name in ("deep_slope", "leaky_slope"):
            slope = getattr(self, name)
            require(0 <= slope < STEEPNESS, f"{name} must be from 0 to {STEEPNESS - 1}")
        for name in ("architectures", "two_layers", "leaky_architectures", "wide_architectures"):
            for sizes in getattr(self, name):
                whole = len(sizes) > 2 and min(sizes) > 0 and sizes[-1] == 1
                require(whole, f"{name} must run from inputs to one output, got {sizes}")
        require(len(self.architectures) > 1, "architectures must be two at least")
        require(
            all(len(sizes) == 4 for sizes in self.two_layers),
            f"two_layers must have two hidden layers, got {self.two_layers}",
        )
        require(min(self.depths) > 2, f"depths must be above 2, got {self.depths}")
        require(
            min(self.equal_widths) > 0 and NARROW in self.equal_widths,
            f"equal_widths must be above zero, {NARROW} among them, got {self.equal_widths}",
        )


SIZES = {
    "ci": Config(),
    "figure": Config(
        architectures=(
            (2, 3, 1),
            (2, 8, 1),
            (3, 4, 1),
            (2, 2, 2, 1),
            (2, 3, 3, 3, 1),
            (3, 3, 3, 1),
        ),
        networks=100,
        two_layers=(
            (2, 1, 1, 1),
            (2, 2, 2, 1),
            (2, 2, 6, 1),
            (3, 2, 3, 1),
            (3, 3, 3, 1),
            (4, 4, 4, 1),
        ),
        law_networks=100,
        chances=3000,
        depths=(3, 4, 5, 6),
        deep_networks=1000,
        leaky_architectures=((2, 2, 2, 1), (2, 2, 2, 2, 2, 1), (3, 3, 2, 1)),
        leaky_networks=40,
        wide_architectures=((2, 4, 4, 1), (2, 6, 6, 1), (2, 8, 8, 1)),
        wide_networks=120,
        batch_networks=400,
    ),
    "paper": Config(
        architectures=(
            (2, 3, 1),
            (2, 8, 1),
            (3, 6, 1),
            (2, 2, 2, 1),
            (2, 3, 3, 3, 1),
            (3, 3, 3, 1),
            (4, 4, 4, 1),
        ),
        networks=200,
        two_layers=(
            (2, 1, 1, 1),
            (2, 2, 2, 1),
            (2, 2, 8, 1),
            (3, 2, 3, 1),
            (3, 3, 3, 1),
            (4, 4, 4, 1),
            (5, 5, 5, 1),
        ),
        law_networks=400,
        equal_widths=(1, 2, 3),
        chances=10_000,
        depths=(3, 4, 5, 6, 7, 8),
        deep_networks=4000,
        leaky_architectures=((2, 2, 2, 1), (2, 2, 2, 2, 2, 2, 2, 1), (3, 3, 3, 2, 1)),
        leaky_networks=100,
        wide_architectures=((2, 4, 4, 1), (2, 6, 6, 1), (2, 8, 8, 1), (2, 12, 12, 1)),
        wide_networks=1000,
        batch_networks=4000,
        batch=1000,
    ),
}

# ---------------------------------------------------------------- networks


def draw_network(
    rng: np.random.Generator, architecture: Architecture, activation: Piecewise = RELU
) -> Network:
    """Standard normal weights and biases in integers, none of them zero.

    Weights are multiples of 1 / UNIT, times UNIT; for all terms of a layer to have one denominator,
    biases are larger by a further UNIT for each layer before.
    """

    def integers(*shape: int) -> np.ndarray:
        rounded = np.rint(UNIT * rng.normal(size=shape)).astype(int)
        return np.where(rounded == 0, 1, rounded).astype(object)

    pairs = list(pairwise(architecture))
    weights = [integers(units, inputs) for inputs, units in pairs]
    biases = [integers(units) * UNIT**layer for layer, (_, units) in enumerate(pairs)]
    return relu_network(weights, biases, activation)


def leaky(slope: int) -> Piecewise:
    """Units of this slope below zero, in integers."""
    return Piecewise((0,), (slope, STEEPNESS), (0, 0))


def in_floats(network: Network) -> Network:
    """The same function but for rounding and scale, for units that are positively homogeneous."""
    weights = [*(layer.weights for layer in network.layers), network.weights]
    biases = [*(layer.biases for layer in network.layers), network.biases]
    return relu_network(
        [np.asarray(w / UNIT, float) for w in weights],
        [np.asarray(b / UNIT**i, float) for i, b in enumerate(biases, start=1)],
        network.layers[0].activation,
    )


def states_of_cells(network: Network) -> list[States]:
    """States of each layer on all cells of the input space."""
    first, *later = network.layers
    inputs = first.weights.shape[1]
    if inputs > 2:
        # Linear programs find a point in each cell, but for slivers thinner than 1e-9; the states
        # at these points are exact.
        return network.states(rational(regions(in_floats(network)).points))
    # A single input is one of two, of which the other does nothing.
    unused = np.zeros((len(first.biases), 2 - inputs), dtype=object)
    in_plane = first._replace(weights=np.concatenate([first.weights, unused], axis=1))
    return cells_of_plane(network._replace(layers=[in_plane, *later])).states


def dimension(network: Network) -> int:
    """The functional dimension."""
    return functional_dimension(network, states_of_cells(network))


def dimensions(
    rng: np.random.Generator,
    architectures: tuple[Architecture, ...],
    networks: int,
    activation: Piecewise = RELU,
) -> np.ndarray:
    """Of random networks, shape (networks, architectures)."""
    return np.array(
        [
            [dimension(draw_network(rng, sizes, activation)) for sizes in architectures]
            for _ in range(networks)
        ]
    )


def signs(network: Network, layer: int) -> np.ndarray:
    """Of weights and biases, shape (units, inputs + 1)."""
    of_layer = network.layers[layer]
    table = np.column_stack([of_layer.weights, of_layer.biases])
    return np.where(table > 0, 1, -1)


def largest(architectures: tuple[Architecture, ...]) -> np.ndarray:
    """Dimensions if no symmetry is hidden."""
    return np.array([theory.largest_dimension(sizes) for sizes in architectures])


# ---------------------------------------------------------------- the bound


class Dimensions(NamedTuple):
    """Functional dimensions."""

    of_each: Int[Recorded, "networks architectures"]


@measurement
def measure_architectures(config: Config, key: PRNGKeyArray) -> Dimensions:
    """Draw networks of several architectures."""
    rng = generator(key)
    activation = RELU if config.activation == "ReLU" else HARD_TANH

    def one(sizes: Architecture) -> int:
        network = draw_network(rng, sizes, activation)
        network.weights[:, : config.silent_units] = 0
        return dimension(network)

    rows = [[one(sizes) for sizes in config.architectures] for _ in range(config.networks)]
    return Dimensions(np.array(rows))


@claim(
    measure_architectures,
    kind="bound",
    source="functional dimension: Grigsby, Lindsey, Meyerhoff, Wu 2022",
    tolerance=0.05,
    controls=[broken("Hard tanh: units that cannot be rescaled.", activation="hard tanh")],
)
def rescaling_takes_one_dimension_of_each_unit(run: Dimensions, config: Config) -> Evidence:
    r"""No network has a dimension above parameters less hidden units,
    $\dim\theta\le M=D-\sum_ln_l$.
    """
    bound = largest(config.architectures)
    return counts(np.maximum(run.of_each, bound), bound)


@claim(
    measure_architectures,
    kind="count",
    source="abstract: the theorem on existence",
    tolerance=0.05,
    controls=[
        broken(
            "Layers narrower than the input, of one unit each.",
            architectures=((2, 1, 1, 1, 1), (3, 1, 1, 1, 1)),
        )
    ],
)
def some_networks_have_no_hidden_symmetry(run: Dimensions, config: Config) -> Evidence:
    r"""With no layer narrower than the input, some random network has $\dim\theta=M$, in each
    architecture.
    """
    return counts(run.of_each.max(axis=0), largest(config.architectures))


@claim(
    measure_architectures,
    kind="count",
    source="derived",
    tolerance=0.05,
    controls=[broken("One output weight is zero, its unit seen by nobody.", silent_units=1)],
)
def one_hidden_layer_hides_nothing(run: Dimensions, config: Config) -> Evidence:
    r"""With one hidden layer $\dim\theta=M=n_1(n_0+1)+1$, in every network."""
    shallow = [len(sizes) == 3 for sizes in config.architectures]
    return counts(run.of_each[:, shallow], largest(config.architectures)[shallow])


# ---------------------------------------------------------------- two hidden layers


class TwoLayers(NamedTuple):
    """Networks of two hidden layers."""

    dimension: Int[Recorded, "networks architectures"]
    signs: Int[Recorded, "networks architectures numbers"]
    """Of the second layer, flat; architectures with fewer are filled up with zeros."""


@measurement
def measure_two_layers(config: Config, key: PRNGKeyArray) -> TwoLayers:
    """Draw networks and keep the signs of their second layers."""
    rng = generator(key)
    most = max(m * (n + 1) for _, n, m, _ in config.two_layers)
    found, tables = [], []
    for _ in range(config.law_networks):
        networks = [draw_network(rng, sizes) for sizes in config.two_layers]
        found.append([dimension(network) for network in networks])
        flat = [signs(network, 1).ravel() for network in networks]
        tables.append([np.pad(table, (0, most - len(table))) for table in flat])
    return TwoLayers(np.array(found), np.array(tables))


@claim(
    measure_two_layers,
    kind="count",
    source="derived",
    tolerance=0.05,
    controls=[
        rival(
            "Rival: all kinks of the first layer are seen.",
            law=theory.two_layer_dimension_if_all_kinks_are_seen,
        ),
        broken(
            "A first layer wider than the input: its outputs do not fill the orthant.",
            two_layers=((2, 3, 2, 1), (2, 4, 2, 1)),
        ),
    ],
)
def two_layers_have_a_law(
    run: TwoLayers,
    config: Config,
    law: Callable[[ArrayLike, int], theory.Counts] = theory.two_layer_dimension,
) -> Evidence:
    r"""With two hidden layers of $n\le n_0$ and $m$ units, $A$ of the second with weights and bias
    all positive, $B$ with mixed signs, and $E$ kinks of the first layer that nobody sees,
    $\dim\theta=n\,n_0+B(n+1)+n[A\ge1]+1-E$ in every network, or 1 if $A=B=0$.
    """
    predicted = [
        law(run.signs[:, i, : m * (n + 1)].reshape(-1, m, n + 1), inputs)
        for i, (inputs, n, m, _) in enumerate(config.two_layers)
    ]
    return counts(run.dimension, np.stack(predicted, axis=1))


@measurement
def measure_chances(config: Config, key: PRNGKeyArray) -> Dimensions:
    """Draw many networks whose widths equal the input dimension."""
    return Dimensions(dimensions(generator(key), squares(config), config.chances))


def squares(config: Config) -> tuple[Architecture, ...]:
    """Architectures of two hidden layers as wide as the input."""
    return tuple((width, width, width, 1) for width in config.equal_widths)


@claim(
    measure_chances,
    kind="probability",
    source="derived; the trend: abstract",
    tolerance=0.9,
    controls=[
        rival(
            "Rival: only dead units matter.",
            law=theory.two_layer_probability_if_only_dead_units_matter,
        )
    ],
)
def width_and_inputs_together_help(
    run: Dimensions,
    config: Config,
    law: Callable[[int, int], float] = theory.two_layer_probability,
) -> Evidence:
    r"""With two hidden layers as wide as the input, $n_0=n_1=n_2=n$, no symmetry is hidden with
    probability $(1-2^{-n})^n-n2^{-(n+1)n}$: 0.25, 0.53, 0.67, 0.77, ... $\to1$.
    """
    full = run.of_each == largest(squares(config))
    predicted = [law(width, width) for width in config.equal_widths]
    # The law is exact: its margin is what so many networks resolve.
    evidence = frequency(full, predicted, margin=RESOLVED / math.sqrt(config.chances))
    return evidence.named(*(f"n={width}" for width in config.equal_widths))


# ---------------------------------------------------------------- depth


class Deep(NamedTuple):
    """Networks of width two and of several depths."""

    dimension: Int[Recorded, "networks depths"]
    first: Int[Recorded, "networks depths"]
    """Units of the first layer whose weights and bias have one sign."""
    later: Int[Recorded, "networks depths"]
    """The same in all other layers."""


@measurement
def measure_depths(config: Config, key: PRNGKeyArray) -> Deep:
    """Draw networks of several depths."""
    rng = generator(key)
    activation = leaky(config.deep_slope)
    found = []
    for _ in range(config.deep_networks):
        row = []
        for sizes in deep_architectures(config):
            network = draw_network(rng, sizes, activation)
            tables = np.array([signs(network, layer) for layer in range(len(sizes) - 2)])
            first, *later = theory.units_of_one_sign(tables)
            row.append([dimension(network), first, sum(later)])
        found.append(row)
    return Deep(*np.moveaxis(np.array(found), -1, 0))


def deep_architectures(config: Config) -> tuple[Architecture, ...]:
    """Architectures of two inputs and of width two."""
    return tuple((NARROW,) * (depth + 1) + (1,) for depth in config.depths)


@claim(
    measure_depths,
    kind="bound",
    source="derived",
    tolerance=0.05,
    controls=[
        rival("Rival: so do those of the first layer, which sees both signs.", first_layer=1),
        broken("Leaky units: none is constant.", deep_slope=1, deep_networks=60),
    ],
)
def a_unit_of_one_sign_costs_a_dimension(
    run: Deep, config: Config, first_layer: int = 0
) -> Evidence:
    r"""Beyond the first layer, each of the $S$ units whose weights and bias have one sign costs a
    dimension at least, $\dim\theta\le M-S$, in every network.
    """
    bound = largest(deep_architectures(config)) - run.later - first_layer * run.first
    return counts(np.maximum(run.dimension, bound), bound)


@claim(
    measure_depths,
    kind="bound",
    source="derived; the trend: abstract",
    tolerance=1.0,
    controls=[broken("Leaky units: none is constant.", deep_slope=1, deep_networks=60)],
)
def depth_hides(run: Deep, config: Config) -> Evidence:
    r"""No symmetry is hidden with a probability of at most $\prod_{l\ge2}(1-2^{-n_{l-1}})^{n_l}$,
    which is $(9/16)^{L-1}$ at width two.
    """
    architectures = deep_architectures(config)
    bounds = np.array([theory.deep_bound(sizes) for sizes in architectures])
    evidence = frequency_at_most(run.dimension == largest(architectures), bounds)
    return evidence.named(*(f"{depth} layers" for depth in config.depths))


@measurement
def measure_leaky(config: Config, key: PRNGKeyArray) -> Dimensions:
    """Draw networks of leaky units."""
    activation = leaky(config.leaky_slope)
    architectures, networks = config.leaky_architectures, config.leaky_networks
    return Dimensions(dimensions(generator(key), architectures, networks, activation))


@claim(
    measure_leaky,
    kind="count",
    source="derived",
    tolerance=0.05,
    controls=[broken("ReLUs: a slope of zero.", leaky_slope=0)],
)
def leaky_units_hide_nothing(run: Dimensions, config: Config) -> Evidence:
    r"""With leaky ReLUs and widths that do not increase, $n_0\ge n_1\ge n_2\ge\ldots$,
    $\dim\theta=M$ in every network, at any depth.
    """
    return counts(run.of_each, largest(config.leaky_architectures))


# ---------------------------------------------------------------- width alone


@measurement
def measure_wide(config: Config, key: PRNGKeyArray) -> Dimensions:
    """Draw networks of two inputs and many units."""
    return Dimensions(dimensions(generator(key), config.wide_architectures, config.wide_networks))


@claim(
    measure_wide,
    kind="bound",
    source="a reading of the abstract: increasing in width",
    expect="refuted",
    reason="On a plane, a unit of the second layer may be active only where one of the first is "
    "off, or nowhere, and the weight between them does nothing. The chance of that does not vanish "
    "with width, one pair of units suffices, and pairs are ever more. The paper's trend is one of "
    "width and input dimension together.",
    tolerance=2.0,
    controls=[
        broken(
            "One hidden layer hides nothing at any width.",
            wide_architectures=((2, 8, 1),),
            wide_networks=30,
        )
    ],
)
def width_alone_helps(run: Dimensions, config: Config) -> Evidence:
    r"""With two inputs, wide hidden layers have no hidden symmetry with at least the probability
    that they have at width two, $17/32$.
    """
    full = run.of_each[:, -1] == largest(config.wide_architectures)[-1]
    return frequency_at_least(full, theory.two_layer_probability(NARROW, NARROW))


# ---------------------------------------------------------------- batches


class Batches(NamedTuple):
    """Dimensions beside what batches of inputs see of them."""

    exact: Int[Recorded, " networks"]
    seen: Int[Recorded, " networks"]
    """From the cells that a batch hits, as if it held many inputs in each."""


@measurement
def measure_batches(config: Config, key: PRNGKeyArray) -> Batches:
    """Draw networks and look at them through batches."""
    rng = generator(key)
    sizes = (NARROW,) * 3 + (1,)
    exact, seen = [], []
    for _ in range(config.batch_networks):
        network = draw_network(rng, sizes)
        found = cells_of_plane(network)
        inputs = rng.normal(size=(config.batch, sizes[0])) if config.batch else found.middles
        exact.append(functional_dimension(network, found.states))
        seen.append(functional_dimension(network, network.states(rational(inputs))))
    return Batches(np.array(exact), np.array(seen))


@claim(
    measure_batches,
    kind="count",
    source="ours: the hope behind the usual method",
    expect="refuted",
    reason="Cells are missed, most of them unbounded ones that begin far away. A batch gives a "
    "lower bound, and the probability of no hidden symmetry comes out too small.",
    tolerance=0.3,
    controls=[broken("One input in each cell.", batch=0)],
)
def a_random_batch_sees_all(run: Batches, config: Config) -> Evidence:
    r"""The cells that a batch of standard normal inputs hits have all of the dimension, in every
    network.
    """
    return counts(run.seen, run.exact)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Dimensions of small networks, and how often nothing is hidden by depth and by width."""
    figure = Figure(figsize=(9.0, 3.4))
    axes = figure.subplots(1, 3)
    draw_law(axes[0], runs[measure_chances], runs[measure_batches], config)
    draw_depth(axes[1], runs[measure_depths], runs[measure_chances], config)
    draw_width(axes[2], runs, config)
    return figure


def draw_law(axes: Axes, run: Dimensions, batches: Batches, config: Config) -> None:
    """Law of the dimension of networks of width two, from all tables of signs."""
    width = NARROW
    sizes = (width, width, width, 1)
    tables = np.array(list(product((-1, 1), repeat=width * (width + 1))))
    possible = theory.two_layer_dimension(tables.reshape(-1, width, width + 1), width)
    top = theory.largest_dimension(sizes)
    edges = np.arange(top + 2) - 0.5
    found = run.of_each[:, config.equal_widths.index(width)]
    shares = np.histogram(found, edges)[0] / len(found)
    axes.bar(np.arange(top + 1), shares, 0.8, color="C0", label="exact")
    seen = np.histogram(batches.seen, edges)[0] / len(batches.seen)
    axes.plot(np.arange(top + 1), seen, "o", color="C1", label=f"from {config.batch} inputs")
    law = np.histogram(possible, edges)[0] / len(possible)
    axes.stairs(law, edges, baseline=None, **PREDICTED, label="all sign tables")
    axes.set_title(f"(2;2,2;1): {theory.parameters(sizes)} parameters, $M={top}$")
    axes.set(xlabel="functional dimension", ylabel="share of networks", xticks=range(top + 1))
    axes.legend(loc="upper left")


def draw_shares(axes: Axes, places: np.ndarray, full: Sequence[Recorded], **how: Any) -> None:
    """Shares of networks with 95% intervals."""
    tests = [stats.binomtest(int(np.sum(hits)), len(hits)) for hits in full]
    shares = np.array([test.statistic for test in tests])
    ends = np.array([test.proportion_ci(0.95, method="exact") for test in tests])
    axes.errorbar(places, shares, np.abs(ends.T - shares), **how)


def draw_depth(axes: Axes, run: Deep, chances: Dimensions, config: Config) -> None:
    """How often nothing is hidden, by depth, at width two."""
    two = chances.of_each[:, config.equal_widths.index(NARROW)]
    flat = two == theory.largest_dimension((NARROW,) * 3 + (1,))
    deep = run.dimension == largest(deep_architectures(config))
    draw_shares(axes, np.array([2, *config.depths]), [flat, *deep.T], fmt="o-", label="measured")
    every = range(1, max(config.depths) + 1)
    bounds = [theory.deep_bound((NARROW,) * (depth + 1) + (1,)) for depth in every]
    axes.plot(every, bounds, **PREDICTED, label="bound $(9/16)^{L-1}$")
    law = theory.two_layer_probability(NARROW, NARROW)
    axes.plot(2, law, "k_", markersize=14, label="law, $17/32$")
    axes.set_title("Depth hides")
    axes.set(xlabel="hidden layers $L$", ylabel="$P$(nothing hidden)", ylim=(-0.03, 1.05))
    axes.legend(loc="upper right")


def draw_width(axes: Axes, runs: Runs, config: Config) -> None:
    """How often nothing is hidden, by width of two hidden layers."""
    together: dict[int, Recorded] = {}
    two = runs[measure_two_layers]
    for i, sizes in enumerate(config.two_layers):
        if len(set(sizes[:3])) == 1:
            together[sizes[0]] = two.dimension[:, i] == theory.largest_dimension(sizes)
    for column, width in zip(runs[measure_chances].of_each.T, config.equal_widths, strict=True):
        together[width] = column == theory.largest_dimension((width, width, width, 1))
    widths = sorted(together)
    draw_shares(axes, np.array(widths), [together[w] for w in widths], fmt="o", label="$n_0=n$")
    fine = np.arange(1, 9)
    law = [theory.two_layer_probability(int(n), int(n)) for n in fine]
    axes.plot(fine, law, **PREDICTED, label="law for $n_0=n$")
    wide = [together[NARROW], *(runs[measure_wide].of_each == largest(config.wide_architectures)).T]
    places = np.array([NARROW, *(sizes[1] for sizes in config.wide_architectures)])
    draw_shares(axes, places, wide, fmt="s-", color="C1", label="$n_0=2$")
    axes.set_title("Width needs input dimension")
    axes.set(xlabel="width $n$ of two hidden layers", ylabel="$P$(nothing hidden)")
    axes.set(ylim=(-0.03, 1.35), yticks=np.linspace(0, 1, 6))
    axes.legend(loc="upper left")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
