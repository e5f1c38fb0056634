"""Super-resolution from other photos of the place, on synthetic places."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from srgan.classical import gradient_profile, landmark
from srgan.classical.landmark import References
from srgan.classical.methods import open_fitted, pack
from srgan.errors import DataRefused, ModelRefused, SRGANWarning, UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.metrics.psnr import psnr
from srgan.weights.format import load_weights, save_weights

cv2 = pytest.importorskip("cv2", reason="needs srgan[reference]")

SCALE = 4


def place(seed: int, side: int = 208) -> np.ndarray:
    """A wall of many textures: (side, side, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = np.zeros((side, side))
    for size in (4, 8, 16, 40):
        coarse = rng.normal(0, 1, (side // size + 2, side // size + 2)).astype(np.float32)
        image += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) * size**0.5
    image = 128 + 45 * (image - image.mean()) / image.std()
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def elsewhere(photo: np.ndarray, *, zoom: float = 1.2, degrees: float = 5) -> np.ndarray:
    """The place from another standpoint, in other light."""
    side = photo.shape[0]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, zoom)
    turn[:, 2] += (zoom - 1) * side / 2
    matrix = np.vstack([turn, [5e-5, -5e-5, 1]])
    size = (round(side * zoom), round(side * zoom))
    seen = cv2.warpPerspective(photo, matrix, size, flags=cv2.INTER_CUBIC)
    return np.clip(seen * 0.85 + 12, 0, 255).astype(np.uint8)


def lr_of(hr: np.ndarray) -> np.ndarray:
    return np.asarray(imresize(hr, scale=1 / SCALE)).astype(np.float32) / 255


def decibels(sr: np.ndarray, hr: np.ndarray) -> float:
    rounded = np.clip(np.floor(sr * 255 + 0.5), 0, 255).astype(np.uint8)
    return psnr(luma(rounded), luma(hr), data_range=255, border=16)


@pytest.fixture(scope="module")
def hr() -> np.ndarray:
    return place(0)


@pytest.fixture(scope="module")
def alone(hr: np.ndarray) -> np.ndarray:
    """What the LR picture gives without any photo."""
    return gradient_profile.upscaler(SCALE)(lr_of(hr))


@pytest.fixture(scope="module")
def learned(hr: np.ndarray) -> References:
    return landmark.fit([place(1), elsewhere(hr)], scale=SCALE)


def test_another_photo_gives_what_the_lr_picture_lost(
    hr: np.ndarray, alone: np.ndarray, learned: References, tmp_path: Path
) -> None:
    upscaler = landmark.upscaler(learned)
    sr = upscaler(lr_of(hr))
    assert decibels(sr, hr) > decibels(alone, hr) + 5
    assert np.abs(imresize(sr.astype(np.float64), scale=1 / SCALE) - lr_of(hr)).max() < 0.02
    path = tmp_path / "place.safetensors"
    save_weights(path, *pack("landmark", learned, {}))
    assert np.array_equal(open_fitted(*load_weights(path))(lr_of(hr)), sr)


def test_what_stands_nearer_is_found_where_it_is(hr: np.ndarray, alone: np.ndarray) -> None:
    """The right half is 5 pixels further left than the homography of the rest says."""
    nearer = elsewhere(hr, degrees=0, zoom=1)
    middle = nearer.shape[1] // 2
    nearer[:, middle:-5] = nearer[:, middle + 5 :].copy()
    sr = landmark.upscaler(landmark.fit([nearer], scale=SCALE))(lr_of(hr))
    for half in (np.s_[:, :92], np.s_[:, 116:]):
        assert decibels(sr[half], hr[half]) > decibels(alone[half], hr[half]) + 4


@pytest.mark.parametrize(
    "photo",
    [
        pytest.param(lambda hr: place(1), id="of another place"),
        pytest.param(lambda hr: elsewhere(hr)[:, ::-1], id="mirrored"),
        pytest.param(lambda hr: np.asarray(imresize(hr, scale=1 / SCALE)), id="as small"),
    ],
)
def test_a_photo_that_does_not_help_changes_nothing(
    photo, hr: np.ndarray, alone: np.ndarray
) -> None:
    learned = landmark.fit([np.ascontiguousarray(photo(hr))], scale=SCALE)
    with pytest.warns(SRGANWarning, match="none of the model's photos shows"):
        assert np.array_equal(landmark.upscaler(learned)(lr_of(hr)), alone)


def test_beside_the_photo_the_lr_picture_is_enlarged_alone(
    hr: np.ndarray, alone: np.ndarray
) -> None:
    left = np.ascontiguousarray(hr[:, :130])
    sr = landmark.upscaler(landmark.fit([left], scale=SCALE))(lr_of(hr))
    assert np.abs(sr[:, 170:] - alone[:, 170:]).max() < 0.03
    assert decibels(sr[:, :110], hr[:, :110]) > decibels(alone[:, :110], hr[:, :110]) + 5


def test_a_flat_or_tiny_picture_is_enlarged_alone(learned: References) -> None:
    upscaler = landmark.upscaler(learned)
    with pytest.warns(SRGANWarning):
        flat = upscaler(np.full((9, 7, 3), 0.5, np.float32))
    np.testing.assert_allclose(flat, 0.5, atol=1e-5)
    with pytest.warns(SRGANWarning):
        tiny = upscaler(np.full((1, 1, 3), 0.25, np.float32))
    assert tiny.shape == (SCALE, SCALE, 3)


def test_a_large_photo_is_shrunk(hr: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmark, "PIXELS", 10_000)
    learned = landmark.fit([hr], scale=SCALE)
    assert learned.sizes.tolist() == [[100, 100]]
    assert learned.points.max() < 100


def test_what_is_refused(learned: References, monkeypatch: pytest.MonkeyPatch) -> None:
    assert learned.fits
    for bad in (
        replace(learned, pixels=learned.pixels[1:]),
        replace(learned, points=learned.points[1:]),
        replace(learned, sizes=-learned.sizes),
        replace(learned, sizes=learned.sizes * [[0.3, 1 / 0.3]]),
        replace(learned, counts=learned.counts + 1),
    ):
        with pytest.raises(ModelRefused, match="do not fit each other"):
            open_fitted(*pack("landmark", bad, {}))
    with pytest.raises(DataRefused, match="no picture has corners"):
        landmark.fit([np.full((64, 64, 3), 128, np.uint8)], scale=SCALE)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UsageError, match=r'pip install "srgan\[reference\]"'):
        open_fitted(*pack("landmark", learned, {}))
