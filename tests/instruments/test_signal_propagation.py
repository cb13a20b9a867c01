from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.signal_propagation import Layer, Signals, dense, propagate, standardized

DRAWS = 20_000


def signals(inputs: int, units: int, seed: int = 0) -> Signals:
    values, tangents = np.random.default_rng(seed).normal(size=(2, inputs, units))
    return Signals(jnp.asarray(values), jnp.asarray(tangents))


def outputs(layer: Layer, given: Signals) -> np.ndarray:
    """Values and tangents of many draws, shape (draws, 2 inputs, width)."""
    keys = jax.random.split(jax.random.key(1), DRAWS)
    drawn = jax.jit(jax.vmap(layer, (0, None)))(keys, given)
    return np.concatenate(drawn, axis=1)


def close(measured: np.ndarray, exact: np.ndarray) -> None:
    """Means over draws equal what is exact, within five standard errors."""
    error = measured.std(axis=0) / np.sqrt(len(measured)) + 1e-12
    assert np.all(np.abs(measured.mean(axis=0) - exact) < 5 * error)


@pytest.mark.parametrize(("inputs", "units"), [(1, 30), (3, 7), (4, 8), (5, 3)])
def test_a_dense_layer_has_the_law_of_gaussian_weights(inputs: int, units: int) -> None:
    given = signals(inputs, units)
    vectors = np.concatenate(given)
    drawn = outputs(dense(2, 1.7), given)
    gram = 1.7 * vectors @ vectors.T / units
    close(drawn[:, :, 0], np.zeros(2 * inputs))
    for unit in range(2):
        close(np.einsum("di,dj->dij", drawn[..., unit], drawn[..., unit]), gram)
    close(np.einsum("di,dj->dij", drawn[..., 0], drawn[..., 1]), np.zeros_like(gram))
    # A Gaussian's fourth moment.
    close(drawn[:, 0, 0] ** 4, 3 * gram[0, 0] ** 2)


def test_vectors_may_depend_on_each_other() -> None:
    given = signals(2, 9)
    twice = given._replace(tangents=2 * given.values)
    drawn = dense(4)(jax.random.key(0), twice)
    assert np.allclose(drawn.tangents, 2 * drawn.values)
    still = given._replace(tangents=0 * given.tangents)
    assert np.allclose(dense(4)(jax.random.key(0), still).tangents, 0)


def test_standardized_rows_are_centred_and_of_one_length() -> None:
    units = 6
    whole = Signals(jnp.eye(units), jnp.ones((units, units)))
    rows = standardized(5, 1.7)(jax.random.key(0), whole)
    assert np.allclose(np.sum(np.asarray(rows.values) ** 2, axis=0), 1.7)
    assert np.allclose(rows.tangents, 0)
    given = signals(3, units)
    centred = np.concatenate(given) - np.concatenate(given).mean(axis=1, keepdims=True)
    drawn = outputs(standardized(2, 1.7), given)[..., 0]
    # Uniform directions in the hyperplane of dimension units - 1.
    close(np.einsum("di,dj->dij", drawn, drawn), 1.7 * centred @ centred.T / (units - 1))


@pytest.mark.parametrize("function", [jnp.tanh, lambda x: jnp.maximum(x, 0) / jnp.std(x)])
def test_tangents_are_derivatives(function: Callable[[jax.Array], jax.Array]) -> None:
    given, step = signals(3, 10), 1e-6
    moved = given.through(function)
    ahead, behind = (function(given.values + s * given.tangents) for s in (step, -step))
    assert np.allclose(moved.tangents, (ahead - behind) / (2 * step), atol=1e-7)
    assert np.allclose(moved.values, function(given.values))


@pytest.mark.parametrize("layer", [dense(6), dense(2), standardized(6)])
def test_weights_have_the_precision_of_the_signals(layer: Layer) -> None:
    given = signals(2, 5)
    single = Signals(*(vectors.astype(jnp.float32) for vectors in given))
    key = jax.random.key(0)
    assert jax.eval_shape(layer, key, single).values.dtype == jnp.float32
    assert jax.eval_shape(layer, key, given).values.dtype == jnp.float64


def test_sums_and_multiples() -> None:
    one, other = signals(2, 3), signals(2, 3, seed=1)
    total = one + other.scaled(-2.0)
    assert isinstance(total, Signals)
    assert np.allclose(total.values, one.values - 2 * other.values)
    assert np.allclose(total.tangents, one.tangents - 2 * other.tangents)


def test_propagating_is_applying_block_after_block() -> None:
    given = signals(2, 5)
    factors = jnp.array([1.0, 0.5, 2.0])

    def block(key: jax.Array, entering: Signals, factor: jax.Array) -> Signals:
        return entering + dense(5)(key, entering.through(jnp.tanh)).scaled(factor)

    seen = propagate(jax.random.key(3), block, given, factors, lambda s: s.values.sum())
    by_hand = []
    for key, factor in zip(jax.random.split(jax.random.key(3), 3), factors, strict=True):
        given = block(key, given, factor)
        by_hand.append(given.values.sum())
    assert np.allclose(seen, by_hand)
