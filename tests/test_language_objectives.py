"""What is minimised, counted by hand: the catalogue's softmax, sets, labelled pairs, lists, pseudo-labels, the gate."""

import math
from datetime import timedelta

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from goeswith.association.budget import FASTEST, STEPS_AT_FULL_RATE, affordable_steps, learning_rate
from goeswith.association.catalogue import CatalogueSoftmax
from goeswith.association.finetune import FinetuneConfig, finetune_encoder
from goeswith.association.gate import Gate, warm_and_cold
from goeswith.association.labelled_pairs import LabelledPairs, PairSource
from goeswith.association.lessons import Drawn, Shape
from goeswith.association.loop import Course, Schedule, run
from goeswith.association.losses import history_scores
from goeswith.association.pair_training import train_pair_classifier
from goeswith.association.pairs import threads
from goeswith.association.pseudo_labels import pseudo_labels
from goeswith.association.sets import ProductSets
from goeswith.association.towers import Towers
from goeswith.errors import CorruptModel, DataError
from goeswith.language.adapters import Reach, Tuning, prepare
from goeswith.language.augment import WAYS, Augmenter
from goeswith.language.item_text import item_text
from goeswith.language.moving import METHODS
from goeswith.language.pair_classifier import PairClassifier
from goeswith.testing import corner_shop
from goeswith.testing.big_corner_shop import big_corner_shop
from goeswith.testing.tiny_bert import tiny_bert

LOG = corner_shop.log()
TEXTS = item_text(LOG.products)
ROW = {product: row for row, product in enumerate(LOG.products["product_id"])}
OWN = np.arange(len(TEXTS))
SMALL = Shape(batch=6, history=2, window=20, drawn=4)


@pytest.fixture(scope="module")
def encoder():
    return tiny_bert(TEXTS)


@pytest.fixture(scope="module")
def purchases():
    return threads(LOG, OWN)


# --- the likelihood of an encoder: the whole catalogue


def test_the_catalogues_softmax_is_the_cross_entropy_over_every_product(encoder, purchases):
    towers = Towers(Tuning(encoder, []), TEXTS)
    batch = Drawn(SMALL, 10.0).batch(purchases, np.random.default_rng(0))
    objective = CatalogueSoftmax(purchases.log_prior, 10.0, refresh=5)
    objective.prepare(towers, 0)

    loss = towers.loss(batch, objective)

    vectors = torch.from_numpy(encoder.encode(TEXTS))
    scores = history_scores(vectors, torch.from_numpy(batch.history), vectors, 10.0)
    chance = (scores + torch.from_numpy(purchases.log_prior)).log_softmax(dim=1)
    assert chance.shape == (6, 13)  # all of them, honey too
    by_hand = -chance[torch.arange(6), torch.from_numpy(batch.target)].mean()
    assert loss == pytest.approx(float(by_hand), abs=1e-4)


def test_two_passes_give_the_gradient_of_one(encoder, purchases):
    batch = Drawn(SMALL, 10.0).batch(purchases, np.random.default_rng(1))
    gradients = []
    for memory in ("plain", "two-pass"):
        tuning = prepare("last-k", encoder, Reach(top_layers=1))
        Towers(tuning, TEXTS).backward(batch, Drawn(SMALL, 10.0).objective, memory)
        gradients.append(torch.cat([w.grad.flatten() for w in tuning.parameters]))

    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-3)
    assert gradients[0].abs().max() > 0


# --- sets of distinct products


def test_a_set_counts_what_followed_what_within_five_purchases(purchases):
    counts = ProductSets(purchases).counts

    followed = counts[ROW["coffee"], ROW["oat-milk"]] + counts[ROW["oat-milk"], ROW["coffee"]]
    assert followed >= 3  # three baskets hold both, and chen's come one after another
    assert counts[ROW["honey"]].sum() == 0 and counts[:, ROW["honey"]].sum() == 0  # never sold
    assert counts.diagonal().sum() == 0


def test_a_set_holds_each_product_once_and_more_pairs_than_products(purchases):
    products = ProductSets(purchases).draw(8, np.random.default_rng(0))

    assert len(products.named) == len(set(products.named.tolist())) <= 8
    assert products.n_pairs > len(products.named)
    np.testing.assert_allclose(
        products.together**2,
        ProductSets(purchases).counts[products.named][:, products.named].toarray(),
        atol=1e-5,
    )


# --- labelled pairs


def test_a_pair_with_two_labels_is_refused_and_named():
    with pytest.raises(DataError, match=r"1 pair is labelled both .* \(3, 4\).*Keep one label"):
        LabelledPairs(np.array([3, 1, 3]), np.array([4, 2, 4]), np.float32([1, 0, 0]))

    assert len(LabelledPairs(np.array([3, 4]), np.array([4, 3]), np.float32([1, 0]))) == 2  # a direction is no label


