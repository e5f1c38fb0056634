"""What a model can bear, on networks of which it is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.tiny import tiny
from srgan.errors import UsageError
from srgan.export.check import activation_ranges, check, compare, record, tile_margin
from srgan.image.resize import imresize
from srgan.inference.graph import reach
from srgan.inference.network import Network
from srgan.inference.open import choose_precision, graph_of, load
from srgan.weights.format import Header, load_weights, read_header, save_weights


def photo(seed: int, side: int = 96) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (side // 6, side // 6, 3))
    return imresize(coarse.astype(np.uint8), size=(side, side))


def faithful() -> tuple[dict[str, np.ndarray], object]:
    """A network that adds little to the bilinear enlargement, as a trained one does."""
    tensors, header = tiny()
    tensors = {**tensors, "tail.weight": 0.05 * tensors["tail.weight"], "tail.bias": np.zeros(3)}
    return {k: np.asarray(v, np.float32) for k, v in tensors.items()}, header


def test_a_check_is_kept_in_the_file_and_used(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    tensors, header = faithful()
    save_weights(path, tensors, header)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="found good enough"):
        load(path, precision="int8")
    found = check(path, photos=[photo(0), photo(1)], references=[photo(2)])
    record(path, found)
    card = read_header(path).card
    assert card["tile_margin"] == found.tile_margin == load(path).margin  # type: ignore[attr-defined]
    assert 4 <= found.tile_margin <= reach(read_header(path))
    assert card["precisions"] == found.precisions
    assert "int8" in found.precisions
    assert 42 < found.precision_figures["int8"].likeness_db < 90
    small = load(path, precision="int8")
    image = photo(3).astype(np.float32) / 255
    difference = np.abs(small(image) - load(path, precision="fp32")(image)).max()
    assert 0 < difference < 0.02
    np.testing.assert_array_equal(load_weights(path)[0]["tail.weight"], tensors["tail.weight"])


def test_int8_with_clipped_ranges_is_refused(tmp_path: Path) -> None:
    tensors, header = faithful()
    crops = [photo(0).astype(np.float32) / 255]
    ranges = activation_ranges(tensors, header, crops)  # type: ignore[arg-type]
    assert ranges["head"][0] >= 0.0
    assert ranges["head"][1] <= 1.0
    clipped = {name: (0.1 * low, 0.1 * high) for name, (low, high) in ranges.items()}

    def network(precision: str, of: dict[str, tuple[float, float]]) -> Network:
        ranged = replace(header, card={"activation_ranges": of})  # type: ignore[type-var]
        return Network(
            lambda asked: graph_of(tensors, ranged, asked),  # type: ignore[arg-type]
            scale=4,
            device="cpu",
            precision=precision,  # type: ignore[arg-type]
            threads=1,
        )

    exact = network("fp32", {})
    good = compare(network("int8", ranges), exact, crops, [photo(1)])
    bad = compare(network("int8", clipped), exact, crops, [photo(1)])
    assert good.likeness_db > bad.likeness_db + 6
    assert good.changed < bad.changed
    same = compare(exact, exact, crops, [photo(1)])
    assert (same.changed, same.cost_db) == (0.0, 0.0)


def test_the_margin_is_that_of_the_reach() -> None:
    class Far:
        """Each pixel is the one nine to the right, or 0."""

        scale = 1

        def __call__(self, image: np.ndarray) -> np.ndarray:
            return np.pad(image, ((0, 0), (0, 9), (0, 0)))[:, 9:]

    crops = [photo(0).astype(np.float32) / 255]
    assert tile_margin(Far(), crops, at_most=40) == 12  # type: ignore[arg-type]
    assert tile_margin(Far(), crops, at_most=8) == 8  # type: ignore[arg-type]


def test_int8_needs_a_check() -> None:
    _, header = tiny()
    with pytest.raises(UsageError):
        choose_precision("int8", header, "cpu")


def test_a_check_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="photos"):
        check(tmp_path / "own.safetensors", photos=[], references=[])
    with pytest.raises(UsageError, match="64x64"):
        check(tmp_path / "a", photos=[np.zeros((9, 9, 3), np.uint8)], references=[photo(0)])


def test_a_luma_network_is_checked_without_int8(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    shapes = {
        "patches": (64, 1, 5, 5),
        "mapping": (32, 64, 3, 3),
        "cells": (16, 32, 3, 3),
    }
    tensors = {f"{n}.weight": 0.01 * draw.standard_normal(s) for n, s in shapes.items()}
    tensors |= {f"{n}.bias": np.zeros(s[0]) for n, s in shapes.items()}
    path = tmp_path / "own.safetensors"
    header = Header("espcn", {"scale": 4, "channels": 64, "residual": True}, 4)
    save_weights(path, {k: v.astype(np.float32) for k, v in tensors.items()}, header)
    found = check(path, photos=[photo(0)], references=[photo(2)])
    assert "int8" not in found.precisions
    assert found.activation_ranges == {}
    assert 4 <= found.tile_margin <= reach(header)
