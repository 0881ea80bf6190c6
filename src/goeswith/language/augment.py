"""The same product in other words: a field left out, a typo, a synonym, another unit. What is sold stays the same."""

import re
from collections.abc import Callable, Sequence

import numpy as np

SYNONYMS = (
    ("sofa", "couch"), ("trousers", "pants"), ("biscuits", "cookies"), ("crisps", "chips"), ("soda", "soft drink"),
    ("mug", "cup"), ("bag", "sack"), ("lamp", "light"), ("pot", "pan"), ("rug", "carpet"), ("gift", "present"),
    ("large", "big"), ("small", "little"), ("mini", "small"), ("assorted", "mixed"), ("set", "kit"), ("pack", "box"),
    ("organic", "bio"), ("fresh", "new"), ("yoghurt", "yogurt"), ("colour", "color"), ("grey", "gray"),
    ("detergent", "washing powder"), ("shampoo", "hair wash"), ("tv", "television"), ("phone", "mobile"),
    ("番茄", "西红柿"), ("土豆", "马铃薯"), ("酸奶", "酸牛奶"), ("手机", "移动电话"), ("有机", "天然"), ("装", "包装"),
)  # fmt: skip
"""Words that a shop's texts use for one thing; either way round."""

UNITS = {"kg": ("g", 1000), "g": ("kg", 0.001), "l": ("ml", 1000), "ml": ("l", 0.001), "m": ("cm", 100)}
_AMOUNT = re.compile(r"\b(\d+(?:\.\d+)?) ?(kg|g|ml|l|m)\b")
_LETTERS = re.compile(r"[a-z]{5,}")


def without_field(text: str, rng: np.random.Generator) -> str:
    """One part between commas left out, never the first, which is the name.

    Examples
    --------
    >>> without_field("oat milk, drinks", np.random.default_rng(0))
    'oat milk'
    """
    parts = text.split(", ")
    if len(parts) < 2:
        return text
    del parts[int(rng.integers(1, len(parts)))]
    return ", ".join(parts)


def with_typo(text: str, rng: np.random.Generator) -> str:
    """Two letters of one longer word in the wrong order; a text without one stays.

    Examples
    --------
    >>> sorted(with_typo("bread", np.random.default_rng(0)))
    ['a', 'b', 'd', 'e', 'r']
    """
    found = list(_LETTERS.finditer(text))
    if not found:
        return text
    word = found[int(rng.integers(len(found)))]
    at = int(rng.integers(word.start(), word.end() - 1))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def with_synonym(text: str, rng: np.random.Generator) -> str:
    """One word in another one that means the same; a text without such a word stays.

    Examples
    --------
    >>> with_synonym("red sofa, sofas", np.random.default_rng(0))
    'red couch, sofas'
    """
    ways = [pair for two in SYNONYMS for pair in (two, two[::-1])]
    fitting = [(old, new) for old, new in ways if _holds(text, old)]
    if not fitting:
        return text
    old, new = fitting[int(rng.integers(len(fitting)))]
    pattern = rf"\b{re.escape(old)}\b" if old.isascii() else re.escape(old)
    return re.sub(pattern, new, text, count=1)


def in_other_unit(text: str, rng: np.random.Generator) -> str:
    """One amount in another unit of the same size.

    Examples
    --------
    >>> in_other_unit("flour 1.5 kg", np.random.default_rng(0))
    'flour 1500 g'
    """
    found = list(_AMOUNT.finditer(text))
    if not found:
        return text
    one = found[int(rng.integers(len(found)))]
    unit, times = UNITS[one[2]]
    amount = float(one[1]) * times
    return f"{text[: one.start()]}{amount:g} {unit}{text[one.end() :]}" if amount < 1e5 else text


WAYS = (without_field, with_typo, with_synonym, in_other_unit)


class Augmenter:
    """Puts texts in other words while something learns.

    Parameters
    ----------
    texts : of the whole catalogue; no text is turned into that of another product
    share : of the texts that are changed at all
    """

    def __init__(self, texts: Sequence[str], share: float = 0.5) -> None:
        self.texts, self.share = frozenset(texts), share

    def at(self, seed: int, step: int) -> Callable[[str], str]:
        """How texts are put in this step; the same step puts them alike.

        Examples
        --------
        >>> said = Augmenter(["oat milk 1 l, drinks"], share=1.0).at(seed=0, step=0)
        >>> said("oat milk 1 l, drinks") == said("oat milk 1 l, drinks")
        True
        """
        rng = np.random.default_rng([seed, 21, step])
        put: dict[str, str] = {}

        def say(text: str) -> str:
            if text not in put:
                changed = WAYS[int(rng.integers(len(WAYS)))](text, rng) if rng.random() < self.share else text
                put[text] = text if changed in self.texts else changed
            return put[text]

        return say


def _holds(text: str, word: str) -> bool:
    return bool(re.search(rf"\b{re.escape(word)}\b", text)) if word.isascii() else word in text
