"""Itineraries on real trips: travellers' visits in Osaka, one trip left out at a time.

    python benchmarks/itinerary.py [--data ../shared/data/osaka]

Of each trip with three points or more the start, the end and the number of points are given; the tables, the weights
and the baselines know the other trips only. Prints F1 and pairs-F1 with intervals, and paired differences.
"""

import argparse
from datetime import date
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from data_sets import SHARED
from goeswith.evaluation.intervals import bootstrap, paired_bootstrap
from goeswith.scenarios.itinerary.baselines import markov_path, nearest_path, popular_path
from goeswith.scenarios.itinerary.next_point import Here, fit_next_point
from goeswith.scenarios.itinerary.paths import best_path
from goeswith.scenarios.itinerary.points import Points, points_of
from goeswith.scenarios.itinerary.scores import f1, pairs_f1
from goeswith.scenarios.itinerary.trips import Trip, Trips, trips_of
from goeswith.testing.clean_log import as_log

BASELINES = ("popularity", "nearest next", "Markov")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "osaka")
    asked = parser.parse_args()
    points, made = osaka(asked.data)
    long = [trip for trip in made.trips if len(trip.points) >= 3]
    print(f"{date.today()}, {len(points)} points, {len(made.trips)} trips, {len(long)} of 3 points or more")
    print(f"set aside: {dict(made.aside)}")
    began = perf_counter()
    scores = leave_one_out(points, made.trips, long)
    print(f"{perf_counter() - began:.0f} s\n")
    print("| system | F1 | pairs-F1 |\n|---|---|---|")
    for name, table in scores.items():
        print(f"| {name} | {bootstrap(table[:, 0])} | {bootstrap(table[:, 1])} |")
    print("\n| ours less | F1 | pairs-F1 |\n|---|---|---|")
    for name in BASELINES:
        differences = [paired_bootstrap(scores["ours"][:, at], scores[name][:, at]) for at in (0, 1)]
        print(f"| {name} | {differences[0]} | {differences[1]} |")


def osaka(folder: Path) -> tuple[Points, Trips]:
    """Points and trips of the files as they are; visits to a point without a row are left out."""
    products = pl.read_csv(folder / "POI-Osak.csv").rename(
        {"poiID": "product_id", "poiName": "name", "poiLat": "latitude", "poiLon": "longitude", "poiCat": "category"}
    )
    visits = pl.read_csv(folder / "userVisits-Osak.csv").select(
        product_id="poiID",
        customer_id="userID",
        basket_id=pl.col("seqID").cast(pl.String),
        timestamp=pl.from_epoch("dateTaken").cast(pl.Datetime("us")),
        event=pl.lit("purchase"),
        quantity=pl.lit(1),
        price=pl.lit(None, pl.Float32),
    )
    visits = visits.join(products.select("product_id"), on="product_id", how="semi")
    log = as_log(products, visits)
    made = trips_of(log, list(range(log.n_items)))
    return points_of(log, made.stays), made


def leave_one_out(points: Points, trips: tuple[Trip, ...], asked: list[Trip]) -> dict[str, np.ndarray]:
    """System -> (trips, 2), F1 and pairs-F1."""
    km, (_, theme) = points.km(), points.theme_rows
    rows: dict[str, list[tuple[float, float]]] = {}
    for trip in asked:
        others = tuple(one for one in trips if one is not trip)
        start, end, n = trip.points[0], trip.points[-1], len(trip.points)
        chain = fit_next_point(others, km, theme)
        here = Here((start,), trip.hours[0], end, chain.own_themes(others, trip.traveller))
        proposed = {
            "ours": best_path(chain, here, n),
            "popularity": popular_path(others, len(points), start, end, n),
            "nearest next": nearest_path(km, start, end, n),
            "Markov": markov_path(others, len(points), start, end, n),
        }
        for name, path in proposed.items():
            rows.setdefault(name, []).append((f1(path, trip.points), pairs_f1(path, trip.points)))
    return {name: np.array(table) for name, table in rows.items()}


if __name__ == "__main__":
    main()
