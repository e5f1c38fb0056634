"""``srgan upscale`` as a user meets it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan.image.resize import imresize

Run = Callable[..., Any]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_the_result_stands_beside_the_photo(srgan: Run, photo: Path) -> None:
    ran = srgan("upscale", photo, "-m", "bicubic")
    assert ran.status == 0
    assert "photo_x4.png  30x20 → 120x80" in ran.out
    pixels = np.asarray(Image.open(photo.with_name("photo_x4.png")))
    np.testing.assert_array_equal(pixels, imresize(np.asarray(Image.open(photo)), scale=4))


@pytest.mark.parametrize(
    ("asked", "name", "size"),
    [
        (["-s", "3.5"], "photo_x3.5.png", (105, 70)),
        (["-s", "2"], "photo_x2.png", (60, 40)),
        (["-s", "16"], "photo_x16.png", (480, 320)),
        (["--size", "100x50"], "photo_100x50.png", (100, 50)),
        (["--long-edge", "75"], "photo_75px.png", (75, 50)),
        (["--format", "jpg"], "photo_x4.jpg", (120, 80)),
    ],
)
def test_sizes_and_names(
    srgan: Run, photo: Path, asked: list[str], name: str, size: tuple[int, int]
) -> None:
    assert srgan("upscale", photo, "-m", "lanczos3", *asked).status == 0
    with Image.open(photo.with_name(name)) as image:
        assert image.size == size
        assert image.format == ("JPEG" if name.endswith("jpg") else "PNG")


def test_several_photos_go_into_a_folder(srgan: Run, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    out = tmp_path / "large"
    assert srgan("upscale", photo, other, "-m", "nearest", "-o", out).status == 0
    assert sorted(p.name for p in out.iterdir()) == ["other_x4.png", "photo_x4.png"]


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_two_photos_for_one_result_are_refused_before_the_start(
    system: str, srgan: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    other = tmp_path / "b" / (photo.name.upper() if system == "darwin" else photo.name)
    other.parent.mkdir()
    other.write_bytes(photo.read_bytes())
    out = tmp_path / "large"
    ran = srgan("upscale", photo, other, "-m", "nearest", "-o", out, "--overwrite")
    assert ran.status == 2
    assert "would both become" in ran.err
    assert not out.exists()


def test_two_photos_have_no_room_in_one_file(srgan: Run, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    ran = srgan("upscale", photo, other, "-m", "nearest", "-o", tmp_path / "large.png")
    assert ran.status == 2
    assert "name a folder" in ran.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.png", "photo.png"]


def test_only_frames_that_the_format_holds_are_computed(
    srgan: Run, photo: Path, tmp_path: Path
) -> None:
    frames = [Image.new("L", (6, 5), shade) for shade in (30, 120, 210)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:], duration=50)
    ran = srgan("upscale", tmp_path / "film.gif", "-m", "nearest", "--format", "png", "--json")
    assert json.loads(ran.out)["frames"] == 3
    ran = srgan("upscale", tmp_path / "film.gif", "-m", "nearest", "--format", "bmp", "--json")
    done = json.loads(ran.out)
    assert done["frames"] == 1
    assert done["notices"] == ["BMP holds one frame: the first of 3 is written"]


def test_an_odd_name_is_shown_on_one_line(srgan: Run, photo: Path) -> None:
    odd = photo.rename(photo.with_name("new\nline\x1b[31m.png"))
    ran = srgan("upscale", odd, "-m", "nearest")
    assert ran.status == 0
    assert len(ran.out.splitlines()) == 1
    assert "\x1b" not in ran.out
    odd.write_bytes(b"no picture")
    ran = srgan("upscale", odd, "-m", "nearest", "--overwrite")
    assert ran.status == 1
    assert len(ran.err.splitlines()) == 1
    assert ran.err.count("line") == 1


def test_a_name_without_extension_is_a_folder(srgan: Run, photo: Path, tmp_path: Path) -> None:
    assert srgan("upscale", photo, "-m", "nearest", "-o", tmp_path / "new").status == 0
    assert (tmp_path / "new" / "photo_x4.png").is_file()


def test_what_a_killed_run_left_goes_with_the_next(srgan: Run, photo: Path) -> None:
    left = photo.with_name(".srgan-0123456789abcdef.part")
    left.touch()
    assert srgan("upscale", photo, "-m", "nearest").status == 0
    assert not left.exists()


def test_an_existing_result_is_never_replaced_unasked(srgan: Run, photo: Path) -> None:
    target = photo.with_name("photo_x4.png")
    target.write_bytes(b"mine")
    ran = srgan("upscale", photo, "-m", "bicubic")
    assert ran.status == 1
    assert "--overwrite" in ran.err
    assert target.read_bytes() == b"mine"
    assert srgan("upscale", photo, "-m", "bicubic", "--overwrite").status == 0
    assert Image.open(target).size == (120, 80)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"hello, this is no picture at all", "not a picture"),
        ("cut", "damaged"),
    ],
)
def test_a_bad_file_is_one_line_and_leaves_nothing(
    srgan: Run, photo: Path, tmp_path: Path, content: bytes | str | None, reason: str
) -> None:
    bad = tmp_path / "bad.png"
    if content == "cut":
        bad.write_bytes(photo.read_bytes()[:900])
    elif isinstance(content, bytes):
        bad.write_bytes(content)
    before = sorted(tmp_path.iterdir())
    ran = srgan("upscale", bad, "-m", "bicubic")
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert str(bad) in ran.err
    assert reason in ran.err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["upscale", "compare", "video"])
def test_what_is_meant_as_no_file_is_told_as_that(srgan: Run, command: str) -> None:
    if command == "video":
        pytest.importorskip("av")
    address = srgan(command, "https://example.com/photo.jpg")
    assert address.status == 1
    assert "is an address; save it as a file first" in address.err
    assert "standard input is not read" in srgan(command, "-").err
    assert "No such file" in srgan(command, r"C:\photo.jpg").err


def test_a_photo_in_place_of_a_command_is_told_which_it_wants(srgan: Run, photo: Path) -> None:
    odd = photo.rename(photo.with_name("my photo.png"))
    ran = srgan(odd)
    assert ran.status == 2
    assert ran.err.endswith(f"to enlarge it: srgan upscale '{odd}'\n")
    assert "No such command" in srgan(photo.with_name("nothing.png")).err


@pytest.mark.parametrize("command", ["upscale", "video"])
def test_results_are_not_written_to_standard_output(
    srgan: Run, photo: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    if command == "video":
        pytest.importorskip("av")
    monkeypatch.chdir(photo.parent)
    ran = srgan(command, photo, "-o", "-")
    assert ran.status == 2
    assert "standard output" in ran.err
    assert not Path("-").exists()


def test_one_bad_file_does_not_stop_the_others(srgan: Run, photo: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff nothing")
    ran = srgan("upscale", bad, photo, "-m", "bicubic", "--json")
    assert ran.status == 1
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert first["status"] == "refused"
    assert second["status"] == "done"
    assert second["size_out"] == [120, 80]
    assert Path(second["output"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-s", "0"], "scale"),
        (["-s", "17"], "16"),
        (["-s", "2", "--long-edge", "90"], "one of"),
        (["--size", "big"], "WIDTHxHEIGHT"),
        (["--size", "20x10"], "enlarge"),
        (["--tile", "-3"], "--tile"),
        (["--format", "xyz"], "format"),
        (["--precision", "fp8", "-m", "srresnet"], "precision"),
        (["--realism", "0.5"], "--realism"),
        (["-o", "large.jpg", "--format", "png"], "another format"),
        (["--name", "{stem}_big"], "--name is for folders"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_a_meaningless_command_is_explained_with_status_2(
    srgan: Run, photo: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    ran = srgan("upscale", photo, *(["-m", "bicubic"] if "-m" not in arguments else []), *arguments)
    assert ran.status == 2
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def test_an_unknown_model_names_those_that_are_there(srgan: Run, photo: Path) -> None:
    ran = srgan("upscale", photo, "-m", "esrgan")
    assert ran.status == 1
    assert "esrgan" in ran.err
    assert "bicubic" in ran.err


def test_the_limit_on_the_result_is_checked_before_the_work(srgan: Run, photo: Path) -> None:
    ran = srgan("upscale", photo, "-m", "bicubic", "--max-output-mp", "0.0095")
    assert ran.status == 1
    assert "--max-output-mp" in ran.err
    assert not photo.with_name("photo_x4.png").exists()
    # 120 x 80 is 0.0096 megapixels: at the limit it passes.
    assert srgan("upscale", photo, "-m", "bicubic", "--max-output-mp", "0.0096").status == 0


def test_quiet_says_nothing(srgan: Run, photo: Path) -> None:
    ran = srgan("upscale", photo, "-m", "bicubic", "--quiet")
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_a_damaged_photo_is_refused_unless_allowed(srgan: Run, photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:-600])
    ran = srgan("upscale", photo, "-m", "nearest")
    assert ran.status == 1
    assert not photo.with_name("photo_x4.png").exists()
    ran = srgan("upscale", photo, "-m", "nearest", "--allow-damaged")
    assert ran.status == 0
    assert "it is damaged" in ran.err
    assert photo.with_name("photo_x4.png").exists()
