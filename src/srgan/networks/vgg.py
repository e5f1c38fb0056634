"""VGG feature networks (Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556).

A layer is named as in the SRGAN paper: ``conv5_4`` is the fourth convolution of the fifth block,
before the fifth pooling; phi_5,4 ("VGG54") is that layer of VGG19 after its ReLU.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan.errors import ModelRefused, UsageError

BLOCKS = {
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
"""Convolutions of each block; block b has min(64 * 2^b, 512) maps and ends in a 2x2 max-pooling."""

VGG19_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
"""torchvision's published file."""
SHA256 = {
    "vgg19-dcbb9e9d.pth": "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    "vgg16_imagenet_conv_fp16.npz": "18514269de771269",
}
"""Of published files, by name; the last one's start."""

Network = Literal["vgg16", "vgg19"]


def maps_of(layer: str) -> int:
    """How many maps a layer such as ``"conv5_4"`` has."""
    block = int(layer[4])
    return min(32 << block, 512)


class VGG(nn.Module):
    """The convolutions of VGG16 or VGG19 up to the deepest layer asked for; never trained.

    Args:
        network: ``"vgg16"`` or ``"vgg19"``.
        layers: names such as ``("conv2_2", "conv5_4")``.
        activated: features after the layer's ReLU, as the paper has them, or before it (ESRGAN).

    Shape: (N, 3, H, W) RGB in [0, 1] → one (N, C, H / 2^(b-1), W / 2^(b-1)) per layer.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: Network, layers: Sequence[str], *, activated: bool = True) -> None:
        super().__init__()
        known = [
            f"conv{b}_{c}"
            for b, count in enumerate(BLOCKS[network], start=1)
            for c in range(1, count + 1)
        ]
        for layer in layers:
            if layer not in known:
                raise UsageError(f"{network} has no layer {layer!r}; it has {', '.join(known)}")
        if not layers:
            raise UsageError("name at least one feature layer, such as conv5_4")
        self.network = network
        self.layers = tuple(layers)
        self.activated = activated
        self.convs = nn.ModuleDict()
        channels = 3
        for name in known[: max(known.index(layer) for layer in layers) + 1]:
            maps = maps_of(name)
            self.convs[name] = nn.Conv2d(channels, maps, 3, padding=1)
            channels = maps
        # ImageNet statistics, as torchvision's weights expect them.
        self.register_buffer("scale", 1.0 / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        self.register_buffer("shift", -mean * self.scale)
        self.requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        found: dict[str, Tensor] = {}
        x = image * self.scale + self.shift
        x = x.to(next(self.convs.parameters()).dtype)  # bfloat16 where the convolutions are
        block = "1"
        for name, conv in self.convs.items():
            if name[4] != block:
                x = F.max_pool2d(x, 2)
                block = name[4]
            raw = conv(x)
            x = F.relu(raw)
            if name in self.layers:
                found[name] = x if self.activated else raw
        return [found[name] for name in self.layers]


def load_vgg(
    network: Network, file: str | Path, layers: Sequence[str], *, activated: bool = True
) -> VGG:
    """VGG with ImageNet weights.

    Args:
        network: ``"vgg16"`` or ``"vgg19"``.
        file: torchvision's ``vgg16``/``vgg19`` weights (``.pth``), or an ``.npz`` of the original
            Caffe model (keys ``convB_C.weight`` and ``.bias``; BGR, 0 to 255, mean taken off).
            ``""`` means torchvision's published VGG19 file, fetched once and kept by torch.hub.
        layers: as in :class:`VGG`.
        activated: as in :class:`VGG`.

    Raises:
        UsageError: a layer does not exist, or no file was given for VGG16.
        ModelRefused: the file is missing, damaged or of another network.
    """
    vgg = VGG(network, layers, activated=activated)
    path = Path(file) if str(file) else _published(network)
    if not path.is_file():
        raise ModelRefused(f"{path}: there is no such file of {network} weights")
    _check_sha256(path)
    try:
        tensors = _caffe(path) if path.suffix == ".npz" else _torchvision(path, network)
        vgg.convs.load_state_dict({k: tensors[k] for k in vgg.convs.state_dict()})
    except Exception as error:  # a damaged pickle fails in many ways
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise ModelRefused(f"{path}: does not hold {network}'s convolutions ({reason})") from error
    if path.suffix == ".npz":
        mean_bgr = torch.tensor([103.939, 116.779, 123.68])
        vgg.scale.fill_(255.0)
        vgg.shift.copy_(-mean_bgr.flip(0).view(3, 1, 1))
    return vgg


def _published(network: Network) -> Path:
    if network != "vgg19":
        raise UsageError(
            "give the file of VGG16's weights, such as torchvision's vgg16-397923af.pth: "
            "--set content.file=PATH"
        )
    name = VGG19_URL.rpartition("/")[2]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(
                VGG19_URL, str(path), hash_prefix=SHA256.get(name), progress=False
            )
        except (OSError, RuntimeError) as error:
            raise ModelRefused(
                f"VGG19 cannot be fetched from {VGG19_URL} ({error}); fetch {name} elsewhere and "
                "give it: --set content.file=PATH"
            ) from error
    return path


def _check_sha256(path: Path) -> None:
    expected = SHA256.get(path.name)
    if expected is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(expected):
        raise ModelRefused(
            f"{path}: damaged: its sha256 is {found}, not {expected}; fetch it again"
        )


def _caffe(path: Path) -> dict[str, Tensor]:
    with np.load(path) as arrays:
        tensors = {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays}
    # Caffe's first layer reads BGR; ours reads RGB.
    tensors["conv1_1.weight"] = tensors["conv1_1.weight"].flip(1)
    return tensors


def _torchvision(path: Path, network: Network) -> dict[str, Tensor]:
    state = torch.load(path, map_location="cpu", weights_only=True)
    tensors: dict[str, Tensor] = {}
    position = 0
    for b, count in enumerate(BLOCKS[network], start=1):
        for c in range(1, count + 1):
            for part in ("weight", "bias"):
                tensors[f"conv{b}_{c}.{part}"] = state[f"features.{position}.{part}"]
            position += 2  # the convolution and its ReLU
        position += 1  # the pooling
    return tensors
