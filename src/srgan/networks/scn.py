"""SCN (Wang et al. 2015, https://arxiv.org/abs/1507.08905): sparse coding, unrolled by LISTA.

LR luma ─ bicubic ─┬─ conv 9x9, 100 ─ / contrast ─ W ─┬─ ShLU ─ S ─ (+) ─ ShLU ─ D ─┐
                   │                     │            └─────────────┘               │
                   └─ (+) ─ overlap-add, 5x5 ─ (x contrast) ────────────────────────┘
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.networks.luma import BicubicUp, SameConv, start_as_contrasts

FEATURES = 100
PATCH = 5
"""Side of the HR patch that each place gives."""

FLAT = 1e-4
"""Added to the mean square of a place's features, so that a flat patch has a contrast too."""


class SCN(nn.Module):
    """A patch's sparse code by one recurrent stage of LISTA, and an HR patch from its atoms.

    ShLU shrinks by 1. The thresholds of LISTA are learnt all the same: they stand in the scales
    of W, S and D, as in the authors' files. These cascade x2 networks (:mod:`srgan.networks.cscn`);
    one for x4 takes every second pixel of the enlarged luma, so that its 9x9 span as many LR
    pixels as theirs. Their HR patch is the picture's, with 1.1 times the contrast of the enlarged
    one; this is what the bicubic enlargement lacks, in the contrast of the features, and all
    weights of the overlap are learnt.

    Args:
        scale: whole factor of the enlargement.
        atoms: of the dictionary, which is the length of the sparse code.

    Shape: (N, 1, H, W) luma in [0, 1] → (N, 1, H * scale, W * scale).
    """

    def __init__(self, *, scale: int = 4, atoms: int = 128) -> None:
        super().__init__()
        self.enlarge = BicubicUp(scale)
        self.patches = SameConv(1, FEATURES, 9, dilation=dilation(scale), bias=False)
        self.encode = SameConv(FEATURES, atoms, 1, bias=False)
        self.inhibit = SameConv(atoms, atoms, 1, bias=False)
        self.decode = SameConv(atoms, PATCH**2, 1, bias=False)
        self.overlap = SameConv(PATCH**2, 1, PATCH)
        start_as_contrasts(self.patches, gain=4.0)
        self._start_near_bicubic()

    def _start_near_bicubic(self) -> None:
        nn.init.normal_(self.encode.weight, std=FEATURES**-0.5)  # a third of the atoms respond
        nn.init.zeros_(self.inhibit.weight)
        nn.init.normal_(self.decode.weight, std=0.01)
        mean = torch.eye(PATCH**2).view(PATCH**2, PATCH, PATCH).flip(1, 2) / PATCH**2
        with torch.no_grad():
            self.overlap.weight.copy_(mean[None])
        nn.init.zeros_(self.overlap.bias)  # type: ignore[arg-type]

    def forward(self, lr: Tensor) -> Tensor:
        enlarged = self.enlarge(lr)  # (N, 1, H * scale, W * scale)
        features = self.patches(enlarged)
        power = features.square().mean(dim=1, keepdim=True, dtype=torch.float32)
        contrast = (power + FLAT).sqrt()
        code = self.encode(features * contrast.reciprocal().to(features.dtype))
        code = F.softshrink(code + self.inhibit(F.softshrink(code, 1.0)), 1.0)
        sr: Tensor = enlarged + self.overlap(self.decode(code) * contrast)
        return sr


def dilation(scale: int) -> int:
    """The distance of the pixels that a patch takes from the enlarged luma."""
    return max(1, scale // 2)
