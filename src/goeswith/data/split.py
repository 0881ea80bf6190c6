"""Ways to hold a part of a log back: by time, by basket, by product."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.log import Log
from goeswith.errors import UsageError


def split_at(log: Log, time: datetime) -> tuple[Log, Log]:
    """The events up to and including this moment, and those after it; both keep all products and customers."""
    return log.until(time), replace(log, events=log.events.filter(pl.col("time") > time))


def split_by_basket(log: Log, share: float, seed: int = 0) -> tuple[Log, Log]:
    """The log less a random share of its baskets, and those baskets. Browsing stays in the first.

    Parameters
    ----------
    share : of the baskets, 0 to 1
    """
    _check(share)
    held = _some(log.events["basket"].drop_nulls().unique().sort().to_numpy(), share, seed)
    is_held = pl.col("basket").is_in(pl.Series(held, dtype=pl.Int64).implode()).fill_null(False)
    return log.without(is_held), replace(log, events=log.events.filter(is_held))


def split_by_product(log: Log, share: float, seed: int = 0) -> NDArray[np.int64]:
    """Item rows of a random share of the products that were bought; hide their events to make them cold.

    Parameters
    ----------
    share : of the products with a purchase, 0 to 1

    Returns
    -------
    (hidden,), sorted; `log.without(pl.col("item").is_in(hidden))` hides them
    """
    _check(share)
    return _some(log.purchases["item"].unique().sort().to_numpy().astype(np.int64), share, seed)


def cut_by_share(log: Log, share: float) -> datetime:
    """The moment after which this share of the purchases lies (at most; purchases of one moment are not parted).

    Parameters
    ----------
    share : of the purchases, 0 to 1
    """
    _check(share)
    times = log.purchases["time"].sort()
    if times.is_empty():
        raise UsageError("The log holds no purchase, so that there is no moment to cut it at.")
    last_before = min(max(int(np.ceil(len(times) * (1 - share))) - 1, 0), len(times) - 1)
    cut = times[last_before]
    assert isinstance(cut, datetime)
    return cut


def _some(values: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    chosen = np.random.default_rng(seed).permutation(len(values))[: round(share * len(values))]
    return np.sort(values[chosen])


def _check(share: float) -> None:
    if not 0 <= share <= 1:
        raise UsageError(f"share must lie between 0 and 1; got {share}.")
