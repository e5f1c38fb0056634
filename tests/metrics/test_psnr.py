"""PSNR by hand."""

import numpy as np
import pytest

from srgan.errors import UsageError
from srgan.metrics.psnr import psnr, shave


def test_by_hand() -> None:
    a = np.zeros((4, 4), np.uint8)
    b = np.full((4, 4), 5, np.uint8)
    assert psnr(a, b, data_range=255, border=0) == pytest.approx(34.1514, abs=1e-4)
    assert psnr(a, a, data_range=255, border=0) == float("inf")
    # uint8 must not wrap around
    assert psnr(b, a, data_range=255, border=0) == psnr(a, b, data_range=255, border=0)


def test_the_border_is_left_out() -> None:
    a = np.zeros((6, 6), np.uint8)
    b = a.copy()
    b[0, :] = 255
    assert psnr(a, b, data_range=255, border=1) == float("inf")
    assert shave(b, 1).shape == (4, 4)


def test_what_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="of one size"):
        psnr(np.zeros((4, 4)), np.zeros((4, 5)), data_range=1, border=0)
    with pytest.raises(UsageError, match="nothing left"):
        psnr(np.zeros((4, 4)), np.zeros((4, 4)), data_range=1, border=2)
