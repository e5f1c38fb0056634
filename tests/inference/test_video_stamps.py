"""Time stamps of videos that are missing, twice there or backwards."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from inference.clips import make_clip, scene, times
from srgan.classical.interpolation import Interpolation
from srgan.inference.video.job import VideoOptions, upscale_video
from srgan.inference.video.stamps import in_order

SCENES = [scene(i) for i in range(24)]


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
    done = upscale_video(
        wrong, tmp_path / "big.mp4", Interpolation("bicubic"), VideoOptions(scale=2)
    )
    off = times(done.target)[0]
    assert [t - off for t in times(done.target)] == [Fraction(n, 25) for n in range(24)]
    assert done.notices == ("time stamps of 1 frames were missing or backwards: made up",)
