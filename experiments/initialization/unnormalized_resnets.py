r"""Residual networks that keep their signal without normalization.

Batch normalization keeps a deep residual network's signals in range. Without it the same is had by
arithmetic: a block $x+\alpha f(x/\beta)$ adds $\alpha^2$ to the variance if $f$ keeps variances and
$\beta^2$ is the variance that is *predicted* for $x$, $1+l\alpha^2$, set back to $1+\alpha^2$ where
a stage begins. The networks here are the simplest with such blocks, one layer in a branch.

- The right total is not enough. Under He's weights ReLU turns a growing part of it into *means* of
  channels, the same for all inputs. How much is worked out here: a recursion of two numbers, driven
  by the arc-cosine kernel. Real digits, which are alike from the start, follow it as well.
- **Scaled weight standardization** (rows centred and of length one, and a gain for the activation)
  adds no mean at all to inputs that have none in common.
- There is a price that the paper does not speak of: gradients grow like $(1+L\alpha^2)^{1.467}$
  instead of $1+L\alpha^2$, and without skips exponentially.
- The gains in the authors' code are estimates from a sample, wrong in the fourth digit.
- At zero-padded borders standardization cannot cancel the means.

Andrew Brock, Soham De, Samuel L. Smith: *Characterizing signal propagation to close the performance
gap in unnormalized ResNets*, ICLR 2021, arXiv:2101.08692. (Its ImageNet results are not the subject
here.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Key, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import special

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, equals, identity
from harness.errors import require
from harness.style import PREDICTED
from instruments import handwritten_digits
from instruments.randomness import generator
from instruments.residual_networks import he_normal
from instruments.signal_propagation import Layer, Signals, dense, propagate, standardized
from theory.gaussian_expectations import Activation
from theory.initialization import unnormalized_resnets as theory
from theory.initialization.unnormalized_resnets import Blocks, Weights

BATCH = 8
"""Inputs that a network sees."""
AT_ONCE = 100
"""Networks that one call of the compiled program draws."""
BRANCHES = (0.2, 1.0)
"""Factors of branches: the paper's, and a large one."""
BRANCH_NAMES = tuple(f"α = {branch:g}" for branch in BRANCHES)
SMALL, LARGE, PLAIN, UNDIVIDED, HE_GAIN = range(5)
"""Networks that share their weights: two with these branches, one without skips, and two that are
made wrongly, with a large branch that does not divide its input, and without skips with He's gain.
"""


