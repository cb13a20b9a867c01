"""Images that are split and paired as they should be; networks that are what was trained."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments import deep_training
from instruments.digit_networks import (
    GAIN,
    as_network,
    load,
    start_and_train,
    train_narrow,
)

DEPTH, RUNS = 2, 2


@pytest.fixture(scope="module")
def images():
    return load(np.random.default_rng(0))


@pytest.fixture(scope="module")
def networks(images):
    """Starts and ends; the second run has the labels shuffled."""
    labels = images.labels[images.train]
    both = np.stack([labels, np.random.default_rng(1).permutation(labels)])
    key = jax.random.key(2)
    return start_and_train(
        jnp.stack([key] * RUNS),
        jnp.asarray(images.rows[images.train], jnp.float32),
        jnp.asarray(both),
        depth=DEPTH,
        units=64,
        classes=10,
        steps=200,
    )


def test_every_image_is_on_one_side(images):
    assert sorted([*images.train, *images.test]) == list(range(1797))
    assert np.mean(images.rows**2) == pytest.approx(1)


def test_pairs_show_one_digit(images):
    rng = np.random.default_rng(3)
    known = {
        row.tobytes(): images.labels[i] for i, row in enumerate(images.rows) if i in images.test
    }
    for _ in range(50):
        first, second = (known[row.tobytes()] for row in images.pair(rng))
        assert first == second


def test_runs_of_one_key_start_alike(networks):
    key, _ = jax.random.split(jax.random.key(2))
    alone = deep_training.gaussian(key, GAIN, depth=DEPTH, units=64, classes=10)
    for part, expected in zip(networks[0], alone, strict=True):
        np.testing.assert_allclose(part[0], expected, rtol=1e-6)
        np.testing.assert_array_equal(part[0], part[1])


def test_true_labels_are_learnt(images, networks):
    rows, labels = images.rows[images.test], images.labels[images.test]
    before, after, shuffled = (
        np.mean(np.argmax(as_network(network, run)(rows), axis=1) == labels)
        for network, run in ((networks[0], 0), (networks[1], 0), (networks[1], 1))
    )
    assert max(before, shuffled) < 0.4
    assert after > 0.9


def test_as_network_computes_the_same(images, networks):
    rows = images.rows[:20]
    expected = deep_training.outputs(
        jax.tree.map(lambda part: part[1], networks[1]),
        jnp.asarray(rows, jnp.float32),
        jax.nn.relu,
    )
    found = as_network(networks[1], 1)(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(found).max())


def test_narrow_networks_learn_too(images):
    """Signals keep their size at the start, and errors go."""
    rows, labels = images.rows[images.test], images.labels[images.test]
    start, end = (
        train_narrow(
            jax.random.split(jax.random.key(4), RUNS),
            jnp.asarray(images.rows[images.train], jnp.float32),
            jnp.asarray(np.stack([images.labels[images.train]] * RUNS)),
            depth=3,
            units=40,
            classes=10,
            steps=steps,
        )
        for steps in (0, 200)
    )
    assert start.first.shape == (RUNS, 64, 40)
    assert start.rest.hidden.shape == (RUNS, 2, 40, 40)
    signals = rows
    for weights in (start.first[1], *start.rest.hidden[1]):
        signals = np.maximum(signals @ np.asarray(weights, float), 0)
    assert 1 / 3 < np.mean(signals**2) / np.mean(rows**2) < 3
    found = as_network(start, 1)(rows)
    np.testing.assert_allclose(found, signals @ np.asarray(start.rest.readout[1], float))
    before, after = (
        np.mean(np.argmax(as_network(network, 0)(rows), axis=1) == labels)
        for network in (start, end)
    )
    assert before < 0.4
    assert after > 0.9
