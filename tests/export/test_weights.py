"""Weights at a place of the realism dial, as a file."""

from pathlib import Path

import numpy as np
import pytest

from srgan.errors import OutputFailed, UsageError
from srgan.export.weights import export_weights
from srgan.inference.open import load, read_model
from srgan.weights.format import read_header


def test_the_file_does_what_the_dial_does(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    export_weights("srgan", path, realism=0.25)
    image = np.random.default_rng(0).random((9, 12, 3), dtype=np.float32)
    dial = load("srgan", realism=0.25, threads=1)
    file = load(path, threads=1)
    np.testing.assert_array_equal(file(image), dial(image))
    assert np.abs(file(image) - load("srgan", threads=1)(image)).max() > 0.01
    assert file.margin == dial.margin  # type: ignore[attr-defined]
    assert read_header(path).card["realism"] == 0.25
    assert "figures" not in read_header(path).card


def test_without_a_dial_it_is_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    export_weights("fast", path)
    tensors, header = read_model(path)
    known, expected = read_model("fast")
    assert header == expected
    np.testing.assert_array_equal(tensors["trunk.weight"], known["trunk.weight"])
    with pytest.raises(UsageError, match="dial"):
        export_weights("fast", tmp_path / "other.safetensors", realism=0.5)
    with pytest.raises(OutputFailed, match="--overwrite"):
        export_weights("fast", path)
