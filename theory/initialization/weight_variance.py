r"""The weight variance of deep networks: from the tangent at zero, and from the exact map.

Setting (Kumar 2017): $y_{l+1}=Wx_l$, $x_l=g(y_l)$, $N$ units a layer, no biases, weights
independent with mean 0 and variance $c/N$; $c$ is the *gain*.

**Linear theory.** Replace $g$ by its tangent $g(0)+g'(0)y$ and ask for $\mathrm{Var}\,x_l=1$ in
every layer. Then $\mathrm Ex^2=1+g(0)^2$, $\mathrm{Var}\,y=c\,(1+g(0)^2)$ and
$\mathrm{Var}\,x=g'(0)^2\,\mathrm{Var}\,y$, so that $c=1/(g'(0)^2(1+g(0)^2))$.

**Exact theory.** Let the weights be Gaussian. Given $x_{l-1}$, the units of $y_l$ are independent
$N(0,s_l)$ with $s_l=\frac cN|x_{l-1}|^2$, so that a network is a Markov chain,
$s_{l+1}=\frac cN\sum_ig(\sqrt{s_l}z_i)^2$. Its mean step is the map $F(s)=c\,\mathrm E\,g(\sqrt
sz)^2$, exactly at every width, and its noise has the variance
$\frac{c^2}N\mathrm{Var}\,g(\sqrt sz)^2$. To first order in $1/N$ the chain has the moments

$$q_{l+1}=F(q_l),\qquad V_{l+1}=F'(q_l)^2V_l+\tfrac{c^2}N\mathrm{Var}\,g^2,\qquad
\delta_{l+1}=F'(q_l)\,\delta_l+\tfrac12F''(q_l)V_l,$$

$\mathrm Es_l=q_l+\delta_l$ and $\mathrm{Var}\,s_l=V_l$; any $h(s_l)$ has the mean
$h+h'\delta+\tfrac12h''V$ at $q_l$. Linear theory is the same with the tangent in the place of $g$.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from theory.gaussian_expectations import Activation, expectation

Values = NDArray[np.float64]

LARGEST_VARIANCE = 1 / 4
"""Of any variable between 0 and 1 (Popoviciu): that of a fair coin."""


class Line(NamedTuple):
    """The affine function `offset + slope * y`."""

    offset: float
    slope: float

    @property
    def activation(self) -> Activation:
        """The line as an activation."""
        return Activation(
            f"{self.offset:g} + {self.slope:g} y", lambda y: self.offset + self.slope * y
        )


@cache
def line_at_zero(activation: Activation) -> Line:
    """The tangent at 0 of an activation that is differentiable there."""
    value, slope = jax.jit(jax.value_and_grad(activation.function))(0.0)
    return Line(float(value), float(slope))


def tangent(activation: Activation) -> Activation:
    """What linear theory puts in the place of an activation."""
    return line_at_zero(activation).activation


def linearized_gain(activation: Activation) -> float:
    r"""$c=1/\big(g'(0)^2(1+g(0)^2)\big)$: 12.8 for the sigmoid, 1 (Xavier's) for tanh."""
    offset, slope = line_at_zero(activation)
    return 1 / (slope**2 * (1 + offset**2))


def gain_without_mean(activation: Activation) -> float:
    r"""$1/g'(0)^2$: the same, had $x$ the mean zero."""
    return 1 / line_at_zero(activation).slope ** 2


def variances_without_mean(offset: float, depth: int) -> Values:
    r"""$\mathrm{Var}\,x_l=1+l\,g(0)^2$, $l=1,\dots,L$, for affine $g$ at `gain_without_mean`.

    $\mathrm{Var}\,x_{l+1}=\mathrm Ex_l^2=\mathrm{Var}\,x_l+g(0)^2$, as $x_l$ has the mean $g(0)$
    in every layer; the input has this mean and the variance 1.

    Args:
        offset: $g(0)$.
        depth: $L$.
    """
    return np.asarray(1 + np.arange(1, depth + 1) * offset**2, np.float64)


