"""The pages in docs/ say what the program does: commands, columns, reasons, numbers and quoted lines are looked up."""

import ast
import doctest
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import goeswith as gw
from goeswith.cli.app import app
from goeswith.data import events as event_rows
from goeswith.data.headers import EVENTS, PRODUCTS
from goeswith.data.kinds import KINDS
from goeswith.data.readers.formats import FORMATS
from goeswith.data.readers.source import EXCEL_ENDINGS, JSON_ENDINGS
from goeswith.evaluation.baselines import Baseline
from goeswith.testing import corner_shop
from goeswith.testing.contracts import RecommenderContract

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "goeswith"
DOCS = ROOT / "docs"
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")
DATA = (DOCS / "data.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
PAGES = [DOCS / "commands.md", DOCS / "data.md", DOCS / "method.md", ROOT / "CONTRIBUTING.md", *DECISIONS]
NOT_THERE_YET = {"evaluation/baselines/last_basket.py"}  # the baseline that CONTRIBUTING.md makes up


def commands(group: Any, path: str = "goeswith") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


PROGRAM = typer.main.get_command(app)
BY_NAME = dict(commands(PROGRAM))


def sections(page: str) -> dict[str, str]:
    """Heading of the third level -> its text."""
    parts = re.split(r"^#{1,3} (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


# --- docs/commands.md


@pytest.mark.parametrize("name", BY_NAME)
def test_every_option_of_a_command_is_named_in_its_section(name):
    told = sections(COMMANDS)[name]

    for parameter in BY_NAME[name].params:
        if parameter.param_type_name == "option":
            for word in parameter.opts:
                assert re.search(rf"`{word}[ `]", told), f"{name} {word}"
        elif parameter.metavar != "SHOP":  # said once for all commands
            assert re.search(rf"`{re.escape(parameter.metavar)}`", told), f"{name} {parameter.metavar}"


def test_no_command_is_described_that_is_not_there():
    described = {heading for heading in sections(COMMANDS) if heading.startswith("goeswith ")}

    assert described == set(BY_NAME)


@pytest.mark.parametrize("name", BY_NAME)
def test_no_option_is_described_that_is_not_there(name):
    known = {word for parameter in BY_NAME[name].params for word in (*parameter.opts, *parameter.secondary_opts)}
    rows = [line.split("|")[1] for line in sections(COMMANDS)[name].splitlines() if line.startswith("| `")]

    assert set(re.findall(r"`(--?[\w-]+)", " ".join(rows))) <= known


EXAMPLES = [line[2:] for block in blocks(COMMANDS, "console") for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_of_a_command_is_understood(line):
    name = max((each for each in BY_NAME if line.startswith(each)), key=len)

    BY_NAME[name].make_context(name, shlex.split(line.removeprefix(name)))  # raises on what it does not know


def test_every_command_has_an_example():
    assert {max((n for n in BY_NAME if line.startswith(n)), key=len) for line in EXAMPLES} == set(BY_NAME)


# --- README.md


def test_the_python_example_of_the_readme_names_only_what_exists():
    (example,) = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    homes = {"gw": gw, "shop": gw.Shop, "model": gw.Model}

    used = [node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Attribute)]
    assert any(ast.unparse(node.value) == "gw" for node in used)
    for node in used:
        owner = ast.unparse(node.value)
        if owner == "gw":
            assert node.attr in gw.__all__
        elif owner.startswith("gw."):
            assert hasattr(getattr(gw, owner.removeprefix("gw.")), node.attr)
        else:
            assert hasattr(homes[owner], node.attr)


# --- docs/data.md


@pytest.mark.parametrize("what, columns", [("Products;", PRODUCTS), ("Events;", EVENTS)], ids=["products", "events"])
def test_every_column_is_named_with_headers_that_are_recognised(what, columns):
    table = DATA[DATA.index(f"\n{what}") :].split("\n\n")[1].splitlines()[2:]
    rows = [row.strip("| ").split(" | ") for row in table]

    assert [name for row in rows for name in re.findall(r"`(\w+)`", row[0])] == list(columns)
    for ours, theirs in rows:
        names = {name for each in re.findall(r"`(\w+)`", ours) for name in columns[each].split()}
        said = re.split(r"[:;]", theirs)[0]
        if not said.startswith("as of"):
            assert set(said.split(", ")) <= names, ours


def test_every_reason_to_set_an_event_aside_is_named():
    reasons = [value for name, value in vars(event_rows).items() if name.isupper() and isinstance(value, str)]

    reasons.remove(event_rows.ROW)
    assert len(reasons) >= 10
    for reason in reasons:
        assert f"| `{reason}` |" in DATA


def test_every_form_and_kind_is_named():
    for word in (*JSON_ENDINGS, *EXCEL_ENDINGS, *FORMATS, *KINDS):
        assert f"`{word}`" in DATA


# --- docs/method.md


def test_the_examples_of_the_method_run():
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

    failed, tried = doctest.testfile(str(DOCS / "method.md"), module_relative=False, optionflags=flags)

    assert tried > 20 and failed == 0


def test_the_probability_of_the_method_is_what_it_says_by_hand():
    baskets, k, opinion = corner_shop.basket_sets(), 40, 0.30
    with_bread = [basket for basket in baskets if "bread" in basket]
    with_both = [basket for basket in with_bread if "butter" in basket]

    value = (len(with_both) + k * opinion) / (len(with_bread) + k)

    assert value == 19 / 51
    assert round(100 * value, 1) == 37.3


# --- docs/decisions


def test_decisions_are_numbered_without_a_gap_and_say_why():
    assert [page.name[:4] for page in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    for page in DECISIONS:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]}: ")
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Context", "Choice", "Alternatives", "Price"]


def test_the_printed_formula_ranks_by_the_rarity_of_the_text_alone():
    given, marginal, feature = 0.5, np.array([0.8, 0.2]), np.array([0.9, 0.1])

    above = given * feature / marginal  # exp[log M(r_u) + log F(r_i) - log M(r_i)]
    below = np.array([(marginal * own / marginal).sum() for own in feature])  # sum over j, as printed

    np.testing.assert_allclose(below, 2 * feature)
    np.testing.assert_allclose(above / below, [0.3125, 1.25])


# --- CONTRIBUTING.md

QUOTED = [block.splitlines() for block in blocks(CONTRIBUTING, "python") if block.startswith("# src/")]


def bare(code: str) -> str:
    """Code without what a formatter may change."""
    return re.sub(r",?\s+|,(?=[)\]}])", "", code)


@pytest.mark.parametrize("lines", QUOTED, ids=lambda lines: lines[0].removeprefix("# src/goeswith/"))
def test_a_quoted_line_stands_in_its_file(lines):
    code = bare((ROOT / lines[0].removeprefix("# ")).read_text(encoding="utf-8"))

    for line in lines[1:]:
        assert bare(line).rstrip(",") in code, line


def last_basket() -> Any:
    (code,) = [block for block in blocks(CONTRIBUTING, "python") if "class LastBasket" in block]
    names: dict[str, Any] = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    return names["LastBasket"]


class TestTheBaselineOfTheWalk(RecommenderContract):
    @pytest.fixture
    def log(self):
        return corner_shop.log()

    @pytest.fixture
    def recommender(self, log):
        return Baseline(log, last_basket()(log))

    def test_anas_last_basket_is_bread_and_butter(self, recommender):
        answer = recommender.recommend_many(["ana"], n=2)

        assert set(answer["product_id"]) == {"bread", "butter"}


# --- all pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page):
    named = re.findall(r"`(?:python )?([\w./-]+\.(?:py|md|txt))`", page.read_text(encoding="utf-8"))

    for name in set(named) - NOT_THERE_YET:
        places = [ROOT / name, SRC / name, *(room / name for room in SRC.iterdir() if room.is_dir())]
        assert name.startswith("ranker") or any(place.exists() for place in places), name
