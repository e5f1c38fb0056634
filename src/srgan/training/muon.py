"""Muon: momentum made orthogonal, for convolutions that are trained long."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

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

    Source: K. Jordan, "Muon: an optimizer for hidden layers", 2024; with its iteration's
    coefficients.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; a kernel's state is ``exp_avg`` alone."""
        kernels: list[tuple[Tensor, Tensor]] = []
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
                change = orthogonal(ahead).reshape(kernel.shape)
                kernel.sub_(change * (size * group["lr"]))
                kernels.append((kernel, gradient))
                kernel.grad = None  # not Adam's
        loss = super().step(closure)
        for kernel, gradient in kernels:
            kernel.grad = gradient
        return loss


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with its singular values brought to about 1 (0.7 to 1.2), by Newton and Schulz.

    (m, n) → (m, n). Values far below the greatest, of noise, stay small.
    """
    x: Tensor = matrix / (matrix.norm() + 1e-7)
    if tall := len(x) > x.shape[1]:
        x = x.T
    a, b, c = _QUINTIC
    for _ in range(_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x
