"""Numbers as people write them: £2.55, 1,299.00, 1.299,00 €, ¥12."""

import polars as pl

CURRENCIES = {"£": "GBP", "$": "USD", "€": "EUR", "¥": "CNY", "￥": "CNY", "元": "CNY"}


def number(column: pl.Expr, dtype: pl.DataType, sample: pl.Series) -> pl.Expr:
    """This column as Float64; null where there is no number.

    Parameters
    ----------
    sample : some of its values; they decide whether the comma is a decimal mark
    """
    if dtype.is_numeric() or dtype == pl.Boolean:
        return column.cast(pl.Float64)
    if dtype != pl.String:
        return column.cast(pl.Float64, strict=False)
    digits = column.str.replace_all(r"[^0-9.,+\-eE]", "")
    plain = (
        digits.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True)
        if comma_is_decimal(sample)
        else digits.str.replace_all(",", "", literal=True)
    )
    return plain.cast(pl.Float64, strict=False)


def comma_is_decimal(sample: pl.Series) -> bool:
    """Whether the comma stands before the decimals, in most values that have one.

    >>> comma_is_decimal(pl.Series(["2,50", "1.299,00"])), comma_is_decimal(pl.Series(["1,299", "1,299.00"]))
    (True, False)
    """
    texts = sample.cast(pl.String).drop_nulls().str.replace_all(r"[^0-9.,]", "")
    with_comma = texts.filter(texts.str.contains(",", literal=True))
    if with_comma.is_empty():
        return False
    decimal = with_comma.str.contains(r"^[0-9.]*,[0-9]{1,2}$|^[0-9.]*,[0-9]{4,}$|^0,[0-9]+$")
    return bool((decimal.sum() or 0) * 2 > len(with_comma))


def currency(sample: pl.Series) -> str | None:
    """The currency whose sign stands in these values, or None."""
    text = "".join(sample.cast(pl.String).drop_nulls().head(200).to_list())
    return next((code for sign, code in CURRENCIES.items() if sign in text), None)
