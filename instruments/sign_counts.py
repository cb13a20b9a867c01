r"""Gradient descent on XOR clusters in the limit where only counts of signs are left.

Samples $x_i = \sigma_i \mu_{k_i} + \mathcal N(0, I_p)$ with $\sigma_i = \pm 1$, orthogonal means
$\mu_1, \mu_2$ of equal length, and labels $y_i = \pm 1$ (clean: $+1$ on $\pm\mu_1$, $-1$ on
$\pm\mu_2$) train a network $f(x) = m^{-1/2} \sum_{j \le m} s_j\, \phi(\langle w_j, x\rangle)$,
$s_j = \pm 1$, by full-batch gradient descent with step $\alpha$ on the mean logistic loss, from
tiny weights.

**The limit.** The weights are $w_j = w_j(0) + \frac{\alpha}{2n\sqrt m} \sum_i c_{ij} x_i$, and
while outputs are tiny the logistic derivative is $-1/2$, so that the coefficients are integers:

$$c_{ij} \leftarrow c_{ij} + s_j y_i\, \phi'(z_{ij}), \qquad z_{ij} = \langle w_j, x_i\rangle .$$

Let $p \gg n|\mu|^2$ and $|\mu|^2 \gg \sqrt{np}$. Then three scales make up a pre-activation, each
negligible beside the one before: the sample's own coefficient, $c_{ij}\, p$; its cluster,
$\sigma_i M_{kj} |\mu|^2$ with

$$M_{kj} = \sum_{i : k_i = k} \sigma_i c_{ij}
  = \frac{2 n \sqrt m}{\alpha |\mu|^2} \langle w_j - w_j(0), \mu_k\rangle ;$$

and where there was no step yet the initial weights. Its sign is the first of the three that is not
zero. The sign is all that $\phi'$ needs if $\phi$ is positively homogeneous: `jax.nn.relu`,
`jnp.abs`, the identity. (What the limit leaves out is a later tie $c_{ij} = M_{kj} = 0$, which the
noise of other samples would break and here the initial sign does; a share $O(n^{-1/2})$ of the
neurons has one.)

**Counts suffice.** Samples that agree in mean, side $\sigma$, label and initial sign have the same
coefficients for ever. A neuron is 16 counts and 16 integers, a step costs $O(16m)$ for any number
of samples up to $10^{14}$ (float64 holds integers to $9 \cdot 10^{15}$).

Arrays have axes (mean 1 or 2, side $+$ or $-$, label $+$ or $-$, neuron), neurons last.

    counts = draw_counts(key, samples=1e12, neurons=400, flip_probability=0.1)
    trajectory = train(counts, output_signs, steps=10)
    perfect = jnp.all(correct_clusters(trajectory.centre_outputs), axis=(1, 2))

Many seeds: `jax.lax.map(one_seed, keys, batch_size=32)`, which keeps a batch in the cache; 20 000
seeds of 400 neurons and 10 steps take seconds on two cores.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

_SIGNS = np.array([1.0, -1.0])
# Along the axes side and label of (side, label, neuron).
_SIDES, _LABELS = _SIGNS[:, None, None], _SIGNS[:, None]


class Counts(NamedTuple):
    """How many samples of each group a neuron's initial weights put on the positive side, or not.

    The sum of the two is the size of the group, the same for every neuron.
    """

    active: Float[Array, "2 2 2 m"]
    inactive: Float[Array, "2 2 2 m"]


class Trajectory(NamedTuple):
    r"""A run of the limit; entry $t$ is the network after $t$ steps.

    `alignments` are $M_{kj}$, that is $\langle w_j, \mu_k\rangle$ in units of
    $\alpha |\mu|^2 / (2 n \sqrt m)$. `centre_outputs` are $f(\sigma\mu_k)$ by mean and side, in
    units of $\alpha |\mu|^2 / (2 n m)$.
    """

    alignments: Float[Array, "times 2 m"]
    centre_outputs: Float[Array, "times 2 2"]


def fair_binomial(key: PRNGKeyArray, trials: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Draw from $\mathrm{Binomial}(N, 1/2)$, ten times as fast as `jax.random.binomial`.

    Up to 64 trials the draw is exact: the ones among $N$ random bits. Beyond, it is a Gaussian
    quantile $z$ with its Cornish-Fisher correction for kurtosis and lattice, rounded:

    $$\Big\lfloor \frac N2 + \frac{\sqrt N}2 \Big(z - \frac{z^3 - z}{12 N}\Big) \Big\rceil ,$$

    whose distribution function is within $0.028 / N^2$ of the binomial's, so less than $7 \cdot
    10^{-6}$ everywhere: no sample of fewer than $10^9$ draws could tell.

    Args:
        key: random key.
        trials: numbers of trials $N$, integers from 0 to $10^{15}$ held as floats.

    Returns:
        Numbers of successes, integers held as floats.
    """
    # Drawn flat: random bits of many axes take ten times as long to compile.
    bits = jax.random.bits(key, (trials.size,), jnp.uint64).reshape(trials.shape)
    exact = jax.lax.population_count(bits >> (64 - jnp.minimum(trials, 64)).astype(jnp.uint64))
    uniform = ((bits >> 11).astype(float) + 0.5) * 2.0**-53
    z = jnp.sqrt(2) * jax.scipy.special.erfinv(2 * uniform - 1)
    corrected = z - (z**3 - z) / (12 * jnp.maximum(trials, 1))
    rounded = jnp.round(trials / 2 + jnp.sqrt(trials) / 2 * corrected)
    return jnp.where(trials <= 64, exact.astype(float), rounded)


