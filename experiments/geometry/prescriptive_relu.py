r"""Prescriptions by a ReLU network are prescriptions by a tree of questions, exactly.

A P-ReLU scores each of $K$ treatments by a ReLU network and prescribes the best. The paper shows
that it cuts the inputs into polyhedra of one treatment each, and that it can be written as a tree
that asks on which side of hyperplanes an input lies. Here both are done in rational arithmetic.

- All cells of a network are found, and a tree is grown by asking its units one after the other and
  letting treatments compete. Network and tree agree on each of thousands of inputs. With two
  treatments leaves are cells. With more, some cells are cut again: two straight cuts do not tell
  three sectors around a point apart.
- How large is the tree? One layer can need $K(h+1)^d$ leaves, and questions about all its units
  (derived here). Composed tents need $2^L+1$ leaves for $2L$ units in *any* tree of hyperplanes:
  where networks are small by depth, trees are not, and are harder to read.
- What are oblique questions worth, where they fit? If the best treatment changes along a diagonal,
  a tree of splits along axes loses $1/6n^2$ at least with $n$ leaves (derived here; met by trying
  all trees on a grid). A P-ReLU that was trained on observational data loses less with as many
  leaves. If the treatment changes along an axis, two leaves are enough, and nothing is gained.
- Doubly robust rewards have a bias that vanishes if either of two models is right. If neither is,
  a P-ReLU that is trained on them learns to prescribe wrongly.

Wei Sun, Asterios Tsiourvas: *Learning Prescriptive ReLU Networks*, ICML 2023, arXiv:2306.00651.
"""

from __future__ import annotations

from collections.abc import Callable
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
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from scipy import special
from sklearn.tree import DecisionTreeClassifier

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, at_least, at_most, counts, identity
from harness.errors import require
from harness.style import BOUNDARY, PREDICTED, draw_cells
from instruments.linear_regions.networks import (
    RELU,
    Layer,
    Maximum,
    Network,
    maxout,
    rational,
)
from instruments.linear_regions.polygons import Cells, cells, square
from instruments.linear_regions.segments import pieces
from instruments.randomness import generator
from theory.geometry import prescriptive_relu as theory

LARGEST_WEIGHT = 12
"""Of random networks, whose weights are integers."""
SAMPLES_FOR_AXES = 1000
"""Points to which a tree of splits along axes is fitted, where it takes the place of questions."""
GRID_LEAVES = np.array([1, 2, 3, 4, 6, 12])
"""Divisors of 12: the best trees have their cuts at multiples of one over these."""
GRID = 12
"""Cuts of all trees that are tried lie on multiples of one over this."""
LEAST_PROPENSITY = 0.1
"""Of random propensities."""
LEARNING_RATE = 0.05
"""Of Adam, where a P-ReLU is trained."""
NOISE = 0.2
"""Standard deviation of outcomes that it is trained on."""


