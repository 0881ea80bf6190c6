"""Adapters alone: what a fine-tuning added to a base, a few MB, stored without it and put on again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from goeswith.errors import CorruptModel, ModelError
from goeswith.language.encoder import SentenceEncoder
from goeswith.language.encoder_folder import ADAPTER, PICKLED
from goeswith.language.moving import ENCODER, Moving, Reach, set_moving

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

ABOUT, WEIGHTS = "adapter.json", "adapter.safetensors"


@dataclass(frozen=True)
class Worn:
    """What was put into a model, how, and the fingerprint of the model without it."""

    moving: Moving
    method: str
    reach: Reach
    base: str


class AdaptedEncoder(SentenceEncoder):
    """An encoder and what was put into it. Stored, it is its base with the adapter in a folder of its own.

    Parameters
    ----------
    moving : what was put in
    method, reach : how
    base : fingerprint of the encoder without it
    """

    def __init__(
        self, model: "SentenceTransformer", prompt: str, moving: Moving, method: str, reach: Reach, base: str
    ) -> None:
        super().__init__(model, prompt)
        self.moving, self.method, self.reach, self.base = moving, method, reach, base

    def save(self, folder: Path) -> None:
        """Write a sentence-transformers folder of the base, and the adapter below it.

        Other libraries read the base there; `load_encoder` reads both.
        """
        with self._taken_off():
            SentenceEncoder(self.model, self.prompt).save(folder)
        self.save_adapter(folder / ADAPTER)

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter alone: adapter.json and adapter.safetensors."""
        weights = {name: weight.detach() for name, weight in self.moving.parameters.items()}
        write_adapter(folder, weights, self.method, self.reach, self.base)

    @contextmanager
    def _taken_off(self) -> Iterator[None]:
        transformer: Any = self.model[0]
        worn = transformer.model
        own = {name: weight.detach().clone() for name, weight in self.moving.parameters.items()}
        transformer.model = self.moving.take_out()
        try:
            yield
        finally:
            if worn is not transformer.model:
                transformer.model = worn
            else:  # taken out of the same module, so put in once more
                self.moving = set_moving(self.method, transformer.model, self.reach, ENCODER)
                fill(self.moving, own)
                self.model.requires_grad_(False)


def write_adapter(folder: Path, weights: dict[str, torch.Tensor], method: str, reach: Reach, base: str) -> None:
    """Write what moved, and on what.

    Parameters
    ----------
    weights : by name, as `Moving.parameters`
    base : fingerprint of the model that they belong to; no path, so that the folder may travel
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.cpu().contiguous().clone() for name, weight in weights.items()}, folder / WEIGHTS)
    about = {"method": method, "reach": asdict(reach), "base": base}
    (folder / ABOUT).write_text(json.dumps(about, indent=2), encoding="utf-8")


def put_on(encoder: SentenceEncoder, folder: Path) -> AdaptedEncoder:
    """This encoder with an adapter in it; in place.

    Raises
    ------
    ModelError : no adapter, a pickled one, or one that was made for another base
    """
    method, reach, base, weights = read_adapter(folder)
    if base != encoder.fingerprint:
        raise ModelError(
            f"{folder}: this adapter was made for another base (fingerprint {base[:8]}…, this one has "
            f"{encoder.fingerprint[:8]}…). Load the encoder that it was trained on, or train it again on this one."
        )
    transformer: Any = encoder.model[0]
    moving = set_moving(method, transformer.model, reach, ENCODER)
    transformer.model = moving.module
    fill(moving, weights, folder)
    encoder.model.requires_grad_(False)
    return AdaptedEncoder(encoder.model, encoder.prompt, moving, method, reach, base)


def read_adapter(folder: Path) -> tuple[str, Reach, str, dict[str, torch.Tensor]]:
    """method, reach, fingerprint of the base, and weights.

    Raises
    ------
    ModelError : no adapter, or a pickled one
    CorruptModel : a damaged one
    """
    if not (folder / WEIGHTS).is_file():
        pickled = [file.name for file in folder.iterdir() if file.suffix in PICKLED] if folder.is_dir() else []
        if pickled:
            raise ModelError(
                f"{folder / pickled[0]}: pickled weights are not read, for they can run any code. "
                "Save the adapter as safetensors."
            )
        raise ModelError(f"{folder}: no adapter here ({WEIGHTS}). Give the folder that save_adapter wrote.")
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return about["method"], Reach(**about["reach"]), about["base"], load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CorruptModel(f"{folder}: the adapter is damaged ({error}). Copy it again, or train it again.") from error


class AdapterRack:
    """Several adapters over one base, one of them on at a time: one for each shop, or each season.

    The base is held once. Putting another one on takes milliseconds; afterwards the weights of the base are exactly
    what they were.

    Examples
    --------
    rack = AdapterRack(load_encoder())
    rack.add("spring", Path("adapters/spring"))
    rack.use("spring").encode(["tulip bulbs"])
    """

    def __init__(self, base: SentenceEncoder) -> None:
        self.base = SentenceEncoder(base.model, base.prompt)
        self.fingerprint = base.fingerprint
        self._folders: dict[str, Path] = {}
        self._worn: tuple[Moving, dict[str, torch.Tensor]] | None = None

    def add(self, name: str, folder: Path) -> None:
        """
        Raises
        ------
        ModelError : no adapter there, or one for another base
        """
        base = read_adapter(folder)[2]
        if base != self.fingerprint:
            raise ModelError(
                f"{folder}: this adapter was made for another base (fingerprint {base[:8]}…, this one has "
                f"{self.fingerprint[:8]}…). Keep it on a rack of its own base."
            )
        self._folders[name] = folder

    def use(self, name: str | None) -> SentenceEncoder:
        """The encoder with this adapter on; None takes it off. What was returned before changes with it."""
        if name is not None and name not in self._folders:
            raise ModelError(f"no adapter {name!r} on this rack. There is: {', '.join(self._folders) or 'none'}.")
        transformer: Any = self.base.model[0]
        if self._worn is not None:
            moving, before = self._worn
            transformer.model = moving.take_out()
            _restore(transformer.model, before)
            self._worn = None
        if name is not None:
            method, reach, _, weights = read_adapter(self._folders[name])
            # What moves in place is put back from here.
            plain = dict(transformer.model.named_parameters())
            before = {key: plain[key].detach().clone() for key in weights if key in plain}
            moving = set_moving(method, transformer.model, reach, ENCODER)
            transformer.model = moving.module
            fill(moving, weights, self._folders[name])
            self._worn = (moving, before)
        self.base.model.requires_grad_(False)
        return SentenceEncoder(self.base.model, self.base.prompt)


def fill(moving: Moving, weights: dict[str, torch.Tensor], folder: Path | None = None) -> None:
    if set(weights) != set(moving.parameters):
        raise CorruptModel(f"{folder}: the adapter's weights are not those of its method. Train it again.")
    with torch.no_grad():
        for name, weight in moving.parameters.items():
            weight.copy_(weights[name])


def _restore(module: "nn.Module", before: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name in before:
                weight.copy_(before[name])
