"""The parts of the generators."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srgan.networks.blocks import conv_after_shuffle


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
