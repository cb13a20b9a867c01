"""Cells of a network on a square against SplineCam: the same cells, and how fast.

    SPLINECAM=CLONE pytest benchmarks/splinecam -o addopts= -o filterwarnings=default

in the environment that `benchmarks/splinecam/requirements.in` describes. SplineCam is written for a
GPU, which it asks for by name; here it is led to the processor, and its functions run uncompiled,
as the present PyTorch does not accept their signatures. Both sides take one thread.
"""

import functools
import os
import sys
import time
from statistics import median

os.environ["PYTORCH_JIT"] = "0"
sys.path.insert(0, os.environ["SPLINECAM"])

import numpy as np
import pytest
import torch
from splinecam import compute, graph, utils, wrappers

from instruments.linear_regions.networks import he_weights, relu_network
from instruments.linear_regions.polygons import cells, square

PACKAGES = ("torch", "numpy")
ROUNDS = 3


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch):
    """No GPU, and no help from a second core."""
    for kind in (torch.Tensor, torch.nn.Module):
        monkeypatch.setattr(kind, "cuda", lambda self: self)
    cut = functools.partial(graph.to_next_layer_partition_batched)
    monkeypatch.setattr(
        graph,
        "to_next_layer_partition_batched",
        lambda **arguments: cut(**arguments, device="cpu"),
    )
    torch.set_num_threads(1)


def random_weights(width):
    rng = np.random.default_rng(0)
    weights = he_weights(rng, [2, width, width, width, 1])
    return weights, [0.3 * rng.normal(size=len(w)) for w in weights]


def wrapped(weights, biases):
    """The network as SplineCam takes it, with the square and its plane."""
    modules = []
    for weight, bias in zip(weights, biases, strict=True):
        layer = torch.nn.Linear(*weight.T.shape)
        layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
        modules += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1]).double().eval()
    corners = torch.tensor(np.concatenate([square(1.0), square(1.0)[:1]]))
    plane = utils.get_proj_mat(corners)
    network = wrappers.model_wrapper(
        model, input_shape=(2,), T=plane, dtype=torch.float64, device="cpu"
    )
    return corners, plane, network


def seconds(function):
    start = time.perf_counter()
    found = function()
    return time.perf_counter() - start, found


@pytest.mark.parametrize("width", [20, 60])
def test_against_splinecam(benchmark, record, width):
    weights, biases = random_weights(width)
    network, arguments = relu_network(weights, biases), wrapped(weights, biases)

    def ours():
        found = cells(network, square(1.0))
        # SplineCam keeps the affine map of every cell, too.
        return found, network.affine_maps(found.states)

    def peer():
        return compute.get_partitions_with_db(*arguments)

    times = []
    for _ in range(ROUNDS):
        (own, (found, _)), (other, (polygons, *_)) = seconds(ours), seconds(peer)
        times.append((own, other))
    assert len(polygons) == len(found.sizes)
    benchmark.pedantic(ours, rounds=3)
    own, other = (median(column) for column in zip(*times, strict=True))
    record(f"cells_speedup_over_splinecam_width_{width}", other / own, ours=own, peer=other)
