"""Gradient profiles: their widths by hand, and the whole."""

from pathlib import Path

import numpy as np
import pytest
from tests.classical.set5 import float_psnr
from tests.classical.shapes import shapes

from srgan.classical import gradient_profile
from srgan.classical.gradient_profile import ratio, sharpness, transformed
from srgan.image.resize import imresize
from srgan.inference.open import identity, load
from srgan.inference.tiles import Tiled


def test_the_width_of_a_profile_is_its_standard_deviation() -> None:
    x = np.arange(61.0) - 30
    for width in (1.0, 2.0, 3.0):
        size = np.tile(np.exp(-((x / width) ** 2) / 2), (9, 1))
        one = np.ones(1)
        found = sharpness(size, 4 * one, 30 * one, 0 * one, one, 24)
        # linear interpolation at half pixels, which makes it a little wider
        assert found[0] == pytest.approx((width**2 + 0.125) ** 0.5, rel=0.01)
    # a second edge beside the first does not count: a side ends where it rises
    two = np.exp(-(x**2) / 8) + np.exp(-((x - 12) ** 2) / 8)
    found = sharpness(np.tile(two, (9, 1)), 4 * one, 30 * one, 0 * one, one, 24)
    assert found[0] == pytest.approx(2.0, abs=0.15)


def test_the_ratio_turns_a_profile_into_one_of_another_width() -> None:
    d = np.arange(0.005, 40, 0.01)

    def profile(width: float) -> np.ndarray:
        return ratio(d, np.full_like(d, 1e6), np.full_like(d, width))

    for width in (1.0, 2.5):
        p = profile(width)
        assert (np.sum(p * d**2) / np.sum(p)) ** 0.5 == pytest.approx(width, rel=1e-3)
    two, one = np.full_like(d, 2.0), np.full_like(d, 1.0)
    np.testing.assert_allclose(profile(2.0) * ratio(d, two, one), profile(1.0), rtol=1e-6)
    np.testing.assert_array_equal(ratio(d, two, two), 1.0)
    assert ratio(np.zeros(1), two[:1], one[:1])[0] == 2.0


def test_a_soft_edge_is_drawn_together_and_keeps_its_height() -> None:
    x = np.arange(81.0) - 40
    edge = 128 + 60 * np.tanh(x / 4)
    down, across = transformed(np.tile(edge, (20, 1)), 4)
    before = np.gradient(edge)
    assert np.abs(down).max() < 1e-9
    row = across[10]
    # twice as steep and more at the edge, less beside it; in sum as high as before
    assert row[40] > 2 * before[40]
    assert row[36] < 0.2 * before[36]
    assert row[20:61].sum() == pytest.approx(before[20:61].sum(), rel=0.25)
    flat = 100 + np.random.default_rng(0).uniform(0, 0.5, (20, 81))
    down, across = transformed(flat, 4)
    np.testing.assert_allclose(across[5:15, 5:15], np.gradient(flat, axis=1)[5:15, 5:15])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_edges_are_nearer_to_the_original_than_by_bicubic(scale: int) -> None:
    hr = shapes(5)[..., 0].astype(np.float64) / 255
    lr = imresize(hr, scale=1 / scale)
    image = np.repeat(lr[..., None], 3, axis=2).astype(np.float32)
    sr = gradient_profile.upscaler(scale)(image)[..., 0]
    inside = (slice(8, -8), slice(8, -8))

    def off(result: np.ndarray) -> float:
        return float(np.square(result - hr)[inside].mean())

    assert off(sr) < 0.8 * off(imresize(lr, scale=scale))
    # it agrees with what it came from
    assert np.abs(imresize(sr.astype(np.float64), scale=1 / scale) - lr).max() < 0.03


def test_tiles_show_no_seams() -> None:
    image = shapes(7, 75)[:61].astype(np.float32) / 255
    whole = gradient_profile.upscaler(4)
    assert np.abs(Tiled(whole, 16, 16)(image) - whole(image)).max() < 1 / 255


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 1, 3), (1, 7, 3)])
@pytest.mark.parametrize("scale", [1, 2, 5])
def test_tiny_pictures_and_other_factors(shape: tuple[int, int, int], scale: int) -> None:
    out = load("gradient-profile", scale=scale)(np.full(shape, 0.25, np.float32))
    assert out.shape == (scale * shape[0], scale * shape[1], 3)
    np.testing.assert_allclose(out, 0.25, atol=1e-5)
    assert identity("gradient-profile") == "gradient-profile"


def test_set5(shared: Path) -> None:
    # no paper has a figure on Set5; bicubic has 28.42 dB
    assert float_psnr(load("gradient-profile"), shared) == pytest.approx(29.43, abs=0.03)
