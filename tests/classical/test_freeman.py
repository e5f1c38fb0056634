"""Freeman's one pass: its choice of examples by hand, and the whole on synthetic pictures."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from tests.classical.shapes import gain, shapes

from srgan.classical import freeman
from srgan.classical.freeman import Examples
from srgan.classical.methods import METHODS, open_fitted, pack
from srgan.errors import DataRefused, ModelRefused
from srgan.inference.tiles import Tiled
from srgan.weights.format import load_weights, save_weights


def stripes() -> Examples:
    """Two examples that the same patch asks for: detail on the right, and detail on the left."""
    high = np.zeros((2, 5, 5), np.float32)
    high[0, 1:, -1] = high[1, 1:, 0] = 1.0
    return Examples(2, np.zeros((2, 49), np.float32), high.reshape(2, 25))


@dataclass
class Tiles:
    """A tiled upscaler, with its factor where :func:`gain` looks for it."""

    tiled: Tiled
    scale: int = 2

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return self.tiled(image)


@pytest.fixture(scope="module")
def learned() -> Examples:
    return freeman.fit([shapes(s) for s in range(6)], scale=2, samples=20_000)


def test_an_example_agrees_with_what_lies_beside_it() -> None:
    gray = np.full((8, 8, 3), 0.5, np.float32)
    # The upper left patch continues nothing and takes the first, its neighbour the second.
    expected = np.zeros((16, 16), np.float32)
    expected[:, [4, 12]] = 4.0 / 219.0  # the least contrast, of luma
    expected[::4] = 0.0  # no example has a detail in its first row
    found = freeman.upscaler(stripes())(gray) - 0.5
    np.testing.assert_allclose(found, np.repeat(expected[..., None], 3, axis=2), atol=1e-6)


def test_it_beats_bicubic_and_a_file_gives_the_same_picture(
    learned: Examples, tmp_path: Path
) -> None:
    upscaler = freeman.upscaler(learned)
    assert gain(upscaler) > 0.3
    path = tmp_path / "freeman.safetensors"
    save_weights(path, *pack("freeman", learned, {}))
    lr = shapes(3, 30).astype(np.float32) / 255
    assert np.array_equal(open_fitted(*load_weights(path))(lr), upscaler(lr))


def test_tiles_cost_next_to_nothing(learned: Examples) -> None:
    upscaler = freeman.upscaler(learned)
    tiled = Tiles(Tiled(upscaler, 32, METHODS["freeman"].margin))
    # Each tile begins anew, so that details differ; they are as good.
    assert gain(tiled) == pytest.approx(gain(upscaler), abs=0.1)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_pictures_of_a_pixel_and_flat_ones(learned: Examples, scale: int) -> None:
    upscaler = freeman.upscaler(replace(learned, scale=scale))
    for height, width in ((1, 1), (2, 1), (1, 5), (9, 7)):
        flat = np.full((height, width, 3), 0.25, np.float32)
        assert upscaler(flat).shape == (scale * height, scale * width, 3)
        np.testing.assert_allclose(upscaler(flat), 0.25, atol=1e-5)


def test_the_seed_decides_all() -> None:
    one, again, other = (
        freeman.fit([shapes(1), shapes(2)], scale=2, samples=500, seed=s) for s in (3, 3, 4)
    )
    assert one.middle.shape == (500, 49)
    assert np.array_equal(one.middle, again.middle)
    assert np.array_equal(one.high, again.high)
    assert not np.array_equal(one.middle, other.middle)


def test_what_is_refused() -> None:
    good = stripes()
    assert good.fits
    for bad in (
        replace(good, middle=good.middle[:, :48]),
        replace(good, high=good.high[:1]),
        replace(good, middle=good.middle[:0], high=good.high[:0]),
        replace(good, high=good.high.reshape(2, 5, 5)),
    ):
        with pytest.raises(ModelRefused, match="do not fit each other"):
            open_fitted(*pack("freeman", bad, {}))
    with pytest.raises(DataRefused, match="no training picture is large enough"):
        freeman.fit([shapes(0, 13)], scale=2)
