# %% [markdown]
# # Benign overfitting: a network that believes every lie and is right anyway
#
# A tenth of the training labels are wrong, the network fits all of them, and yet it classifies new
# points almost perfectly. Here you see why, and break it.

# %% [markdown]
# ## The idea
#
# Four clusters sit at $\pm\mu_1$ (label $+1$) and $\pm\mu_2$ (label $-1$) in $\mathbb R^p$, each
# point with Gaussian noise $\xi\sim N(0,I_p)$ around its centre. No line separates the classes:
# it is the XOR of two signs. With probability $\eta$ a training label is flipped.
#
# If $p$ is huge, the noise of one sample is almost orthogonal to all others:
# $\langle\xi_i,\xi_k\rangle\approx\sqrt p$, while $|\xi_i|^2\approx p$. A little of $\xi_i$ in the
# weights moves the output at sample $i$ and nowhere else. So a flipped label can be memorised in
# a direction that no test point will ever look along. That is what makes overfitting *benign*: the
# lies are stored where they do no harm.
#
# How many dimensions does it take? The theorem (Xu, Wang, Frei, Vardi, Hu, ICLR 2024) asks for
# $p\ge n^{5.02}$, up to a constant: $10^{17}$ for 400 samples. No computer stores such vectors, but
# training sees only inner products, and those can be drawn exactly.

# %%
from dataclasses import replace

import jax
import matplotlib.pyplot as plt
import numpy as np

from experiments.generalization import xor_cluster_grokking as experiment
from harness.style import PREDICTED, use_in_notebook
from theory.generalization import xor_cluster_grokking as theory

use_in_notebook()
key = jax.random.key(0)

# %% [markdown]
# ## A prediction to make by hand
#
# Take one step of gradient descent from nearly zero weights, with labels that are pure coin flips
# and no clusters at all ($\mu=0$): there is nothing to learn, only to memorise. Every sample
# pulls with the same force, so after the step
#
# $$y_kf(x_k)\ \propto\ |\xi_k|^2+\sum_{i\ne k}y_iy_k\langle\xi_i,\xi_k\rangle .$$
#
# **Before you read on**: what are the mean and the variance of the two terms? With which
# probability is sample $k$ still on the wrong side? What does that make for $n=100$ samples in
# $p=25$, $100$ and $400$ dimensions?
#
# (The first term is $p$ up to $O(\sqrt p)$. The second is a sum of $n-1$ independent terms of mean
# zero and variance $p$. So the sample is wrong when a Gaussian of variance $(n-1)p$ falls below
# $-p$, with probability $\Phi\big(-\sqrt{p/(n-1)}\big)$: 31%, 16%, 2%.)

# %%
for dimension in (25, 100, 400):
    wrong = theory.one_step_training_error(100, dimension, width=10**9)
    print(f"p = {dimension}: {wrong:.0%} of the training labels not fitted after one step")

# %% [markdown]
# ## The experiment
#
# First the hand-made prediction: one step, 100 samples, a network with 200 neurons.

# %%
dimensions = (25, 50, 100, 200)
config = replace(experiment.SIZES["ci"], small_dimensions=dimensions, small_seeds=100)
errors = experiment.train_in_few_dimensions(config, key).error

grid = np.linspace(20, 220)
figure, axes = plt.subplots(figsize=(5, 3.2))
axes.plot(grid, theory.one_step_training_error(100, grid, 200), **PREDICTED, label="predicted")
axes.errorbar(dimensions, errors.mean(0), errors.std(0) / 10, fmt="o", label="100 runs")
axes.set(xlabel="dimensions $p$", ylabel="training error after one step")
axes.legend()

assert np.allclose(
    errors.mean(0), theory.one_step_training_error(100, np.array(dimensions), 200), atol=0.02
)

# %% [markdown]
# Now the theorem's regime: 400 samples in $10^{17}$ dimensions, with clusters, a tenth of the
# labels flipped. The dashed line is what theory says of the test accuracy.

# %%
config = replace(experiment.SIZES["ci"], seeds=16)
run = experiment.train(config, key)
steps = np.arange(config.steps + 1)
fitted, accuracy = run.fitted / config.samples, run.accuracy.mean(axis=(0, 2))

