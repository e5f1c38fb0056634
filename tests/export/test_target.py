"""Formats and names of exports."""

from pathlib import Path

import pytest

from srgan.errors import ModelRefused, UsageError
from srgan.export.target import target


@pytest.mark.parametrize(
    ("output", "kind", "realism", "found"),
    [
        (None, None, None, ("onnx", "srgan-photo.onnx")),
        (None, "ncnn", None, ("ncnn", "srgan-photo-4x.param")),
        (None, "ncnn", 0.6, ("ncnn", "srgan-photo-0.6-4x.param")),
        (None, "safetensors", 1.0, ("safetensors", "srgan-photo-1-4x.safetensors")),
        ("models", "ncnn", None, ("ncnn", "models/srgan-photo-4x.param")),
        ("a/own-4x.bin", None, None, ("ncnn", "a/own-4x.param")),
        ("own.safetensors", None, None, ("safetensors", "own.safetensors")),
        ("a/b", "onnx", None, ("onnx", "a/b/srgan-photo.onnx")),
        ("a/b", None, None, ("onnx", "a/b/srgan-photo.onnx")),
        ("own.net", "onnx", None, ("onnx", "own.net")),
        (".", "onnx", None, ("onnx", "srgan-photo.onnx")),
    ],
)
def test_a_name(
    output: str | None, kind: str | None, realism: float | None, found: tuple[str, str]
) -> None:
    assert target("srgan-photo", output, kind, realism) == (found[0], Path(found[1]))


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(UsageError, match="onnx, ncnn, safetensors"):
        target("fast", None, "pth")
    with pytest.raises(UsageError, match=r"own.pth: no format has this suffix; it is .onnx, "):
        target("fast", "own.pth")
    with pytest.raises(UsageError, match="for onnx, not for ncnn"):
        target("fast", "own.onnx", "ncnn")
    with pytest.raises(ModelRefused, match="there is no model"):
        target("fats", None, "ncnn")
