"""A trained generator as the target: self-distillation of its eight positions into one network.

What a generator draws depends on how the picture lies: mirrored or turned, it gives another
texture. The mean of all eight positions (:mod:`srgan.inference.ensemble`) is nearer to the original
at equal sharpness, but takes eight times as long. A network that is trained towards that mean by
its squared error gives it in one run (Hinton et al. 2015, https://arxiv.org/abs/1503.02531). A few
positions drawn anew for each update are enough: their expectation is the mean of all.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srgan.errors import ModelRefused
from srgan.networks.srresnet import SRResNet
from srgan.training.generator import load_tensors
from srgan.weights.format import load_weights

POSITIONS = 8


class Teacher:
    """Gives the target of an update.

    Args:
        weights: of the generator that teaches; its size may be another than the pupil's.
        positions: how many of the eight are averaged for an update.
        seed: with the update's number it decides which.
        scale: of the pupil.
        output_range: of the pupil.
        device: where it runs.

    Raises:
        ModelRefused: the file cannot be used, or is of another network or scale.
    """

    def __init__(
        self,
        weights: str | Path,
        *,
        positions: int,
        seed: int,
        scale: int,
        output_range: tuple[float, float],
        device: torch.device,
    ) -> None:
        arrays, header = load_weights(weights)
        if header.architecture != "srresnet" or header.scale != scale:
            raise ModelRefused(
                f"{weights}: holds {header.architecture} x{header.scale}; the teacher must be a "
                f"generator (srresnet) of the pupil's x{scale}"
            )
        network = SRResNet(**header.arguments)
        load_tensors(network, {k: torch.from_numpy(v) for k, v in arrays.items()}, weights)
        self.network = network.eval().requires_grad_(False).to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.positions, self.seed = positions, seed
        low, high = header.output_range
        self.gain = (output_range[1] - output_range[0]) / (high - low)
        self.offset = output_range[0] - low * self.gain

    def drawn(self, update: int) -> list[int]:
        """The positions of an update, 0 to 7."""
        draw = np.random.Generator(np.random.Philox(key=[self.seed + (3 << 32), update]))
        return [int(n) for n in draw.permutation(POSITIONS)[: self.positions]]

    @torch.no_grad()
    def __call__(self, lr: Tensor, update: int) -> Tensor:
        """(N, 3, H, W) in [0, 1] → (N, 3, H * scale, W * scale) in the pupil's output range."""
        total: Tensor | None = None
        for position in self.drawn(update):
            seen = turned(lr, position).contiguous(memory_format=torch.channels_last)
            made = turned_back(self.network(seen).float(), position)
            total = made if total is None else total + made
        assert total is not None
        return total * (self.gain / self.positions) + self.offset


def turned(image: Tensor, position: int) -> Tensor:
    """(N, C, H, W) in one of its eight positions: quarter turns, from 4 on of its mirror image."""
    return torch.rot90(image.flip(3) if position >= 4 else image, position % 4, (2, 3))


def turned_back(image: Tensor, position: int) -> Tensor:
    """What :func:`turned` did, undone."""
    back = torch.rot90(image, -(position % 4), (2, 3))
    return back.flip(3) if position >= 4 else back
