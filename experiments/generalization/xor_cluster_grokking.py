r"""Benign overfitting and grokking on XOR clusters.

Four clusters sit at $\pm\mu_1$ (label $+1$) and $\pm\mu_2$ (label $-1$) in $\mathbb R^p$, with
Gaussian noise around them; no linear classifier beats a coin flip. A share $\eta$ of the training
labels is flipped. A two-layer ReLU network is trained by plain gradient descent.

- After **one step** it fits every training label, the flipped ones too, and on test points it is
  worth nothing: it is almost linear. Memorising needs no features, only many dimensions.
- **A few steps later** its neurons have found the means, and test points are classified almost
  perfectly, although the flipped labels are still memorised. This is *grokking* (fit first,
  understand later) and *benign overfitting* (the fitted noise does no harm) at once, proved.

The theorem needs $p\ge C^4n^{5.02}$ dimensions, $10^{17}$ for 400 samples. No computer stores such
vectors, and none needs to: training sees inner products only, and those of $k$ Gaussian vectors are
drawn exactly in a frame of $k+2$ axes. So everything below runs *in* the theorem's regime.
What the theorem leaves open is worked out and tested as well: the jump comes at step three, a
class then still fails with probability $q=\frac{2\eta}{(1-\eta)(t-1)}$, and a larger initialisation
delays the jump in proportion.

Zhiwei Xu, Yutong Wang, Spencer Frei, Gal Vardi, Wei Hu: *Benign Overfitting and Grokking in ReLU
Networks for XOR Cluster Data*, ICLR 2024, arXiv:2310.02541.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy import stats

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import (
    Evidence,
    at_least,
    counts,
    distributed_as,
    equals,
    frequency,
    identity,
    ordered,
    scales_as,
)
from harness.errors import require
from harness.style import PREDICTED
from instruments import gram_training, sign_counts
from instruments.gram_training import Network, Snapshot, frame_degrees, gaussian_frame
from theory.generalization import xor_cluster_grokking as theory

ACTIVATIONS = {"relu": (0.5, 0.5), "linear": (1.0, 0.0), "abs": (0.0, 1.0)}
"""Odd and even share of a positively homogeneous activation: of z and of |z|."""
CENTRES = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
"""The clusters in units of |mu|, along the two means; mean by mean, positive side first."""
CLEAN_LABELS = np.array([1, 1, -1, -1])
LAW_STEPS = (3, 5, 10)
"""Steps at which the grokking law is tested: the jump, and two later ones."""
SHOWN_STEPS = (1, 3, 12)
"""Steps at which the alignments of all neurons are kept."""


@dataclass(frozen=True)
class Config:
    r"""Parameters; signals are squared lengths $|\mu|^2$."""

    label_noise: float = 0.1
    """Probability eta that a training label is flipped; below 1/2 for the theorem."""
    activation: Literal["relu", "linear", "abs"] = "relu"
    """Activation of the hidden layer; the theorem is about relu."""

    samples: int = 400
    """Training samples n of the runs in the theorem's regime."""
    width: int = 100
    """Hidden neurons m of these runs."""
    dimension: float = 1e17
    """Input dimension p of these runs."""
    relative_signal: float = 1.0
    """Signal in units of the least one that the theorem allows."""
    steps: int = 12
    """Steps of gradient descent of these runs, at least 12; the theorem speaks of up to sqrt(n)."""
    seeds: int = 128
    """Independent runs."""
    test_points: int = 10
    """Test points per cluster."""
    shared_start: bool = True
    """Whether the sign-count limit starts from the same activity pattern as gradient descent."""

    law_samples: float = 1e14
    """Training samples of the sign-count limit."""
    law_width: int = 100
    """Hidden neurons of the sign-count limit."""
    law_noise: tuple[float, ...] = (0.1, 0.3)
    """Label noise rates of the sign-count limit, up to 1/2 where nothing can be learned."""
    law_seeds: int = 20_000
    """Independent runs of the sign-count limit."""
    first_step_widths: tuple[int, ...] = (16, 48, 144)
    """Hidden neurons of the one-step runs of the limit; at least three widths."""
    first_step: int = 1
    """Step at which these runs are looked at."""

    small_samples: int = 100
    """Training samples where assumption A2 is broken."""
    small_width: int = 200
    """Hidden neurons there."""
    small_dimensions: tuple[int, ...] = (25, 50, 100, 200)
    """Input dimensions there, too few for the theorem."""
    small_seeds: int = 500
    """Independent runs there."""

    frame_draws: int = 20_000
    """Frames drawn to test their law."""
    wrong_frame: Literal["no", "means", "lengths"] = "no"
    """A mistake in the frame: noise without its part along the means, or rows all as long."""

    slow_samples: int = 60
    """Training samples of the runs that start from large weights."""
    slow_width: int = 120
    """Hidden neurons of these runs."""
    slow_dimension: float = 1e12
    """Input dimension of these runs."""
    slow_signal: float = 3e7
    """Signal of these runs."""
    slow_noise: float = 0.05
    """Label noise of these runs."""
    init_ratios: tuple[float, ...] = (0.01, 0.02, 0.04)
    """Initial pre-activations over a sample's own pull in a step; at least three, increasing."""
    slow_blocks: int = 24
    """Independent groups of these runs, one jump each."""
    slow_block_seeds: int = 8
    """Runs in a group; their mean accuracy jumps."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                fine = isinstance(number, str | bool) or number > 0
                require(fine, f"{name} must be above zero, got {number}")
        for name in ("label_noise", "slow_noise"):
            noise = getattr(self, name)
            require(noise < 0.5, f"{name} must be below 1/2, got {noise}")
        # Here 1/2 is allowed: it is where nothing can be learned.
        require(max(self.law_noise) <= 0.5, f"law_noise must be at most 1/2, got {self.law_noise}")
        require(self.steps >= max(SHOWN_STEPS), f"steps must be at least 12, got {self.steps}")
        for samples, dimension in (
            (self.samples, self.dimension),
            (self.slow_samples, self.slow_dimension),
        ):
            # Data and test points span a frame with the two means.
            least = samples + 4 * self.test_points + 2
            require(
                least <= dimension <= 1e19,
                f"dimension must be between samples + 4 test_points + 2 = {least} and 1e19, "
                f"got {dimension:g}",
            )
        for name in ("first_step_widths", "init_ratios"):
            values = getattr(self, name)
            require(len(set(values)) >= 3, f"{name} needs at least three different values")


SIZES = {
    "ci": Config(),
    "figure": Config(
        samples=1000,
        width=1000,
        dimension=1e18,
        steps=31,
        seeds=24,
        law_width=200,
        law_noise=(0.1, 0.2, 0.3),
        law_seeds=30_000,
        first_step_widths=(32, 128, 512),
        init_ratios=(0.005, 0.01, 0.03, 0.1),
    ),
    "paper": Config(
        samples=2000,
        width=2000,
        dimension=1e19,
        steps=44,
        seeds=64,
        law_width=400,
        law_noise=(0.1, 0.2, 0.3),
        law_seeds=100_000,
        first_step_widths=(64, 256, 1024),
        init_ratios=(0.005, 0.01, 0.03, 0.1, 0.3),
        slow_blocks=48,
        small_samples=200,
        small_width=1000,
        small_dimensions=(100, 200, 400, 800),
        small_seeds=1000,
        frame_draws=200_000,
    ),
}


def sample_clusters(
    key: PRNGKeyArray, samples: int, label_noise: float | Float[Array, ""]
) -> tuple[Int[Array, " n"], Float[Array, " n"]]:
    """Cluster indices, uniform, and labels, each flipped with probability `label_noise`."""
    cluster_key, flip_key = jax.random.split(key)
    clusters = jax.random.randint(cluster_key, (samples,), 0, 4)
    flips = jnp.where(jax.random.bernoulli(flip_key, label_noise, (samples,)), -1.0, 1.0)
    return clusters, jnp.asarray(CLEAN_LABELS)[clusters] * flips


Activation = Callable[[Array], Array]


def activation(shares: Float[Array, "2"]) -> Activation:
    """The activation with these odd and even shares; as they are traced, one program serves all."""
    return lambda z: shares[0] * z + shares[1] * jnp.abs(z)


class Problem(NamedTuple):
    """A network at its start in the frame of its Gaussian vectors, and where it is looked at."""

    network: Network
    probes: Float[Array, "q d"]
    """Test points, cluster by cluster, then the two means."""
    clusters: Int[Array, " n"]


def sample_problem(
    key: PRNGKeyArray,
    degrees: Float[Array, " vectors"],
    *,
    samples: int,
    width: int,
    signal: float | Float[Array, ""],
    init_scale: float | Float[Array, ""],
    label_noise: float | Float[Array, ""],
) -> Problem:
    """Draw data, network and test points; nothing here is as long as the dimension.

    Args:
        key: random key.
        degrees: degrees of freedom of the frame of training and test noise, in this order.
        samples: training samples; the other vectors of the frame are test points.
        width: hidden neurons.
        signal: squared length of the means.
        init_scale: standard deviation of the initial weights.
        label_noise: probability that a label is flipped.
    """
    frame_key, cluster_key, sign_key, weight_key = jax.random.split(key, 4)
    frame = gaussian_frame(frame_key, degrees)
    clusters, labels = sample_clusters(cluster_key, samples, label_noise)
    # Axes 0 and 1 of the frame are the directions of the means.
    centres = jnp.zeros((4, frame.shape[1])).at[:, :2].set(CENTRES) * jnp.sqrt(signal)
    signs = jax.random.rademacher(sign_key, (width,), dtype=float)
    # Weights come later: with the vectors of the frame their inner products are exact.
    weights = init_scale * jax.random.normal(weight_key, (width, frame.shape[1]))
    network = Network(
        centres[clusters] + frame[:samples], weights, signs / math.sqrt(width), labels
    )
    tests = frame[samples:] + jnp.repeat(centres, (len(frame) - samples) // 4, axis=0)
    return Problem(network, jnp.concatenate([tests, centres[::2]]), clusters)


def cluster_accuracy(probe_outputs: Float[Array, " q"]) -> Float[Array, "4"]:
    """Share of test points classified correctly, cluster by cluster."""
    outputs = probe_outputs[:-2].reshape(4, -1)
    return jnp.mean(outputs * CLEAN_LABELS[:, None] > 0, axis=1)


# ---------------------------------------------------------------- the frame is exact


class Forms(NamedTuple):
    """Outputs at training and test points along the same run in three forms."""

    full: Float[Recorded, "seeds times points"]
    frame: Float[Recorded, "seeds times points"]
    dual: Float[Recorded, "seeds times points"]


FORMS_SAMPLES, FORMS_WIDTH, FORMS_DIMENSION, FORMS_STEPS = 40, 60, 1500, 50


@jax.jit
def forms_of_one_run(key: PRNGKeyArray, keep_means: Array, label_noise: Array) -> Forms:
    """Outputs of one run in three forms; without `keep_means`, the frame lacks the first axes."""
    noise_key, weight_key, cluster_key, sign_key, test_key = jax.random.split(key, 5)
    clusters, labels = sample_clusters(cluster_key, FORMS_SAMPLES, label_noise)
    axes = jnp.eye(2, FORMS_DIMENSION)
    scale = math.sqrt(FORMS_DIMENSION)
    centres = scale * jnp.asarray(CENTRES) @ axes
    noise = jax.random.normal(noise_key, (FORMS_SAMPLES, FORMS_DIMENSION))
    weights = jax.random.normal(weight_key, (FORMS_WIDTH, FORMS_DIMENSION)) / scale
    signs = jax.random.rademacher(sign_key, (FORMS_WIDTH,), dtype=float)
    probes = centres + jax.random.normal(test_key, (4, FORMS_DIMENSION))
    full = Network(centres[clusters] + noise, weights, signs / math.sqrt(FORMS_WIDTH), labels)

    basis = jnp.linalg.qr(jnp.concatenate([axes, noise, weights]).T)[0]
    basis = basis.at[:, :2].multiply(keep_means)
    reduced = full._replace(inputs=full.inputs @ basis, weights=full.weights @ basis)

    def outputs(network: Network, probes: Array, form: Literal["primal", "dual"]) -> Array:
        # At this step size outputs reach order one: the bend of the loss is felt.
        step_size = FORMS_SAMPLES / (20 * FORMS_DIMENSION)
        run = gram_training.train(
            network, probes, steps=FORMS_STEPS, step_size=step_size, form=form
        )
        return jnp.concatenate([run.train_outputs, run.probe_outputs], axis=1)

    return Forms(
        outputs(full, probes, "primal"),
        outputs(reduced, probes @ basis, "primal"),
        outputs(reduced, probes @ basis, "dual"),
    )


@measurement
def compare_forms(config: Config, key: PRNGKeyArray) -> Forms:
    """Train in all dimensions, in the frame of the vectors, and on inner products alone."""
    keep_means = jnp.asarray(config.wrong_frame != "means", float)
    runs = [
        forms_of_one_run(key, keep_means, jnp.asarray(config.label_noise))
        for key in jax.random.split(key, 4)
    ]
    return Forms(*(jnp.stack(parts) for parts in zip(*runs, strict=True)))


@claim(
    compare_forms,
    kind="identity",
    source="derived: only inner products enter",
    tolerance=1e-10,
    controls=[broken("A frame without the axes of the means is not exact.", wrong_frame="means")],
)
def training_in_the_frame_equals_training_in_full(run: Forms, config: Config) -> Evidence:
    r"""Gradient descent in $\mathbb R^p$, in the frame of its vectors and on their inner products
    alone gives the same outputs at every step, up to rounding:
    $f_{\mathrm{frame}}=f_{\mathrm{dual}}=f$.
    """
    reduced = np.stack([run.frame, run.dual], axis=1)
    return identity(reduced, run.full[:, None], rounding=1e-12)


class Frames(NamedTuple):
    """Squared length of the last of eight vectors, one frame a draw."""

    squared_length: Float[Recorded, " draws"]


FRAME_VECTORS, FRAME_DIMENSION = 8, 50


@partial(jax.jit, static_argnames="draws")
def last_coordinates(key: PRNGKeyArray, degrees: Array, draws: int) -> Array:
    """Coordinates of the last vector of each of many frames."""
    keys = jax.random.split(key, draws)
    return jax.lax.map(lambda key: gaussian_frame(key, degrees)[-1], keys)


@measurement
def sample_frames(config: Config, key: PRNGKeyArray) -> Frames:
    """Draw frames of eight vectors in 50 dimensions."""
    degrees = frame_degrees(FRAME_VECTORS, FRAME_DIMENSION)
    if config.wrong_frame == "lengths":
        degrees = jnp.full_like(degrees, FRAME_DIMENSION)
    last = last_coordinates(key, degrees, config.frame_draws)
    if config.wrong_frame == "means":
        last = last[:, 2:]
    return Frames(jnp.sum(last**2, axis=1))


@claim(
    sample_frames,
    kind="law",
    source="Bartlett's decomposition",
    tolerance=0.05,
    controls=[
        broken("Noise has a part along the means too.", wrong_frame="means"),
        broken("Later rows of the frame are shorter.", wrong_frame="lengths"),
    ],
)
def frame_has_the_law_of_gaussian_vectors(run: Frames, config: Config) -> Evidence:
    r"""The last of $k$ vectors in the frame is as long as a Gaussian vector in $\mathbb R^p$:
    $|x_k|^2\sim\chi^2_p$.
    """
    law = stats.chi2(FRAME_DIMENSION)
    return distributed_as(run.squared_length, law.cdf, margin=0.03)


# ---------------------------------------------------------------- the theorem's regime


class Training(NamedTuple):
    """Gradient descent in the theorem's regime, and the sign-count limit from the same start."""

    fitted: Int[Recorded, "seeds times"]
    """Training samples whose label, flipped or not, is fitted."""
    accuracy: Float[Recorded, "seeds times 4"]
    """Test accuracy by cluster."""
    votes: Float[Recorded, "seeds m"]
    """Signs of the output weights."""
    alignments: Float[Recorded, "seeds shown 2 m"]
    """Inner products of neurons with the means at `SHOWN_STEPS`, in pulls."""
    limit_alignments: Float[Recorded, "seeds shown 2 m"]
    """The same in the sign-count limit."""


