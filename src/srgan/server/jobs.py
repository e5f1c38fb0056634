"""Jobs: a bounded queue, one lane that works it off, and files that vanish with their job."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any

from srgan.errors import Cancelled, SRGANError
from srgan.server.child import Child, ChildDied, ChildTimeout, resident
from srgan.server.decoder import Convert, Decode, Look
from srgan.server.decoding import Decoding
from srgan.server.job import Job, State
from srgan.server.lane import Choice, Lane, Opener
from srgan.server.limits import MEGA, MIB, ServerLimits
from srgan.server.problems import Problem, problem_of

_RESULTS_FACTOR = 4
_EXPIRY_SECONDS = 5.0
_FIRST_GUESS = 20_000.0  # result pixels a second, until jobs have been timed

log = logging.getLogger("srgan.server")


class Jobs:
    """Owns the queue, the children and the folder of uploads and results.

    Args:
        opener: gives the upscaler of a choice, in the computing child.
        default: the model that is opened at the start.
        spool: an existing folder that is this server's alone.
    """

    def __init__(self, limits: ServerLimits, opener: Opener, default: Choice, spool: Path) -> None:
        self.limits = limits
        self.spool = spool
        self.jobs: dict[str, Job] = {}
        self.queue: list[Job] = []
        self.running: Job | None = None
        self.ready = False
        self.stopping = False
        self.ended: Counter[str] = Counter()
        self.seconds = 0.0
        self.spooled = 0
        self.decoding = Decoding(limits)
        self.lane = Child("srgan-lane", Lane(opener, default))
        self._warm = default
        self._computing = ThreadPoolExecutor(1, "lane")
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._rate = _FIRST_GUESS

    # Life

    async def start(self) -> None:
        """Start the children and the lane; ``ready`` turns true when a model is open."""
        self._tasks = [
            asyncio.create_task(self._work(), name="lane"),
            asyncio.create_task(self._expire(), name="expiry"),
        ]

    async def stop(self) -> None:
        """Take no more, finish what can be finished in time, end everything."""
        self.stopping = True
        deadline = time.monotonic() + self.limits.stop_seconds
        # The last second is for telling those who wait, and for the files.
        while self._unfinished() and time.monotonic() < deadline - 1.0:
            await asyncio.sleep(0.05)
        stopped = Problem("stopping", "the server stopped; send it again", retry_after=20)
        for job in [*self.queue, *([self.running] if self.running else [])]:
            log.warning("job %s was not finished before the server stopped", job.id)
            self._end(job, "failed", stopped)
        self.queue.clear()
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(OSError, ValueError):
            self.lane.kill()
        self.decoding.kill()
        self._computing.shutdown(wait=True)
        self.decoding.close()
        self.running = None
        for job in list(self.jobs.values()):
            self.remove(job)

    def _unfinished(self) -> bool:
        # A result that is owed keeps its files until it was sent.
        owed = any(job.owed for job in self.jobs.values())
        return bool(self.queue or self.running or owed)

    # Admission

    def admit(self, client: str) -> None:
        """Refuse a client before its upload is received.

        Raises:
            Problem: stopping, the queue is full, or this client has its share.
        """
        if self.stopping:
            raise Problem("stopping", "the server is stopping; try again", retry_after=20)
        waiting = [*self.queue, *([self.running] if self.running else [])]
        if len(waiting) >= self.limits.queue_jobs:
            raise self._full("the queue is full")
        if sum(job.client == client for job in waiting) >= self.limits.client_jobs:
            raise Problem(
                "too_many_jobs",
                f"{self.limits.client_jobs} of your jobs are waiting already; wait for one",
                retry_after=self.retry_after(),
            )

    def submit(self, job: Job) -> None:
        """Put a job into the queue.

        Raises:
            Problem: as :meth:`admit`, or the queue holds too many pixels already.
        """
        self.admit(job.client)
        waiting = sum(j.cost for j in self.queue) + (self.running.cost if self.running else 0)
        if waiting and waiting + job.cost > self.limits.queue_mp * MEGA:
            raise self._full("the queue holds too many pixels already")
        self.jobs[job.id] = job
        self.queue.append(job)
        self._wake.set()

    def _full(self, detail: str) -> Problem:
        return Problem("queue_full", f"{detail}; try again later", retry_after=self.retry_after())

    def retry_after(self) -> int:
        """Seconds until a place in the queue should be free."""
        running = self.running
        if running is None:
            return 1
        return max(1, min(600, ceil((1.0 - running.progress) * running.work / self._rate)))

    def seconds_left(self, job: Job) -> float:
        """An estimate of the seconds until a job is done."""
        left = 0.0
        for other in [*([self.running] if self.running else []), *self.queue]:
            if other.started is not None and other.progress > 0.05:
                spent = time.monotonic() - other.started
                left += spent * (1.0 - other.progress) / other.progress
            else:
                left += other.work * (1.0 - other.progress) / self._rate
            if other is job:
                break
        return left

    def position(self, job: Job) -> int:
        """How many jobs are before this one, the running one included."""
        if job not in self.queue:
            return 0
        return self.queue.index(job) + (self.running is not None)

    def new_folder(self) -> tuple[str, Path]:
        """An unguessable id of 128 bits, and a folder of that name.

        Raises:
            Problem: the disk space for uploads and results is used up, or their folder is gone.
        """
        if self.spooled > self.limits.spool_mb * MIB:
            raise Problem(
                "disk_full", "the server's disk space is used up; try later", retry_after=60
            )
        name = secrets.token_urlsafe(16)
        folder = self.spool / name
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            detail = f"the server cannot keep uploads: {error.strerror}; try later"
            raise Problem("disk_full", detail, retry_after=60) from error
        return name, folder

    def check_result(self, job: Job) -> None:
        """Refuse a job whose result is too large.

        Raises:
            Problem: the message names the limit.
        """
        try:
            self.limits.picture.check_output_pages(job.sizes)
        except SRGANError as error:
            raise problem_of(error) from error

    # Children

    async def look(self, source: Path) -> Any:
        """An upload's header as ``Info``.

        Raises:
            Problem: it is no picture, or one that is too large.
        """
        return await self.decoding.ask(Look(source))

    async def result(self, job: Job, format_: str, quality: int | None) -> Path:
        """The result's file in a format; converted when it is asked for the first time.

        Raises:
            Problem: the format cannot hold it.
        """
        if format_ == job.task.format and quality in (None, job.task.quality):
            return job.task.target
        target = job.folder / f"result-{quality or 'default'}.{format_.lower()}"
        question = Convert(job.task.target, target, format_, quality)
        return await self._converted(job, question, factor=_RESULTS_FACTOR)

    async def input_as_png(self, job: Job) -> Path:
        """The upload as PNG, made when it is asked for the first time.

        Raises:
            Problem: it cannot be decoded.
        """
        target = job.folder / "upload.png"
        return await self._converted(job, Convert(job.folder / "upload", target, "PNG", None))

    async def _converted(self, job: Job, question: Convert, *, factor: int = 1) -> Path:
        """The file of a conversion, made by whoever asks for it first.

        Raises:
            Problem: it cannot be made, or the job's files went meanwhile.
        """
        name = question.target.name
        if name not in job.converting:
            making = self.decoding.ask(question, factor=factor)
            job.converting[name] = asyncio.ensure_future(making)
        conversion = job.converting[name]
        refused: Problem | None = None
        try:
            await asyncio.shield(conversion)
        except asyncio.CancelledError:
            if not conversion.cancelled():  # the request itself is
                raise
        except Problem as problem:
            job.converting.pop(name, None)
            refused = problem
        if job.id not in self.jobs:
            raise Problem("job_unknown", "the job was removed meanwhile")
        refused = job.problem or refused  # a failed job's files are gone
        if refused is not None:
            raise refused
        return question.target

    # The lane

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        await self.decoding.start()
        while not self.ready:
            try:
                await loop.run_in_executor(
                    self._computing, lambda: self.lane.ask(self._warm, timeout=300)
                )
                self.ready = True
            except (SRGANError, ChildDied, ChildTimeout) as error:
                log.error("the model %s cannot be opened: %r", self._warm.model, error)
                await asyncio.sleep(2.0)
        while True:
            while not self.queue:
                self._wake.clear()
                await self._wake.wait()
            job = self.queue.pop(0)
            self.running = job
            try:
                await self._run(job)
            except Exception:
                log.exception("job %s failed", job.id)
                self._end(job, "failed", Problem("internal", "the server's log says more"))
            finally:
                if job.id not in self.jobs:
                    shutil.rmtree(job.folder, ignore_errors=True)
                self.running = None
            await self._recycle()

    async def _run(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        job.state, job.started = "running", time.monotonic()
        job.tell()

        def progress(fraction: float) -> None:
            loop.call_soon_threadsafe(self._progress, job, fraction)

        try:
            await self.decoding.ask(Decode(job.folder / "upload", job.folder))
            if job.ended_at_all:
                return
            job.notices = await loop.run_in_executor(
                self._computing,
                lambda: self.lane.ask(
                    job.task,
                    timeout=self.limits.job_seconds,
                    progress=progress,
                    cancelled=lambda: job.ended_at_all,
                ),
            )
        except Problem as problem:
            self._end(job, "failed", problem)
        except Cancelled:
            self._end(job, "cancelled")
        except SRGANError as error:
            self._end(job, "failed", problem_of(error, job.folder))
        except ChildTimeout:
            limit = f"{self.limits.job_seconds:g} s"
            self._end(job, "failed", Problem("job_timeout", f"it took more than {limit}"))
        except ChildDied:
            self._end(
                job, "failed", Problem("compute_failed", "the computing process ended; try again")
            )
        else:
            if not job.ended_at_all:
                self._end(job, "done")
                self._learn(job)

    def _progress(self, job: Job, fraction: float) -> None:
        if not job.ended_at_all:
            job.progress = min(1.0, max(job.progress, fraction))
            job.tell()

    def _learn(self, job: Job) -> None:
        assert job.started is not None
        assert job.ended is not None
        seconds = max(job.ended - job.started, 1e-3)
        self.seconds += seconds
        self._rate += 0.3 * (job.work / seconds - self._rate)

    def _end(self, job: Job, state: State, problem: Problem | None = None) -> None:
        if job.ended_at_all:
            return
        job.state, job.problem = state, problem
        job.ended = time.monotonic()
        job.expires = job.ended + self.limits.keep_seconds
        if state == "done":
            job.progress = 1.0
        self.ended[state] += 1
        if state != "cancelled":  # then the folder goes, as soon as nobody works in it
            for file in job.folder.glob("*"):
                if state != "done" or not file.name.startswith(("result", "upload")):
                    file.unlink(missing_ok=True)
        job.tell()

    async def _recycle(self) -> None:
        """Replace the computing child when it has grown too large."""
        pid = self.lane.pid
        if pid is not None and resident(pid) > self.limits.lane_memory_mb * MIB:
            log.info("the computing process is restarted: it holds too much memory")
            await asyncio.get_running_loop().run_in_executor(self._computing, self.lane.stop)

    # The end of a job

    def remove(self, job: Job) -> None:
        """Cancel a job if it has not ended, and forget it and its files."""
        if job in self.queue:
            self.queue.remove(job)
        self._end(job, "cancelled")
        for conversion in job.converting.values():
            conversion.cancel()
        self.jobs.pop(job.id, None)
        # Under the feet of a child that still works in it, it would take the child with it.
        if job is not self.running:
            shutil.rmtree(job.folder, ignore_errors=True)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRY_SECONDS)
            self.spooled = await asyncio.to_thread(_bytes_in, self.spool)
            now = time.monotonic()
            for job in [j for j in self.jobs.values() if j.expires and j.expires < now]:
                self.remove(job)

    async def news(self, job: Job, *, pulse: float) -> AsyncIterator[bool]:
        """Yields true whenever a job has changed, false after ``pulse`` seconds without."""
        while True:
            changed = job.changed
            if job.ended_at_all:
                yield True
                return
            yield True
            try:
                await asyncio.wait_for(changed.wait(), pulse)
            except TimeoutError:
                yield False


def _bytes_in(folder: Path) -> int:
    total = 0
    for file in folder.glob("*/*"):
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total
