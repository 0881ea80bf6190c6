"""Products made to look new for the question what a language model adds to them."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cold_draws import compared, with_hidden
from goeswith.evaluation.protocol import Exam, Task
from trials import Trial

CUT = datetime(2024, 3, 1)
PRODUCTS = [f"p{at:02}" for at in range(20)]


def a_trial(events: list[tuple[str, str, int]]) -> Trial:
    """events : customer, product, days after the cut. Everybody is asked for all that they bought after it."""
    table = pl.DataFrame(events, schema=["customer_id", "product_id", "day"], orient="row")
    table = table.with_columns(timestamp=pl.lit(CUT) + pl.col("day") * timedelta(days=1))
    after = table.filter(pl.col("day") > 0)
    people = after["customer_id"].unique().sort()
    truth = after.select(
        query=pl.col("customer_id").replace_strict(people, range(len(people))), product_id="product_id"
    )
    asked = Task("next", "", truth.cast({"query": pl.Int64}), people, novel=True, among=pl.Series(PRODUCTS))
    products = pl.DataFrame({"product_id": PRODUCTS, "name": PRODUCTS})
    return Trial("small", "validation", Exam(products, [asked], CUT, ""), products, table, CUT, None, [])  # type: ignore[arg-type]


@pytest.fixture
def trial() -> Trial:
    """ann bought everything before and after; bob all of it after, and before it p00 alone."""
    bought = [("ann", product, day) for product in PRODUCTS for day in (-1, 1)]
    return a_trial([*bought, ("bob", "p00", -1), *(("bob", product, 1) for product in PRODUCTS)])


def test_a_tenth_of_the_products_leaves_the_past_and_is_asked_for(trial):
    drawn, task = with_hidden(trial, 0)

    hidden = set(task.among)
    assert len(hidden) == 2
    assert hidden.isdisjoint(drawn.events["product_id"])
    assert set(task.truth["product_id"]) == hidden
    assert task.customers is not None
    assert task.customers.to_list() == ["ann", "bob"]


def test_a_draw_is_the_same_each_time_and_another_draw_another(trial):
    first, again, other = (set(with_hidden(trial, draw)[1].among) for draw in (0, 0, 1))

    assert first == again != other


def test_a_customer_whose_whole_past_is_hidden_is_not_asked(trial):
    drawn = [with_hidden(trial, draw)[1] for draw in range(40)]

    of_bob = [task for task in drawn if "p00" in set(task.among)]
    assert 0 < len(of_bob) < len(drawn)
    assert all(task.customers.to_list() == ["ann"] for task in of_bob)


def test_the_pool_of_all_draws_is_compared():
    having = [{"recall": np.array([0.5, 0.7])}, {"recall": np.array([0.3])}]
    lacking = [{"recall": np.array([0.4, 0.6])}, {"recall": np.array([0.2])}]

    line = compared("recall", having, lacking)

    assert line == "  recall of 3: 0.5000 with M, 0.4000 without, +0.1000 [+0.1000, +0.1000]"
