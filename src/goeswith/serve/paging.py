"""Pages of a list: a cursor says where the next one begins."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query

Cursor = Annotated[str | None, Query(pattern=r"^\d{1,15}$", description="`next` of the page before.")]


def number_of(cursor: str | None) -> int | None:
    return None if cursor is None else int(cursor)


def page_of(items: Sequence[Any], more: str | None) -> dict[str, Any]:
    return {"items": items, "next": more}
