"""A shop folder is complete or absent, and adding twice adds once."""

import errno
import os
import subprocess
import sys
import time
from datetime import date, datetime

import polars as pl
import pytest

from goeswith.data import atomic
from goeswith.data.shop import Shop
from goeswith.errors import ColumnError, DataError, ShopError, UsageError

PRODUCTS = pl.DataFrame(
    {"product_id": ["tea", "milk", "soap"], "name": ["Oolong", "Milk", "Soap"], "price": [3.0, 1.0, 2.0]}
)
EVENTS = pl.DataFrame(
    {
        "customer_id": ["ann", "ann", "ann", "bob", None],
        "product_id": ["tea", "milk", "tea", "milk", "milk"],
        "timestamp": [
            datetime(2024, 5, 1, 9),
            datetime(2024, 5, 1, 18),
            datetime(2024, 5, 2),
            datetime(2024, 5, 1, 9),
            datetime(2024, 5, 3),
        ],
    }
)  # fmt: skip


@pytest.fixture
def shop(tmp_path):
    return Shop.create(tmp_path / "corner", PRODUCTS, EVENTS)


def test_the_log_is_rows_and_columns_of_numbers(shop):
    log = shop.log()

    assert log.items.ids([0, 1, 2]).to_list() == ["tea", "milk", "soap"]  # soap was never sold, and is an item
    assert log.customers.ids([0, 1]).to_list() == ["ann", "bob"]
    assert log.events.select("item", "customer", "basket").rows() == [
        (0, 0, 0), (1, 1, 1), (1, 0, 0), (0, 0, 2), (1, None, 3),
    ]  # fmt: skip
    assert dict(log.events.schema) == {
        "item": pl.Int32, "customer": pl.Int32, "basket": pl.Int64, "time": pl.Datetime("us"), "event": pl.String,
        "quantity": pl.Float32, "price": pl.Float32,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("until", "n_events"),
    [("2024-05-01", 3), (date(2024, 5, 1), 3), ("2024-05-01 09:00:00", 2), (datetime(2024, 5, 1, 9), 2), (None, 5)],
)
def test_until_includes_the_whole_of_a_day_and_the_very_moment(until, n_events, shop):
    assert len(shop.log(until).events) == n_events


def test_until_must_be_a_date(shop):
    with pytest.raises(UsageError, match="'soon' is not a date"):
        shop.log("soon")


def test_the_baskets_of_the_shop_come_before_its_days_and_browsing_has_none(tmp_path):
    events = EVENTS.with_columns(
        order=pl.Series(["o1", "o2", None, "o1", None]), event=pl.Series(["buy", "buy", "view", "buy", "buy"])
    )

    log = Shop.create(tmp_path / "shop", PRODUCTS, events, columns={"basket_id": "order"}).log()

    assert log.events["basket"].to_list() == [0, 1, 2, None, 3]  # ann's o1 is not bob's o1


def test_without_customers_and_clock_each_event_stands_alone(tmp_path):
    events = pl.DataFrame({"item": ["a", "b"], "date": ["2024-05-01"] * 2})

    assert Shop.create(tmp_path / "shop", events=events).log().events["basket"].to_list() == [0, 1]


def test_adding_the_same_events_twice_adds_nothing(shop):
    before = shop.events().collect()

    shop.add(events=EVENTS)

    assert shop.events().collect().equals(before)
    assert shop.report.of("events").set_aside == {"a duplicate of another row": 5}


def test_added_products_update_and_append(shop):
    shop.add(products=pl.DataFrame({"product_id": ["milk", "rice"], "name": ["Oat milk", "Rice"]}))

    assert shop.products().select("product_id", "name", "price").rows() == [
        ("tea", "Oolong", 3.0), ("milk", "Oat milk", 1.0), ("soap", "Soap", 2.0), ("rice", "Rice", None)
    ]  # fmt: skip


def test_added_events_of_a_derived_catalogue_bring_their_products(tmp_path):
    shop = Shop.create(tmp_path / "shop", events=EVENTS)

    shop.add(events=pl.DataFrame({"product_id": ["rice"], "timestamp": ["2024-05-04"], "customer_id": ["cem"]}))

    assert shop.products()["product_id"].to_list() == ["milk", "tea", "rice"]
    assert Shop.open(tmp_path / "shop").log().n_customers == 3


def test_a_shop_of_numbers_takes_numbers_from_a_text_file(tmp_path):
    shop = Shop.create(tmp_path / "shop", pl.DataFrame({"product_id": [7, 8], "name": ["a", "b"]}),
                       pl.DataFrame({"product_id": [7], "customer_id": [1], "date": ["2024-05-01"]}))  # fmt: skip
    (tmp_path / "more.csv").write_text(
        "product_id,customer_id,date\n8,2,2024-05-02\n8,ann,2024-05-02\n007,1,2024-05-02\n"
    )

    shop.add(events=tmp_path / "more.csv")

    assert shop.events().collect()["product_id"].to_list() == [7, 8]
    assert shop.report.of("events").set_aside == {
        "the customer id is not a whole number, as the shop's are": 1,
        "the product is not in the catalogue": 1,
    }


