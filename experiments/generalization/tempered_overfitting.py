r"""Tempered and catastrophic overfitting in one dimension.

A two-layer ReLU network fits $n$ noisy points $y_i=f^*(x_i)+\sigma\varepsilon_i$ exactly, with the
least weight norm. Does the noise do harm? It depends on how harm is measured.

- In $L_1$ overfitting is **tempered**: the error tends to a constant times $\sigma$, neither to
  zero nor to infinity; so it does in $L_p$ for $p<2$, with high probability.
- In $L_2$ it is **catastrophic**: the error grows without bound. Where three neighbouring gaps
  are short, long, short, the network shoots out of the long one in a tall spike, and spikes have a
  tail so heavy that squares have no mean.
- In **expectation** over training sets even the $L_1$ error is infinite.
- On a **grid** of inputs there are no short gaps, and every $L_p$ error is tempered.

The paper proves the orders. Here the network is computed exactly and in linear time, so that the
constants can be seen, and they are worked out: $R_1\to1.042\,\sigma$, whatever $f^*$;
$P(\text{spike}>H)\sim\frac{2\sigma^2}{\pi H^2}$; so $R_2$ follows Landau's law around
$\frac{2\sigma^2}\pi\log n$, a catastrophe that is logarithmic; $R_4\propto n$; and
$P(R_1>r)\sim\frac{4\sigma}{\sqrt\pi(n+1)r}$.

Nirmit Joshi, Gal Vardi, Nathan Srebro: *Noisy Interpolation Learning with Shallow Univariate ReLU
Networks*, ICLR 2024, arXiv:2307.15396.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from harness.claims import Recorded, Runs, broken, claim, measurement, rival
from harness.decisions import (
    Evidence,
    counts,
    distributed_as,
    equals,
    frequency,
    frequency_at_most,
    identity,
    scales_as,
)
from harness.errors import require
from harness.style import PREDICTED
from instruments import min_norm_interpolation as interpolation
from instruments.min_norm_interpolation import Interpolant
from instruments.randomness import generator
from theory.generalization import tempered_overfitting as theory

SPIKE_HEIGHTS = (10.0, 20.0, 40.0)
"""Heights of spikes, in units of the noise, at which their tail is tested."""
L2_PARTS = (100.0, 300.0, 1000.0, 3000.0)
"""Squared errors of one spike, times n, at which their tail is tested."""
EXTREMES = (10.0, 30.0, 100.0)
"""L1 errors, in units of the noise, at which the tail over training sets is tested."""
CHUNK = 100_000
"""Points that are worked on at a time; few enough to stay in the cache."""


@dataclass(frozen=True)
class Config:
    """Parameters; what is per block is repeated in each of the blocks, which are independent."""

    noise: float = 1.0
    """Standard deviation sigma of the noise."""
    inputs: Literal["random", "grid"] = "random"
    """Inputs uniform and independent, or in the middles of n equal cells."""
    interpolant: Literal["least norm", "chords"] = "least norm"
    """What fits the points; chords are the linear spline."""
    blocks: int = 24
    """Independent blocks; an average or a median is taken in each."""

    program_samples: int = 16
    """Points of the data sets that are solved by linear programming as well; at least three."""
    programs: int = 12
    """Such data sets."""
    penalise_biases: bool = True
    """Whether biases count in the norm of these programs."""
    certified_samples: int = 10_000
    """Points of the data sets whose norm is compared with a lower bound."""
    certified_sets: int = 8
    """Such data sets."""

    large_samples: tuple[int, ...] = (4000, 20_000)
    """Points of a data set where spikes are counted, increasing."""
    large_sets: tuple[int, ...] = (75, 15)
    """Such data sets per block."""
    small_samples: tuple[int, ...] = (100, 500, 2500)
    """Points of a data set where medians are taken; at least three sizes, increasing."""
    small_sets: tuple[int, ...] = (801, 501, 251)
    """Such data sets per block."""
    grid_samples: tuple[int, ...] = (100, 1000, 10_000)
    """Points of a data set on a grid."""
    grid_sets: tuple[int, ...] = (200, 40, 8)
    """Such data sets per block."""
    even_inputs: bool = True
    """Whether the grid of these data sets is one; if not, inputs are random."""
    target_samples: int = 10_000
    """Points of the data sets whose target is not zero."""
    waves: float = 1.0
    """Periods of that target, a sine, on the unit interval."""
    tiny_samples: int = 5
    """Points of a data set where expectations are at stake; at least three."""
    tiny_sets: int = 1_000_000
    """Such data sets."""
    whole_interval: bool = True
    """Whether their error counts on all of [0, 1] or only between the outermost points."""

    def __post_init__(self) -> None:
        """Reject what is no setting of the paper."""
        for name, value in vars(self).items():
            for number in value if isinstance(value, tuple) else (value,):
                fine = isinstance(number, str | bool) or number > 0
                require(fine, f"{name} must be above zero, got {number}")
        for name in ("large", "small", "grid"):
            samples, sets = getattr(self, f"{name}_samples"), getattr(self, f"{name}_sets")
            require(len(samples) == len(sets), f"{name}_samples and {name}_sets go together")
            increasing = all(a < b for a, b in pairwise(samples))
            require(increasing, f"{name}_samples must increase, got {samples}")
        require(len(self.small_samples) >= 3, "small_samples needs at least three sizes")
        for name in ("program_samples", "tiny_samples"):
            points = getattr(self, name)
            require(points >= 3, f"{name} must be at least 3, got {points}")


SIZES = {
    "ci": Config(),
    "figure": Config(
        certified_samples=1_000_000,
        programs=24,
        program_samples=20,
        large_samples=(4000, 20_000, 100_000, 1_000_000),
        large_sets=(101, 21, 11, 5),
        small_samples=(300, 1500, 7500),
        small_sets=(4001, 2001, 1201),
        tiny_sets=2_000_000,
    ),
    "paper": Config(
        certified_samples=1_000_000,
        programs=24,
        program_samples=24,
        large_samples=(4000, 20_000, 100_000, 1_000_000),
        large_sets=(501, 101, 41, 9),
        small_samples=(1000, 10_000, 100_000),
        small_sets=(6001, 2001, 401),
        tiny_sets=10_000_000,
    ),
}


def draw_inputs(
    rng: np.random.Generator, sets: int, samples: int, spacing: str
) -> Float[np.ndarray, "{sets} {samples}"]:
    """Sorted inputs on [0, 1], random or on a grid."""
    if spacing == "grid":
        return np.tile((np.arange(samples) + 0.5) / samples, (sets, 1))
    # Sorted uniform numbers are partial sums of exponential ones over their total.
    sums = np.cumsum(rng.standard_exponential((sets, samples + 1)), axis=1)
    return sums[:, :-1] / sums[:, -1:]


def chunks(sets: int, samples: int) -> Iterator[int]:
    """Numbers of data sets to work on at a time."""
    at_a_time = max(1, CHUNK // samples)
    for start in range(0, sets, at_a_time):
        yield min(at_a_time, sets - start)


def fit(
    config: Config, inputs: Float[np.ndarray, "sets n"], targets: Float[np.ndarray, "sets n"]
) -> Interpolant:
    """Interpolate by the rule that the config asks for."""
    chords = config.interpolant == "chords"
    return (interpolation.chords if chords else interpolation.interpolate)(inputs, targets)


def fit_noise(
    config: Config, rng: np.random.Generator, sets: int, samples: int
) -> Iterator[Interpolant]:
    """Interpolants of pure noise, in chunks."""
    for count in chunks(sets, samples):
        inputs = draw_inputs(rng, count, samples, config.inputs)
        yield fit(config, inputs, config.noise * rng.standard_normal(inputs.shape))


def inside_errors(fitted: Interpolant, *powers: float) -> list[Float[np.ndarray, " sets"]]:
    r"""$\int|f|^p$ between the first and the last input, for each power p."""
    middles, fractions = interpolation.middles(fitted), interpolation.fractions(fitted)
    lengths = np.diff(fitted.inputs)
    return [
        np.sum(
            interpolation.piece_integrals(fitted.targets, middles, fractions, power=power)
            * lengths,
            axis=-1,
        )
        for power in powers
    ]


def outside_error(fitted: Interpolant) -> Float[np.ndarray, " sets"]:
    r"""$\int|f|$ on the rest of $[0,1]$, where the outermost chords are continued."""
    x, y = fitted.inputs, fitted.targets
    slopes = np.diff(y) / np.diff(x)
    at_0 = y[:, 0] - slopes[:, 0] * x[:, 0]
    at_1 = y[:, -1] + slopes[:, -1] * (1 - x[:, -1])
    ends = np.stack([at_0, y[:, 0], y[:, -1], at_1], axis=1)
    middles = (ends[:, 1:] + ends[:, :-1]) / 2
    means = interpolation.piece_integrals(ends, middles, np.full(middles.shape, 0.5), power=1)
    return means[:, 0] * x[:, 0] + means[:, 2] * (1 - x[:, -1])


# ---------------------------------------------------------------- the interpolant is the minimiser


class Programs(NamedTuple):
    """The same data sets solved in closed form and by linear programming."""

    norm: Float[Recorded, " sets"]
    """Weight norm of the closed form."""
    program_norm: Float[Recorded, " sets"]
    """Least weight norm by linear programming."""
    deviation: Float[Recorded, " sets"]
    """Largest difference of the two functions, over the norm."""


@measurement
def solve_programs(config: Config, key: PRNGKeyArray) -> Programs:
    """Solve small data sets in both ways."""
    rng = generator(key)
    inputs = draw_inputs(rng, config.programs, config.program_samples, config.inputs)
    fitted = fit(config, inputs, config.noise * rng.standard_normal(inputs.shape))
    norms = interpolation.weight_norm(fitted)
    program_norms, deviations = [], []
    for i, norm in enumerate(norms):
        one = Interpolant(*(part[i] for part in fitted))
        x, y = one.inputs, one.targets
        program = interpolation.linear_program(x, y, penalise_biases=config.penalise_biases)
        # Between kinks of either function the difference is linear.
        kinks = np.concatenate([program.knots, interpolation.knots(one)])
        corners = np.concatenate([x[:1], program.knots, x[-1:]])
        values = np.concatenate([y[:1], program.values, y[-1:]])
        difference = np.interp(kinks, corners, values) - interpolation.evaluate(one, kinks)
        program_norms.append(program.norm)
        deviations.append(np.max(np.abs(difference)) / norm)
    return Programs(norms, np.array(program_norms), np.array(deviations))


@claim(
    solve_programs,
    kind="identity",
    source="derived; structure as in the paper's lemma",
    tolerance=1e-9,
    controls=[broken("The linear spline has a larger norm.", interpolant="chords")],
)
def closed_form_has_the_least_norm(run: Programs, config: Config) -> Evidence:
    r"""The interpolant in closed form has the norm $\int\sqrt{1+x^2}\,|f''|$ of the best one found
    by linear programming.
    """
    # The programs stop at 1e-12 of the norm, and the solver's rounding is about as large.
    return identity(run.norm, run.program_norm, rounding=1e-11)


@claim(
    solve_programs,
    kind="count",
    source="derived; uniqueness by penalised biases",
    tolerance=0.6,
    controls=[
        broken("Biases not in the norm: many functions share the least.", penalise_biases=False),
        broken("The linear spline is another function.", interpolant="chords"),
    ],
)
def the_minimiser_is_unique(run: Programs, config: Config) -> Evidence:
    r"""Linear programming ends at the same function for every data set: the two differ by at most
    $\sqrt{2\epsilon/\min w''}$ of the norm, $\epsilon=10^{-12}$ the precision of the programs.
    """
    same = run.deviation <= theory.deviation_bound(1e-12)
    return counts(same.astype(int), 1)


class Certificates(NamedTuple):
    """Norms of large data sets and what no interpolant undercuts."""

    norm: Float[Recorded, " sets"]
    bound: Float[Recorded, " sets"]


@measurement
def certify(config: Config, key: PRNGKeyArray) -> Certificates:
    """Build the dual solution of large data sets from their interpolant of least norm."""
    rng = generator(key)
    norms, bounds = [], []
    for _ in range(config.certified_sets):
        inputs = draw_inputs(rng, 1, config.certified_samples, config.inputs)
        targets = config.noise * rng.standard_normal(inputs.shape)
        norms.append(interpolation.weight_norm(fit(config, inputs, targets))[0])
        best = interpolation.interpolate(inputs[0], targets[0])
        bounds.append(interpolation.lower_bound(best))
    return Certificates(np.array(norms), np.array(bounds))


@claim(
    certify,
    kind="identity",
    source="derived",
    tolerance=1e-9,
    controls=[broken("The linear spline does not reach the bound.", interpolant="chords")],
)
def closed_form_is_optimal_at_any_size(run: Certificates, config: Config) -> Evidence:
    r"""At sizes out of reach of linear programming the norm equals a lower bound by duality,
    $\max_G\int Gf''$ over piecewise linear $|G|\le\sqrt{1+x^2}$.
    """
    # Pairwise sums of terms of one sign: as many roundings as n has binary digits.
    return identity(run.norm / run.bound, 1.0, rounding=1e-14)


# ---------------------------------------------------------------- averages: L1 and the spikes


class Large(NamedTuple):
    """What blocks of data sets have in common, by number of points."""

    l1: Float[Recorded, "blocks sizes"]
    """L1 error between the outermost inputs; the median of a block, as its variance is infinite."""
    chords_l1: Float[Recorded, "blocks sizes"]
    """That of the linear spline on the same data, the mean of a block."""
    chords_l2: Float[Recorded, "blocks sizes"]
    """The L2 error of the linear spline."""
    spikes: Float[Recorded, "blocks heights"]
    """Share of intervals with a spike above `SPIKE_HEIGHTS`, at all sizes together."""
    parts: Float[Recorded, "blocks thresholds"]
    """Share of intervals whose spike alone has a squared error above `L2_PARTS` over n."""


@measurement
def fit_large(config: Config, key: PRNGKeyArray) -> Large:
    """Fit noise with many points."""
    rng = generator(key)
    unit = config.noise
    shape = config.blocks, len(config.large_samples)
    l1, chords_l1, chords_l2 = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    spikes, parts = np.zeros((shape[0], len(SPIKE_HEIGHTS))), np.zeros((shape[0], len(L2_PARTS)))
    intervals = sum(
        s * (n - 1) for n, s in zip(config.large_samples, config.large_sets, strict=True)
    )
    for block in range(config.blocks):
        for size, (n, sets) in enumerate(zip(config.large_samples, config.large_sets, strict=True)):
            errors: list[np.ndarray] = []
            for fitted in fit_noise(config, rng, sets, n):
                flat = interpolation.chords(fitted.inputs, fitted.targets)
                errors += inside_errors(fitted, 1)
                flat_error, flat_square = inside_errors(flat, 1, 2)
                chords_l1[block, size] += np.sum(flat_error) / (unit * sets)
                chords_l2[block, size] += np.sum(flat_square) / (unit**2 * sets)
                height = np.abs(interpolation.heights(fitted)) / unit
                # No gap is so long that a lower spike counts for either tail.
                tall = height > 3
                height, gap = height[tall], n * np.diff(fitted.inputs)[tall]
                part = gap * height**2 / 3
                spikes[block] += np.sum(height[:, None] > SPIKE_HEIGHTS, axis=0) / intervals
                parts[block] += np.sum(part[:, None] > L2_PARTS, axis=0) / intervals
            l1[block, size] = np.median(np.concatenate(errors)) / unit
    return Large(l1, chords_l1, chords_l2, spikes, parts)


def sample_names(samples: tuple[int, ...]) -> list[str]:
    """Names of the points of claims about several numbers of samples."""
    return [f"n = {n:,}" for n in samples]


def l1_margin(config: Config) -> np.ndarray:
    """What the data resolve of the L1 constant, with the errors of theory, by size."""
    samples, sets = np.array(config.large_samples), np.array(config.large_sets)
    statistical = 12 * theory.l1_standard_error(samples * sets * config.blocks)
    # The model is exact up to O(1/n): the chords at both ends, and the curvature of the weight.
    theoretical = theory.QUADRATURE_ERROR * theory.error_constant(1.0) + 1 / samples
    return theoretical + theory.l1_skewness(samples) + statistical


def benign(power: float) -> float:
    """The rival in which the noise does no harm."""
    return 0.0


def like_the_spline(power: float) -> float:
    """The rival in which the network is no worse than the linear spline."""
    return theory.spline_l1()


@claim(
    fit_large,
    kind="value",
    source="Theorem (tempered in L1); constant derived",
    tolerance=0.06,
    controls=[
        rival("Rival: overfitting is benign.", constant=benign),
        rival("Rival: the error is that of the linear spline.", constant=like_the_spline),
        broken("On a grid there are no tall spikes and the error is smaller.", inputs="grid"),
    ],
)
def l1_error_is_tempered(
    run: Large,
    config: Config,
    constant: Callable[[float], float] = theory.error_constant,
) -> Evidence:
    r"""The median of the $L_1$ error between the outermost points is $c_1\sigma\,\tfrac{n-1}{n+1}$
    up to $O((n\log n)^{-1/2})$, with $c_1=1.042$: it neither vanishes nor grows.
    """
    predicted = constant(1.0) * theory.covered(np.array(config.large_samples))
    return equals(run.l1, predicted, margin=l1_margin(config)).named(
        *sample_names(config.large_samples)
    )


def like_least_norm() -> float:
    """The rival in which the spline does as much harm as the network of least norm."""
    return theory.error_constant(1.0)


@claim(
    fit_large,
    kind="value",
    source="derived; exact",
    tolerance=0.02,
    controls=[rival("Rival: the spline errs as much as the network.", constant=like_least_norm)],
)
def spline_error_is_known_exactly(
    run: Large, config: Config, constant: Callable[[], float] = theory.spline_l1
) -> Evidence:
    r"""The linear spline has $R_1=c\,\sigma\,\tfrac{n-1}{n+1}$ on average, with
    $c=\sqrt{\tfrac2\pi}\,(\tfrac12+\tfrac{\mathrm{arsinh}\,1}{2\sqrt2})=0.648$, and
    $R_2=\tfrac23\sigma^2\,\tfrac{n-1}{n+1}$: it has no spikes.
    """
    covered = theory.covered(np.array(config.large_samples))
    predicted = np.concatenate([constant() * covered, theory.SPLINE_L2 * covered])
    names = sample_names(config.large_samples)
    # Exact at every n: the margin is what the data can resolve.
    return equals(
        np.concatenate([run.chords_l1, run.chords_l2], axis=1), predicted, margin=0.01 * predicted
    ).named(*(f"{norm}, {name}" for norm in ("L1", "L2") for name in names))


def resolution(config: Config, probabilities: np.ndarray, *, relative: np.ndarray) -> np.ndarray:
    """Margins of probabilities per interval: theory's relative error, and 12 standard errors."""
    samples, sets = np.array(config.large_samples), np.array(config.large_sets)
    counts = probabilities * config.blocks * np.sum(samples * sets)
    # Four of the intervals of a data set are near its ends.
    theoretical = theory.QUADRATURE_ERROR + 4 / samples[0] + relative
    return probabilities * (theoretical + 12 / np.sqrt(counts))


