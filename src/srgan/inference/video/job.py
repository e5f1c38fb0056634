"""One video in, one video out: what the command line and ``srgan.upscale_video`` do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import Cancelled, OutputFailed, UsageError
from srgan.image.atomic import atomic_file, refuse_existing, shown, sweep
from srgan.image.limits import Limits
from srgan.image.opening import text_of
from srgan.inference.file import Options, size_mark, wanted_size
from srgan.inference.upscale import upscale_array
from srgan.inference.upscaler import Upscaler
from srgan.inference.video import plan
from srgan.inference.video.codecs import (
    CODECS,
    CONTAINERS,
    FALLBACK,
    codec_for,
    container_for,
)
from srgan.inference.video.library import library
from srgan.inference.video.shots import Shot, Step, steps
from srgan.inference.video.source import opened
from srgan.inference.video.survey import survey
from srgan.inference.video.threads import ahead, behind
from srgan.inference.video.writer import Writer

_HELD = 2


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """What is wanted of a video.

    Attributes:
        scale, size, long_edge: at most one; as in :class:`srgan.inference.file.Options`.
        codec: a name of :data:`srgan.inference.video.codecs.CODECS`; by default the container's,
            and of more than 8 bits hevc in place of h264.
        crf: the encoder's constant rate factor, lower for better.
        overwrite: replace a result that exists.
        allow_damaged: take what a damaged file still holds.
        threads: of the decoder and encoder; by default as they like.
        limits: for a single frame.
    """

    scale: float | None = None
    size: tuple[int, int] | None = None
    long_edge: int | None = None
    codec: str | None = None
    crf: int | None = None
    overwrite: bool = False
    allow_damaged: bool = False
    threads: int | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def sizing(self) -> Options:
        """The part that pictures have as well."""
        return Options(scale=self.scale, size=self.size, long_edge=self.long_edge)


@dataclass(frozen=True, slots=True)
class VideoDone:
    """What became of a video. Sizes are (height, width), upright.

    Attributes:
        frames: of the result.
        reused: of them, how many were like the one before and not computed again.
        codec: of the result.
        seconds: of all the work.
    """

    source: Path
    target: Path
    size_in: tuple[int, int]
    size_out: tuple[int, int]
    frames: int
    reused: int
    codec: str
    seconds: float
    notices: tuple[str, ...]


def default_output(source: Path, options: VideoOptions, folder: Path | None = None) -> Path:
    """Beside the source: ``clip.mp4`` → ``clip_x4.mp4``; ``.mkv`` where its kind is not written."""
    written = any(source.suffix.lower() in container.suffixes for container in CONTAINERS)
    name = f"{source.stem}_{size_mark(options.sizing)}{source.suffix if written else FALLBACK}"
    return (folder or source.parent) / name


def upscale_video(
    source: Path,
    target: Path,
    upscaler: Upscaler,
    options: VideoOptions,
    *,
    looked: Callable[[float], None] | None = None,
    progress: Callable[[float, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> VideoDone:
    """Enlarge a video file; the result appears under its name whole or not at all.

    The file is looked through first. Then frames stream from the decoder to the encoder, each on
    a thread of its own; those in memory are few, and fewer the larger they are. Every
    frame keeps its time stamp; sound, subtitles and all else are copied as they are, or recoded
    where the target does not take them.

    Args:
        source: the video.
        target: the result; its suffix says which kind of file.
        upscaler: as :func:`srgan.inference.open.load` gives it.
        options: what is wanted.
        looked: told the fraction of the first look, 0 to 1.
        progress: told the frames done, with fractions, and how many there are.
        cancelled: asked before each tile.

    Raises:
        ImageRefused: the source is no video that can be read, or changes meanwhile.
        LimitExceeded: a frame or its result is too large.
        OutputFailed: the target exists, or cannot be written.
        UsageError: the size or codec asked for has no meaning; PyAV is not installed.
        Cancelled: ``cancelled`` said so.
    """
    start = time.monotonic()
    library()
    kind = container_for(target)
    codec_for(kind, options.codec, options.crf)  # what is wrong with them is said at once
    refuse_existing(target, overwrite=options.overwrite)
    if target.exists() and target.samefile(source):
        raise UsageError(f"{shown(target)} is the video itself; choose another --output")
    what = survey(
        source,
        limits=options.limits,
        allow_damaged=options.allow_damaged,
        threads=options.threads,
        progress=looked,
        cancelled=cancelled,
    )
    deep = (
        what.depth > 8 and min(wanted_size(*what.upright, options.sizing)) >= CODECS["hevc"].least
    )
    codec, crf = codec_for(kind, options.codec, options.crf, deep=deep)
    plan.refuse_too_long(what, source, kind)
    size, told = plan.size(what, codec, options.sizing, options.limits)
    notices = [*what.notices, *told, *plan.losses(what, kind, codec)]
    enlarge = _Enlarger(upscaler, size, what.frames, progress, cancelled)
    sweep(target.parent)  # what a killed run left half written
    with opened(source) as container, atomic_file(target, overwrite=options.overwrite) as file:
        with _writing(target):
            writer = Writer(
                file,
                kind,
                codec,
                crf,
                source=container,
                what=what,
                height=size[0],
                width=size[1],
                pixel_aspect=plan.pixel_aspect(what, size, options.sizing),
                threads=options.threads,
            )

        def write(made: tuple[list[Any], NDArray[Any] | None, Shot | None]) -> None:
            packets, pixels, shot = made
            with _writing(target):
                writer.copy(packets)
                if shot is not None and pixels is not None:
                    writer.frame(pixels, shot.pts, shot.duration)

        reading = steps(container, what, threads=options.threads)
        with behind(write, held=_HELD) as put, ahead(reading, held=_HELD) as shots:
            for step in shots:
                put((step.packets, enlarge(step), step.shot))
        with _writing(target):
            writer.finish()
    if enlarge.done != what.frames:  # of a damaged one, or it would have been refused
        notices.append(f"damaged: {enlarge.done} of {what.frames} frames could be read again")
    return VideoDone(
        source=source,
        target=target,
        size_in=what.upright,
        size_out=size,
        frames=enlarge.done,
        reused=enlarge.reused,
        codec=codec.name,
        seconds=time.monotonic() - start,
        notices=(*notices, *writer.notices),
    )


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Whatever FFmpeg raises inside the block is of the result."""
    try:
        yield
    except library().FFmpegError as error:
        reason = text_of(Exception(error.strerror or error))
        raise OutputFailed(
            f"{shown(target)}: cannot be written ({reason}); try another kind of file or --codec"
        ) from error


class _Enlarger:
    """Enlarges one frame after the other; one that is like the last is not computed again."""

    def __init__(
        self,
        upscaler: Upscaler,
        size: tuple[int, int],
        frames: int,
        progress: Callable[[float, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._upscaler, self._size, self._frames = upscaler, size, frames
        self._tell = progress or (lambda done, frames: None)
        self._cancelled = cancelled or (lambda: False)
        self._last: tuple[NDArray[Any], NDArray[Any]] | None = None
        self.done = self.reused = 0

    def __call__(self, step: Step) -> NDArray[Any] | None:
        """The step's frame, enlarged."""
        if self._cancelled():
            raise Cancelled("cancelled")
        if step.shot is None:
            return None
        pixels = step.shot.pixels
        if self._last is not None and np.array_equal(self._last[0], pixels):
            self.reused += 1
        else:
            self._last = (
                pixels,
                upscale_array(
                    pixels,
                    self._upscaler,
                    size=self._size,
                    progress=lambda fraction: self._tell(self.done + fraction, self._frames),
                    cancelled=self._cancelled,
                ),
            )
        self.done += 1
        self._tell(self.done, self._frames)
        return self._last[1]
