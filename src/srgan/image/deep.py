"""What Pillow cuts to 8 bits, or does not know: 16 bits per channel, and rare layouts of TIFF."""

import io
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.errors import ImageRefused
from srgan.image.interlace import all_rows, decode_with
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Metadata
from srgan.image.pixels import parted, turned, widened
from srgan.image.tiff_layout import foreign_samples

_SHORTENED = "its 16 bits per channel were read as 8"
# Its remarks about damaged tags go to whoever asks for logs, not to the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_DEEP_GRAY = ("I;16", "I;16L", "I;16B", "I;16N")


def read_deep_png(
    image: Image.Image, source: str | Path | bytes
) -> tuple[Frame | None, str | None]:
    """The 16-bit pixels of a PNG that Pillow has just loaded without complaint.

    Returns:
        the frame, or None if Pillow's pixels are the best there is; and a notice if bits are lost.

    Raises:
        ValueError: the file holds fewer rows than it says.
    """
    if _dark_end(image) and not all_rows(whole(source)):
        raise ValueError("its last rows are missing")  # Pillow leaves them black without a word
    depth, kind = _png_depth(source)
    if kind == 0 and depth in (2, 4) and isinstance(key := image.info.get("transparency"), int):
        # Pillow has scaled the samples to 8 bits but not the sample that is transparent.
        image.info["transparency"] = key * 255 // ((1 << depth) - 1)
    if depth != 16 or kind == 0:  # gray comes whole out of Pillow
        return None, None
    import imagecodecs

    try:
        samples = decode_with(imagecodecs.png_decode, whole(source))
    except Exception:  # libpng is stricter than Pillow in places
        return None, _SHORTENED
    colours = 1 if kind == 4 else 3
    return parted(samples, colours, key=image.info.get("transparency")), None


def read_deep_avif(
    image: Image.Image, source: str | Path | bytes
) -> tuple[Frame | None, str | None]:
    """The pixels of an AVIF of 10 or 12 bits that Pillow has just loaded without complaint.

    Returns:
        as :func:`read_deep_png`.
    """
    data = whole(source)
    at = data.find(b"av1C")  # of the colours, which share their depth with the opacity
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
    if not flags & 0x40:
        return None, None
    import imagecodecs

    bits = 12 if flags & 0x20 else 10
    lost = f"its {bits} bits per channel were read as 8"
    # Asked for one frame of several, imagecodecs writes beyond its end.
    if getattr(image, "n_frames", 1) > 1:
        return None, lost
    try:
        samples = imagecodecs.avif_decode(data)
        samples = widened(samples.reshape(*samples.shape[:2], -1), bits)
    except Exception:  # another build of libavif than Pillow's, with other limits
        return None, lost
    return parted(samples, 1 if samples.shape[2] < 3 else 3), None