def spike_probabilities() -> np.ndarray:
    """Predicted shares of intervals at `SPIKE_HEIGHTS`."""
    return np.array([theory.spike_probability(height) for height in SPIKE_HEIGHTS])


def index_one() -> np.ndarray:
    """The rival tail 1/H, right at the smallest height."""
    heights = np.array(SPIKE_HEIGHTS)
    return theory.spike_probability(heights[0]) * heights[0] / heights


def index_three() -> np.ndarray:
    """The rival tail 1/H^3, right at the smallest height."""
    heights = np.array(SPIKE_HEIGHTS)
    return theory.spike_probability(heights[0]) * (heights[0] / heights) ** 3


@claim(
    fit_large,
    kind="exponent",
    source="derived",
    tolerance=0.15,
    controls=[
        rival("Rival: a tail of index 1.", predict=index_one),
        rival("Rival: a tail of index 3.", predict=index_three),
        broken("On a grid no gap is short and spikes stay small.", inputs="grid"),
    ],
)
def spikes_have_a_tail_of_index_two(
    run: Large,
    config: Config,
    predict: Callable[[], np.ndarray] = spike_probabilities,
) -> Evidence:
    r"""An interval has a spike higher than $H\sigma$ with probability
    $\tfrac2\pi H^{-2}\,(1-2\sqrt\pi H^{-1}+\dots)$, by an integral over two short gaps.
    """
    heights = np.array(SPIKE_HEIGHTS)
    # Longer runs, which the integral leaves out, count at relative order H^-2.
    margin = resolution(config, spike_probabilities(), relative=heights**-2)
    return equals(
        run.spikes * heights**2, predict() * heights**2, margin=margin * heights**2
    ).named(*(f"H = {height:g}" for height in heights))


