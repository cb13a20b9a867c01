"""Cells of a network on a square against a grid fine enough to miss less than one in a hundred.

    pytest benchmarks/test_linear_regions.py

in the environment of `benchmarks/requirements.txt`. The grid is given the fineness that it needs,
to a power of two, and need not find it; it sees that cells exist, and neither their shapes nor
their maps.
"""

import time
from itertools import count
from statistics import median

import numpy as np

from instruments.linear_regions.networks import he_weights, relu_network
from instruments.linear_regions.polygons import cells, square

PACKAGES = ("numpy",)
WIDTH, DEPTH = 20, 3
ROWS = 16
"""Of the grid, looked at together."""


def seconds(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def on_grid(weights, biases, side):
    """Number of patterns at the middles of side ** 2 squares."""
    middles = (2 * np.arange(side) + 1) / side - 1
    found = set()
    for rows in np.array_split(middles, max(side // ROWS, 1)):
        values, bits = np.stack(np.meshgrid(middles, rows), axis=-1).reshape(-1, 2), []
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            values = np.maximum(values @ weight.T + bias, 0)
            bits.append(values > 0)
        patterns = np.packbits(np.concatenate(bits, axis=1), axis=1)
        # Neighbours mostly agree, and comparing them is cheaper than sorting.
        new = np.any(patterns[1:] != patterns[:-1], axis=1)
        found.update(row.tobytes() for row in patterns[np.concatenate([[True], new])])
    return len(found)


def test_against_a_grid(benchmark, record):
    rng = np.random.default_rng(0)
    weights = he_weights(rng, [2, *[WIDTH] * DEPTH, 1])
    biases = [0.3 * rng.normal(size=len(w)) for w in weights]
    network = relu_network(weights, biases)

    def ours():
        return cells(network, square(1.0))

    exact = len(ours().sizes)
    for side in (2**power for power in count(8)):
        peer, found = seconds(on_grid, weights, biases, side)
        if found >= 0.99 * exact:
            break
    assert found <= exact
    own = median(seconds(ours)[0] for _ in range(5))
    benchmark.pedantic(ours, rounds=5)
    record("cells_speedup_over_grid", peer / own, ours=own, peer=peer)
    record("grid_points_a_cell", side**2 / exact)
