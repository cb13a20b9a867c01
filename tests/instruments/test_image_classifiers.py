"""Adam and batch normalization against their textbook forms, layer after layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.image_classifiers import (
    SMALLEST_VARIANCE,
    Classifier,
    absorbed,
    cross_entropy,
    gaussian,
    outputs,
    start_and_train,
    train,
)

INPUTS, DEPTH, UNITS, CLASSES, SAMPLES = 6, 3, 5, 4, 20


@pytest.fixture
def network() -> Classifier:
    rng = np.random.default_rng(0)
    shapes = [(INPUTS, UNITS), (DEPTH - 1, UNITS, UNITS), (DEPTH, UNITS), (DEPTH, UNITS)]
    return Classifier(*(jnp.asarray(rng.normal(size=s)) for s in [*shapes, (UNITS, CLASSES)]))


@pytest.fixture
def data() -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(1)
    images = jnp.asarray(rng.normal(size=(SAMPLES, INPUTS)))
    return images, jnp.asarray(rng.integers(CLASSES, size=SAMPLES))


def by_hand(network: Classifier, x: jax.Array, normalize: bool) -> jax.Array:
    """Layer after layer; differentiable."""
    for weights, scale, bias in zip(
        [network.first, *network.later], network.scales, network.biases, strict=True
    ):
        before = x @ weights
        if normalize:
            centred = before - before.mean(axis=0)
            before = centred / jnp.sqrt((centred**2).mean(axis=0) + SMALLEST_VARIANCE)
        x = jnp.maximum(scale * before + bias, 0)
    return x @ network.readout


@pytest.mark.parametrize("normalize", [False, True])
def test_outputs_are_layer_after_layer(
    network: Classifier, data: tuple[jax.Array, jax.Array], normalize: bool
) -> None:
    said, _ = outputs(network, data[0], jnp.array(normalize))
    np.testing.assert_allclose(said, by_hand(network, data[0], normalize), rtol=1e-12)


def test_normalization_can_be_absorbed(
    network: Classifier, data: tuple[jax.Array, jax.Array]
) -> None:
    images, on, off = data[0], jnp.array(True), jnp.array(False)
    plain = absorbed(network, images, on)
    np.testing.assert_allclose(
        outputs(plain, images, off)[0], outputs(network, images, on)[0], rtol=1e-10
    )
    # Each image is then on its own.
    np.testing.assert_allclose(
        outputs(plain, images[:1], off)[0], outputs(plain, images, off)[0][:1], rtol=1e-10
    )
    same = absorbed(network, images, off)
    assert all(np.array_equal(a, b) for a, b in zip(same, network, strict=True))


@pytest.mark.parametrize("normalize", [False, True])
def test_training_is_adam(
    network: Classifier, data: tuple[jax.Array, jax.Array], normalize: bool
) -> None:
    images, labels = data
    steps, batch, rate = 4, 7, 0.05
    key = jax.random.key(2)

    def loss(network: Classifier, chosen: np.ndarray) -> jax.Array:
        scores = by_hand(network, images[chosen], normalize)
        logs = scores - jax.scipy.special.logsumexp(scores, axis=1, keepdims=True)
        return -jnp.mean(logs[jnp.arange(batch), labels[chosen]])

    gradient_of = jax.jit(jax.grad(loss))
    batches = np.asarray(jax.random.randint(key, (steps * batch,), 0, SAMPLES))
    expected, kept = jax.tree.map(np.asarray, network), []
    mean = square = jax.tree.map(np.zeros_like, network)
    for number, chosen in enumerate(batches.reshape(steps, batch), start=1):
        gradient = jax.tree.map(np.asarray, gradient_of(expected, chosen))
        if not normalize:
            gradient = gradient._replace(scales=0 * gradient.scales)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, square, gradient)
        expected = jax.tree.map(
            lambda w, m, v, n=number: (
                w - rate * (m / (1 - 0.9**n)) / (np.sqrt(v / (1 - 0.999**n)) + 1e-8)
            ),
            expected,
            mean,
            square,
        )
        kept.append(expected)
    found = train(
        network, key, *data, jnp.array(normalize), steps=steps, batch=batch, learning_rate=rate
    )
    for got, wanted in zip(found, [kept[1], kept[3]], strict=True):
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_gaussian_weights_have_their_variances() -> None:
    start = gaussian(jax.random.key(0), inputs=80, depth=3, units=60, classes=50)
    for weights, variance in (
        (start.first, 2 / 80),
        (start.later, 2 / 60),
        (start.readout, 1 / 60),
    ):
        bound = 5 * np.sqrt(2 / weights.size)
        assert np.mean(np.asarray(weights) ** 2) / variance == pytest.approx(1, abs=bound)
    assert np.all(start.scales == 1)
    assert np.all(start.biases == 0)
    assert {leaf.dtype for leaf in start} == {jnp.dtype("float32")}


def test_both_kinds_learn_from_one_start() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(CLASSES, size=200)
    images = np.eye(CLASSES, 30)[labels] + 0.1 * rng.normal(size=(200, 30))
    normalize = jnp.array([False, True])
    found = start_and_train(
        jnp.repeat(jax.random.split(jax.random.key(4), 1), 2),
        jnp.asarray(images, jnp.float32),
        jnp.asarray(np.tile(labels, (2, 1))),
        normalize,
        depth=1,
        units=16,
        classes=CLASSES,
        steps=100,
        batch=20,
        learning_rate=0.01,
    )
    assert np.array_equal(found.start.first[0], found.start.first[1])
    assert np.all(found.end.scales[0] == 1)
    assert not np.allclose(found.start.scales[1], 1)
    loss = jax.jit(cross_entropy)
    for run in (0, 1):
        losses = [
            loss(
                jax.tree.map(lambda part, run=run: part[run], network),
                jnp.asarray(images, jnp.float32),
                jnp.asarray(labels),
                jnp.array(False),
            )
            for network in found
        ]
        assert losses[0] > 1 > 0.2 > losses[1] > losses[2]
