"""How sure the calibration benchmark may be of a slope, and how many it asks."""

import numpy as np
import polars as pl
from scipy.special import expit, logit

from calibration import slope_of_redrawn
from goeswith.evaluation.judged import cut_baskets, judged_customers


def answers(n_queries: int, slope: float) -> pl.DataFrame:
    """Ten answers a query, of which came what a slope of so much says."""
    rng = np.random.default_rng(0)
    said = rng.uniform(0.05, 0.6, 10 * n_queries)
    right = (rng.random(len(said)) < expit(slope * logit(said))).astype(float)
    return pl.DataFrame({"query": np.repeat(np.arange(n_queries), 10), "said": said, "right": right})


def test_the_slope_lies_within_the_redrawn_ones_and_more_queries_narrow_them():
    few, many = slope_of_redrawn(answers(100, 0.6)), slope_of_redrawn(answers(1_000, 0.6))

    assert many[0] < 0.6 < many[1]
    assert many[1] - many[0] < (few[1] - few[0]) / 2


def test_answers_of_one_customer_are_redrawn_as_a_whole():
    told = answers(1_000, 1.0).gather_every(10)
    alike = pl.concat([told] * 10)  # each customer's ten answers are one answer, ten times

    low, high = slope_of_redrawn(alike)

    alone = slope_of_redrawn(alike.with_columns(query=pl.int_range(pl.len())))
    assert high - low > 2 * (alone[1] - alone[0])


class Tea:
    """Offers tea to everybody."""

    def recommend_many(self, customers: pl.Series, n: int, novel: bool) -> pl.DataFrame:
        return pl.DataFrame({"customer_id": customers, "product_id": "tea", "score": 0.0})


def test_all_customers_are_asked_where_no_number_is_said():
    seen = pl.DataFrame({"customer_id": [f"c{at}" for at in range(700)], "product_id": ["tea", "jam"] * 350})

    everybody, some = (judged_customers(Tea(), seen, most)["recommend"] for most in (None, 100))

    assert everybody["query"].n_unique() == 700 and some["query"].n_unique() == 100
    assert everybody["right"].mean() == 0.5 and set(everybody["said"]) == {0.5}


def test_no_more_baskets_are_cut_than_asked_for():
    baskets = [at for at in range(50) for _ in range(3)]
    lines = pl.DataFrame({"customer_id": baskets, "basket_id": baskets, "product_id": ["tea", "jam", "oil"] * 50})

    assert len(cut_baskets(lines, 20)[0]) == 20
    assert len(cut_baskets(lines, None)[0]) == 50
