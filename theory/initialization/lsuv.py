r"""Layer-sequential unit variance: what dividing by a measured standard deviation leads to.

Setting (Mishkin, Matas 2016): a layer's weights begin orthonormal and are divided by the standard
deviation of the layer's output $B=xW$, taken over a batch and all units, until it is 1; then comes
the next layer, which reads $\phi(B)$.

- $B$ is linear in $W$: without a bias one division is enough. With a bias that is uncorrelated
  with the output, $\mathrm{Var}(sB+b)=u+\beta^2$ with $u=s^2\mathrm{Var}B$, and a division takes
  $u$ to $u/(u+\beta^2)$, that is $1/u$ to $1+\beta^2/u$: a geometric sequence of ratio $\beta^2$.
- As width and batch grow, $B$ becomes standard Gaussian, and the scale of a layer
  $1/\sqrt{\mathrm E\phi(z)^2}$. With a maxout of two pieces $\max(z_1,z_2)^2+\min(z_1,z_2)^2
  =z_1^2+z_2^2$ gives 1, since $\min(z_1,z_2)=-\max(-z_1,-z_2)$.
- The variance over a batch *and all units* counts differences between units that no input
  changes. The part $V_l=1-c_l$ that differs between inputs obeys, for ReLU, $c_{l+1}=R(c_l)$ with
  the arc-cosine map $R$. Near 1, $R(1-e)=1-e+ae^{3/2}+O(e^{5/2})$ with $a=\frac{2\sqrt2}{3\pi}$,
  so that $V_l\to\frac4{a^2l^2}=\frac{9\pi^2}{2l^2}$.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from theory.gaussian_expectations import Activation, step_correlation

Values = NDArray[np.float64]

MAXOUT_GAIN = 1.0
"""Of a maxout with two pieces."""
COLLAPSE_EXPONENT = -2.0
"""Power of the depth with which the variance over inputs falls in a ReLU network."""


def gain(activation: Activation) -> float:
    r"""$1/\sqrt{\mathrm E\phi(z)^2}$, the scale of a layer that reads this activation."""
    return activation.second_moment() ** -0.5


def centred_gain(activation: Activation) -> float:
    r"""$1/\sqrt{\mathrm{Var}\,\phi(z)}$, what it would be had each unit's mean been removed."""
    return activation.variance() ** -0.5


def fluctuation(activation: Activation) -> float:
    r"""$\mathrm E\phi^4/(\mathrm E\phi^2)^2-1$, $N$ times the relative variance of $|x|^2$."""
    return activation.fourth_moment() / activation.second_moment() ** 2 - 1


def variances_with_bias(first: float, bias_variance: float, divisions: int) -> Values:
    r"""$\mathrm{Var}(sB+b)$ before and after each division by its root, shape (divisions + 1,).

    $u_t=\big(A_t+\beta^{2t}/u_0\big)^{-1}$ with $A_t=1+\beta^2+\dots+\beta^{2(t-1)}$: it tends to
    $1-\beta^2$, variance 1, if $\beta^2<1$; else to 0, variance $\beta^2$, and never gets to 1.

    Args:
        first: $u_0=\mathrm{Var}B$ before.
        bias_variance: $\beta^2$.
        divisions: how many.
    """
    powers = float(bias_variance) ** np.arange(divisions + 1)
    sums = np.concatenate([np.zeros(1), np.cumsum(powers)[:-1]])
    return np.asarray(1 / (sums + powers / first) + bias_variance, np.float64)


def next_input_variance(variance: float) -> float:
    r"""$1-R(1-V)=\frac1\pi\big((\pi-\alpha)V+\alpha-\sin\alpha\big)$ with $V=2\sin^2(\alpha/2)$.

    In terms of $V$, not of the correlation, which at $10^5$ layers differs from 1 in the ninth
    digit.
    """
    angle = 2 * math.asin(math.sqrt(variance / 2))
    return ((math.pi - angle) * variance + angle - math.sin(angle)) / math.pi


def input_variances(depth: int) -> Values:
    r"""$V_1,\dots,V_L$ of a wide ReLU network whose inputs are uncorrelated: $V_1=1$."""
    variances = [1.0]
    for _ in range(depth - 1):
        variances.append(next_input_variance(variances[-1]))
    return np.array(variances)


def input_variance_margins(depth: int, width: int) -> Values:
    r"""What a relative error of $5/N$ in each layer's $V_l$ would come to.

    This is the relative variance of $|x|^2$ in a ReLU layer of $N$ units; what a layer gets wrong,
    the next one passes on by $R'(c)$.

    Args:
        depth: $L$.
        width: $N$.
    """
    variances = input_variances(depth)
    margins = [5 / width * variances[0]]
    for before, after in itertools.pairwise(variances):
        passed = float(step_correlation(1 - before)) * margins[-1]
        margins.append(passed + 5 / width * after)
    return np.array(margins)


def collapse_constant() -> float:
    r"""$\lim l^2V_l=\frac{9\pi^2}2$."""
    return 9 * math.pi**2 / 2


def collapse_share(layer: int, start: float) -> float:
    r"""By what share $V_l$ lies below its limit $\frac{9\pi^2}{2l^2}$, far down.

    For the angle $\alpha$ with $V=1-\cos\alpha$ the recursion is
    $\alpha-b\alpha^2-\frac{b^2}2\alpha^3+\dots$, $b=\frac1{3\pi}$, so that $\frac1{\alpha_l}=bl+
    \frac32b\log l+C$ with $C$ about $\frac1{\alpha_1}$, and the share is
    $\frac1l\big(3\log l+\frac{6\pi}{\alpha_1}\big)$ to first order.

    Args:
        layer: $l$.
        start: $V_1$.
    """
    return (3 * math.log(layer) + 6 * math.pi / math.acos(1 - start)) / layer
