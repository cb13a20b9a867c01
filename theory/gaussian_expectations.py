r"""What a random layer does to Gaussian signals: expectations of an activation.

In a wide random network the pre-activations are Gaussian, so one layer is known by a few numbers
of its activation $\phi$: with $z\sim N(0,1)$ and $(u,v)$ standard Gaussian of correlation $c$,

- the variance map $q\mapsto\mathrm E\,\phi(\sqrt q z)^2$ (how large signals stay),
- its backward companion $\mathrm E\,\phi'(\sqrt q z)^2$ (how large gradients stay),
- the correlation map $c\mapsto\mathrm E\,\phi(\sqrt q u)\phi(\sqrt q v)$ (whether two inputs stay
  apart).

They are computed here for any activation that is smooth between known kinks, to about $10^{-13}$:
every kink is an end of a Gauss-Legendre panel, panels are at most one standard deviation wide, and
narrower where the activation varies faster than the Gaussian. Plain Gauss-Hermite quadrature with
100 nodes is wrong in the third digit for a ReLU.

For ReLU the maps are the arc-cosine kernels of Cho and Saul (2009), `relu_correlation` and
`step_correlation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Values = NDArray[np.float64]

TAIL = 13.0
"""Beyond so many standard deviations there is mass 1e-38: nothing."""
GRID = np.arange(-TAIL, TAIL + 1)
"""Ends of panels on the scale of the Gaussian."""
FINE = np.arange(-20.0, 21.0)
"""Ends of panels on the scale of the function."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True)
class Activation:
    """A function of one variable that is smooth between its kinks.

    It may be written in numpy or in `jax.numpy`; `derivative` needs the latter.
    """

    name: str
    function: Callable[[Array], Array]
    kinks: tuple[float, ...] = ()
    """Where it or its derivative jumps."""

    def __call__(self, x: ArrayLike) -> Array:
        """The activation, elementwise."""
        return self.function(jnp.asarray(x))

    def derivative(self, x: ArrayLike) -> Array:
        """Its derivative, elementwise; at a kink, one of the one-sided ones or a mean of them."""
        points = jnp.asarray(x, float)
        return jax.vmap(jax.grad(self.function))(points.ravel()).reshape(points.shape)

    def mean(self, variance: float = 1.0) -> float:
        r"""$\mathrm E\,\phi(\sqrt q z)$."""
        return expectation(self, variance, self.kinks)

    def second_moment(self, variance: float = 1.0) -> float:
        r"""$\mathrm E\,\phi(\sqrt q z)^2$: the variance map, up to the weights' variance."""
        return expectation(lambda x: self(x) ** 2, variance, self.kinks)

    def variance(self, variance: float = 1.0) -> float:
        r"""$\mathrm{Var}\,\phi(\sqrt q z)$: what is left of the second moment without the mean."""
        return self.second_moment(variance) - self.mean(variance) ** 2

    def fourth_moment(self, variance: float = 1.0) -> float:
        r"""$\mathrm E\,\phi(\sqrt q z)^4$: it sets the fluctuations of a finite layer."""
        return expectation(lambda x: self(x) ** 4, variance, self.kinks)

    def derivative_second_moment(self, variance: float = 1.0) -> float:
        r"""$\mathrm E\,\phi'(\sqrt q z)^2$: the backward factor, up to the weights' variance."""
        return expectation(lambda x: self.derivative(x) ** 2, variance, self.kinks)

    def correlation(self, cosine: float, variance: float = 1.0) -> float:
        r"""$\mathrm E\,\phi(\sqrt q u)\phi(\sqrt q v)$ with correlation $c$ of $u$ and $v$."""
        return product_expectation(self, self, cosine, variance, self.kinks)


def relu() -> Activation:
    r"""$\max(x,0)$."""
    return leaky_relu(0.0)


def leaky_relu(slope: float) -> Activation:
    r"""$x$ above 0 and `slope` times $x$ below."""
    return Activation(f"leaky ReLU {slope:g}", lambda x: jnp.where(x > 0, x, slope * x), (0.0,))


TANH = Activation("tanh", jnp.tanh)
SIGMOID = Activation("sigmoid", jax.nn.sigmoid)
SILU = Activation("SiLU", jax.nn.silu)
GELU = Activation("GELU", lambda x: jax.nn.gelu(x, approximate=False))


