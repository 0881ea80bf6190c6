"""What to place together, what to promote with what, and what a price does: estimates with their uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.data.log import Log
from goeswith.data.shop import Shop
from goeswith.progress import Progress, Stage
from goeswith.scenarios.inventory.calendar import By
from goeswith.scenarios.inventory.companions import Neighbours, categories_of, find_neighbours, text_vectors
from goeswith.scenarios.inventory.count_regression import fit_counts, shrunk
from goeswith.scenarios.inventory.demand import RECENT, Demand, demand_of
from goeswith.scenarios.inventory.forecast import Vectors
from goeswith.scenarios.inventory.promotions import Promotions, read_promotions

Array = NDArray[np.float64]
PROMOTED = 3.0
"""Periods' worth of promotion, and of none, that a product must have had for its effect on others to be judged."""
SURE = 1.96
MOVES = 0.03
"""Standard deviation of the log price below which a price has not moved enough to learn from."""
PRIOR_CROSS, PRIOR_OWN, PRIOR_PRICE = 0.7, 1.5, 3.0
SOLD = 10.0
"""Units in total below which nothing is estimated of a product."""


@dataclass(frozen=True)
class Advice:
    """together : pairs to place together; promote : what a promotion of one does to another; price : elasticities"""

    together: pl.DataFrame
    promote: pl.DataFrame
    price: pl.DataFrame
    notes: tuple[str, ...] = field(default=())


def advise(
    shop: Shop | Log,
    *,
    by: By = "week",
    top: int = 1000,
    among: Sequence[object] | None = None,
    until: datetime | date | str | None = None,
    promotions: object | None = None,
    vectors: Vectors | None = None,
    progress: Progress | None = None,
) -> Advice:
    """Assortment and bundle advice, measured on what was sold. Experimental.

    Without promotions, halo and cannibalisation cannot be told, and this is said.
    """
    tell = progress or (lambda event: None)
    tell(Stage("count demand"))
    log = shop.log(until) if isinstance(shop, Shop) else shop
    plan = Promotions.none() if promotions is None else read_promotions(promotions, log.items)
    rows = None if among is None else log.items.rows(among)
    demand = demand_of(log, by, horizon=1, top=top, among=rows, promotions=plan)
    tell(Stage("find what goes with what"))
    near = find_neighbours(log, demand.items, text_vectors(log) if vectors is None else vectors)
    tell(Stage("estimate"))
    return advice_of(log, demand, near)


def advice_of(log: Log, demand: Demand, near: Neighbours) -> Advice:
    """Advice from demand over the whole chain that was counted already."""
    names = log.products["name"].cast(pl.String).fill_null("").gather(demand.items)
    notes = []
    crossed = cross_effects(demand, pairs_of(near, demand))
    if crossed.is_empty():
        notes.append(
            "No product was promoted often enough, beside periods without, to tell halo from cannibalisation."
            if demand.display.any() or demand.mailer.any()
            else "Without a promotion calendar (--promotions FILE) halo and cannibalisation cannot be told."
        )
    priced = elasticities(demand, categories_of(log.products))
    if priced.is_empty():
        notes.append("No price moved enough to estimate what a price does.")
    ids = demand.keys["product_id"]
    both = crossed.select(
        product_id=ids.gather(crossed["promoted"]),
        name=names.gather(crossed["promoted"]),
        with_id=ids.gather(crossed["other"]),
        with_name=names.gather(crossed["other"]),
        **{name: crossed[name] for name in ("kind", "effect", "low", "high", "periods", "units", "verdict")},
    )
    told = priced.select(
        product_id=ids.gather(priced["series"]),
        name=names.gather(priced["series"]),
        **{name: priced[name] for name in ("elasticity", "low", "high", "from_price", "to_price")},
    )
    return Advice(_together(log, demand, near), both, told, tuple(notes))


def pairs_of(near: Neighbours, demand: Demand) -> pl.DataFrame:
    """promoted, other (series), kind: companions and substitutes among the series."""
    at = near.rows(demand.items)
    tables = {"companion": near.companions[at], "substitute": near.substitutes[at]}
    parts = []
    for kind, table in tables.items():
        entries = csr_array(table[:, demand.items]).tocoo()
        parts.append(pl.DataFrame({"promoted": entries.row, "other": entries.col, "kind": [kind] * entries.nnz}))
    return pl.concat([part.cast({"promoted": pl.Int64, "other": pl.Int64}) for part in parts])


