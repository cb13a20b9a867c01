"""The task graph: what is stale is made anew, what is not stays.

For every paper there are two tasks, for every lesson one, and one for all together::

    measure   sources, size, seed       ->  figures/<topic>/<paper>.json and .npz
    draw      results, drawing, style   ->  figures/<topic>/<paper>.svg
    teach     lesson, what it imports   ->  figures/lessons/<lesson>.ipynb
    page      all results, all code     ->  figures/index.html, claims.json, <topic>/<paper>.html,
                                            lessons/<lesson>.html

pytask decides what is stale; its memory is in `figures/.build`.

**What a measurement depends on.** The modules that its experiment imports, transitively, and those
of `harness.running`, which turns it into evidence: found by grimp in the import graph, not
declared. A module enters as the digest of its syntax tree, so comments and formatting do not count,
but docstrings do: they are the statements. The experiment's own module enters without its `draw`.
So touching `draw` or `harness/style.py` redraws and measures nothing, and touching a theory module
measures the papers that import it.

**Who runs it.** Measuring and drawing are processes of their own, `python -m harness run ...`: peak
memory and thread limits are per process, and a crash hurts one paper. pytask-parallel hands them
out, to threads that each wait for one, or to the workers of a Dask cluster, which do the same.

**What if something goes wrong.** A paper that fails does not stop the others. The page is a second
pass over what there is, because pytask skips what comes after a failure. On Ctrl-C, and whenever
this process dies, the processes that it started end as well (`harness.leash`). What was finished is
kept, and the next build continues from there.
"""

from __future__ import annotations

import ast
import fcntl
import functools
import hashlib
import importlib.util
import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import grimp
import pytask
from pytask_parallel import ParallelBackend, WorkerType, registry

from harness import discovery, lessons
from harness.errors import BadInput, require
from harness.leash import Leash

PACKAGES = ("experiments", "theory", "instruments", "harness", "lessons")
"""Where the project's own modules are."""

PRESENTATION = ("__main__", "command_line", "graph", "leash", "lessons", "page", "style")
"""Modules of the harness that schedule or present. No number depends on them, and an experiment,
which imports the command line in order to be one, would otherwise depend on all there is."""

THREAD_LIMITS = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What tells XLA (the first) and the BLAS libraries how many threads to use."""

CONNECT_SECONDS = 5
"""How long a cluster may take to answer."""

_leash = Leash()
"""Holds the processes that this one has started."""


class Observer(Protocol):
    """Told what goes on in a build, from several threads."""

    def begin(self, name: str) -> None:
        """A task starts."""

    def end(self, name: str, outcome: str) -> None:
        """It is done, or it failed."""


class Failure(NamedTuple):
    """A task that left no result: what it said, and its exit status."""

    task: str
    said: str
    status: int


def build(
    papers: Sequence[str],
    *,
    size: str,
    seed: int,
    observer: Observer,
    processes: int = 1,
    cluster: str | None = None,
) -> list[Failure]:
    """Bring the results of these papers and their lessons up to date, and the page of all.

    Args:
        papers: full names.
        size: 'ci', 'figure' or 'paper'.
        seed: root seed.
        observer: told when tasks start and end.
        processes: how many tasks at once on this machine.
        cluster: address of a Dask scheduler, `tcp://host:port`; measuring and drawing then run on
            its workers, as many at once as these have threads. Workers see this folder under the
            same path, have the same Python environment, and are started with the project's root on
            the path: `PYTHONPATH=. dask worker tcp://host:port`. Thread limits are theirs to set
            (`NPROC`, `OMP_NUM_THREADS`). Interrupted here, a task that runs there runs to its end.

    Returns:
        the tasks that failed.

    Raises:
        BadInput: the folder of figures cannot be written, the cluster cannot be reached.
    """
    with _alone(), _leash.released_by_interrupt():
        sources = Sources()
        threads = None if cluster else max(1, _cores() // processes)
        tasks = [
            task
            for paper in papers
            for task in _paper_tasks(paper, sources, size=size, seed=seed, threads=threads)
        ]
        tasks += [
            _lesson_task(lesson, sources, threads=threads)
            for lesson in lessons.names()
            if set(lessons.read(lesson).papers) <= set(papers)
        ]
        failures = _run(tasks, _remote(cluster) if cluster else _local(processes), observer)
        failures += _run([_page_task(sources)], _local(1), observer)
    return failures


def why(paper: str, *, size: str, seed: int) -> list[str]:
    """What changed since the last build, a line each; pytask finds it, this words it."""
    words = {"changed": "changed", "missing": "is missing", "not_in_db": "is new"}
    lines = []
    session = _pytask(
        _paper_tasks(paper, Sources(), size=size, seed=seed, threads=None), explain=True
    )
    for report in session.execution_reports:
        reasons = report.task.attributes["explanation"].reasons
        if any(reason.node_type == "source" for reason in reasons):
            lines.append(f"{report.task.name}: never built")
            continue
        for reason in reasons:
            what = words.get(reason.reason, "comes first")
            lines.append(f"{report.task.name}: {reason.node_name} {what}")
    return lines


# --- inputs -------------------------------------------------------------------------------------


@dataclass
class Input:
    """A node of pytask's graph that no task makes: a module, the size, the seed."""

    name: str
    digest: str
    attributes: dict[Any, Any] = field(default_factory=dict)

    @property
    def signature(self) -> str:
        """Identity within the graph, where a module can enter whole and without its `draw`."""
        return _digest(f"{self.name}\n{self.digest}".encode())

    def state(self) -> str:
        """What pytask compares with the last build."""
        return self.digest

    def load(self, is_product: bool = False) -> str:
        """What a task gets: the name."""
        return self.name

    def save(self, value: Any) -> None:
        """Inputs are not for tasks to write."""
        raise TypeError(f"{self.name} is no product of a task")


