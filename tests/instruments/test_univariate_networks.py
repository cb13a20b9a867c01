"""Least-norm networks against linear programs on a grid, closed forms, own certificates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from instruments.univariate_networks import (
    Network,
    count_knots,
    features,
    knots,
    least_norm_interpolants,
    outputs,
    steepest_direction,
)


def random_data(sets, size, spread, seed):
    rng = np.random.default_rng(seed)
    inputs = np.sort(rng.uniform(-spread, spread, (sets, size)), axis=1)
    return inputs, rng.standard_normal((sets, size))


def grid_program(inputs, targets, directions):
    """The same linear program with finitely many directions, by a general solver."""
    h = features(directions, inputs)
    solved = optimize.linprog(
        np.ones(2 * len(directions)), A_eq=np.hstack([h, -h]), b_eq=targets, method="highs"
    )
    assert solved.status == 0
    return solved.fun


@pytest.mark.parametrize(("size", "spread"), [(2, 3.0), (3, 0.5), (4, 10.0), (7, 2.0)])
def test_the_norm_is_that_of_a_linear_program_on_a_fine_grid(size, spread):
    inputs, targets = random_data(3, size, spread, seed=size)
    found = least_norm_interpolants(inputs, targets)
    step = 2 * np.pi / 1000
    for x, y, masses in zip(inputs, targets, found.network.masses, strict=True):
        kinks = -np.arctan(x)
        grid = np.concatenate([np.arange(-np.pi, np.pi, step), kinks, kinks + np.pi])
        norm = np.abs(masses).sum()
        # Fewer directions cost more: a peak between two of the grid loses step^2 / 8 of its height.
        assert norm <= grid_program(x, y, grid) * (1 + 1e-9)
        assert grid_program(x, y, grid) <= norm * (1 + step**2 / 8) * (1 + 1e-9)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("spread", [0.5, 10.0])
def test_data_are_fitted_and_the_dual_certifies_the_norm(size, spread):
    inputs, targets = random_data(200, size, spread, seed=size)
    network, dual, violation, resolution = least_norm_interpolants(inputs, targets)
    # Merged pairs are off by the square of their distance, times masses large at close inputs.
    norm = np.abs(network.masses).sum(axis=1)
    error = np.max(np.abs(outputs(network, inputs) - targets), axis=1)
    assert np.all(error <= resolution**2 * norm * np.sqrt(1 + spread**2))
    assert np.sum(dual * targets, axis=1) == pytest.approx(norm, rel=1e-9)
    assert np.all(violation <= resolution**2 / 32 * (1 + 1e-12))
    turn = np.linspace(0, 2 * np.pi, 2001)
    field = np.einsum("si,sip->sp", dual, features(turn[None], inputs))
    assert np.all(np.abs(field) <= 1 + violation[:, None] + 1e-12)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_the_steepest_direction_is_the_steepest(weights, seed):
    inputs = np.sort(np.random.default_rng(seed).uniform(-5, 5, len(weights)))
    dual = np.array(weights)
    angle, height = steepest_direction(dual[None], inputs[None])
    assert dual @ features(angle, inputs)[:, 0] == pytest.approx(height[0], abs=1e-12)
    turn = np.linspace(0, 2 * np.pi, 5001)
    assert np.max(np.abs(dual @ features(turn, inputs))) <= abs(height[0]) + 1e-12


def test_one_point_takes_the_neuron_that_points_at_it():
    inputs, targets = np.array([[2.0], [-0.5]]), np.array([[3.0], [-1.0]])
    network = least_norm_interpolants(inputs, targets).network
    assert np.tan(knots(network.angles)) == pytest.approx(-1 / inputs)
    assert network.masses == pytest.approx(targets / np.sqrt(1 + inputs**2))


def test_a_batch_is_as_good_as_one_by_one():
    inputs, targets = random_data(20, 5, 3.0, seed=0)
    together = least_norm_interpolants(inputs, targets).network
    for row in range(len(inputs)):
        alone = least_norm_interpolants(inputs[row : row + 1], targets[row : row + 1]).network
        assert alone.masses[0] == pytest.approx(together.masses[row], abs=1e-9)


def test_mirroring_the_data_mirrors_the_network():
    inputs, targets = random_data(50, 4, 3.0, seed=1)
    network, _, _, resolution = least_norm_interpolants(inputs, targets)
    mirrored = least_norm_interpolants(-inputs[:, ::-1], targets[:, ::-1]).network
    points = np.linspace(-4, 4, 41)[None]
    error = np.abs(outputs(mirrored, -points) - outputs(network, points))
    norm = np.abs(network.masses).sum(axis=1)
    assert np.all(error <= (resolution * norm)[:, None] * np.hypot(1, points))


def test_knots_are_counted_once_by_place():
    inputs = np.array([[-1.0, 0.0, 2.0]])
    # Facing right at 0 and 1, left at 0, 1 and -0.5; one at 5, outside, and one without mass.
    right, left = -np.arctan([0.0, 1.0, 5.0]), np.pi - np.arctan([0.0, 1.0, -0.5, 0.7])
    masses = np.array([[1.0, -1, 1, 2, 1, 1, 1e-12]])
    network = Network(np.concatenate([right, left])[None], masses)
    found = count_knots(network, inputs, radius=1e-6)
    assert found.inside.tolist() == [[1, 1]]
    assert found.closed.tolist() == [[2, 2]]
    assert found.at_inputs.tolist() == [[False, True, False]]


def test_places_within_the_radius_are_one():
    inputs = np.array([[0.0, 1.0]])
    network = Network(-np.arctan([[1e-3, 0.5, 0.501]]), np.ones((1, 3)))
    assert count_knots(network, inputs, radius=1e-4).closed.tolist() == [[3]]
    assert count_knots(network, inputs, radius=2e-3).closed.tolist() == [[2]]


def test_input_without_a_solution_is_refused():
    with pytest.raises(ValueError, match="increase"):
        least_norm_interpolants(np.array([[0.0, 0.0]]), np.array([[1.0, 2.0]]))
    with pytest.raises(ValueError, match="zero"):
        least_norm_interpolants(np.array([[0.0, 1.0]]), np.zeros((1, 2)))
    with pytest.raises(ArithmeticError, match="not solved after 1"):
        least_norm_interpolants(*random_data(5, 6, 3.0, seed=0), limit=1)