def cross_effects(demand: Demand, pairs: pl.DataFrame) -> pl.DataFrame:
    """What promoting one product does to the units of another.

    Per pair, log units of the other = level + its own promotion + the promotion of the one + the chain's own ups and
    downs; the effect is drawn to zero by how uncertain it is. It says what went together in time, not what caused it:
    promotions are planned for weeks that sell.

    Parameters
    ----------
    pairs : promoted, other (series), kind

    Returns
    -------
    pairs with effect (share of the other's units; -0.2 is a fifth less), low, high (95 %), log_effect, error, periods
    (of promotion), units (a period, of the other), verdict; the surest first
    """
    plan = np.maximum(demand.display, demand.mailer)[:, : demand.periods]
    strength = plan.sum(axis=1)
    moved = (strength >= PROMOTED) & (demand.periods - strength >= PROMOTED) & (plan.std(axis=1) > 0.05)
    sold = demand.units.sum(axis=1) >= SOLD
    promoted, other = pairs["promoted"].to_numpy(), pairs["other"].to_numpy()
    judged = pairs.filter(pl.Series(moved[promoted] & sold[other])) if len(pairs) else pairs
    if judged.is_empty():
        return judged.with_columns(
            **{name: pl.lit(0.0) for name in ("effect", "low", "high", "log_effect", "error", "periods", "units")},
            verdict=pl.lit(""),
        )
    promoted, other = judged["promoted"].to_numpy(), judged["other"].to_numpy()
    ones = np.ones_like(plan[promoted])
    design = np.stack([ones, plan[promoted], plan[other]], axis=2)
    effect, error = fit_counts(
        demand.units[other], design, _ups_and_downs(demand, other), np.array([10.0, PRIOR_CROSS, PRIOR_OWN])
    )
    value, sure = effect[:, 1], error[:, 1]
    kinds = judged["kind"].to_numpy()
    for kind in np.unique(kinds):
        some = kinds == kind
        value[some], sure[some] = shrunk(value[some], sure[some])
    low, high = value - SURE * sure, value + SURE * sure
    verdict = np.where(low > 0, "halo", np.where(high < 0, "cannibalisation", "unclear"))
    return judged.with_columns(
        effect=np.expm1(value),
        low=np.expm1(low),
        high=np.expm1(high),
        log_effect=value,
        error=sure,
        periods=strength[promoted],
        units=demand.units[other].mean(axis=1),
        verdict=pl.Series(verdict),
    ).sort(pl.col("log_effect").abs() / pl.col("error"), descending=True)


def elasticities(demand: Demand, categories: NDArray[np.int64]) -> pl.DataFrame:
    """By how many per cent units change when a price rises by one per cent; drawn to the category's mean.

    Returns
    -------
    series, elasticity, low, high (95 %), from_price, to_price (the range that was seen); the surest first
    """
    price = demand.price
    known = (price > 0).all(axis=1) if demand.periods else np.zeros(demand.n, bool)
    # The time before a product's first sale has no price; its first one stands in, and units there say nothing.
    first = np.where((price > 0).any(axis=1), (price > 0).argmax(axis=1), 0)
    filled = np.where(price > 0, price, price[np.arange(demand.n), first][:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(filled)
    usable = np.isfinite(logs).all(axis=1) & (demand.units.sum(axis=1) >= SOLD) & (known | (first < RECENT))
    usable &= np.where(usable, np.nan_to_num(logs).std(axis=1), 0) >= MOVES
    at = np.flatnonzero(usable)
    if not len(at) or demand.periods < RECENT:
        return pl.DataFrame(schema=dict.fromkeys(("elasticity", "low", "high", "from_price", "to_price"), pl.Float64)
                            | {"series": pl.Int64})  # fmt: skip
    relative = logs[at] - logs[at].mean(axis=1, keepdims=True)
    plan = np.maximum(demand.display, demand.mailer)[at][:, : demand.periods]
    design = np.stack([np.ones_like(relative), relative, plan], axis=2)
    effect, error = fit_counts(
        demand.units[at], design, _ups_and_downs(demand, at), np.array([10.0, PRIOR_PRICE, PRIOR_OWN])
    )
    value, sure = effect[:, 1].copy(), error[:, 1].copy()
    own = categories[demand.items[at]]
    weight = 1 / (sure**2 + 0.25)
    whole = float((value * weight).sum() / weight.sum())
    centre = np.array(
        [((value * weight)[own == each].sum() + 2 * whole) / (weight[own == each].sum() + 2) for each in own]
    )
    value, sure = shrunk(value, sure, centre, least=0.1)
    return pl.DataFrame(
        {
            "series": at.astype(np.int64),
            "elasticity": value,
            "low": value - SURE * sure,
            "high": value + SURE * sure,
            "from_price": filled[at].min(axis=1),
            "to_price": filled[at].max(axis=1),
        }
    ).sort(pl.col("high") - pl.col("low"))


def _ups_and_downs(demand: Demand, rows: NDArray[np.integer]) -> Array:
    """(rows, T), log of how much the whole chain sold in a period, by its mean."""
    whole = np.asarray(demand.whole.sum(axis=0)).ravel()
    index = np.log((whole + 1) / (whole.mean() + 1))
    return np.repeat(index[None], len(rows), axis=0)


def _together(log: Log, demand: Demand, near: Neighbours, most: int = 200) -> pl.DataFrame:
    """Companions whose pairs fill most baskets beyond chance; each pair once, from the one that needs the other more.

    product_id, name, with_id, with_name, share (of the baskets with the product), lift (times chance), units
    """
    entries = csr_array(near.share[near.rows(demand.items)]).tocoo()
    baskets = log.purchases.drop_nulls("basket")
    holding = np.zeros(log.n_items)
    own = baskets.group_by("item").agg(n=pl.col("basket").n_unique())
    holding[own["item"].to_numpy()] = own["n"].to_numpy()
    chance = holding[entries.col] / max(baskets["basket"].n_unique(), 1)
    names = log.products["name"].cast(pl.String).fill_null("")
    left, right = demand.items[entries.row], entries.col
    frame = pl.DataFrame(
        {
            "product_id": demand.keys["product_id"].gather(entries.row),
            "name": names.gather(left),
            "with_id": log.items.ids(right),
            "with_name": names.gather(right),
            "share": entries.data,
            "lift": entries.data / np.maximum(chance, 1e-12),
            "units": demand.units[entries.row].mean(axis=1),
            "pair": [f"{min(a, b)}:{max(a, b)}" for a, b in zip(left.tolist(), right.tolist(), strict=True)],
            "beyond": holding[left] * (entries.data - chance) * np.log(entries.data / np.maximum(chance, 1e-12)),
        }
    )
    best = frame.sort("share", descending=True).unique("pair", keep="first", maintain_order=True)
    return best.sort("beyond", descending=True).drop("pair", "beyond").head(most)
