r"""Piecewise linear networks: layers $x\mapsto\phi(Wx+b)$ and the states of their units.

The *state* of a unit numbers the linear piece of its activation that is in use: 0 or 1 for a
ReLU, the winning candidate for a maximum. The states of all units determine the affine map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
"""Of dtype float, or object for rational numbers."""
States = NDArray[np.int64]


class Boundary(NamedTuple):
    """Where a state changes: where pre-activation `first` less pre-activation `second` is `cut`."""

    first: int
    second: int | None
    cut: Any

    def excess(self, preactivations: Numbers) -> Numbers:
        """By how much the boundary is exceeded; shape (..., units) to (...)."""
        values = preactivations[..., self.first]
        return values - (self.cut if self.second is None else preactivations[..., self.second])


# An activation answers these questions about a layer of pre-activations, shape (..., width):
# where any of its units changes state (boundaries), when a unit is in a given state: boundaries
# that are exceeded (1) or not (-1) (conditions), how many states each has (choices), which it is in
# (states) and what it hands on (outputs), shape (..., units); and its linear pieces (select).


@dataclass(frozen=True)
class Piecewise:
    """A continuous piecewise linear function of one variable, applied to each pre-activation."""

    cuts: tuple[Any, ...]
    """Where it bends, in increasing order."""
    slopes: tuple[Any, ...]
    """Of its pieces, from left to right: one more than cuts."""
    intercepts: tuple[Any, ...]
    """Of the same."""

    def boundaries(self, width: int) -> Iterator[Boundary]:
        """Each unit at each cut."""
        return (Boundary(unit, None, cut) for cut in self.cuts for unit in range(width))

    def conditions(self, unit: int, state: int) -> list[tuple[Boundary, int]]:
        """Above the cut on the left, below the cut on the right."""
        left = [(Boundary(unit, None, cut), 1) for cut in self.cuts[:state][-1:]]
        right = [(Boundary(unit, None, cut), -1) for cut in self.cuts[state:][:1]]
        return left + right

    def choices(self, width: int) -> list[int]:
        """Number of pieces, for each unit."""
        return [len(self.slopes)] * width

    def states(self, preactivations: Numbers) -> States:
        """Number of cuts that lie below."""
        above = [np.asarray(preactivations > cut, np.int64) for cut in self.cuts]
        return np.sum(above, axis=0, dtype=np.int64)

    def outputs(self, preactivations: Numbers) -> Numbers:
        """The function of each."""
        state = self.states(preactivations)
        slopes, intercepts = self._pieces(preactivations)
        return slopes[state] * preactivations + intercepts[state]

    def select(self, states: States, preactivations: Numbers, constant: bool) -> Numbers:
        """The linear pieces of given states, applied to coefficients of pre-activations.

        Args:
            states: shape (cells, units).
            preactivations: shape (cells, coefficients, width).
            constant: whether they are constant terms, to which a piece adds its intercept.
        """
        slopes, intercepts = self._pieces(preactivations)
        selected = slopes[states][:, None] * preactivations
        return selected + intercepts[states][:, None] if constant else selected

    def _pieces(self, like: Numbers) -> tuple[Numbers, Numbers]:
        """Slopes and intercepts, rational if some values are."""
        kind = object if like.dtype == object else float
        return np.array(self.slopes, kind), np.array(self.intercepts, kind)


RELU = Piecewise((0,), (0, 1), (0, 0))
ABSOLUTE_VALUE = Piecewise((0,), (-1, 1), (0, 0))
HARD_TANH = Piecewise((-1, 1), (0, 1, 0), (-1, 0, 1))


def leaky_relu(slope: Any) -> Piecewise:
    """The identity above zero, `slope` times it below."""
    return Piecewise((0,), (slope, 1), (0, 0))


@dataclass(frozen=True)
class Maximum:
    """Units that are maxima of groups of pre-activations: maxout, or max-pooling."""

    groups: tuple[tuple[int, ...], ...]
    """Candidates of each unit; all groups of one size."""

    def boundaries(self, width: int) -> Iterator[Boundary]:
        """Every pair of candidates; where a third one is larger, what is cut is joined again."""
        for group in self.groups:
            for first, second in combinations(group, 2):
                yield Boundary(first, second, 0)

    def conditions(self, unit: int, state: int) -> list[tuple[Boundary, int]]:
        """Larger than the candidates before, and not exceeded by those after."""
        group = self.groups[unit]
        winner = group[state]
        before = [(Boundary(winner, rival, 0), 1) for rival in group[:state]]
        return before + [(Boundary(rival, winner, 0), -1) for rival in group[state + 1 :]]

    def choices(self, width: int) -> list[int]:
        """Size of each group."""
        return [len(group) for group in self.groups]

    def states(self, preactivations: Numbers) -> States:
        """Place of the winner in its group, the first of equals."""
        return np.argmax(preactivations[..., np.array(self.groups)], axis=-1)

    def outputs(self, preactivations: Numbers) -> Numbers:
        """The largest of each group."""
        return np.max(preactivations[..., np.array(self.groups)], axis=-1)

    def select(self, states: States, preactivations: Numbers, constant: bool) -> Numbers:
        """The winners' coefficients; arguments as for a function of one variable."""
        winners = np.array(self.groups)[np.arange(states.shape[1]), states]
        return np.take_along_axis(preactivations, winners[:, None], axis=2)


