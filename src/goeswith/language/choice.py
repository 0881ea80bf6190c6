"""Which form of M reads a catalogue: the one as it is, in int8, or a student of it; by how long it may take."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

Form = Literal["pytorch", "onnx", "static"]
PACE: dict[Form, float] = {"pytorch": 180.0, "onnx": 240.0, "static": 20_000.0}
"""Texts a second of about 15 tokens, MiniLM on one core; see docs/practice.md."""
TAUGHT = 50_000
"""Texts that the teacher reads before a student can."""


@dataclass(frozen=True)
class Choice:
    """A form, and the sentence that says why."""

    form: Form
    why: str


def choose_form(n_texts: int, seconds: float, has_onnx: bool | None = None) -> Choice:
    """The truest form that reads so many texts within the time.

    Parameters
    ----------
    seconds : what reading the catalogue may take
    has_onnx : whether ONNX Runtime is there; None looks

    Examples
    --------
    >>> choose_form(10_000, seconds=1800).form
    'pytorch'
    >>> choose_form(400_000, seconds=1800, has_onnx=True).form
    'onnx'
    >>> choose_form(5_000_000, seconds=1800).form
    'static'
    """
    installed = has_onnx if has_onnx is not None else all(find_spec(n) for n in ("onnx", "onnxruntime", "onnxscript"))
    needed = {form: n_texts / pace for form, pace in PACE.items()}
    needed["static"] += min(n_texts, TAUGHT) / PACE["pytorch"]
    told = f"{n_texts:,} products, {spoken(seconds)} to read them"
    if needed["pytorch"] <= seconds:
        return Choice("pytorch", f"{told}: the language model as it is ({spoken(needed['pytorch'])})")
    slow = f"{told}, where the language model as it is would take {spoken(needed['pytorch'])}"
    if installed and needed["onnx"] <= seconds:
        return Choice("onnx", f"{slow}: its int8 form ({spoken(needed['onnx'])})")
    if needed["static"] < needed["pytorch"]:
        hint = "" if installed else "; with goeswith[onnx] its int8 form would be tried first"
        return Choice("static", f"{slow}: a static student of it ({spoken(needed['static'])}){hint}")
    return Choice("pytorch", f"{slow}: as it is all the same, for nothing is faster")


def choose_vectors(n_products: int, dimensions: int, megabytes: float) -> tuple[Literal["half", "int8"], int, str]:
    """Precision and dimensions of a table of vectors that fits into so much memory.

    Examples
    --------
    >>> choose_vectors(100_000, 768, 500.0)[:2]
    ('half', 768)
    >>> choose_vectors(1_000_000, 768, 500.0)[:2]
    ('int8', 384)
    """

    def size(precision: Literal["half", "int8"], kept: int) -> float:
        return n_products * kept * (2 if precision == "half" else 1) / 1e6

    halved = max(1, dimensions // 2)
    offers: list[tuple[Literal["half", "int8"], int]] = [("half", dimensions), ("int8", dimensions), ("int8", halved)]
    precision, kept = next((each for each in offers if size(*each) <= megabytes), offers[-1])
    why = f"{n_products:,} products in {megabytes:,.0f} MB: {kept} of {dimensions} dimensions in {precision}"
    return precision, kept, f"{why}, {size(precision, kept):,.1f} MB"


def spoken(seconds: float) -> str:
    """
    >>> spoken(0.2), spoken(90), spoken(7200)
    ('1 s', '2 min', '2.0 h')
    """
    if seconds < 60:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
