"""Lessons: scripts that open as notebooks, run from top to bottom, kept with what they showed.

A lesson is `lessons/<name>.py` in jupytext's percent format: `# %% [markdown]` begins a cell of
text, `# %%` one of code. Its first cell is its title and a sentence or two. Running it checks it,
for lessons assert what they teach; the result, `figures/lessons/<name>.ipynb`, opens in Jupyter and
is what the page shows.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness import discovery
from harness.errors import BadInput, require

SECONDS_PER_CELL = 600
"""A cell that takes longer is taken for one that hangs."""


class LessonFailed(Exception):
    """A cell of a lesson raised an error; the message says which and what."""


@dataclass(frozen=True)
class Lesson:
    """A lesson's script."""

    name: str
    text: str

    @cached_property
    def _opening(self) -> str:
        comments = re.match(r"# %% \[markdown\]\n((?:#.*\n)+)", self.text)
        require(comments is not None, f"lesson {self.name} must begin with its title, as Markdown")
        assert comments is not None
        return re.sub(r"^# ?", "", comments[1], flags=re.MULTILINE).strip()

    @property
    def title(self) -> str:
        """The first heading."""
        return self._opening.partition("\n")[0].lstrip("# ")

    @property
    def summary(self) -> str:
        """The first paragraph below it."""
        return self._opening.partition("\n")[2].strip().partition("\n\n")[0].replace("\n", " ")

    @property
    def papers(self) -> list[str]:
        """The papers whose experiments it imports."""
        found = set()
        for node in ast.walk(ast.parse(self.text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("experiments."):
                topic, _, paper = str(node.module).removeprefix("experiments.").partition(".")
                found |= {f"{topic}/{paper or alias.name}" for alias in node.names}
        return sorted(found)


def names() -> list[str]:
    """Names of all lessons, in alphabetical order."""
    folder = discovery.root() / "lessons"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def script(name: str) -> Path:
    """Where a lesson is."""
    return discovery.root() / "lessons" / f"{name}.py"


def notebook(name: str) -> Path:
    """Where a lesson is kept once it has run."""
    return discovery.root() / "figures" / "lessons" / f"{name}.ipynb"


def read(name: str) -> Lesson:
    """A lesson's script.

    Raises:
        BadInput: there is none of that name.
    """
    require(name in names(), f"no lesson called {name!r}; there are: {', '.join(names())}")
    return Lesson(name, script(name).read_text(encoding="utf-8"))


def execute(lesson: Lesson) -> str:
    """Run a lesson from top to bottom; the notebook with its outputs, as JSON.

    Raises:
        LessonFailed: a cell raised an error.
    """
    import jupytext
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    book = jupytext.reads(lesson.text, fmt="py:percent")
    # Named by place, not at random: the same run gives the same file.
    for place, cell in enumerate(book.cells):
        cell.id = f"cell-{place}"
    folder = {"metadata": {"path": str(discovery.root())}}
    client = NotebookClient(
        book, timeout=SECONDS_PER_CELL, kernel_name="python3", resources=folder, record_timing=False
    )
    with tempfile.TemporaryDirectory() as sockets:
        # Sockets are files, in a folder of this kernel's own: no port is opened.
        manager = client.create_kernel_manager()
        manager.connection_file = f"{sockets}/kernel.json"
        manager.transport = "ipc"
        try:
            client.execute()
        except CellExecutionError as error:
            said = re.sub(r"\x1b\[[\d;]*m", "", error.traceback)  # without colours
            raise LessonFailed(f"{error.ename}: {error.evalue}\n{said}") from error
        except CellTimeoutError as error:
            raise LessonFailed(f"a cell took longer than {SECONDS_PER_CELL} s") from error
    return nbformat.writes(book) + "\n"


@dataclass(frozen=True)
class Output:
    """What a cell of code showed."""

    kind: Literal["text", "picture"]
    content: str


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson that has run."""

    kind: Literal["markdown", "code"]
    source: str
    outputs: list[Output]


@dataclass(frozen=True)
class Passage:
    """Cells that belong together: a solution, which a reader uncovers, or what is not one."""

    is_solution: bool
    cells: list[Cell]


def passages(notebook: str) -> list[Passage]:
    """Part a notebook at its headings: from `Solution` to the next heading is a solution."""
    import nbformat

    parts: list[Passage] = []
    for cell in _cells(nbformat.reads(notebook, as_version=4)):
        heading = re.match(r"#+ (.*)", cell.source) if cell.kind == "markdown" else None
        starts = heading is not None and heading[1].startswith("Solution")
        if not parts or starts or (heading is not None and parts[-1].is_solution):
            parts.append(Passage(starts, []))
        if starts:
            cell = Cell(cell.kind, cell.source.partition("\n")[2].strip(), cell.outputs)
        parts[-1].cells.append(cell)
    return parts


def _cells(book: Any) -> Iterator[Cell]:
    for cell in book.cells:
        outputs = [_output(output) for output in cell.get("outputs", [])]
        yield Cell(cell.cell_type, cell.source, outputs)


def _output(output: Any) -> Output:
    if output.output_type == "stream":
        return Output("text", output.text)
    if "image/svg+xml" in output.data:
        return Output("picture", output.data["image/svg+xml"])
    if "text/plain" in output.data:
        return Output("text", output.data["text/plain"])
    raise BadInput(f"a lesson shows {', '.join(output.data)}; the page can show text and SVG")
