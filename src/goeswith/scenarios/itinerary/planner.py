"""From a shop's model and a request to days out."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from goeswith.data.log import Log
from goeswith.errors import UnknownId, UsageError
from goeswith.ranking.ranking import Ranking
from goeswith.scenarios.clock import DAY, hour_and_minute
from goeswith.scenarios.itinerary.itinerary import Itinerary, PlannedDay, Visit
from goeswith.scenarios.itinerary.next_point import Here, NextPoint, fit_next_point
from goeswith.scenarios.itinerary.orienteering import Field, Outing, best_days
from goeswith.scenarios.itinerary.paths import inclusion
from goeswith.scenarios.itinerary.points import Points, points_of, travel_seconds
from goeswith.scenarios.itinerary.request import PACES, Meal, Request
from goeswith.scenarios.itinerary.timetable import Timetable, timetable
from goeswith.scenarios.itinerary.trips import Trips, trips_of
from goeswith.scenarios.places import check_places, great_circle_km

LIKED = 1.0
"""Log of how much more a theme counts that was asked for."""
NEAR_KM = 0.5
STEP = 15 * 60


class Guide(Protocol):
    """What a model must be able to say."""

    @property
    def log(self) -> Log: ...

    def recommend(
        self, customer: Any = None, n: int = 10, *, history: Any = None, among: Any = None, unknown: Any = "error"
    ) -> Ranking: ...

    def complete(
        self, basket: Any, customer: Any = None, n: int = 10, *, among: Any = None, why: bool = False
    ) -> Ranking: ...


def plan_itinerary(
    model: Guide,
    request: Request,
    *,
    customer: Any = None,
    history: Sequence[Any] | None = None,
    seconds: float = 2.0,
    suggest: int = 3,
    seed: int = 0,
) -> Itinerary:
    """Days out by what this traveller may want to see next. Experimental.

    The prize of a point is how likely a traveller comes to it, by `next_point` over ways drawn at random; what the
    model says of this customer or history weighs in full.

    Parameters
    ----------
    customer, history : of the shop; whose wishes the model tells. Neither: everybody's
    seconds : to search for days
    suggest : goods, services and points near the way that are named for each day

    Raises
    ------
    UsageError : must-sees that cannot fit (the smallest relaxation is named), nothing open, a bad request
    UnknownId : a product or customer that the shop has not
    """
    placed = points_of(model.log)
    made = trips_of(model.log, placed.item.tolist())
    points = points_of(model.log, made.stays)
    check_request(points, request)
    chain = fit_next_point(made.trips, points.km(), points.theme_rows[1])
    further = wishes(model, points, request, customer, history)
    here = Here((), request.days[0].starts / 3600, None, None, further)
    prizes = prizes_of(chain, points, request, here, seed)
    field = field_of(points, request, prizes)
    check_open(points, request, field)
    made_days = days_of(field, seconds)
    if made_days is None:
        raise UsageError(relaxation(points, field))
    planned = tuple(_day(model, points, request, chain, here, day, one, suggest) for day, one in enumerate(made_days))
    return Itinerary(planned, request.start, request.end or request.start, _notes(made, planned, request))


def check_request(points: Points, request: Request) -> None:
    """Every product, theme and place of the request can be meant."""
    known = {str(one): one for one in points.ids}
    asked = [*request.must, *request.never, *(one for day in request.days for one in day.closed)]
    unknown = [one for one in asked if str(one) not in known]
    if unknown:
        from difflib import get_close_matches

        raise UnknownId("product", unknown, get_close_matches(str(unknown[0]), list(known), 3))
    themes = set(points.themes)
    for theme in request.themes:
        if theme not in themes:
            raise UsageError(f"theme {theme!r} is not in this shop. There are: {', '.join(sorted(themes))}.")
    near = (points.latitude.tolist(), points.longitude.tolist())
    for name, place in (("start", request.start), ("end", request.end)):
        if place is not None:
            check_places("the request", [name], [place[0]], [place[1]], near)


def wishes(
    model: Guide, points: Points, request: Request, customer: Any, history: Sequence[Any] | None
) -> NDArray[np.float64]:
    """(points,) log of how much more than the others each is wanted, by the model and by the themes asked for."""
    liked = np.array([LIKED if theme in request.themes else 0.0 for theme in points.themes])
    if customer is None and history is None:
        return liked
    said = model.recommend(customer, n=len(points), history=history, among=list(points.ids))
    chance = {one: float(p) for one, p in zip(said.ids, said.probabilities, strict=True)}
    least = min(chance.values(), default=1e-3) / 2
    log_p = np.log([max(chance.get(one, least), 1e-6) for one in points.ids])
    return liked + log_p - log_p.mean()


def prizes_of(chain: NextPoint, points: Points, request: Request, here: Here, seed: int) -> NDArray[np.float64]:
    """(points,) from 0 to 1: how likely a traveller comes to each while the days last; never 0, for all may be seen."""
    hours = sum(day.ends - day.starts for day in request.days)
    steps = int(np.clip(hours / (float(np.median(points.stay)) * PACES[request.pace] + 1200), 2, 12))
    shut = [at for at, one in enumerate(points.ids) if one in request.never]
    chance = inclusion(chain, here, steps, n=200, seed=seed, closed=shut)
    return 0.001 + 0.999 * chance / max(float(chance.max()), 1e-9)


def field_of(points: Points, request: Request, prizes: NDArray[np.float64]) -> Field:
    must, never = {str(one) for one in request.must}, {str(one) for one in request.never}
    end = request.end or request.start
    return Field(
        travel_seconds(points.km()),
        _from(points, request.start),
        _from(points, end),
        np.rint(points.stay * PACES[request.pace]).astype(np.int64),
        points.price,
        prizes,
        np.array([str(one) in must for one in points.ids]),
        tuple(_outing(points, request, number, never) for number in range(len(request.days))),
        request.budget,
        request.most,
    )


def _from(points: Points, place: tuple[float, float] | None) -> NDArray[np.int64]:
    if place is None:
        return np.zeros(len(points), np.int64)
    return travel_seconds(great_circle_km(points.latitude, points.longitude, to=([place[0]], [place[1]]))[:, 0])


def _outing(points: Points, request: Request, number: int, never: set[str]) -> Outing:
    day = request.days[number]
    shut = {str(one) for one in day.closed} | never
    spans: list[tuple[tuple[int, int], ...]] = []
    for at, one in enumerate(points.ids):
        opens, closes = int(points.opens[at]), int(points.closes[at])
        if str(one) in shut or day.date.weekday() in points.closed_on[at]:
            spans.append(())
        elif closes <= opens:  # past midnight: a bar that opens at 18:00 and closes at 02:00
            spans.append(((0, closes), (opens, DAY + closes)) if closes else ((opens, DAY),))
        else:
            spans.append(((opens, closes),))
    meals = tuple((*span, meal.seconds) for meal, span in meals_of(request, number))
    return Outing(day.starts, day.ends, tuple(spans), meals)


def check_open(points: Points, request: Request, field: Field) -> None:
    """Somewhere to go on some day, and every must-see open on one."""
    open_ = np.array([any(day.open[at] for day in field.days) for at in range(len(points))])
    when = ", ".join(day.date.isoformat() for day in request.days)
    if not open_.any():
        raise UsageError(f"Nothing is open on {when}, so the day is empty. Choose another day or fewer closures.")
    for at in np.flatnonzero(field.must & ~open_):
        raise UsageError(
            f"{points.ids[at]} ({points.names[at]}) is a must-see and closed on {when}. "
            "Choose another day, or take it off the list."
        )


def days_of(field: Field, seconds: float) -> list[Timetable] | None:
    """A timetable for each day, or None where a must-see has no room.

    Where the solver's order does not hold in the timetable, the least prized points leave until it does.
    """
    ways, missed = best_days(field, seconds)
    days = []
    for day, way in enumerate(ways):
        order = list(way.points)
        while (made := timetable(field, day, order)) is None:
            loose = [point for point in order if not field.must[point]]
            if not loose:
                return None
            order.remove(min(loose, key=lambda point: field.prize[point]))
        days.append(made)
    return None if missed or not days else days


def relaxation(points: Points, field: Field) -> str:
    """Why the must-sees do not fit, and the least that would let them: money, minutes, or one point fewer."""
    must = np.flatnonzero(field.must)
    only = _only(field, must)
    ways: list[str] = []
    cost = float(field.price[must].sum())
    if field.budget is not None and cost > field.budget:
        ways.append(f"raise the budget by {cost - field.budget:g} to {cost:g}")
        only = replace(only, budget=None)
    if field.most is not None and len(must) > field.most * len(field.days):
        ways.append(f"allow {-(-len(must) // len(field.days))} points a day")
        only = replace(only, most=None)
    if not _fits(only):
        minutes = _longer(only)
        if minutes is not None:
            until = hour_and_minute(min(DAY, max(day.ends for day in field.days) + 60 * minutes))
            ways.append(f"make the day {minutes} minutes longer (until {until})")
    if fewer := _fewer(_only(field, must), must):
        named = " and ".join(f"{points.ids[at]} ({points.names[at]})" for at in fewer)
        ways.append(f"leave out {named}")
    told = ", or ".join(ways) if ways else "give another day"
    names = ", ".join(str(points.ids[at]) for at in must)
    return f"The must-sees {names} do not fit. The smallest change that lets them: {told}."


def _only(field: Field, chosen: NDArray[np.int64]) -> Field:
    """The field with these points alone."""
    days = tuple(replace(day, open=tuple(day.open[at] for at in chosen)) for day in field.days)
    return replace(
        field,
        travel=field.travel[np.ix_(chosen, chosen)],
        out=field.out[chosen],
        home=field.home[chosen],
        stay=field.stay[chosen],
        price=field.price[chosen],
        prize=field.prize[chosen],
        must=field.must[chosen],
        days=days,
    )


def _fits(field: Field) -> bool:
    return days_of(field, 0.0) is not None


def _longer(field: Field) -> int | None:
    """The fewest minutes, in steps of 15, by which the days must end later; None where no length helps."""

    def fits(steps: int) -> bool:
        days = tuple(replace(day, ends=day.ends + steps * STEP) for day in field.days)
        return _fits(replace(field, days=days))

    low, high = 0, 8 * 4
    if not fits(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high * STEP // 60


def _fewer(field: Field, must: NDArray[np.int64]) -> tuple[int, ...]:
    """The fewest must-sees, the least prized first, without which the others fit."""
    order = np.argsort(field.prize, kind="stable")
    for size in (1, 2, 3):
        for left in combinations(order.tolist(), size):
            kept = np.array([at for at in range(len(must)) if at not in left], dtype=np.int64)
            if len(kept) and _fits(_only(field, kept)):
                return tuple(int(must[at]) for at in left)
    return ()


def _day(
    model: Guide,
    points: Points,
    request: Request,
    chain: NextPoint,
    here: Here,
    day: int,
    made: Timetable,
    suggest: int,
) -> PlannedDay:
    must = {str(one) for one in request.must}
    seen: tuple[int, ...] = ()
    visits = []
    for stay in made.stays:
        log_p = chain.log_probabilities(replace(here, visited=seen, hour=stay.begins / 3600))
        seen = (*seen, stay.point)
        one = points.ids[stay.point]
        visits.append(
            Visit(
                one,
                points.names[stay.point],
                points.themes[stay.point],
                float(points.latitude[stay.point]),
                float(points.longitude[stay.point]),
                stay.arrives,
                stay.begins,
                stay.ends,
                float(points.price[stay.point]),
                str(one) in must,
                float(np.exp(log_p[stay.point])),
            )
        )
    names = [meal.name for meal, _ in meals_of(request, day)]
    meals = tuple((names[pause.number], pause.begins, pause.ends) for pause in made.pauses)
    told = suggestions(model, points, seen, request, suggest) if suggest and seen else ()
    return PlannedDay(request.days[day].date, made.leaves, made.home, tuple(visits), meals, told)


def meals_of(request: Request, number: int) -> list[tuple[Meal, tuple[int, int]]]:
    """The meals of a day and when each may begin; one that would not end within the day is had elsewhere."""
    day = request.days[number]
    spans = [
        (meal, (max(meal.earliest, day.starts), min(meal.latest, day.ends - meal.seconds))) for meal in request.meals
    ]
    return [(meal, span) for meal, span in spans if span[0] <= span[1]]


def suggestions(
    model: Guide, points: Points, seen: Sequence[int], request: Request, n: int
) -> tuple[dict[str, Any], ...]:
    """Goods and services that go with the day's points, and points near the way that have no room in it."""
    visited = [points.ids[at] for at in seen]
    placed = set(points.ids)
    found: list[dict[str, Any]] = []
    goods = [one for one in model.log.items.series.to_list() if one not in placed]
    if goods:
        ranking = model.complete(visited, n=n, among=goods, why=True)
        found += [{"what": "to take along", **one} for one in ranking.to_dict()["products"]]
    never = {str(one) for one in request.never}
    away = points.km()[:, list(seen)].min(axis=1)
    names = {points.names[at] for at in seen}  # a castle is there once as a park and once as history
    near = [at for at in np.argsort(away, kind="stable") if points.names[at] not in names and away[at] <= NEAR_KM]
    near = [int(at) for at in near if str(points.ids[at]) not in never][:n]
    for at in near:
        reason = f"{1000 * away[at]:.0f} m from the way"
        told = {"product_id": points.ids[at], "name": points.names[at], "reasons": [reason]}
        found.append({"what": "near the way", **told})
    return tuple(found)


def _notes(made: Trips, planned: Sequence[PlannedDay], request: Request) -> tuple[str, ...]:
    notes = [f"{n} visits set aside: {reason}" for reason, n in made.aside.items()]
    notes += [f"{day.date}: no point fits this day" for day in planned if not day.visits]
    return tuple(notes)