class Sources:
    """The project's modules as inputs."""

    def __init__(self) -> None:
        """Find out who imports whom."""
        present = [name for name in PACKAGES if importlib.util.find_spec(name)]
        self._graph = grimp.build_graph(*present, cache_dir=None)
        self._page_makers = self._imported("harness.page")
        for name in PRESENTATION:
            self._graph.remove_module(f"harness.{name}")

    def measuring(self, paper: str) -> list[Input]:
        """What a measurement depends on."""
        own = _experiment(paper)
        others = self._imported(own, "harness.running") - {own}
        return [_module(own, measuring=True), *map(_module, sorted(others))]

    def drawing(self, paper: str) -> list[Input]:
        """What a figure depends on beside the results, which are new whenever a theory is."""
        return [_module(_experiment(paper)), _module("harness.style")]

    def teaching(self, lesson: str) -> list[Input]:
        """What a lesson depends on: its text, of which comments are the greater part, and code."""
        own = f"lessons.{lesson}"
        others = self._imported(own) - {own} | {"harness.lessons", "harness.style"}
        return [_text(lessons.script(lesson)), *map(_module, sorted(others))]

    def showing(self, papers: Iterable[str]) -> list[Input]:
        """What the page depends on beside the results: the code it shows, and what makes it."""
        rooms = ("experiments", "theory")
        code = [discovery.root() / room / f"{paper}.py" for room in rooms for paper in papers]
        code += map(lessons.script, lessons.names())
        looks = [path for path in _file("harness").parent.rglob("*.*") if "py" not in path.suffix]
        shown = [path for path in (*code, *looks) if path.exists()]
        return [
            *map(_module, sorted(self._page_makers)),
            *map(_text, shown),
        ]

    def _imported(self, *modules: str) -> set[str]:
        """These modules and all that is executed to import them, packages' `__init__` too."""
        found: set[str] = set()
        new = set(modules)
        while new:
            found |= new
            packages = {name.rpartition(".")[0] for name in new} - {""}
            new = packages.union(*map(self._graph.find_upstream_modules, new)) - found
        return found


def _experiment(paper: str) -> str:
    return f"experiments.{paper.replace('/', '.')}"


@functools.cache
def _module(name: str, *, measuring: bool = False) -> Input:
    path = _file(name)
    tree = ast.parse(path.read_bytes(), path)
    if measuring:
        tree.body = [statement for statement in tree.body if not _presents(statement)]
    spelled = f"{name.replace('.', '/')}{'/__init__' if path.stem == '__init__' else ''}.py"
    return Input(spelled, _digest(ast.dump(tree).encode()))


