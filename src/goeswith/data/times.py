"""Moments as logs write them, in one pass over a column.

Year first (2011-01-04 10:00:00, 2011/1/4, 2010年12月1日), year last (12/1/2010 8:26, 13.01.2010), compact (20101201),
month in words (1 Dec 2010), Unix seconds to nanoseconds, and any of these with a zone.
"""

from dataclasses import dataclass

import polars as pl

POSITION_EPOCH = pl.datetime(2000, 1, 1)
"""Where a log has order only, position p stands for this day plus p days."""

_CLOCK = (
    r"(?:[T\s,]+(?<H>\d{1,2})\s*[:时点]\s*(?<M>\d{2})(?:\s*[:分]\s*(?<S>\d{2})秒?|分)?(?:[.,](?<f>\d{1,9}))?\s*"
    r"(?<p>[AaPp])?\.?[Mm]?\.?)?\s*(?<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?\s*$"
)
_YEAR_FIRST = r"^\s*(?<a>\d{4})\s*[-/.年]\s*(?<b>\d{1,2})\s*[-/.月]\s*(?<c>\d{1,2})日?" + _CLOCK
_YEAR_LAST = r"^\s*(?<a>\d{1,2})\s*[-/.\s]\s*(?<b>\d{1,2})\s*[-/.\s,]\s*(?<c>\d{4}|\d{2})" + _CLOCK
_COMPACT = (
    r"^\s*(?<a>(?:19|20)\d{2})(?<b>0[1-9]|1[0-2])(?<c>[0-3]\d)"
    r"(?:T?(?<H>[0-2]\d)(?<M>[0-5]\d)(?<S>[0-5]\d)?)?(?<f>)?(?<p>)?(?<z>Z)?$"
)
_DAY_MONTH = (
    r"^\s*(?:[A-Za-z]{3,9},?\s+)?(?<a>\d{1,2})(?:st|nd|rd|th)?[\s\-.]+(?<b>[A-Za-z]{3})[a-z]*\.?[\s\-,]+(?<c>\d{4})"
    + _CLOCK
)
_MONTH_DAY = r"^\s*(?<b>[A-Za-z]{3})[a-z]*\.?\s+(?<a>\d{1,2})(?:st|nd|rd|th)?,?\s+(?<c>\d{4})" + _CLOCK
_UNIX = r"^\s*\d{9,19}(\.\d+)?\s*$"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FAST = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d",
    "%Y/%m/%d",
)
_FAST_MONTH_FIRST = ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y", "%m-%d-%Y")
_FAST_DAY_FIRST = ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d-%m-%Y")


@dataclass(frozen=True)
class TimeForm:
    """How one column writes time; decided on all its values, because 12/1/2010 alone does not say which is the day.

    day_first : for dates whose year comes last
    fast : one format that fits every value, or None
    """

    dtype: pl.DataType
    day_first: bool = False
    fast: str | None = None

    def moments(self, column: pl.Expr, zone: str = "UTC") -> pl.Expr:
        """This column as Datetime("us") of the shop's own clock; null where it is not a moment."""
        if self.dtype == pl.Datetime:
            aware = getattr(self.dtype, "time_zone", None)
            local = column.dt.convert_time_zone(zone).dt.replace_time_zone(None) if aware else column
            return local.cast(pl.Datetime("us"))
        if self.dtype == pl.Date:
            return column.cast(pl.Datetime("us"))
        if self.dtype.is_numeric():
            return _numeric(column, zone)
        if self.fast and "%H" in self.fast:
            return column.str.to_datetime(self.fast, strict=False, time_unit="us")
        if self.fast:
            return column.str.to_date(self.fast, strict=False).cast(pl.Datetime("us"))
        return column.map_batches(
            lambda values: _written(values, self.day_first, zone), return_dtype=pl.Datetime("us"), is_elementwise=True
        )


