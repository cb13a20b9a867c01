r"""The Gibbs measure that noisy training of a wide ReLU network reaches, and its limit of no noise.

Setting (Shevchenko, Kungurtsev, Mondelli, JMLR 2022): $M$ data $(x_i,y_i)$ on the line, a network
$f_\rho(x)=\int a(wx+b)_+\,d\rho(a,w,b)$, and noisy gradient descent, which in the limit of many
neurons and small steps minimises the free energy

$$\frac1{2M}\sum_i(f_\rho(x_i)-y_i)^2+\frac\lambda2\int|\theta|^2d\rho
  -\frac1\beta\,\mathrm{entropy}(\rho),\qquad\theta=(a,w,b).$$

The minimiser is $\rho\propto\exp(-\beta[\sum_iR_i\,a(wx_i+b)_++\tfrac\lambda2|\theta|^2])$ with the
residuals $R_i=(f_\rho(x_i)-y_i)/M$. The paper truncates $a$ and smooths the ReLU for its proofs;
here neither is done, and nothing diverges, since the residuals keep $|g|<\lambda$ below. Everything
that follows is derived here.

**One dimension is enough.** With $(w,b)=s(\cos p,\sin p)$ the exponent is
$\beta[a\,s\,g(p)+\tfrac\lambda2(a^2+s^2)]$, $g(p)=\sum_iR_i(\cos p\,x_i+\sin p)_+$: Gaussian in
$(a,s)$ with determinant $\lambda^2-g^2$. Integrated out, with $Z=\int dp/(\lambda^2-g^2)$:

- directions have the density $1/(Z(\lambda^2-g^2))$;
- $E[s^2|p]=\frac{2\lambda}{\beta(\lambda^2-g^2)}$ and
  $E[a^2|p]=\frac1{\beta\lambda}+\frac{g^2}{\lambda^2}E[s^2|p]$;
- $f(x)=\int(\cos p\,x+\sin p)_+\,c(p)\,dp$ with the *mass* $c=-\frac{2}{\beta Z}\,
  \frac{g}{(\lambda^2-g^2)^2}$, and $f''(x)=(1+x^2)^{-3/2}$ times the sum of $c$ over the two
  directions with their knot at $x$.

Self-consistency $f(x_i)-y_i=MR_i$ says that $R$ maximises the strictly concave
$-\tfrac M2|R|^2-R\cdot y-\tfrac1\beta\log Z(R)$: a problem in $M$ numbers, with a barrier that
keeps $|g|<\lambda$.

**No noise.** As $\beta\to\infty$ the barrier becomes the constraint $|g|\le\lambda$, the dual of
$\frac1{2M}\sum(f-y)^2+\lambda\int|c|$; mass is left only where $|g|=\lambda$. The directions whose
knot is an input cut the circle into arcs on which $g$ is *one sinusoid*. So between neighbouring
inputs neurons that face right touch $\pm\lambda$ at one place inside, the peak, or at the ends, and
not at both; likewise those that face left. Hence at most 1 + 1 = 2 knots in the open interval
(`MOST_KNOTS_INSIDE`) and, as contacts at ends share their places, at most 1 + 2 = 3 in the closed
one (`MOST_KNOTS`), as the paper has it.

**Little noise.** Around a peak $\lambda^2-g^2=e\cos^2\varphi+\lambda^2\sin^2\varphi$ exactly, which
contributes $\pi/(\lambda\sqrt e)$ to $Z$ and the mass $c=\pi/(\beta Ze^{3/2})$; at large $\beta$
peaks make up all of $Z$, so that with masses $c_k$ of the limit

$$e_k=\frac{\lambda}{\beta\,|c_k|^{2/3}\sum_j|c_j|^{1/3}},\qquad
  Z=\frac\pi\lambda\sum_ke_k^{-1/2}\propto\beta^{1/2}.$$

A knot's curvature thus has the profile $(1+t^2)^{-2}$, $t=\lambda\varphi/\sqrt e$, of width
$\beta^{-1/2}$. At an input $\lambda^2-g^2$ grows linearly and $c\sim1/(\beta Ze)$, so that the
width is $e\sim1/(\beta Z)\sim\beta^{-3/2}$; and away from all knots mass is left in proportion to
$1/(\beta Z)\sim\beta^{-3/2}$.

**Two points.** If $y_1y_2<0$ and $x_1x_2<-1$, the limit for $\lambda\to0$ has a neuron facing right
for the right point and one facing left for the left point, each pointing straight at its own,
$(w,b)\propto(x_i,1)$: its knot is at $-1/x_i$, away from the data.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import optimize

MOST_KNOTS = 3
"""Largest number of knots in a closed interval between neighbouring inputs."""
MOST_KNOTS_INSIDE = 2
"""Largest number of knots in the open interval."""
KNOT_WIDTH_EXPONENT = -0.5
r"""Power of $\beta$ by which a knot away from the inputs narrows."""
KINK_WIDTH_EXPONENT = -1.5
r"""Power of $\beta$ by which a knot at an input narrows, if there is one elsewhere too."""
STRAY_MASS_EXPONENT = -1.5
r"""Power of $\beta$ by which mass away from all knots vanishes."""

NODES = 240
r"""Quadrature nodes of a panel: enough for $10^{-9}$ at $\beta=10^8$, a quarter as many at 10."""

Values = Float[np.ndarray, "..."]


class Gibbs(NamedTuple):
    """The Gibbs measure at its fixed point, and quadrature nodes that resolve it."""

    inverse_temperature: float
    r"""$\beta$."""
    residual: Float[np.ndarray, " n"]
    r"""$R$."""
    outputs: Float[np.ndarray, " n"]
    """$f$ at the inputs, integrated; at the fixed point it is $y+MR$."""
    covariance: Float[np.ndarray, "n n"]
    """Covariance of a neuron's outputs $a(wx_i+b)_+$ at the inputs."""
    second_moments: Float[np.ndarray, "3"]
    """Mean squares of $a$, $w$, $b$."""
    angles: Float[np.ndarray, " nodes"]
    """Directions $p$, increasing through one turn."""
    chances: Float[np.ndarray, " nodes"]
    """Probability of each."""
    masses: Float[np.ndarray, " nodes"]
    r"""Signed mass $c\,dp$ of each."""


