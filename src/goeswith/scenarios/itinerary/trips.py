"""What travellers did: their events as trips from point to point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from goeswith.data.log import PURCHASE, Log

EARLIEST = datetime(2000, 1, 1)
BEFORE = "the date is before 2000"
SHORTEST_STAY, LONGEST_STAY = 15 * 60.0, 5 * 3600.0
PRIOR_STAYS = 3.0


@dataclass(frozen=True)
class Trip:
    """One traveller's way. points : positions among the points, each once, in order; hours : of the day, on arrival"""

    traveller: int
    points: tuple[int, ...]
    hours: tuple[float, ...] = ()


@dataclass(frozen=True)
class Trips:
    """stays : row of the catalogue to seconds; aside : reason to how many visits"""

    trips: tuple[Trip, ...]
    stays: Mapping[int, float]
    aside: Mapping[str, int]


def trips_of(log: Log, items: Sequence[int]) -> Trips:
    """The trips of a log: the events of one basket (a traveller's sequence, or day) at the points of these rows.

    A point that is visited again counts once, at its first visit. The stay is from the first event at a point to the
    last, between SHORTEST_STAY and LONGEST_STAY, the point's mean drawn to everybody's.
    """
    position = pl.DataFrame(
        {"item": pl.Series(list(items), dtype=pl.Int32), "point": np.arange(len(items), dtype=np.int64)}
    )
    placed = log.events.filter((pl.col("event") == PURCHASE) & pl.col("basket").is_not_null()).join(position, on="item")
    early = placed.filter(pl.col("time") < EARLIEST).height
    visits = (
        placed.filter(pl.col("time") >= EARLIEST)
        .group_by("basket", "point", "item")
        .agg(
            who=pl.col("customer").first().fill_null(-1),
            first=pl.col("time").min(),
            stay=(pl.col("time").max() - pl.col("time").min()).dt.total_seconds(),
        )
        .sort("first", "point")
    )
    trips = [
        Trip(
            int(rows["who"][0]),
            tuple(rows["point"].to_list()),
            tuple((rows["first"].dt.hour() + rows["first"].dt.minute() / 60).to_list()),
        )
        for _, rows in visits.group_by("basket", maintain_order=True)
    ]
    timed = visits.filter(pl.col("stay").is_between(SHORTEST_STAY, LONGEST_STAY)).group_by("item").agg(
        total=pl.col("stay").sum(), n=pl.len()
    )  # fmt: skip
    usual = float(timed["total"].sum()) / float(timed["n"].sum()) if timed.height else 3600.0
    stays = {item: (PRIOR_STAYS * usual + total) / (PRIOR_STAYS + n) for item, total, n in timed.iter_rows()}
    every = {int(item): stays.get(int(item), usual) for item in items}
    return Trips(tuple(trips), every, {BEFORE: early} if early else {})
