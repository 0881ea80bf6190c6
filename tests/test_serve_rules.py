"""Rules, tests between versions, exploration, campaigns: what they change, and what is told of it."""

import numpy as np
import pytest
from sqlalchemy import select

from goeswith.serve.exploring import epsilon_greedy, off_policy, thompson
from goeswith.serve.routes import customers
from goeswith.serve.store.tables import exposures
from goeswith.testing.waiting import until
from goeswith.versions import current, list_versions, promote

pytest_plugins = ["goeswith.testing.serving"]


def put(served, **rules):
    return served.post("rules", {"rules": rules}, method="PUT")


def test_pins_come_first_and_say_so(serve_corner):
    served = serve_corner()
    put(served, pin=["honey", "toner"])

    first = served.get("related", product="pasta", n=4)["products"]

    assert [p["product_id"] for p in first[:2]] == ["honey", "toner"]
    assert first[0]["rules"] == ["pinned"] and first[2]["rules"] == []


def test_bans_hide_and_are_counted(serve_corner):
    served = serve_corner()
    put(served, ban=["butter"], ban_where='category = "office"')

    told = served.get("related", product="bread", n=12)

    assert not {"butter", "toner", "printer"} & {p["product_id"] for p in told["products"]}
    assert served.get("rules")["rules"]["ban"] == ["butter"]


def test_a_boost_moves_a_product_up_and_leaves_its_probability(serve_corner):
    served = serve_corner()
    before = {p["product_id"]: p for p in served.get("related", product="pasta", n=12)["products"]}
    put(served, boost=[{"where": 'brand = "Inkwell"', "factor": 100}])

    after = served.get("related", product="pasta", n=12)["products"]

    assert {p["product_id"] for p in after[:2]} == {"printer", "toner"}
    assert after[0]["rules"] == ['boosted × 100: brand = "Inkwell"']
    assert all(p["probability"] == before[p["product_id"]]["probability"] for p in after)


def test_margins_weigh(serve_corner):
    served = serve_corner()
    served.post("products/honey", {"attributes": {"margin": 1.0}}, method="PATCH")
    put(served, margin_weight=100.0)

    first = served.get("related", product="bread", n=1)["products"][0]

    assert (first["product_id"], first["rules"]) == ("honey", ["margin 100%, weight 100"])


def test_caps_leave_so_many_of_a_category(serve_corner):
    served = serve_corner()
    put(served, caps=[{"column": "brand", "most": 1}])

    told = served.get("recommend", customer="ana", n=12)
    brands = [served.get(f"products/{p['product_id']}")["attributes"]["brand"] for p in told["products"]]

    assert len(set(brands)) == len(brands)
    assert told["hidden"]["at most 1 of one brand"] > 0


def test_what_was_bought_lately_is_hidden_from_who_bought_it(served):
    put(served, hide_bought_days=10)

    assert "bread" not in served.ids("recommend", customer="ana", n=12)  # 2 days before the last day of the log
    assert "jam" not in served.ids("recommend", customer="ana", n=12)  # 9 days
    assert "toner" not in served.ids("recommend", customer="emil", n=12)
    served.post("events", {"event_id": "1", "product_id": "honey", "customer_id": "ben"})
    assert "honey" not in served.ids("recommend", customer="ben", n=12)


def test_a_preview_changes_nothing(served):
    body = {"rules": {"ban": ["butter"]}, "related": [{"product": "bread", "n": 3}], "recommend": [{"customer": "ana"}]}

    told = served.post("rules/preview", body)

    before, after = ([p["product_id"] for p in told["answers"][0][when]["products"]] for when in ("before", "after"))
    assert "butter" in before and "butter" not in after
    assert told["hidden"] == {"withdrawn": 0, "banned": 1, "unavailable": 1, "out of stock": 0}
    assert served.ids("related", product="bread", n=3) == before and served.get("rules")["version"] == 0


def test_rules_are_versioned_and_restored(served):
    one, two = put(served, ban=["butter"])["version"], put(served, ban=["jam"])["version"]

    assert served.get("related", product="bread")["rules"] == two
    served.post(f"rules/{one}/restore", None)
    assert served.get("rules")["rules"]["ban"] == ["butter"]
    assert "jam" in served.ids("related", product="bread") and "butter" not in served.ids("related", product="bread")
    assert [(v["version"], v["active"]) for v in served.get("rules/versions")["items"]] == [(two, False), (one, True)]


def test_customers_are_shared_between_two_versions(served, corner):
    new, old = [info.name for info in list_versions(corner)]
    made = served.post("experiments", {"name": "x", "version_a": old, "version_b": new, "share_b": 0.5}, status=201)
    until(lambda: len(served.service.works) == 2)

    answers = {c: served.get("recommend", customer=c, n=3) for c in ("ana", "ben", "chen", "dora", "emil") * 2}
    bought = answers["ana"]["products"][0]["product_id"]
    served.service.exposures.flush()
    served.post("events", {"event_id": "s1", "product_id": bought, "customer_id": "ana"})

    assert all(told["model"] == {"a": old, "b": new}[told["arm"]] for told in answers.values())
    assert {told["arm"] for told in answers.values()} == {"a", "b"}
    report = served.get(f"experiments/{made['experiment_id']}")
    assert sum(arm["customers"] for arm in report["arms"]) == 5 and sum(arm["answers"] for arm in report["arms"]) == 10
    arm = next(arm for arm in report["arms"] if arm["arm"] == answers["ana"]["arm"])
    assert arm["buyers"] == 1 and arm["low"] < arm["share"] < arm["high"]
    assert report["low"] < report["difference"] < report["high"]
    served.http.delete(f"/v1/experiments/{made['experiment_id']}")
    assert served.get("recommend", customer="ana")["arm"] is None


