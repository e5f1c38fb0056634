"""Global regression and neighbour embedding: their weights by hand, their published figures."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from tests.classical.set5 import float_psnr
from tests.classical.shapes import gain, shapes

from srgan.classical import anchored, gr, ne_lle, ne_ls, ne_nnls, zeyde
from srgan.classical.nnls import nnls
from srgan.inference.open import identity, load
from srgan.weights.catalog import DERIVED, weights_file


def problems(count: int, size: int, *, dimensions: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    atoms = rng.normal(size=(count, dimensions, size))
    signals = rng.normal(size=(count, dimensions))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    return atoms, signals


def by_products(atoms: np.ndarray, signals: np.ndarray) -> tuple[np.ndarray, ...]:
    return (
        np.einsum("ndi,ndj->nij", atoms, atoms),
        np.einsum("ndi,nd->ni", atoms, signals),
        np.square(signals).sum(axis=1),
    )


def test_non_negative_weights_are_the_best_there_are() -> None:
    atoms, signals = problems(200, 24)
    gram, products, _ = by_products(atoms, signals)
    weights = nnls(gram, products)
    pull = np.einsum("nij,nj->ni", gram, weights) - products
    assert 0.3 < (weights > 0).mean() < 0.7
    assert weights.min() == 0.0
    assert pull.min() > -1e-8  # no weight would help by growing
    assert np.abs(pull[weights > 0]).max() < 1e-8  # none that is used would help by changing


def test_non_negative_weights_against_every_choice() -> None:
    atoms, signals = problems(20, 4, dimensions=6)
    weights = nnls(*by_products(atoms, signals)[:2])
    for a, signal, found in zip(atoms, signals, weights, strict=True):
        best = np.inf
        for chosen in product([False, True], repeat=4):
            some = a[:, list(chosen)]
            tried = np.linalg.lstsq(some, signal, rcond=None)[0]
            if tried.size == 0 or tried.min() >= 0:
                best = min(best, float(np.square(signal - some @ tried).sum()))
        assert np.square(signal - a @ found).sum() == pytest.approx(best, rel=1e-9)


def test_non_negative_weights_of_atoms_that_are_nearly_the_same() -> None:
    atoms, signals = problems(100, 24, dimensions=8)  # more atoms than dimensions
    gram, products, squares = by_products(atoms, signals)
    weights = ne_nnls.weigh(gram, products, squares)
    assert weights.min() >= 0.0
    pull = np.einsum("nij,nj->ni", gram, weights) - products
    assert pull.min() > -1e-6


def test_lle_weights_sum_to_1_and_are_the_nearest_that_do() -> None:
    atoms, signals = problems(20, 24)
    weights = ne_lle.weigh(*by_products(atoms, signals))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-9)
    # by elimination: the first weight is what the others leave of 1
    others = np.vstack([-np.ones(23), np.eye(23)])
    for a, signal, found in zip(atoms, signals, weights, strict=True):
        apart = a - signal[:, None]
        ridge = 1e-4 * np.square(apart).sum()
        system = np.vstack([apart, ridge**0.5 * np.eye(24)])
        rest = np.linalg.lstsq(system @ others, -system[:, 0], rcond=None)[0]
        np.testing.assert_allclose(found, np.eye(24)[0] + others @ rest, atol=1e-8)
    # two neighbours at 0 and 1, the signal at 1/4: by hand 3/4 and 1/4 but for the ridge
    line = np.array([[[0.0, 1.0]]])
    found = ne_lle.weigh(*by_products(line, np.array([[0.25]])))
    np.testing.assert_allclose(found, [[0.75, 0.25]], atol=1e-3)


def test_a_signal_without_content_has_weights_too() -> None:
    nothing = (np.zeros((1, 24, 24)), np.zeros((1, 24)), np.zeros(1))
    np.testing.assert_allclose(ne_lle.weigh(*nothing), 1 / 24)
    np.testing.assert_allclose(ne_ls.weigh(*nothing), 0.0)
    np.testing.assert_allclose(ne_nnls.weigh(*nothing), 0.0)


def test_least_squares_weights() -> None:
    atoms, signals = problems(20, 12)
    weights = ne_ls.weigh(*by_products(atoms, signals))
    for a, signal, found in zip(atoms, signals, weights, strict=True):
        np.testing.assert_allclose(found, np.linalg.lstsq(a, signal, rcond=None)[0], atol=1e-6)


@pytest.fixture(scope="module")
def dictionaries() -> zeyde.Dictionaries:
    return zeyde.fit([shapes(s) for s in range(6)], scale=3, size=64, rounds=4)


def test_the_global_regression_is_a_ridge_over_all_atoms(dictionaries: zeyde.Dictionaries) -> None:
    low, high = dictionaries.low.astype(np.float64), dictionaries.high.astype(np.float64)
    # in the K dimensions of the published formula, which is solved in d here
    published = 1.01 * high @ np.linalg.inv(low.T @ low + 0.01 * np.eye(64)) @ low.T
    codes = np.random.default_rng(0).normal(size=(9, len(low))).astype(np.float32)
    found = anchored.regress(gr.anchors(dictionaries), codes)
    np.testing.assert_allclose(found, codes @ published.T, atol=1e-4)
    assert [gr.ridge_of(n) for n in (64, 1024, 2048, 8192)] == [0.01, 0.1, 1.0, 5.0]


@pytest.mark.parametrize("method", [gr, ne_lle, ne_nnls, ne_ls])
def test_each_beats_bicubic(method: object, dictionaries: zeyde.Dictionaries) -> None:
    assert gain(method.upscaler(dictionaries)) > 0.3  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "published"),
    [("gr", 29.34), ("ne-lle", 29.61), ("ne-nnls", 29.47), ("ne-ls", 29.55), ("anr", 29.69)],
)
def test_published_figures_with_our_dictionaries(name: str, published: float, shared: Path) -> None:
    assert float_psnr(load(name), shared) == pytest.approx(published, abs=0.06)


def test_they_share_a_file_and_are_told_apart() -> None:
    assert {weights_file(m.name) for m in DERIVED} == {weights_file("zeyde")}
    names = [m.name for m in DERIVED]
    assert len({identity(name) for name in (*names, "zeyde")}) == len(names) + 1
    lr = np.random.default_rng(0).random((12, 9, 3), dtype=np.float32)
    results = [load(name)(lr) for name in (*names, "zeyde")]
    for i, one in enumerate(results):
        assert one.shape == (48, 36, 3)
        assert all(np.abs(one - other).max() > 1e-4 for other in results[:i])
