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
    start = time.monotonic()
    bar: Any = None
    task: Any = None

    def progress(done: float) -> None:
        nonlocal bar, task
        if bar is None:
            if time.monotonic() - start < 1.0:
                return
            bar = _bar()
            bar.start()
            task = bar.add_task(label, total=1.0)
        bar.update(task, completed=done)

    try:
        yield progress
    finally:
        if bar is not None:
            bar.stop()


def _bar() -> Any:
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
        """Percent a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1%}/s" if task.speed else "", style="progress.data.speed")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
