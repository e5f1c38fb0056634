"""From a clean HR photo to a damaged LR one, as phones and web sites damage photos.

A moderate pipeline after Wang et al. 2021 (Real-ESRGAN, arXiv 2107.10833), with the weaker ranges
that a small network can undo: blur, a first JPEG, resize, sharpening, noise or film grain, then
JPEG or video coding, each drawn at random. Every function takes uint8 or float RGB (H, W, 3) in
[0, 255] and its own random generator.
"""

import io
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.degradation.video import h264
from srgan.errors import UsageError
from srgan.image.resize import KernelName, imresize

Float = NDArray[np.float32]
KERNELS: tuple[KernelName, ...] = ("bilinear", "bicubic", "lanczos3")


@dataclass(frozen=True, slots=True)
class Degradation:
    """The ranges of the pipeline; each range is drawn from evenly.

    Attributes:
        clean: share of samples that only get the bicubic downscale.
        blur_sigma: standard deviation of the Gaussian blur in HR pixels, drawn for each axis.
        blur_share, noise_share, jpeg_share: share of damaged samples that get each step.
        noise_std_255: standard deviation of Gaussian noise, in grey levels of 255.
        gray_noise_share: share of noise that is the same in all channels.
        grain_share: share of noise that is coarser than the pixels, as a scanned film's grain.
        grain_size: standard deviation of the Gaussian that makes it coarser, in LR pixels.
        sharpen_share: share of damaged samples that are sharpened, as cameras and web sites do.
        sharpen_amount: of the difference to the blurred picture, how much is added.
        sharpen_radius: standard deviation of that blur, in LR pixels.
        early_jpeg_share: share of damaged samples that were a larger JPEG before the last resize.
        jpeg_quality: lowest and highest quality of JPEG, 4:2:0.
        middle: factor of a resize in between, relative to the LR size; 1 is none.
        video_share: share of damaged samples that are frames of H.264, and no JPEG (needs PyAV).
        video_crf: lowest and highest constant rate factor of x264; 23 is its default.
    """

    clean: float = 0.2
    blur_share: float = 0.5
    blur_sigma: tuple[float, float] = (0.2, 2.0)
    noise_share: float = 0.5
    noise_std_255: tuple[float, float] = (1.0, 10.0)
    gray_noise_share: float = 0.4
    grain_share: float = 0.0
    grain_size: tuple[float, float] = (0.4, 1.2)
    sharpen_share: float = 0.0
    sharpen_amount: tuple[float, float] = (0.3, 1.5)
    sharpen_radius: tuple[float, float] = (0.5, 1.5)
    early_jpeg_share: float = 0.0
    jpeg_share: float = 0.7
    jpeg_quality: tuple[int, int] = (40, 95)
    middle: tuple[float, float] = (1.0, 2.0)
    video_share: float = 0.0
    video_crf: tuple[int, int] = (18, 34)

    def __post_init__(self) -> None:
        shares = [field.name for field in fields(self) if field.name.endswith("_share")]
        for name in ("clean", *shares):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"degradation.{name} is a share from 0 to 1")
        ranges = [field.name for field in fields(self) if isinstance(field.default, tuple)]
        for name in ranges:
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise UsageError(f"degradation.{name} goes from a low to a high value above 0")
        if self.jpeg_quality[1] > 100:
            raise UsageError("degradation.jpeg_quality ends at 100")
        if self.video_crf[1] > 51:
            raise UsageError("degradation.video_crf ends at 51")


