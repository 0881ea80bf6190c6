"""The famous small shop is what its docstring says, and the big one holds what was planted in it."""

from itertools import combinations

import polars as pl
import pytest

from goeswith.data.log import EVENT_COLUMNS
from goeswith.testing import corner_shop

TABLE = corner_shop.__doc__


def table_rows():
    """product -> the numbers of its row in the docstring's table; the last is the product itself."""
    found = {}
    for line in TABLE.splitlines():
        head, *numbers = line.split() or [""]
        if numbers and all(number.strip("()").isdigit() for number in numbers):
            found[head] = [int(number.strip("()")) for number in numbers]
    return found


def test_the_table_of_the_docstring_is_what_the_baskets_hold():
    baskets, rows = corner_shop.basket_sets(), table_rows()
    order = list(rows)

    assert set(order) == set(corner_shop.products()["product_id"]) - {"honey"}
    for at, product in enumerate(order):
        counted = [sum({product, other} <= basket for basket in baskets) for other in order[: at + 1]]
        assert rows[product] == counted, product


def test_the_log_holds_the_same_baskets():
    log = corner_shop.log()

    found = log.purchases.group_by("basket", maintain_order=True).agg("item")

    assert [set(log.items.ids(rows.to_list())) for rows in found["item"]] == corner_shop.basket_sets()
    assert found["basket"].to_list() == list(range(25))


def test_the_log_has_the_columns_that_every_room_reads():
    log = corner_shop.log()

    assert dict(log.events.schema) == EVENT_COLUMNS
    assert log.events["time"].is_sorted()
    assert log.products["product_id"].to_list() == log.items.series.to_list()
    assert log.events.filter(pl.col("event") != "purchase")["basket"].null_count() == 9


def test_what_is_known_by_heart():
    events = corner_shop.events()
    sold = events.filter(pl.col("event") == "purchase")

    assert "honey" not in sold["product_id"]
    assert corner_shop.products().filter(~pl.col("available"))["product_id"].to_list() == ["tea"]
    assert sold.filter(pl.col("customer_id").is_null())["basket_id"].n_unique() == 2
    assert sold["customer_id"].drop_nulls().n_unique() == 5
    for who in ("dora", "ana", "emil"):
        times = dict(sold.filter(pl.col("customer_id") == who).group_by("product_id").agg(pl.min("timestamp")).rows())
        assert times["printer"] < times["toner"]


def test_the_files_hold_what_the_frames_hold(tmp_path):
    products, events = corner_shop.write(tmp_path / "new" / "folder")

    assert pl.read_csv(products).equals(corner_shop.products())
    read = pl.read_csv(events, try_parse_dates=True).cast(dict(corner_shop.events().schema))
    assert read.equals(corner_shop.events())


@pytest.fixture(scope="module")
def big():
    return corner_shop.big_corner_shop(n_customers=200, n_weeks=20)


@pytest.fixture(scope="module")
def trips(big):
    """customer_id, basket_id, timestamp, items (a set)."""
    sold = big.events.filter(pl.col("event") == "purchase")
    return sold.group_by("customer_id", "basket_id", "timestamp", maintain_order=True).agg("product_id").rows()


def test_the_same_seed_gives_the_same_shop(big):
    again = corner_shop.big_corner_shop(n_customers=200, n_weeks=20)

    assert again.events.equals(big.events)
    assert not corner_shop.big_corner_shop(n_customers=200, n_weeks=20, seed=1).events.equals(big.events)


def test_refills_come_after_their_device(big, trips):
    bought = {}
    for who, _, when, items in trips:
        for item in items:
            bought.setdefault((who, item), when)
    for device, refill in big.directed:
        owners = {who for who, item in bought if item == device}
        refilled = {who for who, item in bought if item == refill}
        assert refilled <= owners
        assert all(bought[who, device] < bought[who, refill] for who in refilled)
        assert len(refilled) / len(owners) > 0.4


def test_pairs_share_a_basket_as_often_as_planted(big, trips):
    for first, second in big.together:
        with_first = [items for *_, items in trips if first in items]
        assert sum(second in items for items in with_first) / len(with_first) == pytest.approx(0.6, abs=0.1)


def test_substitutes_never_share_a_basket_and_are_bought_in_turn(big, trips):
    for one, other in big.substitutes:
        assert not any({one, other} <= set(items) for *_, items in trips)
        takers = [{who for who, *_, items in trips if taken in items} for taken in (one, other)]
        assert len(takers[0] & takers[1]) / len(takers[0] | takers[1]) > 0.8


def test_staples_are_bought_every_week(big, trips):
    visits = [(who, items) for who, _, when, items in trips if set(items) & set(big.weekly[who])]
    bought = sum(len(set(items) & set(big.weekly[who])) for who, items in visits)

    assert bought / (3 * len(visits)) == pytest.approx(0.9, abs=0.02)


def test_views_end_in_a_purchase_as_often_as_planted(big):
    views = big.events.filter(pl.col("event") == "view")
    sold = big.events.filter((pl.col("event") == "purchase") & pl.col("product_id").is_in(big.gadgets))
    bought = views.join(sold, on=["customer_id", "product_id"], suffix="_sold").filter(
        (pl.col("timestamp_sold") - pl.col("timestamp")).is_between(pl.duration(), pl.duration(days=3))
    )

    assert bought.height / views.height == pytest.approx(big.share_viewed_bought, abs=0.04)
    assert bought.height / sold.height > 0.5  # most gadgets sold were looked at before


def test_new_products_start_late_beside_the_companion_that_their_text_names(big, trips):
    for new, companion in big.companions.items():
        holding = [(when, items) for *_, when, items in trips if new in items]
        assert holding
        assert all(when >= big.launch and companion in items for when, items in holding)
        assert companion in new


def test_everything_else_is_no_pair(big, trips):
    """Staples of one customer meet often; nothing else that was not planted does."""
    shelf = big.products.filter(pl.col("category") == "shelf")["product_id"].head(5)
    sets = [set(items) for *_, items in trips]
    for one, other in combinations(shelf, 2):
        chance = sum(one in s for s in sets) * sum(other in s for s in sets) / len(sets)
        assert sum({one, other} <= s for s in sets) < 2 * chance + 5
