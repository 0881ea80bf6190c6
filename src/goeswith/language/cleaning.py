"""What a shop's export leaves in its texts besides words."""

import re
from html import unescape

import polars as pl

NOTHING = ("nan", "none", "null", "n/a", "na", "-", "--", "?", ".", "unknown", "undefined", "[]", "{}", "无", "暂无")
_MARKUP = r"(?is)<(?:script|style)\b.*?</(?:script|style)\s*>|<!--.*?-->|</?[a-z][^<>]*>"
_INVISIBLE = r"[\u{ad}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2060}\u{feff}]"
_PICTURES = r"[\p{Extended_Pictographic}\u{fe0f}\u{200d}\u{20e3}\u{1f1e6}-\u{1f1ff}\u{1f3fb}-\u{1f3ff}]"
_TIMES = r"(\d)\s*[x×*]\s*(\d)"
_UNITS = {
    "kg": r"kgs?|千克|公斤", "mg": "mg|毫克", "g": "gms?|grams?|g|克", "ml": "mls?|毫升", "cl": "cl|厘升",
    "l": "ltrs?|lt|litres?|liters?|l|升", "oz": "ozs?", "lb": "lbs?", "cm": "cms?|厘米", "mm": "mms?|毫米",
    "pcs": "pcs?|pieces?",
}  # fmt: skip
_AMOUNT = r"(?i)(\d)\s*(?:UNIT)([^\p{Latin}]|$)"
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]*);", re.IGNORECASE)


def clean_text(values: pl.Series, lower: bool = True) -> pl.Series:
    """Values without markup, entities, control characters and doubled blanks; null where nothing is left.

    Lists are joined with commas. Full-width letters and digits become ordinary ones (Unicode NFKC). Emojis and signs
    like ™ go, unless they are all there is. An amount is a number, a blank and a short unit, in English and Chinese
    alike: "500ML" and "500毫升" are "500 ml", "6*330 ml" is "6 x 330 ml".

    Examples
    --------
    >>> clean_text(pl.Series(["<b>Fish</b>&nbsp;&amp; chips", "N/A"])).to_list()
    ['fish & chips', None]
    >>> clean_text(pl.Series(["🥛 Milk 2×500ML", "牛奶500克/袋", "🥛", "USB-C 3Ltr"])).to_list()
    ['milk 2 x 500 ml', '牛奶500 g/袋', '🥛', 'usb-c 3 l']
    """
    flat = values.list.eval(pl.element().cast(pl.String)).list.join(", ") if values.dtype == pl.List else values
    # A column repeats its values; each is cleaned once.
    distinct = flat.cast(pl.String).unique()
    plain = distinct.str.replace_all(_MARKUP, " ")
    if plain.str.contains("&", literal=True).any():
        decoded = pl.Series([None if v is None else _decode(v) for v in plain.to_list()], dtype=pl.String)
        plain = decoded.str.replace_all(_MARKUP, " ")
    drawn = plain.str.replace_all(_PICTURES, " ")
    told = drawn.str.contains(r"[\p{L}\p{N}]").fill_null(True)
    spoken = drawn.zip_with(told, plain)
    tidy = (
        _in_short_units(spoken.str.normalize("NFKC"))
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


def _in_short_units(values: pl.Series) -> pl.Series:
    amounts = values.str.contains(r"\d")
    if not amounts.any():
        return values
    short = values.str.replace_all(_TIMES, "$1 x $2")
    for unit, spellings in _UNITS.items():
        short = short.str.replace_all(_AMOUNT.replace("UNIT", spellings), f"$1 {unit}$2")
    return short


def _decode(value: str) -> str:
    # Exports are often escaped twice: "&amp;amp;".
    return unescape(unescape(value)) if _ENTITY.search(value) else value
