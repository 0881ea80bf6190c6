"""The state of a training that may be killed at any moment."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from goeswith.data.atomic import file_aside

FILE = "training.safetensors"


def save_checkpoint(
    folder: Path,
    identity: str,
    parameters: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    best: list[torch.Tensor],
    course: dict[str, Any],
) -> None:
    """Write everything that the next step depends on: one safetensors file, aside and renamed.

    Parameters
    ----------
    identity : says what is trained on what
    best : the parameters of the best epoch
    course : plain values, as JSON in the head of the file, so that they never disagree with the tensors
    """
    tensors = {f"parameter.{at}": p.detach().cpu().contiguous() for at, p in enumerate(parameters)}
    tensors |= {f"best.{at}": kept.cpu().contiguous() for at, kept in enumerate(best)}
    for at, parameter in enumerate(parameters):
        for name, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{at}.{name}"] = torch.as_tensor(value).cpu().contiguous()
    # Two parameters may share memory; safetensors wants each its own.
    separate = {name: tensor.clone() for name, tensor in tensors.items()}
    with file_aside(folder / FILE) as aside:
        save_file(separate, aside, {"identity": identity, "course": json.dumps(course)})


def load_checkpoint(
    folder: Path,
    identity: str,
    parameters: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    best: list[torch.Tensor],
) -> dict[str, Any] | None:
    """Put everything back and return the course; None, and nothing changed, where there is nothing to resume."""
    try:
        with safe_open(str(folder / FILE), framework="pt") as stored:
            about = stored.metadata() or {}
            if about.get("identity") != identity:
                return None
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError):
        return None
    with torch.no_grad():
        for at, (parameter, kept) in enumerate(zip(parameters, best, strict=True)):
            parameter.copy_(tensors[f"parameter.{at}"])
            kept.copy_(tensors[f"best.{at}"])
            prefix = f"optimizer.{at}."
            state = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            # Adam counts its steps in a tensor on the CPU, and keeps its means beside the parameter.
            optimizer.state[parameter] = {n: t if n == "step" else t.to(parameter.device) for n, t in state.items()}
    course: dict[str, Any] = json.loads(about["course"])
    return course


def forget_checkpoint(folder: Path) -> None:
    """Remove the state; the training is over and its result is kept elsewhere."""
    (folder / FILE).unlink(missing_ok=True)
