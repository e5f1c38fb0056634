"""Animated PNG of 16 bits per channel, which Pillow cuts to 8 (PNG specification, third edition).

imagecodecs decodes each frame as a PNG of its own; they are laid on the canvas here.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.picture import Frame
from srgan.image.pixels import parted

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
_OPAQUE = 65535
_OVER, _TO_BACKGROUND, _TO_PREVIOUS = 1, 1, 2


@dataclass(slots=True)
class _Part:
    """One frame as it lies in the file; the control is None for a still that is not played."""

    control: tuple[int, ...] | None
    data: bytearray = field(default_factory=bytearray)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The (kind, content) of a PNG's chunks up to the first that is cut off; sums unchecked."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk with its length and sum."""
    return struct.pack(">I", len(content)) + kind + content + _sum(kind, content)


def deep_frames(data: bytes) -> Iterator[Frame]:
    """The frames of an animated PNG of 16 bits per channel, each as the whole canvas shows it.

    Args:
        data: a file's whole content, whose first frame Pillow has read without complaint.

    Raises:
        ValueError: no such file, or damaged; imagecodecs raises errors of its own as well.
    """
    import imagecodecs

    header, key, parts = _parts(data)
    width, height, depth, colour_type = struct.unpack_from(">IIBB", header)
    if depth != 16:
        raise ValueError("not 16 bits per channel")
    channels = _CHANNELS[colour_type]
    colours = 1 if channels < 3 else 3
    canvas = np.zeros((height, width, colours + 1), np.uint16)
    for number, part in enumerate(parts):
        control = part.control or (width, height, 0, 0, 0, 0, 0, 0)
        w, h, left, top, _, _, dispose, blend = control
        if left + w > width or top + h > height or min(w, h) < 1:
            raise ValueError("a frame lies outside the canvas")
        alone = _SIGNATURE + chunk(b"IHDR", struct.pack(">II", w, h) + header[8:])
        alone += chunk(b"IDAT", bytes(part.data)) + chunk(b"IEND", b"")
        samples = np.asarray(imagecodecs.png_decode(alone)).reshape(h, w, channels)
        drawn = parted(samples, colours, key=key)
        if part.control is None:  # the still is no part of what is played
            yield drawn
            continue
        before = canvas.copy() if dispose == _TO_PREVIOUS and number else None
        place = canvas[top : top + h, left : left + w]
        _lay(place, drawn, over=blend == _OVER)
        alpha = canvas[..., -1].copy()
        clear = channels in (2, 4) or key is not None or bool((alpha < _OPAQUE).any())
        yield Frame(canvas[..., :-1].copy(), alpha if clear else None)
        if before is not None:
            canvas = before
        elif dispose in (_TO_BACKGROUND, _TO_PREVIOUS):
            place[:] = 0


def _lay(place: NDArray[Any], drawn: Frame, *, over: bool) -> None:
    above = np.full(drawn.colour.shape[:2], _OPAQUE, np.uint16)
    if drawn.alpha is not None:
        above = drawn.alpha
    if not over:
        place[..., :-1], place[..., -1] = drawn.colour, above
        return
    top = above[..., None] / _OPAQUE
    under = place[..., -1:] / _OPAQUE * (1 - top)
    alpha = top + under
    with np.errstate(divide="ignore", invalid="ignore"):
        mixed = (drawn.colour * top + place[..., :-1] * under) / alpha
    place[..., :-1] = np.where(alpha > 0, np.rint(mixed), 0).astype(np.uint16)
    place[..., -1] = np.rint(alpha[..., 0] * _OPAQUE).astype(np.uint16)


def _parts(data: bytes) -> tuple[bytes, tuple[int, ...] | None, list[_Part]]:
    header, key = b"", None
    parts: list[_Part] = []
    for kind, content in chunks(data):
        if kind == b"IHDR" and len(content) == 13:
            header = content
        elif kind == b"tRNS" and header[9] in (0, 2):
            key = struct.unpack(f">{len(content) // 2}H", content)
        elif kind == b"fcTL" and len(content) == 26:
            parts.append(_Part(struct.unpack(">IIIIHHBB", content[4:])))
        elif kind == b"IDAT":
            if not parts:
                parts.append(_Part(None))
            parts[-1].data += content
        elif kind == b"fdAT" and parts:
            parts[-1].data += content[4:]
    if not header or not parts:
        raise ValueError("no header or no frames")
    return header, key, parts


def _sum(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
