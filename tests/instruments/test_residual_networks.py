import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness.errors import BadInput
from instruments.residual_networks import (
    Kind,
    ResidualNetwork,
    Stage,
    Unit,
    parameter_sizes,
    units_per_stage,
)


def drawn(depth: int, kind: Kind, classes: int = 10) -> ResidualNetwork:
    """A network of the right shapes with other weights: drawing the real ones takes a compiler."""
    rng = np.random.default_rng(depth)
    network = nnx.eval_shape(
        lambda: ResidualNetwork(depth, kind, classes=classes, rngs=nnx.Rngs(0))
    )
    graph, state = nnx.split(network)
    return nnx.merge(
        graph,
        jax.tree.map(
            lambda a: (
                jnp.asarray(0.1 + 0.3 * rng.standard_normal(a.shape), a.dtype)
                if jnp.issubdtype(a.dtype, jnp.floating)
                else a
            ),
            state,
        ),
    )


def convolved(x: np.ndarray, convolution: nnx.Conv, stride: int) -> np.ndarray:
    """A convolution as a sum over shifts of the padded images."""
    kernel = np.asarray(convolution.kernel[...])
    size, _, _, outputs = kernel.shape
    edge = size // 2
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    count, height, width, _ = x.shape
    total = np.zeros((count, height, width, outputs))
    for i in range(size):
        for j in range(size):
            total += padded[:, i : i + height, j : j + width] @ kernel[i, j]
    return total[:, ::stride, ::stride]


def normalized(x: np.ndarray, norm: nnx.BatchNorm) -> np.ndarray:
    """Batch normalization and ReLU, by the batch's own moments."""
    x = (x - x.mean(axis=(0, 1, 2))) / np.sqrt(x.var(axis=(0, 1, 2)) + norm.epsilon)
    return np.maximum(np.asarray(norm.scale[...]) * x + np.asarray(norm.bias[...]), 0)


def by_hand(unit: Unit, x: np.ndarray, stride: int) -> np.ndarray:
    first = branch = normalized(x, unit.norms[0])
    for i, layer in enumerate(unit.convolutions):
        branch = branch if i == 0 else normalized(branch, unit.norms[i])
        branch = convolved(branch, layer, stride if i == 0 else 1)
    skip = x if unit.projection is None else convolved(first, unit.projection, stride)
    return skip + branch


def units_of(stage: Stage) -> list[Unit]:
    """All units of a stage, the stacked ones taken apart."""
    if stage.rest is None:
        return [stage.first]
    graph, state = nnx.split(stage.rest)
    count = jax.tree.leaves(state)[0].shape[0]
    return [
        stage.first,
        *(nnx.merge(graph, jax.tree.map(lambda a, i=i: a[i], state)) for i in range(count)),
    ]


@pytest.mark.parametrize(("depth", "kind", "units"), [(20, "bottleneck", 2), (8, "basic", 1)])
def test_a_network_is_its_units_by_hand(depth: int, kind: Kind, units: int) -> None:
    network = drawn(depth, kind, classes=7)
    images = np.random.default_rng(1).standard_normal((2, 8, 8, 3)).astype(np.float32)
    x = convolved(images, network.stem, 1)
    for stage, stride in zip(network.stages, (1, 2, 2), strict=True):
        assert len(units_of(stage)) == units
        for i, unit in enumerate(units_of(stage)):
            x = by_hand(unit, x, stride if i == 0 else 1)
    assert x.shape[1:3] == (2, 2)
    pooled = normalized(x, network.norm).mean(axis=(1, 2))
    readout = network.readout
    logits = pooled @ np.asarray(readout.kernel[...]) + np.asarray(readout.bias[...])
    said = nnx.jit(lambda network, x: network(x))(network, jnp.asarray(images))
    assert said.shape == (2, 7)
    assert np.allclose(said, logits, atol=1e-3 * np.abs(logits).max())


def test_equal_units_are_drawn_one_by_one() -> None:
    @nnx.jit
    def draw(key: jax.Array) -> jax.Array:
        stage = Stage(16, 16, kind="basic", units=4, stride=1, rngs=nnx.Rngs(key))
        return stage.rest.convolutions[1].kernel[...]

    kernels = draw(jax.random.key(0))
    assert kernels.shape == (3, 3, 3, 16, 16)
    assert not np.allclose(kernels[0], kernels[1])
    # N(0, 2 / fan-out), from 6912 numbers.
    assert np.std(kernels) == pytest.approx(np.sqrt(2 / (9 * 16)), rel=0.05)


@pytest.mark.parametrize(("depth", "kind"), [(29, "bottleneck"), (20, "basic")])
def test_sizes_are_those_of_a_networks_arrays(depth: int, kind: Kind) -> None:
    network = drawn(depth, kind)
    leaves = jax.tree.leaves(nnx.state(network, nnx.Param))
    sizes = parameter_sizes(depth, kind)
    assert sum(leaf.size for leaf in leaves) == sum(sizes.values())
    assert sizes["readout"] == network.readout.kernel.size + network.readout.bias.size
    assert sizes["convolutions"] == sum(leaf.size for leaf in leaves if leaf.ndim >= 4)


def test_depths_that_make_no_equal_stages_are_refused() -> None:
    assert units_per_stage(1001, "bottleneck") == 111
    assert units_per_stage(110, "basic") == 18
    for depth, kind in ((1000, "bottleneck"), (2, "bottleneck"), (163, "basic")):
        with pytest.raises(BadInput, match="has depth"):
            ResidualNetwork(depth, kind, rngs=nnx.Rngs(0))
