r"""The vocabulary of an experiment: measurements, claims and controls.

An experiment is a module that reads as one story::

    @dataclass(frozen=True)
    class Config:                                # parameters, with units
        samples: int = 100

    SIZES = {"ci": Config(), "figure": Config(...), "paper": Config(...)}

    class Training(NamedTuple):                  # what is recorded; leading axis: repetitions
        test_error: Float[Recorded, "seeds steps"]

    @measurement
    def train(config: Config, key: Key) -> Training: ...

    @claim(
        train,
        kind="bound",
        source="Theorem 3.2",
        tolerance=0.05,
        controls=[broken("Without signal there is nothing to learn.", signal=0.0)],
    )
    def error_reaches_the_noise_rate(run: Training, config: Config) -> Evidence:
        r'''After $t \ge C\log n$ steps the test error is at most $\eta$.'''
        return at_most(run.test_error[:, -1], theory.late_test_error(config.noise))

    def draw(runs: Runs, config: Config) -> Figure: ...

A **control** shows that the rule can say no: either an assumption is broken (`broken`, the
measurement is made anew with other parameters) or a rival prediction takes the place of the
paper's (`rival`). Controls run at ci size. There the verdict must turn: refuted where the claim is
expected to be supported. A claim that the data refute is kept with `expect="refuted"` and a
reason; its controls then show where the same rule supports.
"""

from __future__ import annotations

import inspect
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, get_args, get_type_hints

import jax
import numpy as np
from matplotlib.figure import Figure

from harness.decisions import Evidence, Verdict

Kind = Literal["identity", "value", "bound", "exponent", "probability", "order", "law", "count"]
"""What is predicted: the page shows it beside the claim."""

Recorded = jax.Array | np.ndarray
"""An array of a result: on a device while it is measured, in memory when claims see it."""

Result = TypeVar("Result")


class ClaimError(TypeError):
    """An experiment module that breaks the rules of its own vocabulary."""


@dataclass(frozen=True)
class Measurement(Generic[Result]):
    """A named measurement of an experiment, its result a NamedTuple of arrays."""

    function: Callable[[Any, jax.Array], Result] = field(repr=False)

    @property
    def name(self) -> str:
        """The function's name; keys of stored arrays begin with it."""
        return self.function.__name__

    @property
    def result(self) -> type[Result]:
        """The NamedTuple class that holds the arrays."""
        return get_type_hints(self.function)["return"]

    def __call__(self, config: Any, root_key: jax.Array) -> Result:
        """Measure with the root key folded with this paper and purpose."""
        key = root_key
        for label in (self.function.__module__, self.name):
            key = jax.random.fold_in(key, zlib.crc32(label.encode()))
        return self.function(config, key)


def measurement(function: Callable[[Any, jax.Array], Result]) -> Measurement[Result]:
    """Declare a measurement: `function(config, key)` returning a NamedTuple of arrays."""
    result = get_type_hints(function).get("return")
    if not (isinstance(result, type) and hasattr(result, "_fields")):
        raise ClaimError(
            f"measurement {function.__name__} must be annotated to return a NamedTuple"
        )
    return Measurement(function)


@dataclass(frozen=True)
class Control:
    """A change under which the claim's rule must turn its verdict.

    `config` holds changed parameters (an assumption broken), `arguments` changed keyword
    arguments of the claim (a rival prediction); exactly one of them is not empty.
    """

    because: str
    config: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)


def broken(because: str, **parameters: Any) -> Control:
    """A control that breaks an assumption: the measurement is repeated with these parameters."""
    if not parameters:
        raise ClaimError("broken(...) names no parameter to change")
    return Control(because, config=parameters)


def rival(because: str, **predictions: Any) -> Control:
    """A control that swaps in a rival prediction: keyword arguments of the claim's function."""
    if not predictions:
        raise ClaimError("rival(...) names no argument to change")
    return Control(because, arguments=predictions)


@dataclass(frozen=True)
class Claim:
    """A statement, the measurement it is confronted with, and what must come out."""

    function: Callable[..., Evidence] = field(repr=False)
    measurement: Measurement[Any]
    kind: Kind
    source: str
    tolerance: float
    controls: tuple[Control, ...]
    expect: Verdict
    reason: str

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def statement(self) -> str:
        """The docstring: a sentence and a formula, dollar maths."""
        return inspect.getdoc(self.function) or ""

    @property
    def control_verdict(self) -> Verdict:
        """What every control must come out as: the opposite of what is expected of the claim."""
        return Verdict.REFUTED if self.expect is Verdict.SUPPORTED else Verdict.SUPPORTED

    def __call__(self, run: Any, config: Any, **arguments: Any) -> Evidence:
        """Confront the prediction with `run`, measured under `config`."""
        return self.function(run, config, **arguments)


def claim(
    measurement: Measurement[Any],
    *,
    kind: Kind,
    source: str,
    tolerance: float,
    controls: Sequence[Control],
    expect: Literal["supported", "refuted"] = "supported",
    reason: str = "",
) -> Callable[[Callable[..., Evidence]], Claim]:
    """Declare a claim; its docstring is the statement.

    Args:
        measurement: what is measured; the claim receives its result.
        kind: what is predicted.
        source: where the paper says it, or 'derived'.
        tolerance: the largest relative error of the prediction that may go unnoticed; the suite
            fails where the claim's sharpness is worse. `math.inf` for a claim without a number.
        controls: where the same rule must turn its verdict; at least one.
        expect: 'refuted' for a claim that does not hold.
        reason: why it does not hold; required with `expect="refuted"`.
    """

    def declare(function: Callable[..., Evidence]) -> Claim:
        where = f"claim {function.__module__}.{function.__name__}"
        if not inspect.getdoc(function):
            raise ClaimError(f"{where} has no statement: write its docstring")
        if not controls:
            raise ClaimError(f"{where} has no control: say where its rule must come out refuted")
        if kind not in get_args(Kind):
            raise ClaimError(f"{where} has kind {kind!r}, not one of {', '.join(get_args(Kind))}")
        if math.isnan(tolerance) or tolerance <= 0:
            raise ClaimError(f"{where} has tolerance {tolerance}: it must be above zero")
        if expect not in ("supported", "refuted"):
            raise ClaimError(f"{where} expects {expect!r}: neither supported nor refuted")
        if (expect == "refuted") != bool(reason):
            raise ClaimError(f"{where}: expect='refuted' and a reason go together")
        replaceable = list(inspect.signature(function).parameters)[2:]
        for control in controls:
            if unknown := set(control.arguments) - set(replaceable):
                raise ClaimError(f"{where} has no argument {', '.join(sorted(unknown))} to replace")
        return Claim(
            function, measurement, kind, source, tolerance, tuple(controls), Verdict(expect), reason
        )

    return declare


class Runs:
    """The results of a paper's measurements, looked up by the measurement itself."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        """Hold results by measurement name."""
        self._results = dict(results)

    def __getitem__(self, measurement: Measurement[Result]) -> Result:
        """The arrays of one measurement, typed as its NamedTuple."""
        return self._results[measurement.name]

    def items(self) -> list[tuple[str, Any]]:
        """Pairs of measurement name and result."""
        return list(self._results.items())


Draw = Callable[[Runs, Any], Figure]
"""A paper's figure from its results and config."""
