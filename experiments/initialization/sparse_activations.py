r"""Sparse activations explode at the edge of chaos, and clipping them helps if it is low enough.

An activation that is zero below a threshold $\tau$ makes a random network's layers sparse. The
usual recipe for deep networks, the *edge of chaos*, starts it where signals keep their variance,
$V(1)=1$, and gradients theirs, $\chi(1)=1$. That is not enough here: the variance map $V$ of a
thresholded ReLU only *touches* the diagonal, from above. A finite network fluctuates, passes the
touching point sooner or later, and explodes.

- The map, its derivatives and the fluctuations are known in closed form; so is the mean depth at
  which a network of width $N$ explodes, $4.18\,(\kappa^2D/N)^{-1/3}\propto N^{1/3}$ (derived here).
- Networks of width 300 on MNIST digits, seven units of eight silent, explode within 100 layers in
  seven cases of eight: exactly as often as the chain of variances says, at every depth.
- Clipping the activation at a level $m$ bends the map down, $V'(1)<1$, and the variance stays. But
  the level must be below $m_{\max}$ (derived here): above, a second stable variance appears, at
  which gradients explode, although $V'(1)<1$ and $\chi(1)=1$ still hold.

Ilan Price, Nicholas Daultry Ball, Samuel C. H. Lam, Adam C. Jones, Jared Tanner: *Deep Neural
Network Initialization with Sparsity Inducing Activations*, ICLR 2024, arXiv:2402.16184.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import (
    Evidence,
    at_least,
    distributed_as,
    equals,
    frequency,
    identity,
    scales_as,
)
from harness.errors import require
from harness.style import PREDICTED
from instruments import handwritten_digits
from instruments.signal_propagation import Signals, dense, propagate
from theory.initialization import sparse_activations as theory
from theory.initialization.sparse_activations import Layer, SparseActivation

EXPLODED = 10.0
"""A variance that never comes back to 1 without a clip."""
SETTLED = 100
"""Layers at the end of a chain over which its variance is averaged."""
SHOWN = 120
"""Layers of such a chain that the figure shows."""
CONTROL_SLOPE = 0.7
"""V'(1) of the clipped activation that takes the thresholded one's place in controls."""


@dataclass(frozen=True)
class Config:
    r"""Parameters; everything starts at the edge of chaos with the fixed point $q=1$."""

    sparsity: float = 0.85
    """Share s of units that are zero at q = 1, above 1/2; soft thresholding has 2s - 1."""
    activation: Literal["thresholded", "clipped", "plain"] = "thresholded"
    """What is measured where the paper's unclipped activation is predicted; plain is ReLU."""
    slopes: tuple[float, ...] = (0.5, 0.7, 0.9)
    """V'(1) of the clipped activations whose maps are integrated."""

    shifts: int = 4
    """Randomly shifted grids on which maps are integrated."""

    layer_width: int = 4000
    """Units of the single layers whose fluctuation is measured."""
    layers: int = 6000
    """Single layers drawn."""

    start: float = 50.0
    """Variance at which the exploding networks start."""
    network_width: int = 1000
    """Units a layer of the networks whose growth is measured."""
    network_depth: int = 16
    """Layers of these networks."""
    networks: int = 192
    """Independent networks."""

    escape_widths: tuple[float, ...] = (3e3, 3e4, 3e5)
    """Widths at which chains of variances escape from 1; at least three, 1000 at least."""
    escape_blocks: int = 100
    """Independent groups of chains, one mean depth each."""
    escape_block_chains: int = 200
    """Chains in a group and at a width."""
    patience: float = 20.0
    """Chains are given up after this multiple of the largest predicted depth."""

    digit_width: int = 40
    """Units a layer of the networks that see digits."""
    digit_depth: int = 30
    """Layers of these networks."""
    digit_networks: int = 1200
    """Networks, each with a digit of its own."""

    stationary_slopes: tuple[float, ...] = (0.5, 0.7)
    """V'(1) of the clipped activations whose stationary variance is measured."""
    stationary_width: int = 1000
    """Units a layer there, 1000 at least."""
    stationary_chains: int = 2000
    """Independent chains there."""
    stationary_layers: int = 1500
    """Layers of these chains, the first 100 left out."""

    threshold_width: float = 1e6
    """Units a layer of the chains that look for the largest safe clip."""
    threshold_depth: int = 600
    """Layers of these chains."""
    threshold_chains: int = 32
    """Independent chains there."""
    searched: tuple[float, float, int] = (0.99, 1.01, 11)
    """Clips that are tried: from, to (in units of the largest safe one), how many."""
    settling: tuple[float, ...] = (0.9, 0.97, 1.03, 1.1)
    """Clips, in the same units, at which the chains' last variance is predicted."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        require(0.5 < self.sparsity < 1, f"sparsity must be in (1/2, 1), got {self.sparsity}")
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                require(isinstance(number, str) or number > 0, f"{name} must be above zero")
        for name in ("slopes", "stationary_slopes"):
            require(max(getattr(self, name)) < 1, f"{name} must be below 1: a clip has no other")
        # The figure shows it.
        require(CONTROL_SLOPE in self.slopes, f"slopes must contain {CONTROL_SLOPE}")
        # Below, the mean of a layer is not Gaussian enough.
        for name in ("escape_widths", "stationary_width", "threshold_width"):
            least = float(np.min(getattr(self, name)))
            require(least >= 1000, f"{name} must be at least 1000, got {least:g}")
        require(len(set(self.escape_widths)) >= 3, "escape_widths needs three different values")
        require(self.searched[2] >= 3, "searched needs three clips or more")
        for name in ("stationary_layers", "threshold_depth"):
            require(getattr(self, name) > SETTLED, f"{name} must be above {SETTLED}")


SIZES = {
    "ci": Config(),
    "figure": Config(
        layer_width=16_000,
        layers=12_000,
        network_width=3000,
        networks=256,
        escape_widths=(1e4, 1e5, 1e6),
        escape_block_chains=500,
        digit_width=300,
        digit_depth=100,
        digit_networks=900,
        stationary_layers=6000,
        threshold_width=1e7,
        threshold_depth=2000,
        searched=(0.995, 1.005, 21),
    ),
    "paper": Config(
        shifts=16,
        layer_width=64_000,
        layers=20_000,
        network_width=20_000,
        networks=512,
        escape_widths=(1e5, 1e6, 1e7),
        escape_block_chains=2000,
        digit_width=300,
        digit_depth=100,
        digit_networks=2000,
        stationary_width=4000,
        stationary_chains=8000,
        stationary_layers=20_000,
        threshold_width=1e8,
        threshold_depth=6000,
        searched=(0.998, 1.002, 21),
    ),
}


def thresholded(config: Config) -> Layer:
    """The layer that the paper's instability theorem is about."""
    return theory.edge_of_chaos(theory.activation(config.sparsity))


