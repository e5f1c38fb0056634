"""The functions that most programs need."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageCms

import srgan
from inference.clips import decoded, make_clip, scene
from srgan.image.resize import imresize

PROGRAM = """
from pathlib import Path

import numpy as np
import numpy.typing as npt
import srgan
from PIL import Image


class Twice:
    scale = 2

    def __call__(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return image.repeat(2, 0).repeat(2, 1)


def names(models: list[srgan.Model]) -> list[str]:
    return [model.name for model in models if not model.earlier]


def large(photo: str | Path, upscaler: srgan.Upscaler) -> str | Path:
    return srgan.upscale(photo, upscaler, long_edge=400, max_input_mp=100)


upscaler: srgan.Upscaler = srgan.load(Path("own.safetensors"), tile=64)
path: Path = srgan.upscale(Path("photo.jpg"), Twice(), overwrite=True)
text: str = srgan.upscale_video("clip.mp4", upscaler, progress=lambda done, count: None)
image: Image.Image = srgan.upscale(Image.new("RGB", (4, 4)), "fast", size=(8, 8))
pixels: npt.NDArray[np.uint8] = srgan.upscale(np.zeros((4, 4, 3), np.uint8), scale=2)
enlarged: npt.NDArray[np.float32] = upscaler(np.zeros((4, 4, 3), np.float32))
print(names(list(srgan.models())), upscaler.scale, srgan.__version__)
"""

PIXELS = np.random.default_rng(4).integers(0, 256, (14, 19, 3), dtype=np.uint8)


def test_every_public_name_is_listed_and_there() -> None:
    for name in srgan.__all__:
        assert getattr(srgan, name) is not None
    shown = {n for n in vars(srgan) if not n.startswith("_")}
    modules = {
        "api",
        "arguments",
        "classical",
        "cli",
        "errors",
        "evaluation",
        "export",
        "image",
        "inference",
    }
    modules |= {
        "integrations",
        "losses",
        "metrics",
        "networks",
        "processor",
        "training",
        "weights",
        "words",
        "degradation",
    }
    modules |= {"server"}
    lazy = {"Model", "Upscaler"}
    assert shown - modules - {"TYPE_CHECKING"} == set(srgan.__all__) - lazy - {"__version__"}
    assert isinstance(srgan.models()[0], srgan.Model)
    assert set(srgan.__all__) <= set(dir(srgan))


def test_the_import_alone_brings_nothing_heavy() -> None:
    """Programs that may never enlarge anything wait for it too; as does who presses Ctrl-C."""
    heavy = "{'numpy', 'PIL', 'openvino', 'torch'}"
    code = f"import srgan, sys; print(sorted({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_misspelt_name_is_none() -> None:
    with pytest.raises(AttributeError, match="'srgan' has no attribute 'upscail'"):
        _ = srgan.upscail  # type: ignore[attr-defined]


def test_a_program_that_uses_the_public_names_is_typed(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    (tmp_path / "product.py").write_text(PROGRAM, encoding="utf-8")
    said, _, status = api.run(
        ["--strict", "--disallow-any-expr", "--cache-dir", str(tmp_path), str(tmp_path)]
    )
    assert status == 0, said


def test_models_can_be_kept_in_a_set() -> None:
    assert len(set(srgan.models())) == len(srgan.models())


def test_a_model_that_is_open_says_why_it_cannot_be_pickled() -> None:
    upscaler = srgan.load("fast")
    for wanted in (pickle.dumps, copy.deepcopy):
        with pytest.raises(srgan.UsageError, match=r"open it in each process by srgan\.load"):
            wanted(upscaler)
    assert copy.copy(upscaler) == upscaler


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_an_array_comes_back_as_it_was_given(dtype: type, channels: int | None) -> None:
    shape = (14, 19) if channels is None else (14, 19, channels)
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    out = srgan.upscale(image, "bicubic", 3)
    assert out.dtype == dtype
    assert out.shape == (42, 57, *shape[2:])
    if channels in (1, 3):
        np.testing.assert_array_equal(out, imresize(image, scale=3))


def test_16_bits_of_either_byte_order_are_one_picture() -> None:
    image = np.dstack([PIXELS, PIXELS[:, :, 0]]).astype(np.uint16) * 257
    out = srgan.upscale(image.astype(">u2"), "bicubic", 2)
    assert out.dtype == np.dtype(">u2")
    np.testing.assert_array_equal(out, srgan.upscale(image, "bicubic", 2))


def test_floats_are_values_from_0_to_1() -> None:
    image = PIXELS.astype(np.float32) / 255
    out = srgan.upscale(image, "bicubic", 2)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, np.clip(imresize(image, scale=2), 0, 1), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_any_width_keep_their_opacity(dtype: type) -> None:
    image = np.full((5, 6, 4), 0.5, dtype)
    out = srgan.upscale(image, "bicubic", 2)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, 0.5, atol=1e-3)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_an_array() -> None:
    plain = PIXELS[:, :, 0]
    out = srgan.upscale(np.matrix(plain), "bicubic", 2)
    np.testing.assert_array_equal(out, srgan.upscale(plain, "bicubic", 2))


@pytest.mark.parametrize("values", [PIXELS.astype(np.float32), PIXELS / 127.5 - 1])
def test_floats_of_another_range_are_refused_not_clipped(values: np.ndarray) -> None:
    with pytest.raises(srgan.UsageError, match=r"floats are in \[0, 1\]; divide them"):
        srgan.upscale(values, "bicubic", 2)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_a_pillow_image_comes_back_as_one(mode: str) -> None:
    rgb = Image.fromarray(PIXELS)
    if mode == "I;16":
        image = Image.fromarray(PIXELS[:, :, 0].astype(np.uint16) * 257)
    else:
        image = rgb.convert(mode)
    out = srgan.upscale(image, "lanczos3", size=(40, 30))
    assert out.size == (40, 30)
    expected = {"1": "L", "P": "RGB", "CMYK": "RGB"}
    assert out.mode == expected.get(mode, mode)


@pytest.mark.parametrize(("mode", "space", "kept"), [("RGB", "sRGB", True), ("LAB", "LAB", False)])
def test_a_pillow_image_keeps_no_profile_of_colours_that_it_lost(
    mode: str, space: Literal["LAB", "sRGB"], kept: bool
) -> None:
    image = Image.new(mode, (4, 3), (120, 130, 140))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    image.info["icc_profile"] = profile
    out = srgan.upscale(image, "nearest", 2)
    assert out.mode == "RGB"
    assert out.info.get("icc_profile") == (profile if kept else None)


def test_a_path_gives_the_path_of_the_result(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(PIXELS).save(photo)
    target = srgan.upscale(photo, "bicubic")
    assert target == tmp_path / "photo_x4.png"
    np.testing.assert_array_equal(np.asarray(Image.open(target)), imresize(PIXELS, scale=4))
    with pytest.raises(srgan.OutputFailed, match="overwrite"):
        srgan.upscale(photo, "bicubic")
    text = srgan.upscale(str(photo), "bicubic", output=str(tmp_path / "other.webp"))
    assert text == str(tmp_path / "other.webp")
    assert Image.open(text).format == "WEBP"


def test_an_upscaler_is_kept_and_used_again() -> None:
    upscaler = srgan.load("bicubic")
    assert upscaler.scale == 4
    first = srgan.upscale(PIXELS, upscaler)
    np.testing.assert_array_equal(first, srgan.upscale(PIXELS, "bicubic"))


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4,), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.int32),
        np.full((4, 4, 3), np.nan),
        7,
    ],
)
def test_what_is_no_picture_is_refused(bad: object) -> None:
    with pytest.raises(srgan.UsageError):
        srgan.upscale(bad, "bicubic")  # type: ignore[type-var]


@pytest.mark.parametrize("scale", [0, 1, 16.5, -2, float("nan")])
def test_a_meaningless_scale_is_refused(scale: float) -> None:
    with pytest.raises(srgan.UsageError, match="scale"):
        srgan.upscale(PIXELS, "bicubic", scale)


def test_a_scale_of_0_is_not_taken_for_4(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    srgan.upscale(tmp_path / "photo.png", "bicubic")
    with pytest.raises(srgan.UsageError, match=r"above 1 and at most 16, not 0$"):
        srgan.upscale(tmp_path / "photo.png", "bicubic", 0)


@pytest.mark.parametrize("size", [(30, 40, 3), (30.5, 40), 40, "40x30"])
def test_a_size_is_a_pair_of_whole_numbers(size: object) -> None:
    with pytest.raises(srgan.UsageError, match=r"size is \(width, height\)"):
        srgan.upscale(PIXELS, "bicubic", size=size)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ({"output": "large.png"}, "output goes with a path"),
        ({"model": srgan.load("bicubic"), "realism": 0.5}, "srgan.load"),
        ({"model": srgan.load("bicubic"), "device": "cpu"}, "srgan.load"),
        ({"model": 7}, "not int"),
    ],
)
def test_an_argument_that_would_do_nothing_is_refused(
    argument: dict[str, object], said: str
) -> None:
    with pytest.raises(srgan.UsageError, match=said):
        srgan.upscale(PIXELS, **{"model": "bicubic", **argument})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ({"scale": "2"}, "scale is a number, not '2'"),
        ({"scale": 10**400}, "scale is far too large"),
        ({"long_edge": 96.0}, "long_edge is a whole number, not 96.0"),
        ({"long_edge": 10**400}, "more than 16 times"),
        ({"model": "srgan", "realism": "0.5"}, "realism is a number, not '0.5'"),
        ({"threads": "2"}, "threads is a whole number, not '2'"),
    ],
)
def test_an_argument_of_another_type_is_refused(argument: dict[str, object], said: str) -> None:
    with pytest.raises(srgan.UsageError, match=said):
        srgan.upscale(PIXELS, **{"model": "bicubic", **argument})  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers() -> None:
    result = srgan.upscale(PIXELS, "bicubic", np.float32(2.0), threads=np.int64(1))
    assert result.shape[:2] == (2 * PIXELS.shape[0], 2 * PIXELS.shape[1])


def test_models_lists_networks_first_with_their_figures() -> None:
    rows = srgan.models()
    kinds = [row.kind for row in rows]
    assert kinds == sorted(kinds, key=lambda kind: kind in ("filter", "search"))
    best = next(row for row in rows if row.name == "srresnet")
    assert best.parameters == 1_545_238
    assert best.scores["Set5 x4"] > 31.0


def test_what_a_picture_loses_is_warned_of_where_it_was_called(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (200, 0, 0, 100)).save(tmp_path / "half.png")
    with pytest.warns(srgan.SRGANWarning, match=r"half\.png: JPEG holds no opacity") as said:
        srgan.upscale(tmp_path / "half.png", "nearest", 2, output=tmp_path / "big.jpg")
    assert [warning.filename for warning in said] == [__file__]


def test_what_a_video_loses_is_warned_of_where_it_was_called(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [scene(0)] * 3, sound="flac")
    with pytest.warns(srgan.SRGANWarning, match=r"clip\.mkv: its sound \(flac\) cannot") as said:
        srgan.upscale_video(clip, "nearest", 2, output=tmp_path / "big.mov")
    assert [warning.filename for warning in said] == [__file__] * len(said)


def test_a_video_gives_the_path_of_the_result(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [scene(i) for i in range(3)])
    told: list[tuple[float, int]] = []
    target = srgan.upscale_video(
        clip, "bicubic", 2, progress=lambda done, total: told.append((done, total))
    )
    assert target == tmp_path / "clip_x2.mkv"
    assert told[-1] == (3, 3)
    text = srgan.upscale_video(
        str(clip), srgan.load("bicubic"), size=(90, 70), output=tmp_path / "b.mp4", crf=1
    )
    assert text == str(tmp_path / "b.mp4")
    assert [frame.shape for frame in decoded(Path(text))] == [(70, 90, 3)] * 3
    with pytest.raises(srgan.OutputFailed, match="overwrite"):
        srgan.upscale_video(clip, "bicubic", 2)
