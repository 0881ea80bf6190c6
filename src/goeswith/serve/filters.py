"""A small language that says which products: brand = "Nonna" and price <= 3 and not category in ("office").

    filter     = either
    either     = both ("or" both)*
    both       = one ("and" one)*
    one        = "not" one | "(" either ")" | condition
    condition  = field ("=" | "!=" | "<" | "<=" | ">" | ">=") value
               | field "in" "(" value ("," value)* ")"
               | field "contains" text            letters of any case
               | field "is" ["not"] "missing"
    field      = a name of a column: letters, digits, _ ; any other name in `backticks`
    value      = text in "double" or 'single' quotes | number | true | false

A filter is parsed to a tree of plain values, never evaluated as code. The tree becomes a mask over the catalogue, or a
clause of SQL with bound parameters. A product that has no value in a field meets no condition on it.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, UnexpectedInput, VisitError
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Float, and_, case, cast, false, func, not_, or_

from goeswith.errors import UsageError

LONGEST, DEEPEST = 2_000, 20
GRAMMAR = r"""
?start: either
?either: both ("or"i both)*
?both: one ("and"i one)*
?one: "not"i one -> negation
    | "(" either ")"
    | condition
condition: FIELD OPERATOR value -> comparison
    | FIELD "in"i "(" value ("," value)* ")" -> among
    | FIELD "contains"i TEXT -> contains
    | FIELD "is"i "missing"i -> missing
    | FIELD "is"i "not"i "missing"i -> present
value: TEXT | NUMBER | TRUTH
OPERATOR: "=" | "!=" | "<=" | ">=" | "<" | ">"
TRUTH.2: /(true|false)\b/i
FIELD: /(?!(?:and|or|not|in|is|contains|missing|true|false)\b)[^\W\d]\w*/i | /`[^`\n]+`/
TEXT: /"[^"\\]*(?:\\.[^"\\]*)*"/s | /'[^'\\]*(?:\\.[^'\\]*)*'/s
NUMBER: /-?\d+(\.\d+)?/
%import common.WS
%ignore WS
"""
Value = str | float | bool
_COMPARE: dict[str, Any] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class FilterError(UsageError):
    """A filter that cannot be read, or names what the catalogue has not."""


@dataclass(frozen=True)
class Condition:
    """sign : = != < <= > >= in contains missing present"""

    field: str
    sign: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Joined:
    """sign : and, or, not"""

    sign: str
    parts: tuple["Filter", ...]


Filter = Condition | Joined


class _Tree(Transformer[Token, Any]):
    def FIELD(self, token: Token) -> str:
        return str(token).strip("`")

    def TEXT(self, token: Token) -> str:
        inner = str(token)[1:-1]
        return inner.replace("\\" + token[0], token[0]).replace("\\\\", "\\")

    def NUMBER(self, token: Token) -> float:
        return float(token)

    def TRUTH(self, token: Token) -> bool:
        return str(token).lower() == "true"

    def OPERATOR(self, token: Token) -> str:
        return str(token)

    def value(self, parts: list[Value]) -> Value:
        return parts[0]

    def comparison(self, parts: list[Any]) -> Condition:
        field, sign, value = parts
        if sign not in ("=", "!=") and isinstance(value, bool):
            raise FilterError(f"{field} {sign} {str(value).lower()}: true and false have no order. Use = or !=.")
        return Condition(field, sign, (value,))

    def among(self, parts: list[Any]) -> Condition:
        return Condition(parts[0], "in", tuple(parts[1:]))

    def contains(self, parts: list[Any]) -> Condition:
        return Condition(parts[0], "contains", (parts[1],))

    def missing(self, parts: list[Any]) -> Condition:
        return Condition(parts[0], "missing")

    def present(self, parts: list[Any]) -> Condition:
        return Condition(parts[0], "present")

    def negation(self, parts: list[Filter]) -> Joined:
        return Joined("not", tuple(parts))

    def both(self, parts: list[Filter]) -> Joined:
        return Joined("and", tuple(parts))

    def either(self, parts: list[Filter]) -> Joined:
        return Joined("or", tuple(parts))


_PARSER = Lark(GRAMMAR, parser="lalr", transformer=_Tree())


@lru_cache(maxsize=2_000)
def parsed(text: str) -> Filter:
    """The tree of a filter.

    Raises
    ------
    FilterError : says where the text stops being a filter, and what could stand there

    Examples
    --------
    >>> parsed("price <= 3 and brand = 'Nonna'")
    Joined(sign='and', parts=(Condition(field='price', sign='<=', values=(3.0,)), Condition(...)))
    """
    if len(text) > LONGEST:
        raise FilterError(f"A filter may have {LONGEST} characters; this one has {len(text)}.")
    if text.count("(") + text.lower().count("not") > DEEPEST * 4:
        raise FilterError("A filter may nest 20 parts deep. Say it more simply.")
    if not text.strip():
        raise FilterError("The filter is empty. Leave it out, or write for example: price <= 10")
    try:
        tree: Filter = _PARSER.parse(text)  # type: ignore[assignment]
    except UnexpectedInput as error:
        at = max(getattr(error, "pos_in_stream", 0) or 0, 0)
        seen = text[at : at + 20].strip() or "the end"
        raise FilterError(
            f'The filter cannot be read at character {at + 1} ("{seen}"). Write for example: '
            'price <= 10 and category in ("milk", "herbs") and not brand = "Nonna"'
        ) from error
    except VisitError as error:
        if isinstance(error.orig_exc, FilterError):
            raise error.orig_exc from None
        raise FilterError(f"The filter cannot be read: {error.orig_exc}") from error
    except LarkError as error:
        raise FilterError("The filter cannot be read. Write for example: price <= 10") from error
    if _depth(tree) > DEEPEST:
        raise FilterError(f"A filter may nest {DEEPEST} parts deep. Say it more simply.")
    return tree


