# %% [markdown]
# # The largest learning rate: depth times width
#
# Above some learning rate a deep network does not even begin to train. You will predict how that
# rate depends on the shape of the network, measure it, and see that it is not two over the
# sharpness.

# %% [markdown]
# ## The idea
#
# A ReLU network with $L$ hidden layers of width $n$ starts from He's random weights, of variance
# $2$/fan-in. Its *maximal initial learning rate* $\eta^*$ is the largest rate at which gradient
# descent reaches a modest training accuracy at all. Iyer, Hanin and Rolnick (ICML 2023) found
# that it is a power of the product $Ln$, provided that the network is wide compared to its depth
# and that its input layer is trained slowly.
#
# Why the product? A step moves the outputs by $\eta$ times squared gradients. So first ask how
# large a gradient is.

# %%
from dataclasses import replace

import jax
import matplotlib.pyplot as plt
import numpy as np

from experiments.dynamics import maximal_initial_learning_rate as experiment
from harness.style import PREDICTED, use_in_notebook
from instruments import constant_width
from theory.dynamics import maximal_initial_learning_rate as theory

use_in_notebook()
key = jax.random.key(0)
rng = np.random.default_rng(0)
ci = experiment.SIZES["ci"]
inputs = experiment.load("bundled", ci.samples).inputs

# %% [markdown]
# ## A prediction to make by hand
#
# The gradient by the weights of layer $l$ is the outer product of what comes in, $h_{l-1}$, and
# of the error that comes back, $\delta_l$. Whether a unit is on is a fair coin, independent of
# how large its input is. Let $|x|^2=d$, the number of inputs.
#
# **Before you read on**: what are $\mathrm E|h_l|^2$ and $\mathrm E|\delta_l|^2$ for an error of
# size one at the output? So what is the mean squared gradient of one layer, and of all of them
# without the input layer? What is that of the input layer?
#
# (A layer doubles the mean square by its weights and halves it by its coins: $\mathrm
# E|h_l|^2=n$, $\mathrm E|\delta_l|^2=1$. One layer has $n$, all $L$ of them $Ln$: *depth times
# width*, exactly, at every width. The input layer has $|h_0|^2=d$, whatever the width: it is no
# part of the law, which is why it must be trained slowly.)

# %%
networks = constant_width.gaussian(
    rng, 200, depth=4, room=3, dimension=inputs.shape[1], width=64, outputs=10
)
squares = constant_width.first_order(networks, 4, inputs).squared_gradients
predicted = theory.squared_gradients(4, 64, inputs.shape[1])
for layer, (measured, exact) in enumerate(zip(squares.mean(axis=0), predicted, strict=True)):
    print(f"layer {layer + 1}: mean squared gradient {measured:.0f}, predicted {exact:.0f}")
assert np.allclose(squares.mean(axis=0), predicted, rtol=0.2)

# %% [markdown]
# ## The experiment
#
# Now search for $\eta^*$: from a rate that is much too large downwards, each time from the same
# start, until training on handwritten digits succeeds. Squared loss, depths 3 and 6, widths 64
# and 128.

# %%
config = replace(ci, runs=32)
run = experiment.find_rates(config, key)
rates = np.exp(run.squared.mean(axis=0))
product = np.array([depth * width for depth, width in config.squared_shapes])

figure, axes = plt.subplots(figsize=(5, 3.4))
for shape, rate in zip(config.squared_shapes, rates, strict=True):
    axes.loglog(shape[0] * shape[1], rate, "o", label=f"$L={shape[0]}$, $n={shape[1]}$")
line = rates.prod() ** 0.25 * (product / np.exp(np.log(product).mean())) ** -1.0
axes.loglog(product, line, **PREDICTED, label="slope $-1$")
axes.set(xlabel="depth times width $Ln$", ylabel="largest learning rate")
axes.legend()

depth_power, width_power = theory.exponents(config.squared_shapes, run.squared).mean(axis=0)
print(f"power of the depth {depth_power:.2f}, of the width {width_power:.2f}, predicted -1")
assert abs(width_power + 1) < 0.25

