r"""What is a linear region, and how hard is it to count them?

A ReLU network cuts space into linear regions, and their number is a common measure of what it can
express. The paper points out that the literature has several definitions, that they do not agree,
and that counting is hard for all of them, from one hidden layer on. Here are networks on which that
can be seen, with exact counts.

- Six definitions, from patterns of activity (of any dimension) to different affine maps, form a
  **chain** of inequalities. Four small networks break all of them; for one layer of generic units
  all six agree.
- A network of one hidden layer reads off a **graph**: it has as many regions as the graph has
  acyclic orientations, and, with random biases, as many as the graph has forests. Both are
  #P-complete to count.
- A network of two hidden layers reads off a **formula**: it vanishes identically if and only if the
  formula has no solution, so that telling one region from more is NP-hard; and it has a bump for
  each solution. The weight that takes is best possible (derived here): 1 to decide, 2 to count.
- In a **fixed dimension** counting is easy: the number of cells of $m$ hyperplanes is a polynomial
  in $m$, and so is that of the linear programs that find them. There are $2^m$ patterns to try.

Hardness itself is a matter of asymptotics, which no experiment shows; what can be tested is that
the networks count what they should. The gadgets are this project's own, in the spirit of the paper.

Moritz Stargalla, Christoph Hertrich, Daniel Reichman: *The Computational Complexity of Counting
Linear Regions in ReLU Neural Networks*, NeurIPS 2025, arXiv:2505.16716.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Int, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import optimize
from scipy.sparse import csgraph, csr_array

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, counts, scales_as
from harness.errors import require
from harness.style import PREDICTED, draw_cells
from instruments.linear_regions.networks import Network, relu_network
from instruments.linear_regions.polygons import Cells, cells, level_set, square
from instruments.linear_regions.regions import regions
from instruments.randomness import generator
from theory.geometry import counting_linear_regions as theory
from theory.geometry.counting_linear_regions import Clause, Graph

DEFINITIONS = theory.Regions._fields
CHAIN = tuple(name for name in DEFINITIONS if name != "convex")
"""Definitions by which regions of any network are counted here."""
WINDOW = 64
"""Half width of the square on which examples are looked at; all of their vertices are inside."""
VERTICES = 6
"""Of graphs, at most."""
PAIRS = list(combinations(range(VERTICES), 2))
NAMED_GRAPHS: dict[str, Graph] = {
    "path": theory.graph(4, [(0, 1), (1, 2), (2, 3)]),
    "square": theory.graph(4, [(0, 1), (1, 2), (2, 3), (3, 0)]),
    "complete": theory.graph(4, combinations(range(4), 2)),
    "pentagon": theory.graph(5, [(i, (i + 1) % 5) for i in range(5)]),
    "bipartite": theory.graph(5, product(range(2), range(2, 5))),
    "prism": theory.graph(
        6, [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (0, 3), (1, 4), (2, 5)]
    ),
}
SHORT_CLAUSES = [
    frozenset(c) for c in ((1, 2), (1, -2), (-1, 2), (-1, -2), (1,), (-1,), (2,), (-2,))
]
"""All clauses of one or two of two variables."""
FORMULAS = 2 ** len(SHORT_CLAUSES)


@dataclass(frozen=True)
class Config:
    """Parameters."""

    frames: int = 3
    """Random coordinates and scales of units in which each example is counted."""
    tents_end: Literal["flat", "rising"] = "flat"
    """What follows the second of two tents: zero, as before it, or a slope."""
    chain_networks: int = 30
    """Random networks of small integer weights."""
    layer_networks: int = 12
    """Random networks of one layer."""
    layer_units: int = 6
    """Units of these networks."""
    twins: Literal["none", "cancelled"] = "none"
    """Whether the first two of these units are equal, with opposite output weights."""

    named_graphs: int = 5
    """How many of the named graphs are used, up to six."""
    random_graphs: int = 4
    """Random graphs on five vertices."""
    signs: Literal["plus", "mixed"] = "plus"
    """Output weights of edges: all one, or of random signs."""
    offsets: Literal["random", "none"] = "random"
    """Biases of edges where forests are counted."""

    formulas: int = 48
    """Formulas of two variables, up to 256; the first has no clause, the second all long ones."""
    deciding_penalty: float = theory.SMALLEST_PENALTY_THAT_DECIDES
    """Weight K of distances from corners where a formula is decided."""
    counting_penalty: float = theory.SMALLEST_PENALTY_THAT_COUNTS
    """The same where its solutions are counted."""
    cubic_formulas: int = 24
    """Random formulas of three variables; the first has no clause."""

    hyperplane_networks: int = 2
    """Random networks of one layer whose linear programs are counted, for each dimension."""
    hyperplanes: int = 7
    """Most units of these."""
    position: Literal["general", "central"] = "general"
    """Whether biases are random or none."""
    line_numbers: tuple[int, ...] = (20, 40, 80)
    """Numbers of lines in the plane, increasing."""
    slopes: Literal["different", "equal"] = "different"
    """Whether these lines all differ in their slopes, or are parallel."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                require(isinstance(number, str) or number > 0, f"{name} must be above zero")
        for name in ("frames", "chain_networks", "layer_networks", "hyperplane_networks"):
            require(getattr(self, name) > 1, f"{name} must be above 1: one decides nothing")
        require(
            self.named_graphs <= len(NAMED_GRAPHS),
            f"named_graphs must be at most {len(NAMED_GRAPHS)}, got {self.named_graphs}",
        )
        require(
            2 <= self.formulas <= FORMULAS,
            f"formulas must be between 2 and {FORMULAS}, got {self.formulas}",
        )
        numbers = list(self.line_numbers)
        require(
            len(numbers) >= 3 and numbers == sorted(set(numbers)) and numbers[0] > 1,
            f"line_numbers must be three or more, increasing from 2 on, got {numbers}",
        )


