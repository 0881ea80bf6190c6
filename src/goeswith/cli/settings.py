"""Settings from a file and from flags; flags win."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from goeswith.errors import UsageError

if TYPE_CHECKING:
    from goeswith import FitConfig

PLACES = {
    "seed": ("seed",),
    "objective": ("finetune", "objective"),
    "method": ("finetune", "method"),
    "encoder": ("encoder",),
    "causal": ("reader", "causal"),
}
"""Where in FitConfig each flag lives."""


def settings_from(file: Path | None, **flags: object) -> "FitConfig":
    """
    Parameters
    ----------
    file : a TOML file; None for the defaults
    flags : of PLACES; None where the user gave none

    Raises
    ------
    UsageError : the file cannot be read, or a value cannot run; every mistake is named at once
    """
    import goeswith as gw

    settings = gw.FitConfig() if file is None else gw.FitConfig.from_toml(file)
    given = {name: value for name, value in flags.items() if value is not None}
    if not given:
        return settings
    values: dict[str, Any] = settings.model_dump(exclude_unset=True)
    for name, value in given.items():
        *rooms, last = PLACES[name]
        part = values
        for room in rooms:
            part = part.setdefault(room, {})
        part[last] = value
    try:
        return gw.FitConfig.model_validate(values)
    except ValidationError as wrong:
        raise UsageError(mistakes(wrong)) from None


def mistakes(wrong: ValidationError) -> str:
    """Every mistake of a config on a line of its own: where, what is wrong, what was given."""
    lines = []
    for error in wrong.errors():
        place = ".".join(map(str, error["loc"]))
        option = next((f"--{name}" for name, path in PLACES.items() if ".".join(path) == place), place)
        lines.append(f"{option}: {error['msg']} (got {error['input']!r})")
    return "\n".join(lines)
