"""Super-resolution from correlated pictures (Yue, Sun, Yang and Wu 2013).

"Landmark Image Super-Resolution by Retrieving Web Images". Other photos of the same place, larger
ones, show what the LR picture has lost. Here they come from a folder. Those that share most
features with the LR picture (SIFT) are laid over it by a homography; each patch of the enlargement
then finds where, within a few pixels, the overlaid photo has its luma and its edges, and takes what
that photo has above the LR picture's frequencies. Where no photo fits, the gradient profile prior
enlarges.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.classical import gradient_profile
from srgan.classical.backprojection import back_projected, resized
from srgan.classical.luma import LumaUpscaler
from srgan.errors import DataRefused, SRGANWarning, UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize

Float = NDArray[np.float32]
Double = NDArray[np.float64]

MOST = 4
"""Photos laid over one picture, at most: those with the most features in common."""
PIXELS = 4_000_000
"""Of a stored photo, at most; a larger one is shrunk."""
FEATURES = 10_000
"""Of a stored photo, at most: the coarsest, as an LR picture shows no others."""
SIDE = 13
"""Side of a patch in pixels of the result."""
REACH = 1
"""Pixels, in each direction, within which a patch is looked for."""

_RATIO = 0.8
_INLIERS = 12
_ERROR = 3.0
_LEVEL = np.float32(1e-4)
_SURE = (0.2, 0.8)
_LEAST = 16


@dataclass(frozen=True, slots=True)
class References:
    """The photos' luma of 0 to 255, one after the other in ``pixels`` (N,), of ``sizes`` (K, 2);
    their features: ``counts`` (K,), ``points`` (P, 2) as x and y, ``descriptors`` (P, 128).
    """

    scale: int
    pixels: Float
    sizes: Float
    counts: Float
    points: Float
    descriptors: Float

    @property
    def fits(self) -> bool:
        """Whether the shapes belong together."""
        return (
            self.sizes.ndim == 2
            and self.sizes.shape[1:] == (2,)
            and self.counts.shape == self.sizes.shape[:1]
            and bool((self.sizes >= 1).all() and (self.sizes % 1 == 0).all())
            and bool((self.counts >= 0).all() and (self.counts % 1 == 0).all())
            and self.pixels.shape == (int(np.prod(self.sizes, axis=1, dtype=np.float64).sum()),)
            and self.points.shape == (int(self.counts.sum(dtype=np.float64)), 2)
            and self.descriptors.shape == (len(self.points), 128)
        )

    def each(self) -> Iterator["Reference"]:
        """The photos one by one."""
        pixel = feature = 0
        for (height, width), count in zip(self.sizes.astype(int), self.counts, strict=True):
            pixels, features = int(height * width), int(count)
            yield Reference(
                self.pixels[pixel : pixel + pixels].reshape(height, width),
                self.points[feature : feature + features],
                self.descriptors[feature : feature + features],
            )
            pixel, feature = pixel + pixels, feature + features


@dataclass(frozen=True, slots=True)
class Reference:
    """One photo: luma of 0 to 255 (H, W), its features' places (P, 2) and descriptors (P, 128)."""

    luma: Float
    points: Float
    descriptors: Float


def fit(
    images: Sequence[NDArray[np.uint8]],
    *,
    scale: int,
    progress: Callable[[float], None] | None = None,
) -> References:
    """Store a folder's photos with their features.

    Args:
        images: (H, W, 3) RGB or (H, W) gray uint8, of what the LR pictures will show.
        scale: the factor of the enlargement, 2, 3 or 4.
        progress: told the part that is done.

    Raises:
        DataRefused: no picture has features to be known by.
        UsageError: OpenCV is not installed.
    """
    found = []
    for i, image in enumerate(images):
        y = np.asarray(luma(image), np.uint8)
        if y.size > PIXELS:
            y = np.asarray(imresize(y, scale=float(np.sqrt(PIXELS / y.size))), np.uint8)
        reference = Reference(y.astype(np.float32), *_features(y))
        if len(reference.points) >= _INLIERS:
            found.append(reference)
        if progress is not None:
            progress((i + 1) / len(images))
    if not found:
        raise DataRefused(
            "no picture has corners and spots enough to be known by; give photos of the place"
        )
    return References(
        scale,
        np.concatenate([r.luma.ravel() for r in found]),
        np.array([r.luma.shape for r in found], np.float32),
        np.array([len(r.points) for r in found], np.float32),
        np.concatenate([r.points for r in found]),
        np.concatenate([r.descriptors for r in found]),
    )


