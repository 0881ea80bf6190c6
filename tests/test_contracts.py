"""The contracts themselves: a plain recommender keeps them, and each broken promise is caught."""

import polars as pl
import pytest

from goeswith.testing import corner_shop
from goeswith.testing.contracts import RecommenderContract


class BestSellers:
    """What sells most, to everybody."""

    name = "best sellers"

    def __init__(self, log):
        self.bought = {}
        purchases = log.purchases.filter(pl.col("customer").is_not_null())
        for customer, item in purchases.select("customer", "item").iter_rows():
            self.bought.setdefault(log.customers.series[customer], set()).add(log.items.series[item])
        sold = log.purchases.group_by("item").agg(n=pl.len()).sort("n", "item", descending=[True, False])
        self.best = list(zip(log.items.ids(sold["item"].to_numpy()), sold["n"], strict=True))

    def recommend_many(self, customers, n=20, novel=False, across=False, among=None, exclude=None):
        hidden = [self.bought.get(customer, set()) if novel else set() for customer in customers]
        return self._answer("customer_id", customers, hidden, n, among, exclude)

    def complete_many(self, baskets, customers=None, n=20, among=None, exclude=None):
        return self._answer("basket", range(len(baskets)), map(set, baskets), n, among, exclude)

    def _answer(self, source, queries, hidden, n, among, exclude):
        rows = []
        for query, without in zip(queries, hidden, strict=True):
            fit = [(p, s) for p, s in self.best if p not in without and self._allowed(p, among, exclude)][:n]
            rows += [(query, product, rank, float(score)) for rank, (product, score) in enumerate(fit, start=1)]
        return pl.DataFrame(rows, schema=[source, "product_id", "rank", "score"], orient="row")

    def _allowed(self, product, among, exclude):
        return (among is None or product in among) and (exclude is None or product not in exclude)


class TestBestSellers(RecommenderContract):
    @pytest.fixture
    def log(self):
        return corner_shop.log()

    @pytest.fixture
    def recommender(self, log):
        return BestSellers(log)


class ForgetsAmong(BestSellers):
    def _allowed(self, product, among, exclude):
        return super()._allowed(product, None, exclude)


class ForgetsExclude(BestSellers):
    def _allowed(self, product, among, exclude):
        return super()._allowed(product, among, None)


class RepeatsOld(BestSellers):
    def recommend_many(self, customers, n=20, novel=False, **more):
        return super().recommend_many(customers, n, **more)


class AnswersTooMany(BestSellers):
    def _answer(self, source, queries, hidden, n, among, exclude):
        return super()._answer(source, queries, hidden, n + 1, among, exclude)


class AnswersTwice(BestSellers):
    def _answer(self, *question):
        frame = super()._answer(*question)
        return frame.with_columns(product_id=pl.col("product_id").first())


class KeepsTheBasket(BestSellers):
    def complete_many(self, baskets, **more):
        return super().complete_many([[] for _ in baskets], **more)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (ForgetsAmong, RecommenderContract.test_only_what_is_asked_for_is_answered),
        (ForgetsExclude, RecommenderContract.test_what_is_excluded_is_not_answered),
        (RepeatsOld, RecommenderContract.test_novel_means_never_bought_before),
        (AnswersTooMany, RecommenderContract.test_customers_get_distinct_products_in_order),
        (AnswersTwice, RecommenderContract.test_customers_get_distinct_products_in_order),
        (KeepsTheBasket, RecommenderContract.test_baskets_are_completed_with_distinct_products_that_they_lack),
    ],
)
def test_a_broken_promise_is_caught(broken, promise):
    log = corner_shop.log()

    with pytest.raises(AssertionError):
        promise(TestBestSellers(), broken(log), log)
