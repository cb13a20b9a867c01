r"""Neurons of vanishing size, followed exactly from event to event.

Gradient flow on a loss that has slope $-1$ at zero, summed over samples $(x_i,y_i)$, moves a
neuron $v\,\mathrm{relu}\langle w,\cdot\rangle$ of vanishing size as if it were alone. Let $s$ be
the sign of $v$ and $z_i=y_ix_i$ for $s=1$, $-y_ix_i$ for $s=-1$. Then

$$\dot w=|v|\,g,\qquad \frac{d|v|}{dt}=\langle w,g\rangle,\qquad g=\sum_{i\in A}z_i,$$

and with $b_i=\langle w,z_i\rangle$ the active samples $A$ are the neuron's *own*, $y_i=s$, where
$b_i>0$, and those of the other label where $b_i<0$. If no two $z_i$ have a negative inner product,
every $b_i$ grows, so that own samples switch on and others off, each once: at most $n$ events,
after which the neuron is active on exactly its own samples, or on none.

**Between two events** $g$ is constant, $w=w_0+Bg$ with $\dot B=|v|$, and $v^2-|w|^2$ is conserved.
With $G=|g|$, $p=\langle w,g\rangle$ and $q^2=v^2G^2-p^2$, constant too, the time is

$$t=\frac1G\Big[\operatorname{arsinh}\frac{p_0+G^2B}q-\operatorname{arsinh}\frac{p_0}q\Big],$$

and the next event comes at the least $B=-b_k/\langle g,z_k\rangle$. So there is no step size and
no error but rounding, and only the Gram matrix of the data enters, whatever the dimension.

    gram = signed_inputs @ signed_inputs.T               # of z_i = y_i x_i
    start = Start(own, weights @ signed_inputs.T, squared_outputs)
    aligned = align(gram, start)                         # aligned.time: of each neuron's last event
    weights + aligned.coefficients @ signed_inputs       # where it is then; or earlier: until=0.3

Cost: one $n\times n$ product a neuron, then $O(n)$ an event, vectorised over neurons. Data that
are all equally correlated need a sort and $O(1)$ an event: `align_equicorrelated`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray


class Start(NamedTuple):
    r"""Neurons at their start, seen from the data.

    A pre-activation of zero counts as positive, which is the side that it moves to.
    """

    own: Bool[np.ndarray, "h n"]
    """Which samples carry the label that the neuron votes for."""
    preactivations: Float[np.ndarray, "h n"]
    r"""$b_i=\langle w,z_i\rangle$, with $z_i=\pm y_ix_i$ by the neuron's sign."""
    squared_outputs: Float[np.ndarray, " h"]
    r"""$v^2$, which equals $|w|^2$ for balanced neurons and must not be smaller."""


class Aligned(NamedTuple):
    """Neurons after their last event, or at an earlier time that was asked for."""

    time: Float[np.ndarray, " h"]
    """Time of the last event; zero without one, infinite if the neuron shrinks for ever."""
    coefficients: Float[np.ndarray, "h n"]
    r"""$c$ of the weight $w=w_0+\sum_ic_iz_i$ at the last event, or at the time asked for."""
    active: Bool[np.ndarray, "h n"]
    """Samples on which the neuron is active then."""
    twist: Float[np.ndarray, " h"]
    r"""$\int(v^2|g|^2-\langle w,g\rangle^2)\,dt$ up to then: what discrete steps make of it is an
    imbalance between $v^2$ and $|w|^2$."""


def align(gram: Float[np.ndarray, "n n"], start: Start, *, until: float = math.inf) -> Aligned:
    r"""Follow neurons to their last event, or to a given time.

    Args:
        gram: $\langle z_i,z_j\rangle$, none negative.
        start: the neurons.
        until: a time at which to stop; later than its last event, a neuron still moves.

    Raises:
        ValueError: a negative inner product, for which events might come back.
    """
    if np.min(gram) < 0:
        raise ValueError(f"inner products must not be negative, the least is {np.min(gram):g}")
    own, b = start.own, start.preactivations.copy()
    wrong = b < 0
    active = own != wrong
    speed = active @ gram
    motion = _Motion(np.sum(np.where(active, b, 0.0), axis=1), start.squared_outputs, until)
    coefficients, rows = np.zeros(b.shape), np.arange(len(b))
    while np.any(running := motion.runs(np.any(wrong, axis=1), np.any(active, axis=1))):
        with np.errstate(divide="ignore", invalid="ignore"):
            lengths = np.where(wrong & (speed > 0), -b / speed, np.inf)
        first = np.argmin(lengths, axis=1)
        squared_pull = np.sum(np.where(active, speed, 0.0), axis=1)
        length, arrived = motion.move(running, squared_pull, lengths[rows, first])
        coefficients += length[:, None] * active
        b += length[:, None] * speed
        neuron, sample = rows[arrived], first[arrived]
        switches_on = own[neuron, sample]
        b[neuron, sample] = 0.0
        wrong[neuron, sample] = False
        active[neuron, sample] = switches_on
        speed[neuron] += np.where(switches_on, 1.0, -1.0)[:, None] * gram[sample]
    return Aligned(motion.time, coefficients, active, motion.twist)


