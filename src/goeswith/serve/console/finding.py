"""Which products a visitor may mean."""

from threading import Thread
from typing import Any

import numpy as np

from goeswith.serve.at_work import AtWork
from goeswith.serve.console.counted import Till, why_pair
from goeswith.serve.console.holding import Console
from goeswith.serve.console.spelling import SpellingIndex
from goeswith.serve.newcomers import read_text

SHOWN_BESIDE = ("brand", "size", "category")


def index_of(console: Console, work: AtWork) -> SpellingIndex:
    """The spelling index of a version's catalogue, made once."""
    return console.once("spelling", catalogue_of(console, work), lambda: _index(work))


def catalogue_of(console: Console, work: AtWork) -> tuple[str, int]:
    """What tells one catalogue from another: rules do not change it."""
    return work.version, (console.service.known.counts or {}).get("products", 0)


def suggestions(console: Console, work: AtWork, query: str, most: int = 8) -> list[dict[str, Any]]:
    """Products whose id is the query, then those whose name or id is spelt like it."""
    wanted = query.strip()
    if not wanted:
        return []
    exact = work.catalogue.find(wanted)
    rows = [] if exact is None else [exact]
    rows += [int(row) for row in index_of(console, work).find(wanted, most) if row != exact]
    return [brief(work, row) for row in rows[:most]]


def at_hand(console: Console, work: AtWork) -> None:
    """Have what the first asker would wait for made in the background: indexes of names and baskets, the reader."""

    def all_of_it() -> None:
        index_of(console, work)
        first = best_sellers(work, 2)
        if len(first) == 2:
            why_pair(work, first[0], first[1], "en")
            till_of(console, work)
        read_text(work.model, "a product")

    def begun() -> Thread:
        thread = Thread(target=all_of_it, daemon=True)
        thread.start()
        return thread

    console.once("at hand", work.version, begun)


def till_of(console: Console, work: AtWork) -> Till:
    """A version's purchases by basket, made once."""
    return console.once("till", work.version, lambda: Till.of(work.model.log))


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
