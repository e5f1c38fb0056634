"""A look through all of a video before the work: whether it is whole, and what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import gcd
from pathlib import Path
from typing import Any, BinaryIO

from srgan.errors import Cancelled, ImageRefused
from srgan.image.limits import Limits
from srgan.image.opening import binary
from srgan.inference.video.boxes import shown_until
from srgan.inference.video.colour import (
    FIELDS_LEAST,
    Colours,
    Turn,
    colours_of,
    depth_of,
    has_alpha,
    side_data,
    turn_of,
)
from srgan.inference.video.library import library
from srgan.inference.video.light import SCREEN, Light, light_of
from srgan.inference.video.source import decoded, decoder, is_cover, opened
from srgan.inference.video.stamps import better, mean_rate
from srgan.inference.video.whole import may_be_cut, missing, rate_of
from srgan.words import counted

_OWN_CLOCK = ("mpegts", "mpeg")  # their time stamps start anywhere
_END_S = 1
_INSIDE = {
    "A53_CC": "captions inside the picture",
    SCREEN: "incomplete data on the screen it was made for",
    "DYNAMIC_HDR_PLUS": "HDR10+ data",
    "DOVI_METADATA": "Dolby Vision data",
    "DYNAMIC_HDR_VIVID": "HDR Vivid data",
    "AMBIENT_VIEWING_ENVIRONMENT": "data on the light around its viewers",
    "SPHERICAL": "mark as a picture all around",
    "STEREO3D": "mark as pictures for two eyes",
}


@dataclass(frozen=True, slots=True)
class Survey:
    """What a video is.

    Attributes:
        frames: how many can be decoded.
        beside: how many packets the other streams have.
        damaged: whether something cannot be read.
        height, width: of the frames as they are stored.
        turn: how they are turned upright.
        colours: what their samples mean.
        depth: bits of a sample.
        alpha: whether they have opacity.
        interlaced: whether any was.
        light: what it says of the screen it was made for and its brightness (HDR10).
        pixel_aspect: width of a stored pixel by its height.
        time_base: unit of the time stamps in seconds.
        grid: the largest number of seconds that all time stamps are multiples of; 0 for one at 0.
        rate: mean frames a second.
        start: seconds that are taken from all time stamps, of a kind that starts anywhere.
        stamps: the frames' time stamps where their own do not rise; else empty.
        longest: the seconds that a frame but the last is shown at most, and its number, from 1 on.
        last: how long the last frame is shown, in units of the time base; 0 where nothing says.
        ends: when picture and sound end, in seconds, before ``start`` is taken.
        covers: the pictures that are attached, by the numbers of their streams.
        headless: streams of sound whose header is lost, without which they are not copied.
        notices: what the user should know.
    """

    frames: int
    beside: int
    damaged: bool
    height: int
    width: int
    turn: Turn
    colours: Colours
    depth: int
    alpha: bool
    interlaced: bool
    light: Light
    pixel_aspect: Fraction
    time_base: Fraction
    grid: Fraction
    rate: Fraction
    start: Fraction
    stamps: tuple[int, ...]
    longest: tuple[Fraction, int]
    last: int
    ends: Fraction
    covers: dict[int, bytes]
    headless: frozenset[int]
    notices: tuple[str, ...]

    @property
    def upright(self) -> tuple[int, int]:
        """(height, width) once turned."""
        size = (self.height, self.width)
        return size[::-1] if self.turn.transpose else size


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
        video = decoder(container, threads)
        limits.check_input(video.height, video.width)
        found = _Found(container, video, source.stat().st_size)
        for packet, frames in decoded(container, video, found.flaw):
            if cancelled is not None and cancelled():
                raise Cancelled("cancelled")
            if packet is not None:
                found.packet(packet)
                found.sound(packet)
                if progress is not None and packet.pos is not None:
                    progress(min(1.0, packet.pos / max(1, found.size)))
            for frame in frames:
                found.frame(frame, limits)
        with binary(source) as file:
            found.missing(file)
        return found.survey(allow_damaged=allow_damaged)


@dataclass(slots=True)
class _Found:
    """What has been seen of a video so far."""

    container: Any
    video: Any
    size: int
    beside: int = 0
    first: Any = None
    interlaced: bool = False
    flawed_beside: bool = False
    reordered: bool = False
    latest: tuple[int, int] | None = None  # time and duration of the last packet
    last_shown: int = 0  # and the duration of the last frame
    shown_until: tuple[Fraction, int] | None = None
    flawed_at: Fraction | None = None
    open_ended: bool = False
    heard: set[int] = field(default_factory=set)  # streams of sound that have been decoded
    unheard: set[int] = field(default_factory=set)  # and that something could not be decoded of
    headless: set[int] = field(default_factory=set)
    covers: dict[int, bytes] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    ends: Fraction = Fraction(0)  # of picture and sound
    video_ends: Fraction = Fraction(0)
    starts: Fraction | None = None
    shown: list[int | None] = field(default_factory=list)  # time stamps of frames
    decoding: list[int] = field(default_factory=list)  # and of their packets
    inside: set[str] = field(default_factory=set)
    light: Light = field(default_factory=Light)

    def flaw(self, what: str) -> None:
        """Take note of what cannot be read."""
        self.damage.append(f"after frame {len(self.shown)} it {what}")

    def packet(self, packet: Any) -> None:
        """Take note of a packet."""
        ours = packet.stream_index == self.video.index
        if packet.is_corrupt and ours:
            self.flaw("is cut off or damaged")
        self.flawed_beside |= packet.is_corrupt and not ours
        self.beside += bool(packet.size) and not ours
        if is_cover(packet.stream) and packet.size:
            self.covers[packet.stream_index] = bytes(packet)
        time = packet.dts if packet.pts is None else packet.pts
        if time is None:
            return
        if ours and packet.dts is not None and packet.size:
            self.decoding.append(packet.dts)
        at = time * packet.time_base
        if packet.is_corrupt and not ours:
            self.flawed_at = at
        self.starts = at if self.starts is None else min(self.starts, at)
        end = at + (packet.duration or 0) * packet.time_base
        if packet.stream.type in ("audio", "video"):  # a subtitle says its end long before it
            self.ends = max(self.ends, end)
        if ours:
            self.reordered |= bool(self.latest and self.latest[0] > time)
            self.latest = (time, packet.duration or 0)
            self.video_ends = max(self.video_ends, end)

    def sound(self, packet: Any) -> None:
        """Decode a packet of sound, which is copied as it is, to see whether it is whole."""
        if packet.stream.type != "audio" or not packet.size or packet.stream.codec_context is None:
            return
        if _lacks_header(packet):
            self.headless.add(packet.stream_index)
        try:
            if packet.decode():
                self.heard.add(packet.stream_index)
        except library().FFmpegError:
            # A transport stream may start amid a packet.
            self.flawed_beside |= packet.stream_index in self.heard
            self.unheard.add(packet.stream_index)

    def frame(self, frame: Any, limits: Limits) -> None:
        """Take note of a frame.

        Raises:
            LimitExceeded: it is too large.
            ImageRefused: it is of another kind than those before.
        """
        if self.first is None:
            limits.check_input(frame.height, frame.width)
            self.first = frame
        if _kind(frame) != _kind(self.first):
            raise ImageRefused(
                f"its picture changes at frame {len(self.shown) + 1}, from {_kind(self.first)} to "
                f"{_kind(frame)}; cut it there first"
            )
        if frame.is_corrupt:
            self.flaw("is damaged")
        beside = side_data(frame)
        self.inside.update(beside)
        if self.video.metadata.get("stereo_mode"):
            self.inside.discard("STEREO3D")  # Matroska's mark; it is kept where it has a place
        self.light = self.light or light_of(beside)
        if self.light.screen is not None:
            self.inside.discard(SCREEN)
        self.interlaced |= bool(frame.interlaced_frame)
        self.shown.append(frame.pts)
        self.last_shown = frame.duration or 0

    def survey(self, *, allow_damaged: bool) -> Survey:
        """All of it.

        Raises:
            ImageRefused: no frame, or damage that is not allowed.
        """
        damage = self.damage
        if damage and not allow_damaged:
            raise ImageRefused(
                f"cut off or damaged: {damage[0]}; --allow-damaged takes what can be read"
            )
        if self.first is None:
            raise ImageRefused("holds no frame that can be read")
        frames = len(self.shown)
        notices = []
        if damage:
            notices.append(f"damaged: {damage[0]}; {counted(frames, 'frame')} could be read")
        if self.flawed_beside or self.unheard - self.heard:
            notices.append("parts of its sound or other streams are damaged, and stay so")
        if self.open_ended:
            notices.append("its end may be missing: it breaks off amid a packet")
        stamps, mended = self._stamps()
        if mended:
            notices.append(
                f"time stamps of {counted(mended, 'frame')} were missing or backwards: made up"
            )
        turn = turn_of(self.first)
        if turn is None:
            notices.append("it is to be turned by an odd angle: left as it is")
        lost = [words for name, words in _INSIDE.items() if name in self.inside]
        if lost:
            notices.append(f"its {', '.join(lost)} cannot be kept: left out")
        shown = stamps or [pts for pts in self.shown if pts is not None]
        time_base = Fraction(self.video.time_base)
        aspect = self.video.sample_aspect_ratio or Fraction(1)
        own_clock = self.container.format.name in _OWN_CLOCK
        return Survey(
            frames=frames,
            beside=self.beside,
            damaged=bool(damage),
            height=self.first.height,
            width=self.first.width,
            turn=turn or Turn(),
            colours=colours_of(self.first),
            depth=depth_of(self.first),
            alpha=has_alpha(self.first) or self.video.metadata.get("alpha_mode") == "1",  # WebM
            interlaced=self.interlaced and min(self.first.height, self.first.width) >= FIELDS_LEAST,
            light=self.light,
            pixel_aspect=aspect if aspect > 0 else Fraction(1),
            time_base=time_base,
            grid=gcd(*shown) * time_base,
            rate=mean_rate(shown, time_base, rate_of(self.video)),
            start=(self.starts or Fraction(0)) if own_clock else Fraction(0),
            stamps=stamps,
            longest=max(
                (((b - a) * time_base, i) for i, (a, b) in enumerate(pairwise(shown), start=1)),
                default=(Fraction(0), 1),
            ),
            last=self._last(),
            ends=self.ends,
            covers=self.covers,
            headless=frozenset(self.headless),
            notices=tuple(notices),
        )

    def _stamps(self) -> tuple[tuple[int, ...], int]:
        """Time stamps that are better than the frames' own, and how many are made up."""
        step = max(1, round(1 / (rate_of(self.video) * self.video.time_base)))
        return better(self.shown, self.decoding, step, reordered=self.reordered)

    def _last(self) -> int:
        """How long the last frame is shown."""
        if not self.reordered or not self.container.format.name.startswith("mov") or self.damage:
            return self.last_shown
        # A packet of MP4 lasts until the next is decoded, which is not the next that is shown.
        likely = self.latest[1] if self.latest else 0
        if self.shown_until is not None and self.shown[-1] is not None:
            until, scale = self.shown_until
            rest = until / Fraction(self.video.time_base) - self.shown[-1]
            if rest > 0 and abs(rest - likely) * self.video.time_base > Fraction(1, scale):
                return round(rest)
        return likely

    def missing(self, file: BinaryIO) -> None:
        """Take note of it where the file ends before its structure, index or header says."""
        name = self.container.format.name
        what = missing(file, self.container, self.video, ends=self.ends, video_ends=self.video_ends)
        if what:
            self.damage.append(what)
        flawed_end = self.flawed_at is not None and self.ends - self.flawed_at < _END_S
        self.open_ended = not what and (
            may_be_cut(file, name) or (name in _OWN_CLOCK and flawed_end)
        )
        if name.startswith("mov"):
            self.shown_until = shown_until(file, self.video.index)


def _lacks_header(packet: Any) -> bool:
    """Whether it is bare AAC, without a header of its own or the file's, as a damaged MP4 has it.

    It can be decoded by what the file says of its rate, but muxers do not take it.
    """
    context = packet.stream.codec_context
    if context.name != "aac" or context.extradata:
        return False
    start = int.from_bytes(bytes(packet)[:2], "big")
    return start & 0xFFF0 != 0xFFF0  # ADTS, ISO/IEC 13818-7


def _kind(frame: Any) -> str:
    return f"{frame.width}x{frame.height} {frame.format.name}"
