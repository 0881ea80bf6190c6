"""Rules as a merchandiser writes them: a form with lines, what changes, and publishing that overwrites nobody."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import insert, select, update

from goeswith.errors import UsageError
from goeswith.serve.business_rules import BusinessRules
from goeswith.serve.store.database import Database, now, raise_count, write_down
from goeswith.serve.store.tables import rules

LINES = ("ban", "apart", "pin", "boost", "caps")


class Conflict(UsageError):
    """Somebody else published rules since these were begun."""


def as_form(given: BusinessRules) -> dict[str, Any]:
    """Rules as the fields of the form."""
    return {
        **given.model_dump(),
        "ban": "\n".join(given.ban),
        "apart": "\n".join(f"{a} | {b}" for a, b in given.apart),
        "pin": "\n".join(given.pin),
        "boost": "\n".join(f"{one.factor:g} | {one.where}" for one in given.boost),
        "caps": "\n".join(f"{one.most} | {one.column}" for one in given.caps),
        "ban_where": given.ban_where or "",
    }


def from_form(form: Mapping[str, Any]) -> BusinessRules:
    """
    Raises
    ------
    UsageError : a line or value that cannot be read; it is named

    Examples
    --------
    >>> from_form({"apart": "milk | bleach", "boost": '2 | brand = "Nonna"'}).apart
    [('milk', 'bleach')]
    """
    lines = {name: [line.strip() for line in str(form.get(name, "")).splitlines() if line.strip()] for name in LINES}
    values: dict[str, Any] = {
        "hide_unavailable": "hide_unavailable" in form,
        "hide_out_of_stock": "hide_out_of_stock" in form,
        "ban": list(dict.fromkeys(lines["ban"])),
        "apart": [_two(line, "apart") for line in lines["apart"]],
        "pin": list(dict.fromkeys(lines["pin"])),
        "boost": [{"factor": a, "where": b} for a, b in (_two(line, "boost") for line in lines["boost"])],
        "caps": [{"most": a, "column": b} for a, b in (_two(line, "caps") for line in lines["caps"])],
        "ban_where": str(form.get("ban_where", "")).strip() or None,
    }
    for name in ("margin_weight", "margin_column", "hide_bought_days"):
        if text := str(form.get(name, "")).strip():
            values[name] = text
    try:
        return BusinessRules.model_validate(values)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or 'rules'}: {one['msg']}" for one in error.errors()[:5]]
        raise UsageError("; ".join(told)) from error


def changes(old: BusinessRules, new: BusinessRules) -> list[dict[str, Any]]:
    """Rule by rule, what came and what went."""
    found = []
    before, after = as_form(old), as_form(new)
    for name, value in after.items():
        if value == before[name]:
            continue
        if name in LINES:
            was, now_ = before[name].splitlines(), value.splitlines()
            came, went = [line for line in now_ if line not in was], [line for line in was if line not in now_]
        else:
            came, went = [str(value)], [str(before[name])]
        found.append({"rule": name, "came": came, "went": went})
    return found


def publish(database: Database, given: BusinessRules, note: str, actor: str, base: int) -> int:
    """Let rules hold that were begun from version `base`, and give their number.

    Raises
    ------
    Conflict : another version holds by now
    """
    with database.writing() as connection:
        held = update(rules).where(rules.c.active, rules.c.version == base).values(active=False)
        if not connection.execute(held).rowcount and (
            base or connection.execute(select(rules.c.version).where(rules.c.active)).first() is not None
        ):
            raise Conflict("Somebody else published rules since you began. Yours are kept below; look at both.")
        made = connection.execute(
            insert(rules).values(
                rules=given.model_dump(mode="json"), note=note[:500], created=now(), created_by=actor, active=True
            )
        )
        version = int(made.inserted_primary_key[0])  # type: ignore[index]
        write_down(connection, actor, "rules set", str(version), {"note": note[:500], "base": base})
        raise_count(connection, "rules")
    return version


def _two(line: str, field: str) -> tuple[str, str]:
    left, bar, right = line.partition(" | ")
    if not bar or not left.strip() or not right.strip():
        raise UsageError(f"{field}: “{line[:80]}” has not two parts. Write them with a bar between: A | B")
    return left.strip(), right.strip()
