"""The journal of a folder job: which outputs are done, by which model, from which input.

One SQLite file in the output folder, in write-ahead mode and synchronised fully: what it says is
done survives kill -9 and power loss, and several processes can share it.
"""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType

from srgan.errors import OutputFailed
from srgan.image.atomic import make_folder, presence, present, shown, sweep

JOURNAL = ".srgan-journal.sqlite"
"""Name of the journal in the output folder."""

_WAIT_S = 60.0
_LEAST_BYTES = 64 * 1024  # SQLite grows its files by up to half of this at a time
_TABLE = """
create table if not exists outputs (
    output blob primary key,      -- path relative to the output folder; bytes, as names may be any
    input blob not null,          -- path as it was given
    content text not null,        -- sha256 of the input
    made_by text not null,        -- sha256 of model and options
    state text not null check (state in ('running', 'done')),
    owner text not null           -- presence of the process that claimed it
) without rowid
"""


class Claim(Enum):
    """What to do with an output."""

    MINE = "mine"
    """Make it: nobody else will."""
    AGAIN = "again"
    """Make it again and replace it: this job's own, of another input, model or options."""
    DONE = "done"
    """It is there, of the same input, model and options."""
    TAKEN = "taken"
    """Another process is making it, or has just made it."""
    FOREIGN = "foreign"
    """A file stands there that no job has made."""


@dataclass(frozen=True, slots=True)
class Work:
    """One output and what it depends on."""

    output: str
    input: str
    content: str
    made_by: str


class Journal:
    """The journal of one output folder, opened; a context manager.

    Args:
        folder: the output folder; made if missing.

    Raises:
        OutputFailed: the journal cannot be opened, read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / JOURNAL
        self._lock = threading.RLock()

    def __enter__(self) -> "Journal":
        with self._guard():
            try:
                make_folder(self._folder)
                sweep(self._folder)
            except OSError as error:
                raise sqlite3.OperationalError(error.strerror) from error
            self._base = sqlite3.connect(
                self._path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        self._presence = presence(self._folder)
        self._owner = self._presence.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._guard():
                self._base.close()
        finally:
            self._presence.__exit__(None, None, None)

    def _prepare(self) -> None:
        end = time.monotonic() + _WAIT_S
        while True:
            try:
                self._base.execute("pragma journal_mode=wal")
                self._base.execute("pragma synchronous=full")
                self._base.execute(_TABLE)
                return
            except sqlite3.OperationalError as error:
                # Entering this mode does not wait for others that enter or leave it.
                busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                if not busy or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def outputs(self) -> set[str]:
        """Every output that a job has made or begun here."""
        with self._guard():
            return {os.fsdecode(row[0]) for row in self._base.execute("select output from outputs")}

    def claim(self, work: Work, *, redo: bool, replace: bool) -> Claim:
        """Ask for an output; where the answer is MINE or AGAIN no other process gets it.

        Args:
            work: the output and what it depends on.
            redo: make outputs of this job again whose input, model or options have changed.
            replace: make every output again, whoever made it.

        Raises:
            OutputFailed: the journal cannot be written.
        """
        with self._guard(), self._transaction():
            row = self._base.execute(
                "select content, made_by, state, owner from outputs where output = ?",
                (os.fsencode(work.output),),
            ).fetchone()
            # Looked at only now: another process may just have made it.
            # A name that the system does not take, such as a longer one, does not stand.
            stands = os.path.isfile(self._folder / work.output)  # noqa: PTH113
            answer = self._answer(work, row, stands, redo, replace)
            if answer in (Claim.MINE, Claim.AGAIN):
                self._base.execute(
                    "insert or replace into outputs values (?, ?, ?, ?, 'running', ?)",
                    (
                        os.fsencode(work.output),
                        os.fsencode(work.input),
                        work.content,
                        work.made_by,
                        self._owner,
                    ),
                )
        return answer

    def finish(self, output: str) -> None:
        """Record that an output that was claimed stands whole under its name.

        Raises:
            OutputFailed: the journal cannot be written.
        """
        with self._guard(), self._transaction():
            self._base.execute(
                "update outputs set state = 'done' where output = ?", (os.fsencode(output),)
            )

    def release(self, output: str) -> None:
        """Give a claim back.

        Raises:
            OutputFailed: the journal cannot be written.
        """
        with self._guard(), self._transaction():
            self._base.execute(
                "delete from outputs where output = ? and state = 'running' and owner = ?",
                (os.fsencode(output), self._owner),
            )

    def _answer(
        self,
        work: Work,
        row: tuple[str, str, str, str] | None,
        stands: bool,
        redo: bool,
        replace: bool,
    ) -> Claim:
        if row is None:
            return (Claim.AGAIN if replace else Claim.FOREIGN) if stands else Claim.MINE
        content, made_by, state, owner = row
        same = (content, made_by) == (work.content, work.made_by)
        living = owner != self._owner and present(self._folder, owner)
        if living and (state == "running" or (same and stands)):
            return Claim.TAKEN
        if not stands:
            return Claim.MINE
        if replace:
            return Claim.AGAIN
        if state == "done" and same:
            return Claim.DONE
        # A claim whose process died leaves it open whether the file is the old or the new one.
        return Claim.AGAIN if redo or state == "running" else Claim.FOREIGN

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("begin immediate")
        try:
            yield
            self._base.execute("commit")
        except BaseException:
            if self._base.in_transaction:
                self._base.execute("rollback")
            raise

    @contextmanager
    def _guard(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.OperationalError as error:
                reason = "No space left on device" if self._full() else error
                raise OutputFailed(f"{shown(self._path)}: cannot be used: {reason}") from error
            except sqlite3.DatabaseError as error:
                raise OutputFailed(
                    f"{shown(self._path)}: the journal is damaged ({error}); "
                    "remove it and run again: finished files are kept"
                ) from error

    def _full(self) -> bool:
        """Whether the disk is full, of which SQLite speaks in several ways."""
        with suppress(OSError):
            return shutil.disk_usage(self._folder).free < _LEAST_BYTES
        return False
