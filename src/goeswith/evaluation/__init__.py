"""Judging anything that answers with ranked lists: metrics, tasks, baselines, intervals and the report."""

from goeswith.data.cut import Split, cut_at, default_split
from goeswith.evaluation.exam import ExamConfig, build_exam
from goeswith.evaluation.guard import refuse_seen
from goeswith.evaluation.outcome import Outcome
from goeswith.evaluation.protocol import Exam, Recommender, ServesHistories, Task
from goeswith.evaluation.report import Report, judge

__all__ = [
    "Exam",
    "ExamConfig",
    "Outcome",
    "Recommender",
    "Report",
    "ServesHistories",
    "Split",
    "Task",
    "build_exam",
    "cut_at",
    "default_split",
    "judge",
    "refuse_seen",
]
