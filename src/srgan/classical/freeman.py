"""Example-based super-resolution in one pass (Freeman, Jones and Pasztor 2002).

A patch of what the bicubic filter leaves of the details asks the stored examples for the one that
is like it and agrees with the patches already put to its left and above it; the example's own fine
details are added. The examples double a picture; factors beyond are reached by doubling
again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.classical.backprojection import resized
from srgan.classical.luma import LumaUpscaler
from srgan.classical.nearest import Groups
from srgan.classical.patches import high_pass
from srgan.errors import DataRefused
from srgan.image.colour import luma

Float = NDArray[np.float32]

SEEN = 7
"""Side of the patch that asks."""
SIDE = 5
"""Side of the patch that is put in place; neighbours share a row or a column."""
AGREEMENT = 0.1 * SEEN**2 / (2 * SIDE - 1)
"""Weight of the shared pixels, by which both parts of a question count about the same."""
STORED = 200_000
"""Examples at most."""

_STEP = SIDE - 1
_ROUND = (SEEN - SIDE) // 2
_LEAST_CONTRAST = np.float32(4.0 / 255.0)
_SIGMA = 0.7
# The pixels shared with the patch on the left, and then those with the one above.
_SHARED_Y = np.array([*range(SIDE), *[0] * _STEP])
_SHARED_X = np.array([*[0] * SIDE, *range(1, SIDE)])


@dataclass(frozen=True, slots=True)
class Examples:
    """Pairs of equal contrast: ``middle`` (N, 49) asks, ``high`` (N, 25) is the answer."""

    scale: int
    middle: Float
    high: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        return (
            self.middle.ndim == self.high.ndim == 2
            and len(self.middle) == len(self.high) > 0
            and self.middle.shape[1] == SEEN**2
            and self.high.shape[1] == SIDE**2
        )


def fit(
    images: Sequence[NDArray[np.uint8]],
    *,
    scale: int,
    samples: int = STORED,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Examples:
    """Take examples from a folder's pictures.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor that the method will have; the examples are of doubling.
        samples: examples at most. One takes 300 bytes of the file.
        seed: chooses them.
        progress: told the part that is done.

    Raises:
        DataRefused: no picture is large enough for an example.
    """
    draw = np.random.default_rng(seed)
    share = -(-samples // max(1, len(images)))
    middles, highs = [], []
    for number, image in enumerate(images):
        hr = luma(image).astype(np.float32) / np.float32(255.0)
        hr = hr[: len(hr) // 2 * 2, : hr.shape[1] // 2 * 2]
        if min(hr.shape) >= 2 * SEEN:
            enlarged = resized(resized(hr, (len(hr) // 2, hr.shape[1] // 2)), hr.shape)
            # Where LR pixels lie as they lie under the patches of a picture that is enlarged.
            middle = _patches(high_pass(enlarged, _SIGMA), SEEN, 2)
            high = _patches((hr - enlarged)[_ROUND:-_ROUND, _ROUND:-_ROUND], SIDE, 2)
            some = np.sort(draw.choice(len(middle), min(share, len(middle)), replace=False))
            contrast = _contrast(middle[some])
            middles.append(middle[some] / contrast)
            highs.append(high[some] / contrast)
        if progress is not None:
            progress((number + 1) / len(images))
    if not middles:
        raise DataRefused("no training picture is large enough; give pictures of 100x100 or more")
    return Examples(scale, np.concatenate(middles)[:samples], np.concatenate(highs)[:samples])


def upscaler(learned: Examples) -> LumaUpscaler:
    """The method, ready to enlarge; the examples are put in order here, in some seconds."""
    shared = learned.high.reshape(-1, SIDE, SIDE)[:, _SHARED_Y, _SHARED_X]
    groups = Groups(np.hstack([learned.middle, np.float32(AGREEMENT) * shared]))

    def enlarge(y: Float, bicubic: Float) -> Float:
        grown = y
        while len(grown) < len(bicubic):
            enlarged = resized(grown, (2 * len(grown), 2 * grown.shape[1]))
            grown = enlarged + _details(enlarged, learned.high, groups)
        return grown if grown.shape == bicubic.shape else resized(grown, bicubic.shape)

    return LumaUpscaler(learned.scale, enlarge)


def _details(enlarged: Float, high: Float, groups: Groups) -> Float:
    """What a picture lacks, put together from the upper left to the lower right."""
    height, width = enlarged.shape
    rows, columns = (-(-(n - 1) // _STEP) for n in enlarged.shape)
    size = rows * _STEP + 1, columns * _STEP + 1
    room = ((_ROUND, size[0] - height + _ROUND), (_ROUND, size[1] - width + _ROUND))
    middle = _patches(np.pad(high_pass(enlarged, _SIGMA), room, mode="edge"), SEEN, _STEP)
    contrast = _contrast(middle)
    middle = middle / contrast
    found = np.zeros(size, np.float32)
    side_y, side_x = np.divmod(np.arange(SIDE**2), SIDE)
    # A patch needs those on its left and above it, the upper right one too: patches of one
    # `turn` do not touch each other.
    for turn in range(columns + 2 * (rows - 1)):
        y = np.arange(max(0, -(-(turn - columns + 1) // 2)), min(rows, turn // 2 + 1))
        x = turn - 2 * y
        at = y * columns + x
        y, x = _STEP * y[:, None], _STEP * x[:, None]
        shared = found[y + _SHARED_Y, x + _SHARED_X] / contrast[at]
        best, _ = groups.search(np.hstack([middle[at], np.float32(AGREEMENT) * shared]), 1)
        found[y + side_y, x + side_x] = high[best[:, 0]] * contrast[at]
    return found[:height, :width]


def _patches(image: Float, side: int, step: int) -> Float:
    """(N, side²): those that begin at every ``step``-th pixel."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (side, side))[::step, ::step]
    return windows.reshape(-1, side**2)


def _contrast(middle: Float) -> Float:
    """(N, 1), what both parts of an example are divided by."""
    return np.asarray(np.abs(middle).mean(axis=1, keepdims=True) + _LEAST_CONTRAST, np.float32)
