"""A project of two small papers in a folder of its own, driven through the command line."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "harness"
TOY_PROJECT = Path(__file__).parent / "toy_project"

# What is added to a copy of the toy: XLA's threads are counted, by their names, and each paper is a
# program of its own.
THREADS = """
    key = key.block_until_ready()
    names = [path.read_text() for path in pathlib.Path("/proc/self/task").glob("*/comm")]
    count = sum("XLAEigen" in name for name in names)
    pathlib.Path(f"threads_of_{os.environ.get('NPROC')}").write_text(str(count))
"""
MAIN = """

if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
"""

# Several commands in one process, because JAX takes seconds to start.
ASK = """
import contextlib, io, json, sys
from harness.command_line import main
answers = []
for arguments in json.loads(sys.argv[1]):
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code
        except Exception as bug:
            status = repr(bug)
    answers.append([status, output.getvalue(), errors.getvalue()])
print(json.dumps(answers))
"""

# These tests are about what is built when, not about how it looks.
PAGE = """
def build_page(figures):
    papers = sorted(path.relative_to(figures).with_suffix("") for path in figures.glob("*/*.json"))
    lessons = [path.relative_to(figures).with_suffix("") for path in figures.glob("*/*.ipynb")]
    names = "index.html", "claims.json", *(f"{shown}.html" for shown in [*papers, *lessons])
    for name in names:
        (figures / name).write_text("\\n".join(map(str, papers)))
"""


def numbers(evidence: bytes) -> list[dict]:
    """Rows without what differs from run to run of the same seed."""
    varying = ("wall_seconds", "peak_memory_bytes")
    rows = json.loads(evidence)["claims"]
    return [{key: row[key] for key in row if key not in varying} for row in rows]


@dataclass(frozen=True)
class Toy:
    """A project with the papers games/coin and games/penny."""

    root: Path

    def copy(self, root: Path) -> "Toy":
        return Toy(shutil.copytree(self.root, root))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find the project, and nothing that limits its threads."""
        limits = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        return {key: value for key, value in os.environ.items() if key not in limits} | {
            "PYTHONPATH": str(self.root),
            "PYTHONWARNINGS": "error",
            "PYTHONDONTWRITEBYTECODE": "1",
            "JAX_PLATFORMS": "cpu",
        }

    def start(self, *arguments: str, module: str = "harness", **options) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        with self.start(*arguments, **options) as process:
            output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def ask(self, *commands: str) -> list[subprocess.CompletedProcess]:
        """Run several commands in one process; none may be an experiment that changes."""
        asked = json.dumps([command.split() for command in commands])
        done = subprocess.run(
            [sys.executable, "-c", ASK, asked],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return [
            subprocess.CompletedProcess(command, *answer)
            for command, answer in zip(commands, json.loads(done.stdout), strict=True)
        ]

    def numbers(self) -> dict[str, list[dict]]:
        """All evidence, but for what differs from run to run of the same seed."""
        return {name: numbers(text) for name, text in self.figures("json").items()}

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new))

    def figures(self, suffix: str) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in self.root.glob(f"figures/games/*.{suffix}")}


@pytest.fixture(scope="session")
def fresh_toy(tmp_path_factory) -> Toy:
    """The project, with a harness of its own, before its first build; not to be changed."""
    root = tmp_path_factory.mktemp("fresh") / "a toy"
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TOY_PROJECT, root, ignore=caches)
    shutil.copytree(HARNESS, root / "harness", ignore=caches)
    (root / "harness/page.py").write_text(PAGE)
    experiment = root / "experiments/games/coin.py"
    text = experiment.read_text().replace(
        "import jax\n", "import os\nimport pathlib\n\nimport jax\n"
    )
    tossed = '    """Toss the coin."""\n'
    experiment.write_text(text.replace(tossed, f"{tossed}{THREADS}") + MAIN)
    for coin in (experiment, root / "theory/games/coin.py"):
        coin.with_name("penny.py").write_text(coin.read_text().replace("coin", "penny"))
    return Toy(root)


@pytest.fixture(scope="session")
def built_toy(fresh_toy, tmp_path_factory) -> Toy:
    """The project after an undisturbed build; not to be changed."""
    toy = fresh_toy.copy(tmp_path_factory.mktemp("built") / "toy")
    done = toy.run("build", "--size", "ci", "-n", "2")
    assert (done.returncode, done.stdout) == (0, f"{toy.root}/figures/index.html\n"), done.stderr
    return toy


@pytest.fixture
def fresh(fresh_toy, tmp_path) -> Toy:
    """A project of the test's own, before its first build."""
    return fresh_toy.copy(tmp_path / "fresh")


@pytest.fixture
def built(built_toy, tmp_path) -> Toy:
    """A project of the test's own, after its first build."""
    return built_toy.copy(tmp_path / "built")
