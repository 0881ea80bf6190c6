"""Excel workbooks: the first sheet that holds rows."""

from pathlib import Path

import polars as pl

from goeswith.errors import DataError


def read_excel(path: Path, named: Path) -> pl.DataFrame:
    """The first sheet with a header and rows; a cell keeps its type, and a column of mixed cells becomes text.

    Raises
    ------
    DataError : no sheet holds rows, or the workbook is damaged
    """
    try:
        import fastexcel
    except ImportError as error:
        raise DataError(f"{named}: reading Excel needs fastexcel: pip install fastexcel") from error
    try:
        book = fastexcel.read_excel(str(path))
        for sheet in book.sheet_names:
            table = book.load_sheet(sheet, schema_sample_rows=None)
            if table.width and table.height:
                return _whole_numbers(pl.DataFrame(table.to_polars()))
    except fastexcel.FastExcelError as error:
        raise DataError(f"{named}: the workbook cannot be read ({error}). Save it again as .xlsx or CSV.") from error
    raise DataError(f"{named}: no sheet holds a header and rows. Put the table into the first sheet.")


def _whole_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Excel stores every number as a float; columns of whole numbers are given back as integers."""
    floats = [c for c in frame.columns if frame[c].dtype.is_float()]
    whole = [c for c in floats if (frame[c].drop_nulls() % 1 == 0).all()]
    return frame.with_columns(pl.col(whole).cast(pl.Int64, strict=False)) if whole else frame
