"""A model version in forms that other programs run: ONNX, word vectors, plain tables of numbers."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from goeswith.data.atomic import disk_errors, folder_replaced
from goeswith.data.shop import Shop
from goeswith.errors import UsageError
from goeswith.language.choice import choose_form, choose_vectors
from goeswith.language.onnx_encoder import export_onnx
from goeswith.language.static_student import StudentConfig, distil
from goeswith.language.vector_cache import CachedEncoder
from goeswith.model import EXPORTS, Model
from goeswith.progress import Note, Progress, Stage
from goeswith.ranking.compact import Compact, Precision, principal_axes
from goeswith.versions import folder_of

Form = Literal["onnx", "static", "vectors", "encoder"]
FORMS: tuple[Form, ...] = ("onnx", "static", "vectors", "encoder")
MEMORY = 500.0
"""MB that a table of vectors may take, unless something else is said."""
READING = 1800.0
"""Seconds that reading the catalogue may take, unless something else is said."""


@dataclass(frozen=True)
class Exported:
    """What was written. folders : form -> where; why : what was chosen, and the reason, in sentences"""

    folders: dict[str, Path]
    why: list[str] = field(default_factory=list)


def export(
    model: Model,
    shop: Shop,
    forms: Sequence[str] = (),
    *,
    folder: Path | None = None,
    precision: Precision | None = None,
    dimensions: int | None = None,
    seconds: float = READING,
    megabytes: float = MEMORY,
    progress: Progress | None = None,
) -> Exported:
    """Write a model version for other programs. Experimental.

    onnx : the encoder for ONNX Runtime, in float and int8; `goeswith related --text` uses it from then on
    static : a student of the encoder, word vectors that sentence-transformers and model2vec load
    vectors : source and target vectors of every product, F's weights, and what they are made of
    encoder : the encoder as a sentence-transformers folder

    Parameters
    ----------
    forms : none: vectors, and the form of the encoder that suits the size of the catalogue
    folder : None: the shop's exports/<version>
    precision, dimensions : of the vectors; None: what fits into `megabytes`
    seconds : that reading the catalogue may take

    Raises
    ------
    UsageError : no such form, or dimensions that the vectors have not
    MissingExtra : ONNX is asked for and not installed
    ShopError : the disk is full; what was there before still is
    """
    unknown = [form for form in forms if form not in FORMS]
    if unknown:
        raise UsageError(f"--to {unknown[0]}: there is no such form. There is: {', '.join(FORMS)}.")
    width = model.parts.meaning.target.shape[1]
    if dimensions is not None and not 1 <= dimensions <= width:
        raise UsageError(f"--dimensions {dimensions}: this model's vectors have 1 to {width}.")
    why = []
    chosen = list(dict.fromkeys(forms))
    if not chosen:
        form = choose_form(model.log.n_items, seconds)
        why.append(form.why)
        chosen = ["vectors", {"pytorch": "encoder"}.get(form.form, form.form)]
    if "vectors" in chosen and (precision is None or dimensions is None):
        fitting = choose_vectors(model.log.n_items, dimensions or width, megabytes)
        if precision is None:
            why.append(fitting[2])
        precision, dimensions = precision or fitting[0], dimensions or (fitting[1] if precision is None else width)
    home = folder or shop.folder / EXPORTS / model.version
    folders = {}
    for form_name in chosen:
        if progress:
            progress(Stage(f"export {form_name}"))
        with folder_replaced(home / form_name) as aside, disk_errors(home / form_name):
            if form_name == "onnx":
                export_onnx(model.encoder, aside)
            elif form_name == "static":
                teacher = CachedEncoder(model.encoder, shop.folder / "cache" / "vectors")
                distil(teacher, model.texts, StudentConfig(seed=model.config.seed)).save(aside)
            elif form_name == "encoder":
                shutil.copytree(folder_of(shop, model.version) / "encoder", aside, dirs_exist_ok=True)
            else:
                assert precision is not None and dimensions is not None
                write_vectors(model, aside, precision, dimensions)
        folders[form_name] = home / form_name
    for reason in why:
        if progress:
            progress(Note(reason))
    return Exported(folders, why)


def write_vectors(model: Model, folder: Path, precision: Precision, dimensions: int) -> None:
    """Tables that numpy alone can read.

    products.parquet : row i of every table is this product
    vectors.safetensors : x (items, d), what F reads, in half precision; source and target (items, kept) as codes with
        a scale for each row, value = code * scale; axes (d, kept), what whole vectors were turned by
    features.safetensors : F; head(x) = x + up(down(x)), made a unit vector
    """
    meaning = model.parts.meaning
    sold = model.parts.counts.items + 1.0  # what is asked about most keeps most
    axes = principal_axes(meaning.source, meaning.target, weight=sold)[:, :dimensions]
    whole = dimensions == meaning.target.shape[1]
    arrays: dict[str, NDArray[Any]] = {"x": meaning.plain.astype(np.float16)}
    for name, table in (("source", meaning.source), ("target", meaning.target)):
        compact = Compact.of(table if whole else table @ axes, precision)
        arrays |= {f"{name}.codes": compact.codes, f"{name}.scale": compact.scale}
    if not whole:
        arrays["axes"] = axes
    about = {"precision": precision, "dimensions": dimensions, "of": meaning.target.shape[1], "version": model.version}
    save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        folder / "vectors.safetensors",
        {"vectors": json.dumps(about)},
    )
    model.log.products.select("product_id", "name").write_parquet(folder / "products.parquet")
    model.layer.save(folder / "features.safetensors")
