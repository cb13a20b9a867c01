r"""What one, two and many steps of gradient descent do on XOR clusters.

Setting: inputs $x=c+\xi\in\mathbb R^p$, $c$ uniform on $\{\pm\mu_1,\pm\mu_2\}$ with
$\mu_1\perp\mu_2$, $|\mu_1|=|\mu_2|=|\mu|$ and $\xi\sim N(0,I_p)$; clean label $+1$ on $\pm\mu_1$,
$-1$ on $\pm\mu_2$; a training label is flipped with probability $\eta$. A network
$f(x)=\sum_{j\le m}a_j\,\mathrm{relu}\langle w_j,x\rangle$ with fixed $a_j=s_j/\sqrt m$,
$s_j=\pm1$, starts at $w_j\sim N(0,\omega^2I)$ and is trained on $n$ samples by full-batch gradient
descent with step $\alpha$ on the mean logistic loss (Xu, Wang, Frei, Vardi, Hu, ICLR 2024).

Everything below holds in the paper's regime (`Regime`), where $p\gg n^2|\mu|^2$ makes samples
almost orthogonal and $|\mu|^2\gg\sqrt{np}$ makes cluster means louder than noise. Then outputs stay
tiny, so that every sample pulls with the same force $\tfrac12$, and only *which neuron sees which
sample* matters. Write $y_i$ for labels, $\sigma_i=\pm1$ for the side of its axis that sample $i$
lies on, and measure the alignment of a neuron in pulls,
$M_{jk}=\langle w_j,\mu_k\rangle\cdot 2n\sqrt m/(\alpha|\mu|^2)$.

**The four moves of a neuron** with $s_j=+1$ along $\mu_1$ (classes and signs mirror this):

1. *First step.* Half of the samples are on, at random: $M=D_j$, the sum of $y_i\sigma_i$ over them,
   of order $\sqrt n$. Given the data, $D_j\sim N(D/2,n/8)$ with $D=\sum y_i\sigma_i\sim N(0,n/2)$,
   so a fraction $\Phi(d)$ of neurons has $D_j>0$, with one $d\sim N(0,1)$ for all neurons.
2. From now on, samples that were on stay on if $y_i=s_j$ and are off for good if not; their sides
   cancel up to $\sqrt n$. Samples that were off switch on if they lie on the side that $M$ points
   to, about $n/8$ of them: $M=\mathrm{sgn}(D_j)\,\tfrac n8(1-2\eta)$.
3. Of those, the ones with $y_i\ne s_j$ have been pushed off; $\tfrac n8(1-\eta)$ remain and pull at
   every later step: $|M|=\tfrac n8[(1-2\eta)+(t-2)(1-\eta)]$.
4. Along $\mu_2$ the same neuron is turned round in step 2 (most labels there are $-1$), recruits
   the other side too, and is left with $|M|=\tfrac n8\eta$ for good.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Values = NDArray[np.float64] | np.float64


class Regime(NamedTuple):
    r"""Signal, step and initial scale at which the theorem's assumptions hold with equality.

    A1 $|\mu|^2\ge Cn^{0.51}\sqrt p$; A2 $p\ge Cn^2|\mu|^2$; A4 $\alpha\le1/(Cnp)$;
    A5 $\omega nm^{1.5}p^{1.5}\le\alpha|\mu|^2$; A6 $m\ge Cn^{0.02}$. Together A1 and A2 give
    $p\ge C^4n^{5.02}$: the constant $C$ is what $n$ and $p$ leave room for.
    """

    constant: float
    """The theorem's $C$."""
    squared_signal: float
    r"""$|\mu|^2$."""
    step_size: float
    r"""$\alpha$."""
    init_scale: float
    r"""$\omega$."""