@dataclass(frozen=True)
class Config:
    """Parameters."""

    networks: int = 4
    """Random P-ReLUs of each shape."""
    hidden: tuple[tuple[int, ...], ...] = ((6,), (4, 4))
    """Shapes: units of each hidden layer."""
    treatments: tuple[int, ...] = (2, 4)
    """Numbers of treatments for each shape."""
    inside: int = 3
    """Random points inside each cell."""
    samples: int = 100
    """Random points at which each P-ReLU is compared with its tree, besides cells' middles."""
    units: Literal["ReLU", "tanh"] = "ReLU"
    """Units of the network whose prescriptions are looked at; cells are always those of ReLUs."""
    questions: Literal["all", "all but one"] = "all"
    """Whether the tree takes its first unit to be on without asking."""
    splits: Literal["hyperplanes", "axes"] = "hyperplanes"
    """Questions of the tree; one that splits along axes is fitted and has as many leaves."""

    bends: tuple[int, ...] = (1, 2, 4)
    """Bends of zigzags along each axis."""
    zigzag_treatments: tuple[int, ...] = (2, 3, 5)
    """Numbers of treatments on zigzags."""
    zigzag_height: float = 1.0
    """Height to which zigzags rise, where treatments change as if it were one."""

    tents: int = 8
    """Largest number of tents composed."""
    arrangement: Literal["composed", "side by side"] = "composed"
    """Of these tents' units: in layers of two, or as a zigzag in one layer."""

    boundary: theory.Boundary = "diagonal"
    """Where the better treatment changes."""
    fitted_trees: int = 40
    """Training sets for trees of splits along axes."""
    tree_samples: int = 2000
    """Points in each."""
    leaves: tuple[int, ...] = (4, 8, 16, 32)
    """Leaves of these trees."""

    problems: int = 20
    """Random laws of treatments and outcomes."""
    people: int = 50
    """Inputs for each."""
    confounding: float = 0.0
    """Strength of a confounder that is not recorded."""

    trained: int = 64
    """P-ReLUs that are trained, each on data of its own."""
    pairs: int = 1
    """Pairs of their hidden units; these start back to back, so that no input is lost to them."""
    trained_samples: int = 4000
    """Observed people of each."""
    steps: int = 100
    """Steps of Adam on all of these."""
    models: Literal["propensity right", "outcome right", "neither right"] = "propensity right"
    """What is modelled rightly where rewards are estimated."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name in ("inside", "samples", "tents", "tree_samples", "people", "pairs"):
            require(getattr(self, name) > 0, f"{name} must be above zero")
        for name in ("networks", "fitted_trees", "problems", "trained"):
            require(getattr(self, name) > 1, f"{name} must be at least 2: one decides nothing")
        for name in ("treatments", "zigzag_treatments", "leaves"):
            require(min(getattr(self, name)) > 1, f"{name} must be at least 2")
        require(min(map(min, self.hidden)) > 0, "hidden layers must have units")
        require(min(self.bends) > 0, "bends must be above zero")
        require(self.tents <= 14, "tents must be at most 14: pieces double with each")
        require(self.steps >= 0, "steps must not be negative")


SIZES = {
    "ci": Config(),
    "figure": Config(
        networks=10,
        hidden=((6,), (10,), (4, 4), (5, 5, 5)),
        treatments=(2, 3, 4),
        samples=500,
        bends=(1, 2, 4, 6),
        fitted_trees=60,
        leaves=(4, 8, 16, 32, 64),
        problems=100,
        trained=200,
    ),
    "paper": Config(
        networks=20,
        hidden=((10,), (20,), (10, 10), (6, 6, 6)),
        treatments=(2, 3, 5),
        samples=2000,
        bends=(1, 2, 4, 8),
        tents=12,
        fitted_trees=200,
        tree_samples=20_000,
        leaves=(4, 8, 16, 32, 64),
        problems=500,
        trained=200,
        pairs=2,
        trained_samples=100_000,
        steps=400,
    ),
}

Generator = np.random.Generator


DOMAIN = rational(square(1))
"""Of random P-ReLUs."""
RATIONAL_UNIT_SQUARE = (DOMAIN + 1) / 2
UNIT_SQUARE = RATIONAL_UNIT_SQUARE.astype(float)


# ---------------------------------------------------------------- cells and trees


class PReLU(NamedTuple):
    """Hidden layers, and the scores of treatments."""

    hidden: list[Layer]
    weights: np.ndarray
    biases: np.ndarray

    @property
    def policy(self) -> Network:
        """The network whose last state is the prescribed treatment."""
        winner = Layer(self.weights, self.biases, maxout(1, len(self.biases)))
        return Network([*self.hidden, winner], np.ones((1, 1), int), np.zeros(1, int))

    @property
    def tournament(self) -> Network:
        """The same where treatments compete one after the other, and each match is a state."""
        weights, biases, matches = self.weights, self.biases, []
        for left in range(len(self.biases), 1, -1):
            groups = ((0, 1), *((waiting, waiting) for waiting in range(2, left)))
            matches.append(Layer(weights, biases, Maximum(groups)))
            weights, biases = np.eye(left - 1, dtype=int), np.zeros(left - 1, int)
        return Network([*self.hidden, *matches], weights, biases)

    def prescribe(self, points: np.ndarray, units: str = "ReLU") -> np.ndarray:
        """Treatments at points."""
        if units == "ReLU":
            return self.policy.states(points)[-1][:, 0]
        values = points.astype(float)
        for layer in self.hidden:
            values = np.tanh(layer.preactivations(values).astype(float))
        return np.argmax(values @ self.weights.T + self.biases, axis=1)


class Leaf(NamedTuple):
    """The end of a path through a tree."""

    treatment: int

    def prescribe(self, point: np.ndarray) -> int:
        """The same for all points that come here."""
        return self.treatment


class Question(NamedTuple):
    """A node of a tree: is normal @ x + offset above zero?"""

    normal: np.ndarray
    offset: Any
    yes: Leaf | Question
    no: Leaf | Question

    def prescribe(self, point: np.ndarray) -> int:
        """Follow the answer."""
        above = self.normal @ point + self.offset > 0
        return (self.yes if above else self.no).prescribe(point)


Tree = Leaf | Question


def leaves_of(tree: Tree) -> int:
    """Number of leaves."""
    return 1 if isinstance(tree, Leaf) else leaves_of(tree.yes) + leaves_of(tree.no)


def depth_of(tree: Tree) -> int:
    """Questions on the longest path."""
    return 0 if isinstance(tree, Leaf) else 1 + max(depth_of(tree.yes), depth_of(tree.no))


def part_above(polygon: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The part of a convex polygon where an affine function, given at its corners, is not negative.

    The function takes both signs (Sutherland and Hodgman).
    """
    corners = []
    for here, there, value, next_value in zip(
        polygon, np.roll(polygon, -1, axis=0), values, np.roll(values, -1), strict=True
    ):
        if value >= 0:
            corners.append(here)
        if value * next_value < 0:
            corners.append(here + value / (value - next_value) * (there - here))
    return np.array(corners)


def ask(
    polygon: np.ndarray, normal: np.ndarray, offset: Any, go_on: Callable[[np.ndarray, bool], Tree]
) -> Tree:
    """A question, and a tree for each answer; no question where there is only one answer."""
    values = polygon @ normal + offset
    if not np.any(values > 0) or not np.any(values < 0):
        return go_on(polygon, bool(np.any(values > 0)))
    yes, no = (go_on(part_above(polygon, s * values), s > 0) for s in (1, -1))
    return Question(normal, offset, yes, no)


