"""Validation: on clean pictures, and on damaged ones for recipes that train on them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.training.tiny import GENERATOR
from torch import Tensor, nn

from srgan.degradation.pipeline import Degradation
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.metrics.lr_consistency import lr_consistency
from srgan.metrics.psnr import psnr
from srgan.metrics.ssim import ssim
from srgan.metrics.stlpips import available, stlpips
from srgan.networks.srresnet import SRResNet
from srgan.training import validation
from srgan.training.config import GeneratorConfig
from srgan.training.generator import generator_of
from srgan.training.packing import Pack
from srgan.training.validation import (
    Scores,
    enlarge,
    fingerprint,
    folder_pictures,
    held_out_pictures,
    validate,
)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    steps = np.linspace(40, 200, 48)
    slope = np.rint(np.add.outer(steps, steps) / 2).astype(np.uint8)
    return [np.stack([slope, slope.T[::-1], slope], axis=-1)] * 2


def _bilinear(**changes: object) -> SRResNet:
    generator = SRResNet(**{**GENERATOR, **changes}).eval()
    for weights in generator.parameters():
        weights.data.zero_()
    return generator


def _scores(pictures: list[np.ndarray], degradation: Degradation | None) -> Scores:
    asked: dict[str, Any] = {"scale": 4, "output_range": (0.0, 1.0), "degradation": degradation}
    return validate(_bilinear(), pictures, **asked)[0]


def test_the_scores_are_of_the_results_shown_with_their_originals_below() -> None:
    hr = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)
    noise = Degradation(clean=0, blur_share=0, jpeg_share=0, noise_share=1, middle=(1, 1))
    asked: dict[str, Any] = {"scale": 4, "output_range": (0.0, 1.0), "degradation": noise}
    scores, (shown,) = validate(_bilinear(), [hr], **asked)
    sr = shown[:48]
    assert np.array_equal(shown[48:], hr)
    y = luma(sr), luma(hr)
    assert scores.psnr_y == pytest.approx(psnr(*y, data_range=255, border=4), abs=1e-4)
    assert scores.ssim_y == pytest.approx(ssim(*y, data_range=255, border=4), abs=1e-4)
    clean = np.asarray(imresize(hr, scale=0.25), np.uint8)
    assert scores.lr_consistency == pytest.approx(lr_consistency(sr, clean), abs=1e-4)
    assert scores.perceptual == pytest.approx(stlpips(sr, hr) if available() else 0.0, abs=1e-5)


def test_four_results_of_one_height_are_shown(pictures: list[np.ndarray]) -> None:
    low = [picture[:32] + np.uint8(9) for picture in pictures]
    given = [pictures[0], *low, *[pictures[0] + np.uint8(i) for i in range(1, 6)]]
    _, shown = validate(_bilinear(), given, scale=4, output_range=(0.0, 1.0))
    assert [int(sheet[48, 0, 0] - pictures[0][0, 0, 0]) for sheet in shown] == [0, 1, 2, 3]


def test_damage_is_of_the_scale_and_another_for_each_picture(pictures: list[np.ndarray]) -> None:
    loud = Degradation(clean=0, blur_share=0, jpeg_share=0, noise_share=1, middle=(1, 1))
    asked: dict[str, Any] = {"scale": 2, "output_range": (0.0, 1.0), "degradation": loud}
    _, (first, second) = validate(_bilinear(scale=2), pictures, **asked)
    assert first.shape == second.shape == (96, 48, 3)
    assert np.abs(first[:48].astype(int) - second[:48]).mean() > 1


def test_without_st_lpips_the_recipes_features_are_compared(
    pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Brightness(nn.Linear):
        def forward(self, sr: Tensor, hr: Tensor) -> Tensor:  # type: ignore[override]
            return (sr - hr).mean()

    brightness: Any = Brightness(1, 1)
    asked: dict[str, Any] = {"scale": 4, "output_range": (0.0, 1.0)}
    small = [picture[:20, :20] for picture in pictures]  # which ST-LPIPS does not take
    assert validate(_bilinear(), small, **asked)[0].perceptual == 0.0
    monkeypatch.setattr(validation, "available", lambda: False)
    assert validate(_bilinear(), pictures, **asked)[0].perceptual == 0.0
    scores, (sheet, _) = validate(_bilinear(), pictures, **asked, features=brightness)
    brighter = (sheet[:48].astype(float) - sheet[48:]).mean() / 255
    assert abs(brighter) > 1e-4
    assert scores.perceptual == pytest.approx(brighter, abs=2e-5)


def test_the_best_have_the_least_distance_or_else_the_highest_psnr() -> None:
    scores = Scores(psnr_y=30.0, ssim_y=0.9, lr_consistency=40.0, perceptual=0.2)
    assert scores.badness == 0.2
    assert replace(scores, perceptual=0.0).badness == -30.0


class Flat(nn.Module):
    """Doubles pictures to one value."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))
        self.learns: list[bool] = []

    def forward(self, lr: Tensor) -> Tensor:
        self.learns.append(self.training)
        return self.value.expand(1, 3, 2 * lr.shape[2], 2 * lr.shape[3])


