"""Small videos for tests, made with PyAV, and an upscaler that counts."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from srgan.errors import RuntimeFailed
from srgan.inference.upscaler import Image

WIDTH, HEIGHT = 32, 24


class Counting:
    """Every pixel twice; knows how often it was asked, and may fail."""

    scale = 2

    def __init__(self, fails_at: int | None = None) -> None:
        self.calls = 0
        self._fails_at = fails_at

    def __call__(self, image: Image) -> Image:
        self.calls += 1
        if self.calls == self._fails_at:
            raise RuntimeFailed("the network failed")
        return image.repeat(2, axis=0).repeat(2, axis=1)


def scene(i: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A smooth picture that moves with ``i``: (height, width, 3) uint8 RGB."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((x + 2 * i) / 5), np.cos((y + i) / 4), np.sin((x + y) / 7)]
    return (127.5 + 90 * np.stack(waves, axis=2)).astype(np.uint8)


def make_clip(
    path: Path,
    frames: Sequence[NDArray[Any]] | Sequence[Any],
    *,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    colour: tuple[int, int] = (1, 1),
    rotation: int = 0,
    aspect: Fraction | None = None,
    sound: str | None = None,
    more: Any = None,
    flags: int = 0,
    container: dict[str, str] | None = None,
    last: int = 0,
    speakers: str = "mono",
) -> Path:
    """Write a video.

    Args:
        frames: RGB arrays or frames of ``pix_fmt``.
        pts: in ``time_base``; default 0, 1, 2…
        colour: matrix and range.
        rotation: degrees counter-clockwise that players turn it by.
        sound: an audio codec: half a second of a tone.
        last: how long the last frame is shown, in ``time_base``.
        speakers: the layout of the sound.
        more: called with the container before anything is encoded; returns a function that is
            called with it before its end.
    """
    with av.open(str(path), "w", options=container or {}) as out:
        default = {"crf": "1"} if codec in ("libx264", "libx265") else {}
        if codec == "libx265":
            default["x265-params"] = "log-level=none"
        stream = out.add_stream(codec, rate=25, options=options or default)
        first = frames[0]
        height, width = (
            first.shape[:2]
            if isinstance(first, np.ndarray)
            else (
                first.height,
                first.width,
            )
        )
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, pix_fmt
        context.time_base = time_base
        context.colorspace, context.color_range = colour
        context.color_primaries, context.color_trc = 1, 1
        context.flags |= flags
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        audio = None
        if sound is not None:
            audio = out.add_stream(sound, rate=48000)
            audio.codec_context.layout = speakers
            audio.codec_context.bit_rate = 64000
        end = more(out) if more is not None else None
        if audio is not None:
            n = np.arange(24000)
            tone = (9000 * np.sin(n / 17 * (1 + n / 48000))).astype(np.int16)[None]  # it rises
            played = av.AudioFrame.from_ndarray(tone, "s16", layout="mono")
            played.sample_rate, played.pts = 48000, 0
            out.mux(audio.encode(played))
            out.mux(audio.encode(None))
        coded: list[Any] = []
        for i, given in enumerate(frames):
            frame = given
            if isinstance(given, np.ndarray):
                frame = av.VideoFrame.from_ndarray(given, "rgb24").reformat(
                    format=pix_fmt, dst_colorspace=colour[0], dst_color_range=colour[1]
                )
            frame.pts, frame.time_base = (i if pts is None else pts[i]), time_base
            coded += stream.encode(frame)
        for packet in [*coded, *stream.encode(None)]:
            if last and packet.pts == frame.pts:
                packet.duration = last
            out.mux(packet)
        if end is not None:
            end(out)
    return path


def flat(
    samples: tuple[int, int, int],
    *,
    pix_fmt: str = "yuv420p",
    height: int = HEIGHT,
    width: int = WIDTH,
) -> Any:
    """A frame of one luma and chroma."""
    frame = av.VideoFrame(width, height, pix_fmt)
    kind = np.uint16 if "10" in pix_fmt else np.uint8
    for plane, value in zip(frame.planes, samples, strict=True):
        rows = np.full((plane.height, plane.line_size // kind().itemsize), value, kind)
        plane.update(rows.tobytes())
    return frame


def times(path: Path) -> list[Fraction]:
    """The time stamps of a video's frames in seconds, in the order they are shown."""
    with av.open(str(path)) as made:
        return [f.pts * f.time_base for f in made.decode(video=0)]


def packets(path: Path, kind: str) -> list[tuple[bytes, Fraction]]:
    """The bytes and times of the packets of a kind of stream."""
    with av.open(str(path)) as made:
        streams = [s for s in made.streams if s.type == kind]
        return [(bytes(p), p.pts * p.time_base) for p in made.demux(*streams) if p.size]


def decoded(path: Path, format: str = "rgb24", **how: Any) -> list[NDArray[Any]]:
    """The frames of a video."""
    with av.open(str(path)) as made:
        return [f.to_ndarray(format=format, **how) for f in made.decode(video=0)]
