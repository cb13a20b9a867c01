r"""Decision rules: a prediction meets a measurement, and a verdict comes out.

Every rule has the same anatomy. The measurement, an array whose leading axis counts independent
repetitions, yields an *interval* that covers the truth with probability at least $1-\alpha$. The
prediction yields a *region* of values that the claim allows. Then

- **supported**: the whole interval lies in the region;
- **refuted**: the interval and the region are disjoint;
- **inconclusive**: neither; the data cannot tell.

So whenever the interval covers the truth, a true claim is not refuted and a false one is not
supported: both error rates are at most $\alpha$, `ERROR_RATE` unless a claim says otherwise. Where
a claim is about several points at once (times, widths), $\alpha$ is divided among them
(Bonferroni); the claim is supported if every point is, refuted if any point is.

| rule | interval | region |
|---|---|---|
| `identity` | the value itself | prediction, up to rounding |
| `counts` | the integer itself | the predicted integer |
| `at_most`, `at_least` | Student's $t$ for the mean | a half line |
| `equals` | Student's $t$ for the mean | prediction $\pm$ margin (two one-sided tests) |
| `frequency`, `frequency_at_most`, `frequency_at_least` | Clopper-Pearson | as above |
| `scales_as` | Student's $t$ for slope and curvature in log-log | exponent and 0, $\pm$ margins |
| `ordered` | Student's $t$ for paired differences | at least an effect size |
| `distributed_as` | Dvoretzky-Kiefer-Wolfowitz band | within a distance of the law |

Student's interval is exact for Gaussian repetitions and close to it for means of many; the others
are finite-sample. A margin is the theory's own error term: an equality without one cannot be
supported by finite data, so a margin of zero is an error. Fewer than two repetitions decide
nothing. NaN and infinity are no measurements and raise.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

ERROR_RATE = 1e-5
"""Chance that a claim's verdict is wrong, in either direction, unless the claim sets its own."""

Values = NDArray[np.float64]


class DecisionError(ValueError):
    """A measurement or a prediction that no rule can judge (NaN, empty, mismatched shapes ...)."""


class Verdict(StrEnum):
    """What the data say of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"


class Comparison(NamedTuple):
    """An interval for the truth beside the region that a prediction allows; shapes (points,)."""

    measured: Values
    lower: Values
    upper: Values
    region_low: Values
    region_high: Values

    @property
    def verdict(self) -> Verdict:
        """Supported at every point, refuted at any, else inconclusive."""
        if np.any((self.upper < self.region_low) | (self.lower > self.region_high)):
            return Verdict.REFUTED
        if np.all((self.lower >= self.region_low) & (self.upper <= self.region_high)):
            return Verdict.SUPPORTED
        return Verdict.INCONCLUSIVE


@dataclass(frozen=True)
class Evidence:
    """What a rule returns: the numbers, the verdict, and the means to ask 'what if?'.

    `compare(factor)` repeats the comparison with the prediction multiplied by `factor`, all else
    (data, margins) unchanged; `harness.sharpness` uses it to find the smallest error of the
    prediction that these data would have exposed.
    """

    rule: str
    predicted: Values
    repetitions: int
    error_rate: float
    compare: Callable[[float], Comparison]
    points: tuple[str, ...] = ()

    def named(self, *points: str) -> Evidence:
        """The same evidence with a name for each point: a time, a width, a cluster."""
        count = self.comparison.measured.size
        _require(len(points) == count, f"{len(points)} names for {count} points")
        return dataclasses.replace(self, points=points)

    @property
    def comparison(self) -> Comparison:
        """The comparison with the prediction as it stands."""
        return self.compare(1.0)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the prediction as it stands."""
        return self.comparison.verdict

    @property
    def detectable(self) -> Values:
        """Distance outside the region at which the claim is refuted with chance >= 1 - error_rate.

        One full width of the interval: if the truth lies further out and the interval covers it,
        the interval cannot reach the region. The width is that of these data; where it depends
        on the truth (Clopper-Pearson), it speaks for truths near the measured one.
        """
        return self.comparison.upper - self.comparison.lower


def identity(measured: ArrayLike, predicted: ArrayLike, *, rounding: float) -> Evidence:
    """The measurement equals the prediction up to rounding, in every repetition.

    Args:
        measured: shape (repetitions, ...).
        predicted: broadcastable to `measured`.
        rounding: largest error allowed, relative to the largest predicted magnitude. A bound
            that rounding explains (condition number times machine epsilon), not a tolerance.
    """
    values = _measurement(measured)
    _require(0 < rounding < math.inf, "identity needs a finite rounding bound above zero")
    prediction = _broadcast(predicted, values)
    scale = float(np.max(np.abs(prediction)))
    _require(scale > 0, "identity needs a prediction of non-zero size to be relative to")
    return _pointwise("identity", values, prediction, lambda target: target, rounding * scale)


