"""From a product, in the catalogue or not, to the vectors that say what it means."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from goeswith.association.features import FeatureLayer, ProductInputs, blocks
from goeswith.association.halves import in_half
from goeswith.association.lexical import Lexicon, fit_lexicon, terms_of, value_columns
from goeswith.association.parts import Meaning, shelves_of
from goeswith.language.encoder import Encoder
from goeswith.language.item_text import ItemTextConfig, item_text
from goeswith.language.text_fields import text_fields

Array = NDArray[np.float32]
LEXICON, TERMS, LAYER = "lexicon.safetensors", "terms.json", "features.safetensors"


@dataclass(frozen=True)
class Reading:
    """What was read of some products.

    texts : (items,); encoded : (items, d) by M, 0 where there is no text; words : (items, w), the reduced lexical view
    """

    texts: list[str]
    encoded: Array
    words: Array

    @cached_property
    def inputs(self) -> ProductInputs:
        return ProductInputs(blocks(self.encoded, self.words))

    @cached_property
    def alike(self) -> NDArray[np.int64]:
        """(items,), a number for each text: products that read alike share one."""
        return np.unique(self.texts, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Describer:
    """How this shop's products are read: the sentence, M, and the lexicon.

    attributes : columns that group products, finest first
    """

    text: ItemTextConfig
    attributes: list[str]
    lexicon: Lexicon
    encoder: Encoder

    def read(self, products: pl.DataFrame) -> Reading:
        texts = item_text(products, self.text)
        terms = terms_of(products, texts, self.attributes)
        return Reading(texts, encode(self.encoder, texts), self.lexicon.vectors(terms))

    def save(self, folder: Path) -> None:
        arrays = {"weights": self.lexicon.weights, "axes": self.lexicon.axes.astype(np.float16)}
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, folder / LEXICON)
        facts = {
            "text": self.text.model_dump(mode="json"),
            "attributes": self.attributes,
            "terms": sorted(self.lexicon.terms, key=lambda term: self.lexicon.terms[term]),
        }
        (folder / TERMS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder, axes: Array | None = None) -> "Describer":
        """axes : of the lexicon, as `lexicon_axes` gives them, where they are at hand"""
        facts = json.loads((folder / TERMS).read_text(encoding="utf-8"))
        terms = {term: at for at, term in enumerate(facts["terms"])}
        with safe_open(folder / LEXICON, "numpy") as file:
            weights = file.get_tensor("weights")
        lexicon = Lexicon(terms, weights, lexicon_axes(folder) if axes is None else axes)
        return cls(ItemTextConfig.model_validate(facts["text"]), facts["attributes"], lexicon, encoder)


def lexicon_axes(folder: Path) -> Array:
    with safe_open(folder / LEXICON, "numpy") as file:
        return file.get_tensor("axes").astype(np.float32)


def fit_describer(
    products: pl.DataFrame, text: ItemTextConfig, encoder: Encoder, dimensions: int, seed: int
) -> Describer:
    """Choose the fields and the words that tell this catalogue's products apart."""
    fixed = text.model_copy(update={"fields": text.fields or text_fields(products)})
    attributes = value_columns(products)
    texts = item_text(products, fixed)
    return Describer(fixed, attributes, fit_lexicon(terms_of(products, texts, attributes), dimensions, seed), encoder)


def encode(encoder: Encoder, texts: list[str]) -> Array:
    """(texts, d), unit vectors in half precision; 0 for a text that is empty."""
    vectors = np.array(encoder.encode(texts), dtype=np.float32)
    vectors[[not text for text in texts]] = 0.0
    return in_half(vectors)


def meaning_of(reading: Reading, layer: FeatureLayer, products: pl.DataFrame, attributes: list[str]) -> Meaning:
    inputs = reading.inputs
    source, target = layer.vectors(inputs)
    return Meaning(reading.words, inputs.x, source, target, shelves_of(products, attributes))
