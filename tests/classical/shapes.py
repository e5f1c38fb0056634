"""Pictures that the classical methods are tried on."""

import numpy as np

from srgan.classical.luma import LumaUpscaler
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.metrics.psnr import psnr


def shapes(seed: int, side: int = 120) -> np.ndarray:
    """Sharp-edged discs and bars: what bicubic blurs and a dictionary can learn."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    image = np.full((side, side), 60.0)
    for _ in range(25):
        cy, cx, r = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(5, 25)
        angle = rng.uniform(0, np.pi)
        inside = (
            np.hypot(y - cy, x - cx) < r
            if rng.random() < 0.5
            else np.abs((y - cy) * np.cos(angle) + (x - cx) * np.sin(angle)) < r / 3
        )
        image[inside] = rng.uniform(0, 255)
    return np.repeat(image.astype(np.uint8)[..., None], 3, axis=2)


def gain(upscaler: LumaUpscaler) -> float:
    """dB above bicubic on a picture that was not learned from."""
    scale = upscaler.scale
    hr = shapes(99)
    lr = imresize(hr, scale=1 / scale)
    sr = np.clip(upscaler(lr.astype(np.float32) / 255) * 255 + 0.5, 0, 255).astype(np.uint8)
    bicubic = imresize(lr, scale=scale)
    return psnr(luma(sr), luma(hr), data_range=255, border=scale) - psnr(
        luma(bicubic), luma(hr), data_range=255, border=scale
    )
