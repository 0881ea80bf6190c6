"""Parts as two safetensors files, so that a model loads in seconds and nothing is recounted."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_array

from goeswith.association.behaviour import Popularity
from goeswith.association.counts import Counts
from goeswith.association.histories import Histories
from goeswith.association.kin import Kin
from goeswith.association.linear import DualEase
from goeswith.association.parts import BasketEase, Meaning, Parts

COUNTS, BEHAVIOUR = "counts.safetensors", "behaviour.safetensors"
SINCE = {
    "popularity.people": "popularity.month", "popularity.lately": "popularity.people",
    "histories.longest": "histories.long", "histories.months": "histories.long",
    "walks.data": "windows.data", "walks.at": "windows.at", "walks.start": "windows.start",
    "stand_ins.item": "kin.item", "stand_ins.weight": "kin.weight",
}  # fmt: skip
"""What versions fitted earlier lack, and what stands in for it, in this order; their rankers ask for none of it."""


def save_parts(parts: Parts, folder: Path) -> None:
    """Everything but what products mean, which has files of its own."""
    counted = _sparse("pairs", parts.counts.pairs) | _sparse("baskets", parts.baskets)
    counted |= {"items": parts.counts.items, "n_baskets": np.array([parts.counts.n_baskets]), "owner": parts.owner}
    save_file(_plain(counted), folder / COUNTS)

    behaviour = _sparse("near", parts.near) | _sparse("windows", parts.windows) | _sparse("walks", parts.walks)
    for name, kin in (("kin", parts.kin), ("stand_ins", parts.stand_ins)):
        behaviour |= {f"{name}.item": kin.item, f"{name}.weight": kin.weight.astype(np.float16)}
    behaviour |= _sparse("interactions", parts.ease.interactions)
    behaviour |= {"kernel": parts.ease.kernel, "precision": parts.ease.precision}
    behaviour |= {"penalty": np.array([parts.ease.penalty], np.float64)}
    behaviour |= {"best": parts.basket_ease.items, "weights": parts.basket_ease.weights.astype(np.float16)}
    behaviour |= {f"popularity.{f.name}": getattr(parts.popularity, f.name) for f in fields(Popularity)}
    behaviour |= {f"histories.{f.name}": getattr(parts.histories, f.name) for f in fields(Histories)}
    save_file(_plain(behaviour), folder / BEHAVIOUR, metadata={"now": parts.now.isoformat()})


def read_parts(folder: Path) -> dict[str, NDArray]:
    """What `save_parts` wrote, as it is calculated with."""
    arrays = load_file(folder / COUNTS) | load_file(folder / BEHAVIOUR)
    for name in ("pairs", "baskets", "near", "windows", "walks", "interactions"):
        if f"{name}.data" not in arrays:  # see SINCE
            continue
        arrays[f"{name}.data"] = arrays[f"{name}.data"].astype(np.float32)
        if len(arrays[f"{name}.at"]) < 2**31:  # else SciPy would widen the columns too
            arrays[f"{name}.start"] = arrays[f"{name}.start"].astype(np.int32)
    for name in ("kin.weight", "stand_ins.weight", "weights"):
        if name in arrays:
            arrays[name] = arrays[name].astype(np.float32)
    return arrays


def parts_from(arrays: Mapping[str, NDArray], meaning: Meaning, now: datetime, text_weight: float) -> Parts:
    """Parts of arrays that `read_parts` gave, as they lie: they may be shared with others and read-only."""
    n = meaning.n_items
    arrays = dict(arrays)
    for name, like in SINCE.items():
        arrays.setdefault(name, arrays[like])
    return Parts(
        now=now,
        meaning=meaning,
        popularity=Popularity(**{f.name: arrays[f"popularity.{f.name}"] for f in fields(Popularity)}),
        histories=Histories(**{f.name: arrays[f"histories.{f.name}"] for f in fields(Histories)}),
        baskets=_matrix(arrays, "baskets", n),
        owner=arrays["owner"],
        counts=Counts(_matrix(arrays, "pairs", n), arrays["items"], int(arrays["n_baskets"][0])),
        near=_matrix(arrays, "near", n),
        windows=_matrix(arrays, "windows", n),
        walks=_matrix(arrays, "walks", n),
        kin=Kin(arrays["kin.item"], arrays["kin.weight"]),
        stand_ins=Kin(arrays["stand_ins.item"], arrays["stand_ins.weight"]),
        ease=DualEase(
            _matrix(arrays, "interactions", n),
            meaning.words,
            arrays["kernel"],
            arrays["precision"],
            float(arrays["penalty"][0]),
            text_weight,
        ),
        basket_ease=BasketEase(arrays["best"], arrays["weights"]),
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


def _matrix(arrays: Mapping[str, NDArray], name: str, n_columns: int) -> csr_array:
    start = arrays[f"{name}.start"]
    return csr_array((arrays[f"{name}.data"], arrays[f"{name}.at"], start), shape=(len(start) - 1, n_columns))
