"""Every way to let an encoder learn: what moves, what stays, what is stored, and what is refused."""

import json

import numpy as np
import pytest
import torch

from goeswith.association.finetune import FinetuneConfig, ready_to_learn
from goeswith.errors import CorruptModel, ModelError, UsageError
from goeswith.language.adapter_folder import AdaptedEncoder, AdapterRack, put_on
from goeswith.language.adapters import METHODS, KeepingEncoder, Reach, prepare
from goeswith.language.encoder import load_encoder
from goeswith.language.item_text import item_text
from goeswith.testing import corner_shop
from goeswith.testing.tiny_bert import tiny_bert, write_tiny_bert

TEXTS = item_text(corner_shop.log().products)
REACH = Reach(top_layers=1, lora_rank=2, virtual_tokens=3, narrow=4, steps=10)
ADDED = ["prefix", "prompt", "adapter"]  # what no plain weights can do


@pytest.fixture(scope="module")
def encoder():
    return tiny_bert(TEXTS)


def taught(encoder, method, steps=4, rate=0.02):
    """Pull all texts apart for a few steps."""
    tuning = prepare(method, encoder, REACH)
    optimizer = torch.optim.Adam(tuning.parameters, lr=rate)
    for step in range(steps):
        optimizer.zero_grad()
        vectors = tuning.embed(TEXTS)
        (vectors @ vectors.T).square().mean().backward()
        tuning.after_backward(step)
        optimizer.step()
    return tuning


