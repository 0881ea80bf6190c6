"""The rooms stand in one direction, and a few doors stay shut in all of them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "goeswith"
FLOW = "data language association ranking evaluation explain continual trust scenarios serve".split()  # noqa: SIM905
FILES = sorted(SRC.rglob("*.py"))
PICKLERS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
VAGUE = {"utils", "util", "helpers", "helper", "managers", "manager", "common", "misc"}


@cache
def imports_of(file: Path) -> list[ast.Import | ast.ImportFrom]:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file)))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def modules_imported_by(file: Path) -> Iterator[str]:
    """Dotted names, wherever in the file the import stands; `from a import b` gives a and a.b."""
    for node in imports_of(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported_by(file: Path) -> set[str]:
    parts = [module.split(".") for module in modules_imported_by(file)]
    return {part[1] for part in parts if part[0] == "goeswith" and len(part) > 1}


def named(file: Path) -> str:
    return str(file.relative_to(SRC))


@pytest.mark.parametrize("room", FLOW)
def test_a_room_never_imports_a_later_one(room: str) -> None:
    later = set(FLOW[FLOW.index(room) + 1 :])

    for file in (SRC / room).rglob("*.py"):
        assert not rooms_imported_by(file) & later, f"{named(file)} imports a later room"


@pytest.mark.parametrize("room", FLOW)
def test_a_room_never_imports_what_stands_on_top_of_all_rooms(room: str) -> None:
    # The service stands behind the public API and calls it.
    above = {"cli", "demo"} if room == "serve" else {"flow", "model", "versions", "cli", "demo", "planning"}

    for file in (SRC / room).rglob("*.py"):
        assert not rooms_imported_by(file) & above, named(file)


@pytest.mark.parametrize("file", FILES, ids=named)
def test_nothing_is_pickled(file: Path) -> None:
    assert not {module.split(".")[0] for module in modules_imported_by(file)} & PICKLERS


@pytest.mark.parametrize("file", FILES, ids=named)
def test_imports_are_absolute(file: Path) -> None:
    assert not [node.lineno for node in imports_of(file) if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("file", FILES, ids=named)
def test_a_file_is_named_after_the_idea_it_holds(file: Path) -> None:
    assert not {file.stem, *file.relative_to(SRC).parent.parts} & VAGUE


def test_only_one_file_of_the_command_line_knows_rich() -> None:
    users = {
        file.name for file in SRC.rglob("*.py") if any(m.split(".")[0] == "rich" for m in modules_imported_by(file))
    }

    assert users <= {"printing.py"}