class Limit(NamedTuple):
    """The network without noise: finitely many neurons."""

    residual: Float[np.ndarray, " n"]
    angles: Float[np.ndarray, " neurons"]
    """Directions, increasing from $-\tfrac\\pi2$."""
    masses: Float[np.ndarray, " neurons"]
    peaked: Bool[np.ndarray, " neurons"]
    """Whether the field peaks there, and the knot is no input."""


def features(
    angles: Float[np.ndarray, " neurons"], points: Float[np.ndarray, " points"]
) -> Float[np.ndarray, "points neurons"]:
    r"""Outputs $(\cos p\,x+\sin p)_+$ of unit neurons."""
    return np.maximum(np.cos(angles) * points[:, None] + np.sin(angles), 0)


def outputs(
    angles: Float[np.ndarray, " neurons"],
    masses: Float[np.ndarray, " neurons"],
    points: Float[np.ndarray, " points"],
) -> Float[np.ndarray, " points"]:
    """$f$ at points, for neurons with these directions and masses."""
    return features(angles, points) @ masses


def knots(angles: Values) -> Values:
    r"""Knots $x=-\tan p$ of neurons."""
    return -np.tan(angles)


class Arcs(NamedTuple):
    """The circle of directions, cut where the knot is an input; the field is a sinusoid on each."""

    starts: Float[np.ndarray, " arcs"]
    ends: Float[np.ndarray, " arcs"]
    peaks: Float[np.ndarray, " arcs"]
    """Where the sinusoid peaks, up or down; in the arc if before its end."""
    heights: Float[np.ndarray, " arcs"]
    """How high."""


def arcs(inputs: Float[np.ndarray, " n"], residual: Float[np.ndarray, " n"]) -> Arcs:
    """Cut the circle; with residuals as weights of the field. Inputs may come in any order."""
    order = np.argsort(inputs)
    x, weights = inputs[order], residual[order]
    places = np.arctan(x)[::-1]
    starts = np.concatenate([-places, np.pi - places])
    ends = np.append(starts[1:], starts[0] + 2 * np.pi)
    vectors = np.stack([weights * x, weights], axis=1)
    # Active inputs: the last, the last two, ..., all, all but the last, ..., the first, none.
    gathering = np.cumsum(vectors[::-1], axis=0)
    leaving = np.cumsum(vectors, axis=0)[-2::-1] if len(x) > 1 else vectors[:0]
    first, second = np.concatenate([gathering, leaving, np.zeros((1, 2))]).T
    peaks = starts + np.mod(np.arctan2(second, first) - starts, np.pi)
    return Arcs(starts, ends, peaks, np.hypot(first, second))


