"""What rankers learn from, where there are more candidates than they are given."""

import numpy as np
import pytest

import goeswith as gw
from goeswith import flow
from goeswith.ranking.training import LearningConfig
from goeswith.testing import corner_shop


class EnoughLearnt(Exception):
    """The examples are there; nothing more is wanted of the fit."""


@pytest.fixture
def examples(monkeypatch, tmp_path):
    """most candidates -> the examples of baskets, of all slices."""
    planted = corner_shop.big_corner_shop(n_customers=30, n_weeks=8)
    log = corner_shop.as_log(planted.products, planted.events)
    seen = []

    def keep(taught, *_):
        seen.append([each["complete"] for each in taught])
        raise EnoughLearnt

    monkeypatch.setattr(flow, "train_rankers", keep)

    def made(most):
        settings = {"finetune": {"method": "frozen"}, "features": {"steps": 5}}
        config = gw.FitConfig(**settings, learning=LearningConfig(candidates=most))
        with pytest.raises(EnoughLearnt):
            flow.learn(log, config, tmp_path / "cache")
        return seen[-1]

    return made


def test_of_too_many_candidates_all_that_were_bought_are_learnt_from_and_some_of_the_others_for_all(examples):
    every, some = examples(10**9), examples(3_000)

    assert len(every) == len(some) > 1  # a small log is cut more than once, and the bound holds for all cuts together
    assert sum(len(each.bought) for each in every) > 6_000
    assert sum(len(each.bought) for each in some) < 4_500
    for whole, part in zip(every, some, strict=True):
        assert part.bought.sum() == whole.bought.sum()
        assert np.all(part.weight[part.bought] == 1)
        assert part.weight.sum() == pytest.approx(whole.weight.sum(), rel=0.1)
