"""Forecasts: what must hold for every method, and the degenerate series."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from goeswith.errors import UnknownId
from goeswith.scenarios import inventory
from goeswith.scenarios.inventory.blend import Lesson, equal_blend, learn_blend
from goeswith.scenarios.inventory.companions import find_neighbours, text_vectors
from goeswith.scenarios.inventory.demand import demand_of
from goeswith.scenarios.inventory.forecast import coherent, log_until, reconciling_helps
from goeswith.scenarios.inventory.hierarchy import hierarchy_of, reconcile
from goeswith.scenarios.inventory.learned import Trees, can_learn, design_of, predict_learned
from goeswith.scenarios.inventory.metrics import coverage, mase, randomised_pit, rmsse, wape
from goeswith.scenarios.inventory.prediction import LEVELS, MEDIAN, Prediction, at_level, tidy
from goeswith.scenarios.inventory.spread import count_quantile, dispersion, spread
from goeswith.testing import corner_shop
from goeswith.testing.clean_log import as_log

pytest.importorskip("statsforecast")
pytest.importorskip("mlforecast")


def many_weeks(n=40, weeks=60, seed=0):
    """A log of n products: product p sells about 1 + p a week, and the odd ones in the baskets of the even before."""
    rng = np.random.default_rng(seed)
    rows = []
    for week in range(weeks):
        for p in range(n):
            for unit in range(rng.poisson(1 + p % 5)):
                basket = f"w{week}p{p - p % 2}u{unit}"
                time = corner_shop.FIRST_DAY + timedelta(days=7 * week + unit % 7)
                rows.append((time, f"c{unit}", basket, "purchase", f"p{p:02}", 1, 2.0 + p % 3))
    columns = ["timestamp", "customer_id", "basket_id", "event", "product_id", "quantity", "price"]
    products = pl.DataFrame(
        {
            "product_id": [f"p{p:02}" for p in range(n + 1)],
            "name": [f"kind{p % 4} size{p % 5}" for p in range(n + 1)],
            "category": [f"k{p % 4}" for p in range(n + 1)],
        }
    )
    return as_log(products, pl.DataFrame(rows, schema=columns, orient="row"))


@pytest.fixture(scope="module")
def log():
    return many_weeks()


@pytest.fixture(scope="module")
def told(log):
    return inventory.forecast(log, among=log.products["product_id"].to_list())


def test_quantiles_never_cross_and_nothing_is_negative(told):
    assert (np.diff(told.prediction.quantiles, axis=-1) >= 0).all()
    assert (told.prediction.quantiles >= 0).all() and (told.prediction.mean >= 0).all()


def test_steady_demand_is_forecast_near_its_rate(log, told):
    rate = told.demand.units.mean(axis=1)
    sold = rate > 0

    assert np.abs(told.prediction.mean[sold].mean(axis=1) / rate[sold] - 1).mean() < 0.25
    assert "AutoETS" in told.parts and "LightGBM" not in told.parts  # 40 products are too few for one model of all


def test_the_frame_has_a_row_a_series_and_week_with_its_first_day(told):
    frame = told.to_frame()

    assert len(frame) == 41 * 4
    assert frame["period"].unique().sort().to_list() == told.demand.calendar.starts(told.demand.periods, 4)
    assert {"mean", "q05", "q10", "q50", "q90", "q95"} <= set(frame.columns)


def test_a_product_never_sold_is_told_from_its_like(told):
    frame = told.to_frame().filter(pl.col("product_id") == "p40")  # kind0, size0: its like sell one a week

    assert (frame["pattern"] == "never sold").all() and 0.3 < frame["mean"].mean() < 4


def test_the_same_seed_tells_the_same(log):
    one, two = (inventory.forecast(log, top=5, seed=3).to_frame() for _ in range(2))

    assert one.equals(two)


def test_a_forecast_as_of_an_earlier_day_knows_nothing_later():
    log = many_weeks(n=4, weeks=30)
    cut = demand_of(log).calendar.start(20)
    early = log.without(pl.col("time") >= pl.lit(cut).cast(pl.Datetime("us")))

    later = inventory.forecast(log_until(log, demand_of(log).until(20)))

    assert later.to_frame().equals(inventory.forecast(early).to_frame())


def test_odd_products_have_the_even_before_them_as_companions(log):
    items = np.arange(40)
    near = find_neighbours(log, items, text_vectors(log))

    strongest = near.companions.toarray().argmax(axis=1)
    assert [strongest[p] for p in (1, 3, 39)] == [0, 2, 38]
    assert not near.companions.diagonal().any() and not near.kin.diagonal().any()
    assert near.kin.sum(axis=1) == pytest.approx(np.ones(40))


def test_a_companion_is_no_substitute(log):
    near = find_neighbours(log, np.arange(40), text_vectors(log))

    assert near.companions.multiply(near.substitutes).nnz == 0


def test_features_of_the_past_do_not_move_when_the_future_does(log):
    demand = demand_of(log)
    near = find_neighbours(log, demand.items, text_vectors(log))
    changed = demand.until(demand.periods)
    units, whole = changed.units.copy(), changed.whole.toarray()
    units[:, 40:], whole[:, 40:] = 99, 99
    other = type(demand)(**{**vars(demand), "units": units, "whole": csr_array(whole)})

    before, after = (design_of(each, near, np.zeros(41, int)) for each in (demand, other))

    for name in before.known:
        np.testing.assert_allclose(before.known[name][:, :41], after.known[name][:, :41], err_msg=name)


@pytest.mark.slow
def test_trees_learn_a_promotion_that_is_known_in_advance():
    rng = np.random.default_rng(0)
    log = many_weeks(n=40, weeks=80)
    demand = demand_of(log, among=np.arange(40))
    plan = (rng.random(demand.display.shape) < 0.3).astype(float)
    units = rng.poisson(np.where(plan[:, :80] > 0, 20, 5)).astype(float)
    promoted = type(demand)(**{**vars(demand), "units": units, "display": plan, "out": np.zeros(units.shape, bool)})
    assert can_learn(promoted)

    told = predict_learned(promoted, None, np.zeros(41, int), Trees(rounds=60, least=20))

    ahead = plan[:, 80:] > 0
    assert told.median[ahead].mean() > 14 and told.median[~ahead].mean() < 8


# --- degenerate series


def one_product(days):
    rows = [(corner_shop.FIRST_DAY + timedelta(days=day), "c", f"b{day}", "purchase", "a", 1, 2.0) for day in days]
    columns = ["timestamp", "customer_id", "basket_id", "event", "product_id", "quantity", "price"]
    products = pl.DataFrame({"product_id": ["a", "never"], "name": ["tea", "green tea"]})
    return as_log(products, pl.DataFrame(rows, schema=columns, orient="row"))


def test_a_series_of_one_point_repeats_it():
    told = inventory.forecast(one_product([0, 6]), horizon=2)

    assert told.demand.periods == 1 and told.prediction.mean.shape == (1, 2)
    assert np.isfinite(told.prediction.quantiles).all()


def test_an_all_zero_series_is_told_zero_or_from_its_like():
    log = one_product(range(0, 7 * 20, 7))

    told = inventory.forecast(log, among=["a", "never"])

    assert told.never_sold.tolist() == [False, True]
    assert np.isfinite(told.prediction.mean).all()


def test_a_product_that_died_out_is_told_little():
    log = one_product([*range(30), 7 * 40])
    late = inventory.forecast(log, horizon=2)

    assert late.prediction.mean.max() < 1.0


def test_an_unknown_product_is_named():
    with pytest.raises(UnknownId, match="coffe"):
        inventory.forecast(corner_shop.log(), among=["coffe"])


# --- parts


def test_counts_wilder_than_poisson_are_told_so():
    rng = np.random.default_rng(1)
    calm, wild = rng.poisson(10, (200, 50)), rng.negative_binomial(5, 1 / 3, (200, 50))  # variance 10, and 30

    assert dispersion(calm.astype(float)).mean() == pytest.approx(1.0, abs=0.25)
    assert dispersion(wild.astype(float)).mean() == pytest.approx(3.0, rel=0.25)


@given(st.floats(0, 500), st.floats(1, 20))
def test_a_higher_level_never_has_a_lower_quantile(mean, phi):
    levels = np.linspace(0.05, 0.99, 20)

    assert (np.diff(count_quantile(np.full(20, mean), np.full(20, phi), levels)) >= -1e-9).all()


def test_a_level_in_between_lies_in_between():
    told = spread(np.array([[50.0]]), np.array([2.0]))

    middle = at_level(told, 0.6)[0, 0]
    assert told.quantiles[0, 0, MEDIAN] < middle < told.quantiles[0, 0, MEDIAN + 1]
    assert at_level(told, 0.5)[0, 0] == pytest.approx(told.median[0, 0])


def test_blending_finds_the_method_that_was_right():
    actual = np.tile(np.arange(10.0, 60.0), (4, 1)).T  # (50, 4)
    good, bad = spread(actual, np.ones(50)), spread(actual * 3, np.ones(50))

    blend = learn_blend([Lesson({"good": good, "bad": bad}, actual, np.zeros(50, int), None)], ("good", "bad"), 1)

    assert blend.median[0, 0] > 0.9 and blend.mean[0, 0] > 0.9


def test_a_band_that_was_too_narrow_is_widened():
    rng = np.random.default_rng(0)
    actual = rng.normal(100, 20, (500, 4))
    narrow = tidy(np.full((500, 4), 100.0), np.tile(100 + 20 * np.linspace(-1, 1, len(LEVELS)), (500, 4, 1)))

    blend = learn_blend([Lesson({"one": narrow}, actual, np.zeros(500, int), None)], ("one",), 1)

    told = blend.apply({"one": narrow}, np.zeros(500, int))
    assert coverage(actual, narrow) < 0.6  # its ends stand at 66 % of one deviation
    assert coverage(actual, told) == pytest.approx(0.8, abs=0.03)


@settings(max_examples=30)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_reconciled_forecasts_agree_where_the_aggregate_is_certain(n, seed):
    rng = np.random.default_rng(seed)
    bottom, sums = rng.uniform(5, 9, (n, 2)), csr_array(np.ones((1, n)))
    top = bottom.sum(axis=0, keepdims=True) * 1.1

    told = reconcile(bottom, np.ones(n), top, np.zeros(1), sums)

    np.testing.assert_allclose(told.sum(axis=0), top[0], rtol=1e-6)


def test_what_adds_up_already_is_left_alone():
    bottom = np.array([[3.0], [5.0], [2.0]])
    tree = hierarchy_of({"category": np.array(["a", "a", "b"])})

    np.testing.assert_allclose(reconcile(bottom, np.ones(3), tree.sums @ bottom, np.ones(3), tree.sums), bottom)
    assert tree.names == [("all", ""), ("category", "a"), ("category", "b")]


def test_a_reconciled_forecast_keeps_its_shape(log):
    demand = demand_of(log, among=np.arange(40))
    plain = spread(demand.units.mean(axis=1, keepdims=True).repeat(4, axis=1), np.ones(40))

    told = coherent(demand, plain, np.zeros(41, int))

    np.testing.assert_allclose(told.quantiles / told.mean[..., None], plain.quantiles / plain.mean[..., None])


@pytest.mark.parametrize("bias,wanted", [(0.6, True), (1.0, False)])
def test_levels_are_reconciled_only_where_that_would_have_helped(log, bias, wanted):
    """Forecasts that are all too low are mended by a total that is sure of itself; right ones are only disturbed."""
    demand = demand_of(log, among=np.arange(40), horizon=4)
    past, then = demand.until(demand.periods - 4), demand.units[:, -4:]
    told = spread(np.maximum(then * bias, 0.05), np.full(40, 1.0))
    lesson = Lesson({"one": told}, then, np.zeros(40, int), past)

    assert reconciling_helps([lesson], equal_blend(("one",), 1), np.zeros(41, int)) is wanted


def test_errors_by_hand():
    actual, past = np.array([[4.0, 6.0]]), np.array([[1.0, 3.0, 1.0]])  # the naive forecast missed by 2 each time

    assert wape(actual, np.array([[5.0, 3.0]])) == 0.4
    assert mase(actual, np.array([[5.0, 3.0]]), past) == 1.0
    assert rmsse(actual, np.array([[4.0, 2.0]]), past) == pytest.approx(np.sqrt(8 / 4))


def test_the_pit_of_a_right_forecast_is_even_and_of_a_wrong_one_is_not():
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.5, 4, (4000, 1))
    actual = rng.poisson(mean).astype(float)

    right = np.histogram(randomised_pit(actual, spread(mean, np.ones(4000))), bins=5, range=(0, 1))[0] / 4000
    wrong = np.histogram(randomised_pit(actual, spread(mean * 3, np.ones(4000))), bins=5, range=(0, 1))[0] / 4000

    assert np.abs(right - 0.2).max() < 0.06 and wrong[0] > 0.4


def test_only_and_put_are_each_others_reverse():
    told = spread(np.array([[1.0], [5.0], [9.0]]), np.ones(3))

    assert isinstance(told, Prediction)
    again = told.put(np.array([1]), told.only(np.array([1])))
    np.testing.assert_array_equal(again.quantiles, told.quantiles)
