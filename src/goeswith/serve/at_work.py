"""A model version at work: the model, the catalogue of today, the rules on it, and its ranked lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goeswith.model import Model
from goeswith.serve.business_rules import BusinessRules, Settled, settle
from goeswith.serve.catalogue import Catalogue, Change, near_ids
from goeswith.serve.live import Past
from goeswith.serve.newcomers import Newcomer, read_newcomers, with_newcomers
from goeswith.serve.prepared import Prepared, load_prepared
from goeswith.serve.ranked_lists import Ranked, RankedLists

COLD = 5
"""Baskets from which a product is no longer cold."""


@dataclass(frozen=True)
class AtWork:
    """Everything that one answer is made of; it never changes, so that an answer comes from one whole version."""

    model: Model
    past: Past
    prepared: Prepared | None
    catalogue: Catalogue
    newcomers: Sequence[Newcomer]
    rules: Settled
    lists: RankedLists
    epoch: int

    @property
    def version(self) -> str:
        return self.model.version

    def newcomer(self, row: int) -> Newcomer | None:
        return self.newcomers[row - self.catalogue.n_items] if row >= self.catalogue.n_items else None

    def widened(self, ranked: Ranked) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The list with the newcomers in it."""
        return with_newcomers(ranked.row, ranked.probability, self.newcomers, self.catalogue.n_items)

    @property
    def cold(self) -> NDArray[np.bool_]:
        """(products,), that hardly sold when the model was fitted, newcomers among them."""
        fresh = len(self.catalogue) - self.catalogue.n_items
        return np.concatenate([self.model.parts.counts.items < COLD, np.ones(fresh, bool)])

    @cached_property
    def _shelves(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Cold products sorted by their finest shelf, and each shelf's bounds among them."""
        shelf = (
            self.model.parts.meaning.shelves[0]
            if self.model.parts.meaning.shelves
            else np.zeros(self.catalogue.n_items, np.int64)
        )
        rows = np.flatnonzero(self.cold[: self.catalogue.n_items])
        order = rows[np.argsort(shelf[rows], kind="stable")]
        return shelf, order, np.searchsorted(shelf[order], np.arange(int(shelf.max(initial=0)) + 2))

    def cold_beside(self, rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        """Products that hardly sold, on the shelves of these."""
        shelf, order, bounds = self._shelves
        own = dict.fromkeys(int(shelf[row]) for row in rows if row < self.catalogue.n_items)
        found = [order[bounds[one] : bounds[one + 1]][:most] for one in own]
        return np.concatenate([*found, np.zeros(0, np.int64)])[:most]

    def near_customers(self, customer: str) -> list[str]:
        known, by_end = self._customers
        return near_ids(customer, known, by_end)

    @cached_property
    def _customers(self) -> tuple[list[str], list[str]]:
        known = [str(value) for value in self.model.log.customers.series.to_list()]
        return sorted(known), sorted(value[::-1] for value in known)


_EPOCHS = iter(range(1, 2**62))


def put_to_work(
    model: Model,
    shop: Path,
    changes: Sequence[Change],
    rules: BusinessRules,
    rules_version: int,
    past: Past | None = None,
) -> AtWork:
    """A version with the catalogue and the rules of this moment.

    Raises
    ------
    UsageError, UnknownId : rules that this catalogue cannot keep
    """
    catalogue = Catalogue(model.log.products, model.log.items, changes)
    return arranged(model, shop, catalogue, read_newcomers(model, catalogue), rules, rules_version, past)


def arranged(
    model: Model,
    shop: Path,
    catalogue: Catalogue,
    newcomers: Sequence[Newcomer],
    rules: BusinessRules,
    rules_version: int,
    past: Past | None = None,
) -> AtWork:
    """The same where the catalogue has been read."""
    settled = settle(rules, rules_version, catalogue)
    known = past or Past(model.log)
    prepared = load_prepared(shop, model.version)
    lists = RankedLists(model, known, prepared, settled.shown[: catalogue.n_items])
    return AtWork(model, known, prepared, catalogue, newcomers, settled, lists, next(_EPOCHS))


def rules_of_the_fit(model: Model) -> BusinessRules:
    """What fit.toml asked for, where nothing was set in the service."""
    fitted = model.config.rules
    return BusinessRules(
        hide_unavailable=fitted.hide_unavailable,
        hide_out_of_stock=fitted.hide_out_of_stock,
        ban=[str(product) for product in fitted.ban],
        pin=[str(product) for product in fitted.pin],
    )
