"""What the directory of a TIFF says about its pixels, and what of it is not read."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

_WIDTH, _HEIGHT, _COMPRESSION = 256, 257, 259
_STRIPS, _SAMPLES, _ROWS, _PLANAR = 273, 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES = 322, 323, 324
_WEBP = 50001
_READ = (0, 1, 2, 3, 5, 6, 8)  # gray, RGB, palette, CMYK, YCbCr and Lab
_KINDS = {1: "unsigned", 2: "signed", 3: "floating-point"}


def beyond_pillow(image: Image.Image) -> bool:
    """Whether Pillow opens a TIFF's page but fails at its pixels, or loses its opacity."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    apart = image.mode == "LA" and tags.get(_PLANAR) == 2
    return bool(apart or tags.get(_COMPRESSION) == _WEBP)


def strips_missing(tags: Mapping[int, Any]) -> bool:
    """Whether a page has fewer strips or tiles than its rows need; Pillow leaves those black."""
    height, width = tags[_HEIGHT], tags[_WIDTH]
    planes = tags.get(_SAMPLES, 1) if tags.get(_PLANAR) == 2 else 1
    if _TILES in tags:
        across, down = (max(int(tags.get(t, 1)), 1) for t in (_TILE_WIDTH, _TILE_HEIGHT))
        return bool(len(tags[_TILES]) < -(-width // across) * -(-height // down) * planes)
    if _STRIPS not in tags:
        return False  # old-style JPEG may stand elsewhere
    rows = max(min(int(tags.get(_ROWS, height)), height), 1)
    return bool(len(tags[_STRIPS]) < -(-height // rows) * planes)


def foreign_samples(page: Any) -> str:
    """Why a page as tifffile sees it is no picture that is read; empty where it might be one."""
    bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    kind = _KINDS.get(int(page.sampleformat), "complex")
    if kind != "unsigned" or bits > 16:
        return f"its {bits}-bit {kind} samples are not read; convert it to 8 or 16 bits first"
    if page.photometric not in _READ:
        return "its kind of colours is not read; convert it to RGB first"
    if bits == 16 and page.photometric == 8:
        return "its 16-bit LAB colours are not read; convert it to RGB first"
    return ""
