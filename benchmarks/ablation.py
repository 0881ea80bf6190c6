"""What each view adds, by how often a product was sold before the cut; and what is lost without the language model.

    python benchmarks/ablation.py --data online-retail
    python benchmarks/ablation.py --test --tasks B D

Each task is asked anew for each warmth, with only its products ranked, so that the few warm ones cannot hide what is
known of the cold. "without language model" is refitted from an encoder that says nothing of any text: words,
attributes and behaviour remain.
"""

import argparse
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
from numpy.typing import NDArray

import goeswith as gw
from goeswith import flow
from goeswith.association.finetune import FinetuneConfig
from goeswith.association.largest import largest
from goeswith.data.log import Log
from goeswith.evaluation.intervals import paired_bootstrap
from goeswith.evaluation.metrics import capped_recall, hit_table
from goeswith.evaluation.protocol import Exam, Task
from goeswith.model import Model
from goeswith.ranking.answering import part_of
from goeswith.ranking.training import baskets_to_matrix, block_size, bought_before
from goeswith.ranking.views import Array, Queries, catalogue_views
from trials import TRIALS, Trial, shop_of

K = 10
WARMTH = {"0": (0, 0), "1-4": (1, 4), "5-19": (5, 19), "20+": (20, None)}
OF_HISTORIES = ("personal", "popularity", "ease", "crowd", "cosine", "window", "walk", "words", "text")
OF_BASKETS = ("popularity", "basket_ease", "confidence", "basket_cosine", "basket_words", "basket_text")
OF_KNOWN_BASKETS = ("personal", "together", "ease", "crowd", *OF_BASKETS)
FUSED, MUTE = "goeswith", "without language model"
Recalls = dict[str, NDArray[np.float64]]
"""System -> (queries,), capped recall."""


@dataclass(frozen=True)
class Cell:
    """One task, asked with only the products of one warmth ranked."""

    warmth: str
    task: Task

    @property
    def views(self) -> tuple[str, ...]:
        """What may say something here; for a basket whose customer is known, the customer's past as well."""
        if self.task.baskets is None:
            return OF_HISTORIES
        return OF_BASKETS if self.task.customers is None else OF_KNOWN_BASKETS


class MuteEncoder:
    """An encoder to which every text means nothing: its vectors are 0, and what stands beside them decides."""

    dimensions, fingerprint = 384, "mute"

    def encode(self, texts: Sequence[str]) -> Array:
        return np.zeros((len(texts), self.dimensions), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(TRIALS), default="online-retail")
    parser.add_argument("--test", action="store_true", help="the test slice; never choose by it")
    parser.add_argument("--tasks", nargs="*", help="only these; all without")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    trial = TRIALS[asked.data]("test" if asked.test else "validation", None)
    cells = [each for each in by_warmth(trial.exam) if not asked.tasks or each.task.name in asked.tasks]
    reached = recalls(cells, trial, asked.seed)
    print(f"{trial.name}, {trial.part} slice, recall@{K} (capped), seed {asked.seed}\n")
    for views in (OF_HISTORIES, OF_KNOWN_BASKETS, OF_BASKETS):
        rows = [pair for pair in zip(cells, reached, strict=True) if pair[0].views == views]
        if rows:
            print(table(rows), flush=True)


def by_warmth(exam: Exam) -> list[Cell]:
    """Every task but those of first histories and new categories, once for each warmth that it has answers of."""
    cells = []
    for task in exam.tasks:
        for name, (low, high) in WARMTH.items():
            warm = pl.col("purchases").is_between(low, 2**31 if high is None else high)
            part = within(task, exam.products.filter(warm)["product_id"])
            if part is not None and not task.history and not task.across:
                cells.append(Cell(name, part))
    return cells


def recalls(cells: list[Cell], trial: Trial, seed: int) -> list[Recalls]:
    """(cells,): every view alone, the fused model, and the one without language model; one in memory at a time."""
    with shop_of(trial) as shop:
        log, cache = shop.log(trial.until), shop.folder / "cache"  # type: ignore[arg-type]
        model = flow.learn(log, gw.FitConfig(seed=seed), cache)
        print(f"fine-tuning: {model.facts['fine_tuning']}", flush=True)
        reached = [view_recalls(model, each) | {FUSED: answered(model, each.task)} for each in cells]
        del model
        gc.collect()
        mute = learn_mute(log, cache, seed)
        return [known | {MUTE: answered(mute, each.task)} for known, each in zip(reached, cells, strict=True)]


