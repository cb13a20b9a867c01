# %% [markdown]
# # Knot counts: noise leaves straight lines
#
# A network with infinitely many neurons, trained with noise, could draw any curve through four
# points. As the noise vanishes it draws straight lines with at most three knots between
# neighbouring points. You will count them, see why, and watch one of them appear where there is
# no data.

# %% [markdown]
# ## The idea
#
# A neuron $a(wx+b)_+$ on the line has a direction $(w,b)=s(\cos p,\sin p)$ and bends at its
# *knot* $x=-\tan p$. Train infinitely many of them by noisy gradient descent with weight decay
# $\lambda$. They settle in the Gibbs measure
#
# $$\rho\propto\exp\Big(-\beta\Big[a\,s\,g(p)+\tfrac\lambda2(a^2+s^2)\Big]\Big),\qquad
#   g(p)=\sum_iR_i(\cos p\,x_i+\sin p)_+,$$
#
# where $R_i$ are the residuals (Shevchenko, Kungurtsev, Mondelli, JMLR 2022). The exponent is
# quadratic in $(a,s)$ and positive only if $|g(p)|<\lambda$. As the noise $1/\beta$ vanishes, a
# direction is populated only where it costs almost nothing, that is where $|g(p)|$ comes close to
# $\lambda$: the measure falls onto a few directions, and the curve onto a few knots.

# %%
import matplotlib.pyplot as plt
import numpy as np

from experiments.geometry import mean_field_knots as experiment
from harness.style import PREDICTED, use_in_notebook
from instruments import univariate_networks as networks
from theory.geometry import mean_field_knots as theory

use_in_notebook()

# %% [markdown]
# ## A prediction to make by hand
#
# Between two neighbouring inputs, which samples are active for a neuron that faces right with its
# knot there? Always the same ones. So on this arc of directions $g$ is a *single sinusoid*,
# $g(p)=A\cos p+B\sin p$, shorter than half a turn.
#
# **Before you read on**: the sinusoid satisfies $|g|\le\lambda$ everywhere. How often can it
# touch $\pm\lambda$ inside the arc? And if it touches at an end of the arc? How many knots can
# lie between neighbouring inputs, inside and with the ends, for neurons that face right and
# neurons that face left?
#
# (Inside it can touch only at its peak: once. If it touches at an end and stays below inside, its
# peak is elsewhere, so it may touch at the other end but not inside. Two kinds of neurons: at
# most $1+1=2$ knots in the open interval, and at most $1+2=3$ with the ends, because ends are
# shared.)

# %%
print("at most", theory.MOST_KNOTS_INSIDE, "inside and", theory.MOST_KNOTS, "with the ends")

# %% [markdown]
# ## The experiment
#
# Without noise and with little decay the network is the interpolant of least norm: a linear
# program over all directions, solved exactly. Almost two thousand random data sets of four
# points:

# %%
rng = np.random.default_rng(0)
inputs = np.sort(rng.uniform(-3, 3, (2000, 4)), axis=1)
inputs = inputs[np.min(np.diff(inputs), axis=1) > 0.06]
targets = rng.normal(size=inputs.shape)
solved = networks.least_norm_interpolants(inputs, targets)
counts = networks.count_knots(solved.network, inputs, radius=solved.resolution)
for name, count in (("inside", counts.inside), ("with the ends", counts.closed)):
    print(f"knots {name}: {np.bincount(count.ravel())} intervals with 0, 1, 2, ...")

assert counts.inside.max() == theory.MOST_KNOTS_INSIDE
assert counts.closed.max() == theory.MOST_KNOTS

# %% [markdown]
# Both bounds are attained, neither is exceeded. Now let the noise vanish on one data set, and
# watch the curve become straight, with a knot *away from the data*.

# %%
x, y, decay = experiment.VALLEY_INPUTS, experiment.VALLEY_TARGETS, 0.02
grid = np.linspace(-1.6, 1.7, 400)
limit = theory.zero_noise_limit(x, y, decay)
figure, axes = plt.subplots(figsize=(6, 3.6))
for color, beta in enumerate((1e2, 1e3, 1e5)):
    cooled = theory.gibbs(x, y, decay, beta)
    curve = theory.outputs(cooled.angles, cooled.masses, grid)
    axes.plot(grid, curve, color=f"C{color}", label=f"$\\beta=10^{{{np.log10(beta):.0f}}}$")
axes.plot(grid, theory.outputs(limit.angles, limit.masses, grid), **PREDICTED, label="no noise")
axes.plot(x, y, "k.", markersize=9, label="data")
for knot in theory.knots(limit.angles):
    axes.axvline(knot, color="0.85", zorder=0)
