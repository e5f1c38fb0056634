"""Methods that enlarge luma alone: chroma follows by the bicubic filter."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ImageRefused, RuntimeFailed
from srgan.image.colour import luma
from srgan.image.resize import imresize

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LumaUpscaler:
    """An upscaler made of a function of luma.

    ``enlarge`` takes luma (H, W) and its bicubic enlargement (H * scale, W * scale), float32 in
    [16/255, 235/255], and gives the better enlargement. ``size``: the one (height, width) that it
    takes, of a method that learned from aligned pictures.
    """

    scale: int
    enlarge: Callable[[Float, Float], Float]
    size: tuple[int, int] | None = None

    def __call__(self, image: Float) -> Float:
        """(H, W, 3) float32 RGB in [0, 1] → (H * scale, W * scale, 3) float32, not clipped.

        Raises:
            ImageRefused: the picture is not of the one size.
            RuntimeFailed: the method gave NaN or infinity.
        """
        if self.size not in (None, image.shape[:2]):
            height, width = self.size
            raise ImageRefused(
                f"the model takes aligned pictures of {width}x{height} alone, and enlarges them by "
                f"a scale of {self.scale} at most"
            )
        enlarged = np.asarray(imresize(image.astype(np.float64), scale=self.scale), np.float64)
        y = luma(image).astype(np.float32)
        bicubic = luma(enlarged).astype(np.float32)
        # The same step in R, G and B moves luma by 219/255 of it and leaves chroma alone.
        with np.errstate(all="ignore"):  # what comes of it is looked at
            step = (self.enlarge(y, bicubic) - bicubic) * np.float32(255.0 / 219.0)
        if not np.isfinite(step.sum()):
            raise RuntimeFailed(
                "the method gave NaN or infinity; what it was fitted to holds values that no "
                "picture has: fit it again, or take another model"
            )
        return np.asarray(enlarged + step[..., None], np.float32)
