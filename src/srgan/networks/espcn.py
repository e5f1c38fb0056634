"""ESPCN (Shi et al. 2016, https://arxiv.org/abs/1609.05158).

    LR luma ─ conv 5x5, 64 ─ tanh ─ conv 3x3, 32 ─ tanh ─ conv 3x3, scale² ─ pixel shuffle ─ HR

All convolutions work at LR size, which makes it the fastest of its time.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.networks.luma import BicubicUp, SameConv, start_as_contrasts


class ESPCN(nn.Module):
    """Three convolutions at LR size and a pixel shuffle; 24,752 parameters at x4.

    Args:
        scale: whole factor of the enlargement.
        channels: maps of the first layer; the second has half of them. The paper has 64.
        residual: learn what the bicubic enlargement lacks, which trains many times faster; the
            paper learns the picture itself.

    Shape: (N, 1, H, W) luma in [0, 1] → (N, 1, H * scale, W * scale).
    """

    def __init__(self, *, scale: int = 4, channels: int = 64, residual: bool = False) -> None:
        super().__init__()
        self.scale = scale
        self.residual = residual
        self.enlarge = BicubicUp(scale)
        self.patches = SameConv(1, channels, 5)
        self.mapping = SameConv(channels, channels // 2, 3)
        self.cells = SameConv(channels // 2, scale**2, 3)
        if residual:
            start_as_contrasts(self.patches, gain=8.0)

    def forward(self, lr: Tensor) -> Tensor:
        x = torch.tanh(self.mapping(torch.tanh(self.patches(lr))))
        sr: Tensor = F.pixel_shuffle(self.cells(x), self.scale)
        return self.enlarge(lr) + sr if self.residual else sr
