"""Damage to photos: strengths as asked for, no shift, the same for the same generator."""

import numpy as np
import pytest

from srgan.degradation.pipeline import Degradation, blur, degrade, jpeg, noise, sharpen
from srgan.errors import UsageError
from srgan.image.resize import imresize
from srgan.metrics.psnr import psnr

HR = np.asarray(
    imresize(np.random.default_rng(0).integers(0, 256, (16, 20, 3)).astype(np.uint8), scale=8),
    np.uint8,
)


def test_the_same_generator_gives_the_same_damage() -> None:
    once, twice, other = (
        degrade(HR, Degradation(clean=0.0), np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert once.shape == (32, 40, 3)
    assert np.array_equal(once, twice)
    assert not np.array_equal(once, other)


def test_clean_samples_are_the_exact_bicubic_downscale() -> None:
    clean = degrade(HR, Degradation(clean=1.0), np.random.default_rng(0))
    assert np.array_equal(clean, imresize(HR, scale=0.25))


def test_damage_stays_moderate_and_in_place() -> None:
    plain = np.asarray(imresize(HR, scale=0.25), np.float64)
    for seed in range(20):
        damaged = degrade(HR, Degradation(clean=0.0), np.random.default_rng(seed))
        error = {
            shift: np.mean((np.roll(damaged, shift, 1) - plain)[:, 2:-2] ** 2)
            for shift in (-1, 0, 1)
        }
        assert min(error, key=lambda s: error[s]) == 0
        assert psnr(damaged, plain, data_range=255, border=2) > 15


def test_blur_keeps_the_mean_and_spreads_a_point_by_its_deviation() -> None:
    point = np.zeros((33, 33, 3), np.float32)
    point[16, 16] = 1.0
    spread = blur(point, 2.0, 1.0)[..., 0]
    steps = np.arange(33) - 16
    assert spread.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.sqrt((spread.sum(1) * steps**2).sum()) == pytest.approx(2.0, abs=0.05)
    assert np.sqrt((spread.sum(0) * steps**2).sum()) == pytest.approx(1.0, abs=0.05)


def test_noise_has_its_deviation_and_may_be_gray() -> None:
    flat = np.full((64, 64, 3), 128.0, np.float32)
    coloured = noise(flat, 7.0, np.random.default_rng(0), gray=False) - flat
    gray = noise(flat, 7.0, np.random.default_rng(0), gray=True) - flat
    assert coloured.std() == pytest.approx(7.0, rel=0.05)
    assert gray.std() == pytest.approx(7.0, rel=0.05)
    assert np.array_equal(gray[..., 0], gray[..., 2])
    assert not np.array_equal(coloured[..., 0], coloured[..., 2])


def test_a_lower_jpeg_quality_damages_more() -> None:
    errors = [psnr(jpeg(HR, q), HR, data_range=255, border=0) for q in (30, 60, 95)]
    assert errors == sorted(errors)
    assert jpeg(HR, 30).shape == HR.shape


def test_jpeg_blocks_begin_anywhere() -> None:
    only_jpeg = Degradation(
        clean=0.0, blur_share=0.0, noise_share=0.0, jpeg_share=1.0, jpeg_quality=(20, 20)
    )
    ramp = np.linspace(40, 200, 256).astype(np.uint8)[None, :, None].repeat(128, 0).repeat(3, 2)
    phases = set()
    for seed in range(40):
        lr = degrade(ramp, only_jpeg, np.random.default_rng(seed)).astype(float)
        jumps = np.abs(np.diff(lr[..., 1], axis=1)).mean(0)[:56]
        phases.add(int(jumps.reshape(7, 8).mean(0).argmax()))
    assert len(phases) >= 6


def test_grain_is_coarser_noise_of_the_same_deviation() -> None:
    flat = np.full((96, 96, 3), 128.0, np.float32)
    fine, coarse = (
        (noise(flat, 7.0, np.random.default_rng(0), gray=True, grain=g) - flat)[..., 0]
        for g in (0.0, 1.0)
    )
    assert coarse.std() == pytest.approx(7.0, rel=0.01)
    beside = [np.corrcoef(n[:, 1:].ravel(), n[:, :-1].ravel())[0, 1] for n in (fine, coarse)]
    assert beside[0] == pytest.approx(0.0, abs=0.05)
    # Two samples of white noise under a Gaussian of deviation s, d apart: exp(-d² / 4s²).
    assert beside[1] == pytest.approx(np.exp(-0.25), abs=0.05)


def test_sharpening_overshoots_beside_an_edge_and_leaves_flat_parts_alone() -> None:
    edge = np.full((16, 32, 3), 50.0, np.float32)
    edge[:, 16:] = 150.0
    sharp = sharpen(edge, 1.0, 0.8)[8, :, 0]
    assert sharp[[4, 27]] == pytest.approx([50.0, 150.0], abs=0.01)
    # A Gaussian of deviation 1 has 0.399 in its middle: half of the rest lies across the edge.
    assert sharp[15] == pytest.approx(50.0 - 0.8 * 100 * (1 - 0.399) / 2, abs=0.3)
    assert sharp[16] == pytest.approx(150.0 + 0.8 * 100 * (1 - 0.399) / 2, abs=0.3)


def test_an_early_jpeg_has_its_blocks_shrunk_with_the_picture() -> None:
    only = Degradation(
        clean=0.0,
        blur_share=0.0,
        noise_share=0.0,
        jpeg_share=0.0,
        early_jpeg_share=1.0,
        jpeg_quality=(20, 20),
        middle=(2.0, 2.0),
    )
    ramp = np.linspace(40, 200, 512).astype(np.uint8)[None, :, None].repeat(128, 0).repeat(3, 2)
    lr = degrade(ramp, only, np.random.default_rng(1)).astype(float)
    jumps = np.abs(np.diff(lr[..., 1], axis=1)).mean(0)[4:124]
    strength = np.abs(np.fft.rfft(jumps - jumps.mean()))
    # Blocks of 8 pixels at twice LR's size are 4 pixels wide: 30 of them in 120 steps.
    assert strength[1:].argmax() + 1 == 30


def test_shares_of_nothing_draw_nothing() -> None:
    without, unused = (
        degrade(HR, Degradation(clean=0.0, **changed), np.random.default_rng(9))
        for changed in ({}, {"grain_size": (2.0, 3.0), "sharpen_amount": (5.0, 6.0)})
    )
    assert np.array_equal(without, unused)


def test_a_range_upside_down_or_a_share_above_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"degradation\.sharpen_radius goes from a low"):
        Degradation(sharpen_radius=(1.5, 0.5))
    with pytest.raises(UsageError, match=r"degradation\.grain_share is a share"):
        Degradation(grain_share=1.1)