def regime(samples: int, width: int, dimension: float) -> Regime:
    r"""The theorem's regime at given $n$, $m$, $p$."""
    constant = (dimension / samples**5.02) ** 0.25
    squared_signal = constant * samples**0.51 * math.sqrt(dimension)
    step_size = 1 / (constant * samples * dimension)
    init_scale = step_size * squared_signal / (samples * (width * dimension) ** 1.5)
    return Regime(constant, squared_signal, step_size, init_scale)


def one_step_training_error(samples: int, dimension: ArrayLike, width: int) -> Values:
    r"""Chance that a training sample is on the wrong side after one step, at negligible $|\mu|$.

    After one step $y_kf(x_k)\propto p+N(0,(n-1)p)$ for a wide network: a sample's own pull against
    the crosstalk of all others. A finite width adds the fluctuation of which neurons see what,
    $\tfrac3m(p^2+(n-1)p)$ of variance: one part from the random half of samples in the odd part
    of the output, two from the random signs in its even part. So the chance is
    $\Phi(-\sqrt{p/(n-1+3(p+n-1)/m)})$, which tends to $\Phi(-\sqrt{p/(n-1)})$.
    """
    p = np.asarray(dimension, float)
    others = samples - 1
    return stats.norm.sf(np.sqrt(p / (others + 3 * (p + others) / width)))


def one_step_odd_even_squares(samples: float, width: int) -> NDArray[np.float64]:
    r"""Mean squares of the output's odd and even part at a cluster centre after one step.

    In pulls, $f(\pm\mu_k)=\tfrac12\sum_js_j(|D_j|\pm s_jD_j)$. Since $D_j\sim N(D/2,n/8)$, the
    squares are $\tfrac n{32}m(m+1)$ and $\tfrac n{16}m$ on average. Their ratio is
    $\sqrt{2/(m+1)}$ in root mean square: a wide network is odd, that is linear, after one step,
    and a linear classifier is right on exactly one of $\pm\mu$.

    Returns:
        Shape (2,): odd, even.
    """
    return np.array([samples * width * (width + 1) / 32, samples * width / 16])


def same_sign_probability(width: int) -> float:
    r"""Chance that a class has the same sign on both of its clusters after one step.

    That takes the even part to exceed the odd one. In units of $\sqrt{mn/8}$ and given $d$, they
    are independent: odd $\sim N(v,1)$ with $v=\sqrt m\,d$, even $\sim N(0,1+d^2)$, so that
    $(1+d^2)$ (odd/even)$^2$ is a noncentral $F$. The chance tends to $\tfrac2\pi/\sqrt m$: this
    is the $O(1/\sqrt m)$ of the theorem. The average over $d$ is a trapezoidal sum over $v$,
    which for a smooth and rapidly decaying integrand is exact to rounding; only the central limit
    over neurons is an approximation, of order $1/m$.
    """
    v, step = np.linspace(-40.0, 40.0, 4001, retstep=True)
    d = v / math.sqrt(width)
    even_exceeds = stats.ncf.cdf(1 + d**2, 1, 1, v**2)
    return float(step / math.sqrt(width) * np.sum(stats.norm.pdf(d) * even_exceeds))


def one_step_accuracy_variance(width: int) -> float:
    r"""Variance over draws of the clean test accuracy after one step, $P(1-P)/8$.

    A class is right on both clusters or on none with `same_sign_probability` $P$, else on one: it
    moves the accuracy by $\pm\tfrac14$, and two classes make $P/8\to\tfrac1{4\pi}m^{-1/2}$. They
    are not independent: their even parts share the signs $s_j$, with correlation
    $E|z|^2=\tfrac2\pi$, and pull the accuracy opposite ways. Since
    $\int P(|e|>|v+g|)\,dv=2E|e|$, the mean product of the two moves is
    $-\tfrac1{16}\cdot\tfrac4{2\pi m}\cdot\tfrac2\pi=-P^2/16$. Relative error $O(1/m)$.
    """
    chance = same_sign_probability(width)
    return chance * (1 - chance) / 8


