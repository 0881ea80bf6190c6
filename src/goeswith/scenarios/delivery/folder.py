"""A plan on disk: tables for people, GeoJSON and a map for their maps, and the whole of it to plan again from."""

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from goeswith.data.atomic import disk_errors, file_aside
from goeswith.errors import DataError
from goeswith.scenarios.delivery.pictures import to_geojson, to_svg
from goeswith.scenarios.delivery.plan import Plan

PLAN = "plan.json"
FILES = ("routes.csv", "loads.csv", "plan.geojson", "map.svg", PLAN)


def write_plan(plan: Plan, folder: Path) -> list[Path]:
    """Write FILES, each in one step, the plan itself last."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "routes.csv": plan.to_frame().write_csv(),
        "loads.csv": plan.loads_frame().write_csv(),
        "plan.geojson": json.dumps(to_geojson(plan), ensure_ascii=False, indent=1),
        "map.svg": to_svg(plan),
        PLAN: TypeAdapter(Plan).dump_json(plan).decode(),
    }
    for name in FILES:
        with file_aside(folder / name) as aside:
            aside.write_text(texts[name], encoding="utf-8")
    return [folder / name for name in FILES]


def read_plan(folder: Path) -> Plan:
    """The plan of a folder.

    Raises
    ------
    DataError : there is none, or it is damaged
    """
    path = folder / PLAN
    try:
        return TypeAdapter(Plan).validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no plan. Make one: goeswith delivery SHOP plan --out {folder}") from error
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: the plan cannot be read. Make it again with goeswith delivery SHOP plan.") from error
