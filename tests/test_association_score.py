"""The score s(i | u): what the reading that we use does, and what the printed form does not."""

import numpy as np
import torch
from scipy.special import log_softmax

from goeswith.association.losses import history_scores
from goeswith.association.prior import Prior, prior_inputs
from goeswith.association.score import association_score, literal, log_given, log_marginal, probability

TEXTS, CUSTOMERS = 5, 7


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """log M(r_i | r_u) and log F(r_i) of nobody in particular."""
    rng = np.random.default_rng(seed)
    return log_given(rng.normal(size=(CUSTOMERS, TEXTS))), log_softmax(rng.normal(size=TEXTS))


def test_the_probabilities_of_one_customer_sum_to_one():
    given, feature = drawn()

    chance = probability(association_score(given, log_marginal(given), feature))

    np.testing.assert_allclose(chance.sum(axis=1), 1.0)


def test_a_history_that_makes_a_text_likelier_raises_its_probability():
    given = np.log(np.array([[0.8, 0.2], [0.2, 0.8]]))  # M(r_i) is 0.5 for both
    feature = np.log(np.array([0.5, 0.5]))

    chance = probability(association_score(given, log_marginal(given), feature))

    np.testing.assert_allclose(chance, [[0.8, 0.2], [0.2, 0.8]])  # 0.8 / 0.5 against 0.2 / 0.5


def test_without_log_f_the_score_ranks_by_lift_alone():
    given = np.log(np.array([[0.70, 0.30], [0.78, 0.22]]))

    score = association_score(given, log_marginal(given), np.zeros(2))

    assert score[0].argmax() == 1  # the rarer text gained more, though the other is likelier


def test_an_encoder_and_the_prior_give_the_score_its_three_parts():
    own = torch.tensor([[0, 1]])  # one customer, two products
    cosines = history_scores(torch.eye(2), own, torch.eye(2), scale=10.0)
    prior = Prior()(
        torch.from_numpy(
            prior_inputs(np.array([3, 1]), np.zeros((2, 2), np.float32), np.array([-1, -1]), [np.array([0])])
        )
    )

    given = log_given(cosines.numpy())
    chance = probability(association_score(given, log_marginal(given), prior.detach().numpy()))

    np.testing.assert_allclose(chance, [[0.7, 0.3]], atol=1e-6)  # both texts fit alike: F decides, 3.5 to 1.5


def test_in_the_printed_form_f_cancels_and_nothing_of_the_customer_orders_the_products():
    given, feature = drawn()
    marginal = log_marginal(given)
    own = np.log(np.linspace(0.1, 0.7, CUSTOMERS))

    printed = literal(own, marginal, feature)

    np.testing.assert_allclose(printed, np.exp(own[:, None] - marginal) / TEXTS)  # M(r_u) / (n M(r_i)): no F in it
    assert (printed.argsort(axis=1) == printed[0].argsort()).all()  # rarity of the text alone
    assert not np.allclose(printed.sum(axis=1), 1.0)