def linear_fixed_point(activation: Activation) -> float:
    r"""$\mathrm{Var}\,y=1/g'(0)^2$, which linear theory wants: 16 for the sigmoid."""
    return linearized_gain(activation) * (1 + line_at_zero(activation).offset ** 2)


def relu_second_moments(gain: float, depth: int) -> Values:
    r"""$\mathrm E|y_l|^2/N=c\,(c/2)^{l-1}$, $l=1,\dots,L$, for ReLU and an input of mean square 1.

    Exact at every width: weights with a symmetric law make $y$ symmetric, half of whose second
    moment passes. The first layer reads the input, not a ReLU. With $c=2$ it is 2 in every layer,
    with Xavier's $c=1$ it is $2^{-(l-1)}$.
    """
    return np.asarray(gain * (gain / 2) ** np.arange(depth), np.float64)


class Expansion(NamedTuple):
    """A function of the variance at one point, and its first two derivatives there."""

    value: float
    slope: float
    curvature: float

    def mean(self, shift: float, variance: float) -> float:
        """Mean over an argument that lies `shift` off on average and has a small variance."""
        return self.value + self.slope * shift + self.curvature * variance / 2


class Layer(NamedTuple):
    r"""A layer whose weights have the variance $c/N$."""

    activation: Activation
    gain: float

    def variance_map(self, variance: float) -> float:
        r"""$F(q)=c\,\mathrm E\,g(\sqrt qz)^2$."""
        return self.gain * self.activation.second_moment(variance)

    def backward(self, variance: float) -> float:
        r"""$\chi(q)=c\,\mathrm E\,g'(\sqrt qz)^2$, the factor of squared gradients."""
        return self.gain * self.activation.derivative_second_moment(variance)

    def fixed_point(self) -> float:
        r"""The largest $q=F(q)$, for an activation that is bounded or has a contracting map."""
        above = 1.0
        while self.variance_map(above) >= above:
            above *= 2
        while self.variance_map(above / 2) < above / 2:
            above /= 2
        root = optimize.brentq(lambda q: self.variance_map(q) - q, above / 2, above, xtol=1e-13)
        return float(root)

    def step(self, variance: float) -> tuple[Expansion, float]:
        r"""The map and its derivatives at $q$, and $N$ times the variance of the chain's noise."""
        seen = _expand(self._square, variance, self.activation.kinks)
        noise = self.activation.fourth_moment(variance) - seen.value**2
        return Expansion(*(self.gain * part for part in seen)), self.gain**2 * noise

    def activation_variance(self, variance: float) -> Expansion:
        r"""$\mathrm{Var}\,g(\sqrt qz)$ and its derivatives."""
        square = _expand(self._square, variance, self.activation.kinks)
        mean = _expand(self.activation, variance, self.activation.kinks)
        return Expansion(
            square.value - mean.value**2,
            square.slope - 2 * mean.value * mean.slope,
            square.curvature - 2 * (mean.slope**2 + mean.value * mean.curvature),
        )

    def backward_expansion(self, variance: float) -> Expansion:
        r"""$\chi$ and its derivatives."""
        seen = _expand(self._squared_derivative, variance, self.activation.kinks)
        return Expansion(*(self.gain * part for part in seen))

    def overlap(self, variance: float) -> tuple[float, float]:
        r"""How a signal $x$ and its tangent $dx$ come to point the same way, by chance.

        The squared cosine of the angle between them obeys $\rho_{l+1}^2=A/N+B^2\rho_l^2$ with
        $A=\frac{\mathrm E\,g^2g'^2}{\mathrm E\,g^2\,\mathrm E\,g'^2}$ and
        $B^2=\frac{(\mathrm E\,gg'z)^2}{\mathrm E\,g^2\,\mathrm E\,g'^2}$: a sum of $N$ terms of
        random sign, and what was there before. It settles at $\frac1N\frac A{1-B^2}$.

        Returns:
            $A/(1-B^2)$, and $c\,\mathrm E\,g'^2(z^2-1)$, what a tangent along the signal gains.
        """
        square, passed = self._square, self._squared_derivative
        size = self._mean(square, variance) * self._mean(passed, variance)
        chance = self._mean(lambda x: square(x) * passed(x), variance) / size
        # Stein's formula for the mean of z g g', from that of x g g'.
        pushed = self._mean(
            lambda x: x * np.asarray(self.activation(x)) * self._derivative(x), variance
        )
        kept = pushed**2 / (variance * size)
        gained = self._mean(lambda x: passed(x) * (x**2 / variance - 1), variance)
        return chance / (1 - kept), self.gain * gained

    def _square(self, x: ArrayLike) -> Values:
        return np.asarray(self.activation(x)) ** 2

    def _squared_derivative(self, x: ArrayLike) -> Values:
        return self._derivative(x) ** 2

    def _derivative(self, x: ArrayLike) -> Values:
        return np.asarray(_compiled_derivative(self.activation)(jnp.asarray(x)))

    def _mean(self, function: Callable[[Values], ArrayLike], variance: float) -> float:
        return expectation(function, variance, self.activation.kinks)


