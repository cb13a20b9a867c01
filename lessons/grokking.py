# %% [markdown]
# # Grokking: first memorise, then understand
#
# After one step of gradient descent this network fits all of its training labels and knows nothing;
# two steps later it classifies almost perfectly. You will predict the step, the law of what is left
# to learn, and how to delay the jump as long as you like.

# %% [markdown]
# ## The idea
#
# XOR clusters: points at $\pm\mu_1$ carry the label $+1$, points at $\pm\mu_2$ the label $-1$, a
# share $\eta$ of the training labels is flipped. A two-layer ReLU network,
# $f(x)=\sum_ja_j\,\mathrm{relu}\langle w_j,x\rangle$ with $a_j=\pm1/\sqrt m$, starts close to zero
# in so many dimensions that it fits every label after one step (that is another lesson).
#
# What does a single neuron with $a_j>0$ do along $\mu_1$?
#
# 1. *Step one.* Its weights are random, so it sees a random half of the samples, and moves to
#    the side, $+\mu_1$ or $-\mu_1$, which by chance has the majority. Nothing is learned.
# 2. *Step two.* It now leans to one side, and every sample there switches on: an eighth of all
#    samples pull it further that way. A neuron with $a_j<0$ does the same, just as strongly.
#    The two kinds cancel.
# 3. *Step three.* The samples whose label disagrees with the sign of the neuron have been pushed
#    out of its sight by their own pull, and stay out. Now the two kinds differ: along $\mu_1$ the
#    neurons that vote for the right class keep a share $1-\eta$ of the samples, the others a
#    share $\eta$.
#
# So understanding comes at step three, whatever the number of samples, dimensions and neurons.

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
# The cluster $-\mu_1$ is seen by the share $u$ of the neurons with $a_j>0$ that chose its side in
# step one, each with strength $A_t=(1-2\eta)+(t-2)(1-\eta)$ at step $t$, and by the share $1-u$ of
# the neurons with $a_j<0$, each with strength $\eta$. It is classified correctly if
# $uA_t>(1-u)\eta$. The share $u$ is the result of a common coin: it is *uniform* on $[0,1]$.
#
# **Before you read on**: with which probability $q$ does the class $\pm\mu_1$ keep a cluster that
# is classified wrongly? What is it for $\eta=0.1$ at steps 3, 5 and 10?
#
# (The condition is $u>r$ with $r=\eta/(A_t+\eta)=\frac\eta{(1-\eta)(t-1)}$. Either of two clusters
# can be the unlucky one, so $q=2r$: 11%, 6%, 2.5%. Grokking is never complete; it goes on like
# $1/t$.)

# %%
for step in (3, 5, 10):
    print(f"step {step}: {theory.failing_probability(0.1, step):.1%} of the classes fail")

# %% [markdown]
# ## The experiment
#
# For infinitely many samples, gradient descent becomes a rule about counts of samples that a
# neuron sees, and a run takes a millisecond. A thousand networks of 200 neurons:

# %%
ci = experiment.SIZES["ci"]
config = replace(ci, law_seeds=1000, law_width=200, law_noise=(0.1, 0.3))
wrong = experiment.follow_sign_counts(config, key).wrong
failing = wrong.any(axis=4).mean(axis=(0, 3))  # a class fails if either of its clusters is wrong
steps = np.arange(failing.shape[1])

figure, axes = plt.subplots(figsize=(5, 3.2))
for color, noise, rate in zip(("C0", "C1"), config.law_noise, failing, strict=True):
    axes.plot(steps[1:], rate[1:], "o", color=color, label=f"measured, $\\eta={noise}$")
    axes.plot(steps[3:], theory.failing_probability(noise, steps[3:], 200), **PREDICTED)
axes.set(xlabel="step of gradient descent", ylabel="classes with a wrong cluster", yscale="log")
axes.legend()

assert np.allclose(failing[0, 3:], theory.failing_probability(0.1, steps[3:], 200), atol=0.02)

