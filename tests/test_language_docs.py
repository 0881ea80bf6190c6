"""docs/worked-pair.md and docs/language.md say what the program does."""

import doctest
import re
from pathlib import Path

import pytest

from goeswith.association.finetune import FROZEN, FinetuneConfig
from goeswith.config import ReaderConfig
from goeswith.language.encoder_folder import PACKAGES
from goeswith.language.moving import METHODS

DOCS = Path(__file__).parent.parent / "docs"
ROOM = (DOCS / "language.md").read_text(encoding="utf-8")


def test_every_number_of_the_worked_pair_comes_out():
    page = (DOCS / "worked-pair.md").read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(page, {}, "worked-pair", "worked-pair.md", 0)
    runner = doctest.DocTestRunner(verbose=False)

    said: list[str] = []
    runner.run(test, out=said.append)

    assert len(test.examples) > 12
    assert not runner.failures, "".join(said)


def test_the_table_of_the_causal_model_is_its_own_arithmetic():
    page = (DOCS / "worked-pair.md").read_text(encoding="utf-8")
    sums = re.findall(r"(\d[\d.]*) ([×/]) (\d[\d.]*) = (\d[\d.]*)", page)

    assert len(sums) >= 14
    for left, sign, right, result in sums:
        value = float(left) * float(right) if sign == "×" else float(left) / float(right)
        assert value == pytest.approx(float(result), abs=0.5 * 10 ** -len(result.partition(".")[2])), (left, right)


def test_the_page_names_every_method_objective_and_packaged_model():
    for name in (*METHODS, FROZEN, *FinetuneConfig.model_fields["objective"].annotation.__args__):
        assert f"`{name}`" in ROOM, name
    for name in (*PACKAGES, "gemma-3-270m"):
        assert f"`packaged:{name}`" in ROOM
    for setting in re.findall(r"`finetune\.(\w+)", ROOM):
        assert setting in FinetuneConfig.model_fields, setting
    for setting in re.findall(r"`reader\.(\w+)", ROOM):
        assert setting in ReaderConfig.model_fields, setting


def test_every_file_that_the_page_names_is_there():
    source = DOCS.parent / "src" / "goeswith"

    for name in re.findall(r"`((?:language|association)/\w+\.py)`", ROOM):
        assert (source / name).is_file(), name
