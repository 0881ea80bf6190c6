"""shop.toml: what the shop is called, how its columns were read, its currency and time zone."""

import json
import tomllib
from pathlib import Path

from pydantic import BaseModel, ValidationError

from goeswith.data.atomic import file_aside
from goeswith.errors import ShopError

FILE = "shop.toml"


class ShopSettings(BaseModel, frozen=True, extra="forbid"):
    """What shop.toml holds."""

    name: str
    currency: str = ""
    """Three letters, or empty where the files do not say."""
    time_zone: str = "UTC"
    """Times in files that carry a zone are brought to this one; a customer's day begins at its midnight."""
    order_only: bool = False
    """True where the events have an order but no time: dates in the log are then days since 2000-01-01."""
    derived: bool = False
    """True where the catalogue is made of what the events say of their products."""
    columns: dict[str, dict[str, str]] = {}
    """Ours to theirs, for products and for events."""
    found: dict[str, dict[str, str]] = {}
    """How each was found: header, content or given."""
    serve: dict[str, str | int | float | bool] = {}
    """How this shop is served; `serve/settings.py` says what can be set."""


def read_settings(folder: Path) -> ShopSettings:
    """The settings of a shop folder.

    Raises
    ------
    ShopError : there is no such folder, it is not a shop, or its shop.toml is damaged
    """
    path = folder / FILE
    if not folder.exists():
        raise ShopError(f"{folder}: there is no such folder. Make a shop with: goeswith init {folder} --events F")
    if not path.is_file():
        raise ShopError(
            f"{folder}: not a shop, there is no {FILE} in it. Give a shop's folder, or make one with: "
            f"goeswith init {folder} --events F"
        )
    try:
        return ShopSettings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError, UnicodeDecodeError) as error:
        raise ShopError(f"{path}: cannot be read: {error}. Mend the file, or create the shop again.") from error


def write_settings(folder: Path, settings: ShopSettings) -> None:
    with file_aside(folder / FILE) as aside:
        aside.write_text(as_toml(settings), encoding="utf-8")


def as_toml(settings: ShopSettings) -> str:
    """The settings as TOML.

    >>> print(as_toml(ShopSettings(name="corner", columns={"events": {"product_id": "StockCode"}})).splitlines()[-1])
    product_id = "StockCode"
    """
    values = settings.model_dump()
    lines = [f"{_key(key)} = {_value(value)}" for key, value in values.items() if not isinstance(value, dict)]
    for key, tables in values.items():
        if key == "serve":
            lines += ["", "[serve]", *(f"{_key(k)} = {_value(v)}" for k, v in tables.items())] if tables else []
        elif isinstance(tables, dict):
            for table, entries in tables.items():
                lines += ["", f"[{key}.{_key(table)}]", *(f"{_key(k)} = {_value(v)}" for k, v in entries.items())]
    return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    return text if text.replace("_", "").isalnum() and text.isascii() else _value(text)


def _value(value: object) -> str:
    # JSON's strings and truth values are also TOML's, but for the delete character, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
