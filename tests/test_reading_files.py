"""Whatever form a file has, the same shop comes out of it."""

import gzip
import json

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goeswith.data.readers import open_table
from goeswith.data.shop import Shop
from goeswith.errors import DataError, UsageError

EVENTS = pl.DataFrame(
    {
        "customer_id": ["ann", "ann", "bob"],
        "product_id": ["007", "tea", "007"],
        "timestamp": ["2024-05-01 09:00:00", "2024-05-01 09:00:00", "2024-05-02 10:30:00"],
        "quantity": [1, 2, 3],
    }
)


def written(form, folder):
    path = folder / f"events.{form}"
    if form in ("csv", "tsv", "txt"):
        EVENTS.write_csv(path, separator={"csv": ",", "tsv": "\t", "txt": ";"}[form])
    elif form == "csv.gz":
        path.write_bytes(gzip.compress(EVENTS.write_csv().encode()))
    elif form == "parquet":
        EVENTS.write_parquet(path)
    elif form == "jsonl":
        EVENTS.write_ndjson(path)
    elif form == "json":
        path.write_text(json.dumps(EVENTS.to_dicts()))
    elif form == "xlsx":
        EVENTS.write_excel(path)
    return path


FORMS = ["csv", "tsv", "txt", "csv.gz", "parquet", "jsonl", "json", "xlsx"]


@pytest.mark.parametrize("form", FORMS)
def test_every_file_form_gives_the_same_events(form, tmp_path):
    shop = Shop.create(tmp_path / "shop", events=written(form, tmp_path))

    events = shop.events().collect().sort("time", "product_id")

    assert events["product_id"].to_list() == ["007", "tea", "007"]
    assert events["quantity"].to_list() == [1, 2, 3]
    assert str(events["time"][2]) == "2024-05-02 10:30:00"


@pytest.mark.parametrize(
    "frame", [EVENTS, EVENTS.lazy(), EVENTS.to_pandas(), EVENTS.to_arrow()], ids=lambda f: str(type(f))
)
def test_every_frame_gives_the_same_events(frame, tmp_path):
    shop = Shop.create(tmp_path / "shop", events=frame)

    assert sorted(shop.events().collect()["product_id"]) == ["007", "007", "tea"]


def test_a_pandas_frame_of_mixed_objects_is_read_as_text_and_its_gaps_as_null(tmp_path):
    frame = pd.DataFrame({"item": [71053, "85123A"], "user": [17850.0, None], "date": ["2024-05-01"] * 2})

    events = Shop.create(tmp_path / "shop", events=frame).events().collect()

    assert events["product_id"].to_list() == ["71053", "85123A"]
    assert events["customer_id"].to_list() == [17850, None]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "红茶"),
        ("utf-8-sig", "红茶"),
        ("gb18030", "乌龙红茶"),
        ("latin-1", "Crème brûlée"),
        ("utf-16", "红茶"),
    ],
)
def test_a_catalogue_in_any_encoding_keeps_its_names(encoding, name, tmp_path):
    path = tmp_path / "products.csv"
    path.write_bytes(f"product_id,name\n1,{name}\n2,tea\n".encode(encoding))

    products = Shop.create(tmp_path / "shop", products=path).products()

    assert products["name"].to_list() == [name, "tea"]


def test_a_file_that_mixes_encodings_is_read_line_by_line_and_says_so(tmp_path):
    path = tmp_path / "products.csv"
    path.write_bytes("id,name\n1,Käse\n".encode() + "2,Crème\n".encode("latin-1"))

    shop = Shop.create(tmp_path / "shop", products=path)

    assert shop.products()["name"].to_list() == ["Käse", "Crème"]
    assert shop.report.of("products").notes == {"lines are not UTF-8 and were read as LATIN-1": 1}


def test_ids_of_whole_numbers_in_parquet_stay_numbers_and_match_text_by_becoming_text(tmp_path):
    products = pl.DataFrame({"product_id": [7, 8], "name": ["tea", "milk"]})
    (tmp_path / "events.csv").write_text("product_id,timestamp\n7,2024-05-01\n007,2024-05-01\n")

    alone = Shop.create(tmp_path / "alone", products=products)
    both = Shop.create(tmp_path / "both", products=products, events=tmp_path / "events.csv")

    assert alone.products()["product_id"].to_list() == [7, 8]
    assert both.products()["product_id"].to_list() == ["7", "8"]
    assert both.report.of("events").set_aside == {"the product is not in the catalogue": 1}  # 007 is not 7


