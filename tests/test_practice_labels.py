"""What somebody says of pairs is kept, moves answers, and is judged on what was held out."""

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import goeswith as gw
from goeswith.association.few_labels import accuracy_by_size, drawn_labels, learn_few
from goeswith.association.given_labels import SUBSTITUTE, TOGETHER, UNRELATED, GivenLabels
from goeswith.cli.app import app
from goeswith.data.labels import keep_labels, read_labels, stored_labels
from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import ColumnError, DataError, ShopError, UnknownId
from goeswith.labelling import judge_labels
from goeswith.language.prompted import prompted_kinds
from goeswith.model import load
from goeswith.testing import corner_shop

run = CliRunner().invoke
FROZEN = {"finetune": {"method": "frozen"}, "features": {"steps": 0}, "learning": {"n_customers": 5, "n_baskets": 5}}
PRODUCTS = Vocabulary(corner_shop.products()["product_id"], kind="product")


@pytest.fixture
def write(tmp_path):
    def written(*lines, header="product_a,product_b,label"):
        file = tmp_path / "pairs.csv"
        file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return file

    return written


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels") / "shop"
    opened = gw.Shop.create(folder, products=corner_shop.products(), events=corner_shop.events())
    gw.fit(opened, gw.FitConfig.model_validate(FROZEN))
    return opened


@pytest.fixture(autouse=True)
def forget(shop):
    yield
    (shop.folder / "data" / "labels.parquet").unlink(missing_ok=True)


def say(shop, *pairs, replace=False):
    rows = pl.DataFrame(pairs, schema=["a", "b", "label"], orient="row")
    a, b = (PRODUCTS.rows(rows[name]) for name in ("a", "b"))
    low, high = np.minimum(a, b), np.maximum(a, b)
    keep_labels(shop, pl.DataFrame({"a": low, "b": high, "label": rows["label"]}), replace)


# --- reading


def test_pairs_are_read_in_either_order_and_once(write):
    read = read_labels(
        write("bread,butter,goes together", "butter,bread,Goes-Together", "milk,oat-milk,substitute"), PRODUCTS
    )

    assert read.select("a", "b", "label").rows() == [(0, 1, "goes together"), (7, 8, "substitute")]


def test_other_headers_and_other_words_are_understood(write):
    read = read_labels(write("bread,jam,complement", "tea,toner,neither", header="source,target,kind"), PRODUCTS)

    assert read["label"].to_list() == ["goes together", "unrelated"]


@pytest.mark.parametrize(
    "lines, error, said",
    [
        (["bread,butter,goes together", "butter,bread,unrelated"], DataError, r"lines 2 and 3: bread and butter"),
        (["bread,butter,maybe"], DataError, r"line 2: 'maybe' is no label"),
        (["bread,butter,"], DataError, r"line 2: None is no label"),
        (["bread,bread,substitute"], DataError, r"a product beside itself \(bread\)"),
        (["bread,buter,substitute"], UnknownId, r"buter.*Near matches: butter"),
    ],
)
def test_what_cannot_be_believed_is_refused_with_its_line(write, lines, error, said):
    with pytest.raises(error, match=said):
        read_labels(write(*lines), PRODUCTS)


def test_files_that_are_none_are_refused(write, tmp_path):
    with pytest.raises(ColumnError, match="no column product_b"):
        read_labels(write("bread,goes together", header="product_a,label"), PRODUCTS)
    with pytest.raises(DataError, match="no such file"):
        read_labels(tmp_path / "nowhere.csv", PRODUCTS)
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        read_labels(tmp_path / "empty.csv", PRODUCTS)


# --- keeping


def test_a_label_that_contradicts_an_old_one_is_refused_unless_it_is_meant(shop):
    say(shop, ("bread", "tea", "unrelated"))

    with pytest.raises(DataError, match=r"bread and tea are 'unrelated' already.*--replace"):
        say(shop, ("tea", "bread", "goes together"))
    assert stored_labels(shop)["label"].to_list() == ["unrelated"]

    say(shop, ("tea", "bread", "goes together"), replace=True)
    assert stored_labels(shop)["label"].to_list() == ["goes together"]


