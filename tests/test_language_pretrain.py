"""Reading a catalogue without purchases: three ways, each by hand where it can be, and what is refused."""

import numpy as np
import pytest
import torch

from goeswith.association.pretraining import pretrain_encoder
from goeswith.errors import UsageError
from goeswith.language.item_text import item_text
from goeswith.language.pretrain import WAYS, FromItsVector, MaskedWords, TwiceTheSame
from goeswith.testing.big_corner_shop import big_corner_shop
from goeswith.testing.tiny_bert import tiny_bert

TEXTS = item_text(big_corner_shop(2, 2).products)


@pytest.fixture(scope="module")
def encoder():
    return tiny_bert(TEXTS)


@pytest.mark.parametrize("way", WAYS)
def test_a_way_lowers_its_own_loss_and_leaves_the_encoder_that_it_was_given(encoder, way):
    before = encoder.encode(TEXTS)
    reading = WAYS[way](encoder, TEXTS, 0, 2)
    optimizer = torch.optim.Adam(reading.parameters, lr=3e-3)
    losses = []
    for step in range(30):
        optimizer.zero_grad()
        losses.append(reading.backward(step))
        optimizer.step()

    read = reading.finish()

    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert np.abs(read.encode(TEXTS) - before).max() > 1e-3
    np.testing.assert_array_equal(encoder.encode(TEXTS), before)
    np.testing.assert_array_equal(read.encode(TEXTS), read.encode(TEXTS))  # dropout is over


@pytest.mark.parametrize("way", [MaskedWords, TwiceTheSame, FromItsVector])
def test_a_step_depends_on_its_number_alone(encoder, way):
    first, second = way(encoder, TEXTS, 0, 2), way(encoder, TEXTS, 0, 2)
    first.backward(1)

    assert first.backward(7) == pytest.approx(second.backward(7), abs=1e-5)
    assert first.backward(7) != pytest.approx(second.backward(8), abs=1e-5)


def test_the_head_is_asked_about_masked_words_only(encoder, monkeypatch):
    reading, asked = MaskedWords(encoder, TEXTS, 0, 2), []
    reading.head.register_forward_hook(lambda module, inputs, output: asked.append(len(inputs[0])))

    reading.backward(0)

    texts, _ = reading.drawn(0)
    words = sum(int(row.sum()) - 2 for row in reading.encoder.tokens(texts)["attention_mask"])
    assert 0.05 * words < asked[0] < 0.3 * words  # 15 % of them


def test_a_budget_bounds_the_steps_and_few_texts_are_left_alone(encoder):
    read, course = pretrain_encoder(TEXTS, encoder, "mlm", seconds=1.0, steps=300)
    assert read is not encoder and 20 <= course.step < 300

    same, course = pretrain_encoder(TEXTS[:5], encoder, "mlm")
    assert same is encoder and "too few" in course.stopped


def test_an_unknown_way_is_refused(encoder):
    with pytest.raises(UsageError, match=r"mlm, simcse, tsdae"):
        pretrain_encoder(TEXTS, encoder, "magic")
