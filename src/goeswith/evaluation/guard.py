"""No model is judged on what it has seen."""

from datetime import datetime

from goeswith.errors import SeenSliceError
from goeswith.evaluation.protocol import Exam


def refuse_seen(exam: Exam, fitted_until: datetime | None) -> None:
    """Let the exam pass only if all that it asks about happened after the model's last event.

    Parameters
    ----------
    fitted_until : the last moment, inclusive, whose events the model was fitted on; None for a model that took all

    Raises
    ------
    SeenSliceError : says what overlaps, and how to fit a model that can be judged
    """
    if fitted_until is None:
        raise SeenSliceError(
            "This model was fitted on every event of the shop, so nothing is left to judge it on. "
            'Fit one with an end, gw.fit(shop, until="2017-12-01") (goeswith fit SHOP --until 2017-12-01), '
            "or leave model= (--model) out: evaluate then fits a copy of its own."
        )
    if exam.starts is not None and exam.starts <= fitted_until:
        raise SeenSliceError(
            f"The slice starts at {exam.starts:%Y-%m-%d %H:%M} and the model was fitted until "
            f"{fitted_until:%Y-%m-%d %H:%M}, so it has seen part of the answers. "
            "Judge it on later events, or fit it with an earlier until=."
        )
