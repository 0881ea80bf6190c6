"""Complement, substitute, or both: do two products go together, or stand in for each other?"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from goeswith.association.given_labels import SUBSTITUTE as INSTEAD
from goeswith.association.given_labels import TOGETHER, GivenLabels
from goeswith.association.parts import Array, Parts

COMPLEMENT, SUBSTITUTE, BOTH = "complement", "substitute", "both"
ALIKE = 0.25
"""Likeness from which two products are of one sort, when nothing is known of how they are bought."""
TRUST = 0.15
"""Likeness that one unit of interchange, a factor of e, is worth."""
MOST = 2.5
"""Units of interchange that are believed at most."""
ALONG = 0.4
"""Log lift, of baskets and of what follows in sum, from which substitutes are also taken along with each other."""
ONE_WAY = 2.0
"""Log of how much more often one product follows the other than they are taken in turn, from which neither stands in
for the other, whatever the texts say: a laser printer and toner for it."""
WINDOW = 7.0
"""Days between a look at one product and one at another that belong to one choice."""
CUSTOMERS = 2_000
"""Of a product with more customers, so many are looked at."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for each pair. (pairs,) each; logarithms of how often against chance, damped, 0 for no evidence.

    alike : of the texts; 0 as any two products of the shop, 1 the same
    together : in one basket
    along : both bought by one customer, b after a and never before it (less those of the other order), or at once
    one_way : both bought by one customer, in one order and not in the other, whichever it is
    in_turn : both bought by one customer, now in one order and now in the other
    looked : both looked at within days, and not both bought
    kin_together : in one basket, they or their kin
    """

    alike: Array
    together: Array
    along: Array
    one_way: Array
    in_turn: Array
    looked: Array
    kin_together: Array

    @property
    def substitute(self) -> NDArray[np.bool_]:
        """Of one sort by their texts, by being bought in turn rather than together, or by being weighed against."""
        interchange = self.in_turn - np.maximum(self.together, 0) + np.maximum(self.looked, 0)
        of_one_sort = self.alike + TRUST * np.clip(interchange, -MOST, MOST) >= ALIKE
        return np.asarray(of_one_sort & (self.one_way - self.in_turn < ONE_WAY))

    @property
    def taken_along(self) -> NDArray[np.bool_]:
        return np.asarray(self.kin_together + np.maximum(self.along, 0) >= ALONG)

    @property
    def labels(self) -> NDArray[np.str_]:
        return np.where(~self.substitute, COMPLEMENT, np.where(self.taken_along, BOTH, SUBSTITUTE))


def of_kind(labels: NDArray[np.str_], kind: str) -> NDArray[np.bool_]:
    """Which labels a filter lets pass: a product that is both is a complement, and a substitute.

    Examples
    --------
    >>> of_kind(np.array(["complement", "substitute", "both"]), "complement").tolist()
    [True, False, True]
    """
    return np.isin(labels, [kind, BOTH])


@dataclass(frozen=True)
class Kinds:
    """Tells the kinds of pairs of one moment of a shop; milliseconds for the candidates of one product.

    "Chance" is what a pair would have if purchases were shuffled among baskets, or customers, of the sizes there are: a
    shop of long receipts puts any two products together, and this must not make them complements.
    """

    parts: Parts
    given: GivenLabels | None = None
    """What was said of pairs, and therefore holds."""

    def labels(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.str_]:
        """What products b are to some products; each b is judged beside the one of them that it resembles most.

        Parameters
        ----------
        a : (have,), rows; none: every b is a complement
        b : (items,), rows

        Returns
        -------
        (items,)
        """
        if len(a) == 0 or len(b) == 0:
            return np.full(len(b), COMPLEMENT)
        labels = self.labels_of_pairs(self.most_alike(a, b), b)
        return labels if self.given is None else self._as_said(a, b, labels)

    def most_alike(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """The one of products a that each of b resembles most; (b,). a must not be empty."""
        plain = self.parts.meaning.plain
        likeness = plain[a] @ plain[b].T
        likeness[a[:, None] == b[None, :]] = -2.0  # a product is no substitute of itself
        nearest: NDArray[np.int64] = a[likeness.argmax(axis=0)]
        return nearest

    def labels_of_pairs(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.str_]:
        """What b is to a, pair by pair; a product many times among a is looked up once."""
        labels = self.evidence(a, b).labels
        labels[a == b] = COMPLEMENT
        return labels

    def _as_said(self, a: NDArray[np.int64], b: NDArray[np.int64], labels: NDArray[np.str_]) -> NDArray[np.str_]:
        """Labels, where somebody labelled the pair; unrelated is neither kind, and keeps the one that was counted."""
        assert self.given is not None
        for one in np.unique(a):
            said = self.given.of_pairs(int(one), b)
            labels = np.where(said == TOGETHER, COMPLEMENT, np.where(said == INSTEAD, SUBSTITUTE, labels))
        return labels

    def labels_beside_text(self, plain: Array, b: NDArray[np.int64]) -> NDArray[np.str_]:
        """What products b are to one that only has a text. plain : (d,)"""
        alike = self._alike(plain[None], self.parts.meaning.plain[b])
        return np.where(alike >= ALIKE, SUBSTITUTE, COMPLEMENT)

    def evidence(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> Evidence:
        """What speaks for pairs of rows. a, b : (pairs,)"""
        found = np.zeros((7, len(a)), np.float32)  # in the order of Evidence
        plain = self.parts.meaning.plain
        for one in np.unique(a):
            at = np.flatnonzero(a == one)
            others, back = np.unique(b[at], return_inverse=True)
            found[0, at] = self._alike(plain[[one]], plain[others])[back]
            found[[[1], [6]], at] = self._baskets(int(one), others)[:, back]
            found[[[2], [3], [4], [5]], at] = self._customers(int(one), others)[:, back]
        return Evidence(*found)

    def _alike(self, one: Array, others: Array) -> Array:
        """Cosine, on a scale where 0 is the mean of the shop. one : (1, d); others : (items, d)"""
        usual = np.clip(one @ self._middle, 0, 1)
        alike: Array = np.where(usual < 0.999, (others @ one[0] - usual) / np.maximum(1 - usual, 1e-3), 0.0)
        return alike

    def _baskets(self, a: int, b: NDArray[np.int64]) -> Array:
        """Log lifts of a pair itself, and of it with its kin; (2, items)."""
        counts, kin = self.parts.counts, self.parts.kin
        sold = counts.items.astype(np.float64)
        mine = np.concatenate([[a], kin.item[a]])
        weight = np.concatenate([[1.0], kin.weight[a]])
        theirs = np.concatenate([b[:, None], kin.item[b]], axis=1)  # (items, 1 + k)
        weights = np.concatenate([np.ones((len(b), 1)), kin.weight[b]], axis=1)
        table = counts.pairs[mine]
        own = table[[0]].toarray().ravel()[b]
        pooled = np.asarray(weight @ table).ravel()
        both = (pooled[theirs] * weights).sum(axis=1)
        chance = (weight @ sold[mine]) * (sold[theirs] * weights).sum(axis=1)
        same = theirs[:, :, None] == mine  # nothing shares a basket with itself
        chance -= np.einsum("bt,m,btm->b", weights, weight * sold[mine] ** 2, same)
        return np.stack(
            [_log_lift(own, sold[a] * sold[b] * self._by_basket), _log_lift(both, chance * self._by_basket)]
        )

    def _customers(self, a: int, b: NDArray[np.int64]) -> Array:
        """Log lifts of both from one customer, in this order, one way, in turn; and of both looked at; (4, items)."""
        own = self.parts.histories
        rows = self._rows_by_item[self._start[a] : self._start[a + 1]]
        share = max(1.0, len(rows) / CUSTOMERS)
        some = rows[np.linspace(0, len(rows) - 1, min(len(rows), CUSTOMERS)).astype(np.int64)]
        if len(some) == 0:
            return np.zeros((4, len(b)), np.float32)
        who = np.searchsorted(own.start, some, side="right") - 1
        begin, length = own.start[who], own.start[who + 1] - own.start[who]
        place = np.full(self.parts.meaning.n_items, -1, np.int32)
        place[b] = np.arange(len(b))
        all_rows = np.repeat(begin - np.cumsum(length) + length, length) + np.arange(length.sum())
        wanted = place[own.item[all_rows]] >= 0
        that, this = all_rows[wanted], np.repeat(some, length)[wanted]
        column = place[own.item[that]]

        def how_many(which: NDArray[np.bool_]) -> NDArray[np.floating]:
            return np.bincount(column[which], minlength=len(b)) * share

        bought = (own.n[this] > 0) & (own.n[that] > 0)
        after = own.first[this] > own.last[that]  # days ago: that was bought later than this
        before = own.first[that] > own.last[this]
        both_ways = how_many(bought & after & before)
        only_after, only_before = how_many(bought & after & ~before), how_many(bought & before & ~after)
        at_once = how_many(bought & ~after & ~before)
        apart = np.minimum(np.abs(own.last[this] - own.last[that]), np.abs(own.first[this] - own.first[that]))
        looked = how_many(~bought & (apart <= WINDOW))

        chance = self._buyers[a] * self._buyers[b] * self._by_customer
        met = (self._start[a + 1] - self._start[a]) * np.diff(self._start)[b] * self._by_history
        return np.stack(
            [
                _log_lift(at_once + np.maximum(only_after - only_before, 0), chance),
                _log_lift(np.abs(only_after - only_before), chance),
                _log_lift(both_ways + 2 * np.minimum(only_after, only_before), chance),
                _log_lift(looked, np.maximum(met - chance, 0)),
            ]
        )

    @cached_property
    def _middle(self) -> Array:
        """(d,), the mean of what products read like."""
        middle: Array = self.parts.meaning.plain.mean(axis=0)
        return middle

    @cached_property
    def _by_basket(self) -> float:
        """Pairs that chance puts into one basket, for two products in one basket each."""
        counts = self.parts.counts
        return float(counts.pairs.sum(dtype=np.float64) / max(float(counts.items.sum()) ** 2, 1.0))

    @cached_property
    def _by_customer(self) -> float:
        own = self.parts.histories
        bought = np.concatenate([[0], np.cumsum(own.n > 0)])
        return _chance(np.diff(bought[own.start]))

    @cached_property
    def _by_history(self) -> float:
        return _chance(np.diff(self.parts.histories.start))

    @cached_property
    def _buyers(self) -> NDArray[np.int64]:
        """(items,), customers who bought each."""
        own = self.parts.histories
        return np.bincount(own.item[own.n > 0], minlength=self.parts.meaning.n_items).astype(np.int64)

    @cached_property
    def _rows_by_item(self) -> NDArray[np.int32]:
        return np.argsort(self.parts.histories.item, kind="stable").astype(np.int32)

    @cached_property
    def _start(self) -> NDArray[np.int64]:
        """(items + 1,), where the rows of each product begin in `_rows_by_item`."""
        length = np.bincount(self.parts.histories.item, minlength=self.parts.meaning.n_items)
        return np.concatenate([[0], np.cumsum(length)]).astype(np.int64)


def _chance(sizes: NDArray[np.integer]) -> float:
    """Customers with both of two products, for one buyer of each, if what customers have were dealt out anew."""
    size = sizes.astype(np.float64)
    return float((size * (size - 1)).sum() / max(size.sum() ** 2, 1.0))


def _log_lift(seen: NDArray[np.floating], chance: NDArray[np.floating]) -> Array:
    """log((seen + 1) / (chance + 1)): 0 where too little is to be expected to say anything."""
    lift: Array = np.log((seen + 1.0) / (chance + 1.0)).astype(np.float32)
    return lift
