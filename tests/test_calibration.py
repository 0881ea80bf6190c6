"""Probabilities that can be bet on: calibrated on what the rankers did not learn from, kept with the model."""

import json

import numpy as np
import polars as pl
import pytest

import goeswith as gw
from goeswith.association.probability import (
    AHEAD,
    Calibration,
    Calibrators,
    PairBelief,
    fit_calibration,
    fit_drift,
    fit_pair_belief,
)
from goeswith.evaluation.judged import as_cases, cut_baskets
from goeswith.evaluation.reliability import brier, equal_mass, reliability_curve
from goeswith.testing import corner_shop

FULL = np.linspace(0.001, 0.999, 500)


def test_a_calibration_by_hand():
    twice = Calibration(shift=float(np.log(2)))

    np.testing.assert_allclose(twice(np.array([0.5, 0.2])), [2 / 3, 1 / 3])  # odds 1 → 2, odds 1/4 → 1/2


def test_what_was_said_rightly_stays():
    cases = np.full(500, 1000.0)

    curve = fit_calibration(FULL, FULL * cases, cases)

    np.testing.assert_allclose(curve(FULL), FULL, atol=1e-3)


def test_odds_that_are_twice_too_low_are_doubled():
    cases = np.full(500, 1000.0)
    truly = 2 * FULL / (1 + FULL)  # odds o become 2 o

    curve = fit_calibration(FULL, truly * cases, cases)

    np.testing.assert_allclose(curve(FULL), truly, atol=1e-3)


def test_a_calibration_never_turns_the_order_round():
    rng = np.random.default_rng(0)
    said = rng.random(2_000)
    came = (rng.random(2_000) < 1 - said).astype(float)  # the worst there can be

    curve = fit_calibration(said, came, np.ones(2_000))

    assert (np.diff(curve(FULL)) > 0).all()


def test_too_few_cases_change_nothing():
    assert fit_calibration(np.array([0.2]), np.array([9.0]), np.array([1000.0])) == Calibration()
    assert fit_pair_belief(*np.ones((5, 999))) == PairBelief()


def test_a_pair_by_hand():
    both, with_a, said = np.array([7.0]), np.array([11]), np.array([0.3])

    value, low, high = PairBelief().estimate(both, with_a, said)

    assert value[0] == pytest.approx(19 / 51)  # (7 + 40 * 0.3) / (11 + 40)
    assert low[0] < value[0] < high[0]
    doubled = PairBelief(opinion=Calibration(shift=float(np.log(2))))  # odds 3/7 become 6/7, 6 of 13
    assert doubled.value(both, with_a, said)[0] == pytest.approx((7 + 40 * 6 / 13) / 51)


def test_an_interval_narrows_with_baskets_and_widens_with_drift():
    share, opinion = np.array([0.2]), np.array([0.2])

    def width(baskets, drift):
        _, low, high = PairBelief(drift=drift).estimate(share * baskets, np.array([baskets]), opinion)
        return float(high[0] - low[0])

    assert width(1_000, 0.0) < width(100, 0.0) < width(0, 0.0)
    assert width(1_000, 0.0) < width(1_000, 0.1) < width(1_000, 1.0)
    # sd of the share: sqrt(0.1) * 0.2 * 0.8 = 0.0506; 90 % lie within 1.645 of it on either side
    assert width(1e9, 0.1) == pytest.approx(2 * 1.645 * 0.0506, rel=0.03)


@pytest.fixture(scope="module")
def drifting():
    """3,000 pairs of known shares, which change by 0.4 in log odds until later; opinions are half the odds."""
    rng = np.random.default_rng(0)
    before = rng.normal(-2, 1, 3_000)
    later = before + rng.normal(0, 0.4, 3_000)
    with_a, cases = np.full(3_000, 2_000.0), np.full(3_000, 200.0)
    both = rng.binomial(2_000, 1 / (1 + np.exp(-before))).astype(float)
    came = rng.binomial(200, 1 / (1 + np.exp(-later))).astype(float)
    said = 1 / (1 + np.exp(-(before + rng.normal(0, 0.3, 3_000)))) / 2
    return both, with_a, said, came, cases


def test_drift_is_found_again(drifting):
    both, with_a, _, came, cases = drifting

    drift = fit_drift(both / with_a, with_a, came, cases)

    assert drift == pytest.approx(0.4**2, rel=0.25)


