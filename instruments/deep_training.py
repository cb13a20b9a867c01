"""Training deep perceptrons whose hidden layers are equally wide, as one compiled program.

The hidden weights are one array with the depth as leading axis, so that a layer is compiled once
however many there are; steps are scanned too. Start the network as you like: what a start is worth
is what these runs are for. The arrays' precision is the training's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import optax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

Activation = Callable[[Array], Array]
Weights = TypeVar("Weights")
"""Any tree of arrays."""


class Perceptron(NamedTuple):
    """Weights without biases; inputs are as many as units."""

    hidden: Float[Array, "depth units units"]
    """Hidden layers, first to last; each maps x to activation(x @ weights)."""
    readout: Float[Array, "units classes"]


@partial(jax.jit, static_argnames=("depth", "units", "classes", "dtype"))
def gaussian(
    key: PRNGKeyArray,
    gain: float | Float[Array, ""],
    *,
    depth: int,
    units: int,
    classes: int,
    dtype: DTypeLike = jnp.float32,
) -> Perceptron:
    """A random network: hidden weights are N(0, gain / units), the readout's N(0, 1 / units).

    Args:
        key: random key; the same key draws the same weights, up to the gain.
        gain: may be traced.
        depth: hidden layers.
        units: of each of them, and of the input.
        classes: outputs.
        dtype: precision.
    """
    hidden = depth * units**2
    draws = jax.random.normal(key, (hidden + units * classes,), dtype) / math.sqrt(units)
    return Perceptron(
        draws[:hidden].reshape(depth, units, units) * jnp.sqrt(gain).astype(dtype),
        draws[hidden:].reshape(units, classes),
    )


def outputs(
    network: Perceptron, inputs: Float[Array, "batch units"], activation: Activation
) -> Float[Array, "batch classes"]:
    """What the network says of a batch."""

    def layer(x: Array, weights: Array) -> tuple[Array, None]:
        return activation(x @ weights), None

    return jax.lax.scan(layer, inputs, network.hidden)[0] @ network.readout


def cross_entropy(
    network: Perceptron,
    inputs: Float[Array, "batch units"],
    labels: Int[Array, " batch"],
    activation: Activation,
) -> Float[Array, ""]:
    """Mean over a batch, in nats: log(classes) for a network that says nothing."""
    said = outputs(network, inputs, activation)
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(said, labels))


def train(
    network: Perceptron,
    key: PRNGKeyArray,
    inputs: Float[Array, "samples units"],
    labels: Int[Array, " samples"],
    activation: Activation,
    *,
    steps: int,
    batch: int,
    learning_rate: float | Float[Array, ""],
    momentum: float | Float[Array, ""],
) -> tuple[Perceptron, Float[Array, " steps"]]:
    """Stochastic gradient descent with momentum on the cross-entropy.

    Args:
        network: the start.
        key: draws the batches, with replacement; the same key, the same batches.
        inputs: training inputs.
        labels: their classes.
        activation: of the hidden layers.
        steps: steps of descent.
        batch: samples in a step.
        learning_rate: may be traced, as may be the momentum.
        momentum: heavy-ball momentum.

    Returns:
        The trained network, and each step's loss on its batch before the step.
    """
    return descend(
        network,
        key,
        inputs,
        labels,
        partial(cross_entropy, activation=activation),
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        momentum=momentum,
    )


def descend(
    weights: Weights,
    key: PRNGKeyArray,
    inputs: Float[Array, "samples features"],
    labels: Int[Array, " samples"],
    loss: Callable[[Weights, Array, Array], Array],
    *,
    steps: int,
    batch: int,
    learning_rate: float | Float[Array, ""],
    momentum: float | Float[Array, ""],
) -> tuple[Weights, Float[Array, " steps"]]:
    """The same for weights of any shape, with their loss on inputs and labels of a batch."""
    descent = optax.sgd(learning_rate, momentum)

    def step(
        state: tuple[Weights, optax.OptState], chosen: Array
    ) -> tuple[tuple[Weights, optax.OptState], Array]:
        weights, memory = state
        value, gradient = jax.value_and_grad(loss)(weights, inputs[chosen], labels[chosen])
        change, memory = descent.update(gradient, memory)
        return (optax.apply_updates(weights, change), memory), value

    batches = jax.random.randint(key, (steps * batch,), 0, len(labels)).reshape(steps, batch)
    (weights, _), losses = jax.lax.scan(step, (weights, descent.init(weights)), batches)
    return weights, losses


class Learned(NamedTuple):
    """Losses of a network that has been trained, in nats."""

    final: Float[Array, ""]
    """On all training samples, at the end."""
    seen: Float[Array, ""]
    """On the batches, averaged over all steps: small if it was learnt early."""


@partial(jax.jit, static_argnames=("activation", "steps", "batch"))
def learn(
    network: Perceptron,
    key: PRNGKeyArray,
    inputs: Float[Array, "samples units"],
    labels: Int[Array, " samples"],
    learning_rate: Float[Array, ""],
    *,
    activation: Activation,
    steps: int,
    batch: int,
) -> Learned:
    """Train with momentum 0.9 and tell the losses; arguments as for `train`."""
    trained, losses = train(
        network,
        key,
        inputs,
        labels,
        activation,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        momentum=jnp.asarray(0.9, inputs.dtype),
    )
    return Learned(cross_entropy(trained, inputs, labels, activation), losses.mean())
