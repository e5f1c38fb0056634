"""``srgan video`` from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.clips import decoded, make_clip, scene

Run = Callable[..., Any]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six frames of 32x24 with sound."""
    return make_clip(tmp_path / "clip.mp4", [scene(i) for i in range(6)], sound="aac")


def test_a_video_becomes_four_times_as_large_beside_itself(srgan: Run, clip: Path) -> None:
    ran = srgan("video", clip)
    assert (ran.status, ran.err) == (0, "")
    target = clip.with_name("clip_x4.mp4")
    assert ran.out.startswith(f"{target}  32x24 → 128x96, 6 frames, h264, ")
    assert [frame.shape for frame in decoded(target)] == [(96, 128, 3)] * 6
    again = srgan("video", clip)
    assert again.status == 1
    assert again.err == f"srgan: {target}: exists already; add --overwrite to replace it\n"
    assert srgan("video", clip, "--overwrite", "-m", "nearest", "-q").out == ""


def test_json_tells_what_became_of_each(srgan: Run, clip: Path) -> None:
    bad = clip.with_name("bad.mkv")
    bad.write_text("no video")
    out = clip.with_name("out")
    options = ["-m", "bicubic", "--long-edge", "99", "--codec", "av1", "--json", "-o", out]
    ran = srgan("video", clip, bad, *options)
    assert ran.status == 1
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert first["output"] == str(out / "clip_99px.mp4")
    assert (first["size_in"], first["size_out"]) == ([32, 24], [100, 74])
    assert (first["frames"], first["reused"], first["codec"]) == (6, 0, "av1")
    assert "even sides" in first["notices"][0]
    assert (second["status"], second["input"]) == ("refused", str(bad))
    assert sorted(p.name for p in out.iterdir()) == ["clip_99px.mp4"]
    assert ran.err.splitlines()[-1].startswith(f"srgan: {bad}: not a video")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scale", "2", "--long-edge", "90"], "give one of"),
        (["--size", "90"], "--size wants WIDTHxHEIGHT"),
        (["--scale", "17"], "at most 16"),
        (["-o", "big.gif"], "the suffixes are .mp4"),
        (["--codec", "mpeg9"], "unknown"),
        (["--crf", "77"], "--crf of h264 is 0 to 51"),
        (["--realism", "0.5"], "--realism is a dial of"),
        (["--threads", "0"], "--threads must be at least 1"),
    ],
)
def test_wrong_use_is_one_line(
    srgan: Run, clip: Path, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clip.parent)
    ran = srgan("video", clip, *arguments)
    assert ran.status == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert [p.name for p in clip.parent.iterdir()] == ["clip.mp4"]


def test_folders_and_one_name_for_two_are_refused(srgan: Run, clip: Path) -> None:
    assert "is a folder" in srgan("video", clip.parent).err
    both = srgan("video", clip, clip, "-o", clip.with_name("big.mp4"))
    assert (both.status, "2 inputs" in both.err) == (2, True)
    same = srgan("video", clip, clip.with_name("clip.avi"), clip.with_name("clip.mkv"))
    assert same.status == 2
    assert "would both become" in same.err


def test_a_result_does_not_replace_another_input(srgan: Run, clip: Path) -> None:
    other = make_clip(clip.with_name("clip_x2.mp4"), [scene(9)] * 3)
    before = other.read_bytes()
    for link in (other, clip.with_name("link.mp4")):
        if link != other:
            link.symlink_to(other)
        ran = srgan("video", clip, link, "-s", "2", "-m", "nearest", "--overwrite")
        assert (ran.status, ran.err.count("\n")) == (2, 1)
        assert "would become" in ran.err
        assert "an input itself" in ran.err
    assert other.read_bytes() == before
    assert sorted(p.name for p in clip.parent.iterdir()) == ["clip.mp4", "clip_x2.mp4", "link.mp4"]


def test_nor_one_whose_name_is_the_same_on_the_disks_of_macos(
    srgan: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_clip(clip.with_name("CLIP_x2.mp4"), [scene(9)] * 3)
    monkeypatch.setattr("sys.platform", "darwin")
    ran = srgan("video", clip, other, "-s", "2", "-m", "nearest", "--overwrite")
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert "an input itself" in ran.err


def test_upscale_of_a_video_names_the_command_for_it(srgan: Run, clip: Path) -> None:
    ran = srgan("upscale", clip, "-m", "nearest")
    assert ran.status == 1
    assert "`srgan video`" in ran.err


def test_a_still_is_one_frame(srgan: Run, tmp_path: Path) -> None:
    ran = srgan("video", make_clip(tmp_path / "still.mp4", [scene(0)]), "-m", "nearest")
    assert " 1 frame, h264, " in ran.out