def largest_field(inputs: Float[np.ndarray, " n"], residual: Float[np.ndarray, " n"]) -> float:
    r"""$\max_p|g(p)|$, exactly."""
    cut = arcs(inputs, residual)
    at_ends = np.abs(residual @ features(cut.starts, inputs))
    inside = np.where(cut.peaks < cut.ends, cut.heights, 0)
    return float(max(at_ends.max(), inside.max()))


def directions(
    inputs: Float[np.ndarray, " n"],
    residual: Float[np.ndarray, " n"],
    nodes: int,
    splits: Float[np.ndarray, " splits"],
) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    r"""Quadrature on the circle that resolves contacts of any sharpness.

    Between arc ends, peaks of the field and `splits`, the tanh-sinh rule (Takahasi, Mori 1974):
    its nodes crowd towards both ends of a panel doubly exponentially, where the integrands bend.

    Returns:
        Angles and weights.
    """
    cut = arcs(inputs, residual)
    first = cut.starts[0]
    inner = np.concatenate([cut.peaks[cut.peaks < cut.ends], splits])
    ends = np.sort(np.concatenate([cut.starts, first + np.mod(inner - first, 2 * np.pi)]))
    lengths = np.diff(ends, append=first + 2 * np.pi)
    t, step = np.linspace(-3.6, 3.6, nodes, retstep=True)
    place = 1 / (1 + np.exp(-np.pi * np.sinh(t)))
    weight = step * np.pi * np.cosh(t) * place * place[::-1]
    # Counted from the nearer end, so that small distances keep their digits.
    from_start = place < 0.5
    near = np.where(from_start, place, -place[::-1])
    base = np.where(from_start, ends[:, None], (ends + lengths)[:, None])
    return (base + lengths[:, None] * near).ravel(), (lengths[:, None] * weight).ravel()


def gibbs(
    inputs: Float[np.ndarray, " n"],
    targets: Float[np.ndarray, " n"],
    decay: float,
    inverse_temperature: float,
    *,
    start: Gibbs | None = None,
    splits: Float[np.ndarray, " splits"] | None = None,
    nodes: int = NODES,
) -> Gibbs:
    r"""The Gibbs measure at its fixed point, by Newton's method in $R$ along falling temperatures.

    Args:
        inputs: $x$, different from each other, in any order.
        targets: $y$.
        decay: $\lambda$.
        inverse_temperature: $\beta$; rounding leaves an error of about
            $\epsilon\,\pi\beta^{3/2}\lambda^{1/2}$ in the outputs.
        start: a measure of similar data at no lower temperature to start from.
        splits: directions at which quadrature panels end as well, so that integrals up to them
            (outputs at $x=-\tan p$, masses of sectors) are as exact as all others.
        nodes: quadrature nodes between two of the ends.

    Raises:
        ValueError: residuals to start from for which there is no measure.
        ArithmeticError: the fixed point was not reached.
    """
    residual = np.zeros(len(inputs)) if start is None else start.residual
    if largest_field(inputs, residual) >= decay:
        raise ValueError("the field to start from must be below the decay")
    warmest = 1 / decay if start is None else start.inverse_temperature
    rungs = max(1, math.ceil(math.log10(max(inverse_temperature / warmest, 1))))
    for beta in inverse_temperature * 10.0 ** np.arange(1 - rungs, 1):
        residual = _newton(inputs, targets, decay, beta, residual)
    splits = np.zeros(0) if splits is None else splits
    measure = gibbs_of_residual(
        inputs, residual, decay, inverse_temperature, splits=splits, nodes=nodes
    )
    error = np.max(np.abs(measure.outputs - targets - len(inputs) * residual))
    # At an input the gap is e ~ 1 / (beta Z), and rounding of g^2 changes it by eps lambda^2.
    rounding = np.finfo(float).eps * math.pi * inverse_temperature**1.5 * decay**0.5
    if not error < 1e-9 + rounding:
        raise ArithmeticError(f"fixed point missed by {error:.1e} at beta = {inverse_temperature}")
    return measure


