"""What a shop's own rules change in a ranking, and which rule changed what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, model_validator

from goeswith.data.products import SAYS_NO
from goeswith.data.vocabulary import Vocabulary

UNAVAILABLE, OUT_OF_STOCK, BANNED, PINNED = "unavailable", "out of stock", "banned", "pinned"


class RulesConfig(BaseModel, frozen=True, extra="forbid"):
    """What may be shown, and what is shown first."""

    hide_unavailable: bool = True
    """Products whose column `available` says no."""
    hide_out_of_stock: bool = True
    """Products whose column `stock` is 0 or less; an unknown stock hides nothing."""
    ban: tuple[str | int, ...] = ()
    """Product ids that are never shown."""
    pin: tuple[str | int, ...] = ()
    """Product ids that are shown first, in this order, wherever they may be shown at all."""

    @model_validator(mode="after")
    def _no_product_is_both(self) -> "RulesConfig":
        both = [str(product) for product in self.pin if product in self.ban]
        if both:
            raise ValueError(f"banned and pinned at once: {', '.join(both)}. Take each out of one of the two.")
        return self


@dataclass(frozen=True)
class Change:
    """One product that one rule hid or moved."""

    rule: str  # "unavailable", "out of stock", "banned" hide; "pinned" moves to the front
    row: int


@dataclass(frozen=True)
class Rules:
    """A `RulesConfig` settled on one catalogue: rows instead of ids.

    hidden : rule -> (items,), True where it hides the product
    pinned : (pins,), rows in the order of the config
    """

    hidden: Mapping[str, NDArray[np.bool_]]
    pinned: NDArray[np.int64]

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(items,), True where no rule hides the product."""
        masks = np.stack(list(self.hidden.values()))  # (rules, items)
        return np.asarray(~masks.any(axis=0))


def settle(config: RulesConfig, products: pl.DataFrame, items: Vocabulary) -> Rules:
    """The rules as masks over the catalogue.

    Raises
    ------
    UnknownId : a banned or pinned product is not in the catalogue
    """
    banned = np.zeros(len(items), dtype=bool)
    banned[items.rows(config.ban)] = True
    hidden = {BANNED: banned}
    if config.hide_unavailable and "available" in products.columns:
        hidden[UNAVAILABLE] = says_no(products["available"])
    if config.hide_out_of_stock and "stock" in products.columns:
        hidden[OUT_OF_STOCK] = runs_out(products["stock"])
    return Rules(hidden, items.rows(dict.fromkeys(config.pin)))


def apply_rules(rows: NDArray[np.int64], rules: Rules) -> tuple[NDArray[np.int64], list[Change]]:
    """Candidates less the hidden, the pinned first, the others in the order they had.

    A pin moves a candidate and makes none: let the pinned rows into the candidates where the question allows them.
    With several rules against a product, the first of them in `rules.hidden` is named.

    Parameters
    ----------
    rows : (candidates,), rows of the catalogue, best first, distinct

    Returns
    -------
    the rows that stay, in their new order; the changes: hidden products in the order they had, then the pinned

    Examples
    --------
    >>> rules = Rules({"banned": np.array([False, True, False])}, pinned=np.array([2]))
    >>> apply_rules(np.array([0, 1, 2]), rules)
    (array([2, 0]), [Change(rule='banned', row=1), Change(rule='pinned', row=2)])
    """
    shown = rules.shown[rows]
    changes = [Change(_hiding(row, rules.hidden), int(row)) for row in rows[~shown]]
    stay = rows[shown]
    first = rules.pinned[np.isin(rules.pinned, stay)]
    changes += [Change(PINNED, int(row)) for row in first]
    return np.concatenate([first, stay[~np.isin(stay, first)]]), changes


def told(changes: Iterable[Change], names: pl.Series) -> list[str]:
    """The changes as lines to read: "Green Tea: hidden, unavailable"."""
    return [f"{names[c.row]}: {'put first' if c.rule == PINNED else 'hidden'}, {c.rule}" for c in changes]


def says_no(available: pl.Series) -> NDArray[np.bool_]:
    """True where a column of yes and no, of any type, says no; empty says nothing."""
    if available.dtype == pl.String:
        no = available.str.strip_chars().str.to_lowercase().is_in(SAYS_NO)
    else:
        no = available.cast(pl.Float64, strict=False) == 0
    return no.fill_null(False).to_numpy().astype(bool)


def runs_out(stock: pl.Series) -> NDArray[np.bool_]:
    """True where a known stock is 0 or less."""
    return (stock.cast(pl.Float64, strict=False) <= 0).fill_null(False).to_numpy().astype(bool)


def _hiding(row: np.int64, hidden: Mapping[str, NDArray[np.bool_]]) -> str:
    return next(rule for rule, mask in hidden.items() if mask[row])
