"""Between the decoder's or encoder's samples and RGB: matrix, range, chroma sites, orientation.

The numbers of matrices, primaries and transfer functions are those of ITU-T H.273, which FFmpeg,
H.264, HEVC and AV1 share. The conversion itself is libswscale's, told everything explicitly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ImageRefused
from srgan.inference.video.library import library

_RGB, _UNSPECIFIED, _RESERVED, _BT601, _BT709, BT2020 = 0, 2, 3, 6, 1, 9
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020"}
_LIMITED, _FULL = 1, 2
FIELDS_LEAST = 8
"""Pixels of a side from which on frames are made of fields: bwdif wants 4 of each plane."""
_FLAGS = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"


@dataclass(frozen=True, slots=True)
class Colours:
    """What the samples of a stream mean.

    Attributes:
        matrix: from RGB to luma and chroma; always one that is known.
        full: whether 8-bit luma goes from 0 to 255, not from 16 to 235.
        primaries, transfer: 2 where the stream does not say.
    """

    matrix: int
    full: bool
    primaries: int
    transfer: int

    @property
    def range(self) -> int:
        """The range as FFmpeg numbers it."""
        return _FULL if self.full else _LIMITED


def colours_of(frame: Any) -> Colours:
    """The colours of a decoded frame.

    A stream that names no matrix is read as players do: BT.709 from 1280 pixels of width or more
    than 576 of height on, else BT.601. RGB is stored as BT.709.

    Raises:
        ImageRefused: a matrix that is not read.
    """
    matrix = int(frame.colorspace)
    full = int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj")
    if frame.format.is_rgb or frame.format.has_palette or matrix == _RGB:
        matrix, full = _BT709, False
    elif matrix in (_UNSPECIFIED, _RESERVED):
        matrix = _BT709 if frame.width >= 1280 or frame.height > 576 else _BT601
    if matrix not in _MATRICES:
        raise ImageRefused(
            f"its colours are stored in a way that is not read (matrix {matrix} of H.273); "
            "convert it to BT.709 first"
        )
    return Colours(matrix, full, int(frame.color_primaries), int(frame.color_trc))


def depth_of(frame: Any) -> int:
    """Bits of a sample."""
    return max(int(component.bits) for component in frame.format.components)


def has_alpha(frame: Any) -> bool:
    """Whether a frame has opacity."""
    return any(component.is_alpha for component in frame.format.components)


def side_data(frame: Any) -> dict[str, bytes]:
    """What a frame carries beside its samples, by FFmpeg's names."""
    try:
        return {data.type.name: bytes(data) for data in frame.side_data}
    except ValueError:  # PyAV does not know of one of them
        return {}


@dataclass(frozen=True, slots=True)
class Turn:
    """How stored frames are turned upright: transposed first, then mirrored."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """(H, W, C) upright."""
        if self.transpose:
            pixels = pixels.swapaxes(0, 1)
        if self.mirror_x:
            pixels = pixels[:, ::-1]
        if self.mirror_y:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)


_LEFT, _ABOUT, _RIGHT = Turn(True, False, True), Turn(False, True, True), Turn(True, True, False)


def turn_of(frame: Any) -> Turn | None:
    """The turn by a frame's display matrix; None where it is no multiple of a right angle."""
    data = side_data(frame).get("DISPLAYMATRIX")
    if data is None:
        return {90: _LEFT, 180: _ABOUT, -180: _ABOUT, -90: _RIGHT}.get(frame.rotation, Turn())
    a, b, _, c, d = (int(n) for n in np.frombuffer(data, np.int32)[:5])
    if b == c == 0 and a and d:
        return Turn(False, a < 0, d < 0)
    if a == d == 0 and b and c:
        return Turn(True, c < 0, b < 0)
    return None


class ToRGB:
    """Decoded frames → RGB.

    Args:
        frame: the first one; all others are like it.
        colours: what its samples mean.
        time_base: of the frames' time stamps.
        sited: where chroma lies in the frames: ``"left"``, ``"center"``, ``"topleft"``, ``"top"``.
        deinterlace: make whole frames of the interlaced ones, one of each.
    """

    def __init__(
        self, frame: Any, colours: Colours, *, time_base: Fraction, sited: str, deinterlace: bool
    ) -> None:
        self.deep = depth_of(frame) > 8
        self._time_base = time_base
        steps = [("bwdif", "mode=send_frame:deint=interlaced")] if deinterlace else []
        if not frame.format.is_rgb and not frame.format.has_palette:
            matrix = _MATRICES[colours.matrix]
            source = f"in_color_matrix={matrix}:in_range={'pc' if colours.full else 'tv'}:"
            if frame.format.name.startswith(("yuv420", "yuvj420", "nv12", "p010", "yuv422")):
                source += f"in_chroma_loc={sited}:"
        else:
            source = ""
        steps.append(("scale", f"{source}out_range=pc:{_FLAGS}"))
        steps.append(("format", "rgb48le" if self.deep else "rgb24"))
        self._graph = _graph(frame.width, frame.height, frame.format.name, time_base, steps)

    def __call__(self, frame: Any | None) -> Iterator[tuple[NDArray[Any], int]]:
        """A frame, or None after the last.

        Yields:
            (H, W, 3) uint8, or uint16 where the frames have more than 8 bits; and its time stamp.
        """
        for rgb in _through(self._graph, frame):
            time = rgb.pts * rgb.time_base / self._time_base
            yield rgb.to_ndarray(), round(time)


class FromRGB:
    """RGB → frames for the encoder.

    Args:
        height, width: of the frames.
        deep: whether the pixels have 16 bits.
        colours: what the samples of the result mean.
        format: of the result, by FFmpeg's name.
        time_base: of the time stamps.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        deep: bool,
        colours: Colours,
        format: str,
        time_base: Fraction,
    ) -> None:
        self._given = "rgb48le" if deep else "rgb24"
        self._time_base = time_base
        target = f"out_color_matrix={_MATRICES[colours.matrix]}:"
        target += f"out_range={'pc' if colours.full else 'tv'}:"
        if format.startswith("yuv420"):
            target += "out_chroma_loc=left:"  # what decoders take where a stream does not say
        steps = [("scale", target + _FLAGS), ("format", format)]
        self._graph = _graph(width, height, self._given, time_base, steps)

    def __call__(self, pixels: NDArray[Any], pts: int) -> Any:
        """(H, W, 3) uint8 or uint16 → a frame with its time stamp."""
        frame = library().VideoFrame.from_ndarray(pixels, self._given)
        frame.pts, frame.time_base = pts, self._time_base
        (made,) = _through(self._graph, frame)
        made.pts, made.time_base = pts, self._time_base
        return made


def _graph(
    width: int, height: int, format: str, time_base: Fraction, steps: list[tuple[str, str]]
) -> Any:
    graph = library().filter.Graph()
    nodes = [
        graph.add_buffer(
            width=width,
            height=height,
            format=library().VideoFormat(format),
            time_base=time_base,
        )
    ]
    nodes += [graph.add(name, arguments) for name, arguments in steps]
    graph.link_nodes(*nodes, graph.add("buffersink"))
    graph.configure()
    return graph


def _through(graph: Any, frame: Any | None) -> Iterator[Any]:
    av = library()
    graph.push(frame)
    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