@dataclass(frozen=True)
class Config:
    """Parameters."""

    width: int = 80
    """Channels N."""
    depth: int = 16
    """Blocks L, a multiple of 4."""
    stage: int = 4
    """Blocks of a stage, in networks that have four stages or more."""
    he_networks: int = 800
    """Networks with He's weights, a multiple of 100: their lengths fluctuate most."""
    networks: int = 700
    """Networks of one stage with standardized weights, a multiple of 100."""
    stage_networks: int = 400
    """Networks of several stages, a multiple of 100."""
    digit_networks: int = 600
    """Networks of each kind that see digits, a multiple of 100."""
    vectors: int = 4000
    """Vectors in each sample from which a gain is estimated."""
    length: int = 32
    """Their length."""
    samples: int = 60
    """Independent samples."""

    gains: Literal["published", "exact"] = "published"
    """The gains that are held against the exact ones."""

    channels: int = 32
    """Channels of the convolution."""
    side: int = 4
    """Pixels along each side of its images."""
    convolutions: int = 400
    """Convolutions drawn, a multiple of 100."""
    padding: Literal["zero", "circular"] = "zero"
    """What surrounds an image."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name in ("he_networks", "networks", "stage_networks", "digit_networks", "convolutions"):
            count = getattr(self, name)
            require(count > 0 and count % AT_ONCE == 0, f"{name} must be a multiple of {AT_ONCE}")
        require(self.width >= 2, "width must be at least 2")
        require(self.depth > 0 and self.depth % 4 == 0, "depth must be a multiple of 4")
        require(
            0 < self.stage <= self.depth // 4 and self.depth % self.stage == 0,
            "stage must divide the depth into four stages or more",
        )
        require(self.vectors > 0 and self.length > 3, "a sample needs vectors longer than 3")
        require(self.samples >= 2, "samples must be at least 2")
        require(self.channels >= 1, "channels must be at least 1")
        require(self.side >= 2, "side must be at least 2")


SIZES = {
    "ci": Config(),
    # Wider layers are held to smaller errors: networks grow in number with the width.
    "figure": Config(
        width=128,
        he_networks=1300,
        networks=1100,
        stage_networks=700,
        digit_networks=1000,
        length=64,
        samples=100,
        channels=64,
        side=8,
        convolutions=600,
    ),
    # As many blocks and stages as NF-ResNet-50, the paper's recipe for gains, the side of a stage.
    "paper": Config(
        width=192,
        depth=16,
        stage=4,
        he_networks=2000,
        networks=1700,
        stage_networks=1000,
        digit_networks=1500,
        vectors=theory.RECIPE_SAMPLE[0],
        length=theory.RECIPE_SAMPLE[1],
        samples=600,
        channels=128,
        side=14,
        convolutions=400,
    ),
}


# ---------------------------------------------------------------- chains of blocks


LAYERS: dict[Weights, Callable[[int, float], Layer]] = {
    "he": dense,
    "standardized": standardized,
}
GAINS: dict[Weights, float] = {"he": theory.he_gain(), "standardized": theory.rectifier_gain()}


class Schedule(NamedTuple):
    """Blocks of several networks, `theory.Blocks` side by side."""

    skip: Float[Array, "depth networks"]
    shortcut: Float[Array, "depth networks"]
    branch: Float[Array, "depth networks"]
    deviation: Float[Array, "depth networks"]


class Statistics(NamedTuple):
    """What the inputs look like after each block."""

    total: Float[Recorded, "runs depth networks"]
    """Mean square of channels over channels and inputs: q."""
    squared_mean: Float[Recorded, "runs depth networks"]
    """Squared mean of channels over an infinite batch, estimated without bias: S."""
    gradient: Float[Recorded, "runs depth networks"]
    """|Jv|^2 over |v|^2."""


@partial(jax.jit, static_argnames="weights")
def send_through(
    keys: Key[Array, " runs"],
    starts: Float[Array, "runs 2 batch channels"],
    schedule: Schedule,
    *,
    weights: Weights,
) -> Statistics:
    """Send a batch of inputs and directions through networks, with new weights for each key.

    Args:
        keys: one for each run.
        starts: inputs and, of the same length, directions.
        schedule: the networks; they share inputs and weights.
        weights: their kind, with the gain that is made for it.
    """
    batch, width = starts.shape[2:]
    side_by_side = schedule.branch.shape[1]
    layer = LAYERS[weights](width, GAINS[weights] ** 2)

    def each_input(factors: Array) -> Array:
        return jnp.repeat(factors, batch)[:, None]

    def block(key: PRNGKeyArray, signals: Signals, at: Schedule) -> Signals:
        inverse = 1 / each_input(at.deviation)
        active = signals.through(lambda x: jax.nn.relu(x * inverse))
        skipped = signals.through(lambda x: x * each_input(at.skip))
        factors = jnp.stack([at.branch, at.shortcut])

        def add(index: Array, total: Signals) -> Signals:
            drawn = layer(jax.random.fold_in(key, index), active)
            return total + drawn.through(lambda x: x * each_input(factors[index]))

        # The shortcut has weights of its own only where a stage begins.
        return jax.lax.fori_loop(0, 1 + jnp.any(at.shortcut > 0), add, skipped)

    def see(signals: Signals) -> Statistics:
        values, moved = (
            part.reshape(side_by_side, batch, width) for part in (signals.values, signals.tangents)
        )
        total = jnp.mean(values**2, axis=(1, 2))
        sums = jnp.mean(jnp.sum(values, axis=1) ** 2, axis=1)
        # Over pairs of different inputs, so that a small batch does not look like a mean.
        squared_mean = (sums - batch * total) / (batch * (batch - 1))
        return Statistics(total, squared_mean, jnp.mean(moved**2, axis=(1, 2)))

    def run(given: tuple[PRNGKeyArray, Array]) -> Statistics:
        key, drawn = given
        start = Signals(*(jnp.tile(part, (side_by_side, 1)) for part in drawn))
        return propagate(key, block, start, schedule, see)

    return jax.lax.map(run, (keys, starts), batch_size=20)


def draw_starts(
    rng: np.random.Generator, gram: np.ndarray, width: int
) -> Float[np.ndarray, "runs 2 batch channels"]:
    """Gaussian inputs with these inner products, and directions without any, all of one length.

    ReLU networks are homogeneous: inputs of one length say as much and fluctuate less.
    """
    drawn = rng.standard_normal((AT_ONCE, 2, len(gram), width), dtype=np.float32)
    drawn[:, 0] = np.linalg.cholesky(gram).astype(np.float32) @ drawn[:, 0]
    return drawn / np.sqrt(np.mean(drawn**2, axis=-1, keepdims=True))


def follow(
    key: PRNGKeyArray,
    blocks: list[Blocks],
    width: int,
    networks: int,
    *,
    weights: Weights,
    gram: np.ndarray,
) -> Statistics:
    """Statistics of so many runs, in single precision."""
    schedule = Schedule(
        *(jnp.asarray(np.stack(parts, axis=1), jnp.float32) for parts in zip(*blocks, strict=True))
    )
    rng = generator(key)
    chunks = [
        send_through(keys, draw_starts(rng, gram, width), schedule, weights=weights)
        for keys in chunks_of_keys(key, networks)
    ]
    return Statistics(*(np.concatenate(parts) for parts in zip(*chunks, strict=True)))


def chunks_of_keys(key: PRNGKeyArray, runs: int) -> list[Key[Array, " runs"]]:
    """Keys of all runs, so many at once as programs are compiled for."""
    chunks = range(runs // AT_ONCE)
    return [jax.random.split(jax.random.fold_in(key, chunk), AT_ONCE) for chunk in chunks]


def networks_of(config: Config, weights: Weights, *, stage: int | None = None) -> list[Blocks]:
    """The networks that are run side by side."""
    depth = config.depth
    right = [
        *(theory.residual(depth, branch, stage=stage) for branch in BRANCHES),
        theory.chain(depth),
    ]
    if weights == "he":
        return right
    wrong = [
        theory.residual(depth, BRANCHES[LARGE], stage=stage, normalized=False),
        theory.chain(depth, theory.he_gain() / theory.rectifier_gain()),
    ]
    return right + wrong


def share(statistics: Statistics) -> np.ndarray:
    """The part of the total that is mean, S / q."""
    return np.asarray(statistics.squared_mean) / np.asarray(statistics.total)


def growth(values: np.ndarray) -> np.ndarray:
    """What a block multiplies values by, which begin with 1; mean over blocks."""
    return np.mean(values / np.insert(values[:, :-1], 0, 1.0, axis=1), axis=1)


INDEPENDENT = np.eye(BATCH)


def measure(config: Config, key: PRNGKeyArray, weights: Weights, networks: int) -> Statistics:
    """One stage, and inputs that have nothing in common."""
    blocks = networks_of(config, weights)
    return follow(key, blocks, config.width, networks, weights=weights, gram=INDEPENDENT)


@measurement
def run_standardized(config: Config, key: PRNGKeyArray) -> Statistics:
    """Networks with scaled weight standardization."""
    return measure(config, key, "standardized", config.networks)


@measurement
def run_he(config: Config, key: PRNGKeyArray) -> Statistics:
    """Networks with He's weights."""
    return measure(config, key, "he", config.he_networks)


