"""Reasons: what is said, in which words, and what is left unsaid."""

import json
import re
import time
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from goeswith.association.counts import basket_matrix, count_pairs
from goeswith.errors import UsageError
from goeswith.explain.book import EvidenceBook
from goeswith.explain.chinese import PHRASES as CHINESE
from goeswith.explain.english import PHRASES as ENGLISH
from goeswith.explain.explanation import explain_pair, explain_recommendation
from goeswith.testing import corner_shop

LOG = corner_shop.log()
COUNTS = count_pairs(basket_matrix(LOG))
BOOK = EvidenceBook(LOG)


def row(product):
    return int(LOG.items.rows([product])[0])


def customer(name):
    return int(LOG.customers.rows([name])[0])


def why(a, b, **more):
    return explain_pair(BOOK, COUNTS, row(a), row(b), **more)


def why_for(name, item, **more):
    history = BOOK.trips_of(customer(name)).item
    return explain_recommendation(BOOK, COUNTS, history, row(item), customer=customer(name), **more)


def numbers_of(explanation, kind):
    return next(piece.numbers for piece in explanation.evidence if piece.kind == kind)


def kinds_of(explanation):
    return [piece.kind for piece in explanation.evidence]


def only_jam(item, k):
    """A text model that knows one neighbour."""
    return np.array([row("jam")]), np.array([0.8])


def test_baskets_of_pasta_with_basil_are_counted_by_hand():
    numbers = numbers_of(why("pasta", "basil"), "baskets")

    assert numbers["both"] == 4
    assert numbers["with_a"] == 7
    assert numbers["confidence"] == 4 / 7
    assert numbers["lift"] == pytest.approx(25 * 4 / (7 * 4))


def test_toner_follows_the_printer_and_not_the_other_way_round():
    there, back = (numbers_of(why(*pair), "later") for pair in (("printer", "toner"), ("toner", "printer")))

    assert (there["after"], there["before"], there["buyers_a"]) == (3, 0, 3)  # dora, ana and emil
    assert (back["after"], back["before"]) == (0, 3)


def test_what_follows_is_only_counted_within_the_window():
    assert numbers_of(why("printer", "toner", window_days=7), "later")["after"] == 2  # emil waits eleven days
    assert "later" not in kinds_of(why("printer", "toner", window_days=1))


def test_a_pair_that_nobody_bought_together_is_not_said_to_go_together():
    explanation = why("oat-milk", "milk")

    assert explanation.sentence.startswith("None of 3 baskets with Oat Milk Barista 1 l has Whole Milk 1 l;")
    assert "times chance" not in explanation.sentence


def test_the_rarest_shared_attribute_and_word_come_first():
    explanation = why("butter", "basil")

    (shared,) = (piece for piece in explanation.evidence if piece.kind == "attribute")
    assert shared.words["value"] == "Alpine"
    assert shared.numbers == {"n_with": 3, "n_products": 13}  # butter, basil and milk
    assert list(numbers_of(why("tomato-sauce", "basil"), "words")["n_with"]) == ["basil"]


def test_two_products_of_one_name_are_told_apart_by_their_ids():
    named_alike = corner_shop.products().with_columns(name=pl.lit("Groceries"))
    log = corner_shop.as_log(named_alike, corner_shop.events())

    explanation = explain_pair(log, COUNTS, row("pasta"), row("basil"))

    assert explanation.sentence.startswith("4 of 7 baskets with Groceries (pasta) have Groceries (basil)")


def test_a_price_is_compared_with_the_other():
    numbers = numbers_of(why("printer", "toner"), "price")

    assert numbers == {"price_a": 120.0, "price_b": 48.0, "ratio": 0.4}


def test_a_catalogue_without_prices_uses_what_was_paid():
    log = corner_shop.as_log(corner_shop.products().drop("price"), corner_shop.events())

    explanation = explain_pair(log, COUNTS, row("printer"), row("toner"))

    assert numbers_of(explanation, "price")["ratio"] == pytest.approx(0.4)


def test_a_product_never_sold_borrows_from_its_neighbour():
    explanation = why("bread", "honey", similar=only_jam)

    assert kinds_of(explanation)[:2] == ["unsold", "borrowed"]
    assert numbers_of(explanation, "borrowed") == {"cosine": 0.8, "both": 3, "with_other": 11}


def test_a_neighbour_far_behind_the_nearest_lends_nothing():
    rows, cosines = np.array([row("jam"), row("butter")]), np.array([0.8, 0.2])

    explanation = why("bread", "honey", similar=lambda item, k: (rows, cosines))

    assert kinds_of(explanation).count("borrowed") == 1  # butter sells with bread, but is not like honey


def test_two_products_never_sold_are_both_named():
    products = pl.concat(
        [corner_shop.products(), corner_shop.products().tail(1).with_columns(product_id=pl.lit("new"))]
    )
    log = corner_shop.as_log(products, corner_shop.events())

    explanation = explain_pair(log, count_pairs(basket_matrix(log)), row("honey"), 13)

    assert kinds_of(explanation)[:2] == ["unsold", "unsold"]


def test_a_customers_own_purchases_come_first():
    explanation = why_for("ana", "jam")

    assert explanation.evidence[0].numbers == {
        "times": 3,  # 1, 15 and 29 January
        "last": "2024-01-29",
        "days_since": 9,  # until 7 February
        "usual_gap_days": 14.0,
    }


