"""What may befall any run, in one line each: no memory, no room, a process that died."""

import errno
import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import torch

from srgan.errors import OutputFailed, SRGANError, TrainingStopped
from srgan.image.atomic import alone, sweep
from srgan.training.distributed import starts_first

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
_NO_MEMORY = re.compile(
    "can't allocate memory|not enough memory|out of memory|bad allocation|STATUS_ALLOC_FAILED"
)
_GPU = re.compile("^(CUDA|HIP|cuDNN)( driver| Frontend)? error|CUBLAS_STATUS|CUDNN_STATUS")
_GRAPHS = re.compile("CUDAGraph|CUDA graph|stream is capturing|stream capture")
_NO_PEER = re.compile("gloo|nccl|socket|connection (closed|reset|refused)|process group", re.I)

P = ParamSpec("P")


def explaining(train: Callable[P, Path]) -> Callable[P, Path]:
    """A loop whose ``out`` is a keyword: such faults become errors of :mod:`srgan.errors`.

    The folder is made; no two runs are in it at once.
    """

    @functools.wraps(train)
    def run(*args: P.args, **kwargs: P.kwargs) -> Path:
        out = Path(str(kwargs["out"]))
        try:
            if not starts_first():
                return train(*args, **kwargs)
            with alone(out, doing="trains"):
                sweep(out)  # what a killed run had half written
                return train(*args, **kwargs)
        except Exception as error:
            told = explained(error, out)
            if told is None:
                raise
            raise told from error

    return run


def explained(error: Exception, out: Path) -> SRGANError | None:
    """The one line for a fault of a run in folder ``out``; nothing where there is more to say."""
    kept = (out / "checkpoint.safetensors").exists()
    again = "then --resume from the last checkpoint" if kept else "then start again"
    said = str(error).strip().partition("\n")[0]
    cause = error.__cause__
    if isinstance(error, OutputFailed) and isinstance(cause, OSError) and cause.errno in _DISK:
        return OutputFailed(f"{error}; make room, {again}")
    if isinstance(error, OSError) and error.errno in _DISK:
        reason = os.strerror(error.errno)
        return OutputFailed(f"{out}: cannot be written: {reason}; make room, {again}")
    if isinstance(error, SRGANError):
        return None
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or _NO_MEMORY.search(said):
        return TrainingStopped(
            "out of memory: lower data.batch or data.crop, such as --set data.batch=8, or choose "
            f"a smaller network, {again}"
        )
    if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
        return TrainingStopped(
            f"torch.compile fails here ({said}): say --set device.compile=off, {again}"
        )
    if not isinstance(error, RuntimeError):
        return None
    if _GRAPHS.search(said):
        return TrainingStopped(
            f"CUDA graphs fail here ({said}): say --set device.compile=default, {again}"
        )
    if _GPU.search(said):
        return TrainingStopped(f"the GPU failed ({said}): look at it with nvidia-smi, {again}")
    if "DataLoader" in said:
        return TrainingStopped(
            f"a loader process died or stood still ({said}): look for what ended it, or go "
            f"without by --set data.workers=0, {again}"
        )
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and _NO_PEER.search(said):
        return TrainingStopped(
            f"another process of this training ended or cannot be reached ({said}): end all of "
            f"them, {again}"
        )
    return None
