r"""The cells of a network and its decision boundary, exactly, without sampling.

A network of piecewise linear units is affine on each of many convex cells. To see them, people
sample points or pictures. SplineCam finds those in a window of the plane, or of a plane slice of
the input space, one layer after the other: on a cell of the layers before, the zero lines of the
next units are straight, and cut it. Cells, affine maps and decision boundary are then exact.

- The cells tile the window, Euler's formula holds, the network is affine on each cell and vanishes
  on the boundary, up to a bound on rounding; in rational arithmetic, without any error. So it is
  for random and for trained networks, for slices through digits, and for three activations.
- Cells can be **counted** without finding them: one, plus the crossings of (bent) lines, plus half
  of their ends on the border. For one random layer the lines are what is seen of random great
  circles through the window, so that the mean number of cells is, for $n$ units,
  $1+nP/2\pi+\binom n2A/2\pi$ with perimeter $P$ and area $A$ of the window *on the sphere* (derived
  here).
- Tents composed $k$ times cut a square into $4^k$ cells; a level set is $2^k$ times as long.
- **Sampling misses cells**: how many follows from the exact areas, and is most of them at first.

Ahmed Imtiaz Humayun, Randall Balestriero, Guha Balakrishnan, Richard Baraniuk: *SplineCam: Exact
Visualization and Characterization of Deep Network Geometry and Decision Boundaries*, CVPR 2023,
arXiv:2302.12828.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from scipy import special

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, counts, equals, identity
from harness.errors import require
from harness.style import BOUNDARY, PREDICTED, draw_cells
from instruments import handwritten_digits
from instruments.linear_regions.networks import (
    RELU,
    Layer,
    Network,
    Piecewise,
    leaky_relu,
    maxout,
    relu_network,
)
from instruments.linear_regions.polygons import Cells, cells, level_set, square
from instruments.linear_regions.segments import pieces
from instruments.linear_regions.signs import TOLERANCE
from instruments.randomness import generator
from theory.geometry import splinecam as theory

SLOPES = {"ReLU": 0.0, "leaky ReLU": 0.1, "absolute value": -1.0}
"""Slopes of the activations below zero."""
KINDS = ("random", "trained", "slice")
"""Random weights; trained on two moons; random weights on a plane through three digits."""
LAYERS = 3
"""Hidden layers of these networks."""
MOONS = 200
"""Points of the training sets."""
LARGEST_DENOMINATOR = 16
"""Of random rational numbers."""


@dataclass(frozen=True)
class Config:
    """Parameters; windows are squares of side 2, and the disc in it."""

    networks: int = 2
    """Networks of each kind and activation."""
    width: int = 16
    """Units a layer of these networks."""
    training_steps: int = 200
    """Steps of Adam of those that are trained."""
    points: int = 2000
    """Points inside cells, and on the boundary, at which each network is looked at."""
    chords: int = 8
    """Segments through the window along which each network is followed."""
    method: Literal["exact", "sampled"] = "exact"
    """Whether all cells are used, or those only that hold one of `points` random points."""
    forgotten: int = 0
    """Units of the last layer whose lines are left out."""
    units: Literal["piecewise", "maxout"] = "piecewise"
    """Functions of one variable, or maxima of three."""
    forward: Literal["piecewise", "smooth"] = "piecewise"
    """Activation of the network that is looked at; smooth ones bend like GELU."""

    rational_networks: int = 4
    """Networks with rational weights."""
    rational_width: int = 5
    """Units in each of their two layers."""
    arithmetic: Literal["rational", "floating"] = "rational"
    """Numbers that these compute with."""

    line_units: int = 8
    """Units of one random layer."""
    heights: tuple[float, ...] = (0.25, 1.0, 4.0)
    """Standard deviations of its biases, in units of those of its weights."""
    line_draws: int = 30_000
    """Random layers whose lines are counted."""
    enumerated_draws: int = 60
    """Random layers whose cells are found."""
    biases: Literal["gaussian", "constant"] = "gaussian"
    """Law of the biases; constant ones are as large as the standard deviation."""
    stacked_layers: int = 1
    """Layers of the networks whose cells are found."""

    tent_depth: int = 4
    """Largest number of tents composed."""
    tents: int = 4
    """Compositions of random tents, and random outputs of symmetric ones."""
    tent_height: float = 1.0
    """Of the tents, whose inputs are between 0 and 1; with less they do not map onto that."""
    window: Literal["straight", "turned"] = "straight"
    """The unit square, or the square turned about its centre by the angle with tangent 3/4."""

    sampled_networks: int = 8
    """Random networks that are sampled."""
    sampled_width: int = 6
    """Units in each of their two layers, 30 at most."""
    sample_sizes: tuple[int, ...] = (30, 100, 300)
    """Numbers of points, increasing."""
    sample_sets: int = 400
    """Sets of points for each of these networks."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                fine = isinstance(number, str) or name == "forgotten" or number > 0
                require(fine, f"{name} must be above zero, got {number}")
        for name in ("networks", "rational_networks", "enumerated_draws", "tents", "sample_sets"):
            require(getattr(self, name) > 1, f"{name} must be above 1: one decides nothing")
        require(
            0 <= self.forgotten < self.width,
            f"forgotten must be between 0 and width, got {self.forgotten}",
        )
        require(
            self.sampled_width <= 30, f"sampled_width must be at most 30, got {self.sampled_width}"
        )
        require(self.tent_height <= 1, f"tent_height must be at most 1, got {self.tent_height}")
        sizes = list(self.sample_sizes)
        require(sizes == sorted(set(sizes)), f"sample_sizes must increase, got {sizes}")


SIZES = {
    "ci": Config(),
    "figure": Config(
        networks=8,
        width=24,
        training_steps=1500,
        points=20_000,
        chords=40,
        rational_networks=20,
        rational_width=6,
        line_units=16,
        heights=(0.1, 0.25, 0.5, 1.0, 2.0, 4.0),
        line_draws=120_000,
        enumerated_draws=300,
        tent_depth=6,
        tents=8,
        sampled_width=10,
        sample_sizes=(30, 100, 300, 1000),
        sample_sets=2000,
    ),
    "paper": Config(
        networks=8,
        width=64,
        training_steps=5000,
        points=40_000,
        chords=60,
        rational_networks=40,
        rational_width=8,
        line_units=30,
        heights=(0.1, 0.25, 0.5, 1.0, 2.0, 4.0),
        line_draws=1_000_000,
        enumerated_draws=1000,
        tent_depth=7,
        tents=12,
        sampled_networks=16,
        sampled_width=20,
        sample_sizes=(100, 1000, 10_000),
        sample_sets=1500,
    ),
}


# ---------------------------------------------------------------- networks


SHARP = 4.0
"""Smooth activations switch slopes like the normal distribution function of this times z."""


