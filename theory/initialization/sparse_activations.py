r"""How large signals stay in deep networks whose activations are mostly zero.

Setting (Price, Daultry Ball, Lam, Jones, Tanner, ICLR 2024): fully connected layers of width $N$,
weights $N(0,\sigma_w^2/N)$, biases $N(0,\sigma_b^2)$, and an activation that is zero below a
threshold $\tau$: on one side, $\max(x-\tau,0)$ (shifted ReLU), or on both,
$\mathrm{sign}(x)\max(|x|-\tau,0)$ (soft thresholding), clipped at the magnitude $m$ or not
($m=\infty$). With $k=1,2$ sides, a sparsity $s=\mathrm P(\phi(z)=0)$ means $\tau=Q^{-1}((1-s)/k)$,
where $p$ is the standard normal density and $Q$ its upper tail. Everything below is derived here.

**One input, any width.** Given a layer, the pre-activations of the next one are independent
$N(0,q')$ with $q'=\sigma_w^2\,\mathrm{mean}_i\,\phi(h_i)^2+\sigma_b^2$. So the variance $q$ is a
Markov chain, with mean $V(q)=\sigma_w^2\,\mathrm E\,\phi(\sqrt qz)^2+\sigma_b^2$ (the *variance
map*) and noise of variance $D(q)/N$, $D=\sigma_w^4\,\mathrm{Var}\,\phi(\sqrt qz)^2$.

**Moments.** With $a=\tau/\sqrt q$, $b=(\tau+m)/\sqrt q$ and $J_j=\int_a^bz^jp(z)\,dz$, that is
$J_0=Q(a)-Q(b)$, $J_1=p(a)-p(b)$, $J_j=(j-1)J_{j-2}+a^{j-1}p(a)-b^{j-1}p(b)$,

$$\mathrm E|\phi|^n=k\Big[\sum_j\binom njq^{j/2}(-\tau)^{n-j}J_j+m^nQ(b)\Big],\qquad
  \chi=\sigma_w^2\,\mathrm E\,\phi'^2=\sigma_w^2kJ_0.$$

**Derivatives.** $\frac d{dq}\mathrm Ef(\sqrt qz)=\frac12\mathrm Ef''$ with $f=\phi^2$,
$f''=2\phi'^2+2\phi\phi''$; $\phi''$ is a unit mass at $\tau$, where $\phi=0$, and minus one at the
clip. So $V'=\chi-\sigma_w^2k\,mp(b)/\sqrt q$.

**Edge of chaos** at $q=1$: $\chi=1$ and $V(1)=1$ fix $\sigma_w^2=1/\mathrm E\,\phi'^2$ and
$\sigma_b^2=1-\sigma_w^2\mathrm E\,\phi^2$. Without a clip $V'(1)=\chi=1$ and
$V''=\sigma_w^2k\tau p(a)/(2q^{3/2})>0$: the map is convex and only touches the diagonal, $q=1$
attracts from below and repels above. With a clip $V'(1)=1-\sigma_w^2k\,mp(\tau+m)<1$.

**Escape.** At the touching point $q-1$ moves by $\kappa(q-1)^2+\sqrt{D/N}\,\xi$ a layer,
$\kappa=V''(1)/2$. In units $(D/N\kappa)^{1/3}$ and $(\kappa^2D/N)^{-1/3}$ this is the diffusion
$dy=y^2dt+dW$; from 0 it reaches infinity after the mean time

$$c=2\int_0^\infty\!dy\int_{-\infty}^ydz\,e^{2(z^3-y^3)/3}
   =\int_0^\infty\sqrt{2\pi/u}\;e^{-u^3/6}\,\Phi(u^{3/2})\,du=4.1796$$

(put $z=y-u$; the exponent is $-2u(y-u/2)^2-u^3/6$). So $T=c\,(\kappa^2D/N)^{-1/3}\propto N^{1/3}$.

**Stable fixed points.** For $V'<1$, $q$ fluctuates around 1 with variance
$\frac{D/N}{1-V'^2}$ to leading order in $1/N$. But the clip must be low enough: above a level
$m_{\max}$ the map has two more fixed points at $q>1$, the upper one stable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, optimize
from scipy.special import exprel, ndtr, ndtri

from theory.gaussian_expectations import expectation

Values = NDArray[np.float64] | np.float64

ESCAPE_EXPONENT = 1 / 3
r"""$T\propto N^{1/3}$, see `escape_depth`."""
BERRY_ESSEEN = 0.4748
"""Constant of the Berry-Esseen theorem for identical summands (Shevtsova 2011)."""
FAR_AWAY = 1e4
"""Fixed points are looked for up to this variance."""


@dataclass(frozen=True)
class SparseActivation:
    """A thresholded activation, on one side (a shifted ReLU) or on both (soft thresholding)."""

    threshold: float
    clip: float = math.inf
    """Largest magnitude of an output."""
    sides: int = 1

    def moments(self, variance: ArrayLike, *powers: int) -> list[Values]:
        r"""$\mathrm E|\phi(\sqrt qz)|^n$ for even or odd $n\ge1$, each of the shape of $q$."""
        root = np.sqrt(np.asarray(variance, float))
        start, from_start = self.threshold / root, _density(self.threshold / root)
        truncated = [ndtr(-start), from_start]
        bounded = math.isfinite(self.clip)
        if bounded:
            end = (self.threshold + self.clip) / root
            beyond, from_end = ndtr(-end), _density(end)
            truncated = [truncated[0] - beyond, truncated[1] - from_end]
        for power in range(2, max(powers) + 1):
            from_start = from_start * start
            term = (power - 1) * truncated[power - 2] + from_start
            if bounded:
                from_end = from_end * end
                term = term - from_end
            truncated.append(term)
        found = []
        for power in powers:
            moment = sum(
                math.comb(power, j) * (-self.threshold) ** (power - j) * root**j * truncated[j]
                for j in range(power + 1)
            )
            if bounded:
                moment = moment + self.clip**power * beyond
            found.append(self.sides * moment)
        return found

    def derivative_second_moment(self, variance: ArrayLike) -> Values:
        r"""$\mathrm E\,\phi'(\sqrt qz)^2$: the chance to be neither zero nor clipped."""
        root = np.sqrt(np.asarray(variance, float))
        ends = self.threshold / root, (self.threshold + self.clip) / root
        return self.sides * (ndtr(-ends[0]) - ndtr(-ends[1]))


