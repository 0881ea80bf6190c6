"""Itineraries: points of interest as products, visits as events, days out as the answer. Experimental."""

from goeswith.scenarios.itinerary.folder import write_itinerary
from goeswith.scenarios.itinerary.itinerary import Itinerary
from goeswith.scenarios.itinerary.next_point import Here, NextPoint, fit_next_point
from goeswith.scenarios.itinerary.planner import plan_itinerary
from goeswith.scenarios.itinerary.points import points_of
from goeswith.scenarios.itinerary.request import DINNER, LUNCH, Day, Meal, Request
from goeswith.scenarios.itinerary.trips import trips_of
from goeswith.scenarios.itinerary.wording import request_of

__all__ = [
    "DINNER",
    "LUNCH",
    "Day",
    "Here",
    "Itinerary",
    "Meal",
    "NextPoint",
    "Request",
    "fit_next_point",
    "plan_itinerary",
    "points_of",
    "request_of",
    "trips_of",
    "write_itinerary",
]
