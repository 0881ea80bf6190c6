"""Two model versions side by side: which answers changed."""

from typing import Any

import numpy as np
import polars as pl

import goeswith as gw
from goeswith.model import Model
from goeswith.serve.console.finding import best_sellers
from goeswith.serve.console.holding import Console

ASKED, PLACES = 100, 10


def loaded(console: Console, version: str) -> Model:
    """A version by name: the one in service, or one that is loaded for this."""
    work = console.service.works.get(version)
    if work is not None:
        return work.model
    return console.once("model", version, lambda: gw.load(console.service.shop, version))


def compared(console: Console, a: str, b: str) -> dict[str, Any]:
    """The answers of two versions about the products that sell most.

    Raises
    ------
    ModelError : a version that is not there
    """
    return console.once("compared", (a, b), lambda: _compared(console, a, b))


def _compared(console: Console, a: str, b: str) -> dict[str, Any]:
    left, right = loaded(console, a), loaded(console, b)
    work = console.work
    sellers = best_sellers(work, ASKED) if work is not None else []
    ids = [str(work.catalogue.ids[row]) for row in sellers] if work is not None else []
    shared = [one for one in ids if one in left.log.items and one in right.log.items]
    lists = [_lists(model, shared) for model in (left, right)]
    names = dict(zip(map(str, right.log.items.series.to_list()), right.log.products["name"].to_list(), strict=True))
    names |= dict(zip(map(str, left.log.items.series.to_list()), left.log.products["name"].to_list(), strict=True))
    rows = []
    for one in shared:
        old, new = lists[0].get(one, []), lists[1].get(one, [])
        came = [names.get(each) or each for each in new if each not in old]
        went = [names.get(each) or each for each in old if each not in new]
        same = len(set(old) & set(new)) / max(len(set(old) | set(new)), 1)
        first = bool(old and new and old[0] != new[0])
        rows.append(
            {"id": one, "name": names.get(one) or one, "same": same, "came": came, "went": went, "first": first}
        )
    rows.sort(key=lambda row: row["same"])
    facts = [_facts(model) for model in (left, right)]
    return {
        "rows": rows,
        "same": float(np.mean([row["same"] for row in rows])) if rows else 1.0,
        "first": sum(row["first"] for row in rows),
        "asked": len(rows),
        "facts": [{"name": key, "a": facts[0][key], "b": facts[1][key]} for key in facts[0]],
    }


def _lists(model: Model, products: list[str]) -> dict[str, list[str]]:
    if not products:
        return {}
    frame = model.related_many(products, n=PLACES).with_columns(pl.col("source_id", "product_id").cast(pl.String))
    grouped = frame.sort("rank").group_by("source_id", maintain_order=True).agg("product_id")
    return dict(grouped.iter_rows())


def _facts(model: Model) -> dict[str, Any]:
    last = model.log.events["time"].max()
    return {
        "products": len(model.log.items),
        "customers": model.log.n_customers,
        "baskets": model.parts.counts.n_baskets,
        "events": len(model.log.events),
        "last event": last.strftime("%Y-%m-%d %H:%M") if last is not None else "–",  # type: ignore[union-attr]
        "fine-tuning": str(model.facts.get("fine_tuning", "–")),
        "seed": model.config.seed,
        "seconds of the fit": round(sum(model.facts.get("stages", {}).values())),
    }
