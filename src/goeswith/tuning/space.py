"""What is tried: settings by their place in fit.toml, and the values they may take."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from goeswith.config import FitConfig
from goeswith.language.text_fields import text_fields

if TYPE_CHECKING:
    import optuna

STEPS_AN_EPOCH = 30
NO_LIMIT = 86_400.0
"""Seconds; the number of steps is what a study chooses, so the clock must not choose another."""
METHODS = ("frozen", "last-k", "lora")
TEMPLATES = ("as chosen", "name alone", "every field labelled")


def suggest(trial: "optuna.Trial", templates: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Ask the study for one set of values, by short name."""
    asked: dict[str, Any] = {"method": trial.suggest_categorical("method", METHODS)}
    if asked["method"] != "frozen":
        asked["learning rate"] = trial.suggest_float("learning rate", 1e-5, 3e-4, log=True)
        asked["epochs"] = trial.suggest_int("epochs", 1, 4)
        asked["weight decay"] = trial.suggest_float("weight decay", 1e-4, 0.1, log=True)
        asked["temperature"] = trial.suggest_float("temperature", 0.03, 0.3, log=True)
        asked["negatives"] = trial.suggest_int("negatives", 32, 256, log=True)
    if asked["method"] == "lora":
        asked["LoRA rank"] = trial.suggest_categorical("LoRA rank", (4, 8, 16, 32))
    asked["F learning rate"] = trial.suggest_float("F learning rate", 1e-4, 2e-3, log=True)
    asked["F temperature"] = trial.suggest_float("F temperature", 0.025, 0.1, log=True)
    asked["F negatives"] = trial.suggest_int("F negatives", 64, 512, log=True)
    asked["ranker leaves"] = trial.suggest_int("ranker leaves", 6, 64, log=True)
    if len(templates) > 1:
        asked["text"] = trial.suggest_categorical("text", tuple(templates))
    return asked


def nearest_to(base: FitConfig, templates: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The point of the space that lies nearest to these settings; the first trial stands there."""
    tuning, layer = base.finetune, base.features
    point: dict[str, Any] = {
        "method": tuning.method if tuning.method in METHODS else "last-k",
        "learning rate": min(max(tuning.rate or 6e-5, 1e-5), 3e-4),
        "epochs": min(max(tuning.epochs, 1), 4),
        "weight decay": min(max(tuning.weight_decay, 1e-4), 0.1),
        "temperature": min(max(1 / tuning.scale, 0.03), 0.3),
        "negatives": min(max(tuning.drawn, 32), 256),
        "LoRA rank": tuning.lora_rank if tuning.lora_rank in (4, 8, 16, 32) else 16,
        "F learning rate": min(max(layer.rate, 1e-4), 2e-3),
        "F temperature": min(max(1 / layer.scale, 0.025), 0.1),
        "F negatives": min(max(layer.drawn, 64), 512),
        "ranker leaves": min(max(base.learning.ranker.leaves, 6), 64),
    }
    return point | ({"text": next(iter(templates))} if len(templates) > 1 else {})


def settings_of(point: Mapping[str, Any], templates: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A point of the space as it stands in fit.toml.

    >>> settings_of({"method": "frozen", "F temperature": 0.05, "ranker leaves": 12}, {})["features"]
    {'scale': 20.0}
    """
    finetune: dict[str, Any] = {"method": point["method"]}
    if point["method"] != "frozen":
        epochs = int(point["epochs"])
        finetune |= {
            "rate": round_to(point["learning rate"]), "epochs": epochs, "steps": STEPS_AN_EPOCH * epochs,
            "seconds": NO_LIMIT, "weight_decay": round_to(point["weight decay"]),
            "scale": round_to(1 / point["temperature"]), "drawn": int(point["negatives"]),
        }  # fmt: skip
    if "LoRA rank" in point and point["method"] == "lora":
        finetune["lora_rank"] = int(point["LoRA rank"])
    places = {"F learning rate": "rate", "F negatives": "drawn"}
    features = {ours: round_to(point[name]) for name, ours in places.items() if name in point}
    if "F temperature" in point:
        features["scale"] = round_to(1 / point["F temperature"])
    if "drawn" in features:
        features["drawn"] = int(point["F negatives"])
    settings = {
        "finetune": finetune,
        "features": features,
        "learning": {"ranker": {"leaves": int(point["ranker leaves"])}},
    }
    text = templates.get(str(point.get("text")), {})
    return settings | ({"text": text} if text else {})


def templates_of(products: pl.DataFrame, base: FitConfig) -> dict[str, dict[str, Any]]:
    """Ways to turn a product of this catalogue into a sentence; those that come to the same are one.

    >>> list(templates_of(pl.DataFrame({"name": ["tea"], "price": [1.0]}), FitConfig()))
    ['as chosen', 'every field labelled']
    """
    fields = list(base.text.fields or text_fields(products))
    chosen, alone, labelled = TEMPLATES
    found: dict[str, dict[str, Any]] = {chosen: {}}
    if len(fields) > 1:
        found[alone] = {"fields": fields[:1]}
    if base.text.labels != "en":
        found[labelled] = {"labels": "en"}
    return found


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings, with others laid over them.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    {'a': {'b': 3, 'c': 2}}
    """
    result = dict(base)
    for name, value in over.items():
        below = result.get(name)
        result[name] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def round_to(value: float, digits: int = 3) -> float:
    """Few digits, so that a file can be read; what is tried is what is written.

    >>> round_to(0.000123456)
    0.000123
    """
    return float(f"{value:.{digits}g}")
