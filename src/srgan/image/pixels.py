"""From a decoder's pixels to (H, W, C) arrays: colour, opacity, depth, orientation."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan.errors import ImageRefused, UsageError
from srgan.image.picture import Frame
from srgan.image.profiles import to_srgb, usable

_GRAY_MODES = ("1", "L", "LA", "La")
_DEEP_GRAY = ("I;16", "I;16L", "I;16B", "I;16N")


def check_rgb(image: NDArray[np.float32]) -> None:
    """Refuse what an upscaler that is called directly does not take.

    Raises:
        UsageError: anything but an array (H, W, 3) of float32 that has pixels.
    """
    if not isinstance(image, np.ndarray):
        given = type(image).__name__
    elif image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape or image.dtype != np.float32:
        given = f"{image.shape} {image.dtype}"
    else:
        return
    raise UsageError(
        f"the picture must be (H, W, 3) float32 in [0, 1], not {given}; "
        "srgan.upscale(picture, upscaler) takes other kinds"
    )


def still(image: Image.Image, icc: bytes | None) -> tuple[Frame, str | None]:
    """The pixels of a loaded Pillow picture.

    Returns:
        the frame, not yet turned upright, and a notice if its colours were converted.

    Raises:
        ImageRefused: samples of a kind that is not read, such as 32-bit floats.
    """
    mode = image.mode
    if mode in _DEEP_GRAY:
        deep = np.asarray(image).astype(np.uint16)[..., None]
        return Frame(deep, _keyed(deep, image.info.get("transparency"))), None
    if mode in ("I", "F"):
        kind = "floating-point" if mode == "F" else "signed or 32-bit"
        raise ImageRefused(f"its {kind} samples are not read; convert it to 8 or 16 bits first")
    if mode in ("CMYK", "LAB"):
        through = "through its profile" if usable(icc, mode) else "(it has no usable profile)"
        notice = f"{mode} colours converted to sRGB {through}"
        return Frame(np.asarray(to_srgb(image, icc)), None), notice
    if image.has_transparency_data:
        layered = image.convert("LA" if mode in _GRAY_MODES else "RGBA")
        pixels = np.asarray(layered)
        frame = Frame(np.ascontiguousarray(pixels[..., :-1]), pixels[..., -1].copy())
    else:
        pixels = np.asarray(image.convert("L" if mode in _GRAY_MODES else "RGB"))
        frame = Frame(pixels[..., None] if pixels.ndim == 2 else pixels)
    return (_without_colour(frame) if mode in ("P", "PA") else frame), None


def parted(
    samples: NDArray[Any],
    colours: int,
    *,
    key: tuple[int, ...] | None = None,
    premultiplied: bool = False,
) -> Frame:
    """Samples (H, W, C) of 8 or 16 bits as a frame.

    Args:
        samples: C is ``colours``, or more with the opacity as the next channel.
        colours: 1 or 3.
        key: the 16-bit colour that is transparent, as PNG's tRNS gives it.
        premultiplied: whether the opacity has been multiplied into the colours.
    """
    colour = np.ascontiguousarray(samples[..., :colours])
    if samples.shape[2] == colours:
        return Frame(colour, _keyed(colour, key))
    alpha = np.ascontiguousarray(samples[..., colours])
    if premultiplied:
        most = np.iinfo(samples.dtype).max
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.rint(colour * (most / alpha[..., None].astype(np.float64)))
        colour = np.where(alpha[..., None] > 0, ratio, 0).clip(0, most).astype(samples.dtype)
    return Frame(colour, alpha)


def widened(samples: NDArray[Any], bits: int) -> NDArray[np.uint16]:
    """Samples of 9 to 16 bits spread over all of 16: the largest becomes 65535."""
    if bits == 16:
        return samples.astype(np.uint16)
    most = (1 << bits) - 1
    return ((samples.astype(np.uint32) * 65535 + most // 2) // most).astype(np.uint16)


def turned(frame: Frame, orientation: int) -> Frame:
    """A frame turned upright from an EXIF orientation of 1 to 8."""
    if orientation == 1:
        return frame
    alpha = frame.alpha
    return replace(
        frame,
        colour=_turn(frame.colour, orientation),
        alpha=None if alpha is None else _turn(alpha, orientation),
    )


def alike(frames: list[Frame]) -> tuple[Frame, ...]:
    """Frames of one animation with the same channels: colour and opacity where any has them."""
    colours = max(f.colour.shape[2] for f in frames)
    opaque = all(f.alpha is None for f in frames)
    deepest = max((f.colour.dtype for f in frames), key=lambda d: d.itemsize)
    made = []
    for frame in frames:
        colour, alpha = frame.colour, frame.alpha
        if alpha is None and not opaque:
            alpha = np.full(colour.shape[:2], np.iinfo(colour.dtype).max, colour.dtype)
        if colour.shape[2] != colours:
            colour = np.repeat(colour, colours, axis=2)
        made.append(
            replace(
                frame,
                colour=_as_depth(colour, deepest),
                alpha=None if alpha is None else _as_depth(alpha, deepest),
            )
        )
    return tuple(made)


def to_8_bits(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """16-bit samples rounded to 8 bits (65535 is 255); 8-bit ones as they are."""
    if samples.dtype == np.uint8:
        return samples
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _as_depth(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return samples if samples.dtype == dtype else samples.astype(np.uint16) * np.uint16(257)


def _keyed(colour: NDArray[np.uint16], key: Any) -> NDArray[np.uint16] | None:
    if key is None:
        return None
    hidden = (colour == np.asarray(key, np.uint16).reshape(-1)).all(axis=2)
    return np.where(hidden, 0, 65535).astype(np.uint16)


def _without_colour(frame: Frame) -> Frame:
    # A palette of grays is how several programs write a gray picture.
    c = frame.colour
    if c.shape[2] == 1 or (c[..., :1] != c).any():
        return frame
    return replace(frame, colour=np.ascontiguousarray(c[..., :1]))


def _turn(a: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation >= 5:  # 5 to 8 exchange rows and columns first
        a = a.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        a = a[:, ::-1]
    if orientation in (3, 4, 7, 8):
        a = a[::-1]
    return np.ascontiguousarray(a)
