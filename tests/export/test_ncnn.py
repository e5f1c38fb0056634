"""ncnn models: what the file says, what ncnn makes of it, and what is refused."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.tiny import johnson, tiny
from srgan.errors import ModelRefused, OutputFailed, RuntimeFailed, UsageError
from srgan.export import ncnn as exporting
from srgan.export.ncnn import difference_from_fp32, export_ncnn, scale_of_name
from srgan.export.ncnn_model import build_ncnn
from srgan.inference.graph import build_graph
from srgan.inference.open import read_model
from srgan.inference.runtimes import open_runtime
from srgan.weights.format import Header, Tensors, save_weights

KEPT = {"Input", "Convolution", "Split", "BinaryOp", "PixelShuffle", "Interp", "ReLU"}
"""Of the layers with which realesrgan-ncnn-vulkan is built (its CMakeLists), those used here."""

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "hair.png"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "own.safetensors"
    save_weights(path, *tiny(batch_norm=True, output_range=(-1.0, 1.0)))
    return path


def ncnn() -> Any:
    try:
        import ncnn
    except ImportError as error:
        pytest.skip(f"ncnn is not installed, or the system lacks libgomp: {error}")
    return ncnn


def in_ncnn(param: str, weights: bytes, picture: np.ndarray, folder: Path) -> np.ndarray:
    net = exporting.open_model(ncnn(), folder, param, weights)
    return exporting.run_model(ncnn(), net, np.ascontiguousarray(picture))


def here(tensors: Tensors, header: Header, picture: np.ndarray) -> np.ndarray:
    model = build_graph(tensors, header)
    runtime = open_runtime(model, device="cpu", precision="fp32", threads=1)
    return np.maximum(runtime(np.ascontiguousarray(picture)[None])[0], 0.0)


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"scale": 2},
        {"scale": 3, "skip": "none", "output_range": (-1.0, 1.0)},
        {"batch_norm": True, "output_range": (-1.0, 1.0)},
        {"direct": True, "skip": "none"},
        {"direct": True, "scale": 3, "channels": 5, "blocks": 0},
    ],
)
def test_ncnn_gives_what_the_network_gives(network: dict[str, object], tmp_path: Path) -> None:
    tensors, header = tiny(**network)  # type: ignore[arg-type]
    draw = np.random.default_rng(1)
    for half, most in ((False, 2e-5), (True, 5e-3)):
        param, data = build_ncnn(tensors, header, half=half)
        for shape in ((3, 13, 18), (3, 2, 1)):
            picture = draw.random(shape, dtype=np.float32)
            expected = here(tensors, header, picture)
            assert expected.std() > 0.01
            found = in_ncnn(param, data, picture, tmp_path)
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() < most


@pytest.mark.parametrize(("name", "realism"), [("srgan-photo", 0.6), ("fast", None)])
def test_a_published_network_on_a_photo(name: str, realism: float | None, tmp_path: Path) -> None:
    with Image.open(EXAMPLE) as image:
        photo = np.asarray(image.convert("RGB").crop((40, 30, 97, 71)), np.float32) / 255
    picture = photo.transpose(2, 0, 1)
    tensors, header = read_model(name, realism)
    expected = here(tensors, header, picture)
    full = in_ncnn(*build_ncnn(tensors, header, half=False), picture, tmp_path)
    half = in_ncnn(*build_ncnn(tensors, header), picture, tmp_path)
    assert np.abs(full - expected).max() < 2e-5
    assert 2e-5 < np.abs(half - expected).max() < 1e-3


@pytest.mark.parametrize("network", [{}, {"scale": 2, "skip": "none"}, {"direct": True}])
def test_the_text_is_one_that_every_program_reads(network: dict[str, object]) -> None:
    tensors, header = tiny(**network)  # type: ignore[arg-type]
    param, data = build_ncnn(tensors, header)
    magic, counts, *lines = param.splitlines()
    assert magic == "7767517"
    made: Counter[str] = Counter()
    read: Counter[str] = Counter()
    size = 0
    for line in lines:
        kind, _, inputs, outputs, *rest = line.split(" ")
        assert kind in KEPT
        read.update(rest[: int(inputs)])
        made.update(rest[int(inputs) : int(inputs) + int(outputs)])
        given = dict(item.split("=") for item in rest[int(inputs) + int(outputs) :])
        if kind == "Convolution":
            halves = int(given["6"])
            size += 4 + 2 * halves + 2 * (halves % 2) + 4 * int(given["0"])
    assert counts == f"{len(lines)} {len(made)}"
    assert set(made.values()) == set(read.values()) == {1}
    assert set(made) - set(read) == {"output"}
    assert lines[0] == "Input data 0 1 data"
    assert size == len(data)


def test_nothing_below_black_is_given(tmp_path: Path) -> None:
    tensors, header = tiny()
    tensors["tail.bias"] = np.array([-50.0, 0.0, 0.0], np.float32)
    picture = np.full((3, 4, 4), 0.5, np.float32)
    assert in_ncnn(*build_ncnn(tensors, header), picture, tmp_path)[0].max() == 0.0


def test_two_files_of_one_name(weights: Path, tmp_path: Path) -> None:
    ncnn()
    difference = export_ncnn(weights, tmp_path / "models" / "own-4x.param")
    assert difference is not None
    assert 0.0 < difference < 5e-3
    files = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert files == ["own-4x.bin", "own-4x.param"]
    with pytest.raises(OutputFailed, match="--overwrite"):
        export_ncnn(weights, tmp_path / "models" / "own-4x.param")
    small = (tmp_path / "models" / "own-4x.bin").stat().st_size
    out = tmp_path / "models" / "own-4x.param"
    exact = export_ncnn(weights, out, half=False, overwrite=True)
    assert exact is not None
    assert exact < difference / 10
    assert (tmp_path / "models" / "own-4x.bin").stat().st_size > 1.8 * small


def test_one_of_the_two_that_exists_stops_both(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "own-4x.bin").write_bytes(b"mine")
    with pytest.raises(OutputFailed, match=r"own-4x\.bin"):
        export_ncnn(weights, tmp_path / "own-4x.param")
    assert (tmp_path / "own-4x.bin").read_bytes() == b"mine"
    assert not (tmp_path / "own-4x.param").exists()


def test_a_model_that_differs_is_not_written(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ncnn()
    wrong, header = tiny(batch_norm=True, output_range=(-1.0, 1.0), seed=1)
    built = build_ncnn(wrong, header)
    monkeypatch.setattr(exporting, "build_ncnn", lambda *_, **__: built)
    with pytest.raises(RuntimeFailed, match="differs from our own"):
        export_ncnn(weights, tmp_path / "own-4x.param")
    assert [p.name for p in tmp_path.iterdir()] == ["own.safetensors"]


def test_a_model_that_gives_no_numbers_is_not_written(tmp_path: Path) -> None:
    ncnn()
    tensors, header = tiny()
    for name in ("trunk.weight", "upscale.0.conv.weight"):
        tensors[name] = tensors[name] * np.float32(1e38)
    save_weights(tmp_path / "own.safetensors", tensors, header)
    with pytest.raises(RuntimeFailed, match="by nan"):
        export_ncnn(tmp_path / "own.safetensors", tmp_path / "own-4x.param", half=False)
    assert not (tmp_path / "own-4x.param").exists()


def test_without_ncnn_it_is_written_and_said(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ncnn", None)  # as if not installed
    assert export_ncnn(weights, tmp_path / "own-4x.param") is None
    assert (tmp_path / "own-4x.param").read_text().startswith("7767517\n")


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="luma"):
        build_ncnn(*read_model("espcn"))
    with pytest.raises(UsageError, match="johnson ends in a tanh"):
        build_ncnn(*johnson())
    with pytest.raises(UsageError, match="read x2 from this name"):
        export_ncnn("fast", tmp_path / "max2-4x.param")
    tensors, header = tiny()
    tensors["trunk.weight"] = tensors["trunk.weight"] * 1e6
    with pytest.raises(ModelRefused, match=r"trunk.*--fp32"):
        build_ncnn(tensors, header)
    assert list(tmp_path.iterdir()) == []


def test_a_difference_is_seen() -> None:
    ncnn()
    tensors, header = tiny()
    found = difference_from_fp32(*build_ncnn(tensors, header, half=False), tensors, header)
    assert found is not None
    assert found < 1e-5
    other = {**tensors, "tail.bias": tensors["tail.bias"] + 0.25}
    found = difference_from_fp32(*build_ncnn(other, header, half=False), tensors, header)
    assert found == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "scale"), [("own-4x", 4), ("own", 4), ("X2-own", 2), ("own-3x", 3), ("o-0.3-4x", 4)]
)
def test_the_scale_of_a_name(name: str, scale: int) -> None:
    assert scale_of_name(name) == scale
