"""From a weights file to an ncnn model, as numbers and text: no PyTorch, no converter, no ncnn.

What a model consists of is said in ncnn's docs/developer-guide, "param and model file structure"
and "operation param weight table". The programs are built without most layers; these are among
the few that realesrgan-ncnn-vulkan keeps: Convolution, Split, BinaryOp, PixelShuffle, Interp, ReLU.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelRefused, UsageError
from srgan.inference.layers import Conv, read_layers, through_shuffle
from srgan.weights.format import LUMA_ARCHITECTURES, Header

INPUT, OUTPUT = "data", "output"
"""The blobs that realesrgan-ncnn-vulkan and all that derive from it ask for by name."""

_MAGIC = 7767517
_HALF = 0x01306B47  # in front of weights in float16; 0 in front of float32
_LEAKY_RELU = 2
_ADD, _MULTIPLY = 0, 2
_BILINEAR = 2


def build_ncnn(
    tensors: Mapping[str, NDArray[Any]], header: Header, *, half: bool = True
) -> tuple[str, bytes]:
    """The network of a weights file as the texts of ncnn's ``.param`` and ``.bin`` file.

    Blob ``data`` (3, H, W) RGB in [0, 1] to blob ``output`` (3, H * scale, W * scale), nominally
    in [0, 1] and not below 0. H and W are free.

    Args:
        tensors, header: as :func:`srgan.weights.format.load_weights` gives them.
        half: weights in float16; biases stay in float32.

    Raises:
        UsageError: a network that works on luma, or that ends in a tanh.
        ModelRefused: the tensors do not fit the header, or not into float16.
    """
    if header.architecture in LUMA_ARCHITECTURES:
        raise UsageError(
            f"{header.architecture} enlarges luma alone, and ncnn's programs want RGB; export "
            "srresnet, srgan, srgan-photo, fast or one of their kind"
        )
    if header.architecture == "johnson":
        raise UsageError(
            "johnson ends in a tanh, which realesrgan-ncnn-vulkan is built without; export it as "
            "ONNX, or srresnet, srgan, srgan-photo or fast"
        )
    layers = read_layers(tensors, header)
    model = _Model(half=half)
    x, lr = INPUT, INPUT
    if layers.skip:
        x, lr = model.split(INPUT)
    x, shallow = model.split(model.conv(x, layers.head[0], "head", slope=layers.head[1]))
    for i, (first, slope, second) in enumerate(layers.blocks):
        y, x = model.split(x)
        y = model.conv(y, first, f"block{i}a", slope=slope)
        x = model.add(x, model.conv(y, second, f"block{i}b"))
    assert layers.trunk is not None
    x = model.add(shallow, model.conv(x, layers.trunk, "trunk"))
    for i, (wide, slope, factor) in enumerate(layers.stages):
        x = model.conv(x, wide, f"stage{i}", slope=slope)
        if i + 1 < len(layers.stages):
            x = model.shuffle(x, factor)
    tail, stride, factor = layers.tail, 1, layers.last_factor
    if len(layers.stages) == 2:
        stride, factor = layers.stages[0][2], layers.scale
        tail = _strided(tail, stride, layers.last_factor)
    x = model.shuffle(model.conv(x, tail, "tail", stride=stride), factor)
    if layers.skip:
        x = model.add(x, model.enlarge(lr, layers.scale, layers.skip))
    # The programs turn a float below 0 into an unsigned number before they clip it, which on some
    # devices makes black white.
    model.positive(x, OUTPUT)
    return model.param(), model.weights()


def _strided(tail: Conv, first: int, last: int) -> Conv:
    """The tail of a network of two stages as a convolution that goes from stage to LR size.

    At the size between the stages ncnn takes gigabytes for its 5x5 kernel, and leaves most of a
    vector unit idle for want of output maps.

    Args:
        tail: works between the stages, and its result is shuffled by ``last``.
        first: factor of the stage before it.
        last: factor of the stage behind it.

    Returns:
        A convolution with stride ``first``; its result is shuffled by ``first * last`` at once.
    """
    folded = through_shuffle(tail, first)
    maps, gathered, cells, _ = folded.weight.shape
    # What it reads are maps of (map, row and column within ``first``) at LR size: a kernel of
    # ``first`` times the side reads the same where they are not gathered.
    weight = folded.weight.reshape(maps, gathered // first**2, first, first, cells, cells)
    side = cells * first
    weight = weight.transpose(0, 1, 4, 2, 5, 3).reshape(maps, -1, side, side)
    # Its maps are (colour, row and column within ``last``, row and column within ``first``); one
    # shuffle wants the row within both, then the column within both.
    order = np.arange(maps).reshape(-1, last, last, first, first)
    order = order.transpose(0, 3, 1, 4, 2).reshape(-1)
    return Conv(weight[order], folded.bias[order])


class _Model:
    """Layers in the order in which they are asked for; a blob has the name of its layer."""

    def __init__(self, *, half: bool) -> None:
        self._half = half
        self._lines = [f"Input {INPUT} 0 1 {INPUT}"]
        self._blobs = 1
        self._data = bytearray()

    def conv(
        self, x: str, conv: Conv, name: str, *, slope: float | None = None, stride: int = 1
    ) -> str:
        """A convolution, followed by a leaky ReLU if there is a slope."""
        maps, _, size, _ = conv.weight.shape
        pad = (size - stride + 1) // 2
        parameters = {0: maps, 1: size, 3: stride, 4: pad, 5: 1, 6: conv.weight.size}
        activation = ""
        if slope is not None:
            parameters[9] = _LEAKY_RELU
            activation = f" -23310=1,{_number(slope)}"
        flag, kind = (_HALF, "<f2") if self._half else (0, "<f4")
        if self._half and np.abs(conv.weight).max() > np.finfo(np.float16).max:
            raise ModelRefused(f"the weights of {name} are too large for float16; use --fp32")
        weight = conv.weight.astype(kind).tobytes()
        self._data += np.array(flag, "<u4").tobytes() + weight + b"\0" * (-len(weight) % 4)
        self._data += conv.bias.astype("<f4").tobytes()
        return self._layer("Convolution", [x], name, _written(parameters) + activation)

    def split(self, x: str) -> tuple[str, str]:
        """Two blobs of one: each blob of ncnn's is read once."""
        name = f"split{len(self._lines)}"
        self._lines.append(f"Split {name} 1 2 {x} {name}a {name}b")
        self._blobs += 2
        return f"{name}a", f"{name}b"

    def add(self, a: str, b: str) -> str:
        """The sum of two blobs."""
        return self._layer("BinaryOp", [a, b], "", _written({0: _ADD}))

    def shuffle(self, x: str, factor: int) -> str:
        """A pixel shuffle, as PyTorch's."""
        return self._layer("PixelShuffle", [x], "", _written({0: factor}))

    def positive(self, x: str, name: str) -> str:
        """max(x, 0)"""
        return self._layer("ReLU", [x], name, "")

    def enlarge(self, x: str, scale: int, gain: float) -> str:
        """``x`` enlarged bilinearly, times ``gain``."""
        size = f"0={_BILINEAR} 1={_number(scale)} 2={_number(scale)}"
        x = self._layer("Interp", [x], "", size)
        if gain != 1.0:
            x = self._layer("BinaryOp", [x], "", f"0={_MULTIPLY} 1=1 2={_number(gain)}")
        return x

    def param(self) -> str:
        """The text of the ``.param`` file."""
        count = f"{len(self._lines)} {self._blobs}"
        return "\n".join([str(_MAGIC), count, *self._lines, ""])

    def weights(self) -> bytes:
        """The content of the ``.bin`` file."""
        return bytes(self._data)

    def _layer(self, kind: str, inputs: list[str], name: str, parameters: str) -> str:
        name = name or f"{kind.lower()}{len(self._lines)}"
        blobs = " ".join([*inputs, name])
        self._lines.append(f"{kind} {name} {len(inputs)} 1 {blobs} {parameters}".rstrip())
        self._blobs += 1
        return name


def _written(parameters: Mapping[int, int]) -> str:
    return " ".join(f"{key}={value}" for key, value in parameters.items())


def _number(value: float) -> str:
    # Without a point or an exponent ncnn takes it for a whole number.
    return f"{value:.8e}"