@measurement
def run_stages(config: Config, key: PRNGKeyArray) -> Statistics:
    """Networks of several stages with standardized weights."""
    blocks = networks_of(config, "standardized", stage=config.stage)
    return follow(
        key, blocks, config.width, config.stage_networks, weights="standardized", gram=INDEPENDENT
    )


def compared(
    values: Recorded,
    curves: list[np.ndarray],
    depths: tuple[int, ...],
    *,
    seen: tuple[int, ...],
    names: tuple[str, ...],
    margins: list[np.ndarray],
) -> Evidence:
    """Are values after so many blocks those of the curves?

    Args:
        values: one for each run, block and network.
        curves: predictions for some networks, from depth 0 on.
        depths: where to look.
        seen: the networks that are measured.
        names: what they are called.
        margins: errors of the claimed curves, whatever a rival predicts.
    """
    at = np.array(depths)
    measured = np.asarray(values)[:, at - 1][:, :, list(seen)]
    predicted, margin = (
        np.stack([curve[at] for curve in lines], axis=1).ravel() for lines in (curves, margins)
    )
    return equals(measured.reshape(len(measured), -1), predicted, margin=margin).named(
        *(f"{name}, l = {depth}" for depth in depths for name in names)
    )


def errors(curves: list[np.ndarray], config: Config) -> list[np.ndarray]:
    """The error of the wide limit along curves."""
    return [curve * theory.finite_width(config.width, np.arange(len(curve))) for curve in curves]


def half_and_all(config: Config) -> tuple[int, int]:
    """Numbers of blocks after which networks are compared."""
    return config.depth // 2, config.depth


def ladders(config: Config, stage: int | None = None) -> list[Blocks]:
    """The two residual networks."""
    return [theory.residual(config.depth, branch, stage=stage) for branch in BRANCHES]


# ---------------------------------------------------------------- variances


@claim(
    run_standardized,
    kind="value",
    source="section 4.1 (the gain); Var relu(z) = (1 - 1/π)/2",
    tolerance=0.025,
    controls=[rival("He's gain √2 leaves 1 - 1/π of it.", seen=HE_GAIN)],
)
def a_standardized_layer_keeps_the_variance(
    run: Statistics, config: Config, seen: int = PLAIN
) -> Evidence:
    r"""Rows that are centred and of length one, and $\gamma=\sqrt{2/(1-1/\pi)}=1.7129$ for ReLU: a
    layer multiplies the mean square by $\gamma^2\,\mathrm{Var}\,\mathrm{relu}(z)=1$. Mean over all
    layers of networks without skips.
    """
    predicted = theory.second_moment(theory.chain(1))[-1]
    factors = growth(np.asarray(run.total)[:, :, seen])
    return equals(factors, predicted, margin=theory.finite_width(config.width, 1))


