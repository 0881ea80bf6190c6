"""What a history counts of each product, beside sums by hand."""

from datetime import datetime, timedelta

import polars as pl
import pytest

import goeswith as gw
from goeswith.association.behaviour import popularity_of
from goeswith.association.histories import histories_of

NOW = datetime(2024, 6, 1)
AGO = {"tea": [84, 44, 0], "jam": [44]}
"""Days since each basket of Ann's with the product."""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Ann's baskets, and one of tea by nobody known a month ago."""
    rows = [("ann", name, days, f"ann-{days}") for name, all_days in AGO.items() for days in all_days]
    rows.append((None, "tea", 30, "till"))
    events = pl.DataFrame(rows, schema=["customer_id", "product_id", "days", "basket_id"], orient="row")
    events = events.select(
        "customer_id", "product_id", "basket_id", timestamp=pl.lit(NOW) - pl.duration(days="days")
    ).cast({"timestamp": pl.Datetime("us")})
    products = pl.DataFrame({"product_id": list(AGO), "name": list(AGO)})
    return gw.Shop.create(tmp_path_factory.mktemp("ann") / "shop", products, events).log()


def test_a_basket_counts_less_by_its_age_and_a_month_by_how_far_back_it_is(log):
    own = histories_of(log, NOW)

    row = {name: int((own.item == log.items.rows([name])[0]).nonzero()[0][0]) for name in AGO}
    tea, jam = row["tea"], row["jam"]
    assert (own.n[tea], own.n[jam]) == (3, 1)
    assert own.longest[tea] == pytest.approx(sum(0.5 ** (days / 150) for days in AGO["tea"]), rel=1e-5)
    assert own.short[jam] == pytest.approx(0.5 ** (44 / 14), rel=1e-5)
    of_four_months = 1 + 0.8 + 0.8**2 + 0.8**3  # from 84 days ago until now
    assert own.months[tea] == pytest.approx((1 + 0.8 + 0.8**3) / of_four_months, rel=1e-5)
    assert own.months[jam] == pytest.approx(0.8 / of_four_months, rel=1e-5)


def test_a_customer_counts_once_among_the_people_who_buy_a_product_and_a_basket_of_nobody_known_as_one_more(log):
    sold = popularity_of(log, NOW)
    people, lately = sold.people, sold.lately
    tea, jam = log.items.rows(["tea", "jam"])

    assert people[tea] == pytest.approx(1 + 0.5, rel=1e-5)
    assert people[jam] == pytest.approx(0.5 ** (44 / 30), rel=1e-5)
    assert lately[tea] == pytest.approx(1 + 0.1 * 0.5 ** (30 / 14), rel=1e-5)  # nobody's counts a tenth
    assert lately[jam] == pytest.approx(0.5 ** (44 / 14), rel=1e-5)
    assert (log.events["time"].max() - log.events["time"].min()) == timedelta(days=84)
