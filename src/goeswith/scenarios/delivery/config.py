"""What can be set for a day's delivery."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from goeswith.errors import UsageError


class DeliveryConfig(BaseModel, frozen=True, extra="forbid"):
    """How wants become loads and loads become routes."""

    days: PositiveFloat = 7.0
    """Until the visit after this one: what is not brought today waits so long."""
    products: PositiveInt = 40
    """Products that are weighed for each stop."""
    margin: float = 0.25
    """Share of the price that is earned, where the catalogue has no column `margin` (money per unit)."""
    unsold: NonNegativeFloat = 0.05
    """Share of the price that is lost when a unit comes back unsold: handling, chilling, waste."""
    detour: PositiveFloat = 1.3
    """Kilometres of road in a kilometre of great circle."""
    speed_kmh: PositiveFloat = 35.0
    service_minutes: PositiveFloat = 6.0
    """At a stop of which nothing is known; visits that were timed draw it to what they took."""
    suggest: NonNegativeInt = 1
    """Further products that are named at each visited stop, with the reasons."""
    seconds: PositiveFloat = 10.0
    """Time to search for routes."""
    iterations: PositiveInt | None = None
    """The search ends after so many rounds; with time enough for them, the same seed gives the same plan anywhere."""
    seed: NonNegativeInt = 0


def settings_from(file: Path | None, seconds: float | None = None) -> DeliveryConfig:
    """The settings of a TOML file, or the defaults; `seconds` wins over both.

    Raises
    ------
    UsageError : no such file, not TOML, or settings that do not exist or cannot run
    """
    values: dict[str, object] = {}
    try:
        if file is not None:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        if seconds is not None:
            values["seconds"] = seconds
        return DeliveryConfig.model_validate(values)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}). Pass --config with a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not valid TOML ({error}).") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise UsageError(f"{file}: {len(lines)} settings cannot be used:\n" + "\n".join(lines)) from error
