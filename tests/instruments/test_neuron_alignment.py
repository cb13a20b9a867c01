"""Event-driven alignment against an ODE solver, against itself, and in cases known exactly."""

import math

import numpy as np
import pytest
from scipy import integrate

from instruments.neuron_alignment import Start, align, align_equicorrelated


def data(rng, n, d, correlation):
    """Signed samples of length one with nonnegative inner products."""
    z = math.sqrt(1 - correlation) * rng.normal(size=(n, d)) / math.sqrt(d)
    z[:, 0] += math.sqrt(correlation)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    assert np.min(z @ z.T) > 0
    return z


def equicorrelated(n, correlation):
    return np.full((n, n), correlation) + (1 - correlation) * np.eye(n)


def neurons(rng, z, count, imbalance=1.0):
    w = rng.normal(size=(count, z.shape[1]))
    own = rng.random((count, len(z))) < 0.5
    return w, Start(own, w @ z.T, (imbalance * np.linalg.norm(w, axis=1)) ** 2)


def solve(z, own, w, v, until):
    """The neuron's own differential equation, to a time; with the integral of the twist."""

    def velocity(_, state):
        weight, output = state[:-2], state[-2]
        b = z @ weight
        g = np.where(own, b > 0, b < 0) @ z
        twist = output**2 * (g @ g) - (weight @ g) ** 2
        return np.concatenate([output * g, [weight @ g, twist]])

    start = np.concatenate([w, [v, 0]])
    run = integrate.solve_ivp(
        velocity, (0, until), start, rtol=1e-8, atol=1e-10, max_step=until / 40
    )
    return run.y[:-2, -1], run.y[-1, -1]


@pytest.mark.parametrize("imbalance", [1.0, 1.5])
def test_against_an_ode_solver(imbalance):
    rng = np.random.default_rng(0)
    z = data(rng, 6, 30, 0.3)
    w, start = neurons(rng, z, 6, imbalance)
    for until in (0.1, 0.3):
        aligned = align(z @ z.T, start, until=until)
        weights = w + aligned.coefficients @ z
        for i, own in enumerate(start.own):
            there, twist = solve(z, own, w[i], math.sqrt(start.squared_outputs[i]), until)
            np.testing.assert_allclose(weights[i], there, atol=2e-6)
            assert aligned.twist[i] == pytest.approx(twist, rel=1e-5)
            np.testing.assert_array_equal(aligned.active[i], own == (z @ there > 0))


def test_the_last_event_is_the_last():
    """At the time returned some pre-activation is zero; later the pattern does not change."""
    rng = np.random.default_rng(1)
    z = data(rng, 12, 40, 0.3)
    w, start = neurons(rng, z, 50)
    aligned = align(z @ z.T, start)
    b = (w + aligned.coefficients @ z) @ z.T
    moved = aligned.time > 0
    np.testing.assert_allclose(np.min(np.abs(b), axis=1)[moved], 0, atol=1e-9)
    exactly_own = np.all(aligned.active == start.own, axis=1)
    assert np.all(exactly_own | ~np.any(aligned.active, axis=1))
    sees = np.any(start.own & (start.preactivations > 0), axis=1)
    assert np.all(exactly_own[sees])
    later = align(z @ z.T, start, until=3.0)
    np.testing.assert_array_equal(later.active, aligned.active)
    np.testing.assert_allclose(later.time, aligned.time)


def test_stopping_on_the_way_changes_nothing():
    rng = np.random.default_rng(2)
    z = data(rng, 8, 40, 0.3)
    w, start = neurons(rng, z, 20)
    half = align(z @ z.T, start, until=0.1)
    weights = w + half.coefficients @ z
    restart = Start(start.own, weights @ z.T, np.sum(weights**2, axis=1))
    rest = align(z @ z.T, restart, until=0.2)
    whole = align(z @ z.T, start, until=0.3)
    np.testing.assert_allclose(
        half.coefficients + rest.coefficients, whole.coefficients, atol=1e-12
    )
    np.testing.assert_allclose(half.twist + rest.twist, whole.twist, atol=1e-11)


@pytest.mark.parametrize("correlation", [0.0, 1e-3, 0.5])
def test_equicorrelated_data_are_a_special_case(correlation):
    rng = np.random.default_rng(3)
    gram = equicorrelated(9, correlation)
    z = np.linalg.cholesky(gram)
    _, start = neurons(rng, z, 60, 1.2)
    general = align(gram, start).time
    np.testing.assert_allclose(align_equicorrelated(correlation, start), general, rtol=1e-9)


@pytest.mark.parametrize("separation", [0.5, 1e-3, 1e-6])
def test_two_samples_take_the_area_cosine_of_the_separation(separation):
    """On the edge of one sample, opposite to the other; at any length."""
    for length in (1e-5, 1.0):
        levels = length * np.array([[0.0, -math.sqrt(1 - separation**2)]])
        start = Start(np.array([[True, True]]), levels, np.array([length**2]))
        expected = math.acosh(1 / separation)
        assert align(equicorrelated(2, separation), start).time[0] == pytest.approx(expected)
        assert align_equicorrelated(separation, start)[0] == pytest.approx(expected)


def test_a_neuron_opposite_to_all_it_sees_never_arrives():
    start = Start(np.array([[False]]), np.array([[-1.0]]), np.array([1.0]))
    assert align(np.eye(1), start).time[0] == np.inf
    assert align_equicorrelated(0.0, start)[0] == np.inf
    # At a finite time it is where it must be: w = -exp(-t) z.
    there = align(np.eye(1), start, until=3.0)
    assert -1 + there.coefficients[0, 0] == pytest.approx(-math.exp(-3))
    # By a hair's breadth it does arrive, after a long time: log of twice the inverse angle.
    turned = Start(np.array([[False, False]]), np.array([[-1.0, 1e-5]]), np.array([1 + 1e-10]))
    assert align(np.eye(2), turned).time[0] == pytest.approx(math.asinh(1e5), rel=1e-5)


def test_neurons_that_are_aligned_or_dead_do_not_wait():
    own = np.array([[True, False], [True, False]])
    start = Start(own, np.array([[1.0, 1.0], [-1.0, 1.0]]), np.array([9.0, 9.0]))
    aligned = align(equicorrelated(2, 0.3), start)
    np.testing.assert_array_equal(aligned.time, 0)
    np.testing.assert_array_equal(aligned.active, [[True, False], [False, False]])


def test_obtuse_data_are_refused():
    start = Start(np.array([[True, True]]), np.array([[1.0, -1.0]]), np.array([1.0]))
    with pytest.raises(ValueError, match=r"must not be negative, the least is -0\.1"):
        align(equicorrelated(2, -0.1), start)
