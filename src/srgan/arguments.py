"""What the public functions make of their arguments, and how their errors speak of them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from numbers import Integral, Real
from operator import index
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan.errors import SRGANError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from srgan.image.limits import Limits
    from srgan.inference.upscaler import Upscaler

_FLAG = re.compile(r"(?<!\S)--([a-z]+(?:-[a-z]+)*)(?: (auto|cpu)\b)?(?=[\s,;)]|$)")
_SWITCHES = ("overwrite", "allow_damaged")
_COMMANDS = {"`srgan upscale`": "srgan.upscale", "`srgan video`": "srgan.upscale_video"}


@contextmanager
def told_in_python() -> Iterator[None]:
    """Puts arguments of Python in the place of the command line's flags that an error advises."""
    try:
        yield
    except SRGANError as error:
        error.args = (in_python(str(error)),)
        raise


def in_python(message: str) -> str:
    """A message for the command line as one for a program: ``--tile`` is ``tile``, and so on."""
    for command, function in _COMMANDS.items():
        message = message.replace(command, function)
    return _FLAG.sub(_argument, message)


def _argument(flag: re.Match[str]) -> str:
    name = flag[1].replace("-", "_")
    if name in _SWITCHES:
        return f"{name}=True"
    return name if flag[2] is None else f'{name}="{flag[2]}"'


def path(name: str, value: str | PathLike[str]) -> Path:
    """An argument that is a path, of text or an object, not empty."""
    text = fspath(value) if isinstance(value, str | PathLike) else None
    if not isinstance(text, str):
        raise UsageError(f"{name} is a path, not {_shown(value)}")
    if not text:
        raise UsageError(f"{name} is an empty path; has a variable no value?")
    return Path(text)


def upscaler(value: Upscaler) -> Upscaler:
    """An argument that is an upscaler: callable, with a whole factor."""
    scale = getattr(value, "scale", None)
    if not callable(value) or isinstance(value, type) or scale is None:
        raise UsageError(f"a model is a name, a path or an upscaler, not {type(value).__name__}")
    if not isinstance(scale, Integral) or scale < 1:
        raise UsageError(f"an upscaler's scale is a whole number from 1 on, not {_shown(scale)}")
    return value


def shape(size: tuple[int, int] | None) -> tuple[int, int] | None:
    """(width, height) as (height, width)."""
    if size is None:
        return None
    try:
        width, height = (index(side) for side in size)
    except (TypeError, ValueError):
        raise UsageError(f"size is (width, height) in whole pixels, not {_shown(size)}") from None
    return height, width


def real(name: str, value: object) -> float | None:
    """An argument that is a number, or is left out; text is none."""
    if value is None:
        return None
    if not isinstance(value, Real):
        raise UsageError(f"{name} is a number, not {_shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise UsageError(f"{name} is far too large") from None


def whole(name: str, value: Any) -> int | None:
    """An argument that is a whole number, or is left out."""
    if value is None:
        return None
    try:
        return index(value)
    except TypeError:
        raise UsageError(f"{name} is a whole number, not {_shown(value)}") from None


def switch(name: str, value: object) -> bool:
    """An argument that is true or false: the text "false" would be true."""
    if not isinstance(value, bool):
        import numpy as np

        if not isinstance(value, np.bool_):
            raise UsageError(f"{name} is True or False, not {_shown(value)}")
    return bool(value)


def limits(input_mp: object, output_mp: object, frames: object = None) -> Limits:
    """The limits of a file, for what is given; the usual ones for what is left out."""
    from srgan.image.limits import DEFAULT, Limits

    usual = DEFAULT.input_pixels / 1e6, DEFAULT.output_pixels / 1e6
    given = real("max_input_mp", input_mp), real("max_output_mp", output_mp)
    in_mp, out_mp = (old if new is None else new for old, new in zip(usual, given, strict=True))
    most = whole("max_frames", frames)
    return Limits.in_megapixels(in_mp, out_mp, DEFAULT.frames if most is None else most)


def _shown(value: object) -> str:
    """A value in one short line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