@claim(
    fit_large,
    kind="exponent",
    source="derived",
    tolerance=0.15,
    controls=[
        broken("On a grid no gap is short and spikes stay small.", inputs="grid"),
    ],
)
def squared_spikes_have_no_mean(run: Large, config: Config) -> Evidence:
    r"""The squared error of a spike, $X=nlh^2/3$, has a tail of index one,
    $xP(X>x\sigma^2)\to\tfrac2\pi$: its mean is infinite.
    """
    thresholds = np.array(L2_PARTS)
    predicted = np.array([theory.l2_probability(x) for x in thresholds])
    # As above with H^2 = 3x/l, and l = 4 where the tail comes from.
    margin = resolution(config, predicted, relative=4 / (3 * thresholds))
    return equals(run.parts * thresholds, predicted * thresholds, margin=margin * thresholds).named(
        *(f"x = {x:g}" for x in thresholds)
    )


class Targets(NamedTuple):
    """L1 errors with and without a target, of the same noise."""

    ratio: Float[Recorded, " blocks"]
    """Error about a sine over error about zero."""


@measurement
def fit_target(config: Config, key: PRNGKeyArray) -> Targets:
    """Fit the same noise about zero and about a sine."""
    rng = generator(key)
    ratios = []
    for _ in range(config.blocks):
        inputs = draw_inputs(rng, 1, config.target_samples, config.inputs)
        noise = config.noise * rng.standard_normal(inputs.shape)

        def target(points: np.ndarray) -> np.ndarray:
            return np.sin(2 * math.pi * config.waves * points)

        fitted = fit(config, inputs, noise + target(inputs))
        # Between knots the target is as good as linear.
        error = interpolation.piece_integrals(
            noise,
            interpolation.middles(fitted) - target(interpolation.knots(fitted)),
            interpolation.fractions(fitted),
            power=1,
        )
        about_target = np.sum(error * np.diff(inputs))
        (about_zero,) = inside_errors(fit(config, inputs, noise), 1)
        ratios.append(about_target / about_zero[0])
    return Targets(np.array(ratios))


