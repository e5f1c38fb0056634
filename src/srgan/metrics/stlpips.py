"""ST-LPIPS, the shift-tolerant perceptual distance (Ghildyal and Liu 2022).

https://arxiv.org/abs/2207.13686, AlexNet version. Its weights are the authors', BSD-2, from the
PyPI package ``stlpips-pytorch`` (extra ``metrics``), read as data: none of its code is imported.
"""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused
from srgan.metrics.feature_distance import (
    BlurPool,
    Conv,
    Depth,
    FeatureDistance,
    Layer,
    MaxPool,
    Relu,
)
from srgan.weights.torch_file import load_torch_file

SHA256 = "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee"
SMALLEST = 24
"""The least height and width of a picture that the measure takes."""


def available() -> bool:
    """Whether the weights are installed, so that :func:`stlpips` can be called."""
    return _installed() is not None


def stlpips(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """The perceptual distance of two pictures; 0 for equal ones, lower is better.

    Args:
        a, b: RGB pictures (H, W, 3) uint8 of one size, each side at least 24.

    Raises:
        ModelRefused: the weights are not installed, or not the published ones.
        UsageError: the pictures are not two RGB uint8 pictures of one size.
    """
    return _published()(a, b)


def load_stlpips(weights: str | Path) -> FeatureDistance:
    """The measure with the published AlexNet weights at a path.

    Raises:
        ModelRefused: the file is not the published one.
    """
    try:
        digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelRefused(f"{weights}: cannot be read: {error.strerror or error}") from error
    if digest != SHA256:
        raise ModelRefused(
            f"{weights}: not the published ST-LPIPS weights (sha256 {digest[:12]}...); "
            'install them with: pip install "srgan[metrics]"'
        )
    return FeatureDistance(_layers(load_torch_file(weights)), smallest=SMALLEST)


@cache
def _published() -> FeatureDistance:
    path = _installed()
    if path is None:
        raise ModelRefused(
            'the weights of ST-LPIPS are not installed; add them with: pip install "srgan[metrics]"'
        )
    return load_stlpips(path)


def _installed() -> Path | None:
    package = find_spec("stlpips_pytorch")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "weights" / "vST0.0" / "alex_shift_tolerant.pth"
        if path.is_file():
            return path
    return None


def _layers(tensors: dict[str, NDArray[np.float32]]) -> list[Layer]:
    def conv(name: str, padding: int) -> Conv:
        return Conv(tensors[f"net.{name}.weight"], tensors[f"net.{name}.bias"], padding=padding)

    def depth(number: int) -> Depth:
        return Depth(tensors[f"lin{number}.model.1.weight"])

    # AlexNet with every stride moved into a blur: nothing depends on a pixel's parity.
    return [
        *(conv("slice1.0", 2), BlurPool(), Relu(), depth(0)),
        *(MaxPool(3, 1), BlurPool(), conv("slice2.5", 2), Relu(), depth(1)),
        *(MaxPool(3, 1), BlurPool(), conv("slice3.9", 1), Relu(), depth(2)),
        *(conv("slice4.11", 1), Relu(), depth(3)),
        *(conv("slice5.13", 1), Relu(), depth(4)),
    ]
