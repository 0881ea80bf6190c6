"""A run in Weights & Biases: on its server, or in a folder that is sent later (WANDB_MODE=offline, wandb sync)."""

import os
from collections.abc import Sequence
from netrc import NetrcParseError, netrc
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import MissingExtra
from goeswith.progress import Epoch, Event, Step
from goeswith.tracking.tracker import Lists, Outcome, RunStart

PATIENCE = 15.0
"""Seconds that the server may take to answer."""
PROJECTED = 2_000


class WandbTracker:
    """Losses, learning rate, gradient norm, validation figures, example lists and vectors as tables.

    WANDB_MODE and the login decide where it goes, as always with Weights & Biases. Where its server does not answer,
    the run is kept offline in its own folder.

    Raises
    ------
    MissingExtra : the extra track is not installed
    """

    name = "Weights & Biases"

    def __init__(self) -> None:
        try:
            import wandb
        except ImportError as error:
            raise MissingExtra("Tracking with Weights & Biases", "track") from error
        self._wandb: Any = wandb
        self._run: Any = None
        self._steps = 0

    def begin(self, run: RunStart) -> str:
        asked = os.environ.get("WANDB_MODE")
        wanted = asked or ("online" if _is_logged_in() else "offline")
        try:
            self._run = self._start(run, wanted)
        except Exception as error:
            if wanted == "offline":
                raise
            self._wandb.teardown()
            self._run = self._start(run, "offline")
            reason = str(error).strip().split("\n")[0]
            return f"the server did not answer ({reason}); kept offline, send it later with: {self._sync}"
        return f"kept offline, send it with: {self._sync}" if wanted == "offline" else f"{self._run.url}"

    def tell(self, event: Event) -> None:
        match event:
            case Step(stage, _, _, loss, _, rate, gradient) if loss is not None:
                self._log(stage, {"loss": loss, "learning rate": rate, "gradient norm": gradient})
            case Epoch(stage, _, train, validation, test, metric):
                losses = {"train loss": train, "validation loss": validation, "test loss": test, "held out": metric}
                self._log(f"{stage}, by epoch", losses)

    def lists(self, stage: str, epoch: int, lists: Lists) -> None:
        rows = [[epoch, product, ", ".join(near)] for product, near in lists.items()]
        self._run.log({f"{stage}: nearest products": self._wandb.Table(["epoch", "product", "nearest"], rows)})

    def vectors(self, name: str, labels: Sequence[str], vectors: NDArray[np.float32]) -> None:
        columns = ["product", *(f"d{at}" for at in range(vectors.shape[1]))]
        rows = [[label, *map(float, vector)] for label, vector in zip(labels[:PROJECTED], vectors, strict=False)]
        self._run.log({name: self._wandb.Table(columns, rows)})

    def end(self, outcome: Outcome) -> None:
        for name, value in outcome.facts.get("figures", {}).items():
            self._run.summary[name] = value
        self._run.finish(exit_code=0 if outcome.status == "finished" else 1)

    def _start(self, run: RunStart, mode: str) -> Any:
        # Its pauses and its chatter are bounded: the fit must not wait for a server, nor lose its own lines.
        settings = self._wandb.Settings(init_timeout=PATIENCE, login_timeout=PATIENCE, silent=True, console="off")
        self._folder = run.folder
        return self._wandb.init(
            project="goeswith", name=run.name, dir=str(run.folder), config=run.settings, mode=mode, settings=settings,
            job_type=run.kind,
        )  # fmt: skip

    @property
    def _sync(self) -> str:
        return f"wandb sync {self._folder / 'wandb'}/offline-run-*"

    def _log(self, stage: str, figures: dict[str, float | None]) -> None:
        self._run.log({f"{stage}/{name}": value for name, value in figures.items() if value is not None})


def _is_logged_in() -> bool:
    """Whether a key is there, in the environment or where `wandb login` puts it; no server is asked."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return any("wandb" in host for host in netrc().hosts)
    except (OSError, NetrcParseError):
        return False
