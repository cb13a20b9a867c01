r"""The interpolant of least weight norm in one dimension: exact, in linear time.

A ReLU network of any width, $f(x)=a_0x+b_0+\sum_ja_j(w_jx+b_j)_+$, whose linear part is free of
charge, fits $n$ points exactly with the least $\tfrac12\sum_ja_j^2+w_j^2+b_j^2$. Neurons are
positively homogeneous, so this norm is a weighted total variation of the slope,

$$\min\int\sqrt{1+x^2}\,|f''(x)|\,dx\ \text{ subject to } f(x_i)=y_i
  \qquad=\qquad \max_G\int G\,f''\ \text{ subject to } |G(x)|\le w(x)=\sqrt{1+x^2},$$

where $G$ is piecewise linear with kinks at the inputs and zero outside. $G$ touches the strictly
convex $w$ at most once between two inputs, and then stays below it at both of them. Let $s_i$ be
the slope of the chord of interval $i$ and $D_i=s_i-s_{i-1}$ the bend of the chords at input $i$.

- An interval between inputs whose bends have opposite signs, and the first and the last: chord.
  (For the outermost, where $G$ comes from zero, as long as their ends are seen less than a right
  angle apart, $1+x_1x_2>0$; inputs of one sign always are, and dense ones.)
- In a *run* of $K\ge2$ inputs whose bends have one sign, say convex, $f$ goes straight through the
  inputs and has one knot in each of the $K-1$ intervals between them. With
  $\alpha=s_i-f'(x_i)$ and $\beta=f'(x_{i+1})-s_i$ the knot sits at the fraction
  $\beta/(\alpha+\beta)$ of the interval, $h=l\alpha\beta/(\alpha+\beta)$ below the chord. At the
  ends of the run $f$ continues the chords outside, $\alpha=D_i$ on the left, $\beta=D_{i+1}$ on
  the right; so a pair, $K=2$, is solved.
- At an input $x$ inside a run, $G$ is tangent to $w$ at the knots on both sides, which lie at
  distances $d$ and $e$. As $w$ is the length of $(1,x)$, the directions of the knots are mirror
  images, which reads

$$\frac1d-\frac1e=\frac{2x}{1+x^2},\qquad \frac1d=\frac{1+\rho}{l},\qquad
  \frac1e=\frac{1+1/\rho'}{l'},\qquad \rho=\frac\beta\alpha,\ \rho'=\frac{\beta'}{\alpha'}.$$

**No iteration.** If $\rho$ is an affine function of $\beta$ on one interval, this equation makes
$\rho'$ an affine function of $\beta'$ on the next. On the first interval $\rho=\beta/D$. The
constraint $\alpha'\le D'$ (a knot cannot leave its interval) adds a maximum with $\beta'/D'$, and
passing an input exchanges maxima and minima. So the optimal $\rho$ is a nested maximum and minimum
of one straight line per input, which a sweep to the right builds and a sweep to the left reads.
Cost: $\sum K^2$ over runs, of which noisy data have none longer than a dozen.

    fit = interpolate(inputs, targets)       # (..., n) each, inputs increasing
    weight_norm(fit), evaluate(fit, points)
    lower_bound(fit)                         # of the norms of all interpolants
    piece_integrals(fit.targets, middles(fit), fractions(fit), power=2)

Source: structure by duality as above; that intervals hold one knot at most is also in Boursier and
Flammarion, Penalising the biases in norm regularisation enforces sparsity, 2023.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import optimize


class Interpolant(NamedTuple):
    """A piecewise linear interpolant with at most one knot inside each interval of inputs.

    Leading axes, if there are any, count data sets.
    """

    inputs: Float[np.ndarray, "*sets n"]
    """Increasing."""
    targets: Float[np.ndarray, "*sets n"]
    left: Float[np.ndarray, "*sets intervals"]
    """Slope of the chord less slope of the interpolant at an interval's left end."""
    right: Float[np.ndarray, "*sets intervals"]
    """Slope of the interpolant at an interval's right end less slope of the chord."""


