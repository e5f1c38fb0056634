"""The forest: its ways and leaves by hand, and the whole on synthetic pictures."""

from dataclasses import replace

import numpy as np
import pytest
from tests.classical.shapes import gain, shapes

from srgan.classical import forest
from srgan.classical.forest import Forest
from srgan.errors import DataRefused


def small() -> Forest:
    """Two trees of depth 1 for x2 on two features; each leaf answers with a constant."""
    regressors = np.zeros((3, 3, 36), np.float32)
    regressors[:, 2] = np.array([[1.0], [2.0], [10.0]])
    regressors[1, 0] = 5.0
    tests = np.array([[[0, 1, 0.5]], [[1, 0, 0.0]]], np.float32)
    return Forest(2, np.zeros((144, 2), np.float32), tests, np.array([[0, 1], [0, 2]]), regressors)


def test_the_ways_of_two_trees() -> None:
    codes = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    found = forest.missing_of(small(), codes)
    # left and left; right (2 + 5 * 1) and left; left and right
    np.testing.assert_allclose(found[:, 7], [(1 + 1) / 2, (7 + 1) / 2, (1 + 10) / 2])


def test_what_points_outside_does_not_fit() -> None:
    good = small()
    assert good.fits
    for bad in (
        replace(good, leaves=np.array([[0, 1], [0, 3]])),
        replace(good, leaves=np.array([[0, 1], [0, -1]])),
        replace(good, tests=good.tests + 2),
        replace(good, regressors=good.regressors[:, :2]),
        replace(good, leaves=np.zeros((2, 3))),
        replace(good, leaves=np.zeros((2, 0)), tests=np.zeros((2, 0, 3), np.float32)),
        replace(good, leaves=np.zeros((0, 2)), tests=good.tests[:0]),
    ):
        assert not bad.fits


def test_a_tree_without_a_split_is_one_regression() -> None:
    pictures = [shapes(s) for s in range(3)]
    learned = forest.fit(pictures, scale=3, trees=1, depth=0)
    assert learned.regressors.shape[0] == learned.leaves.size == 1
    assert learned.fits
    deeper = forest.fit(pictures, scale=3, trees=3, depth=5)
    assert deeper.fits
    assert len(deeper.regressors) > 30
    assert gain(forest.upscaler(deeper)) > gain(forest.upscaler(learned)) > 0.3


def test_the_seed_decides_all_and_too_little_is_refused() -> None:
    one, two, other = (
        forest.fit([shapes(1)], scale=2, trees=2, depth=3, seed=s).tests for s in (5, 5, 6)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    with pytest.raises(DataRefused, match="needs 128"):
        forest.fit([shapes(0, 40)], scale=4)
