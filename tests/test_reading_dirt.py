"""Ordinary dirt is set aside or noted, and the report adds up."""

import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.data.shop import Shop

RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HEART,6,12/1/2010 8:26,2.55,17850,UK
536365,85123A,WHITE HEART,6,12/1/2010 8:26,2.55,17850,UK
536365,71053,LANTERN,6,12/1/2010 8:26,3.39,17850,UK
C536379,71053,LANTERN,-1,12/1/2010 9:41,3.39,17850,UK
536414,22139,,56,12/1/2010 11:52,0,,UK
536415,22139,RETROSPOT TEA SET,1,12/13/2010 11:53,4.25,,UK
536416,22139,RETROSPOT TEA SET,1,12/13/2010 11:59,0,17850,UK
536417,,GHOST,1,12/13/2010 11:59,1,17850,UK
536418,POST,POSTAGE,1,not a date,1,17850,UK
536419,POST,POSTAGE,1,12/13/2060 11:59,1,17850,UK
536420,POST,POSTAGE,1,12/13/1960 11:59,1,17850,UK
"""


def retail(tmp_path):
    (tmp_path / "retail.csv").write_text(RETAIL)
    return Shop.create(tmp_path / "shop", events=tmp_path / "retail.csv")


def test_one_retail_file_is_a_shop(tmp_path):
    shop = retail(tmp_path)

    assert shop.products().rows() == [
        ("22139", "RETROSPOT TEA SET", 4.25),
        ("71053", "LANTERN", 3.39),
        ("85123A", "WHITE HEART", 2.55),
    ]


def test_each_row_that_is_set_aside_has_its_reason(tmp_path):
    shop = retail(tmp_path)

    rejected = pl.read_parquet(shop.folder / "data" / "rejected" / "*.parquet").sort("row")

    assert rejected.select("row", "reason").rows() == [
        (2, "a duplicate of another row"),
        (5, "an adjustment of stock, not a sale: no customer, no price"),
        (8, "no product id"),
        (9, "the time cannot be read"),
        (10, "the time is in the future"),
        (11, "the time is before 1970"),
    ]
    assert rejected["Description"].to_list()[0] == "WHITE HEART"


def test_the_report_adds_up_and_prints_what_it_found(tmp_path):
    shop = retail(tmp_path)

    report = shop.report.of("events")
    assert (report.read, report.kept, sum(report.set_aside.values())) == (11, 5, 6)
    assert report.notes == {
        "returns (negative quantity, or a cancelled invoice)": 1,
        "events without a customer: they count in baskets only": 1,
        "purchases without a price above zero: the price is left empty": 1,
    }
    assert "product_id <- StockCode, by header" in str(shop.report)
    assert json.loads(json.dumps(shop.report.to_dict()))["shop"] == {"products": 3, "events": 5, "customers": 1}


def test_a_return_is_an_event_of_its_own_with_a_positive_quantity(tmp_path):
    returns = retail(tmp_path).events().filter(pl.col("event") == "return").collect()

    assert returns.select("product_id", "quantity").rows() == [("71053", 1.0)]


def test_words_for_events_in_english_and_chinese(tmp_path):
    words = ["purchase", "buy", "购买", "pv", "浏览", "add_to_cart", "加购", "fav", "收藏", "refund", "退货", "dance"]
    events = pl.DataFrame({"item": list("abcdefghijkl"), "行为": words, "日期": ["2024-05-01"] * 12})

    shop = Shop.create(tmp_path / "shop", events=events)

    kinds = ["purchase", "purchase", "purchase", "view", "view", "cart", "cart", "wish", "wish", "return", "return"]
    assert shop.events().collect()["event"].to_list() == kinds
    assert shop.report.of("events").set_aside == {"the kind of event is not known": 1}


def test_a_line_total_is_divided_by_the_quantity(tmp_path):
    events = pl.DataFrame(
        {"item": ["a", "b"], "date": ["2024-05-01"] * 2, "quantity": [4, 0], "sales_value": [10.0, 3.0]}
    )

    kept = Shop.create(tmp_path / "shop", events=events).events().collect()

    assert kept["price"].to_list() == [2.5, None]  # nothing can be divided by none


cell = st.sampled_from(["", "a", "b", "zzz", "2024-05-01", "2024-13-01", "1950-01-01", "-3", "0", "C1", "x,y", '"q"'])
ROWS = st.lists(
    st.fixed_dictionaries(dict.fromkeys(("product_id", "date", "customer_id", "invoice", "price", "quantity"), cell))
)


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_read_is_kept_and_set_aside_whatever_the_cells_hold(tmp_path_factory, rows):
    anchor = dict.fromkeys(("customer_id", "invoice", "price", "quantity"), "") | {
        "product_id": "a",
        "date": "2024-05-01",
    }
    frame = pl.DataFrame([anchor, *rows])
    given_columns = {"product_id": "product_id", "timestamp": "date", "customer_id": "customer_id", "price": "price"}
    folder = tmp_path_factory.mktemp("dirt")
    frame.write_csv(folder / "events.csv")

    shop = Shop.create(
        folder / "shop",
        pl.DataFrame({"product_id": ["a", "b"], "name": ["x", "y"]}),
        folder / "events.csv",
        columns=given_columns,
    )

    report = shop.report.of("events")
    rejected = list((shop.folder / "data" / "rejected").glob("*.parquet"))
    assert report.read == len(frame) == report.kept + sum(report.set_aside.values())
    assert report.kept == len(shop.events().collect()) == len(shop.log().events)
    assert sum(len(pl.read_parquet(path)) for path in rejected) == report.read - report.kept
