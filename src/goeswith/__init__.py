"""goeswith tells a shop what goes with what, for whom, and why."""

from goeswith.association.probability import Probability
from goeswith.config import FitConfig
from goeswith.data.shop import Shop
from goeswith.evaluation.report import Report
from goeswith.explain.explanation import Explanation
from goeswith.flow import evaluate, fit
from goeswith.model import Model, load
from goeswith.ranking.ranking import Ranking

__version__ = "0.1.0"
__all__ = [
    "Explanation",
    "FitConfig",
    "Model",
    "Probability",
    "Ranking",
    "Report",
    "Shop",
    "evaluate",
    "fit",
    "load",
]
