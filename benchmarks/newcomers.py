"""Simulated new customers of The Complete Journey: a tenth of its households loses its past, as if first seen now.

Nobody else asks for them, so that the tasks of the published comparison stay as they are.
"""

import numpy as np
import polars as pl

from data_sets import complete_journey
from goeswith.evaluation.protocol import Task
from protocol_tasks import WARM, Slice, ask_newcomers

SHARE = 0.1


def cut(part: str) -> tuple[Slice, list[Task]]:
    """The slice without the newcomers, before and after the cut; what they are asked."""
    return without_some(complete_journey(part))


def without_some(whole: Slice, share: float = SHARE, seed: int = 0) -> tuple[Slice, list[Task]]:
    """Take this share of the customers out wholly; their purchases after the cut are the questions."""
    everyone = pl.concat([whole.fit["customer_id"], whole.test["customer_id"]]).drop_nulls().unique().sort()
    rng = np.random.default_rng(seed)
    drawn = everyone.gather(np.sort(rng.choice(len(everyone), int(len(everyone) * share), replace=False)))
    theirs = pl.col("customer_id").is_in(drawn.implode()).fill_null(False)
    kept = Slice(
        f"{whole.data}-newcomers",
        whole.part,
        whole.products,
        whole.fit.filter(~theirs),
        whole.test.filter(~theirs),
        whole.until,
    )
    warm = kept.counts.filter(pl.col("n") >= WARM)["product_id"].sort()
    return kept, ask_newcomers(whole.test.filter(theirs), warm)