def degrade(
    hr: NDArray[np.uint8], ranges: Degradation, draw: np.random.Generator, *, scale: int = 4
) -> NDArray[np.uint8]:
    """The damaged LR picture of ``hr``: (H, W, 3) → (H / scale, W / scale, 3), uint8."""
    size = (hr.shape[0] // scale, hr.shape[1] // scale)
    if draw.random() < ranges.clean:
        return np.asarray(imresize(hr, size=size), np.uint8)
    image = hr.astype(np.float32)
    if draw.random() < ranges.blur_share:
        image = blur(image, *draw.uniform(*ranges.blur_sigma, size=2))
    middle = draw.uniform(*ranges.middle)
    between = tuple(min(n, round(n / scale * middle)) for n in hr.shape[:2])
    first, second = (KERNELS[i] for i in draw.integers(len(KERNELS), size=2))
    if between != size:
        image = np.asarray(imresize(image, size=between, kernel=first), np.float32)
    # A share of 0 draws nothing, so that recipes from before it was there keep their samples.
    if ranges.early_jpeg_share and draw.random() < ranges.early_jpeg_share:
        image = within_jpeg(to_bytes(image), ranges.jpeg_quality, draw).astype(np.float32)
    image = np.asarray(imresize(image, size=size, kernel=second), np.float32)
    if ranges.sharpen_share and draw.random() < ranges.sharpen_share:
        radius, amount = draw.uniform(*ranges.sharpen_radius), draw.uniform(*ranges.sharpen_amount)
        image = sharpen(image, radius, amount)
    if draw.random() < ranges.noise_share:
        gray = bool(draw.random() < ranges.gray_noise_share)
        grain = bool(ranges.grain_share and draw.random() < ranges.grain_share)
        size_of_grain = draw.uniform(*ranges.grain_size) if grain else 0.0
        std = float(draw.uniform(*ranges.noise_std_255))
        image = noise(image, std, draw, gray=gray, grain=size_of_grain)
    lr = to_bytes(image)
    if ranges.video_share and draw.random() < ranges.video_share:
        low, high = ranges.video_crf
        return h264(lr, int(draw.integers(low, high + 1)), draw)
    if draw.random() < ranges.jpeg_share:
        lr = within_jpeg(lr, ranges.jpeg_quality, draw)
    return lr


def blur(image: Float, sigma_y: float, sigma_x: float) -> Float:
    """Gaussian blur with a deviation for each axis; the edge is repeated."""
    for axis, sigma in ((0, sigma_y), (1, sigma_x)):
        radius = max(1, round(3 * sigma))
        steps = np.arange(-radius, radius + 1)
        weights = np.exp(-0.5 * (steps / sigma) ** 2)
        weights /= weights.sum()
        padding = [(0, 0), (0, 0), (0, 0)]
        padding[axis] = (radius, radius)
        padded = np.pad(image, padding, mode="edge")
        n = image.shape[axis]
        parts = (
            w * np.take(padded, range(k, k + n), axis=axis)
            for k, w in enumerate(weights.astype(np.float32))
        )
        image = np.sum(np.stack(list(parts)), axis=0, dtype=np.float32)
    return image


def sharpen(image: Float, radius: float, amount: float) -> Float:
    """Unsharp masking: ``amount`` of the difference to a blur of ``radius`` is added, unclipped."""
    return image + np.float32(amount) * (image - blur(image, radius, radius))


def noise(
    image: Float, std_255: float, draw: np.random.Generator, *, gray: bool, grain: float = 0.0
) -> Float:
    """Gaussian noise, in all channels alike or in each its own.

    ``grain``: standard deviation in pixels of a blur of the noise, whose own deviation stays.
    """
    shape = (*image.shape[:2], 1 if gray else 3)
    found = draw.normal(0.0, std_255, shape).astype(np.float32)
    if grain:
        found = blur(found, grain, grain)
        found *= np.float32(std_255 / max(float(found.std()), 1e-6))
    return image + found


def within_jpeg(
    image: NDArray[np.uint8], quality: tuple[int, int], draw: np.random.Generator
) -> NDArray[np.uint8]:
    """Through a JPEG of some quality: a crop of a photo, so its blocks begin anywhere."""
    y, x = (int(n) for n in draw.integers(0, 8, 2))
    chosen = int(draw.integers(quality[0], quality[1] + 1))
    padded = np.pad(image, ((y, 0), (x, 0), (0, 0)), mode="reflect")
    return jpeg(padded, chosen)[y:, x:]


def jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Through a JPEG file of this quality, chroma at half size, and back."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(buffer).convert("RGB"))


def to_bytes(image: Float) -> NDArray[np.uint8]:
    """Rounded and clipped to uint8."""
    rounded: NDArray[np.uint8] = np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8)
    return rounded
