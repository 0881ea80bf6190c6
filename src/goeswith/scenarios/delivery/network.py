"""How far and how long from every place to every other: over the globe, from a file, or from a routing server."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.errors import DataError
from goeswith.scenarios.places import great_circle_km

NO_ROAD = 1 << 39
"""Metres or seconds that stand for "there is no way"; no plan may use it."""
PATIENCE = 10.0


@dataclass(frozen=True)
class Roads:
    """Where distances come from.

    kind : "great-circle", "matrix" (a file) or "osrm" (a server)
    place : the file, or the server's address
    detour, speed_kmh : for great circles, and for a matrix that has distances only
    """

    kind: Literal["great-circle", "matrix", "osrm"] = "great-circle"
    place: str = ""
    detour: float = 1.3
    speed_kmh: float = 35.0


@dataclass(frozen=True)
class Network:
    """ids : of the places; metres, seconds : (places, places) whole numbers, NO_ROAD where there is none"""

    ids: tuple[str, ...]
    metres: NDArray[np.int64]
    seconds: NDArray[np.int64]

    def closed(self, pairs: Sequence[tuple[str, str]]) -> "Network":
        """Without the roads between these places, in both directions."""
        metres, seconds = self.metres.copy(), self.seconds.copy()
        row = {one: at for at, one in enumerate(self.ids)}
        for pair in pairs:
            for name in pair:
                if name not in row:
                    raise DataError(f"The road {pair[0]},{pair[1]} cannot be closed: {name} is no place of this plan.")
            a, b = row[pair[0]], row[pair[1]]
            if a != b:
                metres[[a, b], [b, a]] = seconds[[a, b], [b, a]] = NO_ROAD
        return Network(self.ids, metres, seconds)


def network_of(
    ids: Sequence[str], latitudes: Sequence[float], longitudes: Sequence[float], roads: Roads = Roads()
) -> Network:
    """The network of these places.

    Raises
    ------
    DataError : a matrix that is not square, has holes or lacks a place; a server that is down or refuses
    """
    if roads.kind == "matrix":
        return _from_file(tuple(ids), Path(roads.place), roads.speed_kmh)
    if roads.kind == "osrm":
        return _from_server(tuple(ids), latitudes, longitudes, roads.place)
    metres = 1000 * roads.detour * great_circle_km(latitudes, longitudes)
    return Network(tuple(ids), _whole(metres), _whole(metres * 3.6 / roads.speed_kmh))


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rounded, NO_ROAD where there is no number; a place is at no distance from itself."""
    known = np.isfinite(values) & (values < NO_ROAD)
    rounded = np.where(known, np.rint(np.where(known, values, 0)), NO_ROAD).astype(np.int64)
    np.fill_diagonal(rounded, 0)
    return rounded


def _from_file(ids: tuple[str, ...], path: Path, speed_kmh: float) -> Network:
    """A square table: a first column with the ids, a column for each of them; kilometres, `inf` where no road is.

    A second table with minutes may stand beside it, called as the first with -minutes before its ending.
    """
    metres = 1000 * _square(ids, path)
    beside = path.with_name(f"{path.stem}-minutes{path.suffix}")
    seconds = 60 * _square(ids, beside) if beside.exists() else metres * 3.6 / speed_kmh
    return Network(ids, _whole(metres), _whole(seconds))


def _square(ids: tuple[str, ...], path: Path) -> NDArray[np.float64]:
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path}: the distance matrix cannot be read ({error}). Give a CSV file.") from error
    rows, columns = [str(one).strip() for one in table.to_series(0)], [name.strip() for name in table.columns[1:]]
    if len(rows) != len(columns) or set(rows) != set(columns):
        raise DataError(
            f"{path}: the matrix is not square: {len(rows)} rows and {len(columns)} columns of places"
            f"{_odd(rows, columns)}. It needs a row and a column for each place, under the same ids."
        )
    lacking = [one for one in ids if one not in set(rows)]
    if lacking:
        raise DataError(f"{path}: the matrix lacks {_some(lacking)}. Add a row and a column for each.")
    values = np.array([[_distance(cell) for cell in row[1:]] for row in table.iter_rows()], float)
    row_at, column_at = {one: at for at, one in enumerate(rows)}, {one: at for at, one in enumerate(columns)}
    chosen = values[np.ix_([row_at[one] for one in ids], [column_at[one] for one in ids])]
    holes = [(ids[a], ids[b]) for a, b in np.argwhere(np.isnan(chosen)) if a != b]
    if holes:
        shown = _some([f"{a} to {b}" for a, b in holes])
        raise DataError(f"{path}: {len(holes)} distances are missing ({shown}). Fill them in; inf means no road.")
    below = np.argwhere(chosen < 0)
    if len(below):
        a, b = below[0]
        raise DataError(f"{path}: {ids[a]} to {ids[b]} is {chosen[a, b]:g}. A distance cannot be below 0.")
    return chosen


def _distance(cell: str | None) -> float:
    try:
        return float((cell or "").replace(",", "."))
    except ValueError:
        return float("nan")


def _odd(rows: list[str], columns: list[str]) -> str:
    odd = sorted(set(rows) ^ set(columns))
    return f" ({_some(odd)} on one side only)" if odd else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _from_server(
    ids: tuple[str, ...], latitudes: Sequence[float], longitudes: Sequence[float], address: str
) -> Network:
    """OSRM's table service, `/table/v1/driving/`, asked for durations and distances at once."""
    points = ";".join(f"{lon:.6f},{lat:.6f}" for lat, lon in zip(latitudes, longitudes, strict=True))
    url = f"{address.rstrip('/')}/table/v1/driving/{points}?annotations=duration,distance"
    try:
        with urlopen(url, timeout=PATIENCE) as answer:
            said = json.load(answer)
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{address}: the routing server does not answer ({reason}). Start it, give another --osrm address, "
            "or leave --osrm out to plan over great-circle distances."
        ) from error
    if said.get("code") != "Ok" or not {"durations", "distances"} <= said.keys():
        told = said.get("message") or said.get("code")
        raise DataError(f"{address}: the routing server refused the table ({told}). Raise its --max-table-size?")
    seconds, metres = (np.array(said[name], float) for name in ("durations", "distances"))
    if metres.shape != (len(ids), len(ids)) or seconds.shape != metres.shape:
        raise DataError(f"{address}: the routing server's table is not square: {metres.shape} for {len(ids)} places.")
    return Network(ids, _whole(metres), _whole(seconds))