def time_form(rows: pl.LazyFrame, column: str) -> TimeForm:
    """Look at every value of a column of text once, and decide how it writes time."""
    dtype = rows.collect_schema()[column]
    if dtype != pl.String:
        return TimeForm(dtype)
    values = pl.col(column)
    sample = rows.select(values).filter(values.is_not_null()).head(1000).collect()[column]
    if fast := _fitting(rows, column, sample, _FAST):
        return TimeForm(dtype, fast=fast)
    parts = values.str.extract_groups(r"^\s*(?<a>\d{1,2})\s*([-/.])\s*(?<b>\d{1,2})\s*[-/.]\s*(?:\d{4}|\d{2})(?:\D|$)")
    first, second = (parts.struct.field(name).cast(pl.Int32) for name in "ab")
    seen = rows.select(
        day_first=(first > 12).sum(),
        month_first=(second > 12).sum(),
        dotted=(parts.struct.field("2") == ".").sum(),
        slashed=(parts.struct.field("2") != ".").sum(),
    ).collect(engine="streaming")
    day_first, month_first, dotted, slashed = seen.row(0)
    undecided = day_first == month_first
    day_leads = dotted > slashed if undecided else day_first > month_first
    fast = None
    if not (day_first and month_first):
        fast = _fitting(rows, column, sample, _FAST_DAY_FIRST if day_leads else _FAST_MONTH_FIRST)
    return TimeForm(dtype, day_first=day_leads, fast=fast)


def share_of_times(sample: pl.Series) -> float:
    """Which share of these values reads as a moment after 1970; whole numbers below 100 million do not."""
    values = sample.drop_nulls()
    if values.is_empty():
        return 0.0
    if values.dtype.is_numeric():
        return share_true((values >= 1e8) & (values < 5e18) | values.is_between(19000101, 21001231))
    if values.dtype not in (pl.String, pl.Date, pl.Datetime):
        return 0.0
    form = TimeForm(values.dtype)
    read = values.to_frame("t").select(form.moments(pl.col("t")).is_not_null().mean()).item()
    return float(read or 0.0)


def share_true(marks: pl.Series) -> float:
    """The share of True among these marks; 0 if there are none."""
    return float(marks.sum() or 0) / max(len(marks), 1)


def is_position(sample: pl.Series) -> bool:
    """Whether these are small whole numbers: an order of events, or numbers of days."""
    numbers = sample.drop_nulls().cast(pl.Float64, strict=False)
    if numbers.is_empty() or numbers.null_count():
        return False
    return bool(((numbers >= 0) & (numbers < 1e5) & (numbers % 1 == 0)).all())


def _fitting(rows: pl.LazyFrame, column: str, sample: pl.Series, forms: tuple[str, ...]) -> str | None:
    """The first of these formats that reads every value, or None. A year of two digits is not read as the year 10."""
    for form in forms:
        read = TimeForm(pl.String(), fast=form).moments(pl.col(column))
        unread = (pl.col(column).is_not_null() & (read.dt.year().fill_null(0) < 1000)).sum()
        likely = len(sample) > 0 and not sample.to_frame().select(unread).item()
        if likely and not rows.select(unread).collect(engine="streaming").item():
            return form
    return None


def _numeric(column: pl.Expr, zone: str) -> pl.Expr:
    value = column.cast(pl.Float64)
    compact = value.is_between(19000101, 21001231)
    digits = column.cast(pl.Int64, strict=False).cast(pl.String)
    as_day = digits.str.to_date("%Y%m%d", strict=False).cast(pl.Datetime("us"))
    size = value.abs()
    micros = (
        pl.when(size < 1e11).then(value * 1e6).when(size < 1e14).then(value * 1e3).when(size < 1e17).then(value)
        .otherwise(value / 1e3)
    )  # fmt: skip
    moment = micros.round().cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    return pl.when(compact).then(as_day).otherwise(_local(moment, zone))


def _written(values: pl.Series, day_first: bool, zone: str) -> pl.Series:
    """Each distinct text is parsed once, by the first family of forms that reads it."""
    distinct = values.drop_nulls().unique()
    read = [(distinct.head(0), pl.Series([], dtype=pl.Datetime("us")))]
    for family in (_year_first, _year_last, _compact, _day_month, _month_day, _unix):
        if distinct.is_empty():
            break
        moments = distinct.to_frame("t").select(family(pl.col("t"), day_first, zone)).to_series()
        read.append((distinct.filter(moments.is_not_null()), moments.drop_nulls()))
        distinct = distinct.filter(moments.is_null())
    known = pl.DataFrame({"t": pl.concat([t for t, _ in read]), "moment": pl.concat([m for _, m in read])})
    return values.to_frame("t").join(known, on="t", how="left", maintain_order="left")["moment"].rename(values.name)


