"""The resampler against MATLAB's results."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.errors import UsageError
from srgan.image.resize import imresize

SETS = [("Set5/x2", 2, 5), ("Set5/x3", 3, 5), ("Set5/x4", 4, 5), ("Set14/x4", 4, 14)]


@pytest.mark.parametrize(("folder", "scale", "count"), [*SETS, ("BSD100/x4", 4, 100)])
def test_published_lr_pictures_come_out_bit_for_bit(
    shared: Path, folder: str, scale: int, count: int
) -> None:
    files = sorted((shared / "data/test" / folder).glob("*_HR.png"))
    assert len(files) == count
    for file in files:
        hr = np.asarray(Image.open(file))
        lr = np.asarray(Image.open(file.with_name(file.name.replace("_HR", "_LR"))))
        np.testing.assert_array_equal(imresize(hr, scale=1 / scale), lr, err_msg=file.name)


def test_bicubic_by_hand() -> None:
    # Keys' kernel (a = -0.5) at distances 1.25, 0.25, 0.75, 1.75, the edge repeated.
    row = np.array([[0.0, 0.0, 1.0, 1.0]])
    out = imresize(row, size=(1, 8))
    # Output 4 lies at input 1.75 (one-based 2.25): weights -0.0703125, 0.8671875, 0.2265625, ...
    assert out[0, 3] == pytest.approx(0.2265625 - 0.0234375)
    assert out[0, 0] == 0.0
    np.testing.assert_allclose(out + out[:, ::-1], 1.0, atol=1e-12)


@pytest.mark.parametrize("lobes", [2, 3])
def test_lanczos_by_its_formula(lobes: int) -> None:
    image = np.zeros((1, 16))
    image[0, 8] = 1.0
    # Doubled, output i lies at input i / 2 - 0.25; the weights of each are brought to a sum of 1.
    away = np.abs(np.arange(32)[:, None] / 2 - 0.25 - np.arange(16))
    weights = np.where(away < lobes, np.sinc(away) * np.sinc(away / lobes), 0.0)
    expected = (weights / weights.sum(axis=1, keepdims=True))[:, 8]
    kernel = {2: "lanczos2", 3: "lanczos3"}[lobes]
    out = imresize(image, size=(1, 32), kernel=kernel)  # type: ignore[arg-type]
    np.testing.assert_allclose(out[0, 8:24], expected[8:24], atol=1e-12)
    assert not out[0, : 17 - 2 * lobes].any()


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "bicubic", "lanczos2", "lanczos3"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_flat_picture_stays_flat(kernel: str, dtype: type) -> None:
    flat = np.full((7, 5, 3), 200, dtype)
    for size in [(28, 20), (3, 2), (1, 1), (13, 4)]:
        out = imresize(flat, size=size, kernel=kernel)  # type: ignore[arg-type]
        assert out.shape == (*size, 3)
        assert out.dtype == dtype
        np.testing.assert_allclose(out, 200, rtol=1e-6)


def test_nearest_repeats_pixels() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.testing.assert_array_equal(
        imresize(image, scale=4, kernel="nearest"), image.repeat(4, 0).repeat(4, 1)
    )


def test_one_pixel_and_one_row() -> None:
    assert imresize(np.array([[[9, 8, 7]]], np.uint8), scale=4).tolist() == [[[9, 8, 7]] * 4] * 4
    assert imresize(np.zeros((1, 9), np.uint8), scale=3.5).shape == (4, 32)


def test_integers_round_half_up_and_clip() -> None:
    assert imresize(np.array([[0, 1]], np.uint8), size=(1, 1), kernel="bilinear").item() == 1
    sharp = imresize(np.array([[0, 0, 255, 255]], np.uint8), scale=4)
    assert sharp.min() == 0
    assert sharp.max() == 255


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({}, "either scale or size"),
        ({"scale": 2, "size": (1, 1)}, "either scale or size"),
        ({"scale": 0}, "scale must be greater than 0, not 0"),
        ({"size": (0, 4)}, "size must be at least 1x1, not 4x0"),
    ],
)
def test_meaningless_sizes_are_refused(bad: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        imresize(np.zeros((4, 4), np.uint8), **bad)  # type: ignore[arg-type]