def test_a_failed_add_leaves_the_shop_as_it_was(shop, tmp_path):
    before = sorted(p.relative_to(shop.folder) for p in shop.folder.rglob("[!.]*"))

    with pytest.raises(DataError):
        shop.add(products=PRODUCTS.rename({"product_id": "colour", "name": "shape"}).select("price"), events=EVENTS)

    assert sorted(p.relative_to(shop.folder) for p in shop.folder.rglob("[!.]*")) == before


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda f: Shop.open(f / "nowhere"), ShopError, "no such folder"),
        (lambda f: Shop.open(f), ShopError, "not a shop"),
        (lambda f: Shop.create(f / "x"), UsageError, "products, events or both"),
        (lambda f: Shop.create(f / "x", events=EVENTS, format="magic"), UsageError, "Choose one of auto, recbole"),
        (lambda f: Shop.create(f / "x", events=EVENTS, time_zone="Mars"), UsageError, "is not known"),
        (lambda f: Shop.create(f, events=EVENTS), ShopError, "is not empty"),
        (lambda f: Shop.create(f / "file", events=EVENTS), ShopError, "is a file"),
        (lambda f: Shop.create(f / "x", PRODUCTS.select("price"), EVENTS), ColumnError, "product_id"),
        (
            lambda f: Shop.create(f / "x", PRODUCTS.with_columns(product_id="x-" + pl.col("product_id")), EVENTS),
            DataError,
            "no event matches a product.*tea.*x-milk",
        ),
    ],
)  # fmt: skip
def test_a_wrong_call_says_what_and_the_way_out(make, error, message, tmp_path):
    (tmp_path / "file").write_text("hello")

    with pytest.raises(error, match=message):
        make(tmp_path)

    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_second_create_refuses_to_overwrite(shop):
    with pytest.raises(ShopError, match="a shop already"):
        Shop.create(shop.folder, events=EVENTS)


def test_a_damaged_shop_toml_is_named(shop):
    (shop.folder / "shop.toml").write_text("name = ")

    with pytest.raises(ShopError, match=r"shop\.toml"):
        Shop.open(shop.folder)


def test_a_full_disk_is_an_error_that_leaves_no_half_shop(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)

    with pytest.raises(ShopError, match="the disk is full"):
        Shop.create(tmp_path / "shop", events=EVENTS)

    assert list(tmp_path.iterdir()) == []


def test_a_killed_create_leaves_no_half_shop(tmp_path):
    (tmp_path / "shop.code").write_text(
        "import os, sys, polars as pl\n"
        "from goeswith.data import shop\n"
        "shop.write_settings = lambda *_: os.kill(os.getpid(), 9)\n"
        "shop.Shop.create(sys.argv[1], events=pl.DataFrame({'item': ['a'], 'date': ['2024-05-01']}))\n"
    )
    code, target = str(tmp_path / "shop.code"), tmp_path / "shop"

    killed = subprocess.run([sys.executable, code, str(target)], env=os.environ, check=False)

    assert killed.returncode == -9
    assert not target.exists()
    Shop.create(target, events=EVENTS)
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith("aside")] == []  # what was left aside is gone


def test_a_second_holder_of_the_lock_is_refused_until_the_first_dies(shop, tmp_path):
    code = (
        "import sys, time\n"
        "from goeswith.data.shop import Shop\n"
        "with Shop.open(sys.argv[1]).lock():\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(shop.folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"

    with pytest.raises(ShopError, match=f"process {holder.pid}"), shop.lock():
        pass

    holder.kill()
    holder.wait()
    time.sleep(0.05)
    with shop.lock():
        pass


def test_several_files_of_events_are_one_log(tmp_path):
    for month in (4, 5):
        (tmp_path / f"2024-{month}.csv").write_text(f"item,date\na,2024-0{month}-01\nb,2024-0{month}-02\n")

    shop = Shop.create(tmp_path / "shop", events=[tmp_path / "2024-4.csv", tmp_path / "2024-5.csv"])

    assert len(shop.log().events) == 4
    assert len(shop.report.to_dict()["sources"]) == 3  # the derived products, and two files


def test_a_shop_of_products_alone_has_an_empty_log_until_events_are_added(tmp_path):
    shop = Shop.create(tmp_path / "shop", products=pl.DataFrame({"product_id": [7], "name": ["tea"]}))
    assert (len(shop.log().events), shop.log().n_items) == (0, 1)

    shop.add(events=pl.DataFrame({"item": [7], "date": ["2024-05-01"]}))

    assert len(shop.log().events) == 1
    assert Shop.open(shop.folder).settings.columns["events"] == {"product_id": "item", "timestamp": "date"}