def activation(sparsity: float, clip: float = math.inf, sides: int = 1) -> SparseActivation:
    """The activation that is zero for a share `sparsity` of standard normal inputs."""
    return SparseActivation(-float(ndtri((1 - sparsity) / sides)), clip, sides)


@dataclass(frozen=True)
class Layer:
    """An activation and the variances of the weights and biases that follow it."""

    activation: SparseActivation
    weight_variance: float
    r"""$\sigma_w^2$: $N$ times a weight's variance."""
    bias_variance: float
    r"""$\sigma_b^2$."""

    def variance_map(self, variance: ArrayLike) -> Values:
        """$V(q)$."""
        (second,) = self.activation.moments(variance, 2)
        return self.weight_variance * second + self.bias_variance

    def step(self, variance: ArrayLike) -> tuple[Values, Values]:
        r"""Mean $V(q)$ and spread $\sqrt{D(q)}$ of the next variance; divide that by $\sqrt N$."""
        second, fourth = self.activation.moments(variance, 2, 4)
        spread = self.weight_variance * np.sqrt(np.maximum(fourth - second**2, 0.0))
        return self.weight_variance * second + self.bias_variance, spread

    def slope(self, variance: ArrayLike) -> Values:
        r"""$V'(q)=\chi(q)-\sigma_w^2k\,mp(b)/\sqrt q$."""
        return self.susceptibility(variance) - self._lost_at_the_clip(variance)

    def susceptibility(self, variance: ArrayLike) -> Values:
        r"""$\chi(q)=\sigma_w^2\,\mathrm E\,\phi'^2$: the growth of gradients a layer."""
        return self.weight_variance * self.activation.derivative_second_moment(variance)

    def curvature(self, variance: ArrayLike) -> Values:
        r"""$V''(q)$.

        $\frac{\sigma_w^2k}{2q}[ap(a)-bp(b)-\tfrac m{\sqrt q}(b^2-1)p(b)]$; the first term is all
        there is without a clip.
        """
        q = np.asarray(variance, float)
        start = self.activation.threshold / np.sqrt(q)
        bracket = start * _density(start)
        if math.isfinite(self.activation.clip):
            height = self.activation.clip / np.sqrt(q)
            end = start + height
            bracket = bracket - (end + height * (end**2 - 1)) * _density(end)
        return self.weight_variance * self.activation.sides / (2 * q) * bracket

    def _lost_at_the_clip(self, variance: ArrayLike) -> Values:
        root = np.sqrt(np.asarray(variance, float))
        clip = self.activation.clip
        if not math.isfinite(clip):
            return np.zeros_like(root)
        end = (self.activation.threshold + clip) / root
        return self.weight_variance * self.activation.sides * clip / root * _density(end)


