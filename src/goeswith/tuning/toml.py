"""Settings as TOML text; the standard library reads it, and does not write it."""

import json
from collections.abc import Mapping
from typing import Any


def to_toml(settings: Mapping[str, Any], remarks: tuple[str, ...] = ()) -> str:
    """Tables of plain values; None is left out, for TOML has none.

    >>> print(to_toml({"seed": 0, "finetune": {"rate": 6e-05, "method": "lora"}}, ("found by trying",)))
    # found by trying
    seed = 0
    <BLANKLINE>
    [finetune]
    rate = 6e-05
    method = "lora"
    <BLANKLINE>
    """
    lines = [f"# {remark}" for remark in remarks]
    return "\n".join([*lines, *_table(settings, "")]) + "\n"


def _table(settings: Mapping[str, Any], path: str) -> list[str]:
    lines = [f"{n} = {_value(v)}" for n, v in settings.items() if v is not None and not isinstance(v, Mapping)]
    for name, below in settings.items():
        if isinstance(below, Mapping):
            full = f"{path}{name}"
            inside = _table(below, f"{full}.")
            own = any(not isinstance(value, Mapping) and value is not None for value in below.values())
            lines += (["", f"[{full}]"] if own else []) + inside
    return lines


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False)
