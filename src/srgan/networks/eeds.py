"""EEDS (Wang et al. 2016, https://arxiv.org/abs/1607.07680): a deep and a shallow network, summed.

         ┌─ 3x3, 64 ─ block ─ 1x1, 4 ─ transposed 14x14, 4 ─ 1x1, 64 ─ 2 blocks ─ scales ─┐
LR luma ─┼─ 3x3, 4 ─ transposed 14x14, 8 ─ 5x5 ──────────────────────────────────────────(+)─ HR
         └─ bicubic, with ``residual`` ───────────────────────────────────────────────────┘
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.networks.luma import BicubicUp, LearntUp, SameConv, start_as_contrasts

PATCH = 14
"""Side of the HR patch that each LR pixel gives."""

NARROW = 4
"""Maps that go into a transposed convolution."""


class EEDS(nn.Module):
    """A shallow network for the main structure and a deep one for the details, trained together.

    Both enlarge features by learnt filters. ReLU follows every layer but the last of each. The
    layers' sizes are those of the Keras re-implementation EEDS-keras.

    Args:
        scale: whole factor of the enlargement.
        channels: maps of the deep network's blocks. The paper has 64.
        residual: learn what the bicubic enlargement lacks, which trains many times faster; the
            paper learns the picture itself.

    Shape: (N, 1, H, W) luma in [0, 1] → (N, 1, H * scale, W * scale).
    """

    def __init__(self, *, scale: int = 4, channels: int = 64, residual: bool = False) -> None:
        super().__init__()
        self.residual = residual
        self.enlarge = BicubicUp(scale)
        self.shallow = Shallow(scale)
        self.deep = Deep(scale, channels)
        if residual:
            start_as_contrasts(self.shallow.features, gain=8.0)
            start_as_contrasts(self.deep.features, gain=8.0)

    def forward(self, lr: Tensor) -> Tensor:
        sr: Tensor = self.shallow(lr) + self.deep(lr)
        return self.enlarge(lr) + sr if self.residual else sr


class Shallow(nn.Module):
    """Three layers: features, upscaling, reconstruction."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.features = SameConv(1, NARROW, 3)
        self.upscale = LearntUp(NARROW, 8, PATCH, scale=scale)
        self.reconstruct = SameConv(8, 1, 5)
        self.upscale.start_as_triangles()
        _start_small(self.reconstruct)

    def forward(self, lr: Tensor) -> Tensor:
        y: Tensor = self.reconstruct(F.relu(self.upscale(F.relu(self.features(lr)))))
        return y


class Deep(nn.Module):
    """Features at LR size, upscaling of a few of them, and two blocks at HR size."""

    def __init__(self, scale: int, channels: int) -> None:
        super().__init__()
        self.features = SameConv(1, channels, 3)
        self.block = Block(channels)
        self.narrow = SameConv(channels, NARROW, 1)
        self.upscale = LearntUp(NARROW, NARROW, PATCH, scale=scale)
        self.widen = SameConv(NARROW, channels, 1)
        self.block1 = Block(channels)
        self.block2 = Block(channels)
        self.scales = Scales(channels)
        self.upscale.start_as_triangles()

    def forward(self, lr: Tensor) -> Tensor:
        x = self.block(F.relu(self.features(lr)))
        x = F.relu(self.upscale(F.relu(self.narrow(x))))
        x = self.block2(self.block1(F.relu(self.widen(x))))
        y: Tensor = self.scales(x)
        return y


class Block(nn.Module):
    """conv - ReLU - conv, plus the input, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = SameConv(channels, channels, 3)
        self.conv2 = SameConv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


class Scales(nn.Module):
    """Kernels of side 1, 3, 5 and 7 beside each other; the greater are a row, then a column."""

    def __init__(self, channels: int, each: int = 16) -> None:
        super().__init__()
        self.reduce = SameConv(channels, each, 1)
        self.point = SameConv(each, each, 1)
        self.rows = nn.ModuleList(SameConv(each, each, (1, side)) for side in (3, 5, 7))
        self.columns = nn.ModuleList(SameConv(each, each, (side, 1)) for side in (3, 5, 7))
        self.reconstruct = SameConv(4 * each, 1, 1)
        _start_small(self.reconstruct)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.reduce(x))
        seen = [F.relu(self.point(x))]
        for row, column in zip(self.rows, self.columns, strict=True):
            seen.append(F.relu(column(F.relu(row(x)))))
        y: Tensor = self.reconstruct(torch.cat(seen, dim=1))
        return y


def _start_small(conv: nn.Conv2d) -> None:
    with torch.no_grad():
        conv.weight *= 0.1