def gibbs_of_residual(
    inputs: Float[np.ndarray, " n"],
    residual: Float[np.ndarray, " n"],
    decay: float,
    inverse_temperature: float,
    *,
    splits: Float[np.ndarray, " splits"],
    nodes: int = NODES,
) -> Gibbs:
    """The Gibbs measure of given residuals, self-consistent or not; arguments as in `gibbs`."""
    angles, weights = directions(inputs, residual, nodes, splits)
    h = features(angles, inputs)
    g = residual @ h
    inverse = 1 / ((decay - g) * (decay + g))
    chances = weights * inverse
    chances /= chances.sum()
    beta = inverse_temperature
    squared_length = 2 * decay * inverse / beta
    mean_square = chances @ (squared_length * np.stack([np.cos(angles), np.sin(angles)]) ** 2).T
    squared_output_weight = 1 / (beta * decay) + chances @ (g**2 * squared_length) / decay**2
    masses = -2 * chances * g * inverse / beta
    value = h @ masses
    second = (h * (chances * (2 * inverse + 8 * (g * inverse) ** 2))) @ h.T / beta**2
    return Gibbs(
        inverse_temperature,
        residual,
        value,
        second - np.outer(value, value),
        np.concatenate([[squared_output_weight], mean_square]),
        angles,
        chances,
        masses,
    )


def _newton(
    inputs: np.ndarray, targets: np.ndarray, decay: float, beta: float, residual: np.ndarray
) -> np.ndarray:
    r"""Maximise the dual at one temperature from residuals with $|g|<\lambda$."""
    count = len(inputs)

    def dual(residual: np.ndarray) -> float:
        angles, weights = directions(inputs, residual, NODES, np.zeros(0))
        g = residual @ features(angles, inputs)
        partition = weights @ (1 / ((decay - g) * (decay + g)))
        return -residual @ (count * residual / 2 + targets) - math.log(partition) / beta

    value = dual(residual)
    for _ in range(200):
        now = gibbs_of_residual(inputs, residual, decay, beta, splits=np.zeros(0))
        slope = now.outputs - targets - count * residual
        step = np.linalg.solve(count * np.eye(count) + beta * now.covariance, slope)
        rise, size = slope @ step, 1.0
        while largest_field(inputs, residual + size * step) >= decay:
            size /= 2
        new = dual(residual + size * step)
        # Where a rise is below rounding, Newton's steps are small and need no search.
        while rise > 1e-13 * abs(value) and new < value + 0.1 * size * rise:
            size /= 2
            new = dual(residual + size * step)
        residual, value = residual + size * step, new
        if np.max(np.abs(step)) < 1e-14 * np.max(np.abs(residual)) or beta * rise < 1e-20:
            break
    return residual


class Shift(NamedTuple):
    r"""What $N$ neurons change, times $N$."""

    outputs: Float[np.ndarray, " n"]
    """Of the mean outputs at the inputs."""
    second_moments: Float[np.ndarray, "2"]
    """Of the mean squares of $a$ and of $(w,b)$."""


def finite_width_shift(
    inputs: Float[np.ndarray, " n"],
    targets: Float[np.ndarray, " n"],
    decay: float,
    inverse_temperature: float,
) -> Shift:
    r"""First correction to the mean field for a network of $N$ neurons.

    Its Gibbs measure has the weight $\exp(-\beta N[\frac1{2M}|f-y|^2+\frac\lambda2
    \overline{|\theta|^2}])$. A Gaussian integral over $M$ fields decouples the neurons, and the
    saddle point gives $-\tfrac1N\log Z_N=G+\tfrac1{2N}\log\det(I+\tfrac\beta M\Sigma)+O(N^{-2})$
    with the covariance $\Sigma$ of a neuron's outputs. Derivatives by $y$ and $\lambda$ are the
    mean outputs and $\tfrac\beta2$ of the mean $|\theta|^2$; here they are central differences.
    Integration by parts, $\lambda(E s^2-Ea^2)=\tfrac1\beta$ at every $N$, shares the latter out.
    """
    count, beta = len(inputs), inverse_temperature
    middle = gibbs(inputs, targets, decay, beta)

    def log_determinant(targets: np.ndarray, shifted: float) -> float:
        # Scaled with the bound, the residuals stay within it.
        start = middle._replace(residual=middle.residual * (shifted / decay))
        covariance = gibbs(inputs, targets, shifted, beta, start=start).covariance
        return np.linalg.slogdet(np.eye(count) + beta / count * covariance)[1]

    step = 1e-4 * np.max(np.abs(targets))
    by_target = [
        (log_determinant(targets + e, decay) - log_determinant(targets - e, decay)) / (2 * step)
        for e in step * np.eye(count)
    ]
    step = 1e-4 * decay
    by_decay = log_determinant(targets, decay + step) - log_determinant(targets, decay - step)
    size = by_decay / (2 * step) / beta
    return Shift(-count / (2 * beta) * np.array(by_target), np.full(2, size / 2))