def mask(tree: Filter, catalogue: pl.DataFrame) -> NDArray[np.bool_]:
    """(products,), which meet the filter.

    Raises
    ------
    FilterError : a field that the catalogue has not, or values that cannot be compared
    """
    chosen = catalogue.select(_expression(tree, catalogue.schema).alias("met"))["met"]
    if len(chosen) == 1 != len(catalogue):
        return np.full(len(catalogue), bool(chosen[0]))
    return chosen.to_numpy().astype(bool)


def clause(tree: Filter, attributes: Any, schema: Mapping[str, pl.DataType]) -> ColumnElement[bool]:
    """The same as a condition of PostgreSQL on a JSONB column; every value is a bound parameter."""
    if isinstance(tree, Joined):
        parts = [clause(part, attributes, schema) for part in tree.parts]
        return not_(parts[0]) if tree.sign == "not" else and_(*parts) if tree.sign == "and" else or_(*parts)
    _known(tree.field, schema)
    told = attributes[tree.field].astext
    if tree.sign in ("missing", "present"):
        return told.is_(None) if tree.sign == "missing" else told.is_not(None)
    is_number, is_truth = schema[tree.field].is_numeric(), schema[tree.field] == pl.Boolean
    # A number is read only where it is one: PostgreSQL may look at conditions in any order.
    number = cast(case((told.regexp_match(r"^\s*-?\d+(\.\d+)?([eE][+-]?\d+)?\s*$"), told)), Float)

    def same(value: Value) -> ColumnElement[bool]:
        if isinstance(value, bool):
            return told == str(value).lower() if is_truth else false()
        if is_number or isinstance(value, float):
            plain = _number(value)
            return false() if plain is None else number == plain
        return told == value

    if tree.sign == "contains":
        found = func.strpos(func.lower(told), str(tree.values[0]).lower()) > 0
    elif tree.sign in ("=", "in"):
        found = or_(*map(same, tree.values))
    elif tree.sign == "!=":
        found = and_(told.is_not(None), not_(func.coalesce(same(tree.values[0]), false())))
    elif isinstance(tree.values[0], float) or is_number:
        plain = _number(tree.values[0])
        found = false() if plain is None else _COMPARE[tree.sign](number, plain)
    else:
        found = _COMPARE[tree.sign](told.collate("C"), tree.values[0])
    return func.coalesce(found, false())


def _expression(tree: Filter, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    if isinstance(tree, Joined):
        parts = [_expression(part, schema) for part in tree.parts]
        if tree.sign == "not":
            return ~parts[0]
        return pl.all_horizontal(parts) if tree.sign == "and" else pl.any_horizontal(parts)
    dtype, column = _known(tree.field, schema), pl.col(tree.field)
    if tree.sign in ("missing", "present"):
        return column.is_null() if tree.sign == "missing" else column.is_not_null()
    is_number, is_truth = dtype.is_numeric(), dtype == pl.Boolean
    told = column.cast(pl.String)
    number = column.cast(pl.Float64, strict=False) if not is_truth else pl.lit(None, pl.Float64)

    def same(value: Value) -> pl.Expr:
        if isinstance(value, bool):
            return column == value if is_truth else pl.lit(False)
        if is_number or isinstance(value, float):
            plain = _number(value)
            return pl.lit(False) if plain is None else number == plain
        return told == pl.lit(value)

    if tree.sign == "contains":
        found = told.str.to_lowercase().str.contains(str(tree.values[0]).lower(), literal=True)
    elif tree.sign in ("=", "in"):
        found = pl.any_horizontal([same(value).fill_null(False) for value in tree.values])
    elif tree.sign == "!=":
        found = column.is_not_null() & ~same(tree.values[0]).fill_null(False)
    elif isinstance(tree.values[0], float) or is_number:
        plain = _number(tree.values[0])
        found = pl.lit(False) if plain is None else _COMPARE[tree.sign](number, plain)
    else:
        found = _COMPARE[tree.sign](told, pl.lit(tree.values[0]))
    return found.fill_null(False)


def _known(field: str, schema: Mapping[str, pl.DataType]) -> pl.DataType:
    if field not in schema:
        near = get_close_matches(field, list(schema), n=3, cutoff=0.5)
        hint = f" Near matches: {', '.join(near)}." if near else f" There are: {', '.join(list(schema)[:20])}."
        raise FilterError(f'The catalogue has no field "{field[:60]}".{hint}')
    return schema[field]


def _number(value: Value) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _depth(tree: Filter) -> int:
    return 1 + max(map(_depth, tree.parts)) if isinstance(tree, Joined) else 1
