r"""Gradient descent of two-layer networks in as many dimensions as the data have, not the space.

A network $f(x; W) = \sum_{j \le m} a_j \phi(\langle w_j, x\rangle)$ with fixed output weights
$a$ is trained by full-batch gradient descent on the mean loss of the margins $y_i f(x_i)$, in steps

$$W \leftarrow W - \frac{\alpha}{n} \sum_{i \le n} \ell'(y_i f(x_i))\, y_i\,
  \big(a \odot \phi'(W x_i)\big)\, x_i^\top .$$

**Why the space does not matter.** Every step adds multiples of the inputs to the rows of $W$, and
the network sees $W$ only through $\langle w_j, x\rangle$. So the whole run, outputs at probe points
included, is a function of the inner products among inputs, initial weights and probes. Any
coordinates with these inner products give the same run, not an approximation of it, whatever the
dimension $p$ that the vectors came from. Three ways to use this, all through `train`:

| run | state | cost of a step |
|---|---|---|
| `form="primal"`, rows in $\mathbb R^p$ | $W$, $m \times p$ | $4nmp$ |
| `form="primal"`, rows in a frame of dimension $d$ | $W$, $m \times d$ | $4nmd$ |
| `form="dual"` | $C$, $n \times m$, with $W = W_0 + C^\top X$ | $2n^2m$ |

The dual form keeps pre-activations $Z = Z_0 + G C$ with the Gram matrix $G = X X^\top$, and a step
is $C \leftarrow C - \alpha\, \partial L / \partial Z$: one product of small matrices.

**Gaussian vectors in a frame.** If the vectors are $\mathcal N(0, I_p)$ about a few given
directions, `gaussian_frame` draws their coordinates in such a frame directly, for any $p$ up to
$10^{19}$ at the same price.

    frame = gaussian_frame(key, frame_degrees(n + m, 1e18))  # axes 0 and 1: the cluster means
    inputs, weights = centres + frame[:n], scale * frame[n:]
    network = Network(inputs, weights, output_weights, labels)
    trajectory = train(network, probes, steps=30, step_size=1e-20, form="dual")

Many seeds: `jax.lax.map` over keys in the dual form, since one seed's product already fills the
cores and stays in the cache; `jax.vmap` for step sizes or networks of a few dozen neurons.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray


class Network(NamedTuple):
    r"""A two-layer network and its training set, in any coordinates that keep inner products.

    Rows are vectors: `inputs` $x_i$ and initial `weights` $w_j$; `output_weights` are $a_j$ and
    `labels` $y_i = \pm 1$.
    """

    inputs: Float[Array, "n d"]
    weights: Float[Array, "m d"]
    output_weights: Float[Array, " m"]
    labels: Float[Array, " n"]


class Snapshot(NamedTuple):
    """What an observer sees of a network after some number of steps."""

    train_outputs: Float[Array, " n"]
    probe_outputs: Float[Array, " q"]
    train_preactivations: Float[Array, "n m"]
    probe_preactivations: Float[Array, "q m"]


class Trajectory(NamedTuple):
    """Outputs along a run; entry $t$ is the network after $t$ steps."""

    train_outputs: Float[Array, "times n"]
    probe_outputs: Float[Array, "times q"]


def logistic(margin: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Logistic loss $\log(1 + e^{-z})$ of a margin $z = y f(x)$."""
    return jax.nn.softplus(-margin)


def outputs(snapshot: Snapshot) -> Trajectory:
    """Observe the outputs at inputs and probes, and nothing else."""
    return Trajectory(snapshot.train_outputs, snapshot.probe_outputs)


Preactivations = Callable[[Array], tuple[Array, Array]]
Gradient = Callable[[Array], Array]


def _primal(network: Network, probes: Array) -> tuple[Array, Preactivations, Gradient]:
    def preactivations(weights: Array) -> tuple[Array, Array]:
        return network.inputs @ weights.T, probes @ weights.T

    def gradient(slopes: Array) -> Array:
        return slopes.T @ network.inputs

    return network.weights, preactivations, gradient


