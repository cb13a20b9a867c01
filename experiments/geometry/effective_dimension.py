r"""How many dimensions do the features of a random ReLU network have, layer by layer?

The paper takes the rank of the matrix of hidden features of $m$ inputs for their effective
dimension. It says that with Gaussian weights a share $(1-2/\pi)^\ell$ of $m$ is missing at layer
$\ell$, that the rank revives at certain depths, and that orthogonal weights or a leaky ReLU prevent
all that. Only its abstract was at hand. So what is tested are the abstract's sentences, read
literally: independent Gaussian inputs, no biases, and the rank over the rationals, which no
tolerance decides.

- The closed form fails in size: a first layer has rank $\min(m,n)$, whatever the number $n$ of
  units. It fails in direction: from there the rank falls, and softer dimensions do so too. It does
  rise in wide networks whose inputs are close together in a plane, but then from wherever the
  inputs let it start. With $n=2m$ hardly anything is missing in a dozen layers; there the closed
  form is nearly right from the third layer on, of which it says so too.
- There is no revival, and the abstract's two formulas for its height agree at the first peak only.
- A leaky ReLU keeps the full rank, at any slope, as the abstract says. Orthogonal weights do not.
- What holds instead (derived here): after a layer of full rank, the rank is the size of a *maximum
  matching* of the entries that are not zero; and a *frozen* layer, whose units are on for all
  inputs or for none, cuts it to the number of units that are on. As inputs come closer to one
  another layer by layer, deep layers freeze, and the rank goes.

Darshan Makwana: *Some Theoretical Results on Layerwise Effective Dimension Oscillations in Finite
Width ReLU Networks*, 2025, arXiv:2507.07675.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import special, stats

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, at_least, counts, equals, identity, ordered
from harness.errors import require
from harness.style import PREDICTED
from instruments.randomness import generator
from instruments.ranks import rank
from theory.geometry import effective_dimension as theory

GRID = 2**12
"""Gaussian numbers are rounded to multiples of 1 / GRID: all features are integers, and exact."""
CLOSE = 2**40
"""How much larger the inputs' common part is than their differences, where layers are frozen."""
DECAYS = np.array([0.1, 0.2, theory.DECAY, 0.5, 0.8])
r"""Values of $\rho$, which the abstract uses without a definition; it must be the middle one."""
CONSTANT = 0.1
r"""Share of m that is granted to the abstract's $O(e^{-cm})$, whose constants it does not give."""

Generator = np.random.Generator
Integers = Shaped[np.ndarray, "rows columns"]
"""Python's integers, of any size."""


