r"""Sharpness against closed forms: where must the prediction go before the interval misses it?

With interval $[l,u]$ and prediction $p>0$, `at_most` flips once $p(1-\varepsilon)<l$, `at_least`
once $p(1+\varepsilon)>u$, `equals` with margin $m$ once $p(1+\varepsilon)-m>u$ or
$p(1-\varepsilon)+m<l$, whichever is later.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from harness.decisions import (
    Verdict,
    at_least,
    at_most,
    counts,
    distributed_as,
    equals,
    frequency,
    frequency_at_least,
    frequency_at_most,
    identity,
    ordered,
    scales_as,
)
from harness.sharpness import sharpness

# Bisection stops within 1e-3 in the logarithm of the error.
bisection = {"rel": 2e-3}
SAMPLE = np.array([0.9, 1.0, 1.1, 1.0, 1.05, 0.95, 1.02, 0.98])
RATE = 1e-2


def interval(evidence):
    """Ends of the only point's interval."""
    comparison = evidence.comparison
    assert evidence.verdict is Verdict.SUPPORTED
    return comparison.lower[0], comparison.upper[0]


@pytest.mark.parametrize("bound", [1.2, 2.0, 30.0])
def test_an_upper_bound_is_sharp_by_its_relative_distance_from_the_interval(bound):
    evidence = at_most(SAMPLE, bound, error_rate=RATE)
    lower, _ = interval(evidence)
    assert sharpness(evidence) == pytest.approx(1 - lower / bound, **bisection)


@pytest.mark.parametrize("bound", [0.8, 0.5, 0.01])
def test_a_lower_bound_is_sharp_by_its_relative_distance_from_the_interval(bound):
    evidence = at_least(SAMPLE, bound, error_rate=RATE)
    _, upper = interval(evidence)
    assert sharpness(evidence) == pytest.approx(upper / bound - 1, **bisection)


def test_a_negative_bound_is_sharp_in_the_other_direction():
    """At most -0.5 for a mean of -1: refuted once the bound is three times as far from zero."""
    evidence = at_most(-SAMPLE, -0.5, error_rate=RATE)
    lower, _ = interval(evidence)
    assert sharpness(evidence) == pytest.approx(lower / -0.5 - 1, **bisection)


