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
    """`done` of `total` steps of a stage, with the running loss while something learns."""

    stage: str
    done: int
    total: int
    loss: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class Epoch:
    """The losses at the end of an epoch (from 1); None where a slice is not there."""

    stage: str
    epoch: int
    train: float
    validation: float | None
    test: float | None = None


@dataclass(frozen=True)
class Note:
    """Something worth knowing that is no failure: a choice that was made, a checkpoint that is resumed."""

    text: str


Event = Stage | Step | Epoch | Note
Progress = Callable[[Event], None]