@partial(jax.jit, static_argnames=("samples", "width", "steps"))
def training_runs(
    keys: Key[Array, "..."],
    degrees: Array,
    regime: theory.Regime,
    label_noise: Array,
    shared_start: Array,
    shares: Array,
    *,
    samples: int,
    width: int,
    steps: int,
) -> Training:
    """Run gradient descent and its sign-count limit for each key."""
    phi = activation(shares)
    pulls = 2 * samples * math.sqrt(width) / (regime.step_size * regime.squared_signal)
    shown = jnp.array(SHOWN_STEPS)

    def one_run(key: PRNGKeyArray) -> Training:
        problem_key, count_key = jax.random.split(key)
        problem = sample_problem(
            problem_key,
            degrees,
            samples=samples,
            width=width,
            signal=regime.squared_signal,
            init_scale=regime.init_scale,
            label_noise=label_noise,
        )
        network = problem.network
        fitted, accuracy, alignments = gram_training.train(
            network,
            problem.probes,
            steps=steps,
            step_size=regime.step_size,
            form="dual",
            activation=phi,
            observe=lambda now: (
                jnp.sum(now.train_outputs * network.labels > 0),
                cluster_accuracy(now.probe_outputs),
                pulls * now.probe_preactivations[-2:],
            ),
        )
        same_start = sign_counts.count_pattern(
            network.inputs @ network.weights.T > 0,
            problem.clusters // 2,
            1.0 - 2 * (problem.clusters % 2),
            network.labels,
        )
        other_start = sign_counts.draw_counts(count_key, samples, width, label_noise)
        start = jax.tree.map(partial(jnp.where, shared_start), same_start, other_start)
        votes = network.output_weights * math.sqrt(width)
        limit = sign_counts.train(start, votes, steps=steps, activation=phi)
        return Training(fitted, accuracy, votes, alignments[shown], limit.alignments[shown])

    return jax.lax.map(one_run, keys)


