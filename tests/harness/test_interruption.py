"""Whenever a build is cut short, nothing half-made counts, and the next one continues."""

import fcntl
import json
import random
import re
import signal
import time

import psutil
import pytest

pytestmark = pytest.mark.xdist_group("builds")  # to share what is built once


def at_work(toy) -> list[psutil.Process]:
    """The processes that run in the project's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(toy.root):
                found.append(process)
        except psutil.Error:
            continue
    return found


def all_end(toy) -> bool:
    _, alive = psutil.wait_procs(at_work(toy), timeout=15)
    return not alive


def test_a_build_interrupted_at_random_moments(fresh, built_toy):
    chance = random.Random(0)
    for how in (signal.SIGKILL, signal.SIGINT) * 2:
        build = fresh.start("build", "coin", "--size", "ci")
        # Not before its first words: until then Python itself is starting.
        said = build.stderr.readline()
        time.sleep(chance.uniform(0, 3))
        build.send_signal(how)
        said += build.communicate(timeout=30)[1]
        if how == signal.SIGINT and build.returncode != 0:
            assert build.returncode == 130, said
            assert said.splitlines()[-1] == "interrupted"
            assert "Traceback" not in said
        # Those that it had started end with it, and what they leave is whole.
        assert all_end(fresh)
        for evidence in fresh.figures("json").values():
            json.loads(evidence)
    done = fresh.run("build", "coin", "--size", "ci")
    assert done.returncode == 0, done.stderr
    assert fresh.numbers()["coin.json"] == built_toy.numbers()["coin.json"]
    for suffix in ("npz", "svg"):
        name = f"coin.{suffix}"
        assert fresh.figures(suffix)[name] == built_toy.figures(suffix)[name]
    assert not list(fresh.root.glob("figures/games/.*"))


def test_what_was_finished_is_kept(built):
    for paper in ("coin", "penny"):
        (built.root / f"figures/games/{paper}.svg").unlink()
    build = built.start("build", "--size", "ci")
    begun: list[str] = []
    while len(begun) < 2:  # one after the other: when the second begins, the first is noted
        begun += re.findall(r"^draw games/(\w+) \.\.\.", build.stderr.readline())
    build.kill()
    build.communicate()
    assert all_end(built)
    said = built.run("build", "--size", "ci").stderr
    assert re.findall(r"^(.*): done", said, re.MULTILINE)[0] == f"draw games/{begun[1]}"
    assert f"draw games/{begun[0]}" not in said


def test_one_build_at_a_time(built):
    with (built.root / "figures/.build/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = built.run("build", "--size", "ci")
    assert (second.returncode, second.stderr) == (2, "error: another build is going on here\n")
