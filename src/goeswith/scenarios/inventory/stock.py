"""What is on the shelf, and how it is replenished, series by series."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import ColumnError, DataError
from goeswith.scenarios.inventory.demand import Demand
from goeswith.scenarios.inventory.tables import FIRST_ROW, PlannersTable, need, read_table

Array = NDArray[np.float64]
COLUMNS: dict[str, tuple[float | None, float]] = {
    "stock": (None, 0.0),
    "on_order": (0.0, 0.0),
    "lead_time_days": (7.0, 0.0),
    "shelf_life_days": (np.inf, 1.0),
    "case_size": (1.0, 1e-9),
    "minimum_order": (0.0, 0.0),
    "shelf": (np.inf, 0.0),
    "space": (1.0, 0.0),
    "unit_cost": (np.nan, 0.0),
    "price": (np.nan, 0.0),
}
"""Column -> (what an empty cell means; None: it may not be empty), (the least that can be)."""
MARGIN = 0.3
"""Share of the price that is kept, where no unit cost is known."""


@dataclass(frozen=True)
class Stock:
    """(n,) each, in the order of the demand's series; units unless said otherwise.

    listed : the inventory file speaks of this series; what it does not speak of is not ordered
    shelf : units that fit; space : shelf space of one unit, in the unit of `--space`
    unit_cost, price : money; guessed says for which the price came from other products
    """

    listed: NDArray[np.bool_]
    stock: Array
    on_order: Array
    lead_time_days: Array
    shelf_life_days: Array
    case_size: Array
    minimum_order: Array
    shelf: Array
    space: Array
    unit_cost: Array
    price: Array
    guessed: NDArray[np.bool_]
    notes: tuple[str, ...] = field(default=())


def read_stock(source: object, demand: Demand, items: Vocabulary, categories: NDArray[np.int64]) -> Stock:
    """An inventory file or frame: product_id, (store_id,) stock, and what else of COLUMNS is known.

    Raises
    ------
    DataError : negative stock, a lead time below zero, a case of nothing, the same product twice; the row is named
    ColumnError : no product_id, no stock, or no store_id where the forecast is by store
    """
    table = read_table(source, "stock")
    need(table, "inventory", ["product_id", "stock", *(["store_id"] if demand.by_store else [])])
    unknown = [name for name in table.frame.columns if name.startswith("lead_time") and name != "lead_time_days"]
    if unknown and "lead_time_days" not in table.frame.columns:
        raise ColumnError(f"{table.name}: {unknown[0]} must be called lead_time_days, and count days.")
    values = {name: _column(table, name, empty, least) for name, (empty, least) in COLUMNS.items()}
    place = _places(table, demand, items)
    found = place >= 0
    _refuse_twice(table, place)
    notes = []
    lost = int((~found).sum())
    if lost:
        notes.append(f"{lost:,} of {len(place):,} rows of {table.name} are of no series that is forecast; left out.")
    listed = np.zeros(demand.n, bool)
    listed[place[found]] = True
    aligned = {name: np.full(demand.n, 0.0 if empty is None else empty) for name, (empty, _) in COLUMNS.items()}
    for name, own in values.items():
        aligned[name][place[found]] = own[found]
    if not listed.all():
        missing = int((~listed).sum())
        notes.append(f"{missing:,} series are not in {table.name}: they are forecast, and not ordered.")
    return _priced(aligned, listed, demand, categories, notes)


def assumed_stock(demand: Demand, categories: NDArray[np.int64], lead_time_days: float = 7.0) -> Stock:
    """No inventory file: what a simulation assumes; every series listed, cases of one, no limit of shelf or age."""
    aligned = {name: np.full(demand.n, 0.0 if empty is None else empty) for name, (empty, _) in COLUMNS.items()}
    aligned["lead_time_days"] = np.full(demand.n, lead_time_days)
    return _priced(aligned, np.ones(demand.n, bool), demand, categories, [])


def _column(table: PlannersTable, name: str, empty: float | None, least: float) -> Array:
    if name not in table.frame.columns:
        return np.full(len(table.frame), 0.0 if empty is None else empty)
    own = table.numbers(name) if empty is None else table.numbers(name, float("-9e99"))
    given = own > -9e98
    wrong = pl.Series(given & (own < least))
    why = "is negative; count again, or write 0" if least == 0 else "must be above 0"
    table.refuse(name, wrong, table.frame[name], why)
    return np.where(given, own, 0.0 if empty is None else empty)


def _places(table: PlannersTable, demand: Demand, items: Vocabulary) -> NDArray[np.int64]:
    """(rows of the file,), the series of each; -1 for none."""
    series: dict[tuple[int, str], int] = {}
    stores = demand.keys["store_id"].cast(pl.String).to_list() if demand.by_store else [""] * demand.n
    for at, key in enumerate(zip(demand.items.tolist(), stores, strict=True)):
        series[key] = at
    ids = table.frame["product_id"].to_list()
    where = table.frame["store_id"].cast(pl.String).to_list() if demand.by_store else [""] * len(ids)
    rows = [int(items.rows([each])[0]) if each in items else -1 for each in ids]
    return np.array([series.get((row, store), -1) for row, store in zip(rows, where, strict=True)], np.int64)


def _refuse_twice(table: PlannersTable, place: NDArray[np.int64]) -> None:
    seen: dict[int, int] = {}
    for row, at in enumerate(place.tolist()):
        if at >= 0 and at in seen:
            raise DataError(
                f"{table.name}, row {row + FIRST_ROW}: {table.frame['product_id'][row]} is in row "
                f"{seen[at] + FIRST_ROW} already. Keep one row a product"
                + (" and store." if "store_id" in table.frame.columns else ".")
            )
        seen[at] = row


def _priced(
    aligned: dict[str, Array],
    listed: NDArray[np.bool_],
    demand: Demand,
    categories: NDArray[np.int64],
    notes: list[str],
) -> Stock:
    """A price is that of the file, else the last one paid, else the median of the category, else of the shop."""
    last = demand.price[:, -1]
    price = np.where(np.isnan(aligned["price"]), last, aligned["price"])
    guessed = ~(price > 0)
    own = categories[demand.items]
    whole = float(np.median(price[~guessed])) if (~guessed).any() else 1.0
    for at in np.flatnonzero(guessed):
        mates = price[(own == own[at]) & ~guessed]
        price[at] = float(np.median(mates)) if len(mates) else whole
    if guessed.any() and (~guessed).any():
        notes.append(f"{int(guessed.sum()):,} series have no price: the median of their category stands in.")
    elif guessed.any():
        notes.append("No price is known: every unit counts as 1.")
    cost = np.where(aligned["unit_cost"] > 0, aligned["unit_cost"], price * (1 - MARGIN))
    parts = {name: values for name, values in aligned.items() if name not in ("price", "unit_cost")}
    return Stock(listed=listed, unit_cost=cost, price=price, guessed=guessed, notes=tuple(notes), **parts)
