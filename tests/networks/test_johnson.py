"""The network of Johnson et al."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srgan.errors import ModelRefused
from srgan.networks.build import build
from srgan.networks.johnson import Johnson


def test_it_has_the_layers_of_the_supplements_table() -> None:
    network = Johnson()
    kinds = [type(m) for m in network.modules()]
    assert kinds.count(nn.Conv2d) == 1 + 4 * 2 + 1
    assert kinds.count(nn.ConvTranspose2d) == 2
    assert kinds.count(nn.BatchNorm2d) == 1 + 4 * 2 + 2
    assert kinds.count(nn.ReLU) == 4
    assert nn.PReLU not in kinds
    norms = 2 * 64 * 11
    inner = (8 + 2) * (9 * 64 * 64 + 64)
    ends = 81 * 3 * 64 + 64 + 81 * 64 * 3 + 3
    assert sum(p.numel() for p in network.parameters()) == norms + inner + ends == 401_859


@pytest.mark.parametrize("scale", [2, 4])
def test_it_enlarges_by_its_scale_and_stays_in_range(scale: int) -> None:
    network = Johnson(scale=scale, channels=4, blocks=1).eval()
    sr = network(100.0 * torch.randn(2, 3, 5, 7))
    assert sr.shape == (2, 3, 5 * scale, 7 * scale)
    assert float(sr.detach().abs().max()) <= 1.0


def test_a_doubling_alone_makes_no_three() -> None:
    with pytest.raises(ModelRefused, match=r"johnson cannot be built with \{'scale': 3\}"):
        build("johnson", {"scale": 3})


def test_its_end_is_the_convolution_that_the_paper_has() -> None:
    torch.manual_seed(0)
    network = Johnson(channels=4, blocks=1).eval()
    lr = torch.rand(1, 3, 6, 5)
    with torch.no_grad():
        x = F.relu(network.head_norm(network.head(lr)))
        expected = torch.tanh(network.tail(network.upscale(network.blocks(x))))
        assert torch.allclose(network(lr), expected, atol=1e-6)
