"""What a long piece of work tells whoever watches it.

Work takes `progress: Progress | None` and calls it with one of four events; who calls decides how they are shown.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A named part of the work begins; it ends when the next one begins.

    seconds_left : for this stage, where it can be foreseen
    """

    name: str
    seconds_left: float | None = None


@dataclass(frozen=True)
class Step:
    """`done` of `total` steps of a stage; while something learns, with the running loss.

    rate, gradient : learning rate of this step, and length of the gradient before it was clipped
    """

    stage: str
    done: int
    total: int
    loss: float | None = None
    seconds_left: float | None = None
    rate: float | None = None
    gradient: float | None = None


@dataclass(frozen=True)
class Epoch:
    """The losses at the end of an epoch (from 1); None where a slice is not there.

    metric : the held-out figure that decides, higher is better
    """

    stage: str
    epoch: int
    train: float
    validation: float | None
    test: float | None = None
    metric: float | None = None


@dataclass(frozen=True)
class Note:
    """Something worth knowing that is no failure: a choice that was made, a checkpoint that is resumed."""

    text: str


Event = Stage | Step | Epoch | Note
Progress = Callable[[Event], None]
