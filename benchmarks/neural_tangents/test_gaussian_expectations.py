"""Maps of random layers against neural-tangents: the same numbers, and how fast.

    pytest benchmarks/neural_tangents -o addopts= -o filterwarnings=default

in the environment of `benchmarks/neural_tangents/requirements.txt`. Both sides are in double
precision and in one process; times are taken in turn, compiling excluded.
"""

import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from neural_tangents import stax

from theory.dynamics.maximal_initial_learning_rate import tangent_kernel
from theory.gaussian_expectations import GELU, Activation, leaky_relu, relu

PACKAGES = ("neural-tangents", "jax", "numpy")
VARIANCES, COSINES = (0.3, 1.0, 4.0), (-0.9, 0.0, 0.5, 0.99)
SAMPLES, DIMENSION, DEPTH, ROUNDS = 1000, 64, 20, 7
ERF = Activation("erf", jax.scipy.special.erf)


def pairs():
    """Pairs of vectors in the plane of each variance and cosine, and what to call them."""
    for variance in VARIANCES:
        for cosine in COSINES:
            first, second = np.array([1.0, 0.0]), np.array([cosine, np.sqrt(1 - cosine**2)])
            yield variance, cosine, np.sqrt(2 * variance) * np.stack([first, second])


@pytest.mark.parametrize(
    ("activation", "layer"),
    [
        (relu(), stax.Relu()),
        (GELU, stax.Gelu(approximate=False)),
        (ERF, stax.Erf()),
        (leaky_relu(0.1), stax.LeakyRelu(0.1)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_maps_agree(activation, layer):
    kernel = stax.serial(stax.Dense(1), layer)[2]
    for variance, cosine, inputs in pairs():
        theirs = np.asarray(kernel(inputs, None, "nngp"))
        assert abs(activation.second_moment(variance) - theirs[0, 0]) < 1e-6
        assert abs(activation.correlation(cosine, variance) - theirs[0, 1]) < 1e-6


def theirs_of(inputs):
    """The tangent kernel of all but the input layer of a deep ReLU network."""
    first = stax.Dense(1)[2]
    rest = stax.serial(*[stax.Relu(), stax.Dense(1, W_std=2**0.5)] * DEPTH)[2]

    @jax.jit
    def kernel(x):
        start = first(x, None)
        return rest(start.replace(ntk=jnp.zeros_like(start.ntk)), get="ntk")

    return lambda: np.asarray(kernel(inputs))


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def test_deep_kernels_agree_and_how_fast(benchmark, record):
    inputs = np.random.default_rng(0).standard_normal((SAMPLES, DIMENSION))
    peer = theirs_of(inputs)

    def ours():
        return tangent_kernel(inputs, DEPTH)

    assert np.max(np.abs(ours() - peer()) / np.max(peer())) < 1e-6
    times = [(seconds(ours), seconds(peer)) for _ in range(ROUNDS)]
    benchmark.pedantic(ours, rounds=3)
    own, other = (median(column) for column in zip(*times, strict=True))
    record("tangent_kernel_speedup_over_neural_tangents", other / own, ours=own, peer=other)
