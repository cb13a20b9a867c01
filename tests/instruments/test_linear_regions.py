"""Pieces of networks against sampling, other arithmetic, each other, and closed forms."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from instruments.linear_regions.networks import (
    ABSOLUTE_VALUE,
    HARD_TANH,
    RELU,
    Layer,
    Maximum,
    Network,
    he_weights,
    leaky_relu,
    maxout,
    rational,
    relu_network,
)
from instruments.linear_regions.polygons import cells, level_set, square
from instruments.linear_regions.regions import regions
from instruments.linear_regions.segments import pieces


def ring(candidates):
    """As many maxima as candidates, of three neighbours each."""
    return Maximum(tuple(tuple((i + j) % candidates for j in range(3)) for i in range(candidates)))


ACTIVATIONS = {
    "relu": RELU,
    "leaky": leaky_relu(Fraction(1, 8)),
    "absolute value": ABSOLUTE_VALUE,
    "hard tanh": HARD_TANH,
    "maxout": maxout(6, 3),
    "pooling": Maximum(((0, 1, 2), (2, 3, 4), (4, 5, 0))),
    "ring": ring(18),
}


def a_network(activation, *, inputs=2, width=12, depth=3, seed=0):
    """Two outputs; layers as wide as their activation makes them."""
    rng = np.random.default_rng(seed)
    layers = []
    for _ in range(depth):
        before = width if not isinstance(activation, Maximum) else 18
        weights = rng.normal(size=(before, inputs)) * np.sqrt(2 / inputs)
        layers.append(Layer(weights, 0.5 * rng.normal(size=before), activation))
        inputs = activation.outputs(np.zeros(before)).shape[0]
    return Network(layers, rng.normal(size=(2, inputs)), rng.normal(size=2))


def in_fractions(network, denominator=64):
    """The network with weights rounded to fractions, in both arithmetics."""

    rounded = np.frompyfunc(lambda v: Fraction(round(v * denominator), denominator), 1, 1)
    layers = [Layer(rounded(w), rounded(b), activation) for w, b, activation in network.layers]
    exact = Network(layers, rounded(network.weights), rounded(network.biases))
    floating = Network(
        [Layer(w.astype(float), b.astype(float), activation) for w, b, activation in layers],
        exact.weights.astype(float),
        exact.biases.astype(float),
    )
    return exact, floating


@pytest.fixture(params=ACTIVATIONS)
def network(request):
    return a_network(ACTIVATIONS[request.param])


def test_maps_are_those_of_the_network(network):
    points = np.random.default_rng(1).normal(size=(50, 2))
    slopes, constants = network.affine_maps(network.states(points))
    values = np.einsum("coi,ci->co", slopes, points) + constants
    np.testing.assert_allclose(values, network(points), rtol=1e-12, atol=1e-12)
    origin, axes = np.array([0.3, -1.0]), np.array([[1.0, 2.0]])
    line = network.on_plane(origin, axes)
    np.testing.assert_allclose(line(points[:, :1]), network(origin + points[:, :1] @ axes))


# --------------------------------------------------------------------------------- segments


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_a_segment_has_the_pieces_that_sampling_finds(activation):
    network = a_network(activation, inputs=5)
    start, end = np.random.default_rng(2).normal(size=(2, 5)) * 2
    found = pieces(network, start, end)
    middles = (found.breaks[1:] + found.breaks[:-1]) / 2
    at_middles = network.states(start + middles[:, None] * (end - start))
    for states, of_layer in zip(at_middles, found.states, strict=True):
        assert np.array_equal(states, of_layer)
    assert np.all(np.diff(found.breaks) > 0)
    assert np.all(np.any(np.diff(found.patterns, axis=0) != 0, axis=1))
    sampled = start + np.linspace(0, 1, 20_001)[:, None] * (end - start)
    place = np.clip(np.searchsorted(found.breaks, np.linspace(0, 1, 20_001)) - 1, 0, None)
    seen = np.concatenate(network.states(sampled), axis=1)
    # All but the points that fall on a break.
    assert np.mean(np.all(seen == found.patterns[place], axis=1)) > 0.999
    at_breaks = network(start + found.breaks[:, None] * (end - start))
    np.testing.assert_allclose(found.outputs, at_breaks, atol=1e-13)


@pytest.mark.parametrize("depth", range(1, 12))
def test_the_sawtooth_has_two_to_the_depth_pieces(depth):
    """Telgarsky 2016: the tent 2 relu(x) - 4 relu(x - 1/2), composed with itself."""
    first = Layer(np.array([[1], [1]]), np.array([0, Fraction(-1, 2)]), RELU)
    later = Layer(np.array([[2, -4], [2, -4]]), first.biases, RELU)
    network = Network([first] + [later] * (depth - 1), np.array([[2, -4]]), np.array([0]))
    zero, one = np.array([[0], [1]], dtype=object)
    found = pieces(network, zero, one)
    assert found.breaks.tolist() == [Fraction(i, 2**depth) for i in range(2**depth + 1)]
    assert found.outputs[:, 0].tolist() == [i % 2 for i in range(2**depth + 1)]
    floating = pieces(in_fractions(network)[1], np.array([0.0]), np.array([1.0]))
    np.testing.assert_array_equal(floating.breaks, found.breaks.astype(float))


def test_rounding_changes_no_piece_of_a_segment(network):
    exact, floating = in_fractions(network)
    start, end = np.array([-3, 1], dtype=object), np.array([2, -2], dtype=object)
    found, rounded = (
        pieces(exact, start, end),
        pieces(floating, start.astype(float), end.astype(float)),
    )
    assert all(isinstance(t, int | Fraction) for t in found.breaks)
    np.testing.assert_allclose(rounded.breaks, found.breaks.astype(float), atol=1e-13)
    assert np.array_equal(rounded.patterns, found.patterns)


def test_what_touches_cuts_nothing_on_a_segment():
    """Units off on the whole segment, on their cut, touching it, and two that switch at once."""
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
    network = relu_network([weights, np.ones((1, 4))], [np.array([1.0, 0, 0, 0]), np.zeros(1)])
    found = pieces(network, np.array([-1.0, 0.0]), np.array([1.0, 0.0]))
    assert found.breaks.tolist() == [0, 0.5, 1]
    assert found.patterns.tolist() == [[1, 0, 0, 1], [1, 0, 1, 0]]


# --------------------------------------------------------------------------------- polygons


def assert_exact(network, found, domain):
    """What makes a subdivision one of the network's cells."""
    assert found.areas.min() > 0
    here, there = domain, np.roll(domain, -1, axis=0)
    area = np.sum(here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0]) / 2
    assert found.areas.sum() == pytest.approx(area, rel=1e-12)
    edges, sides = found.edges
    assert len(found.vertices) - len(edges) + len(found.sizes) == 1
    assert np.all(sides.max(axis=1) >= 0)
    slopes, constants = network.affine_maps(found.states)
    owner = np.repeat(np.arange(len(found.sizes)), found.sizes)
    for cell, points in ((np.arange(len(found.sizes)), found.middles),
                         (owner, found.vertices[found.corners])):  # fmt: skip
        values = np.einsum("coi,ci->co", slopes[cell], points) + constants[cell]
        np.testing.assert_allclose(values, network(points), atol=1e-12)
    np.testing.assert_allclose(found.outputs, network(found.vertices), atol=1e-12)
    for states, of_layer in zip(network.states(found.middles), found.states, strict=True):
        assert np.array_equal(states, of_layer)
    assert len(np.unique(found.patterns, axis=0)) == len(found.sizes)


