"""Use an exported encoder, or a static student, with sentence-transformers alone.

goeswith export SHOP --to encoder --to static
python examples/plain_sentence_transformers.py SHOP/exports/VERSION/encoder "oat milk" "whole milk" "claw hammer"
"""

import json
import sys

import numpy as np
from sentence_transformers import SentenceTransformer


def encode(folder: str, texts: list[str]) -> np.ndarray:
    """Unit vectors, (texts, dimensions)."""
    return SentenceTransformer(folder, device="cpu").encode(texts, normalize_embeddings=True, show_progress_bar=False)


if __name__ == "__main__":
    folder, texts = sys.argv[1], sys.argv[2:]
    vectors = encode(folder, texts)
    print(json.dumps({"texts": texts, "cosines": np.round(vectors @ vectors.T, 4).tolist()}))