@claim(
    fit_target,
    kind="value",
    source="derived",
    tolerance=0.01,
    controls=[broken("A target as rough as the inputs are dense.", waves=2000.0)],
)
def the_target_does_not_matter(run: Targets, config: Config) -> Evidence:
    r"""About $f^*=\sin2\pi x$ the error is that about zero, up to a share of $O(L/n\sigma)$,
    $L=2\pi$: overfitting is a matter of the noise alone.
    """
    return equals(run.ratio, 1.0, margin=2 * math.pi / (config.target_samples * config.noise))


# ---------------------------------------------------------------- medians: L2 and beyond


class Small(NamedTuple):
    """Medians of errors between the outermost inputs, by number of points."""

    l1: Float[Recorded, "blocks sizes"]
    l2: Float[Recorded, "blocks sizes"]
    l4: Float[Recorded, "blocks sizes"]
    l15_sample: Float[Recorded, " sets"]
    """L_1.5 errors of all data sets of the smallest size."""
    l2_sample: Float[Recorded, " sets"]
    """L2 errors of all data sets of the largest size."""


@measurement
def fit_small(config: Config, key: PRNGKeyArray) -> Small:
    """Fit noise many times and take medians over each block."""
    rng = generator(key)
    powers = np.array([1.0, 2.0, 4.0, 1.5])
    medians = np.zeros((3, config.blocks, len(config.small_samples)))
    samples: dict[str, list[np.ndarray]] = {"l15": [], "l2": []}
    for block in range(config.blocks):
        for size, (n, sets) in enumerate(zip(config.small_samples, config.small_sets, strict=True)):
            # The last power is looked at in the smallest data sets only.
            wanted = powers if size == 0 else powers[:-1]
            fits = fit_noise(config, rng, sets, n)
            errors = np.concatenate([inside_errors(fitted, *wanted) for fitted in fits], axis=1)
            errors /= config.noise ** wanted[:, None]
            medians[:, block, size] = np.median(errors[:3], axis=1)
            if size == 0:
                samples["l15"].append(errors[3])
            if size == len(config.small_samples) - 1:
                samples["l2"].append(errors[1])
    l15, l2 = (np.concatenate(samples[name]) for name in ("l15", "l2"))
    return Small(medians[0], medians[1], medians[2], l15, l2)


