"""Few labels taught to a small model: three kinds of pairs, told apart by what is counted and what is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goeswith.association.given_labels import SUBSTITUTE, TOGETHER, UNRELATED
from goeswith.association.kinds import Evidence, Kinds
from goeswith.association.parts import Array, Parts

N_KINDS = 3
SIZES = (0, 8, 16, 64)
"""Labels that `accuracy_by_size` learns from, unless others are named."""
STRICTNESS = 0.3
"""Inverse of the ridge penalty. Chosen on the half "develop" of benchmarks/kinds.csv."""
Rows = NDArray[np.int64]
Learner = Callable[[Rows, Rows, Rows, int], Rows]
"""(rows to learn from, their kinds, rows to tell, seed) -> kinds; rows are places in a table of pairs."""


def weak_labels(evidence: Evidence) -> Rows:
    """What counts and texts say without anybody's help: unrelated unless something speaks for the pair.

    Returns
    -------
    (pairs,), TOGETHER, SUBSTITUTE or UNRELATED
    """
    instead = evidence.substitute & ~evidence.taken_along
    return np.where(instead, SUBSTITUTE, np.where(evidence.taken_along, TOGETHER, UNRELATED)).astype(np.int64)


def pair_features(parts: Parts, kinds: Kinds, a: Rows, b: Rows) -> tuple[Array, Rows]:
    """What a few labels are taught on, and what is believed without any.

    Returns
    -------
    (pairs, k): likeness of the texts, log lifts of the pair and of it with its kin, cosines of the words and of F in
    both directions, shared shelves; (pairs,), the weak labels

    Notes
    -----
    Few features, for few labels: on the half "develop" of benchmarks/kinds.csv all of `Evidence` did no better.
    """
    evidence = kinds.evidence(a, b)
    meaning = parts.meaning
    counted = [evidence.alike, evidence.together, evidence.kin_together]
    forth, back = ((meaning.source[x] * meaning.target[y]).sum(axis=1) for x, y in ((a, b), (b, a)))
    read = [(meaning.words[a] * meaning.words[b]).sum(axis=1), np.maximum(forth, back), np.minimum(forth, back)]
    shelves = [(shelf[a] == shelf[b]).astype(np.float32) for shelf in meaning.shelves]
    return np.column_stack([*counted, *read, *shelves]).astype(np.float32), weak_labels(evidence)


@dataclass(frozen=True)
class FewLabels:
    """A multinomial logistic regression on standardised features.

    middle, spread : (k,), of the features; weights : (kinds, k); bias : (kinds,)
    """

    middle: Array
    spread: Array
    weights: Array
    bias: Array

    def chances(self, features: Array) -> Array:
        """(pairs, kinds), each row adds up to 1."""
        scores = ((features - self.middle) / self.spread) @ self.weights.T + self.bias
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances: Array = powers / powers.sum(axis=1, keepdims=True)
        return chances

    def kinds(self, features: Array) -> Rows:
        return np.asarray(self.chances(features).argmax(axis=1), dtype=np.int64)


def learn_few(features: Array, kinds: Rows, context: Array | None = None) -> FewLabels:
    """Teach a few labels.

    Parameters
    ----------
    features : (labels, k); kinds : (labels,)
    context : (pairs, k), unlabelled pairs that tell how features usually lie; None: those of the labels
    """
    from sklearn.linear_model import LogisticRegression

    usual = features if context is None else np.concatenate([features, context])
    middle, spread = usual.mean(axis=0), np.maximum(usual.std(axis=0), 1e-6)
    present = np.unique(kinds)
    weights, bias = np.zeros((N_KINDS, features.shape[1]), np.float32), np.full(N_KINDS, -1e3, np.float32)
    if len(present) == 1:
        bias[present[0]] = 0.0
        return FewLabels(middle, spread, weights, bias)
    model = LogisticRegression(C=STRICTNESS, max_iter=2_000).fit((features - middle) / spread, kinds)
    if len(present) == 2:  # scikit-learn keeps one row for two kinds: the second against the first
        weights[present[1]], bias[present[1]] = model.coef_[0], model.intercept_[0]
        bias[present[0]] = 0.0
    else:
        weights[present], bias[present] = model.coef_, model.intercept_
    return FewLabels(middle, spread, weights, bias)


@dataclass(frozen=True)
class Accuracy:
    """Share of held-out pairs told rightly, mean over draws; low, high : 95 %, of draws and pairs redrawn together."""

    method: str
    labels: int
    mean: float
    low: float
    high: float
    pairs: int


def accuracy_by_size(
    learners: dict[str, Learner],
    kinds: Rows,
    *,
    pool: Rows | None = None,
    judge: Rows | None = None,
    sizes: Sequence[int] = SIZES,
    draws: int = 5,
) -> list[Accuracy]:
    """How well each way of learning tells held-out pairs after so many labels.

    Parameters
    ----------
    learners : by name; one that needs no label ignores what it is given
    kinds : (pairs,), the truth
    pool, judge : places to learn from and to be judged on; None: every draw learns from some and is judged on the rest
    draws : seeds 0, 1, ...; each draw holds every kind that there is, where it is large enough
    """
    found = []
    everything = np.arange(len(kinds))
    for size in sizes:
        for name, learner in learners.items():
            right, fits = [], True
            for seed in range(draws):
                learnt = drawn_labels(kinds, everything if pool is None else pool, size, seed)
                asked = np.setdiff1d(everything, learnt) if judge is None else judge
                if len(asked) < 2 or len(learnt) < size:
                    fits = False
                    break
                told = learner(learnt, kinds[learnt], asked, seed)
                right.append((told == kinds[asked]).astype(np.float64))
            if fits and right:
                found.append(_summary(name, size, right))
    return found


def drawn_labels(kinds: Rows, pool: Rows, size: int, seed: int) -> Rows:
    """So many places of the pool, at random, one of each kind first."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(pool)
    firsts = [order[kinds[order] == kind][:1] for kind in np.unique(kinds[order])]
    ahead = np.concatenate([*firsts, np.zeros(0, np.int64)]).astype(np.int64)
    return np.concatenate([ahead, order[~np.isin(order, ahead)]])[:size]


def _summary(name: str, size: int, right: list[NDArray[np.float64]]) -> Accuracy:
    rng = np.random.default_rng(0)
    redrawn = []
    for _ in range(1_000):
        some = [right[at] for at in rng.integers(0, len(right), len(right))]
        redrawn.append(np.mean([each[rng.integers(0, len(each), len(each))].mean() for each in some]))
    # Where every draw is judged on the same pairs, redrawing pairs apart would make the interval too narrow.
    if len({len(each) for each in right}) == 1:
        table = np.stack(right)
        redrawn = [
            table[rng.integers(0, len(table), len(table))][:, rng.integers(0, table.shape[1], table.shape[1])].mean()
            for _ in range(1_000)
        ]
    low, high = np.quantile(redrawn, [0.025, 0.975])
    return Accuracy(name, size, float(np.mean([each.mean() for each in right])), float(low), float(high), len(right[0]))