@dataclass(frozen=True)
class Config:
    """Parameters of the networks."""

    inputs: int = 20
    """Inputs m of a batch."""
    batch: Literal["gaussian", "close"] = "gaussian"
    """Whether inputs have m independent coordinates, or are close together on a line in a plane."""
    layers: int = 12
    """Hidden layers."""
    networks: int = 500
    """Random networks of m units in each layer, with a batch each."""
    units: tuple[int, ...] = (10, 20, 40)
    """Numbers n of units in networks of other shapes, the last more than m."""
    shaped_networks: int = 20
    """How many of these, for each."""
    peaks: int = 4
    """Revivals whose heights are compared."""
    orthogonal_networks: int = 40
    """Networks of orthogonal weights, m units wide."""
    orthogonal_slope: int = 0
    """Slope of their units below zero, in hundredths."""
    leaky_slopes: tuple[int, ...] = (50, 1, -100)
    """Slopes below zero of leaky networks, m units wide, in hundredths."""
    leaky_networks: int = 8
    """How many of these, for each slope."""
    small_sizes: tuple[int, ...] = (3, 4, 6, 10)
    """Inputs and units of networks that often lose rank at once."""
    small_networks: int = 80
    """How many of these, for each size."""
    coordinates: Literal["all", "two"] = "all"
    """Of their inputs: as many as inputs, so that these are independent, or two."""
    frozen_networks: int = 200
    """Networks with frozen layers, m units wide."""
    differences: Literal["tiny", "large"] = "tiny"
    """Between the inputs of these."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        require(self.layers >= 6, "layers must be at least 6, to reach beyond a predicted peak")
        require(self.peaks > 0, "peaks must be above zero")
        for name in ("inputs", "networks", "shaped_networks", "orthogonal_networks"):
            require(getattr(self, name) > 1, f"{name} must be at least 2")
        for name in ("leaky_networks", "small_networks", "frozen_networks"):
            require(getattr(self, name) > 1, f"{name} must be at least 2")
        for name in ("units", "small_sizes"):
            require(min(getattr(self, name)) > 0, f"{name} must be above zero")


SIZES = {
    "ci": Config(),
    "figure": Config(
        networks=1500,
        shaped_networks=150,
        orthogonal_networks=300,
        leaky_networks=100,
        small_networks=1000,
        frozen_networks=2000,
    ),
    "paper": Config(
        inputs=40,
        layers=24,
        networks=1500,
        units=(20, 40, 80),
        shaped_networks=150,
        orthogonal_networks=300,
        leaky_networks=100,
        small_networks=1000,
        frozen_networks=2000,
    ),
}


# ---------------------------------------------------------------- exact features


def integers(numbers: np.ndarray) -> Integers:
    """Numbers in units of 1 / GRID, rounded."""
    return np.rint(GRID * numbers).astype(np.int64).astype(object)


def gaussian(rng: Generator, rows: int, columns: int) -> Integers:
    """Independent standard Gaussians, rounded."""
    return integers(rng.normal(size=(rows, columns)))


def orthogonal(rng: Generator, rows: int, columns: int) -> Integers:
    """A random rotation or reflection, rounded."""
    require(rows == columns, "an orthogonal matrix is square")
    return integers(stats.ortho_group.rvs(columns, random_state=rng))


def features(
    rng: Generator,
    inputs: Integers,
    units: int,
    layers: int,
    slope: int = 0,
    weights: Callable[[Generator, int, int], Integers] = gaussian,
) -> Iterator[Integers]:
    """The batch, then its features in each layer, up to a positive factor.

    Args:
        rng: draws the weights.
        inputs: the batch, a row each.
        units: of each layer.
        layers: how many.
        slope: of the units below zero, in hundredths.
        weights: draws a matrix of this many rows and columns.
    """
    above, below = 100 // math.gcd(100, slope), slope // math.gcd(100, slope)
    hidden = inputs
    yield hidden
    for _ in range(layers):
        on = np.any(hidden, axis=0)
        # What is off for all inputs adds nothing.
        before = hidden[:, on] @ weights(rng, hidden.shape[1], units)[on]
        hidden = np.where(before > 0, above * before, below * before)
        yield hidden


def sample_batch(rng: Generator, config: Config) -> Integers:
    """Inputs of a network."""
    if config.batch == "gaussian":
        return gaussian(rng, config.inputs, config.inputs)
    places = integers(0.3 * rng.normal(size=(config.inputs, 1)))
    return np.hstack([np.full_like(places, GRID), places])


# ---------------------------------------------------------------- Gaussian weights


class Ranks(NamedTuple):
    """Dimensions by layer; layer 0 is the batch itself."""

    rank: Int[Recorded, "networks layers"]
    softer: Float[Recorded, "networks layers dimensions"]


class Shapes(NamedTuple):
    """Ranks for other numbers of units."""

    rank: Int[Recorded, "networks units layers"]


SOFTER = ("numerical rank", "effective rank", "stable rank", "participation ratio")


def softer_dimensions(matrix: Integers) -> tuple[float, ...]:
    """What else is called an effective dimension, from the singular values.

    How many exceed 1% of the largest; the exponential of the entropy of their shares (Roy and
    Vetterli 2007); the sum of the squares over the largest square, and over their mean, weighted
    with themselves.
    """
    values = np.linalg.svd(matrix.astype(float), compute_uv=False)
    if not values[0]:
        return (0.0,) * len(SOFTER)
    shares, squares = values / values.sum(), (values / values[0]) ** 2
    return (
        float(np.sum(values > 0.01 * values[0])),
        math.exp(np.sum(special.entr(shares))),
        squares.sum(),
        squares.sum() ** 2 / np.sum(squares**2),
    )


def around_peaks(layers: int) -> Int[np.ndarray, "peaks 2"]:
    """Layers on both sides of each predicted peak but the first, before which there is no layer."""
    peaks = theory.revival_depth(np.arange(1, layers))
    before = np.floor(peaks[peaks < layers - 1]).astype(int)
    return np.stack([before, before + 1], axis=1)


@measurement
def propagate(config: Config, key: PRNGKeyArray) -> Ranks:
    """Dimensions in networks with as many units as inputs."""
    rng = generator(key)
    ranks, softer = [], []
    for _ in range(config.networks):
        hidden = list(features(rng, sample_batch(rng, config), config.inputs, config.layers))
        ranks.append([rank(matrix) for matrix in hidden])
        softer.append([softer_dimensions(matrix) for matrix in hidden])
    return Ranks(np.array(ranks), np.array(softer))


@measurement
def reshape(config: Config, key: PRNGKeyArray) -> Shapes:
    """Ranks in networks with fewer and with more units."""
    rng = generator(key)
    ranks = []
    for _ in range(config.shaped_networks):
        row = []
        for units in config.units:
            hidden = features(rng, sample_batch(rng, config), units, config.layers)
            row.append([rank(matrix) for matrix in hidden])
        ranks.append(row)
    return Shapes(np.array(ranks))


@claim(
    reshape,
    kind="value",
    source="abstract, at the first layer",
    expect="refuted",
    reason="A first layer has all the rank that its shape allows. With half as many units as "
    "inputs the closed form even exceeds the number of columns. No other number of units saves it: "
    "a network with room for the 0.868 that it says of the second layer overshoots the 0.637 of "
    "the first.",
    tolerance=0.2,
    controls=[rival("Rival: all that the shape allows.", law=theory.largest_share)],
)
def a_first_layer_keeps_a_share_of_two_over_pi(
    run: Shapes, config: Config, law: Callable[..., np.ndarray] = theory.abstract_share
) -> Evidence:
    r"""$\mathbb E[\mathrm{EDim}(1)]=\frac2\pi m+O(e^{-cm})$, up to $0.1m$ for the error term."""
    share = run.rank[:, :, 1] / config.inputs
    evidence = equals(share, law(config.inputs, np.array(config.units), 1), margin=CONSTANT)
    return evidence.named(*(f"{units} units" for units in config.units))


@claim(
    reshape,
    kind="value",
    source="abstract",
    expect="refuted",
    reason="With twice as many units as inputs no rank is missing in the first layers. The closed "
    "form is wrong of two of them, and nearly right of the next, where it says the same.",
    tolerance=0.11,
    controls=[rival("Rival: the full rank, at each layer.", law=theory.largest_share)],
)
def wide_networks_follow_the_closed_form(
    run: Shapes, config: Config, law: Callable[..., np.ndarray] = theory.abstract_share
) -> Evidence:
    r"""With $n=2m$ units $\mathbb E[\mathrm{EDim}(\ell)]=m(1-(1-2/\pi)^\ell)+O(e^{-cm})$, up to
    $0.1m$ for the error term; in the first four layers.
    """
    layers = np.arange(1, 5)
    share = run.rank[:, -1, layers] / config.inputs
    evidence = equals(share, law(config.inputs, config.units[-1], layers), margin=CONSTANT)
    return evidence.named(*(f"layer {layer}" for layer in layers))


@claim(
    reshape,
    kind="order",
    source="abstract: the deficit decays geometrically",
    expect="refuted",
    reason="From the first layer on the rank falls, unless the network is so wide that it stays "
    "full. Inputs come closer to one another from layer to layer; more and more units are on for "
    "all of them or for none, and the latter are lost.",
    tolerance=math.inf,
    controls=[
        broken(
            "Where inputs are close together in a plane, and networks wide, the rank does rise.",
            batch="close",
            units=(40,),
            layers=6,
        ),
    ],
)
def the_rank_rises_with_depth(run: Shapes, config: Config) -> Evidence:
    r"""From the first layer to the last the mean rank rises, by a twentieth of $m$ at least: the
    closed form says by a third.
    """
    share = run.rank / config.inputs
    evidence = ordered(share[..., 1], share[..., -1], effect=0.05)
    return evidence.named(*(f"{units} units" for units in config.units))


@claim(
    propagate,
    kind="order",
    source="ours: other readings of the abstract",
    expect="refuted",
    reason="No softer notion of dimension saves the direction: all of them fall, as inputs become "
    "more alike from layer to layer.",
    tolerance=math.inf,
    controls=[rival("Rival: they fall.", earlier=-1, later=1)],
)
def softer_dimensions_rise_with_depth(
    run: Ranks, config: Config, earlier: int = 1, later: int = -1
) -> Evidence:
    r"""From the first layer to the last softer measures of dimension rise, by a twentieth of $m$ at
    least.
    """
    share = run.softer / config.inputs
    return ordered(share[:, earlier], share[:, later], effect=0.05).named(*SOFTER)


@claim(
    propagate,
    kind="order",
    source="abstract",
    expect="refuted",
    reason="The mean rank falls through the predicted peaks as it does elsewhere. In wide networks "
    "it hardly moves. And the closed form, which is increasing, has no local maximum either.",
    tolerance=math.inf,
    controls=[rival("A bump of a twentieth of m, added to these data, is found.", planted=0.05)],
)
def the_rank_revives_at_predicted_depths(
    run: Ranks, config: Config, planted: float = 0
) -> Evidence:
    r"""At depths $\ell_k^*=(k+\frac12)\pi/\log(1/\rho)$ the mean rank has local maxima: on the two
    layers around $\ell^*_1,\ell^*_2,\dots$ it is larger than on those next to these, by $0.02m$ at
    least, averaged over the peaks.
    """
    peaks = around_peaks(config.layers)
    share = run.rank / config.inputs
    near = share[:, peaks].mean(axis=(1, 2)) + planted
    off = share[:, peaks + np.array([-1, 1])].mean(axis=(1, 2))
    return ordered(off, near, effect=0.02)


# ---------------------------------------------------------------- two formulas for one height


class Heights(NamedTuple):
    """Of the abstract's closed form at its predicted peaks."""

    height: Float[Recorded, "decays peaks"]


