"""The benchmark: resumes, survives, writes the same figures that it measured."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.tiny import johnson
from srgan.classical.interpolation import Interpolation
from srgan.errors import DataRefused, RuntimeFailed
from srgan.evaluation import baseline
from srgan.evaluation.benchmark import Method, Progress, Record, enlarge, means, run
from srgan.evaluation.cost import Cost, multiply_adds, seconds, static_cost
from srgan.evaluation.datasets import find
from srgan.evaluation.literature import paper_tables, published
from srgan.evaluation.markdown import as_markdown
from srgan.evaluation.page import Crop, Panel, crop_of, page
from srgan.evaluation.plot import plot
from srgan.evaluation.report import Report, as_json, failures, write
from srgan.inference.graph import build_graph
from srgan.inference.upscaler import Image as Floats
from srgan.weights.format import save_weights

MEASURED = ("psnr_y", "psnr_y_float", "niqe")


class Broken:
    scale = 2

    def __call__(self, image: Floats) -> Floats:
        raise RuntimeFailed("the network gave NaN")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for i in range(3):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        folder = tmp_path / "data" / "Tiny"
        folder.mkdir(parents=True, exist_ok=True)
        coarse.resize((24, 24), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return tmp_path / "data"


def _methods() -> list[Method]:
    return [
        Method("nearest", "1", lambda: Interpolation("nearest", 2), "nearest"),
        Method("bicubic", "1", lambda: Interpolation("bicubic", 2), "bicubic"),
    ]


def _report(data: Path, tmp_path: Path, methods: list[Method] | None = None) -> Report:
    entries = find(data, ["Tiny"], scale=2)
    methods = methods or _methods()
    records = run(methods, entries, scale=2, measures=MEASURED, records=tmp_path / "r.jsonl")
    costs = {m.name: Cost(0.1 * i + 0.1, 10, None, 1.0) for i, m in enumerate(methods)}
    return Report(2, "srgan benchmark", ("a fact",), tuple(records), costs)


def test_a_run_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    entries = find(data, ["Tiny"], scale=2)
    file = tmp_path / "records.jsonl"
    seen: list[Progress] = []
    first = run(_methods()[:1], entries, scale=2, measures=MEASURED, records=file)
    with file.open("a") as half:
        half.write('{"method": "bicubic", "ver')
    both = run(_methods(), entries, scale=2, measures=MEASURED, records=file, progress=seen.append)
    assert [(p.done, p.total) for p in seen] == [(4, 6), (5, 6), (6, 6)]
    assert {p.record.method for p in seen} == {"bicubic"}
    assert both[:3] == first
    assert len(file.read_text().splitlines()) == 3 + 1 + 3


def test_other_pictures_of_the_same_name_are_measured(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    entries = find(data, ["Tiny"], scale=2)
    seen: list[Progress] = []
    run(_methods()[:1], entries, scale=2, measures=MEASURED, records=file)
    (data / "Tiny" / "2.png").write_bytes((data / "Tiny" / "1.png").read_bytes())
    again = run(
        _methods()[:1], entries, scale=2, measures=MEASURED, records=file, progress=seen.append
    )
    assert [p.record.picture for p in seen] == ["2"]
    assert again[2].values == again[1].values


def test_the_values_are_right(data: Path, tmp_path: Path) -> None:
    report = _report(data, tmp_path)
    row = report.means["Tiny"]["bicubic"]
    assert row["pictures"] == 3
    assert "niqe" not in row  # too small a picture
    single = [r.values["psnr_y"] for r in report.records if r.method == "bicubic"]
    assert row["psnr_y"] == pytest.approx(np.mean(single))  # type: ignore[arg-type]
    assert row["psnr_y"] > report.means["Tiny"]["nearest"]["psnr_y"] + 3  # type: ignore[operator]


def test_a_measure_not_taken_of_every_picture_has_no_mean() -> None:
    rows: list[dict[str, float | None]] = [
        {"psnr_y": 30.0, "ssim_y": 0.9, "niqe": None},
        {"psnr_y": 31.0, "niqe": 5.0},
    ]
    records = [Record("m", "1", "S", str(i), "", 2, False, row) for i, row in enumerate(rows)]
    assert means(records) == {"S": {"m": {"pictures": 2.0, "psnr_y": 30.5, "niqe": 5.0}}}


def test_failures_are_lines(data: Path, tmp_path: Path) -> None:
    (data / "Tiny" / "1.png").write_bytes(b"broken")
    report = _report(data, tmp_path, [*_methods(), Method("broken", "1", Broken)])
    failed = [(r.picture, r.method) for r in report.records if r.error]
    assert failed == [
        ("1", "nearest"),
        ("1", "bicubic"),
        ("0", "broken"),
        ("1", "broken"),
        ("2", "broken"),
    ]
    assert report.means["Tiny"]["nearest"]["pictures"] == 2
    text = as_markdown(report)
    assert "| nearest (2 of 3) |" in text
    assert "made by MATLAB's bicubic" in text
    lines = failures(report)
    assert len(lines) == 3
    assert lines[1].startswith("Tiny 1: ")
    assert "not a picture" in lines[1]
    assert "- Tiny 2, broken: the network gave NaN" in text


def test_one_failure_is_one_line() -> None:
    def record(method: str, picture: str, error: str | None) -> Record:
        return Record(method, "1", "S", picture, "", 2, False, {"psnr_y": 30.0}, error)

    records = [record(m, p, "damaged" if p == "b" else None) for m in "xy" for p in "abc"]
    records += [record("z", p, "no such model") for p in "abc"]
    report = Report(2, "", (), tuple(records), {})
    assert failures(report) == ["z, every picture: no such model", "S b: damaged"]


def test_gray_pictures_stay_gray() -> None:
    class Double:
        scale = 2

        def __call__(self, image: Floats) -> Floats:
            return np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)

    lr = np.array([[0, 255], [128, 7]], np.uint8)
    assert np.array_equal(enlarge(Double(), lr), np.repeat(np.repeat(lr, 2, 0), 2, 1))


def test_report_files(data: Path, tmp_path: Path) -> None:
    report = _report(data, tmp_path)
    crop = Crop("<b>HR</b>", np.zeros((4, 4, 3), np.uint8), "20 dB")
    html = page(report, [Panel("Tiny 0", (crop,))])
    write(tmp_path, json=as_json(report), markdown=as_markdown(report), html=html)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == html
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == as_markdown(report)
    parsed = json.loads((tmp_path / "report.json").read_text())
    assert parsed["means"]["Tiny"]["bicubic"] == report.means["Tiny"]["bicubic"]
    assert json.loads(as_json(report)) == parsed
    assert "&lt;b&gt;HR" in html
    assert "<b>HR</b></b>" not in html
    assert "http" not in html.replace("http-equiv", "")  # nothing is loaded from elsewhere
    assert html.count("<svg") == 1  # speed; no perceptual measure, no scatter
    best = next(line for line in as_markdown(report).splitlines() if line.startswith("| bicubic"))
    assert "**" in best


def test_published_figures_are_those_of_the_papers() -> None:
    figures = published(4)
    assert figures["Set5", "srresnet", "ssim_daala"].value == 0.9019
    assert figures["Set5", "aplus", "psnr_y_float"].value == 30.28
    assert figures["Set14", "srgan", "psnr_daala"].value == 26.02
    assert figures["Set5", "srgan-mse", "psnr_daala"].value == 30.64
    assert published(3)["Set5", "bicubic", "ssim_y_float"].value == 0.8682
    assert published(2)["Set14", "anr", "psnr_y_float"].value == 31.80
    assert published(5) == {}


def test_the_papers_table() -> None:
    values = {"psnr_daala": 31.90, "ssim_daala": 0.9, "psnr_y": 31.9}
    records = [
        Record(method, "1", "Set5", "a", "", 4, False, row)
        for method, row in (
            ("mine", values),
            ("srresnet", values),
            ("bicubic", {**values, "psnr_daala": 28.43}),
            ("srgan", {"psnr_y": 30.0}),
        )
    ]
    report = Report(4, "", (), tuple(records), {})
    (table,) = paper_tables(report)
    assert table == [
        ["Set5", "bicubic", "srresnet"],
        ["PSNR Daala", "28.43", "31.90"],
        ["published", "28.43", "32.05"],
        ["difference", "+0.00", "-0.15"],
        ["SSIM Daala", "0.9000", "0.9000"],
        ["published", "0.8211", "0.9019"],
        ["difference", "+0.0789", "-0.0019"],
    ]
    text = as_markdown(report)
    assert "| difference | +0.00 | -0.15 |" in text
    assert "| Set5 | bicubic | PSNR Y | 31.90 | 28.42 | +3.48 | Huang" in text
    assert paper_tables(Report(2, "", (), (), {})) == []


_LOG = ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]


def test_axes_have_round_numbers() -> None:
    svg = plot([("a", 0.02, 28.1), ("b", 3.0, 31.9)], ("x", "y"), log_x=True)
    texts = re.findall(r">([0-9.]+)</text>", svg)
    assert texts == [*_LOG, "28", "29", "30", "31", "32"]
    texts = re.findall(r">([0-9.-]+)</text>", plot([("a", -1, 0.1), ("b", 1, 0.3)], ("x", "y")))
    assert texts == ["-1.0", "-0.5", "0.0", "0.5", "1.0", "0.10", "0.15", "0.20", "0.25", "0.30"]
    assert "NaN" not in plot([("a", 1, 1), ("b", 1, 1)], ("x", "y"))


def test_labels_keep_clear_of_each_other() -> None:
    points = [(f"method{i}", 30.0 + 0.01 * i, 0.2 + 0.001 * (i % 2)) for i in range(4)]
    svg = plot([*points, ("far", 26.0, 0.4)], ("x", "y"))
    places = re.findall(r"<text x=([0-9.]+) y=([0-9.]+)>method", svg)
    assert len(places) == 4
    for i, (x, y) in enumerate(places):
        for other_x, other_y in places[i + 1 :]:
            apart_across = abs(float(x) - float(other_x)) >= 7 * len("method0")
            assert apart_across or abs(float(y) - float(other_y)) >= 13


def test_a_crop_shows_detail() -> None:
    hr = np.zeros((100, 80, 3), np.uint8)
    hr[60:80:2, 30:60] = 255
    rows, columns = crop_of(hr, 32)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (32, 32)
    assert rows.start <= 60
    assert rows.stop >= 79
    assert hr[crop_of(hr, 500)].shape == (80, 80, 3)


def test_baselines(data: Path, tmp_path: Path) -> None:
    report = _report(data, tmp_path)
    path = tmp_path / "baseline.json"
    baseline.save(report, path)
    scale = report.scale
    assert baseline.differences(report, baseline.load(path, scale=scale)) == []
    assert (baseline.tolerance("psnr_rgb"), baseline.tolerance("ssim_y")) == (0.01, 0.0005)
    changed = json.loads(path.read_text())
    changed["means"]["Tiny"]["bicubic"]["psnr_y"] += 0.02
    changed["means"]["Tiny"]["gone"] = {"psnr_y": 1.0}
    path.write_text(json.dumps(changed))
    lines = baseline.differences(report, baseline.load(path, scale=scale))
    assert len(lines) == 2
    assert lines[0].startswith("Tiny bicubic psnr_y")
    with pytest.raises(DataRefused, match="write-baseline"):
        baseline.load(tmp_path / "absent.json", scale=scale)


def test_cost() -> None:
    assert set(seconds(_methods(), rounds=1)) == {"nearest", "bicubic"}
    from srgan.weights.format import Header

    # ESPCN of 16 channels at x2, counted by hand.
    tensors = {
        "patches.weight": np.zeros((16, 1, 5, 5), np.float32),
        "patches.bias": np.zeros(16, np.float32),
        "mapping.weight": np.zeros((8, 16, 3, 3), np.float32),
        "mapping.bias": np.zeros(8, np.float32),
        "cells.weight": np.zeros((4, 8, 3, 3), np.float32),
        "cells.bias": np.zeros(4, np.float32),
    }
    header = Header("espcn", {"scale": 2, "channels": 16, "residual": True}, 2)
    layers = 25 * 16 + 9 * 16 * 8 + 9 * 8 * 4
    luma_and_bicubic = 3 + 3 * 4 * 25
    counted = multiply_adds(build_graph(tensors, header))
    assert layers + luma_and_bicubic <= counted <= layers + luma_and_bicubic + 4 * 25

    # FSRCNN(8, 2, 0) at x3: each LR pixel gives 9x9 HR pixels.
    shapes = {"features": (8, 1, 5, 5), "shrink": (2, 8, 1, 1), "expand": (8, 2, 1, 1)}
    tensors = {"upscale.weight": np.zeros((8, 1, 9, 9), np.float32)}
    tensors["upscale.bias"] = np.zeros(1, np.float32)
    for name, shape in shapes.items():
        tensors[f"{name}.conv.weight"] = np.zeros(shape, np.float32)
        for slopes in (f"{name}.conv.bias", f"{name}.act.weight"):
            tensors[slopes] = np.zeros(shape[0], np.float32)
    sizes = {"scale": 3, "channels": 8, "shrunk": 2, "mappings": 0, "residual": True}
    counted = multiply_adds(build_graph(tensors, Header("fsrcnn", sizes, 3)))
    layers = 25 * 8 + 8 * 2 + 2 * 8 + 81 * 8
    assert counted == layers + 3 + 4 * 9 * 25


def test_the_cost_of_a_network_with_batch_normalisation(tmp_path: Path) -> None:
    tensors, header = johnson(scale=2, channels=8, blocks=1)
    save_weights(tmp_path / "own.safetensors", tensors, header)
    learnt = 2 * 81 * 3 * 8 + 8 + 3 + 3 * (9 * 8 * 8 + 8) + 4 * 2 * 8
    # The graph's transposed convolution is one of 2x2 to four times as many maps, and its last one
    # of 5x5 from the pixels of a cell to theirs.
    run = 81 * 3 * 8 + 2 * 9 * 8 * 8 + 4 * 8 * 32 + 25 * 32 * 12
    assert static_cost(tmp_path / "own.safetensors") == (learnt, run)
