"""Points of interest: the products of a shop that have a place."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.log import Log
from goeswith.errors import DataError
from goeswith.scenarios.clock import DAY, seconds_of
from goeswith.scenarios.places import check_places, great_circle_km

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WALK_KMH, DETOUR = 4.5, 1.3
RIDE_KMH, RIDE_WAIT = 18.0, 600.0
"""Beyond a short walk somebody takes a train or a bus: ten minutes to it and from it, then 18 km/h."""


@dataclass(frozen=True)
class Points:
    """Points in the order of the catalogue.

    item : (points,), rows of the catalogue
    opens, closes : (points,) seconds after midnight; closed_on : weekdays, 0 is Monday
    price : (points,), 0 where none is known; stay : (points,) seconds
    """

    item: NDArray[np.int64]
    ids: tuple[object, ...]
    names: tuple[str, ...]
    themes: tuple[str, ...]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    closed_on: tuple[frozenset[int], ...]
    price: NDArray[np.float64]
    stay: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.item)

    @property
    def theme_rows(self) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """The themes, and the number of each point's."""
        names, rows = np.unique(np.array(self.themes, dtype=object).astype(str), return_inverse=True)
        return tuple(names.tolist()), rows.astype(np.int64)

    def km(self) -> NDArray[np.float64]:
        """(points, points)"""
        return great_circle_km(self.latitude, self.longitude)


def points_of(log: Log, stays: Mapping[int, float] | None = None, usual_stay: float = 3600.0) -> Points:
    """The products with coordinates.

    Hours are the columns opens and closes (08:30), closed days a column closed_on (Mon;Tue), the stay in minutes a
    column stay_minutes, else what visits took.

    Parameters
    ----------
    stays : row of the catalogue to seconds, from visits

    Raises
    ------
    DataError : no product has coordinates, or some cannot be meant
    """
    products = log.products
    if not {"latitude", "longitude"} <= set(products.columns):
        raise DataError(
            "No product of this shop has coordinates, so there is nowhere to go. "
            "Add columns latitude and longitude to the products."
        )
    placed = products.with_row_index("row").filter(pl.col("latitude").is_not_null() & pl.col("longitude").is_not_null())
    if placed.is_empty():
        raise DataError("Not one product of this shop has coordinates, so there is nowhere to go. Fill them in.")
    ids = placed["product_id"].to_list()
    named = [f"{one} ({unquote(name)})" for one, name in zip(ids, placed["name"].cast(pl.String), strict=True)]
    check_places("products", named, placed["latitude"].to_list(), placed["longitude"].to_list())
    rows = placed["row"].cast(pl.Int64).to_numpy()
    known = stays or {}
    stay = np.array([known.get(int(row), usual_stay) for row in rows])
    if "stay_minutes" in placed.columns:
        said = placed["stay_minutes"].cast(pl.Float64, strict=False).to_numpy()
        stay = np.where(np.isnan(said), stay, 60 * said)
    return Points(
        rows,
        tuple(ids),
        tuple(unquote(name or "").replace("_", " ") for name in placed["name"].cast(pl.String).to_list()),
        tuple(placed["category"].fill_null("").to_list()) if "category" in placed.columns else ("",) * len(rows),
        placed["latitude"].to_numpy().astype(float),
        placed["longitude"].to_numpy().astype(float),
        _times(placed, "opens", 0),
        _times(placed, "closes", DAY),
        _closed(placed),
        placed["price"].cast(pl.Float64).fill_null(0.0).to_numpy()
        if "price" in placed.columns
        else np.zeros(len(rows)),
        stay.astype(np.int64),
    )


def travel_seconds(km: NDArray[np.float64]) -> NDArray[np.int64]:
    """On foot, or by whatever rides where that is faster.

    >>> travel_seconds(np.array([0.0, 0.5, 10.0]))
    array([   0,  520, 3200])
    """
    road = DETOUR * km
    walk, ride = 3600 * road / WALK_KMH, RIDE_WAIT + 3600 * road / RIDE_KMH
    return np.rint(np.minimum(walk, ride)).astype(np.int64)


def _times(placed: pl.DataFrame, name: str, missing: int) -> NDArray[np.int64]:
    if name not in placed.columns:
        return np.full(placed.height, missing, np.int64)
    texts = placed[name].cast(pl.String).to_list()
    ids = placed["product_id"].to_list()
    return np.array(
        [
            seconds_of(text, f"products: {name} of {one}") if text else missing
            for one, text in zip(ids, texts, strict=True)
        ],
        dtype=np.int64,
    )


def _closed(placed: pl.DataFrame) -> tuple[frozenset[int], ...]:
    if "closed_on" not in placed.columns:
        return (frozenset(),) * placed.height
    found = []
    for one, text in zip(placed["product_id"].to_list(), placed["closed_on"].cast(pl.String).to_list(), strict=True):
        days = [part.strip() for part in (text or "").replace(",", ";").split(";") if part.strip()]
        odd = [day for day in days if day.lower()[:3] not in WEEKDAYS]
        if odd:
            raise DataError(f"products: closed_on of {one}: {odd[0]!r} is no weekday. Write Mon;Tue.")
        found.append(frozenset(WEEKDAYS.index(day.lower()[:3]) for day in days))
    return tuple(found)


def _prices(placed: pl.DataFrame) -> NDArray[np.float64]:
    if "price" not in placed.columns:
        return np.zeros(placed.height)
    return placed["price"].cast(pl.Float64).fill_null(0.0).to_numpy()
