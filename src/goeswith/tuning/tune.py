"""goeswith tune: trials until the budget is spent, each judged on a slice that no later evaluation uses."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from goeswith.config import FitConfig
from goeswith.data.atomic import file_aside
from goeswith.data.cut import Split, default_split
from goeswith.data.log import Log
from goeswith.data.shop import Shop
from goeswith.diary import Diary
from goeswith.errors import DataError, GoesWithError, UsageError
from goeswith.evaluation.exam import ExamConfig, build_exam
from goeswith.evaluation.intervals import Interval
from goeswith.evaluation.outcome import sit
from goeswith.evaluation.protocol import Exam
from goeswith.flow import learn, with_encoder
from goeswith.language.encoder import load_encoder
from goeswith.progress import Epoch, Event, Note, Progress, Stage
from goeswith.tuning.confirm import SHARE, START, Whole, borne_out, whole_fit, whole_seconds
from goeswith.tuning.page import study_page
from goeswith.tuning.recalls import Recalls, from_lists, gain, mean_recall, to_lists
from goeswith.tuning.space import merged, nearest_to, round_to, settings_of, suggest, templates_of
from goeswith.tuning.study import (
    BASE,
    BORN,
    PROCESS,
    SECONDS,
    Identity,
    folder_of_study,
    imported_optuna,
    open_study,
    spent,
)
from goeswith.tuning.toml import to_toml

if TYPE_CHECKING:
    import optuna

SMALL: dict[str, Any] = {
    "finetune": {"batch": 24, "history": 2, "seconds": 45.0},
    "features": {"steps": 250},
    "learning": {"n_customers": 800, "n_baskets": 1_600, "n_related": 300, "slices": 1},
}
"""A trial learns from so much at most, and is judged by so few questions a task: it compares, no more. Whole fits with
the settings as they were and as they were found decide (`confirm.py`)."""
QUESTIONS = 250
K = 10
SETTINGS = "fit.toml"
REPORT = "report.html"
MOST_FAILURES = 3
OF_A_FIT = (GoesWithError, ValueError, RuntimeError, ArithmeticError)
"""What settings may bring about; anything else is not theirs."""
WORTH_IT = 0.5
"""Share of a usual trial's time below which no further one is begun."""


@dataclass(frozen=True)
class Tuned:
    """What a study has found so far.

    settings : what to lay over the settings it began with; empty where nothing was better than those
    value, base : mean capped recall over the tasks, of the best trial and of the settings it began with
    gain : best less base with its interval, question by question; None until both are there
    whole, whole_base, whole_gain : the same of whole fits, which decide; None until both were made
    trials : finished, pruned and failed; seconds : spent in all
    file, report : fit.toml and the HTML page
    """

    settings: dict[str, Any]
    value: float
    base: float | None
    gain: Interval | None
    whole: float | None
    whole_base: float | None
    whole_gain: Interval | None
    trials: dict[str, int]
    seconds: float
    file: Path
    report: Path


class OutOfTime(Exception):
    """The budget, or this sitting's share of it, is over in the middle of a trial."""


