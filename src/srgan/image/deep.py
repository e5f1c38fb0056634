"""16 bits per channel, which Pillow cuts to 8 for every picture in colour."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.image.picture import Frame
from srgan.image.pixels import deep, turned

_SHORTENED = "its 16 bits per channel were read as 8"


def read_deep(
    image: Image.Image, source: str | Path | bytes, index: int, *, animated: bool
) -> tuple[Frame | None, str | None]:
    """The 16-bit pixels of a PNG or a TIFF page that Pillow has just loaded without complaint.

    Returns:
        the frame, or None if the file has 8 bits or Pillow's pixels are the best there is; and a
        notice where bits are lost. A TIFF's frame is upright.
    """
    if image.format == "PNG":
        return _png(image, source, animated)
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits = tags.get(258, (1,))
    if max(bits) <= 8 or image.mode in ("I;16", "I;16B", "I", "F"):
        return None, None
    try:
        return _tiff_page(source, index), None
    except Exception:  # tifffile and its codecs raise nearly every kind
        return None, _SHORTENED


def _png(
    image: Image.Image, source: str | Path | bytes, animated: bool
) -> tuple[Frame | None, str | None]:
    data = source if isinstance(source, bytes) else None
    head = data[:26] if data is not None else _head(source)
    depth, kind = struct.unpack_from("BB", head, 24)
    if depth != 16 or kind == 0:  # gray comes whole out of Pillow
        return None, None
    if animated:
        return None, _SHORTENED
    import imagecodecs

    try:
        whole = data if data is not None else Path(str(source)).read_bytes()
        samples = imagecodecs.png_decode(whole)
    except Exception:  # libpng is stricter than Pillow in places
        return None, _SHORTENED
    colours = 1 if kind == 4 else 3
    return deep(samples, colours=colours, key=image.info.get("transparency")), None


def _head(source: Any) -> bytes:
    with Path(source).open("rb") as file:
        return file.read(26)


def _tiff_page(source: str | Path | bytes, index: int) -> Frame:
    import io

    import tifffile

    with tifffile.TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as tiff:
        page: Any = tiff.pages[index]
        photometric = int(page.photometric)
        if photometric not in (0, 1, 2) or page.sampleformat != 1:
            raise ValueError("not RGB or gray samples")
        samples: NDArray[Any] = page.asarray()
        if page.planarconfig == 2 and samples.ndim == 3:
            samples = np.moveaxis(samples, 0, -1)
        samples = samples.reshape(page.imagelength, page.imagewidth, -1)
        bits = page.bitspersample
        samples = samples.astype(np.uint16)
        if bits < 16:
            samples = (samples.astype(np.uint32) * 65535 // ((1 << bits) - 1)).astype(np.uint16)
        if photometric == 0:
            samples = np.uint16(65535) - samples
        colours = 3 if photometric == 2 else 1
        extra = page.extrasamples[:1]
        if not extra or int(extra[0]) == 0:  # further channels that are no opacity
            samples = samples[..., :colours]
        frame = deep(samples, colours=colours, premultiplied=bool(extra) and int(extra[0]) == 1)
        tag = page.tags.get(274)
        return turned(frame, int(tag.value) if tag is not None and 1 <= tag.value <= 8 else 1)
