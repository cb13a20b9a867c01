"""The flow against an independent solver, in its order, and through kinks and decades."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from instruments import relu_flow
from instruments.relu_flow import Problem, losses


def flow(start, times, resolution=0.05, shortest=1e-9, output_decay=0.0):
    """With all arguments given, problems of one shape share a compiled program."""
    numbers = {"resolution": resolution, "shortest": shortest, "output_decay": output_decay}
    return relu_flow.flow(start, jnp.asarray(times), **numbers)


def problem(rng, n=4, d=6, h=5, scale=0.3):
    """Inputs of either label on its side of the first axis, so that no neuron slides."""
    labels = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    inputs = rng.normal(size=(n, d)) / math.sqrt(d)
    inputs[:, 0] = labels
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    weights = scale * rng.normal(size=(h, d))
    signs = np.where(np.arange(h) % 2 == 0, 1.0, -1.0)
    outer = signs * np.linalg.norm(weights, axis=1)
    return Problem(*(jnp.asarray(a) for a in (inputs, labels, weights, outer)))


def loss(weights, start):
    inner, outer = weights
    outputs = jax.nn.relu(start.inputs @ inner.T) @ outer
    return jnp.sum(jnp.exp(-start.labels * outputs))


def solve(start, times):
    """Steepest descent of the loss that JAX differentiates, by an adaptive solver."""
    shape = start.weights.shape
    gradient = jax.jit(jax.grad(loss))

    def velocity(_, state):
        weights = jnp.asarray(state[: -shape[0]].reshape(shape)), jnp.asarray(state[-shape[0] :])
        return -np.concatenate([np.ravel(part) for part in gradient(weights, start)])

    state = np.concatenate([np.ravel(start.weights), start.output_weights])
    run = integrate.solve_ivp(
        velocity, (0, times[-1]), state, t_eval=times, rtol=1e-9, atol=1e-10, max_step=0.05
    )
    return run.y[: -shape[0]].T.reshape(len(times), *shape)


def test_against_an_adaptive_solver():
    start, times = problem(np.random.default_rng(0)), np.array([0.5, 1.0])
    states = flow(start, jnp.asarray(times))
    # Kinks were met on the way.
    assert np.any(states.active[-1] != (start.weights @ start.inputs.T > 0))
    np.testing.assert_allclose(states.weights, solve(start, times), atol=1e-5)
    np.testing.assert_array_equal(states.time, times)
    at_end = jax.tree.map(lambda array: array[-1], states)
    whole = loss((at_end.weights, at_end.output_weights), start)
    assert jnp.sum(losses(start, at_end)) == pytest.approx(whole)


def test_kinks_do_not_spoil_the_fourth_order():
    start, times = problem(np.random.default_rng(1)), jnp.array([0.5, 1.0])
    ends = [flow(start, times, resolution=r) for r in (0.2, 0.1, 0.0125)]
    assert ends[0].last_switch[1] > 0
    errors = [float(jnp.max(jnp.abs(end.weights - ends[2].weights))) for end in ends[:2]]
    assert errors[1] < 1e-6
    assert errors[0] > 8 * errors[1]
    # Passing over kinks, by whole steps, is of first order only.
    careless = flow(start, times, resolution=0.1, shortest=None)
    assert float(jnp.max(jnp.abs(careless.weights - ends[2].weights))) > 100 * errors[1]


def one_neuron(inputs, labels, weights, output_weight):
    parts = (inputs, labels, [weights], [output_weight])
    return Problem(*(jnp.asarray(part, dtype=float) for part in parts))


def test_the_moment_of_a_switch():
    """On the edge of one sample, the other is reached at cosh t = 1 / mu."""
    mu, scale = 0.4, 1e-5
    inputs = [[1.0, 0.0], [mu, math.sqrt(1 - mu**2)]]
    start = one_neuron(inputs, [1, 1], [1e-14, -scale], scale)
    states = flow(start, jnp.array([1.0, 3.0]), resolution=0.02)
    assert states.last_switch[0] == 0
    assert states.last_switch[1] == pytest.approx(math.acosh(1 / mu), abs=1e-7)
    assert bool(jnp.all(states.active[1]))


def test_twenty_decades():
    """A sample that is seen, whose 1/L grows at 2 log(1/L), and one that is not and waits."""
    start = one_neuron(np.eye(2), [1, 1], [0.1, -1e-12], 0.1)
    times = jnp.array([10.0, 1e21])
    states = flow(start, times)
    np.testing.assert_allclose(states.output_weights, states.weights[:, :, 0], rtol=1e-9)
    # dL/dt = -2 f L^2 with L = exp(-f), so that time is an exponential integral.
    outputs = np.asarray(states.output_weights[:, 0] ** 2)
    np.testing.assert_allclose((special.expi(outputs) - special.expi(0.01)) / 2, times, rtol=1e-5)
    at_end = jax.tree.map(lambda array: array[-1], states)
    np.testing.assert_allclose(losses(start, at_end), [math.exp(-outputs[-1]), 1])


def test_decay_of_the_output_weights():
    """With no loss to speak of, only the decay is left."""
    start = one_neuron(np.eye(2), [1, 1], [9.0, -9.0], 9.0)
    end = flow(start, jnp.array([0.05, 0.1]), output_decay=2.0)
    assert end.output_weights[1, 0] == pytest.approx(9 * math.exp(-0.2), rel=1e-6)


def test_sliding_along_a_kink_comes_to_an_end():
    """A positive neuron between a positive sample and a negative one that pushes it back."""
    inputs = np.array([[1.0, 0.2], [1.0, -0.2]]) / math.sqrt(1.04)
    start = one_neuron(inputs, [-1, 1], [0.1, 0.3], math.sqrt(0.1))
    for shortest in (None, 0.1):
        states = flow(start, jnp.array([1.0, 50.0]), shortest=shortest)
        assert bool(jnp.all(jnp.isfinite(states.weights)))
        # It stays on the edge of the negative sample.
        assert abs(float(inputs[0] @ states.weights[-1, 0])) < 0.05