def settled_gradient_factor(activation: Activation, gain: float) -> float:
    r"""$\chi$ in an infinitely wide deep network, whose variance has come to rest.

    For an affine activation it depends on no variance.
    """
    layer = Layer(activation, gain)
    line = line_at_zero(activation)
    if float(activation(1.0)) == line.offset + line.slope:
        return gain * line.slope**2
    return layer.backward(layer.fixed_point())


def gradient_keeping_gain(activation: Activation, above: float, below: float) -> float:
    r"""The gain between two at which $\chi=1$ in a settled network: 103 for the sigmoid."""
    root = optimize.brentq(
        lambda gain: settled_gradient_factor(activation, gain) - 1, above, below, xtol=1e-9
    )
    return float(root)


class Moments(NamedTuple):
    r"""The chain $s_1,\dots,s_L$ to first order in $1/N$; shape (layers,)."""

    limit: Values
    r"""$q_l$: the infinitely wide network."""
    shift: Values
    r"""$\delta_l$: how far the mean of a finite one lies off."""
    variance: Values
    r"""$V_l$."""
    resolution: Values
    r"""Where $s_l$ would be moved by a relative error of $1/N$ in the input and in every step."""


@cache
def moments(layer: Layer, start: float, depth: int, width: int) -> Moments:
    r"""Moments of the chain from $s_1=$ `start` on.

    Args:
        layer: activation and gain.
        start: variance of the first layer's units, $c\,|x_0|^2/N$.
        depth: $L$.
        width: $N$.
    """
    rows = [(start, 0.0, 0.0, start / width)]
    for _ in range(depth - 1):
        limit, shift, variance, resolution = rows[-1]
        ahead, noise = layer.step(limit)
        rows.append(
            (
                ahead.value,
                ahead.mean(shift, variance) - ahead.value,
                ahead.slope**2 * variance + noise / width,
                abs(ahead.slope) * resolution + ahead.value / width,
            )
        )
    return Moments(*np.array(rows).T)


class Expected(NamedTuple):
    """What is expected in layer after layer of a finite network; shape (layers,)."""

    value: Values
    """Prediction, correct to order 1/N."""
    margin: Values
    """What a relative error of 1/N in every step would come to."""


def preactivation_variance(layer: Layer, start: float, depth: int, width: int) -> Expected:
    r"""$\mathrm E|y_l|^2/N=\mathrm Es_l$. Arguments as in `moments`."""
    chain = moments(layer, start, depth, width)
    return Expected(chain.limit + chain.shift, chain.resolution)


