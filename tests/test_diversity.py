"""Lists whose products do not repeat each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.errors import UsageError
from goeswith.ranking.diversity import mmr
from goeswith.testing.contracts import unit_vectors

UP, RIGHT = [0.0, 1.0], [1.0, 0.0]
BETWEEN = [0.6, 0.8]  # cosine 0.6 with RIGHT, 0.8 with UP


def test_each_step_is_computed_by_hand():
    scores = np.array([10.0, 9.0, 8.0, 6.0])  # relevance 1, 0.75, 0.5, 0
    vectors = np.array([RIGHT, RIGHT, BETWEEN, UP])

    order = mmr(scores, vectors, n=4, strength=0.5)

    # first 0; then 1: 0.375 - 0.5 = -0.125, 2: 0.25 - 0.3 = -0.05, 3: 0 - 0 = 0 -> 3
    # then 1: 0.375 - 0.5 * max(1, 0) = -0.125, 2: 0.25 - 0.5 * max(0.6, 0.8) = -0.15 -> 1
    assert order.tolist() == [0, 3, 1, 2]


def test_strength_zero_leaves_the_order():
    assert mmr(np.array([3.0, 2.0, 2.0, 1.0]), unit_vectors(4, 8), n=3, strength=0.0).tolist() == [0, 1, 2]


def test_strength_one_cares_for_unlikeness_alone_after_the_first():
    assert mmr(np.array([3.0, 2.0, 1.0]), np.array([RIGHT, BETWEEN, UP]), n=2, strength=1.0).tolist() == [0, 2]


def test_equal_scores_still_spread():
    assert mmr(np.ones(3), np.array([RIGHT, RIGHT, UP]), n=2, strength=0.3).tolist() == [0, 2]


@pytest.mark.parametrize("n", [0, 1, 5, 9])
def test_it_takes_n_or_all_there_are(n):
    assert len(mmr(np.arange(5.0), unit_vectors(5, 3), n=n, strength=0.5)) == min(n, 5)


def test_nothing_to_choose_from_gives_nothing():
    assert len(mmr(np.empty(0), np.empty((0, 3)), n=5, strength=0.5)) == 0


@given(
    scores=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12),
    strength=st.floats(0, 1),
    scale=st.floats(0.01, 100),
)
def test_places_are_distinct_and_the_best_comes_first(scores, strength, scale):
    table = np.array(scores)

    order = mmr(table, unit_vectors(len(table), 4), n=len(table), strength=strength)

    assert sorted(order.tolist()) == list(range(len(table)))
    assert table[order[0]] == table.max()


def test_the_unit_of_the_scores_does_not_matter():
    scores, vectors = np.array([0.9, 0.7, 0.6, 0.1]), unit_vectors(4, 4)

    assert mmr(scores, vectors, 4, 0.4).tolist() == mmr(1_000 * scores + 5, vectors, 4, 0.4).tolist()


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_a_strength_outside_its_range_is_refused(strength):
    with pytest.raises(UsageError, match=f"between 0 and 1, got {strength}"):
        mmr(np.ones(2), np.eye(2), n=2, strength=strength)


def test_scores_and_vectors_must_match():
    with pytest.raises(UsageError, match="got 3 scores and 2 vectors"):
        mmr(np.ones(3), np.eye(2), n=2, strength=0.5)
