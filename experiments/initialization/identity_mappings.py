r"""Identity mappings in deep residual networks.

A residual unit computes $x_{l+1}=f(\lambda x_l+F_l(x_l))$. If the skip is the identity
($\lambda=1$) and nothing happens after the addition ($f=\mathrm{id}$), any unit reaches any other
by plain addition, forwards and backwards: the Jacobian is $I$ plus all paths through branches.

- A skip scaled by $\lambda$ multiplies this *direct path* by $\lambda^L$. That is exact for random
  branches: $\mathrm E\,J=\lambda^LI$ and $\mathrm E|Jv|^2=(\lambda^2+s)^L|v|^2$ at every width. The
  total gradient need not shrink with the direct path, though: branches can make up for it.
- A ReLU after the addition, as in the original units, cuts the direct path of a channel where it is
  negative. Until then the channel is a random walk, so the path survives with a probability that
  falls like $2/\sqrt{\pi L}$ whatever the law of the branch, not like $2^{-L}$.
- A ReLU at the *end of the branch* lets signals only grow, with the mean $L/\sqrt{2\pi}$.

The full pre-activation unit has none of these faults. Two statements fail when they are taken at
their word: a branch can cancel its skip, for all samples at once, and the 1001-layer network has
10.2 million weights in its convolutions, but more parameters than that.

Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun: *Identity Mappings in Deep Residual Networks*,
ECCV 2016, arXiv:1603.05027.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, counts, equals, frequency, identity
from harness.errors import require
from harness.style import PREDICTED
from instruments.randomness import generator
from instruments.residual_networks import Kind, parameter_sizes
from instruments.signal_propagation import Signals, dense, propagate
from theory.initialization import identity_mappings as theory

BATCH = 50
"""Networks that are drawn at once."""
GROUP = 3
"""Chains that see the same random numbers in one program."""
SURVIVAL_DEPTHS = (1, 9, 18, 54, 333)
"""Units after which survival is tested, as far as a run is that deep: 54 and 333 in the paper."""
IDENTITY, RELU = 1.0, 0.0
"""What a function does to negative numbers: it multiplies them by this."""


@dataclass(frozen=True)
class Config:
    """Parameters; a branch's gain s is the size of its output: E|F|^2 = s|x|^2."""

    depth: int = 20
    """Units L."""
    width: int = 64
    """Channels N."""
    networks: int = 1600
    """Independent draws, a multiple of 50."""

    skips: tuple[float, ...] = (1.0, 0.9, 0.5)
    """Scalings of the skip, one network each."""
    alternating_skip: float = 2.0
    """A further network multiplies by this and divides by it in turn."""
    branch: float = 0.01
    """Gain of these branches."""
    drowned_skip: float = 0.8
    """Skip of a network whose branches make up for it: their gain is 1 less the square of this."""
    after_addition: Literal["identity", "relu"] = "identity"
    """What follows the addition in these networks."""

    weight_scales: tuple[float, ...] = (1.0, 0.3, 0.1)
    """Factors of all weights, largest first and 1."""
    scaled_branch: float = 0.1
    """Gain of a branch before its weights are scaled."""
    scaled_skip: float = 1.0
    """Skip of these networks."""

    masked_depth: int = 20
    """Units L where a ReLU after the addition cuts direct paths."""
    swapped: bool = False
    """Whether the branch that ends in a ReLU and the one that does not change places."""
    cancelling: bool = True
    """Whether a branch is built to cancel its skip; else it is drawn at random."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name in ("depth", "width", "networks", "branch", "scaled_branch", "masked_depth"):
            require(getattr(self, name) > 0, f"{name} must be above zero")
        require(self.networks % BATCH == 0, f"networks must be a multiple of {BATCH}")
        for name in ("skips", "weight_scales"):
            require(min(getattr(self, name)) > 0, f"{name} must be above zero")
        require(self.alternating_skip > 0, "alternating_skip must be above zero")
        require(0 < self.drowned_skip < 1, "drowned_skip must be between 0 and 1")
        first, *others = self.weight_scales
        require(
            first == 1 and len(others) > 0 and max(others) < 1,
            "weight_scales must begin with 1, and smaller ones must follow",
        )
        smallest = float(theory.shrunk_gain(self.scaled_branch, min(others))) ** self.depth
        require(
            smallest > 1e-290, "depth is so large and weights so small that gradients underflow"
        )


SIZES = {
    "ci": Config(),
    # As many units as ResNet-110 and ResNet-1001.
    "figure": Config(depth=54, width=128, networks=2400, masked_depth=333),
    # And as many channels as leave the latter's last stage.
    "paper": Config(depth=54, width=256, networks=4000, masked_depth=333),
}


# ---------------------------------------------------------------- chains of random units


class Unit(NamedTuple):
    """A residual unit, or with a leading axis a chain of them; all numbers may be traced."""

    skip: Float[Array, "*units"]
    """Factor of the skip."""
    inner_gain: Float[Array, "*units"]
    """Gain of the branch's first layer."""
    outer_gain: Float[Array, "*units"]
    """Gain of its second layer."""
    branch_end: Float[Array, "*units"]
    """What the end of the branch does to negative numbers."""
    after_addition: Float[Array, "*units"]
    """What happens to them after the addition."""
    normalized: Bool[Array, "*units"]
    """Whether the branch's hidden layer is divided by its root mean square."""


