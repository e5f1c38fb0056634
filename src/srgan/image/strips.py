"""What the streaming encoders share: blocks of rows, and work done in order in the background."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_WORKERS = 2


class Encoder(Protocol):
    """Takes the rows of one file from top to bottom and writes them as they come."""

    def write(self, rows: NDArray[Any]) -> None:
        """Take the next rows, (h, W, C) of the type that the encoder was made for."""

    def close(self) -> None:
        """Write what is still held back and the end of the file."""

    def abort(self) -> None:
        """Stop the background work; the file is of no use."""


class Blocks:
    """Gathers rows into blocks of a fixed height; only the last may be lower."""

    def __init__(self, height: int, take: Callable[[NDArray[Any]], None]) -> None:
        self._height, self._take = height, take
        self._held: list[NDArray[Any]] = []
        self._count = 0

    def write(self, rows: NDArray[Any]) -> None:
        """Add rows, and hand on every block that is full."""
        while self._count + len(rows) >= self._height:
            cut = self._height - self._count
            self._held.append(rows[:cut])
            rows = rows[cut:]
            self.flush()
        if len(rows):
            # A copy, as the caller may use its array again.
            self._held.append(rows.copy())
            self._count += len(rows)

    def flush(self) -> None:
        """Hand on what is held."""
        if self._held:
            block = self._held[0] if len(self._held) == 1 else np.concatenate(self._held)
            self._held, self._count = [], 0
            self._take(block)


class InFrames:
    """Cuts a run of rows at the ends of the frames that they belong to.

    Args:
        heights: rows of each frame.
        take: gets the rows of the present frame, some at a time.
        follow: ends the present frame and begins the next, before the next's first rows.
    """

    def __init__(
        self,
        heights: Iterable[int],
        take: Callable[[NDArray[Any]], None],
        follow: Callable[[], None],
    ) -> None:
        self._heights = iter(heights)
        self._take, self._follow = take, follow
        self._height, self._row = next(self._heights), 0

    def write(self, rows: NDArray[Any]) -> None:
        """Take the next rows, of any number of frames."""
        while len(rows):
            if self._row == self._height:
                self._follow()
                self._height, self._row = next(self._heights), 0
            cut = min(len(rows), self._height - self._row)
            self._take(rows[:cut])
            self._row += cut
            rows = rows[cut:]


class InOrder:
    """Runs jobs on background threads and takes their results in the order they were given.

    At most a few jobs wait, so memory stays bounded when the jobs are slower than their source.
    """

    def __init__(self, take: Callable[[Any], None]) -> None:
        self._take = take
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="encode")
        self._pending: deque[Future[Any]] = deque()

    def put(self, job: Callable[..., Any], *arguments: Any) -> None:
        """Start a job; takes finished results, and waits if too many are under way."""
        self._pending.append(self._pool.submit(job, *arguments))
        while len(self._pending) > 2 * _WORKERS or (self._pending and self._pending[0].done()):
            self._take(self._pending.popleft().result())

    def drain(self) -> None:
        """Take every result that is left."""
        while self._pending:
            self._take(self._pending.popleft().result())

    def stop(self) -> None:
        """End the threads; jobs that have not begun are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def block_rows(row_bytes: int, target: int = 1 << 20, multiple: int = 1) -> int:
    """How many rows make a block of about ``target`` bytes."""
    return max(multiple, target // max(row_bytes, 1) // multiple * multiple)
