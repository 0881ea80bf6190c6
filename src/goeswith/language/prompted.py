"""A causal model asked in words: what are these two to each other?"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from goeswith.language.causal import CausalModel

QUESTION = "Products: {a} and {b}. Relation:"
NOTHING = "nothing"
INTRODUCTION = (
    "Two products of a shop either go together (bought for one purpose), or one is a substitute (bought instead of the "
    "other), or they are unrelated.\n"
)


def prompted_kinds(
    causal: CausalModel,
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[str],
    shots: Sequence[tuple[str, str, str]] = (),
) -> NDArray[np.float64]:
    """How likely the model finds each label as the next words, less what it says of two nothings; (pairs, labels).

    Parameters
    ----------
    shots : (a, b, label), answered questions that stand before

    References
    ----------
    Brown et al., "Language Models are Few-Shot Learners", NeurIPS 2020. Zhao et al., "Calibrate Before Use: Improving
    Few-Shot Performance of Language Models", ICML 2021.
    """
    answered = "".join(f"{QUESTION.format(a=a, b=b)} {label}\n" for a, b, label in shots)
    opening = causal.opening_of(INTRODUCTION + answered)
    with torch.inference_mode():
        usual = _scores(causal, opening, (NOTHING, NOTHING), labels)
        return np.stack([_scores(causal, opening, pair, labels) - usual for pair in pairs])


def _scores(
    causal: CausalModel, opening: list[int], pair: tuple[str, str], labels: Sequence[str]
) -> NDArray[np.float64]:
    """log P(label | question), normalised over the labels."""
    question = QUESTION.format(a=pair[0], b=pair[1])
    # The question is the same behind every label, so its own likelihood falls out of the comparison.
    said = np.array(causal.continued(opening, [f"{question} {label}" for label in labels]))
    return said - np.logaddexp.reduce(said)
