"""How far a few labels carry on this shop: ways of learning from them, judged on labels that were held out."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.association.few_labels import (
    SIZES,
    Accuracy,
    Learner,
    accuracy_by_size,
    learn_few,
    pair_features,
)
from goeswith.association.kinds import Kinds
from goeswith.association.setfit import contrastive_encoder, pair_sentences
from goeswith.data.labels import LABELS
from goeswith.language.causal import CausalModel
from goeswith.language.encoder import SentenceEncoder
from goeswith.language.prompted import prompted_kinds
from goeswith.model import Model

Rows = NDArray[np.int64]
WEAK, FEW, SETFIT, PROMPTED, BOTH = (
    "counts and texts, no label", "few labels", "few labels, encoder tuned", "causal model, prompted",
    "few labels, both",
)  # fmt: skip
FEWEST = 10
"""Labels from which it can be said how far they carry."""


def judge_labels(
    model: Model,
    labels: pl.DataFrame,
    *,
    encoder: SentenceEncoder | None = None,
    causal: CausalModel | None = None,
    sizes: Sequence[int] = SIZES,
    draws: int = 5,
) -> list[Accuracy]:
    """Accuracy on held-out labels after so many, by way of learning. Experimental.

    Parameters
    ----------
    labels : a, b (rows of the model's products), label
    encoder : also tune this one on pairs of pairs; about ten seconds a draw
    causal : also ask this one in words

    Returns
    -------
    nothing where there are fewer than FEWEST labels
    """
    if len(labels) < FEWEST:
        return []
    a, b = labels["a"].to_numpy(), labels["b"].to_numpy()
    kinds = np.array([LABELS.index(label) for label in labels["label"]], dtype=np.int64)
    return accuracy_by_size(learners_of(model, a, b, encoder, causal), kinds, sizes=sizes, draws=draws)


def learners_of(
    model: Model, a: Rows, b: Rows, encoder: SentenceEncoder | None = None, causal: CausalModel | None = None
) -> dict[str, Learner]:
    """Ways of learning about these pairs, by name. Places in `a` and `b` are what they learn from and tell."""
    features, weak = pair_features(model.parts, Kinds(model.parts), a, b)
    learners: dict[str, Learner] = {WEAK: partial(_weakly, weak), FEW: partial(_few, features, weak)}
    first, second = ([model.texts[row] for row in rows] for rows in (a, b))
    if encoder is not None:
        learners[SETFIT] = partial(_tuned, encoder, first, second, weak, None)
        learners[BOTH] = partial(_tuned, encoder, first, second, weak, features)
    if causal is not None:
        learners[PROMPTED] = partial(_prompted, causal, first, second)
    return learners


def _weakly(weak: Rows, learnt: Rows, kinds: Rows, asked: Rows, seed: int) -> Rows:
    return weak[asked]


def _few(features: NDArray[np.float32], weak: Rows, learnt: Rows, kinds: Rows, asked: Rows, seed: int) -> Rows:
    if len(learnt) == 0:
        return weak[asked]
    return learn_few(features[learnt], kinds, features).kinds(features[asked])


def _tuned(
    encoder: SentenceEncoder,
    first: list[str],
    second: list[str],
    weak: Rows,
    features: NDArray[np.float32] | None,
    learnt: Rows,
    kinds: Rows,
    asked: Rows,
    seed: int,
) -> Rows:
    """SetFit: a logistic regression on sentences of the tuned encoder, beside the counted features if there are any."""
    if len(learnt) == 0:
        return weak[asked]
    sentences = pair_sentences(first, second)
    moved = contrastive_encoder(encoder, [sentences[at] for at in learnt], kinds, seed)
    vectors = moved.encode(sentences)
    if features is None:
        return learn_few(vectors[learnt], kinds, vectors).kinds(vectors[asked])
    said = learn_few(vectors[learnt], kinds, vectors).chances(vectors[asked])
    counted = learn_few(features[learnt], kinds, features).chances(features[asked])
    return np.asarray((np.log(said + 1e-9) + np.log(counted + 1e-9)).argmax(axis=1), dtype=np.int64)


def _prompted(
    causal: CausalModel, first: list[str], second: list[str], learnt: Rows, kinds: Rows, asked: Rows, seed: int
) -> Rows:
    shots = [(first[at], second[at], LABELS[kind]) for at, kind in zip(learnt, kinds, strict=True)]
    pairs = [(first[at], second[at]) for at in asked]
    return np.asarray(prompted_kinds(causal, pairs, LABELS, shots).argmax(axis=1), dtype=np.int64)
