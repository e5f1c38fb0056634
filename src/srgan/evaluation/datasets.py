"""Test sets in folders, in the layouts that they are published in.

A set is a folder of pictures; ``--data DIR`` holds one folder a set. Below a set's folder these
are understood, with or without a folder for the scale (``x4``, ``X4``, ``image_SRF_4``):

    img_001_SRF_4_HR.png, img_001_SRF_4_LR.png     pairs in one folder (SelfExSR)
    HR/baby.png, LR/baby.png or LR/babyx4.png      pairs in two folders
    baby.png, bird.png, ...                        HR only: LR is made, and that is said
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DataRefused
from srgan.evaluation.protocols import aligned
from srgan.image.files import FORMATS, read_first
from srgan.image.limits import DEFAULT, Limits
from srgan.image.pixels import to_8_bits
from srgan.image.resize import imresize

Picture = NDArray[np.uint8]

STANDARD = ("Set5", "Set14", "BSD100")
"""The sets of the paper's tables."""

SUFFIXES = tuple(suffix for form in FORMATS.values() for suffix in form.suffixes)


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of a set on disk; without ``lr`` the LR picture is made of the HR one."""

    set: str
    name: str
    hr: Path
    lr: Path | None


@dataclass(frozen=True, slots=True)
class Sample:
    """HR and LR in memory, (H, W, 3) or gray (H, W) uint8; ``hr`` is ``scale`` times ``lr``."""

    hr: Picture
    lr: Picture


def find(data: Path, sets: Sequence[str] | None, *, scale: int) -> list[Entry]:
    """The pictures of each set, in the order of their names.

    Args:
        data: folder with one folder a set, or itself a set when ``sets`` is not given and no
            standard set is in it.
        sets: names of folders; default: those of :data:`STANDARD` that are there.
        scale: the factor, for layouts that have a folder for it.

    Raises:
        DataRefused: a set is not there, or has no pictures.
    """
    if not data.is_dir():
        raise DataRefused(f"{data}: there is no such folder; give the test sets' with --data")
    if sets is None:
        present = [name for name in STANDARD if (data / name).is_dir()]
        if not present:
            return _entries(data.name, data, scale)
        sets = present
    found: list[Entry] = []
    for name in sets:
        if not (data / name).is_dir():
            others = ", ".join(sorted(p.name for p in data.iterdir() if p.is_dir())) or "nothing"
            raise DataRefused(f"{data}: has no set {name!r}; it has {others}")
        found += _entries(name, data / name, scale)
    return found


def _entries(set_name: str, folder: Path, scale: int) -> list[Entry]:
    for inner in (f"x{scale}", f"X{scale}", f"image_SRF_{scale}"):
        if (folder / inner).is_dir():
            folder = folder / inner
            break
    files = _pictures(folder)
    pairs = {p.stem.removesuffix("_HR"): p for p in files if p.stem.endswith("_HR")}
    if pairs:
        low = {p.stem.removesuffix("_LR"): p for p in files if p.stem.endswith("_LR")}
        return [Entry(set_name, stem, hr, low.get(stem)) for stem, hr in pairs.items()]
    folders = {p.name.lower(): p for p in folder.iterdir() if p.is_dir()}
    if "hr" in folders:
        low_folder = next(
            (folders[n] for n in (f"lr_x{scale}", f"lrx{scale}", "lr") if n in folders), None
        )
        low = {}
        for path in _pictures(low_folder) if low_folder else []:
            low[re.sub(rf"[xX]{scale}$", "", path.stem)] = path
        return [Entry(set_name, p.stem, p, low.get(p.stem)) for p in _pictures(folders["hr"])]
    if not files:
        sets = ",".join(sorted(p.name for p in folder.iterdir() if p.is_dir()))
        raise DataRefused(
            f"{folder}: has no pictures in a layout that is known: *_HR.png with *_LR.png, "
            "folders HR and LR, or HR pictures alone"
            + (f"; where its folders are sets: --sets {sets}" if sets else "")
        )
    return [Entry(set_name, p.stem, p, None) for p in files]


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)


def identity(entry: Entry) -> str:
    """What tells a picture's files from others of the same name; "" where they cannot be read."""
    digest = sha256()
    try:
        for path in (entry.hr, entry.lr):
            digest.update(path.read_bytes() if path else b"")
    except OSError:
        return ""
    return digest.hexdigest()[:12]


def read(entry: Entry, *, scale: int, limits: Limits = DEFAULT) -> Sample:
    """Read a pair, or make its LR picture by MATLAB's bicubic downscaling.

    Raises:
        ImageRefused: a file is no picture.
        LimitExceeded: a picture is larger than ``limits`` allow.
        DataRefused: HR, its last rows and columns apart, is not ``scale`` times LR.
    """
    hr = _read(entry.hr, limits)
    if entry.lr is None:
        hr = aligned(hr, scale)
        return Sample(hr, np.asarray(imresize(hr, scale=1.0 / scale), np.uint8))
    lr = _read(entry.lr, limits)
    if hr.ndim != lr.ndim:
        lr = lr.mean(axis=2).astype(np.uint8) if hr.ndim == 2 else np.stack([lr] * 3, axis=2)
    height, width = (side // scale for side in hr.shape[:2])
    if lr.shape[:2] != (height, width):
        raise DataRefused(
            f"{entry.lr}: is {lr.shape[1]}x{lr.shape[0]}, but an HR picture of "
            f"{hr.shape[1]}x{hr.shape[0]} has an LR picture of {width}x{height} at x{scale}"
        )
    return Sample(hr[: height * scale, : width * scale], lr)


def _read(path: Path, limits: Limits) -> Picture:
    colour = to_8_bits(read_first(path, limits=limits).colour)
    return colour[..., 0] if colour.shape[2] == 1 else colour
