"""Files that appear whole or not at all."""

import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from srgan.errors import OutputFailed
from srgan.image import atomic
from srgan.image.atomic import (
    abandon,
    alone,
    atomic_file,
    atomic_folder,
    is_temporary,
    make_folder,
    presence,
    present,
    private_folder,
    refuse_existing,
    sweep,
)


def test_the_name_appears_with_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.bin"
    with atomic_file(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" whole")
    assert path.read_bytes() == b"half whole"
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail() -> None:
        with atomic_file(path, overwrite=True) as file:
            file.write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"

    def race() -> None:
        with atomic_file(path):
            path.write_bytes(b"other")

    with pytest.raises(OutputFailed, match="exists already"):
        race()
    assert path.read_bytes() == b"other"


def test_of_two_that_end_at_once_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    checks = []

    def check(target: Path, *, overwrite: bool = False) -> None:
        refuse_existing(target, overwrite=overwrite)
        checks.append(target)
        if len(checks) == 2:  # the last before the file takes its name
            path.write_bytes(b"other")

    monkeypatch.setattr(atomic, "refuse_existing", check)
    with pytest.raises(OutputFailed, match="exists already"), atomic_file(path) as file:
        file.write(b"mine")
    assert path.read_bytes() == b"other"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with atomic_file(tmp_path / "a.bin") as file:
        file.write(b"whole")
    assert (tmp_path / "a.bin").read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none here")
def test_only_files_are_ever_replaced(tmp_path: Path) -> None:
    """As root, a result that goes to /dev/null would be the end of it."""
    pipe, link, folder = tmp_path / "pipe", tmp_path / "link", tmp_path / "folder"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    folder.mkdir()
    for path in (pipe, link, folder):
        with (
            pytest.raises(OutputFailed, match="not a file that can be replaced"),
            atomic_file(path, overwrite=True),
        ):
            pass
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    for name, to in (("link", "old"), ("dangling", "nothing")):
        link = tmp_path / name
        link.symlink_to(to)
        with pytest.raises(OutputFailed, match="exists already"), atomic_file(link):
            pass
        with atomic_file(link, overwrite=True) as file:
            file.write(b"new")
        assert not link.is_symlink()
    assert (tmp_path / "old").read_bytes() == b"old"


def test_what_the_system_says_is_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputFailed, match="cannot be written"), atomic_file(tmp_path / "file/a"):
        pass
    with (
        pytest.raises(OutputFailed, match="File name too long"),
        atomic_file(tmp_path / ("x" * 256)),
    ):
        pass
    with (
        pytest.raises(OutputFailed, match="cannot be written: embedded null byte"),
        atomic_file(tmp_path / "a\0b"),
    ):
        pass