SIZES = {
    "ci": Config(),
    "figure": Config(
        frames=8,
        chain_networks=200,
        layer_networks=40,
        layer_units=8,
        named_graphs=6,
        random_graphs=20,
        formulas=FORMULAS,
        cubic_formulas=150,
        hyperplane_networks=4,
        hyperplanes=10,
        line_numbers=(20, 40, 80, 160, 320),
    ),
    "paper": Config(
        frames=20,
        chain_networks=1000,
        layer_networks=100,
        layer_units=10,
        named_graphs=6,
        random_graphs=100,
        formulas=FORMULAS,
        cubic_formulas=1000,
        hyperplane_networks=6,
        hyperplanes=14,
        line_numbers=(20, 40, 80, 160, 320),
    ),
}


# ---------------------------------------------------------------- six definitions


def joined(number: int, pairs: np.ndarray) -> np.ndarray:
    """Components of a graph, labelled from zero; pairs have the shape (pairs, 2)."""
    ones = np.ones(len(pairs), bool)
    matrix = csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(number, number))
    return np.asarray(csgraph.connected_components(matrix, directed=False)[1])


def labels_of_maps(network: Network, found: Cells) -> np.ndarray:
    """A number for each cell, the same where the affine map is the same."""
    slopes, constants = network.affine_maps(found.states)
    maps = [tuple(row) for row in np.column_stack([slopes[:, 0], constants])]
    known = {affine: label for label, affine in enumerate(dict.fromkeys(maps))}
    return np.array([known[affine] for affine in maps])


