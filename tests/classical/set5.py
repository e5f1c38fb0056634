"""Figures on Set5, as the literature has them."""

from pathlib import Path

import numpy as np
from PIL import Image

from srgan.evaluation.protocols import aligned, score_float
from srgan.inference.upscaler import Upscaler


def float_psnr(upscaler: Upscaler, shared: Path, *, pictures: int = 5) -> float:
    """Mean PSNR in dB on luma of the first pictures, by the protocol of SRCNN and A+."""
    scale = upscaler.scale
    files = sorted((shared / "data" / "test" / "Set5" / f"x{scale}").glob("*_HR.png"))[:pictures]
    assert len(files) == pictures
    return float(
        np.mean(
            [
                score_float(upscaler, aligned(np.asarray(Image.open(file)), scale))["psnr_y_float"]
                for file in files
            ]
        )
    )
