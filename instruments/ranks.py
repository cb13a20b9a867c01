"""Ranks that no tolerance decides: of matrices of integers or rational numbers.

The rank of a matrix in floating point is a matter of a threshold, and decides nothing about a
claim on rank. Over the rationals elimination is exact. A network gets there by weights that are
integers, or fractions: pre-activations, signs and gradients are then exact as well.

    rank(hidden)                                 # of one matrix
    rank(np.array([[Fraction(1, 3), 1], [1, 3]], dtype=object))
    functional_dimension(network, states)        # of a network whose cells are known
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from numbers import Rational
from typing import Any

import flint
import numpy as np
from jaxtyping import Shaped

from instruments.linear_regions.networks import Network, Numbers, Piecewise, States


def rank(matrix: Shaped[np.ndarray, "rows columns"]) -> int:
    """Rank over the rationals.

    Args:
        matrix: of integers of any size, or of fractions; dtype integer or object.

    Raises:
        TypeError: for floating point, whose rank would depend on rounding.
    """
    rows = matrix.tolist()
    if not set(map(type, chain.from_iterable(rows))) <= {int}:
        rows = [_integers(row) for row in rows]
    return flint.fmpz_mat(rows).rank()


def _integers(row: list[Any]) -> list[int]:
    """A multiple of the row that is integer."""
    for number in row:
        if not isinstance(number, Rational):
            raise TypeError(f"rank is of integers or fractions, not of {type(number).__name__}")
    common = math.lcm(*(Fraction(number).denominator for number in row))
    return [int(number * common) for number in row]


def functional_dimension(network: Network, states: Sequence[States]) -> int:
    r"""In how many directions of parameter space a network's function changes, to first order.

    This is the largest rank that the Jacobian $\partial f_\theta(x_i)/\partial\theta$ has on any
    finite set of inputs at which it exists. On a cell $P$ the units' states are fixed, so that
    $f_\theta(x)$ is affine in $x$, its coefficients polynomials in $\theta$; hence the row
    $J(x)=J_P(x)$ is affine in $x$ too. A cell of full dimension has $n+1$ inputs in general
    position, and an affine function is a combination of its values there. So the rows of all inputs
    in $P$ span what $J_P(0),J_P(e_1)-J_P(0),\ldots,J_P(e_n)-J_P(0)$ span, whether 0 and $e_i$ lie
    in $P$ or not. With those of all cells below each other, the rank is that of the union of all
    rows; finitely many inputs, $n+1$ in each cell, attain it, and none exceed it.

    With cells left out, it is a lower bound.

    Args:
        network: of units of one variable and one output; weights integers of any size or fractions.
        states: of each layer on each cell, shape (cells, units).
    """
    return rank(_coefficients(network, states))


def _coefficients(network: Network, states: Sequence[States]) -> Numbers:
    """Of $J_P$ in the inputs and 1, of all cells: shape (cells * (inputs + 1), parameters)."""
    number, inputs = len(states[0]), network.layers[0].weights.shape[1]
    identity = np.eye(inputs + 1, dtype=object)
    one = np.broadcast_to(identity[:, -1:], (number, inputs + 1, 1))
    outputs = np.broadcast_to(identity[:, :-1], (number, inputs + 1, inputs))
    entering, slopes = [outputs], list[Numbers]()
    for layer, of_layer in zip(network.layers, states, strict=True):
        if not isinstance(layer.activation, Piecewise):
            raise TypeError("functional_dimension needs units of one variable")
        slope, intercept = (
            np.array(part, dtype=object)[of_layer][:, None]
            for part in (layer.activation.slopes, layer.activation.intercepts)
        )
        before = outputs @ layer.weights.T.astype(object) + one * layer.biases.astype(object)
        outputs = slope * before + one * intercept
        entering.append(outputs)
        slopes.append(slope[:, 0])

    gradient = np.ones((number, 1), dtype=object)
    blocks = []
    weights = [*(layer.weights for layer in network.layers), network.weights]
    for place in reversed(range(len(weights))):
        with_one = np.concatenate([entering[place], one], axis=2)
        block = gradient[:, None, :, None] * with_one[:, :, None, :]
        blocks.append(block.reshape(number * (inputs + 1), -1))
        if place:
            gradient = (gradient @ weights[place].astype(object)) * slopes[place - 1]
    return np.concatenate(blocks, axis=1)