@measurement
def evaluate(config: Config, key: PRNGKeyArray) -> Heights:
    """Put the depths of the peaks into the closed form."""
    decays = DECAYS[:, None]
    depths = theory.revival_depth(np.arange(config.peaks), decays)
    return Heights(theory.closed_form(depths, decays))


@claim(
    evaluate,
    kind="identity",
    source="abstract",
    expect="refuted",
    reason=r"$\rho^{\ell^*_k}=e^{-(k+1/2)\pi}$, whatever $\rho$ is. At the second peak the closed "
    "form is 0.991 where the height is said to be 0.792, and at the others above 0.999.",
    tolerance=1e-9,
    controls=[broken("At the first peak both formulas agree.", peaks=1)],
)
def all_peaks_have_the_height_that_is_given(run: Heights, config: Config) -> Evidence:
    r"""$1-\rho^{\ell_k^*}=1-e^{-\pi/2}$ for $k=0,1,2,\dots$: at the depths of the peaks the closed
    form has the height that the abstract gives them.
    """
    return identity(run.height, theory.REVIVAL_HEIGHT, rounding=1e-12)


# ---------------------------------------------------------------- other weights, other units


class Rotated(NamedTuple):
    """Ranks with orthogonal weights."""

    rank: Int[Recorded, "networks layers"]


