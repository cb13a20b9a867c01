"""Training in Gram space: the same run in all coordinates, and frames with the right law."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from instruments.gram_training import (
    Network,
    Snapshot,
    frame_degrees,
    gaussian_frame,
    logistic,
    steps_until,
    train,
)

STEPS = 30
FALSE_ALARM = 1e-6  # per test, on a fresh seed


def identity(x):
    return x


def exponential(margin):
    return jnp.exp(-margin)


def preactivations(snapshot: Snapshot):
    return snapshot.train_preactivations, snapshot.probe_preactivations


def sample(seed=0, n=20, m=24, p=300, probes=5):
    """Two Gaussian clusters with a tenth of their labels flipped, in all p coordinates."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([-1.0, 1.0], n)
    means = np.zeros((2, p))
    means[[0, 1], [3, 7]] = 4.0
    inputs = rng.normal(size=(n, p)) + np.outer(labels, means[0])
    weights = rng.normal(size=(m, p)) / np.sqrt(p)
    output_weights = rng.choice([-1.0, 1.0], m) / np.sqrt(m)
    labels[: n // 10] *= -1
    points = np.vstack([means, rng.normal(size=(probes, p)) + means[1]])
    network = Network(*map(jnp.asarray, (inputs, weights, output_weights, labels)))
    return network, jnp.asarray(points)


def in_frame(network, probes):
    """The same vectors in an orthonormal frame of their span."""
    vectors = jnp.vstack([network.inputs, network.weights, probes])
    frame, _ = jnp.linalg.qr(vectors.T)
    assert frame.shape[1] < frame.shape[0]
    reduced = network._replace(inputs=network.inputs @ frame, weights=network.weights @ frame)
    return reduced, probes @ frame


def relative_difference(one, other):
    return max(
        float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(b)))
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


# --- training


def test_the_run_is_the_same_in_all_coordinates_and_forms():
    network, probes = sample()
    settings = {"steps": STEPS, "step_size": 0.05}
    reference = train(network, probes, **settings)
    # The loss is active: outputs are of order one, and margins on both sides of its bend.
    assert float(jnp.max(jnp.abs(reference.train_outputs))) > 1
    for vectors in (network, probes), in_frame(network, probes):
        for form in "primal", "dual":
            assert relative_difference(train(*vectors, form=form, **settings), reference) < 1e-12


@pytest.mark.parametrize(
    ("activation", "loss"),
    [(jax.nn.relu, logistic), (jnp.abs, exponential), (identity, logistic)],
)
def test_the_run_is_gradient_descent(activation, loss):
    network, probes = sample(n=12, m=10, p=40)

    def outputs(weights, points):
        return activation(jnp.einsum("jp,ip->ij", weights, points)) @ network.output_weights

    def risk(weights):
        scores = outputs(weights, network.inputs)
        if loss is logistic:
            return optax.sigmoid_binary_cross_entropy(scores, (network.labels + 1) / 2).mean()
        return jnp.mean(jnp.exp(-scores * network.labels))

    optimizer = optax.sgd(0.02)

    @jax.jit
    def update(weights, state):
        updates, state = optimizer.update(jax.grad(risk)(weights), state)
        return optax.apply_updates(weights, updates), state

    weights, state = network.weights, optimizer.init(network.weights)
    expected = [outputs(weights, probes)]
    for _ in range(10):
        weights, state = update(weights, state)
        expected.append(outputs(weights, probes))

    for form in "primal", "dual":
        trajectory = train(
            network, probes, steps=10, step_size=0.02, form=form, activation=activation, loss=loss
        )
        assert relative_difference(trajectory.probe_outputs, jnp.stack(expected)) < 1e-12


@pytest.mark.parametrize("form", ["primal", "dual"])
def test_an_observer_chooses_what_is_kept(form):
    network, probes = sample()
    run = {"steps": STEPS, "step_size": 0.05, "form": form}
    trajectory = train(network, probes, **run)
    at_inputs, at_probes = train(network, probes, observe=preactivations, **run)
    assert at_probes.shape == (STEPS + 1, len(probes), len(network.weights))
    assert jnp.array_equal(at_inputs[0] > 0, network.inputs @ network.weights.T > 0)
    expected = jax.nn.relu(at_probes) @ network.output_weights
    assert relative_difference(expected, trajectory.probe_outputs) < 1e-12

    def fitted(snapshot):
        return jnp.all(snapshot.train_outputs * network.labels > 0)

    history = np.all(np.asarray(trajectory.train_outputs * network.labels) > 0, axis=1)
    assert not history[0]
    assert history[-1]
    assert jnp.argmax(train(network, probes, observe=fitted, **run)) == np.argmax(history)


@pytest.mark.parametrize("form", ["primal", "dual"])
def test_training_until_stops_where_the_whole_run_first_meets_the_condition(form):
    network, probes = sample()
    run = {"step_size": 0.05, "form": form}
    norms = jnp.linalg.norm(train(network, probes, steps=STEPS, **run).probe_outputs, axis=1)
    for level in norms[7], norms[0]:
        steps = steps_until(
            network,
            probes,
            until=lambda now, level=level: jnp.linalg.norm(now.probe_outputs) >= level * (1 - 1e-9),
            limit=STEPS,
            **run,
        )
        assert steps == jnp.argmax(norms >= level * (1 - 1e-9))
    never = steps_until(network, probes, until=lambda now: jnp.asarray(False), limit=STEPS, **run)
    assert never == STEPS + 1


