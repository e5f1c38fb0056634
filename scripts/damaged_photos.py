"""Which network copes with real photos: JPEG, noise, grain, blur, sharpening, side by side.

    python scripts/damaged_photos.py --data PACK -m bicubic,srresnet,srgan,srgan-photo \\
        -o damaged.png

On every second photo that `srgan train` holds out: their 256-pixel centres, shrunk to a quarter
and damaged. Prints mean Y-PSNR and ST-LPIPS against the clean original, and draws two of them, with
five damages (Budgie and gb82, CC0).
``-m srgan-photo@0.5,srgan-photo@1``: at other stops of the realism dial. ``--drawn PAGES``: on
the pictures of scripts/drawn_pages.py besides, with and without damage.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srgan.degradation.pipeline import blur, jpeg, noise, sharpen, to_bytes
from srgan.evaluation.protocols import score
from srgan.image.resize import imresize
from srgan.inference.open import load
from srgan.inference.upscale import upscale_array
from srgan.inference.upscaler import Upscaler
from srgan.training.data import split
from srgan.training.packing import Pack

SIDE = 256
DRAWN = ("clean", "JPEG 70", "web")
"""What is done to pictures of text and graphics."""
SHOWN = ((0, "JPEG 50"), (7, "phone"), (7, "web"), (7, "grain 8"), (0, "noise 8"))


def shrunk(hr: np.ndarray) -> np.ndarray:
    """The clean LR picture."""
    return np.asarray(imresize(hr, scale=0.25), np.uint8)


def noisy(lr: np.ndarray, deviation: float) -> np.ndarray:
    """With noise of its own in each channel."""
    draw = np.random.default_rng(1)
    return to_bytes(noise(lr.astype(np.float32), deviation, draw, gray=False))


def grainy(lr: np.ndarray, deviation: float) -> np.ndarray:
    """With the grain of a film: gray, coarser than the pixels."""
    draw = np.random.default_rng(2)
    return to_bytes(noise(lr.astype(np.float32), deviation, draw, gray=True, grain=0.7))


def crisp(lr: np.ndarray, amount: float) -> np.ndarray:
    """Sharpened by unsharp masking."""
    return to_bytes(sharpen(lr.astype(np.float32), 0.8, amount))


def reposted(hr: np.ndarray) -> np.ndarray:
    """A JPEG of twice the size, shrunk, sharpened and saved once more."""
    large = jpeg(np.asarray(imresize(hr, scale=0.5), np.uint8), 60)
    return jpeg(crisp(np.asarray(imresize(large, scale=0.5), np.uint8), 0.8), 80)


DAMAGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "clean": shrunk,
    "JPEG 90": lambda hr: jpeg(shrunk(hr), 90),
    "JPEG 70": lambda hr: jpeg(shrunk(hr), 70),
    "JPEG 50": lambda hr: jpeg(shrunk(hr), 50),
    "JPEG 30": lambda hr: jpeg(shrunk(hr), 30),
    "noise 4": lambda hr: noisy(shrunk(hr), 4.0),
    "noise 8": lambda hr: noisy(shrunk(hr), 8.0),
    "blur 1.5": lambda hr: shrunk(to_bytes(blur(hr.astype(np.float32), 1.5, 1.5))),
    "phone": lambda hr: jpeg(noisy(shrunk(to_bytes(blur(hr.astype(np.float32), 1, 1))), 5.0), 80),
    "web": lambda hr: jpeg(crisp(shrunk(hr), 0.8), 80),
    "reposted": reposted,
    "grain 4": lambda hr: grainy(shrunk(hr), 4.0),
    "grain 8": lambda hr: grainy(shrunk(hr), 8.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a pack of `srgan data prepare`")
    parser.add_argument("-m", "--models", default="bicubic,srresnet,srgan,srgan-photo")
    parser.add_argument("--drawn", type=Path, help="a folder of scripts/drawn_pages.py")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    names = arguments.models.split(",")
    upscalers = {name: opened(name) for name in names}
    pack = Pack(arguments.data)
    _, held_out = split(len(pack), 24, 1)
    photos = [centre(pack.photo(i)) for i in held_out[::2]]
    print("| damage | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|")
    for damage, apply in DAMAGES.items():
        print(row(damage, photos, apply, upscalers), flush=True)
    shown = [(photos[i], damage) for i, damage in SHOWN]
    if arguments.drawn:
        files = sorted(arguments.drawn.glob("*.png"))
        pages = [centre(np.asarray(Image.open(file).convert("RGB"))) for file in files]
        for damage in DRAWN:
            print(row(f"drawn, {damage}", pages, DAMAGES[damage], upscalers), flush=True)
        shown += [(page, "JPEG 70") for page in pages[:2]]
    draw_sheet(shown, upscalers, arguments.output)


def row(
    name: str,
    pictures: list[np.ndarray],
    damage: Callable[[np.ndarray], np.ndarray],
    upscalers: dict[str, Upscaler],
) -> str:
    """A line of the table: what each model makes of the damaged pictures, on average."""
    pairs = [(hr, damage(hr)) for hr in pictures]
    cells = []
    for upscaler in upscalers.values():
        figures = []
        for hr, lr in pairs:
            sr = upscale_array(lr, upscaler, size=hr.shape[:2])
            found = score(sr, hr, lr, scale=4, measures=("psnr_y", "stlpips"))
            figures.append((found["psnr_y"], found["stlpips"]))
        psnr, perceptual = np.mean(figures, axis=0)
        cells.append(f"{psnr:.2f} / {perceptual:.4f}")
    return f"| {name} | " + " | ".join(cells) + " |"


def opened(name: str) -> Upscaler:
    """A model by name; ``srgan-photo@1`` is ``srgan-photo`` at realism 1."""
    model, _, realism = name.partition("@")
    return load(model, realism=float(realism)) if realism else load(model)


def draw_sheet(
    shown: list[tuple[np.ndarray, str]], upscalers: dict[str, Upscaler], output: Path
) -> None:
    """One row a picture, with its damage: each method, then the original."""
    rows = []
    for hr, damage in shown:
        lr = DAMAGES[damage](hr)
        cells = [(name, upscale_array(lr, u, size=hr.shape[:2])) for name, u in upscalers.items()]
        rows.append([(f"{name}, {damage}", pixels) for name, pixels in [*cells, ("original", hr)]])
    draw_rows(rows, output)


def draw_rows(rows: list[list[tuple[str, np.ndarray]]], output: Path) -> None:
    """Pictures beside each other, each below its name."""
    font = ImageFont.load_default(14)
    sheet = Image.new("RGB", (len(rows[0]) * (SIDE + 8) - 8, len(rows) * (SIDE + 20)), "white")
    pen = ImageDraw.Draw(sheet)
    for j, row in enumerate(rows):
        for i, (name, pixels) in enumerate(row):
            sheet.paste(Image.fromarray(pixels), (i * (SIDE + 8), j * (SIDE + 20) + 20))
            pen.text((i * (SIDE + 8), j * (SIDE + 20) + 2), name, "black", font=font)
    sheet.save(output)


def centre(photo: np.ndarray) -> np.ndarray:
    """The middle of a photo, SIDE pixels square."""
    y, x = (photo.shape[0] - SIDE) // 2, (photo.shape[1] - SIDE) // 2
    return np.ascontiguousarray(photo[y : y + SIDE, x : x + SIDE])


if __name__ == "__main__":
    main()
