"""One picture that shows several methods side by side, as figure 2 of the SRGAN paper does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from srgan.image.resize import imresize

Pixels = NDArray[np.uint8]
INK, PAPER, FRAME, FAINT = (17, 17, 17), (255, 255, 255), (214, 40, 40), (110, 110, 110)


@dataclass(frozen=True, slots=True)
class Panel:
    """One column: ``image`` (H, W, 3) uint8, all of one size; its name and a line under it."""

    name: str
    image: Pixels
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Crop:
    """A region of the enlarged pictures, in their pixels."""

    left: int
    top: int
    width: int
    height: int


def busiest_crop(image: Pixels, *, side: int) -> Crop:
    """The square of ``side`` pixels with the most fine detail (mean absolute gradient).

    Args:
        image: (H, W, 3) uint8.
        side: of the square; cut down to the picture where it is larger.
    """
    height, width = image.shape[:2]
    w, h = min(side, width), min(side, height)
    gray = image.astype(np.float64).mean(axis=2)
    detail = np.zeros_like(gray)
    detail[:, 1:] += np.abs(np.diff(gray, axis=1))
    detail[1:, :] += np.abs(np.diff(gray, axis=0))
    total = np.pad(detail.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    step = max(1, side // 8)
    tops = np.arange(0, height - h + 1, step)
    lefts = np.arange(0, width - w + 1, step)
    y, x = np.meshgrid(tops, lefts, indexing="ij")
    energy = total[y + h, x + w] - total[y, x + w] - total[y + h, x] + total[y, x]
    best = int(np.argmax(energy))
    return Crop(int(x.flat[best]), int(y.flat[best]), w, h)


def comparison(panels: Sequence[Panel], crop: Crop, *, panel_width: int = 360) -> Pixels:
    """Columns of a whole picture, the crop enlarged pixel by pixel, and a caption each.

    Args:
        panels: one a method, pictures of one size.
        crop: what is enlarged.
        panel_width: width of a column in pixels.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = panels[0].image.shape[:2]
    whole = (max(1, round(height * panel_width / width)), panel_width)
    zoomed = (max(1, round(crop.height * panel_width / crop.width)), panel_width)
    gap, line = 12, 24
    large = ImageFont.load_default(17)
    small = ImageFont.load_default(14)
    text_height = line * 2 + 8
    total = (
        gap + text_height + whole[0] + gap + zoomed[0] + gap,
        gap + len(panels) * (panel_width + gap),
    )
    sheet = Image.new("RGB", (total[1], total[0]), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, panel in enumerate(panels):
        x, y = gap + column * (panel_width + gap), gap
        draw.text((x, y), panel.name, INK, font=large)
        draw.text((x, y + line), panel.caption, FAINT, font=small)
        y += text_height
        shrunk = imresize(panel.image, size=whole)
        sheet.paste(Image.fromarray(shrunk), (x, y))
        factor = panel_width / width
        draw.rectangle(
            (
                x + crop.left * factor,
                y + crop.top * factor,
                x + (crop.left + crop.width) * factor,
                y + (crop.top + crop.height) * factor,
            ),
            outline=FRAME,
            width=2,
        )
        y += whole[0] + gap
        cut = panel.image[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        detail = Image.fromarray(np.ascontiguousarray(cut))
        resample = (
            Image.Resampling.NEAREST if zoomed[0] > cut.shape[0] else Image.Resampling.BICUBIC
        )
        sheet.paste(detail.resize((zoomed[1], zoomed[0]), resample), (x, y))
        draw.rectangle((x, y, x + zoomed[1] - 1, y + zoomed[0] - 1), outline=FRAME, width=2)
    return np.asarray(sheet)
