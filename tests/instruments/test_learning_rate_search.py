import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.learning_rate_search import Progress, first_success

RATES = jnp.array([4.0, 3.0, 2.0, 1.0, 0.5])


def quadratic_step(curvature, tolerance=1e-3, hopeless=1e6):
    def step(x, rate):
        x = x - rate * curvature * x
        return x, Progress(jnp.abs(x) < tolerance, jnp.abs(x) > hopeless)

    return step


def by_hand(step, start, rates, limit):
    """The same search as plain loops: place, steps of the last attempt, steps of all."""
    total = 0
    for place, rate in enumerate(rates):
        state = start
        for steps in range(1, limit + 1):
            state, progress = step(state, rate)
            total += 1
            if progress.succeeded:
                return place, steps, total
            if progress.failed:
                break
    return len(rates), steps, total


@jax.jit
def on_quadratic(curvature, rates, limit):
    return first_success(jnp.asarray(1.0), quadratic_step(curvature), rates, limit)


@pytest.mark.parametrize("curvature", [0.3, 0.52, 1.0, 1.9])
@pytest.mark.parametrize("limit", [1, 5, 200])
def test_the_search_is_that_of_plain_loops(curvature, limit):
    expected = by_hand(quadratic_step(curvature), 1.0, RATES.tolist(), limit)
    found = on_quadratic(curvature, RATES, limit)
    assert [int(n) for n in found] == list(expected)


@pytest.mark.parametrize("curvature", [0.3, 1.7, 40.0])
def test_on_a_quadratic_it_finds_the_classical_limit(curvature):
    factor = 1.01
    rates = 10 / curvature * factor ** -jnp.arange(400.0)
    found = on_quadratic(curvature, rates, 2000)
    largest = float(rates[found.failures]) * curvature
    assert 2 / factor**1.5 < largest < 2


def test_success_goes_before_failure_and_may_come_again_lower_down():
    """Success at a rate above one that fails: nothing is bisected."""

    def step(state, rate):
        return state, Progress((rate == 3) | (rate == 1), jnp.asarray(True))

    assert first_success(jnp.zeros(()), step, RATES, 10).failures == 1
    assert first_success(jnp.zeros(()), step, RATES[2:], 10).failures == 1


def test_every_attempt_starts_from_the_start():
    def step(count, rate):
        return count + 1, Progress(jnp.asarray(False), count >= 3)

    found = first_success(jnp.asarray(0), step, RATES, 100)
    assert [int(n) for n in found] == [len(RATES), 4, 4 * len(RATES)]


def test_searches_run_side_by_side():
    curvatures = jnp.array([0.3, 0.52, 1.0, 1.9])

    together = jax.jit(jax.vmap(on_quadratic, (0, None, None)))(curvatures, RATES, 50)
    alone = [on_quadratic(curvature, RATES, 50) for curvature in curvatures]
    for parts, expected in zip(together, zip(*alone, strict=True), strict=True):
        assert np.array_equal(parts, jnp.stack(expected))
