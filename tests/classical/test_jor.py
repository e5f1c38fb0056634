"""JOR: its search, its choice of a regressor by hand, and the whole on synthetic pictures."""

from dataclasses import replace

import numpy as np
import pytest
from tests.classical.shapes import gain, shapes

from srgan.classical import jor
from srgan.classical.jor import Regressors
from srgan.classical.nearest import Groups
from srgan.errors import DataRefused


def test_most_nearest_neighbours_are_found_and_their_distances_are_right() -> None:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(20_000, 6)).astype(np.float32)
    queries = draw.normal(size=(300, 6)).astype(np.float32)
    numbers, distances = Groups(vectors).search(queries, 5)
    apart = np.square(queries[:, None] - vectors).sum(axis=2)
    exact = np.argsort(apart, axis=1)[:, :5]
    # a thousand of the 20,000 are compared: by chance 0.25 of the five would be among them
    assert np.mean([len(set(a) & set(b)) for a, b in zip(numbers, exact, strict=True)]) > 3.5
    np.testing.assert_allclose(distances, np.take_along_axis(apart, numbers, axis=1), atol=1e-4)
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.parametrize("count", [1, 3, 700])
def test_few_vectors_or_equal_ones(count: int) -> None:
    same = np.ones((count, 4), np.float32)
    numbers, distances = Groups(same).search(np.zeros((2, 4), np.float32), 5)
    found = min(count, 5)
    assert len(set(numbers[0, :found])) == found
    np.testing.assert_allclose(distances[:, :found], 4.0)
    assert (numbers[:, found:] == -1).all()
    assert np.isinf(distances[:, found:]).all()
    assert Groups(same).search(np.zeros((0, 4), np.float32), 5)[0].shape == (0, 5)


def two(scale: int = 2) -> Regressors:
    """Stored patches of two kinds: along feature 0, best served by the first of two regressors,
    which answers 1 a unit of it; along feature 1, by the second, which answers 10.
    """
    regressors = np.zeros((2, 2, 36), np.float32)
    regressors[0, 0], regressors[1, 1] = 1.0, 10.0
    codes = np.repeat(np.eye(2, dtype=np.float32), 40, axis=0)
    errors = np.repeat(np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), 40, axis=0)
    return Regressors(scale, np.zeros((144, 2), np.float32), regressors, codes, errors)


def test_a_patch_goes_to_the_regressor_that_served_its_neighbours() -> None:
    answer = jor.answer(two())
    found = answer(np.array([[3.0, 1.0], [0.2, 0.7], [0.0, 0.5]], np.float32))
    np.testing.assert_allclose(found[:, 7], [3.0, 7.0, 5.0], atol=1e-5)


def test_nearer_neighbours_weigh_more() -> None:
    codes = np.stack([np.cos(np.linspace(0, 0.3, 16)), np.sin(np.linspace(0, 0.3, 16))], axis=1)
    errors = np.tile(np.array([[0.1, 0.0]], np.float32), (16, 1))
    errors[0] = [0.0, 0.5]
    learned = replace(two(), codes=codes.astype(np.float32), errors=errors)
    # expected of the first: 0.1 * (15 + ... + 1) = 12; of the second: 16 * 0.5 = 8
    assert jor.answer(learned)(np.array([[1.0, 0.01]], np.float32))[0, 0] == pytest.approx(0.1)
    errors[0] = [0.0, 1.0]  # 12 and 16; with equal weights 1.5 and 1
    learned = replace(learned, errors=errors)
    assert jor.answer(learned)(np.array([[1.0, 0.01]], np.float32))[0, 0] == pytest.approx(1.0)


def test_what_does_not_fit() -> None:
    good = two()
    assert good.fits
    for bad in (
        replace(good, codes=good.codes[:-1]),
        replace(good, errors=good.errors[:, :1]),
        replace(good, errors=good.errors[:0], codes=good.codes[:0]),
        replace(good, regressors=good.regressors[:, :1]),
        replace(good, scale=3),
    ):
        assert not bad.fits


def test_rounds_lower_the_error_and_the_seed_decides_all() -> None:
    pictures = [shapes(s) for s in range(4)]
    one, again, other = (
        jor.fit(pictures, scale=3, samples=6000, rounds=8, seed=s) for s in (1, 1, 2)
    )
    assert one.fits
    assert one.codes.shape[0] == 6000
    assert np.array_equal(one.errors, again.errors)
    assert not np.array_equal(one.errors, other.errors)
    first = jor.fit(pictures, scale=3, samples=6000, rounds=1, seed=1)
    assert one.errors.min(axis=1).mean() < 0.7 * first.errors.min(axis=1).mean()
    assert gain(jor.upscaler(one)) > 0.5
    with pytest.raises(DataRefused, match="too few for 32 regressors"):
        jor.fit([shapes(0, 26)], scale=4)
