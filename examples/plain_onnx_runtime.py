"""Use an exported encoder with ONNX Runtime and tokenizers alone: neither goeswith nor PyTorch is imported.

goeswith export SHOP --to onnx
python examples/plain_onnx_runtime.py SHOP/exports/VERSION/onnx "oat milk" "whole milk" "claw hammer"
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


def encode(folder: Path, texts: list[str], file: str = "model_int8.onnx") -> np.ndarray:
    """Unit vectors, (texts, dimensions)."""
    about = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    session = onnxruntime.InferenceSession(str(folder / file), providers=["CPUExecutionProvider"])
    read = tokenizer.encode_batch([about["prompt"] + text for text in texts])
    tokens = np.array([each.ids for each in read], dtype=np.int64)
    mask = np.array([each.attention_mask for each in read], dtype=np.int64)
    return session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]


if __name__ == "__main__":
    folder, texts = Path(sys.argv[1]), sys.argv[2:]
    vectors = encode(folder, texts)
    print(json.dumps({"texts": texts, "cosines": np.round(vectors @ vectors.T, 4).tolist()}))
