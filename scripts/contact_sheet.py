"""Six details of photos that no network was trained on, each as every method enlarges it.

    python scripts/contact_sheet.py --photos ../shared/data/train -m bicubic,srresnet,srgan \\
        -o docs/images/contact.png

Each photo is shrunk to a quarter, enlarged whole, and shown pixel by pixel, twice its size, with
Y-PSNR and ST-LPIPS of the whole photo below.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srgan.evaluation.protocols import score
from srgan.image.files import read_picture
from srgan.image.resize import imresize
from srgan.inference.open import load
from srgan.inference.upscale import upscale_array

DETAILS = (  # file, left, top: of different matter, all CC0 (gb82, Budgie)
    ("gb82_0224_0.jpg", 372, 300),  # hair
    ("gb82_0224_0.jpg", 330, 416),  # knitting
    ("gb82_0219_0.jpg", 110, 40),  # glasses, skin
    ("gb82_0219_0.jpg", 200, 360),  # an eye
    ("budgie_0319_1.jpg", 260, 170),  # windows
    ("budgie_0319_1.jpg", 30, 400),  # a wall
)
SIDE, ZOOM, GAP, LINE = 120, 2, 8, 18


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("-m", "--models", default="bicubic,srresnet,srgan")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    names = arguments.models.split(",")
    cell = SIDE * ZOOM
    width = GAP + (len(names) + 1) * (cell + GAP)
    sheet = Image.new("RGB", (width, LINE + GAP + len(DETAILS) * (cell + LINE + GAP)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    originals = {file: original(arguments.photos / file) for file, _, _ in DETAILS}
    for column, name in enumerate([*names, "original"]):
        x = GAP + column * (cell + GAP)
        draw.text((x, 2), name, "black", font=font)
        upscaler = None if name == "original" else load(name)
        shown, captions = dict(originals), dict.fromkeys(originals, "")
        for file, hr in originals.items():
            if upscaler is not None:
                lr = np.asarray(imresize(hr, scale=0.25))
                shown[file] = upscale_array(lr, upscaler, size=hr.shape[:2])
                found = score(shown[file], hr, lr, scale=4, measures=("psnr_y", "stlpips"))
                captions[file] = f"{found['psnr_y']:.2f} dB, ST-LPIPS {found['stlpips']:.3f}"
        for row, (file, left, top) in enumerate(DETAILS):
            y = LINE + GAP + row * (cell + LINE + GAP)
            cut = Image.fromarray(shown[file][top : top + SIDE, left : left + SIDE])
            sheet.paste(cut.resize((cell, cell), Image.Resampling.NEAREST), (x, y))
            draw.text((x, y + cell + 1), captions[file], (90, 90, 90), font=font)
    sheet.save(arguments.output, optimize=True)
    print(arguments.output, sheet.size)


def original(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 with sides that are multiples of 4."""
    pixels = read_picture(path).frames[0].colour
    return pixels[: pixels.shape[0] // 4 * 4, : pixels.shape[1] // 4 * 4]


if __name__ == "__main__":
    main()
