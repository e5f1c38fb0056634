"""Whether a video ends where its structure says; frames that only say "again"; damaged sound."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from inference.clips import make_clip, packets, scene, times
from srgan.classical.interpolation import Interpolation
from srgan.errors import ImageRefused
from srgan.image.limits import Limits
from srgan.inference.video.job import VideoDone, VideoOptions, upscale_video
from srgan.inference.video.survey import Survey, survey

SCENES = [scene(i) for i in range(20)]
KINDS: dict[str, dict[str, Any]] = {
    ".wmv": {"codec": "wmv2", "sound": "wmav2", "time_base": Fraction(1, 1000)},
    ".mkv": {"sound": "aac"},
    ".ogv": {"codec": "libvpx", "sound": "libopus"},
    ".avi": {"sound": "libmp3lame"},
    ".flv": {"sound": "aac", "time_base": Fraction(1, 1000)},
    ".mp4": {"sound": "aac", "container": {"movflags": "frag_keyframe+empty_moov"}},
}


def clip_of(folder: Path, suffix: str, **more: Any) -> Path:
    how = {**KINDS[suffix], **more}
    stamps = [40 * i for i in range(20)] if "time_base" in how else None
    return make_clip(folder / f"clip{suffix}", SCENES, pts=stamps, **how)


def looked(clip: Path, **how: Any) -> Survey:
    return survey(clip, limits=Limits(), threads=1, **how)


def enlarged(source: Path, target: Path, **options: Any) -> VideoDone:
    return upscale_video(source, target, Interpolation("bicubic"), VideoOptions(**options))


def subtitled(end: int) -> Any:
    """A line of text at the start that is said to last until ``end`` milliseconds."""

    def more(out: Any) -> Any:
        words = out.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        packet = av.Packet(b"Hallo")
        packet.stream, packet.time_base = words, Fraction(1, 1000)
        packet.pts = packet.dts = 0
        packet.duration = end
        out.start_encoding()
        out.mux_one(packet)

    return more


def test_an_flv_is_cut_between_two_packets_too(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, ".flv")
    data = clip.read_bytes()
    for size in (*range(len(data) // 2, len(data), 61), *range(len(data) - 5, len(data))):
        clip.write_bytes(data[:size])
        with pytest.raises(ImageRefused, match=r"cut off or damaged.*--allow-damaged"):
            looked(clip)


@pytest.mark.parametrize("suffix", list(KINDS))
def test_a_file_is_whole_and_any_cut_of_it_is_not(tmp_path: Path, suffix: str) -> None:
    clip = clip_of(tmp_path, suffix)
    whole = looked(clip)
    assert (whole.frames, whole.notices) == (20, ())
    data = clip.read_bytes()
    # The index that AVI and such may end with is no picture: what is cut is at least a tenth.
    for share in (0.55, 0.7, 0.8, 0.9):
        clip.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ImageRefused, match=r"cut off or damaged.*--allow-damaged"):
            looked(clip)
        left = looked(clip, allow_damaged=True)
        assert 0 < left.frames <= 20
        assert left.notices[0].startswith("damaged: ")


def test_an_mp4_whose_index_is_cut_does_not_lose_its_sound(tmp_path: Path) -> None:
    """The index stands at the end, the sound's part of it behind the picture's."""
    clip = make_clip(tmp_path / "clip.mp4", SCENES, sound="aac")
    data = clip.read_bytes()
    index = len(data) - data.rindex(b"moov")
    for cut in range(1, index, 37):
        clip.write_bytes(data[:-cut])
        with pytest.raises(ImageRefused):
            looked(clip)


def test_the_last_bytes_of_matroska_are_missed_too(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, ".mkv")
    data = clip.read_bytes()
    clip.write_bytes(data[:-1])
    with pytest.raises(ImageRefused, match="its last 1 bytes are not there"):
        looked(clip)


def test_the_end_of_a_subtitle_is_not_the_end_of_the_video(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, ".mkv", more=subtitled(800))
    assert looked(clip).frames == 20
    clip.write_bytes(clip.read_bytes()[:-2500])
    with pytest.raises(ImageRefused, match="its last 2500 bytes are not there"):
        looked(clip)


def test_a_subtitle_may_outlast_the_video(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, ".mkv", more=subtitled(9000))
    assert looked(clip).notices == ()


def test_a_stream_of_unknown_size_is_measured_by_its_header(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [scene(i) for i in range(40)], more=subtitled(1600))
    data = clip.read_bytes()
    at = data.index(bytes.fromhex("18538067")) + 4
    live = data[:at] + b"\x01" + b"\xff" * 7 + data[at + 8 :]
    clip.write_bytes(live)
    assert looked(clip).frames == 40
    clip.write_bytes(live[: len(live) // 3])
    with pytest.raises(ImageRefused, match=r"of 1\.6 s are there"):
        looked(clip)


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_where_a_stream_without_an_end_shows_a_cut_it_is_told(tmp_path: Path, suffix: str) -> None:
    codec = {"codec": "mpeg2video", "sound": "mp2"}
    clip = make_clip(tmp_path / f"clip{suffix}", SCENES, **codec)
    data = clip.read_bytes()
    assert looked(clip).notices == ()
    for gone in (1200, 2900):
        clip.write_bytes(data[:-gone])
        assert "its end may be missing" in "\n".join(looked(clip, allow_damaged=True).notices)


@pytest.mark.parametrize(("codec", "sound"), [("mpeg4", "libmp3lame"), ("msmpeg4", "wmav2")])
def test_an_empty_chunk_of_avi_shows_the_last_frame_again(
    tmp_path: Path, codec: str, sound: str
) -> None:
    stamps = [0, 1, 2, 5, *range(6, 22)]
    clip = make_clip(tmp_path / "clip.avi", SCENES, pts=stamps, codec=codec, sound=sound)
    with av.open(str(clip)) as made:
        assert made.streams.video[0].frames >= 22
    done = enlarged(clip, tmp_path / "big.mp4", scale=2)
    assert done.frames == 20
    assert times(done.target) == times(clip)
    assert max(b - a for a, b in pairwise(times(clip))) >= Fraction(3, 25)
    data = clip.read_bytes()
    clip.write_bytes(data[: data.index(b"idx1") - 3000])
    with pytest.raises(ImageRefused, match="cut off or damaged"):
        looked(clip)


def test_damaged_sound_is_told_in_one_line(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES, sound="aac")
    sound = packets(clip, "audio")[10][0]
    data = clip.read_bytes()
    at = data.index(sound)
    clip.write_bytes(data[:at] + bytes(range(1, 101)) + data[at + 100 :])
    done = enlarged(clip, tmp_path / "big.mp4")
    assert done.notices == ("parts of its sound or other streams are damaged, and stay so",)
    assert packets(done.target, "audio") == packets(clip, "audio")


def test_sound_that_cannot_be_decoded_at_all_is_told(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES, sound="aac")
    data = bytearray(clip.read_bytes())
    head = data.index(b"\x05\x80\x80\x80\x05", data.index(b"esds"))  # the decoder's part
    data[head + 5 : head + 7] = b"\0\0"
    clip.write_bytes(data)
    assert looked(clip).notices == ("parts of its sound or other streams are damaged, and stay so",)
