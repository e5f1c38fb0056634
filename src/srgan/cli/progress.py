"""A progress bar on stderr: only on a terminal, only for work of over a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(label: str, *, show: bool) -> Iterator[Callable[[float], None] | None]:
    """A callable that takes the fraction done; ``None`` where nobody would see a bar."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    bar = _LateBar(label, lambda speed: f"{speed:.1%}/s")
    try:
        yield bar
    finally:
        bar.stop()


class FramesBar:
    """A bar for a video: first how much of it has been looked through, then frames a second."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar = _LateBar(f"looking through {label}", lambda speed: "")

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
    """A bar that appears when the work has taken a second."""

    def __init__(self, label: str, rate: Callable[[float], str], total: float = 1.0) -> None:
        self.total = total
        self._label, self._rate = label, rate
        self._start = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, done: float) -> None:
        if self._bar is None:
            if time.monotonic() - self._start < 1.0:
                return
            self._bar = _bar(self._rate)
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=self.total)
        self._bar.update(self._task, completed=done)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar(rate: Callable[[float], str]) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """How much a second."""

        def render(self, task: Task) -> Text:
            return Text(rate(task.speed) if task.speed else "", style="progress.data.speed")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
