"""Use exported vectors and the weights of the feature layer F in Keras on TensorFlow: no PyTorch, no goeswith.

goeswith export SHOP --to vectors --precision float
python examples/plain_keras.py SHOP/exports/VERSION/vectors PRODUCT

F's head is x + up(down(x)), made a unit vector. Built of Keras layers here, it can be trained further, or served.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import polars as pl
import tensorflow as tf
from safetensors.numpy import load_file


def head(weights: dict[str, np.ndarray], name: str) -> keras.Model:
    """The source or the target head of F as a Keras model."""
    down, up, bias = (weights[f"{name}_head.{part}"] for part in ("down.weight", "up.weight", "up.bias"))
    x = keras.Input(shape=(down.shape[1],))
    # Keras has its matrices the other way round.
    low = keras.layers.Dense(down.shape[0], use_bias=False, name="down")
    high = keras.layers.Dense(up.shape[0], name="up")
    moved = keras.layers.Add()([x, high(low(x))])
    model = keras.Model(x, keras.layers.UnitNormalization(axis=-1)(moved))
    low.set_weights([down.T])
    high.set_weights([up.T, bias])
    return model


def opened(tables: dict[str, np.ndarray], name: str) -> np.ndarray:
    """(items, kept): codes times the scale of their row."""
    return tables[f"{name}.codes"].astype(np.float32) * tables[f"{name}.scale"][:, None]


def main(folder: Path, product: str) -> None:
    tables, weights = load_file(folder / "vectors.safetensors"), load_file(folder / "features.safetensors")
    products = pl.read_parquet(folder / "products.parquet")
    x = tables["x"].astype(np.float32)
    source, target = (head(weights, name).predict(x, verbose=0) for name in ("source", "target"))
    if "axes" in tables:
        source, target = source @ tables["axes"], target @ tables["axes"]
    apart = max(float(np.abs(a - opened(tables, n)).max()) for a, n in ((source, "source"), (target, "target")))
    row = products["product_id"].cast(pl.String).to_list().index(product)
    scores = tf.linalg.matvec(opened(tables, "target"), opened(tables, "source")[row]).numpy()
    scores[row] = -np.inf
    best = np.argsort(-scores)[:5]
    print(json.dumps({"apart": apart, "nearest": products["product_id"].gather(best).cast(pl.String).to_list()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
