"""Checks before the first update: what would only show after hours is found in a second."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.errors import TrainingStopped

SAMPLES = 16
"""Pairs that tell a shift by one LR pixel from smooth or damaged pictures; single ones do not."""


def check_batch(lr: Tensor, hr: Tensor, *, scale: int, output_range: tuple[float, float]) -> None:
    """Value ranges and the alignment of LR with HR.

    Raises:
        TrainingStopped: naming what is wrong with the pairs.
    """
    low, high = output_range
    for name, image, a, b in (("LR", lr, 0.0, 1.0), ("HR", hr, low, high)):
        if not bool(torch.isfinite(image).all()):
            raise TrainingStopped(f"the {name} pictures hold NaN or infinity; make the pack again")
        least, most = float(image.min()), float(image.max())
        if least < a - 1e-4 or most > b + 1e-4:
            raise TrainingStopped(
                f"the {name} pictures go from {least:.3g} to {most:.3g} instead of [{a:g}, {b:g}]"
            )
    if hr.shape[-2:] != (lr.shape[-2] * scale, lr.shape[-1] * scale):
        raise TrainingStopped(
            f"HR pictures of {tuple(hr.shape[-2:])} are not {scale} times {tuple(lr.shape[-2:])}"
        )
    small = F.avg_pool2d((hr.float() - low) / (high - low), scale)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    errors = {
        (dy, dx): float((small - lr.roll((dy, dx), (2, 3)))[inner].square().mean())
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    }
    best = min(errors, key=lambda shift: errors[shift])
    if best != (0, 0) and errors[0, 0] > 1.02 * errors[best] + 1e-6:
        raise TrainingStopped(
            f"LR and HR are {best[0]} rows and {best[1]} columns of LR out of step; make the pack "
            "again or mend the degradation"
        )


def check_losses(generator: nn.Module, losses: Mapping[str, Tensor]) -> None:
    """Whether each loss moves each layer of the generator.

    Args:
        generator: the network.
        losses: unweighted scalars of one batch, graph included.

    Raises:
        TrainingStopped: naming the loss and the first layer that it gives no gradient.
    """
    names = [name for name, p in generator.named_parameters() if p.requires_grad]
    parameters = [p for p in generator.parameters() if p.requires_grad]
    for loss_name, loss in losses.items():
        if not bool(torch.isfinite(loss)):
            raise TrainingStopped(
                f"the {loss_name} loss is {float(loss.detach())} before the first update"
            )
        gradients: tuple[Tensor | None, ...] = (None,) * len(names)
        if loss.requires_grad:
            gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        for name, gradient in zip(names, gradients, strict=True):
            if gradient is not None and not bool(torch.isfinite(gradient).all()):
                raise TrainingStopped(
                    f"the {loss_name} loss gives the generator's {name} a gradient with NaN or "
                    "infinity; mend its weights, or say device.precision = 'fp32'"
                )
            # A PReLU's slope may come to nought by chance in bf16, and the last bias does where a
            # loss sees differences of neighbours alone: a layer is told by its kernel.
            if gradient is None or (gradient.ndim > 1 and not bool(gradient.any())):
                raise TrainingStopped(
                    f"the {loss_name} loss gives the generator's {name} no gradient; "
                    "leave the loss out or mend its weight"
                )
