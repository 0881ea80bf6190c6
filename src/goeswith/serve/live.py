"""What customers did since the model was fitted; it counts in their next answer."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.association.histories import Histories, histories_of
from goeswith.data.log import Log
from goeswith.data.vocabulary import Vocabulary
from goeswith.serve.store.event_log import Told

KEPT = 2_000
"""Of one customer, so many of the latest events are kept in sight."""


class LiveEvents:
    """Events by customer, as the log of the service has them."""

    def __init__(self) -> None:
        self._of: dict[str, list[Told]] = defaultdict(list)
        self._ids: dict[str, set[str]] = defaultdict(set)

    def add(self, told: Iterable[Told]) -> None:
        """An event that is known already changes nothing."""
        for one in told:
            customer = one.customer_id
            if customer is None or one.event_id in self._ids[customer]:
                continue
            self._ids[customer].add(one.event_id)
            own = self._of[customer]
            own.append(one)
            if len(own) > KEPT:
                self._ids[customer].discard(own.pop(0).event_id)

    def of(self, customer: str) -> Sequence[Told]:
        return self._of.get(customer, ())

    def state_of(self, customer: str) -> str:
        """Changes whenever something of this customer was told."""
        own = self._of.get(customer)
        return f"{len(own)} {own[-1].event_id}" if own else ""

    def customers(self) -> list[str]:
        return list(self._of)

    def forget(self, customer: str) -> None:
        self._of.pop(customer, None)
        self._ids.pop(customer, None)

    def __len__(self) -> int:
        return len(self._of)


@dataclass(frozen=True)
class Past:
    """A model's log, by customer."""

    log: Log

    def history(self, customer: int, live: Sequence[Told], now: object) -> Histories:
        """What the model knows of a customer and what was told since, as one history.

        Ages count back from the model's own moment, as they did when it learned; what was told later counts as of that
        moment. Events that the model's log holds already count once.

        Parameters
        ----------
        customer : row, -1 for somebody the model does not know
        """
        old = self.events_of(customer)
        new = _as_events(live, self.log.items, now, old)
        return histories_of(_single(self.log, pl.concat([old, new], how="vertical_relaxed")), now)  # type: ignore[arg-type]

    def events_of(self, customer: int) -> pl.DataFrame:
        order, bounds = self._order
        rows = order[bounds[customer] : bounds[customer + 1]] if customer >= 0 else np.zeros(0, np.int64)
        return self.log.events[rows].select(
            "item", pl.lit(0, pl.Int32).alias("customer"), "basket", "time", "event"
        )  # fmt: skip

    @cached_property
    def _order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        who = self.log.events["customer"].fill_null(self.log.n_customers).to_numpy()
        order = np.argsort(who, kind="stable")
        return order, np.searchsorted(who[order], np.arange(self.log.n_customers + 1))


def _single(log: Log, events: pl.DataFrame) -> Log:
    return Log(log.products, log.items, Vocabulary(pl.Series([0]), "customer"), events)


def _as_events(live: Sequence[Told], items: Vocabulary, now: object, old: pl.DataFrame) -> pl.DataFrame:
    rows = [(items._find(one.product_id), one) for one in live]
    known = [(row, one) for row, one in rows if row is not None]
    baskets: dict[object, int] = {}
    first = int(old["basket"].max() or 0) + 1  # type: ignore[arg-type]
    numbers = [baskets.setdefault(one.basket_id or one.time.date(), first + len(baskets)) for _, one in known]
    frame = pl.DataFrame(
        {
            "item": [row for row, _ in known],
            "customer": [0] * len(known),
            "basket": numbers,
            "time": [one.time for _, one in known],
            "event": [one.kind for _, one in known],
        },
        schema={
            "item": pl.Int32,
            "customer": pl.Int32,
            "basket": pl.Int64,
            "time": pl.Datetime("us"),
            "event": pl.String,
        },
    )
    fresh = frame.join(
        old.select("item", "time", "event"), on=["item", "time", "event"], how="anti", maintain_order="left"
    )
    return fresh.with_columns(time=pl.min_horizontal("time", pl.lit(now).cast(pl.Datetime("us"))))
