"""Edge prior and single-image detail synthesis (Tai, Liu, Brown and Lin, CVPR 2010).

Edges are made as sharp as photos have them, by the gradient profile prior. Detail is copied from a
picture that shows its texture at the size of the result; in the paper the user gives it, here it is
the LR picture itself: what it lost where it is shrunk and enlarged again by the same factor is what
patches alike have lost in its enlargement. Beside strong edges none is added.
"""

import numpy as np
from numpy.typing import NDArray

from srgan.classical import gradient_profile
from srgan.classical.backprojection import back_projected
from srgan.classical.glasner import Examples, detail
from srgan.classical.luma import LumaUpscaler
from srgan.classical.pyramid import Pyramid

Float = NDArray[np.float32]

STEEP = 16.0
"""Levels of 0 to 255 a pixel at which detail counts 1/e."""


def upscaler(scale: int) -> LumaUpscaler:
    """The method, ready to enlarge."""
    sharpened = gradient_profile.upscaler(scale).enlarge

    def enlarge(y: Float, bicubic: Float) -> Float:
        edges = sharpened(y, bicubic)
        # The result, the LR picture, and what that is shrunk to.
        pyramid = Pyramid(y, (bicubic.shape[0], bicubic.shape[1]), steps=1, deepest=2)
        if scale < 2 or pyramid.deepest < 2:
            return edges
        found = detail(bicubic, Examples(pyramid))
        return back_projected(edges + smoothness(bicubic) * found, y)

    return LumaUpscaler(scale, enlarge)


def smoothness(image: Float) -> Float:
    """(H, W) in [0, 1] → 1 where it is flat, 0 where it is steep."""
    steep = 255.0 * np.hypot(*np.gradient(image))
    return np.asarray(np.exp(-((steep / STEEP) ** 2)), np.float32)
