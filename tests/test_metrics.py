"""Metrics against tables that were worked out by hand, and what must hold for any list."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.errors import UsageError
from goeswith.evaluation.exposure import category_diversity, coverage, gini, novelty, times_shown, vector_diversity
from goeswith.evaluation.metrics import METRICS, Hits, capped_recall, hit_table, ndcg, recall

# Query 0 lists a b c d and b, d are right, so is x, which is not listed. Query 1 lists c alone, and only a is right.
LISTS = pl.DataFrame(
    {"query": [0, 0, 0, 0, 1], "product_id": ["a", "b", "c", "d", "c"], "rank": [1, 2, 3, 4, 1]},
)
TRUTH = pl.DataFrame({"query": [0, 0, 0, 1], "product_id": ["b", "d", "x", "a"]})
LOG3 = 1 / np.log2(3)  # what a hit at place 2 is worth
LOG5 = 1 / np.log2(5)  # at place 4


@pytest.mark.parametrize(
    ("name", "k", "first"),
    [
        ("precision", 4, 2 / 4),
        ("precision", 5, 2 / 5),  # an empty place is wrong
        ("recall", 2, 1 / 3),
        ("recall", 4, 2 / 3),
        ("capped_recall", 2, 1 / 2),  # two places can hold two of the three
        ("capped_recall", 4, 2 / 3),
        ("hit_rate", 1, 0.0),
        ("hit_rate", 2, 1.0),
        ("mrr", 4, 1 / 2),  # the first hit is at place 2
        ("map", 4, (1 / 2 + 2 / 4) / 3),
        ("map", 2, (1 / 2) / 2),
        ("ndcg", 2, LOG3 / (1 + LOG3)),
        ("ndcg", 4, (LOG3 + LOG5) / (1 + LOG3 + 0.5)),
    ],
)
def test_each_metric_is_what_the_table_says(name, k, first):
    values = METRICS[name](hit_table(LISTS, TRUTH, k))

    np.testing.assert_allclose(values, [first, 0.0])


def test_a_product_named_twice_counts_once_and_gives_its_second_place_away():
    lists = pl.DataFrame({"query": [0, 0, 0], "product_id": ["a", "a", "b"], "rank": [1, 2, 3]})
    truth = pl.DataFrame({"query": [0, 0, 0], "product_id": ["a", "b", "b"]})

    hits = hit_table(lists, truth, k=2)

    assert hits.hit.tolist() == [[True, True]]
    assert hits.n_true.tolist() == [2]


def test_a_query_without_an_answer_scores_nothing_and_is_still_counted():
    hits = hit_table(LISTS.filter(pl.col("query") == 0), TRUTH, k=3)

    assert hits.queries.tolist() == [0, 1]
    assert recall(hits).tolist() == [1 / 3, 0.0]


def test_no_places_is_wrong_use():
    with pytest.raises(UsageError, match="k must be at least 1, it is 0"):
        hit_table(LISTS, TRUTH, k=0)


def test_two_products_of_four_shown_unevenly():
    shown = times_shown(LISTS, k=3)  # a 1, b 1, c 2

    assert dict(shown.iter_rows()) == {"a": 1, "b": 1, "c": 2}
    assert coverage(shown.height, 4) == 3 / 4
    # ordered 0 1 1 2, places 1 to 4: ((-3)*0 + (-1)*1 + 1*1 + 3*2) / (4 * 4)
    assert gini(shown["shown"].to_numpy(), n_products=4) == 6 / 16


def test_novelty_is_the_surprise_of_what_is_shown_in_bits():
    shown = pl.DataFrame({"product_id": ["milk", "saffron"], "shown": [3, 1]})
    popularity = pl.DataFrame({"product_id": ["milk", "bread", "saffron"], "purchases": [4, 3, 1]})

    assert novelty(shown, popularity) == (3 * 1 + 1 * 3) / 4  # 4 of 8 is 1 bit, 1 of 8 is 3 bits


def test_diversity_counts_pairs_of_different_kind():
    categories = pl.DataFrame({"product_id": ["a", "b", "c", "d"], "category": ["x", "x", "y", "z"]})
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]

    assert category_diversity(LISTS, categories, k=3) == pytest.approx(2 / 3)  # a-c and b-c differ, a-b does not
    assert vector_diversity(LISTS, categories["product_id"], vectors, k=3) == pytest.approx(2 / 3)


queries = st.lists(
    st.tuples(st.lists(st.integers(0, 8), max_size=8), st.sets(st.integers(0, 8), min_size=1)), min_size=1, max_size=6
)


def frames(asked):
    lists = [(query, item, at + 1) for query, (answer, _) in enumerate(asked) for at, item in enumerate(answer)]
    truth = [(query, item) for query, (_, right) in enumerate(asked) for item in sorted(right)]
    kinds = {"query": pl.Int64, "product_id": pl.Int64}
    return (
        pl.DataFrame(lists, schema={**kinds, "rank": pl.Int64}, orient="row"),
        pl.DataFrame(truth, schema=kinds, orient="row"),
    )


@settings(deadline=None, max_examples=40)
@given(queries, st.integers(1, 10))
def test_every_metric_lies_between_0_and_1(asked, k):
    hits = hit_table(*frames(asked), k)

    for name, metric in METRICS.items():
        values = metric(hits)
        assert values.shape == (len(asked),), name
        assert (values >= 0).all() and (values <= 1 + 1e-12).all(), name


@settings(deadline=None, max_examples=40)
@given(queries, st.integers(1, 10))
def test_capped_recall_is_never_below_plain_recall(asked, k):
    hits = hit_table(*frames(asked), k)

    assert (capped_recall(hits) >= recall(hits)).all()


@settings(deadline=None, max_examples=40)
@given(queries, st.integers(1, 10))
def test_many_queries_at_once_score_as_one_by_one(asked, k):
    together = hit_table(*frames(asked), k)

    for name, metric in METRICS.items():
        alone = [float(metric(hit_table(*frames([each]), k))[0]) for each in asked]
        np.testing.assert_allclose(metric(together), alone, err_msg=name)


@given(st.sets(st.integers(0, 20), min_size=1), st.integers(1, 12))
def test_the_right_products_in_any_order_are_a_perfect_list(right, k):
    hits = hit_table(*frames([(sorted(right, reverse=True), right)]), k)

    assert ndcg(hits)[0] == pytest.approx(1) and capped_recall(hits)[0] == 1


@given(st.integers(1, 8), st.integers(0, 6))
def test_an_earlier_hit_is_never_worth_less(k, at):
    places = np.zeros((2, k), dtype=bool)
    places[0, min(at, k - 1)] = places[1, max(min(at, k - 1) - 1, 0)] = True

    later, earlier = ndcg(Hits(np.arange(2), places, np.array([1, 1])))

    assert earlier >= later


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(0, 20))
def test_gini_lies_between_even_and_all_on_one(shown, unseen):
    n_products = len(shown) + unseen

    value = gini(np.array(shown), n_products)

    assert -1e-12 <= value <= 1 - 1 / n_products + 1e-12
