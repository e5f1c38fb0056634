"""LR consistency and gradient similarity."""

import numpy as np
import pytest

from srgan.errors import UsageError
from srgan.image.resize import imresize
from srgan.metrics.gradient import gradient_similarity
from srgan.metrics.lr_consistency import lr_consistency


def test_a_constant_offset_is_its_psnr() -> None:
    lr = np.full((8, 8, 3), 100, np.uint8)
    sr = np.full((32, 32, 3), 105, np.uint8)
    assert lr_consistency(sr, lr) == pytest.approx(34.1514, abs=1e-4)


def test_hr_itself_is_consistent() -> None:
    hr = np.random.default_rng(0).integers(0, 256, (32, 24, 3), dtype=np.uint8)
    assert lr_consistency(hr, imresize(hr, scale=0.25)) == float("inf")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="whole factor"):
        lr_consistency(hr, np.zeros((8, 7, 3), np.uint8))


def test_gradients() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert gradient_similarity(a, a) == 1.0
    blurred = imresize(imresize(a, scale=0.25), size=(32, 32))
    assert gradient_similarity(a, blurred) < 0.9  # type: ignore[arg-type]


def test_gradient_of_a_step_by_hand() -> None:
    # Halved: columns 0 0 90 90; Prewitt magnitude 90 beside the step, in the middle rows.
    a = np.zeros((8, 8), np.uint8)
    b = a.copy()
    b[:, 4:] = 90
    similarity = 170.0 / (90.0**2 + 170.0)
    from srgan.metrics.gradient import _map

    assert _map(a, b)[1:3, 1] == pytest.approx(similarity)
    assert _map(a.T, b.T)[1, 1:3] == pytest.approx(similarity)
