"""What came of explored places, as far as it is known: the counts a bandit draws from."""

from collections import Counter
from collections.abc import Sequence
from threading import Lock
from time import monotonic

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Exists, Select, and_, exists, func, or_, select

from goeswith.serve.store.database import Database
from goeswith.serve.store.tables import events, exposures

REFRESH = 1.0
COUNTING = ("purchase", "cart")
"""Kinds of event that are a reward."""


class Rewards:
    """Counts by product, read again every second."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock, self._read = database, Lock(), -REFRESH
        self._shown: Counter[str] = Counter()
        self._rewarded: Counter[str] = Counter()

    def of(self, products: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """shown, rewarded : (products,)"""
        return (
            np.array([self._shown[product] for product in products], float),
            np.array([self._rewarded[product] for product in products], float),
        )

    @property
    def is_old(self) -> bool:
        return monotonic() - self._read > REFRESH

    def refresh(self) -> None:
        with self._lock:
            if not self.is_old:
                return
            self._read = monotonic()
            counted = select(exposures.c.product_id, func.count()).where(exposures.c.propensity.is_not(None))
            with self._database.reading() as connection:
                self._shown = Counter(dict(connection.execute(counted.group_by(exposures.c.product_id)).all()))
                rewarded = counted.where(is_rewarded()).group_by(exposures.c.product_id)
                self._rewarded = Counter(dict(connection.execute(rewarded).all()))


def is_rewarded() -> Exists:
    """An event that names the answer, or one of the same customer afterwards, about the same product."""
    followed = or_(
        events.c.answer_id == exposures.c.answer_id,
        and_(
            events.c.answer_id.is_(None), events.c.customer_id == exposures.c.customer_id,
            events.c.received >= exposures.c.at,
        ),
    )  # fmt: skip
    return exists().where(
        events.c.product_id == exposures.c.product_id, events.c.kind.in_(COUNTING), followed
    )  # fmt: skip


def explored() -> Select:
    """The log of explored places: product, propensity, pool, whether it was rewarded."""
    return select(
        exposures.c.product_id, exposures.c.propensity, exposures.c.pool, is_rewarded().label("rewarded")
    ).where(exposures.c.propensity.is_not(None))
