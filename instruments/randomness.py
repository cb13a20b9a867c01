"""Randomness for numpy from the keys of JAX."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import PRNGKeyArray


def generator(key: PRNGKeyArray) -> np.random.Generator:
    """A generator that draws the same numbers for the same key."""
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))