# %% [markdown]
# One step: every class fails, as a linear function must. Three steps: the jump. Then the law
# $q\propto1/(t-1)$. (The dashed line includes what 200 neurons can resolve: with few neurons it can
# happen that none leans to one side.)

# %% [markdown]
# ## Break it
#
# Understanding needs a majority of true labels. At $\eta=\frac12$ a label says nothing: the two
# kinds of neurons keep equally many samples, and step three brings no jump, while the memory of
# the network is as good as before.

# %%
hopeless = experiment.follow_sign_counts(replace(config, law_noise=(0.45, 0.5)), key).wrong
accuracy = 1 - hopeless[:, 1].mean(axis=(0, 2, 3))
for step in (1, 3, 10):
    print(f"step {step}: test accuracy {accuracy[step]:.2f}")
assert np.allclose(accuracy[1:], 0.5, atol=0.03)

# %% [markdown]
# ## Exercises

# %% [markdown]
# ### Exercise 1
#
# In the famous plots of grokking the jump comes after thousands of steps, here after three. What
# must be changed? Recall move 2: a sample switches on when the neuron leans to its side. Suppose
# that the initial weights are larger, so that before training a typical pre-activation is $\kappa$
# times what a sample's own pull does in one step. How does the step of the jump depend on $\kappa$?

# %% [markdown]
# ### Solution
#
# Samples that are off at the start sit at a depth proportional to $\kappa$ and are lifted at a
# constant rate, so they switch on, and the jump comes, after a number of steps proportional to
# $\kappa$. Grokking is slow where the initialisation is large, and a slope of one in a log-log plot
# is the test of it.

# %%
ratios = (0.005, 0.01, 0.02)
slow = replace(ci, init_ratios=ratios, slow_blocks=3)
jumps = experiment.time_the_jump(slow, key).step
for ratio, step in zip(ratios, jumps.mean(axis=0), strict=True):
    print(f"kappa = {ratio}: jump after {step:.0f} steps")
slope = np.polyfit(np.log(ratios), np.log(jumps.mean(axis=0)), 1)[0]
print(f"slope {slope:.2f}, predicted {theory.GROKKING_STEP_EXPONENT}")
assert abs(slope - theory.GROKKING_STEP_EXPONENT) < 0.15

# %% [markdown]
# ### Exercise 2
#
# What is the expected test accuracy at step two? And at step one, for a network with the activation
# $|z|$ in place of the ReLU?

# %% [markdown]
# ### Solution
#
# At step two the two kinds of neurons are equally strong and cancel in the leading order: chance
# decides once more, $\frac12$. The absolute value is even, so that after one step both clusters of
# a class get the *same* sign: a class is right twice or wrong twice. Its sign is chance, so the
# expectation is $\frac12$ again, but the variance is that of whole classes.

# %%
assert theory.clean_accuracy(0.1, 2) == 0.5
even = experiment.follow_sign_counts(replace(config, activation="abs"), key).wrong[:, 0, 1]
both = even.all(axis=2) | ~even.any(axis=2)
print(f"|z|: same verdict on both clusters of a class in {both.mean():.1%} of the cases")
print(f"|z|: test accuracy after one step {1 - even.mean():.2f}")
assert both.mean() > 0.99

# %% [markdown]
# ### Exercise 3
#
# Show that $u$ is uniform: given the data, each neuron's lean in step one is Gaussian around a
# common mean, $D_j\sim N(D/2,n/8)$, and the common mean is itself Gaussian, $D\sim N(0,n/2)$.

# %% [markdown]
# ### Solution
#
# Given $D$, a neuron leans to $+\mu_1$ with probability
# $\mathrm P(D_j>0)=\Phi\big(\tfrac{D/2}{\sqrt{n/8}}\big)=\Phi(d)$ with
# $d=D/\sqrt{n/2}\sim N(0,1)$. And $\Phi$ of a standard Gaussian is uniform.

# %%
leans = jax.random.normal(key, (100_000,))
shares = jax.scipy.stats.norm.cdf(leans)
print("quartiles of the share:", np.quantile(shares, [0.25, 0.5, 0.75]).round(2))
assert np.allclose(np.quantile(shares, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.01)
