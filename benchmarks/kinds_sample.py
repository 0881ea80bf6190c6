"""Draw the 200 pairs of benchmarks/kinds.csv, for a reader to label: python benchmarks/kinds_sample.py > pairs.csv

No model has a say in the draw: only attributes and counts of The Complete Journey, until the validation cut. Labels are
added by hand afterwards, from the two descriptions alone.
"""

import sys

import numpy as np
import polars as pl
from scipy.sparse import csr_array, triu

from data_sets import complete_journey

SEED = 4
STRATA = {"together": 60, "one type": 50, "one category": 45, "some baskets": 45}
RARE, SOLD = 5, 20
RARE_SHARE = 0.25
"""Of each stratum, pairs of which one product is in 5 to 19 baskets; of the others both are in 20 or more."""


def main() -> None:
    slice_ = complete_journey("validation")
    rng = np.random.default_rng(SEED)
    lines = slice_.fit.select("basket_id", "product_id").unique()
    count = lines.group_by("product_id").len("baskets").filter(pl.col("baskets") >= RARE)
    goods = slice_.products.join(count, on="product_id").sort("product_id").with_row_index("row")
    lines = lines.join(goods.select("product_id", "row"), on="product_id").sort("basket_id", "row")
    held = csr_array(
        (np.ones(len(lines), np.int32), (lines["basket_id"].rank("dense").to_numpy() - 1, lines["row"].to_numpy()))
    )
    both = triu(held.T @ held, k=1).tocoo()
    n = goods["baskets"].to_numpy()
    lift = held.shape[0] * both.data / (n[both.row] * n[both.col])
    sort, category = (goods[name].rank("dense").to_numpy() for name in ("product_type", "product_category"))

    a, b = rng.integers(0, len(goods), (2, 20_000_000))  # for attributes: any two, never mind baskets
    a, b = np.minimum(a, b)[a != b], np.maximum(a, b)[a != b]
    seen = {
        "together": (both.row, both.col, (both.data >= 4) & (lift >= 3)),
        "one type": (a, b, sort[a] == sort[b]),
        "one category": (a, b, (category[a] == category[b]) & (sort[a] != sort[b])),
        "some baskets": (both.row, both.col, both.data >= 1),
    }
    drawn: dict[tuple[int, int], str] = {}
    for name, size in STRATA.items():
        left, right, fits = seen[name]
        rare = np.minimum(n[left], n[right]) < SOLD
        for among, wanted in ((fits & rare, round(size * RARE_SHARE)), (fits & ~rare, size - round(size * RARE_SHARE))):
            if name == "together":
                among = among & (rare | (both.data >= 12))
            free = [(int(left[at]), int(right[at])) for at in rng.permutation(np.flatnonzero(among))[: 3 * wanted]]
            drawn |= dict.fromkeys([pair for pair in dict.fromkeys(free) if pair not in drawn][:wanted], name)

    parts = rng.permutation(["develop", "judge"] * (len(drawn) // 2))
    columns = ["product_type", "package_size", "product_category", "brand", "department"]
    text = [", ".join(str(value).lower() for value in row if value) for row in goods.select(columns).iter_rows()]
    rows = [
        (goods["product_id"][one], text[one], goods["product_id"][other], text[other], stratum, part, "")
        for ((one, other), stratum), part in zip(drawn.items(), parts.tolist(), strict=True)
    ]
    names = ["product_id_a", "text_a", "product_id_b", "text_b", "stratum", "part", "label"]
    sys.stdout.write(pl.DataFrame(rows, schema=names, orient="row").write_csv())


if __name__ == "__main__":
    main()
