"""Ranks against products of known rank, elimination by hand, and what floating point says."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.linear_regions.networks import RELU, Piecewise, maxout, relu_network
from instruments.linear_regions.polygons import cells, square
from instruments.linear_regions.whole_plane import cells_of_plane
from instruments.ranks import functional_dimension, rank


def eliminated(matrix: np.ndarray) -> int:
    """Rank by elimination with fractions."""
    rows, found = [[Fraction(number) for number in row] for row in matrix.tolist()], 0
    for column in range(matrix.shape[1]):
        pivots = [row for row in rows if row[column]]
        if pivots:
            pivot, found = pivots[0], found + 1
            rows = [
                [a - row[column] / pivot[column] * b for a, b in zip(row, pivot, strict=True)]
                for row in rows
                if row is not pivot
            ]
    return found


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (4, 7), (7, 4), (6, 6)])
def test_sparse_matrices_against_elimination(rows, columns):
    rng = np.random.default_rng(rows)
    for _ in range(40):
        matrix = rng.integers(-2, 3, (rows, columns)) * rng.integers(0, 2, (rows, columns))
        assert rank(matrix) == eliminated(matrix)
        fractions = matrix * np.array([Fraction(1, k + 2) for k in range(rows)])[:, None]
        assert rank(fractions) == eliminated(matrix)


def test_products_of_large_integers_have_the_rank_of_their_factors():
    rng = np.random.default_rng(0)
    for inner in range(6):
        left, right = (rng.integers(-(2**62), 2**62, (8, inner)).astype(object) for _ in range(2))
        assert rank(left @ right.T) == inner


def test_what_floating_point_takes_for_dependent_is_independent():
    nearly = np.array([[10**20, 10**20], [10**20, 10**20 + 1]], dtype=object)
    assert rank(nearly) == 2
    assert np.linalg.matrix_rank(nearly.astype(float)) == 1


def test_floating_point_is_refused():
    with pytest.raises(TypeError, match="integers or fractions, not of float"):
        rank(np.eye(2))


LEAKY = Piecewise((0,), (1, 4), (0, 0))
TANH = Piecewise((-2, 2), (0, 1, 0), (-2, 0, 2))
BATCH = 1200


def random_network(rng, sizes, activation=RELU):
    """Small integers, none of them zero."""

    def draw(*shape: int) -> np.ndarray:
        return (rng.integers(1, 7, shape) * rng.choice([-1, 1], shape)).astype(object)

    weights = [draw(*shape) for shape in zip(sizes[1:], sizes[:-1], strict=True)]
    return relu_network(weights, [draw(size) for size in sizes[1:]], activation)


@jax.jit
def gradients(parameters, pieces, points):
    """By automatic differentiation; shape (points, parameters)."""
    cuts, slopes, intercepts = pieces

    def output(parameters, x):
        *hidden, (weights, biases) = parameters
        for w, b in hidden:
            before = w @ x + b
            piece = jnp.sum(before[:, None] > cuts, axis=1)
            x = slopes[piece] * before + intercepts[piece]
        return (weights @ x + biases)[0]

    leaves = jax.tree.leaves(jax.vmap(jax.jacobian(output), (None, 0))(parameters, points))
    return jnp.concatenate([leaf.reshape(len(points), -1) for leaf in leaves], axis=1)


def batch_rank(network, rng) -> int:
    """Rank of gradients at some inputs in each cell of a large square, in floating point."""
    parts = [
        rng.dirichlet(np.full(len(polygon), 0.5), 6) @ polygon.astype(float)
        for polygon in cells(network, square(Fraction(10**4))).polygons
    ]
    points = np.concatenate(parts)
    assert len(points) <= BATCH
    layers = [*network.layers, network]
    parameters = [(layer.weights.astype(float), layer.biases.astype(float)) for layer in layers]
    of = network.layers[0].activation
    pieces = [np.array(part, float) for part in (of.cuts, of.slopes, of.intercepts)]
    jacobian = np.array(gradients(parameters, pieces, np.resize(points, (BATCH, 2))))
    jacobian /= np.linalg.norm(jacobian, axis=1, keepdims=True)
    lengths = np.linalg.norm(jacobian, axis=0)
    values = np.linalg.svd(jacobian[:, lengths > 0] / lengths[lengths > 0], compute_uv=False)
    # Nothing lies between what counts and what is rounding.
    assert not np.any((values > 1e-11) & (values < 1e-7))
    return int(np.sum(values > 1e-9))


@pytest.mark.parametrize("sizes", [[2, 3, 1], [2, 2, 3, 1], [2, 3, 2, 2, 1]])
@pytest.mark.parametrize("activation", [RELU, LEAKY, TANH], ids=["ReLU", "leaky", "tanh"])
def test_dimension_is_the_rank_of_a_batch_from_all_cells(sizes, activation):
    rng = np.random.default_rng(sum(sizes))
    found = []
    for _ in range(6):
        network = random_network(rng, sizes, activation)
        found.append(functional_dimension(network, cells_of_plane(network).states))
        assert found[-1] == batch_rank(network, rng)
    if activation is RELU and len(sizes) > 3:
        assert len(set(found)) > 1


def test_dimension_by_hand():
    """Two units of one input have 7 parameters, of which rescaling takes 2.

    One cell alone shows an affine function, 2 numbers, and one with all units off a constant.
    """
    ones, two = np.ones((1, 2), dtype=object), np.array([1, 2], dtype=object)
    apart = relu_network([np.array([[1], [-1]], dtype=object), ones], [two, two[:1]])
    states = [np.array([[0, 1], [1, 1], [1, 0]])]
    assert functional_dimension(apart, states) == 5
    assert functional_dimension(apart, [states[0][:1]]) == 2
    assert functional_dimension(apart, [np.zeros((1, 2), int)]) == 1


def test_dimension_is_of_any_rational_weights():
    rng = np.random.default_rng(1)
    network = random_network(rng, [2, 3, 2, 1])
    first, second = network.layers
    third = first._replace(
        weights=first.weights * Fraction(1, 3), biases=first.biases / Fraction(3)
    )
    states = cells_of_plane(network).states
    thirds = network._replace(layers=[third, second._replace(weights=second.weights * 3)])
    assert functional_dimension(thirds, states) == functional_dimension(network, states)


def test_dimension_of_maxima_is_refused():
    network = random_network(np.random.default_rng(0), [2, 2, 1], maxout(2, 1))
    with pytest.raises(TypeError, match="one variable"):
        functional_dimension(network, [np.zeros((1, 2), int)])