@claim(
    run_standardized,
    kind="value",
    source="section 3",
    tolerance=0.15,
    controls=[
        rival(
            "A branch that does not divide its input doubles the variance in every block.",
            seen=(SMALL, UNDIVIDED),
        ),
    ],
)
def variances_climb_as_predicted(
    run: Statistics, config: Config, seen: tuple[int, ...] = (SMALL, LARGE)
) -> Evidence:
    r"""Where $\beta_l^2$ is the predicted variance, the prediction comes true:
    $\mathrm{Var}\,x_l=1+l\alpha^2$. Else it would be $(1+\alpha^2)^l$.
    """
    curves = [theory.expected_variance(config.depth, branch) for branch in BRANCHES]
    return compared(
        run.total,
        curves,
        half_and_all(config),
        seen=seen,
        names=BRANCH_NAMES,
        margins=errors(curves, config),
    )


@claim(
    run_stages,
    kind="value",
    source="section 3 (transition blocks)",
    tolerance=0.25,
    controls=[rival("Rival: the ladder goes on through all stages.", resets=False)],
)
def a_transition_block_resets_the_variance(
    run: Statistics, config: Config, resets: bool = True
) -> Evidence:
    r"""Where a stage begins, the shortcut has a layer of its own and sees what the branch sees: the
    variance is $1+\alpha^2$ after that block, and $1+n\alpha^2$ after $n$ blocks of the stage.
    """
    stage = config.stage if resets else None
    curves = [theory.expected_variance(config.depth, branch, stage=stage) for branch in BRANCHES]
    return compared(
        run.total,
        curves,
        (config.depth - config.stage + 1, config.depth),
        seen=(SMALL, LARGE),
        names=BRANCH_NAMES,
        margins=errors(
            [theory.second_moment(blocks) for blocks in ladders(config, config.stage)], config
        ),
    )


# ---------------------------------------------------------------- means


Means = Callable[[Blocks], np.ndarray]


def recursion(blocks: Blocks) -> np.ndarray:
    """Squared means under He's weights."""
    return theory.squared_mean(blocks, "he")


def no_means(blocks: Blocks) -> np.ndarray:
    """Squared means under standardized weights: none."""
    return theory.squared_mean(blocks, "standardized")


def split(totals: list[np.ndarray], squares: list[np.ndarray]) -> list[np.ndarray]:
    """Squared means, then the variances that are left of the totals."""
    return squares + [total - square for total, square in zip(totals, squares, strict=True)]


def means_and_variances(
    run: Statistics, config: Config, means: Means, margins: list[np.ndarray]
) -> Evidence:
    """Compare S and V of both residual networks after all blocks."""
    blocks = ladders(config)
    totals = [theory.second_moment(network) for network in blocks]
    total, squared_mean = (
        np.asarray(values)[:, :, : len(blocks)] for values in (run.total, run.squared_mean)
    )
    names = tuple(f"{what}, {name}" for what in ("S", "V") for name in BRANCH_NAMES)
    return compared(
        np.concatenate([squared_mean, total - squared_mean], axis=2),
        split(totals, [means(network) for network in blocks]),
        (config.depth,),
        seen=tuple(range(len(names))),
        names=names,
        margins=margins,
    )


@claim(
    run_he,
    kind="value",
    source="section 3 and figure 2 (growing means); the recursion is derived",
    tolerance=0.25,
    controls=[rival("Rival: every branch adds α²/π.", means=theory.independent_means)],
)
def weights_of_he_turn_the_signal_into_means(
    run: Statistics, config: Config, means: Means = recursion
) -> Evidence:
    r"""Under He's weights the total is as predicted too, but it becomes the same for all inputs.
    Squared means of channels follow $S_{l+1}=S_l+\alpha^2R(S_l/q_l)$, $S_0=0$, with $R(0)=1/\pi$
    and $V_l=q_l-S_l$.
    """
    blocks = ladders(config)
    totals = [theory.second_moment(network) for network in blocks]
    claimed = split(totals, [recursion(network) for network in blocks])
    return means_and_variances(run, config, means, errors(claimed, config))


@claim(
    run_he,
    kind="value",
    source="derived",
    tolerance=0.2,
    controls=[rival("Rival: every branch adds α²/π.", means=theory.independent_means)],
)
def the_share_of_means_follows_the_arc_cosine_kernel(
    run: Statistics, config: Config, means: Means = recursion
) -> Evidence:
    r"""In a single network the share $c_l=S_l/q_l$ of the means is seen much better than $S_l$ and
    $q_l$ are. Without skips, the limit of strong branches, $c_{l+1}=R(c_l)\to1$: all inputs look
    the same.
    """
    blocks = [theory.residual(config.depth, BRANCHES[LARGE]), theory.chain(config.depth)]
    return compared(
        share(run),
        [means(network) / theory.second_moment(network) for network in blocks],
        half_and_all(config),
        seen=(LARGE, PLAIN),
        names=(BRANCH_NAMES[LARGE], "no skips"),
        margins=errors(
            [recursion(network) / theory.second_moment(network) for network in blocks], config
        ),
    )


