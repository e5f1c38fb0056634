"""Power lost in a folder job, simulated.

    python tests/inference/powerloss.py [--pictures 12] [--step 1] [--forget files|folders]

Records with strace every call by which the job of ``crash_job.py`` changes files, and checks that
each result's data were on the disk before its name, and its name before it was told. Then, for
every STEP-th call, builds what a disk may hold that lost power just after it, in four ways: only
what was synchronised; all names but only synchronised data; all data but only synchronised names;
and of the rest a random part, the last write torn. Each is checked and the job resumed, as after
a kill. For PNG, JPEG and TIFF. With ``--forget`` the disk ignores fsync of one kind: the control,
which has to find faults.
"""

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import crash_job

MEMORY = Path("/dev/shm")
CALLS = (
    "openat,write,pwrite64,lseek,ftruncate,fsync,fdatasync,close,rename,unlink,mkdir,"
    "writev,pwritev,renameat,renameat2,unlinkat,link,linkat,truncate,dup,dup2,dup3"
)
KNOWN = (
    *("openat", "write", "pwrite64", "lseek", "ftruncate"),
    *("fsync", "fdatasync", "close", "rename", "link", "linkat", "unlink", "mkdir"),
)
WAYS = ("synchronised", "names", "data", "random")


@dataclass
class File:
    """A file: what is on the disk, and what was written since."""

    disk: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: cut here

    def content(self, waiting: list[tuple[int, bytes | None]]) -> bytearray:
        """The disk's content with these writes."""
        data = bytearray(self.disk)
        for offset, written in waiting:
            if written is None:
                data = data[:offset].ljust(offset, b"\0")
            else:
                data = data.ljust(offset, b"\0")
                data[offset : offset + len(written)] = written
        return data

    def sync(self) -> None:
        """What fsync does."""
        self.disk, self.waiting = self.content(self.waiting), []


@dataclass
class Folder:
    """A folder's names on the disk, and the changes since: each name with a file or nothing."""

    disk: dict[str, File] = field(default_factory=dict)
    waiting: list[dict[str, File | None]] = field(default_factory=list)

    def names(self, waiting: list[dict[str, File | None]]) -> dict[str, File]:
        """The names with these changes."""
        names: dict[str, File | None] = dict(self.disk)
        for change in waiting:
            names |= change
        return {name: file for name, file in names.items() if file is not None}

    def sync(self) -> None:
        """What fsync does."""
        self.disk, self.waiting = self.names(self.waiting), []


class Disk:
    """What the recorded calls do to the files below a folder."""

    def __init__(self, top: Path, forget: str | None) -> None:
        self.top, self.forget = str(top), forget
        self.folders: dict[str, Folder] = {}
        self.made: set[str] = set()
        self.open: dict[int, tuple[File | Folder | None, int, str]] = {}
        self.told = b""
        self.unsafe: list[str] = []

    def _place(self, path: str) -> tuple[Folder, str]:
        folder, _, name = path.rpartition("/")
        return self.folders.setdefault(folder, Folder()), name

    def do(self, call: str, arguments: str, result: int) -> None:
        """One call that went well."""
        paths = [text(quoted) for quoted in re.findall(r'"((?:\\x..)*)"', arguments)]
        number = int(re.match(r"\d+", arguments)[0]) if arguments[0].isdigit() else -1  # type: ignore[index]
        if call == "openat":
            self._open(paths[0].decode(), arguments, result)
        elif call == "close":
            self.open.pop(number, None)
        elif call in ("rename", "link", "linkat", "unlink", "mkdir"):
            self._names(call, [path.decode() for path in paths])
        elif number in self.open:
            self._file(call, number, arguments, paths, result)

    def _open(self, path: str, arguments: str, result: int) -> None:
        self.open.pop(result, None)
        if path == f"{self.top}/told":
            self.open[result] = (None, 0, path)
        if not path.startswith(f"{self.top}/out"):
            return
        if "O_DIRECTORY" in arguments or path in self.folders or path == f"{self.top}/out":
            self.open[result] = (self.folders.setdefault(path, Folder()), 0, path)
            return
        folder, name = self._place(path)
        file = folder.names(folder.waiting).get(name)
        if file is None and "O_CREAT" in arguments:
            file = File()
            folder.waiting.append({name: file})
        if file is not None:
            self.open[result] = (file, 0, path)

    def _names(self, call: str, paths: list[str]) -> None:
        if not paths[0].startswith(f"{self.top}/out"):
            return
        folder, name = self._place(paths[0])
        if call == "mkdir":
            self.folders.setdefault(paths[0], Folder())
        elif call == "unlink":
            folder.waiting.append({name: None})
        else:
            file = folder.names(folder.waiting)[name]
            if file.waiting:
                self.unsafe.append(f"{paths[1]}: named before its data were synchronised")
            old = {name: None} if call == "rename" else {}
            folder.waiting.append({**old, paths[1].rpartition("/")[2]: file})

    def _file(self, call: str, number: int, arguments: str, data: list[bytes], result: int) -> None:
        file, offset, path = self.open[number]
        if file is None:
            if call == "write":
                self._tell(data[0])
        elif call in ("fsync", "fdatasync"):
            if self.forget != ("folders" if isinstance(file, Folder) else "files"):
                file.sync()
        elif isinstance(file, Folder):
            raise ValueError(f"{call} of a folder")
        elif call == "lseek":
            self.open[number] = (file, result, path)
        elif call == "write":
            file.waiting.append((offset, data[0][:result]))
            self.open[number] = (file, offset + result, path)
        elif call == "pwrite64":
            at = int(arguments.rpartition(",")[2])
            file.waiting.append((at, data[0][:result]))
        elif call == "ftruncate":
            file.waiting.append((int(arguments.rpartition(",")[2]), None))

    def _tell(self, line: bytes) -> None:
        self.told += line
        path = line.decode().strip()
        if path:
            folder, name = self._place(path)
            if name not in folder.disk:
                self.unsafe.append(f"{path}: told before its name was synchronised")

    def left(self, way: str, draw: random.Random) -> Iterator[tuple[Path, bytes]]:
        """The files that a disk may hold that loses power now."""
        for place, folder in self.folders.items():
            upto = len(folder.waiting) if way == "names" else 0
            if way == "random":
                upto = draw.randint(0, len(folder.waiting))
            for name, file in folder.names(folder.waiting[:upto]).items():
                waiting = file.waiting if way == "data" else []
                if way == "random":
                    waiting = [write for write in file.waiting if draw.random() < 0.5]
                    if waiting and waiting[-1][1]:
                        offset, data = waiting[-1]
                        waiting[-1] = (offset, data[: draw.randint(0, len(data))])
                yield Path(place) / name, bytes(file.content(waiting))


