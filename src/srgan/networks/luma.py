"""What the networks that work on luma alone share: the exact bicubic enlargement."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.image.resize import bicubic_cell


class BicubicUp(nn.Module):
    """MATLAB's bicubic enlargement by a whole factor, as one fixed 5x5 convolution.

    (N, 1, H, W) → (N, 1, H * scale, W * scale), float32 whatever the autocast, not clipped. The
    edge is repeated, as :func:`srgan.image.resize.imresize` does. It has no parameters.
    """

    kernel: Tensor

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        kernel = torch.from_numpy(bicubic_cell(scale).astype(np.float32))
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, y: Tensor) -> Tensor:
        with torch.autocast(y.device.type, enabled=False):
            padded = F.pad(y.float(), (2, 2, 2, 2), mode="replicate")
            return F.pixel_shuffle(F.conv2d(padded, self.kernel), self.scale)


class SameConv(nn.Conv2d):
    """A convolution that keeps the size; the edge is repeated, not framed in black."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: int | tuple[int, int],
        *,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(channels_in, channels_out, size, dilation=dilation, bias=bias)
        height, width = (side // 2 * dilation for side in self.kernel_size)
        self.edge = (width, width, height, height)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(repeat_edge(x, self.edge) if any(self.edge) else x)


def repeat_edge(x: Tensor, by: Sequence[int]) -> Tensor:
    """(N, C, H, W) with the edge repeated ``by`` left, right, above and below; bf16 stays bf16."""
    with torch.autocast(x.device.type, enabled=False):
        return F.pad(x, by, mode="replicate")


class LearntUp(nn.ConvTranspose2d):
    """Learnt upscaling: a transposed convolution of stride ``scale``, the edge repeated.

    (N, C, H, W) → (N, ``channels_out``, H * scale, W * scale). What an LR pixel adds lies around
    the middle of its cell, as with the bicubic filter; half a pixel to its left and above where
    ``size`` and ``scale`` are not both even or both odd.
    """

    def __init__(self, channels_in: int, channels_out: int, size: int, *, scale: int) -> None:
        self.before = before = (size - scale + 1) // 2  # how far the kernel stands out of its cell
        self.reach = -(-before // scale)
        super().__init__(
            channels_in,
            channels_out,
            size,
            stride=scale,
            padding=self.reach * scale + before,
            output_padding=(size - scale) % 2,
        )

    def start_as_triangles(self) -> None:
        """Start as the linear filter; the maps that come in go out in turn."""
        (channels_in, channels_out, size, _), scale = self.weight.shape, self.stride[0]
        places = (torch.arange(size) - self.before - (scale - 1) / 2) / scale
        kernel = (1.0 - places.abs()).clamp(min=0.0)
        turn = torch.arange(channels_out) % channels_in == torch.arange(channels_in)[:, None]
        with torch.no_grad():
            self.weight.copy_(turn[:, :, None, None] * kernel[:, None] * kernel)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(repeat_edge(x, [self.reach] * 4), output_size)


def start_as_contrasts(conv: nn.Conv2d, gain: float) -> None:
    """Start a first layer with kernels that see differences of luma, not luma itself.

    Neighbouring pixels differ by few hundredths; ``gain`` lifts that to where the activations
    bend, else the network stays nearly linear for thousands of updates.
    """
    with torch.no_grad():
        conv.weight -= conv.weight.mean(dim=(2, 3), keepdim=True)
        conv.weight *= gain
        if conv.bias is not None:
            conv.bias.zero_()
