"""Moments in the ways that logs write them."""

from datetime import datetime

import polars as pl
import pytest

from goeswith.data.times import TimeForm, time_form

MORNING = datetime(2010, 12, 1, 8, 26)
DAY = datetime(2010, 12, 1)
WRITTEN = {
    "2010-12-01 08:26:00": MORNING,
    "2010-12-01T08:26": MORNING,
    "2010-12-01T08:26:00Z": MORNING,
    "2010-12-01T16:26:00+08:00": MORNING,
    "2010-12-01 03:26:00-0500": MORNING,
    "2010/12/1 8:26": MORNING,
    "12/1/2010 8:26": MORNING,
    "12/1/10 8:26": MORNING,
    "12/1/2010 8:26 AM": MORNING,
    "20101201082600": MORNING,
    "1 Dec 2010 08:26": MORNING,
    "1291191960": MORNING,
    "1291191960000": MORNING,
    "1291191960.0": MORNING,
    "2010年12月1日 8时26分": MORNING,
    "2010-12-01": DAY,
    "2010.12.01": DAY,
    "20101201": DAY,
    "2010年12月1日": DAY,
    "December 1, 2010": DAY,
    "12 1, 2010": DAY,
}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_moment_is_read(text):
    column = pl.DataFrame({"t": [text]})

    read = column.select(time_form(column.lazy(), "t").moments(pl.col("t"))).item()

    assert read == WRITTEN[text]


@pytest.mark.parametrize(
    "text", ["2010-02-30", "2010-13-01", "soon", "", "12", "1/2", "99/99/2010", "2010-12-01 25:00:00"]
)
def test_what_is_no_moment_is_null(text):
    column = pl.DataFrame({"t": [text, "2010-12-01"]})

    read = column.select(time_form(column.lazy(), "t").moments(pl.col("t"))).to_series()

    assert read.to_list() == [None, DAY]


@pytest.mark.parametrize(
    ("column", "first"),
    [
        (["1/2/2010", "13/2/2010"], datetime(2010, 2, 1)),  # 13 can be a day only
        (["1/2/2010", "2/13/2010"], datetime(2010, 1, 2)),  # here the second can
        (["1/2/2010", "3/4/2010"], datetime(2010, 1, 2)),  # nothing tells: slashes are read as in the US
        (["1.2.2010", "3.4.2010"], datetime(2010, 2, 1)),  # and dots as in Europe
    ],
)
def test_the_whole_column_decides_which_is_the_day(column, first):
    frame = pl.DataFrame({"t": column})

    assert frame.select(time_form(frame.lazy(), "t").moments(pl.col("t"))).to_series()[0] == first


@pytest.mark.parametrize("number", [1291191960, 1291191960_000, 1291191960_000_000, 1291191960_000_000_000])
def test_unix_time_is_told_by_its_size(number):
    assert pl.DataFrame({"t": [number]}).select(TimeForm(pl.Int64()).moments(pl.col("t"))).item() == MORNING


def test_a_time_with_a_zone_is_brought_to_the_shop():
    column = pl.DataFrame({"t": ["2010-12-01T00:26:00Z"]})

    read = column.select(time_form(column.lazy(), "t").moments(pl.col("t"), zone="Asia/Shanghai")).item()

    assert read == MORNING
