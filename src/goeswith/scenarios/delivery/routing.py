"""The routing problem in whole numbers, and its solution by PyVRP."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import DataError, MissingExtra

if TYPE_CHECKING:
    import pyvrp

FOREVER = 1 << 40


@dataclass(frozen=True)
class Base:
    """A depot. place : its row in the matrices"""

    place: int
    opens: int = 0
    closes: int = FOREVER


@dataclass(frozen=True)
class Visit:
    """A stop as the solver sees it: load by dimension; seconds; a prize in the unit of the costs, if it is optional."""

    place: int
    load: tuple[int, ...] = ()
    opens: int = 0
    closes: int = FOREVER
    service: int = 0
    prize: int = 0
    required: bool = True


@dataclass(frozen=True)
class Fleet:
    """Vans that are alike. start, end : numbers of bases; costs by metre, second, van and second of overtime"""

    number: int
    capacity: tuple[int, ...] = ()
    start: int = 0
    end: int = 0
    opens: int = 0
    closes: int = FOREVER
    longest: int = FOREVER
    farthest: int = FOREVER
    fixed: int = 0
    per_metre: int = 1
    per_second: int = 0
    overtime: int = 0
    per_overtime: int = 0


@dataclass(frozen=True)
class Problem:
    """metres, seconds : (places, places)"""

    metres: NDArray[np.int64]
    seconds: NDArray[np.int64]
    bases: tuple[Base, ...]
    visits: tuple[Visit, ...]
    fleets: tuple[Fleet, ...]


@dataclass(frozen=True)
class Tour:
    """One van's way. visits : numbers of visits in order; arrives, leaves : (visits,) seconds around the service"""

    fleet: int
    visits: tuple[int, ...]
    starts: int
    ends: int
    arrives: tuple[int, ...]
    leaves: tuple[int, ...]
    metres: int


def solve(
    problem: Problem,
    seconds: float,
    seed: int = 0,
    start: Sequence[tuple[int, Sequence[int]]] | None = None,
    iterations: int | None = None,
    enough: int | None = None,
    clock: Callable[[], float] = perf_counter,
) -> list[Tour]:
    """The cheapest tours found in this time: what is driven, less the prizes of optional visits.

    Parameters
    ----------
    seconds : to search
    seed : of the search; the same seed and `iterations` give the same tours
    start : tours to begin from, (fleet, visits)
    iterations : at most; None for as many as the time allows
    enough : a cost at which the search ends
    clock : what the seconds are of; `time.process_time` where others use the machine too

    Raises
    ------
    DataError : no tours were found that keep every rule
    MissingExtra : PyVRP is not installed

    References
    ----------
    Wouda, Lan, Kool, "PyVRP: a high-performance VRP solver package", INFORMS Journal on Computing, 2024.
    """
    try:
        import pyvrp
        import pyvrp.exceptions
    except ImportError as missing:
        raise MissingExtra("Planning routes", "delivery") from missing
    if not problem.visits:
        return []
    data = _data(problem)
    began, rounds = clock(), count()

    def stop(best_cost: float) -> bool:
        done = enough is not None and best_cost <= enough
        return done or clock() - began >= seconds or (iterations is not None and next(rounds) >= iterations)

    begin = None
    if start is not None:
        begin = pyvrp.Solution(data, [pyvrp.Route(data, list(visits), fleet) for fleet, visits in start if visits])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pyvrp.exceptions.PenaltyBoundWarning)  # told below, in the user's words
        found = pyvrp.solve(data, stop=stop, seed=seed, collect_stats=False, display=False, initial_solution=begin)
    if not found.is_feasible():
        raise DataError(
            "No routes were found that keep every window, load and driver's hours. "
            "Give more vehicles or hours, or let some stops be optional."
        )
    return [_tour(problem, route) for route in found.best.routes()]


def _data(problem: Problem) -> "pyvrp.ProblemData":
    import pyvrp

    metres: Any = problem.metres
    seconds: Any = problem.seconds

    n_dims = len(problem.fleets[0].capacity) if problem.fleets else 0
    return pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in range(len(problem.metres))],
        clients=[
            pyvrp.Client(
                location=visit.place,
                delivery=list(visit.load or (0,) * n_dims),
                service_duration=visit.service,
                tw_early=visit.opens,
                tw_late=visit.closes,
                prize=visit.prize,
                required=visit.required,
            )
            for visit in problem.visits
        ],
        depots=[pyvrp.Depot(base.place, base.opens, base.closes) for base in problem.bases],
        vehicle_types=[
            pyvrp.VehicleType(
                num_available=fleet.number,
                start_depot=fleet.start,
                end_depot=fleet.end,
                capacity=list(fleet.capacity),
                tw_early=fleet.opens,
                tw_late=fleet.closes,
                shift_duration=fleet.longest,
                max_distance=fleet.farthest,
                fixed_cost=fleet.fixed,
                unit_distance_cost=fleet.per_metre,
                unit_duration_cost=fleet.per_second,
                max_overtime=fleet.overtime,
                unit_overtime_cost=fleet.per_overtime,
            )
            for fleet in problem.fleets
        ],
        distance_matrices=[metres],
        duration_matrices=[seconds],
    )


def _tour(problem: Problem, route: "pyvrp.Route") -> Tour:
    served = [step for step in route.schedule() if step.is_client()]
    return Tour(
        route.vehicle_type(),
        tuple(step.idx for step in served),
        route.start_time(),
        route.end_time(),
        tuple(step.start_time for step in served),
        tuple(step.end_time for step in served),
        route.distance(),
    )
