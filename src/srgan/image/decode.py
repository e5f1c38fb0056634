"""The one place where a file's bytes become a picture, and every way to fail one error.

Pillow decodes; 16-bit colour, which Pillow would cut to 8 bits without a word, is read by
imagecodecs (libpng) and tifffile. Content decides what a file is, never its extension, and only
the formats of :mod:`srgan.image.formats` are tried: no other plugin and no helper program runs.
"""

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from srgan.errors import ImageRefused, LimitExceeded, SRGANError
from srgan.image.atomic import shown
from srgan.image.deep import DeepTiff, open_deep_tiff, read_deep_page, read_deep_png
from srgan.image.formats import SNIFF_BYTES, Format, sniff
from srgan.image.gif import GifCanvas, count_frames
from srgan.image.libtiff import hush
from srgan.image.limits import Limits
from srgan.image.metadata import orientation, read_metadata, upright
from srgan.image.picture import Frame, Picture
from srgan.image.pixels import alike, still, turned
from srgan.image.profiles import usable

# Its warnings (a broken EXIF block, a large picture) are either answered here or no news.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_DEFAULT = Limits()
_PROFILE_MODES = {"1": "L", "L": "L", "LA": "L", "CMYK": "CMYK", "LAB": "LAB"}


@dataclass(frozen=True, slots=True)
class Info:
    """What a file's header says.

    Attributes:
        format: name of the format, such as "JPEG".
        height: rows once the picture is upright.
        width: columns once the picture is upright.
        frames: frames of an animation or pages of a TIFF, 1 for a still picture.
    """

    format: str
    height: int
    width: int
    frames: int = 1


def probe(source: str | Path | bytes, *, limits: Limits = _DEFAULT) -> Info:
    """The size and kind of a picture from its header; nothing is decoded.

    Args:
        source: a path, or a file's whole content.
        limits: what is accepted.

    Raises:
        ImageRefused: not a picture of a known format, or its header is damaged.
        LimitExceeded: larger than a limit.
    """
    with _opened(source, limits) as (image, kind, frames):
        if isinstance(image, DeepTiff):
            return Info(kind.name, image.height, image.width, frames)
        height, width = image.height, image.width
        if kind.name != "TIFF" and orientation(read_metadata(image).exif) >= 5:
            height, width = width, height
        return Info(kind.name, height, width, frames)


def read_picture(source: str | Path | bytes, *, limits: Limits = _DEFAULT) -> Picture:
    """Decode a picture: upright, with its depth, opacity, frames and metadata.

    Args:
        source: a path, or a file's whole content. EXIF orientation is applied and reset. CMYK
            and LAB become sRGB through their profile; other profiles are kept as they are.
        limits: what is accepted; checked from the header, before anything is decoded.

    Returns:
        the picture; colours are 8 or 16 bits, RGB or gray.

    Raises:
        ImageRefused: not a picture of a known format, or damaged; the message gives the reason.
        LimitExceeded: larger than a limit; the message names its flag.
    """
    with _opened(source, limits) as (image, kind, count):
        notices: list[str] = []
        if isinstance(image, DeepTiff):
            frames, metadata, icc = image.frames(), image.metadata(), image.metadata().icc
        else:
            icc = image.info.get("icc_profile")
            frames = list(_frames(image, kind, count, source, icc, notices))
            metadata = read_metadata(image)
            if kind.name != "TIFF":  # Pillow has turned a TIFF's pages upright already
                turn = orientation(metadata.exif)
                frames = [turned(frame, turn) for frame in frames]
            if image.mode in ("CMYK", "LAB"):
                icc = None  # used up: the pixels are sRGB now
        made = alike(_of_one_size(frames, notices))
        if icc and not usable(icc, "RGB" if made[0].colour.shape[2] == 3 else "L"):
            notices.append("its colour profile is damaged or of another kind and is left out")
            icc = None
        metadata = replace(upright(metadata), icc=icc or None)
        return Picture(made, metadata, kind.name, tuple(dict.fromkeys(notices)))