def sign_count_agreement(samples: int) -> float:
    r"""Share of alignments that gradient descent and its sign-count limit have in common.

    They part where $D_j=0$ exactly: in the limit such a neuron stands still until chance moves it,
    in gradient descent the noise of other samples decides. $D_j\sim N(0,\tfrac n4)$ on a lattice
    of step one is zero with probability $\sqrt{2/\pi n}$.
    """
    return 1 - math.sqrt(2 / (math.pi * samples))


def failing_probability(
    label_noise: ArrayLike, step: ArrayLike, width: int | None = None
) -> Values:
    r"""Chance that a class keeps one wrongly classified cluster at a step $t\ge3$.

    The cluster $-\mu_1$ is seen by the fraction $u=\Phi(-d)$ of neurons with $s_j=+1$, with
    strength $A=(1-2\eta)+(t-2)(1-\eta)$, and by the fraction $1-u$ of those with $s_j=-1$, with
    strength $\eta$. It is right iff $uA>(1-u)\eta$, that is $u>r=\eta/((1-\eta)(t-1))$; $u$ is
    uniform, and either cluster of a class can be the wrong one, so the chance is
    $q=2r=\frac{2\eta}{(1-\eta)(t-1)}$. Grokking is complete only like $1/t$.

    At finite width the fractions are counts. A neuron is one of $N\sim\mathrm{Bin}(m,\tfrac12)$
    that see the cluster at all, and given $N$ the number that see it with strength $A$ is uniform
    on $\{0,\dots,N\}$ (a uniform mixture of binomials), so $q=2E\lceil Nr\rceil/(N+1)$, ties
    counting one half. It never falls below about $4/m$: with chance $2/m$ no neuron at all leans
    to one side. Both laws are for $n\to\infty$; corrections are of order $t/\sqrt{\eta n}$.

    Args:
        label_noise: $\eta$ in (0, 1/2).
        step: $t\ge3$; broadcast against `label_noise`.
        width: $m$; None for infinite width.
    """
    eta, t = np.broadcast_arrays(np.asarray(label_noise, float), np.asarray(step, float))
    ratio = eta / ((1 - eta) * (t - 1))
    if width is None:
        return 2 * ratio
    seen = np.arange(width + 1)
    weight = stats.binom.pmf(seen, width, 0.5)
    threshold = ratio[..., None] * seen
    # Counts strictly below the threshold fail; a tie (to rounding) is decided by lower orders.
    nearest = np.round(threshold)
    tie = np.isclose(threshold, nearest, rtol=0, atol=1e-9)
    failing = np.where(tie, nearest + 0.5, np.ceil(threshold))
    return 2 * np.sum(weight * failing / (seen + 1), axis=-1)


def perfect_probability(
    label_noise: ArrayLike, step: ArrayLike, width: int | None = None
) -> Values:
    r"""Chance of clean test accuracy 1 at a step $t\ge3$: both classes right, $(1-q)^2$."""
    return (1 - failing_probability(label_noise, step, width)) ** 2


def clean_accuracy(label_noise: ArrayLike, step: ArrayLike, width: int | None = None) -> Values:
    r"""Expected clean test accuracy: $\tfrac12$ at steps 1 and 2, $1-\tfrac q2$ from step 3 on.

    At step 2 neurons of both signs are equally strong along $\mu_1$ (move 2 above) and cancel in
    leading order, so that chance decides once more; the jump comes at step 3, whatever $n$, $p$
    and $\alpha$ are.
    """
    t = np.asarray(step, float)
    late = 1 - failing_probability(label_noise, np.maximum(t, 3), width) / 2
    return np.where(t < 3, 0.5, late)