@claim(
    run_standardized,
    kind="value",
    source="section 4 and figure 2",
    tolerance=0.25,
    controls=[rival("Rival: what He's weights do.", means=recursion)],
)
def standardized_weights_make_no_means(
    run: Statistics, config: Config, means: Means = no_means
) -> Evidence:
    r"""Centred rows subtract the product of the averages over channels: now
    $S_{l+1}=S_l+\alpha^2\frac{R(c_l)-1/\pi}{1-1/\pi}$, and inputs that have nothing in common keep
    $S_l=0$ at every depth. All of the total is variance.
    """
    totals = [theory.second_moment(network) for network in ladders(config)]
    chance = theory.chance_share(config.width)
    margins = [chance * total for total in totals] + errors(totals, config)
    return means_and_variances(run, config, means, margins)


# ---------------------------------------------------------------- digits, which are alike


class Digits(NamedTuple):
    """Share S / q of the means, in networks that see the same digits."""

    he: Float[Recorded, "runs depth networks"]
    standardized: Float[Recorded, "runs depth networks"]


def cosines_of_digits() -> Float[np.ndarray, "batch batch"]:
    """Inner products of the first images of the bundled digits, scaled to length one."""
    images = handwritten_digits.bundled().images[:BATCH].reshape(BATCH, -1)
    images = images / np.linalg.norm(images, axis=1, keepdims=True)
    return images @ images.T


@measurement
def show_digits(config: Config, key: PRNGKeyArray) -> Digits:
    """Digits through a first Gaussian layer, and then through both kinds of networks."""
    shares = {
        weights: share(
            follow(
                key,
                networks_of(config, weights),
                config.width,
                config.digit_networks,
                weights=weights,
                gram=cosines_of_digits(),
            )
        )[:, :, : len(BRANCHES)]
        for weights in LAYERS
    }
    return Digits(shares["he"], shares["standardized"])


Shares = Callable[[Blocks, Weights, np.ndarray], np.ndarray]


def from_their_cosines(blocks: Blocks, weights: Weights, cosines: np.ndarray) -> np.ndarray:
    """Share of the means when each pair starts the recursion from its own cosine."""
    of_pairs = theory.squared_mean(blocks, weights, cosines)
    return of_pairs.mean(axis=1) / theory.second_moment(blocks)


def from_zero(blocks: Blocks, weights: Weights, cosines: np.ndarray) -> np.ndarray:
    """The rival's: as for inputs that have nothing in common."""
    return from_their_cosines(blocks, weights, np.zeros(1))


def as_in_the_images(blocks: Blocks, weights: Weights, cosines: np.ndarray) -> np.ndarray:
    """The rival's: networks leave the share as it is in the images."""
    return np.full(len(blocks.skip) + 1, cosines.mean())


@claim(
    show_digits,
    kind="value",
    source="derived",
    tolerance=0.16,
    controls=[
        rival("Rival: S starts from 0, as for independent inputs.", shares=from_zero),
        rival("Rival: blocks leave the share of the means as it is.", shares=as_in_the_images),
    ],
)
def digits_start_the_recursion_at_their_cosines(
    run: Digits, config: Config, shares: Shares = from_their_cosines
) -> Evidence:
    r"""Images of digits have cosines $c_0$ of about 0.65 with each other: means are there from the
    start. Averaged over pairs, the recursion from their own $c_0$ holds for them as well. He's
    weights add to the share of the means, standardized weights take from it.
    """
    cosines = cosines_of_digits()[np.triu_indices(BATCH, 1)]
    networks = [(blocks, weights) for weights in LAYERS for blocks in ladders(config)]
    names = tuple(f"{weights}, {name}" for weights in LAYERS for name in BRANCH_NAMES)
    return compared(
        np.concatenate([run.he, run.standardized], axis=2),
        [shares(*network, cosines) for network in networks],
        half_and_all(config),
        seen=tuple(range(len(names))),
        names=names,
        margins=errors([from_their_cosines(*network, cosines) for network in networks], config),
    )


# ---------------------------------------------------------------- gradients


STANDARDIZED_FACTOR = theory.GRADIENT_FACTORS["standardized"]
HE_FACTOR = theory.GRADIENT_FACTORS["he"]


def gradients(run: Statistics, config: Config, factor: float) -> Evidence:
    """Compare squared gradients of both residual networks."""
    curves = [theory.gradient(network, factor) for network in ladders(config)]
    return compared(
        run.gradient,
        curves,
        half_and_all(config),
        seen=(SMALL, LARGE),
        names=BRANCH_NAMES,
        margins=errors(curves, config),
    )


