"""The peers of the benchmarks on shops so small that their answers are known beforehand."""

import builtins
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
import torch
from scipy.sparse import csr_array

import peer_settings
from fp_growth import FpGrowth, frequent_sets, rules_of
from implicit_peers import with_history
from peers import PEERS, Material, PeerLeftOut, fitted, tifu
from plain_log import plain_log
from sasrec import SasRec, in_order, pieces
from tune_peers import combinations

BREAD, BUTTER, JAM, TEA = range(4)
NAMES = ["bread", "butter", "jam", "tea"]
NOBODY = np.zeros(0, np.int64)
FITTED = ["fp-growth", "bm25", "als", "bpr", "sasrec"]
QUICK = {"bpr": {"iterations": 5}, "sasrec": {"epochs": 2}, "fp-growth": {"support": 0.2}}


def shop(baskets, per_customer=1):
    """A log with a basket a day; so many baskets in a row are one customer's."""
    rows = [
        (f"c{number // per_customer}", number, NAMES[item], datetime(2026, 1, 1) + timedelta(days=number))
        for number, basket in enumerate(baskets)
        for item in basket
    ]
    events = pl.DataFrame(rows, schema=["customer_id", "basket_id", "product_id", "timestamp"], orient="row")
    products = pl.DataFrame({"product_id": NAMES, "name": NAMES})
    return plain_log(products, events, events["customer_id"].unique().sort())


def holding(*baskets):
    table = np.zeros((len(baskets), len(NAMES)), np.float32)
    for row, basket in enumerate(baskets):
        table[row, list(basket)] = 1
    return csr_array(table)


BREAKFASTS = [{BREAD, BUTTER, JAM}, {BREAD, BUTTER, JAM}, {BREAD, BUTTER}, {BREAD}, {TEA}]


def test_frequent_sets_are_those_that_enough_baskets_hold():
    sets = frequent_sets(holding(*BREAKFASTS), support=0.4, largest=3)

    assert sets == {
        frozenset({BREAD}): 0.8,
        frozenset({BUTTER}): 0.6,
        frozenset({JAM}): 0.4,
        frozenset({BREAD, BUTTER}): pytest.approx(0.6),
        frozenset({BREAD, JAM}): pytest.approx(0.4),
        frozenset({BUTTER, JAM}): pytest.approx(0.4),
        frozenset({BREAD, BUTTER, JAM}): pytest.approx(0.4),
    }


def test_nothing_is_frequent_enough():
    assert frequent_sets(holding(*BREAKFASTS), support=0.9, largest=3) == {}


def test_confidence_is_the_share_of_baskets_with_the_condition():
    rules = {(held, item): confidence for held, item, confidence in rules_of({
        frozenset({BREAD}): 0.8, frozenset({BUTTER}): 0.6, frozenset({BREAD, BUTTER}): 0.6,
    })}  # fmt: skip

    assert rules[frozenset({BREAD}), BUTTER] == pytest.approx(0.6 / 0.8)
    assert rules[frozenset({BUTTER}), BREAD] == 1.0


def test_the_best_rule_whose_condition_is_in_the_basket_scores():
    peer = FpGrowth(shop(BREAKFASTS), support=0.4)

    block = peer.baskets(holding({BREAD}, {BREAD, BUTTER}, {TEA}), None, np.array([BUTTER, JAM]))

    np.testing.assert_allclose(block[0], [3 / 4, 2 / 4])  # of four with bread, three hold butter and two jam
    np.testing.assert_allclose(block[1], [3 / 4, 2 / 3])  # of three with butter, two hold jam; with both: the same
    np.testing.assert_allclose(block[2], [0, 0])


def test_rules_answer_where_no_set_is_frequent():
    assert FpGrowth(shop(BREAKFASTS), support=1.0).baskets(holding({BREAD}), None, np.arange(4)).max() == 0


def test_a_basket_is_folded_in_beside_what_its_customer_bought():
    bought = holding({BREAD}, {TEA})

    both = with_history(holding({JAM}, {JAM}), bought, np.array([1, -1])).toarray()

    assert both.tolist() == [[0, 0, 1, 1], [0, 0, 1, 0]]
    assert with_history(holding({JAM}), bought, None).toarray().tolist() == [[0, 0, 1, 0]]


def test_histories_are_in_the_order_of_time():
    log = shop([{TEA}, {BREAD}, {JAM}, {BUTTER}], per_customer=2)

    assert [held.tolist() for held in in_order(log)] == [[TEA, BREAD], [JAM, BUTTER]]


