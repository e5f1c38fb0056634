"""The one place where a file's bytes become a picture, and every way to fail one error.

Pillow decodes; 16-bit colour, which Pillow would cut to 8 bits without a word, is read by
imagecodecs (libpng) and tifffile. Content decides what a file is, never its extension, and only
the formats of :mod:`srgan.image.formats` are tried: no other plugin and no helper program runs.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from srgan.errors import ImageRefused
from srgan.image.animation import shown_frames
from srgan.image.apng import apng_parts
from srgan.image.deep import (
    read_deep_avif,
    read_deep_page,
    read_deep_png,
    read_foreign_page,
    whole,
)
from srgan.image.formats import SNIFF_BYTES, Format, sniff
from srgan.image.gif import gif_canvas, gif_parts
from srgan.image.limits import DEFAULT, Limits, area
from srgan.image.metadata import (
    late_exif,
    orientation,
    read_metadata,
    read_texts,
    resolution,
    upright,
    without_appended,
)
from srgan.image.opening import Leaf, binary, opened, text_of
from srgan.image.picture import Frame, Picture
from srgan.image.pixels import alike, still, turned
from srgan.image.profiles import usable
from srgan.image.salvage import load_partly, mended
from srgan.image.tiff_layout import beyond_pillow, strips_missing


@dataclass(frozen=True, slots=True)
class Info:
    """What a file's header says.

    Attributes:
        format: name of the format, such as "JPEG".
        height: rows once the picture is upright.
        width: columns once the picture is upright.
        frames: frames of an animation or pages of a TIFF, 1 for a still picture.
        pages: (height, width) of each page of a TIFF; empty where all are as the first.
    """

    format: str
    height: int
    width: int
    frames: int = 1
    pages: tuple[tuple[int, int], ...] = ()

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of each frame."""
        return self.pages or ((self.height, self.width),) * self.frames

    @property
    def pixels(self) -> int:
        """Of all frames together."""
        return area(self.sizes)


def probe(source: str | Path | bytes, *, limits: Limits = DEFAULT) -> Info:
    """The size and kind of a picture from its header; nothing is decoded.

    Args:
        source: a path, or a file's whole content.
        limits: what is accepted.

    Raises:
        ImageRefused: not a picture of a known format, or its header is damaged.
        LimitExceeded: larger than a limit.
    """
    with opened(source, limits) as (image, kind, leaves):
        sizes = [leaf.size for leaf in leaves]
        pages = () if len(set(sizes)) == 1 else tuple(sizes)
        if not isinstance(image, Image.Image):
            return Info(kind.name, image.height, image.width, len(sizes), pages)
        height, width = image.height, image.width
        exif = read_metadata(image).exif
        if kind.name == "PNG" and exif is None:
            with binary(source) as file:
                exif = late_exif(file)
        if kind.name != "TIFF" and orientation(exif) >= 5:
            height, width = width, height
        return Info(kind.name, height, width, len(sizes), pages)


def read_picture(
    source: str | Path | bytes, *, limits: Limits = DEFAULT, allow_damaged: bool = False
) -> Picture:
    """Decode a picture: upright, with its depth, opacity, frames and metadata.

    Args:
        source: a path, or a file's whole content. EXIF orientation is applied and reset. CMYK
            and LAB become sRGB through their profile; other profiles are kept as they are.
        limits: what is accepted; checked from the header, before anything is decoded.
        allow_damaged: take what a damaged file still holds, and say so in a notice.

    Returns:
        the picture; colours are 8 or 16 bits, RGB or gray.

    Raises:
        ImageRefused: not a picture of a known format, or damaged; the message gives the reason.
        LimitExceeded: larger than a limit; the message names its flag.
    """
    try:
        return _read(source, limits)
    except ImageRefused:
        saved = _salvaged(source, limits) if allow_damaged else None
        if saved is None:
            raise
        return saved


def read_first(source: str | Path | bytes, *, limits: Limits = DEFAULT) -> Frame:
    """Decode the first frame of a picture, whatever follows it; see :func:`read_picture`.

    Raises:
        ImageRefused: as there.
        LimitExceeded: this frame is larger than a limit.
    """
    return _read(source, limits, first=True).frames[0]


def _read(
    source: str | Path | bytes, limits: Limits, *, partly: bool = False, first: bool = False
) -> Picture:
    with opened(source, limits, first=first) as (image, kind, leaves):
        notices: list[str] = []
        turn = None  # Pillow turns a TIFF's pages upright, libheif a HEIC
        if isinstance(image, Image.Image):
            icc = image.info.get("icc_profile")
            if kind.name == "TIFF":
                turn = image.tag_v2.get(274, 1)  # type: ignore[attr-defined]
            if partly:
                load_partly(image)
            # A TIFF's pages have their own; PNG's may stand behind the pixels.
            described = read_metadata(image) if kind.name == "TIFF" else None
            frames = list(_frames(image, kind, leaves, source, icc, notices))
            metadata = replace(described or read_metadata(image), texts=read_texts(image))
            if kind.name != "TIFF":
                turn = orientation(metadata.exif)
                frames = [turned(frame, turn) for frame in frames]
            if image.mode in ("CMYK", "LAB"):
                icc = None  # used up: the pixels are sRGB now
        else:
            frames, metadata = image.frames(), image.metadata()
            icc, notices = metadata.icc, image.notices()
        made = alike(frames)
        if icc and not usable(icc, "RGB" if made[0].colour.shape[2] == 3 else "L"):
            notices.append("its colour profile is damaged or of another kind and is left out")
            icc = None
        metadata, lost = without_appended(upright(metadata, turned=turn != 1))
        metadata, notices = replace(metadata, icc=icc or None), [*notices, *lost]
        return Picture(made, metadata, kind.name, tuple(dict.fromkeys(notices)))