@pytest.mark.parametrize(
    ("value", "output_range", "byte"),
    [
        (-1.0, (-1.0, 1.0), 0),
        (0.0, (-1.0, 1.0), 128),
        (1.0, (-1.0, 1.0), 255),
        (-0.2, (-1.0, 1.0), 102),
        (0.109, (0.0, 1.0), 28),
        (0.111, (0.0, 1.0), 28),
        (1.5, (0.0, 1.0), 255),
        (-0.5, (0.0, 1.0), 0),
    ],
)
@pytest.mark.parametrize("learning", [True, False])
def test_the_output_range_becomes_bytes(
    value: float, output_range: tuple[float, float], byte: int, learning: bool
) -> None:
    generator = Flat(value).train(learning)
    sr = enlarge(generator, np.zeros((3, 5, 3), np.uint8), output_range)
    assert (sr.shape, sr.dtype, set(sr.ravel().tolist())) == ((6, 10, 3), np.uint8, {byte})
    assert (generator.learns, generator.training) == ([False], learning)


def test_held_out_photos_give_their_centres_in_whole_lr_pixels(pack: Path) -> None:
    photos = Pack(pack)  # 72 x 80
    centre, other = held_out_pictures(photos, [2, 0], scale=4, side=42)
    np.testing.assert_array_equal(centre, photos.photo(2)[15:55, 19:59])
    np.testing.assert_array_equal(other, photos.photo(0)[15:55, 19:59])
    (broad,) = held_out_pictures(photos, [1], scale=3, side=76)
    np.testing.assert_array_equal(broad, photos.photo(1)[:72, 2:77])


def test_a_folder_gives_its_pictures_in_whole_lr_pixels(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for width, height in ((24, 27), (23, 90), (61, 50)):
        Image.new("RGB", (width, height), (width, height, 0)).save(photos / f"{width}.png")
    found = folder_pictures(photos, tmp_path / "cache", scale=4)
    assert [picture.shape for picture in found] == [(24, 24, 3), (48, 60, 3)]


def test_only_validations_of_the_same_pictures_and_damage_are_compared(
    pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(pictures: list[np.ndarray], degradation: Degradation | None = None) -> str:
        return fingerprint(pictures, degradation)

    first = told(pictures)
    assert told([picture.copy() for picture in pictures]) == first
    brighter = pictures[0].copy()
    brighter[3, 4, 1] += 1
    others = [
        told(pictures[:1]),
        told([brighter, pictures[1]]),
        told([picture.reshape(24, 96, 3) for picture in pictures]),
        told(pictures, Degradation()),
        told(pictures, Degradation(clean=0.5)),
    ]
    monkeypatch.setattr(validation, "available", lambda: not available())
    assert len({first, *others, told(pictures)}) == 7


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
