"""The generators' layers as plain numbers, from a weights file: folded and checked.

Batch normalisation and the output's value range are folded into convolutions, a transposed
convolution becomes one in front of a pixel shuffle, and the 9x9 tail is pushed through the last
shuffle, where its few output maps fill the vector units.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused
from srgan.inference.nodes import Array, Taker
from srgan.weights.format import GENERATORS, Header

STAGES = {2: (2,), 3: (3,), 4: (2, 2)}
"""The sub-pixel stages of each scale, as in ``networks.srresnet``."""

BLOCKS = {"srresnet": 16, "johnson": 4}
"""The residual blocks of a file that does not say how many."""


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution with zero padding: weight (out, in, k, k), bias (out,).

    It keeps the size; where k is even it reads one pixel more behind than before.
    """

    weight: Array
    bias: Array

    def normalised(self, norm: "BatchNorm | None") -> "Conv":
        """The convolution followed by batch normalisation, as one convolution."""
        if norm is None:
            return self
        gain = norm.weight / np.sqrt(norm.variance + norm.epsilon)
        return Conv(
            self.weight * gain[:, None, None, None], (self.bias - norm.mean) * gain + norm.bias
        )


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Batch normalisation as it is at inference."""

    weight: Array
    bias: Array
    mean: Array
    variance: Array
    epsilon: float = 1e-5


def through_shuffle(conv: Conv, factor: int) -> Conv:
    """The convolution that, before a pixel shuffle, does what ``conv`` does after it.

    Args:
        conv: weight (O, C, k, k) with odd k, working on pixels that a shuffle has enlarged.
        factor: the shuffle's factor r.

    Returns:
        Weight (O * r², C * r², k', k'), for the maps before the shuffle; its result is shuffled
        by r. Zero padding carries over exactly.
    """
    out_maps, in_maps, size, _ = conv.weight.shape
    reach = size // 2
    low = -reach // factor
    high = (factor - 1 + reach) // factor
    side = 2 * max(-low, high) + 1
    centre = side // 2
    weight = np.zeros((out_maps, factor, factor, in_maps, factor, factor, side, side), np.float32)
    for y in range(factor):
        for x in range(factor):
            for dy in range(-reach, reach + 1):
                for dx in range(-reach, reach + 1):
                    cell_y, phase_y = divmod(y + dy, factor)
                    cell_x, phase_x = divmod(x + dx, factor)
                    weight[:, y, x, :, phase_y, phase_x, centre + cell_y, centre + cell_x] = (
                        conv.weight[:, :, reach + dy, reach + dx]
                    )
    cells = factor * factor
    return Conv(
        weight.reshape(out_maps * cells, in_maps * cells, side, side), conv.bias.repeat(cells)
    )


def before_shuffle(conv: Conv) -> Conv:
    """The convolution that, before a pixel shuffle by 2, does what a transposed one does alone.

    Args:
        conv: the transposed convolution's weight (O, C, 3, 3), out before in, and its bias. It has
            stride 2, padding 1 and output padding 1.

    Returns:
        Weight (O * 4, C, 2, 2). Of the pixels of a cell the first reads one LR pixel, its
        neighbours two, the last four.
    """
    out_maps, in_maps = conv.weight.shape[:2]
    weight = np.zeros((out_maps, 2, 2, in_maps, 2, 2), np.float32)
    taps = ((0, 0, 1), (1, 0, 2), (1, 1, 0))  # place in the cell, LR pixel onwards, tap
    for y, below, row in taps:
        for x, right, column in taps:
            weight[:, y, x, :, below, right] = conv.weight[:, :, row, column]
    return Conv(weight.reshape(out_maps * 4, in_maps, 2, 2), conv.bias.repeat(4))


@dataclass(frozen=True, slots=True)
class Layers:
    """The generator as plain numbers: convolutions with their slopes, ready to be written down."""

    scale: int
    head: tuple[Conv, float]
    blocks: tuple[tuple[Conv, float, Conv], ...]
    trunk: Conv | None
    """In front of the long skip; None for a network without it."""
    stages: tuple[tuple[Conv, float, int], ...]
    tail: Conv
    last_factor: int
    """Of the pixel shuffle that ends it."""
    skip: float
    """Gain of the input enlarged bilinearly and added to the output; 0 for none."""
    bounds: tuple[float, float] | None = None
    """Gain and offset of a tanh that ends it; None for no tanh."""


def read_layers(tensors: Mapping[str, NDArray[Any]], header: Header) -> Layers:
    """The generator's layers from a weights file, folded and checked.

    Raises:
        ModelRefused: naming the first tensor that is missing, unknown or of another shape.
    """
    johnson = header.architecture == "johnson"
    scales = (2, 4) if johnson else STAGES
    if header.architecture not in GENERATORS or header.scale not in scales:
        raise ModelRefused(
            f"architecture {header.architecture!r} at x{header.scale} is no network that can be "
            "run; choose one of the networks that `srgan models` lists"
        )
    read = _Reader(tensors, header)
    layers = _johnson(read, header) if johnson else _srresnet(read, header)
    read.take.finish()
    return layers


def _srresnet(read: "_Reader", header: Header) -> Layers:
    width, scale = read.width, header.scale
    direct = bool(header.arguments.get("direct", False))
    end = 3 if direct else 9
    head = (read.conv("head", width, 3, end), read.slope("head_act"))
    blocks = []
    for i in range(read.blocks):
        first, second = read.block(i)
        blocks.append((first, read.slope(f"blocks.{i}.act"), second))
    trunk = read.conv("trunk", width, width, 3, norm="trunk_norm")
    stages = []
    for i, factor in enumerate(() if direct else STAGES[scale]):
        wide = read.conv(f"upscale.{i}.conv", width * factor**2, width, 3)
        stages.append((wide, read.slope(f"upscale.{i}.act"), factor))
    tail = read.conv("tail", 3 * scale**2 if direct else 3, width, end)

    gain, offset = _to_unit(header)
    tail = Conv(tail.weight * gain, tail.bias * gain + offset)
    skip = float(gain) if header.arguments.get("skip") == "bilinear" else 0.0
    last = stages[-1][2] if stages else scale
    if not direct:
        tail = through_shuffle(tail, last)
    return Layers(scale, head, tuple(blocks), trunk, tuple(stages), tail, last, skip)


def _johnson(read: "_Reader", header: Header) -> Layers:
    width, relu = read.width, 0.0
    head = (read.conv("head", width, 3, 9, norm="head_norm"), relu)
    blocks = []
    for i in range(read.blocks):
        first, second = read.block(i)
        blocks.append((first, relu, second))
    stages = []
    for i, factor in enumerate(STAGES[header.scale]):
        name = f"upscale.{i}"
        stages.append(
            (before_shuffle(read.transposed(f"{name}.conv", f"{name}.norm")), relu, factor)
        )
    tail = through_shuffle(read.conv("tail", 3, width, 9), 2)
    gain, offset = _to_unit(header)
    bounds = (float(gain), float(offset))
    return Layers(header.scale, head, tuple(blocks), None, tuple(stages), tail, 2, 0.0, bounds)


def _to_unit(header: Header) -> tuple[np.float32, np.float32]:
    """Gain and offset that bring the network's values to [0, 1]."""
    low, high = header.output_range
    gain = np.float32(1.0 / (high - low))
    return gain, np.float32(-low) * gain


