"""Parts of a log that are held back."""

from datetime import datetime

import polars as pl
import pytest

from goeswith.data.log import Log
from goeswith.data.split import cut_by_share, split_at, split_by_basket, split_by_product
from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import UsageError


@pytest.fixture
def log():
    """Ten days, a basket of two products each, and one view."""
    rows = [(item, day, datetime(2024, 5, day + 1), "purchase") for day in range(10) for item in (day, (day + 1) % 10)]
    events = pl.DataFrame(
        [*rows, (3, None, datetime(2024, 5, 5), "view")], schema=["item", "basket", "time", "event"], orient="row"
    )
    ids = pl.Series([f"p{n}" for n in range(10)])
    return Log(
        pl.DataFrame({"product_id": ids}),
        Vocabulary(ids, "product"),
        Vocabulary(pl.Series([], dtype=pl.String), "customer"),
        events.sort("time"),
    )


def test_a_split_by_time_puts_the_moment_itself_before(log):
    before, after = split_at(log, datetime(2024, 5, 4))

    assert (len(before.events), len(after.events)) == (8, 13)
    assert before.n_items == after.n_items == 10


def test_a_split_by_basket_keeps_baskets_whole_and_is_the_same_for_a_seed(log):
    kept, held = split_by_basket(log, 0.3, seed=1)

    assert held.events["basket"].n_unique() == 3
    assert not set(kept.purchases["basket"]) & set(held.purchases["basket"])
    assert len(kept.events) + len(held.events) == len(log.events)
    assert split_by_basket(log, 0.3, seed=1)[1].events.equals(held.events)


def test_hidden_products_are_gone_from_behaviour(log):
    hidden = split_by_product(log, 0.2, seed=0)

    assert len(hidden) == 2
    assert not set(log.without(pl.col("item").is_in(hidden)).events["item"]) & set(hidden.tolist())


@pytest.mark.parametrize(("share", "day"), [(0.2, 8), (0.5, 5), (1.0, 1), (0.0, 10)])
def test_a_cut_by_share_leaves_that_share_of_purchases_later(share, day, log):
    assert cut_by_share(log, share) == datetime(2024, 5, day)


def test_a_share_is_between_none_and_all(log):
    with pytest.raises(UsageError, match=r"between 0 and 1; got 1\.5"):
        split_by_basket(log, 1.5)
