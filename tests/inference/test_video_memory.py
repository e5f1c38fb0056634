"""What encoders hold of large frames."""

from pathlib import Path

import pytest

from inference.clips import make_clip, scene, times
from srgan.classical.interpolation import Interpolation
from srgan.inference.video import memory, writer
from srgan.inference.video.codecs import CODECS
from srgan.inference.video.job import VideoOptions, upscale_video

HD, UHD, UHD2 = 1920 * 1080, 3840 * 2160, 7680 * 4320
LEFT = "chroma-sample-position=left"


@pytest.mark.parametrize(
    ("codec", "pixels", "deep", "more"),
    [
        ("h264", HD, False, {}),
        ("h264", UHD, False, {"rc-lookahead": "10"}),
        ("h264", UHD, True, {"rc-lookahead": "5", "x264-params": "sync-lookahead=0"}),
        ("h264", UHD2, False, {"rc-lookahead": "2", "x264-params": "sync-lookahead=0"}),
        ("h264", 10**9, False, {"rc-lookahead": "1", "x264-params": "sync-lookahead=0"}),
        ("vp9", UHD, False, {"lag-in-frames": "10"}),
        ("vp9", 10**9, False, {"lag-in-frames": "0"}),
        ("hevc", UHD, False, {"x265-params": "log-level=none:rc-lookahead=10:frame-threads=1"}),
        ("hevc", UHD2, False, {"x265-params": "log-level=none:rc-lookahead=5:frame-threads=1"}),
        ("av1", UHD, False, {"svtav1-params": f"{LEFT}:lookahead=0:lp=2"}),
        ("av1", UHD2, False, {"svtav1-params": f"{LEFT}:lookahead=0:lp=1:hierarchical-levels=2"}),
        ("ffv1", UHD2, False, {}),
    ],
)
def test_the_larger_a_frame_the_fewer_wait(
    codec: str, pixels: int, deep: bool, more: dict[str, str]
) -> None:
    options = CODECS[codec].options
    bounded = memory.bounded(CODECS[codec], options, pixels, deep=deep)
    assert bounded == {**options, **more}


def test_threads_that_hold_a_frame_each_are_few_for_large_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of(cores: int, machine: int) -> list[int]:
        monkeypatch.setattr("os.cpu_count", lambda: machine)
        monkeypatch.setattr(memory, "cores", lambda: cores)
        return [memory.threads(n, deep=False) for n in (HD // 4, UHD, UHD2, 10**9)]

    assert of(32, 32) == [0, 10, 2, 1]
    assert of(2, 2) == [0, 0, 2, 1]
    assert of(2, 32) == [3, 3, 2, 1]  # in a container that has two cores' time
    assert of(1, 32) == [1, 1, 1, 1]


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
@pytest.mark.parametrize("held", [0, 5, 10])
def test_encoders_take_what_bounds_them(
    tmp_path: Path, codec: str, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, str]] = []

    def small(*given: object, deep: bool) -> dict[str, str]:
        asked.append(memory.bounded(CODECS[codec], CODECS[codec].options, 64 * 96, deep=deep))
        return asked[-1]

    monkeypatch.setattr(memory, "_BYTES", held * 64 * 96 * 3)
    monkeypatch.setattr(writer, "bounded", small)
    clip = make_clip(tmp_path / "clip.mp4", [scene(i, 32, 48) for i in range(12)])
    options = VideoOptions(scale=2, codec=codec)
    done = upscale_video(clip, tmp_path / "big.mp4", Interpolation("bicubic"), options)
    assert asked[0] != CODECS[codec].options
    assert times(done.target) == times(clip)


def test_hevc_takes_as_many_threads_as_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x265 refuses more than 16, as 12 of a machine's 64 cores want, or who says --threads 40."""
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr(memory, "cores", lambda: 12)
    assert memory.threads(64 * 96, deep=False) == 18
    clip = make_clip(tmp_path / "clip.mp4", [scene(i, 32, 48) for i in range(4)])
    for threads in (None, 40):
        options = VideoOptions(scale=2, codec="hevc", threads=threads, overwrite=True)
        done = upscale_video(clip, tmp_path / "big.mp4", Interpolation("bicubic"), options)
        assert times(done.target) == times(clip)
