"""How many pictures of a few pixels are recognised once they are enlarged.

    python scripts/recognition.py --data PEOPLE [--discriminative 0,0.5,1,2] [-o rows.png]

PEOPLE has one sub-folder for each person, or whatever is to be told apart, with aligned pictures of
one size. Every second picture of each is learned from; the others are shrunk, enlarged and named
after the nearest picture learned from, or the nearest mean of one person's, by the Euclidean
distance of luma. The pictures learned from are compared as they are ("gallery HR") or shrunk and
enlarged too ("gallery alike"). "LR" compares what was shrunk and not enlarged. Prints mean PSNR,
and the four rates in per cent. With --strangers, `zou-yuen` learns from every second person, and
the others are to be named.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from srgan.classical import zou_yuen
from srgan.image.colour import luma
from srgan.image.files import read_picture
from srgan.image.resize import imresize
from srgan.inference.open import load
from srgan.inference.upscale import upscale_array
from srgan.inference.upscaler import Upscaler
from srgan.metrics.psnr import psnr

SHOWN = 12


def rates(
    gallery: np.ndarray, names: np.ndarray, probes: np.ndarray, truth: np.ndarray
) -> tuple[float, float]:
    """Which part of the probes (M, ...) has the name of its nearest of the gallery (N, ...), and of
    the nearest mean of a name.
    """
    known = np.unique(names)
    means = np.stack([gallery[names == name].mean(axis=0) for name in known])
    nearest, of_means = _nearest(gallery, probes), _nearest(means, probes)
    return float((names[nearest] == truth).mean()), float((known[of_means] == truth).mean())


def _nearest(gallery: np.ndarray, probes: np.ndarray) -> np.ndarray:
    points, asked = (a.reshape(len(a), -1).astype(np.float64) for a in (gallery, probes))
    apart = np.square(points).sum(axis=1) - 2 * asked @ points.T  # but for the probe's own length
    return np.argmin(apart, axis=1)


def read(folders: list[Path], first: int) -> tuple[list[np.ndarray], list[str]]:
    """Every second picture of each folder, from the first or second on, and the folders' names."""
    paths = [path for folder in folders for path in sorted(folder.iterdir())[first::2]]
    return [read_picture(p).frames[0].colour for p in paths], [p.parent.name for p in paths]


def shrunk(pictures: list[np.ndarray], scale: int) -> list[np.ndarray]:
    """By MATLAB's bicubic downscale."""
    return [np.asarray(imresize(picture, scale=1 / scale), np.uint8) for picture in pictures]


def enlarged(upscaler: Upscaler, lr: list[np.ndarray]) -> list[np.ndarray]:
    """What `srgan upscale` makes of the pictures."""
    height, width = (upscaler.scale * side for side in lr[0].shape[:2])
    return [upscale_array(picture, upscaler, size=(height, width)) for picture in lr]


def lumas(pictures: list[np.ndarray]) -> np.ndarray:
    """(N, H, W) of (H, W, 3) or (H, W, 1)."""
    return np.stack([luma(np.repeat(p, 3, axis=2) if p.shape[2] == 1 else p) for p in pictures])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--discriminative", default="0,0.5,1,2,4")
    parser.add_argument("--methods", default="bicubic")
    parser.add_argument("--strangers", action="store_true", help="learn from every second person")
    parser.add_argument("-o", "--output", type=Path, help="a sheet: LR, each method, HR")
    arguments = parser.parse_args()

    folders = sorted(p for p in arguments.data.iterdir() if p.is_dir())
    to_learn, to_name = (folders[::2], folders[1::2]) if arguments.strangers else (folders, folders)
    taught, classes = read(to_learn, 0)
    known, names = read(to_name, 0)
    asked, truth = read(to_name, 1)
    upscalers: dict[str, Upscaler] = {
        name: load(name, scale=arguments.scale) for name in arguments.methods.split(",")
    }
    images = [p[..., 0] if p.shape[2] == 1 else p for p in taught]
    for gamma in map(float, arguments.discriminative.split(",")):
        learned = zou_yuen.fit(images, scale=arguments.scale, classes=classes, discriminative=gamma)
        upscalers[f"zou-yuen, {gamma:g}"] = zou_yuen.upscaler(learned)

    def rated(gallery: np.ndarray, probes: np.ndarray) -> str:
        found = rates(gallery, np.array(names), probes, np.array(truth))
        return " | ".join(f"{100 * rate:.1f}" for rate in found)

    print(f"{len(taught)} pictures of {len(set(classes))} learned from; ", end="")
    print(f"{len(asked)} of {len(set(truth))} to be named by {len(known)}\n")
    print("| | PSNR Y | gallery HR: nearest | mean | gallery alike: nearest | mean |")
    print("|---|--:|--:|--:|--:|--:|")
    lr_known, lr_asked = shrunk(known, arguments.scale), shrunk(asked, arguments.scale)
    hr_gallery, hr = lumas(known), lumas(asked)
    print(f"| HR | | {rated(hr_gallery, hr)} | {rated(hr_gallery, hr)} |")
    print(f"| LR | | | | {rated(lumas(lr_known), lumas(lr_asked))} |")
    blocks = np.ones((1, arguments.scale, arguments.scale), np.uint8)
    shown = [np.kron(lumas(lr_asked), blocks)]
    for name, upscaler in upscalers.items():
        sr = lumas(enlarged(upscaler, lr_asked))
        decibels = [psnr(a, b, data_range=255, border=0) for a, b in zip(sr, hr, strict=True)]
        against_hr = rated(hr_gallery, sr)
        alike = rated(lumas(enlarged(upscaler, lr_known)), sr)
        print(f"| {name} | {np.mean(decibels):.2f} | {against_hr} | {alike} |")
        shown.append(sr)
    if arguments.output:
        columns = np.linspace(0, len(hr) - 1, SHOWN).astype(int)
        sheet = np.vstack([np.hstack(rows[columns]) for rows in (*shown, hr)])
        Image.fromarray(np.kron(sheet, np.ones((3, 3), np.uint8))).save(arguments.output)


if __name__ == "__main__":
    main()
