"""Pullbacks against automatic differentiation, finite differences and quadrature."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from theory.geometry import excitation_pullbacks as theory


def network(layers: int, inputs: int = 4, units: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    shapes = [(inputs, units)] + [(units, units)] * (layers - 1)
    weights = [rng.normal(size=shape) for shape in shapes]
    biases = [rng.normal(size=units) for _ in shapes]
    return weights, biases, rng.normal(size=units), rng.normal(size=inputs)


def output(weights, biases, readout, x):
    return np.maximum(theory.preactivations(weights, biases, x)[-1], 0) @ readout


def pullback(weights, biases, readout, x, temperature):
    """By the definition."""
    gates = [special.expit(z / temperature) for z in theory.preactivations(weights, biases, x)]
    for matrix, gate in zip(weights[::-1], gates[::-1], strict=True):
        readout = matrix @ (gate * readout)
    return readout


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_warm_limit_and_leading_deviation(layers):
    net = network(layers)
    limit, deviation = theory.linear_limit(net[0], net[2]), theory.leading_deviation(*net)
    for temperature in (1e4, 1e5):
        found = temperature * (pullback(*net, temperature) - limit)
        np.testing.assert_allclose(found, deviation, atol=20 / temperature)
    product = np.linalg.multi_dot([*net[0], net[2]]) if layers > 1 else net[0][0] @ net[2]
    np.testing.assert_allclose(limit, product / 2**layers)


@pytest.mark.parametrize("layers", [1, 3])
def test_sums_over_paths(layers):
    net = network(layers)
    gates = [special.expit(z / 0.3) for z in theory.preactivations(net[0], net[1], net[3])]
    np.testing.assert_allclose(
        theory.sum_over_paths(net[0], gates, net[2]), pullback(*net, 0.3), rtol=1e-12
    )
    assert theory.output_over_paths(*net) == pytest.approx(output(*net), rel=1e-12)


@pytest.mark.parametrize("layers", [1, 3])
def test_softplus_gradient_by_differences(layers):
    net = network(layers)

    def softened(x):
        for matrix, bias in zip(net[0], net[1], strict=True):
            x = 0.3 * np.logaddexp(0, (x @ matrix + bias) / 0.3)
        return x @ net[2]

    step = 1e-5 * np.eye(4)
    slopes = [(softened(net[3] + e) - softened(net[3] - e)) / 2e-5 for e in step]
    np.testing.assert_allclose(theory.softplus_gradient(*net, 0.3), slopes, rtol=1e-7, atol=1e-8)


def test_softplus_is_the_mean_under_logistic_noise():
    for z in (-1.0, 0.2, 2.0):
        mean = integrate.quad(
            lambda e, z=z: max(z + e, 0) * stats.logistic.pdf(e, scale=0.3), -15, 15, points=[-z]
        )[0]
        assert mean == pytest.approx(0.3 * np.logaddexp(0, z / 0.3), rel=1e-7)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_jump_at_a_kink_by_differences(layers):
    weights, biases, readout, x = network(layers, units=6, seed=2)
    unit = 1
    normal = weights[0][:, unit]
    x = x - (x @ normal + biases[0][unit]) * normal / (normal @ normal)
    step, sides = 1e-6, []
    for side in (1, -1):
        at = x + side * 1e-3 * normal
        differences = [
            output(weights, biases, readout, at + step * e)
            - output(weights, biases, readout, at - step * e)
            for e in np.eye(4)
        ]
        sides.append(np.array(differences) / (2 * step))
    jump = theory.jump_at_kink(weights, biases, readout, x, unit)
    assert np.linalg.norm(jump) > 0.1
    np.testing.assert_allclose(sides[0] - sides[1], jump, atol=1e-8)
