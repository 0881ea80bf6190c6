"""From a scorer, which knows rows and blocks of numbers, to a recommender that sits the exam."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.largest import largest
from goeswith.data.log import Log
from goeswith.errors import UsageError
from goeswith.evaluation.baselines.past import Rows, customer_items, popularity
from goeswith.evaluation.protocol import Ids

Block = NDArray[np.float32]  # (queries, columns)
CELLS_AT_ONCE = 16_000_000  # a block of scores: 64 MB


class Scorer(Protocol):
    """What one kind of baseline knows; -inf marks a product that it cannot judge."""

    name: str

    def customers(self, rows: Rows, columns: Rows) -> Block:
        """(rows, columns): how well each product fits each customer."""
        ...

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        """(baskets, columns): how well each product completes each basket; a customer of -1 is unknown."""
        ...


class Baseline:
    """A recommender around a scorer: ids, candidates, what is left out, and the first n.

    A customer or basket of which the scorer knows nothing gets the best sellers.

    Parameters
    ----------
    log : what the scorer was fitted on
    scorer : gives the scores
    """

    def __init__(self, log: Log, scorer: Scorer) -> None:
        self.name = scorer.name
        self._log, self._scorer = log, scorer
        self._owned = customer_items(log, binary=True)
        self._popular = popularity(log)
        self._sold = np.flatnonzero(np.bincount(log.purchases["item"].to_numpy(), minlength=log.n_items))

    def recommend_many(
        self,
        customers: Ids,
        n: int = 20,
        novel: bool = False,
        across: bool = False,
        among: Ids | None = None,
        exclude: Ids | None = None,
    ) -> pl.DataFrame:
        """customer_id, product_id, rank, score; without `among`, products sold at least once."""
        asked = self._log.customers.rows(customers)
        columns = self._columns(among, exclude)

        def score(at: slice) -> Block:
            block = self._backed(self._scorer.customers(asked[at], columns), columns)
            owned = self._owned[asked[at]]
            if novel or across:
                block[owned[:, columns].toarray() > 0] = -np.inf
            if across:
                block[self._in_known_category(owned, columns)] = -np.inf
            return block

        query, item, rank, value = _best(score, len(asked), len(columns), n)
        who = self._log.customers.ids(asked[query]).alias("customer_id")
        return self._frame(who, columns[item], rank, value)

    def complete_many(
        self,
        baskets: Sequence[Ids],
        customers: Ids | None = None,
        n: int = 20,
        among: Ids | None = None,
        exclude: Ids | None = None,
    ) -> pl.DataFrame:
        """basket, product_id, rank, score; without `among`, products sold at least once."""
        held = self._basket_table(baskets)
        columns = self._columns(among, exclude)
        who = None
        if customers is not None:
            who = np.full(len(baskets), -1, dtype=np.int64)
            known = [at for at, customer in enumerate(customers) if customer is not None]
            who[known] = self._log.customers.rows([customers[at] for at in known])

        def score(at: slice) -> Block:
            block = self._scorer.baskets(held[at], None if who is None else who[at], columns)
            block = self._backed(block, columns)
            block[held[at][:, columns].toarray() > 0] = -np.inf
            return block

        query, item, rank, value = _best(score, len(baskets), len(columns), n)
        return self._frame(pl.Series("basket", query.astype(np.int64)), columns[item], rank, value)

    def _basket_table(self, baskets: Sequence[Ids]) -> csr_array:
        items = [np.unique(self._log.items.rows(basket)) for basket in baskets]
        ends = np.cumsum([0, *map(len, items)])
        flat = np.concatenate(items) if items else np.zeros(0, np.int64)
        return csr_array((np.ones(len(flat), np.float32), flat, ends), shape=(len(items), self._log.n_items))

    def _columns(self, among: Ids | None, exclude: Ids | None) -> Rows:
        columns = self._sold if among is None else np.unique(self._log.items.rows(among))
        return columns if exclude is None else np.setdiff1d(columns, self._log.items.rows(exclude))

    def _backed(self, block: Block, columns: Rows) -> Block:
        nothing = np.flatnonzero(block.max(axis=1, initial=0) <= 0)
        block[nothing] = self._popular[columns]
        return block

    def _in_known_category(self, owned: csr_array, columns: Rows) -> NDArray[np.bool_]:
        if "category" not in self._log.products:
            raise UsageError("across=True needs a category for each product, and this catalogue has none.")
        code = self._log.products["category"].cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64)
        items = np.arange(len(code))
        of = csr_array((np.ones(len(code), np.float32), (items, code)), shape=(len(code), int(code.max()) + 1))
        known: NDArray[np.bool_] = (owned @ of).toarray() > 0
        known[:, 0] = False  # no category: not known to be an old one
        return known[:, code[columns]]

    def _frame(self, who: pl.Series, items: Rows, rank: Rows, value: Block) -> pl.DataFrame:
        product = self._log.items.ids(items).alias("product_id")
        return pl.DataFrame([who, product, pl.Series("rank", rank), pl.Series("score", value, pl.Float64)])


def _best(score: Callable[[slice], Block], n_queries: int, n_columns: int, n: int) -> tuple[Rows, Rows, Rows, Block]:
    """The n best columns of every query, asked for in blocks: query, column, rank (from 1), score; -inf left out."""
    if n < 1:
        raise UsageError(f"n must be at least 1, it is {n}.")
    width = min(n, n_columns)
    size = max(1, CELLS_AT_ONCE // max(1, n_columns))
    columns, values = [np.zeros((0, width), np.int64)], [np.zeros((0, width), np.float32)]
    for start in range(0, n_queries if width else 0, size):
        block = score(slice(start, min(start + size, n_queries)))
        found, top = largest(block, width)
        order = np.lexsort((top, -found), axis=1)
        columns.append(np.take_along_axis(top, order, axis=1))
        values.append(np.take_along_axis(found, order, axis=1))
    best, scored = np.concatenate(columns), np.concatenate(values)
    query, place = np.nonzero(np.isfinite(scored))
    return query, best[query, place], place + 1, scored[query, place]