axes.set(xlabel="$x$", ylabel="$f(x)$", xlim=(-1.6, 1.7))
axes.legend()

straight = theory.outputs(limit.angles, limit.masses, grid)
assert np.max(np.abs(curve - straight)) < 0.05
print("knots of the limit:", np.sort(theory.knots(limit.angles)).round(3), "inputs:", x)

# %% [markdown]
# ## Break it
#
# The knots are found because the directions *learn*. Freeze them at random and train only the
# output weights $a$: random features. The same weight decay now leaves curvature everywhere,
# whatever the noise.

# %%
angles, masses = theory.fixed_directions(x, y, decay, 200)
figure, axes = plt.subplots(figsize=(6, 3.2))
axes.plot(grid, theory.outputs(angles, masses, grid), label="directions frozen")
axes.plot(grid, straight, **PREDICTED, label="directions learned, no noise")
axes.plot(x, y, "k.", markersize=9)
axes.set(xlabel="$x$", ylabel="$f(x)$")
axes.legend()


def bending(curve: np.ndarray) -> float:
    """Share of the total bending that the 5% most bent places hold."""
    second = np.sort(np.abs(np.diff(curve, 2)))[::-1]
    return second[: len(second) // 20].sum() / second.sum()


frozen = bending(theory.outputs(angles, masses, grid))
print(f"the most bent 5% hold {frozen:.0%} of the bending; learned: {bending(straight):.0%}")
assert frozen < 0.3
assert bending(straight) > 0.99

# %% [markdown]
# ## Exercises

# %% [markdown]
# ### Exercise 1
#
# Two points on either side of zero, $x_1=-2$ with $y_1=1$ and $x_2=3$ with $y_2=-1$. Where are
# the knots of the interpolant of least norm? (A neuron of length one has at most the output
# $\sqrt{1+x^2}$ at $x$. When?)

# %% [markdown]
# ### Solution
#
# $wx+b$ is largest, at $w^2+b^2=1$, if $(w,b)\propto(x,1)$: a neuron that points straight at its
# input, with its knot at $-1/x$. One neuron for each point, each inactive at the other: knots at
# $-\frac13$ and $\frac12$, at neither input.

# %%
two = networks.least_norm_interpolants(np.array([[-2.0, 3.0]]), np.array([[1.0, -1.0]]))
print("knots:", np.sort(np.tan(networks.knots(two.network.angles))).round(4))
print("predicted:", theory.two_point_knots(np.array([-2.0, 3.0])).round(4))
assert np.allclose(
    np.sort(np.tan(networks.knots(two.network.angles)))[0],
    theory.two_point_knots(np.array([-2.0, 3.0])),
)

# %% [markdown]
# ### Exercise 2
#
# How fast does a knot away from the data become sharp? Around its peak $\lambda^2-g^2\approx
# e+\lambda^2\varphi^2$ with $\varphi$ the distance in angle. How wide is the cluster of neurons,
# and how does $e$ depend on $\beta$ if the cluster must carry a fixed mass $\propto\frac1{\beta
# Z}\int\frac{d\varphi}{(e+\lambda^2\varphi^2)^2}$, $Z\propto e^{-1/2}$?

# %% [markdown]
# ### Solution
#
# The integral is $\propto e^{-3/2}$, so the mass is $\propto\frac1\beta
# e^{1/2}e^{-3/2}=\frac1{\beta e}$: fixed if $e\propto\beta^{-1}$. The width is $\sqrt
# e/\lambda\propto\beta^{-1/2}$: a hundred times less noise makes a knot ten times as sharp.

# %%
away = limit.peaked > 0
widths = [theory.knot_widths(limit, decay, beta)[away][0] for beta in (1e5, 1e7)]
print(f"width at beta = 1e5: {widths[0]:.4f}, at 1e7: {widths[1]:.5f}")
assert np.isclose(widths[0] / widths[1], 10)

# %% [markdown]
# ### Exercise 3
#
# Data in a zigzag: targets of alternating sign. How many knots lie strictly between inputs?

# %% [markdown]
# ### Solution
#
# None. The chords bend up and down in turn, so that every input needs a bend of its own, and a
# bend elsewhere would have to be undone. A knot between inputs pays where two neighbouring inputs
# bend the *same* way and one bend can serve both.

# %%
x8 = np.tile(np.arange(8.0) - 3.5, (500, 1))
y8 = rng.uniform(0.5, 1.5, x8.shape) * (-1) ** np.arange(8)
zigzag = networks.least_norm_interpolants(x8, y8)
between = networks.count_knots(zigzag.network, x8, radius=zigzag.resolution).inside
print("intervals with a knot strictly inside:", (between > 0).mean(axis=0).round(2))
assert np.all(between == 0)
