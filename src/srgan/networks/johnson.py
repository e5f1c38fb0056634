"""The network of Johnson et al. (2016, https://arxiv.org/abs/1603.08155), SRGAN's nearest kin.

    input ─ conv 9x9 ─ 4 x residual block ─ upscaling x2 ─ upscaling x2 ─ conv 9x9 ─ tanh ─ output

Table 2 of the supplement, which has 72 x 72 pixels become 288 x 288. Each convolution outside the
residual blocks but the last is followed by batch normalisation and ReLU.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.networks.blocks import ResidualBlock, conv_after_shuffle

DOUBLINGS = {2: 1, 4: 2}
"""How many upscaling convolutions there are for each scale."""


class Upscaling(nn.Module):
    """A transposed convolution of stride 2, batch normalisation, ReLU.

    (N, C, H, W) → (N, C, H * 2, W * 2)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels, channels, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Johnson(nn.Module):
    """The paper's image transformation network for super-resolution.

    The paper's network is ``Johnson()``: 401,859 parameters. Its values lie in [-1, 1], where the
    paper scales the tanh to [0, 255].

    Args:
        scale: 2 or 4; each upscaling convolution doubles the size.
        channels: maps of each convolution.
        blocks: residual blocks.

    Raises:
        KeyError: no number of doublings gives the scale.

    Shape: (N, 3, H, W) RGB in [0, 1] → (N, 3, H * scale, W * scale).
    """

    def __init__(self, *, scale: int = 4, channels: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, channels, 9, padding=4)
        self.head_norm = nn.BatchNorm2d(channels)
        self.blocks = nn.Sequential(
            *(ResidualBlock(channels, batch_norm=True, act=nn.ReLU()) for _ in range(blocks))
        )
        self.upscale = nn.Sequential(*(Upscaling(channels) for _ in range(DOUBLINGS[scale])))
        self.tail = nn.Conv2d(channels, 3, 9, padding=4)

    def forward(self, lr: Tensor) -> Tensor:
        # lr (N, 3, H, W)
        x = F.relu(self.head_norm(self.head(lr)))  # (N, 64, H, W)
        x = self.upscale(self.blocks(x))  # (N, 64, H * scale, W * scale)
        # self.tail(x), in half the time
        x = conv_after_shuffle(F.pixel_unshuffle(x, 2), 2, self.tail)
        return torch.tanh(x)