def test_cells_tile_and_are_affine(network):
    domain = square(2.0)
    found = cells(network, domain)
    assert_exact(network, found, domain)
    _, sides = found.edges
    inner = sides[np.all(sides >= 0, axis=1)]
    differ = np.sum(found.patterns[inner[:, 0]] != found.patterns[inner[:, 1]], axis=1)
    shared = isinstance(network.layers[0].activation, Maximum) and len(
        {i for group in network.layers[0].activation.groups for i in group}
    ) < sum(map(len, network.layers[0].activation.groups))
    # Units that share a candidate may change at the same place.
    assert np.all(differ <= 2) if shared else np.all(differ == 1)
    points = np.random.default_rng(3).uniform(-2, 2, (20_000, 2))
    seen = np.unique(np.concatenate(network.states(points), axis=1), axis=0)
    known = {pattern.tobytes() for pattern in found.patterns}
    assert all(pattern.tobytes() in known for pattern in seen)
    # What sampling misses is small.
    assert len(seen) <= len(found.sizes)
    assert np.sum(np.sort(found.areas)[: len(found.sizes) - len(seen)]) < 0.02 * 16


def test_a_layer_has_one_cell_for_each_line_and_crossing():
    network = a_network(RELU, width=30, depth=1)
    weights, biases, _ = network.layers[0]
    # Lines that meet the square have corners on both sides.
    sides = np.sign(weights @ square(1.0).T + biases[:, None])
    lines = np.sum(sides.min(axis=1) < sides.max(axis=1))
    crossings = 0
    for i in range(30):
        for j in range(i):
            point = np.linalg.solve(weights[[i, j]], -biases[[i, j]])
            crossings += np.all(np.abs(point) < 1)
    assert len(cells(network, square(1.0)).sizes) == 1 + lines + crossings


