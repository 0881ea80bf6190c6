"""Everything that can be set for a fit, room by room; one TOML file holds it all."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, PositiveFloat, PositiveInt, ValidationError

from goeswith.association.finetune import FinetuneConfig
from goeswith.association.parts import PartsConfig
from goeswith.association.train import FeatureConfig
from goeswith.errors import UsageError
from goeswith.language.item_text import ItemTextConfig
from goeswith.ranking.rules import RulesConfig
from goeswith.ranking.training import LearningConfig


class ReaderConfig(BaseModel, frozen=True, extra="forbid"):
    """A model that reads a history and the first candidates together, once the ranker has chosen them."""

    causal: str | None = None
    """A causal model (GPT family): packaged:gemma-3-270m, a local folder, or a hub name. None: no causal model; with
    the objective pair, its classifier reads."""
    cut_vocabulary: bool = True
    """Let the causal model know the shop's tokens only; several times faster where the vocabulary is large."""
    n_baskets: PositiveInt = 200
    """Held-out baskets that decide whether it is believed, and how much."""


class FitConfig(BaseModel, frozen=True, extra="forbid"):
    """How a shop becomes a model. The defaults are meant to serve; every shop is measured with the same ones."""

    encoder: str = "auto"
    """M: a packaged name, a local folder, or a hub name where there is a network. auto takes the packaged English
    encoder, or the multilingual one where the catalogue is not English."""
    device: str = "auto"
    encode_seconds: PositiveFloat = 1800.0
    """What reading the catalogue may take. A larger one is read by the int8 form of M, the largest by a static student
    of it, and the fit says so."""
    text: ItemTextConfig = ItemTextConfig()
    words: PositiveInt = 384
    """Dimensions of the lexical view."""
    finetune: FinetuneConfig = FinetuneConfig()
    features: FeatureConfig = FeatureConfig()
    parts: PartsConfig = PartsConfig()
    learning: LearningConfig = LearningConfig()
    rules: RulesConfig = RulesConfig()
    reader: ReaderConfig = ReaderConfig()
    diversity: float = 0.0
    """Strength of maximal marginal relevance, 0 to 1; 0 leaves the order to the ranker."""
    horizon_days: PositiveInt = 28
    """What a recommendation promises: bought within so many days."""
    seed: int = 0

    @classmethod
    def from_toml(cls, path: str | Path) -> "FitConfig":
        """Read a fit.toml.

        Raises
        ------
        UsageError : no such file, not TOML, or settings that do not exist or cannot run; all named at once
        """
        file = Path(path)
        try:
            return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise UsageError(f"{file}: there is no such file. Pass --config with the path of a TOML file.") from error
        except OSError as error:
            raise UsageError(f"{file}: cannot be read ({error.strerror}). Pass --config with a TOML file.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: not valid TOML ({error}).") from error
        except ValidationError as error:
            lines = [f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            raise UsageError(f"{file}: {len(lines)} settings cannot be used:\n" + "\n".join(lines)) from error
