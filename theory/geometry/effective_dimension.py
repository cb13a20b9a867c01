r"""The rank of a batch's features: what the abstract says, and what can be proved.

Notation: $m$ inputs are the rows of $X$, $H_0=X$ and $H_\ell=\phi(H_{\ell-1}W_\ell)$ with $n$ units
and Gaussian weights, without biases. $\mathrm{EDim}(\ell)=\operatorname{rank}H_\ell$.

**The abstract** says that $\mathbb E[\mathrm{EDim}(\ell)]=m(1-\rho^\ell)+O(e^{-cm})$ with
$\rho=1-2/\pi$, and that it has local maxima at $\ell^*_k\approx(k+1/2)\pi/\log(1/\rho)$, of height
$(1-e^{-\pi/2})m$. As $\rho^{\ell^*_k}=e^{-(k+1/2)\pi}$, whatever $\rho$ is, the two heights agree
for $k=0$ only; and $1-\rho^\ell$ has no maximum.

**Matchings** (derived here). The *term rank* of a matrix is the size of a maximum matching between
its rows and columns by non-zero entries. No rank exceeds it. Let $H_{\ell-1}$ have rank $m$. Then
$H_{\ell-1}W_\ell$ has a density on all of $\mathbb R^{m\times n}$. Given which entries of $H_\ell$
are not zero, these range over an open set, and the minor that belongs to a maximum matching is a
polynomial in them that does not vanish identically. So almost surely

$$\operatorname{rank}H_\ell=\text{term rank of }\{H_\ell\ne0\}.$$

- With a leaky ReLU of any slope but zero no entry vanishes: if $X$ has rank $m\le n$, the rank is
  $m$ at every depth.
- With the ReLU and $X$ of rank $m$ the first layer has rank $\min(m,n)$ unless its support has no
  such matching. For orthonormal inputs entries are on with chance $1/2$ independently, and the
  chance of that is exponentially small. So no share $2/\pi$ is kept, at any ratio of $m$ and $n$.

**Frozen layers** (derived here). Let each unit be on for all inputs of the batch, or for none: $K$
of them are on. Then $H_\ell$ is a generic linear image, and
$\operatorname{rank}H_\ell=\min(\operatorname{rank}H_{\ell-1},K)$. For inputs that almost agree, $K$
is $\mathrm{Bin}(n,1/2)$, independently from layer to layer. After $T$ layers

$$\mathbb E[\mathrm{EDim}(T)]=\sum_{k=1}^{\min(m,n)}P(K\ge k)^T,$$

which falls with depth, and never rises. ReLU networks bring inputs closer to one another, so that
deep layers are frozen mostly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.sparse import csgraph, csr_array

Values = NDArray[np.float64]

DECAY = 1 - 2 / math.pi
r"""The abstract's $\rho$."""
REVIVAL_HEIGHT = 1 - math.exp(-math.pi / 2)
"""Of the abstract's peaks, as a share of the inputs: 0.792."""


def closed_form(layer: ArrayLike, decay: ArrayLike = DECAY) -> Values:
    r"""The abstract's share $1-\rho^\ell$ of the inputs; layers need not be integers."""
    return np.asarray(1 - np.asarray(decay) ** np.asarray(layer))


def revival_depth(peak: ArrayLike, decay: ArrayLike = DECAY) -> Values:
    r"""The abstract's $\ell^*_k=(k+1/2)\pi/\log(1/\rho)$: 1.55, 4.66, 7.76, ..."""
    return np.asarray((np.asarray(peak) + 0.5) * math.pi / -np.log(decay))


def abstract_share(inputs: ArrayLike, units: ArrayLike, layer: ArrayLike) -> Values:
    """The abstract's expected rank over m, which depends on the layer alone; shapes broadcast."""
    return np.asarray(closed_form(layer) * np.ones_like(largest_share(inputs, units, layer)))


def largest_share(inputs: ArrayLike, units: ArrayLike, layer: ArrayLike) -> Values:
    r"""$\min(m,n)/m$: no rank over m exceeds it, in any layer; shapes broadcast."""
    return np.asarray(np.minimum(inputs, units) / np.asarray(inputs) * np.ones_like(layer, float))


def term_rank(support: ArrayLike) -> int:
    """Size of a maximum matching between rows and columns.

    Args:
        support: booleans, shape (rows, columns).
    """
    matching = csgraph.maximum_bipartite_matching(csr_array(np.asarray(support, bool)))
    return int(np.sum(matching >= 0))


def frozen_share(inputs: int, units: int, layers: ArrayLike) -> Values:
    r"""$\mathbb E[\min(m,K_1,\dots,K_T)]/m$ with $K_t\sim\mathrm{Bin}(n,1/2)$.

    Args:
        inputs: m, whose rank at the start is full.
        units: n of each layer.
        layers: T, any shape.
    """
    reached = stats.binom.sf(np.arange(min(inputs, units)), units, 0.5)
    return np.asarray(np.sum(reached ** np.asarray(layers)[..., None], axis=-1) / inputs)
