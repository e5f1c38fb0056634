"""HEIC and HEIF, the photos of most telephones, through pillow-heif: an extra of its own.

libheif turns a picture upright by the file's own transformations, so that the EXIF orientation
beside them has nothing left to say.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from srgan.errors import ImageRefused, UsageError
from srgan.image.limits import Limits
from srgan.image.metadata import GAIN_MAP_LOST, plain_exif
from srgan.image.picture import Frame, Metadata
from srgan.image.pixels import parted, widened

_MISSING = 'HEIC needs one more package: pip install "srgan[heic]"'


@dataclass(frozen=True, slots=True)
class HeicFile:
    """The main picture of an opened file, not yet decoded."""

    height: int  # upright, as is the width
    width: int
    others: int  # of a burst, the main picture alone is read
    limits: Limits
    image: Any

    def frames(self) -> list[Frame]:
        """The picture.

        Raises:
            LimitExceeded: it turns out larger than its header says.
        """
        bits = int(self.image.info.get("bit_depth") or 8)
        # A copy: before pillow-heif 1.6 its memory goes with the picture.
        samples = np.array(self.image)
        self.limits.check_input(*samples.shape[:2])
        samples = samples.reshape(*samples.shape[:2], -1)
        if samples.dtype == np.uint16:
            # libheif shifts them up to 16 bits, where white is not quite white.
            samples = widened(samples >> (16 - bits), bits)
        premultiplied = bool(self.image.premultiplied_alpha)
        return [parted(samples, 1 if samples.shape[2] < 3 else 3, premultiplied=premultiplied)]

    def metadata(self) -> Metadata:
        """Profile, EXIF and XMP."""
        info = self.image.info
        icc, xmp = info.get("icc_profile"), info.get("xmp")
        return Metadata(icc=icc or None, exif=plain_exif(info.get("exif")), xmp=xmp or None)

    def notices(self) -> list[str]:
        """What the user should know."""
        notices = []
        if self.others:
            notices.append(f"it holds {self.others + 1} pictures: the main one is read")
        if any("gainmap" in kind for kind in self.image.info.get("aux", ())):
            notices.append(GAIN_MAP_LOST)
        return notices


def open_heic(source: str | Path | bytes, limits: Limits) -> HeicFile:
    """The header of a file.

    Raises:
        ImageRefused: pillow-heif is not installed.
        LimitExceeded: larger than a limit.
    """
    try:
        library = _library()
    except ImportError as error:
        raise ImageRefused(_MISSING) from error
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    # The size stands in the header; the pixels are decoded when they are first asked for.
    opened = library.HeifFile(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=True)
    image = opened[opened.primary_index]
    width, height = image.size
    limits.check_input(height, width)
    return HeicFile(height, width, len(opened) - 1, limits, image)


def check_writable() -> None:
    """Make sure that HEIC can be written.

    Raises:
        UsageError: pillow-heif is not installed, or has no encoder.
    """
    try:
        library = _library()
    except ImportError as error:
        raise UsageError(_MISSING) from error
    if not library.libheif_info()["HEIF"]:
        raise UsageError("this build of pillow-heif writes no HEIC; choose another format")


def write_heic(image: Image.Image, file: BinaryIO, *, quality: int, metadata: Metadata) -> None:
    """Encode a picture of mode L, LA, RGB or RGBA; 100 is as near to lossless as 8 bits allow."""
    if image.mode == "LA":
        image = image.convert("RGBA")
    if metadata.icc:
        image.info["icc_profile"] = metadata.icc
    made = _library().from_pillow(image)
    made.save(
        file,
        quality=-1 if quality == 100 else quality,
        subsampling="4:4:4" if quality >= 90 else "4:2:0",
        exif=metadata.exif,
        xmp=metadata.xmp,
    )


def _library() -> ModuleType:
    import pillow_heif

    return pillow_heif
