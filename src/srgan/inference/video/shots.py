"""The frames of a video as RGB, upright, each with its time, and the packets beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from srgan.errors import ImageRefused
from srgan.inference.video.colour import ToRGB
from srgan.inference.video.sites import chroma_site
from srgan.inference.video.source import decoded, decoder
from srgan.inference.video.survey import Survey

_PACKETS_HELD = 64


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame.

    Attributes:
        pixels: (H, W, 3) uint8, or uint16 where the video has more than 8 bits; RGB, upright.
        pts, duration: in units of the video's time base.
    """

    pixels: NDArray[Any]
    pts: int
    duration: int


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next: packets that are copied as they are, and then a frame, if there is one."""

    packets: list[Any]
    shot: Shot | None


def steps(container: Any, what: Survey, *, threads: int | None = None) -> Iterator[Step]:
    """The frames of an opened video, and what is copied beside them, in the file's order.

    Raises:
        ImageRefused: it is no longer what was found in the first look.
    """
    video = decoder(container, threads)
    clock = _Clock(what)
    packets: list[Any] = []
    to_rgb: ToRGB | None = None
    seen = beside = 0
    flaws: list[str] = []
    waits: tuple[NDArray[Any], int] | None = None  # for the next one, which says how long it lasts

    def shots(frame: Any | None) -> Iterator[Step]:
        nonlocal waits
        assert to_rgb is not None
        for pixels, pts in to_rgb(frame):
            if waits is not None:
                yield Step(packets.copy(), Shot(*waits, pts - waits[1]))
                packets.clear()
            waits = what.turn(pixels), pts

    for packet, frames in decoded(container, video, flaws.append):
        if packet is not None and packet.stream_index != video.index and packet.size:
            packets.append(packet)
            beside += 1
        if len(packets) >= _PACKETS_HELD:
            yield Step(packets.copy(), None)
            packets.clear()
        seen += len(frames)
        for frame in frames:
            if to_rgb is None:
                to_rgb = ToRGB(
                    frame,
                    what.colours,
                    time_base=what.time_base,
                    sited=chroma_site(video, what.colours),
                    deinterlace=what.interlaced,
                )
            frame.pts, frame.time_base = clock(frame), what.time_base
            yield from shots(frame)
    if not what.damaged and (flaws or (seen, beside) != (what.frames, what.beside)):
        raise ImageRefused("changed while it was read; try again when nothing writes to it")
    if to_rgb is not None:
        yield from shots(None)
    if waits is not None:
        yield Step(packets.copy(), Shot(*waits, what.last))
        packets.clear()
    yield Step(packets, None)


class _Clock:
    """Time stamps of frames, each after the one before."""

    def __init__(self, what: Survey) -> None:
        self._offset = round(what.start / what.time_base)
        self._stamps = iter(what.stamps)
        self._last: int | None = None

    def __call__(self, frame: Any) -> int:
        pts: int | None = next(self._stamps, frame.pts)
        pts = None if pts is None else pts - self._offset
        if self._last is not None and (pts is None or pts <= self._last):
            pts = self._last + 1  # decoded otherwise than in the first look
        self._last = pts or 0
        return self._last
