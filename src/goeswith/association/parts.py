"""All that one moment of a shop says of its products, in the form that answers are computed from."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeFloat, PositiveFloat, PositiveInt
from scipy.sparse import csr_array, diags_array

from goeswith.association.behaviour import Popularity, popularity_of
from goeswith.association.counts import Counts, basket_matrix, capped, count_pairs
from goeswith.association.crowd import Crowd, of_length_one
from goeswith.association.habits import Habits, fit_habits
from goeswith.association.halves import in_half
from goeswith.association.histories import Histories, histories_of
from goeswith.association.kin import Kin, find_kin
from goeswith.association.kriging import krige
from goeswith.association.largest import strongest
from goeswith.association.lift import cosine
from goeswith.association.linear import DualEase, fit_dual_ease, fit_ease
from goeswith.association.walks import walk_counts
from goeswith.association.windows import window_counts
from goeswith.data.log import Log

Array = NDArray[np.float32]


class PartsConfig(BaseModel, frozen=True, extra="forbid"):
    """How behaviour is counted and modelled."""

    customer_penalty: PositiveFloat = 200.0
    """λ of collective EASE over customers, in purchases."""
    text_weight: float = 30.0
    """α of its attribute rows; 0 leaves text out."""
    basket_penalty: PositiveFloat = 50.0
    """λ of EASE over baskets."""
    basket_text_weight: float = 10.0
    """α of the rows that F's target vectors add to EASE over baskets."""
    basket_products: PositiveInt = 8_000
    """The best sellers that EASE over baskets covers; memory is about 16 bytes times their square."""
    basket_size_damping: NonNegativeFloat = 0.25
    """A basket of s products weighs s to the minus this there: of a large one each pair says less."""
    most_customers: PositiveInt = 8_000
    """Of a larger shop, collective EASE learns from the customers who bought most."""
    near: PositiveInt = 100
    """Companions kept for each product in the views of whole histories."""
    stand_ins: PositiveInt = 50
    """Best sellers that speak for each product beside its kin: those that read alike and that F expects in the same
    places, each for what the others do not say."""
    near_damping: float = 10.0
    """Baskets that draw the cosine of rarely sold pairs towards 0."""