def test_a_name_may_fill_its_255_bytes(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    with atomic_file(path) as file:
        file.write(b"1")
    assert path.exists()


def test_the_sweep_takes_only_what_the_dead_left(tmp_path: Path) -> None:
    left = tmp_path / ".srgan-0123456789abcdef.part"
    left.touch()
    with atomic_file(tmp_path / "a.bin") as file:
        assert sweep(tmp_path) == 1
        assert not left.exists()
        assert [is_temporary(p) for p in tmp_path.iterdir()] == [True]
        file.write(b"1")
    assert (tmp_path / "a.bin").read_bytes() == b"1"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file locks, and no open file is removed, as there."""
    unlink = os.unlink

    def refusing(path: str | Path, **options: int) -> None:
        open_ = set()
        for handle in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                open_.add(handle.readlink())
        if Path(path).absolute() in open_:
            raise PermissionError(errno.EACCES, "in use", str(path))
        unlink(path, **options)

    monkeypatch.setattr(atomic, "fcntl", None)
    monkeypatch.setattr(os, "unlink", refusing)


linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which files are open")


@linux
@pytest.mark.usefixtures("windows")
def test_a_presence_leaves_nothing_where_open_files_stay(tmp_path: Path) -> None:
    with presence(tmp_path) as name:
        assert present(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


@linux
@pytest.mark.usefixtures("windows")
def test_what_is_abandoned_goes_where_open_files_stay(tmp_path: Path) -> None:
    with contextlib.suppress(OutputFailed), atomic_file(tmp_path / "a.bin") as file:
        file.write(b"half")
        assert sweep(tmp_path) == 0
        abandon()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no folder is synchronised there")
@pytest.mark.parametrize(("number", "lost"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_share_that_synchronises_no_folders_will_do(
    number: int, lost: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def refusing(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", refusing)
    told = pytest.raises(OutputFailed) if lost else contextlib.nullcontext()
    with told, atomic_file(tmp_path / "a.bin") as file:
        file.write(b"1")
    assert (tmp_path / "a.bin").read_bytes() == b"1"


def test_a_drive_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Path, **options: bool) -> None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    monkeypatch.setattr(Path, "is_dir", lambda path: False)
    monkeypatch.setattr(Path, "mkdir", gone)
    with pytest.raises(FileNotFoundError):
        make_folder(Path("/photos/large"))


def test_a_folder_appears_with_the_last_of_its_files(tmp_path: Path) -> None:
    path = tmp_path / "new" / "study"
    for _ in range(2):  # the second time an empty folder stands there
        with atomic_folder(path) as part:
            (part / "inner").mkdir()
            (part / "inner" / "a").write_text("whole")
            assert not (path / "inner").exists()
        assert [p.name for p in path.parent.iterdir()] == ["study"]
        assert (path / "inner" / "a").read_text() == "whole"
        (path / "inner" / "a").unlink()
        (path / "inner").rmdir()


@pytest.mark.skipif(os.name == "nt", reason="modes mean little there")
def test_a_private_folder_is_nobody_elses(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = private_folder(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert is_temporary(folder)


def test_an_error_leaves_no_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_folder(tmp_path / "study") as part:
            (part / "a").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def _take(path: Path, kind: str) -> None:
    if kind == "file":
        path.touch()
    elif kind == "filled folder":
        path.mkdir()
        (path / "a").touch()
    else:
        path.symlink_to("nowhere")


@pytest.mark.parametrize("kind", ["file", "filled folder", "dangling link"])
def test_a_taken_name_is_no_new_folder(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "study"

    def make(meanwhile: bool) -> None:
        with atomic_folder(path):
            assert meanwhile
            _take(path, kind)

    for meanwhile in (True, False):
        with pytest.raises(OutputFailed, match="study: exists already"):
            make(meanwhile)
        assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_an_abandoned_folder_takes_no_more_files(tmp_path: Path) -> None:
    """As when a watching thread ends a process whose main thread is still writing."""

    def write() -> None:
        with atomic_folder(tmp_path / "study") as part:
            (part / "a").touch()
            abandon()
            assert list(tmp_path.iterdir()) == []
            (part / "b").touch()

    with pytest.raises(OutputFailed, match="cannot be written"):
        write()
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, time
from srgan.image.atomic import atomic_folder
with atomic_folder(sys.argv[1]) as part:
    (part / "a").touch()
    print("ready", flush=True)
    time.sleep(3600)
"""


@pytest.mark.skipif(os.name == "nt", reason="a folder cannot be locked there")
def test_the_sweep_takes_the_folders_of_the_dead(tmp_path: Path) -> None:
    started = [sys.executable, "-c", KILLED, str(tmp_path / "study")]
    with subprocess.Popen(started, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n"
        assert sweep(tmp_path) == 0
        assert [is_temporary(p) for p in tmp_path.iterdir()] == [True]
        job.send_signal(signal.SIGKILL)
    with atomic_folder(tmp_path / "other"):
        assert sweep(tmp_path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["other"]


ORPHANED = """
import os, sys, time
from pathlib import Path
from srgan.image.atomic import alone
with alone(Path(sys.argv[1]), doing="trains"):
    if os.fork() == 0:
        print("ready", flush=True)  # only now: the fork has to come to letting go
    time.sleep(3600)
"""


@pytest.mark.skipif(os.name == "nt", reason="a folder cannot be locked there")
def test_a_folder_is_held_until_its_process_ends_though_a_fork_of_it_lives(tmp_path: Path) -> None:
    held = tmp_path / "run"
    started = [sys.executable, "-c", ORPHANED, str(held)]
    with subprocess.Popen(
        started, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n"
        with pytest.raises(OutputFailed, match="another process trains in it"), holding(held):
            pass
        job.kill()
        job.wait()
        with holding(held):
            assert held.is_dir()
        os.killpg(job.pid, signal.SIGKILL)


def holding(folder: Path) -> contextlib.AbstractContextManager[None]:
    return alone(folder, doing="trains")


def test_a_folder_that_was_made_to_be_held_is_left_where_something_is_in_it(tmp_path: Path) -> None:
    with holding(tmp_path / "empty"), holding(tmp_path / "filled"):
        (tmp_path / "filled" / "a").touch()
    assert [p.name for p in tmp_path.iterdir()] == ["filled"]
