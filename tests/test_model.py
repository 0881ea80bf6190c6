"""The fitted model, verb by verb, on the big corner shop, whose truths are planted."""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import goeswith as gw
from goeswith.data import mapped
from goeswith.data.mapped import is_made
from goeswith.errors import SeenSliceError, UnknownId, UsageError
from goeswith.testing import corner_shop

LITTLE = {"slices": 1, "ranker": {"bag": 2, "rounds": 80}}
SMALL = gw.FitConfig(
    finetune={"steps": 6, "epochs": 1, "batch": 16, "drawn": 32, "top_layers": 1, "seconds": None},
    features={"steps": 30},
    learning=LITTLE,
)
QUICK = gw.FitConfig(finetune={"method": "frozen"}, features={"steps": 20}, learning=LITTLE)
LAST_DAY = date(2024, 3, 31)
STRANGE = "no such thing"


@pytest.fixture(scope="module")
def planted():
    return corner_shop.big_corner_shop(n_customers=120, n_weeks=16)


@pytest.fixture(scope="module")
def shop(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("big")
    planted.products.write_csv(folder / "products.csv")
    planted.events.write_csv(folder / "events.csv")
    return gw.Shop.create(folder / "shop", products=folder / "products.csv", events=folder / "events.csv")


@pytest.fixture(scope="module")
def model(shop):
    """Fitted until the day before the new products are sold for the first time."""
    return gw.fit(shop, SMALL, until=LAST_DAY.isoformat())


@pytest.fixture(scope="module")
def bought(planted):
    """customer -> what they had bought by LAST_DAY."""
    known = planted.events.filter((pl.col("event") == "purchase") & (pl.col("timestamp").dt.date() <= LAST_DAY))
    pairs = known.group_by("customer_id").agg(pl.col("product_id").unique())
    return {customer: set(products) for customer, products in pairs.iter_rows()}


def mapped_of(shop):
    return shop.folder / "cache" / "mapped"


def is_well_formed(ranking, n):
    assert 0 < len(ranking) <= n
    assert len(set(ranking.ids)) == len(ranking)
    assert (np.diff(ranking.scores) <= 0).all()
    assert ((ranking.probabilities > 0) & (ranking.probabilities < 1)).all()


# --- one question


def test_what_is_bought_together_is_related(model, planted):
    for first, second in planted.together:
        ranking = model.related(first, n=5)

        is_well_formed(ranking, 5)
        assert first not in ranking.ids
        assert second in ranking.ids[:3], first


def test_a_text_alone_has_an_answer(model):
    is_well_formed(model.related(text="burger buns with sesame", n=10), 10)


def test_a_basket_is_completed_with_what_it_lacks(model, planted):
    first, second = planted.together[0]

    ranking, without = model.complete([first, "eggs"], n=50), model.complete(["eggs"], n=50)

    is_well_formed(ranking, 50)
    assert second in ranking.ids[:5]  # after what everybody puts into a basket
    chance = dict(zip(without.ids, without.probabilities, strict=True))[second]
    assert ranking.probabilities[ranking.ids.index(second)] > 1.5 * chance
    assert not {first, "eggs"} & set(ranking.ids)


def test_the_customer_of_a_basket_counts(model, planted):
    customer, staples = next(iter(planted.weekly.items()))

    anonymous = model.complete(["laser printer"], n=5)
    known = model.complete(["laser printer"], customer=customer, n=5)

    assert len(set(staples) & set(known.ids)) > len(set(staples) & set(anonymous.ids))


def test_a_customer_is_recommended_their_staples_and_with_novel_none_of_what_they_bought(model, planted, bought):
    for customer in list(planted.weekly)[:20]:
        usual, new = model.recommend(customer, n=10), model.recommend(customer, n=10, novel=True)

        is_well_formed(usual, 10)
        is_well_formed(new, 10)
        assert len(set(planted.weekly[customer]) & set(usual.ids)) >= 2
        assert not bought[customer] & set(new.ids)


def test_across_keeps_to_categories_that_are_new_to_the_customer(model, planted, bought):
    category = dict(planted.products.select("product_id", "category").iter_rows())
    customer = min(bought, key=lambda c: len({category[product] for product in bought[c]}))

    ranking = model.recommend(customer, n=10, across=True)

    is_well_formed(ranking, 10)
    assert not {category[p] for p in ranking.ids} & {category[p] for p in bought[customer]}


def test_a_history_stands_for_a_customer_nobody_has_seen(model):
    is_well_formed(model.recommend(history=["spaghetti", "bagels"], n=10), 10)
    is_well_formed(model.recommend(history=["spaghetti"], n=10, novel=True), 10)
    assert "spaghetti" not in model.recommend(history=["spaghetti"], n=200, novel=True).ids


@pytest.mark.parametrize("novel", [False, True])
def test_somebody_of_whom_nothing_is_known_is_offered_what_most_people_buy_now(model, novel):
    """A customer counts once, halved for every 14 days since they last bought it."""
    days = (model.parts.now - pl.col("time")).dt.total_seconds() / 86_400
    last = model.log.purchases.group_by("item", "customer").agg(days.min().alias("days"))
    people = last.group_by("item").agg(people=(0.5 ** (pl.col("days") / 14)).sum())
    most = people.sort("people", descending=True)["people"].head(8).to_list()

    stranger = model.recommend(history=[], n=8, novel=novel)

    is_well_formed(stranger, 8)
    answered = pl.DataFrame({"item": model.log.items.rows(stranger.ids)}).cast({"item": people.schema["item"]})
    assert answered.join(people, on="item", maintain_order="left")["people"].to_list() == pytest.approx(most, rel=1e-4)


@pytest.mark.parametrize(
    ("a", "b"), [("burger buns", "beef patties"), ("eggs", "laser printer"), ("spaghetti", STRANGE)]
)
def test_a_probability_is_the_counted_share_drawn_to_an_opinion_and_lies_in_its_interval(model, planted, a, b):
    if b == STRANGE:
        b = "parmesan topping for spaghetti"  # never sold by LAST_DAY

    chance = model.probability(a, b)

    known = planted.events.filter(pl.col("basket_id").is_not_null() & (pl.col("timestamp").dt.date() <= LAST_DAY))
    baskets = {name: set(known.filter(pl.col("product_id") == name)["basket_id"]) for name in (a, b)}
    assert chance.baskets == len(baskets[a])
    assert 0 <= chance.low <= chance.value <= chance.high <= 1
    share = len(baskets[a] & baskets[b]) / len(baskets[a])
    assert abs(chance.value - share) <= 40 / (len(baskets[a]) + 40)  # an opinion is worth 40 baskets


def test_an_explanation_counts_what_it_says(model, planted):
    explanation = model.explain("burger buns", "beef patties")

    counted = next(piece for piece in explanation.evidence if piece.kind == "baskets").numbers
    assert (
        f"{counted['both']} of {counted['with_a']} baskets with Burger Buns have Beef Patties" in explanation.sentence
    )
    assert counted["with_a"] == model.probability("burger buns", "beef patties").baskets


def test_reasons_come_when_they_are_asked_for(model, planted):
    customer = next(iter(planted.weekly))

    for ask in (
        lambda **how: model.related("bagels", n=3, **how),
        lambda **how: model.complete(["bagels"], n=3, **how),
        lambda **how: model.recommend(customer, n=3, **how),
        lambda **how: model.recommend(history=["bagels"], n=3, **how),
    ):
        assert not any(ask().reasons)
        assert all(ask(why=True).reasons)
        assert ask(why=True).ids == ask().ids


def test_an_audience_is_customers_by_probability_and_what_they_bought_of_it(model, bought, planted):
    audience = model.audience("eggs", n=20)

    assert audience.columns == ["customer_id", "probability", "bought"]
    assert audience.height == 20 == audience["customer_id"].n_unique()
    assert (audience["probability"].diff().drop_nulls() <= 0).all()
    for customer, times in audience.select("customer_id", "bought").iter_rows():
        assert (times > 0) == ("eggs" in bought[customer])
    assert sum("eggs" in planted.weekly[customer] for customer in audience["customer_id"]) >= 15


# --- many questions


def test_the_many_forms_have_the_columns_that_were_promised(model, planted):
    customers = list(planted.weekly)[:3]

    frames = {
        "source_id": model.related_many(["bagels", "eggs"], n=4),
        "customer_id": model.recommend_many(customers, n=4),
        "basket": model.complete_many([["bagels"], ["eggs", "butter"]], n=4),
        "history": model.recommend_histories([["bagels"], []], n=4),
    }
    pairs = model.probability_many([("bagels", "eggs"), ("eggs", "bagels")])

    for source, frame in frames.items():
        assert frame.columns == [source, "product_id", "rank", "score"]
        assert frame.height == 4 * frame[source].n_unique() == frame.n_unique([source, "product_id"])
        assert frame["rank"].to_list() == [1, 2, 3, 4] * frame[source].n_unique()
    assert frames["basket"]["basket"].unique(maintain_order=True).to_list() == [0, 1]
    assert pairs.columns == ["source_id", "product_id", "value", "low", "high"]
    assert pairs.select("source_id", "product_id").rows() == [("bagels", "eggs"), ("eggs", "bagels")]


def test_a_batch_answers_what_single_questions_answer(model, planted):
    customers, products = list(planted.weekly)[:12], [first for first, _ in planted.together]
    baskets = [[product, "eggs"] for product in products]

    recommended = model.recommend_many(customers, n=8, novel=True)
    related = model.related_many(products, n=8)
    completed = model.complete_many(baskets, customers=[*customers[:5], None], n=8)
    pairs = model.probability_many([(product, "eggs") for product in products])

    for at, customer in enumerate(customers):
        same(recommended.filter(customer_id=customer), model.recommend(customer, n=8, novel=True))
        if at < len(products):
            same(related.filter(source_id=products[at]), model.related(products[at], n=8))
            single = model.complete(baskets[at], customer=customer if at < 5 else None, n=8)
            same(completed.filter(basket=at), single)
            np.testing.assert_allclose(pairs["value"][at], model.probability(products[at], "eggs").value, rtol=1e-4)


def same(rows, ranking):
    assert rows["product_id"].to_list() == ranking.ids
    np.testing.assert_allclose(rows["score"].to_numpy(), ranking.scores, rtol=1e-4)


def test_frames_and_series_are_asked_like_lists(model, planted):
    customers = pl.Series(list(planted.weekly)[:3])
    pairs = pl.DataFrame({"a": ["bagels"], "b": ["eggs"]})

    assert model.recommend_many(customers, n=3).equals(model.recommend_many(customers.to_list(), n=3))
    assert model.probability_many(pairs).equals(model.probability_many([("bagels", "eggs")]))


# --- which products may answer


@pytest.fixture
def ranked_by_every_verb(model, planted):
    """Every ranking verb as a function of the options that all of them take."""
    customer = next(iter(planted.weekly))
    return {
        "related": lambda **how: model.related("bagels", **how).ids,
        "text": lambda **how: model.related(text="warm bagels", **how).ids,
        "complete": lambda **how: model.complete(["bagels"], **how).ids,
        "recommend": lambda **how: model.recommend(customer, **how).ids,
        "history": lambda **how: model.recommend(history=["bagels"], **how).ids,
        "related_many": lambda **how: model.related_many(["bagels"], **how)["product_id"].to_list(),
        "recommend_many": lambda **how: model.recommend_many([customer], **how)["product_id"].to_list(),
        "complete_many": lambda **how: model.complete_many([["bagels"]], **how)["product_id"].to_list(),
        "recommend_histories": lambda **how: model.recommend_histories([["bagels"]], **how)["product_id"].to_list(),
    }


def test_among_may_name_products_that_nobody_has_bought(ranked_by_every_verb, planted, model):
    new = list(planted.companions)
    assert set(model.log.items.ids(model.log.purchases["item"].to_numpy())) & set(new) == set()

    for verb, ask in ranked_by_every_verb.items():
        assert sorted(ask(n=10, among=new)) == sorted(new), verb


def test_what_is_excluded_does_not_answer(ranked_by_every_verb):
    for verb, ask in ranked_by_every_verb.items():
        best = ask(n=3)

        assert not set(best) & set(ask(n=3, exclude=best)), verb
        assert ask(n=3, among=best, exclude=best[:2]) == best[2:], verb


def test_an_unknown_id_is_an_error_that_names_it_unless_it_may_be_skipped(ranked_by_every_verb, model, planted):
    customer = next(iter(planted.weekly))

    for ask in ranked_by_every_verb.values():
        with pytest.raises(UnknownId, match=STRANGE):
            ask(n=3, among=[STRANGE, "eggs"])
        assert ask(n=3, among=[STRANGE, "eggs"], unknown="skip") == ask(n=3, among=["eggs"])
    for ask in (model.related, model.recommend, model.audience, lambda id: model.probability("eggs", id)):
        with pytest.raises(UnknownId, match=STRANGE):
            ask(STRANGE)
    assert len(model.related(STRANGE, unknown="skip")) == len(model.recommend(STRANGE, unknown="skip")) == 0
    assert model.complete(["eggs", STRANGE], unknown="skip").ids == model.complete(["eggs"]).ids
    assert model.complete(["eggs"], customer=STRANGE, unknown="skip").ids == model.complete(["eggs"]).ids
    both = model.recommend_many([STRANGE, customer], n=3, unknown="skip")
    assert both.equals(model.recommend_many([customer], n=3))
    baskets = model.complete_many([["eggs", STRANGE]], customers=[STRANGE], n=3, unknown="skip")
    assert baskets.equals(model.complete_many([["eggs"]], n=3))


def test_near_matches_of_an_unknown_id_are_named(model):
    with pytest.raises(UnknownId, match="Near matches: beef patties"):
        model.related("beef pattys")


def test_a_kind_filters_what_any_labels(model):
    labelled = model.related("laser printer", n=200)

    for kind in ("complement", "substitute"):
        of_kind = [id for id, label in zip(labelled.ids, labelled.kinds, strict=True) if label in (kind, "both")]
        ranking = model.related("laser printer", n=200, kind=kind)

        assert ranking.ids == of_kind
        assert set(ranking.kinds) <= {kind, "both"}
    with pytest.raises(UsageError, match='got "friend"'):
        model.related("laser printer", kind="friend")


@pytest.mark.parametrize("n", [0, -2])
def test_fewer_than_one_answer_is_refused(ranked_by_every_verb, model, n):
    for ask in (*ranked_by_every_verb.values(), lambda n: model.audience("eggs", n=n)):
        with pytest.raises(UsageError, match=f"at least 1; got {n}"):
            ask(n=n)


def test_a_question_names_one_thing(model):
    for ask in (
        lambda: model.related(),
        lambda: model.related("eggs", text="eggs"),
        lambda: model.recommend(),
        lambda: model.recommend("c0001", history=[]),
        lambda: model.related(text="  "),
    ):
        with pytest.raises(UsageError):
            ask()


# --- what lasts


@pytest.mark.parametrize("cache", ["as the fit left it", "deleted"])
def test_a_stored_model_answers_as_the_fitted_one(model, shop, planted, cache):
    customers, products = list(planted.weekly)[:10], planted.products["product_id"].to_list()
    assert is_made(mapped_of(shop) / model.version)
    if cache == "deleted":
        shutil.rmtree(mapped_of(shop))

    loaded = gw.load(shop)

    assert loaded.version == model.version
    assert loaded.fitted_until == model.fitted_until
    for ask in (
        lambda m: m.related_many(products, n=5),
        lambda m: m.recommend_many(customers, n=10),
        lambda m: m.recommend_many(customers, n=10, among=list(planted.companions)),
        lambda m: m.complete_many([[p] for p in products], n=5),
        lambda m: m.related(text="cheese for bagels").to_frame(),
        lambda m: m.probability_many([("eggs", p) for p in products if p != "eggs"]),
        lambda m: m.audience("eggs"),
        lambda m: m.recommend(customers[0], why=True).to_frame(),
    ):
        assert ask(loaded).equals(ask(model))
    assert str(loaded.explain("bagels", "cream cheese")) == str(model.explain("bagels", "cream cheese"))


def test_what_a_load_maps_is_kept_for_the_last_two_versions(tmp_path):
    shop = gw.Shop.create(tmp_path / "shop", corner_shop.products(), corner_shop.events())

    versions = [gw.fit(shop, QUICK).version for _ in range(3)]

    assert [is_made(mapped_of(shop) / version) for version in versions] == [False, True, True]
    assert [gw.load(shop, version).version for version in versions] == versions


def test_where_the_disk_has_no_room_for_what_a_load_maps_the_fit_stands(tmp_path, monkeypatch):
    shop = gw.Shop.create(tmp_path / "shop", corner_shop.products(), corner_shop.events())

    def full(file, array):
        raise OSError(f"{array.size} requested and 0 written")

    monkeypatch.setattr(mapped.np, "save", full)
    fitted = gw.fit(shop, QUICK)

    assert not mapped_of(shop).is_dir() or not list(mapped_of(shop).glob("*/"))
    assert gw.load(shop).version == fitted.version


def test_loading_a_model_and_reading_a_text_are_silent(model, shop, capfd):
    gw.load(shop).related(text="pasta sauce")

    assert capfd.readouterr() == ("", "")


def test_the_libraries_of_the_language_model_are_left_alone_until_a_new_text_is_asked_about(model, shop):
    code = (
        "import sys, goeswith as gw\nmodel = gw.load(sys.argv[1])\nmodel.related('eggs', why=True)\n"
        "print('sentence_transformers' in sys.modules)\nmodel.related(text='hard cheese')\n"
        "print('sentence_transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, shop.folder], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "True"]


def test_the_last_day_counts_and_the_next_one_does_not(model, planted):
    last = model.log.events["time"].max()

    after = planted.events.filter(pl.col("timestamp") > last)
    assert last.date() == LAST_DAY
    assert after["timestamp"].min().date() == LAST_DAY + timedelta(days=1)
    assert model.fitted_until == datetime(2024, 3, 31, 23, 59, 59, 999999)


def test_a_model_with_an_end_is_judged_on_what_follows_and_none_on_what_it_saw(model, shop):
    report = gw.evaluate(shop, model=model)

    judged = set(report.to_frame()["task"])
    assert {"next", "novel", "basket"} <= judged
    with pytest.raises(SeenSliceError, match="every event"):
        gw.evaluate(shop, model=replace(model, fitted_until=None))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answers(model, shop, planted):
    customers, products = list(planted.weekly)[:20], planted.products["product_id"].to_list()

    again = gw.fit(shop, SMALL, until=LAST_DAY.isoformat())

    assert again.version != model.version
    assert again.related_many(products).equals(model.related_many(products))
    assert again.recommend_many(customers).equals(model.recommend_many(customers))


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """The corner shop, as frames that have numbers for products and customers."""
    number = {id: 100 + at for at, id in enumerate(corner_shop.products()["product_id"])}
    customers = {name: at for at, name in enumerate(("ana", "ben", "chen", "dora", "emil"), start=1)}
    products = corner_shop.products().with_columns(product_id=pl.col("product_id").replace_strict(number))
    events = corner_shop.events().with_columns(
        product_id=pl.col("product_id").replace_strict(number),
        customer_id=pl.col("customer_id").replace_strict(customers, return_dtype=pl.Int64),
    )
    return gw.fit(gw.Shop.create(tmp_path_factory.mktemp("numbered") / "shop", products, events), QUICK)


def test_numbers_stay_numbers_and_may_be_asked_for_as_text(numbered):
    assert all(type(id) is int for id in (*numbered.related(100), *numbered.recommend(1), *numbered.complete([100])))
    assert numbered.related("100").ids == numbered.related(100).ids
    assert numbered.recommend("1").ids == numbered.recommend(1).ids
    assert numbered.related_many(["100"])["source_id"].to_list()[:1] == [100]
    assert numbered.audience(100)["customer_id"].dtype.is_integer()


def test_in_a_shop_too_small_to_learn_a_batch_answers_what_single_questions_answer(numbered):
    customers = [1, 2, 3, 4, 5]

    many = numbered.recommend_many(customers, n=6)

    assert numbered.rankers["recommend"].__class__.__name__ == "MixRanker"
    for customer in customers:
        same(many.filter(customer_id=customer), numbered.recommend(customer, n=6))


def test_to_name_everything_is_to_name_nothing_where_most_products_hardly_sell(numbered):
    everything = list(range(100, 113))

    same(numbered.recommend_many([1], n=13, among=everything), numbered.recommend(1, n=13))
    same(numbered.recommend_many([1], n=13, novel=True, among=everything), numbered.recommend(1, n=13, novel=True))
    same(numbered.related_many([100], n=13, among=everything), numbered.related(100, n=13))


def test_an_audience_has_the_probabilities_that_its_customers_are_told(numbered):
    bread = 100

    for customer, chance, _ in numbered.audience(bread).iter_rows():
        told = numbered.recommend(customer, among=[bread])

        np.testing.assert_allclose(told.probabilities, [chance], rtol=1e-4)


def test_a_model_of_all_events_has_no_end(numbered):
    assert numbered.fitted_until is None


def test_codes_that_begin_with_zeros_stay_as_they_are(tmp_path):
    products = pl.DataFrame({"product_id": ["007", "08", "9"], "name": ["tea", "milk", "soap"]})
    days = [f"2024-05-0{day}" for day in range(1, 7)]
    events = pl.DataFrame({"product_id": ["007", "08", "9"] * 2, "customer_id": ["01", "1"] * 3, "date": days})
    products.write_csv(tmp_path / "products.csv")
    events.write_csv(tmp_path / "events.csv")

    model = gw.fit(gw.Shop.create(tmp_path / "shop", tmp_path / "products.csv", tmp_path / "events.csv"), QUICK)

    assert set(model.related("007", n=9)) == {"08", "9"}
    assert model.recommend_many(["01", "1"], n=1)["customer_id"].to_list() == ["01", "1"]
    with pytest.raises(UnknownId):
        model.related("7")


def test_customers_whom_the_model_never_met_are_judged_as_well(planted, tmp_path):
    """They come after every known one in the order of ids, where a wrong vocabulary would run out of rows."""
    later = planted.events.filter(pl.col("timestamp").dt.date() > LAST_DAY).with_columns(
        customer_id=pl.lit("z") + pl.col("customer_id"), basket_id=pl.lit("z") + pl.col("basket_id").cast(pl.String)
    )
    events = planted.events.with_columns(pl.col("basket_id").cast(pl.String))
    shop = gw.Shop.create(tmp_path / "shop", products=planted.products, events=pl.concat([events, later]))
    report = gw.evaluate(shop, model=gw.fit(shop, QUICK, until=LAST_DAY.isoformat()))
    assert {"recommend", "complete, basket alone"} <= set(report.probability)
