"""Evidence as data: a JSON ledger of verdicts and an npz of arrays per paper.

`figures/<topic>/<paper>.json` and `figures/claims.json` (all papers) share one format::

    {"format": 1, "claims": [row, ...]}

A row holds

| key | meaning |
|---|---|
| `paper`, `claim`, `statement`, `source`, `kind` | what is claimed, and where |
| `rule` | the decision rule, see `harness.decisions` |
| `points` | what the entries of the following lists are about; may be empty |
| `predicted`, `measured`, `lower`, `upper` | lists, one number a point |
| `region_low`, `region_high` | what the prediction allows, likewise |
| `error_rate`, `repetitions` | chance of a wrong verdict; independent repetitions behind it |
| `sharpness`, `tolerance` | relative error that would have been noticed; the most allowed |
| `verdict`, `expected`, `reason` | what came out, what should, and why if 'refuted' |
| `controls` | list: `because`, `changes`, `expected`, `verdict` and the numbers as above |
| `size`, `seed`, `config` | what was run |
| `versions`, `commit`, `device` | what it ran on; a commit ends in `+` if the sources had changes |
| `wall_seconds`, `peak_memory_bytes` | of the claim's measurement; of the process up to then |

`null` stands for an infinite number: an unbounded side, a sharpness that does not exist.

Files are written to a temporary name beside the target, flushed to disk and renamed, so that a
reader or a later run sees an old file or a new one, never half of one. Nothing is ever unpickled.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from harness.decisions import Verdict
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.claims import Measurement, Runs

FORMAT = 1


@dataclass(frozen=True)
class Numbers:
    """A comparison's numbers, one entry a point; `points` names them, or is empty."""

    points: list[str]
    predicted: list[float]
    measured: list[float]
    lower: list[float]
    upper: list[float]
    region_low: list[float]
    region_high: list[float]
    verdict: Verdict


@dataclass(frozen=True)
class ControlRow(Numbers):
    """How a claim's rule came out where it must turn."""

    because: str
    changes: dict[str, Any]
    expected: Verdict


@dataclass(frozen=True)
class Row(Numbers):
    """One claim's evidence; the keys are described in the module's docstring."""

    paper: str
    claim: str
    statement: str
    source: str
    kind: str
    rule: str
    error_rate: float
    repetitions: int
    sharpness: float
    tolerance: float
    expected: Verdict
    reason: str
    controls: list[ControlRow]
    size: str
    seed: int
    config: dict[str, Any]
    versions: dict[str, str]
    commit: str
    device: str
    wall_seconds: float
    peak_memory_bytes: int

    @property
    def complaints(self) -> list[str]:
        """What is not as it should be: verdict, controls, sharpness. Empty if all is well."""
        found = []
        if self.verdict != self.expected:
            found.append(f"{self.claim} is {self.verdict}, expected {self.expected}")
        for control in self.controls:
            if control.verdict != control.expected:
                found.append(
                    f"control of {self.claim} is {control.verdict}, must be {control.expected}: "
                    f"{control.because}"
                )
        if self.verdict is Verdict.SUPPORTED and self.sharpness > self.tolerance:
            found.append(
                f"{self.claim} would notice an error of {self.sharpness:.1%} only, "
                f"asked is {self.tolerance:.1%}"
            )
        return found


def write_ledger(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON; non-finite numbers become null."""
    document = {"format": FORMAT, "claims": [dataclasses.asdict(row) for row in rows]}
    text = json.dumps(_finite(document), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    _write(path, lambda file: file.write(text.encode()))


def read_ledger(path: Path) -> list[Row]:
    """Read rows written by `write_ledger`.

    Raises:
        BadInput: the file is missing, not JSON, or not of this format.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise BadInput(f"{path} has format {document['format']}, this version reads {FORMAT}")
        return [_row(entry) for entry in document["claims"]]
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path} is no ledger ({error}); delete it and run again") from error


def write_arrays(path: Path, runs: Runs) -> None:
    """Write all measurements' arrays as npz; keys are `measurement.field`."""
    arrays: dict[str, Any] = {
        f"{name}.{field}": np.asarray(value)
        for name, result in runs.items()
        for field, value in result._asdict().items()
    }
    _write(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


def read_arrays(path: Path, measurements: Iterable[Measurement[Any]]) -> Runs:
    """Read what `write_arrays` wrote.

    Raises:
        BadInput: the file is missing, damaged, or of other measurements.
    """
    # Only arrays need the vocabulary of experiments, and with it JAX; ledgers and pages do not.
    from harness.claims import Runs

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Runs(
                {
                    m.name: m.result(**{f: arrays[f"{m.name}.{f}"] for f in m.result._fields})
                    for m in measurements
                }
            )
    except FileNotFoundError as error:
        raise BadInput(f"no results at {path}: run the paper first") from error
    # What numpy, zipfile and zlib say of a file that is damaged or no npz at all.
    except (
        OSError, ValueError, TypeError, KeyError, EOFError, RuntimeError,
        zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise BadInput(f"{path} is damaged ({error}); delete it and run again") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    _write(path, lambda file: file.write(text.encode()))


def _write(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes files for the owner alone; results are as readable as any other file.
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _frozen(value: Any) -> Any:
    """Lists as tuples: JSON knows no tuples, a frozen config no lists."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _row(entry: dict[str, Any]) -> Row:
    controls = [ControlRow(**_numbers(control)) for control in entry["controls"]]
    unbounded = {key: math.inf for key in ("sharpness", "tolerance") if entry[key] is None}
    config = {name: _frozen(value) for name, value in entry["config"].items()}
    return Row(**{**_numbers(entry), **unbounded, "controls": controls, "config": config})


def _numbers(entry: dict[str, Any]) -> dict[str, Any]:
    """Turn nulls back into infinities and strings into verdicts."""
    read = dict(entry)
    for key, sign in (("lower", -1), ("region_low", -1), ("upper", 1), ("region_high", 1)):
        read[key] = [sign * math.inf if value is None else value for value in entry[key]]
    return read | {key: Verdict(entry[key]) for key in ("verdict", "expected")}