def grow(network: PReLU, polygon: np.ndarray, questions: str = "all") -> Tree:
    """The tree of a P-ReLU on a convex polygon: units in order, then treatments one by one."""

    def enter(number: int, part: np.ndarray, slopes: np.ndarray, constants: np.ndarray) -> Tree:
        """Ask about a layer whose inputs are slopes @ x + constants."""
        if number == len(network.hidden):
            slopes, constants = (
                network.weights @ slopes,
                network.weights @ constants + network.biases,
            )
            return compete(part, 0, 1, slopes, constants)
        layer = network.hidden[number]
        slopes, constants = layer.weights @ slopes, layer.weights @ constants + layer.biases

        def unit(part: np.ndarray, *answers: bool) -> Tree:
            index = len(answers)
            if index == len(constants):
                on = np.array(answers, int)
                return enter(number + 1, part, on[:, None] * slopes, on * constants)
            if questions == "all but one" and (number, index) == (0, 0):
                return unit(part, True)
            return ask(
                part, slopes[index], constants[index], lambda half, yes: unit(half, *answers, yes)
            )

        return unit(part)

    def compete(
        part: np.ndarray, best: int, rival: int, slopes: np.ndarray, constants: np.ndarray
    ) -> Tree:
        """Let a treatment compete with the best of those before."""
        if rival == len(constants):
            return Leaf(best)
        return ask(
            part,
            slopes[rival] - slopes[best],
            constants[rival] - constants[best],
            lambda half, wins: compete(half, rival if wins else best, rival + 1, slopes, constants),
        )

    inputs = polygon.shape[1]
    return enter(0, polygon, np.eye(inputs, dtype=int), np.zeros(inputs, int))


def random_p_relu(rng: Generator, hidden: tuple[int, ...], treatments: int) -> PReLU:
    """A P-ReLU with two inputs and integer weights."""

    def integers(*shape: int) -> np.ndarray:
        drawn = rng.integers(-LARGEST_WEIGHT, LARGEST_WEIGHT, shape, endpoint=True)
        return rational(drawn)

    sizes = [2, *hidden]
    layers = [
        Layer(integers(width, inputs), integers(width), RELU)
        for inputs, width in zip(sizes, hidden, strict=False)
    ]
    return PReLU(layers, integers(treatments, sizes[-1]), integers(treatments))