def clipped(config: Config, slope: float) -> Layer:
    """The clipped layer at the edge of chaos with this slope of its map."""
    clip = theory.clip_for_slope(config.sparsity, slope)
    return theory.edge_of_chaos(theory.activation(config.sparsity, clip))


def clipped_at(config: Config, factor: float) -> Layer:
    """The layer clipped at a multiple of the largest safe clip."""
    clip = factor * theory.largest_safe_clip(config.sparsity)
    return theory.edge_of_chaos(theory.activation(config.sparsity, clip))


def measured_layer(config: Config) -> Layer:
    """The layer that is measured in the place of `thresholded`; the same but in controls."""
    if config.activation == "clipped":
        return clipped(config, CONTROL_SLOPE)
    if config.activation == "plain":
        return theory.edge_of_chaos(SparseActivation(0.0))
    return thresholded(config)


def generator(key: PRNGKeyArray) -> np.random.Generator:
    """A fast generator of numpy, seeded by the key."""
    return np.random.Generator(np.random.SFC64(np.asarray(jax.random.key_data(key))))


def squared(activation: SparseActivation, x: np.ndarray) -> np.ndarray:
    """The activation's square, elementwise."""
    size = np.abs(x) if activation.sides == 2 else x
    return np.clip(size - activation.threshold, 0, activation.clip) ** 2


def next_variance(layer: Layer, variance: np.ndarray, width: np.ndarray | float,
                  rng: np.random.Generator) -> np.ndarray:  # fmt: skip
    """One step of many chains: a wide layer's mean square is Gaussian, see the claim on layers."""
    mean, spread = layer.step(variance)
    moved = mean + spread / np.sqrt(width) * rng.standard_normal(variance.shape)
    return np.maximum(moved, layer.bias_variance)


# ---------------------------------------------------------------- the variance map


class Maps(NamedTuple):
    """Variance maps by integration."""

    one_sided: Float[Recorded, "shifts maps variances"]
    """Shifted ReLU without a clip, clipped for each slope, and clipped too high."""
    two_sided: Float[Recorded, "shifts maps variances"]
    """The same for soft thresholding with the same thresholds."""


GRID_STEP = 2.0**-11
"""Distance of the grid's points in standard deviations."""
DIFFERENCE = 0.01
"""Distance in variance for difference quotients."""
VARIANCES = np.array([0.4, 0.7, 1 - DIFFERENCE, 1, 1 + DIFFERENCE, 1.5, 2, 3])
AT_ONE = slice(2, 5)
"""Where the difference quotients at 1 come from."""
TOO_HIGH = 1.1
"""A clip above the largest safe one, in units of it."""


def one_sided_layers(config: Config) -> list[Layer]:
    """The layers whose maps are integrated."""
    return [
        measured_layer(config),
        *(clipped(config, slope) for slope in config.slopes),
        clipped_at(config, TOO_HIGH),
    ]


def two_sided_layers(config: Config) -> list[Layer]:
    """Their two-sided companions: thresholds and clips the same, sparsity 2s - 1."""
    return [
        theory.edge_of_chaos(replace(layer.activation, sides=2))
        for layer in one_sided_layers(config)
    ]


@measurement
def integrate(config: Config, key: PRNGKeyArray) -> Maps:
    """Sum the square of the activation over an even grid, shifted at random."""
    rng = generator(key)
    steps = np.arange(-math.ceil(11 / GRID_STEP), math.ceil(11 / GRID_STEP))
    found: list[list[list[np.ndarray]]] = [[], []]
    for shift in rng.random(config.shifts):
        z = GRID_STEP * (steps + shift)
        weights = GRID_STEP * stats.norm.pdf(z)
        inputs = np.sqrt(VARIANCES)[:, None] * z
        for maps, layers in zip(
            found, (one_sided_layers(config), two_sided_layers(config)), strict=True
        ):
            maps.append(
                [
                    layer.weight_variance * squared(layer.activation, inputs) @ weights
                    + layer.bias_variance
                    for layer in layers
                ]
            )
    return Maps(*(np.array(maps) for maps in found))


