"""log F(i | u): what speaks for a product apart from its text."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

INPUTS = ("log_frequency", "warmth", "price", "price_missing", "price_distance", "category_share")


def prior_inputs(
    bought: NDArray[np.integer], price: NDArray[np.float32], category: NDArray[np.int64], histories: Sequence[NDArray]
) -> NDArray[np.float32]:
    """The six numbers that `Prior` weighs, for every customer and product.

    Parameters
    ----------
    bought : (items,), baskets that hold each
    price : (items, 2), of `price_inputs`
    category : (items,), -1 where there is none
    histories : for each customer the products they had

    Returns
    -------
    (customers, items, 6), in the order of INPUTS; share and distance are 0 for a customer without a history

    Examples
    --------
    >>> inputs = prior_inputs(np.array([3, 0]), np.zeros((2, 2), np.float32), np.array([0, 1]), [np.array([0])])
    >>> inputs[0, :, 5].tolist()
    [1.0, 0.0]
    """
    log_frequency = np.log((bought + 0.5) / (bought.sum() + 0.5 * len(bought)))
    fixed = np.column_stack([log_frequency, np.log1p(bought), price])  # (items, 4)
    table = np.zeros((len(histories), len(bought), len(INPUTS)), dtype=np.float32)
    table[:, :, :4] = fixed
    for customer, own in enumerate(histories):
        priced = own[price[own, 1] == 0] if len(own) else own
        if len(priced):
            table[customer, :, 4] = np.abs(price[:, 0] - price[priced, 0].mean()) * (price[:, 1] == 0)
        kinds = category[own][category[own] >= 0] if len(own) else own
        if len(kinds):
            share = np.bincount(kinds, minlength=int(category.max()) + 1) / len(kinds)
            table[customer, :, 5] = np.where(category >= 0, share[category], 0.0)
    return table


class Prior(nn.Module):
    """A log-softmax over the catalogue of a weighted sum that starts at the log-frequency alone.

    Examples
    --------
    A product bought in three baskets of four starts at 3/4 (each count half a basket more, for what was never seen).

    >>> inputs = prior_inputs(np.array([3, 1]), np.zeros((2, 2), np.float32), np.array([-1, -1]), [np.array([], int)])
    >>> Prior()(torch.from_numpy(inputs)).exp().round(decimals=2).tolist()
    [[0.699999988079071, 0.30000001192092896]]
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0] + [0.0] * (len(INPUTS) - 1)))

    def forward(self, inputs: Tensor) -> Tensor:
        """(customers, items, 6) -> (customers, items), log-probabilities."""
        return (inputs @ self.weight).log_softmax(dim=-1)