@pytest.mark.parametrize("margin", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("predicted", [0.95, 1.0, 1.05])
def test_an_equality_is_sharp_by_margin_and_interval(predicted, margin):
    evidence = equals(SAMPLE, predicted, margin=margin, error_rate=RATE)
    lower, upper = interval(evidence)
    too_large = (upper + margin) / predicted - 1
    too_small = 1 - (lower - margin) / predicted
    assert too_small < 1
    assert sharpness(evidence) == pytest.approx(max(too_large, too_small), **bisection)


def test_a_direction_in_which_no_error_shows_does_not_count():
    """Within 1.5 of 1: even the prediction 0 is allowed, the prediction 4 is not."""
    evidence = equals(SAMPLE, 1.0, margin=1.5, error_rate=RATE)
    _, upper = interval(evidence)
    assert sharpness(evidence) == pytest.approx(upper + 1.5 - 1, **bisection)


def test_an_ordering_is_sharp_by_its_effect():
    evidence = ordered(0 * SAMPLE, SAMPLE, effect=0.25, error_rate=RATE)
    _, upper = interval(evidence)
    assert sharpness(evidence) == pytest.approx(upper / 0.25 - 1, **bisection)


def test_frequencies_are_sharp_like_means():
    outcomes = np.arange(1000) < 300
    most = frequency_at_most(outcomes, 0.4)
    assert sharpness(most) == pytest.approx(1 - interval(most)[0] / 0.4, **bisection)
    least = frequency_at_least(outcomes, 0.2)
    assert sharpness(least) == pytest.approx(interval(least)[1] / 0.2 - 1, **bisection)
    both = frequency(outcomes, 0.3, margin=0.1)
    lower, upper = interval(both)
    widest = max((upper + 0.1) / 0.3 - 1, 1 - (lower - 0.1) / 0.3)
    assert sharpness(both) == pytest.approx(widest, **bisection)


@pytest.mark.parametrize("exponent", [-2.0, 0.5, 3.0])
def test_an_exact_power_law_is_sharp_by_the_margin_of_its_exponent(exponent):
    scales = np.array([1.0, 2.0, 5.0, 20.0])
    sample = np.array([[1.0], [2.0], [3.0]]) * scales**exponent
    evidence = scales_as(scales, sample, exponent, margin=0.01)
    assert sharpness(evidence) == pytest.approx(0.01 / abs(exponent), **bisection)


def test_an_exact_identity_is_sharp_by_its_rounding_bound():
    values = np.array([[1.0, -4.0], [1.0, -4.0]])
    assert sharpness(identity(values, values, rounding=1e-9)) == pytest.approx(1e-9, **bisection)


def test_an_identity_that_is_off_is_less_sharp_on_that_side():
    """Measured 1 + 0.4 r for 1 within r: the prediction may grow by 1.4 r and shrink by 0.6 r."""
    evidence = identity([1 + 0.4e-6] * 2, 1.0, rounding=1e-6)
    assert sharpness(evidence) == pytest.approx(1.4e-6, **bisection)


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_counts_are_sharp_by_half_a_count(count):
    assert sharpness(counts([count, count], count)) == pytest.approx(0.5 / count, **bisection)


def test_many_counts_are_sharp_by_half_of_the_largest():
    assert sharpness(counts([[3, 50], [3, 50]], [3, 50])) == pytest.approx(0.01, **bisection)


def test_a_law_is_sharp_by_the_scale_at_which_it_leaves_the_band():
    """A sample of exact quantiles of the uniform law on [0, 1], against that of c times it.

    The distance of the laws is |1 - 1/c| for c above 1 and 1 - c below; half a step 1/2n comes on
    top of it above, and below, where all of the predicted law ends at c.
    """
    n, margin = 1000, 0.3
    sample = (np.arange(n) + 0.5) / n
    evidence = distributed_as(sample, lambda x: np.clip(x, 0, 1), margin=margin, error_rate=RATE)
    reach = margin + math.sqrt(math.log(2 / RATE) / (2 * n))
    too_large = 1 / (1 - reach) - 1
    assert too_large > reach
    assert sharpness(evidence) == pytest.approx(too_large, rel=5e-3)


def test_a_claim_at_several_points_is_as_sharp_as_its_sharpest_point():
    columns = np.stack([SAMPLE, 10 * SAMPLE], axis=1)
    evidence = at_most(columns, [1.2, 50.0], error_rate=RATE)
    lower = evidence.comparison.lower
    assert sharpness(evidence) == pytest.approx(1 - lower[0] / 1.2, **bisection)


@pytest.mark.parametrize(
    "evidence",
    [
        equals(SAMPLE, 1.0, margin=1e9),
        equals(SAMPLE - 1, 0.0, margin=0.5),
        at_most(-SAMPLE, 0.0),
        at_most(SAMPLE - 1, 5.0),
        frequency_at_most(np.zeros(100, bool), 0.5),
        frequency(np.arange(100) < 50, 0.0, margin=1.0),
        scales_as([1.0, 2.0, 4.0], np.ones((3, 3)), 0.0, margin=0.1),
        counts([0, 0], 0),
        distributed_as(SAMPLE, special.ndtr, margin=5.0),
    ],
    ids=[
        "huge margin",
        "zero predicted",
        "bound of zero",
        "bound above what may be zero",
        "bound above no hits",
        "margin of all frequencies",
        "exponent zero",
        "count zero",
        "margin of all laws",
    ],
)
def test_checks_that_no_scaled_prediction_fails_have_infinite_sharpness(evidence):
    assert evidence.verdict is Verdict.SUPPORTED
    assert sharpness(evidence) == math.inf


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (at_most(SAMPLE, 0.5), Verdict.REFUTED),
        (at_most(SAMPLE, 1.0), Verdict.INCONCLUSIVE),
        (at_most(SAMPLE[:1], 5.0), Verdict.INCONCLUSIVE),
        (counts([3, 4], 3), Verdict.REFUTED),
    ],
    ids=["refuted", "inconclusive", "single repetition", "counts"],
)
def test_only_supported_claims_are_sharp(evidence, verdict):
    assert evidence.verdict is verdict
    assert sharpness(evidence) == math.inf


@given(margins=st.tuples(st.floats(0.3, 20.0), st.floats(0.3, 20.0)))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_a_wider_margin_is_never_sharper(margins):
    narrow, wide = (
        sharpness(equals(SAMPLE, 1.0, margin=margin, error_rate=RATE)) for margin in sorted(margins)
    )
    assert wide >= narrow * (1 - 2e-3)


@given(rates=st.tuples(st.floats(1e-8, 0.4), st.floats(1e-8, 0.4)))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_a_smaller_error_rate_is_never_sharper(rates):
    strict, lax = (
        sharpness(equals(SAMPLE, 1.0, margin=0.8, error_rate=rate)) for rate in sorted(rates)
    )
    assert strict >= lax * (1 - 2e-3)


@given(factor=st.floats(-100, 100).map(lambda power: 10.0**power))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_the_unit_of_measurement_changes_no_sharpness(factor):
    usual = sharpness(equals(SAMPLE, 1.0, margin=0.2, error_rate=RATE))
    scaled = sharpness(equals(SAMPLE * factor, factor, margin=0.2 * factor, error_rate=RATE))
    assert scaled == pytest.approx(usual, **bisection)
