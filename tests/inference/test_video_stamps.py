"""Time stamps of videos that are missing, twice there or backwards."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from inference.clips import make_clip, scene, times
from srgan.classical.interpolation import Interpolation
from srgan.errors import ImageRefused
from srgan.inference.video.job import VideoOptions, upscale_video
from srgan.inference.video.stamps import in_order, mean_rate

SCENES = [scene(i) for i in range(24)]
BICUBIC = Interpolation("bicubic")


@pytest.mark.parametrize(
    ("shown", "made", "changed"),
    [
        ([0, 10, 20], [0, 10, 20], 0),
        ([0, 10, 10, 30], [0, 10, 20, 30], 1),
        ([0, 10, 900, 30, 40], [0, 10, 20, 30, 40], 1),
        ([5, 4, 25, 35], [-6, 4, 25, 35], 1),
        ([None, 10, None, None, 40, None], [0, 10, 20, 30, 40, 50], 4),
        ([None, None], [0, 10], 2),
        ([0, 1, 1, 2, 5], [0, 1, 2, 3, 5], 2),
    ],
)
def test_only_stamps_out_of_order_are_moved(
    shown: list[int | None], made: list[int], changed: int
) -> None:
    assert in_order(shown, 10) == (tuple(made), changed)


@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
@pytest.mark.parametrize("backwards", [1, 3])
def test_a_frame_whose_stamp_is_wrong_moves_alone(
    tmp_path: Path, suffix: str, backwards: int
) -> None:
    clip = make_clip(tmp_path / f"a{suffix}", SCENES, options={"crf": "1", "bf": "2"})
    wrong = tmp_path / f"b{suffix}"
    starts = times(clip)[0]
    with av.open(str(clip)) as source, av.open(str(wrong), "w") as out:
        made = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                if packet.pts * packet.time_base == starts + Fraction(12, 25):
                    packet.pts -= round(Fraction(backwards, 25) / packet.time_base)
                packet.stream = made
                out.mux_one(packet)
    assert len(set(times(wrong))) == 23
    done = upscale_video(wrong, tmp_path / "big.mp4", BICUBIC, VideoOptions(scale=2))
    off = times(done.target)[0]
    assert [t - off for t in times(done.target)] == [Fraction(n, 25) for n in range(24)]
    assert done.notices == ("time stamps of 1 frame were missing or backwards: made up",)


def test_frames_closer_than_an_encoder_can_count_keep_their_times(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    close = make_clip(
        tmp_path / "a.mkv", SCENES, pts=range(24), time_base=Fraction(1, 1000), options={"bf": "0"}
    )
    for name in ("big.webm", "big.mp4"):
        done = upscale_video(close, tmp_path / name, BICUBIC, VideoOptions(codec="av1"))
        assert times(done.target) == [Fraction(n, 1000) for n in range(24)]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("codec", "exact"), [("vp9", 1_000_000), ("h264", (1 << 31) - 1)])
def test_time_in_the_smallest_units(tmp_path: Path, codec: str, exact: int) -> None:
    fine = Fraction(1, (1 << 31) - 1)
    stamps = [i * 85_899_345 + i % 3 for i in range(24)]
    clip = make_clip(tmp_path / "a.mp4", SCENES, pts=stamps, time_base=fine)
    assert times(clip) == [n * fine for n in stamps]
    done = upscale_video(clip, tmp_path / "b.mp4", BICUBIC, VideoOptions(codec=codec))
    off = [abs(a - b) for a, b in zip(times(done.target), times(clip), strict=True)]
    assert max(off) <= Fraction(1, 2 * exact)


@pytest.mark.parametrize(
    ("stamps", "said", "rate"),
    [
        ([0, 33, 67, 100, 133], Fraction(30000, 1001), Fraction(30000, 1001)),
        ([0, 33, 67, 100, 133], Fraction(1000), Fraction(4000, 133)),
        ([0, 1, 2, 3], Fraction(25), Fraction(1000)),
        ([7], Fraction(25), Fraction(25)),
    ],
)
def test_the_rate_is_that_of_the_stamps(stamps: list[int], said: Fraction, rate: Fraction) -> None:
    assert mean_rate(stamps, Fraction(1, 1000), said) == rate


def test_a_frame_of_hours_is_said_to_be_the_fault_of_the_input(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "a.mp4",
        SCENES[:4],
        pts=[0, 40, 80, 130],
        time_base=Fraction(1, 90000),
        options={"bf": "0", "crf": "1"},
        container={"use_editlist": "0"},
    )
    data = bytearray(clip.read_bytes())
    at = data.index(b"stts") + 16 + 8  # the second of pairs of count and duration
    assert data[at - 4 : at] == (1).to_bytes(4, "big")
    data[at : at + 4] = (0xC0000000).to_bytes(4, "big")
    clip.write_bytes(data)
    with pytest.raises(ImageRefused, match=r"a\.mp4: damaged.*frame . is shown for \d+\.\d hours"):
        upscale_video(clip, tmp_path / "b.mp4", BICUBIC, VideoOptions())
    assert upscale_video(clip, tmp_path / "b.mkv", BICUBIC, VideoOptions()).frames == 4
