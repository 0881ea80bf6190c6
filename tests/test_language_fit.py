"""`goeswith fit` with every method and objective, from the command to the stored model; the reader of the head."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import goeswith as gw
from goeswith import flow
from goeswith.cli.app import app
from goeswith.language.causal import CausalModel
from goeswith.language.item_text import item_text
from goeswith.language.moving import METHODS
from goeswith.ranking.head import Case, Head, choose_weight
from goeswith.testing.big_corner_shop import big_corner_shop
from goeswith.testing.tiny_bert import write_tiny_bert
from goeswith.testing.tiny_gpt import tiny_gpt

BIG = big_corner_shop(30, 14)
TEXTS = item_text(BIG.products)
TOML = """
encoder = "{bert}"
words = 16
[finetune]
steps = 4
epochs = 1
seconds = 5.0
batch = 8
drawn = 8
top_layers = 1
lora_rank = 2
[features]
steps = 5
[learning]
slices = 1
n_baskets = 60
n_customers = 30
[learning.ranker]
rounds = 5
[reader]
n_baskets = 20
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language")
    gw.Shop.create(folder / "shop", products=BIG.products, events=BIG.events)
    write_tiny_bert(folder / "bert", TEXTS)
    tiny_gpt([[text] for text in TEXTS], steps=3, width=16).save(folder / "gpt")
    (folder / "fit.toml").write_text(TOML.format(bert=folder / "bert"))
    return folder


def fitted(place, *flags):
    call = ["fit", str(place / "shop"), "--config", str(place / "fit.toml"), "--json", *flags]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout[result.stdout.index("{") :]), result.stderr


def test_every_method_is_a_setting():
    for method in [*METHODS, "frozen"]:
        assert gw.FitConfig(finetune={"method": method}).finetune.method == method


@pytest.mark.parametrize("method", ["last-k", "lora", "adapter", "frozen"])
def test_fit_moves_what_the_method_says_and_stores_a_model_that_answers(place, method):
    told, said = fitted(place, "--method", method)

    model = gw.load(place / "shop")
    assert told["version"] == model.version
    assert model.config.finetune.method == method
    assert "fine-tuning: " in said
    assert len(model.related("laser printer", n=3)) == 3


@pytest.mark.parametrize("flags", [("pair",), ("likelihood",), ("likelihood", "--causal", "gpt")], ids=" ".join)
def test_fit_takes_every_objective(place, flags):
    flags = [str(place / "gpt") if flag == "gpt" else flag for flag in flags]

    _, said = fitted(place, "--objective", *flags)

    model = gw.load(place / "shop")
    assert model.config.finetune.objective == flags[0]
    if "--causal" in flags:
        assert "causal model: held out" in said and "the encoder, which finds its candidates, stays" in said
    if flags[0] == "pair":
        assert "fine-tune the language model, epoch 1: train loss" in said
    if flags[0] == "pair" or "--causal" in flags:
        assert "first answers" in said and "held-out baskets" in said


def test_the_terms_of_gemma_are_said_whenever_it_is_used(place, monkeypatch):
    monkeypatch.setattr(flow, "load_causal", lambda name, device: tiny_gpt([[TEXTS[0]]], TEXTS, steps=0, width=16))

    _, said = fitted(place, "--causal", "packaged:gemma-3-270m", "--method", "frozen")

    assert "Gemma Terms of Use" in said and "not an open-source licence" in said


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--method", "magic"], "--method: Value error, there is no such method; there is frozen, full, last-k, lora"),
        (["--objective", "magic"], "--objective: Input should be 'contrastive', 'pair' or 'likelihood'"),
    ],
)
def test_what_there_is_not_is_wrong_use_and_leaves_the_shop_as_it_was(place, flags, said):
    before = sorted((place / "shop" / "models").glob("*"))

    result = CliRunner().invoke(app, ["fit", str(place / "shop"), *flags])

    assert result.exit_code == 2 and said in result.stderr and "Traceback" not in result.output
    assert sorted((place / "shop" / "models").glob("*")) == before


def test_a_causal_folder_that_is_none_fails_with_the_way_out(place, tmp_path):
    result = CliRunner().invoke(
        app, ["fit", str(place / "shop"), "--config", str(place / "fit.toml"), "--causal", str(tmp_path)]
    )

    assert result.exit_code == 1 and "config.json is not in it" in result.stderr


# --- the reader of the first answers


class Shouting:
    """Prefers candidates whose name is longer; whoever asks."""

    def lifts(self, history, candidates):
        return np.array([len(text) for text in candidates], np.float32)

    def save(self, folder):
        raise AssertionError


NAMES = ["a", "bb", "ccc", "dddd"]


def test_a_head_moves_log_odds_by_weight_times_what_exceeds_the_mean():
    head = Head(Shouting(), NAMES, weight=0.5)

    shift = head.shift(np.array([0]), np.array([1, 2, 3]))

    np.testing.assert_allclose(shift, [-0.5, 0.0, 0.5])  # lengths 2, 3, 4 around 3
    np.testing.assert_allclose(head.shift(np.array([], int), np.array([1, 2])), 0.0)  # nobody to read for


def test_a_reader_is_used_only_where_it_helps_baskets_that_did_not_choose_its_weight():
    items, odds = np.array([1, 2, 3]), np.array([0.3, 0.2, 0.1])
    helped = [Case(np.array([0]), items, odds, hidden=3)] * 10
    hurt = [Case(np.array([0]), items, odds, hidden=1)] * 10
    told = []

    assert choose_weight(Shouting(), NAMES, helped, told.append).weight > 0
    assert choose_weight(Shouting(), NAMES, hurt, told.append) is None
    assert choose_weight(Shouting(), NAMES, helped[:1], told.append) is None
    assert "are read once more: NDCG@10 1.0000 on 5 held-out baskets" in told[0]
    assert "is not used" in told[1] and "nothing is held out" in told[2]


def test_a_model_with_a_reader_answers_as_before_once_it_is_stored(place):
    fitted(place, "--method", "frozen")
    shop = gw.Shop.open(place / "shop")
    model = gw.load(shop)
    plain = model.complete(["spaghetti", "rye bread"], n=8)
    gpt = tiny_gpt([[text] for text in TEXTS], steps=3, width=16)
    model.head = Head(gpt, model.texts, weight=0.5)
    del model.answerer

    read = model.complete(["spaghetti", "rye bread"], n=8)
    model.save_as_version(shop)
    again = gw.load(shop)

    assert isinstance(again.head.reader, CausalModel) and again.head.weight == 0.5
    assert read.ids != plain.ids
    assert again.complete(["spaghetti", "rye bread"], n=8).ids == read.ids
    assert list(read.probabilities) == sorted(read.probabilities, reverse=True)
