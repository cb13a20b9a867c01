"""Cells of the whole plane: by hand, by points at all distances, and by linear programs."""

from fractions import Fraction

import numpy as np
import pytest

from instruments.linear_regions.networks import HARD_TANH, RELU, Piecewise, maxout, relu_network
from instruments.linear_regions.polygons import cells, square
from instruments.linear_regions.regions import regions
from instruments.linear_regions.whole_plane import cells_of_plane

LEAKY = Piecewise((0,), (1, 4), (0, 0))


def random_network(rng, sizes, activation=RELU, largest=99):
    """Integers in arrays of objects."""
    weights = [
        rng.integers(-largest, largest + 1, shape)
        for shape in zip(sizes[1:], sizes[:-1], strict=True)
    ]
    biases = [rng.integers(-largest, largest + 1, size) for size in sizes[1:]]
    return relu_network(
        *([a.astype(object) for a in part] for part in (weights, biases)), activation
    )


def rows(states) -> set[tuple[int, ...]]:
    return set(map(tuple, np.asarray(states).tolist()))


@pytest.mark.parametrize("units", [1, 2, 5, 9])
def test_lines_in_general_position(units):
    network = random_network(np.random.default_rng(units), [2, units, 1], largest=10**9)
    found = cells_of_plane(network)
    assert len(found.sizes) == len(rows(found.patterns)) == 1 + units + units * (units - 1) // 2


def test_lines_that_meet_far_away():
    """At x = 10**12 these two cross; a smaller window shows three cells."""
    weights = np.array([[1, 10**12], [-1, 10**12 + 1]], dtype=object)
    biases = np.array([-(10**12), 10**12], dtype=object)
    network = relu_network(
        [weights, np.ones((1, 2), dtype=object)], [biases, np.zeros(1, dtype=object)]
    )
    assert len(cells_of_plane(network).sizes) == 4
    assert len(cells(network, square(Fraction(1000))).sizes) < 4


@pytest.mark.parametrize("activation", [RELU, LEAKY, HARD_TANH], ids=["ReLU", "leaky", "tanh"])
@pytest.mark.parametrize("sizes", [[2, 3, 1], [2, 3, 3, 1], [2, 2, 2, 2, 1]])
def test_no_point_of_the_plane_has_another_pattern(sizes, activation):
    rng = np.random.default_rng(len(sizes))
    for _ in range(2):
        network = random_network(rng, sizes, activation)
        radii = 10.0 ** rng.uniform(-4, 8, 150)
        points = radii[:, None] * rng.normal(size=(150, 2))
        exactly = np.array([[Fraction(x) for x in point] for point in points])
        seen = np.concatenate(network.states(exactly), axis=1)
        found = cells_of_plane(network).patterns
        assert len(rows(found)) == len(found)
        assert rows(seen) <= rows(found)


@pytest.mark.parametrize("sizes", [[2, 4, 1], [2, 2, 3, 1]])
def test_as_many_as_by_linear_programs(sizes):
    rng = np.random.default_rng(7)
    for _ in range(2):
        network = random_network(rng, sizes)
        layers = [*network.layers, network]
        floating = relu_network(
            [layer.weights.astype(float) for layer in layers],
            [layer.biases.astype(float) for layer in layers],
        )
        assert rows(cells_of_plane(network).patterns) == rows(regions(floating).patterns)


def test_what_is_no_integer_is_refused():
    network = random_network(np.random.default_rng(0), [2, 2, 1])
    half = network._replace(
        layers=[network.layers[0]._replace(biases=np.array([Fraction(1, 2), 1]))]
    )
    with pytest.raises(TypeError, match="integers"):
        cells_of_plane(half)
    maxima = network._replace(layers=[network.layers[0]._replace(activation=maxout(1, 2))])
    with pytest.raises(TypeError, match="one variable"):
        cells_of_plane(maxima)
