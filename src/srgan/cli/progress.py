"""A progress bar on stderr: only on a terminal, only for work of over a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock, Timer
from typing import Any

_LATE_S = 1.0


@contextmanager
def progress_bar(label: str, *, show: bool) -> Iterator[Callable[[float], None] | None]:
    """A callable that takes the fraction done; ``None`` where nobody would see a bar."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    bar = _LateBar(label)
    try:
        yield bar
    finally:
        bar.stop()


class FramesBar:
    """A bar for a video: first how much of it has been looked through, then frames a second."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar = _LateBar(f"looking through {label}")

    def looked(self, fraction: float) -> None:
        """Show how much has been looked through."""
        self._bar(fraction)

    def frames(self, done: float, total: int) -> None:
        """Show how many frames are done."""
        if self._bar.total != total:
            self._bar.stop()
            self._bar = _LateBar(self._label, lambda speed: f"{speed:.2f} frames/s", total)
        self._bar(done)

    def stop(self) -> None:
        """Take the bar away."""
        self._bar.stop()


@contextmanager
def frames_bar(label: str, *, show: bool) -> Iterator[FramesBar | None]:
    """A bar for a video; ``None`` where nobody would see one."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    bar = FramesBar(label)
    try:
        yield bar
    finally:
        bar.stop()


class _LateBar:
    """A bar that appears when the work has taken a second, be its first part done or not."""

    def __init__(
        self, label: str, rate: Callable[[float], str] = lambda speed: "", total: float = 1.0
    ) -> None:
        self.total = total
        self._label, self._rate = label, rate
        self._start, self._done = time.monotonic(), 0.0
        self._bar: Any = None
        self._lock = Lock()
        self._timer = Timer(_LATE_S, self._show)
        self._timer.daemon = True
        self._timer.start()

    def __call__(self, done: float) -> None:
        with self._lock:
            self._done = done
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], completed=done)

    def stop(self) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._bar is not None:
            self._bar.stop()

    def _show(self) -> None:
        bar = _bar(self._rate, self._start)
        with self._lock:
            bar.add_task(self._label, total=self.total, completed=self._done)
            self._bar = bar
        bar.start()


def _bar(rate: Callable[[float], str], start: float) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """How much a second."""

        def render(self, task: Task) -> Text:
            return Text(rate(task.speed) if task.speed else "", style="progress.data.speed")

    class Left(ProgressColumn):
        """What is left by the mean until now: parts end together, which misleads for a moment."""

        def render(self, task: Task) -> Text:
            spent, done = time.monotonic() - start, task.completed
            if not done:
                return Text(f"{_clock(spent)} so far", style="progress.elapsed")
            left = spent * ((task.total or done) - done) / done
            return Text(f"{_clock(left)} left", style="progress.remaining")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        Rate(),
        Left(),
        console=Console(stderr=True),
        transient=True,
    )


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
