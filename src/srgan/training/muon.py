"""Muon: momentum made orthogonal, for convolutions that are trained long."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

MOMENTUM = 0.95
LIKE_ADAM = 0.2
"""Root mean square of a step at rate 1, about that of Adam's, so that their rates compare."""

_STEPS = 5
_QUINTIC = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Adam):
    """Steps of Jordan et al. (2024) for kernels, Adam's for biases and slopes.

    A kernel is taken as a matrix of its outputs by all that one reads. Its gradients' mean is
    brought near to the orthogonal matrix next to it, so that directions in which the gradient is
    small move as far as the others. The step's size is that of Liu et al., arXiv 2502.16982.

    Args:
        parameters, options: as :class:`torch.optim.Adam` has them.
        narrow: bring near in bf16, as Jordan does, where the device is faster in it.

    Source: K. Jordan, "Muon: an optimizer for hidden layers", 2024; with its iteration's
    coefficients.
    """

    def __init__(self, parameters: ParamsT, *, narrow: bool = False, **options: Any) -> None:
        super().__init__(parameters, **options)
        self.dtype = torch.bfloat16 if narrow else torch.float32

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; a kernel's state is ``exp_avg`` alone."""
        kernels: list[tuple[Tensor, Tensor]] = []
        # Those of one shape at once: many small products cost more than a few large ones.
        alike: dict[torch.Size, list[tuple[Tensor, Tensor, float]]] = {}
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.ndim != 4 or kernel.grad is None:
                    continue
                gradient = kernel.grad
                state = self.state[kernel]
                if not state:
                    state["exp_avg"] = torch.zeros_like(kernel)
                mean = state["exp_avg"].lerp_(gradient, 1.0 - MOMENTUM)
                ahead = gradient.lerp(mean, MOMENTUM).reshape(len(kernel), -1)  # Nesterov's
                size = LIKE_ADAM * max(ahead.shape) ** 0.5
                alike.setdefault(kernel.shape, []).append((kernel, ahead, size * group["lr"]))
                kernels.append((kernel, gradient))
                kernel.grad = None  # not Adam's
        for moves in alike.values():
            changes = orthogonal(torch.stack([ahead for _, ahead, _ in moves]), self.dtype)
            for (kernel, _, rate), change in zip(moves, changes, strict=True):
                kernel.sub_(change.reshape(kernel.shape) * rate)
        loss = super().step(closure)
        for kernel, gradient in kernels:
            kernel.grad = gradient
        return loss


def orthogonal(matrices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Matrices with their singular values brought to about 1 (0.7 to 1.2), by Newton and Schulz.

    (k, m, n) → (k, m, n), float32, computed in ``dtype``. Values far below the greatest, of
    noise, stay small.
    """
    x: Tensor = (matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)).to(dtype)
    if tall := x.shape[1] > x.shape[2]:
        x = x.mT
    a, b, c = _QUINTIC
    for _ in range(_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)
