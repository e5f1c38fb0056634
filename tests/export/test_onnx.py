"""The exported file: what other programs read."""

from pathlib import Path

import numpy as np
import pytest

from inference.tiny import tiny
from srgan.errors import OutputFailed, RuntimeFailed
from srgan.export import onnx as exporting
from srgan.export.onnx import export_onnx
from srgan.weights.format import save_weights


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


def test_without_torch_it_is_written_and_said(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "installed", lambda name: False)
    assert export_onnx(weights, tmp_path / "own.onnx") is None
    assert np.fromfile(tmp_path / "own.onnx", np.uint8).size > 10_000
