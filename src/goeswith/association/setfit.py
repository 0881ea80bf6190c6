"""Contrastive few-shot learning: pairs of pairs teach an encoder which sentences are of one kind."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import mse_loss

from goeswith.language.adapters import Reach, prepare
from goeswith.language.encoder import SentenceEncoder

STEPS, BATCH, RATE = 40, 12, 3e-5


def pair_sentences(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """What the encoder reads of each pair.

    >>> pair_sentences(["bread"], ["butter"])
    ['bread goes with butter']
    """
    return [f"{a} goes with {b}" for a, b in zip(first, second, strict=True)]


def contrastive_encoder(
    encoder: SentenceEncoder, sentences: Sequence[str], kinds: NDArray[np.int64], seed: int = 0, steps: int = STEPS
) -> SentenceEncoder:
    """A copy of the encoder whose cosine is 1 for sentences of one kind and 0 for others.

    n labels make n (n - 1) / 2 lessons; half of each batch is of one kind.

    References
    ----------
    Tunstall et al., "Efficient Few-Shot Learning Without Prompts" (SetFit), 2022.
    """
    rng = np.random.default_rng(seed)
    tuning = prepare("last-k", encoder, Reach(top_layers=2))
    optimizer = torch.optim.AdamW(tuning.parameters, lr=RATE, weight_decay=0.01)
    left, right = np.triu_indices(len(sentences), k=1)
    same = kinds[left] == kinds[right]
    groups = [np.flatnonzero(same), np.flatnonzero(~same)]
    if any(len(group) == 0 for group in groups):
        return encoder  # one kind alone, or none twice: nothing to contrast
    for _ in range(steps):
        lessons = np.concatenate([rng.choice(group, BATCH // 2) for group in groups])
        texts = [sentences[at] for at in np.concatenate([left[lessons], right[lessons]])]
        optimizer.zero_grad(set_to_none=True)
        vectors = tuning.embed(texts)
        cosines = (vectors[: len(lessons)] * vectors[len(lessons) :]).sum(dim=1)
        loss = mse_loss(cosines, torch.from_numpy(same[lessons].astype(np.float32)).to(cosines.device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tuning.parameters, 1.0)
        optimizer.step()
    return tuning.finish()
