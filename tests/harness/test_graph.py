"""What is made anew when what changes."""

import os
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("builds")  # to share what is built once


def made(toy, *options: str) -> list[str]:
    """The tasks that a build runs, in the order in which they end."""
    done = toy.run("build", "--size", "ci", *options)
    assert done.returncode == 0, done.stderr
    return re.findall(r"^(.*): done in", done.stderr, re.MULTILINE)


def test_all_is_built(built_toy):
    figures = built_toy.root / "figures"
    for paper in ("coin", "penny"):
        for suffix in ("json", "npz", "svg", "html"):
            assert (figures / "games" / f"{paper}.{suffix}").exists()
    assert (figures / "claims.json").exists()


def test_processes_share_the_cores(built_toy):
    share = max(1, len(os.sched_getaffinity(0)) // 2)
    # Threads are counted where the system lists them.
    counted = share if Path("/proc/self/task").exists() else 0
    assert (built_toy.root / f"threads_of_{share}").read_text() == str(counted)


def test_nothing_changed_nothing_done(built_toy):
    before = built_toy.figures("*")
    assert made(built_toy) == []
    assert built_toy.figures("*") == before


def test_why(built):
    built.edit("theory/games/__init__.py", "Toy", "A toy")
    built.edit("theory/games/coin.py", "0.5 + bias", "bias + 0.5")
    (built.root / "figures/games/penny.npz").unlink()
    coin, penny, size, seed = built.ask(
        "why coin --size ci", "why penny --size ci", "why penny", "why coin --size ci --seed 1"
    )
    assert set(coin.stdout.splitlines()) == {
        "measure games/coin: theory/games/coin.py changed",
        "measure games/coin: theory/games/__init__.py changed",
        "draw games/coin: measure games/coin comes first",
    }
    assert set(penny.stdout.splitlines()) == {
        "measure games/penny: figures/games/penny.npz is missing",
        "measure games/penny: theory/games/__init__.py changed",
        "draw games/penny: measure games/penny comes first",
    }
    assert "measure games/penny: size changed" in size.stdout.splitlines()
    assert "measure games/coin: seed changed" in seed.stdout.splitlines()


def test_theory_measures_the_papers_that_import_it(built):
    for paper in ("coin", "penny"):
        built.edit(f"theory/games/{paper}.py", "0.5 + bias", "bias + 0.5")
    assert made(built, "coin") == ["measure games/coin", "draw games/coin", "page"]
    # The page holds all papers, whichever were built.
    assert (built.root / "figures/index.html").read_text() == "games/coin\ngames/penny"
    assert built.run("why", "coin", "--size", "ci").stdout == "nothing changed\n"


def test_drawing_anew_measures_nothing(built):
    evidence, drawings = built.figures("json"), built.figures("svg")
    built.edit("experiments/games/coin.py", 'xlabel="tosses"', 'xlabel="number of tosses"')
    built.edit("experiments/games/coin.py", 'color="k"', 'color="0.3"')
    # A comment changes nothing but the page, which shows it.
    built.edit("theory/games/penny.py", "    return", "    # Half.\n    return")
    assert made(built) == ["draw games/coin", "page"]
    assert built.figures("json") == evidence
    assert built.figures("svg")["coin.svg"] != drawings["coin.svg"]
    assert built.figures("svg")["penny.svg"] == drawings["penny.svg"]
    built.edit("harness/style.py", "(9.0, 3.6)", "(9.0, 3.0)")
    restyled = built.ask("why coin --size ci", "why penny --size ci")
    assert [done.stdout for done in restyled] == [
        "draw games/coin: harness/style.py changed\n",
        "draw games/penny: harness/style.py changed\n",
    ]


def test_a_failure_stops_nobody_else(fresh):
    fresh.edit("experiments/games/coin.py", "run.heads, 0.2", "run.heads * np.nan, 0.2")
    fresh.edit("experiments/games/penny.py", 'expect="refuted"', 'expect="supported"')
    fresh.edit("experiments/games/penny.py", 'reason="Heads come half of the time.",', "")
    done = fresh.run("build", "--size", "ci", "-n", "2")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert any(
        line.startswith("measure games/coin failed: games/coin.heads_are_rare: ") for line in lines
    )
    complaint = "games/penny: heads_are_rare is refuted, expected supported"
    assert complaint in lines
    assert (fresh.root / "figures/index.html").read_text() == "games/penny"
    # Asked again, the same answer: what is there is not made again, the complaint stays.
    again = fresh.run("build", "penny", "--size", "ci")
    assert again.returncode == 1
    assert "measure" not in again.stderr
    assert complaint in again.stderr