@measurement
def train(config: Config, key: PRNGKeyArray) -> Training:
    """Train in the theorem's regime."""
    regime = theory.regime(config.samples, config.width, config.dimension)
    signal = config.relative_signal * regime.squared_signal
    vectors = config.samples + 4 * config.test_points
    return training_runs(
        jax.random.split(key, config.seeds),
        frame_degrees(vectors, config.dimension),
        regime._replace(squared_signal=signal),
        jnp.asarray(config.label_noise),
        jnp.asarray(config.shared_start),
        jnp.array(ACTIVATIONS[config.activation]),
        samples=config.samples,
        width=config.width,
        steps=config.steps,
    )


@claim(
    train,
    kind="count",
    source="Theorem, first part (A2)",
    tolerance=0.01,
    controls=[broken("Too few dimensions: samples disturb each other.", dimension=800.0)],
)
def every_label_is_fitted_from_step_one(run: Training, config: Config) -> Evidence:
    r"""All $n$ training labels, the flipped ones too, are fitted at every step
    $1\le t\le\sqrt n$.
    """
    return counts(run.fitted[:, 1:], config.samples)


@claim(
    train,
    kind="order",
    source="Theorem, second and third part",
    tolerance=1.5,
    controls=[
        broken("Signal below A1: the noise is fitted, nothing is learned.", relative_signal=1e-4),
        broken("A linear network cannot tell the classes apart.", activation="linear"),
    ],
)
def test_accuracy_jumps_while_the_noise_stays_fitted(run: Training, config: Config) -> Evidence:
    r"""Clean test accuracy rises from $\tfrac12$ at $t=1$ to at least $\tfrac34$ at $\sqrt n$, half
    of the way to what an infinite network reaches: overfitting turns benign.
    """
    accuracy = run.accuracy.mean(axis=2)
    gain = 0.5 * (1 - theory.clean_accuracy(config.label_noise, 1))
    return ordered(accuracy[:, 1], accuracy[:, -1], effect=gain)


