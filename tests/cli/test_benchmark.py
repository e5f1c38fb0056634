"""``srgan benchmark`` as it is typed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srgan.cli.methods import methods_of
from srgan.evaluation.datasets import find, read
from srgan.evaluation.protocols import score
from srgan.inference.open import load
from srgan.inference.upscale import upscale_array
from srgan.weights.catalog import weights_file

Run = Callable[..., Any]


def _arguments(data: Path, out: Path) -> list[str]:
    few = ["--measures", "psnr_y,ssim_y", "--no-cost", "--scale", "2"]
    return ["benchmark", "--data", str(data), "--sets", "Tiny", *few, "-o", str(out)]


def test_run_again_it_measures_only_what_is_missing(
    data: Path, tmp_path: Path, srgan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srgan.processor.cores", lambda: 1)
    out = tmp_path / "out"
    ran = srgan(*_arguments(data, out), "--methods", "bicubic")
    assert (ran.status, ran.out) == (0, f"{out / 'report.html'}\n")
    once = (out / "records.jsonl").read_text()
    srgan(*_arguments(data, out), "--methods", "bicubic,nearest", "--show", "Tiny/b")
    twice = (out / "records.jsonl").read_text()
    assert twice.startswith(once)
    assert [json.loads(x)["method"] for x in twice.splitlines()] == ["bicubic"] * 3 + [
        "nearest"
    ] * 3
    text = (out / "report.md").read_text()
    made = "srgan benchmark --data data --sets Tiny --methods bicubic,nearest --scale 2 "
    assert f"Made by `{made}--measures psnr_y,ssim_y --no-cost -o out`." in text
    assert ", 1 core; " in text
    page = (out / "report.html").read_text()
    assert "<h3>Tiny b</h3>" in page
    assert "<h3>Tiny a</h3>" not in page


def test_a_broken_picture_is_said_once(data: Path, tmp_path: Path, srgan: Run) -> None:
    (data / "Tiny" / "b.png").write_bytes(b"no picture")
    ran = srgan(*_arguments(data, tmp_path / "out"), "--methods", "bicubic,nearest,lanczos3")
    assert ran.status == 0
    assert ran.err.count("not a picture") == 1
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.count("not a picture") == 1
    assert "| bicubic (2 of 3) |" in text


def test_a_larger_picture_is_measured_where_the_limit_says_so(
    data: Path, tmp_path: Path, srgan: Run
) -> None:
    command = [*_arguments(data, tmp_path / "out"), "--methods", "bicubic"]
    ran = srgan(*command, "--max-input-mp", "0.001")
    assert "raise --max-input-mp to accept it" in ran.err
    assert "| bicubic |" not in (tmp_path / "out" / "report.md").read_text()
    assert srgan(*command, "--max-input-mp", "0.002").err.count("MP") == 0
    text = (tmp_path / "out" / "report.md").read_text()
    assert "--no-cost --max-input-mp 0.002 -o out`" in text
    assert "| bicubic |" in text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--show", "Tiny/d"], "--show: there is no 'Tiny/d'; Tiny/a is one of them"),
        (["--sets", "Other"], "has no set 'Other'; it has Tiny"),
        (["--methods", "trilinear"], "there is no model 'trilinear'"),
        (["--precision", "fp8"], "precision 'fp8' is unknown; it is auto, fp32"),
        (["--measures", "fid"], "'fid' is unknown"),
        (["--scale", "1"], "--scale must be at least 2"),
        (["--max-input-mp", "0"], "--max-input-mp must be a number of megapixels above 0"),
        (["--baseline", "absent.json"], "absent.json: no baseline that can be read"),
    ],
)
def test_what_is_refused(
    more: list[str], message: str, data: Path, tmp_path: Path, srgan: Run
) -> None:
    ran = srgan(*_arguments(data, tmp_path / "out"), "--methods", "bicubic", *more)
    assert ran.status in (1, 2)
    assert message in ran.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("scale", [2, 6])
def test_a_network_at_another_scale_is_measured_as_upscale_runs_it(
    scale: int, data: Path, tmp_path: Path, srgan: Run
) -> None:
    given = [*_arguments(data, tmp_path / "out"), "--scale", str(scale)]  # the last one counts
    ran = srgan(*given, "--methods", "fast", "--precision", "fp32", "--show", "Tiny/a")
    assert ran.status == 0
    text = (tmp_path / "out" / "report.md").read_text()
    assert f"--methods fast --scale {scale} --precision fp32 " in text
    records = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
    assert len(records) == 3
    fast = load("fast", precision="fp32")
    for line, entry in zip(records, find(data, ["Tiny"], scale=scale), strict=True):
        sample = read(entry, scale=scale)
        sr = upscale_array(sample.lr, fast, size=sample.hr.shape[:2])
        expected = score(sr, sample.hr, sample.lr, scale=scale, measures=["psnr_y"])["psnr_y"]
        assert json.loads(line)["values"]["psnr_y"] == pytest.approx(expected, abs=0.01)


def test_figures_of_one_precision_are_not_taken_for_anothers(
    data: Path, tmp_path: Path, srgan: Run
) -> None:
    given = [*_arguments(data, tmp_path / "out"), "--methods", "bicubic,fast"]
    for precision, count in (("auto", 6), ("fp32", 9), ("fp32", 9)):
        assert srgan(*given, "--precision", precision).status == 0
        records = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
        assert len(records) == count


def test_methods_by_name(tmp_path: Path) -> None:
    everything = [m.name for m in methods_of("all", 4)]
    assert {"srresnet", "srgan", "zeyde", "bicubic"} <= set(everything)
    assert [m.name for m in methods_of("all", 3)] == [
        *("nearest", "bilinear", "bicubic", "lanczos2", "lanczos3"),
        *("allebach-wong", "nedi", "gradient-profile"),
    ]
    mine = tmp_path / "run1" / "zeyde.safetensors"
    mine.parent.mkdir()
    shutil.copy(weights_file("zeyde"), mine)
    other = tmp_path / "run1" / "other.safetensors"
    shutil.copy(mine, other)
    names = [m.name for m in methods_of(f"zeyde,bicubic,zeyde,{mine},{other}", 4)]
    assert names == ["zeyde", "bicubic", "run1/zeyde", "other"]


def test_files_of_one_name_are_called_with_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = ["a/x/mine.safetensors", "b/x/mine.safetensors", "b/mine.safetensors"]
    for file in files:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(weights_file("zeyde"), file)
    names = [m.name for m in methods_of(",".join([*files, files[2] + "+", files[2]]), 4)]
    assert names == ["a/x/mine", "b/x/mine", "b/mine", "b/mine+"]
