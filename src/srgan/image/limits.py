"""Limits that protect the machine, checked from a file's header before anything is decoded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from srgan.errors import LimitExceeded, UsageError

_MEGA = 1_000_000

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest work that is accepted; each has a flag on the command line.

    Attributes:
        input_pixels: of an input, all frames together (``--max-input-mp``).
        output_pixels: of a result, all frames together (``--max-output-mp``).
        frames: of an animation or pages of a TIFF (``--max-frames``).
    """

    input_pixels: int = 64_000_000
    output_pixels: int = 1_200_000_000
    frames: int = 300

    @classmethod
    def in_megapixels(cls, input_mp: float, output_mp: float, frames: int = 300) -> "Limits":
        """Limits as the command line takes them.

        Raises:
            UsageError: a figure is no number of megapixels.
        """
        for flag, figure in (("--max-input-mp", input_mp), ("--max-output-mp", output_mp)):
            if not 0.0 < figure < math.inf:
                raise UsageError(f"{flag} must be a number of megapixels above 0, not {figure:g}")
        return cls(int(input_mp * _MEGA), int(output_mp * _MEGA), frames)

    def check_input(self, height: int, width: int, frames: int = 1) -> None:
        """Refuse an input of too many pixels or frames.

        Raises:
            LimitExceeded: the message names the limit's flag.
        """
        self.check_input_pages([(height, width)] * min(frames, self.frames + 1))

    def check_input_pages(self, sizes: Sequence[Size]) -> None:
        """The same of frames or pages, each of its own size.

        Raises:
            LimitExceeded: the message names the limit's flag.
        """
        if len(sizes) > self.frames:
            raise LimitExceeded(
                f"more frames or pages than {self.frames}; raise --max-frames to accept it"
            )
        pixels = area(sizes)
        if pixels > self.input_pixels:
            raise LimitExceeded(
                f"{_named(sizes)} is {_mega(pixels)} MP, more than the input "
                f"limit of {_mega(self.input_pixels)}; raise --max-input-mp to accept it"
            )

    def check_output(self, height: int, width: int, frames: int = 1) -> None:
        """Refuse a result of too many pixels.

        Raises:
            LimitExceeded: the message names the limit's flag.
        """
        self.check_output_pages([(height, width)] * frames)

    def check_output_pages(self, sizes: Sequence[Size]) -> None:
        """The same of frames or pages, each of its own size.

        Raises:
            LimitExceeded: the message names the limit's flag.
        """
        pixels = area(sizes)
        if pixels > self.output_pixels:
            raise LimitExceeded(
                f"the result of {_named(sizes)} would be {_mega(pixels)} MP, more "
                f"than the output limit of {_mega(self.output_pixels)}; "
                "choose a smaller size or raise --max-output-mp"
            )


DEFAULT = Limits()
"""What is accepted where nothing is said."""


def area(sizes: Sequence[Size]) -> int:
    """The pixels of frames of these sizes, all together."""
    return sum(height * width for height, width in sizes)


def _named(sizes: Sequence[Size]) -> str:
    height, width = max(sizes, key=lambda size: size[0] * size[1])
    if area(sizes) < len(sizes) * height * width:
        return f"{len(sizes)} pages of up to {width}x{height}"
    return f"{width}x{height}" + (f" x {len(sizes)} frames" if len(sizes) > 1 else "")


def _mega(pixels: int) -> str:
    # Never the same figure on both sides of "more than": one pixel over is shown as such.
    exact = f"{pixels / _MEGA:.6f}".rstrip("0").rstrip(".")
    return exact if pixels < _MEGA * 10_000 else f"{pixels // _MEGA}"
