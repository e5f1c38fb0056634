"""Tiles: no seams, no pixel lost, no more memory than there is."""

import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.tiny import tiny
from srgan.classical.interpolation import Interpolation
from srgan.errors import Cancelled, RuntimeFailed, UsageError
from srgan.inference.graph import reach
from srgan.inference.open import open_network
from srgan.inference.tiles import Tiled, as_float, divide, from_float, spans, tiled
from srgan.inference.upscaler import Image

TENSORS, HEADER = tiny(blocks=1)
EXACT = open_network(TENSORS, HEADER, precision="fp32", threads=1, margin=reach(HEADER))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 3))
def test_tiled_equals_untiled(height: int, width: int, tile: int, workers: int) -> None:
    image = np.random.default_rng(height * 61 + width).random((height, width, 3), dtype=np.float32)
    whole = EXACT.upscaler(image)
    parts = replace(EXACT, tile=tile, workers=workers)(image)
    assert parts.shape == (4 * height, 4 * width, 3)
    np.testing.assert_allclose(parts, whole, atol=1e-4)


@given(st.integers(1, 500), st.integers(1, 20), st.integers(0, 50))
def test_spans_cover_each_pixel_once_with_their_margin(
    length: int, count: int, margin: int
) -> None:
    found = spans(length, min(count, length), margin)
    assert found[0].first == 0
    assert found[-1].last == length
    for before, after in pairwise(found):
        assert before.last == after.first
    for span in found:
        assert span.start == 0 or span.first - span.start >= margin
        assert span.stop == length or span.stop - span.last >= margin
        assert 0 <= span.start <= span.first < span.last <= span.stop <= length


@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(8, 400),
    st.integers(0, 40),
    st.sampled_from((1, 400_000, 4_000_000)),
)
@settings(deadline=None)
def test_no_tile_reads_more_than_was_asked_for(
    height: int, width: int, tile: int, margin: int, row_bytes: int
) -> None:
    rows, columns = divide(height, width, tile=tile, margin=margin, row_bytes=row_bytes)
    tall = max(y.stop - y.start for y in rows)
    assert tall * max(x.stop - x.start for x in columns) <= (tile + 2 * margin) ** 2
    assert tall * row_bytes <= 192_000_000 or tall <= tile + 2 * margin


def test_a_row_of_tiles_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srgan.inference.tiles._STRIP_BYTES", 1500)
    image = np.random.default_rng(0).integers(0, 256, (200, 6, 3)).astype(np.uint8)
    upscaler = tiled(Interpolation("nearest", 2), size=8, margin=1)
    strips = list(upscaler.strips(image, dtype=np.dtype(np.uint16)))  # 144 bytes for each row
    assert max(strip.nbytes for strip in strips) <= 1500
    np.testing.assert_array_equal(
        np.concatenate(strips), image.astype(np.uint16).repeat(2, axis=0).repeat(2, axis=1) * 257
    )


def test_a_picture_is_divided_evenly() -> None:
    rows, columns = divide(500, 500, tile=160, margin=16)
    assert len(rows) * len(columns) == 9
    assert {x.stop - x.start for x in columns} == {columns[0].stop}


class Scarce:
    """Repeats pixels, and has memory for 30x30 of them."""

    scale = 2
    largest = 0

    def __call__(self, image: Image) -> Image:
        if image.shape[0] * image.shape[1] > 900:
            raise MemoryError
        self.largest = max(self.largest, image.shape[0] * image.shape[1])
        return image.repeat(2, axis=0).repeat(2, axis=1)


def test_without_memory_the_tile_is_halved() -> None:
    image = np.random.default_rng(0).random((70, 90, 3), dtype=np.float32)
    scarce = Scarce()
    out = tiled(scarce, size=80, margin=3, workers=2)(image)
    np.testing.assert_array_equal(out, image.repeat(2, axis=0).repeat(2, axis=1))
    assert 225 < scarce.largest <= 900
    with pytest.raises(RuntimeFailed, match="out of memory"):
        tiled(scarce, size=80, margin=30)(image)


def test_cancelling_stops_before_the_next_tile() -> None:
    calls: list[int] = []

    class Counting(Scarce):
        def __call__(self, image: Image) -> Image:
            calls.append(1)
            return super().__call__(image)

    strips = tiled(Counting(), size=10, margin=0).strips(
        np.zeros((10, 100, 3), np.uint8),
        dtype=np.dtype(np.uint8),
        cancelled=lambda: len(calls) >= 3,
    )
    with pytest.raises(Cancelled):
        list(strips)
    assert len(calls) == 3


def test_progress_rises_to_one_and_no_thread_is_left() -> None:
    seen: list[float] = []
    upscaler = Tiled(Interpolation("nearest", 2), 10, 2, 3)
    image = np.arange(31 * 17 * 3, dtype=np.uint16).reshape(31, 17, 3)
    strips = list(upscaler.strips(image, dtype=image.dtype, progress=seen.append))
    np.testing.assert_array_equal(np.concatenate(strips), image.repeat(2, axis=0).repeat(2, axis=1))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert not [t for t in threading.enumerate() if t.name.startswith("tile")]


def test_values_survive_the_way_through_floats() -> None:
    for dtype in (np.uint8, np.uint16):
        image = np.linspace(0, np.iinfo(dtype).max, 300).astype(dtype).reshape(10, 10, 3)
        np.testing.assert_array_equal(from_float(as_float(image), np.dtype(dtype)), image)
    gray = np.arange(100, dtype=np.uint8).reshape(10, 10, 1)
    np.testing.assert_array_equal(from_float(as_float(gray), gray.dtype, channels=1), gray)
    over = np.full((1, 1, 3), 1.7, np.float32)
    assert from_float(over, np.dtype(np.uint8)).max() == 255
    assert from_float(-over, np.dtype(np.uint8)).max() == 0
    between = np.random.default_rng(0).random((40, 40, 3), dtype=np.float32)
    steps = from_float(between, np.dtype(np.uint8)) - 255.0 * between
    assert -0.5001 <= steps.min() < -0.49
    assert 0.49 < steps.max() <= 0.5001


def test_gray_is_the_luma_of_the_three_channels() -> None:
    pure = np.eye(3, dtype=np.float32)[None]
    np.testing.assert_allclose(
        from_float(pure, np.dtype(np.float32), channels=1)[0, :, 0], (0.299, 0.587, 0.114)
    )
    assert from_float(pure, np.dtype(np.uint8), channels=1)[0, :, 0].tolist() == [76, 150, 29]


def test_what_is_no_float_picture_is_refused() -> None:
    upscaler = tiled(Interpolation("nearest", 2), size=8, margin=2)
    for wrong in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4), np.float32)):
        with pytest.raises(UsageError, match="float32"):
            upscaler(wrong)


def test_a_tile_has_a_size() -> None:
    with pytest.raises(UsageError):
        tiled(Scarce(), size=0, margin=2)
