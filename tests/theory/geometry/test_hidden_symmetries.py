"""Dimensions by hand and by numerical ranks, probabilities by trying all tables of signs."""

from itertools import product

import numpy as np
import pytest

from theory.geometry import hidden_symmetries as theory


def numerical_dimension(weights, biases, rng) -> int:
    """Rank of gradients at many inputs near and far, in floating point."""
    inputs = weights[0].shape[1]
    radii = 10.0 ** rng.uniform(-1, 2, (800, 1))
    h = radii * rng.normal(size=(800, inputs))
    entering, gates = [], []
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        entering.append(np.column_stack([h, np.ones(len(h))]))
        before = h @ w.T + b
        gates.append(before > 0)
        h = np.maximum(before, 0)
    entering.append(np.column_stack([h, np.ones(len(h))]))
    gradient, rows = np.ones((len(h), 1)), []
    for place in reversed(range(len(weights))):
        rows.append((gradient[:, :, None] * entering[place][:, None]).reshape(len(h), -1))
        if place:
            gradient = (gradient @ weights[place]) * gates[place - 1]
    jacobian = np.concatenate(rows, axis=1) / radii
    lengths = np.linalg.norm(jacobian, axis=0)
    jacobian = jacobian[:, lengths > 0] / lengths[lengths > 0]
    return int(np.linalg.matrix_rank(jacobian, tol=1e-7))


def test_parameters_by_hand():
    known = {(1, 3, 1): (10, 7), (2, 3, 1): (13, 10), (2, 2, 2, 1): (15, 11), (3, 4, 1): (21, 17)}
    for architecture, (parameters, largest) in known.items():
        assert theory.parameters(architecture) == parameters
        assert theory.largest_dimension(architecture) == largest


def numbers(rng, signs):
    """Weights of given signs, none of them small."""
    return np.where(signs > 0, 1, -1) * rng.uniform(0.5, 1.5, np.shape(signs))


@pytest.mark.parametrize("table", list(product((-1, 1), repeat=6)))
def test_two_layers_with_all_tables_of_signs(table):
    """The second layer of (2;2,2;1); the first turns the plane."""
    rng = np.random.default_rng(5)
    second = numbers(rng, np.reshape(table, (2, 3)))
    first = np.array([[1.0, 0.3], [-0.4, 1.0]])
    weights = [first, second[:, :2], numbers(rng, np.array([[1, -1]]))]
    biases = [np.array([0.4, -0.7]), second[:, 2], np.zeros(1)]
    found = numerical_dimension(weights, biases, rng)
    assert found == theory.two_layer_dimension(np.sign(second)[None], 2)[0]


@pytest.mark.parametrize("architecture", [(3, 2, 2, 1), (2, 1, 3, 1), (3, 3, 1, 1)])
def test_two_layers_of_other_widths(architecture):
    rng = np.random.default_rng(11)
    inputs, n, m, _ = architecture
    for _ in range(12):
        second = numbers(rng, rng.integers(0, 2, (m, n + 1)))
        first = np.eye(n, inputs) + 0.3 * rng.normal(size=(n, inputs))
        weights = [first, second[:, :n], numbers(rng, rng.integers(0, 2, (1, m)))]
        biases = [0.5 * rng.normal(size=n), second[:, n], np.zeros(1)]
        found = numerical_dimension(weights, biases, rng)
        assert found == theory.two_layer_dimension(np.sign(second)[None], inputs)[0]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 3), (2, 2), (2, 3), (3, 2), (4, 2)])
def test_probability_by_trying_all_tables(n, m):
    tables = np.array(list(product((-1, 1), repeat=m * (n + 1)))).reshape(-1, m, n + 1)
    full = theory.two_layer_dimension(tables, n) == theory.largest_dimension((n, n, m, 1))
    assert np.mean(full) == theory.two_layer_probability(n, m)
    none_dead = ~np.any(np.all(tables < 0, axis=2), axis=1)
    assert np.mean(none_dead) == theory.two_layer_probability_if_only_dead_units_matter(n, m)
    wrong = theory.two_layer_dimension_if_all_kinks_are_seen(tables, n)
    dimension = theory.two_layer_dimension(tables, n)
    assert np.mean(wrong != dimension) == n * 2.0 ** (-m * (n + 1)) * (2**m - 1)
    bound = theory.largest_dimension((n, n, m, 1)) - theory.units_of_one_sign(tables)
    assert np.all(dimension <= bound)


def test_probability_grows_to_one_with_width_and_inputs_together():
    values = [theory.two_layer_probability(n, n) for n in range(1, 20)]
    assert np.all(np.diff(values) > 0)
    assert values[1] == 0.53125
    assert values[-1] == pytest.approx(1, abs=1e-4)


def test_bound_at_depth():
    assert theory.deep_bound((2, 5, 1)) == 1
    assert theory.deep_bound((2, 2, 2, 2, 1)) == 0.5625**2
    assert theory.deep_bound((7, 3, 2, 1)) == (7 / 8) ** 2
    assert theory.two_layer_probability(2, 2) < theory.deep_bound((2, 2, 2, 1))


def test_units_of_one_sign():
    signs = np.array([[[1, 2, 3], [-1, -1, -5], [1, -1, 1]], [[1, 0, 1], [2, 2, -2], [-1, 1, 1]]])
    assert theory.units_of_one_sign(signs).tolist() == [2, 0]
