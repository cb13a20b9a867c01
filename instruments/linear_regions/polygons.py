r"""The cells of a network on a polygon of the plane: a subdivision with shared vertices.

Cells are convex polygons. On each of them the pre-activations of the next layer are affine, so
they are known from their values at the vertices; a unit cuts all cells that it crosses at once, in
a few array operations. An edge is cut once for both of its cells, so the cells tile the polygon
without gaps, and Euler's formula holds by construction.

    plane = network.on_plane(origin, axes)       # for more than two inputs
    found = cells(plane, square(1.0))
    found.areas, found.states, plane.affine_maps(found.states)
    level_set(found, found.outputs[:, 0])        # the decision boundary
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from instruments.linear_regions.networks import (
    Boundary,
    Layer,
    Maximum,
    Network,
    Numbers,
    States,
)
from instruments.linear_regions.signs import Mask, divisible, put, settle


class Cells(NamedTuple):
    """Polygons that tile the domain; on each one the network is affine."""

    vertices: Numbers
    """Shape (vertices, 2)."""
    corners: States
    """Vertices of all cells, one after the other, each counterclockwise."""
    sizes: States
    """Number of corners of each cell."""
    states: list[States]
    """Of each layer on each cell, shape (cells, units)."""
    outputs: Numbers
    """Of the network at the vertices, shape (vertices, outputs)."""

    @property
    def starts(self) -> States:
        """Where each cell begins in `corners`."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def patterns(self) -> States:
        """States of all units on each cell, shape (cells, all units)."""
        return np.concatenate(self.states, axis=1)

    @property
    def areas(self) -> Numbers:
        """Of each cell."""
        here, there = self.vertices[self.corners], self.vertices[self.corners[_next(self.sizes)]]
        crossed = here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0]
        return np.add.reduceat(crossed, self.starts) / 2

    @property
    def middles(self) -> Numbers:
        """A point inside each cell: the mean of its corners; shape (cells, 2)."""
        sums = np.add.reduceat(self.vertices[self.corners], self.starts, axis=0)
        return sums / self.sizes[:, None]

    @property
    def polygons(self) -> list[Numbers]:
        """Corners of each cell, shape (corners, 2), for drawing."""
        return np.split(self.vertices[self.corners], self.starts[1:])

    @property
    def edges(self) -> tuple[States, States]:
        """Edges by their ends, and the cells on both sides, -1 outside; shapes (edges, 2)."""
        ends = np.stack([self.corners, self.corners[_next(self.sizes)]], axis=1)
        owner = np.repeat(np.arange(len(self.sizes)), self.sizes)
        unique, edge = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
        sides = np.full((len(unique), 2), -1)
        sides[edge, np.asarray(ends[:, 0] > ends[:, 1], int)] = owner
        return unique, sides


def square(half_width: Any) -> Numbers:
    """Corners of the square of points with coordinates up to `half_width`."""
    return half_width * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def cells(network: Network, polygon: Numbers) -> Cells:
    """All cells on a convex polygon.

    Args:
        network: of two inputs.
        polygon: its corners counterclockwise, shape (corners, 2).
    """
    mesh = _Mesh(np.arange(len(polygon)), np.array([len(polygon)]))
    vertices = values = divisible(polygon)
    states = list[States]()
    for layer in network.layers:
        points = _Points(vertices, layer.preactivations(values))
        mesh, origin = _refine(mesh, points, layer)
        states = [of_layer[origin] for of_layer in states]
        states.append(_states(mesh, points.before, layer))
        vertices, before = points.vertices, points.before
        if isinstance(layer.activation, Maximum):
            # Where a third candidate of a maximum is the largest, two others cross for nothing.
            mesh, kept, used = _join(mesh, np.column_stack([origin, states[-1]]))
            vertices, before = vertices[used], before[used]
            states = [of_layer[kept] for of_layer in states]
        values = layer.activation.outputs(before)
    return Cells(vertices, *mesh, states, values @ network.weights.T + network.biases)


def level_set(found: Cells, values: Numbers) -> Numbers:
    """Where a function vanishes that is affine on each cell.

    Args:
        found: the cells.
        values: the function at the vertices.

    Returns:
        Ends of segments, shape (segments, 2, 2). Cells on which it vanishes throughout have none.
    """
    points = _Points(found.vertices, values[:, None])
    mesh, _ = _split(_Mesh(found.corners, found.sizes), points, Boundary(0, None, 0))
    ends = np.stack([mesh.corners, mesh.corners[_next(mesh.sizes)]], axis=1)
    zero = points.before[:, 0] == 0
    whole = np.logical_and.reduceat(zero[mesh.corners], mesh.starts)
    on = zero[ends].all(axis=1) & ~np.repeat(whole, mesh.sizes)
    return points.vertices[np.unique(np.sort(ends[on], axis=1), axis=0)]


class _Mesh(NamedTuple):
    corners: States
    sizes: States

    @property
    def starts(self) -> States:
        return np.cumsum(self.sizes) - self.sizes


