"""Run a paper: measure, confront every claim with its measurement, and every control."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax

from harness.claims import Claim, Control, Measurement, Runs
from harness.decisions import DecisionError, Evidence
from harness.discovery import Experiment, root
from harness.ledger import ControlRow, Numbers, Row
from harness.sharpness import sharpness

Report = Callable[[str], None]
"""Told what is about to be measured."""


class Session:
    """One paper under one config, size and seed; every measurement is made once and kept."""

    def __init__(
        self,
        experiment: Experiment,
        *,
        size: str = "ci",
        seed: int = 0,
        config: Any = None,
        report: Report = lambda _: None,
    ) -> None:
        """Prepare a run; nothing is measured yet.

        Args:
            experiment: the paper.
            size: 'ci', 'figure' or 'paper'; controls always run at 'ci'.
            seed: root seed of all randomness.
            config: parameters that differ from those of `size`.
            report: told before each measurement.
        """
        self.experiment = experiment
        self.size = size
        self.seed = seed
        self.config = experiment.sizes[size] if config is None else config
        self._report = report
        self._results: dict[tuple[str, Any], tuple[Any, float]] = {}

    def evidence(self, claim: Claim) -> Evidence:
        """The claim against its measurement."""
        return self._judge(claim, self.config, {})

    def control(self, claim: Claim, control: Control) -> Evidence:
        """The claim's rule where it must turn; at ci size."""
        config = dataclasses.replace(self.experiment.sizes["ci"], **control.config)
        return self._judge(claim, config, control.arguments)

    def row(self, claim: Claim) -> Row:
        """All evidence of one claim, controls included."""
        evidence = self.evidence(claim)
        controls = [
            ControlRow(
                **_numbers(self.control(claim, control)),
                because=control.because,
                changes={
                    name: _shown(value)
                    for name, value in {**control.config, **control.arguments}.items()
                },
                expected=claim.control_verdict,
            )
            for control in claim.controls
        ]
        return Row(
            **_numbers(evidence),
            paper=self.experiment.paper,
            claim=claim.name,
            statement=claim.statement,
            source=claim.source,
            kind=claim.kind,
            rule=evidence.rule,
            error_rate=evidence.error_rate,
            repetitions=evidence.repetitions,
            sharpness=sharpness(evidence),
            tolerance=claim.tolerance,
            expected=claim.expect,
            reason=claim.reason,
            controls=controls,
            size=self.size,
            seed=self.seed,
            config=dataclasses.asdict(self.config),
            wall_seconds=self._measure(claim.measurement, self.config)[1],
            peak_memory_bytes=_peak_memory_bytes(),
            **_provenance(),
        )

    def rows(self) -> list[Row]:
        """All claims' evidence, in the order of the module."""
        return [self.row(claim) for claim in self.experiment.claims]

    def runs(self) -> Runs:
        """All measurements' arrays under the session's own config, for the figure."""
        return Runs(
            {m.name: self._measure(m, self.config)[0] for m in self.experiment.measurements}
        )

    def _judge(self, claim: Claim, config: Any, arguments: Any) -> Evidence:
        result, _ = self._measure(claim.measurement, config)
        try:
            return claim(result, config, **arguments)
        except DecisionError as error:
            raise DecisionError(f"{self.experiment.paper}.{claim.name}: {error}") from error

    def _measure(self, measurement: Measurement[Any], config: Any) -> tuple[Any, float]:
        where = (measurement.name, config)
        if where not in self._results:
            changed = _difference(self.config, config)
            self._report(f"{measurement.name}{f' with {changed}' if changed else ''}")
            start = time.perf_counter()
            result = jax.block_until_ready(measurement(config, jax.random.key(self.seed)))
            # Plain numpy from here on: claims, figures and files need no device.
            result = jax.tree.map(jax.device_get, result)
            self._results[where] = result, time.perf_counter() - start
        return self._results[where]


def _numbers(evidence: Evidence) -> dict[str, Any]:
    comparison = evidence.comparison
    arrays = {"predicted": evidence.predicted, **comparison._asdict()}
    numbers = {name: array.tolist() for name, array in arrays.items()}
    return dataclasses.asdict(Numbers(list(evidence.points), **numbers, verdict=comparison.verdict))


def _shown(value: Any) -> Any:
    """A function by its name, as is anything else that has one; numbers as they are."""
    return getattr(value, "__name__", getattr(value, "name", value))


def _difference(usual: Any, config: Any) -> str:
    """The parameters in which a control's config differs, for progress lines."""
    pairs = (
        (f.name, getattr(usual, f.name), getattr(config, f.name))
        for f in dataclasses.fields(config)
    )
    return ", ".join(f"{name}={now}" for name, before, now in pairs if before != now)


def _provenance() -> dict[str, Any]:
    packages = ("jax", "jaxlib", "numpy", "scipy")
    versions = {name: importlib.metadata.version(name) for name in packages}
    device = jax.devices()[0]
    return {
        "versions": {"python": platform.python_version(), **versions},
        "commit": _commit(),
        "device": f"{device.platform} ({device.device_kind}), {platform.machine()}",
    }


def _commit() -> str:
    """The commit that the sources are at, with a + if they differ from it; '' outside git."""
    git = ["git", "-C", str(root())]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        # Pictures change as they are redrawn; what matters is the code that measured.
        changes = [*git, "status", "--porcelain", "--untracked-files=no", "--", ":!figures"]
        dirty = subprocess.run(changes, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def _peak_memory_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return peak if sys.platform == "darwin" else peak * 1024
