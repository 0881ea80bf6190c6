"""Promises that every index, and everything that recommends, is held to.

Subclass one in a test module, name what it judges, and pytest runs the rest:

    class TestExactIndex(VectorIndexContract):
        kind = ExactIndex
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from goeswith.data.log import Log
from goeswith.errors import CorruptModel, UnknownId, UsageError
from goeswith.ranking.exact_index import NOTHING, ExactIndex
from goeswith.ranking.index import VectorIndex

NEVER_AN_ID = "no-such-id-7"


class VectorIndexContract:
    """`kind` builds an index; it must find what looking at every vector finds."""

    kind: ClassVar[type[VectorIndex]]
    recall: ClassVar[float] = 0.95  # at least this share of the ten nearest

    @pytest.mark.parametrize("vectors", ["random", "clustered"])
    def test_it_finds_what_looking_at_every_vector_finds(self, vectors: str) -> None:
        held, queries = np.split(unit_vectors(3_100, 32, clustered=vectors == "clustered"), [3_000])

        rows, scores = self.kind.build(held).search(queries, k=10)

        truth, best = ExactIndex.build(held).search(queries, k=10)
        shared = [len(set(found) & set(wanted)) for found, wanted in zip(rows, truth, strict=True)]
        assert np.mean(shared) / 10 >= self.recall
        np.testing.assert_allclose(scores[:, 0], best[:, 0], atol=0.2)

    def test_rows_are_distinct_and_scores_fall(self) -> None:
        vectors = unit_vectors(500, 16)

        rows, scores = self.kind.build(vectors).search(vectors[:20], k=15)

        assert all(len(set(found)) == 15 for found in rows)
        assert (np.diff(scores, axis=1) <= 0).all()
        np.testing.assert_array_equal(rows[:, 0], np.arange(20))  # nothing is nearer than the vector itself

    def test_scores_are_inner_products(self) -> None:
        vectors = unit_vectors(200, 16)
        queries = 3 * vectors[:5]

        rows, scores = self.kind.build(vectors).search(queries, k=4)

        np.testing.assert_allclose(scores, np.einsum("qd,qkd->qk", queries, vectors[rows]), atol=1e-4)

    def test_only_the_rows_asked_about_are_found(self) -> None:
        vectors = unit_vectors(400, 16)
        among = [7, 300, 12, 7]

        rows, scores = self.kind.build(vectors).search(vectors[:3], k=5, among=among)

        assert (np.sort(rows[:, :3], axis=1) == [7, 12, 300]).all()
        assert (rows[:, 3:] == NOTHING).all()
        assert np.isneginf(scores[:, 3:]).all()

    def test_nothing_is_found_among_nothing(self) -> None:
        vectors = unit_vectors(50, 8)

        rows, scores = self.kind.build(vectors).search(vectors[:2], k=3, among=[])

        assert (rows == NOTHING).all()
        assert np.isneginf(scores).all()

    def test_an_empty_index_answers_with_nothing(self) -> None:
        index = self.kind.build(np.empty((0, 8), dtype=np.float32))

        rows, scores = index.search(unit_vectors(2, 8), k=3)

        assert len(index) == 0
        assert rows.shape == (2, 3)
        assert (rows == NOTHING).all()
        assert np.isneginf(scores).all()

    def test_asking_for_more_than_there_is_gives_all_there_is(self) -> None:
        vectors = unit_vectors(6, 8)

        rows, scores = self.kind.build(vectors).search(vectors[:2], k=9)

        assert (np.sort(rows[:, :6], axis=1) == np.arange(6)).all()
        assert (rows[:, 6:] == NOTHING).all()
        assert np.isneginf(scores[:, 6:]).all()

    def test_added_vectors_are_found_under_the_next_rows(self) -> None:
        first, more = np.split(unit_vectors(120, 16), [100])
        index = self.kind.build(first)

        index.add(more)

        assert len(index) == 120
        np.testing.assert_array_equal(index.search(more, k=1)[0][:, 0], np.arange(100, 120))

    def test_a_saved_index_answers_as_before_and_can_grow(self, tmp_path: Path) -> None:
        first, more = np.split(unit_vectors(220, 16), [200])
        index = self.kind.build(first)

        index.save(tmp_path / "index")
        loaded = self.kind.load(tmp_path / "index")

        for before, after in zip(index.search(more, k=5), loaded.search(more, k=5), strict=True):
            np.testing.assert_array_equal(before, after)
        loaded.add(more)
        np.testing.assert_array_equal(loaded.search(more, k=1)[0][:, 0], np.arange(200, 220))

    def test_a_damaged_file_is_refused(self, tmp_path: Path) -> None:
        self.kind.build(unit_vectors(200, 16)).save(tmp_path / "index")
        whole = (tmp_path / "index").read_bytes()

        for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
            (tmp_path / "damaged").write_bytes(damaged)
            with pytest.raises(CorruptModel, match="damaged"):
                self.kind.load(tmp_path / "damaged")

    def test_what_cannot_be_searched_is_refused(self) -> None:
        vectors = unit_vectors(10, 8)
        index = self.kind.build(vectors)

        with pytest.raises(UsageError, match="k must be 1 or more, got 0"):
            index.search(vectors, k=0)
        with pytest.raises(UsageError, match="got \\(10, 4\\)"):
            index.search(vectors[:, :4], k=1)
        with pytest.raises(UsageError, match="row 0 has length 2"):
            self.kind.build(2 * vectors)

    def test_two_builds_answer_alike(self) -> None:
        vectors = unit_vectors(600, 16)

        one, two = (self.kind.build(vectors).search(vectors[:50], k=10) for _ in range(2))

        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])


class RecommenderContract(ABC):
    """Whatever answers `recommend_many` and `complete_many`, baselines too: ids in, a frame of ids out."""

    @pytest.fixture
    @abstractmethod
    def log(self) -> Log:
        """What the recommender was fitted on."""

    @pytest.fixture
    @abstractmethod
    def recommender(self, log: Log) -> Any:
        """Fitted on `log`."""

    def test_customers_get_distinct_products_in_order(self, recommender: Any, log: Log) -> None:
        frame = recommender.recommend_many(customers_of(log), n=5)

        _is_ranked(frame, "customer_id", n=5)
        assert set(frame["customer_id"]) <= set(customers_of(log))
        assert set(frame["product_id"]) <= set(log.items.series)

    def test_baskets_are_completed_with_distinct_products_that_they_lack(self, recommender: Any, log: Log) -> None:
        baskets = baskets_of(log)

        frame = recommender.complete_many(baskets, n=4)

        _is_ranked(frame, "basket", n=4)
        for basket, product in frame.select("basket", "product_id").iter_rows():
            assert product not in baskets[basket]

    def test_only_what_is_asked_for_is_answered(self, recommender: Any, log: Log) -> None:
        among = log.items.series.to_list()[::2]

        asked = recommender.recommend_many(customers_of(log), n=5, among=among)
        completed = recommender.complete_many(baskets_of(log), n=5, among=among)

        assert set(asked["product_id"]) <= set(among)
        assert set(completed["product_id"]) <= set(among)

    def test_what_is_excluded_is_not_answered(self, recommender: Any, log: Log) -> None:
        out = recommender.recommend_many(customers_of(log), n=3)["product_id"].unique().to_list()[:2]

        asked = recommender.recommend_many(customers_of(log), n=5, exclude=out)
        completed = recommender.complete_many(baskets_of(log), n=5, exclude=out)

        assert not set(asked["product_id"]) & set(out)
        assert not set(completed["product_id"]) & set(out)

    def test_novel_means_never_bought_before(self, recommender: Any, log: Log) -> None:
        frame = recommender.recommend_many(customers_of(log), n=5, novel=True)

        bought = purchases_of(log)
        assert not set(frame.select("customer_id", "product_id").iter_rows()) & bought

    def test_the_same_question_has_the_same_answer(self, recommender: Any, log: Log) -> None:
        one, two = (recommender.recommend_many(customers_of(log), n=5) for _ in range(2))

        assert one.equals(two)

    def test_one_customer_gets_what_they_get_among_many(self, recommender: Any, log: Log) -> None:
        customer = customers_of(log)[0]

        alone = recommender.recommend_many([customer], n=5)
        among_many = recommender.recommend_many(customers_of(log), n=5).filter(pl.col("customer_id") == customer)

        assert alone["product_id"].to_list() == among_many["product_id"].to_list()


class ModelContract(RecommenderContract):
    """The whole public model: as a recommender, and related products, probabilities and unknown ids."""

    def test_related_products_are_distinct_and_others(self, recommender: Any, log: Log) -> None:
        products = log.items.series.to_list()

        frame = recommender.related_many(products, n=3)

        _is_ranked(frame, "source_id", n=3)
        assert (frame["source_id"] != frame["product_id"]).all()

    def test_probabilities_lie_within_their_intervals(self, recommender: Any, log: Log) -> None:
        products = log.items.series.to_list()

        frame = recommender.probability_many(list(pairwise(products)))

        low, value, high = (frame[column].to_numpy() for column in ("low", "value", "high"))
        assert ((low >= 0) & (low <= value) & (value <= high) & (high <= 1)).all()

    def test_an_unknown_id_is_named(self, recommender: Any) -> None:
        for ask in (recommender.related, recommender.recommend, lambda id, **more: recommender.complete([id], **more)):
            with pytest.raises(UnknownId, match=NEVER_AN_ID):
                ask(NEVER_AN_ID, n=3)

    def test_unknown_ids_can_be_left_out(self, recommender: Any, log: Log) -> None:
        known = log.items.series[0]

        with_unknown = recommender.complete([known, NEVER_AN_ID], n=3, unknown="skip")

        assert list(with_unknown) == list(recommender.complete([known], n=3))

    def test_the_one_form_agrees_with_the_many_form(self, recommender: Any, log: Log) -> None:
        customer = customers_of(log)[0]

        one = recommender.recommend(customer, n=4)
        many = recommender.recommend_many([customer], n=4)

        assert list(one) == many["product_id"].to_list()

    @pytest.mark.parametrize("n", [0, -1])
    def test_fewer_than_one_cannot_be_asked_for(self, recommender: Any, log: Log, n: int) -> None:
        with pytest.raises(UsageError, match=str(n)):
            recommender.related(log.items.series[0], n=n)


def customers_of(log: Log) -> list[Any]:
    return log.customers.series.to_list()


def baskets_of(log: Log, n: int = 10) -> list[list[Any]]:
    """The first two products of each of the last baskets."""
    first_two = pl.col("item").unique(maintain_order=True).head(2)
    pairs = log.purchases.group_by("basket", maintain_order=True).agg(first_two)
    return [log.items.ids(np.asarray(rows)).to_list() for rows in pairs["item"].tail(n)]


def purchases_of(log: Log) -> set[tuple[Any, Any]]:
    """(customer, product) that ever were, as ids."""
    known = log.purchases.filter(pl.col("customer").is_not_null())
    customers, products = (
        vocabulary.ids(known[column].to_numpy()).to_list()
        for vocabulary, column in ((log.customers, "customer"), (log.items, "item"))
    )
    return set(zip(customers, products, strict=True))


def unit_vectors(n: int, dimensions: int, clustered: bool = False, seed: int = 0) -> NDArray[np.float32]:
    """(n, dimensions), float32, each of length 1; clustered: around one of forty centres."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, dimensions))
    if clustered:
        vectors = rng.standard_normal((40, dimensions))[rng.integers(40, size=n)] + 0.3 * vectors
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float32)


def _is_ranked(frame: pl.DataFrame, source: str, n: int) -> None:
    """At most n distinct products a source, ranks 1, 2, 3 without a gap, scores that do not rise."""
    assert {source, "product_id", "rank", "score"} <= set(frame.columns)
    assert frame.height == frame.n_unique([source, "product_id"])
    for _, rows in frame.sort(source, "rank").group_by(source, maintain_order=True):
        ranks: Sequence[int] = rows["rank"].to_list()
        assert ranks == list(range(1, len(ranks) + 1))
        assert len(ranks) <= n
        assert (np.diff(rows["score"].to_numpy()) <= 1e-9).all()
