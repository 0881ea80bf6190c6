"""Intervals by redrawing queries, and whether probabilities can be believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goeswith.errors import UsageError
from goeswith.evaluation.intervals import bootstrap, paired_bootstrap
from goeswith.evaluation.reliability import (
    brier,
    calibration_slope,
    expected_calibration_error,
    log_loss,
    reliability_curve,
)

shares = st.floats(0, 1, allow_nan=False)


def test_the_interval_of_a_coin_is_about_two_standard_errors_wide():
    values = np.tile([0.0, 1.0], 200)  # one standard error: 0.5 / sqrt(400) = 0.025

    mean, low, high = bootstrap(values)

    assert mean == 0.5
    assert high - low == pytest.approx(2 * 1.96 * 0.025, rel=0.1)


def test_the_same_seed_draws_the_same_interval():
    values = np.random.default_rng(1).random(50)

    assert bootstrap(values, seed=3) == bootstrap(values, seed=3) != bootstrap(values, seed=4)


def test_a_paired_difference_sees_what_two_intervals_cannot():
    theirs = np.random.default_rng(0).random(100)
    ours = theirs + 0.01  # always a little better, far less than the spread of the queries

    assert bootstrap(ours).low < bootstrap(theirs).high
    assert paired_bootstrap(ours, theirs).low > 0


def test_unequal_queries_cannot_be_paired():
    with pytest.raises(UsageError, match="same queries: 2 against 3"):
        paired_bootstrap(np.zeros(2), np.zeros(3))


@given(arrays(np.float64, st.integers(1, 30), elements=shares))
def test_an_interval_lies_within_the_values(values):
    mean, low, high = bootstrap(values, draws=200)

    assert values.min() - 1e-12 <= low <= high <= values.max() + 1e-12
    assert values.min() - 1e-12 <= mean <= values.max() + 1e-12


def test_bins_of_equal_mass_by_hand():
    probability = np.array([0.1, 0.3, 0.6, 0.8])
    outcome = np.array([0, 1, 1, 1])

    curve = reliability_curve(probability, outcome, bins=2)

    assert curve["predicted"].to_list() == pytest.approx([0.2, 0.7])
    assert curve["happened"].to_list() == [0.5, 1.0]
    assert expected_calibration_error(probability, outcome, bins=2) == pytest.approx((0.3 + 0.3) / 2)
    assert brier(probability, outcome) == pytest.approx((0.01 + 0.49 + 0.16 + 0.04) / 4)
    assert log_loss(probability, outcome) == pytest.approx(-np.log([0.9, 0.3, 0.6, 0.8]).mean())


def test_true_probabilities_have_slope_one_and_exaggerated_ones_less():
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 1, 20_000)
    outcome = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)

    true, _ = calibration_slope(1 / (1 + np.exp(-odds)), outcome)
    exaggerated, _ = calibration_slope(1 / (1 + np.exp(-2 * odds)), outcome)

    assert true == pytest.approx(1, abs=0.06)
    assert exaggerated == pytest.approx(0.5, abs=0.03)


def test_what_is_no_probability_is_refused():
    with pytest.raises(UsageError, match="between 0 and 1"):
        brier(np.array([1.5]), np.array([1]))


@given(arrays(np.float64, 12, elements=shares), arrays(np.int8, 12, elements=st.integers(0, 1)), st.integers(1, 20))
def test_bins_hold_every_pair_and_the_scores_stay_in_bounds(probability, outcome, bins):
    curve = reliability_curve(probability, outcome, bins)

    assert curve["n"].sum() == 12
    assert 0 <= expected_calibration_error(probability, outcome, bins) <= 1
    assert 0 <= brier(probability, outcome) <= 1
