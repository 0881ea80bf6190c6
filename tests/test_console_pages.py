"""What the console's pages say, beside what the API and the shop say."""

import re
from pathlib import Path

import numpy as np
import pytest

from goeswith.serve.business_rules import BusinessRules
from goeswith.serve.console import segments
from goeswith.serve.console.chinese import CHINESE
from goeswith.serve.console.projection import components, laid_out
from goeswith.serve.console.ruling import as_form, changes, from_form
from goeswith.serve.console.spelling import SpellingIndex

pytest_plugins = ["goeswith.testing.serving"]
CONSOLE = Path(__file__).parents[1] / "src" / "goeswith" / "serve" / "console"


@pytest.fixture(scope="module")
def module_corner(served_corner, tmp_path_factory):
    import shutil

    import goeswith as gw

    return gw.Shop.open(shutil.copytree(served_corner, tmp_path_factory.mktemp("pages") / "shop"))


@pytest.fixture(scope="module")
def served(module_corner):
    """One corner shop in service for all of these tests, with an admin signed in."""
    from fastapi.testclient import TestClient

    from goeswith.serve.app import create_app
    from goeswith.serve.settings import ServeSettings
    from goeswith.testing.serving import Served

    app = create_app(module_corner, ServeSettings(prepare=False, look_seconds=0.05))
    with TestClient(app, base_url="http://localhost") as client:
        made = Served(client).until_ready().sign_in()
        yield made


def listed(text):
    """Ids of the products in the table of answers, in order."""
    table = text.partition('class="answers"')[2].partition("</table>")[0]
    return re.findall(r'explore\?product=([\w-]+)">', table)


def test_explore_answers_as_the_api_does(served):
    shown = listed(served.page("explore?product=pasta"))

    assert shown == served.ids("related", product="pasta", n=15)


def test_an_edge_is_explained_down_to_the_baskets(served):
    text = served.page("explore?product=pasta&with=basil")

    assert "4 of 7 baskets with Spaghetti Pasta 500 g have Fresh Basil in a Pot" in text
    assert "7 baskets hold the one, 4 the other, 4 both" in text
    assert len(re.findall(r"2024-0\d-\d\d 09:00", text.partition('data-table="baskets-')[2])) == 4


def test_a_reason_is_given_in_the_visitors_language(served):
    text = served.page("explore?product=pasta&with=basil&lang=zh")
    served.http.cookies.delete("gw_lang")

    assert "7个购物篮中，4个有" in text
    assert 'lang="zh-Hans"' in text


@pytest.mark.parametrize("wrong", ["pasat", "spagheti pasta", "SPAGHETTI", "pasta"])
def test_a_product_is_found_although_it_is_misspelt(served, wrong):
    found = served.http.get("/console/search", params={"q": wrong}).json()["products"]

    assert found[0]["id"] == "pasta"


def test_an_unknown_product_is_a_page_with_near_matches(served):
    assert "explore?product=pasta" in served.page("explore?product=pastaa", 404)


def test_a_text_that_is_no_product_yet_is_answered(served):
    assert listed(served.page("explore?text=oat+milk+barista")) == served.ids("related", text="oat milk barista", n=15)


def test_a_basket_is_completed_as_the_api_does(served):
    text = served.page("basket?p=pasta&p=basil")
    shown = re.findall(r'<td class="n">\d+</td><td><a href="/console/explore\?product=([\w-]+)"', text)

    answer = served.post("complete", {"basket": ["pasta", "basil"], "n": 12})
    assert shown == [one["product_id"] for one in answer["products"]]
    assert "/console/basket?p=pasta&p=basil&p=" in text  # the next basket stands in the address


def test_a_customer_is_shown_with_history_and_offers(served):
    text = served.page("customers?id=ben")

    offers = re.findall(r'<td class="n">\d+</td><td><a href="/console/explore\?product=([\w-]+)"', text)
    assert offers == served.ids("recommend", customer="ben", n=12)
    assert "2024-02-06 09:00" in text


def test_segments_hold_every_customer_once(served):
    found = segments.segments_of(served.service.work())

    assert sum(one["n"] for one in found.counts()) == served.service.work().model.log.n_customers
    assert found.customers["customer"].n_unique() == len(found.customers)


def test_rules_are_tried_published_and_undone(served):
    before = listed(served.page("explore?product=pasta"))
    form = {"apart": "pasta | basil", "hide_unavailable": "on", "hide_out_of_stock": "on"}

    preview = served.send("rules/preview", form)
    assert "pasta | basil" in preview and "<del>Fresh Basil in a Pot</del>" in preview
    assert listed(served.page("explore?product=pasta")) == before  # a preview changes nothing

    served.send("rules", {**form, "base": "0", "note": "absurd"})
    after = served.page("explore?product=pasta")
    assert listed(after) == [one for one in before if one != "basil"]
    assert "kept apart (1)" in after
    assert "pasta" not in listed(served.page("explore?product=basil"))  # neither beside the other
    assert "basil" in listed(served.page("explore?product=tomato-sauce"))  # and only those two
    assert "basil" not in served.ids("related", product="pasta", n=15)  # the API keeps to it as well

    served.send("rules/undo", {"base": str(served.service.work().rules.version)})
    assert listed(served.page("explore?product=pasta")) == before


