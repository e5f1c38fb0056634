"""Validation on photos that are never trained on."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.losses.perceptual import ContentLoss
from srgan.metrics.psnr import psnr
from srgan.training.data import Pack

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over the validation pictures.

    ``psnr_y`` and ``consistency`` (the result shrunk again against the LR picture) in dB;
    ``features`` is a distance of VGG features, lower is better, 0 without a feature network.
    """

    psnr_y: float
    consistency: float
    features: float


def validate(
    generator: nn.Module,
    pack: Pack,
    held_out: list[int],
    *,
    scale: int,
    output_range: tuple[float, float],
    features: ContentLoss | None = None,
    side: int = 256,
) -> Scores:
    """Score the generator on the centres of held-out photos, ``side`` pixels wide and high."""
    rows = []
    for i in held_out:
        photo = pack.photo(i)
        y, x = max(0, photo.shape[0] - side) // 2, max(0, photo.shape[1] - side) // 2
        hr = np.ascontiguousarray(photo[y : y + side, x : x + side])
        hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
        lr = imresize(hr, scale=1.0 / scale)
        sr = enlarge(generator, lr, output_range)
        again = imresize(sr, scale=1.0 / scale)
        rows.append(
            (
                psnr(luma(sr), luma(hr), data_range=255, border=scale),
                psnr(again, lr, data_range=255, border=1),
                0.0 if features is None else _distance(features, sr, hr),
            )
        )
    return Scores(*(round(float(v), 5) for v in np.mean(rows, axis=0)))


@torch.no_grad()
def enlarge(
    generator: nn.Module, lr: NDArray[np.generic], output_range: tuple[float, float]
) -> Bytes:
    """Run the generator on one uint8 RGB picture: (H, W, 3) → (H * scale, W * scale, 3)."""
    was_training = generator.training
    generator.eval()
    low, high = output_range
    sr: Tensor = (generator(_tensor(lr, generator))[0] - low) / (high - low)
    generator.train(was_training)
    out = (sr.clamp(0, 1) * 255.0 + 0.5).floor().byte()
    array: Bytes = out.permute(1, 2, 0).cpu().numpy()
    return array


@torch.no_grad()
def _distance(features: ContentLoss, sr: Bytes, hr: Bytes) -> float:
    return float(features(_tensor(sr, features), _tensor(hr, features)))


def _tensor(image: NDArray[np.generic], module: nn.Module) -> Tensor:
    device = next(module.parameters()).device
    return torch.tensor(image).to(device).permute(2, 0, 1)[None].float() / 255.0