def test_inches_in_a_tab_separated_file_are_not_quotes(tmp_path):
    path = tmp_path / "products.tsv"
    path.write_text('id\tname\n1\t5" pipe\n2\tnail, 2"\n3\tglue\n')

    assert Shop.create(tmp_path / "shop", products=path).products()["name"].to_list() == ['5" pipe', 'nail, 2"', "glue"]


def test_a_line_that_is_not_json_is_set_aside_with_its_number(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"item": "a", "time": "2024-05-01"}\n{broken\n{"item": "b", "time": "2024-05-01"}\n')

    shop = Shop.create(tmp_path / "shop", events=path)

    rejected = pl.read_parquet(shop.folder / "data" / "rejected" / "*.parquet")
    assert rejected.select("row", "reason").rows() == [(2, "the line is not a JSON record")]
    assert (shop.report.of("events").read, shop.report.of("events").kept) == (3, 2)


def test_json_records_with_a_field_called_row_are_read(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"row": "x", "item": "a", "time": 1714521600}\n{"item": 5, "time": 1714521600}\n')

    assert Shop.create(tmp_path / "s", events=path).events().collect()["product_id"].to_list() == ["a", "5"]


BAD_FILES = {
    "absent.csv": (None, "no such file"),
    "empty.csv": (b"", "the file is empty"),
    "header.csv": (b"product_id,timestamp\n", "not one row"),
    "blank.csv": (b"\n\n \n", "blank lines only"),
    "cut.csv.gz": (gzip.compress(b"product_id,timestamp\n1,2024-01-01\n" * 50)[:40], "damaged or cut short"),
    "bad.parquet": (b"PAR1nonsense", "damaged"),
    "bad.xlsx": (b"PK\x03\x04nonsense", "cannot be read"),
    "bad.jsonl": (b"{nonsense\n", "not one line is a JSON record"),
    "bad.json": (b'[{"a": 1},', "damaged"),
    "picture.png": (b"\x89PN\0\r\n", "not a form that can be read"),
    "no-product.csv": (b"colour,timestamp\nred,2024-01-01\n", "no column was recognised as product_id"),
    "no-time.csv": (b"product_id,colour\n1,red\n", "no column was recognised as timestamp"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_read_is_named_with_the_way_out_and_leaves_nothing(name, tmp_path):
    content, message = BAD_FILES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError, match=message) as refused:
        Shop.create(tmp_path / "shop", events=tmp_path / name)

    assert name.partition(".")[0] in str(refused.value)
    assert not (tmp_path / "shop").exists()
    assert [p.name for p in tmp_path.iterdir()] == ([name] if content is not None else [])


def test_a_workbook_without_rows_is_refused(tmp_path):
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "empty.xlsx") as book:
        book.add_worksheet("nothing")

    with pytest.raises(DataError, match="no sheet holds"):
        Shop.create(tmp_path / "shop", events=tmp_path / "empty.xlsx")


def test_what_is_neither_path_nor_frame_is_refused(tmp_path):
    with pytest.raises(UsageError, match="neither a path nor a frame"):
        Shop.create(tmp_path / "shop", events=42)


ids = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z", "Cf")), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ids, min_size=1, max_size=20, unique=True), st.sampled_from(["csv", "tsv", "parquet", "jsonl", "xlsx"]))
def test_ids_survive_reading_through_every_form(tmp_path_factory, names, form):
    folder = tmp_path_factory.mktemp("ids")
    frame = pl.DataFrame(
        {"product_id": names, "name": ["a name"] * len(names)}, schema_overrides={"product_id": pl.String}
    )
    path = folder / f"products.{form}"
    writers = {"parquet": frame.write_parquet, "jsonl": frame.write_ndjson, "xlsx": excel_text(frame)}
    if form in writers:
        writers[form](path)
    else:
        frame.write_csv(path, separator="," if form == "csv" else "\t", quote_style="always")

    read = open_table(path, "products", folder).rows.collect()

    assert read["product_id"].to_list() == names


def excel_text(frame):
    """Cells of text, as a person's workbook has them for codes such as 007."""

    def write(path):
        import xlsxwriter

        with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            sheet = book.add_worksheet()
            for row, values in enumerate([frame.columns, *frame.rows()]):
                for column, value in enumerate(values):
                    sheet.write_string(row, column, value)

    return write


def test_frames_of_pyarrow_batches_are_read(tmp_path):
    table = pa.Table.from_pylist(EVENTS.to_dicts())

    assert Shop.create(tmp_path / "shop", events=table).log().n_items == 2
