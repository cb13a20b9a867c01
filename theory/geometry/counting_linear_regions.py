r"""Counts of linear regions that hard combinatorial problems answer.

**Definitions.** For a network on $\mathbb R^n$, from the finest to the coarsest:

- *activation regions*: non-empty sets of inputs with one pattern of activity, of any dimension;
- *proper activation regions*: those of full dimension;
- *convex regions*: the least number of convex sets that cover space and on which $f$ is affine;
- *open connected regions*: maximal connected open sets on which $f$ is one affine map;
- *closed connected regions*: the same for closed sets, which may touch in a point;
- *affine regions*: different affine maps.

None of these numbers exceeds the one before: full dimension is a restriction; the closures of
proper activation regions are convex and cover space; and then each full-dimensional region of the
finer kind lies, up to its border, in one of the coarser kind, all of which are hit. `EXAMPLES` has
networks that separate any two of them.

**Graphs.** The network $\sum_{uv}(x_u-x_v)_+$ of a graph has one hyperplane for each edge. A cell
says which end of each edge is higher: an orientation, acyclic as heights do not go round, and every
acyclic one occurs. Their number is $|\chi_G(-1)|$ (Stanley 1973), which is #P-complete to find
(Linial 1986). The gradient at $u$ is the number of edges that leave $u$, and an acyclic orientation
is the only one with its out-degrees (of two, the edges in which they differ would be as many in as
out at each vertex: they hold a cycle). So proper, convex, connected and affine regions are as many.
With biases in general position a set of hyperplanes meets exactly if its edges hold no cycle, and
there are as many cells as there are forests (Zaslavsky 1975: one for each independent set).

**Satisfiability.** For clauses $c$ over $x\in\{0,1\}^n$ let $d(t)$ be the distance of $t$ from
$\{0,1\}$, $v_c(x)=(1-\sum_{\ell\in c}\ell(x))_+$ with the literals $\ell(x)=x_i$ or $1-x_i$, and

$$f=\Big(1-K\sum_id(x_i)-\sum_cv_c(x)\Big)_+$$

with two hidden layers. Let $e$ be a nearest corner of the cube. If $e$ violates $c$, then
$v_c(x)\ge1-\sum_id(x_i)$, and $f(x)\le((1-K)\sum_id(x_i))_+=0$ for $K\ge1$; if it violates none,
$f(e)=1$. So *$f$ vanishes if and only if there is no solution*, whenever $K\ge1$. Where some
$d(x_i)=\frac12$, $f\le(1-\frac K2)_+=0$ for $K\ge2$; between these hyperplanes the inner function
is concave, and positive on a convex set. So *for $K\ge2$ the bumps $\{f>0\}$ are as many as the
solutions*. Both constants are best possible: all four clauses of two literals let the centre of the
square have $1-K$, and without clauses the middle of an edge has $1-\frac K2$.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations, product
from types import MappingProxyType
from typing import NamedTuple

Edge = tuple[int, int]
Graph = tuple[int, frozenset[Edge]]
"""Number of vertices, and edges (smaller vertex first)."""
Clause = frozenset[int]
"""Literals: i + 1 for variable i, -(i + 1) for its negation."""

SMALLEST_PENALTY_THAT_DECIDES = 1
SMALLEST_PENALTY_THAT_COUNTS = 2


class Regions(NamedTuple):
    """Numbers of regions, from the finest definition to the coarsest."""

    activation: int
    proper: int
    convex: int
    open_connected: int
    closed_connected: int
    affine: int


EXAMPLES = MappingProxyType(
    {
        # Intervals, the breaks belonging to the one on the left. Zero comes back twice.
        "two tents": Regions(7, 7, 7, 7, 7, 5),
        # At the origin alone both units are off.
        "absolute value": Regions(3, 2, 2, 2, 2, 2),
        # (min(x, y))_+ with min(x, y) = x_+ - (-x)_+ - (x - y)_+. It is 0 on three quadrants, which
        # two convex sets can cover and one cannot, x for 0 < x < y and y for 0 < y < x. The lines
        # x = 0 and x = y leave four sectors, one of them cut by y = 0. On x = 0 both of the first
        # two units are off, as nowhere else, and the third is on or off.
        "corner": Regions(7, 5, 4, 3, 3, 3),
        # The same and its reflection, (min(x, y))_+ + (min(-x, -y))_+, whose unit (y - x)_+ tells
        # half lines of x = y from sectors: with those of x = 0 and the origin, five more than
        # cells. Two opposite quadrants, on which it is 0, touch in the origin.
        "two corners": Regions(11, 6, 6, 6, 5, 5),
    }
)
"""Counts by hand."""


def cells_in_general_position(hyperplanes: int, dimension: int) -> int:
    r"""Cells of hyperplanes in general position, $\sum_{i\le n}\binom mi$ (Schlaefli)."""
    return sum(math.comb(hyperplanes, i) for i in range(dimension + 1))


def programs_one_by_one(hyperplanes: int, dimension: int) -> int:
    r"""Linear programs that find them one hyperplane after the other.

    Each cell so far takes one, the side of the point known in it needing none:
    $\sum_{j<m}\sum_{i\le n}\binom ji=\sum_{i\le n}\binom m{i+1}$.
    """
    return sum(math.comb(hyperplanes, i + 1) for i in range(dimension + 1))


def programs_by_pattern(hyperplanes: int) -> int:
    """Linear programs that try each pattern of activity."""
    return 2**hyperplanes


def graph(vertices: int, edges: Iterable[Edge]) -> Graph:
    """A simple graph."""
    return vertices, frozenset((min(edge), max(edge)) for edge in edges)


def acyclic_orientations(of: Graph) -> int:
    r"""$|\chi_G(-1)|$ by deletion and contraction, without any geometry.

    $a(G)=a(G-e)+a(G/e)$; parallel edges that come about count once.
    """
    vertices, edges = of
    if not edges:
        return 1
    first, second = edge = min(edges)
    rest = edges - {edge}
    moved = {second: first}
    merged = ((moved.get(a, a), moved.get(b, b)) for a, b in rest)
    contracted = graph(vertices - 1, merged)
    return acyclic_orientations((vertices, rest)) + acyclic_orientations(contracted)


def forests(of: Graph) -> int:
    """Sets of edges without a cycle, by trying all."""
    _, edges = of
    ordered = sorted(edges)
    return sum(
        _is_forest(chosen)
        for size in range(len(edges) + 1)
        for chosen in combinations(ordered, size)
    )


def _is_forest(edges: Iterable[Edge]) -> bool:
    root: dict[int, int] = {}

    def find(vertex: int) -> int:
        while root.get(vertex, vertex) != vertex:
            vertex = root[vertex]
        return vertex

    for first, second in edges:
        a, b = find(first), find(second)
        if a == b:
            return False
        root[a] = b
    return True


def growth_error(hyperplanes: int, dimension: int) -> float:
    r"""How far the local exponent of the number of cells is below the dimension.

    $\frac{d\log F}{d\log m}$ by a central difference; it grows with $m$.
    """
    ends = [math.log(cells_in_general_position(hyperplanes + step, dimension)) for step in (-1, 1)]
    steps = math.log((hyperplanes + 1) / (hyperplanes - 1))
    return dimension - (ends[1] - ends[0]) / steps


def solutions(variables: int, clauses: Iterable[Clause]) -> int:
    """Assignments that fulfil all clauses, by trying all."""
    every = list(clauses)
    return sum(
        all(any(values[abs(literal) - 1] == (literal > 0) for literal in c) for c in every)
        for values in product((False, True), repeat=variables)
    )
