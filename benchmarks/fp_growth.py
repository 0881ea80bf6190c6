"""Association rules from frequent sets of any size, found by FP-growth (the package mlxtend)."""

import warnings

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from goeswith.association.counts import basket_matrix
from goeswith.data.log import Log
from goeswith.evaluation.baselines.baseline import Block
from goeswith.evaluation.baselines.past import Rows, customer_items

Rule = tuple[frozenset[int], int, float]


class FpGrowth:
    """A product scores the confidence of the best rule that points to it and whose condition is all in the basket.

    A customer's whole history is asked as one basket.

    Parameters
    ----------
    support : share of the baskets that must hold a set, or it is not looked at
    largest : products in a set, the one pointed to included

    References
    ----------
    Han, Pei and Yin, "Mining frequent patterns without candidate generation", SIGMOD 2000.
    """

    def __init__(self, log: Log, support: float = 0.01, largest: int = 3) -> None:
        self.name, self._n_items = "FP-growth rules", log.n_items
        self._bought = customer_items(log, binary=True)
        rules = sorted(rules_of(frequent_sets(basket_matrix(log), support, largest)), key=lambda rule: rule[2])
        size = np.array([len(condition) for condition, _, _ in rules], np.int64)
        held = np.array([item for condition, _, _ in rules for item in sorted(condition)], np.int64)
        ends = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        self._conditions = csr_array((np.ones(len(held), np.float32), held, ends), shape=(len(rules), log.n_items))
        self._size = size
        self._target = np.array([item for _, item, _ in rules], np.int64)
        self._confidence = np.array([confidence for _, _, confidence in rules], np.float32)

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self.baskets(self._bought[rows], None, columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        met = (baskets @ self._conditions.T).tocoo()  # (queries, rules), products of the condition in the basket
        whole = met.data == self._size[met.col]
        query, rule = met.row[whole], met.col[whole]
        place = np.full(self._n_items, -1)
        place[columns] = np.arange(len(columns))
        asked = place[self._target[rule]] >= 0
        query, rule = query[asked], rule[asked]
        block = np.zeros((baskets.shape[0], len(columns)), np.float32)
        order = np.argsort(rule, kind="stable")  # by confidence: of several rules the last, the best, stays
        block[query[order], place[self._target[rule[order]]]] = self._confidence[rule[order]]
        return block


def frequent_sets(baskets: csr_array, support: float, largest: int) -> dict[frozenset[int], float]:
    """Sets of products, and the share of (baskets, items) that holds each."""
    import pandas as pd
    from mlxtend.frequent_patterns import fpgrowth

    often = np.flatnonzero(baskets.sum(axis=0) >= support * baskets.shape[0])
    if not len(often):
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlxtend and pandas warn of what the other will drop one day
        table = pd.DataFrame.sparse.from_spmatrix(csr_matrix(baskets[:, often].astype(bool)))
        found = fpgrowth(table, min_support=support, max_len=largest)
    sets = (frozenset(often[list(places)].tolist()) for places in found["itemsets"])
    return dict(zip(sets, found["support"], strict=True))


def rules_of(sets: dict[frozenset[int], float]) -> list[Rule]:
    """Condition, the one product it points to, confidence.

    Examples
    --------
    >>> rules_of({frozenset({1}): 0.5, frozenset({2}): 0.25, frozenset({1, 2}): 0.25})
    [(frozenset({2}), 1, 1.0), (frozenset({1}), 2, 0.5)]
    """
    return [
        (held - {item}, item, share / sets[held - {item}])
        for held, share in sets.items()
        if len(held) > 1
        for item in sorted(held)
    ]
