import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.deep_training import outputs
from instruments.hypernetwork import (
    Encoding,
    Hypernetwork,
    draw,
    encode,
    predict,
    primary,
    primary_deviations,
    weight_count,
)

GAMMAS = np.array([[0.0, 1.0], [0.25, 0.5]])


def test_encodings_are_pairs_for_each_coordinate() -> None:
    root = np.sqrt(0.5)
    expected: dict[Encoding, list[list[float]]] = {
        "none": [[0, 1, 0, 0], [0.25, 0.5, 0, 0]],
        "complement": [[0, 1, 1, 0], [0.25, 0.5, 0.75, 0.5]],
        "circle": [[1, 0, 0, 1], [np.cos(np.pi / 8), root, np.sin(np.pi / 8), root]],
    }
    for encoding, encoded in expected.items():
        assert encode(GAMMAS, encoding) == pytest.approx(np.array(encoded), abs=1e-15)
    assert np.sum(encode(GAMMAS, "circle") ** 2, axis=1) == pytest.approx([2, 2])


def test_prediction_is_layer_after_layer() -> None:
    rng = np.random.default_rng(0)
    shapes = ((3, 4), (4, 4), (4, 7), (4,), (4,), (7,))
    parts = [rng.standard_normal(shape) for shape in shapes]
    e = rng.standard_normal(3)
    first, second, last, first_bias, second_bias, base = parts
    hidden = np.tanh(np.maximum(e @ first + first_bias, 0) @ second + second_bias)
    network = Hypernetwork(*map(jnp.asarray, parts))
    predicted = predict(network, jnp.asarray(e), jax.nn.relu, jnp.tanh)
    assert np.asarray(predicted) == pytest.approx(hidden @ last + base, rel=1e-12)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_drawn_networks_predict_weights_of_the_given_deviations(precision: str) -> None:
    deviations = np.array([0.5, 3.0], precision)
    drawn = draw(
        np.random.default_rng(0), deviations, networks=4000, inputs=3, hidden=8, moment=0.5
    )
    assert {part.dtype for part in drawn} == {np.dtype(precision)}
    e = np.array([0.6, 0.8, 0.0])
    hidden = np.maximum(e @ drawn.first, 0)[:, None]
    weights = (np.maximum(hidden @ drawn.second, 0) @ drawn.last)[:, 0]
    # Squares have a relative spread of about 2.4 here: 4000 of them are good to 4%, six times over.
    assert np.mean(weights**2, axis=0) == pytest.approx([0.25, 9.0], rel=0.23)
    assert not any(np.any(bias) for bias in (drawn.first_bias, drawn.second_bias, drawn.base))


def test_a_primary_network_is_its_weights_in_order() -> None:
    rng = np.random.default_rng(1)
    units, classes, depth = 4, 2, 3
    weights = rng.standard_normal(weight_count(depth, units, classes))
    x = rng.random((5, units))
    y = x
    for layer in range(depth):
        y = np.maximum(y @ weights[layer * 16 : (layer + 1) * 16].reshape(4, 4), 0)
    expected = y @ weights[48:].reshape(4, 2)
    network = primary(jnp.asarray(weights), units=units, classes=classes)
    assert outputs(network, jnp.asarray(x), jax.nn.relu) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("used", [0, 2])
def test_layers_that_are_not_used_pass_their_input_on(used: int) -> None:
    rng = np.random.default_rng(2)
    weights = rng.standard_normal(weight_count(3, 4, 1))
    x = jnp.asarray(rng.random((5, 4)))
    deep = primary(jnp.asarray(weights), units=4, classes=1, used=used)
    shallow = primary(jnp.asarray(np.delete(weights, np.s_[16 * used : 48])), units=4, classes=1)
    expected = np.asarray(outputs(shallow, x, jax.nn.relu))
    assert np.asarray(outputs(deep, x, jax.nn.relu)) == pytest.approx(expected, rel=1e-12)


def test_deviations_keep_the_size_of_signals() -> None:
    deviations = primary_deviations(2, 4, 3)
    assert deviations.size == weight_count(2, 4, 3)
    assert deviations[[0, 31]] == pytest.approx(np.sqrt([0.5, 0.5]))
    assert deviations[[32, -1]] == pytest.approx([0.5, 0.5])
