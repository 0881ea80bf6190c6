"""How the benchmark of campaigns counts, on lists short enough to count by hand."""

import numpy as np
import pytest

from campaigns import auc, found_first


@pytest.mark.parametrize(
    ("score", "expected"),
    [([4, 3, 2, 1], 0.75), ([1, 1, 1, 1], 0.5), ([1, 4, 3, 2], 0.25)],
    ids=["three pairs of four", "all level", "one pair of four"],
)
def test_auc_is_the_share_of_pairs_in_the_right_order(score, expected):
    redeemed = np.array([True, False, True, False])

    assert auc(np.array(score, float), redeemed) == pytest.approx(expected)


def test_the_first_tenth_shares_its_last_place_among_those_who_are_level():
    """Of twenty the first is found; nineteen share the second place, and one of them is right."""
    score, redeemed = np.zeros(20), np.zeros(20, bool)
    score[0], redeemed[[0, 5]] = 9.0, True

    assert found_first(score, redeemed) == pytest.approx((1 + 1 / 19) / 2)
