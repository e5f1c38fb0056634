"""Edge prior and detail synthesis: texture that the picture shows larger, and the whole."""

import numpy as np
import pytest
from tests.classical.shapes import shapes

from srgan.classical import gradient_profile, tai
from srgan.classical.luma import LumaUpscaler
from srgan.image.resize import imresize
from srgan.inference.open import identity, load


def test_detail_counts_where_it_is_flat() -> None:
    np.testing.assert_allclose(tai.smoothness(np.full((5, 12), 0.3, np.float32)), 1.0)
    across = np.tile(np.arange(12.0) / 255, (5, 1))
    for levels, weight in ((8.0, np.exp(-0.25)), (16.0, np.exp(-1)), (64.0, np.exp(-16))):
        slope = (across * levels).astype(np.float32)
        np.testing.assert_allclose(tai.smoothness(slope), weight, rtol=1e-3)


def test_texture_is_copied_from_where_it_is_larger() -> None:
    noise = np.random.default_rng(3).normal(0, 18, (32, 32))
    texture = 120 + (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 3
    hr = np.full((128, 160), 120.0)
    hr[:, :128] = imresize(texture, scale=4)
    hr[:32, 128:] = texture
    lr = imresize(hr, scale=1 / 4)
    image = np.repeat(lr[..., None] / 255, 3, axis=2).astype(np.float32)
    small = (slice(4, 28), slice(132, 156))

    def off(upscaler: LumaUpscaler) -> float:
        return float(np.square(upscaler(image)[..., 0] * 255 - hr)[small].mean())

    assert off(tai.upscaler(4)) < 0.75 * off(gradient_profile.upscaler(4))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_agrees_with_what_it_came_from(scale: int) -> None:
    hr = shapes(5, 72)[..., 0].astype(np.float64)
    lr = imresize(hr, scale=1 / scale)
    bicubic = imresize(lr, scale=scale)
    image = np.repeat(lr[..., None] / 255, 3, axis=2).astype(np.float32)
    sr = load("tai", scale=scale)(image)[..., 0].astype(np.float64) * 255
    inside = (slice(8, -8), slice(8, -8))
    assert np.square(sr - hr)[inside].mean() < 0.8 * np.square(bicubic - hr)[inside].mean()
    assert np.abs(imresize(sr, scale=1 / scale) - lr).max() < 2.0


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 1, 3), (1, 7, 3), (9, 40, 3)])
@pytest.mark.parametrize("scale", [1, 2, 5])
def test_tiny_pictures_and_other_factors(shape: tuple[int, int, int], scale: int) -> None:
    out = load("tai", scale=scale)(np.full(shape, 0.25, np.float32))
    assert out.shape == (scale * shape[0], scale * shape[1], 3)
    np.testing.assert_allclose(out, 0.25, atol=1e-5)
    assert identity("tai") == "tai"
