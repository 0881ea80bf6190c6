"""One training loop for everything that is trained by gradient: it steps, reports, judges, saves, and can resume."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from goeswith.association.checkpoint import load_checkpoint, save_checkpoint

SMOOTHING = 0.98


@dataclass(frozen=True)
class Progress:
    """Where the training stands; sent to a callback.

    epoch, epochs, step, steps : counted from 1
    loss : running mean over the last steps
    seconds_left : at the pace so far; None before the first step
    finished_epoch : the losses of an epoch that has just ended, else None
    rate, gradient : learning rate of this step (of the first group), and length of the gradient before it was clipped
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds_left: float | None
    finished_epoch: "EpochLosses | None" = None
    rate: float | None = None
    gradient: float | None = None


@dataclass(frozen=True)
class EpochLosses:
    """Losses per epoch, and the figure that decides (higher is better); None where there is nothing to measure on."""

    epoch: int
    train: float
    validation: float | None = None
    test: float | None = None
    metric: float | None = None


@dataclass
class Course:
    """How the training went; kept in the checkpoint.

    start_metric, best_metric : before the first step, and after the best epoch
    stopped : why it ended before its last step, "" if it did not
    seconds, training_seconds : in all, and in steps alone
    """

    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0
    running: float | None = None
    start_metric: float | None = None
    best_metric: float | None = None
    best_epoch: int = 0
    epochs: list[EpochLosses] = field(default_factory=list)
    stopped: str = ""

    @property
    def improved(self) -> bool:
        """Whether any epoch beat the start; true as well where nothing could be measured."""
        if self.best_metric is None or self.start_metric is None:
            return not self.stopped.startswith("the loss")
        return self.best_metric > self.start_metric


@dataclass(frozen=True)
class Schedule:
    """Steps, and when to look up from them.

    rates : learning rate of each group of parameters
    warm_up : share of the steps in which the rate rises; then it falls linearly
    patience : epochs without a better metric before it stops
    seconds : ends the training when they are over
    """

    steps: int
    epochs: int
    rates: dict[str, float]
    weight_decay: float = 0.01
    warm_up: float = 0.05
    patience: int = 2
    seconds: float | None = None
    save_every: float = 30.0


