r"""How far a residual network's direct path reaches, in exact numbers at finite width.

Units $x_{l+1}=\lambda_lx_l+F_l(x_l)$ with $F=W_2\,\mathrm{relu}(W_1x)$ on $N$ channels,
$W_1\sim N(0,\tfrac2N)$, $W_2\sim N(0,\tfrac sN)$ entrywise (He, Zhang, Ren, Sun, ECCV 2016, with
fully connected branches). Their Jacobian $J=\prod_l(\lambda_lI+W_2D_lW_1)$ is the *direct path*
$\prod\lambda_l$ plus all paths through branches. What follows is derived here, from three facts:
$W_2$ has mean zero and is independent of the rest of its unit; the mask $D$ of a symmetric $W_1$ is
even in it, so that $\mathrm E|DW_1v|^2=|v|^2$ for every $v$ exactly; and given $h=DW_1v$ the vector
$W_2h$ is $N(0,\tfrac sN|h|^2I)$.

- $\mathrm E\,J=\prod\lambda_l\cdot I$: on average over draws only the direct path is left.
- $\mathrm E|Jv|^2=|v|^2\prod(\lambda_l^2+s_l)$, and likewise $\mathrm E|x_L|^2$ from $|x_0|^2$.
  Backwards, $|J^Tg|^2$ has the same mean over directions $g$: both are $\mathrm E\|J\|_F^2/N$.
- With $|v|=1$, $\mathrm{Var}\langle v,Jv\rangle
  =\tfrac1N\big[\prod(\lambda_l^2+s_l)-\prod\lambda_l^2\big]$: all that is not the direct path
  points in random directions.
- $\mathrm E|h|^4=(1+\tfrac5N)|v|^4$ (each entry of $h$ is a Gaussian of variance $\tfrac2N|v|^2$ or
  zero, evenly) gives $\mathrm E|Jv|^4$ as a product as well, and so the spread of $|Jv|^2$ over
  networks; $|x_L|^2$ has the same one.

**A ReLU after the addition**, $x_{l+1}=\mathrm{relu}(x_l+F_l)$, cuts the direct path of a channel
where it is negative. Until then the channel is a random walk. If increments are independent
and identically distributed, symmetric and without atoms, and $x_0$ is the rectified first one, the
path is alive after $L$ units as long as $L+1$ partial sums have stayed positive, with probability
$\binom{2L+2}{L+1}4^{-L-1}$ whatever the increments' law (Sparre Andersen 1953). The channel itself
is the walk reflected at zero, whose moments follow from Spitzer's identity (1956).

**A ReLU at the end of the branch** makes every increment non-negative. With pre-activations of unit
variance each unit adds $\mathrm E\,\mathrm{relu}(z)=1/\sqrt{2\pi}$ on average.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.gaussian_expectations import relu

Values = NDArray[np.float64]
Numbers = Values | np.float64
"""An array, or a number where the argument was one."""

LAYERS_PER_UNIT = 2
"""Weight layers of a branch."""


def direct_path(skips: ArrayLike) -> Values:
    r"""The direct path $\prod\lambda_l$ after each unit, $\mathrm E\,J$ up to the identity matrix.

    Args:
        skips: $\lambda_l$, unit by unit along the last axis.
    """
    return np.cumprod(np.asarray(skips, float), axis=-1)


def energy(skips: ArrayLike, gains: ArrayLike) -> Values:
    r"""$\mathrm E|Jv|^2/|v|^2=\mathrm E|x_L|^2/|x_0|^2=\prod(\lambda_l^2+s_l)$ after each unit.

    Args:
        skips: $\lambda_l$, unit by unit along the last axis.
        gains: $s_l$, broadcastable: $\mathrm E|F|^2=s|x|^2$.
    """
    return np.cumprod(np.asarray(skips, float) ** 2 + np.asarray(gains, float), axis=-1)


def direct_path_spread(skips: ArrayLike, gains: ArrayLike, width: int) -> Values:
    r"""Standard deviation over networks of $\langle v,Jv\rangle/|v|^2$, after each unit.

    One network shows its direct path only while that exceeds this, $s\ll\lambda^2$ or $N$ large.
    """
    through_branches = energy(skips, gains) - direct_path(skips) ** 2
    return np.sqrt(through_branches / width)


def squared_overlap_spread(skips: ArrayLike, gains: ArrayLike, width: int) -> Values:
    r"""Standard deviation over networks of $(\langle v,Jv\rangle/|v|^2-\prod\lambda_l)^2$.

    Given $|Jv|^2$ the overlap is close to Gaussian with a variance proportional to it: of twice the
    squared mean, $3(1+r^2)-1$ is left where $|Jv|^2$ has the relative spread $r$.
    """
    relative = energy_spread(skips, gains, width) / energy(skips, gains)
    return direct_path_spread(skips, gains, width) ** 2 * np.sqrt(3 * (1 + relative**2) - 1)


def energy_spread(skips: ArrayLike, gains: ArrayLike, width: int) -> Values:
    r"""Standard deviation over networks of $|Jv|^2/|v|^2$, and of $|x_L|^2/|x_0|^2$.

    Given $h$, $|\lambda v+W_2h|^2$ has the second moment $\lambda^4|v|^4+2\lambda^2s|v|^2|h|^2
    +\tfrac{4\lambda^2s}N|v|^2|h|^2+s^2(1+\tfrac2N)|h|^4$; average over $h$ and multiply over units.
    """
    square, s = np.asarray(skips, float) ** 2, np.asarray(gains, float)
    fourth = square**2 + (2 + 4 / width) * square * s + s**2 * (1 + 2 / width) * (1 + 5 / width)
    return np.sqrt(np.cumprod(fourth, axis=-1) - energy(skips, gains) ** 2)


def shrunk_gain(gain: float, scales: ArrayLike) -> Numbers:
    r"""The branch's gain when all weights are multiplied by $\varepsilon$: $\varepsilon^{2k}s$.

    The branch is homogeneous of degree $k=2$ in its weights, its mask does not depend on them.
    """
    return gain * np.asarray(scales, float) ** (2 * LAYERS_PER_UNIT)


def plain_exponent(units: int) -> int:
    r"""Power of $\varepsilon$ with which a plain network's $Jv$ shrinks, exactly: $kL$.

    Without skips $J=\prod W_2D_lW_1$ is homogeneous in all weights at once.
    """
    return LAYERS_PER_UNIT * units


def survival(units: int) -> Values:
    r"""Chance that a channel's direct path is alive after $0,\dots,L$ units of the original kind.

    Given that $x_0>0$: $2\binom{2L+2}{L+1}4^{-L-1}=\prod_{l\le L}\frac{2l+1}{2l+2}\sim
    2/\sqrt{\pi(L+1)}$.
    """
    after = np.arange(1, units + 1)
    return np.concatenate([[1.0], np.cumprod((2 * after + 1) / (2 * after + 2))])


def survival_spread(units: int, width: int) -> Values:
    """Standard deviation over networks of the alive share, of the half of `width` that starts."""
    alive = survival(units)
    return np.sqrt(alive * (1 - alive) / (width / 2))


def independent_masks(units: int) -> Values:
    r"""The rival in which every unit cuts half of the paths, as layers of a plain net: $2^{-L}$."""
    return 0.5 ** np.arange(units + 1.0)


def drift(units: ArrayLike) -> Numbers:
    r"""Mean of a channel after $L$ units whose branches end in a ReLU: $L/\sqrt{2\pi}$.

    Branches have pre-activations of unit variance, $x_0$ has mean zero.
    """
    return relu().mean() * np.asarray(units, float)


def drift_spread(units: ArrayLike) -> Numbers:
    r"""Standard deviation of a channel there, $\sqrt{1+L(\tfrac12-\tfrac1{2\pi})}$.

    $x_0$ has unit variance. Pre-activations come from fresh weights and a normalized layer, so that
    increments are independent.
    """
    return np.sqrt(1 + relu().variance() * np.asarray(units, float))


def reflected_mean(units: int) -> float:
    r"""Mean of a channel with ReLU after the addition: $\sum_{k=1}^{L+1}\tfrac1k\mathrm E\,S_k^+$.

    For standard Gaussian increments, $\mathrm E\,S_k^+=\sqrt{k/2\pi}$ (Spitzer 1956): the mean is
    about $\sqrt{2L/\pi}$.
    """
    return float(np.sum(_mean_terms(units)))


def reflected_spread(units: int) -> float:
    r"""Standard deviation of a channel there.

    To second order, Spitzer's identity gives the mean square $\tfrac n2+\sum_{i+j\le n}a_ia_j$
    with $n=L+1$ and $a_k=\tfrac1k\mathrm E\,S_k^+$, since $\tfrac1k\mathrm E(S_k^+)^2=\tfrac12$.
    """
    terms = _mean_terms(units)
    pairs = np.convolve(terms, terms)[: max(len(terms) - 1, 0)]
    return math.sqrt(len(terms) / 2 + np.sum(pairs) - np.sum(terms) ** 2)


def _mean_terms(units: int) -> Values:
    k = np.arange(1, units + 2)
    return relu().mean() / np.sqrt(k)


def pre_activation_mean_square(units: ArrayLike) -> Numbers:
    r"""Mean square of a channel after $L$ full pre-activation units of unit branches: $1+L$."""
    return 1 + np.asarray(units, float)


def pre_activation_spread(units: ArrayLike) -> Numbers:
    r"""Standard deviation of a channel there, $\sqrt{1+L}$: its mean is zero."""
    return np.sqrt(pre_activation_mean_square(units))


def pre_activation_mean_square_spread(units: ArrayLike, width: int) -> Numbers:
    r"""Standard deviation over networks of the mean of $N$ such squares, Gaussian channels'."""
    return pre_activation_mean_square(units) * math.sqrt(2 / width)


