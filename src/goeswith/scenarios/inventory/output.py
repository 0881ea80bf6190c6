"""What a page shows of a forecast and a plan, as plain values, and a page of its own."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.scenarios.inventory.charts import demand_chart
from goeswith.scenarios.inventory.forecast import Forecast
from goeswith.scenarios.inventory.plan import Plan
from goeswith.scenarios.inventory.prediction import HIGH, LOW

SHOWN = 26
"""Past periods in a picture."""
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1rem;color:#1d2530}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.grid{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(20rem,1fr))}figure{margin:0}figcaption{font-size:.85rem}
svg{width:100%;height:auto}svg text{font-size:10px;fill:#5d6875}.axis{stroke:#c8ced6}
.past{fill:none;stroke:#5b6c9e;stroke-width:1.4}.told{fill:none;stroke:#0b7a75;stroke-width:1.8}
.band{fill:#0b7a75;opacity:.18}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e7ec;vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}.note{color:#8a4b00}
"""


def report_data(
    told: Forecast, categories: Mapping[int, str] | None = None, plan: Plan | None = None, most: int = 60
) -> dict[str, Any]:
    """What a page shows: `by`, `periods` (to come), `products`, `categories`, `orders`, `notes`; plain values only.

    Each product and category has id, name, past (units, at most 26 periods), starts (of past and to come), mean,
    median, low and high (80 %).

    Parameters
    ----------
    categories : item row -> category name; None: no pictures per category
    plan : with the order lines; None: none
    most : so many products and categories, the largest first
    """
    demand, prediction = told.demand, told.prediction
    back = min(SHOWN, demand.periods)
    starts = [str(day) for day in demand.calendar.starts(demand.periods - back, back + demand.horizon)]
    size = prediction.mean.sum(axis=1)
    largest = np.argsort(-size, kind="stable")[:most]
    products = [
        {
            "id": demand.keys["product_id"][int(at)],
            **({"store": demand.keys["store_id"][int(at)]} if demand.by_store else {}),
            "name": told.names[int(at)],
            "past": demand.units[at, -back:].tolist(),
            "starts": starts,
            "mean": prediction.mean[at].tolist(),
            "median": prediction.median[at].tolist(),
            "low": prediction.quantiles[at, :, LOW].tolist(),
            "high": prediction.quantiles[at, :, HIGH].tolist(),
        }
        for at in largest
    ]
    lines = [] if plan is None else plan.to_frame().to_dicts()
    return {
        "by": demand.calendar.by,
        "periods": starts[back:],
        "series": demand.n,
        "products": products,
        "categories": _categories(told, categories or {}, starts, back, most),
        "orders": lines,
        "cost": sum(line["cost"] for line in lines),
        "notes": list(told.notes if plan is None else plan.notes),
    }


def report_html(data: dict[str, Any], title: str) -> str:
    """The page of `report_data`, as text."""
    word = data["by"]
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in data["notes"])
    parts = [
        f"<h1>{escape(title)}: inventory</h1>",
        f"<p>{data['series']:,} series, {len(data['periods'])} {word}s from {data['periods'][0]}. The line is what was "
        "sold, then the median of what is expected; four of five outcomes should fall into the band.</p>",
        notes,
    ]
    if data["orders"]:
        parts += [f"<h2>Orders: {len(data['orders']):,} lines, {data['cost']:,.2f}</h2>", _order_table(data["orders"])]
    for kind, heading in (("categories", "Categories"), ("products", "Products")):
        if data[kind]:
            parts += [f"<h2>{heading}</h2>", f'<div class="grid">{"".join(map(_figure, data[kind]))}</div>']
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}: inventory</title>'
        f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>"
    )


def category_names(products: pl.DataFrame, items: NDArray[np.int64]) -> dict[int, str]:
    """item row -> category; empty where the catalogue has none."""
    if "category" not in products.columns:
        return {}
    named = products["category"].cast(pl.String).fill_null("no category").gather(items).to_list()
    return dict(zip(items.tolist(), named, strict=True))


def _categories(
    told: Forecast, categories: Mapping[int, str], starts: list[str], back: int, most: int
) -> list[dict[str, Any]]:
    groups: dict[str, list[int]] = {}
    for at, item in enumerate(told.demand.items.tolist()):
        if item in categories:
            groups.setdefault(categories[item], []).append(at)
    shown = []
    for name, rows in groups.items():
        q = told.prediction.quantiles[rows]
        mean = told.prediction.mean[rows].sum(axis=0)
        # Errors of products are taken as independent around the sum: the band is that of a sum, not a sum of bands.
        down = np.sqrt(((told.prediction.mean[rows] - q[..., LOW]) ** 2).sum(axis=0))
        up = np.sqrt(((q[..., HIGH] - told.prediction.mean[rows]) ** 2).sum(axis=0))
        shown.append(
            {
                "id": name,
                "name": name,
                "past": told.demand.units[rows, -back:].sum(axis=0).tolist(),
                "starts": starts,
                "mean": mean.tolist(),
                "median": mean.tolist(),
                "low": np.maximum(mean - down, 0).tolist(),
                "high": (mean + up).tolist(),
            }
        )
    return sorted(shown, key=lambda each: -sum(each["mean"]))[:most]


def _figure(each: dict[str, Any]) -> str:
    chart = demand_chart(
        str(each["name"]),
        each["past"],
        each["median"],
        each["low"],
        each["high"],
        each["starts"][0],
        each["starts"][-1],
    )
    store = f", store {each['store']}" if "store" in each else ""
    known = "" if each["id"] == each["name"] else f" ({escape(str(each['id']))}{escape(store)})"
    return f"<figure>{chart}<figcaption>{escape(str(each['name']))}{known}</figcaption></figure>"


def _order_table(lines: list[dict[str, Any]], most: int = 500) -> str:
    columns = ["product_id", *(["store_id"] if "store_id" in lines[0] else []), "name", "order", "cases", "cost", "why"]
    head = "".join(f"<th{_side(name)}>{name.replace('_', ' ')}</th>" for name in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td{_side(name)}>{escape(_cell(line[name]))}</td>" for name in columns) + "</tr>"
        for line in lines[:most]
    )
    more = f"<p>{len(lines) - most:,} more lines are in orders.csv.</p>" if len(lines) > most else ""
    return f"<table><tr>{head}</tr>{rows}</table>{more}"


def _side(name: str) -> str:
    return ' class="n"' if name in ("order", "cases", "cost") else ""


def _cell(value: object) -> str:
    return f"{value:,.2f}".removesuffix(".00") if isinstance(value, float) else str(value)
