"""A single picture: what its smaller levels teach, and what comes of it."""

import numpy as np
import pytest

from srgan.classical import glasner
from srgan.classical.glasner import Examples, detail
from srgan.classical.pyramid import Pyramid, patches
from srgan.errors import UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.inference.open import identity, load
from srgan.metrics.psnr import psnr


def test_levels_and_patches() -> None:
    y = np.random.default_rng(0).random((40, 60)).astype(np.float32)
    pyramid = Pyramid(y, (160, 240), steps=6, deepest=12)
    assert [pyramid.shape(i) for i in (0, 3, 6, 12)] == [(160, 240), (80, 120), (40, 60), (10, 15)]
    assert sorted(pyramid.sharp) == [6, 7, 8, 9, 10, 11, 12]
    assert sorted(pyramid.blurred) == [6, 7, 8, 9, 10, 11]
    expected = imresize(pyramid.sharp[9], size=pyramid.shape(8))
    np.testing.assert_array_equal(pyramid.blurred[8], expected)
    # levels of fewer than 8 pixels are left out
    assert Pyramid(y[:10], (40, 240), steps=6, deepest=12).deepest == 7
    around = patches(y, 5)
    assert around.shape == (40, 60, 5, 5)
    np.testing.assert_array_equal(around[10, 20], y[8:13, 18:23])
    np.testing.assert_array_equal(around[0, 0, :3, :3], np.full((3, 3), y[0, 0]))


def test_what_blurring_took_from_the_picture_itself_is_found_again() -> None:
    y = np.random.default_rng(1).random((48, 48)).astype(np.float32)
    pyramid = Pyramid(y, (192, 192), steps=6, deepest=12)
    examples = Examples(pyramid)
    blurred, lost = pyramid.blurred[6], y - pyramid.blurred[6]
    # the same patches, brighter: each finds itself, with nothing tolerated beside it
    wanted = patches(blurred + np.float32(0.2), 5).reshape(-1, 25)
    found = examples.detail(wanted, np.zeros(len(wanted), np.float32))
    np.testing.assert_allclose(found, patches(lost, 5).reshape(-1, 25), atol=1e-4)
    # with all tolerated it is the mean of nine
    mean = examples.detail(wanted, np.full(len(wanted), 1e9, np.float32))
    assert 0.05 < mean.std() / found.std() < 0.6


def test_flat_pictures_lack_nothing() -> None:
    flat = np.full((40, 40), 0.5, np.float32)
    pyramid = Pyramid(flat, (80, 80), steps=3, deepest=9)
    np.testing.assert_allclose(detail(pyramid.blurred[4], Examples(pyramid)), 0.0, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_what_repeats_at_other_sizes_is_sharpened(scale: int) -> None:
    y, x = np.mgrid[:120, :120]
    rays = (np.floor(np.arctan2(y - 126, x - 126) * 40 / np.pi).astype(int) % 2) * 180 + 30
    hr = np.repeat(rays.astype(np.uint8)[..., None], 3, axis=2)
    lr = imresize(hr, scale=1 / scale)
    sr = glasner.upscaler(scale)(lr.astype(np.float32) / 255)

    def score(result: np.ndarray) -> float:
        return psnr(luma(result), luma(hr), data_range=255, border=scale)

    rounded = np.clip(sr * 255 + 0.5, 0, 255).astype(np.uint8)
    assert score(rounded) > score(imresize(lr, scale=scale)) + 1.0
    # it agrees with what it came from
    back = np.asarray(imresize(sr.astype(np.float64), size=lr.shape[:2]))
    assert np.abs(back - lr / 255.0).mean() < 0.01


def test_it_is_opened_by_its_name_and_tiny_pictures_are_bicubic() -> None:
    tiny = np.random.default_rng(0).random((3, 2, 3)).astype(np.float32)
    np.testing.assert_allclose(load("glasner", scale=2)(tiny), imresize(tiny, scale=2), atol=1e-5)
    assert identity("glasner") == "glasner"
    with pytest.raises(UsageError, match="2, 3 or 4 times, not 5"):
        load("glasner", scale=5)