def read_deep_page(
    image: Image.Image, source: str | Path | bytes, index: int
) -> tuple[Frame | None, str | None]:
    """The 16-bit pixels of a TIFF page that Pillow has just loaded; see :func:`read_deep_png`."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits = max(tags.get(258, (1,)))
    # Gray comes whole out of Pillow, but neither turned where white is 0 nor spread to 16 bits.
    whole_gray = image.mode in _DEEP_GRAY and bits == 16 and tags.get(262) != 0
    if bits <= 8 or whole_gray or image.mode in ("I", "F"):
        return None, None
    try:
        with _tiff(source) as tiff:
            return _page(tiff.pages[index]), None
    except Exception:  # tifffile and its codecs raise nearly every kind
        return None, _SHORTENED


def read_foreign_page(source: str | Path | bytes, index: int) -> Frame:
    """A page at whose pixels Pillow fails, upright.

    Raises:
        ValueError: damaged; tifffile and its codecs raise nearly every other kind as well.
    """
    with _tiff(source) as tiff:
        page = tiff.pages[index]
        if not _whole(page, tiff.filehandle.size):
            raise ValueError("a strip lies outside the file")
        return _page(page)


@dataclass(frozen=True, slots=True)
class DeepTiff:
    """A TIFF of a layout that Pillow does not know at all, read by tifffile alone."""

    source: str | Path | bytes
    pages: tuple[tuple[int, int], ...]  # height and width of each, upright

    @property
    def height(self) -> int:
        """Rows of the first page."""
        return self.pages[0][0]

    @property
    def width(self) -> int:
        """Columns of the first page."""
        return self.pages[0][1]

    def frames(self) -> list[Frame]:
        """The pages, upright.

        Raises:
            ImageRefused: one of them is damaged.
        """
        made = []
        try:
            with _tiff(self.source) as tiff:
                for page in islice(tiff.pages, len(self.pages)):
                    if not _whole(page, tiff.filehandle.size):
                        raise ValueError("a strip lies outside the file")
                    made.append(_page(page))
        except Exception as error:
            raise ImageRefused(f"page {len(made) + 1} is damaged: {error}") from error
        return made

    def metadata(self) -> Metadata:
        """Profile and XMP of the first page."""
        with _tiff(self.source) as tiff:
            tags = tiff.pages[0].tags
            icc, xmp = (tags[t].value if t in tags else None for t in (34675, 700))
        return Metadata(
            icc=icc if isinstance(icc, bytes) else None,
            xmp=xmp if isinstance(xmp, bytes) else None,
        )

    def notices(self) -> list[str]:
        """Nothing: what it reads, it reads whole."""
        return []


def open_deep_tiff(
    source: str | Path | bytes, limits: Limits, *, first: bool = False
) -> DeepTiff | None:
    """The header of such a file, or of its first page; None if it is another one, or damaged.

    Raises:
        ImageRefused: its samples are of a kind that is not read.
        LimitExceeded: larger than a limit.
    """
    try:
        with _tiff(source) as tiff:
            pages = list(islice(tiff.pages, 1 if first else limits.frames + 1))
            page = pages[0]
            if not _whole(page, tiff.filehandle.size):
                if reason := foreign_samples(page):
                    raise ImageRefused(reason)
                return None
            sizes = tuple(_upright_size(page) for page in pages)
    except ImageRefused:
        raise
    except Exception:  # tifffile raises nearly every kind
        return None
    limits.check_input_pages(sizes)
    return DeepTiff(source, sizes)


def whole(source: str | Path | bytes) -> bytes:
    """A file's content."""
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def _dark_end(image: Image.Image) -> bool:
    """Whether one of the last two rows, one of which is stored last, is all zero."""
    last = image.crop((0, max(image.height - 2, 0), image.width, image.height))
    rows = np.asarray(last).reshape(last.height, -1)
    return not rows.any(axis=1).all()


def _png_depth(source: str | Path | bytes) -> tuple[int, int]:
    if isinstance(source, bytes):
        head = source[:26]
    else:
        with Path(source).open("rb") as file:
            head = file.read(26)
    depth, kind = struct.unpack_from("BB", head, 24)
    return depth, kind


@contextmanager
def _tiff(source: str | Path | bytes) -> Iterator[Any]:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as tiff:
        yield tiff


def _whole(page: Any, size: int) -> bool:
    """Whether a page holds unsigned samples of 8 to 16 bits, all of them inside the file."""
    ends = [a + n for a, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
    return (
        page.photometric in (0, 1, 2)
        and page.sampleformat == 1
        and 8 <= page.bitspersample <= 16
        and min(page.imagelength, page.imagewidth, len(ends)) > 0
        and min(page.databytecounts) > 0
        and max(ends) <= size
    )


def _orientation(page: Any) -> int:
    tag = page.tags.get(274)
    return int(tag.value) if tag is not None and 1 <= tag.value <= 8 else 1


def _upright_size(page: Any) -> tuple[int, int]:
    height, width = int(page.imagelength), int(page.imagewidth)
    return (width, height) if _orientation(page) >= 5 else (height, width)


def _page(page: Any) -> Frame:
    photometric = int(page.photometric)
    if photometric not in (0, 1, 2) or page.sampleformat != 1:
        raise ValueError("not RGB or gray samples")
    samples: NDArray[Any] = page.asarray()
    if page.planarconfig == 2 and samples.ndim == 3:
        samples = np.moveaxis(samples, 0, -1)
    samples = samples.reshape(page.imagelength, page.imagewidth, -1)
    if page.bitspersample > 8:
        samples = widened(samples, page.bitspersample)
    if photometric == 0:
        samples = np.iinfo(samples.dtype).max - samples
    colours = 3 if photometric == 2 else 1
    extra = int(page.extrasamples[0]) if page.extrasamples else 0
    if extra == 0:  # further channels that are no opacity
        samples = samples[..., :colours]
    frame = parted(samples, colours, premultiplied=extra == 1)
    return turned(frame, _orientation(page))
