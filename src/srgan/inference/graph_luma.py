"""From the weights file of a luma network to an ONNX graph, without PyTorch.

The graph takes and gives RGB: luma goes through the network, and all three channels through
MATLAB's bicubic filter. What the network finds missing in luma is added to each channel, which
moves luma and leaves chroma alone.
"""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused
from srgan.image.resize import bicubic_cell
from srgan.inference.nodes import Nodes, Taker
from srgan.weights.format import Header

_LUMA = np.array([65.481, 128.553, 24.966], np.float32).reshape(1, 3, 1, 1) / np.float32(255.0)


def reach_luma(header: Header) -> int:
    """How many LR pixels to each side an output pixel depends on."""
    arguments = header.arguments
    if header.architecture == "espcn":
        return 4
    if header.architecture == "fsrcnn":
        return 2 + int(arguments.get("mappings", 4)) + _transposed_reach(9, header.scale)
    if header.architecture == "eeds":
        return 3 + _transposed_reach(14, header.scale, beyond=7)
    if header.architecture == "srcnn":
        radius = 4 + int(arguments.get("middle", 5)) // 2 + 2
    elif header.architecture == "scn":
        radius = 4 * _scn_dilation(header.scale) + 2
    elif header.architecture == "cscn":
        stage = 2 + 3  # as below, of an SCN at x2
        return stage + ceil(stage / 2)
    else:
        radius = 4 + int(arguments.get("recursions", 16))
    # Two pixels more, that the bicubic enlargement in front reads.
    return 2 + ceil(radius / header.scale)


def build_luma_graph(tensors: Mapping[str, NDArray[Any]], header: Header) -> bytes:
    """The network of a weights file as a serialised ONNX model.

    Input ``input`` (N, 3, H, W) float32 RGB in [0, 1]; output ``output``
    (N, 3, H * scale, W * scale) float32, not clipped. N, H and W are free.

    Raises:
        ModelRefused: the tensors do not fit the header.
    """
    graph = _LumaGraph(tensors, header)
    missing = _BUILDERS[header.architecture](graph)
    graph.take.finish()
    return graph.model(f"{header.architecture}_x{header.scale}", graph.coloured(missing))


def _srcnn(graph: "_LumaGraph") -> str:
    middle = int(graph.arguments.get("middle", 5))
    x = graph.relu(graph.conv(graph.enlarged, "patches", 1, 64, 9))
    x = graph.relu(graph.conv(x, "mapping", 64, 32, middle))
    return graph.missing(graph.conv(x, "reconstruction", 32, 1, 5))


