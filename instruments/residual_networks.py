"""Pre-activation residual networks for small images; deep ones compile as fast as shallow ones.

A network is a convolution, three stages of equal units, batch normalization, ReLU, average pooling
and a linear readout. A unit adds its branch to its input and does nothing after the addition; the
branch normalizes and rectifies *before* each of its convolutions. The first unit of a stage changes
the shape: there branch and skip share the first normalization, and the skip is a convolution of
size one. The other units of a stage are equal, so that their parameters are stacked along a leading
axis and scanned over.

Convolutions have no biases: batch normalization has them. Architecture: He, Zhang, Ren, Sun,
*Identity Mappings in Deep Residual Networks*, arXiv:1603.05027.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from harness.errors import require

WIDTHS = (16, 32, 64)
"""Channels of a stage's convolutions of size three."""

KERNELS = {"basic": (3, 3), "bottleneck": (1, 3, 1)}
"""Sizes of a branch's convolutions."""
EXPANSION = {"basic": 1, "bottleneck": 4}
"""Channels that leave a unit, in units of the stage's width."""

Kind = Literal["basic", "bottleneck"]
Images = Float[Array, "batch height width channels"]
Filtered = Float[Array, "batch rows columns filters"]


class Unit(nnx.Module):
    """One pre-activation unit."""

    def __init__(self, inputs: int, width: int, *, kind: Kind, stride: int, rngs: nnx.Rngs) -> None:
        """Draw a unit.

        Args:
            inputs: channels that enter.
            width: channels inside the branch.
            kind: basic (two convolutions) or bottleneck (three).
            stride: of the branch's first convolution, and of the skip.
            rngs: random keys.
        """
        outputs = EXPANSION[kind] * width
        channels = [inputs, *[width] * (len(KERNELS[kind]) - 1), outputs]
        strides = [stride] + [1] * (len(channels) - 2)
        self.norms = nnx.List([nnx.BatchNorm(c, rngs=rngs) for c in channels[:-1]])
        self.convolutions = nnx.List(
            [
                convolution(before, after, size, step, rngs)
                for before, after, size, step in zip(
                    channels[:-1], channels[1:], KERNELS[kind], strides, strict=True
                )
            ]
        )
        changes = stride > 1 or inputs != outputs
        self.projection = convolution(inputs, outputs, 1, stride, rngs) if changes else None

    def __call__(self, x: Images) -> Filtered:
        """The input, projected where the shape changes, plus the branch."""
        branch = nnx.relu(self.norms[0](x))
        skip = x if self.projection is None else self.projection(branch)
        branch = self.convolutions[0](branch)
        for norm, convolve in zip(self.norms[1:], self.convolutions[1:], strict=True):
            branch = convolve(nnx.relu(norm(branch)))
        return skip + branch


class Stage(nnx.Module):
    """Units of one width: the first changes the shape, the others share one compiled program."""

    def __init__(
        self, inputs: int, width: int, *, kind: Kind, units: int, stride: int, rngs: nnx.Rngs
    ) -> None:
        """Draw `units` units, the first of which sees `inputs` channels at `stride`."""
        self.first = Unit(inputs, width, kind=kind, stride=stride, rngs=rngs)

        @nnx.split_rngs(splits=units - 1)
        @nnx.vmap
        def draw(rngs: nnx.Rngs) -> Unit:
            return Unit(EXPANSION[kind] * width, width, kind=kind, stride=1, rngs=rngs)

        self.rest = draw(rngs) if units > 1 else None

    def __call__(self, x: Images) -> Filtered:
        """Unit after unit."""
        x = self.first(x)
        if self.rest is None:
            return x

        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def through(x: Array, unit: Unit) -> Array:
            return unit(x)

        return through(x, self.rest)


class ResidualNetwork(nnx.Module):
    """A classifier of depth 6n+2 from basic units, or 9n+2 from bottlenecks."""

    def __init__(self, depth: int, kind: Kind, *, classes: int = 10, rngs: nnx.Rngs) -> None:
        """Draw a network with `depth` layers: convolutions of the branches, the first one, readout.

        Args:
            depth: as the authors count: projections are not layers.
            kind: of its units.
            classes: outputs.
            rngs: random keys.
        """
        units = units_per_stage(depth, kind)
        self.stem = convolution(3, WIDTHS[0], 3, 1, rngs)
        channels = [WIDTHS[0], *(EXPANSION[kind] * width for width in WIDTHS)]
        self.stages = nnx.List(
            [
                Stage(before, width, kind=kind, units=units, stride=stride, rngs=rngs)
                for before, width, stride in zip(channels[:-1], WIDTHS, (1, 2, 2), strict=True)
            ]
        )
        self.norm = nnx.BatchNorm(channels[-1], rngs=rngs)
        self.readout = nnx.Linear(channels[-1], classes, rngs=rngs)

    def __call__(self, images: Images) -> Float[Array, "batch classes"]:
        """Logits of images with three channels."""
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
        return self.readout(jnp.mean(nnx.relu(self.norm(x)), axis=(1, 2)))


def units_per_stage(depth: int, kind: Kind) -> int:
    """How many units each of the three stages has."""
    per_unit = 3 * len(KERNELS[kind])
    units, rest = divmod(depth - 2, per_unit)
    require(
        rest == 0 and units > 0, f"a {kind} network has depth {per_unit}n+2, which {depth} is not"
    )
    return units


def parameter_sizes(depth: int, kind: Kind) -> dict[str, int]:
    """Trainable numbers of a network by what they belong to; nothing is drawn.

    Returns:
        Counts for 'convolutions' (projections included), 'normalizations' and 'readout'.
    """
    network = nnx.eval_shape(lambda: ResidualNetwork(depth, kind, rngs=nnx.Rngs(0)))
    owners = {nnx.Conv: "convolutions", nnx.BatchNorm: "normalizations", nnx.Linear: "readout"}
    sizes = dict.fromkeys(owners.values(), 0)
    for _, module in nnx.iter_modules(network):
        if type(module) in owners:
            leaves = jax.tree.leaves(nnx.state(module, nnx.Param))
            sizes[owners[type(module)]] += sum(leaf.size for leaf in leaves)
    return sizes


def convolution(inputs: int, outputs: int, size: int, stride: int, rngs: nnx.Rngs) -> nnx.Conv:
    """A convolution without bias whose weights are N(0, 2 / fan-out)."""
    return nnx.Conv(
        inputs,
        outputs,
        (size, size),
        stride,
        padding=size // 2,
        use_bias=False,
        kernel_init=he_normal,
        rngs=rngs,
    )


def he_normal(key: PRNGKeyArray, shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
    """He's normal distribution by fan-out."""
    fan_out = math.prod(shape) // shape[-2]
    # Bits drawn along several axes take XLA ten times longer to compile.
    drawn = jax.random.normal(key, (math.prod(shape),), dtype)
    return (math.sqrt(2 / fan_out) * drawn).reshape(shape)
