"""How fast: one question at a time, encoding with and without the cache, fine-tuning, and the demo's stages.

    python benchmarks/speed.py SHOP        a shop with a model, such as the one that `make demo` leaves behind

Prints a table of medians; speeds are of this machine at this moment, so compare them side by side only.
"""

import argparse
import platform
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import perf_counter

import numpy as np

import goeswith as gw
from goeswith.association.finetune import FinetuneConfig, finetune_encoder
from goeswith.language.encoder import load_encoder
from goeswith.language.vector_cache import CachedEncoder

QUESTIONS = 200
TEXTS = 2_000
STEPS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path, nargs="?", default=Path("goeswith-demo"))
    asked = parser.parse_args()

    started = perf_counter()
    model = gw.load(asked.shop)
    loading = perf_counter() - started
    print(f"{date.today()}, {platform.machine()}, {platform.processor() or 'processor unnamed'}")
    size = f"{model.log.n_items:,} products, {model.log.n_customers:,} customers"
    print(f"{asked.shop}: {size}, loaded in {loading:.1f} s\n")
    print("| one at a time | p50 ms | p99 ms |\n|---|---|---|")
    for name, ask in questions(model).items():
        p50, p99 = np.percentile(milliseconds(ask), [50, 99])
        print(f"| {name} | {p50:.0f} | {p99:.0f} |", flush=True)
    print("\n| work | speed |\n|---|---|")
    for name, speed in {**encoding(model.texts), **fine_tuning(model)}.items():
        print(f"| {name} | {speed} |", flush=True)
    print("\n| stage of the fit | seconds |\n|---|---|")
    for stage, seconds in model.facts.get("stages", {}).items():
        print(f"| {stage} | {seconds:.1f} |")


def questions(model: gw.Model) -> dict[str, Callable[[int], object]]:
    """Each verb as a function of the number of the question; products and customers drawn with one seed."""
    rng = np.random.default_rng(0)
    sold = np.flatnonzero(model.parts.counts.items > 0)
    products = model.log.items.ids(rng.choice(sold, (QUESTIONS, 3)).ravel()).to_list()
    customers = model.log.customers.ids(rng.integers(model.log.n_customers, size=QUESTIONS)).to_list()
    return {
        "related": lambda at: model.related(products[at]),
        "related, a text": lambda at: model.related(text=f"{model.texts[sold[at]]} number {at}"),
        "complete, three products": lambda at: model.complete(products[3 * at : 3 * at + 3]),
        "recommend": lambda at: model.recommend(customers[at]),
        "recommend, with reasons": lambda at: model.recommend(customers[at], why=True),
        "probability": lambda at: model.probability(products[at], products[-1 - at]),
        "explain": lambda at: model.explain(products[at], products[-1 - at]),
    }


def milliseconds(ask: Callable[[int], object]) -> list[float]:
    ask(0)  # what is made when first asked for is not counted
    taken = []
    for at in range(QUESTIONS):
        began = perf_counter()
        ask(at)
        taken.append(1000 * (perf_counter() - began))
    return taken


def encoding(texts: list[str]) -> dict[str, str]:
    distinct = list(dict.fromkeys(texts))[:TEXTS]
    with tempfile.TemporaryDirectory() as folder:
        encoder = CachedEncoder(load_encoder(), Path(folder))
        speeds = []
        for _ in range(2):
            began = perf_counter()
            CachedEncoder(encoder.encoder, Path(folder)).encode(distinct)
            speeds.append(len(distinct) / (perf_counter() - began))
    names = ("encoding, texts per second", "the same texts again, from the cache")
    return {name: f"{speed:,.0f}" for name, speed in zip(names, speeds, strict=True)}


def fine_tuning(model: gw.Model) -> dict[str, str]:
    config = FinetuneConfig(steps=STEPS, epochs=1, seconds=None)
    tuned = finetune_encoder(model.texts, model.log, load_encoder(), config, judge=lambda encoder: 0.0)
    return {"fine-tuning, (history product, target) pairs per second": f"{tuned.pairs_per_second:,.0f}"}


if __name__ == "__main__":
    main()
