"""An itinerary on disk: a table, GeoJSON and a map without tiles."""

import json
from pathlib import Path

from goeswith.data.atomic import disk_errors, file_aside
from goeswith.scenarios.itinerary.itinerary import Itinerary


def write_itinerary(made: Itinerary, folder: Path) -> list[Path]:
    """itinerary.csv, itinerary.geojson and map.svg, each in one step."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "itinerary.csv": made.to_frame().write_csv(),
        "itinerary.geojson": json.dumps(made.to_geojson(), ensure_ascii=False, indent=1),
    }
    if any(day.visits for day in made.days):
        texts["map.svg"] = made.to_svg()
    for name, text in texts.items():
        with file_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]