def test_the_edge_of_a_polygon_is_a_segment(network):
    domain = square(2.0)
    found = cells(network, domain)
    edges, sides = found.edges
    outer = edges[sides.min(axis=1) < 0]
    total = sum(
        len(pieces(network, here, there).breaks) - 1
        for here, there in zip(domain, np.roll(domain, -1, axis=0), strict=True)
    )
    # At a vertex left by a maximum an edge goes on in the same cell.
    patterns = found.patterns[sides[sides.min(axis=1) < 0].max(axis=1)]
    assert len(outer) >= total >= len(np.unique(patterns, axis=0))


@pytest.mark.parametrize("name", ["relu", "hard tanh", "maxout", "pooling"])
def test_rounding_changes_no_cell(name):
    exact, floating = in_fractions(a_network(ACTIVATIONS[name], width=5, depth=2))
    found = cells(exact, square(Fraction(2)))
    rounded = cells(floating, square(2.0))
    assert found.areas.sum() == 16
    assert min(found.areas) > 0
    order, of_rounded = (np.lexsort(part.patterns.T) for part in (found, rounded))
    assert np.array_equal(found.patterns[order], rounded.patterns[of_rounded])
    np.testing.assert_allclose(
        rounded.areas[of_rounded], found.areas[order].astype(float), atol=1e-12
    )


def test_degenerate_lines_of_a_polygon():
    """Twice the same line, one through corners, one along an edge, one that is nowhere."""
    weights = np.array([[1.0, 0], [2, 0], [-1, 0], [1, 1], [1, 0], [0, 0], [0, 0]])
    biases = np.array([0.0, 0, 0, 0, 1, 0, 1])
    network = relu_network([weights, np.ones((1, 7))], [biases, np.zeros(1)])
    found = cells(network, square(1.0))
    assert_exact(network, found, square(1.0))
    assert len(found.sizes) == 4
    assert sorted(found.sizes) == [3, 3, 4, 4]
    assert {tuple(pattern[-2:]) for pattern in found.patterns} == {(0, 1)}


def test_the_level_set_of_a_grid_of_tents():
    """tent(x) + tent(y) = 1 is one diagonal in each of 4**depth squares."""
    bend = Fraction(-1, 2)
    first = Layer(np.kron(np.eye(2, dtype=int), [[1], [1]]), np.array([0, bend, 0, bend]), RELU)
    mix = np.kron(np.eye(2, dtype=int), [[2, -4]])
    later = first._replace(weights=first.weights @ mix)
    corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    for depth in range(1, 5):
        ones = np.array([[1, 1]])
        network = Network([first] + [later] * (depth - 1), ones @ mix, np.array([-1]))
        found = cells(network, corner.astype(object))
        assert set(found.areas) == {Fraction(1, 4**depth)}
        ends = level_set(found, found.outputs[:, 0])
        assert len(ends) == 4**depth
        lengths = np.sum((ends[:, 1] - ends[:, 0]) ** 2, axis=1)
        assert set(lengths) == {2 * Fraction(1, 4**depth)}
        rounded = cells(in_fractions(network)[1], corner.astype(float))
        assert len(level_set(rounded, rounded.outputs[:, 0])) == 4**depth


