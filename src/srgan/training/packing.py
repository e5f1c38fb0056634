"""Packs: photos read once, whatever their format, and stored as flat uint8 to be mapped.

A pack is a folder of ``pixels.u8`` (all photos, RGB, one after the other), ``index.json`` (for each
its name, offset, height and width) and ``quarantine.json`` (what was left out, and why).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DataRefused, SRGANError
from srgan.image.atomic import atomic_file, shown
from srgan.image.files import read_first
from srgan.image.limits import DEFAULT, Limits
from srgan.image.pixels import to_8_bits
from srgan.words import counted

SMALLEST = 128
"""Photos with a shorter side hold too little to cut crops from."""

PIECE = 1 << 26
"""Bytes of a pack that are copied at once."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of a pack: (height, width, 3) uint8 from byte ``offset`` on.

    ``name`` is its path in the folder that was packed; of several, with the folder as it was given.
    """

    name: str
    offset: int
    height: int
    width: int


class Pack:
    """Photos of one or more packs, memory-mapped; ``photo(i)`` is a view, (H, W, 3) uint8 RGB.

    Raises:
        DataRefused: a folder is no pack, or its index and its pixels do not fit each other.
    """

    def __init__(self, *folders: str | Path) -> None:
        self.folders = tuple(map(Path, folders))
        self.photos: list[Photo] = []
        self._maps: list[NDArray[np.uint8]] = []
        self._pack_of: list[int] = []
        self._base: list[int] = []
        self.bytes = 0
        for number, folder in enumerate(self.folders):
            try:
                index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
                pixels = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r")
                photos = [Photo(**entry) for entry in index["photos"]]
                _check_index(photos, pixels.size)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataRefused(
                    f"{folder}: not a whole pack of photos ({error}); make it again: "
                    "srgan data prepare"
                ) from error
            self._maps.append(pixels)
            self._base.append(self.bytes)
            self._pack_of += [number] * len(photos)
            self.photos += photos
            self.bytes += pixels.size

    def __len__(self) -> int:
        return len(self.photos)

    def __reduce__(self) -> tuple[type["Pack"], tuple[Path, ...]]:
        # A loader process maps the files itself instead of being sent their contents.
        return Pack, self.folders

    def photo(self, i: int) -> NDArray[np.uint8]:
        p = self.photos[i]
        flat = self._maps[self._pack_of[i]][p.offset : p.offset + p.height * p.width * 3]
        return flat.reshape(p.height, p.width, 3)

    def start(self, i: int) -> int:
        """The first byte of photo ``i`` in all of :meth:`pieces`."""
        return self._base[self._pack_of[i]] + self.photos[i].offset

    def pieces(self) -> Iterator[NDArray[np.uint8]]:
        """Copies of all bytes, one pack after the other, in pieces of at most 64 MB."""
        for pixels in self._maps:
            for start in range(0, pixels.size, PIECE):
                yield np.array(pixels[start : start + PIECE])


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of each file of the data folders."""

    photos: int
    pixels: int
    quarantined: tuple[tuple[str, str], ...]


def prepare(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    smallest: int = SMALLEST,
    limits: Limits = DEFAULT,
) -> Prepared:
    """Read every photo below ``folders`` once and pack it; broken ones are listed, not fatal.

    Args:
        folders: where the photos are, sub-folders included; names that start with a dot are
            passed over, and so are the folders of earlier runs, whose samples are no photos, and
            a file that was met before, by a link or an outer folder.
        out: folder of the pack.
        smallest: photos with a side below this are left out.
        limits: photos that are larger are left out.

    Raises:
        DataRefused: a folder is missing, or no photo could be used.
        OutputFailed: the pack cannot be written; nothing is left half done.
    """
    out = Path(out)
    photos: list[Photo] = []
    quarantined: list[tuple[str, str]] = []
    seen: set[Path] = set()
    offset = 0
    with atomic_file(out / "pixels.u8", overwrite=True) as pixels:
        for folder in map(Path, folders):
            for path in _files(folder):
                # A photo that came twice could be held out and trained on.
                if (file := path.resolve()) in seen:
                    continue
                seen.add(file)
                told = path if len(folders) > 1 else path.relative_to(folder)
                name = told.as_posix()
                try:
                    array = _read(path, limits)
                except SRGANError as error:
                    reason = str(error).removeprefix(f"{shown(path)}: ")
                    quarantined.append((name, reason))
                    continue
                height, width = array.shape[:2]
                if min(height, width) < smallest:
                    reason = f"{width}x{height}: a side is shorter than {smallest} pixels"
                    quarantined.append((name, reason))
                    continue
                pixels.write(array.tobytes())
                photos.append(Photo(name, offset, height, width))
                offset += array.size
        if not photos:
            first = f" (the first: {quarantined[0][0]}: {quarantined[0][1]})" if quarantined else ""
            raise DataRefused(
                f"no usable photo among {counted(len(quarantined), 'file')} below "
                f"{', '.join(map(str, folders))}{first}; photos of at least {smallest} pixels "
                "high and wide are needed"
            )
    _write_json(out / "quarantine.json", quarantined)
    _write_json(out / "index.json", {"photos": [asdict(photo) for photo in photos]})
    return Prepared(len(photos), offset // 3, tuple(quarantined))


def open_data(folders: Sequence[str | Path], cache: str | Path, *, anew: bool = False) -> Pack:
    """Packs as they are; folders of photos packed into ``cache`` first, once.

    Args:
        folders: packs and folders of photos; one that is named twice counts once.
        cache: folder of the pack that is made.
        anew: make it again where there is one, of a run that did not get far.

    Raises:
        DataRefused: a folder is missing, or holds no usable photo.
    """
    given = {folder.resolve(): folder for folder in map(Path, folders)}.values()
    packs = [f for f in given if (f / "index.json").is_file()]
    loose = [f for f in given if f not in packs]
    if loose:
        cache = Path(cache)
        if anew or not (cache / "index.json").is_file():
            prepare(loose, cache)
        packs.append(cache)
    return Pack(*packs)


def _check_index(photos: list[Photo], size: int) -> None:
    """Raise ValueError where the photos are not exactly ``size`` bytes, one after the other."""
    end = 0
    for i, photo in enumerate(photos):
        numbers = (photo.offset, photo.height, photo.width)
        if not all(type(n) is int for n in numbers) or min(photo.height, photo.width) < 1:
            raise ValueError(f"index.json: photo {i} is wrong")
        if photo.offset != end:
            raise ValueError(f"index.json: photo {i} is not where the one before it ends")
        end += photo.height * photo.width * 3
    if not photos or end != size:
        raise ValueError(f"pixels.u8 holds {size} bytes, not the {end} of index.json")


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataRefused(f"{folder}: there is no such folder of photos")
    found = list(folder.rglob("*"))
    logs = (path for path in found if path.name == "log.jsonl")
    runs = {log.parent for log in logs if (log.parent / "samples").is_dir()} - {folder}
    return sorted(
        path
        for path in found
        if path.is_file()
        and runs.isdisjoint(path.parents)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _read(path: Path, limits: Limits) -> NDArray[np.uint8]:
    """The first frame as 8-bit RGB, opacity ignored."""
    colour = to_8_bits(read_first(path, limits=limits).colour)
    if colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    return np.ascontiguousarray(colour)


def _write_json(path: Path, value: Any) -> None:
    with atomic_file(path, overwrite=True) as file:
        file.write(json.dumps(value, indent=1).encode())
