"""The protocols against figures that were verified on the published test sets."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.errors import UsageError
from srgan.evaluation.protocols import MEASURES, aligned, score, score_float
from srgan.image.colour import luma
from srgan.image.resize import KernelName, imresize
from srgan.metrics.psnr import psnr
from srgan.metrics.ssim import ssim

P1 = ("psnr_y", "ssim_y")
DAALA = ("psnr_daala", "ssim_daala")


class Filter:
    """A resampling filter as an upscaler."""

    def __init__(self, scale: int, kernel: KernelName) -> None:
        self.scale = scale
        self.kernel = kernel

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(imresize(image.astype(np.float64), scale=self.scale, kernel=self.kernel))


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
    ("name", "scale", "kernel", "expected"),
    [
        ("Set5", 2, "bicubic", (33.662, 0.9299)),
        ("Set5", 3, "bicubic", (30.394, 0.8682)),
        ("Set5", 4, "bicubic", (28.422, 0.8104)),
        ("Set14", 4, "bicubic", (26.003, 0.7019)),
        ("BSD100", 4, "bicubic", (25.961, 0.6674)),
        ("Set5", 3, "nearest", (27.91, None)),
        ("Set5", 2, "bilinear", (32.24, None)),
        ("Set5", 3, "bilinear", (29.53, None)),
        ("Set5", 4, "bilinear", (27.55, 0.7888)),
        ("Set14", 4, "bilinear", (25.43, None)),
        ("Set5", 2, "lanczos2", (33.72, None)),
        ("Set5", 3, "lanczos2", (30.41, None)),
        ("Set5", 4, "lanczos2", (28.45, None)),
        ("Set5", 2, "lanczos3", (34.30, None)),
        ("Set5", 3, "lanczos3", (30.81, None)),
        ("Set5", 4, "lanczos3", (28.80, 0.8173)),
        ("Set14", 4, "lanczos3", (26.23, None)),
    ],
)
def test_float_protocol(
    shared: Path, name: str, scale: int, kernel: KernelName, expected: tuple[float, float | None]
) -> None:
    folder = shared / "data" / "test" / name / f"x{scale}"
    rows = [score_float(Filter(scale, kernel), _read(p)) for p in sorted(folder.glob("*_HR.png"))]
    digit = 0.005 if kernel == "bicubic" else 0.01
    assert np.mean([r["psnr_y_float"] for r in rows]) == pytest.approx(expected[0], abs=digit)
    if expected[1] is not None:
        assert np.mean([r["ssim_y_float"] for r in rows]) == pytest.approx(expected[1], abs=0.0002)


@pytest.mark.parametrize(
    ("name", "expected"), [("Set5", 26.69), ("Set14", 24.46), ("BSD100", 24.64)]
)
def test_rgb_is_lower_than_luma(shared: Path, name: str, expected: float) -> None:
    (got,) = _means(shared / "data" / "test" / name / "x4", 4, "bicubic", ("psnr_rgb",))
    assert got == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("name", "scale", "expected"), [("Set5", 2, 34.31), ("Set5", 4, 27.99), ("Set14", 4, 25.27)]
)
def test_an_lr_picture_of_another_kernel_has_other_figures(
    shared: Path, name: str, scale: int, expected: float
) -> None:
    found = []
    for path in sorted((shared / "data" / "test" / name / f"x{scale}").glob("*_HR.png")):
        hr = _read(path)
        lr = imresize(hr, scale=1 / scale, antialias=False)
        found.append(psnr(luma(imresize(lr, scale=scale)), luma(hr), data_range=255, border=scale))
    assert np.mean(found) == pytest.approx(expected, abs=0.01)


def test_the_border_counts_on_set14(shared: Path) -> None:
    found = []
    for path in sorted((shared / "data" / "test" / "Set14" / "x4").glob("*_HR.png")):
        hr, lr = _read(path), _read(path.with_name(path.name.replace("_HR", "_LR")))
        found.append(psnr(luma(imresize(lr, scale=4)), luma(hr), data_range=255, border=0))
    assert np.mean(found) == pytest.approx(25.77, abs=0.01)  # 25.99 without its border


@pytest.mark.parametrize(("scale", "expected"), [(2, 33.674), (4, 28.4302)])
def test_luma_that_is_not_rounded_has_its_own_figures(
    shared: Path, scale: int, expected: float
) -> None:
    found = []
    for path in sorted((shared / "data" / "test" / "Set5" / f"x{scale}").glob("*_HR.png")):
        hr, lr = _read(path), _read(path.with_name(path.name.replace("_HR", "_LR")))
        a, b = (luma(picture / 255.0) for picture in (imresize(lr, scale=scale), hr))
        found.append(psnr(a, b, data_range=1.0, border=scale))
    assert np.mean(found) == pytest.approx(expected, abs=0.001)


def test_names_and_sizes() -> None:
    a = np.zeros((24, 24, 3), np.uint8)
    lr = np.zeros((6, 6, 3), np.uint8)
    assert score(a, a, lr, scale=4, measures=("psnr_rgb",)) == {"psnr_rgb": float("inf")}
    assert np.isnan(score(a, a, lr, scale=4, measures=("niqe",))["niqe"])
    with pytest.raises(UsageError, match="'fid' is unknown"):
        score(a, a, lr, scale=4, measures=("fid",))
    assert aligned(np.zeros((11, 9, 3), np.uint8), 4).shape == (8, 8, 3)
    assert all(m.better in ("higher", "lower") and m.compare for m in MEASURES.values())


def test_rgb_measures_span_255_and_leave_the_scale_out() -> None:
    a, b = np.random.default_rng(0).integers(0, 256, (2, 24, 28, 3), dtype=np.uint8)
    b[:4], b[-4:], b[:, :4], b[:, -4:] = 0, 0, 0, 0
    inner = np.s_[4:-4, 4:-4]
    lr = np.zeros((6, 7, 3), np.uint8)
    found = score(a, b, lr, scale=4, measures=("psnr_rgb", "ssim_rgb"))
    error = np.mean((a[inner].astype(float) - b[inner]) ** 2)
    assert found["psnr_rgb"] == pytest.approx(10 * np.log10(255**2 / error))
    assert found["ssim_rgb"] == pytest.approx(ssim(a[inner], b[inner], data_range=255, border=0))
    gray = score(a[..., 0], b[..., 0], lr, scale=4, measures=("ssim_rgb",))["ssim_rgb"]
    one = ssim(a[inner][..., 0], b[inner][..., 0], data_range=255, border=0)
    assert gray == pytest.approx(one)
