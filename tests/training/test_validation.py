"""Validation: on clean pictures, and on damaged ones for recipes that train on them."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.training.tiny import GENERATOR

from srgan.degradation.pipeline import Degradation
from srgan.networks.srresnet import SRResNet
from srgan.training import validation
from srgan.training.config import GeneratorConfig
from srgan.training.generator import generator_of
from srgan.training.validation import Scores, enlarge, validate


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    steps = np.linspace(40, 200, 48)
    slope = np.rint(np.add.outer(steps, steps) / 2).astype(np.uint8)
    return [np.stack([slope, slope.T[::-1], slope], axis=-1)] * 2


def _scores(pictures: list[np.ndarray], degradation: Degradation | None) -> Scores:
    generator = SRResNet(**GENERATOR).eval()
    for weights in generator.parameters():
        weights.data.zero_()
    return validate(generator, pictures, scale=4, output_range=(0.0, 1.0), degradation=degradation)[
        0
    ]


def test_noise_of_the_recipe_is_in_what_it_is_validated_on(pictures: list[np.ndarray]) -> None:
    loud = Degradation(
        clean=0, blur_share=0, jpeg_share=0, noise_share=1, noise_std_255=(20, 20), middle=(1, 1)
    )
    clean, damaged = _scores(pictures, None), _scores(pictures, loud)
    assert clean.psnr_y > 35
    assert 18 < damaged.psnr_y < clean.psnr_y - 8
    assert damaged.lr_consistency < clean.lr_consistency - 8


def test_the_damage_is_the_same_every_time(pictures: list[np.ndarray]) -> None:
    assert _scores(pictures, Degradation(clean=0)) == _scores(pictures, Degradation(clean=0))


def test_undamaged_is_as_without(pictures: list[np.ndarray]) -> None:
    assert _scores(pictures, Degradation(clean=1)) == _scores(pictures, None)


@pytest.mark.parametrize(
    "generator",
    [
        {"architecture": "srresnet", **GENERATOR},
        {"architecture": "srresnet", **GENERATOR, "direct": True},
        {"architecture": "johnson", "channels": 4, "blocks": 2},
    ],
)
def test_a_large_picture_goes_through_in_strips_that_do_not_show(
    generator: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = generator_of(GeneratorConfig(**generator))
    lr = np.random.default_rng(0).integers(0, 256, (150, 20, 3), dtype=np.uint8)
    whole = enlarge(network, lr, (0.0, 1.0))

    heights = []
    network.register_forward_pre_hook(lambda _, args: heights.append(args[0].shape[2]))
    monkeypatch.setattr(validation, "_PIECE", 20 * 60)
    strips = enlarge(network, lr, (0.0, 1.0))
    assert len(heights) > 2
    assert max(heights) <= 60
    assert strips.shape == whole.shape == (600, 80, 3)
    assert np.abs(strips.astype(int) - whole).max() <= 1
    assert np.mean(strips != whole) < 1e-4
    assert network.training
