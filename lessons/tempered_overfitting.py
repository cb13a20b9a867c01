# %% [markdown]
# # Tempered overfitting: the harm of a spike
#
# The smoothest network through noisy points is not harmless and not a catastrophe, it depends on
# how you count. You will meet its spikes, predict how tall they grow, and make them disappear.

# %% [markdown]
# ## The idea
#
# Take $n$ random points on $[0,1]$ and give them targets that are pure noise,
# $y_i=\sigma\varepsilon_i$; the truth is $f^*=0$. Fit them exactly with the two-layer ReLU
# network of the least weight norm. In one dimension that norm is $\int\sqrt{1+x^2}\,|f''|\,dx$,
# the total bending, so the network bends as little as it can (Joshi, Vardi, Srebro, ICLR 2024).
#
# What does it look like? Where the chords between points bend up and down in turn, it follows the
# chords. But where two neighbouring points bend the *same* way, it saves bending: both outer
# lines are continued until they meet. Between two such points stands a **spike**.
#
# Is the error $R_p=\int|f-f^*|^p$ of such a fit
# *benign* (it vanishes as $n\to\infty$), *catastrophic* (it explodes) or *tempered* (neither)?

# %%
from dataclasses import replace

import jax
import matplotlib.pyplot as plt
import numpy as np

from experiments.generalization import tempered_overfitting as experiment
from harness.style import PREDICTED, use_in_notebook
from instruments import min_norm_interpolation as interpolation
from theory.generalization import tempered_overfitting as theory

use_in_notebook()
key = jax.random.key(0)
rng = np.random.default_rng(0)

# %%
figure, axes = plt.subplots(figsize=(6, 3.4))
experiment.draw_example(axes, experiment.fit_example(experiment.SIZES["ci"], key))

# %% [markdown]
# ## A prediction to make by hand
#
# The two outer lines meet at the height $h=l/(U+V)$ above the chord, with $l$ the length of the
# interval, $U=l_-/\delta_-$, $V=l_+/\delta_+$, where $l_\pm$ are the lengths of the neighbouring
# intervals and $\delta_\pm$ the steps of the noise across them. A spike is tall when *both*
# neighbours are short at once.
#
# **Before you read on**: short gaps are uniform near zero. How does $P(U+V<u)$ depend on a small
# $u$? So how does $P(|h|>H)$ depend on a large $H$? For which $p$ has $|h|^p$ a finite mean, and
# what does that say of $R_p$?
#
# (Two independent things must be smaller than about $u$: $P(U+V<u)\propto u^2$, so
# $P(|h|>H)\propto H^{-2}$. Therefore $|h|^p$ has a mean for $p<2$ only: $R_1$ is an average of
# $n$ things with a mean and converges to a constant; $R_2$ just diverges; and for $p>2$ one spike
# decides everything.) With Gaussian noise the constant is $\frac2\pi$.

# %%
for height in (10, 100):
    exact = theory.spike_probability(height)
    print(f"P(|h| > {height}) = {exact:.2e}, leading order {theory.SPIKE_CONSTANT / height**2:.2e}")

# %% [markdown]
# ## The experiment
#
# The interpolant can be computed exactly, in time proportional to $n$. A million points:

# %%
inputs = np.sort(rng.random(1_000_000))
fitted = interpolation.interpolate(inputs, rng.standard_normal(inputs.shape))
heights = np.abs(interpolation.heights(fitted))

at = np.geomspace(1, 200, 20)
share = np.array([np.mean(heights > height) for height in at])
figure, axes = plt.subplots(figsize=(5, 3.4))
axes.loglog(at, share, "o", label="measured")
axes.loglog(at[at > 3], [theory.spike_probability(h) for h in at[at > 3]], **PREDICTED,
            label="predicted")  # fmt: skip
axes.set(xlabel="height $H$", ylabel="share of intervals with a taller spike")
axes.legend()

assert np.isclose(np.mean(heights > 10), theory.spike_probability(10), rtol=0.1)

# %% [markdown]
# And the errors, as medians over many data sets: $R_1$ stays, $R_2$ creeps up like
# $\frac2\pi\log n$, $R_4$ runs away like $n$.

