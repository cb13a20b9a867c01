r"""When neurons have aligned, what the network is from then on, and how its loss dies.

Setting: $f(x)=\sum_{j\le h}v_j\,\mathrm{relu}\langle w_j,x\rangle$ on samples $(x_i,y_i)$,
$y_i=\pm1$, follows the gradient flow of $L=\sum_ie^{-y_if(x_i)}$ from balanced weights,
$|v_j|=|w_j|$, of size $\epsilon\to0$. With $z_i=y_ix_i$, $|z_i|=1$, the data are *separated*:
$\langle z_i,z_j\rangle\ge\mu>0$ (Min, Mallada, Vidal, ICLR 2024).

**Alignment.** While $f\approx0$ a neuron with $v>0$ follows $\dot w=|w|g$, $g=\sum_Az_i$, where $A$
holds the positive samples with $b_i=\langle w,z_i\rangle>0$ and the negative ones with $b_i<0$
(for $v<0$ everything is mirrored); every $b_i$ grows, and the neuron is aligned when none is
negative. The paper has $O(\log n/\sqrt\mu)$ for the time that takes. It is in fact at most
$\operatorname{arcosh}(1/\mu)+0.0137$ whatever $n$ is, if the neuron starts active on some sample
$a$ of its own label:

1. Let $\tau=\int|w|\,dt$, a prime $d/d\tau$, and $p=\langle w,g\rangle$. Then $(|w|^2)'=2p$, and
   $p$ is continuous (a sample switches at $b_i=0$) with $p'=|g|^2\ge1$. So $|w|^2$ is convex.
   Further $b_a'\ge1$, and $b_k'\ge\langle z_a,z_k\rangle\ge\mu$.
2. *If $p\ge0$ at the start*, $|w|\ge\sqrt{1+\tau^2}$ in units of $|w(0)|$. A sample with
   $\langle z_a,z_k\rangle=\kappa$ starts at $b_k\ge\kappa b_a-\sqrt{(1-\kappa^2)(1-b_a^2)}$, so all
   are right by $\tau=M=\sqrt{\mu^{-2}-1}$, and
   $T=\int d\tau/|w|\le\operatorname{arsinh}M=\operatorname{arcosh}(1/\mu)$.
3. *If not*, some sample of the other label is active, and $|g|^2\ge2$ until $|w|$ is least,
   $=\rho$, at $\tau_0\le b_a=:s\rho$. Up to there $|w|^2\ge\rho^2+2(\tau_0-\tau)^2$, which takes at
   most $\operatorname{arsinh}(\sqrt2s)/\sqrt2$. After it, $p\ge\min(2x,s\rho+x)$ at
   $\tau=\tau_0+x$: the first as long as samples of the other label are active, the second
   afterwards. With $x\le\rho(M\sqrt{1-s^2}-s)$ as in step 2, $\int d\tau/|w|$ is, if the end comes
   after $x=s\rho$, at most $\operatorname{arsinh}M+\delta(s)$ with
   $\delta(s)=\sqrt2\operatorname{arsinh}(\sqrt2s)+\tfrac12\log(1-s^2)-\log(2s+\sqrt{1+2s^2})$,
   whose maximum over $s$ is 0.01364; if before, at most $\operatorname{arsinh}M$.

Step 2 is sharp: for two samples of one label, $w\perp z_1$ and $\langle w,z_2\rangle$ most
negative, $T=\operatorname{arcosh}(1/\mu)$ exactly.

**Afterwards** the neurons of a class are one balanced linear network $\beta=\sum v_jw_j$ with
$|\beta|=\sum v_j^2$ and $\dot\beta=|\beta|(\gamma+\hat\beta\hat\beta^\top\gamma)$,
$\gamma=\sum_ie^{-\langle\beta,z_i\rangle}z_i$. Let $m$ be the distance from the origin to the
convex hull of the class's $z_i$, $\alpha$ the weights of its nearest point, $H$ their entropy and
$\ell=\log(1/L)$ for the class's loss. As $\beta$ grows, sample $i$ keeps the share $\alpha_i$ of
the loss, so $\langle\beta,z_i\rangle=\ell-\log\alpha_i$, and averaging with $\alpha$,
$m|\beta|=\ell+H$ up to a relative $O(\ell^{-2})$: with $|\gamma|=mL$,

$$\frac{d}{dt}\frac1L=2m(\ell+H)\,(1+O(\ell^{-2})),\qquad
  \mathrm{Ei}(\ell+H)=2me^Ht,\qquad L\sim\frac1{2m\,t\log t}.$$
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

Values = NDArray[np.float64] | np.float64

OTHER_LABEL_EXCESS = 0.0137
r"""Upper rounding of $\max_s\delta(s)$: what samples of the other label may add to the time."""

DIRECTION_ERROR_EXPONENT = 2.0
r"""Weights of size $\epsilon$ change the slopes of the loss by $f=O(\epsilon^2)$, and directions
at a fixed time smoothly with them: every event is crossed at a speed of at least $\mu|w|$."""

EVENT_ORDER = 10.0
r"""Largest factor with which outputs on the data enter relative errors of the limit; they enter
with a factor of order one, as each of a neuron's few events passes a perturbation on."""

