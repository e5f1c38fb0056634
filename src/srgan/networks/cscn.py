"""CSCN (Wang et al. 2015, https://arxiv.org/abs/1507.08905): a cascade of two SCN at x2.

LR luma ─ SCN x2 ─ SCN x2 ─ HR
"""

from torch import Tensor, nn

from srgan.networks.scn import SCN


class CSCN(nn.Module):
    """Each stage enlarges twice what the one before it gives, luma that is neither rounded nor
    clipped. Each has weights of its own; both are trained together on what the last one gives.

    Args:
        scale: of both together, 4.
        atoms: of each stage's dictionary.

    Shape: (N, 1, H, W) luma in [0, 1] → (N, 1, H * 4, W * 4).
    """

    def __init__(self, *, scale: int = 4, atoms: int = 128) -> None:
        super().__init__()
        if scale != 4:
            raise ValueError("its two stages of x2 make x4")
        self.stages = nn.Sequential(SCN(scale=2, atoms=atoms), SCN(scale=2, atoms=atoms))

    def forward(self, lr: Tensor) -> Tensor:
        sr: Tensor = self.stages(lr)
        return sr
