"""Zeyde, ANR and A+: their parts by hand, and the whole on synthetic pictures."""

from pathlib import Path

import numpy as np
import pytest
from tests.classical.shapes import gain, shapes

from srgan.classical import anchored, anr, aplus, zeyde
from srgan.classical.ksvd import ksvd, pursue
from srgan.classical.luma import LumaUpscaler
from srgan.classical.methods import METHODS, Options, open_fitted, pack
from srgan.classical.patches import Grid, features
from srgan.errors import DataRefused, ModelRefused, RuntimeFailed
from srgan.image.colour import luma
from srgan.image.resize import imresize
from srgan.inference.tiles import Tiled
from srgan.weights.format import CLASSICAL, load_weights, save_weights


def test_patches_and_their_average_are_inverse() -> None:
    image = np.random.default_rng(0).random((40, 32)).astype(np.float32)
    grid = Grid(40, 32, 4)
    assert grid.counts == ((40 - 8 - 12) // 4 + 1, (32 - 8 - 12) // 4 + 1)
    back = grid.average(grid.gather(image))
    np.testing.assert_allclose(back[4:-4, 4:-4], image[4:-4, 4:-4], atol=1e-6)
    assert back[:4].max() == 0.0


def test_features_are_derivatives() -> None:
    ramp = np.tile(np.arange(48, dtype=np.float32), (48, 1))
    across, down, second_across, second_down = np.split(features(ramp, Grid(48, 48, 4)), 4, axis=1)
    # [1 0 0 0 -1], convolved: the value 2 to the right minus that 2 to the left
    assert np.allclose(across[:, 66], 4.0)
    assert np.allclose(down, 0.0)
    assert np.allclose(second_across[:, 66], 0.0)
    assert np.allclose(second_down[:, 66], 0.0)


def test_pursuit_finds_what_made_the_signals() -> None:
    rng = np.random.default_rng(0)
    dictionary, _ = np.linalg.qr(rng.normal(size=(20, 20)))
    truth = np.zeros((50, 20), np.float32)
    for row in truth:
        row[rng.choice(20, 3, replace=False)] = rng.uniform(1, 2, 3) * rng.choice([-1, 1], 3)
    dictionary = dictionary.astype(np.float32)
    chosen, coefficients = pursue(dictionary, truth @ dictionary.T, 3)
    found = np.zeros_like(truth)
    np.put_along_axis(found, chosen, coefficients, axis=1)
    np.testing.assert_allclose(found, truth, atol=1e-4)


def test_ksvd_explains_more_with_each_round() -> None:
    rng = np.random.default_rng(1)
    atoms = rng.normal(size=(12, 30)).astype(np.float32)
    codes = np.zeros((2000, 30), np.float32)
    for row in codes:
        row[rng.choice(30, 2, replace=False)] = rng.normal(size=2)
    signals = codes @ atoms.T

    def error(rounds: int) -> float:
        dictionary = ksvd(signals, size=30, atoms=2, rounds=rounds, seed=0)
        assert np.allclose(np.linalg.norm(dictionary, axis=0), 1.0, atol=1e-4)
        chosen, weights = pursue(dictionary, signals, 2)
        rebuilt = sum(weights[:, k, None] * dictionary[:, chosen[:, k]].T for k in range(2))
        return float(((signals - rebuilt) ** 2).mean() / (signals**2).mean())

    assert error(12) < 0.5 * error(1)


def test_chroma_is_left_to_the_bicubic_filter() -> None:
    lr = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    brighter = LumaUpscaler(2, lambda _, bicubic: bicubic + np.float32(0.1))
    sr, bicubic = brighter(lr).astype(np.float64), imresize(lr.astype(np.float64), scale=2)
    np.testing.assert_allclose(luma(sr), luma(bicubic) + 0.1, atol=1e-6)
    np.testing.assert_allclose(
        sr[..., 0] - sr[..., 1], bicubic[..., 0] - bicubic[..., 1], atol=1e-6
    )


@pytest.mark.filterwarnings("error")
def test_what_is_no_number_is_refused_and_not_drawn_black() -> None:
    upscaler = LumaUpscaler(2, lambda _, bicubic: np.where(bicubic > 0.3, bicubic, np.inf) - np.inf)
    with pytest.raises(RuntimeFailed, match="NaN or infinity"):
        upscaler(np.full((4, 4, 3), 0.1, np.float32))


@pytest.fixture(scope="module")
def dictionaries() -> zeyde.Dictionaries:
    return zeyde.fit([shapes(s) for s in range(6)], scale=3, size=64, rounds=4)


def test_each_method_beats_bicubic(dictionaries: zeyde.Dictionaries) -> None:
    assert gain(zeyde.upscaler(dictionaries)) > 0.3
    assert gain(anchored.upscaler(anr.anchors(dictionaries))) > 0.3
    learned = aplus.fit([shapes(s) for s in range(6)], dictionaries, neighbours=500)
    assert gain(anchored.upscaler(learned)) > 0.8


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_fitted_packed_and_opened_by_its_row(name: str) -> None:
    told: list[float] = []
    options = Options(scale=2, atoms=32, samples=20_000)
    images = [shapes(s) for s in range(3)]
    if name == "zou-yuen":  # takes what is as large as this alone
        images = [image[:18, :16] for image in images]
    learned = METHODS[name].fit(images, options, told.append)
    assert told[-1] == pytest.approx(1.0)
    assert told == sorted(told)
    upscaler = open_fitted(*pack(name, learned, {}))
    assert upscaler.scale == 2
    assert upscaler(np.zeros((9, 8, 3), np.float32)).shape == (18, 16, 3)
    assert tuple(METHODS) == CLASSICAL


@pytest.mark.parametrize("name", [m for m in METHODS if m not in ("freeman", "scsr", "zou-yuen")])
def test_tiles_change_nothing(name: str) -> None:
    options = Options(scale=4, atoms=32, samples=20_000)
    learned = METHODS[name].fit([shapes(s) for s in range(3)], options, str)
    whole = METHODS[name].upscaler(learned)
    image = shapes(7, 75)[:61].astype(np.float32) / 255
    tiled = Tiled(whole, 16, METHODS[name].margin)
    np.testing.assert_allclose(tiled(image), whole(image), atol=1e-5)
    closer = Tiled(whole, 16, 2)
    assert np.abs(closer(image) - whole(image)).max() > 1e-3


def test_weights_files(tmp_path: Path, dictionaries: zeyde.Dictionaries) -> None:
    lr = shapes(3, 30).astype(np.float32) / 255
    anchors = anr.anchors(dictionaries)
    for packed, expected in (
        (pack("zeyde", dictionaries, {}), zeyde.upscaler(dictionaries)),
        (pack("anr", dictionaries, {}), anchored.upscaler(anchors)),
        (pack("aplus", anchors, {}), anchored.upscaler(anchors)),
    ):
        path = tmp_path / "fitted.safetensors"
        save_weights(path, *packed)
        again = open_fitted(*load_weights(path))
        assert again.scale == 3
        assert np.array_equal(again(lr), expected(lr))
    tensors, header = pack("aplus", anchors, {})
    with pytest.raises(ModelRefused, match="do not fit each other"):
        open_fitted({**tensors, "atoms": tensors["atoms"][:, :5]}, header)
    with pytest.raises(ModelRefused, match="holds components, atoms, regressors"):
        open_fitted({}, header)


def test_small_pictures_are_bicubic_and_too_little_data_is_refused(
    dictionaries: zeyde.Dictionaries,
) -> None:
    tiny = np.random.default_rng(0).random((3, 2, 3)).astype(np.float32)
    upscaler = zeyde.upscaler(dictionaries)
    np.testing.assert_allclose(upscaler(tiny), imresize(tiny, scale=3), atol=1e-5)
    with pytest.raises(DataRefused, match="too few for 1024 atoms"):
        zeyde.fit([shapes(0, 60)], scale=3)
    with pytest.raises(DataRefused, match="no training picture is large enough"):
        zeyde.fit([shapes(0, 9)], scale=3)
