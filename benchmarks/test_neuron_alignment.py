"""Event-driven alignment against an adaptive ODE solver, diffrax.

    pytest benchmarks/test_neuron_alignment.py

in the environment of `benchmarks/requirements.txt`. The solver is given what helps it: all neurons
in one compiled program, inner products instead of coordinates, and a tolerance at which it errs by
about a millionth, where the events err by rounding only. Times are taken in turn in one process;
their ratio goes into `benchmarks/results.json`.
"""

import time
from statistics import median

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

import instruments  # noqa: F401  (double precision)
from instruments.neuron_alignment import Start, align

PACKAGES = ("diffrax", "jax", "numpy")
SAMPLES, DIMENSION, NEURONS, SEPARATION, ROUNDS = 50, 200, 200, 0.1, 5
ACCURACY = 1e-6
"""Largest error in a neuron's direction that the solver must keep to."""


def seconds(function):
    start = time.perf_counter()
    jax.block_until_ready(function())
    return time.perf_counter() - start


def sample_start(rng):
    directions = rng.normal(size=(SAMPLES, DIMENSION))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    gram = directions @ directions.T
    share = (SEPARATION - gram.min()) / (1 - gram.min())
    gram = (1 - share) * gram + share
    weights = rng.normal(size=(NEURONS, SAMPLES))
    own = np.tile(np.arange(SAMPLES) % 2 == 0, (NEURONS, 1))
    preactivations = weights @ np.linalg.cholesky(gram).T
    return gram, Start(own, preactivations, np.sum(weights**2, axis=1))


def solver(gram, own, until):
    """All neurons by an adaptive method of order five; the state is (b, v)."""

    def velocity(_, state, own):
        b, output = state
        active = jnp.where(own, b > 0, b < 0)
        return output * (active @ gram), jnp.sum(jnp.where(active, b, 0.0))

    def one(b, output, own, tolerance):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(velocity),
            diffrax.Tsit5(),
            0.0,
            until,
            None,
            (b, output),
            own,
            saveat=diffrax.SaveAt(t1=True),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=100_000,
        )
        return solution.ys[0][0], solution.ys[1][0]

    return jax.jit(lambda b, v, tolerance: jax.vmap(one, (0, 0, 0, None))(b, v, own, tolerance))


def test_against_diffrax(benchmark, record):
    gram, start = sample_start(np.random.default_rng(0))
    until = float(np.quantile(align(gram, start).time, 0.99))
    solve = solver(jnp.asarray(gram), jnp.asarray(start.own), until)
    b, v = jnp.asarray(start.preactivations), jnp.sqrt(start.squared_outputs)

    def by_events():
        moved = align(gram, start, until=until)
        return start.preactivations + moved.coefficients @ gram

    # The loosest tolerance with which the solver is accurate enough.
    exact = by_events()
    for tolerance in 10.0 ** -np.arange(3, 12):
        reached, outputs = solve(b, v, tolerance)
        error = float(np.max(np.abs(reached - exact) / np.asarray(outputs)[:, None]))
        if error < ACCURACY:
            break
    assert error < ACCURACY
    pairs = [(seconds(by_events), seconds(lambda: solve(b, v, tolerance))) for _ in range(ROUNDS)]
    benchmark.pedantic(by_events, rounds=3)
    ours, peer = (median(column) for column in zip(*pairs, strict=True))
    record("alignment_speedup_over_diffrax", peer / ours, ours=ours, peer=peer)
