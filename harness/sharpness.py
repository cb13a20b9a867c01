r"""How small an error of the prediction would these very data have exposed?

The prediction is scaled by $1\pm\varepsilon$, data and margins unchanged, until the verdict flips
to refuted. The smallest such $\varepsilon$, the larger of the two directions, is the claim's
*sharpness*: 0.03 reads 'would notice a 3% error', whichever way it goes. A direction in which no
error can show (a bound is not refuted by loosening it) does not count. Sharpness is a property of
rule, data and prediction together, so a check that cannot fail gives itself away: it is infinite.
"""

from __future__ import annotations

import math

from scipy import optimize

from harness.decisions import Evidence, Verdict

SMALLEST, LARGEST = 2.0**-52, 2.0**20
"""Errors below rounding cannot be told apart; above a million-fold nothing is a test."""


def sharpness(evidence: Evidence) -> float:
    """Relative error of the prediction that the data would have exposed; infinite if none.

    Only a supported claim has one: of a refuted prediction the data have exposed the error already.
    """
    if evidence.verdict is not Verdict.SUPPORTED:
        return math.inf
    flips = [_first_flip(evidence, sign) for sign in (-1.0, 1.0)]
    return max((flip for flip in flips if math.isfinite(flip)), default=math.inf)


def _first_flip(evidence: Evidence, sign: float) -> float:
    """Bisect in one direction: the further off a prediction, the more it is refuted."""

    def flipped(log_error: float) -> float:
        verdict = evidence.compare(1 + sign * math.exp(log_error)).verdict
        return 1.0 if verdict is Verdict.REFUTED else -1.0

    low = math.log(SMALLEST)
    # A prediction can be too small by 100% at most.
    high = math.log(LARGEST) if sign > 0 else math.log1p(-(2.0**-30))
    if flipped(low) > 0:
        return SMALLEST
    if flipped(high) < 0:
        return math.inf
    return math.exp(optimize.bisect(flipped, low, high, xtol=1e-3))