class Seen(NamedTuple):
    """A network, and the plane on which it is looked at: origin + t @ axes."""

    network: Network
    origin: np.ndarray
    axes: np.ndarray

    @property
    def on_plane(self) -> Network:
        """The network as a function of t."""
        return self.network.on_plane(self.origin, self.axes)

    def outputs(self, t: np.ndarray, forward: str) -> np.ndarray:
        """Forward pass of the network itself, in all its inputs; shape (..., 2) to (...)."""
        x = self.origin + t @ self.axes
        if forward == "piecewise":
            return self.network(x)[..., 0]
        for layer in self.network.layers:
            before = layer.preactivations(x)
            assert isinstance(layer.activation, Piecewise)
            below, above = layer.activation.slopes
            x = (below + (above - below) * special.ndtr(SHARP * before)) * before
        return (x @ self.network.weights.T + self.network.biases)[..., 0]

    def rounding(self) -> float:
        """Bound on the difference of two ways to compute an output on the square."""
        network = self.network
        weights = [self.axes.T, *(layer.weights for layer in network.layers), network.weights]
        biases = [self.origin, *(layer.biases for layer in network.layers), network.biases]
        for place, before in enumerate(biases[:-1], start=1):
            # A maximum is at most the sum of its candidates' absolute values.
            candidates = len(before) // weights[place].shape[1]
            weights[place] = np.repeat(weights[place], candidates, axis=1)
        return theory.rounding_error(weights, biases, np.ones(2), TOLERANCE)


