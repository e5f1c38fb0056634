"""DRCN (Kim et al. 2016, https://arxiv.org/abs/1511.04491).

LR luma ─ bicubic ─ conv ─ conv ─ H0 ─[conv]─ H1 ─[the same conv]─ H2 ... HD
                                       each H ─ conv ─ conv ─ (+ enlarged) ─ prediction
                                       weighted sum of the predictions ─ HR
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.networks.luma import BicubicUp, SameConv


class DRCN(nn.Module):
    """One convolution applied ``recursions`` times; every depth predicts, a weighted sum decides.

    The paper has 256 channels and 16 recursions (1.8 M parameters); on a CPU it has to be
    reduced, and a reduced one says so in its name (``drcn-64x9``: 64 channels, 9 recursions).
    The paper also supervises every depth's prediction; here the sum alone is trained.

    Args:
        scale: whole factor of the enlargement.
        channels: maps of every convolution.
        recursions: how often the shared convolution is applied.

    Shape: (N, 1, H, W) luma in [0, 1] → (N, 1, H * scale, W * scale).
    """

    def __init__(self, *, scale: int = 4, channels: int = 256, recursions: int = 16) -> None:
        super().__init__()
        self.enlarge = BicubicUp(scale)
        self.embed1 = SameConv(1, channels, 3)
        self.embed2 = SameConv(channels, channels, 3)
        self.recursion = SameConv(channels, channels, 3)
        self.reconstruct1 = SameConv(channels, channels, 3)
        self.reconstruct2 = SameConv(channels, 1, 3)
        self.depth_weights = nn.Parameter(torch.full((recursions,), 1.0 / recursions))
        self._start_as_identity()

    def _start_as_identity(self) -> None:
        with torch.no_grad():
            nn.init.dirac_(self.recursion.weight)
            for conv in (self.recursion, self.reconstruct2):
                if conv.bias is not None:
                    conv.bias.zero_()
            self.reconstruct2.weight.mul_(0.1)

    def forward(self, lr: Tensor) -> Tensor:
        enlarged = self.enlarge(lr)  # (N, 1, H * scale, W * scale)
        state = F.relu(self.embed2(F.relu(self.embed1(enlarged))))
        total = torch.zeros_like(enlarged)
        for weight in self.depth_weights:
            state = F.relu(self.recursion(state))
            # The input's skip is added once for all depths: sum_d w_d (x + p_d) with the
            # weights' sum taken as 1.
            total = total + weight * self.reconstruct2(F.relu(self.reconstruct1(state)))
        sr: Tensor = enlarged + total
        return sr
