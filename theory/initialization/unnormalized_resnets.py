r"""Means, variances and gradients of residual networks without normalization.

Setting (Brock, De, Smith, ICLR 2021), in its simplest form: $N$ channels, blocks

$$x_{l+1}=s\,x_l+t\,W_s\,\gamma\phi(x_l/\beta_l)+\alpha\,W\gamma\phi(x_l/\beta_l),$$

with a skip $s=1$, or at a *transition block* $s=0$, $t=1$: there the shortcut has weights of its
own and sees what the branch sees. $\beta_l^2$ is the predicted variance of $x_l$. Either $W$ is
**He**'s, entries $N(0,\tfrac1N)$ with $\gamma=\sqrt2$ for ReLU; or it has **scaled weight
standardization**, rows with mean zero and length one, and $\gamma=(\mathrm{Var}\,\phi(z))^{-1/2}$,
for ReLU $\sqrt{2/(1-1/\pi)}$. All below is the limit of wide layers, for ReLU; the paper states the
variances, and the rest is derived here.

**Two inputs.** Over a batch of different inputs, let $S_l$ be the squared mean of a channel,
averaged over channels, $V_l$ its variance and $q_l=S_l+V_l$. $S_l$ is the inner product of two
*different* inputs over $N$, so it follows the covariance map. With
$R(c)=2\,\mathrm E\,u_+v_+$ (the arc-cosine kernel of order one),

$$q_{l+1}=s^2q_l+(t^2+\alpha^2)\frac{q_l}{\beta_l^2},\qquad
  S_{l+1}=s^2S_l+(t^2+\alpha^2)\frac{q_l}{\beta_l^2}M(S_l/q_l),$$

$M=R$ for He, and $M=\frac{R-1/\pi}{1-1/\pi}$ for standardized weights: centring a row subtracts the
product of the two averages over channels, $(\mathrm E\,u_+)^2=\frac1{2\pi}$. Both are 1 at $c=1$,
but $R(0)=1/\pi$ while $M(0)=0$: He's layers turn a share $1/\pi$ of a centred signal into a mean,
and standardized ones nothing.

**Gradients.** A direction $v$ is multiplied by $s^2+(t^2+\alpha^2)\kappa/\beta_l^2$ in the mean
square, $\kappa=\gamma^2\mathrm E\phi'^2$: 1 for He, $\frac1{1-1/\pi}=1.467$ for standardized
weights, whose gain makes up for means that directions do not have. In a chain with skips,
$\prod_{l<L}\big(1+\tfrac{\alpha^2\kappa}{1+l\alpha^2}\big)\sim(1+L\alpha^2)^\kappa$; without,
$\kappa^L$.

**Zero padding.** A 3 by 3 convolution at a border sees $m$ of its $n=9C$ inputs. For independent
inputs of mean $\mu$ and second moment $E$ a standardized kernel gives
$\frac mnE-\frac{m(m-1)}{n(n-1)}\mu^2$: since the missing inputs no longer cancel the mean of the
others, less is lost than the share of the missing ones, and what is left has a mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.gaussian_expectations import (
    GELU,
    SILU,
    TANH,
    Activation,
    expectation,
    relu,
    relu_correlation,
)

Values = NDArray[np.float64]
Numbers = Values | np.float64
"""An array, or a number where the argument was one."""

Weights = Literal["he", "standardized"]

ACTIVATIONS = {"relu": relu(), "silu": SILU, "gelu": GELU, "tanh": TANH}
PUBLISHED_GAINS = {
    "relu": 1.7139588594436646,
    "silu": 1.7881293296813965,
    "gelu": 1.7015043497085571,
    "tanh": 1.5939117670059204,
}
"""What the authors' code multiplies activations by (google-deepmind/deepmind-research, nfnets)."""
RECIPE_SAMPLE = (1024, 256)
"""Vectors and their length in the sample from which the paper estimates gains."""

MEAN_SHARE = 1 / math.pi
r"""$(\mathrm E\,z_+)^2/\mathrm E\,z_+^2$: how much of a rectified Gaussian is its mean."""


# ---------------------------------------------------------------- gains


def gain(activation: Activation) -> float:
    r"""$\gamma=(\mathrm{Var}\,\phi(z))^{-1/2}$, so that standardized layers keep variances."""
    return activation.variance() ** -0.5


def rectifier_gain() -> float:
    r"""The same for ReLU in closed form: $\sqrt{2/(1-1/\pi)}=1.71286$."""
    return math.sqrt(2 / (1 - MEAN_SHARE))


def he_gain() -> float:
    r"""$\sqrt2$, which keeps the second moment."""
    return math.sqrt(2)


