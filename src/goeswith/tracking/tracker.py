"""What follows a fit from beside it, and is never allowed to stop it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from goeswith.progress import Event, Note, Progress

Lists = Mapping[str, Sequence[str]]
"""A product's name -> the names of what is nearest to it."""


@dataclass(frozen=True)
class RunStart:
    """What is known of a run before its first step.

    folder : its own, below the shop's runs/; name : that folder's
    kind : "fit" or "evaluate"
    settings : the config as plain values
    """

    folder: Path
    name: str
    kind: str
    settings: dict[str, Any]


@dataclass
class Outcome:
    """How a run ended. status : "finished", "failed" or "stopped"; facts : plain values, by name."""

    status: str = "finished"
    facts: dict[str, Any] = field(default_factory=dict)


class Tracker(Protocol):
    """Follows a run. Each method may fail; then this tracker is left out, and the run goes on."""

    name: str

    def begin(self, run: RunStart) -> str:
        """Called once; what it answers is told to the user, "" for nothing."""
        ...

    def tell(self, event: Event) -> None: ...
    def lists(self, stage: str, epoch: int, lists: Lists) -> None: ...
    def vectors(self, name: str, labels: Sequence[str], vectors: NDArray[np.float32]) -> None: ...
    def end(self, outcome: Outcome) -> None: ...


@dataclass
class Tracking:
    """All trackers of one run.

    say : hears what a tracker answers, and which one was left out and why
    shows_examples : whether lists and vectors are worth making; they cost a few seconds an epoch
    """

    trackers: list[Tracker]
    say: Progress | None = None
    shows_examples: bool = False

    def begin(self, run: RunStart) -> None:
        def one(tracker: Tracker) -> None:
            if answer := tracker.begin(run):
                self._say(f"{tracker.name}: {answer}")

        self._each(one)

    def tell(self, event: Event) -> None:
        self._each(lambda tracker: tracker.tell(event))

    def lists(self, stage: str, epoch: int, lists: Lists) -> None:
        self._each(lambda tracker: tracker.lists(stage, epoch, lists))

    def vectors(self, name: str, labels: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self._each(lambda tracker: tracker.vectors(name, labels, vectors))

    def end(self, outcome: Outcome) -> None:
        self._each(lambda tracker: tracker.end(outcome))

    def _each(self, do: Callable[[Tracker], None]) -> None:
        for tracker in list(self.trackers):
            try:
                do(tracker)
            except Exception as error:
                self.trackers.remove(tracker)
                reason = str(error).strip().split("\n")[0] or type(error).__name__
                self._say(f"{tracker.name} is left out from here on ({reason}); the fit itself goes on")

    def _say(self, text: str) -> None:
        if self.say is not None:
            self.say(Note(text))
