"""Letters and digits as `srgan fit zou-yuen` takes faces: a folder with one sub-folder each.

    python scripts/glyphs.py -o glyphs

Drawn in the font that Pillow brings along, each a little turned, moved, larger or bolder than the
others, in other light and with noise.
"""

import argparse
import string
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CHARACTERS = string.ascii_uppercase + string.digits
FINE = 4
NOISE_STD_255 = 8


def glyph(character: str, width: int, height: int, draw: np.random.Generator) -> Image.Image:
    """One picture of a character."""
    fine = Image.new("L", (width * FINE, height * FINE))
    ImageDraw.Draw(fine).text(
        tuple(FINE * (side / 2 + draw.normal()) for side in (width, height)),
        character,
        fill=255,
        font=ImageFont.load_default(0.8 * height * FINE * draw.uniform(0.9, 1.1)),
        anchor="mm",
        stroke_width=int(draw.integers(0, FINE)),
    )
    turned = fine.rotate(draw.normal(0, 6), Image.Resampling.BICUBIC)
    ink = np.asarray(turned.resize((width, height), Image.Resampling.BOX), np.float64) / 255
    dark, light = draw.uniform(20, 80), draw.uniform(170, 235)
    pixels = dark + (light - dark) * ink + draw.normal(0, NOISE_STD_255, ink.shape)
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--count", type=int, default=40, help="pictures of each character")
    parser.add_argument("--size", default="24x32", help="width x height in pixels")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    draw = np.random.default_rng(arguments.seed)
    for character in CHARACTERS:
        folder = arguments.output / character
        folder.mkdir(parents=True)
        for i in range(arguments.count):
            glyph(character, width, height, draw).save(folder / f"{i:03}.png")


if __name__ == "__main__":
    main()