def recipe(activation: Activation, length: int) -> float:
    r"""The gain that an infinite sample of vectors gives: $\gamma\,(1-1/n)^{-1/2}$.

    The paper averages the variance of $n$ numbers around *their own* mean, which is too small by
    the factor $1-1/n$.
    """
    return gain(activation) / math.sqrt(1 - 1 / length)


def recipe_spread(activation: Activation, vectors: int, length: int) -> float:
    r"""Standard deviation of the gain from a sample of $m$ vectors, to leading order in $1/m$.

    The variance of $n$ numbers has the relative variance $\frac1n(k-\frac{n-3}{n-1})$, $k$ the
    kurtosis of $\phi(z)$; a gain moves by half of what the mean variance does.
    """
    mean, variance = activation.mean(), activation.variance()
    fourth = expectation(lambda x: (activation(x) - mean) ** 4, kinks=activation.kinks)
    relative = (fourth / variance**2 - (length - 3) / (length - 1)) / (length * vectors)
    return recipe(activation, length) / 2 * math.sqrt(relative)


# ---------------------------------------------------------------- blocks


class Blocks(NamedTuple):
    """Factors, block by block along the first axis."""

    skip: Values
    """Of the input itself: $s$."""
    shortcut: Values
    """Of a layer in the skip's place: $t$."""
    branch: Values
    r"""Of the branch: $\alpha$."""
    deviation: Values
    r"""What the input of the layers is divided by: $\beta$."""


def chain(depth: int, branch: float = 1.0) -> Blocks:
    """Layers without skips; signals are not divided, for gains should keep them."""
    ones = np.ones(depth)
    return Blocks(0 * ones, 0 * ones, branch * ones, ones)


def residual(
    depth: int, branch: float, *, stage: int | None = None, normalized: bool = True
) -> Blocks:
    r"""Blocks $x+\alpha f(x/\beta)$ with $\beta_l^2=\mathrm{Var}\,x_l$ as predicted.

    Args:
        depth: number of blocks.
        branch: $\alpha$.
        stage: blocks of a stage; the first of each later stage is a transition block.
        normalized: divide by the predicted deviation; else by one.
    """
    index = np.arange(depth)
    transition = np.zeros(depth) if stage is None else ((index > 0) & (index % stage == 0)) * 1.0
    ones = np.ones(depth)
    predicted = expected_variance(depth, branch, stage=stage)[:-1]
    deviation = np.sqrt(predicted) if normalized else ones
    return Blocks(1 - transition, transition, branch * ones, deviation)


def expected_variance(depth: int, branch: float, *, stage: int | None = None) -> Values:
    r"""$\mathrm{Var}\,x_l$ for $l=0,\dots,L$ as the paper has it.

    $1+l\alpha^2$, and after a transition block $1+\alpha^2$ again: its shortcut has the variance 1.
    """
    after = np.arange(depth + 1)
    first = np.minimum(after, 1)
    within = after if stage is None else first + (after - first) % stage
    return np.asarray(1 + within * branch**2)


# ---------------------------------------------------------------- signals


def he_map(cosine: ArrayLike) -> Numbers:
    r"""$R$: from the cosine of two inputs to the covariance after a layer of He's."""
    return relu_correlation(cosine)


def standardized_map(cosine: ArrayLike) -> Numbers:
    r"""$(R-1/\pi)/(1-1/\pi)$: the same for a layer of standardized weights."""
    return (relu_correlation(cosine) - MEAN_SHARE) / (1 - MEAN_SHARE)


MAPS: dict[Weights, Callable[[ArrayLike], Numbers]] = {
    "he": he_map,
    "standardized": standardized_map,
}


def second_moment(blocks: Blocks) -> Values:
    r"""$q_l$ for $l=0,\dots,L$ with $q_0=1$."""
    q = [1.0]
    for skip, added, deviation in _steps(blocks):
        q.append(skip**2 * q[-1] + added * q[-1] / deviation**2)
    return np.array(q)


def squared_mean(blocks: Blocks, weights: Weights, start: ArrayLike = 0.0) -> Values:
    r"""$S_l$ for $l=0,\dots,L$, one for each pair of inputs.

    Args:
        blocks: the network.
        weights: their kind.
        start: cosines of pairs of inputs, any shape.

    Returns:
        Shape (L + 1, *shape of start).
    """
    q, s = second_moment(blocks), [np.asarray(start, float)]
    for (skip, added, deviation), at in zip(_steps(blocks), q[:-1], strict=True):
        s.append(skip**2 * s[-1] + added * at / deviation**2 * MAPS[weights](s[-1] / at))
    return np.stack(s)


def independent_means(blocks: Blocks) -> Values:
    r"""The rival's $S_l$ for He: every layer adds the share $1/\pi$, as the first one does."""
    s = [0.0]
    for skip, added, _ in _steps(blocks):
        s.append(skip**2 * s[-1] + added * MEAN_SHARE)
    return np.array(s)


