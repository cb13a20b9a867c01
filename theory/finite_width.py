r"""Lengths in a finite network with Gaussian weights and a positively homogeneous activation.

Setting: $y_1=W_1x$, $y_{l+1}=W_{l+1}\phi(y_l)$, widths $n_1,\dots,n_L$, all weights of a layer
independent $N(0,v_l)$, no biases. $\phi$ is positively homogeneous, $\phi(cz)=c\,\phi(z)$ for
$c>0$: in one variable that is one slope for $z>0$ and another for $z<0$ (`Slopes`).

Given the layer below, $y_l$ is $\sqrt{v_l}\,|\phi(y_{l-1})|$ times a standard Gaussian vector $g$.
A layer therefore multiplies the squared length by an independent factor,

$$|\phi(y_l)|^2=v_l\,|\phi(y_{l-1})|^2\,\sum_{i\le n_l}\phi(g_i)^2,$$

at every width, not only in the limit. The mean of a factor is $n_lv_l\,\mathrm E\phi(g)^2$, and
divided by it a factor is a mean of $n_l$ independent terms with variance
$\beta=\mathrm E\phi^4/(\mathrm E\phi^2)^2-1$. Hence all moments, and by the Mellin transform the
whole law, of the length after any number of layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import interpolate, special, stats

Values = NDArray[np.float64]


class Slopes(NamedTuple):
    r"""The activation $\phi(z)$: `positive` times $z$ above zero, `negative` times $z$ below."""

    positive: float = 1.0
    negative: float = 0.0

    @property
    def second_moment(self) -> float:
        r"""$\mathrm E\phi(g)^2=(\phi_+^2+\phi_-^2)/2$."""
        return (self.positive**2 + self.negative**2) / 2

    @property
    def fluctuation(self) -> float:
        r"""$\beta=\mathrm E\phi(g)^4/(\mathrm E\phi(g)^2)^2-1$.

        $\beta=6(\phi_+^4+\phi_-^4)/(\phi_+^2+\phi_-^2)^2-1$: 5 for ReLU, 2 where it is linear or
        the absolute value, and never less.
        """
        fourth = 3 * (self.positive**4 + self.negative**4) / 2
        return fourth / self.second_moment**2 - 1


def activation_fluctuation(slopes: Slopes, widths: Sequence[int]) -> float:
    r"""$\mathrm EX^2=\prod_{l\le L}(1+\beta/n_l)$ for $X=|\phi(y_L)|^2/\mathrm E|\phi(y_L)|^2$.

    Args:
        slopes: the activation.
        widths: of all layers, first to last.
    """
    return float(np.prod(1 + slopes.fluctuation / np.asarray(widths, float)))


def preactivation_fluctuation(slopes: Slopes, widths: Sequence[int]) -> float:
    r"""$\mathrm EX^2=(1+2/n_L)\prod_{l<L}(1+\beta/n_l)$ for $X=|y_L|^2/\mathrm E|y_L|^2$.

    The last layer has no activation yet and fluctuates like $\chi^2_{n_L}$. The relative variance
    of the squared length is one less. Arguments as in `activation_fluctuation`.
    """
    return activation_fluctuation(slopes, widths[:-1]) * (1 + 2 / widths[-1])


class LengthLaw:
    r"""The law of $X=|\phi(y_L)|^2/\mathrm E|\phi(y_L)|^2$ after $L$ layers of width $n$.

    $k\sim\mathrm{Bin}(n,\tfrac12)$ of the coordinates are positive, whatever their sizes, so that
    a factor is $\chi^2_n\,(\phi_-^2+(\phi_+^2-\phi_-^2)B)$ with an independent
    $B\sim\mathrm{Beta}(\tfrac k2,\tfrac{n-k}2)$. The Mellin transform of a factor is a finite sum
    over $k$, that of $X$ its $L$-th power, and the distribution function of $\log X$ follows from
    Gil-Pelaez's inversion by the trapezoidal rule, to about $10^{-12}$. Where one slope is zero,
    all coordinates may have the wrong sign: $X=0$ with the chance `dead`.

    Args:
        slopes: the activation; the smaller is zero or at least a twentieth of the larger, in size.
        width: $n$, 2 at least.
        depth: $L$.
    """

    def __init__(self, slopes: Slopes, width: int, depth: int) -> None:
        """Nothing is computed yet."""
        self.slopes, self.width, self.depth = slopes, width, depth

    @property
    def dead(self) -> float:
        r"""$\mathrm P(X=0)$."""
        silent = 0 in (self.slopes.positive, self.slopes.negative)
        return 1 - (1 - 2.0**-self.width) ** self.depth if silent else 0.0

    @property
    def lognormal_median(self) -> float:
        r"""$e^{-\beta L/2n}$: the median as $n\to\infty$ at fixed $L/n$."""
        return float(np.exp(-self.slopes.fluctuation * self.depth / (2 * self.width)))

    @property
    def median(self) -> float:
        r"""$x$ with $\mathrm P(X\le x)=\tfrac12$."""
        logs, chances = self._table
        inside = (chances > 1e-3) & (chances < 1 - 1e-3)
        return float(np.exp(interpolate.CubicSpline(chances[inside], logs[inside])(0.5)))

    def cdf(self, x: ArrayLike) -> Values:
        r"""$\mathrm P(X\le x)$, elementwise."""
        at = np.asarray(x, float)
        logs, chances = self._table
        known = np.log(np.maximum(at, np.exp(logs[0])))
        spline = interpolate.CubicSpline(logs, chances)
        inside = np.clip(spline(np.minimum(known, logs[-1])), self.dead, 1.0)
        return np.where(at < 0, 0.0, np.where(at < np.exp(logs[0]), self.dead, inside))

    def mellin(self, exponents: NDArray[np.complex128]) -> NDArray[np.complex128]:
        r"""$\mathrm E[S^s;S>0]$ of one layer's factor $S=\frac{\sum_i\phi(g_i)^2}{n\,E\phi(g)^2}$.

        Args:
            exponents: $s$ with real part zero or above, shape (points,).
        """
        n, s = self.width, np.asarray(exponents)
        high, low = sorted((self.slopes.positive**2, self.slopes.negative**2), reverse=True)
        counts = np.arange(n + 1)
        chances = stats.binom.pmf(counts, n, 0.5)
        counts, chances = counts[chances > 1e-19], chances[chances > 1e-19]
        scale = np.exp(s * np.log(2 / (n * self.slopes.second_moment)))
        if low == 0:
            alive = counts[counts > 0, None] / 2
            moments = high**s * np.exp(special.loggamma(alive + s) - special.gammaln(alive))
            return scale * (chances[counts > 0] @ moments)
        chi = np.exp(special.loggamma(n / 2 + s) - special.gammaln(n / 2))
        shares = np.stack([_beta_moment(int(k), n, high, low, s) for k in counts])
        return scale * chi * (chances @ shares)

    @cached_property
    def _table(self) -> tuple[Values, Values]:
        """Distribution function on a grid of log X that holds all but 1e-13 of the mass."""
        spread = np.sqrt(self.slopes.fluctuation * self.depth / self.width)
        period = 60 * (spread + 1)
        frequencies = (np.arange(4000) + 0.5) * 2 * np.pi / period
        transform = self.mellin(1j * frequencies) ** self.depth
        needed = int(np.max(np.nonzero(np.abs(transform) > 1e-17)[0], initial=0)) + 1
        frequencies, transform = frequencies[:needed], transform[:needed]
        logs = np.linspace(-period / 3, period / 6, 8001)
        waves = np.exp(-1j * np.outer(logs, frequencies)) @ (transform / (np.arange(needed) + 0.5))
        # A half for the mass that is not dead, all of which lies below infinity.
        chances = self.dead + (1 - self.dead) / 2 - waves.imag / np.pi
        return logs, np.maximum.accumulate(np.clip(chances, self.dead, 1.0))


def _beta_moment(
    count: int, width: int, high: float, low: float, exponents: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """E (low + (high - low) B)^s with B ~ Beta(count / 2, (width - count) / 2)."""
    if count in (0, width) or high == low:
        return (high if count == width else low) ** exponents
    nodes, weights = special.roots_jacobi(64, (width - count) / 2 - 1, count / 2 - 1)
    values = np.log(low + (high - low) * (1 + nodes) / 2)
    return np.exp(np.outer(exponents, values)) @ (weights / weights.sum())