class Chains(NamedTuple):
    """What chains of units do to a signal x and a direction v; after each unit, or from x_0 on."""

    overlap: Float[Recorded, "networks chains units"]
    """Inner product of v and Jv over |v|^2."""
    gradient: Float[Recorded, "networks chains units"]
    """|Jv|^2 over |v|^2."""
    mean: Float[Recorded, "networks chains times"]
    """Mean over channels of x_l."""
    mean_square: Float[Recorded, "networks chains times"]
    """Mean over channels of its square."""
    rises: Int[Recorded, "networks chains"]
    """Pairs of a unit and a channel at which x does not fall."""
    alive: Int[Recorded, "networks chains channels"]
    """Outputs x_0, x_1, ... in a row at which a channel's direct path was not cut."""


def piecewise_linear(negative: Array, x: Array) -> Array:
    """The identity above zero; below, multiplied by `negative`."""
    return jnp.where(x > 0, x, negative * x)


def normalized_where(wanted: Array, x: Array) -> Array:
    """Each input divided by its root mean square, where wanted."""
    size = jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True))
    return x / jnp.where(wanted, size, 1.0)


def residual_unit(key: PRNGKeyArray, signals: Signals, unit: Unit) -> Signals:
    """A unit whose branch is two dense layers."""
    inner_key, outer_key = jax.random.split(key)
    hidden = dense(signals.units, unit.inner_gain)(inner_key, signals).through(jax.nn.relu)
    hidden = hidden.through(partial(normalized_where, unit.normalized))
    branch = dense(signals.units, unit.outer_gain)(outer_key, hidden)
    total = signals.scaled(unit.skip) + branch.through(partial(piecewise_linear, unit.branch_end))
    return total.through(partial(piecewise_linear, unit.after_addition))


@partial(jax.jit, static_argnames="width")
def send_through(keys: Key[Array, "..."], chains: Unit, width: int) -> Chains:
    """Send a Gaussian signal and direction through chains, with new weights for each key.

    All chains of a network see the same random numbers: they differ in nothing but their units.
    """

    def one_chain(start_key: PRNGKeyArray, chain_key: PRNGKeyArray, chain: Unit) -> Chains:
        drawn = jax.random.normal(start_key, (2 * width,)).reshape(2, 1, width)
        start = Signals(*drawn).through(partial(piecewise_linear, chain.after_addition[0]))
        after = propagate(chain_key, residual_unit, start, chain, lambda signals: signals)
        x = jnp.concatenate([start.values[None], after.values])[:, 0]
        v, moved = start.tangents[0], after.tangents[:, 0]
        kept = (x > 0) | (chain.after_addition[0] != RELU)
        return Chains(
            moved @ v / (v @ v),
            jnp.sum(moved**2, axis=1) / (v @ v),
            jnp.mean(x, axis=1),
            jnp.mean(x**2, axis=1),
            jnp.sum(x[1:] >= x[:-1]),
            jnp.sum(jnp.cumprod(kept, axis=0), axis=0),
        )

    def one_network(key: PRNGKeyArray) -> Chains:
        start_key, chain_key = jax.random.split(key)
        return jax.vmap(partial(one_chain, start_key, chain_key))(chains)

    return jax.lax.map(one_network, keys, batch_size=BATCH)


