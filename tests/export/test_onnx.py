"""The exported file: what other programs read."""

from pathlib import Path

import numpy as np
import pytest

from inference.tiny import tiny
from srgan.errors import OutputFailed, RuntimeFailed, UsageError
from srgan.export import onnx as exporting
from srgan.export.onnx import export_onnx
from srgan.inference.graph import build_graph
from srgan.weights.format import Header, save_weights


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "own.safetensors"
    save_weights(path, *tiny(batch_norm=True, output_range=(-1.0, 1.0)))
    return path


def test_the_file_is_a_valid_model_of_free_size(weights: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("torch")
    difference = export_onnx(weights, tmp_path / "own.onnx")
    assert difference is not None
    assert 0.0 < difference < 1e-4
    model = onnx.load(tmp_path / "own.onnx")
    onnx.checker.check_model(model, full_check=True)
    for value, name in ((model.graph.input[0], "input"), (model.graph.output[0], "output")):
        assert value.name == name
        sides = value.type.tensor_type.shape.dim
        assert [bool(side.dim_param) for side in sides] == [True, False, True, True]


def test_a_network_on_luma_is_compared_on_luma(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from srgan.networks.build import build

    arguments = {"scale": 2, "atoms": 8}
    tensors = {k: v.numpy() for k, v in build("scn", arguments).state_dict().items()}
    header = Header("scn", arguments, 2)
    save_weights(tmp_path / "own.safetensors", tensors, header)
    difference = export_onnx(tmp_path / "own.safetensors", tmp_path / "own.onnx")
    assert difference is not None
    assert 0.0 < difference < 1e-4
    other = build_graph(tensors | {"decode.weight": -10.0 * tensors["decode.weight"]}, header)
    assert exporting.difference_from_torch(other, tensors, header) > 1e-2


def test_an_existing_file_stays(weights: Path, tmp_path: Path) -> None:
    target = tmp_path / "own.onnx"
    target.write_bytes(b"mine")
    with pytest.raises(OutputFailed):
        export_onnx(weights, target)
    assert target.read_bytes() == b"mine"
    export_onnx(weights, target, overwrite=True)
    assert target.stat().st_size > 10_000


def test_a_graph_that_differs_is_not_written(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    wrong, header = tiny(batch_norm=True, output_range=(-1.0, 1.0), seed=1)
    build = exporting.build_graph
    monkeypatch.setattr(exporting, "build_graph", lambda *_: build(wrong, header))
    with pytest.raises(RuntimeFailed, match="differs from PyTorch"):
        export_onnx(weights, tmp_path / "own.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["own.safetensors"]


def test_a_network_that_gives_no_numbers_is_not_written(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    tensors, header = tiny()
    for name in ("trunk.weight", "upscale.0.conv.weight"):
        tensors[name] = tensors[name] * np.float32(1e38)
    save_weights(tmp_path / "own.safetensors", tensors, header)
    with pytest.raises(RuntimeFailed, match="differs from PyTorch by nan"):
        export_onnx(tmp_path / "own.safetensors", tmp_path / "own.onnx")
    assert not (tmp_path / "own.onnx").exists()


def test_without_torch_it_is_written_and_said(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "installed", lambda name: False)
    assert export_onnx(weights, tmp_path / "own.onnx") is None
    assert np.fromfile(tmp_path / "own.onnx", np.uint8).size > 10_000


def in_the_browser(kinds: set[str]) -> set[str]:
    """Those without a kernel in WebGPU (onnxruntime-web 1.30.0, docs/webgpu-operators.md)."""
    table = {"Add", "Concat", "Conv", "DepthToSpace", "LeakyRelu", "Mul", "Pad", "Slice"}
    return kinds - table - {"Identity"}  # which ONNX Runtime takes away


@pytest.mark.parametrize("network", [{}, {"direct": True}, {"scale": 3, "skip": "none"}])
def test_other_programs_understand_the_graph(network: dict[str, object], tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    save_weights(tmp_path / "own.safetensors", *tiny(**network))  # type: ignore[arg-type]
    export_onnx(tmp_path / "own.safetensors", tmp_path / "own.onnx")
    model = onnx.load(tmp_path / "own.onnx")
    assert in_the_browser({node.op_type for node in model.graph.node}) == set()
    assert model.opset_import[0].version <= 17
    # As chaiNNer finds out scale and size: one input, one output, shapes inferred at a size.
    (given,), (taken,) = model.graph.input, model.graph.output
    assert given.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    for side, value in zip(given.type.tensor_type.shape.dim, (1, 3, 16, 64), strict=True):
        side.dim_value = value
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    sides = [side.dim_value for side in inferred.graph.output[0].type.tensor_type.shape.dim]
    scale = network.get("scale", 4)
    assert sides == [1, 3, 16 * scale, 64 * scale]  # type: ignore[operator]
    assert taken.name == "output"


def test_a_place_of_the_dial(tmp_path: Path) -> None:
    export_onnx("srgan", tmp_path / "a.onnx", realism=0.25)
    export_onnx("srgan", tmp_path / "b.onnx", realism=0.5)
    assert (tmp_path / "a.onnx").read_bytes() != (tmp_path / "b.onnx").read_bytes()
    with pytest.raises(UsageError, match="dial"):
        export_onnx("fast", tmp_path / "c.onnx", realism=0.5)
