r"""The weight variance that keeps signals and gradients of rectifier networks alive.

Setting (He, Zhang, Ren, Sun, ICCV 2015): layers $y_l=W_l\,\phi(y_{l-1})$ with the rectifier
$\phi(y)=\max(y,0)+a\min(y,0)$ (ReLU $a=0$, PReLU $a>0$), no biases, weights independent and
symmetric around zero with variance $v_l$. A filter reads $n_l$ numbers (*fan-in*, $k^2c_l$ with
$c_l$ input channels) and each of its inputs is read $\hat n_l$ times (*fan-out*, $k^2d_l$ with
$d_l$ filters).

Signals: flipping the sign of a filter's weights flips $y$, so $y$ is symmetric and
$\mathrm E\phi(y)^2=\tfrac12(1+a^2)\,\mathrm Ey^2$, whatever its law and whatever the width. So
$\mathrm Ey_l^2=\tfrac12(1+a^2)\,n_lv_l\,\mathrm Ey_{l-1}^2$, except that the first layer reads the
input, not a rectifier, and lacks the factor $\tfrac12(1+a^2)$.

Gradients: let the gradient at the top be white (uncorrelated, all components as large). Given the
layers below, the rows of $W_l$ are independent and symmetric, and a flip exchanges the two slopes
of $\phi'(y_l)$; so $W_l^\top\phi'(y_l)$ maps white to white and multiplies the second moment by
$\tfrac12(1+a^2)\,\hat n_lv_l$, again exactly, although mask and weights are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theory.finite_width import Slopes

Values = NDArray[np.float64]

Rule = Literal["fan_in", "fan_out"]
"""Which count the weight variance is made for: of what signals, or what gradients need."""

FILTER_SIDE = 3
VGG_CHANNELS = (64, 64, 128, 128, 256, 256, 512, 512, 512, 512)
"""Filters of the ten convolutions of the network that the paper takes as its example."""
PAPER_DEVIATION = 0.01
"""The fixed standard deviation that was customary."""
PAPER_SHRINKAGE = 1.7e4
"""What the paper gives for `gradient_shrinkage` of this network at standard deviation 0.01."""


def preserving_gain(slope: float) -> float:
    r"""$\mathrm{fan}\cdot\mathrm{Var}(w)=2/(1+a^2)$: 2 for ReLU, 1 (Xavier) for a linear net."""
    return 1 / Slopes(1.0, slope).second_moment


def layer_factor(slope: float, gain: float) -> float:
    r"""$\tfrac12(1+a^2)\,n_lv_l$, by which a layer multiplies the mean square of signals.

    Args:
        slope: $a$.
        gain: $n_lv_l$.
    """
    return gain * Slopes(1.0, slope).second_moment


def signal_second_moments(widths: Sequence[int], rule: Rule) -> Values:
    r"""$\mathrm Ey_l^2$ per unit, $l=1,\dots,L$, at inputs of mean square 1.

    With $v_l=2/((1+a^2)n_l)$ it is $2/(1+a^2)$ in every layer. With $\hat n_l$ in the place of
    $n_l$ the widths telescope: $\mathrm Ey_l^2=\frac2{1+a^2}\,c_1/d_l$, which depends on the two
    ends alone, not on how many layers lie between. Here for ReLU, $a=0$.

    Args:
        widths: of the input and of all layers.
        rule: which count the variance is made for.
    """
    ends = np.asarray(widths, float)
    return 2 * (np.ones(len(ends) - 1) if rule == "fan_in" else ends[0] / ends[1:])


def gradient_second_moments(widths: Sequence[int], rule: Rule) -> Values:
    r"""Mean square of the gradient at $\phi(y_l)$, $l=1,\dots,L$, where it is 1 at $l=L$.

    With $v_l=2/((1+a^2)\hat n_l)$ it is 1 everywhere, with $n_l$ it is $d_L/d_l$: again a ratio of
    two widths, whatever the depth. Arguments as in `signal_second_moments`.
    """
    ends = np.asarray(widths, float)
    return ends[-1] / ends[1:] if rule == "fan_in" else np.ones(len(ends) - 1)


def filter_deviations(channels: Sequence[int], rule: Rule) -> Values:
    r"""$\sqrt{2/\mathrm{fan}}$ of the 3 by 3 convolutions between these numbers of channels."""
    fans = channels[:-1] if rule == "fan_in" else channels[1:]
    return np.sqrt(2 / (FILTER_SIDE**2 * np.asarray(fans, float)))


def gradient_shrinkage(channels: Sequence[int], deviation: float, rule: Rule = "fan_out") -> float:
    r"""How many times smaller a fixed standard deviation makes the gradient at the input.

    ReLU networks are homogeneous in each layer's weights, so that with the same draws gradients
    are in the exact ratio $\prod_l\sqrt{2/\mathrm{fan}_l}/\sigma$.

    Args:
        channels: before and after each convolution.
        deviation: $\sigma$.
        rule: which count the other standard deviation is made for.
    """
    return float(np.prod(filter_deviations(channels, rule) / deviation))


def border_factor(side: int, layers: int) -> float:
    r"""What zero padding leaves of the gradient's mean square after some 3 by 3 convolutions.

    Along one axis a pixel is read by its neighbours and itself, those that exist: the profile of
    the mean square is multiplied by a tridiagonal matrix $T$ of $\tfrac13$. Two axes and $L$ layers
    leave $(\mathbf 1^\top T^L\mathbf 1/S)^2$. One layer: $((3S-2)/3S)^2$. More layers lose less
    than that each, since what is left lies in the middle; asymptotically
    $\tfrac19(1+2\cos\frac\pi{S+1})^2$ a layer. With circular padding the factor is 1.

    Args:
        side: $S$, pixels along each axis, 2 at least.
        layers: $L$.
    """
    ends = np.ones(side - 1)
    neighbours = (np.eye(side) + np.diag(ends, 1) + np.diag(ends, -1)) / FILTER_SIDE
    ones = np.ones(side)
    return float(ones @ np.linalg.matrix_power(neighbours, layers) @ ones / side) ** 2


def start_ratios(depth: int, gain_ratio: float) -> Values:
    r"""Output, and its gradient at the first layer, relative to those from another gain.

    With the same draws the weights of all $L$ hidden layers are in the ratio $\sqrt\rho$ and the
    readout is the same: outputs are in the ratio $\rho^{L/2}$, and the gradient of any fixed
    linear function of them at $W_1$ in the ratio $\rho^{(L-1)/2}$. Xavier against He is
    $\rho=\tfrac12$: $2^{-15}$ and $2^{-14.5}$ at 30 layers.

    Args:
        depth: $L$.
        gain_ratio: $\rho$.
    """
    return gain_ratio ** (np.array([depth, depth - 1]) / 2)


def silent_loss(classes: int) -> float:
    r"""$\log C$, the cross-entropy of a network that says nothing."""
    return math.log(classes)


def stalled_loss(classes: int, depth: int) -> float:
    r"""The cross-entropy above which a ReLU net from Xavier's variance has not moved.

    Outputs begin at $2^{-L/2}$ of a healthy size and gradients at $2^{-(L-1)/2}$; a run as long as
    a healthy one needs changes the loss by less than the latter share: $\log C\,(1-2^{-(L-1)/2})$.
    """
    return silent_loss(classes) * (1 - float(start_ratios(depth, 0.5)[1]))
