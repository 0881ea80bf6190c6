"""What a user would pick instead of goeswith, by name; each is fitted when it is asked for.

A peer takes the past, the attributes that describe each product, texts that are encoded when needed, and its settings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from fp_growth import FpGrowth
from goeswith.data.log import Log
from goeswith.evaluation.baselines import (
    Baseline,
    BasketRules,
    Ease,
    ItemNeighbours,
    MeaningProfile,
    PersonalFrequency,
    Popularity,
    WordProfile,
)
from goeswith.evaluation.baselines.baseline import Block
from goeswith.evaluation.baselines.past import Rows, customer_items
from goeswith.evaluation.baselines.rules import pair_weights, pairs_of
from implicit_peers import Als, Bm25Neighbours, Bpr
from sasrec import SasRec

EASE_ITEMS = 8_000
STEP = 0.7  # weight of a purchase against the one after it


@dataclass(frozen=True)
class Material:
    """What peers are fitted on.

    terms : (items,), words or attribute values of each product
    texts : (items,), one sentence each
    at_least : products with fewer purchases take no part in rules
    vector_cache : folder where encoded texts are kept
    settings : peer -> what was chosen for it on this data's validation slice; its defaults without
    """

    log: Log
    terms: list[list[str]]
    texts: list[str]
    at_least: int
    vector_cache: Path | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """(items, d); equal texts are encoded once."""
        from goeswith.language.encoder import load_encoder
        from goeswith.language.vector_cache import CachedEncoder

        distinct = sorted(set(self.texts))
        row = {text: at for at, text in enumerate(distinct)}
        encoder = load_encoder()
        if self.vector_cache is None:
            vectors = encoder.encode(distinct)
        else:
            known = CachedEncoder(encoder, self.vector_cache)
            vectors = known.encode(distinct)
            known.flush()
        return vectors[[row[text] for text in self.texts]]


class Star:
    """Text similarity and cosine co-purchase in equal parts, recent purchases weighing most.

    References
    ----------
    Lee et al., "STAR: a simple training-free approach for recommendations", arXiv 2410.16458.
    """

    def __init__(self, log: Log, vectors: NDArray[np.float32], share: float = 0.5, step: float = STEP) -> None:
        self.name, self._vectors, self._share = "STAR", vectors, share
        self._recent = recent_steps(log, step)
        self._pairs = pair_weights(pairs_of(customer_items(log, binary=True)), "cosine")

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self.baskets(self._recent[rows], None, columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        meaning = (baskets @ self._vectors) @ self._vectors[columns].T
        together = (baskets @ self._pairs[:, columns]).toarray()
        mixed: Block = self._share * np.maximum(meaning, 0) + (1 - self._share) * together
        return mixed


def recent_steps(log: Log, step: float) -> csr_array:
    """(customers, items): step ** (purchases since), of each product's latest purchase."""
    bought = log.purchases.drop_nulls("customer")
    latest = bought.unique(["customer", "item"], keep="last", maintain_order=True)
    back = latest.select(since=(pl.len() - 1 - pl.int_range(pl.len())).over("customer"))["since"].to_numpy()
    where = latest["customer"].to_numpy(), latest["item"].to_numpy()
    return csr_array(((step**back).astype(np.float32), where), shape=(log.n_customers, log.n_items))


