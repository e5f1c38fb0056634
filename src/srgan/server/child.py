"""A child process that answers one question at a time, and is replaced when it dies or hangs."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from srgan.errors import SRGANError

_POLL_SECONDS = 0.1


class ChildDied(Exception):
    """The child ended without an answer: it crashed, or ran into a limit of its own."""


class ChildTimeout(Exception):
    """The child gave no answer in time and was killed."""


class Asked(Protocol):
    """What a child's function may do while it works."""

    def progress(self, fraction: float) -> None:
        """Tell the parent the fraction done, 0 to 1."""
        ...

    def cancelled(self) -> bool:
        """Whether the parent has asked to stop."""
        ...


Serve = Callable[[Any, Asked], Any]


class Child:
    """The parent's side. Its methods block: call them from one thread only, but ``kill``.

    Args:
        name: of the process, for tools that list processes.
        make: called in the child once, gives the function that answers questions. It is
            pickled, so it is a module's function, a class or a ``functools.partial`` of one.
    """

    def __init__(self, name: str, make: Callable[[], Serve]) -> None:
        self.name = name
        self._make = make
        self._process: Any = None
        self._pipe: Connection | None = None
        self._number = 0
        self._starting = threading.Lock()
        self._ended = False
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process, if it does not run.

        Raises:
            ChildDied: it was ended for good.
        """
        if self._process is not None and self._process.is_alive():
            return
        self.stop()
        # Never fork: the parent has threads. Every platform has spawn.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_main, args=(theirs, self._make), name=self.name, daemon=True
        )
        with self._starting:
            if self._ended:
                ours.close()
                theirs.close()
                raise ChildDied
            process.start()
            self._process, self._pipe = process, ours
        theirs.close()
        self.starts += 1

    def ask(
        self,
        question: Any,
        *,
        timeout: float,
        progress: Callable[[float], None] = lambda fraction: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Any:
        """The answer to a question; ``cancelled`` is asked ten times a second.

        Raises:
            SRGANError: what the child's function raised of the library's own errors.
            ChildDied: it crashed.
            ChildTimeout: it took longer than ``timeout`` seconds and was killed.
        """
        self.start()
        assert self._pipe is not None
        self._number += 1
        told = False
        deadline = time.monotonic() + timeout
        try:
            self._pipe.send((self._number, question))
            while True:
                if not told and cancelled():
                    self._pipe.send((self._number, None))
                    told = True
                if not self._pipe.poll(_POLL_SECONDS):
                    if time.monotonic() > deadline:
                        self.stop()
                        raise ChildTimeout
                    continue
                kind, value = self._pipe.recv()
                if kind == "progress":
                    progress(value)
                elif kind == "answer":
                    return value
                else:
                    raise value
        except (EOFError, OSError) as error:
            self.stop()
            raise ChildDied from error

    def kill(self) -> None:
        """End the process at once and for good; from any thread.

        Whoever asks it gets ``ChildDied``.
        """
        with self._starting:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def stop(self) -> None:
        """Kill the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _main(pipe: Connection, make: Callable[[], Serve]) -> None:
    import signal

    # The parent alone decides when its children end: a terminal sends Ctrl-C to all of them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve = make()
    while True:
        try:
            number, question = pipe.recv()
        except (EOFError, OSError):
            return
        if question is None:  # a cancel that came after its answer
            continue
        asked = _Asked(pipe, number)
        reply: tuple[str, Any]
        try:
            reply = ("answer", serve(question, asked))
        except SRGANError as error:
            reply = ("error", type(error)(str(error)))
        try:
            pipe.send(reply)
        except OSError:
            return


class _Asked:
    def __init__(self, pipe: Connection, number: int) -> None:
        self._pipe = pipe
        self._number = number
        self._told = 0.0
        self._cancelled = False
        self._lock = threading.Lock()  # tiles ask from several threads

    def progress(self, fraction: float) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._told >= _POLL_SECONDS:
                self._told = now
                self._pipe.send(("progress", fraction))

    def cancelled(self) -> bool:
        with self._lock:
            while not self._cancelled and self._pipe.poll():
                number, question = self._pipe.recv()
                self._cancelled = number == self._number and question is None
            return self._cancelled


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where the system does not tell (not Linux)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