EXCESS_EXPONENT = 2.0
r"""$|W|_F^2-s_1^2-s_2^2=O(\epsilon^2)$: for neurons $i,j$ of one class $\langle w_i,w_j\rangle-
v_iv_j$ is conserved, so that their Gram matrix is of rank one but for its start, $O(\epsilon^2)$;
and a dead neuron keeps its $O(\epsilon^2)$."""


def direction_exponent_error(output: float) -> float:
    r"""Next order of the exponent 2 where outputs reach $f$.

    $e^{-f}=1-f+\tfrac12f^2$, so the error is $c\epsilon^2(1+O(f))$ with $f\propto\epsilon^2$.
    """
    return 2 * EVENT_ORDER * output


def clock_error(output: ArrayLike) -> Values:
    """Relative error of the limit's times where outputs reach $f$."""
    return EVENT_ORDER * np.asarray(output, float)


def alignment_time_bound(separation: ArrayLike) -> Values:
    r"""Largest time to alignment for any $n$, $\operatorname{arcosh}(1/\mu)+0.0137$."""
    return np.arccosh(1 / np.asarray(separation, float)) + OTHER_LABEL_EXCESS


def latecomers_time(samples: ArrayLike, separation: ArrayLike, late: ArrayLike = 1) -> Values:
    r"""Time to alignment of a neuron that all samples but its late ones leave alone.

    Data with $\langle z_i,z_j\rangle=\mu$ for all pairs, $n$ of them. The neuron starts on the edge
    of one sample of its label ($b=0^+$), at $b=-c$ on $k$ late ones and on the edge of the rest,
    which carry the other label and are inactive ($b=0^+$). So $g=z_1$ until all late ones switch at
    $B=c/\mu$, and $T=\operatorname{arsinh}(c/\mu)$, where $|w|=1$ fixes
    $c^2=1/(1^\top_k\,(K^{-1})_{kk}1_k)=\frac{(1-\mu)(1+(n-1)\mu)}{k(1+(n-1-k)\mu)}$. With $n=2$
    this is $\operatorname{arcosh}(1/\mu)$.
    """
    n, mu, k = (np.asarray(value, float) for value in (samples, separation, late))
    squared_level = (1 - mu) * (1 + (n - 1) * mu) / (k * (1 + (n - 1 - k) * mu))
    return np.arcsinh(np.sqrt(squared_level) / mu)


def root_rate(samples: ArrayLike, separation: ArrayLike) -> Values:
    r"""The paper's rate $\log n/\sqrt\mu$."""
    return np.log(samples) / np.sqrt(separation)


def root_rate_constant() -> float:
    r"""Least $C$ with `alignment_time_bound` $\le C\log n/\sqrt\mu$ for all $n\ge2$, $\mu$: 1.50.

    The bound does not depend on $n$, so $n=2$ decides.
    """
    worst = optimize.minimize_scalar(
        lambda mu: -alignment_time_bound(mu) / root_rate(2, mu),
        bounds=(0.01, 0.99),
        method="bounded",
    )
    return -float(worst.fun)


def root_time(samples: ArrayLike, separation: ArrayLike, late: ArrayLike = 1) -> Values:
    """The paper's rate as a time, whichever samples are late."""
    return root_rate(samples, separation) + 0 * np.asarray(late, float)


def latecomers_growth(samples: ArrayLike, largest: float, smallest: float) -> Values:
    """Growth of the worst time known, `latecomers_time`, between two separations."""
    return latecomers_time(samples, smallest) / latecomers_time(samples, largest)


def root_growth(samples: ArrayLike, largest: float, smallest: float) -> Values:
    """Growth of the paper's rate between two separations, the same for all numbers of samples."""
    return root_rate(samples, smallest) / root_rate(samples, largest)