@given(st.integers(0, 1_000))
def test_negatives_were_never_bought_together_and_positives_were(seed):
    bought = threads(LOG, OWN)
    source = PairSource(bought, np.eye(len(TEXTS), dtype=np.float32))

    pairs = source.draw(10, np.random.default_rng(seed))

    together = ProductSets(bought).counts
    seen = np.asarray(together[pairs.first, pairs.second]).ravel()
    back = np.asarray(together[pairs.second, pairs.first]).ravel()
    assert (seen[pairs.label == 1] > 0).all()
    assert ((seen + back)[pairs.label == 0] == 0).all()
    assert (pairs.first != pairs.second).all()
    assert ROW["honey"] not in pairs.second.tolist()  # nobody was offered it


def test_neighbours_are_what_reads_like_the_product_that_did_follow(purchases):
    vectors = np.eye(len(TEXTS), dtype=np.float32)
    vectors[ROW["milk"]] = vectors[ROW["oat-milk"]] * 0.8 + vectors[ROW["milk"]] * 0.6
    source = PairSource(purchases, vectors)

    near = source.neighbours(ROW["oat-milk"])

    assert ROW["milk"] in near and ROW["oat-milk"] not in near


def test_popular_negatives_are_as_popular_as_what_is_bought(purchases):
    source = PairSource(purchases, np.eye(len(TEXTS), dtype=np.float32))
    first, second = np.full(2_000, ROW["printer"]), np.full(2_000, ROW["toner"])

    popular = source.negatives(first, second, "popular", np.random.default_rng(0))
    random = source.negatives(first, second, "random", np.random.default_rng(0))

    share = (popular == ROW["pasta"]).mean() / (popular == ROW["milk"]).mean()
    assert share == pytest.approx(7 / 2, rel=0.35)  # seven baskets with pasta, two with milk
    assert (random == ROW["pasta"]).mean() / (random == ROW["milk"]).mean() == pytest.approx(1.0, rel=0.35)


def test_the_pair_classifier_learns_what_goes_together_and_is_stored(encoder, purchases, tmp_path):
    source = PairSource(purchases, encoder.encode(TEXTS))
    classifier = PairClassifier.on(encoder)
    dev = source.draw(20, np.random.default_rng(99))

    course = train_pair_classifier(
        classifier, TEXTS, lambda step: source.draw(12, np.random.default_rng(step)), 60,
        dev=dev, test=dev, method="full", rate=2e-3, epochs=3,
    )  # fmt: skip
    classifier.save(tmp_path)
    again = PairClassifier.load(tmp_path)

    assert [epoch.epoch for epoch in course.epochs] == [1, 2, 3]
    assert all(None not in (epoch.train, epoch.validation, epoch.test) for epoch in course.epochs)
    assert course.epochs[-1].validation < math.log(2)  # better than a coin
    sauce, butter = classifier.lifts([TEXTS[ROW["pasta"]]], [TEXTS[ROW["tomato-sauce"]], TEXTS[ROW["butter"]]])
    assert sauce > butter
    history = [TEXTS[ROW["bread"]], TEXTS[ROW["jam"]]]
    np.testing.assert_allclose(again.lifts(history, TEXTS[:4]), classifier.lifts(history, TEXTS[:4]), atol=1e-5)


def test_a_damaged_pair_classifier_says_so(tmp_path):
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(CorruptModel, match="pair classifier cannot be read"):
        PairClassifier.load(tmp_path)


def test_pseudo_labels_are_less_sure_the_fewer_cases_and_the_less_alike():
    counts = csr_array(np.array([[0, 0, 0, 5, 1], [0] * 5, [0] * 5, [0] * 5, [0] * 5]))
    vectors = np.float32([[1, 0], [0.8, 0.6], [0, 1], [0, 1], [0, -1]])  # 1 reads like 0, 2 does not

    found = pseudo_labels(counts, np.array([5, 0, 0, 5, 5]), vectors, most=10)

    pairs = dict(zip(zip(found.first.tolist(), found.second.tolist(), strict=True), found.label.tolist(), strict=True))
    assert pairs[1, 3] == pytest.approx(0.8 * 5 / 5 * 5 / 10)
    assert pairs[1, 4] == pytest.approx(0.8 * 1 / 5 * 1 / 6)
    assert not any(first == 2 and second in (3, 4) for first, second in pairs)


# --- the gate, the budget, and a loss that is no number


