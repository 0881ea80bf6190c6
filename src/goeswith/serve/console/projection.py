"""A map of the catalogue: products near each other where their vectors are.

    python -m goeswith.serve.console.projection SHOP VERSION

The products that sell most are laid out by t-SNE in a process of its own, which takes a minute, and kept in the
shop's cache; until it is there, two principal components stand in. All others lie among their nearest neighbours.

References
----------
van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 2008.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LAID_OUT = 3_000
SHOWN = 5_000
NEAREST = 4
FEWEST = 60
"""With fewer products, neighbours say too little for t-SNE."""
Points = NDArray[np.float32]


def folder_for(shop: Path) -> Path:
    return shop / "cache" / "console"


def file_for(shop: Path, version: str) -> Path:
    return folder_for(shop) / f"map-{version}.npy"


def map_of(shop: Path, version: str, vectors: NDArray[np.floating], sold: NDArray[np.int64]) -> tuple[Points, bool]:
    """(items, 2), each from -1 to 1, and whether they are laid out in full."""
    file = file_for(shop, version)
    if file.is_file():
        return np.load(file, allow_pickle=False), True
    return components(np.asarray(vectors, np.float32)), len(vectors) < FEWEST


def lay_out_aside(shop: Path, version: str) -> "subprocess.Popen[bytes]":
    """Begin the layout in a process that gives way to others."""
    command = [sys.executable, "-m", "goeswith.serve.console.projection", str(shop), version]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def components(vectors: NDArray[np.float32]) -> Points:
    """The two directions in which the vectors differ most.

    Examples
    --------
    >>> components(np.array([[1.0, 0], [-1, 0], [0, 0.1]], np.float32)).shape
    (3, 2)
    """
    centred = vectors - vectors.mean(axis=0)
    some = centred[:: max(1, len(centred) // 20_000)]
    _, axes = np.linalg.eigh(some.T @ some)
    return scaled(centred @ axes[:, -2:][:, ::-1])


def laid_out(vectors: NDArray[np.float32], sold: NDArray[np.int64], seed: int = 0) -> Points:
    """Where every product lies: the best sellers by t-SNE, the others among those they are nearest to."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    rows = np.argsort(-sold, kind="stable")[:LAID_OUT]
    some = PCA(min(40, len(rows), vectors.shape[1]), random_state=seed).fit_transform(vectors[rows])
    perplexity = min(30.0, (len(rows) - 1) / 3)
    placed = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, metric="cosine").fit_transform(some)
    whole = np.zeros((len(vectors), 2), np.float32)
    whole[rows] = scaled(placed)
    rest = np.setdiff1d(np.arange(len(vectors)), rows)
    for part in np.array_split(rest, max(1, len(rest) // 2_000)):
        if len(part):
            cosines = vectors[part] @ vectors[rows].T
            k = min(NEAREST, len(rows))
            near = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
            weight = np.exp(8 * np.take_along_axis(cosines, near, axis=1))[..., None]
            whole[part] = (whole[rows[near]] * weight).sum(axis=1) / weight.sum(axis=1)
    return whole


def scaled(points: NDArray[np.floating]) -> Points:
    reach = np.abs(points).max(axis=0)
    return (points / np.where(reach > 0, reach, 1)).astype(np.float32)


def main(shop: Path, version: str) -> None:
    import goeswith as gw

    os.nice(15)
    model = gw.load(shop, version)
    points = laid_out(np.asarray(model.encoded, np.float32), model.parts.counts.items)
    file = file_for(shop, version)
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(f".{os.getpid()}.npy")
    np.save(aside, points, allow_pickle=False)
    os.replace(aside, file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
