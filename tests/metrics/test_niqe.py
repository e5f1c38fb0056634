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
