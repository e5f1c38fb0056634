"""Self-similarity: where patches are looked for, and what comes of it."""

import numpy as np
import pytest

from srgan.classical import selfex
from srgan.classical.selfex import _Field, _Levels, match
from srgan.errors import UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.inference.open import identity, load
from srgan.metrics.psnr import psnr


def field(count: int, y: float, x: float, size: float = 0.0, angle: float = 0.0) -> _Field:
    return _Field(*(np.full(count, v, np.float32) for v in (y, x, size, angle, np.inf)))


def test_patches_lie_where_the_field_says_moved_turned_and_scaled() -> None:
    image = np.random.default_rng(0).random((20, 24)).astype(np.float32)
    levels = _Levels([image], [image], image.shape)
    found = levels.patches(levels.sharp, field(1, 9.0, 11.0)).reshape(5, 5)
    np.testing.assert_allclose(found, image[7:12, 9:14], atol=1e-5)
    turned = levels.patches(levels.sharp, field(1, 9.0, 11.0, angle=np.pi / 2)).reshape(5, 5)
    # a step down the patch is a step to the left in the picture
    np.testing.assert_allclose(turned, np.rot90(image[7:12, 9:14], 1), atol=1e-4)
    half = levels.patches(levels.sharp, field(1, 9.5, 11.0)).reshape(5, 5)
    np.testing.assert_allclose(half, (image[7:12, 9:14] + image[8:13, 9:14]) / 2, atol=1e-5)
    ramp = np.tile(np.arange(24, dtype=np.float32), (20, 1))
    levels = _Levels([ramp], [ramp], ramp.shape)
    wide = levels.patches(levels.sharp, field(1, 9.0, 11.0, size=1.0)).reshape(5, 5)
    np.testing.assert_allclose(wide[2], [7, 9, 11, 13, 15], atol=1e-4)


def test_the_search_finds_a_copy() -> None:
    rng = np.random.default_rng(1)
    source = np.asarray(imresize(rng.random((20, 20)), scale=2), np.float32)
    levels = _Levels([source], [source], source.shape)
    target = np.roll(source, (6, -4), axis=(0, 1)) + np.float32(0.1)
    found = field(1600, 20.0, 20.0)
    match(target, levels, found, 8, rng)
    inside = np.zeros((40, 40), bool)
    inside[12:34, 6:30] = True  # away from where the copy breaks off
    rows, columns = np.divmod(np.arange(1600), 40)
    right = (abs(found.y - (rows - 6)) < 0.5) & (abs(found.x - (columns + 4)) < 0.5)
    assert right[inside.ravel()].mean() > 0.9


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_what_repeats_at_other_sizes_is_sharpened(scale: int) -> None:
    y, x = np.mgrid[:144, :144]
    rays = (np.floor(np.arctan2(y - 150, x - 150) * 40 / np.pi).astype(int) % 2) * 180 + 30
    hr = np.repeat(rays.astype(np.uint8)[..., None], 3, axis=2)
    lr = imresize(hr, scale=1 / scale)
    upscaler = selfex.upscaler(scale)
    sr = upscaler(lr.astype(np.float32) / 255)
    again = upscaler(lr.astype(np.float32) / 255)
    assert np.array_equal(sr, again)

    def score(result: np.ndarray) -> float:
        return psnr(luma(result), luma(hr), data_range=255, border=scale)

    rounded = np.clip(sr * 255 + 0.5, 0, 255).astype(np.uint8)
    assert score(rounded) > score(imresize(lr, scale=scale)) + 1.0
    # it agrees with what it came from
    back = np.asarray(imresize(sr.astype(np.float64), size=lr.shape[:2]))
    assert np.abs(back - lr / 255.0).mean() < 0.01


def test_it_is_opened_by_its_name_and_tiny_pictures_are_bicubic() -> None:
    upscaler = load("selfex", scale=2)
    tiny = np.random.default_rng(0).random((3, 2, 3)).astype(np.float32)
    np.testing.assert_allclose(upscaler(tiny), imresize(tiny, scale=2), atol=1e-5)
    assert identity("selfex") == "selfex"
    with pytest.raises(UsageError, match="2, 3 or 4 times, not 5"):
        load("selfex", scale=5)