def light_tails(power: float, samples: ArrayLike) -> np.ndarray:
    """The rival without tall spikes, in which errors concentrate."""
    return np.zeros(np.shape(samples))


@claim(
    fit_small,
    kind="probability",
    source="Theorem (tempered in Lp, p < 2); rate derived",
    tolerance=0.6,
    controls=[rival("Rival: errors concentrate as on a grid.", chance=light_tails)],
)
def lp_error_is_bounded_with_high_probability(
    run: Small,
    config: Config,
    chance: Callable[[float, ArrayLike], ArrayLike] = theory.exceeding_probability,
) -> Evidence:
    r"""For $1\le p<2$ the error $R_p$ exceeds $2c_p$ with probability $O(n^{1-2/p})$: at $p=1.5$
    with $0.35\,n^{-1/3}$ at most.
    """
    above = run.l15_sample > 2 * theory.error_constant(1.5)
    return frequency_at_most(above, chance(1.5, config.small_samples[0]))


def slope_in_log(samples: tuple[int, ...], values: Float[Recorded, "blocks sizes"]) -> np.ndarray:
    """Least-squares slope in the logarithm of n."""
    x = np.log(samples)
    return np.asarray(values) @ (x - x.mean()) / np.sum((x - x.mean()) ** 2)


@claim(
    fit_small,
    kind="value",
    source="Theorem (catastrophic in L2); law derived",
    tolerance=0.6,
    controls=[
        rival("Rival: tempered, the median stays where it is.", growth=0.0),
        rival("Rival: twice as fast.", growth=2 * theory.SPIKE_CONSTANT),
        broken("On a grid the L2 error is tempered.", inputs="grid"),
    ],
)
def l2_error_grows_like_a_logarithm(
    run: Small, config: Config, growth: float = theory.SPIKE_CONSTANT
) -> Evidence:
    r"""The median of $R_2$ grows without bound, by $\tfrac{2\sigma^2}\pi$ each time that $n$ grows
    by the factor $e$.
    """
    least, most = config.small_samples[0], config.small_samples[-1]
    margin = float(theory.l2_next_order(least)) / math.log(most / least)
    return equals(slope_in_log(config.small_samples, run.l2), growth, margin=margin)


