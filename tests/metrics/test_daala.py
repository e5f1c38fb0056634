"""Daala's PSNR and SSIM: kernel, border, luma; the paper's figures are in evaluation's tests."""

import numpy as np
import pytest

from srgan.errors import UsageError
from srgan.metrics.daala import _kernel, luma_709, psnr_daala, ssim_daala


def test_luma_spans_16_to_235() -> None:
    primaries = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]])
    # 16 + 219 * (1, 0.2126, 0.7152, 0.0722), rounded
    assert luma_709(primaries.astype(np.uint8)).tolist() == [[16, 235, 63, 173, 32]]
    assert luma_709(np.array([[0, 255]], np.uint8)).tolist() == [[16, 235]]


def test_kernel_is_whole_and_sums_to_256() -> None:
    kernel = _kernel(1.5, 256)
    assert kernel.sum() == 256
    assert np.array_equal(kernel, kernel[::-1])
    # floor(1.5 * sqrt(-2 ln(sqrt(pi / 2) * 1.5 / 256))) = 4 on each side
    assert len(kernel) == 9
    assert kernel[4 - 1] == round(256 * np.exp(-0.5 / 1.5**2) / (np.sqrt(2 * np.pi) * 1.5))


def test_equal_and_constant_pictures() -> None:
    a = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert ssim_daala(a, a, border=4) == pytest.approx(1.0)
    assert psnr_daala(a, a, border=4) == float("inf")
    x, y = np.full((20, 20), 0, np.uint8), np.full((20, 20), 255, np.uint8)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 16 * 235 + c1) / (16**2 + 235**2 + c1)
    assert ssim_daala(x, y, border=0) == pytest.approx(expected, abs=1e-9)
    assert psnr_daala(x, y, border=0) == pytest.approx(20 * np.log10(255 / 219), abs=1e-9)


def test_sizes_differ() -> None:
    with pytest.raises(UsageError, match="of one size"):
        ssim_daala(np.zeros((20, 20), np.uint8), np.zeros((20, 21), np.uint8), border=0)
