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
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit
from scipy.stats import beta, betabinom

import goeswith as gw
from goeswith.association.probability import COVERAGE
from goeswith.evaluation.guard import refuse_seen
from goeswith.evaluation.reliability import (
    brier,
    calibration_slope,
    equal_mass,
    expected_calibration_error,
    log_loss,
)
from trials import TRIALS, Trial

Numbers = NDArray[np.float64]
FEWEST = 50
"""Later baskets with a, for its pairs to be judged."""
BESIDE = 20
DAMPING = 10
MOST_QUERIES = 2_000


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
        return tell(model, trial, asked.seed)
    with tempfile.TemporaryDirectory() as scratch:
        shop = gw.Shop.create(Path(scratch) / "shop", products=trial.products, events=trial.events)
        started = perf_counter()
        model = gw.fit(shop, gw.FitConfig(seed=asked.seed), until=trial.until)
        print(f"{trial.name}, {trial.part} slice: fitted in {perf_counter() - started:.1f} s", flush=True)
        tell(model, trial, asked.seed)


def tell(model: gw.Model, trial: Trial, seed: int) -> None:
    print(f"calibrators: {model.calibrators}\n")
    pairs = judged_pairs(model, later_baskets(trial, model), seed)
    print(f"{pairs['a'].n_unique():,} products a, {len(pairs):,} pairs")
    kinds = {"top 20": pl.col("top"), "random": ~pl.col("top"), "both": pl.lit(value=True)}
    systems = {"goeswith": "value", "raw confidence": "raw", "damped confidence": "damped"}
    print(HEAD)
    for kind, chosen in kinds.items():
        some = pairs.filter(chosen)
        for system, column in systems.items():
            print(row(f"{kind}, {system}", *as_cases(some, column)))
    for kind, chosen in kinds.items():
        print_holding(kind, pairs.filter(chosen))
    for kind, chosen in kinds.items():
        some = pairs.filter(chosen)
        print_bins(f"pairs, {kind}", *as_cases(some, "value"), some["a"].to_numpy().repeat(2))
    for title, answers in judged_questions(model, trial):
        happened = answers["right"].to_numpy().astype(np.float64)
        said = expit(answers["score"].to_numpy())
        print(f"\n{title}\n{HEAD}\n" + row("goeswith", said, happened, np.ones(len(said))))
        print_bins(title, said, happened, np.ones(len(said)), answers["query"].to_numpy())


def later_baskets(trial: Trial, model: gw.Model) -> pl.DataFrame:
    """customer_id, basket_id, product_id of the time after the fit, distinct; products of the catalogue."""
    later = trial.events.filter(pl.col("timestamp") > trial.until)
    lines = later.select("customer_id", "basket_id", "product_id").unique(maintain_order=True)
    return lines.filter(pl.col("product_id").is_in(model.log.items.series.implode()))


def judged_pairs(model: gw.Model, lines: pl.DataFrame, seed: int) -> pl.DataFrame:
    """a, b (rows), top, value, low, high, raw, damped; came and cases: later baskets with both, and with a."""
    items, counts = model.log.items, model.parts.counts
    later = csr_array(
        (
            np.ones(len(lines), np.float32),
            (lines["basket_id"].rank("dense").to_numpy() - 1, items.rows(lines["product_id"])),
        )
    )
    later.resize((later.shape[0], model.log.n_items))
    held = np.asarray(later.sum(axis=0)).ravel()
    rows = np.flatnonzero((held >= FEWEST) & (counts.items > 0))
    told = model.related_many(items.ids(rows), n=BESIDE)
    top = set(zip(items.rows(told["source_id"]).tolist(), items.rows(told["product_id"]).tolist(), strict=True))
    drawn = np.random.default_rng(seed).choice(np.flatnonzero(counts.items > 0), (len(rows), BESIDE))
    random = {(int(a), int(b)) for a, some in zip(rows, drawn, strict=True) for b in some if a != b}
    pairs = np.array(sorted(top | random))
    a, b = pairs.T
    ids = zip(items.ids(a), items.ids(b), strict=True)
    both = np.asarray(counts.pairs[a, b], dtype=np.float64).ravel()
    return pl.DataFrame(
        {
            "a": a,
            "b": b,
            "top": [(one, other) in top for one, other in pairs.tolist()],
            **model.probability_many(list(ids)).select("value", "low", "high").to_dict(),
            "raw": both / counts.items[a],
            "damped": both / (counts.items[a] + DAMPING),
            "came": np.asarray(csr_array(later.T @ later)[a, b], dtype=np.float64).ravel(),
            "cases": held[a].astype(np.float64),
        }
    )


