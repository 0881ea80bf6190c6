"""How long a stop takes, learnt from visits that were timed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from goeswith.data.readers.numbering import ROW
from goeswith.data.readers.source import Source
from goeswith.data.times import time_form
from goeswith.scenarios.delivery.nodes import Stop
from goeswith.scenarios.tables import read_table

VISITS = {
    "node_id": "node_id stop_id node stop customer_id customer id",
    "arrived": "arrived arrival arrived_at start begin",
    "left": "left departed departure left_at end",
}
EARLIEST = datetime(2000, 1, 1)
LONGEST_HOURS = 8
PRIOR_VISITS = 3.0
"""Visits that a stop must have before its own times weigh as much as those of its kind."""


@dataclass(frozen=True)
class Visits:
    """table : node_id, seconds of service; aside : row, reason"""

    table: pl.DataFrame
    aside: pl.DataFrame


def read_visits(source: Source) -> Visits:
    """Timed visits of a file or frame; what cannot be meant is set aside with its reason."""
    _, frame = read_table(source, "visits", VISITS, ["node_id", "arrived", "left"])
    lazy = frame.lazy()
    times = frame.lazy().select(
        ROW,
        "node_id",
        arrived=time_form(lazy, "arrived").moments(pl.col("arrived"), "UTC"),
        left=time_form(lazy, "left").moments(pl.col("left"), "UTC"),
    )
    seconds = (pl.col("left") - pl.col("arrived")).dt.total_seconds()
    judged = times.with_columns(
        seconds=seconds,
        reason=pl.when(pl.col("node_id").is_null())
        .then(pl.lit("no stop"))
        .when(pl.col("arrived").is_null() | pl.col("left").is_null())
        .then(pl.lit("the time cannot be read"))
        .when((pl.col("arrived") < EARLIEST) | (pl.col("left") < EARLIEST))
        .then(pl.lit("the date is before 2000"))
        .when(seconds < 0)
        .then(pl.lit("left before it arrived"))
        .when(seconds > 3600 * LONGEST_HOURS)
        .then(pl.lit(f"longer than {LONGEST_HOURS} hours")),
    ).collect()
    kept = judged.filter(pl.col("reason").is_null()).select("node_id", "seconds")
    return Visits(kept, judged.filter(pl.col("reason").is_not_null()).select(row=pl.col(ROW), reason="reason"))


def service_seconds(stops: Sequence[Stop], visits: pl.DataFrame | None, default: float) -> dict[str, int]:
    """Seconds at each stop: what its table says, else its own visits drawn to those of its kind.

    (PRIOR_VISITS * mean of the kind + own sum) / (PRIOR_VISITS + own visits); the kind's mean is drawn to `default` in
    the same way, so that one visit decides little.

    Parameters
    ----------
    visits : node_id, seconds
    default : seconds, where nothing was timed
    """
    times: dict[str, list[float]] = {}
    for node, seconds in visits.iter_rows() if visits is not None else ():
        times.setdefault(str(node), []).append(float(seconds))
    by_kind: dict[str, list[float]] = {}
    for stop in stops:
        by_kind.setdefault(stop.kind, []).extend(times.get(stop.node_id, []))
    usual = {kind: _drawn(some, default) for kind, some in by_kind.items()}
    return {
        stop.node_id: stop.service
        if stop.service is not None
        else round(_drawn(times.get(stop.node_id, []), usual[stop.kind]))
        for stop in stops
    }


def _drawn(own: list[float], towards: float) -> float:
    """
    >>> _drawn([], 300.0), _drawn([600.0, 600.0, 600.0], 300.0)
    (300.0, 450.0)
    """
    return float((PRIOR_VISITS * towards + np.sum(own)) / (PRIOR_VISITS + len(own)))