def test_every_step_but_the_first_is_asked_once():
    cut = pieces([np.arange(1, 12)], 4)

    asked = np.concatenate([piece[1:] for piece in cut])

    assert sorted(asked.tolist()) == list(range(2, 12))
    assert max(map(len, cut)) == 4


def test_sasrec_learns_what_always_follows():
    log = shop([{BREAD}, {BUTTER}, {JAM}] * 40, per_customer=3)
    peer = SasRec(log, dimensions=16, length=4, blocks=1, epochs=60, dropout=0.0, rate=1e-2)

    block = peer.baskets(holding({BREAD}, {BREAD, BUTTER}), None, np.array([BREAD, BUTTER, JAM]))

    assert block.argmax(axis=1).tolist() == [1, 2]


def test_sasrec_does_not_see_what_comes_after():
    net = SasRec(shop([{BREAD}, {BUTTER}]), dimensions=8, length=4, epochs=0)._net.eval()

    short, long = net(torch.tensor([[1, 2]])), net(torch.tensor([[1, 2, 1, 0]]))

    torch.testing.assert_close(short, long[:, :2])


@pytest.mark.parametrize("name", FITTED)
def test_a_peer_answers_customers_and_strangers_with_what_was_sold(name):
    log = shop([{BREAD, BUTTER}, {BREAD, JAM}, {BREAD, BUTTER}, {BUTTER, JAM}] * 3, per_customer=2)
    peer = fitted(name, Material(log, [[]] * 4, NAMES, 1), QUICK.get(name, {}))

    customers = peer.recommend_many(["c0", "c1"], n=3)
    novel = peer.recommend_many(["c0"], n=3, novel=True)
    baskets = peer.complete_many([["bread"], []], n=3)
    known = peer.complete_many([["bread"], ["jam"]], customers=["c0", None], n=3)

    assert set(customers["product_id"]) <= {"bread", "butter", "jam"}
    assert customers["rank"].to_list() == [1, 2, 3] * 2
    assert novel.is_empty()  # c0 has bought all three
    assert baskets.filter(pl.col("basket") == 0)["product_id"].sort().to_list() == ["butter", "jam"]
    assert baskets.filter(pl.col("basket") == 1)["product_id"][0] in {"bread", "butter"}  # the best sellers
    assert known["basket"].n_unique() == 2


@pytest.mark.parametrize("name", FITTED)
def test_the_same_seed_gives_the_same_peer(name):
    log = shop([{BREAD, BUTTER}, {BREAD, JAM}, {TEA, BUTTER}] * 4, per_customer=2)
    material = Material(log, [[]] * 4, NAMES, 1)

    first, second = (fitted(name, material, QUICK.get(name, {})).complete_many([["bread"]]) for _ in range(2))

    assert first.equals(second)


def test_a_peer_without_its_package_is_named_and_left_out(monkeypatch):
    real = builtins.__import__

    def without_implicit(name, *rest, **named):
        if name.startswith("implicit."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_implicit)

    with pytest.raises(PeerLeftOut, match=r"als needs implicit.* pip install"):
        fitted("als", Material(shop(BREAKFASTS), [[]] * 4, NAMES, 1))


def test_every_choice_stands_in_its_grid():
    for chosen in peer_settings.CHOSEN.values():
        for name, settings in chosen.items():
            assert name in PEERS
            assert settings in combinations(peer_settings.GRIDS[name])


def test_baskets_of_one_minute_are_always_taken_in_the_same_order():
    n = 3_000
    same = datetime(2026, 1, 1)
    rows = [(f"c{at // 2:04}", at, NAMES[at % 3], same) for at in range(n)]
    events = pl.DataFrame(rows, schema=["customer_id", "basket_id", "product_id", "timestamp"], orient="row")
    log = plain_log(pl.DataFrame({"product_id": NAMES}), events, events["customer_id"].unique().sort())

    frequency = tifu(log, n_neighbours=3, own_share=1.0).toarray()

    first, second = np.arange(n) % 3, np.arange(n) // 2
    latest = np.zeros_like(frequency)
    latest[second[1::2], first[1::2]] = 1 / 2  # the second basket is the later group
    latest[second[0::2], first[0::2]] += 0.7 / 2
    np.testing.assert_allclose(frequency, latest, rtol=1e-5)
