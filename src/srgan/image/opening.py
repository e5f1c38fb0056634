"""Opening a file: what kind it is, how large, how many frames, and every failure one error.

Pillow's plugins are asked one by one: content decides what a file is, never its extension, and
only the formats of :mod:`srgan.image.formats` are tried: no other plugin and no helper program.
"""

import io
import logging
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Protocol

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from srgan.errors import ImageRefused, LimitExceeded, SRGANError
from srgan.image.apng import without_damaged_remarks
from srgan.image.atomic import shown
from srgan.image.deep import open_deep_tiff
from srgan.image.formats import SNIFF_BYTES, Format, sniff
from srgan.image.gif import survey
from srgan.image.heic import open_heic
from srgan.image.libtiff import hush
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Metadata

# Its remarks about damaged parts go to whoever asks for logs, not to the terminal.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# Its warnings (a broken EXIF block, a large picture) are either answered here or no news.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
# Behind what the program itself says of them: it may want bombs to be errors.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, append=True)


_MOST_TEXT = 16 << 20
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # and not C:/, a drive


class Foreign(Protocol):
    """An opened, not yet decoded picture that another library than Pillow reads."""

    @property
    def height(self) -> int:
        """Rows once the picture is upright."""

    @property
    def width(self) -> int:
        """Columns once the picture is upright."""

    def frames(self) -> list[Frame]:
        """All of them, decoded and upright."""

    def metadata(self) -> Metadata:
        """What stands beside the pixels."""

    def notices(self) -> list[str]:
        """What the user should know."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A frame or page that is to be read: its place in the file, and height and width there."""

    index: int
    size: tuple[int, int]


@contextmanager
def opened(
    source: str | Path | bytes, limits: Limits, *, first: bool = False
) -> Iterator[tuple[Image.Image | Foreign, Format, list[Leaf]]]:
    """An opened, not yet decoded picture that is within the limits, and the frames to read.

    With ``first`` that is one, and the others count nothing to the limits. Whatever is raised
    inside the block leaves it as an error of srgan.
    """
    prefix = "" if isinstance(source, bytes) else f"{shown(source)}: "
    try:
        with binary(source) as file:
            head = file.read(SNIFF_BYTES)
            kind = sniff(head)
            if isinstance(kind, str):
                raise ImageRefused(kind)
            if kind.name == "WEBP":  # opening one allocates its canvas: look first
                limits.check_input(*_webp_size(head))
            if kind.name == "PNG":
                file = without_damaged_remarks(file)
            file.seek(0)
            if kind.name == "TIFF":
                hush()
            if kind.name == "HEIC":
                main = open_heic(source, limits)
                yield main, kind, [Leaf(0, (main.height, main.width))]
                return
            import_module(kind.plugin)
            _let_through(limits)
            try:
                image = Image.open(file, formats=(kind.name,))
            except UnidentifiedImageError:
                found = open_deep_tiff(source, limits, first=first) if kind.name == "TIFF" else None
                if found is None:
                    raise
                yield found, kind, [Leaf(i, size) for i, size in enumerate(found.pages)]
                return
            with image:
                limits.check_input(image.height, image.width)
                until = 1 if first else limits.frames + 1
                if kind.name == "TIFF":
                    leaves = _pages(image, until)
                else:
                    count = min(until, _count_frames(image, kind, file, limits, until))
                    leaves = [Leaf(i, (image.height, image.width)) for i in range(count)]
                limits.check_input_pages([leaf.size for leaf in leaves])
                yield image, kind, leaves
    except SRGANError as error:
        raise type(error)(prefix + str(error)) from error.__cause__
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = limits.input_pixels / 1e6
        raise LimitExceeded(
            f"{prefix}more than the input limit of {most:g} MP; raise --max-input-mp to accept it"
        ) from error
    except Exception as error:  # decoders raise nearly every kind; all mean the same to a user
        raise ImageRefused(prefix + _reason(error)) from error


@contextmanager
def binary(source: str | Path | bytes) -> Iterator[BinaryIO]:
    """A regular file's, or given, bytes.

    Raises:
        ImageRefused: no regular file, which could block for ever, or not even meant as one.
    """
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    try:
        mode = os.stat(source).st_mode  # noqa: PTH116 - str and Path alike
    except FileNotFoundError:
        if _ADDRESS.match(str(source)):
            raise ImageRefused("is an address; save it as a file first, and name that") from None
        if str(source) == "-":
            raise ImageRefused("standard input is not read; name a file") from None
        raise
    if not stat.S_ISREG(mode):
        raise ImageRefused("is a folder" if Path(source).is_dir() else "is not a regular file")
    with Path(source).open("rb") as file:
        yield file


def _let_through(limits: Limits) -> None:
    # A profile or text of a PNG is unpacked up to a limit of Pillow's that large profiles exceed.
    PngImagePlugin.MAX_TEXT_CHUNK = max(PngImagePlugin.MAX_TEXT_CHUNK, _MOST_TEXT)
    # Pillow's own limit is one for the whole process; ours are checked for each file, so
    # Pillow's only ever has to be high enough. It refuses at twice the figure.
    if Image.MAX_IMAGE_PIXELS is not None:
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, limits.input_pixels)


def _webp_size(head: bytes) -> tuple[int, int]:
    if head[12:16] == b"VP8X":
        return _le(head[27:30]) + 1, _le(head[24:27]) + 1
    if head[12:16] == b"VP8L":
        bits = _le(head[21:25])
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    return _le(head[28:30]) & 0x3FFF, _le(head[26:28]) & 0x3FFF


def _le(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _count_frames(
    image: Image.Image, kind: Format, file: BinaryIO, limits: Limits, until: int
) -> int:
    if kind.name == "GIF":
        where = file.tell()
        count, *size = survey(file, until)
        file.seek(where)
        limits.check_input(*size)  # frames that reach beyond the canvas enlarge it in Pillow
        return max(count, 1)
    # A JPEG with several pictures (MPO) holds previews and depth maps beside the photo.
    return 1 if kind.name == "JPEG" else int(getattr(image, "n_frames", 1))


def _pages(image: Image.Image, until: int) -> list[Leaf]:
    """At most ``until`` of a TIFF's pages, and the image at the first of them.

    Small copies are none; where nothing else is there, or a page is damaged, the first of all is.
    """
    pages: list[Leaf] = []
    damaged: list[Leaf] = []
    index = 0
    try:
        while len(pages) < until and index < 16 * until:
            image.seek(index)
            if not image.tag_v2.get(254, 0) & 1:  # type: ignore[attr-defined]
                pages.append(Leaf(index, (image.height, image.width)))
            index += 1
    except EOFError:
        pass  # it was the last
    except Exception:
        damaged = [Leaf(index, (0, 0))]  # reading it will tell how
    if not pages:
        image.seek(0)
        pages = [Leaf(0, (image.height, image.width))]
    image.seek(pages[0].index)
    return [*pages, *damaged][:until]


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "damaged, cut off or of an unknown layout: its header cannot be read"
    if isinstance(error, MemoryError):
        return "damaged, or it needs more memory than there is"
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"cannot be read: {error.strerror}"
    text = text_of(error)
    return text if text.lower().startswith("unsupported") else f"damaged: {text}"


def text_of(error: Exception) -> str:
    """A decoder's message as one short printable line."""
    text = " ".join(str(error).split()) or "its content makes no sense"
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 160 else text[:157] + "..."
