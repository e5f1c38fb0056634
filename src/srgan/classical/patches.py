"""Patches and features of the dictionary methods (Zeyde et al. 2010; Timofte et al. 2013, 2014).

A picture is enlarged by the bicubic filter. Patches of 3x3 LR pixels (``3 * scale`` samples
square) are described by first and second derivatives, which a principal component analysis
shortens; what is learned is the patch of what the enlargement lacks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.errors import DataRefused
from srgan.image.colour import luma
from srgan.image.resize import imresize

Float = NDArray[np.float32]
Index = NDArray[np.int64]

ENERGY = 0.999
"""The part of the features' energy that the principal components keep."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where patches begin: a picture of (height, width), ``step`` LR pixels apart."""

    height: int
    width: int
    scale: int
    step: int = 1

    @property
    def size(self) -> int:
        """Side of a patch."""
        return 3 * self.scale

    @property
    def counts(self) -> tuple[int, int]:
        """Patches down and across; a border of one LR pixel has none."""
        stride = self.step * self.scale
        down, across = (
            max(0, (n - 2 * self.scale - self.size) // stride + 1)
            for n in (self.height, self.width)
        )
        return down, across

    def gather(self, image: Float) -> Float:
        """(height, width) → (patches, size²)."""
        down, across = self.counts
        stride = self.step * self.scale
        windows = np.lib.stride_tricks.sliding_window_view(image, (self.size, self.size))
        picked = windows[self.scale :: stride, self.scale :: stride][:down, :across]
        return picked.reshape(down * across, self.size**2)

    def average(self, patches: Float) -> Float:
        """(patches, size²) → (height, width): the mean where patches overlap, 0 where none is."""
        cells = patches.reshape(*self.counts, self.size, self.size)
        shape = self.height, self.width
        return overlapped(cells, shape, first=self.scale, step=self.step * self.scale)


def overlapped(cells: Float, shape: tuple[int, int], *, first: int = 0, step: int) -> Float:
    """(down, across, side, side) patches → ``shape``: the mean where they overlap, else 0.

    Args:
        first: the row and column where the first patch begins.
        step: pixels from one to the next.
    """
    total = np.zeros(shape, np.float32)
    count = np.zeros_like(total)
    down, across, height, width = cells.shape
    for y in range(first, first + height):
        rows = slice(y, y + step * (down - 1) + 1, step)
        for x in range(first, first + width):
            columns = slice(x, x + step * (across - 1) + 1, step)
            total[rows, columns] += cells[:, :, y - first, x - first]
            count[rows, columns] += 1.0
    return np.asarray(total / np.maximum(count, 1.0), np.float32)


def drawn(shape: tuple[int, ...], most: int, draw: np.random.Generator) -> tuple[Index, Index]:
    """Rows and columns of at most so many of the places of a (height, width), none twice."""
    count = shape[0] * shape[1]
    rows, columns = np.divmod(draw.choice(count, min(most, count), replace=False), shape[1])
    return rows, columns


def features(enlarged: Float, grid: Grid) -> Float:
    """Derivatives of the bicubic enlargement: (height, width) → (patches, 4 * size²)."""
    gap = [0.0] * (grid.scale - 1)
    first = np.array([1.0, *gap, -1.0], np.float32)
    second = np.array([0.5, *gap, -1.0, *gap, 0.5], np.float32)
    maps = [_convolve(enlarged, kernel, axis) for kernel in (first, second) for axis in (1, 0)]
    return np.concatenate([grid.gather(m) for m in maps], axis=1)


def high_pass(image: Float, sigma: float) -> Float:
    """The picture without its lowest frequencies, those of a Gaussian."""
    reach = round(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1, dtype=np.float32) / sigma) ** 2)
    kernel /= kernel.sum()
    low = np.pad(image, reach, mode="edge")
    for axis in (0, 1):
        low = np.lib.stride_tricks.sliding_window_view(low, len(kernel), axis=axis) @ kernel
    return np.asarray(image - low, np.float32)


def by_patches(scale: int, components: Float, missing_of: Callable[[Float], Float]) -> LumaUpscaler:
    """An upscaler that adds to the bicubic enlargement what its patches lack.

    Args:
        scale: the factor.
        components: (4 * size², d), which shorten the features.
        missing_of: (N, d) shortened features → (N, size²) what is missing.
    """

    def enlarge(_: Float, bicubic: Float) -> Float:
        height, width = bicubic.shape
        grid = Grid(height, width, scale)
        if min(grid.counts) == 0:
            return bicubic
        return bicubic + grid.average(missing_of(features(bicubic, grid) @ components))

    return LumaUpscaler(scale, enlarge)