def _dual(network: Network, probes: Array) -> tuple[Array, Preactivations, Gradient]:
    initial = network.inputs @ network.weights.T, probes @ network.weights.T
    gram, probe_kernel = network.inputs @ network.inputs.T, probes @ network.inputs.T

    def preactivations(coefficients: Array) -> tuple[Array, Array]:
        return initial[0] + gram @ coefficients, initial[1] + probe_kernel @ coefficients

    def gradient(slopes: Array) -> Array:
        return slopes

    return jnp.zeros_like(initial[0]), preactivations, gradient


_FORMS = {"primal": _primal, "dual": _dual}


@partial(jax.jit, static_argnames=("steps", "form", "activation", "loss", "observe"))
def train(
    network: Network,
    probes: Float[Array, "q d"],
    *,
    steps: int,
    step_size: float | Float[Array, ""],
    form: Literal["primal", "dual"] = "primal",
    activation: Callable[[Array], Array] = jax.nn.relu,
    loss: Callable[[Array], Array] = logistic,
    observe: Callable[[Snapshot], Any] = outputs,
) -> Any:
    r"""Train by full-batch gradient descent and observe the network before and after every step.

    What is not observed is neither kept nor computed, so that a long run which asks for one bit a
    step keeps one bit a step:

        solved = lambda snapshot: jnp.all(snapshot.probe_outputs * signs > 0)
        first = jnp.argmax(train(network, probes, steps=5000, step_size=0.1, observe=solved))

    Args:
        network: inputs, initial weights, output weights and labels.
        probes: points at which the network is evaluated but not trained, in the same coordinates.
        steps: number of steps.
        step_size: $\alpha$.
        form: what is updated, see the module; the same run up to rounding. `"dual"` is the cheaper
            if there are fewer than twice as many inputs as coordinates.
        activation: $\phi$, elementwise: `jax.nn.relu`, `jnp.abs`, the identity ... Its derivative
            at a kink is the one that JAX chooses, zero for these two.
        loss: $\ell$ of the margin $y f(x)$, elementwise.
        observe: what to keep of a network, any tree of arrays. A function defined once is compiled
            once.

    Returns:
        What `observe` returns with a leading axis of `steps + 1` times, the first before training;
        by default a `Trajectory` of the outputs at inputs and probes.
    """
    parameters, step = _descent(network, probes, step_size, form, activation, loss, observe)
    return jax.lax.scan(lambda now, _: step(now), parameters, length=steps + 1)[1]


