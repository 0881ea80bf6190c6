"""Inventory on The Complete Journey: forecasts, products without history, simulation, speed, halo and cannibalisation.

python benchmarks/inventory.py chain | stores | cold | simulation | speed | effects   (each under eight minutes)

The last eight weeks are judged, by forecasts of four weeks made before the first and before the fifth of them. Series
are chosen, weights learnt and neighbours counted on what was sold before. Promotions are known in advance to all
methods that can use them; prices to come to none.
"""

import argparse
import resource
import sys
import time
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.log import Log
from goeswith.scenarios.inventory.advice import cross_effects, pairs_of
from goeswith.scenarios.inventory.blend import Blend, Lesson, learn_blend
from goeswith.scenarios.inventory.cold import cold_weights, predict_cold, weighted_quantiles
from goeswith.scenarios.inventory.cold_trees import Shelf, predict_cold_learned
from goeswith.scenarios.inventory.companions import categories_of, find_neighbours, text_vectors
from goeswith.scenarios.inventory.demand import INTERMITTENT, Demand, demand_of, intermittency
from goeswith.scenarios.inventory.forecast import (
    ALONE,
    GROUPS,
    LEARNED,
    coherent,
    forecast_demand,
    group_of,
    log_until,
    predict_all,
    reconciling_helps,
)
from goeswith.scenarios.inventory.learned import Trees
from goeswith.scenarios.inventory.metrics import coverage, mase, mean_pinball, pinball, randomised_pit, rmsse, wape
from goeswith.scenarios.inventory.policy import PolicyConfig
from goeswith.scenarios.inventory.prediction import LEVELS, Prediction
from goeswith.scenarios.inventory.promotions import Promotions
from goeswith.scenarios.inventory.simulate import NAIVE, OURS, forecasts_as_of, play
from goeswith.scenarios.inventory.stock import assumed_stock
from inventory_data import HOLIDAYS, journey_log, journey_promotions

Array = NDArray[np.float64]
WEEKS, HORIZON = 8, 4
DRAWS = 1_000


def said(text: str) -> None:
    print(text, flush=True)


