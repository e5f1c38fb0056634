"""Content losses between features of a VGG network (section 2.2.1 of the paper)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from srgan.errors import UsageError
from srgan.losses.pixel import Distance, distance
from srgan.networks.vgg import VGG


class ContentLoss(nn.Module):
    """Weighted distances between the features of SR and HR.

    Args:
        vgg: the feature network.
        weights: one for each of its layers.
        kind: ``"mse"`` as in the paper, or ``"l1"``.
        normalised: bring each position's feature vector to unit length first (Zhang et al. 2018),
            which makes layers comparable.

    Shape: two of (N, 3, H, W) RGB in [0, 1] → scalar, float32.
    """

    def __init__(
        self,
        vgg: VGG,
        weights: Sequence[float] = (1.0,),
        *,
        kind: Distance = "mse",
        normalised: bool = False,
    ) -> None:
        super().__init__()
        if len(weights) != len(vgg.layers):
            raise UsageError(
                f"{len(vgg.layers)} feature layers want as many weights, not {len(weights)}"
            )
        self.vgg = vgg
        self.weights = tuple(weights)
        self.kind: Distance = kind
        self.normalised = normalised

    @property
    def name(self) -> str:
        """Such as "VGG16 conv5_3", for logs and model cards."""
        return f"{self.vgg.network.upper()} {'+'.join(self.vgg.layers)}"

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.vgg(hr)
        return self.between(self.vgg(sr), wanted)

    def between(self, found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
        """The loss of features that are at hand: those of SR and of HR, one tensor a layer."""
        total = found[0].new_zeros((), dtype=torch.float32)
        for weight, a, b in zip(self.weights, found, wanted, strict=True):
            if self.normalised and self.kind == "mse":
                total = total + weight * unit_distance(a, b)
            elif self.normalised:
                # A distance of unit vectors is a sum over channels, not their mean.
                total = total + weight * distance(_unit(a), _unit(b), self.kind) * a.shape[1]
            else:
                total = total + weight * distance(a, b, self.kind)
        return total


NOUGHT = 1e-8
"""Added to squared lengths: some positions have no feature at all."""


def _unit(features: Tensor) -> Tensor:
    x = features.float()
    return x / (x.square().sum(1, keepdim=True) + NOUGHT).sqrt()


def unit_distance(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared distance of two tensors' unit feature vectors, in a third of the plain time.

    Args:
        found, wanted: (N, C, H, W); only ``found`` gets a gradient.

    Returns:
        The mean over positions of the sum over channels, from 0 to 4; float32.
    """
    distance: Tensor = _UnitDistance.apply(found, wanted)  # type: ignore[no-untyped-call]
    return distance


class _UnitDistance(torch.autograd.Function):
    """With lengths a, b and product p: ``2 - 2 p / (a b)``, so that no vector is ever divided.

    Its gradient is a sum of both vectors, each with a factor of its position.
    """

    @staticmethod
    def forward(ctx: Any, found: Tensor, wanted: Tensor) -> Tensor:
        x, y = found.float(), wanted.float()
        xx, yy, xy = ((a * b).sum(1, keepdim=True) for a, b in ((x, x), (y, y), (x, y)))
        a, b = (xx + NOUGHT).sqrt(), (yy + NOUGHT).sqrt()
        ctx.save_for_backward(found, wanted, 2.0 * (NOUGHT / a + xy / b) / a**3, -2.0 / (a * b))
        return (xx / a**2 + yy / b**2 - 2.0 * xy / (a * b)).mean()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        found, wanted, own, other = ctx.saved_tensors
        share = gradient / own.numel()
        return (found * (own * share) + wanted * (other * share)).to(found.dtype), None
