"""Ranked lists about the best sellers and for all customers, computed once for a model version and kept on disk.

    python -m goeswith.serve.prepared SHOP VERSION

The file lies in the shop's cache; workers map it into memory and share it. Delete it whenever you like.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goeswith.association.kinds import BOTH, COMPLEMENT, SUBSTITUTE

KEPT = 100
MOST_PRODUCTS, MOST_CUSTOMERS = 20_000, 20_000
AT_ONCE = 64
KINDS = np.array([COMPLEMENT, SUBSTITUTE, BOTH])
FORM = 1
GRAPH = "products.usearch"
"""Every product by what it means, for searches."""


@dataclass(frozen=True)
class Prepared:
    """Lists by verb.

    place : verb -> (products or customers,), the list of each; -1 none
    row, probability, kind : verb -> (lists, KEPT); row -1 where a list is shorter
    shown : (items,), what could be an answer when they were made
    """

    place: dict[str, NDArray[np.int32]]
    row: dict[str, NDArray[np.int32]]
    probability: dict[str, NDArray[np.float32]]
    kind: dict[str, NDArray[np.uint8]]
    shown: NDArray[np.bool_]

    def serves(self, shown: NDArray[np.bool_]) -> bool:
        """Not where a product may now be shown that could not be then."""
        return len(shown) == len(self.shown) and not bool((shown & ~self.shown).any())

    def list_of(self, verb: str, number: int) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.str_]] | None:
        at = int(self.place[verb][number])
        if at < 0:
            return None
        row = self.row[verb][at]
        n = int((row >= 0).sum())
        chance = self.probability[verb][at][:n].astype(np.float64)
        return row[:n].astype(np.int64), chance, KINDS[self.kind[verb][at][:n]]


def folder_for(shop: Path, version: str) -> Path:
    return shop / "cache" / "serve" / version


def load_prepared(shop: Path, version: str) -> Prepared | None:
    """None where nothing was prepared yet, or by another release."""
    folder = folder_for(shop, version)
    if not (folder / f"prepared-{FORM}").is_file():
        return None

    def mapped(verb: str, what: str) -> NDArray:
        return np.load(folder / f"{verb}-{what}.npy", mmap_mode="r")

    verbs = ("related", "recommend")
    return Prepared(
        *({verb: mapped(verb, what) for verb in verbs} for what in ("place", "row", "probability", "kind")),
        shown=np.load(folder / "shown.npy"),
    )  # type: ignore[arg-type]


def prepare(shop: Path, version: str, most_products: int = MOST_PRODUCTS, most_customers: int = MOST_CUSTOMERS) -> Path:
    """Compute the lists of a version and write them; the mark of completeness comes last."""
    import goeswith as gw
    from goeswith.data.atomic import file_aside
    from goeswith.ranking.index import GraphIndex

    model = gw.load(shop, version, shared=True)
    folder = folder_for(shop, version)
    folder.mkdir(parents=True, exist_ok=True)
    sold = model.parts.counts.items
    products = np.argsort(-sold, kind="stable")[: min(most_products, int((sold > 0).sum()))]
    bought = np.diff(model.parts.histories.start)
    customers = np.argsort(-bought, kind="stable")[: min(most_customers, int((bought > 0).sum()))]
    tables = {"recommend": _lists(_recommended(model, customers), customers, model.log.n_customers)}
    tables["related"] = _lists(_related(model, products), products, model.log.n_items)
    tables["shown"] = {"shown": model.answerer.rules.shown}
    for verb, table in tables.items():
        for what, array in table.items():
            with (
                file_aside(folder / (f"{verb}-{what}.npy" if verb != what else "shown.npy")) as aside,
                aside.open("wb") as file,
            ):
                np.save(file, array)
    with file_aside(folder / f"prepared-{FORM}") as aside:
        aside.write_text(version + "\n")
    with file_aside(folder / GRAPH) as aside:
        GraphIndex.build(model.encoded).save(aside)
    return folder


Found = Iterator[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.str_]]]


def _related(model: object, products: NDArray[np.int64]) -> Found:
    from goeswith.ranking.answering import Limits
    from goeswith.ranking.sources import of_products

    limits = Limits(KEPT, np.ones(model.log.n_items, bool), False)  # type: ignore[attr-defined]
    for start in range(0, len(products), AT_ONCE):
        some = products[start : start + AT_ONCE]
        answers = model.answerer.related(of_products(model.parts, some), some, limits, "any")  # type: ignore[attr-defined]
        for query, product in enumerate(some):
            mine = answers.query == query
            kinds = model.answerer.kinds.labels(np.array([product]), answers.item[mine])  # type: ignore[attr-defined]
            yield answers.item[mine], answers.probability[mine], kinds


def _recommended(model: object, customers: NDArray[np.int64]) -> Found:
    from goeswith.ranking.answering import Limits
    from goeswith.ranking.views import Queries

    histories = model.parts.histories  # type: ignore[attr-defined]
    limits = Limits(KEPT, np.ones(model.log.n_items, bool), False)  # type: ignore[attr-defined]
    for start in range(0, len(customers), AT_ONCE):
        some = customers[start : start + AT_ONCE]
        own = histories.take(some)
        answers = model.answerer.recommend(Queries(own, some), limits, False, False)  # type: ignore[attr-defined]
        for query in range(len(some)):
            mine = answers.query == query
            span = slice(own.start[query], own.start[query + 1])
            held = own.item[span][own.n[span] > 0][:200]
            kinds = model.answerer.kinds.labels(held, answers.item[mine])  # type: ignore[attr-defined]
            yield answers.item[mine], answers.probability[mine], kinds


def _lists(found: Found, numbers: NDArray[np.int64], n: int) -> dict[str, NDArray]:
    place = np.full(n, -1, np.int32)
    row = np.full((len(numbers), KEPT), -1, np.int32)
    probability = np.zeros((len(numbers), KEPT), np.float32)
    kind = np.zeros((len(numbers), KEPT), np.uint8)
    for at, (number, (rows, chance, kinds)) in enumerate(zip(numbers, found, strict=True)):
        place[number] = at
        row[at, : len(rows)] = rows
        probability[at, : len(rows)] = chance
        kind[at, : len(rows)] = (kinds[:, None] == KINDS[None, :]).argmax(axis=1)
    return {"place": place, "row": row, "probability": probability, "kind": kind}


if __name__ == "__main__":
    os.nice(19)
    prepare(Path(sys.argv[1]), sys.argv[2])