@claim(
    run_standardized,
    kind="value",
    source="derived",
    tolerance=0.15,
    controls=[rival("Rival: gradients grow like signals.", factor=HE_FACTOR)],
)
def standardized_weights_let_gradients_grow_faster(
    run: Statistics, config: Config, factor: float = STANDARDIZED_FACTOR
) -> Evidence:
    r"""The gain makes up for means, which gradients do not have: with $\kappa=1/(1-1/\pi)=1.467$,
    $\mathrm E|Jv|^2/|v|^2=\prod_{l<L}\big(1+\frac{\alpha^2\kappa}{1+l\alpha^2}\big)
    \sim(1+L\alpha^2)^\kappa$. More than the signal, but still a power of the depth.
    """
    return gradients(run, config, factor)


@claim(
    run_he,
    kind="value",
    source="derived",
    tolerance=0.15,
    controls=[rival("Rival: as with standardized weights.", factor=STANDARDIZED_FACTOR)],
)
def weights_of_he_let_gradients_grow_like_signals(
    run: Statistics, config: Config, factor: float = HE_FACTOR
) -> Evidence:
    r"""Under He's weights $\kappa=1$, and $\mathrm E|Jv|^2/|v|^2=1+L\alpha^2$."""
    return gradients(run, config, factor)


def he_growth(depth: int, width: int) -> float:
    """The rival's growth: none, as under He's weights."""
    return HE_FACTOR


@claim(
    run_standardized,
    kind="value",
    source="derived",
    tolerance=0.025,
    controls=[rival("Rival: a layer that keeps signals keeps gradients.", predict=he_growth)],
)
def without_skips_gradients_explode(
    run: Statistics,
    config: Config,
    predict: Callable[[int, int], float] = theory.standardized_growth,
) -> Evidence:
    r"""So standardized weights need the skips. Without them every layer multiplies squared
    gradients by $\kappa(1-\rho_l^2/\pi)$ with $\rho_l^2=O(1/N)$: they grow like $1.467^L$. Mean
    over all layers.
    """
    factors = growth(np.asarray(run.gradient)[:, :, PLAIN])
    predicted = predict(config.depth, config.width)
    # The correction is of the first order in 1/N, to leading order.
    margin = STANDARDIZED_FACTOR * theory.finite_width(config.width, 1)
    return equals(factors, predicted, margin=margin)


# ---------------------------------------------------------------- gains


NONLINEARITIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * special.expit(x),
    "gelu": lambda x: x * special.ndtr(x),
    "tanh": np.tanh,
}


class Estimates(NamedTuple):
    """Gains of ReLU, SiLU, GELU and tanh, as the paper's recipe finds them."""

    gain: Float[Recorded, "samples activations"]
    """From one sample."""


@measurement
def estimate_gains(config: Config, key: PRNGKeyArray) -> Estimates:
    """The recipe: the mean variance of vectors after an activation, to the power -1/2."""
    rng = generator(key)
    estimates = []
    for _ in range(config.samples):
        sample = rng.standard_normal((config.vectors, config.length), dtype=np.float32)
        variances = [
            np.mean(np.var(function(sample), axis=1, dtype=np.float64))
            for function in NONLINEARITIES.values()
        ]
        estimates.append(np.array(variances) ** -0.5)
    return Estimates(np.stack(estimates))


def exact(activation: Activation, length: int) -> float:
    """The rival's: the recipe finds the gain itself."""
    return theory.gain(activation)


@claim(
    estimate_gains,
    kind="value",
    source="appendix (the recipe); its bias is derived",
    tolerance=0.012,
    controls=[rival("Rival: the recipe is right on average.", predict=exact)],
)
def the_recipe_for_gains_finds_them_too_large(
    run: Estimates,
    config: Config,
    predict: Callable[[Activation, int], float] = theory.recipe,
) -> Evidence:
    r"""For activations like SiLU $\gamma=(\mathrm{Var}\,\phi(z))^{-1/2}$ is estimated from a sample
    of vectors, whose variance is taken around their own mean. With $n$ numbers in each it comes out
    too large by the factor $(1-1/n)^{-1/2}$; $\gamma$ is 1.7872 for SiLU, 1.7009 for GELU, 1.5925
    for tanh.
    """
    activations = theory.ACTIVATIONS.values()
    predicted = np.array([predict(activation, config.length) for activation in activations])
    # Half of the bias, which is what is claimed: all other errors are much smaller.
    margin = (
        np.array(
            [
                theory.recipe(activation, config.length) - theory.gain(activation)
                for activation in activations
            ]
        )
        / 2
    )
    return equals(run.gain, predicted, margin=margin).named(*theory.ACTIVATIONS)


class Gains(NamedTuple):
    """Gains of ReLU, SiLU, GELU and tanh, as they are written in a program."""

    gain: Float[Recorded, " activations"]


@measurement
def read_gains(config: Config, key: PRNGKeyArray) -> Gains:
    """The constants of the authors' code, or what they could have been."""
    if config.gains == "published":
        written = list(theory.PUBLISHED_GAINS.values())
    else:
        written = [theory.gain(activation) for activation in theory.ACTIVATIONS.values()]
    return Gains(np.array(written, np.float32))


