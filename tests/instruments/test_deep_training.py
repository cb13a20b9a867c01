import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.deep_training import (
    Perceptron,
    cross_entropy,
    gaussian,
    learn,
    outputs,
    train,
)

DEPTH, UNITS, CLASSES = 3, 5, 4


@pytest.fixture
def network() -> Perceptron:
    rng = np.random.default_rng(0)
    return Perceptron(
        jnp.asarray(rng.normal(size=(DEPTH, UNITS, UNITS))),
        jnp.asarray(rng.normal(size=(UNITS, CLASSES))),
    )


@pytest.fixture
def data() -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(1)
    return jnp.asarray(rng.normal(size=(20, UNITS))), jnp.asarray(rng.integers(CLASSES, size=20))


def test_outputs_are_layer_after_layer(network: Perceptron, data: tuple) -> None:
    x = np.asarray(data[0])
    for weights in np.asarray(network.hidden):
        x = np.maximum(x @ weights, 0)
    assert np.allclose(outputs(network, data[0], jax.nn.relu), x @ np.asarray(network.readout))


def test_a_silent_network_pays_the_logarithm_of_the_classes(
    network: Perceptron, data: tuple
) -> None:
    silent = network._replace(readout=0 * network.readout)
    assert cross_entropy(silent, *data, jnp.tanh) == pytest.approx(np.log(CLASSES))


def test_training_is_heavy_ball_descent(network: Perceptron, data: tuple) -> None:
    rate, momentum = 0.05, 0.9
    inputs, labels = (np.asarray(part) for part in data)

    def by_hand(network: Perceptron, chosen: np.ndarray) -> tuple[float, list[np.ndarray]]:
        """Loss and gradient by back-propagation in numpy."""
        signals = [inputs[chosen]]
        for weights in np.asarray(network.hidden):
            signals.append(np.tanh(signals[-1] @ weights))
        scores = signals[-1] @ np.asarray(network.readout)
        share = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        rows = np.arange(len(chosen))
        loss = -np.log(share[rows, labels[chosen]]).mean()
        share[rows, labels[chosen]] -= 1
        error = share / len(chosen)
        gradients = [signals[-1].T @ error]
        error = error @ np.asarray(network.readout).T
        for layer in reversed(range(DEPTH)):
            error = error * (1 - signals[layer + 1] ** 2)
            gradients.append(signals[layer].T @ error)
            error = error @ np.asarray(network.hidden[layer]).T
        return loss, [np.stack(gradients[:0:-1]), gradients[0]]

    key = jax.random.key(2)
    batches = np.asarray(jax.random.randint(key, (6 * 7,), 0, 20)).reshape(6, 7)
    expected, velocity, losses = network, [0.0, 0.0], []
    for chosen in batches:
        loss, gradient = by_hand(expected, chosen)
        losses.append(loss)
        velocity = [momentum * v + g for v, g in zip(velocity, gradient, strict=True)]
        expected = Perceptron(*(w - rate * v for w, v in zip(expected, velocity, strict=True)))
    trained, found = train(
        network, key, *data, jnp.tanh, steps=6, batch=7, learning_rate=rate, momentum=momentum
    )
    assert np.allclose(found, losses)
    assert all(np.allclose(a, b) for a, b in zip(trained, expected, strict=True))


def test_single_precision_stays_single(network: Perceptron, data: tuple) -> None:
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (network, data[0]))
    trained, losses = train(
        single[0],
        jax.random.key(0),
        single[1],
        data[1],
        jnp.tanh,
        steps=2,
        batch=3,
        learning_rate=0.1,
        momentum=0.9,
    )
    assert {leaf.dtype for leaf in (*trained, losses)} == {jnp.dtype("float32")}


def test_gaussian_weights_have_their_variances_and_share_their_draws() -> None:
    units, classes = 60, 40
    one, four = (
        gaussian(jax.random.key(0), gain, depth=4, units=units, classes=classes, dtype=float)
        for gain in (1.0, jnp.asarray(4.0))
    )
    assert one.hidden.shape == (4, units, units)
    assert one.readout.shape == (units, classes)
    for weights in one:
        bound = 5 * np.sqrt(2 / weights.size)
        assert units * np.mean(np.asarray(weights) ** 2) == pytest.approx(1, abs=bound)
        assert abs(np.mean(weights)) < 5 / np.sqrt(units * weights.size)
    assert np.allclose(four.hidden, 2 * one.hidden)
    assert np.array_equal(four.readout, one.readout)
    single = gaussian(jax.random.key(0), 1.0, depth=1, units=2, classes=3)
    assert {leaf.dtype for leaf in single} == {jnp.dtype("float32")}


def test_what_was_learned_is_told(network: Perceptron, data: tuple) -> None:
    key, sizes = jax.random.key(3), {"steps": 6, "batch": 7}
    trained, losses = train(
        network, key, *data, jnp.tanh, **sizes, learning_rate=0.05, momentum=0.9
    )
    told = learn(network, key, *data, jnp.asarray(0.05), activation=jnp.tanh, **sizes)
    assert np.allclose(told, (cross_entropy(trained, *data, jnp.tanh), losses.mean()))
