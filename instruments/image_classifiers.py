r"""Training perceptrons on images by Adam, with or without batch normalization.

Layers have biases and may be preceded by any number of inputs; hidden layers are equally wide, so
that those after the first are one array, scanned over. Whether pre-activations are normalized is a
traced number: both kinds are trained by one compiled program. A trained network whose layers are
normalized computes the same as one of other weights and biases whose layers are not; `absorbed`
finds it, and what is measured afterwards needs no normalization.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

SMALLEST_VARIANCE = 1e-5
"""Added to variances that are divided by."""


class Classifier(NamedTuple):
    """A perceptron; a layer maps x to relu(scales * (x @ weights) + biases)."""

    first: Float[Array, "*runs inputs units"]
    """Weights of the first layer."""
    later: Float[Array, "*runs layers units units"]
    """Weights of the layers after it, maybe none."""
    scales: Float[Array, "*runs depth units"]
    """Of the pre-activations: ones, unless batch normalization has trained or absorbed them."""
    biases: Float[Array, "*runs depth units"]
    readout: Float[Array, "*runs units classes"]
    """Weights of the output, which has no biases."""


def gaussian(key: PRNGKeyArray, *, inputs: int, depth: int, units: int, classes: int) -> Classifier:
    """A random network in single precision: He's weights, no biases; the readout's N(0, 1 / units).

    Args:
        key: random key.
        inputs: of the first layer.
        depth: hidden layers.
        units: of each.
        classes: outputs.
    """
    sizes = [inputs * units, (depth - 1) * units**2, units * classes]
    draws = jax.random.normal(key, (sum(sizes),), jnp.float32)
    first, later, readout = jnp.split(draws, [sizes[0], sizes[0] + sizes[1]])
    return Classifier(
        first.reshape(inputs, units) * jnp.float32((2 / inputs) ** 0.5),
        later.reshape(depth - 1, units, units) * jnp.float32((2 / units) ** 0.5),
        jnp.ones((depth, units), jnp.float32),
        jnp.zeros((depth, units), jnp.float32),
        readout.reshape(units, classes) * jnp.float32(units**-0.5),
    )


def outputs(
    network: Classifier, images: Float[Array, "batch inputs"], normalize: Bool[Array, ""]
) -> tuple[Float[Array, "batch classes"], Float[Array, "depth 2 units"]]:
    """What the network says of a batch, and each layer's means and deviations in it.

    Args:
        network: one network.
        images: inputs.
        normalize: whether a layer's products with its weights are normalized over the batch before
            they are scaled.
    """

    def layer(before: Array, scale: Array, bias: Array) -> tuple[Array, Array]:
        mean = jnp.mean(before, axis=0)
        deviation = jnp.sqrt(jnp.var(before, axis=0) + SMALLEST_VARIANCE)
        before = jnp.where(normalize, (before - mean) / deviation, before)
        return jax.nn.relu(scale * before + bias), jnp.stack([mean, deviation])

    def step(x: Array, parts: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        weights, scale, bias = parts
        return layer(x @ weights, scale, bias)

    x, first = layer(images @ network.first, network.scales[0], network.biases[0])
    x, later = jax.lax.scan(step, x, (network.later, network.scales[1:], network.biases[1:]))
    return x @ network.readout, jnp.concatenate([first[None], later])


def absorbed(
    network: Classifier, images: Float[Array, "samples inputs"], normalize: Bool[Array, ""]
) -> Classifier:
    """The network that does without normalization what this one does with these images' statistics.

    Args:
        network: one network.
        images: of which means and deviations are taken, usually all training images.
        normalize: whether this network normalizes; if not, it is returned as it is.
    """
    mean, deviation = jnp.moveaxis(outputs(network, images, normalize)[1], 1, 0)
    scales = network.scales / deviation
    changed = network._replace(scales=scales, biases=network.biases - scales * mean)
    return jax.tree.map(lambda new, old: jnp.where(normalize, new, old), changed, network)


def cross_entropy(
    network: Classifier,
    images: Float[Array, "batch inputs"],
    labels: Int[Array, " batch"],
    normalize: Bool[Array, ""],
) -> Float[Array, ""]:
    """Mean over a batch, in nats."""
    said, _ = outputs(network, images, normalize)
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(said, labels))


def train(
    network: Classifier,
    key: PRNGKeyArray,
    images: Float[Array, "samples inputs"],
    labels: Int[Array, " samples"],
    normalize: Bool[Array, ""],
    *,
    steps: int,
    batch: int,
    learning_rate: float | Float[Array, ""],
) -> tuple[Classifier, Classifier]:
    """Adam on the cross-entropy of batches, all parameters trained.

    Without normalization the scales stay at one: they would double the weights.

    Args:
        network: the start.
        key: draws the batches, with replacement.
        images: training inputs.
        labels: their classes.
        normalize: whether layers are normalized.
        steps: steps of descent.
        batch: images in a step.
        learning_rate: of Adam; may be traced.

    Returns:
        The networks halfway and at the end, neither of them absorbed.
    """
    descent = optax.adam(learning_rate)

    def step(
        state: tuple[Classifier, optax.OptState], chosen: Array
    ) -> tuple[tuple[Classifier, optax.OptState], None]:
        network, memory = state
        gradient = jax.grad(cross_entropy)(network, images[chosen], labels[chosen], normalize)
        gradient = gradient._replace(scales=gradient.scales * normalize)
        change, memory = descent.update(gradient, memory)
        return (optax.apply_updates(network, change), memory), None

    def half(
        state: tuple[Classifier, optax.OptState], batches: Array
    ) -> tuple[tuple[Classifier, optax.OptState], Classifier]:
        state, _ = jax.lax.scan(step, state, batches)
        return state, state[0]

    batches = jax.random.randint(key, (2 * (steps // 2) * batch,), 0, len(labels))
    batches = batches.reshape(2, steps // 2, batch)
    _, kept = jax.lax.scan(half, (network, descent.init(network)), batches)
    halfway, end = (jax.tree.map(lambda part, i=i: part[i], kept) for i in (0, 1))
    return halfway, end


class Trained(NamedTuple):
    """Networks of several runs at three times, without normalization."""

    start: Classifier
    halfway: Classifier
    end: Classifier


@partial(jax.jit, static_argnames=("depth", "units", "classes", "steps", "batch"))
def start_and_train(
    keys: Key[Array, " runs"],
    images: Float[Array, "samples inputs"],
    labels: Int[Array, "runs samples"],
    normalize: Bool[Array, " runs"],
    *,
    depth: int,
    units: int,
    classes: int,
    steps: int,
    batch: int,
    learning_rate: float | Float[Array, ""],
) -> Trained:
    """Start and train one network for each key; arguments as for `gaussian` and `train`."""

    def run(one: tuple[PRNGKeyArray, Array, Array]) -> Trained:
        key, labels, normalize = one
        start_key, batch_key = jax.random.split(key)
        start = gaussian(
            start_key, inputs=images.shape[1], depth=depth, units=units, classes=classes
        )
        halfway, end = train(
            start,
            batch_key,
            images,
            labels,
            normalize,
            steps=steps,
            batch=batch,
            learning_rate=learning_rate,
        )
        return Trained(*(absorbed(network, images, normalize) for network in (start, halfway, end)))

    return jax.lax.map(run, (keys, labels, normalize))
