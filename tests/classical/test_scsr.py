"""Sparse coding with coupled dictionaries: the codes, and the whole on synthetic pictures."""

from dataclasses import replace

import numpy as np
import pytest
from tests.classical.shapes import gain, shapes

from srgan.classical import scsr
from srgan.classical.backprojection import back_projected, resized
from srgan.classical.lasso import lasso
from srgan.classical.methods import METHODS
from srgan.errors import DataRefused
from srgan.image.resize import imresize
from srgan.inference.tiles import Tiled


def test_codes_are_where_the_penalty_balances() -> None:
    rng = np.random.default_rng(0)
    dictionary = rng.normal(size=(20, 40)).astype(np.float32)
    dictionary /= np.linalg.norm(dictionary, axis=0)
    signals = rng.normal(size=(30, 20)).astype(np.float32)
    codes = lasso(dictionary, signals, 0.3, rounds=2000)
    pull = (signals - codes @ dictionary.T) @ dictionary
    used = np.abs(codes) > 1e-4
    assert 0.05 < used.mean() < 0.5
    np.testing.assert_allclose(pull[used], 0.3 * np.sign(codes[used]), atol=2e-3)
    assert np.abs(pull).max() < 0.302


def test_codes_of_an_orthonormal_dictionary_are_shrunk() -> None:
    signals = np.array([[1.0, -0.5, 0.1]], np.float32)
    np.testing.assert_allclose(
        lasso(np.eye(3, dtype=np.float32), signals, 0.2), [[0.8, -0.3, 0.0]], atol=1e-6
    )


def test_back_projection_agrees_with_what_it_came_from() -> None:
    lr = shapes(2, 30)[..., 0].astype(np.float32) / 255
    start = np.asarray(imresize(lr, scale=4), np.float32)

    def off(image: np.ndarray) -> float:
        return float(np.abs(resized(image, lr.shape) - lr).max())

    assert off(back_projected(start, lr)) < off(start) / 4


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_beats_bicubic(scale: int) -> None:
    learned = scsr.fit([shapes(s) for s in range(6)], scale=scale, size=64)
    assert learned.fits
    np.testing.assert_allclose(np.linalg.norm(learned.low, axis=0), 1.0, atol=1e-4)
    assert not replace(learned, low=learned.low[:, :9]).fits
    upscaler = scsr.upscaler(learned)
    assert gain(upscaler) > 0.3
    tiny = np.random.default_rng(0).random((2, 1, 3)).astype(np.float32)
    assert upscaler(tiny).shape == (2 * scale, scale, 3)


def test_tiles_show_no_seams() -> None:
    learned = scsr.fit([shapes(s) for s in range(3)], scale=4, size=64)
    whole = scsr.upscaler(learned)
    image = shapes(7, 75)[:61].astype(np.float32) / 255
    tiled = Tiled(whole, 16, METHODS["scsr"].margin)
    assert np.abs(tiled(image) - whole(image)).max() < 1 / 255


def test_too_little_data_is_refused() -> None:
    with pytest.raises(DataRefused, match="too few for 1024 atoms"):
        scsr.fit([shapes(0, 40)], scale=2)