def by_class(run: Training, alignments: Float[Recorded, "seeds shown 2 m"]) -> np.ndarray:
    """Mean absolute alignments by own and other class, shape (seeds, shown, 2)."""
    size = np.abs(alignments)
    positive = run.votes[:, None, :] > 0
    own = np.where(positive, size[:, :, 0], size[:, :, 1])
    other = np.where(positive, size[:, :, 1], size[:, :, 0])
    return np.stack([own.mean(axis=2), other.mean(axis=2)], axis=2)


@claim(
    train,
    kind="value",
    source="derived; sharpens the paper's feature learning lemma",
    tolerance=0.35,
    controls=[
        broken("A linear network follows the bias of its sample alone.", activation="linear"),
    ],
)
def neurons_follow_the_means_of_their_class(run: Training, config: Config) -> Evidence:
    r"""In units of $\alpha|\mu|^2/(2n\sqrt m)$, a neuron's $|\langle w_j,\mu_k\rangle|$ grows like
    $\tfrac n8[(1-2\eta)+(t-2)(1-\eta)]+O(\sqrt n\,t)$ for the class that it votes for and stays at
    $\tfrac n8\eta+O(\sqrt{\eta n}\,t)$ for the other. Its cosine with the means stays tiny; what
    counts is the inner product.
    """
    n, noise = config.samples, config.label_noise
    steps = SHOWN_STEPS[1:]
    own = [theory.alignment_with_own_class(n, noise, t) for t in steps]
    other = [theory.alignment_with_other_class(n, noise, t) for t in steps]
    predicted = np.stack([own, other], axis=1)
    # The next order in 1/sqrt(n), in units of the alignment with the own class.
    margin = (0.1 + 2 / math.sqrt(n)) * np.repeat(own, 2)
    measured = by_class(run, run.alignments)[:, 1:].reshape(-1, 4)
    return equals(measured, predicted.ravel(), margin=margin).named(
        *(f"{which} class, t = {t}" for t in steps for which in ("own", "other"))
    )


@claim(
    train,
    kind="bound",
    source="derived",
    tolerance=0.1,
    controls=[broken("Another initial pattern makes other alignments.", shared_start=False)],
)
def sign_counts_predict_gradient_descent(run: Training, config: Config) -> Evidence:
    r"""From the same initial pattern, the sign-count limit gives the alignments of gradient descent
    within 1%, neuron by neuron, except where a count is tied: a share of $\sqrt{2/\pi n}$, and of
    at most twice that.
    """
    agree = np.abs(run.alignments - run.limit_alignments) <= 0.01 * np.abs(run.alignments)
    bound = 1 - 2 * (1 - theory.sign_count_agreement(config.samples))
    shares = agree[:, 1:].mean(axis=(2, 3))
    return at_least(shares, bound).named(*(f"t = {t}" for t in SHOWN_STEPS[1:]))


# ---------------------------------------------------------------- too few dimensions


class SmallTraining(NamedTuple):
    """Training after one step where assumption A2 is broken."""

    error: Float[Recorded, "seeds dimensions"]
    """Share of training samples on the wrong side."""


@partial(jax.jit, static_argnames=("samples", "width", "largest"))
def one_step_errors(
    key: PRNGKeyArray, dimensions: Array, *, samples: int, width: int, largest: int
) -> Array:
    """Share of training samples on the wrong side after one step, by dimension."""
    input_key, weight_key, label_key, sign_key = jax.random.split(key, 4)
    noise = jax.random.normal(input_key, (samples, largest))
    weights = 1e-12 * jax.random.normal(weight_key, (width, largest))
    labels = jax.random.rademacher(label_key, (samples,), dtype=float)
    signs = jax.random.rademacher(sign_key, (width,), dtype=float) / math.sqrt(width)

    def error(dimension: Array) -> Array:
        inputs = noise * (jnp.arange(largest) < dimension)
        run = gram_training.train(
            Network(inputs, weights, signs, labels),
            inputs[:1],
            steps=1,
            step_size=1e-6,
            form="dual",
        )
        return jnp.mean(run.train_outputs[-1] * labels <= 0)

    return jax.lax.map(error, dimensions)


@measurement
def train_in_few_dimensions(config: Config, key: PRNGKeyArray) -> SmallTraining:
    """One step of gradient descent on pure noise in few dimensions, in plain coordinates."""
    errors = partial(
        one_step_errors,
        dimensions=jnp.array(config.small_dimensions),
        samples=config.small_samples,
        width=config.small_width,
        largest=max(config.small_dimensions),
    )
    return SmallTraining(jax.lax.map(errors, jax.random.split(key, config.small_seeds)))


def no_training_error(samples: int, dimension: np.ndarray, width: int) -> np.ndarray:
    """The rival that ignores crosstalk."""
    return np.zeros(len(dimension))


@claim(
    train_in_few_dimensions,
    kind="value",
    source="derived",
    tolerance=0.28,
    controls=[
        rival(
            "Rival: one step always memorises.",
            predict=no_training_error,
        )
    ],
)
def memorising_takes_many_dimensions(
    run: SmallTraining,
    config: Config,
    predict: Callable[..., ArrayLike] = theory.one_step_training_error,
) -> Evidence:
    r"""Where A2 is broken and $|\mu|$ is negligible, a training sample is on the wrong side after
    one step with probability $\Phi(-\sqrt{p/(n-1)})$, up to $O(1/m)$.
    """
    dimensions = np.array(config.small_dimensions)
    predicted = predict(config.small_samples, dimensions, config.small_width)
    # What is left out are fluctuations, of |x|^2 = p(1 + O(p^-1/2)) for one.
    margin = 0.15 * theory.one_step_training_error(
        config.small_samples, dimensions, config.small_width
    )
    names = (f"p = {p}" for p in config.small_dimensions)
    return equals(run.error, predicted, margin=margin).named(*names)