def test_intervals_of_pairs_that_drift_hold_nine_in_ten(drifting):
    both, with_a, said, came, cases = drifting
    belief = fit_pair_belief(*(each[:2_000] for each in drifting))

    value, _, _ = belief.estimate(both[2_000:], with_a[2_000:], said[2_000:])
    bare = PairBelief(belief.opinion, belief.prior_baskets, belief.whole, belief.drift / AHEAD)
    _, low, high = bare.estimate(both[2_000:], with_a[2_000:], said[2_000:])
    share = came[2_000:] / cases[2_000:]

    assert value.mean() == pytest.approx(share.mean(), rel=0.05)
    assert 0.75 < ((low <= share) & (share <= high)).mean() < 0.95  # 200 baskets have an error of their own


def test_calibrators_are_the_same_after_a_round_to_disk(tmp_path):
    curve = Calibration(0.9, 1.2, -0.3)
    kept = Calibrators({"recommend": curve}, PairBelief(curve, 160.0, Calibration(), 0.2))

    kept.save(tmp_path / "calibration.json")

    assert Calibrators.load(tmp_path / "calibration.json") == kept
    assert Calibrators.load(tmp_path / "of an older version.json") == Calibrators()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibration") / "shop"
    return gw.Shop.create(folder, products=corner_shop.products(), events=corner_shop.events())


@pytest.fixture(scope="module")
def model(shop):
    config = gw.FitConfig(finetune={"method": "frozen"}, features={"steps": 10})
    fitted = gw.fit(shop, config)
    curve = Calibration(0.8, 0.8, -0.5)
    fitted.calibrators = Calibrators(dict.fromkeys(fitted.rankers, curve), PairBelief(curve, 20.0, curve, 0.1))
    fitted.save_as_version(shop)
    return gw.load(shop)


def test_a_stored_model_answers_with_its_calibrators(shop, model):
    folder = shop.models / model.version

    assert model.calibrators.pairs.prior_baskets == 20.0
    assert "calibration.json" in json.loads((folder / "manifest.json").read_text())["files"]


def test_related_and_probability_say_the_same_of_a_pair(model):
    answer = model.related("bread", n=5)

    told = [model.probability("bread", other).value for other in answer.ids]

    np.testing.assert_allclose(answer.probabilities, told, rtol=1e-5)
    assert model.probability("bread", "bread").value == 1.0


def test_a_text_is_believed_as_a_product_without_a_basket(model):
    answer = model.related(text="fresh rye bread", n=3)

    calibrators = model.calibrators
    model.calibrators = Calibrators()
    del model.answerer
    plain = model.related(text="fresh rye bread", n=3)
    model.calibrators = calibrators
    del model.answerer

    none = np.zeros(3)
    assert answer.ids == plain.ids
    belief, bare = calibrators.pairs, PairBelief()
    assert bare.value(none, none, plain.probabilities) == pytest.approx(plain.probabilities)
    assert answer.probabilities == pytest.approx(belief.value(none, none, plain.probabilities), rel=1e-5)


def test_calibration_leaves_the_order_of_a_list_as_it_was(model):
    calibrated = model.recommend("ana", n=8)

    model.calibrators = Calibrators()
    del model.answerer
    plain = model.recommend("ana", n=8)

    assert calibrated.ids == plain.ids
    assert list(calibrated.probabilities) != list(plain.probabilities)


def test_weights_stand_for_as_many_rows():
    p, y = np.array([0.2, 0.2, 0.6]), np.array([0.0, 1.0, 1.0])
    weight = np.array([3.0, 1.0, 2.0])

    curve = reliability_curve(p, y, bins=2, weight=weight)

    assert brier(p, y, weight) == pytest.approx((3 * 0.04 + 0.64 + 2 * 0.16) / 6)
    assert curve["happened"].to_list() == [0.0, 1.0]  # 3 cases a bin
    assert curve["n"].to_list() == [3, 3]
    assert [len(rows) for rows in equal_mass(p, weight, 2)] == [1, 2]


def test_a_pair_is_a_case_for_each_later_basket():
    p, y, weight = as_cases(pl.DataFrame({"value": [0.25], "came": [3], "cases": [10]}))

    assert (p.tolist(), y.tolist(), weight.tolist()) == ([0.25, 0.25], [1.0, 0.0], [3.0, 7.0])


def test_a_cut_basket_holds_at_least_half_and_lacks_at_least_one():
    lines = pl.DataFrame({"customer_id": ["c"] * 6, "basket_id": [1] * 5 + [2], "product_id": list("abcdea")})

    held, left, customers = cut_baskets(lines)

    assert customers == ["c"]  # a basket of one product cannot be cut
    assert sorted([*held[0], *left["product_id"]]) == list("abcde")
    assert 2 <= len(held[0]) <= 4
