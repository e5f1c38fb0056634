"""Files that appear whole or not at all, and are durable once they have appeared."""

import errno
import os
import secrets
import shutil
import stat
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from srgan.errors import OutputFailed

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted by another process
    fcntl = None  # type: ignore[assignment]

_NO_SUCH_CALL = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)  # fsync of a folder on some shares
_PREFIX, _SUFFIX = ".srgan-", ".part"
# The temporary files and folders that this process has made, and the files' handles.
_here: dict[Path, int | None] = {}
_held: set[int] = set()  # handles of the folders that it holds


@contextmanager
def atomic_file(path: str | Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A file under a temporary name that takes its real name when the block ends well.

    The data are on the disk before the name is, and the name is before this returns. On any
    exception the temporary file is removed and whatever stood under the name is untouched.

    Args:
        path: the final name; its folder is made if missing.
        overwrite: whether an existing file may be replaced.

    Raises:
        OutputFailed: the file exists, or the system refused (the message gives its reason).
    """
    target = Path(path)
    try:
        refuse_existing(target, overwrite=overwrite)
        make_folder(target.parent)
        file, name = _create(target.parent)
    except OSError as error:
        raise failure(target, error) from error
    try:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()
            refuse_existing(target, overwrite=overwrite)
            if overwrite:
                name.replace(target)
            else:
                _take_name(name, target)
            sync_folder(target.parent)
        except OSError as error:
            raise failure(target, error) from error
    except BaseException:
        # The old file's buffer may hold data that cannot be written: never raise from here.
        with suppress(OSError):
            file.close()
        _remove(name)
        raise
    _here.pop(name, None)
    with suppress(OSError):
        file.close()


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """A folder under a temporary name that takes its real name when the block ends well.

    As with :func:`atomic_file`, what is in it is on the disk before the name is. On any exception
    it is removed with all that it holds.

    Args:
        path: the final name; only an empty folder may stand there.

    Raises:
        OutputFailed: the name is taken, or the system refused (the message gives its reason).
    """
    target = Path(path).absolute()
    try:
        _refuse_filled(target, path)
        make_folder(target.parent)
        name, held = _create_folder(target.parent)
    except OSError as error:
        raise failure(path, error) from error
    try:
        yield name
        _sync_content(name)
        _refuse_filled(target, path)
        if os.name == "nt" and target.exists():
            target.rmdir()  # elsewhere an empty folder is replaced
        name.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise failure(path, error) from error
    finally:
        _remove(name)
        if held is not None:
            os.close(held)


@contextmanager
def alone(folder: Path, *, doing: str) -> Iterator[None]:
    """Hold a folder, made if missing, against other processes that want to hold it.

    The system lets go of it with the process. Where it has no such locks, nothing is held.

    Args:
        folder: what is held.
        doing: what another process is told of this one, such as "trains".

    Raises:
        OutputFailed: another process holds it, or it cannot be made.
    """
    new = not folder.exists()
    try:
        make_folder(folder)
        handle = None if fcntl is None else os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise failure(folder, error) from error
    try:
        if handle is not None:
            _held.add(handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OutputFailed(
                    f"{shown(folder)}: another process {doing} in it; wait for its end or choose "
                    "another folder"
                ) from error
            except OSError:
                pass  # a file system without locks
        yield
    finally:
        if handle is not None:
            _held.discard(handle)
            os.close(handle)
        if new:
            with suppress(OSError):  # something is in it
                folder.rmdir()


def _let_go() -> None:
    # A loader process that outlives a killed run must not hold its folder.
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def private_folder(parent: Path) -> Path:
    """A new folder for this process alone; once that is dead, :func:`sweep` removes it."""
    folder, _held_until_the_end = _create_folder(parent, mode=0o700)
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, each of them durable."""
    if folder.is_dir():
        return
    if folder.parent != folder:  # a drive that is not there is its own parent
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; does nothing where the system has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise
    finally:
        os.close(handle)


def sweep(folder: Path) -> int:
    """Remove what dead processes left in a folder under temporary names; returns how many."""
    removed = 0
    for left in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):
            _remove_unheld(left)
            removed += 1
    return removed


def abandon() -> None:
    """Remove this process's temporary files and folders; it is about to end without further ado."""
    while _here:
        name, handle = _here.popitem()
        if fcntl is None and handle is not None:  # Windows removes no open file
            with suppress(OSError):
                os.close(handle)
        _remove(name)


def is_temporary(path: Path) -> bool:
    """Whether a name is one of the temporary names that are used here."""
    return path.name.startswith(_PREFIX) and path.name.endswith(_SUFFIX)


