"""A causal model as a reader of the first answers: what it costs, what it changes; and a catalogue in two languages."""

import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

import goeswith as gw
import online_retail
from goeswith.data.log import PURCHASE
from goeswith.evaluation.baselines.ease import Ease
from goeswith.evaluation.intervals import bootstrap, paired_bootstrap
from goeswith.language.causal import CausalModel, load_causal
from goeswith.language.item_text import item_text
from goeswith.language.vocabulary_cut import cut_vocabulary
from goeswith.ranking.training import baskets_to_matrix
from goeswith.testing.clean_log import as_log

DEPTH = 10
MOST_SECONDS = 1_500.0
"""Of reading baskets; those that were not reached are left out and the number is said."""
WEIGHTS = (0.0, 0.1, 0.2, 0.5, 1.0)


def reranking(name: str, n_baskets: int, seed: int) -> None:
    """Milliseconds a candidate four ways; then NDCG@10 of baskets of Online Retail with one product hidden."""
    began = time.process_time()
    whole = load_causal(name, "cpu")
    loaded = time.process_time()
    products, fit, _, tasks, _ = online_retail.cut("validation")
    log, texts = as_log(products, fit.with_columns(event=pl.lit(PURCHASE))), item_text(products)
    cut = cut_vocabulary(whole, texts)
    sizes = f"{len(whole.tokenizer):,} tokens, {len(cut.kept) if cut.kept is not None else 0:,} after the cut"
    print(f"{name}: loaded in {loaded - began:.1f} s; {sizes}", flush=True)
    rng = np.random.default_rng(seed)
    named = [texts[row] for row in rng.choice(len(texts), 60, replace=False)]
    _pace(whole, cut, named)

    task = next(task for task in tasks if task.name == "C anonymous")
    assert task.baskets is not None and task.among is not None
    hidden = task.truth.sort("query")["product_id"].to_list()
    chosen = np.sort(rng.choice(len(hidden), min(n_baskets, len(hidden)), replace=False))
    baskets = [log.items.rows(task.baskets[query]) for query in chosen]
    wanted = log.items.rows([hidden[query] for query in chosen])
    pool = log.items.rows(task.among)
    held = baskets_to_matrix(baskets, log.n_items)
    scores = Ease(log, over="baskets").baskets(held, None, pool)
    scores = np.where(held[:, pool].toarray() > 0, -np.inf, scores)
    gains, seconds = [], 0.0
    for own, basket, right in zip(scores, baskets, wanted, strict=True):
        if seconds > MOST_SECONDS:
            break
        top = np.argsort(-own, kind="stable")[:DEPTH]
        began = time.process_time()
        lifts = cut.lifts([texts[row] for row in basket[-5:]], [texts[row] for row in pool[top]])
        seconds += time.process_time() - began
        gains.append([_gain(pool[top], _standard(own[top]) + w * _standard(lifts), right) for w in WEIGHTS])
    table = np.array(gains)
    best = int(table[::2].mean(axis=0).argmax())
    other = table[1::2]
    pace = 1e3 * seconds / len(table)
    print(f"{len(table)} baskets, the first {DEPTH} of EASE over baskets read again, {pace:.0f} ms each")
    print("| weight | NDCG@10, all |\n|---|---|")
    for at, weight in enumerate(WEIGHTS):
        print(f"| {weight:g} | {bootstrap(table[:, at])} |")
    change = paired_bootstrap(other[:, best], other[:, 0])
    print(
        f"chosen on every second basket: weight {WEIGHTS[best]:g}; on the others {other[:, 0].mean():.4f} -> "
        f"{other[:, best].mean():.4f}, {change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}]"
    )


def _pace(whole: CausalModel, cut: CausalModel, named: list[str]) -> None:
    print("| vocabulary | history computed for each candidate, ms a candidate | once (shared prefix) |\n|---|---|---|")
    for label, model in (("whole", whole), ("cut", cut)):
        cells = []
        for shared in (False, True):
            began = time.process_time()
            for start in (0, 20):
                model.log_likelihoods(named[start : start + 4], named[start + 4 : start + 20], shared=shared)
            cells.append(f"{1e3 * (time.process_time() - began) / 32:.0f}")
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def _standard(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    spread = values[finite].std() or 1.0
    return np.where(finite, (values - values[finite].mean()) / spread, -1e9)


def _gain(items: np.ndarray, score: np.ndarray, right: int) -> float:
    place = np.flatnonzero(items[np.argsort(-score, kind="stable")] == right)
    return float(1 / np.log2(2 + place[0])) if len(place) else 0.0


SHELF = (
    ("有机牛奶 1升", "乳制品"), ("全脂鲜牛奶 950毫升", "乳制品"), ("Organic milk 1 l", "dairy"),
    ("Whole milk 950 ml", "dairy"), ("洗衣液 2千克", "清洁用品"), ("Laundry detergent 2 kg", "cleaning"),
    ("洗洁精 500克", "清洁用品"), ("Dish soap 500 g", "cleaning"), ("全麦面包", "面包"), ("Wholemeal bread", "bakery"),
    ("速溶咖啡", "饮料"), ("Instant coffee", "drinks"), ("打印机墨盒", "办公"), ("Printer ink cartridge", "office"),
)  # fmt: skip


TOGETHER = ((0, 1), (2, 3), (4, 6), (5, 7), (8, 10), (9, 11), (12,), (13,))
"""Rows of the shelf that share baskets: of one kind and in one language, so that only the text joins the languages."""


def bilingual_shop(folder: Path) -> gw.Shop:
    """Fourteen products in Chinese and English."""
    products = pl.DataFrame(
        {"product_id": [f"p{at}" for at in range(len(SHELF))], "name": [name for name, _ in SHELF],
         "category": [category for _, category in SHELF]}
    )  # fmt: skip
    start = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 4, 1), "1d", eager=True)
    rows = [
        (f"b{day}", f"c{day % len(TOGETHER)}", f"p{item}", moment)
        for day, moment in enumerate(start)
        for item in TOGETHER[day % len(TOGETHER)]
    ]
    events = pl.DataFrame(rows, schema=["basket_id", "customer_id", "product_id", "timestamp"], orient="row")
    return gw.Shop.create(folder, products=products, events=events)


def chinese() -> None:
    """What the encoder that is chosen by itself makes of milk and detergent, across languages."""
    with tempfile.TemporaryDirectory() as place:
        shop = bilingual_shop(Path(place) / "shop")
        notes: list[str] = []
        config = gw.FitConfig(finetune={"method": "frozen"}, features={"steps": 50})
        model = gw.fit(shop, config, progress=lambda event: notes.append(getattr(event, "text", "")))
        print(next((note for note in notes if "English" in note), "no word about the language"))
        names = dict(zip(model.log.products["product_id"], model.log.products["name"], strict=True))
        for text in ("有机牛奶", "organic milk", "洗衣液", "laundry detergent"):
            ranking = model.related(text=text, n=8)
            print(f"{text}: {', '.join(names[one] for one in ranking.ids)}")
        texts = ["有机牛奶", *(name.lower() for name, _ in SHELF)]
        vectors = model.encoder.encode(texts)
        cosines = vectors[1:] @ vectors[0]
        order = np.argsort(-cosines)
        print("by cosine to 有机牛奶: " + ", ".join(f"{SHELF[at][0]} {cosines[at]:.3f}" for at in order[:8]))
