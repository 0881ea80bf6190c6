"""Whose basket may this be? What somebody unknown puts into it tells of customers who fill theirs like that."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.histories import Histories

Array = NDArray[np.float32]
ANYBODY = 0.1
"""Share of a basket that anybody might have put there; without it one strange product would rule a customer out."""
CAUTION = 0.5
"""Products of one basket are not independent: what each tells counts half."""
LEAST = 1e-3
"""Customers so many times less likely than the likeliest are left out."""


@dataclass(frozen=True)
class Habits:
    """A mixture of customers, each with the shares of their baskets that hold a product.

    evidence : (items, customers), log of how much likelier the product is in this customer's baskets than in anybody's
    often, lately : (customers, items), see `often` and `lately`

    References
    ----------
    Nigam, McCallum, Thrun, Mitchell, "Text classification from labeled and unlabeled documents using EM", Machine
    Learning 2000, for naive Bayes as a mixture; here each component is a customer.
    """

    evidence: csr_array
    often: csr_array
    lately: csr_array

    def who_filled(self, held: csr_array) -> csr_array:
        """How likely each customer is to have filled each basket; (queries, customers), rows sum to 1.

        Parameters
        ----------
        held : (queries, items), ones for the products in the basket
        """
        likely = CAUTION * (held @ self.evidence).toarray()  # (queries, customers)
        if not likely.shape[1]:
            return csr_array(likely)
        likely = np.exp(likely - likely.max(axis=1, keepdims=True))
        likely[likely < LEAST] = 0.0
        return csr_array((likely / likely.sum(axis=1, keepdims=True)).astype(np.float32))


def fit_habits(histories: Histories, customers: NDArray[np.int64], n_items: int) -> Habits:
    """Habits of these customers, by row.

    Examples
    --------
    Ann buys tea, Bob and Cid buy jam: a basket with tea is Ann's.

    >>> from datetime import datetime
    >>> from goeswith.association.histories import histories_from
    >>> habits = fit_habits(histories_from([[[0]], [[1]], [[1]]], datetime(2024, 1, 1)), np.arange(3), 2)
    >>> habits.who_filled(csr_array([[1.0, 0.0]])).toarray().round(2).tolist()[0][0] > 0.5
    True
    """
    own = histories.take(customers)
    share = own.matrix(often(own), n_items)
    usual = np.asarray(own.matrix(own.n, n_items).sum(axis=0)).ravel() / max(float(own.n_baskets.sum()), 1.0)
    told = np.log1p(share.data * (1 - ANYBODY) / (ANYBODY * usual[share.indices] + 1e-9)).astype(np.float32)
    evidence = csr_array(csr_array((told, share.indices, share.indptr), shape=share.shape).T)
    return Habits(evidence, share, own.matrix(lately(own), n_items))


def often(own: Histories) -> Array:
    """(rows,): the share of a customer's baskets that hold the product."""
    return (own.n / np.repeat(np.maximum(own.n_baskets, 1), np.diff(own.start))).astype(np.float32)


def lately(own: Histories) -> Array:
    """(rows,): baskets with the product, halved for every 60 days of age, against those of the customer's favourite."""
    length = np.diff(own.start)
    most = np.zeros(len(own), np.float32)
    np.maximum.at(most, np.repeat(np.arange(len(own)), length), own.long)
    return (own.long / np.repeat(np.maximum(most, 1e-6), length)).astype(np.float32)