def counts(measured: ArrayLike, predicted: ArrayLike) -> Evidence:
    """Integers equal the predicted integers, in every repetition.

    A scaled prediction is rounded to the nearest integer, so that sharpness reads: half a count.
    """
    values = _measurement(measured)
    prediction = _broadcast(predicted, values)
    for name, array in (("measured", values), ("predicted", prediction)):
        _require(bool(np.all(array == np.round(array))), f"{name} counts must be integers")
        _require(bool(np.all(np.abs(array) < 2.0**53)), f"{name} counts must be below 2^53")
    return _pointwise("counts", values, prediction, np.round, 0.0)


def at_most(sample: ArrayLike, bound: ArrayLike, *, error_rate: float = ERROR_RATE) -> Evidence:
    """The mean over repetitions is at most `bound`, at every point.

    Args:
        sample: shape (repetitions,) or (repetitions, points).
        bound: scalar or (points,).
        error_rate: chance of a wrong verdict.
    """
    return _mean_rule("at most", sample, bound, (-np.inf, 0.0), error_rate)


def at_least(sample: ArrayLike, bound: ArrayLike, *, error_rate: float = ERROR_RATE) -> Evidence:
    """The mean over repetitions is at least `bound`, at every point. Shapes as in `at_most`."""
    return _mean_rule("at least", sample, bound, (0.0, np.inf), error_rate)


def equals(
    sample: ArrayLike,
    predicted: ArrayLike,
    *,
    margin: ArrayLike,
    error_rate: float = ERROR_RATE,
) -> Evidence:
    """The mean over repetitions equals `predicted` within `margin` (two one-sided tests).

    Args:
        sample: shape (repetitions,) or (repetitions, points).
        predicted: scalar or (points,).
        margin: the theory's error term, above zero; scalar or (points,), absolute.
        error_rate: chance of a wrong verdict.
    """
    return _mean_rule("equals", sample, predicted, _symmetric(margin), error_rate)


def frequency(
    outcomes: ArrayLike,
    predicted: ArrayLike,
    *,
    margin: ArrayLike,
    error_rate: float = ERROR_RATE,
) -> Evidence:
    """An event's probability equals `predicted` within `margin`.

    Args:
        outcomes: booleans, shape (trials,) or (trials, points); trials are independent.
        predicted: probability, scalar or (points,).
        margin: the theory's error term, above zero, absolute.
        error_rate: chance of a wrong verdict.
    """
    return _frequency_rule("frequency", outcomes, predicted, _symmetric(margin), error_rate)


def frequency_at_most(
    outcomes: ArrayLike, bound: ArrayLike, *, error_rate: float = ERROR_RATE
) -> Evidence:
    """An event's probability is at most `bound`. Shapes as in `frequency`."""
    return _frequency_rule("frequency at most", outcomes, bound, (-np.inf, 0.0), error_rate)


def frequency_at_least(
    outcomes: ArrayLike, bound: ArrayLike, *, error_rate: float = ERROR_RATE
) -> Evidence:
    """An event's probability is at least `bound`. Shapes as in `frequency`."""
    return _frequency_rule("frequency at least", outcomes, bound, (0.0, np.inf), error_rate)


def scales_as(
    scales: ArrayLike,
    sample: ArrayLike,
    exponent: float,
    *,
    margin: float,
    end_margin: float | None = None,
    error_rate: float = ERROR_RATE,
) -> Evidence:
    r"""A positive quantity grows like `scales` to the power `exponent`.

    Per repetition, $\log y$ is regressed on $\log x$ by least squares with a quadratic term. The
    slope must equal the exponent within `margin`, and the slopes at both ends of the range within
    `end_margin`: a curve whose average slope happens to be right is no power law.

    Args:
        scales: shape (points,), positive, at least three different values.
        sample: shape (repetitions, points), positive.
        exponent: predicted power.
        margin: how far finite-size terms may move the overall slope; above zero.
        end_margin: how far they may move the slopes at the ends; `margin` if not given.
        error_rate: chance of a wrong verdict.
    """
    x = np.log(_positive(scales, "scales"))
    y = np.log(_positive(_measurement(sample), "sample"))
    _require(x.ndim == 1 and y.ndim == 2 and y.shape[1] == x.size, "scales_as needs (reps, points)")
    _require(np.unique(x).size >= 3, "scales_as needs at least three different scales")
    # Orthogonal polynomials on the given points: the linear coefficient is the plain regression
    # slope, and the quadratic one measures curvature independently of it.
    centred = x - x.mean()
    slope = y @ centred / (centred @ centred)
    # It is centred^2 less its own regression on 1 and centred, whose slope is `tilt`.
    tilt = centred**2 @ centred / (centred @ centred)
    bent = centred**2 - np.mean(centred**2) - tilt * centred
    curvature = y @ bent / (bent @ bent)
    steepening = 2 * np.array([centred.min(), centred.max()]) - tilt
    ends = slope[:, None] + curvature[:, None] * steepening
    slopes = np.concatenate([slope[:, None], ends], axis=1)
    ends_within = margin if end_margin is None else end_margin
    margins = _symmetric(np.array([margin, ends_within, ends_within]))
    evidence = _mean_rule("scales as", slopes, exponent, margins, error_rate)
    return evidence.named("overall slope", "at the small end", "at the large end")


