"""What the peers may be set to, and what was chosen for each data set by `python benchmarks/tune_peers.py`.

Every combination of a grid is fitted and judged on the validation slice; the best recall@10 on one task decides.
"""

from collections.abc import Mapping
from typing import Any

GRIDS: dict[str, dict[str, list[Any]]] = {
    "popularity": {"half_life": [7.0, 30.0, 90.0, None]},
    "personal": {"half_life": [30.0, 60.0, 120.0, None]},
    "tifu": {"n_neighbours": [100, 300], "own_share": [0.5, 0.7, 0.9]},
    "item-knn": {"n_neighbours": [50, 200, 500]},
    "bm25": {"n_neighbours": [50, 200, 500], "b": [0.0, 0.15, 0.3, 0.75]},
    "fp-growth": {"support": [0.01, 0.02, 0.03]},
    "ease-customers": {"ridge": [5.0, 20.0, 50.0, 200.0, 500.0, 1_000.0]},
    "ease-baskets": {"ridge": [5.0, 20.0, 50.0, 200.0, 500.0, 1_000.0]},
    "als": {"factors": [64, 128], "alpha": [1.0, 10.0, 40.0], "regularization": [1.0, 10.0]},
    "bpr": {"factors": [64, 128], "iterations": [50, 150, 500]},
    "zero-shot": {"sharpness": [0.05, 0.1, 0.2]},
    "star": {"share": [0.3, 0.5, 0.7], "step": [0.5, 0.7, 0.9]},
    "sasrec": {"dropout": [0.2, 0.5], "epochs": [5, 10, 20]},
}

DECIDED_BY: dict[str, tuple[str, ...]] = {
    "personal": ("A", "C"),
    "tifu": ("A", "C"),
    "fp-growth": ("C anonymous",),
    "ease-baskets": ("C anonymous",),
}
DECIDES = ("B", "next")
"""The first of these tasks that the data has decides; of a peer that shines elsewhere, the task it shines at."""

CHOSEN: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "complete-journey": {
        "popularity": {"half_life": 7.0},
        "personal": {"half_life": 60.0},
        "tifu": {"n_neighbours": 300, "own_share": 0.7},
        "item-knn": {"n_neighbours": 200},
        "bm25": {"n_neighbours": 500, "b": 0.15},
        "fp-growth": {"support": 0.02},
        "ease-baskets": {"ridge": 50.0},
        "ease-customers": {"ridge": 200.0},
        "als": {"factors": 64, "alpha": 1.0, "regularization": 10.0},
        "sasrec": {"dropout": 0.2, "epochs": 5},
    },
    "online-retail": {
        "popularity": {"half_life": 7.0},
        "personal": {"half_life": 60.0},
        "tifu": {"n_neighbours": 300, "own_share": 0.5},
        "item-knn": {"n_neighbours": 50},
        "bm25": {"n_neighbours": 500, "b": 0.3},
        "ease-customers": {"ridge": 500.0},
        "ease-baskets": {"ridge": 20.0},
        "als": {"factors": 128, "alpha": 1.0, "regularization": 10.0},
        "bpr": {"factors": 128, "iterations": 50},
    },
    "scientific": {
        "popularity": {"half_life": 7.0},
        "item-knn": {"n_neighbours": 200},
        "bm25": {"n_neighbours": 500, "b": 0.15},
        "ease-customers": {"ridge": 50.0},
        "als": {"factors": 64, "alpha": 40.0, "regularization": 10.0},
        "bpr": {"factors": 128, "iterations": 500},
        "zero-shot": {"sharpness": 0.2},
        "star": {"share": 0.5, "step": 0.7},
        "sasrec": {"dropout": 0.2, "epochs": 20},
    },
}
"""Data set -> peer -> settings. On The Complete Journey, BPR and the sharpness of the encoder stand as published, and
SASRec has few epochs, for want of time."""
