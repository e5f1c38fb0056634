"""The discriminators against the paper's counts and shapes."""

from itertools import pairwise

import pytest
import torch

from srgan.networks.discriminator import (
    Discriminator,
    FeatureDiscriminator,
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


def test_the_one_for_features_judges_each_position_of_each_layer() -> None:
    net = FeatureDiscriminator([64, 128, 512], channels=8)
    seen = [torch.rand(2, 64, 32, 48), torch.rand(2, 128, 16, 24), torch.rand(2, 512, 4, 6)]
    shapes = [tuple(judgement.shape) for judgement in net(seen)]
    assert shapes == [(2, 1, 28, 44), (2, 1, 12, 20), (2, 1, 2, 4)]
    judge = (64 + 1) * 8 + (8 * 9 + 1) * 8 + 8 * 9 + 1
    assert count(net.judges[0]) == judge
    assert count(net.judges[2]) == (512 + 1) * 8 + (8 * 9 + 1) * 8 + 8 + 1


def test_the_one_for_features_takes_layers_at_the_size_that_was_measured() -> None:
    net = FeatureDiscriminator([64], channels=8).eval()
    seen = torch.rand(1, 64, 8, 8)
    (alone,) = net([seen])
    net.sizes.fill_(250.0)
    (measured,) = net([seen * 250.0])
    assert torch.allclose(alone, measured, atol=1e-6)
    assert not torch.allclose(alone, net([seen])[0], atol=1e-3)
