"""Stopping on SIGINT and SIGTERM: soon and tidily, or at once."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from srgan.image.atomic import abandon

_GRACE_S = 0.7
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"


class Stop:
    """Whether a signal has asked to stop; call it to know.

    Attributes:
        signal: its number.
        before_end: called, in this order, if the process has to end at once.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.before_end: list[Callable[[], None]] = []

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def exit_status(self) -> int:
        """128 and the signal's number, as shells count; 0 if there was none."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Watch for SIGINT and SIGTERM while the block runs; only on the main thread.

    The first asks: work that checks ends tidily. What has not ended 0.7 s later, or a second
    signal, ends the process at once with 128 + signal; its temporary files are removed even then.
    """
    stop = Stop()
    # Python handles a signal between two of the main thread's steps, and one step may be a large
    # tile. The system's own handler writes here at once, and a thread of its own reads it.
    heard, told = socket.socketpair()
    told.setblocking(False)
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    pipe = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(stop, heard), name="signals", daemon=True)
    watch.start()
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(pipe)
        for number, handler in before.items():
            signal.signal(number, handler)
        with suppress(OSError), told, heard:
            told.shutdown(socket.SHUT_WR)
            watch.join()


def _watch(stop: Stop, heard: socket.socket) -> None:
    stop.signal = _next(heard, None)
    if stop.signal is None:
        return
    end = time.monotonic() + _GRACE_S
    try:
        second = _next(heard, end)
    except TimeoutError:
        second = stop.signal
    if second is not None:
        for last in stop.before_end:
            with suppress(Exception):
                last()
        _end(128 + second)


def _next(heard: socket.socket, end: float | None) -> int | None:
    """The next of our signals; None once the block has ended."""
    while True:
        if end is not None:
            heard.settimeout(max(0.001, end - time.monotonic()))
        number = heard.recv(1)
        if not number:
            return None
        if number[0] in _SIGNALS:
            return number[0]


def _end(status: int) -> None:
    abandon()
    with suppress(OSError):
        if os.isatty(2):
            os.write(2, _SHOW_CURSOR + b"\n")
        os.write(2, b"srgan: interrupted\n")
    os._exit(status)
