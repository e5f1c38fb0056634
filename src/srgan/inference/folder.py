"""A folder job: every picture once, whatever happens on the way."""

import errno
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from srgan.errors import Cancelled, ImageRefused, LimitExceeded, OutputFailed, SRGANError
from srgan.image.atomic import shown, sweep
from srgan.inference.journal import JOURNAL, Claim, Journal, Work
from srgan.inference.scan import Plan, Task

Process = Callable[[Task, bool, Callable[[], bool]], Iterable[str]]
"""Makes one output: the task, whether an existing output is replaced, and whether to stop.

Returns lines to tell the user. Raises an error of srgan; :class:`Cancelled` if it was stopped.
"""

Status = Literal["done", "skipped", "refused", "failed"]

_WHY = {
    Claim.DONE: "done before",
    Claim.TAKEN: "another process makes it",
    Claim.FOREIGN: "exists already; --overwrite replaces it",
}
_FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Event:
    """What became of one picture.

    Attributes:
        status: refused means that the input is no picture that is read, or too large.
        input: path of the picture.
        output: path of its result; empty for a folder that cannot be read.
        reason: one line, empty for "done".
        seconds: of work on it.
        notices: lines to tell the user.
    """

    status: Status
    input: str
    output: str
    reason: str = ""
    seconds: float = 0.0
    notices: tuple[str, ...] = ()

    def as_json(self) -> str:
        """One line of JSON, in ASCII whatever the names are."""
        return json.dumps(asdict(self), ensure_ascii=True)


@dataclass(slots=True)
class Summary:
    """How a folder job ended.

    Attributes:
        done, skipped, refused, failed: how many pictures.
        stopped: why the job ended before its end, or empty.
    """

    done: int = 0
    skipped: int = 0
    refused: int = 0
    failed: int = 0
    stopped: str = ""

    @property
    def exit_status(self) -> int:
        """0 if all went well, 1 otherwise."""
        return 1 if self.refused or self.failed or self.stopped else 0

    def count(self, status: "Status") -> None:
        """Count one more picture of a status."""
        setattr(self, status, getattr(self, status) + 1)

    def __str__(self) -> str:
        counts = (
            f"{self.done} done, {self.skipped} skipped, "
            f"{self.refused} refused, {self.failed} failed"
        )
        return f"{counts}; stopped: {self.stopped}" if self.stopped else counts


def run_folder(
    plan: Plan,
    output: Path,
    process: Process,
    *,
    made_by: Mapping[str, object],
    resume: bool = False,
    overwrite: bool = False,
    workers: int = 1,
    report: Callable[[Event], None] = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Do all tasks of a plan; one that fails is one line, and the job goes on.

    Outputs that the journal in ``output`` knows as done, of the same input, model and options,
    are skipped. Several processes may run the same job at the same time: each output is made
    once. The job stops early only when it is asked to or when the disk is full.

    Args:
        plan: see :func:`srgan.inference.scan.plan_folder`.
        output: the output folder, which holds the journal.
        process: makes one output.
        made_by: the model's hash and every option that changes pixels or files.
        resume: make outputs of earlier jobs again whose input, model or options have changed.
        overwrite: make every output again.
        workers: pictures under way at the same time, on threads.
        report: told of each picture once it is settled; called by one thread at a time.
        stop: asked often.

    Raises:
        OutputFailed: the output folder or its journal cannot be used.
    """
    job = _Job(process, _digest(made_by), resume, overwrite, report, stop)
    with Journal(output) as journal:
        for folder in {task.output.parent for task in plan.tasks}:
            sweep(folder)
        for path, reason in plan.unreadable:
            job.tell(Event("refused", path, "", reason))
        if workers == 1:
            for task in plan.tasks:
                job.settle(task, journal)
        else:
            with ThreadPoolExecutor(workers, thread_name_prefix="picture") as pool:
                for _ in pool.map(lambda task: job.settle(task, journal), plan.tasks):
                    pass
    if stop() and not job.summary.stopped:
        job.summary.stopped = "asked to stop; --resume does the rest"
    return job.summary


def outputs_made(output: Path) -> set[str]:
    """Outputs that earlier jobs have made in a folder; they are no inputs of the next.

    Raises:
        OutputFailed: the folder's journal cannot be read.
    """
    if not (output / JOURNAL).exists():
        return set()
    with Journal(output) as journal:
        return journal.outputs()


class _Job:
    """What the threads of one job share."""

    def __init__(
        self,
        process: Process,
        made_by: str,
        resume: bool,
        overwrite: bool,
        report: Callable[[Event], None],
        stop: Callable[[], bool],
    ) -> None:
        self._process, self._made_by = process, made_by
        self._resume, self._overwrite = resume, overwrite
        self._report, self._stop = report, stop
        self._lock = threading.Lock()
        self.summary = Summary()

    def settle(self, task: Task, journal: Journal) -> None:
        """Do one task, or nothing once the job is stopping."""
        if self._asked():
            return
        started = time.monotonic()
        try:
            work = Work(task.name, str(task.input), _content(task.input), self._made_by)
        except (OSError, ImageRefused) as error:
            self.tell(_event("refused", task, _reason(error, task)))
            return
        try:
            claim = journal.claim(work, redo=self._resume, replace=self._overwrite)
            if claim in _WHY:
                event: Event | None = _event("skipped", task, _WHY[claim])
            else:
                event = self._make(task, claim, journal, started)
        except OutputFailed as error:  # without its journal the job cannot know what it does
            self.summary.stopped = str(error)
            return
        if event is not None:
            self.tell(event)

    def _make(self, task: Task, claim: Claim, journal: Journal, started: float) -> Event | None:
        try:
            notices = tuple(self._process(task, claim is Claim.AGAIN, self._asked))
        except Cancelled:
            journal.release(task.name)
            return None
        except Exception as error:  # one bad file never ends the job
            if fatal := _fatal(error):
                self.summary.stopped = f"{fatal}; --resume does the rest"
            with suppress(OutputFailed) if fatal else nullcontext():
                journal.release(task.name)
            refused = isinstance(error, ImageRefused | LimitExceeded)
            return _event("refused" if refused else "failed", task, _reason(error, task))
        journal.finish(task.name)
        seconds = round(time.monotonic() - started, 3)
        return Event("done", str(task.input), str(task.output), "", seconds, notices)

    def _asked(self) -> bool:
        return self._stop() or bool(self.summary.stopped)

    def tell(self, event: Event) -> None:
        """Count what became of one picture, and report it."""
        with self._lock:
            self.summary.count(event.status)
            try:
                self._report(event)
            except OSError as error:  # a closed pipe, or a log on the full disk
                self.summary.stopped = f"cannot report: {error.strerror}"


def _event(status: Status, task: Task, reason: str) -> Event:
    return Event(status, str(task.input), str(task.output), reason)


def _content(path: Path) -> str:
    if not path.is_file():  # a pipe would be waited for
        raise ImageRefused("is not a regular file" if path.exists() else "does not exist")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(made_by: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(made_by, sort_keys=True, default=str).encode()).hexdigest()


def _fatal(error: Exception) -> str:
    """Why no other picture can be written either; empty if the error is of this one alone."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FATAL:
            return str(cause.strerror)
        cause = cause.__cause__
    return ""


def _reason(error: Exception, task: Task) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, SRGANError):
        return text.removeprefix(f"{shown(task.input)}: ")
    if isinstance(error, MemoryError):
        return "there is not enough memory; --tile or --workers 1 need less"
    return f"{type(error).__name__}: {text}"
