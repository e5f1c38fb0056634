"""Reading a video: a look through all of it first, then its frames and the packets beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from srgan.errors import Cancelled, ImageRefused, LimitExceeded
from srgan.image.atomic import shown
from srgan.image.formats import SNIFF_BYTES, Format, sniff
from srgan.image.limits import Limits
from srgan.image.opening import binary, text_of
from srgan.inference.video.colour import (
    Colours,
    ToRGB,
    Turn,
    colours_of,
    depth_of,
    has_alpha,
    turn_of,
)
from srgan.inference.video.library import library

# Kinds that hold time stamps and name no other files or addresses, as play lists do.
_KINDS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,ivf,mxf,nut"
_SOUNDS = "mp3,wav,flac,aac,aiff,ac3,amr,caf"
_OWN_CLOCK = ("mpegts", "mpeg")  # their time stamps start anywhere
_MISSING_S = 0.5
_BREAKS = 64


@dataclass(frozen=True, slots=True)
class Survey:
    """What a video is, known from a look through all of it.

    Attributes:
        frames: how many can be decoded.
        height, width: of the frames as they are stored.
        turn: how they are turned upright.
        colours: what their samples mean.
        depth: bits of a sample.
        alpha: whether they have opacity.
        interlaced: whether any was.
        pixel_aspect: width of a stored pixel by its height.
        time_base: unit of the time stamps in seconds.
        rate: mean frames a second.
        start: seconds that are taken from all time stamps, of a kind that starts anywhere.
        stamps: the frames' time stamps, of a kind that holds none but those of decoding.
        notices: what the user should know.
    """

    frames: int
    height: int
    width: int
    turn: Turn
    colours: Colours
    depth: int
    alpha: bool
    interlaced: bool
    pixel_aspect: Fraction
    time_base: Fraction
    rate: Fraction
    start: Fraction
    stamps: tuple[int, ...]
    notices: tuple[str, ...]

    @property
    def upright(self) -> tuple[int, int]:
        """(height, width) once turned."""
        size = (self.height, self.width)
        return size[::-1] if self.turn.transpose else size


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame: (H, W, 3) uint8 or uint16 RGB, upright, with its time stamp and duration."""

    pixels: NDArray[Any]
    pts: int
    duration: int


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next: packets that are copied as they are, and then a frame, if there is one."""

    packets: list[Any]
    shot: Shot | None


@contextmanager
def opened(source: Path) -> Iterator[Any]:
    """The container of a video file.

    Whatever FFmpeg raises inside the block leaves it as an error of srgan.

    Raises:
        ImageRefused: it is no video that can be read.
    """
    av = library()
    try:
        with binary(source) as file:
            head = file.read(SNIFF_BYTES)
            file.seek(0)
            if not head:
                raise ImageRefused("is empty")
            if isinstance(sniff(head), Format):
                raise ImageRefused("is a picture; enlarge it by `srgan upscale`")
            options = {"format_whitelist": f"{_KINDS},{_SOUNDS}", "protocol_whitelist": "file"}
            with av.open(file, "r", options=options, metadata_errors="replace") as container:
                yield container
    except (ImageRefused, LimitExceeded) as error:
        raise type(error)(f"{shown(source)}: {error}") from error.__cause__
    except av.FFmpegError as error:
        raise ImageRefused(f"{shown(source)}: {_reason(error)}") from error
    except OSError as error:
        raise ImageRefused(f"{shown(source)}: cannot be read: {error.strerror}") from error


def video_stream(container: Any) -> Any:
    """The stream that is enlarged: the first that moves.

    Raises:
        ImageRefused: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & library().stream.Disposition.attached_pic:
            return stream
    what = "sound" if container.streams.audio else "nothing"
    raise ImageRefused(f"holds {what} and no moving picture: there is nothing to enlarge")


