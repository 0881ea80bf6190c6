"""Exported forms say what the model says, load without it, and are refused where they are another's."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from typer.testing import CliRunner

import goeswith as gw
from goeswith.cli.app import app
from goeswith.errors import CorruptModel, ModelError, ShopError, UsageError
from goeswith.exporting import export
from goeswith.language.choice import choose_form, choose_vectors
from goeswith.language.onnx_encoder import OnnxEncoder, load_onnx_encoder
from goeswith.language.static_student import StaticStudent, StudentConfig, distil
from goeswith.model import load
from goeswith.ranking.compact import Compact, CompactIndex, principal_axes
from goeswith.ranking.exact_index import ExactIndex
from goeswith.testing import corner_shop
from goeswith.testing.contracts import VectorIndexContract
from goeswith.testing.fake_encoder import FakeEncoder

run = CliRunner().invoke
EXAMPLES = Path(__file__).parent.parent / "examples"
FROZEN = {"finetune": {"method": "frozen"}, "features": {"steps": 20}, "learning": {"n_customers": 5, "n_baskets": 5}}
TEXTS = ["oat milk", "whole milk", "claw hammer", "a much longer description of sourdough bread, 500 g"]
needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="the extra onnx is not installed",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "shop"
    opened = gw.Shop.create(folder, products=corner_shop.products(), events=corner_shop.events())
    gw.fit(opened, gw.FitConfig.model_validate(FROZEN))
    return opened


@pytest.fixture(scope="module")
def model(shop):
    return load(shop)


@pytest.fixture(scope="module")
def exported(shop, model):
    return export(model, shop, ["static", "vectors", "encoder"], precision="float").folders


@pytest.fixture(scope="module")
def onnx(shop, model):
    pytest.importorskip("onnxscript")
    return export(model, shop, ["onnx"]).folders["onnx"]


def said_by(example, *words, python=sys.executable):
    done = subprocess.run(
        [python, str(EXAMPLES / example), *map(str, words)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


# --- ONNX


@needs_onnx
def test_the_float_export_says_what_the_encoder_says(onnx, model):
    ours = load_onnx_encoder(onnx, precision="float").encode(TEXTS)

    np.testing.assert_allclose(ours, model.encoder.encode(TEXTS), atol=1e-4)


@needs_onnx
def test_int8_stays_near_and_knows_that_it_is_not_equal(onnx, model):
    small = load_onnx_encoder(onnx, of=model.encoder.fingerprint)

    cosines = (small.encode(TEXTS) * model.encoder.encode(TEXTS)).sum(axis=1)

    assert small.precision == "int8" and cosines.min() > 0.97
    assert small.fingerprint != model.encoder.fingerprint
    np.testing.assert_allclose(np.linalg.norm(small.encode(TEXTS), axis=1), 1, atol=1e-5)


@needs_onnx
def test_one_text_alone_gives_what_it_gives_among_others(onnx):
    small = load_onnx_encoder(onnx, precision="float")

    np.testing.assert_allclose(small.encode(TEXTS)[[2]], small.encode(TEXTS[2:3]), atol=1e-5)


@needs_onnx
def test_a_text_is_read_by_the_export_once_there_is_one(onnx, shop):
    read = load(shop)

    assert isinstance(read.describer.encoder, OnnxEncoder)
    assert read.related(text="oat milk", n=3).ids == read.related(text="oat milk", n=3).ids


@needs_onnx
def test_the_export_of_another_encoder_is_refused_by_its_hash(onnx, tmp_path):
    with pytest.raises(ModelError, match="the export of another encoder"):
        load_onnx_encoder(onnx, of="0" * 32)


@needs_onnx
def test_a_changed_file_is_refused_and_so_is_a_model_that_would_use_it(onnx, shop, tmp_path):
    kept = tmp_path / "kept"
    shutil.copytree(onnx, kept)
    file = onnx / "model_int8.onnx"
    try:
        file.write_bytes(file.read_bytes()[:-1] + b"x")
        told = run(app, ["related", str(shop.folder), "--text", "tea"])

        assert told.exit_code == 1 and "model_int8.onnx" in told.stderr and "goeswith export" in told.stderr
    finally:
        shutil.rmtree(onnx)
        shutil.copytree(kept, onnx)


@needs_onnx
@pytest.mark.parametrize("about", ["", "{", '{"format": 99, "files": {}}', '{"format": 1}'])
def test_a_damaged_description_is_refused(onnx, tmp_path, about):
    folder = tmp_path / "onnx"
    shutil.copytree(onnx, folder)
    (folder / "encoder.json").write_text(about)

    with pytest.raises(ModelError, match=r"encoder\.json"):
        load_onnx_encoder(folder)


@needs_onnx
def test_plain_onnx_runtime_runs_it(onnx, model):
    told = said_by("plain_onnx_runtime.py", onnx, *TEXTS[:3])

    vectors = model.encoder.encode(TEXTS[:3])
    np.testing.assert_allclose(told["cosines"], vectors @ vectors.T, atol=0.05)


# --- other programs


def test_plain_sentence_transformers_runs_the_encoder_and_the_student(exported, model):
    encode = runpy.run_path(str(EXAMPLES / "plain_sentence_transformers.py"))["encode"]

    np.testing.assert_allclose(encode(str(exported["encoder"]), TEXTS), model.encoder.encode(TEXTS), atol=1e-4)
    student = StaticStudent.load(exported["static"])
    np.testing.assert_allclose(encode(str(exported["static"]), TEXTS), student.encode(TEXTS), atol=1e-4)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("plain_*.py")), ids=lambda file: file.stem)
def test_an_example_needs_neither_goeswith_nor_pytorch(example):
    imported = {name.split(".")[0] for name in re.findall(r"^(?:import|from) (\S+)", example.read_text(), re.MULTILINE)}

    assert imported and not imported & {"goeswith", "torch"}


def test_tables_and_weights_are_enough_to_compute_f_without_pytorch(exported, model):
    tables, weights = (load_file(exported["vectors"] / f"{name}.safetensors") for name in ("vectors", "features"))
    x = tables["x"].astype(np.float32)

    moved = (
        x
        + x @ weights["target_head.down.weight"].T @ weights["target_head.up.weight"].T
        + weights["target_head.up.bias"]
    )

    np.testing.assert_allclose(moved / np.linalg.norm(moved, axis=1, keepdims=True), tables["target.codes"], atol=2e-3)
    assert pl.read_parquet(exported["vectors"] / "products.parquet")["product_id"].equals(
        model.log.products["product_id"]
    )


def test_keras_computes_the_same(exported):
    """`make test-tensorflow` has an environment for it, and says where."""
    python = os.environ.get("GOESWITH_TENSORFLOW") or (sys.executable if find_spec("tensorflow") else None)
    if python is None:
        pytest.skip("TensorFlow is not here; see make test-tensorflow")

    told = said_by("plain_keras.py", exported["vectors"], "bread", python=python)

    assert told["apart"] < 2e-3 and len(told["nearest"]) == 5


# --- the student


def test_a_student_learns_what_its_teacher_says_of_whole_texts():
    teacher = FakeEncoder()
    texts = [f"{a} {b}" for a in ("oat", "rice", "whole", "soy") for b in ("milk", "flour", "bread", "cake", "tea")]

    student = distil(teacher, texts, StudentConfig(pull=0.01))

    assert (student.encode(texts) * teacher.encode(texts)).sum(axis=1).min() > 0.95
    assert student.encode(["xyzzy"]).shape == (1, 64)  # spelt, never refused
    assert np.isfinite(student.encode(["", "龍"])).all()


def test_a_student_reads_any_language_and_any_vocabulary():
    teacher = FakeEncoder()

    chinese = distil(teacher, ["有机牛奶", "全脂牛奶", "洗衣液"])
    chosen = distil(teacher, ["oat milk"], vocabulary=["milk", "tea"])

    milk, other, soap = chinese.encode(["有机牛奶", "全脂牛奶", "洗衣液"])
    assert milk @ other > milk @ soap
    assert {"milk", "tea"} <= set(chosen.tokenizer.get_vocab()) and "oat" not in chosen.tokenizer.get_vocab()


def test_a_student_is_the_same_after_it_was_saved_and_for_the_same_seed(tmp_path):
    texts = ["oat milk", "rye bread", "oat bread"]
    one, two = (distil(FakeEncoder(), texts) for _ in range(2))

    one.save(tmp_path)

    assert one.fingerprint == two.fingerprint == StaticStudent.load(tmp_path).fingerprint
    np.testing.assert_array_equal(StaticStudent.load(tmp_path).encode(texts), one.encode(texts))


def test_a_folder_that_holds_no_student_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no static student"):
        StaticStudent.load(tmp_path)


# --- vectors in little room


class WholeIndex(CompactIndex):
    """int8 rounds more than the contract's exact sums allow; its own tests are below."""

    @classmethod
    def build(cls, vectors):
        return super().build(vectors, precision="float")