# ---------------------------------------------------------------- one step is linear


class FirstStep(NamedTuple):
    """The sign-count limit at its first step, by width."""

    odd: Float[Recorded, "seeds widths 2"]
    """Odd part of the output at the means, over the square root of n."""
    even: Float[Recorded, "seeds widths 2"]
    """Its even part."""
    accuracy: Float[Recorded, "seeds widths"]
    """Clean test accuracy."""


@partial(jax.jit, static_argnames=("samples", "widths"))
def limit_at_a_step(
    keys: Key[Array, "..."],
    step: Array,
    label_noise: Array,
    shares: Array,
    *,
    samples: float,
    widths: tuple[int, ...],
) -> FirstStep:
    """Follow the sign-count limit for up to `max(LAW_STEPS)` steps and look at one of them.

    A narrow network is the first neurons of the widest: a neuron without a vote stands still.
    """
    neurons = jnp.arange(max(widths))
    kept = neurons < jnp.array(widths)[:, None]

    def one_run(key: PRNGKeyArray) -> FirstStep:
        count_key, sign_key = jax.random.split(key)
        start = sign_counts.draw_counts(count_key, samples, max(widths), label_noise)
        votes = kept * jax.random.rademacher(sign_key, neurons.shape, dtype=float)
        run = jax.vmap(
            lambda votes: sign_counts.train(
                start, votes, steps=max(LAW_STEPS), activation=activation(shares)
            )
        )(votes)
        outputs = run.centre_outputs[:, step]
        odd, even = sign_counts.odd_and_even(outputs / math.sqrt(samples))
        return FirstStep(odd, even, jnp.mean(sign_counts.correct_clusters(outputs), axis=(1, 2)))

    return jax.lax.map(one_run, keys, batch_size=32)


@measurement
def take_first_step(config: Config, key: PRNGKeyArray) -> FirstStep:
    """One step of gradient descent on infinitely many samples."""
    return limit_at_a_step(
        jax.random.split(key, config.law_seeds),
        jnp.asarray(config.first_step),
        jnp.asarray(config.label_noise),
        jnp.array(ACTIVATIONS[config.activation]),
        samples=config.law_samples,
        widths=config.first_step_widths,
    )


@claim(
    take_first_step,
    kind="value",
    source="Theorem, second part; exact by symmetry",
    tolerance=0.2,
    controls=[broken("At later steps it is worth more.", first_step=10)],
)
def one_step_is_worth_a_coin_flip(run: FirstStep, config: Config) -> Evidence:
    r"""After one step the expected clean test accuracy is $\tfrac12$ at every width."""
    widths = np.array(config.first_step_widths)
    # The theorem allows O(1/sqrt(m)).
    margin = [theory.same_sign_probability(m) for m in config.first_step_widths]
    return equals(run.accuracy, 0.5, margin=margin).named(*(f"m = {m}" for m in widths))


@claim(
    take_first_step,
    kind="value",
    source="derived",
    tolerance=0.2,
    controls=[broken("With |z| for relu nothing odd is left.", activation="abs")],
)
def one_step_output_is_odd(run: FirstStep, config: Config) -> Evidence:
    r"""After one step the output at the means is an odd (linear) part plus an even part, smaller by
    $\sqrt{2/(m+1)}$ in root mean square: the mean squares are $\tfrac n{32}m(m+1)$ and
    $\tfrac n{16}m$.
    """
    widths = config.first_step_widths
    predicted = np.concatenate([theory.one_step_odd_even_squares(1, m) for m in widths])
    squares = np.stack([run.odd**2, run.even**2], axis=2).mean(axis=3)
    # Exact for infinitely many samples: the margin is what the data can resolve.
    return equals(squares.reshape(len(squares), -1), predicted, margin=0.1 * predicted).named(
        *(f"{part}, m = {m}" for m in widths for part in ("odd", "even"))
    )


@claim(
    take_first_step,
    kind="probability",
    source="Theorem (its O(1/sqrt m)); constant derived",
    tolerance=0.6,
    controls=[broken("With |z| for relu it always happens.", activation="abs")],
)
def a_class_is_all_right_or_all_wrong_with_probability_of_order_one_over_root_m(
    run: FirstStep, config: Config
) -> Evidence:
    r"""After one step a class has the same sign on both of its clusters with probability
    $\tfrac2\pi m^{-1/2}$; otherwise exactly one of the two is classified correctly.
    """
    outcomes = (np.abs(run.even) > np.abs(run.odd)).transpose(0, 2, 1)
    widths = np.array(config.first_step_widths)
    predicted = np.array([theory.same_sign_probability(int(m)) for m in widths])
    # The central limit over neurons and the next order of the law.
    return frequency(outcomes.reshape(-1, len(widths)), predicted, margin=predicted / 4).named(
        *(f"m = {m}" for m in widths)
    )


def variance_of_a_mean(width: int) -> float:
    """The rival in which neurons are independent."""
    return theory.one_step_accuracy_variance(16) * 16 / width


def variance_at_any_width(width: int) -> float:
    """The rival in which width does not matter."""
    return theory.one_step_accuracy_variance(16)


@claim(
    take_first_step,
    kind="value",
    source="derived",
    tolerance=0.6,
    controls=[
        rival(
            "Rival: like a mean over m neurons, matched at 16 of them.",
            predict=variance_of_a_mean,
        ),
        rival(
            "Rival: no dependence on width, matched at 16.",
            predict=variance_at_any_width,
        ),
    ],
)
def one_step_accuracy_spreads_like_the_fourth_root_of_the_width(
    run: FirstStep,
    config: Config,
    predict: Callable[[int], float] = theory.one_step_accuracy_variance,
) -> Evidence:
    r"""The accuracy after one step has the variance $\tfrac1{4\pi}m^{-1/2}$ over draws: its
    standard deviation shrinks only like $m^{-1/4}$.
    """
    widths = config.first_step_widths
    predicted = np.array([predict(m) for m in widths])
    # What the data resolve; the prediction itself is good to O(1/m).
    margin = 0.25 * np.array([theory.one_step_accuracy_variance(m) for m in widths])
    squares = (run.accuracy - 0.5) ** 2
    return equals(squares, predicted, margin=margin).named(*(f"m = {m}" for m in widths))


# ---------------------------------------------------------------- the grokking law


def granularity(width: int) -> float:
    """What m neurons can resolve of the law: its own floor, see `theory.failing_probability`."""
    return 4 / width


