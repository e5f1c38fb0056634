"""The discriminators against the paper's counts and shapes."""

from itertools import pairwise

import pytest
import torch

from srgan.networks.discriminator import (
    Discriminator,
    PooledDiscriminator,
    UNetDiscriminator,
    count,
)


def test_the_papers_has_as_many_parameters_as_counted_by_hand() -> None:
    maps = [64, 64, 128, 128, 256, 256, 512, 512]
    convs = 3 * 64 * 9 + 64 + sum(a * b * 9 + 2 * b for a, b in pairwise(maps))
    dense = 512 * 6 * 6 * 1024 + 1024 + 1024 + 1
    assert convs + dense == 23_563_649
    with torch.device("meta"):
        assert count(Discriminator()) == 23_563_649


def test_the_papers_has_eight_convolutions_four_of_them_strided() -> None:
    layers = [m for m in Discriminator(channels=4).features if isinstance(m, torch.nn.Conv2d)]
    assert [c.stride[0] for c in layers] == [1, 2, 1, 2, 1, 2, 1, 2]
    assert [c.out_channels // 4 for c in layers] == [1, 1, 2, 2, 4, 4, 8, 8]


def test_the_papers_gives_one_logit_a_crop() -> None:
    assert Discriminator(crop=32, channels=4)(torch.rand(2, 3, 32, 32)).shape == (2, 1)


@pytest.mark.parametrize("side", [16, 40, 96])
def test_the_pooled_one_takes_crops_of_any_size(side: int) -> None:
    assert PooledDiscriminator(channels=4)(torch.rand(2, 3, side, side)).shape == (2, 1)


def test_the_unet_judges_each_pixel() -> None:
    assert UNetDiscriminator(channels=4)(torch.rand(2, 3, 32, 48)).shape == (2, 1, 32, 48)


def test_the_unets_convolutions_have_spectral_norm_one() -> None:
    net = UNetDiscriminator(channels=8)
    for _ in range(40):
        net(torch.rand(1, 3, 16, 16))
    weight = net.down[0].weight
    assert isinstance(weight, torch.Tensor)
    largest = torch.linalg.svdvals(weight.flatten(1).detach())[0]
    assert float(largest) == pytest.approx(1.0, abs=0.02)
