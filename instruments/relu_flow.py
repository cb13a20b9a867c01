r"""Gradient flow of two-layer ReLU networks over twenty decades of time, exact at the kinks.

A network $f(x)=\sum_jv_j\,\mathrm{relu}\langle w_j,x\rangle$ follows the negative gradient of
$L=\sum_ie^{-y_if(x_i)}$ in all its weights. Two things defeat an ordinary solver, and both are
handled here.

**Kinks.** Where $\langle w_j,x_i\rangle$ changes sign the velocity jumps, and any fixed step that
passes a jump errs by its own length. Here a step is taken with the activation pattern frozen, so
that the field is smooth; if a sign has changed at its end, the step is shortened to the moment of
the first change, that entry of the pattern is flipped, and the flow goes on. Fourth order (Runge
and Kutta's classical method) thus holds through all changes.

**Time.** The loss falls like $1/(t\log t)$: nothing happens in a fixed step at late times. A step
here is $\Delta t=\mathrm{resolution}/(L(1+|W|_F^2))$, with $L$ of the samples that some neuron
sees: a fixed share of the time in which weights and loss change, so that time grows exponentially
with the number of steps.

    states = flow(network, times=jnp.logspace(-2, 21, 47))   # states.weights: (47, neurons, d)

Many runs: `jax.lax.map`, not `jax.vmap`, so that only steps that meet a kink pay for it.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


class Problem(NamedTuple):
    r"""A network and its training set: inputs $x_i$, labels $y_i=\pm1$, weights $w_j$ and $v_j$."""

    inputs: Float[Array, "n d"]
    labels: Float[Array, " n"]
    weights: Float[Array, "h d"]
    output_weights: Float[Array, " h"]


class State(NamedTuple):
    """The network at some time; with a leading axis of times where `flow` returns it."""

    time: Float[Array, "*times"]
    weights: Float[Array, "*times h d"]
    output_weights: Float[Array, "*times h"]
    active: Bool[Array, "*times h n"]
    """Which neuron is active on which input."""
    last_switch: Float[Array, "*times"]
    """When the activation pattern last changed; zero if never."""


SECANT_STEPS = 3
"""Each raises the order at which a change of sign is located; the first guess is of second."""
SEARCHES = 4
"""How often a step is shortened to an earlier change, if there still is one."""


def losses(problem: Problem, state: State) -> Float[Array, " n"]:
    r"""Each sample's loss $e^{-y_if(x_i)}$; their sum is $L$."""
    return _losses(problem, state.weights, state.output_weights, state.active)


def _losses(problem: Problem, weights: Array, output_weights: Array, active: Array) -> Array:
    preactivations = weights @ problem.inputs.T
    outputs = output_weights @ jnp.where(active, preactivations, 0.0)
    return jnp.exp(-problem.labels * outputs)