def test_a_level_set_lies_where_the_function_vanishes(network):
    found = cells(network, square(2.0))
    # A value that the function takes, for instance its middle one.
    level = np.median(found.outputs[:, 0])
    ends = level_set(found, found.outputs[:, 0] - level)
    assert len(ends) > 3
    for share in (0, 0.3, 1):
        points = (1 - share) * ends[:, 0] + share * ends[:, 1]
        np.testing.assert_allclose(network(points)[:, 0], level, atol=1e-12)


def test_a_level_set_along_an_edge_is_there_once():
    """|x| on the square: its zero is the line between two cells; a plateau has none inside."""
    network = relu_network([np.array([[1.0, 0.0]]), np.ones((1, 1))], [np.zeros(1), np.zeros(1)],
                           ABSOLUTE_VALUE)  # fmt: skip
    found = cells(network, square(1.0))
    assert len(level_set(found, found.outputs[:, 0])) == 1
    plateau = cells(network._replace(layers=[network.layers[0]._replace(activation=RELU)]),
                    square(1.0))  # fmt: skip
    ends = level_set(plateau, plateau.outputs[:, 0])
    assert ends[:, :, 0].tolist() == [[0, 0]]


# --------------------------------------------------------------------- in all dimensions


@pytest.mark.parametrize(("inputs", "units"), [(1, 6), (2, 7), (3, 6), (4, 5)])
def test_hyperplanes_in_general_position(inputs, units):
    """Zaslavsky 1975, and one program for each cell and unit."""

    def count(units):
        return sum(comb(units, i) for i in range(inputs + 1))

    network = a_network(RELU, inputs=inputs, width=units, depth=1)
    found = regions(network)
    assert len(found.points) == count(units)
    assert found.programs == sum(count(done) for done in range(units))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_regions_are_the_cells_of_a_large_square(name):
    small = {"maxout": maxout(2, 3), "ring": ring(6)}
    activation = small.get(name, ACTIVATIONS[name])
    rng = np.random.default_rng(4)
    layers, inputs = [], 2
    for _ in range(2):
        before = 6 if isinstance(activation, Maximum) else 4
        layers.append(Layer(rng.normal(size=(before, inputs)), rng.normal(size=before), activation))
        inputs = len(activation.outputs(np.zeros(before)))
    network = Network(layers, rng.normal(size=(1, inputs)), np.zeros(1))
    found = regions(network)
    for states, of_layer in zip(network.states(found.points), found.states, strict=True):
        assert np.array_equal(states, of_layer)
    in_square = cells(network, square(1e4))
    assert {p.tobytes() for p in found.patterns} == {p.tobytes() for p in in_square.patterns}
    assert len(found.points) == len(in_square.sizes)


def test_degenerate_units_in_all_dimensions():
    """The positive part of the smaller of x and y, by a unit that starts on its own cut."""
    first = np.array([[1.0, 0], [-1, 0], [1, -1]])
    # min(x, y) = x - relu(x - y).
    second = np.array([[1.0, -1, -1]])
    network = relu_network(
        [first, second, np.ones((1, 1))], [np.zeros(3), np.zeros(1), np.zeros(1)]
    )
    found = regions(network)
    assert len(found.points) == 5
    slopes, constants = network.affine_maps(found.states)
    assert len(np.unique(np.column_stack([slopes[:, 0], constants]), axis=0)) == 3


def test_of_equal_candidates_the_first_wins():
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    network = Network([Layer(weights, np.zeros(3), maxout(1, 3))], np.ones((1, 1)), np.zeros(1))
    for found in (regions(network), cells(network, square(1.0))):
        assert sorted(found.patterns[:, 0]) == [0, 2]


def test_he_weights_keep_the_size_of_signals():
    weights = he_weights(np.random.default_rng(0), [400, 600, 500, 1])
    assert [w.shape for w in weights] == [(600, 400), (500, 600), (1, 500)]
    for w in weights[:2]:
        assert np.mean(w**2) * w.shape[1] == pytest.approx(2, rel=0.02)


def test_rational_numbers_are_the_same_numbers():
    values = np.array([[0.1, -3.0], [2.0**-60, 7.0]])
    found = rational(values)
    assert np.array_equal(found.astype(float), values)
    assert found[0, 0] != Fraction(1, 10)
    assert rational(np.arange(3))[2] == Fraction(2)
