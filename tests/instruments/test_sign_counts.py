"""The sign-count limit: every sample tracked, gradient descent, laws derived by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from instruments import gram_training
from instruments.sign_counts import (
    correct_clusters,
    count_pattern,
    draw_counts,
    fair_binomial,
    odd_and_even,
    train,
)

FALSE_ALARM = 1e-6  # per test, on a fresh seed


def identity(x):
    return x


ACTIVATIONS = [jax.nn.relu, jnp.abs, identity]


def random_signs(rng, size):
    return rng.choice([-1.0, 1.0], size)


def xor_clusters(rng, n, flip_probability=0.2):
    means, sides = rng.integers(2, size=n), random_signs(rng, n)
    clean = np.where(means == 0, 1.0, -1.0)
    return means, sides, np.where(rng.random(n) < flip_probability, -clean, clean)


@pytest.fixture(scope="module")
def drawn():
    """Counts of 400 seeds of 400 neurons at n = 1e12 and eta = 0.1, and their output signs."""
    keys = jax.random.split(jax.random.key(1), 400)
    counts = jax.jit(partial(jax.lax.map, lambda key: draw_counts(key, 1e12, 400, 0.1)))(keys)
    return counts, jax.random.rademacher(jax.random.key(2), (400, 400), dtype=float)


# --- draws


@pytest.mark.parametrize("trials", [0, 1, 7, 64, 65, 1000, 1e6, 1e14])
def test_fair_binomial_has_its_law(trials):
    draws = 1_000_000
    values = np.asarray(jax.jit(fair_binomial)(jax.random.key(0), jnp.full(draws, float(trials))))
    assert np.array_equal(values, np.round(values))
    if trials == 0:
        assert not values.any()
        return
    # Distribution: Dvoretzky, Kiefer, Wolfowitz. At 1e14 the Gaussian is as good and computable.
    points, counts = np.unique(values, return_counts=True)
    law = stats.binom(trials, 0.5) if trials <= 1e6 else stats.norm(trials / 2, trials**0.5 / 2)
    distance = np.max(np.abs(np.cumsum(counts) / draws - law.cdf(points)))
    assert distance < np.sqrt(np.log(2 / FALSE_ALARM) / (2 * draws))
    # Mean and variance: Student and the normal approximation of a variance, 5 standard errors.
    standard = (values - trials / 2) / np.sqrt(trials / 4)
    assert abs(standard.mean()) < 5 / np.sqrt(draws)
    fourth_moment = 3 - 2 / trials
    assert abs(np.mean(standard**2) - 1) <= 5 * np.sqrt((fourth_moment - 1) / draws)


def test_counts_have_the_law_of_samples(drawn):
    samples, seeds = 1e12, 400
    sizes = np.asarray(drawn[0].active + drawn[0].inactive)
    assert np.array_equal(sizes, np.broadcast_to(sizes[..., :1], sizes.shape))
    sizes = sizes[..., 0]
    assert np.array_equal(sizes.sum(axis=(1, 2, 3)), np.full(seeds, samples))
    shares = np.array([[[0.9, 0.1]] * 2, [[0.1, 0.9]] * 2]) / 4
    deviations = (sizes - samples * shares) / np.sqrt(samples * shares * (1 - shares))
    assert np.max(np.abs(deviations.mean(axis=0))) < 5.5 / np.sqrt(seeds)
    assert np.max(np.abs(deviations.var(axis=0) - 1)) < 5.5 * np.sqrt(2 / seeds)
    # The active ones of a group and seed are fair draws, independent between neurons.
    active = (np.asarray(drawn[0].active) - sizes[..., None] / 2) / np.sqrt(sizes[..., None] / 4)
    assert abs(active.mean()) < 5 / np.sqrt(active.size)
    assert np.std(active.mean(axis=-1)) == pytest.approx(1 / np.sqrt(400), rel=0.1)


def test_a_given_pattern_is_counted():
    rng = np.random.default_rng(0)
    means, sides, labels = xor_clusters(rng, 50)
    pattern = rng.random((50, 3)) < 0.5
    counts = count_pattern(*map(jnp.asarray, (pattern, means, sides, labels)))
    for mean in 0, 1:
        for side in 0, 1:
            for label in 0, 1:
                group = (means == mean) & (sides == 1 - 2 * side) & (labels == 1 - 2 * label)
                active = pattern[group].sum(axis=0)
                assert np.array_equal(counts.active[mean, side, label], active)
                assert np.array_equal(counts.inactive[mean, side, label], group.sum() - active)


# --- training


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_limit_tracks_every_sample(activation):
    """Brute force: one coefficient a sample and neuron, and the three scales in turn."""
    rng = np.random.default_rng(1)
    n, m, steps = 60, 12, 9
    means, sides, labels = xor_clusters(rng, n)
    pattern, output_signs = rng.random((n, m)) < 0.5, random_signs(rng, m)
    derivative = {
        jax.nn.relu: lambda sign: max(sign, 0),
        jnp.abs: lambda sign: sign,
        identity: lambda sign: 1,
    }[activation]

    coefficients = np.zeros((n, m))
    alignments = []
    for _ in range(steps + 1):
        now = np.zeros((2, m))
        for i in range(n):
            now[means[i]] += sides[i] * coefficients[i]
        alignments.append(now)
        updated = coefficients.copy()
        for i in range(n):
            for j in range(m):
                if coefficients[i, j] != 0:
                    sign = np.sign(coefficients[i, j])
                elif now[means[i], j] != 0:
                    sign = sides[i] * np.sign(now[means[i], j])
                else:
                    sign = 1 if pattern[i, j] else -1
                updated[i, j] += output_signs[j] * labels[i] * derivative(sign)
        coefficients = updated
    alignments = np.array(alignments)

    counts = count_pattern(*map(jnp.asarray, (pattern, means, sides, labels)))
    trajectory = train(counts, jnp.asarray(output_signs), steps=steps, activation=activation)
    assert np.array_equal(trajectory.alignments, alignments)
    for index, side in enumerate((1, -1)):
        expected = activation(side * alignments) @ output_signs
        assert np.array_equal(trajectory.centre_outputs[:, :, index], expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_descent_tends_to_the_limit(activation):
    """From the same pattern, deep in the regime, neurons without a tie agree to 1e-3 samples."""
    n, m, steps, p = 60, 80, 12, 1e19
    rng = np.random.default_rng(2)
    means, sides, labels = xor_clusters(rng, n)
    output_signs = random_signs(rng, m)
    scale = (p / n**5.02) ** 0.25  # the constant C of the theorem's assumptions
    mean_squared = scale * n**0.51 * p**0.5
    step_size = 1 / (scale * n * p)
    weight_scale = step_size * mean_squared / (n * m**1.5 * p**1.5)

    frame = gram_training.gaussian_frame(jax.random.key(0), gram_training.frame_degrees(n + m, p))
    centres = np.sqrt(mean_squared) * np.eye(2, n + m + 2)
    inputs = sides[:, None] * centres[means] + frame[:n]
    output_weights = jnp.asarray(output_signs / np.sqrt(m))
    network = gram_training.Network(
        inputs, weight_scale * frame[n:], output_weights, jnp.asarray(labels)
    )
    at_centres = gram_training.train(
        network,
        jnp.asarray(centres),
        steps=steps,
        step_size=step_size,
        form="dual",
        activation=activation,
        observe=lambda snapshot: snapshot.probe_preactivations,
    )
    unit = step_size * mean_squared / (2 * n * np.sqrt(m))

    pattern = inputs @ network.weights.T > 0
    counts = count_pattern(*map(jnp.asarray, (pattern, means, sides, labels)))
    limit = train(counts, jnp.asarray(output_signs), steps=steps, activation=activation).alignments
    untied = np.all(limit[1:] != 0, axis=(0, 1))
    assert untied.mean() > 0.5
    difference = np.abs(at_centres / unit - limit)[:, :, untied]
    assert np.max(difference) < 1e-3
    assert np.max(np.abs(limit)) > 10


def test_neurons_follow_one_mean(drawn):
    r"""A neuron with s_j > 0: |M_1| = n/8 [(1 - 2 eta) + (t - 2)(1 - eta)], |M_2| -> n eta / 8."""
    n, flip, steps = 1e12, 0.1, 12
    counts = jax.tree.map(lambda of_seeds: of_seeds[0], drawn[0])
    positive, negative = jnp.ones(400), -jnp.ones(400)
    times = np.arange(steps + 1)
    followed = n / 8 * ((1 - 2 * flip) + (times - 2) * (1 - flip))
    error = 10 * times[:, None] * np.sqrt(n)  # ten standard deviations of a count, every step
    for output_signs, own, other in (positive, 0, 1), (negative, 1, 0):
        sizes = np.abs(train(counts, output_signs, steps=steps).alignments)
        assert np.all(np.abs(sizes[2:, own] - followed[2:, None]) < error[2:])
        assert np.all(np.abs(sizes[3:, other] - n * flip / 8) < error[3:])


# --- what is read off


def centre_outputs(drawn, activation):
    run = partial(train, steps=10, activation=activation)
    return jax.jit(jax.vmap(lambda *seed: run(*seed).centre_outputs))(*drawn)


def test_relu_networks_grok_at_the_third_step(drawn):
    """A class keeps one wrong cluster with probability 2 eta / ((1 - eta)(t - 1))."""
    seeds, flip = 400, 0.1
    outputs = centre_outputs(drawn, jax.nn.relu)
    correct = np.asarray(correct_clusters(outputs))
    for time in (3, 5, 10):
        law = 2 * flip / ((1 - flip) * (time - 1))
        class_fails = 1 - correct[:, time].all(axis=2)
        # Two classes a seed; 0.02 is for the finite number of neurons.
        assert abs(class_fails.mean() - law) < 5 * np.sqrt(law / (2 * seeds)) + 0.02
    # After one step it is a linear classifier up to an even part of relative size sqrt(2/m).
    assert abs(correct[:, 1].mean() - 0.5) < 0.05
    odd, even = odd_and_even(outputs[:, 1])
    ratio = np.sqrt(np.mean(even**2) / np.mean(odd**2))
    assert ratio == pytest.approx(np.sqrt(2 / 400), rel=0.2)


def test_linear_networks_stay_at_one_half(drawn):
    correct = correct_clusters(centre_outputs(drawn, identity))
    assert np.all(correct[:, 1:].mean(axis=(2, 3)) == 0.5)


def test_even_networks_have_no_odd_part(drawn):
    outputs = centre_outputs(drawn, jnp.abs)
    odd, even = odd_and_even(outputs)
    assert not odd.any()
    assert np.array_equal(even, outputs[..., 0])
