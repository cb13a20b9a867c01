r"""How many directions of parameter space a ReLU network's function depends on.

A fully connected network of widths $(n_0;n_1,\ldots,n_L;1)$ has
$D=\sum_ln_l(n_{l-1}+1)+n_L+1$ parameters. Its *functional dimension* $\dim\theta$ is the largest
rank of $\partial f_\theta(x_i)/\partial\theta$ on finite sets of inputs; vectors that all rows
vanish on are symmetries, to first order.

**Rescaling.** Multiplying what enters a unit by $c>0$ and dividing what leaves it changes nothing:
one symmetry for each unit, independent if no bias vanishes, as each is alone in changing its unit's
bias. So $\dim\theta\le M:=D-\sum_ln_l$. All further symmetries are *hidden*.

**Kinks.** Let $\dot\theta$ be a symmetry, $g_k$ the derivative of $f$ by the output of unit $k$,
and $\dot z_k$ what $\dot\theta$ makes of its pre-activation $z_k$. On both sides of a kink an
affine function has to vanish; so does their difference, $g_k\dot z_k$ plus a multiple of $z_k$:
*where a kink is seen, $g_k\ne0$, a symmetry does not move it*, $\dot z_k=\lambda z_k$.

- *One hidden layer* of different hyperplanes, all output weights other than zero: all kinks are
  seen, weights and bias of each unit change by its $\lambda_k$ only, and so does its output weight,
  by $-\lambda_k$. Nothing is hidden, $\dim\theta=M=n_1(n_0+1)+1$.
- *Leaky units and widths that do not increase*: each layer maps onto all of its space, each unit
  bends there, and $g_k\ne0$ almost surely. Nothing is hidden, layer by layer, at any depth.

**Two hidden layers**, $(n_0;n,m;1)$ with $n\le n_0$. The first layer's outputs $h$ fill the orthant
$h\ge0$. With weights $u_j$ and bias $c_j$, a unit of the second is *on* if these $n+1$ numbers are
positive, *dead* if they are negative, and else *bent*: it has a kink in $h>0$, where all of its
weights are read off. Units that are on add up to one affine function of $h$. The kink of unit $k$
of the first layer is seen where $h_k=0$ and a unit of the second is active, so it is hidden if and
only if $c_j<0$ and $u_{ji}<0$ for all $j$ and all $i\ne k$. Its place is then free: its bias trades
against the $c_j$. With $A$ units on, $B$ bent, and $E$ hidden kinks,

$$\dim\theta=n\,n_0+B(n+1)+n[A\ge1]+1-E,\qquad\text{and }1\text{ if }A=B=0.$$

It is $M$ if and only if $B=m$ and $E=0$. With independent symmetric signs the first has the
probability $(1-2^{-n})^m$, and $E=1$ (more are impossible then) means one of $n$ tables of signs:

$$P=(1-2^{-n})^m-n\,2^{-(n+1)m},$$

whatever $n_0\ge n$. For $m=n$ this tends to one.

**Deeper.** Beyond the first layer, a unit whose weights and bias have one sign never switches. If
it is on, its bias trades against those of the next layer; if it is dead, its bias does nothing.
These symmetries change biases only, as no rescaling does, and the first bias that each changes is
its own unit's: they are independent of each other and of rescaling. So each such unit costs a
dimension, $\dim\theta\le M-S$, and

$$P\le\prod_{l\ge2}(1-2^{-n_{l-1}})^{n_l}.$$

**Width alone.** At a fixed $n_0$, a unit of the second layer sees, as $n\to\infty$, a Gaussian
process on the half sphere of directions of $(x,1)$. With a positive probability it is negative on
all of it: the part that all directions share, in proportion to the sum of the unit's weights, can
exceed what remains. Each of $m$ units must avoid this, so that $P\to0$ as both widths grow, though
no layer is narrow. (More often a unit is active somewhere, but only where some unit of the first
layer is off, and the weight between them does nothing.) For $n_0\ge n$ that probability is
$2^{-n-1}$.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Architecture = tuple[int, ...]
"""Inputs, widths of the hidden layers, and one output."""
Counts = NDArray[np.int64]


def parameters(architecture: Architecture) -> int:
    """Number of weights and biases."""
    return sum((inputs + 1) * units for inputs, units in pairwise(architecture))


def largest_dimension(architecture: Architecture) -> int:
    """Parameters less hidden units: the functional dimension where no symmetry is hidden."""
    return parameters(architecture) - sum(architecture[1:-1])


def units_of_one_sign(signs: ArrayLike) -> Counts:
    """How many units have weights and bias of one sign.

    Args:
        signs: of weights and biases, shape (networks, units, numbers).
    """
    total = np.sum(np.sign(signs), axis=-1)
    return np.sum(np.abs(total) == np.shape(signs)[-1], axis=-1)


def two_layer_dimension(signs: ArrayLike, inputs: int) -> Counts:
    """Functional dimension of networks of two hidden layers, the first not wider than the input.

    Args:
        signs: of the second layer, biases last; shape (networks, m, n + 1).
        inputs: of the network.
    """
    return two_layer_dimension_if_all_kinks_are_seen(signs, inputs) - _hidden_kinks(signs)


def two_layer_dimension_if_all_kinks_are_seen(signs: ArrayLike, inputs: int) -> Counts:
    """The same without the term of hidden kinks, which is a mistake."""
    positive = np.asarray(signs) > 0
    n = positive.shape[-1] - 1
    on, dead = np.all(positive, axis=-1), np.all(~positive, axis=-1)
    bent = np.sum(~on & ~dead, axis=-1)
    some_on = np.any(on, axis=-1)
    return np.where(np.all(dead, axis=-1), 1, n * inputs + bent * (n + 1) + n * some_on + 1)


def _hidden_kinks(signs: ArrayLike) -> Counts:
    """How many kinks of the first layer are hidden, where the second is not dead."""
    positive = np.asarray(signs) > 0
    n = positive.shape[-1] - 1
    # Of a unit's positive numbers none may be another one's than k's.
    others = np.sum(positive, axis=-1, keepdims=True) - positive[..., :n]
    hidden = np.sum(np.all(others == 0, axis=-2), axis=-1)
    return np.where(np.any(positive, axis=(-2, -1)), hidden, 0)


def two_layer_probability(n: int, m: int) -> float:
    """Of no hidden symmetry, for widths n and m and independent symmetric signs."""
    return float((1 - 2.0**-n) ** m - n * 2.0 ** (-(n + 1) * m))


def two_layer_probability_if_only_dead_units_matter(n: int, m: int) -> float:
    """A rival to it: symmetries come from dead units alone."""
    return float((1 - 2.0 ** -(n + 1)) ** m)


def deep_bound(architecture: Architecture) -> float:
    """On the probability of no hidden symmetry: no unit beyond the first layer has one sign."""
    hidden = architecture[1:-1]
    return math.prod((1 - 2.0**-before) ** units for before, units in pairwise(hidden))
