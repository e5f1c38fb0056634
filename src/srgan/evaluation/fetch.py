"""Download published test sets, every file checked by its sha256.

The catalog is plain data (``sources.json``): a set has an address, the name of its source, and
its files with their digests. A further catalog of the same form can be given.
"""

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from srgan.errors import DataRefused
from srgan.image.atomic import atomic_file

_LARGEST = 64_000_000
"""Bytes of one file at most: a broken server must not fill the disk."""


@dataclass(frozen=True, slots=True)
class Source:
    """A set that can be downloaded: ``base`` plus a file's ``path`` is its address.

    ``files`` are (name in the set's folder, path behind ``base``, sha256).
    """

    name: str
    base: str
    credit: str
    files: tuple[tuple[str, str, str], ...]


def sources(catalog: Path | None = None) -> dict[str, Source]:
    """What can be fetched, by name; a further catalog adds to the one that comes with srgan.

    Raises:
        DataRefused: the catalog cannot be read.
    """
    found = _parse(
        (files("srgan.evaluation") / "sources.json").read_text(encoding="utf-8"), "sources.json"
    )
    if catalog is not None:
        try:
            found |= _parse(catalog.read_text(encoding="utf-8"), str(catalog))
        except (OSError, UnicodeDecodeError) as error:
            raise DataRefused(f"{catalog}: the catalog cannot be read ({error})") from error
    return found


def _parse(text: str, where: str) -> dict[str, Source]:
    try:
        return {
            name: Source(
                name,
                entry["base"],
                entry["credit"],
                tuple((file, path, digest) for file, (path, digest) in entry["files"].items()),
            )
            for name, entry in json.loads(text).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataRefused(
            f"{where}: no catalog of test sets ({error}); "
            'it is {"NAME": {"base": URL, "credit": TEXT, "files": {FILE: [PATH, SHA256]}}}'
        ) from error


def fetch(
    source: Source, out: Path, *, progress: Callable[[int, int], None] = lambda *_: None
) -> int:
    """Download a set into ``out / name``; files that are there and right are kept.

    Args:
        source: out of :func:`sources`.
        out: the folder that ``srgan benchmark --data`` is given.
        progress: told the files done, of how many.

    Returns:
        How many files were downloaded.

    Raises:
        DataRefused: an address cannot be reached, or gives another file than the catalog's.
        OutputFailed: a file cannot be written.
    """
    folder = (out / source.name).resolve()
    fetched = 0
    for number, (name, path, digest) in enumerate(source.files, 1):
        target = (folder / name).resolve()
        if not target.is_relative_to(folder):
            raise DataRefused(f"{name}: lies outside the folder of {source.name}; not written")
        if not (target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == digest):
            content = _download(source.base + path, digest)
            with atomic_file(target, overwrite=True) as file:
                file.write(content)
            fetched += 1
        progress(number, len(source.files))
    return fetched


def _download(url: str, digest: str) -> bytes:
    if urlsplit(url).scheme not in ("http", "https"):
        raise DataRefused(f"{url}: only http and https addresses are fetched")
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            content: bytes = response.read(_LARGEST + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DataRefused(
            f"{url}: cannot be fetched ({reason}); get the set elsewhere and use --data"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise DataRefused(f"{url}: is not the published file (sha256 {found[:12]}...); not kept")
    return content