def growth_error(samples: ArrayLike, largest: float, smallest: float) -> Values:
    """How far the growth of the worst time may exceed or miss `latecomers_growth`.

    The worst time lies between `latecomers_time` and `alignment_time_bound`.
    """
    low, high = latecomers_time(samples, largest), latecomers_time(samples, smallest)
    most = alignment_time_bound(smallest) / low - high / low
    least = high / low - high / alignment_time_bound(largest)
    return np.maximum(most, least)


def descent_imbalance(step_size: ArrayLike, twist: ArrayLike) -> Values:
    r"""$v^2-|w|^2$ that gradient descent has built up on a balanced neuron.

    A step $v\to v+\sigma\langle w,g\rangle$, $w\to w+\sigma vg$ changes it by exactly
    $-\sigma^2(v^2|g|^2-\langle w,g\rangle^2)$, so that over a fixed time it drifts by
    $-\sigma\int(v^2|g|^2-\langle w,g\rangle^2)\,dt=-\sigma\cdot$ `twist`, up to a relative
    $O(\sigma|g|)$. Under the flow, $\sigma\to0$, it is conserved.
    """
    return -np.asarray(step_size, float) * np.asarray(twist, float)


def descent_error(step_size: ArrayLike, samples: int) -> Values:
    r"""Relative error of `descent_imbalance`: a step turns a neuron by $\sigma|g|\le\sigma n$."""
    return np.asarray(step_size, float) * samples


def excess_exponent_error(scale: float) -> float:
    r"""Next order of `EXCESS_EXPONENT`, $O(\epsilon^2\log(1/\epsilon))$ relative.

    Outputs are $O(\epsilon^2)$ while neurons align; the logarithm is the time until they are not.
    """
    return 2 * EVENT_ORDER * scale**2 * math.log(1 / scale)


class Margin(NamedTuple):
    """The hard margin of one class, and how the class's loss is shared."""

    distance: float
    r"""$m$: from the origin to the convex hull of the points."""
    entropy: float
    r"""$H=-\sum\alpha_i\log\alpha_i$ of the weights of the hull's nearest point."""
    direction: Float[np.ndarray, " d"]
    r"""$\hat\beta=\sum\alpha_iz_i/m$."""
    offset: Float[np.ndarray, " d"]
    r"""$\rho$, orthogonal to $\hat\beta$, so that $\beta=\hat\beta(\ell+H)/m+\rho$ has
    $\langle\beta,z_i\rangle=\ell-\log\alpha_i$ on the supporting points."""

    drift: float
    r"""$m|\rho_1|$, where $\rho_1/\ell$ is the next term of the offset.

    While $\hat\beta$ turns, shares deviate by $\delta_i=O(1/\ell)$ from $\alpha_i$, so that
    $\sum\delta_iz_i=-m^2\rho/\ell$, and $\langle\rho_1/\ell,z_i\rangle=-\delta_i/\alpha_i$.
    """

    @property
    def next_order(self) -> float:
        r"""$|m\rho|^2$, the scale of the relative error at $\ell^{-2}$.

        The angle between $\beta$ and $\hat\beta$ is $m|\rho|/\ell$; carried through, it lowers
        $d(1/L)/dt$ by the fraction $\tfrac12|m\rho|^2\ell^{-2}$.
        """
        return float(self.distance**2 * (self.offset @ self.offset))


def hard_margin(points: Float[np.ndarray, "k d"]) -> Margin:
    r"""Margin of the points $z_i$ of one class, which lie on one side of the origin.

    The nearest point of the hull solves a nonnegative least squares problem: over $u\ge0$,
    $|\sum u_iz_i|^2+(\sum u_i-1)^2$ is least at a multiple of $\alpha$.
    """
    count, dimension = points.shape
    target = np.concatenate([np.zeros(dimension), [1.0]])
    raw, _ = optimize.nnls(np.vstack([points.T, np.ones(count)]), target)
    weights = raw / np.sum(raw)
    nearest = weights @ points
    distance = float(np.linalg.norm(nearest))
    supporting = weights > 1e-9
    log_weights = np.log(weights[supporting])
    entropy = -float(weights[supporting] @ log_weights)
    # Least norm: descent from tiny weights moves in the span of the data.
    inverse = np.linalg.pinv(points[supporting])
    offset = inverse @ (-log_weights - entropy)
    deviations = inverse.T @ (-(distance**2) * offset)
    drift = distance * float(np.linalg.norm(inverse @ (deviations / weights[supporting])))
    return Margin(distance, entropy, nearest / distance, offset, drift)


