"""Held-out baskets on which a reader of the first answers has to prove its worth."""

import numpy as np

from goeswith.association.parts import Parts
from goeswith.ranking.answering import Answerer, Limits
from goeswith.ranking.head import Case
from goeswith.ranking.ranker import Ranker
from goeswith.ranking.rules import Rules
from goeswith.ranking.slices import TrainingSlice
from goeswith.ranking.training import baskets_to_matrix
from goeswith.ranking.views import Queries

DEPTH = 20
LARGEST = 40


def held_out_baskets(slice_: TrainingSlice, parts: Parts, ranker: Ranker, n: int, seed: int) -> list[Case]:
    """Baskets of a slice with one product hidden, and what the ranker makes of the rest.

    The ranker has learnt from these baskets and the reader has not, so that what the reader adds is rather
    understated.

    Parameters
    ----------
    parts : as they stood before the slice
    n : baskets at most; where the hidden product is none of the first twenty, no order of them helps
    """
    rng = np.random.default_rng([seed, 51])
    fitting = [at for at, items in enumerate(slice_.baskets) if 2 <= len(items) <= LARGEST]
    if not fitting:
        return []
    chosen = np.sort(rng.choice(fitting, min(n, len(fitting)), replace=False))
    hidden, rest = [], []
    for at in chosen:
        items = slice_.baskets[at]
        place = int(rng.integers(len(items)))
        hidden.append(int(items[place]))
        rest.append(np.delete(items, place))
    n_items = parts.meaning.n_items
    owners = slice_.owners[chosen]
    asked = Queries(parts.histories.take(owners), owners, baskets_to_matrix(rest, n_items))
    nothing = Rules({}, np.zeros(0, np.int64))
    answerer = Answerer(parts, {"complete": ranker}, nothing, np.zeros(n_items, np.int64))
    answers = answerer.answer("complete", asked, Limits(DEPTH, np.ones(n_items, bool), False), barred=asked.held)
    found = []
    for query, (own, wanted) in enumerate(zip(rest, hidden, strict=True)):
        rows = answers.query == query
        found.append(Case(own, answers.item[rows], answers.score[rows], wanted))
    return found
