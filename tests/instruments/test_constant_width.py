from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments import constant_width
from instruments.constant_width import Network, Rates

ROOM, DIMENSION, WIDTH, OUTPUTS, RUNS = 4, 3, 5, 2, 3
DEPTHS = [1, 2, 5]


def draw(depth: int, runs: int = RUNS, **changes: float) -> Network:
    generator = np.random.default_rng(depth)
    return constant_width.gaussian(
        generator,
        runs,
        depth=depth,
        room=ROOM,
        dimension=DIMENSION,
        width=WIDTH,
        outputs=OUTPUTS,
        **changes,
    )


def one(networks: Network, run: int = 0) -> Network:
    """One network in double precision."""
    return Network(*(jnp.asarray(layers[run], float) for layers in networks))


def plain_outputs(network: Network, depth: int, inputs: jax.Array) -> jax.Array:
    signal = jax.nn.relu(inputs @ network.first)
    for layer in network.hidden[: depth - 1]:
        signal = jax.nn.relu(signal @ layer)
    return signal @ network.readout


@pytest.fixture
def inputs() -> jax.Array:
    return jnp.asarray(np.random.default_rng(9).normal(size=(7, DIMENSION)))


def loss(outputs: jax.Array) -> jax.Array:
    return jnp.sum(jnp.sin(outputs) + outputs**2)


@jax.jit
def gradient(network: Network, depth: jax.Array, inputs: jax.Array) -> Network:
    return constant_width.gradient(network, depth, inputs, loss)


@partial(jax.jit, static_argnames="depth")
def plain_gradient(network: Network, depth: int, inputs: jax.Array) -> Network:
    return jax.grad(lambda network: loss(plain_outputs(network, depth, inputs)))(network)


def test_one_program_differentiates_all_depths(inputs):
    outputs_of = jax.jit(constant_width.outputs_of)
    for depth in DEPTHS:
        network, traced = one(draw(depth)), jnp.asarray(depth)
        said = outputs_of(network, traced, inputs)
        assert np.allclose(said, plain_outputs(network, depth, inputs))
        expected = plain_gradient(network, depth, inputs)
        for mine, theirs in zip(gradient(network, traced, inputs), expected, strict=True):
            assert np.allclose(mine, theirs)
    assert gradient._cache_size() == 1


def test_descent_takes_each_layer_at_its_rate(inputs):
    depth, network = 3, one(draw(3))
    rates = Rates(0.1, 0.01, 0.5)

    @jax.jit
    def descend(network: Network, inputs: jax.Array) -> constant_width.Step:
        return constant_width.descend(network, depth, inputs, loss, rates)

    step = descend(network, inputs)
    slopes = gradient(network, jnp.asarray(depth), inputs)
    for after, before, rate, slope in zip(step.network, network, rates, slopes, strict=True):
        assert np.allclose(after, before - rate * slope)
    assert np.allclose(step.outputs, plain_outputs(network, depth, inputs))
    assert step.loss == pytest.approx(float(loss(step.outputs)))
    assert step.alive
    dead = network._replace(first=-jnp.abs(network.first))
    assert not descend(dead, jnp.abs(inputs)).alive


def test_the_derivative_of_the_gradient_is_the_hessian(inputs):
    depth, network, direction = 5, one(draw(5)), one(draw(5), 1)

    @partial(jax.jit, static_argnames="of")
    def product(of: Callable, network: Network, direction: Network) -> Network:
        return jax.jvp(lambda network: of(network, depth, inputs), (network,), (direction,))[1]

    mine = product(gradient, network, direction)
    theirs = product(plain_gradient, network, direction)
    assert all(np.allclose(a, b) for a, b in zip(mine, theirs, strict=True))


def test_weights_have_their_variance_and_unused_layers_are_zero():
    networks = draw(3, runs=4000, gain=1.5)
    assert networks.first.dtype == np.float32
    assert not networks.hidden[:, 2:].any()
    for layers, fan_in in (
        (networks.first, DIMENSION),
        (networks.hidden[:, :2], WIDTH),
        (networks.readout, WIDTH),
    ):
        # Six standard errors of a variance.
        tolerance = 6 * np.sqrt(2 / layers.size)
        assert np.var(layers) * fan_in / 1.5 == pytest.approx(1, abs=tolerance)


@partial(jax.jit, static_argnames="depth")
def plain_jacobian(network: Network, depth: int, inputs: jax.Array) -> Network:
    return jax.jacrev(lambda network: plain_outputs(network, depth, inputs))(network)


@pytest.mark.parametrize("depth", DEPTHS)
def test_first_order_facts_are_those_of_the_gradients(depth, inputs):
    networks = draw(depth)
    seen = constant_width.first_order(networks, depth, np.asarray(inputs))
    for run in range(RUNS):
        network = one(networks, run)
        first, hidden, readout = plain_jacobian(network, depth, inputs)
        layers = [first, *jnp.moveaxis(hidden[:, :, : depth - 1], 2, 0), readout]
        squares = [np.sum(np.asarray(layer) ** 2) / (len(inputs) * OUTPUTS) for layer in layers]
        assert np.allclose(seen.squared_gradients[run], squares, rtol=1e-5)
        rows = np.concatenate(
            [part[:, 0].reshape(len(inputs), -1) for part in (hidden, readout)], axis=1
        )
        assert np.allclose(seen.kernels[run], rows @ rows.T, rtol=1e-4, atol=1e-5)
