r"""All cells of a network of two inputs, the unbounded ones included.

With integer weights a square can be named that no cell escapes. On a cell, a pre-activation less a
cut is $a\cdot x+c$ with integers $|a_i|\le A$ and $|c|\le C$. Two of their zero lines that are not
parallel meet where Cramer's rule divides by an integer other than zero: at coordinates up to $2AC$.
And each line comes as close to the origin as $C$. So the open square of half width $2AC+C+1$ holds
all vertices and a part of each line; a cell with a vertex, or with a whole line in its border, has
a part in it, and the only other cell is the plane itself.

The square is huge, some $10^{30}$; cells on it are found in rational arithmetic.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from instruments.linear_regions.networks import Network, Numbers, Piecewise
from instruments.linear_regions.polygons import Cells, cells, square


def cells_of_plane(network: Network) -> Cells:
    """The cells on a square that holds a part of each cell of the plane.

    Args:
        network: of two inputs and units of one variable; all numbers are Python's integers, in
            arrays of objects. Of unbounded cells the square cuts off the rest.
    """
    return cells(network, square(Fraction(half_width(network))))


def half_width(network: Network) -> int:
    """Of a square around the origin that holds all vertices and a part of each line."""
    steepest = farthest = 0
    slopes: Numbers = np.eye(2, dtype=object)
    constants: Numbers = np.zeros(2, dtype=object)
    for layer in network.layers:
        activation = layer.activation
        if not isinstance(activation, Piecewise):
            raise TypeError("cells of the whole plane need units of one variable")
        weights = np.abs(_integers(layer.weights))
        slopes, constants = weights @ slopes, weights @ constants + np.abs(_integers(layer.biases))
        steepest = max(steepest, np.max(slopes))
        cut, slope, intercept = (
            int(np.max(np.abs(_integers(np.array(numbers, dtype=object)))))
            for numbers in (activation.cuts, activation.slopes, activation.intercepts)
        )
        farthest = max(farthest, np.max(constants) + cut)
        slopes, constants = slope * slopes, slope * constants + intercept
    return 2 * steepest * farthest + farthest + 1


def _integers(numbers: Numbers) -> Numbers:
    if not all(isinstance(number, int) for number in numbers.ravel()):
        raise TypeError("cells of the whole plane need integers in arrays of objects")
    return numbers