def chosen(log: Log, stores: bool, many: int, few: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Series numbers of the best sellers, and of intermittent ones drawn at random, by what was sold before the cut."""
    every = demand_of(log, "week", horizon=HORIZON, stores=stores)
    past = every.units[:, : every.periods - WEEKS]
    total = past.sum(axis=1)
    best = np.argsort(-total, kind="stable")[:many]
    gap, _ = intermittency(past)
    rare = np.setdiff1d(np.flatnonzero((gap > INTERMITTENT) & ((past > 0).sum(axis=1) >= 6)), best)
    drawn = np.random.default_rng(seed).choice(rare, min(few, len(rare)), replace=False)
    if stores:
        return best, np.sort(drawn)
    return every.items[best], every.items[np.sort(drawn)]


def forecasts(kind: str, log: Log, demand: Demand, texts: NDArray[np.float32], seed: int) -> tuple[dict, Array, dict]:
    """Every method at both origins, side by side: (method -> prediction (n, 8), actual (n, 8), facts)."""
    categories, trees = categories_of(log.products), Trees(seed=seed)
    lessons: list[Lesson] = []
    bare: list[Lesson] = []
    told: dict[str, list[Prediction]] = {}
    actual = []
    weights: list[Blend] = []
    for at in range(demand.periods - WEEKS - 2 * HORIZON, demand.periods, HORIZON):
        past, then = demand.until(at), demand.units[:, at : at + HORIZON]
        start = time.perf_counter()
        near = find_neighbours(log_until(log, past), past.items, texts)
        methods = predict_all(past, near, categories, trees)
        group = group_of(past)
        plain = {name: each for name, each in methods.items() if name != LEARNED}
        if at >= demand.periods - WEEKS:
            blend, without = (learn_blend(each[-2:], tuple(each[0].told), GROUPS) for each in (lessons, bare))
            weights.append(blend)
            average = blend.apply(methods, group)
            whole = coherent(past, average, categories)
            helps, helps_without = (
                reconciling_helps(known[-2:], each, categories) for known, each in ((lessons, blend), (bare, without))
            )
            said(f"  {kind}: reconciling {'helped' if helps else 'did not help'} at the two origins before")
            told.setdefault("goeswith", []).append(whole if helps else average)
            told.setdefault("goeswith, levels not reconciled", []).append(average)
            told.setdefault("goeswith, levels reconciled", []).append(whole)
            bare_average = without.apply(plain, group)
            told.setdefault("goeswith, no association", []).append(
                coherent(past, bare_average, categories) if helps_without else bare_average
            )
            for name, each in methods.items():
                told.setdefault(name, []).append(each)
            actual.append(then)
        lessons.append(Lesson(methods, then, group, past))
        bare.append(Lesson(plain, then, group, past))
        said(f"  {kind}: origin {past.calendar.start(at)} in {time.perf_counter() - start:.0f} s")
    joined = {
        name: Prediction(*(np.concatenate([getattr(p, part) for p in each], axis=1) for part in ("mean", "quantiles")))
        for name, each in told.items()
    }
    return joined, np.concatenate(actual, axis=1), {"blend": weights}


def paired(ours: Array, theirs: Array, seed: int = 0) -> tuple[float, float, float]:
    """Less error of ours, as a share of theirs, with its 95 % interval over series drawn again; errors (n, H)."""
    rng = np.random.default_rng(seed)
    a, b = ours.sum(axis=1), theirs.sum(axis=1)
    draws = rng.integers(0, len(a), (DRAWS, len(a)))
    gains = 1 - a[draws].sum(axis=1) / np.maximum(b[draws].sum(axis=1), 1e-9)
    return float(1 - a.sum() / b.sum()), *map(float, np.quantile(gains, [0.025, 0.975]))


def report(title: str, told: dict[str, Prediction], actual: Array, past: Array) -> None:
    said(f"\n{title}: {len(actual):,} series, {actual.shape[1]} weeks, {actual.sum():,.0f} units")
    said("| method | WAPE (median) | pinball (median) | pinball (all levels) | RMSSE (mean) | MASE | 80 % band |")
    said("|---|---|---|---|---|---|---|")
    for name, each in told.items():
        middle = 2 * float(pinball(actual, each.median, 0.5).sum() / actual.sum()) / 2
        said(
            f"| {name} | {wape(actual, each.median):.4f} | {middle:.4f} | {mean_pinball(actual, each):.4f} | "
            f"{rmsse(actual, each.mean, past):.4f} | {mase(actual, each.median, past):.4f} | "
            f"{coverage(actual, each):.3f} |"
        )
    peers = [name for name in told if not name.startswith("goeswith") and name != LEARNED]
    peers_alone = [name for name in peers if name != ALONE]
    ours = told["goeswith"]
    for what, loss in (
        ("WAPE", lambda p: np.abs(actual - p.median)),
        ("pinball, all levels", lambda p: sum(pinball(actual, p.quantiles[..., a], v) for a, v in enumerate(LEVELS))),
    ):
        for some, whom in (
            (peers, "the best of the others"),
            (peers_alone, "the best of those of one series at a time"),
        ):
            best = min(some, key=lambda name: loss(told[name]).sum())
            gain, low, high = paired(loss(ours), loss(told[best]))
            said(f"{what}: {gain:+.1%} ({low:+.1%} to {high:+.1%}) against {whom}, {best}")
    best = min(peers, key=lambda name: rmsse(actual, told[name].mean, past))
    gain = 1 - rmsse(actual, ours.mean, past) / rmsse(actual, told[best].mean, past)
    said(f"RMSSE: {gain:+.1%} against the best of the others, {best}")
    for a, b in ((LEARNED, ALONE), ("goeswith", "goeswith, no association")):
        gain, low, high = paired(np.abs(actual - told[a].median), np.abs(actual - told[b].median))
        said(f"What association brings, {a} against {b}: WAPE {gain:+.2%} ({low:+.2%} to {high:+.2%})")


def pit(title: str, prediction: Prediction, actual: Array) -> None:
    values = randomised_pit(actual, prediction)
    share = np.histogram(values, bins=10, range=(0, 1))[0] / values.size
    said(f"{title}, randomised PIT by tenth (0.100 each if right): {' '.join(f'{each:.3f}' for each in share)}")


def chain(seed: int) -> None:
    log = journey_log()
    best, rare = chosen(log, False, 500, 500, seed)
    items = np.concatenate([best, rare])
    plan = journey_promotions(log)
    demand = demand_of(log, "week", horizon=HORIZON, among=items, promotions=plan, holidays=HOLIDAYS)
    told, actual, facts = forecasts("chain", log, demand, text_vectors(log), seed)
    past = demand.units[:, : demand.periods - WEEKS]
    seller = np.isin(demand.items, best)
    for title, rows in (("500 best sellers", seller), ("500 intermittent", ~seller)):
        report(title, {name: each.only(rows) for name, each in told.items()}, actual[rows], past[rows])
    pit("500 intermittent", told["goeswith"].only(~seller), actual[~seller])
    pit("500 best sellers", told["goeswith"].only(seller), actual[seller])
    for each in facts["blend"]:
        said("weights: " + ", ".join(f"{n} {w:.2f}" for n, w in zip(each.names, each.median[0], strict=True)))


def by_store(seed: int) -> None:
    log = journey_log()
    best, rare = chosen(log, True, 500, 500, seed)
    every = demand_of(log, "week", horizon=HORIZON, stores=True)
    items = np.unique(every.items[np.concatenate([best, rare])])
    keys = every.keys[np.concatenate([best, rare])]
    plan = journey_promotions(log, pl.Series(items))
    whole = demand_of(log, "week", horizon=HORIZON, stores=True, among=items, promotions=plan, holidays=HOLIDAYS)
    place = whole.keys.select("item", "store_id").with_row_index("at")
    named = keys.select("item", "store_id").join(place, on=["item", "store_id"], how="left", maintain_order="left")
    wanted = named["at"].to_numpy()
    demand = whole.only(wanted.astype(np.int64))
    told, actual, _ = forecasts("stores", log, demand, text_vectors(log), seed)
    past = demand.units[:, : demand.periods - WEEKS]
    seller = np.arange(demand.n) < len(best)
    for title, rows in (("500 best sellers in their store", seller), ("500 intermittent in their store", ~seller)):
        report(title, {name: each.only(rows) for name, each in told.items()}, actual[rows], past[rows])
    pit("500 intermittent in their store", told["goeswith"].only(~seller), actual[~seller])


def cold(seed: int) -> None:
    """A tenth of the 5,000 best sellers lose their past; what they sold in the last eight weeks is asked for."""
    log = journey_log()
    every = demand_of(log, "week", horizon=HORIZON, top=0)
    past = every.units[:, : every.periods - WEEKS]
    order = np.argsort(-past.sum(axis=1), kind="stable")[:5_000]
    rng = np.random.default_rng(seed)
    hidden = rng.random(len(order)) < 0.1
    items, units = every.items[order], every.units[order]
    new, old = np.flatnonzero(hidden), np.flatnonzero(~hidden)
    texts, category = text_vectors(log), categories_of(log.products)
    rate = units[old][:, every.periods - WEEKS - 8 : every.periods - WEEKS]
    actual = units[new][:, -WEEKS:]
    mates = category[items[new]][:, None] == category[items[old]]
    near = predict_cold(rate, cold_weights(texts[items[new]], texts[items[old]], mates), WEEKS)
    plan = journey_promotions(log, pl.Series(items))
    whole = every.calendar.until(every.periods - WEEKS)
    display, mailer = (each[items].toarray() for each in plan.of_items(log.n_items, whole, WEEKS))
    promoted = np.stack([display, mailer], axis=2)[:, -WEEKS - 8 :]
    shelf = Shelf(texts[items], category[items], promoted[:, :8])
    ahead = Shelf(texts[items], category[items], promoted[:, 8:])
    told = predict_cold_learned(shelf.only(old), rate, ahead.only(new), Trees(seed=seed))
    some = np.where(mates.any(axis=1, keepdims=True), mates, True).astype(float)
    middle = weighted_quantiles(rate.ravel(), np.repeat(some, rate.shape[1], axis=1), (0.5,))
    mean = (some @ rate.mean(axis=1) / some.sum(axis=1))[:, None]
    said(f"\n{len(new):,} products without history, {len(old):,} with; {WEEKS} weeks, {actual.sum():,.0f} units")
    said("| method | WAPE | RMSE |\n|---|---|---|")
    losses = {}
    for name, median, average in (
        ("category's own median", middle, mean), ("category's own mean", mean, mean),
        ("nearest texts alone", near.median, near.mean), ("goeswith, from texts", told.median, told.mean),
    ):  # fmt: skip
        error = np.abs(actual - median)
        losses[name] = error
        root = float(np.sqrt(((actual - average) ** 2).mean()))
        said(f"| {name} | {error.sum() / actual.sum():.4f} | {root:.3f} |")
    for name in list(losses)[:2]:
        gain, low, high = paired(losses["goeswith, from texts"], losses[name])
        said(f"WAPE {gain:+.1%} ({low:+.1%} to {high:+.1%}) against the {name}")
    said(f"80 % band covers {coverage(actual, told):.3f}")


def simulation(seed: int) -> None:
    """The 500 best sellers, lead time one week, a review a week: what each policy holds at a service of 95 %."""
    log = journey_log()
    best, _ = chosen(log, False, 500, 0, seed)
    refit, lead = 2, 1
    plan = journey_promotions(log, pl.Series(best))
    demand = demand_of(log, "week", horizon=refit + lead, among=best, promotions=plan, holidays=HOLIDAYS)
    texts = text_vectors(log)
    told = forecasts_as_of(
        log, demand, texts, WEEKS, refit, seed, lambda event: said(f"  {getattr(event, 'name', event)}")
    )
    stock = assumed_stock(demand, categories_of(log.products), 7.0 * lead)
    played = play(demand, told, stock, PolicyConfig(), WEEKS, refit)
    said("\n| policy | service | stock-outs | units held | less held | holding cost | turnover |")
    said("|---|---|---|---|---|---|---|")
    for row in played.to_frame().iter_rows(named=True):
        said(
            f"| {row['policy']} | {row['service']:.3f} | {row['out']:.3f} | {row['held']:,.0f} "
            f"| {row['less_held']:+.1%} | {row['holding']:,.2f} | {row['turnover']:.1f} a year |"
        )
    said(f"({OURS} against {NAIVE})")


def speed(seed: int) -> None:
    """Ten thousand series, one forecast with everything that a user's forecast does."""
    log = journey_log()
    plan = Promotions.none()
    start = time.perf_counter()
    demand = demand_of(log, "week", horizon=HORIZON, top=10_000, promotions=plan)
    told = forecast_demand(log, demand, text_vectors(log), seed=seed)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    said(f"{told.demand.n:,} series, {HORIZON} weeks: {seconds:.0f} s, at most {memory:.1f} GB of memory")


def effects(seed: int) -> None:
    """Known cross effects found again on simulated data; five examples from the promotion data."""
    right, asked, inside = recovered(seed)
    said(f"simulated: the sign of {right:.1%} of {asked:,} pairs of an effect of 0.2 or more is right;"
         f" {inside:.1%} of the 95 % intervals hold the truth")  # fmt: skip
    log = journey_log()
    best, _ = chosen(log, False, 500, 0, seed)
    demand = demand_of(log, "week", horizon=1, among=best, promotions=journey_promotions(log, pl.Series(best)))
    near = find_neighbours(log, demand.items, text_vectors(log))
    found = cross_effects(demand, pairs_of(near, demand))
    names = log.products["name"].gather(demand.items).to_list()
    for verdict in ("halo", "cannibalisation", "unclear"):
        said(f"{verdict}: {found.filter(pl.col('verdict') == verdict).height:,} of {found.height:,} pairs")
    wanted = (("halo", 3), ("cannibalisation", 2))
    shown = pl.concat([found.filter(pl.col("verdict") == each).head(n) for each, n in wanted])
    for row in shown.iter_rows(named=True):
        said(
            f"promoting {names[row['promoted']]} ({demand.keys['product_id'][row['promoted']]}): {row['effect']:+.0%} "
            f"({row['low']:+.0%} to {row['high']:+.0%}) of {names[row['other']]} "
            f"({demand.keys['product_id'][row['other']]}), {row['kind']}, {row['periods']:.0f} weeks of promotion"
        )


def recovered(seed: int, n: int = 400, weeks: int = 52) -> tuple[float, int, float]:
    """Poisson demand of pairs with known effects of the promotion of one on the other."""
    from goeswith.scenarios.inventory.count_regression import fit_counts, shrunk

    rng = np.random.default_rng(seed)
    truth = rng.choice([-0.6, -0.4, -0.3, -0.2, 0.0, 0.2, 0.3, 0.4, 0.6], n)
    level = rng.lognormal(2.5, 0.6, n)[:, None]
    promoted = (rng.random((n, weeks)) < 0.25) * rng.uniform(0.5, 1, (n, weeks))
    own = (rng.random((n, weeks)) < 0.25).astype(float)
    season = np.exp(0.15 * np.sin(np.arange(weeks) / 8))
    noise = rng.gamma(8, 1 / 8, (n, weeks))
    units = rng.poisson(level * season * noise * np.exp(truth[:, None] * promoted + 0.8 * own)).astype(float)
    design = np.stack([np.ones((n, weeks)), promoted, own], axis=2)
    offset = np.repeat(np.log(season)[None], n, axis=0)
    effect, error = fit_counts(units, design, offset, np.array([10.0, 0.7, 1.5]))
    value, sure = shrunk(effect[:, 1], error[:, 1])
    large = np.abs(truth) >= 0.2
    right = np.sign(value[large]) == np.sign(truth[large])
    inside = np.abs(value - truth) <= 1.96 * sure
    return float(right.mean()), int(large.sum()), float(inside.mean())


PARTS = {
    "chain": chain, "stores": by_store, "cold": cold, "simulation": simulation, "speed": speed, "effects": effects,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.perf_counter()
    said(f"{asked.part}, {date.today()}, seed {asked.seed}")
    PARTS[asked.part](asked.seed)
    said(f"in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