def closed_form(layers: list[Layer]) -> np.ndarray:
    """The maps as derived."""
    return np.array([layer.variance_map(VARIANCES) for layer in layers])


def without_the_clipped_mass(layers: list[Layer]) -> np.ndarray:
    """The rival that integrates between threshold and clip only."""
    maps = closed_form(layers)
    for index, layer in enumerate(layers):
        clip = layer.activation.clip
        if math.isfinite(clip):
            beyond = stats.norm.sf((layer.activation.threshold + clip) / np.sqrt(VARIANCES))
            maps[index] -= layer.weight_variance * layer.activation.sides * clip**2 * beyond
    return maps


@claim(
    integrate,
    kind="identity",
    source="variance map; closed form derived",
    tolerance=1e-6,
    controls=[
        rival("What is clipped counts too: m^2 Q(b).", predict=without_the_clipped_mass),
    ],
)
def variance_map_has_a_closed_form(
    run: Maps, config: Config, predict: Callable[[list[Layer]], np.ndarray] = closed_form
) -> Evidence:
    r"""With $a=\tau/\sqrt q$, $b=(\tau+m)/\sqrt q$ and $I_0=Q(a)-Q(b)$,
    $I_1=p(a)-p(b)$, $I_2=I_0+ap(a)-bp(b)$, one layer takes the variance $q$ to
    $V(q)=\sigma_w^2k\,[qI_2-2\sqrt q\,\tau I_1+\tau^2I_0+m^2Q(b)]+\sigma_b^2$, $k$ being the number
    of sides.
    """
    measured = np.concatenate([run.one_sided, run.two_sided], axis=1)
    predicted = predict([*one_sided_layers(config), *two_sided_layers(config)])
    # A kink costs the sum a twelfth of the grid's step squared, times the jump of the slope.
    return identity(measured, predicted, rounding=GRID_STEP**2)


def same_threshold(config: Config) -> list[Layer]:
    """A shifted ReLU with the threshold of soft thresholding."""
    return one_sided_layers(config)


def same_sparsity(config: Config) -> list[Layer]:
    """The rival: a shifted ReLU that is as sparse as soft thresholding."""
    sparsity = 2 * config.sparsity - 1
    return [
        theory.edge_of_chaos(theory.activation(sparsity, layer.activation.clip))
        for layer in one_sided_layers(config)
    ]


@claim(
    integrate,
    kind="identity",
    source="derived",
    tolerance=1e-6,
    controls=[rival("Rival: equally sparse, equal maps.", companion=same_sparsity)],
)
def soft_thresholding_is_a_sparser_shifted_relu(
    run: Maps, config: Config, companion: Callable[[Config], list[Layer]] = same_threshold
) -> Evidence:
    r"""Soft thresholding at sparsity $s$, clipped or not, has the variance map of the shifted ReLU
    at sparsity $(1+s)/2$, and with it all that follows: same $\tau$, half of $\sigma_w^2$, twice
    $\mathrm E\,\phi^2$.
    """
    return identity(run.two_sided, closed_form(companion(config)), rounding=GRID_STEP**2)


def derivatives(maps: np.ndarray) -> np.ndarray:
    """Slope and curvature at 1 by difference quotients, on a new last axis."""
    below, at, above = np.moveaxis(maps[..., AT_ONE], -1, 0)
    slope = (above - below) / (2 * DIFFERENCE)
    return np.stack([slope, (above - 2 * at + below) / DIFFERENCE**2], axis=-1)


def touching(config: Config) -> np.ndarray:
    """Slope and curvature at 1 of the thresholded map."""
    return np.array([1.0, float(thresholded(config).curvature(1.0))])


def straight(config: Config) -> np.ndarray:
    """The rival: as flat as the map of ReLU."""
    return np.array([1.0, 0.0])


@claim(
    integrate,
    kind="identity",
    source="theorem on shifted ReLU and soft thresholding",
    tolerance=1e-3,
    controls=[
        broken("With a clip the slope is below one.", activation="clipped"),
        broken("ReLU's map is the diagonal.", activation="plain"),
        rival("Rival: slope one is all there is, as for ReLU.", predict=straight),
    ],
)
def the_map_only_touches_the_diagonal(
    run: Maps, config: Config, predict: Callable[[Config], np.ndarray] = touching
) -> Evidence:
    r"""At the edge of chaos of a shifted ReLU, $V'(1)=\chi(1)=1$ and
    $V''(1)=\tfrac12\sigma_w^2k\,\tau p(\tau)>0$: the fixed point attracts from below and repels
    above.
    """
    measured = np.stack([run.one_sided[:, 0], run.two_sided[:, 0]], axis=1)
    # A difference quotient's own error is its step squared times a twelfth of the next derivative.
    return identity(derivatives(measured), predict(config), rounding=DIFFERENCE**2)


@claim(
    integrate,
    kind="bound",
    source="derived",
    tolerance=0.5,
    controls=[
        broken("With a clip the map falls below the diagonal.", activation="clipped"),
        broken("ReLU's map is the diagonal.", activation="plain"),
    ],
)
def the_map_lies_above_the_diagonal(run: Maps, config: Config) -> Evidence:
    r"""Away from the fixed point $V(q)-q\ge\tfrac12(q-1)^2\min(V''(1),V''(q))>0$ on both sides:
    whatever pushes the variance above 1 sends it off for good.
    """
    away = np.abs(VARIANCES - 1) > 2 * DIFFERENCE
    bound = theory.convexity_gap(thresholded(config), VARIANCES[away])
    measured = (run.one_sided[:, 0] - VARIANCES)[:, away]
    return at_least(measured, bound).named(*(f"q = {q:g}" for q in VARIANCES[away]))