def tune(
    shop: Shop,
    budget: float,
    *,
    config: FitConfig | None = None,
    study: str = "default",
    sitting: float | None = None,
    trials: int | None = None,
    processes: int = 1,
    confirm: bool = True,
    progress: Progress | None = None,
    small: dict[str, Any] | None = None,
    questions: int = QUESTIONS,
) -> Tuned:
    """Look for settings that suit a shop. Experimental.

    The slice of time that `evaluate` judges by is cut off first and never touched; of what is before it the last part
    judges the trials. The study lies in the shop folder: the same call goes on where it ended. At last two whole fits
    are judged there, of the settings as they were and as they were found; the better ones are written.

    Parameters
    ----------
    budget : seconds that all of the study may take together, earlier calls and other processes too
    config : where the search starts, and what it leaves alone
    sitting : seconds after which this call ends, with the study unfinished
    trials : end after so many in this study
    processes : how many work on the study at once
    confirm : keep two fifths of the budget for the whole fits; as long as nothing better was found, trials go on
    small, questions : how much a trial learns from and is asked

    Raises
    ------
    MissingExtra : the extra tune is not installed
    ShopError : the study is one of other data, other settings or another version
    DataError : the shop is too small to be cut twice
    """
    if budget <= 0:
        raise UsageError(f"budget must be above 0 seconds, got {budget:g}. Say for example --budget 30m.")
    imported_optuna()
    base = config or FitConfig()
    folder = folder_of_study(shop, study)
    split = default_split(shop.log())
    inner = default_split(split.before)  # the test slice ends here: nothing below sees it
    exam = build_exam(inner, ExamConfig(n_customers=questions, n_baskets=questions))
    if not exam.tasks:
        raise DataError(
            f"{shop.folder}: too few events to tune on; nothing is left to ask about before the last slice."
        )
    base = with_encoder(base, inner.before, Diary())
    fewer = SMALL if small is None else small
    templates = templates_of(shop.products(), base)
    opened = open_study(shop, study, Identity.of(inner.before, base, fewer | {"questions": questions}), base.seed)
    for_trials = (1 - SHARE) * budget if confirm else budget
    helpers = [_helper(folder, shop, for_trials, study, sitting, trials, base) for _ in range(processes - 1)]
    began, failures, told = monotonic(), 0, ""

    def here() -> float:
        return np.inf if sitting is None else sitting - (monotonic() - began)

    def left() -> float:
        until = budget if _found(opened) is None else for_trials
        remaining = float(min(until - spent(opened), here()))
        return remaining if remaining > WORTH_IT * _usual(opened) else 0.0

    try:
        while left() > 0 and (trials is None or len(_ended(opened)) < trials) and failures < MOST_FAILURES:
            told = _trial(opened, inner.before, exam, base, fewer, templates, shop, folder, left(), progress)
            failures = failures + 1 if told else 0
            if told and progress:
                progress(Note(told))
    finally:
        for helper in helpers:
            helper.wait()
    if failures >= MOST_FAILURES:
        raise DataError(f"{MOST_FAILURES} trials in a row failed; the last one: {told}")
    if confirm:

        def for_whole_fits() -> float:
            return min(budget - spent(opened) - whole_seconds(folder), here())

        _confirm(opened, inner, base, shop, folder, for_whole_fits, progress)
    return conclude(opened, folder, base, exam)


def _confirm(
    study: "optuna.Study",
    inner: Split,
    base: FitConfig,
    shop: Shop,
    folder: Path,
    left: Callable[[], float],
    progress: Progress | None,
) -> None:
    """Fit whole what the study began with and what it found, while there is time; the next call goes on."""
    best = _found(study)
    if best is None:
        return
    exam = build_exam(inner)

    def fitted(over: dict[str, Any]) -> Whole:
        seconds = left()
        began = monotonic()

        def watch(event: Event) -> None:
            if monotonic() - began > seconds:
                raise OutOfTime

        wanted = FitConfig.model_validate(merged(base.model_dump(mode="json"), over))
        return Whole(_recalls(shop, inner.before, wanted, exam, watch), monotonic() - began)

    wanted = {START: dict[str, Any](), str(best.number): dict(best.user_attrs["settings"])}
    for name, over in wanted.items():
        if left() <= 0:
            return
        if progress:
            progress(Stage("whole fit, as it began" if name == START else f"whole fit, as trial {name} found it"))
        try:
            whole = whole_fit(folder, name, partial(fitted, over))
        except (OutOfTime, *OF_A_FIT) as error:
            if progress:
                progress(Note("the time was over" if isinstance(error, OutOfTime) else _first_line(error)))
            return
        if progress:
            progress(Note(f"recall@{K} {whole.mean:.4f}"))


def _recalls(shop: Shop, past: Log, config: FitConfig, exam: Exam, watch: Progress) -> Recalls:
    """Learn from the past with these settings, and put the exam's questions."""
    with _own_cache(shop, config) as cache:
        model = learn(past, config, cache, watch)
    return {task.name: sit(model, task, exam, K).values["capped_recall"] for task in exam.tasks}


def _found(study: "optuna.Study") -> "optuna.trial.FrozenTrial | None":
    """The best trial, where it is another than the one with the settings as they were."""
    best, start = _best(study)
    return None if start is None or best is start else best


def _best(study: "optuna.Study") -> "tuple[optuna.trial.FrozenTrial | None, optuna.trial.FrozenTrial | None]":
    """The best trial that ended, and the one with the settings as they were."""
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    best = max(complete, key=lambda trial: (trial.value or 0.0, -trial.number), default=None)
    return best, next((trial for trial in complete if trial.user_attrs.get(BASE)), None)


