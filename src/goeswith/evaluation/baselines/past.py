"""Purchases as the tables that the baselines count in.

They do their own counting on purpose: a mistake in the model's counts must not be shared by what judges it.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.data.log import Log

Rows = NDArray[np.int64]


def customer_items(log: Log, half_life: float | None = None, binary: bool = False) -> csr_array:
    """Purchases of each product by each customer.

    Parameters
    ----------
    half_life : in days; a purchase so old counts half. None: all count alike
    binary : 1 for bought, however often

    Returns
    -------
    (customers, items), float32
    """
    bought = log.purchases.drop_nulls("customer")
    table = csr_array(
        (decay(bought["time"], half_life), (bought["customer"].to_numpy(), bought["item"].to_numpy())),
        shape=(log.n_customers, log.n_items),
        dtype=np.float32,
    )
    table.sum_duplicates()
    if binary:
        table.data[:] = 1
    return table


def decay(times: pl.Series, half_life: float | None) -> NDArray[np.float32]:
    """Weight of each event by its age in whole days, seen from the last of them."""
    if half_life is None or times.is_empty():
        return np.ones(len(times), np.float32)
    age = (times.max() - times).dt.total_days().to_numpy()  # type: ignore[operator,union-attr]
    return (0.5 ** (age / half_life)).astype(np.float32)


def popularity(log: Log, half_life: float | None = 30.0) -> NDArray[np.float32]:
    """(items,), purchases of each product, older ones fading."""
    bought = log.purchases
    weight = decay(bought["time"], half_life)
    return np.bincount(bought["item"].to_numpy(), weights=weight, minlength=log.n_items).astype(np.float32)


def purchases(log: Log) -> Rows:
    """(items,), events of purchase, each counted once."""
    return np.bincount(log.purchases["item"].to_numpy(), minlength=log.n_items)
