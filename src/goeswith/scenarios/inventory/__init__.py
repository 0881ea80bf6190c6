"""What to stock, because of what goes with what: forecasts, orders, and what they would have saved."""

from goeswith.scenarios.inventory.advice import Advice, advise
from goeswith.scenarios.inventory.folder import FOLDER, write_advice, write_forecast, write_plan, write_simulation
from goeswith.scenarios.inventory.forecast import Forecast, forecast
from goeswith.scenarios.inventory.output import category_names, report_data, report_html
from goeswith.scenarios.inventory.plan import Plan, plan
from goeswith.scenarios.inventory.policy import PolicyConfig
from goeswith.scenarios.inventory.simulate import Simulation, simulate

__all__ = [
    "forecast", "Forecast", "plan", "Plan", "PolicyConfig", "simulate", "Simulation", "advise", "Advice",
    "write_forecast", "write_plan", "write_simulation", "write_advice", "FOLDER",
    "report_data", "report_html", "category_names",
]  # fmt: skip