def late_log_loss(time: Float[np.ndarray, " times"], margin: Margin) -> Float[np.ndarray, " times"]:
    r"""$\ell=\log(1/L)$ of a class at late times: $\mathrm{Ei}(\ell+H)=2me^Ht$.

    What happened before the late phase shifts $t$ by a constant, which is lost in large $t$. The
    relative error of $L$ is that of $d(1/L)/dt$, $O(\ell^{-2})$.
    """
    target = np.log(2 * margin.distance * time) + margin.entropy
    return np.array(
        [
            optimize.brentq(lambda x, y=y: np.log(special.expi(x)) - y, 1.0, 2 * y + 10, xtol=1e-12)
            - margin.entropy
            for y in target
        ]
    )


def late_loss(time: Float[np.ndarray, " times"], margin: Margin) -> Float[np.ndarray, " times"]:
    r"""A class's loss at late times: `late_log_loss`, and what its rate lacks at next order."""
    ell = late_log_loss(time, margin)
    return np.exp(-ell) * (1 + margin.next_order / (2 * ell**2))


def inverse_time_loss(
    time: Float[np.ndarray, " times"], margin: Margin
) -> Float[np.ndarray, " times"]:
    r"""The loss if it fell exactly like $1/(2mt)$, the paper's rate without the logarithm."""
    return 1 / (2 * margin.distance * time)


def square_root_loss(
    time: Float[np.ndarray, " times"], margin: Margin
) -> Float[np.ndarray, " times"]:
    r"""A square-root law $1/(2m\sqrt t)$."""
    return 1 / (2 * margin.distance * np.sqrt(time))


def inverse_loss_rate(log_loss: ArrayLike, margin: Margin) -> Values:
    r"""$\frac d{dt}\frac1L=2m(\ell+H)(1-\tfrac12|m\rho|^2\ell^{-2})$ at $\ell=\log(1/L)$."""
    ell = np.asarray(log_loss, float)
    turn = margin.next_order / (2 * ell**2)
    return 2 * margin.distance * (ell + margin.entropy) * (1 - turn)


def local_exponent(log_loss: ArrayLike, margin: Margin) -> Values:
    r"""$\frac{d\log L}{d\log t}=-xe^{-x}\mathrm{Ei}(x)=-1-\frac1x-\dots$ with $x=\ell+H$."""
    x = np.asarray(log_loss, float) + margin.entropy
    return -x * np.exp(-x) * special.expi(x)


def late_weights(log_loss: float, margin: Margin) -> Float[np.ndarray, " d"]:
    r"""$\beta=\sum v_jw_j$ of a class of loss $e^{-\ell}$; relative error $O(\ell^{-2})$."""
    along = (log_loss + margin.entropy) / margin.distance
    return along * margin.direction + margin.offset


def late_weights_error(log_loss: ArrayLike, margin: Margin) -> Values:
    r"""Relative error of `late_weights`, its next term: $m|\rho_1|\ell^{-2}$."""
    return margin.drift / np.asarray(log_loss, float) ** 2


def stable_rank(first: Float[np.ndarray, " d"], second: Float[np.ndarray, " d"]) -> float:
    r"""$|W|_F^2/|W|_2^2$ of two balanced rank-one networks $\beta_1,\beta_2$, between 1 and 2.

    $W^\top W=a\hat\beta_1\hat\beta_1^\top+b\hat\beta_2\hat\beta_2^\top$ with $a=|\beta_1|$,
    $b=|\beta_2|$ has the eigenvalues $\tfrac12(a+b)\pm\tfrac12\sqrt{(a-b)^2+4abc^2}$,
    $c=\langle\hat\beta_1,\hat\beta_2\rangle$.
    """
    a, b = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    cosine = float(first @ second) / (a * b)
    return 2 * (a + b) / (a + b + math.sqrt((a - b) ** 2 + 4 * a * b * cosine**2))


def exponent_one(log_loss: ArrayLike, margin: Margin) -> Values:
    r"""The local exponent of a loss that falls exactly like $1/t$."""
    return -np.ones_like(np.asarray(log_loss, float))


def first_correction(log_loss: ArrayLike, margin: Margin) -> Values:
    r"""The local exponent $-1-1/x$, without the terms that follow."""
    return -1 - 1 / (np.asarray(log_loss, float) + margin.entropy)


def late_stable_rank(time: float, positive: Margin, negative: Margin) -> float:
    r"""Stable rank of the first layer at a late time; error $O(\ell^{-2})$.

    The signed $\beta$ of the negative class points against its margin direction for inputs, which
    `stable_rank` does not see.
    """
    first, second = (
        late_weights(float(late_log_loss(np.array([time]), margin)[0]), margin)
        for margin in (positive, negative)
    )
    return stable_rank(first, second)
