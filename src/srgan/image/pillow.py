"""Pictures to and from Pillow's images, for programs that hold one already."""

from typing import Any

import numpy as np
from PIL import Image

from srgan.errors import ImageRefused
from srgan.image.picture import Metadata, Picture
from srgan.image.pixels import still
from srgan.image.profiles import usable


def from_pillow(image: Image.Image) -> Picture:
    """The current frame of a Pillow image, as it lies in memory (EXIF orientation not applied).

    Args:
        image: any mode that holds a photo: 1, L, LA, P, PA, RGB, RGBA, CMYK, LAB, YCbCr, I;16.

    Raises:
        ImageRefused: a mode of other samples, such as 32-bit floats, or damaged data.
    """
    try:
        image.load()
        frame, notice = still(image, image.info.get("icc_profile"))
    except Exception as error:  # decoders raise nearly every kind
        raise ImageRefused(f"the Pillow image cannot be used: {error}") from error
    return Picture((frame,), Metadata(), "PNG", (notice,) if notice else ())


def to_pillow(picture: Picture, *, info: dict[Any, Any] | None = None) -> Image.Image:
    """The first frame as a Pillow image: L, LA, RGB or RGBA; 16-bit gray as I;16.

    16-bit colour and 16-bit gray with opacity, which Pillow cannot hold, come back with 8 bits.

    Args:
        picture: what to convert.
        info: the info of the image that it was made of: EXIF, resolution and a profile that
            belongs to the result's colours are kept.
    """
    frame = picture.frames[0]
    if frame.colour.dtype == np.uint16 and frame.alpha is None and picture.gray:
        image = Image.fromarray(frame.colour[:, :, 0])
    else:
        layers = [_bytes(frame.colour)]
        if frame.alpha is not None:
            layers.append(_bytes(frame.alpha)[:, :, None])
        pixels = np.concatenate(layers, axis=2)
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    for key in ("icc_profile", "exif", "dpi"):
        if info and key in info:
            image.info[key] = info[key]
    if not usable(image.info.get("icc_profile"), "L" if picture.gray else "RGB"):
        image.info.pop("icc_profile", None)  # of the CMYK, say, that the pixels are no more
    return image


def _bytes(pixels: Any) -> Any:
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
