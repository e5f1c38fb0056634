"""What runs on the machines of a cluster: it holds the model and does files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from srgan.errors import RuntimeFailed, SRGANError
from srgan.image.atomic import shown
from srgan.inference.file import Options, upscale_file
from srgan.inference.scan import Task
from srgan.inference.upscaler import Upscaler


@dataclass(frozen=True, slots=True)
class Opening:
    """How every worker opens the model.

    Attributes:
        load: opens it; called with ``threads``.
        identity: tells it from every other, so that no machine takes another by the same name.
        same: asks for the identity on the worker's machine.
        threads: processor threads of each worker; by default what Ray gives it.
        gpu: each worker needs a GPU.
    """

    load: Callable[..., Upscaler]
    identity: str
    same: Callable[[], str]
    threads: int | None = None
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """An error on its way back, with the system's error that caused it, if one did."""

    error: SRGANError | OSError | MemoryError
    cause: OSError | None


class Worker:
    """The actor; it does one picture at a time, and hears :meth:`stop` meanwhile."""

    def __init__(self, opening: Opening, options: Options) -> None:
        self._opening, self._options = opening, options
        self._stop = threading.Event()
        self._upscaler: Upscaler | None = None

    def open(self) -> str:
        """Open the model; returns what is wrong, or nothing."""
        try:
            if self._opening.same() != self._opening.identity:
                return "a machine has another model by this name; install the same srgan there"
            self._upscaler = self._opening.load(threads=self._opening.threads)
        except Exception as error:
            return line(error)
        return ""

    def make(self, task: Task, again: bool) -> tuple[str, ...] | Fault:
        """Make one output; returns the lines to tell the user."""
        assert self._upscaler is not None
        wanted = replace(self._options, overwrite=again, format=task.format)
        try:
            return upscale_file(
                task.input, task.output, self._upscaler, wanted, cancelled=self._stop.is_set
            ).notices
        except Exception as error:
            return _fault(error, task)

    def stop(self) -> None:
        """Cancel what is under way; nothing else will come."""
        self._stop.set()


def _fault(error: Exception, task: Task) -> Fault:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__
    if isinstance(error, SRGANError):
        # The driver's path may be another, relative one; it says its own.
        error = type(error)(str(error).removeprefix(f"{shown(task.input)}: "))
    elif not isinstance(error, OSError | MemoryError):
        error = RuntimeFailed(f"{type(error).__name__}: {line(error)}")
    return Fault(error, cause)


def line(error: BaseException) -> str:
    """The last line of an error's message, which is the one that says something in Ray's."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
