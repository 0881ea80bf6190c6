"""What each stop may want: how likely from the model, how much from what it bought before."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from goeswith.data.log import PURCHASE, Log
from goeswith.errors import UnknownId
from goeswith.ranking.ranking import Ranking
from goeswith.scenarios.delivery.nodes import Stop

PRIOR_PURCHASES = 1.0
"""A customer's own quantities weigh as soon as there is one of them; before, those of all customers do."""


class Wishes(Protocol):
    """What a model must be able to say."""

    @property
    def log(self) -> Log: ...

    @property
    def config(self) -> Any: ...

    def recommend_many(self, customers: Sequence[Any] | pl.Series, n: int = 20) -> pl.DataFrame: ...

    def recommend(
        self, customer: Any = None, n: int = 10, *, novel: bool = False, exclude: Any = None, why: bool = False
    ) -> Ranking: ...


def wants_of(model: Wishes, stops: Sequence[Stop], days: float, n: int = 40) -> pl.DataFrame:
    """What each stop wants at its next visit, its likeliest products first.

    The model's probability is that of a purchase within its horizon; a steady rate makes of it that of a purchase
    within `days`: 1 - (1 - P) ** (days / horizon). A stop of several customers wants what any of them wants.

    Parameters
    ----------
    days : until the visit after this one
    n : products a stop

    Returns
    -------
    node_id, product_id, rank (from 1), probability (of any being wanted), quantity (if any is, in units), expected
    (units), bought (times before)

    Raises
    ------
    UnknownId : a stop names customers that the shop has not
    """
    members = members_of(model.log, stops)
    numbers = dict.fromkeys(("probability", "quantity", "expected"), pl.Float64)
    ids: dict[str, Any] = {"node_id": pl.String, "product_id": model.log.items.series.dtype}
    schema: Any = {**ids, "rank": pl.Int64, **numbers, "bought": pl.Int64}
    if members.is_empty():
        return pl.DataFrame(schema=schema)
    customers = members["customer"].unique().sort()
    said = model.recommend_many(model.log.customers.ids(customers.to_numpy()), n=n)
    rows = {value: row for row, value in enumerate(model.log.customers.series.to_list())}
    items = {value: row for row, value in enumerate(model.log.items.series.to_list())}
    asked = pl.DataFrame(
        {
            "customer": pl.Series([rows[one] for one in said["customer_id"].to_list()], dtype=pl.Int32),
            "item": pl.Series([items[one] for one in said["product_id"].to_list()], dtype=pl.Int32),
            "within": 1 / (1 + (-said["score"]).exp()),
        }
    )
    share = days / float(model.config.horizon_days)
    wanted = (
        asked.join(quantities(model.log, asked), on=["customer", "item"], maintain_order="left")
        .with_columns(probability=1 - (1 - pl.col("within")) ** share)
        .join(members, on="customer", maintain_order="left")
        .group_by("node_id", "item", maintain_order=True)
        .agg(
            probability=1 - (1 - pl.col("probability")).product(),
            expected=(pl.col("probability") * pl.col("quantity")).sum(),
            bought=pl.col("bought").sum(),
        )
        .with_columns(quantity=pl.col("expected") / pl.col("probability"))
        .sort("node_id", "probability", "item", descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("node_id"))
        .filter(pl.col("rank") <= n)
    )
    products = model.log.items.ids(wanted["item"].to_numpy())
    return wanted.with_columns(product_id=products).select(list(schema)).cast(schema)


def members_of(log: Log, stops: Sequence[Stop]) -> pl.DataFrame:
    """node_id, customer (row): who stands behind each stop; a shop without named customers has those who buy there.

    A stop with customers that the shop does not know is an error, one with nobody behind it has no row.
    """
    pairs: list[tuple[str, int]] = []
    unknown: list[str] = []
    stores = [stop for stop in stops if stop.store_id and not stop.customers]
    regulars = _regulars(log, [stop.store_id or "" for stop in stores]) if stores else {}
    for stop in stops:
        if stop.customers:
            known = [one for one in stop.customers if one in log.customers]
            unknown += [one for one in stop.customers if one not in log.customers]
            pairs += [(stop.node_id, int(row)) for row in log.customers.rows(known)]
        elif stop.store_id:
            pairs += [(stop.node_id, row) for row in regulars.get(stop.store_id, ())]
    if unknown:
        raise UnknownId("customer", unknown, log.customers.near(unknown[0]))
    return pl.DataFrame(pairs, schema={"node_id": pl.String, "customer": pl.Int32}, orient="row")


def _regulars(log: Log, stores: Sequence[str]) -> Mapping[str, list[int]]:
    """Customers by the store where they bought in most baskets."""
    if "store_id" not in log.events.columns:
        return {}
    visits = (
        log.purchases.drop_nulls(["customer", "store_id"])
        .group_by("customer", "store_id")
        .agg(n=pl.col("basket").n_unique())
        .sort("customer", "n", "store_id", descending=[False, True, False])
        .unique("customer", keep="first", maintain_order=True)
        .filter(pl.col("store_id").is_in(list(stores)))
    )
    return {
        str(store[0]): rows["customer"].to_list() for store, rows in visits.group_by("store_id", maintain_order=True)
    }


def quantities(log: Log, asked: pl.DataFrame) -> pl.DataFrame:
    """Units that a customer takes of a product in one purchase, the customer's own mean drawn to everybody's.

    (PRIOR_PURCHASES * everybody's mean + own units) / (PRIOR_PURCHASES + own purchases); at least 1, for the model
    says how likely any is. Never sold means 1.

    Parameters
    ----------
    asked : customer, item (rows)

    Returns
    -------
    customer, item, quantity, bought (times)
    """
    taken = (
        log.events.lazy()
        .filter((pl.col("event") == PURCHASE) & pl.col("item").is_in(asked["item"].unique().implode()))
        .group_by("item", "customer", "basket")
        .agg(units=pl.col("quantity").fill_null(1).sum().cast(pl.Float64))
        .collect()
    )
    # The middle of all baskets, not the mean: goods sold by weight count grams as units now and then.
    usual = taken.group_by("item").agg(usual=pl.col("units").median())
    own = taken.group_by("customer", "item").agg(units=pl.col("units").sum(), bought=pl.len().cast(pl.Int64))
    return (
        asked.select("customer", "item")
        .unique()
        .join(usual, on="item", how="left")
        .join(own, on=["customer", "item"], how="left")
        .with_columns(pl.col("usual").fill_null(1.0), pl.col("units").fill_null(0.0), pl.col("bought").fill_null(0))
        .select(
            "customer",
            "item",
            quantity=pl.max_horizontal(
                pl.lit(1.0),
                (PRIOR_PURCHASES * pl.col("usual") + pl.col("units")) / (PRIOR_PURCHASES + pl.col("bought")),
            ),
            bought="bought",
        )
    )


def also_wanted(model: Wishes, customer: Any, brought: Sequence[Any], n: int) -> list[dict[str, Any]]:
    """Products that this customer never bought and may want, with the reasons; none that the van brings anyway."""
    # Each reason costs time, so only what is told is explained.
    ranking = model.recommend(customer, n=n, novel=True, exclude=brought, why=True)
    said = ranking.to_dict()["products"]
    return [{key: one[key] for key in ("product_id", "name", "probability", "reasons")} for one in said]
