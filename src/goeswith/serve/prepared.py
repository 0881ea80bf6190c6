"""Ranked lists about the best sellers and for all customers, computed once for a model version and kept on disk.

    python -m goeswith.serve.prepared SHOP VERSION [STAGE ...]

The file lies in the shop's cache; workers map it into memory and share it. Delete it whenever you like.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from goeswith.association.kinds import BOTH, COMPLEMENT, SUBSTITUTE

if TYPE_CHECKING:
    from goeswith.model import Model

KEPT = 100
STAGES, MOST_CUSTOMERS = (2_000, 20_000, 100_000), 20_000
"""Products and customers that have lists; what lies beyond is asked of the model."""
AT_ONCE = 64
KINDS = np.array([COMPLEMENT, SUBSTITUTE, BOTH])
MARK = "prepared-1"
"""Says how far it is; the number is that of the form."""
GRAPH = "products.usearch"
"""Every product by what it means, for searches."""


@dataclass(frozen=True)
class Prepared:
    """Lists by verb.

    place : verb -> (products or customers,), the list of each; -1 none
    row, probability, kind : verb -> (lists, KEPT); row -1 where a list is shorter
    shown : (items,), what could be an answer when they were made
    stage : products that have lists
    """

    place: dict[str, NDArray[np.int32]]
    row: dict[str, NDArray[np.int32]]
    probability: dict[str, NDArray[np.float32]]
    kind: dict[str, NDArray[np.uint8]]
    shown: NDArray[np.bool_]
    stage: int = 0

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


def stage_of(shop: Path, version: str) -> int:
    """How many products have lists; 0 where nothing is prepared yet."""
    try:
        return int((folder_for(shop, version) / MARK).read_text())
    except (OSError, ValueError):
        return 0


def load_prepared(shop: Path, version: str) -> Prepared | None:
    """None where nothing was prepared yet, or by another release."""
    folder, stage = folder_for(shop, version), stage_of(shop, version)
    if not stage:
        return None

    def mapped(verb: str, what: str) -> NDArray:
        return np.asarray(np.load(folder / f"{verb}-{what}-{stage if verb == 'related' else 0}.npy", mmap_mode="r"))

    verbs = ("related", "recommend")
    tables = ({verb: mapped(verb, what) for verb in verbs} for what in ("place", "row", "probability", "kind"))
    return Prepared(*tables, shown=np.load(folder / "shown.npy"), stage=stage)


def prepare(shop: Path, version: str, stages: Sequence[int] = STAGES, most_customers: int = MOST_CUSTOMERS) -> Path:
    """Compute the lists of a version and write them, the best sellers first; each stage can be used as it is done."""
    import goeswith as gw
    from goeswith.data.lock import folder_lock

    folder = folder_for(shop, version)
    folder.mkdir(parents=True, exist_ok=True)
    with folder_lock(folder, "prepare"):
        _prepare(gw.load(shop, version, shared=True), folder, load_prepared(shop, version), stages, most_customers)
    return folder


def _prepare(model: "Model", folder: Path, known: Prepared | None, stages: Sequence[int], most_customers: int) -> None:
    from goeswith.data.atomic import file_aside
    from goeswith.ranking.index import GraphIndex

    def write(name: str, array: NDArray) -> None:
        with file_aside(folder / name) as aside, aside.open("wb") as file:
            np.save(file, array)

    sold = model.parts.counts.items
    products = np.argsort(-sold, kind="stable")[: int((sold > 0).sum())]
    bought = np.diff(model.parts.histories.start)
    customers = np.argsort(-bought, kind="stable")[: min(most_customers, int((bought > 0).sum()))]
    if known is None:
        write("shown.npy", model.answerer.rules.shown)
        for what, array in _lists(_recommended(model, customers), customers, model.log.n_customers).items():
            write(f"recommend-{what}-0.npy", array)
    done = [] if known is None else [known.list_of("related", int(row)) or _NONE for row in products[: known.stage]]
    for stage in stages:
        some = products[len(done) : stage]
        if not len(some):
            continue
        done += _related(model, some)
        for what, array in _lists(done, products[: len(done)], model.log.n_items).items():
            write(f"related-{what}-{len(done)}.npy", array)
        with file_aside(folder / MARK) as aside:
            aside.write_text(f"{len(done)}\n")
        if not (folder / GRAPH).is_file():
            with file_aside(folder / GRAPH) as aside:
                GraphIndex.build(model.encoded).save(aside)


Found = tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.str_]]
_NONE: Found = (np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.str_))


def _related(model: "Model", products: NDArray[np.int64]) -> Iterator[Found]:
    from goeswith.ranking.answering import Limits
    from goeswith.ranking.sources import of_products

    limits = Limits(KEPT, np.ones(model.log.n_items, bool), False)
    for start in range(0, len(products), AT_ONCE):
        some = products[start : start + AT_ONCE]
        answers = model.answerer.related(of_products(model.parts, some), some, limits, "any")
        for query, product in enumerate(some):
            mine = answers.query == query
            kinds = model.answerer.kinds.labels(np.array([product]), answers.item[mine])
            yield answers.item[mine], answers.probability[mine].astype(np.float32), kinds


def _recommended(model: "Model", customers: NDArray[np.int64]) -> Iterator[Found]:
    from goeswith.ranking.answering import Limits
    from goeswith.ranking.views import Queries

    histories = model.parts.histories
    limits = Limits(KEPT, np.ones(model.log.n_items, bool), False)
    for start in range(0, len(customers), AT_ONCE):
        some = customers[start : start + AT_ONCE]
        own = histories.take(some)
        answers = model.answerer.recommend(Queries(own, some), limits, False, False)
        for query in range(len(some)):
            mine = answers.query == query
            span = slice(own.start[query], own.start[query + 1])
            held = own.item[span][own.n[span] > 0][:200]
            kinds = model.answerer.kinds.labels(held, answers.item[mine])
            yield answers.item[mine], answers.probability[mine].astype(np.float32), kinds


def _lists(found: Iterable[Found], numbers: NDArray[np.int64], n: int) -> dict[str, NDArray]:
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
    prepare(Path(sys.argv[1]), sys.argv[2], [int(stage) for stage in sys.argv[3:]] or STAGES)