def _year_first(column: pl.Expr, day_first: bool, zone: str) -> pl.Expr:
    parts = _groups(column, _YEAR_FIRST)
    return _moment(parts, parts["a"], parts["b"], parts["c"], zone)


def _year_last(column: pl.Expr, day_first: bool, zone: str) -> pl.Expr:
    parts = _groups(column, _YEAR_LAST)
    a, b = parts["a"].cast(pl.Int32), parts["b"].cast(pl.Int32)
    day_leads = (a > 12) | ((b <= 12) & pl.lit(day_first))
    year = pl.when(parts["c"].str.len_bytes() == 2).then(_century(parts["c"])).otherwise(parts["c"])
    month = pl.when(day_leads).then(parts["b"]).otherwise(parts["a"])
    day = pl.when(day_leads).then(parts["a"]).otherwise(parts["b"])
    return _moment(parts, year, month, day, zone)


def _compact(column: pl.Expr, day_first: bool, zone: str) -> pl.Expr:
    parts = _groups(column, _COMPACT)
    return _moment(parts, parts["a"], parts["b"], parts["c"], zone)


def _day_month(column: pl.Expr, day_first: bool, zone: str) -> pl.Expr:
    parts = _groups(column, _DAY_MONTH)
    return _moment(parts, parts["c"], _month(parts["b"]), parts["a"], zone)


def _month_day(column: pl.Expr, day_first: bool, zone: str) -> pl.Expr:
    parts = _groups(column, _MONTH_DAY)
    return _moment(parts, parts["c"], _month(parts["b"]), parts["a"], zone)


def _unix(column: pl.Expr, day_first: bool, zone: str) -> pl.Expr:
    seconds = pl.when(column.str.contains(_UNIX)).then(column.str.strip_chars().cast(pl.Float64, strict=False))
    return _numeric(seconds, zone)


def _groups(column: pl.Expr, pattern: str) -> dict[str, pl.Expr]:
    found = column.str.extract_groups(pattern)
    return {name: found.struct.field(name) for name in "abcHMSfpz"}


def _moment(parts: dict[str, pl.Expr], year: pl.Expr, month: pl.Expr, day: pl.Expr, zone: str) -> pl.Expr:
    hour = parts["H"].cast(pl.Int32).fill_null(0)
    afternoon = parts["p"].str.to_lowercase()
    clock = (
        pl.when(afternoon == "p").then(pl.when(hour < 12).then(hour + 12).otherwise(hour))
        .when(afternoon == "a").then(hour % 12).otherwise(hour)
    )  # fmt: skip
    text = pl.format(
        "{}-{}-{} {}:{}:{}", year, month.str.zfill(2), day.str.zfill(2), clock.cast(pl.String).str.zfill(2),
        parts["M"].fill_null("00"), parts["S"].fill_null("00"),
    )  # fmt: skip
    fraction = ("0." + parts["f"]).cast(pl.Float64, strict=False).fill_null(0.0)
    naive = text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    exact = naive + pl.duration(microseconds=(fraction * 1e6).round().cast(pl.Int64))
    sign = parts["z"].str.extract(r"^([+-])")
    minutes = (
        parts["z"].str.extract(r"^[+-](\d{2})").cast(pl.Int64).fill_null(0) * 60
        + parts["z"].str.extract(r"^[+-]\d{2}:?(\d{2})$").cast(pl.Int64).fill_null(0)
    )  # fmt: skip
    offset = pl.duration(minutes=pl.when(sign == "-").then(-minutes).otherwise(minutes))
    return pl.when(parts["z"].is_null() | (parts["z"] == "")).then(exact).otherwise(_local(exact - offset, zone))


def _local(moment: pl.Expr, zone: str) -> pl.Expr:
    if zone == "UTC":
        return moment
    return moment.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)


def _century(two_digits: pl.Expr) -> pl.Expr:
    return pl.when(two_digits.cast(pl.Int32) < 70).then("20" + two_digits).otherwise("19" + two_digits)


def _month(word: pl.Expr) -> pl.Expr:
    numbers = {name: f"{number:02}" for number, name in enumerate(_MONTHS, start=1)}
    return word.str.to_lowercase().replace_strict(numbers, default=None, return_dtype=pl.String)