def chain_of(
    depth: int,
    *,
    skip: float | np.ndarray = 1.0,
    gain: float,
    weight_scale: float = 1.0,
    branch_end: float = IDENTITY,
    after_addition: float = IDENTITY,
    normalized: bool = False,
) -> Unit:
    """A chain of units; the first layer of a branch keeps a signal's size through its ReLU."""

    def everywhere(number: float | np.ndarray) -> Array:
        return jnp.asarray(np.broadcast_to(np.asarray(number, float), depth))

    return Unit(
        skip=everywhere(skip),
        inner_gain=everywhere(2 * weight_scale**2),
        outer_gain=everywhere(gain * weight_scale**2),
        branch_end=everywhere(branch_end),
        after_addition=everywhere(after_addition),
        normalized=jnp.asarray(np.full(depth, normalized)),
    )


def send_through_all(config: Config, key: PRNGKeyArray, chains: list[Unit]) -> Chains:
    """Measure chains of equal depth, `GROUP` of them at a time."""
    keys = jax.random.split(key, config.networks)
    # The last group is filled up with a chain that is measured already.
    filled = [*chains, *chains[-1:] * (-len(chains) % GROUP)]
    measured = [
        send_through(keys, jax.tree.map(lambda *units: jnp.stack(units), *group), config.width)
        for group in (filled[first : first + GROUP] for first in range(0, len(filled), GROUP))
    ]
    return jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=1)[:, : len(chains)], *measured)


# ---------------------------------------------------------------- the direct path


AFTER = {"identity": IDENTITY, "relu": RELU}


def skips_and_gains(config: Config) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Skips and gains unit by unit, shape (chains, units), and names; the drowned chain is last."""
    factor = config.alternating_skip
    alternating = factor ** (1.0 - 2 * (np.arange(config.depth) % 2))
    constant = [np.full(config.depth, skip) for skip in (*config.skips, config.drowned_skip)]
    skips = np.stack([*constant[:-1], alternating, constant[-1]])
    gains = np.full(skips.shape, config.branch)
    gains[-1] = 1 - config.drowned_skip**2
    names = [f"λ = {skip:g}" for skip in config.skips]
    return skips, gains, [*names, f"λ = {factor:g}, 1/{factor:g} in turn", "λ² + s = 1"]


class DirectPaths(NamedTuple):
    """Chains with scaled skips, at their end, and on average after each unit."""

    overlap: Float[Recorded, "networks chains"]
    """Inner product of v and Jv over |v|^2."""
    gradient: Float[Recorded, "networks chains"]
    """|Jv|^2 over |v|^2."""
    signal: Float[Recorded, "networks chains"]
    """|x_L|^2 over |x_0|^2."""
    mean_overlap: Float[Recorded, "chains units"]
    """Mean over networks."""
    mean_gradient: Float[Recorded, "chains units"]
    """Mean over networks."""


@measurement
def follow_direct_paths(config: Config, key: PRNGKeyArray) -> DirectPaths:
    """Chains with scaled skips."""
    skips, gains, _ = skips_and_gains(config)
    after = AFTER[config.after_addition]
    run = send_through_all(
        config,
        key,
        [
            chain_of(config.depth, skip=skip, gain=gain[0], after_addition=after)
            for skip, gain in zip(skips, gains, strict=True)
        ],
    )
    return DirectPaths(
        run.overlap[:, :, -1],
        run.gradient[:, :, -1],
        run.mean_square[:, :, -1] / run.mean_square[:, :, 0],
        jnp.mean(run.overlap, axis=0),
        jnp.mean(run.gradient, axis=0),
    )


def undiminished(skips: np.ndarray) -> np.ndarray:
    """The rival for which a skip's scale does not matter."""
    return np.ones(skips.shape)


@claim(
    follow_direct_paths,
    kind="value",
    source="section 3, equations 6 to 8; the expectation is derived",
    tolerance=0.04,
    controls=[
        rival("Rival: the direct path of an identity skip, whatever λ is.", predict=undiminished),
        broken("A ReLU after the addition cuts direct paths.", after_addition="relu"),
    ],
)
def the_direct_path_is_the_product_of_the_skips(
    run: DirectPaths,
    config: Config,
    predict: Callable[[np.ndarray], theory.Values] = theory.direct_path,
) -> Evidence:
    r"""Averaged over networks, only the direct path is left of the Jacobian:
    $\mathrm E\,\langle v,Jv\rangle/|v|^2=\prod_l\lambda_l$, exactly at every width.
    """
    skips, gains, names = skips_and_gains(config)
    # All but the last chain, whose direct path is drowned.
    predicted = predict(skips)[:-1, -1]
    spread = theory.direct_path_spread(skips, gains, config.width)[:-1, -1]
    return equals(run.overlap[:, :-1], predicted, margin=theory.resolved(spread)).named(*names[:-1])