def judged_questions(model: gw.Model, trial: Trial) -> list[tuple[str, pl.DataFrame]]:
    """query, score, right : of the first 20 answers to each query, whether they came."""
    lines = later_baskets(trial, model)
    known = lines.filter(pl.col("customer_id").is_in(model.log.customers.series.implode()))
    who = known["customer_id"].unique().sort()[:MOST_QUERIES]
    bought = known.select(query="customer_id", product_id="product_id").unique()
    judged = []
    for title, novel in (("next, repeats allowed", False), ("next, novel", True)):
        told = model.recommend_many(who, n=BESIDE, novel=novel).rename({"customer_id": "query"})
        judged.append((title, _right(told, bought)))
    held, left, customers = cut_baskets(known, np.random.default_rng(0))
    for title, people in (("complete, customer known", customers), ("complete, basket alone", None)):
        told = model.complete_many(held, people, n=BESIDE).rename({"basket": "query"})
        judged.append((title, _right(told, left)))
    return judged


def cut_baskets(lines: pl.DataFrame, rng: np.random.Generator) -> tuple[list[Any], pl.DataFrame, list[Any]]:
    """Baskets of two products and more, of which one is still to come, or as often up to a half."""
    baskets = (
        lines.group_by("basket_id").agg(pl.col("customer_id").first(), pl.col("product_id").sort()).sort("basket_id")
    )
    baskets = baskets.filter(pl.col("product_id").list.len().is_between(2, 100))
    drawn = baskets[np.sort(rng.choice(len(baskets), min(MOST_QUERIES, len(baskets)), replace=False))]
    held, left = [], []
    for query, products in enumerate(drawn["product_id"].to_list()):
        mixed = [products[at] for at in rng.permutation(len(products))]
        last = len(mixed) - 1
        n = last if rng.random() < 0.5 else int(rng.integers(max(len(mixed) // 2, 1), last + 1))
        held.append(mixed[:n])
        left += [(query, product) for product in mixed[n:]]
    truth = pl.DataFrame(left, schema={"query": pl.Int64, "product_id": lines["product_id"].dtype}, orient="row")
    return held, truth, drawn["customer_id"].to_list()


def _right(told: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    truth = truth.with_columns(right=pl.lit(1.0))
    return told.join(truth, on=["query", "product_id"], how="left", maintain_order="left").with_columns(
        pl.col("right").fill_null(0.0), pl.col("query").rank("dense")
    )


def as_cases(pairs: pl.DataFrame, column: str) -> tuple[Numbers, Numbers, Numbers]:
    """probability, outcome, weight : two rows a pair, for the later baskets with b and those without."""
    came, cases = pairs["came"].to_numpy(), pairs["cases"].to_numpy()
    weight = np.stack([came, cases - came], axis=1).ravel()
    return pairs[column].to_numpy().repeat(2), np.tile([1.0, 0.0], len(pairs)), weight


HEAD = f"{'':36}{'Brier':>9}{'log loss':>10}{'slope':>7}{'intercept':>11}{'ECE':>9}{'said':>8}{'came':>8}"


def row(name: str, p: Numbers, y: Numbers, weight: Numbers) -> str:
    slope, shift = calibration_slope(p, y, weight=weight)
    error = expected_calibration_error(p, y, weight=weight)
    means = f"{np.average(p, weights=weight):8.4f}{np.average(y, weights=weight):8.4f}"
    scores = f"{brier(p, y, weight):9.5f}{log_loss(p, y, weight):10.5f}"
    return f"{name:36}{scores}{slope:7.2f}{shift:+11.2f}{error:9.5f}{means}"


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
