"""Edge-directed interpolation (Allebach and Wong, ICIP 1996).

Edges lie where a centre-on-surround-off filter changes its sign; between samples, where bilinear
interpolation of its values does. The picture is interpolated bilinearly too, but never across an
edge: a sample of its other side is replaced by one that those of this side foretell. What the
result gives when it is shrunk is compared with the LR picture; the samples that it was drawn from
are corrected by the difference, and it is drawn anew.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from srgan.classical.backprojection import resized
from srgan.classical.luma import LumaUpscaler

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

SURROUND = 3
"""Side of the square, in LR samples, whose mean the filter takes off the sample in its middle."""
THRESHOLD = 10.0
"""Levels of 0 to 255 that the filter differs by in a cell: where it is less, there is no edge."""
SLOPE = 0.5
"""Of the step that leads to an edge, what is carried on beyond it."""
WIDTH = 3.0
"""Pixels across an edge in which its sides pass into each other: photos have no sharper ones."""
ROUNDS = 8

_NONE = 0.01  # levels: a sample where the filter has no more is of both sides
_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def upscaler(scale: int) -> LumaUpscaler:
    """The method, ready to enlarge."""

    def enlarge(y: Float, bicubic: Float) -> Float:
        if scale < 2:
            return bicubic
        mesh = y.astype(np.float64) * 255.0
        drawing = Drawing.of(mesh, scale)
        image = drawing(mesh)
        for _ in range(ROUNDS):
            mesh = mesh + (255.0 * y - resized(image.astype(np.float32), y.shape))
            image = drawing(mesh)
        return np.asarray(image / 255.0, np.float32)

    return LumaUpscaler(scale, enlarge)


def edge_filter(lr: Double) -> Double:
    """Centre on, surround off: (h, w) → the same size; it changes its sign where an edge runs."""
    padded = np.pad(lr, SURROUND // 2, mode="edge")
    return np.asarray(
        lr - sliding_window_view(padded, (SURROUND, SURROUND)).mean(axis=(2, 3)), np.float64
    )


@dataclass(frozen=True, slots=True)
class Drawing:
    """How an enlargement (H, W) is drawn from a mesh of as many samples as the LR picture (h, w).

    A cell is what lies between four samples, the outer ones being repeated once.

    ``rows``, ``columns``: (H,), (W,) the cell of each pixel. ``weights``: (4, H, W) of the cell's
    corners, row by row. ``crossed``: (H, W) whether an edge crosses the cell; ``lit`` is then how
    much of the pixel lies on the side where the filter is positive. ``sides``: (2, h + 4, w + 4)
    the samples of that side and of the other, the outer ones repeated twice.
    """

    rows: Indices
    columns: Indices
    weights: Double
    crossed: Mask
    lit: Double
    sides: Mask

    @classmethod
    def of(cls, lr: Double, scale: int) -> "Drawing":
        """With the edges of an LR picture, (h, w) in 0 to 255."""
        rows, down = _cells(lr.shape[0], scale)
        columns, across = _cells(lr.shape[1], scale)
        weights = np.stack([np.outer(a, b) for a in (1 - down, down) for b in (1 - across, across)])
        found = np.pad(edge_filter(lr), 2, mode="edge")
        corners = _corners(found)[:, rows[:, None], columns]
        low, high = corners.min(axis=0), corners.max(axis=0)
        crossed = (low < 0) & (high > 0) & (high - low > THRESHOLD)
        between = _weighed(weights, corners)
        steep = np.maximum(np.hypot(*np.gradient(between)), 1e-9)
        lit = np.clip(0.5 + between / steep / WIDTH, 0.0, 1.0)
        return cls(rows, columns, weights, crossed, lit, np.stack([found > -_NONE, found < _NONE]))

    def __call__(self, mesh: Double) -> Double:
        """The enlargement that these samples give."""
        mesh = np.pad(mesh, 2, mode="edge")
        image = _weighed(self.weights, _corners(mesh)[:, self.rows[:, None], self.columns])
        y, x = np.nonzero(self.crossed)
        weights, lit = self.weights[:, y, x], self.lit[y, x]
        bright, dark = (
            _weighed(weights, _one_sided(mesh, side)[:, self.rows[y], self.columns[x]])
            for side in self.sides
        )
        image[y, x] = lit * bright + (1 - lit) * dark
        return image


def _one_sided(mesh: Double, own: Mask) -> Double:
    """The corners of all cells; those of the other side are carried on from this one.

    From the neighbour in the row, the one in the column, or their mean, by :data:`SLOPE` of the
    step that leads there; where both are of the other side too, the opposite corner.
    """
    corners = _corners(mesh)
    for k, (y, x) in enumerate(_CORNERS):
        total, count = np.zeros_like(corners[k]), np.zeros_like(corners[k])
        for near, far in (((y, 1 - x), (y, 2 - 3 * x)), ((1 - y, x), (2 - 3 * y, x))):
            value, known = _part(mesh, *near), _part(own, *near)
            step = np.where(_part(own, *far), value - _part(mesh, *far), 0.0)
            total += np.where(known, value + SLOPE * step, 0.0)
            count += known
        carried = np.where(count > 0, total / np.maximum(count, 1), _part(mesh, 1 - y, 1 - x))
        corners[k] = np.where(_part(own, y, x), corners[k], carried)
    return corners


def _cells(length: int, scale: int) -> tuple[Indices, Double]:
    """The cell of each pixel in one dimension, and how far through it the pixel lies."""
    place = (np.arange(length * scale) + 0.5) / scale + 0.5
    cells = place.astype(np.int64)
    return cells, place - cells


def _corners(mesh: Double) -> Double:
    """(h + 4, w + 4) → (4, h + 1, w + 1): the corners of each cell."""
    return np.stack([_part(mesh, y, x) for y, x in _CORNERS])


def _part(mesh: NDArray[Any], y: int, x: int) -> NDArray[Any]:
    """(h + 4, w + 4) → (h + 1, w + 1): what lies (y, x) from each cell's first corner."""
    height, width = mesh.shape
    return mesh[1 + y : height - 2 + y, 1 + x : width - 2 + x]


def _weighed(weights: Double, corners: Double) -> Double:
    return np.asarray((weights * corners).sum(axis=0), np.float64)
