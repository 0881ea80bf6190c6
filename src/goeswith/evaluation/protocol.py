"""The exam that every recommender sits: who is asked what, and what was right.

Whatever answers `recommend_many` and `complete_many` can sit it, so a popularity baseline and the model are judged by
the same questions. Ids go in and ids come out; nothing here knows rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import polars as pl

Ids = Sequence[Any] | pl.Series


class Recommender(Protocol):
    """What can be judged.

    recommend_many : customer_id, product_id, rank (from 1), score
    complete_many : basket (position, from 0), product_id, rank, score; never a product that the basket holds
    """

    @property
    def name(self) -> str: ...

    def recommend_many(
        self,
        customers: Ids,
        n: int = 20,
        novel: bool = False,
        across: bool = False,
        among: Ids | None = None,
        exclude: Ids | None = None,
    ) -> pl.DataFrame: ...

    def complete_many(
        self,
        baskets: Sequence[Ids],
        customers: Ids | None = None,
        n: int = 20,
        among: Ids | None = None,
        exclude: Ids | None = None,
    ) -> pl.DataFrame: ...


@runtime_checkable
class ServesHistories(Protocol):
    """A recommender that knows a first history from a basket. Optional: without it a history is asked as a basket."""

    def recommend_histories(
        self, histories: Sequence[Ids], n: int = 20, among: Ids | None = None, exclude: Ids | None = None
    ) -> pl.DataFrame:
        """history (position, from 0), product_id, rank, score; never a product that the history holds."""
        ...


@dataclass(frozen=True)
class Task:
    """One kind of question, all its queries and their right answers.

    name : short and stable: next, novel, basket, basket-anonymous, cold, new-0, new-1, new-3
    title : what is asked, of how many
    truth : query (position, from 0), product_id
    customers : (queries,), whom each query is about; None when nobody is known
    baskets : (queries,), what is known of each; None when the customer is all there is
    history : the baskets are a customer's first purchases, not one basket
    novel : only products that the customer never bought count
    across : only products of categories new to the customer count
    among : the only products that may be answered; None for the whole catalogue
    slices : name to the part of `truth` that it looks at
    """

    name: str
    title: str
    truth: pl.DataFrame
    customers: pl.Series | None = None
    baskets: Sequence[Ids] | None = None
    history: bool = False
    novel: bool = False
    across: bool = False
    among: pl.Series | None = None
    slices: dict[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def n_queries(self) -> int:
        return self.truth["query"].n_unique()

    def ask(self, recommender: Recommender, n: int) -> pl.DataFrame:
        """Put every query: query, product_id, rank."""
        if self.baskets is None:
            return self._ask_customers(recommender, n)
        if self.history and isinstance(recommender, ServesHistories):
            answer = recommender.recommend_histories(self.baskets, n=n, among=self.among)
            return answer.select(pl.col("history").cast(pl.Int64).alias("query"), "product_id", "rank")
        answer = recommender.complete_many(self.baskets, customers=self.customers, n=n, among=self.among)
        return answer.select(pl.col("basket").cast(pl.Int64).alias("query"), "product_id", "rank")

    def _ask_customers(self, recommender: Recommender, n: int) -> pl.DataFrame:
        if self.customers is None:
            raise ValueError(f"Task {self.name} knows neither customers nor baskets.")
        position = pl.DataFrame({"customer_id": self.customers}).with_row_index("query")
        answer = recommender.recommend_many(self.customers, n=n, novel=self.novel, across=self.across, among=self.among)
        known = answer.with_columns(pl.col("customer_id").cast(self.customers.dtype))
        return known.join(position, on="customer_id").select(pl.col("query").cast(pl.Int64), "product_id", "rank")


@dataclass(frozen=True)
class Exam:
    """All tasks of one cut through a shop's time.

    products : product_id, purchases (before the cut), category (null where unknown); what could be shown
    starts : when the first event happens that is asked about; None when there is none
    cut : how past and future were told apart, in words
    missing : tasks that this shop does not allow, and why
    """

    products: pl.DataFrame
    tasks: list[Task]
    starts: datetime | None
    cut: str
    missing: dict[str, str] = field(default_factory=dict)
