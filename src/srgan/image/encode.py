"""Writing pictures: rows fitted to what a format can hold, encoded as they come."""

import io
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.errors import OutputFailed, SRGANError, UsageError
from srgan.image.atomic import atomic_file, shown
from srgan.image.canvas import CanvasEncoder
from srgan.image.fit import Fit, frames_held
from srgan.image.formats import Format, format_for
from srgan.image.heic import check_writable
from srgan.image.jpeg import JpegEncoder
from srgan.image.metadata import resized
from srgan.image.picture import Metadata, Picture
from srgan.image.png import PngEncoder
from srgan.image.profiles import is_srgb
from srgan.image.strips import Encoder
from srgan.image.tiff import Page, TiffEncoder

QUALITY = {"JPEG": 95, "WEBP": 90, "AVIF": 80, "HEIC": 90}
"""The quality of the lossy formats where none is asked for."""


class StripWriter:
    """Takes the rows of one picture from top to bottom; ``pages`` are those of its frames."""

    def __init__(self, encoder: Encoder, fit: Fit, pages: Sequence[Page]) -> None:
        self._encoder, self._fit, self._pages = encoder, fit, pages
        self._ends = list(accumulate(page.height for page in pages))
        self._expected, self._written = self._ends[-1], 0

    def write(self, rows: NDArray[Any]) -> None:
        """Take the next rows.

        Args:
            rows: (h, W, C) uint8 or uint16 as was announced; opacity, if any, comes last.

        Raises:
            ValueError: another shape or type than was announced, or more rows.
        """
        page = min(bisect(self._ends, self._written), len(self._pages) - 1)
        self._fit.check(rows, self._pages[page].width)
        self._written += len(rows)
        if self._written > self._expected:
            raise ValueError(f"{self._written} rows written of {self._expected}")
        if len(rows):
            self._encoder.write(self._fit(rows))

    def close(self) -> None:
        """Finish the file.

        Raises:
            ValueError: rows are missing.
        """
        if self._written != self._expected:
            raise ValueError(f"only {self._written} rows written of {self._expected}")
        self._encoder.close()

    def abort(self) -> None:
        """Stop the work; the file is of no use."""
        self._encoder.abort()


@contextmanager
def open_writer(
    path: str | Path,
    *,
    height: int,
    width: int,
    channels: int,
    alpha: bool = False,
    bit_depth: int = 8,
    metadata: Metadata | None = None,
    format: str | None = None,
    quality: int | None = None,
    strip: bool = False,
    overwrite: bool = False,
) -> Iterator[StripWriter]:
    """Write a picture row by row; PNG, TIFF and JPEG need no more memory than a few rows.

    The file has a temporary name until the block ends well; after an exception nothing is left.
    What the format cannot hold is fitted: see :func:`srgan.image.fit.losses`.

    Args:
        path: the file to write.
        height: rows in all.
        width: columns.
        channels: 1 gray, 3 RGB.
        alpha: whether every row carries opacity as one more channel.
        bit_depth: 8 for uint8 rows, 16 for uint16.
        metadata: written beside the pixels.
        format: a name such as "png" in place of the path's extension.
        quality: 1 to 100 for the lossy formats.
        strip: leave all metadata out. Pixels of another profile are then converted to sRGB;
            16-bit pixels, which are not converted, keep their profile.
        overwrite: replace an existing file.

    Raises:
        UsageError: no such format, or the picture is too large for it.
        OutputFailed: the file exists, or cannot be written.
    """
    kind = format_for(format or path)
    make = _maker(
        kind,
        pages=[Page(height, width)],
        channels=channels,
        alpha=alpha,
        bit_depth=bit_depth,
        metadata=metadata or Metadata(),
        quality=quality,
        strip=strip,
    )
    with atomic_file(path, overwrite=overwrite) as file, _writing(make, file, path) as writer:
        yield writer


