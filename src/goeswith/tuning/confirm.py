"""Whole fits of the settings a study began with and of those it found: the small fits of trials compare, no more."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goeswith.data.atomic import file_aside
from goeswith.evaluation.intervals import Interval
from goeswith.tuning.recalls import Recalls, from_lists, gain, mean_recall, to_lists

SHARE = 0.4
"""Of the budget, kept for the two whole fits."""
START = "start"


@dataclass(frozen=True)
class Whole:
    """A whole fit, judged; seconds that it took."""

    recalls: Recalls
    seconds: float

    @property
    def mean(self) -> float:
        return mean_recall(self.recalls)


def whole_fit(folder: Path, name: str, fit: Callable[[], Whole]) -> Whole:
    """A whole fit of these settings; the study keeps what came of it, so that no later call repeats it.

    Parameters
    ----------
    name : `START`, or the number of a trial
    """
    file = _file(folder, name)
    if not file.is_file():
        found = fit()
        kept = {"seconds": round(found.seconds, 1), "recall": to_lists(found.recalls)}
        with file_aside(file) as aside:
            aside.write_text(json.dumps(kept))
    return _read(file)


def whole_seconds(folder: Path) -> float:
    """What whole fits of this study took so far."""
    return sum(_read(file).seconds for file in (folder / "trials").glob("whole-*.json"))


def borne_out(folder: Path, trial: int) -> tuple[Whole, Whole, Interval] | None:
    """The whole fits of a trial's settings and of the start, and their difference; None until both are there."""
    try:
        found, start = _read(_file(folder, str(trial))), _read(_file(folder, START))
    except OSError:
        return None
    return found, start, gain(found.recalls, start.recalls)


def _file(folder: Path, name: str) -> Path:
    return folder / "trials" / f"whole-{name}.json"


def _read(file: Path) -> Whole:
    kept: dict[str, Any] = json.loads(file.read_text())
    return Whole(from_lists(kept["recall"]), kept["seconds"])
