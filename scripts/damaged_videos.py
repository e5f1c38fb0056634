"""Which network copes with coded video: H.264 at several rates, and how much it flickers.

    python scripts/damaged_videos.py --data PACK -m bicubic,fast,srgan-photo -o video.png

A camera moves over the middle of every photo that `srgan train` holds out and that is large
enough, by three pixels a frame, sixteen frames of 320x320; shrunk to a quarter and coded by x264.
Prints, for frames 8 to 11, mean Y-PSNR and ST-LPIPS against the clean original and the flicker: how
much the error of luma changes, on average, at the same place of the scene from frame to frame, in
levels of 255. Draws frame 11 of two clips. Needs the extra `video`.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from damaged_photos import opened
from srgan.degradation.video import clip
from srgan.evaluation.protocols import score
from srgan.image.resize import imresize
from srgan.inference.upscale import upscale_array
from srgan.training.data import split
from srgan.training.packing import Pack

SIDE, FRAMES, STEP = 320, 16, 3
MEASURED = range(8, 12)
LUMA = np.array([0.299, 0.587, 0.114])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a pack of `srgan data prepare`")
    parser.add_argument("-m", "--models", default="bicubic,fast,fast-photo,srgan-photo")
    parser.add_argument("--crf", default="18,23,28,33", help="x264's rate factors")
    parser.add_argument("--shown", type=int, default=28, help="the rate factor of the picture")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    names, factors = arguments.models.split(","), [int(crf) for crf in arguments.crf.split(",")]
    if arguments.shown not in factors:
        parser.error(f"--shown {arguments.shown} is none of --crf {arguments.crf}")
    upscalers = {name: opened(name) for name in names}
    pack = Pack(arguments.data)
    photos = (pack.photo(i) for i in split(len(pack), 24, 1)[1])
    width = SIDE + STEP * FRAMES
    large = (p for p in photos if p.shape[0] >= SIDE and p.shape[1] >= width)
    scenes = [pan(photo) for photo, _ in zip(large, range(arguments.clips), strict=False)]
    clean = [[np.asarray(imresize(f, scale=0.25), np.uint8) for f in scene] for scene in scenes]
    strips = []
    print("| crf | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|")
    for crf in factors:
        found: dict[str, list[list[float]]] = {name: [] for name in names}
        for scene, small in zip(scenes, clean, strict=True):
            damaged = clip(small, crf)
            shown = []
            for name, upscaler in upscalers.items():
                results = [upscale_array(damaged[k], upscaler, size=(SIDE, SIDE)) for k in MEASURED]
                found[name].append(measured(results, scene, small))
                shown.append(results[-1])
            if crf == arguments.shown and len(strips) < 2:
                strips.append(np.concatenate([*shown, scene[MEASURED[-1]]], 1))
        cells = ("{:.2f} / {:.4f} / {:.2f}".format(*np.mean(found[name], 0)) for name in names)
        print(f"| {crf} | " + " | ".join(cells) + " |", flush=True)
    draw_sheet(strips, [*names, "original"], arguments.output)


def measured(
    results: list[np.ndarray], scene: list[np.ndarray], small: list[np.ndarray]
) -> list[float]:
    """Y-PSNR, ST-LPIPS and flicker of the measured frames."""
    scores, errors = [], []
    for sr, k in zip(results, MEASURED, strict=True):
        row = score(sr, scene[k], small[k], scale=4, measures=("psnr_y", "stlpips"))
        scores.append([row["psnr_y"], row["stlpips"]])
        errors.append((sr - scene[k].astype(float)) @ LUMA)
    flicker = [
        np.abs(after[:, :-STEP] - before[:, STEP:]).mean() for before, after in pairwise(errors)
    ]
    return [*np.mean(scores, 0), float(np.mean(flicker))]


def pan(photo: np.ndarray) -> list[np.ndarray]:
    """Frames of a camera that moves to the right over the middle of a photo."""
    y = (photo.shape[0] - SIDE) // 2
    x = (photo.shape[1] - SIDE - STEP * FRAMES) // 2
    starts = [x + STEP * k for k in range(FRAMES)]
    return [np.ascontiguousarray(photo[y : y + SIDE, s : s + SIDE]) for s in starts]


def draw_sheet(strips: list[np.ndarray], names: list[str], output: Path) -> None:
    """One row a clip, under the names of the methods."""
    sheet = Image.new("RGB", (strips[0].shape[1], 20 + SIDE * len(strips)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, name in enumerate(names):
        pen.text((i * SIDE + 2, 2), name, "black", font=ImageFont.load_default(14))
    sheet.paste(Image.fromarray(np.concatenate(strips)), (0, 20))
    sheet.save(output)


if __name__ == "__main__":
    main()