@claim(
    fit_small,
    kind="law",
    source="derived",
    tolerance=0.25,
    controls=[
        broken("On a grid the L2 error concentrates.", inputs="grid"),
    ],
)
def l2_error_follows_landaus_law(run: Small, config: Config) -> Evidence:
    r"""$R_2/\sigma^2$ follows Landau's law, the stable law of index one, with scale $1$ around
    $\tfrac2\pi(\log n-\gamma)+m$, $m=-1.14$: the sum of squares with infinite mean.
    """
    n = config.small_samples[-1]
    # What may shift the location, times the largest density of the law; and what data resolve.
    shift = float(theory.l2_next_order(n)) + theory.OFFSET_ERROR
    statistical = 5 / math.sqrt(config.blocks * config.small_sets[-1])
    return distributed_as(
        run.l2_sample,
        lambda x: theory.l2_cdf(x, n),
        margin=theory.LANDAU_PEAK * shift + statistical,
    )


@claim(
    fit_small,
    kind="exponent",
    source="Theorem (catastrophic in Lp, p >= 2); exponent derived",
    tolerance=0.7,
    controls=[
        rival("Rival: tempered like L1.", exponent=theory.growth_exponent(1.0)),
        rival("Rival: like L3.", exponent=theory.growth_exponent(3.0)),
        broken("On a grid the L4 error is tempered.", inputs="grid"),
    ],
)
def l4_error_grows_like_n(
    run: Small, config: Config, exponent: float = theory.growth_exponent(4.0)
) -> Evidence:
    r"""For $p>2$ a single spike decides, and the median of $R_p$ grows like $n^{p/2-1}$:
    $R_4\propto n$.
    """
    least, most = config.small_samples[0], config.small_samples[-1]
    correction = float(theory.l4_next_order(least))
    sets = config.blocks * np.array(config.small_sets)
    errors = theory.median_error(theory.LEVY_AT_MEDIAN, sets)
    statistical = 12 * float(np.max(errors)) / math.log(most / least)
    # A factor 1 - k / sqrt(n): its whole change over the range, and its slope at the small end.
    return scales_as(
        np.array(config.small_samples),
        run.l4,
        exponent,
        margin=correction / math.log(most / least) + statistical,
        end_margin=correction / 2 + 3 * statistical,
    )


# ---------------------------------------------------------------- the grid