def points_inside(rng: Generator, found: Cells, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Random points inside cells, and the cells that they lie in."""
    points = []
    for polygon in found.polygons:
        shares = rational(rng.integers(1, 1000, (each, len(polygon))))
        points.append(shares @ polygon / shares.sum(axis=1, keepdims=True))
    return np.concatenate(points), np.repeat(np.arange(len(points)), each)


class Partitions(NamedTuple):
    """Random P-ReLUs, their cells and their trees."""

    same: Int[Recorded, "networks 2"]
    """Points inside cells that get the treatment of the cell's middle, and all of them."""
    agreed: Int[Recorded, "networks 2"]
    """Points at which tree and network prescribe the same, and all of them."""
    leaves: Int[Recorded, " networks"]
    tournament: Int[Recorded, " networks"]
    """Cells where treatments compete one after the other."""
    winners: Int[Recorded, " networks"]
    """Cells by activation pattern and treatment."""


@measurement
def partition(config: Config, key: PRNGKeyArray) -> Partitions:
    """Find the cells of random P-ReLUs, grow their trees, and compare prescriptions."""
    rng = generator(key)
    shapes = [(h, k) for h in config.hidden for k in config.treatments] * config.networks
    rows = []
    for hidden, treatments in shapes:
        network = random_p_relu(rng, hidden, treatments)
        found = cells(network.policy, DOMAIN)
        inside, cell = points_inside(rng, found, config.inside)
        in_cells = network.prescribe(inside, config.units)
        in_middles = network.prescribe(found.middles, config.units)

        tree = grow(network, DOMAIN, config.questions)
        leaves = leaves_of(tree)
        spread = rational(rng.uniform(-1, 1, (config.samples, 2)))
        points = np.concatenate([spread, found.middles])
        wanted = network.prescribe(points)
        if config.splits == "axes":
            known = rng.uniform(-1, 1, (SAMPLES_FOR_AXES, 2))
            fitted = DecisionTreeClassifier(max_leaf_nodes=max(leaves, 2), random_state=0)
            fitted.fit(known, network.prescribe(known))
            said = fitted.predict(points.astype(float))
        else:
            said = np.array([tree.prescribe(point) for point in points])
        rows.append(
            [
                np.sum(in_cells == in_middles[cell]),
                len(cell),
                np.sum(said == wanted),
                len(points),
                leaves,
                len(cells(network.tournament, DOMAIN).sizes),
                len(found.sizes),
            ]
        )
    table = np.array(rows)
    return Partitions(table[:, :2], table[:, 2:4], *table[:, 4:].T)


@claim(
    partition,
    kind="count",
    source="abstract (i)",
    tolerance=0.01,
    controls=[broken("Units that bend smoothly: scores are not affine on cells.", units="tanh")],
)
def each_cell_gets_one_treatment(run: Partitions, config: Config) -> Evidence:
    r"""On each cell, a convex polygon found exactly, all points get the same treatment: those
    tested agree with the cell's middle, without an exception.
    """
    return counts(run.same[:, 0], run.same[:, 1])


@claim(
    partition,
    kind="count",
    source="abstract (ii)",
    tolerance=0.01,
    controls=[
        broken("One unit of the first layer is not asked for.", questions="all but one"),
        broken("Splits along axes, in a tree of as many leaves.", splits="axes"),
    ],
)
def a_tree_of_hyperplanes_prescribes_the_same(run: Partitions, config: Config) -> Evidence:
    r"""A tree that asks $\langle w,x\rangle+b>0$ at each node, and nothing else, prescribes at each
    tested input what the network does.
    """
    return counts(run.agreed[:, 0], run.agreed[:, 1])


def cells_of_tournament(run: Partitions) -> np.ndarray:
    """Where treatments compete one after the other."""
    return np.asarray(run.tournament)


def cells_of_winners(run: Partitions) -> np.ndarray:
    """The rival in which leaves are cells for any number of treatments."""
    return np.asarray(run.winners)


@claim(
    partition,
    kind="count",
    source="derived",
    tolerance=0.1,
    controls=[
        rival(
            "Rival: leaves are the cells by activation pattern and treatment.",
            predict=cells_of_winners,
        )
    ],
)
def leaves_are_the_cells_of_a_tournament(
    run: Partitions,
    config: Config,
    predict: Callable[[Partitions], np.ndarray] = cells_of_tournament,
) -> Evidence:
    r"""The tree, grown by cutting polygons, has as many leaves as the subdivision by activation
    patterns and by the results of $\max(\max(\max(s_0,s_1),s_2),\dots)$ has cells. For $K=2$ these
    are the cells of one treatment; for $K\ge3$ there can be more.
    """
    return counts(run.leaves, predict(run))


# ---------------------------------------------------------------- how large trees are


def zigzags(bends: int, treatments: int, height: Fraction) -> PReLU:
    """A layer that bends at multiples of one over bends + 1 along both axes of the unit square."""
    parts = bends + 1
    units = [[1, 0], [0, 1]] * parts
    starts = np.repeat([Fraction(-i, parts) for i in range(parts)], 2)
    # Up and down between 0 and the height. The first two units are on: they carry the inputs.
    slopes = np.array([1, *((-1) ** i * 2 for i in range(1, parts))], dtype=object)
    sum_of_both = height * parts * np.repeat(slopes, 2)
    thresholds = np.array([Fraction(2 * j, treatments) for j in range(treatments)], dtype=object)
    return PReLU(
        [Layer(np.array(units, dtype=object), starts, RELU)],
        np.outer(np.arange(treatments), sum_of_both),
        -np.cumsum(thresholds),
    )


class Zigzags(NamedTuple):
    """Cells and trees of zigzags."""

    sizes: Int[Recorded, "cases 3"]
    """Cells, leaves, and questions on the longest path."""


@measurement
def fold_layers(config: Config, key: PRNGKeyArray) -> Zigzags:
    """Find the cells of zigzags and grow their trees; nothing is random."""
    sizes = []
    for bends, treatments in zigzag_cases(config):
        network = zigzags(bends, treatments, Fraction(config.zigzag_height))
        tree = grow(network, RATIONAL_UNIT_SQUARE)
        found = cells(network.policy, RATIONAL_UNIT_SQUARE)
        sizes.append([len(found.sizes), leaves_of(tree), depth_of(tree)])
    return Zigzags(np.array(sizes))


def zigzag_cases(config: Config) -> list[tuple[int, int]]:
    """Bends and treatments."""
    return [(h, k) for h in config.bends for k in config.zigzag_treatments]


Leaves = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def one_leaf_for_each_region(
    bends: np.ndarray, treatments: np.ndarray, dimension: int
) -> np.ndarray:
    """The rival in which a region of the activations has one treatment."""
    return theory.zigzag_leaves(bends, 1, dimension)


@claim(
    fold_layers,
    kind="count",
    source="derived",
    tolerance=0.2,
    controls=[
        broken("Zigzags of half the height leave out treatments.", zigzag_height=0.5),
        rival(
            "Rival: each region of the activations is one leaf.", predict=one_leaf_for_each_region
        ),
    ],
)
def a_layer_can_need_all_questions(
    run: Zigzags, config: Config, predict: Leaves = theory.zigzag_leaves
) -> Evidence:
    r"""With $h$ bends along each of $d=2$ axes, zigzags have $K(h+1)^d$ cells, all that their
    regions can hold, and as many leaves; the longest path asks $dh+K-1$ questions, one about each
    unit that bends and $K-1$ about treatments.
    """
    bends, treatments = np.array(zigzag_cases(config)).T
    leaves = predict(bends, treatments, 2)
    depth = theory.zigzag_depth(bends, treatments, 2)
    return counts(run.sizes, np.stack([leaves, leaves, depth], axis=1))


def composed_tents(depth: int) -> PReLU:
    """Layers of two units each, of one input; the second treatment wins above one half."""
    first = np.array([[1], [1]], dtype=object)
    later = np.array([[2, -4], [2, -4]], dtype=object)
    starts = np.array([0, Fraction(-1, 2)], dtype=object)
    hidden = [Layer(first if i == 0 else later, starts, RELU) for i in range(depth)]
    return PReLU(
        hidden,
        np.array([[0, 0], [2, -4]], dtype=object),
        np.array([0, Fraction(-1, 2)], dtype=object),
    )


def one_layer_of(units: int) -> PReLU:
    """As many units in one layer, which alternate as often as they can."""
    starts = np.array([Fraction(-i, units) for i in range(units)], dtype=object)
    slopes = units * np.array([1, *((-1) ** i * 2 for i in range(1, units))], dtype=object)
    return PReLU(
        [Layer(np.ones((units, 1), dtype=object), starts, RELU)],
        np.stack([0 * slopes, slopes]),
        np.array([0, Fraction(-1, 2)], dtype=object),
    )


class Tents(NamedTuple):
    """Prescriptions along a line."""

    intervals: Int[Recorded, " depths"]
    """Longest intervals of one treatment."""


@measurement
def compose_tents(config: Config, key: PRNGKeyArray) -> Tents:
    """Walk through P-ReLUs from one tent on; nothing is random."""
    intervals = []
    for depth in range(1, config.tents + 1):
        composed = config.arrangement == "composed"
        network = composed_tents(depth) if composed else one_layer_of(2 * depth)
        ends = (np.array([value], dtype=object) for value in (0, 1))
        treatments = pieces(network.policy, *ends).states[-1][:, 0]
        intervals.append(1 + np.sum(treatments[1:] != treatments[:-1]))
    return Tents(np.array(intervals))


@claim(
    compose_tents,
    kind="count",
    source="derived",
    tolerance=0.01,
    controls=[
        rival("Rival: what one layer of as many units needs.", predict=theory.leaves_of_one_layer),
        broken("The units in one layer.", arrangement="side by side"),
    ],
)
def depth_makes_every_tree_large(
    run: Tents,
    config: Config,
    predict: Callable[[np.ndarray], np.ndarray] = theory.tent_leaves,
) -> Evidence:
    r"""With $L$ composed tents, $2L$ units, prescriptions alternate $2^L$ times along a line, so
    any tree of hyperplanes has $2^L+1$ leaves at least.
    """
    return counts(run.intervals, predict(np.arange(1, len(run.intervals) + 1)))


# ---------------------------------------------------------------- splits along axes


class AllTrees(NamedTuple):
    """The best of all trees on a grid."""

    regret: Float[Recorded, " leaves"]
    """With so many leaves at most."""


@measurement
def try_all_trees(config: Config, key: PRNGKeyArray) -> AllTrees:
    """Find the best trees with cuts on the grid, by dynamic programming; nothing is random."""
    ends = np.arange(GRID + 1)
    a, b, c, d = np.meshgrid(ends, ends, ends, ends, indexing="ij", sparse=True)
    low = np.stack(np.broadcast_arrays(a, c), axis=-1) / GRID
    high = np.stack(np.broadcast_arrays(b, d), axis=-1) / GRID
    low, high = np.broadcast_arrays(low, high)
    # Regret of the best tree on the rectangle (a, b) x (c, d), by leaves.
    single = np.minimum(
        theory.lost_by_treating(low, high, config.boundary),
        theory.lost_by_withholding(low, high, config.boundary),
    )
    best = [np.where((a < b) & (c < d), single, np.inf)]
    for leaves in range(2, GRID_LEAVES.max() + 1):
        now = best[-1]
        for left, right in zip(best, reversed(best), strict=True):
            for cut in range(1, GRID):
                upright = left[:, cut, None] + right[None, cut]
                level = left[:, :, :, cut, None] + right[:, :, None, cut]
                now = np.minimum(now, np.minimum(upright, level))
        best.append(now)
        assert len(best) == leaves
    return AllTrees(np.array([best[leaves - 1][0, -1, 0, -1] for leaves in GRID_LEAVES]))


Regret = Callable[[np.ndarray], np.ndarray]


def one_over_leaves(leaves: np.ndarray) -> np.ndarray:
    """The rival in which regret falls as one over the number of leaves."""
    return leaves * theory.least_regret(leaves)


@claim(
    try_all_trees,
    kind="identity",
    source="derived",
    tolerance=1e-10,
    controls=[
        rival("Rival: regret falls as one over leaves.", predict=one_over_leaves),
        broken("Along an axis two leaves are enough.", boundary="upright"),
    ],
)
def the_best_tree_of_axis_splits_loses_one_over_six_n_squared(
    run: AllTrees, config: Config, predict: Regret = theory.least_regret
) -> Evidence:
    r"""Where the better treatment changes along the diagonal, the least regret of all trees with
    $n$ leaves and cuts at twelfths is $1/6n^2$ for each $n$ that divides 12.
    """
    # Sums of a few dozen cubes that are at most one, relative to the largest regret, 1/6.
    return identity(run.regret, predict(GRID_LEAVES), rounding=1e-13)


class Fitted(NamedTuple):
    """Trees that were fitted."""

    regret: Float[Recorded, "sets leaves"]


def regret_of_tree(tree: DecisionTreeClassifier, boundary: theory.Boundary) -> float:
    """Exact regret on the unit square, leaf by leaf."""
    inner, regret = tree.tree_, 0.0
    waiting = [(0, np.zeros(2), np.ones(2))]
    while waiting:
        node, low, high = waiting.pop()
        axis, cut = inner.feature[node], inner.threshold[node]
        if axis < 0:
            treat = tree.classes_[np.argmax(inner.value[node])]
            loss = theory.lost_by_treating if treat else theory.lost_by_withholding
            regret += float(loss(low, high, boundary))
            continue
        below, above = high.copy(), low.copy()
        below[axis] = above[axis] = cut
        waiting += [
            (inner.children_left[node], low, below),
            (inner.children_right[node], above, high),
        ]
    return regret


@measurement
def fit_trees(config: Config, key: PRNGKeyArray) -> Fitted:
    """Fit trees to the better treatments at random inputs, without noise."""
    rng = generator(key)
    rows = []
    for _ in range(config.fitted_trees):
        x = rng.random((config.tree_samples, 2))
        better = theory.advantage(x, config.boundary) > 0
        trees = (
            DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(x, better)
            for leaves in config.leaves
        )
        rows.append([regret_of_tree(tree, config.boundary) for tree in trees])
    return Fitted(np.array(rows))


@claim(
    fit_trees,
    kind="bound",
    source="derived",
    tolerance=0.5,
    controls=[broken("Along an axis two leaves are enough.", boundary="upright")],
)
def fitted_trees_of_axis_splits_lose_more(run: Fitted, config: Config) -> Evidence:
    r"""Trees fitted greedily to thousands of people's better treatments, without noise, have a
    regret of $1/6n^2$ at least.
    """
    evidence = at_least(run.regret, theory.least_regret(np.array(config.leaves)))
    return evidence.named(*(f"{leaves} leaves" for leaves in config.leaves))


# ---------------------------------------------------------------- rewards from observations


def doubly_robust(
    treatment: np.ndarray,
    outcome: np.ndarray,
    outcome_model: np.ndarray,
    propensity_model: np.ndarray,
) -> np.ndarray:
    """Estimated rewards of all treatments.

    Args:
        treatment: that each person got, shape (people).
        outcome: of it, shape (people).
        outcome_model: modelled means, shape (people, treatments).
        propensity_model: modelled probabilities of treatments, of the same shape.
    """
    got = treatment[:, None] == np.arange(outcome_model.shape[1])
    return outcome_model + got * (outcome[:, None] - outcome_model) / propensity_model


class Rewards(NamedTuple):
    """Laws of treatments and outcomes, models of them, and the bias of rewards."""

    outcome: Float[Recorded, "problems 1 people treatments"]
    propensity: Float[Recorded, "problems 1 people treatments"]
    outcome_model: Float[Recorded, "problems models people treatments"]
    propensity_model: Float[Recorded, "problems models people treatments"]
    """The outcomes are modelled wrongly, then the propensities, then both."""
    bias: Float[Recorded, "problems models people treatments"]


@measurement
def estimate_rewards(config: Config, key: PRNGKeyArray) -> Rewards:
    """Average rewards over all treatments that each person can get, without sampling them."""
    rng = generator(key)
    rows = []
    for _ in range(config.problems):
        x = np.column_stack([rng.normal(size=(config.people, 2)), np.ones(config.people)])
        outcome, wrong_outcome, logits, wrong_logits = (
            x @ rng.normal(size=(3, 3)) for _ in range(4)
        )
        hidden = config.confounding * rng.normal(size=(2, 3))

        def propensities(logits: np.ndarray) -> np.ndarray:
            spread = special.softmax(logits, axis=1)
            return LEAST_PROPENSITY + (1 - spread.shape[1] * LEAST_PROPENSITY) * spread

        # A coin that moves both the treatment and its outcome; without confounding, neither.
        given = [propensities(logits + side * hidden[0]) for side in (-1, 1)]
        means = [outcome + side * hidden[1] for side in (-1, 1)]
        propensity = (given[0] + given[1]) / 2
        outcome_models = np.stack([wrong_outcome, outcome, wrong_outcome])
        wrong = propensities(wrong_logits)
        propensity_models = np.stack([propensity, wrong, wrong])
        bias = np.stack(
            [
                sum(
                    chance[:, [k]] / 2 * doubly_robust(np.full(len(x), k), mean[:, k], *models)
                    for chance, mean in zip(given, means, strict=True)
                    for k in range(3)
                )
                - outcome
                for models in zip(outcome_models, propensity_models, strict=True)
            ]
        )
        rows.append((outcome[None], propensity[None], outcome_models, propensity_models, bias))
    return Rewards(*(np.array(column) for column in zip(*rows, strict=True)))


Bias = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@claim(
    estimate_rewards,
    kind="identity",
    source="standard; the paper trains on such rewards, as recalled",
    tolerance=1e-10,
    controls=[
        rival(
            "Rival: rewards are as biased as the outcome model.",
            predict=theory.bias_of_outcome_model,
        ),
        broken("A confounder that is not recorded.", confounding=1.0),
    ],
)
def rewards_are_doubly_robust(
    run: Rewards, config: Config, predict: Bias = theory.doubly_robust_bias
) -> Evidence:
    r"""Given $x$, estimated rewards have the bias $(\hat\mu_k-\mu_k)(1-e_k/\hat e_k)$: none if
    either model is right.
    """
    parts = (run.outcome, run.outcome_model, run.propensity, run.propensity_model)
    predicted = predict(*(np.asarray(part) for part in parts))
    # Some twenty operations on numbers that division has made ten times as large.
    return identity(run.bias, predicted, rounding=1e-13)


class Weights(NamedTuple):
    """Of one hidden layer and two scores."""

    hidden: Float[Array, "*runs units 2"]
    starts: Float[Array, "*runs units"]
    scores: Float[Array, "*runs 2 units"]
    offsets: Float[Array, "*runs 2"]


class Trained(NamedTuple):
    """P-ReLUs that were trained on estimated rewards, and their exact regret."""

    regret: Float[Recorded, " runs"]
    leaves: Int[Recorded, " runs"]
    """Of the tree of each on the unit square."""
    hidden: Float[Recorded, "runs units 2"]
    starts: Float[Recorded, "runs units"]
    scores: Float[Recorded, "runs 2 units"]
    offsets: Float[Recorded, "runs 2"]


def soft_gain(
    weights: Weights, x: Float[Array, "2 people"], gains: Float[Array, " people"]
) -> Array:
    """Mean gain of treating with the probability that is the softmax of the second score."""
    active = jnp.sum(weights.hidden[:, :, None] * x, axis=1) + weights.starts[:, None]
    scores = jnp.sum(weights.scores[:, :, None] * jax.nn.relu(active), axis=1)
    margin = scores[1] - scores[0] + weights.offsets[1] - weights.offsets[0]
    return jnp.mean(jax.nn.sigmoid(margin) * gains)


@partial(jax.jit, static_argnames="steps")
def train(
    weights: Weights,
    x: Float[Array, "runs 2 people"],
    gains: Float[Array, "runs people"],
    *,
    steps: int,
) -> Weights:
    """Steps of Adam on all of the data, for many P-ReLUs with data of their own."""
    adam = optax.adam(LEARNING_RATE)

    def run(of_one: tuple[Weights, Array, Array]) -> Weights:
        weights, x, gains = of_one

        def loss(weights: Weights) -> Array:
            return -soft_gain(weights, x, gains)

        def step(
            state: tuple[Weights, optax.OptState], _: None
        ) -> tuple[tuple[Weights, optax.OptState], None]:
            weights, memory = state
            change, memory = adam.update(jax.grad(loss)(weights), memory)
            return (optax.apply_updates(weights, change), memory), None

        return jax.lax.scan(step, (weights, adam.init(weights)), None, length=steps)[0][0]

    return jax.lax.map(run, (weights, x, gains))


def observe(rng: Generator, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """People who got one treatment each, shape (2, people), and its estimated gains over none."""
    x = rng.random((config.trained_samples, 2))
    outcome = np.stack([1 - x[:, 0], x[:, 1]], axis=1)
    chance = 0.25 + 0.5 * x[:, 0]
    propensity = np.stack([1 - chance, chance], axis=1)
    treatment = np.asarray(rng.random(len(x)) < chance, int)
    seen = outcome[np.arange(len(x)), treatment] + NOISE * rng.normal(size=len(x))
    rewards = doubly_robust(
        treatment,
        seen,
        outcome if config.models == "outcome right" else np.full_like(outcome, 0.5),
        propensity if config.models == "propensity right" else np.full_like(propensity, 0.5),
    )
    return x.T, rewards[:, 1] - rewards[:, 0]


def starting_weights(rng: Generator, runs: int, pairs: int) -> Weights:
    """Lines through random points of the unit square, each with a unit on both sides; no scores."""
    normals, points = rng.normal(size=(runs, pairs, 2)), rng.random((runs, pairs, 2))
    starts = -np.sum(normals * points, axis=2)
    return Weights(
        jnp.asarray(np.concatenate([normals, -normals], axis=1), jnp.float32),
        jnp.asarray(np.concatenate([starts, -starts], axis=1), jnp.float32),
        jnp.zeros((runs, 2, 2 * pairs)),
        jnp.zeros((runs, 2)),
    )


def as_p_relu(weights: Weights | Trained, run: int) -> PReLU:
    """One of many, in double precision."""
    parts = (weights.hidden, weights.starts, weights.scores, weights.offsets)
    hidden, starts, scores, offsets = (np.asarray(part[run], float) for part in parts)
    return PReLU([Layer(hidden, starts, RELU)], scores, offsets)


def integrals(found: Cells, values: np.ndarray) -> np.ndarray:
    """Integrals over cells of a function that is affine on each, given at the vertices."""
    totals = []
    for corners in np.split(found.corners, found.starts[1:]):
        (x, y), first = (found.vertices[corners] - found.vertices[corners[0]]).T, corners[0]
        areas = (x[1:-1] * y[2:] - x[2:] * y[1:-1]) / 2
        means = (values[first] + values[corners[1:-1]] + values[corners[2:]]) / 3
        totals.append(np.sum(areas * means))
    return np.array(totals)


def exact_regret(network: PReLU) -> float:
    """Of a P-ReLU of one hidden layer on the unit square, for the diagonal boundary."""
    (layer,) = network.hidden
    # One more unit, without a say in the scores, cuts cells where the better treatment changes.
    boundary = Layer(np.vstack([layer.weights, [1, 1]]), np.append(layer.biases, -1), RELU)
    weights = np.column_stack([network.weights, np.zeros(2)])
    found = cells(PReLU([boundary], weights, network.biases).policy, UNIT_SQUARE)
    gains = integrals(found, theory.advantage(found.vertices, "diagonal"))
    prescribed = found.states[-1][:, 0]
    return float(np.sum(np.abs(gains) * (prescribed != (gains > 0))))


@measurement
def learn(config: Config, key: PRNGKeyArray) -> Trained:
    """Train P-ReLUs on the estimated rewards of observed people."""
    rng = generator(key)
    start = starting_weights(rng, config.trained, config.pairs)
    data = [observe(rng, config) for _ in range(config.trained)]
    x, gains = (jnp.asarray(np.stack(part), jnp.float32) for part in zip(*data, strict=True))
    weights = train(start, x, gains, steps=config.steps)
    networks = [as_p_relu(weights, run) for run in range(config.trained)]
    return Trained(
        np.array([exact_regret(network) for network in networks]),
        np.array([len(cells(network.policy, UNIT_SQUARE).sizes) for network in networks]),
        *weights,
    )


@claim(
    learn,
    kind="bound",
    source="the paper's experiments find it; this case and the number derived",
    tolerance=1.0,
    controls=[
        broken("Neither propensities nor outcomes are modelled rightly.", models="neither right"),
        broken("A P-ReLU that has learnt nothing.", steps=0),
    ],
)
def a_trained_network_loses_less_than_any_tree_of_axis_splits(
    run: Trained, config: Config
) -> Evidence:
    r"""Trained on doubly robust rewards of one observed treatment each, P-ReLUs of $H$ units, whose
    trees have $N=2(1+H+\binom H2)$ leaves at most, have a mean regret below $1/6N^2$, which no tree
    of splits along axes with $N$ leaves attains.
    """
    most = theory.most_cells(2 * config.pairs, 2, 2)
    return at_most(run.regret, float(theory.least_regret(most)))


# ---------------------------------------------------------------- the figure


class Pictures(NamedTuple):
    """A random P-ReLU: its cells, and the leaves of its tree."""

    corners: Float[Recorded, "corners 2"]
    """Of all cells."""
    sizes: Int[Recorded, " cells"]
    treatments: Int[Recorded, " cells"]
    leaf_corners: Float[Recorded, "leaf_corners 2"]
    leaf_sizes: Int[Recorded, " leaves"]


SHOWN_TREATMENTS = 4
"""Of the random P-ReLU that is shown."""


def balanced(rng: Generator) -> PReLU:
    """The random P-ReLU, among twenty, whose least common treatment is most common."""
    candidates = [random_p_relu(rng, (6,), SHOWN_TREATMENTS) for _ in range(20)]
    points = rational(rng.uniform(-1, 1, (200, 2)))

    def least(network: PReLU) -> int:
        return int(np.bincount(network.prescribe(points), minlength=SHOWN_TREATMENTS).min())

    return max(candidates, key=least)


@measurement
def picture(config: Config, key: PRNGKeyArray) -> Pictures:
    """Find the cells that the figure shows."""
    shown = balanced(generator(key))
    found, leaves = (cells(of, DOMAIN) for of in (shown.policy, shown.tournament))
    return Pictures(
        found.vertices[found.corners].astype(float),
        found.sizes,
        found.states[-1][:, 0],
        leaves.vertices[leaves.corners].astype(float),
        leaves.sizes,
    )


TREATMENT_COLOURS = ("#cfe1f2", "#fbd9a5", "#c9e7c3", "#e6cfe6")


def draw(runs: Runs, config: Config) -> Figure:
    """Cells and leaves, a trained P-ReLU, how large trees are, and what splits along axes lose."""
    figure = Figure(figsize=(9.0, 8.0))
    axes = figure.subplots(2, 2)
    draw_leaves(axes[0, 0], runs[picture])
    draw_trained(axes[0, 1], runs[learn])
    draw_sizes(axes[1, 0], runs[compose_tents])
    draw_regret(axes[1, 1], runs, config)
    return figure


def fill(axes: Axes, polygons: list[np.ndarray], treatments: np.ndarray) -> None:
    """Draw cells in the colours of treatments, their edges above what is drawn on them."""
    colours = ListedColormap(TREATMENT_COLOURS)
    draw_cells(axes, polygons, treatments, cmap=colours, clim=(-0.5, 3.5), linewidths=0)
    axes.add_collection(
        PolyCollection(polygons, facecolors="none", edgecolors="0.25", linewidths=1.1, zorder=2)
    )


def polygons_of(corners: Recorded, sizes: Recorded) -> list[np.ndarray]:
    """Corners of each polygon."""
    return np.split(np.asarray(corners), np.cumsum(sizes)[:-1])


def draw_leaves(axes: Axes, run: Pictures) -> None:
    """A random P-ReLU and the leaves of its tree."""
    fill(axes, polygons_of(run.corners, run.sizes), np.asarray(run.treatments))
    for leaf in polygons_of(run.leaf_corners, run.leaf_sizes):
        axes.add_patch(Polygon(leaf, fill=False, edgecolor=BOUNDARY, linestyle=":", zorder=1.5))
    title = f"{SHOWN_TREATMENTS} treatments: {len(run.sizes)} cells, {len(run.leaf_sizes)} leaves"
    axes.set_title(title)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])


