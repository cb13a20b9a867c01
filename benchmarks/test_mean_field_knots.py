"""Least-norm networks on the line against a conic solver, at equal accuracy.

    pytest benchmarks/test_mean_field_knots.py

in the environment of `benchmarks/requirements.txt`. The bound |g| <= 1 on an arc is a second-order
cone: max v.e(p) over the arc is at most 1 if and only if v = z + n with |z| <= 1 and n in the polar
cone of the arc's sector. So CVXPY with Clarabel solves the same problem, no grid either, and both
answers agree to eight digits. Times are taken in turn in one process; ratios go into
`benchmarks/results.json`.
"""

import time
from statistics import median

import cvxpy as cp
import numpy as np

from instruments.univariate_networks import least_norm_interpolants, outputs

PACKAGES = ("numpy", "cvxpy", "clarabel")
SIZES, BATCH, PEER_SETS, ROUNDS = (3, 6, 10), 1000, 12, 5
SPREAD, GAP = 3.0, 0.06
ACCURACY = 1e-9


def data(size):
    rng = np.random.default_rng(size)
    free = rng.uniform(-SPREAD, SPREAD - GAP * (size - 1), (BATCH, size))
    inputs = np.sort(free, axis=1) + GAP * np.arange(size)
    return inputs, rng.standard_normal((BATCH, size))


class Conic:
    """The dual as a conic program with the data as parameters, so that it is translated once."""

    def __init__(self, size):
        self.size = size
        self.targets = cp.Parameter(size)
        # Active inputs by arc: the last, the last two, ..., all, all but the last, ...
        active = [range(size - k, size) for k in range(1, size + 1)]
        self.active = active + [range(size - k) for k in range(1, size)]
        self.vectors = [cp.Parameter((2, size)) for _ in self.active]
        self.sectors = [cp.Parameter((2, 2)) for _ in self.active]
        dual, bounds = cp.Variable(size), []
        for vector, sector in zip(self.vectors, self.sectors, strict=True):
            for sign in (1, -1):
                rest = cp.Variable(2)
                bounds += [cp.norm(sign * vector @ dual - rest) <= 1, sector @ rest <= 0]
        self.problem = cp.Problem(cp.Maximize(self.targets @ dual), bounds)

    def solve(self, inputs, targets):
        """Least norm, seconds of the whole call, and of Clarabel alone."""
        start = time.perf_counter()
        self.targets.value = targets
        places = np.arctan(inputs)[::-1]
        ends = np.concatenate([-places, np.pi - places])
        rays = np.stack([np.cos(ends), np.sin(ends)], axis=1)
        for arc, active in enumerate(self.active):
            vector = np.zeros((2, self.size))
            vector[:, active] = inputs[active], np.ones(len(active))
            self.vectors[arc].value, self.sectors[arc].value = vector, rays[arc : arc + 2]
        self.problem.solve(
            solver=cp.CLARABEL, tol_gap_abs=ACCURACY, tol_gap_rel=ACCURACY, tol_feas=ACCURACY
        )
        seconds = time.perf_counter() - start
        return self.problem.value, seconds, self.problem.solver_stats.solve_time


def test_against_a_conic_solver(benchmark, record):
    ours, peer, peer_alone = [], [], []
    for size in SIZES:
        inputs, targets = data(size)
        conic = Conic(size)
        conic.solve(inputs[0], targets[0])
        rounds, calls = [], []
        for number in range(ROUNDS):
            start = time.perf_counter()
            network = least_norm_interpolants(inputs, targets, tolerance=ACCURACY).network
            rounds.append(time.perf_counter() - start)
            norms = np.abs(network.masses).sum(axis=1)
            for row in range(number * PEER_SETS, (number + 1) * PEER_SETS):
                norm, *seconds = conic.solve(inputs[row], targets[row])
                assert abs(norm / norms[row] - 1) < 5 * ACCURACY
                calls.append(seconds)
        assert np.max(np.abs(outputs(network, inputs) - targets)) < 1e-6
        whole, alone = np.median(calls, axis=0)
        ours.append(median(rounds) / BATCH)
        peer.append(whole)
        peer_alone.append(alone)
    benchmark.pedantic(
        lambda: least_norm_interpolants(*data(SIZES[-1]), tolerance=ACCURACY), rounds=3
    )

    for index, size in enumerate(SIZES):
        times = {"ours": ours[index], "peer": peer[index], "clarabel": peer_alone[index]}
        record(f"knots_{size}_points_speedup_over_cvxpy", peer[index] / ours[index], **times)
        record(
            f"knots_{size}_points_speedup_over_clarabel_alone",
            peer_alone[index] / ours[index],
            **times,
        )
