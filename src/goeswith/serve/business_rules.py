"""What a shop wants of its answers: pin, ban, boost, margin, caps; and what each rule changed."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field, field_validator, model_validator

from goeswith.errors import UsageError
from goeswith.serve.catalogue import Catalogue
from goeswith.serve.filters import parsed

Short = Field(max_length=200)
Id = Annotated[str, Short]
MOST_RULES = 200


class Boost(BaseModel, frozen=True, extra="forbid"):
    """Products that meet a filter count for more, or with a factor below 1 for less."""

    where: str = Field(max_length=2_000)
    factor: float = Field(ge=0.01, le=100)

    @field_validator("where")
    @classmethod
    def _readable(cls, text: str) -> str:
        parsed(text)
        return text


class Cap(BaseModel, frozen=True, extra="forbid"):
    """No more than so many products of one value of a column in an answer."""

    column: str = Field(max_length=200)
    most: int = Field(ge=1, le=1_000)


class BusinessRules(BaseModel, frozen=True, extra="forbid"):
    """All rules of a shop. They apply in this order: hide, boost, margin, caps, pin."""

    hide_unavailable: bool = True
    """Products whose column `available` says no."""
    hide_out_of_stock: bool = True
    """Products whose column `stock` is 0 or less; an unknown stock hides nothing."""
    ban: list[str] = Field(default=[], max_length=10_000)
    """Product ids that are never shown."""
    ban_where: str | None = Field(default=None, max_length=2_000)
    """A filter; what meets it is never shown."""
    apart: list[tuple[Id, Id]] = Field(default=[], max_length=10_000)
    """Pairs of product ids of which neither is shown beside the other, or in a basket that holds it."""
    pin: list[str] = Field(default=[], max_length=100)
    """Product ids that are shown first, in this order, wherever they may be shown."""
    boost: list[Boost] = Field(default=[], max_length=MOST_RULES)
    margin_weight: float = Field(default=0.0, ge=0.0, le=100.0)
    """w: an answer counts as probability * (1 + w * margin)."""
    margin_column: str = Field(default="margin", max_length=200)
    """The column that holds the margin, a share of the price: 0 to 1."""
    caps: list[Cap] = Field(default=[], max_length=20)
    hide_bought_days: int = Field(default=0, ge=0, le=3_650)
    """What the customer bought in the last n days is not shown to them; 0 hides nothing."""

    @field_validator("ban_where")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        if text is not None:
            parsed(text)
        return text

    @model_validator(mode="after")
    def _no_product_is_both(self) -> "BusinessRules":
        both = [product for product in self.pin if product in self.ban]
        if both:
            raise ValueError(f"banned and pinned at once: {', '.join(both[:5])}. Take each out of one of the two.")
        return self


@dataclass(frozen=True)
class Ordered:
    """An answer after the rules.

    row, probability, value, source : (answers,)
    told : row -> what rules did to it; hidden : rule -> how many products it took out of this answer
    """

    row: NDArray[np.int64]
    probability: NDArray[np.float64]
    told: dict[int, list[str]] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Settled:
    """Rules on one catalogue: rows instead of ids and filters.

    hidden : rule -> (products,), True where it hides; factor : (products,)
    """

    rules: BusinessRules
    version: int
    hidden: dict[str, NDArray[np.bool_]]
    pinned: NDArray[np.int64]
    boosted: list[tuple[str, NDArray[np.bool_], float]]
    margin: NDArray[np.float64] | None
    groups: list[tuple[str, int, list[str | None]]]
    shown: NDArray[np.bool_]
    apart: Mapping[int, list[int]] = field(default_factory=dict)

    def kept_apart(self, beside: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows that are never shown beside these."""
        found = [other for row in beside for other in self.apart.get(int(row), ())] if self.apart else []
        return np.array(found, dtype=np.int64)

    @property
    def is_plain(self) -> bool:
        """Whether they leave the order of an answer as it is."""
        return not (len(self.pinned) or self.boosted or self.margin is not None or self.groups)

    def apply(
        self,
        row: NDArray[np.int64],
        probability: NDArray[np.float64],
        allowed: NDArray[np.bool_] | None,
        n: int,
        bought: NDArray[np.int64],
        barred: NDArray[np.int64],
    ) -> Ordered:
        """Put an answer in order.

        Parameters
        ----------
        row, probability : (candidates,), the best first
        allowed : (products,), what the question allows; None: everything
        bought : rows that were bought within hide_bought_days
        barred : rows that cannot be an answer: asked about, in the basket, bought before
        """
        told: dict[int, list[str]] = {}
        hidden: Counter[str] = Counter()
        stay = self.shown[row]
        if not stay.all():
            for rule, mask in self.hidden.items():
                if count := int(mask[row[~stay]].sum()):
                    hidden[rule] = count
        if allowed is not None:
            stay = stay & allowed[row]
        if len(bought):
            recent = np.isin(row, bought)
            if count := int((recent & stay).sum()):
                hidden[f"bought in the last {self.rules.hide_bought_days} days"] = count
            stay = stay & ~recent
        if len(apart := self.kept_apart(barred)):
            parted = np.isin(row, apart)
            if count := int((parted & stay).sum()):
                hidden["kept apart"] = count
            stay, barred = stay & ~parted, np.concatenate([barred, apart])
        row, probability = row[stay], probability[stay]
        if self.is_plain:
            return Ordered(row[:n], probability[:n], told, dict(hidden))
        value = probability.copy()
        for where, mask, factor in self.boosted:
            met = mask[row]
            value = np.where(met, value * factor, value)
            for one in row[met]:
                told.setdefault(int(one), []).append(f"boosted × {factor:g}: {where}")
        if self.margin is not None:
            margin = self.margin[row]
            value = value * (1 + self.rules.margin_weight * margin)
            for one, share in zip(row, margin, strict=True):
                if share:
                    told.setdefault(int(one), []).append(f"margin {share:.0%}, weight {self.rules.margin_weight:g}")
        order = np.argsort(-value, kind="stable")
        row, probability = row[order], probability[order]
        row, probability = self._capped(row, probability, hidden)
        row, probability = self._pinned(row, probability, allowed, bought, barred, told)
        row, probability = row[:n], probability[:n]
        return Ordered(row, probability, {r: told[r] for r in map(int, row) if r in told}, dict(hidden))

    def _capped(
        self, row: NDArray[np.int64], probability: NDArray[np.float64], hidden: Counter[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        for column, most, values in self.groups:
            seen: Counter[str] = Counter()
            keep = np.ones(len(row), bool)
            for at, one in enumerate(row):
                value = values[one]
                if value is not None:
                    seen[value] += 1
                    keep[at] = seen[value] <= most
            if not keep.all():
                hidden[f"at most {most} of one {column}"] += int((~keep).sum())
            row, probability = row[keep], probability[keep]
        return row, probability

    def _pinned(
        self,
        row: NDArray[np.int64],
        probability: NDArray[np.float64],
        allowed: NDArray[np.bool_] | None,
        bought: NDArray[np.int64],
        barred: NDArray[np.int64],
        told: dict[int, list[str]],
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        first = self.pinned[self.shown[self.pinned]]
        if allowed is not None:
            first = first[allowed[first]]
        first = first[~np.isin(first, bought) & ~np.isin(first, barred)]
        if not len(first):
            return row, probability
        known = dict(zip(map(int, row), probability, strict=True))
        for one in first:
            told.setdefault(int(one), []).append("pinned")
        chance = np.array([known.get(int(one), np.nan) for one in first])
        rest = ~np.isin(row, first)
        return np.concatenate([first, row[rest]]), np.concatenate([chance, probability[rest]])


def settle(rules: BusinessRules, version: int, catalogue: Catalogue) -> Settled:
    """The rules on this catalogue.

    Raises
    ------
    UnknownId : a banned or pinned product that it has not
    UsageError : a filter or a column that it has not
    """
    n = len(catalogue)
    banned = np.zeros(n, bool)
    banned[catalogue.rows(rules.ban)] = True
    hidden = {"withdrawn": catalogue.withdrawn}
    if banned.any():
        hidden["banned"] = banned
    if rules.ban_where:
        hidden[f"banned where {rules.ban_where}"] = catalogue.met(rules.ban_where)
    if rules.hide_unavailable:
        hidden["unavailable"] = catalogue.unavailable
    if rules.hide_out_of_stock:
        hidden["out of stock"] = catalogue.out_of_stock
    boosted = [(boost.where, catalogue.met(boost.where), boost.factor) for boost in rules.boost]
    margin = None
    if rules.margin_weight > 0:
        column = _column(catalogue, rules.margin_column, "margin_column")
        margin = np.clip(column.cast(pl.Float64, strict=False).fill_null(0.0).fill_nan(0.0).to_numpy(), 0.0, 1.0)
    groups = [
        (cap.column, cap.most, _column(catalogue, cap.column, "caps").cast(pl.String).to_list()) for cap in rules.caps
    ]
    pinned = catalogue.rows(dict.fromkeys(rules.pin))
    shown = ~np.any(np.stack(list(hidden.values())), axis=0)
    apart: dict[int, list[int]] = defaultdict(list)
    for a, b in (catalogue.rows(pair) for pair in rules.apart):
        apart[int(a)].append(int(b))
        apart[int(b)].append(int(a))
    return Settled(rules, version, hidden, pinned, boosted, margin, groups, shown, dict(apart))


def _column(catalogue: Catalogue, name: str, rule: str) -> pl.Series:
    if name not in catalogue.frame.columns:
        raise UsageError(f'{rule}: the catalogue has no column "{name}". It has: {", ".join(catalogue.frame.columns)}.')
    return catalogue.frame[name]
