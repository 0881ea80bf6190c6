"""Which trackers follow a run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from goeswith.data.shop import Shop
from goeswith.errors import UsageError
from goeswith.progress import Progress
from goeswith.tracking.run_record import RunRecord
from goeswith.tracking.tensorboard import TensorBoardTracker
from goeswith.tracking.tracker import Outcome, RunStart, Tracker, Tracking
from goeswith.tracking.weights_and_biases import WandbTracker

TRACKERS: dict[str, Callable[[], Tracker]] = {"tensorboard": TensorBoardTracker, "wandb": WandbTracker}
"""By the name of the flag. The shop's own record is always kept."""


@contextmanager
def tracked(
    shop: Shop, kind: str, settings: dict[str, Any], track: Sequence[str] = (), progress: Progress | None = None
) -> Iterator[tuple[Tracking, Outcome]]:
    """Follow what happens in this block; what it puts into the outcome is written down at its end.

    Parameters
    ----------
    track : names of TRACKERS

    Raises
    ------
    UsageError : no such tracker
    MissingExtra : its package is not installed
    """
    tracking = Tracking([RunRecord(), *open_trackers(track)], progress, shows_examples=bool(track))
    name = f"{datetime.now(UTC).strftime('%Y%m%d-%H%M%S-%f')[:-3]}-{kind}"
    outcome = Outcome()
    tracking.begin(RunStart(shop.runs / name, name, kind, settings))
    try:
        yield tracking, outcome
    except BaseException as error:
        outcome.status = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
        outcome.facts["reason"] = str(error).strip().split("\n")[0] or type(error).__name__
        raise
    finally:
        tracking.end(outcome)


def open_trackers(track: Sequence[str]) -> list[Tracker]:
    """A tracker for each of these names."""
    for name in track:
        if name not in TRACKERS:
            raise UsageError(f"--track {name}: there is no such tracker. There is: {', '.join(TRACKERS)}.")
    return [TRACKERS[name]() for name in dict.fromkeys(track)]