def run(
    groups: dict[str, list[nn.Parameter]],
    backward: Callable[[int], float],
    schedule: Schedule,
    *,
    losses: Callable[[], tuple[float | None, float | None]] = lambda: (None, None),
    metric: Callable[[], float] | None = None,
    checkpoint: Path | None = None,
    identity: str = "",
    report: Callable[[Progress], None] | None = None,
) -> Course:
    """Train in place; afterwards the parameters are those of the best epoch (of the start, if none was better).

    Without a step, nothing is trained and the metric is taken once.

    Parameters
    ----------
    groups : parameters by name; `schedule.rates` has the same names
    backward : step (from 0) -> loss; leaves gradients. It must depend on the step alone, so that a resumed run
        repeats what an unbroken one does
    losses : -> validation and test loss, once an epoch
    metric : higher is better; decides about early stopping and which epoch is kept. None keeps the last
    checkpoint : a folder; the state is written there now and then, and read from there first
    identity : says what is trained on what; a checkpoint of something else is not resumed
    report : told about every step and every epoch
    """
    parameters = [p for own in groups.values() for p in own]
    if not schedule.steps:
        figure = metric() if metric else None
        return Course(start_metric=figure, best_metric=figure)
    optimizer = torch.optim.AdamW(
        [{"params": own, "lr": schedule.rates[name]} for name, own in groups.items()],
        weight_decay=schedule.weight_decay,
    )
    course = Course(steps=schedule.steps)
    best = [p.detach().clone() for p in parameters]
    resumed = load_checkpoint(checkpoint, identity, parameters, optimizer, best) if checkpoint else None
    if resumed:
        course = Course(**{**resumed, "epochs": [EpochLosses(**epoch) for epoch in resumed["epochs"]]})
    if course.start_metric is None and metric:
        course.start_metric = course.best_metric = metric()
    per_epoch = max(1, math.ceil(course.steps / schedule.epochs))
    began, saved, first = time.monotonic() - course.seconds, time.monotonic(), course.step
    started = time.monotonic()

    def save() -> None:
        course.seconds = time.monotonic() - began
        if checkpoint:
            save_checkpoint(checkpoint, identity, parameters, optimizer, best, asdict(course))

    while course.step < course.steps and not course.stopped:
        for own, (name, _) in zip(optimizer.param_groups, groups.items(), strict=True):
            own["lr"] = schedule.rates[name] * _rate(course.step, course.steps, schedule.warm_up)
        optimizer.zero_grad(set_to_none=True)
        step_began = time.monotonic()
        loss = backward(course.step)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if not (math.isfinite(loss) and bool(torch.isfinite(norm))):
            course.stopped = (
                f"the loss was not a number at step {course.step + 1}: most likely the learning rate is too high "
                f"({', '.join(f'{name} {rate:g}' for name, rate in schedule.rates.items())}). "
                "The last good state is kept"
            )
            break
        optimizer.step()
        course.training_seconds += time.monotonic() - step_began
        course.step += 1
        course.running = loss if course.running is None else SMOOTHING * course.running + (1 - SMOOTHING) * loss
        finished = None
        if course.step % per_epoch == 0 or course.step == course.steps:
            finished = _finish_epoch(course, per_epoch, losses, metric, schedule.patience, parameters, best)
            save()
            saved = time.monotonic()
        elif checkpoint and time.monotonic() - saved > schedule.save_every:
            save()
            saved = time.monotonic()
        if schedule.seconds and time.monotonic() - began > schedule.seconds and course.step < course.steps:
            course.stopped = f"its {schedule.seconds:.0f} seconds were over after step {course.step} of {course.steps}"
            if finished is None:
                finished = _finish_epoch(course, per_epoch, losses, metric, schedule.patience, parameters, best)
        if report:
            pace = (time.monotonic() - started) / (course.step - first)
            left = 0.0 if course.stopped else pace * (course.steps - course.step)
            epoch = math.ceil(course.step / per_epoch)
            epochs = math.ceil(course.steps / per_epoch)
            rate = float(optimizer.param_groups[0]["lr"])
            where = (epoch, epochs, course.step, course.steps)
            report(Progress(*where, course.running, left, finished, rate, float(norm)))
    with torch.no_grad():
        for parameter, kept in zip(parameters, best, strict=True):
            parameter.copy_(kept)
    course.seconds = time.monotonic() - began
    return course


def _finish_epoch(
    course: Course,
    per_epoch: int,
    losses: Callable[[], tuple[float | None, float | None]],
    metric: Callable[[], float] | None,
    patience: int,
    parameters: list[nn.Parameter],
    best: list[torch.Tensor],
) -> EpochLosses:
    validation, test = losses()
    epoch = EpochLosses(
        epoch=math.ceil(course.step / per_epoch),
        train=course.running if course.running is not None else math.nan,
        validation=validation,
        test=test,
        metric=metric() if metric else None,
    )
    course.epochs.append(epoch)
    if epoch.metric is None or course.best_metric is None or epoch.metric > course.best_metric:
        course.best_metric, course.best_epoch = epoch.metric, epoch.epoch
        for kept, parameter in zip(best, parameters, strict=True):
            kept.copy_(parameter.detach())
    elif epoch.epoch - course.best_epoch >= patience and course.step < course.steps:
        course.stopped = f"no better after {patience} epochs (best {course.best_epoch})"
    return epoch


def _rate(step: int, steps: int, warm_up: float) -> float:
    rising = max(1, round(warm_up * steps))
    return min(1.0, (step + 1) / rising) * max(0.02, 1 - step / steps)
