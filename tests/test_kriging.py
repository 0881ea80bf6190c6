"""Best sellers that speak for a product together: beside the equations solved by hand, and where there are too few."""

import numpy as np
import pytest

from goeswith.association.kriging import FEW, NOISE, SHARPNESS, UNKNOWN_MEAN, krige


def unit_vectors(n: int, d: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_weights_solve_the_equations_of_kriging() -> None:
    ways, sold = (unit_vectors(6, 3, 0), unit_vectors(6, 5, 1)), np.array([0, 9, 40, 3, 0, 100])

    kin = krige(ways, sold, k=3)

    table = sum(np.exp(SHARPNESS * (v @ v.T - 1)) for v in ways) / 2 + UNKNOWN_MEAN
    near = kin.item[0]
    noise = np.diag(NOISE * (1 + FEW / sold[near]))
    assert set(near) <= {1, 2, 3, 5}
    assert table[0, near].min() >= np.sort(table[0, [1, 2, 3, 5]])[-3] - 1e-4
    by_hand = np.linalg.solve(table[np.ix_(near, near)] + noise, table[near, 0])
    assert kin.weight[0] == pytest.approx(by_hand, abs=2e-3)


def test_no_product_speaks_for_itself_and_none_that_never_sold_for_another() -> None:
    sold = np.array([0, 9, 40, 3, 0, 100])
    kin = krige([unit_vectors(6, 4, 2)], sold, k=3)
    for row, near in enumerate(kin.item):
        assert row not in near
        assert set(near) <= {1, 2, 3, 5}
        assert len(set(near)) == 3
    assert kin.weight.sum(axis=1) == pytest.approx(1, abs=0.1)


def test_who_sold_more_is_believed_more() -> None:
    ways = [np.array([[1, 0], [0.8, 0.6], [0.8, 0.6], [-1, 0]], np.float32)]
    kin = krige(ways, np.array([0, 100, 2, 50]), k=2)
    weight = dict(zip(kin.item[0].tolist(), kin.weight[0].tolist(), strict=True))
    assert weight[1] > weight[2] > 0


@pytest.mark.parametrize("sold", [[0, 0, 0], [5, 0, 0]], ids=["nothing sold", "one product sold"])
def test_where_too_few_sold_nobody_speaks(sold: list[int]) -> None:
    kin = krige([unit_vectors(3, 2, 0)], np.array(sold), k=4)
    assert kin.item.shape == kin.weight.shape == (3, 4)
    assert not kin.weight.any()


def test_without_any_text_all_speak_alike() -> None:
    nothing = np.zeros((4, 3), np.float32)
    kin = krige([nothing, nothing], np.array([0, 9, 9, 9]), k=2)
    assert kin.weight[0, 0] == pytest.approx(kin.weight[0, 1], abs=1e-3)


def test_products_that_are_the_same_are_told_the_same_and_those_that_sold_not_of_themselves() -> None:
    vectors = unit_vectors(8, 4, 3)
    vectors[[2, 5, 7]] = vectors[0]
    kin = krige([vectors], np.array([0, 9, 0, 4, 30, 8, 6, 0]), k=3)
    assert np.array_equal(kin.item[0], kin.item[2])
    assert np.array_equal(kin.weight[0], kin.weight[7])
    assert 5 in kin.item[0]
    assert 5 not in kin.item[5]
