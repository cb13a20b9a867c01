r"""The full-dimensional cells of a small network in any dimension, by linear programs.

Cells are found unit by unit. In a cell of the units before, a pre-activation is affine; a state of
the unit is possible if there is a ball in the cell that fulfils the state's conditions, and the
largest one is a linear program. Its centre stays with the cell as a certificate: it also settles
the state in which it finds itself, so only the other states of the next unit take programs. For a
ReLU that is one program for each cell and unit.

Unbounded cells are cells like others: radii are bounded by one. Weights are to be of order one:
where a slope or a ball is smaller than `SMALLEST`, cells can be missed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import optimize

from instruments.linear_regions.networks import Boundary, Layer, Network, Numbers, States

SMALLEST = 1e-9
"""Radius of the largest ball in what counts as full-dimensional."""


class Regions(NamedTuple):
    """All full-dimensional cells of a network."""

    states: list[States]
    """Of each layer on each cell, shape (cells, units)."""
    points: Numbers
    """A point inside each cell, shape (cells, inputs)."""
    programs: int
    """Number of linear programs solved."""

    @property
    def patterns(self) -> States:
        """States of all units on each cell, shape (cells, all units)."""
        return np.concatenate(self.states, axis=1)


class _Cell(NamedTuple):
    """Where normals @ x + offsets > 0, with normals of unit length, and a point inside."""

    normals: Numbers
    offsets: Numbers
    point: Numbers
    states: list[list[int]]


def regions(network: Network) -> Regions:
    """All cells of a network of few inputs and units: they number up to units ** inputs."""
    inputs = network.layers[0].weights.shape[1]
    cells = [_Cell(np.zeros((0, inputs)), np.zeros(0), np.zeros(inputs), [])]
    programs = 0
    for layer in network.layers:
        refined = list[_Cell]()
        for cell in cells:
            before = _preactivations(network, layer, cell)
            parts = [cell._replace(states=[*cell.states, []])]
            for unit, choices in enumerate(layer.activation.choices(len(layer.biases))):
                tried = [
                    _part(part, state, layer.activation.conditions(unit, state), before)
                    for part in parts
                    for state in range(choices)
                ]
                programs += sum(solved for _, solved in tried)
                parts = [part for part, _ in tried if part is not None]
            refined += parts
        cells = refined
    states = [np.array([cell.states[i] for cell in cells]) for i in range(len(network.layers))]
    return Regions(states, np.array([cell.point for cell in cells]), programs)


def _preactivations(network: Network, layer: Layer, cell: _Cell) -> Numbers:
    """A layer's pre-activations on a cell: slopes and constant of each, (width, inputs + 1)."""
    slopes, constants = layer.weights, layer.biases
    if cell.states:
        before = Network(network.layers[: len(cell.states)], slopes, constants)
        (slopes,), (constants,) = before.affine_maps([np.array([row]) for row in cell.states])
    return np.column_stack([slopes, constants])


def _part(
    cell: _Cell, state: int, conditions: list[tuple[Boundary, int]], before: Numbers
) -> tuple[_Cell | None, int]:
    """The part of a cell where a unit is in a state, if there is one, and programs solved."""
    origin = np.eye(before.shape[1])[-1]
    rows = np.array([sign * _excess(boundary, before, origin) for boundary, sign in conditions])
    lengths = np.linalg.norm(rows[:, :-1], axis=1)
    flat = lengths <= SMALLEST
    # Where a unit is constant, its state is; on the cut it is the lower one.
    strict = np.array([sign for _, sign in conditions]) > 0
    if np.any(flat & (rows[:, -1] < np.where(strict, SMALLEST, -SMALLEST))):
        return None, 0
    rows = rows[~flat] / lengths[~flat, None]
    part = _Cell(
        np.concatenate([cell.normals, rows[:, :-1]]),
        np.concatenate([cell.offsets, rows[:, -1]]),
        cell.point,
        [*cell.states[:-1], [*cell.states[-1], state]],
    )
    if np.all(rows[:, :-1] @ cell.point + rows[:, -1] > SMALLEST):
        return part, 0
    point = _centre(part.normals, part.offsets)
    return (None if point is None else part._replace(point=point)), 1


def _excess(boundary: Boundary, before: Numbers, one: Numbers) -> Numbers:
    """The excess over a boundary as an affine function, slopes and constant."""
    lower = boundary.cut * one if boundary.second is None else before[boundary.second]
    return before[boundary.first] - lower


def _centre(normals: Numbers, offsets: Numbers) -> Numbers | None:
    """Centre of the largest ball, up to radius one, where normals @ x + offsets > 0."""
    inputs = normals.shape[1]
    found = optimize.linprog(
        -np.eye(inputs + 1)[-1],
        A_ub=np.column_stack([-normals, np.ones(len(normals))]),
        b_ub=offsets,
        bounds=[(None, None)] * inputs + [(None, 1)],
    )
    return found.x[:-1] if found.status == 0 and found.x[-1] > SMALLEST else None
