"""Stopping on SIGINT and SIGTERM: soon and tidily, or at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_GRACE_S = 1.5


class Stop:
    """Whether a signal has asked to stop; call it to know."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def exit_status(self) -> int:
        """128 and the signal's number, as shells count; 0 if there was none."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Watch for SIGINT and SIGTERM while the block runs; only on the main thread.

    The first asks: work that checks ends tidily. What has not ended 1.5 s later, or a second
    signal, ends the process at once with 128 + signal; temporary files that it leaves are
    removed by the next job in the same folder.
    """
    stop = Stop()

    def asked(number: int, _: FrameType | None) -> None:
        if stop.signal is not None:
            os._exit(128 + number)
        stop.signal = number
        late = threading.Timer(_GRACE_S, os._exit, [128 + number])
        late.daemon = True
        timers.append(late)
        late.start()

    timers: list[threading.Timer] = []
    before = {n: signal.signal(n, asked) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for timer in timers:
            timer.cancel()
