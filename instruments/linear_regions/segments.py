r"""The pieces of a network on a segment: all breakpoints, in order.

Between two breaks all pre-activations of the next layer are affine, so where one crosses a cut
follows from its values at the ends. Work: pieces times width, for each layer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from instruments.linear_regions.networks import Layer, Network, Numbers, States
from instruments.linear_regions.signs import TOLERANCE, divisible, is_exact, put, settle


class Pieces(NamedTuple):
    """The pieces on the segment $(1-t)a+tb$, in order."""

    breaks: Numbers
    """Values of $t$ at the ends of the pieces, from 0 to 1, shape (pieces + 1)."""
    states: list[States]
    """Of each layer on each piece, shape (pieces, units)."""
    outputs: Numbers
    """Of the network at the breaks, shape (pieces + 1, outputs); affine in between."""

    @property
    def patterns(self) -> States:
        """States of all units on each piece, shape (pieces, all units)."""
        return np.concatenate(self.states, axis=1)


def pieces(network: Network, start: Numbers, end: Numbers) -> Pieces:
    """All pieces between two inputs, each of shape (inputs); neighbours differ in their states."""
    values, states = divisible(np.stack([start, end])), list[States]()
    breaks = divisible(np.array([0, 1], values.dtype))
    for layer in network.layers:
        breaks, before, origin = _cut(breaks, layer.preactivations(values), layer)
        now = layer.activation.states((before[:-1] + before[1:]) / 2)
        states = [*(of_layer[origin] for of_layer in states), now]
        # Where a third candidate of a maximum is the largest, two others cross for nothing.
        differ = np.any(np.concatenate([s[1:] != s[:-1] for s in states], axis=1), axis=1)
        keep = np.concatenate([[True], differ, [True]])
        breaks, before = breaks[keep], before[keep]
        states = [of_layer[keep[:-1]] for of_layer in states]
        values = layer.activation.outputs(before)
    return Pieces(breaks, states, values @ network.weights.T + network.biases)


def _cut(breaks: Numbers, before: Numbers, layer: Layer) -> tuple[Numbers, Numbers, States]:
    """Breaks and pre-activations with those of a layer among them, and where pieces come from."""
    boundaries = list(layer.activation.boundaries(before.shape[1]))
    excess, signs = settle(boundaries, before)
    piece, line = np.nonzero(signs[:-1] * signs[1:] < 0)
    origin = np.arange(len(breaks) - 1)
    if not piece.size:
        return breaks, before, origin

    near, far = excess[piece, line], excess[piece + 1, line]
    share = near / (near - far)
    order = np.argsort(share, kind="stable")
    order = order[np.argsort(piece[order], kind="stable")]
    piece, line, share = piece[order], line[order], share[order]
    # Lines that cross at one place make one break.
    apart = share[1:] - share[:-1] > (0 if is_exact(share) else TOLERANCE)
    first = np.concatenate([[True], (piece[1:] != piece[:-1]) | np.asarray(apart, bool)])
    place = np.cumsum(first) - 1
    piece, share = piece[first], share[first]

    between = before[piece] + share[:, None] * (before[piece + 1] - before[piece])
    for number in np.unique(line):
        put(boundaries[number], between, place[line == number])
    new = breaks[piece] + share * (breaks[piece + 1] - breaks[piece])
    return (
        np.insert(breaks, piece + 1, new),
        np.insert(before, piece + 1, between, axis=0),
        np.repeat(origin, 1 + np.bincount(piece, minlength=len(origin))),
    )
