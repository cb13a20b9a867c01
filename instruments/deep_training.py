"""Training deep perceptrons whose hidden layers are equally wide, as one compiled program.

The hidden weights are one array with the depth as leading axis, so that a layer is compiled once
however many there are; steps are scanned too. Start the network as you like: what a start is worth
is what these runs are for. The arrays' precision is the training's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

Activation = Callable[[Array], Array]


class Perceptron(NamedTuple):
    """Weights without biases; inputs are as many as units."""

    hidden: Float[Array, "depth units units"]
    """Hidden layers, first to last; each maps x to activation(x @ weights)."""
    readout: Float[Array, "units classes"]


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
    descent = optax.sgd(learning_rate, momentum)

    def step(
        state: tuple[Perceptron, optax.OptState], chosen: Array
    ) -> tuple[tuple[Perceptron, optax.OptState], Array]:
        network, memory = state
        loss, gradient = jax.value_and_grad(cross_entropy)(
            network, inputs[chosen], labels[chosen], activation
        )
        change, memory = descent.update(gradient, memory)
        return (optax.apply_updates(network, change), memory), loss

    batches = jax.random.randint(key, (steps * batch,), 0, len(labels)).reshape(steps, batch)
    (network, _), losses = jax.lax.scan(step, (network, descent.init(network)), batches)
    return network, losses