def draw_trained(axes: Axes, run: Trained) -> None:
    """A trained P-ReLU, and where the better treatment changes."""
    found = cells(as_p_relu(run, 0).policy, UNIT_SQUARE)
    fill(axes, found.polygons, found.states[-1][:, 0])
    axes.plot([0, 1], [1, 0], **PREDICTED, label="best: $x_1+x_2=1$")
    axes.set_title(f"Trained on one treatment each: {len(found.sizes)} cells")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(loc="lower left", frameon=True)


def draw_sizes(axes: Axes, run: Tents) -> None:
    """Leaves that any tree needs, by units."""
    depths = np.arange(1, len(run.intervals) + 1)
    axes.plot(2 * depths, run.intervals, "o", label="composed tents")
    axes.plot(2 * depths, theory.tent_leaves(depths), **PREDICTED, label="$2^L+1$")
    axes.plot(
        2 * depths,
        theory.leaves_of_one_layer(depths),
        color="0.5",
        linewidth=1.2,
        label="one layer: $H+2$ are enough",
    )
    axes.set_title("Deep networks make large trees")
    axes.set(xlabel="units $H=2L$", ylabel="leaves along a line", yscale="log")
    axes.legend(loc="upper left")


def draw_regret(axes: Axes, runs: Runs, config: Config) -> None:
    """Regret by leaves."""
    trained, fitted, best = runs[learn], runs[fit_trees], runs[try_all_trees]
    leaves = np.geomspace(1.8, 70, 50)
    axes.plot(leaves, theory.least_regret(leaves), **PREDICTED, label="$1/6n^2$")
    axes.plot(config.leaves, fitted.regret.mean(axis=0), "C0o", label="fitted trees, mean")
    shown = GRID_LEAVES > 1
    axes.plot(GRID_LEAVES[shown], best.regret[shown], "C1s", label="best of all trees")
    spread = 1 + 0.25 * (np.arange(len(trained.leaves)) / len(trained.leaves) - 0.5)
    axes.plot(trained.leaves * spread, trained.regret, "C2.", markersize=3, alpha=0.7)
    axes.plot([], [], "C2.", label="trained P-ReLUs")
    axes.set_title("Splits along axes against hyperplanes")
    axes.set(xlabel="leaves $n$", ylabel="regret", xscale="log", yscale="log")
    axes.set_xticks([2, 4, 8, 16, 32, 64], ["2", "4", "8", "16", "32", "64"])
    axes.set_xticks([], minor=True)
    axes.set_ylim(top=0.3)
    axes.legend(loc="upper right")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
