"""The command line as its users meet it: exit status, messages, files."""

import json
import os
import subprocess
import sys

import pytest

BAD_INPUT = {
    "run coni": "no paper called 'coni'; nearest: games/coin",
    "build coin coni": "no paper called 'coni'; nearest: games/coin",
    "run coin --tosses -5": "tosses must be above zero, got -5",
    "run coin --bias 0.5": "bias must be within (-1/2, 1/2), got 0.5",
    "run coin --seed -1": "seed must be within 0 and 4294967295, got -1",
    "run coin --json /dev/null/a.json": "cannot write /dev/null/a.json: File exists",
    "run coin --arrays /dev/null/a/a.npz": "cannot write /dev/null/a/a.npz: Not a directory",
    "build -n 0": "processes must be above zero, got 0",
    "build --cluster tcp://127.0.0.1:1": "no Dask scheduler at tcp://127.0.0.1:1",
    "build --cluster nowhere": "no Dask scheduler at nowhere",
    "show coin": "is not there: build the paper first",
}
BAD_USAGE = ["", "lits", "run", "run coin --size huge", "run coin --tosse 5", "build --sed 1"]
HELP = ["--help", *(f"{c} --help" for c in ("list", "run", "draw", "show", "why", "build"))]
PARAMETERS = "run coin --size figure --help"