def _trial(
    study: "optuna.Study",
    past: Log,
    exam: Exam,
    base: FitConfig,
    fewer: dict[str, Any],
    templates: dict[str, dict[str, Any]],
    shop: Shop,
    folder: Path,
    seconds: float,
    progress: Progress | None,
) -> str:
    """Run one trial; what went wrong, "" if nothing did."""
    optuna = imported_optuna()
    if not any(each.user_attrs.get(BASE) and each.state != optuna.trial.TrialState.FAIL for each in study.trials):
        study.enqueue_trial(nearest_to(base, templates), user_attrs={BASE: True})
    trial = study.ask()
    process = psutil.Process()
    trial.set_user_attr(PROCESS, process.pid)
    trial.set_user_attr(BORN, process.create_time())
    began = monotonic()
    point = suggest(trial, templates)
    over: dict[str, Any] = {} if trial.user_attrs.get(BASE) else settings_of(point, templates)
    trial.set_user_attr("settings", over)
    plain = merged(base.model_dump(mode="json"), over)

    def watch(event: Event) -> None:
        used = monotonic() - began
        if used > seconds:
            raise OutOfTime
        if isinstance(event, Stage):
            trial.set_user_attr(SECONDS, round(used, 1))
        if isinstance(event, Epoch) and event.metric is not None:
            trial.report(event.metric, event.epoch)
            if not trial.user_attrs.get(BASE) and trial.should_prune():
                raise optuna.TrialPruned

    state, value, wrong = optuna.trial.TrialState.COMPLETE, None, ""
    if progress:
        progress(Stage(f"trial {trial.number}: {_in_words(trial, over)}"))
    try:
        wanted = FitConfig.model_validate(_small(plain, fewer))
        recalls = _recalls(shop, past, wanted, exam, watch)
        value = mean_recall(recalls)
        trial.set_user_attr("recall", {task: float(values.mean()) for task, values in recalls.items()})
        with file_aside(folder / "trials" / f"{trial.number}.json") as aside:
            aside.write_text(json.dumps(to_lists(recalls)))
    except optuna.TrialPruned:
        state = optuna.trial.TrialState.PRUNED
    except OutOfTime:
        state, wrong = optuna.trial.TrialState.FAIL, ""
        trial.set_user_attr("reason", "out of time")
    except OF_A_FIT as error:
        state, wrong = optuna.trial.TrialState.FAIL, f"trial {trial.number} failed: {_first_line(error)}"
        trial.set_user_attr("reason", wrong)
    except BaseException:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        raise
    trial.set_user_attr(SECONDS, round(monotonic() - began, 1))
    study.tell(trial, value, state=state)
    if progress and not wrong:
        told = {"COMPLETE": f"recall@{K} {value or 0:.4f}", "PRUNED": "ended early: others were better by then"}
        progress(Note(told.get(state.name, "the time was over")))
    return wrong


def conclude(study: "optuna.Study", folder: Path, base: FitConfig, exam: Exam) -> Tuned:
    """Write fit.toml and the report of what is known so far.

    Raises
    ------
    DataError : not one trial has ended
    """
    best, start = _best(study)
    if best is None:
        wrong = [
            trial.user_attrs["reason"] for trial in study.get_trials(deepcopy=False) if "reason" in trial.user_attrs
        ]
        told = f" The last one: {wrong[-1]}." if wrong else ""
        raise DataError(f"{folder}: no trial has come to its end.{told} Give it longer (--budget 30m, --sitting 30m).")
    gained = None if start is None else _gain(folder, best.number, start.number)
    whole = borne_out(folder, best.number)
    settings = {} if whole and whole[2].mean <= 0 else dict(best.user_attrs["settings"])
    states = [trial.state.name.lower() for trial in study.get_trials(deepcopy=False)]
    counts = {name: states.count(name) for name in ("complete", "pruned", "fail", "running")}
    seconds = spent(study) + whole_seconds(folder)
    written = merged(base.model_dump(mode="json", exclude_unset=True), settings)
    remarks = [
        f"Found by goeswith tune: trial {best.number} of {len(states)}, {seconds:,.0f} seconds in all.",
        f"recall@{K} {best.value:.4f}" + ("" if start is None else f", {start.value:.4f} as it began")
        + f", {exam.cut}: on the slice before the one that goeswith evaluate judges by.",
    ]  # fmt: skip
    told = "" if best is start else said_by_whole_fits(whole)
    remarks += [told] if told else []
    file, report = folder / SETTINGS, folder / REPORT
    with file_aside(file) as aside:
        aside.write_text(to_toml(written, tuple(remarks)), encoding="utf-8")
    with file_aside(report) as aside:
        aside.write_text(study_page(study, best, start, gained, told), encoding="utf-8")
    return Tuned(
        settings=settings,
        value=float(best.value or 0),
        base=None if start is None else start.value,
        gain=gained,
        whole=whole[0].mean if whole else None,
        whole_base=whole[1].mean if whole else None,
        whole_gain=whole[2] if whole else None,
        trials=counts,
        seconds=seconds,
        file=file,
        report=report,
    )


