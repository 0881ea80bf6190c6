"""What the van takes along for each stop, what that fills, and what it is expected to earn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from goeswith.data.log import Log
from goeswith.data.readers.source import Source
from goeswith.errors import DataError
from goeswith.scenarios.delivery.config import DeliveryConfig
from goeswith.scenarios.delivery.nodes import CAPACITY, UNITS
from goeswith.scenarios.tables import read_table, rows_of

ORDERS = {
    "node_id": "node_id stop_id node stop customer_id customer",
    "product_id": "product_id product sku item_id item",
    "quantity": "quantity qty units",
}


@dataclass(frozen=True)
class Line:
    """One product for one stop. probability : None where it was ordered; margin : expected, in money"""

    product_id: Any
    name: str
    units: int
    probability: float | None
    margin: float


@dataclass(frozen=True)
class Load:
    """What one stop gets. sizes : by dimension; ordered : somebody waits for it"""

    lines: tuple[Line, ...] = ()
    sizes: dict[str, float] = field(default_factory=dict)
    ordered: bool = False

    @property
    def margin(self) -> float:
        return sum(line.margin for line in self.lines)


@dataclass(frozen=True)
class Goods:
    """What matters of each product on a van.

    price, margin : (items,), money a unit; sizes : dimension to (items,)
    """

    log: Log
    price: np.ndarray
    margin: np.ndarray
    sizes: dict[str, np.ndarray]

    def of(self, product: Any) -> tuple[int, str]:
        row = int(self.log.items.rows([product])[0])
        return row, str(self.log.products["name"][row] or "")


def goods_of(log: Log, dimensions: Sequence[str], margin: float) -> Goods:
    """Prices of the catalogue, or of the log where it has none; sizes from the columns named like the dimensions.

    A product without a size takes the middle of the others.

    Raises
    ------
    DataError : a dimension that no column of the catalogue tells
    """
    products = log.products
    sold = log.purchases.group_by("item").agg(seen=pl.col("price").median())
    rows = pl.DataFrame({"item": pl.int_range(log.n_items, dtype=pl.Int32, eager=True)})
    seen = rows.join(sold, on="item", how="left", maintain_order="left")["seen"].cast(pl.Float64)
    listed = (
        _numbers(products, "price")
        if "price" in products.columns
        else pl.Series([None] * log.n_items, dtype=pl.Float64)
    )
    price = pl.select(pl.coalesce(listed, seen)).to_series().fill_null(0.0).to_numpy().astype(float)
    own = _numbers(products, "margin") if "margin" in products.columns else None
    earned = margin * price if own is None else np.where(own.is_null(), margin * price, own.fill_null(0.0).to_numpy())
    sizes = {}
    for name in dimensions:
        if name == UNITS:
            sizes[name] = np.ones(log.n_items)
            continue
        if name not in products.columns:
            raise DataError(
                f"The vehicles have {CAPACITY}{name}, but no product has a {name}. "
                f"Add a column {name} to the products, or rename the capacity to {CAPACITY}{UNITS}."
            )
        column = _numbers(products, name)
        middle = column.median()
        sizes[name] = column.fill_null(float(middle) if isinstance(middle, float) else 1.0).to_numpy()
    return Goods(log, price, earned, sizes)


def predicted_loads(wants: pl.DataFrame, goods: Goods, config: DeliveryConfig) -> dict[str, Load]:
    """What earns its place, for each stop of `wants`.

    A unit that is wanted earns its margin, one that comes back costs `unsold` of its price: a product is taken along
    where P * margin > (1 - P) * unsold * price, the newsvendor's rule. Units are the usual quantity, rounded.
    """
    lines: dict[str, list[Line]] = {}
    rows = goods.log.items.rows(wants["product_id"]) if wants.height else np.zeros(0, np.int64)
    names = goods.log.products["name"]
    for row, want in zip(rows.tolist(), wants.iter_rows(named=True), strict=True):
        chance = want["probability"]
        units = max(1, round(want["quantity"]))
        each = chance * goods.margin[row] - (1 - chance) * config.unsold * goods.price[row]
        if each > 0:
            line = Line(want["product_id"], str(names[row] or ""), units, chance, float(units * each))
            lines.setdefault(want["node_id"], []).append(line)
    return {node: _load(tuple(some), goods) for node, some in lines.items()}


def read_orders(source: Source, goods: Goods, nodes: Sequence[str]) -> dict[str, Load]:
    """Firm orders by stop.

    Raises
    ------
    DataError : a stop that is not among `nodes`, a quantity that is not above 0
    UnknownId : a product that the shop has not
    """
    table, frame = read_table(source, "orders", ORDERS, ["node_id", "product_id"], ["quantity"])
    lines: dict[str, list[Line]] = {}
    for at, row in rows_of(frame):
        if row["node_id"] not in set(nodes):
            raise DataError(f"{table} row {at}: {row['node_id']} is not among the stops. Add it to the stops file.")
        quantity = row.get("quantity", 1)
        if quantity is None or not quantity > 0:
            raise DataError(f"{table} row {at}: the quantity must be above 0.")
        item, name = goods.of(row["product_id"])
        units = int(np.ceil(quantity))
        product = goods.log.items.ids([item])[0]
        line = Line(product, name, units, None, float(units * goods.margin[item]))
        lines.setdefault(row["node_id"], []).append(line)
    return {node: _load(tuple(some), goods, ordered=True) for node, some in lines.items()}


def with_orders(predicted: dict[str, Load], orders: dict[str, Load], goods: Goods) -> dict[str, Load]:
    """Orders first; what is predicted beside them comes along, an ordered product is not predicted again."""
    loads = dict(predicted)
    for node, order in orders.items():
        asked = {line.product_id for line in order.lines}
        further = predicted.get(node, Load()).lines
        loads[node] = _load((*order.lines, *(line for line in further if line.product_id not in asked)), goods, True)
    return loads


def trimmed(load: Load, goods: Goods, most: dict[str, float]) -> Load:
    """The load cut to what one van can hold: predicted products leave, those that earn least first."""
    lines = sorted(load.lines, key=lambda line: (line.probability is None, line.margin), reverse=True)
    while lines and lines[-1].probability is not None and _over(_load(tuple(lines), goods).sizes, most):
        lines.pop()
    return _load(tuple(lines), goods, load.ordered)


def _over(sizes: dict[str, float], most: dict[str, float]) -> bool:
    return any(size > most[name] for name, size in sizes.items())


def _load(lines: tuple[Line, ...], goods: Goods, ordered: bool = False) -> Load:
    rows = goods.log.items.rows([line.product_id for line in lines])
    units = np.array([line.units for line in lines], float)
    return Load(lines, {name: float((size[rows] * units).sum()) for name, size in goods.sizes.items()}, ordered)


def _numbers(products: pl.DataFrame, name: str) -> pl.Series:
    return products[name].cast(pl.Float64, strict=False)