# No file may grow beyond this, and the evidence would.
FULL_DISK = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
runpy.run_module("harness", run_name="__main__", alter_sys=True)
"""

pytestmark = pytest.mark.xdist_group("command line")  # to share what is measured once


def claims(path) -> list[dict]:
    return json.loads(path.read_text())["claims"]


@pytest.fixture(scope="module")
def answers(fresh_toy, tmp_path_factory) -> dict[str, subprocess.CompletedProcess]:
    commands = [*BAD_INPUT, *BAD_USAGE, *HELP, PARAMETERS, "list", "why coin"]
    toy = fresh_toy.copy(tmp_path_factory.mktemp("answers") / "toy")
    return dict(zip(commands, toy.ask(*commands), strict=True))


@pytest.mark.parametrize("command", BAD_INPUT)
def test_bad_input_is_one_line(answers, command):
    done = answers[command]
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f"{BAD_INPUT[command]}\n")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("command", BAD_USAGE)
def test_bad_usage(answers, command):
    done = answers[command]
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr != ""


@pytest.mark.parametrize("command", HELP)
def test_help(answers, command):
    assert answers[command].returncode == 0
    assert "usage: python -m harness" in answers[command].stdout


def test_parameters_are_explained_at_their_size(answers):
    assert "A coin is fair." in answers[PARAMETERS].stdout
    assert "Number of tosses. (default: 8000)" in answers[PARAMETERS].stdout


def test_run_says_and_writes_the_evidence(built_toy, tmp_path):
    evidence, arrays, other = tmp_path / "new" / "coin.json", tmp_path / "a.npz", tmp_path / "b"
    done, second = built_toy.ask(
        f"run coin --json {evidence} --arrays {arrays}", f"run coin --seed 1 --json {other}"
    )
    assert done.returncode == 0
    fair, rare = done.stdout.splitlines()
    assert fair.startswith("supported     coin_is_fair: predicted 0.5, measured 0.")
    assert "controls turned 2/2" in fair
    assert rare.startswith("refuted")
    assert "toss with bias=0.3 ...\ntoss with bias=0.3: done in" in done.stderr
    # The same seed gives the same numbers, another seed others.
    assert arrays.read_bytes() == built_toy.figures("npz")["coin.npz"]
    built = claims(built_toy.root / "figures/games/coin.json")
    for row, again in zip(built, claims(evidence), strict=True):
        assert {key for key in row if row[key] != again[key]} <= {
            "wall_seconds",
            "peak_memory_bytes",
        }
    assert second.returncode == 0
    assert claims(other)[0]["measured"] != built[0]["measured"]


def test_a_paper_is_a_program_whose_parameters_are_options(fresh_toy, tmp_path):
    evidence = tmp_path / "coin.json"
    options = ["--bias", "0.4", "--size", "figure", "--json", str(evidence)]
    done = fresh_toy.run(*options, module="experiments.games.coin")
    # The coin is not fair: the claim is refuted, and that is not as expected.
    assert done.returncode == 1
    assert "games/coin: coin_is_fair is refuted, expected supported" in done.stderr
    # The size's number of tosses, the option's bias.
    assert claims(evidence)[0]["config"] == {"tosses": 8000, "bias": 0.4}
    assert claims(evidence)[0]["paper"] == "games/coin"


def test_list_and_show_read_the_last_build(built_toy, answers):
    listed, shown = built_toy.ask("list", "show coin")
    coin, penny = listed.stdout.splitlines()[1:]
    assert " ".join(coin.split()) == "games/coin A coin is fair 2 1 refuted, 1 supported"
    assert penny.startswith("games/penny")
    assert "not built yet" in answers["list"].stdout
    assert "measure games/coin: never built" in answers["why coin"].stdout.splitlines()
    assert "coin_is_fair: The chance of heads is $\\tfrac12$." in shown.stdout
    assert "size ci, seed 0" in shown.stdout


def test_what_measures_nothing_needs_no_jax(built_toy):
    commands = ["list"], ["show", "coin"], ["build", "--size", "ci"], ["why", "coin"]
    code = (
        "import sys; from harness.command_line import main\n"
        f"for arguments in {commands}:\n"
        "    assert main(arguments) == 0; assert 'jax' not in sys.modules"
    )
    process = {"cwd": built_toy.root, "env": built_toy.environment, "check": True}
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, **process)


def test_a_corrupt_result_is_named_and_the_next_build_mends_it(built, built_toy):
    evidence = built.root / "figures/games/coin.json"
    evidence.write_text(evidence.read_text()[:100])
    for done in built.ask("list", "show coin", "draw coin"):
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {evidence} is no ledger")
        assert done.stderr.count("\n") == 1
    assert built.run("build", "coin", "--size", "ci").returncode == 0
    assert built.numbers() == built_toy.numbers()
    # The same data give the same drawing, to the byte.
    assert built.figures("svg") == built_toy.figures("svg")


def test_figures_that_are_no_folder(fresh):
    (fresh.root / "figures").write_text("in the way")
    done = fresh.run("build")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: cannot write in {fresh.root}/figures/.build")
    assert done.stderr.count("\n") == 1


def test_a_full_disk_loses_nothing(built):
    before = built.figures("json"), built.figures("npz")
    target = built.root / "figures/games/coin.json"

    (built.root / "full_disk.py").write_text(FULL_DISK)
    done = built.run("run", "coin", "--json", str(target), module="full_disk")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"error: cannot write {target}: File too large"
    assert "coin_is_fair" in done.stdout
    assert (built.figures("json"), built.figures("npz")) == before
    assert not list(built.root.glob("figures/games/.*"))


def test_standard_output_that_takes_nothing(built_toy):
    def listing_to(output: int) -> tuple[int, bytes]:
        done = subprocess.run(
            [sys.executable, "-m", "harness", "list"],
            cwd=built_toy.root,
            env=built_toy.environment,
            stdout=output,
            stderr=subprocess.PIPE,
        )
        os.close(output)
        return done.returncode, done.stderr

    full = listing_to(os.open("/dev/full", os.O_WRONLY))
    assert full == (2, b"error: cannot write: No space left on device\n")
    read, write = os.pipe()
    os.close(read)
    status, said = listing_to(write)
    assert status != 0
    assert said == b""


def test_a_measurement_that_cannot_be_judged_and_a_bug(fresh):
    fresh.edit("experiments/games/coin.py", "run.heads, 0.2", "run.heads * np.nan, 0.2")
    fresh.edit("experiments/games/penny.py", "run.heads, 0.2", "run.heads, 1 / 0")
    unclear, bug = fresh.ask("run coin", "run penny")
    assert unclear.returncode == 1
    assert unclear.stderr.splitlines()[-1].startswith("error: games/coin.heads_are_rare: ")
    # A bug is not put into other words.
    assert bug.returncode == "ZeroDivisionError('division by zero')"
