"""Damage by video coding: as strong as asked for, in place, colours kept, repeatable."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from srgan.degradation import video
from srgan.degradation.pipeline import Degradation, degrade
from srgan.errors import UsageError
from srgan.image.files import read_picture
from srgan.image.resize import imresize
from srgan.metrics.psnr import psnr

pytest.importorskip("av", reason="video coding needs PyAV")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """51x45: sides that are odd, and no multiple of a block."""
    path = Path(__file__).parents[2] / "examples" / "hair.png"
    return np.ascontiguousarray(read_picture(path).frames[0].colour[20:71, :45, :3])


def coded(picture: np.ndarray, crf: int, seed: int) -> np.ndarray:
    return video.h264(picture, crf, np.random.default_rng(seed))


def test_a_higher_factor_damages_more(picture: np.ndarray) -> None:
    quality = [
        np.mean(
            [
                psnr(coded(picture, crf, seed), picture, data_range=255, border=0)
                for seed in range(8)
            ]
        )
        for crf in (1, 18, 28, 40)
    ]
    assert all(better > worse + 2 for better, worse in pairwise(quality))
    assert quality[0] > 33
    assert quality[-1] > 18


def test_the_frame_stays_in_place_and_keeps_its_colours(picture: np.ndarray) -> None:
    for seed in range(12):
        found = coded(picture, 12, seed).astype(float)
        assert found.shape == picture.shape
        errors = {
            (dy, dx): np.mean((np.roll(found, (dy, dx), (0, 1)) - picture)[2:-2, 2:-2] ** 2)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        }
        assert min(errors, key=lambda shift: errors[shift]) == (0, 0)
        assert np.abs((found - picture).mean((0, 1))).max() < 1.0


def test_the_same_draw_gives_the_same_frame_and_another_another(picture: np.ndarray) -> None:
    for seed in range(40):
        assert np.array_equal(coded(picture, 28, seed), coded(picture, 28, seed))
    assert len({coded(picture, 28, seed).tobytes() for seed in range(6)}) == 6


def test_the_pipeline_takes_video_instead_of_jpeg(
    picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr = np.asarray(imresize(picture, scale=4), np.uint8)
    factors = []
    h264 = video.h264

    def seen(image: np.ndarray, crf: int, draw: np.random.Generator) -> np.ndarray:
        factors.append(crf)
        return h264(image, crf, draw)

    monkeypatch.setattr("srgan.degradation.pipeline.h264", seen)
    monkeypatch.setattr("srgan.degradation.pipeline.jpeg", None)
    ranges = Degradation(clean=0.0, video_share=1.0, video_crf=(20, 24))
    for seed in range(12):
        assert degrade(hr, ranges, np.random.default_rng(seed)).shape == picture.shape
    assert set(factors) <= set(range(20, 25))
    assert len(set(factors)) > 2


def test_without_pyav_the_line_says_what_to_install(
    picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match=r'pip install "srgan\[video\]"'):
        coded(picture, 23, 0)


def test_factors_beyond_what_h264_has_are_refused() -> None:
    with pytest.raises(UsageError, match="video_crf ends at 51"):
        Degradation(video_crf=(18, 60))