class TestCompactIndex(VectorIndexContract):
    kind = WholeIndex


@given(st.integers(0, 10_000))
def test_int8_is_off_by_half_a_step_at_most(seed):
    vectors = np.random.default_rng(seed).standard_normal((5, 8)).astype(np.float32)

    table = Compact.of(vectors, "int8")

    assert (np.abs(table.vectors - vectors) <= table.scale[:, None] / 2 + 1e-6).all()


@given(st.integers(0, 10_000))
def test_turning_by_all_axes_changes_no_inner_product(seed):
    vectors = np.random.default_rng(seed).standard_normal((7, 5)).astype(np.float32)

    turned = vectors @ principal_axes(vectors)

    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, atol=1e-4)
    energy = (turned**2).sum(axis=0)
    assert (np.diff(energy) <= 1e-4).all()  # the first axes hold the most


def test_an_int8_index_takes_a_quarter_and_finds_nearly_the_same():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((500, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    exact = ExactIndex.build(vectors).search(vectors[:100], 10)[0]

    small = CompactIndex.build(vectors)

    found = small.search(vectors[:100], 10)[0]
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)]) > 0.95
    assert small.n_bytes == 500 * (32 + 4)


def test_a_short_index_survives_the_disk_and_grows(tmp_path):
    vectors = np.eye(6, dtype=np.float32)
    index = CompactIndex.build(vectors, dimensions=4)

    index.save(tmp_path / "index")
    again = CompactIndex.load(tmp_path / "index")
    again.add(vectors[:1])

    np.testing.assert_array_equal(
        CompactIndex.load(tmp_path / "index").search(vectors, 2)[1], index.search(vectors, 2)[1]
    )
    assert len(again) == 7


