"""goeswith tells a shop what goes with what, for whom, and why."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goeswith.association.probability import Probability
    from goeswith.config import FitConfig
    from goeswith.data.shop import Shop
    from goeswith.evaluation.report import Report
    from goeswith.explain.explanation import Explanation
    from goeswith.flow import evaluate, fit
    from goeswith.model import Model, load
    from goeswith.ranking.ranking import Ranking

__version__ = "0.1.0"
__all__ = ["Explanation", "FitConfig", "Model", "Probability", "Ranking", "Report", "Shop", "evaluate", "fit", "load"]

# A name is imported when it is first asked for: `goeswith --help` needs no PyTorch.
_HOMES = {
    "Explanation": "goeswith.explain.explanation",
    "FitConfig": "goeswith.config",
    "Model": "goeswith.model",
    "Probability": "goeswith.association.probability",
    "Ranking": "goeswith.ranking.ranking",
    "Report": "goeswith.evaluation.report",
    "Shop": "goeswith.data.shop",
    "evaluate": "goeswith.flow",
    "fit": "goeswith.flow",
    "load": "goeswith.model",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'goeswith' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
