r"""How far the least-norm interpolant of noisy one-dimensional data is from the truth.

Setting: $n$ inputs, uniform on $[0,1]$ and independent, or on a grid; targets
$y_i=f^*(x_i)+\sigma\varepsilon_i$ with Gaussian noise; $f$ the interpolant that minimises
$\int\sqrt{1+x^2}\,|f''|$, which is the weight norm of a two-layer ReLU network with a free linear
part (Joshi, Vardi, Srebro, ICLR 2024). Its error is $R_p=\int|f-f^*|^p\,dx$.

**What the interpolant looks like.** It follows the chords between neighbouring points, except in
*runs* of $K\ge2$ points at which the chords bend the same way, say upwards. There it goes straight
through the points: from both ends of an interval with two slopes, the outer chords' at the ends of
a run, which meet at one knot below the chord, at the depth

$$h=l\,\frac{\alpha\beta}{\alpha+\beta},\qquad\alpha=s-g,\ \beta=g'-s,$$

with $l$ the length of the interval, $s$ the slope of its chord, $g,g'$ those of the two lines.

**The limit of many points.** Seen at the scale $1/n$, gaps are independent and exponential with
mean 1 (a grid: equal to 1), $f^*$ is a constant, and the weight is, too. Errors per interval are
then functions of a few neighbouring gaps and noises, and $R_p$ their average. This model is exact
up to $O(1/n)$; all constants below belong to it, at $\sigma=1$, $f^*=0$. They scale like
$\sigma^p$, and adding a line to the targets adds it to $f$.

**Spikes.** A spike is tall when both neighbours of its interval are short:
$h\approx l/(l_-/\delta_-+l_+/\delta_+)$ with $\delta_\pm>0$ the steps of the noise across them.
Two short gaps have a chance proportional to the square of their size, so
$P(|h|>H)\sim\frac{2\sigma^2}{\pi H^2}$, and with it come an $L_1$ error that is a mean, an $L_2$
error whose mean diverges like a logarithm, and $L_p$ errors for $p>2$ that a single spike decides.

Everything here was derived for this module; the paper proves the orders, not the constants.
Integrals over neighbouring gaps and noises are sums over Sobol points: deterministic, with errors
that the tests measure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Values = NDArray[np.float64]
Numbers = NDArray[np.float64] | np.float64
Inputs = Literal["random", "grid"]
LONGEST_RUN = 6
"""Runs of more points hold a share of 1e-5 of all intervals."""
OFFSET_ERROR = 0.03
"""Error of `l2_offset`."""
CROWDING = 2
"""How much more densely short outer gaps are sampled, see `_runs`."""
QUADRATURE_ERROR = 1e-3
"""Relative error of `error_constant` for p = 1 and 2, and of `spike_probability`."""
SPIKE_CONSTANT = 2 / math.pi
r"""$C$ in $P(|h|>H)\sim C\sigma^2/H^2$ and $P(X>x)\sim C\sigma^2/x$, $X$ an interval's $L_2$ error.