def ordered(
    smaller: ArrayLike,
    larger: ArrayLike,
    *,
    effect: ArrayLike,
    error_rate: float = ERROR_RATE,
) -> Evidence:
    """In paired runs, `larger` exceeds `smaller` by at least `effect` on average.

    Args:
        smaller, larger: same shape, (pairs,) or (pairs, points).
        effect: predicted least difference, scalar or (points,).
        error_rate: chance of a wrong verdict.
    """
    low, high = _measurement(smaller), _measurement(larger)
    _require(low.shape == high.shape, "ordered needs pairs: two samples of one shape")
    return _mean_rule("ordered", high - low, effect, (0.0, np.inf), error_rate)


def distributed_as(
    sample: ArrayLike,
    cumulative: Callable[[Values], ArrayLike],
    *,
    margin: float,
    error_rate: float = ERROR_RATE,
) -> Evidence:
    r"""A sample follows a law: $\sup_x|F(x)-F_0(x)|\le$ `margin`.

    The truth $F$ lies within $\sqrt{\log(2/\alpha)/2n}$ of the empirical distribution
    everywhere, with probability at least $1-\alpha$ (Dvoretzky-Kiefer-Wolfowitz with Massart's
    constant). The law may have atoms. Scaling the prediction by $c$ means the law of $c$ times the
    variable.

    Args:
        sample: shape (repetitions,), independent draws of one real variable.
        cumulative: the predicted distribution function $F_0$, vectorised.
        margin: distance in probability that the theory's error term allows; above zero.
        error_rate: chance of a wrong verdict.
    """
    values = np.sort(_measurement(sample))
    _require(values.ndim == 1, "distributed_as needs one real number per repetition")
    _, width = _symmetric(margin)
    _require_rate(error_rate)
    n = values.size
    band = math.sqrt(math.log(2 / error_rate) / (2 * n)) if n > 1 else np.inf
    zero = np.zeros(1)
    steps = np.arange(n + 1) / n

    def law(at: Values) -> Values:
        probability = _finite(cumulative(at), "distribution function")
        _require(probability.shape == at.shape, "a distribution function maps value by value")
        inside = bool(np.all(np.abs(probability - 0.5) < 0.5 + 1e-9))
        _require(inside, "a distribution function lies between 0 and 1")
        return probability

    def compare(factor: float) -> Comparison:
        at = values / factor
        # The largest difference is reached at a step of the sample or, from the left, just below.
        above = steps[1:] - law(at)
        below = law(np.nextafter(at, -np.inf)) - steps[:-1]
        distance = zero + np.max(np.maximum(above, below))
        return Comparison(distance, distance - band, distance + band, zero - np.inf, zero + width)

    return Evidence("distributed as", zero, n, error_rate, compare)


def _mean_rule(
    rule: str,
    sample: ArrayLike,
    predicted: ArrayLike,
    region: tuple[ArrayLike, ArrayLike],
    error_rate: float,
) -> Evidence:
    # Among few booleans that all agree, Student's interval would be a point.
    _require(np.asarray(sample).dtype != np.bool_, "booleans are a frequency: use those rules")
    values = _points(_measurement(sample))
    repetitions, points = values.shape
    tail = _tail(region, error_rate, points)
    # Relative to the first repetition and to the largest deviation from it: equal values then have
    # that value as their mean, without rounding, and squares neither underflow nor overflow.
    deviations = values - values[0]
    mean = values[0] + deviations.mean(axis=0)
    if repetitions > 1:
        unit = np.max(np.abs(deviations), axis=0)
        unit[unit == 0] = 1.0
        error = unit * np.std(deviations / unit, axis=0, ddof=1) / math.sqrt(repetitions)
        half = stats.t.isf(tail, repetitions - 1) * error
    else:
        half = np.full(points, np.inf)
    return _region_rule(
        rule, predicted, region, (mean, mean - half, mean + half), values, error_rate
    )


