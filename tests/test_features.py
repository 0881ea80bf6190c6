"""F learns longer from a large log than from a small one, and not by heart."""

import numpy as np
import pytest

from goeswith.association.features import ProductInputs
from goeswith.association.pairs import threads
from goeswith.association.train import FeatureConfig, train_features
from goeswith.testing import corner_shop


@pytest.fixture(scope="module")
def log():
    planted = corner_shop.big_corner_shop(n_customers=20, n_weeks=8)
    return corner_shop.as_log(planted.products, planted.events)


@pytest.mark.parametrize(("passes", "most"), [(1.0, 800), (4.0, 800), (4.0, 5)])
def test_a_small_log_takes_so_many_steps_as_make_the_passes(log, passes, most):
    x = np.random.default_rng(0).normal(size=(log.n_items, 8)).astype(np.float32)
    steps = []
    config = FeatureConfig(steps=most, passes=passes, batch=16, drawn=8, rank=4)

    train_features(ProductInputs(x), log, config, report=lambda told: steps.append(told.step))

    assert max(steps) == min(most, -(-passes * len(threads(log)) // 16))
