"""One file in, one file out: what is refused before any work is done."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from srgan.classical.interpolation import Interpolation
from srgan.errors import LimitExceeded, OutputFailed, UsageError
from srgan.image.files import read_picture, write_picture
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Picture
from srgan.inference.file import Options, upscale_file
from srgan.inference.upscaler import Image


class Never:
    """An upscaler that must not be asked."""

    scale = 2

    def __call__(self, image: Image) -> Image:
        pytest.fail("the work was begun")


def animation(path: Path, frames: int) -> Path:
    still = Frame(np.full((4, 5, 3), 80, np.uint8), None, 100.0 if frames > 1 else None)
    write_picture(Picture((still,) * frames), path, format="PNG")
    return path


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("consistent", [False, True])
def test_an_output_that_exists_is_refused_before_the_work(
    frames: int, consistent: bool, tmp_path: Path
) -> None:
    source, target = animation(tmp_path / "in.png", frames), tmp_path / "out.png"
    target.write_bytes(b"precious")
    with pytest.raises(OutputFailed, match="exists already; add --overwrite"):
        upscale_file(source, target, Never(), Options(scale=2, consistent=consistent))
    assert target.read_bytes() == b"precious"


def test_a_target_of_no_known_format_is_refused_before_the_work(tmp_path: Path) -> None:
    source = animation(tmp_path / "in.png", 2)
    with pytest.raises(UsageError):
        upscale_file(source, tmp_path / "out.xyz", Never(), Options(scale=2))


def test_pages_are_enlarged_by_one_factor_whatever_their_sizes(tmp_path: Path) -> None:
    pages = tuple(Frame(np.full((*size, 1), 80, np.uint8)) for size in ((40, 30), (8, 50)))
    source, target = tmp_path / "scans.tif", tmp_path / "large.tif"
    write_picture(Picture(pages), source)
    done = upscale_file(source, target, Interpolation("bicubic"), Options(scale=2.5))
    assert (done.size_out, done.frames, done.notices) == ((100, 75), 2, ())
    assert [frame.size for frame in read_picture(target).frames] == [(100, 75), (20, 125)]
    options = Options(size=(80, 30), limits=Limits(output_pixels=80 * 30 + 16 * 50), overwrite=True)
    upscale_file(source, target, Interpolation("bicubic"), options)
    assert [frame.size for frame in read_picture(target).frames] == [(80, 30), (16, 50)]
    narrow = replace(options, limits=Limits(output_pixels=80 * 30 + 16 * 50 - 1))
    with pytest.raises(LimitExceeded, match="2 pages of up to 30x80"):
        upscale_file(source, target, Never(), narrow)
    assert [frame.size for frame in read_picture(target).frames] == [(80, 30), (16, 50)]


def test_frames_that_the_format_drops_do_not_count_to_the_limit(tmp_path: Path) -> None:
    source = animation(tmp_path / "in.gif", 3)
    height, width = read_picture(source).frames[0].size
    one = Limits(output_pixels=4 * height * width)
    options = Options(scale=2, limits=one)
    done = upscale_file(source, tmp_path / "out.jpg", Interpolation("bicubic"), options)
    assert (done.size_out, done.frames) == ((2 * height, 2 * width), 1)
    with pytest.raises(LimitExceeded, match="3 frames"):
        upscale_file(source, tmp_path / "out.gif", Never(), options)
    with pytest.raises(LimitExceeded):
        upscale_file(source, tmp_path / "two.jpg", Never(), replace(options, scale=2.5))
