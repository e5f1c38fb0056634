"""From a weights file to an ONNX graph, without PyTorch.

The graph computes what :class:`srgan.networks.srresnet.SRResNet` computes, faster: batch
normalisation and the output's value range are folded into convolutions, and the 9x9 tail is
pushed through the last pixel shuffle, where its few output maps fill the vector units.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused
from srgan.inference.graph_luma import build_luma_graph, reach_luma
from srgan.inference.nodes import Array, Nodes, Taker
from srgan.weights.format import LUMA_ARCHITECTURES, Header, Tensors

STAGES = {2: (2,), 3: (3,), 4: (2, 2)}
"""The sub-pixel stages of each scale, as in ``networks.srresnet``."""


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution with zero padding: weight (out, in, k, k), bias (out,)."""

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


@dataclass(frozen=True, slots=True)
class Layers:
    """The generator as plain numbers: convolutions with their slopes, ready to be written down."""

    scale: int
    head: tuple[Conv, float]
    blocks: tuple[tuple[Conv, float, Conv], ...]
    trunk: Conv
    stages: tuple[tuple[Conv, float, int], ...]
    tail: Conv
    last_factor: int
    """Of the pixel shuffle that ends it."""
    skip: float
    """Gain of the input enlarged bilinearly and added to the output; 0 for none."""


def reach(header: Header) -> int:
    """How many LR pixels to each side an output pixel depends on.

    39.5, rounded up, for the paper's network: 4 of the head, 2 a block, 1 of the trunk, then
    less and less.
    """
    if header.architecture in LUMA_ARCHITECTURES:
        return reach_luma(header)
    blocks = int(header.arguments.get("blocks", 16))
    head = 1 if header.arguments.get("direct") else 4
    return int(np.ceil(head + 2 * blocks + 1 + _end_radius(header)))


def end_reach(header: Header) -> int | None:
    """How many LR pixels to each side the layers after the long skip read.

    3 for the paper's network, which spends nearly half its work there: a tile's margin need not
    go through them. None for a network without these layers, which enlarges all that it is given.
    """
    if header.architecture in LUMA_ARCHITECTURES:
        return None
    return int(np.ceil(_end_radius(header)))


def _end_radius(header: Header) -> float:
    if header.arguments.get("direct"):
        return 1.0
    radius, grown = 0.0, 1
    for factor in STAGES[header.scale]:
        radius += 1.0 / grown
        grown *= factor
    return radius + 4.0 / grown


def read_layers(tensors: Mapping[str, NDArray[Any]], header: Header) -> Layers:
    """The generator's layers from a weights file, folded and checked.

    Raises:
        ModelRefused: naming the first tensor that is missing, unknown or of another shape.
    """
    if header.architecture != "srresnet" or header.scale not in STAGES:
        raise ModelRefused(
            f"architecture {header.architecture!r} at x{header.scale} is no network that can be "
            "run; choose one of the networks that `srgan models` lists"
        )
    low, high = header.output_range
    take = Taker(tensors)
    width = int(header.arguments.get("channels", 64))
    count = int(header.arguments.get("blocks", 16))
    batch_norm = bool(header.arguments.get("batch_norm", True))
    direct = bool(header.arguments.get("direct", False))
    end = 3 if direct else 9

    def norm(name: str) -> BatchNorm | None:
        if not batch_norm:
            return None
        take.ignore(f"{name}.num_batches_tracked")
        return BatchNorm(
            weight=take(f"{name}.weight", (width,)),
            bias=take(f"{name}.bias", (width,)),
            mean=take(f"{name}.running_mean", (width,)),
            variance=take(f"{name}.running_var", (width,)),
        )

    def conv(name: str, out_maps: int, in_maps: int, size: int) -> Conv:
        weight = take(f"{name}.weight", (out_maps, in_maps, size, size))
        return Conv(weight, take(f"{name}.bias", (out_maps,)))

    def slope(name: str) -> float:
        return float(take(f"{name}.weight", (1,))[0])

    head = (conv("head", width, 3, end), slope("head_act"))
    blocks = []
    for i in range(count):
        name = f"blocks.{i}"
        first = conv(f"{name}.conv1", width, width, 3).normalised(norm(f"{name}.norm1"))
        second = conv(f"{name}.conv2", width, width, 3).normalised(norm(f"{name}.norm2"))
        blocks.append((first, slope(f"{name}.act"), second))
    trunk = conv("trunk", width, width, 3).normalised(norm("trunk_norm"))
    stages = []
    for i, factor in enumerate(() if direct else STAGES[header.scale]):
        name = f"upscale.{i}"
        wide = conv(f"{name}.conv", width * factor**2, width, 3)
        stages.append((wide, slope(f"{name}.act"), factor))
    tail = conv("tail", 3 * header.scale**2 if direct else 3, width, end)
    take.finish()

    gain = np.float32(1.0 / (high - low))
    tail = Conv(tail.weight * gain, (tail.bias - np.float32(low)) * gain)
    skip = float(gain) if header.arguments.get("skip") == "bilinear" else 0.0
    last = stages[-1][2] if stages else header.scale
    if not direct:
        tail = through_shuffle(tail, last)
    return Layers(header.scale, head, tuple(blocks), trunk, tuple(stages), tail, last, skip)


