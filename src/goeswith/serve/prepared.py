"""Ranked lists about the best sellers and for all customers, computed once for a model version and kept on disk.

    python -m goeswith.serve.prepared SHOP VERSION

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
VERBS = ("recommend", "related")
Stage = tuple[int, int]
STAGES: tuple[Stage, ...] = ((500, 500), (20_000, 2_000), (20_000, 20_000), (20_000, 100_000))
"""Customers, those who buy most first, and products, the best sellers first; what lies beyond is asked of the model."""
AT_ONCE = 64
LABELLED = 20
"""Of a list, so many answers are labelled with their kind; the rest when it is shown."""
UNKNOWN = 255
KINDS = np.array([COMPLEMENT, SUBSTITUTE, BOTH])
MARK = "prepared-3"
"""Says how far it is; the number is that of the form."""
GRAPH = "products.usearch"
"""Every product by what it means, for searches."""


@dataclass(frozen=True)
class Prepared:
    """Lists by verb.

    place : verb -> (products or customers,), the list of each; -1 none
    row, probability, kind : verb -> (lists, KEPT); row -1 where a list is shorter
    shown : (items,), what could be an answer when they were made
    stage : customers and products that have lists
    """

    place: dict[str, NDArray[np.int32]]
    row: dict[str, NDArray[np.int32]]
    probability: dict[str, NDArray[np.float32]]
    kind: dict[str, NDArray[np.uint8]]
    shown: NDArray[np.bool_]
    stage: Stage = (0, 0)

    def serves(self, shown: NDArray[np.bool_]) -> bool:
        """Not where a product may now be shown that could not be then."""
        return len(shown) == len(self.shown) and not bool((shown & ~self.shown).any())

    def list_of(self, verb: str, number: int) -> tuple[NDArray[np.int64], NDArray[np.float64], list[str]] | None:
        """Rows, probabilities, and the kinds of the first LABELLED; None where there is no list."""
        at = int(self.place[verb][number])
        if at < 0:
            return None
        row = self.row[verb][at]
        n = int((row >= 0).sum())
        chance = self.probability[verb][at][:n].astype(np.float64)
        kind = self.kind[verb][at][:n]
        return row[:n].astype(np.int64), chance, KINDS[kind[kind != UNKNOWN]].tolist()


def folder_for(shop: Path, version: str) -> Path:
    return shop / "cache" / "serve" / version


def stage_of(shop: Path, version: str) -> Stage:
    """How many customers and how many products have lists; (0, 0) where nothing is prepared yet."""
    try:
        customers, products = (folder_for(shop, version) / MARK).read_text().split()
        return int(customers), int(products)
    except (OSError, ValueError):
        return 0, 0


def load_prepared(shop: Path, version: str) -> Prepared | None:
    """None where nothing was prepared yet, or by another release."""
    folder, stage = folder_for(shop, version), stage_of(shop, version)
    if stage == (0, 0):
        return None

    def both(what: str) -> dict[str, NDArray]:
        names = {verb: f"{verb}-{what}-{n}.npy" for verb, n in zip(VERBS, stage, strict=True)}
        return {verb: np.asarray(np.load(folder / name, mmap_mode="r")) for verb, name in names.items()}

    shown = np.load(folder / "shown.npy")
    return Prepared(both("place"), both("row"), both("probability"), both("kind"), shown, stage)


def prepare(shop: Path, version: str, stages: Sequence[Stage] = STAGES) -> Path:
    """Compute the lists of a version and write them; each stage can be used as it is done, and is not done again."""
    import goeswith as gw
    from goeswith.data.lock import folder_lock

    folder = folder_for(shop, version)
    folder.mkdir(parents=True, exist_ok=True)
    with folder_lock(folder, "prepare"):
        _prepare(gw.load(shop, version, shared=True), folder, load_prepared(shop, version), stages)
    return folder


def _prepare(model: "Model", folder: Path, known: Prepared | None, stages: Sequence[Stage]) -> None:
    from goeswith.data.atomic import file_aside
    from goeswith.ranking.index import GraphIndex

    def write(name: str, array: NDArray) -> None:
        with file_aside(folder / name) as aside, aside.open("wb") as file:
            np.save(file, array)

    if known is None:
        write("shown.npy", model.answerer.rules.shown)
    weight = {"recommend": np.diff(model.parts.histories.start), "related": model.parts.counts.items}
    compute = {"recommend": _recommended, "related": _related}
    order = {verb: np.argsort(-n, kind="stable")[: int((n > 0).sum())] for verb, n in weight.items()}
    done = {verb: _known(known, verb, rows) for verb, rows in order.items()}
    for stage in stages:
        for verb, most in zip(VERBS, stage, strict=True):
            some = order[verb][len(done[verb]) : most]
            if len(some):
                done[verb] += compute[verb](model, some)
            for what, array in _lists(done[verb], order[verb][: len(done[verb])], len(weight[verb])).items():
                write(f"{verb}-{what}-{len(done[verb])}.npy", array)
        with file_aside(folder / MARK) as aside:
            aside.write_text(f"{len(done['recommend'])} {len(done['related'])}\n")
    if not (folder / GRAPH).is_file():
        with file_aside(folder / GRAPH) as aside:
            GraphIndex.build(model.encoded).save(aside)


def _known(known: Prepared | None, verb: str, rows: NDArray[np.int64]) -> "list[Found]":
    """Lists that were computed before."""
    found: list[Found] = []
    for row in rows[: known.stage[VERBS.index(verb)]] if known is not None else ():
        items, chance, kinds = (known and known.list_of(verb, int(row))) or ((), (), ())
        found.append((np.array(items, np.int64), np.array(chance, np.float32), np.array(kinds, KINDS.dtype)))
    return found


Found = tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.str_]]


def _related(model: "Model", products: NDArray[np.int64]) -> Iterator[Found]:
    from goeswith.ranking.answering import Limits
    from goeswith.ranking.sources import of_products

    limits = Limits(KEPT, np.ones(model.log.n_items, bool), False)
    for start in range(0, len(products), AT_ONCE):
        some = products[start : start + AT_ONCE]
        answers = model.answerer.related(of_products(model.parts, some), some, limits, "any")
        for query, product in enumerate(some):
            mine = answers.query == query
            kinds = model.answerer.kinds.labels(np.array([product]), answers.item[mine][:LABELLED])
            yield answers.item[mine], answers.probability[mine].astype(np.float32), kinds


def _recommended(model: "Model", customers: NDArray[np.int64]) -> list[Found]:
    from goeswith.ranking.answering import Limits
    from goeswith.ranking.views import Queries

    kinds, histories = model.answerer.kinds, model.parts.histories
    limits = Limits(KEPT, np.ones(model.log.n_items, bool), False)
    ranked, alike = [], []
    for start in range(0, len(customers), AT_ONCE):
        some = customers[start : start + AT_ONCE]
        own = histories.take(some)
        answers = model.answerer.recommend(Queries(own, some), limits, False, False)
        for query in range(len(some)):
            mine = answers.query == query
            span = slice(own.start[query], own.start[query + 1])
            held, items = own.item[span][own.n[span] > 0][:200], answers.item[mine]
            ranked.append((items, answers.probability[mine].astype(np.float32)))
            alike.append(kinds.most_alike(held, items[:LABELLED]) if len(held) else items[:LABELLED])
    # All pairs at once: a product that many customers hold is looked up once.
    labels = kinds.labels_of_pairs(np.concatenate(alike), np.concatenate([items[:LABELLED] for items, _ in ranked]))
    bounds = np.cumsum([len(one) for one in alike])[:-1]
    return [(*pair, own) for pair, own in zip(ranked, np.split(labels, bounds), strict=True)]


def _lists(found: Iterable[Found], numbers: NDArray[np.int64], n: int) -> dict[str, NDArray]:
    place = np.full(n, -1, np.int32)
    row = np.full((len(numbers), KEPT), -1, np.int32)
    probability = np.zeros((len(numbers), KEPT), np.float32)
    kind = np.full((len(numbers), KEPT), UNKNOWN, np.uint8)
    for at, (number, (rows, chance, kinds)) in enumerate(zip(numbers, found, strict=True)):
        place[number] = at
        row[at, : len(rows)] = rows
        probability[at, : len(rows)] = chance
        kind[at, : len(kinds)] = (kinds[:, None] == KINDS[None, :]).argmax(axis=1)
    return {"place": place, "row": row, "probability": probability, "kind": kind}


if __name__ == "__main__":
    os.nice(19)
    prepare(Path(sys.argv[1]), sys.argv[2])
