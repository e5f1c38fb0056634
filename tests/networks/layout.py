"""torchvision's published VGG19, but for its numbers."""

import torch

from srgan.networks.vgg import BLOCKS


def torchvision_vgg19() -> dict[str, torch.Tensor]:
    """The names and shapes of torchvision's file; weights 0, biases their place in the network.

    Each tensor is one number repeated, so that the file is small.
    """
    state: dict[str, torch.Tensor] = {}

    def layer(name: str, *shape: int, bias: float) -> None:
        state[f"{name}.weight"] = torch.zeros(()).expand(shape)
        state[f"{name}.bias"] = torch.tensor(bias).expand(shape[0])

    position, channels = 0, 3
    for b, count in enumerate(BLOCKS["vgg19"], start=1):
        for _ in range(count):
            maps = min(64 * 2 ** (b - 1), 512)
            layer(f"features.{position}", maps, channels, 3, 3, bias=float(position))
            channels, position = maps, position + 2
        position += 1
    layer("classifier.0", 4096, 25088, bias=0.0)
    layer("classifier.3", 4096, 4096, bias=0.0)
    layer("classifier.6", 1000, 4096, bias=0.0)
    return state
