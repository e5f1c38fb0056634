"""LPIPS (Zhang et al. 2018, https://arxiv.org/abs/1801.03924), version 0.1.

Its trunks are torchvision's published ImageNet weights and its heads those of the PyPI package
``lpips``; neither comes with srgan. Both files are checked, for the heads have a meaning on no
other trunk.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused
from srgan.metrics.feature_distance import Conv, Depth, FeatureDistance, Layer, MaxPool, Relu
from srgan.weights.torch_file import load_torch_file

Trunk = Literal["alex", "vgg"]
Tensors = dict[str, NDArray[np.float32]]

TRUNKS = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth"}
"""torchvision's file names; their last part is the start of their sha256."""

HEADS_SHA256 = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
}


def load_lpips(
    trunk: Trunk = "alex", *, weights: str | Path | None = None, heads: str | Path | None = None
) -> FeatureDistance:
    """LPIPS as a function of two RGB uint8 pictures; 0 for equal ones, lower is better.

    Args:
        trunk: ``"alex"``, which the literature's tables use, or ``"vgg"``.
        weights: torchvision's trunk; default: where PyTorch keeps downloads.
        heads: ``v0.1/alex.pth`` or ``vgg.pth`` of the package ``lpips``; default: as installed.

    Raises:
        ModelRefused: a file is missing, or not the published one.
    """
    weights = Path(weights) if weights else _downloaded(trunk)
    heads = Path(heads) if heads else _installed(trunk)
    _check(weights, TRUNKS[trunk].rpartition("-")[2].removesuffix(".pth"), "torchvision's trunk")
    _check(heads, HEADS_SHA256[trunk], "the heads of the package lpips")
    try:
        stack = layers(trunk, load_torch_file(weights), load_torch_file(heads))
    except KeyError as error:
        raise ModelRefused(f"{weights}, {heads}: neither holds tensor {error} of LPIPS") from error
    return FeatureDistance(stack, smallest=32)


def layers(trunk: Trunk, weights: Tensors, heads: Tensors) -> list[Layer]:
    """The trunk's layers up to its last ReLU, compared at five depths."""

    def conv(number: int, *, stride: int = 1, padding: int = 1) -> list[Layer]:
        weight, bias = weights[f"features.{number}.weight"], weights[f"features.{number}.bias"]
        return [Conv(weight, bias, stride, padding), Relu()]

    def depth(number: int) -> Depth:
        return Depth(heads[f"lin{number}.model.1.weight"])

    if trunk == "alex":
        return [
            *(*conv(0, stride=4, padding=2), depth(0)),
            *(MaxPool(3, 2), *conv(3, padding=2), depth(1)),
            *(MaxPool(3, 2), *conv(6), depth(2)),
            *(*conv(8), depth(3)),
            *(*conv(10), depth(4)),
        ]
    stages = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
    stack: list[Layer] = []
    for number, stage in enumerate(stages):
        stack += [MaxPool(2, 2)] if number else []
        for convolution in stage:
            stack += conv(convolution)
        stack.append(depth(number))
    return stack


def _downloaded(trunk: Trunk) -> Path:
    return Path.home() / ".cache" / "torch" / "hub" / "checkpoints" / TRUNKS[trunk]


def _installed(trunk: Trunk) -> Path:
    package = find_spec("lpips")
    folders = (package.submodule_search_locations or []) if package else []
    for folder in folders:
        return Path(folder) / "weights" / "v0.1" / f"{trunk}.pth"
    raise ModelRefused(
        "the heads of LPIPS are not installed; give their path, or use ST-LPIPS: "
        'pip install "srgan[metrics]"'
    )


def _check(path: Path, digest: str, what: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelRefused(
            f"{path}: {what} for LPIPS is not there ({error.strerror}); give its path"
        ) from error
    if not found.startswith(digest):
        raise ModelRefused(f"{path}: not {what} as published (sha256 {found[:12]}...)")
