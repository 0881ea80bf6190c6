"""The runs of a shop, read back from its folder."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from goeswith.data.shop import Shop
from goeswith.errors import UsageError
from goeswith.tracking.run_record import EVENTS, RUN
from goeswith.tracking.tensorboard import flat

SIGNS = "▁▂▃▄▅▆▇█"
Curves = dict[str, list[float]]


@dataclass(frozen=True)
class Run:
    """One fit or evaluation.

    status : running, finished, failed, stopped, or interrupted, where its process is no more
    seconds : in all; None while it runs, and where it was interrupted
    figures : name -> a number that says how good it was; higher is better
    """

    name: str
    kind: str
    status: str
    started: str
    seconds: float | None
    version: str | None
    figures: dict[str, float]
    stages: dict[str, float]
    memory: dict[str, float]
    settings: dict[str, Any] = field(repr=False)
    folder: Path = field(repr=False)

    @property
    def curves(self) -> Curves:
        """Losses, rates, gradients and held-out figures, by stage and name; those of epochs are named so."""
        found: Curves = {}
        for event in self.events():
            stage = event.get("stage")
            if event["event"] == "step":
                for name, told in (("loss", "loss"), ("rate", "learning rate"), ("gradient", "gradient norm")):
                    if name in event:
                        found.setdefault(f"{stage}: {told}", []).append(_number(event[name]))
            elif event["event"] == "epoch":
                for name in ("train", "validation", "test", "metric"):
                    if name in event:
                        told = "held out" if name == "metric" else f"{name} loss"
                        found.setdefault(f"{stage}: {told} by epoch", []).append(_number(event[name]))
        return found

    def events(self) -> list[dict[str, Any]]:
        """All that was written down, in order; a line that a kill cut in two is left out."""
        found = []
        file = self.folder / EVENTS
        for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found


def list_runs(shop: Shop) -> list[Run]:
    """Every run that can be read, newest first."""
    if not shop.runs.is_dir():
        return []
    folders = sorted((file.parent for file in shop.runs.glob(f"*/{RUN}")), reverse=True)
    return [run for run in map(_read, folders) if run is not None]


def named_runs(shop: Shop, names: Sequence[str]) -> list[Run]:
    """These runs, in this order; with no name, the last two that have ended.

    Raises
    ------
    UsageError : there is no such run; a name may be cut short, as long as one run alone begins with it
    """
    runs = list_runs(shop)
    if not names:
        return [run for run in runs if run.status == "finished"][1::-1]
    chosen = []
    for name in names:
        fitting = [run for run in runs if run.name.startswith(name)]
        if len(fitting) != 1 and not (fitting := [run for run in runs if run.name == name]):
            known = ", ".join(run.name for run in runs[:5]) or "none yet"
            raise UsageError(
                f"{shop.folder}: {name} names {'no run' if not fitting else 'several runs'}. There are: {known}."
            )
        chosen.append(fitting[0])
    return chosen


def different_settings(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Dotted name -> the value of each run, for settings that are not the same in all."""
    flats = [flat(run.settings) for run in runs]
    names = list(dict.fromkeys(name for each in flats for name in each))
    values = {name: [each.get(name) for each in flats] for name in names}
    return {name: given for name, given in values.items() if any(value != given[0] for value in given)}


def sparkline(values: Sequence[float], width: int = 32) -> str:
    """A curve in one line of text; each sign stands for the mean of its part.

    >>> sparkline([3.0, 2.0, 1.0])
    '█▅▁'
    """
    known = [value for value in values if value == value and abs(value) != float("inf")]
    if not known:
        return ""
    n = min(width, len(known))
    bounds = [round(at * len(known) / n) for at in range(n + 1)]
    means = [sum(known[a:b]) / (b - a) for a, b in pairwise(bounds)]
    low, spread = min(means), (max(means) - min(means)) or 1.0
    return "".join(SIGNS[min(len(SIGNS) - 1, int((mean - low) / spread * len(SIGNS)))] for mean in means)


def _read(folder: Path) -> Run | None:
    try:
        about = json.loads((folder / RUN).read_text(encoding="utf-8"))
        status = about["status"]
        if status == "running" and not _lives(int(about["process"]), about["started"]):
            status = "interrupted"
        cost = about.get("cost") or {}
        return Run(
            about["run"], about["kind"], status, about["started"], about.get("seconds"), about.get("version"),
            about.get("figures", {}), cost.get("seconds", {}), cost.get("memory", {}), about["settings"], folder,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lives(process: int, started: str) -> bool:
    """Whether that process is still the one that wrote this; numbers are given again."""
    try:
        born = psutil.Process(process).create_time()
    except psutil.Error:
        return False
    return born <= time.mktime(time.strptime(started[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + 2


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
