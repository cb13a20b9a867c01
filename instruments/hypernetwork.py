r"""Hypernetworks: networks that predict the weights of another, the primary network.

A hypernetwork $h(e)=W_3\phi_2(W_2\phi_1(W_1e+b_1)+b_2)+\theta_0$ reads an encoded hyperparameter
and returns all weights of a primary `Perceptron` as one vector. The bias $\theta_0$ of its last
layer is what others call a residual, or independent weights: it is zero in ordinary hypernetworks.
Plain arrays; their precision is the computation's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from instruments.deep_training import Perceptron

Encoding = Literal["none", "complement", "circle"]
Activation = Callable[[Array], Array]
AnyArray = Array | np.ndarray


class Hypernetwork(NamedTuple):
    """Weights and biases, vectors are rows; with further leading axes, many hypernetworks."""

    first: Float[AnyArray, "*networks inputs hidden"]
    second: Float[AnyArray, "*networks hidden hidden"]
    last: Float[AnyArray, "*networks hidden weights"]
    first_bias: Float[AnyArray, "*networks hidden"]
    second_bias: Float[AnyArray, "*networks hidden"]
    base: Float[AnyArray, "*networks weights"]
    """Bias of the last layer: the weights that are predicted where hidden units are silent."""


def encode(
    inputs: Float[np.ndarray, "points d"], encoding: Encoding
) -> Float[np.ndarray, "points twice_d"]:
    """Encoded hyperparameters between 0 and 1; as many numbers for each encoding.

    Args:
        inputs: hyperparameters g.
        encoding: 'none' for (g, 0), 'complement' for (g, 1 - g), and 'circle' for
            (cos pi g/2, sin pi g/2), whose length does not depend on g.
    """
    angles = np.pi / 2 * inputs
    first, second = {
        "none": (inputs, np.zeros_like(inputs)),
        "complement": (inputs, 1 - inputs),
        "circle": (np.cos(angles), np.sin(angles)),
    }[encoding]
    return np.concatenate([first, second], axis=1)


def draw(
    rng: np.random.Generator,
    deviations: Float[np.ndarray, " weights"],
    *,
    networks: int,
    inputs: int,
    hidden: int,
    moment: float,
) -> Hypernetwork:
    """Gaussian weights that keep second moments through both activations; biases are zero.

    Drawn by numpy, so that there is nothing to compile.

    Args:
        rng: generator.
        deviations: standard deviations of the predicted weights where |e| = 1; their precision is
            the network's.
        networks: how many are drawn, the leading axis.
        inputs: numbers that a hypernetwork reads.
        hidden: units of both hidden layers.
        moment: mean square of the activation of a standard Gaussian.
    """

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal((networks, *shape)).astype(deviations.dtype)

    scale = deviations.dtype.type((moment * hidden) ** -0.5)
    silent = np.zeros((networks, hidden), deviations.dtype)
    return Hypernetwork(
        normal(inputs, hidden),
        scale * normal(hidden, hidden),
        scale * deviations * normal(hidden, deviations.size),
        silent,
        silent,
        np.zeros((networks, deviations.size), deviations.dtype),
    )


def predict(
    network: Hypernetwork,
    encoded: Float[Array, " inputs"],
    first: Activation,
    second: Activation,
) -> Float[Array, " weights"]:
    """The primary network's weights for one encoded hyperparameter.

    Args:
        network: the hypernetwork.
        encoded: what it reads.
        first: what follows its first layer: an activation, or a normalization and an activation.
        second: what follows its second layer.
    """
    hidden = first(encoded @ network.first + network.first_bias)
    hidden = second(hidden @ network.second + network.second_bias)
    return hidden @ network.last + network.base


def weight_count(depth: int, units: int, classes: int) -> int:
    """How many weights a primary network has: `depth` square layers, then a readout."""
    return depth * units**2 + units * classes


def primary_deviations(depth: int, units: int, classes: int) -> Float[np.ndarray, " weights"]:
    """He's standard deviations of these weights: 2 / fan-in, and 1 / fan-in for the readout."""
    hidden = np.full(depth * units**2, np.sqrt(2 / units))
    return np.concatenate([hidden, np.full(units * classes, np.sqrt(1 / units))])


def primary(
    weights: Float[Array, " weights"],
    *,
    units: int,
    classes: int,
    used: int | Array | None = None,
) -> Perceptron:
    """The primary network with these weights, first layer to readout.

    Args:
        weights: as many as `weight_count` says for some depth.
        units: units, and inputs.
        classes: outputs.
        used: hidden layers that are used, the first ones; the others are the identity. It may be
            traced: networks of different depths then share a program. For inputs that are not
            negative, a ReLU passes them on. All are used by default.
    """
    readout = weights[-units * classes :].reshape(units, classes)
    hidden = weights[: -units * classes].reshape(-1, units, units)
    if used is not None:
        there = jnp.arange(len(hidden)) < used
        hidden = jnp.where(there[:, None, None], hidden, jnp.eye(units, dtype=weights.dtype))
    return Perceptron(hidden, readout)