@contextmanager
def _opened(
    source: str | Path | bytes, limits: Limits
) -> Iterator[tuple[Image.Image | DeepTiff, Format, int]]:
    """An opened, not yet decoded picture that is within the limits, and how many frames it has.

    Whatever is raised inside the block leaves it as an error of srgan.
    """
    prefix = "" if isinstance(source, bytes) else f"{shown(source)}: "
    try:
        with _binary(source) as file:
            head = file.read(SNIFF_BYTES)
            kind = sniff(head)
            if isinstance(kind, str):
                raise ImageRefused(kind)
            if kind.name == "WEBP":  # opening one allocates its canvas: look first
                limits.check_input(*_webp_size(head))
            file.seek(0)
            if kind.name == "TIFF":
                hush()
            import_module(kind.plugin)
            _let_through(limits)
            try:
                image = Image.open(file, formats=(kind.name,))
            except UnidentifiedImageError:
                found = open_deep_tiff(source, limits) if kind.name == "TIFF" else None
                if found is None:
                    raise
                yield found, kind, found.pages
                return
            with image:
                limits.check_input(image.height, image.width)
                frames = _count_frames(image, kind, file, limits)
                limits.check_input(image.height, image.width, frames)
                yield image, kind, frames
    except SRGANError as error:
        raise type(error)(prefix + str(error)) from error.__cause__
    except Image.DecompressionBombError as error:
        most = limits.input_pixels / 1e6
        raise LimitExceeded(
            f"{prefix}more than the input limit of {most:g} MP; raise --max-input-mp to accept it"
        ) from error
    except Exception as error:  # decoders raise nearly every kind; all mean the same to a user
        raise ImageRefused(prefix + _reason(error)) from error


@contextmanager
def _binary(source: str | Path | bytes) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    # A pipe or device could block for ever, so the kind is known before the file is opened.
    if not stat.S_ISREG(os.stat(source).st_mode):  # noqa: PTH116 - str and Path alike
        raise ImageRefused("is a folder" if Path(source).is_dir() else "is not a regular file")
    with Path(source).open("rb") as file:
        yield file


def _let_through(limits: Limits) -> None:
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


def _count_frames(image: Image.Image, kind: Format, file: BinaryIO, limits: Limits) -> int:
    if kind.name == "GIF":
        where = file.tell()
        count = count_frames(file, limits.frames + 1)
        file.seek(where)
        return max(count, 1)
    if kind.name != "TIFF":
        # A JPEG with several pictures (MPO) holds previews and depth maps beside the photo.
        return 1 if kind.name == "JPEG" else int(getattr(image, "n_frames", 1))
    count = 1
    try:
        while count <= limits.frames:
            image.seek(count)
            count += 1
    except EOFError:
        pass
    except Exception:
        count += 1  # this page is damaged: reading it will tell how
    image.seek(0)
    return count


def _frames(
    image: Image.Image,
    kind: Format,
    count: int,
    source: str | Path | bytes,
    icc: bytes | None,
    notices: list[str],
) -> Iterator[Frame]:
    canvas = GifCanvas() if kind.name == "GIF" else None
    for index in range(count):
        try:
            if index:
                image.seek(index)
            if canvas is not None:
                canvas.meet(image)
            if kind.name == "TIFF" and index and image.tag_v2.get(254, 0) & 1:  # type: ignore[attr-defined]
                continue  # a thumbnail of the page before
            image.load()
            frame, notice = _deep_or_still(image, kind, index, count, source, icc)
            if canvas is not None:
                frame = canvas.cleared(frame)
        except Exception as error:
            if index == 0:
                raise
            # What came before is whole, so it is kept; what is lost is said.
            what = "page" if kind.name == "TIFF" else "frame"
            notices.append(
                f"{what} {index + 1} of {count} is damaged ({_text(error)}): "
                "it and all after it are left out"
            )
            return
        if notice:
            notices.append(notice)
        # The still that an APNG may carry for programs that cannot play it has no duration.
        playing = count > 1 and not (index == 0 and image.info.get("default_image"))
        yield replace(frame, duration_ms=_duration(image) if playing else None)


def _deep_or_still(
    image: Image.Image,
    kind: Format,
    index: int,
    count: int,
    source: str | Path | bytes,
    icc: bytes | None,
) -> tuple[Frame, str | None]:
    frame, notice = None, None
    if kind.name == "PNG":
        frame, notice = read_deep_png(image, source, animated=count > 1)
    elif kind.name == "TIFF":
        frame, notice = read_deep_page(image, source, index)
    if frame is not None:
        return frame, notice
    plain, converted = still(image, icc)
    return plain, converted or notice


def _duration(image: Image.Image) -> float | None:
    value = image.info.get("duration")
    return float(value) if isinstance(value, int | float) else None


def _of_one_size(frames: list[Frame], notices: list[str]) -> list[Frame]:
    shape = frames[0].colour.shape[:2]
    same = [f for f in frames if f.colour.shape[:2] == shape]
    if len(same) < len(frames):
        notices.append(
            f"{len(frames) - len(same)} of {len(frames)} pages have another size than the first "
            "and are left out"
        )
    return same


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "damaged or cut off: its header cannot be read"
    if isinstance(error, MemoryError):
        return "damaged, or it needs more memory than there is"
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"damaged: {_text(error)}"


def _text(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 160 else text[:157] + "..."