def upscaler(learned: References) -> LumaUpscaler:
    """The method, ready to enlarge.

    Where no photo fits, it warns (:class:`srgan.SRGANWarning`).

    Raises:
        UsageError: OpenCV is not installed.
    """
    _opencv()
    references = list(learned.each())
    sharpened = gradient_profile.upscaler(learned.scale).enlarge

    def enlarge(y: Float, bicubic: Float) -> Float:
        edges = sharpened(y, bicubic) - bicubic
        detail = np.zeros_like(bicubic)
        weight = np.full_like(bicubic, 1e-6)
        sure = np.zeros_like(bicubic)
        for laid in _overlaid(y, bicubic, references):
            found, trust = _detail(bicubic, laid, y.shape)
            detail += trust**4 * found
            weight += trust**4
            sure = np.maximum(sure, trust)
        if not sure.any():
            warnings.warn(
                "none of the model's photos shows what the picture does; gradient-profile "
                "enlarges it",
                SRGANWarning,
                stacklevel=2,
            )
            return bicubic + edges
        return back_projected(bicubic + sure * detail / weight + (1 - sure) * edges, y)

    return LumaUpscaler(learned.scale, enlarge)


def _opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise UsageError(
            'landmark needs one more package: pip install "srgan[reference]"'
        ) from error
    module: ModuleType = cv2
    return module


def _features(image: NDArray[np.uint8]) -> tuple[Float, Float]:
    """Places (P, 2) as x and y, and descriptors (P, 128), the coarsest first."""
    cv2 = _opencv()
    keys, descriptors = cv2.SIFT_create(contrastThreshold=0.01).detectAndCompute(
        np.ascontiguousarray(image), None
    )
    if not keys:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    order = np.argsort([-key.size for key in keys], kind="stable")[:FEATURES]
    points = np.array([key.pt for key in keys], np.float32)
    return points[order], np.asarray(descriptors, np.float32)[order]


def _overlaid(y: Float, bicubic: Float, references: Sequence[Reference]) -> Iterator[Float]:
    """The photos that fit best, where the enlargement has their places; NaN where they end."""
    scale = bicubic.shape[0] / y.shape[0]
    points, descriptors = _features(np.rint(np.clip(y * 255.0, 0, 255)).astype(np.uint8))
    points = (points + 0.5) * np.float32(scale) - 0.5
    fits: list[tuple[int, int, Double]] = []
    for i, reference in enumerate(references):
        found = _homography(reference, points, descriptors, scale)
        if found is not None:
            fits.append((found[1], i, found[0]))
    for _, i, homography in sorted(fits, key=lambda fit: (-fit[0], fit[1]))[:MOST]:
        yield _laid(references[i].luma / np.float32(255.0), homography, bicubic)


def _homography(
    reference: Reference, points: Float, descriptors: Float, scale: float
) -> tuple[Double, int] | None:
    """From the photo's places to the enlargement's, and how many features agree on it."""
    cv2 = _opencv()
    if len(points) < _INLIERS or len(reference.points) < _INLIERS:
        return None
    pairs = cv2.BFMatcher().knnMatch(descriptors, reference.descriptors, k=2)
    good = [a for a, b in pairs if a.distance < _RATIO * b.distance]
    if len(good) < _INLIERS:
        return None
    there = reference.points[[m.trainIdx for m in good]]
    here = points[[m.queryIdx for m in good]]
    matrix, inliers = cv2.findHomography(there, here, cv2.RANSAC, _ERROR)
    if matrix is None or int(inliers.sum()) < _INLIERS:
        return None
    zoom = _zoom(matrix, there[inliers.ravel() > 0].mean(axis=0))
    # Mirrored, or no finer than the LR picture: it has nothing to give.
    if not 0 < zoom < 0.8 * scale:
        return None
    return np.asarray(matrix, np.float64), int(inliers.sum())


def _zoom(matrix: Double, at: NDArray[np.floating]) -> float:
    """Pixels of the enlargement for one of the photo at this place; below 0 if mirrored."""
    w = float(matrix[2] @ [*at, 1.0])
    determinant = float(np.linalg.det(matrix)) / w**3
    return float(np.sign(determinant) * np.sqrt(abs(determinant)))


def _laid(photo: Float, homography: Double, bicubic: Float) -> Float:
    cv2 = _opencv()
    height, width = bicubic.shape
    centre = np.linalg.solve(homography, [width / 2, height / 2, 1.0])
    zoom = _zoom(homography, centre[:2] / centre[2])
    if 0 < zoom < 1:  # the photo is finer than the result: it would alias
        fine = photo.shape
        photo = np.asarray(imresize(photo, scale=zoom), np.float32)
        ratio = np.array([photo.shape[1] / fine[1], photo.shape[0] / fine[0]])
        # A pixel's centre is half a pixel from its edge, in the small photo too.
        back = np.diag([1 / ratio[0], 1 / ratio[1], 1.0])
        back[:2, 2] = 0.5 / ratio - 0.5
        homography = homography @ back
    frame: dict[str, Any] = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": float("nan")}
    laid = cv2.warpPerspective(photo, homography, (width, height), flags=cv2.INTER_CUBIC, **frame)
    return _nudged(np.asarray(laid, np.float32), bicubic, frame)