def alignment_with_own_class(samples: ArrayLike, label_noise: float, step: ArrayLike) -> Values:
    r"""Mean $|M_{jk}|$ of a neuron along the mean of the class that it votes for, $t\ge2$.

    $\tfrac n8[(1-2\eta)+(t-2)(1-\eta)]+\sqrt{n/2\pi}\,[t(1-\eta)+\eta]$. The first term is the
    recruited side (moves 2 and 3). The second is the first step's bias, which the samples that
    made it repeat at every later step; it is smaller by $n^{-1/2}$ but counts for n in the
    hundreds. Relative error $O(n^{-1/2})$, small in practice; likewise the spread over runs.
    """
    n, t = np.asarray(samples, float), np.asarray(step, float)
    recruited = n / 8 * ((1 - 2 * label_noise) + (t - 2) * (1 - label_noise))
    repeated = np.sqrt(n / (2 * math.pi)) * (t * (1 - label_noise) + label_noise)
    return recruited + repeated


def alignment_with_other_class(samples: float, label_noise: float, step: float) -> float:
    r"""Mean $|M_{jk}|$ of a neuron along the mean of the other class, $t\ge3$.

    Up to sign $M=\tfrac n8\eta+\beta|D|+R$: the recruited samples, and what the first step's
    bias $D\sim N(0,\tfrac n4)$ and the sample's random sides add. Adding up the four moves, the
    random part is $tS+(t-2)S_\mathrm{off}+S'$ with variances $\tfrac n4\eta$ (flipped labels, on
    at first), $\tfrac n4\eta$ (flipped, off at first) and $\tfrac n2(1-\eta)$ (all others); its
    regression on $D$ has $\beta=t\eta+1-\eta$. Holds where the turn of move 4 is clear,
    $\tfrac n8(1-2\eta)\gg\sqrt n$; relative error $O((\eta n)^{-1/2})$.
    """
    n, eta, t = samples, label_noise, step
    slope = t * eta + 1 - eta
    variance = n / 4 * (eta * t**2 + eta * (t - 2) ** 2 + 2 * (1 - eta))
    # Average the mean of a folded normal (R) over |D|, half-normal.
    size, weight = _gauss_legendre(0.0, 9.0, 200)
    mean = n * eta / 8 + slope * math.sqrt(n / 4) * size
    spread = math.sqrt(variance - slope**2 * n / 4)
    folded = stats.foldnorm.mean(mean / spread, scale=spread)
    return float(weight @ (2 * stats.norm.pdf(size) * folded))


def init_scale_at(
    ratio: float, samples: int, width: int, dimension: float, step_size: float
) -> float:
    r"""Initial scale $\omega$ at which a first pre-activation is `ratio` of a sample's own pulls.

    $\kappa=2n\omega\sqrt m/(\alpha\sqrt p)$. Below one, a step still decides for every training
    sample that is on. Assumption A5 asks for $\kappa\le2|\mu|^2/(mp^2)$; until
    $\sqrt n|\mu|^2/p$, which is far larger, the initial weights do not matter yet
    (`grokking_step`).
    """
    return ratio * step_size * math.sqrt(dimension) / (2 * samples * math.sqrt(width))


def grokking_step(
    samples: int, dimension: float, squared_signal: float, ratio: ArrayLike
) -> Values:
    r"""Order of the step at which the test accuracy jumps when $\kappa$ breaks assumption A5.

    Samples that were off sit at depth $\sim\kappa p$ (in pulls); those that were on lift them by
    $|\mu|^2|D_j|\sim|\mu|^2\sqrt{n/8}$ a step. So
    $t^\ast=\theta\sqrt8\,\kappa p/(\sqrt n|\mu|^2)$ with $\theta=O(1)$ fixed by the draw:
    proportional to the initial scale, $\kappa$ = `ratio` being that of `init_scale_at`.
    """
    return (
        math.sqrt(8) * np.asarray(ratio, float) * dimension / (math.sqrt(samples) * squared_signal)
    )


GROKKING_STEP_EXPONENT = 1.0
r"""$t^\ast\propto\omega^1$, see `grokking_step`."""


def _gauss_legendre(low: float, high: float, count: int) -> tuple[Values, Values]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return low + (high - low) * (nodes + 1) / 2, weights * (high - low) / 2
