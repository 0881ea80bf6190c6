"""What a fit cost, stage by stage, and what less of it would have cost in quality."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SMALL = 0.02
"""Stages below this share of the time are told together."""


@dataclass(frozen=True)
class Cheaper:
    """One way to spend less, measured in the very fit that did not take it.

    setting : as it stands in fit.toml
    saves : seconds of this fit
    figure : what was measured; value : with less, instead_of : as it was
    better : "higher" or "lower", which way the figure is good
    """

    setting: str
    saves: float
    figure: str
    value: float
    instead_of: float
    better: str = "higher"

    @property
    def loss(self) -> float:
        """What it would have cost, in the figure's own unit; below 0 where less would have been better."""
        return self.instead_of - self.value if self.better == "higher" else self.value - self.instead_of

    def __str__(self) -> str:
        worth = "no worse" if self.loss <= 0 else f"worse by {abs(self.loss):.4f}"
        measured = f"{self.figure} {self.value:.4f}, not {self.instead_of:.4f}"
        return f"{self.setting}: {self.saves:,.0f} s less; {measured} ({worth})"


@dataclass(frozen=True)
class Cost:
    """Where time and memory went.

    seconds : stage -> seconds, in the order they ran
    memory : stage -> MB of this process at its highest
    cheaper : ways to spend less
    """

    seconds: Mapping[str, float]
    memory: Mapping[str, float]
    cheaper: list[Cheaper] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {
            "seconds": dict(self.seconds),
            "memory": dict(self.memory),
            "cheaper": [{**asdict(each), "loss": each.loss} for each in self.cheaper],
        }

    def __str__(self) -> str:
        """
        >>> print(Cost({"read": 1.0, "learn": 99.0}, {"read": 300.0, "learn": 900.0}))
        Where 100 s went (at most 900 MB):
              99 s  99 %     900 MB  learn
               1 s   1 %             1 shorter stage
        """
        total = sum(self.seconds.values()) or 1.0
        lines = [f"Where {total:,.0f} s went (at most {max(self.memory.values(), default=0):,.0f} MB):"]
        long = {name: seconds for name, seconds in self.seconds.items() if seconds >= SMALL * total}
        for name, seconds in long.items():
            lines.append(f"  {_spent(seconds, total)} {self.memory.get(name, 0):7,.0f} MB  {name}")
        rest = [seconds for name, seconds in self.seconds.items() if name not in long]
        if rest:
            noun = "shorter stage" if len(rest) == 1 else "shorter stages"
            lines.append(f"  {_spent(sum(rest), total)}             {len(rest)} {noun}")
        if self.cheaper:
            lines += ["With less, by what this fit measured on its way:", *(f"  {each}" for each in self.cheaper)]
        return "\n".join(lines)


def _spent(seconds: float, total: float) -> str:
    return f"{seconds:6,.0f} s {100 * seconds / total:3.0f} %"


def cost_of(facts: Mapping[str, Any]) -> Cost | None:
    """The cost that a model remembers; None where an earlier version of goeswith wrote none down."""
    told = facts.get("cost")
    if not told:
        return None
    cheaper = [Cheaper(**{n: v for n, v in each.items() if n != "loss"}) for each in told["cheaper"]]
    return Cost(told["seconds"], told["memory"], cheaper)
