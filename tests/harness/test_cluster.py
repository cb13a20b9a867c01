"""The same graph on a Dask cluster: a scheduler and two workers on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from distributed import Client

pytestmark = pytest.mark.xdist_group("builds")  # to share what is built once


@pytest.fixture
def cluster(built, tmp_path):
    """Address of a scheduler with two workers of one thread, all in the project's folder."""
    contact = tmp_path / "scheduler.json"
    shared = ["--scheduler-file", str(contact), "--no-dashboard"]
    scheduler = ["dask_scheduler", *shared, "--host", "127.0.0.1", "--port", "0"]
    worker = ["dask_worker", *shared, "--nthreads", "1", "--no-nanny"]
    worker += ["--local-directory", str(tmp_path)]
    # Distributed itself is not free of warnings.
    environment = built.environment | {"PYTHONWARNINGS": "default"}
    with ExitStack() as running:
        for program, *options in (scheduler, worker, worker):
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *options],
                cwd=built.root,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            running.callback(process.wait, 10)
            running.callback(os.killpg, process.pid, signal.SIGTERM)
        patience = time.monotonic() + 30
        while not contact.exists():
            assert time.monotonic() < patience
            time.sleep(0.05)
        address = json.loads(contact.read_text())["address"]
        with Client(address) as client:
            client.wait_for_workers(2, timeout=30)
        yield address


def test_a_cluster_gives_the_results_of_this_machine(cluster, built, built_toy):
    command = ["build", "--size", "ci", "--cluster", cluster]
    for name in ("coin.npz", "penny.svg"):
        (built.root / "figures/games" / name).unlink()
    built.edit("experiments/games/coin.py", "run.heads, 0.2", "run.heads * np.nan, 0.2")
    done = built.run(*command)
    assert done.returncode == 1
    assert "draw games/penny: done" in done.stderr
    # A failure there is told as one here.
    assert "measure games/coin failed: games/coin.heads_are_rare: " in done.stderr
    built.edit("experiments/games/coin.py", "run.heads * np.nan, 0.2", "run.heads, 0.2")
    done = built.run(*command)
    assert done.returncode == 0, done.stderr
    assert "measure games/coin: done" in done.stderr
    assert built.numbers() == built_toy.numbers()
    for suffix in ("npz", "svg"):
        assert built.figures(suffix) == built_toy.figures(suffix)
    # It is the same graph: here nothing is left to do.
    assert built.run("build", "--size", "ci").stderr == ""
