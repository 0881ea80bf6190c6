"""Order tells what comes next; NumPy answers as PyTorch was taught; products that nobody bought take part."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest
import torch

import goeswith as gw
from goeswith.association.histories import histories_from
from goeswith.association.sequence import SequenceConfig, in_order
from goeswith.association.sequence_training import Transformer, fit_sequence, padded

NOW = datetime(2024, 6, 1)
SMALL = SequenceConfig(dimensions=16, drawn=20, length=6, steps=240, epochs=200, dropout=0.0, rate=5e-3)


def vectors(n, d=24, seed=0):
    drawn = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def in_a_ring(n_customers=120, n=10, length=5):
    """Whoever takes product i takes i + 1 next."""
    starts = np.random.default_rng(1).integers(n, size=n_customers)
    return histories_from([[[int(start + at) % n] for at in range(length)] for start in starts], NOW)


@pytest.fixture(scope="module")
def taught():
    own, meaning = in_a_ring(), vectors(14)
    return fit_sequence(own, meaning, meaning, SMALL), meaning


def test_the_next_of_a_ring_is_foretold(taught):
    sequence, meaning = taught
    asked = histories_from([[[3], [4]], [[4], [3]], [[8], [9]]], NOW)

    said = sequence.scores(asked, meaning, meaning)

    assert said[:, :10].argmax(axis=1).tolist() == [5, 4, 0]  # the order counts, not only what was bought


def test_numpy_says_what_the_network_was_taught(taught):
    own, meaning = in_a_ring(20), vectors(14)
    place = np.where(np.arange(14) < 10, np.arange(14), -1)
    torch.manual_seed(3)
    net = Transformer(meaning, meaning, place, SMALL).eval()
    weights = {name: tensor.detach().numpy() for name, tensor in net.learnt().items()}
    sequence = type(taught[0])(weights, place, SMALL.heads, SMALL.length)
    histories = in_order(own)
    with torch.no_grad():
        states = net(padded(histories))[:, -1]
        logits = net.logits(states, torch.arange(14)).numpy()

    assert np.allclose(sequence.scores(own, meaning, meaning), logits, atol=1e-4)


def test_a_product_that_nobody_bought_can_be_read_and_be_an_answer(taught):
    sequence, meaning = taught
    like_five = meaning.copy()
    like_five[12] = meaning[5]
    asked = histories_from([[[3], [12]], [[3], [4]]], NOW)

    said = sequence.scores(asked, like_five, like_five)

    assert (said[0] != 0).all() and said[1, 12] > np.median(said[1])


def test_a_shop_whose_products_are_bought_singly_reads_their_order(tmp_path):
    rng = np.random.default_rng(2)
    names = ["kettle", "descaler", "teapot", "green tea", "cups", "saucers", "honey", "spoons"]
    rows = [
        (f"c{customer}", f"{names[(start + step) % len(names)]}", datetime(2024, 1, 1 + step, customer % 24))
        for customer, start in enumerate(rng.integers(len(names), size=80))
        for step in range(5)
    ]
    events = pl.DataFrame(rows, schema=["customer_id", "product_id", "timestamp"], orient="row")
    products = pl.DataFrame({"product_id": names, "name": names})
    shop = gw.Shop.create(tmp_path / "shop", products=products, events=events)

    model = gw.fit(shop, gw.FitConfig.model_validate({"finetune": {"method": "frozen"}, "features": {"steps": 20}}))

    asked = model.log.customers.series.head(3)
    assert model.parts.sequence is not None
    assert gw.load(shop).recommend_many(asked, n=4).equals(model.recommend_many(asked, n=4))


def test_nobody_known_is_told_nothing(taught):
    sequence, meaning = taught

    assert not sequence.scores(histories_from([[]], NOW), meaning, meaning).any()


def test_the_same_seed_teaches_the_same():
    own, meaning, config = in_a_ring(), vectors(14), SMALL.model_copy(update={"steps": 5})

    first, second = (fit_sequence(own, meaning, meaning, config, seed=4) for _ in range(2))

    assert all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)


def test_too_little_teaches_nothing():
    meaning = vectors(14)

    assert fit_sequence(histories_from([[[0], [1]]], NOW), meaning, meaning, SMALL) is None
    assert fit_sequence(in_a_ring(), meaning, meaning, SMALL.model_copy(update={"steps": 0})) is None
