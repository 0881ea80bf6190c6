"""Whose column is which."""

import polars as pl
import pytest

from goeswith.data.columns import recognise
from goeswith.data.shop import Shop
from goeswith.errors import ColumnError

EVENT_HEADERS = {
    "retail": ("StockCode", "InvoiceDate", "CustomerID", "InvoiceNo"),
    "groceries": ("product_id", "transaction_timestamp", "household_id", "basket_id"),
    "recbole": ("item_id:token", "timestamp:float", "user_id:token", None),
    "amazon": ("asin", "unixReviewTime", "reviewerID", None),
    "chinese": ("商品编号", "下单时间", "顾客编号", "订单号"),
    "gorse": ("ItemId", "Timestamp", "UserId", None),
    "loose": ("prod number", "Date of sale", "cust no", "Receipt-No."),
}


@pytest.mark.parametrize("who", EVENT_HEADERS)
def test_headers_are_recognised(who):
    theirs = EVENT_HEADERS[who]
    values = [["a", "b"], ["1291191960", "1291191970"], ["u", "v"], ["o1", "o2"]]
    table = pl.DataFrame({header: v for header, v in zip(theirs, values, strict=True) if header})

    columns = recognise("events", table)

    assert tuple(columns.theirs.get(c) for c in ("product_id", "timestamp", "customer_id", "basket_id")) == theirs


def test_unknown_headers_are_recognised_by_content():
    table = pl.DataFrame(
        {"c1": ["x", "y"], "c2": ["2024-05-01", "2024-05-02"], "c3": ["p1", "p2"], "c4": ["view", "buy"]}
    )

    columns = recognise("events", table, catalogue=pl.Series(["p1", "p2", "p3"]))

    assert columns.theirs == {"product_id": "c3", "timestamp": "c2", "event": "c4"}
    assert str(columns).splitlines()[0] == "product_id <- c3, by content"


def test_what_is_given_wins_and_is_kept_in_shop_toml(tmp_path):
    events = pl.DataFrame({"item": ["a"], "good": ["b"], "date": ["2024-05-01"]})

    shop = Shop.create(tmp_path / "shop", events=events, columns={"product_id": "good"})

    assert shop.products()["product_id"].to_list() == ["b"]
    assert Shop.open(tmp_path / "shop").settings.found["events"]["product_id"] == "given"


def test_a_column_of_one_table_can_be_named_apart(tmp_path):
    products = pl.DataFrame({"id": ["a"], "name": ["tea"]})
    events = pl.DataFrame({"id": ["event-1"], "what": ["a"], "date": ["2024-05-01"]})

    shop = Shop.create(tmp_path / "shop", products, events, columns={"events.product_id": "what"})

    assert shop.log().n_items == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [({"product_id": "itm"}, "no such column.*item"), ({"prodct_id": "item"}, "Did you mean product_id")],
)
def test_a_wrong_map_is_named_with_what_is_near(columns, message, tmp_path):
    with pytest.raises(ColumnError, match=message):
        Shop.create(tmp_path / "s", events=pl.DataFrame({"item": ["a"], "date": ["2024-05-01"]}), columns=columns)


def test_further_columns_of_products_are_kept_as_attributes_of_their_type(tmp_path):
    products = pl.DataFrame(
        {"sku": ["a"], "title": ["tea"], "organic": [True], "steps": [3], "attributes": ['{"leaf": "green"}']}
    )

    kept = Shop.create(tmp_path / "s", products=products).products()

    assert kept.to_dicts() == [{"product_id": "a", "name": "tea", "organic": True, "steps": 3, "leaf": "green"}]


def test_without_a_name_the_most_specific_text_is_one(tmp_path):
    products = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "department": ["FOOD"] * 3,
            "kind": ["oat milk", "tea", None],
            "category": ["drink", "drink", "snack"],
        }
    )

    kept = Shop.create(tmp_path / "s", products=products).products()

    assert kept["name"].to_list() == ["oat milk", "tea", "snack"]


@pytest.mark.parametrize(
    ("prices", "read"),
    [(["£2.55", "£1,299.00"], [2.55, 1299.0]), (["2,50 €", "1.299,00 €"], [2.5, 1299.0]), (["", "12"], [None, 12.0])],
)
def test_prices_are_read_as_people_write_them(prices, read, tmp_path):
    products = pl.DataFrame({"id": ["a", "b"], "name": ["x", "y"], "price": prices})

    assert Shop.create(tmp_path / "s", products=products).products()["price"].to_list() == read


def test_the_currency_is_seen_from_its_sign(tmp_path):
    products = pl.DataFrame({"id": ["a"], "name": ["x"], "price": ["£2"]})

    assert Shop.create(tmp_path / "s", products=products).settings.currency == "GBP"
