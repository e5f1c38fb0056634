"""Edge-directed interpolation: where edges lie, what is drawn beside them, and the whole."""

from pathlib import Path

import numpy as np
import pytest
from tests.classical.set5 import float_psnr
from tests.classical.shapes import shapes

from srgan.classical import allebach_wong
from srgan.classical.allebach_wong import Drawing, edge_filter
from srgan.image.resize import imresize
from srgan.inference.open import identity, load
from srgan.inference.tiles import Tiled


def test_the_filter_changes_its_sign_at_an_edge() -> None:
    lr = np.tile([60.0, 60, 60, 90, 180, 210, 210], (4, 1))
    expected = [0, 0, -10, -20, 20, 10, 0]  # 90 - (60 + 90 + 180) / 3 = -20
    np.testing.assert_allclose(edge_filter(lr), np.tile(expected, (4, 1)), atol=1e-9)
    drawing = Drawing.of(lr, 4)
    # between 90 and 180 alone, half-way: after pixel 15 of 14 to 17, which lie between these two
    np.testing.assert_array_equal(np.flatnonzero(drawing.crossed[8]), [14, 15, 16, 17])
    np.testing.assert_allclose(drawing.lit[8, 14:18], [0, 1 / 3, 2 / 3, 1], atol=1e-9)
    # 9 levels are no edge
    assert not Drawing.of(lr * 0.2, 4).crossed.any()


def test_bilinear_but_never_across_an_edge() -> None:
    lr = np.tile([80.0, 82, 84, 86, 180, 176, 172, 168], (6, 1))
    row = Drawing.of(lr, 4)(lr)[12]
    # pixels 14 to 17 are 1/8, 3/8, 5/8 and 7/8 of the way from 86 to 180, which is where the
    # sides 86 + 2 / 2 and 180 + 4 / 2 of the other's sample are: a bilinear 14 has 97.75
    assert row[14] == pytest.approx(86 + 1 / 8)
    assert row[17] == pytest.approx(180 + 2 / 8)
    np.testing.assert_allclose(row[6:14], 80 + 2 * ((np.arange(6, 14) + 0.5) / 4 - 0.5))
    np.testing.assert_allclose(row[18:26], 180 - 4 * ((np.arange(18, 26) + 0.5) / 4 - 4.5))
    assert np.all(np.diff(row[14:18]) > 20)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4])
def test_an_edge_is_as_steep_as_the_original(angle: float) -> None:
    y, x = np.mgrid[:160, :160] + 0.5
    across = (x - 82.3) * np.cos(angle) + (y - 82.3) * np.sin(angle)
    hr = 60 + 140 * np.clip(across / 3 + 0.5, 0, 1)
    lr = imresize(hr, scale=1 / 4)
    bicubic = imresize(lr, scale=4)
    image = np.repeat(lr[..., None] / 255, 3, axis=2).astype(np.float32)
    sr = allebach_wong.upscaler(4)(image)[..., 0] * 255
    inside = (slice(16, -16), slice(16, -16))

    def off(result: np.ndarray) -> float:
        return float(np.square(result - hr)[inside].mean()) ** 0.5

    def steepness(result: np.ndarray) -> float:
        return float(np.median(np.hypot(*np.gradient(result))[inside].max(axis=1)))

    assert off(sr) < 0.55 * off(bicubic)
    assert steepness(sr) == pytest.approx(steepness(hr), rel=0.15)  # 47 levels a pixel
    assert steepness(bicubic) < 0.65 * steepness(hr)
    # it leaves the range of the LR picture, in which the step has 4 levels of overshoot, by few
    assert sr[inside].min() > lr.min() - 6
    assert sr[inside].max() < lr.max() + 6


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_agrees_with_what_it_came_from(scale: int) -> None:
    hr = shapes(5)[..., 0].astype(np.float64)
    lr = imresize(hr, scale=1 / scale)
    bicubic = imresize(lr, scale=scale)
    image = np.repeat(lr[..., None] / 255, 3, axis=2).astype(np.float32)
    sr = allebach_wong.upscaler(scale)(image)[..., 0].astype(np.float64) * 255

    def residual(result: np.ndarray) -> np.ndarray:
        return np.abs(imresize(result, scale=1 / scale) - lr)

    assert np.sqrt(np.square(residual(sr)).mean()) < 1.0
    assert residual(sr).max() < 9.0
    assert np.sqrt(np.square(residual(bicubic)).mean()) > 4.9
    inside = (slice(8, -8), slice(8, -8))
    assert np.square(sr - hr)[inside].mean() < 0.9 * np.square(bicubic - hr)[inside].mean()


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5])
def test_a_slope_stays_one(scale: int) -> None:
    ramp = np.tile(np.arange(20.0) * 2, (18, 1)) + np.arange(18.0)[:, None]
    image = np.repeat(ramp[..., None] / 255 + 0.1, 3, axis=2).astype(np.float32)
    out = load("allebach-wong", scale=scale)(image)
    assert out.shape == (18 * scale, 20 * scale, 3)
    y, x = ((np.arange(n * scale) + 0.5) / scale - 0.5 for n in (18, 20))
    expected = (2 * x[None, :] + y[:, None]) / 255 + 0.1
    inside = (slice(8 * scale, -8 * scale),) * 2  # where the correction of the edge has died out
    np.testing.assert_allclose(out[..., 1][inside], expected[inside], atol=4e-5)


def test_colour_follows_by_the_bicubic_filter() -> None:
    image = shapes(7, 40).astype(np.float32) / 255
    image[..., 2] = 0.5
    out = allebach_wong.upscaler(3)(image)
    step = out - imresize(image, scale=3)
    np.testing.assert_allclose(step[..., 0], step[..., 1], atol=1e-5)
    np.testing.assert_allclose(step[..., 0], step[..., 2], atol=1e-5)
    assert np.abs(step).max() > 0.05


def test_tiles_change_nothing() -> None:
    image = shapes(7, 75)[:61].astype(np.float32) / 255
    whole = allebach_wong.upscaler(4)
    np.testing.assert_allclose(Tiled(whole, 16, 16)(image), whole(image), atol=1e-5)
    assert np.abs(Tiled(whole, 16, 3)(image) - whole(image)).max() > 1e-3


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 1, 3), (1, 7, 3)])
@pytest.mark.parametrize("scale", [1, 2, 5])
def test_tiny_pictures_and_other_factors(shape: tuple[int, int, int], scale: int) -> None:
    out = load("allebach-wong", scale=scale)(np.full(shape, 0.25, np.float32))
    assert out.shape == (scale * shape[0], scale * shape[1], 3)
    np.testing.assert_allclose(out, 0.25, atol=1e-5)
    assert identity("allebach-wong") == "allebach-wong"


def test_set5(shared: Path) -> None:
    # no paper has a figure on Set5; bicubic has 28.42 dB
    assert float_psnr(load("allebach-wong"), shared) == pytest.approx(29.16, abs=0.03)