def align_equicorrelated(correlation: float, start: Start) -> Float[np.ndarray, " h"]:
    r"""Times of the last event where $|z_i|=1$ and $\langle z_i,z_j\rangle=$ `correlation` $\ge0$.

    All samples of a kind (own and not yet active, other and still active) then move at one speed,
    so that each kind switches in the order of its start.
    """
    own, b = start.own, start.preactivations
    h, n = b.shape
    wrong = b < 0
    # Distances to go, in order; a sentinel that is never reached ends each row.
    late, early = (
        np.pad(np.sort(np.where(wrong & kind, -b, np.inf), axis=1), ((0, 0), (0, 1)),
               constant_values=np.inf)
        for kind in (own, ~own)
    )  # fmt: skip
    count = np.sum(own != wrong, axis=1)
    motion = _Motion(np.sum(np.where(own != wrong, b, 0.0), axis=1), start.squared_outputs)
    rows = np.arange(h)
    switched_on, switched_off = np.zeros(h, int), np.zeros(h, int)
    late_moved, early_moved = np.zeros(h), np.zeros(h)
    for _ in range(n):
        late_left = late[rows, switched_on] - late_moved
        early_left = early[rows, switched_off] - early_moved
        some_left = np.isfinite(late_left) | np.isfinite(early_left)
        running = motion.runs(some_left, count > 0)
        if not np.any(running):
            break
        late_speed = correlation * count
        early_speed = late_speed + (1 - correlation)
        with np.errstate(divide="ignore", invalid="ignore"):
            late_length = np.where(late_speed > 0, late_left / late_speed, np.inf)
            early_length = early_left / early_speed
        length, arrived = motion.move(
            running, count * early_speed, np.minimum(late_length, early_length)
        )
        late_moved += late_speed * length
        early_moved += early_speed * length
        is_late = late_length <= early_length
        switched_on += arrived & is_late
        switched_off += arrived & ~is_late
        count += np.where(arrived, np.where(is_late, 1, -1), 0)
    return motion.time


class _Motion:
    """What all neurons do between events: their clocks, and the two numbers that drive them."""

    def __init__(
        self,
        product: NDArray[np.float64],
        squared_outputs: NDArray[np.float64],
        until: float = math.inf,
    ) -> None:
        self.product = product.copy()  # <w, g>
        self.squared_outputs = squared_outputs.copy()
        self.until = until
        self.clock = np.zeros(len(product))
        self.time = np.zeros(len(product))  # of the last event
        self.twist = np.zeros(len(product))
        self._stopped = np.zeros(len(product), bool)

    def runs(
        self, has_events: NDArray[np.bool_], is_active: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Which neurons still move, to an event or to the time that was asked for."""
        return ~self._stopped & is_active & (has_events | (self.until < math.inf))

    def move(
        self,
        running: NDArray[np.bool_],
        squared_pull: NDArray[np.float64],
        lengths: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Move to the next event, `lengths` away, or to the end; lengths moved, and who arrived."""
        squared_pull = np.where(running, squared_pull, 1.0)
        pull, p = np.sqrt(squared_pull), self.product
        q2 = np.maximum(self.squared_outputs * squared_pull - p**2, 0.0)
        # Events that fall together may come out of order by a rounding.
        length = np.where(running, np.maximum(lengths, 0.0), 0.0)
        took = _log_growth(p, p + squared_pull * length, q2) / pull
        ends = running & (self.clock + took > self.until)
        if np.any(ends):
            took = np.where(ends, self.until - self.clock, took)
            angle = np.where(ends, pull * took, 0.0)
            reached = p * np.cosh(angle) + np.hypot(p, np.sqrt(q2)) * np.sinh(angle)
            length = np.where(ends, (reached - p) / squared_pull, length)
        # An event that never comes: the neuron shrinks towards zero for ever.
        never = np.isinf(took)
        self.time[never] = np.inf
        took, length = np.where(never, 0.0, took), np.where(never, 0.0, length)
        self.clock += took
        self.twist += q2 * took
        self.product = p + squared_pull * length
        moved = (q2 + self.product**2) / squared_pull
        self.squared_outputs = np.where(running, moved, self.squared_outputs)
        self._stopped |= ends | never
        arrived = running & ~ends & ~never
        self.time[arrived] = self.clock[arrived]
        return length, arrived


def _log_growth(
    p0: NDArray[np.float64], p1: NDArray[np.float64], q2: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""$\operatorname{arsinh}(p_1/q)-\operatorname{arsinh}(p_0/q)$, without cancellation.

    $p+\sqrt{q^2+p^2}$ loses its digits where $p<0$; there it is $q^2/(\sqrt{q^2+p^2}-p)$.
    """
    q = np.sqrt(q2)
    r0, r1 = np.hypot(q, p0), np.hypot(q, p1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        growth = np.where(p1 <= 0, (r0 - p0) / (r1 - p1), (p1 + r1) * (r0 - p0) / q2)
        growth = np.where(p0 >= 0, (p1 + r1) / (p0 + r0), growth)
        return np.where(p0 == p1, 0.0, np.log(growth))
