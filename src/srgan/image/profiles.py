"""Colour profiles: which are kept, and conversion to sRGB where the pixels must change."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SPACES = {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK", "LAB": b"Lab "}


def usable(icc: bytes | None, mode: str) -> bool:
    """Whether a profile is whole and belongs to pixels of a mode (RGB, L, CMYK or LAB)."""
    if not icc or len(icc) < 132 or icc[36:40] != b"acsp" or icc[16:20] != _SPACES[mode]:
        return False
    return int.from_bytes(icc[:4], "big") <= len(icc) + 3 and _opened(icc) is not None


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """A CMYK, LAB, gray or RGB Pillow picture as sRGB, through its profile.

    Without a usable profile CMYK is converted by the plain formula and LAB as CIE L*a*b* of D50.

    Returns:
        a picture of mode RGB, or L where it was L.
    """
    from PIL import ImageCms

    target = "L" if image.mode == "L" else "RGB"
    source: Any = _opened(icc) if icc and usable(icc, image.mode) else None
    if source is None:
        if image.mode != "LAB":
            return image.convert(target)
        source = ImageCms.createProfile("LAB")
    if target == "L":
        # Little CMS has no gray sRGB: through RGB, whose three channels are then equal.
        rgb = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB")
        return image if rgb is None else rgb.getchannel(1)
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    try:
        out = ImageCms.profileToProfile(
            image,
            source,
            _srgb(),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode=target,
            flags=flags,
        )
    except ImageCms.PyCMSError:
        return image.convert(target)
    return image if out is None else out


def is_srgb(icc: bytes) -> bool:
    """Whether a profile moves no colour by more than two levels from sRGB."""
    steps = np.array([0, 32, 64, 128, 192, 255], np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    if icc[16:20] == b"GRAY":
        cube = np.ascontiguousarray(cube[..., :1])
    moved = rows_to_srgb(cube, icc).astype(np.int16) - cube
    return bool(np.abs(moved).max() <= 2)


def rows_to_srgb(rows: NDArray[np.uint8], icc: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) or (H, W, 1) rows from a profile's colours to sRGB."""
    plain = rows[..., 0] if rows.shape[2] == 1 else rows
    return np.asarray(to_srgb(Image.fromarray(plain), icc)).reshape(rows.shape)


def _opened(icc: bytes) -> Any:
    from PIL import ImageCms

    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (OSError, ImageCms.PyCMSError, ValueError):
        return None


def _srgb() -> Any:
    from PIL import ImageCms

    return ImageCms.createProfile("sRGB")
