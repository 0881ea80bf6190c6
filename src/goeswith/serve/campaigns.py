"""Whom to offer a product or a bundle, with caps and exclusions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goeswith.ranking.views import Queries
from goeswith.serve.at_work import COLD, AtWork

LOOKED_AT = 2_000
"""Customers whose probability is computed, those whose taste is nearest."""


@dataclass(frozen=True)
class Prospects:
    """customer, bought : (n,); probability : (n, products); left_out : why -> how many"""

    customer: NDArray[np.int64]
    probability: NDArray[np.float64]
    bought: NDArray[np.int64]
    left_out: dict[str, int]


def prospects(
    work: AtWork,
    products: NDArray[np.int64],
    n: int,
    least: float,
    bought_within_days: int,
    excluded: NDArray[np.bool_],
    capped: NDArray[np.bool_],
) -> Prospects:
    """The likeliest buyers; of a bundle, by the mean of its products' probabilities.

    Parameters
    ----------
    products : rows of the model
    excluded, capped : (customers,), who is left out, and who had offers enough
    """
    answerer, histories = work.model.answerer, work.model.parts.histories
    most = max(min(5 * n, LOOKED_AT), 500)
    near = [answerer.audience(int(row), most)[0] for row in products]
    customers = np.unique(np.concatenate(near))
    left_out: Counter[str] = Counter()

    def without(out: NDArray[np.bool_], why: str, among: NDArray[np.int64]) -> NDArray[np.int64]:
        if out.any():
            left_out[why] += int(out.sum())
        return among[~out]

    customers = without(excluded[customers], "excluded", customers)
    customers = without(capped[customers], "had offers enough", customers)
    if bought_within_days:
        lately = _bought_lately(work, customers, products, bought_within_days)
        customers = without(lately, f"bought in the last {bought_within_days} days", customers)
    if not len(customers):
        return Prospects(customers, np.zeros((0, len(products))), np.zeros(0, np.int64), dict(left_out))
    own = histories.take(customers)
    chance = np.stack([_chances(work, Queries(own, customers), int(row)) for row in products], axis=1)
    mean = chance.mean(axis=1)
    unlikely = mean < least
    if unlikely.any():
        left_out["too unlikely"] += int(unlikely.sum())
    order = np.flatnonzero(~unlikely)
    order = order[np.argsort(-mean[order], kind="stable")][:n]
    times = own.matrix(own.n, work.catalogue.n_items)[:, products].toarray().sum(axis=1)
    return Prospects(customers[order], chance[order], times[order].astype(np.int64), dict(left_out))


def _chances(work: AtWork, asked: Queries, row: int) -> NDArray[np.float64]:
    question = "cold" if work.model.parts.counts.items[row] < COLD else "recommend"
    said = work.model.answerer.opinion(question, asked, np.arange(len(asked)), np.full(len(asked), row))
    return work.model.calibrators.of(question)(said)


def _bought_lately(
    work: AtWork, customers: NDArray[np.int64], products: Sequence[int] | NDArray[np.int64], days: int
) -> NDArray[np.bool_]:
    own = work.model.parts.histories.take(customers)
    recent = (own.n > 0) & (own.last <= days) & np.isin(own.item, products)
    who = np.repeat(np.arange(len(own)), np.diff(own.start))
    return np.bincount(who[recent], minlength=len(customers)) > 0