def _steps(blocks: Blocks) -> list[tuple[float, float, float]]:
    """Skip, squared factors of all layers together, deviation."""
    added = blocks.shortcut**2 + blocks.branch**2
    return list(zip(blocks.skip, added, blocks.deviation, strict=True))


def chance_share(width: int) -> float:
    r"""How large $S/q$ becomes by chance with standardized weights, at most, to order $1/N$.

    Inputs that have nothing in common still have cosines of the size $1/\sqrt N$, and every layer
    adds some: $\mathrm Ec^2\le\frac1N\frac1{1-M'(0)^2}$. $M$ is convex, so that they do not average
    out: the mean settles where $(1-M'(0))\,\mathrm Ec=\tfrac12M''(0)\,\mathrm Ec^2$.
    """
    slope, curvature = 1 / 2 / (1 - MEAN_SHARE), MEAN_SHARE / (1 - MEAN_SHARE)
    return curvature / 2 / (1 - slope**2) / (1 - slope) / width


# ---------------------------------------------------------------- gradients


GRADIENT_FACTORS: dict[Weights, float] = {"he": 1.0, "standardized": 1 / (1 - MEAN_SHARE)}
r"""$\kappa=\gamma^2\,\mathrm E\phi'(z)^2=\gamma^2/2$."""


def gradient(blocks: Blocks, factor: float) -> Values:
    r"""$\mathrm E|J_{0\to l}v|^2/|v|^2$ for $l=0,\dots,L$.

    Args:
        blocks: the network.
        factor: $\kappa$.
    """
    growth = [1.0]
    for skip, added, deviation in _steps(blocks):
        growth.append(growth[-1] * (skip**2 + added * factor / deviation**2))
    return np.array(growth)


def standardized_growth(depth: int, width: int) -> float:
    r"""What a standardized layer without a skip multiplies squared gradients by, to order $1/N$.

    The average over the first layers of $\kappa(1-\rho_l^2/\pi)$, which is $\kappa$ for
    $N\to\infty$. Centring takes the mean of what passes the mask from a direction as well, and
    there is one where the direction has the correlation $\rho$ with the signal:
    $\mathrm E\,v\mathbf 1_{z>0}=\rho/\sqrt{2\pi}$. At finite width such correlations arise by
    chance, and fade as the direction grows: $\rho_{l+1}^2=\rho_l^2/\kappa+\tau/N$, with
    $\tau=\mathrm E(z_+-\mu)^2\mathbf 1_{z>0}\,/\,(\tfrac12\mathrm{Var}\,z_+)
    =(\tfrac12-\tfrac3{4\pi})/(\tfrac14-\tfrac1{4\pi})$, $\mu=\mathrm E z_+$.
    """
    factor, correlation, growth = GRADIENT_FACTORS["standardized"], 0.0, []
    chance = (1 / 2 - 3 / (4 * math.pi)) / (1 / 4 - 1 / (4 * math.pi)) / width
    for _ in range(depth):
        growth.append(factor * (1 - correlation / math.pi))
        correlation = correlation / factor + chance
    return float(np.mean(growth))


# ---------------------------------------------------------------- zero padding


FILTER = 3
"""Pixels along a side of the filters."""


def taps(side: int) -> Values:
    """Pixels that a filter sees where images are padded with zeros, of 9; shape (side, side)."""
    along = np.full(side, float(FILTER))
    along[[0, -1]] -= 1
    return np.outer(along, along)


def padded_power(side: int, channels: int) -> float:
    r"""Mean square after a standardized, zero-padded convolution, over pixels and draws.

    Its inputs are $\gamma\,\mathrm{relu}(z)$ with independent $z$. Exact for every number of
    channels. With many, $\frac{E-f\mu^2}{E-\mu^2}f$ averaged over pixels, $f$ the share that a
    filter sees.
    """
    seen, n = channels * taps(side), channels * FILTER**2
    second = rectifier_gain() ** 2 / 2
    squared_mean = MEAN_SHARE * second
    return float(np.mean(seen / n * second - seen * (seen - 1) / (n * (n - 1)) * squared_mean))


def padded_share(side: int, channels: int) -> float:
    r"""The rival's: what is lost are the missing inputs, $\big(\frac{3S-2}{3S}\big)^2$ is left.

    So it is for weights that are not centred, and for inputs without a mean.
    """
    return float(np.mean(taps(side))) / FILTER**2


def without_borders(side: int, channels: int) -> float:
    """The rival's: nothing is lost."""
    return 1.0


# ---------------------------------------------------------------- error of the limit


def finite_width(width: int, layers: ArrayLike) -> Numbers:
    r"""Relative error of the limit after so many layers, $l/N$.

    A layer of $N$ channels is off by the order $1/N$: fluctuations of its lengths, and what a
    channel has in common with the branch that is added to it.
    """
    return np.asarray(layers, float) / width
