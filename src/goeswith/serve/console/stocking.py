"""Inventory runs as the console asks for them, and what they leave for its page."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from goeswith.data.shop import Shop
from goeswith.errors import UsageError
from goeswith.model import meanings_of
from goeswith.progress import Progress
from goeswith.serve.console.uploads import Uploads

FILES = ("stock", "promotions", "holidays")
"""What a planner may bring, one file of each: a later one takes the place of the one before it."""


class Wanted(BaseModel):
    """What an inventory run is asked for, as its form sends it; see `goeswith inventory`."""

    action: Literal["forecast", "plan", "simulate", "advise"] = "plan"
    by: Literal["day", "week"] = "week"
    stores: bool = False
    top: int = Field(500, ge=0, le=1_000_000)
    horizon: int = Field(4, ge=1, le=104)
    service: float = Field(95.0, gt=0, lt=100, description="per cent of the demand that is met from the shelf")
    order_cost: float = Field(0.0, ge=0)
    budget: float | None = Field(None, ge=0)
    space: float | None = Field(None, ge=0)
    lead_time: float = Field(7.0, ge=0, le=3_650, description="days; of a simulation without an inventory file")
    weeks: int = Field(8, ge=1, le=104)


def files_of(own: Path) -> Uploads:
    """The planner's files that wait in a folder of the console."""
    return Uploads(own / "planner", FILES)


def run(shop: Shop, wanted: Wanted, files: dict[str, Path], progress: Progress) -> list[str]:
    """Do what is wanted, write it below the shop as the command does, and name what was written.

    Raises
    ------
    UsageError : a plan without a stock file
    """
    from goeswith.scenarios import inventory

    folder = shop.folder / inventory.FOLDER
    shared: dict[str, Any] = {
        "by": wanted.by, "top": wanted.top, "promotions": files.get("promotions"), "vectors": meanings_of(shop),
        "progress": progress,
    }  # fmt: skip
    if wanted.action == "advise":
        return _names(inventory.write_advice(inventory.advise(shop, **shared), folder))
    shared |= {"stores": wanted.stores, "holidays": files.get("holidays")}
    if wanted.action == "forecast":
        told = inventory.forecast(shop, horizon=wanted.horizon, **shared)
        return _names(inventory.write_forecast(told, shop.products(), folder, shop.name))
    policy = inventory.PolicyConfig(service=wanted.service / 100, order_cost=wanted.order_cost)
    if wanted.action == "plan":
        if "stock" not in files:
            raise UsageError("An order proposal needs what is in stock. Send the stock file, or ask for a forecast.")
        plan = inventory.plan(shop, files["stock"], config=policy, budget=wanted.budget, space=wanted.space, **shared)
        return _names(inventory.write_plan(plan, shop.products(), folder, shop.name))
    played = inventory.simulate(
        shop, weeks=wanted.weeks, stock=files.get("stock"), lead_time_days=wanted.lead_time, config=policy, **shared
    )
    return _names(inventory.write_simulation(played, folder))


def _names(written: list[Path]) -> list[str]:
    return [path.name for path in written]