def visible_as_the_gradient(skips: np.ndarray, gains: np.ndarray, width: int) -> theory.Values:
    """The rival in which branches point along v as strongly as anywhere else together."""
    return np.sqrt(theory.energy(skips, gains) - theory.direct_path(skips) ** 2)


@claim(
    follow_direct_paths,
    kind="value",
    source="derived",
    tolerance=0.7,
    controls=[
        rival(
            "Rival: paths through branches point along v, whatever the width.",
            predict=visible_as_the_gradient,
        ),
    ],
)
def all_other_paths_point_in_random_directions(
    run: DirectPaths,
    config: Config,
    predict: Callable[[np.ndarray, np.ndarray, int], theory.Values] = theory.direct_path_spread,
) -> Evidence:
    r"""In a single network the direct path is seen through the noise of all others,
    $\mathrm{Var}\,\langle v,Jv\rangle/|v|^2
    =\tfrac1N\big[\prod(\lambda_l^2+s_l)-\prod\lambda_l^2\big]$. Strong branches drown it.
    """
    skips, gains, names = skips_and_gains(config)
    squared = (run.overlap - theory.direct_path(skips)[:, -1]) ** 2
    predicted = predict(skips, gains, config.width)[:, -1] ** 2
    spread = theory.squared_overlap_spread(skips, gains, config.width)[:, -1]
    return equals(squared, predicted, margin=theory.resolved(spread)).named(*names)


def of_the_direct_path(skips: np.ndarray, gains: np.ndarray) -> theory.Values:
    """The rival in which nothing but the direct path carries gradients."""
    return theory.direct_path(skips) ** 2


@claim(
    follow_direct_paths,
    kind="value",
    source="derived",
    tolerance=0.06,
    controls=[
        rival("Rival: the direct path carries all.", predict=of_the_direct_path),
        broken("A ReLU after the addition takes half of it away.", after_addition="relu"),
    ],
)
def signals_and_gradients_grow_by_the_same_factor(
    run: DirectPaths,
    config: Config,
    predict: Callable[[np.ndarray, np.ndarray], theory.Values] = theory.energy,
) -> Evidence:
    r"""$\mathrm E|Jv|^2/|v|^2=\mathrm E|x_L|^2/|x_0|^2=\prod_l(\lambda_l^2+s_l)$. So the *total*
    gradient need not shrink where the direct path does: with $s=1-\lambda^2$ it keeps its size,
    while the share of the direct path is $\lambda^{2L}$.
    """
    skips, gains, names = skips_and_gains(config)
    predicted = predict(skips, gains)[:, -1]
    spread = theory.energy_spread(skips, gains, config.width)[:, -1]
    measured = np.concatenate([run.gradient, run.signal], axis=1)
    margin = theory.resolved(np.tile(spread, 2))
    return equals(measured, np.tile(predicted, 2), margin=margin).named(
        *(f"{what}, {name}" for what in ("gradient", "signal") for name in names)
    )


# ---------------------------------------------------------------- small weights


class ShrunkWeights(NamedTuple):
    """Chains with the same weights in several sizes, with skips and then without."""

    gradient: Float[Recorded, "networks chains"]
    """|Jv|^2 over |v|^2."""


@measurement
def shrink_weights(config: Config, key: PRNGKeyArray) -> ShrunkWeights:
    """The same weights in several sizes, with skips and then without."""
    run = send_through_all(
        config,
        key,
        [
            chain_of(config.depth, skip=skip, gain=config.scaled_branch, weight_scale=scale)
            for skip in (config.scaled_skip, 0.0)
            for scale in config.weight_scales
        ],
    )
    return ShrunkWeights(run.gradient[:, :, -1])


@claim(
    shrink_weights,
    kind="value",
    source="section 2; the numbers are derived",
    tolerance=0.01,
    controls=[
        broken("A skip of 0.9 lets the gradient vanish like 0.9^L.", scaled_skip=0.9),
        rival("In a plain network it vanishes.", skips=False),
    ],
)
def small_weights_leave_the_gradient_alone(
    run: ShrunkWeights, config: Config, skips: bool = True
) -> Evidence:
    r"""With identity skips the gradient does not vanish however small the weights are: when all are
    multiplied by $\varepsilon$, $\mathrm E|Jv|^2/|v|^2=(1+\varepsilon^4s)^L\to1$.
    """
    scales = np.array(config.weight_scales)
    ones = np.ones((scales.size, config.depth))
    gains = theory.shrunk_gain(config.scaled_branch, scales[:, None])
    spread = theory.energy_spread(ones, gains, config.width)[:, -1]
    predicted = theory.energy(ones, gains)[:, -1]
    with_skips, without = np.split(run.gradient, 2, axis=1)
    measured = with_skips if skips else without
    return equals(measured, predicted, margin=theory.resolved(spread)).named(
        *(f"ε = {scale:g}" for scale in scales)
    )


