"""The house: who imports whom, what is pinned, and `run_all.sh` on machines good and bad."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


# --- import contracts


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    # As the command lint-imports does, which may belong to another environment on PATH.
    lint = "from importlinter.cli import lint_imports_command as lint; lint()"
    return subprocess.run(
        [sys.executable, "-c", lint, "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def contracts() -> dict[str, str]:
    """Names of the contracts by their ids."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {contract["id"]: contract["name"] for contract in settings["contracts"]}


def test_import_contracts_are_kept() -> None:
    linted = lint_imports(ROOT)
    assert linted.returncode == 0, linted.stdout + linted.stderr


BREAKS = {
    "theory": [
        ("theory.topic.one", "matplotlib"),
        ("theory.topic.one", "random"),
        ("theory.topic.one", "harness.rules"),
        ("theory.topic.one", "instruments.tool"),
        ("theory.topic.one", "experiments.other.three"),
    ],
    "instruments": [
        ("instruments.tool", "harness.rules"),
        ("instruments.tool", "theory.topic.one"),
        ("instruments.tool", "experiments.other.three"),
    ],
    "harness": [
        ("harness.rules", "experiments.other.three"),
        ("harness.rules", "theory.topic.one"),
        ("harness.rules", "instruments.tool"),
    ],
    "experiments": [
        ("experiments.topic.one", "experiments.topic.two"),
        ("experiments.topic.one", "experiments.other.three"),
    ],
    "tests": [
        ("theory.topic.two", "benchmarks"),
        ("harness.rules", "lessons.lesson"),
        ("instruments.tool", "tests"),
        ("harness.rules", "tests"),
        ("experiments.topic.one", "benchmarks"),
    ],
}
"""Per contract, imports that it is there to forbid: who, whom."""


@pytest.fixture(scope="module")
def small_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's contracts over packages small enough to be read at a glance."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, text in {
        "theory/topic/one.py": "import math\nimport numpy\nimport jax.numpy\nimport scipy.stats",
        "theory/topic/two.py": "from theory.topic import one",
        "instruments/tool.py": "import jax",
        "harness/rules.py": "import scipy",
        "experiments/topic/one.py": (
            "from theory.topic import one\nfrom harness import rules\nfrom instruments import tool"
        ),
        "experiments/topic/two.py": "from theory.topic import two",
        "experiments/other/three.py": "",
        "lessons/lesson.py": "from experiments.topic import one\nfrom theory.topic import two",
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
        for package in file.relative_to(folder).parents[:-1]:
            (folder / package / "__init__.py").touch()
    return folder


def test_what_the_design_allows_is_allowed(small_house: Path) -> None:
    linted = lint_imports(small_house)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("contract", BREAKS)
def test_a_contract_can_fail(small_house: Path, tmp_path: Path, contract: str) -> None:
    house = shutil.copytree(small_house, tmp_path / "house")
    for who, whom in BREAKS[contract]:
        with (house / who.replace(".", "/")).with_suffix(".py").open("a") as source:
            source.write(f"import {whom}\n")
    linted = lint_imports(house)
    assert linted.returncode == 1
    said = re.sub(r"\s+", " ", linted.stdout)
    assert f"{contracts()[contract]} BROKEN" in said
    assert [
        (who, whom) for who, whom in BREAKS[contract] if f"{who} -> {whom} (l." not in said
    ] == []


def test_every_contract_is_broken_above() -> None:
    assert set(contracts()) == set(BREAKS)


# --- pins and habits


def lines(file: Path) -> list[str]:
    stripped = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [line for line in stripped if line]


def test_every_requirement_is_pinned() -> None:
    pinned = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .+)?")
    assert [line for line in lines(ROOT / "requirements.txt") if not pinned.fullmatch(line)] == []


def test_every_direct_requirement_is_among_the_pins() -> None:
    pins = {line.partition("==")[0] for line in lines(ROOT / "requirements.txt")}
    direct = {re.split("[<>=!~]", line)[0] for line in lines(ROOT / "requirements.in")}
    assert direct <= pins


def files_with(pattern: str, *rooms: str) -> list[Path]:
    """Python files in which the pattern is found; this one, which holds it, aside."""
    files = (file for room in rooms for file in (ROOT / room).rglob("*.py"))
    return [f for f in files if f != Path(__file__) and re.search(pattern, f.read_text())]