def survey(
    source: Path,
    *,
    limits: Limits,
    allow_damaged: bool = False,
    threads: int | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Survey:
    """Look through a video: decode all of it, which takes a small part of what enlarging takes.

    So it is known before the work whether the file is whole, and how many frames there are.

    Raises:
        ImageRefused: no video, or damaged and ``allow_damaged`` is not said.
        LimitExceeded: a frame is larger than a limit.
        Cancelled: ``cancelled`` said so.
    """
    with opened(source) as container:
        video = _ready(container, threads)
        limits.check_input(video.height, video.width)
        found = _Found(container, video, source.stat().st_size)
        for item in _decoded(container, video, found):
            if cancelled is not None and cancelled():
                raise Cancelled("cancelled")
            if isinstance(item, library().VideoFrame):
                found.see(item, limits)
            elif progress is not None and item.pos is not None:
                progress(min(1.0, item.pos / max(1, found.bytes)))
        return found.survey(allow_damaged=allow_damaged)


def steps(container: Any, what: Survey, *, threads: int | None = None) -> Iterator[Step]:
    """The frames of an opened video, and what is copied beside them, in the file's order."""
    video = _ready(container, threads)
    clock = _Clock(what.time_base, what.rate, what.start, what.stamps)
    packets: list[Any] = []
    durations: dict[int, int] = {}
    to_rgb: ToRGB | None = None

    def shots(frame: Any | None) -> Iterator[Step]:
        assert to_rgb is not None
        for pixels, pts in to_rgb(frame):
            yield Step(packets.copy(), Shot(what.turn(pixels), pts, durations.pop(pts, 0)))
            packets.clear()

    for item in _decoded(container, video, None):
        if not isinstance(item, library().VideoFrame):
            if item.stream_index != video.index and item.size:
                packets.append(item)
            if len(packets) >= _BREAKS:
                yield Step(packets.copy(), None)
                packets.clear()
            continue
        if to_rgb is None:
            to_rgb = ToRGB(
                item,
                what.colours,
                time_base=what.time_base,
                sited=_sited(video, what),
                deinterlace=what.interlaced,
            )
        item.pts, item.time_base = clock(item), what.time_base
        durations[item.pts] = item.duration or 0
        yield from shots(item)
    if to_rgb is not None:
        yield from shots(None)
    yield Step(packets, None)


class _Clock:
    """Time stamps of frames in ``time_base``, each after the one before."""

    def __init__(
        self,
        time_base: Fraction,
        rate: Fraction,
        start: Fraction = Fraction(0),
        stamps: tuple[int, ...] = (),
    ) -> None:
        self._step = max(1, round(1 / (rate * time_base)))
        self._offset = round(start / time_base)
        self._stamps = iter(stamps)
        self._last: int | None = None
        self.mended = 0

    def __call__(self, frame: Any) -> int:
        pts: int | None = next(self._stamps, frame.pts)
        if pts is None:
            pts = 0 if self._last is None else self._last + self._step
            self.mended += 1
        else:
            pts -= self._offset
            if self._last is not None and pts <= self._last:
                pts = self._last + 1
                self.mended += 1
        self._last = pts
        return pts


@dataclass(slots=True)
class _Found:
    """What has been seen of a video so far."""

    container: Any
    video: Any
    bytes: int
    frames: int = 0
    first: Any = None
    interlaced: bool = False
    damage: list[str] = field(default_factory=list)
    ends: Fraction = Fraction(0)
    starts: Fraction | None = None
    shown: list[int | None] = field(default_factory=list)
    decoding: list[int] = field(default_factory=list)

    def see(self, frame: Any, limits: Limits) -> None:
        """Take note of a frame."""
        if self.first is None:
            limits.check_input(frame.height, frame.width)
            self.first = frame
        shape = (frame.height, frame.width, frame.format.name)
        if shape != (self.first.height, self.first.width, self.first.format.name):
            raise ImageRefused(
                f"its picture changes at frame {self.frames + 1}, from {_kind(self.first)} to "
                f"{_kind(frame)}; cut it there first"
            )
        if frame.is_corrupt:
            self.damage.append(f"frame {self.frames + 1} is damaged")
        self.shown.append(frame.pts)
        self.interlaced |= bool(frame.interlaced_frame)
        self.frames += 1

    def packet(self, packet: Any) -> None:
        """Take note of a packet."""
        if packet.is_corrupt:
            self.damage.append("a part of it is cut off or damaged")
        time = packet.dts if packet.pts is None else packet.pts
        if time is None:
            return
        if packet.stream_index == self.video.index and packet.dts is not None and packet.size:
            self.decoding.append(packet.dts)
        at = time * packet.time_base
        self.starts = at if self.starts is None else min(self.starts, at)
        self.ends = max(self.ends, at + (packet.duration or 0) * packet.time_base)

    def survey(self, *, allow_damaged: bool) -> Survey:
        """All of it.

        Raises:
            ImageRefused: no frame, or damage that is not allowed.
        """
        damage = self.damage + self._missing()
        if damage and not allow_damaged:
            raise ImageRefused(
                f"cut off or damaged: {damage[0]}; --allow-damaged takes what can be read"
            )
        if self.first is None:
            raise ImageRefused("holds no frame that can be read")
        notices = []
        if damage:
            notices.append(f"damaged: {damage[0]}; the {self.frames} frames that could be read")
        stamps, mended = self._stamps()
        if mended:
            notices.append(f"time stamps of {mended} frames were missing or backwards: made up")
        turn = turn_of(self.first)
        if turn is None:
            notices.append("it is to be turned by an odd angle: left as it is")
        aspect = self.video.sample_aspect_ratio or Fraction(1)
        own_clock = self.container.format.name in _OWN_CLOCK
        return Survey(
            frames=self.frames,
            height=self.first.height,
            width=self.first.width,
            turn=turn or Turn(),
            colours=colours_of(self.first),
            depth=depth_of(self.first),
            alpha=has_alpha(self.first),
            interlaced=self.interlaced,
            pixel_aspect=aspect if aspect > 0 else Fraction(1),
            time_base=self.video.time_base,
            rate=self._rate(),
            start=(self.starts or Fraction(0)) if own_clock else Fraction(0),
            stamps=stamps,
            notices=tuple(notices),
        )

    def _stamps(self) -> tuple[tuple[int, ...], int]:
        """Time stamps that are better than the frames' own, and how many will be made up."""
        known = [-1 << 63 if pts is None else pts for pts in self.shown]
        mended = sum(b <= a for a, b in pairwise(known)) + (self.shown[0] is None)
        # AVI says when to decode; what is shown follows in the same rhythm.
        if mended and len(self.decoding) == self.frames == len(set(self.decoding)):
            return tuple(sorted(self.decoding)), 0
        return (), mended

    def _rate(self) -> Fraction:
        for rate in (self.video.average_rate, self.video.guessed_rate):
            if rate is not None and 0 < rate <= 1000:
                return Fraction(rate).limit_denominator(1_001_000)
        return Fraction(25)

    def _missing(self) -> list[str]:
        """Whether the file ends before its own header or index says."""
        beyond = 0
        for stream in self.container.streams:
            beyond += sum(e.size > 0 and e.pos + e.size > self.bytes for e in stream.index_entries)
        if beyond:
            return [f"its last {beyond} parts are not there"]
        name = self.container.format.name
        if name == "avi" and self.video.frames > self.frames:
            return [f"{self.frames} of {self.video.frames} frames are there"]
        if name.startswith("matroska") and self.container.duration:
            whole = Fraction(self.container.duration, 1_000_000)
            if whole - self.ends > _MISSING_S:
                return [f"{float(self.ends):.1f} of {float(whole):.1f} s are there"]
        return []


def _ready(container: Any, threads: int | None) -> Any:
    video = video_stream(container)
    if video.codec_context is None:
        raise ImageRefused("its pictures are of a kind that is not read")
    video.thread_type = "AUTO"
    if threads is not None:
        video.thread_count = threads
    return video


def _decoded(container: Any, video: Any, found: _Found | None) -> Iterator[Any]:
    """Packets of all streams, those of the video followed by the frames that come of them."""
    av = library()
    packets = container.demux()
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:
            if found is not None:
                found.damage.append(f"it breaks off ({text_of(error)})")
            packet = None  # what the decoder still holds comes out
        if packet is not None:
            if found is not None:
                found.packet(packet)
            yield packet
            if packet.stream_index != video.index:
                continue
        try:
            yield from video.decode(packet)
        except av.EOFError:
            pass
        except av.FFmpegError:
            if found is not None:
                found.damage.append(f"what follows frame {found.frames} cannot be decoded")
        if packet is None:
            return


def _sited(video: Any, what: Survey) -> str:
    if video.codec_context.name in ("mjpeg", "mpeg1video"):
        return "center"
    return "topleft" if what.colours.matrix == 9 else "left"


def _kind(frame: Any) -> str:
    return f"{frame.width}x{frame.height} {frame.format.name}"


def _reason(error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error)
    if "whitelist" in text.lower() or isinstance(error, library().InvalidDataError):
        return "not a video of a known kind, or cut off or damaged at its start or end"
    return f"cannot be read: {text_of(Exception(text))}"
