"""Enlarge arrays and pictures to any size, whole or in strips of rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.classical.interpolation import Interpolation
from srgan.errors import Cancelled, RuntimeFailed, UsageError
from srgan.image.picture import Frame, Picture
from srgan.inference.alpha import bleed
from srgan.inference.consistency import project
from srgan.inference.resample import resample_strips
from srgan.inference.tiles import Pixels, Tiled, as_float, from_float
from srgan.inference.upscaler import Image, Upscaler

Progress = Callable[[float], None]
Asked = Callable[[], bool]

LARGEST_FACTOR = 16
_STRIP_ROWS = 256


def target_size(
    height: int,
    width: int,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    long_edge: int | None = None,
) -> tuple[int, int]:
    """The size of an enlarged picture.

    Args:
        height, width: of the input in pixels.
        scale: factor of both sides; the result is rounded up, as ``imresize`` does.
        size: (height, width) of the result.
        long_edge: pixels of the result's longer side; the other keeps the proportions.

    Returns:
        (height, width) in pixels.

    Raises:
        UsageError: not exactly one of the three, or a factor outside (1, 16].
    """
    if sum(x is not None for x in (scale, size, long_edge)) != 1:
        raise UsageError("give exactly one of scale, size and long edge")
    if scale is not None:
        if not 1 < scale <= LARGEST_FACTOR:
            raise UsageError(f"the scale must be above 1 and at most 16, not {scale:g}")
        # 3.3 * 10 is a hair above 33 in floating point.
        return ceil(round(scale * height, 6)), ceil(round(scale * width, 6))
    if long_edge is not None:
        if long_edge > LARGEST_FACTOR * max(height, width):
            raise UsageError(
                f"a longer side of {long_edge} is more than 16 times {width}x{height}; ask for less"
            )
        factor = long_edge / max(height, width)
        target = (max(1, round(height * factor)), max(1, round(width * factor)))
    else:
        assert size is not None
        target = size
    if target[0] < height or target[1] < width or target == (height, width):
        raise UsageError(
            f"a size of {target[1]}x{target[0]} does not enlarge {width}x{height}; ask for more"
        )
    if target[0] > LARGEST_FACTOR * height or target[1] > LARGEST_FACTOR * width:
        raise UsageError(
            f"a size of {target[1]}x{target[0]} is more than 16 times {width}x{height}; "
            "ask for less"
        )
    return target


def like_first(
    page: tuple[int, int], first: tuple[int, int], target: tuple[int, int]
) -> tuple[int, int]:
    """The size of a page that is enlarged as the first is: from ``first`` to ``target``.

    All are (height, width) in pixels.
    """
    if page == first:
        return target
    height, width = (max(1, round(p * t / f)) for p, f, t in zip(page, first, target, strict=True))
    return height, width


def upscale_array(
    image: Pixels,
    upscaler: Upscaler,
    *,
    size: tuple[int, int],
    progress: Progress | None = None,
    cancelled: Asked | None = None,
) -> Pixels:
    """Enlarge an array to any size.

    Args:
        image: (H, W, 3) RGB or (H, W, 1) gray; uint8, uint16 or float32 in [0, 1].
        upscaler: as :func:`srgan.inference.open.load` gives it.
        size: (height, width) of the result.
        progress: told the fraction done, 0 to 1.
        cancelled: asked before each tile.

    Returns:
        (height, width, C) of the input's type; floats are clipped to [0, 1].

    Raises:
        UsageError: an array of another shape or type.
        Cancelled: ``cancelled`` said so.
        RuntimeFailed: the network could not be run.
    """
    strips = upscale_strips(image, upscaler, size=size, progress=progress, cancelled=cancelled)
    out = np.empty((*size, image.shape[2]), image.dtype)
    row = 0
    for strip in strips:
        out[row : row + strip.shape[0]] = strip
        row += strip.shape[0]
    return out


@dataclass(frozen=True, slots=True)
class AtScale:
    """An upscaler at another factor than its own, as :func:`upscale_array` takes it there.

    What it gives is clipped to [0, 1].
    """

    upscaler: Upscaler
    scale: int

    def __call__(self, image: Image) -> Image:
        """(H, W, 3) RGB in [0, 1] → (H * scale, W * scale, 3)."""
        height, width = _size(image)
        size = (self.scale * height, self.scale * width)
        return np.asarray(upscale_array(image, self.upscaler, size=size), np.float32)


def upscale_strips(
    image: Pixels,
    upscaler: Upscaler,
    *,
    size: tuple[int, int],
    progress: Progress | None = None,
    cancelled: Asked | None = None,
) -> Iterator[Pixels]:
    """Enlarge an array in strips of rows; as :func:`upscale_array`, in bounded memory.

    The upscaler is applied as often as the size needs, then the exact resampler brings its
    result to the size. A filter goes there directly.

    Yields:
        (h, width, C) arrays of the input's type, from top to bottom.
    """
    _check(image)
    tell = progress or (lambda fraction: None)
    asked = cancelled or (lambda: False)
    if isinstance(upscaler, Interpolation):
        rows = (image[i : i + _STRIP_ROWS] for i in range(0, image.shape[0], _STRIP_ROWS))
        strips = resample_strips(rows, source=_size(image), size=size, kernel=upscaler.kernel)
        return _finish(strips, size, image.dtype, tell, asked)
    return _enlarge(image, upscaler, size, tell, asked)


def _enlarge(
    image: Pixels, upscaler: Upscaler, size: tuple[int, int], tell: Progress, asked: Asked
) -> Iterator[Pixels]:
    passes = _passes(image, upscaler.scale, size)
    work = [float(upscaler.scale ** (2 * i)) for i in range(passes)]
    source = image
    for i in range(passes):
        before, share = sum(work[:i]) / sum(work), work[i] / sum(work)

        def step(fraction: float, before: float = before, share: float = share) -> None:
            tell(before + share * fraction)

        height, width = (n * upscaler.scale for n in _size(source))
        last = i + 1 == passes
        exact = last and (height, width) == size
        # Between two passes 16 bits hold more than any picture has, in half the memory.
        between = np.dtype(np.float32 if last else np.uint16)
        dtype = image.dtype if exact else between
        strips = _run(source, upscaler, dtype, step, asked)
        if last:
            if not exact:
                strips = resample_strips(strips, source=(height, width), size=size)
            yield from _finish(strips, size, image.dtype, lambda fraction: None, asked)
        else:
            source = np.concatenate(list(strips))


def _passes(image: Pixels, scale: int, size: tuple[int, int]) -> int:
    factor = max(size[0] / image.shape[0], size[1] / image.shape[1])
    passes = 1
    while scale**passes < factor - 1e-9 and scale > 1:
        passes += 1
    return passes


def _run(
    image: Pixels, upscaler: Upscaler, dtype: np.dtype[Any], tell: Progress, asked: Asked
) -> Iterator[Pixels]:
    if isinstance(upscaler, Tiled):
        yield from upscaler.strips(image, dtype=dtype, progress=tell, cancelled=asked)
        return
    if asked():
        raise Cancelled("cancelled")
    enlarged = np.asarray(upscaler(as_float(image)))
    expected = (image.shape[0] * upscaler.scale, image.shape[1] * upscaler.scale, 3)
    if enlarged.shape != expected:
        raise RuntimeFailed(
            f"the upscaler {type(upscaler).__name__} gave {enlarged.shape} for {image.shape} at a "
            f"scale of {upscaler.scale}; it should give {expected}"
        )
    tell(1.0)
    yield from_float(enlarged, dtype, channels=image.shape[2])


def _finish(
    strips: Iterator[Pixels],
    size: tuple[int, int],
    dtype: np.dtype[Any],
    tell: Progress,
    asked: Asked,
) -> Iterator[Pixels]:
    row = 0
    for strip in strips:
        if asked():
            raise Cancelled("cancelled")
        row += strip.shape[0]
        if strip.dtype != dtype:
            strip = from_float(strip, dtype, channels=strip.shape[2])
        yield np.clip(strip, 0.0, 1.0) if dtype == np.float32 else strip
        tell(row / size[0])


def frame_strips(
    frame: Frame,
    upscaler: Upscaler,
    *,
    size: tuple[int, int],
    progress: Progress | None = None,
    cancelled: Asked | None = None,
) -> Iterator[Pixels]:
    """Enlarge a frame in strips of rows that hold its colour and, last, its alpha.

    Alpha is enlarged by the exact bicubic filter. Colour under full transparency, which is often
    black, is replaced by the colour around it first, so that it cannot darken the edges.

    Yields:
        (h, width, C) or, with alpha, (h, width, C + 1), of the frame's type.
    """
    if frame.alpha is None:
        return upscale_strips(
            frame.colour, upscaler, size=size, progress=progress, cancelled=cancelled
        )
    colour = bleed(frame.colour, frame.alpha)
    strips = upscale_strips(colour, upscaler, size=size, progress=progress, cancelled=cancelled)
    alpha = upscale_strips(frame.alpha[..., None], Interpolation("bicubic"), size=size)
    return _joined(strips, alpha)


def _joined(colour: Iterator[Pixels], alpha: Iterator[Pixels]) -> Iterator[Pixels]:
    spare: list[Pixels] = []
    for strip in colour:
        while sum(len(part) for part in spare) < len(strip):
            spare.append(next(alpha))
        rows = np.concatenate(spare)
        yield np.concatenate([strip, rows[: len(strip)]], axis=2)
        spare = [rows[len(strip) :]]


def upscale_picture(
    picture: Picture,
    upscaler: Upscaler,
    *,
    size: tuple[int, int],
    progress: Progress | None = None,
    cancelled: Asked | None = None,
    consistent: bool = False,
) -> Picture:
    """Enlarge every frame of a picture; gray stays gray, 8 and 16 bits stay what they are.

    Args:
        picture: as :func:`srgan.image.files.read_picture` gives it.
        upscaler: as :func:`srgan.inference.open.load` gives it.
        size: (height, width) of the result's first frame; pages of another size are enlarged by
            the same factors.
        progress: told the fraction done, 0 to 1, over all frames.
        cancelled: asked before each tile.
        consistent: make the result, shrunk again, agree with the input.

    Raises:
        Cancelled: ``cancelled`` said so.
        RuntimeFailed: the network could not be run.
    """
    frames = []
    for i, frame in enumerate(picture.frames):

        def step(fraction: float, i: int = i) -> None:
            if progress is not None:
                progress((i + fraction) / len(picture.frames))

        channels = frame.colour.shape[2]
        has_alpha = frame.alpha is not None
        target = like_first(frame.size, picture.frames[0].size, size)
        whole = np.empty((*target, channels + has_alpha), frame.colour.dtype)
        row = 0
        for strip in frame_strips(frame, upscaler, size=target, progress=step, cancelled=cancelled):
            whole[row : row + len(strip)] = strip
            row += len(strip)
        colour = np.ascontiguousarray(whole[..., :channels])
        if consistent:
            colour = project(colour, frame.colour, alpha=frame.alpha)
        alpha = np.ascontiguousarray(whole[..., channels]) if has_alpha else None
        frames.append(replace(frame, colour=colour, alpha=alpha))
    return replace(picture, frames=tuple(frames))


def _size(image: NDArray[Any]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _check(image: Pixels) -> None:
    if image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        raise UsageError(f"an image is (H, W, 3) or (H, W, 1), not of shape {image.shape}")
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        raise UsageError(f"an image is uint8, uint16 or float32, not {image.dtype}")
