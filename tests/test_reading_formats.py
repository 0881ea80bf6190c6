"""Exports of other systems, read with no option."""

import json

import polars as pl
import pytest

from goeswith.data.shop import Shop
from goeswith.errors import DataError


def test_recbole_histories_are_counted_once(tmp_path):
    (tmp_path / "Toy.train.inter").write_text(
        "user_id:token\titem_id_list:token_seq\titem_id:token\n0\t0\t1\n0\t0 1\t2\n1\t2\t0\n"
    )
    (tmp_path / "Toy.test.inter").write_text("user_id:token\titem_id_list:token_seq\titem_id:token\n0\t0 1 2\t1\n")
    (tmp_path / "Toy.item2index").write_text("B00A\t0\nB00B\t1\nB00C\t2\n")
    (tmp_path / "Toy.user2index").write_text("ann\t0\nbob\t1\n")
    (tmp_path / "Toy.text").write_text("item_id:token\ttext:token_seq\nB00A\tglue\nB00B\ttape\nB00C\tnails\n")

    shop = Shop.create(tmp_path / "shop", events=tmp_path)

    events = shop.events().collect().sort("customer_id", "time")
    assert events["customer_id"].to_list() == ["ann"] * 4 + ["bob"] * 2
    assert events["product_id"].to_list() == ["B00A", "B00B", "B00C", "B00B", "B00C", "B00A"]
    assert shop.log().events["basket"].n_unique() == 6  # each position is its own
    assert shop.products()["name"].to_list() == ["glue", "tape", "nails"]
    assert shop.settings.order_only


def test_recbole_interactions_with_times_are_ordinary_events(tmp_path):
    (tmp_path / "toy.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t5\t1291191960.0\n2\t11\t1\t1291191970.0\n"
    )
    (tmp_path / "toy.item").write_text(
        "item_id:token\tmovie_title:token_seq\tclass:token_seq\n10\tHeat\tcrime\n11\tBabe\tfarm\n"
    )

    shop = Shop.create(tmp_path / "shop", events=tmp_path / "toy.inter")

    assert shop.products().to_dicts()[0] == {"product_id": "10", "name": "Heat", "category": "crime"}
    assert shop.events().collect()["event"].to_list() == ["purchase", "purchase"]


AMAZON = {
    "2018": (
        {
            "reviewerID": "A1",
            "asin": "0001",
            "unixReviewTime": 1291191960,
            "overall": 5.0,
            "summary": "good",
            "reviewText": "x",
        },
        {
            "asin": "0001",
            "title": "Glue",
            "category": ["Office", "Glue"],
            "brand": "Gorilla",
            "price": "$1.50",
            "also_buy": ["2"],
        },
    ),
    "2023": (
        {
            "user_id": "A1",
            "parent_asin": "0001",
            "asin": "0009",
            "timestamp": 1291191960000,
            "rating": 5.0,
            "title": "good",
        },
        {
            "parent_asin": "0001",
            "title": "Glue",
            "categories": ["Office", "Glue"],
            "store": "Gorilla",
            "price": 1.5,
            "details": {},
        },
    ),
}


@pytest.mark.parametrize("year", AMAZON)
def test_amazon_reviews_and_metadata_become_purchases_and_products(year, tmp_path):
    review, metadata = AMAZON[year]
    (tmp_path / "reviews.jsonl").write_text(json.dumps(review) + "\n")
    (tmp_path / "meta.jsonl").write_text(json.dumps(metadata) + "\n")

    shop = Shop.create(tmp_path / "shop", tmp_path / "meta.jsonl", tmp_path / "reviews.jsonl")

    product = shop.products().to_dicts()[0]
    assert {k: product[k] for k in ("product_id", "name", "category", "brand", "price")} == {
        "product_id": "0001", "name": "Glue", "category": "Office, Glue", "brand": "Gorilla", "price": 1.5
    }  # fmt: skip
    assert "also_buy" not in product
    assert str(shop.events().collect()["time"][0]) == "2010-12-01 08:26:00"


def test_a_review_title_is_not_taken_for_the_product(tmp_path):
    (tmp_path / "reviews.jsonl").write_text(json.dumps(AMAZON["2023"][0]) + "\n")

    assert Shop.create(tmp_path / "shop", events=tmp_path / "reviews.jsonl").products()["name"].to_list() == [""]


def test_a_gorse_export_is_one_folder(tmp_path):
    export = tmp_path / "gorse"
    export.mkdir()
    (export / "items.csv").write_text(
        'ItemId,IsHidden,Categories,Timestamp,Labels,Comment\n1,false,tea,2024-01-01,"[""a""]",Oolong\n'
    )
    (export / "feedback.csv").write_text(
        "FeedbackType,UserId,ItemId,Timestamp\nread,ann,1,2024-05-01\nstar,ann,1,2024-05-02\n"
    )
    (export / "users.csv").write_text("UserId,Labels\nann,x\n")

    shop = Shop.create(tmp_path / "shop", events=export)

    assert shop.products().select("name", "category", "available").row(0) == ("Oolong", "tea", True)
    assert shop.events().collect()["event"].to_list() == ["view", "wish"]


def test_a_format_that_the_file_has_not_is_refused(tmp_path):
    with pytest.raises(DataError, match="not a file of format amazon"):
        Shop.create(tmp_path / "s", events=pl.DataFrame({"item": ["a"], "date": ["2024-05-01"]}), format="amazon")