@claim(
    integrate,
    kind="identity",
    source="clipped activations; closed form derived",
    tolerance=1e-3,
    controls=[rival("Rival: the slope of the map is chi, clip or not.", lost=0.0)],
)
def a_clip_bends_the_map_down(run: Maps, config: Config, lost: float = 1.0) -> Evidence:
    r"""At the edge of chaos of a clipped activation $V'(1)=1-\sigma_w^2k\,m\,p(\tau+m)<1$ although
    $\chi(1)=1$: the fixed point is stable.
    """
    layers = one_sided_layers(config)[1:]
    kept = np.array([float(layer.slope(1.0)) for layer in layers])
    chi = np.array([float(layer.susceptibility(1.0)) for layer in layers])
    measured = np.stack([run.one_sided[:, 1:], run.two_sided[:, 1:]], axis=1)
    predicted = chi - lost * (chi - kept)
    return identity(derivatives(measured)[..., 0], predicted, rounding=DIFFERENCE**2)


# ---------------------------------------------------------------- finite layers fluctuate


class Fluctuations(NamedTuple):
    """Variances after single layers of units drawn one by one."""

    variance: Float[Recorded, " layers"]


@measurement
def draw_layers(config: Config, key: PRNGKeyArray) -> Fluctuations:
    """Draw the units of many layers at q = 1 and square what passes."""
    rng, layer = generator(key), measured_layer(config)
    means = np.array(
        [
            squared(
                layer.activation, rng.standard_normal(config.layer_width, dtype=np.float32)
            ).mean(dtype=float)
            for _ in range(config.layers)
        ]
    )
    return Fluctuations(layer.weight_variance * means + layer.bias_variance)


def from_fourth_moment(layer: Layer) -> float:
    """Spread of the next variance, times the root of the width."""
    return float(layer.step(1.0)[1])


def all_active(layer: Layer) -> float:
    """The rival: a mean of squared Gaussians has the variance 2 mean^2 / N."""
    return math.sqrt(2) * (1 - layer.bias_variance)


@claim(
    draw_layers,
    kind="law",
    source="derived; Berry-Esseen",
    tolerance=0.6,
    controls=[
        rival("Rival: fluctuations of squared Gaussians, none of them silent.", spread=all_active),
    ],
)
def the_next_variance_is_gaussian(
    run: Fluctuations, config: Config, spread: Callable[[Layer], float] = from_fourth_moment
) -> Evidence:
    r"""After a layer of $N$ units the variance is Gaussian with mean $V(q)$ and variance
    $\sigma_w^4(\mathrm E\,\phi^4-(\mathrm E\,\phi^2)^2)/N$, up to the distance
    $0.4748\,\mathrm E|\phi^2-\mathrm E\phi^2|^3/(\mathrm{Var}(\phi^2)^{3/2}\sqrt N)$ in
    probability. Chains of wide layers below are drawn from it.
    """
    layer = thresholded(config)
    law = stats.norm(0, spread(layer) / math.sqrt(config.layer_width))
    margin = theory.berry_esseen(layer, 1.0, config.layer_width)
    return distributed_as(run.variance - 1, law.cdf, margin=margin)


# ---------------------------------------------------------------- networks that have left


class Networks(NamedTuple):
    """Factors by which variances and squared gradients grow in each layer."""

    variance: Float[Recorded, "networks depth"]
    gradient: Float[Recorded, "networks depth"]


class Setting(NamedTuple):
    """A layer of shifted ReLUs as numbers that one compiled program takes."""

    threshold: Float[Array, ""]
    clip: Float[Array, ""]
    weight_variance: Float[Array, ""]
    bias_variance: Float[Array, ""]
    start: Float[Array, ""]


@partial(jax.jit, static_argnames=("width", "depth"))
def grow(keys: Key[Array, "networks"], setting: Setting, *, width: int, depth: int) -> Networks:
    """Send one input and one tangent through each network."""
    layer = dense(width, setting.weight_variance)

    def rectify(x: Array) -> Array:
        return jnp.clip(x - setting.threshold, 0, setting.clip)

    def block(key: PRNGKeyArray, signals: Signals, bias: Array) -> Signals:
        after = layer(key, signals.through(rectify))
        return after._replace(values=after.values + jnp.sqrt(setting.bias_variance) * bias)

    def see(signals: Signals) -> tuple[Array, Array]:
        mean_square = jnp.mean(rectify(signals.values) ** 2)
        variance = setting.weight_variance * mean_square + setting.bias_variance
        return variance, jnp.mean(signals.tangents**2)

    def network(key: PRNGKeyArray) -> Networks:
        first_key, layer_key = jax.random.split(key)
        # The input, its tangent, and all biases; bits drawn at once compile once.
        draws = jax.random.normal(first_key, ((2 + depth) * width,)).reshape(-1, 1, width)
        first = Signals(jnp.sqrt(setting.start) * draws[0], draws[1])
        seen = propagate(layer_key, block, first, draws[2:], see)
        after_first, first_gradient = see(first)
        # A layer's units tell the variance of the next one, but the gradient of their own.
        variances = jnp.concatenate([jnp.stack([setting.start, after_first]), seen[0][:-1]])
        gradients = jnp.concatenate([first_gradient[None], seen[1]])
        return Networks(variances[1:] / variances[:-1], gradients[1:] / gradients[:-1])

    return jax.lax.map(network, keys)


