r"""Deep ReLU perceptrons whose hidden layers are equally wide, with a depth known only at run time.

One array has room for the hidden layers of the deepest network; a network of depth $L$ uses the
first $L-1$ of them after its input layer, and those beyond are zero. The backward pass is written
out by hand. So loops end where the network ends, and one compiled program serves all depths
without wasted work, which reverse-mode differentiation of such a loop could not do. Forward-mode
can: a Hessian-vector product is the derivative of the gradient.

There are no biases. Everything is in the precision of the network, which may be drawn in numpy,
many at a time, and looked at there (`gaussian`, `first_order`): nothing of this needs compiling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

Depth = int | Int[Array, ""]
Loss = Callable[[Array], Array]
"""From the outputs of all inputs, shape (inputs, outputs), to a number."""
Weights = Array | np.ndarray
Update = Callable[[Weights, Array], Weights]
"""From a layer's weights and the gradient with respect to them to what takes their place."""
Values = NDArray[np.float32] | NDArray[np.float64]


class Network(NamedTuple):
    """Weights, or what there is one of for each weight or layer: gradients, rates."""

    first: Float[Array | np.ndarray, "*runs dimension width"]
    """The input layer; it maps x to relu(x @ first), as the hidden layers do."""
    hidden: Float[Array | np.ndarray, "*runs room width width"]
    """Hidden layers, first to last; zero beyond the depth."""
    readout: Float[Array | np.ndarray, "*runs width outputs"]


def gaussian(
    generator: np.random.Generator,
    runs: int,
    *,
    depth: int,
    room: int,
    dimension: int,
    width: int,
    outputs: int,
    gain: float = 2.0,
) -> Network:
    """Networks of independent weights N(0, gain / fan-in); He's initialization has gain 2.

    Args:
        generator: random numbers.
        runs: networks, the leading axis of every array.
        depth: hidden layers of each, the input layer's units included.
        room: hidden layers that there is room for after the first one, at least `depth - 1`.
        dimension: of the inputs.
        width: units of each hidden layer.
        outputs: of the network; their weights have the same variance.
        gain: variance of the weights times fan-in.
    """

    def draw(*shape: int) -> Values:
        scale = np.float32(math.sqrt(gain / shape[-2]))
        return scale * generator.standard_normal((runs, *shape), np.float32)

    hidden = np.zeros((runs, room, width, width), np.float32)
    hidden[:, : depth - 1] = draw(depth - 1, width, width)
    return Network(draw(dimension, width), hidden, draw(width, outputs))


class Rates(NamedTuple):
    """Learning rates of the input layer, of the hidden layers and of the readout."""

    first: float | Float[Array, ""]
    hidden: float | Float[Array, ""]
    readout: float | Float[Array, ""]


class Step(NamedTuple):
    """A step of gradient descent, and what the network said before it."""

    loss: Float[Array, ""]
    outputs: Float[Array, "n outputs"]
    alive: Array
    """Whether any unit of the last hidden layer is on for any input; else no gradient is left."""
    network: Network


def outputs_of(
    network: Network, depth: Depth, inputs: Float[Array, "n dimension"]
) -> Float[Array, "n outputs"]:
    """What the network says of each input."""
    return _signals(network, depth, inputs)[depth - 1] @ network.readout


def descend(
    network: Network,
    depth: Depth,
    inputs: Float[Array, "n dimension"],
    loss: Loss,
    rates: Rates,
) -> Step:
    """One step of gradient descent on `loss` of the outputs."""
    return _replace(network, depth, inputs, loss, [_against(rate) for rate in rates])


def gradient(
    network: Network, depth: Depth, inputs: Float[Array, "n dimension"], loss: Loss
) -> Network:
    """The gradient of `loss` of the outputs; zero beyond the depth."""
    return _replace(network, depth, inputs, loss, 3 * [lambda _, gradient: gradient]).network


def _against(rate: float | Array) -> Update:
    return lambda weights, gradient: weights - rate * gradient


