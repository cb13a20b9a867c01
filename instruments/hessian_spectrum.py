"""The largest eigenvalue of a symmetric operator on trees of arrays, by Lanczos's method.

The operator is known by its products with vectors only, as Hessians of networks are. Lanczos needs
few of them: its error falls like exp(-4 k sqrt(gap)), that of the power iteration like
exp(-2 k gap), where `gap` is the distance to the next eigenvalue relative to the spectrum's width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from matfree import decomp  # type: ignore[import-untyped]

Tree = TypeVar("Tree")


def largest_eigenvalue(
    product: Callable[[Tree], Tree], start: Tree, *, products: int
) -> Float[Array, ""]:
    """The largest Ritz value, from below; exact if `products` reaches the dimension.

    Args:
        product: the operator, symmetric.
        start: any vector with a part along the top eigenvector: a random one, a gradient.
        products: how often the operator is applied.
    """
    tridiagonalize = decomp.tridiag_sym(products, custom_vjp=False)
    return jnp.max(jnp.linalg.eigvalsh(tridiagonalize(product, start).J_small))


def hessian_product(gradient: Callable[[Tree], Tree], at: Tree) -> Callable[[Tree], Tree]:
    """The Hessian's product with a vector: the derivative of the gradient along it."""
    return lambda vector: jax.jvp(gradient, (at,), (vector,))[1]
