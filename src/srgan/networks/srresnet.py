"""SRResNet, the generator of SRGAN (Ledig et al. 2017, https://arxiv.org/abs/1609.04802).

    input ─ conv 9x9 ─ PReLU ─┬─ 16 x residual block ─ conv 3x3 ─ BN ─ (+) ─ sub-pixel x2
                              └──────────────────────────────────────┘          │
                                              output ─ conv 9x9 ─ sub-pixel x2 ─┘

Figure 4 of the paper: every convolution but the first and last has 3x3 kernels and 64 maps.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.networks.blocks import PReLU, ResidualBlock, SubPixel, conv_after_shuffle, norm

Skip = Literal["none", "bilinear"]

STAGES = {2: (2,), 3: (3,), 4: (2, 2)}
"""The sub-pixel stages of each scale."""


class SRResNet(nn.Module):
    """The generator: a deep residual network that works at LR size and upscales at its end.

    The paper's network is ``SRResNet()``: 1,549,462 parameters. Its values are those of
    ``output_range`` of its weights file ([-1, 1] in the paper); nothing is clipped.

    Args:
        scale: 2, 3 or 4. The paper has 4; 3 is one stage of 9 times the channels.
        channels: maps of each convolution.
        blocks: residual blocks.
        batch_norm: as in the paper. Without it the blocks start near the identity.
        skip: ``"bilinear"`` adds the input enlarged bilinearly to the output, so that the
            network learns what is missing; the paper has ``"none"``.
        direct: for small networks: one convolution gives all pixels of a cell, as in ESPCN, in
            place of the stages and the 9x9 tail, and the head has 3x3 kernels. The paper's ends
            cost ten times as much as what lies between them in a network of 32 maps.

    Shape: (N, 3, H, W) RGB in [0, 1] → (N, 3, H * scale, W * scale).
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        channels: int = 64,
        blocks: int = 16,
        batch_norm: bool = True,
        skip: Skip = "none",
        direct: bool = False,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.skip = skip
        self.direct = direct
        end = 3 if direct else 9
        self.head = nn.Conv2d(3, channels, end, padding=end // 2)
        self.head_act = PReLU()
        self.blocks = nn.Sequential(
            *(ResidualBlock(channels, batch_norm=batch_norm) for _ in range(blocks))
        )
        self.trunk = nn.Conv2d(channels, channels, 3, padding=1)
        self.trunk_norm = norm(channels, batch_norm=batch_norm)
        self.upscale = nn.Sequential(
            *(SubPixel(channels, factor) for factor in (() if direct else STAGES[scale]))
        )
        self.tail = nn.Conv2d(channels, 3 * scale**2 if direct else 3, end, padding=end // 2)
        if not batch_norm:
            self._start_near_identity()

    def _start_near_identity(self) -> None:
        with torch.no_grad():
            for block in self.blocks:
                assert isinstance(block, ResidualBlock)
                for conv in (block.conv1, block.conv2):
                    nn.init.kaiming_normal_(conv.weight)
                    conv.weight.mul_(0.1)
                    if conv.bias is not None:
                        conv.bias.zero_()

    def forward(self, lr: Tensor) -> Tensor:
        # lr (N, 3, H, W)
        shallow = self.head_act(self.head(lr))  # (N, 64, H, W)
        deep = self.trunk_norm(self.trunk(self.blocks(shallow)))
        sr = self._enlarged(shallow + deep)  # (N, 3, H * scale, W * scale)
        if self.skip == "bilinear":
            enlarged = F.interpolate(
                lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False
            )
            sr = sr + enlarged
        return sr

    def _enlarged(self, x: Tensor) -> Tensor:
        if self.direct:
            return F.pixel_shuffle(self.tail(x), self.scale)
        *stages, last = self.upscale
        assert isinstance(last, SubPixel)
        for stage in stages:
            x = stage(x)
        # self.tail(last(x)), in half the time: PReLU's one slope does not mind the shuffle.
        x = last.act(last.conv(x))
        return conv_after_shuffle(x, last.factor, self.tail)
