"""What a result will be: its size, the shape of its pixels, and what it cannot keep."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from srgan.errors import ImageRefused, UsageError
from srgan.image.atomic import shown
from srgan.image.limits import Limits
from srgan.inference.file import Options, wanted_size
from srgan.inference.video.codecs import Codec, Container
from srgan.inference.video.light import is_written
from srgan.inference.video.survey import Survey

_COARSEST = Fraction(20_000)  # MP4's muxer doubles fewer ticks a second until they are 10,000


def size(
    what: Survey, codec: Codec, sizing: Options, limits: Limits
) -> tuple[tuple[int, int], tuple[str, ...]]:
    """The (height, width) of the result and what there is to say of it.

    Raises:
        UsageError: the codec does not take frames so small.
        LimitExceeded: it is too large.
    """
    height, width = wanted_size(*what.upright, sizing)
    if min(height, width) < codec.least:
        raise UsageError(
            f"{codec.name} does not take frames of {width}x{height}, its sides are "
            f"{codec.least} or more; choose another size or --codec"
        )
    told: tuple[str, ...] = ()
    if codec.shallow.startswith("yuv420") and (height % 2 or width % 2):
        even = (height + height % 2, width + width % 2)
        told = (f"{codec.name} wants even sides: {even[1]}x{even[0]} instead of {width}x{height}",)
        height, width = even
    limits.check_output(height, width)
    return (height, width), told


def refuse_too_long(what: Survey, source: Path, kind: Container) -> None:
    """Refuse a frame that is shown for longer than the kind of file can say.

    Raises:
        ImageRefused: there is one.
    """
    seconds, frame = what.longest
    ticks = max(1 / what.time_base, _COARSEST)
    if kind.longest is not None and seconds * ticks > kind.longest:
        raise ImageRefused(
            f"{shown(source)}: damaged, or {kind.title} cannot hold it: frame {frame} is shown for "
            f"{float(seconds / 3600):.1f} hours; if it should be, name an --output of Matroska, "
            ".mkv"
        )


def pixel_aspect(what: Survey, size: tuple[int, int], sizing: Options) -> Fraction:
    """Width of a pixel of the result, (height, width) large, by its height."""
    aspect = 1 / what.pixel_aspect if what.turn.transpose else what.pixel_aspect
    if sizing.size is None or aspect == 1:
        return aspect
    # A size in pixels keeps the shape of the picture as it is shown.
    height, width = what.upright
    return aspect * Fraction(width * size[0], height * size[1])


def losses(what: Survey, kind: Container, codec: Codec) -> tuple[str, ...]:
    """What cannot be kept, one line each."""
    lost = []
    kept = 10 if codec.deep is not None else 8
    if what.depth > kept:
        lost.append(f"{codec.name} is written with {kept} bits: {what.depth} are rounded")
    if what.alpha:
        lost.append(f"{codec.name} is written without opacity: left out")
    if what.light and not is_written(codec.encoder):
        lost.append(
            f"{codec.name} is written without HDR10's data on screen and brightness: left out"
        )
    if what.interlaced:
        lost.append("it is interlaced: whole frames are made of its fields first")
    if kind.tick is not None and (what.grid * kind.tick).denominator != 1:
        lost.append(f"{kind.title} counts time in 1/{kind.tick} s: time stamps are rounded to it")
    return tuple(lost)
