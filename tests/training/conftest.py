"""A tiny run: three photos, an 8-map generator, a feature network of one layer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.training.config import GanConfig, PretrainConfig, build
from srgan.training.packing import prepare

GENERATOR = {"channels": 4, "blocks": 1, "batch_norm": False, "skip": "bilinear"}
DEVICE = {"deterministic": True}
DATA = {"crop": 32, "batch": 2, "held_out": 1}


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of four smooth coloured photos, 72 x 80."""
    photos = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for i in range(4):
        small = draw.integers(0, 256, (9, 10, 3), dtype=np.uint8)
        Image.fromarray(small).resize((80, 72), Image.Resampling.BICUBIC).save(photos / f"{i}.png")
    out = tmp_path_factory.mktemp("pack")
    prepare([photos], out, smallest=32)
    return out


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the first two convolutions of VGG16, random."""
    draw = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("vgg") / "vgg.npz"
    np.savez(
        path,
        **{
            "conv1_1.weight": draw.normal(0, 0.05, (64, 3, 3, 3)),
            "conv1_1.bias": draw.normal(0, 0.1, 64),
        },
    )
    return path


@pytest.fixture
def pretrain_config() -> Callable[..., PretrainConfig]:
    def make(**changes: object) -> PretrainConfig:
        table = {
            "name": "tiny",
            "updates": 4,
            "checkpoint_every": 2,
            "validate_every": 4,
            "output_range": [0.0, 1.0],
            "ema": 0.5,
            "generator": GENERATOR,
            "data": DATA,
            "device": DEVICE,
        }
        return build(PretrainConfig, {**table, **changes}, "recipe")

    return make


@pytest.fixture
def gan_config(vgg_file: Path) -> Callable[..., GanConfig]:
    def make(**changes: object) -> GanConfig:
        table = {
            "name": "tiny-gan",
            "kind": "gan",
            "updates": 4,
            "checkpoint_every": 2,
            "validate_every": 4,
            "output_range": [0.0, 1.0],
            "ema": 0.5,
            "artefacts": 1.0,
            "consistency": 1.0,
            "generator": GENERATOR,
            "data": DATA,
            "device": DEVICE,
            "content": {"network": "vgg16", "file": str(vgg_file), "layers": ["conv1_1"]},
            "adversarial": {"discriminator": "unet", "channels": 4, "learning_rate": 1e-3},
        }
        return build(GanConfig, {**table, **changes}, "recipe")

    return make
