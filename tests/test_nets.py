"""Networks beside the forests: what they learn, what they are spared, and that a file gives them back."""

import numpy as np
import pytest

from goeswith.ranking.nets import NetConfig, NetRanker, Scale, train_nets
from goeswith.ranking.ranker import RankerConfig, TreeRanker, load_ranker, train_ranker

Log = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]


def a_log(n_queries: int = 300, size: int = 40, seed: int = 0) -> Log:
    """Of each query's candidates three are bought, those that `ease` says; how loud it speaks differs by query."""
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(n_queries), size)
    ease, loud = rng.random(len(query)), np.repeat(rng.lognormal(0, 1, n_queries), size)
    place = np.argsort(np.argsort(-ease.reshape(n_queries, size), axis=1), axis=1).ravel()
    columns = {"ease": ease * loud, **{name: rng.random(len(query)) for name in "abc"}, "same": np.ones(len(query))}
    columns["a"][::3] = np.nan
    return {name: column.astype(np.float32) for name, column in columns.items()}, place < 3, query


def hits(said: np.ndarray, bought: np.ndarray, size: int = 40) -> float:
    """Share of queries whose first candidate was bought."""
    first = np.argmax(said.reshape(-1, size), axis=1)
    return float(bought.reshape(-1, size)[np.arange(len(first)), first].mean())


def taught(log: Log, **settings: float) -> NetRanker:
    features, bought, query = log
    nets = train_nets(features, bought, query, NetConfig(**settings), seed=1)
    assert nets is not None
    return nets


def test_they_prefer_what_was_bought_within_each_query() -> None:
    features, bought, _ = a_log(seed=5)

    assert hits(taught(a_log(400), bag=1, epochs=8).odds(features), bought) > 0.7


def test_their_log_odds_are_of_the_size_of_purchases() -> None:
    log = a_log(400)
    said = 1 / (1 + np.exp(-taught(log, bag=1, epochs=16).odds(log[0])))

    assert said.mean() == pytest.approx(log[1].mean(), rel=0.35)


def test_a_candidate_that_stands_for_many_counts_as_many() -> None:
    features, bought, query = a_log(400)
    weight = np.where(bought, 1, 8).astype(np.float32)
    plain, weighed = (
        train_nets(features, bought, query, NetConfig(bag=1, epochs=16), seed=1, weight=each) for each in (None, weight)
    )
    assert plain is not None
    assert weighed is not None

    shift = (plain.odds(features) - weighed.odds(features)).mean()
    assert shift == pytest.approx(np.log(8), abs=0.7)


def test_the_same_seed_gives_the_same_networks_and_leaves_other_chance_alone() -> None:
    import torch

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, other = (taught(a_log(100), bag=2) for _ in range(2))

    assert torch.equal(torch.rand(3), expected)
    assert one.line() == other.line()


def test_where_nothing_was_bought_there_is_nothing_to_learn() -> None:
    features, bought, query = a_log(99)

    assert train_nets(features, np.zeros(len(bought), bool), query, NetConfig(), seed=0) is None


def test_a_scale_bears_what_is_unknown_always_the_same_or_far_beyond_what_it_saw() -> None:
    rng = np.random.default_rng(0)
    table = np.stack([rng.random(500), np.full(500, np.nan), np.full(500, 4.0), np.zeros(500)], axis=1).astype(
        np.float32
    )
    scale = Scale.of(table, rng)
    beyond = np.array([[1e30, 1, -1e30, np.inf], [np.nan, np.nan, np.nan, np.nan]], np.float32)

    for each in (scale(table), scale(beyond)):
        assert np.isfinite(each).all()
        assert np.abs(each).max() <= 5


def test_they_stand_beside_the_forests_in_one_file(tmp_path) -> None:
    features, bought, query = a_log(500)
    ranker = train_ranker(features, bought, RankerConfig(rounds=5, bag=1), seed=0, query=query)
    ranker.save(tmp_path / "ranker.txt")
    mixed = np.exp(-bought.sum() / 1_000)

    assert isinstance(ranker, TreeRanker)
    assert [share for share, _ in ranker.beside] == pytest.approx([mixed, 0.3 * (1 - mixed)])
    assert np.array_equal(load_ranker(tmp_path / "ranker.txt").probability(features), ranker.probability(features))


@pytest.mark.parametrize(("n_queries", "wanted", "given"), [(500, False, True), (500, True, False), (499, True, True)])
def test_without_queries_or_too_few_or_where_none_are_wanted_there_are_no_networks(
    n_queries: int, wanted: bool, given: bool
) -> None:
    features, bought, query = a_log(n_queries, 10)
    config = RankerConfig(rounds=5, bag=1, nets=NetConfig() if wanted else None)
    ranker = train_ranker(features, bought, config, seed=0, query=query if given else None)

    assert isinstance(ranker, TreeRanker)
    assert not any(isinstance(other, NetRanker) for _, other in ranker.beside)