def relu_correlation(cosine: ArrayLike) -> Values:
    r"""$2\,\mathrm E\,u_+v_+=\frac1\pi\big(\sqrt{1-c^2}+c(\pi-\arccos c)\big)$.

    The correlation map of ReLU scaled to keep variances: $R(1)=1$, $R(0)=1/\pi$ (Cho, Saul 2009,
    the arc-cosine kernel of order 1).
    """
    c = np.clip(cosine, -1.0, 1.0)
    return np.asarray((np.sqrt(1 - c**2) + c * (np.pi - np.arccos(c))) / np.pi)


def step_correlation(cosine: ArrayLike) -> Values:
    r"""$2\,\mathrm P(u>0,v>0)=1-\arccos(c)/\pi$, the derivative of `relu_correlation`.

    The arc-cosine kernel of order 0: it multiplies gradients where `relu_correlation` multiplies
    signals.
    """
    return np.asarray(1 - np.arccos(np.clip(cosine, -1.0, 1.0)) / np.pi)


def expectation(
    function: Callable[[Values], ArrayLike], variance: float = 1.0, kinks: tuple[float, ...] = ()
) -> float:
    r"""$\mathrm E f(\sqrt q z)$ for $f$ of at most polynomial growth.

    Args:
        function: $f$, elementwise; between its kinks it is smooth on the scale 1.
        variance: $q$, above zero.
        kinks: where $f$ or a derivative of it jumps.
    """
    scale = np.sqrt(variance)
    z, weights = _panels(np.concatenate([GRID, (np.array([*kinks, *FINE]) / scale)]))
    return float(np.sum(np.asarray(function(scale * z)) * weights))


def product_expectation(
    first: Callable[[Values], ArrayLike],
    second: Callable[[Values], ArrayLike],
    cosine: float,
    variance: float = 1.0,
    kinks: tuple[float, ...] = (),
) -> float:
    r"""$\mathrm E f(\sqrt q u)g(\sqrt q v)$, with $u,v$ standard Gaussian of correlation $c$.

    Args:
        first: $f$, as in `expectation`.
        second: $g$.
        cosine: $c$ between -1 and 1.
        variance: $q$, above zero.
        kinks: where $f$ or $g$ or a derivative of them jumps.
    """
    scale, sine = np.sqrt(variance), np.sqrt(1 - cosine**2)
    if sine == 0:
        mirrored = tuple(cosine * kink for kink in kinks)
        return expectation(
            lambda x: np.asarray(first(x)) * np.asarray(second(cosine * x)),
            variance,
            (*kinks, *mirrored),
        )
    jumps = np.array([*kinks, *FINE]) / scale
    breaks = [GRID, jumps]
    if cosine != 0:
        # Given u, the average of g over v is g blurred by `sine`, seen at cosine * u.
        blurred = np.array(kinks)[:, None] / scale + sine * np.arange(-8, 9)
        breaks.append(blurred.ravel() / cosine)
    u, outer = _panels(np.concatenate(breaks))
    # v = cosine u + sine w with w independent of u; each u has panels of its own.
    moved = (jumps - cosine * u[:, None]) / sine
    w, inner = _panels(np.concatenate([np.broadcast_to(GRID, (u.size, GRID.size)), moved], axis=1))
    given = np.sum(np.asarray(second(scale * (cosine * u[:, None] + sine * w))) * inner, axis=1)
    return float(np.sum(np.asarray(first(scale * u)) * given * outer))


def _panels(breaks: Values) -> tuple[Values, Values]:
    """Nodes, and weights times the standard normal density, of panels between sorted breaks.

    Args:
        breaks: shape (..., breaks); what lies beyond `TAIL` is moved there.
    """
    ends = np.sort(np.clip(breaks, -TAIL, TAIL), axis=-1)
    middle, half = (ends[..., 1:] + ends[..., :-1]) / 2, (ends[..., 1:] - ends[..., :-1]) / 2
    nodes = middle[..., None] + half[..., None] * NODES
    weights = half[..., None] * WEIGHTS * stats.norm.pdf(nodes)
    shape = (*breaks.shape[:-1], -1)
    return nodes.reshape(shape), weights.reshape(shape)