figure, axes = plt.subplots(figsize=(5, 3.2))
axes.plot(steps[1:], fitted.mean(0)[1:], "s-", label="training labels fitted, lies too")
axes.plot(steps[1:], accuracy[1:], "o-", label="test points classified")
axes.plot(steps[1:], theory.clean_accuracy(0.1, steps[1:], 100), **PREDICTED, label="predicted")
axes.set(xlabel="step of gradient descent", ylabel="share", ylim=(0.4, 1.03))
axes.legend(loc="lower right")

assert np.all(fitted[:, 1:] == 1)
assert accuracy[-1] > 0.9

# %% [markdown]
# Every label is fitted from the first step on, every lie too, in every run; the test points do
# not suffer.

# %% [markdown]
# ## Break it
#
# What the theorem needs is room. Leave everything as it is, but give the network 800 dimensions
# instead of $10^{17}$: samples now disturb each other, and not even the training labels are fitted.

# %%
cramped = experiment.train(replace(config, dimension=800.0), key)
share = cramped.fitted.mean(axis=0) / config.samples
print(f"fitted after one step: {share[1]:.0%} of the training labels, later: {share[2:].min():.0%}")
assert share[1] < 0.95

# %% [markdown]
# ## Exercises

# %% [markdown]
# ### Exercise 1
#
# How many dimensions are needed so that, after one step and with $\mu=0$, *all* of $n$ labels are
# fitted with probability about one half? Give the leading order in $n$.

# %% [markdown]
# ### Solution
#
# Expect $n\,\Phi(-\sqrt{p/(n-1)})\approx\log2$ wrong labels. Since $\Phi(-x)\approx e^{-x^2/2}$ to
# leading order, $p/(n-1)\approx2\log n$: about $2n\log n$ dimensions, far fewer than $n^{5.02}$.
# (Leading order is generous: the tail is smaller than $e^{-x^2/2}$ by the factor $x\sqrt{2\pi}$.)
# Memorising alone is cheap; the rest of the exponent pays for the clusters, whose means must stand
# out of the noise ($|\mu|^2\ge n^{0.51}\sqrt p$) without disturbing it ($p\ge n^2|\mu|^2$).

# %%
for samples in (100, 10_000):
    needed = 2 * samples * np.log(samples)
    wrong = samples * theory.one_step_training_error(samples, needed, width=10**12)
    print(f"n = {samples}: {wrong:.2f} wrong labels expected at p = {needed:.0f}")

# %% [markdown]
# ### Exercise 2
#
# A network is *useful* while it overfits only because the clusters are there. Set the signal to a
# ten thousandth of what the theorem asks, `relative_signal=1e-4`. What happens to the training
# labels, and what to the test points?

# %% [markdown]
# ### Solution
#
# The labels are fitted as before, for that needs no clusters; the test points are coin flips. This
# is overfitting that is not benign: it is the same memory, without anything learned beside it.

# %%
faint = experiment.train(replace(config, relative_signal=1e-4), key)
print(f"fitted: {np.mean(faint.fitted[:, -1]) / config.samples:.0%}")
print(f"test accuracy: {faint.accuracy[:, -1].mean():.2f}")
assert np.all(faint.fitted[:, 1:] == config.samples)
assert abs(faint.accuracy[:, -1].mean() - 0.5) < 0.1

# %% [markdown]
# ### Exercise 3
#
# Replace the ReLU by the identity: a linear network. It fits all labels too. Why can its test
# accuracy not exceed one half, whatever it does? (Do not run it first.)

# %% [markdown]
# ### Solution
#
# A linear function without bias is odd: $f(-\mu_1)=-f(\mu_1)$. But both clusters carry the label
# $+1$, so it is right on exactly one of them; likewise for $\pm\mu_2$. One half, always.

# %%
linear = experiment.train(replace(config, activation="linear"), key)
print(f"test accuracy of the linear network: {linear.accuracy[:, -1].mean():.3f}")
assert abs(linear.accuracy[:, -1].mean() - 0.5) < 0.05