def mass_by_sector(measure: Gibbs, edges: Float[np.ndarray, " edges"]) -> Float[np.ndarray, "..."]:
    """Signed mass between neighbouring directions, which should be among the measure's splits.

    Args:
        measure: the Gibbs measure.
        edges: increasing through one turn at most.
    """
    angles = edges[0] + np.mod(measure.angles - edges[0], 2 * np.pi)
    return np.histogram(angles, edges, weights=measure.masses)[0]


def curvature(
    inputs: Float[np.ndarray, " n"],
    residual: Float[np.ndarray, " n"],
    decay: float,
    inverse_temperature: float,
    points: Float[np.ndarray, " points"],
) -> Float[np.ndarray, " points"]:
    """$f''$ of the Gibbs measure with these residuals, at points that are no inputs."""
    measure_angles, weights = directions(inputs, residual, NODES, np.zeros(0))
    g = residual @ features(measure_angles, inputs)
    partition = weights @ (1 / (decay**2 - g**2))
    right = -np.arctan(points)
    density = np.zeros(len(points))
    for facing in (right, right + np.pi):
        g = residual @ features(facing, inputs)
        density -= 2 / (inverse_temperature * partition) * g / (decay**2 - g**2) ** 2
    return density * (1 + points**2) ** -1.5


def fixed_directions(
    inputs: Float[np.ndarray, " n"], targets: Float[np.ndarray, " n"], decay: float, nodes: int
) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    r"""The network whose directions do not learn: uniform, of unit length, with $a$ trained.

    Then $E[a|p]=-g(p)/\lambda$ at any temperature, a linear problem: $(MI+K/\lambda)R=-y$ with the
    kernel $K$ of uniform directions.

    Returns:
        Angles and masses.
    """
    angles, weights = directions(inputs, np.zeros(len(inputs)), nodes, np.zeros(0))
    h = features(angles, inputs)
    chances = weights / (2 * np.pi)
    kernel = (h * chances) @ h.T
    residual = np.linalg.solve(len(inputs) * np.eye(len(inputs)) + kernel / decay, -targets)
    return angles, -(residual @ h) * chances / decay


def zero_noise_limit(
    inputs: Float[np.ndarray, " n"],
    targets: Float[np.ndarray, " n"],
    decay: float,
) -> Limit:
    r"""The network for $\beta\to\infty$ at fixed $\lambda$, exact to rounding.

    With $u=R/\lambda$ the dual is the projection of $-y/(M\lambda)$ onto
    $\{|g_u|\le1\}$, a least-distance problem in finitely many directions (Lawson, Hanson 1974,
    chapter 23: one non-negative least squares), to which the peaks that violate the bound are
    added until rounding stops it. Newton's method on the optimality conditions, with the
    directions of peaks as unknowns, then removes what error is left.

    Raises:
        ArithmeticError: the conditions do not hold in the end; the data are nearly degenerate.
    """
    count = len(inputs)
    scaled, candidates = _project(inputs, targets / (count * decay))
    angles, masses, peaked = candidates
    masses = count * decay * masses
    for _ in range(8):
        # Peaks move with u.
        angles = np.where(peaked, _peak_of(inputs, scaled, angles), angles)
        field = np.sign(-masses)
        h = features(angles, inputs)
        unbalanced = count * decay * scaled + targets - h @ masses
        loose = field * (scaled @ h) - 1
        error = np.max(np.abs(np.concatenate([unbalanced, loose])))
        if error < 1e-13:
            break
        tangent = np.where(h > 0, np.cos(angles) - np.sin(angles) * inputs[:, None], 0) * peaked
        stiffness = count * decay * np.eye(count) + (tangent * np.abs(masses)) @ tangent.T
        nothing = np.zeros((len(angles), len(angles)))
        system = np.block([[stiffness, -h], [(h * field).T, nothing]])
        change = np.linalg.lstsq(system, -np.concatenate([unbalanced, loose]), rcond=None)[0]
        scaled, masses = scaled + change[:count], masses + change[count:]
    if not (error < 1e-10 and largest_field(inputs, scaled) < 1 + 1e-10):
        raise ArithmeticError("no limit with these contacts: the data are nearly degenerate")
    order = np.argsort(angles)
    return Limit(decay * scaled, angles[order], masses[order], peaked[order])


