"""Where travellers go next: trips, stays, the logit over points, and the baselines, on a town of five points."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.errors import DataError, UsageError
from goeswith.scenarios.itinerary.baselines import markov_path, nearest_path, popular_path
from goeswith.scenarios.itinerary.next_point import NAMES, Here, NextPoint, counted, fit_next_point
from goeswith.scenarios.itinerary.paths import best_path, inclusion, likely_paths
from goeswith.scenarios.itinerary.points import points_of, travel_seconds
from goeswith.scenarios.itinerary.scores import f1, pairs_f1
from goeswith.scenarios.itinerary.trips import BEFORE, Trip, trips_of
from goeswith.testing.clean_log import as_log

CASTLE, PARK, ZOO, MARKET, SHRINE = range(5)
KM = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))  # on a line, a kilometre apart
THEME = np.array([0, 1, 1, 2, 0])
TRIPS = [
    Trip(0, (CASTLE, PARK, ZOO), (10.0, 12.0, 14.0)),
    Trip(1, (CASTLE, PARK, ZOO), (10.0, 12.0, 14.0)),
    Trip(2, (CASTLE, PARK, MARKET), (10.0, 12.0, 18.0)),
    Trip(3, (MARKET, SHRINE), (18.0, 20.0)),
    Trip(4, (PARK,), (12.0,)),
]
paths = st.lists(st.permutations(range(5)).map(lambda p: tuple(p[:3])), min_size=1, max_size=6)


def chain():
    return fit_next_point(TRIPS, KM, THEME)


# --- trips


def town(rows, **columns):
    places = {"latitude": [34.0 + at / 111.195 for at in range(5)], "longitude": [135.0] * 5}
    products = pl.DataFrame({"product_id": list("cpzms"), "name": list("cpzms"), **(places | columns)})
    start = datetime(2014, 5, 1)
    events = pl.DataFrame(
        [(who, basket, what, start + timedelta(hours=hour)) for who, basket, what, hour in rows],
        schema=["customer_id", "basket_id", "product_id", "timestamp"],
        orient="row",
    ).with_columns(event=pl.lit("purchase"), quantity=1, price=pl.lit(None, pl.Float32))
    return as_log(products, events)


def test_a_trip_is_the_points_of_one_sequence_each_at_its_first_visit():
    log = town([("ann", "1", "c", 9), ("ann", "1", "c", 10), ("ann", "1", "p", 11), ("ann", "1", "c", 12)])

    made = trips_of(log, range(5))

    assert [trip.points for trip in made.trips] == [(0, 1)] and made.trips[0].hours == (9.0, 11.0)


def test_visits_before_2000_are_set_aside_with_the_reason():
    log = town([("ann", "1", "c", 9), ("ann", "2", "p", -24 * 365 * 20)])

    made = trips_of(log, range(5))

    assert len(made.trips) == 1 and made.aside == {BEFORE: 1}


def test_stays_are_a_points_own_drawn_to_everybodys():
    log = town([("ann", "1", "c", 9), ("ann", "1", "c", 11), ("bob", "2", "p", 9), ("bob", "2", "p", 10)])

    stays = trips_of(log, range(5)).stays

    # Two hours and one: 1.5 on the whole. The castle: (3 * 1.5 + 2) / 4 hours.
    np.testing.assert_allclose([stays[0], stays[1], stays[4]], [5850, 4950, 5400])


# --- points


@pytest.mark.parametrize(
    "columns, told",
    [
        ({"latitude": [None] * 5, "longitude": [None] * 5}, "Not one product of this shop has coordinates"),
        ({"latitude": [135.0] * 5, "longitude": [34.0] * 5}, "look swapped"),
        ({"latitude": [34.0] * 4 + [-33.0], "longitude": [135.0] * 4 + [151.0]}, "another continent"),
        ({"opens": ["9", "9", "noon", "9", "9"]}, "opens of z: 'noon' is not a time of day"),
        ({"closed_on": ["Mon", None, "someday", None, None]}, "'someday' is no weekday"),
    ],
)
def test_points_that_cannot_be_meant_are_named(columns, told):
    with pytest.raises(DataError) as refused:
        points_of(town([("ann", "1", "c", 9)], **columns))

    assert told in str(refused.value)


def test_points_are_read_with_hours_closed_days_and_stays():
    log = town(
        [("ann", "1", "c", 9)], opens=["9:30"] * 5, closed_on=["Mon;Tue"] + [None] * 4, stay_minutes=[90] + [None] * 4
    )

    points = points_of(log, {1: 600.0})

    assert points.opens[0] == 9.5 * 3600 and points.closed_on[0] == {0, 1}
    assert points.stay.tolist() == [5400, 600, 3600, 3600, 3600]


def test_somebody_walks_what_is_near_and_rides_what_is_far():
    walk, ride = travel_seconds(np.array([0.5, 10.0]))

    assert walk == round(3600 * 0.65 / 4.5) and ride == 600 + 3600 * 13 / 18


# --- the next point


def test_tables_count_trips():
    tables = counted(TRIPS, THEME, 5, 3)

    assert tables.seen.tolist() == [3, 4, 2, 2, 1]
    assert tables.after[CASTLE, PARK] == 3 and tables.after[PARK, ZOO] == 2
    assert tables.together[CASTLE, ZOO] == 2 and tables.together[ZOO, ZOO] == 0


def test_a_point_that_followed_before_is_likelier_next():
    log_p = chain().log_probabilities(Here((CASTLE,), 10.0))

    assert int(np.argmax(log_p)) == PARK and log_p[CASTLE] == -np.inf
    np.testing.assert_allclose(np.exp(log_p).sum(), 1.0)


def test_the_end_comes_last():
    log_p = chain().log_probabilities(Here((CASTLE,), 10.0, end=PARK))

    assert log_p[PARK] == -np.inf


def test_a_wish_that_is_told_counts_in_full():
    wish = np.zeros(5)
    wish[SHRINE] = 2.0

    plain = chain().log_probabilities(Here((CASTLE,)))
    wished = chain().log_probabilities(Here((CASTLE,), further=wish))

    odds = (wished[SHRINE] - wished[ZOO]) - (plain[SHRINE] - plain[ZOO])
    np.testing.assert_allclose(odds, 2.0)


def test_weights_that_are_fitted_explain_the_trips_better_than_popularity():
    fitted = chain()
    popular = NextPoint(KM, THEME, fitted.tables, np.eye(len(NAMES))[0])

    def loss(which):
        return -sum(
            which.log_probabilities(Here(trip.points[: at + 1], trip.hours[at]))[trip.points[at + 1]]
            for trip in TRIPS
            for at in range(len(trip.points) - 1)
        )

    assert loss(fitted) < loss(popular)


def test_without_trips_popularity_is_all_there_is():
    blank = fit_next_point([], KM, THEME)

    np.testing.assert_allclose(np.exp(blank.log_probabilities(Here((CASTLE,))))[1:], 0.25)


@settings(max_examples=30, deadline=None)
@given(paths, st.permutations(range(5)))
def test_probabilities_do_not_depend_on_how_points_are_numbered(trips, order):
    order = np.array(order)
    made = [Trip(at, path, (9.0, 12.0, 15.0)) for at, path in enumerate(trips)]
    moved = [
        Trip(trip.traveller, tuple(int(np.flatnonzero(order == p)[0]) for p in trip.points), trip.hours)
        for trip in made
    ]

    plain = fit_next_point(made, KM, THEME).log_probabilities(Here((0,), 9.0))
    other = fit_next_point(moved, KM[np.ix_(order, order)], THEME[order]).log_probabilities(
        Here((int(np.flatnonzero(order == 0)[0]),), 9.0)
    )

    np.testing.assert_allclose(other, plain[order], atol=1e-3)


# --- ways


def test_likely_ways_are_whole_and_their_probabilities_sum_to_one():
    every = likely_paths(chain(), Here((CASTLE,), 10.0, ZOO), 4)

    assert {path[0] for path, _ in every} == {CASTLE} and {path[-1] for path, _ in every} == {ZOO}
    assert all(len(set(path)) == 4 for path, _ in every)
    np.testing.assert_allclose(sum(np.exp(log_p) for _, log_p in every), 1.0)


def test_the_best_way_goes_where_others_went():
    assert best_path(chain(), Here((CASTLE,), 10.0, ZOO), 3) == (CASTLE, PARK, ZOO)


@pytest.mark.parametrize("length, end", [(1, ZOO), (6, ZOO), (3, None), (3, CASTLE)])
def test_a_way_that_cannot_be_is_refused(length, end):
    with pytest.raises(UsageError):
        best_path(chain(), Here((CASTLE,), 10.0, end), length)


def test_inclusion_is_a_probability_and_never_of_what_is_closed():
    chance = inclusion(chain(), Here((), 9.0), steps=3, n=200, closed=[ZOO])

    assert chance[ZOO] == 0 and (chance <= 1 + 1e-9).all()
    np.testing.assert_allclose(chance.sum(), 3.0)
    assert chance[PARK] > chance[SHRINE]


# --- baselines and scores


def test_baselines_by_hand():
    assert popular_path(TRIPS, 5, ZOO, SHRINE, 4) == (ZOO, PARK, CASTLE, SHRINE)  # seen 4 and 3 times
    assert nearest_path(KM, ZOO, CASTLE, 4) == (ZOO, PARK, MARKET, CASTLE)
    assert markov_path(TRIPS, 5, CASTLE, ZOO, 3) == (CASTLE, PARK, ZOO)


def test_scores_by_hand():
    assert f1((0, 1, 2), (0, 3, 2)) == pytest.approx(2 / 3)
    assert pairs_f1((0, 1, 2), (0, 3, 2)) == pytest.approx(1 / 3)  # only 0 before 2
    assert pairs_f1((0, 1, 2), (2, 1, 0)) == 0


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_scores_are_shares_and_one_for_the_same_way(a, b):
    assert 0 <= pairs_f1(a[:4], b[:3]) <= 1 and 0 <= f1(a[:4], b[:3]) <= 1
    assert f1(a, a) == pairs_f1(a, a) == 1 and f1(a, b) == 1
