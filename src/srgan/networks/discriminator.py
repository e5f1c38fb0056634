"""The discriminators: the paper's, one for crops of any size, a U-Net, and one for features.

    conv 64 - [conv 64 s2 - conv 128 - conv 128 s2 - conv 256 - conv 256 s2 - conv 512 -
    conv 512 s2, each with BN] - dense 1024 - dense 1

Figure 4 of https://arxiv.org/abs/1609.04802; LeakyReLU 0.2 after each layer but the last. All
return logits: the paper's closing sigmoid is part of the losses.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

Kind = Literal["paper", "pooled", "unet", "features"]


def _features(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1), nn.LeakyReLU(0.2)]
    maps = channels
    for wider in (1, 2, 4, 8):
        out = channels * wider
        strides = (2,) if wider == 1 else (1, 2)
        for stride in strides:
            layers += [
                nn.Conv2d(maps, out, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(out),
                nn.LeakyReLU(0.2),
            ]
            maps = out
    return nn.Sequential(*layers)


class Discriminator(nn.Module):
    """The paper's: 23,563,649 parameters for crops of 96 pixels.

    Args:
        crop: side of the crops that it judges, a multiple of 16.
        channels: maps of the first convolution.

    Shape: (N, 3, crop, crop) in the generator's output range → (N, 1) logits.
    """

    def __init__(self, *, crop: int = 96, channels: int = 64) -> None:
        super().__init__()
        self.features = _features(channels)
        side = crop // 16
        self.classify = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * 8 * side * side, 1024),
            nn.LeakyReLU(0.2),
            nn.Linear(1024, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.features(image))
        return logits


class PooledDiscriminator(nn.Module):
    """The paper's convolutions, then a global average instead of the place-bound dense layer.

    Shape: (N, 3, H, W) of any size from 16 pixels → (N, 1) logits.
    """

    def __init__(self, *, channels: int = 64) -> None:
        super().__init__()
        self.features = _features(channels)
        self.classify = nn.Sequential(
            nn.Linear(channels * 8, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.features(image).mean((2, 3)))
        return logits


class UNetDiscriminator(nn.Module):
    """A judge of each pixel: a U-Net with spectral norm (Wang et al. 2021, arXiv 2107.10833).

    Shape: (N, 3, H, W), sides multiples of 8 → (N, 1, H, W) logits.
    """

    def __init__(self, *, channels: int = 64) -> None:
        super().__init__()
        c = channels
        self.head = nn.Conv2d(3, c, 3, padding=1)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(c * 2**i, c * 2 ** (i + 1), 4, 2, 1, bias=False))
            for i in range(3)
        )
        self.up = nn.ModuleList(
            spectral_norm(nn.Conv2d(c * 2 ** (i + 1), c * 2**i, 3, padding=1, bias=False))
            for i in (2, 1, 0)
        )
        self.tail = nn.Sequential(
            spectral_norm(nn.Conv2d(c, c, 3, padding=1, bias=False)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(c, 1, 3, padding=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        x = F.leaky_relu(self.head(image), 0.2)
        skips: list[Tensor] = []
        for conv in self.down:
            skips.append(x)
            x = F.leaky_relu(conv(x), 0.2)
        for conv in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = F.leaky_relu(conv(x), 0.2) + skips.pop()
        logits: Tensor = self.tail(x)
        return logits


class FeatureDiscriminator(nn.Module):
    """Small judges of a feature network's layers (Sauer et al. 2021, arXiv 2111.01007).

    The features of a network that knows photographs show what is wrong with a picture from the
    first updates on, where a discriminator of pixels must first learn to see. Those that the
    content loss has asked for cost nothing more. Each layer has a judge of its own, with spectral
    norm; borders are left out, not padded.

    Args:
        maps: how many each layer has.
        channels: of each judge.

    Shape: one (N, C, H, W) a layer → one (N, 1, H - 4, W - 4) of logits a layer, the last (N, 1,
    H - 2, W - 2): its maps are small.
    """

    sizes: Tensor

    def __init__(self, maps: Sequence[int], *, channels: int = 64) -> None:
        super().__init__()
        self.register_buffer("sizes", torch.ones(len(maps)))
        last = len(maps) - 1
        self.judges = nn.ModuleList(
            nn.Sequential(
                spectral_norm(nn.Conv2d(c, channels, 1)),
                nn.LeakyReLU(0.2),
                spectral_norm(nn.Conv2d(channels, channels, 3)),
                nn.LeakyReLU(0.2),
                nn.Conv2d(channels, 1, 1 if i == last else 3),
            )
            for i, c in enumerate(maps)
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        return [
            judge(x / size.to(x.dtype))
            for judge, x, size in zip(self.judges, features, self.sizes, strict=True)
        ]


def build_discriminator(
    kind: Kind, *, crop: int, channels: int, maps: Sequence[int] = ()
) -> nn.Module:
    """The discriminator of a recipe; ``maps`` are those of the feature layers."""
    if kind == "features":
        return FeatureDiscriminator(maps, channels=channels)
    if kind == "paper":
        return Discriminator(crop=crop, channels=channels)
    if kind == "pooled":
        return PooledDiscriminator(channels=channels)
    return UNetDiscriminator(channels=channels)


def count(module: nn.Module) -> int:
    """Trainable numbers in a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
