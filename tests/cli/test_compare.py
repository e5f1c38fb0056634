"""``srgan compare`` from the command line."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan.image.resize import imresize
from srgan.weights.catalog import weights_file

Run = Callable[..., Any]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """An original whose height no scale divides, and the picture made of it."""
    y, x = np.mgrid[:65, :48]
    waves = np.stack([np.sin(y / 4), np.sin(x / 5), np.cos((x + y) / 6)], axis=2)
    hr = (127.5 + 100 * waves).astype(np.uint8)
    lr, original = tmp_path / "lr.png", tmp_path / "hr.png"
    Image.fromarray(imresize(hr[:64], scale=0.25)).save(lr)
    Image.fromarray(hr).save(original)
    return lr, original


def test_methods_stand_beside_the_original(srgan: Run, pair: tuple[Path, Path]) -> None:
    lr, original = pair
    ran = srgan("compare", lr, "--hr", original, "-m", "nearest,bicubic")
    assert ran.status == 0, ran.err
    nearest, bicubic = (float(line.split()[1]) for line in ran.out.splitlines()[:2])
    assert 15 < nearest < bicubic - 3 < 60
    with Image.open(lr.with_name("lr_compare.png")) as sheet:
        assert sheet.width > 3 * 300


def test_a_picture_of_16_bits_is_rounded_to_8(srgan: Run, tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(1, 256, (16, 16), dtype=np.uint16)
    Image.fromarray(gray.repeat(4, 0).repeat(4, 1).astype(np.uint8)).save(tmp_path / "hr.png")
    Image.fromarray(gray * 257 - 100).save(tmp_path / "lr.png")
    ran = srgan("compare", tmp_path / "lr.png", "--hr", tmp_path / "hr.png", "-m", "nearest")
    assert ran.out.split()[:2] == ["nearest", "inf"], ran.err


def test_by_default_the_methods_that_photos_are_enlarged_with(
    srgan: Run, pair: tuple[Path, Path]
) -> None:
    ran = srgan("compare", pair[0])
    assert ran.status == 0, ran.err
    names = [line.strip() for line in ran.out.splitlines()[:-1]]
    networks = ["srresnet", "srgan", "srgan-photo", "srresnet-photo", "fast", "fast-photo"]
    assert names == ["bicubic", *networks]


def test_the_networks_of_two_runs_are_told_apart(srgan: Run, pair: tuple[Path, Path]) -> None:
    files = [pair[0].parent / run / "generator.safetensors" for run in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        shutil.copy(weights_file("espcn"), file)
    ran = srgan("compare", pair[0], "-m", f"{files[0]},{files[1]}")
    assert ran.status == 0, ran.err
    assert [line.strip() for line in ran.out.splitlines()[:2]] == ["a/generator", "b/generator"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-s", "99999"], "2, 3 or 4"),
        (["-s", "5"], "2, 3 or 4"),
        (["--crop", "a"], "--crop"),
        (["--crop", "40,40,20,20"], "inside"),
        (["--hr", "other.png"], "must be 4 times"),
        (["-o", "sheet.txt"], "no known format"),
        (["-m", " ,"], "--models"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_work(
    srgan: Run, pair: tuple[Path, Path], arguments: list[str], words: str
) -> None:
    lr, original = pair
    with Image.open(original) as image:
        image.resize((200, 200)).save(lr.with_name("other.png"))
    given = [str(lr.with_name(a)) if a == "other.png" else a for a in arguments]
    ran = srgan("compare", lr, "-m", "nearest", *given)
    assert ran.status == 2
    assert words in ran.err
    assert ran.out == ""
    assert not lr.with_name("lr_compare.png").exists()


def test_a_larger_picture_is_compared_where_the_limit_says_so(
    srgan: Run, pair: tuple[Path, Path]
) -> None:
    lr, original = pair
    command = ["compare", lr, "--hr", original, "-m", "nearest", "--max-input-mp"]
    for limit, refused in ((0.0001, lr), (0.003, original)):
        ran = srgan(*command, limit)
        assert (ran.status, ran.out) == (1, "")
        assert ran.err.startswith(f"srgan: {refused}: ")
        assert ran.err.endswith("raise --max-input-mp to accept it\n")
    assert srgan(*command, 0.004).status == 0


def test_of_an_animation_the_first_frame_is_compared(srgan: Run, tmp_path: Path) -> None:
    stills = [Image.new("L", (8, 6), k % 256) for k in range(301)]
    stills[0].save(tmp_path / "long.gif", save_all=True, append_images=stills[1:])
    assert srgan("compare", tmp_path / "long.gif", "-m", "nearest").status == 0
    assert (tmp_path / "long_compare.png").exists()


def test_an_unknown_method_is_refused_before_the_others_are_computed(
    srgan: Run, pair: tuple[Path, Path]
) -> None:
    ran = srgan("compare", pair[0], "-m", "nearest,srgan-foto")
    assert ran.status == 1
    assert "'srgan-foto' (srgan-photo?)" in ran.err
    assert ran.out == ""


def test_a_folder_is_not_compared(srgan: Run) -> None:
    ran = srgan("compare", ".", "-m", "nearest")
    assert ran.status == 1
    assert ran.err == "srgan: .: is a folder\n"
