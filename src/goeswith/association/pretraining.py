"""Pre-training on a shop's own texts within a budget, judged like any other training where a judge is given."""

from collections.abc import Callable, Sequence

from goeswith.association.budget import affordable_steps, learning_rate
from goeswith.association.loop import Course, Progress, Schedule, run
from goeswith.errors import UsageError
from goeswith.language.encoder import SentenceEncoder
from goeswith.language.pretrain import BATCH, WAYS

FEWEST_TEXTS = 20
HEAVIER = {"mlm": 2.5, "simcse": 3.0, "tsdae": 2.5}
"""How many times a text is read in a step, backward pass and heads included."""


def pretrain_encoder(
    texts: Sequence[str],
    encoder: SentenceEncoder,
    way: str,
    *,
    seconds: float | None = 60.0,
    steps: int = 300,
    top_layers: int | None = 2,
    seed: int = 0,
    report: Callable[[Progress], None] | None = None,
) -> tuple[SentenceEncoder, Course]:
    """An encoder that has read these texts, without any purchase.

    Parameters
    ----------
    texts : sentences of products; equal ones are read once
    way : mlm, simcse or tsdae
    top_layers : how many move; None: all weights

    Raises
    ------
    UsageError : no such way
    """
    if way not in WAYS:
        raise UsageError(f"pretrain {way!r}: there is {', '.join(WAYS)}, and none.")
    distinct = [text for text in dict.fromkeys(texts) if text]
    if len(distinct) < FEWEST_TEXTS:
        return encoder, Course(stopped=f"only {len(distinct)} distinct texts: too few to learn from")
    reading = WAYS[way](encoder, distinct, seed, top_layers)
    mean = sum(map(len, distinct)) / len(distinct)
    method = "last-k" if top_layers else "full"
    taken = affordable_steps(seconds, steps, BATCH * max(mean, 8.0) * HEAVIER[way], method)
    # Half of the usual rate: nothing tells whether what is learnt is wanted.
    rate = learning_rate(method, taken) / 2
    course = run(
        {"encoder": reading.parameters}, reading.backward, Schedule(taken, 1, {"encoder": rate}), report=report
    )
    return (reading.finish(), course) if course.improved else (encoder, course)
