"""The one child process that computes: it takes decoded pictures and leaves results.

One at a time, since one picture keeps every core busy. It runs with less priority than the
process that talks to clients, which therefore answers at once however much there is to compute.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from srgan.image.fit import losses
from srgan.inference.upscaler import Upscaler
from srgan.server.child import Asked, Serve
from srgan.server.decoder import load_planes

Opener = Callable[["Choice"], Upscaler]
_OPEN_MODELS = 3
_TILE = 192
_NICE = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """What decides which upscaler is opened: a model's name, and the dial's place from 0 to 1."""

    model: str
    realism: float | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One picture to enlarge: the answer is the notices to tell the user.

    Attributes:
        folder: holds the decoded picture.
        target: the result's file.
        height, width: of the result in pixels.
        quality: 1 to 100, of the formats that have it.
        strip: drop what the file says beside its pixels.
        consistent: make the result, shrunk again, agree with the input.
    """

    choice: Choice
    folder: Path
    target: Path
    format: str
    height: int
    width: int
    quality: int | None = None
    strip: bool = False
    consistent: bool = False


@dataclass(frozen=True, slots=True)
class LibraryOpener:
    """Opens the models of the installed library.

    Attributes:
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        threads: processor threads; None for all.
    """

    device: str = "auto"
    threads: int | None = None

    def __call__(self, choice: Choice) -> Upscaler:
        """The upscaler of a choice."""
        from srgan.inference.open import load

        return load(
            choice.model,
            device=self.device,
            threads=self.threads,
            realism=choice.realism,
            # Smaller than memory would allow: a client that leaves stops its work at a tile's end.
            tile=_TILE,
        )


@dataclass(frozen=True, slots=True)
class Lane:
    """Makes the function that computes in the child; runs there.

    Attributes:
        opener: gives the upscaler of a choice; it is pickled.
        warm: opened at the start, so that the first request does not wait.
    """

    opener: Opener
    warm: Choice

    def __call__(self) -> Serve:
        """Open the first model."""
        upscalers = _Upscalers(self.opener)
        upscalers.get(self.warm)
        # Only now: clients wait for a child that starts anew, for minutes on a busy machine.
        if sys.platform != "win32":
            os.nice(_NICE)

        def answer(question: Task | Choice, asked: Asked) -> tuple[str, ...]:
            if isinstance(question, Choice):
                upscalers.get(question)
                return ()
            return run(question, upscalers.get(question.choice), asked)

        return answer


class _Upscalers:
    """The last few that were used."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._open: OrderedDict[Choice, Upscaler] = OrderedDict()

    def get(self, choice: Choice) -> Upscaler:
        if choice not in self._open:
            while len(self._open) >= _OPEN_MODELS:
                self._open.popitem(last=False)
            self._open[choice] = self._opener(choice)
        self._open.move_to_end(choice)
        return self._open[choice]


def run(task: Task, upscaler: Upscaler, asked: Asked) -> tuple[str, ...]:
    """Enlarge one decoded picture into a file; returns the notices to tell the user.

    Raises:
        Cancelled: the parent asked to stop.
        OutputFailed: the result could not be written.
        RuntimeFailed: the network could not be run.
    """
    from srgan.inference.file import Options, write_enlarged

    picture = load_planes(task.folder)
    options = Options(
        format=task.format,
        quality=task.quality,
        strip=task.strip,
        consistent=task.consistent,
        overwrite=True,
    )
    write_enlarged(
        picture,
        task.target,
        upscaler,
        options,
        size=(task.height, task.width),
        progress=asked.progress,
        cancelled=asked.cancelled,
    )
    return (*picture.notices, *losses(picture, task.format, strip=task.strip))