def area_of_hull(points: np.ndarray) -> Any:
    """Area of the convex hull, in the points' own arithmetic (monotone chains)."""
    ordered = sorted(map(tuple, points))

    def chain(walk: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        turns: list[tuple[Any, Any]] = []
        for x, y in walk:
            while len(turns) > 1 and (
                (turns[-1][0] - turns[-2][0]) * (y - turns[-2][1])
                <= (turns[-1][1] - turns[-2][1]) * (x - turns[-2][0])
            ):
                turns.pop()
            turns.append((x, y))
        return turns[:-1]

    hull = chain(ordered) + chain(reversed(ordered))
    after = hull[1:] + hull[:1]
    return sum(x * v - y * u for (x, y), (u, v) in zip(hull, after, strict=True)) / 2


def fewest_convex(found: Cells, members: np.ndarray) -> int:
    """Least number of convex unions of some cells that cover these, by trying all partitions."""
    polygons, areas = found.polygons, found.areas

    def convex(group: list[int]) -> bool:
        corners = np.concatenate([polygons[cell] for cell in group])
        return bool(area_of_hull(corners) == sum(areas[cell] for cell in group))

    def partitions(rest: list[int]) -> Iterable[list[list[int]]]:
        if not rest:
            yield []
            return
        first, *others = rest
        for groups in partitions(others):
            yield [[first], *groups]
            for i, group in enumerate(groups):
                yield [*groups[:i], [first, *group], *groups[i + 1 :]]

    return min(len(groups) for groups in partitions(members.tolist()) if all(map(convex, groups)))


def activation_regions(network: Network, found: Cells) -> int:
    """Patterns of activity on all faces: inside cells, inside edges, at vertices."""
    ends, _ = found.edges
    middles = (found.vertices[ends[:, 0]] + found.vertices[ends[:, 1]]) / 2
    points = np.concatenate([found.middles, middles, found.vertices])
    return len(np.unique(np.concatenate(network.states(points), axis=1), axis=0))


def connected(network: Network, found: Cells) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of cells by affine map, by open and by closed connected region."""
    number, label = len(found.sizes), labels_of_maps(network, found)
    _, sides = found.edges
    beside = sides[np.all(sides >= 0, axis=1)]
    same = label[beside[:, 0]] == label[beside[:, 1]]
    open_label = joined(number, beside[same])
    # Cells that share a vertex and a map: through a node for each pair of these.
    owner = np.repeat(np.arange(number), found.sizes)
    _, node = np.unique(np.column_stack([found.corners, label[owner]]), axis=0, return_inverse=True)
    pairs = np.column_stack([owner, number + node])
    closed_label = joined(number + int(node.max()) + 1, pairs)[:number]
    return label, open_label, closed_label


def number_of(labels: np.ndarray) -> int:
    """How many different ones there are."""
    return len(np.unique(labels))


def count_chain(network: Network, found: Cells) -> tuple[int, ...]:
    """Regions by the definitions of `CHAIN`."""
    of_map, of_open, of_closed = connected(network, found)
    numbers = (number_of(labels) for labels in (of_open, of_closed, of_map))
    return activation_regions(network, found), len(found.sizes), *numbers


def count_convex(network: Network, found: Cells) -> int:
    """Convex regions, as unions of cells: in general an upper bound."""
    label = connected(network, found)[1]
    return sum(fewest_convex(found, np.flatnonzero(label == which)) for which in np.unique(label))


def count_all(network: Network) -> tuple[int, ...]:
    """Regions by all definitions, of a network of two inputs with rational weights."""
    found = cells(network, square(Fraction(WINDOW)))
    activation, proper, *rest = count_chain(network, found)
    return activation, proper, count_convex(network, found), *rest


def exact_network(weights: list[Any], biases: list[Any]) -> Network:
    """A network whose weights are rational numbers."""
    return relu_network(
        [np.array(w, dtype=object) for w in weights], [np.array(b, dtype=object) for b in biases]
    )


def examples(tents_end: str = "flat") -> dict[str, Network]:
    """The networks of the theory's examples, as functions of two inputs."""
    last = 1 if tents_end == "flat" else 2
    return {
        "two tents": exact_network(
            [[[1, 0]] * 6, [[1, -2, 1, 1, -2, last]]], [[1, 0, -1, -9, -10, -11], [0]]
        ),
        "absolute value": exact_network([[[1, 0], [-1, 0]], [[1, 1]]], [[0, 0], [0]]),
        "corner": exact_network(
            [[[1, 0], [-1, 0], [1, -1]], [[1, -1, -1]], [[1]]], [[0] * 3, [0], [0]]
        ),
        "two corners": exact_network(
            [
                [[1, 0], [-1, 0], [1, -1], [-1, 1]],
                [[1, -1, -1, 0], [-1, 1, 0, -1]],
                [[1, 1]],
            ],
            [[0] * 4, [0] * 2, [0]],
        ),
    }


def in_other_coordinates(network: Network, rng: np.random.Generator) -> Network:
    """The same function after an integer map of area one, its units rescaled."""
    a, b = (int(x) for x in rng.integers(-1, 2, 2))
    turn = np.array([[1, a], [0, 1]], dtype=object) @ np.array([[1, 0], [b, 1]], dtype=object)
    first, *later = network.layers
    scale = np.array([Fraction(int(x), 4) for x in rng.integers(1, 9, len(first.biases))])
    first = first._replace(
        weights=scale[:, None] * (first.weights @ turn), biases=scale * first.biases
    )
    if later:
        return network._replace(
            layers=[first, later[0]._replace(weights=later[0].weights / scale), *later[1:]]
        )
    return network._replace(layers=[first], weights=network.weights / scale)


class Examples(NamedTuple):
    """Regions of the examples by all definitions."""

    regions: Int[Recorded, "frames examples definitions"]


@measurement
def count_examples(config: Config, key: PRNGKeyArray) -> Examples:
    """Count the regions of the examples in random coordinates."""
    rng = generator(key)
    networks = examples(config.tents_end)
    found = [
        [count_all(in_other_coordinates(networks[name], rng)) for name in theory.EXAMPLES]
        for _ in range(config.frames)
    ]
    return Examples(np.array(found))


def by_hand() -> np.ndarray:
    """The counts as derived."""
    return np.array(list(theory.EXAMPLES.values()))


def all_as_proper() -> np.ndarray:
    """The rival in which all definitions agree."""
    return np.repeat(by_hand()[:, 1:2], len(DEFINITIONS), axis=1)


@claim(
    count_examples,
    kind="count",
    source="abstract: non-equivalent definitions; examples derived",
    tolerance=0.1,
    controls=[
        rival("Rival: all definitions agree.", predict=all_as_proper),
        broken("A slope at the end is one more affine map.", tents_end="rising"),
    ],
)
def definitions_differ_as_counted_by_hand(
    run: Examples, config: Config, predict: Callable[[], np.ndarray] = by_hand
) -> Evidence:
    r"""Two tents, $|x|$, $(\min(x,y))_+$ and $(\min(x,y))_++(\min(-x,-y))_+$ have 7, 7, 7, 7, 7, 5;
    3, 2, 2, 2, 2, 2; 7, 5, 4, 3, 3, 3; and 11, 6, 6, 6, 5, 5 regions by the six definitions.
    """
    return counts(run.regions, predict())


class Chain(NamedTuple):
    """Regions of random networks by all definitions but convex regions."""

    regions: Int[Recorded, "networks definitions"]


@measurement
def count_random(config: Config, key: PRNGKeyArray) -> Chain:
    """Count the regions of random networks of two layers with weights -1, 0 and 1."""
    rng = generator(key)
    rows = []
    for _ in range(config.chain_networks):
        shapes = [(4, 2), (3, 4), (1, 3)]
        weights = [rng.integers(-1, 2, shape) for shape in shapes]
        biases = [rng.integers(-1, 2, shape[0]) for shape in shapes]
        network = exact_network([w.tolist() for w in weights], [b.tolist() for b in biases])
        found = cells(network, square(Fraction(WINDOW)))
        rows.append(count_chain(network, found))
    return Chain(np.array(rows))


JOINED_FIRST = ("activation", "open_connected", "proper", *CHAIN[3:])
FULL_DIMENSION_FIRST = ("proper", "activation", *CHAIN[2:])


@claim(
    count_random,
    kind="count",
    source="abstract; chain derived",
    tolerance=0.6,
    controls=[
        rival("Rival: patterns matter in full dimension only.", order=FULL_DIMENSION_FIRST),
        rival("Rival: joining patterns of one map makes more.", order=JOINED_FIRST),
    ],
)
def definitions_form_a_chain(
    run: Chain, config: Config, order: tuple[str, ...] = CHAIN
) -> Evidence:
    r"""Of random networks with weights $-1$, $0$ and $1$ each has at least as many activation
    regions as proper ones, as open connected, as closed connected, as affine regions.
    """
    ordered = run.regions[:, [CHAIN.index(name) for name in order]]
    in_order = np.all(ordered[:, :-1] >= ordered[:, 1:], axis=1)
    return counts(in_order.astype(int), 1)


class OneLayer(NamedTuple):
    """Regions of networks of one layer of generic units."""

    regions: Int[Recorded, "networks definitions"]
    """Activation, proper, open and closed connected, affine."""


@measurement
def count_generic(config: Config, key: PRNGKeyArray) -> OneLayer:
    """Count the regions of random lines, which all cross in the window."""
    rng = generator(key)
    units = config.layer_units
    rows = []
    for _ in range(config.layer_networks):
        # y = slope x + height, from which lines cross at |x| < 2, |y| < 2 (units + 1).
        slopes = rng.permutation(units) - units // 2
        # So fine that three do not meet in a point by chance.
        heights = [Fraction(int(h), 2**40) for h in rng.integers(0, 2**40, units)]
        weights = [[-int(slope), 1] for slope in slopes]
        outputs = [Fraction(int(v), 2**10) for v in rng.integers(1, 2**10, units)]
        if config.twins == "cancelled":
            weights[1], heights[1], outputs[1] = weights[0], heights[0], -outputs[0]
        network = exact_network([weights, [outputs]], [[-h for h in heights], [0]])
        found = cells(network, square(Fraction(WINDOW)))
        rows.append(count_chain(network, found))
    return OneLayer(np.array(rows))


@claim(
    count_generic,
    kind="count",
    source="derived",
    tolerance=0.1,
    controls=[
        broken("A unit and its negative twin leave no trace in the function.", twins="cancelled"),
    ],
)
def definitions_agree_for_one_generic_layer(run: OneLayer, config: Config) -> Evidence:
    r"""$m$ lines in general position, with generic output weights, have $1+m+\binom m2$ regions by
    each definition.
    """
    return counts(run.regions, theory.cells_in_general_position(config.layer_units, 2))


# ---------------------------------------------------------------- graphs


def graph_network(of: Graph, signs: np.ndarray, offsets: np.ndarray) -> Network:
    """One unit (x_u - x_v + offset)_+ for each edge, and their sum with these signs."""
    vertices, edges = of
    weights = np.zeros((len(edges), vertices))
    for row, (u, v) in zip(weights, sorted(edges), strict=True):
        row[u], row[v] = 1, -1
    return relu_network([weights, signs[None]], [offsets, np.zeros(1)])


def relabelled(of: Graph, rng: np.random.Generator) -> Graph:
    """The same graph with its vertices in random order."""
    vertices, edges = of
    order = rng.permutation(vertices).tolist()
    return theory.graph(vertices, ((order[u], order[v]) for u, v in edges))


def drawn_graphs(config: Config, rng: np.random.Generator) -> list[Graph]:
    """Named graphs, relabelled, then random ones on five vertices with half of all edges each."""
    named = [relabelled(of, rng) for of in list(NAMED_GRAPHS.values())[: config.named_graphs]]
    pairs = list(combinations(range(5), 2))
    drawn = list[Graph]()
    while len(drawn) < config.random_graphs:
        chosen = rng.random(len(pairs)) < 0.5
        if chosen.any():
            drawn.append(theory.graph(5, (pairs[i] for i in np.flatnonzero(chosen))))
    return named + drawn


class Graphs(NamedTuple):
    """Cells of networks made of graphs."""

    edges: Int[Recorded, "graphs pairs"]
    """Whether each of the pairs of `PAIRS` is an edge."""
    cells: Int[Recorded, " graphs"]
    """Proper activation regions."""
    gradients: Int[Recorded, " graphs"]
    """Different gradients."""


def graph_of(edges: np.ndarray) -> Graph:
    """The graph of a row of zeros and ones; vertices without edges make no difference."""
    return theory.graph(VERTICES, (PAIRS[i] for i in np.flatnonzero(edges)))


def look_at_graphs(
    config: Config, rng: np.random.Generator, offsets: Callable[[int], np.ndarray]
) -> Graphs:
    """Find the cells of the networks of graphs."""
    rows = []
    for of in drawn_graphs(config, rng):
        number = len(of[1])
        signs = rng.choice([-1.0, 1.0], number) if config.signs == "mixed" else np.ones(number)
        network = graph_network(of, signs, offsets(number))
        found = regions(network)
        slopes = network.affine_maps(found.states)[0][:, 0]
        gradients = len(np.unique(np.round(slopes), axis=0))
        edges = np.array([pair in of[1] for pair in PAIRS], int)
        rows.append((edges, len(found.points), gradients))
    return Graphs(*(np.array(column) for column in zip(*rows, strict=True)))


@measurement
def orient(config: Config, key: PRNGKeyArray) -> Graphs:
    """Networks of graphs without biases."""
    return look_at_graphs(config, generator(key), np.zeros)


Count = Callable[[Graph], int]


def generic_count(of: Graph) -> int:
    """The rival that takes hyperplanes of edges for generic ones."""
    edges = of[1]
    used = len({vertex for edge in edges for vertex in edge})
    return theory.cells_in_general_position(len(edges), used)


@claim(
    orient,
    kind="count",
    source="derived, from Stanley 1973; hardness: Linial 1986",
    tolerance=0.1,
    controls=[
        rival("Rival: hyperplanes in general position.", predict=generic_count),
        rival("Rival: as many as forests.", predict=theory.forests),
        broken("With output weights of both signs gradients come back.", signs="mixed"),
    ],
)
def regions_count_acyclic_orientations(
    run: Graphs, config: Config, predict: Count = theory.acyclic_orientations
) -> Evidence:
    r"""$\sum_{uv\in E}(x_u-x_v)_+$ has $|\chi_G(-1)|$ regions, proper ones as well as affine ones,
    and so by all definitions between.
    """
    predicted = np.array([predict(graph_of(edges)) for edges in run.edges])
    return counts(np.stack([run.cells, run.gradients], axis=1), predicted[:, None])


@measurement
def plant(config: Config, key: PRNGKeyArray) -> Graphs:
    """Networks of graphs with biases."""
    rng = generator(key)

    def offsets(number: int) -> np.ndarray:
        return rng.normal(size=number) * (config.offsets == "random")

    return look_at_graphs(config, rng, offsets)


@claim(
    plant,
    kind="count",
    source="derived, from Zaslavsky 1975",
    tolerance=0.1,
    controls=[
        rival("Rival: hyperplanes in general position.", predict=generic_count),
        rival("Rival: as many as acyclic orientations.", predict=theory.acyclic_orientations),
        broken("Without biases all hyperplanes meet.", offsets="none"),
    ],
)
def with_biases_regions_count_forests(
    run: Graphs, config: Config, predict: Count = theory.forests
) -> Evidence:
    r"""With random biases, $\sum_{uv\in E}(x_u-x_v+b_{uv})_+$ has as many proper activation regions
    as $G$ has sets of edges without a cycle.
    """
    return counts(run.cells, [predict(graph_of(edges)) for edges in run.edges])


# ---------------------------------------------------------------- formulas


def formula_network(variables: int, clauses: Iterable[Clause], penalty: float) -> Network:
    r"""The network with two hidden layers of a formula.

    Units $(-x_i)_+$, $(x_i)_+$, $(x_i-\frac12)_+$, $(x_i-1)_+$ make the distance of $x_i$ from
    $\{0,1\}$ as their sum with weights 1, 1, -2, 2; one more for each clause.
    """
    every = list(clauses)
    weights = np.kron(np.eye(variables), [[-1.0], [1], [1], [1]])
    biases = np.tile([0, 0, -0.5, -1], variables)
    rows, constants = np.zeros((len(every), variables)), np.ones(len(every))
    for i, clause in enumerate(every):
        for literal in clause:
            rows[i, abs(literal) - 1] -= np.sign(literal)
            constants[i] -= literal < 0
    distance = np.tile([1.0, 1, -2, 2], variables)
    second = -np.concatenate([penalty * distance, np.ones(len(every))])
    return relu_network(
        [np.concatenate([weights, rows]), second[None], np.ones((1, 1))],
        [np.concatenate([biases, constants]), np.ones(1), np.zeros(1)],
    )


class Formulas(NamedTuple):
    """Networks of formulas of two variables."""

    clauses: Int[Recorded, "formulas clauses"]
    """Whether each of `SHORT_CLAUSES` is in the formula."""
    regions: Int[Recorded, " formulas"]
    """Open connected regions at the deciding penalty."""
    bumps: Int[Recorded, " formulas"]
    """Components of the set of positive outputs at the counting penalty."""


def bumps(network: Network, found: Cells) -> int:
    """Components of the set where the one unit of the last layer is on."""
    on = found.states[-1][:, 0] == 1
    edges, sides = found.edges
    inner = np.all(sides >= 0, axis=1)
    # Somewhere on such an edge the output is positive.
    positive = np.max(found.outputs[edges[inner], 0], axis=1) > 0
    label = joined(len(on), sides[inner][positive & np.all(on[sides[inner]], axis=1)])
    return number_of(label[on])


def chosen_clauses(present: np.ndarray) -> list[Clause]:
    """The formula of a row of zeros and ones."""
    return [SHORT_CLAUSES[i] for i in np.flatnonzero(present)]


@measurement
def solve_in_the_plane(config: Config, key: PRNGKeyArray) -> Formulas:
    """Find all cells of the networks of formulas of two variables."""
    # No clause; all four of two literals; others in random order.
    first = [0, 0b1111]
    others = np.setdiff1d(np.arange(FORMULAS), first)
    numbers = np.concatenate([first, generator(key).permutation(others)])[: config.formulas]
    clauses = numbers[:, None] >> np.arange(len(SHORT_CLAUSES)) & 1
    # Beyond it distances from corners are so large that nothing is positive.
    window = square(2.0) + 0.5
    connected_regions, components = [], []
    for present in clauses:
        formula = chosen_clauses(present)
        deciding = formula_network(2, formula, config.deciding_penalty)
        # Slopes and breaks are dyadic: equal maps are equal in double precision.
        connected_regions.append(number_of(connected(deciding, cells(deciding, window))[1]))
        counting = formula_network(2, formula, config.counting_penalty)
        components.append(bumps(counting, cells(counting, window)))
    return Formulas(clauses, np.array(connected_regions), np.array(components))


Solutions = Callable[[int, list[Clause]], int]


def by_truth_table(variables: int, clauses: list[Clause]) -> int:
    """As many as there are."""
    return theory.solutions(variables, clauses)


def of_the_negation(variables: int, clauses: list[Clause]) -> int:
    """The rival that mistakes violated assignments for solutions."""
    return 2**variables - theory.solutions(variables, clauses)


@claim(
    solve_in_the_plane,
    kind="count",
    source="in the spirit of the abstract's hardness for two layers; derived",
    tolerance=0.6,
    controls=[
        broken("Below 1, the centre of the square stands out.", deciding_penalty=0.9),
        rival("Rival: it tells tautologies.", predict=of_the_negation),
    ],
)
def one_region_means_no_solution(
    run: Formulas, config: Config, predict: Solutions = by_truth_table
) -> Evidence:
    r"""At $K=1$ the network of a formula has a single connected region if and only if the formula
    has no solution.
    """
    unsolvable = [predict(2, chosen_clauses(present)) == 0 for present in run.clauses]
    return counts((run.regions == 1).astype(int), np.array(unsolvable, int))


@claim(
    solve_in_the_plane,
    kind="count",
    source="derived",
    tolerance=0.3,
    controls=[
        broken("Below 2, neighbouring bumps merge.", counting_penalty=1.9),
        rival("Rival: bumps stand at violated corners.", predict=of_the_negation),
    ],
)
def bumps_are_solutions(
    run: Formulas, config: Config, predict: Solutions = by_truth_table
) -> Evidence:
    r"""At $K=2$ the set $\{f>0\}$ has as many components as the formula has solutions."""
    predicted = [predict(2, chosen_clauses(present)) for present in run.clauses]
    return counts(run.bumps, predicted)


class CubicFormulas(NamedTuple):
    """Networks of formulas of three variables."""

    clauses: Int[Recorded, "formulas most three"]
    """Literals, zero where there is none."""
    bumps: Int[Recorded, " formulas"]
    """Components of the set of positive outputs at the counting penalty."""
    ones: Int[Recorded, " formulas"]
    """Corners of the cube at which the network gives 1."""


MOST_CLAUSES = 24


def highest(
    variables: int, clauses: list[Clause], penalty: float, corner: np.ndarray, face: int | None
) -> float:
    """Largest value of the inner function where `corner` is a nearest one: a linear program.

    There it is concave. Unknowns are distances from the corner, up to 1/2 inwards and unbounded
    outwards, whose parts have bounds of their own, and values of the clauses.

    Args:
        variables: their number.
        clauses: of the formula.
        penalty: weight K.
        corner: zeros and ones.
        face: if given, only where this variable is 1/2.
    """
    number = len(clauses)
    # Inwards, outwards, clauses; the value of a literal is its value at the corner, changed.
    towards = np.where(corner == 0, 1.0, -1.0)
    rows, bounds = np.zeros((number, 2 * variables + number)), np.zeros(number)
    for i, clause in enumerate(clauses):
        for literal in clause:
            place, sign = abs(literal) - 1, np.sign(literal)
            rows[i, place] -= sign * towards[place]
            rows[i, variables + place] += sign * towards[place]
            bounds[i] += corner[place] if sign > 0 else 1 - corner[place]
        rows[i, 2 * variables + i] = -1
    inwards = [(0.5, 0.5) if place == face else (0, 0.5) for place in range(variables)]
    outwards = [(0, 0 if place == face else None) for place in range(variables)]
    cost = np.concatenate([np.full(2 * variables, penalty), np.ones(number)])
    found = optimize.linprog(
        cost,
        A_ub=rows if number else None,
        b_ub=bounds - 1 if number else None,
        bounds=inwards + outwards + [(0, None)] * number,
    )
    return 1 - float(found.fun)


POSITIVE = 1e-7
"""What a linear program, exact to 1e-9 or so, is trusted to tell from zero."""


def components_in_boxes(variables: int, clauses: list[Clause], penalty: float) -> int:
    """Components of the set of positive outputs in any dimension, box by box around the corners.

    In each box the set is convex; two of neighbours are one if it meets the face between them.
    """
    corners = np.array(list(product((0, 1), repeat=variables)))
    on = [
        i
        for i, corner in enumerate(corners)
        if highest(variables, clauses, penalty, corner, None) > POSITIVE
    ]
    pairs = []
    for (a, here), (b, there) in combinations(enumerate(corners[on]), 2):
        apart = np.flatnonzero(here != there)
        if len(apart) == 1 and highest(variables, clauses, penalty, here, int(apart[0])) > POSITIVE:
            pairs.append((a, b))
    return number_of(joined(len(on), np.array(pairs, int).reshape(-1, 2)))


def random_formula(rng: np.random.Generator) -> list[Clause]:
    """Clauses of three literals, some of them of fewer."""
    number = int(rng.integers(1, MOST_CLAUSES))
    sizes = rng.choice([1, 2, 3], number, p=[0.05, 0.25, 0.7])
    return [
        frozenset(
            int(sign * (place + 1))
            for place, sign in zip(
                rng.choice(3, size, replace=False), rng.choice([-1, 1], size), strict=True
            )
        )
        for size in sizes
    ]


@measurement
def solve_in_space(config: Config, key: PRNGKeyArray) -> CubicFormulas:
    """Count the bumps of random formulas of three variables by linear programs."""
    rng = generator(key)
    corners = np.array(list(product((0.0, 1.0), repeat=3)))
    rows = []
    for i in range(config.cubic_formulas):
        clauses = random_formula(rng) if i else []
        literals = np.zeros((MOST_CLAUSES, 3), int)
        for row, clause in zip(literals, clauses, strict=False):
            row[: len(clause)] = sorted(clause)
        network = formula_network(3, clauses, config.counting_penalty)
        ones = np.sum(network(corners) == 1)
        rows.append((literals, components_in_boxes(3, clauses, config.counting_penalty), ones))
    return CubicFormulas(*(np.array(column) for column in zip(*rows, strict=True)))


@claim(
    solve_in_space,
    kind="count",
    source="derived",
    tolerance=0.3,
    controls=[
        broken("Below 2, neighbouring bumps merge.", counting_penalty=1.9),
        rival("Rival: bumps stand at violated corners.", predict=of_the_negation),
    ],
)
def bumps_are_solutions_in_three_variables(
    run: CubicFormulas, config: Config, predict: Solutions = by_truth_table
) -> Evidence:
    r"""For clauses of up to three literals, too, components of $\{f>0\}$ at $K=2$, and corners of
    the cube with $f=1$, are as many as solutions.
    """
    predicted = []
    for literals in run.clauses:
        clauses = [frozenset(row[row != 0].tolist()) for row in literals if row.any()]
        predicted.append(predict(3, clauses))
    return counts(np.stack([run.bumps, run.ones], axis=1), np.array(predicted)[:, None])


# ---------------------------------------------------------------- fixed dimension

DIMENSIONS = (2, 3)


class Hyperplanes(NamedTuple):
    """Cells of one layer of random units, and the linear programs that found them."""

    cells: Int[Recorded, "networks dimensions numbers"]
    """For 1, 2, ... units."""
    programs: Int[Recorded, "networks dimensions numbers"]


@measurement
def enumerate_cells(config: Config, key: PRNGKeyArray) -> Hyperplanes:
    """Find all cells of random layers."""
    rng = generator(key)
    rows = []
    for _ in range(config.hyperplane_networks):
        columns = []
        for dimension in DIMENSIONS:
            weights = rng.normal(size=(config.hyperplanes, dimension))
            biases = rng.normal(size=config.hyperplanes) * (config.position == "general")
            column = []
            for units in range(1, config.hyperplanes + 1):
                found = regions(
                    relu_network(
                        [weights[:units], np.ones((1, units))], [biases[:units], np.zeros(1)]
                    )
                )
                column.append((len(found.points), found.programs))
            columns.append(column)
        rows.append(columns)
    return Hyperplanes(*np.moveaxis(np.array(rows), 3, 0))


Programs = Callable[[int, int], int]


def one_for_each_pattern(hyperplanes: int, dimension: int) -> int:
    """The rival that has to try all patterns."""
    return theory.programs_by_pattern(hyperplanes)


@claim(
    enumerate_cells,
    kind="count",
    source="derived: in fixed dimension counting is polynomial",
    tolerance=0.1,
    controls=[
        rival("Rival: one program for each pattern.", predict=one_for_each_pattern),
        broken("Without biases all hyperplanes meet in a point.", position="central"),
    ],
)
def few_programs_find_all_cells(
    run: Hyperplanes, config: Config, predict: Programs = theory.programs_one_by_one
) -> Evidence:
    r"""$m$ generic units in dimension $n$ have $\sum_{i\le n}\binom mi$ cells, and finding them one
    unit after the other takes $\sum_{i\le n}\binom m{i+1}$ linear programs.
    """
    numbers = range(1, config.hyperplanes + 1)
    found = [[theory.cells_in_general_position(m, n) for m in numbers] for n in DIMENSIONS]
    programs = [[predict(m, n) for m in numbers] for n in DIMENSIONS]
    measured = np.stack([run.cells, run.programs], axis=1)
    return counts(measured, np.array([found, programs]))


class ManyLines(NamedTuple):
    """Cells of many lines in the plane."""

    cells: Int[Recorded, "networks numbers"]


@measurement
def draw_many_lines(config: Config, key: PRNGKeyArray) -> ManyLines:
    """Find the cells of many lines, all of whose crossings are in the window."""
    rng = generator(key)
    rows = []
    for _ in range(config.hyperplane_networks):
        row = []
        for number in config.line_numbers:
            # y = slope x + height with heights in [-1, 1]: lines cross at |x| <= 2.
            slopes = rng.permutation(number) - number // 2
            if config.slopes == "equal":
                slopes = np.zeros(number, int)
            weights = np.column_stack([-slopes, np.ones(number)])
            network = relu_network(
                [weights, np.ones((1, number))], [rng.uniform(-1, 1, number), np.zeros(1)]
            )
            window = square(1.0) * np.array([3.0, 2.0 * number])
            row.append(len(cells(network, window).sizes))
        rows.append(row)
    return ManyLines(np.array(rows))


@claim(
    draw_many_lines,
    kind="exponent",
    source="derived: in fixed dimension counting is polynomial",
    tolerance=0.1,
    controls=[
        rival("Rival: as many as lines.", dimension=1),
        rival("Rival: with the third power, as in space.", dimension=3),
        broken("Parallel lines do not cross.", slopes="equal"),
    ],
)
def cells_grow_with_the_power_of_the_dimension(
    run: ManyLines, config: Config, dimension: int = 2
) -> Evidence:
    r"""$m$ lines cut the plane into a number of cells that grows like $m^2$."""
    margin = theory.growth_error(config.line_numbers[0], 2)
    return scales_as(np.array(config.line_numbers), run.cells, dimension, margin=margin)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Definitions, graphs, formulas, fixed dimension."""
    figure = Figure(figsize=(11, 7))
    axes = figure.subplots(2, 3)
    draw_corners(axes[0, 0])
    draw_definitions(axes[0, 1], runs[count_examples])
    draw_graphs(axes[0, 2], runs[orient], runs[plant])
    draw_formula(axes[1, 0], SHORT_CLAUSES[:1], theory.SMALLEST_PENALTY_THAT_COUNTS)
    draw_formula(axes[1, 1], SHORT_CLAUSES[:4], 0.5 * theory.SMALLEST_PENALTY_THAT_DECIDES)
    draw_programs(axes[1, 2], runs[enumerate_cells], config)
    return figure


def draw_corners(axes: Axes) -> None:
    """Cells of the fourth example by their affine maps."""
    network = examples()["two corners"]
    found = cells(network, square(Fraction(1)))
    label, _, _ = connected(network, found)
    polygons = [polygon.astype(float) for polygon in found.polygons]
    draw_cells(axes, polygons, label, cmap="Set3", clim=(0, 11), linewidths=1.0)
    for polygon, affine in zip(polygons, label, strict=True):
        axes.annotate(f"{affine + 1}", polygon.mean(axis=0), ha="center", va="center")
    axes.set_title(f"{len(label)} cells, {number_of(label)} affine maps")
    axes.set(xlabel="$x$", ylabel="$y$", xlim=(-1, 1), ylim=(-1, 1), aspect="equal")


def draw_definitions(axes: Axes, run: Examples) -> None:
    """Bars for each example, one for each definition."""
    place, width = np.arange(len(theory.EXAMPLES)), 0.13
    for i, name in enumerate(DEFINITIONS):
        at = place + (i - 2.5) * width
        axes.bar(at, run.regions[0, :, i], width, color=f"C{i}", label=name.replace("_", " "))
    for i, example in enumerate(by_hand()):
        edges = i + (np.arange(len(DEFINITIONS) + 1) - 3) * width
        label = "by hand" if i == 0 else None
        axes.stairs(example, edges, baseline=None, **PREDICTED, label=label)
    axes.set_xticks(place, [name.replace(" ", "\n") for name in theory.EXAMPLES])
    axes.set_title("Six definitions of a region")
    axes.set(xlabel="network", ylabel="regions", ylim=(0, 17))
    axes.legend(fontsize=7.5, ncols=2, loc="upper left", columnspacing=1)


def draw_graphs(axes: Axes, oriented: Graphs, planted: Graphs) -> None:
    """Regions against the combinatorial counts."""
    for colour, (run, count, label) in enumerate(
        (
            (oriented, theory.acyclic_orientations, "acyclic orientations"),
            (planted, theory.forests, "forests, with biases"),
        )
    ):
        graphs = [graph_of(edges) for edges in run.edges]
        predicted = [count(of) for of in graphs]
        axes.plot(predicted, run.cells, f"C{colour}o", markersize=5, label=label, alpha=0.8)
        if colour == 0:
            axes.plot(
                predicted, [generic_count(of) for of in graphs], "x", color="0.6", markersize=5,
                label="general position",
            )  # fmt: skip
    ends = np.array([1.5, 2 * np.max(planted.cells)])
    axes.plot(ends, ends, **PREDICTED, label="equal")
    axes.set_title("Networks that count in graphs")
    axes.set(xscale="log", yscale="log", xlabel="counted in the graph", ylabel="linear regions")
    axes.legend(fontsize=7.5, loc="upper left")


def draw_formula(axes: Axes, clauses: list[Clause], penalty: float) -> None:
    """Cells of a formula's network by output, and where it is a quarter."""
    found = cells(formula_network(2, clauses, penalty), square(1.0) + 0.5)
    heights = [
        np.mean(found.outputs[corners, 0])
        for corners in np.split(found.corners, np.cumsum(found.sizes)[:-1])
    ]
    boundary = level_set(found, found.outputs[:, 0] - 0.25)
    draw_cells(axes, found.polygons, np.array(heights), boundary, cmap="Purples", clim=(0, 0.8))
    corners = np.array(list(product((0, 1), repeat=2)))
    solved = formula_network(2, clauses, penalty)(corners)[:, 0] == 1
    axes.plot(*corners[solved].T, "ko", markersize=7, zorder=4, label="solution")
    axes.plot(*corners[~solved].T, "kx", markersize=7, zorder=4, label="no solution")
    number = theory.solutions(2, clauses)
    word = "clause" if len(clauses) == 1 else "clauses"
    axes.set_title(f"{len(clauses)} {word}, {number} solutions: $K={penalty:g}$")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), aspect="equal")
    axes.legend(fontsize=7.5, loc="lower left")


def draw_programs(axes: Axes, run: Hyperplanes, config: Config) -> None:
    """Linear programs against the number of units."""
    numbers = np.arange(1, config.hyperplanes + 1)
    fine = np.arange(1, 25)
    for i, dimension in enumerate(DIMENSIONS):
        axes.plot(numbers, run.programs[0, i], f"C{i}o", markersize=5, label=f"$n={dimension}$")
        curve = [theory.programs_one_by_one(int(m), dimension) for m in fine]
        axes.plot(fine, curve, **PREDICTED, label="predicted" if i == 0 else None)
    patterns = [theory.programs_by_pattern(int(m)) for m in fine]
    axes.plot(fine, patterns, color="0.6", linewidth=1.1, label="patterns, $2^m$")
    axes.set_title("In fixed dimension: polynomial")
    axes.set(xlabel="units $m$", ylabel="linear programs", yscale="log", ylim=(0.7, 1e5))
    axes.legend(fontsize=7.5, loc="lower right")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
