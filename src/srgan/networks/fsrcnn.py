"""FSRCNN (Dong, Loy and Tang 2016, https://arxiv.org/abs/1608.00367).

LR luma ─┬─ conv 5x5, 56 ─ 1x1, 12 ─ 4 times 3x3, 12 ─ 1x1, 56 ─ transposed 9x9 ─ (+) ─ HR
         └───────────────────── bicubic, with ``residual`` ───────────────────────┘

A PReLU with a slope for each map follows every convolution but the transposed one.
"""

from torch import Tensor, nn

from srgan.networks.luma import BicubicUp, LearntUp, SameConv, start_as_contrasts


class Layer(nn.Module):
    """A convolution that keeps the size, and its PReLU."""

    def __init__(self, channels_in: int, channels_out: int, size: int) -> None:
        super().__init__()
        self.conv = SameConv(channels_in, channels_out, size)
        self.act = nn.PReLU(channels_out)
        nn.init.kaiming_normal_(self.conv.weight, a=0.25)

    def forward(self, x: Tensor) -> Tensor:
        activated: Tensor = self.act(self.conv(x))
        return activated


class FSRCNN(nn.Module):
    """Features are shrunk, mapped and expanded at LR size; learnt filters enlarge them.

    The paper's FSRCNN(56, 12, 4) has 12,464 weights; with biases and slopes there are 12,809
    parameters, at every scale.

    Args:
        scale: whole factor of the enlargement.
        channels: maps of the first layer and of the expanded features, the paper's d.
        shrunk: maps in between, the paper's s.
        mappings: 3x3 layers in between, the paper's m.
        residual: learn what the bicubic enlargement lacks, which trains many times faster; the
            paper learns the picture itself.

    Shape: (N, 1, H, W) luma in [0, 1] → (N, 1, H * scale, W * scale).
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        channels: int = 56,
        shrunk: int = 12,
        mappings: int = 4,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.residual = residual
        self.enlarge = BicubicUp(scale)
        self.features = Layer(1, channels, 5)
        self.shrink = Layer(channels, shrunk, 1)
        self.map = nn.Sequential(*(Layer(shrunk, shrunk, 3) for _ in range(mappings)))
        self.expand = Layer(shrunk, channels, 1)
        self.upscale = LearntUp(channels, 1, 9, scale=scale)
        self._start()

    def _start(self) -> None:
        nn.init.normal_(self.upscale.weight, std=0.001)
        if self.residual:
            start_as_contrasts(self.features.conv, gain=8.0)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.expand(self.map(self.shrink(self.features(lr))))
        sr: Tensor = self.upscale(x)
        return self.enlarge(lr) + sr if self.residual else sr