def test_nothing_is_pickled() -> None:
    pickling = r"allow_pickle\s*=\s*True|^\s*(import|from) (cloud)?pickle\b"
    rooms = ("experiments", "theory", "instruments", "harness", "tests", "benchmarks")
    assert files_with(f"(?m){pickling}", *rooms) == []


def test_no_test_is_excused() -> None:
    excuse = r"mark\.(skip|xfail)|pytest\.(skip|xfail|importorskip)\(|unittest\.skip"
    assert files_with(excuse, "tests") == []


# --- run_all.sh

FAKE_PYTHON = r"""
# Stands in for a Python of any version and for pip: notes its arguments, installs nothing.
import json, os, shutil, sys, time
from pathlib import Path

here, script, version, *argv = sys.argv[1:]
log = Path(here, "calls")

def note(*words):
    with log.open("a") as calls:
        calls.write(json.dumps(words) + "\n")

sys.argv = argv
if argv[0] == "-c":
    sys.version_info = (*map(int, version.split(".")), 0, "final", 0)
    if Path(here, "no_venv").exists():
        sys.modules["ensurepip"] = None
    sys.argv = ["-c", *argv[2:]]
    exec(argv[1])
elif argv[:2] == ["-m", "venv"]:
    note("venv", version)
    Path(argv[2], "bin").mkdir(parents=True)
    shutil.copy(script, Path(argv[2], "bin", "python"))
elif argv[:3] == ["-m", "pip", "install"]:
    note("pip", Path("requirements.txt").read_text())
    print("Collecting one==1.0", flush=True)
    if Path(here, "offline").exists():
        print("WARNING: Retrying\nERROR: No matching distribution found for one==1.0\nERROR: more")
        sys.exit(1)
    while Path(here, "slow").exists():
        time.sleep(0.02)
else:
    note(*argv[1:], os.environ.get("CHROMIUM", ""))
    sys.exit(Path(here, "failing").exists() and argv[1] in Path(here, "failing").read_text())
"""


