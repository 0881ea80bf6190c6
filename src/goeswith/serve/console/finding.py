"""Which products a visitor may mean."""

from threading import Thread
from typing import Any

import numpy as np

from goeswith.serve.at_work import AtWork
from goeswith.serve.console.holding import Console
from goeswith.serve.console.spelling import SpellingIndex
from goeswith.serve.newcomers import read_text

SHOWN_BESIDE = ("brand", "size", "category")


def index_of(console: Console, work: AtWork) -> SpellingIndex:
    """The spelling index of a version's catalogue; made once, in the time of a blink for 100,000 products."""
    return console.once("spelling", work.epoch, lambda: _index(work))


def suggestions(console: Console, work: AtWork, query: str, most: int = 8) -> list[dict[str, Any]]:
    """Products whose id is the query, then those whose name or id is spelt like it."""
    wanted = query.strip()
    if not wanted:
        return []
    exact = work.catalogue.find(wanted)
    rows = [] if exact is None else [exact]
    rows += [int(row) for row in index_of(console, work).find(wanted, most) if row != exact]
    return [brief(work, row) for row in rows[:most]]


def reader_at_hand(work: AtWork) -> Thread:
    """Have the language model read in the background: it is fetched at its first text, which takes seconds."""
    thread = Thread(target=read_text, args=(work.model, "a product"), daemon=True)
    thread.start()
    return thread


def brief(work: AtWork, row: int) -> dict[str, Any]:
    """What tells one product from another: id, name, brand, size, category, whether it is cold."""
    catalogue = work.catalogue
    beside = [catalogue.frame[name][row] for name in SHOWN_BESIDE if name in catalogue.frame.columns]
    return {
        "id": str(catalogue.ids[row]),
        "name": catalogue.names[row] or str(catalogue.ids[row]),
        "beside": " · ".join(str(value) for value in beside if value not in (None, "")),
        "cold": bool(cold_of(work)[row]),
    }


def cold_of(work: AtWork) -> np.ndarray:
    """(products,), that hardly sold; kept with the version at work."""
    found = work.__dict__.get("_cold_once")
    if found is None:
        found = work.__dict__["_cold_once"] = work.cold
    return found


def best_sellers(work: AtWork, most: int) -> list[int]:
    """Rows of the products in most baskets."""
    counts = work.model.parts.counts.items
    order = np.argsort(-counts, kind="stable")[:most]
    return [int(row) for row in order if counts[row] > 0]


def _index(work: AtWork) -> SpellingIndex:
    texts = [f"{name} {id_}" for name, id_ in zip(work.catalogue.names, work.catalogue.ids, strict=True)]
    sold = np.zeros(len(texts), np.int64)
    sold[: work.catalogue.n_items] = work.model.parts.counts.items
    return SpellingIndex.of(texts, sold)
