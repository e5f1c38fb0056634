"""Any size, whole or in strips; transparency; agreement with the input."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.tiny import tiny
from srgan.classical.interpolation import Interpolation
from srgan.errors import Cancelled, UsageError
from srgan.image.picture import Frame, Picture
from srgan.image.resize import imresize
from srgan.inference.alpha import bleed
from srgan.inference.consistency import project
from srgan.inference.open import open_network
from srgan.inference.resample import resample_strips
from srgan.inference.tiles import Tiled
from srgan.inference.upscale import (
    frame_strips,
    like_first,
    target_size,
    upscale_array,
    upscale_picture,
    upscale_strips,
)
from srgan.inference.upscaler import Image, Upscaler

NETWORK = open_network(*tiny(blocks=1), precision="fp32", threads=1, tile=12, margin=2)
NEAREST = Tiled(Interpolation("nearest", 4), 9, 1, 2)


@dataclass(frozen=True)
class Doubling:
    """An upscaler that knows nothing of tiles."""

    scale: int = 2

    def __call__(self, image: Image) -> Image:
        return image.repeat(2, axis=0).repeat(2, axis=1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 17),
    st.sampled_from(["uint8", "uint16", "float32"]),
    st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos3"]),
)
def test_strips_resample_as_the_whole(
    height: int, width: int, tall: int, wide: int, step: int, dtype: str, kernel: str
) -> None:
    draw = np.random.default_rng(height)
    image = (draw.random((height, width, 2)) * (1 if dtype == "float32" else 255)).astype(dtype)
    strips = (image[i : i + step] for i in range(0, height, step))
    out = list(
        resample_strips(strips, source=(height, width), size=(tall, wide), kernel=kernel)  # type: ignore[arg-type]
    )
    whole = imresize(image, size=(tall, wide), kernel=kernel)  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.concatenate(out), whole)


def test_strips_of_another_height_are_refused() -> None:
    with pytest.raises(UsageError, match="hold 4 rows"):
        list(resample_strips([np.zeros((4, 4, 3))], source=(5, 4), size=(10, 8)))


@pytest.mark.parametrize("size", [(20, 28), (13, 17), (21, 30), (45, 63), (80, 112)])
@pytest.mark.parametrize("upscaler", [NETWORK, NEAREST, Doubling(), Interpolation("bicubic")])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_keeps_type_and_channels(
    size: tuple[int, int], upscaler: Upscaler, channels: int
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.uint8)
    for dtype in (np.uint8, np.uint16, np.float32):
        source = image.astype(dtype) / (1 if dtype != np.float32 else np.float32(255))
        out = upscale_array(source.astype(dtype), upscaler, size=size)
        assert out.shape == (*size, channels)
        assert out.dtype == dtype
        assert out.max() > out.min()
        if dtype == np.float32:
            assert out.min() >= 0.0
            assert out.max() <= 1.0


def test_a_filter_goes_to_the_size_directly_bit_for_bit() -> None:
    image = np.random.default_rng(0).integers(0, 256, (31, 23, 3)).astype(np.uint8)
    out = upscale_array(image, Interpolation("lanczos2"), size=(100, 77))
    np.testing.assert_array_equal(out, imresize(image, size=(100, 77), kernel="lanczos2"))


def test_above_the_networks_scale_it_is_applied_twice() -> None:
    image = np.random.default_rng(0).integers(0, 65536, (5, 6, 3)).astype(np.uint16)
    out = upscale_array(image, NEAREST, size=(80, 96))
    np.testing.assert_array_equal(out, image.repeat(16, axis=0).repeat(16, axis=1))
    seen: list[float] = []
    upscale_array(image, NEAREST, size=(50, 60), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[0] < 0.06
    assert seen[-1] == pytest.approx(1.0)


def test_below_the_networks_scale_its_result_is_shrunk_exactly() -> None:
    image = np.random.default_rng(0).random((9, 11, 3), dtype=np.float32)
    out = upscale_array(image, NETWORK, size=(20, 25))
    expected = imresize(NETWORK(image), size=(20, 25))
    np.testing.assert_array_equal(out, np.clip(expected, 0, 1))


def test_cancelling() -> None:
    image = np.zeros((30, 30, 3), np.uint8)
    for upscaler in (NETWORK, Doubling(), Interpolation("bicubic")):
        with pytest.raises(Cancelled):
            list(upscale_strips(image, upscaler, size=(60, 60), cancelled=lambda: True))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"scale": 4}, (400, 1200)),
        ({"scale": 3.3}, (330, 990)),
        ({"scale": 1.005}, (101, 302)),
        ({"size": (800, 600)}, (800, 600)),
        ({"long_edge": 1000}, (333, 1000)),
    ],
)
def test_target_size(asked: dict[str, object], expected: tuple[int, int]) -> None:
    assert target_size(100, 300, **asked) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "exactly one of"),
        ({"scale": 1}, "above 1 and at most 16, not 1$"),
        ({"scale": 16.1}, "above 1 and at most 16, not 16.1"),
        ({"scale": float("nan")}, "above 1 and at most 16, not nan"),
        ({"scale": 2, "long_edge": 900}, "exactly one of"),
        ({"long_edge": 200}, "200x67 does not enlarge 300x100"),
        ({"long_edge": 4801}, "4801 is more than 16 times 300x100"),
        ({"size": (100, 300)}, "300x100 does not enlarge 300x100"),
        ({"size": (50, 900)}, "900x50 does not enlarge 300x100"),
        ({"size": (900, 299)}, "299x900 does not enlarge 300x100"),
        ({"size": (1601, 4800)}, "4800x1601 is more than 16 times 300x100"),
        ({"size": (1600, 4801)}, "4801x1600 is more than 16 times 300x100"),
    ],
)
def test_target_sizes_without_meaning_are_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        target_size(100, 300, **asked)  # type: ignore[arg-type]


def test_a_page_of_another_size_is_enlarged_by_the_firsts_factors() -> None:
    assert like_first((10, 20), (20, 30), (80, 60)) == (40, 40)
    assert like_first((1, 1), (300, 300), (450, 450)) == (2, 2)
    assert like_first((1, 1), (300, 300), (301, 301)) == (1, 1)


@pytest.mark.parametrize("bad", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((0, 4, 3))])
def test_arrays_of_another_kind_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(UsageError):
        upscale_array(bad, NETWORK, size=(8, 8))


def test_no_dark_fringe_around_a_cut_out() -> None:
    y, x = np.mgrid[:24, :24]
    alpha = np.where((y - 12) ** 2 + (x - 12) ** 2 < 64, 255, 0).astype(np.uint8)
    colour = np.where(alpha[..., None] > 0, 250, 0) * np.ones(3)
    frame = Frame(colour.astype(np.uint8), alpha)
    filled = bleed(frame.colour, alpha)
    assert filled.min() == 250
    bicubic = Interpolation("bicubic")
    out = np.concatenate(list(frame_strips(frame, bicubic, size=(96, 96))))
    assert out.shape == (96, 96, 4)
    assert out[..., :3].min() == 250
    np.testing.assert_array_equal(out[..., 3], imresize(alpha, size=(96, 96)))


def test_bleeding_leaves_visible_pixels_and_odd_pictures_alone() -> None:
    colour = np.random.default_rng(0).integers(0, 65536, (7, 5, 1)).astype(np.uint16)
    alpha = np.zeros((7, 5), np.uint16)
    np.testing.assert_array_equal(bleed(colour, alpha), colour)
    alpha[2, 3] = 1
    filled = bleed(colour, alpha)
    assert np.ptp(filled) <= 1
    assert filled[2, 3] == colour[2, 3]


def test_a_picture_keeps_its_frames_depth_and_gray() -> None:
    draw = np.random.default_rng(0)
    frames = tuple(
        Frame(
            draw.integers(0, 65536, (9, 8, 1)).astype(np.uint16),
            draw.integers(0, 65536, (9, 8)).astype(np.uint16),
            40.0 * i,
        )
        for i in range(3)
    )
    seen: list[float] = []
    out = upscale_picture(
        Picture(frames, format="TIFF"), NETWORK, size=(30, 24), progress=seen.append
    )
    assert (out.height, out.width, out.bit_depth, out.gray, out.has_alpha) == (
        30,
        24,
        16,
        True,
        True,
    )
    assert out.format == "TIFF"
    assert [f.duration_ms for f in out.frames] == [0.0, 40.0, 80.0]
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_back_projection_agrees_with_the_input() -> None:
    draw = np.random.default_rng(0)
    lr = imresize(draw.integers(0, 256, (12, 14, 3)).astype(np.uint8), size=(40, 50))
    sr = imresize(lr, size=(160, 200), kernel="nearest")
    wrong = np.clip(sr.astype(int) + 20, 0, 255).astype(np.uint8)
    before = imresize(wrong, size=(40, 50)).astype(float) - lr
    after = imresize(project(wrong, lr), size=(40, 50)).astype(float) - lr
    assert np.abs(before).mean() > 15
    assert np.abs(after).mean() < 1.0
    picture = Picture((Frame(lr),))
    consistent = upscale_picture(picture, NETWORK, size=(160, 200), consistent=True)
    plain = upscale_picture(picture, NETWORK, size=(160, 200))

    def miss(result: Picture) -> float:
        shrunk = imresize(result.frames[0].colour, size=(40, 50)).astype(float)
        return float(np.abs(shrunk - lr).mean())

    assert miss(consistent) < 0.5 * miss(plain)
