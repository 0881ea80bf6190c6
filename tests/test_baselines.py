"""Baselines on the corner shop, where their answers can be counted, and the contract that all of them keep."""

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from goeswith.errors import UnknownId, UsageError
from goeswith.evaluation.baselines import (
    Baseline,
    BasketRules,
    Ease,
    ItemNeighbours,
    MeaningProfile,
    PersonalFrequency,
    Popularity,
    WordProfile,
    strong_baselines,
)
from goeswith.evaluation.baselines.ease import best_sellers_within, ease_weights
from goeswith.evaluation.baselines.rules import nearest_by_cosine, pair_weights, pairs_of, strongest
from goeswith.testing import corner_shop

# bread, butter, jam in four baskets: {bread, butter} twice, {bread}, {jam}
BASKETS = csr_array(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32))


@pytest.fixture(scope="module")
def log():
    return corner_shop.log()


@pytest.fixture(scope="module")
def vectors(log):
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(log.n_items, 8)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def everyone(log, vectors):
    return {each.name: each for each in strong_baselines(log, log.products["name"].to_list(), vectors)}


NAMES = [
    "popularity",
    "personal frequency",
    "basket rules (cosine)",
    "basket rules (confidence)",
    "item kNN",
    "EASE over customers",
    "TF-IDF text",
    "zero-shot encoder",
]


def test_confidence_and_cosine_of_three_products():
    confidence = pair_weights(pairs_of(BASKETS), "confidence").toarray()
    cosine = pair_weights(pairs_of(BASKETS), "cosine").toarray()

    assert confidence[0, 1] == pytest.approx(2 / 3)  # of three baskets with bread, two hold butter
    assert confidence[1, 0] == 1
    assert cosine[0, 1] == cosine[1, 0] == pytest.approx(2 / np.sqrt(3 * 2))
    assert confidence[2].sum() == 0


def test_a_norm_that_is_none_is_refused():
    with pytest.raises(UsageError, match="cosine, confidence"):
        pair_weights(pairs_of(BASKETS), "lift")


def test_only_the_nearest_neighbours_stay():
    near = nearest_by_cosine(BASKETS, n=1).toarray()

    cosine = 2 / np.sqrt(3 * 2)
    np.testing.assert_allclose(near, [[0, cosine, 0], [cosine, 0, 0], [0, 0, 0]], rtol=1e-6)


def test_only_the_strongest_rules_stay():
    table = csr_array(np.array([[0.0, 3, 1, 2], [0, 0, 0, 5], [0, 0, 0, 0]]))

    assert strongest(table, 2).toarray().tolist() == [[0, 3, 0, 2], [0, 0, 0, 5], [0, 0, 0, 0]]


@pytest.mark.parametrize("per_row", [1, 3, 40])
def test_of_equally_strong_ones_the_first_stay(per_row):
    dense = np.random.default_rng(0).integers(0, 4, (30, 25)).astype(np.float32)
    expected = np.zeros_like(dense)
    for row, values in enumerate(dense):
        order = np.argsort(-values, kind="stable")[:per_row]
        expected[row, order] = values[order]

    np.testing.assert_array_equal(strongest(csr_array(dense), per_row).toarray(), expected)


def test_ease_is_the_closed_form():
    weights = ease_weights(BASKETS, ridge=0.5)

    inverse = np.linalg.inv((BASKETS.T @ BASKETS).toarray() + 0.5 * np.eye(3))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)


def test_ease_takes_what_memory_allows():
    assert best_sellers_within(0.768) == 8_000  # 3 tables of 8,000 x 8,000 floats of 4 bytes


def test_ease_is_silent_about_products_outside_its_best_sellers(log):
    few = Baseline(log, Ease(log, n_items=3))

    answer = few.complete_many([["bread"]], n=10)

    assert answer.height == 2  # three best sellers, less the bread that is there


def test_pasta_is_completed_with_sauce(everyone):
    answer = everyone["basket rules (cosine)"].complete_many([["pasta"]], n=1)

    assert answer["product_id"].to_list() == ["tomato-sauce"]  # together in 6 of 7 baskets


def test_chen_drinks_coffee_again(everyone):
    answer = everyone["personal frequency"].recommend_many(["chen"], n=1)

    assert answer["product_id"].to_list() == ["coffee"]