def learn_mute(log: Log, cache: Path, seed: int) -> Model:
    """What is known without a language model."""
    with patch.object(flow, "load_encoder", lambda *_: MuteEncoder()):
        return flow.learn(log, gw.FitConfig(seed=seed, finetune=FinetuneConfig(method="frozen")), cache)


def table(rows: list[tuple[Cell, Recalls]]) -> str:
    """A row for each task and warmth: every view alone, the fused models, and two paired differences."""
    columns = [*rows[0][1], f"{FUSED} less best view", f"{FUSED} less {MUTE}"]
    lines = [f"| task | purchases | queries | {' | '.join(columns)} |", "|---" * (3 + len(columns)) + "|"]
    for cell, reached in rows:
        best = max((reached[name] for name in cell.views), key=lambda values: values.mean())
        gains = [paired_bootstrap(reached[FUSED], other) for other in (best, reached[MUTE])]
        means = [f"{values.mean():.4f}" for values in reached.values()]
        shown = [f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]" for mean, low, high in gains]
        start = f"| {cell.task.name} | {cell.warmth} | {cell.task.n_queries:,} |"
        lines.append(f"{start} {' | '.join([*means, *shown])} |")
    return "\n".join([*lines, ""])


def within(task: Task, products: pl.Series) -> Task | None:
    """The same questions with only these products ranked; those without a right one among them are left out."""
    among = products if task.among is None else task.among.filter(task.among.is_in(products.implode()))
    truth = task.truth.filter(pl.col("product_id").is_in(among.implode()))
    if truth.is_empty():
        return None
    kept = truth["query"].unique().sort()
    place = pl.DataFrame({"query": kept, "place": np.arange(len(kept))})
    return Task(
        task.name,
        task.title,
        truth.join(place, on="query", maintain_order="left").select("product_id", query="place"),
        None if task.customers is None else task.customers.gather(kept),
        None if task.baskets is None else [task.baskets[query] for query in kept],
        task.history,
        task.novel,
        task.across,
        among,
    )


def answered(model: Model, task: Task) -> NDArray[np.float64]:
    """(queries,), capped recall of the whole model."""
    return recall(task.ask(model, K), task)


def recall(lists: pl.DataFrame, task: Task) -> NDArray[np.float64]:
    """(queries,), capped."""
    return capped_recall(hit_table(lists, task.truth, K))


def view_recalls(model: Model, cell: Cell) -> Recalls:
    """Each view as if it were all there is; where it says nothing (0) it names nothing."""
    task, views = cell.task, cell.views
    assert task.among is not None
    asked, n_items = questions(model, task), model.log.n_items
    pool = model.log.items.rows(task.among)
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in views}
    size = block_size(n_items)
    for start in range(0, len(asked), size):
        block = part_of(asked, np.arange(start, min(start + size, len(asked))))
        barred = block.held if block.held is not None else bought_before(block.own, n_items) if task.novel else None
        scores = every_view(model, block)
        for name in views:
            view = scores[name][:, pool]
            if barred is not None:
                view = np.where(barred[:, pool].toarray() > 0, -np.inf, view)
            value, place = largest(view, K)
            query, at = np.nonzero(np.isfinite(value) & (value != 0))
            ids = model.log.items.ids(pool[place[query, at]])
            found[name].append(pl.DataFrame({"query": query + start, "product_id": ids, "rank": at + 1}))
    return {name: recall(pl.concat(lists), task) for name, lists in found.items()}


def questions(model: Model, task: Task) -> Queries:
    """The task in the model's own terms."""
    n = task.truth["query"].n_unique()
    who = np.full(n, -1) if task.customers is None else model.log.customers.rows(task.customers)
    held = None
    if task.baskets is not None:
        held = baskets_to_matrix([model.log.items.rows(basket) for basket in task.baskets], model.log.n_items)
    return Queries(model.parts.histories.take(who), who, held)


def every_view(model: Model, asked: Queries) -> dict[str, Array]:
    """Those over the whole catalogue; and popularity and personal frequency, which the ranker reads of candidates."""
    n_items = model.log.n_items
    own = asked.own.matrix(asked.own.long, n_items).toarray()
    popularity = np.tile(model.parts.popularity.month, (len(asked), 1))
    return {**catalogue_views(model.parts, asked), "personal": own, "popularity": popularity}


if __name__ == "__main__":
    main()
