"""A study on disk: opened, checked, resumed; several processes may work on one."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from goeswith.config import FitConfig
from goeswith.data.log import Log
from goeswith.data.shop import Shop
from goeswith.errors import MissingExtra, ShopError, UsageError

if TYPE_CHECKING:
    import optuna

FOLDER, FILE = "tuning", "study.db"
FORMAT = 1
BASE = "base"
SECONDS, PROCESS, BORN = "seconds", "process", "born"
"""User attributes of a trial."""


@dataclass(frozen=True)
class Identity:
    """What values of a study were measured on and with; only equals may be compared.

    format : of the study; data : hash of the events and products; base : hash of the settings that are not tried
    """

    format: int
    data: str
    base: str

    @classmethod
    def of(cls, log: Log, base: FitConfig, small: dict[str, Any]) -> "Identity":
        hasher = hashlib.blake2b(digest_size=12)
        hasher.update(str(log.events.select("item", "time").hash_rows(seed=0).sum()).encode())
        hasher.update(str(log.products.hash_rows(seed=0).sum()).encode())
        told = json.dumps([base.model_dump(mode="json"), small], sort_keys=True)
        return cls(FORMAT, hasher.hexdigest(), hashlib.blake2b(told.encode(), digest_size=12).hexdigest())


def folder_of_study(shop: Shop, name: str) -> Path:
    """Where a study lies.

    Raises
    ------
    UsageError : the name cannot be a folder's
    """
    if not re.fullmatch(r"[\w][\w.-]{0,63}", name):
        raise UsageError(f"--study {name!r}: use letters, digits, dots, - and _, as in --study spring.")
    return shop.folder / FOLDER / name


def open_study(shop: Shop, name: str, identity: Identity, seed: int) -> "optuna.Study":
    """The study of this name, new or resumed; trials that a killed process left running are over.

    Raises
    ------
    MissingExtra : Optuna is not installed
    ShopError : the file is no study, or one of other data, other settings or another version
    """
    optuna = imported_optuna()
    from sqlalchemy.exc import DatabaseError

    folder = folder_of_study(shop, name)
    way_out = f"Start another one (--study NAME), or remove {folder}."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Two processes may write at once: each waits for the other rather than fail.
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{folder / FILE}", engine_kwargs={"connect_args": {"timeout": 60}}
        )
        study = optuna.create_study(
            storage=storage,
            study_name="goeswith",
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=None if _trials(storage) else seed, n_startup_trials=6),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=0),
        )
    except (DatabaseError, RuntimeError, KeyError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ShopError(f"{folder / FILE}: cannot be read as a study ({reason}). {way_out}") from error
    except OSError as error:
        raise ShopError(f"{folder}: cannot be written ({error.strerror}).") from error
    known = study.user_attrs.get("identity")
    if known is None and not study.trials:
        study.set_user_attr("identity", identity.__dict__)
    elif known != identity.__dict__:
        raise ShopError(f"{folder}: {_difference(known, identity)}, so its figures cannot be compared. {way_out}")
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        if not lives(trial.user_attrs):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def imported_optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("Tuning", "tune") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def spent(study: "optuna.Study") -> float:
    """Seconds that trials of this study took so far, in all processes together."""
    return sum(float(trial.user_attrs.get(SECONDS, 0.0)) for trial in study.get_trials(deepcopy=False))


def lives(told: dict[str, Any]) -> bool:
    """Whether the process that wrote these attributes still runs."""
    try:
        process = psutil.Process(int(told[PROCESS]))
        return abs(process.create_time() - float(told[BORN])) < 1.0
    except (KeyError, ValueError, psutil.Error):
        return False


def _trials(storage: Any) -> int:
    return sum(len(storage.get_all_trials(study._study_id, deepcopy=False)) for study in storage.get_all_studies())


def _difference(known: Any, identity: Identity) -> str:
    if not isinstance(known, dict) or known.get("format") != identity.format:
        return "this study was written by another version of goeswith"
    if known.get("data") != identity.data:
        return "this study was made on other products or events"
    return "this study was made with other settings (--config)"
