"""Parts as two safetensors files, so that a model loads in seconds and nothing is recounted."""

from dataclasses import fields
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_array

from goeswith.association.behaviour import Popularity
from goeswith.association.counts import Counts
from goeswith.association.histories import Histories
from goeswith.association.kin import Kin
from goeswith.association.linear import DualEase
from goeswith.association.parts import BasketEase, Meaning, Parts

COUNTS, BEHAVIOUR = "counts.safetensors", "behaviour.safetensors"


def save_parts(parts: Parts, folder: Path) -> None:
    """Everything but what products mean, which has files of its own."""
    counted = _sparse("pairs", parts.counts.pairs) | _sparse("baskets", parts.baskets)
    counted |= {"items": parts.counts.items, "n_baskets": np.array([parts.counts.n_baskets]), "owner": parts.owner}
    save_file(_plain(counted), folder / COUNTS)

    behaviour = _sparse("near", parts.near) | _sparse("windows", parts.windows)
    behaviour |= {"kin.item": parts.kin.item, "kin.weight": parts.kin.weight.astype(np.float16)}
    behaviour |= _sparse("interactions", parts.ease.interactions)
    behaviour |= {"kernel": parts.ease.kernel, "precision": parts.ease.precision}
    behaviour |= {"penalty": np.array([parts.ease.penalty], np.float64)}
    behaviour |= {"best": parts.basket_ease.items, "weights": parts.basket_ease.weights.astype(np.float16)}
    behaviour |= {f"popularity.{f.name}": getattr(parts.popularity, f.name) for f in fields(Popularity)}
    behaviour |= {f"histories.{f.name}": getattr(parts.histories, f.name) for f in fields(Histories)}
    save_file(_plain(behaviour), folder / BEHAVIOUR, metadata={"now": parts.now.isoformat()})


def basket_weights(folder: Path) -> NDArray[np.float32]:
    """The largest table, as it is calculated with."""
    with safe_open(folder / BEHAVIOUR, "numpy") as file:
        return file.get_tensor("weights").astype(np.float32)


def load_parts(
    folder: Path, meaning: Meaning, now: datetime, text_weight: float, weights: NDArray[np.float32]
) -> Parts:
    """weights : what `basket_weights` gave"""
    counted = load_file(folder / COUNTS)
    with safe_open(folder / BEHAVIOUR, "numpy") as file:
        behaviour = {name: file.get_tensor(name) for name in file.keys() if name != "weights"}  # noqa: SIM118
    n = meaning.n_items
    return Parts(
        now=now,
        meaning=meaning,
        popularity=Popularity(**{f.name: behaviour[f"popularity.{f.name}"] for f in fields(Popularity)}),
        histories=Histories(**{f.name: behaviour[f"histories.{f.name}"] for f in fields(Histories)}),
        baskets=_matrix(counted, "baskets", n),
        owner=counted["owner"],
        counts=Counts(_matrix(counted, "pairs", n), counted["items"], int(counted["n_baskets"][0])),
        near=_matrix(behaviour, "near", n),
        windows=_matrix(behaviour, "windows", n),
        kin=Kin(behaviour["kin.item"], behaviour["kin.weight"].astype(np.float32)),
        ease=DualEase(
            _matrix(behaviour, "interactions", n),
            meaning.words,
            behaviour["kernel"],
            behaviour["precision"],
            float(behaviour["penalty"][0]),
            text_weight,
        ),
        basket_ease=BasketEase(behaviour["best"], weights),
    )


def _plain(arrays: dict[str, NDArray]) -> dict[str, NDArray]:
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _sparse(name: str, table: csr_array) -> dict[str, NDArray]:
    data = table.data
    whole = data.size == 0 or (data.max() < 65_536 and data.min() >= 0 and bool((data == np.rint(data)).all()))
    small = data.astype(np.uint16) if whole else data.astype(np.float32)
    return {
        f"{name}.data": small,
        f"{name}.at": table.indices.astype(np.int32),
        f"{name}.start": table.indptr.astype(np.int64),
    }


def _matrix(arrays: dict[str, NDArray], name: str, n_columns: int) -> csr_array:
    start, at = arrays[f"{name}.start"], arrays[f"{name}.at"]
    if len(at) < 2**31:  # else SciPy would widen the columns too
        start = start.astype(np.int32)
    data = arrays[f"{name}.data"].astype(np.float32)
    return csr_array((data, at, start), shape=(len(start) - 1, n_columns))
