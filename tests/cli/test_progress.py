"""The progress bar on stderr."""

import io
import sys
import time

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


def terminal(monkeypatch: pytest.MonkeyPatch, *, late_s: float = 0.01) -> Terminal:
    monkeypatch.setattr(progress, "_LATE_S", late_s)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def wait_for(words: str, screen: Terminal, since: int = 0) -> None:
    end = time.monotonic() + 20
    while words not in screen.getvalue()[since:]:
        assert time.monotonic() < end, screen.getvalue()[since:]
        time.sleep(0.005)


def test_long_work_shows_a_bar_before_its_first_part_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)
    with progress_bar("photo.jpg", show=True) as tell:
        assert tell is not None
        wait_for("0:00:00 so far", screen)
        tell(0.5)
        tell(1.0)
    assert "photo.jpg" in screen.getvalue()
    assert "100%" in screen.getvalue()
    assert "0:00:00 left" in screen.getvalue()


def test_short_work_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch, late_s=60.0)
    with progress_bar("photo.jpg", show=True) as tell:
        assert tell is not None
        tell(0.5)
    assert screen.getvalue() == ""


def test_what_is_left_is_told_by_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    bar = progress._LateBar("photo.jpg")
    now[0] += 60.0
    bar._timer.join()
    bar(0.33)
    bar(0.75)  # at once: a rate of the last moment would promise the end within a second
    bar.stop()
    assert "0:00:20 left" in screen.getvalue()


def test_a_video_is_looked_through_and_then_told_in_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)
    with frames_bar("clip.mp4", show=False) as bar:
        assert bar is None
    with frames_bar("clip.mp4", show=True) as bar:
        assert bar is not None
        bar.looked(0.5)
        wait_for("looking through clip.mp4", screen)
        bar.frames(0.5, 40)
        shown = len(screen.getvalue())
        wait_for("clip.mp4", screen, shown)
        bar.frames(10, 40)
        bar.frames(20, 40)
    assert "50%" in screen.getvalue()[shown:]
    assert "looking" not in screen.getvalue()[shown:]