@jax.jit
def flow(
    problem: Problem,
    times: Float[Array, " times"],
    *,
    resolution: float | Float[Array, ""] = 0.05,
    shortest: float | Float[Array, ""] | None = 1e-9,
    output_decay: float | Float[Array, ""] = 0.0,
) -> State:
    r"""Follow the gradient flow and return the network at given times.

    Args:
        problem: data and initial weights; inputs of length about one.
        times: increasing, from zero up.
        resolution: step in units of the time in which weights and loss change.
        shortest: least share of a step that is taken when a sign changes. Where the pattern would
            change back at once, as it can when data of one label have obtuse angles, the flow
            slides along the kink; the steps then chatter around it, no shorter than this. With
            None no change is located and every step is whole: cheaper, and of first order.
        output_decay: weight decay of the output weights, $\dot v=\dots-\lambda v$; zero for the
            gradient flow.
    """
    inputs, labels = problem.inputs, problem.labels

    def velocity(weights: Array, output_weights: Array, active: Array) -> tuple[Array, Array]:
        preactivations = jnp.where(active, weights @ inputs.T, 0.0)
        pulls = labels * jnp.exp(-labels * (output_weights @ preactivations))
        weights_velocity = output_weights[:, None] * (jnp.where(active, pulls, 0.0) @ inputs)
        return weights_velocity, preactivations @ pulls - output_decay * output_weights

    def advance(state: State, step: Array) -> tuple[Array, Array]:
        """One step of the classical method with the pattern frozen."""
        w, v, a = state.weights, state.output_weights, state.active
        w1, v1 = velocity(w, v, a)
        w2, v2 = velocity(w + step / 2 * w1, v + step / 2 * v1, a)
        w3, v3 = velocity(w + step / 2 * w2, v + step / 2 * v2, a)
        w4, v4 = velocity(w + step * w3, v + step * v3, a)
        return (
            w + step / 6 * (w1 + 2 * w2 + 2 * w3 + w4),
            v + step / 6 * (v1 + 2 * v2 + 2 * v3 + v4),
        )

    def to_first_change(state: State, step: Array, weights: Array, least: Array) -> State:
        """Shorten the step to the first change of sign, and flip that entry of the pattern."""
        before = state.weights @ inputs.T

        def others(found: tuple[Array, Array, Array]) -> Array:
            """Entries that change within the step, the one at its end aside."""
            _, weights, entry = found
            return (state.active != (weights @ inputs.T > 0)) & ~entry

        def earlier(found: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            step, weights, _ = found
            after = weights @ inputs.T
            share = jnp.where(others(found), before / (before - after), 2.0)
            # A pre-activation that has just been flipped may be on the wrong side by a rounding.
            share = jnp.clip(share, 0.0)
            neuron, sample = jnp.unravel_index(jnp.argmin(share), share.shape)

            def secant(
                _: Array | int, guesses: tuple[Array, Array, Array]
            ) -> tuple[Array, Array, Array]:
                old, old_height, new = guesses
                new_height = advance(state, new * step)[0][neuron] @ inputs[sample]
                rise = new_height - old_height
                better = new - new_height * (new - old) / jnp.where(rise == 0, 1.0, rise)
                return new, new_height, jnp.clip(jnp.where(rise == 0, new, better), 0.0, 1.0)

            guesses = (jnp.asarray(1.0), after[neuron, sample], share[neuron, sample])
            part = jax.lax.fori_loop(0, SECANT_STEPS, secant, guesses)[2]
            shorter = jnp.maximum(part * step, least)
            entry = jnp.zeros_like(state.active).at[neuron, sample].set(True)
            return shorter, advance(state, shorter)[0], entry

        def again(_: Array | int, found: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            # The first guess may take the second change for the first.
            return jax.lax.cond(jnp.any(others(found)), lambda: earlier(found), lambda: found)

        found = step, weights, jnp.zeros_like(state.active)
        step, _, entry = jax.lax.fori_loop(0, SEARCHES, again, found)
        weights, output_weights = advance(state, step)
        active = jnp.where(entry, ~state.active, weights @ inputs.T > 0)
        time = state.time + step
        return State(time, weights, output_weights, active, time)

    def move(state: State, until: Array) -> State:
        each = _losses(problem, state.weights, state.output_weights, state.active)
        # A sample that no neuron sees pulls at nothing.
        total = jnp.sum(jnp.where(jnp.any(state.active, axis=0), each, 0.0))
        rate = total * (1 + jnp.sum(state.weights**2)) + output_decay
        usual = resolution / rate
        arrives = state.time + usual >= until
        step = jnp.where(arrives, until - state.time, usual)
        weights, output_weights = advance(state, step)
        arrived = jnp.where(arrives, until, state.time + step)
        active = weights @ inputs.T > 0
        unchanged = jnp.all(state.active == active)
        last_switch = jnp.where(unchanged, state.last_switch, arrived)
        whole = State(arrived, weights, output_weights, active, last_switch)
        if shortest is None:
            return whole
        least = shortest * usual
        # What is left until the next time asked for may be too short to be divided.
        return jax.lax.cond(
            unchanged | (step <= least),
            lambda: whole,
            lambda: to_first_change(state, step, weights, least),
        )

    def to(state: State, until: Array) -> tuple[State, State]:
        state = jax.lax.while_loop(lambda s: s.time < until, lambda s: move(s, until), state)
        return state, state

    zero = jnp.zeros(())
    active = problem.weights @ inputs.T > 0
    start = State(zero, problem.weights, problem.output_weights, active, zero)
    return jax.lax.scan(to, start, times)[1]
