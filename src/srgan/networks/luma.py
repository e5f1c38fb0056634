"""What the networks that work on luma alone share: the exact bicubic enlargement."""

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


def same_conv(
    channels_in: int, channels_out: int, size: int, *, dilation: int = 1, bias: bool = True
) -> nn.Conv2d:
    """A convolution that keeps the size; the edge is repeated, not framed in black."""
    return nn.Conv2d(
        channels_in,
        channels_out,
        size,
        padding=size // 2 * dilation,
        dilation=dilation,
        bias=bias,
        padding_mode="replicate" if size > 1 else "zeros",  # of no width at size 1, but a copy
    )


class LearntUp(nn.ConvTranspose2d):
    """Learnt upscaling: a transposed convolution of stride ``scale``, the edge repeated.

    (N, C, H, W) → (N, ``channels_out``, H * scale, W * scale). What an LR pixel adds lies around
    the middle of its cell, as with the bicubic filter; half a pixel to its left and above where
    ``size`` and ``scale`` are not both even or both odd.
    """

    def __init__(self, channels_in: int, channels_out: int, size: int, *, scale: int) -> None:
        before = (size - scale + 1) // 2  # how far the kernel stands out of its cell
        self.reach = -(-before // scale)
        super().__init__(
            channels_in,
            channels_out,
            size,
            stride=scale,
            padding=self.reach * scale + before,
            output_padding=(size - scale) % 2,
        )

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        padded = F.pad(x, [self.reach] * 4, mode="replicate")
        return super().forward(padded, output_size)


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
