"""The tiny run of :mod:`training.tiny` as fixtures."""

from collections.abc import Callable
from pathlib import Path

import pytest

from srgan.training.config import GanConfig, PretrainConfig, build
from training import tiny


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of four smooth coloured photos, 72 x 80."""
    return tiny.make_pack(tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the first convolution of VGG16, random."""
    return tiny.make_vgg(tmp_path_factory.mktemp("vgg") / "vgg.npz")


@pytest.fixture
def pretrain_config() -> Callable[..., PretrainConfig]:
    def make(**changes: object) -> PretrainConfig:
        return build(PretrainConfig, {**tiny.PIXEL, **changes}, "recipe")

    return make


@pytest.fixture
def gan_config(vgg_file: Path) -> Callable[..., GanConfig]:
    def make(**changes: object) -> GanConfig:
        return build(GanConfig, {**tiny.gan(vgg_file), **changes}, "recipe")

    return make
