"""What the rankers learn of somebody new: a few products of theirs are known, the others are asked for."""

from datetime import datetime
from types import SimpleNamespace

import numpy as np

from goeswith.ranking.training import ACQUAINTED, _acquainted


def slice_of(purchases):
    customer, item = np.array([(who, what) for who, items in purchases.items() for what in items]).T
    return SimpleNamespace(customer=customer, item=item, now=datetime(2024, 1, 1))


def test_what_is_known_of_a_stranger_is_not_asked_for_and_nothing_is_lost():
    bought = {3: [1, 2, 3, 4, 5, 6, 7], 8: [9], 9: [2, 5]}

    for seed in range(20):
        seen, left = _acquainted(slice_of(bought), np.array([3, 8, 9]), np.ones(10, bool), np.random.default_rng(seed))

        for who, known, asked in zip(bought, seen, left, strict=True):
            assert sorted([*known, *asked]) == sorted(bought[who])
            assert len(asked) >= 1
            assert len(known) <= max(ACQUAINTED)


def test_a_product_whose_past_was_taken_away_is_never_what_is_known():
    allowed = np.ones(10, bool)
    allowed[[2, 5]] = False

    for seed in range(20):
        seen, _ = _acquainted(slice_of({9: [2, 5, 6, 7]}), np.array([9]), allowed, np.random.default_rng(seed))

        assert not {2, 5} & set(seen[0].tolist())


def test_some_strangers_are_known_by_nothing_and_some_by_several_products():
    many = {who: list(range(8)) for who in range(100)}

    seen, _ = _acquainted(slice_of(many), np.arange(100), np.ones(8, bool), np.random.default_rng(0))

    assert {len(known) for known in seen} == set(ACQUAINTED)