@claim(
    shrink_weights,
    kind="identity",
    source="section 2; the exponent is derived",
    tolerance=1e-10,
    controls=[rival("With identity skips nothing of the kind happens.", skips=True)],
)
def a_plain_network_loses_the_gradient_to_small_weights(
    run: ShrunkWeights, config: Config, skips: bool = False
) -> Evidence:
    r"""Without skips the same network with all weights multiplied by $\varepsilon$ has a gradient
    of exactly $\varepsilon^{kL}$ the size, $k=2$ layers a unit.
    """
    scales = np.array(config.weight_scales)
    with_skips, without = np.split(run.gradient, 2, axis=1)
    squares = with_skips if skips else without
    exponents = np.log(squares[:, 1:] / squares[:, :1]) / (2 * np.log(scales[1:]))
    # Some 1e-15 a layer, in a logarithm of order one.
    return identity(exponents, theory.plain_exponent(config.depth), rounding=1e-12)


# ---------------------------------------------------------------- a ReLU after the addition


ORIGINAL, PRE_ACTIVATION, GROWING = range(3)
"""Chains of `cut_direct_paths`."""


class CutPaths(NamedTuple):
    """How long direct paths live."""

    alive: Int[Recorded, "networks chains channels"]
    """Outputs x_0, x_1, ... in a row at which a channel's direct path was not cut."""


@measurement
def cut_direct_paths(config: Config, key: PRNGKeyArray) -> CutPaths:
    """ReLU after the addition, none, and ReLU again with branches that grow with the signal."""
    chain = partial(chain_of, config.masked_depth, gain=1.0)
    chains = [
        chain(after_addition=RELU, normalized=True),
        chain(after_addition=IDENTITY, normalized=True),
        chain(after_addition=RELU, normalized=False),
    ]
    # Small integers make small files.
    return CutPaths(send_through_all(config, key, chains).alive.astype(jnp.int16))


def uncut(units: int) -> theory.Values:
    """The rival without any effect."""
    return np.ones(units + 1)


@claim(
    cut_direct_paths,
    kind="probability",
    source="section 4.2 (signals are 'impacted'); the law is derived",
    tolerance=0.06,
    controls=[
        rival("Rival: each unit cuts half.", predict=theory.independent_masks),
        rival("Rival: a ReLU after the addition does no harm.", predict=uncut),
        rival("Without a ReLU after the addition all survive.", chain=PRE_ACTIVATION),
        rival("Branches that grow with the signal make no random walk.", chain=GROWING),
    ],
)
def direct_paths_survive_like_a_random_walk(
    run: CutPaths,
    config: Config,
    predict: Callable[[int], theory.Values] = theory.survival,
    chain: int = ORIGINAL,
) -> Evidence:
    r"""With a ReLU after the addition and normalized branches, a channel that starts positive keeps
    its direct path over $L$ units with probability
    $2\binom{2L+2}{L+1}4^{-L-1}\approx2/\sqrt{\pi(L+1)}$: a power of the depth, not $2^{-L}$.
    """
    depths = [depth for depth in SURVIVAL_DEPTHS if depth <= config.masked_depth]
    alive = run.alive[:, chain].ravel()
    # Channels are independent: each takes its increments from weights of its own.
    outcomes = alive[alive > 0, None] > np.array(depths)
    spread = theory.survival_spread(config.masked_depth, config.width)[depths]
    predicted = predict(config.masked_depth)[depths]
    return frequency(outcomes, predicted, margin=theory.resolved(spread)).named(
        *(f"L = {depth}" for depth in depths)
    )


# ---------------------------------------------------------------- a ReLU at the end of the branch


class Drifts(NamedTuple):
    """Channels of chains that differ in where the ReLU is."""

    mean: Float[Recorded, "networks chains"]
    """Mean over channels of x_L."""
    mean_square: Float[Recorded, "networks chains"]
    """Mean over channels of its square."""
    rises: Int[Recorded, "networks chains"]
    """Pairs of a unit and a channel at which x does not fall."""
    mean_by_unit: Float[Recorded, "chains times"]
    """Mean over channels and networks of x_0, ..., x_L."""


