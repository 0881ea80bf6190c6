"""The association score s(i | u), in the reading that we use and as it is printed.

P(r | u) ∝ exp[log M(r_u) + log F(r_i) − log M(r_i)] is read as: how much likelier the description of i becomes once the
customer's products are known, plus what the feature layer says of it,

    s(i | u) = log M(r_i | r_u) − log M(r_i) + log F(r_i | u),    P = softmax over i.

`literal` is the printed form; docs/decisions/0007 says why it is not the default.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

Scores = NDArray[np.floating]


def log_given(scores: Scores) -> Scores:
    """log M(r_i | r_u) of an encoder: the log-softmax of how well each target vector answers the history.

    Parameters
    ----------
    scores : (customers, items), such as `losses.history_scores`
    """
    return np.asarray(log_softmax(scores, axis=1))


def log_marginal(given: Scores) -> Scores:
    """log M(r_i): the log of the mean of M(r_i | r_u) over customers.

    Parameters
    ----------
    given : (customers, items), of `log_given`

    Returns
    -------
    (items,)
    """
    return np.asarray(logsumexp(given, axis=0) - np.log(len(given)))


def association_score(given: Scores, marginal: Scores, feature: Scores) -> Scores:
    """s(i | u), (customers, items).

    Parameters
    ----------
    given : (customers, items), log M(r_i | r_u)
    marginal : (items,), log M(r_i)
    feature : (customers, items) or (items,), log F(r_i | u), such as `prior.Prior`

    Examples
    --------
    A text that is as likely without the history as with it is left to F.

    >>> half = np.log(np.array([[0.5, 0.5]]))
    >>> P = probability(association_score(half, half[0], np.log(np.array([0.9, 0.1]))))
    >>> P.round(2)
    array([[0.9, 0.1]])
    """
    return np.asarray(given - marginal + feature)


def probability(score: Scores) -> Scores:
    """P(i | u): the softmax over the catalogue; rows sum to 1."""
    return np.exp(log_softmax(score, axis=1))


def literal(own: Scores, marginal: Scores, feature: Scores) -> Scores:
    """The printed form with its printed denominator, sum over j of exp[log M(r_j) + log F(r_i) − log M(r_j)].

    The denominator is n F(r_i): F cancels, and M(r_u) / (n M(r_i)) is left, which ranks by how rare a text is, whatever
    the customer bought, and does not sum to 1.

    Parameters
    ----------
    own : (customers,), log M(r_u)
    marginal, feature : (items,), log M(r_i) and log F(r_i)

    Returns
    -------
    (customers, items)
    """
    above = own[:, None] + feature[None, :] - marginal[None, :]
    below = logsumexp(marginal[None, :] + feature[:, None] - marginal[None, :], axis=1)  # (items,)
    return np.exp(above - below[None, :])
