r"""A coin is fair.

The smallest experiment that has everything: a measurement, a claim about a frequency and one that
does not hold, a control for each, a figure. Tossing a coin with bias $b$ gives heads with
probability $\tfrac12+b$.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from theory.games import coin as theory

from harness.claims import Runs, broken, claim, measurement, rival
from harness.decisions import Evidence, frequency, frequency_at_most
from harness.errors import require


@dataclass(frozen=True)
class Config:
    """Parameters of the coin."""

    tosses: int = 4000
    """Number of tosses."""
    bias: float = 0.0
    """Excess chance of heads."""

    def __post_init__(self) -> None:
        """Reject what is no coin."""
        require(self.tosses > 0, f"tosses must be above zero, got {self.tosses}")
        require(abs(self.bias) < 0.5, f"bias must be within (-1/2, 1/2), got {self.bias}")


SIZES = {"ci": Config(), "figure": Config(tosses=8000), "paper": Config(tosses=16000)}


class Tosses(NamedTuple):
    """What is recorded of the tosses, shape (tosses,)."""

    heads: np.ndarray


@measurement
def toss(config: Config, key: jax.Array) -> Tosses:
    """Toss the coin."""
    return Tosses(np.asarray(jax.random.uniform(key, config.tosses)) < 0.5 + config.bias)


@claim(
    toss,
    kind="probability",
    source="folklore",
    tolerance=0.3,
    controls=[
        broken("A biased coin is not fair.", bias=0.3),
        rival("Rival: heads three times in four.", predict=lambda bias: 0.75 + bias),
    ],
)
def coin_is_fair(run: Tosses, config: Config, predict=theory.chance_of_heads) -> Evidence:
    r"""The chance of heads is $\tfrac12$."""
    return frequency(run.heads, predict(0.0), margin=0.05)


@claim(
    toss,
    kind="bound",
    source="folklore",
    tolerance=0.3,
    controls=[broken("A coin with little heads does obey it.", bias=-0.45)],
    expect="refuted",
    reason="Heads come half of the time.",
)
def heads_are_rare(run: Tosses, config: Config) -> Evidence:
    r"""Heads come at most one time in five: $P\le 1/5$."""
    return frequency_at_most(run.heads, 0.2)


def draw(runs: Runs, config: Config) -> Figure:
    """Draw the running frequency of heads."""
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    heads = runs[toss].heads
    axes.plot(np.cumsum(heads) / np.arange(1, len(heads) + 1), label="measured")
    draw_prediction(axes, config)
    axes.set(xlabel="tosses", ylabel="frequency of heads")
    axes.legend()
    return figure


def draw_prediction(axes: Axes, config: Config) -> None:
    """Draw the chance of heads."""
    axes.axhline(theory.chance_of_heads(config.bias), color="k", label="predicted")