def test_exploration_is_bounded_logged_and_learns(served):
    served.post("exploration", {"policy": "thompson", "share": 0.25, "pool": 5}, method="PUT")

    explored = 0
    for at in range(12):
        told = served.get("recommend", customer="ana", n=4)
        tried = [p for p in told["products"] if p["source"] == "exploration"]
        assert len(tried) <= 1
        explored += len(tried)
        if tried and at % 2:
            event = {"event_id": f"r{at}", "product_id": tried[0]["product_id"], "customer_id": "ana"}
            served.post("events", {**event, "answer_id": told["answer_id"]})
    served.service.exposures.flush()

    report = served.get("exploration")
    assert report["shown"] == explored > 0 and 0 < report["rewards"] <= explored
    assert report["by_chance_ips"] >= 0 and report["effective"] > 0
    served.http.delete("/v1/exploration")
    assert not any(p["source"] == "exploration" for p in served.get("recommend", customer="ana")["products"])


def test_what_waits_to_be_written_forgets_a_customer_before_the_database_does(served, monkeypatch):
    served.post("exploration", {"policy": "thompson", "share": 0.25, "pool": 5}, method="PUT")
    in_database = customers.forget_customer

    def forget(*given):
        told = in_database(*given)
        served.service.exposures.flush()  # as the thread that looks every few seconds may
        return told

    monkeypatch.setattr(customers, "forget_customer", forget)
    for at in range(8):
        served.get("recommend", customer="ana" if at % 2 else "ben", n=4)

    served.post("customers/ben", None, method="DELETE")

    with served.service.database.reading() as connection:
        left = set(connection.execute(select(exposures.c.customer_id)).scalars())
    assert left == {"ana"}


@pytest.mark.parametrize("policy", ["thompson", "epsilon"])
def test_a_bandit_learns_on_a_simulated_log(policy):
    rng, rates = np.random.default_rng(0), np.array([0.02, 0.05, 0.30, 0.10])
    shown, rewarded, places, rewards, logged = np.zeros(4), np.zeros(4), [], [], []
    for _ in range(3_000):
        choice = thompson(shown, rewarded, rng) if policy == "thompson" else epsilon_greedy(shown, rewarded, 0.1, rng)
        assert choice.propensity.sum() == pytest.approx(1.0) and choice.propensity.min() > 0
        reward = float(rng.random() < rates[choice.place])
        shown[choice.place] += 1
        rewarded[choice.place] += reward
        places.append(choice.place)
        rewards.append(reward)
        logged.append(choice.propensity[choice.place])

    assert np.mean(np.array(places)[-500:] == 2) > 0.8
    always_third = off_policy(np.array(rewards), np.array(logged), (np.array(places) == 2).astype(float))
    assert always_third.ips == pytest.approx(0.30, abs=0.05) and always_third.snips == pytest.approx(0.30, abs=0.05)


def test_off_policy_estimates_judge_a_policy_on_the_log_of_chance():
    rng, rates = np.random.default_rng(1), np.array([0.1, 0.5])
    places = rng.integers(0, 2, 20_000)
    rewards = (rng.random(20_000) < rates[places]).astype(float)
    target = np.array([0.2, 0.8])

    found = off_policy(rewards, np.full(20_000, 0.5), target[places])

    assert found.ips == pytest.approx(0.2 * 0.1 + 0.8 * 0.5, abs=0.01)
    assert found.snips == pytest.approx(0.42, abs=0.01)


def test_an_audience_with_caps_and_exclusions(served):
    everybody = served.post("audience", {"products": ["toner"], "n": 5})
    likely = [c["customer_id"] for c in everybody["customers"]]
    assert len(likely) == 5
    assert everybody["expected"]["toner"] == pytest.approx(sum(c["probability"] for c in everybody["customers"]))

    some = served.post(
        "audience", {"products": ["toner", "honey"], "n": 5, "exclude": [likely[0]], "bought_within_days": 60}
    )

    assert likely[0] not in [c["customer_id"] for c in some["customers"]]
    assert some["left_out"]["excluded"] == 1 and some["left_out"]["bought in the last 60 days"] >= 2
    capped = {"products": ["toner"], "n": 2, "campaign": "spring", "most_offers": 1}
    first, second = served.post("audience", capped), served.post("audience", capped)
    assert not {c["customer_id"] for c in first["customers"]} & {c["customer_id"] for c in second["customers"]}
    assert second["left_out"]["had offers enough"] == 2


def test_versions_switch_under_load_and_roll_back(served, corner):
    new, old = [info.name for info in list_versions(corner)]
    assert current(corner) == new

    promote(corner, old)
    seen = set()

    def has_switched():
        told = served.get("related", product="pasta")
        seen.add(told["model"])
        return told["model"] == old

    until(has_switched)
    assert seen <= {old, new}
    assert served.post("models/rollback", None)["current"] == new
    until(lambda: served.get("related", product="pasta")["model"] == new)
    assert [m["version"] for m in served.get("models") if m["serving"]] == [new]