def activation_variance(layer: Layer, start: float, depth: int, width: int) -> Expected:
    r"""Mean of the (unbiased) variance of $x_l$ over units. Arguments as in `moments`."""
    chain = moments(layer, start, depth, width)
    return _seen(chain, [layer.activation_variance(float(q)) for q in chain.limit], width)


def gradient_factor(layer: Layer, start: float, depth: int, width: int) -> Expected:
    r"""Mean of $|dy_{l+1}|^2/|dy_l|^2$, $l=1,\dots,L-1$.

    Given $y_l$, and a tangent $dy_l$ that is independent of it, this is $\chi(s_l)$ on average:
    the ratio costs nothing, because all units are alike. A tangent that overlaps with the signal
    by $\rho^2$ gains `Layer.overlap` besides. Arguments as in `moments`.
    """
    chain = moments(layer, start, depth - 1, width)
    expected = _seen(chain, [layer.backward_expansion(float(q)) for q in chain.limit], width)
    overlaps = np.array([math.prod(layer.overlap(float(q))) for q in chain.limit]) / width
    return Expected(expected.value + overlaps, expected.margin)


@cache
def _compiled_derivative(activation: Activation) -> Callable[[Array], Array]:
    """Differentiated once, not at every point where it is needed."""
    return jax.jit(jax.vmap(jax.grad(activation.function)))


def _seen(chain: Moments, expansions: list[Expansion], width: int) -> Expected:
    means = [e.mean(*at) for e, at in zip(expansions, zip(chain.shift, chain.variance, strict=True),
                                          strict=True)]  # fmt: skip
    values, slopes, _ = np.array(expansions).T
    return Expected(np.array(means), np.abs(slopes) * chain.resolution + values / width)


def _expand(
    function: Callable[[Values], ArrayLike], variance: float, kinks: tuple[float, ...]
) -> Expansion:
    r"""$\mathrm Ef(\sqrt qz)$ and derivatives in $q$, kinks allowed.

    The derivatives are taken of the Gaussian density:
    $\partial_q\mathrm Ef=\frac1{2q}\mathrm E(z^2-1)f$ and
    $\partial_q^2\mathrm Ef=\frac1{4q^2}\mathrm E(z^4-6z^2+3)f$.
    """

    def weighted(polynomial: Callable[[Values], Values]) -> float:
        return expectation(
            lambda x: np.asarray(function(x)) * polynomial(x**2 / variance), variance, kinks
        )

    return Expansion(
        expectation(function, variance, kinks),
        weighted(lambda z2: z2 - 1) / (2 * variance),
        weighted(lambda z2: z2**2 - 6 * z2 + 3) / (4 * variance**2),
    )


TANH_EXPONENT = -1.0
"""Power of the depth with which the variance of tanh networks falls at gain 1."""


def tanh_share(layer: ArrayLike) -> Values:
    r"""$\frac5{12}\frac{\log l}l$: by how much `tanh_asymptotic` lies above $1/2l$, relatively."""
    at = np.asarray(layer, float)
    return np.asarray(5 / 12 * np.log(at) / at)


def tanh_asymptotic(layers: ArrayLike) -> Expected:
    r"""$q_l$ for tanh at gain 1, far down: $\frac1{2l}\big(1+\frac5{12}\frac{\log l}l\big)$.

    $\tanh^2x=x^2-\tfrac23x^4+\tfrac{17}{45}x^6-\dots$ gives $F(q)=q-2q^2+\tfrac{17}3q^3-\dots$, so
    $\frac1{F(q)}=\frac1q+2-\tfrac53q+\dots$ and $\frac1{q_l}=2l-\tfrac56\log l+O(1)$ from any
    start. The margin is the size of the last term.
    """
    share, limit = tanh_share(layers), 1 / (2 * np.asarray(layers, float))
    return Expected(limit * (1 + share), limit * share)