def random_weights(
    rng: np.random.Generator, sizes: list[int]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """He's weights and Gaussian biases of layers of these sizes, the input first."""
    pairs = list(zip(sizes[1:], sizes[:-1], strict=True))
    weights = [np.sqrt(2 / inputs) * rng.normal(size=(width, inputs)) for width, inputs in pairs]
    return weights, [0.5 * rng.normal(size=width) for width, _ in pairs]


def moons(rng: np.random.Generator, sets: int) -> tuple[np.ndarray, np.ndarray]:
    """Two interlocking half circles with noise, in the square; points and labels of many sets."""
    turn = np.pi * rng.random((sets, MOONS // 2))
    upper = np.stack([np.cos(turn) - 0.5, np.sin(turn) - 0.25], axis=2)
    points = 0.6 * np.concatenate([upper, -upper], axis=1) + 0.06 * rng.normal(
        size=(sets, MOONS, 2)
    )
    return points, np.repeat([1.0, 0.0], MOONS // 2)


@partial(jax.jit, static_argnames="steps")
def train(
    weights: list[Array], biases: list[Array], slopes: Array, x: Array, labels: Array, steps: int
) -> tuple[list[Array], list[Array]]:
    """Logistic regression by many networks, each with a slope below zero and points of its own."""

    def loss(parameters: Any, slope: Array, x: Array) -> Array:
        *hidden, last = zip(*parameters, strict=True)
        for w, b in hidden:
            before = x @ w.T + b
            x = jnp.maximum(before, slope * before)
        logits = (x @ last[0].T + last[1])[:, 0]
        return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, labels))

    method = optax.adam(0.01)
    gradient = jax.vmap(jax.grad(loss))

    def step(state: Any, _: None) -> tuple[Any, None]:
        parameters, memory = state
        updates, memory = method.update(gradient(parameters, slopes, x), memory)
        return (optax.apply_updates(parameters, updates), memory), None

    start = weights, biases
    (trained, _), _ = jax.lax.scan(step, (start, method.init(start)), length=steps)
    return trained


def trained_networks(
    config: Config, rng: np.random.Generator
) -> tuple[list[list[Seen]], np.ndarray]:
    """Repetitions of networks trained on moons, one for each activation; the first one's data."""
    slopes = np.repeat(list(SLOPES.values()), config.networks)
    sizes = [2, *[config.width] * LAYERS, 1]
    drawn = [random_weights(rng, sizes) for _ in slopes]
    columns = [
        [np.stack(layer).astype(np.float32) for layer in zip(*part, strict=True)]
        for part in zip(*drawn, strict=True)
    ]
    x, labels = moons(rng, len(slopes))
    data = (array.astype(np.float32) for array in (slopes, x, labels))
    weights, biases = jax.device_get(train(*columns, *data, steps=config.training_steps))
    networks = []
    for i, slope in enumerate(slopes):
        network = relu_network(
            [np.asarray(layer[i], float) for layer in weights],
            [np.asarray(layer[i], float) for layer in biases],
            leaky_relu(slope),
        )
        networks.append(Seen(network, np.zeros(2), np.eye(2)))
    return [networks[i :: config.networks] for i in range(config.networks)], x[0]


def digits_plane(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The plane through three digits of different classes: two at the ends of the axes."""
    digits = handwritten_digits.bundled()
    images = digits.images.reshape(len(digits.labels), -1)
    chosen = [
        images[rng.choice(np.flatnonzero(digits.labels == label))]
        for label in rng.choice(10, 3, replace=False)
    ]
    origin = np.mean(chosen, axis=0)
    return origin, np.array(chosen[:2]) - origin


def random_network(config: Config, rng: np.random.Generator, slope: float, kind: str) -> Seen:
    """A random network, half of whose outputs on the square are positive."""
    origin, axes = digits_plane(rng) if kind == "slice" else (np.zeros(2), np.eye(2))
    weights, biases = random_weights(rng, [len(origin), *[config.width] * LAYERS, 1])
    network = relu_network(weights, biases, activation=leaky_relu(slope))
    return centred(Seen(network, origin, axes), rng)


def centred(seen: Seen, rng: np.random.Generator) -> Seen:
    """With another bias of the output, so that about half of all outputs are positive."""
    outputs = seen.outputs(rng.uniform(-1, 1, (999, 2)), "piecewise")
    network = seen.network
    return seen._replace(network=network._replace(biases=network.biases - np.median(outputs)))


def maxout_network(config: Config, rng: np.random.Generator) -> Seen:
    """A random network of half as many maxima of three."""
    width, layers, inputs = config.width // 2, [], 2
    for _ in range(LAYERS):
        (weights,), (biases,) = random_weights(rng, [inputs, 3 * width])
        layers.append(Layer(weights, biases, maxout(width, 3)))
        inputs = width
    network = Network(layers, rng.normal(size=(1, width)), np.zeros(1))
    return centred(Seen(network, np.zeros(2), np.eye(2)), rng)


def all_networks(config: Config, rng: np.random.Generator) -> list[list[Seen]]:
    """Repetitions of one network of each kind and activation."""
    if config.units == "maxout":
        kinds = len(KINDS) * len(SLOPES)
        return [[maxout_network(config, rng) for _ in range(kinds)] for _ in range(config.networks)]
    trained, _ = trained_networks(config, rng)
    return [
        [
            *(random_network(config, rng, slope, "random") for slope in SLOPES.values()),
            *trained[i],
            *(random_network(config, rng, slope, "slice") for slope in SLOPES.values()),
        ]
        for i in range(config.networks)
    ]


def find_cells(config: Config, seen: Seen, rng: np.random.Generator) -> Cells:
    """Cells on the square; those that lines of forgotten units would part are whole.

    If the method is sampling, those without a sample are left out.
    """
    plane = seen.on_plane
    last = plane.layers[-1]
    if config.forgotten:
        kept = last._replace(
            weights=last.weights[config.forgotten :], biases=last.biases[config.forgotten :]
        )
        plane = plane._replace(
            layers=[*plane.layers[:-1], kept], weights=plane.weights[:, config.forgotten :]
        )
    found = cells(plane, square(1.0))
    if config.method == "exact":
        return found
    points = rng.uniform(-1, 1, (config.points, 2))
    patterns = np.concatenate([found.patterns, np.concatenate(plane.states(points), axis=1)])
    labels = np.unique(patterns, axis=0, return_inverse=True)[1]
    used = np.isin(labels[: len(found.sizes)], labels[len(found.sizes) :])
    return found._replace(
        corners=found.corners[np.repeat(used, found.sizes)],
        sizes=found.sizes[used],
        states=[of_layer[used] for of_layer in found.states],
    )


# ---------------------------------------------------------------- exactness


class Subdivision(NamedTuple):
    """What the cells of networks are like; second axis: kind and activation."""

    area: Float[Recorded, "networks kinds"]
    """Of all cells together."""
    vertices: Int[Recorded, "networks kinds"]
    edges: Int[Recorded, "networks kinds"]
    cells: Int[Recorded, "networks kinds"]
    crossings: Int[Recorded, "networks kinds"]
    """Vertices inside the square."""
    ends: Int[Recorded, "networks kinds"]
    """Vertices on its border but the corners."""
    patterns: Int[Recorded, "networks kinds"]
    """Different states of all units at the middles of cells."""
    outputs: Float[Recorded, "networks kinds points"]
    """Forward pass at random points inside cells, some in each cell."""
    affine: Float[Recorded, "networks kinds points"]
    """Affine map of the cell there."""
    on_boundary: Float[Recorded, "networks kinds points"]
    """Probability of a label, the logistic function of the output, at points of the boundary."""
    rounding: Float[Recorded, "networks kinds"]
    """Bound on rounding errors of outputs."""


def inside_cells(found: Cells, rng: np.random.Generator, points: int) -> tuple[np.ndarray, ...]:
    """Random points in the interior of cells, and these cells: in turns, so that none is left out.

    Returns:
        Points, shape (points, 2), and cells.
    """
    cell = np.arange(points) % len(found.sizes)
    sizes = found.sizes[cell]
    owner = np.repeat(np.arange(points), sizes)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    corners = found.vertices[found.corners[found.starts[cell][owner] + place]]
    # Random weights of the corners, uniform among those that add up to one.
    weights = rng.exponential(size=len(owner))
    weights /= np.bincount(owner, weights)[owner]
    return np.stack([np.bincount(owner, weights * axis) for axis in corners.T], axis=1), cell


def graph(polygons: list[np.ndarray]) -> tuple[np.ndarray, int]:
    """Vertices, told apart by their coordinates alone, and number of edges."""
    corners = np.concatenate(polygons)
    after = np.concatenate([np.roll(polygon, -1, axis=0) for polygon in polygons])
    vertices, number = np.unique(np.concatenate([corners, after]), axis=0, return_inverse=True)
    ends = np.sort(number.reshape(2, -1), axis=0)
    return vertices, np.unique(ends, axis=1).shape[1]


def examine(config: Config, seen: Seen, rng: np.random.Generator) -> tuple[Any, ...]:
    """All fields of a subdivision for one network."""
    found, plane = find_cells(config, seen, rng), seen.on_plane
    states = plane.states(found.middles)
    vertices, edges = graph(found.polygons)
    on_border = np.max(np.abs(vertices), axis=1) == 1
    at_corner = np.min(np.abs(vertices), axis=1) == 1

    points, cell = inside_cells(found, rng, config.points)
    slopes, constants = plane.affine_maps([of_layer[cell] for of_layer in states])
    affine = np.sum(slopes[:, 0] * points, axis=1) + constants[:, 0]

    ends = level_set(found, seen.outputs(found.vertices, config.forward))
    ends = ends[np.arange(config.points) % len(ends)]
    share = rng.random((config.points, 1))
    boundary = seen.outputs((1 - share) * ends[:, 0] + share * ends[:, 1], config.forward)
    return (
        found.areas.sum(),
        len(vertices),
        edges,
        len(found.sizes),
        np.sum(~on_border),
        np.sum(on_border & ~at_corner),
        len(np.unique(np.concatenate(states, axis=1), axis=0)),
        seen.outputs(points, config.forward),
        affine,
        special.expit(boundary),
        seen.rounding(),
    )


@measurement
def subdivide(config: Config, key: PRNGKeyArray) -> Subdivision:
    """Find the cells of many networks and look at them."""
    rng = generator(key)
    rows = [[examine(config, seen, rng) for seen in kinds] for kinds in all_networks(config, rng)]
    fields = zip(*(zip(*kinds, strict=True) for kinds in rows), strict=True)
    return Subdivision(*(np.array(field) for field in fields))


@claim(
    subdivide,
    kind="identity",
    source="abstract: exact over a region of the data space",
    tolerance=1e-10,
    controls=[broken("Cells that hold no sample leave holes.", method="sampled")],
)
def cells_tile_the_window(run: Subdivision, config: Config) -> Evidence:
    r"""The areas of all cells add up to that of the window: $\sum_\omega|\omega|=|\Omega|=4$."""
    # Of coordinates up to 1, each term of the shoelace formula is rounded by three units, each sum
    # by one for each of its terms; vertices within the tolerance of a line are moved onto it.
    terms = 2 * int(np.max(run.edges))
    return identity(run.area, 4.0, rounding=(3 + terms) * theory.UNIT_ROUNDOFF + TOLERANCE)


@claim(
    subdivide,
    kind="count",
    source="derived: a subdivision of a disc",
    tolerance=0.6,
    controls=[broken("Cells that hold no sample leave holes.", method="sampled")],
)
def eulers_formula_holds(run: Subdivision, config: Config) -> Evidence:
    r"""With vertices told apart by their coordinates alone, $V-E+F=1$ without exception."""
    return counts(run.vertices - run.edges + run.cells, theory.EULER_CHARACTERISTIC)


@claim(
    subdivide,
    kind="count",
    source="derived",
    tolerance=0.02,
    controls=[
        broken("Where a maximum of three changes hands, three cells meet.", units="maxout"),
        broken("Sampling misses cells.", method="sampled"),
    ],
)
def cells_are_counted_by_crossings(run: Subdivision, config: Config) -> Evidence:
    r"""At any depth as many patterns of activity occur as lines have crossings inside, plus half of
    their ends on the border, plus one: $F=1+I+B/2$.
    """
    crossings, ends = np.asarray(run.crossings), np.asarray(run.ends)
    # Twice, since lines of maxima may leave an odd number of ends.
    return counts(2 * run.patterns, 2 * theory.cells_of_crossings(crossings, ends))


@claim(
    subdivide,
    kind="identity",
    source="abstract; bound on rounding derived",
    tolerance=1e-8,
    controls=[
        broken("A smooth network is affine nowhere.", forward="smooth"),
        broken("One line is missing.", forgotten=1),
    ],
)
def networks_are_affine_on_their_cells(run: Subdivision, config: Config) -> Evidence:
    r"""At random points $x$ of all cells $\omega$ the forward pass gives $A_\omega x+b_\omega$, up
    to a bound on rounding errors.
    """
    # Outputs are scaled so that all networks' bounds are as small as the least one.
    least = float(np.min(run.rounding))
    scale = least / run.rounding[:, :, None]
    predicted = scale * run.affine
    rounding = least / float(np.max(np.abs(predicted)))
    return identity(scale * run.outputs, predicted, rounding=rounding)


@claim(
    subdivide,
    kind="identity",
    source="abstract: the decision boundary",
    tolerance=1e-7,
    controls=[
        broken("A smooth network has a curved boundary.", forward="smooth"),
        broken("One line is missing.", forgotten=1),
    ],
)
def labels_are_undecided_on_the_boundary(run: Subdivision, config: Config) -> Evidence:
    r"""Everywhere on the segments $\{A_\omega x+b_\omega=0\}\cap\omega$ the probability of either
    label, $1/(1+e^{-f(x)})$, is $\frac12$.
    """
    # The logistic function is no steeper than 1/4.
    rounding = float(np.max(run.rounding)) / 4 / 0.5
    return identity(run.on_boundary, 0.5, rounding=rounding)


class Chords(NamedTuple):
    """Networks along segments between random points of the border."""

    crossings: Int[Recorded, "networks kinds chords"]
    """Segments of the boundary that a chord meets."""
    changes: Int[Recorded, "networks kinds chords"]
    """Changes of the output's sign from one break to the next."""


def meet(ends: np.ndarray, start: np.ndarray, end: np.ndarray) -> int:
    """How many segments, shape (segments, 2, 2), meet the one from start to end."""
    along = end - start
    sides = (ends[..., 0] - start[0]) * along[1] - (ends[..., 1] - start[1]) * along[0]
    crossing = ends[sides[:, 0] * sides[:, 1] < 0]
    here, there = crossing[:, 0], crossing[:, 1]
    across = there - here

    def side(point: np.ndarray) -> np.ndarray:
        return (point[0] - here[:, 0]) * across[:, 1] - (point[1] - here[:, 1]) * across[:, 0]

    return int(np.sum(side(start) * side(end) < 0))


@measurement
def follow_chords(config: Config, key: PRNGKeyArray) -> Chords:
    """Count changes of sign along chords, and where they meet the boundary."""
    rng = generator(key)
    crossings, changes = [], []
    for kinds in all_networks(config, rng):
        for seen in kinds:
            found, plane = find_cells(config, seen, rng), seen.on_plane
            boundary = level_set(found, seen.outputs(found.vertices, config.forward))
            # From the left side to the right one, then turned by quarters.
            heights = rng.uniform(-1, 1, (config.chords, 2))
            for i, (low, high) in enumerate(heights):
                ends = np.array([[-1.0, low], [1.0, high]])
                start, end = ends if i % 2 else ends[:, ::-1]
                crossings.append(meet(boundary, start, end))
                signs = pieces(plane, start, end).outputs[:, 0] > 0
                changes.append(np.sum(signs[1:] != signs[:-1]))
    shape = config.networks, -1, config.chords
    return Chords(np.array(crossings).reshape(shape), np.array(changes).reshape(shape))


@claim(
    follow_chords,
    kind="count",
    source="abstract: the decision boundary",
    tolerance=0.5,
    controls=[broken("Most cells hold none of 100 samples.", method="sampled", points=100)],
)
def nothing_of_the_boundary_is_missing(run: Chords, config: Config) -> Evidence:
    r"""Every segment through the window meets the boundary as often as the output changes sign
    along it.
    """
    return counts(run.crossings, run.changes)


class Rational(NamedTuple):
    """Cells of networks with rational weights."""

    corners: Int[Recorded, " networks"]
    """Corners of all cells."""
    exact: Int[Recorded, " networks"]
    """Corners where affine map and forward pass are the same number."""
    tiled: Int[Recorded, " networks"]
    """The area of all cells, 4 if it is the number four."""


def rational(values: np.ndarray) -> np.ndarray:
    """Rounded to rational numbers."""
    return np.frompyfunc(
        lambda value: Fraction(round(value * LARGEST_DENOMINATOR), LARGEST_DENOMINATOR), 1, 1
    )(values)


@measurement
def compute_exactly(config: Config, key: PRNGKeyArray) -> Rational:
    """Find cells in rational arithmetic, or of the same networks in double precision."""
    rng = generator(key)
    rows = []
    for _ in range(config.rational_networks):
        drawn = random_weights(rng, [2, *[config.rational_width] * 2, 1])
        weights, biases = ([rational(array) for array in part] for part in drawn)
        window = square(Fraction(1))
        if config.arithmetic == "floating":
            weights, biases = ([array.astype(float) for array in p] for p in (weights, biases))
            window = square(1.0)
        network = relu_network(weights, biases)
        found = cells(network, window)
        corners = found.vertices[found.corners]
        slopes, constants = network.affine_maps(
            [np.repeat(of_layer, found.sizes, axis=0) for of_layer in found.states]
        )
        affine = np.sum(slopes[:, 0] * corners, axis=1) + constants[:, 0]
        exact = np.sum(affine == network(corners)[:, 0])
        rows.append((len(corners), exact, 4 * int(found.areas.sum() == 4)))
    return Rational(*(np.array(column) for column in zip(*rows, strict=True)))


@claim(
    compute_exactly,
    kind="count",
    source="abstract: exact; in rational arithmetic literally",
    tolerance=0.05,
    controls=[broken("In double precision some corners are rounded.", arithmetic="floating")],
)
def nothing_is_rounded_in_rational_arithmetic(run: Rational, config: Config) -> Evidence:
    r"""With rational weights forward pass and affine map are the same number at all corners of all
    cells, and the areas add up to the number 4.
    """
    measured = np.stack([run.exact, run.tiled], axis=1)
    return counts(measured, np.stack([run.corners, np.full_like(run.tiled, 4)], axis=1))


# ---------------------------------------------------------------- how many cells


class Lines(NamedTuple):
    """Lines of one random layer."""

    disc: Float[Recorded, "draws heights"]
    """Cells of the disc: one, and one for each line that meets it and each crossing in it."""
    square: Float[Recorded, "draws heights"]
    """Cells of the square."""


CHUNK = 5000
"""Layers whose lines are intersected at once."""


def count_by_lines(weights: np.ndarray, biases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines that meet a window and crossings inside; disc and square.

    Args:
        weights: shape (draws, units, 2).
        biases: shape (draws, units).

    Returns:
        Shapes (draws, 2).
    """
    x, y = weights[..., 0], weights[..., 1]
    first, second = np.triu_indices(biases.shape[1], 1)
    determinant = x[:, first] * y[:, second] - x[:, second] * y[:, first]
    # Cramer's rule.
    along_x = biases[:, second] * y[:, first] - biases[:, first] * y[:, second]
    along_y = biases[:, first] * x[:, second] - biases[:, second] * x[:, first]
    inside = along_x**2 + along_y**2 < determinant**2
    in_square = np.maximum(np.abs(along_x), np.abs(along_y)) < np.abs(determinant)
    # The furthest points in the direction of the weights are on the circle, or corners.
    meets = np.abs(biases) < np.hypot(x, y)
    meets_square = np.abs(biases) < np.abs(x) + np.abs(y)
    return (
        np.stack([meets.sum(axis=1), meets_square.sum(axis=1)], axis=1),
        np.stack([inside.sum(axis=1), in_square.sum(axis=1)], axis=1),
    )


@measurement
def draw_lines(config: Config, key: PRNGKeyArray) -> Lines:
    """Draw layers and count their lines and crossings."""
    rng = generator(key)
    chunks = []
    for start in range(0, config.line_draws, CHUNK):
        draws = min(CHUNK, config.line_draws - start)
        weights = rng.normal(size=(draws, config.line_units, 2))
        unit_biases = rng.normal(size=(draws, config.line_units))
        if config.biases == "constant":
            unit_biases = np.ones_like(unit_biases)
        columns = []
        for height in config.heights:
            lines, crossings = count_by_lines(weights, height * unit_biases)
            columns.append(theory.cells_of_crossings(crossings, 2 * lines))
        chunks.append(np.stack(columns, axis=2))
    disc, in_square = np.concatenate(chunks).swapaxes(0, 1)
    return Lines(disc, in_square)


def see_disc(height: float) -> tuple[float, float]:
    """The disc."""
    return theory.disc_seen(height)


def see_square(height: float) -> tuple[float, float]:
    """The square."""
    return theory.polygon_seen(square(1.0), height)


def as_on_a_sphere(config: Config) -> np.ndarray:
    """Mean numbers of cells as derived; disc, then square."""
    return np.array(
        [
            theory.expected_cells(config.line_units, see(height))
            for see in (see_disc, see_square)
            for height in config.heights
        ]
    )


def in_general_position(config: Config) -> np.ndarray:
    """The rival that takes all lines and crossings for visible."""
    return np.full(2 * len(config.heights), theory.cells_in_general_position(config.line_units))


def as_in_the_plane(config: Config) -> np.ndarray:
    """The rival that replaces perimeter and area on the sphere by those in the plane, far away."""
    flat = {"disc": (2 * np.pi, np.pi), "square": (8.0, 4.0)}
    return np.array(
        [
            theory.expected_cells(
                config.line_units, (perimeter / (2 * np.pi * h), area / (2 * np.pi * h**2))
            )
            for perimeter, area in flat.values()
            for h in config.heights
        ]
    )


@claim(
    draw_lines,
    kind="value",
    source="derived",
    tolerance=0.04,
    controls=[
        rival("Rival: every line and every crossing is seen.", predict=in_general_position),
        rival("Rival: perimeter and area in the plane.", predict=as_in_the_plane),
        broken("With biases of one size lines are no great circles.", biases="constant"),
    ],
)
def random_lines_are_great_circles_seen_through_the_window(
    run: Lines, config: Config, predict: Callable[[Config], np.ndarray] = as_on_a_sphere
) -> Evidence:
    r"""Biases of standard deviation $s$ give on average $1+n\frac P{2\pi}+\binom n2\frac A{2\pi}$
    cells, $P$ and $A$ being perimeter and area of the window on the sphere, seen from height $s$.
    """
    # The prediction is exact, and cells come in ones: what is off by one is off by more than half.
    names = [f"{window}, s = {h:g}" for window in ("disc", "square") for h in config.heights]
    sample = np.concatenate([run.disc, run.square], axis=1)
    return equals(sample, predict(config), margin=0.5).named(*names)


class Enumerated(NamedTuple):
    """Cells of random layers, found, and the lines of the first layer."""

    cells: Int[Recorded, "draws heights"]
    """In the square."""
    crossings: Int[Recorded, "draws heights"]
    lines: Int[Recorded, "draws heights"]


@measurement
def enumerate_cells(config: Config, key: PRNGKeyArray) -> Enumerated:
    """Find the cells of networks with random layers."""
    rng = generator(key)
    units = config.line_units
    rows = []
    for _ in range(config.enumerated_draws):
        row = []
        for height in config.heights:
            weights, biases = random_weights(rng, [2, *[units] * config.stacked_layers, 1])
            biases[0] = height * rng.normal(size=units)
            found = cells(relu_network(weights, biases), square(1.0))
            lines, crossings = count_by_lines(weights[0][None], biases[0][None])
            row.append((len(found.sizes), crossings[0, 1], lines[0, 1]))
        rows.append(row)
    return Enumerated(*np.moveaxis(np.array(rows), 2, 0))


def plane_count(crossings: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The rival that takes all crossings of the visible lines for visible."""
    rows = (ends // 2).tolist()
    return np.array([[theory.cells_in_general_position(lines) for lines in row] for row in rows])


@claim(
    enumerate_cells,
    kind="count",
    source="derived",
    tolerance=0.05,
    controls=[
        rival("Rival: all crossings are inside.", predict=plane_count),
        broken("A second layer cuts cells of the first.", stacked_layers=2),
    ],
)
def one_layer_has_a_cell_for_each_line_and_crossing(
    run: Enumerated, config: Config, predict: Callable[..., np.ndarray] = theory.cells_of_crossings
) -> Evidence:
    r"""Every single layer of random units has $F=1+\#\mathrm{lines}+\#\mathrm{crossings}$ cells in
    the square.
    """
    return counts(run.cells, predict(run.crossings, 2 * run.lines))


# ---------------------------------------------------------------- tents


def tents(peaks: np.ndarray, height: Fraction, outputs: np.ndarray) -> Network:
    """Tents of both coordinates, one layer after the other.

    Args:
        peaks: where each tent is highest, rational, shape (layers, 2).
        height: of the tents.
        outputs: slopes in both coordinates, and constant, shape (outputs, 3).
    """
    layers, mix = [], np.array([[1, 0], [0, 1]], dtype=object)
    for first, second in peaks:
        # Units x_+ and (x - peak)_+ of each coordinate.
        weights = np.repeat(mix, 2, axis=0)
        biases = np.array([0, -first, 0, -second], dtype=object)
        layers.append(Layer(weights, biases, RELU))
        mix = np.zeros((2, 4), dtype=object)
        for row, peak in enumerate((first, second)):
            rise, fall = height / peak, height / (1 - peak)
            mix[row, 2 * row : 2 * row + 2] = rise, -rise - fall
    return Network(layers, outputs[:, :2] @ mix, outputs[:, 2])


def tent_window(config: Config) -> np.ndarray:
    """The unit square, straight or turned about its centre."""
    half = Fraction(1, 2)
    corners = square(half)
    if config.window == "turned":
        cosine, sine = Fraction(4, 5), Fraction(3, 5)
        corners = corners @ np.array([[cosine, sine], [-sine, cosine]])
    return corners + half


def depths(config: Config) -> range:
    """Numbers of tents composed."""
    return range(1, config.tent_depth + 1)


class SkewTents(NamedTuple):
    """Compositions of tents with random peaks."""

    cells: Int[Recorded, "tents depths"]


@measurement
def fold_random_tents(config: Config, key: PRNGKeyArray) -> SkewTents:
    """Count the cells of random tents, each layer and coordinate with a peak of its own."""
    rng = generator(key)
    height, window = Fraction(config.tent_height), tent_window(config)
    output = np.array([[1, 1, 0]], dtype=object)
    rows = []
    for _ in range(config.tents):
        quarters = rng.integers(4, 13, (config.tent_depth, 2))
        peaks = np.frompyfunc(lambda q: Fraction(int(q), 16), 1, 1)(quarters)
        rows.append(
            [
                len(cells(tents(peaks[:depth], height, output), window).sizes)
                for depth in depths(config)
            ]
        )
    return SkewTents(np.array(rows))


def pieces_of_one_coordinate(depth: int) -> int:
    """The rival that counts one coordinate."""
    return 2**depth


@claim(
    fold_random_tents,
    kind="count",
    source="derived",
    tolerance=0.01,
    controls=[
        rival("Rival: two for each layer.", predict=pieces_of_one_coordinate),
        broken("Tents that do not reach 1 do not fold everything.", tent_height=0.75),
        broken("A turned window sees parts of cells.", window="turned"),
    ],
)
def tents_of_both_coordinates_make_four_to_the_depth_cells(
    run: SkewTents, config: Config, predict: Callable[[int], int] = theory.tent_cells
) -> Evidence:
    r"""$k$ layers of four units that map each coordinate by tents, wherever their peaks are, cut
    the unit square into $4^k$ cells.
    """
    return counts(run.cells, [predict(depth) for depth in depths(config)])


class Tents(NamedTuple):
    """Compositions of symmetric tents with random outputs."""

    outputs: Float[Recorded, "tents 3"]
    """Slopes a and b, and level c."""
    lengths: Float[Recorded, "tents depths"]
    """Of the level sets."""
    inverse_areas: Int[Recorded, "tents depths 2"]
    """One over the smallest and the largest area of cells, zero if that is no integer."""


@measurement
def fold_tents(config: Config, key: PRNGKeyArray) -> Tents:
    """Find the level sets of random affine functions of tents; the first is x + y = 1."""
    rng = generator(key)
    slopes = rng.integers(1, 10, (config.tents, 2)).tolist()
    # A level strictly between zero and the largest value.
    levels = [Fraction(int(rng.integers(1, 100)), 100) * sum(pair) for pair in slopes]
    outputs = np.array([[*pair, level] for pair, level in zip(slopes, levels, strict=True)], object)
    outputs[0] = 1
    affine = outputs * np.array([1, 1, -1], dtype=object)
    lengths, areas = [], []
    for depth in depths(config):
        peaks = np.full((depth, 2), Fraction(1, 2))
        found = cells(tents(peaks, Fraction(config.tent_height), affine), tent_window(config))
        row = []
        for values in found.outputs.T:
            ends = level_set(found, values)
            sides = (ends[:, 1] - ends[:, 0]).astype(float)
            # Exactly rounded, however many there are.
            row.append(math.fsum(np.hypot(*sides.T)))
        lengths.append(row)
        inverse = [1 / area for area in (min(found.areas), max(found.areas))]
        areas.append([int(value) if value.denominator == 1 else 0 for value in inverse])
    inverse_areas = np.broadcast_to(areas, (config.tents, *np.shape(areas)))
    return Tents(outputs.astype(float), np.array(lengths).T, inverse_areas)


@claim(
    fold_tents,
    kind="count",
    source="derived",
    tolerance=0.01,
    controls=[
        rival("Rival: two for each layer.", predict=pieces_of_one_coordinate),
        broken("A turned window sees parts of cells.", window="turned"),
    ],
)
def symmetric_tents_make_equal_cells(
    run: Tents, config: Config, predict: Callable[[int], int] = theory.tent_cells
) -> Evidence:
    r"""With all peaks at $\frac12$ the largest and the smallest cell have the area $4^{-k}$."""
    predicted = np.array([predict(depth) for depth in depths(config)])
    return counts(run.inverse_areas, predicted[:, None])


Length = Callable[[int, Sequence[float], float], float]


def as_long_as_the_first(depth: int, slopes: Sequence[float], level: float) -> float:
    """The rival in which depth cuts a level set, and makes it no longer."""
    return theory.tent_level_length(1, slopes, level)


@claim(
    fold_tents,
    kind="identity",
    source="derived",
    tolerance=1e-12,
    controls=[
        rival("Rival: cut into pieces, but no longer.", predict=as_long_as_the_first),
        broken("A turned window sees parts of it.", window="turned"),
    ],
)
def level_sets_of_tents_double_with_each_layer(
    run: Tents, config: Config, predict: Length = theory.tent_level_length
) -> Evidence:
    r"""$\{a\tau_k(x)+b\tau_k(y)=c\}$ is $2^k$ times as long as the segment of $ax+by=c$ in the unit
    square; for $a=b=c=1$ that is $2^k\sqrt2$.
    """
    predicted = [
        [predict(depth, (a, b), level) for depth in depths(config)] for a, b, level in run.outputs
    ]
    # Sides, their lengths, the sum and the prediction are rounded once or twice each; the latter is
    # a difference of numbers that are at most a hundred times as large, levels being hundredths.
    return identity(run.lengths, predicted, rounding=256 * theory.UNIT_ROUNDOFF)


# ---------------------------------------------------------------- sampling


class Samples(NamedTuple):
    """Cells that random points find."""

    shares: Float[Recorded, "networks most"]
    """Of the cells in the area, zero beyond the last one."""
    found: Int[Recorded, "sets networks sizes"]
    """Different cells among so many points."""
    known: Int[Recorded, "sets networks"]
    """Points, of the largest sample, whose states are those of a cell."""


def code(states: list[np.ndarray]) -> np.ndarray:
    """States of 62 units at most as one number; shapes (..., units) to (...)."""
    patterns = np.concatenate(states, axis=-1)
    return patterns @ 2 ** np.arange(patterns.shape[-1])


def different(codes: np.ndarray) -> np.ndarray:
    """How many different numbers each row holds."""
    ordered = np.sort(codes, axis=1)
    return 1 + np.sum(ordered[:, 1:] != ordered[:, :-1], axis=1)


@measurement
def sample(config: Config, key: PRNGKeyArray) -> Samples:
    """Find the cells of networks by sampling, and exactly."""
    rng = generator(key)
    largest = config.sample_sizes[-1]
    shares, found, known = [], [], []
    for _ in range(config.sampled_networks):
        weights, biases = random_weights(rng, [2, *[config.sampled_width] * 2, 1])
        seen = Seen(relu_network(weights, biases), np.zeros(2), np.eye(2))
        exact = find_cells(config, seen, rng)
        shares.append(exact.areas / 4)
        of_cells = code(seen.network.states(exact.middles))
        # No more than a few million numbers at once.
        parts = []
        for sets in np.array_split(np.arange(config.sample_sets), 1 + largest // 300):
            points = rng.uniform(-1, 1, (len(sets), largest, 2))
            parts.append(code(seen.network.states(points)))
        codes = np.concatenate(parts)
        found.append([different(codes[:, :size]) for size in config.sample_sizes])
        known.append(np.isin(codes, of_cells).sum(axis=1))
    padded = np.zeros((len(shares), max(map(len, shares))))
    for row, of_network in zip(padded, shares, strict=True):
        row[: len(of_network)] = of_network
    return Samples(padded, np.array(found).transpose(2, 0, 1), np.array(known).T)


@claim(
    sample,
    kind="count",
    source="abstract: no sampling needed",
    tolerance=0.01,
    controls=[broken("One line is missing.", forgotten=1)],
)
def sampling_finds_no_cell_that_is_not_known(run: Samples, config: Config) -> Evidence:
    r"""Of all random points of all samples there is none whose pattern of activity is not that of a
    cell already found exactly.
    """
    return counts(run.known, config.sample_sizes[-1])


Discoveries = Callable[[np.ndarray, int], float]


def as_if_equal(shares: np.ndarray, samples: int) -> float:
    """The rival in which all cells are equally large."""
    return theory.expected_discoveries(np.full(len(shares), 1 / len(shares)), samples)


def all_found(shares: np.ndarray, samples: int) -> float:
    """The rival in which sampling finds everything."""
    return len(shares)


@claim(
    sample,
    kind="value",
    source="abstract's reason not to sample; law derived",
    tolerance=0.04,
    controls=[
        rival("Rival: all cells are as large.", predict=as_if_equal),
        rival("Rival: sampling misses nothing.", predict=all_found),
    ],
)
def sampling_misses_cells_as_their_areas_say(
    run: Samples, config: Config, predict: Discoveries = theory.expected_discoveries
) -> Evidence:
    r"""$N$ uniform points find on average $\sum_i1-(1-a_i)^N$ cells, with the shares $a_i$ of the
    exact cells in the area.
    """
    predicted = [
        np.mean([predict(shares[shares > 0], size) for shares in run.shares])
        for size in config.sample_sizes
    ]
    # The prediction is exact, and cells come in ones: what is off by one is off by more than half.
    evidence = equals(run.found.mean(axis=1), predicted, margin=0.5)
    return evidence.named(*(f"N = {size}" for size in config.sample_sizes))


# ---------------------------------------------------------------- the figure


class Pictures(NamedTuple):
    """Cells of networks for the figure, one picture after the other."""

    corners: Float[Recorded, "corners 2"]
    sizes: Int[Recorded, " cells"]
    values: Float[Recorded, " cells"]
    """By which cells are coloured."""
    cells: Int[Recorded, " pictures"]
    """Number of cells of each picture."""
    boundary: Float[Recorded, "segments 2 2"]
    segments: Int[Recorded, " pictures"]
    """Number of segments of each boundary."""
    lines: Float[Recorded, "lines 2 2"]
    """Edges inside the square of the first picture."""
    layers: Int[Recorded, " lines"]
    """To which layer's units they belong."""
    data: Float[Recorded, "points 2"]
    """What the first picture's network was trained on."""


def layer_of_edges(found: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Edges between two cells, and the first layer in which these differ."""
    edges, sides = found.edges
    inner = np.all(sides >= 0, axis=1)
    here, there = sides[inner].T
    differ = [np.any(of_layer[here] != of_layer[there], axis=1) for of_layer in found.states]
    return found.vertices[edges[inner]], np.argmax(differ, axis=0)


def shown_networks(config: Config, rng: np.random.Generator) -> tuple[list[Seen], np.ndarray]:
    """The networks that the figure shows, and the points that the first was trained on."""
    trained, data = trained_networks(config, rng)
    digits = random_network(config, rng, SLOPES["absolute value"], "slice")
    folded = tents(np.full((4, 2), Fraction(1, 2)), Fraction(1), np.array([[1, 1, -1]]))
    # In double precision, and with the unit square in the place of the square of side 2.
    layers = [
        Layer(layer.weights.astype(float), layer.biases.astype(float), layer.activation)
        for layer in folded.layers
    ]
    network = Network(layers, folded.weights.astype(float), folded.biases.astype(float))
    return [trained[0][0], digits, Seen(network, np.full(2, 0.5), np.eye(2) / 2)], data


@measurement
def picture(config: Config, key: PRNGKeyArray) -> Pictures:
    """Find the cells that the figure shows."""
    rng = generator(key)
    shown, data = shown_networks(config, rng)
    corners, sizes, values, boundary = [], [], [], []
    for seen in shown:
        found = find_cells(config, seen, rng)
        slopes = seen.on_plane.affine_maps(found.states)[0][:, 0]
        corners.append(found.vertices[found.corners])
        sizes.append(found.sizes)
        values.append(np.linalg.norm(slopes, axis=1))
        boundary.append(level_set(found, found.outputs[:, 0]))
    # All slopes of tents are equally steep: these cells are told apart by their directions.
    values[-1] = np.arctan2(slopes[:, 1], slopes[:, 0])
    lines, layers = layer_of_edges(find_cells(config, shown[0], rng))
    return Pictures(
        np.concatenate(corners),
        np.concatenate(sizes),
        np.concatenate(values),
        np.array([len(part) for part in sizes]),
        np.concatenate(boundary),
        np.array([len(part) for part in boundary]),
        lines,
        layers,
        data,
    )


def draw(runs: Runs, config: Config) -> Figure:
    """Three networks and the lines of one; mean numbers of cells; what sampling finds."""
    figure = Figure(figsize=(11, 7.4))
    axes = figure.subplots(2, 3)
    pictures = runs[picture]
    draw_trained(axes[0, 0], pictures)
    draw_layers(axes[0, 1], pictures)
    draw_slice(axes[0, 2], pictures)
    draw_tents(axes[1, 0], pictures)
    draw_means(axes[1, 1], runs[draw_lines], config)
    draw_samples(axes[1, 2], runs[sample], config)
    return figure


def of_picture(run: Pictures, number: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Polygons, values and boundary of one picture."""
    cells_before, segments_before = run.cells[:number].sum(), run.segments[:number].sum()
    chosen = slice(cells_before, cells_before + run.cells[number])
    polygons = np.split(np.asarray(run.corners), np.cumsum(run.sizes)[:-1])[chosen]
    boundary = run.boundary[segments_before : segments_before + run.segments[number]]
    return polygons, np.asarray(run.values[chosen]), np.asarray(boundary)


def draw_trained(axes: Axes, run: Pictures) -> None:
    """The trained network's cells by steepness, its decision boundary and its data."""
    polygons, values, boundary = of_picture(run, 0)
    least = np.quantile(values[values > 0], 0.02)
    norm = LogNorm(least, values.max())
    draw_cells(axes, polygons, np.maximum(values, least), boundary, cmap="Blues", norm=norm)
    halves = np.split(run.data, 2)
    for half, mark in zip(halves, ("ko", "wo"), strict=True):
        axes.plot(*half.T, mark, markersize=2, markeredgecolor="k", markeredgewidth=0.4)
    axes.set_title(f"Trained: {len(polygons)} cells, steep ones dark")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-1, 1), ylim=(-1, 1), aspect="equal")


def draw_layers(axes: Axes, run: Pictures) -> None:
    """Zero lines of the same network's units, by layer."""
    for layer, colour in enumerate(("C0", "C1", "C4")):
        lines = run.lines[run.layers == layer]
        axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=0.9))
        axes.plot([], [], colour, label=f"layer {layer + 1}")
    axes.add_collection(
        LineCollection(list(of_picture(run, 0)[2]), colors=BOUNDARY, linewidths=1.8)
    )
    axes.plot([], [], color=BOUNDARY, label="$f=0$")
    axes.set_title("Later layers bend at earlier ones")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    axes.legend(loc="upper right", fontsize=7.5, frameon=True, framealpha=0.9)


def draw_slice(axes: Axes, run: Pictures) -> None:
    """Cells of absolute values on the plane through three digits."""
    polygons, values, boundary = of_picture(run, 1)
    draw_cells(axes, polygons, values, boundary, cmap="Greens")
    digits = np.array([[1, 0], [0, 1], [-1, -1]])
    axes.plot(*digits.T, "kD", markersize=6, clip_on=False, zorder=5)
    axes.set_title(f"Plane of digits, $|z|$: {len(polygons)} cells")
    axes.set(xlabel="$t_1$", ylabel="$t_2$", xlim=(-1, 1), ylim=(-1, 1), aspect="equal")


def draw_tents(axes: Axes, run: Pictures) -> None:
    """Cells of tents by direction of the slope, and a level set."""
    polygons, values, boundary = of_picture(run, 2)
    in_unit_square = [(polygon + 1) / 2 for polygon in polygons]
    draw_cells(axes, in_unit_square, values, (boundary + 1) / 2, cmap="Pastel1")
    length = np.sum(np.linalg.norm(boundary[:, 1] - boundary[:, 0], axis=1)) / 2
    axes.set_title(f"Tents: {len(polygons)} cells, length {length:.4f}")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(0, 1), ylim=(0, 1), aspect="equal")


def draw_means(axes: Axes, run: Lines, config: Config) -> None:
    """Mean number of cells of one layer against the size of its biases."""
    heights = np.geomspace(min(config.heights) / 2, max(config.heights) * 2, 200)
    units = config.line_units
    for colour, (found, see, label) in enumerate(
        ((run.disc, see_disc, "disc"), (run.square, see_square, "square"))
    ):
        axes.plot(config.heights, found.mean(axis=0), f"C{colour}o", label=f"{label}, counted")
        curve = [theory.expected_cells(units, see(height)) for height in heights]
        label_once = "on the sphere" if colour == 0 else None
        axes.plot(heights, curve, **PREDICTED, label=label_once)
    axes.axhline(
        theory.cells_in_general_position(units),
        color="0.6",
        linewidth=1.1,
        label="in the whole plane",
    )
    axes.set_title(f"One layer of {units} random units")
    axes.set(xscale="log", xlabel="standard deviation $s$ of biases", ylabel="mean number of cells")
    axes.set_xticks(config.heights, [f"{height:g}" for height in config.heights])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 1.12 * theory.cells_in_general_position(units))
    axes.legend(fontsize=7.5, loc="lower left")


def draw_samples(axes: Axes, run: Samples, config: Config) -> None:
    """Share of cells found against number of points."""
    total = np.mean([np.sum(shares > 0) for shares in run.shares])
    sizes = np.unique(np.geomspace(config.sample_sizes[0] / 3, 1e6, 80).round().astype(int))
    axes.plot(config.sample_sizes, run.found.mean(axis=(0, 1)) / total, "C0o", label="found")

    def curve(predict: Discoveries) -> np.ndarray:
        rows = [[predict(s[s > 0], int(n)) for n in sizes] for s in run.shares]
        return np.mean(rows, axis=0) / total

    axes.plot(sizes, curve(theory.expected_discoveries), **PREDICTED, label="from exact areas")
    axes.plot(sizes, curve(as_if_equal), color="0.6", linewidth=1.1, label="if areas were equal")
    axes.axhline(1, color="C1", linewidth=1.4, label="exact method")
    axes.set_title(f"Sampling misses some of {total:.0f} cells")
    axes.set(xscale="log", xlabel="random points $N$", ylabel="share of cells", ylim=(0, 1.08))
    axes.legend(fontsize=7.5, loc="lower right")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
