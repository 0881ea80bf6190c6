"""What a traveller gets: days with times, what each leg was likely to be, and what to take along."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from goeswith.scenarios.clock import hour_and_minute
from goeswith.scenarios.drawing import Mark, Way, colour_of, drawn


@dataclass(frozen=True)
class Visit:
    """probability : that this is the next point, given those before, the time and the interest"""

    product_id: Any
    name: str
    theme: str
    latitude: float
    longitude: float
    arrives: int
    begins: int
    ends: int
    price: float
    must: bool
    probability: float


@dataclass(frozen=True)
class PlannedDay:
    """meals : name, begins, ends"""

    date: date
    leaves: int
    home: int
    visits: tuple[Visit, ...]
    meals: tuple[tuple[str, int, int], ...] = ()
    suggestions: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Itinerary:
    """Days with their points. notes : what was set aside or could not be had"""

    days: tuple[PlannedDay, ...]
    start: tuple[float, float] | None = None
    end: tuple[float, float] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def price(self) -> float:
        return sum(visit.price for day in self.days for visit in day.visits)

    def to_frame(self) -> pl.DataFrame:
        """date, from, until, what ("visit" or "meal"), product_id, name, theme, price, probability; by time."""
        rows: list[dict[str, Any]] = []
        for day in self.days:
            steps = [
                {
                    "at": visit.begins,
                    "date": day.date.isoformat(),
                    "from": hour_and_minute(visit.begins),
                    "until": hour_and_minute(visit.ends),
                    "what": "visit",
                    "product_id": str(visit.product_id),
                    "name": visit.name,
                    "theme": visit.theme,
                    "price": visit.price,
                    "probability": visit.probability,
                }
                for visit in day.visits
            ]
            for name, begins, ends in day.meals:
                told = {"at": begins, "date": day.date.isoformat(), "from": hour_and_minute(begins)}
                steps.append({**told, "until": hour_and_minute(ends), "what": "meal", "name": name})
            rows += sorted(steps, key=lambda step: step["at"])
        texts = dict.fromkeys(("date", "from", "until", "what", "product_id", "name", "theme"), pl.String)
        return pl.DataFrame(rows, schema={**texts, "price": pl.Float64, "probability": pl.Float64})

    def to_geojson(self) -> dict[str, Any]:
        """A line a day, a point a visit (RFC 7946)."""
        features: list[dict[str, Any]] = []
        for number, day in enumerate(self.days, start=1):
            line = [[lon, lat] for lat, lon in self._line(day)]
            if len(line) > 1:
                geometry = {"type": "LineString", "coordinates": line}
                told = {"day": number, "date": day.date.isoformat()}
                features.append({"type": "Feature", "geometry": geometry, "properties": told})
            for place, visit in enumerate(day.visits, start=1):
                told = {
                    "day": number,
                    "place": place,
                    "product_id": visit.product_id,
                    "name": visit.name,
                    "theme": visit.theme,
                    "from": hour_and_minute(visit.begins),
                    "until": hour_and_minute(visit.ends),
                }
                point = {"type": "Point", "coordinates": [visit.longitude, visit.latitude]}
                features.append({"type": "Feature", "geometry": point, "properties": told})
        return {"type": "FeatureCollection", "features": features}

    def to_svg(self) -> str:
        """The map without tiles: a colour a day, numbers in order."""
        marks, ways = [], []
        for number, day in enumerate(self.days):
            for place, visit in enumerate(day.visits, start=1):
                label = f"{visit.name}, {day.date} {hour_and_minute(visit.begins)}"
                marks.append(
                    Mark(visit.latitude, visit.longitude, label, f"{place} {visit.name}", "stop", colour_of(number))
                )
            ways.append(Way(tuple(self._line(day)), f"{day.date}: {len(day.visits)} points", colour_of(number)))
        for name, where in (("start", self.start), ("end", self.end)):
            if where is not None:
                marks.append(Mark(where[0], where[1], name, kind="depot"))
        return drawn(f"{len(self.days)} days" if len(self.days) > 1 else str(self.days[0].date), marks, ways)

    def _line(self, day: PlannedDay) -> list[tuple[float, float]]:
        inner = [(visit.latitude, visit.longitude) for visit in day.visits]
        return [*([self.start] if self.start else []), *inner, *([self.end] if self.end else [])]
