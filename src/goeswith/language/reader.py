"""What reads two texts together: the pair classifier, and causal models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import CorruptModel
from goeswith.language.causal import CausalModel, load_causal
from goeswith.language.pair_classifier import PairClassifier


class Reader(Protocol):
    """Says how much likelier descriptions become once a history is known."""

    def lifts(self, history: Sequence[str], candidates: Sequence[str]) -> NDArray[np.float32]:
        """log M(r_i | r_u) − log M(r_i), or what stands for it; (candidates,). history : newest last"""
        ...

    def save(self, folder: Path) -> None:
        """Write a folder that others can load."""
        ...


KINDS: dict[str, type] = {"pair": PairClassifier, "causal": CausalModel}


def kind_of(reader: Reader) -> str:
    """What `load_reader` has to be told."""
    return next(name for name, kind in KINDS.items() if isinstance(reader, kind))


def load_reader(kind: str, folder: Path, device: str = "auto") -> Reader:
    """
    Raises
    ------
    CorruptModel : no such kind, or a damaged folder
    """
    if kind == "pair":
        return PairClassifier.load(folder)
    if kind == "causal":
        return load_causal(folder, device)
    raise CorruptModel(f"{folder}: there is no reader of the kind {kind!r}. Fit again, or update goeswith.")
