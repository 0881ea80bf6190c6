"""Whose basket may it be: naive Bayes over customers, and what it is used for."""

from datetime import datetime

import numpy as np
import pytest
from scipy.sparse import csr_array

from goeswith.association.habits import ANYBODY, CAUTION, fit_habits, lately, often
from goeswith.association.histories import histories_from

NOW = datetime(2024, 3, 1)
TEA, MILK, JAM = 0, 1, 2
# Ann: tea and milk, then tea. Bob: jam, then jam and milk.
HISTORIES = histories_from([[[TEA, MILK], [TEA]], [[JAM], [JAM, MILK]]], NOW)


def basket(*items: int) -> csr_array:
    held = np.zeros((1, 3), np.float32)
    held[0, list(items)] = 1.0
    return csr_array(held)


def test_a_habit_is_the_share_of_baskets() -> None:
    table = HISTORIES.matrix(often(HISTORIES), 3).toarray()
    assert table.tolist() == [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]


def test_lately_is_measured_against_the_favourite() -> None:
    table = HISTORIES.matrix(lately(HISTORIES), 3).toarray()
    assert table[0, TEA] == 1.0 and table[1, JAM] == 1.0
    assert 0 < table[0, MILK] < 0.5 < table[1, MILK] < 1.0  # Ann's milk is in the older basket, Bob's in the newer


def test_the_odds_of_who_filled_a_basket_by_hand() -> None:
    likely = fit_habits(HISTORIES, np.arange(2), 3).who_filled(basket(TEA)).toarray()[0]
    told = np.log1p(1.0 * (1 - ANYBODY) / (ANYBODY * 0.5))  # tea: in all of Ann's baskets, in half of everybody's
    assert likely[0] / likely[1] == pytest.approx(np.exp(CAUTION * told), rel=1e-3)
    assert likely.sum() == pytest.approx(1.0)


def test_what_both_buy_tells_nothing() -> None:
    assert fit_habits(HISTORIES, np.arange(2), 3).who_filled(basket(MILK)).toarray()[0] == pytest.approx([0.5, 0.5])


def test_a_shop_without_customers_has_no_habits() -> None:
    nobody = fit_habits(histories_from([], NOW), np.zeros(0, np.int64), 3)
    assert nobody.who_filled(basket(TEA)).shape == (1, 0)
    assert (nobody.who_filled(basket(TEA)) @ nobody.often).shape == (1, 3)
