"""Checkpoints: tensors and counters on disk, whole or not at all.

A checkpoint is one safetensors file: tensors under dotted names, counters as JSON in its header.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from srgan.errors import OutputFailed, TrainingStopped


def save_checkpoint(path: str | Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, make it durable, then give it its name.

    Raises:
        OutputFailed: the disk is full or the folder cannot be written; the last one is intact.
    """
    target = Path(path)
    part = target.with_name(target.name + ".part")
    flat = {name: t.detach().contiguous().cpu() for name, t in tensors.items()}
    try:
        save_file(flat, str(part), metadata={"state": json.dumps(state)})
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise OutputFailed(
            f"{target}: the checkpoint cannot be written ({error}); the last one is kept"
        ) from error


def load_checkpoint(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and counters of a checkpoint.

    Raises:
        TrainingStopped: it is missing or damaged.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state = json.loads(file.metadata()["state"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainingStopped(f"{path}: not a checkpoint that can be read ({error})") from error
    return tensors, state


def optimiser_tensors(
    optimiser: torch.optim.Optimizer, module: nn.Module, prefix: str
) -> dict[str, Tensor]:
    """Adam's moments and step counts, by the names of the parameters they belong to."""
    found: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            found[f"{prefix}.{name}.{key}"] = torch.as_tensor(value)
    return found


def restore_optimiser(
    optimiser: torch.optim.Optimizer, module: nn.Module, prefix: str, tensors: dict[str, Tensor]
) -> None:
    """Put back what :func:`optimiser_tensors` took."""
    for name, parameter in module.named_parameters():
        start = f"{prefix}.{name}."
        state = {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
        if state:
            optimiser.state[parameter] = {
                k: v.clone() if k == "step" else v.clone().to(parameter.device)
                for k, v in state.items()
            }