def tifu(
    log: Log,
    n_neighbours: int = 300,
    within: float = 0.9,
    group: float = 0.7,
    n_groups: int = 7,
    own_share: float = 0.7,
) -> csr_array:
    """(customers, items): decayed frequency within and across groups of baskets, neighbours mixed in.

    References
    ----------
    Hu et al., "Modeling personalized item frequency information for next-basket recommendation", SIGIR 2020.
    """
    baskets = log.purchases.drop_nulls(["customer", "basket"])
    baskets = baskets.group_by("customer", "basket").agg(pl.col("time").min(), pl.col("item").unique())
    order = baskets.sort("customer", "time", "basket").with_columns(  # two in one minute: always in the same order
        n=pl.len().over("customer"), at=pl.int_range(pl.len()).over("customer")
    )
    order = order.with_columns(size=(pl.col("n") / n_groups).ceil().clip(1))
    order = order.with_columns(
        part=(pl.col("at") / pl.col("size")).floor(), parts=(pl.col("n") / pl.col("size")).ceil()
    )
    inside = pl.min_horizontal(pl.col("size"), pl.col("n") - pl.col("part") * pl.col("size"))
    order = order.with_columns(inside=inside)
    age = pl.col("inside") - 1 - (pl.col("at") - pl.col("part") * pl.col("size"))
    weight = within**age / pl.col("inside") * group ** (pl.col("parts") - 1 - pl.col("part")) / pl.col("parts")
    rows = order.with_columns(weight=weight).explode("item")
    where = rows["customer"].to_numpy(), rows["item"].to_numpy()
    own = csr_array((rows["weight"].cast(pl.Float32).to_numpy(), where), shape=(log.n_customers, log.n_items))
    length = np.sqrt(own.multiply(own).sum(axis=1))
    unit = csr_array(diags_array(1 / np.where(length > 0, length, 1)) @ own)
    alike = (unit @ unit.T).toarray()
    np.fill_diagonal(alike, -1)
    width = min(n_neighbours, len(alike) - 1)
    near = np.argpartition(-alike, width - 1, axis=1)[:, :width]
    ends = np.arange(0, near.size + 1, width)
    mean = csr_array((np.full(near.size, 1 / width, np.float32), near.ravel(), ends), shape=alike.shape)
    return csr_array(own_share * own + (1 - own_share) * (mean @ own))


class Tifu:
    """TIFU-KNN: personal frequency by groups of baskets, mixed with that of the nearest customers."""

    def __init__(self, log: Log, **settings: Any) -> None:
        self.name, self._score = "TIFU-KNN", tifu(log, **settings)

    def customers(self, rows: Rows, columns: Rows) -> Block:
        block: Block = self._score[rows][:, columns].toarray().astype(np.float32)
        return block

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        block = np.zeros((baskets.shape[0], len(columns)), np.float32)
        if customers is not None:
            known = np.flatnonzero(customers >= 0)
            block[known] = self.customers(customers[known], columns)
        return block


PEERS: dict[str, Callable[..., object]] = {
    "popularity": lambda m, **chosen: Popularity(m.log, **chosen),
    "personal": lambda m, **chosen: PersonalFrequency(m.log, **chosen),
    "tifu": lambda m, **chosen: Tifu(m.log, **chosen),
    "rules-cosine": lambda m: BasketRules(m.log, "cosine", m.at_least),
    "rules-confidence": lambda m: BasketRules(m.log, "confidence", m.at_least),
    "fp-growth": lambda m, **chosen: FpGrowth(m.log, **chosen),
    "item-knn": lambda m, **chosen: ItemNeighbours(m.log, at_least=m.at_least, **chosen),
    "bm25": lambda m, **chosen: Bm25Neighbours(m.log, **chosen),
    "als": lambda m, **chosen: Als(m.log, **chosen),
    "bpr": lambda m, **chosen: Bpr(m.log, **chosen),
    "ease-customers": lambda m, **chosen: Ease(m.log, "customers", EASE_ITEMS, **chosen),
    "ease-baskets": lambda m, **chosen: Ease(m.log, "baskets", EASE_ITEMS, **chosen),
    "tfidf": lambda m: WordProfile(m.log, m.terms),
    "zero-shot-mean": lambda m: MeaningProfile(m.log, m.vectors, None),
    "zero-shot": lambda m, **chosen: MeaningProfile(m.log, m.vectors, **chosen),
    "star": lambda m, **chosen: Star(m.log, m.vectors, **chosen),
    "sasrec": lambda m, **chosen: SasRec(m.log, **chosen),
}
PACKAGES = ("implicit", "mlxtend", "pandas", "threadpoolctl")
"""What some peers need and goeswith does not: the extra `dev`."""


class PeerLeftOut(Exception):
    """A package that this peer needs is not installed."""


def fitted(name: str, material: Material, settings: Mapping[str, Any] | None = None) -> Baseline:
    """The peer of this name, ready to be asked; with the settings chosen for the data, or others.

    Raises
    ------
    PeerLeftOut : says which package is not there, and how to get it
    """
    chosen = material.settings.get(name, {}) if settings is None else settings
    try:
        return Baseline(material.log, PEERS[name](material, **chosen))  # type: ignore[arg-type]
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in PACKAGES:
            raise
        raise PeerLeftOut(f"{name} needs {error.name}, which is not installed: pip install -e '.[dev]'") from error