Small $U=l_-/\delta_-$ has the density $E\delta^+=\sigma/\sqrt\pi$, and so has $V=l_+/\delta_+$;
hence $P(U+V<u)\sim\frac{\sigma^2}{2\pi}u^2$. There are two directions; $u=l/H$ and $El^2=2$, or
$X=lh^2/3$, $u^2=l^3/3x$ and $El^3=6$.
"""


# ---------------------------------------------------------------- the linear spline


def spline_l1() -> float:
    r"""$R_1/\sigma$ of the linear spline.

    $$\sqrt{2/\pi}\,\Big(\frac12+\frac{\mathrm{arsinh}1}{2\sqrt2}\Big)$$

    At the fraction $t$ of an interval the error is Gaussian with variance $(1-t)^2+t^2$; integrate
    its absolute mean over $t$. The same for random inputs and on a grid.
    """
    return math.sqrt(2 / math.pi) * (0.5 + math.asinh(1) / (2 * math.sqrt(2)))


SPLINE_L2 = 2 / 3
r"""$R_2/\sigma^2$ of the linear spline, $\int_0^1(1-t)^2+t^2\,dt$."""


def covered(samples: ArrayLike) -> Numbers:
    r"""Expected length of $[x_1,x_n]$, $(n-1)/(n+1)$."""
    n = np.asarray(samples, float)
    return (n - 1) / (n + 1)


# ---------------------------------------------------------------- uniqueness


def deviation_bound(excess: float) -> float:
    r"""Distance from the minimiser of an interpolant of nearly the least norm $N$, over $N$.

    The dual solution is $w$ at the knots and falls below it like $\frac12w''\delta^2$ at distance
    $\delta$; a bend $m$ there costs $\frac12w''m\delta^2$ too much. Moving bends back by $\delta$
    moves the function by $\sum m\delta\le\sqrt{\sum m\sum m\delta^2}$, at most
    $N\sqrt{2\epsilon/\min w''}$ if the norm exceeds $N$ by the fraction $\epsilon$; on $[0,1]$
    $w''=(1+x^2)^{-3/2}\ge2^{-3/2}$. Without the biases in the norm $w''=0$ and nothing is said.
    """
    return math.sqrt(2 * excess * 2**1.5)


# ---------------------------------------------------------------- averages over a run


def outer_bends_down(value: Values, slope: Values, inputs: Inputs) -> Values:
    r"""Chance that the chords bend downwards at a point, given its noise and the chord after it.

    $P(y-z>s\lambda)$ for $z\sim N(0,1)$, $\lambda\sim\mathrm{Exp}(1)$: for $s>0$ it is
    $\Phi(y)-e^{1/2s^2-y/s}\,\Phi(y-1/s)$, and $P_{y,-s}=1-P_{-y,s}$. On a grid $\lambda=1$.
    """
    if inputs == "grid":
        return np.asarray(special.ndtr(value - slope))
    signed = np.where(slope < 0, -value, value)
    size = np.maximum(np.abs(slope), 1e-300)
    # exp(...) Phi(w) = phi(y) Phi(w) / phi(w) with w = y - 1/s, in which nothing overflows.
    ratio = special.erfcx(-(signed - 1 / size) / math.sqrt(2)) / 2
    chance = special.ndtr(signed) - np.exp(-(signed**2) / 2) * ratio
    return np.where(slope < 0, 1 - chance, chance)


class _Run(NamedTuple):
    """Runs of one length that bend upwards, their outer chords, and their chances."""

    noises: Values
    """At the points of the run, (points, K)."""
    gaps: Values
    """Between them, (points, K-1)."""
    slopes: Values
    """Of the chords, outer ones first and last, (points, K+1)."""
    lines: Values
    """Slopes of the interpolant at the points of the run, (points, K)."""
    weights: Values
    """Density of such a run, exactly K points long, over that of the Sobol points."""


def _above(uniform: Values, least: Values) -> tuple[Values, Values]:
    """A Gaussian conditioned to exceed `least`, and the chance that it does."""
    chance = special.ndtr(-least)
    value = -special.ndtri(np.maximum(uniform * chance, 1e-300))
    return np.maximum(value, least), chance


@cache
def _sobol(dimension: int, log2_points: int) -> Values:
    """Sobol points in the open unit cube, without the first ones, which crowd its corners."""
    count = 2**log2_points
    sequence = stats.qmc.Sobol(dimension, scramble=False).fast_forward(count)
    # In the middle of their cells, so that none lies on the boundary.
    return sequence.random(count) + 0.25 / count


@cache
def _runs(length: int, inputs: Inputs) -> _Run:
    """Sobol points over runs of `length` points that bend upwards.

    Outer gaps are minus the logarithm of 1 - u^CROWDING for a uniform u, so that more points lie
    where both are short and errors large.
    """
    # Longer runs are rare and need less care.
    log2_points = 18 - 2 * max(0, length - 3)
    u = iter(_sobol(2 * length + 3, log2_points).T)
    weights = np.ones(2**log2_points)

    def gap(power: int) -> Values:
        nonlocal weights
        uniform = next(u)
        if inputs == "grid":
            return np.ones_like(uniform)
        weights = weights * power * uniform ** (power - 1)
        return -np.log1p(-(uniform**power))

    outer_gaps = gap(CROWDING), gap(CROWDING)
    noises = [special.ndtri(next(u)), special.ndtri(next(u))]
    gaps = [gap(1)]
    slopes = [(noises[1] - noises[0]) / gaps[0]]
    for _ in range(length - 2):
        gaps.append(gap(1))
        value, chance = _above(next(u), noises[-1] + slopes[-1] * gaps[-1])
        slopes.append((value - noises[-1]) / gaps[-1])
        noises.append(value)
        weights = weights * chance
    before, chance = _above(next(u), noises[0] - slopes[0] * outer_gaps[0])
    first = (noises[0] - before) / outer_gaps[0]
    weights = weights * chance * outer_bends_down(before, first, inputs)
    after, chance = _above(next(u), noises[-1] + slopes[-1] * outer_gaps[1])
    last = (after - noises[-1]) / outer_gaps[1]
    weights = weights * chance * outer_bends_down(after, -last, inputs)
    between, chords = np.stack(gaps, axis=1), np.stack([first, *slopes, last], axis=1)
    lines = line_slopes(between, chords)
    return _Run(np.stack(noises, axis=1), between, chords, lines, weights)


def line_slopes(gaps: Values, slopes: Values, sweeps: int = 40) -> Values:
    r"""Slopes of the interpolant at the points of runs that bend upwards.

    Outer chords' slopes at both ends. At a point in between, the interpolant is the lowest convex
    one: $g$ maximises $\sum l^2\alpha\beta/(\alpha+\beta)$ over $[s,s']$, which is concave.
    In one $g$, with all others given, the knots on both sides are as far from the point:

    $$\frac{l\alpha}{\alpha+\beta}=\frac{l'\beta'}{\alpha'+\beta'}\quad\Longrightarrow\quad
      g=\frac{\alpha\beta'(l-l')+sl'\beta'+s'l\alpha}{l\alpha+l'\beta'}.$$

    Args:
        gaps: (runs, K-1).
        slopes: of the chords, outer ones included, increasing, (runs, K+1).
        sweeps: over the points between the ends; for K = 3 the first is exact.

    Returns:
        (runs, K).
    """
    g = (slopes[:, :-1] + slopes[:, 1:]) / 2
    g[:, 0], g[:, -1] = slopes[:, 0], slopes[:, -1]
    for _ in range(sweeps if g.shape[1] > 3 else 1):
        for i in range(1, g.shape[1] - 1):
            s, t = slopes[:, i], slopes[:, i + 1]
            left = gaps[:, i - 1] * (s - g[:, i - 1])
            right = gaps[:, i] * (g[:, i + 1] - t)
            tilt = left * right * (1 / gaps[:, i] - 1 / gaps[:, i - 1])
            # Where both vanish the interval between does not bend at all, and g = s = t'.
            total = np.maximum(left + right, 1e-300)
            g[:, i] = np.clip((tilt + s * right + t * left) / total, s, t)
    return g


def _mean_power(start: Values, end: Values, power: float) -> Values:
    """Mean of |linear|^p between two values."""
    change = end - start
    change = np.where(np.abs(change) < 1e-9, 1e-9, change)
    end = start + change
    rise = end * np.abs(end) ** power - start * np.abs(start) ** power
    return rise / ((power + 1) * change)


def _run_errors(run: _Run, power: float) -> Values:
    """Errors to a power, integrated over each interval inside a run, (runs, K-1)."""
    alpha = np.maximum(run.slopes[:, 1:-1] - run.lines[:, :-1], 0)
    beta = np.maximum(run.lines[:, 1:] - run.slopes[:, 1:-1], 0)
    fraction = beta / np.maximum(alpha + beta, 1e-300)
    start, end = run.noises[:, :-1], run.noises[:, 1:]
    knot = start + fraction * (end - start) - run.gaps * alpha * fraction
    before, after = _mean_power(start, knot, power), _mean_power(knot, end, power)
    return run.gaps * (fraction * before + (1 - fraction) * after)


Summary = Callable[[Values], Values]
"""A function of the error integrated over an interval."""


def _average(power: float, inputs: Inputs, summary: Summary) -> float:
    """Average over intervals of a summary of their integrated errors."""
    u = _sobol(3, 18).T
    start, end = special.ndtri(u[0]), special.ndtri(u[1])
    gaps, weights = np.ones_like(u[2]), np.ones_like(u[2])
    if inputs == "random":
        gaps, weights = -np.log1p(-(u[2] ** 2)), 2 * u[2]
    slope = (end - start) / gaps
    left = outer_bends_down(start, slope, inputs)
    right = outer_bends_down(end, -slope, inputs)
    opposite = left * (1 - right) + (1 - left) * right
    chords = summary(gaps * _mean_power(start, end, power))
    total = np.mean(weights * opposite * chords)
    for length in range(2, LONGEST_RUN + 1):
        run = _runs(length, inputs)
        errors = np.sum(summary(_run_errors(run, power)), axis=1)
        total += 2 * np.mean(run.weights * errors)
    return float(total)


@cache
def run_shares(inputs: Inputs) -> Values:
    """Share of intervals that are chords (first), then inside runs of 2, 3, ... points."""
    inside = [2 * (k - 1) * np.mean(_runs(k, inputs).weights) for k in range(2, LONGEST_RUN + 1)]
    return np.array([1 - sum(inside), *inside])


@cache
def error_constant(power: float, inputs: Inputs = "random") -> float:
    r"""$c_p=\lim R_p/\sigma^p$ of the least-norm interpolant, for $p<2$; on a grid for any $p$.

    The average over intervals of $\int|f|^p$. Relative error of the sum over Sobol points:
    `QUADRATURE_ERROR` for $p\le2$.
    """
    if inputs == "random" and power >= 2:
        raise ValueError(f"at random inputs there is no limit for p = {power}, only below 2")
    return _average(power, inputs, lambda errors: errors)


def grid_error(power: float) -> float:
    """Relative error of `error_constant` on a grid: the heavier the power, the larger."""
    return power**2 * QUADRATURE_ERROR


# ---------------------------------------------------------------- spikes


def spike_probability(height: float) -> float:
    r"""$P(|h|>H)$ for an interval at random inputs, $\sigma=1$: spikes taller than $H$.

    $h=l/(U+V)$ with $U=1/\alpha$, $V=1/\beta$, taken as if the outer chords were always followed.
    In runs of three and more points the tall spikes do that, too: beside a gap much shorter than
    its own a knot is pushed to the end of that gap. What is left out is $O(H^{-2})$, relatively.
    """
    return _both_short(lambda gaps: gaps / height, shape=3.0)


def l2_probability(error: float) -> float:
    r"""$P(lh^2/3>x)$ at random inputs, $\sigma=1$: spikes whose $L_2$ error exceeds $x$."""
    return _both_short(lambda gaps: gaps * np.sqrt(gaps / (3 * error)), shape=4.0)


def _both_short(threshold: Callable[[Values], Values], shape: float) -> float:
    r"""Twice $P(U+V<u)$, averaged over an interval's two noises and its gap, $u$ = threshold(gap).

    With $U=ur\theta$, $V=ur(1-\theta)$ the outer gaps are $l_-=(z-y)U/(1-Us)$, $z>y$, and alike on
    the right. The gap is drawn from a Gamma distribution of this shape, where the average lives.
    """
    u = _sobol(7, 15).T
    start, end = special.ndtri(u[0]), special.ndtri(u[1])
    gaps = special.gammaincinv(shape, u[2])
    slope = (end - start) / gaps
    least = threshold(gaps)
    density = special.gamma(shape) * gaps ** (1 - shape) * least**2 / 2
    radius, angle = np.sqrt(u[3]), u[4]
    for noise, tilt, share, uniform in (
        (start, slope, angle, u[5]),
        (end, -slope, 1 - angle, u[6]),
    ):
        inverse = least * radius * share
        value, chance = _above(uniform, noise)
        bent = 1 - inverse * tilt
        step = np.where(bent > 0, (value - noise) / np.where(bent > 0, bent, 1), 0)
        density *= chance * np.exp(-step * inverse) * step / np.where(bent > 0, bent, 1)
    return float(2 * np.mean(density))


def spike_next_order(height: float) -> float:
    r"""Relative size of the next order of the spikes' tail, $2\sqrt\pi/H$.

    $P(|h|>H)=\frac2{\pi H^2}-\frac4{\sqrt\pi H^3}+O(H^{-4})$: to second order
    $P(U<u)=\frac u{\sqrt\pi}-\frac{u^2}2E(z-y)_+^2$, where the slope of the chord cancels between
    $U$ and $V$, $E(z-y)_+^2=1$ and $El^3=6$.
    """
    return 2 * math.sqrt(math.pi) / height


# ---------------------------------------------------------------- the L2 error and beyond


L2_SECOND = 1.5 * math.gamma(4.5) / (math.sqrt(math.pi) * 3**1.5)
r"""$C'$ in $P(X>x)=Cx^{-1}-C'x^{-3/2}+\dots$ of an interval's whole $L_2$ error $X=\int|f|^2$.

The spike alone gives $\frac23\Gamma(5.5)/(\sqrt\pi\,3^{3/2})$, from the second order of
`spike_next_order`. Its cross term with the chord takes back half of that: a spike starts from
noise on its own side, $E[y\,(z-y)_+]=-\frac12$.
"""


def l2_next_order(samples: ArrayLike) -> Numbers:
    r"""What is left out of the law of $R_2$, $2\sqrt\pi\,C'/\sqrt n$, as a shift.

    The tail's second term adds $-C'\Gamma(-\frac12)\,\theta^{3/2}n^{-1/2}$ to the exponent
    $-\log Ee^{-\theta R_2}$, a shift of this size at $\theta=1$.
    """
    return 2 * math.sqrt(math.pi) * L2_SECOND / np.sqrt(np.asarray(samples, float))


@cache
def l2_offset() -> float:
    r"""$m=\lim E\min(X,x)-C\log x$ of an interval's $L_2$ error, -1.14 up to `OFFSET_ERROR`."""
    largest = 1000.0
    mean = _average(2.0, "random", lambda errors: np.minimum(errors, largest))
    return mean - SPIKE_CONSTANT * math.log(largest) - 2 * L2_SECOND / math.sqrt(largest)


def l2_location(samples: ArrayLike) -> Numbers:
    r"""Location of the law of $R_2/\sigma^2$, $C(\log n-\gamma)+m$.

    $R_2$ is the mean of $n$ terms with tail $C/x$, $C=2/\pi$: a stable law of index 1,

    $$E\,e^{-\theta R_2}\to\exp\Big(-n\,E(1-e^{-\theta X/n})\Big)
      =\exp\big(-\theta\,[C\log n-C\gamma+m]+C\,\theta\log\theta\big),$$

    which is Landau's distribution at this location, with scale 1 because $C=2/\pi$. So $R_2$ is
    $C\log n$ in the median, and its mean is infinite in the limit.
    """
    return SPIKE_CONSTANT * (np.log(samples) - np.euler_gamma) + l2_offset()


def median_error(density: float, sets: ArrayLike) -> Numbers:
    """Standard error of the median of so many repetitions, from the density at the median."""
    return 0.5 / density / np.sqrt(np.asarray(sets, float))


LANDAU_AT_MEDIAN = float(stats.landau.pdf(stats.landau.median()))
"""Density of the law of R_2 at its median."""
LEVY_AT_MEDIAN = float(stats.levy.pdf(stats.levy.median()) * stats.levy.median())
"""Density of the law of log R_4 at its median, whatever the scale."""


def l2_cdf(error: ArrayLike, samples: int) -> Numbers:
    r"""Limiting distribution function of $R_2/\sigma^2$ at random inputs."""
    return stats.landau.cdf(np.asarray(error, float) - l2_location(samples))


LANDAU_PEAK = float(stats.landau.pdf(-0.43))
r"""Largest density of Landau's law of scale 1, flat near its mode."""


def l2_median(samples: ArrayLike) -> Numbers:
    r"""Median of $R_2/\sigma^2$ at random inputs: $\frac2\pi\log n$ and a constant."""
    return l2_location(samples) + stats.landau.median()


def growth_exponent(power: float) -> float:
    r"""Exponent of $n$ in the median of $R_p$: $p/2-1$ above $p=2$, where one spike decides.

    An interval's error has the tail $x^{-2/p}$, so that the largest of $n$ is of order $n^{p/2}$.
    """
    return max(power / 2 - 1, 0.0)


def l4_median(samples: ArrayLike) -> Numbers:
    r"""Median of $R_4/\sigma^4$ for many samples, $0.77\,n$.

    $P(lh^4/5>x)\sim cx^{-1/2}$ with $c=\Gamma(7/2)/(\pi\sqrt5)$. The sum of $n$ such terms follows
    Lévy's law of scale $\frac\pi2(nc)^2$.
    """
    constant = math.gamma(3.5) / (math.pi * math.sqrt(5))
    return stats.levy.median() * math.pi / 2 * constant**2 * np.asarray(samples, float)


def l4_next_order(samples: ArrayLike) -> Numbers:
    r"""Relative size of what is left out of `l4_median`, $6.8/\sqrt n$.

    The tail's second term is $-\kappa c\,x^{-3/4}$ with
    $\kappa c=\frac54\Gamma(\frac{15}4)\,\pi^{-1/2}5^{-3/4}$ (spike and cross term as for $R_2$),
    and the law's Laplace exponent $a\sqrt\theta$, $a=c\sqrt\pi$, at $\sigma=n=1$ turns into
    $a\sqrt\theta\,(1-b\,\theta^{1/4}n^{-1/2})$, $b=\kappa\,\Gamma(\frac14)/\Gamma(\frac12)$. To
    first order the distribution function changes by the inverse transform of $ab\,\theta^{-1/4}
    e^{-a\sqrt\theta}$, which is $ab\,(2\pi^2)^{-1/4}s^{-3/4}e^{-z^2/4}D_{1/2}(z)$ with
    $z=a/\sqrt{2s}$ and $D$ the parabolic cylinder function. (Spikes that share a short gap add
    5% of this.)
    """
    c = math.gamma(3.5) / (math.pi * math.sqrt(5))
    a = c * math.sqrt(math.pi)
    b = 1.25 * math.gamma(3.75) * 5**-0.75 * math.gamma(0.25) / (c * math.pi)
    median = float(l4_median(1))
    z = a / math.sqrt(2 * median)
    cylinder = special.pbdv(0.5, z)[0] * math.exp(-(z**2) / 4)
    change = a * b * 2**-0.25 * math.pi**-0.5 * median**-0.75 * cylinder
    density = stats.levy.pdf(median, scale=a**2 / 2)
    return change / (density * median) / np.sqrt(np.asarray(samples, float))


def exceeding_probability(power: float, samples: ArrayLike) -> Numbers:
    r"""Chance that $R_p>2c_p$ at random inputs, $1\le p<2$: a single spike of size $nc_p$.

    $n\,P(lh^p/(p+1)>nc_p)\sim\frac{\Gamma(3+2/p)}{\pi\,((p+1)c_p)^{2/p}}\,n^{1-2/p}$, which
    vanishes as n grows: so $R_p$ stays bounded with high probability.
    """
    index = 2 / power
    scale = math.gamma(3 + index) / math.pi * ((power + 1) * error_constant(power)) ** -index
    return scale * np.asarray(samples, float) ** (1 - index)


def l1_standard_error(intervals: ArrayLike) -> Numbers:
    r"""Standard error of the mean of $|f|$ over this many intervals, $\sqrt{D\log N/N}$.

    An interval's $L_1$ error has the tail $P(lh/2>x)\sim D/x^2$ with
    $D=\frac{El^4}{4\pi}=\frac6\pi$: its variance is infinite, like a logarithm, and up to the
    largest of $N$ values it is $2D\log\sqrt N$. The mean is still Gaussian in the limit.
    """
    n = np.asarray(intervals, float)
    return np.sqrt(6 / math.pi * np.log(n) / n)


def l1_skewness(samples: ArrayLike) -> Numbers:
    r"""Mean less median of $R_1/\sigma$, in order of magnitude: $\sqrt{D/(n\log n)}$.

    What single spikes beyond one standard deviation $s$ of $R_1$ add to the mean and not to the
    median, $\int_s^\infty nP(X>nu)\,du=D/ns$.
    """
    n = np.asarray(samples, float)
    return 6 / math.pi / n / l1_standard_error(n)


def boundary_probability(samples: int, error: ArrayLike) -> Numbers:
    r"""$P(R_1>r)$ for large $r$ at any $n\ge2$, $\frac{4\sigma}{\sqrt\pi\,(n+1)\,r}$, $\sigma=1$.

    The first chord is continued to 0 with the slope $(y_2-y_1)/(x_2-x_1)$ and adds
    $|y_2-y_1|\,x_1^2/2(x_2-x_1)$. With $x_2-x_1\to0$ of density $n(n-1)(1-x_1)^{n-2}$ at given
    $x_1$, $E|y_2-y_1|=2\sigma/\sqrt\pi$ and $\int x^2n(n-1)(1-x)^{n-2}dx=\frac2{n+1}$; the other
    end doubles it. A tail of index 1: $ER_1=\infty$.
    """
    return 4 / (math.sqrt(math.pi) * (samples + 1) * np.asarray(error, float))


def boundary_next_order(error: ArrayLike) -> Numbers:
    r"""Relative size of what `boundary_probability` leaves out, $2c_1/r$.

    The rest of the error, $c_1$ in the mean, comes on top of the extrapolated part, and spikes
    inside may do the same as the ends, with a tail of index 2.
    """
    return 2 * error_constant(1.0) / np.asarray(error, float)