@dataclass(frozen=True)
class Meaning:
    """What products mean, sold or not; it does not change with the log.

    words : (items, d), the reduced lexical view
    plain : (items, e), unit vectors of M and words side by side, as F reads them; likeness, not going together
    source, target : (items, e), F's two vectors
    shelves : for each grouping of the catalogue (items,) group numbers, finest first
    """

    words: Array
    plain: Array
    source: Array
    target: Array
    shelves: list[NDArray[np.int64]]

    @property
    def n_items(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class BasketEase:
    """EASE over baskets, for the best sellers.

    items : (best,), their rows
    weights : (best, best), what one speaks for another
    """

    items: NDArray[np.int64]
    weights: Array

    def scores(self, held: csr_array) -> Array:
        """(queries, items) from (queries, items); 0 for what is not a best seller."""
        result = np.zeros(held.shape, np.float32)
        result[:, self.items] = held[:, self.items] @ self.weights
        return result


@dataclass(frozen=True)
class Parts:
    """One moment of a shop.

    baskets : (baskets, items); owner : (baskets,), customer or -1; others as their types say
    """

    now: datetime
    meaning: Meaning
    popularity: Popularity
    histories: Histories
    baskets: csr_array
    owner: NDArray[np.int64]
    counts: Counts
    near: csr_array
    windows: csr_array
    walks: csr_array
    kin: Kin
    stand_ins: Kin
    ease: DualEase
    basket_ease: BasketEase

    @cached_property
    def crowd(self) -> Crowd:
        """The customers that collective EASE learns from, by what they buy again and again."""
        weights = self.histories.matrix(self.histories.long, self.meaning.n_items)
        return Crowd(self._learnt_from, of_length_one(csr_array(weights[self._learnt_from])))

    @cached_property
    def habits(self) -> Habits:
        """What the same customers put into their baskets."""
        return fit_habits(self.histories, self._learnt_from, self.meaning.n_items)

    @cached_property
    def _learnt_from(self) -> NDArray[np.int64]:
        return most_active(self.histories, self.ease.interactions.shape[0])

    @cached_property
    def baskets_of(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of `baskets` sorted by owner, and the bounds of each customer's in that order."""
        order = np.argsort(self.owner, kind="stable")
        return order, np.searchsorted(self.owner[order], np.arange(len(self.histories) + 1))


def fit_parts(
    log: Log,
    now: datetime,
    meaning: Meaning,
    config: PartsConfig,
    seed: int = 0,
    group: NDArray[np.int64] | None = None,
) -> Parts:
    """Count and solve; seconds for a million purchases.

    Parameters
    ----------
    log : the events that may be known
    now : the moment that ages are counted from
    group : (items,), a number for what reads alike; None: every product reads like no other
    """
    baskets = basket_matrix(log)
    counts = count_pairs(baskets, seed=seed)
    histories = histories_of(log, now)
    bought = histories.matrix((histories.n > 0).astype(np.float32), log.n_items)

    def companions(table: csr_array) -> csr_array:
        return strongest(cosine(table, counts.items, config.near_damping), config.near).astype(np.float32)

    return Parts(
        now=now,
        meaning=meaning,
        popularity=popularity_of(log, now),
        histories=histories,
        baskets=baskets,
        owner=_owners(log, baskets.shape[0]),
        counts=counts,
        near=companions(counts.pairs),
        windows=companions(window_counts(log)),
        walks=walk_counts(histories, log.n_items, config.near),
        kin=find_kin(meaning.plain, np.arange(log.n_items) if group is None else group, counts.items),
        stand_ins=krige((meaning.plain, meaning.target), _best_sellers(counts, config), config.stand_ins),
        ease=fit_dual_ease(
            csr_array(bought[most_active(histories, config.most_customers)]),
            meaning.words,
            config.customer_penalty,
            config.text_weight,
        ),
        basket_ease=_fit_basket_ease(baskets, counts, meaning, config, seed),
    )


def _owners(log: Log, n_baskets: int) -> NDArray[np.int64]:
    lines = log.purchases.select("basket", "customer").drop_nulls("basket")
    owner = np.full(n_baskets, -1, np.int64)
    row = lines["basket"].rank("dense").to_numpy().astype(np.int64) - 1
    owner[row] = lines["customer"].fill_null(-1).to_numpy()
    return owner


def most_active(histories: Histories, most: int) -> NDArray[np.int64]:
    """Rows of the customers with the longest histories, sorted; none without any."""
    length = np.diff(histories.start)
    return np.sort(np.argsort(-length, kind="stable")[: min(most, int((length > 0).sum()))])


def _best_sellers(counts: Counts, config: PartsConfig) -> NDArray[np.int64]:
    """(items,), baskets of those that EASE over baskets covers, 0 for all others."""
    sold = np.zeros_like(counts.items)
    best = np.argsort(-counts.items, kind="stable")[: config.basket_products]
    sold[best] = counts.items[best]
    return sold


def _fit_basket_ease(
    baskets: csr_array, counts: Counts, meaning: Meaning, config: PartsConfig, seed: int
) -> BasketEase:
    best = np.flatnonzero(_best_sellers(counts, config))
    held = csr_array(capped(baskets, seed=seed)[:, best])
    size = np.diff(held.indptr)
    weight = np.maximum(size, 1.0) ** -config.basket_size_damping
    weight *= size.sum() / max((weight * size).sum(), 1e-9)  # as many purchases as there were
    weighed = csr_array(diags_array(np.sqrt(weight).astype(np.float32)) @ held)
    gram = csr_array(weighed.T @ weighed).toarray()
    alike = config.basket_text_weight * meaning.target[best]
    gram += alike @ alike.T
    return BasketEase(best, in_half(fit_ease(gram, config.basket_penalty)))


def shelves_of(products: pl.DataFrame, columns: list[str], most: int = 5) -> list[NDArray[np.int64]]:
    """Group numbers of the products by these columns; what has no value is a group of its own."""
    groups = [products[name].cast(pl.String).fill_null("").rank("dense") for name in columns[:most]]
    return [group.to_numpy().astype(np.int64) - 1 for group in groups]
