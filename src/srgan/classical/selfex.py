"""Self-similarity (Huang, Singh and Ahuja, CVPR 2015): what a patch lacks is looked for in smaller
versions of the same picture.

The picture grows in steps of a third of an octave. At each step every patch of the blurred
enlargement finds, by PatchMatch (Barnes et al. 2009), a like one in the blurred levels of the
pyramid, moved, turned and scaled; what lies there in the sharp level is copied. Of the paper's
transforms this has similarities; the planes that it finds by vanishing points are left out. The
search is on luma.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.classical.backprojection import back_projected, resized
from srgan.classical.luma import LumaUpscaler
from srgan.classical.pyramid import Pyramid
from srgan.classical.pyramid import patches as patches_around
from srgan.errors import UsageError

Float = NDArray[np.float32]
Index = NDArray[np.int64]

SIDE = 5
MOST_BIAS = 0.25
_LEVELS = {2: (3, 9), 3: (5, 10), 4: (6, 9)}
"""Levels between the result and the input, and between it and the smallest."""
_ROUNDS = (12, 9, 6, 3)
_SIGMA = 3.0
_AT_ONCE = 16384

_REACH = np.arange(SIDE, dtype=np.float32) - SIDE // 2
_DY, _DX = (a.ravel() for a in np.meshgrid(_REACH, _REACH, indexing="ij"))
_WEIGHTS = np.exp(-(_DY**2 + _DX**2) / np.float32(2 * _SIGMA**2))
_WEIGHTS /= _WEIGHTS.sum()


@dataclass(slots=True)
class _Field:
    """For each pixel where its like lies: (N,) row, column, log2 of the scale, angle; the cost."""

    y: Float
    x: Float
    size: Float
    angle: Float
    cost: Float

    def take(self, rows: Index) -> "_Field":
        return _Field(*(getattr(self, n)[rows] for n in ("y", "x", "size", "angle", "cost")))


class _Levels:
    """The pyramid in one piece of memory, sharp and blurred, as one level sees it.

    ``steps`` are the levels' distances, in steps of the pyramid, from the one that is being made.
    """

    def __init__(self, sharp: list[Float], blurred: list[Float], shape: tuple[int, int]) -> None:
        self.sharp = np.concatenate([a.ravel() for a in sharp])
        self.blurred = np.concatenate([a.ravel() for a in blurred])
        self.heights = np.array([len(a) for a in sharp])
        self.widths = np.array([a.shape[1] for a in sharp])
        self.starts = np.cumsum([0, *(a.size for a in sharp[:-1])])
        self.tall = (self.heights / shape[0]).astype(np.float32)
        self.wide = (self.widths / shape[1]).astype(np.float32)
        self.size = -np.log2(self.tall * self.wide) / 2

    def patches(self, values: Float, field: _Field) -> Float:
        """(N, SIDE²): the patch at each position, turned and scaled, by bilinear sampling."""
        level = np.abs(field.size[:, None] - self.size).argmin(axis=1)
        spread = np.exp2(field.size)
        sine, cosine = spread * np.sin(field.angle), spread * np.cos(field.angle)
        y = field.y[:, None] + cosine[:, None] * _DY + sine[:, None] * _DX
        x = field.x[:, None] - sine[:, None] * _DY + cosine[:, None] * _DX
        height, width = self.heights[level][:, None], self.widths[level][:, None]
        y = np.clip((y + 0.5) * self.tall[level][:, None] - 0.5, 0, height - 1.001)
        x = np.clip((x + 0.5) * self.wide[level][:, None] - 0.5, 0, width - 1.001)
        top, left = y.astype(np.int32), x.astype(np.int32)
        y -= top
        x -= left
        at = self.starts[level][:, None] + top * width + left
        above = values[at] * (1 - x) + values[at + 1] * x
        at += width
        below = values[at] * (1 - x) + values[at + 1] * x
        return np.asarray(above * (1 - y) + below * y, np.float32)


def upscaler(scale: int, *, seed: int = 0) -> LumaUpscaler:
    """The method, ready to enlarge; it learns from nothing but the picture.

    Args:
        scale: the factor of a call, 2, 3 or 4.
        seed: of the random search; the same seed gives the same result.

    Raises:
        UsageError: another factor.
    """
    if scale not in _LEVELS:
        raise UsageError(f"selfex enlarges 2, 3 or 4 times, not {scale}")
    steps, deepest = _LEVELS[scale]

    def enlarge(y: Float, bicubic: Float) -> Float:
        pyramid = Pyramid(y, (bicubic.shape[0], bicubic.shape[1]), steps, deepest)
        if pyramid.deepest < steps + 2:
            return bicubic
        draw = np.random.default_rng(seed)
        sharp, blurred = pyramid.sharp, pyramid.blurred
        field: _Field | None = None
        for level in range(steps - 1, -1, -1):
            target = resized(sharp[level + 1], pyramid.shape(level))
            below = range(level + 1, pyramid.deepest)
            levels = _Levels([sharp[i] for i in below], [blurred[i] for i in below], target.shape)
            field = _carried(field, pyramid.shape(level + 1), target.shape)
            rounds = _ROUNDS[min(steps - 1 - level, len(_ROUNDS) - 1)]
            match(target, levels, field, rounds, draw)
            sharp[level] = back_projected(_copied(target, levels, field), y)
            blurred[level] = target
        return sharp[0]

    return LumaUpscaler(scale, enlarge)


def match(
    target: Float, levels: _Levels, field: _Field, rounds: int, draw: np.random.Generator
) -> None:
    """Improve a field in place: each pixel tries what its neighbours found, then what chance gives.

    Args:
        target: (H, W) the blurred enlargement.
        levels: where to look.
        field: of H * W pixels.
        rounds: of both.
        draw: the random numbers.
    """
    height, width = target.shape
    patches = _patches(target)
    low, high = float(levels.size.min()), float(levels.size.max())
    number = np.arange(height * width)
    rows, columns = number // width, number % width

    def settle(part: slice, tried: _Field) -> None:
        np.clip(tried.y, 0, height - 1, out=tried.y)
        np.clip(tried.x, 0, width - 1, out=tried.x)
        np.clip(tried.size, low, high, out=tried.size)
        tried.cost, _ = _compare(patches[part], levels.patches(levels.blurred, tried))
        better = tried.cost < field.cost[part]
        for name in ("y", "x", "size", "angle", "cost"):
            getattr(field, name)[part][better] = getattr(tried, name)[better]

    parts = [slice(a, a + _AT_ONCE) for a in range(0, len(number), _AT_ONCE)]
    for part in parts:
        field.cost[part] = np.inf
        settle(part, field.take(number[part]))
    for turn in range(1, rounds + 1):
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            for part in parts:
                beside = np.clip(rows[part] - dy, 0, height - 1) * width
                beside += np.clip(columns[part] - dx, 0, width - 1)
                tried = field.take(beside)
                spread = np.exp2(tried.size)
                sine, cosine = spread * np.sin(tried.angle), spread * np.cos(tried.angle)
                tried.y += cosine * np.float32(dy) + sine * np.float32(dx)
                tried.x += cosine * np.float32(dx) - sine * np.float32(dy)
                settle(part, tried)
        radius = max(height, width) / 2
        while radius > 1:
            for part in parts:
                tried = field.take(number[part])
                chance = draw.uniform(-1, 1, (4, len(tried.y))).astype(np.float32)
                tried.y += np.float32(radius) * chance[0]
                tried.x += np.float32(radius) * chance[1]
                tried.size += chance[2] / np.float32(turn)
                tried.angle += np.float32(np.pi / 4 / turn) * chance[3]
                settle(part, tried)
            radius /= 2


def _copied(target: Float, levels: _Levels, field: _Field) -> Float:
    """The mean of what all patches say of a pixel, each with its own brightness."""
    height, width = target.shape
    patches = _patches(target)
    edge = SIDE // 2
    total = np.zeros((height + 2 * edge, width + 2 * edge), np.float32)
    count = np.zeros_like(total)
    found = np.empty_like(patches)
    for start in range(0, len(patches), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(patches)))
        part = field.take(rows)
        _, bias = _compare(patches[rows], levels.patches(levels.blurred, part))
        found[rows] = levels.patches(levels.sharp, part) + bias[:, None]
    for k, weight in enumerate(_WEIGHTS):
        y, x = divmod(k, SIDE)
        total[y : y + height, x : x + width] += weight * found[:, k].reshape(height, width)
        count[y : y + height, x : x + width] += weight
    return np.asarray((total / count)[edge : edge + height, edge : edge + width], np.float32)


def _compare(wanted: Float, found: Float) -> tuple[Float, Float]:
    """The weighted squared distance without what brightness explains, and that brightness."""
    difference = wanted - found
    bias = np.clip(difference @ _WEIGHTS, -MOST_BIAS, MOST_BIAS)
    difference -= bias[:, None]
    return np.asarray(np.square(difference) @ _WEIGHTS, np.float32), bias


def _patches(image: Float) -> Float:
    return np.ascontiguousarray(patches_around(image, SIDE).reshape(-1, SIDE * SIDE))


def _carried(field: _Field | None, before: tuple[int, int], shape: tuple[int, int]) -> _Field:
    """The field of the level before, for more pixels; at first in place at half the size."""
    height, width = shape
    y, x = (a.ravel().astype(np.float32) for a in np.mgrid[:height, :width])
    if field is None:
        return _Field(y, x, np.ones_like(y), np.zeros_like(y), np.zeros_like(y))
    tall, wide = height / before[0], width / before[1]
    rows = np.minimum((y + 0.5) / tall, before[0] - 1).astype(np.int64)
    columns = np.minimum((x + 0.5) / wide, before[1] - 1).astype(np.int64)
    carried = field.take(rows * before[1] + columns)
    # What lay beside a pixel lies beside it still, as far as the picture has grown.
    carried.y = (carried.y - rows) * np.float32(tall) + y
    carried.x = (carried.x - columns) * np.float32(wide) + x
    return carried