def maxout(units: int, candidates: int) -> Maximum:
    """Maxima of consecutive pre-activations."""
    numbers = range(units * candidates)
    return Maximum(tuple(tuple(numbers[i * candidates :][:candidates]) for i in range(units)))


Activation = Piecewise | Maximum


class Layer(NamedTuple):
    """A layer of units."""

    weights: Numbers
    """Shape (width, inputs)."""
    biases: Numbers
    """Shape (width)."""
    activation: Activation

    def preactivations(self, inputs: Numbers) -> Numbers:
        """Shape (..., inputs) to (..., width)."""
        return inputs @ self.weights.T + self.biases


class Network(NamedTuple):
    """Layers of units and an affine output."""

    layers: Sequence[Layer]
    weights: Numbers
    """Of the output, shape (outputs, width)."""
    biases: Numbers
    """Shape (outputs)."""

    def __call__(self, inputs: Numbers) -> Numbers:
        """Outputs at inputs; shape (..., inputs) to (..., outputs)."""
        for layer in self.layers:
            inputs = layer.activation.outputs(layer.preactivations(inputs))
        return inputs @ self.weights.T + self.biases

    def states(self, inputs: Numbers) -> list[States]:
        """States of the units of each layer at inputs, shapes (..., units)."""
        states = []
        for layer in self.layers:
            before = layer.preactivations(inputs)
            states.append(layer.activation.states(before))
            inputs = layer.activation.outputs(before)
        return states

    def affine_maps(self, states: Sequence[States]) -> tuple[Numbers, Numbers]:
        """The affine map that belongs to states, whether any input has them or not.

        Args:
            states: of each layer, shape (cells, units).

        Returns:
            Slopes, shape (cells, outputs, inputs), and constants, shape (cells, outputs).
        """
        cells, inputs = len(states[0]), self.layers[0].weights.shape[1]
        slopes = np.broadcast_to(np.eye(inputs, dtype=int), (cells, inputs, inputs))
        constants = np.zeros((cells, 1, inputs), dtype=int)
        for layer, of_layer in zip(self.layers, states, strict=True):
            slopes = layer.activation.select(of_layer, _apply(layer.weights, slopes), False)
            before = _apply(layer.weights, constants) + layer.biases
            constants = layer.activation.select(of_layer, before, True)
        slopes, constants = _apply(self.weights, slopes), _apply(self.weights, constants)
        return slopes.swapaxes(1, 2), constants[:, 0] + self.biases

    def on_plane(self, origin: Numbers, axes: Numbers) -> Network:
        """The network on the affine plane origin + t @ axes, as a function of t.

        Args:
            origin: shape (inputs).
            axes: shape (dimension, inputs).
        """
        first = self.layers[0]
        weights, biases = first.weights @ axes.T, first.preactivations(origin)
        return self._replace(layers=[Layer(weights, biases, first.activation), *self.layers[1:]])


def _apply(weights: Numbers, coefficients: Numbers) -> Numbers:
    """One product for all cells; shape (cells, coefficients, inputs) to (..., width)."""
    flat = coefficients.reshape(-1, coefficients.shape[2]) @ weights.T
    return flat.reshape(*coefficients.shape[:2], -1)


def rational(values: Numbers) -> Numbers:
    """Integers, floats or fractions as the fractions that they are."""
    return np.asarray(np.frompyfunc(Fraction, 1, 1)(values))


def he_weights(rng: np.random.Generator, sizes: Sequence[int]) -> list[Numbers]:
    """Gaussian weights of variance 2 / inputs: signals keep their size in ReLU layers.

    Args:
        rng: random generator.
        sizes: inputs, widths of the layers, and outputs.

    Returns:
        Of each layer and the output, shape (outputs, inputs).
    """
    return [
        rng.normal(size=(outputs, inputs)) * np.sqrt(2 / inputs)
        for inputs, outputs in pairwise(sizes)
    ]


def relu_network(
    weights: Sequence[Numbers], biases: Sequence[Numbers], activation: Activation = RELU
) -> Network:
    """A network of one activation.

    Args:
        weights: of each layer and the output, shape (outputs, inputs).
        biases: of the same.
        activation: of the units.
    """
    pairs = list(zip(weights, biases, strict=True))
    return Network([Layer(*pair, activation) for pair in pairs[:-1]], *pairs[-1])
