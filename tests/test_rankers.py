"""The bag of forests: which of them draw their thresholds, what a share of them is, and that a file keeps all."""

from dataclasses import replace

import numpy as np
import pytest

from goeswith.ranking.ranker import RankerConfig, TreeRanker, ViewRanker, load_ranker, train_ranker


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


@pytest.mark.parametrize(("n", "share"), [(300, 0.74), (2_000, 0.13), (20_000, 0.0)])
def test_the_fewer_the_examples_the_more_a_mix_of_the_views_has_a_say(n: int, share: float, tmp_path) -> None:
    rng = np.random.default_rng(1)
    features = {name: rng.random(2 * n).astype(np.float32) for name in ("ease", "noise")}
    bought = rng.permutation(2 * n) < n
    ranker = train_ranker(features, bought, RankerConfig(rounds=5, bag=1), seed=0)
    ranker.save(tmp_path / "ranker.txt")

    assert isinstance(ranker, TreeRanker)
    assert [beside for beside, _ in ranker.beside] == ([pytest.approx(share, abs=0.01)] if share else [])
    assert np.array_equal(load_ranker(tmp_path / "ranker.txt").probability(features), ranker.probability(features))


def test_a_mix_knows_good_views_before_any_tree_could_learn_them() -> None:
    rng = np.random.default_rng(2)
    features = {name: rng.random(400).astype(np.float32) for name in ("ease", *(f"noise{at}" for at in range(60)))}
    bought = rng.random(400) < 0.4 * features["ease"]
    ranker = train_ranker(features, bought, RankerConfig(), seed=0)
    asked = {name: rng.random(4_000).astype(np.float32) for name in features}

    assert isinstance(ranker, TreeRanker)
    both = (ranker, replace(ranker, beside=()))
    told, alone = (np.corrcoef(each.probability(asked), asked["ease"])[0, 1] for each in both)
    assert told > alone + 0.2


def test_walks_keep_their_order_within_the_steps_of_the_trees(tmp_path) -> None:
    rng = np.random.default_rng(4)
    walk = rng.lognormal(0, 1, 20_000).astype(np.float32)
    bought = rng.random(len(walk)) < 0.6 * (walk > 1)  # trees see one step here, and nothing within it
    query, trees = np.arange(len(walk)) // 10, RankerConfig(rounds=10, nets=None)
    ranker = train_ranker({"walk": walk}, bought, trees, seed=0, query=query)
    alone = train_ranker({"walk": walk}, bought, trees, seed=0)
    ranker.save(tmp_path / "ranker.txt")

    asked = {"walk": np.linspace(1.5, 3.5, 50).astype(np.float32)}
    assert isinstance(ranker, TreeRanker)
    assert [(share, type(other)) for share, other in ranker.beside] == [(0.15, ViewRanker)]
    assert (np.diff(ranker.probability(asked)) > 0).mean() > (np.diff(alone.probability(asked)) > 0).mean() + 0.3
    assert np.array_equal(load_ranker(tmp_path / "ranker.txt").probability(asked), ranker.probability(asked))


def test_a_view_at_its_word_doubles_the_odds_where_it_says_twice_as_much_and_bears_silence() -> None:
    bought = np.array([True, False, False, False])
    view = ViewRanker.of("walk", {"walk": np.array([2, 2, 2, np.nan], np.float32)}, bought)
    usual, twice, nothing, against = view.odds({"walk": np.array([2, 4.06, 0, -1], np.float32)})

    assert usual == pytest.approx(np.log(0.25), abs=0.05)
    assert twice - usual == pytest.approx(np.log(2), abs=0.01)
    assert nothing == against < usual - 3


def test_a_version_fitted_before_networks_answers_as_it_did(tmp_path) -> None:
    features, _ = a_log(300)
    ranker = taught(bag=2)
    before = "\n--- next forest\n".join(
        [
            *(forest.model_to_string() for forest in ranker.forests),
            "share of the mix 0.25",
            'mix {"rate": 0.5, "usual": {"ease": 0.5}}',
        ]
    )
    (tmp_path / "ranker.txt").write_text(before)
    loaded = load_ranker(tmp_path / "ranker.txt")

    assert isinstance(loaded, TreeRanker)
    assert [share for share, _ in loaded.beside] == [0.25]
    assert len(loaded.forests) == 2
    assert np.isfinite(loaded.probability(features)).all()
