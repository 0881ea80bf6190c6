"""What the language model adds to products that never sold, on more of them than a shop has.

    python benchmarks/cold_draws.py --data online-retail --draws 3
    python benchmarks/cold_draws.py --data scientific --draws 5 --test

A few hundred customers buy what never sold before, too few to tell a difference of a hundredth. So a tenth of what did
sell is taken out of the past, as if it were new, and who bought of it next is asked among these alone; again for each
draw. The pool of all draws is compared, with M as it came and with an encoder to which no text means anything: words,
attributes and behaviour remain. Only the rankers that this needs are taught.
"""

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import polars as pl
from numpy.typing import NDArray

import goeswith as gw
from ablation import K, learn_mute, within
from goeswith import flow
from goeswith.association.finetune import FinetuneConfig
from goeswith.evaluation.intervals import paired_bootstrap
from goeswith.evaluation.metrics import capped_recall, hit_table, ndcg
from goeswith.evaluation.protocol import Task
from goeswith.model import Model
from goeswith.ranking import training
from trials import TRIALS, Trial, shop_of

SHARE = 0.1
NEXT = ("B", "novel", "next")
"""The task of each data set that asks for products which the customer never bought."""
TAUGHT = ("cold", "related")
"""The ranker that is asked, and the one that probabilities of pairs are calibrated by."""
Figures = dict[str, NDArray[np.float64]]
"""Metric -> (queries,)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["complete-journey", "online-retail", "scientific"], default="online-retail")
    parser.add_argument("--test", action="store_true", help="the test slice; never choose by it")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    trial = TRIALS[asked.data]("test" if asked.test else "validation", None)
    having: list[Figures] = []
    lacking: list[Figures] = []
    for draw in range(asked.first, asked.first + asked.draws):
        drawn, task = with_hidden(trial, draw)
        with_m, without = with_and_without(drawn, task, asked.seed)
        having.append(with_m)
        lacking.append(without)
        print(f"draw {draw}, {task.n_queries:,} customers", flush=True)
        for metric in having[-1]:
            print(compared(metric, having[-1:], lacking[-1:]), flush=True)
    print(f"\n{trial.name}, {trial.part} slice, {asked.draws} draws, seed {asked.seed}")
    for metric in having[0]:
        print(compared(metric, having, lacking))


def compared(metric: str, having: list[Figures], lacking: list[Figures]) -> str:
    """A line: both means, and the paired difference."""
    ours, others = (np.concatenate([each[metric] for each in some]) for some in (having, lacking))
    mean, low, high = paired_bootstrap(ours, others)
    both = f"{ours.mean():.4f} with M, {others.mean():.4f} without"
    return f"  {metric} of {len(ours):,}: {both}, {mean:+.4f} [{low:+.4f}, {high:+.4f}]"


def with_hidden(trial: Trial, draw: int) -> tuple[Trial, Task]:
    """The trial with a tenth of its products taken out of the past, and who bought of them afterwards."""
    task = next(each for each in reversed(trial.exam.tasks) if each.name in NEXT)
    assert task.customers is not None and task.among is not None
    sold = task.among.sort()
    places = np.random.default_rng([draw, 1]).choice(len(sold), round(SHARE * len(sold)), replace=False)
    hidden = sold.gather(np.sort(places))
    kept = trial.events.filter(~pl.col("product_id").is_in(hidden.implode()))
    before = kept if trial.until is None else kept.filter(pl.col("timestamp") <= trial.until)
    known = before["customer_id"].drop_nulls().unique()
    of_known = np.flatnonzero(task.customers.is_in(known.implode()).to_numpy())
    truth = task.truth.filter(pl.col("query").is_in(of_known))
    part = within(replace(task, truth=truth), hidden)
    assert part is not None
    return replace(trial, events=kept), part


def with_and_without(trial: Trial, task: Task, seed: int) -> tuple[Figures, Figures]:
    """What is reached with M and without it; one model in memory at a time."""
    config = gw.FitConfig(seed=seed, finetune=FinetuneConfig(method="frozen"))
    with shop_of(trial) as shop, _only(TAUGHT):
        log, cache = shop.log(trial.until), shop.folder / "cache"  # type: ignore[arg-type]
        having = figures(flow.learn(log, config, cache), task)
        gc.collect()
        return having, figures(learn_mute(log, cache, seed), task)


def figures(model: Model, task: Task) -> Figures:
    hits = hit_table(task.ask(model, K), task.truth, K)
    return {f"recall@{K} (capped)": capped_recall(hits), f"NDCG@{K}": ndcg(hits)}


@contextmanager
def _only(questions: tuple[str, ...]) -> Iterator[None]:
    """Rankers for these questions alone."""
    examples = {name: make for name, make in training.EXAMPLES.items() if name in questions}
    with patch.multiple(training, QUESTIONS=questions, EXAMPLES=examples):
        yield


if __name__ == "__main__":
    main()
