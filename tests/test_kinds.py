"""Complement or substitute, on three products whose vectors and counts are written out."""

from types import SimpleNamespace

import numpy as np
from scipy.sparse import csr_array

from goeswith.association.kinds import is_substitute

WHOLE_MILK, OAT_MILK, COOKIES = 0, 1, 2


def shop(milks_together: int) -> SimpleNamespace:
    """100 baskets; each product is in 20; the two milks read alike."""
    words = np.array([[1.0, 0.0], [0.9, 0.436], [0.0, 1.0]], dtype=np.float32)
    pairs = csr_array(np.array([[0, milks_together, 5], [milks_together, 0, 5], [5, 5, 0]], dtype=np.float32))
    counts = SimpleNamespace(pairs=pairs, items=np.array([20, 20, 20]), n_baskets=100)
    return SimpleNamespace(meaning=SimpleNamespace(words=words, target=words), counts=counts)


def test_products_that_read_alike_and_are_rarely_together_are_substitutes():
    found = is_substitute(shop(milks_together=1), np.array([WHOLE_MILK]), np.array([OAT_MILK, COOKIES]))

    assert found.tolist() == [True, False]


def test_products_that_read_alike_but_are_bought_together_are_not():
    # chance: 25 * 25 / 100 = 6.25 baskets; 20 together are 3.2 times that
    found = is_substitute(shop(milks_together=20), np.array([WHOLE_MILK]), np.array([OAT_MILK]))

    assert found.tolist() == [False]


def test_a_product_is_no_substitute_of_itself():
    found = is_substitute(shop(milks_together=1), np.array([COOKIES]), np.array([COOKIES]))

    assert found.tolist() == [False]
