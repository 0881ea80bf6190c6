"""M as a causal model (GPT family): how likely a product's description is, with and without a history before it."""

import hashlib
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from goeswith.errors import CorruptModel, ModelError
from goeswith.language.adapter_folder import Worn, fill, read_adapter, write_adapter
from goeswith.language.causal_folder import causal_folder, check_causal_folder
from goeswith.language.encoder import _device
from goeswith.language.encoder_folder import ADAPTER, no_network, no_progress_bars
from goeswith.language.moving import CAUSAL, set_moving

OPENING = "Bought together:"
MOST_WORDS = 64
"""Tokens of one product that are read; names are shorter, descriptions say the main thing first."""
MOST_HISTORY = 12
AT_ONCE = 16
KEPT = "kept_tokens.safetensors"
UNKNOWN = 0
"""Where the unknown token stands among those that were kept."""


class CausalModel:
    """Token log-likelihoods of product descriptions.

    A history is written as "Bought together: bread; butter;", a product as " jam;" with its end, so that descriptions
    of any length are compared as wholes. Each product is tokenized alone: with and without a history its tokens are
    the same, and the history's can be computed once for all candidates.

    Parameters
    ----------
    model, tokenizer : a transformer with a language-model head
    kept : (vocabulary,), the tokenizer's ids that the model still knows, in its order; None: all (`vocabulary_cut.py`)
    """

    def __init__(self, model: Any, tokenizer: Any, kept: NDArray[np.int64] | None = None) -> None:
        self.model, self.tokenizer, self.kept = model.eval(), tokenizer, kept
        self._place = None if kept is None else {int(old): new for new, old in enumerate(kept)}
        self._alone: dict[str, float] = {}
        self._spellings: dict[int, list[int]] = {}
        self.worn: Worn | None = None
        self._begun: tuple[list[int], tuple[Any, Tensor, int]] | None = None

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def most_tokens(self) -> int:
        config = self.model.config
        limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
        return min([int(limit) for limit in limits if limit] or [1024])

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each product, " text;"."""
        if not texts:
            return []
        found = self.tokenizer([f" {text};" for text in texts], add_special_tokens=False)["input_ids"]
        return [self._known(ids[:MOST_WORDS]) for ids in found]

    def opening(self, history: Sequence[str] = (), room: int = MOST_WORDS) -> list[int]:
        """The tokens of a history, newest last; the oldest are left out where it is longer than the model reads.

        Parameters
        ----------
        room : tokens that must still fit behind it
        """
        first = self.tokenizer.bos_token_id
        head = ([first] if first is not None else []) + self.tokenizer(OPENING, add_special_tokens=False)["input_ids"]
        pieces = self.pieces(list(history)[-MOST_HISTORY:])
        start = self._known(head)
        while pieces and len(start) + sum(map(len, pieces)) + room > self.most_tokens:
            pieces.pop(0)
        return start + [token for piece in pieces for token in piece]

    def log_likelihoods(self, history: Sequence[str], texts: Sequence[str], shared: bool = True) -> NDArray[np.float64]:
        """log M(text | history) of each text, in nats; (texts,)

        Parameters
        ----------
        shared : compute what the history does to the model once (key/value cache), not once for each text
        """
        if not texts:
            return np.zeros(0)
        pieces = self.pieces(texts)
        opening = self.opening(history, max(map(len, pieces)))
        found = np.zeros(len(texts))
        order = sorted(range(len(texts)), key=lambda at: len(pieces[at]))
        with torch.inference_mode():
            # Virtual words stand before the history: PEFT puts them there anew each time, so nothing is kept.
            prompted = self.worn is not None and self.worn.method in ("prefix", "prompt")
            known = self._read(opening) if shared and not prompted else None
            for start in range(0, len(order), AT_ONCE):
                rows = order[start : start + AT_ONCE]
                some = [pieces[row] for row in rows]
                found[rows] = self._after(known, some) if known else self._anew(opening, some)
        return found

    def opening_of(self, prompt: str) -> list[int]:
        """The tokens of any words to begin with; the earliest are left out where it is longer than the model reads."""
        first = self.tokenizer.bos_token_id
        words = self._known(self.tokenizer(prompt, add_special_tokens=False)["input_ids"])
        room = self.most_tokens - 2 * MOST_WORDS
        return ([first] if first is not None else []) + words[-room:]

    def continued(self, opening: list[int], texts: Sequence[str]) -> list[float]:
        """log M(text | opening) of each text, in nats; what the opening does to the model is computed once."""
        pieces = [self._known(self.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
        with torch.inference_mode():
            if self.worn is not None and self.worn.method in ("prefix", "prompt"):
                return self._anew(opening, pieces)
            if self._begun is None or self._begun[0] != opening:
                self._begun = (opening, self._read(opening))
            return self._after(self._begun[1], pieces)

    def lifts(self, history: Sequence[str], candidates: Sequence[str]) -> NDArray[np.float32]:
        """log M(r_i | r_u) − log M(r_i): how much likelier each description became; (candidates,)

        What a description is worth without a history is computed once for each text.
        """
        new = [text for text in dict.fromkeys(candidates) if text not in self._alone]
        self._alone.update(zip(new, self.log_likelihoods((), new).tolist(), strict=True))
        alone = np.array([self._alone[text] for text in candidates])
        return (self.log_likelihoods(history, candidates) - alone).astype(np.float32)

    def loss(self, histories: Sequence[Sequence[str]], targets: Sequence[str]) -> Tensor:
        """Mean negative log-likelihood of the targets' tokens after their histories; with its gradient."""
        pieces = self.pieces(targets)
        rows = [(self.opening(own, len(one)), one) for own, one in zip(histories, pieces, strict=True)]
        ids, mask, asked = self._padded([(opening, piece) for opening, piece in rows])
        logits = self._logits(ids, mask)
        return cross_entropy(logits[:, :-1][asked[:, 1:]].float(), ids[:, 1:][asked[:, 1:]])

    @property
    def fingerprint(self) -> str:
        """Content hash of the weights and of what was cut from the vocabulary."""
        hasher = hashlib.blake2b(b"" if self.kept is None else self.kept.tobytes(), digest_size=16)
        for name, weight in sorted(self.model.state_dict().items()):
            hasher.update(name.encode())
            hasher.update(weight.detach().cpu().contiguous().float().numpy().tobytes())
        return hasher.hexdigest()

    def wear(self, worn: Worn) -> None:
        """Go on with what was put into the model."""
        self.worn, self.model = worn, worn.moving.module.eval()
        self.forget()

    def settled(self) -> "CausalModel":
        """The same with plain weights, where plain weights can do what was learnt."""
        for weight in self.model.parameters():
            weight.requires_grad_(False)
        self.forget()
        if self.worn is not None and self.worn.moving.merge is not None:
            self.model, self.worn = self.worn.moving.merge().eval(), None
        return self

    def forget(self) -> None:
        """To be called after the weights have moved."""
        self._alone.clear()
        self._begun = None

    def save(self, folder: Path) -> None:
        """Write a Hugging Face folder (safetensors) that others can load; an adapter lies below it."""
        worn = self.worn
        own = {} if worn is None else {name: w.detach().clone() for name, w in worn.moving.parameters.items()}
        base: Any = self.model if worn is None else worn.moving.take_out()
        with no_progress_bars():
            base.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)
        if worn is not None:
            write_adapter(folder / ADAPTER, own, worn.method, worn.reach, worn.base)
            self.wear(Worn(set_moving(worn.method, base, worn.reach, CAUSAL), worn.method, worn.reach, worn.base))
            fill(self.worn.moving, own)  # type: ignore[union-attr]
            self.model.requires_grad_(False)
        if self.kept is not None:
            save_file({"kept": self.kept}, folder / KEPT)

    def _read(self, opening: list[int]) -> tuple[Any, Tensor, int]:
        """The cache of an opening, the log-probabilities of what may follow it (vocabulary,), and its length."""
        ids = torch.tensor([opening], device=self.device)
        out = self.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True)
        return out.past_key_values, out.logits[0, -1].float().log_softmax(dim=-1), len(opening)

    def _after(self, known: tuple[Any, Tensor, int], pieces: list[list[int]]) -> list[float]:
        cache, first, length = known
        own = deepcopy(cache)
        own.batch_repeat_interleave(len(pieces))
        ids, mask, _ = self._padded([([], piece) for piece in pieces])
        before = torch.ones(len(pieces), length, dtype=mask.dtype, device=mask.device)
        whole = torch.cat([before, mask], dim=1)
        logits = self.model(input_ids=ids, attention_mask=whole, past_key_values=own, use_cache=True).logits
        later = _of_tokens(logits[:, :-1], ids[:, 1:]) * mask[:, 1:]
        return (first[ids[:, 0]] + later.sum(dim=1)).tolist()

    def _anew(self, opening: list[int], pieces: list[list[int]]) -> list[float]:
        ids, mask, asked = self._padded([(opening, piece) for piece in pieces])
        logits = self._logits(ids, mask)
        return (_of_tokens(logits[:, :-1], ids[:, 1:]) * asked[:, 1:]).sum(dim=1).tolist()

    def _logits(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(rows, tokens, vocabulary), of the words that were written alone."""
        logits: Tensor = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return logits[:, -ids.shape[1] :]

    def _padded(self, rows: list[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor, Tensor]:
        """ids, attention mask and which tokens are asked about, each (rows, tokens); padded on the right."""
        width = max(len(opening) + len(piece) for opening, piece in rows)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask, asked = torch.zeros_like(ids), torch.zeros(len(rows), width, dtype=torch.bool)
        for at, (opening, piece) in enumerate(rows):
            whole = opening + piece
            ids[at, : len(whole)] = torch.tensor(whole)
            mask[at, : len(whole)] = 1
            asked[at, len(opening) : len(whole)] = True
        return ids.to(self.device), mask.to(self.device), asked.to(self.device)

    def _known(self, ids: list[int]) -> list[int]:
        """The model's own numbers; a token that was cut away is spelt."""
        place = self._place
        if place is None:
            return ids
        return [own for token in ids for own in ([place[token]] if token in place else self._spelt(token))]

    def _spelt(self, token: int) -> list[int]:
        """A token in single characters, else bytes, else the unknown one."""
        if token not in self._spellings:
            vocabulary, place = self.tokenizer.get_vocab(), self._place or {}
            spelling: list[int] = []
            for letter in self.tokenizer.convert_ids_to_tokens(token):
                units = [letter] if letter in vocabulary else [f"<0x{byte:02X}>" for byte in letter.encode()]
                spelling += [place.get(vocabulary.get(unit, -1), UNKNOWN) for unit in units]
            self._spellings[token] = spelling
        return self._spellings[token]


def load_causal(name: str | Path, device: str = "auto") -> CausalModel:
    """A causal model by name: packaged:gemma-3-270m, a folder, or a hub name where there is a network.

    Raises
    ------
    ModelError : no such folder or name, no weights, no tokenizer, pickled weights, or more than the memory holds
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = causal_folder(name)
    where: Any = str(name) if folder is None else str(folder)
    options: dict[str, Any] = {"use_safetensors": True}
    try:
        with no_progress_bars():
            if folder is None:
                model = AutoModelForCausalLM.from_pretrained(where, **options)
                tokenizer = AutoTokenizer.from_pretrained(where)
            else:
                check_causal_folder(folder)
                with no_network():
                    model = AutoModelForCausalLM.from_pretrained(where, local_files_only=True, **options)
                    tokenizer = AutoTokenizer.from_pretrained(where, local_files_only=True)
    except ModelError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"{name}: the causal model could not be loaded ({reason}). Give a folder that save_pretrained wrote, or "
            "packaged:gemma-3-270m."
        ) from error
    kept = None
    if folder is not None and (folder / KEPT).is_file():
        try:
            kept = load_file(folder / KEPT)["kept"]
        except (SafetensorError, KeyError) as error:
            raise CorruptModel(f"{folder / KEPT}: cannot be read ({error}). Copy the whole folder again.") from error
    loaded: Any = model
    causal = CausalModel(loaded.to(_device(device)).float(), tokenizer, kept)
    if folder is not None and (folder / ADAPTER).is_dir():
        method, reach, base, weights = read_adapter(folder / ADAPTER)
        if base != causal.fingerprint:
            raise ModelError(
                f"{folder / ADAPTER}: this adapter was made for another base. Copy the whole folder again."
            )
        causal.wear(Worn(set_moving(method, causal.model, reach, CAUSAL), method, reach, base))
        fill(causal.worn.moving, weights, folder / ADAPTER)  # type: ignore[union-attr]
    causal.model.requires_grad_(False)
    return causal


def _of_tokens(logits: Tensor, ids: Tensor) -> Tensor:
    """Log-probability of each token; (rows, tokens)."""
    flat = cross_entropy(logits.flatten(0, 1).float(), ids.flatten(), reduction="none")
    return -flat.view_as(ids)
