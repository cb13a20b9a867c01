"""Counts against brute force: orientations, matrix-tree determinants, grids, truth tables."""

import itertools
import math

import numpy as np
import pytest

from theory.geometry import counting_linear_regions as theory
from theory.geometry.counting_linear_regions import graph

GRAPHS = {
    "empty": graph(3, []),
    "path": graph(4, [(0, 1), (1, 2), (2, 3)]),
    "triangle": graph(3, [(0, 1), (1, 2), (2, 0)]),
    "cycle": graph(5, [(i, (i + 1) % 5) for i in range(5)]),
    "complete": graph(4, itertools.combinations(range(4), 2)),
    "bipartite": graph(5, itertools.product(range(2), range(2, 5))),
    "prism": graph(6, [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (0, 3), (1, 4), (2, 5)]),
}


def topological(vertices, arcs):
    """Whether vertices can be removed one by one, each without an arc into it."""
    left = set(range(vertices))
    while left:
        sources = left - {head for tail, head in arcs if tail in left}
        if not sources:
            return False
        left -= sources
    return True


def orientations(of):
    vertices, edges = of
    for flips in itertools.product((False, True), repeat=len(edges)):
        arcs = [e[::-1] if flip else e for e, flip in zip(sorted(edges), flips, strict=True)]
        if topological(vertices, arcs):
            yield arcs


@pytest.mark.parametrize("of", GRAPHS.values(), ids=GRAPHS)
def test_acyclic_orientations_by_trying_all(of):
    found = list(orientations(of))
    assert theory.acyclic_orientations(of) == len(found)
    # Each has out-degrees of its own.
    degrees = {tuple(sum(a == v for a, _ in arcs) for v in range(of[0])) for arcs in found}
    assert len(degrees) == len(found)


def test_known_chromatic_polynomials_at_minus_one():
    values = [theory.acyclic_orientations(of) for of in GRAPHS.values()]
    # k^3; k (k-1)^3; k (k-1) (k-2); (k-1)^5 - (k-1); k (k-1) (k-2) (k-3): without their signs.
    assert values[:5] == [1, 8, 6, 30, 24]
    assert values[5:] == [46, 204]


def test_forests_against_spanning_trees_and_known_counts():
    # Of a cycle all sets of edges but the whole; labelled forests are 1, 2, 7, 38 (OEIS A001858).
    assert theory.forests(GRAPHS["cycle"]) == 31
    for n, number in enumerate((1, 2, 7, 38), start=1):
        assert theory.forests(graph(n, itertools.combinations(range(n), 2))) == number
    # Independent columns of the incidence matrix, by rank.
    for of in (GRAPHS["bipartite"], GRAPHS["prism"]):
        vertices, edges = of
        columns = np.zeros((len(edges), vertices))
        for row, (a, b) in zip(columns, sorted(edges), strict=True):
            row[a], row[b] = 1, -1
        independent = 1
        for size in range(1, vertices):
            chosen = np.array(list(itertools.combinations(range(len(edges)), size)))
            independent += np.sum(np.linalg.matrix_rank(columns[chosen]) == size)
        assert theory.forests(of) == independent


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_cells_in_general_position_by_recursion(dimension):
    """A new hyperplane is cut by the others like a space of one dimension less."""

    def cells(m, n):
        return 1 if m == 0 or n == 0 else cells(m - 1, n) + cells(m - 1, n - 1)

    for m in range(9):
        assert theory.cells_in_general_position(m, dimension) == cells(m, dimension)
        assert theory.programs_one_by_one(m, dimension) == sum(
            cells(j, dimension) for j in range(m)
        )
    assert theory.cells_in_general_position(3, 5) == theory.programs_by_pattern(3) == 8


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_growth_tends_to_the_dimension(dimension):
    errors = [theory.growth_error(m, dimension) for m in (10, 100, 1000)]
    assert errors[0] > errors[1] > errors[2] > 0
    # To leading order F = m^n / n! (1 + c / m), with c = n - n (n - 1) / 2.
    c = dimension - dimension * (dimension - 1) / 2
    assert errors[2] == pytest.approx(c / 1000, rel=0.02, abs=2e-5)


def relu(z):
    return np.maximum(z, 0)


def tent(t):
    return relu(t + 1) - 2 * relu(t) + relu(t - 1)


FUNCTIONS = {
    "two tents": (
        lambda x, y: tent(x) + tent(x - 10),
        lambda x, y: [x + 1, x, x - 1, x - 9, x - 10, x - 11],
    ),
    "absolute value": (lambda x, y: np.abs(x), lambda x, y: [x, -x]),
    "corner": (
        lambda x, y: relu(np.minimum(x, y)),
        lambda x, y: [x, -x, x - y, np.minimum(x, y)],
    ),
    "two corners": (
        lambda x, y: relu(np.minimum(x, y)) + relu(np.minimum(-x, -y)),
        lambda x, y: [x, -x, x - y, y - x, np.minimum(x, y), np.minimum(-x, -y)],
    ),
}