def test_labels_are_kept_through_a_later_fit(shop):
    say(shop, ("honey", "bread", "goes together"))

    model = gw.fit(shop, gw.FitConfig.model_validate(FROZEN))

    assert model.labels is not None and model.labels.rows() == [(0, 3, "goes together")]
    assert load(shop).labels.rows() == model.labels.rows()


def test_a_disk_that_fills_leaves_the_labels_as_they_were(shop, monkeypatch):
    say(shop, ("bread", "tea", "unrelated"))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(ShopError, match="the disk is full"):
        say(shop, ("bread", "honey", "goes together"))

    assert len(stored_labels(shop)) == 1


def test_damaged_labels_are_named(shop):
    (shop.folder / "data" / "labels.parquet").write_bytes(b"no parquet")

    with pytest.raises(DataError, match=r"labels\.parquet"):
        load(shop)


# --- answers


def place(ranking, product):
    return ranking.ids.index(product) if product in ranking.ids else 99


def test_goes_together_moves_up_and_unrelated_down_in_related(shop):
    before = load(shop).related("bread", n=12)
    say(shop, ("bread", "milk", "goes together"), ("bread", "butter", "unrelated"))

    after = load(shop).related("bread", n=12)

    assert place(after, "milk") < place(before, "milk")
    assert place(after, "butter") > place(before, "butter") == 0
    untouched = [id for id in before.ids if id not in ("milk", "butter")]
    assert [id for id in after.ids if id in untouched] == untouched


def test_a_label_counts_in_both_orders(shop):
    before = place(load(shop).related("milk", n=12), "bread")
    say(shop, ("bread", "milk", "goes together"))

    assert place(load(shop).related("milk", n=12), "bread") < before


def test_labels_move_what_is_still_to_come_in_a_basket(shop):
    before = load(shop).complete(["pasta", "bread"], n=11)
    say(shop, ("pasta", "tomato-sauce", "unrelated"), ("pasta", "milk", "goes together"))

    after = load(shop).complete(["pasta", "bread"], n=11)

    assert place(after, "tomato-sauce") > place(before, "tomato-sauce")
    assert place(after, "milk") < place(before, "milk")


def test_a_label_of_a_kind_is_the_kind_that_is_shown(shop):
    say(shop, ("bread", "butter", "substitute"), ("milk", "oat-milk", "goes together"))
    model = load(shop)

    kinds = dict(zip(*(getattr(model.related("bread", n=12), name) for name in ("ids", "kinds")), strict=True))

    assert kinds["butter"] == "substitute"
    assert "oat-milk" in model.related("milk", n=12, kind="complement").ids
    assert "butter" not in model.related("bread", n=12, kind="complement").ids


def test_products_that_read_alike_share_a_label_and_others_do_not():
    plain = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    given = GivenLabels(np.array([0]), np.array([1]), np.array([UNRELATED]), plain)

    shift = given.shift([np.array([0])], np.zeros(3, np.int64), np.array([1, 2, 3]))

    assert shift.tolist() == [-4.0, -4.0, 0.0]  # row 2 reads like row 1
    assert given.of_pairs(1, np.array([0, 2])).tolist() == [UNRELATED, -1]
    assert given.shift([np.array([3])], np.zeros(1, np.int64), np.array([1])).tolist() == [0.0]


def test_of_two_that_stand_in_for_each_other_one_in_a_basket_is_enough():
    given = GivenLabels(np.array([0]), np.array([1]), np.array([SUBSTITUTE]), np.eye(3, dtype=np.float32))
    asked = ([np.array([0])], np.zeros(2, np.int64), np.array([1, 2]))

    assert given.shift(*asked, in_a_basket=True).tolist() == [-1.0, 0.0]
    assert given.shift(*asked).tolist() == [0.0, 0.0]


# --- few labels


