"""A corner shop in service: what it answers, and that this is what the model says."""

import pytest

import goeswith as gw
from goeswith.testing.waiting import until

pytest_plugins = ["goeswith.testing.serving"]


def test_the_service_says_what_the_model_says(serve_corner, corner):
    served, model = serve_corner(), gw.load(corner)

    related, recommended = served.get("related", product="pasta", n=5), served.get("recommend", customer="ana", n=5)
    completed = served.post("complete", {"basket": ["pasta", "basil"], "customer": "ben", "n": 5})

    for told, ranking in (
        (related, model.related("pasta", n=5)),
        (recommended, model.recommend("ana", n=5)),
        (completed, model.complete(["pasta", "basil"], "ben", n=5)),
    ):
        assert [p["product_id"] for p in told["products"]] == ranking.ids
        assert [p["probability"] for p in told["products"]] == pytest.approx(ranking.probabilities.tolist(), abs=1e-6)
        assert [p["kind"] for p in told["products"]] == list(ranking.kinds)
        assert told["model"] == model.version


def test_a_probability_and_its_reasons(serve_corner, corner):
    served, model = serve_corner(), gw.load(corner)

    chance = served.get("probability", a="pasta", b="basil")
    why = served.get("why", a="pasta", b="basil")
    many = served.post("probability/batch", {"pairs": [{"a": "pasta", "b": "basil"}, {"a": "basil", "b": "pasta"}]})

    assert chance["value"] == pytest.approx(model.probability("pasta", "basil").value)
    assert chance["baskets"] == 7  # pasta is in 7 baskets
    assert why["sentence"] == model.explain("pasta", "basil").sentence
    assert [p["a"] for p in many["probabilities"]] == ["pasta", "basil"]


def test_reasons_come_when_they_are_asked_for(serve_corner):
    served = serve_corner()

    assert all(p["reasons"] for p in served.get("recommend", customer="ana", n=3, why=True)["products"])
    assert not any(p["reasons"] for p in served.get("recommend", customer="ana", n=3)["products"])


def test_a_batch_equals_single_questions(serve_corner):
    served = serve_corner()

    batch = served.post("related/batch", {"queries": [{"product": "bread", "n": 3}, {"text": "oat drink", "n": 2}]})

    assert batch["answers"] == [
        served.get("related", product="bread", n=3),
        served.get("related", text="oat drink", n=2),
    ]


def test_a_filter_leaves_only_what_meets_it(serve_corner):
    served = serve_corner()

    cheap = served.get("related", product="pasta", n=10, filter="price < 2.5 and not brand = 'Alpine'")

    assert {p["product_id"] for p in cheap["products"]} == {"tomato-sauce", "oat-milk"}


def test_what_is_unavailable_is_not_answered(serve_corner):
    assert "tea" not in serve_corner().ids("related", product="coffee", n=12)


def test_an_event_changes_the_next_answer_and_counts_once(served):
    before = served.ids("recommend", customer="emil", n=3)
    basket = [
        {"event_id": f"e{at}", "product_id": "jam", "customer_id": "emil", "time": f"2026-01-0{at}T10:00:00"}
        for at in (1, 2, 3, 4)
    ]

    told = served.post("events/batch", {"events": basket})
    again = served.post("events", basket[0])
    after = served.ids("recommend", customer="emil", n=3)

    assert told["stored"] == 4 and again["status"] == "known"
    assert "jam" not in before and "jam" in after


def test_somebody_new_is_known_after_one_event(served):
    assert served.http.get("/v1/recommend", params={"customer": "zoe"}).status_code == 404

    served.post("events", {"event_id": "z1", "product_id": "pasta", "customer_id": "zoe"})

    assert "pasta" in served.ids("recommend", customer="zoe", n=5)


def test_a_new_product_answers_at_once(served):
    given = {
        "product_id": "rice-milk",
        "name": "Rice Milk Barista 1 l",
        "attributes": {"category": "milk", "price": 2.1},
    }

    assert served.post("products", {"products": [given]}) == {"added": 1, "changed": 0}

    assert len(served.ids("related", product="rice-milk", n=5)) == 5
    assert "rice-milk" in [p["product_id"] for p in served.get("products", q="milk barista")["items"]]
    assert "rice-milk" in served.ids("related", product="coffee", n=10)
    assert served.get("products/rice-milk")["new"] is True
    assert served.ids("related", product="coffee", n=10, filter="category = 'milk'") == [
        "oat-milk",
        "milk",
        "rice-milk",
    ]


def test_a_product_can_be_withdrawn_and_brought_back(served):
    assert "butter" in served.ids("related", product="bread")

    served.http.delete("/v1/products/butter")
    assert "butter" not in served.ids("related", product="bread")
    assert served.get("products/butter")["withdrawn"] is True

    served.post("products", {"products": [{"product_id": "butter"}]})
    assert "butter" in served.ids("related", product="bread")


def test_a_stock_that_runs_out_hides_a_product_until_it_comes_back(served):
    served.post("products/butter", {"attributes": {"stock": 0}}, method="PATCH")
    assert "butter" not in served.ids("related", product="bread")

    served.post("products/butter", {"attributes": {"stock": 7}}, method="PATCH")
    assert "butter" in served.ids("related", product="bread")


def test_pages_follow_each_other(serve_corner):
    served = serve_corner()

    first = served.get("products", limit=8)
    second = served.get("products", limit=8, cursor=first["next"])

    assert len(first["items"]) == 8 and len(second["items"]) == 5 and second["next"] is None
    assert {p["product_id"] for p in first["items"]}.isdisjoint(p["product_id"] for p in second["items"])


def test_history_is_what_was_told_and_what_was_learned(served):
    served.post("events", {"event_id": "b1", "product_id": "jam", "customer_id": "ben", "event": "view"})

    told = served.get("customers/ben/history")["items"]

    assert (told[0]["product_id"], told[0]["event"], told[0]["in_model"]) == ("jam", "view", False)
    assert len(told) == 1 + 17  # ben: 16 lines of 6 baskets, and a look at jam


def test_who_is_forgotten_is_gone_from_everywhere(served, corner):
    served.post("events", {"event_id": "b1", "product_id": "jam", "customer_id": "ben"})
    served.get("recommend", customer="ben")

    told = served.post("customers/ben", None, method="DELETE")

    assert told["events"] == 1 and told["rows"] == 17 and told["fit_wanted"]
    assert served.http.get("/v1/recommend", params={"customer": "ben"}).status_code == 404
    assert "ben" not in corner.events().collect()["customer_id"].to_list()
    assert served.get("models")[0]["wants_fit"]
    assert served.http.get("/v1/customers/ben/history").status_code == 404


def test_what_was_told_goes_into_the_shop_for_the_next_fit(served, corner):
    served.post("products", {"products": [{"product_id": "rice-milk", "name": "Rice Milk 1 l"}]})
    served.post(
        "events", {"event_id": "n1", "product_id": "rice-milk", "customer_id": "ana", "time": "2024-03-01T09:00:00"}
    )

    job = served.post("jobs", {"kind": "hand-over"}, status=202)
    until(lambda: served.get(f"jobs/{job['job_id']}")["state"] in ("done", "failed"))

    assert served.get(f"jobs/{job['job_id']}")["result"] == {"products": 1, "events": 1}
    log = gw.Shop.open(corner.folder).log()
    assert "rice-milk" in log.items and log.events.height == 66 + 1
