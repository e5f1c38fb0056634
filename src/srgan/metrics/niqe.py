"""NIQE: how far a picture is from clean photographs, without a reference (Mittal et al. 2013).

"Making a 'Completely Blind' Image Quality Analyzer", IEEE SPL. 36 statistics of locally
normalised luma in blocks of 96x96 pixels at two scales; a picture's score is the distance of
their mean and covariance from those of clean photographs. The clean ones are ours
(``srgan fit niqe``), so scores rank like the authors' but do not equal them. The statistics are not
quite theirs either: widths are deviations, squared for the products of neighbours, as in BRISQUE
(Mittal et al. 2012), where the authors' script has the scale of the generalised Gaussian.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DataRefused, UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize

Float = NDArray[np.float64]

BLOCK = 96
_SHARP = 0.75
"""A training block counts when it has this part of the sharpness of its picture's sharpest."""

_SHAPES = np.arange(0.2, 10.001, 0.001)


def _gamma_ratio(shapes: Float) -> Float:
    """Gamma(2/a)² / (Gamma(1/a) Gamma(3/a)), which moments of the data are matched with."""
    from math import lgamma

    logs = [2 * lgamma(2 / a) - lgamma(1 / a) - lgamma(3 / a) for a in shapes]
    return np.asarray(np.exp(np.array(logs)))


_RATIOS = _gamma_ratio(_SHAPES)


@dataclass(frozen=True, slots=True)
class CleanPhotos:
    """What clean photographs look like: ``mean`` (36,) and ``covariance`` (36, 36)."""

    mean: Float
    covariance: Float


def niqe(image: NDArray[np.uint8], clean: CleanPhotos | None = None) -> float:
    """Distance from clean photographs; lower is better, good photos have about 2 to 5.

    Args:
        image: (H, W, 3) RGB or (H, W) gray, uint8, at least 192 pixels high or wide and 96 in
            the other direction.
        clean: what to measure against; default: the parameters that come with srgan.

    Raises:
        UsageError: the picture is too small.
    """
    clean = clean or shipped()
    features, _ = _features(image)
    features = features[~np.isnan(features).any(axis=1)]
    if len(features) < 2:
        raise UsageError(
            f"NIQE needs at least two blocks of {BLOCK}x{BLOCK} pixels with content; "
            f"the picture has {image.shape[1]}x{image.shape[0]}"
        )
    difference = features.mean(axis=0) - clean.mean
    covariance = (np.cov(features, rowvar=False) + clean.covariance) / 2.0
    return float(np.sqrt(difference @ np.linalg.pinv(covariance) @ difference))


def fit(images: Iterable[NDArray[np.uint8]]) -> CleanPhotos:
    """Learn from clean photographs; only their sharp blocks count.

    Raises:
        DataRefused: they have too few blocks.
    """
    kept = []
    for image in images:
        if min(image.shape[:2]) < BLOCK:
            continue
        features, sharpness = _features(image)
        sharp = sharpness > _SHARP * sharpness.max()
        kept.append(features[sharp & ~np.isnan(features).any(axis=1)])
    features = np.concatenate(kept) if kept else np.empty((0, 36))
    if len(features) < 100:
        raise DataRefused(
            f"NIQE needs at least 100 sharp blocks of {BLOCK}x{BLOCK} pixels, "
            f"the photos have {len(features)}; give more or larger photos"
        )
    return CleanPhotos(features.mean(axis=0), np.cov(features, rowvar=False))


def save(clean: CleanPhotos, path: str | Path) -> None:
    """Write the parameters as ``.npz``."""
    with Path(path).open("wb") as file:
        np.savez_compressed(file, mean=clean.mean, covariance=clean.covariance)


def load(path: str | Path) -> CleanPhotos:
    """Read what :func:`save` wrote.

    Raises:
        DataRefused: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            clean = CleanPhotos(arrays["mean"], arrays["covariance"])
    except Exception as error:  # a damaged file fails in many ways
        raise DataRefused(
            f"{path}: no parameters of NIQE that can be read ({error}); "
            "make them with: srgan fit niqe"
        ) from error
    return clean


@cache
def shipped() -> CleanPhotos:
    """The parameters that come with srgan, fitted on its training photos."""
    return load(str(files("srgan.metrics") / "niqe.npz"))


def _features(image: NDArray[np.uint8]) -> tuple[Float, Float]:
    """(blocks, 36) statistics and (blocks,) sharpness."""
    y = luma(image).astype(np.float64)
    height, width = (n // BLOCK * BLOCK for n in y.shape)
    if height * width == 0:
        return np.empty((0, 36)), np.empty(0)
    y = y[:height, :width]
    halves: list[Float] = []
    sharpness = np.empty(0)
    for size in (BLOCK, BLOCK // 2):
        normalised, deviation = _normalise(y)
        halves.append(_statistics(_blocks(normalised, size)))
        if size == BLOCK:
            sharpness = _blocks(deviation, size).mean(axis=(1, 2))
            y = np.asarray(imresize(y, scale=0.5), np.float64)
    return np.concatenate(halves, axis=1), sharpness


def _blocks(image: Float, size: int) -> Float:
    rows, columns = image.shape[0] // size, image.shape[1] // size
    cells = image.reshape(rows, size, columns, size).swapaxes(1, 2)
    return cells.reshape(-1, size, size)


def _normalise(y: Float) -> tuple[Float, Float]:
    """Luma minus its local mean, over its local deviation plus 1; and that deviation."""
    x = np.arange(-3, 4)
    kernel = np.exp(-(x**2) / (2.0 * (7.0 / 6.0) ** 2))
    kernel /= kernel.sum()

    def blur(image: Float) -> Float:
        p = np.pad(image, 3, mode="edge")
        rows = sum(kernel[k] * p[k : k + image.shape[0]] for k in range(7))
        return np.asarray(sum(kernel[k] * rows[:, k : k + image.shape[1]] for k in range(7)))

    mean = blur(y)
    deviation = np.sqrt(np.abs(blur(y * y) - mean**2))
    return (y - mean) / (deviation + 1.0), deviation


def _statistics(blocks: Float) -> Float:
    """(blocks, 18): the shape of each block's values, and of products with four neighbours."""
    shape, left, right = _asymmetric(blocks)
    columns = [shape, (left + right) / 2.0]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shape, left, right = _asymmetric(blocks * np.roll(blocks, shift, axis=(1, 2)))
        columns += [shape, (right - left) * _mean_factor(shape), left**2, right**2]
    return np.stack(columns, axis=1)


def _mean_factor(shape: Float) -> Float:
    from math import lgamma

    return np.array([np.exp(lgamma(2 / a) - 0.5 * (lgamma(1 / a) + lgamma(3 / a))) for a in shape])


def _asymmetric(blocks: Float) -> tuple[Float, Float, Float]:
    """Asymmetric generalised Gaussian by moment matching: shape, left and right deviation."""
    flat = blocks.reshape(len(blocks), -1)
    negative, positive = flat < 0, flat > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt((flat**2 * negative).sum(axis=1) / negative.sum(axis=1))
        right = np.sqrt((flat**2 * positive).sum(axis=1) / positive.sum(axis=1))
        skew = left / right
        ratio = np.abs(flat).mean(axis=1) ** 2 / (flat**2).mean(axis=1)
        ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    # The ratios grow with the shape, so the nearest is found by bisection.
    at = np.clip(np.searchsorted(_RATIOS, ratio), 1, len(_RATIOS) - 1)
    at -= (ratio - _RATIOS[at - 1]) < (_RATIOS[at] - ratio)
    return np.where(np.isnan(ratio), np.nan, _SHAPES[at]), left, right
