"""The bag of forests: which of them draw their thresholds, what a share of them is, and that a file keeps all."""

import numpy as np
import pytest

from goeswith.ranking.ranker import RankerConfig, TreeRanker, load_ranker, train_ranker


def a_log(n: int = 5_000) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    features = {name: rng.random(n).astype(np.float32) for name in ("ease", *"abcdefgh")}
    return features, rng.random(n) < features["ease"]


def taught(**settings: int) -> TreeRanker:
    features, bought = a_log()
    ranker = train_ranker(features, bought, RankerConfig(rounds=20, **settings), seed=3)
    assert isinstance(ranker, TreeRanker)
    return ranker


@pytest.mark.parametrize(
    ("bag", "randomised", "trees"), [(3, 2, [20, 30, 30]), (3, 0, [20, 20, 20]), (1, 2, [20]), (2, 5, [20, 30])]
)
def test_the_last_of_a_bag_draw_their_thresholds_and_have_half_as_many_trees_again(
    bag: int, randomised: int, trees: list[int]
) -> None:
    ranker = taught(bag=bag, randomised=randomised)

    assert [forest.num_trees() for forest in ranker.forests] == trees
    drawn = ["[extra_trees: 1]" in forest.model_to_string() for forest in ranker.forests]
    assert drawn == [n == 30 for n in trees]


def test_a_share_of_the_trees_is_taken_of_each_forest() -> None:
    assert [f.num_trees() for f in taught(bag=2).with_share_of_trees(0.5).forests] == [10, 15]


def test_a_file_gives_back_the_same_answers(tmp_path) -> None:
    features, _ = a_log()
    ranker = taught(bag=3)
    ranker.save(tmp_path / "ranker.txt")

    assert np.array_equal(load_ranker(tmp_path / "ranker.txt").probability(features), ranker.probability(features))


def test_a_bag_ranks_what_is_bought_above_what_is_not() -> None:
    features, bought = a_log()
    said = taught(bag=3).probability(features)

    assert said[bought].mean() > said[~bought].mean() + 0.1
