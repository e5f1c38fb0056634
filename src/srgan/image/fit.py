"""What of a picture a format can hold: depth, opacity, profile, frames; and what is lost."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.formats import Format, format_for
from srgan.image.limits import Size
from srgan.image.picture import Metadata, Picture
from srgan.image.pixels import to_8_bits
from srgan.image.profiles import rows_to_srgb


def losses(picture: Picture, format: str, *, strip: bool = False) -> tuple[str, ...]:
    """What a picture loses in a format, one line each to tell the user.

    Args:
        picture: to be written.
        format: its name.
        strip: whether what is beside the pixels is unwanted.

    Raises:
        UsageError: no such format.
    """
    kind = format_for(format)
    frames = len(picture.frames)
    pages = picture.frames[-1].duration_ms is None  # which have no timing
    lost = []
    if picture.bit_depth == 16 and not kind.deep:
        lost.append(f"{kind.name} holds 8 bits per channel: 16 bits are rounded to 8")
    if picture.has_alpha and not kind.alpha:
        lost.append(f"{kind.name} holds no opacity: the picture is laid on white")
    if frames > 1 and (not kind.animated or (pages and kind.name != "TIFF")):
        what = "page" if pages else "frame"
        lost.append(f"{kind.name} holds one {what}: the first of {frames} is written")
    return tuple(lost) if strip else (*lost, *_unheld(picture.metadata, kind))


def _unheld(metadata: Metadata, kind: Format) -> tuple[str, ...]:
    """One line that names the descriptions which a format has no place for."""
    names = []
    if metadata.exif and not kind.profile:
        names.append("EXIF")
    if metadata.xmp and not kind.profile:
        names.append("XMP")
    if metadata.iptc and kind.name not in ("JPEG", "TIFF"):
        names.append("IPTC")
    if metadata.comment and kind.name not in ("JPEG", "GIF", "PNG"):
        names.append("comment")
    if kind.name != "PNG":
        held = ("Comment",) if kind.name == "JPEG" and not metadata.comment else ()
        names += [f"text {keyword!r}" for keyword, _ in metadata.texts if keyword not in held]
    if not names:
        return ()
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (f"{kind.name} has no place for its {shown}: left out",)


def frames_held(picture: Picture, kind: Format) -> Picture:
    """The picture with the frames that a format can hold."""
    frames = picture.frames
    if not kind.animated:
        frames = frames[:1]
    elif kind.name != "PNG" and any(f.duration_ms is not None for f in frames):
        # Only APNG has a still beside the animation.
        frames = tuple(f for f in frames if f.duration_ms is not None)
    if kind.name != "TIFF" and frames[-1].duration_ms is None:
        frames = frames[:1]  # the pages of a TIFF are no animation
    return replace(picture, frames=frames)


def sizes_held(sizes: Sequence[Size], kind: Format) -> Sequence[Size]:
    """The same of the frames' (height, width), before they are read: no fewer than that keeps."""
    return sizes if kind.animated else sizes[:1]


class Fit:
    """Rows as a format can hold them: depth, colours in sRGB, opacity.

    Args:
        kind: the format.
        channels: 1 gray, 3 RGB.
        alpha: whether opacity comes as one more channel.
        depth: bits per channel, 8 or 16.
        icc: the profile to convert to sRGB from; None to leave the colours.
    """

    def __init__(
        self, kind: Format, channels: int, alpha: bool, depth: int, icc: bytes | None
    ) -> None:
        self._samples = channels + alpha
        self._given = np.dtype(np.uint16 if depth == 16 else np.uint8)
        self._alpha, self._icc = alpha, icc
        self._flat = alpha and not kind.alpha
        self.depth = depth if kind.deep else 8
        self.channels = channels if self._flat else channels + alpha

    def check(self, rows: NDArray[Any], width: int) -> None:
        """Make sure that rows are as they were announced, and as wide as the frame.

        Raises:
            ValueError: they are of another shape or type.
        """
        shape = (width, self._samples)
        if rows.shape[1:] != shape or rows.dtype != self._given:
            raise ValueError(
                f"rows of {rows.shape[1:]} {rows.dtype}, announced {shape} {self._given}"
            )

    def __call__(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows as the format holds them."""
        if self.depth == 8:
            rows = to_8_bits(rows)
        if self._icc is not None:
            colour = rows[..., :-1] if self._alpha else rows
            colour = rows_to_srgb(np.ascontiguousarray(colour), self._icc)
            rows = np.concatenate([colour, rows[..., -1:]], axis=2) if self._alpha else colour
        return _on_white(rows) if self._flat else rows


def _on_white(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rows[..., -1:].astype(np.uint32)
    laid = rows[..., :-1] * alpha + 255 * (255 - alpha)
    return ((laid + 127) // 255).astype(np.uint8)
