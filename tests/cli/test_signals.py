"""SIGINT and SIGTERM while pictures are enlarged: the status, what is left, what goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.clips import make_clip
from srgan.inference.journal import JOURNAL

Run = Callable[..., Any]

SCRIPT = Path(__file__).parent / "slow_model.py"
NEVER = 3600.0
PATIENCE_S = 120.0  # to start, and to end: only a hang takes as long
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three small pictures, and one that takes long in between."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, width in (("a", 4), ("b", 128), ("c", 4), ("d", 4)):
        Image.fromarray(np.full((128, width, 3), 90, np.uint8)).save(folder / f"{name}.png")
    return folder


def signalled(
    kind: str, grace: float, signals: list[int], begun: Path, *command: object
) -> tuple[int, str]:
    """Exit status and stderr of a command that gets signals when its long tile is under way."""
    started = [sys.executable, SCRIPT, begun, kind, grace, *command]
    job = subprocess.Popen([*map(str, started)], stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + PATIENCE_S
        while not begun.exists() and job.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        assert begun.exists()
        for number in signals:
            job.send_signal(number)
        errors = job.communicate(timeout=PATIENCE_S)[1]
    finally:
        job.kill()
        job.wait()
    assert "Traceback" not in errors
    return job.returncode, errors


def interrupted(
    kind: str,
    grace: float,
    signals: list[int],
    source: Path,
    *more: object,
    command: str = "upscale",
) -> tuple[int, str]:
    """The same of a command that enlarges ``source`` twice."""
    asked = [command, source, "-m", "nearest", "-s", "2", *more]
    return signalled(kind, grace, signals, source.parent / "begun", *asked)


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(JOURNAL))


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_job_ends_in_the_middle_of_a_tile_and_goes_on_later(
    number: int, status: int, srgan: Run, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ended, errors = interrupted("one", 0.3, [number], photos, "-o", out)
    assert ended == status
    assert errors.splitlines()[-1] == "srgan: interrupted"
    assert left(out) == ["a.png"]
    again = srgan("upscale", photos, "-m", "nearest", "-s", "2", "-o", out, "--resume")
    assert "3 done, 1 skipped, 0 refused, 0 failed" in again.err
    assert left(out) == ["a.png", "b.png", "c.png", "d.png"]
    assert not (out / f"{JOURNAL}-wal").exists()


@pytest.mark.parametrize("workers", [1, 3])
def test_a_job_ends_tidily_between_two_tiles(
    workers: int, srgan: Run, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = ["-o", out, "--workers", workers]
    ended, errors = interrupted("many", NEVER, [signal.SIGINT], photos, *asked)
    assert ended == 130
    assert "asked to stop; --resume does the rest" in errors
    assert "b.png" not in left(out)
    assert not any(p.suffix == ".part" for p in out.iterdir())
    assert not (out / f"{JOURNAL}-wal").exists()  # closed as it should be
    again = srgan("upscale", photos, "-m", "nearest", "-s", "2", "-o", out, "--resume")
    assert again.status == 0
    assert left(out) == ["a.png", "b.png", "c.png", "d.png"]


@pytest.mark.parametrize("many", [False, True])
def test_a_second_signal_ends_at_once(many: bool, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    source, target = (photos, out) if many else (photos / "b.png", out / "b.png")
    both = [signal.SIGINT, signal.SIGTERM]
    ended, _ = interrupted("one", NEVER, [*both], source, "-o", target)
    assert ended in (130, 143)  # the system may deliver them in any order
    assert left(out) == (["a.png"] if many else [])


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize(("kind", "grace"), [("one", 0.3), ("many", NEVER)])
def test_one_picture_ends_and_leaves_nothing(
    kind: str, grace: float, number: int, status: int, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ended, errors = interrupted(kind, grace, [number], photos / "b.png", "-o", out / "b.png")
    assert (ended, errors) == (status, "srgan: interrupted\n")
    assert left(out) == []


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize(("kind", "grace"), [("one", 0.3), ("many", NEVER)])
def test_a_video_ends_and_leaves_nothing(
    kind: str, grace: float, number: int, status: int, tmp_path: Path
) -> None:
    frames = [np.full((64, 64, 3), 20 * i, np.uint8) for i in range(12)]
    clip = make_clip(tmp_path / "clip.mp4", frames, sound="aac")
    out = tmp_path / "out"
    asked = ["-o", out / "big.mp4"]
    ended, errors = interrupted(kind, grace, [number], clip, *asked, command="video")
    assert (ended, errors) == (status, "srgan: interrupted\n")
    assert left(out) == []


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize(("kind", "grace"), [("one", 0.3), ("many", NEVER)])
def test_a_study_ends_and_leaves_nothing(
    kind: str, grace: float, number: int, status: int, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name, width in (("a", 16), ("b", 64), ("c", 64), ("d", 64)):  # a is done before the signal
        Image.fromarray(np.full((32, width, 3), 90, np.uint8)).save(data / f"{name}.png")
    out = tmp_path / "out"
    out.mkdir()
    asked = ["--data", data, "--methods", "nearest", "--scale", "2", "-o", out / "study"]
    ended, errors = signalled(kind, grace, [number], tmp_path / "begun", "study", "make", *asked)
    assert ended == status
    assert errors.splitlines()[-1] == "srgan: interrupted"
    assert left(out) == []


_FIRST_OF_A_CONTAINER = """
import os, signal
from srgan.cli import main

def work():
    assert os.getpid() == 1
    os.kill(1, signal.SIGTERM)
    print("went on")

main.main = work
main.run()
"""


def test_a_container_ends_before_its_work_has_begun() -> None:
    alone = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
    try:
        subprocess.run([*alone, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no process can be the first of its own here")
    ran = subprocess.run([*alone, sys.executable, "-c", _FIRST_OF_A_CONTAINER], capture_output=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (128 + signal.SIGTERM, b"", b"")