@partial(jax.jit, static_argnames=("until", "form", "activation", "loss"))
def steps_until(
    network: Network,
    probes: Float[Array, "q d"],
    *,
    until: Callable[[Snapshot], Bool[Array, ""]],
    limit: int | Int[Array, ""],
    step_size: float | Float[Array, ""],
    form: Literal["primal", "dual"] = "primal",
    activation: Callable[[Array], Array] = jax.nn.relu,
    loss: Callable[[Array], Array] = logistic,
) -> Int[Array, ""]:
    """Train until a condition holds, and no longer; the other arguments are those of `train`.

    Under `jax.vmap` with an `axis_name`, the condition may look at all networks of a batch:

        until = lambda now: jax.lax.pmean(accuracy(now), "batch") > 0.9

    Args:
        network: inputs, initial weights, output weights and labels.
        probes: points at which the network is evaluated but not trained.
        until: the condition.
        limit: largest number of steps; it may be traced.
        step_size: as in `train`.
        form: as in `train`.
        activation: as in `train`.
        loss: as in `train`.

    Returns:
        Number of steps after which the condition holds first, `limit + 1` if it never does.
    """
    parameters, step = _descent(network, probes, step_size, form, activation, loss, until)

    def running(state: tuple[Array, Array, Array]) -> Array:
        steps, _, reached = state
        return ~reached & (steps <= limit)

    def advance(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        steps, parameters, _ = state
        parameters, reached = step(parameters)
        # A state that has reached the condition is not counted as a step taken.
        return steps + ~reached, parameters, reached

    start = jnp.asarray(0), parameters, jnp.asarray(False)
    return jax.lax.while_loop(running, advance, start)[0]


def _descent(
    network: Network,
    probes: Array,
    step_size: float | Array,
    form: Literal["primal", "dual"],
    activation: Callable[[Array], Array],
    loss: Callable[[Array], Array],
    observe: Callable[[Snapshot], Any],
) -> tuple[Array, Callable[[Array], tuple[Array, Any]]]:
    """Initial parameters, and the step that returns the next ones and observes the present."""
    parameters, preactivations, gradient = _FORMS[form](network, probes)

    def risk(train_preactivations: Array) -> tuple[Array, Array]:
        train_outputs = activation(train_preactivations) @ network.output_weights
        return jnp.mean(loss(network.labels * train_outputs)), train_outputs

    def step(parameters: Array) -> tuple[Array, Any]:
        at_inputs, at_probes = preactivations(parameters)
        slopes, train_outputs = jax.grad(risk, has_aux=True)(at_inputs)
        probe_outputs = activation(at_probes) @ network.output_weights
        observed = observe(Snapshot(train_outputs, probe_outputs, at_inputs, at_probes))
        return parameters - step_size * gradient(slopes), observed

    return parameters, step


def frame_degrees(count: int, dimension: int | float, *, fixed: int = 2) -> Float[Array, "{count}"]:
    r"""Degrees of freedom $p - \mathrm{fixed} - i$ of the squared lengths in a `gaussian_frame`.

    Args:
        count: number of vectors.
        dimension: $p$, from `count + fixed` to $10^{19}$.
        fixed: number of given orthonormal directions.

    Raises:
        ValueError: fewer dimensions than the vectors and given directions span.
    """
    if dimension < count + fixed:
        raise ValueError(
            f"{count} vectors and {fixed} fixed directions span {count + fixed} dimensions, "
            f"so dimension must be at least that, not {dimension}"
        )
    return dimension - fixed - jnp.arange(count, dtype=float)


def gaussian_frame(
    key: PRNGKeyArray, degrees: Float[Array, " count"], *, fixed: int = 2
) -> Float[Array, "count {fixed}+count"]:
    r"""Draw standard Gaussian vectors of $\mathbb R^p$ in an orthonormal frame that they span.

    The first `fixed` axes of the frame are given directions, the next is the rest of the first
    vector, then the rest of the second, and so on (Gram-Schmidt). In these coordinates the vectors
    are the rows of $[E, L]$: $E$ standard Gaussian, and $L$ the Bartlett factor of a Wishart
    matrix, lower triangular with independent entries

    $$L_{ij} \sim \mathcal N(0, 1) \ (i > j), \qquad L_{ii}^2 \sim \chi^2_{p - \mathrm{fixed} - i}
      \quad (i = 0, 1, \dots),$$

    so all inner products, with the given directions too, have exactly the law they have in
    $\mathbb R^p$. Time and memory do not depend on $p$. At $p = 10^{19}$ neighbouring floats are
    $5 \cdot 10^{-7}$ standard deviations of $\chi^2$ apart; beyond, rounding begins to show.

    Another standard Gaussian vector of $\mathbb R^p$, drawn later, has coordinates
    $\mathcal N(0, I_{\mathrm{fixed} + \mathrm{count}})$ in the frame: its inner products with the
    vectors of the frame are exact, those with a second such newcomer are not. So the frame must
    hold all vectors but one of every inner product that is used. Test points may come later if
    inputs and weights are in the frame; weights may come later if inputs and test points are.

    Args:
        key: random key.
        degrees: degrees of freedom of $L_{ii}^2$, `frame_degrees(count, dimension)`; they hold the
            dimension, so that one compiled program serves all.
        fixed: number of given orthonormal directions.

    Returns:
        One vector a row.

    Source: M. S. Bartlett, On the theory of statistical regression, 1933 (the factor $L$).
    """
    count = len(degrees)
    normal_key, length_key = jax.random.split(key)
    normals = jax.random.normal(normal_key, (count, fixed + count))
    # jax.random.chisquare exponentiates a logarithm, which loses digits of a chi2 this narrow.
    lengths = jnp.sqrt(2 * jax.random.gamma(length_key, degrees / 2))
    factor = jnp.tril(normals[:, fixed:], -1) + jnp.diag(lengths)
    return jnp.hstack([normals[:, :fixed], factor])
