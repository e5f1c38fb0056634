"""One file in, one file out: what the command line, folder jobs and clusters do with a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from srgan.errors import UsageError
from srgan.image.atomic import refuse_existing, shown
from srgan.image.files import (
    FORMATS,
    format_for,
    losses,
    open_writer,
    probe,
    read_picture,
    write_picture,
)
from srgan.image.fit import frames_held, sizes_held
from srgan.image.limits import Limits
from srgan.image.picture import Picture
from srgan.inference.upscale import frame_strips, like_first, target_size, upscale_picture
from srgan.inference.upscaler import Upscaler

DEFAULT_SCALE = 4.0


@dataclass(frozen=True, slots=True)
class Options:
    """What is wanted of each picture.

    At most one of ``scale``, ``size`` (height, width) and ``long_edge``; without any, 4 times.
    """

    scale: float | None = None
    size: tuple[int, int] | None = None
    long_edge: int | None = None
    format: str | None = None
    quality: int | None = None
    strip: bool = False
    overwrite: bool = False
    consistent: bool = False
    allow_damaged: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def factor(self) -> float | None:
        """``scale``, or 4 where no size is asked for either."""
        asked = (self.scale, self.size, self.long_edge)
        return DEFAULT_SCALE if asked == (None, None, None) else self.scale


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one file. Sizes are (height, width); ``seconds`` is all the work on it."""

    source: Path
    target: Path
    size_in: tuple[int, int]
    size_out: tuple[int, int]
    frames: int
    seconds: float
    notices: tuple[str, ...]


def size_mark(options: Options) -> str:
    """The size that is asked for as a part of a name: ``x4``, ``1920x1080`` or ``2048px``."""
    if options.size is not None:
        return f"{options.size[1]}x{options.size[0]}"
    if options.long_edge is not None:
        return f"{options.long_edge}px"
    return f"x{options.factor:g}"


def default_output(source: Path, options: Options, folder: Path | None = None) -> Path:
    """Where the result goes when nobody says: beside the source, ``photo.jpg`` → ``photo_x4.jpg``.

    Raises:
        UsageError: ``options.format`` is not one that can be written.
    """
    if options.format is not None:
        suffix = format_for(options.format).suffixes[0]
    else:
        suffix = source.suffix if known_suffix(source) else ".png"
    return (folder or source.parent) / f"{source.stem}_{size_mark(options)}{suffix}"


def known_suffix(path: Path) -> bool:
    """Whether a name ends as those of some format do."""
    return any(path.suffix.lower() in f.suffixes for f in FORMATS.values())


def wanted_size(height: int, width: int, options: Options) -> tuple[int, int]:
    """The (height, width) that the options ask for of a picture.

    Raises:
        UsageError: more than one is asked for, or the size does not enlarge the picture.
    """
    return target_size(
        height, width, scale=options.factor, size=options.size, long_edge=options.long_edge
    )


def upscale_file(
    source: Path,
    target: Path,
    upscaler: Upscaler,
    options: Options,
    *,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Done:
    """Enlarge one picture file; the result appears under its name whole or not at all.

    Raises:
        ImageRefused: the source is no picture that can be read.
        LimitExceeded: the picture or its result is too large.
        OutputFailed: the target exists, or cannot be written.
        UsageError: the size asked for has no meaning.
    """
    start = time.monotonic()
    refuse_existing(target, overwrite=options.overwrite)
    kind = options.format or format_for(target).name
    if target.suffix.lower() not in format_for(kind).suffixes and known_suffix(target):
        raise UsageError(
            f"{shown(target)} is a name of another format than --format {kind}; give one of both"
        )
    info = probe(source, limits=options.limits)
    size = wanted_size(info.height, info.width, options)
    first = (info.height, info.width)
    held = sizes_held(info.sizes, format_for(kind))
    options.limits.check_output_pages([like_first(s, first, size) for s in held])
    picture = read_picture(source, limits=options.limits, allow_damaged=options.allow_damaged)
    lost = losses(picture, kind, strip=options.strip)
    frames = write_enlarged(
        picture, target, upscaler, options, size=size, progress=progress, cancelled=cancelled
    )
    return Done(
        source=source,
        target=target,
        size_in=(picture.height, picture.width),
        size_out=size,
        frames=frames,
        seconds=time.monotonic() - start,
        notices=(*picture.notices, *lost),
    )


def write_enlarged(
    picture: Picture,
    target: Path,
    upscaler: Upscaler,
    options: Options,
    *,
    size: tuple[int, int],
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> int:
    """Enlarge a picture to (height, width) into a file; how many frames the file holds.

    A still picture is written in strips while it is computed, so memory does not grow with it.

    Raises:
        Cancelled: ``cancelled`` said so.
        OutputFailed: the target exists, or cannot be written.
        RuntimeFailed: the network could not be run.
    """
    picture = frames_held(picture, format_for(options.format or target))
    if len(picture.frames) > 1 or options.consistent:
        result = upscale_picture(
            picture,
            upscaler,
            size=size,
            progress=progress,
            cancelled=cancelled,
            consistent=options.consistent,
        )
        write_picture(
            result,
            target,
            format=options.format,
            quality=options.quality,
            strip=options.strip,
            overwrite=options.overwrite,
        )
        return len(picture.frames)
    frame = picture.frames[0]
    strips = frame_strips(frame, upscaler, size=size, progress=progress, cancelled=cancelled)
    with open_writer(
        target,
        height=size[0],
        width=size[1],
        channels=frame.colour.shape[2],
        alpha=frame.alpha is not None,
        bit_depth=picture.bit_depth,
        metadata=picture.metadata,
        format=options.format,
        quality=options.quality,
        strip=options.strip,
        overwrite=options.overwrite,
    ) as writer:
        for rows in strips:
            writer.write(rows)
    return 1
