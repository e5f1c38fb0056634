"""The frames of an animation laid on its canvas, as browsers show them.

Pillow mixes half transparent frames of an APNG wrongly, and keeps a GIF's rule of disposal where
the next frame gives none; so it only decodes each frame, as a file of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.picture import Frame
from srgan.image.pixels import alike


class Disposal(IntEnum):
    """What becomes of a frame's place once the frame has been shown."""

    KEEP = 0
    CLEAR = 1
    RESTORE = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One frame as it lies in the file.

    Attributes:
        data: a file that holds this frame alone.
        left, top: where it stands on the canvas.
        over: laid over what is there; else it replaces that.
        disposal: what becomes of its place.
        played: False for a still beside the animation.
    """

    data: bytes
    left: int = 0
    top: int = 0
    over: bool = False
    disposal: Disposal = Disposal.KEEP
    played: bool = True


Decode = Callable[[bytes], tuple[Frame, str | None]]
"""A still picture file as its frame, and a notice."""


def shown_frames(
    height: int, width: int, parts: Iterable[Part], decode: Decode
) -> Iterator[tuple[Frame, str | None]]:
    """What each frame shows on the whole canvas, and a notice.

    Raises:
        Exception: the decoder's.
    """
    canvas: Frame | None = None
    for part in parts:
        drawn, notice = decode(part.data)
        if not part.played:
            yield drawn, notice
            continue
        disposal = part.disposal
        if canvas is None:
            canvas = _empty(height, width, drawn)
            if disposal is Disposal.RESTORE:
                disposal = Disposal.CLEAR  # nothing was there before
        drawn, canvas = alike([drawn, canvas])
        before = _copy(canvas) if disposal is Disposal.RESTORE else canvas
        _lay(canvas, drawn, part)
        yield _copy(canvas), notice
        canvas = before
        if disposal is Disposal.CLEAR:
            colour, alpha = _place(canvas, drawn, part)
            colour[:], alpha[:] = 0, 0


def _empty(height: int, width: int, like: Frame) -> Frame:
    dtype = like.colour.dtype
    colour = np.zeros((height, width, like.colour.shape[2]), dtype)
    return Frame(colour, np.zeros((height, width), dtype))


def _copy(canvas: Frame) -> Frame:
    assert canvas.alpha is not None
    return Frame(canvas.colour.copy(), canvas.alpha.copy())


def _place(canvas: Frame, drawn: Frame, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
    assert canvas.alpha is not None
    height, width = drawn.colour.shape[:2]
    place = (slice(part.top, part.top + height), slice(part.left, part.left + width))
    return canvas.colour[place], canvas.alpha[place]


def _lay(canvas: Frame, drawn: Frame, part: Part) -> None:
    """Change the canvas where the frame stands; what lies outside of it is cut off."""
    colour, alpha = _place(canvas, drawn, part)
    height, width = alpha.shape
    new = drawn.colour[:height, :width]
    assert drawn.alpha is not None  # made alike to the canvas
    opacity = drawn.alpha[:height, :width]
    most = np.iinfo(alpha.dtype).max
    hidden = (opacity == 0) if part.over else np.zeros((height, width), np.bool_)
    mixed = (opacity > 0) & (opacity < most) & (alpha > 0) if part.over else hidden
    # Half transparent over what is visible: the only place where arithmetic is needed.
    top = opacity[mixed].astype(np.float64)[:, None] / most
    under = alpha[mixed].astype(np.float64)[:, None] / most * (1 - top)
    sums = (new[mixed] * top + colour[mixed] * under) / (top + under)
    opacities = np.rint((top + under)[:, 0] * most)
    plain = ~(hidden | mixed)
    colour[plain], alpha[plain] = new[plain], opacity[plain]
    colour[mixed], alpha[mixed] = np.rint(sums).astype(colour.dtype), opacities.astype(alpha.dtype)