def _project(
    inputs: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    r"""Nearest $u$ to `-target` with $|g_u|\le1$, and the contacts: angles, masses, peaked."""
    kinks = arcs(inputs, target).starts
    angles, peaked = kinks, np.zeros(len(kinks), bool)
    goal = np.append(np.zeros(len(inputs)), 1)
    violation = math.inf
    while True:
        h = features(angles, inputs)
        bounded = np.concatenate([-h, h], axis=1)
        system = np.vstack([bounded, bounded.T @ target - 1])
        multipliers = optimize.nnls(system, goal)[0]
        rest = system @ multipliers - goal
        u = -rest[:-1] / rest[-1] - target
        cut = arcs(inputs, u)
        violated = (cut.peaks < cut.ends) & (cut.heights > 1 + 1e-12)
        before, violation = violation, float(np.max(cut.heights[violated] - 1, initial=0))
        # When it falls no longer, rounding is reached: the earlier, the smaller lambda is.
        if violation == 0 or violation > before / 1.5:
            break
        angles = np.concatenate([angles, cut.peaks[violated]])
        peaked = np.concatenate([peaked, np.ones(int(np.sum(violated)), bool)])
    upper, lower = multipliers.reshape(2, -1) / -rest[-1]
    # Two directions on either side of a peak that exceeds the bound by this are as far apart.
    radius = 1e-5 + 2 * math.sqrt(8 * violation)
    return u, _gathered(angles, lower - upper, peaked, radius)


def _gathered(
    angles: np.ndarray, masses: np.ndarray, peaked: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drop directions without mass; those on either side of a peak, of one sign, become one."""
    present = np.abs(masses) > 1e-9 * np.max(np.abs(masses))
    angles = np.mod(angles[present] + np.pi / 2, 2 * np.pi) - np.pi / 2
    masses, peaked = masses[present], peaked[present]
    order = np.lexsort([angles, masses > 0])
    angles, masses, peaked = angles[order], masses[order], peaked[order]
    one = (masses[1:] * masses[:-1] > 0) & (np.diff(angles) < radius)
    one &= peaked[1:] | peaked[:-1]
    group = np.cumsum(np.append(0, ~one)[: len(angles)])
    total = np.bincount(group, masses)
    # If one of them is an input, the peak is near it but elsewhere: else it would be alone.
    any_peaked = np.bincount(group, peaked) > 0
    return np.bincount(group, masses * angles) / total, total, any_peaked


def _peak_of(inputs: np.ndarray, weights: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """The peak of the sinusoid on whose arc each angle lies, within a turn from -pi/2."""
    cut = arcs(inputs, weights)
    turned = cut.starts[0] + np.mod(angles - cut.starts[0], 2 * np.pi)
    peaks = cut.peaks[np.searchsorted(cut.starts, turned, side="right") - 1]
    return np.mod(peaks + np.pi / 2, 2 * np.pi) - np.pi / 2


class Clusters(NamedTuple):
    r"""What little noise makes of the neurons of the limit."""

    gaps: Float[np.ndarray, " neurons"]
    r"""$e=\lambda^2-g^2$ at the peaks; zero, to leading order, at inputs."""
    partition: float
    """$Z$."""


def clusters(limit: Limit, decay: float, inverse_temperature: float) -> Clusters:
    r"""Gaps and partition function to leading order in $1/(\beta\lambda)$, see the module.

    Raises:
        ValueError: a limit without a knot away from the inputs.
    """
    if not np.any(limit.peaked):
        raise ValueError("the limit has no knot away from the inputs")
    cube_roots = limit.peaked * np.cbrt(np.abs(limit.masses))
    with np.errstate(divide="ignore"):
        gaps = np.where(
            limit.peaked,
            decay / (inverse_temperature * cube_roots**2 * np.sum(cube_roots)),
            0,
        )
    return Clusters(gaps, float(np.pi / decay * np.sum(gaps[limit.peaked] ** -0.5)))


QUARTILE = optimize.brentq(lambda t: math.atan(t) + t / (1 + t**2) - math.pi / 4, 0, 1, xtol=1e-15)
r"""Quartile of the profile $(1+t^2)^{-2}$: $\arctan t+\frac t{1+t^2}=\frac\pi4$."""


def knot_widths(
    limit: Limit, decay: float, inverse_temperature: float
) -> Float[np.ndarray, " neurons"]:
    r"""Interquartile range in $x$ of the curvature around each knot away from the inputs.

    $2t_q\frac{\sqrt e}\lambda(1+x^2)$; zero for knots at inputs, which are narrower by far.
    """
    gaps = clusters(limit, decay, inverse_temperature).gaps
    return 2 * QUARTILE * np.sqrt(gaps) / decay / np.cos(limit.angles) ** 2


def edges_around(limit: Limit, distance: float) -> Float[np.ndarray, " edges"]:
    r"""Directions whose knot is just `distance`, in $\arctan x$, from one of the limit."""
    near = np.arctan(knots(limit.angles))
    edges = -np.concatenate([near - distance, near + distance])
    return np.concatenate([edges, edges + np.pi])


def _away(
    limit: Limit, inputs: np.ndarray, distance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions whose knot is farther than `distance` from all of the limit, weights, fields."""
    splits = edges_around(limit, distance)
    angles, weights = directions(inputs, limit.residual, NODES, splits)
    far = far_from(limit, angles, distance)
    return angles[far], weights[far], limit.residual @ features(angles[far], inputs)


def far_from(
    limit: Limit, angles: Float[np.ndarray, " nodes"], distance: float
) -> Bool[np.ndarray, " nodes"]:
    r"""Whether knots are farther than `distance`, in $\arctan x$, from those of the limit."""
    apart = np.arctan(knots(angles))[..., None] - np.arctan(knots(limit.angles))
    return np.all(np.abs(np.mod(apart + np.pi / 2, np.pi) - np.pi / 2) > distance, axis=-1)


def stray_share(
    limit: Limit,
    inputs: Float[np.ndarray, " n"],
    decay: float,
    inverse_temperature: float,
    distance: float,
) -> float:
    r"""Share of $\int|c|$ farther than `distance` from all knots of the limit, to leading order.

    There the field is that of the limit:
    $\frac2{\beta Z}\int\frac{|g|}{(\lambda^2-g^2)^2}dp$ over the total mass of the limit.
    """
    _, weights, g = _away(limit, inputs, distance)
    partition = clusters(limit, decay, inverse_temperature).partition
    mass = 2 / (inverse_temperature * partition) * (weights @ (np.abs(g) / (decay**2 - g**2) ** 2))
    return float(mass / np.sum(np.abs(limit.masses)))


def next_order(
    limit: Limit,
    inputs: Float[np.ndarray, " n"],
    decay: float,
    inverse_temperature: float,
    distance: float,
) -> float:
    r"""Size of what `clusters` leaves out, relative to what it keeps; like $(\beta\lambda)^{-1/2}$.

    It is the share of $Z$ away from all knots.
    """
    _, weights, g = _away(limit, inputs, distance)
    partition = clusters(limit, decay, inverse_temperature).partition
    return float(weights @ (1 / (decay**2 - g**2)) / partition)


def two_point_knots(inputs: Float[np.ndarray, "*sets 2"]) -> Float[np.ndarray, "*sets 2"]:
    r"""Knots of the least-norm interpolant of two points on either side, $x_1x_2<-1$, $y_1y_2<0$.

    In increasing order: $-1/x_2$, facing right, and $-1/x_1$, facing left.

    A unit neuron has at most the output $\sqrt{1+x_i^2}$ at $x_i$, if $(w,b)\propto(x_i,1)$;
    so the norm is at least $\sum|y_i|/\sqrt{1+x_i^2}$ for neurons that serve one point each, and
    none serves both, as they ask for opposite signs. Since $x_1x_2<-1$, either is inactive at the
    other's point, and the bound is reached.
    """
    return -1 / inputs[..., ::-1]