class _Reader:
    """Takes a generator's layers from the tensors of its file."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], header: Header) -> None:
        self.take = Taker(tensors)
        arguments = header.arguments
        self.width = int(arguments.get("channels", 64))
        self.blocks = int(arguments.get("blocks", BLOCKS[header.architecture]))
        self._batch_norm = bool(arguments.get("batch_norm", True))

    def conv(self, name: str, out_maps: int, in_maps: int, size: int, *, norm: str = "") -> Conv:
        """A convolution, and the batch normalisation behind it where one is named."""
        weight = self.take(f"{name}.weight", (out_maps, in_maps, size, size))
        conv = Conv(weight, self.take(f"{name}.bias", (out_maps,)))
        return conv.normalised(self._norm(norm)) if norm else conv

    def transposed(self, name: str, norm: str) -> Conv:
        """A transposed 3x3 convolution, out before in, and its batch normalisation."""
        weight = self.take(f"{name}.weight", (self.width, self.width, 3, 3)).swapaxes(0, 1)
        return Conv(weight, self.take(f"{name}.bias", (self.width,))).normalised(self._norm(norm))

    def block(self, number: int) -> tuple[Conv, Conv]:
        """The two convolutions of a residual block."""
        first, second = (
            self.conv(
                f"blocks.{number}.conv{n}",
                self.width,
                self.width,
                3,
                norm=f"blocks.{number}.norm{n}",
            )
            for n in (1, 2)
        )
        return first, second

    def slope(self, name: str) -> float:
        """The one slope of a PReLU."""
        return float(self.take(f"{name}.weight", (1,))[0])

    def _norm(self, name: str) -> BatchNorm | None:
        if not self._batch_norm:
            return None
        self.take.ignore(f"{name}.num_batches_tracked")
        shape = (self.width,)
        return BatchNorm(
            weight=self.take(f"{name}.weight", shape),
            bias=self.take(f"{name}.bias", shape),
            mean=self.take(f"{name}.running_mean", shape),
            variance=self.take(f"{name}.running_var", shape),
        )
