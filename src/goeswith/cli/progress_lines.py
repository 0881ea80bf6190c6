"""Progress on stderr: one line that moves on a terminal, plain lines everywhere else."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from goeswith.progress import Epoch, Event, Note, Progress, Stage, Step

BAR = 24
PLAIN_EVERY = 15.0  # seconds between two plain lines of one stage
REDRAW_EVERY = 0.1


class PlainProgress:
    """For logs and pipes: stages, epochs and notes at once, steps now and then."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = stream or sys.stderr, clock
        self._last = clock()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step) and self.clock() - self._last < PLAIN_EVERY:
            return
        self._last = self.clock()
        print(described(event), file=self.stream, flush=True)


class ProgressBar:
    """For a terminal: the current stage as one line that is drawn over itself."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = stream or sys.stderr, clock
        self._drawn, self._open = -REDRAW_EVERY, False

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step):
            if self.clock() - self._drawn >= REDRAW_EVERY or event.done >= event.total:
                self._drawn, self._open = self.clock(), True
                filled = BAR * event.done // max(event.total, 1)
                self._write(f"\r\x1b[K  {'━' * filled}{'╌' * (BAR - filled)} {described(event).strip()}")
            return
        self.close()
        self._write(described(event) + "\n")

    def close(self) -> None:
        """Leave the moving line behind."""
        if self._open:
            self._write("\n")
        self._open = False

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def progress_for(stream: TextIO | None = None) -> Progress:
    """Whichever of the two suits where stderr goes."""
    wanted = stream or sys.stderr
    return ProgressBar(wanted) if wanted.isatty() else PlainProgress(wanted)


def described(event: Event) -> str:
    """
    >>> described(Step("fine-tune", 50, 200, loss=1.25, seconds_left=75))
    '  fine-tune 50/200, loss 1.250, 1 min 15 s left'
    >>> described(Epoch("fine-tune", 1, train=1.2, validation=1.5))
    '  fine-tune, epoch 1: train loss 1.200, validation loss 1.500'
    """
    match event:
        case Stage(name, seconds_left):
            return name + (f" (about {spell(seconds_left)})" if seconds_left is not None else "")
        case Step(stage, done, total, loss, seconds_left):
            parts = [f"  {stage} {done:,}/{total:,}"]
            parts += [f"loss {loss:.3f}"] if loss is not None else []
            parts += [f"{spell(seconds_left)} left"] if seconds_left is not None else []
            return ", ".join(parts)
        case Epoch(stage, epoch, train, validation, test):
            slices = {"train": train, "validation": validation, "test": test}
            losses = [f"{name} loss {value:.3f}" for name, value in slices.items() if value is not None]
            return f"  {stage}, epoch {epoch}: " + ", ".join(losses)
        case Note(text):
            return f"  {text}"


def spell(seconds: float) -> str:
    """
    >>> spell(4.2), spell(75), spell(7300)
    ('4 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
