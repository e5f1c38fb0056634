"""The filters as upscalers."""

import numpy as np
import pytest

from srgan.classical.interpolation import Interpolation
from srgan.image.resize import imresize


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "bicubic", "lanczos2", "lanczos3"])
def test_a_filter_is_imresize(kernel: str) -> None:
    image = np.random.default_rng(0).random((5, 7, 3), dtype=np.float32)
    out = Interpolation(kernel, 3)(image)  # type: ignore[arg-type]
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, imresize(image, scale=3, kernel=kernel))  # type: ignore[arg-type]