def test_a_gain_on_warm_products_does_not_pay_for_a_loss_on_cold_ones():
    for figures, passes in ((((0.5, 0.1)), False), ((0.5, 0.3), True), ((0.4, 0.3), False)):
        gate = Gate(
            lambda figures=figures: dict(zip(("warm", "cold"), figures, strict=True)), {"warm": 0.4, "cold": 0.2}
        )
        course = Course(start_metric=0.0, best_metric=max(0.0, gate()))

        assert gate.passed(course) is passes
        assert ("the start is kept" in gate.reason(course)) is not passes
        assert "warm" in gate.reason(course) and "cold" in gate.reason(course)


def test_a_part_with_few_purchases_decides_nothing():
    held = threads(LOG, OWN)
    bought = np.full(len(TEXTS), 10)
    bought[ROW["butter"]] = 0

    assert list(warm_and_cold(held, bought)) == ["warm"]
    assert list(warm_and_cold(held.aimed_at(ROW["butter"] == OWN), bought)) == ["all"]


@given(st.sampled_from(list(METHODS)), st.integers(1, 5_000))
def test_rate_and_steps_together_never_reach_further_than_three_hundred_steps(method, steps):
    rate = learning_rate(method, steps)

    assert 0 < rate <= FASTEST[method]
    assert rate * steps <= FASTEST[method] * STEPS_AT_FULL_RATE * (1 + 1e-9)
    assert learning_rate(method, steps + 1) <= rate


@given(st.floats(1, 1_000), st.floats(1, 1_000), st.sampled_from(list(METHODS)))
def test_more_seconds_never_buy_fewer_steps_and_longer_texts_never_more(seconds, more, method):
    steps = affordable_steps(seconds, 500, 10_000.0, method)

    assert 20 <= steps <= affordable_steps(seconds + more, 500, 10_000.0, method) <= 500
    assert affordable_steps(seconds, 500, 20_000.0, method) <= steps


def test_a_loss_that_is_no_number_stops_keeps_the_last_good_state_and_says_why():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    figures = iter([0.0, 1.0, 2.0])

    def backward(step):
        loss = (weight * (float("nan") if step == 3 else 1.0)).sum()
        loss.backward()
        return float(loss.detach())

    course = run({"w": [weight]}, backward, Schedule(6, 3, {"w": 0.1}), metric=lambda: next(figures))

    assert "not a number at step 4" in course.stopped and "learning rate is too high (w 0.1)" in course.stopped
    assert course.best_epoch == 1 and bool(torch.isfinite(weight).all())


# --- augmentation


@given(st.sampled_from(TEXTS), st.integers(0, 1_000), st.sampled_from(WAYS))
def test_a_text_in_other_words_keeps_its_first_letter_and_is_never_empty(text, seed, way):
    changed = way(text, np.random.default_rng(seed))

    assert changed.strip()
    assert len(changed) > len(text) / 3


def test_no_text_is_turned_into_that_of_another_product():
    said = Augmenter(["red sofa", "red couch"], share=1.0)

    for step in range(50):
        assert said.at(0, step)("red sofa") != "red couch"


# --- the whole objective, on a shop with planted truths


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "contrastive"},
        {"objective": "contrastive", "positives": "all"},
        {"objective": "contrastive", "augment": True, "pretrain": "mlm"},
        {"objective": "likelihood", "method": "lora"},
        {"objective": "pair", "pseudo": True},
        {"objective": "pair", "method": "frozen"},
    ],
    ids=str,
)
def test_every_objective_runs_and_is_judged_warm_and_cold(settings):
    shop = big_corner_shop(40, 16)
    log, texts = shop.log(), item_text(shop.products)
    last = log.events["time"].max()
    seen, validation = log.until(last - timedelta(weeks=4)), log.until(last - timedelta(weeks=2))
    small = {"steps": 6, "epochs": 2, "seconds": None, "batch": 8, "drawn": 8, "top_layers": 1, "rate": 1e-3}

    tuned = finetune_encoder(
        texts,
        seen,
        tiny_bert(texts),
        FinetuneConfig.model_validate({**small, **settings}),
        validation=validation,
        test=log,
    )

    if settings.get("method") == "frozen":
        assert not tuned.used and "pair classifier alone" in tuned.reason
    else:
        assert "held out" in tuned.reason and len(tuned.course.epochs) == 2
        assert all(epoch.validation is not None and epoch.test is not None for epoch in tuned.course.epochs)
        assert tuned.n_parameters > 0 and tuned.pairs_per_second > 0
    assert (tuned.teacher is not None) == (settings["objective"] == "pair")
    if tuned.teacher:
        assert tuned.teaching.epochs[-1].validation is not None and tuned.teaching.epochs[-1].test is not None