@measurement
def end_branches(config: Config, key: PRNGKeyArray) -> Drifts:
    """A ReLU at the end of the branch, nowhere (full pre-activation), and after the addition."""
    chain = partial(chain_of, config.depth, gain=1.0, normalized=True)
    ends = (IDENTITY, RELU) if config.swapped else (RELU, IDENTITY)
    chains = [chain(branch_end=end) for end in ends]
    run = send_through_all(config, key, [*chains, chain(after_addition=RELU)])
    return Drifts(
        run.mean[:, :, -1], run.mean_square[:, :, -1], run.rises, jnp.mean(run.mean, axis=0)
    )


SWAPPED = broken("The two branches change places.", swapped=True)


@claim(
    end_branches,
    kind="value",
    source="section 4.1 ('the signal is monotonically increasing'); the numbers are derived",
    tolerance=0.03,
    controls=[SWAPPED],
)
def a_relu_at_the_end_of_the_branch_makes_channels_drift(run: Drifts, config: Config) -> Evidence:
    r"""Where branches end in a ReLU of unit-variance pre-activations, channels have the mean
    $L/\sqrt{2\pi}$. After full pre-activation they keep the mean 0, and with a ReLU after the
    addition it is $\sum_{k\le L+1}1/\sqrt{2\pi k}\approx\sqrt{2L/\pi}$.
    """
    depth = config.depth
    laws = (theory.drift, lambda _: 0.0, theory.reflected_mean)
    spreads = (theory.drift_spread, theory.pre_activation_spread, theory.reflected_spread)
    predicted = np.array([law(depth) for law in laws])
    spread = np.array([law(depth) for law in spreads])
    margin = theory.resolved(spread / np.sqrt(config.width))
    return equals(run.mean, predicted, margin=margin).named(
        "ReLU ends the branch", "full pre-activation", "ReLU after the addition"
    )


@claim(
    end_branches,
    kind="count",
    source="section 4.1 ('the signal is monotonically increasing')",
    tolerance=1e-3,
    controls=[SWAPPED],
)
def a_relu_at_the_end_of_the_branch_lets_nothing_fall(run: Drifts, config: Config) -> Evidence:
    r"""There $x_{l+1}\ge x_l$ in every channel of every unit."""
    return counts(run.rises[:, 0], config.depth * config.width)


@claim(
    end_branches,
    kind="value",
    source="derived",
    tolerance=0.1,
    controls=[SWAPPED],
)
def full_pre_activation_grows_like_a_random_walk(run: Drifts, config: Config) -> Evidence:
    r"""After full pre-activation units a channel's mean square is $1+L$, where branches that end in
    a ReLU bring it to order $L^2/2\pi$.
    """
    spread = theory.pre_activation_mean_square_spread(config.depth, config.width)
    predicted = theory.pre_activation_mean_square(config.depth)
    return equals(run.mean_square[:, 1], predicted, margin=theory.resolved(spread))


# ---------------------------------------------------------------- a branch that cancels its skip


class Cancelling(NamedTuple):
    """A single unit with identity skip, seen by a mini-batch."""

    kept: Int[Recorded, " networks"]
    """Samples of the mini-batch whose gradient is not zero."""


CANCELLED_NETWORKS, MINI_BATCH = 10, 128


@measurement
def cancel_skips(config: Config, key: PRNGKeyArray) -> Cancelling:
    """Gradients of x + F(x) for F = relu(-x) - relu(x), two layers without biases, or at random."""
    rng = generator(key)
    n = config.width
    x, v = rng.standard_normal((2, CANCELLED_NETWORKS, MINI_BATCH, n))
    if config.cancelling:
        eye = np.eye(n)
        first, second = np.concatenate([eye, -eye]), np.concatenate([-eye, eye], axis=1)
    else:
        first, second = rng.standard_normal((2 * n, n)), rng.standard_normal((n, 2 * n))
    gradient = v + ((x @ first.T > 0) * (v @ first.T)) @ second.T
    return Cancelling(np.sum(np.any(gradient != 0, axis=-1), axis=-1))


@claim(
    cancel_skips,
    kind="count",
    source="section 2: the term 'cannot be always -1 for all samples in a mini-batch'",
    tolerance=0.01,
    controls=[broken("For random branches the statement is true.", cancelling=False)],
    expect="refuted",
    reason=(
        "The statement is an argument for generic weights, not a theorem. The branch "
        "F(x) = relu(-x) - relu(x) = -x, two layers without biases, cancels its skip for every "
        "input at once: no sample of a mini-batch keeps a gradient. What does hold is the limit of "
        "small weights, and random weights."
    ),
)
def no_branch_cancels_its_skip_for_all_samples(run: Cancelling, config: Config) -> Evidence:
    r"""With an identity skip the gradient does not vanish on a whole mini-batch, whatever the
    weights, since $\frac{\partial}{\partial x}\sum F$ cannot be $-1$ for all samples: all keep a
    gradient.
    """
    return counts(run.kept, MINI_BATCH)