class Grid(NamedTuple):
    """Means of errors on a grid over each block, by number of points."""

    l1: Float[Recorded, "blocks sizes"]
    l2: Float[Recorded, "blocks sizes"]
    l4: Float[Recorded, "blocks sizes"]


GRID_POWERS = (1.0, 2.0, 4.0)


@measurement
def fit_grid(config: Config, key: PRNGKeyArray) -> Grid:
    """Fit noise on a grid and average."""
    rng = generator(key)
    means = np.zeros((len(GRID_POWERS), config.blocks, len(config.grid_samples)))
    units = config.noise ** np.array(GRID_POWERS)
    for block in range(config.blocks):
        for size, (n, sets) in enumerate(zip(config.grid_samples, config.grid_sets, strict=True)):
            for count in chunks(sets, n):
                inputs = draw_inputs(rng, count, n, "grid" if config.even_inputs else "random")
                fitted = fit(config, inputs, config.noise * rng.standard_normal(inputs.shape))
                errors = inside_errors(fitted, *GRID_POWERS)
                means[:, block, size] += np.sum(errors, axis=1) / (sets * units)
    return Grid(*means)


@claim(
    fit_grid,
    kind="value",
    source="Theorem (grid inputs, tempered for all p); constants derived",
    tolerance=0.05,
    controls=[
        broken("At random inputs it is not.", even_inputs=False),
        broken("The linear spline errs less.", interpolant="chords"),
    ],
)
def on_a_grid_every_error_is_tempered(run: Grid, config: Config) -> Evidence:
    r"""With inputs in the middles of $n$ equal cells the mean of $R_p$ tends to a constant at every
    $p$: $0.694\,\sigma$, $0.777\,\sigma^2$ and $1.98\,\sigma^4$ at $p=1,2,4$.
    """
    samples, sets = np.array(config.grid_samples), np.array(config.grid_sets)
    measured, predicted, margins, names = [], [], [], []
    for power, errors in zip(GRID_POWERS, run, strict=True):
        constant = theory.error_constant(power, "grid")
        measured.append(errors)
        predicted.append(constant * (samples - 1) / samples)
        # The intervals at both ends are unlike the others; and what the data resolve.
        variance = theory.error_constant(2 * power, "grid") / (samples * sets * config.blocks)
        theoretical = constant * (theory.grid_error(power) + 2 / samples)
        margins.append(theoretical + 12 * np.sqrt(variance))
        names += [f"p = {power:g}, {name}" for name in sample_names(config.grid_samples)]
    return equals(
        np.concatenate(measured, axis=1),
        np.concatenate(predicted),
        margin=np.concatenate(margins),
    ).named(*names)


# ---------------------------------------------------------------- expectations


class Tiny(NamedTuple):
    """L1 errors of many tiny training sets, in single precision to save room."""

    l1: Float[Recorded, " sets"]


@measurement
def fit_tiny(config: Config, key: PRNGKeyArray) -> Tiny:
    """Fit very few points very often."""
    rng = generator(key)
    errors = []
    for fitted in fit_noise(config, rng, config.tiny_sets, config.tiny_samples):
        (error,) = inside_errors(fitted, 1)
        if config.whole_interval:
            error = error + outside_error(fitted)
        errors.append((error / config.noise).astype(np.float32))
    return Tiny(np.concatenate(errors))


@claim(
    fit_tiny,
    kind="probability",
    source="Theorem (catastrophic in expectation); mechanism and constant derived",
    tolerance=0.4,
    controls=[
        broken("Between the outermost points the mean is finite.", whole_interval=False),
        broken("On a grid slopes are bounded by the noise.", inputs="grid"),
    ],
)
def expected_error_is_infinite(run: Tiny, config: Config) -> Evidence:
    r"""At every $n\ge2$, $P(R_1>r\sigma)\to\tfrac4{\sqrt\pi(n+1)r}$: a tail of index one, so that
    $\mathbb E R_1=\infty$. It comes from the outermost chords, which are continued to $0$ and $1$
    and are the steeper the closer two inputs.
    """
    extremes = np.array(EXTREMES)
    predicted = theory.boundary_probability(config.tiny_samples, extremes)
    statistical = 10 / np.sqrt(predicted * config.tiny_sets)
    margin = predicted * (theory.boundary_next_order(extremes) + statistical)
    return frequency(run.l1[:, None] > extremes, predicted, margin=margin).named(
        *(f"r = {r:g}" for r in extremes)
    )


# ---------------------------------------------------------------- the figure


class Example(NamedTuple):
    """One data set and its interpolant of least norm."""

    inputs: Float[Recorded, " n"]
    targets: Float[Recorded, " n"]
    knots: Float[Recorded, " intervals"]
    values: Float[Recorded, " intervals"]


class Survival(NamedTuple):
    """Spikes of one large data set; for the figure, no claim is made about it."""

    heights: Float[Recorded, " curves heights"]
    """Share of spikes above `SHOWN_HEIGHTS` at random inputs and on a grid."""


