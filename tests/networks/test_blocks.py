"""The parts of the generators."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srgan.networks.blocks import PReLU, conv_after_shuffle


@pytest.mark.parametrize(("factor", "size"), [(2, 9), (3, 9), (2, 3), (3, 5), (2, 1)])
def test_a_convolution_before_the_shuffle_is_the_one_after_it(factor: int, size: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 3, size, padding=size // 2).double()
    x = torch.rand(2, 2 * factor**2, 5, 7, dtype=torch.float64)
    direct = conv(F.pixel_shuffle(x, factor))
    early = conv_after_shuffle(x, factor, conv)
    assert torch.allclose(direct, early, atol=1e-12)
    wanted = torch.autograd.grad(direct.square().sum(), conv.parameters())
    found = torch.autograd.grad(early.square().sum(), conv.parameters())
    for a, b in zip(wanted, found, strict=True):
        assert torch.allclose(a, b, atol=1e-9)


@pytest.mark.parametrize(
    ("dtype", "error"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.02)]
)
@pytest.mark.parametrize("slope", [0.25, -0.5])
def test_the_faster_gradient_of_prelu_is_pytorchs(
    slope: float, dtype: torch.dtype, error: float
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 7).to(dtype).contiguous(memory_format=torch.channels_last)
    x[0, 0, 0, 0] = 0.0
    after = torch.randn(2, 3, 5, 7).to(dtype)
    found = []
    for act in (PReLU(), nn.PReLU()):
        with torch.no_grad():
            act.weight.fill_(slope)
        act = act.to(torch.float64 if dtype == torch.float64 else torch.float32)
        values = x.clone().requires_grad_()
        with torch.autocast("cpu", enabled=dtype == torch.bfloat16):
            out = act(values)
        out.backward(after)
        assert act.weight.grad is not None
        found.append((out, values.grad, act.weight.grad))
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours.double(), theirs.double(), rtol=error, atol=error)
