"""Iterative shrinkage: its parts by hand and by their definitions."""

import numpy as np
import pytest

from srgan.classical import shrinkage, subspaces
from srgan.classical.shrinkage import Alike, Code, Grid, Shrinking, modelled
from srgan.image.resize import imresize


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize(("lr", "scale"), [((9, 14), 4), ((7, 1), 3), ((20, 11), 2), ((1, 1), 4)])
def test_the_downscale_is_matlabs_and_its_adjoint_exact(lr: tuple[int, int], scale: int) -> None:
    hr = lr[0] * scale, lr[1] * scale
    shrinking = Shrinking(lr, hr)
    x, y = noise(*hr), noise(*lr, seed=1)
    np.testing.assert_allclose(shrinking(x), imresize(x, scale=1 / scale), atol=1e-6)
    assert np.vdot(shrinking(x), y) == pytest.approx(np.vdot(x, shrinking.adjoint(y)), rel=1e-5)


def test_steps_alone_end_at_a_picture_that_gives_the_lr_picture() -> None:
    lr, x = noise(8, 6), np.zeros((32, 24), np.float32)
    shrinking = Shrinking(lr.shape, x.shape)
    errors = []
    for _ in range(30):
        x = x + shrinking.step(x, lr)
        errors.append(float(np.square(shrinking(x) - lr).sum()))
    assert errors == pytest.approx(sorted(errors, reverse=True), abs=1e-6)
    assert errors[-1] < 1e-3 * errors[0]


@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (6, 9), (15, 8)])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_the_mean_of_a_pictures_patches_is_the_picture(shape: tuple[int, int], step: int) -> None:
    image = noise(*shape)
    grid = Grid(*shape, step)
    patches = grid.gather(image)
    middle = patches.reshape(*grid.counts, 7, 7)[:, :, 3, 3]
    np.testing.assert_array_equal(middle, image[::step, ::step])
    np.testing.assert_allclose(grid.average(patches), image, rtol=1e-6)


def test_small_coefficients_become_nothing_and_large_ones_stay() -> None:
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(49, 48)))[0]
    basis -= basis.mean(axis=0)  # nothing of it is the mean
    basis = np.linalg.qr(basis)[0].astype(np.float32)
    bases = np.stack([np.eye(49, dtype=np.float32), np.pad(basis, ((0, 0), (0, 1)))])
    patches = 0.5 + np.array([[0.01], [0.5]], np.float32) * basis[:, 0]
    out = Code(np.array([1, 1]), bases).shrunk(patches)
    np.testing.assert_allclose(out[0], 0.5, atol=1e-6)
    kept = 0.5 - shrinkage.THRESHOLD / (0.5 + 0.01)
    np.testing.assert_allclose(out[1], 0.5 + kept * basis[:, 0], atol=1e-5)


def test_neighbours_that_tell_all_leave_nothing_to_do() -> None:
    ramp = np.add.outer(0.02 * np.arange(9), 0.01 * np.arange(12)).astype(np.float32)
    weights = np.full((9, 12, 8), 1 / 8, np.float32)
    np.testing.assert_allclose(modelled(ramp, weights)[2:-2, 2:-2], 0, atol=1e-6)
    dot = np.zeros((9, 12), np.float32)
    dot[4, 6] = 1
    # The pixel lacks its own part and, of eight neighbours, an eighth of an eighth each.
    assert modelled(dot, weights)[4, 6] == pytest.approx(-1 - 8 / 64)


def test_pixels_alike_draw_each_other() -> None:
    tile = noise(6, 6)
    image = np.tile(tile, (5, 5))
    grid = Grid(*image.shape)
    alike = Alike(image, grid)
    # In what repeats all agree already; a pixel that does not is drawn to those that it was like.
    np.testing.assert_allclose(alike.step(image)[9:-9, 9:-9], 0, atol=0.02)
    changed = image.copy()
    changed[14, 14] += 0.5
    assert -0.51 < alike.step(changed)[14, 14] < -0.4
    np.testing.assert_allclose(alike.step(np.full_like(image, 0.3)), 0, atol=1e-6)


def test_a_model_of_neighbours_is_found_again() -> None:
    draw = np.random.default_rng(4)
    patches = draw.normal(size=(4000, 7, 7)).astype(np.float32)
    patches[:, 3, 3] = 0.75 * patches[:, 3, 2] + 0.25 * patches[:, 2, 3]
    flat = patches.reshape(-1, 49)
    learned = subspaces.learn(4, flat, flat, clusters=1, least=10)
    expected = [0, 0.25, 0, 0.75, 0, 0, 0, 0]
    np.testing.assert_allclose(learned.models[1], expected, atol=0.02)
    assert learned.models.sum(axis=1) == pytest.approx(1)


def test_each_cluster_has_its_basis_and_small_ones_are_merged() -> None:
    draw = np.random.default_rng(5)
    across = np.tile(np.linspace(-1, 1, 7, dtype=np.float32), 7)
    down = across.reshape(7, 7).T.ravel()
    few = np.where(np.arange(49) == 24, 3, -3 / 48).astype(np.float32)
    strength = draw.uniform(0.9, 1, (305, 1)).astype(np.float32)
    patches = strength * np.concatenate([[across] * 150, [down] * 150, [few] * 5])
    learned = subspaces.learn(4, patches, patches, clusters=12, least=25)
    assert learned.fits
    group = learned.nearest(patches)
    assert np.bincount(group)[1:].min() >= 25 - 5  # five may have gone to one of them
    assert not group[300:].any()  # too few for a cluster: said in the basis of all
    one = learned.bases[group[0]]
    np.testing.assert_allclose(one.T @ one, np.eye(49), atol=1e-5)
    assert abs(one[:, 0] @ across) == pytest.approx(np.linalg.norm(across), rel=1e-3)
    assert abs(one[:, 0] @ down) < 0.1
