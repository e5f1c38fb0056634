"""From a weights file to an ONNX graph, without PyTorch.

The graph computes what :class:`srgan.networks.srresnet.SRResNet` or
:class:`srgan.networks.johnson.Johnson` computes, faster: :mod:`srgan.inference.layers` says how.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused
from srgan.inference.graph_luma import build_luma_graph, reach_luma
from srgan.inference.layers import BLOCKS, STAGES, Conv, read_layers
from srgan.inference.nodes import Array, Nodes
from srgan.weights.format import LUMA_ARCHITECTURES, Header, Tensors


def reach(header: Header) -> int:
    """How many LR pixels to each side an output pixel depends on.

    39.5, rounded up, for the paper's network: 4 of the head, 2 a block, 1 of the trunk, then
    less and less.
    """
    if header.architecture in LUMA_ARCHITECTURES:
        return reach_luma(header)
    blocks = int(header.arguments.get("blocks", BLOCKS[header.architecture]))
    head = 1 if header.arguments.get("direct") else 4
    trunk = 1 if header.architecture == "srresnet" else 0
    return int(np.ceil(head + 2 * blocks + trunk + _end_radius(header)))


def end_reach(header: Header) -> int | None:
    """How many LR pixels to each side the layers after the blocks and the long skip read.

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
            the input go through the layers after the blocks and the long skip, and ``output`` is
            of them alone.
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
    if layers.trunk is not None:
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
    if layers.bounds is not None:
        x = graph.bounded(x, *layers.bounds)
    name = f"{header.architecture}_x{layers.scale}"
    return graph.model(name, x, scalars=graph.observed, pairs=PART if part else ())


class _Graph(Nodes):
    """The layers of a generator as nodes."""

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
        size = conv.weight.shape[2]
        pads = [(size - 1) // 2] * 2 + [size // 2] * 2
        return self.node("Conv", [x, weight, bias], name, pads=pads)

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
        if not slope:
            return self.node("Relu", [x])
        # With one slope PReLU is a leaky ReLU, which every runtime fuses into the convolution.
        return self.node("LeakyRelu", [x], alpha=slope)

    def add(self, a: str, b: str) -> str:
        return self.node("Add", [a, b])

    def bounded(self, x: str, gain: float, offset: float) -> str:
        """tanh(x) * gain + offset"""
        ends = [
            self.constant(np.array([n], np.float32), f"bounds.{kind}")
            for kind, n in (("gain", gain), ("offset", offset))
        ]
        return self.add(self.node("Mul", [self.node("Tanh", [x]), ends[0]]), ends[1])

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