class Law(NamedTuple):
    """The sign-count limit over steps."""

    wrong: Bool[Recorded, "seeds noise times 2 2"]
    """Whether a cluster (by mean and side) is classified wrongly."""


@partial(jax.jit, static_argnames=("samples", "width"))
def wrong_clusters(
    keys: Key[Array, "..."], noises: Array, shares: Array, *, samples: float, width: int
) -> Array:
    """Follow the sign-count limit for each key and label noise: which clusters are wrong?"""

    def one_run(key: PRNGKeyArray, noise: Array) -> Array:
        count_key, sign_key = jax.random.split(key)
        start = sign_counts.draw_counts(count_key, samples, width, noise)
        votes = jax.random.rademacher(sign_key, (width,), dtype=float)
        run = sign_counts.train(start, votes, steps=max(LAW_STEPS), activation=activation(shares))
        return ~sign_counts.correct_clusters(run.centre_outputs)

    by_noise = jax.vmap(one_run, in_axes=(None, 0))
    return jax.lax.map(lambda key: by_noise(key, noises), keys, batch_size=16)


@measurement
def follow_sign_counts(config: Config, key: PRNGKeyArray) -> Law:
    """Train on so many samples that only the width is finite."""
    return Law(
        wrong_clusters(
            jax.random.split(key, config.law_seeds),
            jnp.array(config.law_noise),
            jnp.array(ACTIVATIONS[config.activation]),
            samples=config.law_samples,
            width=config.law_width,
        )
    )


