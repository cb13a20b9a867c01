r"""What prescribing by a ReLU network costs in questions, and what it saves in regret.

A P-ReLU scores $K$ treatments by a ReLU network and prescribes $\pi(x)=\arg\max_ks_k(x)$.

**Cells.** Where all units keep their states the scores are affine, so a treatment wins on an
intersection of $K-1$ half-spaces. Such *cells* are convex, and a region of the activations holds at
most $K$: one hidden layer of $H$ units has $K\sum_{i\le d}\binom Hi$ at most, by Schlaefli's count
of regions. All regions hold $K$ for *zigzags*: let $g$ run up and down between 0 and 1, bending $h$
times in $[0,1]$, and $s_k=ku-\sum_{j\le k}t_j$ with $u=\sum_{i\le d}g(x_i)$ and
$0<t_1<\dots<t_{K-1}<d$. Then $s_k>s_{k-1}$ exactly for $u>t_k$, and $u$ takes all values in $(0,d)$
on each of the $(h+1)^d$ boxes: $K(h+1)^d$ cells.

**Questions.** A tree asks each unit on which side of zero it is, then lets treatments compete one
after the other: is $s_j$ larger than the largest so far? Questions with one possible answer are
left out. So no path is longer than $H+K-1$, with the $H$ units that bend in the domain. Zigzags
need all of these, if bends are asked for in their order: in the last box all have been, and the
last treatment has beaten the others in turn. For $K=2$ leaves are cells. For $K\ge3$ the cell of a
late winner is cut where earlier treatments compete, and leaves are the cells of the whole
tournament.

**Any tree.** A leaf of any tree of hyperplanes is convex, and so meets a line in an interval. Along
a line on which prescriptions change $c$ times there are thus $c+1$ leaves at least. $L$ composed
tents $\tau(t)=1-|2t-1|$, of two units each, cross $\frac12$ in each of $2^L$ pieces: $2^L+1$
leaves. One layer of $H$ units has $H+1$ pieces on a line, in which two treatments change once at
most: $H+2$ leaves are enough along it.

**Splits along axes.** Let $x$ be uniform on $[0,1]^2$ and $x_1+x_2-1$ the advantage of treatment 1
over treatment 0. *Every tree with $n$ leaves, whose splits are of the form $x_i>t$, has a regret of
$1/6n^2$ at least.* For a leaf is a rectangle. If the diagonal $x_1+x_2=1$ crosses it along an
interval of $x_1$ of length $\ell$, it contains the square of side $\ell$ with that diagonal, and
one half of this gets the wrong treatment, which costs $\int_0^\ell u(\ell-u)du=\ell^3/6$. The
lengths add up to one, and $\sum\ell^3\ge n\cdot n^{-3}$. Stairs attain it: for $n=2m$ split each of
$m$ equal columns in the middle of the diagonal.

**Rewards.** From one treatment $T$ per person, with $P(T=k|x)=e_k$, and its outcome $Y$, of mean
$\mu_T(x)$, models $\hat\mu$ and $\hat e$ make
$\Gamma_k=\hat\mu_k+\mathbf1[T=k](Y-\hat\mu_k)/\hat e_k$. Given $x$, if there is no further
confounder, $E\,\Gamma_k=\hat\mu_k+e_k(\mu_k-\hat\mu_k)/\hat e_k$, so that

$$E[\Gamma_k|x]-\mu_k(x)=(\hat\mu_k-\mu_k)(1-e_k/\hat e_k)$$

which is zero if either model is right (Robins, Rotnitzky and Zhao 1994).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boundary = Literal["diagonal", "upright"]
"""Where the advantage changes its sign: $x_1+x_2=1$, or $x_1=1/2$."""
Values = NDArray[np.float64]


def most_cells(units: int, treatments: int, dimension: int) -> int:
    r"""$K\sum_{i\le d}\binom Hi$ cells at most, for one hidden layer."""
    return treatments * sum(math.comb(units, i) for i in range(dimension + 1))


def zigzag_leaves(bends: ArrayLike, treatments: ArrayLike, dimension: int) -> NDArray[np.int64]:
    """$K(h+1)^d$ cells of zigzags, and as many leaves of their tree."""
    return np.asarray(np.asarray(treatments) * (np.asarray(bends) + 1) ** dimension)


def zigzag_depth(bends: ArrayLike, treatments: ArrayLike, dimension: int) -> NDArray[np.int64]:
    """$dh+K-1$ questions on the longest path of that tree."""
    return np.asarray(dimension * np.asarray(bends) + np.asarray(treatments) - 1)


def tent_leaves(depth: ArrayLike) -> NDArray[np.int64]:
    """$2^L+1$ leaves, which any tree of hyperplanes needs for $L$ tents and two treatments."""
    return np.asarray(2 ** np.asarray(depth) + 1)


def leaves_of_one_layer(depth: ArrayLike) -> NDArray[np.int64]:
    """$H+2$ leaves, enough along a line for one layer of as many units, $H=2L$."""
    return np.asarray(2 * np.asarray(depth) + 2)


def least_regret(leaves: ArrayLike) -> Values:
    """$1/6n^2$: regret of the best tree of splits along axes, for the diagonal boundary."""
    return np.asarray(1 / (6 * np.asarray(leaves, float) ** 2))


def advantage(points: Values, boundary: Boundary) -> Values:
    """Of treatment 1 over treatment 0; shape (..., 2) to (...)."""
    x, y = np.moveaxis(points, -1, 0)
    return np.asarray(x + y - 1 if boundary == "diagonal" else x - 0.5)


def lost_by_withholding(low: Values, high: Values, boundary: Boundary) -> Values:
    """Integral of the advantage over a rectangle where it is positive: lost without treatment 1.

    Args:
        low: lower left corners, shape (..., 2).
        high: upper right corners.
        boundary: where the advantage changes its sign.
    """
    (a, c), (b, d) = np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)
    if boundary == "upright":
        right, left = np.maximum(b - 0.5, 0), np.maximum(a - 0.5, 0)
        return np.asarray((d - c) * (right**2 - left**2) / 2)
    corners = ((1, b + d), (-1, a + d), (-1, b + c), (1, a + c))
    return np.asarray(sum(sign * np.maximum(u - 1, 0) ** 3 for sign, u in corners) / 6)


def lost_by_treating(low: Values, high: Values, boundary: Boundary) -> Values:
    """The same where it is negative, turned to positive: both boundaries are symmetric."""
    return lost_by_withholding(1 - high, 1 - low, boundary)


def doubly_robust_bias(
    outcome: Values, outcome_model: Values, propensity: Values, propensity_model: Values
) -> Values:
    r"""$(\hat\mu_k-\mu_k)(1-e_k/\hat e_k)$, at given inputs; shapes broadcast."""
    return np.asarray((outcome_model - outcome) * (1 - propensity / propensity_model))


def bias_of_outcome_model(
    outcome: Values, outcome_model: Values, propensity: Values, propensity_model: Values
) -> Values:
    r"""The rival $\hat\mu_k-\mu_k$: rewards are modelled outcomes, observed ones are not used."""
    return np.asarray(outcome_model - outcome)
