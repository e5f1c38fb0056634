"""No encoder may take the machine: what becomes a real-time task meanwhile is ordinary again."""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from inference.clips import Counting, make_clip, scene
from srgan.inference.upscaler import Image
from srgan.inference.video.job import VideoOptions, upscale_video
from srgan.inference.video.priority import ordinary_priority

if sys.platform != "linux":
    pytest.skip("real-time scheduling is Linux's", allow_module_level=True)

LOWEST = os.sched_param(1)


@pytest.fixture
def ordinary() -> int:
    """This thread's policy, where another may be chosen."""
    try:
        policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_FIFO, LOWEST)
    except OSError:
        pytest.skip("real-time scheduling is not allowed here, so no encoder can take it either")
    os.sched_setscheduler(0, policy, parameters)
    return policy


def policies() -> set[int]:
    """Of all threads of this process."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has just ended
            found.add(os.sched_getscheduler(int(task.name)))
    return found


def test_an_av1_encoder_takes_no_priority(tmp_path: Path, ordinary: int) -> None:
    """SVT-AV1 takes it for itself and for who opens it; all that runs beside it would starve."""
    seen: set[int] = set()

    class Watching(Counting):
        def __call__(self, image: Image) -> Image:
            seen.update(policies())
            return super().__call__(image)

    clip = make_clip(tmp_path / "clip.mp4", [scene(i) for i in range(12)])
    upscale_video(clip, tmp_path / "big.mp4", Watching(), VideoOptions(codec="av1"))
    assert seen == {ordinary}
    assert policies() == {ordinary}


def test_what_others_chose_stays(ordinary: int) -> None:
    """A thread that was real-time before keeps it; the own policy comes back, threads or not."""
    chosen: dict[str, int] = {}
    ended = threading.Event()

    def real_time(name: str, ready: threading.Event) -> None:
        os.sched_setscheduler(0, os.SCHED_FIFO, LOWEST)
        ready.set()
        ended.wait(60)
        chosen[name] = os.sched_getscheduler(0)

    def started(name: str) -> threading.Thread:
        ready = threading.Event()
        thread = threading.Thread(target=real_time, args=(name, ready))
        thread.start()
        assert ready.wait(60)
        return thread

    threads = [started("before")]
    with ordinary_priority():
        threads.append(started("meanwhile"))
        os.sched_setscheduler(0, os.SCHED_RR, LOWEST)
    assert os.sched_getscheduler(0) == ordinary
    ended.set()
    for thread in threads:
        thread.join()
    assert chosen == {"before": os.SCHED_FIFO, "meanwhile": os.SCHED_OTHER}


def test_where_priorities_cannot_be_asked_for_videos_are_written_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with musl, whose calls say ENOSYS."""

    def refused(task: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("srgan.inference.video.priority.os.sched_getscheduler", refused)
    entered = False
    with ordinary_priority():
        entered = True
    assert entered