def parameters(depth: int, kind: str, *, projections: bool = True) -> dict[str, int]:
    """Numbers to be trained in a pre-activation network for images of 32 by 32, part by part.

    Three stages of width 16, 32, 64. A bottleneck of width w has convolutions 1x1, 3x3, 1x1 with
    4w channels leaving, a basic unit two 3x3; units of n per stage make depth 9n+2 or 6n+2. Each
    convolution of a branch has a normalization (scale and shift) before it, which a stage's first
    unit shares with its projecting skip; there are a first 3x3 convolution, a last normalization
    and a readout to ten classes with a bias. Convolutions have none.

    Args:
        depth: layers.
        kind: 'bottleneck' or 'basic'.
        projections: whether a skip that changes its shape has weights.

    Returns:
        Counts for 'convolutions' (projections included), 'normalizations' and 'readout'.
    """
    out = {"bottleneck": 4, "basic": 1}[kind]
    n = (depth - 2) // {"bottleneck": 9, "basic": 6}[kind]
    convolutions, norms, entering = 3 * 9 * 16, 0, 16
    for w in (16, 32, 64):
        leaving = out * w
        if kind == "bottleneck":
            convolutions += entering * w + (n - 1) * leaving * w + n * (9 * w * w + w * leaving)
            norms += 2 * (entering + (n - 1) * leaving + n * 2 * w)
        else:
            convolutions += 9 * (entering * w + (2 * n - 1) * w * w)
            norms += 2 * (entering + (2 * n - 1) * w)
        if projections and entering != leaving:
            convolutions += entering * leaving
        entering = leaving
    return {
        "convolutions": convolutions,
        "normalizations": norms + 2 * entering,
        "readout": 10 * entering + 10,
    }


PAPER_MILLIONS = {164: 1.7, 1001: 10.2}
"""What the paper says of its networks, in millions of parameters, to one decimal."""
PRINTED_TO = 0.05e6
"""How far a number of parameters may be from one printed in millions with one decimal."""


def resolved(spread: ArrayLike, networks: int = 16) -> Numbers:
    r"""Standard error of a mean over so many networks: the finest that a claim here speaks of.

    The laws above are exact, so that no error term of theirs could serve as a margin. Over sixteen
    networks: a quarter of what one network differs from its mean.
    """
    return np.asarray(spread, float) / math.sqrt(networks)