def edge_of_chaos(activation: SparseActivation) -> Layer:
    r"""The layer with $V(1)=1$ and $\chi(1)=1$."""
    weights = 1 / float(activation.derivative_second_moment(1.0))
    return Layer(activation, weights, 1 - weights * float(activation.moments(1.0, 2)[0]))


def convexity_gap(layer: Layer, variance: ArrayLike) -> Values:
    r"""A lower bound of $V(q)-q$ for an activation without a clip.

    By Taylor's theorem $V(q)-q=\frac12(q-1)^2V''(\xi)$ with $\xi$ between 1 and $q$; as a function
    of $\xi$, $V''\propto\xi^{-3/2}e^{-\tau^2/2\xi}$ rises and then falls, so its least value is at
    an end.
    """
    q = np.asarray(variance, float)
    least = np.minimum(layer.curvature(1.0), layer.curvature(q))
    return (q - 1) ** 2 / 2 * least


def growth(layer: Layer, start: float, depth: int) -> NDArray[np.float64]:
    """Factors by which the variance grows in each of `depth` layers, width to infinity."""
    orbit = [start]
    for _ in range(depth):
        orbit.append(float(layer.variance_map(orbit[-1])))
    return np.array(orbit[1:]) / np.array(orbit[:-1])


def relative_spread(layer: Layer, variance: float, width: int) -> float:
    r"""Standard deviation of the next variance over its mean, $\sqrt{D(q)/N}/V(q)$."""
    mean, spread = layer.step(variance)
    return float(spread / mean) / math.sqrt(width)


def gradient_spread(layer: Layer, variance: float, width: int) -> float:
    r"""Standard deviation of a squared gradient's growth in one layer, relative to its mean.

    The mean of $\phi'(h)^2t^2$ over $N$ units with independent Gaussian $t$ has the relative
    variance $(3/P-1)/N$, $P=\mathrm E\,\phi'^2$ being the share of units that pass gradients.
    """
    passing = float(layer.activation.derivative_second_moment(variance))
    return math.sqrt((3 / passing - 1) / width)


def berry_esseen(layer: Layer, variance: float, width: int) -> float:
    r"""Largest distance between the laws of $(q'-V)/\sqrt{D/N}$ and $N(0,1)$.

    $0.4748\,\mathrm E|\phi^2-\mathrm E\phi^2|^3/(\mathrm{Var}(\phi^2)^{3/2}\sqrt N)$.
    """
    phi = layer.activation
    second, fourth = (float(x) for x in phi.moments(variance, 2, 4))

    def cubed(x: Values) -> Values:
        size = np.abs(x) if phi.sides == 2 else x
        return np.abs(np.clip(size - phi.threshold, 0, phi.clip) ** 2 - second) ** 3

    # It bends at the threshold, at the clip and where the square crosses its mean.
    bends = phi.threshold + np.array([0.0, math.sqrt(second), min(phi.clip, 1e3)])
    third = expectation(cubed, variance, tuple(np.concatenate([-bends, bends])))
    return BERRY_ESSEEN * third / ((fourth - second**2) ** 1.5 * math.sqrt(width))


