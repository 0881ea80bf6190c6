"""Why a product is answered: the evidence, and one sentence made of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goeswith.association.counts import Counts
from goeswith.data.log import Log
from goeswith.explain.book import EvidenceBook
from goeswith.explain.customer_evidence import (
    browsed,
    carriers,
    category_share,
    companions,
    own_purchases,
    popularity,
    resembling,
)
from goeswith.explain.evidence import (
    WINDOW_DAYS,
    Evidence,
    ProbabilityLike,
    Similar,
    baskets_together,
    borrowed,
    bought_later,
    never_sold,
    price_ratio,
    probability_given,
    shared_attributes,
    shared_words,
    text_similarity,
)
from goeswith.explain.wording import Language, nothing_known, sentence_of
from goeswith.ranking.ranking import aligned

N_REASONS = 3


@dataclass(frozen=True, repr=False)
class Explanation:
    """The reasons, the strongest kinds first, and a sentence that says no more than they do. Stable.

    `print(explanation)` shows both; `reasons` are short forms for a table.
    """

    evidence: tuple[Evidence, ...]
    sentence: str

    @property
    def reasons(self) -> list[str]:
        """At most three, in a few words each."""
        return [piece.short for piece in self.evidence if piece.short][:N_REASONS]

    def to_dict(self) -> dict[str, Any]:
        """sentence; evidence: a list of kind, text, numbers and words, for JSON."""
        return {"sentence": self.sentence, "evidence": [piece.to_dict() for piece in self.evidence]}

    def __repr__(self) -> str:
        rows = [[f"  {piece.kind}", piece.text] for piece in self.evidence]
        return self.sentence + ("\n\n" + aligned(rows) if rows else "")


def explain_pair(
    log: Log | EvidenceBook,
    counts: Counts,
    a: int,
    b: int,
    similarity: float | None = None,
    probability: ProbabilityLike | None = None,
    similar: Similar | None = None,
    window_days: int = WINDOW_DAYS,
    language: Language = "en",
) -> Explanation:
    """Why b goes with a.

    Every number of a basket is counted from the log; `counts` only chooses which neighbours are worth naming.

    Parameters
    ----------
    log : the events, or a book of them, which answers the second question and all later ones at once
    a, b : rows of the catalogue
    similarity : cosine of their texts
    similar : finds neighbours by text; asked only where one of the two has never been sold
    window_days : how long after a purchase of a one of b still counts as following it

    Examples
    --------
    >>> from goeswith.association.counts import basket_matrix, count_pairs
    >>> from goeswith.testing import corner_shop
    >>> log = corner_shop.log()
    >>> milk, coffee = log.items.rows(["oat-milk", "coffee"])
    >>> explanation = explain_pair(log, count_pairs(basket_matrix(log)), milk, coffee)
    >>> explanation.reasons
    ['in 3 of 3 baskets with Oat Milk Barista 1 l', 'shared words: barista']
    >>> explanation.evidence[0].text
    '3 of 3 baskets with Oat Milk Barista 1 l have Barista Coffee Beans 1 kg, 4.2 times chance'
    """
    book = EvidenceBook.of(log)
    found: list[Evidence | None] = [] if probability is None else [probability_given(book, b, probability, language)]
    unsold = [item for item in (a, b) if not book.n_with(item)]
    found += [never_sold(book, item, language) for item in unsold] or [baskets_together(book, a, b, language)]
    if similar is not None and len(unsold) == 1:
        found += borrowed(book, counts, unsold[0], a if unsold[0] == b else b, similar, language)
    likeness = [*shared_attributes(book, a, b, language), shared_words(book, a, b, language)]
    later = bought_later(book, a, b, window_days, language)
    directed = later is not None and later.numbers["after"] > later.numbers["before"]
    found += [later, *likeness] if directed else [*likeness, later]
    if similarity is not None:
        found.append(text_similarity(book, a, b, similarity, language))
    found.append(price_ratio(book, a, b, language))
    return _explained(found, book.names[b], language)


def explain_recommendation(
    log: Log | EvidenceBook,
    counts: Counts,
    history: Sequence[int] | NDArray[np.integer],
    item: int,
    contributions: tuple[NDArray[np.integer], NDArray[np.floating]] | None = None,
    customer: int | None = None,
    probability: ProbabilityLike | None = None,
    similar: Similar | None = None,
    now: datetime | None = None,
    language: Language = "en",
) -> Explanation:
    """Why this product is answered to this customer, or to this history or basket of nobody known.

    Parameters
    ----------
    history : rows of what was bought, a row as often as it was bought where the customer is known
    item : row of the product
    contributions : rows of the history, and what each added to the score; without them the products of the history
        that sell with the item most, beyond chance, are named as companions and not as what carried the score
    customer : row of the customer, where known
    now : the moment to look back from; the last event of the log when not given
    """
    book = EvidenceBook.of(log)
    moment = now or book.last_moment
    found: list[Evidence | None] = [] if probability is None else [probability_given(book, item, probability, language)]
    if customer is not None and moment is not None:
        found.append(own_purchases(book, customer, item, moment, language))
    times = None if customer is None else Counter(int(row) for row in history)
    if contributions is not None:
        rows, weights = contributions
        found += carriers(book, item, rows, weights, times, language)
    else:
        found += companions(book, counts, item, history, times, language)
    if not book.n_with(item):
        found.append(never_sold(book, item, language))
        if similar is not None:
            found += resembling(book, counts, item, history, similar, times, language)
    if customer is not None:
        found += browsed(book, customer, item, language)
        found.append(category_share(book, customer, item, language))
    if moment is not None:
        found.append(popularity(book, item, moment, language=language))
    return _explained(found, book.names[item], language)


def _explained(found: Sequence[Evidence | None], product: str, language: Language) -> Explanation:
    evidence = tuple(piece for piece in found if piece is not None)
    texts = [piece.text for piece in evidence]
    return Explanation(evidence, sentence_of(texts, language) if texts else nothing_known(product, language))
