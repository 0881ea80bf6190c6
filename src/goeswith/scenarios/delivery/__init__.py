"""Delivery: what each stop may want, what the vans load for it, and the way there. Experimental."""

from goeswith.scenarios.delivery.config import DeliveryConfig, settings_from
from goeswith.scenarios.delivery.folder import read_plan, write_plan
from goeswith.scenarios.delivery.loads import goods_of, read_orders
from goeswith.scenarios.delivery.network import Roads, network_of
from goeswith.scenarios.delivery.nodes import Depot, Stop, Van, read_depots, read_stops, read_vans
from goeswith.scenarios.delivery.plan import Plan
from goeswith.scenarios.delivery.planner import dimensions_of, plan_day, plan_loads
from goeswith.scenarios.delivery.replan import Replanned, goods_of_shop, new_stops, replan
from goeswith.scenarios.delivery.service import read_visits
from goeswith.scenarios.delivery.wants import wants_of

__all__ = [
    "DeliveryConfig",
    "Depot",
    "Plan",
    "Replanned",
    "Roads",
    "Stop",
    "Van",
    "dimensions_of",
    "goods_of",
    "goods_of_shop",
    "network_of",
    "new_stops",
    "plan_day",
    "plan_loads",
    "read_depots",
    "read_orders",
    "read_plan",
    "read_stops",
    "read_vans",
    "read_visits",
    "replan",
    "settings_from",
    "wants_of",
    "write_plan",
]
