"""Whether the probabilities can be bet on: pairs, the next four weeks, and baskets, on time that was not seen.

    python benchmarks/calibration.py                           the validation slice of The Complete Journey
    python benchmarks/calibration.py --data online-retail --test

Pairs: a is in at least 50 of the later baskets; b are the 20 that the model relates to it, and 20 others at random.
Beside ours stand the raw confidence (baskets with both / baskets with a, of the fit) and the damped one (10 baskets
more below the line), on the same pairs. Every later basket with a is one case.

An interval speaks of the share, and the later baskets are a sample of it. So it is judged by what it predicts for them:
the number of baskets with b is a beta-binomial draw from the beta distribution that has the value as its mean and is as
wide as the interval. It holds where the number lies between the 5 % and the 95 % of that draw; where a whole number
lies across a bound, its share inside counts (the randomised probability integral transform, in expectation).
"""

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import beta, betabinom

import goeswith as gw
from goeswith.association.probability import COVERAGE
from goeswith.evaluation.guard import refuse_seen
from goeswith.evaluation.judged import as_cases, judged_baskets, judged_customers, judged_pairs
from goeswith.evaluation.reliability import (
    brier,
    calibration_slope,
    equal_mass,
    expected_calibration_error,
    log_loss,
)
from trials import TRIALS, Trial, shop_of

Numbers = NDArray[np.float64]
FEWEST = 50
"""Later baskets with a, for its pairs to be judged."""
DAMPING = 10
MOST_BASKETS = 2_000
"""Cut baskets that are judged; of customers, all who came again."""
REDRAWS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["complete-journey", "online-retail"], default="complete-journey")
    parser.add_argument("--test", action="store_true", help="the test slice")
    parser.add_argument("--shop", type=Path, help="judge the current model of this shop, as `make demo` leaves it")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    trial = TRIALS[asked.data]("test" if asked.test else "validation", None)
    if asked.shop is not None:
        model = gw.load(asked.shop)
        refuse_seen(trial.exam, model.fitted_until)
        return tell(model, trial)
    with shop_of(trial) as shop:
        started = perf_counter()
        model = gw.fit(shop, gw.FitConfig(seed=asked.seed), until=trial.until)
        print(f"{trial.name}, {trial.part} slice: fitted in {perf_counter() - started:.1f} s", flush=True)
        tell(model, trial)


def tell(model: gw.Model, trial: Trial) -> None:
    print(f"calibrators: {model.calibrators}\n")
    later = later_lines(trial, model)
    sold = model.log.items.ids(np.flatnonzero(model.parts.counts.items > 0))
    known = model.log.customers.ids(np.flatnonzero(model.parts.histories.n_baskets > 0))
    pairs = with_confidence(model, judged_pairs(model, later, sold, FEWEST, None))
    print(f"{pairs['source_id'].n_unique():,} products a, {len(pairs):,} pairs\n{HEAD}")
    kinds = {"top 20": pl.col("top"), "random": ~pl.col("top"), "both": pl.lit(value=True)}
    for kind, chosen in kinds.items():
        for system, column in {"goeswith": "value", "raw confidence": "raw", "damped confidence": "damped"}.items():
            print(row(f"{kind}, {system}", *as_cases(pairs.filter(chosen), column)))
    for kind, chosen in kinds.items():
        some = pairs.filter(chosen)
        print_bins(f"pairs, {kind}", *as_cases(some), some["source_id"].to_numpy().repeat(2))
        print_holding(kind, some)
    seen = later.filter(pl.col("customer_id").is_in(known.implode()))
    judged = judged_customers(model, seen, most=None) | judged_baskets(model, later, seen, most=MOST_BASKETS)
    for title, told in judged.items():
        said, right, one = told["said"].to_numpy(), told["right"].to_numpy(), np.ones(len(told))
        print(f"\n{HEAD}\n" + row(title, said, right, one))
        low, high = slope_of_redrawn(told)
        print(f"{told['query'].n_unique():,} queries; of 90 % of redrawn ones the slope is {low:.2f} to {high:.2f}")
        print_bins(title, said, right, one, told["query"].to_numpy())


def later_lines(trial: Trial, model: gw.Model) -> pl.DataFrame:
    """customer_id, basket_id, product_id of the time after the fit, distinct; products of the catalogue."""
    later = trial.events.filter(pl.col("timestamp") > trial.until)
    lines = later.select("customer_id", "basket_id", "product_id").unique(maintain_order=True)
    return lines.filter(pl.col("product_id").is_in(model.log.items.series.implode()))


