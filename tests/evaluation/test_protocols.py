"""The protocols against figures that were verified on the published test sets."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.errors import UsageError
from srgan.evaluation.protocols import MEASURES, aligned, score, score_float
from srgan.image.resize import imresize

P1 = ("psnr_y", "ssim_y")
DAALA = ("psnr_daala", "ssim_daala")


class Filter:
    """A resampling filter as an upscaler."""

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(imresize(image.astype(np.float64), scale=self.scale))


def _read(path: Path) -> np.ndarray:
    picture = Image.open(path)
    return np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))


def _means(folder: Path, scale: int, kernel: str, measures: tuple[str, ...]) -> list[float]:
    rows = []
    for path in sorted(folder.glob("*_HR.png")):
        hr, lr = _read(path), _read(path.with_name(path.name.replace("_HR", "_LR")))
        sr = imresize(lr, scale=scale, kernel=kernel)  # type: ignore[arg-type]
        got = score(sr, hr, lr, scale=scale, measures=measures)  # type: ignore[arg-type]
        rows.append([got[m] for m in measures])
    return [float(v) for v in np.mean(rows, axis=0)]


@pytest.mark.parametrize(
    ("name", "scale", "kernel", "measures", "expected"),
    [
        ("Set5", 4, "bicubic", P1, (28.418, 0.8101)),
        ("Set14", 4, "bicubic", P1, (25.993, 0.7023)),
        ("BSD100", 4, "bicubic", P1, (25.957, 0.6672)),
        ("Set5", 2, "bicubic", P1, (33.640, 0.9292)),
        ("Set5", 3, "bicubic", P1, (30.386, 0.8678)),
        ("Set5", 4, "nearest", P1, (26.250, 0.7372)),
        ("Set14", 4, "nearest", P1, (24.643, 0.6528)),
        ("BSD100", 4, "nearest", P1, (25.033, 0.6293)),
        ("Set5", 2, "nearest", P1, (30.839, 0.8991)),
        ("Set5", 4, "bicubic", DAALA, (28.434, 0.8213)),
        ("Set14", 4, "bicubic", DAALA, (25.981, 0.7476)),
        ("BSD100", 4, "bicubic", DAALA, (25.941, 0.6934)),
        ("Set5", 4, "nearest", DAALA, (26.257, 0.7550)),
        ("Set14", 4, "nearest", DAALA, (24.627, 0.7090)),
        ("BSD100", 4, "nearest", DAALA, (25.016, 0.6601)),
    ],
)
def test_uint8_protocols(
    shared: Path,
    name: str,
    scale: int,
    kernel: str,
    measures: tuple[str, str],
    expected: tuple[float, float],
) -> None:
    folder = shared / "data" / "test" / name / f"x{scale}"
    got = _means(folder, scale, kernel, measures)
    assert got[0] == pytest.approx(expected[0], abs=0.005)
    assert got[1] == pytest.approx(expected[1], abs=0.0002)


@pytest.mark.parametrize(
    ("name", "scale", "expected"),
    [
        ("Set5", 2, (33.662, 0.9299)),
        ("Set5", 3, (30.394, 0.8682)),
        ("Set5", 4, (28.422, 0.8104)),
        ("Set14", 4, (26.003, 0.7019)),
        ("BSD100", 4, (25.961, 0.6674)),
    ],
)
def test_float_protocol(shared: Path, name: str, scale: int, expected: tuple[float, float]) -> None:
    folder = shared / "data" / "test" / name / f"x{scale}"
    rows = [score_float(Filter(scale), _read(p)) for p in sorted(folder.glob("*_HR.png"))]
    assert np.mean([r["psnr_y_float"] for r in rows]) == pytest.approx(expected[0], abs=0.005)
    assert np.mean([r["ssim_y_float"] for r in rows]) == pytest.approx(expected[1], abs=0.0002)


def test_rgb_is_lower_than_luma(shared: Path) -> None:
    folder = shared / "data" / "test" / "Set5" / "x4"
    (got,) = _means(folder, 4, "bicubic", ("psnr_rgb",))
    assert got == pytest.approx(26.69, abs=0.01)


def test_names_and_sizes() -> None:
    a = np.zeros((24, 24, 3), np.uint8)
    lr = np.zeros((6, 6, 3), np.uint8)
    assert score(a, a, lr, scale=4, measures=("psnr_rgb",)) == {"psnr_rgb": float("inf")}
    assert np.isnan(score(a, a, lr, scale=4, measures=("niqe",))["niqe"])
    with pytest.raises(UsageError, match="'fid' is unknown"):
        score(a, a, lr, scale=4, measures=("fid",))
    assert aligned(np.zeros((11, 9, 3), np.uint8), 4).shape == (8, 8, 3)
    assert all(m.better in ("higher", "lower") and m.compare for m in MEASURES.values())