def said_by_whole_fits(whole: tuple[Whole, Whole, Interval] | None) -> str:
    """What the whole fits said, in a sentence."""
    if whole is None:
        return "No whole fit has confirmed it yet: trials learn from less than a fit does."
    found, start, gain = whole
    shown = f"{gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"
    told = f"Whole fits: {found.mean:.4f}, {start.mean:.4f} as it began; {shown}."
    return told if gain.mean > 0 else f"{told} So the settings stay as they were."


def _gain(folder: Path, best: int, start: int) -> Interval | None:
    """Mean over the tasks of best less start; each task weighs alike, as in the value itself."""
    try:
        ours, theirs = (json.loads((folder / "trials" / f"{at}.json").read_text()) for at in (best, start))
    except (OSError, ValueError):
        return None
    return gain(from_lists(ours), from_lists(theirs))


def _small(plain: dict[str, Any], fewer: dict[str, Any]) -> dict[str, Any]:
    """The settings of a trial: never more than the user's own."""

    def least(own: Any, most: Any) -> Any:
        if isinstance(most, dict):
            return {name: least((own or {}).get(name), value) for name, value in most.items()}
        return most if own is None else min(own, most)

    return merged(plain, least(plain, fewer))


@contextmanager
def _own_cache(shop: Shop, config: FitConfig) -> Iterator[Path]:
    """A cache of this trial alone: vectors of weights that are thrown away are thrown away with them. Those of the
    encoder as it came are the shop's."""
    place = shop.folder / "cache"
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix="trial-") as folder:
        name = f"{load_encoder(config.encoder, config.device).fingerprint}.safetensors"
        own, shared = Path(folder) / "vectors" / name, place / "vectors" / name
        own.parent.mkdir()
        shared.parent.mkdir(exist_ok=True)
        if shared.is_file():
            os.link(shared, own)
        yield Path(folder)
        if own.is_file() and (not shared.is_file() or own.stat().st_size > shared.stat().st_size):
            with file_aside(shared) as aside:
                shutil.copyfile(own, aside)


def _helper(
    folder: Path, shop: Shop, budget: float, study: str, sitting: float | None, trials: int | None, base: FitConfig
) -> "subprocess.Popen[bytes]":
    """Another process on the same study; it reads the settings from a file, as a user's own would."""
    file = folder / "start.toml"
    with file_aside(file) as aside:
        aside.write_text(to_toml(base.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    words = [sys.executable, "-m", "goeswith", "tune", str(shop.folder), "--study", study, "--config", str(file)]
    words += ["--budget", f"{budget:g}s", "--no-confirm", "--json"]
    words += ["--sitting", f"{sitting:g}s"] if sitting is not None else []
    words += ["--trials", str(trials)] if trials is not None else []
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _usual(study: "optuna.Study") -> float:
    """Seconds of a trial that ended, the median."""
    ended = [each.user_attrs.get(SECONDS, 0.0) for each in _ended(study) if each.state.name == "COMPLETE"]
    return float(np.median(ended)) if ended else 0.0


def _ended(study: "optuna.Study") -> list[Any]:
    """Trials that said something: those that ended with a value, were pruned, or failed of themselves."""
    return [each for each in study.get_trials(deepcopy=False) if each.state.is_finished()]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _in_words(trial: "optuna.Trial", settings: dict[str, Any]) -> str:
    if trial.user_attrs.get(BASE):
        return "the settings as they are"
    return ", ".join(f"{name} {round_to(v) if isinstance(v, float) else v}" for name, v in trial.params.items())