def _espcn(graph: "_LumaGraph") -> str:
    width, scale = int(graph.arguments.get("channels", 64)), graph.scale
    x = graph.node("Tanh", [graph.conv(graph.luma, "patches", 1, width, 5)])
    x = graph.node("Tanh", [graph.conv(x, "mapping", width, width // 2, 3)])
    x = graph.conv(x, "cells", width // 2, scale**2, 3)
    return graph.missing(graph.shuffle(x, scale))


def _drcn(graph: "_LumaGraph") -> str:
    width = int(graph.arguments.get("channels", 256))
    recursions = int(graph.arguments.get("recursions", 16))
    weights = graph.take("depth_weights", (recursions,))
    x = graph.relu(graph.conv(graph.enlarged, "embed1", 1, width, 3))
    x = graph.relu(graph.conv(x, "embed2", width, width, 3))
    found = []
    for weight in weights:
        x = graph.relu(graph.conv(x, "recursion", width, width, 3))
        y = graph.relu(graph.conv(x, "reconstruct1", width, width, 3))
        y = graph.conv(y, "reconstruct2", width, 1, 3)
        found.append(graph.node("Mul", [y, graph.constant(np.array(weight, np.float32))]))
    return graph.node("Sum", found)


def _scn(graph: "_LumaGraph") -> str:
    return _sparse(graph, graph.enlarged, "", _scn_dilation(graph.scale))


def _cscn(graph: "_LumaGraph") -> str:
    if graph.scale != 4:
        raise ModelRefused(f"a cscn of scale {graph.scale}: its two stages of x2 make x4")
    y = graph.luma
    for stage in ("stages.0.", "stages.1."):
        enlarged = graph.bicubic(y, 1, 2)
        y = graph.node("Add", [enlarged, _sparse(graph, enlarged, stage, _scn_dilation(2))])
    return graph.missing(y)


def _sparse(graph: "_LumaGraph", enlarged: str, stage: str, spread: int) -> str:
    """What an SCN, its tensors' names beginning with ``stage``, finds missing."""
    atoms, patch = int(graph.arguments.get("atoms", 128)), 5
    features = graph.conv(enlarged, f"{stage}patches", 1, 100, 9, dilation=spread, bias=False)
    power = graph.node("ReduceMean", [graph.node("Mul", [features, features])], axes=[1])
    flat = graph.constant(np.array([1e-4], np.float32))
    contrast = graph.node("Sqrt", [graph.node("Add", [power, flat])])
    x = graph.node("Div", [features, contrast])
    x = graph.conv(x, f"{stage}encode", 100, atoms, 1, bias=False)
    fed_back = graph.conv(graph.shrink(x), f"{stage}inhibit", atoms, atoms, 1, bias=False)
    code = graph.shrink(graph.node("Add", [x, fed_back]))
    patches = graph.conv(code, f"{stage}decode", atoms, patch**2, 1, bias=False)
    scaled = graph.node("Mul", [patches, contrast])
    return graph.conv(scaled, f"{stage}overlap", patch**2, 1, patch)


def _scn_dilation(scale: int) -> int:
    return max(1, scale // 2)


def _fsrcnn(graph: "_LumaGraph") -> str:
    arguments = graph.arguments
    width, shrunk = int(arguments.get("channels", 56)), int(arguments.get("shrunk", 12))
    x = graph.prelu_conv(graph.luma, "features", 1, width, 5)
    x = graph.prelu_conv(x, "shrink", width, shrunk, 1)
    for i in range(int(arguments.get("mappings", 4))):
        x = graph.prelu_conv(x, f"map.{i}", shrunk, shrunk, 3)
    x = graph.prelu_conv(x, "expand", shrunk, width, 1)
    return graph.missing(graph.transposed(x, "upscale", width, 1, 9))


def _eeds(graph: "_LumaGraph") -> str:
    width = int(graph.arguments.get("channels", 64))
    x = graph.relu(graph.conv(graph.luma, "shallow.features", 1, 4, 3))
    x = graph.relu(graph.transposed(x, "shallow.upscale", 4, 8, 14))
    shallow = graph.conv(x, "shallow.reconstruct", 8, 1, 5)
    x = graph.relu(graph.conv(graph.luma, "deep.features", 1, width, 3))
    x = _eeds_block(graph, x, "deep.block", width)
    x = graph.relu(graph.conv(x, "deep.narrow", width, 4, 1))
    x = graph.relu(graph.transposed(x, "deep.upscale", 4, 4, 14))
    x = graph.relu(graph.conv(x, "deep.widen", 4, width, 1))
    for name in ("deep.block1", "deep.block2"):
        x = _eeds_block(graph, x, name, width)
    x = graph.relu(graph.conv(x, "deep.scales.reduce", width, 16, 1))
    seen = [graph.relu(graph.conv(x, "deep.scales.point", 16, 16, 1))]
    for i, side in enumerate((3, 5, 7)):
        row = graph.relu(graph.conv(x, f"deep.scales.rows.{i}", 16, 16, (1, side)))
        seen.append(graph.relu(graph.conv(row, f"deep.scales.columns.{i}", 16, 16, (side, 1))))
    x = graph.node("Concat", seen, axis=1)
    deep = graph.conv(x, "deep.scales.reconstruct", 64, 1, 1)
    return graph.missing(graph.node("Add", [shallow, deep]))


def _eeds_block(graph: "_LumaGraph", x: str, name: str, width: int) -> str:
    y = graph.relu(graph.conv(x, f"{name}.conv1", width, width, 3))
    return graph.relu(graph.node("Add", [x, graph.conv(y, f"{name}.conv2", width, width, 3)]))


def _transposed_reach(size: int, scale: int, *, beyond: int = 0) -> int:
    """How many LR pixels to each side a cell depends on through a transposed convolution.

    ``beyond``: how many HR pixels to each side the layers after it read.
    """
    before = (size - scale + 1) // 2
    return (scale - 1 + beyond + before) // scale


class _LumaGraph(Nodes):
    """The layers of a luma network as nodes.

    Luma and its bicubic enlargement stand ready as ``luma`` and ``enlarged``.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]], header: Header) -> None:
        super().__init__()
        self.take = Taker(tensors)
        self._names: dict[str, str] = {}
        self.arguments, self.scale = header.arguments, header.scale
        offset = self.constant(np.array([16.0 / 255.0], np.float32))
        self.luma = self.node("Conv", ["input", self.constant(_LUMA), offset])
        self.enlarged = self.bicubic(self.luma, 1, self.scale)

    def conv(
        self,
        x: str,
        name: str,
        channels_in: int,
        channels_out: int,
        size: int | tuple[int, int],
        *,
        dilation: int = 1,
        bias: bool = True,
    ) -> str:
        """A convolution of the file, the edge repeated; a shared one is stored once."""
        height, width = (size, size) if isinstance(size, int) else size
        shapes: dict[str, tuple[int, ...]] = {
            f"{name}.weight": (channels_out, channels_in, height, width)
        }
        if bias:
            shapes[f"{name}.bias"] = (channels_out,)
        for tensor, shape in shapes.items():
            if tensor not in self._names:
                self._names[tensor] = self.constant(self.take(tensor, shape))
        padded = self._pad(x, height // 2 * dilation, width // 2 * dilation)
        inputs = [padded, *(self._names[tensor] for tensor in shapes)]
        return self.node("Conv", inputs, dilations=[dilation] * 2)

    def prelu_conv(self, x: str, name: str, channels_in: int, channels_out: int, size: int) -> str:
        """A convolution and its PReLU with a slope for each map."""
        y = self.conv(x, f"{name}.conv", channels_in, channels_out, size)
        slopes = self.take(f"{name}.act.weight", (channels_out,)).reshape(-1, 1, 1)
        return self.node("PRelu", [y, self.constant(slopes)])

    def transposed(self, x: str, name: str, channels_in: int, channels_out: int, size: int) -> str:
        """A transposed convolution of the file, the edge repeated."""
        reach, before = _transposed_reach(size, self.scale), (size - self.scale + 1) // 2
        cut = reach * self.scale + before
        cut_after = cut - (size - self.scale) % 2
        weight = self.take(f"{name}.weight", (channels_in, channels_out, size, size))
        bias = self.take(f"{name}.bias", (channels_out,))
        return self.node(
            "ConvTranspose",
            [self._pad(x, reach, reach), self.constant(weight), self.constant(bias)],
            strides=[self.scale] * 2,
            pads=[cut, cut, cut_after, cut_after],
        )

    def shrink(self, x: str) -> str:
        """x brought nearer to 0 by 1, at most to 0"""
        ends = [self.constant(np.array(end, np.float32)) for end in (-1.0, 1.0)]
        return self.node("Sub", [x, self.node("Clip", [x, *ends])])

    def relu(self, x: str) -> str:
        """max(x, 0)"""
        return self.node("Relu", [x])

    def missing(self, y: str) -> str:
        """What the bicubic enlargement of luma lacks, from what the network gives."""
        return y if self.arguments.get("residual", False) else self.node("Sub", [y, self.enlarged])

    def _pad(self, x: str, rows: int, columns: int) -> str:
        if not (rows or columns):
            return x
        name = f"pads{rows}x{columns}"
        if name not in self._names:
            self._names[name] = self.constant(np.array([0, 0, rows, columns] * 2, np.int64))
        return self.node("Pad", [x, self._names[name]], mode="edge")

    def bicubic(self, x: str, channels: int, scale: int) -> str:
        """MATLAB's bicubic enlargement by a whole factor."""
        kernel = np.tile(bicubic_cell(scale).astype(np.float32), (channels, 1, 1, 1))
        cells = self.node("Conv", [self._pad(x, 2, 2), self.constant(kernel)], group=channels)
        return self.shuffle(cells, scale)

    def coloured(self, missing: str) -> str:
        """RGB of what is missing in luma: the same step in each channel of the enlarged input."""
        gain = self.constant(np.array(255.0 / 219.0, np.float32))
        return self.node(
            "Add", [self.bicubic("input", 3, self.scale), self.node("Mul", [missing, gain])]
        )


_BUILDERS: dict[str, Callable[[_LumaGraph], str]] = {
    "srcnn": _srcnn,
    "espcn": _espcn,
    "drcn": _drcn,
    "scn": _scn,
    "cscn": _cscn,
    "fsrcnn": _fsrcnn,
    "eeds": _eeds,
}
