"""``srgan export`` as a user meets it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inference.tiny import tiny
from srgan.cli.export import _pictures
from srgan.inference.open import load
from srgan.weights.format import save_weights

Run = Callable[..., Any]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "best.safetensors"
    save_weights(path, *tiny(scale=2))
    return path


def test_ncnn_files_get_the_scale_into_their_name(
    srgan: Run, weights: Path, tmp_path: Path
) -> None:
    ran = srgan("export", weights, "--format", "ncnn", "-o", tmp_path / "models")
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == [
        "best-2x.bin",
        "best-2x.param",
    ]
    assert "best-2x.param and " in ran.err
    half = (tmp_path / "models" / "best-2x.bin").stat().st_size
    srgan("export", weights, "-o", tmp_path / "own-2x.param", "--fp32")
    assert (tmp_path / "own-2x.bin").stat().st_size > 1.8 * half


def test_weights_at_a_place_of_the_dial(srgan: Run, tmp_path: Path) -> None:
    srgan("export", "srgan-photo", "--realism", "0.5", "--format", "safetensors", "-o", tmp_path)
    assert load(tmp_path / "srgan-photo-0.5-4x.safetensors").scale == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["espcn", "--format", "ncnn"], "luma"),
        (["zeyde", "--format", "ncnn"], "no network"),
        (["bicubic", "--format", "ncnn"], "no weights"),
        (["fast", "--format", "pth"], "onnx, ncnn, safetensors"),
        (["fast", "--format", "ncnn", "--realism", "0.5"], "dial of"),
        (["srgan", "--realism", "1.5"], "between 0 and 1"),
        (["fast", "--fp32"], "--fp32 is for ncnn"),
        (["fast", "--check", ".", "--realism", "0.5"], "--check exports nothing"),
        (["fast", "--format", "ncnn", "-o", "own.onnx"], "for onnx, not for ncnn"),
        (["fast", "-o", "fast-2x.param"], "x2 from this name"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(
    srgan: Run,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = srgan("export", *arguments)
    assert ran.status in (1, 2)
    assert ran.err.startswith("srgan: ")
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_check_leaves_out_what_is_too_large(tmp_path: Path) -> None:
    Image.new("1", (8_100, 8_000)).save(tmp_path / "a.png")  # 65 MP
    Image.new("RGB", (9, 8)).save(tmp_path / "b.png")
    assert [photo.shape for photo in _pictures(tmp_path, 24)] == [(8, 9, 3)]
