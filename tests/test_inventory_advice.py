"""Halo, cannibalisation and elasticity: known effects are found again."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from goeswith.scenarios import inventory
from goeswith.scenarios.inventory.advice import cross_effects, elasticities
from goeswith.scenarios.inventory.count_regression import fit_counts, shrunk
from goeswith.scenarios.inventory.demand import demand_of
from goeswith.testing import corner_shop

WEEKS = 104


def shop_of(units, plan=None, price=None):
    """Demand of the first products of the corner shop, made up."""
    n = len(units)
    demand = demand_of(corner_shop.log(), among=np.arange(n), horizon=1)
    empty = np.zeros((n, WEEKS + 1))
    return replace(
        demand,
        units=units.astype(float),
        mailer=empty if plan is None else np.concatenate([plan, np.zeros((n, 1))], axis=1),
        display=empty,
        price=np.full((n, WEEKS), 2.0) if price is None else price,
        whole=type(demand.whole)(np.full((13, WEEKS), 10.0)),
        calendar=replace(demand.calendar, n=WEEKS),
    )


@pytest.fixture(scope="module")
def promoted():
    """Product 0 is promoted: 1 sells half as much again, 2 loses a third, 3 does not care."""
    rng = np.random.default_rng(0)
    plan = np.zeros((4, WEEKS))
    plan[0] = rng.random(WEEKS) < 0.3
    rate = 30 * np.exp(np.array([1.0, 0.4, -0.4, 0.0])[:, None] * plan[0])
    return shop_of(rng.poisson(rate), plan)


def pairs(*others):
    return pl.DataFrame({"promoted": [0] * len(others), "other": others, "kind": ["companion"] * len(others)})


def test_halo_and_cannibalisation_have_their_sign_and_their_size(promoted):
    found = {row["other"]: row for row in cross_effects(promoted, pairs(1, 2, 3)).iter_rows(named=True)}

    assert [found[each]["verdict"] for each in (1, 2, 3)] == ["halo", "cannibalisation", "unclear"]
    assert found[1]["low"] < np.exp(0.4) - 1 < found[1]["high"]
    assert found[2]["low"] < np.exp(-0.4) - 1 < found[2]["high"]


def test_a_product_that_was_never_promoted_says_nothing(promoted):
    found = cross_effects(promoted, pl.DataFrame({"promoted": [1], "other": [0], "kind": ["companion"]}))

    assert found.is_empty() and "verdict" in found.columns


def test_a_price_that_moved_tells_its_elasticity():
    rng = np.random.default_rng(1)
    price = np.where(rng.random((2, WEEKS)) < 0.5, 2.0, 2.5)
    price[1] = 2.0  # a price that never moved
    units = rng.poisson(40 * (price / 2.0) ** -2.0)

    told = elasticities(shop_of(units, price=price), np.zeros(13, int))

    assert told["series"].to_list() == [0]
    assert told["low"][0] < -2.0 < told["high"][0] and told["high"][0] < -1
    assert (told["from_price"][0], told["to_price"][0]) == (2.0, 2.5)


def test_most_signs_of_effects_from_a_fifth_are_right():
    import inventory as benchmark  # the one that is published

    right, asked, inside = benchmark.recovered(seed=1, n=200)

    assert asked > 150 and right >= 0.9 and 0.85 < inside <= 1.0


def test_uncertain_effects_are_drawn_to_zero_more():
    value, sure = shrunk(np.array([1.0, 1.0, -1.0, 0.5]), np.array([0.1, 2.0, 0.1, 0.1]))

    assert 0 < value[1] < value[0] < 1 and sure[1] < 2.0


def test_an_all_zero_series_does_not_break_the_regression():
    effect, error = fit_counts(np.zeros((1, 20)), np.ones((1, 20, 1)), np.zeros((1, 20)), np.array([10.0]))

    assert np.isfinite(effect).all() and np.isfinite(error).all()


def test_without_promotions_the_advice_says_so_and_still_places_together():
    advice = inventory.advise(corner_shop.log())

    assert any("promotion calendar" in note for note in advice.notes) and advice.promote.is_empty()
    first = advice.together.row(0, named=True)
    assert {first["product_id"], first["with_id"]} in ({"bread", "butter"}, {"pasta", "tomato-sauce"})