@pytest.mark.parametrize("name", theory.EXAMPLES)
def test_examples_on_a_grid_of_integers(name):
    """Which holds a point of every face: patterns, and slopes of the squares' four triangles."""
    expected = theory.EXAMPLES[name]
    function, units = FUNCTIONS[name]
    side = np.arange(-26, 27) / 2
    x, y = np.meshgrid(side, side)
    patterns = np.stack([z > 0 for z in units(x, y)], axis=-1).reshape(x.size, -1)
    assert len(np.unique(patterns, axis=0)) == expected.activation

    # No line of these functions runs through the middle of such a triangle.
    offsets = np.array([[0.3, 0.11], [0.11, 0.3], [0.39, 0.2], [0.2, 0.39]])
    at = np.stack([x, y], axis=-1).reshape(-1, 1, 2) + offsets
    at = at.reshape(-1, 2)
    step = 1e-3
    fx = function(at[:, 0] + step, at[:, 1]) - function(at[:, 0] - step, at[:, 1])
    fy = function(at[:, 0], at[:, 1] + step) - function(at[:, 0], at[:, 1] - step)
    slopes = np.stack([fx, fy], axis=1) / (2 * step)
    constant = function(at[:, 0], at[:, 1]) - np.sum(slopes * at, axis=1)
    maps = np.round(np.column_stack([slopes, constant]), 6) + 0.0
    assert len(np.unique(maps, axis=0)) == expected.affine
    middles = np.stack([z > 0 for z in units(at[:, 0], at[:, 1])], axis=-1)
    assert len(np.unique(middles, axis=0)) == expected.proper


def test_examples_separate_all_definitions():
    counts = np.array(list(theory.EXAMPLES.values()))
    assert np.all(np.diff(counts, axis=1) <= 0)
    assert np.all(np.any(np.diff(counts, axis=1) < 0, axis=0))


def bump(x, clauses, penalty):
    """The inner function, before it is cut off below."""
    corner = np.round(np.clip(x, 0, 1))
    value = 1 - penalty * np.sum(np.abs(x - corner), axis=-1)
    for clause in clauses:
        literals = [x[..., i - 1] if i > 0 else 1 - x[..., -i - 1] for i in clause]
        value -= relu(1 - np.sum(literals, axis=0))
    return value


def random_clauses(rng, variables, number):
    return {
        frozenset(
            int((i + 1) * rng.choice([-1, 1]))
            for i in rng.choice(variables, rng.integers(1, variables + 1), replace=False)
        )
        for _ in range(number)
    }


@pytest.mark.parametrize("variables", [2, 3])
def test_bumps_only_stand_at_solutions(variables):
    rng = np.random.default_rng(variables)
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=variables)))
    for number in range(12):
        clauses = random_clauses(rng, variables, number)
        at_corners = bump(corners, clauses, 2.0)
        assert np.sum(at_corners == 1) == theory.solutions(variables, clauses)
        x = rng.uniform(-0.6, 1.6, (20_000, variables))
        nearest = np.round(np.clip(x, 0, 1)) @ 2 ** np.arange(variables)[::-1]
        solved = (at_corners == 1)[nearest.astype(int)]
        least = theory.SMALLEST_PENALTY_THAT_DECIDES
        assert np.all(solved | (bump(x, clauses, least) <= 0))
        # Between corners nothing is positive.
        x[:, 0] = 0.5
        assert np.all(bump(x, clauses, theory.SMALLEST_PENALTY_THAT_COUNTS) <= 0)


def test_the_penalties_are_best_possible():
    square = [frozenset(pair) for pair in ((1, 2), (1, -2), (-1, 2), (-1, -2))]
    assert theory.solutions(2, square) == 0
    assert bump(np.full((1, 2), 0.5), square, 0.999)[0] > 0
    assert theory.solutions(3, []) == 8
    assert bump(np.array([[0.5, 0, 0]]), [], 1.999)[0] > 0


def test_solutions_of_named_formulas():
    # One of the three exactly.
    pairs = [frozenset((-i, -j)) for i, j in itertools.combinations((1, 2, 3), 2)]
    assert theory.solutions(3, [frozenset((1, 2, 3)), *pairs]) == 3
    # A chain of implications: monotone sequences.
    assert theory.solutions(6, [frozenset((-i, i + 1)) for i in range(1, 6)]) == 7
    assert theory.solutions(1, [frozenset((1,)), frozenset((-1,))]) == 0
    assert math.prod((2,) * 4) == theory.solutions(4, [])
