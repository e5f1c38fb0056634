"""The progress bar on stderr."""

import io
import sys

import pytest

from srgan.cli import progress
from srgan.cli.progress import frames_bar, progress_bar


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


def test_a_video_is_looked_through_and_then_told_in_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Terminal()
    now = [100.0]
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with frames_bar("clip.mp4", show=False) as bar:
        assert bar is None
    with frames_bar("clip.mp4", show=True) as bar:
        assert bar is not None
        bar.looked(0.1)
        now[0] += 2.0
        bar.looked(0.5)
        assert "looking through clip.mp4" in screen.getvalue()
        bar.frames(0.5, 40)
        now[0] += 2.0
        shown = len(screen.getvalue())
        bar.frames(10, 40)
        bar.frames(20, 40)
    assert "50%" in screen.getvalue()[shown:]
    assert "looking" not in screen.getvalue()[shown:]
