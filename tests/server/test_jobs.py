import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import Opener

from srgan.errors import Cancelled, OutputFailed
from srgan.image.atomic import failure
from srgan.image.decode import Info
from srgan.server.child import ChildDied, ChildTimeout
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


def waiting(name: str, client: str, folder: Path) -> Job:
    """A job of 1 MP in and 4 MP out."""
    choice = Choice("bicubic")
    task = Task(choice, folder, folder / "result.png", "PNG", 2000, 2000)
    return Job(name, folder, client, "", choice, task, Info("PNG", 1000, 1000))


def refusal(jobs: Jobs, job: Job) -> str:
    with pytest.raises(Problem) as refused:
        jobs.submit(job)
    return refused.value.code


def test_the_queue_is_bounded_in_jobs_pixels_and_each_clients_share(tmp_path: Path) -> None:
    limits = ServerLimits(queue_jobs=4, client_jobs=2, queue_mp=3)
    jobs = Jobs(limits, Opener(tmp_path), Choice("bicubic"), tmp_path)
    jobs.running = waiting("a", "Ann", tmp_path)
    jobs.submit(waiting("b", "Ann", tmp_path))
    assert refusal(jobs, waiting("c", "Ann", tmp_path)) == "too_many_jobs"
    jobs.submit(waiting("d", "Bob", tmp_path))
    assert refusal(jobs, waiting("e", "Bob", tmp_path)) == "queue_full"  # 4 MP of 3
    assert [job.id for job in jobs.queue] == ["b", "d"]
    jobs.limits = replace(limits, queue_mp=4, queue_jobs=3)
    assert refusal(jobs, waiting("e", "Bob", tmp_path)) == "queue_full"  # 4 jobs of 3
    jobs.limits = replace(limits, queue_mp=4)
    jobs.submit(waiting("e", "Bob", tmp_path))
    assert len(jobs.queue) == 3
    jobs.running, jobs.queue = None, []
    jobs.limits = replace(limits, queue_mp=0.5)
    jobs.submit(waiting("f", "Ann", tmp_path))  # alone a larger one is let in


def test_what_is_told_of_the_wait(tmp_path: Path) -> None:
    jobs = Jobs(ServerLimits(), Opener(tmp_path), Choice("bicubic"), tmp_path)
    assert jobs.retry_after() == 1
    jobs._rate = 100_000.0  # 40 s for a job
    first, second, third = (waiting(name, "", tmp_path) for name in "abc")
    jobs.running, jobs.queue = first, [second, third]
    first.progress = 0.04
    assert jobs.retry_after() == 39  # 0.96 of 40 s
    assert [jobs.seconds_left(job) for job in (first, second, third)] == [38.4, 78.4, 118.4]
    assert [jobs.position(job) for job in (first, second, third)] == [0, 1, 2]
    first.started, first.progress = time.monotonic() - 30.0, 0.75  # as fast as it has been
    assert jobs.seconds_left(second) == pytest.approx(50, abs=5)
    jobs._rate = 1.0
    assert jobs.retry_after() == 600
    jobs.running = None
    assert [jobs.position(job) for job in (second, third)] == [0, 1]
    first.started, first.ended = 100.0, 120.0
    jobs._rate = 100_000.0
    jobs._learn(first)  # 200,000 a second
    assert jobs._rate == pytest.approx(130_000)
    assert jobs.seconds == 20.0


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (ChildTimeout(), "failed", "job_timeout"),
        (ChildDied(), "failed", "compute_failed"),
        (Cancelled("cancelled"), "cancelled", None),
    ],
)
def test_a_job_ends_however_its_computing_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str, code: str | None
) -> None:
    async def decoded(*_: Any, **__: Any) -> None:
        return

    def ended(*_: Any, **__: Any) -> None:
        raise error

    async def check() -> None:
        jobs = Jobs(ServerLimits(), Opener(tmp_path), Choice("bicubic"), tmp_path)
        monkeypatch.setattr(Decoding, "ask", decoded)
        monkeypatch.setattr(jobs.lane, "ask", ended)
        job = waiting("a", "", tmp_path)
        await jobs._run(job)
        assert job.state == state
        assert (job.problem.code if job.problem else None) == code

    asyncio.run(check())


def test_progress_never_falls(tmp_path: Path) -> None:
    jobs = Jobs(ServerLimits(), Opener(tmp_path), Choice("bicubic"), tmp_path)
    job = waiting("a", "", tmp_path)
    seen = []
    for fraction in (0.5, 0.3, 0.7, 1.5):
        jobs._progress(job, fraction)
        seen.append(job.progress)
    assert seen == [0.5, 0.5, 0.7, 1.0]


def test_only_another_format_or_quality_is_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def converted(_: Any, question: Any, **__: Any) -> None:
        asked.append(question.target.name)

    async def check() -> None:
        monkeypatch.setattr(Decoding, "ask", converted)
        jobs = Jobs(ServerLimits(), Opener(tmp_path), Choice("bicubic"), tmp_path)
        job = jobs.jobs["id"] = finished(tmp_path / "job")
        job.task = replace(job.task, format="JPEG", quality=80)
        for quality in (None, 80):
            assert await jobs.result(job, "JPEG", quality) == job.task.target
        for wanted in (("JPEG", 81), ("WEBP", 80), ("WEBP", 80), ("WEBP", None)):
            assert await jobs.result(job, *wanted) != job.task.target
        assert asked == ["result-81.jpeg", "result-80.webp", "result-default.webp"]

    asyncio.run(check())


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
