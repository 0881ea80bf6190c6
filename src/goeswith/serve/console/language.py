"""The console in the visitor's language: English in the code, Chinese from a table."""

from collections.abc import Callable
from typing import Any, Literal

from fastapi import Request

from goeswith.serve.console.chinese import CHINESE

Lang = Literal["en", "zh"]
COOKIE = "gw_lang"
Say = Callable[..., str]
"""say("{n} products", n=3): the text in the visitor's language, with values in it."""


def language_of(request: Request) -> Lang:
    """What the visitor chose, else what the browser asks for first, else English."""
    chosen = request.query_params.get("lang") or request.cookies.get(COOKIE)
    if chosen in ("en", "zh"):
        return chosen  # type: ignore[return-value]
    first = request.headers.get("accept-language", "").strip().lower()
    return "zh" if first.startswith("zh") else "en"


def speaker(language: Lang) -> Say:
    """
    >>> speaker("en")("{n} products", n=3)
    '3 products'
    >>> speaker("zh")("Home")
    '首页'
    """

    def say(text: str, **values: Any) -> str:
        told = CHINESE.get(text, text) if language == "zh" else text
        return told.format_map(values) if values else told

    return say