@cache
def escape_constant() -> float:
    r"""Mean time $c$ in which $dy=y^2dt+dW$ goes from 0 to infinity."""
    # With u = v^2 the integrand is smooth at 0.
    integral = integrate.quad(
        lambda v: 2 * math.sqrt(2 * math.pi) * math.exp(-(v**6) / 6) * ndtr(v**3), 0, np.inf
    )
    return float(integral[0])


def escape_depth(layer: Layer, width: ArrayLike) -> Values:
    r"""Mean number of layers until the variance has left $q=1$ for good.

    $T=c\,(\kappa^2D/N)^{-1/3}$ for a map that touches the diagonal, the leading order for
    $N\to\infty$. What follows is an offset of order $\log N$, see `escape_offset`.
    """
    kappa = float(layer.curvature(1.0)) / 2
    noise = float(layer.step(1.0)[1]) ** 2
    return escape_constant() * (np.asarray(width, float) / (kappa**2 * noise)) ** ESCAPE_EXPONENT


def escape_offset(layer: Layer, width: ArrayLike, top: float = 10.0) -> Values:
    r"""How many layers the mean depth at which $q>$ `top` exceeds `escape_depth`.

    Taken from the diffusion with the whole drift $V(q)-q$ and noise $D(q)/N$: from 1 it needs
    $2\int_1^{\mathrm{top}}I(y)\,dy$, where $I'=N/D-(2N(V-y)/D)I$ from $I(\sigma_b^2)=0$ on. That
    layers are discrete is left out; it adds $\log$ of $(\kappa N/D)^{1/3}$ to leading order (the
    Fatou coordinate of $x\mapsto x+\kappa x^2$ is $-1/\kappa x-\log x$).
    """
    widths = np.atleast_1d(np.asarray(width, float))
    offsets = np.array([_diffusion_time(layer, n, top) for n in widths])
    return (offsets - escape_depth(layer, widths)).reshape(np.shape(width))


def discreteness(layer: Layer, width: ArrayLike) -> Values:
    r"""Layers by which a chain of discrete layers is slower than its diffusion, to leading order.

    $\frac13\log(\kappa N/D)$.
    """
    kappa = float(layer.curvature(1.0)) / 2
    noise = float(layer.step(1.0)[1]) ** 2
    return np.log(kappa * np.asarray(width, float) / noise) / 3


def _diffusion_time(layer: Layer, width: float, top: float) -> float:
    noise = float(layer.step(1.0)[1]) ** 2 / width
    scale = (noise / float(layer.curvature(1.0))) ** (1 / 3)
    # Points are dense on the scale of the escape around 1, and evenly many per factor elsewhere.
    low = (layer.bias_variance - 1) / scale
    u = np.linspace(np.arcsinh(low), np.arcsinh((top - 1) / scale), 6001)
    q = 1 + scale * np.sinh(u)
    middle, cell_widths = (q[1:] + q[:-1]) / 2, np.diff(q)
    mean, spread = layer.step(middle)
    density = width / spread**2
    exponents = -2 * (mean - middle) * density * cell_widths
    # Exact in each cell if drift and noise are constant there.
    kept, gained = np.exp(exponents), density * cell_widths * exprel(exponents)
    levels = [0.0]
    for factor, gain in zip(np.asarray(kept), np.asarray(gained), strict=True):
        levels.append(levels[-1] * factor + gain)
    level = np.array(levels)
    return 2 * float(np.sum(((level[1:] + level[:-1]) / 2 * cell_widths)[middle > 1]))


@cache
def escape_probability(
    layer: Layer, width: int, depth: int, top: float = 10.0, cells: int = 120
) -> NDArray[np.float64]:
    r"""Chance that the variance, 1 in the first layer, exceeds `top` within 1 ... `depth` layers.

    Exact at every width but for discretisation: the law of the next variance comes from the
    characteristic function of one unit's $\phi^2$ to the power $N$, by a cosine series (Fang,
    Oosterlee 2008); the chain lives on `cells` cells, evenly spaced in $\log q$, and its stays
    below `top` are added up layer by layer.

    Returns:
        Shape (depth,).
    """
    edges = np.geomspace(layer.bias_variance, top, cells + 1)
    middles = np.sqrt(edges[1:] * edges[:-1])
    # The start is a point, not a cell.
    laws = np.array([_next_law(layer, q, width, edges) for q in (1.0, *middles)])
    moves = np.diff(laws, axis=1)
    below = moves[0]
    stayed = []
    for _ in range(depth):
        stayed.append(below.sum())
        below = below @ moves[1:]
    return 1 - np.array(stayed)


