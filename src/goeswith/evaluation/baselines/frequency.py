"""Best sellers, and what a customer buys again and again: the strongest simple answers where shopping repeats."""

import numpy as np
from scipy.sparse import csr_array

from goeswith.data.log import Log
from goeswith.evaluation.baselines.baseline import Block
from goeswith.evaluation.baselines.past import Rows, customer_items, popularity

BACKING = 1e-3  # the best seller is worth this much of one purchase: it orders what a customer never bought


class Popularity:
    """The same list for everybody: purchases, older ones fading.

    Parameters
    ----------
    half_life : in days; None counts all alike
    """

    def __init__(self, log: Log, half_life: float | None = 30.0) -> None:
        self.name = "popularity"
        self._score = popularity(log, half_life)

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return np.tile(self._score[columns], (len(rows), 1))

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        return np.tile(self._score[columns], (baskets.shape[0], 1))


class PersonalFrequency:
    """How often a customer bought each product, older purchases fading, backed by popularity.

    References
    ----------
    Li et al., "A next basket recommendation reality check", TOIS 2023.
    """

    def __init__(self, log: Log, half_life: float | None = 60.0) -> None:
        self.name = "personal frequency"
        self._bought = customer_items(log, half_life)
        sold = popularity(log)
        self._backing = sold / max(float(sold.max(initial=0)), 1e-9) * BACKING

    def customers(self, rows: Rows, columns: Rows) -> Block:
        block: Block = self._bought[rows][:, columns].toarray()
        return block + self._backing[columns]

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        block = np.tile(self._backing[columns], (baskets.shape[0], 1))
        if customers is not None:
            known = np.flatnonzero(customers >= 0)
            block[known] = self.customers(customers[known], columns)
        return block
