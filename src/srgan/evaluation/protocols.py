"""The published ways of measuring, by name, side by side.

A figure means something only beside one measured the same way; the tables here say which.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.inference.upscaler import Upscaler
from srgan.metrics.daala import psnr_daala, ssim_daala
from srgan.metrics.gradient import gradient_similarity
from srgan.metrics.lr_consistency import lr_consistency
from srgan.metrics.niqe import niqe
from srgan.metrics.psnr import psnr
from srgan.metrics.ssim import ssim
from srgan.metrics.stlpips import stlpips

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of a table.

    ``compare`` names the tables in the literature that may stand beside it. ``better`` is
    ``"higher"`` or ``"lower"``; ``digits`` how many decimals mean something.
    """

    name: str
    title: str
    unit: str
    better: str
    digits: int
    compare: str


_SELFEXSR = (
    "SelfExSR (Huang et al. 2015) and most papers since: RGB uint8 LR, uint8 Y, border = scale"
)
_SRCNN = "SRCNN, A+, VDSR, DRCN: LR made from float Y, never rounded; uint8 Y, border = scale"
_RGB = "BasicSR's and mmagic's RGB columns: all three channels, border = scale"
_SRGAN = "the SRGAN paper itself (Ledig et al. 2017): Daala's tools on BT.709 luma, border = 4"

MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure("psnr_y", "PSNR Y", "dB", "higher", 2, _SELFEXSR),
        Measure("ssim_y", "SSIM Y", "", "higher", 4, _SELFEXSR),
        Measure("psnr_y_float", "PSNR Y, float LR", "dB", "higher", 2, _SRCNN),
        Measure("ssim_y_float", "SSIM Y, float LR", "", "higher", 4, _SRCNN),
        Measure("psnr_rgb", "PSNR RGB", "dB", "higher", 2, _RGB),
        Measure("ssim_rgb", "SSIM RGB", "", "higher", 4, _RGB),
        Measure("psnr_daala", "PSNR Daala", "dB", "higher", 2, _SRGAN),
        Measure("ssim_daala", "SSIM Daala", "", "higher", 4, _SRGAN),
        Measure("stlpips", "ST-LPIPS", "", "lower", 4, "ST-LPIPS, AlexNet, whole picture"),
        Measure("niqe", "NIQE", "", "lower", 2, "only within this report: fitted by srgan"),
        Measure("gms", "GMS", "", "higher", 4, "GMSM of Xue et al. 2014"),
        Measure("lr_consistency", "LR consistency", "dB", "higher", 2, "only within this report"),
    )
}
"""Every measure, in the order of the tables."""

FROM_FILES = tuple(name for name in MEASURES if not name.endswith("_y_float"))
"""The measures of one enlarged picture; the float protocol has to enlarge one of its own."""


def score(
    sr: Picture,
    hr: Picture,
    lr: Picture,
    *,
    scale: int,
    measures: Iterable[str] = FROM_FILES,
) -> dict[str, float]:
    """Measure one enlarged picture.

    Args:
        sr, hr: (H, W, 3) RGB or (H, W) gray uint8 of one size, as :func:`aligned` gives them.
        lr: what ``sr`` was made from, (H / scale, W / scale, ...).
        scale: the factor; it is also the border that is left out, except in Daala's columns,
            which leave out 4 as the paper does.
        measures: names out of :data:`FROM_FILES`.

    Returns:
        Name to value; NaN where a picture is too small for a perceptual measure.

    Raises:
        UsageError: sizes differ, or an unknown measure.
        ModelRefused: ST-LPIPS is asked for and its weights are not installed.
    """
    if sr.shape != hr.shape:
        raise UsageError(f"pictures of one size are measured, not {sr.shape} and {hr.shape}")
    y_sr, y_hr = luma(sr), luma(hr)
    rgb_sr, rgb_hr = _rgb(sr), _rgb(hr)
    functions: dict[str, Callable[[], float]] = {
        "psnr_y": lambda: psnr(y_sr, y_hr, data_range=255, border=scale),
        "ssim_y": lambda: ssim(y_sr, y_hr, data_range=255, border=scale),
        "psnr_rgb": lambda: psnr(rgb_sr, rgb_hr, data_range=255, border=scale),
        "ssim_rgb": lambda: ssim(rgb_sr, rgb_hr, data_range=255, border=scale),
        "psnr_daala": lambda: psnr_daala(sr, hr, border=4),
        "ssim_daala": lambda: ssim_daala(sr, hr, border=4),
        "stlpips": lambda: _nan_if_small(lambda: stlpips(rgb_sr, rgb_hr)),
        "niqe": lambda: _nan_if_small(lambda: niqe(sr)),
        "gms": lambda: gradient_similarity(sr, hr),
        "lr_consistency": lambda: lr_consistency(sr, lr),
    }
    result = {}
    for name in measures:
        if name not in functions:
            raise UsageError(f"measure {name!r} is unknown; choose among {', '.join(functions)}")
        result[name] = functions[name]()
    return result


def score_float(upscaler: Upscaler, hr: Picture) -> dict[str, float]:
    """Measure a method by the protocol of SRCNN, A+, VDSR and DRCN.

    The LR picture is made of HR's luma in floating point and never rounded. The method meets it
    as a gray picture whose luma it is, so that methods which work on luma get exactly it.

    Args:
        upscaler: the method.
        hr: (H, W, 3) or (H, W) uint8, each side a multiple of the scale.

    Returns:
        ``psnr_y_float`` and ``ssim_y_float``.
    """
    y_hr = luma(hr).astype(np.uint8)
    lr = np.asarray(imresize(y_hr.astype(np.float64), scale=1.0 / upscaler.scale), np.float64)
    gray = ((lr - 16.0) / 219.0).astype(np.float32)
    sr = np.asarray(upscaler(np.repeat(gray[..., None], 3, axis=2)), np.float64).mean(axis=2)
    y_sr = np.clip(np.floor(sr * 219.0 + 16.0 + 0.5), 0, 255).astype(np.uint8)
    border = upscaler.scale
    return {
        "psnr_y_float": psnr(y_sr, y_hr, data_range=255, border=border),
        "ssim_y_float": ssim(y_sr, y_hr, data_range=255, border=border),
    }


def aligned(hr: Picture, scale: int) -> Picture:
    """HR cut at its right and bottom edge to a multiple of the scale ("modcrop")."""
    height, width = (n // scale * scale for n in hr.shape[:2])
    return hr[:height, :width]


def _rgb(image: Picture) -> Picture:
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


def _nan_if_small(measure: Callable[[], float]) -> float:
    try:
        return measure()
    except UsageError:
        return float("nan")
