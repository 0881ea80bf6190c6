"""Places on the globe: how far apart they are, and whether they can be meant."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import DataError

EARTH_KM = 6371.0088
FARTHEST_KM = 1_000.0
"""Nothing that is planned for one day lies farther from the rest than this."""


def great_circle_km(
    latitudes: Sequence[float] | NDArray[np.float64],
    longitudes: Sequence[float] | NDArray[np.float64],
    to: tuple[Sequence[float] | NDArray[np.float64], Sequence[float] | NDArray[np.float64]] | None = None,
) -> NDArray[np.float64]:
    """(places, places) kilometres over the globe, by the haversine formula; to other places, given `to`.

    Parameters
    ----------
    latitudes, longitudes : (places,), degrees

    Examples
    --------
    A degree of latitude is some 111 km.

    >>> great_circle_km([0.0, 1.0], [10.0, 10.0]).round(1)
    array([[  0. , 111.2],
           [111.2,   0. ]])
    """
    lat, lon = np.radians(np.asarray(latitudes, float)), np.radians(np.asarray(longitudes, float))
    there = (lat, lon) if to is None else (np.radians(np.asarray(to[0], float)), np.radians(np.asarray(to[1], float)))
    half_lat = np.sin((lat[:, None] - there[0]) / 2) ** 2
    half_lon = np.sin((lon[:, None] - there[1]) / 2) ** 2
    inside = half_lat + np.cos(lat[:, None]) * np.cos(there[0]) * half_lon
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(inside, 0, 1)))


def check_places(
    table: str,
    names: Sequence[str],
    latitudes: Sequence[float | None],
    longitudes: Sequence[float | None],
    near: tuple[Sequence[float], Sequence[float]] | None = None,
    farthest_km: float = FARTHEST_KM,
) -> None:
    """Refuse coordinates that cannot be meant.

    Parameters
    ----------
    table : how messages name where the places were written
    near : latitudes and longitudes of places that are right; without them, the middle of these ones

    Raises
    ------
    DataError : no coordinates, latitude and longitude swapped, or a place on another continent; names the first
    """
    for name, lat, lon in zip(names, latitudes, longitudes, strict=True):
        if lat is None or lon is None or not (np.isfinite(lat) and np.isfinite(lon)):
            raise DataError(f"{table}: {name} has no coordinates. Give a latitude and a longitude in degrees.")
        if abs(lat) > 90 or abs(lon) > 180:
            if abs(lat) <= 180 and abs(lon) <= 90:
                raise DataError(_swapped(table, name, lat, lon))
            raise DataError(f"{table}: {name} is at latitude {lat:g}, longitude {lon:g}, which is not on the globe.")
    lats, lons = np.array(latitudes, float), np.array(longitudes, float)
    if not len(lats):
        return
    anchor = near if near is not None and len(near[0]) else ([float(np.median(lats))], [float(np.median(lons))])
    away = great_circle_km(lats, lons, to=anchor).min(axis=1)
    for at in np.flatnonzero(away > farthest_km).tolist():
        lat, lon = float(lats[at]), float(lons[at])
        if abs(lon) <= 90 and great_circle_km([lon], [lat], to=anchor).min() <= farthest_km:
            raise DataError(_swapped(table, names[at], lat, lon))
        raise DataError(
            f"{table}: {names[at]} (latitude {lat:g}, longitude {lon:g}) is {away[at]:,.0f} km away from the rest, "
            f"perhaps on another continent. Correct it, or leave it out."
        )


def _swapped(table: str, name: str, lat: float, lon: float) -> str:
    return (
        f"{table}: {name} has latitude {lat:g} and longitude {lon:g}, which look swapped. "
        f"Write latitude {lon:g}, longitude {lat:g}."
    )
