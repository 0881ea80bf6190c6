"""What came of pairs in the later baskets of a slice: what a belief in pairs is learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.parts import Parts
from goeswith.association.probability import PairBelief, fit_pair_belief, shrunk
from goeswith.ranking.candidates import candidates, quotas_for
from goeswith.ranking.ranker import Ranker
from goeswith.ranking.slices import TrainingSlice
from goeswith.ranking.sources import of_products, themselves
from goeswith.ranking.training import LearningConfig, asked_pairs, baskets_to_matrix, block_size
from goeswith.ranking.views import Array, Candidates, catalogue_views, features

MOST_SOURCES = 300
FEWEST_LATER = 20
"""A product in fewer later baskets says too little of what goes with it."""
BEST, DRAWN = 20, 20
"""Of each product's pairs, those most believed and others drawn at random."""


@dataclass(frozen=True)
class PairCases:
    """A block of pairs as they looked before the cut, and in how many later baskets they were seen.

    source : (pairs,), numbers of the first product, rising
    features : columns of (pairs,), as the ranker takes them
    both, with_a : (pairs,), baskets before the cut
    came, cases : (pairs,), later baskets with both, and with the first
    drawn : (pairs,), drawn at random
    """

    source: NDArray[np.int64]
    features: dict[str, Array]
    both: NDArray[np.float64]
    with_a: NDArray[np.float64]
    came: NDArray[np.float64]
    cases: NDArray[np.float64]
    drawn: NDArray[np.bool_]


def pair_cases(slice_: TrainingSlice, parts: Parts, config: LearningConfig, seed: int) -> list[PairCases]:
    """Blocks of the products of most later baskets, each with its candidates and some drawn at random.

    The ranker learnt from one product of some baskets; of these products those baskets are not counted here.
    """
    n_items, counts = parts.meaning.n_items, parts.counts
    later = baskets_to_matrix(slice_.baskets, n_items)
    apart = _unseen(later, asked_pairs(slice_, parts, config.n_related, np.random.default_rng(seed)))
    warm = ~slice_.hidden & (counts.items > 0)
    held = np.asarray(apart.sum(axis=0)).ravel()
    asked = np.flatnonzero((held >= FEWEST_LATER) & warm)
    rows = np.sort(asked[np.argsort(-held[asked], kind="stable")][:MOST_SOURCES])
    rng = np.random.default_rng(seed)
    together = csr_array(csr_array(apart[:, rows]).T @ later)
    size, quotas = block_size(n_items), quotas_for("related", int(warm.sum()))
    found = []
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        queries = of_products(parts, some)
        views = catalogue_views(parts, queries)
        weighed = candidates(parts, queries, views, quotas, warm, themselves(parts, some))
        drawn = rng.choice(np.flatnonzero(warm), (len(some), DRAWN))
        keys = np.arange(len(some))[:, None] * n_items + drawn
        keys = np.unique(keys[drawn != some[:, None]])
        every = np.union1d(keys, weighed.query * n_items + weighed.item)
        pairs = Candidates(every // n_items, every % n_items, len(some))
        a, b = some[pairs.query], pairs.item
        found.append(
            PairCases(
                pairs.query,
                features(parts, queries, views, pairs),
                counts.both(a, b).astype(np.float64),
                counts.items[a].astype(np.float64),
                np.asarray(together[start + pairs.query, b], dtype=np.float64).ravel(),
                held[a].astype(np.float64),
                np.isin(every, keys),
            )
        )
    return found


def learn_pair_belief(cases: Sequence[PairCases], ranker: Ranker) -> PairBelief:
    """From the best pairs of each product and those drawn, of all slices."""
    chosen = []
    for each in cases:
        said = ranker.probability(each.features).astype(np.float64)
        believed = shrunk(each.both, each.with_a, said)
        order = np.lexsort((-believed, each.source))
        place = np.arange(len(order)) - np.searchsorted(each.source, each.source)
        some = each.drawn.copy()
        some[order[place < BEST]] = True
        chosen.append(np.stack([each.both, each.with_a, said, each.came, each.cases])[:, some])
    return fit_pair_belief(*np.concatenate(chosen, axis=1)) if chosen else PairBelief()


def _unseen(later: csr_array, learnt: list[tuple[int, int]]) -> csr_array:
    """(baskets, items), without the products of the baskets that the ranker was asked about."""
    item, basket = (np.array(column, dtype=np.int64) for column in zip(*learnt, strict=True)) if learnt else ((), ())
    asked = csr_array((np.ones(len(item), np.float32), (basket, item)), shape=later.shape)
    rest = csr_array(later - asked)
    rest.eliminate_zeros()
    return rest