class _Points:
    """Vertices and pre-activations at them, in memory that grows, unit by unit."""

    def __init__(self, vertices: Numbers, before: Numbers) -> None:
        self._rows = np.concatenate([vertices.T, before.T])
        self._count = len(vertices)

    @property
    def vertices(self) -> Numbers:
        return self._rows[:2, : self._count].T

    @property
    def before(self) -> Numbers:
        return self._rows[2:, : self._count].T

    def add_between(self, here: States, there: States, share: Numbers, on: Boundary) -> None:
        """Add points on edges, where they cross a boundary."""
        first, count = self._count, self._count + len(here)
        if count > self._rows.shape[1]:
            grown = np.empty((len(self._rows), 2 * count), self._rows.dtype)
            grown[:, :first] = self._rows[:, :first]
            self._rows = grown
        start = self._rows[:, here]
        self._rows[:, first:count] = start + share * (self._rows[:, there] - start)
        self._count = count
        put(on, self.before, slice(first, count))


def _next(sizes: States) -> States:
    """Place of the next corner of the same cell, for each corner."""
    after, ends = np.arange(1, sizes.sum() + 1), np.cumsum(sizes)
    after[ends - 1] = ends - sizes
    return after


def _refine(mesh: _Mesh, points: _Points, layer: Layer) -> tuple[_Mesh, States]:
    """The mesh cut by all units of a layer, and the cells that its cells come from."""
    origin = np.arange(len(mesh.sizes))
    for boundary in layer.activation.boundaries(points.before.shape[1]):
        mesh, parent = _split(mesh, points, boundary)
        origin = origin[parent]
    return mesh, origin


def _split(mesh: _Mesh, points: _Points, boundary: Boundary) -> tuple[_Mesh, States]:
    """The mesh cut along one boundary, and the cells that its cells come from."""
    excess, signs = (column[:, 0] for column in settle([boundary], points.before))
    at_corners = signs[mesh.corners]
    above = np.maximum.reduceat(at_corners, mesh.starts) > 0
    below = np.minimum.reduceat(at_corners, mesh.starts) < 0
    cut = above & below
    if not cut.any():
        return mesh, np.arange(len(cut))

    concerned = np.repeat(cut, mesh.sizes)
    corners, sizes = mesh.corners[concerned], mesh.sizes[cut]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    after = corners[_next(sizes)]
    crossing = np.flatnonzero(signs[corners] * signs[after] < 0)
    # One new vertex for both cells of an edge.
    ends = np.sort(np.stack([corners[crossing], after[crossing]], axis=1), axis=1)
    code, number = np.unique(ends @ np.array([len(signs), 1]), return_inverse=True)
    here, there = np.divmod(code, len(signs))
    points.add_between(here, there, excess[here] / (excess[here] - excess[there]), boundary)

    corners = np.insert(corners, crossing + 1, len(signs) + number)
    owner = np.insert(owner, crossing + 1, owner[crossing])
    side = np.concatenate([signs, np.zeros(len(code), signs.dtype)])[corners]
    after = _next(np.bincount(owner))
    previous = np.empty_like(after)
    previous[after] = np.arange(len(after))
    # A corner that touches the line between two others of one side belongs to that side.
    touching = (side == 0) & (side[after] == side[previous])
    side = np.where(touching, side[after], side)
    beside = (side == 0) & ((side[after] > 0) | (side[previous] > 0))
    parts = [(side > 0) | beside, side <= 0]
    halves = np.flatnonzero(cut)
    return (
        _Mesh(
            np.concatenate([mesh.corners[~concerned], *(corners[part] for part in parts)]),
            np.concatenate([mesh.sizes[~cut], *(np.bincount(owner[part]) for part in parts)]),
        ),
        np.concatenate([np.flatnonzero(~cut), halves, halves]),
    )


def _states(mesh: _Mesh, before: Numbers, layer: Layer) -> States:
    """States of the units of a layer on each cell, by the mean over its corners."""
    sums = [np.add.reduceat(unit[mesh.corners], mesh.starts) for unit in before.T]
    return layer.activation.states(np.stack(sums, axis=1) / mesh.sizes[:, None])


def _join(mesh: _Mesh, labels: States) -> tuple[_Mesh, States, States]:
    """Cells of equal labels joined: the mesh, one cell of each label, and the vertices left."""
    _, kept, label = np.unique(labels, axis=0, return_index=True, return_inverse=True)
    ends = np.stack([mesh.corners, mesh.corners[_next(mesh.sizes)]], axis=1)
    owner = np.repeat(label, mesh.sizes)
    inner = _reversed_within(ends, owner)
    loops: list[dict[int, int]] = [{} for _ in kept]
    for edge, of in zip(ends[~inner].tolist(), owner[~inner].tolist(), strict=True):
        loops[of][edge[0]] = edge[1]
    chains = [_chain(loop) for loop in loops]
    used, corners = np.unique(np.concatenate(chains), return_inverse=True)
    sizes = np.array([len(chain) for chain in chains])
    return _Mesh(corners, sizes), kept, used


def _reversed_within(ends: States, owner: States) -> Mask:
    """Which directed edges lie between two cells of one owner."""
    count = ends.max() + 1
    there = (owner * count + ends[:, 0]) * count + ends[:, 1]
    back = (owner * count + ends[:, 1]) * count + ends[:, 0]
    return np.isin(there, back)


def _chain(following: dict[int, int]) -> list[int]:
    """Corners in order."""
    chain = [next(iter(following))]
    while (corner := following[chain[-1]]) != chain[0]:
        chain.append(corner)
    return chain