class Leaky(NamedTuple):
    """Ranks with a leaky ReLU."""

    rank: Int[Recorded, "networks slopes layers"]


@measurement
def rotate(config: Config, key: PRNGKeyArray) -> Rotated:
    """Ranks in networks of orthogonal weights, as wide as there are inputs."""
    rng = generator(key)
    rows = []
    for _ in range(config.orthogonal_networks):
        hidden = features(
            rng,
            sample_batch(rng, config),
            config.inputs,
            config.layers,
            config.orthogonal_slope,
            orthogonal,
        )
        rows.append([rank(matrix) for matrix in hidden])
    return Rotated(np.array(rows))


@claim(
    rotate,
    kind="bound",
    source="abstract",
    expect="refuted",
    reason="Orthogonal weights lose rank about as Gaussian ones do: it is the ReLU that takes it. "
    "(Weights are rounded to 12 bits. Changes that are small enough can raise a rank, not lower "
    "it, so that rounding is in the claim's favour.)",
    tolerance=0.02,
    controls=[
        broken(
            "With a leaky ReLU the rank is full.",
            orthogonal_slope=50,
            orthogonal_networks=10,
        )
    ],
)
def orthogonal_weights_keep_the_rank(run: Rotated, config: Config) -> Evidence:
    r"""With orthogonal weights and $n=m$ the mean rank at the last layer is $0.99m$ at least."""
    return at_least(run.rank[:, -1] / config.inputs, 0.99)


