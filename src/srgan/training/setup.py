"""What both loops need before their first update."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NoReturn

import torch
from torch import nn

from srgan.errors import TrainingStopped, UsageError
from srgan.processor import fast_bf16
from srgan.training.config import Config
from srgan.training.data import Batches, crops_of, open_photos
from srgan.training.distributed import Processes, join, leave, wait
from srgan.training.muon import Muon
from srgan.training.validation import Bytes, folder_pictures, held_out_pictures

VALIDATION_SIDE = 256

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as malloc.h numbers them
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Setup:
    """A run that is ready to begin.

    ``batches`` draws LR and HR; ``pictures`` are validated on; ``checkpoint``, ``weights`` and
    ``best`` are the files that the run keeps.
    """

    processes: Processes
    batches: Batches
    pictures: list[Bytes]
    checkpoint: Path
    weights: Path
    best: Path


def set_up(config: Config, *, data: Sequence[Path], out: Path, device: str, resume: bool) -> Setup:
    """Check the run's folder, join the other processes, open the photos.

    Raises:
        UsageError: the folder holds a run already, or the device does not exist.
        DataRefused: there are too few photos, or too small ones.
        TrainingStopped: there is nothing to resume.
        OutputFailed: the photos' pack cannot be written.
    """
    checkpoint = checkpoint_in(out, resume=resume)
    processes = join(device)
    keep_freed_memory()
    torch.manual_seed(config.seed)
    if config.device.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS would refuse
    torch.use_deterministic_algorithms(config.device.deterministic)
    torch.backends.cudnn.benchmark = not config.device.deterministic
    # PyTorch takes TF32 for float32 convolutions where there is no other wish.
    torch.backends.cudnn.allow_tf32 = config.device.precision != "fp32"
    if processes.device.type == "cuda":
        torch.set_float32_matmul_precision("highest")  # the downscale is exact in float32 only

    scale = config.generator.scale
    if processes.first:
        open_photos(config.data, data, out / "pack", anew=not resume)
    wait(processes)
    pack, use, held_out = open_photos(config.data, data, out / "pack")
    batches = Batches(
        crops_of(config.data, pack, use, scale=scale, seed=config.seed),
        batch=config.data.batch,
        scale=scale,
        crop=config.data.crop,
        output_range=config.output_range,
        device=processes.device,
        workers=config.data.workers,
        rank=processes.rank,
        world=processes.world,
        degradation=config.degradation,
    )
    pictures: list[Bytes] = []
    if processes.first and config.validation:
        pictures = folder_pictures(config.validation, out / "validation", scale=scale)
    elif processes.first:
        pictures = held_out_pictures(pack, held_out, scale=scale, side=VALIDATION_SIDE)
    return Setup(
        processes,
        batches,
        pictures,
        checkpoint,
        out / "generator.safetensors",
        out / "best.safetensors",
    )


def checkpoint_in(out: Path, *, resume: bool) -> Path:
    """The checkpoint of a run's folder, which is there if and only if the run is resumed.

    Raises:
        UsageError: the folder holds a run already.
        TrainingStopped: there is nothing to resume.
    """
    checkpoint = out / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise UsageError(f"{out}: holds a run already; go on with --resume or choose another --out")
    if resume and not checkpoint.exists():
        raise TrainingStopped(f"{out}: there is no checkpoint to resume; start without --resume")
    return checkpoint


def optimiser_for(
    network: nn.Module,
    config: Config,
    device: torch.device,
    *,
    method: Literal["adam", "muon"] = "adam",
) -> torch.optim.Adam:
    """The optimiser of all parameters; Adam in one kernel where the device has it."""
    betas = (config.optimiser.beta1, config.optimiser.beta2)
    fused = device.type in ("cpu", "cuda")
    if method == "muon":
        return Muon(network.parameters(), betas=betas, fused=fused, narrow=narrow(config, device))
    return torch.optim.Adam(network.parameters(), betas=betas, fused=fused)


def keep_freed_memory(*, mapped: int = _MOST, trimmed: int = _MOST) -> None:
    """Let this process keep what it frees, where its C library is glibc.

    It would hand each large tensor back and be given its pages anew, one by one: a tenth of an
    update on a CPU. ``mapped`` and ``trimmed``: from how many bytes on it does so all the same.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # another library
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_MMAP_THRESHOLD, mapped)
            mallopt(_TRIM_THRESHOLD, trimmed)


def narrow(config: Config, device: torch.device) -> bool:
    """Whether convolutions run in bf16 on this device."""
    if config.device.precision != "auto":
        return config.device.precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Windows does not tell AMD's processors without AVX-512, which would emulate bf16.
    capable = torch.backends.cpu.get_cpu_capability()
    return device.type == "cpu" and fast_bf16() and capable not in ("DEFAULT", "AVX2")


def autocast(config: Config, device: torch.device) -> torch.autocast:
    """Convolutions in the recipe's precision."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=narrow(config, device))


def compiled(config: Config, network: nn.Module) -> Any:
    """The network as the recipe wants it run; its weights stay those of ``network``."""
    if config.device.compile == "off":
        return network
    mode = "reduce-overhead" if config.device.compile == "graphs" else "default"
    return torch.compile(network, mode=mode)


def eagerly(config: Config) -> contextlib.AbstractContextManager[object]:
    """Where compiled networks run uncompiled: their graphs serve one backward pass only."""
    if config.device.compile == "off":
        return contextlib.nullcontext()
    stance: contextlib.AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance


def begin_update(config: Config) -> None:
    """To be said before an update: what CUDA graphs gave in the one before may be overwritten."""
    if config.device.compile == "graphs":
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]


class Termination:
    """Whether the process was asked to end; the loops save first, then leave.

    By SIGTERM or SIGINT (Ctrl-C); a second SIGINT, after a second, ends it at once.
    """

    def __init__(self) -> None:
        self.asked = False
        self.since = 0.0
        self.status = 128 + signal.SIGTERM  # also where only another process was asked

    def note(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked, self.status, self.since = True, 128 + number, time.monotonic()
        # torchrun passes on the Ctrl-C that the terminal has sent to all.
        elif number == signal.SIGINT and time.monotonic() > self.since + 1.0:
            raise KeyboardInterrupt

    def leave(self, update: int, *, quiet: bool = False) -> NoReturn:
        """End the process, whose state is saved.

        Raises:
            SystemExit: always, with the status that the signal means.
        """
        if not quiet:
            print(f"stopped after update {update}; --resume goes on", file=sys.stderr)
        raise SystemExit(self.status)


@contextlib.contextmanager
def guarded(processes: Processes) -> Iterator[Termination]:
    """For the length of a loop: the wish to end is noted, and at its end the processes part."""
    termination = Termination()
    before: dict[signal.Signals, Any] = {}
    with contextlib.suppress(ValueError):  # not the main thread
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, termination.note)
    hook, threading.excepthook = threading.excepthook, _quiet
    try:
        yield termination
    finally:
        threading.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
        leave(processes)


def _quiet(failed: threading.ExceptHookArgs) -> None:
    # TensorBoard's thread; what it could not write is raised in the loop too.
    if not isinstance(failed.exc_value, OSError):
        threading.__excepthook__(failed)