PART = ("start", "stop")
"""The inputs of a graph that can enlarge a part of what it sees."""

Ranges = Mapping[str, tuple[float, float]]
"""The least and greatest value that each convolution reads, by the convolution's name."""


def build_graph(
    tensors: Mapping[str, NDArray[Any]],
    header: Header,
    *,
    ranges: Ranges | None = None,
    observe: bool = False,
    part: bool = False,
) -> bytes:
    """The network of a weights file as a serialised ONNX model.

    Input ``input`` (N, 3, H, W) float32 RGB in [0, 1]; output ``output``
    (N, 3, H * scale, W * scale) float32, nominally in [0, 1], not clipped. N, H and W are free.

    Args:
        tensors, header: as :func:`srgan.weights.format.load_weights` gives them.
        ranges: makes the convolutions named work in 8 bits: weights by their greatest value in
            each output map, what they read by its range.
        observe: adds, for each convolution NAME, the outputs ``NAME.low`` and ``NAME.high``: the
            range of what it read.
        part: adds the inputs ``start`` and ``stop``, (2,) int64: only these rows and columns of
            the input go through the layers after the long skip, and ``output`` is of them alone.
            Its outermost :func:`end_reach` LR pixels lack what lies beyond.

    Raises:
        ModelRefused: the tensors do not fit the header.
    """
    if header.architecture in LUMA_ARCHITECTURES:
        return build_luma_graph(tensors, header)
    layers = read_layers(tensors, header)
    graph = _Graph(ranges or {}, observe=observe)
    x = graph.activate(graph.conv("input", layers.head[0], "head"), layers.head[1])
    shallow = x
    for i, (first, slope, second) in enumerate(layers.blocks):
        y = graph.activate(graph.conv(x, first, f"block{i}a"), slope)
        x = graph.add(x, graph.conv(y, second, f"block{i}b"))
    x = graph.add(shallow, graph.conv(x, layers.trunk, "trunk"))
    lr = "input"
    if part:
        axes = graph.constant(np.array([2, 3]), "part.axes")
        x, lr = (graph.node("Slice", [whole, *PART, axes]) for whole in (x, lr))
    for i, (wide, slope, factor) in enumerate(layers.stages):
        x = graph.activate(graph.conv(x, wide, f"stage{i}"), slope)
        if i + 1 < len(layers.stages):
            x = graph.shuffle(x, factor)
    x = graph.shuffle(graph.conv(x, layers.tail, "tail"), layers.last_factor)
    if layers.skip:
        x = graph.add(x, graph.enlarge(lr, layers.scale, layers.skip))
    name = f"srresnet_x{layers.scale}"
    return graph.model(name, x, scalars=graph.observed, pairs=PART if part else ())