def text(quoted: str) -> bytes:
    """A string of strace's: every byte as \\x and two digits."""
    return bytes.fromhex(quoted.replace("\\x", ""))


def record(folder: Path, kind: str) -> list[tuple[str, str, int]]:
    """The calls of a job, in their order."""
    log = folder / "calls"
    job = [sys.executable, crash_job.__file__, "run", str(folder), kind]
    trace = ["strace", "-f", "-qq", "-xx", "-s", "10000000", "-e", "signal=none"]
    subprocess.run([*trace, "-e", f"trace={CALLS}", "-o", log, *job], check=True)
    calls = []
    begun: dict[str, str] = {}
    for line in log.read_text().splitlines():
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            begun[thread] = rest.removesuffix("<unfinished ...>").rstrip()
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>", rest):
            rest = begun.pop(thread) + rest[resumed.end() :]
        parsed = re.fullmatch(r"(\w+)\((.*)\)\s+= (-?\d+).*", rest)
        if parsed is None:
            continue  # the end of a thread
        call, arguments, result = parsed[1], parsed[2], int(parsed[3])
        if result >= 0:
            calls.append((call, arguments, result))
    return calls


def restore(folder: Path, disk: Disk, way: str, draw: random.Random) -> None:
    """Make the files what the disk may hold."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    for path, data in disk.left(way, draw):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "told").write_bytes(disk.told)


def lose(kind: str, pictures: int, step: int, forget: str | None) -> tuple[int, int, list[str]]:
    """All points of one format: how many, how many results were renamed, and what was wrong."""
    wrong: list[str] = []
    points = renamed = 0
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        folder = Path(place).resolve()
        crash_job.kind = kind
        crash_job.setup(folder, pictures)
        calls = record(folder, kind)
        disk, draw = Disk(folder, forget), random.Random(0)
        changing = 0
        for call, arguments, result in calls:
            ours = str(folder / "out").encode().hex("|").replace("|", "\\x") in arguments
            if call not in KNOWN and ours:
                raise ValueError(f"{call} is not simulated")
            number = arguments.split(",")[0]
            ours = ours or (number.isdigit() and int(number) in disk.open)
            disk.do(call, arguments, result)
            if not ours or call in ("lseek", "close"):
                continue
            renamed += call in ("rename", "link", "linkat")
            changing += 1
            if changing % step:
                continue
            for way in WAYS:
                restore(folder, disk, way, draw)
                points += 1
                wrong += [f"{kind}, call {changing}, {way}: {w}" for w in crash_job.check(folder)]
        wrong += disk.unsafe
        told = [line for line in disk.told.decode().splitlines() if line]
        if renamed != pictures or len(told) != pictures:
            wrong.append(f"{kind}: {renamed} renamed, {len(told)} told, of {pictures}")
    return points, renamed, wrong


def main() -> int:
    """All formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--forget", choices=["files", "folders"])
    asked = parser.parse_args()
    bad = points = 0
    for kind in ("png", "jpg", "tif"):
        count, renamed, wrong = lose(kind, asked.pictures, asked.step, asked.forget)
        print("\n".join(wrong[:20]), end="\n" if wrong else "")
        print(f"{kind}: {renamed} results, {count} points, {len(wrong)} wrong", flush=True)
        points, bad = points + count, bad + len(wrong)
    print(f"{points} points, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
