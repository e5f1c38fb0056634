"""SSIM: the formula in one window, and its bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan.errors import UsageError
from srgan.metrics.ssim import ssim


def test_constant_pictures_leave_only_the_luminance_term() -> None:
    a, b = np.full((11, 11), 100.0), np.full((11, 11), 110.0)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 110 + c1) / (100**2 + 110**2 + c1)
    assert ssim(a, b, data_range=255, border=0) == pytest.approx(expected, abs=1e-9)


def test_one_window_against_the_definition() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.uniform(0, 255, (2, 11, 11))
    x = np.arange(-5, 6)
    w = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * 1.5**2))
    w /= w.sum()
    ma, mb = (w * a).sum(), (w * b).sum()
    va, vb = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum()
    cov = (w * (a - ma) * (b - mb)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert ssim(a, b, data_range=255, border=0) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(11, 30), st.integers(11, 30))
def test_bounds_and_symmetry(seed: int, height: int, width: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, 256, (2, height, width), dtype=np.uint8)
    value = ssim(a, b, data_range=255, border=0)
    assert -1.0 <= value <= 1.0
    assert value == pytest.approx(ssim(b, a, data_range=255, border=0), abs=1e-12)
    assert ssim(a, a, data_range=255, border=0) == pytest.approx(1.0, abs=1e-12)


def test_colour_is_the_mean_of_its_channels() -> None:
    a, b = np.random.default_rng(0).random((2, 16, 16, 3))
    each = [ssim(a[..., c], b[..., c], data_range=1, border=0) for c in range(3)]
    assert ssim(a, b, data_range=1, border=0) == pytest.approx(np.mean(each))


def test_what_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="of one size"):
        ssim(np.zeros((12, 12)), np.zeros((1, 12)), data_range=1, border=0)


def test_too_small() -> None:
    with pytest.raises(UsageError, match="11x11"):
        ssim(np.zeros((12, 12)), np.zeros((12, 12)), data_range=1, border=1)