class _Graph(Nodes):
    """The layers of an SRResNet as nodes."""

    def __init__(self, ranges: Ranges, *, observe: bool) -> None:
        super().__init__()
        self._ranges, self._observe = ranges, observe
        self.observed: list[str] = []

    def conv(self, x: str, conv: Conv, name: str) -> str:
        if self._observe:
            for kind, end in (("ReduceMin", "low"), ("ReduceMax", "high")):
                self.observed.append(self.node(kind, [x], f"{name}.{end}", keepdims=0))
        if name in self._ranges:
            x = self._quantised(x, *self._ranges[name])
            weight = self._quantised_weight(conv.weight, f"{name}.weight")
        else:
            weight = self.constant(conv.weight, f"{name}.weight")
        bias = self.constant(conv.bias, f"{name}.bias")
        pad = conv.weight.shape[2] // 2
        return self.node("Conv", [x, weight, bias], name, pads=[pad] * 4)

    def _quantised(self, x: str, low: float, high: float) -> str:
        low, high = min(low, 0.0), max(high, 0.0)
        step = max(high - low, 1e-6) / 255.0
        name = f"{x}.{len(self._nodes)}"
        scale = self.constant(np.array(step, np.float32), f"{name}.step")
        zero = self.constant(np.array(round(-low / step), np.uint8), f"{name}.zero")
        whole = self.node("QuantizeLinear", [x, scale, zero], f"{name}.whole")
        return self.node("DequantizeLinear", [whole, scale, zero], f"{name}.dequantised")

    def _quantised_weight(self, weight: Array, name: str) -> str:
        step = np.maximum(np.abs(weight).max(axis=(1, 2, 3)), 1e-8) / np.float32(127.0)
        whole = np.rint(weight / step[:, None, None, None]).astype(np.int8)
        inputs = [
            self.constant(whole, f"{name}.whole"),
            self.constant(step, f"{name}.step"),
            self.constant(np.zeros(step.shape, np.int8), f"{name}.zero"),
        ]
        return self.node("DequantizeLinear", inputs, name, axis=0)

    def activate(self, x: str, slope: float) -> str:
        # With one slope PReLU is a leaky ReLU, which every runtime fuses into the convolution.
        return self.node("LeakyRelu", [x], alpha=slope)

    def add(self, a: str, b: str) -> str:
        return self.node("Add", [a, b])

    def enlarge(self, x: str, scale: int, gain: float) -> str:
        """``x`` enlarged bilinearly, times ``gain``.

        As sums of shifted pictures, not as a Resize: OpenVINO's bf16 mode rounds what a Resize
        gives, and with it the whole picture to half a level of 255; sums next to the output it
        leaves in float32.
        """
        padded = self.node(
            "Pad", [x, self.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "skip.pads")], mode="edge"
        )
        rows = self._phases(padded, 2, scale, gain)
        cells = [cell for row in rows for cell in self._phases(row, 3, scale, 1.0)]
        return self.node(
            "DepthToSpace",
            [self.node("Concat", cells, axis=1)],
            blocksize=scale,
            mode="DCR",
        )

    def _phases(self, padded: str, axis: int, scale: int, gain: float) -> list[str]:
        """The values at each of the ``scale`` places of a pixel along an axis padded by one."""
        shifted = []
        for start in range(3):
            ends = (start, start - 2 if start < 2 else np.iinfo(np.int64).max, axis)
            names = [
                self.constant(np.array([n]), f"skip.{axis}.{len(self._nodes)}.{k}")
                for k, n in enumerate(ends)
            ]
            shifted.append(self.node("Slice", [padded, *names]))
        phases = []
        for place in range(scale):
            position = (place + 0.5) / scale - 0.5  # in LR pixels
            before = int(np.floor(position))
            after_share = position - before
            parts = []
            for step, share in ((before, 1.0 - after_share), (before + 1, after_share)):
                if share:
                    weight = np.array([gain * share], np.float32)
                    name = self.constant(weight, f"skip.{axis}.{len(self._nodes)}.weight")
                    parts.append(self.node("Mul", [shifted[step + 1], name]))
            phases.append(parts[0] if len(parts) == 1 else self.add(*parts))
        return phases


def blend(a: Tensors, b: Tensors, amount: float) -> Tensors:
    """The tensors ``(1 - amount) * a + amount * b`` (network interpolation, Wang et al. 2018).

    Raises:
        ModelRefused: the two are not of one architecture.
    """
    if a.keys() != b.keys() or any(a[k].shape != b[k].shape for k in a):
        raise ModelRefused("only models of one architecture and size can be blended")
    return {k: np.float32(1 - amount) * a[k] + np.float32(amount) * b[k] for k in a}
