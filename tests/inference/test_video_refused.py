"""Videos that are cut off, no videos, too large, or not finished: one line, nothing left."""

import gc
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from inference.clips import HEIGHT, WIDTH, Counting, decoded, make_clip, scene, times
from srgan.classical.interpolation import Interpolation
from srgan.errors import (
    Cancelled,
    ImageRefused,
    LimitExceeded,
    OutputFailed,
    RuntimeFailed,
    UsageError,
)
from srgan.image.atomic import atomic_file
from srgan.image.limits import Limits
from srgan.inference.video import job, shots
from srgan.inference.video.codecs import CODECS
from srgan.inference.video.job import VideoDone, VideoOptions, upscale_video
from srgan.inference.video.survey import survey

SCENES = [scene(i) for i in range(12)]
UNEVEN = [0, 40, 90, 91, 150, 300, 301, 450, 600, 777, 1200, 1201]
BICUBIC = Interpolation("bicubic")


def enlarged(source: Path, target: Path, **options: Any) -> VideoDone:
    return upscale_video(source, target, BICUBIC, VideoOptions(**options))


def cut(clip: Path, share: float) -> Path:
    data = clip.read_bytes()
    shorter = clip.with_name(f"cut{clip.suffix}")
    shorter.write_bytes(data[: int(len(data) * share)])
    return shorter


LONG = [scene(3 * i) for i in range(40)]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".avi", ".mov"])
def test_a_cut_off_file_is_refused_unless_what_is_left_will_do(tmp_path: Path, suffix: str) -> None:
    front = {"movflags": "faststart"} if suffix in (".mp4", ".mov") else {}
    clip = cut(make_clip(tmp_path / f"clip{suffix}", LONG, container=front), 0.6)
    target = tmp_path / "out" / "big.mp4"
    counting = Counting()
    with pytest.raises(ImageRefused, match="--allow-damaged") as refused:
        upscale_video(clip, target, counting, VideoOptions(scale=2))
    assert "\n" not in str(refused.value)
    assert counting.calls == 0
    assert not target.parent.exists()
    done = enlarged(clip, target, allow_damaged=True)
    assert 5 <= done.frames < 40
    assert len(decoded(target)) == done.frames
    shown = times(target)  # with a gap where a frame is lost that another does not lean on
    assert shown[0] == 0
    assert shown == sorted({Fraction(n, 25) for n in range(40)}.intersection(shown))
    assert "damaged" in done.notices[0]


def test_a_cut_off_mp4_without_its_index_is_refused_in_any_case(tmp_path: Path) -> None:
    clip = cut(make_clip(tmp_path / "clip.mp4", LONG), 0.6)
    for allowed in (False, True):
        with pytest.raises(ImageRefused, match="cut off or damaged"):
            enlarged(clip, tmp_path / "big.mp4", allow_damaged=allowed)


def test_damage_in_the_middle_is_found_before_the_work(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", LONG)
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(range(200)) * 2
    clip.write_bytes(data)
    counting = Counting()
    with pytest.raises(ImageRefused, match="damaged"):
        upscale_video(clip, tmp_path / "big.mp4", counting, VideoOptions(scale=2))
    assert counting.calls == 0


def test_a_picture_that_changes_its_size_is_refused(tmp_path: Path) -> None:
    one = make_clip(tmp_path / "1.ts", SCENES)
    two = make_clip(tmp_path / "2.ts", [scene(i, 48, 64) for i in range(12)])
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    with pytest.raises(ImageRefused, match=r"changes at frame 13, from 32x24 .* to 64x48"):
        enlarged(both, tmp_path / "big.mp4")


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
    return path


def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path) -> None:
    from PIL import Image as Pillow

    picture, moving = tmp_path / "p.png", tmp_path / "p.gif"
    Pillow.fromarray(SCENES[0]).save(picture)
    Pillow.fromarray(SCENES[0]).save(moving)
    text, empty = tmp_path / "t.mp4", tmp_path / "e.mkv"
    text.write_text("no video at all\n" * 200)
    empty.write_bytes(b"")
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\nfile:{tmp_path}/1.ts\n")
    cases: Sequence[tuple[Path, str]] = [
        (picture, "srgan upscale"),
        (moving, "srgan upscale"),
        (sound_only(tmp_path / "s.wav"), "no moving picture"),
        (text, "not a video"),
        (empty, "is empty"),
        (playlist, "not a video"),
        (tmp_path / "missing.mp4", "No such file"),
        (tmp_path, "is a folder"),
    ]
    for path, words in cases:
        with pytest.raises(ImageRefused, match=words) as refused:
            enlarged(path, tmp_path / "big.mp4")
        assert str(refused.value).startswith(f"{path}: ")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("big.avi", {}, "suffixes are .mp4"),
        ("big.webm", {"codec": "h264"}, "choose --codec av1 or vp9"),
        ("big.mp4", {"codec": "ffv1"}, "MP4 is not given ffv1"),
        ("big.mp4", {"codec": "divx"}, "one of h264, hevc, av1, vp9, ffv1"),
        ("big.mp4", {"crf": 99}, "0 to 51"),
        ("big.mkv", {"codec": "ffv1", "crf": 3}, "lossless"),
        ("big.mp4", {"scale": 0.5}, "above 1"),
        ("big.mp4", {"size": (20, 20)}, "does not enlarge"),
        ("clip.mp4", {"overwrite": True}, "the video itself"),
    ],
)
def test_what_has_no_meaning_is_refused(
    tmp_path: Path, name: str, options: dict[str, Any], words: str
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES[:2])
    before = clip.read_bytes()
    with pytest.raises(UsageError, match=words):
        enlarged(clip, tmp_path / name, **options)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]
    assert clip.read_bytes() == before


