"""The parts that the generators and discriminators are made of."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def norm(channels: int, *, batch_norm: bool) -> nn.Module:
    """Batch normalisation, or nothing."""
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


class PReLU(nn.PReLU):
    """PReLU of one slope, whose gradient a CPU finds in a quarter of the time.

    PyTorch's gradient of it runs there element by element: a quarter of SRResNet's update.
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        out: Tensor = _LeakyReLU.apply(x, self.weight)  # type: ignore[no-untyped-call]
        return out


class _LeakyReLU(torch.autograd.Function):
    """Leaky ReLU with a gradient for its slope too; asks for the slope's value."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return F.leaky_relu(x, float(slope))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, slope = ctx.saved_tensors
        before = torch.ops.aten.leaky_relu_backward(gradient, x, float(slope), False)
        below = (gradient * x.clamp(max=0)).sum()
        return before, below.to(slope.dtype).reshape(slope.shape)


class ResidualBlock(nn.Module):
    """conv - BN - PReLU - conv - BN, plus the input; no activation after the sum.

    (N, C, H, W) → (N, C, H, W). The block layout of Gross and Wilber (2016), as in figure 4 of
    https://arxiv.org/abs/1609.04802. ``act``: another activation than PReLU.
    """

    def __init__(self, channels: int, *, batch_norm: bool, act: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = norm(channels, batch_norm=batch_norm)
        self.act = act or PReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = norm(channels, batch_norm=batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.act(self.norm1(self.conv1(x)))
        residual = self.norm2(self.conv2(residual))
        return x + residual


class SubPixel(nn.Module):
    """conv to ``factor²`` times the channels, pixel shuffle, PReLU (Shi et al. 2016).

    (N, C, H, W) → (N, C, H * factor, W * factor)
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.conv = nn.Conv2d(channels, channels * factor**2, 3, padding=1)
        self.act = PReLU()
        self._start_without_checkerboard()

    def _start_without_checkerboard(self) -> None:
        # Equal kernels for the pixels of one cell (Aitken et al. 2017, "ICNR").
        with torch.no_grad():
            seed = self.conv.weight[:: self.factor**2]
            self.conv.weight.copy_(seed.repeat_interleave(self.factor**2, dim=0))
            self.conv.bias.zero_() if self.conv.bias is not None else None

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(F.pixel_shuffle(self.conv(x), self.factor))
        return out


def conv_after_shuffle(x: Tensor, factor: int, conv: nn.Conv2d) -> Tensor:
    """``conv(pixel_shuffle(x, factor))``, computed before the shuffle.

    Each of the ``factor²`` pixels of a cell gets its own copy of the kernel, moved to where it
    reads. Exact but for rounding, zero padding included. A convolution with few output maps, which
    leave vector units idle, becomes one with ``factor²`` times as many and a smaller kernel.

    Args:
        x: (N, C * factor², H, W).
        conv: C to O maps, odd square kernel, stride 1, padded to keep the size.

    Returns:
        (N, O, H * factor, W * factor)
    """
    size = conv.kernel_size[0]
    reach = size // 2
    cells = -(-reach // factor)
    room = factor * (2 * cells + 1)
    kernels = []
    for row in range(factor):
        for column in range(factor):
            top, left = cells * factor + row - reach, cells * factor + column - reach
            padding = (left, room - size - left, top, room - size - top)
            kernels.append(F.pixel_unshuffle(F.pad(conv.weight, padding), factor))
    weight = torch.stack(kernels, 1).flatten(0, 1)  # (O * factor², C * factor², side, side)
    bias = None if conv.bias is None else conv.bias.repeat_interleave(factor**2)
    return F.pixel_shuffle(F.conv2d(x, weight, bias, padding=cells), factor)