def test_three_kinds_are_learnt_from_features_that_tell_them_apart():
    features = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0, 0], [0.1, 0.1]], np.float32)
    kinds = np.array([TOGETHER, TOGETHER, SUBSTITUTE, SUBSTITUTE, UNRELATED, UNRELATED])

    few = learn_few(np.repeat(features, 4, axis=0), np.repeat(kinds, 4))

    np.testing.assert_array_equal(few.kinds(features), kinds)
    np.testing.assert_allclose(few.chances(features).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("present", [[UNRELATED], [TOGETHER, UNRELATED], [SUBSTITUTE, UNRELATED]])
def test_kinds_that_nobody_named_are_never_told(present):
    rng = np.random.default_rng(0)
    kinds = np.array(present * 5)

    told = learn_few(rng.standard_normal((len(kinds), 3)).astype(np.float32), kinds).kinds(np.eye(3, dtype=np.float32))

    assert set(told.tolist()) <= set(present)


def test_a_draw_holds_every_kind_and_is_the_same_for_its_seed():
    kinds = np.array([0] * 50 + [1] * 2 + [2] * 2)

    drawn = drawn_labels(kinds, np.arange(54), 8, seed=3)

    assert set(kinds[drawn].tolist()) == {0, 1, 2} and len(set(drawn.tolist())) == 8
    np.testing.assert_array_equal(drawn, drawn_labels(kinds, np.arange(54), 8, seed=3))


def test_accuracy_is_counted_on_pairs_that_were_not_learnt():
    kinds = np.array([0, 1, 2] * 10)
    asked_of = []

    def right(learnt, known, asked, seed):
        asked_of.append(set(learnt.tolist()) & set(asked.tolist()))
        return kinds[asked]

    def third(learnt, known, asked, seed):
        return np.zeros(len(asked), np.int64)

    found = accuracy_by_size({"right": right, "third": third}, kinds, sizes=(0, 8, 64))

    told = {(each.method, each.labels): each for each in found}
    assert told["right", 8].mean == told["right", 8].low == 1.0
    assert told["third", 0].mean == pytest.approx(1 / 3)
    assert told["third", 0].low < 1 / 3 < told["third", 0].high
    assert not any(asked_of) and ("right", 64) not in told  # there are only 30


def test_a_model_judges_labels_and_says_nothing_of_too_few(shop):
    model = load(shop)
    pairs = [(a, b) for a in range(6) for b in range(a + 1, 6)]
    kinds = ["goes together" if {a, b} <= {0, 1, 2} else "unrelated" for a, b in pairs]
    labels = pl.DataFrame({"a": [a for a, _ in pairs], "b": [b for _, b in pairs], "label": kinds})

    found = judge_labels(model, labels, sizes=(0, 8), draws=2)

    assert {(each.method, each.labels) for each in found} == {
        ("counts and texts, no label", 0), ("few labels", 0), ("counts and texts, no label", 8), ("few labels", 8),
    }  # fmt: skip
    assert all(0 <= each.low <= each.mean <= each.high <= 1 for each in found)
    assert judge_labels(model, labels.head(5)) == []


def test_a_causal_model_is_asked_in_words():
    class Parrot:
        """Finds likely what it was told before."""

        def opening_of(self, prompt):
            return prompt

        def continued(self, opening, texts):
            return [float(text in opening) for text in texts]

    shots = [("bread", "butter", "goes together"), ("milk", "oat milk", "substitute")]

    said = prompted_kinds(Parrot(), [("milk", "oat milk"), ("bread", "butter")], ["goes together", "substitute"], shots)

    assert said.argmax(axis=1).tolist() == [1, 0]


# --- the command


def test_the_command_keeps_labels_and_says_how_many(shop, write):
    told = run(
        app, ["label", str(shop.folder), str(write("bread,butter,goes together", "tea,toner,unrelated")), "--json"]
    )

    assert json.loads(told.stdout)["labels"] == {"goes together": 1, "substitute": 0, "unrelated": 1}
    assert len(stored_labels(shop)) == 2


def test_a_refused_file_changes_nothing(shop, write):
    told = run(app, ["label", str(shop.folder), str(write("bread,butter,goes together", "tea,gold,unrelated"))])

    assert told.exit_code == 2 and "gold" in told.stderr and stored_labels(shop).is_empty()