def test_limits_are_for_a_frame(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES)
    with pytest.raises(LimitExceeded, match="--max-input-mp"):
        enlarged(clip, tmp_path / "big.mp4", limits=Limits(input_pixels=WIDTH * HEIGHT - 1))
    with pytest.raises(LimitExceeded, match="--max-output-mp"):
        enlarged(clip, tmp_path / "big.mp4", limits=Limits(output_pixels=16 * WIDTH * HEIGHT - 1))
    exact = Limits(WIDTH * HEIGHT, 16 * WIDTH * HEIGHT)
    assert enlarged(clip, tmp_path / "big.mp4", limits=exact).frames == 12


def test_a_failure_leaves_nothing_and_no_thread(tmp_path: Path) -> None:
    import threading

    clip = make_clip(tmp_path / "clip.mp4", LONG, sound="aac")
    target = tmp_path / "big.mp4"
    target.write_bytes(b"what stood here")
    running = threading.active_count()
    with pytest.raises(RuntimeFailed, match="the network failed"):
        upscale_video(clip, target, Counting(7), VideoOptions(scale=2, overwrite=True))
    told: list[float] = []
    with pytest.raises(Cancelled):
        upscale_video(
            clip,
            target,
            Counting(),
            VideoOptions(scale=2, overwrite=True),
            progress=lambda done, total: told.append(done),
            cancelled=lambda: len(told) > 4,
        )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big.mp4", "clip.mp4"]
    assert target.read_bytes() == b"what stood here"
    assert threading.active_count() == running
    with pytest.raises(OutputFailed, match="--overwrite"):
        enlarged(clip, target)


def test_a_size_that_an_encoder_does_not_take_is_told_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", [scene(0, 2, 2)])
    with pytest.raises(UsageError, match="frames of 4x4, its sides are 64 or more; choose"):
        enlarged(clip, tmp_path / "big.mp4", scale=2, codec="hevc")
    monkeypatch.setitem(CODECS, "hevc", replace(CODECS["hevc"], least=1))
    with pytest.raises(OutputFailed, match="hevc does not take frames of 4x4") as refused:
        enlarged(clip, tmp_path / "big.mp4", scale=2, codec="hevc")
    assert "avcodec" not in str(refused.value)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_what_a_killed_run_left_is_removed_and_what_a_living_one_writes_is_not(
    tmp_path: Path,
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES[:2])
    (tmp_path / ".srgan-0123456789abcdef.part").write_bytes(b"left")
    with atomic_file(tmp_path / "other.png") as file:
        file.write(b"of another")
        enlarged(clip, tmp_path / "big.mp4")
    assert (tmp_path / "other.png").read_bytes() == b"of another"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big.mp4", "clip.mp4", "other.png"]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from srgan.inference.video import writer

    clip = make_clip(tmp_path / "clip.mp4", SCENES)
    library = writer.library()

    class Full:
        def __init__(self, file: Any) -> None:
            self._file = file

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    def open_full(file: Any, mode: str, **how: Any) -> Any:
        real = mode == "w" and not isinstance(file, io.BytesIO)  # which is a trial
        return av.open(Full(file) if real else file, mode, **how)

    class Library:
        open = staticmethod(open_full)

        def __getattr__(self, name: str) -> Any:
            return getattr(library, name)

    monkeypatch.setattr(writer, "library", Library)
    with pytest.raises(OutputFailed, match="No space left"):
        enlarged(clip, tmp_path / "big.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_disk_that_becomes_full_at_any_time_is_told_in_one_line(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    import resource

    clip = make_clip(tmp_path / "clip.mkv", LONG, sound="pcm_s16le")
    target = tmp_path / f"big{suffix}"
    size = enlarged(clip, target, scale=2).target.stat().st_size
    target.unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (0, size // 3, size - 5000, size - 1000):  # it differs by some bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            with pytest.raises(OutputFailed, match="cannot be written: File too large"):
                enlarged(clip, target, scale=2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert [p.name for p in tmp_path.iterdir()] == ["clip.mkv"]
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_without_pyav_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match=r'pip install "srgan\[video\]"'):
        enlarged(tmp_path / "clip.mp4", tmp_path / "big.mp4")


@pytest.mark.parametrize(("suffix", "sound"), [(".mp4", None), (".mkv", None), (".ts", "aac")])
def test_a_file_that_shrinks_after_the_first_look_is_no_whole_one(
    tmp_path: Path, suffix: str, sound: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = {"movflags": "faststart"} if suffix == ".mp4" else {}
    clip = make_clip(tmp_path / f"clip{suffix}", LONG, container=front, sound=sound)
    data = clip.read_bytes()

    def shrinks(source: Path, **how: Any) -> Any:
        clip.write_bytes(data)
        found = survey(source, **how)
        clip.write_bytes(data[: len(data) * 4 // 5 // 188 * 188])
        return found

    monkeypatch.setattr(job, "survey", shrinks)
    target = tmp_path / "big.mp4"
    for _ in range(2):
        with pytest.raises(ImageRefused, match=f"clip{suffix}: changed while it was read"):
            enlarged(clip, target, scale=2)
    assert not target.exists()


def test_a_failure_of_reading_is_not_told_as_one_of_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES[:3])

    def fails(*given: Any, **how: Any) -> Any:
        raise av.error.ArgumentError(22, "Invalid argument")

    monkeypatch.setattr(shots, "ToRGB", fails)
    with pytest.raises(ImageRefused, match=r"clip\.mp4: "):
        enlarged(clip, tmp_path / "big.mp4", scale=2)
