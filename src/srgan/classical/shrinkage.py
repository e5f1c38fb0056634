"""Iterative shrinkage with sub-dictionaries: the solver of ASDS (Dong et al. 2011) and its kin.

A step towards a picture that shrinks to the LR picture, pixels that their neighbours tell and
that pixels alike agree with; then each patch is said in the basis of its cluster, where small
coefficients become nothing. The steps have momentum, which the papers' hundreds of rounds have not.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.classical.patches import overlapped
from srgan.classical.subspaces import NEIGHBOURS, SIDE, Subspaces, high
from srgan.image.resize import imresize

Float = NDArray[np.float32]
Index = NDArray[np.int64]

ROUNDS = 3
"""How often clusters and pixels alike are found anew."""
STEPS = 12
"""Steps in each round."""
THRESHOLD = np.float32(2e-4)
MODELLED = np.float32(0.05)
"""What the neighbours' word counts."""
ALIKE = np.float32(0.1)
"""What the word of pixels alike counts."""

_STEP = 2
_MOMENTUM = np.float32(0.85)
_ENOUGH = np.float32(0.01)
_FIRST = 6
_REACH = 6
_COUNT = 10
_UNLIKE = np.float32(0.04)


@dataclass(frozen=True, slots=True)
class Grid:
    """Patches of a picture of (height, width) about every ``step``-th pixel, the edge repeated."""

    height: int
    width: int
    step: int = _STEP

    @property
    def counts(self) -> tuple[int, int]:
        """Patches down and across."""
        return -(-self.height // self.step), -(-self.width // self.step)

    @property
    def _size(self) -> tuple[int, int]:
        down, across = self.counts
        return self.step * down + SIDE, self.step * across + SIDE

    def padded(self, image: Float, reach: int = 0) -> Float:
        """The picture with room for all patches, and for those ``reach`` pixels away."""
        left = SIDE // 2 + reach
        room = [
            (left, size - n - SIDE // 2 + reach)
            for size, n in zip(self._size, image.shape, strict=True)
        ]
        return np.pad(image, room, mode="edge")

    def gather(self, image: Float) -> Float:
        """(height, width) → (patches, SIDE²)."""
        windows = np.lib.stride_tricks.sliding_window_view(self.padded(image), (SIDE, SIDE))
        down, across = self.counts
        return windows[:: self.step, :: self.step][:down, :across].reshape(-1, SIDE**2)

    def average(self, patches: Float) -> Float:
        """(patches, SIDE²) → (height, width)."""
        cells = patches.reshape(*self.counts, SIDE, SIDE)
        mean = overlapped(cells, self._size, step=self.step)
        return mean[SIDE // 2 : SIDE // 2 + self.height, SIDE // 2 : SIDE // 2 + self.width]

    def rows(self, first: int) -> slice:
        """Every ``step``-th row from the ``first``, one for each patch down."""
        return slice(first, first + self.step * self.counts[0], self.step)

    def columns(self, first: int) -> slice:
        """The same of columns."""
        return slice(first, first + self.step * self.counts[1], self.step)

    def spread(self, values: Float) -> Float:
        """(patches, ...) → (height, width, ...): each pixel has what its patch has."""
        grown = values.reshape(*self.counts, *values.shape[1:])
        grown = np.repeat(np.repeat(grown, self.step, axis=0), self.step, axis=1)
        return grown[: self.height, : self.width]


class Shrinking:
    """MATLAB's bicubic downscale to (h, w) as a linear map of a picture of (height, width)."""

    def __init__(self, lr: tuple[int, ...], hr: tuple[int, ...]) -> None:
        self._rows, self._columns = (
            np.asarray(imresize(np.eye(n), size=(m, n)), np.float32)
            for m, n in zip(lr, hr, strict=True)
        )
        norm = np.linalg.norm(self._rows, 2) * np.linalg.norm(self._columns, 2)
        self._pace = np.float32(1 / norm**2)

    def __call__(self, image: Float) -> Float:
        """(height, width) → (h, w)."""
        return np.asarray(self._rows @ image @ self._columns.T, np.float32)

    def adjoint(self, image: Float) -> Float:
        """(h, w) → (height, width)."""
        return np.asarray(self._rows.T @ image @ self._columns, np.float32)

    def step(self, image: Float, lr: Float) -> Float:
        """The longest step down the gradient of |lr - H image|²/2 that cannot go too far."""
        return self._pace * self.adjoint(lr - self(image))


def solve(
    lr: Float,
    start: Float,
    learned: Subspaces,
    across: Callable[[Float], Callable[[Float], Float]] | None = None,
) -> Float:
    """The picture that the LR picture and the dictionaries agree on.

    Args:
        lr: (h, w) luma in [0, 1].
        start: (H, W) an enlargement to begin with.
        learned: the dictionaries.
        across: from the estimate of a round to a further step for each estimate in it.
    """
    shrinking = Shrinking(lr.shape, start.shape)
    grid = Grid(start.shape[0], start.shape[1])
    image = start
    for _ in range(_FIRST):
        image = image + shrinking.step(image, lr)
    last = image
    for _ in range(ROUNDS):
        clusters = learned.nearest(grid.gather(high(image)))
        weights = grid.spread(learned.models[clusters])
        code = Code(clusters, learned.bases)
        alike = Alike(image, grid)
        further = across(image) if across else None
        for _ in range(STEPS):
            image, last = image + _MOMENTUM * (image - last), image
            step = shrinking.step(image, lr) + MODELLED * modelled(image, weights)
            step += ALIKE * alike.step(image)
            if further:
                step += further(image)
            image = grid.average(code.shrunk(grid.gather(image + step)))
    return image


class Code:
    """Patches in the bases of their clusters."""

    def __init__(self, clusters: Index, bases: Float) -> None:
        self._bases = bases
        self._order = np.argsort(clusters, kind="stable")
        self._found, starts = np.unique(clusters[self._order], return_index=True)
        self._parts = [
            slice(a, b) for a, b in zip(starts, [*starts[1:], len(clusters)], strict=True)
        ]

    def shrunk(self, patches: Float) -> Float:
        """(patches, SIDE²) without what is small in them, by reweighted soft thresholds."""
        mean = patches.mean(axis=1, keepdims=True)
        ordered = (patches - mean)[self._order]
        for cluster, part in zip(self._found, self._parts, strict=True):
            basis = self._bases[cluster]
            code = ordered[part] @ basis
            size = np.abs(code)
            code *= np.maximum(1 - THRESHOLD / (size * (size + _ENOUGH) + np.float32(1e-12)), 0)
            ordered[part] = code @ basis.T
        out = np.empty_like(patches)
        out[self._order] = ordered
        return np.asarray(out + mean, np.float32)


def modelled(image: Float, weights: Float) -> Float:
    """The step down the gradient of |x - A x|²/2, where A tells each pixel from its neighbours.

    Args:
        image: (H, W).
        weights: (H, W, 8).
    """
    height, width = image.shape
    padded = np.pad(image, 1, mode="edge")
    left = image.copy()
    for k, (y, x) in enumerate(NEIGHBOURS):
        left -= weights[..., k] * padded[y : y + height, x : x + width]
    back = np.zeros_like(padded)
    for k, (y, x) in enumerate(NEIGHBOURS):
        back[y : y + height, x : x + width] += weights[..., k] * left
    return np.asarray(back[1:-1, 1:-1] - left, np.float32)


class Alike:
    """For each block of pixels the ten within reach whose patches are most like its own.

    The nearest counts 1, the others by how much farther they are. A pixel is drawn to those that
    it is like and to those that are like it.
    """

    def __init__(self, image: Float, grid: Grid) -> None:
        self._grid = grid
        distances, self._where = _search(image, grid)
        distances -= distances.min(axis=2, keepdims=True)
        weights = np.exp(-distances / (SIDE**2 * _UNLIKE**2))
        self._weights = weights / weights.sum(axis=2, keepdims=True)
        _, back = self._told(np.ones_like(image))
        self._count = 1 + back

    def step(self, image: Float) -> Float:
        """(height, width) → the same: to the mean of what is alike."""
        told, back = self._told(image)
        return np.asarray((told + back) / self._count - image, np.float32)

    def _told(self, image: Float) -> tuple[Float, Float]:
        """What those that a pixel is like say, and the sum of what those that are like it say."""
        grid, first = self._grid, SIDE // 2 + _REACH
        padded = grid.padded(image, _REACH)
        flat, stride = padded.ravel(), padded.shape[1]
        told, back = np.zeros_like(padded), np.zeros(flat.size)
        for y in range(grid.step):
            for x in range(grid.step):
                block = np.s_[grid.rows(first + y), grid.columns(first + x)]
                at = self._where + (y * stride + x)
                told[block] = np.einsum("ijk,ijk->ij", self._weights, flat[at])
                said = self._weights * padded[block][..., None]
                back += np.bincount(at.ravel(), said.ravel(), minlength=flat.size)
        inside = np.s_[first : first + grid.height, first : first + grid.width]
        return told[inside], np.asarray(back.reshape(padded.shape)[inside], np.float32)


def _search(image: Float, grid: Grid) -> tuple[Float, Index]:
    """(down, across, 10) squared distances of patches, and where in the padded picture they are."""
    padded = grid.padded(image, _REACH)
    height, width = (n - 2 * _REACH for n in padded.shape)
    own = padded[_REACH : _REACH + height, _REACH : _REACH + width]
    reach = range(-_REACH, _REACH + 1)
    best = np.full((*grid.counts, _COUNT), np.inf, np.float32)
    where = np.zeros(best.shape, np.int64)
    for y in reach:
        columns = [x for x in reach if (y, x) != (0, 0)]
        apart = [
            _boxes(padded[_REACH + y :, _REACH + x :][:height, :width] - own, grid) for x in columns
        ]
        offsets = y * padded.shape[1] + np.array(columns)
        offsets = np.broadcast_to(offsets, (*grid.counts, len(columns)))
        distances = np.concatenate([best, np.stack(apart, axis=2)], axis=2)
        kept = np.argpartition(distances, _COUNT - 1, axis=2)[..., :_COUNT]
        best = np.take_along_axis(distances, kept, axis=2)
        where = np.take_along_axis(np.concatenate([where, offsets], axis=2), kept, axis=2)
    first = SIDE // 2 + _REACH
    rows, stops = (first + grid.step * np.arange(count) for count in grid.counts)
    return best, where + (rows[:, None] * padded.shape[1] + stops)[..., None]


def _boxes(apart: Float, grid: Grid) -> Float:
    """The sum of squares in each patch."""
    square = np.square(apart)
    rows = np.zeros((grid.counts[0], square.shape[1]), np.float32)
    for y in range(SIDE):
        rows += square[grid.rows(y)]
    boxes = np.zeros(grid.counts, np.float32)
    for x in range(SIDE):
        boxes += rows[:, grid.columns(x)]
    return boxes
