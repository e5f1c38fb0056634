"""Relationship learning for faces of a few pixels (Zou and Yuen 2012).

"Very Low Resolution Face Recognition Problem". One linear operator R leads from all pixels of an
aligned LR picture to its HR picture. It is learned by its error in HR space and, where pictures are
to be recognised, by their classes: over pairs of an HR picture i and an LR picture j it makes

    mean of |h_i - R l_j|² where i = j
        + gamma * (its mean where the classes are the same - its mean where they differ)

as small as can be. The quadratic part only weighs the LR pictures, all alike where the classes are
equally large; while no weight is negative there is one minimum, in closed form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.classical.luma import LumaUpscaler
from srgan.errors import DataRefused, UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize

Float = NDArray[np.float32]
Double = NDArray[np.float64]

RIDGE = 0.01
"""Times the mean variance of an LR pixel: what no picture has shown is left to bicubic."""
MOST = 50_000_000
"""Numbers of an operator, at most: 200 MB."""

_STRONGEST = 1000.0


@dataclass(frozen=True, slots=True)
class Relation:
    """Luma: ``low`` (h, w), the mean LR picture; ``missing`` (H, W), what bicubic lacks of the mean
    HR picture; ``operator`` (H * W, h * w), to what else it lacks from an LR picture less the mean.
    """

    scale: int
    low: Float
    missing: Float
    operator: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        return (
            self.low.ndim == 2
            and self.low.size > 0
            and self.missing.shape == tuple(self.scale * side for side in self.low.shape)
            and self.operator.shape == (self.missing.size, self.low.size)
        )


def fit(
    images: Sequence[NDArray[np.uint8]],
    *,
    scale: int,
    classes: Sequence[str] = (),
    discriminative: float = 0.0,
    progress: Callable[[float], None] | None = None,
) -> Relation:
    """Learn from aligned HR pictures of one size.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8.
        scale: the factor to be learned.
        classes: whom each picture shows; asked for only by ``discriminative``.
        discriminative: gamma; at 0 the pictures are as near to the HR ones as can be.
        progress: told the part that is done.

    Raises:
        DataRefused: the pictures differ in size, are too large or no multiple of the scale, or
            show nobody to be told from others.
        UsageError: ``discriminative`` is negative, or so large that there is no minimum.
    """
    height, width = _size(images, scale)
    own, shares = _shares(classes, len(images), discriminative)
    low = np.empty((len(images), height * width // scale**2), np.float32)
    high, bicubic = np.empty((2, len(images), height * width), np.float32)
    for i, image in enumerate(images):
        lr = _luma(np.asarray(imresize(image, scale=1.0 / scale), np.uint8))
        low[i], high[i] = lr.ravel(), _luma(image).ravel()
        bicubic[i] = np.asarray(imresize(lr, scale=scale)).ravel()
        if progress is not None:
            progress((i + 1) / len(images))
    sums = np.stack([high[own == k].sum(axis=0, dtype=np.float64) for k in range(len(shares))])
    weights = 1 / len(images) + (shares @ np.bincount(own))[own]
    # Each row: a picture's weight, times what R should make of it beyond bicubic.
    wanted = high / len(images) + (shares @ sums)[own] - weights[:, None] * bicubic
    mean = weights @ low
    beside = low - mean
    system = (beside.T * weights) @ beside
    ridge = RIDGE * np.trace(system) / len(system) + 1e-9  # all pictures may be the same
    operator = np.linalg.solve(system + ridge * np.eye(len(system)), beside.T @ wanted).T
    return Relation(
        scale,
        mean.reshape(height // scale, width // scale).astype(np.float32),
        wanted.sum(axis=0).reshape(height, width).astype(np.float32),
        np.ascontiguousarray(operator, np.float32),
    )


def _size(images: Sequence[NDArray[np.uint8]], scale: int) -> tuple[int, int]:
    height, width = images[0].shape[:2]
    for image in images:
        if image.shape[:2] != (height, width):
            raise DataRefused(
                f"a picture is {image.shape[1]}x{image.shape[0]} and the first {width}x{height}; "
                "align them and cut them to one size"
            )
    if height % scale or width % scale:
        raise DataRefused(
            f"pictures of {width}x{height} cannot be shrunk to 1/{scale}; cut both sides to "
            f"multiples of {scale}"
        )
    if (height * width // scale) ** 2 > MOST:
        raise DataRefused(
            f"pictures of {width}x{height} are too large for one operator from all pixels to all; "
            f"shrink them, to 64x48 or so"
        )
    return height, width


def _shares(classes: Sequence[str], count: int, gamma: float) -> tuple[NDArray[np.intp], Double]:
    """Each picture's class (N,), and how much a pair of pictures counts by their classes (K, K)."""
    if gamma == 0:
        return np.zeros(count, np.intp), np.zeros((1, 1))
    names, own, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise DataRefused(
            "there are no two classes to be told apart; give a folder with one sub-folder each, or "
            "no --discriminative"
        )
    same = float(np.square(sizes).sum())
    shares = np.where(np.eye(len(names)) > 0, 1 / same, -1 / (count**2 - same))
    most = 1 / max(-count * float((shares @ sizes).min()), 1 / _STRONGEST)
    if not 0 < gamma <= most * (1 + 1e-9):
        rounded_down = f"{most:.9f}"[:6].rstrip(".")
        raise UsageError(
            f"--discriminative must lie between 0 and {rounded_down} for classes of {sizes.min()} "
            f"to {sizes.max()} pictures, not {gamma:g}"
        )
    return own, gamma * shares


def _luma(image: NDArray[np.uint8]) -> Double:
    """As :class:`LumaUpscaler` sees it: gray as RGB, nothing rounded."""
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    return np.asarray(luma(rgb / 255.0), np.float64)


def upscaler(learned: Relation) -> LumaUpscaler:
    """The method, ready to enlarge pictures of the one size."""

    def enlarge(y: Float, bicubic: Float) -> Float:
        beside = learned.operator @ (y - learned.low).ravel()
        return bicubic + learned.missing + beside.reshape(bicubic.shape)

    height, width = learned.low.shape
    return LumaUpscaler(learned.scale, enlarge, size=(height, width))
