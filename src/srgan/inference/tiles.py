"""Large pictures in tiles: memory bounded by the tile, no seams."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import Cancelled, RuntimeFailed, UsageError
from srgan.image.pixels import check_rgb
from srgan.inference.upscaler import Image, Upscaler, part_of

Pixels = NDArray[Any]
"""uint8, uint16 or float32 in [0, 1]; (H, W, 3), or (H, W, 1) for gray."""

SMALLEST_TILE = 16
_STRIP_BYTES = 192_000_000
_CACHE_VALUES = 1 << 16
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one dimension: it reads [start, stop) and answers for [first, last)."""

    start: int
    stop: int
    first: int
    last: int


def spans(length: int, count: int, margin: int) -> list[Span]:
    """Divide ``length`` pixels among ``count`` tiles that read equally many and overlap enough.

    Every pixel that a tile answers for is at least ``margin`` from the ends of what it reads,
    but for the picture's own edges.
    """
    reads = min(length, ceil((length + 2 * margin * (count - 1)) / count))
    found: list[Span] = []
    first = 0
    for i in range(count):
        start = max(0, min(i * (reads - 2 * margin), length - reads))
        stop = start + reads
        last = length if stop >= length else stop - margin
        if last > first:
            found.append(Span(start, stop, first, last))
            first = last
    return found