# ---------------------------------------------------------------- parameters


NETWORKS: tuple[tuple[int, Kind], ...] = ((164, "bottleneck"), (1001, "bottleneck"), (110, "basic"))
"""Depths and units of the networks for CIFAR; the first two are the paper's."""
PARTS = ("convolutions", "normalizations", "readout")


class Parameters(NamedTuple):
    """Sizes of the arrays of Flax networks."""

    sizes: Int[Recorded, "networks parts"]
    """Trained numbers in convolutions, normalizations and the readout."""


@measurement
def count_parameters(config: Config, key: PRNGKeyArray) -> Parameters:
    """Build the networks in the abstract and add up their arrays."""
    sizes = [parameter_sizes(depth, kind) for depth, kind in NETWORKS]
    return Parameters(np.array([[size[part] for part in PARTS] for size in sizes]))


@claim(
    count_parameters,
    kind="count",
    source="the architecture of section 5; the sums are derived",
    tolerance=1e-3,
    controls=[rival("Rival: skips that change the shape have no weights.", projections=False)],
)
def parameters_are_the_sum_over_the_layers(
    run: Parameters, config: Config, projections: bool = True
) -> Evidence:
    r"""Bottleneck networks of depth $9n+2$ have 1,703,258 (164 layers) and 10,327,706 parameters
    (1001 layers), and basic units of depth 110 have 1,730,522; part by part as the sum says.
    """
    predicted = [theory.parameters(*network, projections=projections) for network in NETWORKS]
    return counts(run.sizes, [[parts[part] for part in PARTS] for parts in predicted])


Part = Literal["convolutions", "all"]


def against_the_paper(run: Parameters, part: Part) -> Evidence:
    """Are convolution weights, or all parameters, what the paper prints?"""
    sizes = run.sizes[: len(theory.PAPER_MILLIONS)]
    measured = sizes[:, 0] if part == "convolutions" else sizes.sum(axis=1)
    printed = [1e6 * millions for millions in theory.PAPER_MILLIONS.values()]
    return identity(measured, printed, rounding=theory.PRINTED_TO / max(printed))


@claim(
    count_parameters,
    kind="count",
    source="derived, for the table of section 5",
    tolerance=0.01,
    controls=[rival("With normalizations the 1001 layers have more.", part="all")],
)
def convolutions_have_as_many_weights_as_the_paper_says_parameters(
    run: Parameters, config: Config, part: Part = "convolutions"
) -> Evidence:
    r"""The paper's 1.7 and 10.2 million are the weights of the convolutions, to the decimal
    printed: 1,676,464 and 10,175,920.
    """
    return against_the_paper(run, part)


