"""Long work as the console starts, watches and stops it: fits, judgements, inventory runs. All it knows stands in
files: a page that was away, or a service that was started anew, finds its work again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import psutil

from goeswith.errors import UsageError
from goeswith.serve.console.fit_process import JOB, PROGRESS

Kind = Literal["fit", "evaluate", "inventory"]
DIED = (
    "The process ended without a word; most often the machine had too little memory and ended it. "
    "Close other programs, "
)
WAY_OUT = {"inventory": "or ask for fewer products."}
POINTS = 300
"""Of a curve of losses, so many points are shown."""


class Fitting:
    """The latest work of one sort on a shop."""

    def __init__(self, shop: Path, folder: Path) -> None:
        self.shop, self.folder = shop, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, kind: Kind, actor: str, config: Mapping[str, Any] | None = None, version: str = "") -> None:
        """
        Raises
        ------
        UsageError : one is running
        """
        if self.is_running():
            raise UsageError("One is running already. Watch it, or cancel it first.")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / PROGRESS).unlink(missing_ok=True)
        job: dict[str, Any] = {"kind": kind, "by": actor, "config": dict(config or {}), "version": version}
        (self.folder / JOB).write_text(json.dumps(job))
        command = [sys.executable, "-m", "goeswith.serve.console.fit_process", str(self.shop), str(self.folder)]
        with (self.folder / "stderr.txt").open("wb") as told:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True
            )
        born = psutil.Process(self._process.pid).create_time()
        job |= {"pid": self._process.pid, "born": born, "started": time.time()}
        aside = self.folder / "job.aside"
        aside.write_text(json.dumps(job))
        os.replace(aside, self.folder / JOB)

    def cancel(self) -> None:
        """Stop it. What fine-tuning had learned by its last checkpoint is there for the next fit."""
        job = self._job()
        if not self.is_running():
            return
        with (self.folder / PROGRESS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"at": time.time(), "kind": "cancelled"}) + "\n")
        os.kill(int(job["pid"]), signal.SIGTERM)
        end = time.monotonic() + 10
        while self.is_running() and time.monotonic() < end:
            time.sleep(0.05)
        if self.is_running():
            os.kill(int(job["pid"]), signal.SIGKILL)

    def is_running(self) -> bool:
        job = self._job()
        if "pid" not in job:
            return False
        if self._process is not None and self._process.pid == job["pid"]:
            return self._process.poll() is None
        try:
            found = psutil.Process(int(job["pid"]))
            return abs(found.create_time() - job["born"]) < 1 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def state(self, expected: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Everything a page shows.

        Parameters
        ----------
        expected : seconds by stage of an earlier fit, from which the time left is foreseen
        """
        job = self._job()
        if not job:
            return {"state": "none"}
        running = self.is_running()  # before the lines are read: what ends in between has written its last one
        lines = self._lines()
        told = _read(lines)
        ending = next((line for line in reversed(lines) if line["kind"] in ("done", "failed", "cancelled")), None)
        state = "running" if running else ending["kind"] if ending else "failed"
        message = (ending or {}).get("message", "")
        if state == "failed" and ending is None:
            message = DIED + WAY_OUT.get(job["kind"], "or fit with the quick setting.")
        return {
            **told,
            "state": state,
            "kind": job["kind"],
            "by": job["by"],
            "started": job.get("started"),
            "elapsed": ((time.time() if running else lines[-1]["at"]) if lines or running else 0)
            - job.get("started", 0)
            if job.get("started")
            else 0,
            "message": message,
            "version": (ending or {}).get("version", ""),
            "left": _left(told, expected or {}) if running else None,
        }

    def config(self) -> dict[str, Any]:
        """What the latest one was asked for."""
        return dict(self._job().get("config", {}))

    def _job(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads((self.folder / JOB).read_text())
            return told
        except (OSError, ValueError):
            return {}

    def _lines(self) -> list[dict[str, Any]]:
        try:
            with (self.folder / PROGRESS).open(encoding="utf-8") as stream:
                return [json.loads(line) for line in stream if line.endswith("\n")]
        except (OSError, ValueError):
            return []


def _read(lines: list[dict[str, Any]]) -> dict[str, Any]:
    stages: list[dict[str, Any]] = []
    losses: dict[str, list[tuple[float, float]]] = {}
    epochs: list[dict[str, Any]] = []
    notes: list[str] = []
    begun: dict[str, int] = {}
    for line in lines:
        if line["kind"] == "stage":
            begun[line["name"]] = begun.get(line["name"], 0) + 1
            if stages:
                stages[-1]["seconds"] = line["at"] - stages[-1]["at"]
            nth = begun[line["name"]]
            stages.append(
                {
                    "name": line["name"],
                    "nth": nth,
                    "at": line["at"],
                    "seconds": None,
                    "done": 0,
                    "total": 0,
                    "left": None,
                }
            )
        elif line["kind"] == "step" and stages:
            stages[-1].update(done=line["done"], total=line["total"], left=line.get("seconds_left"))
            if line.get("loss") is not None:
                nth = begun.get(line["stage"], 1)  # what is learnt on each slice has a curve of its own
                losses.setdefault(line["stage"] + (f" ({nth})" if nth > 1 else ""), []).append(
                    (line["done"], line["loss"])
                )
        elif line["kind"] == "epoch":
            epochs.append(line)
        elif line["kind"] == "note":
            notes.append(line["text"])
        elif stages and stages[-1]["seconds"] is None:
            stages[-1]["seconds"] = line["at"] - stages[-1]["at"]
    thinned = {name: points[:: max(1, len(points) // POINTS)] for name, points in losses.items()}
    return {"stages": stages, "losses": thinned, "epochs": epochs, "notes": notes}


def _left(told: dict[str, Any], expected: Mapping[str, float]) -> float | None:
    """Seconds until the end: as an earlier fit took for the stages that are still to come."""
    if not expected:
        return None
    spent: dict[str, float] = {}
    for stage in told["stages"]:
        spent[stage["name"]] = spent.get(stage["name"], 0.0) + (stage["seconds"] or time.time() - stage["at"])
    return sum(max(seconds - spent.get(name, 0.0), 0.0) for name, seconds in expected.items())