def draw_counts(
    key: PRNGKeyArray,
    samples: int | float | Float[Array, ""],
    neurons: int,
    flip_probability: float | Float[Array, ""],
) -> Counts:
    r"""Draw clusters, labels and initial signs of the limit: nothing is left of the samples.

    A sample's cluster is uniform on the four, its label is flipped with `flip_probability`, and its
    initial sign is fair and independent for every neuron: as many samples of a group are active as
    $\mathrm{Binomial}(N, 1/2)$ says.

    Args:
        key: random key.
        samples: $n$, an integer up to $10^{14}$.
        neurons: $m$.
        flip_probability: chance that a label is not the clean one.
    """
    size_key, sign_key = jax.random.split(key)
    first = jnp.array([1 - flip_probability, flip_probability]) / 4
    second = first[::-1]
    probabilities = jnp.concatenate([first, first, second, second])
    sizes = jax.random.multinomial(size_key, samples, probabilities).reshape(2, 2, 2, 1)
    sizes = jnp.broadcast_to(sizes, (2, 2, 2, neurons))
    active = fair_binomial(sign_key, sizes)
    return Counts(active, sizes - active)


def count_pattern(
    pattern: Bool[Array, "n m"],
    means: Int[Array, " n"],
    sides: Float[Array, " n"],
    labels: Float[Array, " n"],
) -> Counts:
    """Count a given initial pattern, to compare the limit with a run from the same pattern.

    Args:
        pattern: whether neuron j's initial pre-activation of sample i is positive.
        means: whether sample i belongs to the first mean (0) or the second (1).
        sides: its side of the origin, 1 or -1.
        labels: its label, 1 or -1, flipped or not.
    """
    groups = product((0, 1), (1, -1), (1, -1))
    members = jnp.array(
        [(means == mean) & (sides == side) & (labels == label) for mean, side, label in groups],
        dtype=float,
    )
    active, inactive = members @ pattern, members @ ~pattern
    return Counts(active.reshape(2, 2, 2, -1), inactive.reshape(2, 2, 2, -1))


@partial(jax.jit, static_argnames=("steps", "activation"))
def train(
    counts: Counts,
    output_signs: Float[Array, " m"],
    *,
    steps: int,
    activation: Callable[[Array], Array] = jax.nn.relu,
) -> Trajectory:
    r"""Train in the limit.

    Args:
        counts: the initial pattern.
        output_signs: $s_j$, 1 or -1.
        steps: number of steps.
        activation: positively homogeneous, as `jax.nn.relu`, `jnp.abs` or the identity.

    Returns:
        Alignments with the means and outputs at the centres, before and after every step.
    """
    signed_sizes = jnp.stack(counts) * _SIDES
    initial_signs = _SIGNS[:, None, None, None, None]

    def step(coefficients: Array, _: None) -> tuple[Array, Trajectory]:
        alignments = jnp.sum(signed_sizes * coefficients, axis=(0, 2, 3))
        cluster_terms = _SIDES * alignments[:, None, None]
        without_own = jnp.where(cluster_terms != 0, jnp.sign(cluster_terms), initial_signs)
        signs = jnp.where(coefficients != 0, jnp.sign(coefficients), without_own)
        slopes = jax.grad(lambda z: jnp.sum(activation(z)))(signs)
        centres = jnp.stack([alignments, -alignments], axis=1)
        centre_outputs = jnp.sum(output_signs * activation(centres), axis=-1)
        observed = Trajectory(alignments, centre_outputs)
        return coefficients + output_signs * _LABELS * slopes, observed

    return jax.lax.scan(step, jnp.zeros_like(signed_sizes), length=steps + 1)[1]


def correct_clusters(centre_outputs: Float[Array, "*times 2 2"]) -> Bool[Array, "*times 2 2"]:
    r"""Tell which clusters are right: $f > 0$ at $\pm\mu_1$, $f < 0$ at $\pm\mu_2$."""
    return centre_outputs * _SIGNS[:, None] > 0


def odd_and_even(
    centre_outputs: Float[Array, "*times 2 2"],
) -> tuple[Float[Array, "*times 2"], Float[Array, "*times 2"]]:
    r"""Split the outputs at $\pm\mu_k$: $(f(\mu_k) \mp f(-\mu_k)) / 2$, the odd part first."""
    plus, minus = centre_outputs[..., 0], centre_outputs[..., 1]
    return (plus - minus) / 2, (plus + minus) / 2