def law_points(config: Config) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Label noise and step of each point at which the law is tested, and its name."""
    noise, steps = np.meshgrid(config.law_noise, LAW_STEPS, indexing="ij")
    names = [f"η = {e:g}, t = {t}" for e, t in zip(noise.flat, steps.flat, strict=True)]
    return noise.ravel(), steps.ravel(), names


def never_failing(noise: np.ndarray, step: np.ndarray, width: int) -> np.ndarray:
    """The rival in which the jump is complete at step three."""
    return np.zeros(len(step))


def always_perfect(noise: np.ndarray, step: np.ndarray, width: int) -> np.ndarray:
    """The same rival, as a chance of accuracy one."""
    return np.ones(len(step))


def one_step_earlier(noise: float, step: np.ndarray, width: int) -> ArrayLike:
    """The rival in which the jump comes at step two."""
    return theory.clean_accuracy(noise, step + 1, width)


@claim(
    follow_sign_counts,
    kind="probability",
    source="derived; sharpens the theorem's 'a few steps later'",
    tolerance=0.25,
    controls=[
        broken("At eta = 1/2 there is nothing to learn, for ever.", law_noise=(0.5, 0.5)),
        broken("A linear network always fails on one cluster of two.", activation="linear"),
        rival(
            "Rival: all is right from step three on.",
            predict=never_failing,
        ),
    ],
)
def a_class_keeps_failing_with_probability_like_one_over_t(
    run: Law, config: Config, predict: Callable[..., ArrayLike] = theory.failing_probability
) -> Evidence:
    r"""From step $t=3$ on, each class keeps one wrongly classified cluster with probability
    $q(t)=\frac{2\eta}{(1-\eta)(t-1)}$ (at width $m$:
    $2\,\mathbb E\lceil Nr\rceil/(N+1)$, $N\sim\mathrm{Bin}(m,\tfrac12)$, $r=q/2$), and is perfect
    otherwise.
    """
    noise, steps, names = law_points(config)
    failing = np.any(run.wrong, axis=-1)[:, :, list(LAW_STEPS)]
    outcomes = failing.transpose(0, 3, 1, 2).reshape(-1, len(names))
    predicted = predict(noise, steps, config.law_width)
    return frequency(outcomes, predicted, margin=granularity(config.law_width)).named(*names)


@claim(
    follow_sign_counts,
    kind="probability",
    source="derived",
    tolerance=0.15,
    controls=[
        broken("At eta = 1/2 there is nothing to learn, for ever.", law_noise=(0.5, 0.5)),
        rival(
            "Rival: all is right from step three on.",
            predict=always_perfect,
        ),
    ],
)
def both_classes_are_right_independently(
    run: Law, config: Config, predict: Callable[..., ArrayLike] = theory.perfect_probability
) -> Evidence:
    r"""From step $t=3$ on, clean test accuracy is exactly 1 with probability $(1-q(t))^2$: the two
    classes succeed independently.
    """
    noise, steps, names = law_points(config)
    perfect = ~np.any(run.wrong, axis=(-1, -2))[:, :, list(LAW_STEPS)]
    predicted = predict(noise, steps, config.law_width)
    return frequency(
        perfect.reshape(-1, len(names)), predicted, margin=2 * granularity(config.law_width)
    ).named(*names)


@claim(
    follow_sign_counts,
    kind="value",
    source="derived",
    tolerance=0.1,
    controls=[
        broken("A linear network stays at a coin flip.", activation="linear"),
        rival(
            "Rival: the jump comes one step earlier.",
            predict=one_step_earlier,
        ),
    ],
)
def the_jump_comes_at_step_three(
    run: Law, config: Config, predict: Callable[..., ArrayLike] = theory.clean_accuracy
) -> Evidence:
    r"""Expected clean test accuracy is $\tfrac12$ at $t=1$ and $t=2$ and $1-\tfrac12q(3)$ at $t=3$,
    whatever $n$, $p$, $\alpha$ are.
    """
    steps = np.array([1, 2, 3])
    predicted = predict(config.law_noise[0], steps, config.law_width)
    accuracy = 1 - run.wrong[:, 0, steps].mean(axis=(-1, -2))
    return equals(accuracy, predicted, margin=granularity(config.law_width)).named(
        *(f"t = {t}" for t in steps)
    )


# ---------------------------------------------------------------- grokking delayed


class Jumps(NamedTuple):
    """When the test accuracy jumps, from larger and larger initial weights."""

    step: Float[Recorded, "blocks ratios"]
    """First step at which the mean test accuracy of a block of runs passes `JUMP`."""


class SlowTraining(NamedTuple):
    """Runs from large initial weights, followed past the jump."""

    fitted: Int[Recorded, "seeds times"]
    """Training samples whose label is fitted."""
    accuracy: Float[Recorded, "seeds times"]
    """Clean test accuracy."""


JUMP = 0.65
"""A class that fails leaves accuracy 0.75 or 0.5, so that the mean of a few runs passes this."""
HORIZON = 6
"""Steps after which no jump is waited for, in units of `theory.grokking_step`."""


def horizon(config: Config, ratio: float) -> int:
    """Steps to wait for a jump."""
    expected = theory.grokking_step(
        config.slow_samples, config.slow_dimension, config.slow_signal, ratio
    )
    return 40 + math.ceil(HORIZON * expected)


def slow_setting(config: Config, ratio: float) -> dict[str, Any]:
    """What `sample_problem` and `train` need to know of a run from large initial weights."""
    n, m, p = config.slow_samples, config.slow_width, config.slow_dimension
    step_size = 1 / (n * p)  # so small that outputs stay tiny throughout
    return {
        "degrees": frame_degrees(n + 4 * config.test_points, p),
        "signal": config.slow_signal,
        "init_scale": theory.init_scale_at(ratio, n, m, p, step_size),
        "label_noise": config.slow_noise,
        "step_size": step_size,
    }


@partial(jax.jit, static_argnames=("samples", "width"))
def jump_steps(
    keys: Key[Array, "..."],
    limit: Array,
    step_size: Array,
    *,
    samples: int,
    width: int,
    **setting: Array,
) -> Array:
    """Steps after which each block of runs has made its jump; `keys` are (blocks, runs)."""

    def mean_jumped(now: Snapshot) -> Array:
        accuracy = jnp.mean(cluster_accuracy(now.probe_outputs))
        return jax.lax.pmean(accuracy, "block") > JUMP

    def run(key: PRNGKeyArray) -> Array:
        problem = sample_problem(key, samples=samples, width=width, **setting)
        return gram_training.steps_until(
            problem.network,
            problem.probes,
            until=mean_jumped,
            limit=limit,
            step_size=step_size,
            form="dual",
        )

    # The runs of a block stop together.
    return jax.lax.map(lambda keys: jax.vmap(run, axis_name="block")(keys)[0], keys)


@measurement
def time_the_jump(config: Config, key: PRNGKeyArray) -> Jumps:
    """Train blocks of runs until their mean accuracy jumps, at each initial scale."""
    keys = jax.random.split(key, (config.slow_blocks, config.slow_block_seeds))
    columns = []
    for ratio in config.init_ratios:
        limit = horizon(config, ratio)
        steps = jump_steps(
            keys,
            jnp.asarray(limit),
            samples=config.slow_samples,
            width=config.slow_width,
            **slow_setting(config, ratio),
        )
        # A jump that was not seen is no number; the rule will refuse it.
        columns.append(jnp.where(steps > limit, jnp.nan, steps))
    return Jumps(jnp.stack(columns, axis=1))


@partial(jax.jit, static_argnames=("samples", "width", "steps"))
def slow_runs(
    keys: Key[Array, "..."],
    step_size: Array,
    *,
    samples: int,
    width: int,
    steps: int,
    **setting: Array,
) -> SlowTraining:
    """Follow runs from large initial weights for a number of steps."""

    def run(key: PRNGKeyArray) -> SlowTraining:
        problem = sample_problem(key, samples=samples, width=width, **setting)
        observed = gram_training.train(
            problem.network,
            problem.probes,
            steps=steps,
            step_size=step_size,
            form="dual",
            observe=lambda now: (
                jnp.sum(now.train_outputs * problem.network.labels > 0),
                jnp.mean(cluster_accuracy(now.probe_outputs)),
            ),
        )
        return SlowTraining(*observed)

    return jax.lax.map(run, keys)


@measurement
def train_from_large_weights(config: Config, key: PRNGKeyArray) -> SlowTraining:
    """Train at the largest initial scale, past the jump."""
    ratio = max(config.init_ratios)
    return slow_runs(
        jax.random.split(key, config.slow_block_seeds),
        samples=config.slow_samples,
        width=config.slow_width,
        steps=horizon(config, ratio),
        **slow_setting(config, ratio),
    )


@claim(
    time_the_jump,
    kind="exponent",
    source="derived; A5 broken on purpose",
    tolerance=0.1,
    controls=[
        broken("Within A5 the jump does not wait for anything.", init_ratios=(1e-9, 2e-9, 4e-9)),
        rival("Rival: grokking time grows like the squared scale.", exponent=2.0),
    ],
)
def initial_scale_sets_the_grokking_time(
    run: Jumps, config: Config, exponent: float = theory.GROKKING_STEP_EXPONENT
) -> Evidence:
    r"""When initial weights are too large for A5, with
    $\sqrt n|\mu|^2/p\ll\kappa=2n\omega\sqrt m/(\alpha\sqrt p)<\sqrt m/12$, the jump waits until
    $t^\ast=\theta\sqrt8\,\kappa p/(\sqrt n|\mu|^2)$ with $\theta=O(1)$: the grokking time is
    proportional to the initial scale $\omega$.
    """
    ratios = np.array(config.init_ratios)
    # A few steps that do not wait shift the local exponent by O(1/t*), most at the small end.
    return scales_as(ratios, run.step, exponent, margin=0.05, end_margin=0.15)


@claim(
    train_from_large_weights,
    kind="count",
    source="derived",
    tolerance=0.02,
    controls=[
        broken("Too few dimensions: samples disturb each other.", slow_dimension=200.0),
    ],
)
def labels_are_fitted_long_before_the_jump(run: SlowTraining, config: Config) -> Evidence:
    r"""Even so, all training labels are fitted at every step from the first on: fit first,
    understand up to hundreds of steps later.
    """
    return counts(run.fitted[:, 1:], config.slow_samples)


# ---------------------------------------------------------------- the toy regime, and the figure


class Toy(NamedTuple):
    """Runs at the size of customary experiments, where the theorem's assumptions fail."""

    accuracy: Float[Recorded, "seeds times"]
    """Clean test accuracy."""


TOY_SAMPLES, TOY_WIDTH, TOY_DIMENSION, TOY_STEPS = 200, 200, 40_000, 40
TOY_SIGNAL = 4 * math.sqrt(TOY_DIMENSION)
"""A twentieth of what A1 asks for at C = 5; A2 asks for 10^8 dimensions."""


@measurement
def train_toy(config: Config, key: PRNGKeyArray) -> Toy:
    """Train outside the theorem's regime; for the figure, no claim is made about it."""
    step_size = 1 / (TOY_SAMPLES * TOY_DIMENSION)
    runs = slow_runs(
        jax.random.split(key, config.slow_block_seeds),
        degrees=frame_degrees(TOY_SAMPLES + 4 * config.test_points, TOY_DIMENSION),
        signal=TOY_SIGNAL,
        init_scale=theory.init_scale_at(1e-6, TOY_SAMPLES, TOY_WIDTH, TOY_DIMENSION, step_size),
        label_noise=config.label_noise,
        step_size=step_size,
        samples=TOY_SAMPLES,
        width=TOY_WIDTH,
        steps=TOY_STEPS,
    )
    return Toy(runs.accuracy)


