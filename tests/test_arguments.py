"""How the public functions speak of their arguments."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import srgan
from srgan.arguments import in_python
from srgan.classical.interpolation import Interpolation

PIXELS = np.zeros((4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("exists already; add --overwrite to replace it", "add overwrite=True to replace it"),
        ("damaged; --allow-damaged takes what", "damaged; allow_damaged=True takes what"),
        ("raise --max-input-mp to accept it", "raise max_input_mp to accept it"),
        ("use --device cpu", 'use device="cpu"'),
        ("choose a smaller size or raise --max-output-mp", "raise max_output_mp"),
        ("a picture; enlarge it by `srgan upscale`", "enlarge it by srgan.upscale"),
        ("a--tile.png: is a folder", "a--tile.png: is a folder"),
    ],
)
def test_a_flag_becomes_an_argument(said: str, heard: str) -> None:
    assert in_python(said).endswith(heard)


def test_what_an_error_advises_can_be_given(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(PIXELS).save(photo)
    srgan.upscale(photo, "nearest", 2)
    known = inspect.signature(srgan.upscale).parameters
    for given, advised in (
        ({}, "overwrite"),
        ({"max_input_mp": 1e-5}, "max_input_mp"),
        ({"max_output_mp": 7e-5}, "max_output_mp"),
    ):
        with pytest.raises(srgan.SRGANError, match=rf"(add|raise) {advised}") as error:
            srgan.upscale(photo, "nearest", 2, **{"overwrite": bool(given), **given})  # type: ignore[arg-type]
        assert advised in known
        assert "--" not in str(error.value)


def test_a_file_may_be_larger_than_the_usual_limit(tmp_path: Path) -> None:
    frames = [Image.new("L", (2, 2), i % 256) for i in range(302)]
    frames[0].save(tmp_path / "long.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(srgan.LimitExceeded, match="raise max_frames to accept it"):
        srgan.upscale(tmp_path / "long.tif", "nearest", 2)
    done = srgan.upscale(tmp_path / "long.tif", "nearest", 2, max_frames=302)
    with Image.open(done) as large:
        assert getattr(large, "n_frames", 1) == 302


@pytest.mark.parametrize("name", ["max_input_mp", "max_output_mp", "max_frames"])
def test_limits_are_for_files(name: str) -> None:
    with pytest.raises(srgan.UsageError, match="limits are for files"):
        srgan.upscale(PIXELS, "nearest", 2, **{name: 1})  # type: ignore[arg-type]


class _Odd:
    def __fspath__(self) -> bytes:
        return b"photo.png"


@pytest.mark.parametrize("bad", [7, b"photo.png", _Odd(), ["photo.png"], ""])
def test_what_is_no_path_is_refused(bad: object) -> None:
    with pytest.raises(srgan.UsageError, match="output is a"):
        srgan.upscale("photo.png", "nearest", output=bad)  # type: ignore[arg-type]
    with pytest.raises(srgan.UsageError, match="a model is a"):
        srgan.load(bad)  # type: ignore[arg-type]
    with pytest.raises(srgan.UsageError, match="a video is a"):
        srgan.upscale_video(bad, "nearest")  # type: ignore[type-var]


@pytest.mark.parametrize("bad", ["no", 1, None])
def test_the_text_no_does_not_mean_yes(bad: object, tmp_path: Path) -> None:
    with pytest.raises(srgan.UsageError, match="overwrite is True or False, not"):
        srgan.upscale(tmp_path / "a.png", "nearest", overwrite=bad)  # type: ignore[arg-type]
    with pytest.raises(srgan.UsageError, match="exact is True or False, not"):
        srgan.load("nearest", exact=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "mend"),
    [
        (b"\x89PNG", r"PIL\.Image\.open\(io\.BytesIO"),
        (PIXELS.tolist(), r"numpy\.asarray"),
        (PIXELS.transpose(2, 0, 1), r"image\.transpose\(1, 2, 0\)"),
        (np.full((2, 2), np.nan), r"numpy\.nan_to_num"),
        (Image.new("RGB", (0, 3)), "no pixels"),
    ],
)
def test_what_is_often_given_is_told_the_way_out(given: object, mend: str) -> None:
    with pytest.raises(srgan.UsageError, match=mend):
        srgan.upscale(given, "nearest")  # type: ignore[type-var]


def test_an_open_file_is_told_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with (
        (tmp_path / "a.png").open("rb") as file,
        pytest.raises(srgan.UsageError, match=r"PIL\.Image\.open\(it\)"),
    ):
        srgan.upscale(file, "nearest")  # type: ignore[type-var]


@pytest.mark.parametrize("name", ["bicubic", "fast"])
@pytest.mark.parametrize(
    "bad", [None, [[0.5]], PIXELS, np.zeros((0, 4, 3), np.float32), np.zeros((4, 4), np.float32)]
)
def test_an_upscaler_that_is_called_says_what_it_takes(name: str, bad: object) -> None:
    with pytest.raises(srgan.UsageError, match=r"\(H, W, 3\) float32 in \[0, 1\], not"):
        srgan.load(name)(bad)  # type: ignore[arg-type]


class _Own:
    """An upscaler of the caller's, with an odd factor or result."""

    def __init__(self, scale: object, result: object = None) -> None:
        self.scale = scale
        self.result = result

    def __call__(self, image: object) -> object:
        return image if self.result is None else self.result


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (_Own("2"), "scale is a whole number from 1 on, not '2'"),
        (_Own(0), "scale is a whole number from 1 on, not 0"),
        (Interpolation, "not type"),
        (_Own(2), r"_Own gave \(4, 5, 3\) for \(4, 5, 3\) at a scale of 2; it should give"),
        (_Own(2, "?"), r"gave \(\) for"),
    ],
)
def test_an_upscaler_of_ones_own_is_told_what_is_wrong(own: object, said: str) -> None:
    with pytest.raises(srgan.SRGANError, match=said):
        srgan.upscale(PIXELS, own)  # type: ignore[arg-type]


def test_threads_are_chosen_when_a_model_is_opened() -> None:
    with pytest.raises(srgan.UsageError, match=r"threads are chosen .* srgan\.load"):
        srgan.upscale(PIXELS, srgan.load("nearest"), threads=1)


def test_a_tile_may_be_a_number_of_numpy() -> None:
    load = srgan.load("zeyde", tile=np.int64(32))  # type: ignore[arg-type]
    assert load.scale == 4
    with pytest.raises(srgan.UsageError, match=re.escape("tile is a whole number, not [32]")):
        srgan.load("fast", tile=[32])  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["", ["h264"], False])
def test_a_codec_is_a_name(bad: object) -> None:
    with pytest.raises(srgan.UsageError, match=r"codec .* is unknown"):
        srgan.upscale_video("clip.mp4", "nearest", codec=bad)  # type: ignore[arg-type]


def test_progress_is_a_function() -> None:
    with pytest.raises(srgan.UsageError, match="progress is a function of two numbers, not int"):
        srgan.upscale_video("clip.mp4", "nearest", progress=1)  # type: ignore[arg-type]
