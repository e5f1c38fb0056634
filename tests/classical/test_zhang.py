"""The multi-scale dictionary: what the picture's sizes give, and the whole."""

import numpy as np
import pytest
from tests.classical.shapes import gain, shapes

from srgan.classical import zhang
from srgan.inference.open import identity, load


def test_each_size_has_its_own_dictionaries() -> None:
    y = shapes(2, 60)[..., 0].astype(np.float32) / 255
    sizes = zhang.pyramid(y)
    assert [image.shape for image in sizes] == [(60, 60), (48, 48), (38, 38), (31, 31), (25, 25)]
    counts = [len(zhang.dictionaries(4, [image]).centres) for image in sizes]
    together = zhang.dictionaries(4, sizes)
    assert together.fits
    assert len(together.centres) == sum(counts) - 4  # one for what is flat
    assert not together.centres[0].any()
    assert together.centres[1:].any(axis=1).all()


def test_an_estimate_is_drawn_to_what_the_picture_shows() -> None:
    y = shapes(2, 40)[..., 0].astype(np.float32) / 255
    blurred = (y + np.roll(y, 1, 0) + np.roll(y, 1, 1) + np.roll(y, -1, 0)) / 4
    step = zhang.drawn_to([y])(blurred)(blurred)
    inside = np.s_[4:-4, 4:-4]
    left = np.square(blurred + step / zhang.ACROSS - y)[inside].mean()
    assert left < 0.6 * np.square(blurred - y)[inside].mean()
    # Of the picture itself nothing is to be said.
    np.testing.assert_allclose(zhang.drawn_to([y])(y)(y) / zhang.ACROSS, 0, atol=0.03)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_beats_bicubic(scale: int) -> None:
    assert gain(zhang.upscaler(scale)) > 1.7


def test_the_same_picture_gives_the_same_result() -> None:
    lr = shapes(5, 16).astype(np.float32) / 255
    assert np.array_equal(zhang.upscaler(2)(lr), zhang.upscaler(2)(lr))


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 1, 3), (1, 7, 3), (9, 20, 3)])
@pytest.mark.parametrize("scale", [1, 2, 5])
def test_tiny_pictures_and_other_factors(shape: tuple[int, int, int], scale: int) -> None:
    out = load("zhang", scale=scale)(np.full(shape, 0.25, np.float32))
    assert out.shape == (scale * shape[0], scale * shape[1], 3)
    np.testing.assert_allclose(out, 0.25, atol=1e-5)
    assert identity("zhang") == "zhang"