class Machine:
    """A folder with the script in it, and a PATH on which is nothing but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.house = folder / "a house"
        self.house.mkdir()
        shutil.copy(ROOT / "run_all.sh", self.house)
        (self.house / "requirements.txt").write_text("one==1.0\n")
        self.script = self.house / "run_all.sh"
        self.bin = folder / "bin"
        self.bin.mkdir()
        # No apt-get, no Chromium and no Python among them.
        for tool in ("bash", "env", "dirname", "cat", "grep", "rm", "mv", "tee", "flock"):
            (self.bin / tool).symlink_to(shutil.which(tool) or f"/missing/{tool}")
        (folder / "python.py").write_text(FAKE_PYTHON)
        self.folder = folder

    def command(self, name: str, text: str) -> Path:
        """Put a shell script on PATH."""
        file = self.bin / name
        file.write_text(f"#!{shutil.which('sh')}\n{text}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return file

    def python(self, name: str = "python3", version: str = "3.12") -> Path:
        here, real = self.folder, sys.executable
        return self.command(
            name, f'exec "{real}" -IS "{here}/python.py" "{here}" "$0" {version} "$@"'
        )

    def start(
        self, *arguments: str, cwd: Path | None = None, **variables: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.script, *arguments],
            cwd=cwd or self.folder,
            env={"PATH": str(self.bin), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *arguments: str, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, cwd=cwd, **variables) as process:
            out, err = process.communicate(timeout=30)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def calls(self) -> list[list[str]]:
        """What the fake Pythons were asked for since the last time, in order."""
        log = self.folder / "calls"
        if not log.exists():
            return []
        noted = [json.loads(line) for line in log.read_text().splitlines()]
        log.unlink()
        return noted


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def refused(run: subprocess.CompletedProcess[str]) -> str:
    """The one line with which a machine is refused."""
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    return line


VENV, PIP, BUILD = ["venv", "3.12"], ["pip", "one==1.0\n"], ["harness", "build", ""]


def test_help_needs_nothing(machine: Machine) -> None:
    run = machine.run("--help")
    assert run.returncode == 0
    assert "./run_all.sh test" in run.stdout
    assert len(run.stdout.splitlines()) < 20
    assert not (machine.house / ".venv").exists()


def test_without_python_it_says_so(machine: Machine) -> None:
    assert "no Python found" in refused(machine.run())


@pytest.mark.parametrize(("version", "word"), [("2.7", "old"), ("3.10", "old"), ("3.14", "new")])
def test_a_python_out_of_range_is_refused(machine: Machine, version: str, word: str) -> None:
    machine.python(version=version)
    assert f"Python {version}, too {word}" in refused(machine.run())
    assert machine.calls() == []


def test_a_python_without_venv_is_refused(machine: Machine) -> None:
    machine.python()
    (machine.folder / "no_venv").touch()
    assert "has no venv module" in refused(machine.run())


def test_a_python_that_does_not_run_is_passed_over(machine: Machine) -> None:
    machine.command("python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    machine.python("python3.11", "3.11")
    assert machine.run().returncode == 0
    assert machine.calls()[0] == ["venv", "3.11"]


def test_the_python_asked_for_is_taken(machine: Machine) -> None:
    machine.python("python3.13", "3.13")
    own = machine.python("my python", "3.12")
    machine.run(PYTHON=str(own))
    assert machine.calls()[0] == VENV
    assert "PYTHON=/none does not run" in refused(machine.run(PYTHON="/none"))


def test_another_python_means_another_environment(machine: Machine) -> None:
    machine.python("python3.12", "3.12")
    newer = machine.python("python3.13", "3.13")
    machine.run(PYTHON="python3.12")
    machine.calls()
    assert machine.run().returncode == 0
    assert machine.calls() == [BUILD]
    machine.run(PYTHON=str(newer))
    assert machine.calls() == [["venv", "3.13"], PIP, BUILD]


def test_it_installs_once_and_hands_its_options_on(machine: Machine, tmp_path: Path) -> None:
    machine.python()
    first = machine.run("--size", "ci", "two words", cwd=Path("/"))
    assert first.returncode == 0
    assert "Installing 1 packages into .venv" in first.stdout
    assert machine.calls() == [VENV, PIP, ["harness", "build", "--size", "ci", "two words", ""]]
    second = machine.run(cwd=tmp_path)
    assert second.stdout == ""
    assert machine.calls() == [BUILD]


def test_the_harness_has_the_last_word(machine: Machine) -> None:
    machine.python()
    (machine.folder / "failing").write_text("harness")
    assert machine.run().returncode == 1


def test_changed_pins_are_installed_from_scratch(machine: Machine) -> None:
    machine.python()
    machine.run()
    machine.calls()
    (machine.house / "requirements.txt").write_text("one==2.0\n")
    (machine.house / ".venv" / "leftover").touch()
    machine.run()
    assert machine.calls() == [VENV, ["pip", "one==2.0\n"], BUILD]
    assert not (machine.house / ".venv" / "leftover").exists()


@pytest.mark.parametrize("damage", ["exit 127", "exit 0"])
def test_a_broken_environment_is_made_anew(machine: Machine, damage: str) -> None:
    machine.python()
    machine.run()
    machine.calls()
    machine.command("broken", damage).rename(machine.house / ".venv" / "bin" / "python")
    assert machine.run().returncode == 0
    assert machine.calls() == [VENV, PIP, BUILD]


def test_a_failed_install_is_one_line_and_does_not_pass_for_good(machine: Machine) -> None:
    machine.python()
    (machine.folder / "offline").touch()
    line = refused(machine.run())
    assert "no network?" in line
    assert "ERROR: No matching distribution found for one==1.0" in line
    (machine.folder / "offline").unlink()
    machine.calls()
    assert machine.run().returncode == 0
    assert machine.calls() == [VENV, PIP, BUILD]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def install_has_begun(machine: Machine) -> bool:
    log = machine.folder / "calls"
    return log.exists() and '"pip"' in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_install_does_not_pass_for_good(machine: Machine, number: int) -> None:
    machine.python()
    (machine.folder / "slow").touch()
    # Where tests run in the background, children would inherit that SIGINT is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with machine.start() as process:
        signal.signal(signal.SIGINT, before)
        wait_for(lambda: install_has_begun(machine))
        # As from a terminal, where all of the foreground processes hear of it.
        os.killpg(process.pid, number)
        process.communicate(timeout=20)
    assert process.returncode in (-number, 128 + number)
    (machine.folder / "slow").unlink()
    machine.calls()
    assert machine.run().returncode == 0
    assert machine.calls() == [VENV, PIP, BUILD]


def test_a_run_waits_for_the_install_that_a_killed_one_left_behind(machine: Machine) -> None:
    machine.python()
    (machine.folder / "slow").touch()
    with machine.start() as killed:
        wait_for(lambda: install_has_begun(machine))
        killed.kill()
        killed.wait(timeout=20)
        with machine.start() as waiting:
            assert waiting.stdout is not None
            assert "waiting" in waiting.stdout.readline()
            machine.calls()
            (machine.folder / "slow").unlink()
            waiting.communicate(timeout=20)
    assert waiting.returncode == 0
    assert machine.calls() == [VENV, PIP, BUILD]


def test_of_two_runs_at_once_one_installs(machine: Machine) -> None:
    machine.python()
    (machine.folder / "slow").touch()
    with machine.start() as first:
        wait_for(lambda: install_has_begun(machine))
        with machine.start() as second:
            assert second.stdout is not None
            assert "waiting" in second.stdout.readline()
            (machine.folder / "slow").unlink()
            second.communicate(timeout=20)
        first.communicate(timeout=20)
    assert (first.returncode, second.returncode) == (0, 0)
    assert machine.calls() == [VENV, PIP, BUILD, BUILD]


def checks(machine: Machine, pytest_options: list[str], chromium: str = "") -> list[list[str]]:
    return [
        ["ruff", "check", chromium],
        ["ruff", "format", "--check", chromium],
        ["mypy", chromium],
        ["pytest", "-n", "auto", *pytest_options, chromium],
    ]


def test_checks_with_a_browser(machine: Machine) -> None:
    machine.python()
    machine.command("chromium", "exit 1")
    chrome = str(machine.command("google-chrome", "exit 0"))
    run = machine.run("test", "-k", "two words", "-m", "slow")
    assert run.returncode == 0
    assert run.stdout.splitlines()[-1] == "All checks passed."
    options = ["-k", "two words", "-m", "slow"]
    assert machine.calls() == [VENV, PIP, *checks(machine, options, chrome)]


def test_the_browser_asked_for_is_taken(machine: Machine) -> None:
    machine.python()
    machine.command("chromium", "exit 0")
    own = str(machine.command("my browser", "exit 0"))
    assert machine.run("test", CHROMIUM=own).returncode == 0
    assert machine.calls()[2:] == checks(machine, [], own)
    assert "CHROMIUM=/none does not run" in refused(machine.run("test", CHROMIUM="/none"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["-m", "not browser"]),
        (["-x", "-m", "a or b"], ["-x", "-m", "not browser and (a or b)"]),
        (["-mslow", "-k", "word"], ["-k", "word", "-m", "not browser and (slow)"]),
    ],
)
def test_checks_without_a_browser(
    machine: Machine, options: list[str], expected: list[str]
) -> None:
    machine.python()
    run = machine.run("test", *options)
    assert run.returncode == 0
    assert "browser tests" in run.stdout.splitlines()[-1]
    assert machine.calls()[2:] == checks(machine, expected)


def test_in_ci_a_missing_browser_is_a_failure(machine: Machine) -> None:
    machine.python()
    assert "no Chromium or Chrome" in refused(machine.run("test", CI="true"))


def test_a_failing_check_lets_the_others_run_and_fails_the_whole(machine: Machine) -> None:
    machine.python()
    machine.command("chromium", "exit 0")
    (machine.folder / "failing").write_text("mypy")
    run = machine.run("test")
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1] == "Failed: types"
    assert len(machine.calls()[2:]) == 4


def test_debian_gives_its_browser_to_root(machine: Machine) -> None:
    machine.python()
    browser = machine.bin / "chromium"
    machine.command("hidden", "exit 0")
    machine.command(
        "apt-get", f'if [ "$1" = install ]; then mv "{machine.bin}/hidden" "{browser}"; fi'
    )
    run = machine.run("test")
    assert run.returncode == 0
    assert browser.exists() == (os.geteuid() == 0)
    assert ("browser tests" in run.stdout.splitlines()[-1]) == (os.geteuid() != 0)
