"""The search for the largest learning rate against loops of single runs in PyTorch and JAX.

    pytest benchmarks/test_learning_rate_search.py

in the environment of `benchmarks/requirements.txt`. All sides search the same scan of rates with
the same networks, images, loss, stopping rules and precision; every number is a ratio of times
taken in turn in one process, and goes into `benchmarks/results.json`.
"""

import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import torch

from experiments.dynamics import maximal_initial_learning_rate as experiment
from instruments.constant_width import Rates

PACKAGES = ("jax", "numpy", "torch")
CONFIG = experiment.Config()
SHAPES = ((3, 64), (6, 64), (3, 128), (6, 128))
RUNS, ROUNDS = experiment.CHUNK, 3
ROOM = max(depth for depth, _ in SHAPES) - 1
THRESHOLD, STEPS = CONFIG.squared_threshold, CONFIG.steps
RELATIVE = (CONFIG.input_rate, 1.0, 1.0)


def problems():
    """Networks and scans of all shapes."""
    generator = np.random.default_rng(0)
    drawn = []
    for depth, width in SHAPES:
        networks = experiment.sample(generator, RUNS, (depth, width), CONFIG, ROOM)
        start = 2 * CONFIG.squared_start / (0.38 * depth * width)
        powers = np.arange(CONFIG.attempts) + generator.random((RUNS, 1))
        drawn.append((depth, networks, (start * CONFIG.scan_factor**-powers).astype(np.float32)))
    return drawn


def ours(drawn, data):
    """Places of the rates found, by the search of the experiment."""
    found = [
        experiment.searches(
            networks,
            rates,
            depth,
            *data,
            False,
            Rates(*(jnp.asarray(rate, jnp.float32) for rate in RELATIVE)),
            np.float32(THRESHOLD),
            STEPS,
        ).failures
        for depth, networks, rates in drawn
    ]
    return np.stack([np.asarray(places) for places in found])


def one_by_one(drawn, attempt):
    """The same by loops over shapes, runs and rates around single trainings."""
    found = np.empty((len(SHAPES), RUNS), int)
    for row, (depth, networks, rates) in enumerate(drawn):
        for run in range(RUNS):
            layers = [
                networks.first[run],
                *networks.hidden[run, : depth - 1],
                networks.readout[run],
            ]
            succeeded = (attempt(layers, rate) for rate in rates[run])
            found[row, run] = next(place for place, good in enumerate(succeeded) if good)
    return found


def torch_attempt(data):
    """Whether training at a rate succeeds, as one would write it in PyTorch."""
    inputs, targets = (torch.from_numpy(part) for part in data)
    labels = targets.argmax(dim=1)

    def attempt(layers, rate):
        weights = [torch.tensor(layer, requires_grad=True) for layer in layers]
        relative = [RELATIVE[0], *([1.0] * (len(weights) - 1))]
        groups = [
            {"params": [weight], "lr": float(rate * factor)}
            for weight, factor in zip(weights, relative, strict=True)
        ]
        optimizer, first = torch.optim.SGD(groups), None
        for _ in range(STEPS + 1):
            signal = inputs
            for weight in weights[:-1]:
                signal = torch.relu(signal @ weight)
            outputs = signal @ weights[-1]
            loss = ((outputs - targets) ** 2).sum() / 2 / len(targets)
            value = loss.item()
            first = value if first is None else first
            right = (outputs.argmax(dim=1) == labels).float().mean().item()
            if right >= THRESHOLD and value < first:
                return True
            if not value < experiment.HOPELESS * first or not (signal > 0).any():
                return False
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return False

    return attempt


def jax_attempt(data):
    """The same with a compiled step in a Python loop, as one would write it in JAX."""
    inputs, targets = (jnp.asarray(part) for part in data)
    labels = jnp.argmax(targets, axis=1)

    @jax.jit
    def step(weights, rate):
        def loss_of(weights):
            signal = inputs
            for weight in weights[:-1]:
                signal = jax.nn.relu(signal @ weight)
            outputs = signal @ weights[-1]
            loss = jnp.sum((outputs - targets) ** 2) / 2 / len(targets)
            right = jnp.mean(jnp.argmax(outputs, axis=1) == labels, dtype=jnp.float32)
            return loss, (right, jnp.any(signal > 0))

        (loss, seen), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
        relative = [RELATIVE[0], *([1.0] * (len(weights) - 1))]
        moved = [
            weight - rate * factor * gradient
            for weight, factor, gradient in zip(weights, relative, gradients, strict=True)
        ]
        return moved, loss, seen

    def attempt(layers, rate):
        weights, first = [jnp.asarray(layer) for layer in layers], None
        for _ in range(STEPS + 1):
            weights, loss, (right, alive) = step(weights, rate)
            value = float(loss)
            first = value if first is None else first
            if float(right) >= THRESHOLD and value < first:
                return True
            if not value < experiment.HOPELESS * first or not bool(alive):
                return False
        return False

    return attempt


def seconds(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def test_against_loops_of_single_runs(benchmark, record):
    data, drawn = experiment.load(CONFIG.images, CONFIG.samples), problems()
    torch.set_num_threads(1)
    loops = {"torch": torch_attempt(data), "jax": jax_attempt(data)}
    # The first search compiles, which is told apart; the JAX loop compiles in its first round.
    compiling, mine = seconds(ours, drawn, data)
    times = {name: [] for name in ("ours", *loops)}
    for _ in range(ROUNDS):
        taken, again = seconds(ours, drawn, data)
        times["ours"].append(taken)
        assert np.array_equal(again, mine)
        for name, attempt in loops.items():
            taken, found = seconds(one_by_one, drawn, attempt)
            times[name].append(taken)
            # Rounding differs, and training at the edge magnifies it: most places are the same.
            assert np.mean(np.abs(found - mine) <= 1) > 0.8
    benchmark.pedantic(lambda: ours(drawn, data), rounds=3)
    own = median(times["ours"])
    for name in loops:
        record(
            f"rate_search_speedup_over_{name}_loop",
            median(times[name]) / own,
            ours=own,
            peer=median(times[name]),
            compiling=compiling,
        )