def _convolve(image: Float, kernel: Float, axis: int) -> Float:
    """MATLAB's ``conv2(..., 'same')`` along one axis: centre ``len // 2``, zeros outside."""
    centre, n = len(kernel) // 2, image.shape[axis]
    pad = [(0, 0), (0, 0)]
    pad[axis] = (len(kernel), len(kernel))
    padded = np.pad(image, pad)
    out = np.zeros_like(image)
    for k, weight in enumerate(kernel):
        if weight:
            start = len(kernel) + centre - k
            part = padded[start : start + n] if axis == 0 else padded[:, start : start + n]
            out += weight * part
    return out


@dataclass(frozen=True, slots=True)
class Pairs:
    """Training material: raw features (N, 4 * size²) and what is missing (N, size²)."""

    features: Float
    missing: Float


def pairs(
    images: Iterable[NDArray[np.uint8]], *, scale: int, step: int, shrink: int = 1
) -> Iterator[Pairs]:
    """Pairs of each training picture and of ``shrink - 1`` copies, each 0.98 times as large.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor to be learned.
        step: LR pixels between patches; 1 gives all.
        shrink: sizes of each picture that are used.
    """
    for image in images:
        y = luma(image).astype(np.float32) / np.float32(255.0)
        for power in range(shrink):
            hr = y if power == 0 else np.asarray(imresize(y, scale=0.98**power), np.float32)
            height, width = (n // scale * scale for n in hr.shape)
            grid = Grid(height, width, scale, step)
            if min(grid.counts) == 0:
                continue
            hr = hr[:height, :width]
            lr = imresize(hr, scale=1.0 / scale)
            enlarged = np.asarray(imresize(lr, scale=scale), np.float32)
            yield Pairs(features(enlarged, grid), grid.gather(hr - enlarged))


def principal_components(parts: list[Pairs]) -> Float:
    """(4 * size², d): the fewest directions that keep :data:`ENERGY` of the features.

    Raises:
        DataRefused: there is nothing to learn from.
    """
    if not parts:
        raise DataRefused("no training picture is large enough; give pictures of 100x100 or more")
    length = parts[0].features.shape[1]
    scatter = np.zeros((length, length))
    for part in parts:
        scatter += (part.features.T @ part.features).astype(np.float64)
    values, vectors = np.linalg.eigh(scatter)
    values, vectors = values[::-1], vectors[:, ::-1]
    share = np.cumsum(values) / values.sum()
    keep = int(np.searchsorted(share, ENERGY)) + 1
    return np.ascontiguousarray(vectors[:, :keep], np.float32)


def samples_of(
    images: Sequence[NDArray[np.uint8]],
    components: Float,
    *,
    scale: int,
    shrink: int,
    most: int,
    seed: int,
) -> tuple[Float, Float]:
    """Shortened features (N, d) and what is missing (N, size²) of all patches, or of ``most``.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        components: from :func:`principal_components`.
        scale: the factor to be learned.
        shrink: sizes of each picture that are used, as in :func:`pairs`.
        most: patches at most; no others are held in memory.
        seed: chooses them when there are more.

    Raises:
        DataRefused: there is nothing to learn from.
    """
    total = 0
    for image in images:
        for power in range(shrink):
            height, width = (ceil(0.98**power * n) // scale * scale for n in image.shape[:2])
            down, across = Grid(height, width, scale).counts
            total += down * across
    if total == 0:
        raise DataRefused("no training picture is large enough; give pictures of 100x100 or more")
    keep = np.arange(total)
    if total > most:
        keep = np.sort(np.random.default_rng(seed).choice(total, most, replace=False))
    codes = np.empty((len(keep), components.shape[1]), np.float32)
    missing = np.empty((len(keep), (3 * scale) ** 2), np.float32)
    start = 0
    for part in pairs(images, scale=scale, step=1, shrink=shrink):
        first, last = np.searchsorted(keep, (start, start + len(part.missing)))
        rows = keep[first:last] - start
        codes[first:last] = (part.features @ components)[rows]
        missing[first:last] = part.missing[rows]
        start += len(part.missing)
    return codes, missing


def equalise(codes: Float, *others: Float) -> None:
    """Divide all, in place, by the features' length: a weak patch counts like a strong one."""
    length = np.linalg.norm(codes, axis=1, keepdims=True)
    # A nearly flat patch keeps its length: its direction is noise.
    length[length < 0.1] = 1.0
    for values in (codes, *others):
        values /= length
