"""Gram-space training against PyTorch, against plain JAX, against the machine, against dimension.

    pytest benchmarks/test_gram_training.py

in the environment of `benchmarks/requirements.txt`. Every number is a ratio of times taken in turn
in one process, so that a busy machine slows both sides; each goes into `benchmarks/results.json`.
"""

import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import torch

from instruments.gram_training import Network, frame_degrees, gaussian_frame, train

PACKAGES = ("jax", "numpy", "torch")
SAMPLES, DIMENSION, NEURONS, STEPS, SEEDS = 200, 40_000, 1000, 40, 8
MEAN, STEP_SIZE, INITIAL_SCALE = 12.0, 1e-3, 1e-4


def seconds(function, *args):
    start = time.perf_counter()
    jax.block_until_ready(function(*args))
    return time.perf_counter() - start


def xor_network(key, coordinates, weights_key):
    """Clusters on the first two axes of any coordinates of Gaussian vectors."""
    cluster_key, sign_key = jax.random.split(key)
    n, d = coordinates.shape
    clusters = jax.random.randint(cluster_key, (n,), 0, 4)
    centres = MEAN * jnp.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) @ jnp.eye(2, d)
    inputs = (coordinates + centres[clusters]).astype(coordinates.dtype)
    weights = INITIAL_SCALE * jax.random.normal(weights_key, (NEURONS, d), coordinates.dtype)
    signs = jax.random.rademacher(sign_key, (NEURONS,), dtype=coordinates.dtype)
    labels = jnp.where(clusters < 2, 1, -1).astype(coordinates.dtype)
    return Network(inputs, weights, signs / NEURONS**0.5, labels), centres.astype(inputs.dtype)


def run_in_frame(key, dimension=DIMENSION):
    """Inputs span the frame together with the means; the weights are later vectors in it."""
    frame_key, weights_key, network_key = jax.random.split(key, 3)
    frame = gaussian_frame(frame_key, frame_degrees(SAMPLES, dimension))
    vectors = xor_network(network_key, frame, weights_key)
    return train(*vectors, steps=STEPS, step_size=STEP_SIZE, form="dual")


@jax.jit
def run_in_space(key):
    """The same run with all coordinates, in single precision as the peer's."""
    input_key, weights_key, network_key = jax.random.split(key, 3)
    coordinates = jax.random.normal(input_key, (SAMPLES, DIMENSION), jnp.float32)
    vectors = xor_network(network_key, coordinates, weights_key)
    return train(*vectors, steps=STEPS, step_size=STEP_SIZE)


def run_torch(seed):
    """Sample and train as one would in PyTorch; returns sampling and training seconds."""
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    clusters = torch.randint(0, 4, (SAMPLES,), generator=generator)
    centres = torch.zeros(4, DIMENSION)
    centres[[0, 1, 2, 3], [0, 0, 1, 1]] = MEAN * torch.tensor([1.0, -1.0, 1.0, -1.0])
    inputs = torch.randn(SAMPLES, DIMENSION, generator=generator) + centres[clusters]
    labels = torch.where(clusters < 2, 1.0, -1.0)
    hidden = torch.nn.Linear(DIMENSION, NEURONS, bias=False)
    with torch.no_grad():
        hidden.weight.normal_(0, INITIAL_SCALE, generator=generator)
    signs = torch.randint(0, 2, (NEURONS,), generator=generator) * 2.0 - 1
    output_weights = signs / NEURONS**0.5
    sampled = time.perf_counter()

    optimizer = torch.optim.SGD(hidden.parameters(), lr=STEP_SIZE)
    history = []
    for step in range(STEPS + 1):
        outputs = torch.relu(hidden(inputs)) @ output_weights
        with torch.no_grad():
            at_centres = torch.relu(hidden(centres)) @ output_weights
        history.append((outputs.detach(), at_centres))
        if step < STEPS:
            optimizer.zero_grad()
            torch.nn.functional.softplus(-labels * outputs).mean().backward()
            optimizer.step()
    assert history[-1][0].isfinite().all()
    return sampled - start, time.perf_counter() - sampled


def test_against_training_in_the_space(benchmark, record):
    keys = jax.random.split(jax.random.key(0), SEEDS)
    in_frame = jax.jit(lambda keys: jax.lax.map(run_in_frame, keys))
    jax.block_until_ready((in_frame(keys), run_in_space(keys[0])))
    sampling, training, frame, space = [], [], [], []
    for seed in range(SEEDS):
        sampled, trained = run_torch(seed)
        sampling.append(sampled)
        training.append(trained)
        frame.append(seconds(in_frame, keys))
        if seed % 4 == 0:
            space.append(seconds(run_in_space, keys[seed]))
    benchmark.pedantic(lambda: jax.block_until_ready(in_frame(keys)), rounds=3)

    ours = median(frame)
    peer, peer_training, plain = sum(sampling) + sum(training), sum(training), SEEDS * median(space)
    record("speedup_over_torch", peer / ours, ours=ours, peer=peer)
    record("speedup_over_torch_training_only", peer_training / ours, ours=ours, peer=peer_training)
    record("speedup_over_jax_in_space", plain / ours, ours=ours, peer=plain)


def test_time_does_not_depend_on_dimension(benchmark, record):
    key = jax.random.key(0)
    dimensions = [10.0**power for power in range(4, 19, 2)]
    runs = [jax.jit(lambda key, p=p: run_in_frame(key, p)) for p in dimensions]
    for run in runs:
        jax.block_until_ready(run(key))
    rounds = [[seconds(run, key) for run in runs] for _ in range(15)]
    benchmark.pedantic(lambda: jax.block_until_ready(runs[-1](key)), rounds=3)
    medians = np.median(rounds, axis=0)
    record(
        "slowest_over_fastest_dimension",
        medians.max() / medians.min(),
        **{f"{p:.0e}": value for p, value in zip(dimensions, medians, strict=True)},
    )


def test_share_of_matmul_peak(benchmark, record):
    """Floating-point operations of the one product a step, over time, over the best product.

    A peak is what the machine can do, so both sides take the best of many short rounds.
    """
    size, steps, square_size = 1000, 9, 2000
    keys = jax.random.split(jax.random.key(0), 5)
    labels, signs = (jax.random.rademacher(key, (size,), dtype=float) for key in keys[:2])
    inputs, weights = (jax.random.normal(key, (size, size)) for key in keys[2:4])
    network = Network(inputs, weights, signs / size**0.5, labels)
    square = jax.random.normal(keys[4], (square_size, square_size))

    def recursion():
        return train(network, inputs[:4], steps=steps, step_size=STEP_SIZE, form="dual")

    product = jax.jit(jnp.matmul)
    jax.block_until_ready((recursion(), product(square, square)))
    rounds = [(seconds(recursion), seconds(product, square, square)) for _ in range(60)]
    benchmark.pedantic(lambda: jax.block_until_ready(recursion()), rounds=3)
    ours, peak = np.min(rounds, axis=0)
    # Besides a product a step, the run makes two of the same size: Gram and first pre-activations.
    operations = (steps + 1 + 2) * 2 * size**3
    record(
        "share_of_matmul_peak",
        (operations / ours) / (2 * square_size**3 / peak),
        ours=ours,
        product=peak,
    )
