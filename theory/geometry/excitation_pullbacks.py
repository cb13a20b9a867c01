r"""What softened gates of the backward pass do to a gradient.

A network has layers $z_l=h_{l-1}W_l+b_l$, $h_l=(z_l)_+$, $h_0=x$, and the output $f=h_L\cdot a$.
Its excitation pullback at temperature $T$ is

$$v_T(x)=W_1\,\mathrm{diag}\,s(z_1/T)\;W_2\,\mathrm{diag}\,s(z_2/T)\cdots a ,$$

$s$ the logistic function: back-propagation with gates $s(z/T)$ in place of $1[z>0]$, while the
forward pass stays as it is.

**Cold.** Gates differ from steps by $s(-|z|/T)\le e^{-|z|/T}$: away from the kinks $v_T\to\nabla f$
exponentially fast.

**Warm.** $s(u)=1/2+u/4+O(u^3)$, so that $v_T=v_\infty+D/T+O(1/T^2)$ with

$$v_\infty=2^{-L}W_1\cdots W_La,\qquad
D=2^{-L-1}\sum_lW_1\cdots W_l\,\mathrm{diag}(z_l)\,W_{l+1}\cdots W_La .$$

The limit knows nothing of $x$: it is the gradient of a linear network, but for a factor.

**Paths.** Written out, $v_T$ is a sum over paths of one unit per layer: the product of the path's
gates times that of its weights. With hard gates, and paths that start in a bias added, the same
sum is $f$.

**Potentials.** With one hidden layer $v_T$ is the gradient of $\sum_ia_iT\log(1+e^{z_i/T})$, the
mean output if independent logistic noise of scale $T$ is added to pre-activations. With two layers
it is no gradient: of a softplus network it would be, but there the second layer's gates see a
softened first layer too.

**Kinks.** Where unit $i$ of the first layer switches on, the gradient jumps by $W_1$'s column of
that unit times what is back-propagated to the unit, which is the same on both sides. $v_T$ does
not jump, since $z_l$ and $s$ are continuous.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

Values = NDArray[np.float64]


def preactivations(
    weights: Sequence[Values], biases: Sequence[Values], x: Float[np.ndarray, " inputs"]
) -> list[Values]:
    """Of all layers; weights have the shapes (units before, units)."""
    found = []
    for matrix, bias in zip(weights, biases, strict=True):
        found.append(x @ matrix + bias)
        x = np.maximum(found[-1], 0)
    return found


def linear_limit(
    weights: Sequence[Values], readout: Float[np.ndarray, " units"]
) -> Float[np.ndarray, " inputs"]:
    r"""$v_\infty$, the pullback at infinite temperature."""
    for matrix in reversed(weights):
        readout = matrix @ readout / 2
    return readout


def leading_deviation(
    weights: Sequence[Values],
    biases: Sequence[Values],
    readout: Float[np.ndarray, " units"],
    x: Float[np.ndarray, " inputs"],
) -> Float[np.ndarray, " inputs"]:
    r"""$D=\lim T(v_T-v_\infty)$."""
    total = np.zeros_like(x)
    for layer, before in enumerate(preactivations(weights, biases, x)):
        behind = before / 4 * linear_limit(weights[layer + 1 :], readout)
        total += linear_limit(weights[:layer], weights[layer] @ behind)
    return total


def sum_over_paths(
    weights: Sequence[Values],
    gates: Sequence[Values],
    readout: Float[np.ndarray, " units"],
) -> Float[np.ndarray, " inputs"]:
    """All paths from each input to the output, one by one; their number is units ** layers."""
    total = np.zeros(len(weights[0]))
    for path in product(*(range(len(gate)) for gate in gates)):
        value = readout[path[-1]] * np.prod([g[unit] for g, unit in zip(gates, path, strict=True)])
        for matrix, before, after in zip(weights[1:], path, path[1:], strict=False):
            value *= matrix[before, after]
        total += value * weights[0][:, path[0]]
    return total


def output_over_paths(
    weights: Sequence[Values],
    biases: Sequence[Values],
    readout: Float[np.ndarray, " units"],
    x: Float[np.ndarray, " inputs"],
) -> float:
    """The network's output: paths of active units that start in inputs or in biases."""
    gates = [np.where(z > 0, 1.0, 0.0) for z in preactivations(weights, biases, x)]
    total = float(x @ sum_over_paths(weights, gates, readout))
    for layer, bias in enumerate(biases):
        # The bias is the only input of a network that begins in its layer.
        begun = [bias[None], *weights[layer + 1 :]]
        total += float(sum_over_paths(begun, gates[layer:], readout)[0])
    return total


def softplus_gradient(
    weights: Sequence[Values],
    biases: Sequence[Values],
    readout: Float[np.ndarray, " units"],
    x: Float[np.ndarray, " inputs"],
    temperature: float,
) -> Float[Array, " inputs"]:
    r"""Gradient of the network whose units are $T\log(1+e^{z/T})$."""

    def output(x: Array) -> Array:
        for matrix, bias in zip(weights, biases, strict=True):
            x = temperature * jax.nn.softplus((x @ matrix + bias) / temperature)
        return x @ jnp.asarray(readout)

    return jax.grad(output)(jnp.asarray(x))


def jump_at_kink(
    weights: Sequence[Values],
    biases: Sequence[Values],
    readout: Float[np.ndarray, " units"],
    x: Float[np.ndarray, " inputs"],
    unit: int,
) -> Float[np.ndarray, " inputs"]:
    """Of the gradient where this unit of the first layer is zero and rises.

    Args:
        weights: of all layers.
        biases: of the same.
        readout: weights of the output.
        x: a point on the kink.
        unit: which unit switches.
    """
    signal = readout
    before = preactivations(weights, biases, x)
    for matrix, z in zip(weights[:0:-1], before[:0:-1], strict=True):
        signal = matrix @ np.where(z > 0, signal, 0)
    return weights[0][:, unit] * signal[unit]
