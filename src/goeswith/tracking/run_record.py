"""The shop's own record of a run: two small files in its folder that need no other program to be read."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from goeswith.data.atomic import file_aside
from goeswith.progress import Epoch, Event, Note, Stage, Step
from goeswith.tracking.tracker import Lists, Outcome, RunStart

RUN, EVENTS = "run.json", "events.jsonl"
FORMAT = 1
STEPS_KEPT = 200
"""Of a stage with more steps, about so many are written down."""


class RunRecord:
    """Writes run.json (what it was, how it ended) and events.jsonl (one event a line, as it happens). A `Tracker`."""

    name = "the shop's own record"

    def __init__(self) -> None:
        self._stream: TextIO | None = None
        self._folder = Path()
        self._about: dict[str, Any] = {}
        self._began = 0.0

    def begin(self, run: RunStart) -> str:
        run.folder.mkdir(parents=True)
        self._folder, self._began = run.folder, perf_counter()
        self._about = {
            "format": FORMAT, "run": run.name, "kind": run.kind, "status": "running", "process": os.getpid(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"), "settings": run.settings,
        }  # fmt: skip
        self._write_about()
        self._stream = (run.folder / EVENTS).open("w", encoding="utf-8")
        return ""

    def tell(self, event: Event) -> None:
        if isinstance(event, Step) and event.done % max(1, event.total // STEPS_KEPT) and event.done != event.total:
            return
        known = {name: value for name, value in asdict(event).items() if value is not None and name != "seconds_left"}
        self._write(KINDS[type(event)], known)

    def lists(self, stage: str, epoch: int, lists: Lists) -> None:
        self._write("lists", {"stage": stage, "epoch": epoch, "lists": {name: list(of) for name, of in lists.items()}})

    def vectors(self, name: str, labels: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Not kept: the model version has them."""

    def end(self, outcome: Outcome) -> None:
        seconds = round(perf_counter() - self._began, 2)
        self._about |= {"status": outcome.status, "seconds": seconds, **outcome.facts}
        self._about.pop("process")
        if self._stream is not None:
            self._stream.close()
        self._write_about()

    def _write(self, kind: str, values: dict[str, Any]) -> None:
        if self._stream is None:
            return
        plain = {n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in values.items()}
        line = {"seconds": round(perf_counter() - self._began, 2), "event": kind, **plain}
        self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()

    def _write_about(self) -> None:
        with file_aside(self._folder / RUN) as aside:
            aside.write_text(json.dumps(self._about, indent=2, ensure_ascii=False, default=str), encoding="utf-8")


KINDS: dict[type, str] = {Stage: "stage", Step: "step", Epoch: "epoch", Note: "note"}
