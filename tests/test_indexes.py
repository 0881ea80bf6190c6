"""Nearest vectors: the graph and its exact twin keep the same promises."""

import numpy as np
import pytest

from goeswith.errors import UsageError
from goeswith.ranking.exact_index import BLOCK_CELLS, ExactIndex
from goeswith.ranking.index import GraphIndex
from goeswith.testing.contracts import VectorIndexContract, unit_vectors


class TestExactIndex(VectorIndexContract):
    kind = ExactIndex
    recall = 1.0


class TestGraphIndex(VectorIndexContract):
    kind = GraphIndex


def test_the_nearest_of_three_axes_is_computed_by_hand():
    index = ExactIndex.build(np.eye(3, dtype=np.float32))

    rows, scores = index.search(np.array([[0.6, 0.8, 0.0]], dtype=np.float32), k=3)

    np.testing.assert_array_equal(rows, [[1, 0, 2]])
    np.testing.assert_allclose(scores, [[0.8, 0.6, 0.0]], atol=1e-6)


def test_equal_scores_go_by_row():
    same = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (5, 1))

    rows, _ = ExactIndex.build(same).search(same[:1], k=5)

    np.testing.assert_array_equal(rows, [[0, 1, 2, 3, 4]])


def test_many_queries_are_answered_in_blocks():
    vectors = unit_vectors(5_000, 4)
    queries = unit_vectors(BLOCK_CELLS // 5_000 + 3, 4, seed=1)  # three more than one block

    rows, _ = ExactIndex.build(vectors).search(queries, k=1)

    np.testing.assert_array_equal(rows[:, 0], (queries @ vectors.T).argmax(axis=1))


@pytest.mark.parametrize("kind", [ExactIndex, GraphIndex])
def test_a_product_without_a_text_has_the_zero_vector(kind):
    vectors = np.array([[1, 0], [0, 0], [0, 1]], dtype=np.float32)

    rows, scores = kind.build(vectors).search(vectors[:1], k=3)

    np.testing.assert_allclose(scores, [[1, 0, 0]])
    np.testing.assert_array_equal(rows, [[0, 1, 2]])


@pytest.mark.parametrize("kind", [ExactIndex, GraphIndex])
def test_a_vector_that_is_not_finite_is_refused(kind):
    with pytest.raises(UsageError, match="row 1"):
        kind.build(np.array([[1, 0], [np.nan, 0]], dtype=np.float32))


@pytest.mark.parametrize("kind", [ExactIndex, GraphIndex])
def test_a_file_that_is_not_there_is_said_so(kind, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        kind.load(tmp_path / "nowhere")
