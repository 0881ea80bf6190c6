"""The commands that ask a model, with a shopkeeper who answers from memory instead of a fitted one."""

import json
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import goeswith
from goeswith.cli.app import app
from goeswith.data.vocabulary import Vocabulary
from goeswith.ranking.ranking import Ranking

run = CliRunner().invoke
PRODUCTS = Vocabulary(pl.Series(["pasta", "basil", "toner"]), kind="product")
CUSTOMERS = Vocabulary(pl.Series([7, 9]), kind="customer")
LONG_NAME = "Fresh Basil in a Pot, grown without soil in the greenhouses of the north, [organic] " * 2


@dataclass
class Chance:
    value: float = 4 / 7
    low: float = 0.25
    high: float = 0.84
    baskets: int = 7


class Reasons:
    sentence = "4 of 7 baskets with pasta have basil."

    def __str__(self):
        return self.sentence

    def to_dict(self):
        return {"sentence": self.sentence, "evidence": []}


class Shopkeeper:
    """Knows three products and two customers, and remembers what it was asked."""

    def __init__(self):
        self.asked = {}

    def _answer(self, n, why=False, **asked):
        self.asked = {"n": n, **asked}
        reasons = [["in 4 of 7 baskets with Spaghetti Pasta 500 g", "the same shelf"] if why else [], []]
        return Ranking(
            ["basil", "toner"], [2, 1], [0.5, np.nan], ["complement", "substitute"], reasons, [LONG_NAME, "T"]
        )

    def related(self, product=None, *, text=None, unknown="error", n=10, **asked):
        if product is not None:
            PRODUCTS.rows([product], unknown)
        return self._answer(n, product=product, text=text, **asked)

    def complete(self, products, *, unknown="error", n=10, **asked):
        PRODUCTS.rows(products, unknown)
        return self._answer(n, products=products, **asked)

    def recommend(self, customer=None, *, history=None, unknown="error", n=10, **asked):
        if customer is not None:
            CUSTOMERS.rows([customer])
        PRODUCTS.rows(history or [], unknown)
        return self._answer(n, customer=customer, history=history, **asked)

    def probability(self, a, b):
        PRODUCTS.rows([a, b])
        return Chance()

    def explain(self, a, b):
        PRODUCTS.rows([a, b])
        return Reasons()

    def audience(self, product, n=100):
        PRODUCTS.rows([product])
        return pl.DataFrame({"customer_id": [9, 7], "rank": [1, 2], "score": [0.5, 0.25]}).head(n)


@pytest.fixture
def keeper(monkeypatch):
    keeper = Shopkeeper()
    monkeypatch.setattr(goeswith, "load", lambda folder, version=None: keeper, raising=False)
    return keeper


ANSWERS = [
    ["related", "shop", "pasta"],
    ["related", "shop", "--text", "fresh green pesto"],
    ["complete", "shop", "pasta", "basil"],
    ["recommend", "shop", "7"],
    ["recommend", "shop", "--history", "pasta, basil"],
    ["probability", "shop", "pasta", "basil"],
    ["why", "shop", "pasta", "basil"],
    ["audience", "shop", "pasta"],
]


@pytest.mark.parametrize("words", ANSWERS, ids=" ".join)
def test_an_answer_fits_a_hundred_columns_and_names_the_next_command(keeper, words):
    done = run(app, words)

    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert done.stderr.splitlines()[-1].startswith("Next: goeswith ")


@pytest.mark.parametrize("words", ANSWERS, ids=" ".join)
def test_json_alone_is_on_stdout_and_nothing_beside_it(keeper, words):
    done = run(app, [*words, "--json"])

    assert isinstance(json.loads(done.stdout), dict)
    assert done.stderr == ""


def test_names_stand_beside_ids_and_their_brackets_are_no_markup(keeper):
    answer = run(app, ["related", "shop", "pasta"]).stdout

    assert "basil" in answer and "Fresh Basil in a Pot" in answer
    assert "50.0 %" in answer and "complement" in answer
    assert "4 of 7" not in answer


def test_reasons_are_shown_when_asked_for(keeper):
    answer = run(app, ["related", "shop", "pasta", "--why"]).stdout

    assert "4 of 7" in answer and "the same shelf" in answer


@pytest.mark.parametrize(
    "words", [["related", "shop", "pasta"], ["complete", "shop", "pasta"], ["recommend", "shop", "7"]], ids=" ".join
)
def test_a_machine_gets_reasons_when_it_asks_for_them(keeper, words):
    silent, telling = (json.loads(run(app, [*words, "--json", *more]).stdout) for more in ([], ["--why"]))

    assert silent["products"][0]["reasons"] == []
    assert telling["products"][0]["reasons"][1] == "the same shelf"


def test_a_number_that_is_none_is_null_for_machines(keeper):
    answer = json.loads(run(app, ["related", "shop", "pasta", "--json"]).stdout)

    assert [product["probability"] for product in answer["products"]] == [0.5, None]


def test_options_reach_the_verb(keeper):
    run(app, ["related", "shop", "pasta", "-k", "3", "--kind", "substitute", "--among", "basil,toner"])
    assert keeper.asked == {
        "n": 3, "product": "pasta", "text": None, "kind": "substitute", "among": ["basil", "toner"], "exclude": None
    }  # fmt: skip

    run(app, ["recommend", "shop", "9", "--novel", "--across", "--exclude", "toner"])
    assert keeper.asked["novel"] and keeper.asked["across"] and keeper.asked["exclude"] == ["toner"]

    run(app, ["complete", "shop", "pasta", "--customer", "7"])
    assert keeper.asked["products"] == ["pasta"] and keeper.asked["customer"] == "7"


@pytest.mark.parametrize(
    "words, said",
    [
        (["related", "shop", "pasta", "-k", "0"], "greater than or equal to 1"),
        (["complete", "shop", "pasta", "-k", "-3"], "greater than or equal to 1"),
        (["audience", "shop", "pasta", "-k", "0"], "greater than or equal to 1"),
        (["related", "shop"], "Name one product"),
        (["related", "shop", "pasta", "--text", "pesto"], "Name one product"),
        (["related", "shop", "pasta", "--kind", "friend"], "--kind"),
        (["recommend", "shop"], "Name one customer"),
        (["recommend", "shop", "7", "--history", "pasta"], "Name one customer"),
        (["recommend", "shop", "--history", " , "], "--history is empty"),
        (["complete", "shop"], "PRODUCT"),
        (["recommend", "shop", "8"], "(8)"),
        (["related", "shop", "bazil"], "Near matches: basil"),
        (["why", "shop", "pasta", "bazil"], "Near matches: basil"),
        (["probability", "shop", "past", "basil"], "Near matches: pasta"),
        (["complete", "shop", "pasta", "nonsense"], "--unknown skip"),
        (["bake", "shop"], "bake"),
        (["related", "shop", "pasta", "--spicy"], "--spicy"),
    ],
)
def test_wrong_use_is_exit_2_with_a_message(keeper, words, said):
    done = run(app, words)

    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output and done.stdout == ""


def test_an_unknown_product_can_be_left_out(keeper):
    assert run(app, ["related", "shop", "nonsense", "--unknown", "skip"]).exit_code == 0
    assert run(app, ["complete", "shop", "pasta", "nonsense", "--unknown", "skip"]).exit_code == 0
    assert run(app, ["recommend", "shop", "--history", "pasta,nonsense", "--unknown", "skip"]).exit_code == 0