def test_training_until_a_batch_as_a_whole_meets_the_condition():
    networks = [sample(seed)[0] for seed in (1, 2)]
    batch, probes = jax.tree.map(lambda *x: jnp.stack(x), *networks), sample()[1]
    runs = [train(n, probes, steps=STEPS, step_size=0.05) for n in networks]
    mean = jnp.mean(jnp.stack([run.probe_outputs[:, 0] for run in runs]), axis=0)
    level = mean[9] - 1e-9

    def until(now):
        return jax.lax.pmean(now.probe_outputs[0], "batch") >= level

    def one(network):
        return steps_until(network, probes, until=until, limit=STEPS, step_size=0.05)

    steps = jax.vmap(one, axis_name="batch")(batch)
    assert steps.tolist() == 2 * [int(jnp.argmax(mean >= level))]


@pytest.mark.parametrize("form", ["primal", "dual"])
def test_runs_are_vectorised_over_networks_and_step_sizes(form):
    seeds = [sample(seed, n=6, m=5, p=30) for seed in range(3)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *seeds)
    step_sizes = jnp.array([0.01, 0.03, 0.1])

    def run(vectors, step_size):
        return train(*vectors, steps=5, step_size=step_size, form=form)

    together = jax.jit(jax.vmap(run))(batch, step_sizes)
    alone = [run(vectors, step_size) for vectors, step_size in zip(seeds, step_sizes, strict=True)]
    assert relative_difference(together, jax.tree.map(lambda *x: jnp.stack(x), *alone)) < 1e-12


# --- frames


@cache
def frames(dimension, count=4, draws=20_000, degrees=None):
    degrees = frame_degrees(count, dimension) if degrees is None else jnp.array(degrees)
    keys = jax.random.split(jax.random.key(0), draws)
    # Not vmap, which takes three times as long to compile.
    draw = jax.jit(partial(jax.lax.map, lambda key: gaussian_frame(key, degrees)))
    return np.asarray(draw(keys))


def p_value(frames, dimension):
    """Bonferroni over exact laws of a Gram matrix, and of coordinates along given directions.

    Squared lengths are chi2_p and squared Cholesky pivots chi2_{p-i}; a coordinate along a given
    direction, and an inner product over the length of one factor, are standard normal.
    """
    grams = frames @ np.swapaxes(frames, 1, 2)
    pivots = np.linalg.cholesky(grams)
    values = []
    for i in range(frames.shape[1]):
        values.append(stats.kstest(grams[:, i, i], stats.chi2(dimension).cdf).pvalue)
        values.append(stats.kstest(pivots[:, i, i] ** 2, stats.chi2(dimension - i).cdf).pvalue)
        values.append(stats.kstest(frames[:, i, 0], stats.norm.cdf).pvalue)
        values.append(stats.kstest(frames[:, i, 1], stats.norm.cdf).pvalue)
        for j in range(i):
            cosines = grams[:, i, j] / np.sqrt(grams[:, j, j])
            values.append(stats.kstest(cosines, stats.norm.cdf).pvalue)
    return min(1.0, min(values) * len(values))


def test_frames_have_the_law_of_the_space():
    assert p_value(frames(6), 6) > FALSE_ALARM


def test_wrong_laws_are_noticed():
    dimension = 6
    right = frames(dimension)
    # Without their noise along the given directions ...
    assert p_value(right * (np.arange(6) >= 2), dimension) < FALSE_ALARM
    # ... or as if every row had the space to itself.
    alone = frames(dimension, degrees=4 * (float(dimension),))
    assert p_value(alone, dimension) < FALSE_ALARM


def test_training_in_a_frame_has_the_law_of_training_in_the_space():
    """End to end, with a test point that came later: n = 3 inputs and m = 4 weights in R^12."""
    n, m, p, draws = 3, 4, 12, 2_000
    signs, labels = jnp.array([1.0, -1, 1, -1]), jnp.array([1.0, 1, -1])

    def probe_output(vectors, newcomer):
        centre = 2 * jnp.eye(1, vectors.shape[1])
        network = Network(vectors[:n] + labels[:, None] * centre, vectors[n:], signs, labels)
        trajectory = train(network, newcomer + centre, steps=3, step_size=0.1, form="dual")
        return trajectory.probe_outputs[-1, 0]

    def in_space(key):
        vectors = jax.random.normal(key, (n + m + 1, p))
        return probe_output(vectors[:-1], vectors[-1:])

    def in_frame(key):
        frame_key, newcomer_key = jax.random.split(key)
        newcomer = jax.random.normal(newcomer_key, (1, 2 + n + m))
        return probe_output(gaussian_frame(frame_key, frame_degrees(n + m, p)), newcomer)

    keys = jax.random.split(jax.random.key(1), (2, draws))
    space, frame = jax.lax.map(in_space, keys[0]), jax.lax.map(in_frame, keys[1])
    assert stats.ks_2samp(space, frame).pvalue > FALSE_ALARM
    assert np.std(space) > 1


def test_a_frame_of_an_enormous_space():
    dimension = 1e19
    grams = [f @ f.T for f in frames(dimension, count=50, draws=40)]
    lengths = np.concatenate([np.diag(gram) for gram in grams])
    products = np.concatenate([gram[np.tril_indices(50, -1)] for gram in grams])
    deviations = (lengths - dimension) / np.sqrt(2 * dimension)
    assert stats.kstest(deviations, stats.norm.cdf).pvalue > FALSE_ALARM / 2
    assert stats.kstest(products / np.sqrt(dimension), stats.norm.cdf).pvalue > FALSE_ALARM / 2


def test_a_space_too_small_for_the_vectors_is_refused():
    smallest = gaussian_frame(jax.random.key(0), frame_degrees(4, 7, fixed=3), fixed=3)
    assert smallest.shape == (4, 7)
    with pytest.raises(ValueError, match="4 vectors and 3 fixed directions span 7 dimensions"):
        frame_degrees(4, 6.5, fixed=3)