def _replace(network: Network, depth: Depth, inputs: Array, loss: Loss, by: list[Update]) -> Step:
    """Forward and backward pass that replaces weights layer by layer on its way back."""
    signals = _signals(network, depth, inputs)
    last = signals[depth - 1]
    outputs = last @ network.readout
    value, errors = jax.value_and_grad(loss)(outputs)
    new_first, new_hidden, new_readout = by

    def layer(step: Array, carried: tuple[Array, Array]) -> tuple[Array, Array]:
        errors, hidden = carried
        index = depth - 2 - step
        weights = hidden[index]
        replaced = new_hidden(weights, signals[index].T @ errors)
        errors = (errors @ weights.T) * (signals[index] > 0)
        return errors, hidden.at[index].set(replaced)

    start = (errors @ network.readout.T) * (last > 0), network.hidden
    first_errors, hidden = jax.lax.fori_loop(0, depth - 1, layer, start)
    replaced = Network(
        new_first(network.first, inputs.T @ first_errors),
        hidden,
        new_readout(network.readout, last.T @ errors),
    )
    return Step(value, outputs, jnp.any(last > 0), replaced)


def _signals(network: Network, depth: Depth, inputs: Array) -> Float[Array, "layers n width"]:
    """What each hidden layer makes of the inputs; zero beyond the depth."""
    first = jax.nn.relu(inputs @ network.first)
    room = jnp.zeros((len(network.hidden) + 1, *first.shape), first.dtype)

    def layer(index: Array, carried: tuple[Array, Array]) -> tuple[Array, Array]:
        signal, kept = carried
        signal = jax.nn.relu(signal @ network.hidden[index])
        return signal, kept.at[index + 1].set(signal)

    return jax.lax.fori_loop(0, depth - 1, layer, (first, room.at[0].set(first)))[1]


class FirstOrder(NamedTuple):
    """Gradients of networks' outputs, of which none is ever formed."""

    squared_gradients: Float[np.ndarray, "runs layers"]
    r"""$|\partial f_k/\partial W_l|^2$, input layer first, readout last; mean over inputs and
    outputs."""
    kernels: Float[np.ndarray, "runs n n"]
    """Inner products of the first output's gradients at two inputs, without the input layer."""


def first_order(
    networks: Network, depth: int, inputs: Float[np.ndarray, "n dimension"]
) -> FirstOrder:
    r"""Squared gradients of all outputs and the tangent kernel of the first one, in numpy.

    The gradient of a layer is an outer product of its input $h$ and of the error $\delta$ that
    comes back to it, so inner products of gradients are products of inner products:
    $\langle h,h'\rangle\langle\delta,\delta'\rangle$.

    Args:
        networks: with a leading axis of runs.
        depth: hidden layers.
        inputs: where gradients are taken.
    """
    first, hidden, readout = (np.asarray(layers) for layers in networks)
    signals = [np.maximum(inputs @ first, 0)]
    for index in range(depth - 1):
        signals.append(np.maximum(signals[-1] @ hidden[:, index], 0))

    def gram(vectors: Values) -> Values:
        return vectors @ np.swapaxes(vectors, -1, -2)

    def squares(vectors: Values) -> Values:
        return np.einsum("...i,...i->...", vectors, vectors)

    kernels = gram(signals[-1])
    by_layer = [squares(signals[-1]).mean(axis=-1)]
    # Errors of every output at every input: (runs, outputs, inputs, units).
    errors = np.swapaxes(readout, 1, 2)[:, :, None] * (signals[-1] > 0)[:, None]
    for index in reversed(range(depth - 1)):
        before = signals[index]
        by_layer.append(np.mean(squares(before)[:, None] * squares(errors), axis=(1, 2)))
        kernels = kernels + gram(before) * gram(errors[:, 0])
        weights = np.swapaxes(hidden[:, index], 1, 2)
        back = errors.reshape(len(errors), -1, errors.shape[-1]) @ weights
        errors = back.reshape(errors.shape) * (before > 0)[:, None]
    by_layer.append(np.mean(squares(inputs) * squares(errors), axis=(1, 2)))
    return FirstOrder(np.stack(by_layer[::-1], axis=1), kernels)
