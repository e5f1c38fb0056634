"""The weights file: what is written is read, and what is damaged is refused by name."""

import json
import os
import pickle
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from srgan.errors import ModelRefused
from srgan.weights.format import Header, load_weights, read_header, save_weights

HEADER = Header("srresnet", {"channels": 4}, 4, (-1.0, 1.0), {"recipe": "tiny"})
TENSORS = {"head.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_weights(tmp_path / "w.safetensors", TENSORS, HEADER)
    return tmp_path / "w.safetensors"


def test_what_is_written_is_read(path: Path) -> None:
    tensors, header = load_weights(path)
    assert header == HEADER == read_header(path)
    np.testing.assert_array_equal(tensors["head.weight"], TENSORS["head.weight"])
    save_weights(path, {"tail.bias": np.ones(2)}, HEADER)
    assert list(load_weights(path)[0]) == ["tail.bias"]
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]


def test_nan_is_refused_by_the_tensor_s_name(tmp_path: Path) -> None:
    save_weights(tmp_path / "w", {"bad.bias": np.array([0, np.nan])}, HEADER)
    with pytest.raises(ModelRefused, match=r"bad\.bias holds NaN"):
        load_weights(tmp_path / "w")


def test_code_is_never_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    path = tmp_path / "w.safetensors"
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(ModelRefused, match="not a safetensors file"):
        load_weights(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scale": "4"}, "scale"),
        ({"scale": 0}, "scale"),
        ({"arguments": [1]}, "arguments"),
        ({"output_range": [0, 2]}, "range"),
        ({"architecture": "vit"}, "'vit' is unknown"),
        ({"archi\x7ftecture": 1}, "damaged"),
        ({"arguments": {"blocks": [4]}}, r"blocks = \[4\]"),
        ({"arguments": {"skip": "bicubic"}}, "skip = 'bicubic'"),
        ({"arguments": {"attention": True}}, "srresnet has no argument 'attention'"),
        ({"arguments": {"scale": 2}}, "two scales, 2 and 4"),
        ({"card": {"tile_margin": "x"}}, "tile_margin = 'x'"),
        ({"card": {"tile_margin": -5}}, "tile_margin = -5"),
        ({"card": {"precisions": 5}}, "precisions = 5"),
        ({"card": {"activation_ranges": {"block0a": ["a", 1]}}}, "activation_ranges: block0a"),
        ({"card": {"activation_ranges": {"block0a": [1]}}}, "activation_ranges: block0a"),
        ({"card": {"activation_ranges": {"block0a": 5}}}, "activation_ranges: block0a = 5"),
    ],
)
def test_a_header_without_sense(change: dict[str, object], reason: str, tmp_path: Path) -> None:
    fields = {"architecture": "srresnet", "arguments": {}, "scale": 4, "output_range": [0, 1]}
    text = json.dumps({**fields, **change})
    save_file(TENSORS, tmp_path / "w", metadata={"srgan": text})
    with pytest.raises(ModelRefused, match=reason) as caught:
        load_weights(tmp_path / "w")
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none here")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    for path in (tmp_path, tmp_path / "pipe.safetensors"):
        with pytest.raises(ModelRefused, match="no regular file"):
            load_weights(path)


@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.bool_])
def test_whole_numbers_are_no_weights(dtype: type, tmp_path: Path) -> None:
    text = json.dumps(asdict(HEADER))
    tensors = {name: array.astype(dtype) for name, array in TENSORS.items()}
    save_file(tensors, tmp_path / "w", metadata={"srgan": text})
    with pytest.raises(ModelRefused, match=r"tensor head\.weight .*not floating-point"):
        load_weights(tmp_path / "w")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is forbidden here")
def test_a_file_that_may_not_be_read_is_not_said_to_be_missing(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(ModelRefused, match="Permission denied"):
        load_weights(path)


def test_headers_that_nest_without_end(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "w", metadata={"srgan": "[" * 100_000})
    with pytest.raises(ModelRefused, match="damaged"):
        load_weights(tmp_path / "w")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_harmless(data: st.DataObject, tmp_path_factory: object) -> None:
    folder = tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    path = folder / "damaged.safetensors"
    save_weights(path, TENSORS, HEADER)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        tensors, _ = load_weights(path)
    except ModelRefused:
        return
    assert all(np.isfinite(t).all() for t in tensors.values())


def test_a_checkpoint_is_told_from_a_model(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    save_file(TENSORS, file, metadata={"state": json.dumps({"update": 3})})
    with pytest.raises(ModelRefused, match=r"checkpoint of training.*generator\.safetensors"):
        load_weights(file)
    save_file(TENSORS, file)
    with pytest.raises(ModelRefused, match="no srgan header"):
        load_weights(file)