@measurement
def leak(config: Config, key: PRNGKeyArray) -> Leaky:
    """Ranks in networks with a leaky ReLU, as wide as there are inputs."""
    rng = generator(key)
    ranks = []
    for _ in range(config.leaky_networks):
        row = []
        for slope in config.leaky_slopes:
            batch = sample_batch(rng, config)
            hidden = features(rng, batch, config.inputs, config.layers, slope)
            row.append([rank(matrix) for matrix in hidden])
        ranks.append(row)
    return Leaky(np.array(ranks))


@claim(
    leak,
    kind="count",
    source="abstract; exact, and for any slope but zero: derived",
    tolerance=0.05,
    controls=[broken("The ReLU has the slope 0.", leaky_slopes=(0,))],
)
def a_leaky_relu_keeps_the_rank(run: Leaky, config: Config) -> Evidence:
    r"""With a leaky ReLU, of slope $\frac12$, $\frac1{100}$ or $-1$ below zero, and $n=m$ every
    layer has rank $m$.
    """
    return counts(run.rank, config.inputs)


# ---------------------------------------------------------------- what is true


class Matched(NamedTuple):
    """First layers, and those after a layer of full rank."""

    rank: Int[Recorded, " matrices"]
    term_rank: Int[Recorded, " matrices"]
    """Size of a maximum matching of what is not zero."""
    inputs: Int[Recorded, " matrices"]


class Frozen(NamedTuple):
    """Networks whose units are on for all inputs, or for none."""

    rank: Int[Recorded, "networks layers"]
    on: Int[Recorded, "networks layers"]
    """Units that are on for some input; in layer 0 all coordinates are."""


@measurement
def match(config: Config, key: PRNGKeyArray) -> Matched:
    """Ranks and matchings in small networks."""
    rng = generator(key)
    rows = []
    for inputs in config.small_sizes:
        for _ in range(config.small_networks):
            batch = gaussian(rng, inputs, inputs if config.coordinates == "all" else 2)
            for hidden in list(features(rng, batch, inputs, config.layers))[1:]:
                rows.append([rank(hidden), theory.term_rank(hidden != 0), inputs])
                if rows[-1][0] < inputs:
                    break
    return Matched(*np.array(rows).T)


@claim(
    match,
    kind="count",
    source="derived",
    tolerance=0.1,
    controls=[broken("Inputs in a plane: the batch does not have full rank.", coordinates="two")],
)
def rank_is_the_size_of_a_matching(run: Matched, config: Config) -> Evidence:
    r"""If the inputs of a layer have rank $m$, the rank of its features is the size of a maximum
    matching between inputs and the units that they turn on.
    """
    return counts(run.rank, run.term_rank)


@measurement
def freeze(config: Config, key: PRNGKeyArray) -> Frozen:
    """Ranks of inputs that almost agree, or of independent ones."""
    rng = generator(key)
    ranks, on = [], []
    for _ in range(config.frozen_networks):
        batch = gaussian(rng, config.inputs, config.inputs)
        if config.differences == "tiny":
            batch = batch + CLOSE * gaussian(rng, 1, config.inputs)
        hidden = list(features(rng, batch, config.inputs, config.layers))
        ranks.append([rank(matrix) for matrix in hidden])
        on.append([np.any(matrix, axis=0).sum() for matrix in hidden])
    return Frozen(np.array(ranks), np.array(on))


NOT_FROZEN = broken(
    "Inputs that differ: units tell them apart.", differences="large", frozen_networks=40
)


@claim(
    freeze,
    kind="count",
    source="derived",
    tolerance=0.1,
    controls=[NOT_FROZEN],
)
def frozen_layers_cut_the_rank(run: Frozen, config: Config) -> Evidence:
    r"""If each unit is on for all inputs or for none, and $K$ of them are on,
    $\mathrm{EDim}(\ell)=\min(\mathrm{EDim}(\ell-1),K)$.
    """
    return counts(run.rank[:, 1:], np.minimum(run.rank[:, :-1], run.on[:, 1:]))