def _salvaged(source: str | Path | bytes, limits: Limits) -> Picture | None:
    """What is left of a damaged file; None if that is nothing."""
    try:
        with binary(source) as file:
            kind = sniff(file.read(SNIFF_BYTES))
        saved = None if isinstance(kind, str) else mended(whole(source), kind.name, limits)
    except (ImageRefused, OSError):
        return None
    for data, lost, partly in (
        *([(*saved, False)] if saved else []),
        (source, "what cannot be decoded is of one colour", True),
    ):
        with suppress(ImageRefused):
            picture = _read(data, limits, partly=partly)
            return replace(picture, notices=(f"it is damaged: {lost}", *picture.notices))
    return None


def _frames(
    image: Image.Image,
    kind: Format,
    leaves: Sequence[Leaf],
    source: str | Path | bytes,
    icc: bytes | None,
    notices: list[str],
) -> Iterator[Frame]:
    played = _played(image, kind, len(leaves), source)
    start = image.tell()
    for index in (leaf.index for leaf in leaves):
        try:
            if index > start:
                image.seek(index)
            if kind.name == "TIFF" and image.tile and beyond_pillow(image):  # type: ignore[attr-defined]
                yield replace(read_foreign_page(source, index), dpi=resolution(image))
                continue
            _load(image, kind)
            frame, notice = next(played, (None, None))
            if frame is None:
                frame, notice = _deep(image, kind, index, source)
            if frame is None:
                frame, converted = still(image, icc)
                notice = converted or notice
        except Exception as error:
            if index == start:
                raise
            # What came before is whole, so it is kept; what is lost is said.
            what = "page" if kind.name == "TIFF" else "frame"
            notices.append(
                f"{what} {index + 1} of {leaves[-1].index + 1} is damaged ({text_of(error)}): "
                "it and all after it are left out"
            )
            return
        if notice:
            notices.append(notice)
        # The still that an APNG may carry for programs that cannot play it has no duration.
        playing = len(leaves) > 1 and not (index == 0 and image.info.get("default_image"))
        yield replace(
            frame,
            duration_ms=_duration(image) if playing else None,
            dpi=resolution(image) if kind.name == "TIFF" else None,
        )


def _load(image: Image.Image, kind: Format) -> None:
    if kind.name == "TIFF" and image.tile and strips_missing(image.tag_v2):  # type: ignore[attr-defined]
        raise ValueError("strips are missing")
    # Pillow would turn a TIFF's page by an orientation in its XMP, which no other program heeds.
    xmp = image.info.pop("xmp", None) if kind.name == "TIFF" else None
    image.load()
    if xmp is not None:
        image.info["xmp"] = xmp


def _played(
    image: Image.Image, kind: Format, count: int, source: str | Path | bytes
) -> Iterator[tuple[Frame | None, str | None]]:
    """The frames of a GIF or an animated PNG, one for each that Pillow has loaded.

    It ends where it finds damage that Pillow, which decides what is accepted, does not see.
    """
    if kind.name != "GIF" and (kind.name != "PNG" or count == 1):
        return
    layered = kind.name == "PNG" and image.has_transparency_data
    try:
        data = whole(source)
        if kind.name == "GIF":
            frames = shown_frames(*gif_canvas(data), gif_parts(data), _decoded_gif)
        else:
            frames = shown_frames(image.height, image.width, apng_parts(data), _decoded_png)
        for frame, notice in frames:
            opaque = frame.alpha is None or frame.alpha.min() == np.iinfo(frame.alpha.dtype).max
            yield (replace(frame, alpha=None) if opaque and not layered else frame), notice
    except Exception:  # decoders raise nearly every kind
        return


def _decoded_gif(data: bytes) -> tuple[Frame, str | None]:
    with Image.open(io.BytesIO(data), formats=("GIF",)) as image:
        image.load()
        return still(image, None)


def _decoded_png(data: bytes) -> tuple[Frame, str | None]:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        image.load()
        frame, notice = read_deep_png(image, data)
        return (frame, notice) if frame is not None else (still(image, None)[0], notice)


def _deep(
    image: Image.Image, kind: Format, index: int, source: str | Path | bytes
) -> tuple[Frame | None, str | None]:
    """A frame of more than 8 bits, where Pillow would cut it; and a notice if bits are lost."""
    if kind.name == "PNG":
        return read_deep_png(image, source)
    if kind.name == "TIFF":
        return read_deep_page(image, source, index)
    if kind.name == "AVIF":
        return read_deep_avif(image, source)
    return None, None


def _duration(image: Image.Image) -> float | None:
    value = image.info.get("duration")
    return float(value) if isinstance(value, int | float) else None
