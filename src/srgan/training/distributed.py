"""Several processes that train as one, started by ``torchrun``.

Each takes its share of every batch, and gradients are averaged over all of them after the
backward pass: what DistributedDataParallel does, without its hooks, so that the loops stay plain
and any number of losses and passes may come before. Alone, every function here does nothing.
"""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from srgan.errors import UsageError
from srgan.processor import cores

PATIENCE = timedelta(minutes=30)
"""How long processes wait for one that still lives, such as the first while it validates."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among all."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files and speaks."""
        return self.rank == 0


def starts_first() -> bool:
    """Whether this process is to be the first one, as ``torchrun`` tells it; true of one alone."""
    return os.environ.get("RANK", "0") == "0"


def join(device: str) -> Processes:
    """Join the other processes of ``torchrun``, if there are any.

    Args:
        device: ``"auto"``, or as PyTorch names it; with several processes ``"cuda"`` means the
            GPU of the same local number.

    Raises:
        UsageError: there is no such device.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    name = device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {device}: no such kind of device; say cpu or cuda") from error
    if chosen.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"--device {device}: training knows cpu, cuda and mps")
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"--device {device}: PyTorch sees no GPU here; use --device cpu")
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError(f"--device {device}: PyTorch sees no Apple GPU here; use --device cpu")
    if chosen.type == "cuda":
        if world > 1:
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if (chosen.index or 0) >= torch.cuda.device_count():
            asked = f"--device {device}" if world == 1 else f"process {chosen.index} of torchrun"
            raise UsageError(f"{asked}: there are {torch.cuda.device_count()} GPUs, counted from 0")
        if chosen.index is not None:
            # Events and streams are those of the current GPU, whatever the tensors lie on.
            torch.cuda.set_device(chosen)
    # PyTorch counts the cores that it may run on, not its time on them.
    torch.set_num_threads(min(torch.get_num_threads(), cores()))
    if world == 1:
        return Processes(0, 1, chosen)
    if not dist.is_initialized():
        nccl = chosen.type == "cuda" and dist.is_nccl_available()  # not on Windows
        # The first barrier comes before any tensor that tells NCCL the GPU; it would guess.
        dist.init_process_group(
            "nccl" if nccl else "gloo", timeout=PATIENCE, device_id=chosen if nccl else None
        )
    return Processes(dist.get_rank(), world, chosen)


def average_gradients(module: nn.Module, processes: Processes) -> None:
    """Replace each gradient by its mean over all processes."""
    if processes.world == 1:
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= processes.world
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def mean(values: Tensor, processes: Processes) -> Tensor:
    """The mean of a tensor over all processes."""
    if processes.world > 1:
        dist.all_reduce(values)
        values /= processes.world
    return values


def ratio_of_means(a: Tensor, b: Tensor, processes: Processes) -> Tensor:
    """How two scalars of the whole batch relate, however it is shared by the processes."""
    means = mean(torch.stack([a, b]), processes)
    return means[0] / means[1]


def wait(processes: Processes) -> None:
    """Until all have come this far."""
    if processes.world > 1:
        dist.barrier()


def leave(processes: Processes) -> None:
    """Part from the other processes."""
    if processes.world > 1 and dist.is_initialized():
        dist.destroy_process_group()
