"""Checkpoints: tensors and counters on disk, whole or not at all.

A checkpoint is one safetensors file: tensors under dotted names, counters as JSON in its header.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from srgan.errors import TrainingStopped, UsageError
from srgan.image.atomic import atomic_file
from srgan.training.muon import Muon


def save_checkpoint(path: str | Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, make it durable, then give it its name.

    The random state of PyTorch goes with it, as ``rng.cpu`` and, on a GPU, ``rng.cuda``.

    Raises:
        OutputFailed: the disk is full or the folder cannot be written; the last one is intact.
    """
    flat = {name: t.detach().contiguous().cpu() for name, t in tensors.items()}
    flat["rng.cpu"] = torch.get_rng_state()
    if _on_gpu():
        flat["rng.cuda"] = torch.cuda.get_rng_state()
    data = save(flat, metadata={"state": json.dumps(state, sort_keys=True)})
    with atomic_file(path, overwrite=True) as file:
        file.write(data)


def load_checkpoint(
    path: str | Path, kind: str | None = None, *, updates: int | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and counters of a checkpoint; puts back PyTorch's random state.

    Args:
        path: the checkpoint.
        kind: of the recipe that goes on from it.
        updates: of that recipe.

    Raises:
        TrainingStopped: it is missing, damaged or of a recipe of another kind.
        UsageError: it has more updates already.
    """
    if not Path(path).is_file():
        raise TrainingStopped(f"{path}: there is no checkpoint to resume; start without --resume")
    try:
        with safe_open(str(path), framework="pt") as file:
            # Copies: Windows does not replace a file that is mapped, as the next save has to.
            tensors = {n: file.get_tensor(n).clone() for n in file.keys()}  # noqa: SIM118
            state = json.loads(file.metadata()["state"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainingStopped(f"{path}: not a checkpoint that can be read ({error})") from error
    found = state.get("kind", kind)  # older checkpoints do not say
    if kind is not None and found != kind:
        raise TrainingStopped(
            f"{path}: of a recipe of kind {found!r}, not {kind!r}; resume with its own recipe, or "
            "begin another run in another --out"
        )
    if updates is not None and state["update"] > updates:
        raise UsageError(
            f"recipe.updates = {updates}: the run is at update {state['update']} already; set more "
            "to go on, or begin another run in another --out"
        )
    if "rng.cpu" in tensors:
        torch.set_rng_state(tensors["rng.cpu"])
    if "rng.cuda" in tensors and _on_gpu():
        torch.cuda.set_rng_state(tensors["rng.cuda"])
    return tensors, state


def network_tensors(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """The weights and buffers of a network below ``prefix``."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def optimiser_tensors(
    optimiser: torch.optim.Optimizer, module: nn.Module, prefix: str
) -> dict[str, Tensor]:
    """Adam's moments and step counts, by the names of the parameters they belong to."""
    found: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            found[f"{prefix}.{name}.{key}"] = torch.as_tensor(value)
    return found


@torch.no_grad()
def restore_optimiser(
    optimiser: torch.optim.Optimizer, module: nn.Module, prefix: str, tensors: dict[str, Tensor]
) -> None:
    """Put back what :func:`optimiser_tensors` took; what another method left begins anew."""
    fused = bool(optimiser.defaults.get("fused"))  # such a step count is on the device too
    for name, parameter in module.named_parameters():
        start = f"{prefix}.{name}."
        state = {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
        if state and ("exp_avg_sq" in state or isinstance(optimiser, Muon)):
            optimiser.state[parameter] = {
                k: _step(v, parameter, fused) if k == "step" else _beside(v, parameter)
                for k, v in state.items()
            }


def _on_gpu() -> bool:
    # A GPU that trains nothing is not asked: that would take it up, or fail where it is full.
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _step(count: Tensor, parameter: Tensor, fused: bool) -> Tensor:
    return count.clone().to(parameter.device if fused else "cpu")


def _beside(moment: Tensor, parameter: Tensor) -> Tensor:
    # Fused Adam walks through memory and takes it that both lie in the same order.
    return torch.empty_like(parameter).copy_(moment)
