r"""The pieces of a piecewise linear network, exactly: no sampling, no grid.

A network whose activations are piecewise linear is affine on each of finitely many convex cells.
These modules find all of them

- on a segment: `segments.pieces`, every breakpoint in order;
- on a polygon in a plane slice: `polygons.cells`, a subdivision with shared vertices, and the line
  where an output has a given value;
- in all dimensions, for small networks: `regions.regions`, by linear programs, each cell with a
  point inside as its certificate.

All three go through the layers in order. On a cell of the layers before, a pre-activation is
affine; the cell is cut where one crosses a value at which its activation bends, and the rest of
the layer follows by interpolation. So work is proportional to what is found.

**Degenerate cases.** A unit is in its *upper* state only where it exceeds the cut: a ReLU at zero
is off. A pre-activation that touches its cut without crossing it, or equals it on a whole cell,
cuts nothing. Of equal candidates of a maximum the first one wins. In double precision a value
within `TOLERANCE` of its cut, relative to the largest value of that unit, counts as on it: two
lines closer than that are one line.

**Rational mode.** Segments and polygons are found without a rounding error if all weights,
biases and corners are integers or `fractions.Fraction`s in arrays of dtype object.
"""
