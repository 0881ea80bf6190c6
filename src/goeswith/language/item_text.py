"""The one place where a product becomes a sentence, so that training, evaluation and serving read the same text."""

from typing import Literal

import polars as pl
from pydantic import BaseModel, PositiveInt

from goeswith.language.cleaning import clean_text
from goeswith.language.text_fields import text_fields

CJK = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]"
LABELS_ZH = {
    "name": "名称",
    "category": "类别",
    "brand": "品牌",
    "size": "规格",
    "description": "描述",
    "color": "颜色",
    "colour": "颜色",
    "material": "材质",
    "department": "部门",
}


class ItemTextConfig(BaseModel, frozen=True, extra="forbid"):
    """Which fields of a product speak, and how."""

    fields: tuple[str, ...] | None = None
    """Columns in their order. None chooses them (`text_fields`); a model writes down what was chosen, so that a
    product which arrives later is read in the same order."""
    labels: Literal["auto", "none", "en", "zh"] = "auto"
    """"auto" labels only values that say nothing alone ("M", "42"), in the language of the catalogue."""
    max_characters: PositiveInt = 320
    """Longer sentences are cut at a word; an encoder's time grows with length, its understanding hardly."""
    lower: bool = True
    """Catalogues shout in capitals, which a cased encoder splits into letters."""


DEFAULT = ItemTextConfig()


def item_text(products: pl.DataFrame, config: ItemTextConfig = DEFAULT) -> list[str]:
    """One sentence for each product: from its name to what is most general about it.

    A value that an earlier field already holds is not said twice. Markup, control characters and stand-ins for
    "nothing" (null, n/a, -) are left out. A product of which nothing is known gives "".

    Parameters
    ----------
    products : one row a product

    Returns
    -------
    sentences in the order of the rows, at most `max_characters` each

    Examples
    --------
    >>> shelf = pl.DataFrame({"name": ["OAT Milk &amp; Honey", None], "brand": ["Oatly", None], "price": [2.5, 1.0]})
    >>> item_text(shelf)
    ['oat milk & honey, oatly', '']
    """
    fields = [field for field in config.fields or text_fields(products) if field in products.columns]
    if not fields:
        return [""] * products.height
    rows = products.select(fields).with_row_index("row")
    # Many products share all their words; each distinct row is cleaned and joined once.
    distinct = rows.group_by(fields, maintain_order=True).agg("row")
    spoken = distinct.select("row", *(clean_text(distinct[field], config.lower).alias(field) for field in fields))
    sentence = _join(spoken, fields, _language(spoken, fields, config), config.max_characters)
    texts = spoken.select("row", text=sentence).explode("row").sort("row")["text"]
    return texts.to_list()


def _language(spoken: pl.DataFrame, fields: list[str], config: ItemTextConfig) -> str:
    """Whom labels speak to: "en" or "zh" for every value, "auto-en" or "auto-zh" for mute ones, "none"."""
    if config.labels != "auto":
        return config.labels
    chinese = spoken[fields[0]].str.contains(CJK).mean()
    return "auto-zh" if isinstance(chinese, float) and chinese > 0.3 else "auto-en"


def _join(spoken: pl.DataFrame, fields: list[str], language: str, max_characters: int) -> pl.Series:
    text = pl.Series("text", [""] * spoken.height)
    for field in fields:
        step = spoken.select(value=pl.col(field).fill_null("")).with_columns(text=text)
        heard = step.with_columns(
            inside=pl.lit(" ") + pl.col("text").str.replace_all(r"[,;:()]", " ") + " ",
            needle=pl.lit(" ") + pl.col("value").str.replace_all(r"[,;:()]", " ") + " ",
        ).select(
            # Chinese and Japanese put no blanks between words, so there a value is looked for as it stands.
            pl.when(pl.col("value").str.contains(CJK))
            .then(pl.col("text").str.contains(pl.col("value"), literal=True))
            .otherwise(
                pl.col("inside")
                .str.replace_all(r"\s+", " ")
                .str.contains(pl.col("needle").str.replace_all(r"\s+", " "), literal=True)
            )
            .alias("heard")
        )["heard"]
        said = _labelled(field, language)
        text = step.with_columns(heard=heard).select(
            pl.when((pl.col("value") == "") | pl.col("heard"))
            .then("text")
            .when(pl.col("text") == "")
            .then(said)
            .otherwise(pl.col("text") + ", " + said)
            .alias("text")
        )["text"]
    return _cut(text, max_characters)


def _labelled(field: str, language: str) -> pl.Expr:
    if language == "none" or (field == "name" and language.startswith("auto")):
        return pl.col("value")
    plain = field.replace("_", " ")
    english, chinese = pl.lit(plain + ": "), pl.lit(LABELS_ZH.get(field, plain) + "：")
    if not language.startswith("auto"):
        return (chinese if language == "zh" else english) + pl.col("value")
    # In a catalogue of both languages, a product that has spoken English so far goes on in English.
    spoken = pl.when(pl.col("text").str.contains(CJK) | (pl.col("text") == "")).then(chinese).otherwise(english)
    mute = ~pl.col("value").str.contains(r"\p{L}\p{L}|" + CJK)
    return pl.when(mute).then((spoken if language == "auto-zh" else english) + pl.col("value")).otherwise("value")


def _cut(text: pl.Series, max_characters: int) -> pl.Series:
    frame = text.to_frame("text").with_columns(head=pl.col("text").str.slice(0, max_characters))
    at_word = pl.col("head").str.replace(r"\s\S*$", "").str.strip_chars(" ,")
    longer = pl.col("text").str.len_chars() > max_characters
    midword = pl.col("text").str.slice(max_characters, 1) != " "
    return frame.select(pl.when(longer & midword).then(at_word).otherwise(pl.col("head").str.strip_chars(" ,")))[
        :, 0
    ].alias("text")
