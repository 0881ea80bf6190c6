"""What the same customers buy, beside sums by hand; and versions that were fitted before it was counted."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import goeswith as gw
from goeswith.association import walks
from goeswith.association.histories import histories_from
from goeswith.association.parts_file import BEHAVIOUR, parts_from, read_parts, save_parts
from goeswith.association.walks import DAMPING, FEW, HALF_LIFE, walk_counts
from goeswith.testing import corner_shop

NOW = datetime(2024, 3, 1)
TEA, MILK, JAM = 0, 1, 2


def test_a_walk_goes_from_a_product_over_its_customers_to_what_they_bought() -> None:
    table = walk_counts(histories_from([[[TEA], [MILK]], [[TEA], [MILK], [JAM]]], NOW), 3, 9).toarray()

    day = 0.5 ** (1 / HALF_LIFE)
    ann = {TEA: day**2, MILK: day}
    bob = {TEA: day**3, MILK: day**2, JAM: day}
    shared = [own[TEA] * own[MILK] / np.sqrt(sum(own.values())) for own in (ann, bob)]
    sold = [ann[item] + bob[item] + FEW for item in (TEA, MILK)]
    assert table[TEA, MILK] == pytest.approx(sum(shared) * np.prod(sold) ** -DAMPING, rel=1e-5)
    assert table[MILK, TEA] == pytest.approx(table[TEA, MILK])
    assert not table.diagonal().any()


def test_whoever_buys_everything_says_less_of_a_pair() -> None:
    few = walk_counts(histories_from([[[TEA, MILK]]], NOW), 60, 60).toarray()
    many = walk_counts(histories_from([[list(range(60))]], NOW), 60, 60).toarray()
    assert 0 < many[TEA, MILK] < few[TEA, MILK]


def test_of_long_histories_what_was_bought_last_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "LATEST", (3, 2))
    monkeypatch.setattr(walks, "MOST_PAIRS", 4)
    table = walk_counts(histories_from([[[TEA], [MILK], [JAM]]], NOW), 3, 9).toarray()
    assert table[MILK, JAM] > 0
    assert not table[TEA].any()


def test_the_strongest_of_each_product_are_kept_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = histories_from([[[TEA, MILK]], [[TEA], [MILK]], [[JAM, MILK]]], NOW)
    whole = walk_counts(histories, 3, 9).toarray()
    monkeypatch.setattr(walks, "ROWS_AT_ONCE", 2)
    assert np.array_equal(walk_counts(histories, 3, 9).toarray(), whole)
    best = walk_counts(histories, 3, 1).toarray()
    assert best[MILK].tolist() == [whole[MILK, TEA], 0, 0]


def test_nobody_leaves_no_walks() -> None:
    assert walk_counts(histories_from([], NOW), 3, 9).nnz == 0
    assert walk_counts(histories_from([[]], NOW), 3, 9).nnz == 0


def test_parts_of_a_version_fitted_before_walks_were_counted_are_read(tmp_path: Path) -> None:
    shop = gw.Shop.create(tmp_path / "shop", products=corner_shop.products(), events=corner_shop.events())
    parts = gw.fit(shop, gw.FitConfig(finetune={"method": "frozen"}, features={"steps": 5})).parts  # type: ignore[arg-type]
    save_parts(parts, tmp_path)
    arrays = load_file(tmp_path / BEHAVIOUR)
    later = {name for name in arrays if name.startswith(("walks.", "stand_ins."))}
    assert len(later) == 5
    save_file({name: array for name, array in arrays.items() if name not in later}, tmp_path / BEHAVIOUR)

    old = parts_from(read_parts(tmp_path), parts.meaning, parts.now, text_weight=30.0)

    assert np.array_equal(old.walks.toarray(), old.windows.toarray())
    assert np.array_equal(old.stand_ins.item, old.kin.item)