# %%
config = replace(experiment.SIZES["ci"], blocks=8, small_sets=(401, 251, 101))
run = experiment.fit_small(config, key)
for n, l1, l2, l4 in zip(
    config.small_samples, *(run[i].mean(axis=0) for i in range(3)), strict=True
):
    print(f"n = {n:5}: R_1 = {l1:.3f}, R_2 = {l2:.2f}, R_4 = {l4:.0f}")
growth = experiment.slope_in_log(config.small_samples, run.l2).mean()
print(f"R_2 grows by {growth:.2f} per factor e, predicted {theory.SPIKE_CONSTANT:.2f}")
assert np.allclose(run.l1.mean(axis=0)[-1], theory.error_constant(1.0), atol=0.03)
assert 0.4 < growth < 0.9
assert run.l4.mean(axis=0)[-1] > 5 * run.l4.mean(axis=0)[0]

# %% [markdown]
# ## Break it
#
# The spikes need gaps that are short by chance. Put the points on a grid: no gap is short, all
# spikes are modest, and every $R_p$ is tempered.

# %%
even = experiment.fit_small(replace(config, inputs="grid"), key)
for n, l1, l2, l4 in zip(
    config.small_samples, *(even[i].mean(axis=0) for i in range(3)), strict=True
):
    print(f"n = {n:5}: R_1 = {l1:.3f}, R_2 = {l2:.3f}, R_4 = {l4:.2f}")
assert np.allclose(even.l4.mean(axis=0)[-1], theory.error_constant(4.0, "grid"), rtol=0.1)

# %% [markdown]
# ## Exercises

# %% [markdown]
# ### Exercise 1
#
# Is the *spline* that follows all chords better than the network of least norm? Compute its $R_2$
# at large $n$ by hand: what is the variance of its error at the fraction $t$ of an interval?

# %% [markdown]
# ### Solution
#
# At the fraction $t$ the error is $(1-t)y_i+ty_{i+1}$, of variance $(1-t)^2+t^2$. The mean over
# $t$ is $\frac23$, for any spacing of the points. It bends more in total, and errs less: the
# least norm is not the least error.

# %%
chords = interpolation.chords(inputs, fitted.targets)
(error,) = experiment.inside_errors(chords, 2)
print(f"R_2 of the spline {error:.3f}, predicted {theory.SPLINE_L2:.3f}")
assert np.isclose(error, theory.SPLINE_L2, atol=0.01)

# %% [markdown]
# ### Exercise 2
#
# The median of $R_2$ grows like $\frac2\pi\log n$. What about its *mean*? (Think of the largest
# of $n$ spikes.)

# %% [markdown]
# ### Solution
#
# The contribution of an interval, $X=nlh^2/3$, has the tail $P(X>x)\sim\frac2{\pi x}$: its mean
# is infinite, and so is the mean of $R_2$, at every $n$. Among $n$ values the largest is of order
# $n$, and each factor of $e$ in size below it contributes the same, $\frac2\pi n$: there are
# $\log n$ of them. That is what a typical data set shows, and the median; the mean belongs to
# data sets that hardly anyone will ever see.

# %%
for x in (100, 1_000_000):
    print(f"x P(X > x) = {x * theory.l2_probability(x):.3f} at x = {x}")
assert np.isclose(x * theory.l2_probability(x), theory.SPIKE_CONSTANT, rtol=0.05)

# %% [markdown]
# ### Exercise 3
#
# Outside of $[x_1,x_n]$ the network continues its outermost lines. Show that even the expectation
# of $R_1$ on $[0,1]$ is infinite, at every $n$, although $R_1$ is tempered with high probability.

# %% [markdown]
# ### Solution
#
# The slope of the outermost line is $(y_2-y_1)/(x_2-x_1)$, and $\mathbb E\frac1{x_2-x_1}=\infty$,
# because the density of a gap does not vanish at zero. It is continued over a length of order
# $1/n$, so $P(R_1>r)\sim\frac4{\sqrt\pi(n+1)r}$: a tail of index one. Few points show it best.

# %%
tiny = experiment.fit_tiny(replace(config, tiny_sets=100_000), key).l1
for r in (10.0, 100.0):
    predicted = theory.boundary_probability(config.tiny_samples, r)
    print(f"P(R_1 > {r:.0f}) = {np.mean(tiny > r):.4f}, predicted {predicted:.4f}")
assert np.isclose(
    np.mean(tiny > 10), theory.boundary_probability(config.tiny_samples, 10.0), rtol=0.15
)