def test_one_purchase_has_no_usual_gap():
    explanation = why_for("ana", "printer")

    assert numbers_of(explanation, "own")["usual_gap_days"] is None
    assert "usually" not in explanation.sentence


def test_looking_and_bringing_back_are_told_apart():
    assert numbers_of(why_for("ana", "printer"), "browsed") == {
        "view": 1,
        "cart": 1,
        "wish": 0,
        "last": "2024-01-21",
    }
    assert numbers_of(why_for("dora", "toner"), "returned") == {"times": 1, "last": "2024-01-30"}


def test_the_three_purchases_that_carried_the_score_are_named_with_their_share():
    rows = np.array([row("bread"), row("butter"), row("jam"), row("printer"), row("toner")])
    weights = np.array([1.0, 0.5, 0.0, 2.5, -1.0])

    explanation = why_for("ana", "coffee", contributions=(rows, weights))

    carried = [piece for piece in explanation.evidence if piece.kind == "carried"]
    assert [piece.words["product"].split()[0] for piece in carried] == ["Laser", "Sourdough", "Salted"]
    assert [piece.numbers["share"] for piece in carried] == [2.5 / 4, 1 / 4, 0.5 / 4]  # the negative is left out
    assert carried[1].numbers["times"] == 6


def test_without_contributions_nothing_is_said_to_have_carried_the_score():
    explanation = why_for("ana", "coffee")

    assert "carried" not in kinds_of(explanation)
    assert "score" not in explanation.sentence


def test_a_history_of_nobody_known_is_not_called_a_customers():
    explanation = explain_recommendation(BOOK, COUNTS, [row("pasta"), row("tomato-sauce")], row("basil"))

    assert kinds_of(explanation) == ["companion", "companion", "popular"]
    assert "this customer" not in explanation.sentence
    assert numbers_of(explanation, "companion")["times"] is None


def test_the_past_is_looked_back_on_from_the_moment_given():
    explanation = why_for("ana", "jam", now=datetime(2024, 3, 30, 9))

    assert numbers_of(explanation, "own")["days_since"] == 61
    assert "popular" not in kinds_of(explanation)  # nothing was sold in the thirty days before


def test_a_probability_is_told_with_its_interval():
    given = SimpleNamespace(value=0.5, low=0.25, high=0.75)

    explanation = why("pasta", "basil", probability=given)

    assert explanation.sentence.startswith(
        "The estimated probability of Fresh Basil in a Pot is 50.0 % (between 25.0 % and 75.0 %);"
    )


def test_no_evidence_is_said_to_be_none():
    bare = corner_shop.as_log(pl.DataFrame({"product_id": ["a", "b"]}), corner_shop.events().clear())
    counts = count_pairs(basket_matrix(bare))

    explanation = explain_recommendation(bare, counts, [], 0)

    assert explanation.sentence == "No basket has a yet."
    assert explain_pair(bare, counts, 0, 1).sentence == "No basket has a yet; no basket has b yet."


def test_an_explanation_prints_itself_and_becomes_json():
    explanation = why("printer", "toner", similarity=0.5)

    assert str(explanation).startswith(explanation.sentence)
    assert all(piece.text in str(explanation) for piece in explanation.evidence)
    assert json.loads(json.dumps(explanation.to_dict()))["evidence"][0]["numbers"]["with_a"] == 3


def test_reasons_for_a_table_are_short_and_at_most_three():
    reasons = why("printer", "toner").reasons

    assert reasons == ["later bought by 3 of 3 with Laser Printer Black and White", "same brand", "same category"]


def test_every_number_of_the_text_is_among_the_numbers():
    for explanation in (why("pasta", "basil", similarity=0.5), why("printer", "toner"), why_for("ana", "jam")):
        for piece in explanation.evidence:
            said = piece.text
            for name in piece.words.values():
                said = said.replace(name, "")
            known = {f"{float(n):.2g}" for n in re.findall(r"\d+\.?\d*", json.dumps(piece.numbers))}
            assert {f"{float(n):.2g}" for n in re.findall(r"\d+\.?\d*", said)} <= known, piece


def test_chinese_says_the_same_kinds_with_the_same_numbers():
    english, chinese = why("printer", "toner"), why("printer", "toner", language="zh")

    assert ENGLISH.keys() == CHINESE.keys()
    assert [piece.numbers for piece in english.evidence] == [piece.numbers for piece in chinese.evidence]
    assert chinese.sentence.startswith("含有“Laser Printer Black and White”的3个购物篮中，0个有“Toner")


def test_a_language_that_is_not_spoken_is_refused():
    with pytest.raises(UsageError, match='one of en, zh, got "fr"'):
        why("pasta", "basil", language="fr")


def test_a_second_question_to_the_same_book_takes_milliseconds():
    planted = corner_shop.big_corner_shop(n_customers=100, n_weeks=12)
    log = planted.log()
    book, counts = EvidenceBook(log), count_pairs(basket_matrix(log))
    explain_pair(book, counts, 0, 1)

    start = time.perf_counter()
    for b in range(2, 42):
        explain_pair(book, counts, 0, b)

    assert (time.perf_counter() - start) / 40 < 0.02