def draw(runs: Runs, config: Config) -> Figure:
    """Accuracies over time; the law of the failing clusters; the neurons' alignments."""
    figure = Figure(figsize=(10, 4.6))
    grid = figure.add_gridspec(2, 3, width_ratios=[1.25, 1, 1.2])
    draw_jump(figure.add_subplot(grid[0, 0]), runs, config)
    draw_delay(figure.add_subplot(grid[1, 0]), runs, config)
    draw_law(figure.add_subplot(grid[:, 1]), runs, config)
    draw_alignments(figure.add_subplot(grid[:, 2]), runs, config)
    return figure


def draw_jump(axes: Axes, runs: Runs, config: Config) -> None:
    """Training and test accuracy in the theorem's regime, and test accuracy outside it."""
    run, toy = runs[train], runs[train_toy]
    steps = np.arange(1, config.steps + 1)
    fitted = np.mean(run.fitted[:, 1:], axis=0) / config.samples
    accuracy = np.mean(run.accuracy[:, 1:], axis=(0, 2))
    axes.plot(steps, fitted, "C0", label="training labels")
    axes.plot(steps, accuracy, "C1o-", markersize=3, label="test points")
    law = theory.clean_accuracy(config.label_noise, steps, config.width)
    axes.plot(steps, law, **PREDICTED, label="law, $n\\to\\infty$")
    toy_steps = np.arange(1, TOY_STEPS + 1)
    toy_accuracy = np.mean(toy.accuracy[:, 1:], axis=0)
    axes.plot(toy_steps, toy_accuracy, "0.6", linewidth=1.2, label="test, toy $p=4\\cdot10^4$")
    n, p = config.samples, math.log10(config.dimension)
    axes.set_title(f"Theorem's regime: $n={n}$, $p=10^{{{p:.0f}}}$")
    axes.set(xscale="log", ylim=(0.4, 1.04), xlabel="step $t$", ylabel="accuracy")
    axes.legend(loc="lower right", fontsize=7.5, ncols=2, columnspacing=1)


def draw_delay(axes: Axes, runs: Runs, config: Config) -> None:
    """The same from large initial weights."""
    run = runs[train_from_large_weights]
    steps = np.arange(1, run.accuracy.shape[1])
    fitted = np.mean(run.fitted[:, 1:], axis=0) / config.slow_samples
    axes.plot(steps, fitted, "C0")
    axes.plot(steps, np.mean(run.accuracy[:, 1:], axis=0), "C1")
    ratio = max(config.init_ratios)
    order = theory.grokking_step(
        config.slow_samples, config.slow_dimension, config.slow_signal, ratio
    )
    axes.axvline(float(order), **PREDICTED, label="predicted order of $t^\\ast$")
    axes.set_title(rf"Large initial weights: $\kappa={ratio:g}$")
    axes.set(xscale="log", ylim=(0.4, 1.04), xlabel="step $t$", ylabel="accuracy")
    axes.legend(loc="center left", fontsize=7.5)


def draw_law(axes: Axes, runs: Runs, config: Config) -> None:
    """Measured and predicted probability that a class keeps a wrong cluster."""
    steps = np.arange(3, max(LAW_STEPS) + 1)
    failing = np.any(runs[follow_sign_counts].wrong, axis=-1)
    fine = np.linspace(2.7, steps[-1] + 0.3, 100)
    for colour, noise in enumerate(config.law_noise):
        outcomes = failing[:, colour, steps].transpose(0, 2, 1).reshape(-1, len(steps))
        predicted = theory.failing_probability(noise, steps, config.law_width)
        seen = frequency(outcomes, predicted, margin=granularity(config.law_width)).comparison
        error = [seen.measured - seen.lower, seen.upper - seen.measured]
        axes.errorbar(
            steps, seen.measured, error, fmt="o", markersize=4, color=f"C{colour}", capsize=2,
            label=rf"measured, $\eta={noise:g}$",
        )  # fmt: skip
        axes.plot(fine, theory.failing_probability(noise, fine), **PREDICTED)
        axes.plot(steps, predicted, "k_", markersize=9)
    axes.plot([], [], **PREDICTED, label=r"$q=2\eta/((1-\eta)(t-1))$")
    axes.plot([], [], "k_", markersize=9, label=f"same at width {config.law_width}")
    axes.set_title("A class keeps a wrong cluster")
    axes.set(yscale="log", xlabel="step $t$", ylabel="probability $q(t)$", ylim=(0.012, 0.6))
    axes.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], labels=["0.02", "0.05", "0.1", "0.2", "0.5"])
    axes.minorticks_off()
    axes.legend(fontsize=7.5, loc="lower left")


def draw_alignments(axes: Axes, runs: Runs, config: Config) -> None:
    """Where the neurons of one run point, and where theory puts them."""
    run = runs[train]
    for colour, (shown, step) in enumerate(zip(range(3), SHOWN_STEPS, strict=True)):
        first, second = run.alignments[0, shown]
        axes.plot(
            first, second, ".", markersize=3, color=f"C{colour}", alpha=0.6, rasterized=True,
            label=f"neurons, $t={step}$",
        )  # fmt: skip
        if step > 1:
            own = float(theory.alignment_with_own_class(config.samples, config.label_noise, step))
            other = theory.alignment_with_other_class(config.samples, config.label_noise, step)
            sides = np.array([(i, j) for i in (-1, 1) for j in (-1, 1)])
            centres = np.concatenate([sides * [own, other], sides * [other, own]])
            axes.plot(*centres.T, "k+", markersize=9, markeredgewidth=1.4)
    axes.plot([], [], "k+", markersize=9, markeredgewidth=1.4, label="predicted mean size")
    axes.set_title("Neurons follow the means")
    unit = r"\;/\;\frac{\alpha|\mu|^2}{2n\sqrt{m}}"
    axes.set_xlabel(rf"$\langle w_j,\mu_1\rangle{unit}$")
    axes.set_ylabel(rf"$\langle w_j,\mu_2\rangle{unit}$", labelpad=-4)
    axes.legend(fontsize=7, loc="upper right", handletextpad=0.1, borderaxespad=0)
    axes.set_aspect("equal", "datalim")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
