"""Folding measures by hand, and bisection against all pieces."""

import numpy as np
import pytest

from instruments.folding import bisect, fold
from instruments.linear_regions.networks import he_weights, relu_network
from instruments.linear_regions.segments import pieces


def test_there_and_back_again():
    there_and_back = np.array([[0, 0], [1, 0], [1, 1], [1, 0]])
    assert fold(there_and_back) == (2, 3)
    assert fold(there_and_back).measure == pytest.approx(1 / 3)
    assert fold(there_and_back[:3]).measure == 0
    assert fold(there_and_back[:1]) == (0, 0)
    assert fold(there_and_back[:1]).measure == 0
    # Labels of more than two pieces count once.
    assert fold(np.array([[0], [1], [2]])) == (1, 2)


def test_bisection_finds_every_piece():
    rng = np.random.default_rng(0)
    weights = he_weights(rng, [5, 12, 12, 12, 1])
    network = relu_network(weights, [rng.normal(size=len(w)) for w in weights])
    for start, end in rng.normal(size=(5, 2, 5)):
        found = pieces(network, start, end)

        def pattern_at(places, start=start, end=end):
            states = network.states(start + places[:, None] * (end - start))
            return np.concatenate(states, axis=1)

        halved = bisect(pattern_at, 40)
        changes = np.any(halved.patterns[1:] != halved.patterns[:-1], axis=1)
        assert np.array_equal(halved.patterns[np.concatenate([[True], changes])], found.patterns)
        assert halved.evaluations <= 2 + 40 * (len(found.breaks) - 2)
        assert len(bisect(pattern_at, 0).patterns) == 2
