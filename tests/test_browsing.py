"""What customers look at weighs in: the same shop with and without its views."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from goeswith.config import FitConfig
from goeswith.data.log import Log
from goeswith.flow import learn
from goeswith.testing.big_corner_shop import BigShop, big_corner_shop

CONFIG = FitConfig.model_validate(
    {
        "finetune": {"method": "frozen"},
        "features": {"steps": 60},
        "learning": {"slices": 1, "n_baskets": 50, "n_related": 50, "ranker": {"bag": 1, "rounds": 120}},
    }
)
LATELY = timedelta(days=4)

pytestmark = pytest.mark.slow


def share_found(shop: BigShop, log: Log, cut, cache) -> float:
    """Of the gadgets looked at just before the cut and bought just after it, the share in the first three."""
    model = learn(log.until(cut), CONFIG, cache)
    events = shop.log().events
    gadgets = pl.Series(log.items.rows(shop.gadgets), dtype=pl.Int32)
    seen = events.filter((pl.col("event") == "view") & pl.col("time").is_between(cut - LATELY, cut))
    bought = events.filter(
        (pl.col("event") == "purchase") & pl.col("time").is_between(cut, cut + LATELY, closed="right")
    )
    asked = seen.join(bought, on=["customer", "item"], how="semi").filter(pl.col("item").is_in(gadgets.implode()))
    pairs = asked.select("customer", "item").unique().sort("customer", "item").rows()
    assert pairs
    found = [
        log.items.ids([item])[0]
        in model.recommend(log.customers.ids([who])[0], n=3, among=shop.gadgets, unknown="skip").ids
        for who, item in pairs
    ]
    return float(np.mean(found))


def test_views_foretell_what_is_bought_and_without_them_it_is_not_found(tmp_path):
    shop = big_corner_shop()
    log = shop.log()
    cut = log.events["time"].max() - timedelta(days=10)
    blind = replace(log, events=log.events.filter(pl.col("event") == "purchase"))

    with_views, without = (share_found(shop, some, cut, tmp_path) for some in (log, blind))

    assert with_views > without + 0.2
    assert with_views > 0.6  # three of eight gadgets by chance: 0.375