def _next_law(layer: Layer, variance: float, width: int, at: Values) -> Values:
    """Distribution function of the next variance, given this one."""
    phi = layer.activation
    root = math.sqrt(variance)
    mean, spread = (float(x) for x in layer.step(variance))
    spread /= math.sqrt(width)
    low, high = max(layer.bias_variance, mean - 10 * spread), mean + 18 * spread
    order = np.arange(1, 200)
    frequency = order * math.pi / (high - low)
    # One unit's characteristic function: what is zero, what is between, what is clipped.
    start, end = phi.threshold / root, (phi.threshold + min(phi.clip, 1e6)) / root
    stop = min(end, max(start, 0.0) + 10.0)
    nodes, weights = np.polynomial.legendre.leggauss(120)
    z = start + (stop - start) * (nodes + 1) / 2
    mass = phi.sides * weights * (stop - start) / 2 * _density(z)
    unit = layer.weight_variance / width
    waves = np.exp(1j * frequency[:, None] * unit * (root * z - phi.threshold) ** 2)
    single = 1 - phi.sides * ndtr(-start) + waves @ mass
    if math.isfinite(phi.clip):
        single = single + phi.sides * ndtr(-end) * np.exp(1j * frequency * unit * phi.clip**2)
    whole = single**width * np.exp(1j * frequency * (layer.bias_variance - low))
    place = np.clip((at - low) / (high - low), 0, 1)
    series = np.sin(math.pi * place[:, None] * order) @ (2 * whole.real / (math.pi * order))
    return np.clip(place + series, 0, 1)


def clip_for_slope(sparsity: float, slope: float, sides: int = 1) -> float:
    r"""The clip $m$ at which $V'(1)$ equals `slope`, between 0 and 1, at the edge of chaos."""

    def missing(clip: float) -> float:
        return float(edge_of_chaos(activation(sparsity, clip, sides)).slope(1.0)) - slope

    return float(optimize.brentq(missing, 1e-3, 12.0, xtol=1e-12))


def stationary_variance(layer: Layer, width: int) -> float:
    r"""Mean of $(q-1)^2$ at a stable fixed point 1, deep in the network: $\frac{D/N}{1-V'^2}$."""
    return float(layer.step(1.0)[1]) ** 2 / width / (1 - float(layer.slope(1.0)) ** 2)


def stationary_error(layer: Layer, width: int) -> float:
    r"""Relative error of `stationary_variance`: the sizes of its next order's terms, added up.

    With $x=q-1$, $\sigma^2=\mathrm Ex^2$, $\kappa=V''/2$ and $D(q)=D+D'x+D''x^2/2$ (over $N$), one
    layer gives $\mathrm Ex=\kappa\sigma^2/(1-V')$, $(1-V'^3)\mathrm Ex^3=9V'^2\kappa\sigma^4
    +3V'(D\,\mathrm Ex+D'\sigma^2)+3\kappa\sigma^2D$ and
    $(1-V'^2)\sigma^2=D+D'\mathrm Ex+\tfrac12D''\sigma^2+2V'\kappa\,\mathrm Ex^3
    +3\kappa^2\sigma^4+V'V'''\sigma^4$. Relative to $\sigma^2$ all of them are $O(1/N)$.
    """
    step = 1e-3
    around = 1 + step * np.array([-1, 0, 1])
    noise = np.asarray(layer.step(around)[1] ** 2 / width)
    first, second = (noise[2] - noise[0]) / (2 * step), np.diff(noise, 2)[0] / step**2
    third = float(np.diff(layer.curvature(around[[0, 2]]))[0]) / (2 * step)
    slope, kappa = float(layer.slope(1.0)), float(layer.curvature(1.0)) / 2
    size = stationary_variance(layer, width)
    mean = kappa * size / (1 - slope)
    cube = 9 * slope**2 * kappa * size**2 + 3 * slope * (noise[1] * mean + first * size)
    cube = (cube + 3 * kappa * size * noise[1]) / (1 - slope**3)
    terms = [
        first * mean,
        second * size / 2,
        2 * slope * kappa * cube,
        3 * kappa**2 * size**2,
        slope * third * size**2,
    ]
    return float(np.sum(np.abs(terms))) / ((1 - slope**2) * size)