def test_words_find_the_product_that_never_sold(log):
    words = Baseline(log, WordProfile(log, [name.lower().split() for name in log.products["name"]]))

    answer = words.complete_many([["jam"]], n=1, among=["honey", "printer"])

    assert answer["product_id"].to_list() == ["honey"]  # 340 and g are in both names


def test_a_sharp_encoder_prefers_one_close_product_to_many_middling(log):
    vectors = np.tile(np.array([0.0, 0.0, 1.0], np.float32), (log.n_items, 1))
    at = {name: log.items.rows([name])[0] for name in ("bread", "butter", "jam", "honey", "tea")}
    third = np.array([0.6, 0.8, 0.0], np.float32)
    vectors[at["bread"]] = vectors[at["honey"]] = [1, 0, 0]  # honey equals one of the three
    vectors[at["butter"]] = vectors[at["jam"]] = [0, 1, 0]
    vectors[at["tea"]] = third  # tea is near all three
    basket = [["bread", "butter", "jam"]]

    mean = Baseline(log, MeaningProfile(log, vectors, None)).complete_many(basket, n=1, among=["honey", "tea"])
    sharp = Baseline(log, MeaningProfile(log, vectors, 0.1)).complete_many(basket, n=1, among=["honey", "tea"])

    assert mean["product_id"].to_list() == ["tea"]  # (0.6 + 0.8 + 0.8) / 3 against 1 / 3
    assert sharp["product_id"].to_list() == ["honey"]  # exp(0) against 2 exp(-2) + exp(-4)


@pytest.mark.parametrize("name", NAMES)
class TestEveryBaseline:
    def test_answers_distinct_products_ranked_from_one(self, everyone, log, name):
        answer = everyone[name].recommend_many(log.customers.series, n=5)

        assert answer.columns == ["customer_id", "product_id", "rank", "score"]
        for _, own in answer.group_by("customer_id"):
            assert own["rank"].to_list() == list(range(1, own.height + 1))
            assert own["product_id"].n_unique() == own.height
            assert own["score"].is_sorted(descending=True)

    def test_never_offers_what_is_in_the_basket(self, everyone, name):
        answer = everyone[name].complete_many([["bread", "butter"], ["coffee"]], n=13)

        assert not {"bread", "butter"} & set(answer.filter(pl.col("basket") == 0)["product_id"])
        assert "coffee" not in set(answer.filter(pl.col("basket") == 1)["product_id"])

    def test_novel_leaves_out_what_the_customer_bought(self, everyone, log, name):
        answer = everyone[name].recommend_many(["ana"], n=13, novel=True)

        ana = log.customers.rows(["ana"])[0]
        bought = log.items.ids(log.purchases.filter(pl.col("customer") == ana)["item"].unique().to_numpy())
        assert not set(bought) & set(answer["product_id"])

    def test_across_offers_new_categories_only(self, everyone, log, name):
        answer = everyone[name].recommend_many(["ben"], n=13, across=True)

        category = dict(log.products.select("product_id", "category").iter_rows())
        assert "pasta and sauces" not in {category[each] for each in answer["product_id"]}

    def test_keeps_to_what_is_asked_for(self, everyone, name):
        answer = everyone[name].complete_many([["bread"]], n=9, among=["jam", "butter", "tea"], exclude=["tea"])

        assert set(answer["product_id"]) <= {"jam", "butter"}

    def test_many_at_once_answer_as_one_by_one(self, everyone, log, name):
        together = everyone[name].recommend_many(log.customers.series, n=3)

        alone = [everyone[name].recommend_many([each], n=3) for each in log.customers.series]
        assert together.drop("score").equals(pl.concat(alone).drop("score"))

    def test_an_empty_basket_gets_the_best_sellers(self, everyone, name):
        answer = everyone[name].complete_many([[]], n=1)

        assert answer["product_id"].to_list() == everyone["popularity"].complete_many([[]], n=1)["product_id"].to_list()

    def test_an_unknown_product_is_named(self, everyone, name):
        with pytest.raises(UnknownId, match="bred"):
            everyone[name].complete_many([["bred"]])


def test_item_neighbours_and_popularity_are_fitted_from_a_log_alone(log):
    for scorer in (ItemNeighbours(log), Popularity(log), PersonalFrequency(log), BasketRules(log)):
        assert Baseline(log, scorer).recommend_many(["ana"], n=1).height == 1