@claim(
    count_parameters,
    kind="count",
    source="table of section 5",
    tolerance=0.01,
    controls=[rival("For the weights of the convolutions they are right.", part="convolutions")],
    expect="refuted",
    reason=(
        "The 164 layers have 1,703,258 parameters, 1.7 million as printed. The 1001 layers have "
        "10,327,706, that is 10.3 million and 1.25% more than 10.2 million, which is what is left "
        "without the 149,216 scales and shifts of batch normalization."
    ),
)
def all_parameters_are_as_many_as_the_paper_says(
    run: Parameters, config: Config, part: Part = "all"
) -> Evidence:
    r"""The networks of 164 and 1001 layers have 1.7 and 10.2 million parameters."""
    return against_the_paper(run, part)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Direct paths, small weights, survival and drift."""
    figure = Figure(figsize=(9.0, 6.6))
    (top_left, top_right), (bottom_left, bottom_right) = figure.subplots(2, 2)
    draw_direct_paths(top_left, runs[follow_direct_paths], config)
    draw_small_weights(top_right, runs[shrink_weights], config)
    draw_survival(bottom_left, runs[cut_direct_paths], config)
    draw_drift(bottom_right, runs[end_branches], config)
    return figure


def draw_direct_paths(axes: Axes, run: DirectPaths, config: Config) -> None:
    """The mean overlap of v and Jv, and the gradient that branches keep alive."""
    units = np.arange(1, config.depth + 1)
    skips, gains, names = skips_and_gains(config)
    shown = [*range(len(config.skips)), len(skips) - 1]
    for color, chain in enumerate(shown[:-1]):
        axes.plot(
            units, run.mean_overlap[chain], "o", ms=3.5, color=f"C{color}", label=names[chain]
        )
        axes.plot(units, theory.direct_path(skips[chain]), **PREDICTED)
    chain = shown[-1]
    total = np.sqrt(run.mean_gradient[chain])
    label = f"all paths, λ = {config.drowned_skip:g}, s = 1 – λ²"
    axes.plot(
        units[::4], total[::4], "s", ms=6, mfc="none", color=f"C{len(shown) - 1}", label=label
    )
    axes.plot(units, np.sqrt(theory.energy(skips[chain], gains[chain])), **PREDICTED)
    axes.plot([], [], **PREDICTED, label="predicted")
    axes.set(yscale="log", xlabel="units L", ylabel="size of the path", title="Direct path")
    axes.legend(loc="lower left")


def draw_small_weights(axes: Axes, run: ShrunkWeights, config: Config) -> None:
    """Root mean squares of |Jv|/|v| against the scale of all weights."""
    scales = np.array(config.weight_scales)
    size = np.sqrt(run.gradient.mean(axis=0))
    residual, plain = size[: scales.size], size[scales.size :]
    fine = np.geomspace(scales.min(), 1, 100)
    gains = theory.shrunk_gain(config.scaled_branch, fine[:, None])
    for color, (measured, skip, name) in enumerate(
        ((residual, 1.0, "identity skips"), (plain, 0.0, "no skips"))
    ):
        skips = np.full((fine.size, config.depth), skip)
        law = np.sqrt(theory.energy(skips, gains)[:, -1])
        axes.plot(scales, measured, "o", color=f"C{color}", label=name)
        axes.plot(fine, law, **PREDICTED)
    axes.plot([], [], **PREDICTED, label="predicted")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="factor ε of all weights",
        ylabel="gradient |Jv|/|v|",
        title=f"Small weights, {config.depth} units",
    )
    axes.yaxis.set_major_locator(LogLocator(1e20))
    axes.legend(loc="lower right")


def draw_survival(axes: Axes, run: CutPaths, config: Config) -> None:
    """The share of direct paths that a ReLU after the addition has not cut."""
    # Evenly spaced on a logarithmic axis.
    units = np.unique(np.geomspace(1, config.masked_depth, 40).round().astype(int))
    for chain in (ORIGINAL, PRE_ACTIVATION, GROWING):
        alive = run.alive[:, chain].ravel()
        share = np.mean(alive[alive > 0, None] > units, axis=0)
        axes.plot(units, share, "o", ms=3.5, color=f"C{chain}")
    law = theory.survival(config.masked_depth)[units]
    axes.plot(units, law, **PREDICTED, label="predicted")
    axes.plot(units, theory.independent_masks(config.masked_depth)[units], ":", color="C3")
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(0.05 * law[-1], 3),
        xlabel="units L",
        ylabel="direct paths left",
        title="Direct paths, by what follows the addition",
    )
    for at, name, color, side in (
        ((0.99, 0.92), "nothing", f"C{PRE_ACTIVATION}", "right"),
        ((0.99, 0.65), "ReLU", f"C{ORIGINAL}", "right"),
        ((0.62, 0.2), "ReLU, and branches\ngrow with the signal", f"C{GROWING}", "left"),
        ((0.03, 0.2), "rival: each unit\ncuts half", "C3", "left"),
    ):
        axes.text(*at, name, color=color, ha=side, va="center", transform=axes.transAxes)
    axes.legend(loc="lower right")


def draw_drift(axes: Axes, run: Drifts, config: Config) -> None:
    """The mean of all channels, unit by unit."""
    units = np.arange(config.depth + 1)
    reflected = np.array([theory.reflected_mean(unit) for unit in units.tolist()])
    laws = (theory.drift(units), np.zeros(units.size), reflected)
    names = ("at the end of the branch", "nowhere: full pre-activation", "after the addition")
    for chain, name in enumerate(names):
        axes.plot(units, run.mean_by_unit[chain], "o", ms=3.5, color=f"C{chain}", label=name)
        axes.plot(units, laws[chain], **PREDICTED)
    axes.plot([], [], **PREDICTED, label="predicted")
    axes.set(xlabel="units L", ylabel="mean of the channels", title="Drift, by where the ReLU is")
    axes.legend(loc="upper left")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
