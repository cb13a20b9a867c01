"""The largest learning rate at which training succeeds, searched for downwards, run by run.

A search tries one rate after another, each from the same start, and ends with the first at which
the run succeeds. Nothing is monotone about training at large rates, so nothing is bisected: what is
found is the largest rate of the list that succeeds. It costs little, since a rate that is much too
large is seen to fail after a few steps, and every loop ends where its attempt does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

State = TypeVar("State")


class Progress(NamedTuple):
    """How a run stands after a step."""

    succeeded: Bool[Array, ""]
    failed: Bool[Array, ""]
    """Whether it is known already that it will not succeed; success goes first."""


class Found(NamedTuple):
    """Where a search ended."""

    failures: Int[Array, ""]
    """Rates tried before, which is the place of the one that succeeded; all of them if none did."""
    steps: Int[Array, ""]
    """Steps that the last attempt took."""
    total_steps: Int[Array, ""]
    """Steps at all rates that were tried."""


def first_success(
    start: State,
    step: Callable[[State, Array], tuple[State, Progress]],
    rates: Float[Array, " rates"],
    limit: int | Int[Array, ""],
) -> Found:
    """Try the rates in their order, each from `start` and for at most `limit` steps.

    Args:
        start: what training starts from, any tree of arrays.
        step: one step of training at a rate, and how the run then stands.
        rates: descending for the largest one that succeeds.
        limit: steps within which a run has to succeed; may be traced.
    """
    nothing = jnp.zeros((), int), Progress(jnp.zeros((), bool), jnp.zeros((), bool))

    def attempt(rate: Array) -> tuple[Array, Progress]:
        def goes_on(place: tuple[State, Array, Progress]) -> Array:
            _, steps, progress = place
            return (steps < limit) & ~progress.succeeded & ~progress.failed

        def advance(place: tuple[State, Array, Progress]) -> tuple[State, Array, Progress]:
            state, progress = step(place[0], rate)
            return state, place[1] + 1, progress

        return jax.lax.while_loop(goes_on, advance, (start, *nothing))[1:]

    def searches_on(place: tuple[Found, Array]) -> Array:
        found, succeeded = place
        return ~succeeded & (found.failures < len(rates))

    def next_rate(place: tuple[Found, Array]) -> tuple[Found, Array]:
        found, _ = place
        steps, progress = attempt(rates[found.failures])
        failures = found.failures + ~progress.succeeded
        return Found(failures, steps, found.total_steps + steps), progress.succeeded

    zero, no = jnp.zeros((), int), jnp.zeros((), bool)
    return jax.lax.while_loop(searches_on, next_rate, (Found(zero, zero, zero), no))[0]