# %% [markdown]
# The width has the predicted power. The depth's is a little weaker: the prediction is about
# *mean* squared gradients, and in a narrow network typical ones are smaller than their mean, the
# more so the deeper it is. That is what the condition asks for, width that is large compared to
# depth.

# %% [markdown]
# ## Break it
#
# Why is it $1/(Ln)$ and not some other power? With squared loss the error grows with the outputs,
# and outputs that run away are lost. Take **cross-entropy** instead: the error $p-y$ of a softmax
# is bounded, outputs may grow, and what limits a step is the relative change of the weights of
# each layer, $\eta|h||\delta|/\|W\|\sim\eta\sqrt n$, which compounds over $L$ layers. The law
# becomes $1/(L\sqrt n)$, and the product $Ln$ decides no longer.

# %%
_, narrow = theory.exponents(config.cross_entropy_shapes, run.cross_entropy).mean(axis=0)
print(f"cross-entropy: power of the width {narrow:.2f}, predicted -0.5")
assert abs(narrow + 0.5) < 0.25

# %% [markdown]
# ## Exercises

# %% [markdown]
# ### Exercise 1
#
# With Xavier's initialization, variance $1$/fan-in, what is the mean squared gradient of a layer?
# What happens to the prediction at $L=10$?

# %% [markdown]
# ### Solution
#
# Every layer that the signal or the error passes loses half of its mean square, and the readout's
# weights have half the variance, while the layer whose gradient is taken does not count. That
# makes $L$ factors of $\frac12$: $n2^{-L}$, a thousandth at $L=10$.

# %%
halved = constant_width.gaussian(
    rng, 200, depth=4, room=3, dimension=inputs.shape[1], width=64, outputs=10, gain=1.0
)
ratio = constant_width.first_order(halved, 4, inputs).squared_gradients.mean() / squares.mean()
print(f"ratio to He's weights at L = 4: {ratio:.3f}, predicted {0.5**4:.3f}")
assert np.isclose(ratio, 0.5**4, rtol=0.25)

# %% [markdown]
# ### Exercise 2
#
# The *sharpness* $\lambda_1$ is the largest eigenvalue of the Hessian. Show that with squared
# loss, $\frac1{2N}\sum(f-y)^2$, and one output, its Gauss-Newton part has $\mathrm E\lambda_1\le
# Ln$ (without the input layer). Is the bound attained?

# %% [markdown]
# ### Solution
#
# The matrix $\frac1N\sum\nabla f\nabla f^\top$ has the trace $\frac1N\sum|\nabla f|^2$, of mean
# $Ln$, and the largest of nonnegative eigenvalues is at most their sum. It would be attained if
# the gradients at all inputs were parallel. They are not, and for wide networks the value is
# known: the largest eigenvalue of the tangent kernel.

# %%
for depth in (2, 8, 32):
    share = theory.sharpness(inputs.astype(float), depth, 100) / (depth * 100)
    print(f"L = {depth}: sharpness is {share:.2f} of depth times width")
    assert share < 1

# %% [markdown]
# ### Exercise 3
#
# Gradient descent on a quadratic converges exactly for $\eta<2/\lambda_1$. Measure
# $\eta^*\lambda_1$ for networks. Why is it larger?

# %% [markdown]
# ### Solution
#
# It is far above 2. At $\eta>2/\lambda_1$ the loss begins to grow, but a network is no quadratic:
# the growth lowers the sharpness, and training lands in a flatter place, from which it goes on.
# The sharpness at initialization is related to $\eta^*$ closely, but it is no limit.

# %%
classical = 2 / np.array(
    [theory.sharpness(inputs.astype(float), *shape) for shape in config.squared_shapes]
)
for shape, factor in zip(config.squared_shapes, rates / classical, strict=True):
    print(f"shape {shape}: largest rate is {factor:.1f} times 2 / sharpness")
assert np.all(rates > 1.5 * classical)
