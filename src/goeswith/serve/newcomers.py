"""Products that came after the model was fitted: they answer at once, by what they say of themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.association.describer import meaning_of
from goeswith.association.parts import Meaning
from goeswith.model import Model
from goeswith.serve.catalogue import Catalogue

SHARE = 0.5
"""A newcomer is believed to sell this much of what the products that read like it would in its place."""


@dataclass(frozen=True)
class Newcomer:
    """What a text or a new product means, and which sold products read like it.

    kin, weight : (k,), rows and shares of one
    """

    product_id: str
    meaning: Meaning
    kin: NDArray[np.int64]
    weight: NDArray[np.float64]
    encoded: NDArray[np.float32]


def read_newcomers(model: Model, catalogue: Catalogue) -> list[Newcomer]:
    """Every product of the catalogue that the model does not know, in the order of the catalogue."""
    if len(catalogue) == catalogue.n_items:
        return []
    rows = catalogue.frame[catalogue.n_items :]
    return _read(model, rows, [str(i) for i in catalogue.ids[catalogue.n_items :]])


def read_text(model: Model, text: str) -> Newcomer:
    """A product of which somebody only says a few words."""
    return _read(model, pl.DataFrame({"name": [text]}), [text])[0]


def _read(model: Model, products: pl.DataFrame, names: Sequence[str]) -> list[Newcomer]:
    reading = model.describer.read(products)
    found = []
    whole = meaning_of(reading, model.layer, products, [])
    for at, name in enumerate(names):
        one = Meaning(whole.words[[at]], whole.plain[[at]], whole.source[[at]], whole.target[[at]], [])
        kin = model.sold.kin(one)
        some = kin.weight[0] > 0
        found.append(
            Newcomer(
                name,
                one,
                kin.item[0][some].astype(np.int64),
                kin.weight[0][some].astype(np.float64),
                reading.encoded[at],
            )
        )
    return found


def with_newcomers(
    row: NDArray[np.int64], probability: NDArray[np.float64], newcomers: Sequence[Newcomer], first_row: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A ranked list with the newcomers whose kin are in it, each where its kin's probabilities put it.

    Examples
    --------
    A newcomer that reads like product 7 and like product 9, of which only 7 is in the list.

    >>> new = Newcomer("new", None, np.array([7, 9]), np.array([0.5, 0.5]), None)
    >>> with_newcomers(np.array([7, 8]), np.array([0.4, 0.05]), [new], first_row=10)
    (array([ 7, 10,  8]), array([0.4 , 0.1 , 0.05]))
    """
    if not newcomers or not len(row):
        return row, probability
    told = dict(zip(map(int, row), probability, strict=True))
    chances = np.array(
        [SHARE * sum(w * told.get(int(k), 0.0) for k, w in zip(one.kin, one.weight, strict=True)) for one in newcomers]
    )
    known = chances > 0
    rows = np.concatenate([row, first_row + np.flatnonzero(known)])
    values = np.concatenate([probability, chances[known]])
    order = np.argsort(-values, kind="stable")
    return rows[order], values[order]
