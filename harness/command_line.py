"""The command line: `python -m harness COMMAND`, `python -m experiments.<topic>.<paper>`.

Exit status: 0 if all is as expected; 1 if a claim, a control or a sharpness is not, or if a
measurement cannot be judged; 2 for what the user can mend, said in one line; 130 after Ctrl-C.
Results go to standard output, progress and errors to standard error.

JAX, scipy and pytask are imported inside the commands that need them: the others answer at once.
"""

from __future__ import annotations

import ast
import dataclasses
import errno
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from tyro.conf import Positional

from harness import discovery, leash
from harness.errors import BadInput, require

if TYPE_CHECKING:
    from harness.ledger import Row

Size = Literal["ci", "figure", "paper"]
"""`discovery.SIZES`, as tyro needs them."""

Paper = Annotated[Positional[str], tyro.conf.arg(metavar="PAPER")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    leash.follow()
    try:
        status = _command(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except BadInput as error:
        _complain(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        _complain("interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader has had enough; left open, Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
            raise
        _complain(f"error: cannot write: {error.strerror}")
        return 2
    return status


def main_of(module: str) -> None:
    """Make an experiment a program of its own, as `run` with its paper.

    It ends with these lines, which import it once more under its real name, the one by which
    claims and random keys know it::

        if __name__ == "__main__":
            main_of(__spec__.name)
    """
    paper = module.removeprefix("experiments.").replace(".", "/")
    sys.exit(main(["run", paper, *sys.argv[1:]]))


def _command(arguments: list[str]) -> int:
    # A paper's parameters are options of `run`, so there the parser depends on the paper.
    if arguments[:1] == ["run"] and len(arguments) > 1 and not arguments[1].startswith("-"):
        return _run_paper(arguments[1], arguments[2:])
    return tyro.extras.subcommand_cli_from_dict(
        {
            "list": list_papers,
            "run": run,
            "draw": draw,
            "show": show,
            "why": why,
            "teach": teach,
            "build": build,
        },
        prog="python -m harness",
        description="Confront the predictions of papers with measurements.",
        args=arguments,
    )


# --- commands -----------------------------------------------------------------------------------


def list_papers() -> int:
    """List all papers with the verdicts of the last build."""
    from harness.ledger import read_ledger

    table = _table("paper", "title", "claims", "verdicts")
    for paper in discovery.papers():
        title, claims = _outline(paper)
        evidence = discovery.results(paper)[0]
        rows = read_ledger(evidence) if evidence.exists() else []
        counts = Counter(row.verdict for row in rows)
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))
        table.add_row(paper, title, str(claims), verdicts or "not built yet")
    _output().print(table)
    return 0


def run(paper: Paper) -> int:
    """Measure a paper and judge its claims.

    Its parameters are options: `python -m harness run PAPER --help` shows them.

    Args:
        paper: The paper, with or without its topic; it comes before all options.
    """
    return _run_paper(paper, [])


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of `run` that all papers have."""

    size: Size = "ci"
    """How large: seconds, up to a minute, or the regime of the theorem. Parameters given as
    options differ from those of the size."""
    seed: int = 0
    """Root seed of all randomness."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the evidence here."""
    arrays: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the measured arrays here, as npz."""


def _run_paper(paper: str, arguments: list[str]) -> int:
    experiment = discovery.load(paper)
    # First look at the size alone: it decides what the other parameters are unless given.
    size = tyro.cli(Options, args=arguments, return_unknown_args=True, add_help=False)[0].size
    unprefixed = tyro.conf.arg(name="")
    parser = dataclasses.make_dataclass(
        "Parser",
        [
            ("options", Annotated[Options, unprefixed]),
            ("config", Annotated[experiment.config, unprefixed], experiment.sizes[size]),
        ],
    )
    parsed: Any = tyro.cli(
        parser,
        prog=f"python -m harness run {experiment.paper}",
        description=f"{experiment.title}.\n\n{experiment.story}",
        args=arguments,
    )
    return _measure(experiment, parsed.options, parsed.config)


def _measure(experiment: discovery.Experiment, options: Options, config: Any) -> int:
    from harness.decisions import DecisionError
    from harness.ledger import write_arrays, write_ledger
    from harness.running import Session

    _require_seed(options.seed)
    for path in filter(None, (options.json, options.arrays)):
        _require_writable(path)
    try:
        with _Reporter() as reporter:
            session = Session(
                experiment,
                size=options.size,
                seed=options.seed,
                config=config,
                report=reporter.next,
            )
            rows = session.rows()
            runs = session.runs()
    except DecisionError as error:
        _complain(f"error: {error}")
        return 1
    # Said before it is written: should the disk be full, the numbers are not lost.
    for row in rows:
        _output().print(_line(row))
    if options.arrays:
        write_arrays(options.arrays, runs)
    if options.json:
        write_ledger(options.json, rows)
    return _complaints(rows)


def draw(paper: Paper) -> int:
    """Draw a paper's figure from the results of the last build.

    Args:
        paper: The paper, with or without its topic.
    """
    from harness.ledger import read_arrays, read_ledger, write_text
    from harness.style import as_svg, style

    experiment = discovery.load(paper)
    evidence, arrays, figure = discovery.results(experiment.paper)
    config = experiment.config(**read_ledger(evidence)[0].config)
    with style():
        drawn = experiment.draw(read_arrays(arrays, experiment.measurements), config)
        write_text(figure, as_svg(drawn))
    return 0


def show(paper: Paper) -> int:
    """Show a paper's evidence from the last build.

    Args:
        paper: The paper, with or without its topic.
    """
    from harness.ledger import read_ledger

    evidence = discovery.results(discovery.find(paper))[0]
    require(evidence.exists(), f"{evidence} is not there: build the paper first")
    rows = read_ledger(evidence)
    table = _table(
        "claim", "verdict", "predicted", "measured", "interval", "would notice", "controls"
    )
    for row in rows:
        table.add_row(row.claim, *_cells(row))
    output = _output()
    output.print(table)
    output.print()
    for row in rows:
        output.print(f"{row.claim}: {row.statement}")
    first = rows[0]
    output.print(
        f"\nsize {first.size}, seed {first.seed}, commit {first.commit or 'unknown'}, "
        f"{first.device}, measured in {first.wall_seconds:.1f} s"
    )
    return 0


def why(paper: Paper, size: Size = "figure", seed: int = 0) -> int:
    """Say which inputs of a paper's results changed since the last build.

    Args:
        paper: The paper, with or without its topic.
        size: As it will be given to `build`.
        seed: As it will be given to `build`.
    """
    from harness import graph

    for line in graph.why(discovery.find(paper), size=size, seed=seed) or ["nothing changed"]:
        _output().print(line)
    return 0


def teach(
    lesson: Annotated[Positional[str], tyro.conf.arg(metavar="LESSON")],
    notebook: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
) -> int:
    """Run a lesson from top to bottom.

    Args:
        lesson: The lesson: the name of a script in `lessons/`.
        notebook: Write it here with its outputs, as a notebook.
    """
    from harness import lessons
    from harness.ledger import write_text

    script = lessons.read(lesson)
    if notebook:
        _require_writable(notebook)
    try:
        with _Reporter() as reporter:
            reporter.next(lesson)
            taught = lessons.execute(script)
    except lessons.LessonFailed as error:
        _complain(f"error: {error}")
        return 1
    if notebook:
        write_text(notebook, taught)
    return 0


def build(
    papers: Annotated[Positional[tuple[str, ...]], tyro.conf.arg(metavar="[PAPER ...]")] = (),
    size: Size = "figure",
    seed: int = 0,
    processes: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 1,
    cluster: Annotated[str | None, tyro.conf.arg(metavar="tcp://HOST:PORT")] = None,
) -> int:
    """Bring results, figures, lessons and the page up to date.

    Args:
        papers: Which papers, with their lessons; all unless given. The page shows every paper that
            has results.
        size: How large: seconds, up to a minute, or the regime of the theorem.
        seed: Root seed of all randomness.
        processes: How many papers at once.
        cluster: Run on a Dask cluster. Its workers see this folder under the same path and are
            started with it as PYTHONPATH.
    """
    from harness import graph
    from harness.ledger import read_ledger

    _require_seed(seed)
    require(processes > 0, f"processes must be above zero, got {processes}")
    names = [discovery.find(paper) for paper in papers] or discovery.papers()
    with _Reporter() as reporter:
        failures = graph.build(
            names, size=size, seed=seed, observer=reporter, processes=processes, cluster=cluster
        )
    status = 0
    for failure in failures:
        _complain(f"{failure.task} failed: {_gist(failure.said)}")
        status = max(status, 2 if failure.status == 2 else 1)
    for name in names:
        evidence = discovery.results(name)[0]
        if evidence.exists():
            status = max(status, _complaints(read_ledger(evidence)))
    page = discovery.root() / "figures" / "index.html"
    if page.exists():
        _output().print(page)
    return status


# --- checking -----------------------------------------------------------------------------------


def _require_seed(seed: int) -> None:
    # JAX keeps 32 bits of a seed: larger ones would repeat the randomness of smaller ones.
    require(0 <= seed < 2**32, f"seed must be within 0 and {2**32 - 1}, got {seed}")


def _require_writable(path: Path) -> None:
    """Fail before the measurement rather than after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error


def _complaints(rows: Iterable[Row]) -> int:
    complaints = [f"{row.paper}: {complaint}" for row in rows for complaint in row.complaints]
    for complaint in complaints:
        _complain(complaint)
    return 1 if complaints else 0


# --- wording ------------------------------------------------------------------------------------


def _outline(paper: str) -> tuple[str, int]:
    """Title and number of claims of a paper, read without importing it and JAX."""
    tree = ast.parse((discovery.root() / "experiments" / f"{paper}.py").read_bytes())
    title = (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")
    decorators = [d for s in tree.body if isinstance(s, ast.FunctionDef) for d in s.decorator_list]
    return title, sum(ast.unparse(decorator).startswith("claim(") for decorator in decorators)


def _cells(row: Row) -> list[str]:
    turned = sum(control.verdict == control.expected for control in row.controls)
    return [
        row.verdict if row.verdict == row.expected else f"{row.verdict}, not {row.expected}",
        _span(row.predicted, row.predicted),
        _span(row.measured, row.measured),
        f"[{_span(row.lower, row.upper, ', ')}]",
        f"{row.sharpness:.2g}" if row.sharpness < float("inf") else "-",
        f"{turned}/{len(row.controls)}",
    ]


def _line(row: Row) -> str:
    verdict, predicted, measured, interval, sharpness, controls = _cells(row)
    return (
        f"{verdict:12}  {row.claim}: predicted {predicted}, measured {measured} in {interval}, "
        f"sharpness {sharpness}, controls turned {controls}"
    )


def _span(low: Sequence[float], high: Sequence[float], to: str = " to ") -> str:
    """A number, or the range of several points; 'not a number' does not occur in evidence."""
    ends = f"{min(low):.4g}", f"{max(high):.4g}"
    return ends[0] if ends[0] == ends[1] else to.join(ends)


def _gist(said: str) -> str:
    """What a process said of its failure: its last line, or all of it if that is a bug's."""
    lines = said.strip().splitlines() or ["it ended without a word"]
    if any(line.startswith("Traceback") for line in lines):
        return "\n".join(lines)
    return lines[-1].removeprefix("error: ")


def _output() -> Console:
    # Away from a terminal lines are as long as they need be: they are for other programs.
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=10**4)


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def _complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class _Reporter:
    """Says what is being done: spinners on a terminal, elsewhere a line at begin and at end."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._spinners = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._running: dict[str, tuple[TaskID, float]] = {}

    def __enter__(self) -> _Reporter:
        self._spinners.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._end_all()
        self._spinners.stop()

    def begin(self, name: str) -> None:
        """Something starts."""
        self._running[name] = self._spinners.add_task(name), time.perf_counter()
        if not self._console.is_terminal:
            self._console.print(f"{name} ...", soft_wrap=True)

    def end(self, name: str, outcome: str) -> None:
        """It is done, or has failed."""
        spinner, start = self._running.pop(name)
        self._spinners.remove_task(spinner)
        seconds = time.perf_counter() - start
        self._console.print(f"{name}: {outcome} in {seconds:.1f} s", soft_wrap=True)

    def next(self, name: str) -> None:
        """Something starts where one thing is done after another: what went on is done."""
        self._end_all()
        self.begin(name)

    def _end_all(self) -> None:
        for name in list(self._running):
            self.end(name, "done")