def _nudged(laid: Float, bicubic: Float, frame: dict[str, Any]) -> Float:
    """The overlaid photo, each part moved to where its luma is the enlargement's.

    What stands nearer or further than the rest is at another place from another standpoint, which
    no homography tells: dense inverse search (Kroeger et al. 2016) does.
    """
    cv2 = _opencv()
    inside = np.isfinite(laid)
    if not inside.any() or min(laid.shape) < _LEAST:
        return laid
    ours, theirs = (
        np.rint(np.clip(image * 255.0, 0, 255)).astype(np.uint8)
        for image in (bicubic, cv2.GaussianBlur(np.where(inside, laid, bicubic), (0, 0), 1.5))
    )
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(ours, theirs, None)
    height, width = laid.shape
    x = np.arange(width, dtype=np.float32) + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    return np.asarray(cv2.remap(laid, x, y, cv2.INTER_CUBIC, **frame), np.float32)


def _detail(bicubic: Float, laid: Float, lr_shape: tuple[int, ...]) -> tuple[Float, Float]:
    """What the overlaid photo has above the LR picture's frequencies, and how sure that is.

    Every pixel's patch chooses a place; a pixel takes the mean of what the patches over it chose.
    """
    inside = np.isfinite(laid)
    photo = np.where(inside, laid, bicubic)
    low = resized(resized(photo, lr_shape), bicubic.shape)
    high = np.where(inside, photo - low, 0)
    alike, gain, place = _places(bicubic, low)
    trust = np.clip((alike - _SURE[0]) / (_SURE[1] - _SURE[0]), 0, 1)
    trust[~inside] = 0
    total, weight = np.zeros_like(bicubic), np.zeros_like(bicubic)
    for number, (dy, dx) in enumerate(_displacements()):
        chosen = np.where(place == number, trust, np.float32(0))
        total += _moved(high, dy, dx) * _mean(chosen * gain)
        weight += _mean(chosen)
    return total / (weight + np.float32(1e-6)), np.asarray(weight, np.float32)


def _places(bicubic: Float, low: Float) -> tuple[Float, Float, NDArray[np.int16]]:
    """For every pixel's patch: how alike the best place is in [-1, 1], its contrast and number."""
    ours, theirs = _Patches.of(bicubic), _Patches.of(low)
    best = np.full(bicubic.shape, -2, np.float32)
    gain = np.ones_like(best)
    place = np.zeros(best.shape, np.int16)
    for number, (dy, dx) in enumerate(_displacements()):
        alike, contrast = ours.alike(theirs, dy, dx)
        better = alike > best
        best[better], gain[better], place[better] = alike[better], contrast[better], number
    return best, gain, place


@dataclass(frozen=True, slots=True)
class _Patches:
    """A picture, its slopes, and of the patch about each pixel mean, variance and steepness."""

    image: Float
    down: Float
    across: Float
    mean: Float
    variance: Float
    steepness: Float

    @classmethod
    def of(cls, image: Float) -> "_Patches":
        down, across = (np.asarray(slope, np.float32) for slope in np.gradient(image))
        mean = _mean(image)
        variance = np.maximum(_mean(image * image) - mean * mean, 0)
        return cls(image, down, across, mean, variance, _mean(down * down + across * across))

    def alike(self, other: "_Patches", dy: int, dx: int) -> tuple[Float, Float]:
        """The mean correlation of luma and slopes with the other's patch there; the contrast."""
        there = [
            _moved(part, dy, dx)
            for part in (
                other.image,
                other.down,
                other.across,
                other.mean,
                other.variance,
                other.steepness,
            )
        ]
        image, down, across, mean, variance, steepness = there
        common = _mean(self.image * image) - self.mean * mean
        correlation = common / (np.sqrt(self.variance * variance) + _LEVEL)
        slopes = _mean(self.down * down + self.across * across)
        slopes = slopes / (np.sqrt(self.steepness * steepness) + _LEVEL)
        contrast = np.clip((common + _LEVEL) / (variance + _LEVEL), 0.3, 3.0)
        return (correlation + slopes) / 2, contrast


def _displacements() -> list[tuple[int, int]]:
    """The middle first: of places as good, the nearest."""
    all_of_them = [(y, x) for y in range(-REACH, REACH + 1) for x in range(-REACH, REACH + 1)]
    return sorted(all_of_them, key=lambda d: d[0] ** 2 + d[1] ** 2)


def _moved(image: Float, dy: int, dx: int) -> Float:
    """The picture whose pixel (y, x) is (y + dy, x + dx) of this one, the edge repeated."""
    padded = np.pad(image, REACH, mode="edge")
    top, left = REACH + dy, REACH + dx
    return padded[top : top + image.shape[0], left : left + image.shape[1]]


def _mean(image: Float) -> Float:
    """Of the patch about each pixel."""
    return np.asarray(_opencv().blur(image, (SIDE, SIDE)), np.float32)