def run_networks(config: Config, layer: Layer, start: float, key: PRNGKeyArray) -> Networks:
    """Networks of this layer whose first variance is `start`."""
    phi = layer.activation
    numbers = (phi.threshold, phi.clip, layer.weight_variance, layer.bias_variance, start)
    return grow(
        jax.random.split(key, config.networks),
        Setting(*map(jnp.asarray, numbers)),
        width=config.network_width,
        depth=config.network_depth,
    )


@measurement
def explode(config: Config, key: PRNGKeyArray) -> Networks:
    """Networks that start far above the fixed point."""
    return run_networks(config, measured_layer(config), config.start, key)


@claim(
    explode,
    kind="value",
    source="derived; sharpens the paper's instability",
    tolerance=0.03,
    controls=[
        broken("ReLU at its edge of chaos keeps its variance.", activation="plain"),
        broken("A clipped activation comes back.", activation="clipped"),
    ],
)
def away_from_the_fixed_point_the_variance_explodes(run: Networks, config: Config) -> Evidence:
    r"""A network whose variance has left 1 multiplies it in every layer by $V(q)/q$, which tends to
    $\sigma_w^2k/2=\frac1{2(1-s)}$ for a shifted ReLU.
    """
    layer = thresholded(config)
    predicted = theory.growth(layer, config.start, config.network_depth).mean()
    # The spread of one network's average over its layers.
    one_layer = theory.relative_spread(layer, config.start, config.network_width)
    margin = predicted * one_layer / math.sqrt(config.network_depth)
    return equals(run.variance.mean(axis=1), predicted, margin=margin)


# ---------------------------------------------------------------- the depth of the explosion


class Escapes(NamedTuple):
    """Mean depth at which a block's chains exceed the variance 10."""

    depth: Float[Recorded, "blocks widths"]


@measurement
def escape(config: Config, key: PRNGKeyArray) -> Escapes:
    """Follow chains of variances from 1 until they have left, at all widths at once."""
    rng, layer = generator(key), measured_layer(config)
    widest = max(config.escape_widths)
    limit = math.ceil(config.patience * float(theory.escape_depth(thresholded(config), widest)))
    shape = (config.escape_blocks, config.escape_block_chains, len(config.escape_widths))
    # What never leaves counts as leaving at the limit.
    depths = np.full(math.prod(shape), float(limit))
    going = np.arange(depths.size)
    widths = np.broadcast_to(config.escape_widths, shape).ravel()
    variances = np.ones(depths.size)
    for depth in range(1, limit):
        variances = next_variance(layer, variances, widths, rng)
        gone = variances > EXPLODED
        if gone.any():
            depths[going[gone]] = depth
            going, widths, variances = going[~gone], widths[~gone], variances[~gone]
        if not going.size:
            break
    return Escapes(depths.reshape(shape).mean(axis=1))


def with_next_order(layer: Layer, widths: np.ndarray) -> np.ndarray:
    """Mean depth of the explosion with its terms of order log N."""
    law = theory.escape_depth(layer, widths)
    offset = theory.escape_offset(layer, widths, EXPLODED)
    return np.asarray(law + offset + theory.discreteness(layer, widths))


FEW = {"escape_widths": (1e3, 6e3, 3e4), "escape_block_chains": 2}
"""Chains that do not escape run on to the limit: few of them, and narrow ones, are enough."""


@claim(
    escape,
    kind="exponent",
    source="derived",
    tolerance=0.45,
    controls=[
        rival("Rival: plain diffusion, time in proportion to 1/noise^2.", exponent=1.0),
        rival("Rival: depth like the root of the width.", exponent=0.5),
        broken("Clipped, nothing escapes at any width.", activation="clipped", **FEW),
        broken("ReLU's variance is a slow random walk.", activation="plain", **FEW),
    ],
)
def the_depth_of_the_explosion_grows_like_the_cube_root_of_the_width(
    run: Escapes, config: Config, exponent: float = theory.ESCAPE_EXPONENT
) -> Evidence:
    r"""Wider networks explode later, $T\propto N^{1/3}$: at the touching point there is no drift,
    and fluctuations of size $N^{-1/2}$ have to find the way out.
    """
    widths = np.array(config.escape_widths)
    layer = thresholded(config)
    # The next order in T flattens the power law, most at the small end; twice that.
    x, y = np.log(widths), np.log(with_next_order(layer, widths))
    overall = np.polyfit(x, y, 1)[0]
    smallest = np.polyval(np.polyder(np.polyfit(x, y, 2)), x.min())
    margin, end_margin = (2 * abs(slope - theory.ESCAPE_EXPONENT) for slope in (overall, smallest))
    return scales_as(widths, run.depth, exponent, margin=margin, end_margin=end_margin)


@claim(
    escape,
    kind="value",
    source="derived",
    tolerance=0.25,
    controls=[
        broken("Clipped, nothing escapes in 20 times the depth.", activation="clipped", **FEW),
        broken("ReLU's variance is a slow random walk.", activation="plain", **FEW),
    ],
)
def the_depth_of_the_explosion(run: Escapes, config: Config) -> Evidence:
    r"""Starting at the fixed point, the variance exceeds 10 after
    $T=4.1796\,(\kappa^2D/N)^{-1/3}+O(\log N)$ layers on average, $\kappa=V''(1)/2$ and $D/N$ being
    the noise of a layer.
    """
    layer, widths = thresholded(config), np.array(config.escape_widths)
    predicted = with_next_order(layer, widths)
    # What comes after the terms of order log N is smaller than they are.
    margin = predicted - theory.escape_depth(layer, widths)
    return equals(run.depth, predicted, margin=margin).named(*(f"N = {n:g}" for n in widths))


