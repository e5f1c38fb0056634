"""A tiny run: four photos, a 4-map generator, a feature network of one layer."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from srgan.training.checkpoint import load_checkpoint
from srgan.training.packing import prepare

GENERATOR = {"channels": 4, "blocks": 1, "batch_norm": False, "skip": "bilinear"}
PIXEL: dict[str, Any] = {
    "name": "tiny",
    "updates": 4,
    "checkpoint_every": 2,
    "validate_every": 4,
    "output_range": [0.0, 1.0],
    "ema": 0.5,
    "generator": GENERATOR,
    "data": {"crop": 32, "batch": 2, "held_out": 1},
    "device": {"deterministic": True},
}


def gan(vgg_file: Path) -> dict[str, Any]:
    """The recipe of a tiny GAN, but for its ``start``."""
    return PIXEL | {
        "name": "tiny-gan",
        "kind": "gan",
        "artefacts": 1.0,
        "consistency": 1.0,
        "content": {"network": "vgg16", "file": str(vgg_file), "layers": ["conv1_1"]},
        "adversarial": {"discriminator": "unet", "channels": 4, "learning_rate": 1e-3},
    }


def write_photos(folder: Path) -> None:
    """Four smooth coloured photos, 72 x 80."""
    draw = np.random.default_rng(0)
    for i in range(4):
        small = draw.integers(0, 256, (9, 10, 3), dtype=np.uint8)
        Image.fromarray(small).resize((80, 72), Image.Resampling.BICUBIC).save(folder / f"{i}.png")


def make_pack(photos: Path, out: Path) -> Path:
    """A pack of :func:`write_photos`."""
    write_photos(photos)
    prepare([photos], out, smallest=32)
    return out


def make_vgg(path: Path) -> Path:
    """A file of the first convolution of VGG16, random."""
    draw = np.random.default_rng(1)
    weight, bias = draw.normal(0, 0.05, (64, 3, 3, 3)), draw.normal(0, 0.1, 64)
    np.savez(path, **{"conv1_1.weight": weight, "conv1_1.bias": bias})
    return path


def digest(run: Path) -> str:
    """sha256 of everything that a checkpoint holds."""
    tensors, state = load_checkpoint(run / "checkpoint.safetensors")
    sha = hashlib.sha256(json.dumps(state, sort_keys=True).encode())
    for name in sorted(tensors):
        sha.update(name.encode())
        sha.update(tensors[name].contiguous().numpy().tobytes())
    return sha.hexdigest()


def validations(run: Path) -> list[dict[str, float]]:
    """What the log says of the validations, which a resumed run must repeat."""
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [row for row in rows if "psnr_y" in row]