SINGLE_PRECISION = float(np.finfo(np.float32).eps)


@claim(
    read_gains,
    kind="identity",
    source="google-deepmind/deepmind-research, nfnets/base.py, against section 4.1",
    tolerance=1e-6,
    controls=[broken("The gains themselves, in single precision.", gains="exact")],
    expect="refuted",
    reason=(
        "The constants in the code are 1.7139589 for ReLU, 1.7881293 for SiLU, 1.7015043 for GELU "
        "and 1.5939118 for tanh; the gains are 1.7128586, 1.7871872, 1.7009262 and 1.5925374. All "
        "four are too large, by 3e-4 to 9e-4, although ReLU's is known in closed form. It is what "
        "the paper's recipe does: with vectors of 256 numbers it finds 1/512 too much on average, "
        "and one sample of 1024 such vectors spreads by 1e-3 to 2e-3. It harms no network: it "
        "takes 500 layers without skips to double the variance."
    ),
)
def the_published_gains_are_the_gains(run: Gains, config: Config) -> Evidence:
    r"""The activations in the authors' code are multiplied by
    $\gamma=(\mathrm{Var}\,\phi(z))^{-1/2}$, $\sqrt{2/(1-1/\pi)}$ for ReLU.
    """
    predicted = [theory.gain(activation) for activation in theory.ACTIVATIONS.values()]
    return identity(run.gain, predicted, rounding=SINGLE_PRECISION)


# ---------------------------------------------------------------- zero padding


class StandardizedConvolution(nnx.Module):
    """A 3 by 3 convolution whose filters are centred and scaled to length one; pads nothing."""

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs) -> None:
        """Draw the kernel, whose scale does not matter."""
        shape = (theory.FILTER, theory.FILTER, inputs, outputs)
        self.kernel = nnx.Param(he_normal(rngs.params(), shape, jnp.float32))

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch rows columns filters"]:
        """Standardize the kernel and apply it."""
        kernel = self.kernel[...]
        kernel -= jnp.mean(kernel, axis=(0, 1, 2))
        kernel /= jnp.sqrt(jnp.sum(kernel**2, axis=(0, 1, 2)))
        return jax.lax.conv_general_dilated(
            images, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )


@jax.jit
def convolved_power(
    keys: Key[Array, " runs"], images: Float[Array, "runs batch height width channels"]
) -> Float[Array, " runs"]:
    """Mean square of what convolutions make of images that are padded already."""

    def run(given: tuple[PRNGKeyArray, Array]) -> Array:
        key, padded = given
        channels = padded.shape[-1]
        convolve = StandardizedConvolution(channels, channels, rngs=nnx.Rngs(key))
        return jnp.mean(convolve(padded) ** 2)

    return jax.lax.map(run, (keys, images))


class Power(NamedTuple):
    """What is left after one convolution."""

    square: Float[Recorded, " runs"]
    """Mean square over pixels, filters and images, where the variance before was 1."""


IMAGES = 4
"""Images that a convolution sees."""


@measurement
def pad_images(config: Config, key: PRNGKeyArray) -> Power:
    """White noise through ReLU, its gain, padding and a standardized convolution."""
    rng = generator(key)
    mode: Literal["wrap", "constant"] = "wrap" if config.padding == "circular" else "constant"
    squares = []
    for keys in chunks_of_keys(key, config.convolutions):
        shape = (AT_ONCE, IMAGES, config.side, config.side, config.channels)
        noise = rng.standard_normal(shape, dtype=np.float32)
        active = np.float32(theory.rectifier_gain()) * np.maximum(noise, 0)
        padded = np.pad(active, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)), mode=mode)
        squares.append(np.asarray(convolved_power(keys, padded)))
    return Power(np.concatenate(squares))


