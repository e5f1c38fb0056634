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


def same_conv(channels_in: int, channels_out: int, size: int) -> nn.Conv2d:
    """A convolution that keeps the size; the edge is repeated, not framed in black."""
    return nn.Conv2d(channels_in, channels_out, size, padding=size // 2, padding_mode="replicate")
