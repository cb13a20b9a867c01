from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.hessian_spectrum import hessian_product, largest_eigenvalue


@partial(jax.jit, static_argnames="products")
def of_matrix(matrix, start, products):
    return largest_eigenvalue(lambda x: matrix @ x, start, products=products)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_largest_eigenvalue_of_a_matrix(seed):
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(30, 30))
    matrix = jnp.asarray(matrix + matrix.T)
    start = jnp.asarray(generator.normal(size=30))
    expected = np.linalg.eigvalsh(matrix)[-1]
    assert of_matrix(matrix, start, products=30) == pytest.approx(expected)
    # Few products: from below, and close already.
    few = of_matrix(matrix, start, products=12)
    assert 0.95 * expected < few < expected * (1 + 1e-12)


def test_a_negative_operator_has_its_largest_eigenvalue_not_the_largest_in_size():
    matrix = jnp.diag(jnp.array([-5.0, -3.0, -1.0]))
    assert of_matrix(matrix, jnp.ones(3), products=3) == pytest.approx(-1)


def test_trees_of_arrays_and_the_hessian_of_a_function():
    def function(tree):
        return jnp.sum(jnp.sin(tree["a"]) * tree["b"][0]) + jnp.prod(tree["b"]) ** 2

    at = {"a": jnp.array([0.3, -0.7, 1.1]), "b": jnp.array([0.5, 2.0])}
    flat, unravel = jax.flatten_util.ravel_pytree(at)
    hessian = jax.hessian(lambda vector: function(unravel(vector)))(flat)
    start = jax.tree.map(lambda leaf: leaf + 1.0, at)
    product = hessian_product(jax.grad(function), at)
    moved = jax.flatten_util.ravel_pytree(product(start))[0]
    assert np.allclose(moved, hessian @ jax.flatten_util.ravel_pytree(start)[0])
    found = jax.jit(partial(largest_eigenvalue, product, products=5))(start)
    assert found == pytest.approx(float(np.linalg.eigvalsh(hessian)[-1]))
