"""The report as a reader meets it: table, frame, dictionary and page."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from goeswith.errors import UsageError
from goeswith.evaluation import build_exam, default_split, judge
from goeswith.evaluation.baselines import Baseline, PersonalFrequency, Popularity, strong_baselines
from goeswith.evaluation.charts import bars, lines, round_steps
from goeswith.evaluation.intervals import Interval
from goeswith.evaluation.outcome import Outcome, sit
from goeswith.evaluation.protocol import Exam, Task
from goeswith.testing import corner_shop


class Fixed:
    """Answers every customer and basket with the same list, whatever it holds."""

    def __init__(self, name, products):
        self.name, self.products = name, products

    def recommend_many(self, customers, n=20, novel=False, across=False, among=None, exclude=None):
        rows = [(who, each, at) for who in customers for at, each in enumerate(self.products[:n], 1)]
        return pl.DataFrame(rows, schema=["customer_id", "product_id", "rank"], orient="row")

    def complete_many(self, baskets, customers=None, n=20, among=None, exclude=None):
        rows = [(at, each, rank) for at in range(len(baskets)) for rank, each in enumerate(self.products[:n], 1)]
        return pl.DataFrame(rows, schema=["basket", "product_id", "rank"], orient="row")


# Eight customers; all of them want tea, the first four jam as well.
TRUTH = pl.DataFrame({"query": [*range(8), *range(4)], "product_id": ["tea"] * 8 + ["jam"] * 4})
PEOPLE = pl.Series([f"c{at}" for at in range(8)])
GOODS = pl.DataFrame({"product_id": ["tea", "jam", "gum"], "purchases": [4, 2, 2], "category": ["x", "y", "y"]})
JAM = {"category y": TRUTH.filter(pl.col("product_id") == "jam")}
EXAM = Exam(GOODS, [Task("next", "what comes next", TRUTH, PEOPLE, slices=JAM)], None, "cut by hand", {"cold": "none"})


@pytest.fixture(scope="module")
def report():
    peers = [Fixed("gum only", ["gum"]), Fixed("jam first", ["jam", "gum"])]
    return judge(Fixed("ours", ["tea", "jam"]), peers, EXAM, k=2)


@pytest.fixture(scope="module")
def corner_report():
    split = default_split(corner_shop.log())
    first, *others = strong_baselines(split.before, split.before.products["name"].to_list())
    return judge(first, others, build_exam(split), k=3)


def test_the_frame_holds_what_can_be_counted_by_hand(report):
    frame = report.to_frame()

    def value(system, metric, part="all"):
        same = (pl.col("system") == system) & (pl.col("metric") == metric) & (pl.col("slice") == part)
        return frame.filter(same)["value"].item()

    assert value("ours", "capped_recall") == 1.0
    assert value("jam first", "capped_recall") == (4 * 0.5 + 4 * 0) / 8
    assert value("jam first", "capped_recall", "category y") == 1.0
    assert value("ours", "coverage") == pytest.approx(2 / 3)
    assert value("gum only", "novelty") == 2.0  # 2 of 8 purchases


def test_ours_is_set_against_the_best_single_peer(report):
    gain = report.against_best_peer("next")

    assert report.best_peer("next").system == "jam first"
    assert gain.mean == 0.75
    assert gain.low > 0


def test_the_table_names_the_systems_the_verdict_and_what_is_missing(report):
    shown = str(report)

    assert "* ours" in shown
    assert "vs best peer (jam first): +0.750" in shown and "ahead" in shown
    assert "cold: not asked, none." in shown


def test_the_dictionary_is_json(report):
    told = json.loads(json.dumps(report.to_dict()))

    assert told["against_best_peer"]["next"]["peer"] == "jam first"
    assert told["missing"] == {"cold": "none"}


def test_two_of_one_name_are_refused():
    with pytest.raises(UsageError, match="ours stands for several"):
        judge(Fixed("ours", ["tea"]), [Fixed("ours", ["jam"])], EXAM)


def test_an_outcome_survives_json():
    outcome = sit(Fixed("ours", ["tea"]), EXAM.tasks[0], EXAM, k=2)

    again = Outcome.from_dict(json.loads(json.dumps(outcome.to_dict())))

    assert again.exposure == outcome.exposure
    np.testing.assert_allclose(again.values["ndcg"], outcome.values["ndcg"], atol=1e-6)
    np.testing.assert_allclose(again.slices["category y"], outcome.slices["category y"])


class Tags(HTMLParser):
    """Counts tags and checks that each is closed in turn."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_nothing_of_the_network(corner_report, tmp_path):
    rng = np.random.default_rng(0)
    p = rng.random(200)
    full = with_fit(corner_report, probability={"pairs": (p, (rng.random(200) < p).astype(float), np.ones(200))})

    html = full.to_html(tmp_path / "report.html")

    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert "script" not in tags.seen and "link" not in tags.seen and "img" not in tags.seen
    assert not re.search(r"https?://", html)
    assert tags.seen.count("svg") >= len(full.titles) + 3  # a chart a task, reliability, loss, stages
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == html


def with_fit(report, probability):
    losses = {"training": [3.0, 2.0, 1.5], "validation": [3.1, 2.4]}
    return replace(report, probability=probability, losses=losses, stages={"encode": 3.0, "train": 9.0})


def test_names_from_a_catalogue_cannot_break_the_page():
    truth = {"category <b>&": JAM["category y"]}
    exam = Exam(GOODS, [Task("next", "a < b & c", TRUTH, PEOPLE, slices=truth)], None, "cut")

    html = judge(Fixed("<ours>", ["jam"]), [], exam, k=2).to_html()

    assert "<ours>" not in html and "&lt;ours&gt;" in html
    assert "category &lt;b&gt;&amp;" in html


def test_every_task_of_the_corner_shop_is_in_the_table(corner_report):
    shown = str(corner_report)

    assert all(f"\n{task}: " in shown for task in corner_report.titles)


def test_a_popularity_list_and_a_personal_one_sit_the_same_exam():
    split = default_split(corner_shop.log())
    exam = build_exam(split)
    personal, popular = (Baseline(split.before, each(split.before)) for each in (PersonalFrequency, Popularity))

    report = judge(personal, [popular], exam, k=3)

    assert 0.4 < report.of("next")[0].values["capped_recall"].mean() < 0.9
    assert report.of("next")[0].system == "personal frequency"


def test_marks_of_an_axis_are_round():
    assert round_steps(0.37) == [0.0, 0.1, 0.2, 0.3]
    assert round_steps(0.0) == [0.0]


def test_charts_bear_what_is_empty_or_zero():
    assert "<svg" in bars([("nothing", Interval(0.0, 0.0, 0.0), True)], "zero")
    assert "<svg" in lines({"empty": [], "one": [2.0], "broken": [float("nan"), 1.0]}, "loss")
