"""Folder layouts of test sets."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.errors import DataRefused, ImageRefused
from srgan.evaluation.datasets import find, read
from srgan.image.resize import imresize


def _save(path: Path, height: int, width: int, gray: bool = False) -> np.ndarray:
    shape = (height, width) if gray else (height, width, 3)
    array = np.random.default_rng(height).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return array


def test_pairs_in_one_folder(tmp_path: Path) -> None:
    hr = _save(tmp_path / "Set5" / "x4" / "img_001_SRF_4_HR.png", 16, 12)
    lr = _save(tmp_path / "Set5" / "x4" / "img_001_SRF_4_LR.png", 4, 3)
    (entry,) = find(tmp_path, ["Set5"], scale=4)
    assert (entry.set, entry.name) == ("Set5", "img_001_SRF_4")
    sample = read(entry, scale=4)
    assert np.array_equal(sample.hr, hr)
    assert np.array_equal(sample.lr, lr)


def test_pairs_in_two_folders(tmp_path: Path) -> None:
    _save(tmp_path / "Mine" / "HR" / "a.png", 17, 12)
    lr = _save(tmp_path / "Mine" / "LR" / "ax4.png", 4, 3)
    (entry,) = find(tmp_path, ["Mine"], scale=4)
    sample = read(entry, scale=4)
    assert np.array_equal(sample.lr, lr)
    assert sample.hr.shape == (16, 12, 3)


def test_hr_only_is_downscaled_exactly_and_gray_stays_gray(tmp_path: Path) -> None:
    hr = _save(tmp_path / "gray.png", 18, 13, gray=True)
    (entry,) = find(tmp_path, None, scale=4)
    assert entry.lr is None
    sample = read(entry, scale=4)
    assert np.array_equal(sample.hr, hr[:16, :12])
    assert np.array_equal(sample.lr, imresize(hr[:16, :12], scale=0.25))


def test_standard_sets_are_found_in_their_order(tmp_path: Path) -> None:
    for name in ("BSD100", "Set5", "Other"):
        _save(tmp_path / name / "a.png", 16, 16)
    assert [e.set for e in find(tmp_path, None, scale=2)] == ["Set5", "BSD100"]


def test_what_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="no such folder"):
        find(tmp_path / "absent", None, scale=4)
    (tmp_path / "Empty").mkdir()
    with pytest.raises(DataRefused, match="has no set 'Set5'; it has Empty"):
        find(tmp_path, ["Set5"], scale=4)
    with pytest.raises(DataRefused, match="layout"):
        find(tmp_path, ["Empty"], scale=4)
    with pytest.raises(DataRefused, match=r"where its folders are sets: --sets Empty$"):
        find(tmp_path, None, scale=4)
    _save(tmp_path / "Bad" / "a_HR.png", 8, 8)
    for side in (8, 1):  # of x1, and of x8, whose HR picture would be a corner of this one
        _save(tmp_path / "Bad" / "a_LR.png", side, side)
        with pytest.raises(DataRefused, match=rf"is {side}x{side}, but .* of 2x2 at x4"):
            read(find(tmp_path, ["Bad"], scale=4)[0], scale=4)
    (tmp_path / "Bad" / "a_HR.png").write_bytes(b"no picture")
    with pytest.raises(ImageRefused):
        read(find(tmp_path, ["Bad"], scale=4)[0], scale=4)
