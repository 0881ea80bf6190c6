"""The shop's own rules: what is hidden, what is put first, and why."""

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from goeswith.errors import UnknownId
from goeswith.ranking.rules import Change, RulesConfig, apply_rules, runs_out, says_no, settle, told
from goeswith.testing import corner_shop

LOG = corner_shop.log()


def settled(**options):
    return settle(RulesConfig(**options), LOG.products, LOG.items)


def rows(*ids):
    return LOG.items.rows(ids)


def ids(found):
    return LOG.items.ids(found).to_list()


def test_what_is_not_available_is_hidden():
    stay, changes = apply_rules(rows("coffee", "tea", "milk"), settled())

    assert ids(stay) == ["coffee", "milk"]
    assert changes == [Change("unavailable", row=rows("tea")[0])]


def test_what_is_not_available_can_be_shown_all_the_same():
    stay, changes = apply_rules(rows("coffee", "tea"), settled(hide_unavailable=False))

    assert ids(stay) == ["coffee", "tea"]
    assert changes == []


def test_no_stock_hides_and_an_unknown_stock_does_not():
    stock = [0 if name == "bread" else None for name in LOG.items.series]
    rules = settle(RulesConfig(), LOG.products.with_columns(stock=pl.Series(stock)), LOG.items)

    stay, changes = apply_rules(rows("bread", "butter"), rules)

    assert ids(stay) == ["butter"]
    assert [change.rule for change in changes] == ["out of stock"]


def test_what_is_banned_is_never_shown():
    stay, changes = apply_rules(rows("bread", "butter"), settled(ban=("butter",)))

    assert ids(stay) == ["bread"]
    assert [change.rule for change in changes] == ["banned"]


def test_pins_come_first_in_their_own_order():
    stay, changes = apply_rules(rows("bread", "butter", "jam", "milk"), settled(pin=("milk", "jam")))

    assert ids(stay) == ["milk", "jam", "bread", "butter"]
    assert [change.rule for change in changes] == ["pinned", "pinned"]


def test_a_pin_that_is_hidden_or_not_a_candidate_is_not_shown():
    stay, _ = apply_rules(rows("bread", "tea"), settled(pin=("tea", "jam")))

    assert ids(stay) == ["bread"]


def test_without_rules_nothing_changes():
    stay, changes = apply_rules(rows("jam", "bread"), settle(RulesConfig(), LOG.products.drop("available"), LOG.items))

    assert ids(stay) == ["jam", "bread"]
    assert changes == []


def test_no_candidates_stay_none():
    stay, changes = apply_rules(np.empty(0, dtype=np.int64), settled(pin=("jam",)))

    assert len(stay) == 0
    assert changes == []


def test_changes_are_told_in_words():
    _, changes = apply_rules(rows("tea", "bread", "jam"), settled(pin=("jam",)))

    assert told(changes, LOG.products["name"]) == [
        "Green Tea 100 g: hidden, unavailable",
        "Strawberry Jam 340 g: put first, pinned",
    ]


def test_a_product_cannot_be_banned_and_pinned():
    with pytest.raises(ValidationError, match="banned and pinned at once: jam"):
        RulesConfig(ban=("jam", "tea"), pin=("jam",))


def test_an_unknown_product_in_a_rule_is_named():
    with pytest.raises(UnknownId, match="jamm"):
        settled(ban=("jamm",))


@pytest.mark.parametrize(
    ("column", "hidden"),
    [
        (pl.Series([True, False, None]), [False, True, False]),
        (pl.Series([1, 0, None]), [False, True, False]),
        (pl.Series(["yes", " No ", None]), [False, True, False]),
        (pl.Series(["是", "否", "缺货"]), [False, True, True]),
    ],
)
def test_a_column_of_yes_and_no_may_have_any_type(column, hidden):
    assert says_no(column).tolist() == hidden


def test_a_stock_written_as_text_is_read():
    assert runs_out(pl.Series(["3", "0", "-1", "many", None])).tolist() == [False, True, True, False, False]
