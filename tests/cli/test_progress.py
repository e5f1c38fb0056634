"""The progress bar on stderr."""

import io
import sys

import pytest

from srgan.cli import progress
from srgan.cli.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_or_when_quiet_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar("photo", show=True) as tell:
        assert tell is None
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar("photo", show=False) as tell:
        assert tell is None


def test_work_of_over_a_second_shows_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    now = [100.0]
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress_bar("photo.jpg", show=True) as tell:
        assert tell is not None
        tell(0.1)
        assert screen.getvalue() == ""
        now[0] += 2.0
        tell(0.5)
        tell(1.0)
    assert "photo.jpg" in screen.getvalue()
    assert "100%" in screen.getvalue()
