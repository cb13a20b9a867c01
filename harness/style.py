"""How all figures look: one style, one palette, the same bytes for the same data.

A paper's `draw` makes a matplotlib figure and knows nothing of fonts and colours: what is measured
takes the colours of the cycle (`"C0"`, `"C1"`, ...), what is predicted is drawn with `PREDICTED`::

    axes.plot(steps, run.test_error.mean(0), label="measured")
    axes.axhline(theory.late_test_error(config.noise), **PREDICTED, label="predicted")
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

PREDICTED: Mapping[str, Any] = MappingProxyType(
    {"color": "black", "linestyle": (0, (5, 2)), "linewidth": 1.4, "zorder": 3}
)
"""Arguments of a line that shows a prediction: black and dashed, above the data."""

BOUNDARY = "#d7191c"
"""Colour of a decision boundary, or of another level set, on top of cells."""

SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        # Figures fill a page of about 900 pixels, where their text is as large as the page's.
        "figure.figsize": (9.0, 3.6),
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.labelsize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "lines.linewidth": 1.8,
        # Text as outlines looks the same everywhere, whatever fonts a reader has.
        "svg.fonttype": "path",
        # Ids within the file are random unless salted.
        "svg.hashsalt": "figures",
    }
)

# Ten colours that colour-blind readers can tell apart (Petroff 2021); black is kept for theory.
SHEETS: Sequence[str | dict[str, Any]] = ["petroff10", dict(SETTINGS)]


@contextmanager
def style() -> Iterator[None]:
    """Within this context figures are drawn and saved in the house's style."""
    with matplotlib.style.context(SHEETS):
        yield


def draw_cells(
    axes: Axes,
    polygons: Sequence[np.ndarray],
    values: np.ndarray,
    level_set: np.ndarray | None = None,
    **colours: Any,
) -> PolyCollection:
    """Draw cells, coloured by a value each, and a level set on top.

    Args:
        axes: where; its limits are left as they are.
        polygons: corners of each cell, shape (corners, 2).
        values: shape (cells).
        level_set: ends of segments, shape (segments, 2, 2).
        colours: of the values: cmap, norm, clim, or what else a collection of polygons takes.
    """
    how: dict[str, Any] = {"edgecolors": "0.35", "linewidths": 0.3} | colours
    found = PolyCollection(list(polygons), array=values, **how)
    axes.add_collection(found)
    if level_set is not None:
        # Joints of segments are round, so that a line of many has no gaps.
        lines = LineCollection(list(level_set), colors=BOUNDARY, linewidths=1.8, zorder=3)
        lines.set_capstyle("round")
        axes.add_collection(lines)
    return found


def as_svg(figure: Figure) -> str:
    """The figure as SVG, without a date: the same figure gives the same text."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def use_in_notebook() -> None:
    """From here on, figures are in the house's style, and a notebook shows them as SVG."""
    from IPython import get_ipython
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    matplotlib.style.use(SHEETS)
    if get_ipython() is not None:
        set_matplotlib_formats("svg", metadata={"Date": None})