class Digits(NamedTuple):
    """Layers after the first until a digit's variance exceeds 10; the depth if it does not."""

    depth: Int[Recorded, " networks"]


@measurement
def show_digits(config: Config, key: PRNGKeyArray) -> Digits:
    """Send an MNIST digit through each of many networks with all their weights."""
    rng = generator(key)
    images = handwritten_digits.mnist_subset().images
    chosen = images.reshape(len(images), -1)[rng.integers(0, len(images), config.digit_networks)]
    # Of mean square 1; the first layer then has the variance 1 exactly.
    inputs = chosen / np.sqrt(np.mean(chosen**2, axis=1, keepdims=True))
    # As many networks at a time as have some million weights in the first layer.
    groups = math.ceil(inputs.size * config.digit_width / 4e6)
    depths = [
        explosion_depths(group.astype(np.float32), config, rng)
        for group in np.array_split(inputs, groups)
    ]
    return Digits(np.concatenate(depths))


def explosion_depths(
    inputs: Float[np.ndarray, "networks pixels"], config: Config, rng: np.random.Generator
) -> Int[np.ndarray, " networks"]:
    """Each input through a network of its own, until its variance exceeds 10."""
    layer, width, depth = measured_layer(config), config.digit_width, config.digit_depth

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    depths = np.full(len(inputs), depth)
    going = np.arange(len(inputs))
    # The first layer's weights are smaller: its inputs' mean square is 1, not what passes.
    variance, signals = 1 - layer.bias_variance, inputs
    for deeper in range(1, depth):
        count, fan_in = signals.shape
        weights = normal(count, width, fan_in)
        sums = np.matmul(weights, signals[:, :, None])[:, :, 0]
        biases = math.sqrt(layer.bias_variance) * normal(count, width)
        signals = rectified(layer, math.sqrt(variance / fan_in) * sums + biases)
        variance = layer.weight_variance
        next_variances = variance * np.mean(signals**2, axis=1) + layer.bias_variance
        exploded = next_variances > EXPLODED
        depths[going[exploded]] = deeper
        going, signals = going[~exploded], signals[~exploded]
        if not going.size:
            break
    return depths


def rectified(layer: Layer, x: np.ndarray) -> np.ndarray:
    """The one-sided activation, elementwise."""
    return np.clip(x - layer.activation.threshold, 0, layer.activation.clip)


RESOLUTION = 0.15
"""Distance in probability that hundreds of networks can tell."""
LOOKS = 3
"""Depths at which the share of exploded networks is predicted: thirds of the whole."""


def chain_law(config: Config, depths: np.ndarray) -> np.ndarray:
    """The chance to have exploded within so many layers after the first, at this width."""
    layer = thresholded(config)
    within = theory.escape_probability(layer, config.digit_width, config.digit_depth, EXPLODED)
    return np.concatenate([[0.0], within])[depths]


def infinite_width(config: Config, depths: np.ndarray) -> np.ndarray:
    """The rival: at infinite width nothing moves."""
    return np.zeros(len(depths))


@claim(
    show_digits,
    kind="probability",
    source="experiments on MNIST; law derived",
    tolerance=0.65,
    controls=[
        broken("Clipped networks do not explode.", activation="clipped"),
        rival("Rival: infinite width, where the variance stays.", law=infinite_width),
    ],
)
def digits_explode_as_the_chain_says(
    run: Digits,
    config: Config,
    law: Callable[[Config, np.ndarray], np.ndarray] = chain_law,
) -> Evidence:
    r"""The depth at which a network explodes on an MNIST digit has the law of the Markov chain
    $q'=\sigma_w^2\,\mathrm{mean}_{i\le N}\,\phi(\sqrt q\,z_i)^2+\sigma_b^2$, whatever the digit
    and however narrow the network.
    """
    depths = np.arange(1, LOOKS + 1) * (config.digit_depth - 1) // LOOKS
    # The law is exact: the margin is what so many networks can tell apart.
    return frequency(run.depth[:, None] <= depths, law(config, depths), margin=RESOLUTION).named(
        *(f"within {d} layers" for d in depths)
    )


# ---------------------------------------------------------------- clipping


class Stationary(NamedTuple):
    """Mean square of q - 1 along chains, the beginning left out."""

    square: Float[Recorded, "chains slopes"]


@measurement
def stay(config: Config, key: PRNGKeyArray) -> Stationary:
    """Follow chains of clipped layers."""
    rng = generator(key)
    columns = []
    for slope in config.stationary_slopes:
        layer = clipped(config, slope)
        variances = np.ones(config.stationary_chains)
        total = np.zeros(config.stationary_chains)
        for depth in range(config.stationary_layers):
            variances = next_variance(layer, variances, config.stationary_width, rng)
            if depth >= SETTLED:
                total += (variances - 1) ** 2
        columns.append(total / (config.stationary_layers - SETTLED))
    return Stationary(np.stack(columns, axis=1))


def no_memory(layer: Layer, width: int) -> float:
    """The rival that adds a layer's own noise only."""
    return float(layer.step(1.0)[1]) ** 2 / width


