"""``imresize`` for pictures that come in strips: the same values, a few rows in memory."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import UsageError
from srgan.image.resize import KernelName, Taps, apply_columns, apply_rows, taps

Strip = NDArray[Any]

_STRIP_SAMPLES = 4_000_000


def resample_strips(
    strips: Iterable[Strip],
    *,
    source: tuple[int, int],
    size: tuple[int, int],
    kernel: KernelName = "bicubic",
) -> Iterator[Strip]:
    """Resample a picture that comes in strips of rows, as ``imresize(picture, size=size)`` does.

    Args:
        strips: (h, W, C) arrays of one dtype, from top to bottom.
        source: (height, width) of the whole picture.
        size: (height, width) of the result.
        kernel: interpolation kernel; it is stretched when shrinking, unless it is ``nearest``.

    Yields:
        (h, W', C) arrays, in the input's dtype; together they equal the whole's resampling.

    Raises:
        UsageError: the strips together are not of the source's height.
    """
    scale_y, scale_x = size[0] / source[0], size[1] / source[1]
    antialias = kernel != "nearest"
    rows = taps(source[0], size[0], scale=scale_y, kernel=kernel, antialias=antialias)
    columns = taps(source[1], size[1], scale=scale_x, kernel=kernel, antialias=antialias)
    rows_first = scale_y <= scale_x

    held: list[Strip] = []
    top, bottom, done = 0, 0, 0  # rows held: [top, bottom); rows given: done
    # The rows that an output row and all before it need; monotonic, as the grid is.
    needs = np.maximum.accumulate(rows.indices.max(axis=1)) + 1
    keeps = np.minimum.accumulate(rows.indices.min(axis=1)[::-1])[::-1]
    for strip in strips:
        held.append(strip if rows_first else apply_columns(strip, columns, strip.dtype))
        bottom += strip.shape[0]
        ready = int(np.searchsorted(needs, bottom, side="right"))
        if ready == done:
            continue
        block = np.concatenate(held) if len(held) > 1 else held[0]
        step = max(1, _STRIP_SAMPLES // (max(size[1], source[1]) * block.shape[2]))
        for first in range(done, ready, step):
            last = min(ready, first + step)
            part = Taps(rows.indices[first:last] - top, rows.weights[first:last])
            low, high = int(part.indices.min()), int(part.indices.max()) + 1
            part = Taps(part.indices - low, part.weights)
            out = apply_rows(block[low:high], part, block.dtype)
            yield apply_columns(out, columns, block.dtype) if rows_first else out
        done = ready
        if done < size[0]:
            drop = min(len(block), max(0, int(keeps[done]) - top))
            held, top = [block[drop:].copy()], top + drop
        else:
            held, top = [], bottom
    if bottom != source[0]:
        raise UsageError(f"the strips hold {bottom} rows where the picture has {source[0]}")
