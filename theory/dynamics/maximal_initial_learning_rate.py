r"""How sharp a deep ReLU network starts, and how its largest learning rate scales with its shape.

Setting: $f(x)=W_{L+1}h_L$, $h_l=\mathrm{relu}(W_lh_{l-1})$, $h_0=x\in\mathbb R^d$, $L$ hidden
layers of width $n$, no biases, independent Gaussian weights of variance $g/$fan-in, the readout's
too; He's initialization has $g=2$ (Iyer, Hanin, Rolnick, ICML 2023). Inputs have $|x|^2=qd$.

**Squared gradients** (`squared_gradients`). By the symmetry of Gaussian weights the gates
$1\{W_lh_{l-1}>0\}$ are fair coins, independent of everything that enters the mean squares, at
every finite width. So $E|h_l|^2=nq(g/2)^l$ for $l\ge1$, and an error that comes back from the
output has $E|\delta_l|^2=(g/2)^{L+1-l}$. The gradient of a layer is $\delta_lh_{l-1}^\top$, and
what it is made of uses different weights. So $E|\partial f/\partial W_l|^2=nq(g/2)^L$ for
$l=2,\dots,L+1$ and $qd(g/2)^L$ for the input layer: with He's weights all but the input layer add
up to $Lnq$, depth times width. The input layer does not grow with it and spoils the law where $d$
or its learning rate is large. That is why it is trained slowly.

**Sharpness** (`sharpness`). For the squared loss $\frac1{2N}\sum(f-y)^2$ the Gauss-Newton part of
the Hessian has the nonzero eigenvalues of $K/N$ with
$K_{ij}=\langle\nabla f(x_i),\nabla f(x_j)\rangle$. Its trace is $Lnq$ on average, which bounds
$E\lambda_1$ at every width. In the limit of infinite width $K/n$ is the tangent kernel
$$\Theta_L=\sum_{l=1}^LS_l\prod_{k=l}^{L-1}\kappa_0(\rho_k),\qquad S_l=\sqrt{q_iq_j}\,\rho_l,\quad
\rho_l=\kappa_1(\rho_{l-1}),$$
with the arc-cosine kernels $\kappa_0,\kappa_1$ and the inputs' cosines $\rho_0$; term $l$ belongs
to $W_{l+1}$.

**Finite width** (`log_variance`, `jensen_gap`). A layer multiplies $|h|^2$ by
$\frac2n\sum(z_i)_+^2$, of relative variance $5/n$, so squared gradients are about lognormal, of
variance at most $5L/n$: condition (i), $n\gg L$, keeps it small. Half of it, $\frac52L/n$, is the
order of two things: of the Jensen gap of a convex function of the kernel, such as its largest
eigenvalue, and of how far a typical logarithm lies below that of the mean.

**The largest rate** (`log_rate`, `WIDTH_EXPONENTS`, `width_share`). With squared loss and rates of
order $1/n$ the training of a wide network is that of its kernel, or a catapult whose size the
kernel decides; beyond that residuals and gradients blow each other up. So
$\eta^*\sim1/\lambda_1\sim(Ln)^{-1}$, for a typical network $\frac52L/n$ higher in the logarithm.
With cross-entropy residuals are bounded. Outputs may grow, and what limits the rate is the relative
change $\eta|h_{l-1}||\delta_l|/\|W_l\|\sim\eta\sqrt n$ of each layer, which compounds over $L$
layers: $\eta^*\sim1/(L\sqrt n)$. (The two width exponents are those of Haas et al., NeurIPS 2025,
arXiv:2505.22491; the depth exponents are derived here.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from theory.gaussian_expectations import relu_correlation, step_correlation

Values = NDArray[np.float64]

Shape = tuple[int, int]
"""Depth and width."""

HE_GAIN = 2.0
"""Variance of the weights times fan-in at which ReLU layers keep lengths."""

QUADRATIC_LIMIT = 2.0
r"""Gradient descent on a quadratic converges iff $\eta\lambda_1<2$."""
CATAPULT_LIMIT = 4.0
r"""Largest $\eta\lambda_1$ at which wide *linear* networks with one hidden layer converge after a
catapult, in the squared loss (Lewkowycz et al., 2020, arXiv:2003.02218)."""

WIDTH_EXPONENTS: Mapping[str, float] = {"squared": -1.0, "cross_entropy": -0.5}
r"""Exponent $b$ of $\eta^*\sim n^b$ at fixed depth, by loss."""
BETWEEN_LAWS = 0.25
"""Half of the distance between these exponents: closer to one is further from the other."""


def squared_gradients(
    depth: int, width: int, dimension: int, second_moment: float = 1.0, gain: float = HE_GAIN
) -> Values:
    r"""Mean $|\partial f/\partial W_l|^2$ for $l=1,\dots,L+1$; exact.

    Args:
        depth: hidden layers $L$.
        width: their units $n$.
        dimension: of the inputs, $d$.
        second_moment: $q=|x|^2/d$.
        gain: $g$.
    """
    layers = np.full(depth + 1, float(width))
    layers[0] = dimension
    return second_moment * (gain / 2) ** depth * layers


def squared_gradient(
    depth: ArrayLike, width: ArrayLike, second_moment: float = 1.0, gain: ArrayLike = HE_GAIN
) -> Values:
    r"""Mean $|\nabla f|^2$ without the input layer: $Lnq(g/2)^L$; bounds $E\lambda_1$."""
    layers, units = np.asarray(depth, float), np.asarray(width, float)
    return np.asarray(layers * units * second_moment * (np.asarray(gain, float) / 2) ** layers)


def tangent_kernel(
    inputs: Float[np.ndarray, "n dimension"], depth: int
) -> Float[np.ndarray, "n n"]:
    r"""$\Theta_L$: the tangent kernel of all but the input layer, over width, as $n\to\infty$."""
    lengths = np.linalg.norm(inputs, axis=1)
    second_moments = np.outer(lengths, lengths) / inputs.shape[1]
    cosines = relu_correlation((inputs @ inputs.T) / np.outer(lengths, lengths))
    # Of the readout; every further layer adds its own and sends the others' errors back.
    kernel = second_moments * cosines
    for _ in range(depth - 1):
        kernel = kernel * step_correlation(cosines)
        cosines = relu_correlation(cosines)
        kernel += second_moments * cosines
    return kernel


def sharpness(inputs: Float[np.ndarray, "n dimension"], depth: int, width: int) -> float:
    r"""$\lambda_1=n\lambda_{\max}(\Theta_L)/N$ of the squared loss; relative error $O(L/n)$."""
    kernel = tangent_kernel(inputs, depth)
    return float(width * np.linalg.eigvalsh(kernel)[-1] / len(kernel))


def log_variance(depth: ArrayLike, width: ArrayLike) -> Values:
    r"""$5L/n$: a bound on the variance of the logarithm of squared gradients."""
    return np.asarray(5 * np.asarray(depth, float) / np.asarray(width, float))


def jensen_gap(depth: ArrayLike, width: ArrayLike) -> Values:
    r"""Half of `log_variance`: relative order of what a finite width adds to $E\lambda_1$."""
    return np.asarray(log_variance(depth, width) / 2)


def log_rate(depth: ArrayLike, width: ArrayLike) -> Values:
    r"""Mean of $\log\eta^*$ with squared loss up to a constant: $-\log(Ln)+\frac52L/n$.

    $\lambda_{\max}(\Theta_L)/L$ is taken as constant, which it is to a few percent for images.
    """
    product = np.asarray(depth, float) * np.asarray(width, float)
    return np.asarray(jensen_gap(depth, width) - np.log(product))


DEPTH_TIMES_WIDTH = 1.0
r"""Share $b$ of the width in $\eta^*\sim1/(Ln^b)$, see `width_share`; $L\sqrt n$ has $\frac12$."""


def width_share(log_ratio: ArrayLike) -> Values:
    r"""$b$ if $\eta^*\sim1/(Ln^b)$, from $\log\frac{\eta^*(2L,n)}{\eta^*(L,2n)}=(b-1)\log2$.

    Networks with the same $Ln$, one twice as deep and half as wide as the other. Fluctuations only
    add to $b$: typical gradients are smaller than their mean, the more so the deeper and narrower
    the network.
    """
    return np.asarray(1 + np.asarray(log_ratio, float) / np.log(2))


def exponents(
    shapes: Sequence[Shape], log_values: Float[np.ndarray, "*runs shapes"]
) -> Float[np.ndarray, "*runs 2"]:
    r"""Least-squares exponents of depth and width, $\log y=a+b_L\log L+b_n\log n$.

    Args:
        shapes: depths and widths, at least three that are not on a line.
        log_values: $\log y$ at each of them.
    """
    regressors = np.column_stack([np.ones(len(shapes)), np.log(np.array(shapes, float))])
    return np.asarray(log_values @ np.linalg.pinv(regressors).T)[..., 1:]


def product_exponent(
    shapes: Sequence[Shape], log_values: Float[np.ndarray, "*runs shapes"]
) -> Float[np.ndarray, "*runs"]:
    r"""Least-squares exponent of depth times width, $\log y=a+b\log(Ln)$; arguments as above."""
    products = np.log(np.prod(np.array(shapes, float), axis=1))
    centred = products - products.mean()
    return np.asarray(log_values @ centred / (centred @ centred))
