"""What the exam says: ours beside the baselines, with intervals, as text, frame, dictionary or page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.errors import UsageError
from goeswith.evaluation.intervals import Interval, bootstrap, paired_bootstrap
from goeswith.evaluation.judged import Cases
from goeswith.evaluation.metrics import METRICS
from goeswith.evaluation.outcome import EXPOSURE, MAIN, Outcome, sit
from goeswith.evaluation.protocol import Exam, Recommender

SEED = 0


@dataclass(frozen=True)
class Report:
    """How a recommender did beside its baselines. Prints itself as a table.

    subject : name of the recommender that is judged
    titles : task to what it asks, in words
    cut : how past and future were told apart
    missing : tasks that this shop does not allow, and why
    probability : kind of probability to what was said and what came on held-out time; see `judged`
    losses : name to loss by step or epoch, of the fit
    stages : name to seconds, of the fit
    """

    subject: str
    k: int
    outcomes: list[Outcome]
    titles: dict[str, str]
    cut: str
    missing: dict[str, str] = field(default_factory=dict)
    probability: dict[str, Cases] = field(default_factory=dict)
    losses: dict[str, Sequence[float]] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)

    def of(self, task: str) -> list[Outcome]:
        """The outcomes of one task, the best first."""
        sat = [each for each in self.outcomes if each.task == task]
        return sorted(sat, key=lambda each: -each.values["capped_recall"].mean())

    def best_peer(self, task: str) -> Outcome | None:
        """The strongest single baseline of this task, by capped recall."""
        return next((each for each in self.of(task) if each.system != self.subject), None)

    def against_best_peer(self, task: str, metric: str = "capped_recall") -> Interval | None:
        """Ours less the best baseline, query by query; None without a baseline."""
        ours = next((each for each in self.of(task) if each.system == self.subject), None)
        peer = self.best_peer(task)
        if ours is None or peer is None:
            return None
        return paired_bootstrap(ours.values[metric], peer.values[metric], seed=SEED)

    def to_frame(self) -> pl.DataFrame:
        """task, system, slice ("all": the whole), metric, value, low, high, n; low and high are null for exposure."""
        rows: list[tuple[str, str, str, str, float, float | None, float | None, int]] = []
        for each in self.outcomes:
            n = len(each.values[MAIN[0]])
            for metric in METRICS:
                rows.append((each.task, each.system, "all", metric, *bootstrap(each.values[metric], seed=SEED), n))
            for name in EXPOSURE:
                rows.append((each.task, each.system, "all", name, each.exposure[name], None, None, n))
            for part, values in each.slices.items():
                interval = bootstrap(values, seed=SEED)
                rows.append((each.task, each.system, part, "capped_recall", *interval, len(values)))
        kinds = [pl.String] * 4 + [pl.Float64] * 3 + [pl.Int64]
        names = ("task", "system", "slice", "metric", "value", "low", "high", "n")
        return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")

    def to_dict(self) -> dict[str, Any]:
        """All figures and reasons, ready for JSON."""
        versus = {task: self._versus(task) for task in self.titles}
        return {
            "subject": self.subject,
            "k": self.k,
            "cut": self.cut,
            "tasks": self.titles,
            "missing": self.missing,
            "figures": self.to_frame().to_dicts(),
            "against_best_peer": {task: told for task, told in versus.items() if told},
            "stages": self.stages,
        }

    def _versus(self, task: str) -> dict[str, Any] | None:
        peer = self.best_peer(task)
        gains = {metric: self.against_best_peer(task, metric) for metric in MAIN}
        told = {metric: gain._asdict() for metric, gain in gains.items() if gain is not None}
        return {"peer": peer.system, **told} if peer is not None and told else None

    def to_html(self, path: str | Path | None = None) -> str:
        """One self-contained page with pictures; written to `path` where one is given."""
        from goeswith.evaluation.page import page  # the page draws reports, so it imports this file

        html = page(self)
        if path is not None:
            Path(path).write_text(html, encoding="utf-8")
        return html

    def __str__(self) -> str:
        lines = [f"Evaluation of {self.subject}: {self.cut}."]
        for task, title in self.titles.items():
            lines += ["", f"{task}: {title}", *self._table(task), *self._against(task), *self._slices(task)]
        lines += ["", *(f"{task}: not asked, {why}." for task, why in self.missing.items())]
        return "\n".join(lines).rstrip()

    def _table(self, task: str) -> list[str]:
        sat = self.of(task)
        width = max(len(each.system) for each in sat) + 2
        heads = f"recall@{self.k} capped".ljust(24) + f"NDCG@{self.k}".ljust(24) + "coverage   Gini"
        lines = ["  " + " " * width + heads]
        for each in sat:
            recall, gain = (str(bootstrap(each.values[metric], seed=SEED)).ljust(24) for metric in MAIN)
            mark = "*" if each.system == self.subject else " "
            exposure = f"{each.exposure['coverage']:8.3f}  {each.exposure['gini']:5.3f}"
            lines.append(f"{mark} {each.system.ljust(width)}{recall}{gain}{exposure}")
        return lines

    def _against(self, task: str) -> list[str]:
        gain, peer = self.against_best_peer(task), self.best_peer(task)
        if gain is None or peer is None:
            return []
        told = "ahead" if gain.low > 0 else "behind" if gain.high < 0 else "level within chance"
        shown = f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
        return [f"  vs best peer ({peer.system}): {shown}, {told}"]

    def _slices(self, task: str) -> list[str]:
        ours = next((each for each in self.of(task) if each.system == self.subject), None)
        peer = self.best_peer(task)
        if ours is None or not ours.slices:
            return []
        lines = ["  slices, recall capped:"]
        for name, values in ours.slices.items():
            beside = f", {peer.system} {peer.slices[name].mean():.3f}" if peer and name in peer.slices else ""
            lines.append(f"    {name}: {bootstrap(values, seed=SEED)}, {len(values):,} queries{beside}")
        return lines


def judge(recommender: Recommender, baselines: Iterable[Recommender], exam: Exam, k: int = 10) -> Report:
    """Put the same exam to a recommender and its baselines, one after the other.

    Parameters
    ----------
    recommender, baselines : fitted on nothing later than the exam's cut; see `refuse_seen`
    k : places of each list that count

    Raises
    ------
    UsageError : two of them have the same name, or k is below 1
    """
    sat: dict[str, list[Outcome]] = {}
    for each in chain([recommender], baselines):
        if each.name in sat:
            raise UsageError(f"Each recommender needs a name of its own; {each.name} stands for several.")
        sat[each.name] = [sit(each, task, exam, k) for task in exam.tasks]
        del each  # before the next one is fitted
    outcomes = [outcome for of_task in zip(*sat.values(), strict=True) for outcome in of_task]
    titles = {task.name: task.title for task in exam.tasks}
    return Report(recommender.name, k, outcomes, titles, exam.cut, exam.missing)
