"""What a judgement found, kept beside the shop for the pages that show it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goeswith.data.shop import Shop
from goeswith.evaluation.judged import Cases
from goeswith.evaluation.reliability import expected_calibration_error, reliability_curve
from goeswith.evaluation.report import Report


def folder_for(shop: Path) -> Path:
    return shop / "serve" / "console" / "judged"


def keep(report: Report, shop: Shop, version: str, parts: list[dict[str, Any]] | None = None) -> str:
    """Write a report down as the judgement beside this version, and name the file."""
    told = {
        **report.to_dict(),
        "version": version,
        "judged": datetime.now(UTC).isoformat(timespec="seconds"),
        "ablation": parts or [],
        "losses": {name: list(map(float, values)) for name, values in report.losses.items()},
        "reliability": {name: _curve(cases) for name, cases in report.probability.items()},
    }
    home = folder_for(shop.folder)
    home.mkdir(parents=True, exist_ok=True)
    file = home / f"{version}.json"
    file.write_text(json.dumps(told, ensure_ascii=False, default=str))
    return file.name


def judgement(shop: Path, version: str) -> dict[str, Any] | None:
    """The judgement of this version; the newest of any other where it has none, which says of which it is."""
    home = folder_for(shop)
    files = sorted(home.glob("*.json"), reverse=True) if home.is_dir() else []
    best = next((file for file in files if file.stem == version), files[0] if files else None)
    if best is None:
        return None
    told: dict[str, Any] = json.loads(best.read_text())
    return told


def _curve(cases: Cases) -> dict[str, Any]:
    said, came, weight = cases
    curve = reliability_curve(said, came, weight=weight)
    return {"bins": curve.to_dicts(), "error": expected_calibration_error(said, came, weight=weight)}
