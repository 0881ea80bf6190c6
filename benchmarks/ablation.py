"""What each view adds, by how often a product was sold before the cut; and what is lost without the language model.

    python benchmarks/ablation.py --data online-retail
    python benchmarks/ablation.py --test

Each task is asked anew for each warmth, with only its products ranked, so that the few warm ones cannot hide what is
known of the cold. "without language model" is refitted from an encoder that says nothing of any text: words,
attributes and behaviour remain.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
from numpy.typing import NDArray

import goeswith as gw
from goeswith import flow
from goeswith.association.finetune import FinetuneConfig
from goeswith.association.largest import largest
from goeswith.evaluation.intervals import paired_bootstrap
from goeswith.evaluation.metrics import capped_recall, hit_table
from goeswith.evaluation.protocol import Task
from goeswith.model import Model
from goeswith.ranking.answering import part_of
from goeswith.ranking.training import baskets_to_matrix, block_size, bought_before
from goeswith.ranking.views import Array, Queries, catalogue_views
from trials import TRIALS, Trial

K = 10
WARMTH = {"0": (0, 0), "1-4": (1, 4), "5-19": (5, 19), "20+": (20, None)}
OF_HISTORIES = ("personal", "popularity", "ease", "crowd", "cosine", "window", "words", "text")
OF_BASKETS = ("popularity", "basket_ease", "confidence", "basket_cosine", "basket_words", "basket_text")
FUSED, MUTE = "goeswith", "without language model"
Recalls = dict[str, NDArray[np.float64]]
"""System -> (queries,), capped recall."""


class MuteEncoder:
    """An encoder to which every text means nothing: its vectors are 0, and what stands beside them decides."""

    dimensions, fingerprint = 384, "mute"

    def encode(self, texts: Sequence[str]) -> Array:
        return np.zeros((len(texts), self.dimensions), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(TRIALS), default="online-retail")
    parser.add_argument("--test", action="store_true", help="the test slice; never choose by it")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    trial = TRIALS[asked.data]("test" if asked.test else "validation", None)
    models = fitted_models(trial, asked.seed)
    print(f"{trial.name}, {trial.part} slice, recall@{K} (capped), seed {asked.seed}\n")
    asked_here = [task for task in trial.exam.tasks if not task.history and not task.across]
    for views, of_baskets in ((OF_HISTORIES, False), (OF_BASKETS, True)):
        tasks = [task for task in asked_here if (task.baskets is not None) == of_baskets]
        if tasks:
            print(table(tasks, trial.exam.products, models, views), flush=True)


def fitted_models(trial: Trial, seed: int) -> dict[str, Model]:
    """With the language model and without, default settings otherwise."""
    models = {}
    with tempfile.TemporaryDirectory() as folder:
        shop = gw.Shop.create(Path(folder) / "shop", products=trial.products, events=trial.events)
        log = shop.log(trial.until)  # type: ignore[arg-type]
        models[FUSED] = flow.learn(log, gw.FitConfig(seed=seed), shop.folder / "cache")
        print(f"fine-tuning: {models[FUSED].facts['fine_tuning']}", flush=True)
        with patch.object(flow, "load_encoder", lambda *_: MuteEncoder()):
            settings = gw.FitConfig(seed=seed, finetune=FinetuneConfig(method="frozen"))
            models[MUTE] = flow.learn(log, settings, shop.folder / "cache")
    return models


def table(tasks: list[Task], products: pl.DataFrame, models: dict[str, Model], views: tuple[str, ...]) -> str:
    """A row for each task and warmth: every view alone, the fused models, and two paired differences."""
    columns = [*views, *models, f"{FUSED} less best view", f"{FUSED} less {MUTE}"]
    lines = [f"| task | purchases | queries | {' | '.join(columns)} |", "|---" * (3 + len(columns)) + "|"]
    for task in tasks:
        for name, (low, high) in WARMTH.items():
            warm = pl.col("purchases").is_between(low, high if high is not None else 2**31)
            part = within(task, products.filter(warm)["product_id"])
            if part is None:
                continue
            reached = view_recalls(models[FUSED], part, views)
            best = max(reached.values(), key=lambda values: values.mean())
            fused = {name: recall(part.ask(model, K), part) for name, model in models.items()}
            gains = [paired_bootstrap(fused[FUSED], other) for other in (best, fused[MUTE])]
            means = [f"{values.mean():.4f}" for values in (*reached.values(), *fused.values())]
            shown = [f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]" for mean, low, high in gains]
            lines.append(f"| {task.name} | {name} | {part.n_queries:,} | {' | '.join([*means, *shown])} |")
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


def recall(lists: pl.DataFrame, task: Task) -> NDArray[np.float64]:
    """(queries,), capped."""
    return capped_recall(hit_table(lists, task.truth, K))


def view_recalls(model: Model, task: Task, views: tuple[str, ...]) -> Recalls:
    """Each view as if it were all there is; where it says nothing (0) it names nothing."""
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
