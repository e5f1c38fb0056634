"""NEDI: where its samples lie, its weights along edges, and the whole."""

from pathlib import Path

import numpy as np
import pytest
from tests.classical.set5 import float_psnr
from tests.classical.shapes import shapes

from srgan.classical import nedi
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.inference.open import identity, load
from srgan.inference.tiles import Tiled
from srgan.metrics.psnr import psnr


def test_the_samples_that_are_given_stay_and_the_flat_is_bilinear() -> None:
    image = 100.0 + np.random.default_rng(0).uniform(0, 4, (9, 12))  # variance below 8
    grown = nedi.doubled(image)
    assert grown.shape == (17, 23)
    np.testing.assert_array_equal(grown[::2, ::2], image)
    middle = (image[:-1, :-1] + image[1:, :-1] + image[:-1, 1:] + image[1:, 1:]) / 4
    np.testing.assert_allclose(grown[1::2, 1::2], middle)
    beside = (image[2:-2, 2:-3] + image[2:-2, 3:-2] + middle[1:-2, 2:-2] + middle[2:-1, 2:-2]) / 4
    np.testing.assert_allclose(grown[4:-4:2, 5:-5:2], beside)


def test_what_is_constant_along_a_diagonal_stays_so() -> None:
    profile = np.random.default_rng(1).uniform(0, 255, 60)
    y, x = np.mgrid[:24, :24]
    grown = nedi.doubled(profile[y - x + 30])
    y, x = np.mgrid[9:38:2, 9:38:2]
    # four weights that the window decides: those across the diagonal are 0
    np.testing.assert_allclose(grown[9:38:2, 9:38:2], profile[(y - x) // 2 + 30], atol=1.0)
    straight = nedi.doubled(np.tile(profile[:24], (24, 1)))
    np.testing.assert_allclose(straight[9:38, 8:39:2], np.tile(profile[4:20], (29, 1)), atol=1.0)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5])
def test_samples_lie_where_imresize_has_them(scale: int) -> None:
    ramp = np.tile(np.arange(20.0) / 255, (18, 1)) + np.arange(18.0)[:, None] / 510
    image = np.repeat(ramp[..., None], 3, axis=2).astype(np.float32) + np.float32(0.1)
    out = load("nedi", scale=scale)(image)
    assert out.shape == (18 * scale, 20 * scale, 3)
    inside = slice(3 * scale, -3 * scale)
    y, x = ((np.arange(n * scale) + 0.5) / scale - 0.5 for n in (18, 20))
    expected = (x[None, :] + y[:, None] / 2) / 255 + 0.1
    np.testing.assert_allclose(out[inside, inside, 1], expected[inside, inside], atol=4e-5)


def test_a_slanted_edge_is_smoother_than_by_bicubic() -> None:
    y, x = np.mgrid[:160, :160] + 0.5
    side = np.clip((x - 80) * np.cos(0.5) + (y - 80) * np.sin(0.5) + 0.5, 0, 1)
    hr = np.repeat(np.round(60 + 140 * side)[..., None], 3, axis=2).astype(np.uint8)
    # every fourth sample of what was smoothed a little: the edge has steps
    lr = imresize(hr, scale=1 / 4, antialias=False)

    def score(sr: np.ndarray) -> float:
        return psnr(luma(sr), luma(hr), data_range=255, border=12)

    sr = load("nedi")(lr.astype(np.float32) / 255)
    ours = score(np.clip(sr * 255 + 0.5, 0, 255).astype(np.uint8))
    assert ours > score(imresize(lr, scale=4)) + 2.0


def test_tiles_change_nothing() -> None:
    image = shapes(7, 75)[:61].astype(np.float32) / 255
    whole = nedi.upscaler(4)
    np.testing.assert_allclose(Tiled(whole, 16, 16)(image), whole(image), atol=1e-5)
    assert np.abs(Tiled(whole, 16, 3)(image) - whole(image)).max() > 1e-3


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 1, 3), (1, 7, 3)])
def test_tiny_pictures(shape: tuple[int, int, int]) -> None:
    out = load("nedi", scale=3)(np.full(shape, 0.25, np.float32))
    assert out.shape == (3 * shape[0], 3 * shape[1], 3)
    np.testing.assert_allclose(out, 0.25, atol=1e-5)
    assert identity("nedi") == "nedi"


def test_set5(shared: Path) -> None:
    # no paper has a figure on Set5; half a pixel off it would lose 2 dB and more
    assert float_psnr(load("nedi"), shared) == pytest.approx(28.33, abs=0.03)
    assert float_psnr(load("nedi", scale=2), shared) == pytest.approx(33.51, abs=0.03)
