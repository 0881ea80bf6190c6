"""Whom to send a coupon: the coupons of The Complete Journey that were redeemed after the model's last event.

    python benchmarks/campaigns.py goeswith-demo

Of the households that a campaign was sent to, who redeemed a coupon of it? goeswith ranks them by the chance that they
buy any of the coupon's products within four weeks, buying frequency by how often they bought them, lately or ever.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import goeswith as gw
from goeswith.demo import journey_folder
from goeswith.evaluation.intervals import bootstrap, paired_bootstrap
from goeswith.model import Model
from goeswith.ranking.views import Queries

MOST = 10
"""Of a coupon's products, goeswith is asked about so many, the best sellers."""
FIRST = 0.1
"""Share of the households that the coupon could be sent to."""
OURS = "goeswith"
Scores = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Coupon:
    """rows : (products,) of the model, the best sellers first; sent : (households,) rows; redeemed : (households,)"""

    rows: NDArray[np.int64]
    sent: NDArray[np.int64]
    redeemed: NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path, help="as `make demo` leaves it")
    model = gw.load(parser.parse_args().shop, shared=True)
    coupons = redeemed_after(model.fitted_until or model.parts.now, model)
    chance = chances(model, coupons)
    reached: dict[str, list[tuple[float, float]]] = {}
    for coupon in coupons:
        for name, score in scores(model, coupon, chance).items():
            reached.setdefault(name, []).append((found_first(score, coupon.redeemed), auc(score, coupon.redeemed)))
    tables = {name: np.array(values) for name, values in reached.items()}
    redemptions = sum(int(coupon.redeemed.sum()) for coupon in coupons)
    print(f"{len(coupons)} coupons, {redemptions} redemptions, {sum(len(c.sent) for c in coupons):,} pairs\n")
    print(
        f"| whom to ask first | redemptions in the first {FIRST:.0%} | AUC | goeswith less it, AUC |\n|---|---|---|---|"
    )
    for name, values in tables.items():
        first, area = (bootstrap(values[:, at]) for at in (0, 1))
        less = "" if name == OURS else str(paired_bootstrap(tables[OURS][:, 1], values[:, 1]))
        print(f"| {name} | {first} | {area} | {less} |")


def redeemed_after(until: datetime, model: Model) -> list[Coupon]:
    """Every coupon of a campaign that was redeemed later; who redeemed it before is not asked about."""
    folder = journey_folder()
    sent = pl.read_parquet(folder / "campaigns.parquet")
    covers = pl.read_parquet(folder / "coupons.parquet").unique()
    redeemed = pl.read_parquet(folder / "coupon_redemptions.parquet")
    later = redeemed.filter(pl.col("redemption_date") > until)
    sales = model.parts.counts.items
    found = []
    for campaign, coupon in later.select("campaign_id", "coupon_upc").unique().sort(pl.all()).iter_rows():
        of_it = (pl.col("campaign_id") == campaign) & (pl.col("coupon_upc") == coupon)
        products = covers.filter(of_it)["product_id"].unique().sort()
        rows = model.log.items.rows(products, unknown="skip")
        early = redeemed.filter(of_it & (pl.col("redemption_date") <= until))["household_id"]
        who = sent.filter(pl.col("campaign_id") == campaign)["household_id"].unique().sort()
        who = who.filter(~who.is_in(early.implode()) & who.is_in(model.log.customers.series.implode()))
        hits = who.is_in(later.filter(of_it)["household_id"].implode()).to_numpy()
        rows = rows[np.argsort(-sales[rows], kind="stable")]
        if len(rows) and 0 < hits.sum() < len(hits):
            found.append(Coupon(rows, model.log.customers.rows(who), hits))
    return found


def chances(model: Model, coupons: list[Coupon]) -> Mapping[tuple[int, int], float]:
    """(household, product) -> the probability of a purchase within the model's horizon, of all pairs asked at once."""
    pairs = np.unique(
        np.concatenate([np.stack(np.meshgrid(c.sent, c.rows[:MOST]), axis=-1).reshape(-1, 2) for c in coupons]), axis=0
    )
    who, query = np.unique(pairs[:, 0], return_inverse=True)
    asked = Queries(model.parts.histories.take(who), who)
    said = model.answerer.opinion("recommend", asked, query, pairs[:, 1])
    likely = model.calibrators.of("recommend")(said)
    return dict(zip(map(tuple, pairs.tolist()), likely.tolist(), strict=True))


def scores(model: Model, coupon: Coupon, chance: Mapping[tuple[int, int], float]) -> Scores:
    """(households,), by who says it."""
    own, n_items = model.parts.histories.take(coupon.sent), model.parts.meaning.n_items

    def bought(values: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(own.matrix(values, n_items)[:, coupon.rows].sum(axis=1), np.float64).ravel()

    said = np.array([[chance[int(one), int(row)] for row in coupon.rows[:MOST]] for one in coupon.sent])
    return {
        OURS: 1 - np.prod(1 - said, axis=1),
        "goeswith, as `audience` ranks for a bundle": said.mean(axis=1),
        "how often they bought it, halved every 60 days": bought(own.long),
        "how often they bought it": bought(own.n),
        "how often they shop": own.n_baskets.astype(np.float64),
    }


def found_first(score: NDArray[np.float64], redeemed: NDArray[np.bool_]) -> float:
    """Share of the redemptions among the FIRST households; those who are level share their places."""
    n = max(1, round(FIRST * len(score)))
    edge = np.sort(score)[::-1][n - 1]
    above, level = score > edge, score == edge
    return float((redeemed[above].sum() + redeemed[level].sum() * (n - above.sum()) / level.sum()) / redeemed.sum())


def auc(score: NDArray[np.float64], redeemed: NDArray[np.bool_]) -> float:
    """How likely somebody who redeemed is placed before somebody who did not; level counts a half."""
    return float(roc_auc_score(redeemed, score))


if __name__ == "__main__":
    main()