def failure(path: str | Path, error: OSError | ValueError) -> OutputFailed:
    """The one-line error for a path that the system refused to write, or Python to name."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return OutputFailed(f"{shown(path)}: cannot be written: {reason}")


def shown(path: str | Path) -> str:
    """A path as one printable line."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def one_name(path: str | Path) -> str:
    """Where a path leads: the same text for all names that the system takes for one file."""
    name = os.path.normcase(os.path.realpath(path))
    if sys.platform == "darwin":  # whose disks tell neither case nor how an accent is composed
        name = unicodedata.normalize("NFC", name).casefold()
    return name


def refuse_existing(
    target: str | Path, *, overwrite: bool = False, mend: str = "add --overwrite to replace it"
) -> None:
    """Refuse a name under which something stands, be it a dangling link; or that cannot be one.

    Args:
        overwrite: let regular files and dangling links be replaced; never a folder or a device,
            such as /dev/null.
        mend: what to do about a file that stands there.

    Raises:
        OutputFailed: naming what mends it, or the system's reason.
    """
    try:
        os.lstat(target)
        if not stat.S_ISREG(os.stat(target).st_mode):  # noqa: PTH116 - str and Path alike
            raise OutputFailed(f"{shown(target)}: is not a file that can be replaced")
    except FileNotFoundError:
        if overwrite or not os.path.lexists(target):
            return
    except (OSError, ValueError) as error:  # a name too long, or with a NUL, before hours of work
        raise failure(target, error) from error
    if not overwrite:
        raise OutputFailed(f"{shown(target)}: exists already; {mend}")


def _create(folder: Path) -> tuple[BinaryIO, Path]:
    while True:
        # Short and without the target's name, which may already fill the 255 bytes of a name.
        name = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        handle = os.open(
            name, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o666
        )
        _here[name] = handle
        file = os.fdopen(handle, "w+b")
        if fcntl is None:
            return file, name
        with suppress(OSError):  # a file system without locks only loses the sweep's protection
            fcntl.flock(file, fcntl.LOCK_EX)
        if name.exists():  # else another process swept it before the lock was held
            return file, name
        _here.pop(name, None)
        file.close()


def _take_name(name: Path, target: Path) -> None:
    """Give a file its name unless another process has just done so with its own."""
    if os.name == "nt":
        name.rename(target)  # refuses by itself there
        return
    try:
        target.hardlink_to(name)
    except FileExistsError:
        refuse_existing(target)
        raise
    except OSError:  # a file system without links; another process has only this moment
        name.replace(target)
        return
    _remove(name)


def _create_folder(parent: Path, mode: int = 0o777) -> tuple[Path, int | None]:
    """A new folder, and the handle by which it is locked where the system can."""
    while True:
        name = parent / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        name.mkdir(mode)
        _here[name] = None
        if fcntl is None:
            return name, None
        held = os.open(name, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        if name.exists():
            return name, held
        _here.pop(name, None)
        os.close(held)


def _refuse_filled(target: Path, given: str | Path) -> None:
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise OutputFailed(f"{shown(given)}: exists already; give another folder")


def _sync_content(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


@contextmanager
def presence(folder: Path) -> Iterator[str]:
    """A name that stands in a folder for as long as this process lives and is in the block.

    Other processes see by :func:`present` whether it does; the system ends it with the process.
    """
    try:
        make_folder(folder)
        file, name = _create(folder)
    except OSError as error:
        raise failure(folder, error) from error
    try:
        yield name.name
    finally:
        with suppress(OSError):
            file.close()  # first, as Windows removes no open file
        _remove(name)


def present(folder: Path, name: str) -> bool:
    """Whether the process that holds a presence still lives."""
    with suppress(OSError):
        _remove_unheld(folder / name)
    return (folder / name).exists()


def _remove(name: Path) -> None:
    with suppress(OSError):
        if name.is_dir():
            _remove_folder(name)
        else:
            name.unlink(missing_ok=True)
    _here.pop(name, None)


def _remove_folder(name: Path) -> None:
    # Another thread may still be writing: under a new name it finds the folder no more.
    gone = name.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    with suppress(OSError):
        name = name.rename(gone)
    shutil.rmtree(name, ignore_errors=True)


def _remove_unheld(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        if fcntl is None:  # whether its writer lives cannot be told
            raise OSError
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_folder(path)
        finally:
            os.close(handle)
        return
    if fcntl is None:
        path.unlink()  # refused while a living writer has it open
        return
    with path.open("rb+") as file:
        # A living writer holds the lock; the system drops it when the process ends.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