def test_frozen_layers_read_a_text_once(encoder, monkeypatch):
    ready = ready_to_learn(encoder, FinetuneConfig(top_layers=1))
    keeping = KeepingEncoder(ready, encoder)

    first = keeping.encode(TEXTS)
    monkeypatch.setattr(ready.lower, "_compute", None)  # would fail if a text were read again
    again = keeping.encode(TEXTS)

    np.testing.assert_allclose(first, encoder.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(again, first, atol=5e-3)  # kept in half precision
    assert keeping.fingerprint == encoder.fingerprint


@pytest.mark.parametrize("config", [{"method": "lora"}, {"augment": True}, {"pretrain": "mlm"}])
def test_where_nothing_can_be_kept_there_is_nothing_ready(encoder, config):
    assert ready_to_learn(encoder, FinetuneConfig(**config)) is None


@pytest.mark.parametrize("method", METHODS)
class TestEveryMethod:
    def test_it_learns_and_leaves_the_encoder_that_it_was_made_of_as_it_was(self, encoder, method):
        before = encoder.encode(TEXTS)
        start = prepare(method, encoder, REACH).encode(TEXTS)

        tuned = taught(encoder, method).encode(TEXTS)

        assert np.abs(tuned - start).max() > 1e-5
        np.testing.assert_array_equal(encoder.encode(TEXTS), before)

    def test_what_is_finished_stored_and_read_again_gives_the_vectors_that_were_learnt(self, encoder, method, tmp_path):
        tuning = taught(encoder, method)
        learnt = tuning.encode(TEXTS)

        finished = tuning.finish()
        finished.save(tmp_path / "encoder")
        again = load_encoder(tmp_path / "encoder", device="cpu")

        assert isinstance(finished, AdaptedEncoder) == (method in ADDED)
        for one in (finished, again):  # last-k keeps its lower layers in half precision
            np.testing.assert_allclose(one.encode(TEXTS), learnt, atol=2e-3 if method == "last-k" else 1e-5)
        assert again.fingerprint == finished.fingerprint


def test_before_it_learns_a_method_changes_nothing_unless_it_puts_words_before_the_text(encoder):
    plain = encoder.encode(TEXTS)

    for method in METHODS:
        moved = np.abs(prepare(method, encoder, REACH).encode(TEXTS) - plain).max()

        assert (moved > 1e-3) == (method in ("prefix", "prompt")), method


def test_parameters_are_counted_by_hand(encoder):
    layer = 4 * (32 * 32 + 32) + (32 * 64 + 64) + (64 * 32 + 32) + 2 * 2 * 32  # attention, inner, outer, two norms
    pairs = 4 * 2 * (32 + 32) + 2 * 2 * (32 + 64)  # rank 2 beside four square matrices and two of 32 × 64

    assert prepare("last-k", encoder, REACH).n_parameters == layer
    assert prepare("lora", encoder, REACH).n_parameters == 3 * pairs
    assert prepare("prefix", encoder, REACH).n_parameters == 3 * 3 * 2 * 32  # layers, words, keys and values
    assert prepare("prompt", encoder, REACH).n_parameters == 3 * 32
    assert prepare("adapter", encoder, REACH).n_parameters == 3 * 2 * (2 * 4 * 32 + 4 + 32)
    assert prepare("full", encoder, REACH).n_parameters == sum(w.numel() for w in encoder.model.parameters())


def test_an_unknown_method_is_refused_with_the_ones_there_are(encoder):
    with pytest.raises(UsageError, match=r"magic.*lora.*adapter.*frozen"):
        prepare("magic", encoder, REACH)


# --- adapters alone


def test_an_adapter_is_small_knows_no_path_and_is_put_on_its_base_again(encoder, tmp_path):
    tuned = taught(encoder, "adapter").finish()

    tuned.save_adapter(tmp_path / "spring")
    again = put_on(tiny_bert(TEXTS), tmp_path / "spring")

    np.testing.assert_allclose(again.encode(TEXTS), tuned.encode(TEXTS), atol=1e-6)
    assert set(json.loads((tmp_path / "spring" / "adapter.json").read_text())) == {"method", "reach", "base"}
    whole = sum(w.numel() * 4 for w in encoder.model.parameters())
    assert (tmp_path / "spring" / "adapter.safetensors").stat().st_size < whole / 5


def test_an_adapter_for_another_base_is_refused(encoder, tmp_path):
    taught(encoder, "adapter").finish().save_adapter(tmp_path / "spring")
    other = tiny_bert(TEXTS, seed=1)

    with pytest.raises(ModelError, match="made for another base"):
        put_on(other, tmp_path / "spring")
    with pytest.raises(ModelError, match="made for another base"):
        AdapterRack(other).add("spring", tmp_path / "spring")


def test_a_pickled_adapter_and_none_at_all_are_refused(encoder, tmp_path):
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04.")

    with pytest.raises(ModelError, match="pickled weights are not read"):
        put_on(tiny_bert(TEXTS), tmp_path)
    with pytest.raises(ModelError, match="no adapter here"):
        put_on(tiny_bert(TEXTS), tmp_path / "nowhere")


def test_a_damaged_adapter_says_so(encoder, tmp_path):
    taught(encoder, "adapter").finish().save_adapter(tmp_path)
    (tmp_path / "adapter.safetensors").write_bytes(b"not this")

    with pytest.raises(CorruptModel, match="damaged"):
        put_on(tiny_bert(TEXTS), tmp_path)


def test_several_adapters_hang_on_one_base_and_are_switched(encoder, tmp_path):
    plain = encoder.encode(TEXTS)
    learnt = {}
    for method in ("adapter", "prefix", "lora", "last-k"):
        tuning = taught(encoder, method)
        learnt[method] = tuning.encode(TEXTS)
        tuning.save_adapter(tmp_path / method)

    rack = AdapterRack(tiny_bert(TEXTS))
    for method in learnt:
        rack.add(method, tmp_path / method)

    for method in ("lora", "adapter", "last-k", "prefix", "lora"):
        np.testing.assert_allclose(rack.use(method).encode(TEXTS), learnt[method], atol=2e-3)
    np.testing.assert_allclose(rack.use(None).encode(TEXTS), plain, atol=1e-6)
    with pytest.raises(ModelError, match=r"no adapter 'autumn'.*lora"):
        rack.use("autumn")


# --- what is refused before a weight is read


def test_a_model_that_the_memory_does_not_hold_is_refused_from_its_config(tmp_path):
    write_tiny_bert(tmp_path, TEXTS)
    config = json.loads((tmp_path / "config.json").read_text())
    huge = {**config, "hidden_size": 65_536, "num_hidden_layers": 200, "intermediate_size": 262_144}
    (tmp_path / "config.json").write_text(json.dumps(huge))

    with pytest.raises(ModelError, match=r"million weights and needs .* GiB.*smaller model"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    "lost, said", [("model.safetensors", "no weights"), ("tokenizer.json", "no tokenizer"), ("config.json", "config")]
)
def test_a_folder_that_lacks_a_part_says_which(tmp_path, lost, said):
    write_tiny_bert(tmp_path, TEXTS)
    (tmp_path / lost).unlink()
    if lost == "tokenizer.json":
        (tmp_path / "tokenizer_config.json").unlink()

    with pytest.raises(ModelError, match=said):
        load_encoder(tmp_path)


def test_pickled_weights_are_refused(tmp_path):
    write_tiny_bert(tmp_path, TEXTS)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")

    with pytest.raises(ModelError, match="pickled weights are not read"):
        load_encoder(tmp_path)


def test_texts_longer_than_the_encoder_reads_are_counted(encoder):
    assert encoder.cut_short(["bread", "bread " * 61, "bread " * 63, "bread " * 63]) == 1  # 62 words and two marks fit
