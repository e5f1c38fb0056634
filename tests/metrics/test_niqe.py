"""NIQE ranks damage; its fit is reproducible."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from srgan.errors import DataRefused, UsageError
from srgan.metrics import niqe as m


def _noise(seed: int, size: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def test_the_shape_of_known_distributions_is_found() -> None:
    rng = np.random.default_rng(0)
    gauss = rng.normal(0, 2.0, (1, 96, 96))
    laplace = rng.laplace(0, 1.0, (1, 96, 96))
    shape, left, right = m._asymmetric(gauss)
    assert shape[0] == pytest.approx(2.0, abs=0.15)
    assert left[0] == pytest.approx(2.0, rel=0.05)
    assert right[0] == pytest.approx(2.0, rel=0.05)
    assert m._asymmetric(laplace)[0][0] == pytest.approx(1.0, abs=0.08)


def test_the_two_sides_of_a_lopsided_distribution_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    right_side = rng.random((1, 200, 200)) < 3 / 4  # as wide as they are: 1 and 3
    lopsided = np.abs(rng.normal(0, 1, right_side.shape)) * np.where(right_side, 3.0, -1.0)
    shape, left, right = m._asymmetric(lopsided)
    assert shape[0] == pytest.approx(2.0, abs=0.1)
    assert (left[0], right[0]) == pytest.approx((1.0, 3.0), rel=0.03)
    # The mean is (right - left) times Gamma(2/a) / sqrt(Gamma(1/a) Gamma(3/a)).
    assert (right - left)[0] * m._mean_factor(shape)[0] == pytest.approx(lopsided.mean(), rel=0.05)


def test_luma_is_freed_of_its_local_mean_and_contrast() -> None:
    steps = np.full((96, 96), 50.0)
    steps[:, 48:] = 150.0
    normalised, deviation = m._normalise(steps)
    assert np.abs(normalised[:, :44]).max() < 1e-9
    assert deviation[:, 52:].max() < 1e-4
    # Beside the step the kernel, a Gaussian of 7/6, has this part of its weight on the far side.
    weights = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    far = weights[4:].sum() / weights.sum()
    assert deviation[48, 47] == pytest.approx(100 * np.sqrt(far * (1 - far)))
    assert normalised[48, 47] == pytest.approx(-100 * far / (deviation[48, 47] + 1))


def test_what_is_not_sharp_or_too_small_is_not_learnt_from() -> None:
    dull = np.full((384, 384, 3), 128, np.uint8)
    dull += _noise(9, 384) // 16
    photos = [np.concatenate([_noise(s, 384), dull]) for s in range(6)]
    with pytest.raises(DataRefused, match="the photos have 96;"):
        m.fit([*photos, _noise(0, 95)])
    m.fit([*photos, _noise(7, 384)])


@pytest.mark.parametrize("number", [3, 9, 21, 50, 78, 99])
def test_damage_is_ranked_below_the_clean_picture(shared: Path, number: int) -> None:
    path = shared / "data" / "test" / "BSD100" / "x4" / f"img_{number:03d}_SRF_4_HR.png"
    picture = Image.open(path).convert("RGB")
    clean = np.asarray(picture)

    def blurred(radius: float) -> np.ndarray:
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)))

    def noisy(deviation: float) -> np.ndarray:
        noise = np.random.default_rng(0).normal(0, deviation, clean.shape)
        return np.clip(clean + noise, 0, 255).astype(np.uint8)

    def compressed(quality: float) -> np.ndarray:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=int(quality))
        return np.asarray(Image.open(buffer))

    for damage, little, much in ((blurred, 1, 2), (noisy, 10, 25), (compressed, 30, 10)):
        assert m.niqe(clean) < m.niqe(damage(little)) < m.niqe(damage(much)), damage.__name__
        assert m.niqe(damage(much)) > m.niqe(clean) + 1.0
    assert m.niqe(clean) < 5.0


def test_fit_save_load(tmp_path: Path) -> None:
    clean = m.fit(_noise(s) for s in range(8))
    path = tmp_path / "clean.npz"
    m.save(clean, path)
    again = m.load(path)
    assert np.array_equal(again.mean, clean.mean)
    assert again.covariance.shape == (36, 36)
    # more of the same is near; the shipped photographs' statistics are far from noise
    assert m.niqe(_noise(99), again) < 0.3 * m.niqe(_noise(99))


def test_too_little_to_measure(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least two blocks"):
        m.niqe(_noise(0, 100))
    with pytest.raises(UsageError, match="at least two blocks"):
        m.niqe(np.zeros((400, 400), np.uint8))
    with pytest.raises(DataRefused, match="at least 100 sharp blocks"):
        m.fit([_noise(0)])
    (tmp_path / "x.npz").write_bytes(b"no")
    with pytest.raises(DataRefused, match="srgan fit niqe"):
        m.load(tmp_path / "x.npz")
