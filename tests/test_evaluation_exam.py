"""Cuts, tasks and the guard, on logs of a few lines."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from goeswith.data.log import EVENT_COLUMNS, Log
from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import DataError, SeenSliceError
from goeswith.evaluation import ExamConfig, build_exam, cut_at, default_split, refuse_seen
from goeswith.testing import corner_shop

START = datetime(2024, 1, 1)


def log_of(*rows, category=None):
    """Rows of (day, customer or None, basket, product)."""
    names = sorted({row[3] for row in rows} | {"never sold"})
    people = sorted({row[1] for row in rows if row[1]})
    events = pl.DataFrame(
        {
            "item": [names.index(row[3]) for row in rows],
            "customer": [people.index(row[1]) if row[1] else None for row in rows],
            "basket": [row[2] for row in rows],
            "time": [START + timedelta(days=row[0]) for row in rows],
            "event": ["purchase"] * len(rows),
            "quantity": [1.0] * len(rows),
            "price": [None] * len(rows),
        },
        schema=EVENT_COLUMNS,
    )
    products = pl.DataFrame({"product_id": names, "name": names})
    customers = Vocabulary(pl.Series(people, dtype=pl.String), "customer")
    return Log(products, Vocabulary(products["product_id"], "product"), customers, events)


def answers(task):
    return {
        (task.customers[query] if task.customers is not None else query, product)
        for query, product in task.truth.iter_rows()
    }


# Ann and Bob buy bread before day 10; after it Ann buys bread, tea and a new jam, Bob tea and jam, Cat is new.
SHOP = log_of(
    *((day, "ann", day, "bread") for day in range(6)),
    *((day, "ann", day, "tea") for day in range(5)),
    (9, "bob", 9, "bread"),
    (11, "ann", 11, "bread"),
    (11, "ann", 11, "jam"),
    (12, "bob", 12, "tea"),
    (12, "bob", 12, "jam"),
    (13, "cat", 13, "bread"),
    (14, "cat", 14, "tea"),
    (15, "cat", 15, "jam"),
    (16, "cat", 16, "gum"),
)


@pytest.fixture(scope="module")
def exam():
    return build_exam(cut_at(SHOP, START + timedelta(days=10)))


@pytest.fixture(scope="module")
def tasks(exam):
    return {task.name: task for task in exam.tasks}


def test_every_task_that_this_log_allows_is_asked(exam, tasks):
    assert list(tasks) == ["next", "novel", "cold", "basket", "basket-anonymous", "new-0", "new-1", "new-3"]
    assert exam.missing == {}
    assert exam.starts == START + timedelta(days=11)


def test_next_asks_for_all_that_known_customers_buy(tasks):
    assert answers(tasks["next"]) == {("ann", "bread"), ("ann", "jam"), ("bob", "tea"), ("bob", "jam")}


def test_novel_leaves_out_what_they_had_before(tasks):
    assert answers(tasks["novel"]) == {("ann", "jam"), ("bob", "tea"), ("bob", "jam")}
    assert tasks["novel"].novel


def test_cold_ranks_rarely_sold_products_that_two_customers_wanted(tasks):
    assert tasks["cold"].among.to_list() == ["jam"]  # tea was sold five times before, gum to one customer only
    assert answers(tasks["cold"]) == {("ann", "jam"), ("bob", "jam")}


def test_one_product_of_each_basket_is_hidden(tasks):
    hidden = tasks["basket"].truth["product_id"].to_list()

    whole = [sorted([*basket, product]) for basket, product in zip(tasks["basket"].baskets, hidden, strict=True)]
    assert whole == [["bread", "jam"], ["jam", "tea"]]
    assert tasks["basket"].customers.to_list() == ["ann", "bob"]
    assert tasks["basket-anonymous"].customers is None


def test_new_customers_are_known_by_their_first_purchases(tasks):
    assert tasks["new-0"].baskets == [[]]
    assert tasks["new-3"].baskets == [["bread", "tea", "jam"]]
    assert tasks["new-3"].truth["product_id"].to_list() == ["gum"]


def test_the_same_seed_hides_the_same_products():
    split = cut_at(SHOP, START + timedelta(days=10))

    first, second = (build_exam(split, ExamConfig(seed=7)) for _ in range(2))

    assert all(a.truth.equals(b.truth) for a, b in zip(first.tasks, second.tasks, strict=True))


def test_an_exam_that_is_capped_says_so():
    exam = build_exam(cut_at(SHOP, START + timedelta(days=10)), ExamConfig(n_customers=1))

    assert exam.tasks[0].n_queries == 1
    assert "1 of 2 customers" in exam.tasks[0].title


def test_a_shop_without_customers_completes_baskets_only():
    rows = [(day, None, day, product) for day in range(10) for product in ("bread", "tea")]

    exam = build_exam(default_split(log_of(*rows)))

    assert [task.name for task in exam.tasks] == ["basket-anonymous"]
    assert exam.missing["next"] == "the purchases after the cut name no customer"
    assert exam.missing["basket"] == "the baskets after the cut name no customer"


def test_a_basket_without_a_name_does_not_take_the_known_ones_away():
    rows = [(day, "ann" if day % 2 else None, day, product) for day in range(20) for product in ("bread", "tea")]

    tasks = {task.name: task for task in build_exam(default_split(log_of(*rows))).tasks}

    assert tasks["basket-anonymous"].n_queries == 4
    assert tasks["basket"].customers.to_list() == ["ann", "ann"]


def test_all_purchases_at_one_moment_leave_nothing_to_ask():
    exam = build_exam(default_split(log_of((0, "ann", 0, "bread"), (0, "bob", 1, "bread"))))

    assert exam.tasks == []
    assert exam.missing["next"] == "nothing was bought after the cut"
    assert exam.starts is None


def test_a_long_log_is_cut_four_weeks_before_its_end():
    log = log_of(*((7 * week, "ann", week, "bread") for week in range(21)))

    split = default_split(log)

    assert split.cut == START + timedelta(weeks=16)
    assert split.after.events.height == 4


def test_a_short_log_is_cut_at_its_last_fifth():
    split = default_split(log_of(*((day, "ann", day, "bread") for day in range(10))))

    assert (split.before.events.height, split.after.events.height) == (8, 2)


def test_short_histories_without_repeats_are_asked_for_their_last_purchase():
    log = log_of(
        (0, "ann", 0, "bread"), (1, "ann", 1, "tea"), (2, "bob", 2, "tea"), (3, "bob", 3, "jam"), (4, "cat", 4, "jam")
    )  # fmt: skip

    split = default_split(log)
    exam = build_exam(split)

    assert split.cut is None
    assert answers(exam.tasks[0]) == {("ann", "tea"), ("bob", "jam")}
    assert split.before.events.height == 3
    assert exam.missing["next"] == "nobody bought a product again, so it would repeat novel"


def test_a_log_without_purchases_cannot_be_judged():
    with pytest.raises(DataError, match="no purchase"):
        default_split(log_of((0, "ann", 0, "bread")).without(pl.lit(True)))


def test_slices_are_parts_of_the_truth():
    exam = build_exam(default_split(corner_shop.log()))

    for task in exam.tasks:
        for part in task.slices.values():
            assert part.join(task.truth, on=["query", "product_id"], how="anti").is_empty()


def test_a_model_that_ends_before_the_slice_may_be_judged(exam):
    refuse_seen(exam, START + timedelta(days=10))


@pytest.mark.parametrize("days", [11, 30])
def test_a_model_that_saw_part_of_the_slice_is_refused(exam, days):
    with pytest.raises(SeenSliceError, match="The slice starts at 2024-01-12 00:00"):
        refuse_seen(exam, START + timedelta(days=days))


def test_a_model_fitted_on_everything_is_refused_and_told_the_way_out(exam):
    with pytest.raises(SeenSliceError, match="until="):
        refuse_seen(exam, None)


def test_a_basket_whose_customer_has_no_past_is_asked_without_a_name_only():
    shop = log_of(
        (0, "ann", 0, "bread"),
        (11, "ann", 11, "bread"),
        (11, "ann", 11, "jam"),
        (12, "dee", 12, "bread"),
        (12, "dee", 12, "tea"),
    )

    exam = build_exam(cut_at(shop, START + timedelta(days=10)))

    by_name = {task.name: task for task in exam.tasks}
    assert list(by_name["basket"].customers) == ["ann"]
    assert len(by_name["basket-anonymous"].baskets) == 2
