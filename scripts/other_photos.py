"""What `srgan fit landmark` regains from another photo of the same place.

    python scripts/other_photos.py --data PACK -o landmark.png

On every second photo that `srgan train` holds out: their 256-pixel centres, shrunk to a quarter.
The other photo is made of the whole one: turned, tilted, nearer or further, in other light, with
noise, as JPEG 88; "in relief" also moved about by waves with a standard deviation of 3 pixels, as
another standpoint does with what is not flat, and with ten squares of 30 to 90 pixels that show
something else. Prints mean Y-PSNR and ST-LPIPS, and draws two (Budgie and gb82, CC0).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from damaged_photos import SIDE, centre, draw_rows, shrunk
from srgan.classical import landmark
from srgan.degradation.pipeline import jpeg, to_bytes
from srgan.evaluation.protocols import score
from srgan.inference.open import load
from srgan.inference.upscale import upscale_array
from srgan.training.data import split
from srgan.training.packing import Pack

DRAWN = (0, 7)
SHOWN = ("bicubic", "srgan", "landmark, in relief")


def flat(photo: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """The photo from another standpoint and in other light."""
    height, width = photo.shape[:2]
    zoom, angle = draw.uniform(0.8, 1.4), np.deg2rad(draw.uniform(-8, 8))
    turned = zoom * np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1 / zoom]]
    )
    tilted = np.eye(3)
    tilted[2, :2] = draw.uniform(-2e-4, 2e-4, 2)
    to_middle, from_middle = np.eye(3), np.eye(3)
    to_middle[:2, 2] = -width / 2, -height / 2
    from_middle[:2, 2] = zoom * width / 2, zoom * height / 2
    size = (int(zoom * width), int(zoom * height))
    seen = cv2.warpPerspective(
        photo,
        from_middle @ tilted @ turned @ to_middle,
        size,
        flags=cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT,
    )
    light = draw.uniform(0.85, 1.15) * (seen / 255.0) ** draw.uniform(0.85, 1.2)
    light = light + draw.uniform(-0.04, 0.04)
    return jpeg(to_bytes(light.astype(np.float32) * 255 + draw.normal(0, 2, seen.shape)), 88)


def relief(photo: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """As :func:`flat`, of a scene that is not, and part of which is hidden."""
    height, width = photo.shape[:2]
    wave = [
        cv2.resize(
            draw.normal(0, 3, (6, 6)).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        for _ in range(2)
    ]
    x = np.arange(width, dtype=np.float32) + wave[0]
    y = np.arange(height, dtype=np.float32)[:, None] + wave[1]
    moved = cv2.remap(photo, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    for _ in range(10):
        side = draw.integers(30, 90)
        (y0, y1), (x0, x1) = draw.integers(0, height - side, 2), draw.integers(0, width - side, 2)
        moved[y0 : y0 + side, x0 : x0 + side] = photo[y1 : y1 + side, x1 : x1 + side]
    return flat(moved, draw)


OTHERS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "landmark, flat": flat,
    "landmark, in relief": relief,
}
MODELS = ("bicubic", "gradient-profile", "srresnet", "srgan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a pack of `srgan data prepare`")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()

    pack = Pack(arguments.data)
    _, held_out = split(len(pack), 24, 1)
    models = {name: load(name) for name in MODELS}
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in (*MODELS, *OTHERS)}
    rows = []
    for number, i in enumerate(held_out[::2]):
        photo = np.ascontiguousarray(pack.photo(i))
        hr = centre(photo)
        lr = shrunk(hr)
        results = {
            name: upscale_array(lr, model, size=(SIDE, SIDE)) for name, model in models.items()
        }
        for name, other in OTHERS.items():
            references = landmark.fit([other(photo, np.random.default_rng(number))], scale=4)
            sr = landmark.upscaler(references)(lr.astype(np.float32) / 255)
            results[name] = to_bytes(sr * 255)
        for name, sr in results.items():
            measured = score(sr, hr, lr, scale=4, measures=("psnr_y", "stlpips"))
            scores[name].append((measured["psnr_y"], measured["stlpips"]))
        rows.append([*((name, results[name]) for name in SHOWN), ("original", hr)])
    for name, values in scores.items():
        psnr, distance = np.mean(values, axis=0)
        print(f"| {name} | {psnr:.2f} | {distance:.4f} |")
    draw_rows([rows[i] for i in DRAWN], arguments.output)


if __name__ == "__main__":
    main()
