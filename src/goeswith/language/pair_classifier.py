"""Two product texts in one sequence, and a head that says whether they go together: the method of the tutorials."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from goeswith.errors import CorruptModel, ModelError
from goeswith.language.encoder import SentenceEncoder, length_buckets
from goeswith.language.encoder_folder import no_network, no_progress_bars

TOGETHER = 1
"""The label of a pair that goes together; 0 is the other."""
MOST_HISTORY = 5
PAIRS_AT_ONCE = 4_000  # characters
MOST_TOKENS = 160


class PairClassifier:
    """A BERT with a sequence-pair head of two labels: the second text goes with the first, or it does not.

    It reads both texts at once, word beside word, which two vectors cannot; so it cannot be asked about a whole
    catalogue, and serves as a reader of the first candidates and as the teacher of the two-vector model.

    Parameters
    ----------
    model : a sequence classifier of two labels
    tokenizer : of the same weights

    References
    ----------
    Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", NAACL 2019.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        limit = int(getattr(model.config, "max_position_embeddings", MOST_TOKENS))
        self.most_tokens = min(MOST_TOKENS, limit, int(getattr(tokenizer, "model_max_length", MOST_TOKENS)))

    @classmethod
    def on(cls, encoder: SentenceEncoder, seed: int = 0) -> "PairClassifier":
        """A classifier whose transformer is a copy of an encoder's and whose head knows nothing yet.

        Raises
        ------
        ModelError : there is no sequence classifier of this architecture
        """
        from transformers import AutoModelForSequenceClassification

        transformer: Any = encoder.model[0]
        config = type(transformer.model.config)(**transformer.model.config.to_dict())
        config.num_labels = 2
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            try:
                model = AutoModelForSequenceClassification.from_config(config)
            except ValueError as error:
                raise ModelError(
                    f"{type(transformer.model).__name__}: there is no pair classifier of this architecture. "
                    "Use the objective contrastive or likelihood."
                ) from error
        weights = transformer.model.state_dict()
        base = getattr(model, model.base_model_prefix)
        wanted = base.state_dict()
        base.load_state_dict({**wanted, **{name: weights[name] for name in wanted if name in weights}})
        return cls(model.to(encoder.model.device), encoder.model.tokenizer)

    def logits(self, first: Sequence[str], second: Sequence[str]) -> Tensor:
        """(pairs, 2), with their gradient."""
        tokens = self.tokenizer(
            list(first), list(second), padding=True, truncation="longest_first", max_length=self.most_tokens,
            return_tensors="pt",
        )  # fmt: skip
        read: Tensor = self.model(**tokens.to(self.model.device)).logits
        return read.float()

    def log_odds(self, first: Sequence[str], second: Sequence[str]) -> NDArray[np.float32]:
        """(pairs,), log of P(together) / P(not); 0 where the classifier has no opinion."""
        joined = [f"{a} {b}" for a, b in zip(first, second, strict=True)]
        found = np.zeros(len(joined), np.float32)
        for rows in length_buckets(joined, PAIRS_AT_ONCE):
            with torch.inference_mode():
                read = self.logits([first[row] for row in rows], [second[row] for row in rows])
            found[rows] = (read[:, TOGETHER] - read[:, 1 - TOGETHER]).cpu().numpy()
        return found

    def lifts(self, history: Sequence[str], candidates: Sequence[str]) -> NDArray[np.float32]:
        """How much each candidate gains from a history (newest last): the mean log-odds beside its last products."""
        known = list(history)[-MOST_HISTORY:]
        if not known or not candidates:
            return np.zeros(len(candidates), np.float32)
        first = [text for text in known for _ in candidates]
        odds = self.log_odds(first, list(candidates) * len(known))
        return odds.reshape(len(known), len(candidates)).mean(axis=0).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write a Hugging Face folder (safetensors) that others can load."""
        with no_progress_bars():
            self.model.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)

    @classmethod
    def load(cls, folder: Path) -> "PairClassifier":
        """
        Raises
        ------
        CorruptModel : the folder is damaged, or of another kind
        """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            with no_network(), no_progress_bars():
                options: dict[str, Any] = {"local_files_only": True}
                model = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True, **options)
                return cls(model, AutoTokenizer.from_pretrained(folder, **options))
        except (OSError, ValueError, SafetensorError, json.JSONDecodeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise CorruptModel(f"{folder}: the pair classifier cannot be read ({reason}). Fit again.") from error
