"""The best days out as an orienteering problem with time windows, solved by OR-Tools.

References
----------
Vansteenwegen, Souffriau, Van Oudheusden, "The orienteering problem: a survey", EJOR 2011.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import MissingExtra

PRIZE = 100_000
MUST = 1_000 * PRIZE
MONEY = 100


@dataclass(frozen=True)
class Outing:
    """One day's frame, in seconds after its midnight.

    meals : (earliest, latest, seconds) of pauses
    open : (points,) lists of (from, to) within which a stay must lie
    """

    starts: int
    ends: int
    open: tuple[tuple[tuple[int, int], ...], ...]
    meals: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True)
class Field:
    """Everything the solver needs.

    travel : (points, points) seconds; out, home : (points,) seconds from where a day begins and to where it ends
    stay, price : (points,); prize : (points,) from 0 to 1; must : (points,)
    budget : for all days; most : points a day
    """

    travel: NDArray[np.int64]
    out: NDArray[np.int64]
    home: NDArray[np.int64]
    stay: NDArray[np.int64]
    price: NDArray[np.float64]
    prize: NDArray[np.float64]
    must: NDArray[np.bool_]
    days: tuple[Outing, ...]
    budget: float | None = None
    most: int | None = None


@dataclass(frozen=True)
class Way:
    """One day. points : positions in order; arrives : when each stay begins; meals : when each pause does"""

    points: tuple[int, ...]
    arrives: tuple[int, ...]
    meals: tuple[int, ...]
    starts: int
    ends: int


def best_days(field: Field, seconds: float = 2.0) -> tuple[list[Way], list[int]]:
    """Days of the greatest prize, and the must-sees that found no room.

    Parameters
    ----------
    seconds : to search; 0 stops at the first plan that no single change betters

    Raises
    ------
    MissingExtra : OR-Tools is not installed
    """
    try:
        from ortools.constraint_solver import pywrapcp, routing_enums_pb2
    except ImportError as missing:
        raise MissingExtra("Planning itineraries", "delivery") from missing
    n, n_days = len(field.stay), len(field.days)
    first, last = n, n + n_days  # a start and an end for each day
    manager = pywrapcp.RoutingIndexManager(
        n + 2 * n_days, n_days, [first + day for day in range(n_days)], [last + day for day in range(n_days)]
    )
    routing = pywrapcp.RoutingModel(manager)
    travel = np.zeros((n + 2 * n_days, n + 2 * n_days), np.int64)
    travel[:n, :n] = field.travel
    travel[first:last, :n] = field.out
    travel[:n, last:] = field.home[:, None]
    stay = np.concatenate([field.stay, np.zeros(2 * n_days, np.int64)])
    cost = routing.RegisterTransitMatrix((travel // 60).tolist())
    routing.SetArcCostEvaluatorOfAllVehicles(cost)
    passing = routing.RegisterTransitMatrix((travel + stay[:, None]).tolist())
    midnight = [day * 48 * 3600 for day in range(n_days)]  # days apart, so that hours never mix
    horizon = midnight[-1] + 48 * 3600
    routing.AddDimension(passing, horizon, horizon, False, "time")
    time = routing.GetDimensionOrDie("time")
    solver = routing.solver()

    for day, outing in enumerate(field.days):
        for index in (routing.Start(day), routing.End(day)):
            time.CumulVar(index).SetRange(midnight[day] + outing.starts, midnight[day] + outing.ends)
        time.SetSpanUpperBoundForVehicle(outing.ends - outing.starts, day)
        routing.AddVariableMinimizedByFinalizer(time.CumulVar(routing.End(day)))
    for point in range(n):
        index = manager.NodeToIndex(point)
        spans = [
            (midnight[day] + opens, midnight[day] + closes - int(field.stay[point]))
            for day, outing in enumerate(field.days)
            for opens, closes in outing.open[point]
            if closes - opens >= field.stay[point]
        ]
        penalty = MUST if field.must[point] else int(PRIZE * field.prize[point])
        if not spans:
            routing.AddDisjunction([index], penalty)
            solver.Add(routing.ActiveVar(index) == 0)
            continue
        time.CumulVar(index).SetRange(spans[0][0], spans[-1][1])
        for (_, before), (after, _) in pairwise(spans):
            if before + 1 <= after - 1:
                time.CumulVar(index).RemoveInterval(before + 1, after - 1)
        routing.AddDisjunction([index], penalty)
    if field.budget is not None:
        price = [int(np.ceil(MONEY * one - 1e-9)) for one in field.price] + [0] * (2 * n_days)
        limit = int(MONEY * field.budget + 1e-9)
        paying = routing.RegisterUnaryTransitVector(price)
        routing.AddDimension(paying, 0, limit, True, "money")
        money = routing.GetDimensionOrDie("money")
        if n_days > 1:
            solver.Add(solver.Sum([money.CumulVar(routing.End(day)) for day in range(n_days)]) <= limit)
    if field.most is not None:
        counting = routing.RegisterUnaryTransitVector([1] * n + [0] * (2 * n_days))
        routing.AddDimension(counting, 0, field.most, True, "points")
    pauses = []
    staying = [int(stay[manager.IndexToNode(index)]) for index in range(routing.Size())]
    staying += [0] * n_days
    for day, outing in enumerate(field.days):
        breaks = []
        for at, (earliest, latest, length) in enumerate(outing.meals):
            # Unless it is told, a pause may lie before the day begins or after it ends.
            begin = midnight[day] + max(earliest, outing.starts)
            until = midnight[day] + min(latest, outing.ends - length)
            breaks.append(solver.FixedDurationIntervalVar(begin, until, length, False, f"meal {day} {at}"))
        if breaks:
            time.SetBreakIntervalsOfVehicle(breaks, day, staying)
        pauses.append(breaks)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    if seconds > 0:
        parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        parameters.time_limit.FromMilliseconds(int(1000 * seconds))
    else:
        parameters.time_limit.FromMilliseconds(10_000)
    found = routing.SolveWithParameters(parameters)
    if found is None:
        return [], [int(one) for one in np.flatnonzero(field.must)]
    ways = []
    for day in range(n_days):
        points, arrives = [], []
        index = routing.Start(day)
        starts = found.Min(time.CumulVar(index)) - midnight[day]
        while not routing.IsEnd(index := found.Value(routing.NextVar(index))):
            points.append(int(manager.IndexToNode(index)))
            arrives.append(int(found.Min(time.CumulVar(index)) - midnight[day]))
        ends = int(found.Min(time.CumulVar(index)) - midnight[day])
        meals = _meals(found, pauses[day], midnight[day])
        ways.append(Way(tuple(points), tuple(arrives), meals, int(starts), ends))
    went = {point for way in ways for point in way.points}
    return ways, [int(one) for one in np.flatnonzero(field.must) if int(one) not in went]


def _meals(found: object, pauses: Sequence[object], midnight: int) -> tuple[int, ...]:
    """When each pause begins; read from the solution by name."""
    begins = {}
    container = found.IntervalVarContainer()  # type: ignore[attr-defined]
    for at in range(container.Size()):
        element = container.Element(at)
        begins[element.Var().Name()] = int(element.StartMin() - midnight)
    return tuple(begins[pause.Name()] for pause in pauses)  # type: ignore[attr-defined]
