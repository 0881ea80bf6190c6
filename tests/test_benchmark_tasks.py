"""The questions of the benchmarks, counted by hand."""

from datetime import datetime

import numpy as np
import polars as pl

from ablation import MuteEncoder, within
from goeswith.evaluation.protocol import Task
from newcomers import without_some
from protocol_tasks import Slice, ask_newcomers, protocol_tasks

CUT = datetime(2026, 1, 31)


def sales(*rows):
    """(customer, basket, product, day of January), or of February above 31."""
    return pl.DataFrame(
        [(who, basket, what, datetime(2026, 1 + (day > 31), (day - 1) % 31 + 1)) for who, basket, what, day in rows],
        schema={"customer_id": pl.String, "basket_id": pl.Int64, "product_id": pl.String, "timestamp": pl.Datetime},
        orient="row",
    )


def test_a_newcomer_is_asked_with_none_one_and_three_first_purchases_known():
    test = sales(
        ("Ida", 1, "tea", 32), ("Ida", 1, "bread", 32), ("Ida", 2, "bread", 33), ("Ida", 2, "oil", 33),
        ("Ida", 3, "jam", 34), ("Ida", 3, "hidden", 34), ("Jo", 4, "tea", 35), ("Jo", 4, "jam", 35),
    )  # fmt: skip
    among = pl.Series("product_id", ["bread", "jam", "oil", "tea"])

    none, one, three = ask_newcomers(test, among)

    assert [task.baskets for task in (none, one, three)] == [[[]], [["bread"]], [["bread", "tea", "oil"]]]
    assert none.truth["product_id"].to_list() == ["bread", "tea", "oil", "jam"]
    assert three.truth["product_id"].to_list() == ["jam"]  # Jo bought two products only, and is not asked
    assert none.history and none.customers is None


def test_simulated_newcomers_leave_nothing_behind():
    fit = sales(*[(f"c{who}", who, what, 1) for who in range(10) for what in ("a", "b", "c", "d", "e")])
    test = sales(*[(f"c{who}", 10 + who, what, 32) for who in range(10) for what in ("a", "b", "c", "d", "e")])
    whole = Slice("shop", "validation", pl.DataFrame({"product_id": ["a", "b", "c", "d", "e"]}), fit, test, CUT)

    kept, tasks = without_some(whole, share=0.2)
    again, _ = without_some(whole, share=0.2)

    assert kept.fit["customer_id"].n_unique() == kept.test["customer_id"].n_unique() == 8
    assert set(kept.fit["customer_id"]) == set(kept.test["customer_id"]) == set(again.fit["customer_id"])
    assert [task.name for task in tasks] == ["new-0", "new-1", "new-3"]
    assert [task.n_queries for task in tasks] == [2, 2, 2]


def test_across_asks_for_categories_that_the_household_never_bought():
    products = pl.DataFrame(
        {"product_id": ["tea", "mate", "soap", "other"], "product_category": ["hot", "hot", "bath", "x"]}
    )
    fit = sales(*[("Ann", day, "tea", day) for day in range(1, 6)], *[("Bea", 9, p, 9) for p in ["mate", "soap"] * 5])
    test = sales(
        *[("Ann", 40 + at, p, 33) for at, p in enumerate(["tea", "mate", "soap"])],
        *[("Bea", 50, p, 34) for p in ["mate", "soap", "tea"]],
        *[("Ann", 60, p, 35) for p in ["tea", "mate", "soap", "other"]],
    )  # fmt: skip
    fit = pl.concat([fit, sales(*[("Cy", 7, "other", 7)] * 5)])
    cut = Slice("shop", "validation", products, fit, test, CUT)

    across = {task.name: task for task in protocol_tasks(cut)}["across"]

    assert across.across
    assert across.customers is not None and across.customers.to_list() == ["Ann"]  # Bea knows both categories
    assert sorted(across.truth["product_id"]) == ["other", "soap"]


def test_a_task_asked_within_some_products_keeps_each_question_beside_its_answers():
    truth = pl.DataFrame({"query": [0, 1, 1, 2], "product_id": ["tea", "tea", "jam", "jam"]})
    task = Task(
        "next", "", truth, customers=pl.Series(["Ann", "Bea", "Cy"]), novel=True, among=pl.Series(["tea", "jam"])
    )

    part = within(task, pl.Series(["jam", "oil"]))

    assert part is not None and part.customers is not None and part.among is not None
    assert part.customers.to_list() == ["Bea", "Cy"]
    assert part.truth.select("query", "product_id").rows() == [(0, "jam"), (1, "jam")]
    assert part.among.to_list() == ["jam"] and part.novel
    assert within(task, pl.Series(["oil"])) is None


def test_the_mute_encoder_says_the_same_of_every_text():
    assert not np.any(MuteEncoder().encode(["tea", "jam"]))
