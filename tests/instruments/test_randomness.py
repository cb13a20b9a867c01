"""Keys and generators."""

import jax

from instruments.randomness import generator


def test_a_key_seeds_a_generator():
    first, again, other = (generator(jax.random.key(seed)).random(3) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    split = generator(jax.random.split(jax.random.key(0))[1]).random(3)
    assert split.tolist() != first.tolist()
