"""What stands around one product: the answer with its numbers, and the web of what goes with what in it."""

from typing import Any

import numpy as np

from goeswith.serve.answering import Answering
from goeswith.serve.at_work import AtWork
from goeswith.serve.console.finding import brief, cold_of
from goeswith.serve.console.holding import Console
from goeswith.serve.schemas import RelatedQuery

WEB = 14
"""Products of the answer that the graph looks at for ties among themselves."""
LIFTED = 1.2
"""A tie among the answers is drawn where two are together this much more often than chance makes them."""


async def companions(
    console: Console, answering: Answering, work: AtWork, product: str | None, text: str | None, kind: str, n: int
) -> dict[str, Any]:
    """The answer as the API would give it, each product with what the pages show of it.

    Raises
    ------
    UnknownId : with near matches
    """
    query = RelatedQuery(product=product, text=text, kind=kind, n=n)  # type: ignore[arg-type]
    answer = await answering.under("related", query, work)
    await console.run(_with_numbers, console, work, product, answer["products"])
    return answer


def _with_numbers(console: Console, work: AtWork, product: str | None, products: list[dict[str, Any]]) -> None:
    rows = [work.catalogue.row(one["product_id"]) for one in products]
    for one, row in zip(products, rows, strict=True):
        one.update(brief(work, row), row=row, low=None, high=None, both=None, baskets=None, lift=None)
    source = None if product is None else work.catalogue.row(product)
    if source is None or source >= work.catalogue.n_items:
        return
    known = [at for at, row in enumerate(rows) if row < work.catalogue.n_items]
    if not known:
        return
    b = np.array([rows[at] for at in known])
    a = np.full(len(b), source)
    key = (work.version, source, tuple(b.tolist()))
    value, low, high = console.once("numbers", key, lambda: work.model._probabilities(a, b))
    counts = work.model.parts.counts
    both = counts.both(a, b)
    chance = counts.items[a] * counts.items[b] / max(counts.n_baskets, 1)
    for place, at in enumerate(known):
        products[at].update(
            probability=float(value[place]),
            low=float(low[place]),
            high=float(high[place]),
            both=int(both[place]),
            baskets=int(counts.items[source]),
            lift=float(both[place] / chance[place]) if chance[place] > 0 else None,
        )


def web(work: AtWork, source: dict[str, Any], products: list[dict[str, Any]]) -> dict[str, Any]:
    """Nodes and ties for the graph: the source in the middle, and what is together among the answers."""
    nodes = [{**_node(source), "middle": True}]
    nodes += [_node(one) for one in products]
    ties = [
        {"a": source["id"], "b": one["id"], "p": one["probability"], "low": one["low"], "high": one["high"],
         "kind": one["kind"], "main": True}
        for one in products
    ]  # fmt: skip
    some = [one for one in products if one["row"] < work.catalogue.n_items][:WEB]
    if len(some) > 1:
        rows = np.array([one["row"] for one in some])
        left, right = np.triu_indices(len(rows), 1)
        counts = work.model.parts.counts
        both = counts.both(rows[left], rows[right])
        chance = counts.items[rows[left]] * counts.items[rows[right]] / max(counts.n_baskets, 1)
        lift = np.where(chance > 0, both / np.maximum(chance, 1e-9), 0)
        strong = np.flatnonzero((both >= 2) & (lift >= LIFTED))
        for at in strong[np.argsort(-lift[strong], kind="stable")[: 2 * len(rows)]]:
            ties.append({"a": some[left[at]]["id"], "b": some[right[at]]["id"], "p": None, "main": False})
    return {"nodes": nodes, "ties": ties}


def _node(one: dict[str, Any]) -> dict[str, Any]:
    return {"id": one["id"], "name": one["name"], "cold": one["cold"], "kind": one.get("kind"), "middle": False}


def source_of(work: AtWork, product: str) -> dict[str, Any]:
    """The product that was asked about, with everything the catalogue says of it."""
    row = work.catalogue.row(product)
    told = {k: v for k, v in work.catalogue.product(row).items() if k not in ("product_id", "name") and v != ""}
    counts = work.model.parts.counts
    sold = int(counts.items[row]) if row < work.catalogue.n_items else 0
    return {
        **brief(work, row), "row": row, "told": told, "sold": sold, "baskets": counts.n_baskets,
        "new": row >= work.catalogue.n_items, "shown": bool(work.rules.shown[row]), "cold": bool(cold_of(work)[row]),
    }  # fmt: skip