@claim(
    stay,
    kind="value",
    source="derived",
    tolerance=0.04,
    controls=[
        broken("Near the largest safe clip the map is not linear.", stationary_slopes=(0.9,)),
        rival("Rival: each layer forgets.", predict=no_memory),
    ],
)
def clipped_networks_keep_their_variance(
    run: Stationary,
    config: Config,
    predict: Callable[[Layer, int], float] = theory.stationary_variance,
) -> Evidence:
    r"""However deep a clipped network is, its variance stays at 1 with the mean square fluctuation
    $\frac{D/N}{1-V'(1)^2}$.
    """
    width = config.stationary_width
    predicted = np.array([predict(clipped(config, s), width) for s in config.stationary_slopes])
    # Twice the terms of the next order in 1/N at the control's slope, the steepest claimed.
    error = 2 * theory.stationary_error(clipped(config, CONTROL_SLOPE), width)
    return equals(run.square, predicted, margin=error * predicted).named(
        *(f"V' = {s:g}" for s in config.stationary_slopes)
    )


class Clips(NamedTuple):
    """Chains that come from a large variance."""

    threshold: Float[Recorded, " chains"]
    """Largest clip from which a chain came back to 1, in units of the predicted one."""
    last: Float[Recorded, "chains clips"]
    """Mean variance in the last layers."""
    path: Float[Recorded, "chains clips shown"]
    """The variances of the first layers."""


def descend(config: Config, factor: float, rng: np.random.Generator) -> np.ndarray:
    """Paths of chains from a large variance, clipped at a multiple of the largest safe clip."""
    layer = clipped_at(config, factor)
    path = [np.full(config.threshold_chains, config.start)]
    for _ in range(config.threshold_depth):
        path.append(next_variance(layer, path[-1], config.threshold_width, rng))
    return np.stack(path, axis=1)


@measurement
def come_back(config: Config, key: PRNGKeyArray) -> Clips:
    """Try clips around the largest safe one, and some further away."""
    rng = generator(key)
    low, high, count = config.searched
    factors = np.linspace(low, high, count)
    # The saddle at which the other fixed points appear parts what came back from what did not.
    saddle = theory.tangent_variance(clipped_at(config, 1.0))
    parting = math.sqrt(saddle)
    back = np.stack([descend(config, f, rng)[:, -1] < parting for f in factors], axis=1)
    step = (high - low) / (count - 1)
    thresholds = low - step / 2 + step * back.sum(axis=1)
    paths = np.stack([descend(config, f, rng) for f in config.settling], axis=1)
    return Clips(thresholds, paths[..., -SETTLED:].mean(axis=-1), paths[..., : SHOWN + 1])


def any_slope_below_one(config: Config) -> float:
    """The rival: V'(1) < 1 suffices, here with a hundredth to spare."""
    clip = theory.clip_for_slope(config.sparsity, 0.99)
    return clip / theory.largest_safe_clip(config.sparsity)


def saddle_node(config: Config) -> float:
    """The clip at which the map touches the diagonal a second time, in units of itself."""
    return 1.0


@claim(
    come_back,
    kind="value",
    source="level prescribed by the shape of the variance map; value derived",
    tolerance=0.01,
    controls=[
        rival("Rival: every clip with V'(1) < 1 is safe.", predict=any_slope_below_one),
    ],
)
def a_clip_must_be_low_enough(
    run: Clips, config: Config, predict: Callable[[Config], float] = saddle_node
) -> Evidence:
    r"""A variance of 50 comes back to 1 if and only if the clip is below $m_{\max}$, the root of
    $\max_{q>1}(V_m(q)-q)/(q-1)=0$: above, the map meets the diagonal twice more.
    """
    low, high, count = config.searched
    resolution = theory.clip_resolution(
        config.sparsity, config.threshold_depth, config.threshold_width
    )
    clip = theory.largest_safe_clip(config.sparsity)
    margin = (high - low) / (count - 1) + 2 * resolution / clip
    return equals(run.threshold, predict(config), margin=margin)


def highest_fixed_point(layer: Layer) -> float:
    """Where a chain that comes from above stays."""
    return float(theory.fixed_points(layer)[-1])


def always_one(layer: Layer) -> float:
    """The rival: a stable fixed point at 1 is the only one."""
    return 1.0


@claim(
    come_back,
    kind="value",
    source="derived",
    tolerance=0.01,
    controls=[rival("Rival: V'(1) < 1, so the variance comes back.", predict=always_one)],
)
def above_it_the_variance_stays_high(
    run: Clips, config: Config, predict: Callable[[Layer], float] = highest_fixed_point
) -> Evidence:
    r"""Chains from 50 settle at the largest root of $V(q)=q$: at 1 below $m_{\max}$, at a second
    stable fixed point above.
    """
    layers = [clipped_at(config, factor) for factor in config.settling]
    predicted = np.array([predict(layer) for layer in layers])
    spreads = [
        float(layer.step(q)[1]) / math.sqrt(config.threshold_width * (1 - layer.slope(q) ** 2))
        for layer, q in zip(layers, map(highest_fixed_point, layers), strict=True)
    ]
    # The spread of the variance in one layer of such a chain.
    return equals(run.last, predicted, margin=spreads).named(
        *(f"m = {factor:g} of the largest" for factor in config.settling)
    )


@measurement
def grow_gradients(config: Config, key: PRNGKeyArray) -> Networks:
    """Networks clipped too high, at their second stable variance."""
    layer = clipped_at(config, TOO_HIGH)
    return run_networks(config, layer, highest_fixed_point(layer), key)


def at_the_second(layer: Layer) -> float:
    """Growth of gradients at the second stable fixed point."""
    return float(layer.susceptibility(highest_fixed_point(layer)))


