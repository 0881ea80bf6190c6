"""Reading a shop's own texts before any purchase: masked words, twice the same text, a text from its own vector.

Each way is an object with parameters that move, and `backward`, which leaves the gradient of one step; what steps,
saves and judges is the loop that trains everything else.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu

from goeswith.errors import UsageError
from goeswith.language.encoder import SentenceEncoder
from goeswith.language.moving import ENCODER, Reach, set_moving

BATCH = 32
MASKED = 0.15
DELETED = 0.6
"""Share of the words that TSDAE takes away, as in its paper."""
TEMPERATURE = 0.05
DROPOUT = 0.1


class Pretraining(Protocol):
    """A copy of an encoder that reads texts alone."""

    parameters: list[nn.Parameter]

    def backward(self, step: int) -> float:
        """Leave the gradients of this step and return its loss; it depends on the step alone."""
        ...

    def finish(self) -> SentenceEncoder:
        """The encoder that has read."""
        ...


class _Reader:
    """What the three ways share: the copy, what moves in it, and which texts a step reads."""

    def __init__(self, encoder: SentenceEncoder, texts: Sequence[str], seed: int, top_layers: int | None) -> None:
        self.encoder = SentenceEncoder(deepcopy(encoder.model), encoder.prompt)
        self.texts, self.seed = [text for text in texts if text], seed
        transformer: Any = self.encoder.model[0]
        method = "full" if top_layers is None else "last-k"
        moving = set_moving(method, transformer.model, Reach(top_layers=top_layers or 1), ENCODER)
        self.parameters = list(moving.parameters.values())
        self.transformer = transformer.model

    def drawn(self, step: int) -> tuple[list[str], np.random.Generator]:
        rng = np.random.default_rng([self.seed, 31, step])
        rows = rng.choice(len(self.texts), min(BATCH, len(self.texts)), replace=False)
        return [self.texts[row] for row in sorted(rows.tolist(), key=lambda row: len(self.texts[row]))], rng

    def finish(self) -> SentenceEncoder:
        self.encoder.model.requires_grad_(False)
        self.encoder.model.eval()
        return SentenceEncoder(self.encoder.model, self.encoder.prompt)

    def _more(self, module: nn.Module) -> Any:
        """A head that is new; it moves too, and is thrown away afterwards."""
        self.parameters += list(module.parameters())
        return module.to(self.encoder.model.device)

    @property
    def embeddings(self) -> Tensor:
        return self.transformer.get_input_embeddings().weight


class MaskedWords(_Reader):
    """MLM: a share of the words is masked and told from the others. The head is asked about masked places only.

    References
    ----------
    Devlin et al., "BERT", NAACL 2019; Gururangan et al., "Don't Stop Pretraining", ACL 2020.
    """

    def __init__(self, encoder: SentenceEncoder, texts: Sequence[str], seed: int = 0, top_layers: int | None = 2):
        super().__init__(encoder, texts, seed, top_layers)
        tokenizer = self.encoder.model.tokenizer
        if tokenizer.mask_token_id is None:
            raise UsageError("this encoder has no word that stands for a masked one: use simcse or tsdae instead.")
        width = self.embeddings.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = self._more(nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width)))
            self.bias = self._more(_Bias(self.embeddings.shape[0]))

    def backward(self, step: int) -> float:
        texts, rng = self.drawn(step)
        tokens = self.encoder.tokens(texts)
        ids, tokenizer = tokens["input_ids"], self.encoder.model.tokenizer
        special = torch.isin(ids.cpu(), torch.tensor(tokenizer.all_special_ids))
        chosen = torch.from_numpy(rng.random(tuple(ids.shape)) < MASKED) & ~special
        if not chosen.any():
            chosen = ~special & (torch.cumsum(~special, dim=1) == 1)  # at least one word a text
        # Of ten, eight are masked, one is another word, one stays.
        fate = torch.from_numpy(rng.random(tuple(ids.shape)))
        other = torch.from_numpy(rng.integers(0, len(tokenizer), tuple(ids.shape)))
        shown = torch.where(chosen & (fate < 0.8), tokenizer.mask_token_id, ids.cpu())
        shown = torch.where(chosen & (fate >= 0.9), other, shown).to(ids.device)
        hidden = self.encoder.model[0]({**tokens, "input_ids": shown})["token_embeddings"]  # (texts, words, d)
        at = chosen.to(ids.device)
        logits = self.head(hidden[at]) @ self.embeddings.T + self.bias.value  # (masked, vocabulary)
        loss = cross_entropy(logits, ids[at])
        loss.backward()
        return float(loss.detach())


class TwiceTheSame(_Reader):
    """SimCSE: a text read twice with different dropout is nearer to itself than to any other text.

    References
    ----------
    Gao et al., "SimCSE: Simple Contrastive Learning of Sentence Embeddings", EMNLP 2021.
    """

    def __init__(self, encoder: SentenceEncoder, texts: Sequence[str], seed: int = 0, top_layers: int | None = 2):
        super().__init__(encoder, texts, seed, top_layers)
        for part in self.encoder.model.modules():
            if isinstance(part, nn.Dropout):
                part.p = DROPOUT

    def backward(self, step: int) -> float:
        texts, _ = self.drawn(step)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * 1_000_003 + step)
            self.encoder.model.train()
            first = self.encoder.embed(self.encoder.tokens(texts))
            second = self.encoder.embed(self.encoder.tokens(texts))
            self.encoder.model.eval()
        cosines = first @ second.T / TEMPERATURE
        loss = cross_entropy(cosines, torch.arange(len(texts), device=cosines.device))
        loss.backward()
        return float(loss.detach())


class FromItsVector(_Reader):
    """TSDAE: of a text most words are taken away; from the vector of what is left, one decoder layer writes it whole.

    The decoder sees the vector alone, so what the text says must be in it. One layer with the encoder's own word
    vectors, new each time, takes the place of the paper's tied copy of the encoder: it costs a sixth.

    References
    ----------
    Wang et al., "TSDAE: Using Transformer-based Sequential Denoising Auto-Encoder for Unsupervised Sentence Embedding
    Learning", Findings of EMNLP 2021.
    """

    def __init__(self, encoder: SentenceEncoder, texts: Sequence[str], seed: int = 0, top_layers: int | None = 2):
        super().__init__(encoder, texts, seed, top_layers)
        width = self.embeddings.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = self._more(
                nn.TransformerDecoderLayer(width, 4, 2 * width, dropout=0.0, activation=gelu, batch_first=True)
            )
            self.place = self._more(nn.Embedding(512, width))

    def backward(self, step: int) -> float:
        texts, rng = self.drawn(step)
        thinned = [_thinned(text, rng) for text in texts]
        vector = self.encoder.embed(self.encoder.tokens(thinned))[:, None, :]  # (texts, 1, d)
        tokens = self.encoder.tokens(texts)
        ids, mask = tokens["input_ids"][:, :512], tokens["attention_mask"][:, :512].bool()
        words = self.embeddings[ids] + self.place(torch.arange(ids.shape[1], device=ids.device))
        later = nn.Transformer.generate_square_subsequent_mask(ids.shape[1] - 1, device=ids.device)
        written = self.layer(words[:, :-1], vector, tgt_mask=later, tgt_is_causal=True)  # (texts, words - 1, d)
        asked = mask[:, 1:]
        loss = cross_entropy(written[asked] @ self.embeddings.T, ids[:, 1:][asked])
        loss.backward()
        return float(loss.detach())


WAYS: dict[str, Callable[..., Pretraining]] = {"mlm": MaskedWords, "simcse": TwiceTheSame, "tsdae": FromItsVector}


class _Bias(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(n))


def _thinned(text: str, rng: np.random.Generator) -> str:
    """
    >>> _thinned("oat milk", np.random.default_rng(0)) in ("oat", "milk", "oat milk")
    True
    """
    # Chinese has no blanks between words; there characters are taken away.
    words = text.split(" ") if " " in text else list(text)
    kept = [word for word in words if rng.random() >= DELETED] or [words[int(rng.integers(len(words)))]]
    return (" " if " " in text else "").join(kept)
