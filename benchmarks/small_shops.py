"""Shops of a few customers, ours beside the peers, with default settings.

A few customers are drawn, and what anybody else bought before the cut is taken away: that is the small shop. Asked are
others, whom it never saw: what they buy next that is new to them, their past given as a history; and the product that
is hidden from one of their baskets. Peers have the settings that were chosen for the whole data set.

    python benchmarks/small_shops.py --data online-retail --customers 60 --draws 3
    python benchmarks/small_shops.py --data complete-journey --customers 15 --draws 3 --test
"""

import argparse
from dataclasses import replace

import numpy as np
import polars as pl

import online_retail
from data_sets import complete_journey, complete_journey_terms, complete_journey_texts
from goeswith.evaluation.outcome import Outcome
from goeswith.evaluation.protocol import Exam, Task
from goeswith.language.words import words
from peer_settings import CHOSEN
from peers import Material
from plain_log import plain_log
from protocol_tasks import Slice, ask_customers, complete_baskets
from quality import as_table, our_outcomes, peer_outcomes
from trials import Trial, counted

ASKED = 400
PEERS = ["popularity", "rules-cosine", "item-knn", "bm25", "ease-customers", "ease-baskets", "tfidf"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["online-retail", "complete-journey"], default="online-retail")
    parser.add_argument("--customers", type=int, default=60, help="of the small shop")
    parser.add_argument("--draws", type=int, default=3, help="shops; queries of all of them are judged together")
    parser.add_argument("--test", action="store_true", help="the test slice")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    asked = parser.parse_args()

    whole = whole_slice(asked.data, "test" if asked.test else "validation")
    trials = [small_trial(whole, asked.customers, draw) for draw in range(asked.draws)]
    found: list[list[Outcome]] = []
    for trial in trials:
        print(f"{trial.name}: {trial.events.height:,} purchases of {trial.products.height:,} products")
        found.append([each for name in asked.peers for each in peer_outcomes(name, trial, None)])
        found[-1] += our_outcomes(trial, seed=0)
    print(as_table(pooled(found), trials[0]))


def whole_slice(data: str, part: str) -> Slice:
    if data == "complete-journey":
        return complete_journey(part)
    products, fit, test, _, until = online_retail.cut(part)
    return Slice(data, part, products, fit, test, until)


def small_trial(whole: Slice, n_customers: int, draw: int) -> Trial:
    """The purchases of so many customers as a shop of its own, and what strangers to it are asked."""
    rng = np.random.default_rng([n_customers, draw])
    people = whole.fit["customer_id"].drop_nulls().unique().sort()
    order = people.gather(rng.permutation(len(people)))
    fit = _only(whole.fit, order[:n_customers])
    sold = fit["product_id"].unique().sort()
    products = whole.products.filter(pl.col("product_id").is_in(sold.implode()))
    cut = replace(whole, data=f"{whole.data}, {n_customers} customers, draw {draw}", products=products, fit=fit)
    tasks = _tasks(whole, order[n_customers:], sold, rng)
    exam = Exam(counted(products, fit), tasks, None, f"{whole.part}: four weeks from {whole.until}")
    return Trial(cut.data, cut.part, exam, products, fit, None, _material(whole.data, cut), PEERS)


def _tasks(whole: Slice, others: pl.Series, sold: pl.Series, rng: np.random.Generator) -> list[Task]:
    """What at most 400 customers buy next, and their baskets; of both what the small shop sells."""
    sells = pl.col("product_id").is_in(sold.implode())
    past = _only(whole.fit, others).filter(sells).select("customer_id", "product_id").unique()
    test = whole.test.filter(sells).join(past, on="customer_id", how="semi", maintain_order="left")
    new = test.select("customer_id", "product_id").unique().join(past, on=["customer_id", "product_id"], how="anti")
    who = new["customer_id"].unique().sort()
    who = who.gather(np.sort(rng.permutation(len(who))[:ASKED]))
    held = _only(past, who).group_by("customer_id").agg(pl.col("product_id").sort()).sort("customer_id")
    next_ = ask_customers("history", "strangers, their past given, new to them", _only(new, who), sold)
    baskets = complete_baskets(_only(test, who), sold)[1]
    return [
        replace(next_, customers=None, baskets=held["product_id"].to_list(), history=True),
        replace(baskets, name="basket"),
    ]


def _material(data: str, cut: Slice) -> Material:
    people = cut.fit["customer_id"].unique().sort()
    log = plain_log(cut.products, cut.fit, people)
    if data == "complete-journey":
        terms, texts = complete_journey_terms(cut.products), complete_journey_texts(cut.products)
    else:
        texts = cut.products["name"].to_list()
        terms = [words(text) for text in texts]
    return Material(log, terms, texts, 1, None, CHOSEN[data])


def pooled(draws: list[list[Outcome]]) -> list[Outcome]:
    """The queries of all draws behind each other, by system and task; coverage and Gini are of the first draw."""
    first, *others = draws
    result = []
    for each in first:
        alike = [one for draw in others for one in draw if (one.system, one.task) == (each.system, each.task)]
        values = {name: np.concatenate([one.values[name] for one in (each, *alike)]) for name in each.values}
        result.append(replace(each, values=values))
    return result


def _only(events: pl.DataFrame, customers: pl.Series) -> pl.DataFrame:
    return events.filter(pl.col("customer_id").is_in(customers.implode()))


if __name__ == "__main__":
    main()
