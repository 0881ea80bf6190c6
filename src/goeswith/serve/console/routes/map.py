"""Map: the whole catalogue at a glance, coloured by category, and where a product lies in it."""

from typing import Annotated, Any

import numpy as np
import polars as pl
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from goeswith.serve.at_work import AtWork
from goeswith.serve.console import finding
from goeswith.serve.console.access import TheConsole, Viewer, Work
from goeswith.serve.console.holding import Console
from goeswith.serve.console.pages import page
from goeswith.serve.console.projection import FEWEST, SHOWN, Points, file_for, lay_out_aside, map_of

router = APIRouter()
COLOURED = 11
FOUND = 25
OTHERS = "…"
"""All smaller categories; they lie beneath."""


@router.get("/map")
async def catalogue_map(
    request: Request,
    console: TheConsole,
    _: Viewer,
    work: Work,
    product: Annotated[str, Query(max_length=200)] = "",
    find: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    points, whole = await console.run(_points, console, work)
    rows = np.argsort(-work.model.parts.counts.items, kind="stable")[:SHOWN]
    marked: list[int] = []
    if product:
        marked = [work.catalogue.row(product)]
    elif find.strip():
        found = await console.run(finding.suggestions, console, work, find, FOUND)
        marked = [work.catalogue.row(one["id"]) for one in found]
    known = [row for row in marked if row < work.catalogue.n_items]
    groups = await console.run(_groups, console, work, points, rows)
    return page(
        request, "map.html", groups=groups, marked=[_point(work, points, row) for row in known], whole=whole,
        shown=len(rows), products=len(work.catalogue), find=find, found=[finding.brief(work, row) for row in known],
    )  # fmt: skip


def _points(console: Console, work: AtWork) -> tuple[Points, bool]:
    shop, model = console.folder, work.model
    is_there = file_for(shop, work.version).is_file()
    if not is_there and len(model.encoded) >= FEWEST:
        console.once("layout", work.version, lambda: lay_out_aside(shop, work.version))
    key = (work.version, is_there)
    return console.once("map", key, lambda: map_of(shop, work.version, model.encoded, model.parts.counts.items))


def _groups(console: Console, work: AtWork, points: Points, rows: Any) -> list[dict[str, Any]]:
    key = (*finding.catalogue_of(console, work), points.shape, float(points.sum()))
    return console.once("groups", key, lambda: _grouped(work, points, rows))


def _grouped(work: AtWork, points: Points, rows: Any) -> list[dict[str, Any]]:
    """Points by category, the largest categories by name and the others together."""
    frame = work.catalogue.frame
    column = next((name for name in ("category", "brand") if name in frame.columns), None)
    labels = frame[column].cast(pl.String).fill_null("–").to_list() if column else [""] * len(frame)
    counted = pl.Series([labels[row] for row in rows]).value_counts(sort=True).rows()
    first = {name for name, _ in counted[:COLOURED]}
    groups: dict[str, list[Any]] = {OTHERS: [], **{name: [] for name, _ in counted[:COLOURED]}}
    for row in rows.tolist():
        groups.setdefault(labels[row] if labels[row] in first else OTHERS, []).append(_point(work, points, row))
    return [{"name": name or "–", "points": own} for name, own in groups.items() if own]


def _point(work: AtWork, points: Points, row: int) -> list[Any]:
    sold = int(work.model.parts.counts.items[row])
    size = round(4 + 2.2 * float(np.log10(1 + sold)), 1)
    return [
        round(float(points[row, 0]), 4), round(float(points[row, 1]), 4), work.catalogue.names[row],
        str(work.catalogue.ids[row]), size,
    ]  # fmt: skip
