r"""Why the size of a hypernetwork's input is the size of all that it predicts.

Setting (Gonzalez Ortiz, Guttag, Dalca, ICLR 2024): a hypernetwork $h(e;w)=W_3\phi(W_2\phi(W_1e))$
reads an encoded hyperparameter $e=E(\gamma)$, $\gamma\in[0,1]^d$, and predicts all weights
$\theta=\theta_0+h$ of a primary network $f(x;\theta)$ with $K$ layers, ReLU and no biases. $\phi$
is a leaky ReLU of slope $a$, hidden layers have $H$ units, $\theta$ has $P$ entries. Biases are
zero at the start. By default $E(\gamma)=\gamma$ and $\theta_0=0$; a magnitude invariant
parametrization has $E(\gamma)=(\cos\frac{\pi\gamma}2,\sin\frac{\pi\gamma}2)$ for each coordinate
and a learned $\theta_0$. All but the first sentence of what follows is derived here.

**Powers.** $h(te)=t\,h(e)$ for $t>0$, so by default, and $d=1$, $\theta(\gamma)=\gamma\,\theta(1)$
and $f(x;h(\gamma;w))=\gamma^Kf(x;h(1;w))$. This holds for every $w$, hence for derivatives by $w$.
With $\theta_0\ne0$ instead, $\nabla_wf=\gamma\,(\partial_wh(1))^\top\nabla_\theta f(\theta_0+\gamma
h(1))$: the power falls to 1 as $\gamma\to0$, and no further.

**One law for all $\gamma$.** Gaussian $W_1$ do not feel a rotation of $e$, and moving along the
circle is one. So the law of $\theta$ and of the length of $\nabla_wf$ is the same at every
$\gamma$. In particular $\mathrm E|h|^2\propto|e|^2=d$. Likewise $\mathrm E|\partial_\gamma
h|^2=(\frac\pi2)^2\,\mathrm E|h|^2$ for $d=1$: a layer keeps the second moments of a signal and of
a direction alike.

**One network** still differs from $\gamma$ to $\gamma'$. With weights that keep second moments,
$Q=|h|^2/\mathrm E|h|^2$ has at $\gamma$ and $\gamma'$, whose encodings have the cosine $c$, the
covariance

$$C(c)=\frac{\kappa(c)+\kappa(\rho(c))}H+\frac2P\rho(\rho(c))^2+O(H^{-2}),$$

where for standard Gaussians $u,v$ of correlation $c$, $\rho(c)=\mathrm E\phi(u)\phi(v)/\mathrm
E\phi^2$ and $\kappa(c)=\mathrm{Cov}(\phi(u)^2,\phi(v)^2)/(\mathrm E\phi^2)^2$. For: given the layer
below, entries of a layer are independent Gaussians; a mean of $H$ squares adds $\kappa/H$, and the
next layer passes it on unchanged because $\phi$ is homogeneous; the last layer's $P$ squares have
no $\phi$. The variance of $Q$ along a set of points
is $C(1)$ less the mean of $C$ over its pairs. The next order is computed too (`next_covariance`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.finite_width import Slopes, preactivation_fluctuation
from theory.gaussian_expectations import relu_correlation

Values = NDArray[np.float64]
Numbers = Values | np.float64

RESIDUAL_EXPONENT = 1.0
"""The power that they tend to as $\\gamma\\to0$ where only a base weight is added."""
SPREAD_EXPONENT = -0.5
"""The power of $H$ that the coefficient of variation of $|h|^2$ on the circle follows."""
CIRCLE_SPEED = (np.pi / 2) ** 2
"""Mean square of $\\partial_\\gamma h$ over that of $h$ on the circle, for $d=1$."""


def exponents(layers: int) -> tuple[float, float, float]:
    r"""Powers of $\gamma$ in the predicted weights, the output, and the gradient: $1,K,K$."""
    return 1.0, float(layers), float(layers)


def gradient_noise(exponent: ArrayLike) -> Values:
    r"""$\mathrm E|g|^2/(\mathrm E|g|)^2$ for $|g|\propto\gamma^p$ and uniform $\gamma$.

    $\frac{(p+1)^2}{2p+1}$, which grows like $p/2$.
    """
    p = np.asarray(exponent, float)
    return np.asarray((p + 1) ** 2 / (2 * p + 1))


def squared_size(encoding: str, inputs: Values) -> Values:
    r"""$|E(\gamma)|^2$, to which the mean of $|h|^2$ is proportional.

    Args:
        encoding: 'none' for $\gamma$, 'complement' for $(\gamma,1-\gamma)$, 'circle'.
        inputs: $\gamma$, shape (points, d).
    """
    sizes = {
        "none": inputs**2,
        "complement": inputs**2 + (1 - inputs) ** 2,
        "circle": np.ones_like(inputs),
    }
    return np.asarray(np.sum(sizes[encoding], axis=-1))


def circle_cosines(inputs: Values) -> Values:
    r"""Cosines of all pairs of encodings on the circle.

    $\frac1d\sum_i\cos\frac\pi2(\gamma_i-\gamma'_i)$.

    Args:
        inputs: $\gamma$, shape (points, d).

    Returns:
        Shape (points, points).
    """
    return np.asarray(np.mean(np.cos(np.pi / 2 * (inputs[:, None] - inputs)), axis=-1))


def correlation(cosine: ArrayLike, slope: float) -> Values:
    r"""$\rho(c)=\mathrm E\phi(u)\phi(v)/\mathrm E\phi^2=\frac{2ac+(1-a)^2R(c)}{1+a^2}$.

    $R$ is the correlation map of ReLU, `gaussian_expectations.relu_correlation`.
    """
    c = np.asarray(cosine, float)
    return np.asarray((2 * slope * c + (1 - slope) ** 2 * relu_correlation(c)) / (1 + slope**2))


def squares_covariance(cosine: ArrayLike, slope: float) -> Values:
    r"""$\kappa(c)=\mathrm{Cov}(\phi(u)^2,\phi(v)^2)/(\mathrm E\phi^2)^2$.

    $\phi(u)^2=\frac{1+a^2}2u^2+\frac{1-a^2}2u|u|$, of which the even and the odd part are
    uncorrelated: $\kappa=2c^2+\big(\frac{1-a^2}{1+a^2}\big)^2\,\mathrm Eu|u|v|v|$ with
    $\mathrm Eu|u|v|v|=\frac2\pi\big[(1+2c^2)\arcsin c+3c\sqrt{1-c^2}\big]$.
    """
    c = np.clip(cosine, -1.0, 1.0)
    odd = 2 / np.pi * ((1 + 2 * c**2) * np.arcsin(c) + 3 * c * np.sqrt(1 - c**2))
    return np.asarray(2 * c**2 + ((1 - slope**2) / (1 + slope**2)) ** 2 * odd)


def products_variance(cosine: ArrayLike, slope: float) -> Values:
    r"""$\mathrm{Var}(\phi(u)\phi(v))/(\mathrm E\phi^2)^2=\kappa(c)+1-\rho(c)^2$."""
    return np.asarray(squares_covariance(cosine, slope) + 1 - correlation(cosine, slope) ** 2)


def square_and_product(cosine: ArrayLike, slope: float) -> Values:
    r"""$\mathrm{Cov}(\phi(u)^2,\phi(u)\phi(v))/(\mathrm E\phi^2)^2$.

    By Price's theorem $M(c)=\mathrm Eu_+^3v_+=\frac1{2\pi}\big[3c(\pi-\arccos c)
    +(2+c^2)\sqrt{1-c^2}\big]$, and $\mathrm E\phi(u)^3\phi(v)=(1+a^4)M(c)-(a+a^3)M(-c)$.
    """
    c = np.clip(cosine, -1.0, 1.0)

    def half(c: Numbers) -> Numbers:
        return (3 * c * (np.pi - np.arccos(c)) + (2 + c**2) * np.sqrt(1 - c**2)) / (2 * np.pi)

    moment = Slopes(1.0, slope).second_moment
    fourth = (1 + slope**4) * half(c) - (slope + slope**3) * half(-c)
    return np.asarray(fourth / moment**2 - correlation(c, slope))


def size_covariance(cosine: ArrayLike, slope: float, width: int, weights: int) -> Values:
    r"""$C(c)$, the covariance of $|h|^2/\mathrm E|h|^2$ at two points, to leading order.

    Args:
        cosine: of the two encodings.
        slope: $a$ of the leaky ReLU.
        width: $H$, of both hidden layers.
        weights: $P$, predicted ones.
    """
    once = correlation(cosine, slope)
    twice = correlation(once, slope)
    hidden = squares_covariance(cosine, slope) + squares_covariance(once, slope)
    return np.asarray(hidden / width + 2 / weights * twice**2)


def next_covariance(cosine: ArrayLike, slope: float, width: int, weights: int) -> Values:
    r"""What the next order in $1/H$ and $1/P$ adds to `size_covariance`; same arguments.

    Given the first layer, whose normalized mean squares and product are $p,p',r$, the rest of $C$
    is the mean of $\frac1HF$, $F=pp'\kappa(\hat r)$ with $\hat r=r/\sqrt{pp'}$, and of
    $\frac2P(G^2+\frac1Hpp'\sigma^2(\hat r))$, $G=\sqrt{pp'}\rho(\hat r)$, with the variance
    $\sigma^2$ of a product. Means of $F$ and $G^2$ differ from their values at the mean by half
    their second derivatives times the covariance of $(p,p',r)$. At $c=1$ the result is known:
    $(1+\beta/H)^2(1+2/P)-1$ less its first order.
    """
    c = np.asarray(cosine, float)
    beta = Slopes(1.0, slope).fluctuation
    at = np.stack([np.ones_like(c), np.ones_like(c), correlation(c, slope)])
    own = np.full_like(c, beta)
    shared, mixed = squares_covariance(c, slope), square_and_product(c, slope)
    spread = [
        [own, shared, mixed],
        [shared, own, mixed],
        [mixed, mixed, products_variance(c, slope)],
    ]

    def of_squares(p: Values) -> Numbers:
        return p[0] * p[1] * squares_covariance(p[2] / np.sqrt(p[0] * p[1]), slope)

    def of_products(p: Values) -> Numbers:
        return p[0] * p[1] * correlation(p[2] / np.sqrt(p[0] * p[1]), slope) ** 2

    def bent(function: Callable[[Values], Numbers]) -> Numbers:
        step = 1e-3
        shifts = step * np.eye(3).reshape(3, 3, *[1] * c.ndim)
        curved = np.zeros_like(c)
        for i in range(3):
            for j in range(3):
                ends = [
                    s * t * function(at + s * shifts[i] + t * shifts[j])
                    for s in (-0.5, 0.5)
                    for t in (-0.5, 0.5)
                ]
                curved = curved + 4 * sum(ends) / step**2 * spread[i][j] / 2
        return curved

    product = bent(of_products) + products_variance(correlation(c, slope), slope)
    apart = bent(of_squares) / width**2 + 2 / weights * product / width
    exact = preactivation_fluctuation(Slopes(1.0, slope), (width, width, weights)) - 1
    together = exact - float(size_covariance(1.0, slope, width, weights))
    return np.asarray(np.where(np.isclose(c, 1.0), together, apart))


def size_variance(cosines: Values, slope: float, width: int, weights: int) -> tuple[float, float]:
    r"""Mean over networks of the variance of $|h|^2/\mathrm E|h|^2$ along a set of points.

    $C(1)$ less the mean of $C$ over all pairs.

    Args:
        cosines: of all pairs of encodings, shape (points, points); unless they coincide, points
            are some degrees apart.
        slope, width, weights: as in `size_covariance`.

    Returns:
        The leading order in $1/H$ and $1/P$, and what the next one adds.
    """
    first = size_covariance(cosines, slope, width, weights)
    second = next_covariance(cosines, slope, width, weights)
    leading, following = (float(np.mean(np.diagonal(c)) - np.mean(c)) for c in (first, second))
    return leading, following
