"""Validation on pictures that are never trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from srgan.degradation.pipeline import Degradation, degrade
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.losses.perceptual import ContentLoss
from srgan.metrics.lr_consistency import lr_consistency
from srgan.metrics.psnr import psnr
from srgan.metrics.ssim import ssim
from srgan.metrics.stlpips import available, stlpips
from srgan.training.packing import Pack

Bytes = NDArray[np.uint8]
SAMPLES = 4
"""Pictures shown beside the figures."""
_PIECE = 1 << 18
"""LR pixels that the generator sees at once at most: about 1 GB of what lies between its layers."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over the validation pictures.

    ``psnr_y`` and ``lr_consistency`` (the result shrunk again against the clean LR picture) in
    dB, ``ssim_y`` of Wang; ``perceptual`` is ST-LPIPS where its weights are installed, else a
    distance of the recipe's VGG features; lower is better, 0 where there is neither.
    """

    psnr_y: float
    ssim_y: float
    lr_consistency: float
    perceptual: float

    @property
    def badness(self) -> float:
        """What the best weights have least of: the perceptual measure, or minus the PSNR."""
        return self.perceptual if self.perceptual else -self.psnr_y


def held_out_pictures(pack: Pack, held_out: Sequence[int], *, scale: int, side: int) -> list[Bytes]:
    """The centres of held-out photos, at most ``side`` pixels wide and high."""
    pictures = []
    for i in held_out:
        photo = pack.photo(i)
        y, x = max(0, photo.shape[0] - side) // 2, max(0, photo.shape[1] - side) // 2
        pictures.append(_whole(photo[y : y + side, x : x + side], scale))
    return pictures


def folder_pictures(folder: str | Path, cache: str | Path, *, scale: int) -> list[Bytes]:
    """Whole pictures of a folder for validation.

    Raises:
        DataRefused: it is missing, or holds no picture that can be read.
    """
    from srgan.training.packing import prepare

    prepare([folder], cache, smallest=24)
    pack = Pack(cache)
    return [_whole(pack.photo(i), scale) for i in range(len(pack))]


def fingerprint(pictures: Sequence[Bytes], degradation: Degradation | None) -> str:
    """What tells validations whose figures may be compared from others."""
    digest = sha256(f"{degradation} {available()}".encode())
    for picture in pictures:
        digest.update(f"{picture.shape}".encode())
        digest.update(picture.tobytes())
    return digest.hexdigest()[:12]


def validate(
    generator: nn.Module,
    pictures: Sequence[Bytes],
    *,
    scale: int,
    output_range: tuple[float, float],
    features: ContentLoss | None = None,
    degradation: Degradation | None = None,
) -> tuple[Scores, list[Bytes]]:
    """Score the generator, and its first few results with their originals below them.

    With ``degradation`` it enlarges damaged LR pictures, each with the same damage every time.
    """
    rows = []
    shown: list[Bytes] = []
    for i, hr in enumerate(pictures):
        lr = np.asarray(imresize(hr, scale=1.0 / scale), np.uint8)
        seen = lr
        if degradation is not None:
            draw = np.random.Generator(np.random.Philox(key=[0, i]))
            seen = degrade(hr, degradation, draw, scale=scale)
        sr = enlarge(generator, seen, output_range)
        perceptual = 0.0
        if available() and min(hr.shape[:2]) >= 24:
            perceptual = stlpips(sr, hr)
        elif features is not None:
            perceptual = _distance(features, sr, hr)
        rows.append(
            (
                psnr(luma(sr), luma(hr), data_range=255, border=scale),
                ssim(luma(sr), luma(hr), data_range=255, border=scale),
                lr_consistency(sr, lr),
                perceptual,
            )
        )
        if len(shown) < SAMPLES and (not shown or hr.shape[0] * 2 == shown[0].shape[0]):
            shown.append(np.concatenate([sr, hr]))
    return Scores(*(round(float(v), 5) for v in np.mean(rows, axis=0))), shown


@torch.no_grad()
def enlarge(
    generator: nn.Module, lr: NDArray[np.generic], output_range: tuple[float, float]
) -> Bytes:
    """Run the generator on one uint8 RGB picture: (H, W, 3) → (H * scale, W * scale, 3).

    A large picture goes through in strips, each read so far beyond its rows that none shows.
    """
    was_training = generator.training
    generator.eval()
    low, high = output_range
    height, width, _ = lr.shape
    margin = _reach(generator)
    rows = height if height * width <= _PIECE else max(margin, _PIECE // width - 2 * margin)
    strips = []
    for top in range(0, height, rows):
        above = min(top, margin)
        sr: Tensor = generator(_tensor(lr[top - above : top + rows + margin], generator))[0]
        scale = sr.shape[2] // width
        sr = (sr[:, above * scale : (above + rows) * scale] - low) / (high - low)
        strips.append((sr.clamp(0, 1) * 255.0 + 0.5).floor().byte().permute(1, 2, 0).cpu().numpy())
    generator.train(was_training)
    return np.concatenate(strips)


def _reach(generator: nn.Module) -> int:
    """LR pixels beyond which nothing bears on a result: half of each kernel, all of them added.

    Those after a sub-pixel stage reach less far; they are counted in full.
    """
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return sum(m.kernel_size[0] // 2 for m in generator.modules() if isinstance(m, kinds)) + 1


def _whole(picture: Bytes, scale: int) -> Bytes:
    height, width = (n // scale * scale for n in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width])


@torch.no_grad()
def _distance(features: ContentLoss, sr: Bytes, hr: Bytes) -> float:
    return float(features(_tensor(sr, features), _tensor(hr, features)))


def _tensor(image: NDArray[np.generic], module: nn.Module) -> Tensor:
    device = next(module.parameters()).device
    return torch.tensor(image).to(device).permute(2, 0, 1)[None].float() / 255.0
