"""goeswith itinerary"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from goeswith.cli.arguments import AsJson, ModelVersion, ShopFolder, listed
from goeswith.cli.printing import next_command, percent, say, show, show_json, show_table

if TYPE_CHECKING:
    from goeswith.scenarios.itinerary import Itinerary


def itinerary(
    shop: ShopFolder,
    action: Annotated[Literal["plan"], typer.Argument(metavar="ACTION", help="plan: days out.")] = "plan",
    date: Annotated[
        list[str] | None, typer.Option("--date", metavar="DATE", help="A day, 2024-05-01; repeat for several.")
    ] = None,
    begin: Annotated[str, typer.Option("--from", metavar="HH:MM", help="When a day may begin.")] = "09:00",
    until: Annotated[str, typer.Option("--until", metavar="HH:MM", help="When a day must have ended.")] = "18:00",
    must: Annotated[str | None, typer.Option(metavar="P,P", help="Points that have to be in the plan.")] = None,
    never: Annotated[str | None, typer.Option(metavar="P,P", help="Points that must not be.")] = None,
    themes: Annotated[
        str | None, typer.Option(metavar="T,T", help="Themes (categories) that the traveller likes.")
    ] = None,
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER", help="Whose wishes the model tells.")] = None,
    history: Annotated[
        str | None, typer.Option(metavar="P,P", help="Or what somebody nobody knows has liked, oldest first.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="LAT,LON", help="Where each day begins, a hotel.")] = None,
    end: Annotated[
        str | None, typer.Option(metavar="LAT,LON", help="Where each day ends. [default: the start]")
    ] = None,
    pace: Annotated[Literal["relaxed", "normal", "brisk"], typer.Option(help="How long to stay anywhere.")] = "normal",
    meals: Annotated[str, typer.Option(metavar="M,M", help="Of lunch, dinner; none for none.")] = "lunch",
    budget: Annotated[float | None, typer.Option(metavar="MONEY", help="For all days together.")] = None,
    most: Annotated[int | None, typer.Option(metavar="N", help="Points a day at most.")] = None,
    closed: Annotated[
        list[str] | None,
        typer.Option(metavar="[DATE:]P,P", help="Closed for weather or works, on one day or all; may repeat."),
    ] = None,
    suggest: Annotated[int, typer.Option(metavar="N", min=0, help="Suggestions along the way, for each day.")] = 3,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.0, help="How long to search.")] = 2.0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write table, GeoJSON and map here.")] = None,
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """Plan days out among a shop's places: what this traveller may want to see next, in the time there is."""
    import goeswith as gw
    from goeswith.scenarios import itinerary as room

    request = room.request_of(
        date or [],
        begin,
        until,
        must=listed(must) or [],
        never=listed(never) or [],
        themes=listed(themes) or [],
        start=start,
        end=end,
        pace=pace,
        meals=listed(meals) or [],
        budget=budget,
        most=most,
        closed=closed or [],
    )
    made = room.plan_itinerary(
        gw.load(shop, model), request, customer=customer, history=listed(history), seconds=seconds, suggest=suggest
    )
    files = [] if out is None else room.write_itinerary(made, out)
    if json:
        show_json({"days": made.days, "price": made.price, "notes": made.notes, "files": files})
        return
    show_itinerary(made)
    if files:
        say(f"\nWritten to {out}: {', '.join(file.name for file in files)}")
    first = next((visit for day in made.days for visit in day.visits), None)
    if first is not None:
        next_command("related", shop, first.product_id, "--why")


def show_itinerary(made: "Itinerary") -> None:
    """The days by the clock, and what to take along."""
    from goeswith.scenarios.clock import hour_and_minute

    for day in made.days:
        show(f"{day.date}, {hour_and_minute(day.leaves)} to {hour_and_minute(day.home)}")
        rows: list[tuple[int, list[str]]] = [
            (
                visit.begins,
                [
                    f"{hour_and_minute(visit.begins)} to {hour_and_minute(visit.ends)}",
                    f"{visit.name}{' (must-see)' if visit.must else ''}",
                    visit.theme,
                    percent(visit.probability),
                ],
            )
            for visit in day.visits
        ]
        rows += [
            (begins, [f"{hour_and_minute(begins)} to {hour_and_minute(ends)}", name, "", ""])
            for name, begins, ends in day.meals
        ]
        show_table(["when", "what", "theme", "probability"], [row for _, row in sorted(rows)])
        for one in day.suggestions:
            why = f", {one['reasons'][0]}" if one.get("reasons") else ""
            show(f"  {one['what']}: {one['name']}{why}")
        show("")
    if made.price:
        show(f"Entrance {made.price:.2f} in all.")
    for note in made.notes:
        show(f"Note: {note}.")
