"""The averaged generator: what it takes over of the one that learns."""

import copy

import pytest
import torch
from torch import nn

from srgan.networks.srresnet import SRResNet
from srgan.training.generator import average_of, follow


def _learnt(batch_norm: bool) -> SRResNet:
    """A generator that has seen a batch and moved."""
    torch.manual_seed(0)
    generator = SRResNet(channels=4, blocks=1, batch_norm=batch_norm)
    generator(3.0 + torch.randn(4, 3, 8, 8))
    with torch.no_grad():
        for weights in generator.parameters():
            weights.add_(torch.randn_like(weights))
    return generator


def test_running_statistics_are_averaged_as_the_weights_are() -> None:
    average = SRResNet(channels=4, blocks=1, batch_norm=True)
    before, now = copy.deepcopy(average.state_dict()), _learnt(True)
    follow(average, now, 0.75)
    moved = 0
    for name, tensor in average.state_dict().items():
        wanted = now.state_dict()[name]
        if tensor.is_floating_point():
            wanted = 0.75 * before[name] + 0.25 * wanted
        assert torch.allclose(tensor, wanted, atol=1e-6), name
        moved += "running" in name and not torch.equal(tensor, before[name])
    assert moved == 6  # mean and variance of three layers


@pytest.mark.parametrize("batch_norm", [False, True])
def test_without_an_average_it_is_the_generator_to_the_bit(batch_norm: bool) -> None:
    average = SRResNet(channels=4, blocks=1, batch_norm=batch_norm)
    now = _learnt(batch_norm)
    follow(average, now, 0.0)
    for name, tensor in average.state_dict().items():
        assert torch.equal(tensor, now.state_dict()[name]), name


def test_running_the_average_leaves_its_statistics() -> None:
    learns = _learnt(True)
    average = average_of(learns)
    before = copy.deepcopy(average.state_dict())
    average(torch.randn(4, 3, 8, 8))
    assert average.training
    for name, tensor in average.state_dict().items():
        assert torch.equal(tensor, before[name]) or "num_batches" in name, name
    assert not any(weights.requires_grad for weights in average.parameters())
    assert {m.momentum for m in learns.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}
    assert all(weights.requires_grad for weights in learns.parameters())