def weight(points: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    r"""Norm of a unit bend at a point, $\sqrt{1+x^2}$."""
    return np.sqrt(1 + points**2)


def chords(
    inputs: Float[np.ndarray, "*sets n"], targets: Float[np.ndarray, "*sets n"]
) -> Interpolant:
    """The linear spline: no knots but the inputs."""
    flat = np.zeros((*inputs.shape[:-1], inputs.shape[-1] - 1))
    return Interpolant(inputs, targets, flat, flat)


def interpolate(
    inputs: Float[np.ndarray, "*sets n"], targets: Float[np.ndarray, "*sets n"]
) -> Interpolant:
    """The interpolant of least weight norm of each data set, exact to rounding.

    Args:
        inputs: strictly increasing along the last axis, at least two.
        targets: values to fit.

    Raises:
        ValueError: inputs that do not increase, or of which the two outermost on a side are so far
            apart that a knot may lie between them.
    """
    lengths = np.diff(inputs)
    if not np.all(lengths > 0):
        raise ValueError("inputs must be strictly increasing along the last axis")
    outermost = np.stack([inputs[..., :2], inputs[..., -2:]])
    if inputs.shape[-1] > 2 and np.any(np.prod(outermost, axis=-1) <= -1):
        raise ValueError("1 + x_1 x_2 and 1 + x_{n-1} x_n must be above zero")
    # Chords outside the inputs are continued: the first and the last input do not bend.
    bends = np.zeros(inputs.shape)
    np.subtract(*_sides(np.diff(targets) / lengths), out=bends[..., 1:-1])
    before, after = bends[..., :-1], bends[..., 1:]
    in_run = before * after > 0
    # Right for pairs and at the ends of longer runs.
    left, right = in_run * before, in_run * after
    for first, count in _long_runs(in_run):
        inside = np.arange(count)[:, None] + first
        # Flat positions of points, and of intervals, of which there is one less per data set.
        shift = inside[:-1] // in_run.shape[-1]
        points = inside + shift[0]
        signs = np.sign(bends.ravel()[points[0]])
        x = inputs.ravel()[points]
        alpha, beta = _solve_runs(
            lengths.ravel()[inside[:-1]], np.abs(bends.ravel()[points]), 2 * x / (1 + x**2)
        )
        left.ravel()[inside[:-1]] = signs * alpha
        right.ravel()[inside[:-1]] = signs * beta
    return Interpolant(inputs, targets, left, right)


def _sides(values: Float[np.ndarray, "*sets n"]) -> tuple[np.ndarray, np.ndarray]:
    """What lies after and before each place between values."""
    return values[..., 1:], values[..., :-1]


def _long_runs(
    in_run: Bool[np.ndarray, "*sets intervals"],
) -> list[tuple[Int[np.ndarray, " runs"], int]]:
    """Runs of three or more points: first intervals, flat, and number of points, by number."""
    # The first and the last interval of a data set are in no run, so none goes on in the next.
    inside = in_run.ravel()
    starts = np.flatnonzero(inside[1:-1] & inside[2:] & ~inside[:-2]) + 1
    counts = np.full(starts.size, 3)
    growing = np.arange(starts.size)
    while growing.size:
        growing = growing[inside[starts[growing] + counts[growing] - 1]]
        counts[growing] += 1
    return [(starts[counts == count], int(count)) for count in np.unique(counts)]


def _solve_runs(
    lengths: Float[np.ndarray, "intervals runs"],
    bends: Float[np.ndarray, "points runs"],
    tilts: Float[np.ndarray, "points runs"],
) -> tuple[Float[np.ndarray, "intervals runs"], ...]:
    r"""Offsets $\alpha,\beta$ from the chords in convex runs of one length.

    Args:
        lengths: of the intervals between the run's points.
        bends: of the chords at the points, positive.
        tilts: $2x/(1+x^2)$ at the points.
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        # levels[i] holds the lines, intercept and slope, whose nested extremum is rho on interval
        # i as a function of beta; line j was born on interval j.
        intercepts, slopes = np.zeros((1, *lengths.shape[1:])), 1 / bends[:1]
        levels = [(intercepts, slopes)]
        for i in range(1, len(lengths)):
            ratio = lengths[i] / lengths[i - 1]
            # 1/rho on this interval if the interpolant follows its chord at the left end.
            inverse = ratio * (1 + intercepts + slopes * bends[i]) - 1 - tilts[i] * lengths[i]
            # Not positive: whatever follows, the knot is pushed to the interval's right end.
            pushed = inverse <= 0
            intercepts = np.where(pushed, np.inf, 1 / inverse)
            slopes = np.where(pushed | np.isinf(inverse), 0, ratio * slopes / inverse)
            intercepts = np.concatenate([intercepts, np.zeros_like(bends[:1])])
            slopes = np.concatenate([slopes, 1 / bends[i : i + 1]])
            levels.append((intercepts, slopes))

        left, right = np.empty_like(lengths), np.empty_like(lengths)
        beta = bends[-1]
        for i in range(len(lengths) - 1, 0, -1):
            lines = levels[i][0] + levels[i][1] * beta
            rho = lines[0]
            for j in range(1, i):
                rho = (np.maximum if (i - j) % 2 == 0 else np.minimum)(lines[j], rho)
            # The last line would do the same as this minimum, but not to the last digit.
            alpha = np.where(rho > 0, np.minimum(beta / rho, bends[i]), bends[i])
            left[i], right[i] = alpha, beta
            beta = bends[i] - alpha
    left[0], right[0] = bends[0], beta
    return left, right


def fractions(fit: Interpolant) -> Float[np.ndarray, "*sets intervals"]:
    """Where in its interval a knot sits, 0 to 1; 1/2 where there is none."""
    total = fit.left + fit.right
    return np.divide(fit.right, total, out=np.full(total.shape, 0.5), where=total != 0)


def knots(fit: Interpolant) -> Float[np.ndarray, "*sets intervals"]:
    """Position of the one knot in each interval; the middle where there is none."""
    return fit.inputs[..., :-1] + fractions(fit) * np.diff(fit.inputs)


def heights(fit: Interpolant) -> Float[np.ndarray, "*sets intervals"]:
    """Value at the knot less that of the chord: negative in convex runs, 0 without a knot."""
    return -fit.left * fractions(fit) * np.diff(fit.inputs)


def middles(fit: Interpolant) -> Float[np.ndarray, "*sets intervals"]:
    """Value at the knot of each interval."""
    low, high = fit.targets[..., :-1], fit.targets[..., 1:]
    return low + fractions(fit) * (high - low) + heights(fit)


def evaluate(
    fit: Interpolant, points: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """Values of one interpolant, continued along the first and last chord outside the inputs."""
    x, y = fit.inputs, fit.targets
    i = np.clip(np.searchsorted(x, points, side="right") - 1, 0, len(x) - 2)
    length = x[i + 1] - x[i]
    along = points - x[i]
    chord = y[i] + along * (y[i + 1] - y[i]) / length
    # Below the chord by the lesser of what the two end slopes give.
    signs = np.sign(fit.left[i] + fit.right[i])
    below = np.minimum(np.abs(fit.left[i]) * along, np.abs(fit.right[i]) * (length - along))
    return chord - signs * below


def weight_norm(fit: Interpolant) -> Float[np.ndarray, "*sets"]:
    r"""The norm $\int\sqrt{1+x^2}\,|f''|$ of each interpolant."""
    at_inputs = np.abs(_bends_at_inputs(fit)) * weight(fit.inputs[..., 1:-1])
    at_knots = np.abs(fit.left + fit.right) * weight(knots(fit))
    return np.asarray(np.sum(at_inputs, axis=-1) + np.sum(at_knots, axis=-1))


def _chord_bends(fit: Interpolant) -> Float[np.ndarray, "*sets inner"]:
    return np.diff(np.diff(fit.targets) / np.diff(fit.inputs))


def _bends_at_inputs(fit: Interpolant) -> Float[np.ndarray, "*sets inner"]:
    """Change of slope at all inputs but the first and the last."""
    return _chord_bends(fit) - fit.left[..., 1:] - fit.right[..., :-1]


def lower_bound(fit: Interpolant) -> float:
    r"""A number that the weight norm of no interpolant of the same data undercuts.

    $G$ is built from the knots: tangent to $\pm w$ at a knot inside an interval, equal to $\pm w$
    at a bend, 0 at both ends. For any interpolant $\int G f''\le\max_x|G|/w\cdot\int w|f''|$, and
    the left side is the same for all of them, a sum over the inputs. So this is a bound whatever
    `fit` is. It equals the norm of `fit`, to rounding, only if that is the least one; and then it
    does, unless three neighbouring points lie exactly on a line.

    Args:
        fit: one interpolant (no leading axes).
    """
    x = fit.inputs
    at = knots(fit)
    signs = np.sign(fit.left + fit.right)
    inside = (fit.left * signs > 0) & (fit.right * signs > 0)
    tangent_left = signs * (1 + at * x[:-1]) / weight(at)
    tangent_right = signs * (1 + at * x[1:]) / weight(at)
    bends = np.concatenate([[0.0], _chord_bends(fit), [0.0]])
    known = bends != 0
    known[[0, -1]] = True
    dual = np.sign(bends) * weight(x)
    dual[:-1] = np.where(inside, tangent_left, dual[:-1])
    dual[1:] = np.where(inside, tangent_right, dual[1:])
    dual[[0, -1]] = 0.0
    # Where chords do not bend, neither does G.
    dual = np.interp(x, x[known], dual[known])
    excess = np.concatenate([_peaks(x, dual)[1], np.abs(dual) / weight(x) - 1])
    return float(dual @ bends / (1 + np.max(excess)))


def piece_integrals(
    ends: Float[np.ndarray, "*sets n"],
    middles: Float[np.ndarray, "*sets intervals"],
    fractions: Float[np.ndarray, "*sets intervals"],
    *,
    power: float,
) -> Float[np.ndarray, "*sets intervals"]:
    r"""Means of $|g|^p$ over intervals on which $g$ is linear on both sides of one knot.

    Args:
        ends: values of $g$ at the inputs.
        middles: values at the knots.
        fractions: where in the interval a knot sits, 0 to 1.
        power: $p$, at least 1.
    """
    before = _mean_power(ends[..., :-1], middles, power)
    after = _mean_power(middles, ends[..., 1:], power)
    return fractions * before + (1 - fractions) * after


def _mean_power(
    start: Float[np.ndarray, "*shape"], end: Float[np.ndarray, "*shape"], power: float
) -> Float[np.ndarray, "*shape"]:
    """Mean of |linear|^p between two values."""
    if power in (2, 4):
        squares, product = start * start + end * end, start * end
        if power == 2:
            return (squares + product) / 3
        return (squares * (squares + product) - product * product) / 5
    low, high = np.abs(start), np.abs(end)
    crossing = np.signbit(start) != np.signbit(end)
    if power == 1:
        total = low + high
        squares = np.divide(low**2 + high**2, total, out=np.zeros_like(total), where=total > 0)
        return np.where(crossing, squares, total) / 2
    # The antiderivative cancels where the ends are close; there its Taylor polynomial is exact.
    middle, half = (low + high) / 2, (high - low) / 2
    near = ~crossing & (np.abs(half) <= 1e-3 * middle)
    relative = np.divide(half, middle, out=np.zeros_like(half), where=near & (middle > 0))
    flat = _raised(middle, power) * (1 + power * (power - 1) / 6 * relative**2)
    change = np.where(crossing, low + high, high - low)
    rise = _raised(high, power + 1) - np.where(crossing, -1.0, 1.0) * _raised(low, power + 1)
    steep = np.divide(rise, (power + 1) * change, out=np.zeros_like(rise), where=~near)
    return np.where(near, flat, steep)


def _raised(size: Float[np.ndarray, "*shape"], power: float) -> Float[np.ndarray, "*shape"]:
    """Power of a size; a half-integer one by a root, which is many times faster."""
    if power % 1 == 0.5:
        return size ** int(power) * np.sqrt(size)
    return size**power


class Program(NamedTuple):
    """A minimiser found by linear programming."""

    norm: float
    knots: Float[np.ndarray, " knots"]
    masses: Float[np.ndarray, " knots"]
    """Change of slope at a knot."""
    values: Float[np.ndarray, " knots"]
    """Value at a knot."""


SHARPEN = 1e4
"""Costs are multiplied by this, as the solver's tolerances (1e-10 at the least) are absolute."""


def linear_program(
    inputs: Float[np.ndarray, " n"],
    targets: Float[np.ndarray, " n"],
    *,
    penalise_biases: bool = True,
    tolerance: float = 1e-12,
) -> Program:
    r"""The least weight norm by linear programming, knowing nothing of runs: slow, for checks.

    Columns are knots, rows say that the bend of the chords at input $i$ is the mean of $f''$ under
    the hat function at $x_i$. The first program has knots at the inputs; each further one adds the
    place in each interval where the dual solution $G$ exceeds its bound most, until it does so
    nowhere by more than `tolerance`.

    Args:
        inputs: increasing, at least three.
        targets: values to fit.
        penalise_biases: whether biases count in the norm; if not, a bend costs 1 everywhere.
        tolerance: relative excess of $G$ at which to stop: that of the norm over the least one.
    """
    cost = weight if penalise_biases else np.ones_like
    bends = np.diff(np.diff(targets) / np.diff(inputs))
    scale = np.max(np.abs(bends))
    peaks = np.eye(len(inputs))[1:-1]
    at = inputs[1:-1]
    while True:
        hats = np.stack([np.interp(at, inputs, peak) for peak in peaks])
        solution = optimize.linprog(
            SHARPEN * np.tile(cost(at), 2),
            A_eq=np.hstack([hats, -hats]),
            b_eq=bends / scale,
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        dual = np.concatenate([[0.0], solution.eqlin.marginals / SHARPEN, [0.0]])
        # Without biases the bound is constant and a straight piece exceeds it at an end or nowhere.
        peak, excess = _peaks(inputs, dual) if penalise_biases else (inputs[:0], inputs[:0])
        new = np.setdiff1d(peak[excess > tolerance], at)
        if not new.size:
            masses = scale * (solution.x[: at.size] - solution.x[at.size :])
            norm = float(scale * solution.fun / SHARPEN)
            at, masses = _merge(at, masses, 3 * np.sqrt(8 * tolerance))
            return Program(norm, at, masses, _integrate(inputs, targets, at, masses))
        at = np.union1d(at, new)


def _merge(
    knots: Float[np.ndarray, " columns"], masses: Float[np.ndarray, " columns"], radius: float
) -> tuple[Float[np.ndarray, " knots"], Float[np.ndarray, " knots"]]:
    """Join knots nearer than `radius` at their centre of mass; drop those without mass.

    A knot away from the inputs is closed in on from both sides; columns around it are told apart
    by the tolerance e of a program only down to sqrt(8 e).
    """
    used = masses != 0
    knots, masses = knots[used], masses[used]
    starts = np.flatnonzero(np.diff(knots, prepend=-np.inf) > radius)
    sizes = np.add.reduceat(np.abs(masses), starts)
    centres = np.add.reduceat(np.abs(masses) * knots, starts) / sizes
    return centres, np.add.reduceat(masses, starts)


def _integrate(
    inputs: Float[np.ndarray, " n"],
    targets: Float[np.ndarray, " n"],
    knots: Float[np.ndarray, " knots"],
    masses: Float[np.ndarray, " knots"],
) -> Float[np.ndarray, " knots"]:
    """Values at knots of the function with these bends through the first and the last target."""
    bent = np.maximum(np.append(knots, inputs[-1])[:, None] - knots, 0) @ masses
    along = (np.append(knots, inputs[-1]) - inputs[0]) / (inputs[-1] - inputs[0])
    rise = targets[-1] - targets[0] - bent[-1]
    return (targets[0] + rise * along + bent)[:-1]


def _peaks(
    inputs: Float[np.ndarray, " n"], dual: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " intervals"], Float[np.ndarray, " intervals"]]:
    """Where in each interval a piecewise linear G is largest relative to its bound; G/w - 1."""
    slope = np.diff(dual) / np.diff(inputs)
    level = dual[:-1] - slope * inputs[:-1]
    # |level + slope x| / sqrt(1 + x^2) peaks at slope / level or at an end of the interval.
    peak = np.divide(slope, level, out=inputs[:-1].copy(), where=level != 0)
    peak = np.clip(peak, inputs[:-1], inputs[1:])
    between = dual[:-1] + (peak - inputs[:-1]) * slope
    return peak, np.abs(between) / weight(peak) - 1
