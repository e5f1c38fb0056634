"""Kernel ridge regression: its kernels by hand, and the whole on synthetic pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.classical.shapes import gain, shapes

from srgan.classical import kim_kwon
from srgan.classical.kim_kwon import Kernels
from srgan.classical.methods import open_fitted, pack
from srgan.errors import DataRefused, ModelRefused
from srgan.weights.format import load_weights, save_weights


def constant() -> Kernels:
    """One point, the flat patch, which answers 0.1 and, less surely, 0.3 at the patch's corner."""
    answers = np.full((1, 25), 0.1, np.float32)
    errors = np.zeros((50, 25), np.float32)
    answers[0, 0], errors[-1, 0] = 0.3, np.log(2.0) * 3.0 / 255.0
    return Kernels(2, np.zeros((1, 49), np.float32), np.ones(1, np.float32), answers, errors)


def fitted(*, passes: int, seed: int = 0) -> Kernels:
    pictures = [shapes(s) for s in range(4)]
    return kim_kwon.fit(pictures, scale=2, samples=4000, basis=40, passes=passes, seed=seed)


@pytest.fixture(scope="module")
def learned() -> Kernels:
    return fitted(passes=60)


def test_the_surer_answer_counts_more() -> None:
    gray = np.full((6, 5, 3), 0.5, np.float32)
    # Of 25 answers one is half as sure: (24 * 0.1 + 0.5 * 0.3) / 24.5, of luma.
    expected = 0.5 + 2.55 / 24.5 * 255 / 219
    np.testing.assert_allclose(kim_kwon.upscaler(constant())(gray), expected, atol=1e-5)


def test_where_no_answer_is_sure_all_count_alike() -> None:
    lost = replace(constant(), errors=np.full((50, 25), 1e9, np.float32))
    gray = np.full((6, 5, 3), 0.5, np.float32)
    expected = 0.5 + (24 * 0.1 + 0.3) / 25 * 255 / 219
    np.testing.assert_allclose(kim_kwon.upscaler(lost)(gray), expected, atol=1e-5)


def test_a_point_answers_for_what_is_like_it() -> None:
    near = replace(constant(), errors=np.zeros((50, 25), np.float32))
    near = replace(near, answers=np.full((1, 25), 0.1, np.float32))
    far = replace(near, basis=np.full((1, 49), 0.2, np.float32))
    gray = np.full((4, 4, 3), 0.5, np.float32)
    # A squared distance of 49 * 0.2², over the width.
    expected = 0.5 + 0.1 * np.exp(-1.96) * 255 / 219
    np.testing.assert_allclose(kim_kwon.upscaler(far)(gray), expected, atol=1e-5)


def test_it_beats_bicubic_and_a_file_gives_the_same_picture(
    learned: Kernels, tmp_path: Path
) -> None:
    upscaler = kim_kwon.upscaler(learned)
    assert gain(upscaler) > 0.8
    path = tmp_path / "kim-kwon.safetensors"
    save_weights(path, *pack("kim-kwon", learned, {}))
    lr = shapes(3, 30).astype(np.float32) / 255
    assert np.array_equal(open_fitted(*load_weights(path))(lr), upscaler(lr))


def test_moving_points_leave_less_and_the_seed_decides_all(learned: Kernels) -> None:
    again, still, other = fitted(passes=60), fitted(passes=0), fitted(passes=0, seed=1)
    assert np.array_equal(again.basis, learned.basis)
    assert np.array_equal(again.answers, learned.answers)
    assert not np.array_equal(other.basis, still.basis)
    assert gain(kim_kwon.upscaler(learned)) > gain(kim_kwon.upscaler(still)) + 0.2


def test_what_is_refused() -> None:
    good = constant()
    assert good.fits
    for bad in (
        replace(good, scale=4),
        replace(good, scale=5),
        replace(good, width=np.zeros(1, np.float32)),
        replace(good, answers=good.answers[:, :24]),
        replace(good, errors=good.errors[:-1]),
    ):
        with pytest.raises(ModelRefused, match="do not fit each other"):
            open_fitted(*pack("kim-kwon", bad, {}))
    with pytest.raises(DataRefused, match="too few for 300 basis points"):
        kim_kwon.fit([shapes(0, 28)], scale=2)