def with_confidence(model: gw.Model, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs with raw, damped : what the counts of the fit say alone."""
    counts = model.parts.counts
    a, b = (model.log.items.rows(pairs[name]) for name in ("source_id", "product_id"))
    both = np.asarray(counts.pairs[a, b], dtype=np.float64).ravel()
    return pairs.with_columns(
        raw=pl.Series(both / counts.items[a]), damped=pl.Series(both / (counts.items[a] + DAMPING))
    )


HEAD = f"{'':36}{'Brier':>9}{'log loss':>10}{'slope':>7}{'intercept':>11}{'ECE':>9}{'said':>8}{'came':>8}"


def row(name: str, p: Numbers, y: Numbers, weight: Numbers) -> str:
    slope, shift = calibration_slope(p, y, weight=weight)
    error = expected_calibration_error(p, y, weight=weight)
    means = f"{np.average(p, weights=weight):8.4f}{np.average(y, weights=weight):8.4f}"
    scores = f"{brier(p, y, weight):9.5f}{log_loss(p, y, weight):10.5f}"
    return f"{name:36}{scores}{slope:7.2f}{shift:+11.2f}{error:9.5f}{means}"


def slope_of_redrawn(told: pl.DataFrame) -> tuple[float, float]:
    """Between what the slope lies in 90 % of redrawn samples of the queries; told : query, said, right."""
    rng = np.random.default_rng(0)
    said, right = told["said"].to_numpy(), told["right"].to_numpy()
    names, query = np.unique(told["query"].to_numpy(), return_inverse=True)
    even = np.full(len(names), 1 / len(names))
    times = rng.multinomial(len(names), even, size=REDRAWS)[:, query].astype(np.float64)  # (redraws, answers)
    slopes = [calibration_slope(said, right, weight=each)[0] for each in times]
    low, high = np.quantile(slopes, [0.05, 0.95])
    return float(low), float(high)


def print_bins(title: str, p: Numbers, y: Numbers, weight: Numbers, source: NDArray[np.generic]) -> None:
    """Said and come by bins of equal mass; the error is two standard ones, of sources that vary as wholes."""
    print(
        f"\n{title}: bins of equal mass\n{'said':>9}{'came':>9}{'ratio':>7}{'+- error':>10}  within 15 % or the error"
    )
    for rows in equal_mass(p, weight):
        said, came = (np.average(each[rows], weights=weight[rows]) for each in (p, y))
        off = pl.DataFrame({"source": source[rows], "off": weight[rows] * (y[rows] - p[rows])})
        summed = off.group_by("source").sum()["off"].to_numpy()
        error = 2 * np.sqrt((summed**2).sum()) / weight[rows].sum()
        fits = abs(came - said) <= max(0.15 * said, error)
        print(f"{said:9.5f}{came:9.5f}{came / max(said, 1e-9):7.2f}{error:10.5f}  {'yes' if fits else 'no'}")


def print_holding(kind: str, pairs: pl.DataFrame) -> None:
    value, low, high, came, cases = (pairs[name].to_numpy() for name in ("value", "low", "high", "came", "cases"))
    inside = share_inside(value, low, high, came, cases)
    plain = (came / cases >= low) & (came / cases <= high)
    width = np.median(high - low)
    print(f"\n90 % intervals, {kind}: {inside.mean():.1%} hold, later baskets taken as a sample; ", end="")
    print(f"{plain.mean():.1%} hold the later share itself; half are narrower than {width:.4f}")


def share_inside(value: Numbers, low: Numbers, high: Numbers, came: Numbers, cases: Numbers) -> Numbers:
    """(pairs,), how much of what came lies within the central 90 % of what the interval predicts for the sample."""
    weight = weight_of_interval(value, high - low)
    yes, no = value * weight, (1 - value) * weight
    chance = betabinom.pmf(came, cases, yes, no)
    below = np.where(came > 0, betabinom.cdf(came - 1, cases, yes, no), 0.0)
    tail = (1 - COVERAGE) / 2
    overlap = np.minimum(below + chance, 1 - tail) - np.maximum(below, tail)
    return np.asarray(np.clip(overlap / np.maximum(chance, 1e-300), 0, 1))


def weight_of_interval(value: Numbers, width: Numbers) -> Numbers:
    """(pairs,), baskets whose beta distribution around the value is as wide, found by halving."""
    tail = (1 - COVERAGE) / 2
    least, most = np.full(len(value), -1.0), np.full(len(value), 20.0)  # logarithms
    for _ in range(40):
        middle = (least + most) / 2
        yes, no = (np.maximum(each * np.exp(middle), 0.5) for each in (value, 1 - value))
        wide = beta.ppf(1 - tail, yes, no) - beta.ppf(tail, yes, no) > width
        least, most = np.where(wide, middle, least), np.where(wide, most, middle)
    return np.asarray(np.exp((least + most) / 2))


if __name__ == "__main__":
    main()
