"""A judgement of an evaluation copy and of its parts, for the console; it needs all that a fit needs."""

from dataclasses import replace

from goeswith import flow
from goeswith.config import FitConfig
from goeswith.data.cut import default_split
from goeswith.data.shop import Shop
from goeswith.evaluation.exam import build_exam
from goeswith.progress import Progress, Stage
from goeswith.serve.console.ablating import ablated
from goeswith.serve.console.judged import keep


def judge_copy(shop: Shop, config: FitConfig, version: str, progress: Progress) -> str:
    """Judge an evaluation copy as `goeswith.evaluate` does, and each of its parts alone; name the file it is in."""
    split = default_split(shop.log())
    if split.cut is None:  # each customer has a cut of their own, and only the whole road knows it
        return keep(flow.evaluate(shop, config, progress=progress), shop, version)
    copy = flow.learn(split.before, config, shop.folder / "cache", progress)
    copy.fitted_until = split.cut
    report = flow.evaluate(shop, model=copy, progress=progress)
    progress(Stage("each part alone"))
    return keep(replace(report, cut=split.how), shop, version, ablated(copy, build_exam(split)))