def write_picture(
    picture: Picture,
    path: str | Path,
    *,
    format: str | None = None,
    quality: int | None = None,
    strip: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a picture with all frames that the format can hold; see :func:`open_writer`.

    Raises:
        UsageError: no such format, or the picture is too large for it.
        OutputFailed: the file exists, or cannot be written.
    """
    kind = format_for(format or path)
    make = _picture_maker(picture, kind, quality, strip)
    with atomic_file(path, overwrite=overwrite) as file, _writing(make, file, path) as writer:
        _write_frames(writer, picture, kind)


def encode_picture(
    picture: Picture, format: str, quality: int | None = None, strip: bool = False
) -> bytes:
    """A picture as the content of a file; see :func:`write_picture`.

    Raises:
        UsageError: no such format, or the picture is too large for it.
        OutputFailed: the encoder refused.
    """
    kind = format_for(format)
    file = io.BytesIO()
    with _writing(_picture_maker(picture, kind, quality, strip), file, kind.name) as writer:
        _write_frames(writer, picture, kind)
    return file.getvalue()


_Make = Callable[[BinaryIO], StripWriter]


def _maker(
    kind: Format,
    *,
    pages: Sequence[Page],
    channels: int,
    alpha: bool,
    bit_depth: int,
    metadata: Metadata,
    quality: int | None,
    strip: bool,
    durations: tuple[float | None, ...] = (None,),
) -> _Make:
    for page in pages:
        if min(page.height, page.width) < 1 or max(page.height, page.width) > kind.max_side:
            raise UsageError(
                f"{kind.name} holds at most {kind.max_side} pixels a side, not "
                f"{page.width}x{page.height}; choose png or tiff"
            )
    if kind.name == "HEIC":
        check_writable()
    if quality is not None and not 1 <= quality <= 100:
        raise UsageError(f"a quality of {quality} has no meaning; choose 1 to 100")
    quality = quality or QUALITY.get(kind.name, 100)
    drop_profile = (strip or not kind.profile) and metadata.icc is not None
    deep = bit_depth == 16 and kind.deep
    icc = metadata.icc if drop_profile and metadata.icc and not is_srgb(metadata.icc) else None
    if strip:
        metadata = Metadata(icc=metadata.icc, loop=metadata.loop)
        pages = [replace(page, dpi=None) for page in pages]
    if drop_profile and not (deep and icc):
        metadata = replace(metadata, icc=None)
    # The first page's resolution stands with what else the file says of itself.
    pages = [replace(pages[0], dpi=metadata.dpi), *pages[1:]]
    metadata = resized(metadata, pages[0].height, pages[0].width)
    fit = Fit(kind, channels, alpha, bit_depth, None if deep else icc)

    def make(file: BinaryIO) -> StripWriter:
        encoder = _encoder(kind, file, pages, fit, quality, metadata, durations)
        return StripWriter(encoder, fit, pages)

    return make


def _encoder(
    kind: Format,
    file: BinaryIO,
    pages: Sequence[Page],
    fit: Fit,
    quality: int,
    metadata: Metadata,
    durations: tuple[float | None, ...],
) -> Encoder:
    common: dict[str, Any] = {"channels": fit.channels, "metadata": metadata}
    if kind.name == "TIFF":
        return TiffEncoder(file, pages=pages, bit_depth=fit.depth, **common)
    common |= {"height": pages[0].height, "width": pages[0].width}
    if kind.name == "PNG":
        return PngEncoder(file, bit_depth=fit.depth, durations_ms=durations, **common)
    if kind.name == "JPEG":
        return JpegEncoder(file, quality=quality, **common)
    return CanvasEncoder(file, kind=kind, quality=quality, durations_ms=durations, **common)


@contextmanager
def _writing(make: _Make, file: BinaryIO, name: str | Path) -> Iterator[StripWriter]:
    writer = make(file)
    try:
        yield writer
        try:
            writer.close()
        except (SRGANError, OSError, ValueError):
            raise
        except Exception as error:  # an encoder's own kinds, such as MemoryError
            raise OutputFailed(f"{shown(name)}: cannot be encoded: {error}") from error
    finally:
        writer.abort()


def _picture_maker(picture: Picture, kind: Format, quality: int | None, strip: bool) -> _Make:
    held = frames_held(picture, kind)
    still = len(held.frames) == 1
    pages = [Page(*frame.size, frame.dpi) for frame in held.frames]
    return _maker(
        kind,
        pages=pages,
        channels=1 if picture.gray else 3,
        alpha=picture.has_alpha,
        bit_depth=picture.bit_depth,
        metadata=picture.metadata,
        quality=quality,
        strip=strip,
        durations=(None,) if still else tuple(f.duration_ms for f in held.frames),
    )


def _write_frames(writer: StripWriter, picture: Picture, kind: Format) -> None:
    for frame in frames_held(picture, kind).frames:
        for top in range(0, frame.size[0], 256):
            colour = frame.colour[top : top + 256]
            if frame.alpha is not None:
                colour = np.dstack([colour, frame.alpha[top : top + 256]])
            writer.write(colour)
