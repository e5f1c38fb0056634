"""srgan upscale FOLDER, as a shell sees it."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., Any]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.png", "sub/b.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 8, 3), 90, np.uint8)).save(path)
    return tmp_path / "photos"


def test_a_folder_goes_to_a_folder(srgan: Run, photos: Path, tmp_path: Path) -> None:
    ran = srgan("upscale", photos, "-r", "-m", "bicubic", "-o", tmp_path / "out")
    assert ran.status == 0
    assert "2 done" in ran.err
    assert Image.open(tmp_path / "out/sub/b.png").size == (32, 24)
    again = srgan("upscale", photos, "-r", "-m", "bicubic", "-o", tmp_path / "out", "--resume")
    assert "2 skipped" in again.err
    other = srgan("upscale", photos, "-r", "-m", "nearest", "-o", tmp_path / "out", "--resume")
    assert "2 done" in other.err


def test_what_lets_more_through_makes_only_the_rest(
    srgan: Run, photos: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (30, 40)).save(photos / "large.png")
    job = ("upscale", photos, "-m", "bicubic", "-o", tmp_path / "out", "--resume")
    assert "1 done, 0 skipped, 1 refused" in srgan(*job, "--max-input-mp", "0.001").err
    more = ("--max-input-mp", "0.002", "--max-output-mp", "9", "--max-frames", "9")
    assert "1 done, 1 skipped, 0 refused" in srgan(*job, *more, "--allow-damaged").err
    assert "0 done, 2 skipped" in srgan(*job, "-s", "4").err
    assert "2 done, 0 skipped" in srgan(*job, "-s", "3").err


def test_what_is_for_folders_is_not_left_unused(srgan: Run, photos: Path) -> None:
    for option in (["--resume"], ["--workers", "2"]):
        ran = srgan("upscale", photos / "a.png", "-m", "bicubic", *option)
        assert ran.status == 2
        assert f"{option[0]} is for folders" in ran.err
    assert not (photos / "a_x4.png").exists()


def test_without_an_output_it_is_beside_the_folder(srgan: Run, photos: Path) -> None:
    assert srgan("upscale", photos, "-m", "bicubic", "-s", "2").status == 0
    assert Image.open(photos.with_name("photos_x2") / "a.png").size == (16, 12)
    assert not (photos.with_name("photos_x2") / "sub").exists()


def test_a_folder_named_from_inside_has_its_results_beside_it_too(
    srgan: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for here, given in ((photos, "."), (photos / "sub", "..")):
        monkeypatch.chdir(here)
        assert srgan("upscale", given, "-m", "bicubic", "-s", "2", "--overwrite").status == 0
        assert Image.open(photos.with_name("photos_x2") / "a.png").size == (16, 12)
        shutil.rmtree(photos.with_name("photos_x2"))
    assert srgan("upscale", "..", ".", "-m", "bicubic", "-o", photos.parent / "out").status == 0
    assert (photos.parent / "out/photos/a.png").exists()
    assert (photos.parent / "out/sub/b.png").exists()
    ran = srgan("upscale", "/", "-m", "bicubic")
    assert ran.status == 2
    assert "-o" in ran.err


def test_a_folder_without_pictures_of_its_own_says_so(srgan: Run, photos: Path) -> None:
    (photos / "a.png").unlink()
    ran = srgan("upscale", photos, "-m", "bicubic")
    assert ran.status == 0
    assert "1 sub-folder is left aside; -r takes sub-folders as well" in ran.err
    assert "no pictures in it" in ran.err
    assert not photos.with_name("photos_x4").exists()
    assert "aside" not in srgan("upscale", photos, "-r", "-m", "bicubic").err


def test_a_folder_that_cannot_be_read_is_an_error(
    srgan: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(folder: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", denied)
    ran = srgan("upscale", photos, "-m", "bicubic")
    assert ran.status == 1
    assert ran.err == f"srgan: {photos}: cannot be read: Permission denied\n"
    assert not photos.with_name("photos_x4").exists()


def test_a_sub_folder_that_cannot_be_read_is_an_error_too(
    srgan: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def denied(folder: str) -> object:
        if Path(folder) == photos / "sub":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scan(folder)

    (photos / "a.png").unlink()
    monkeypatch.setattr(os, "scandir", denied)
    ran = srgan("upscale", photos, "-r", "-q", "-m", "bicubic")
    assert ran.status == 1
    assert ran.err == f"srgan: {photos / 'sub'}: cannot be read: Permission denied\n"
    assert not photos.with_name("photos_x4").exists()


def test_what_only_claims_to_be_a_picture_is_told_as_that(srgan: Run, photos: Path) -> None:
    (photos / "page.jpg").write_text("<html>404")
    (photos / "empty.webp").touch()
    (photos / "map.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n")
    errors = srgan("upscale", photos, "-m", "bicubic", "-q").err
    assert "empty.webp: is empty" in errors
    assert "page.jpg: not a picture" in errors
    assert "map.jp2: a JPEG 2000 file is not read" in errors


def test_one_bad_file_is_one_line(srgan: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    ran = srgan("upscale", photos, "-m", "bicubic", "-o", tmp_path / "out", "--json", "-q")
    assert ran.status == 1
    entries = [json.loads(line) for line in ran.out.splitlines()]
    assert [e["status"] for e in entries] == ["done", "refused"]
    assert ran.err.splitlines()[0].startswith(f"srgan: {photos / 'bad.jpg'}: ")


def test_collisions_are_a_usage_error(srgan: Run, photos: Path, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(photos / "a.webp")
    ran = srgan("upscale", photos, "-m", "bicubic", "-o", tmp_path / "out", "--format", "png")
    assert ran.status == 2
    assert "{ext}" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_bad_file_does_not_keep_the_next_folder_from_its_turn(
    srgan: Run, photos: Path, tmp_path: Path
) -> None:
    (photos / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    ran = srgan("upscale", photos, photos / "sub", "-m", "nearest", "-o", tmp_path / "out")
    assert ran.status == 1
    assert (tmp_path / "out/sub/b.png").exists()
