"""SRCNN (Dong et al. 2014 and 2016, https://arxiv.org/abs/1501.00092).

LR luma ─ bicubic ─┬─ conv 9x9, 64 ─ ReLU ─ conv 1x1 or 5x5, 32 ─ ReLU ─ conv 5x5 ─ (+) ─ HR
                   └───────────────────── with ``residual`` ─────────────────────────┘
"""

from torch import Tensor, nn
from torch.nn import functional as F

from srgan.networks.luma import BicubicUp, SameConv, start_as_contrasts


class SRCNN(nn.Module):
    """Three convolutions on the bicubically enlarged luma.

    The papers' networks are 9-1-5 (``middle=1``, 8,129 parameters) and 9-5-5 (``middle=5``,
    57,281 parameters). They repeat the edge in front of every layer, as the authors' test does.

    Args:
        scale: whole factor of the enlargement.
        middle: kernel size of the second layer, 1 or 5.
        residual: learn what the bicubic enlargement lacks, which trains many times faster; the
            paper learns the picture itself.

    Shape: (N, 1, H, W) luma in [0, 1] → (N, 1, H * scale, W * scale).
    """

    def __init__(self, *, scale: int = 4, middle: int = 5, residual: bool = False) -> None:
        super().__init__()
        self.residual = residual
        self.enlarge = BicubicUp(scale)
        self.patches = SameConv(1, 64, 9)
        self.mapping = SameConv(64, 32, middle)
        self.reconstruction = SameConv(32, 1, 5)
        if residual:
            start_as_contrasts(self.patches, gain=4.0)

    def forward(self, lr: Tensor) -> Tensor:
        enlarged = self.enlarge(lr)  # (N, 1, H * scale, W * scale)
        x = F.relu(self.patches(enlarged))
        sr: Tensor = self.reconstruction(F.relu(self.mapping(x)))
        return enlarged + sr if self.residual else sr
