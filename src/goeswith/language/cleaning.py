"""What a shop's export leaves in its texts besides words."""

import re
from html import unescape

import polars as pl

NOTHING = ("nan", "none", "null", "n/a", "na", "-", "--", "?", ".", "unknown", "undefined", "[]", "{}", "无", "暂无")
_MARKUP = r"(?is)<(?:script|style)\b.*?</(?:script|style)\s*>|<!--.*?-->|</?[a-z][^<>]*>"
_INVISIBLE = r"[\u{ad}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2060}\u{feff}]"
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]*);", re.IGNORECASE)


def clean_text(values: pl.Series, lower: bool = True) -> pl.Series:
    """Values without markup, entities, control characters and doubled blanks; null where nothing is left.

    Lists are joined with commas. Full-width letters and digits become ordinary ones (Unicode NFKC).

    Examples
    --------
    >>> clean_text(pl.Series(["<b>Fish</b>&nbsp;&amp; chips", "N/A"])).to_list()
    ['fish & chips', None]
    """
    flat = values.list.eval(pl.element().cast(pl.String)).list.join(", ") if values.dtype == pl.List else values
    # A column repeats its values; each is cleaned once.
    distinct = flat.cast(pl.String).unique()
    plain = distinct.str.replace_all(_MARKUP, " ")
    if plain.str.contains("&", literal=True).any():
        decoded = pl.Series([None if v is None else _decode(v) for v in plain.to_list()], dtype=pl.String)
        plain = decoded.str.replace_all(_MARKUP, " ")
    tidy = (
        plain.str.normalize("NFKC")
        .str.replace_all(_INVISIBLE, "")
        .str.replace_all(r"[\p{Cc}\s]+", " ")
        .str.strip_chars(" ,;")
    )
    result = tidy.str.to_lowercase() if lower else tidy
    kept = result.to_frame("value").select(
        pl.when(pl.col("value").str.to_lowercase().is_in(NOTHING) | (pl.col("value") == ""))
        .then(None)
        .otherwise("value")
        .alias("value")
    )["value"]
    table = pl.DataFrame({"raw": distinct, "clean": kept})
    raw = flat.cast(pl.String).alias("raw").to_frame()
    return raw.join(table, on="raw", how="left", nulls_equal=True, maintain_order="left")["clean"]


def _decode(value: str) -> str:
    # Exports are often escaped twice: "&amp;amp;".
    return unescape(unescape(value)) if _ENTITY.search(value) else value
