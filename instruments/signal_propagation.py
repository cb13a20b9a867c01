r"""Signals and tangents in random networks, without their weights.

A dense layer with Gaussian weights acts on $k$ vectors of length $n$ through their inner products
only: if $V=QR$ with orthonormal $Q$ ($n\times k$), the entries of $WQ$ are independent Gaussians
again, so $WV=(WQ)R$ is drawn *exactly* from $k$ numbers per output instead of $n$. One input then
costs $O(\text{width})$ a layer where a matrix costs $O(\text{width}^2)$, and what is measured over
draws is the law of the finite network, not its limit.

Inputs and their tangents are all such vectors, so that Jacobians come with the signals: a network
is written as a chain of the functions below, each from `Signals` to `Signals`. Weights are drawn in
the precision of the signals; in single precision that takes a third of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

Seen = TypeVar("Seen")


class Signals(NamedTuple):
    """What a layer makes of each input, and of a direction in which the input is moved."""

    values: Float[Array, "inputs units"]
    tangents: Float[Array, "inputs units"]

    @property
    def units(self) -> int:
        """Units of the layer."""
        return self.values.shape[-1]

    def __add__(self, other: Signals) -> Signals:  # type: ignore[override]
        """The sum of two branches."""
        return Signals(self.values + other.values, self.tangents + other.tangents)

    def scaled(self, factor: float | Float[Array, ""]) -> Signals:
        """Multiplied by a number."""
        return Signals(self.values * factor, self.tangents * factor)

    def through(self, function: Callable[[Array], Array]) -> Signals:
        """After a function that is differentiable almost everywhere, elementwise or not."""
        return Signals(*jax.jvp(function, (self.values,), (self.tangents,)))


Layer = Callable[[PRNGKeyArray, Signals], Signals]
"""A random layer or block: draws its weights from the key and applies them."""


def dense(width: int, gain: float | Float[Array, ""] = 1.0) -> Layer:
    """A layer of `width` units whose weights are independent N(0, gain / fan-in)."""

    def layer(key: PRNGKeyArray, signals: Signals) -> Signals:
        vectors = jnp.concatenate(signals)
        count, fan_in = vectors.shape
        # V = QR: with fewer vectors than coordinates, draw WQ instead of W.
        factor = jnp.linalg.qr(vectors.T, mode="r").T if count < fan_in else vectors
        draws = _normal(key, (factor.shape[1], width), factor.dtype)
        return Signals(*jnp.split(jnp.sqrt(gain / fan_in) * factor @ draws, 2))

    return layer


def standardized(width: int, gain: float | Float[Array, ""] = 1.0) -> Layer:
    """A layer whose rows are centred and scaled to length `sqrt(gain)`: weight standardization."""

    def layer(key: PRNGKeyArray, signals: Signals) -> Signals:
        rows = _normal(key, (signals.units, width), signals.values.dtype)
        rows -= rows.mean(axis=0)
        rows *= jnp.sqrt(gain) / jnp.linalg.norm(rows, axis=0)
        return Signals(signals.values @ rows, signals.tangents @ rows)

    return layer


def propagate(
    key: PRNGKeyArray,
    block: Callable[[PRNGKeyArray, Signals, Any], Signals],
    signals: Signals,
    schedule: Any,
    see: Callable[[Signals], Seen],
) -> Seen:
    """Send signals through equally wide blocks, one compiled step for all of them.

    Args:
        key: random key; each block draws from its own.
        block: what is repeated; it gets a key, the signals and its entry of `schedule`.
        signals: what enters the first block.
        schedule: arrays whose leading axis is the depth, for what differs from block to block.
        see: what is kept of the signals after each block.

    Returns:
        What `see` returned, with a leading axis for the depth.
    """

    def step(signals: Signals, at: tuple[PRNGKeyArray, Any]) -> tuple[Signals, Seen]:
        signals = block(at[0], signals, at[1])
        return signals, see(signals)

    depth = len(jax.tree.leaves(schedule)[0])
    return jax.lax.scan(step, signals, (jax.random.split(key, depth), schedule))[1]


def _normal(
    key: PRNGKeyArray, shape: tuple[int, int], dtype: jnp.dtype
) -> Float[Array, "rows columns"]:
    # Bits drawn along several axes take XLA ten times longer to compile.
    return jax.random.normal(key, (shape[0] * shape[1],), dtype).reshape(shape)
