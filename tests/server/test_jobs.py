import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import Opener

from srgan.errors import OutputFailed
from srgan.image.atomic import failure
from srgan.image.decode import Info
from srgan.server.decoding import Decoding
from srgan.server.documents import describe_job
from srgan.server.job import Job
from srgan.server.jobs import Jobs
from srgan.server.lane import Choice, Task
from srgan.server.limits import ServerLimits
from srgan.server.problems import Problem, problem_of


def finished(folder: Path) -> Job:
    """A job whose result lies in its folder."""
    folder.mkdir()
    (folder / "result.png").write_bytes(b"result")
    choice = Choice("bicubic")
    task = Task(choice, folder, folder / "result.png", "PNG", 8, 8)
    return Job("id", folder, "", "", choice, task, Info("PNG", 2, 2), state="done")


def test_stopping_keeps_a_result_until_it_was_sent(tmp_path: Path) -> None:
    async def check() -> None:
        jobs = Jobs(ServerLimits(stop_seconds=60), Opener(tmp_path), Choice("bicubic"), tmp_path)
        job = jobs.jobs["id"] = finished(tmp_path / "owed")
        job.owed = True
        stopping = asyncio.create_task(jobs.stop())
        await asyncio.sleep(0.3)
        assert not stopping.done()
        assert job.task.target.read_bytes() == b"result"
        jobs.remove(job)
        await asyncio.wait_for(stopping, 10)
        assert not job.folder.exists()

    asyncio.run(check())


def test_stopping_does_not_wait_for_ever(tmp_path: Path) -> None:
    async def check() -> None:
        jobs = Jobs(ServerLimits(stop_seconds=1.1), Opener(tmp_path), Choice("bicubic"), tmp_path)
        job = jobs.jobs["id"] = finished(tmp_path / "owed")
        job.owed = True
        late = Job("late", job.folder, "", "", job.choice, job.task, job.source)
        jobs.queue.append(late)
        await asyncio.wait_for(jobs.stop(), 10)
        assert not job.folder.exists()
        assert late.problem is not None
        assert (late.problem.code, late.problem.retry_after) == ("stopping", 20)

    asyncio.run(check())


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_set_moves_no_expiry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    async def expired(keep_seconds: float) -> tuple[bool, float]:
        limits = ServerLimits(keep_seconds=keep_seconds)
        jobs = Jobs(limits, Opener(tmp_path), Choice("bicubic"), tmp_path)
        job = jobs.jobs["id"] = finished(tmp_path / f"kept {keep_seconds:g} s")
        job.state = "running"
        jobs._end(job, "done")
        with monkeypatch.context() as patched:
            now = time.time() + days * 86_400
            patched.setattr(time, "time", lambda: now)
            expiring = asyncio.create_task(jobs._expire())
            while not jobs.spooled:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            left = describe_job(job, jobs)["expires_in"]
            expiring.cancel()
        jobs.decoding.close()
        return "id" not in jobs.jobs, left

    monkeypatch.setattr("srgan.server.jobs._EXPIRY_SECONDS", 0.05)
    gone, left = asyncio.run(expired(600))
    assert not gone
    assert 500 < left < 600
    assert asyncio.run(expired(0.001))[0]


@pytest.mark.parametrize("what", ["result", "input"])
def test_a_conversion_of_a_job_that_is_removed_meanwhile(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def endless(*_: Any, **__: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def check() -> None:
        monkeypatch.setattr(Decoding, "ask", endless)
        jobs = Jobs(ServerLimits(), Opener(tmp_path), Choice("bicubic"), tmp_path)
        job = jobs.jobs["id"] = finished(tmp_path / "job")
        asked = asyncio.create_task(
            jobs.result(job, "WEBP", None) if what == "result" else jobs.input_as_png(job)
        )
        await begun.wait()
        jobs.remove(job)
        with pytest.raises(Problem) as told:
            await asyncio.wait_for(asked, 10)
        assert told.value.code == "job_unknown"

    asyncio.run(check())


def test_a_folder_of_uploads_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    jobs = Jobs(ServerLimits(), Opener(tmp_path), Choice("bicubic"), tmp_path / "gone")
    with pytest.raises(Problem, match="No such file") as told:
        jobs.new_folder()
    assert told.value.status == 507


def test_errors_are_told_without_the_servers_paths(tmp_path: Path) -> None:
    error = failure(tmp_path / "result.png", OSError(28, "No space left on device"))
    assert isinstance(error, OutputFailed)
    assert problem_of(error, tmp_path).detail == "cannot be written: No space left on device"
    windows = OutputFailed(rf"{tmp_path}\result.png: cannot be written")
    assert problem_of(windows, tmp_path).detail == "cannot be written"