EXAMPLE_SAMPLES, EXAMPLE_SETS = 30, 101
SHOWN_HEIGHTS = np.geomspace(0.3, 300, 31)
SHOWN_SAMPLES = 1_000_000


@measurement
def fit_example(config: Config, key: PRNGKeyArray) -> Example:
    """Of many data sets, the one whose tallest spike is the median of all."""
    rng = generator(key)
    inputs = draw_inputs(rng, EXAMPLE_SETS, EXAMPLE_SAMPLES, "random")
    fitted = interpolation.interpolate(inputs, config.noise * rng.standard_normal(inputs.shape))
    tallest = np.max(np.abs(interpolation.heights(fitted)), axis=1)
    shown = np.argsort(tallest)[EXAMPLE_SETS // 2]
    return Example(
        fitted.inputs[shown],
        fitted.targets[shown],
        interpolation.knots(fitted)[shown],
        interpolation.middles(fitted)[shown],
    )


@measurement
def count_spikes(config: Config, key: PRNGKeyArray) -> Survival:
    """Heights of the spikes of one large data set at random inputs and one on a grid."""
    rng = generator(key)
    curves = []
    for spacing in ("random", "grid"):
        inputs = draw_inputs(rng, 1, SHOWN_SAMPLES, spacing)
        fitted = interpolation.interpolate(inputs, rng.standard_normal(inputs.shape))
        heights = np.sort(np.abs(interpolation.heights(fitted)).ravel())
        below = np.searchsorted(heights, SHOWN_HEIGHTS, side="right")
        curves.append(1 - below / heights.size)
    return Survival(np.array(curves))


def draw(runs: Runs, config: Config) -> Figure:
    """A data set and both interpolants; errors against n; the tail of the spikes."""
    figure = Figure(figsize=(11, 3.7))
    axes = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    draw_example(axes[0], runs[fit_example])
    draw_errors(axes[1], runs, config)
    draw_tail(axes[2], runs[count_spikes])
    return figure


def draw_example(axes: Axes, run: Example) -> None:
    """Points, chords, and the interpolant of least norm."""
    x, y = run.inputs, run.targets
    corners = np.concatenate([x, run.knots])
    order = np.argsort(corners)
    values = np.concatenate([y, run.values])
    axes.axhline(0, **PREDICTED, label="truth $f^*$")
    axes.plot(corners[order], values[order], "C1", label="network of least norm")
    axes.plot(x, y, "C0", linewidth=1.2, label="linear spline")
    axes.plot(x, y, "k.", markersize=6, label="data")
    axes.set_title(f"{len(x)} noisy points")
    axes.set(xlabel="$x$", ylabel=r"$f(x)/\sigma$")
    axes.legend(fontsize=8)


def draw_errors(axes: Axes, runs: Runs, config: Config) -> None:
    """Medians of three errors at random inputs, means on a grid."""
    small, grid = runs[fit_small], runs[fit_grid]
    n = np.array(config.small_samples)
    fine = np.geomspace(n[0], n[-1], 50)
    curves = [
        (small.l1, grid.l1, theory.error_constant(1.0) * theory.covered(fine)),
        (small.l2, grid.l2, theory.l2_median(fine)),
        (small.l4, grid.l4, theory.l4_median(fine)),
    ]
    for colour, (p, (random, even, law)) in enumerate(zip((1, 2, 4), curves, strict=True)):
        axes.plot(n, random.mean(0), f"C{colour}o-", label=f"$p={p}$")
        axes.plot(config.grid_samples, even.mean(0), f"C{colour}s:", markersize=4, linewidth=1)
        axes.plot(fine, law, **PREDICTED)
    axes.plot(
        [], [], "0.5", marker="s", markersize=4, linestyle=":", linewidth=1, label="grid, mean"
    )
    axes.plot([], [], **PREDICTED, label="predicted")
    axes.set_title("Median errors")
    axes.set(xscale="log", yscale="log", xlabel="points $n$", ylabel=r"$R_p/\sigma^p$")
    axes.legend(fontsize=8)


def draw_tail(axes: Axes, run: Survival) -> None:
    """How often spikes are taller than a height."""
    shown = run.heights * SHOWN_SAMPLES >= 1
    for curve, seen, style, label in zip(
        run.heights, shown, ("C0o", "C3s"), ("random inputs", "grid"), strict=True
    ):
        axes.plot(SHOWN_HEIGHTS[seen], curve[seen], style, markersize=4, label=label)
    tall = SHOWN_HEIGHTS[SHOWN_HEIGHTS > 3]
    exact = [theory.spike_probability(float(height)) for height in tall]
    axes.plot(tall, exact, **PREDICTED, label="predicted")
    axes.plot(
        tall, theory.SPIKE_CONSTANT / tall**2, "0.6", linewidth=1.2, label=r"$2/\pi H^2$", zorder=1
    )
    axes.set_title("Spikes")
    axes.set(
        xscale="log", yscale="log", xlabel=r"height $H/\sigma$", ylabel="share of intervals above"
    )
    axes.legend(fontsize=8)


if __name__ == "__main__":
    from harness.command_line import main_of

    main_of(__spec__.name)
