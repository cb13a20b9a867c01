"""The predictions against networks drawn and differentiated in the plainest way.

Means are compared at six standard errors: a false alarm rate of 2e-9 each, and draws are fixed.
"""

import itertools

import numpy as np
import pytest
from scipy import stats

from theory.dynamics import maximal_initial_learning_rate as theory

SIX = 6.0


def plain_gradients(generator, depth, width, inputs, gain=2.0):
    """Gradients of one network's output at each input, by layer; loops and matrices only."""
    sizes = [inputs.shape[1], *([width] * depth), 1]
    weights = [
        generator.normal(size=(fan_out, fan_in)) * np.sqrt(gain / fan_in)
        for fan_in, fan_out in itertools.pairwise(sizes)
    ]
    gradients = []
    for x in inputs:
        signals = [x]
        for matrix in weights[:-1]:
            signals.append(np.maximum(matrix @ signals[-1], 0))
        error = np.ones(1)
        layers = []
        for matrix, signal in zip(reversed(weights), reversed(signals), strict=True):
            layers.append(np.outer(error, signal))
            error = (matrix.T @ error) * (signal > 0)
        gradients.append(layers[::-1])
    return gradients


@pytest.mark.parametrize(("depth", "width", "gain"), [(1, 7, 2.0), (3, 6, 2.0), (3, 6, 1.0)])
def test_squared_gradients_are_exact_at_small_width(depth, width, gain):
    generator = np.random.default_rng(depth)
    x = generator.normal(size=(1, 4))
    x *= np.sqrt(4 * 1.7) / np.linalg.norm(x)
    squares = np.array(
        [
            [np.sum(layer**2) for layer in plain_gradients(generator, depth, width, x, gain)[0]]
            for _ in range(3000)
        ]
    )
    predicted = theory.squared_gradients(depth, width, 4, 1.7, gain)
    error = np.abs(squares.mean(axis=0) - predicted)
    assert np.all(error < SIX * stats.sem(squares))
    total = theory.squared_gradient(depth, width, 1.7, gain)
    assert predicted[1:].sum() == pytest.approx(float(total))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_tangent_kernel_is_the_limit_of_wide_networks(depth):
    generator = np.random.default_rng(depth)
    inputs = generator.normal(size=(3, 5))
    width, draws = 200, 60
    kernels = []
    for _ in range(draws):
        rows = np.array(
            [
                np.concatenate([layer.ravel() for layer in layers[1:]])
                for layers in plain_gradients(generator, depth, width, inputs)
            ]
        )
        kernels.append(rows @ rows.T / width)
    limit = theory.tangent_kernel(inputs, depth)
    # The diagonal has no bias at any width, the rest one of relative order depth / width.
    slack = depth / width * np.sqrt(np.outer(np.diag(limit), np.diag(limit)))
    np.fill_diagonal(slack, 0)
    deviation = np.abs(np.mean(kernels, axis=0) - limit)
    assert np.all(deviation < SIX * stats.sem(kernels) + slack)


def test_the_trace_of_the_tangent_kernel_is_the_mean_squared_gradient():
    inputs = np.random.default_rng(0).normal(size=(6, 9))
    second_moment = np.mean(inputs**2)
    for depth in (1, 3, 10):
        trace = np.trace(theory.tangent_kernel(inputs, depth)) / len(inputs)
        assert trace == pytest.approx(float(theory.squared_gradient(depth, 1, second_moment)))


def test_sharpness_lies_between_one_and_the_trace_and_is_reached_by_equal_inputs():
    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(8, 20))
    inputs *= np.sqrt(20) / np.linalg.norm(inputs, axis=1, keepdims=True)
    for depth in (1, 2, 5):
        trace = float(theory.squared_gradient(depth, 30))
        assert trace / len(inputs) < theory.sharpness(inputs, depth, 30) < trace
        assert theory.sharpness(np.repeat(inputs[:1], 4, axis=0), depth, 30) == pytest.approx(trace)
        # One input alone: nothing but its own gradient.
        assert theory.sharpness(inputs[:1], depth, 30) == pytest.approx(trace)


def test_one_hidden_layer_has_the_kernel_of_its_readout():
    """Opposite inputs share no active unit; orthogonal ones half as many as chance has it."""
    inputs = np.array([[1.0, 0], [-1, 0], [0, 1]]) * np.sqrt(2)
    expected = np.array([[1, 0, 1 / np.pi], [0, 1, 1 / np.pi], [1 / np.pi, 1 / np.pi, 1]])
    assert theory.tangent_kernel(inputs, 1) == pytest.approx(expected)


@pytest.mark.parametrize(("depth", "width"), [(2, 100), (6, 100)])
def test_log_variance_bounds_that_of_squared_gradients(depth, width):
    generator = np.random.default_rng(depth)
    x = np.full((1, 3), 1.0)
    logs = [
        np.log(
            sum(np.sum(layer**2) for layer in plain_gradients(generator, depth, width, x)[0][1:])
        )
        for _ in range(600)
    ]
    variance = np.var(logs, ddof=1)
    bound = float(theory.log_variance(depth, width))
    # A bound of the right order: no more than four times too large.
    assert bound / 4 < variance < bound
    # What the mean logarithm lacks to the logarithm of the mean is half of the variance.
    lack = np.log(float(theory.squared_gradient(depth, width))) - np.mean(logs)
    assert lack == pytest.approx(variance / 2, abs=SIX * np.sqrt(variance / len(logs)))
    assert theory.jensen_gap(depth, width) == pytest.approx(bound / 2)


def test_exponents_of_power_laws():
    shapes = ((2, 30), (5, 30), (2, 90), (7, 50))
    depth, width = np.array(shapes, float).T
    both = np.stack([0.3 - 1.2 * np.log(depth) - 0.4 * np.log(width), -np.log(depth * width)])
    assert theory.exponents(shapes, both) == pytest.approx(np.array([[-1.2, -0.4], [-1, -1]]))
    assert theory.product_exponent(shapes, both[1]) == pytest.approx(-1)
    assert theory.product_exponent(shapes, both).shape == (2,)


def test_the_rate_is_inverse_to_depth_times_width_in_the_limit():
    shapes = ((3, 10**6), (6, 10**6), (3, 10**8))
    logs = theory.log_rate(*np.array(shapes).T)
    assert theory.exponents(shapes, logs) == pytest.approx(np.array([-1, -1]), abs=1e-4)
    # At finite width fluctuations favour the deeper of two networks with the same product.
    assert theory.log_rate(6, 64) > theory.log_rate(3, 128)


def test_width_share_recovers_the_law():
    for share in (0.5, 1.0, 2.0):

        def log_rate(depth, width, share=share):
            return -np.log(depth) - share * np.log(width)

        ratio = log_rate(8, 20) - log_rate(4, 40)
        assert theory.width_share(ratio) == pytest.approx(share)
