"""Formats that Pillow writes in one go, from a canvas of the whole picture."""

from importlib import import_module
from itertools import repeat
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.image.formats import Format
from srgan.image.heic import write_heic
from srgan.image.picture import Metadata
from srgan.image.strips import InFrames

_CLEAR = 255  # the last of a GIF's colours, where one is kept for what is not shown
_HALF = 128
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class CanvasEncoder:
    """Writes WebP, AVIF, HEIC, BMP or GIF: one picture, or the frames of an animation.

    Args:
        file: opened for writing in binary.
        kind: the format.
        height: rows of every frame.
        width: columns.
        channels: 1 gray, 2 gray and opacity, 3 RGB, 4 RGB and opacity.
        quality: 1 to 100 for the lossy formats; 100 is lossless WebP.
        metadata: what is written beside the pixels.
        durations_ms: of each frame of an animation.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        kind: Format,
        height: int,
        width: int,
        channels: int,
        quality: int,
        metadata: Metadata,
        durations_ms: tuple[float | None, ...] = (None,),
    ) -> None:
        if kind.name != "HEIC":
            import_module(kind.plugin)
        self._file, self._kind, self._quality = file, kind, quality
        self._size = (width, height)
        self._mode = _MODES[channels]
        self._metadata, self._durations = metadata, durations_ms
        self._frames: list[Image.Image] = []
        self._rows = InFrames(repeat(height), self._paste, self._follow)
        self._follow()

    def write(self, rows: NDArray[np.uint8]) -> None:
        """Take the next rows; after the last of a frame the next frame begins."""
        self._rows.write(rows)

    def close(self) -> None:
        """Encode the canvas."""
        if self._kind.name == "GIF":
            # Where one frame has holes all say so: a frame without is cleared to black by some.
            if any(_hidden(frame).any() for frame in self._frames):
                self._frames = [_with_holes(frame) for frame in self._frames]
            else:
                self._frames = [_opaque(frame) for frame in self._frames]
        first, *others = self._frames
        if self._kind.name == "HEIC":
            write_heic(first, self._file, quality=self._quality, metadata=self._metadata)
            return
        options = self._options()
        if others:
            options["save_all"] = True
            options["append_images"] = others
            options["duration"] = [max(round(d or 0), 0) for d in self._durations]
            if self._metadata.loop is not None:
                options["loop"] = self._metadata.loop
            elif self._kind.name == "WEBP":
                options["loop"] = 1
            if self._kind.name == "GIF":
                # Each frame replaces the one before it wholly, whatever is transparent in it.
                options["disposal"] = 2
        first.save(self._file, self._kind.name, **options)
        self._frames = []

    def abort(self) -> None:
        """Let the canvas go."""
        self._frames = []

    def _follow(self) -> None:
        self._frames.append(Image.new(self._mode, self._size))
        self._top = 0

    def _paste(self, rows: NDArray[np.uint8]) -> None:
        part = np.ascontiguousarray(rows)
        strip = Image.fromarray(part[..., 0] if part.shape[2] == 1 else part)
        self._frames[-1].paste(strip, (0, self._top))
        self._top += len(rows)

    def _options(self) -> dict[str, Any]:
        m, name = self._metadata, self._kind.name
        options: dict[str, Any] = {}
        if name == "WEBP":
            options |= {"quality": self._quality, "lossless": self._quality == 100, "exact": True}
        if name == "AVIF":
            options |= {"quality": self._quality, "speed": 8, "subsampling": "4:4:4"}
        if name == "GIF" and m.comment:
            options["comment"] = m.comment
        if name == "BMP" and m.dpi:
            options["dpi"] = m.dpi
        if self._kind.profile:
            options |= {"icc_profile": m.icc} if m.icc else {}
            options |= {"exif": m.exif} if m.exif else {}
            options |= {"xmp": m.xmp} if m.xmp else {}
        return options


def _hidden(image: Image.Image) -> NDArray[np.bool_]:
    """Where a GIF, whose pixels are shown or not, does not show a frame: below half opacity."""
    if image.mode not in ("LA", "RGBA"):
        return np.zeros((image.height, image.width), np.bool_)
    return np.asarray(image.getchannel("A")) < _HALF


def _opaque(image: Image.Image) -> Image.Image:
    return image.convert({"LA": "L", "RGBA": "RGB"}.get(image.mode, image.mode))


def _with_holes(image: Image.Image) -> Image.Image:
    """A frame of 255 colours and one for what is not shown.

    Left to Pillow, nearly all that is half transparent is shown, and all of a gray picture.
    """
    colour = _opaque(image).convert("RGB")
    paletted = colour.convert("P", palette=Image.Palette.ADAPTIVE, colors=_CLEAR)
    index = np.where(_hidden(image), _CLEAR, np.asarray(paletted)).astype(np.uint8)
    made = Image.fromarray(index).convert("P")
    made.putpalette(bytes(paletted.getpalette() or b"")[: 3 * _CLEAR].ljust(768, b"\0"))
    made.info["transparency"] = _CLEAR
    return made