@claim(
    pad_images,
    kind="value",
    source="derived",
    tolerance=0.07,
    controls=[
        rival("Rival: what is lost is the share of missing inputs.", predict=theory.padded_share),
        rival("Rival: nothing is lost.", predict=theory.without_borders),
        broken("With circular padding nothing is lost.", padding="circular"),
    ],
)
def zero_padding_loses_less_than_its_share(
    run: Power, config: Config, predict: Callable[[int, int], float] = theory.padded_power
) -> Evidence:
    r"""A standardized filter that sees a share $f$ of its inputs at a zero-padded border leaves
    $f\,\frac{E-f\mu^2}{E-\mu^2}>f$ of the mean square, $\mu^2/E=1/\pi$: there the means of its
    inputs do not cancel. For He's weights it is $f$, $\big(\frac{3S-2}{3S}\big)^2$ on average over
    $S\times S$ pixels.
    """
    margin = theory.finite_width(config.channels, 1)
    return equals(run.square, predict(config.side, config.channels), margin=margin)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Means and variances under both kinds of weights; gradients; digits."""
    figure = Figure(figsize=(9.0, 6.6))
    grid = figure.subplots(2, 2)
    draw_he(grid[0, 0], runs, config)
    draw_stages(grid[0, 1], runs, config)
    draw_gradients(grid[1, 0], runs, config)
    draw_digits(grid[1, 1], runs, config)
    return figure


def with_errors(axes: Axes, recorded: Recorded, colour: str, label: str) -> None:
    """Means over runs after every block, with two standard errors."""
    values = np.asarray(recorded)
    error = 2 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    blocks = np.arange(1, values.shape[1] + 1)
    axes.errorbar(
        blocks, values.mean(axis=0), error, fmt="o", color=colour, markersize=4, label=label
    )


def draw_he(axes: Axes, runs: Runs, config: Config) -> None:
    """He's weights: the total splits into means and variances."""
    run, blocks = runs[run_he], theory.residual(config.depth, BRANCHES[LARGE])
    total, squared_mean = (v[:, :, LARGE] for v in (run.total, run.squared_mean))
    with_errors(axes, total - squared_mean, "C0", "variance $V$")
    with_errors(axes, squared_mean, "C1", "squared mean $S$")
    predicted = recursion(blocks)
    axes.plot(theory.second_moment(blocks) - predicted, **PREDICTED, label="recursion")
    axes.plot(predicted, **PREDICTED)
    axes.plot(
        theory.independent_means(blocks), "0.6", linewidth=1.2, label=r"rival: $l\alpha^2/\pi$"
    )
    axes.set_title(r"He's weights, $\alpha=1$: means grow")
    axes.set(xlabel="block $l$", ylabel="average over channels")
    axes.legend(loc="upper left")


def draw_stages(axes: Axes, runs: Runs, config: Config) -> None:
    """Scaled weight standardization: no means, and resets."""
    run = runs[run_stages]
    total, squared_mean = (v[:, :, LARGE] for v in (run.total, run.squared_mean))
    with_errors(axes, total - squared_mean, "C0", "variance $V$")
    with_errors(axes, squared_mean, "C1", "squared mean $S$")
    blocks = theory.residual(config.depth, BRANCHES[LARGE], stage=config.stage)
    axes.plot(theory.second_moment(blocks) - no_means(blocks), **PREDICTED, label="predicted")
    axes.plot(no_means(blocks), **PREDICTED)
    axes.plot(recursion(blocks), "0.6", linewidth=1.2, label="rival: $S$ of He's")
    axes.set_title(r"Scaled weight standardization, $\alpha=1$")
    axes.set(xlabel=f"block $l$, {config.stage} in a stage", ylabel="average over channels")
    axes.set_ylim(top=1.35 * (1 + config.stage))
    axes.legend(loc="upper center", ncols=2)


def draw_gradients(axes: Axes, runs: Runs, config: Config) -> None:
    """Squared gradients of residual networks."""
    pairs = ((run_standardized, STANDARDIZED_FACTOR, "C2"), (run_he, HE_FACTOR, "C3"))
    for measured, factor, colour in pairs:
        label = "standardized" if factor == STANDARDIZED_FACTOR else "He"
        for network, marker in ((LARGE, "o"), (SMALL, "^")):
            values = runs[measured].gradient[:, :, network].mean(axis=0)
            blocks = np.arange(1, config.depth + 1)
            name = f"{label}, {BRANCH_NAMES[network]}"
            axes.plot(blocks, values, marker, color=colour, markersize=4, label=name)
            curve = theory.gradient(theory.residual(config.depth, BRANCHES[network]), factor)
            axes.plot(blocks, curve[1:], **PREDICTED)
    axes.plot([], [], **PREDICTED, label="predicted")
    axes.set_title(r"Gradients: $(1+L\alpha^2)^\kappa$")
    axes.set(xscale="log", yscale="log", xlabel="blocks $L$", ylabel=r"$|Jv|^2/|v|^2$")
    axes.legend(loc="upper left")


def draw_digits(axes: Axes, runs: Runs, config: Config) -> None:
    """Share of means in networks that see digits."""
    run = runs[show_digits]
    cosines = cosines_of_digits()[np.triu_indices(BATCH, 1)]
    blocks = theory.residual(config.depth, BRANCHES[LARGE])
    for weights, colour, label in (("he", "C3", "He"), ("standardized", "C2", "standardized")):
        with_errors(axes, getattr(run, weights)[:, :, LARGE], colour, label)
    for weights in LAYERS:
        axes.plot(from_their_cosines(blocks, weights, cosines), **PREDICTED)
    axes.plot([], [], **PREDICTED, label="recursion from their cosines")
    axes.plot(from_zero(blocks, "he", cosines), "0.6", linewidth=1.2, label="rival: from 0, He")
    axes.set_title(r"Real digits, $\alpha=1$")
    axes.set(xlabel="block $l$", ylabel="share of means $S/q$", ylim=(-0.03, 1.0))
    axes.legend(loc="lower right")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
