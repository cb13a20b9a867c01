"""Networks that are trained on handwritten digits, and pairs of images between which paths run.

The bundled digits are rows of pixels, split at random. Networks have no biases; their layers are as
wide as there are pixels, or of any other width. What was trained can be had as a `Network`, whose
linear pieces and regions are exact.

    images = load(rng)
    starts, ends = start_and_train(keys, rows, labels, depth=4, units=64, classes=10, steps=600)
    ends = train_narrow(keys, rows, labels, depth=16, units=8, classes=10, steps=600)
    pieces(as_network(ends, 0), *images.pair(rng))
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from instruments import deep_training, handwritten_digits
from instruments.deep_training import Perceptron
from instruments.linear_regions.networks import Network, relu_network

TRAINING_SHARE = 0.75
"""Of the images."""
GAIN = 2.0
"""Variance of initial weights, over the width: signals keep their size."""
BATCH, RATE, MOMENTUM = 64, 0.05, 0.9
"""Of the training."""


class Images(NamedTuple):
    """The bundled digits as rows of mean square one, split in two."""

    rows: Float[np.ndarray, "n pixels"]
    labels: Int[np.ndarray, " n"]
    train: Int[np.ndarray, " some"]
    test: Int[np.ndarray, " others"]

    def pair(self, rng: np.random.Generator) -> Float[np.ndarray, "2 pixels"]:
        """Two test images of one digit."""
        first = rng.choice(self.test)
        second = rng.choice(self.test[self.labels[self.test] == self.labels[first]])
        return self.rows[[first, second]]


def load(rng: np.random.Generator) -> Images:
    """The images, split at random."""
    digits = handwritten_digits.bundled()
    order = rng.permutation(len(digits.labels))
    train, test = np.split(order, [int(TRAINING_SHARE * len(order))])
    return Images(digits.scaled(), digits.labels, train, test)


@jax.jit(static_argnames=("depth", "units", "classes", "steps"))
def start_and_train(
    keys: Key[Array, " runs"],
    inputs: Float[Array, "samples units"],
    labels: Int[Array, "runs samples"],
    *,
    depth: int,
    units: int,
    classes: int,
    steps: int,
) -> tuple[Perceptron, Perceptron]:
    """Networks before and after training.

    Args:
        keys: of each run; they draw its start and its batches.
        inputs: of all runs.
        labels: each run has its own.
        depth: hidden layers.
        units: of each of them.
        classes: outputs.
        steps: of stochastic gradient descent.

    Returns:
        Networks with a leading axis of runs.
    """

    def run(
        both: tuple[PRNGKeyArray, Array],
    ) -> tuple[Perceptron, Perceptron]:
        key, labels = both
        start_key, batch_key = jax.random.split(key)
        start = deep_training.gaussian(start_key, GAIN, depth=depth, units=units, classes=classes)
        trained, _ = deep_training.train(
            start,
            batch_key,
            inputs,
            labels,
            jax.nn.relu,
            steps=steps,
            batch=BATCH,
            learning_rate=RATE,
            momentum=MOMENTUM,
        )
        return start, trained

    return jax.lax.map(run, (keys, labels))


class Narrow(NamedTuple):
    """Weights of a network whose hidden layers are not as wide as its input."""

    first: Float[Array, "*runs inputs units"]
    rest: Perceptron


@jax.jit(static_argnames=("depth", "units", "classes", "steps"))
def train_narrow(
    keys: Key[Array, " runs"],
    inputs: Float[Array, "samples inputs"],
    labels: Int[Array, "runs samples"],
    *,
    depth: int,
    units: int,
    classes: int,
    steps: int,
) -> Narrow:
    """Networks of any width after training, all at once; arguments as for `start_and_train`."""
    pixels = inputs.shape[1]

    def loss(network: Narrow, inputs: Array, labels: Array) -> Array:
        hidden = jax.nn.relu(inputs @ network.first)
        return deep_training.cross_entropy(network.rest, hidden, labels, jax.nn.relu)

    def run(key: PRNGKeyArray, labels: Array) -> Narrow:
        first_key, rest_key, batch_key = jax.random.split(key, 3)
        first = jax.random.normal(first_key, (pixels * units,)).reshape(pixels, units)
        rest = deep_training.gaussian(rest_key, GAIN, depth=depth - 1, units=units, classes=classes)
        trained, _ = deep_training.descend(
            Narrow(first * jnp.sqrt(GAIN / pixels), rest),
            batch_key,
            inputs,
            labels,
            loss,
            steps=steps,
            batch=BATCH,
            learning_rate=RATE,
            momentum=MOMENTUM,
        )
        return trained

    return jax.vmap(run)(keys, labels)


def as_network(trained: Perceptron | Narrow, run: int) -> Network:
    """One of several networks, in double precision."""
    first, rest = ([trained.first], trained.rest) if isinstance(trained, Narrow) else ([], trained)
    *single, hidden, readout = (np.asarray(part[run], float) for part in (*first, *rest))
    weights = [layer.T for layer in (*single, *hidden, readout)]
    return relu_network(weights, [np.zeros(len(w)) for w in weights])
