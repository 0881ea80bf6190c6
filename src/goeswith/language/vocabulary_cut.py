"""A causal model that knows a shop's tokens only: most of its time goes into words that no product is called by."""

import re
from collections.abc import Iterable
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from goeswith.errors import UsageError
from goeswith.language.causal import OPENING, CausalModel

_BYTE = re.compile(r"^<0x[0-9A-F]{2}>$")


def cut_vocabulary(causal: CausalModel, texts: Iterable[str]) -> CausalModel:
    """A copy whose first and last layer know the tokens of these texts, special ones, and letters to spell with.

    Likelihoods are then those among the kept tokens: with and without a history alike, so that their difference is
    what it was, but for the share that went to words nobody uses. A token that was cut away is spelt.

    Raises
    ------
    UsageError : it was cut before
    """
    if causal.kept is not None:
        raise UsageError("this vocabulary was cut before. Cut the whole model once, to all the texts.")
    tokenizer, found = causal.tokenizer, set(causal.tokenizer.all_special_ids)
    for ids in tokenizer([OPENING, *(f" {text};" for text in texts)], add_special_tokens=False)["input_ids"]:
        found.update(ids)
    found |= _letters(tokenizer.get_vocab())
    table = causal.model.get_input_embeddings().weight
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else tokenizer.eos_token_id
    rest = sorted(number for number in found if number < len(table) and number != unknown)
    kept = np.array([0 if unknown is None else unknown, *rest], dtype=np.int64)
    model = deepcopy(causal.model)
    rows = torch.from_numpy(kept)
    first, last = model.get_input_embeddings(), model.get_output_embeddings()
    tied = last.weight is first.weight
    first.weight = nn.Parameter(first.weight.detach()[rows].clone(), requires_grad=False)
    first.num_embeddings, first.padding_idx = len(kept), None
    last.weight = first.weight if tied else nn.Parameter(last.weight.detach()[rows].clone(), requires_grad=False)
    last.out_features = len(kept)
    place = {int(old): new for new, old in enumerate(kept)}
    for config in (model.config, model.generation_config):
        for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
            value = getattr(config, name, None)
            if isinstance(value, int):
                setattr(config, name, place.get(value))
    model.config.vocab_size = len(kept)
    return CausalModel(model, tokenizer, kept)


def _letters(vocabulary: dict[str, int]) -> set[int]:
    """What any new word can be spelt with: single bytes and ASCII letters; without bytes, every single character."""
    of_bytes = {number for token, number in vocabulary.items() if _BYTE.match(token)}
    single = {number for token, number in vocabulary.items() if len(token) == 1 and (token.isascii() or not of_bytes)}
    return of_bytes | single