def largest_safe_clip(sparsity: float, sides: int = 1) -> float:
    r"""The clip $m_{\max}$ above which the map has fixed points at $q>1$ (a saddle-node)."""

    def excess(clip: float) -> float:
        layer = edge_of_chaos(activation(sparsity, clip, sides))
        return _highest_chord(layer)[1]

    return float(optimize.brentq(excess, 0.3, 8.0, xtol=1e-12))


def tangent_variance(layer: Layer) -> float:
    r"""Where, above 1, the map comes closest to the diagonal or overtops it most: $q_t$."""
    return _highest_chord(layer)[0]


def _highest_chord(layer: Layer) -> tuple[float, float]:
    """Where $(V(q)-q)/(q-1)$ is largest for q > 1, and how large."""

    def negative(log_distance: float) -> float:
        q = 1 + math.exp(log_distance)
        return -float(layer.variance_map(q) - q) / (q - 1)

    # Between 1 and far away it has one maximum; nearer to 1 it tends to V'(1) - 1 < 0.
    grid = np.linspace(-6, math.log(FAR_AWAY), 200)
    q = 1 + np.exp(grid)
    best = int(np.argmax((layer.variance_map(q) - q) / (q - 1)))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    found = optimize.minimize_scalar(negative, bounds=ends, method="bounded")
    return 1 + math.exp(float(found.x)), -float(found.fun)


def fixed_points(layer: Layer) -> NDArray[np.float64]:
    r"""The fixed points $q\ge1$ of a clipped layer's map, 1 and those above, in order."""
    grid = 1 + np.geomspace(1e-4, FAR_AWAY, 4000)
    above = layer.variance_map(grid) - grid
    crossings = np.flatnonzero(np.sign(above[1:]) != np.sign(above[:-1]))
    roots = [
        optimize.brentq(lambda q: float(layer.variance_map(q) - q), *grid[[i, i + 1]], xtol=1e-12)
        for i in crossings
    ]
    return np.array([1.0, *roots])


def clip_resolution(sparsity: float, depth: int, width: float, sides: int = 1) -> float:
    r"""How far from $m_{\max}$ a network of finite depth and width can look as if beyond it.

    At the clip $m_{\max}+\mu$ the map passes the diagonal at $q_t$ with a gap
    $g=\mu\,\partial_mV$, and near it $q$ moves by $g-\lambda(q-q_t)^2$ a layer,
    $\lambda=|V''|/2$. Below, passing takes $\pi/\sqrt{|g|\lambda}$ layers, more than `depth` if
    $|g|<\pi^2/(\lambda\,\mathrm{depth}^2)$. Above, the barrier between $q_t\pm\sqrt{g/\lambda}$
    is $\frac83g^{3/2}\lambda^{-1/2}N/D$ in units of the noise, and is crossed within `depth`
    layers if below $\log\mathrm{depth}$. Returned is the larger of both, as $\mu$.
    """
    clip = largest_safe_clip(sparsity, sides)
    layer = edge_of_chaos(activation(sparsity, clip, sides))
    q = tangent_variance(layer)
    bend = abs(float(layer.curvature(q))) / 2
    noise = float(layer.step(q)[1]) ** 2 / width
    step = 1e-5
    ends = (
        edge_of_chaos(activation(sparsity, clip + shift, sides)).variance_map(q)
        for shift in (-step, step)
    )
    opening = float(np.diff(list(ends))[0]) / (2 * step)
    slow = math.pi**2 / (bend * depth**2)
    noisy = (3 / 8 * math.log(depth) * math.sqrt(bend) * noise) ** (2 / 3)
    return max(slow, noisy) / opening


def _density(x: Values) -> Values:
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
