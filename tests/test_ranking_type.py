"""What every ranking verb gives back."""

import json

import numpy as np
import pytest

from goeswith.errors import UsageError
from goeswith.ranking.ranking import Ranking


def three():
    return Ranking(
        ids=["basil", "tomato-sauce", "bread"],
        scores=np.array([2.0, 1.5, -0.25]),
        probabilities=np.array([0.5, 0.0001, np.nan]),
        kinds=["complement", "complement", "substitute"],
        reasons=[["in 4 of 7 baskets", "same shelf"], [], ["same category"]],
        names=["Fresh Basil", "Tomato Sauce", "Sourdough Bread"],
    )


def test_it_is_read_like_a_list_of_ids():
    ranking = three()

    assert list(ranking) == ["basil", "tomato-sauce", "bread"]
    assert len(ranking) == 3
    assert ranking[0] == "basil"
    assert "bread" in ranking


def test_a_slice_is_a_ranking():
    top = three()[:2]

    assert isinstance(top, Ranking)
    assert list(top) == ["basil", "tomato-sauce"]
    np.testing.assert_array_equal(top.scores, [2.0, 1.5])
    assert top.reasons[0] == ["in 4 of 7 baskets", "same shelf"]


def test_its_frame_has_ranks_from_one_and_reasons_joined():
    frame = three().to_frame()

    assert frame.columns == ["rank", "product_id", "name", "score", "probability", "kind", "reasons"]
    assert frame["rank"].to_list() == [1, 2, 3]
    assert frame["reasons"].to_list() == ["in 4 of 7 baskets; same shelf", "", "same category"]


def test_it_becomes_json_without_nan():
    told = json.loads(json.dumps(three().to_dict(), allow_nan=False))

    assert told["products"][0] == {
        "rank": 1,
        "product_id": "basil",
        "name": "Fresh Basil",
        "score": 2.0,
        "probability": 0.5,
        "kind": "complement",
        "reasons": ["in 4 of 7 baskets", "same shelf"],
    }
    assert told["products"][2]["probability"] is None


def test_ids_of_numbers_stay_plain_numbers():
    ranking = Ranking(np.array([7, 8]), np.zeros(2), np.zeros(2), ["complement"] * 2, [[], []], ["a", "b"])

    assert json.dumps(list(ranking)) == "[7, 8]"


def test_it_prints_as_a_table():
    assert str(three()).splitlines() == [
        "rank  id            name             probability  kind        reason",
        "   1  basil         Fresh Basil           50.0 %  complement  in 4 of 7 baskets",
        "   2  tomato-sauce  Tomato Sauce          <0.1 %  complement",
        "   3  bread         Sourdough Bread            -  substitute  same category",
    ]


def test_chinese_names_keep_the_columns_aligned():
    ranking = Ranking(["a", "b"], np.zeros(2), np.zeros(2), ["complement"] * 2, [[], []], ["燕麦牛奶", "Oat"])

    first, second = str(ranking).splitlines()[1:]

    assert first.index("0.0 %") + len("燕麦牛奶") == second.index("0.0 %")  # four characters, eight columns


def test_a_long_name_is_cut():
    ranking = Ranking(["a"], np.zeros(1), np.zeros(1), ["complement"], [[]], ["x" * 100])

    assert "x" * 39 + "…  " in str(ranking)
    assert "x" * 40 not in str(ranking)


def test_an_empty_ranking_says_so():
    empty = three()[:0]

    assert str(empty) == "no products to show"
    assert empty.to_frame().height == 0
    assert empty.to_dict() == {"products": []}


def test_parts_of_unequal_length_are_refused():
    with pytest.raises(UsageError, match="'ids': 2"):
        Ranking(["a", "b"], np.zeros(1), np.zeros(2), ["complement"] * 2, [[], []], ["a", "b"])
