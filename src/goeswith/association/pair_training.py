"""Teaching a pair classifier: cross-entropy on labelled pairs, with train, dev and test loss after every epoch."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from goeswith.association.labelled_pairs import LabelledPairs
from goeswith.association.loop import Course, Progress, Schedule, run
from goeswith.language.moving import ENCODER, Reach, set_moving
from goeswith.language.pair_classifier import PairClassifier

HEAD_RATE = 10
"""The head starts from nothing, so it moves so many times as fast as the layers below."""


def train_pair_classifier(
    classifier: PairClassifier,
    texts: Sequence[str],
    draw: Callable[[int], LabelledPairs],
    steps: int,
    *,
    dev: LabelledPairs | None = None,
    test: LabelledPairs | None = None,
    method: str = "last-k",
    top_layers: int = 2,
    rate: float = 6e-5,
    epochs: int = 3,
    checkpoint: Path | None = None,
    identity: str = "",
    report: Callable[[Progress], None] | None = None,
) -> Course:
    """Train in place; the epoch with the lowest dev loss is kept.

    Parameters
    ----------
    texts : (groups,)
    draw : step -> pairs to learn from; by the step alone, so that a resumed run repeats what an unbroken one does
    method : full or last-k; the head always moves

    Raises
    ------
    DataError : contradictory labels
    """
    moving = set_moving(method, classifier.model.base_model, Reach(top_layers=top_layers), ENCODER)
    below = {id(weight) for weight in classifier.model.base_model.parameters()}
    head = [weight for weight in classifier.model.parameters() if id(weight) not in below]
    # The pooler belongs to BERT's base, but is as new to the task as the head.
    pooler = [w for name, w in classifier.model.base_model.named_parameters() if name.startswith("pooler.")]
    for weight in (*head, *pooler):
        weight.requires_grad_(True)
    new = {id(weight) for weight in pooler}
    layers = [weight for weight in moving.parameters.values() if id(weight) not in new]

    def loss_of(pairs: LabelledPairs) -> torch.Tensor:
        read = classifier.logits([texts[a] for a in pairs.first], [texts[b] for b in pairs.second])
        label = torch.from_numpy(pairs.label).to(read.device)
        return cross_entropy(read, torch.stack([1 - label, label], dim=1))

    def backward(step: int) -> float:
        loss = loss_of(draw(step))
        loss.backward()
        return float(loss.detach())

    def mean_loss(pairs: LabelledPairs | None) -> float | None:
        if pairs is None or not len(pairs):
            return None
        with torch.no_grad():
            parts = np.array_split(np.arange(len(pairs)), max(1, len(pairs) // 64))
            losses = [
                float(loss_of(LabelledPairs(pairs.first[rows], pairs.second[rows], pairs.label[rows]))) * len(rows)
                for rows in parts
            ]
        return sum(losses) / len(pairs)

    judged = None if dev is None or not len(dev) else lambda: -(mean_loss(dev) or 0.0)
    course = run(
        {"layers": layers, "head": [*head, *pooler]},
        backward,
        Schedule(steps, epochs, {"layers": rate, "head": HEAD_RATE * rate}, weight_decay=0.0),  # AdamW without is Adam
        losses=lambda: (mean_loss(dev), mean_loss(test)),
        metric=judged,
        checkpoint=checkpoint,
        identity=identity,
        report=report,
    )
    classifier.model.requires_grad_(False)
    return course