def _text(path: Path) -> Input:
    return Input(f"{path}, as text", _digest(path.read_bytes()))


def _presents(statement: ast.stmt) -> bool:
    """Whether a statement of an experiment's module is `draw`, a part `draw_...`, or the end."""
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test) == "__name__ == '__main__'"
    return (
        isinstance(statement, ast.FunctionDef)
        and re.match(r"draw(_|$)", statement.name) is not None
    )


def _file(module: str) -> Path:
    """Where a module's code is, found without importing it."""
    package, *parts = module.split(".")
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(next(iter(spec.submodule_search_locations)), *parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- tasks --------------------------------------------------------------------------------------


class _Task(pytask.TaskWithoutPath):
    """A task that its inputs alone make stale, not the code of this module."""

    def state(self) -> str:
        """Always the same."""
        return "1"


def _paper_tasks(
    paper: str, sources: Sources, *, size: str, seed: int, threads: int | None
) -> list[_Task]:
    evidence, arrays, figure = discovery.results(paper)
    conditions = [Input("size", size), Input("seed", str(seed))]
    run = ["run", paper, "--size", size, "--seed", str(seed)]
    run += ["--json", str(evidence), "--arrays", str(arrays)]
    child = functools.partial(_child, folder=discovery.root(), threads=threads)
    return [
        _task(
            f"measure {paper}",
            functools.partial(child, arguments=run),
            [*sources.measuring(paper), *conditions],
            [evidence, arrays],
        ),
        _task(
            f"draw {paper}",
            functools.partial(child, arguments=["draw", paper]),
            [evidence, arrays, *sources.drawing(paper)],
            [figure],
        ),
    ]


def _lesson_task(lesson: str, sources: Sources, *, threads: int | None) -> _Task:
    product = lessons.notebook(lesson)
    arguments = ["teach", lesson, "--notebook", str(product)]
    return _task(
        f"teach {lesson}",
        functools.partial(_child, arguments=arguments, folder=discovery.root(), threads=threads),
        sources.teaching(lesson),
        [product],
    )


def _page_task(sources: Sources) -> _Task:
    papers = [paper for paper in discovery.papers() if discovery.results(paper)[0].exists()]
    shown = [path for paper in papers for path in discovery.results(paper) if path.suffix != ".npz"]
    taught = [path for path in map(lessons.notebook, lessons.names()) if path.exists()]
    pages = [_figures() / f"{paper}.html" for paper in papers]
    pages += [path.with_suffix(".html") for path in taught]
    return _task(
        "page",
        functools.partial(_build_page, figures=_figures()),
        [*filter(Path.exists, shown), *taught, *sources.showing(discovery.papers())],
        [_figures() / "index.html", _figures() / "claims.json", *pages],
    )


def _task(
    name: str, function: Callable[..., None], inputs: Sequence[Input | Path], products: list[Path]
) -> _Task:
    def node(entry: Input | Path) -> Any:
        if isinstance(entry, Input):
            return entry
        return pytask.PathNode(name=entry.relative_to(discovery.root()).as_posix(), path=entry)

    return _Task(
        name=name,
        function=function,
        depends_on={"inputs": [node(entry) for entry in inputs]},
        produces={"products": [node(entry) for entry in products]},
    )


def _child(
    inputs: object, products: list[Path], *, arguments: list[str], folder: Path, threads: int | None
) -> None:
    """Run the command line in a process of its own.

    It has succeeded if it replaced its products: status 1 can mean that a claim is not as
    expected, which is a result, or that there is none.
    """
    before = [_version(path) for path in products]
    limits = {} if threads is None else dict.fromkeys(THREAD_LIMITS, str(threads))
    with _leash.child(
        [sys.executable, "-m", "harness", *arguments],
        folder=folder,
        environment={**limits, **os.environ},  # what the user has set stays
    ) as child:
        assert child.stderr is not None
        said = child.stderr.read()
        status = child.wait()
    replaced = all(
        _version(path) not in (None, old) for path, old in zip(products, before, strict=True)
    )
    if status not in (0, 1) or not replaced:
        raise _ChildFailed(said, status)


class _ChildFailed(Exception):
    """What a child said and its exit status, as arguments: so a cluster can send it home."""


def _version(path: Path) -> tuple[int, int] | None:
    """Changes whenever a file is replaced."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _build_page(inputs: object, products: object, *, figures: Path) -> None:
    from harness.page import build_page

    build_page(figures)


# --- running ------------------------------------------------------------------------------------


class _Workers(NamedTuple):
    """Where tasks run, of which kind that is to pytask-parallel, and how many run at once."""

    executor: Executor
    kind: WorkerType
    at_once: int


def _run(
    tasks: list[_Task], workers: AbstractContextManager[_Workers], observer: Observer
) -> list[Failure]:
    with workers as (executor, kind, at_once):
        registry.register_parallel_backend(
            ParallelBackend.CUSTOM,
            lambda n_workers: _Observed(executor, observer),
            worker_type=kind,
        )
        session = _pytask(tasks, n_workers=at_once, parallel_backend=ParallelBackend.CUSTOM)
    if _leash.let_go:
        raise KeyboardInterrupt
    return [
        _failure(report.task.name, report.exc_info and report.exc_info[1])
        for report in session.execution_reports
        if report.outcome == pytask.TaskOutcome.FAIL
    ]


def _failure(task: str, error: BaseException | None) -> Failure:
    if isinstance(error, _ChildFailed):
        return Failure(task, *error.args)
    if isinstance(error, BadInput):
        return Failure(task, f"error: {error}", 2)
    return Failure(task, "".join(traceback.format_exception(error)), 1)


def _pytask(tasks: list[_Task], **options: Any) -> pytask.Session:
    """Let pytask do its work, unheard, with all of its memory in one folder."""
    said = pytask.console.file = io.StringIO()
    session = pytask.build(
        tasks=tasks,
        config=_memory() / "pytask.toml",
        # The lock file beside the config is the memory; the database, of the same content, is not.
        database_url="sqlite://",
        capture="no",
        check_casing_of_paths=False,
        **options,
    )
    if session.exit_code == pytask.ExitCode.CONFIGURATION_FAILED:
        raise BadInput(f"{_memory()} is damaged; delete it and build again")
    failed = any(report.outcome == pytask.TaskOutcome.FAIL for report in session.execution_reports)
    if session.exit_code != pytask.ExitCode.OK and not failed:
        raise RuntimeError(f"pytask failed:\n{said.getvalue()}")
    return session


class _Observed(Executor):
    """Hands tasks on to workers and tells when they start and end."""

    def __init__(self, workers: Executor, observer: Observer) -> None:
        self._workers = workers
        self._observer = observer

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand on; pytask-parallel names the task in the arguments."""
        name = kwargs["task"].name

        def end(future: Future[Any]) -> None:
            good = not future.exception() and not future.result().exc_info
            self._observer.end(name, "done" if good else "failed")

        self._observer.begin(name)
        future = self._workers.submit(function, *args, **kwargs)
        future.add_done_callback(end)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what goes on here; leave what goes on elsewhere when interrupted."""
        self._workers.shutdown(wait=wait and not _leash.let_go)


@contextmanager
def _local(processes: int) -> Iterator[_Workers]:
    with ThreadPoolExecutor(processes) as threads:
        yield _Workers(threads, WorkerType.THREADS, processes)


@contextmanager
def _remote(address: str) -> Iterator[_Workers]:
    import distributed

    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        raise BadInput(f"no Dask scheduler at {address}") from error
    with client:
        at_once = sum(client.nthreads().values())
        require(at_once > 0, f"the Dask scheduler at {address} has no workers")
        # Not pure: a key of its own for every task, or the cluster would hand out old results.
        yield _Workers(client.get_executor(pure=False), WorkerType.PROCESSES, at_once)


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _figures() -> Path:
    return discovery.root() / "figures"


def _memory() -> Path:
    """The folder in which pytask remembers; it keeps everything beside its config file."""
    folder = _figures() / ".build"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pytask.toml").write_text("[tool.pytask.ini_options]\n")
    except OSError as error:
        raise BadInput(f"cannot write in {folder}: {error.strerror}") from error
    return folder


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time; what a killed one left half-written is swept away."""
    with (_memory() / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput("another build is going on here") from error
        for leftover in _figures().glob("**/.*.*.????????"):
            leftover.unlink(missing_ok=True)
        yield
