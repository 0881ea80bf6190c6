"""Reasons in words: English and Chinese. Says what the numbers say and adds no facts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from goeswith.errors import UsageError
from goeswith.explain import chinese, english

Language = Literal["en", "zh"]
N_CLAUSES = 3  # a sentence of more reasons is not read

Phrase = Callable[[Mapping[str, Any], Mapping[str, str]], tuple[str, str]]
"""(numbers, words) -> the text and its short form, which may be empty."""

_PHRASES: dict[str, dict[str, Phrase]] = {"en": english.PHRASES, "zh": chinese.PHRASES}
_JOINT = {"en": "; ", "zh": "；"}
_STOP = {"en": ".", "zh": "。"}
_NOTHING = {
    "en": "Neither the events nor the catalogue speak of {b}.",
    "zh": "购买记录和商品资料都没有关于“{b}”的依据。",
}


def phrase(kind: str, numbers: Mapping[str, Any], words: Mapping[str, str], language: Language) -> tuple[str, str]:
    """One reason as text and in short.

    Raises
    ------
    UsageError : a language that is not spoken here

    Examples
    --------
    >>> phrase("similarity", {"cosine": 0.71}, {"a": "Jam", "b": "Honey"}, "en")
    ('the texts have a cosine of 0.71', 'text cosine 0.71')
    """
    if language not in _PHRASES:
        raise UsageError(f'language must be one of {", ".join(sorted(_PHRASES))}, got "{language}"')
    return _PHRASES[language][kind](numbers, words)


def sentence_of(texts: Sequence[str], language: Language) -> str:
    """The first three reasons as one sentence."""
    joined = _JOINT[language].join(texts[:N_CLAUSES])
    return joined[0].upper() + joined[1:] + _STOP[language]


def nothing_known(product: str, language: Language) -> str:
    return _NOTHING[language].format(b=product)
