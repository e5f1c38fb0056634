"""ASDS: what is learned, and the whole on synthetic pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.classical.shapes import gain, shapes

from srgan.classical import asds
from srgan.classical.methods import open_fitted, pack
from srgan.classical.subspaces import Subspaces
from srgan.errors import DataRefused, ModelRefused
from srgan.weights.format import load_weights, save_weights


def fitted(seed: int = 0) -> Subspaces:
    return asds.fit([shapes(s) for s in range(4)], scale=4, samples=12_000, seed=seed)


@pytest.fixture(scope="module")
def learned() -> Subspaces:
    return fitted()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_beats_bicubic(learned: Subspaces, scale: int) -> None:
    # Steps that make it agree with the LR picture, and nothing else, gain 0.7 at most.
    assert gain(asds.upscaler(replace(learned, scale=scale))) > 1.3


def test_a_file_gives_the_same_picture(learned: Subspaces, tmp_path: Path) -> None:
    path = tmp_path / "asds.safetensors"
    save_weights(path, *pack("asds", learned, {}))
    lr = shapes(3, 16).astype(np.float32) / 255
    assert np.array_equal(open_fitted(*load_weights(path))(lr), asds.upscaler(learned)(lr))


def test_the_seed_decides_all(learned: Subspaces) -> None:
    again, other = fitted(), fitted(seed=1)
    assert np.array_equal(again.centres, learned.centres)
    assert np.array_equal(again.bases, learned.bases)
    assert not np.array_equal(other.centres[:2], learned.centres[:2])


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 1, 3), (1, 7, 3), (9, 30, 3)])
def test_flat_pictures_stay_flat(learned: Subspaces, shape: tuple[int, int, int]) -> None:
    out = asds.upscaler(learned)(np.full(shape, 0.25, np.float32))
    assert out.shape == (4 * shape[0], 4 * shape[1], 3)
    np.testing.assert_allclose(out, 0.25, atol=1e-5)


def test_pictures_that_are_one_pixel_wide(learned: Subspaces) -> None:
    column = np.linspace(0.2, 0.8, 12, dtype=np.float32)[:, None, None].repeat(3, axis=2)
    out = asds.upscaler(learned)(column)
    expected = 0.2 + 0.6 / 11 * ((np.arange(48) + 0.5) / 4 - 0.5)
    np.testing.assert_allclose(out[4:-4, :, 1], expected[4:-4, None].repeat(4, 1), atol=0.01)


def test_what_is_refused(learned: Subspaces) -> None:
    for bad in (
        replace(learned, centres=learned.centres[:, :48]),
        replace(learned, centres=learned.centres[0, 0]),
        replace(learned, bases=learned.bases[1:]),
        replace(learned, models=learned.models[:, :7]),
        Subspaces(4, *(np.empty((0, *part), np.float32) for part in ((49,), (49, 49), (8,)))),
    ):
        with pytest.raises(ModelRefused, match="do not fit each other"):
            open_fitted(*pack("asds", bad, {}))
    with pytest.raises(DataRefused, match="no training picture is large enough"):
        asds.fit([shapes(0, 6)], scale=4)


def test_flat_training_pictures_give_a_method_too() -> None:
    flat = asds.fit([np.full((40, 40), 90, np.uint8)], scale=2)
    assert len(flat.centres) == 1
    assert np.isfinite(asds.upscaler(flat)(shapes(1, 20).astype(np.float32) / 255)).all()
