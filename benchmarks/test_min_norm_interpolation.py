"""Least-norm interpolation against a conic and a linear program, and its time against n.

    pytest benchmarks/test_min_norm_interpolation.py

in the environment of `benchmarks/requirements.txt`. Every number is a ratio of times taken in turn
in one process, so that a busy machine slows both sides; each goes into `benchmarks/results.json`.
"""

import time
from statistics import median

import cvxpy
import numpy as np

from instruments.min_norm_interpolation import (
    interpolate,
    linear_program,
    lower_bound,
    weight,
    weight_norm,
)

PACKAGES = ("numpy", "scipy", "cvxpy", "clarabel")


def seconds(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def noise(rng, n):
    """Sorted uniform inputs and Gaussian targets."""
    sums = np.cumsum(rng.standard_exponential(n + 1))
    return sums[:-1] / sums[-1], rng.standard_normal(n)


def conic_program(x, y):
    r"""The least norm as a second-order cone program, exact, by Clarabel.

    A bend inside an interval at its fraction b/(a+b) costs |a (1, x_i) + b (1, x_{i+1})|; one
    variable a, b >= 0 for each direction, interval and end; the bends at an input add up.
    """
    bends = np.diff(np.diff(y) / np.diff(x))
    scale = np.median(np.abs(bends))
    left, right = x[:-1], x[1:]
    cost, total = 0, 0
    for sign in (1, -1):
        a, b = (cvxpy.Variable(len(left), nonneg=True) for _ in range(2))
        moment = cvxpy.multiply(a, left) + cvxpy.multiply(b, right)
        cost += cvxpy.sum(cvxpy.norm(cvxpy.vstack([a + b, moment]), 2, axis=0))
        total += sign * (a[1:] + b[:-1])
    problem = cvxpy.Problem(cvxpy.Minimize(cost), [total == bends / scale])
    return scale * problem.solve(solver=cvxpy.CLARABEL)


def test_against_a_conic_program(benchmark, record):
    """At 2000 points; the peer stops at a relative accuracy of 1e-8, ours is exact to rounding."""
    rng = np.random.default_rng(0)
    ours, peers = [], []
    for _ in range(5):
        x, y = noise(rng, 2000)
        peer, norm = seconds(conic_program, x, y)
        own, fit = seconds(interpolate, x, y)
        assert abs(norm / weight_norm(fit) - 1) < 1e-6
        assert abs(lower_bound(fit) / weight_norm(fit) - 1) < 1e-12
        ours.append(own)
        peers.append(peer)
    benchmark.pedantic(lambda: interpolate(x, y), rounds=5)
    ours, peer = median(ours), median(peers)
    record("least_norm_speedup_over_clarabel", peer / ours, ours=ours, peer=peer)


def test_against_linear_programs(benchmark, record):
    """At 100 points; HiGHS with exact column generation to an accuracy of 1e-12."""
    rng = np.random.default_rng(1)
    ours, peers = [], []
    for _ in range(5):
        x, y = noise(rng, 100)
        peer, program = seconds(linear_program, x, y)
        own, fit = seconds(interpolate, x, y)
        assert abs(program.norm / weight_norm(fit) - 1) < 1e-10
        ours.append(own)
        peers.append(peer)
    benchmark.pedantic(lambda: interpolate(x, y), rounds=5)
    ours, peer = median(ours), median(peers)
    record("least_norm_speedup_over_highs", peer / ours, ours=ours, peer=peer)


def test_time_is_linear(benchmark, record):
    """Time per point from 1e4 to 1e6 points, the best of many rounds: slowest over fastest."""
    rng = np.random.default_rng(2)
    data = {n: noise(rng, n) for n in (10_000, 30_000, 100_000, 300_000, 1_000_000)}
    rounds = [[seconds(interpolate, x, y)[0] / n for n, (x, y) in data.items()] for _ in range(15)]
    benchmark.pedantic(lambda: interpolate(*data[1_000_000]), rounds=3)
    per_point = np.min(rounds, axis=0)
    record(
        "least_norm_time_per_point_slowest_over_fastest",
        per_point.max() / per_point.min(),
        **{f"{n:.0e}": n * value for n, value in zip(data, per_point, strict=True)},
    )


def test_share_of_a_copy(benchmark, record):
    """Time at 1e6 points over that of one pass of the data through memory."""
    x, y = noise(np.random.default_rng(3), 1_000_000)
    rounds = [(seconds(interpolate, x, y)[0], seconds(lambda: weight(x) + y)[0]) for _ in range(15)]
    benchmark.pedantic(lambda: interpolate(x, y), rounds=3)
    ours, one_pass = np.min(rounds, axis=0)
    record("least_norm_passes_over_memory", ours / one_pass, ours=ours, one_pass=one_pass)