def at_the_first(layer: Layer) -> float:
    """The rival: what the edge of chaos was chosen for."""
    return float(layer.susceptibility(1.0))


@claim(
    grow_gradients,
    kind="value",
    source="derived",
    tolerance=0.05,
    controls=[rival("Rival: at the edge of chaos gradients stay.", predict=at_the_first)],
)
def gradients_explode_at_the_second_fixed_point(
    run: Networks, config: Config, predict: Callable[[Layer], float] = at_the_second
) -> Evidence:
    r"""There squared gradients grow by $\chi(q)=\sigma_w^2k\,[Q(a)-Q(b)]>1$ in every layer,
    although the network was started at an edge of chaos with $\chi(1)=1$ and $V'(1)<1$.
    """
    layer = clipped_at(config, TOO_HIGH)
    predicted = predict(layer)
    one_layer = theory.gradient_spread(layer, highest_fixed_point(layer), config.network_width)
    # The spread of one network's average.
    margin = predicted * one_layer / math.sqrt(config.network_depth)
    return equals(run.gradient.mean(axis=1), predicted, margin=margin)


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """The maps; the depth of the explosion; digits; chains above and below the largest clip."""
    figure = Figure(figsize=(9.0, 6.4))
    grid = figure.subplots(2, 2)
    draw_maps(grid[0, 0], runs, config)
    draw_escapes(grid[0, 1], runs, config)
    draw_digits(grid[1, 0], runs, config)
    draw_clips(grid[1, 1], runs, config)
    return figure


def draw_maps(axes: Axes, runs: Runs, config: Config) -> None:
    """What a layer adds to the variance, without a clip, well clipped, and clipped too high."""
    maps = runs[integrate].one_sided.mean(axis=0)
    layers = one_sided_layers(config)
    fine = np.linspace(VARIANCES[0], 4.6, 200)
    chosen = (0, 1 + config.slopes.index(CONTROL_SLOPE), len(layers) - 1)
    for colour, index in enumerate(chosen):
        layer, clip = layers[index], layers[index].activation.clip
        label = f"clip $m={clip:.2f}$" if math.isfinite(clip) else "no clip"
        axes.plot(VARIANCES, maps[index] - VARIANCES, f"C{colour}o", markersize=5, label=label)
        axes.plot(fine, layer.variance_map(fine) - fine, **PREDICTED)
    axes.plot([], [], **PREDICTED, label="closed form")
    axes.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    axes.set_title(f"The map touches the diagonal, $s={config.sparsity:g}$")
    axes.set(xlabel="variance $q$", ylabel="$V(q)-q$", ylim=(-1.3, 1.3))
    axes.legend(loc="lower left")


def draw_escapes(axes: Axes, runs: Runs, config: Config) -> None:
    """Mean depth of the explosion against the width."""
    layer, widths = thresholded(config), np.array(config.escape_widths)
    seen = the_depth_of_the_explosion(runs[escape], config).comparison
    error = [seen.measured - seen.lower, seen.upper - seen.measured]
    axes.errorbar(widths, seen.measured, error, fmt="o", color="C0", capsize=2, label="measured")
    law = np.asarray(theory.escape_depth(layer, widths))
    axes.plot(widths, law, **PREDICTED, label=r"$4.18\,(\kappa^2D/N)^{-1/3}$")
    axes.plot(
        widths, with_next_order(layer, widths), "k:", linewidth=1.4, label="with its next order"
    )
    root = law[0] * np.sqrt(widths / widths[0])
    axes.plot(widths, root, "0.6", linewidth=1.2, label="rival: $N^{1/2}$")
    axes.set_title("Depth of the explosion")
    axes.set(xscale="log", yscale="log", xlabel="width $N$", ylabel="layers until $q>10$")
    axes.set_ylim(law[0] / 1.5, 3 * law[-1])
    axes.legend()


def draw_digits(axes: Axes, runs: Runs, config: Config) -> None:
    """Share of networks that have exploded on their digit, by depth."""
    depths = np.arange(config.digit_depth)
    exploded = np.mean(runs[show_digits].depth[:, None] <= depths, axis=0)
    axes.step(depths, exploded, "C1", where="post", label="networks on MNIST digits")
    axes.plot(depths, chain_law(config, depths), **PREDICTED, label="law of the chain")
    axes.plot(depths, np.zeros(depths.size), "0.6", linewidth=1.2, label="rival: infinite width")
    axes.set_title(f"Digits explode, width {config.digit_width}")
    axes.set(xlabel="depth", ylabel="share with $q>10$", ylim=(-0.03, 1.03))
    axes.legend(loc="upper left")


def draw_clips(axes: Axes, runs: Runs, config: Config) -> None:
    """Variances of chains from 50, and where they settle."""
    paths = runs[come_back].path
    for colour, factor in enumerate(config.settling):
        axes.plot(paths[0, colour], f"C{colour}", label=rf"$m={factor:g}\,m_{{\max}}$")
        axes.axhline(highest_fixed_point(clipped_at(config, factor)), **PREDICTED)
    axes.plot([], [], **PREDICTED, label="largest fixed point")
    axes.set_title(r"Clipped above $m_{\max}$, the variance stays high")
    axes.set(yscale="log", xlabel="layer", ylabel="variance $q$")
    axes.set_yticks([1, 2, 5, 10, 20, 50], labels=["1", "2", "5", "10", "20", "50"])
    axes.minorticks_off()
    axes.legend(loc="upper right", ncols=2)


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
