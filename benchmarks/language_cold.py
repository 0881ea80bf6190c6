"""Cold products: the encoder as it came, TF-IDF, F alone on frozen M, theta and F together; each with its own scale."""

import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goeswith.association.features import ProductInputs, blocks
from goeswith.association.finetune import FinetuneConfig, finetune_encoder
from goeswith.association.lexical import fit_lexicon
from goeswith.association.train import FeatureConfig, train_features
from goeswith.evaluation.intervals import bootstrap, paired_bootstrap
from goeswith.language.encoder import load_encoder
from goeswith.language.vector_cache import CachedEncoder
from goeswith.language.words import words
from language_slices import Cold, cold_slice, recall_and_ndcg, sharpened

SCALES = (2.0, 5.0, 10.0, 20.0, 40.0)
Two = tuple[NDArray[np.float32], NDArray[np.float32]]


def vectors_of(cold: Cold, seed: int, seconds: float, steps: int, vectors: Path | None) -> dict[str, Two]:
    """Source and target vectors of each method, (items, d); without seconds, theta is left out."""
    encoder = load_encoder()
    cached = CachedEncoder(encoder, vectors) if vectors else encoder
    plain = cached.encode(cold.texts)
    terms = [words(text) for text in cold.texts]
    rows = fit_lexicon(terms, 384, seed).describe(terms).toarray().astype(np.float32)
    reduced = fit_lexicon(terms, 384, seed).vectors(terms)
    alike = np.unique(cold.texts, return_inverse=True)[1].astype(np.int64)

    def featured(x: NDArray[np.float32]) -> Two:
        inputs = ProductInputs(x)
        layer = train_features(inputs, cold.later, FeatureConfig(seed=seed, steps=steps, scale=10.0), group=alike)
        return layer.vectors(inputs)

    found = {
        "zero-shot": (plain, plain),
        "TF-IDF": (rows, rows),
        "F alone": featured(plain),
        "F alone, M and words": featured(blocks(plain, reduced)),
    }
    if not seconds:
        return found
    began = time.process_time()
    tuned = finetune_encoder(
        cold.texts, cold.log, encoder, FinetuneConfig(seconds=seconds, seed=seed), validation=cold.later
    )
    print(f"theta: {tuned.reason} ({time.process_time() - began:.0f} s, {tuned.course.step} steps)", flush=True)
    if tuned.used:
        moved = tuned.encoder.encode(cold.texts)
        found |= {
            "theta alone": (moved, moved),
            "theta and F": featured(moved),
            "theta and F, M and words": featured(blocks(moved, reduced)),
        }
    return found


def cold_products(
    data: str, part: str, seed: int, chosen: Path, seconds: float = 90.0, steps: int = 400, vectors: Path | None = None
) -> None:
    """On validation, the scale of each method is chosen and written; on test it is read."""
    cold = cold_slice(data, part)
    print(
        f"{data}, {part}: {len(cold.truth)} customers, {len(cold.hidden)} hidden products, "
        f"{cold.later.purchases.height:,} purchases of others",
        flush=True,
    )
    scales: dict[str, float] = json.loads(chosen.read_text()) if part == "test" else {}
    reached = {}
    for name, (source, target) in vectors_of(cold, seed, seconds, steps, vectors).items():
        if part == "validation":
            tried = {s: recall_and_ndcg(sharpened(source, target, cold, s), cold)[1].mean() for s in SCALES}
            scales[name] = max(tried, key=lambda s: tried[s])
        scale = scales.get(name, 10.0)
        reached[name] = recall_and_ndcg(sharpened(source, target, cold, scale), cold)
    if part == "validation":
        chosen.write_text(json.dumps(scales))
    print("| method | scale | recall@10 | NDCG@10 | NDCG less F alone |\n|---|---|---|---|---|")
    for name, (recall, ndcg) in reached.items():
        less = paired_bootstrap(ndcg, reached["F alone"][1])
        print(
            f"| {name} | {scales.get(name, 10.0):g} | {bootstrap(recall)} | {bootstrap(ndcg)} | "
            f"{less.mean:+.4f} [{less.low:+.4f}, {less.high:+.4f}] |",
            flush=True,
        )