def test_dimensions_that_are_not_there_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(UsageError, match="between 1 and 2"):
        CompactIndex.build(np.eye(2, dtype=np.float32), dimensions=3)
    (tmp_path / "broken").write_bytes(b"no index")
    with pytest.raises(CorruptModel):
        CompactIndex.load(tmp_path / "broken")


# --- the choice, and what is said of it


def test_the_larger_the_catalogue_the_faster_the_form():
    forms = [choose_form(n, 1800, has_onnx=True).form for n in (1_000, 350_000, 3_000_000)]

    assert forms == ["pytorch", "onnx", "static"]
    assert "goeswith[onnx]" in choose_form(3_000_000, 1800, has_onnx=False).why
    assert choose_vectors(10, 4, 1e-9)[:2] == ("int8", 2)


@pytest.mark.parametrize("seconds, form", [(0.06, "int8 form"), (0.0001, "static student")])
def test_a_fit_says_which_form_reads_a_catalogue_that_is_too_large_for_its_time(
    request, tmp_path, monkeypatch, seconds, form
):
    monkeypatch.setattr("goeswith.language.choice.TAUGHT", 2)  # else a student of 13 products would save nothing
    shop = gw.Shop.create(tmp_path / "shop", products=corner_shop.products(), events=corner_shop.events())
    if form == "int8 form":
        onnx = request.getfixturevalue("onnx")
        shutil.copytree(
            onnx, shop.folder / "cache" / "onnx" / json.loads((onnx / "encoder.json").read_text())["encoder"]
        )
    heard = []

    gw.fit(shop, gw.FitConfig.model_validate({**FROZEN, "encode_seconds": seconds}), progress=heard.append)

    assert any(form in getattr(event, "text", "") and "13 products" in event.text for event in heard)
    assert load(shop).related("bread", n=1).ids == ["butter"]
    assert len(load(shop).related(text="strawberry jam", n=3)) == 3


# --- the command


def test_the_command_chooses_and_says_so(shop, tmp_path):
    told = run(app, ["export", str(shop.folder), "--out", str(tmp_path / "out"), "--json"])

    said = json.loads(told.stdout)
    assert set(said["folders"]) == {"vectors", "encoder"} and "13 products" in said["why"][0]
    assert (tmp_path / "out" / "vectors" / "vectors.safetensors").is_file()


@pytest.mark.parametrize(
    "words, said", [(["--to", "tflite"], "there is no such form"), (["--dimensions", "9999"], "vectors have 1 to")]
)
def test_wrong_use_is_refused_before_anything_is_written(shop, tmp_path, words, said):
    told = run(app, ["export", str(shop.folder), "--out", str(tmp_path / "out"), *words])

    assert told.exit_code == 2 and said in told.stderr and not (tmp_path / "out").exists()


def test_a_disk_that_fills_leaves_what_was_there(shop, model, exported, monkeypatch):
    before = {file: file.read_bytes() for file in exported["vectors"].iterdir()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("goeswith.exporting.save_file", full)
    with pytest.raises(ShopError, match="the disk is full"):
        export(model, shop, ["vectors"], precision="half")

    assert {file: file.read_bytes() for file in exported["vectors"].iterdir()} == before
    assert not list(exported["vectors"].parent.glob("*.new")) and not list(exported["vectors"].parent.glob(".*"))