def _frequency_rule(
    rule: str,
    outcomes: ArrayLike,
    predicted: ArrayLike,
    region: tuple[ArrayLike, ArrayLike],
    error_rate: float,
) -> Evidence:
    array = np.asarray(outcomes)
    _require(array.dtype == np.bool_, "a frequency needs booleans, one outcome per trial")
    values = _points(_measurement(array))
    trials, points = values.shape
    hits = values.sum(axis=0).astype(int)
    # Two-sided at twice the tail: both ends then hold at the tail that the region needs.
    level = 1 - 2 * _tail(region, error_rate, points)
    intervals = [stats.binomtest(k, trials).proportion_ci(level, method="exact") for k in hits]
    lower, upper = np.array([(i.low, i.high) if trials > 1 else (0.0, 1.0) for i in intervals]).T
    return _region_rule(rule, predicted, region, (hits / trials, lower, upper), values, error_rate)


def _region_rule(
    rule: str,
    predicted: ArrayLike,
    region: tuple[ArrayLike, ArrayLike],
    estimate: tuple[Values, Values, Values],
    values: Values,
    error_rate: float,
) -> Evidence:
    measured, lower, upper = estimate
    prediction = _finite(predicted, "prediction")
    _require(
        prediction.ndim == 0 or prediction.shape == measured.shape,
        f"prediction of shape {prediction.shape} for {measured.size} measured points",
    )
    prediction = np.broadcast_to(prediction, measured.shape)
    below, above = (np.asarray(offset, float) for offset in region)
    for offset in (below, above):
        _require(
            offset.ndim == 0 or offset.shape == measured.shape,
            f"margin of shape {offset.shape} for {measured.size} measured points",
        )

    def compare(factor: float) -> Comparison:
        target = factor * prediction
        return Comparison(measured, lower, upper, target + below, target + above)

    return Evidence(rule, prediction, len(values), error_rate, compare)


def _tail(region: tuple[ArrayLike, ArrayLike], error_rate: float, points: int) -> float:
    """Error on each end of the interval, so that a wrong verdict has chance <= error_rate.

    A half line can only be missed on one side, a bounded region on two. (A two-sided region takes
    half the error on each end although equivalence tests need not: refuting needs both ends.)
    """
    _require_rate(error_rate)
    one_sided = not np.all(np.isfinite(np.concatenate([np.ravel(end) for end in region])))
    return error_rate / points / (1 if one_sided else 2)


def _require_rate(error_rate: float) -> None:
    _require(0 < error_rate < 0.5, "an error rate lies between 0 and 1/2")


def _symmetric(margin: ArrayLike) -> tuple[Values, Values]:
    width = _finite(margin, "margin")
    _require(bool(np.all(width > 0)), "a margin must be above zero")
    return np.asarray(-width), width


def _pointwise(
    rule: str,
    values: Values,
    prediction: Values,
    target_of: Callable[[Values], Values],
    slack: float,
) -> Evidence:
    """Evidence of a rule that every entry must satisfy; the worst entry is shown."""

    def worst(factor: float) -> tuple[Values, Values]:
        target = target_of(factor * prediction)
        index = [np.argmax(np.abs(values - target))]
        return values.ravel()[index], target.ravel()[index]

    def compare(factor: float) -> Comparison:
        value, target = worst(factor)
        # One repetition alone decides nothing: its interval is the whole line.
        spread = np.zeros(1) if len(values) > 1 else np.full(1, np.inf)
        return Comparison(value, value - spread, value + spread, target - slack, target + slack)

    return Evidence(rule, worst(1.0)[1], len(values), 0.0, compare)


def _measurement(sample: ArrayLike) -> Values:
    values = _finite(sample, "measurement")
    _require(values.ndim >= 1 and values.size > 0, "a measurement needs at least one repetition")
    return values


def _broadcast(predicted: ArrayLike, values: Values) -> Values:
    prediction = _finite(predicted, "prediction")
    try:
        return np.broadcast_to(prediction, values.shape)
    except ValueError as error:
        raise DecisionError(
            f"prediction of shape {prediction.shape} for a measurement of shape {values.shape}"
        ) from error


def _points(values: Values) -> Values:
    _require(values.ndim <= 2, "a sample has shape (repetitions,) or (repetitions, points)")
    return values.reshape(len(values), -1)


def _positive(array: ArrayLike, name: str) -> Values:
    values = _finite(array, name)
    _require(bool(np.all(values > 0)), f"{name} must be positive to have a logarithm")
    return values


def _finite(array: ArrayLike, name: str) -> Values:
    values = np.asarray(array, dtype=np.float64)
    _require(bool(np.all(np.isfinite(values))), f"{name} holds NaN or infinity")
    return values


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise DecisionError(message)