@claim(
    freeze,
    kind="value",
    source="derived",
    tolerance=0.3,
    controls=[
        NOT_FROZEN,
        rival("Rival: the abstract's closed form.", law=theory.abstract_share),
    ],
)
def frozen_networks_lose_rank_as_the_least_of_binomials(
    run: Frozen, config: Config, law: Callable[..., np.ndarray] = theory.frozen_share
) -> Evidence:
    r"""$\mathbb E[\mathrm{EDim}(\ell)]=\mathbb E[\min(m,K_1,\dots,K_\ell)]$ with independent
    $K_t\sim\mathrm{Bin}(n,\frac12)$, up to one rank; at a few layers.
    """
    layers = np.unique(np.linspace(4, config.layers, 3).astype(int))
    predicted = law(config.inputs, config.inputs, layers)
    evidence = equals(run.rank[:, layers] / config.inputs, predicted, margin=1 / config.inputs)
    return evidence.named(*(f"layer {layer}" for layer in layers))


# ---------------------------------------------------------------- the figure


def draw(runs: Runs, config: Config) -> Figure:
    """Gaussian weights against the closed form; what keeps the rank; frozen layers."""
    figure = Figure(figsize=(9.0, 4.2))
    axes = figure.subplots(1, 3)
    draw_closed_form(axes[0], runs[reshape], config)
    draw_others(axes[1], runs[propagate], runs[rotate], runs[leak], config)
    draw_frozen(axes[2], runs[freeze], config)
    return figure


def draw_ranks(axes: Axes, ranks: Recorded, config: Config, marker: str, label: str) -> None:
    """Means by layer with two standard errors; ranks have the shape (networks, layers)."""
    share = np.asarray(ranks)[:, 1:] / config.inputs
    layers = np.arange(1, config.layers + 1)
    errors = 2 * share.std(axis=0) / math.sqrt(len(share))
    axes.errorbar(layers, share.mean(axis=0), errors, fmt=marker, markersize=4, label=label)
    axes.set(xlabel="layer", ylabel="rank / inputs", ylim=(0, 1.05))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_closed_form(axes: Axes, run: Shapes, config: Config) -> None:
    """Several shapes, the closed form and its peaks."""
    for column, marker in zip(reversed(range(len(config.units))), ("o-", "s-", "^-"), strict=True):
        draw_ranks(axes, run.rank[:, column], config, marker, f"{config.units[column]} units")
    layers = np.linspace(1, config.layers, 200)
    axes.plot(layers, theory.closed_form(layers), **PREDICTED, label=r"$1-(1-2/\pi)^\ell$")
    peaks = theory.revival_depth(np.arange(len(around_peaks(config.layers)) + 1))
    heights = np.full(len(peaks), theory.REVIVAL_HEIGHT)
    axes.plot(peaks, heights, "kx", zorder=4, label="peaks in the abstract")
    axes.set_title(f"ReLU, {config.inputs} inputs: no peaks")
    axes.legend(loc="lower left")


def draw_others(axes: Axes, run: Ranks, rotated: Rotated, leaky: Leaky, config: Config) -> None:
    """Orthogonal weights and a leaky ReLU beside Gaussian weights and the ReLU."""
    draw_ranks(axes, leaky.rank[:, 0], config, "o-", "leaky ReLU, Gaussian weights")
    draw_ranks(axes, rotated.rank, config, "D-", "ReLU, orthogonal weights")
    draw_ranks(axes, run.rank, config, "s-", "ReLU, Gaussian weights")
    axes.axhline(1, **PREDICTED, label="full rank")
    axes.set_title("What keeps the rank")
    axes.legend(loc="lower left")


def draw_frozen(axes: Axes, run: Frozen, config: Config) -> None:
    """Inputs that almost agree."""
    draw_ranks(axes, run.rank, config, "o", "inputs that almost agree")
    layers = np.arange(1, config.layers + 1)
    law = theory.frozen_share(config.inputs, config.inputs, layers)
    axes.plot(layers, law, **PREDICTED, label=r"$E\,\min(m,K_1,\ldots,K_\ell)/m$")
    axes.set_title("Frozen layers")
    axes.legend(loc="upper right")


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