def test_a_basket_with_one_of_a_pair_is_never_completed_by_the_other(served):
    served.send("rules", {"apart": "pasta | tomato-sauce", "base": str(served.service.work().rules.version)})

    shown = [one["product_id"] for one in served.post("complete", {"basket": ["pasta", "bread"], "n": 12})["products"]]

    assert "tomato-sauce" not in shown and shown
    served.send("rules/undo", {"base": str(served.service.work().rules.version)})


def test_two_who_edit_one_rule_the_second_sees_the_conflict_and_loses_nothing(served):
    base = str(served.service.work().rules.version)
    served.send("rules", {"ban": "jam", "base": base})

    told = served.send("rules", {"ban": "honey", "note": "mine", "base": base}, status=409)

    assert "Somebody else published rules since you began" in told
    assert "<ins>jam</ins>" in told  # what they did
    assert ">honey</textarea>" in told and 'value="mine"' in told  # what I wrote
    newest = str(served.service.work().rules.version)
    assert f'name="base" value="{newest}"' in told  # from here, publishing is on purpose
    assert served.service.work().rules.rules.ban == ["jam"]
    served.send("rules/undo", {"base": newest})


@pytest.mark.parametrize(
    "form, told",
    [
        ({"ban": "no-such-product"}, "not in this shop"),
        ({"ban_where": "price <"}, "ban_where"),
        ({"apart": "pasta"}, "two parts"),
        ({"boost": "much | brand = 'Nonna'"}, "boost"),
        ({"ban": "jam", "pin": "jam"}, "banned and pinned at once"),
        ({"caps": "3 | colour"}, "no column"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_and_what_was_written_stays(served, form, told):
    version = served.service.work().rules.version

    text = served.send("rules", {**form, "note": "kept", "base": str(version)}, status=422)

    assert told in text and 'value="kept"' in text
    assert served.service.work().rules.version == version


def test_rules_survive_the_form():
    rules = BusinessRules(
        ban=["a", "b"], apart=[("a", "c d")], pin=["e"], boost=[{"where": 'brand = "N | x"', "factor": 1.5}],
        caps=[{"column": "category", "most": 2}], margin_weight=0.5, hide_bought_days=7, hide_out_of_stock=False,
    )  # fmt: skip
    form = {name: value for name, value in as_form(rules).items() if value is not False}

    assert from_form(form) == rules
    assert changes(rules, rules) == []


def test_models_are_compared_promoted_and_rolled_back(served):
    text = served.page("models")
    names = list(dict.fromkeys(re.findall(r"\d{8}-\d{6}-\d{3}", text)))
    newest, older = names[0], names[1]

    assert "12 products have another first answer" in served.page(f"models/compare?a={older}&b={newest}").replace(
        "of 12", "12"
    )
    served.send("models/promote", {"version": older})
    assert older in (served.service.shop.models / "current").read_text()
    served.send("models/rollback", {})
    assert newest in (served.service.shop.models / "current").read_text()


def test_an_evaluation_is_shown_with_baselines_parts_and_reliability(served):
    from goeswith.serve.console.judging import judge_copy
    from goeswith.testing.serving import CONFIG

    version, heard = served.service.current, []
    assert "Nobody has judged this model yet" in served.page("evaluation")

    judge_copy(served.service.shop, CONFIG, version, heard.append)

    text = served.page("evaluation")
    assert f"beside version {version}" in text
    assert text.count("<td>popularity</td>") >= 2  # among the baselines, and among the parts
    assert "Ablation: each part alone" in text and '"ours":true' in text
    assert "expected calibration error" in text or "Can probabilities be believed?" not in text
    assert "recall, capped" in served.page("")  # Home shows it too
    assert {event.name for event in heard if hasattr(event, "name")} >= {"encode", "each part alone"}


def test_keys_are_made_shown_once_and_revoked(served):
    # read keys first need an admin key, without which nobody could make another over the API
    assert "first key must have the scope admin" in served.send("keys", {"name": "till", "scope": "read"}, status=422)
    made = served.send("keys", {"name": "boss", "scope": "admin", "days": "30"})
    text = re.search(r"<pre>(gw_[^<]+)</pre>", made)[1]

    assert text not in served.page("keys")
    key_id = text.removeprefix("gw_").partition("_")[0]
    assert served.http.get("/v1/keys").status_code == 401
    assert served.http.get("/v1/keys", headers={"X-API-Key": text}).status_code == 200
    served.send("keys/revoke", {"key_id": key_id})
    assert served.http.get("/v1/keys", headers={"X-API-Key": text}).status_code == 401
    acts = served.page("audit?about=key")
    assert "key made" in acts and "key revoked" in acts and "user ada" in acts


def test_a_customer_is_exported_and_forgotten(served):
    kept = served.http.get("/console/customers/export", params={"id": "dora"}).json()
    assert kept["customer_id"] == "dora" and len(kept["events"]) > 3

    served.send("customers/forget", {"id": "dora"})

    assert "No customer dora is known" in served.page("customers?id=dora", 404)
    assert "dora" not in served.page("customers?segment=regular") + served.page("customers?segment=loyal")
    assert "dora" not in served.page("audit")
    assert "dora" not in served.page("explore?product=printer&with=toner")


def test_everything_is_said_in_chinese_too():
    said = set()
    for file in CONSOLE.rglob("*.html"):
        said |= set(re.findall(r'_\(\s*"((?:[^"\\]|\\.)*)"', file.read_text()))
        said |= set(re.findall(r"_\(\s*'((?:[^'\\]|\\.)*)'", file.read_text()))

    assert len(said) > 300
    assert sorted(said - CHINESE.keys()) == []
    for english, chinese in CHINESE.items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", chinese)), english


def test_no_template_holds_a_script_or_a_style_of_its_own():
    for file in CONSOLE.rglob("*.html"):
        text = file.read_text()
        assert not re.search(r"<script(?![^>]*(src=|application/json))|\son\w+=|\sstyle=|\|\s*safe", text), file.name
        assert not re.search(r"https?://(?!127)", text), file.name


def test_licences_lie_beside_what_is_vendored():
    vendored = {file.name for file in (CONSOLE / "static" / "vendor").iterdir()}

    assert {
        "echarts.min.js",
        "echarts-LICENSE.txt",
        "echarts-NOTICE.txt",
        "htmx-2.min.js",
        "htmx-LICENSE.txt",
    } == vendored


def test_of_two_names_that_fit_alike_the_better_seller_comes_first():
    index = SpellingIndex.of(["oat milk", "oat milk", "soap"], np.array([1, 50, 9]))

    assert index.find("oat milk", 5).tolist() == [1, 0]
    assert index.find("", 5).tolist() == []
    assert index.find("xyzxyz", 5).tolist() == []


def test_chinese_names_are_found_by_two_characters():
    index = SpellingIndex.of(["全脂鲜牛奶 1升", "有机牛奶", "洗衣液"], np.array([1, 1, 1]))

    assert set(index.find("牛奶", 5).tolist()) == {0, 1}


def test_the_map_puts_like_beside_like():
    rng = np.random.default_rng(0)
    centres = np.eye(4, 16, dtype=np.float32) * 5
    vectors = np.repeat(centres, 30, axis=0) + rng.normal(0, 0.2, (120, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    group = np.repeat(np.arange(4), 30)

    for points in (laid_out(vectors, rng.integers(1, 9, 120)), components(vectors)):
        assert np.abs(points).max() <= 1.0 + 1e-6
        middle = np.stack([points[group == g].mean(axis=0) for g in range(4)])
        nearest = np.linalg.norm(points[:, None] - middle[None], axis=2).argmin(axis=1)
        assert (nearest == group).mean() > 0.9


def test_a_preview_sees_what_happens_below_the_first_ones(served):
    ninth = listed(served.page("explore?product=pasta&n=20"))[8]

    text = served.send("rules/preview", {"try": "pasta", "ban": ninth})

    assert "the same" not in text.partition("Spaghetti Pasta")[2].partition("<h3>")[0]
    assert '<li value="9"><del>' in text
    both = served.send("rules/preview", {"try": "pasta\nbasil", "ban": ninth})  # the second is asked for by the page
    assert 'hx-post="/console/rules/preview/basil"' in both and both.count("<li value") == text.count("<li value")
    assert "Fresh Basil" in served.send("rules/preview/basil", {"ban": ninth})


def test_what_is_learnt_on_each_slice_has_a_curve_of_its_own(tmp_path):
    from goeswith.progress import Stage, Step
    from goeswith.serve.console.fit_process import JOB, PROGRESS, Diary
    from goeswith.serve.console.fitting import Fitting

    (tmp_path / JOB).write_text('{"kind": "fit", "by": "ada", "started": 1.0}')
    with (tmp_path / PROGRESS).open("w") as stream:
        diary = Diary(stream)
        for loss in (3.0, 2.0):
            diary(Stage("feature layer, on the past"))
            diary(Step("feature layer, on the past", 1, 1, loss))

    told = Fitting(tmp_path, tmp_path).state()

    assert [(each["name"], each["nth"]) for each in told["stages"]] == [
        ("feature layer, on the past", n) for n in (1, 2)
    ]
    assert told["losses"] == {
        "feature layer, on the past": [(1, 3.0)], "feature layer, on the past (2)": [(1, 2.0)]
    }  # fmt: skip