def divide(
    height: int, width: int, *, tile: int, margin: int, row_bytes: int = 1
) -> tuple[list[Span], list[Span]]:
    """Rows and columns of tiles for a picture: the division that reads the fewest pixels.

    Args:
        tile: side in pixels; no tile answers for a larger area than its square.
        margin: pixels read beyond what a tile answers for.
        row_bytes: bytes of the output for one row of the input, which bound a row of tiles.
    """
    area = (tile + 2 * margin) ** 2
    best: tuple[int, int, int] | None = None
    for rows in range(1, min(height, ceil(height / tile) + 2) + 1):
        reads_y = min(height, ceil((height + 2 * margin * (rows - 1)) / rows))
        if reads_y * row_bytes > _STRIP_BYTES and reads_y > tile + 2 * margin:
            continue
        columns = max(1, ceil((width - 2 * margin) / max(1, area // reads_y - 2 * margin)))
        reads_x = min(width, ceil((width + 2 * margin * (columns - 1)) / columns))
        if columns > width or reads_y * reads_x > area:
            continue
        cost = rows * columns * reads_y * reads_x
        if best is None or cost < best[0]:
            best = (cost, rows, columns)
    if best is None:
        best = (0, ceil(height / tile), ceil(width / tile))
    return spans(height, best[1], margin), spans(width, best[2], margin)


@dataclass(frozen=True, slots=True)
class Tiled:
    """An upscaler that works tile by tile.

    Args:
        upscaler: what enlarges a tile; called from ``workers`` threads at once. A network takes
            one after the other with all cores: fewer and larger tiles overlap less.
        tile: side of a tile in input pixels, its margin not counted.
        margin: input pixels that a tile reads beyond its sides.
        workers: tiles under way at once. With two, one is prepared and put in its place while
            the network has the other.
    """

    upscaler: Upscaler
    tile: int
    margin: int
    workers: int = 2

    @property
    def scale(self) -> int:
        return self.upscaler.scale

    def __call__(self, image: Image) -> Image:
        """(H, W, 3) float32 in [0, 1] → (H * scale, W * scale, 3), not clipped.

        Raises:
            UsageError: it is no array of this shape and type, or has no pixels.
        """
        check_rgb(image)
        return np.concatenate(list(self.strips(image, dtype=np.dtype(np.float32))))

    def strips(
        self,
        image: Pixels,
        *,
        dtype: np.dtype[Any],
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Pixels]:
        """Enlarge a picture in strips of rows, from top to bottom.

        Args:
            image: (H, W, 3) or (H, W, 1); uint8, uint16 or float32 in [0, 1].
            dtype: of the strips; integers are rounded and clipped, floats are neither.
            progress: told the fraction done after each tile.
            cancelled: asked before each tile.

        Yields:
            (h, W * scale, C) arrays, together (H * scale, W * scale, C).

        Raises:
            Cancelled: ``cancelled`` said so.
            RuntimeFailed: the network failed, or there is too little memory for any tile.
        """
        height, width, channels = image.shape
        rows, columns = divide(
            height,
            width,
            tile=self.tile,
            margin=self.margin,
            row_bytes=width * self.scale**2 * channels * dtype.itemsize,
        )
        total, done = len(rows) * len(columns), 0
        stop = threading.Event()

        def enlarge(y: Span, x: Span) -> Pixels:
            if stop.is_set() or (cancelled is not None and cancelled()):
                stop.set()
                raise Cancelled("cancelled")
            return self._tile(image, y, x, dtype)

        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="tile")
        try:
            waiting: deque[Future[Pixels]] = deque()
            order = iter([(y, x) for y in rows for x in columns])
            for y, x in islice(order, self.workers + 1):
                waiting.append(pool.submit(enlarge, y, x))
            for y in rows:
                strip = np.empty(
                    ((y.last - y.first) * self.scale, width * self.scale, channels), dtype
                )
                for x in columns:
                    part = waiting.popleft().result()
                    for following in islice(order, 1):
                        waiting.append(pool.submit(enlarge, *following))
                    strip[:, x.first * self.scale : x.last * self.scale] = part
                    done += 1
                    if progress is not None:
                        progress(done / total)
                yield strip
        except MemoryError as error:
            raise RuntimeFailed(
                "out of memory for the enlarged picture; close other programs, or ask for less"
            ) from error
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _tile(self, image: Pixels, y: Span, x: Span, dtype: np.dtype[Any]) -> Pixels:
        """One tile's pixels; without memory for it, those of its halves."""
        try:
            window = as_float(image[y.start : y.stop, x.start : x.stop])
            rows, columns = (slice(s.first - s.start, s.last - s.start) for s in (y, x))
            enlarged = part_of(self.upscaler, window, rows, columns)
            return from_float(enlarged, dtype, channels=image.shape[2])
        except MemoryError as error:
            tall, wide = y.last - y.first, x.last - x.first
            if max(tall, wide) <= SMALLEST_TILE:
                raise RuntimeFailed(
                    f"out of memory even with a tile of {SMALLEST_TILE}; close other programs, "
                    "or use fewer threads"
                ) from error
        if tall >= wide:
            parts = self._halves(y, image.shape[0])
            return np.concatenate([self._tile(image, part, x, dtype) for part in parts])
        parts = self._halves(x, image.shape[1])
        tiles = [self._tile(image, y, part, dtype) for part in parts]
        return np.concatenate(tiles, axis=1)

    def _halves(self, span: Span, length: int) -> tuple[Span, Span]:
        middle = (span.first + span.last) // 2
        return (
            Span(span.start, min(length, middle + self.margin), span.first, middle),
            Span(max(0, middle - self.margin), span.stop, middle, span.last),
        )


def tiled(upscaler: Upscaler, *, size: int, margin: int, workers: int = 2) -> Tiled:
    """An upscaler that works in tiles of ``size`` input pixels; see :class:`Tiled`.

    Raises:
        UsageError: a size below 1 or a margin below 0.
    """
    if size < 1 or margin < 0 or workers < 1:
        raise UsageError(f"a tile must be at least 1 pixel, not {size}; margins at least 0")
    return Tiled(upscaler, size, margin, workers)


def as_float(pixels: Pixels) -> Image:
    """(H, W, 3) or (H, W, 1) of any kind → (H, W, 3) float32 in [0, 1]."""
    values = pixels.astype(np.float32)
    if pixels.dtype != np.float32:
        values *= np.float32(1.0 / np.iinfo(pixels.dtype).max)
    return values if pixels.shape[2] == 3 else np.repeat(values, 3, axis=2)


def from_float(image: Image, dtype: np.dtype[Any], *, channels: int = 3) -> Pixels:
    """Floats → (H, W, channels); colour becomes gray by its luma, integers are rounded, clipped."""
    if channels == 1 and image.shape[2] == 3:
        image = (image @ _LUMA)[..., None]
    if not np.issubdtype(dtype, np.integer):
        return image.astype(dtype)
    peak = np.float32(np.iinfo(dtype).max)
    out = np.empty(image.shape, dtype)
    # A few rows at a time stay in the cache from one step to the next.
    rows = max(1, _CACHE_VALUES // max(1, image[:1].size))
    for i in range(0, image.shape[0], rows):
        values = image[i : i + rows] * peak
        values += np.float32(0.5)
        np.clip(values, 0.0, peak, out=values)
        out[i : i + rows] = values
    return out
