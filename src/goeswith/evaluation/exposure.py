"""What the lists show, whether right or not: how much of the catalogue, how evenly, how far from the best sellers."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.evaluation.metrics import ranked


def times_shown(lists: pl.DataFrame, k: int) -> pl.DataFrame:
    """How many lists hold each product in their first k places: product_id, shown."""
    return ranked(lists, k).group_by("product_id").len("shown")


def coverage(n_shown: int, n_products: int) -> float:
    """The share of the products that could be shown which appear in at least one list."""
    return n_shown / n_products if n_products else 0.0


def gini(shown: NDArray[np.integer], n_products: int) -> float:
    """How unevenly products are shown: 0 when all equally often, near 1 when a few fill every list.

    Parameters
    ----------
    shown : times shown, of the products that were; the others count as zero
    n_products : products that could be shown

    Examples
    --------
    >>> gini(np.array([5, 5, 5, 5]), n_products=4)
    0.0
    >>> gini(np.array([20]), n_products=4)
    0.75
    """
    total = int(shown.sum())
    if total == 0 or n_products == 0:
        return 0.0
    ordered = np.sort(shown)
    place = np.arange(n_products - len(ordered) + 1, n_products + 1)  # the unseen hold the lowest places
    return float(((2 * place - n_products - 1) * ordered).sum() / (n_products * total))


def novelty(shown: pl.DataFrame, popularity: pl.DataFrame) -> float:
    """Mean surprise of what is shown, in bits: -log2 of a product's share of all purchases.

    A product that nobody bought counts as if it had one purchase, so that the mean stays finite.

    Parameters
    ----------
    shown : product_id, shown
    popularity : product_id, purchases

    References
    ----------
    Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010.
    """
    total = max(1.0, float(popularity["purchases"].sum() or 0))
    known = shown.join(popularity, on="product_id", how="left")
    bought = known["purchases"].fill_null(0).to_numpy().clip(1)
    weight = known["shown"].to_numpy()
    return float((-np.log2(bought / total) * weight).sum() / weight.sum()) if len(weight) else 0.0


def category_diversity(lists: pl.DataFrame, categories: pl.DataFrame, k: int) -> float:
    """The share of pairs within a list that come from different categories; mean over lists of two products or more.

    Parameters
    ----------
    categories : product_id, category; products without one are left out
    """
    known = ranked(lists, k).join(categories.drop_nulls(), on="product_id")
    same = known.group_by("query", "category").len().with_columns(pairs=pl.col("len") * (pl.col("len") - 1))
    per_list = same.group_by("query").agg(pl.col("len").sum(), pl.col("pairs").sum()).filter(pl.col("len") > 1)
    if per_list.is_empty():
        return 0.0
    return float((1 - per_list["pairs"] / (per_list["len"] * (per_list["len"] - 1))).to_numpy().mean())


def vector_diversity(lists: pl.DataFrame, products: pl.Series, vectors: NDArray[np.float32], k: int) -> float:
    """One less the mean cosine of the pairs within a list; mean over lists of two products or more.

    Parameters
    ----------
    products : (products,), the id of each row of `vectors`
    vectors : (products, d), of length one

    References
    ----------
    Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005.
    """
    row = pl.DataFrame({"product_id": products, "row": np.arange(len(products))})
    known = ranked(lists, k).join(row, on="product_id").sort("query")
    if known.is_empty():
        return 0.0
    starts = np.flatnonzero(np.diff(known["query"].to_numpy(), prepend=-1))
    size = np.diff(starts, append=known.height)
    chosen = vectors[known["row"].to_numpy()].astype(np.float64)
    total = (np.add.reduceat(chosen, starts) ** 2).sum(axis=1)
    alone = np.add.reduceat((chosen**2).sum(axis=1), starts)
    many = size > 1
    cosine = (total - alone)[many] / (size * (size - 1))[many]
    return float(1 - cosine.mean()) if many.any() else 0.0
