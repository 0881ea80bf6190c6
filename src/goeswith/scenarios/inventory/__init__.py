"""What to stock, because of what goes with what: forecasts, orders, and what they would have saved."""

from goeswith.scenarios.inventory.forecast import Forecast, forecast

__all__ = ["Forecast", "forecast"]
